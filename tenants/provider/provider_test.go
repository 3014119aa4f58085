package provider_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/tenants/provider"
)

func TestSecretsAreStoredEncryptedAndNeverShown(t *testing.T) {
	t.Parallel()
	d := setup(t)
	p := d.put(t, onPlatform, "lox")
	if _, shown := p.Settings["token"]; shown || !slices.Equal(p.Secrets, []string{"token"}) || p.Settings["sender"] != "Praxis" {
		t.Errorf("settings %v, secrets %v", p.Settings, p.Secrets)
	}
	var stored string
	if err := d.db.Global().NewRaw(`select row_to_json(p)::text || encode(p.secrets, 'escape') from provider p`).Scan(t.Context(), &stored); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(stored, "hunter2") {
		t.Error("the secret stands in the database")
	}
	full, err := d.Full(p)
	if err != nil || full["token"] != "hunter2" || full["delivery_url"] != "https://portal.siegel.example/hooks/"+p.ID.UUID() {
		t.Errorf("full = %v, %v", full, err)
	}

	// Not given again, it stays; given as null, it goes.
	change := provider.Draft{ID: p.ID, Name: "LOX", Enabled: true, Currency: "EUR", Settings: map[string]any{"sender": "Neu"}}
	if p, err = d.Put(t.Context(), onPlatform, change); err != nil || !slices.Equal(p.Secrets, []string{"token"}) || p.Settings["sender"] != "Neu" {
		t.Errorf("kept: %+v, %v", p, err)
	}
	change.Settings = map[string]any{"token": nil}
	if p, err = d.Put(t.Context(), onPlatform, change); err != nil || len(p.Secrets) != 0 {
		t.Errorf("taken away: %+v, %v", p, err)
	}
}

func TestSecretsOpenInTheirRowAndUnderTheirSecretAlone(t *testing.T) {
	t.Parallel()
	d := setup(t)
	one, two := d.put(t, onPlatform, "lox"), d.put(t, onPlatform, "seven")
	other := d.open(t, []byte("another secret of thirty-two bytes"))
	if p, err := other.Provider(t.Context(), one.ID); err != nil {
		t.Fatal(err)
	} else if _, err := other.Full(p); !errors.Is(err, provider.ErrSecrets) {
		t.Errorf("under another secret: %v", err)
	}
	d.exec(t, `update provider set secrets = (select secrets from provider where id = ?) where id = ?`, one.ID, two.ID)
	p, err := d.Provider(t.Context(), two.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Full(p); !errors.Is(err, provider.ErrSecrets) {
		t.Errorf("in another row: %v", err)
	}
}

func TestRefusedSettingsAreNotStored(t *testing.T) {
	t.Parallel()
	d := setup(t)
	draft := provider.Draft{Kind: provider.SMS, Plugin: "lox", Name: "x", Enabled: true, Currency: "EUR"}
	for name, c := range map[string]struct {
		change func(*provider.Draft)
		want   error
	}{
		"ThePluginRefuses": {func(d *provider.Draft) { d.Settings = map[string]any{"token": "wrong"} }, errTried},
		"UnknownSetting":   {func(d *provider.Draft) { d.Settings = map[string]any{"tok": "x"} }, provider.ErrSettings},
		"UnknownPlugin":    {func(d *provider.Draft) { d.Plugin = "nobody" }, provider.ErrUnknown},
		"NoName":           {func(d *provider.Draft) { d.Name = "" }, provider.ErrName},
		"ForgedName":       {func(d *provider.Draft) { d.Name = "a\u202eb" }, provider.ErrName},
		"Price":            {func(d *provider.Draft) { d.PriceMicros = -1 }, provider.ErrPrice},
		"Currency":         {func(d *provider.Draft) { d.Currency = "euro" }, provider.ErrPrice},
		"OfAnotherScope":   {func(x *provider.Draft) { x.ID = d.put(t, of(access.Reseller, d.reseller.Bytes()), "seven").ID }, provider.ErrUnknown},
	} {
		changed := draft
		c.change(&changed)
		if _, err := d.Put(t.Context(), onPlatform, changed); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if all, err := d.List(t.Context(), provider.SMS, onPlatform); err != nil || len(all) != 0 {
		t.Errorf("stored %v, %v", all, err)
	}
}

func TestOrderNamesEachProviderOnce(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a, b := d.put(t, onPlatform, "lox"), d.put(t, onPlatform, "seven")
	c := d.put(t, of(access.Reseller, d.reseller.Bytes()), "lox")
	for _, order := range [][]id.Provider{{a.ID}, {a.ID, a.ID}, {a.ID, b.ID, c.ID}, {a.ID, c.ID}, nil} {
		if err := d.Order(t.Context(), onPlatform, provider.SMS, order); !errors.Is(err, provider.ErrOrder) {
			t.Errorf("%v: %v", order, err)
		}
	}
	d.inForce(t)
	if err := d.First(t.Context(), onPlatform, b.ID); err != nil {
		t.Fatal(err)
	}
	if all, _ := d.List(t.Context(), provider.SMS, onPlatform); len(all) != 2 || all[0].ID != b.ID {
		t.Errorf("after the swap: %+v", all)
	}
}

func TestTheNearestScopeCarries(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.put(t, onPlatform, "lox")
	d.inForce(t)
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"lox"}) {
		t.Errorf("platform: %v", got)
	}
	d.put(t, of(access.Reseller, d.reseller.Bytes()), "seven")
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"lox"}) {
		t.Errorf("an announced one of the reseller's: %v", got)
	}
	d.inForce(t)
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"seven"}) {
		t.Errorf("reseller: %v", got)
	}
	own := d.put(t, of(access.Tenant, d.tenant.Bytes()), "lox")
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"lox"}) {
		t.Errorf("its own: %v", got)
	}
	if got := d.goes(t, d.neighbour); !slices.Equal(got, []string{"seven"}) {
		t.Errorf("the neighbour: %v", got)
	}
	if _, err := d.Put(t.Context(), of(access.Tenant, d.tenant.Bytes()), provider.Draft{ID: own.ID, Name: "x", Currency: "EUR"}); err != nil {
		t.Fatal(err)
	}
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"seven"}) {
		t.Errorf("its own switched off: %v", got)
	}
}

// Failing over never leaves the annex.
func TestRouteNeverHasAnUnapprovedProvider(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.put(t, onPlatform, "lox")
	d.inForce(t)
	d.put(t, onPlatform, "seven") // announced: 30 days
	d.put(t, onPlatform, "twilio")
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"lox"}) {
		t.Fatalf("while the notice runs: %v", got)
	}
	if err := d.First(t.Context(), onPlatform, must(d.List(t.Context(), provider.SMS, onPlatform))[1].ID); !errors.Is(err, provider.ErrUnapproved) {
		t.Errorf("a swap to an announced one: %v", err)
	}
	// The neighbour objects; the other does not.
	if err := d.Object(t.Context(), d.neighbour, provider.SMS, "seven", "Kein Vertrag", d.by); err != nil {
		t.Fatal(err)
	}
	d.inForce(t)
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"lox", "seven"}) {
		t.Errorf("after the notice: %v", got)
	}
	if got := d.goes(t, d.neighbour); !slices.Equal(got, []string{"lox"}) {
		t.Errorf("who objected: %v", got)
	}
	// Outside the EEA only with an agreement of the tenant's own.
	if err := d.Agree(t.Context(), d.tenant, provider.SMS, "twilio", d.by); err != nil {
		t.Fatal(err)
	}
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"lox", "seven", "twilio"}) {
		t.Errorf("who agreed: %v", got)
	}
	if got := d.goes(t, d.neighbour); !slices.Equal(got, []string{"lox"}) {
		t.Errorf("who did not: %v", got)
	}
	if err := d.Unsay(t.Context(), d.tenant, provider.SMS, "twilio"); err != nil {
		t.Fatal(err)
	}
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"lox", "seven"}) {
		t.Errorf("who took it back: %v", got)
	}
	// A processor that becomes another one is no longer the approved one.
	d.exec(t, `update provider set company = 'Bought Ltd', country = 'GB' where plugin = 'seven'`)
	d.Forget(d.tenant, provider.SMS)
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"lox"}) {
		t.Errorf("bought: %v", got)
	}
}

func TestAnObjectingTenantKeepsItsProvider(t *testing.T) {
	t.Parallel()
	d := setup(t)
	lox := d.put(t, onPlatform, "lox")
	d.inForce(t)
	seven := d.put(t, onPlatform, "seven")
	if err := d.Object(t.Context(), d.tenant, provider.SMS, "seven", "", d.by); err != nil {
		t.Fatal(err)
	}
	d.inForce(t)
	if err := d.Object(t.Context(), d.neighbour, provider.SMS, "seven", "", d.by); !errors.Is(err, provider.ErrNotAnnounced) {
		t.Errorf("too late to object: %v", err)
	}
	if err := d.Remove(t.Context(), onPlatform, lox.ID); !errors.Is(err, provider.ErrNeeded) {
		t.Errorf("its provider was taken away: %v", err)
	}
	off := provider.Draft{ID: lox.ID, Name: "lox", Currency: "EUR"}
	if _, err := d.Put(t.Context(), onPlatform, off); !errors.Is(err, provider.ErrNeeded) {
		t.Errorf("its provider was switched off: %v", err)
	}
	if err := d.Remove(t.Context(), onPlatform, seven.ID); err != nil {
		t.Errorf("the other: %v", err)
	}
	if err := d.Remove(t.Context(), onPlatform, lox.ID); !errors.Is(err, provider.ErrNeeded) {
		t.Errorf("the last one of a tenant that objected: %v", err)
	}
}

func TestAnEmergencyEndsTheNoticeButNoObjection(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.put(t, onPlatform, "lox")
	d.inForce(t)
	d.put(t, onPlatform, "seven")
	if err := d.Object(t.Context(), d.neighbour, provider.SMS, "seven", "", d.by); err != nil {
		t.Fatal(err)
	}
	if err := d.Emergency(t.Context(), onPlatform, provider.SMS, "seven", "", d.by); !errors.Is(err, provider.ErrReason) {
		t.Errorf("without a reason: %v", err)
	}
	if err := d.Emergency(t.Context(), onPlatform, provider.SMS, "seven", "LOX24 ist seit zwei Stunden ausgefallen", d.by); err != nil {
		t.Fatal(err)
	}
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"lox", "seven"}) {
		t.Errorf("who did not object: %v", got)
	}
	if got := d.goes(t, d.neighbour); !slices.Equal(got, []string{"lox"}) {
		t.Errorf("who objected: %v", got)
	}
	if err := d.Object(t.Context(), d.tenant, provider.SMS, "seven", "", d.by); err != nil {
		t.Errorf("an objection within the notice: %v", err)
	}
	annex, err := d.Annex(t.Context(), provider.SMS, of(access.Tenant, d.tenant.Bytes()))
	if err != nil || len(annex) != 2 || annex[1].Emergency == "" || annex[1].Stance != "objected" {
		t.Errorf("what the owner sees: %+v, %v", annex, err)
	}
	if annex, err = d.Annex(t.Context(), provider.SMS, onPlatform); err != nil || annex[1].Objections != 2 {
		t.Errorf("what the platform sees: %+v, %v", annex, err)
	}
	if err := d.Emergency(t.Context(), onPlatform, provider.SMS, "seven", "noch einmal", d.by); !errors.Is(err, provider.ErrNotAnnounced) {
		t.Errorf("a second time: %v", err)
	}
}

func TestTheEnvironmentsProviderIsThePlatformsFromTheStart(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for range 2 { // a restart changes nothing
		if err := d.Bootstrap(t.Context(), provider.SMS, "lox", map[string]any{"token": "hunter2"}); err != nil {
			t.Fatal(err)
		}
	}
	all := must(d.List(t.Context(), provider.SMS, onPlatform))
	if len(all) != 1 || !slices.Equal(d.goes(t, d.tenant), []string{"lox"}) {
		t.Fatalf("%+v, route %v", all, d.goes(t, d.tenant))
	}
	if err := d.Remove(t.Context(), onPlatform, all[0].ID); !errors.Is(err, provider.ErrBootstrap) {
		t.Errorf("removed in the portal: %v", err)
	}
	if err := d.Bootstrap(t.Context(), provider.SMS, "seven", nil); err != nil {
		t.Fatal(err)
	}
	if got := d.goes(t, d.tenant); !slices.Equal(got, []string{"seven"}) {
		t.Errorf("another plugin in the environment: %v", got)
	}
	if err := d.Bootstrap(t.Context(), provider.SMS, "", nil); err != nil || d.goes(t, d.tenant) != nil {
		t.Errorf("none in the environment: %v, %v", err, d.goes(t, d.tenant))
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
