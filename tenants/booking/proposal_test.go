package booking_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/booking"
	"siegel/tenants/tenanttest"
)

// requested books something that staff confirms.
func (b *bench) requested(t *testing.T, at time.Time) (booking.Booking, []byte) {
	t.Helper()
	quarter := b.service(t, b.Quarter)
	quarter.ByStaff = true
	b.edit(t, quarter)
	return b.booked(t, b.item(b.Quarter, at))
}

func (b *bench) times(at ...time.Time) (times []booking.DeskTime) {
	for _, one := range at {
		times = append(times, b.deskTime(b.Quarter, one))
	}
	return times
}

func TestARequestIsAnsweredWithOtherTimes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, asked := t.Context(), b.Tenant.ID, tenanttest.At(3, 9, 0)
	made, secret := b.requested(t, asked)
	first, second := tenanttest.At(4, 9, 0), tenanttest.At(4, 10, 0)
	if err := b.Propose(ctx, tenant, made.Appointment, b.times(first, second), 48*time.Hour); err != nil {
		t.Fatal(err)
	}
	if !b.listed(t, b.Quarter, asked) || !b.listed(t, b.Quarter, first) {
		t.Error("the time that was asked for is not free, or one that is only offered is")
	}
	view, err := b.View(ctx, tenant, secret)
	if err != nil || view.Status != booking.StatusProposed {
		t.Fatalf("status %q, %v", view.Status, err)
	}
	offered, err := b.Proposals(ctx, tenant, view.Appointment)
	if err != nil || len(offered) != 2 || !offered[0].Starts.Equal(first) || !offered[0].Free {
		t.Fatalf("offered %+v, %v", offered, err)
	}
	if err := b.Accept(ctx, tenant, view.Appointment); !errors.Is(err, booking.ErrWrongStatus) {
		t.Errorf("accepted although its time was given away: %v", err)
	}
	copy := b.Seal(t, id.New[id.Booking]()).Copy
	for range 2 { // twice is harmless
		taken, err := b.TakeProposal(ctx, tenant, secret, 1, second, copy)
		if err != nil || taken.Status != booking.StatusBooked || !taken.Starts.Equal(second) || taken.Visit.Booking != made.Visit.Booking {
			t.Fatalf("taken: %+v, %v", taken.Visit, err)
		}
	}
	if n := b.count(t, "occupation"); n != 1 {
		t.Errorf("%d times are taken", n)
	}
	if n := b.count(t, "appointment where status = 'booked'"); n != 1 {
		t.Errorf("%d appointments", n)
	}
	if _, err := b.TakeProposal(ctx, tenant, secret, 0, first, copy); !errors.Is(err, booking.ErrProposalGone) {
		t.Errorf("a second one: %v", err)
	}
}

func TestWhoIsFirstHasAnOfferedTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	made, secret := b.requested(t, tenanttest.At(3, 9, 0))
	first, second := tenanttest.At(4, 9, 0), tenanttest.At(4, 10, 0)
	if err := b.Propose(ctx, tenant, made.Appointment, b.times(first, second), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := b.BookAtDesk(ctx, tenant, deskBooking(b.deskTime(b.Quarter, first))); err != nil {
		t.Fatal(err)
	}
	offered, err := b.Proposals(ctx, tenant, made.Appointment)
	if err != nil || len(offered) != 2 || offered[0].Free || !offered[1].Free {
		t.Fatalf("offered %+v, %v", offered, err)
	}
	copy := b.Seal(t, id.New[id.Booking]()).Copy
	if _, err := b.TakeProposal(ctx, tenant, secret, 0, first, copy); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("taken twice: %v", err)
	}
	if _, err := b.TakeProposal(ctx, tenant, secret, 1, second, copy); err != nil {
		t.Errorf("the other one: %v", err)
	}
	if n := b.overlaps(t); n != 0 {
		t.Errorf("%d overlap", n)
	}
}

func TestAnOfferOfOtherTimesEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, first := t.Context(), b.Tenant.ID, tenanttest.At(4, 9, 0)
	made, secret := b.requested(t, tenanttest.At(3, 9, 0))
	copy := b.Seal(t, id.New[id.Booking]()).Copy
	for name, tc := range map[string]struct {
		times  []booking.DeskTime
		within time.Duration
		want   error
	}{
		"None":    {nil, time.Hour, booking.ErrMalformedProposals},
		"Four":    {b.times(first, first.Add(time.Hour), first.Add(2*time.Hour), first.Add(-time.Hour)), time.Hour, booking.ErrMalformedProposals},
		"Twice":   {b.times(first, first), time.Hour, booking.ErrMalformedProposals},
		"Minute":  {b.times(first), time.Minute, booking.ErrMalformedProposals},
		"Closed":  {b.times(tenanttest.At(4, 22, 0)), time.Hour, booking.ErrNotOffered},
		"NotEven": {b.times(first.Add(time.Second)), time.Hour, booking.ErrMalformedTime},
	} {
		if err := b.Propose(ctx, tenant, made.Appointment, tc.times, tc.within); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Propose(ctx, tenant, made.Appointment, b.times(first), time.Hour); err != nil {
		t.Fatal(err)
	}
	// Another choice replaces the first, under the same number.
	other := first.Add(time.Hour)
	if err := b.Propose(ctx, tenant, made.Appointment, b.times(other), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := b.TakeProposal(ctx, tenant, secret, 0, first, copy); !errors.Is(err, booking.ErrProposalGone) {
		t.Errorf("what is offered no more: %v", err)
	}
	err := b.DB.Batch(ctx, tenant, func(batch *postgres.Batch) { batch.Exec(`update proposal set expires = now()`) })
	if err != nil {
		t.Fatal(err)
	}
	if offered, err := b.Proposals(ctx, tenant, made.Appointment); err != nil || len(offered) != 0 {
		t.Errorf("offered after its end: %v, %v", offered, err)
	}
	if _, err := b.TakeProposal(ctx, tenant, secret, 0, other, copy); !errors.Is(err, booking.ErrProposalGone) {
		t.Errorf("after its end: %v", err)
	}
	// Who wants none of them says so, and the practice as well.
	if after, err := b.Cancel(ctx, tenant, secret, id.Booking{}); err != nil || after.Status != booking.StatusCancelled {
		t.Errorf("cancelled: %q, %v", after.Status, err)
	}
	if err := b.Propose(ctx, tenant, made.Appointment, b.times(first), time.Hour); !errors.Is(err, booking.ErrWrongStatus) {
		t.Errorf("proposed to nobody: %v", err)
	}
	again, _ := b.booked(t, b.item(b.Quarter, tenanttest.At(5, 9, 0)))
	if err := b.Propose(ctx, tenant, again.Appointment, b.times(first), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := b.Decline(ctx, tenant, again.Appointment); err != nil {
		t.Errorf("declined: %v", err)
	}
}

func TestAnOfferSaysNotWhatItIsFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made, _ := b.requested(t, tenanttest.At(3, 9, 0))
	if err := b.Propose(t.Context(), b.Tenant.ID, made.Appointment, b.times(tenanttest.At(4, 9, 0)), time.Hour); err != nil {
		t.Fatal(err)
	}
	var kept string
	err := b.DB.Batch(t.Context(), b.Tenant.ID, func(batch *postgres.Batch) {
		batch.Row(`select proposal::text from proposal`, nil, &kept)
	})
	if err != nil || kept == "" || strings.Contains(kept, b.Quarter.UUID()) {
		t.Errorf("kept %q, %v", kept, err)
	}
}
