package main_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"siegel/plugins/hosting/ionos/fake"
	"siegel/plugins/sdk"
	"siegel/plugins/sdk/conformance"
)

var binary string

func TestMain(m *testing.M) { os.Exit(conformance.BuildHosting(m, "ionos", &binary)) }

const key = "0123456789abcdef.hunter2-hunter2"

func target() sdk.Target {
	return sdk.Target{
		Name: "praxis.siegel.example", URL: "https://praxis.siegel.example",
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")},
	}
}

func provider(t *testing.T) (*fake.IONOS, map[string]any) {
	t.Helper()
	f := fake.New(key, "praxis.example", "sub.praxis.example")
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, map[string]any{"api_key": key, "base_url": server.URL + "/dns/v1"}
}

func setup(t *testing.T) (*fake.IONOS, *sdk.HostingClient) {
	t.Helper()
	f, settings := provider(t)
	client := conformance.OpenHosting(t, binary)
	conformance.ConfigureHosting(t, client, settings)
	return f, client
}

func leads(f *fake.IONOS, host string) bool {
	var got []string
	for _, r := range f.Records(host) {
		if r.Type == "A" || r.Type == "AAAA" || r.Type == "CNAME" {
			got = append(got, r.Content)
		}
	}
	all := strings.Join(got, " ")
	return all == "praxis.siegel.example" || all == "192.0.2.7 2001:db8::7"
}

func TestConformance(t *testing.T) {
	t.Parallel()
	f, settings := provider(t)
	conformance.Hosting(t, conformance.OpenHosting(t, binary), conformance.HostingProvider{
		Settings: settings, Target: target(),
		Hosts: [3]string{"termine.praxis.example", "praxis.example", "a.sub.praxis.example"},
		Taken: "www.praxis.example", Foreign: "termine.stranger.example", Zone: "praxis.example",
		Leads: func(host string) bool { return leads(f, host) },
		Values: func(name string) []string {
			var out []string
			for _, r := range f.Records(name) {
				out = append(out, r.Content)
			}
			return out
		},
		Everything: f.Everything,
	})
	for _, r := range f.Requests() {
		if strings.HasPrefix(r, "PATCH") || strings.HasPrefix(r, "PUT") {
			t.Errorf("%s: replaces what is not ours", r)
		}
	}
}

// The mail, its SPF record and the name servers of a practice stay as they are
// when its domain itself is led to us.
func TestTheTopOfAZoneKeepsItsMail(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	conformance.EnsureUntilReady(t, client, "praxis.example", target(), nil)
	kinds := map[string]int{}
	for _, r := range f.Records("praxis.example") {
		kinds[r.Type]++
	}
	if kinds["NS"] != 1 || kinds["MX"] != 1 || kinds["TXT"] != 1 || kinds["A"] != 1 || kinds["AAAA"] != 1 || kinds["CNAME"] != 0 {
		t.Errorf("records by type = %v", kinds)
	}
	if _, err := client.RemoveHost(t.Context(), "praxis.example", target()); err != nil {
		t.Fatal(err)
	}
	if n := len(f.Records("praxis.example")); n != 3 {
		t.Errorf("%d records are left, want the three from before", n)
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	client := conformance.OpenHosting(t, binary)
	for _, settings := range []string{
		`{}`, `{"api_key":"no-dot-in-it"}`, `{"api_key":"a.b c"}`, `{"api_key":1}`,
		`{"api_key":"` + key + `","base_url":"http://api.hosting.ionos.com"}`,
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
		"WrongKey":     {401, `[{"code":"UNAUTHORIZED","message":"termine.praxis.example"}]`, sdk.Auth},
		"Forbidden":    {403, ``, sdk.Auth},
		"TooFast":      {429, `[]`, sdk.RateLimited},
		"Broken":       {500, `[{"code":"INTERNAL_SERVER_ERROR","message":"x"}]`, sdk.Temporary},
		"Away":         {502, `<html>`, sdk.Temporary},
		"Invalid":      {400, `[{"code":"INVALID_RECORD","message":"x"}]`, sdk.InvalidHost},
		"Garbage":      {200, "\x00{", sdk.Unknown},
		"NoZones":      {200, `[]`, sdk.InvalidHost},
		"ForgedID":     {200, `[{"id":"../../domains","name":"praxis.example"}]`, sdk.Unknown},
		"Redirect":     {302, ``, sdk.Unknown},
		"Huge":         {200, `[{"id":"` + strings.Repeat("x", 1<<20) + `"}]`, sdk.Unknown},
		"OddCode":      {400, `[{"code":"\u001b[2J","message":"x"}]`, sdk.Unknown},
		"NotEvenAList": {400, `{"code":"UNAUTHORIZED"}`, sdk.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, client := setup(t)
			f.Instead(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			_, err := client.EnsureHost(t.Context(), "termine.praxis.example", target(), false)
			got := conformance.WantError(t, err, c.want, "hunter2", "\x1b")
			if c.want == sdk.RateLimited && got.RetryAfter != 7*time.Second {
				t.Errorf("try again after %v, want 7s", got.RetryAfter)
			}
		})
	}
}

func TestHangingProviderIsTheProvidersFault(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	f.Instead(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := client.HostStatus(ctx, "termine.praxis.example", target())
	conformance.WantError(t, err, sdk.Temporary)
}
