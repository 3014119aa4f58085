package customers_test

import (
	"context"
	"crypto/rand"
	"os"
	"testing"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	tenantschema "siegel/tenants/schema"

	"siegel/tenants/customers"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m,
		postgres.Set{Name: "platform", FS: platformschema.FS},
		postgres.Set{Name: "tenants", FS: tenantschema.FS}))
}

type fixture struct {
	*customers.Service
	db *postgres.DB
	// trade is not medical; every other tenant is.
	trade id.Tenant
}

func setup(t *testing.T) *fixture {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: testdb.New(t).Server, MaxConns: 8})
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	t.Cleanup(db.Close)
	f := &fixture{db: db, trade: id.New[id.Tenant]()}
	f.Service, err = customers.NewService(customers.Config{DB: db, Medical: func(_ context.Context, tenant id.Tenant) (bool, error) {
		return tenant != f.trade, nil
	}})
	if err != nil {
		t.Fatalf("new service: %v", err)
	}
	return f
}

func fresh() customers.Record {
	return customers.Record{ID: id.New[id.Customer](), Version: 1, Epoch: 1, Ciphertext: random(12 + customers.Step + 16)}
}

func next(r customers.Record) customers.Record {
	return customers.Record{ID: r.ID, Version: r.Version + 1, Epoch: r.Epoch, Ciphertext: random(12 + customers.Step + 16)}
}

func gone(r customers.Record) customers.Record {
	return customers.Record{ID: r.ID, Version: r.Version + 1}
}

// store stores what must not be refused.
func (f *fixture) store(t *testing.T, tenant id.Tenant, records ...customers.Record) {
	t.Helper()
	out, err := f.Store(t.Context(), tenant, records)
	if err != nil || len(out.Current) > 0 {
		t.Fatalf("store: %v, and %d are another version", err, len(out.Current))
	}
}

// all reads everything, a few at a time.
func (f *fixture) all(t *testing.T, tenant id.Tenant, cursor int64, limit int) ([]customers.Record, int64) {
	t.Helper()
	var all []customers.Record
	for {
		page, err := f.After(t.Context(), tenant, cursor, limit)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		all, cursor = append(all, page.Records...), page.Cursor
		if !page.More {
			return all, cursor
		}
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
