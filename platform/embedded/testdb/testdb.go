// Package testdb gives every test a Postgres database and a Redis of its own,
// both real.
//
// The first test of a test binary that asks starts one private Postgres and
// one private Redis; each test gets a copy of a database that was migrated
// once. [Run] stops both when the tests are over, and they end by themselves
// when the test binary is killed.
package testdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"siegel/platform/embedded"
	"siegel/platform/postgres"
)

// servers is what the tests of a binary share.
type servers struct {
	sets []postgres.Set
	dir  string
	// alive is locked for as long as this process lives; see sweep.
	alive *os.File

	startPostgres sync.Once
	postgres      *embedded.Postgres
	postgresErr   error
	clones        atomic.Int64

	startRedis sync.Once
	redis      *embedded.Redis
	redisErr   error
	free       chan int // logical databases that no test has
	private    atomic.Int64
}

// shared is set by Run. Tests get at it through New alone, which is why it can
// be nowhere else: TestMain has no way to hand anything to a test.
var shared *servers

const template = "siegel_template"

// Run runs the tests and returns what to exit with. The sets are migrated in
// their order, for the first test that calls [New]; a package that wants
// nothing but a Redis gives none.
func Run(m *testing.M, sets ...postgres.Set) int {
	s := &servers{sets: sets, free: make(chan int, embedded.RedisDatabases)}
	for n := range embedded.RedisDatabases {
		s.free <- n
	}
	if err := s.makeDir(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		return 1
	}
	shared = s
	defer s.close() // also when a test panics in this goroutine
	return m.Run()
}

// makeDir makes the folder of the servers, which an unprivileged child must be
// able to pass through, and removes what killed test binaries left.
func (s *servers) makeDir() (err error) {
	place := roomy()
	sweep(place)
	if s.dir, err = os.MkdirTemp(place, "siegel-test-"); err != nil {
		return err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	if s.alive, err = os.Create(filepath.Join(s.dir, "alive")); err != nil {
		return err
	}
	return syscall.Flock(int(s.alive.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// roomy is where the servers' files go: into memory where that has room, since
// each test copies a database of a thousand files.
func roomy() string {
	const memory, enough = "/dev/shm", 4 << 30
	var room syscall.Statfs_t
	if err := syscall.Statfs(memory, &room); err == nil && room.Bavail*uint64(room.Bsize) >= enough {
		return memory
	}
	return os.TempDir()
}

// sweep removes the folders of test binaries that ended without doing so: those
// whose lock can be had. A young folder may not have been locked yet.
func sweep(place string) {
	dirs, _ := filepath.Glob(filepath.Join(place, "siegel-test-*"))
	for _, dir := range dirs {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock, err := os.Open(filepath.Join(dir, "alive"))
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(dir)
		}
		lock.Close()
	}
}

func (s *servers) close() {
	if s.postgres != nil {
		if err := s.postgres.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "testdb:", err)
		}
	}
	if s.redis != nil {
		if err := s.redis.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "testdb:", err)
		}
	}
	s.alive.Close()
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
	}
}

func (s *servers) openPostgres() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	s.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: filepath.Join(s.dir, "postgres")})
	if err != nil {
		return err
	}
	if err := s.admin(ctx, "create database "+template+" owner "+embedded.RoleOwner); err != nil {
		return err
	}
	return postgres.Migrate(ctx, s.postgres.DatabaseURL(embedded.RoleOwner, template), s.sets...)
}

// admin runs a statement that belongs to no test's database.
func (s *servers) admin(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.postgres.DatabaseURL(embedded.RoleSuper, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// DB is one test's database, as each of the roles finds it. The urls are for
// postgres.Open and pgx.
type DB struct {
	Owner, Server, Relay, Super string
}

// New returns a migrated database without any rows. It is dropped when the
// test ends; connections still open then are cut.
func New(t testing.TB) *DB {
	t.Helper()
	s := running(t)
	s.startPostgres.Do(func() { s.postgresErr = s.openPostgres() })
	if s.postgresErr != nil {
		t.Fatalf("start postgres: %v", s.postgresErr)
	}
	name := "test_" + strconv.FormatInt(s.clones.Add(1), 10)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.admin(ctx, "create database "+name+" template "+template+" strategy file_copy owner "+embedded.RoleOwner); err != nil {
		t.Fatalf("copy the template: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.admin(ctx, "drop database "+name+" with (force)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return &DB{
		Owner:  s.postgres.DatabaseURL(embedded.RoleOwner, name),
		Server: s.postgres.DatabaseURL(embedded.RoleServer, name),
		Relay:  s.postgres.DatabaseURL(embedded.RoleRelay, name),
		Super:  s.postgres.DatabaseURL(embedded.RoleSuper, name),
	}
}

// Open returns a new database opened as the server's role, until the test ends.
func Open(t testing.TB) *postgres.DB {
	t.Helper()
	return OpenURL(t, New(t).Server)
}

// OpenURL opens a database until the test ends.
func OpenURL(t testing.TB, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{URL: url, MaxConns: 8})
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(db.Close)
	return db
}

// RedisURL returns an empty logical database of the Redis that the tests of
// the binary share. It waits where all 64 are in use. Keys are the test's
// own; flushall, scripts, settings and the channels of publish are not: for
// those there is [PrivateRedis].
func RedisURL(t testing.TB) string {
	t.Helper()
	s := running(t)
	s.startRedis.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s.redis, s.redisErr = embedded.StartRedis(ctx, embedded.RedisConfig{Dir: filepath.Join(s.dir, "redis")})
	})
	if s.redisErr != nil {
		t.Fatalf("start redis: %v", s.redisErr)
	}
	n := <-s.free
	t.Cleanup(func() { s.free <- n })
	url := s.redis.DatabaseURL(n)
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatalf("url of redis: %v", err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	if err := client.FlushDB(t.Context()).Err(); err != nil {
		t.Fatalf("empty the test's redis: %v", err)
	}
	return url
}

// PrivateRedis starts a Redis for this test alone, which may be emptied,
// stopped and killed. It takes about a tenth of a second.
func PrivateRedis(t testing.TB) *embedded.Redis {
	t.Helper()
	s := running(t)
	dir := filepath.Join(s.dir, "redis-"+strconv.FormatInt(s.private.Add(1), 10))
	r, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{Dir: dir})
	if err != nil {
		t.Fatalf("start redis: %v", err)
	}
	t.Cleanup(func() { _ = r.Stop() }) // the test may have killed it
	return r
}

func running(t testing.TB) *servers {
	t.Helper()
	if shared == nil {
		t.Fatal("testdb.Run was not called: add func TestMain(m *testing.M) { os.Exit(testdb.Run(m, …)) }")
	}
	return shared
}
