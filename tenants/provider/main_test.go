package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"siegel/platform/access"
	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	platform "siegel/platform/postgres/schema"
	"siegel/plugins/sdk"
	"siegel/tenants/provider"
	tenants "siegel/tenants/schema"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m, postgres.Set{Name: "platform", FS: platform.FS}, postgres.Set{Name: "tenants", FS: tenants.FS}))
}

// shelf holds plugins by name; where they stand in the world is in their names'
// countries.
type shelf map[string]string

var errTried = errors.New("the plugin does not like it")

func (s shelf) Catalogue(_ context.Context, _, plugin string) (sdk.Description, error) {
	country, ok := s[plugin]
	if !ok {
		return sdk.Description{}, provider.ErrUnknown
	}
	return sdk.Description{
		Name: plugin, Version: "1.0.0", Processor: sdk.Processor{Company: plugin + " GmbH", Address: "There", Country: country},
		Schema: json.RawMessage(`{"type":"object","properties":{
			"token":{"type":"string","writeOnly":true},"sender":{"type":"string"},"delivery_url":{"type":"string"}}}`),
		Capabilities: []sdk.Capability{sdk.DeliveryReports},
	}, nil
}

func (s shelf) Try(_ context.Context, _, _, _ string, settings map[string]any) error {
	if settings["token"] == "wrong" {
		return errTried
	}
	return nil
}

func (s shelf) Retire(string) {}

type desk struct {
	*provider.Service
	db                *postgres.DB
	tenant, neighbour id.Tenant
	reseller          id.Reseller
	by                id.Account
}

var (
	secret     = []byte("a secret for tests, thirty-two b.")
	onPlatform = access.Domain{Kind: access.Platform}
)

func of(kind access.Kind, bare [16]byte) access.Domain { return access.Domain{Kind: kind, ID: bare} }

// setup makes two tenants of one reseller.
func setup(t *testing.T) desk {
	t.Helper()
	d := desk{db: testdb.Open(t), tenant: id.New[id.Tenant](), neighbour: id.New[id.Tenant](), reseller: id.New[id.Reseller](), by: id.New[id.Account]()}
	d.exec(t, `insert into reseller (id, name) values (?, 'Reseller')`, d.reseller)
	for slug, tenant := range map[string]id.Tenant{"one": d.tenant, "two": d.neighbour} {
		d.exec(t, `insert into tenant (id, slug, status, reseller_id) values (?, ?, 'active', ?)`, tenant, slug, d.reseller)
	}
	d.Service = d.open(t, secret)
	return d
}

func (d desk) open(t *testing.T, secret []byte) *provider.Service {
	t.Helper()
	s, err := provider.NewService(provider.Config{
		DB: d.db, Secret: secret, Plugins: shelf{"lox": "DE", "seven": "DE", "twilio": "US"},
		DeliveryURL: func(p id.Provider) string { return "https://portal.siegel.example/hooks/" + p.UUID() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (d desk) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := d.db.Global().NewRaw(query, args...).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (d desk) put(t *testing.T, scope access.Domain, plugin string) provider.Provider {
	t.Helper()
	p, err := d.Put(t.Context(), scope, provider.Draft{Kind: provider.SMS, Plugin: plugin, Name: plugin, Enabled: true, Currency: "EUR",
		PriceMicros: 61_000, Settings: map[string]any{"token": "hunter2", "sender": "Praxis"}, By: d.by})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// inForce has the notice of every announced provider be over.
func (d desk) inForce(t *testing.T) {
	t.Helper()
	d.exec(t, `update provider_approval set effective = now(), notice_ends = now()`)
	d.Forget(d.tenant, provider.SMS)
	d.Forget(d.neighbour, provider.SMS)
}

// goes lists the plugins of a tenant's route.
func (d desk) goes(t *testing.T, tenant id.Tenant) []string {
	t.Helper()
	lines, err := d.Route(t.Context(), tenant, provider.SMS)
	if err != nil {
		t.Fatal(err)
	}
	var plugins []string
	for _, l := range lines {
		plugins = append(plugins, l.Plugin)
	}
	return plugins
}
