package registry_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"siegel/platform/embedded/testdb"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	"siegel/tenants/registry"
	tenantschema "siegel/tenants/schema"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m,
		postgres.Set{Name: "platform", FS: platformschema.FS},
		postgres.Set{Name: "tenants", FS: tenantschema.FS}))
}

func open(t *testing.T) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testdb.New(t).Server, MaxConns: 8})
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	t.Cleanup(db.Close)
	return db
}

func service(t *testing.T, db *postgres.DB, now func() time.Time) *registry.Service {
	t.Helper()
	s, err := registry.NewService(registry.Config{DB: db, Base: "localhost:8080", Now: now})
	if err != nil {
		t.Fatalf("new service: %v", err)
	}
	return s
}

func create(t *testing.T, s *registry.Service, slug string) registry.Tenant {
	t.Helper()
	tenant, err := s.Create(t.Context(), slug)
	if err != nil {
		t.Fatalf("create %q: %v", slug, err)
	}
	return tenant
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }
