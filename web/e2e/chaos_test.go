package e2e_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// patients is how many book at the same time.
const patients = 6

// TestChaos lets patients book without a pause while the server and what it
// stands on is killed, frozen, cut off and filled up, one thing after the
// other. After each the promises are looked up in the database, and everything
// has to be as before.
//
// SIEGEL_CHAOS_SECONDS is how long each fault lasts, SIEGEL_CHAOS_SEED makes it
// another run; the same seed draws the same slots.
func TestChaos(t *testing.T) {
	c := newChaos(t)
	c.suffer(c.faults())
}

// fault is what happens while patients book.
type fault struct {
	name string
	do   func()
	// quiet: nobody's booking may fail meanwhile.
	quiet bool
}

func (c *chaos) faults() []fault {
	return []fault{
		{"NothingHappens", c.wait, true},
		{"ServerIsKilled", func() { c.pause(3); c.server.kill(); c.serve() }, false},
		{"ServerIsReplaced", c.replace, true},
		{"PluginsAreKilled", func() { c.signalPlugins(syscall.SIGKILL); c.wait() }, true},
		{"PluginsFreeze", func() { c.signalPlugins(syscall.SIGSTOP); c.wait(); c.signalPlugins(syscall.SIGCONT) }, true},
		{"RedisForgets", func() { c.must(c.d.redis.FlushAll(c.t.Context()).Err()); c.wait() }, false},
		{"RedisIsKilled", func() { c.store.kill(); c.wait(); c.startRedis() }, false},
		{"RedisFreezes", func() { c.store.signal(syscall.SIGSTOP); c.readable(); c.wait(); c.store.signal(syscall.SIGCONT) }, false},
		{"RedisIsFull", c.fillRedis, false},
		{"RedisIsCutOff", func() { c.toRedis.cut(true); c.wait(); c.toRedis.cut(false) }, false},
		{"ConnectionsToPostgresBreak", func() {
			for range 5 {
				c.toPostgres.breakAll()
				c.pause(5)
			}
		}, false},
		{"PostgresIsCutOff", func() { c.toPostgres.cut(true); c.wait(); c.toPostgres.cut(false) }, false},
		{"PostgresSaysNothing", func() { c.toPostgres.hold(true); c.wait(); c.toPostgres.hold(false) }, false},
		{"PostgresCrashes", c.crashPostgres, false},
		{"TwoConnectionsAreLeft", c.starve, false},
	}
}

// suffer brings one fault after the other and looks the promises up after each.
func (c *chaos) suffer(faults []fault) {
	t := c.t
	for _, f := range faults {
		if !t.Run(f.name, func(t *testing.T) {
			c.t = t
			c.clear()
			c.look()
			before := c.descriptors()
			c.book(f.do)
			if f.quiet && c.failed.Load() > 0 {
				t.Errorf("%d requests failed that nothing should have touched", c.failed.Load())
			}
			c.heal()
			c.check()
			if after := c.descriptors(); f.name != "ServerIsKilled" && f.name != "ServerIsReplaced" && after > before+24 {
				t.Errorf("the server had %d descriptors and has %d", before, after)
			}
		}) {
			break
		}
	}
}

// chaos is a server of its own on stores that it may ruin. The stores, but for
// Redis, are those of a demo that has made its practices and was put to sleep.
type chaos struct {
	t       *testing.T
	d       *demo // as visitors see it: the server's port, the mailbox, the stores
	asleep  *demo
	seed    uint64
	lasting time.Duration

	env                 []string
	server, store, post *child
	toPostgres, toRedis *proxy
	front               *proxy // where visitors come in
	dir, smtp, listen   string
	redisURL            string // as the server is told

	practice practice
	free     []slot
	visitors atomic.Int64
	failed   atomic.Int64 // answers that were none, or 5xx

	mu     sync.Mutex
	ledger []*attempt
}

// attempt is one patient's way, and what they were told at its end.
type attempt struct {
	form      form
	unread    bool   // the mail had not come when they gave up
	asked     bool   // a confirmation was sent
	confirmed bool   // and answered with 200
	end       string // the answer that ended it
}

// newChaos calls those who change what stands behind the server before it starts.
func newChaos(t *testing.T, change ...func(*chaos)) *chaos {
	t.Helper()
	number := func(name string, otherwise float64) float64 {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		return otherwise
	}
	c := &chaos{t: t, asleep: &demo{}, seed: uint64(number("SIEGEL_CHAOS_SEED", 1)), dir: t.TempDir()}
	c.lasting = time.Duration(number("SIEGEL_CHAOS_SECONDS", 1) * float64(time.Second))
	t.Logf("seed %d, each fault lasts %v", c.seed, c.lasting)
	if err := c.asleep.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.asleep.process.Signal(syscall.SIGCONT)
		if err := c.asleep.stop(); err != nil {
			t.Error(err)
		}
	})
	c.sleep()
	c.startRedis()
	c.toRedis = newProxy(t, filepath.Join(c.dir, "redis.sock"))
	c.toPostgres = newProxy(t, c.asleep.db.Config().Host+"/.s.PGSQL.5432")
	c.d = &demo{db: c.asleep.db, redis: c.redisClient()}
	c.openMailbox()
	c.front = newProxy(t, "")
	_, c.d.port, _ = net.SplitHostPort(c.front.addr)
	c.redisURL = "redis://" + c.toRedis.addr + "/0"
	for _, do := range change {
		do(c)
	}
	c.serve()
	t.Cleanup(func() { c.server.stop(); c.post.stop(); c.store.kill() })

	c.practice = c.d.visitor(c.d.host("praxis-sonnenberg"), 0).practice(t)
	return c
}

// sleep puts the demo to sleep, not amid a transaction: it would stay open.
func (c *chaos) sleep() {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c.must(c.asleep.process.Signal(syscall.SIGSTOP))
		time.Sleep(50 * time.Millisecond) // the database answers what was asked
		if c.asleep.count(c.t, `select count(*) from pg_stat_activity where usename in ('siegel_server', 'siegel_relay') and state <> 'idle'`) == 0 {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatal("the demo does not come to rest")
		}
		c.must(c.asleep.process.Signal(syscall.SIGCONT))
	}
}

// clear makes room for the next fault: what the last one's patients booked has
// been checked, and a fast machine books a practice out.
func (c *chaos) clear() {
	c.t.Helper()
	if _, err := c.d.db.Exec(c.t.Context(), `delete from appointment where tenant_id = $1`, c.practice.Tenant); err != nil {
		c.t.Fatal(err)
	}
}

// look finds what is free by now.
func (c *chaos) look() {
	c.t.Helper()
	v := c.d.visitor(c.d.host("praxis-sonnenberg"), 0)
	defer v.client.CloseIdleConnections()
	c.free = nil
	for _, doctor := range []string{"Herr Dr. Berg", "Frau Dr. Sommer"} {
		c.free = append(c.free, v.slots(c.t, c.practice.Services["Allgemeine Sprechstunde"], c.practice.Doctors[doctor])...)
	}
}

func (c *chaos) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *chaos) wait() { time.Sleep(c.lasting) }

// pause is a part of how long a fault lasts.
func (c *chaos) pause(part int) { time.Sleep(c.lasting / time.Duration(part)) }

// freePort is none of those that the system gives whoever asks for any: nobody
// takes it before it is listened on.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20_000 + rand.IntN(10_000))
		if ln, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			ln.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// serve starts a server, waits until it is ready, and lets visitors come to it.
func (c *chaos) serve() {
	c.t.Helper()
	c.listen = "127.0.0.1:" + freePort(c.t)
	c.server = c.start("server", nil)
	c.ready()
	c.front.lead(c.listen)
}

func (c *chaos) start(name string, out io.Writer, args ...string) *child {
	c.t.Helper()
	binary, err := filepath.Abs(cmp.Or(os.Getenv("SIEGEL_BINARY"), binary))
	c.must(err)
	if len(args) == 0 {
		args = []string{"serve"}
		secret, err := os.ReadFile(filepath.Join(c.asleep.data, "secret"))
		c.must(err)
		c.env = []string{
			"SIEGEL_DATABASE_URL=postgres://siegel_server@" + c.toPostgres.addr + "/siegel?sslmode=disable",
			"SIEGEL_RELAY_DATABASE_URL=postgres://siegel_relay@" + c.toPostgres.addr + "/siegel?sslmode=disable",
			"SIEGEL_REDIS_URL=" + c.redisURL, "SIEGEL_SECRET=" + string(secret),
			"SIEGEL_BASE_URL=http://localhost:" + c.d.port, "SIEGEL_LISTEN=" + c.listen,
			"SIEGEL_SMTP_URL=smtp://" + c.smtp, "SIEGEL_MAIL_FROM=termine@siegel.example",
			// The demo's own: agreements with another would have to be made first.
			"SIEGEL_OPERATOR_NAME=Siegel Demo", "SIEGEL_OPERATOR_ADDRESS=Beispielallee 1, 76131 Karlsruhe",
			"SIEGEL_OPERATOR_EMAIL=hallo@siegel.example", "SIEGEL_OPERATOR_PHONE=+49 721 000100",
			"SIEGEL_PLUGIN_DIR=" + filepath.Join(filepath.Dir(binary), "plugins"), "SIEGEL_SMS_PLUGIN=loopback",
			`SIEGEL_SMS_SETTINGS={"url":"` + c.d.table.Mailbox + `"}`,
		}
	}
	return spawn(c.t, filepath.Join(c.dir, name+".log"), out, c.env, binary, args...)
}

// openMailbox starts one whose address for mail is known.
func (c *chaos) openMailbox() {
	c.t.Helper()
	r, w, err := os.Pipe()
	c.must(err)
	defer r.Close()
	c.post = c.start("mailbox", w, "mailbox", "--http", "127.0.0.1:0")
	w.Close()
	line, err := bufio.NewReader(r).ReadBytes('\n')
	c.must(err)
	var at struct{ SMTP, HTTP string }
	c.must(json.Unmarshal(line, &at))
	c.d.table.Mailbox = at.HTTP
	c.smtp = at.SMTP
}

// ready waits until the server answers and can do its work.
func (c *chaos) ready() {
	c.t.Helper()
	one := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if c.server.ended() {
			c.t.Fatalf("the server has ended: %s", c.server.said())
		}
		if res, err := one.Get("http://" + c.listen + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
	}
	c.t.Fatalf("the server is not ready within 30 s: %s", c.server.said())
}

// book lets patients book while something happens, and returns when each of
// them knows how it ended.
func (c *chaos) book(meanwhile func()) {
	c.ledger = nil
	c.failed.Store(0)
	over, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for n := range patients {
		draw := rand.New(rand.NewPCG(c.seed, uint64(n)+uint64(len(c.t.Name()))<<8))
		all.Go(func() {
			for over.Err() == nil {
				// Few enough that they meet, now and then.
				c.try(c.free[draw.IntN(min(len(c.free), 300))])
			}
		})
	}
	c.pause(2)
	meanwhile()
	c.pause(2)
	stop()
	all.Wait()
}

// try goes one patient's way and does what a browser does where there is no
// answer: it asks again, with the same key.
func (c *chaos) try(s slot) {
	v := c.d.visitor(c.d.host("praxis-sonnenberg"), int(1+c.visitors.Add(1)%60000))
	defer v.client.CloseIdleConnections()
	v.client.Timeout = 5 * time.Second
	a := &attempt{form: newForm()}
	until := time.Now().Add(20 * time.Second)
	said := c.insist(v, until, "/api/v1/holds", a.form.hold(s))
	if said.Status == 201 {
		if said = c.insist(v, until, "/api/v1/bookings", a.form.booking(c.practice)); said.Status == 202 {
			code := ""
			// Mails that a killed server had taken come half a minute later: nobody
			// here waits for them.
			patience := time.Now().Add(4 * time.Second)
			code, said.Err = c.d.code(a.form.Address, func() bool {
				if time.Now().Before(patience) {
					return false
				}
				peek := v.post("/api/v1/bookings/peek", map[string]any{"secret": b64(a.form.Secret)})
				a.unread = peek.Status == 200
				return true
			})
			if said.Status = 0; code != "" {
				a.asked = true
				said = c.insist(v, until, "/api/v1/bookings/confirm", a.form.confirmation(code))
				a.confirmed = said.Status == 200
			}
		}
	}
	if a.end = said.String(); a.unread {
		a.end = "no mail yet"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ledger = append(c.ledger, a)
}

func (c *chaos) insist(v *visitor, until time.Time, path string, body any) answer {
	raw, err := json.Marshal(body)
	if err != nil {
		return answer{Err: err}
	}
	key := onceKey()
	for {
		a := v.send(http.MethodPost, path, raw, "Idempotency-Key", key)
		if a.Err == nil && a.Status < 500 || time.Now().After(until) {
			return a
		}
		c.failed.Add(1)
		if a.Err == nil && (a.Status != 503 || a.Header.Get("Retry-After") == "") {
			c.t.Errorf("%s is answered with %s and Retry-After %q\n%s", path, a, a.Header.Get("Retry-After"), c.server.said())
			return a
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// heal waits until a patient can book again.
func (c *chaos) heal() {
	c.t.Helper()
	c.ready()
	before := len(c.ledger)
	for deadline := time.Now().Add(30 * time.Second); ; {
		c.try(c.free[rand.IntN(len(c.free))])
		last := c.ledger[len(c.ledger)-1]
		if last.confirmed {
			return
		}
		if strings.HasSuffix(last.end, "slot_taken") {
			c.look() // much of what was free has been booked since
		}
		if time.Now().After(deadline) {
			ends := tally{}
			for _, a := range c.ledger[before:] {
				ends[a.end]++
			}
			c.t.Fatalf("nobody can book 30 s after: %v\n%s", ends, c.server.said())
		}
	}
}

// promises are what no fault may break: how many rows break each.
var promises = map[string]string{
	"occupations of a unit overlap (I1)": `select count(*) from occupation a join occupation b
		on (a.tenant_id, a.resource_id, a.unit) = (b.tenant_id, b.resource_id, b.unit) and a.appointment_id < b.appointment_id
		and a.session <> b.session and a.starts < b.ends and b.starts < a.ends`,
	"units lie above the capacity (I1)":                `select count(*) from occupation o join resource r on (r.tenant_id, r.id) = (o.tenant_id, o.resource_id) where o.unit > r.capacity and r.overflow = 0`,
	"bookings have two appointments (I3)":              `select count(*) from (select from appointment where status <> 'cancelled' and set_id is null group by tenant_id, booking_id having count(*) > 1) x`,
	"online bookings have not one letter (I9)":         `select count(*) from appointment a where source = 'online' and 1 <> (select count(*) from envelope e where (e.tenant_id, e.appointment_id) = (a.tenant_id, a.id)) + (select count(*) from card k where (k.tenant_id, k.appointment_id) = (a.tenant_id, a.id))`,
	"online bookings have not one copy (I9)":           `select count(*) from appointment a where source = 'online' and 1 <> (select count(*) from patient_copy k where (k.tenant_id, k.appointment_id) = (a.tenant_id, a.id))`,
	"booked times are not taken (I1)":                  `select count(*) from appointment a where status = 'booked' and starts > now() and not exists (select from occupation o where (o.tenant_id, o.appointment_id) = (a.tenant_id, a.id))`,
	"taken times are of nobody (I6)":                   `select count(*) from occupation o where not exists (select from appointment a where (a.tenant_id, a.id) = (o.tenant_id, o.appointment_id) and status <> 'cancelled')`,
	"messages died (I12)":                              `select count(*) from outbox where status = 'dead'`,
	"messages were sent with a state but no end (I12)": `select count(*) from outbox where (status = 'waiting') <> (finished is null)`,
	"more was spent than there is (I17)":               `select count(*) from message_budget where taken > ceiling`,
	"transactions were left open (I21)":                `select count(*) from pg_stat_activity where state like 'idle in transaction%' and now() - state_change > interval '5 seconds'`,
	"bookings have no entry in the trail (I19)":        `select count(*) from appointment a where created > now() - interval '5 minutes' and not exists (select from audit_entry e where e.tenant_id = a.tenant_id and e.object = 'apt_' || a.id)`,
}

// check looks the promises up, and everybody's answer. What a killed server had
// taken out of the outbox is waited for at the very end.
func (c *chaos) check() {
	c.t.Helper()
	// A lease is half a minute, the longest pause before the next attempt a minute.
	for deadline := time.Now().Add(100 * time.Second); c.d.count(c.t, `select count(*) from outbox where status = 'waiting'
		and (run_at <= now() or attempts > 0 and $1)`, strings.HasSuffix(c.t.Name(), "/TwoConnectionsAreLeft")) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatal("the outbox does not empty (I12)")
		}
	}
	for promise, query := range promises {
		if n := c.d.count(c.t, query); n != 0 {
			c.t.Errorf("%d %s", n, promise)
		}
	}
	ends, confirmed := tally{}, 0
	for _, a := range c.ledger {
		hash := sha256.Sum256(a.form.Secret)
		n := c.d.count(c.t, `select count(*) from appointment where secret_hash = $1`, hash[:])
		switch {
		case a.confirmed && n != 1:
			c.t.Errorf("a booking that was confirmed exists %d times (I2)", n)
		case !a.asked && n != 0:
			c.t.Errorf("a booking exists that nobody confirmed (I3)")
		case n > 1:
			c.t.Errorf("a booking exists %d times (I3)", n)
		}
		if a.confirmed {
			confirmed++
		}
		ends[a.end]++
	}
	if confirmed == 0 {
		c.t.Error("nobody booked at all")
	}
	c.d.forgetMessages(c.t)
	c.t.Logf("%d answers failed; %v", c.failed.Load(), ends)
}

// readable makes sure that the practice's page needs no Redis.
func (c *chaos) readable() {
	v := c.d.visitor(c.d.host("praxis-sonnenberg"), 60001)
	defer v.client.CloseIdleConnections()
	if a := v.get("/api/v1/practice"); a.Status != 200 {
		c.t.Errorf("without Redis the practice's page says %s", a)
	}
}

// replace starts the next server beside the old one, as a rolling update does,
// and then asks the old one to go.
func (c *chaos) replace() {
	old := c.server
	c.serve()
	c.pause(2)
	old.signal(syscall.SIGTERM)
	old.wait(c.t, 30*time.Second)
	c.pause(2)
}

func (c *chaos) signalPlugins(s syscall.Signal) {
	for _, pid := range children(c.server.cmd.Process.Pid) {
		_ = syscall.Kill(pid, s)
	}
}

// fillRedis leaves no room for anything new.
func (c *chaos) fillRedis() {
	ctx := c.t.Context()
	c.must(c.d.redis.ConfigSet(ctx, "maxmemory", "1").Err())
	c.wait()
	c.must(c.d.redis.ConfigSet(ctx, "maxmemory", "0").Err())
}

// crashPostgres kills one of its processes, upon which it ends all of them and
// recovers from its log.
func (c *chaos) crashPostgres() {
	var pid int
	c.must(c.d.db.QueryRow(c.t.Context(), `select pid from pg_stat_activity where usename = 'siegel_server' and backend_type = 'client backend' limit 1`).Scan(&pid))
	host := c.d.db.Config().Host
	c.must(syscall.Kill(pid, syscall.SIGKILL))
	c.wait()
	c.reconnect(host)
}

// starve leaves the server two connections.
func (c *chaos) starve() {
	exec := func(sql string) {
		_, err := c.d.db.Exec(c.t.Context(), sql)
		c.must(err)
	}
	exec(`alter role siegel_server connection limit 2`)
	c.toPostgres.breakAll()
	c.wait()
	exec(`alter role siegel_server connection limit -1`)
}

// startRedis starts an empty one where the last one was.
func (c *chaos) startRedis() {
	c.t.Helper()
	socket := filepath.Join(c.dir, "redis.sock")
	_ = os.Remove(socket)
	c.store = spawn(c.t, filepath.Join(c.dir, "redis.log"), nil, nil, "redis-server", "--port", "0", "--unixsocket", socket,
		"--dir", c.dir, "--save", "", "--appendonly", "no", "--repl-diskless-load", "swapdb", "--maxmemory-policy", "noeviction")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return
		}
		if c.store.ended() || time.Now().After(deadline) {
			c.t.Fatalf("redis does not start: %s", c.store.said())
		}
	}
}

func (c *chaos) redisClient() *redis.Client {
	r := redis.NewClient(&redis.Options{Network: "unix", Addr: filepath.Join(c.dir, "redis.sock"), Protocol: 2})
	c.t.Cleanup(func() { r.Close() })
	return r
}

// reconnect is for the test's own connection, which broke with all others.
func (c *chaos) reconnect(host string) {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		db, err := pgx.Connect(context.Background(), "host="+host+" port=5432 user=postgres dbname=siegel sslmode=disable")
		if err == nil {
			c.d.db, c.asleep.db = db, db
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("postgres does not come back: %v", err)
		}
	}
}

func (c *chaos) descriptors() int {
	found, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.server.cmd.Process.Pid))
	return len(found)
}

// child is a process that a test has started.
type child struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

func spawn(t *testing.T, log string, out io.Writer, env []string, name string, args ...string) *child {
	t.Helper()
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := &child{cmd: exec.Command(name, args...), log: log, done: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr, c.cmd.Env = out, file, append(os.Environ(), env...)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	return c
}

func (c *child) signal(s syscall.Signal) { _ = c.cmd.Process.Signal(s) }

func (c *child) kill() {
	if c != nil {
		c.signal(syscall.SIGKILL)
		<-c.done
	}
}

func (c *child) stop() {
	if c == nil {
		return
	}
	c.signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(30 * time.Second):
		c.kill()
	}
}

func (c *child) wait(t *testing.T, most time.Duration) {
	t.Helper()
	select {
	case <-c.done:
	case <-time.After(most):
		t.Errorf("it did not end within %v: %s", most, c.said())
		c.kill()
	}
}

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// said is the end of its log.
func (c *child) said() string {
	text, _ := os.ReadFile(c.log)
	return string(text[max(0, len(text)-4096):])
}

func children(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		content, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(content)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// proxy stands between the server and one of its stores (a socket's path), or
// before it (an address).
type proxy struct {
	addr string

	mu    sync.Mutex
	to    string
	off   bool
	still chan struct{} // while it is open nothing passes; nil where all does
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: ln.Addr().String(), to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { ln.Close(); p.breakAll() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go p.pass(conn)
		}
	}()
	return p
}

func (p *proxy) pass(from net.Conn) {
	defer from.Close()
	p.mu.Lock()
	off, target, network := p.off, p.to, "unix"
	p.mu.Unlock()
	if off {
		return
	}
	var dialer net.Dialer
	if !strings.HasPrefix(target, "/") { // as whoever came in
		network = "tcp"
		dialer.LocalAddr = &net.TCPAddr{IP: from.RemoteAddr().(*net.TCPAddr).IP}
	}
	to, err := dialer.Dial(network, target)
	if err != nil {
		return
	}
	defer to.Close()
	p.mu.Lock()
	p.conns[from] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, from)
		p.mu.Unlock()
	}()
	both := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			p.copy(way[1], way[0])
			both <- struct{}{}
		}()
	}
	<-both
}

func (p *proxy) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		still := p.still
		p.mu.Unlock()
		if still != nil {
			<-still
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// lead has whoever comes from now on led elsewhere.
func (p *proxy) lead(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = to
}

func (p *proxy) breakAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range maps.Clone(p.conns) {
		c.Close()
	}
}

// cut refuses everybody, and ends what there is.
func (p *proxy) cut(off bool) {
	p.mu.Lock()
	p.off = off
	p.mu.Unlock()
	if off {
		p.breakAll()
	}
}

// hold lets nothing pass and ends nothing: half-open, as the network sees it.
func (p *proxy) hold(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on {
		p.still = make(chan struct{})
	} else {
		close(p.still)
		p.still = nil
	}
}
