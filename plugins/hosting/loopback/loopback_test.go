package main_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"testing"

	"github.com/miekg/dns"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/conformance"
	"siegel/plugins/sdk/localdns"
)

var binary string

func TestMain(m *testing.M) { os.Exit(conformance.BuildHosting(m, "loopback", &binary)) }

func target() sdk.Target {
	return sdk.Target{
		Name: "praxis.siegel.example", URL: "https://praxis.siegel.example",
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")},
	}
}

func server(t *testing.T) (*localdns.Server, string) {
	t.Helper()
	s := localdns.New("praxis.example", "other.example")
	s.Change(nil, []sdk.Record{
		{Type: sdk.A, Name: "www.praxis.example", Value: "198.51.100.1", TTL: 300},
		{Type: "MX", Name: "mail.praxis.example", Value: "10 mx.example.", TTL: 300},
	})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, web.URL
}

func TestConformance(t *testing.T) {
	t.Parallel()
	s, url := server(t)
	conformance.Hosting(t, conformance.OpenHosting(t, binary), conformance.HostingProvider{
		Settings: map[string]any{"url": url}, Target: target(),
		Hosts: [3]string{"termine.praxis.example", "praxis.example", "buchen.other.example"},
		Taken: "www.praxis.example", Foreign: "termine.stranger.example", Zone: "praxis.example",
		Leads:  func(host string) bool { return s.Leads(host, target()) },
		Values: s.Values, Everything: s.Everything,
	})
}

// A practice's mail goes on: where it has records of its own, no alias may
// stand, and addresses do it too.
func TestMailBesideTheHostStays(t *testing.T) {
	t.Parallel()
	s, url := server(t)
	client := conformance.OpenHosting(t, binary)
	conformance.ConfigureHosting(t, client, map[string]any{"url": url})
	conformance.EnsureUntilReady(t, client, "mail.praxis.example", target(), nil)
	records := s.Records("mail.praxis.example")
	if len(records) != 3 || records[0].Type != "MX" {
		t.Errorf("records = %+v, want the MX and two addresses", records)
	}
}

func TestConfigureTakesLoopbackAddressesOnly(t *testing.T) {
	t.Parallel()
	client := conformance.OpenHosting(t, binary)
	for url, ok := range map[string]bool{
		"http://127.0.0.1:8054": true, "http://[::1]:8054": true, "http://localhost:8054": true,
		"http://192.0.2.1:8054": false, "https://127.0.0.1": false, "http://example.org": false, "": false,
	} {
		err := client.Configure(t.Context(), sdk.Settings(`{"url":"`+url+`"}`))
		if kind, _ := sdk.KindOf(err); (err == nil) != ok || (!ok && kind != sdk.BadSettings) {
			t.Errorf("Configure(%q) = %v, want ok %v", url, err, ok)
		}
	}
}

func TestAnswersSayWhoseFaultTheyAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   sdk.Kind
	}{
		"Busy": {503, "", sdk.Temporary}, "Denied": {403, "", sdk.Auth}, "Garbage": {200, "\xff{", sdk.Unknown}, "Moved": {302, "", sdk.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, url := server(t)
			client := conformance.OpenHosting(t, binary)
			conformance.ConfigureHosting(t, client, map[string]any{"url": url})
			s.Instead(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			_, err := client.HostStatus(t.Context(), "termine.praxis.example", target())
			conformance.WantError(t, err, c.want)
		})
	}
}

// What the plugin sets is what resolvers get.
func TestTheDNSServerAnswersWithWhatWasSet(t *testing.T) {
	t.Parallel()
	s, url := server(t)
	address, stop, err := s.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	client := conformance.OpenHosting(t, binary)
	conformance.ConfigureHosting(t, client, map[string]any{"url": url})
	conformance.EnsureUntilReady(t, client, "termine.praxis.example", target(), nil)
	for _, network := range []string{"udp", "tcp"} {
		q := new(dns.Msg)
		q.SetQuestion("Termine.praxis.example.", dns.TypeA)
		a, _, err := (&dns.Client{Net: network}).ExchangeContext(t.Context(), q, address)
		if err != nil || len(a.Answer) != 1 || a.Answer[0].(*dns.CNAME).Target != "praxis.siegel.example." {
			t.Errorf("%s: answer = %v, %v", network, a, err)
		}
		q.SetQuestion("nothing.praxis.example.", dns.TypeA)
		if a, _, err = (&dns.Client{Net: network}).ExchangeContext(t.Context(), q, address); err != nil || a.Rcode != dns.RcodeNameError {
			t.Errorf("%s: answer = %v, %v; want NXDOMAIN", network, a, err)
		}
	}
}
