package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
)

// State says how far a message has come. States only go on, in this order;
// the last three are final, and the database keeps it so.
type State string

// The states.
const (
	Queued    State = "queued"
	Submitted State = "submitted" // a provider, or the mail server, has taken it
	Delivered State = "delivered"
	Failed    State = "failed"
	Expired   State = "expired"
)

const (
	// unreported is after how long a message that nobody reports on is given up.
	unreported = 48 * time.Hour
	// forgotten is after how long one that is still queued can no longer be sent.
	forgotten = 24 * time.Hour
	// kept is for how long messages are counted.
	kept = 100 * 24 * time.Hour
)

// Deliveries keeps the account of every message: ids, states, parts and costs.
// It settles the [Budget] exactly once a message, whoever reports, and never
// knows an address or a text.
type Deliveries struct {
	db  *postgres.DB
	log *slog.Logger
}

// NewDeliveries keeps accounts in db.
func NewDeliveries(db *postgres.DB) *Deliveries { return &Deliveries{db: db, log: slog.Default()} }

// begin notes that a provider is about to be handed the message m. It reports
// false where the message has left already: a provider's report came before
// ours, or this is a repetition after a crash.
func (d *Deliveries) begin(ctx context.Context, m jobs.Message, booking id.Booking, l Line) (bool, error) {
	var begun *postgres.Found
	err := d.db.GlobalBatch(ctx, func(b *postgres.Batch) {
		var attempts int
		begun = b.Row(`
		insert into message_delivery (message_id, tenant_id, reserved_on, settled, attempts, provider_id, plugin, channel, kind, booking_id)
		values ($1, $2, (now() at time zone 'utc')::date, true, 1, $3, $4, 'sms', $5, $6)
		on conflict (message_id) do update set attempts = message_delivery.attempts + 1, provider_id = excluded.provider_id, plugin = excluded.plugin,
		  channel = excluded.channel, kind = excluded.kind, booking_id = coalesce(message_delivery.booking_id, excluded.booking_id)
		where message_delivery.state = 'queued'
		returning attempts`, []any{m.ID, m.Tenant, l.Provider, l.Plugin, m.Kind, booking}, &attempts)
	})
	if err != nil {
		return false, fmt.Errorf("begin a delivery: %w", err)
	}
	return begun.OK, nil
}

// left reports whether the message has left already. The first attempt of a
// mail need not ask.
func (d *Deliveries) left(ctx context.Context, message id.Message) (left bool, err error) {
	err = d.db.GlobalBatch(ctx, func(b *postgres.Batch) {
		b.Row(`select state <> 'queued' from message_delivery where message_id = $1`, []any{message}, &left)
	})
	if err != nil {
		return false, fmt.Errorf("look whether a mail has left: %w", err)
	}
	return left, nil
}

// mailAttempt is what an attempt to send a mail leaves, in one statement: of
// what the mail server has taken and of what it refused the account is written
// only afterwards, since a mail is sent again where nobody knows.
const mailAttempt = `
	insert into message_delivery as d (message_id, tenant_id, kind, booking_id, channel, reserved_on, settled, attempts, refused, code, state, submitted)
	values ($1, $2, $3, $4, 'mail', (now() at time zone 'utc')::date, true, 1, `

const anotherAttempt = `
	on conflict (message_id) do update set attempts = d.attempts + 1, channel = excluded.channel, kind = excluded.kind,
	  provider_id = null, plugin = '', booking_id = coalesce(d.booking_id, excluded.booking_id), `

// mailed notes that the mail server has taken a message. What was taken of a
// budget, for the case that it would be a text message, is given back.
func (d *Deliveries) mailed(ctx context.Context, m jobs.Message, booking id.Booking) error {
	var noted *postgres.Found
	note := func() error {
		return d.db.GlobalBatch(ctx, func(b *postgres.Batch) {
			noted = b.Row(mailAttempt+`0, '', 'submitted', now())`+anotherAttempt+`
				state = 'submitted', submitted = now(), code = case when d.state = 'queued' then '' else d.code end
				where d.settled returning true`, []any{m.ID, m.Tenant, m.Kind, booking}, new(bool))
		})
	}
	err := note()
	if err == nil && !noted.OK {
		err = d.db.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error { return settle(ctx, tx, m.ID, 0) })
		err = errors.Join(err, note())
	}
	if err != nil {
		return fmt.Errorf("note a mail: %w", err)
	}
	return nil
}

// notMailed notes that the mail server said no: nothing has left.
func (d *Deliveries) notMailed(ctx context.Context, m jobs.Message, booking id.Booking, code string) error {
	err := d.db.GlobalBatch(ctx, func(b *postgres.Batch) {
		b.Exec(mailAttempt+`1, $5, 'queued', null)`+anotherAttempt+`
			refused = d.refused + 1, code = excluded.code
			where d.state = 'queued'`, m.ID, m.Tenant, m.Kind, booking, code)
	})
	if err != nil {
		return fmt.Errorf("note a refusal: %w", err)
	}
	return nil
}

// cameBack notes that a mail could not be delivered after all.
func (d *Deliveries) cameBack(ctx context.Context, message id.Message) error {
	_, err := d.db.Global().NewRaw(`update message_delivery set state = 'failed', code = 'came_back'
		where message_id = ? and channel = 'mail' and state in ('queued', 'submitted')`, message).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note a mail that came back: %w", err)
	}
	return nil
}

// beginTest opens the account of a test message. It reports false where the
// scope has had its share of them. A test takes nothing of a budget.
func (d *Deliveries) beginTest(ctx context.Context, scope access.Domain, message id.Message, l Line) (bool, error) {
	res, err := d.db.Global().NewRaw(`
		insert into message_delivery (message_id, tenant_id, reserved_on, settled, attempts, provider_id, plugin)
		select ?0, ?1, (now() at time zone 'utc')::date, true, 1, ?2, ?3
		where (select count(*) from message_delivery where tenant_id = ?1 and booking_id is null and kind = ''
		  and reserved_on >= (now() at time zone 'utc')::date and created > now() - interval '24 hours') < ?4`,
		message, scope.ID, l.Provider, l.Plugin, testsADay).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("begin a test: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// refused notes that a provider said no: nothing has left.
func (d *Deliveries) refused(ctx context.Context, message id.Message, code string) error {
	if _, err := d.db.Global().NewRaw(`update message_delivery set refused = least(refused + 1, attempts), code = ?1
		where message_id = ?0 and state = 'queued'`, message, code).Exec(ctx); err != nil {
		return fmt.Errorf("note a refusal: %w", err)
	}
	return nil
}

// settle adds what a message costs beyond the part that was taken, or gives it
// back; the ceiling gives way to what has happened, not to what is asked for
// next. The delivery's row is locked, and the tenant's budget before that of all,
// as where it is taken.
func settle(ctx context.Context, tx bun.Tx, message id.Message, parts int) error {
	var d struct {
		TenantID   id.Tenant
		ReservedOn time.Time
		Settled    bool
		Budget     string
	}
	if err := tx.NewRaw(`select tenant_id, reserved_on, settled, budget from message_delivery where message_id = ? for update`, message).
		Scan(ctx, &d); err != nil || d.Settled {
		return err
	}
	if _, err := tx.NewRaw(`update message_delivery set settled = true where message_id = ?`, message).Exec(ctx); err != nil {
		return err
	}
	if parts == 1 {
		return nil
	}
	for _, scope := range []string{d.TenantID.UUID(), ""} {
		if _, err := tx.NewRaw(`update message_budget set taken = greatest(taken + ?0, 0), ceiling = greatest(ceiling, taken + ?0)
			where scope = ?1 and channel = ?3 and day = ?2`, parts-1, scope, d.ReservedOn.Format(time.DateOnly), d.Budget).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// submitted notes that a provider has taken the message, and what it costs.
func (d *Deliveries) submitted(ctx context.Context, message id.Message, l Line, r sdk.Receipt) error {
	err := d.db.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if err := settle(ctx, tx, message, r.Parts); err != nil {
			return err
		}
		_, err := tx.NewRaw(`update message_delivery set state = 'submitted', provider_id = ?1, plugin = ?2, provider_ref = ?3,
			parts = ?4, cost_micros = ?5, currency = ?6, submitted = now(), code = case when state = 'queued' then '' else code end
			where message_id = ?0`, message, l.Provider, l.Plugin, r.ProviderID,
			r.Parts, int64(r.Parts)*l.PriceMicros, orEuro(l.Currency)).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("note a delivery: %w", err)
	}
	return nil
}

// ended notes that a message will not be sent any more. Where an attempt ended
// without an answer it may have left, and stays paid.
func (d *Deliveries) ended(ctx context.Context, message id.Message, state State, code string) error {
	err := d.db.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var unsure bool
		err := tx.NewRaw(`select channel = 'sms' and attempts > refused from message_delivery where message_id = ? and state = 'queued' for update`, message).Scan(ctx, &unsure)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		parts := 0
		if unsure {
			parts = 1
		}
		if err := settle(ctx, tx, message, parts); err != nil {
			return err
		}
		_, err = tx.NewRaw(`update message_delivery set state = ?1, code = ?2, parts = ?3 where message_id = ?0`,
			message, string(state), code, parts).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("end a delivery: %w", err)
	}
	return nil
}

// Report records what a provider says of a message that it was handed, by its
// own id or ours. It reports false where it was handed no such message.
func (d *Deliveries) Report(ctx context.Context, provider id.Provider, r sdk.Delivery) (known bool, err error) {
	var ours id.Message // zero, so null, where the provider does not repeat it
	if r.MessageID != "" && ours.UnmarshalText([]byte(r.MessageID)) != nil && r.ProviderID == "" {
		return false, nil
	}
	err = d.db.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var found struct{ MessageID id.Message }
		err := tx.NewRaw(`select message_id from message_delivery where provider_id = ?0
			and (message_id = ?1 or (provider_ref = ?2 and provider_ref <> '')) order by message_id = ?1 desc nulls last limit 1`,
			provider, ours, r.ProviderID).Scan(ctx, &found)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		known = true
		message := found.MessageID
		state, final := map[sdk.DeliveryState]State{sdk.Delivered: Delivered, sdk.Failed: Failed, sdk.Expired: Expired}[r.State]
		if !final {
			return nil // on its way, which is what we thought
		}
		// It has left: our own note of that may be lost, or yet to come.
		if err := settle(ctx, tx, message, 1); err != nil {
			return err
		}
		_, err = tx.NewRaw(`update message_delivery d set state = ?1, code = ?2, parts = greatest(d.parts, 1),
			cost_micros = case when d.parts > 0 then d.cost_micros
			  else coalesce((select p.price_micros from provider p where p.id = d.provider_id), 0) end
			where message_id = ?0`, message, string(state), sdk.Clean(r.Code, 40)).Exec(ctx)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("record a report: %w", err)
	}
	return known, nil
}

// Sweep ends what nobody will report on any more, and throws away what is old.
// Providers that report nothing leave their messages submitted.
func (d *Deliveries) Sweep(ctx context.Context) error {
	if _, err := d.db.Global().NewRaw(`update message_delivery d set state = 'expired', code = 'no_report'
		where state = 'submitted' and provider_id is not null and created < now() - make_interval(secs => ?)
		and exists (select from provider p where p.id = d.provider_id and p.reports)`, unreported.Seconds()).Exec(ctx); err != nil {
		return fmt.Errorf("expire deliveries: %w", err)
	}
	var lost []struct{ MessageID id.Message }
	err := d.db.Global().NewRaw(`select message_id from message_delivery
		where state = 'queued' and created < now() - make_interval(secs => ?)
		and (budget <> 'sms_reminder' or reserved_on < now() at time zone 'utc' - interval '2 days') order by message_id limit 1000`, forgotten.Seconds()).Scan(ctx, &lost)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("find lost messages: %w", err)
	}
	for _, l := range lost {
		if err := d.ended(ctx, l.MessageID, Expired, "never_sent"); err != nil {
			return err
		}
	}
	if _, err := d.db.Global().NewRaw(`delete from message_delivery where created < now() - make_interval(secs => ?)`, kept.Seconds()).Exec(ctx); err != nil {
		return fmt.Errorf("sweep deliveries: %w", err)
	}
	return nil
}

// Run sweeps now and every hour until ctx ends.
func (d *Deliveries) Run(ctx context.Context) {
	for {
		if err := d.Sweep(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("deliveries cannot be swept", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Hour):
		}
	}
}

// Count is what became of a day's messages with one provider.
type Count struct {
	// Day is a date in UTC, as in "2026-11-22".
	Day string
	// Provider is zero and Plugin empty for what has not been handed over.
	Provider id.Provider
	Plugin   string
	State    State
	Messages int
	Parts    int
	// CostMicros is in millionths of Currency.
	CostMicros int64
	Currency   string
}

// counted picks the messages d of a scope; its parameters ?0 and ?1 are kind
// and id.
const counted = `case ?0 when 'platform' then true when 'tenant' then d.tenant_id = ?1
	else d.tenant_id in (select id from tenant where reseller_id = ?1) end`

// Counts are those of a scope's text messages of the last days, today included.
func (d *Deliveries) Counts(ctx context.Context, scope access.Domain, days int) ([]Count, error) {
	var counts []Count
	err := d.db.Global().NewRaw(`
		select to_char((d.created at time zone 'utc')::date, 'YYYY-MM-DD') as day, d.provider_id as provider, d.plugin, d.state,
		  count(*) as messages, sum(d.parts) as parts, sum(d.cost_micros) as cost_micros, d.currency
		from message_delivery d
		where d.channel = 'sms' and d.created >= ((now() at time zone 'utc')::date - (?2::int - 1))::timestamp at time zone 'utc' and `+counted+`
		group by 1, d.provider_id, d.plugin, d.state, d.currency order by 1, d.plugin, d.state`,
		string(scope.Kind), scope.ID, days).Scan(ctx, &counts)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("count deliveries: %w", err)
	}
	return counts, nil
}

// Sum is what became of a day's messages of one kind.
type Sum struct {
	// Day is a date in UTC, as in "2026-11-22".
	Day           string
	Channel, Kind string
	State         State
	Messages      int
}

// Sums are those of a tenant's messages of the last days, today included.
func (d *Deliveries) Sums(ctx context.Context, tenant id.Tenant, days int) ([]Sum, error) {
	var sums []Sum
	err := d.db.Global().NewRaw(`
		select to_char((created at time zone 'utc')::date, 'YYYY-MM-DD') as day, channel, kind, state, count(*) as messages
		from message_delivery
		where tenant_id = ?0 and kind <> '' and created >= ((now() at time zone 'utc')::date - (?1::int - 1))::timestamp at time zone 'utc'
		group by 1, 2, 3, 4 order by 1, 2, 3, 4`, tenant, days).Scan(ctx, &sums)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("count messages: %w", err)
	}
	return sums, nil
}

// Undelivered are a tenant's messages about bookings that did not arrive, of the
// last days, the latest first and at most a hundred. What a patient has not
// confirmed is none: there is nobody to say anything to.
func (d *Deliveries) Undelivered(ctx context.Context, tenant id.Tenant, days int) ([]Delivery, error) {
	return d.list(ctx, `d.tenant_id = ? and d.state in ('failed', 'expired') and d.booking_id is not null and d.kind not in ('confirm_mail', 'confirm_sms', '')
		and d.created > now() - make_interval(days => ?)`, tenant, days)
}

// Waiting is how many of a scope's text messages wait to be sent, and for how long
// the oldest has.
func (d *Deliveries) Waiting(ctx context.Context, scope access.Domain) (n int, oldest time.Duration, err error) {
	var seconds float64
	err = d.db.Global().NewRaw(`select count(*), coalesce(extract(epoch from now() - min(d.created)), 0)::float8
		from message_delivery d where d.state = 'queued' and d.channel = 'sms' and `+counted, string(scope.Kind), scope.ID).Scan(ctx, &n, &seconds)
	if err != nil {
		return 0, 0, fmt.Errorf("count waiting messages: %w", err)
	}
	return n, time.Duration(seconds * float64(time.Second)), nil
}

// Delivery is what became of one message.
type Delivery struct {
	Message id.Message
	Booking id.Booking
	// Channel is "mail" or "sms", Kind as the outbox names it.
	Channel, Kind string
	Provider      id.Provider
	Plugin        string
	State         State
	Code          string
	// Reports says that its provider tells what becomes of messages.
	Reports bool
	Created time.Time
	// Ended is zero until the state is final.
	Ended time.Time
}

// OfBookings are the messages of a tenant's bookings, the latest first.
func (d *Deliveries) OfBookings(ctx context.Context, tenant id.Tenant, bookings []id.Booking) ([]Delivery, error) {
	wanted := make([]string, len(bookings))
	for i, b := range bookings {
		wanted[i] = b.UUID()
	}
	return d.list(ctx, `d.tenant_id = ? and d.booking_id = any(?::uuid[])`, tenant, pgdialect.Array(wanted))
}

// Delivery is one message, by its id.
func (d *Deliveries) Delivery(ctx context.Context, message id.Message) (Delivery, bool, error) {
	found, err := d.list(ctx, `d.message_id = ?`, message)
	if err != nil || len(found) == 0 {
		return Delivery{}, false, err
	}
	return found[0], true, nil
}

func (d *Deliveries) list(ctx context.Context, where string, args ...any) ([]Delivery, error) {
	var found []Delivery
	err := d.db.Global().NewRaw(`select d.message_id as message, d.booking_id as booking, d.channel, d.kind, d.provider_id as provider, d.plugin, d.state,
		d.code, coalesce(p.reports, false) as reports, d.created, coalesce(d.ended, '0001-01-01T00:00:00Z') as ended
		from message_delivery d left join provider p on p.id = d.provider_id where `+where+` order by d.created desc limit 1000`, args...).Scan(ctx, &found)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	return found, nil
}

func orEuro(currency string) string {
	if currency == "" {
		return "EUR"
	}
	return currency
}
