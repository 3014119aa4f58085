package booking_test

import (
	"errors"
	"testing"

	"siegel/platform/id"
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
	if places, err := b.Overflow(ctx, tenant); err != nil || len(places) != 1 || places[b.Practitioner] != 2 {
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
	for _, n := range []int{-1, booking.MaxOverflow + 1} {
		if err := b.SetOverflow(ctx, tenant, b.Practitioner, n); !errors.Is(err, booking.ErrMalformedOverflow) {
			t.Errorf("%d places: got %v, want %v", n, err, booking.ErrMalformedOverflow)
		}
	}
	if err := b.SetOverflow(ctx, tenant, id.New[id.Practitioner](), 1); !errors.Is(err, booking.ErrNoPractitioner) {
		t.Errorf("somebody else's practitioner: got %v, want %v", err, booking.ErrNoPractitioner)
	}
}
