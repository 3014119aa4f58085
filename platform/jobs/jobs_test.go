package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/postgres/schema"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m, postgres.Set{Name: "platform", FS: schema.FS}))
}

// bundle is one test's outbox, seen by those who may.
type bundle struct {
	server, relay, super *postgres.DB
	urls                 *testdb.DB
	tenant               id.Tenant
	log                  *lines
}

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func setup(t testing.TB) bundle {
	t.Helper()
	urls := testdb.New(t)
	return bundle{
		server: testdb.OpenURL(t, urls.Server), relay: testdb.OpenURL(t, urls.Relay), super: testdb.OpenURL(t, urls.Super),
		urls: urls, tenant: id.New[id.Tenant](), log: &lines{},
	}
}

// add commits one message as the server does.
func (b bundle) add(t *testing.T, kind string, ttl time.Duration) id.Message {
	t.Helper()
	m := jobs.Message{ID: id.New[id.Message](), Tenant: b.tenant, Kind: kind, Ref: "ref", TTL: ttl}
	if err := b.server.Batch(t.Context(), b.tenant, func(batch *postgres.Batch) { jobs.Add(batch, m) }); err != nil {
		t.Fatal(err)
	}
	return m.ID
}

func (b bundle) config(handle jobs.Handler) jobs.Config {
	return jobs.Config{
		DB: b.relay, Handlers: map[string]jobs.Handler{"k": handle}, Poll: 20 * time.Millisecond,
		Backoff: func(int) time.Duration { return 20 * time.Millisecond },
		Logger:  slog.New(slog.NewTextHandler(b.log, nil)),
	}
}

// run starts a relay and returns what stops it and waits for its end.
func run(t *testing.T, c jobs.Config) (r *jobs.Relay, stop func()) {
	t.Helper()
	r, err := jobs.NewRelay(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the relay does not stop")
		}
	})
	t.Cleanup(stop)
	return r, stop
}

type row struct {
	Status, Reason string
	Attempts       int
	Finished       bool
	Claimed        bool
}

func (b bundle) row(t *testing.T, m id.Message) row {
	t.Helper()
	var r row
	if err := b.super.Global().NewRaw(`select status, reason, attempts, finished is not null as finished,
		status = 'waiting' and run_at > now() + interval '5 seconds' as claimed from outbox where id = ?`, m).Scan(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (b bundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.super.Global().NewRaw(sql, args...).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// ends waits until the message has ended and says how.
func (b bundle) ends(t *testing.T, m id.Message) row {
	t.Helper()
	for range 1000 {
		if r := b.row(t, m); r.Status != "waiting" {
			return r
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("still waiting: %+v\n%s", b.row(t, m), b.log)
	return row{}
}

func TestMessageIsSentOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := make(chan jobs.Message, 10)
	_, stop := run(t, b.config(func(_ context.Context, m jobs.Message) error { got <- m; return nil }))
	before := time.Now()
	m := b.add(t, "k", time.Hour)
	if r := b.ends(t, m); r != (row{Status: "sent", Attempts: 1, Finished: true}) {
		t.Errorf("got %+v", r)
	}
	stop()
	close(got)
	first := <-got
	if first.ID != m || first.Tenant != b.tenant || first.Kind != "k" || first.Ref != "ref" || first.Attempts != 1 || first.Late {
		t.Errorf("handed over %+v", first)
	}
	if d := first.Deadline.Sub(before); d < 59*time.Minute || d > 61*time.Minute {
		t.Errorf("deadline in %v", d)
	}
	if again, ok := <-got; ok {
		t.Errorf("handed over again: %+v", again)
	}
}

func TestTwoRelaysSendEachMessageOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	count := map[id.Message]int{}
	c := b.config(func(_ context.Context, m jobs.Message) error {
		mu.Lock()
		defer mu.Unlock()
		count[m.ID]++
		return nil
	})
	const n = 300
	var last id.Message
	for i := range n {
		last = b.add(t, "k", time.Hour)
		if i == n/3 { // both begin in the middle of the rush
			run(t, c)
			run(t, c)
		}
	}
	b.ends(t, last)
	for range 500 {
		var waiting int
		if err := b.super.Global().NewRaw(`select count(*) from outbox where status <> 'sent'`).Scan(t.Context(), &waiting); err != nil {
			t.Fatal(err)
		}
		if waiting == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(count) != n {
		t.Errorf("%d of %d messages were sent", len(count), n)
	}
	for m, k := range count {
		if k != 1 {
			t.Errorf("%s was sent %d times", m, k)
		}
	}
}

func TestWakeIsFasterThanThePoll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sent := make(chan time.Time, 1)
	c := b.config(func(context.Context, jobs.Message) error { sent <- time.Now(); return nil })
	c.Poll = time.Hour
	r, _ := run(t, c)
	time.Sleep(200 * time.Millisecond) // past the first look
	b.add(t, "k", time.Hour)
	r.Wake()
	r.Wake() // never blocks
	select {
	case <-sent:
	case <-time.After(5 * time.Second):
		t.Error("nobody woke up")
	}
}

func TestMoreMessagesThanWorkersNeedNoPoll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 20
	for range n {
		b.add(t, "k", time.Hour)
	}
	sent := make(chan struct{}, n)
	c := b.config(func(context.Context, jobs.Message) error { sent <- struct{}{}; return nil })
	c.Poll, c.Workers = time.Hour, 2
	run(t, c)
	for i := range n {
		select {
		case <-sent:
		case <-time.After(5 * time.Second):
			t.Fatalf("%d of %d were sent", i, n)
		}
	}
}

func TestFailedMessageIsTriedAgainWithGrowingPauses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	var at []time.Time
	c := b.config(func(_ context.Context, m jobs.Message) error {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Now())
		if m.Attempts < 4 {
			return fault.New(fault.Unavailable, "not_yet")
		}
		return nil
	})
	c.Backoff = func(attempts int) time.Duration { return 100 * time.Millisecond << attempts }
	run(t, c)
	m := b.add(t, "k", time.Hour)
	if r := b.ends(t, m); r.Status != "sent" || r.Attempts != 4 || r.Reason != "" {
		t.Errorf("got %+v", r)
	}
	mu.Lock()
	defer mu.Unlock()
	for i := range len(at) - 1 {
		if pause, least := at[i+1].Sub(at[i]), 100*time.Millisecond<<(i+1); pause < least {
			t.Errorf("pause %d was %v, less than %v", i+1, pause, least)
		}
	}
	if got := strings.Count(b.log.String(), "reason=not_yet"); got != 3 {
		t.Errorf("%d warnings", got)
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		want  row
		alarm bool
	}{
		"Lapsed":          {jobs.ErrLapsed, row{Status: "dropped", Reason: "address_lapsed", Attempts: 1, Finished: true}, false},
		"LapsedAndMore":   {errors.Join(errors.New("x"), jobs.ErrLapsed), row{Status: "dropped", Reason: "address_lapsed", Attempts: 1, Finished: true}, false},
		"Permanent":       {jobs.Permanent(fault.New(fault.Invalid, "no_such_number")), row{Status: "dead", Reason: "no_such_number", Attempts: 1, Finished: true}, true},
		"WithoutAReason":  {jobs.Permanent(errors.New("x")), row{Status: "dead", Reason: "internal", Attempts: 1, Finished: true}, true},
		"PermanentOfNone": {jobs.Permanent(nil), row{Status: "sent", Attempts: 1, Finished: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			run(t, b.config(func(context.Context, jobs.Message) error { return c.err }))
			if got := b.ends(t, b.add(t, "k", time.Hour)); got != c.want {
				t.Errorf("got %+v", got)
			}
			if alarmed := strings.Contains(b.log.String(), "level=ERROR"); alarmed != c.alarm {
				t.Errorf("log: %s", b.log)
			}
		})
	}
}

func TestUnknownKindIsDead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.config(func(context.Context, jobs.Message) error { return nil }))
	if r := b.ends(t, b.add(t, "other", time.Hour)); r.Status != "dead" || r.Reason != "unknown_kind" {
		t.Errorf("got %+v", r)
	}
}

func TestPanicIsDeadAndSaysNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.config(func(context.Context, jobs.Message) error { panic("mila@example.org") }))
	if r := b.ends(t, b.add(t, "k", time.Hour)); r.Status != "dead" || r.Reason != "handler_panicked" {
		t.Errorf("got %+v", r)
	}
	if strings.Contains(b.log.String(), "mila") {
		t.Errorf("log: %s", b.log)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		late error
		want string
	}{"AddressLapsed": {jobs.ErrLapsed, "dropped"}, "AddressStillThere": {fault.New(fault.Expired, "too_late"), "dead"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			var mu sync.Mutex
			var lates []bool
			run(t, b.config(func(_ context.Context, m jobs.Message) error {
				mu.Lock()
				defer mu.Unlock()
				lates = append(lates, m.Late)
				if m.Late {
					return c.late
				}
				return fault.New(fault.Unavailable, "not_yet")
			}))
			m := b.add(t, "k", time.Hour)
			for range 500 {
				if b.row(t, m).Attempts > 1 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			b.exec(t, `update outbox set deadline = now() - interval '6 seconds', run_at = now() - interval '1 second'`)
			if r := b.ends(t, m); r.Status != c.want {
				t.Errorf("got %+v", r)
			}
			mu.Lock()
			defer mu.Unlock()
			if !lates[len(lates)-1] || lates[0] {
				t.Errorf("late: %v", lates)
			}
		})
	}
}

func TestLastLookComesAfterTheDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.config(func(context.Context, jobs.Message) error { return fault.New(fault.Unavailable, "not_yet") })
	c.Backoff = func(int) time.Duration { return time.Hour }
	run(t, c)
	m := b.add(t, "k", time.Minute)
	for range 500 {
		if b.row(t, m).Reason != "" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	var after float64
	if err := b.super.Global().NewRaw(`select extract(epoch from run_at - deadline)::float8 from outbox`).Scan(t.Context(), &after); err != nil || after != 5 {
		t.Errorf("%v s after the deadline, %v", after, err)
	}
}

func TestHandlerEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	over := make(chan time.Duration, 1)
	run(t, b.config(func(ctx context.Context, m jobs.Message) error {
		if m.Late {
			return jobs.ErrLapsed
		}
		<-ctx.Done()
		end, _ := ctx.Deadline() // when this machine came round to it is not what is measured
		over <- end.Sub(m.Deadline)
		return ctx.Err()
	}))
	b.add(t, "k", 2*time.Second)
	select {
	case d := <-over:
		if d > 10*time.Millisecond { // of the two clocks
			t.Errorf("ended %v after it", d)
		}
	case <-time.After(10 * time.Second):
		t.Error("never ended")
	}
}

// A relay that dies between sending and recording leaves a claimed row behind.
func TestMessageOfADeadRelayIsSentAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dying, err := postgres.Open(t.Context(), postgres.Config{URL: b.urls.Relay})
	if err != nil {
		t.Fatal(err)
	}
	first, second := make(chan jobs.Message, 1), make(chan jobs.Message, 1)
	c := b.config(func(_ context.Context, m jobs.Message) error {
		dying.Close() // sent, and never again able to say so
		first <- m
		return nil
	})
	c.DB, c.Lease = dying, 2*time.Second
	_, stop := run(t, c)
	added := time.Now()
	m := b.add(t, "k", time.Hour)
	sent := <-first
	c.DB, c.Handlers = b.relay, map[string]jobs.Handler{"k": func(_ context.Context, m jobs.Message) error { second <- m; return nil }}
	run(t, c)
	again := <-second
	if again.ID != m || sent.ID != m || again.Attempts != 2 {
		t.Errorf("first %+v, then %+v", sent, again)
	}
	if d := time.Since(added); d < 2*time.Second { // it was claimed after that
		t.Errorf("taken over within the lease, after %v", d)
	}
	if r := b.ends(t, m); r != (row{Status: "sent", Attempts: 2, Finished: true}) {
		t.Errorf("got %+v", r)
	}
	stop()
	select {
	case m := <-second:
		t.Errorf("sent a third time: %+v", m)
	case m := <-first:
		t.Errorf("sent a third time: %+v", m)
	default:
	}
}

func TestRelayWhoseLeaseRanOutChangesNothingButSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want row
	}{
		"Failed": {errors.New("x"), row{Status: "waiting", Attempts: 2, Claimed: true}},
		"Lapsed": {jobs.ErrLapsed, row{Status: "waiting", Attempts: 2, Claimed: true}},
		"Dead":   {jobs.Permanent(errors.New("x")), row{Status: "waiting", Attempts: 2, Claimed: true}},
		"Sent":   {nil, row{Status: "sent", Attempts: 2, Finished: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			reached, release := make(chan struct{}), make(chan struct{})
			_, stop := run(t, b.config(func(context.Context, jobs.Message) error {
				close(reached)
				<-release
				return c.err
			}))
			m := b.add(t, "k", time.Hour)
			<-reached
			// Another relay claims it.
			b.exec(t, `update outbox set attempts = 2, run_at = now() + interval '1 hour'`)
			close(release)
			stop()
			if got := b.row(t, m); got != c.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestStoppingLetsMessagesFinish(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reached := make(chan struct{})
	_, stop := run(t, b.config(func(ctx context.Context, _ jobs.Message) error {
		close(reached)
		select {
		case <-time.After(300 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}))
	m := b.add(t, "k", time.Hour)
	<-reached
	stop()
	if r := b.row(t, m); r.Status != "sent" {
		t.Errorf("got %+v", r)
	}
}

func TestStoppingGivesBackWhatWasNotBegun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reached := make(chan struct{}, 1)
	c := b.config(func(ctx context.Context, _ jobs.Message) error {
		reached <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	c.Workers, c.Grace = 1, 100*time.Millisecond
	all := []id.Message{b.add(t, "k", time.Hour), b.add(t, "k", time.Hour), b.add(t, "k", time.Hour)}
	_, stop := run(t, c)
	<-reached
	claimed := 0
	for _, m := range all {
		if b.row(t, m).Claimed {
			claimed++
		}
	}
	if claimed < 2 {
		t.Fatalf("%d were claimed: nothing is shown", claimed)
	}
	stop()
	untouched := 0
	for _, m := range all {
		r := b.row(t, m)
		if r.Status != "waiting" || r.Claimed {
			t.Errorf("the next relay has to wait for the lease: %+v", r)
		}
		if r.Attempts == 0 {
			untouched++
		}
	}
	if untouched != 2 {
		t.Errorf("%d count as never begun, want 2", untouched)
	}
}

func TestStoppingWaitsNoLongerThanTheGrace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reached := make(chan struct{})
	c := b.config(func(ctx context.Context, _ jobs.Message) error {
		close(reached)
		<-ctx.Done()
		return ctx.Err()
	})
	c.Grace = 100 * time.Millisecond
	_, stop := run(t, c)
	m := b.add(t, "k", time.Hour)
	<-reached
	begun := time.Now()
	stop()
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("stopped after %v", d)
	}
	if r := b.row(t, m); r.Status != "waiting" || r.Claimed {
		t.Errorf("the next relay has to wait for the lease: %+v", r)
	}
}

func TestRelayLeavesNothingBehind(t *testing.T) {
	b := setup(t)
	before := goleak.IgnoreCurrent()
	r, stop := run(t, b.config(func(context.Context, jobs.Message) error { return nil }))
	m := b.add(t, "k", time.Hour)
	r.Wake()
	b.ends(t, m)
	stop()
	for _, db := range []*postgres.DB{b.relay, b.server, b.super} {
		db.Close()
	}
	goleak.VerifyNone(t, before, goleak.IgnoreTopFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
}

func TestFinishedMessagesAreThrownAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	insert := func(status, age string) id.Message {
		m := b.add(t, "k", time.Hour)
		b.exec(t, `update outbox set status = ?, finished = now() - ?::interval where id = ?`, status, age, m)
		return m
	}
	gone := []id.Message{insert("sent", "25 hours"), insert("dropped", "25 hours"), insert("dead", "15 days")}
	kept := []id.Message{insert("sent", "23 hours"), insert("dropped", "23 hours"), insert("dead", "13 days")}
	run(t, b.config(func(context.Context, jobs.Message) error { return nil }))
	b.ends(t, b.add(t, "k", time.Hour))
	for range 500 {
		var n int
		if err := b.super.Global().NewRaw(`select count(*) from outbox where id in (?)`, bun.List(gone)).Scan(t.Context(), &n); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, m := range kept {
		if r := b.row(t, m); !r.Finished {
			t.Errorf("got %+v", r)
		}
	}
}

func TestRolledBackTransactionSendsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refused := errors.New("rolled back")
	err := b.server.InTenant(t.Context(), b.tenant, func(ctx context.Context, tx bun.Tx) error {
		if err := jobs.AddTx(ctx, tx, jobs.Message{Tenant: b.tenant, Kind: "k", Ref: "ref", TTL: time.Hour}); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if n := b.count(t); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func (b bundle) count(t *testing.T) (n int) {
	t.Helper()
	if err := b.super.Global().NewRaw(`select count(*) from outbox`).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAddRefusesWhatIsNoReference(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := jobs.Message{Tenant: b.tenant, Kind: "k", Ref: "ref", TTL: time.Hour}
	add := func(m jobs.Message) (inBatch, inTx error) {
		inBatch = b.server.Batch(t.Context(), b.tenant, func(batch *postgres.Batch) { jobs.Add(batch, m) })
		inTx = b.server.InTenant(t.Context(), b.tenant, func(ctx context.Context, tx bun.Tx) error { return jobs.AddTx(ctx, tx, m) })
		return inBatch, inTx
	}
	if inBatch, inTx := add(good); inBatch != nil || inTx != nil || b.count(t) != 2 {
		t.Fatalf("%v, %v", inBatch, inTx)
	}
	for name, spoil := range map[string]func(*jobs.Message){
		"MailAddress": func(m *jobs.Message) { m.Ref = "mila@example.org" },
		"Number":      func(m *jobs.Message) { m.Ref = "+4915112345678" },
		"Text":        func(m *jobs.Message) { m.Ref = "two words" },
		"Nothing":     func(m *jobs.Message) { m.Ref = "" },
		"Long":        func(m *jobs.Message) { m.Ref = strings.Repeat("a", 101) },
		"NoKind":      func(m *jobs.Message) { m.Kind = "" },
		"NoTenant":    func(m *jobs.Message) { m.Tenant = id.Tenant{} },
		"NoTTL":       func(m *jobs.Message) { m.TTL = 0 },
		"OtherTenant": func(m *jobs.Message) { m.Tenant = id.New[id.Tenant]() },
	} {
		m := good
		spoil(&m)
		inBatch, inTx := add(m)
		if inBatch == nil || inTx == nil {
			t.Errorf("%s: %v, %v", name, inBatch, inTx)
		}
		if name != "OtherTenant" && !errors.Is(inTx, jobs.ErrMalformed) {
			t.Errorf("%s: %v", name, inTx)
		}
	}
	if n := b.count(t); n != 2 {
		t.Errorf("%d messages", n)
	}
}

func TestRelayOutlivesAnAbsentDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run(t, b.config(func(context.Context, jobs.Message) error { return nil }))
	for range 3 {
		b.exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'siegel_relay' and datname = current_database()`)
		time.Sleep(30 * time.Millisecond)
	}
	if r := b.ends(t, b.add(t, "k", time.Hour)); r.Status != "sent" {
		t.Errorf("got %+v", r)
	}
}

func TestNewRelayRefusesNonsense(t *testing.T) {
	t.Parallel()
	if _, err := jobs.NewRelay(jobs.Config{}); err == nil {
		t.Error("no database is accepted")
	}
	if _, err := jobs.NewRelay(jobs.Config{DB: &postgres.DB{}, Workers: -1}); err == nil {
		t.Error("no workers are accepted")
	}
}

// Two relays share the outbox by kind: what one cannot carry does not wait
// before the other's.
func TestRelaysShareByKind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hung := make(chan struct{})
	defer close(hung)
	slow := b.config(func(ctx context.Context, _ jobs.Message) error {
		select {
		case <-hung:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	slow.Workers, slow.Only = 1, []string{"k"}
	quick := b.config(nil)
	quick.Handlers = map[string]jobs.Handler{"mail": func(context.Context, jobs.Message) error { return nil }}
	quick.Except = []string{"k"}
	for range 20 {
		b.add(t, "k", time.Minute)
	}
	mail, stray := b.add(t, "mail", time.Minute), b.add(t, "stray", time.Minute)
	run(t, slow)
	run(t, quick)
	for name, want := range map[id.Message]string{mail: "sent", stray: "dead"} {
		for deadline := time.Now().Add(10 * time.Second); b.row(t, name).Status != want; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("got %+v, want %s", b.row(t, name), want)
			}
		}
	}
	var touched int
	if err := b.super.Global().NewRaw(`select count(*) from outbox where kind = 'k' and status <> 'waiting'`).Scan(t.Context(), &touched); err != nil || touched != 0 {
		t.Errorf("%d of the slow kind were touched, %v", touched, err)
	}
}

func TestAMessageForLaterWaitsForItsTimeAndLivesFromThenOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	m := jobs.Message{Tenant: b.tenant, Kind: "k", Ref: "ref", TTL: 2 * time.Hour, At: at}
	if err := b.server.Batch(t.Context(), b.tenant, func(batch *postgres.Batch) { jobs.Add(batch, m) }); err != nil {
		t.Fatal(err)
	}
	if err := b.server.InTenant(t.Context(), b.tenant, func(ctx context.Context, tx bun.Tx) error { return jobs.AddTx(ctx, tx, m) }); err != nil {
		t.Fatal(err)
	}
	var good int
	err := b.super.Global().NewRaw(`select count(*) from outbox where run_at = ?0 and deadline = ?0::timestamptz + interval '2 hours'`, at).Scan(t.Context(), &good)
	if err != nil || good != 2 {
		t.Errorf("%d of 2 wait until %v, %v", good, at, err)
	}
	m.At = time.Now().Add(-time.Hour)
	if err := b.server.Batch(t.Context(), b.tenant, func(batch *postgres.Batch) { jobs.Add(batch, m) }); err != nil {
		t.Fatal(err)
	}
	err = b.super.Global().NewRaw(`select count(*) from outbox where run_at <= now() and deadline > now() + interval '119 minutes'`).Scan(t.Context(), &good)
	if err != nil || good != 1 {
		t.Errorf("what is past does not run at once: %d, %v", good, err)
	}
}

// BenchmarkClaim claims as a relay with all workers free does, out of a hundred
// thousand messages that are due.
func BenchmarkClaim(b *testing.B) {
	x := setup(b)
	relay, err := jobs.NewRelay(x.config(nil))
	if err != nil {
		b.Fatal(err)
	}
	const together = 16
	claimed := 0
	var took time.Duration
	for b.Loop() {
		if claimed%80_000 == 0 { // always tens of thousands are left
			if _, err := x.super.Global().NewRaw(`insert into outbox (id, tenant_id, kind, ref, run_at, deadline)
				select gen_random_uuid(), ?, 'k', 'ref', now(), now() + interval '1 day' from generate_series(1, 100000)`, x.tenant).Exec(b.Context()); err != nil {
				b.Fatal(err)
			}
			if _, err := x.super.Global().NewRaw(`analyze outbox`).Exec(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		began := time.Now()
		n, err := relay.Claim(b.Context(), together)
		took += time.Since(began)
		if err != nil || n != together {
			b.Fatal(n, err)
		}
		claimed += n
	}
	b.ReportMetric(float64(took.Nanoseconds())/1000/float64(claimed), "µs/message")
}
