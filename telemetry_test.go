package main

import (
	"encoding/json"
	"go/ast"
	"go/token"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"siegel/platform/config"
	"siegel/platform/telemetry"
)

// metricName is how our metrics are called where Prometheus asks.
var metricName = regexp.MustCompile(`\bsiegel_[a-z_]+`)

func TestMetrics_HaveWhatDashboardsAndAlertsAskFor(t *testing.T) {
	t.Parallel()
	w := open(t, func(c *config.Config) { c.MetricsListen = "127.0.0.1:0" })
	if a := w.ask(t, w.owner, "GET", "/api/v1/practice", nil); a.status != 200 {
		t.Fatal(a)
	}
	w.ask(t, "", "GET", "/"+w.Tenant.ID.String(), nil)
	if _, ended := w.house.telemetry.Part("plugin")(t.Context()); ended != nil {
		ended("loopback", telemetry.Done)
	}
	if _, ended := w.house.telemetry.Part("job")(t.Context()); ended != nil {
		ended("confirm_mail", telemetry.Done)
	}
	res, err := http.Get("http://" + w.house.telemetry.Addr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res.Status, err)
	}
	said := string(content)
	for _, line := range []string{
		`siegel_http_seconds_count{outcome="200",what="getPractice"}`, `siegel_http_seconds_count{outcome="404",what="none"}`,
		`siegel_postgres_seconds_count{outcome="ok",what="batch"}`, `siegel_redis_seconds_count{`, "siegel_outbox_late_seconds 0", "go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(said, line) {
			t.Errorf("%s is missing", line)
		}
	}
	for _, secret := range []string{w.Tenant.ID.UUID(), w.Tenant.Slug, "praxis", "example.org"} {
		if strings.Contains(said, secret) {
			t.Errorf("metrics say %q", secret)
		}
	}
	for _, file := range []string{"charts/observability/alerts.yaml", "charts/observability/dashboard.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := metricName.FindAllString(string(text), -1)
		if len(names) < 5 {
			t.Errorf("%s asks for %d metrics", file, len(names))
		}
		for _, name := range names {
			if !strings.Contains(said, "\n"+name+"{") && !strings.Contains(said, "\n"+name+" ") {
				t.Errorf("%s asks for %s, which nobody measures", file, name)
			}
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(text) {
			t.Errorf("%s is no JSON", file)
		}
	}
	if a := w.ask(t, w.owner, "GET", "/metrics", nil); a.status != 404 {
		t.Errorf("the public listener answers %d for metrics", a.status)
	}
}

func TestMetrics_AreServedOnPrivateAddressesOnly(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.7:0", "localhost:0", "8.8.8.8:9464"} {
		if on, err := telemetry.Start(t.Context(), telemetry.Config{Listen: listen}); err == nil || on != nil {
			t.Errorf("served on %s", listen)
		}
	}
	off, err := telemetry.Start(t.Context(), telemetry.Config{})
	if err != nil || off != nil || off.Part("http") != nil || telemetry.Statements(off.Part("postgres")) != nil || telemetry.Commands(off.Part("redis")) != nil {
		t.Errorf("something is measured that nobody asked for: %v", err)
	}
}

func TestLog_WithholdsWhatIsOnNoList(t *testing.T) {
	t.Parallel()
	for _, inJSON := range []bool{false, true} {
		var b strings.Builder
		log := slog.New(telemetry.Log(&b, inJSON))
		log.Warn("said", "tenant", "ten_1", "name", "Zwieselmeyer")
		log.With("address", "Zwieselmeyer").WithGroup("tenant").Info("said", "tenant", netip.MustParseAddr("192.0.2.1"))
		if said := b.String(); !strings.Contains(said, "ten_1") || strings.Contains(said, "Zwieselmeyer") || strings.Contains(said, "192.0.2.1") {
			t.Errorf("%s", said)
		}
	}
}

// What the code logs under is looked up where it stands, so that a new field is
// decided on by whoever adds it.
func TestLog_FieldsAreOnTheList(t *testing.T) {
	t.Parallel()
	levels := map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2, "With": 0}
	found := 0
	for _, s := range sources(t) {
		if strings.HasSuffix(s.name, "_test.go") || within(s.dir, "plugins") || within(s.dir, "web/bench") || within(s.dir, "web/e2e") || within(s.dir, "web/chaos") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !isLogger(f.X) {
				return true
			}
			skip, ok := levels[f.Sel.Name]
			if !ok || len(call.Args) <= skip {
				return true
			}
			for i := skip; i < len(call.Args); i += 2 {
				key, ok := call.Args[i].(*ast.BasicLit)
				if !ok || key.Kind != token.STRING {
					continue // made elsewhere: the handler withholds what is not listed
				}
				name, err := strconv.Unquote(key.Value)
				if found++; err == nil && !slices.Contains(telemetry.Fields, name) {
					t.Errorf("%s logs %q, which telemetry.Fields does not have", path.Join(s.dir, path.Base(s.name)), name)
				}
			}
			return true
		})
	}
	if found < 50 {
		t.Errorf("found only %d fields", found)
	}
}

// isLogger recognises slog itself and what is called a logger.
func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "slog" || strings.HasSuffix(strings.ToLower(x.Name), "log") || strings.HasSuffix(x.Name, "logger")
	case *ast.SelectorExpr:
		return x.Sel.Name == "Logger" || x.Sel.Name == "log" || x.Sel.Name == "logger"
	}
	return false
}
