package notify

import (
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// ErrBudget is returned where a text message would exceed what the tenant, or
// all tenants together, may send on this day.
var ErrBudget = fault.New(fault.Limited, "message_budget_spent")

// Budget bounds the text messages of a day. A day is a date in UTC by the
// database's clock. Reminders have a budget of their own, on the day on which
// they leave: however many were asked for, codes can still be sent.
//
// One is taken in the transaction that queues the message, so what is queued is
// never more than the ceiling, whoever asks at once; that the database promises
// (message_budget_kept). A message that was sent costs the parts that it had,
// one that never left is given back, each once ([Deliveries]), and a message
// repeated after a crash takes no second one.
type Budget struct {
	// PerTenant is the ceiling of one tenant, 200 where zero; negative stops
	// text messages. Reminders may be as many again.
	PerTenant int
	// InAll is the ceiling of all tenants together, 5000 where zero; negative
	// stops text messages. Reminders may be as many again.
	InAll int
}

// takeBudget has no row for the ceiling to be read from before it is checked:
// the first message of a day inserts what later ones raise. Tenant before all,
// so that every transaction takes the two locks in the same order.
const takeBudget = `insert into message_budget as b (scope, channel, day, taken, ceiling)
	values ($1, $3, coalesce(greatest($4::timestamptz, now()), now()) at time zone 'utc', 1, $2)
	on conflict (scope, channel, day) do update set taken = b.taken + 1, ceiling = excluded.ceiling`

// The budgets, as the database names them.
const (
	ofMessages  = "sms"
	ofReminders = "sms_reminder"
)

// AppendBudget takes one text message in the caller's batch and opens its
// account: queued, for a booking. Where the budget is spent the whole
// transaction fails; give its error to [Budget.BudgetError].
func (b Budget) AppendBudget(batch *postgres.Batch, tenant id.Tenant, message id.Message, booking id.Booking) {
	b.take(batch, tenant, message, booking, ofMessages, nil)
}

// AppendReminder does the same for a reminder that leaves at an instant.
func (b Budget) AppendReminder(batch *postgres.Batch, tenant id.Tenant, message id.Message, booking id.Booking, at time.Time) {
	b.take(batch, tenant, message, booking, ofReminders, &at)
}

func (b Budget) take(batch *postgres.Batch, tenant id.Tenant, message id.Message, booking id.Booking, budget string, at *time.Time) {
	batch.Exec(takeBudget, tenant.UUID(), ceiling(b.PerTenant, 200), budget, at)
	batch.Exec(takeBudget, "", ceiling(b.InAll, 5000), budget, at)
	batch.Exec(`insert into message_delivery (message_id, tenant_id, booking_id, budget, reserved_on)
		values ($1, $2, $3, $4, coalesce(greatest($5::timestamptz, now()), now()) at time zone 'utc')`, message, tenant, booking, budget, at)
}

// AppendMail opens the account of a mail: queued, for a booking. Mails cost
// nothing of a budget.
func (Budget) AppendMail(batch *postgres.Batch, tenant id.Tenant, message id.Message, booking id.Booking, kind string) {
	batch.Exec(`insert into message_delivery (message_id, tenant_id, booking_id, channel, kind, reserved_on, settled)
		values ($1, $2, $3, 'mail', $4, now() at time zone 'utc', true)`, message, tenant, booking, kind)
}

// BudgetError turns the refusal of a spent budget into [ErrBudget] and leaves
// any other error as it is.
func (b Budget) BudgetError(err error) error {
	if err != nil && postgres.Violates(err, "message_budget_kept") {
		return ErrBudget.Because(err)
	}
	return err
}

func ceiling(configured, otherwise int) int {
	if configured == 0 {
		return otherwise
	}
	return max(configured, 0)
}
