package booking_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/shred"
	"siegel/tenants/booking"
	"siegel/tenants/schedule"
	"siegel/tenants/tenanttest"
)

// queue is a bench with a waiting list, whose practitioner has one full evening
// and whose patients wait for no other time.
type queue struct {
	*bench
	list    *booking.Waiting
	evening time.Time // when it begins
	full    id.Appointment
	day     shred.Day // by the keys' clock; zero is today
	people  int
}

func wait(t *testing.T) *queue {
	t.Helper()
	q := &queue{bench: setup(t), evening: tenanttest.At(2, 17, 0)}
	keys, err := shred.New(shred.Config{DB: q.DB, Redis: q.Redis, Now: func() time.Time {
		if q.day == 0 {
			return time.Now()
		}
		return q.day.Ends().Add(-time.Hour)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if q.list, err = booking.NewWaiting(booking.WaitingConfig{Bookings: q.Service, Keys: keys}); err != nil {
		t.Fatal(err)
	}
	d := deskBooking(q.deskTime(q.Quarter, q.evening))
	d.Ends = q.evening.Add(5 * time.Hour)
	if q.full, err = q.BookAtDesk(t.Context(), q.Tenant.ID, d); err != nil {
		t.Fatal(err)
	}
	return q
}

// wish is for that evening and none other.
func (q *queue) wish() booking.Wish {
	return booking.Wish{Service: q.Quarter, Weekdays: []int{int(q.evening.Weekday()+6)%7 + 1}, Times: []string{"evening"}}
}

func (q *queue) request(secret []byte) booking.JoinRequest {
	q.people++
	return booking.JoinRequest{
		Secret: secret, Channel: booking.Mail, Address: fmt.Sprintf("wartet-%d@muster.example", q.people), Version: "1",
		Until: schedule.DateOf(q.evening), Wish: q.wish(),
	}
}

// joins books for a day later, in the morning, and waits for the evening.
func (q *queue) joins(t *testing.T, minutes int) []byte {
	t.Helper()
	_, secret := q.booked(t, q.item(q.Quarter, tenanttest.At(4, 9, 0).Add(time.Duration(minutes)*time.Minute)))
	if err := q.list.Join(t.Context(), q.Tenant.ID, q.request(secret)); err != nil {
		t.Fatal(err)
	}
	return secret
}

func (q *queue) look(t *testing.T) {
	t.Helper()
	if err := q.list.Look(t.Context(), jobs.Message{Tenant: q.Tenant.ID}); err != nil {
		t.Fatal(err)
	}
}

func (q *queue) free(t *testing.T) {
	t.Helper()
	if err := q.SetStatus(t.Context(), q.Tenant.ID, q.full, booking.StatusChange{Status: booking.StatusCancelled, Reason: "other"}); err != nil {
		t.Fatal(err)
	}
	q.look(t)
}

// offered is what stands open for the holder of a secret; nil is nothing.
func (q *queue) offered(t *testing.T, secret []byte) *booking.Offered {
	t.Helper()
	state, err := q.list.State(t.Context(), q.Tenant.ID, secret)
	if err != nil {
		t.Fatal(err)
	}
	return state.Offer
}

func (q *queue) set(t *testing.T, s booking.WaitingSettings) {
	t.Helper()
	if err := q.list.SetSettings(t.Context(), q.Tenant.ID, s); err != nil {
		t.Fatal(err)
	}
}

// refs are the references of queued messages of a kind.
func (q *queue) refs(t *testing.T, kind string) (refs []string) {
	t.Helper()
	err := q.DB.Batch(t.Context(), q.Tenant.ID, func(b *postgres.Batch) {
		b.Row(`select coalesce(array_agg(ref order by id), '{}') from outbox where kind = $1`, []any{kind}, &refs)
	})
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

func TestAFreedTimeIsOfferedInTheOrderOfJoining(t *testing.T) {
	t.Parallel()
	q := wait(t)
	ctx, tenant := t.Context(), q.Tenant.ID
	first, second, third := q.joins(t, 0), q.joins(t, 15), q.joins(t, 30)
	q.look(t)
	for _, secret := range [][]byte{first, second, third} {
		if o := q.offered(t, secret); o != nil {
			t.Fatalf("nothing is free, and %v is offered", o.Starts)
		}
	}
	q.free(t)
	for i, secret := range [][]byte{first, second, third} {
		o := q.offered(t, secret)
		if want := q.evening.Add(time.Duration(i) * 15 * time.Minute); o == nil || !o.Starts.Equal(want) || !o.Free || o.Service != q.Quarter {
			t.Fatalf("the %d. is offered %+v, want %v", i+1, o, want)
		}
	}
	refs := q.refs(t, booking.OfferMailKind)
	if len(refs) != 3 {
		t.Fatalf("%d messages are queued", len(refs))
	}
	out, err := q.list.OfferToSend(ctx, tenant, refs[0])
	if err != nil || out.Address != "wartet-1@muster.example" || !out.Stops[0].Starts.Equal(q.evening) || !strings.Contains(out.ManageLink, "/booking#") {
		t.Fatalf("the message is %+v, %v", out, err)
	}
	// Turned down, it goes to nobody who has one already; to the same person never again.
	if err := q.list.Decline(ctx, tenant, first, q.offered(t, first).ID); err != nil {
		t.Fatal(err)
	}
	q.look(t)
	if o := q.offered(t, first); o == nil || o.Starts.Equal(q.evening) {
		t.Fatalf("after declining: %+v", o)
	}
	if _, err := q.list.OfferToSend(ctx, tenant, refs[0]); !errors.Is(err, booking.ErrAddressLapsed) {
		t.Fatalf("a message about what was declined: %v", err)
	}
	fourth := q.joins(t, 45)
	q.look(t)
	if o := q.offered(t, fourth); o == nil || !o.Starts.Equal(q.evening) {
		t.Fatalf("who comes next gets what was declined: %+v", o)
	}
}

func TestWhoTakesAnOfferHasTheEarlierTimeAndLeavesTheList(t *testing.T) {
	t.Parallel()
	q := wait(t)
	secret := q.joins(t, 0)
	before, err := q.View(t.Context(), q.Tenant.ID, secret)
	if err != nil {
		t.Fatal(err)
	}
	q.free(t)
	o := q.offered(t, secret)
	_, after, err := q.moveTo(t, secret, q.item(o.Service, o.Starts))
	if err != nil || !after.Starts.Equal(q.evening) || after.Visit.Booking != before.Visit.Booking {
		t.Fatalf("moved to %v, %v", after.Starts, err)
	}
	if _, err := q.list.State(t.Context(), q.Tenant.ID, secret); !errors.Is(err, booking.ErrUnknownPlace) {
		t.Fatalf("the place: %v", err)
	}
	if n := q.count(t, "waiting"); n != 0 {
		t.Fatalf("%d wait", n)
	}
	if n := q.count(t, "waiting_consent where withdrawn is null"); n != 0 {
		t.Fatalf("%d consents stand", n)
	}
}

func TestOfferedToManyExactlyOneWins(t *testing.T) {
	t.Parallel()
	q := wait(t)
	ctx, tenant := t.Context(), q.Tenant.ID
	const many = 8
	q.set(t, booking.WaitingSettings{AtOnce: many, Minutes: 60})
	var secrets [][]byte
	for i := range many {
		secrets = append(secrets, q.joins(t, 15*i))
	}
	q.free(t)
	var won, lost atomic.Int64
	var all sync.WaitGroup
	for i, secret := range secrets {
		o := q.offered(t, secret)
		if o == nil || !o.Starts.Equal(q.evening) {
			t.Fatalf("the %d. is offered %+v", i, o)
		}
		copied := q.Seal(t, id.New[id.Booking]()).Copy
		all.Go(func() {
			token := random(16)
			h, err := q.Hold(ctx, tenant, booking.HoldRequest{Token: token, Items: []booking.HoldItem{q.item(o.Service, o.Starts)}}, visitor(1000+i), once())
			if err == nil {
				_, err = q.Move(ctx, tenant, booking.MoveRequest{Secret: secret, Hold: h.ID, Token: token, Copy: copied})
			}
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, booking.ErrSlotTaken):
				lost.Add(1)
			default:
				t.Errorf("taking: %v", err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != many-1 {
		t.Fatalf("%d have it, %d do not", won.Load(), lost.Load())
	}
	still := 0
	for _, secret := range secrets {
		v, err := q.View(ctx, tenant, secret)
		if err != nil {
			t.Fatal(err)
		}
		if v.Status != booking.StatusBooked {
			t.Errorf("a booking is %s", v.Status)
		}
		if !v.Starts.Equal(q.evening) {
			still++
			if o := q.offered(t, secret); o == nil || o.Free {
				t.Errorf("the page says of a taken time: %+v", o)
			}
		}
	}
	if still != many-1 {
		t.Fatalf("%d have their old time", still)
	}
}

func TestTwoWhoLookAtOnceOfferOneTimeToNoMoreThanMay(t *testing.T) {
	t.Parallel()
	q := wait(t)
	q.set(t, booking.WaitingSettings{AtOnce: 2, Minutes: 60})
	for i := range 6 {
		q.joins(t, 15*i)
	}
	if err := q.SetStatus(t.Context(), q.Tenant.ID, q.full, booking.StatusChange{Status: booking.StatusCancelled, Reason: "other"}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := q.list.Look(context.WithoutCancel(t.Context()), jobs.Message{Tenant: q.Tenant.ID}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var offers, most int
	err := q.DB.Batch(t.Context(), q.Tenant.ID, func(b *postgres.Batch) {
		b.Row(`select coalesce(sum(n), 0)::int, coalesce(max(n), 0)::int from (select count(*) n from waiting_offer where state = 'open' group by starts) x`, nil, &offers, &most)
	})
	if err != nil || offers != 6 || most != 2 {
		t.Fatalf("%d offers, at most %d of one time, %v", offers, most, err)
	}
}

func TestWithoutABookingThePlaceIsConfirmedFirst(t *testing.T) {
	t.Parallel()
	q := wait(t)
	ctx, tenant := t.Context(), q.Tenant.ID
	form := q.Seal(t, id.New[id.Booking]())
	r := q.request(form.Secret[:])
	r.SecretHash = form.SecretHash[:]
	if _, err := q.list.Ask(ctx, tenant, r, visitor(1), nil); !errors.Is(err, booking.ErrProofRequired) {
		t.Fatalf("without a proof: %v", err)
	}
	if _, err := q.list.Ask(ctx, tenant, r, visitor(1), solve(q.WordChallenge(tenant, visitor(1)))); err != nil {
		t.Fatal(err)
	}
	if n := q.count(t, "waiting"); n != 0 {
		t.Fatal("a place before anybody confirmed it")
	}
	out, err := q.list.AskToSend(ctx, tenant, ref(form))
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(out.Link[strings.IndexByte(out.Link, '#'):], ".")
	if err := q.list.ConfirmPlace(ctx, tenant, form.Secret[:], "falsch"); !errors.Is(err, booking.ErrLinkExpired) {
		t.Fatalf("a wrong code: %v", err)
	}
	for range 2 { // twice is harmless
		if err := q.list.ConfirmPlace(ctx, tenant, form.Secret[:], code); err != nil {
			t.Fatal(err)
		}
	}
	q.free(t)
	o := q.offered(t, form.Secret[:])
	if o == nil || !o.Starts.Equal(q.evening) {
		t.Fatalf("offered: %+v", o)
	}
	out, err = q.list.OfferToSend(ctx, tenant, q.refs(t, booking.OfferMailKind)[0])
	if err != nil || !strings.Contains(out.ManageLink, "/waiting#") {
		t.Fatalf("the message is %+v, %v", out, err)
	}
	// Booking the offered time ends the place, in the transaction that books.
	token, h, err := q.take(t, q.item(o.Service, o.Starts))
	if err != nil {
		t.Fatal(err)
	}
	booked := q.Seal(t, h.Items[0].Booking)
	request := byMail(token, booked, "wartet@muster.example")
	request.Waiting = form.Secret[:]
	if _, err := q.Book(ctx, tenant, request, once()); err != nil {
		t.Fatal(err)
	}
	if n := q.count(t, "waiting"); n != 1 {
		t.Fatal("the place went before the booking was confirmed")
	}
	if _, err := q.Confirm(ctx, tenant, booked.Secret[:], q.code(t, booked)); err != nil {
		t.Fatal(err)
	}
	if n := q.count(t, "waiting"); n != 0 {
		t.Fatalf("%d places after the booking", n)
	}
}

func TestByTextMessageACodeConfirmsThePlace(t *testing.T) {
	t.Parallel()
	q := wait(t)
	ctx, tenant := t.Context(), q.Tenant.ID
	form := q.Seal(t, id.New[id.Booking]())
	r := q.request(nil)
	r.SecretHash, r.Channel, r.Address = form.SecretHash[:], booking.SMS, "0151 23456789"
	if _, err := q.list.Ask(ctx, tenant, r, visitor(1), solve(q.WordChallenge(tenant, visitor(1)))); err != nil {
		t.Fatal(err)
	}
	out, err := q.list.AskToSend(ctx, tenant, ref(form))
	if err != nil || len(out.Code) != 6 || out.Link != "" || out.Address != "+4915123456789" {
		t.Fatalf("the message is %+v, %v", out, err)
	}
	wrong := &booking.WrongCode{}
	if err := q.list.ConfirmPlace(ctx, tenant, form.Secret[:], "x"); !errors.As(err, &wrong) || wrong.TriesLeft != booking.CodeTries-1 {
		t.Fatalf("a wrong code: %v", err)
	}
	if err := q.list.ConfirmPlace(ctx, tenant, form.Secret[:], out.Code); err != nil {
		t.Fatal(err)
	}
	state, err := q.list.State(ctx, tenant, form.Secret[:])
	if err != nil || state.Channel != booking.SMS || state.Until != r.Until {
		t.Fatalf("the place is %+v, %v", state, err)
	}
}

func TestNoBackupHasWhoWaits(t *testing.T) {
	t.Parallel()
	q := wait(t)
	ctx, tenant := t.Context(), q.Tenant.ID
	secret := q.joins(t, 0)
	var row string
	if err := q.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select string_agg(w::text || encode(w.sealed, 'escape'), '') from waiting w`, nil, &row)
	}); err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{"wartet-1", "muster.example", q.Quarter.UUID(), "evening"} {
		if strings.Contains(row, told) {
			t.Errorf("the row tells %q", told)
		}
	}
	// After the last day nobody can read what a backup brings back.
	q.day = shred.DayOf(q.evening) + 1
	if _, err := q.list.State(ctx, tenant, secret); !errors.Is(err, booking.ErrUnknownPlace) {
		t.Fatalf("a day later: %v", err)
	}
	if _, err := q.list.OfferToSend(ctx, tenant, id.New[id.Offer]().UUID()); !errors.Is(err, booking.ErrAddressLapsed) {
		t.Fatalf("a day later: %v", err)
	}
}

func TestTheListKnowsItsLimits(t *testing.T) {
	t.Parallel()
	q := wait(t)
	ctx, tenant := t.Context(), q.Tenant.ID
	_, secret := q.booked(t, q.item(q.Quarter, tenanttest.At(4, 9, 0)))
	for name, test := range map[string]struct {
		change func(*booking.JoinRequest)
		want   error
	}{
		"NoConsent":      {func(r *booking.JoinRequest) { r.Version = "" }, booking.ErrConsentMissing},
		"UntilYesterday": {func(r *booking.JoinRequest) { r.Until -= 10 }, booking.ErrMalformedWish},
		"TooLong":        {func(r *booking.JoinRequest) { r.Until += booking.LongestWait }, booking.ErrMalformedWish},
		"NoSuchDay":      {func(r *booking.JoinRequest) { r.Wish.Weekdays = []int{8} }, booking.ErrMalformedWish},
		"NoSuchTime":     {func(r *booking.JoinRequest) { r.Wish.Times = []string{"night"} }, booking.ErrMalformedWish},
		"NoAddress":      {func(r *booking.JoinRequest) { r.Address = "x" }, booking.ErrAddress},
		"UnknownService": {func(r *booking.JoinRequest) { r.Wish.Service = id.New[id.Service]() }, booking.ErrNotWaited},
		"AnothersLink":   {func(r *booking.JoinRequest) { r.Secret = bytes.Repeat([]byte{1}, 16) }, booking.ErrUnknownBooking},
	} {
		r := q.request(secret)
		test.change(&r)
		if err := q.list.Join(ctx, tenant, r); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if err := q.list.Join(ctx, tenant, q.request(secret)); err != nil {
		t.Fatal(err)
	}
	if err := q.list.Join(ctx, tenant, q.request(secret)); err != nil {
		t.Fatal(err)
	}
	if n := q.count(t, "waiting"); n != 1 {
		t.Fatalf("%d places for one booking", n)
	}
	queues, err := q.list.Queues(ctx, tenant)
	if err != nil || len(queues) != 1 || queues[0] != (booking.Queue{Service: q.Quarter, Waiting: 1}) {
		t.Fatalf("the office counts %+v, %v", queues, err)
	}
	// Switched off for the service: nobody joins, and nobody is offered anything.
	q.set(t, booking.WaitingSettings{Off: []id.Service{q.Quarter}, AtOnce: 1, Minutes: 60})
	if err := q.list.Join(ctx, tenant, q.request(secret)); !errors.Is(err, booking.ErrNotWaited) {
		t.Fatalf("switched off: %v", err)
	}
	q.free(t)
	if o := q.offered(t, secret); o != nil {
		t.Fatalf("switched off, and offered %+v", o)
	}
	// By hand the office may.
	h := booking.HandOffer{Service: q.Quarter, Practitioner: q.Practitioner, Location: q.Location, Starts: q.evening.Add(time.Hour), Count: 3}
	if n, err := q.list.Offer(ctx, tenant, h); err != nil || n != 1 {
		t.Fatalf("by hand: %d, %v", n, err)
	}
	if o := q.offered(t, secret); o == nil || !o.Starts.Equal(h.Starts) {
		t.Fatalf("by hand: %+v", o)
	}
	// Cancelled bookings wait for nothing.
	if _, err := q.Cancel(ctx, tenant, secret, id.Booking{}); err != nil {
		t.Fatal(err)
	}
	q.look(t)
	if n := q.count(t, "waiting"); n != 0 {
		t.Fatalf("%d wait for a cancelled booking", n)
	}
	if err := q.list.Leave(ctx, tenant, secret); err != nil {
		t.Fatal(err)
	}
}
