package main_test

import (
	"net/netip"
	"os"
	"testing"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/conformance"
	"siegel/plugins/sdk/localdns"
)

var binary string

func TestMain(m *testing.M) { os.Exit(conformance.BuildHosting(m, "1blu", &binary)) }

func target() sdk.Target {
	return sdk.Target{
		Name: "praxis.siegel.example", URL: "https://praxis.siegel.example",
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")},
	}
}

// world is the DNS in which somebody sets records by hand.
func world(t *testing.T) (*localdns.Server, map[string]any) {
	t.Helper()
	s := localdns.New("praxis.example", "other.example")
	s.Change(nil, []sdk.Record{{Type: sdk.A, Name: "www.praxis.example", Value: "198.51.100.1", TTL: 300}})
	address, stop, err := s.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s, map[string]any{"resolver": address}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	s, settings := world(t)
	conformance.Hosting(t, conformance.OpenHosting(t, binary), conformance.HostingProvider{
		Settings: settings, Target: target(),
		Hosts: [3]string{"termine.praxis.example", "praxis.example", "buchen.other.example"},
		Leads: func(host string) bool { return s.Leads(host, target()) }, Everything: s.Everything,
		Settle: func(asked []sdk.WantedRecord, remove []sdk.Record) {
			var add []sdk.Record
			for _, r := range asked {
				add = append(add, r.Record)
			}
			s.Change(remove, add)
		},
	})
}

// It never says ready before DNS says so, and sees what stands in the way.
func TestWhatStandsInTheWayIsNamed(t *testing.T) {
	t.Parallel()
	s, settings := world(t)
	client := conformance.OpenHosting(t, binary)
	conformance.ConfigureHosting(t, client, settings)
	status, err := client.EnsureHost(t.Context(), "www.praxis.example", target(), false)
	if err != nil || status.State != sdk.HostPending || status.Steps[0].Detail == "" {
		t.Errorf("ensure = %+v, %v; want pending", status, err)
	}
	s.Change(s.Records("www.praxis.example"), []sdk.Record{{Type: sdk.CNAME, Name: "www.praxis.example", Value: "praxis.siegel.example", TTL: 300}})
	if status, err = client.EnsureHost(t.Context(), "www.praxis.example", target(), false); err != nil || status.State != sdk.HostReady {
		t.Errorf("ensure = %+v, %v; want ready", status, err)
	}
}

// Whoever has set addresses instead of the alias is done as well.
func TestAddressesDoItToo(t *testing.T) {
	t.Parallel()
	s, settings := world(t)
	client := conformance.OpenHosting(t, binary)
	conformance.ConfigureHosting(t, client, settings)
	s.Change(nil, []sdk.Record{{Type: sdk.A, Name: "termine.praxis.example", Value: "192.0.2.7", TTL: 300}})
	if status, err := client.EnsureHost(t.Context(), "termine.praxis.example", target(), false); err != nil || status.State != sdk.HostReady {
		t.Errorf("ensure = %+v, %v; want ready", status, err)
	}
}

func TestSilentDNSIsTemporary(t *testing.T) {
	t.Parallel()
	client := conformance.OpenHosting(t, binary)
	conformance.ConfigureHosting(t, client, map[string]any{"resolver": "127.0.0.1:1"})
	_, err := client.HostStatus(t.Context(), "termine.praxis.example", target())
	conformance.WantError(t, err, sdk.Temporary)
	for _, bad := range []string{"dns.example", "127.0.0.1:0", "224.0.0.1", "0.0.0.0", "127.0.0.1:99999"} {
		conformance.WantError(t, client.Configure(t.Context(), sdk.Settings(`{"resolver":"`+bad+`"}`)), sdk.BadSettings)
	}
}
