// Package kube checks what runs on Kubernetes. It is a module of its own, since
// the engine of Helm and the types of Kubernetes are many.
package kube

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

const folder = "../../../charts/siegel"

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func values(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	v := map[string]any{}
	if err := yaml.UnmarshalStrict(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func examples(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(folder + "/examples/*.yaml")
	if err != nil || len(found) < 3 {
		t.Fatalf("%v, %v", found, err)
	}
	return found
}

// object is one of the rendered manifests, decoded into the type that it says
// it is of.
type object struct {
	kind, name string
	runtime.Object
}

func render(t *testing.T, c *chart.Chart, vals map[string]any) []object {
	t.Helper()
	if err := chartutil.ValidateAgainstSchema(c, mustMerge(t, c, vals)); err != nil {
		t.Fatal(err)
	}
	with, err := chartutil.ToRenderValues(c, vals, chartutil.ReleaseOptions{Name: "siegel", Namespace: "termine", Revision: 1, IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Engine{Strict: true}.Render(c, with)
	if err != nil {
		t.Fatal(err)
	}
	var all []object
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".txt") || strings.HasSuffix(name, ".tpl") {
			continue
		}
		for _, text := range strings.Split("\n"+files[name], "\n---") {
			if strings.TrimSpace(text) != "" {
				all = append(all, decode(t, name, []byte(text)))
			}
		}
	}
	return all
}

func mustMerge(t *testing.T, c *chart.Chart, vals map[string]any) map[string]any {
	t.Helper()
	merged, err := chartutil.CoalesceValues(c, vals)
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

// decode refuses every field that the kind does not have.
func decode(t *testing.T, file string, text []byte) object {
	t.Helper()
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string
		Metadata   struct{ Name string }
	}
	if err := yaml.Unmarshal(text, &head); err != nil {
		t.Fatalf("%s: %v\n%s", file, err, text)
	}
	kinds := map[string]func() runtime.Object{
		"apps/v1 Deployment":                     func() runtime.Object { return &appsv1.Deployment{} },
		"autoscaling/v2 HorizontalPodAutoscaler": func() runtime.Object { return &autoscalingv2.HorizontalPodAutoscaler{} },
		"policy/v1 PodDisruptionBudget":          func() runtime.Object { return &policyv1.PodDisruptionBudget{} },
		"networking.k8s.io/v1 NetworkPolicy":     func() runtime.Object { return &networkingv1.NetworkPolicy{} },
		"networking.k8s.io/v1 Ingress":           func() runtime.Object { return &networkingv1.Ingress{} },
		"batch/v1 Job":                           func() runtime.Object { return &batchv1.Job{} },
		"batch/v1 CronJob":                       func() runtime.Object { return &batchv1.CronJob{} },
		"v1 Service":                             func() runtime.Object { return &corev1.Service{} },
		"v1 ServiceAccount":                      func() runtime.Object { return &corev1.ServiceAccount{} },
		"v1 ConfigMap":                           func() runtime.Object { return &corev1.ConfigMap{} },
		"v1 Pod":                                 func() runtime.Object { return &corev1.Pod{} },
	}
	create, known := kinds[head.APIVersion+" "+head.Kind]
	if !known {
		t.Fatalf("%s: nobody here knows %s %s", file, head.APIVersion, head.Kind)
	}
	o := create()
	if err := yaml.UnmarshalStrict(text, o); err != nil {
		t.Errorf("%s: %v\n%s", file, err, text)
	}
	return object{head.Kind, head.Metadata.Name, o}
}

// pods are the templates of everything that runs.
func (o object) pod() (*corev1.PodSpec, map[string]string) {
	switch x := o.Object.(type) {
	case *appsv1.Deployment:
		return &x.Spec.Template.Spec, x.Spec.Template.Labels
	case *batchv1.Job:
		return &x.Spec.Template.Spec, x.Spec.Template.Labels
	case *batchv1.CronJob:
		return &x.Spec.JobTemplate.Spec.Template.Spec, x.Spec.JobTemplate.Spec.Template.Labels
	case *corev1.Pod:
		return &x.Spec, x.Labels
	}
	return nil, nil
}

func TestEveryExampleIsOfTheKindsItSays(t *testing.T) {
	t.Parallel()
	for _, name := range examples(t) {
		kinds := map[string]int{}
		for _, o := range render(t, load(t), values(t, name)) {
			kinds[o.kind]++
		}
		for _, kind := range []string{"Deployment", "Service", "NetworkPolicy", "Ingress", "Job", "ServiceAccount", "Pod"} {
			if kinds[kind] == 0 {
				t.Errorf("%s has no %s", name, kind)
			}
		}
		if strings.Contains(name, "ha.yaml") && (kinds["HorizontalPodAutoscaler"] != 1 || kinds["PodDisruptionBudget"] != 1 || kinds["CronJob"] != 2) {
			t.Errorf("%s: %v", name, kinds)
		}
	}
}

func TestEveryPodIsRestricted(t *testing.T) {
	t.Parallel()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, name := range examples(t) {
		for _, o := range render(t, load(t), values(t, name)) {
			spec, _ := o.pod()
			if spec == nil {
				continue
			}
			if result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &metav1.ObjectMeta{}, spec)); !result.Allowed {
				t.Errorf("%s: %s %s: %s %s", name, o.kind, o.name, result.ForbiddenReason(), result.ForbiddenDetail())
			}
			if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
				t.Errorf("%s: %s %s has a token of its service account", name, o.kind, o.name)
			}
			for _, c := range append(spec.InitContainers, spec.Containers...) {
				if c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
					t.Errorf("%s: %s %s writes to its root", name, o.kind, o.name)
				}
				if c.Resources.Requests.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero() {
					t.Errorf("%s: %s %s asks for no resources", name, o.kind, o.name)
				}
				for _, e := range c.Env {
					if e.Value != "" && ((strings.Contains(e.Name, "SECRET") || strings.Contains(e.Name, "_URL") && e.Name != "SIEGEL_BASE_URL" && e.Name != "SIEGEL_TRACES_URL") && !strings.HasSuffix(e.Name, "_FILE")) {
						t.Errorf("%s: %s %s has %s in the clear", name, o.kind, o.name, e.Name)
					}
				}
			}
		}
	}
}

// Whatever is not said to be allowed is refused, in both directions, and every
// pod is one of those that a policy allows something.
func TestNothingIsReachableThatNobodyAllowed(t *testing.T) {
	t.Parallel()
	for _, name := range examples(t) {
		objects := render(t, load(t), values(t, name))
		denied := false
		var allowed []map[string]string
		for _, o := range objects {
			p, ok := o.Object.(*networkingv1.NetworkPolicy)
			if !ok {
				continue
			}
			if len(p.Spec.PodSelector.MatchLabels) == 0 {
				t.Errorf("%s: %s is for every pod of the namespace", name, o.name)
			}
			if len(p.Spec.Ingress)+len(p.Spec.Egress) == 0 && len(p.Spec.PolicyTypes) == 2 {
				denied = true
				continue
			}
			allowed = append(allowed, p.Spec.PodSelector.MatchLabels)
			for _, in := range p.Spec.Ingress {
				if len(in.Ports) == 0 || len(in.From) == 0 {
					t.Errorf("%s: %s lets everybody in", name, o.name)
				}
			}
			for _, out := range p.Spec.Egress {
				if len(out.Ports) == 0 {
					t.Errorf("%s: %s lets everything out", name, o.name)
				}
			}
		}
		if !denied {
			t.Errorf("%s: nothing denies by default", name)
		}
		for _, o := range objects {
			spec, labels := o.pod()
			if spec == nil {
				continue
			}
			if !slices.ContainsFunc(allowed, func(selector map[string]string) bool { return matches(labels, selector) }) {
				t.Errorf("%s: %s %s reaches nothing", name, o.kind, o.name)
			}
		}
	}
}

func matches(labels, selector map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// An update lets the new ones come before the old ones go, and those have the
// time that the server takes to finish.
func TestARollingUpdateFailsNoBooking(t *testing.T) {
	t.Parallel()
	for _, name := range examples(t) {
		for _, o := range render(t, load(t), values(t, name)) {
			d, ok := o.Object.(*appsv1.Deployment)
			if !ok {
				continue
			}
			r := d.Spec.Strategy.RollingUpdate
			if r == nil || r.MaxUnavailable.String() != "0" || r.MaxSurge.String() == "0" {
				t.Errorf("%s: %+v", name, d.Spec.Strategy)
			}
			spec := d.Spec.Template.Spec
			if spec.TerminationGracePeriodSeconds == nil || *spec.TerminationGracePeriodSeconds < 30 {
				t.Errorf("%s: the old one is killed before it is done", name)
			}
			server := spec.Containers[0]
			if server.ReadinessProbe.HTTPGet.Path != "/readyz" || server.LivenessProbe.HTTPGet.Path != "/healthz" || server.Lifecycle.PreStop == nil {
				t.Errorf("%s: %+v", name, server)
			}
		}
	}
}

func TestValuesThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	c := load(t)
	for what, text := range map[string]string{
		"NoBase":          `base: ""`,
		"BaseInTheClear":  `base: http://termine.example.org`,
		"Typo":            `replica: 3`,
		"NoSecret":        `existingSecret: ""`,
		"ManyWithoutPDB":  `replicas: 0`,
		"MetricsInPublic": `metrics: {port: 80}`,
	} {
		wrong := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &wrong); err != nil {
			t.Fatal(err)
		}
		vals := values(t, folder+"/examples/small.yaml")
		maps.Copy(vals, wrong)
		if err := chartutil.ValidateAgainstSchema(c, mustMerge(t, c, vals)); err == nil {
			t.Errorf("%s passes", what)
		}
	}
	if bytes.Contains(c.Schema, []byte(`"additionalProperties": true`)) {
		t.Error("the schema lets typos through")
	}
}
