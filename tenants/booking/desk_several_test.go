package booking_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/booking"
	"siegel/tenants/tenanttest"
)

// TestSeveralMoveTogether: what was booked together moves in one go, all or
// none, also onto each other's times, and stays together.
func TestSeveralMoveTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	at := tenanttest.At(3, 9, 0)
	quarter := 15 * time.Minute
	done, secret := b.booked(t, b.item(b.Quarter, at), b.item(b.Quarter, at.Add(quarter)))
	visits := done.Visits()
	if len(visits) != 2 {
		t.Fatalf("%d visits, want 2", len(visits))
	}
	old := []id.Appointment{visits[0].Appointment, visits[1].Appointment}
	move := func(of []id.Appointment, starts ...time.Time) []booking.DeskMove {
		moves := make([]booking.DeskMove, len(of))
		for i := range of {
			moves[i] = booking.DeskMove{Appointment: of[i], DeskTime: b.deskTime(b.Quarter, starts[i])}
		}
		return moves
	}
	stands := func(starts ...time.Time) {
		t.Helper()
		now, err := b.View(ctx, tenant, secret)
		if err != nil {
			t.Fatal(err)
		}
		got := now.Visits()
		if len(got) != len(starts) {
			t.Fatalf("%d visits are still together, want %d", len(got), len(starts))
		}
		for i, v := range got {
			if !v.Starts.Equal(starts[i]) || v.Status != booking.StatusBooked || v.Booking != visits[i].Booking {
				t.Errorf("visit %d: %+v, want the same booking at %v", i, v, starts[i])
			}
		}
	}

	for name, moves := range map[string][]booking.DeskMove{
		"none": nil, "one twice": move([]id.Appointment{old[0], old[0]}, at.Add(time.Hour), at.Add(2*time.Hour)),
		"too many": move(make([]id.Appointment, 50), make([]time.Time, 50)...),
	} {
		if _, err := b.MoveSeveralAtDesk(ctx, tenant, moves); err == nil {
			t.Errorf("%s: moved", name)
		}
	}
	// Where one finds its time taken, none moves.
	taken := tenanttest.At(4, 9, 0)
	if _, err := b.BookAtDesk(ctx, tenant, deskBooking(b.deskTime(b.Quarter, taken))); err != nil {
		t.Fatal(err)
	}
	if _, err := b.MoveSeveralAtDesk(ctx, tenant, move(old, taken.Add(time.Hour), taken)); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("onto a taken time: got %v, want %v", err, booking.ErrSlotTaken)
	}
	if _, err := b.MoveSeveralAtDesk(ctx, tenant, move(old, taken.Add(time.Hour), taken.Add(time.Hour))); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("both to one time: got %v, want %v", err, booking.ErrSlotTaken)
	}
	stands(at, at.Add(quarter))

	// Each steps onto the other's time.
	made, err := b.MoveSeveralAtDesk(ctx, tenant, move(old, at.Add(quarter), at))
	if err != nil {
		t.Fatal(err)
	}
	stands(at.Add(quarter), at)
	if _, err := b.MoveSeveralAtDesk(ctx, tenant, move(old, at, at.Add(quarter))); !errors.Is(err, booking.ErrWrongStatus) {
		t.Errorf("what has moved already: got %v, want %v", err, booking.ErrWrongStatus)
	}

	// Of two who move them at once, one does.
	next := tenanttest.At(5, 10, 0)
	var errs [2]error
	var both sync.WaitGroup
	for i := range errs {
		both.Go(func() {
			from := next.Add(time.Duration(i) * time.Hour)
			_, errs[i] = b.MoveSeveralAtDesk(ctx, tenant, move(made, from, from.Add(quarter)))
		})
	}
	both.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("two at once: %v and %v", errs[0], errs[1])
	}
	from := next
	if errs[0] != nil {
		from = next.Add(time.Hour)
	}
	stands(from, from.Add(quarter))
	if n := b.overlaps(t); n != 0 {
		t.Errorf("%d overlaps", n)
	}
}
