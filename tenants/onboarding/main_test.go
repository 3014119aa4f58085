package onboarding_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/link"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	"siegel/platform/seal"
	"siegel/tenants/keyring"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/registry"
	tenantschema "siegel/tenants/schema"
	"siegel/tenants/staff"
	"siegel/tenants/tenanttest"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m,
		postgres.Set{Name: "platform", FS: platformschema.FS},
		postgres.Set{Name: "tenants", FS: tenantschema.FS}))
}

// bench is onboarding on stores of the test's own.
type bench struct {
	*onboarding.Service
	db       *postgres.DB
	relay    *postgres.DB
	registry *registry.Service
	practice *practice.Service
	keyring  *keyring.Service
	staff    *staff.Service
	links    *link.Maker
	now      *atomic.Int64 // nanoseconds ahead
	contract onboarding.Contract
}

func (b *bench) ahead(d time.Duration) { b.now.Add(int64(d)) }

var visitor = netip.MustParseAddr("203.0.113.7")

func setup(t *testing.T, change ...func(*onboarding.Config)) *bench {
	t.Helper()
	urls := testdb.New(t)
	b := &bench{db: testdb.OpenURL(t, urls.Server), relay: testdb.OpenURL(t, urls.Relay), now: &atomic.Int64{}}
	now := func() time.Time { return time.Now().Add(time.Duration(b.now.Load())) }
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	var err error
	b.registry, err = registry.NewService(registry.Config{DB: b.db, Base: "localhost:8080"})
	must(err)
	b.practice, err = practice.NewService(practice.Config{DB: b.db})
	must(err)
	b.keyring, err = keyring.NewService(keyring.Config{DB: b.db, Now: now})
	must(err)
	b.staff, err = staff.NewService(staff.Config{DB: b.db, Now: now})
	must(err)
	b.links, err = link.NewMaker(tenanttest.Secret)
	must(err)
	c := onboarding.Config{
		DB: b.db, Registry: b.registry, Practice: b.practice, Staff: b.staff, Keyring: b.keyring, Links: b.links,
		MAC: func(purpose string, data ...string) []byte { return []byte(purpose + "|" + data[0]) },
		Host: func(_ context.Context, _ id.Tenant, kind registry.Kind) (string, error) {
			return "https://" + string(kind) + ".example", nil
		},
		Operator:  onboarding.Party{Name: "Betreiber GmbH", Address: "Allee 1, 76131 Karlsruhe", Email: "hallo@betreiber.example"},
		Contract:  func(context.Context, id.Tenant) (onboarding.Contract, error) { return b.contract, nil },
		CheckSlug: b.registry.SlugFree,
		Begin: func(ctx context.Context, slug string) (registry.Tenant, error) {
			return b.registry.Begin(ctx, registry.Beginning{Slug: slug, Trial: time.Hour})
		},
		Now: now,
	}
	for _, f := range change {
		f(&c)
	}
	b.Service, err = onboarding.NewService(c)
	must(err)
	return b
}

func registration() onboarding.Registration {
	return onboarding.Registration{Preparation: onboarding.Preparation{
		Specialty: "general_practice", Contact: "Dr. Jana Berg", Company: "Praxis Berg", Street: "Bergstraße 1", PostalCode: "76133", City: "Karlsruhe",
		Phone: "+49 721 000111", Email: "Berg@praxis-berg.example",
	}, Slug: "praxis-berg", Language: "de"}
}

// letters are those that wait in the outbox, by kind.
func (b *bench) letters(t *testing.T, kind string) []notify.Letter {
	t.Helper()
	var rows []struct {
		TenantID id.Tenant
		Ref      string
	}
	if err := b.relay.Global().NewRaw(`select tenant_id, ref from outbox where kind = ? order by created, id`, kind).Scan(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	var all []notify.Letter
	for _, r := range rows {
		l, err := b.Letters()[kind].Letter(t.Context(), r.TenantID, r.Ref)
		if errors.Is(err, onboarding.ErrExpired) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// token is the part of a letter's link that counts.
func token(t *testing.T, l notify.Letter) string {
	t.Helper()
	for i := range len(l.Link) {
		if l.Link[i] == '#' {
			return l.Link[i+1:]
		}
	}
	t.Fatalf("no token in %q", l.Link)
	return ""
}

// account puts an account into the table, without a way to sign in.
func (b *bench) account(t *testing.T, email string) id.Account {
	t.Helper()
	a := id.New[id.Account]()
	key, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.db.Global().NewRaw(`insert into account (id, email, name, member_public_key) values (?, ?, ?, ?)`, a, email, "Name von "+email, key.PublicKey().Bytes()).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tenant is a prepared practice with an owner.
func (b *bench) tenant(t *testing.T, slug string) (id.Tenant, id.Account) {
	t.Helper()
	made, err := b.registry.Create(t.Context(), slug)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Prepare(t.Context(), made.ID, registration().Preparation); err != nil {
		t.Fatal(err)
	}
	owner := b.account(t, "owner@"+slug+".example")
	if err := b.staff.Add(t.Context(), made.ID, owner, staff.Owner, nil); err != nil {
		t.Fatal(err)
	}
	return made.ID, owner
}

// keys makes the first keys, as the owner's browser does.
func (b *bench) keys(t *testing.T, tenant id.Tenant, owner id.Account) seal.Keyring {
	t.Helper()
	salt := make([]byte, seal.SaltSize)
	_, _ = rand.Read(salt)
	made, err := seal.NewKeyring(tenant.UUID(), owner.UUID(), tenanttest.Password, salt, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.Global().NewRaw(`update account set member_public_key = ? where id = ?`, []byte(made.Stored.MemberPublic), owner).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = b.FirstKeys(t.Context(), tenant, owner, keyring.First{Directory: made.Stored.Directory, Wraps: made.Stored.Wraps}, made.Stored.Vouch)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func full() onboarding.Business {
	return onboarding.Business{
		Specialty: "general_practice", Company: "Praxis Berg", Street: "Bergstraße 1", PostalCode: "76133", City: "Karlsruhe",
		Responsible: "Dr. Jana Berg", Chamber: "Landesärztekammer", ProfessionalTitle: "Ärztin", TitleState: "Deutschland",
		ProfessionalRules: "Berufsordnung", Association: "KV", Alone: true,
	}
}

func (b *bench) accept(t *testing.T, tenant id.Tenant, owner id.Account) {
	t.Helper()
	a, err := b.Agreement(t.Context(), tenant, "de")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Accept(t.Context(), tenant, owner, "Dr. Jana Berg", "de", a.Hash[:]); err != nil {
		t.Fatal(err)
	}
}
