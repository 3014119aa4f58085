package main_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"testing"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/conformance"
	"siegel/plugins/sdk/localdns"
)

var binary string

func TestMain(m *testing.M) { os.Exit(conformance.BuildHosting(m, "rfc2136", &binary)) }

const (
	secret  = "aHVudGVyMi1odW50ZXIyLWh1bnRlcjI="
	another = "aHVudGVyMy1odW50ZXIzLWh1bnRlcjM="
)

func target() sdk.Target {
	return sdk.Target{
		Name: "praxis.siegel.example", URL: "https://praxis.siegel.example",
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")},
	}
}

func primary(t *testing.T) (*localdns.Server, map[string]any) {
	t.Helper()
	s := localdns.New("praxis.example", "closed.example")
	s.Allow("siegel", secret)
	s.Change(nil, []sdk.Record{{Type: sdk.A, Name: "www.praxis.example", Value: "198.51.100.1", TTL: 300}})
	address, stop, err := s.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return s, map[string]any{"server": address, "zones": []string{"praxis.example"}, "key": "siegel", "secret": secret}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	s, settings := primary(t)
	conformance.Hosting(t, conformance.OpenHosting(t, binary), conformance.HostingProvider{
		Settings: settings, Target: target(),
		Hosts: [3]string{"termine.praxis.example", "praxis.example", "buchen.praxis.example"},
		Taken: "www.praxis.example", Foreign: "termine.closed.example", Zone: "praxis.example",
		Leads: func(host string) bool { return s.Leads(host, target()) }, Values: s.Values, Everything: s.Everything,
	})
}

func TestAWrongKeyChangesNothing(t *testing.T) {
	t.Parallel()
	s, settings := primary(t)
	before := s.Everything()
	client := conformance.OpenHosting(t, binary)
	settings["secret"] = another
	conformance.ConfigureHosting(t, client, settings)
	_, err := client.EnsureHost(t.Context(), "termine.praxis.example", target(), false)
	conformance.WantError(t, err, sdk.Auth, secret, another)
	if after := s.Everything(); after != before {
		t.Errorf("changed:\n%s", after)
	}
}

func TestASilentServerIsTemporary(t *testing.T) {
	t.Parallel()
	_, settings := primary(t)
	client := conformance.OpenHosting(t, binary)
	settings["server"] = "127.0.0.1:1"
	conformance.ConfigureHosting(t, client, settings)
	_, err := client.HostStatus(t.Context(), "termine.praxis.example", target())
	conformance.WantError(t, err, sdk.Temporary)
}

func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	client := conformance.OpenHosting(t, binary)
	for name, change := range map[string]func(map[string]any){
		"NoServer":     func(s map[string]any) { delete(s, "server") },
		"ServerByName": func(s map[string]any) { s["server"] = "dns.example" },
		"NoZones":      func(s map[string]any) { s["zones"] = []string{} },
		"OddZone":      func(s map[string]any) { s["zones"] = []string{"Example."} },
		"ShortSecret":  func(s map[string]any) { s["secret"] = "aHVudGVyMg==" },
		"MD5":          func(s map[string]any) { s["algorithm"] = "hmac-md5" },
	} {
		_, settings := primary(t)
		change(settings)
		encoded, _ := json.Marshal(settings)
		t.Log(name)
		conformance.WantError(t, client.Configure(t.Context(), encoded), sdk.BadSettings, "hunter2", secret)
	}
}
