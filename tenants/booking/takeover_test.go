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

// oldRow is an appointment of the calendar before, at 20:00 when nothing is offered.
func (b *bench) oldRow(day, minute int) booking.TakeoverRow {
	starts := tenanttest.At(day, 20, minute)
	return booking.TakeoverRow{
		Source: random(32), Booking: id.New[id.Booking](), Practitioner: b.Practitioner, Location: b.Location,
		Starts: starts, Ends: starts.Add(15 * time.Minute), Epoch: 1, Card: random(12 + 2048 + 16),
	}
}

func (b *bench) takeover(t *testing.T) {
	t.Helper()
	if err := b.PutTakeover(t.Context(), b.Tenant.ID, 1, 1, random(12+2048+16)); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) over(t *testing.T, run id.Run, rows ...booking.TakeoverRow) []booking.Outcome {
	t.Helper()
	outcomes, err := b.TakeOver(t.Context(), b.Tenant.ID, run, rows)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

func TestTheSameRowIsNeverTakenOverTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takeover(t)
	rows := []booking.TakeoverRow{b.oldRow(3, 0), b.oldRow(3, 15), b.oldRow(4, 0)}
	// Two desks and a second click at once.
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			mine := append([]booking.TakeoverRow(nil), rows...)
			for i := range mine {
				mine[i].Booking = id.New[id.Booking]()
			}
			if _, err := b.TakeOver(t.Context(), b.Tenant.ID, id.New[id.Run](), mine); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := b.count(t, "appointment"); n != 3 {
		t.Errorf("%d appointments", n)
	}
	if n := b.overlaps(t); n != 0 {
		t.Errorf("%d overlap", n)
	}
	again := b.over(t, id.New[id.Run](), rows...)
	for i, o := range again {
		if o.What != booking.OutcomeKnown {
			t.Errorf("row %d: %q", i, o.What)
		}
	}
	if n := b.count(t, "appointment where source = 'takeover'"); n != 3 {
		t.Errorf("%d are taken over", n)
	}
}

func TestConflictsAreListedAndNotDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	b.takeover(t)
	booked, _ := b.booked(t, b.item(b.Quarter, tenanttest.At(3, 9, 0)))
	clash, free, twice, past := b.oldRow(3, 0), b.oldRow(4, 0), b.oldRow(4, 5), b.oldRow(3, 0)
	clash.Starts, clash.Ends = tenanttest.At(3, 9, 5), tenanttest.At(3, 9, 20)
	past.Starts, past.Ends = time.Now().Add(-48*time.Hour).Truncate(time.Minute), time.Now().Add(-47*time.Hour).Truncate(time.Minute)
	rows := []booking.TakeoverRow{clash, free, twice, past}
	check := func(outcomes []booking.Outcome, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{booking.OutcomeConflict, booking.OutcomeTaken, booking.OutcomeConflict, booking.OutcomePast} {
			if outcomes[i].What != want {
				t.Errorf("row %d: %q, want %q", i, outcomes[i].What, want)
			}
		}
		if a := outcomes[0].Against; len(a) != 1 || a[0] != booked.Appointment {
			t.Errorf("stands against it: %v", a)
		}
		if r := outcomes[2].Rows; len(r) != 1 || r[0] != 1 {
			t.Errorf("the row that stands against it: %v", r)
		}
	}
	check(b.TryTakeover(ctx, tenant, rows))
	if n := b.count(t, "appointment"); n != 1 {
		t.Fatalf("a look has made %d appointments", n-1)
	}
	run := id.New[id.Run]()
	check(b.TakeOver(ctx, tenant, run, rows))
	// What did not fit goes on an overflow unit, where the owner allows one.
	clash.Overflow = true
	if o := b.over(t, run, clash); o[0].What != booking.OutcomeConflict {
		t.Errorf("without an overflow unit: %q", o[0].What)
	}
	b.units(t, 1, 1)
	if o := b.over(t, run, clash); o[0].What != booking.OutcomeTaken {
		t.Errorf("on an overflow unit: %q", o[0].What)
	}
}

func TestATakeoverIsUndoneAsAWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	b.takeover(t)
	rows := []booking.TakeoverRow{b.oldRow(3, 0), b.oldRow(3, 15), b.oldRow(4, 0)}
	run, other := id.New[id.Run](), id.New[id.Run]()
	b.over(t, run, rows...)
	b.over(t, other, b.oldRow(5, 0))
	standing := b.ids(t, rows[2].Booking)
	if err := b.SetStatus(ctx, tenant, standing, booking.StatusChange{Status: "arrived"}); err != nil {
		t.Fatal(err)
	}
	// One was moved meanwhile: it goes with what it was moved from.
	move := b.deskTime(b.Quarter, tenanttest.At(6, 9, 0))
	if _, err := b.MoveAtDesk(ctx, tenant, b.ids(t, rows[0].Booking), move); err != nil {
		t.Fatal(err)
	}
	undone, kept, err := b.UndoTakeover(ctx, tenant, run)
	if err != nil || undone != 2 || kept != 1 {
		t.Fatalf("undone %d, kept %d, %v", undone, kept, err)
	}
	for table, want := range map[string]int{"appointment": 2, "occupation": 2, "card": 2, "takeover_row": 2, "takeover_run": 2} {
		if n := b.count(t, table); n != want {
			t.Errorf("%s: %d rows, want %d", table, n, want)
		}
	}
	// It can be repeated, and finds the times free.
	for i, o := range b.over(t, run, rows[0], rows[1]) {
		if o.What != booking.OutcomeTaken {
			t.Errorf("row %d: %q", i, o.What)
		}
	}
}

func TestTheSwitchOverEndsATakeover(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	run := id.New[id.Run]()
	if _, err := b.TakeOver(ctx, tenant, run, []booking.TakeoverRow{b.oldRow(3, 0)}); !errors.Is(err, booking.ErrNoTakeover) {
		t.Errorf("before it began: %v", err)
	}
	b.takeover(t)
	if err := b.PutTakeover(ctx, tenant, 1, 1, random(12+2048+16)); !errors.Is(err, booking.ErrTakeoverChanged) {
		t.Errorf("two begin: %v", err)
	}
	b.over(t, run, b.oldRow(3, 0))
	for range 2 {
		if err := b.EndTakeover(ctx, tenant); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.UndoTakeover(ctx, tenant, run); !errors.Is(err, booking.ErrNoTakeover) {
		t.Errorf("undone after the switch-over: %v", err)
	}
	if n := b.count(t, "appointment"); n != 1 {
		t.Errorf("%d appointments", n)
	}
	if n := b.count(t, "takeover_row"); n != 0 {
		t.Errorf("%d sources are kept", n)
	}
}

func TestATakeoverRefusesWhatNoPracticeHas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takeover(t)
	good := b.oldRow(3, 0)
	for name, tc := range map[string]struct {
		change func(*booking.TakeoverRow)
		want   error
	}{
		"NoSource":     {func(r *booking.TakeoverRow) { r.Source = nil }, booking.ErrMalformedTakeover},
		"NoLength":     {func(r *booking.TakeoverRow) { r.Ends = r.Starts }, booking.ErrMalformedTakeover},
		"Thirteen":     {func(r *booking.TakeoverRow) { r.Ends = r.Starts.Add(13 * time.Hour) }, booking.ErrMalformedTakeover},
		"Seconds":      {func(r *booking.TakeoverRow) { r.Starts = r.Starts.Add(time.Second) }, booking.ErrMalformedTakeover},
		"FarAway":      {func(r *booking.TakeoverRow) { r.Starts, r.Ends = r.Starts.AddDate(9, 0, 0), r.Ends.AddDate(9, 0, 0) }, booking.ErrMalformedTakeover},
		"Practitioner": {func(r *booking.TakeoverRow) { r.Practitioner = id.New[id.Practitioner]() }, booking.ErrNotOffered},
		"Location":     {func(r *booking.TakeoverRow) { r.Location = id.New[id.Location]() }, booking.ErrNotOffered},
		"Room":         {func(r *booking.TakeoverRow) { r.Resources = []id.Resource{id.New[id.Resource]()} }, booking.ErrNotOffered},
	} {
		row := b.oldRow(3, 30)
		tc.change(&row)
		if _, err := b.TakeOver(t.Context(), b.Tenant.ID, id.New[id.Run](), []booking.TakeoverRow{good, row}); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := b.count(t, "appointment"); n != 0 {
		t.Errorf("%d appointments", n)
	}
}

func TestATestAppointmentIsToldToNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	d := deskBooking(b.deskTime(b.Quarter, tenanttest.At(3, 9, 0)))
	d.Test, d.SecretHash, d.Copy = true, random(32), b.Seal(t, id.New[id.Booking]()).Copy
	if _, err := b.BookAtDesk(ctx, tenant, d); !errors.Is(err, booking.ErrMalformedSecret) {
		t.Errorf("with a link: %v", err)
	}
	d.SecretHash, d.Copy = nil, nil
	made, err := b.BookAtDesk(ctx, tenant, d)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := b.MoveAtDesk(ctx, tenant, made, b.deskTime(b.Quarter, tenanttest.At(3, 10, 0)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Tell(ctx, tenant, booking.Released{Appointment: moved, Channel: booking.Mail, Address: "a@example.org"})
	if !errors.Is(err, booking.ErrTest) {
		t.Errorf("told: %v", err)
	}
	if n := b.count(t, "appointment where test and status = 'booked'"); n != 1 {
		t.Errorf("%d tests stand", n)
	}
}

// ids is the live appointment of a booking.
func (b *bench) ids(t *testing.T, of id.Booking) id.Appointment {
	t.Helper()
	history, err := b.History(t.Context(), b.Tenant.ID, of)
	if err != nil || len(history) == 0 {
		t.Fatal(err)
	}
	return history[len(history)-1].Appointment
}
