package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/shred"
	"siegel/tenants/booking"
)

var (
	// ErrNothingAhead is returned where no reminder would come before the
	// appointment, or the practice sends none.
	ErrNothingAhead = fault.New(fault.Conflict, "no_reminder_ahead")
	// ErrConsent is returned where nobody says to which words they agreed.
	ErrConsent = fault.New(fault.Invalid, "consent_missing")

	errKeysLost = fault.New(fault.Internal, "day_keys_lost")
)

// reminderTTL is how late a reminder still makes sense, at most.
const reminderTTL = 2 * time.Hour

// RemindersConfig is what [Reminders] need. Every field without a remark is
// required.
type RemindersConfig struct {
	DB       *postgres.DB
	Keys     *shred.Chain
	Bookings *booking.Service
	Budget   Budget
	// PatientURL is the address of a tenant's patient pages.
	PatientURL func(ctx context.Context, tenant id.Tenant) (string, error)
	// Now is time.Now where nil.
	Now func() time.Time
}

// Reminders remind those who asked for it, and nobody else. The address is kept
// under the key of the day of the last reminder, and goes with it, with a
// withdrawal, or with the appointment.
type Reminders struct{ RemindersConfig }

// NewReminders checks c.
func NewReminders(c RemindersConfig) (*Reminders, error) {
	if c.DB == nil || c.Keys == nil || c.Bookings == nil || c.PatientURL == nil {
		return nil, errors.New("notify: incomplete config of reminders")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Reminders{c}, nil
}

// Wish is a patient's consent to be reminded: given by itself, for this booking
// alone.
type Wish struct {
	// Secret is that of the booking's link.
	Secret  []byte
	Channel booking.Channel
	Address string
	// Other is where a reminder goes that Channel does not carry: a mail address
	// for a number or the other way round. Empty: nowhere.
	Other string
	// Language is "de" or "en".
	Language string
	// Version names the words that were agreed to.
	Version string
}

// Reminding is how a booking's reminders stand.
type Reminding struct {
	// Offered is how many minutes before an appointment the practice reminds.
	Offered []int
	// Channel is by which way the patient is reminded; empty: not at all.
	Channel booking.Channel
}

// addressee is what is sealed for the day.
type addressee struct {
	Address string `json:"address"`
	Other   string `json:"other,omitempty"`
	Secret  []byte `json:"secret"`
}

// plan is a reminder as it is stored.
type plan struct {
	id       uuid.UUID
	booking  id.Booking
	channel  booking.Channel
	language string
	sealed   []byte
}

// bound is what a plan's address belongs to.
func (p plan) bound(tenant id.Tenant) string {
	return "reminder|" + tenant.UUID() + "|" + p.booking.UUID() + "|" + p.id.String()
}

// Ask keeps the address and queues the reminders for every visit of the booking
// that lies ahead. Asking again replaces what was asked before. It returns
// [ErrNothingAhead], [ErrConsent], booking.ErrAddress, booking.ErrChannel,
// booking.ErrUnknownBooking or shred.ErrUnavailable.
func (r *Reminders) Ask(ctx context.Context, tenant id.Tenant, w Wish) error {
	if len(w.Version) < 1 || len(w.Version) > 40 {
		return ErrConsent
	}
	if w.Language != "en" {
		w.Language = "de"
	}
	address, err := r.Bookings.Address(w.Channel, w.Address)
	if err != nil {
		return err
	}
	if w.Other != "" {
		if w.Other, err = r.Bookings.Address(w.Channel.Other(), w.Other); err != nil {
			return err
		}
	}
	booked, err := r.Bookings.View(ctx, tenant, w.Secret)
	if err != nil {
		return err
	}
	when, err := r.when(ctx, tenant)
	if err != nil {
		return err
	}
	var writes []func(*postgres.Batch)
	for _, v := range booked.Visits() {
		p := plan{id: uuid.New(), booking: v.Booking, channel: w.Channel, language: w.Language}
		write, err := r.write(ctx, tenant, p, addressee{address, w.Other, w.Secret}, v.Status, v.Starts, when)
		if err != nil {
			return err
		}
		if write == nil {
			continue
		}
		writes = append(writes, write, func(b *postgres.Batch) {
			withdraw(b, tenant, v.Booking)
			b.Exec(`insert into reminder_consent (tenant_id, id, booking_id, channel, version) values ($1, $2, $3, $4, $5)`,
				tenant, id.New[id.Message](), v.Booking, string(w.Channel), w.Version)
		})
	}
	if len(writes) == 0 {
		return ErrNothingAhead
	}
	err = r.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		for _, write := range writes {
			write(b)
		}
	})
	if err != nil {
		return fmt.Errorf("keep a reminder: %w", r.Budget.BudgetError(err))
	}
	return nil
}

// times are when the reminders of an appointment leave, in order, and for how
// long each makes sense.
type times func(starts time.Time) []departure

type departure struct {
	at  time.Time
	ttl time.Duration
}

// when reads when a practice reminds: at the times that it chose, and never in
// its quiet hours.
func (r *Reminders) when(ctx context.Context, tenant id.Tenant) (times, error) {
	choice, zone, err := choiceOf(ctx, r.DB, tenant)
	if err != nil {
		return nil, err
	}
	return func(starts time.Time) (all []departure) {
		for _, minutes := range choice.Reminders {
			if at, ttl, ok := choice.due(starts.Add(-time.Duration(minutes)*time.Minute), starts, r.Now(), zone); ok {
				all = append(all, departure{at, ttl})
			}
		}
		slices.SortFunc(all, func(a, b departure) int { return a.at.Compare(b.at) })
		return slices.CompactFunc(all, func(a, b departure) bool { return a.at.Equal(b.at) })
	}, nil
}

// write seals an address for the days on which it is needed, and returns what
// stores it and queues the messages; nil where none lies ahead.
func (r *Reminders) write(ctx context.Context, tenant id.Tenant, p plan, k addressee, status string, starts time.Time, when times) (func(*postgres.Batch), error) {
	all := when(starts)
	if status != booking.StatusBooked || len(all) == 0 {
		return nil, nil
	}
	last := all[len(all)-1]
	day := shred.DayOf(last.at.Add(last.ttl))
	plain, err := json.Marshal(k) //nolint:gosec // sealed before it goes anywhere
	if err != nil {
		return nil, fmt.Errorf("keep a reminder: %w", err)
	}
	sealed, err := r.Keys.Seal(ctx, day, plain, p.bound(tenant))
	if err != nil {
		return nil, err
	}
	return func(b *postgres.Batch) {
		b.Exec(`insert into reminder (tenant_id, booking_id, plan, channel, language, last_day, sealed) values ($1, $2, $3, $4, $5, $6, $7)
			on conflict (tenant_id, booking_id) do update
			set plan = excluded.plan, channel = excluded.channel, language = excluded.language, last_day = excluded.last_day, sealed = excluded.sealed`,
			tenant, p.booking, p.id.String(), string(p.channel), p.language, day.Ends().Add(-time.Second), sealed)
		for i, d := range all {
			m := jobs.Message{
				ID: id.New[id.Message](), Tenant: tenant, Kind: "reminder_" + string(p.channel), At: d.at, TTL: d.ttl,
				Ref: fmt.Sprintf("%s_%d_%d", p.id, i+1, len(all)),
			}
			jobs.Add(b, m)
			if p.channel == booking.SMS || k.Other != "" {
				r.Budget.AppendReminder(b, tenant, m.ID, p.booking, d.at)
			}
		}
	}, nil
}

// Stop withdraws the consent: no reminder leaves any more, and the address is
// gone. Stopping what was never asked for is no error. It returns
// booking.ErrUnknownBooking.
func (r *Reminders) Stop(ctx context.Context, tenant id.Tenant, secret []byte) error {
	booked, err := r.Bookings.View(ctx, tenant, secret)
	if err != nil {
		return err
	}
	err = r.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		for _, v := range booked.Visits() {
			forgetReminder(b, tenant, v.Booking)
			withdraw(b, tenant, v.Booking)
		}
	})
	if err != nil {
		return fmt.Errorf("stop reminders: %w", err)
	}
	return nil
}

// State says how a booking's reminders stand. It returns
// booking.ErrUnknownBooking.
func (r *Reminders) State(ctx context.Context, tenant id.Tenant, secret []byte) (Reminding, error) {
	booked, err := r.Bookings.View(ctx, tenant, secret)
	if err != nil {
		return Reminding{}, err
	}
	choice, _, err := choiceOf(ctx, r.DB, tenant)
	if err != nil {
		return Reminding{}, err
	}
	state := Reminding{Offered: choice.Reminders}
	for _, v := range booked.Visits() {
		p, found, err := r.read(ctx, tenant, `booking_id = $2`, v.Booking.UUID())
		if err != nil {
			return Reminding{}, err
		}
		if found {
			state.Channel = p.channel
		}
	}
	return state, nil
}

// ReminderToSend is what the reminder behind ref says and where it goes. It
// returns booking.ErrAddressLapsed for one that was withdrawn or replaced, and
// for an appointment that takes place no more.
func (r *Reminders) ReminderToSend(ctx context.Context, tenant id.Tenant, ref string) (booking.Outgoing, error) {
	name, _, _ := strings.Cut(ref, "_")
	p, found, err := r.read(ctx, tenant, `plan = $2`, name)
	if err != nil {
		return booking.Outgoing{}, err
	}
	if !found {
		return booking.Outgoing{}, booking.ErrAddressLapsed
	}
	current, err := r.Bookings.Current(ctx, tenant, p.booking)
	if err != nil {
		return booking.Outgoing{}, err
	}
	if current.Status != booking.StatusBooked || !current.Starts.After(r.Now()) {
		return booking.Outgoing{}, errors.Join(booking.ErrAddressLapsed, r.forget(ctx, tenant, p.booking))
	}
	k, err := r.open(ctx, tenant, p)
	if err != nil {
		return booking.Outgoing{}, err
	}
	out, err := r.Bookings.About(ctx, tenant, current, p.language)
	if err != nil {
		return booking.Outgoing{}, err
	}
	base, err := r.PatientURL(ctx, tenant)
	if err != nil {
		return booking.Outgoing{}, fmt.Errorf("address of the patient pages: %w", err)
	}
	out.Channel, out.Address = string(p.channel), k.Address
	if k.Other != "" {
		out.Other = booking.Way{Channel: string(p.channel.Other()), Address: k.Other}
	}
	out.ManageLink = base + "/booking#" + base64.RawURLEncoding.EncodeToString(k.Secret)
	return out, nil
}

// ReminderSent lets the address be forgotten after the last reminder.
func (r *Reminders) ReminderSent(ctx context.Context, tenant id.Tenant, ref string) error {
	parts := strings.Split(ref, "_")
	if len(parts) != 3 || parts[1] != parts[2] {
		return nil // another one is to come
	}
	p, found, err := r.read(ctx, tenant, `plan = $2`, parts[0])
	if err != nil || !found {
		return err
	}
	return r.forget(ctx, tenant, p.booking)
}

// BookingChanged moves the reminders with their appointment, and ends them with
// it. It is the handler of [booking.Changed].
func (r *Reminders) BookingChanged(ctx context.Context, m jobs.Message) error {
	p, found, err := r.read(ctx, m.Tenant, `booking_id = $2`, m.Ref)
	if err != nil || !found {
		return err
	}
	current, err := r.Bookings.Current(ctx, m.Tenant, p.booking)
	if err != nil {
		return err
	}
	if current.Status == booking.StatusPending {
		return nil // until somebody has decided
	}
	k, err := r.open(ctx, m.Tenant, p)
	if err != nil {
		return err
	}
	when, err := r.when(ctx, m.Tenant)
	if err != nil {
		return err
	}
	p.id = uuid.New() // what is on its way lapses
	write, err := r.write(ctx, m.Tenant, p, k, current.Status, current.Starts, when)
	if err != nil {
		return err
	}
	if write == nil {
		return r.forget(ctx, m.Tenant, p.booking)
	}
	if err := r.DB.Batch(ctx, m.Tenant, write); err != nil {
		return fmt.Errorf("move a reminder: %w", r.Budget.BudgetError(err))
	}
	return nil
}

// open reads the address. That its key is gone although its day is not over is
// an alarm and no lapse.
func (r *Reminders) open(ctx context.Context, tenant id.Tenant, p plan) (k addressee, err error) {
	plain, err := r.Keys.Open(ctx, p.sealed, p.bound(tenant))
	if errors.Is(err, shred.ErrShredded) {
		return k, errKeysLost
	}
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(plain, &k); err != nil {
		return k, fmt.Errorf("read a reminder: %w", err)
	}
	return k, nil
}

func (r *Reminders) read(ctx context.Context, tenant id.Tenant, which, name string) (p plan, found bool, err error) {
	if _, err := uuid.Parse(name); err != nil {
		return p, false, nil //nolint:nilerr // no name of ours has none
	}
	var row *postgres.Found
	var channel, planned string
	err = r.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		row = b.Row(`select plan::text, booking_id, channel, language, sealed from reminder where tenant_id = $1 and `+which,
			[]any{tenant.UUID(), name}, &planned, &p.booking, &channel, &p.language, &p.sealed)
	})
	if err != nil {
		return p, false, fmt.Errorf("read a reminder: %w", err)
	}
	if !row.OK {
		return p, false, nil
	}
	p.channel = booking.Channel(channel)
	p.id, err = uuid.Parse(planned)
	return p, err == nil, err
}

func (r *Reminders) forget(ctx context.Context, tenant id.Tenant, booking id.Booking) error {
	err := r.DB.Batch(ctx, tenant, func(b *postgres.Batch) { forgetReminder(b, tenant, booking) })
	if err != nil {
		return fmt.Errorf("forget a reminder: %w", err)
	}
	return nil
}

func forgetReminder(b *postgres.Batch, tenant id.Tenant, booking id.Booking) {
	b.Exec(`delete from reminder where tenant_id = $1 and booking_id = $2`, tenant.UUID(), booking.UUID())
}

func withdraw(b *postgres.Batch, tenant id.Tenant, booking id.Booking) {
	b.Exec(`update reminder_consent set withdrawn = now() where tenant_id = $1 and booking_id = $2 and withdrawn is null`,
		tenant.UUID(), booking.UUID())
}
