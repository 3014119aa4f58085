package keyring_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	"siegel/platform/seal"
	"siegel/tenants/keyring"
	tenantschema "siegel/tenants/schema"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m,
		postgres.Set{Name: "platform", FS: platformschema.FS},
		postgres.Set{Name: "tenants", FS: tenantschema.FS}))
}

type fixture struct {
	*keyring.Service
	db    *postgres.DB
	owner *pgxpool.Pool // sees and alters what the server may not; tests run side by side
	clock *clock
}

func setup(t *testing.T) *fixture {
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
	f.Service = f.another(t)
	return f
}

// another is a second server on the same database.
func (f *fixture) another(t *testing.T) *keyring.Service {
	t.Helper()
	s, err := keyring.NewService(keyring.Config{DB: f.db, Now: f.clock.now})
	if err != nil {
		t.Fatalf("new service: %v", err)
	}
	return s
}

// wrapped is what a holder finds; nothing where there are no keys.
func (f *fixture) wrapped(t *testing.T, tenant id.Tenant, holder string) ([]seal.Wrap, error) {
	t.Helper()
	_, wraps, err := f.Held(t.Context(), tenant, holder)
	if errors.Is(err, keyring.ErrNoKeys) {
		err = nil
	}
	return wraps, err
}

// exec runs SQL as the tables' owner within a tenant: row-level security is
// forced on the owner too.
func (f *fixture) exec(t *testing.T, tenant id.Tenant, sql string, args ...any) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), f.owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `select set_config('siegel.tenant', $1, true)`, tenant.UUID()); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), sql, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// browser is the first owner's: it has the keys in the open.
type browser struct {
	tenant   id.Tenant
	stored   seal.Stored
	unlocked seal.Unlocked
	// document is the newest one, directory what it says.
	document  []byte
	directory seal.Directory
	code      string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	tenant, account := id.New[id.Tenant](), id.New[id.Account]()
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	k, err := seal.NewKeyring(tenant.UUID(), account.UUID(), "six words are what is wanted", salt, time.Now())
	if err != nil {
		t.Fatalf("make a keyring: %v", err)
	}
	u, err := k.Stored.Locked().Unlock("six words are what is wanted", k.Stored.KDF, salt)
	if err != nil {
		t.Fatalf("unlock the keyring: %v", err)
	}
	return &browser{tenant: tenant, stored: k.Stored, unlocked: u, document: k.Stored.Directory.Document, directory: u.Directory, code: k.RecoveryCode}
}

func (b *browser) first() keyring.First {
	return keyring.First{Directory: b.stored.Directory, Wraps: b.stored.Wraps, RecoveryProven: true}
}

// owner is the kid of the first owner's key.
func (b *browser) owner() string { return b.directory.Members[0].KID }

// next is the directory that follows, changed by edit, and signed.
func (b *browser) next(t *testing.T, edit func(*seal.Directory)) seal.Signed {
	t.Helper()
	d := b.directory
	sum := sha256.Sum256(b.document)
	d.Sequence, d.Previous = d.Sequence+1, sum[:]
	d.Issued = time.Now().UTC().Truncate(time.Second)
	d.Expires = d.Issued.Add(seal.DirectoryLife)
	d.DataKeys = append([]seal.DataKey(nil), d.DataKeys...)
	d.BookKeys = append([]seal.BookEntry(nil), d.BookKeys...)
	d.Members = append([]seal.Member(nil), d.Members...)
	if edit != nil {
		edit(&d)
	}
	signed, err := d.Sign(b.unlocked.Identity)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	return signed
}

// went says that a directory was accepted.
func (b *browser) went(t *testing.T, signed seal.Signed) {
	t.Helper()
	d, err := seal.ParseDirectory(signed.Document, signed.Signature)
	if err != nil {
		t.Fatal(err)
	}
	b.document, b.directory = signed.Document, d
}

func key(t *testing.T) seal.PrivateKey {
	t.Helper()
	k, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// lists adds a book key to the next directory.
func (b *browser) lists(epoch int) func(*seal.Directory) {
	return func(d *seal.Directory) {
		d.BookKeys = append(d.BookKeys, seal.NewBookKey().Entry(b.tenant.UUID(), epoch))
	}
}

func (b *browser) wrap(t *testing.T, holder seal.PublicKey, kind seal.Kind, epoch int) seal.Wrap {
	t.Helper()
	w, err := seal.WrapKey(holder, b.tenant.UUID(), kind, epoch, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (f *fixture) saved(t *testing.T) *browser {
	t.Helper()
	b := newBrowser(t)
	if err := f.Save(t.Context(), b.tenant, b.first()); err != nil {
		t.Fatalf("save: %v", err)
	}
	return b
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }
