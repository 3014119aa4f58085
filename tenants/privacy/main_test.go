package privacy_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/link"
	"siegel/plugins/sdk"
	"siegel/tenants/audit"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/privacy"
	"siegel/tenants/provider"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
	"siegel/tenants/tenanttest"
)

func TestMain(m *testing.M) { os.Exit(tenanttest.Main(m)) }

// office is a practice with everything that its statement is written from.
type office struct {
	*privacy.Service
	*tenanttest.Fixture
	providers  *provider.Service
	onboarding *onboarding.Service
	identity   *identity.Service
	audit      *audit.Service
	contract   onboarding.Contract
	reminds    bool
	ahead      atomic.Int64 // nanoseconds
}

// shelf holds plugins of providers by name, with the country that each names.
type shelf map[string]sdk.Processor

func (s shelf) Catalogue(_ context.Context, _, plugin string) (sdk.Description, error) {
	p, ok := s[plugin]
	if !ok {
		return sdk.Description{}, provider.ErrUnknown
	}
	return sdk.Description{Name: plugin, Version: "1", Processor: p, Schema: json.RawMessage(`{"type":"object"}`)}, nil
}

func (s shelf) Try(context.Context, string, string, string, map[string]any) error { return nil }
func (s shelf) Retire(string)                                                     {}

var operator = onboarding.Party{Name: "Betreiber GmbH", Address: "Allee 1, 76131 Karlsruhe", Email: "hallo@betreiber.example", Phone: "+49 721 1"}

func cookies() []privacy.Cookie {
	return []privacy.Cookie{
		{Name: "visit", Where: "patients"}, {Name: "session", Where: "people"},
		{Name: "name", Where: "people", Life: 365 * 24 * time.Hour, Asked: true},
	}
}

func open(t *testing.T) *office {
	t.Helper()
	o := &office{Fixture: tenanttest.New(t), reminds: true}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := func() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }
	links, err := link.NewMaker(tenanttest.Secret)
	must(err)
	o.Practice, err = practice.NewService(practice.Config{DB: o.DB, Now: now})
	must(err)
	people, err := staff.NewService(staff.Config{DB: o.DB})
	must(err)
	contract := func(context.Context, id.Tenant) (onboarding.Contract, error) { return o.contract, nil }
	o.onboarding, err = onboarding.NewService(onboarding.Config{
		DB: o.DB, Registry: o.Registry, Practice: o.Practice, Staff: people, Keyring: o.Keyring, Links: links, MAC: o.Redis.MAC,
		Host:     func(context.Context, id.Tenant, registry.Kind) (string, error) { return "https://hier.example", nil },
		Operator: operator, Contract: contract, CheckSlug: o.Registry.SlugFree, Begin: func(ctx context.Context, slug string) (registry.Tenant, error) {
			return o.Registry.Begin(ctx, registry.Beginning{Slug: slug})
		},
		Others: func(ctx context.Context, tenant id.Tenant) ([]onboarding.Obstacle, error) {
			return o.Obstacles(ctx, tenant)
		},
		Now: now,
	})
	must(err)
	o.providers, err = provider.NewService(provider.Config{DB: o.DB, Secret: tenanttest.Secret, Plugins: shelf{
		"lox24":  {Company: "LOX24 GmbH", Address: "Seestraße 109, 13353 Berlin", Country: "DE"},
		"seven":  {Company: "seven communications GmbH & Co. KG", Address: "Willestraße 4-6, 24103 Kiel", Country: "DE"},
		"twilio": {Company: "Twilio Inc.", Address: "San Francisco", Country: "US"},
	}})
	must(err)
	o.identity, err = identity.NewService(identity.Config{DB: o.DB, Redis: o.Redis, Secret: tenanttest.Secret})
	must(err)
	o.audit, err = audit.NewService(audit.Config{DB: o.DB, Secret: tenanttest.Secret, Now: now})
	must(err)
	o.Service, err = privacy.NewService(privacy.Config{
		DB: o.DB, Registry: o.Registry, Practice: o.Practice, Onboarding: o.onboarding, Providers: o.providers, Identity: o.identity, Audit: o.audit,
		Operator: operator, Contract: contract, Cookies: cookies(), Now: now,
		Reminded: func(context.Context, id.Tenant) (bool, error) { return o.reminds, nil },
	})
	must(err)
	return o
}

// own enters that the operator does everything itself.
func (o *office) own(t *testing.T) {
	t.Helper()
	for _, component := range []string{"hosting", "database", "mail", "backup", "monitoring", "support"} {
		o.enter(t, privacy.Draft{Component: component, Own: true, Country: "DE", Purpose: "Betrieb"})
	}
}

func (o *office) enter(t *testing.T, d privacy.Draft) uuid.UUID {
	t.Helper()
	entry, err := o.Enter(t.Context(), uuid.Nil, d)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

// carry has a plugin carry the text messages of all practices, in place of what did.
func (o *office) carry(t *testing.T, plugin string) {
	t.Helper()
	platform := access.Domain{Kind: access.Platform}
	p, err := o.providers.Put(t.Context(), platform, provider.Draft{Kind: provider.SMS, Plugin: plugin, Name: plugin, Enabled: true, Currency: "EUR", Settings: map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	o.exec(t, `update provider_approval set effective = now(), notice_ends = now()`)
	if err := o.providers.First(t.Context(), platform, p.ID); err != nil {
		t.Fatal(err)
	}
	o.exec(t, `update provider set enabled = false where id <> ?`, p.ID)
	o.providers.Forget(o.Tenant.ID, provider.SMS)
}

func (o *office) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := o.DB.Global().NewRaw(query, args...).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// later lets what is remembered be forgotten, by the clock.
func (o *office) later(d time.Duration) { o.ahead.Add(int64(d)) }

func (o *office) missing(t *testing.T) []string {
	t.Helper()
	o.later(2 * time.Second)
	needs, err := o.Missing(t.Context(), o.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range needs {
		name := n.Component
		if n.Name != "" {
			name += ":" + n.Name
		}
		if n.Outside {
			name += " outside"
		}
		names = append(names, name)
	}
	return names
}

func (o *office) document(t *testing.T, kind privacy.Kind, language string) privacy.Document {
	t.Helper()
	o.later(2 * time.Second)
	d, err := o.Document(t.Context(), o.Tenant.ID, kind, language)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sentences are all of a document.
func sentences(d privacy.Document) (all []privacy.Sentence) {
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			all = append(all, b.Sentences...)
			all = append(all, slices.Concat(b.Rows...)...)
		}
	}
	return all
}

func text(d privacy.Document) string {
	var b strings.Builder
	for _, s := range sentences(d) {
		b.WriteString(s.Text + "\n")
	}
	return b.String()
}

func has(d privacy.Document, key string) bool {
	return slices.ContainsFunc(sentences(d), func(s privacy.Sentence) bool { return s.Key == key })
}

// change edits the practice's public face.
func (o *office) change(t *testing.T, edit func(*practice.Practice)) {
	t.Helper()
	rules, err := o.Practice.Rules(t.Context(), o.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	p := rules.Practice // what is returned is shared
	edit(&p)
	if _, err := o.Practice.Put(t.Context(), o.Tenant.ID, p, practice.Edit{Version: rules.Version, Keep: true}); err != nil {
		t.Fatal(err)
	}
	o.later(2 * time.Second)
}

// noTenant stands for the operator.
var noTenant id.Tenant

var noReseller id.Reseller

// owner runs something as the owner of the tables, without the walls.
func (o *office) owner(t *testing.T, query string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), o.URLs.Super)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}
