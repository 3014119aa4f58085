package notify_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/shred"
	"siegel/tenants/booking"
	"siegel/tenants/notify"
	"siegel/tenants/tenanttest"
)

// reminded is a practice whose patients can be reminded, with its messages on
// their way in a real outbox.
type reminded struct {
	*tenanttest.Fixture
	bookings  *booking.Service
	reminders *notify.Reminders
	super     *postgres.DB
	now       time.Time
}

func newReminded(t *testing.T) *reminded {
	t.Helper()
	r := &reminded{Fixture: tenanttest.New(t), now: time.Now()}
	r.super = testdb.OpenURL(t, r.URLs.Super)
	clock := func() time.Time { return r.now }
	url := func(context.Context, id.Tenant) (string, error) { return "http://praxis.localhost:8080", nil }
	var err error
	if r.bookings, err = booking.NewService(booking.Config{
		DB: r.DB, Redis: r.Redis, Practice: r.Practice, Keyring: r.Keyring, Budget: notify.Budget{}, Base: "localhost:8080", PatientURL: url,
	}); err != nil {
		t.Fatal(err)
	}
	keys, err := shred.New(shred.Config{DB: r.DB, Redis: r.Redis, Now: clock, Patience: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.reminders, err = notify.NewReminders(notify.RemindersConfig{
		DB: r.DB, Keys: keys, Bookings: r.bookings, Budget: notify.Budget{}, PatientURL: url, Now: clock,
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

// appointment makes one at the desk, with a link.
func (r *reminded) appointment(t *testing.T, starts time.Time) (made id.Appointment, secret []byte) {
	t.Helper()
	form := r.Seal(t, id.New[id.Booking]())
	made, err := r.bookings.BookAtDesk(t.Context(), r.Tenant.ID, booking.DeskBooking{
		DeskTime: booking.DeskTime{Service: r.Quarter, Practitioner: r.Practitioner, Location: r.Location, Starts: starts},
		Booking:  id.New[id.Booking](), Epoch: 1, Card: bytes.Repeat([]byte("x"), 12+2048+16), SecretHash: form.SecretHash[:], Copy: form.Copy,
	})
	if err != nil {
		t.Fatal(err)
	}
	return made, form.Secret[:]
}

func wish(secret []byte) notify.Wish {
	return notify.Wish{Secret: secret, Channel: booking.Mail, Address: "erika@muster.example", Language: "de", Version: "2026-11"}
}

type waiting struct {
	kind, ref string
	at        time.Time
}

// outbox are the messages of a kind that wait, in the order of their time.
func (r *reminded) outbox(t *testing.T, kind string) (all []waiting) {
	t.Helper()
	var rows []struct {
		Kind, Ref string
		RunAt     time.Time
	}
	if err := r.super.Global().NewRaw(`select kind, ref, run_at from outbox where kind = ? and status = 'waiting' order by run_at`, kind).Scan(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		all = append(all, waiting{row.Kind, row.Ref, row.RunAt})
	}
	return all
}

func (r *reminded) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := r.DB.Batch(t.Context(), r.Tenant.ID, func(b *postgres.Batch) { b.Row("select count(*) from "+table, nil, &n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhoAskedIsRemindedOnceForEachTime(t *testing.T) {
	t.Parallel()
	r := newReminded(t)
	ctx, tenant := t.Context(), r.Tenant.ID
	if err := r.DB.Batch(ctx, tenant, func(b *postgres.Batch) { b.Exec(`update practice set reminders = '{1440,120}'`) }); err != nil {
		t.Fatal(err)
	}
	starts := tenanttest.At(3, 9, 0)
	_, secret := r.appointment(t, starts)
	if err := r.reminders.Ask(ctx, tenant, wish(secret)); err != nil {
		t.Fatal(err)
	}
	all := r.outbox(t, notify.ReminderMail)
	if len(all) != 2 || !all[0].at.Equal(starts.Add(-24*time.Hour)) || !all[1].at.Equal(starts.Add(-2*time.Hour)) {
		t.Fatalf("queued %+v", all)
	}
	for i, m := range all {
		r.now = m.at.Add(time.Minute)
		out, err := r.reminders.ReminderToSend(ctx, tenant, m.ref)
		if err != nil || out.Address != "erika@muster.example" || !out.Stops[0].Starts.Equal(starts) || !strings.Contains(out.ManageLink, "/booking#") {
			t.Fatalf("reminder %d: %+v, %v", i, out, err)
		}
		if err := r.reminders.ReminderSent(ctx, tenant, m.ref); err != nil {
			t.Fatal(err)
		}
		if left := r.count(t, "reminder"); left != 1-i {
			t.Errorf("after reminder %d: %d addresses are kept", i, left)
		}
	}
	if n := r.count(t, "reminder_consent where withdrawn is null and version = '2026-11'"); n != 1 {
		t.Errorf("%d consents", n)
	}
}

func TestNobodyIsRemindedWhoDidNotAsk(t *testing.T) {
	t.Parallel()
	r := newReminded(t)
	ctx, tenant := t.Context(), r.Tenant.ID
	_, secret := r.appointment(t, tenanttest.At(3, 9, 0))
	for name, spoil := range map[string]func(*notify.Wish){
		"no consent":  func(w *notify.Wish) { w.Version = "" },
		"no address":  func(w *notify.Wish) { w.Address = "erika" },
		"no channel":  func(w *notify.Wish) { w.Channel = "pigeon" },
		"no link":     func(w *notify.Wish) { w.Secret = bytes.Repeat([]byte{7}, 16) },
		"a landline":  func(w *notify.Wish) { w.Channel, w.Address = booking.SMS, "+49724300012" },
		"two at once": func(w *notify.Wish) { w.Address = "a@muster.example,b@muster.example" },
	} {
		w := wish(secret)
		spoil(&w)
		if err := r.reminders.Ask(ctx, tenant, w); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	soon, err := r.reminders.State(ctx, tenant, secret)
	if err != nil || soon.Channel != "" || len(soon.Offered) != 1 {
		t.Errorf("state %+v, %v", soon, err)
	}
	r.now = tenanttest.At(3, 8, 0)
	if err := r.reminders.Ask(ctx, tenant, wish(secret)); !errors.Is(err, notify.ErrNothingAhead) {
		t.Errorf("an hour before: %v", err)
	}
	if r.count(t, "reminder")+r.count(t, "reminder_consent")+len(r.outbox(t, notify.ReminderMail)) != 0 {
		t.Error("something was kept")
	}
}

func TestAWithdrawalTakesTheAddressAtOnce(t *testing.T) {
	t.Parallel()
	r := newReminded(t)
	ctx, tenant := t.Context(), r.Tenant.ID
	_, secret := r.appointment(t, tenanttest.At(3, 9, 0))
	if err := r.reminders.Ask(ctx, tenant, wish(secret)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.reminders.Stop(ctx, tenant, secret); err != nil {
			t.Fatal(err)
		}
	}
	if r.count(t, "reminder") != 0 || r.count(t, "reminder_consent where withdrawn is not null") != 1 {
		t.Error("the address is still kept, or the withdrawal was not noted")
	}
	if _, err := r.reminders.ReminderToSend(ctx, tenant, r.outbox(t, notify.ReminderMail)[0].ref); !errors.Is(err, booking.ErrAddressLapsed) {
		t.Errorf("after the withdrawal: %v", err)
	}
}

func TestRemindersFollowTheirAppointment(t *testing.T) {
	t.Parallel()
	r := newReminded(t)
	ctx, tenant := t.Context(), r.Tenant.ID
	made, secret := r.appointment(t, tenanttest.At(3, 9, 0))
	if err := r.reminders.Ask(ctx, tenant, wish(secret)); err != nil {
		t.Fatal(err)
	}
	old := r.outbox(t, notify.ReminderMail)[0]
	later := tenanttest.At(9, 11, 0)
	made, err := r.bookings.MoveAtDesk(ctx, tenant, made, booking.DeskTime{Service: r.Quarter, Practitioner: r.Practitioner, Location: r.Location, Starts: later})
	if err != nil {
		t.Fatal(err)
	}
	happened := r.outbox(t, booking.Changed)
	if len(happened) != 1 {
		t.Fatalf("told %+v", happened)
	}
	if err := r.reminders.BookingChanged(ctx, jobs.Message{Tenant: tenant, Ref: happened[0].ref}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.reminders.ReminderToSend(ctx, tenant, old.ref); !errors.Is(err, booking.ErrAddressLapsed) {
		t.Errorf("the old one: %v", err)
	}
	all := r.outbox(t, notify.ReminderMail)
	if len(all) != 2 || !all[1].at.Equal(later.Add(-24*time.Hour)) {
		t.Fatalf("queued %+v", all)
	}
	r.now = all[1].at.Add(time.Minute) // days after the old key has died
	if out, err := r.reminders.ReminderToSend(ctx, tenant, all[1].ref); err != nil || !out.Stops[0].Starts.Equal(later) {
		t.Errorf("the new one: %+v, %v", out, err)
	}
	if err := r.bookings.SetStatus(ctx, tenant, made, booking.StatusChange{Status: "cancelled", Reason: "ill"}); err != nil {
		t.Fatal(err)
	}
	if err := r.reminders.BookingChanged(ctx, jobs.Message{Tenant: tenant, Ref: happened[0].ref}); err != nil {
		t.Fatal(err)
	}
	if r.count(t, "reminder") != 0 {
		t.Error("the address has outlived the appointment")
	}
}

// Whoever gets hold of the database, or of a backup of it, reads no address.
func TestADatabaseShowsNobodysAddress(t *testing.T) {
	t.Parallel()
	r := newReminded(t)
	ctx, tenant := t.Context(), r.Tenant.ID
	_, secret := r.appointment(t, tenanttest.At(3, 9, 0))
	if err := r.reminders.Ask(ctx, tenant, wish(secret)); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"reminder", "reminder_consent"} {
		var text string
		if err := r.DB.Batch(ctx, tenant, func(b *postgres.Batch) { b.Row("select string_agg(x::text, ' ') from "+table+" x", nil, &text) }); err != nil {
			t.Fatal(err)
		}
		if text == "" || strings.Contains(text, "erika") || strings.Contains(text, "6572696b61") {
			t.Errorf("%s: %s", table, text)
		}
	}
	// All servers and Redis are lost: what is left is an alarm, not a lapse.
	if err := r.Redis.Raw().FlushDB(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	keys, err := shred.New(shred.Config{DB: r.DB, Redis: r.Redis, Patience: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	fresh := *r.reminders
	fresh.Keys = keys
	if _, err := fresh.ReminderToSend(ctx, tenant, r.outbox(t, notify.ReminderMail)[0].ref); err == nil || errors.Is(err, booking.ErrAddressLapsed) {
		t.Errorf("after the loss: %v", err)
	}
}

// The other way is kept and dies with the first, and a withdrawal ends both.
func TestAReminderKnowsAnotherWay(t *testing.T) {
	t.Parallel()
	r := newReminded(t)
	ctx, tenant := t.Context(), r.Tenant.ID
	_, secret := r.appointment(t, tenanttest.At(3, 9, 0))
	asked := wish(secret)
	asked.Other = "0151 12345678"
	if err := r.reminders.Ask(ctx, tenant, asked); err != nil {
		t.Fatal(err)
	}
	ref := r.outbox(t, notify.ReminderMail)[0].ref
	out, err := r.reminders.ReminderToSend(ctx, tenant, ref)
	if err != nil || out.Channel != "mail" || out.Address != "erika@muster.example" || out.Other != (booking.Way{Channel: "sms", Address: "+4915112345678"}) {
		t.Errorf("%+v, %v", out, err)
	}
	if n := r.count(t, "message_delivery where not settled"); n != 1 {
		t.Errorf("%d messages have a budget, although each may become a text message", n)
	}
	if err := r.reminders.Stop(ctx, tenant, secret); err != nil {
		t.Fatal(err)
	}
	if _, err := r.reminders.ReminderToSend(ctx, tenant, ref); !errors.Is(err, booking.ErrAddressLapsed) {
		t.Errorf("after the withdrawal: %v", err)
	}
	asked.Other = "erika@muster.example"
	if err := r.reminders.Ask(ctx, tenant, asked); !errors.Is(err, booking.ErrAddress) {
		t.Errorf("a mail address for a number: %v", err)
	}
}
