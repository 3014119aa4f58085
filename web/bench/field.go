package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

const (
	productDatabase, floorDatabase = "bench_product", "bench_floor"
	productRedis, floorRedis       = 10, 11
)

// field is where the measuring is done: the stores, both sides and what was
// planted for them.
type field struct {
	options
	dir         string
	demo        *demo
	sink        *sink
	sockets     string // folder of Postgres' socket
	redisSocket string
	// db and redis look at the product's stores, as superuser.
	db           *pgx.Conn
	redis        *redis.Client
	floorDB      *pgx.Conn
	floorRedis   *redis.Client
	slots        *practice   // one practitioner, 200 appointments in 30 days
	history      *practice   // the same, for whom measureHistory makes a past
	practices    []*practice // many, empty
	product      *side
	floor        *side
	starts       []time.Time // of the slots of one practitioner that are used
	kid          string      // of the key to seal to
	productSlots int         // how many slots were used so far
	floorSlots   int
	visitors     int
	refused      atomic.Int64 // answers of 503, see client.expect
}

// side is one of the two that are compared.
type side struct {
	*process
	base string // host names end in it
	// code returns what proves that a message arrived, once it has.
	code func(secret string) (string, bool)
	used *int
}

func prepare(ctx context.Context, o options) (f *field, err error) {
	f = &field{options: o}
	if f.binary, err = filepath.Abs(o.binary); err != nil {
		return f, err
	}
	if f.dir, err = os.MkdirTemp("", "siegel-bench-"); err != nil {
		return f, err
	}
	// As root the stores run as somebody else, who must be able to walk here.
	if err := os.Chmod(f.dir, 0o755); err != nil {
		return f, err
	}
	if f.demo, err = startDemo(ctx, f.binary, f.dir); err != nil {
		return f, err
	}
	if err := f.findStores(); err != nil {
		return f, err
	}
	if f.sink, err = newSink(); err != nil {
		return f, err
	}
	if err := f.makeStores(ctx); err != nil {
		return f, fmt.Errorf("make databases: %w", err)
	}
	if err := f.plant(ctx); err != nil {
		return f, fmt.Errorf("plant: %w", err)
	}
	return f, nil
}

func (f *field) close() {
	for _, s := range []*side{f.product, f.floor} {
		if s != nil {
			s.stop()
		}
	}
	if f.demo != nil {
		f.demo.stop()
	}
	if f.sink != nil {
		f.sink.close()
	}
	if f.dir != "" {
		_ = os.RemoveAll(f.dir)
	}
}

// findStores reads the sockets from how the demo started its stores.
func (f *field) findStores() error {
	args, err := commandLine(f.demo.Servers["postgres"])
	if err != nil {
		return err
	}
	for _, a := range args {
		if dir, ok := strings.CutPrefix(a, "unix_socket_directories="); ok {
			f.sockets = dir
		}
	}
	if args, err = commandLine(f.demo.Servers["redis"]); err != nil {
		return err
	}
	// Redis rewrites its title, but keeps the socket in it: "… unixsocket:/path".
	for i, a := range args {
		if a == "--unixsocket" && i+1 < len(args) {
			f.redisSocket = args[i+1]
		}
		if _, path, ok := strings.Cut(a, "unixsocket:"); ok {
			f.redisSocket = strings.TrimSpace(path)
		}
	}
	if f.sockets == "" || f.redisSocket == "" {
		return errors.New("the demo's stores show no sockets")
	}
	return nil
}

func (f *field) databaseURL(role, database string) string {
	return (&url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{"host": {f.sockets}, "port": {"5432"}, "sslmode": {"disable"}}.Encode()}).String()
}

func (f *field) redisURL(n int) string {
	return fmt.Sprintf("unix://%s?db=%d", f.redisSocket, n)
}

// makeStores makes a database for each side, the product's with its own
// migrations.
func (f *field) makeStores(ctx context.Context) error {
	first, err := pgx.Connect(ctx, f.databaseURL("postgres", "postgres"))
	if err != nil {
		return err
	}
	defer first.Close(ctx)
	for _, create := range []string{
		"create database " + productDatabase + " owner siegel_owner",
		"create database " + floorDatabase,
	} {
		if _, err := first.Exec(ctx, create); err != nil {
			return err
		}
	}
	p, err := start(filepath.Join(f.dir, "migrate.log"), os.Stderr,
		[]string{"SIEGEL_OWNER_DATABASE_URL=" + f.databaseURL("siegel_owner", productDatabase)}, f.binary, "migrate")
	if err != nil {
		return err
	}
	<-p.done
	if !p.cmd.ProcessState.Success() {
		log, _ := os.ReadFile(filepath.Join(f.dir, "migrate.log"))
		return fmt.Errorf("siegel migrate: %s", log)
	}
	if f.db, err = pgx.Connect(ctx, f.databaseURL("postgres", productDatabase)); err != nil {
		return err
	}
	if f.floorDB, err = pgx.Connect(ctx, f.databaseURL("postgres", floorDatabase)); err != nil {
		return err
	}
	for n, c := range map[int]**redis.Client{productRedis: &f.redis, floorRedis: &f.floorRedis} {
		opt, err := redis.ParseURL(f.redisURL(n))
		if err != nil {
			return err
		}
		*c = redis.NewClient(opt)
	}
	return nil
}

// serve starts `siegel serve` on the product's stores. With plugin it runs the
// plugin that the demo uses.
func (f *field) serve(ctx context.Context, plugin bool) (*side, error) {
	return f.serveAt(ctx, plugin, "")
}

// environment is what a program of the product reads, for tenants below base and
// a server at addr.
func (f *field) environment(base, addr string) []string {
	return []string{
		"SIEGEL_DATABASE_URL=" + f.databaseURL("siegel_server", productDatabase),
		"SIEGEL_RELAY_DATABASE_URL=" + f.databaseURL("siegel_relay", productDatabase),
		"SIEGEL_REDIS_URL=" + f.redisURL(productRedis),
		"SIEGEL_SECRET=" + strings.Repeat("bench", 8),
		"SIEGEL_BASE_URL=http://" + base, "SIEGEL_LISTEN=" + addr,
		"SIEGEL_TRUSTED_PROXIES=127.0.0.0/8",
		"SIEGEL_SMTP_URL=" + f.sink.url(), "SIEGEL_MAIL_FROM=bench@siegel.example",
		"SIEGEL_OPERATOR_NAME=Bench", "SIEGEL_OPERATOR_ADDRESS=Messweg 1, 10115 Berlin", "SIEGEL_OPERATOR_EMAIL=bench@siegel.example",
	}
}

// serveAt starts one more server for the same base; empty is one of its own.
func (f *field) serveAt(ctx context.Context, plugin bool, base string) (*side, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if base == "" {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		base = "localhost:" + port
	}
	env := f.environment(base, addr)
	if plugin {
		env = append(env, "SIEGEL_PLUGIN_DIR="+filepath.Join(filepath.Dir(f.binary), "plugins"),
			"SIEGEL_SMS_PLUGIN=loopback", `SIEGEL_SMS_SETTINGS={"url":"`+f.demo.Mailbox+`"}`)
	}
	p, err := start(filepath.Join(f.dir, "serve.log"), nil, env, f.binary, "serve")
	if err != nil {
		return nil, err
	}
	p.addr = addr
	if err := p.ready(ctx, "/readyz"); err != nil {
		p.stop()
		log, _ := os.ReadFile(filepath.Join(f.dir, "serve.log"))
		return nil, fmt.Errorf("%w: %s", err, log)
	}
	return &side{process: p, base: base, code: f.sink.take, used: &f.productSlots}, nil
}

// sides starts what is not running yet.
func (f *field) sides(ctx context.Context) (err error) {
	if f.product == nil {
		if f.product, err = f.serve(ctx, true); err != nil {
			return err
		}
	}
	if f.floor != nil {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	addr, err := freeAddress()
	if err != nil {
		return err
	}
	p, err := start(filepath.Join(f.dir, "floor.log"), os.Stderr, []string{
		"FLOOR_DATABASE_URL=" + f.databaseURL("postgres", floorDatabase),
		"FLOOR_REDIS_URL=" + f.redisURL(floorRedis), "FLOOR_LISTEN=" + addr,
	}, self, floorCommand)
	if err != nil {
		return err
	}
	p.addr = addr
	// Nothing is sent by the floor: any code will do.
	f.floor = &side{process: p, base: "floor", used: &f.floorSlots, code: func(string) (string, bool) { return strings.Repeat("0", 22), true }}
	if err := p.ready(ctx, "/readyz"); err != nil {
		log, _ := os.ReadFile(filepath.Join(f.dir, "floor.log"))
		return fmt.Errorf("%w: %s", err, log)
	}
	return nil
}

// settle forgets what one round left in Redis and waits until the product has
// sent its mails, so that no round works for the one before.
func (f *field) settle(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var waiting int
		if err := f.db.QueryRow(ctx, `select count(*) from outbox where status = 'waiting'`).Scan(&waiting); err != nil {
			return err
		}
		if waiting == 0 {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d messages were not sent within a minute", waiting)
		}
	}
	return errors.Join(f.redis.FlushDB(ctx).Err(), f.floorRedis.FlushDB(ctx).Err())
}
