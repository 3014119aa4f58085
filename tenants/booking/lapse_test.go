package booking_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/booking"
	"siegel/tenants/inbox"
	"siegel/tenants/notify"
	"siegel/tenants/tenanttest"
)

// waited is a practice whose database and service read a clock of the test's,
// with a relay that ends requests.
type waited struct {
	*bench
	super *postgres.DB
	relay *jobs.Relay

	mu  sync.Mutex
	now time.Time
}

func (w *waited) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func newWaited(t *testing.T) *waited {
	t.Helper()
	w := &waited{bench: setup(t), now: time.Now().Truncate(time.Second)}
	w.super = testdb.OpenURL(t, w.URLs.Super)
	// Whoever connects from here on asks this clock for the time.
	for _, q := range []string{
		`create schema fake`, `create table fake.clock (t timestamptz not null)`, `grant usage on schema fake to public`, `grant select on fake.clock to public`,
		`create function fake.now() returns timestamptz language sql stable as 'select t from fake.clock'`,
		`do $$ begin execute format('alter database %I set search_path = fake, pg_catalog, public', current_database()); end $$`,
		`insert into fake.clock values (now())`,
	} {
		if _, err := w.super.Global().NewRaw(q).Exec(t.Context()); err != nil {
			t.Fatal(q, err)
		}
	}
	w.DB = testdb.OpenURL(t, w.URLs.Server)
	var err error
	if w.Service, err = booking.NewService(booking.Config{
		DB: w.DB, Redis: w.Redis, Practice: w.Practice, Keyring: w.Keyring, Budget: notify.Budget{}, Base: "localhost:8080", Now: w.clock,
		PatientURL: func(context.Context, id.Tenant) (string, error) { return "http://praxis.localhost:8080", nil },
	}); err != nil {
		t.Fatal(err)
	}
	if w.relay, err = jobs.NewRelay(jobs.Config{
		DB: testdb.OpenURL(t, w.URLs.Relay), Only: []string{booking.LapseKind}, Handlers: map[string]jobs.Handler{booking.LapseKind: w.Lapse}, Poll: time.Hour,
		Lease: 500 * 24 * time.Hour, // by a clock that leaps
	}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.relay.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	w.set(t, w.now)
	return w
}

// set puts both clocks to an instant and waits until all that is due was done.
func (w *waited) set(t *testing.T, at time.Time) {
	t.Helper()
	w.mu.Lock()
	w.now = at
	w.mu.Unlock()
	if _, err := w.super.Global().NewRaw(`update fake.clock set t = ?`, at).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	for due := 1; due > 0; {
		w.relay.Wake()
		// What is being carried is put off by the lease.
		if err := w.super.Global().NewRaw(`select count(*) from outbox where kind = ?0 and status = 'waiting'
			and not (run_at > ?1::timestamptz and run_at < ?1::timestamptz + interval '400 days')`, booking.LapseKind, at).Scan(t.Context(), &due); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *waited) standing(t *testing.T, secret []byte) booking.Visit {
	t.Helper()
	found, err := w.View(t.Context(), w.Tenant.ID, secret)
	if err != nil {
		t.Fatal(err)
	}
	return found.Visit
}

func TestARequestThatNobodyAnswersLapsesAndItsTimeIsFree(t *testing.T) {
	t.Parallel()
	w := newWaited(t)
	began, asked := w.clock(), tenanttest.At(9, 9, 0)
	if err := w.SetRequestHours(t.Context(), w.Tenant.ID, 48); err != nil {
		t.Fatal(err)
	}
	made, secret := w.requested(t, asked)
	until := began.Add(48 * time.Hour)
	if !made.AnswerUntil.Equal(until) || !w.standing(t, secret).AnswerUntil.Equal(until) {
		t.Errorf("it waits until %v and %v, want %v", made.AnswerUntil, w.standing(t, secret).AnswerUntil, until)
	}
	// The time that its patient was told stands, whatever is decided later.
	if err := w.SetRequestHours(t.Context(), w.Tenant.ID, 1); err != nil {
		t.Fatal(err)
	}
	w.set(t, until.Add(-time.Second))
	if got := w.standing(t, secret); got.Status != booking.StatusPending || w.listed(t, w.Quarter, asked) {
		t.Fatalf("a second before: %+v", got)
	}
	w.set(t, until)
	if got := w.standing(t, secret); got.Status != booking.StatusCancelled || !got.Lapsed {
		t.Fatalf("it is %+v", got)
	}
	if !w.listed(t, w.Quarter, asked) || w.count(t, "occupation") != 0 {
		t.Error("its time is not free")
	}
	if err := w.Accept(t.Context(), w.Tenant.ID, made.Appointment); !errors.Is(err, booking.ErrWrongStatus) {
		t.Errorf("accepted afterwards: %v", err)
	}
}

func TestWhatWasAnsweredDoesNotLapse(t *testing.T) {
	t.Parallel()
	w := newWaited(t)
	ctx, tenant := t.Context(), w.Tenant.ID
	accepted, first := w.requested(t, tenanttest.At(20, 9, 0))
	declined, second := w.requested(t, tenanttest.At(20, 10, 0))
	proposed, third := w.requested(t, tenanttest.At(20, 11, 0))
	if err := errors.Join(w.Accept(ctx, tenant, accepted.Appointment), w.Decline(ctx, tenant, declined.Appointment),
		w.Propose(ctx, tenant, proposed.Appointment, w.times(tenanttest.At(21, 9, 0)), 10*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.set(t, w.clock().Add(booking.DefaultRequestHours*time.Hour))
	if a, d, p := w.standing(t, first), w.standing(t, second), w.standing(t, third); a.Status != booking.StatusBooked || d.Lapsed || p.Status != booking.StatusProposed {
		t.Errorf("accepted %+v, declined %+v, proposed %+v", a, d, p)
	}
	// Other times that nobody has chosen lapse with the offer.
	w.set(t, w.clock().Add(7*24*time.Hour))
	if p := w.standing(t, third); p.Status != booking.StatusCancelled || !p.Lapsed {
		t.Errorf("an offer that is over leaves %+v", p)
	}
}

func TestARequestLapsesWhenItBegins(t *testing.T) {
	t.Parallel()
	w := newWaited(t)
	soon := tenanttest.At(1, 9, 0)
	made, secret := w.requested(t, soon)
	if !made.AnswerUntil.Equal(soon) {
		t.Errorf("it waits until %v, and begins at %v", made.AnswerUntil, soon)
	}
	w.set(t, soon)
	if got := w.standing(t, secret); !got.Lapsed {
		t.Errorf("it is %+v", got)
	}
}

func TestOfSeveralOfficesOneTellsOfALapsedRequest(t *testing.T) {
	t.Parallel()
	w := newWaited(t)
	ctx, tenant, asked := t.Context(), w.Tenant.ID, tenanttest.At(9, 9, 0)
	made, _ := w.requested(t, asked)
	letters, err := inbox.NewService(inbox.Config{DB: w.DB})
	if err != nil {
		t.Fatal(err)
	}
	untold := func() bool {
		t.Helper()
		entries, _, err := letters.Entries(ctx, tenant, asked.Add(-time.Hour), asked.Add(time.Hour))
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		return entries[0].Untold
	}
	once := booking.Released{Appointment: made.Appointment, Channel: booking.Mail, Address: "erika@muster.example", Once: true}
	if m, err := w.Tell(ctx, tenant, once); !errors.Is(err, booking.ErrAlreadyTold) || untold() {
		t.Errorf("told before anything has happened: %v, %v", m, err)
	}
	w.set(t, made.AnswerUntil)
	if !untold() {
		t.Error("the office does not see that somebody has to be told")
	}
	var wg sync.WaitGroup
	messages := make([]id.Message, 5)
	for i := range messages {
		wg.Go(func() {
			m, err := w.Tell(ctx, tenant, once)
			if err != nil && !errors.Is(err, booking.ErrAlreadyTold) {
				t.Error(err)
			}
			messages[i] = m
		})
	}
	wg.Wait()
	sent := 0
	for _, m := range messages {
		if m.IsZero() {
			continue
		}
		sent++
		out, err := w.ChangeToSend(ctx, tenant, m.UUID())
		if err != nil || out.Change != booking.ChangeLapsed || out.Link == "" || out.Address != "erika@muster.example" {
			t.Errorf("it says %+v, %v", out, err)
		}
	}
	if sent != 1 || untold() {
		t.Errorf("%d messages", sent)
	}
}

func TestThePracticeDecidesForHowLongRequestsWait(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	if hours, err := b.RequestHours(ctx, tenant); err != nil || hours != booking.DefaultRequestHours {
		t.Errorf("%d, %v", hours, err)
	}
	for hours, good := range map[int]bool{0: false, -1: false, 1: true, 336: true, 337: false} {
		if err := b.SetRequestHours(ctx, tenant, hours); errors.Is(err, booking.ErrMalformedSettings) == good {
			t.Errorf("%d: %v", hours, err)
		}
	}
}
