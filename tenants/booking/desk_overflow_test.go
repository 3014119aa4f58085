package booking_test

import (
	"errors"
	"sync"
	"testing"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/booking"
	"siegel/tenants/tenanttest"
)

// TestTheOwnerSetsTheOverflow: none is allowed until the owner allows some, and then exactly so many.
func TestTheOwnerSetsTheOverflow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	at := tenanttest.At(3, 9, 0)
	over := func() error {
		d := deskBooking(b.deskTime(b.Quarter, at))
		d.Overflow = true
		_, err := b.BookAtDesk(ctx, tenant, d)
		return err
	}
	if err := over(); err != nil {
		t.Fatal(err)
	}
	if err := over(); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("none is allowed: got %v, want %v", err, booking.ErrSlotTaken)
	}
	if err := b.SetOverflow(ctx, tenant, b.Practitioner, 2); err != nil {
		t.Fatal(err)
	}
	if places, err := b.Overflow(ctx, tenant); err != nil || len(places) != 1 || places[b.Practitioner].Places != 2 || places[b.Practitioner].Used != 0 {
		t.Errorf("got %v, %v; want two for the one practitioner", places, err)
	}
	for n := range 2 {
		if err := over(); err != nil {
			t.Fatalf("beyond the capacity, number %d: %v", n+1, err)
		}
	}
	if err := over(); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("a third: got %v, want %v", err, booking.ErrSlotTaken)
	}
	if places, err := b.Overflow(ctx, tenant); err != nil || places[b.Practitioner].Used != 2 {
		t.Errorf("got %v, %v; want both places in use", places, err)
	}
	for _, n := range []int{-1, booking.MaxOverflow + 1} {
		if err := b.SetOverflow(ctx, tenant, b.Practitioner, n); !errors.Is(err, booking.ErrMalformedOverflow) {
			t.Errorf("%d places: got %v, want %v", n, err, booking.ErrMalformedOverflow)
		}
	}
	if err := b.SetOverflow(ctx, tenant, id.New[id.Practitioner](), 1); !errors.Is(err, booking.ErrNoPractitioner) {
		t.Errorf("somebody else's practitioner: got %v, want %v", err, booking.ErrNoPractitioner)
	}
}

// TestOverflowInUseIsNotTaken: places go once nothing ahead stands on them, and
// of an owner who lowers their number and somebody who books the last one at the
// same time, one gives way.
func TestOverflowInUseIsNotTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	over := func(d booking.DeskBooking) (id.Appointment, error) {
		d.Overflow = true
		return b.BookAtDesk(ctx, tenant, d)
	}
	allow := func(places int) {
		t.Helper()
		if err := b.SetOverflow(ctx, tenant, b.Practitioner, places); err != nil {
			t.Fatal(err)
		}
	}
	allow(2)
	at := tenanttest.At(3, 9, 0)
	past := func(one id.Appointment) {
		t.Helper()
		err := b.DB.Batch(ctx, tenant, func(batch *postgres.Batch) {
			batch.Exec(`update occupation set starts = starts - interval '1 year', ends = ends - interval '1 year' where appointment_id = $1`, one.UUID())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var made []id.Appointment
	for range 3 {
		one, err := over(deskBooking(b.deskTime(b.Quarter, at)))
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, one)
	}
	for _, places := range []int{0, 1} {
		if err := b.SetOverflow(ctx, tenant, b.Practitioner, places); !errors.Is(err, booking.ErrOverflowInUse) {
			t.Errorf("%d places for two: got %v, want %v", places, err, booking.ErrOverflowInUse)
		}
	}
	allow(2)
	allow(3)
	if err := b.SetStatus(ctx, tenant, made[2], booking.StatusChange{Status: booking.StatusCancelled, Reason: "asked"}); err != nil {
		t.Fatal(err)
	}
	allow(1)
	// What is over stands in nobody's way.
	past(made[1])
	allow(0)

	for day := range 6 {
		allow(1)
		at := tenanttest.At(4+day, 10, 0)
		if _, err := over(deskBooking(b.deskTime(b.Quarter, at))); err != nil {
			t.Fatal(err)
		}
		var last id.Appointment
		var booked, lowered error
		var both sync.WaitGroup
		both.Go(func() { last, booked = over(deskBooking(b.deskTime(b.Quarter, at))) })
		both.Go(func() { lowered = b.SetOverflow(ctx, tenant, b.Practitioner, 0) })
		both.Wait()
		if (booked == nil) == (lowered == nil) {
			t.Fatalf("day %d: booking %v, lowering %v; want exactly one of them", day, booked, lowered)
		}
		if booked != nil && !errors.Is(booked, booking.ErrSlotTaken) || lowered != nil && !errors.Is(lowered, booking.ErrOverflowInUse) {
			t.Fatalf("day %d: booking %v, lowering %v", day, booked, lowered)
		}
		if booked == nil {
			past(last)
		}
	}
}
