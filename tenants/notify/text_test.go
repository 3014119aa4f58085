package notify_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"siegel/platform/access"
	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/pluginhost"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
	"siegel/tenants/notify"
)

// carrier is a provider that answers as it is told.
type carrier struct {
	id  id.Provider
	mu  sync.Mutex
	err error
	// parts is what it charges; 1 where zero.
	parts int
	got   []string
}

func (c *carrier) Send(_ context.Context, m sdk.Message) (sdk.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, m.ID)
	return sdk.Receipt{ProviderID: "ref-" + m.ID, Parts: max(c.parts, 1)}, c.err
}

func (c *carrier) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got)
}

func (c *carrier) line() notify.Line {
	return notify.Line{Provider: c.id, Plugin: "carrier", PriceMicros: 61_000, Currency: "EUR",
		Open: func(context.Context) (notify.SMS, error) { return c, nil }}
}

func newCarrier(err error) *carrier { return &carrier{id: id.New[id.Provider](), err: err} }

// way is a desk with accounts in a database and a route of carriers.
type way struct {
	bundle
	db         *postgres.DB
	deliveries *notify.Deliveries
	tenant     id.Tenant
}

func newWay(t *testing.T, carriers ...*carrier) way {
	t.Helper()
	w := way{db: testdb.Open(t), tenant: id.New[id.Tenant]()}
	w.deliveries = notify.NewDeliveries(w.db)
	w.bundle = setup(t, smsDesk(), func(c *notify.Config) {
		c.Deliveries = w.deliveries
		c.Route = func(context.Context, id.Tenant) ([]notify.Line, error) {
			var lines []notify.Line
			for _, one := range carriers {
				lines = append(lines, one.line())
			}
			return lines, nil
		}
	})
	return w
}

// queue takes budget for a message, as a booking does.
func (w way) queue(t *testing.T) jobs.Message {
	t.Helper()
	m := jobs.Message{ID: id.New[id.Message](), Tenant: w.tenant, Kind: notify.ConfirmSMS, Ref: "ref", Attempts: 1}
	if err := w.db.Batch(t.Context(), w.tenant, func(b *postgres.Batch) {
		notify.Budget{PerTenant: 10}.AppendBudget(b, w.tenant, m.ID, id.New[id.Booking]())
	}); err != nil {
		t.Fatal(err)
	}
	return m
}

func (w way) send(t *testing.T, m jobs.Message) error {
	t.Helper()
	return w.handlers[notify.ConfirmSMS](t.Context(), m)
}

func (w way) state(t *testing.T, m jobs.Message) notify.Delivery {
	t.Helper()
	d, ok, err := w.deliveries.Delivery(t.Context(), m.ID)
	if err != nil || !ok {
		t.Fatalf("no delivery: %v", err)
	}
	return d
}

var errCrash = pluginhost.ErrUnavailable.Because(errors.New("it crashed with +4915112345678"))

func TestTheClassOfAnErrorDecidesWhereAMessageGoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err       error
		failsOver bool
	}{
		"Auth":             {&sdk.Error{Kind: sdk.Auth}, true},
		"Funds":            {&sdk.Error{Kind: sdk.Funds}, true},
		"Blocked":          {&sdk.Error{Kind: sdk.Blocked}, true},
		"Temporary":        {&sdk.Error{Kind: sdk.Temporary}, true},
		"RateLimited":      {&sdk.Error{Kind: sdk.RateLimited}, true},
		"Settings":         {&sdk.Error{Kind: sdk.BadSettings}, true},
		"Unknown":          {&sdk.Error{Kind: sdk.Unknown}, true},
		"Crash":            {errCrash, true},
		"InvalidRecipient": {&sdk.Error{Kind: sdk.InvalidRecipient}, false},
		"Content":          {&sdk.Error{Kind: sdk.Content}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := newCarrier(c.err), newCarrier(nil)
			w := newWay(t, first, second)
			m := w.queue(t)
			err := w.send(t, m)
			if (err == nil) != c.failsOver || (second.count() == 1) != c.failsOver {
				t.Fatalf("error %v, the second got %d", err, second.count())
			}
			if c.failsOver {
				if first.got[0] != second.got[0] || w.state(t, m).Provider != second.id || w.state(t, m).State != notify.Submitted {
					t.Errorf("not the same message, or not the second's: %+v", w.state(t, m))
				}
			} else if !permanent(err) || w.state(t, m).State != notify.Failed || taken(t, w.db, w.tenant.UUID()) != 0 {
				t.Errorf("%v, %+v, %d taken", err, w.state(t, m), taken(t, w.db, w.tenant.UUID()))
			}
			if err != nil && strings.Contains(err.Error(), "4915112345678") {
				t.Error("the error repeats the number")
			}
		})
	}
}

func TestAFailingProviderIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		calls int
	}{
		"WrongAccount": {&sdk.Error{Kind: sdk.Auth}, 1},
		"TooFast":      {&sdk.Error{Kind: sdk.RateLimited}, 1},
		"Failing":      {&sdk.Error{Kind: sdk.Temporary}, 3},
		"Crashing":     {errCrash, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := newCarrier(c.err), newCarrier(nil)
			w := newWay(t, first, second)
			began := time.Now()
			for range 6 {
				if err := w.send(t, w.queue(t)); err != nil {
					t.Fatal(err)
				}
			}
			again := first.count() > c.calls && time.Since(began) < 2*time.Second // the shortest rest
			if first.count() < c.calls || again || second.count() != 6 {
				t.Errorf("the failing one was asked %d times, the other sent %d", first.count(), second.count())
			}
		})
	}
}

func TestARefusedSenderIsLeftOutWithTheSameProvider(t *testing.T) {
	t.Parallel()
	c := &pickyCarrier{carrier: *newCarrier(nil)}
	w := newWay(t)
	b := setup(t, smsDesk(), func(n *notify.Config) {
		n.Route = func(context.Context, id.Tenant) ([]notify.Line, error) {
			return []notify.Line{{Provider: c.id, Open: func(context.Context) (notify.SMS, error) { return c, nil }}}, nil
		}
	})
	if err := b.handlers[notify.ConfirmSMS](t.Context(), w.queue(t)); err != nil || c.sent != 1 {
		t.Errorf("%v, sent %d", err, c.sent)
	}
}

// pickyCarrier takes no sender by name.
type pickyCarrier struct {
	carrier
	sent int
}

func (c *pickyCarrier) Send(_ context.Context, m sdk.Message) (sdk.Receipt, error) {
	if m.Sender != "" {
		return sdk.Receipt{}, &sdk.Error{Kind: sdk.InvalidSender}
	}
	c.sent++
	return sdk.Receipt{Parts: 1}, nil
}

func TestASentMessageIsNotSentAgainAfterACrash(t *testing.T) {
	t.Parallel()
	c := newCarrier(nil)
	w := newWay(t, c)
	m := w.queue(t)
	for range 3 { // the relay could not record what the handler said
		if err := w.send(t, m); err != nil {
			t.Fatal(err)
		}
	}
	if c.count() != 1 {
		t.Errorf("sent %d times", c.count())
	}
}

func TestBudgetIsSettledByWhatWasCharged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parts int
		err   error
		late  bool
		want  int
	}{
		"OnePart":      {1, nil, false, 1},
		"ThreeParts":   {3, nil, false, 3},
		"NeverSent":    {1, &sdk.Error{Kind: sdk.InvalidRecipient}, false, 0},
		"TooLate":      {1, nil, true, 0},
		"MayHaveLeft":  {1, errCrash, true, 1},
		"StillWaiting": {1, &sdk.Error{Kind: sdk.Temporary}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := newCarrier(c.err)
			first.parts = c.parts
			w := newWay(t, first)
			m := w.queue(t)
			if c.err != nil || !c.late {
				_ = w.send(t, m)
			}
			if c.late {
				m.Late = true
				_ = w.send(t, m)
			}
			if c.err == nil && !c.late { // a repetition settles nothing
				_ = w.send(t, m)
			}
			if got, all := taken(t, w.db, w.tenant.UUID()), taken(t, w.db, ""); got != c.want || all != c.want {
				t.Errorf("taken %d, in all %d, want %d", got, all, c.want)
			}
		})
	}
}

func TestBudgetIsExactWhereManySettleAtOnce(t *testing.T) {
	t.Parallel()
	good, bad := newCarrier(nil), newCarrier(&sdk.Error{Kind: sdk.Content})
	good.parts = 2
	w := newWay(t, good)
	var queued []jobs.Message
	for range 10 {
		queued = append(queued, w.queue(t))
	}
	var all sync.WaitGroup
	for i, m := range queued {
		all.Go(func() {
			if i < 6 {
				for range 2 { // twice at once, as after a lost lease
					all.Go(func() { _ = w.handlers[notify.ConfirmSMS](t.Context(), m) })
				}
				return
			}
			s := setup(t, smsDesk(), func(c *notify.Config) {
				c.Deliveries = w.deliveries
				c.Route = func(context.Context, id.Tenant) ([]notify.Line, error) { return []notify.Line{bad.line()}, nil }
			})
			_ = s.handlers[notify.ConfirmSMS](t.Context(), m)
		})
	}
	all.Wait()
	if got := taken(t, w.db, w.tenant.UUID()); got != 12 {
		t.Errorf("taken %d, want 6 messages of 2 parts", got)
	}
	// What was charged lies above the ceiling; no more is granted.
	err := notify.Budget{}.BudgetError(w.db.Batch(t.Context(), w.tenant, func(b *postgres.Batch) {
		notify.Budget{PerTenant: 10}.AppendBudget(b, w.tenant, id.New[id.Message](), id.New[id.Booking]())
	}))
	if !errors.Is(err, notify.ErrBudget) {
		t.Errorf("above the ceiling: %v", err)
	}
}

func TestStatesOnlyGoOn(t *testing.T) {
	t.Parallel()
	c := newCarrier(nil)
	w := newWay(t, c)
	m := w.queue(t)
	if err := w.send(t, m); err != nil {
		t.Fatal(err)
	}
	report := func(from id.Provider, r sdk.Delivery) bool {
		known, err := w.deliveries.Report(t.Context(), from, r)
		if err != nil {
			t.Fatal(err)
		}
		return known
	}
	ref := "ref-" + m.ID.String()
	for name, known := range map[string]bool{
		"stranger":  report(id.New[id.Provider](), sdk.Delivery{MessageID: m.ID.String(), ProviderID: ref, State: sdk.Failed}),
		"other ref": report(c.id, sdk.Delivery{ProviderID: "other", State: sdk.Failed}),
		"other id":  report(c.id, sdk.Delivery{MessageID: id.New[id.Message]().String(), State: sdk.Failed}),
		"no id":     report(c.id, sdk.Delivery{MessageID: "not-ours", State: sdk.Failed}),
	} {
		if known {
			t.Errorf("%s was believed", name)
		}
	}
	if !report(c.id, sdk.Delivery{ProviderID: ref, State: sdk.Pending}) || w.state(t, m).State != notify.Submitted {
		t.Errorf("pending: %+v", w.state(t, m))
	}
	if !report(c.id, sdk.Delivery{MessageID: m.ID.String(), State: sdk.Delivered, Code: "1"}) || w.state(t, m).State != notify.Delivered {
		t.Errorf("delivered: %+v", w.state(t, m))
	}
	ended := w.state(t, m).Ended
	for _, late := range []sdk.DeliveryState{sdk.Failed, sdk.Pending, sdk.Expired, sdk.Delivered} {
		report(c.id, sdk.Delivery{ProviderID: ref, State: late, Code: "2"})
	}
	if d := w.state(t, m); d.State != notify.Delivered || d.Ended != ended {
		t.Errorf("it went back: %+v", d)
	}
}

// The provider may be faster than our own note of what it took.
func TestAReportBeforeTheReceiptCounts(t *testing.T) {
	t.Parallel()
	w := newWay(t)
	m := w.queue(t)
	early := &earlyCarrier{carrier: *newCarrier(nil), tell: func(c *earlyCarrier) {
		if known, err := w.deliveries.Report(t.Context(), c.id, sdk.Delivery{MessageID: m.ID.String(), State: sdk.Delivered}); !known || err != nil {
			t.Errorf("the early report: %v, %v", known, err)
		}
	}}
	b := setup(t, smsDesk(), func(n *notify.Config) {
		n.Deliveries = w.deliveries
		n.Route = func(context.Context, id.Tenant) ([]notify.Line, error) {
			return []notify.Line{{Provider: early.id, Open: func(context.Context) (notify.SMS, error) { return early, nil }}}, nil
		}
	})
	if err := b.handlers[notify.ConfirmSMS](t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if d := w.state(t, m); d.State != notify.Delivered || taken(t, w.db, w.tenant.UUID()) != 1 {
		t.Errorf("%+v, %d taken", d, taken(t, w.db, w.tenant.UUID()))
	}
}

type earlyCarrier struct {
	carrier
	tell func(*earlyCarrier)
}

func (c *earlyCarrier) Send(context.Context, sdk.Message) (sdk.Receipt, error) {
	c.tell(c)
	return sdk.Receipt{Parts: 1}, nil
}

func TestWhatNobodyReportsOnExpires(t *testing.T) {
	t.Parallel()
	telling, silent := newCarrier(nil), newCarrier(nil)
	var w way
	old := map[*carrier]jobs.Message{}
	w = newWay(t, telling)
	for _, c := range []*carrier{telling, silent} {
		reports := c == telling
		if _, err := w.db.Global().NewRaw(`insert into provider (id, kind, plugin, scope, scope_id, name, position, company, address, country, reports)
			values (?, 'sms', 'x', 'platform', '00000000-0000-0000-0000-000000000000', 'x', 1, 'x', 'x', 'DE', ?)`, c.id, reports).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		m := w.queue(t)
		if err := w.send(t, m); err != nil {
			t.Fatal(err)
		}
		old[c] = m
		if _, err := w.db.Global().NewRaw(`update message_delivery set provider_id = ?, created = now() - interval '49 hours' where message_id = ?`, c.id, m.ID).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	lost, young := w.queue(t), w.queue(t)
	if _, err := w.db.Global().NewRaw(`update message_delivery set created = now() - interval '25 hours' where message_id = ?`, lost.ID).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := taken(t, w.db, w.tenant.UUID())
	if err := w.deliveries.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := w.state(t, old[telling]); d.State != notify.Expired || d.Code != "no_report" {
		t.Errorf("of one that reports: %+v", d)
	}
	if d := w.state(t, old[silent]); d.State != notify.Submitted {
		t.Errorf("of one that never does: %+v", d)
	}
	if d := w.state(t, lost); d.State != notify.Expired || taken(t, w.db, w.tenant.UUID()) != before-1 {
		t.Errorf("never sent: %+v, %d taken", d, taken(t, w.db, w.tenant.UUID()))
	}
	if d := w.state(t, young); d.State != notify.Queued {
		t.Errorf("young: %+v", d)
	}
}

func TestCountsAreOfTheScopeAlone(t *testing.T) {
	t.Parallel()
	c := newCarrier(nil)
	c.parts = 2
	w := newWay(t, c)
	for range 3 {
		if err := w.send(t, w.queue(t)); err != nil {
			t.Fatal(err)
		}
	}
	reseller, stranger := id.New[id.Reseller](), id.New[id.Reseller]()
	if _, err := w.db.Global().NewRaw(`insert into reseller (id, name) values (?, 'x'), (?, 'y')`, reseller, stranger).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Global().NewRaw(`insert into tenant (id, slug, status, reseller_id) values (?, 'x', 'active', ?)`, w.tenant, reseller).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]struct {
		scope access.Domain
		want  int
	}{
		"Platform": {access.Domain{Kind: access.Platform}, 3},
		"Reseller": {access.Domain{Kind: access.Reseller, ID: reseller.Bytes()}, 3},
		"Stranger": {access.Domain{Kind: access.Reseller, ID: stranger.Bytes()}, 0},
		"Tenant":   {access.Domain{Kind: access.Tenant, ID: w.tenant.Bytes()}, 3},
		"Other":    {access.Domain{Kind: access.Tenant, ID: id.New[id.Tenant]().Bytes()}, 0},
	} {
		counts, err := w.deliveries.Counts(t.Context(), s.scope, 7)
		if err != nil {
			t.Fatal(err)
		}
		n, parts, cost := 0, 0, int64(0)
		for _, c := range counts {
			n, parts, cost = n+c.Messages, parts+c.Parts, cost+c.CostMicros
		}
		if n != s.want || parts != 2*s.want || cost != int64(2*s.want)*61_000 {
			t.Errorf("%s: %d messages, %d parts, %d micros", name, n, parts, cost)
		}
	}
}

func TestAnUnreachedProviderIsNoDoubt(t *testing.T) {
	t.Parallel()
	w := newWay(t)
	m := w.queue(t)
	b := setup(t, smsDesk(), func(n *notify.Config) {
		n.Deliveries = w.deliveries
		n.Route = func(context.Context, id.Tenant) ([]notify.Line, error) {
			return []notify.Line{{Provider: id.New[id.Provider](), Open: func(context.Context) (notify.SMS, error) {
				return nil, fault.New(fault.Unavailable, "sms_unavailable")
			}}}, nil
		}
	})
	_ = b.handlers[notify.ConfirmSMS](t.Context(), m)
	m.Late = true
	if err := b.handlers[notify.ConfirmSMS](t.Context(), m); !errors.Is(err, notify.ErrTooLate) {
		t.Errorf("got %v", err)
	}
	if n := taken(t, w.db, w.tenant.UUID()); n != 0 {
		t.Errorf("%d taken", n)
	}
}
