package testdb_test

import (
	"context"
	"os"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"siegel/platform/embedded"
	"siegel/platform/embedded/testdb"
	"siegel/platform/postgres"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m, postgres.Set{Name: "test", FS: fstest.MapFS{
		"20260101000000_word.tx.up.sql": {Data: []byte(`create table word (w text); grant select, insert on word to siegel_server`)}}}))
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	a, b := testdb.New(t), testdb.New(t)
	if _, err := testdb.OpenURL(t, a.Server).Global().ExecContext(t.Context(), `insert into word values ('a')`); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]int{a.Server: 1, b.Server: 0, testdb.New(t).Server: 0} {
		var n int
		if err := testdb.OpenURL(t, url).Global().NewRaw(`select count(*) from word`).Scan(t.Context(), &n); err != nil || n != want {
			t.Errorf("%d words, want %d (%v)", n, want, err)
		}
	}
	for url, want := range map[string]string{
		a.Owner: embedded.RoleOwner, a.Server: embedded.RoleServer, a.Relay: embedded.RoleRelay, a.Super: embedded.RoleSuper,
	} {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		var role string
		if err := conn.QueryRow(t.Context(), `select current_user`).Scan(&role); err != nil || role != want {
			t.Errorf("%s signs in as %s (%v)", want, role, err)
		}
		conn.Close(context.Background())
	}
}

func TestADatabaseGoesWithItsTest(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("owner", func(t *testing.T) { url = testdb.New(t).Server })
	if conn, err := pgx.Connect(t.Context(), url); err == nil {
		conn.Close(context.Background())
		t.Error("the database is still there")
	}
}

func TestRedisIsEmptyAndItsTestsAlone(t *testing.T) {
	t.Parallel()
	// More in turn than there are logical databases, each leaving something.
	for range embedded.RedisDatabases + 6 {
		t.Run("", func(t *testing.T) {
			a, b := client(t, testdb.RedisURL(t)), client(t, testdb.RedisURL(t))
			if err := a.Set(t.Context(), "k", "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
			for name, c := range map[string]*redis.Client{"a": a, "b": b} {
				want := map[string]int64{"a": 1, "b": 0}[name]
				if n, err := c.DBSize(t.Context()).Result(); err != nil || n != want {
					t.Errorf("%s has %d keys, want %d (%v)", name, n, want, err)
				}
			}
		})
	}
}

func TestAPrivateRedisMayBeKilled(t *testing.T) {
	t.Parallel()
	shared, private := client(t, testdb.RedisURL(t)), testdb.PrivateRedis(t)
	if err := private.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := client(t, private.URL()).Ping(t.Context()).Err(); err == nil {
		t.Error("it answers after its end")
	}
	if err := shared.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the shared one went along: %v", err)
	}
}

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(options)
	t.Cleanup(func() { c.Close() })
	return c
}
