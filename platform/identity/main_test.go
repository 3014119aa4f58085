package identity_test

import (
	"context"
	"crypto/rand"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"siegel/platform/access"
	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/postgres"
	"siegel/platform/postgres/schema"
	"siegel/platform/redisdb"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m, postgres.Set{Name: "platform", FS: schema.FS}))
}

// fixture is a service over a database of its own.
type fixture struct {
	*identity.Service
	db    *postgres.DB
	owner *pgxpool.Pool // sees and alters what the server may not; tests run side by side
	clock *clock
}

func setup(t *testing.T, redis *redisdb.Client) *fixture {
	t.Helper()
	urls := testdb.New(t)
	db, err := postgres.Open(t.Context(), postgres.Config{URL: urls.Server, MaxConns: 8})
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	t.Cleanup(db.Close)
	owner, err := pgxpool.New(t.Context(), urls.Owner)
	if err != nil {
		t.Fatalf("connect as the owner: %v", err)
	}
	t.Cleanup(owner.Close)
	f := &fixture{db: db, owner: owner, clock: &clock{t: time.Now()}}
	f.Service = f.another(t, redis)
	return f
}

// another is a second server on the same database.
func (f *fixture) another(t *testing.T, redis *redisdb.Client) *identity.Service {
	t.Helper()
	s, err := identity.NewService(identity.Config{DB: f.db, Redis: redis, Secret: secret(), Now: f.clock.now})
	if err != nil {
		t.Fatalf("new service: %v", err)
	}
	return s
}

func (f *fixture) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := f.owner.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// person is an account that exists.
type person struct {
	identity.NewAccount
}

func (f *fixture) person(t *testing.T, email string) person {
	t.Helper()
	p := person{newAccount(email)}
	if err := f.CreateAccount(t.Context(), p.NewAccount); err != nil {
		t.Fatalf("create account: %v", err)
	}
	return p
}

func newAccount(email string) identity.NewAccount {
	return identity.NewAccount{
		ID: id.New[id.Account](), Email: email, Name: "Jördis Ölmez", Language: "de",
		MemberPublicKey: random(1216), Salt: random(16), SignInSecret: random(32), WrappedMemberKey: random(60),
	}
}

func (p person) signIn(tenant id.Tenant) identity.SignIn {
	return identity.SignIn{
		Email: p.Email, Secret: p.SignInSecret, Entry: entry(tenant),
	}
}

// entry is the door of a tenant that lets everybody in.
func entry(tenant id.Tenant) identity.Entry {
	return identity.Entry{
		At: identity.OfficeDoor(tenant), IP: netip.MustParseAddr("127.1.1.1"), Agent: identity.Agent{Browser: "Firefox", System: "Linux"},
		Allowed: func(context.Context, id.Account) (access.Domain, error) { return identity.OfTenant(tenant), nil },
	}
}

// signedIn returns the cookie of a fresh session.
func (f *fixture) signedIn(t *testing.T, p person, tenant id.Tenant) string {
	t.Helper()
	cookie, _, err := f.SignIn(t.Context(), p.signIn(tenant))
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	return cookie
}

func secret() []byte { return []byte("a secret of the server, long enough") }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }
