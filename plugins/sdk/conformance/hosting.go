package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"siegel/plugins/sdk"
)

// HostingProvider is the fake that the hosting plugin under test talks to.
type HostingProvider struct {
	// Settings make the plugin talk to the fake.
	Settings map[string]any
	// Target is where host names are led.
	Target sdk.Target
	// Hosts are three names that the fake's account has and that lead nowhere.
	Hosts [3]string
	// Taken is one that leads elsewhere; empty where the provider cannot tell.
	Taken string
	// Foreign is one that the account does not have; empty where the provider
	// cannot tell.
	Foreign string
	// Zone is one in which challenges may be published. Only for a plugin with
	// [sdk.Challenges].
	Zone string
	// Leads says whether a name leads to Target in the fake.
	Leads func(host string) bool
	// Values are the TXT values under a name in the fake.
	Values func(name string) []string
	// Everything writes down all that the fake keeps, in some stable order.
	Everything func() string
	// Settle lets what takes time at the provider happen: a minute passes, or
	// a person sets and removes the records that the plugin has asked for. May
	// be nil.
	Settle func(asked []sdk.WantedRecord, toRemove []sdk.Record)
}

// BuildHosting is [Build] for a hosting plugin.
func BuildHosting(m *testing.M, name string, binary *string) int {
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	*binary = filepath.Join(dir, "siegel-plugin-hosting-"+name)
	if out, err := exec.Command("go", "build", "-o", *binary, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build: %v\n%s", err, out))
	}
	return m.Run()
}

// OpenHosting is [Open] for a hosting plugin.
func OpenHosting(t *testing.T, binary string, env ...string) *sdk.HostingClient {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = env
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: sdk.HostingVersions(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Cmd:              cmd,
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     patience,
		Stderr:           os.Stderr,
		SyncStderr:       os.Stderr,
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
	})
	t.Cleanup(client.Kill)
	protocol, err := client.Client()
	if err != nil {
		t.Fatalf("start %s: %v", binary, err)
	}
	hosting, err := sdk.DispenseHosting(protocol)
	if err != nil {
		t.Fatalf("start %s: %v", binary, err)
	}
	return hosting
}

// ConfigureHosting brings settings into force.
func ConfigureHosting(t *testing.T, client *sdk.HostingClient, settings map[string]any) {
	t.Helper()
	if err := client.Configure(t.Context(), encode(t, settings)); err != nil {
		t.Fatalf("configure: %v", err)
	}
}

// EnsureUntilReady calls EnsureHost until the host name is ready.
func EnsureUntilReady(t *testing.T, client *sdk.HostingClient, host string, to sdk.Target, settle func([]sdk.WantedRecord, []sdk.Record)) sdk.HostStatus {
	t.Helper()
	var s sdk.HostStatus
	for range 10 {
		var err error
		if s, err = client.EnsureHost(within(t, patience), host, to, false); err != nil {
			t.Fatalf("ensure %s: %v", host, err)
		}
		switch {
		case s.State == sdk.HostReady:
			return s
		case s.State == sdk.HostPending && settle != nil:
			settle(s.Records, nil)
		default:
			t.Fatalf("ensure %s: state %q, %+v", host, s.State, s.Steps)
		}
	}
	t.Fatalf("%s is not ready after ten rounds: %+v", host, s)
	return s
}

// Hosting runs the suite against a plugin that has just started and has no
// settings yet. The parts build on each other and run in order.
func Hosting(t *testing.T, client *sdk.HostingClient, p HostingProvider) {
	s := &hostingSuite{client: client, provider: p}
	for _, part := range []struct {
		rule string
		run  func(*testing.T)
	}{
		{"DescribesItselfWithoutSettings", s.describe},
		{"DoesNothingWithoutSettings", s.unconfigured},
		{"RefusesSettingsOutsideItsSchema", s.badSettings},
		{"TakesItsSettingsAgainAndAgain", s.configure},
		{"KeepsItsSettingsWhenItRefusesOthers", s.keepsSettings},
		{"PlansAndChangesNothing", s.plan},
		{"LeadsAHostToItsTarget", s.ensure},
		{"RepeatsItselfWithoutHarm", s.again},
		{"RefusesNamesThatNobodyCanHave", s.malformed},
		{"RefusesNamesOfOthers", s.foreign},
		{"AsksBeforeItReplaces", s.conflict},
		{"TakesBackOnlyWhatItHasMade", s.remove},
		{"EndsWithTheDeadline", s.deadline},
		{"WorksOnManyAtOnce", s.many},
		{"PublishesChallengesSideBySide", s.challenges},
	} {
		t.Run(part.rule, part.run)
	}
}

type hostingSuite struct {
	client      *sdk.HostingClient
	provider    HostingProvider
	description sdk.Description
}

func (s *hostingSuite) describe(t *testing.T) {
	ctx := within(t, patience)
	d, err := s.client.Describe(ctx) // the client has checked the rest
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	s.description = d
	wantClosedSchema(t, d.Schema, s.provider.Settings)
	again, err := s.client.Describe(ctx)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(d) {
		t.Errorf("describe answered differently the second time: %v, %v", again, err)
	}
}

// wantClosedSchema wants a schema that knows the settings, and secrets marked.
func wantClosedSchema(t *testing.T, encoded []byte, settings map[string]any) {
	t.Helper()
	var schema struct {
		Properties map[string]struct {
			WriteOnly bool `json:"writeOnly"`
		} `json:"properties"`
		AdditionalProperties *bool `json:"additionalProperties"`
	}
	if err := json.Unmarshal(encoded, &schema); err != nil {
		t.Fatalf("schema: %v", err)
	}
	if schema.AdditionalProperties == nil || *schema.AdditionalProperties {
		t.Error(`the schema does not close itself with "additionalProperties": false`)
	}
	for name := range settings {
		if _, ok := schema.Properties[name]; !ok {
			t.Errorf("the schema does not know the setting %q", name)
		}
	}
	for name, property := range schema.Properties {
		for _, word := range []string{"secret", "password", "token", "api_key"} {
			if strings.Contains(name, word) && !property.WriteOnly {
				t.Errorf(`the setting %q looks like a secret and is not "writeOnly"`, name)
			}
		}
	}
}

func (s *hostingSuite) unconfigured(t *testing.T) {
	ctx := within(t, patience)
	before := s.provider.Everything()
	host, to := s.provider.Hosts[0], s.provider.Target
	_, err := s.client.PlanHost(ctx, host, to)
	wantKind(t, err, sdk.BadSettings)
	_, err = s.client.EnsureHost(ctx, host, to, true)
	wantKind(t, err, sdk.BadSettings)
	_, err = s.client.HostStatus(ctx, host, to)
	wantKind(t, err, sdk.BadSettings)
	_, err = s.client.RemoveHost(ctx, host, to)
	wantKind(t, err, sdk.BadSettings)
	if s.description.Has(sdk.Challenges) {
		wantKind(t, s.client.AddChallenge(ctx, s.challenge("a")), sdk.BadSettings)
	}
	s.wantUnchanged(t, before)
}

func (s *hostingSuite) badSettings(t *testing.T) {
	ctx := within(t, patience)
	more := map[string]any{"conformance_unknown_key": true}
	for k, v := range s.provider.Settings {
		more[k] = v
	}
	for name, settings := range map[string][]byte{
		"nothing":     nil,
		"not JSON":    []byte(`{"`),
		"an array":    []byte(`[]`),
		"trailing":    append(encode(t, s.provider.Settings), `{}`...),
		"unknown key": encode(t, more),
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, s.client.Configure(ctx, settings), sdk.BadSettings) })
	}
}

func (s *hostingSuite) configure(t *testing.T) {
	for range 2 {
		if err := s.client.Configure(within(t, patience), encode(t, s.provider.Settings)); err != nil {
			t.Fatalf("configure: %v", err)
		}
	}
}

func (s *hostingSuite) keepsSettings(t *testing.T) {
	ctx := within(t, patience)
	wantKind(t, s.client.Configure(ctx, []byte(`[]`)), sdk.BadSettings)
	if _, err := s.client.HostStatus(ctx, s.provider.Hosts[0], s.provider.Target); err != nil {
		t.Errorf("host status: %v", err)
	}
}

func (s *hostingSuite) plan(t *testing.T) {
	ctx := within(t, patience)
	before := s.provider.Everything()
	plan, err := s.client.PlanHost(ctx, s.provider.Hosts[0], s.provider.Target)
	if err != nil || len(plan) == 0 {
		t.Errorf("plan = %+v, %v; want something to do", plan, err)
	}
	status, err := s.client.HostStatus(ctx, s.provider.Hosts[0], s.provider.Target)
	if err != nil || status.State == sdk.HostReady {
		t.Errorf("status before anything was done = %+v, %v", status, err)
	}
	s.wantUnchanged(t, before)
}

func (s *hostingSuite) ensure(t *testing.T) {
	host := s.provider.Hosts[0]
	EnsureUntilReady(t, s.client, host, s.provider.Target, s.provider.Settle)
	if !s.provider.Leads(host) {
		t.Errorf("the plugin says that %s is ready, and it does not lead to the target: %s", host, s.provider.Everything())
	}
	status, err := s.client.HostStatus(within(t, patience), host, s.provider.Target)
	if err != nil || status.State != sdk.HostReady {
		t.Errorf("status = %+v, %v; want ready", status, err)
	}
	for _, step := range status.Steps {
		if step.State != sdk.HostReady {
			t.Errorf("the host is ready and its part %q is %q", step.Part, step.State)
		}
	}
}

func (s *hostingSuite) again(t *testing.T) {
	ctx := within(t, patience)
	before := s.provider.Everything()
	host := s.provider.Hosts[0]
	for range 2 {
		if status, err := s.client.EnsureHost(ctx, host, s.provider.Target, false); err != nil || status.State != sdk.HostReady {
			t.Errorf("ensure again = %+v, %v; want ready", status, err)
		}
	}
	if plan, err := s.client.PlanHost(ctx, host, s.provider.Target); err != nil || len(plan) != 0 {
		t.Errorf("plan for what is done = %+v, %v; want nothing", plan, err)
	}
	s.wantUnchanged(t, before)
}

func (s *hostingSuite) malformed(t *testing.T) {
	ctx := within(t, patience)
	before := s.provider.Everything()
	for _, host := range []string{"", "nolabel", "Upper.example", "dot.example.", "-a.example", "192.0.2.1", "a..b", "a b.example", "*.example.org", strings.Repeat("a", 64) + ".example"} {
		_, err := s.client.EnsureHost(ctx, host, s.provider.Target, true)
		wantKind(t, err, sdk.InvalidHost)
	}
	target := s.provider.Target
	target.URL = "file:///etc/passwd"
	_, err := s.client.EnsureHost(ctx, s.provider.Hosts[1], target, true)
	wantKind(t, err, sdk.InvalidHost)
	s.wantUnchanged(t, before)
}

func (s *hostingSuite) foreign(t *testing.T) {
	if s.provider.Foreign == "" {
		return
	}
	ctx := within(t, patience)
	before := s.provider.Everything()
	_, err := s.client.EnsureHost(ctx, s.provider.Foreign, s.provider.Target, true)
	wantKind(t, err, sdk.InvalidHost)
	_, err = s.client.PlanHost(ctx, s.provider.Foreign, s.provider.Target)
	wantKind(t, err, sdk.InvalidHost)
	s.wantUnchanged(t, before)
}

func (s *hostingSuite) conflict(t *testing.T) {
	if s.provider.Taken == "" {
		return
	}
	ctx := within(t, patience)
	before := s.provider.Everything()
	_, err := s.client.EnsureHost(ctx, s.provider.Taken, s.provider.Target, false)
	wantKind(t, err, sdk.Conflict)
	if _, err := s.client.RemoveHost(ctx, s.provider.Taken, s.provider.Target); err != nil {
		t.Errorf("remove a host that was never ours: %v", err)
	}
	s.wantUnchanged(t, before)
	plan, err := s.client.PlanHost(ctx, s.provider.Taken, s.provider.Target)
	if err != nil || len(plan) < 2 || plan[0].Action != sdk.RemoveRecord {
		t.Errorf("plan = %+v, %v; want the removal first", plan, err)
	}
	if _, err := s.client.EnsureHost(ctx, s.provider.Taken, s.provider.Target, true); err != nil {
		t.Errorf("ensure with leave to replace: %v", err)
	}
	EnsureUntilReady(t, s.client, s.provider.Taken, s.provider.Target, s.provider.Settle)
	if !s.provider.Leads(s.provider.Taken) {
		t.Errorf("%s does not lead to the target: %s", s.provider.Taken, s.provider.Everything())
	}
}

func (s *hostingSuite) remove(t *testing.T) {
	EnsureUntilReady(t, s.client, s.provider.Hosts[1], s.provider.Target, s.provider.Settle)
	for _, when := range []string{"first", "again"} {
		left, err := s.client.RemoveHost(within(t, patience), s.provider.Hosts[0], s.provider.Target)
		if err != nil {
			t.Fatalf("%s: remove: %v", when, err)
		}
		if len(left) > 0 && !s.description.Has(sdk.Manual) && !s.description.Has(sdk.Proxy) {
			t.Errorf("%s: the plugin sets records and leaves %+v to somebody else", when, left)
		}
		if s.provider.Settle != nil {
			s.provider.Settle(nil, left)
		}
	}
	if s.provider.Leads(s.provider.Hosts[0]) {
		t.Errorf("%s still leads to the target", s.provider.Hosts[0])
	}
	if !s.provider.Leads(s.provider.Hosts[1]) {
		t.Errorf("%s went with %s", s.provider.Hosts[1], s.provider.Hosts[0])
	}
	status, err := s.client.HostStatus(within(t, patience), s.provider.Hosts[0], s.provider.Target)
	if err != nil || status.State == sdk.HostReady {
		t.Errorf("status after the removal = %+v, %v", status, err)
	}
}

func (s *hostingSuite) deadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	if _, err := s.client.EnsureHost(ctx, s.provider.Hosts[2], s.provider.Target, false); err == nil {
		t.Error("ensure succeeded though its deadline had passed")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("ensure came back %v after its deadline", took)
	}
}

func (s *hostingSuite) many(t *testing.T) {
	ctx := within(t, 3*patience)
	const n = 8
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { _, errs[i] = s.client.EnsureHost(ctx, s.provider.Hosts[2], s.provider.Target, false) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("ensure: %v", err)
	}
	EnsureUntilReady(t, s.client, s.provider.Hosts[2], s.provider.Target, s.provider.Settle)
}

func (s *hostingSuite) challenge(letter string) sdk.Challenge {
	return sdk.Challenge{Name: "_acme-challenge." + s.provider.Zone, Value: strings.Repeat(letter, 43)}
}

func (s *hostingSuite) challenges(t *testing.T) {
	ctx := within(t, 3*patience)
	if !s.description.Has(sdk.Challenges) {
		c := sdk.Challenge{Name: "_acme-challenge.example.org", Value: strings.Repeat("a", 43)}
		if err := s.client.AddChallenge(ctx, c); !errors.Is(err, sdk.ErrUnsupported) {
			t.Errorf("add challenge without the capability: %v, want ErrUnsupported", err)
		}
		return
	}
	before := s.provider.Everything()
	a, b := s.challenge("a"), s.challenge("b")
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, c := range []sdk.Challenge{a, b, a} { // a name and its wildcard are proven at the same time
		wg.Go(func() { errs[i] = s.client.AddChallenge(ctx, c) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("add challenge: %v", err)
	}
	s.wantValues(t, a.Name, a.Value, b.Value)
	for range 2 {
		if err := s.client.RemoveChallenge(ctx, a); err != nil {
			t.Errorf("remove challenge: %v", err)
		}
		s.wantValues(t, a.Name, b.Value)
	}
	if err := s.client.RemoveChallenge(ctx, b); err != nil {
		t.Errorf("remove challenge: %v", err)
	}
	s.wantUnchanged(t, before)
	ours := sdk.Challenge{Name: "_siegel-challenge." + s.provider.Zone, Value: "siegel-" + strings.Repeat("c", 27)}
	if err := s.client.AddChallenge(ctx, ours); err != nil {
		t.Errorf("add challenge: %v", err)
	}
	s.wantValues(t, ours.Name, ours.Value)
	if err := s.client.RemoveChallenge(ctx, ours); err != nil {
		t.Errorf("remove challenge: %v", err)
	}
	s.wantUnchanged(t, before)
	for _, bad := range []sdk.Challenge{
		{Name: s.provider.Zone, Value: a.Value}, {Name: a.Name, Value: "v=spf1 +all"}, {Name: "_dmarc." + s.provider.Zone, Value: a.Value},
	} {
		wantKind(t, s.client.AddChallenge(ctx, bad), sdk.InvalidHost)
	}
	s.wantUnchanged(t, before)
}

func (s *hostingSuite) wantValues(t *testing.T, name string, want ...string) {
	t.Helper()
	got := s.provider.Values(name)
	if len(got) != len(want) {
		t.Errorf("the values of %s are %q, want %q", name, got, want)
		return
	}
	for _, w := range want {
		if !strings.Contains(strings.Join(got, "\n"), w) {
			t.Errorf("the values of %s are %q, want %q", name, got, want)
		}
	}
}

func (s *hostingSuite) wantUnchanged(t *testing.T, before string) {
	t.Helper()
	if after := s.provider.Everything(); after != before {
		t.Errorf("something has changed at the provider:\n%s\nbefore:\n%s", after, before)
	}
}
