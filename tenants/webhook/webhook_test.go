package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/uptrace/bun"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/registry"
	"siegel/tenants/tenanttest"
	"siegel/tenants/webhook"
)

func TestMain(m *testing.M) { os.Exit(tenanttest.Main(m)) }

// heard is a request that a receiver got.
type heard struct {
	header http.Header
	body   string
}

func (h heard) kind() string { return h.said().Type }

type said struct {
	Type      string
	Timestamp time.Time
	Data      map[string]any
}

func (h heard) said() (s said) {
	_ = json.Unmarshal([]byte(h.body), &s)
	return s
}

// receiver is a system elsewhere.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []heard
	answer func(http.ResponseWriter, *http.Request)
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.got = append(r.got, heard{q.Header.Clone(), string(body)})
		answer := r.answer
		r.mu.Unlock()
		if answer != nil {
			answer(w, q)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(answer func(http.ResponseWriter, *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func status(code int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func (r *receiver) all() []heard {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// bundle is one test's installation.
type bundle struct {
	*tenanttest.Fixture
	*webhook.Service
	super *postgres.DB
	by    id.Account
	clock *clock
}

type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func setup(t *testing.T, change ...func(*webhook.Config)) bundle {
	t.Helper()
	b := bundle{Fixture: tenanttest.New(t), by: id.New[id.Account](), clock: &clock{}}
	b.super = testdb.OpenURL(t, b.URLs.Super)
	c := webhook.Config{DB: b.DB, Secret: tenanttest.Secret, Private: true, Now: b.clock.now}
	for _, one := range change {
		one(&c)
	}
	var err error
	if b.Service, err = webhook.NewService(c); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b bundle) own() webhook.Scope { return webhook.Scope{Tenant: b.Tenant.ID} }

// listen makes a webhook for everything.
func (b bundle) listen(t *testing.T, of webhook.Scope, url string) (secret string, w webhook.Webhook) {
	t.Helper()
	events := webhook.Events
	if of.Reseller {
		events = webhook.ResellerEvents
	}
	secret, w, err := b.Create(t.Context(), of, b.by, webhook.Wish{Name: "Anzeige", URL: url, Events: slices.Clone(events)})
	if err != nil {
		t.Fatal(err)
	}
	return secret, w
}

func (b bundle) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := b.super.Global().NewRaw(query, args...).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const insertAppointment = `insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id,
		starts, ends, cancel_until, secret_hash, replaces_id, test)
	values (?, ?, ?, 'booked', 'online', ?, ?, ?, ?, ?, ?, sha256(?::text::bytea), ?, ?)`

// book writes an appointment as the server does, in a transaction of its own.
func (b bundle) book(t *testing.T, starts time.Time, replaces *id.Appointment, test bool) id.Appointment {
	t.Helper()
	made := id.New[id.Appointment]()
	err := b.DB.InTenant(t.Context(), b.Tenant.ID, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewRaw(insertAppointment, b.Tenant.ID, made, id.New[id.Booking](), b.Practitioner, id.New[id.Resource](), b.Location,
			starts, starts.Add(15*time.Minute), starts, made.UUID(), replaces, test).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (b bundle) change(t *testing.T, query string, args ...any) {
	t.Helper()
	err := b.DB.InTenant(t.Context(), b.Tenant.ID, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewRaw(query, args...).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// carry hands over what waits in the outbox, whenever it is due, and says how
// many seconds from now each of what is queued by that is due. It is the relay,
// with a clock that a test can turn.
func (b bundle) carry(t *testing.T) (pauses []float64) {
	t.Helper()
	var waiting []struct {
		ID       id.Message
		TenantID id.Tenant
		Ref      string
	}
	if err := b.super.Global().NewRaw(`update outbox set status = 'sent', finished = now() where status = 'waiting' and kind = ? returning id, tenant_id, ref`, webhook.Kind).Scan(t.Context(), &waiting); err != nil {
		t.Fatal(err)
	}
	for _, m := range waiting {
		if err := b.Handlers()[webhook.Kind](t.Context(), jobs.Message{ID: m.ID, Tenant: m.TenantID, Kind: webhook.Kind, Ref: m.Ref, Attempts: 1}); err != nil && !errors.Is(err, jobs.ErrLapsed) {
			t.Fatal(err)
		}
	}
	if err := b.super.Global().NewRaw(`select extract(epoch from run_at - now())::float8 from outbox where status = 'waiting' and kind = ? order by 1`, webhook.Kind).Scan(t.Context(), &pauses); err != nil {
		t.Fatal(err)
	}
	return pauses
}

// verified checks signatures with the library that the standard's authors keep.
func verified(t *testing.T, secret string, all []heard) {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range all {
		if err := w.Verify([]byte(h.body), h.header); err != nil {
			t.Errorf("%s: %v", h.kind(), err)
		}
		if err := w.Verify([]byte(h.body+" "), h.header); err == nil {
			t.Errorf("%s: another text has the same signature", h.kind())
		}
	}
}

func kinds(all []heard) (k []string) {
	for _, h := range all {
		k = append(k, h.kind())
	}
	slices.Sort(k)
	return k
}

func TestWhatHappensIsToldWithIdsAndTimesOnly(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t)
	secret, _ := b.listen(t, b.own(), r.URL+"/hook")
	starts := tenanttest.At(3, 10, 0)
	first := b.book(t, starts, nil, false)
	b.change(t, `update appointment set status = 'arrived' where id = ?`, first)
	b.change(t, `update appointment set status = 'booked' where id = ?`, first)
	b.change(t, `update appointment set status = 'cancelled', cancelled_by = 'moved' where id = ?`, first)
	second := b.book(t, starts.Add(time.Hour), &first, false)
	b.change(t, `update appointment set status = 'cancelled', cancelled_by = 'patient' where id = ?`, second)
	b.change(t, `insert into envelope (tenant_id, id, booking_id, appointment_id, suite, kid, enc, ct) select tenant_id, ?, booking_id, id, 2, 'k', '', '' from appointment where id = ?`, id.New[id.Envelope](), second)
	b.change(t, `update practice set version = version + 1`)
	b.book(t, starts.Add(3*time.Hour), nil, true) // of nobody: nothing is told
	b.carry(t)
	all := r.all()
	want := []string{"appointment.booked", "appointment.cancelled", "appointment.moved", "appointment.status", "appointment.status", "inbox.new", "offer.changed"}
	if got := kinds(all); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	verified(t, secret, all)
	may := map[string]bool{"tenant": true, "appointment": true, "booking": true, "status": true, "practitioner": true, "location": true, "starts": true, "ends": true, "replaces": true, "version": true}
	seen := map[string]bool{}
	for _, h := range all {
		for key := range maps.Keys(h.said().Data) {
			if !may[key] {
				t.Errorf("%s tells %q", h.kind(), key)
			}
		}
		if event := h.header.Get("Webhook-Id"); seen[event] || !strings.HasPrefix(event, "evt_") {
			t.Errorf("webhook-id %q", event)
		}
		seen[h.header.Get("Webhook-Id")] = true
		if h.kind() == "appointment.moved" {
			d := h.said().Data
			if d["appointment"] != second.String() || d["replaces"] != first.String() || d["starts"] != starts.Add(time.Hour).UTC().Format(time.RFC3339) || d["practitioner"] != b.Practitioner.String() {
				t.Errorf("%v", d)
			}
		}
	}
}

func TestWhatWasTakenBackIsNotTold(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t)
	b.listen(t, b.own(), r.URL)
	refused := errors.New("no")
	err := b.DB.InTenant(t.Context(), b.Tenant.ID, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewRaw(`update practice set version = version + 1`).Exec(ctx); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if b.carry(t); len(r.all()) != 0 {
		t.Errorf("%v", r.all())
	}
}

func TestOnlyWhatWasAskedForIsTold(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t)
	wish := webhook.Wish{Name: "x", URL: r.URL, Events: []string{"appointment.cancelled"}}
	_, w, err := b.Create(t.Context(), b.own(), b.by, wish)
	if err != nil {
		t.Fatal(err)
	}
	a := b.book(t, tenanttest.At(2, 9, 0), nil, false)
	b.change(t, `update appointment set status = 'cancelled', cancelled_by = 'practice' where id = ?`, a)
	if b.carry(t); !slices.Equal(kinds(r.all()), []string{"appointment.cancelled"}) {
		t.Errorf("%v", kinds(r.all()))
	}
	if _, err := b.Change(t.Context(), b.own(), w.ID, wish); err != nil { // off
		t.Fatal(err)
	}
	a = b.book(t, tenanttest.At(2, 10, 0), nil, false)
	b.change(t, `update appointment set status = 'cancelled', cancelled_by = 'practice' where id = ?`, a)
	if b.carry(t); len(r.all()) != 1 {
		t.Errorf("one that is off was told: %v", kinds(r.all()))
	}
	if _, err := b.Test(t.Context(), b.Tenant.ID, w.ID); !errors.Is(err, webhook.ErrOff) {
		t.Errorf("%v", err)
	}
}

func TestBothSecretsSignForADay(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t)
	old, w := b.listen(t, b.own(), r.URL)
	fresh, changed, err := b.Rotate(t.Context(), b.own(), w.ID)
	if err != nil || fresh == old || changed.OldUntil.IsZero() {
		t.Fatalf("%+v, %v", changed, err)
	}
	if _, err := b.Test(t.Context(), b.Tenant.ID, w.ID); err != nil {
		t.Fatal(err)
	}
	b.carry(t)
	verified(t, old, r.all())
	verified(t, fresh, r.all())
	b.clock.pass(webhook.OldSecret + time.Second)
	if _, err := b.Test(t.Context(), b.Tenant.ID, w.ID); err != nil {
		t.Fatal(err)
	}
	b.carry(t)
	last := r.all()[1]
	if n := len(strings.Fields(last.header.Get("Webhook-Signature"))); n != 1 {
		t.Errorf("%d signatures", n)
	}
	verifier, _ := standardwebhooks.NewWebhook(old)
	if verifier.VerifyIgnoringTimestamp([]byte(last.body), last.header) == nil {
		t.Error("the old secret still signs")
	}
	if verifier, _ = standardwebhooks.NewWebhook(fresh); verifier.VerifyIgnoringTimestamp([]byte(last.body), last.header) != nil {
		t.Error("the new one does not")
	}
	if len(r.all()) != 2 {
		t.Errorf("%d", len(r.all()))
	}
}

func TestAReceiverThatIsAwayIsTriedForThreeDaysAndThenSwitchedOff(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t)
	r.answers(status(503))
	secret, w := b.listen(t, b.own(), r.URL)
	b.change(t, `update practice set version = version + 1`)
	var passed time.Duration
	tries := 0
	for {
		pauses := b.carry(t)
		if tries++; len(pauses) == 0 {
			break
		}
		if len(pauses) != 1 || tries > 20 {
			t.Fatalf("after %d: %v", tries, pauses)
		}
		pause := time.Duration(pauses[0] * float64(time.Second))
		passed += pause
		b.clock.pass(pause)
	}
	if tries != 10 || passed < 72*time.Hour || passed > 90*time.Hour || len(r.all()) != 10 {
		t.Errorf("%d attempts, %d heard, over %v", tries, len(r.all()), passed)
	}
	for _, h := range r.all()[1:] {
		if first := r.all()[0]; h.body != first.body || h.header.Get("Webhook-Id") != first.header.Get("Webhook-Id") {
			t.Error("a repetition is another event")
		}
	}
	sent, err := b.Deliveries(t.Context(), b.Tenant.ID, w.ID)
	if err != nil || len(sent) != 1 || sent[0].Status != "dead" || sent[0].Attempts != 10 || sent[0].Code != 503 || sent[0].Reason != "answer" {
		t.Fatalf("%+v, %v", sent, err)
	}
	if w, err = b.Find(t.Context(), b.Tenant.ID, w.ID); err != nil || w.Status != webhook.Failed || w.Dead != 1 || w.FailingSince.IsZero() {
		t.Fatalf("%+v, %v", w, err)
	}
	b.change(t, `update practice set version = version + 1`)
	if b.carry(t); len(r.all()) != 10 {
		t.Error("what failed is still told")
	}
	// Switched on, it hears again, and of what was given up what somebody sends once more.
	r.answers(nil)
	if w, err = b.Change(t.Context(), b.own(), w.ID, webhook.Wish{Name: w.Name, URL: w.URL, Events: w.Events, Active: true}); err != nil || w.Status != webhook.Active || !w.FailingSince.IsZero() {
		t.Fatalf("%+v, %v", w, err)
	}
	if _, err := b.Replay(t.Context(), b.Tenant.ID, w.ID, sent[0].ID); err != nil {
		t.Fatal(err)
	}
	b.carry(t)
	again := r.all()[10:]
	if len(again) != 1 || again[0].header.Get("Webhook-Id") != sent[0].Event.String() {
		t.Fatalf("%v", again)
	}
	verifier, _ := standardwebhooks.NewWebhook(secret)
	if err := verifier.VerifyIgnoringTimestamp([]byte(again[0].body), again[0].header); err != nil {
		t.Error(err)
	}
	if w, err = b.Find(t.Context(), b.Tenant.ID, w.ID); err != nil || w.Succeeded.IsZero() {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestWhyNothingArrivedIsSaid(t *testing.T) {
	t.Parallel()
	elsewhere := newReceiver(t)
	t.Cleanup(func() { // the parallel ones are over only then
		if len(elsewhere.all()) != 0 {
			t.Error("a redirect was followed")
		}
	})
	for name, c := range map[string]struct {
		answer  func(http.ResponseWriter, *http.Request)
		reason  string
		status  string
		webhook webhook.Status
	}{
		"Gone": {status(http.StatusGone), "gone", "dead", webhook.Failed},
		"Redirect": {func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "redirect", "waiting", webhook.Active},
		"Refused": {status(http.StatusUnauthorized), "answer", "waiting", webhook.Active},
		"Hangs": {func(w http.ResponseWriter, q *http.Request) {
			<-q.Context().Done()
		}, "timeout", "waiting", webhook.Active},
		"Breaks": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "unreachable", "waiting", webhook.Active},
		"Endless": {func(w http.ResponseWriter, q *http.Request) {
			for q.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, "", "delivered", webhook.Active},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, r := setup(t, func(c *webhook.Config) {
				if name == "Hangs" {
					c.Client = &http.Client{Timeout: 200 * time.Millisecond}
				}
			}), newReceiver(t)
			r.answers(c.answer)
			_, w := b.listen(t, b.own(), r.URL)
			if _, err := b.Test(t.Context(), b.Tenant.ID, w.ID); err != nil {
				t.Fatal(err)
			}
			b.carry(t)
			sent, err := b.Deliveries(t.Context(), b.Tenant.ID, w.ID)
			if err != nil || len(sent) != 1 || sent[0].Reason != c.reason || sent[0].Status != c.status {
				t.Errorf("%+v, %v", sent, err)
			}
			if w, err = b.Find(t.Context(), b.Tenant.ID, w.ID); err != nil || w.Status != c.webhook {
				t.Errorf("%+v, %v", w, err)
			}
		})
	}
}

func TestOnlyPublicAddressesAreReached(t *testing.T) {
	t.Parallel()
	b, r := setup(t, func(c *webhook.Config) { c.Private = false }), newReceiver(t)
	for _, url := range []string{
		"http://praxis.example/", "https://localhost/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/latest",
		"https://[fd00::1]/", "https://user:pass@praxis.example/", "https://praxis.example:22/", "https://praxis.example/#x", "ftp://praxis.example/", "https://", "praxis.example", "https://praxis.example/\nx",
	} {
		if _, _, err := b.Create(t.Context(), b.own(), b.by, webhook.Wish{Name: "x", URL: url, Events: []string{"inbox.new"}}); !errors.Is(err, webhook.ErrAddress) {
			t.Errorf("%q: %v", url, err)
		}
	}
	_, w := b.listen(t, b.own(), "https://praxis.example/hook?key=1")
	// As if the name led there by now: what is dialed is looked at, not what it is called.
	for _, url := range []string{r.URL, strings.Replace(r.URL, "http:", "https:", 1)} {
		b.exec(t, `update webhook set url = ?`, url)
		if _, err := b.Test(t.Context(), b.Tenant.ID, w.ID); err != nil {
			t.Fatal(err)
		}
		b.carry(t)
	}
	sent, err := b.Deliveries(t.Context(), b.Tenant.ID, w.ID)
	if err != nil || len(sent) != 2 || sent[0].Reason != "private_address" || sent[1].Reason != "private_address" || len(r.all()) != 0 {
		t.Errorf("%+v, %v, %d requests", sent, err, len(r.all()))
	}
}

// A receiver that has just failed is not asked for each of the events that
// wait for it: others wait for theirs.
func TestAFailingReceiverKeepsNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t)
	r.answers(status(500))
	b.listen(t, b.own(), r.URL)
	for range 20 {
		b.change(t, `update practice set version = version + 1`)
	}
	if pauses := b.carry(t); len(pauses) != 20 || len(r.all()) != 1 {
		t.Fatalf("%d wait, %d asked", len(pauses), len(r.all()))
	}
	r.answers(nil)
	for range 3 {
		b.clock.pass(6 * time.Minute)
		b.carry(t)
	}
	told := map[string]bool{}
	for _, h := range r.all()[1:] {
		told[h.header.Get("Webhook-Id")] = true
	}
	if len(told) != 20 {
		t.Errorf("%d of 20 arrived", len(told))
	}
}

// The relay carries an attempt twice where it died before it wrote down the
// first: what was written down is not made again.
func TestAnAttemptThatWasRecordedIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t)
	_, w := b.listen(t, b.own(), r.URL)
	d, err := b.Test(t.Context(), b.Tenant.ID, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := b.Handlers()[webhook.Kind](t.Context(), jobs.Message{Tenant: b.Tenant.ID, Kind: webhook.Kind, Ref: d.ID.UUID() + "_1", Attempts: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.all()) != 1 {
		t.Errorf("%d requests", len(r.all()))
	}
}

func TestAResellerHearsWhatBecomesOfItsTenants(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t)
	mine, other := id.New[id.Reseller](), id.New[id.Reseller]()
	for _, one := range []id.Reseller{mine, other} {
		b.exec(t, `insert into reseller (id, name) values (?, 'Reseller')`, one)
	}
	scope := webhook.Scope{Tenant: audit.ResellerScope(mine), Reseller: true}
	secret, _ := b.listen(t, scope, r.URL)
	tenant, err := b.Registry.Begin(t.Context(), registry.Beginning{Slug: "neu", Reseller: mine, Prepared: true})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := b.Registry.Begin(t.Context(), registry.Beginning{Slug: "fremd", Reseller: other})
	if err != nil {
		t.Fatal(err)
	}
	for _, act := range []error{
		b.Registry.HandedOver(t.Context(), tenant.ID),
		b.Registry.Suspend(t.Context(), tenant.ID, "Mahnung"), b.Registry.Resume(t.Context(), tenant.ID),
		b.Registry.Suspend(t.Context(), foreign.ID, "Mahnung"),
		b.Registry.Move(t.Context(), foreign.ID, mine), b.Registry.Move(t.Context(), foreign.ID, other),
		b.Registry.Close(t.Context(), tenant.ID, ""),
	} {
		if act != nil {
			t.Fatal(act)
		}
	}
	b.carry(t)
	want := []string{"tenant.closed", "tenant.created", "tenant.handed_over", "tenant.moved_away", "tenant.moved_here", "tenant.resumed", "tenant.suspended"}
	if got := kinds(r.all()); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	verified(t, secret, r.all())
	for _, h := range r.all() {
		if d := h.said().Data; len(d) != 2 || d["tenant"] == nil || d["status"] == nil || strings.Contains(h.body, "neu") || strings.Contains(h.body, "Mahnung") {
			t.Errorf("%s", h.body)
		}
	}
	// Whose rows a transaction sees is as before, once its reseller was told.
	b.exec(t, `update tenant set reseller_id = ? where id = ?`, mine, b.Tenant.ID)
	err = b.DB.InTenant(t.Context(), b.Tenant.ID, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewRaw(`update tenant set status = 'suspended' where id = ?`, b.Tenant.ID).Exec(ctx); err != nil {
			return err
		}
		var n int
		if err := tx.NewRaw(`select count(*) from practice`).Scan(ctx, &n); err != nil || n != 1 {
			t.Errorf("%d practices, %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Create(t.Context(), scope, b.by, webhook.Wish{Name: "x", URL: r.URL, Events: []string{"appointment.booked"}}); !errors.Is(err, webhook.ErrEvents) {
		t.Errorf("a reseller can ask for appointments: %v", err)
	}
	if _, _, err := b.Create(t.Context(), b.own(), b.by, webhook.Wish{Name: "x", URL: r.URL, Events: []string{"tenant.created"}}); !errors.Is(err, webhook.ErrEvents) {
		t.Errorf("a practice can ask for tenants: %v", err)
	}
}

func TestASecretIsShownOnceAndAnothersWebhookIsNothing(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t)
	secret, w := b.listen(t, b.own(), r.URL+"/geheim")
	d, err := b.Test(t.Context(), b.Tenant.ID, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	var stored int
	if err := b.super.Global().NewRaw(`select count(*) from webhook where position(decode(?, 'base64') in secret) > 0`, strings.TrimPrefix(secret, "whsec_")).Scan(t.Context(), &stored); err != nil || stored != 0 {
		t.Errorf("the secret itself is stored: %d, %v", stored, err)
	}
	var trail []string
	if err := b.super.Global().NewRaw(`select act || object || detail::text from audit_entry where act like 'webhook.%'`).Scan(t.Context(), &trail); err != nil || len(trail) != 2 || strings.Contains(strings.Join(trail, ""), "geheim") {
		t.Errorf("%v, %v", trail, err)
	}
	there, _ := b.Plant(t, "andere")
	for name, act := range map[string]error{
		"Change":     second(b.Change(t.Context(), webhook.Scope{Tenant: there.ID}, w.ID, webhook.Wish{Name: "x", URL: r.URL, Events: []string{"inbox.new"}})),
		"Remove":     b.Remove(t.Context(), webhook.Scope{Tenant: there.ID}, w.ID),
		"Test":       second(b.Test(t.Context(), there.ID, w.ID)),
		"Deliveries": second(b.Deliveries(t.Context(), there.ID, w.ID)),
	} {
		if !errors.Is(act, webhook.ErrUnknown) {
			t.Errorf("%s: %v", name, act)
		}
	}
	if _, err := b.Replay(t.Context(), there.ID, w.ID, d.ID); !errors.Is(err, webhook.ErrUnknownDelivery) {
		t.Errorf("%v", err)
	}
	for range webhook.Most - 1 {
		b.listen(t, b.own(), r.URL)
	}
	if _, _, err := b.Create(t.Context(), b.own(), b.by, webhook.Wish{Name: "x", URL: r.URL, Events: []string{"inbox.new"}}); !errors.Is(err, webhook.ErrTooMany) {
		t.Errorf("%v", err)
	}
	if err := b.Remove(t.Context(), b.own(), w.ID); err != nil {
		t.Fatal(err)
	}
	if b.carry(t); len(r.all()) != 0 {
		t.Error("a webhook that was removed is told")
	}
}

func second[T any](_ T, err error) error { return err }

func TestWhatWasSentIsForgottenAfterAMonth(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t)
	_, w := b.listen(t, b.own(), r.URL)
	for range 2 {
		if _, err := b.Test(t.Context(), b.Tenant.ID, w.ID); err != nil {
			t.Fatal(err)
		}
	}
	b.carry(t)
	b.exec(t, `update webhook_delivery set created = now() - interval '31 days' where id = (select id from webhook_delivery limit 1)`)
	var gone int64
	err := b.DB.Batch(t.Context(), b.Tenant.ID, func(x *postgres.Batch) {
		webhook.Purge(x, b.Tenant.ID, time.Now(), func(n int64) { gone = n })
	})
	if sent, _ := b.Deliveries(t.Context(), b.Tenant.ID, w.ID); err != nil || gone != 1 || len(sent) != 1 {
		t.Errorf("%d gone, %d left, %v", gone, len(sent), err)
	}
}
