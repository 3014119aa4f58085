package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"siegel/platform/config"
	"siegel/platform/id"
)

const hidden = "fedcba9876543210fedcba9876543210"

func twilio() object {
	return object{"kind": "sms", "plugin": "twilio", "name": "Twilio", "price_micros": 75_000, "currency": "EUR", "enabled": true,
		"low_micros": 5_000_000, "settings": object{"account_sid": "AC0123456789abcdef0123456789abcdef", "auth_token": hidden, "sender": "Praxis"}}
}

func (w *town) loopback(name string) object {
	return object{"kind": "sms", "plugin": "loopback", "name": name, "price_micros": 61_000, "currency": "EUR", "enabled": true,
		"settings": object{"url": w.mailbox}}
}

type carrying struct {
	ID       id.Provider
	Name     string
	Position int
	Sends    bool
	Settings object
	Secrets  []string
	Price    int64 `json:"price_micros"`
	Approval struct{ State, Emergency string }
	Health   struct{ State string }
	Balance  *struct {
		Micros    *int64
		LowMicros int64 `json:"low_micros"`
		Low       bool
	}
}

type carryings struct {
	Scope     string
	Tenants   int
	Providers []carrying
	Inherited []string
	Plugins   []struct{ Name, Problem string }
}

func (c carryings) names() (names []string) {
	for _, p := range c.Providers {
		names = append(names, p.Name)
	}
	return names
}

// The whole life of a provider by the portal's interface.
func TestPlatformSetsUpOrdersTestsAndSwapsProviders(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	var second carrying
	w.want(t, 201, w.platform, "POST", "/api/v1/providers", w.loopback("Zweiter"), &second)
	if second.Price != 61_000 || second.Settings["url"] != w.mailbox || second.Approval.State != "approved" {
		t.Errorf("made %+v", second) // of the same company as the environment's: approved with it
	}
	a := w.want(t, 201, w.platform, "POST", "/api/v1/providers", twilio(), nil)
	if strings.Contains(a.body, hidden) {
		t.Error("a secret came back")
	}
	var all carryings
	a = w.want(t, 200, w.platform, "GET", "/api/v1/providers", nil, &all)
	if strings.Contains(a.body, hidden) || !slices.Equal(all.names(), []string{"loopback", "Zweiter", "Twilio"}) || all.Scope != "platform" || all.Tenants != 2 {
		t.Errorf("listed %v of %q with %d tenants; or a secret", all.names(), all.Scope, all.Tenants)
	}
	third := all.Providers[2]
	if third.Approval.State != "announced" || !slices.Equal(third.Secrets, []string{"auth_token"}) || third.Balance == nil || third.Balance.LowMicros != 5_000_000 || third.Balance.Micros != nil {
		t.Errorf("announced: %+v", third)
	}
	if !all.Providers[0].Sends || all.Providers[1].Sends {
		t.Errorf("who sends: %+v", all.Providers)
	}

	// Names, prices and settings change; a secret that is not given stays.
	changed := twilio()
	delete(changed, "kind")
	delete(changed, "plugin")
	changed["name"], changed["settings"] = "Twilio EU", object{"account_sid": "AC0123456789abcdef0123456789abcdef", "sender": "Neu"}
	var put carrying
	a = w.want(t, 200, w.platform, "PUT", "/api/v1/providers/"+third.ID.String(), changed, &put)
	if put.Name != "Twilio EU" || put.Settings["sender"] != "Neu" || !slices.Equal(put.Secrets, []string{"auth_token"}) || strings.Contains(a.body, hidden) {
		t.Errorf("changed: %s", a.body)
	}

	order := []id.Provider{all.Providers[0].ID, third.ID, second.ID}
	w.want(t, 204, w.platform, "PUT", "/api/v1/provider-order", object{"kind": "sms", "order": order}, nil)
	w.want(t, 200, w.platform, "GET", "/api/v1/providers?kind=sms", nil, &all)
	if !slices.Equal(all.names(), []string{"loopback", "Twilio EU", "Zweiter"}) {
		t.Errorf("ordered %v", all.names())
	}
	if a := w.ask(t, w.platform, "PUT", "/api/v1/provider-order", object{"kind": "sms", "order": order[:2]}); a.reason() != "changed_meanwhile" {
		t.Errorf("an order that forgets one: %+v", a)
	}

	var tried struct {
		Message    string
		Parts      int
		CostMicros int64 `json:"cost_micros"`
	}
	path := "/api/v1/providers/" + second.ID.String()
	w.want(t, 200, w.platform, "POST", path+"/test", object{"to": "+4915112345678", "text": "Ein Versuch", "dry": true}, &tried)
	if tried.Parts != 1 || tried.CostMicros != 61_000 || tried.Message != "" {
		t.Errorf("dry: %+v", tried)
	}
	w.want(t, 200, w.platform, "POST", path+"/test", object{"to": "+4915112345678", "text": "Ein Versuch", "dry": false}, &tried)
	w.mail(t, func(m message) bool { return m.Kind == "sms" && m.To == "+4915112345678" && m.Text == "Ein Versuch" })
	var delivery struct{ State, Plugin string }
	w.want(t, 200, w.platform, "GET", "/api/v1/deliveries/"+tried.Message, nil, &delivery)
	if delivery.State != "submitted" || delivery.Plugin != "loopback" {
		t.Errorf("delivery: %+v", delivery)
	}
	var counts struct {
		Counts []struct {
			State    string
			Messages int
			Cost     int64 `json:"cost_micros"`
		}
	}
	w.want(t, 200, w.platform, "GET", "/api/v1/deliveries?days=7", nil, &counts)
	if len(counts.Counts) != 1 || counts.Counts[0].Messages != 1 || counts.Counts[0].Cost != 61_000 {
		t.Errorf("counts: %+v", counts)
	}

	var swap struct {
		From, To, Reason string
		Tenants          int
	}
	w.want(t, 200, w.platform, "GET", path+"/swap", nil, &swap)
	if swap.From != "loopback" || swap.To != "Zweiter" || swap.Reason != "" || swap.Tenants != 2 {
		t.Errorf("what a swap would do: %+v", swap)
	}
	w.want(t, 200, w.platform, "POST", path+"/swap", object{}, &all)
	if all.names()[0] != "Zweiter" || !all.Providers[0].Sends || all.Providers[0].Health.State != "running" {
		t.Errorf("after the swap: %+v", all.Providers)
	}
	if a := w.ask(t, w.platform, "POST", "/api/v1/providers/"+third.ID.String()+"/swap", object{}); a.status != 409 || a.reason() != "provider_unapproved" {
		t.Errorf("a swap to one that is only announced: %+v", a)
	}
	w.want(t, 204, w.platform, "DELETE", path, nil, nil)
	if a := w.ask(t, w.platform, "DELETE", path, nil); a.status != 404 || a.reason() != "unknown_provider" {
		t.Errorf("taken away twice: %+v", a)
	}
}

// Each sees their own scopes, and of what is others' no more than of what is not.
func TestProvidersOfOthersDoNotExist(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	var platforms, nords carrying
	w.want(t, 201, w.platform, "POST", "/api/v1/providers", w.loopback("Plattform"), &platforms)
	w.want(t, 201, w.admin, "POST", "/api/v1/providers", w.loopback("Nord"), &nords)

	var all carryings
	w.want(t, 200, w.admin, "GET", "/api/v1/providers", nil, &all)
	if !slices.Equal(all.names(), []string{"Nord"}) || all.Scope != w.nord.ID.String() || all.Tenants != 1 {
		t.Errorf("a reseller sees %v of %q, %d tenants", all.names(), all.Scope, all.Tenants)
	}
	w.want(t, 200, w.agent, "GET", "/api/v1/providers", nil, &all)
	w.want(t, 200, w.other, "GET", "/api/v1/providers", nil, &all)
	if len(all.Providers) != 0 || !slices.Equal(all.Inherited, []string{"loopback", "Plattform"}) {
		t.Errorf("another one sees %v, and inherits %v", all.names(), all.Inherited)
	}
	w.want(t, 200, w.platform, "GET", "/api/v1/providers?scope="+w.nord.ID.String(), nil, &all)
	if !slices.Equal(all.names(), []string{"Nord"}) {
		t.Errorf("the platform sees %v of the reseller", all.names())
	}
	w.want(t, 200, w.admin, "GET", "/api/v1/providers?scope="+w.Tenant.ID.String(), nil, &all)
	if len(all.Providers) != 0 || !slices.Equal(all.Inherited, []string{"Nord"}) || all.Tenants != 1 {
		t.Errorf("of its tenant it sees %+v", all)
	}

	test := object{"to": "+4915112345678", "text": "x", "dry": true}
	put := w.loopback("Meins")
	delete(put, "kind")
	delete(put, "plugin")
	nobody := id.New[id.Provider]()
	// A foreign scope, and one that nobody has.
	for _, scopes := range [][2]string{
		{w.foreign.ID.String(), id.New[id.Tenant]().String()},
		{w.sued.ID.String(), id.New[id.Reseller]().String()},
		{"platform", id.New[id.Reseller]().String()},
	} {
		for _, c := range []struct {
			method, path string
			body         any
		}{
			{"GET", "/api/v1/providers?scope=", nil},
			{"POST", "/api/v1/providers?scope=", w.loopback("Meins")},
			{"PUT", "/api/v1/provider-order?scope=", object{"kind": "sms", "order": []id.Provider{}}},
			{"GET", "/api/v1/deliveries?scope=", nil},
			{"PUT", "/api/v1/providers/" + platforms.ID.String() + "?scope=", put},
			{"DELETE", "/api/v1/providers/" + platforms.ID.String() + "?scope=", nil},
			{"GET", "/api/v1/providers/" + platforms.ID.String() + "/swap?scope=", nil},
			{"POST", "/api/v1/providers/" + platforms.ID.String() + "/swap?scope=", object{}},
			{"POST", "/api/v1/providers/" + platforms.ID.String() + "/test?scope=", test},
			{"POST", "/api/v1/providers/" + platforms.ID.String() + "/emergency?scope=", object{"reason": "x"}},
		} {
			foreign, none := w.ask(t, w.admin, c.method, c.path+scopes[0], c.body), w.ask(t, w.admin, c.method, c.path+scopes[1], c.body)
			if foreign.status != 404 || foreign.reason() != "not_found" || none.status != foreign.status || none.reason() != foreign.reason() {
				t.Errorf("%s %s: %+v of %s, %+v of one that is not", c.method, c.path, foreign, scopes[0], none)
			}
		}
	}
	// In the own scope, somebody else's provider and one that is not.
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"PUT", "", put}, {"DELETE", "", nil}, {"GET", "/swap", nil}, {"POST", "/swap", object{}}, {"POST", "/test", test},
		{"POST", "/emergency", object{"reason": "x"}},
	} {
		for _, who := range []string{w.admin, w.other} {
			foreign := w.ask(t, who, c.method, "/api/v1/providers/"+platforms.ID.String()+c.path, c.body)
			none := w.ask(t, who, c.method, "/api/v1/providers/"+nobody.String()+c.path, c.body)
			if foreign.status != 404 || foreign.reason() != "unknown_provider" || none.status != 404 || none.reason() != foreign.reason() {
				t.Errorf("%s %s: %+v of the platform's, %+v of none", c.method, c.path, foreign, none)
			}
		}
	}
	// What only looks may not act, and who is signed out may nothing.
	for _, c := range [][2]string{{"POST", ""}, {"PUT", "/" + nords.ID.String()}, {"DELETE", "/" + nords.ID.String()}, {"POST", "/" + nords.ID.String() + "/swap"}} {
		if a := w.ask(t, w.agent, c[0], "/api/v1/providers"+c[1], object{}); a.status != 403 || a.reason() != "forbidden" {
			t.Errorf("an agent's %s %s: %+v", c[0], c[1], a)
		}
		if a := w.ask(t, "", c[0], "/api/v1/providers"+c[1], object{}); a.status != 401 {
			t.Errorf("nobody's %s %s: %+v", c[0], c[1], a)
		}
	}
}

func TestProvidersChangeOnlyWithAFreshProof(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	var p carrying
	w.want(t, 201, w.platform, "POST", "/api/v1/providers", w.loopback("Zweiter"), &p)
	path := "/api/v1/providers/" + p.ID.String()
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/api/v1/providers", w.loopback("Dritter")}, {"PUT", path, object{}}, {"DELETE", path, nil},
		{"POST", path + "/swap", object{}}, {"POST", path + "/emergency", object{"reason": "x"}},
	} {
		if a := w.ask(t, w.stale, c.method, c.path, c.body); a.status != 403 || a.reason() != "proof_needed" {
			t.Errorf("%s %s: %+v", c.method, c.path, a)
		}
	}
	for _, c := range [][2]string{{"GET", "/api/v1/providers"}, {"GET", path + "/swap"}, {"GET", "/api/v1/deliveries"}} {
		w.want(t, 200, w.stale, c[0], c[1], nil, nil)
	}
}

// An owner is told of a new provider, sees it, and may say no; an emergency is
// told too, and does not go over an objection.
func TestOwnersAreToldAndMayObject(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	var p carrying
	w.want(t, 201, w.platform, "POST", "/api/v1/providers", twilio(), &p)
	m := w.mail(t, func(m message) bool { return m.Kind == "mail" && m.To == "owner@example.org" })
	if !strings.Contains(m.Subject, "Neuer Anbieter angekündigt") || !strings.Contains(m.Text, "Twilio") || !strings.Contains(m.Text, "außerhalb des Europäischen Wirtschaftsraums") || !strings.Contains(m.Text, "http://praxis.office.localhost:8080/#setup/carriers") {
		t.Errorf("told: %+v", m)
	}
	type carrier struct {
		Plugin, State, Stance string
		Processor             struct {
			Company string
			EEA     bool
		}
		Sends int
	}
	var seen struct{ Carriers []carrier }
	find := func(plugin string) carrier {
		t.Helper()
		i := slices.IndexFunc(seen.Carriers, func(c carrier) bool { return c.Plugin == plugin })
		if i < 0 {
			t.Fatalf("%s is not in %+v", plugin, seen)
		}
		return seen.Carriers[i]
	}
	w.want(t, 200, w.owner, "GET", "/api/v1/carriers", nil, &seen)
	if c := find("twilio"); c.State != "announced" || c.Sends != 0 || c.Processor.EEA || !strings.Contains(c.Processor.Company, "Twilio") {
		t.Errorf("announced: %+v", c)
	}
	if c := find("loopback"); c.State != "approved" || c.Sends != 1 {
		t.Errorf("at work: %+v", c)
	}
	w.want(t, 200, w.owner, "PUT", "/api/v1/carriers/twilio/stance", object{"stance": "objected", "reason": "Sitz in den USA"}, &seen)
	if find("twilio").Stance != "objected" {
		t.Errorf("objected: %+v", seen)
	}
	var all struct {
		Providers []struct{ Approval struct{ Objections int } }
	}
	w.want(t, 200, w.platform, "GET", "/api/v1/providers", nil, &all)
	if all.Providers[1].Approval.Objections != 1 {
		t.Errorf("the platform sees %+v", all)
	}
	path := "/api/v1/providers/" + p.ID.String() + "/emergency"
	w.want(t, 200, w.platform, "POST", path, object{"reason": "Der andere ist ausgefallen"}, nil)
	m = w.mail(t, func(m message) bool {
		return m.To == "owner@example.org" && strings.Contains(m.Subject, "sofort gewechselt")
	})
	if !strings.Contains(m.Text, "Twilio") {
		t.Errorf("told: %+v", m)
	}
	w.want(t, 200, w.owner, "GET", "/api/v1/carriers", nil, &seen)
	if c := find("twilio"); c.State != "approved" || c.Stance != "objected" || c.Sends != 0 {
		t.Errorf("after the emergency: %+v", c)
	}
	if a := w.ask(t, w.platform, "POST", path, object{"reason": "Noch einmal"}); a.status != 409 || a.reason() != "notice_over" {
		t.Errorf("twice: %+v", a)
	}
	w.want(t, 200, w.owner, "PUT", "/api/v1/carriers/twilio/stance", object{"stance": "none"}, &seen)
	if find("twilio").Stance != "" {
		t.Errorf("taken back: %+v", seen)
	}
	if a := w.ask(t, w.owner, "PUT", "/api/v1/carriers/nobody/stance", object{"stance": "objected"}); a.status != 409 {
		t.Errorf("to nobody: %+v", a)
	}
}

// A plugin whose file is not the one that was built does not start, and the
// portal says so.
func TestAChangedPluginDoesNotStartAndThePortalSaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(plugins)); err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(dir, "siegel-plugin-sms-twilio")
	w := open(t, func(c *config.Config) { c.PluginDir = dir })
	f, err := os.OpenFile(changed, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("x")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "siegel-plugin-sms-stranger"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	var all carryings
	w.want(t, 200, w.platform, "GET", "/api/v1/providers", nil, &all)
	problems := map[string]string{}
	for _, p := range all.Plugins {
		problems[p.Name] = p.Problem
	}
	if problems["twilio"] != "plugin_unverified" || problems["stranger"] != "plugin_unverified" || problems["loopback"] != "" {
		t.Errorf("the portal says %v", problems)
	}
	if a := w.ask(t, w.platform, "POST", "/api/v1/providers", twilio()); a.status < 400 || a.status == 500 || a.reason() != "plugin_unverified" {
		t.Errorf("set up all the same: %+v", a)
	}
}
