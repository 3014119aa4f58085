package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"

	"siegel/plugins/hosting/mittwald/fake"
	"siegel/plugins/sdk"
	"siegel/plugins/sdk/conformance"
)

var binary string

func TestMain(m *testing.M) { os.Exit(conformance.BuildHosting(m, "mittwald", &binary)) }

const token = "hunter2-hunter2"

func target() sdk.Target {
	return sdk.Target{
		Name: "praxis.siegel.example", URL: "https://praxis.siegel.example",
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")},
	}
}

func provider(t *testing.T) (*fake.Mittwald, map[string]any) {
	t.Helper()
	f := fake.New(token, "praxis.example")
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, map[string]any{"token": token, "project_id": fake.Project, "base_url": server.URL + "/v2"}
}

func setup(t *testing.T) (*fake.Mittwald, *sdk.HostingClient) {
	t.Helper()
	f, settings := provider(t)
	client := conformance.OpenHosting(t, binary)
	conformance.ConfigureHosting(t, client, settings)
	return f, client
}

func TestConformance(t *testing.T) {
	t.Parallel()
	f, settings := provider(t)
	f.Lag = 1
	f.Occupy("www.praxis.example")
	f.Owned("termine.stranger.example")
	conformance.Hosting(t, conformance.OpenHosting(t, binary), conformance.HostingProvider{
		Settings: settings, Target: target(),
		Hosts: [3]string{"termine.praxis.example", "praxis.example", "buchen.elsewhere.example"},
		Zone:  "praxis.example",
		Leads: func(host string) bool { return f.Leads(host, target().URL) }, Values: f.Values, Everything: f.Everything,
		Settle: func(asked []sdk.WantedRecord, _ []sdk.Record) {
			for _, r := range asked {
				f.Elsewhere(r.Name, r.Type, r.Value, true)
			}
			f.Settle()
		},
	})
}

// A name that Mittwald passes on to a website is not taken over unasked.
func TestSomebodyElsesProxyStays(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	f.Occupy("www.praxis.example")
	before := f.Everything()
	_, err := client.EnsureHost(t.Context(), "www.praxis.example", target(), false)
	conformance.WantError(t, err, sdk.Conflict)
	if _, err := client.RemoveHost(t.Context(), "www.praxis.example", target()); err != nil {
		t.Error(err)
	}
	if after := f.Everything(); after != before {
		t.Errorf("changed:\n%s", after)
	}
	if s, err := client.EnsureHost(t.Context(), "www.praxis.example", target(), true); err != nil || s.State != sdk.HostReady || !f.Leads("www.praxis.example", target().URL) {
		t.Errorf("ensure with leave = %+v, %v", s, err)
	}
}

func TestNameOfAnotherCustomer(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	f.Owned("termine.stranger.example")
	_, err := client.EnsureHost(t.Context(), "termine.stranger.example", target(), false)
	conformance.WantError(t, err, sdk.InvalidHost)
}

// Where DNS is elsewhere, the plugin asks for the records, one by one, and
// sees them come.
func TestRecordsElsewhereAreAskedFor(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	const host = "termine.elsewhere.example"
	s, err := client.EnsureHost(t.Context(), host, target(), false)
	if err != nil || s.State != sdk.HostPending || len(s.Records) != 3 {
		t.Fatalf("ensure = %+v, %v; want a TXT and two addresses asked for", s, err)
	}
	for _, r := range s.Records {
		if r.Present || r.Name != host {
			t.Errorf("asked for %+v", r)
		}
		f.Elsewhere(r.Name, r.Type, r.Value, true)
	}
	for range 3 {
		if s, err = client.EnsureHost(t.Context(), host, target(), false); err != nil {
			t.Fatal(err)
		}
		f.Settle()
	}
	if s, err = client.HostStatus(t.Context(), host, target()); err != nil || s.State != sdk.HostReady || len(s.Records) != 0 {
		t.Errorf("status = %+v, %v; want ready", s, err)
	}
	left, err := client.RemoveHost(t.Context(), host, target())
	if err != nil || len(left) != 2 {
		t.Errorf("remove = %+v, %v; want the two address records to remove by hand", left, err)
	}
}

// A certificate that did not come in time is asked for again, by Ensure and
// not by looking.
func TestACertificateThatIsLate(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	const host = "termine.praxis.example"
	conformance.EnsureUntilReady(t, client, host, target(), func([]sdk.WantedRecord, []sdk.Record) { f.Settle() })
	f.Exceed(host)
	s, err := client.HostStatus(t.Context(), host, target())
	if err != nil || s.State != sdk.HostFailed {
		t.Errorf("status = %+v, %v; want failed", s, err)
	}
	conformance.EnsureUntilReady(t, client, host, target(), func([]sdk.WantedRecord, []sdk.Record) { f.Settle() })
}

// The certificate is asked for only once the name is proven: a try that must
// fail uses up the authority's patience.
func TestNoCertificateBeforeOwnership(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	for range 3 {
		if _, err := client.EnsureHost(t.Context(), "termine.elsewhere.example", target(), false); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range f.Requests() {
		if strings.HasSuffix(r, "/tls") {
			t.Errorf("%s: before the name was proven", r)
		}
	}
}

func TestMailAndOtherTextsOfAZoneStay(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	conformance.EnsureUntilReady(t, client, "praxis.example", target(), func([]sdk.WantedRecord, []sdk.Record) { f.Settle() })
	if !strings.Contains(f.Everything(), "zone praxis.example mx {\"records\"") {
		t.Errorf("the MX is gone: %s", f.Everything())
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	client := conformance.OpenHosting(t, binary)
	for _, settings := range []string{
		`{}`, `{"token":"hunter2-hunter2"}`, `{"token":"hunter2-hunter2","project_id":"../x"}`,
		`{"token":"hunter2\n-hunter2","project_id":"` + fake.Project + `"}`,
		`{"token":"hunter2-hunter2","project_id":"` + fake.Project + `","base_url":"http://api.mittwald.de/v2"}`,
	} {
		conformance.WantError(t, client.Configure(t.Context(), sdk.Settings(settings)), sdk.BadSettings, "hunter2")
	}
}

func TestAnswersSayWhoseFaultTheyAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   sdk.Kind
	}{
		"WrongToken":  {401, `{"type":"Unauthorized","message":"hunter2"}`, sdk.Auth},
		"Forbidden":   {403, `{"type":"PermissionDenied"}`, sdk.Auth},
		"Gone":        {404, `{"type":"NotFound"}`, sdk.Temporary},
		"TooFast":     {429, ``, sdk.RateLimited},
		"Invalid":     {400, `{"type":"ValidationError","message":"hunter2"}`, sdk.InvalidHost},
		"BadRequest":  {400, `{}`, sdk.Unknown},
		"Broken":      {500, `{"type":"InternalServerError","message":"hunter2"}`, sdk.Temporary},
		"Garbage":     {200, "\x00{", sdk.Unknown},
		"AnObject":    {200, `{}`, sdk.Unknown},
		"ForgedID":    {200, `[{"id":"../../users","hostname":"termine.praxis.example"}]`, sdk.Unknown},
		"Huge":        {200, `["` + strings.Repeat("x", 1<<20) + `"]`, sdk.Unknown},
		"Redirect":    {307, ``, sdk.Unknown},
		"OddTypeName": {400, `{"type":"\u001b[2J"}`, sdk.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, client := setup(t)
			f.Instead(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			_, err := client.EnsureHost(t.Context(), "termine.praxis.example", target(), false)
			conformance.WantError(t, err, c.want, "hunter2", "\x1b")
		})
	}
}
