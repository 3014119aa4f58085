package postgres_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// The tables of these tests: one of a tenant, one of all.
func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m, postgres.Set{Name: "test", FS: os.DirFS("testdata/schema")}))
}

// open returns a new database under the server's role.
func open(t *testing.T, c postgres.Config) (*postgres.DB, *testdb.DB) {
	t.Helper()
	urls := testdb.New(t)
	if c.URL == "" {
		c.URL = urls.Server
	}
	return openURL(t, c), urls
}

func openURL(t *testing.T, c postgres.Config) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func newTenant() id.Tenant { return id.New[id.Tenant]() }

// asSuper runs statements as the superuser, past every wall.
func asSuper(t *testing.T, urls *testdb.DB, statements ...string) {
	t.Helper()
	conn := superuser(t, urls)
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func superuser(t *testing.T, urls *testdb.DB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), urls.Super)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// count counts the notes of all tenants.
func count(t *testing.T, urls *testdb.DB) (n int) {
	t.Helper()
	if err := superuser(t, urls).QueryRow(t.Context(), `select count(*) from note`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
