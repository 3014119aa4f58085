package booking_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/booking"
	"siegel/tenants/inbox"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
	"siegel/tenants/tenanttest"
)

// booked takes, books and confirms, and returns the link's secret as well.
func (b *bench) booked(t *testing.T, items ...booking.HoldItem) (booking.Booking, []byte) {
	t.Helper()
	token, h, err := b.take(t, items...)
	if err != nil {
		t.Fatal(err)
	}
	done, secret, err := b.finish(t, token, h)
	if err != nil {
		t.Fatal(err)
	}
	return done, secret[:]
}

// moveTo holds a slot and moves the first visit of a booking there.
func (b *bench) moveTo(t *testing.T, secret []byte, item booking.HoldItem) (booking.MoveRequest, booking.Booking, error) {
	t.Helper()
	token, h, err := b.take(t, item)
	if err != nil {
		t.Fatal(err)
	}
	r := booking.MoveRequest{Secret: secret, Hold: h.ID, Token: token, Copy: b.Seal(t, id.New[id.Booking]()).Copy}
	moved, err := b.Move(t.Context(), b.Tenant.ID, r)
	return r, moved, err
}

func (b *bench) deskTime(s id.Service, starts time.Time) booking.DeskTime {
	return booking.DeskTime{Service: s, Practitioner: b.Practitioner, Location: b.Location, Starts: starts}
}

func deskBooking(t booking.DeskTime) booking.DeskBooking {
	return booking.DeskBooking{DeskTime: t, Booking: id.New[id.Booking](), Epoch: 1, Card: random(12 + 2048 + 16)}
}

// capacity gives the fixture's practitioner units, and some beyond them.
func (b *bench) units(t *testing.T, capacity, overflow int) {
	t.Helper()
	err := b.DB.Batch(t.Context(), b.Tenant.ID, func(batch *postgres.Batch) {
		batch.Exec(`update resource r set capacity = $2, overflow = $3 from practitioner p where p.id = $1 and r.id = p.resource_id`,
			b.Practitioner.UUID(), capacity, overflow)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func reason(err error) schedule.Reason {
	var against *booking.Against
	if errors.As(err, &against) {
		return against.Reason
	}
	return schedule.ReasonOffered
}

func TestAPatientCancelsByLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, at := t.Context(), b.Tenant.ID, tenanttest.At(3, 9, 0)
	_, secret := b.booked(t, b.item(b.Quarter, at))
	for range 2 { // twice is harmless
		after, err := b.Cancel(ctx, tenant, secret, id.Booking{})
		if err != nil || after.Status != booking.StatusCancelled {
			t.Fatalf("status %q, %v", after.Status, err)
		}
	}
	if !b.listed(t, b.Quarter, at) {
		t.Error("a cancelled time is not offered again")
	}
	again, _ := b.booked(t, b.item(b.Quarter, at))
	if again.Status != booking.StatusBooked {
		t.Errorf("status %q", again.Status)
	}
	if _, err := b.Cancel(ctx, tenant, random(16), id.Booking{}); !errors.Is(err, booking.ErrUnknownBooking) {
		t.Errorf("somebody's guess: %v", err)
	}
	// What the patient sealed stays for the practice to read.
	if n := b.count(t, "envelope"); n != 2 {
		t.Errorf("%d envelopes", n)
	}
}

func TestCancellingEndsWithItsTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	quarter := b.service(t, b.Quarter)
	quarter.CancelMinutes, quarter.MoveMinutes = 5*24*60, 5*24*60
	b.edit(t, quarter)
	at := tenanttest.At(3, 9, 0)
	_, secret := b.booked(t, b.item(b.Quarter, at))
	if after, err := b.Cancel(t.Context(), b.Tenant.ID, secret, id.Booking{}); !errors.Is(err, booking.ErrTooLate) || after.Status != booking.StatusBooked {
		t.Errorf("cancelled too late: %q, %v", after.Status, err)
	}
	if _, _, err := b.moveTo(t, secret, b.item(b.Quarter, at.Add(24*time.Hour))); !errors.Is(err, booking.ErrTooLate) {
		t.Errorf("moved too late: %v", err)
	}
	if n := b.count(t, "occupation"); n != 1 {
		t.Errorf("%d times are taken", n)
	}
}

func TestOneVisitOfSeveralIsCancelled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := tenanttest.At(3, 9, 0)
	done, secret := b.booked(t, b.item(b.Quarter, at), b.item(b.Quarter, at.Add(time.Hour)))
	after, err := b.Cancel(t.Context(), b.Tenant.ID, secret, done.More[0].Booking)
	if err != nil || after.Status != booking.StatusBooked || after.More[0].Status != booking.StatusCancelled {
		t.Fatalf("%q and %q, %v", after.Status, after.More[0].Status, err)
	}
	if _, err := b.Cancel(t.Context(), b.Tenant.ID, secret, id.New[id.Booking]()); !errors.Is(err, booking.ErrUnknownBooking) {
		t.Errorf("a visit of somebody else's: %v", err)
	}
	after, err = b.Cancel(t.Context(), b.Tenant.ID, secret, id.Booking{})
	if err != nil || after.Status != booking.StatusCancelled {
		t.Errorf("the rest: %q, %v", after.Status, err)
	}
}

func TestAPatientMovesByLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	at, later := tenanttest.At(3, 9, 0), tenanttest.At(4, 10, 0)
	before, secret := b.booked(t, b.item(b.Quarter, at))
	r, moved, err := b.moveTo(t, secret, b.item(b.Quarter, later))
	if err != nil {
		t.Fatal(err)
	}
	if !moved.Starts.Equal(later) || moved.Status != booking.StatusBooked || moved.Booking != before.Booking || moved.Appointment == before.Appointment {
		t.Errorf("moved to %+v", moved.Visit)
	}
	if string(moved.Copy) != string(r.Copy) {
		t.Error("the patient's copy is the old one")
	}
	again, err := b.Move(ctx, tenant, r)
	if err != nil || again.Appointment != moved.Appointment {
		t.Errorf("asked again: %+v, %v", again.Visit, err)
	}
	if !b.listed(t, b.Quarter, at) || b.listed(t, b.Quarter, later) {
		t.Error("the old time is taken, or the new one is not")
	}
	letters, err := inbox.NewService(inbox.Config{DB: b.DB})
	if err != nil {
		t.Fatal(err)
	}
	entries, _, err := letters.Entries(ctx, tenant, at.Add(-24*time.Hour), later.Add(24*time.Hour))
	if err != nil || len(entries) != 1 || entries[0].Envelope == nil || !entries[0].First.Equal(at) || entries[0].Booking != before.Booking {
		t.Errorf("the office sees %+v, %v", entries, err)
	}
	if moved.Sequence != before.Sequence+1 {
		t.Errorf("its calendar would take the change for an older one: sequence %d", moved.Sequence)
	}
	// And back again, into its own old time, and then off.
	if _, _, err := b.moveTo(t, secret, b.item(b.Quarter, at)); err != nil {
		t.Errorf("moved back: %v", err)
	}
	history, err := b.History(ctx, tenant, before.Booking)
	if err != nil || len(history) != 3 || history[0].CancelledBy != "moved" || history[2].Status != booking.StatusBooked {
		t.Errorf("history %+v, %v", history, err)
	}
	after, err := b.Cancel(ctx, tenant, secret, id.Booking{})
	if err != nil || after.Status != booking.StatusCancelled {
		t.Errorf("cancelled: %v", err)
	}
	calendar, err := b.Calendar(ctx, tenant, after.Visits(), "de")
	if err != nil || !strings.Contains(calendar, "METHOD:CANCEL") || !strings.Contains(calendar, "SEQUENCE:3") || !strings.Contains(calendar, "STATUS:CANCELLED") {
		t.Errorf("calendar %s, %v", calendar, err)
	}
	if _, _, err := b.moveTo(t, secret, b.item(b.Quarter, later)); !errors.Is(err, booking.ErrWrongStatus) {
		t.Errorf("moved what is cancelled: %v", err)
	}
}

func TestOneVisitOfSeveralIsMoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at, later := tenanttest.At(3, 9, 0), tenanttest.At(4, 10, 0)
	done, secret := b.booked(t, b.item(b.Quarter, at), b.item(b.Quarter, at.Add(time.Hour)))
	token, h, err := b.take(t, b.item(b.Quarter, later))
	if err != nil {
		t.Fatal(err)
	}
	moved, err := b.Move(t.Context(), b.Tenant.ID, booking.MoveRequest{Secret: secret, Booking: done.More[0].Booking, Hold: h.ID, Token: token, Copy: b.Seal(t, h.Items[0].Booking).Copy})
	if err != nil {
		t.Fatal(err)
	}
	if len(moved.More) != 1 || !moved.Starts.Equal(at) || !moved.More[0].Starts.Equal(later) || moved.More[0].Booking != done.More[0].Booking {
		t.Errorf("moved to %+v", moved.Visits())
	}
}

func TestNobodyMovesWithAnothersHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at, later := tenanttest.At(3, 9, 0), tenanttest.At(4, 10, 0)
	_, secret := b.booked(t, b.item(b.Quarter, at))
	_, h, err := b.take(t, b.item(b.Quarter, later))
	if err != nil {
		t.Fatal(err)
	}
	form := b.Seal(t, h.Items[0].Booking)
	for name, r := range map[string]booking.MoveRequest{
		"another token":  {Secret: secret, Hold: h.ID, Token: random(16), Copy: form.Copy},
		"another hold":   {Secret: secret, Hold: id.New[id.Hold](), Token: random(16), Copy: form.Copy},
		"another secret": {Secret: random(16), Hold: h.ID, Token: random(16), Copy: form.Copy},
		"no copy":        {Secret: secret, Hold: h.ID, Token: random(16)},
	} {
		if _, err := b.Move(t.Context(), b.Tenant.ID, r); fault.From(err).Code == fault.Internal || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	view, err := b.View(t.Context(), b.Tenant.ID, secret)
	if err != nil || !view.Starts.Equal(at) || b.count(t, "occupation") != 1 {
		t.Errorf("the appointment is %+v, %v", view.Visit, err)
	}
}

// A hold is a courtesy: where the slot was booked all the same, the old
// appointment stands.
func TestAMoveHappensAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at, later := tenanttest.At(3, 9, 0), tenanttest.At(4, 10, 0)
	_, secret := b.booked(t, b.item(b.Quarter, at))
	token, h, err := b.take(t, b.item(b.Quarter, later))
	if err != nil {
		t.Fatal(err)
	}
	over := deskBooking(b.deskTime(b.Quarter, later))
	if _, err := b.BookAtDesk(t.Context(), b.Tenant.ID, over); !errors.Is(err, booking.ErrHeld) {
		t.Fatalf("staff was not warned: %v", err)
	}
	over.OverHold = true
	if _, err := b.BookAtDesk(t.Context(), b.Tenant.ID, over); err != nil {
		t.Fatal(err)
	}
	_, err = b.Move(t.Context(), b.Tenant.ID, booking.MoveRequest{Secret: secret, Hold: h.ID, Token: token, Copy: b.Seal(t, h.Items[0].Booking).Copy})
	if !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("moved onto somebody else: %v", err)
	}
	view, err := b.View(t.Context(), b.Tenant.ID, secret)
	if err != nil || view.Status != booking.StatusBooked || !view.Starts.Equal(at) || b.listed(t, b.Quarter, at) {
		t.Errorf("the old appointment is %+v, %v", view.Visit, err)
	}
	if n := b.overlaps(t); n != 0 {
		t.Errorf("%d overlaps", n)
	}
}

func TestManyMoveAtOnceAndEachHasOnePlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var secrets [][]byte
	for i := range 6 {
		_, secret := b.booked(t, b.item(b.Quarter, tenanttest.At(3, 9+i, 0)))
		secrets = append(secrets, secret)
	}
	// In a ring: everyone wants where the next one will have been, and two want
	// the same.
	var wg sync.WaitGroup
	outcomes := make([]error, len(secrets))
	for i, secret := range secrets {
		token, h, err := b.take(t, b.item(b.Quarter, tenanttest.At(4, 9+i/2, i%2*15)))
		if err != nil {
			t.Fatal(err)
		}
		form := b.Seal(t, h.Items[0].Booking)
		wg.Go(func() {
			_, outcomes[i] = b.Move(t.Context(), b.Tenant.ID, booking.MoveRequest{Secret: secret, Hold: h.ID, Token: token, Copy: form.Copy})
		})
		wg.Go(func() {
			_, err := b.Cancel(t.Context(), b.Tenant.ID, secrets[(i+1)%len(secrets)], id.Booking{})
			if err != nil && fault.From(err).Code == fault.Internal {
				t.Errorf("cancelled at the same time: %v", err)
			}
		})
	}
	wg.Wait()
	for i, secret := range secrets {
		if err := outcomes[i]; err != nil && fault.From(err).Code == fault.Internal {
			t.Errorf("move %d: %v", i, err)
		}
		if _, err := b.View(t.Context(), b.Tenant.ID, secret); err != nil {
			t.Errorf("booking %d is lost: %v", i, err)
		}
	}
	live := b.count(t, "appointment where status = 'booked'")
	if taken := b.count(t, "occupation"); taken != live || b.overlaps(t) != 0 {
		t.Errorf("%d appointments take %d times", live, taken)
	}
}

func TestTheDeskBooks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, at := t.Context(), b.Tenant.ID, tenanttest.At(3, 9, 0)
	d := deskBooking(b.deskTime(b.Quarter, at))
	first, err := b.BookAtDesk(ctx, tenant, d)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.BookAtDesk(ctx, tenant, d); err != nil || again != first {
		t.Errorf("asked again: %v, %v", again, err)
	}
	other := d
	other.Starts = at.Add(time.Hour)
	if _, err := b.BookAtDesk(ctx, tenant, other); !errors.Is(err, booking.ErrMismatch) {
		t.Errorf("the same id for something else: %v", err)
	}
	if b.listed(t, b.Quarter, at) {
		t.Error("patients are offered a time that the desk has given away")
	}
	if _, err := b.BookAtDesk(ctx, tenant, deskBooking(d.DeskTime)); !errors.Is(err, booking.ErrSlotTaken) || reason(err) != schedule.ReasonBusy {
		t.Errorf("a second one: %v", err)
	}
	if n := b.count(t, "card"); n != 1 {
		t.Errorf("%d cards", n)
	}
	for name, wrong := range map[string]func(*booking.DeskBooking){
		"no card":          func(d *booking.DeskBooking) { d.Card = nil },
		"half a minute":    func(d *booking.DeskBooking) { d.Starts = d.Starts.Add(30 * time.Second) },
		"backwards":        func(d *booking.DeskBooking) { d.Ends = d.Starts.Add(-time.Hour) },
		"a day long":       func(d *booking.DeskBooking) { d.Ends = d.Starts.Add(24 * time.Hour) },
		"a whim":           func(d *booking.DeskBooking) { d.Override = "whim" },
		"half a link":      func(d *booking.DeskBooking) { d.SecretHash = random(32) },
		"another service":  func(d *booking.DeskBooking) { d.Service = b.GroupService },
		"another location": func(d *booking.DeskBooking) { d.Location = id.New[id.Location]() },
		"no id":            func(d *booking.DeskBooking) { d.Booking = id.Booking{} },
	} {
		d := deskBooking(b.deskTime(b.Quarter, at.Add(2*time.Hour)))
		wrong(&d)
		if _, err := b.BookAtDesk(ctx, tenant, d); err == nil || fault.From(err).Code == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := b.count(t, "appointment"); n != 1 {
		t.Errorf("%d appointments", n)
	}
}

func TestTheDeskSetsRulesAsideWithAReasonAndNeverTakesWhatIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	night := deskBooking(b.deskTime(b.Quarter, tenanttest.At(3, 23, 5)))
	if _, err := b.BookAtDesk(ctx, tenant, night); !errors.Is(err, booking.ErrNotOffered) || reason(err) != schedule.ReasonNoWindow {
		t.Errorf("at night: %v", err)
	}
	night.Override = "urgent"
	if _, err := b.BookAtDesk(ctx, tenant, night); err != nil {
		t.Errorf("at night, urgently: %v", err)
	}
	second := deskBooking(night.DeskTime)
	second.Starts = night.Starts.Add(10 * time.Minute)
	if _, err := b.BookAtDesk(ctx, tenant, second); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("onto another one, urgently: %v", err)
	}
	if n := b.count(t, "appointment where overridden = 'urgent'"); n != 1 {
		t.Errorf("%d appointments say why", n)
	}
	obedient := deskBooking(b.deskTime(b.Quarter, tenanttest.At(4, 9, 0)))
	obedient.Override = "agreed"
	if _, err := b.BookAtDesk(ctx, tenant, obedient); err != nil {
		t.Fatal(err)
	}
	if n := b.count(t, "appointment where overridden = 'agreed'"); n != 0 {
		t.Error("a rule was set aside that did not stand in the way")
	}
}

func TestOverbookingTakesTheUnitsThatTheOwnerAllows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, at := t.Context(), b.Tenant.ID, tenanttest.At(3, 9, 0)
	if _, err := b.BookAtDesk(ctx, tenant, deskBooking(b.deskTime(b.Quarter, at))); err != nil {
		t.Fatal(err)
	}
	over := b.deskTime(b.Quarter, at)
	over.Overflow = true
	if _, err := b.BookAtDesk(ctx, tenant, deskBooking(over)); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("beyond no limit: %v", err)
	}
	b.units(t, 1, 1)
	if _, err := b.BookAtDesk(ctx, tenant, deskBooking(over)); err != nil {
		t.Errorf("within the limit: %v", err)
	}
	if _, err := b.BookAtDesk(ctx, tenant, deskBooking(over)); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("beyond the limit: %v", err)
	}
	if n := b.overlaps(t); n != 0 {
		t.Errorf("%d overlaps on a unit", n)
	}
}

func TestTheDeskMoves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	at, later := tenanttest.At(3, 9, 0), tenanttest.At(4, 10, 0)
	booked, secret := b.booked(t, b.item(b.Quarter, at))
	next, err := b.MoveAtDesk(ctx, tenant, booked.Appointment, b.deskTime(b.Quarter, later))
	if err != nil {
		t.Fatal(err)
	}
	view, err := b.View(ctx, tenant, secret)
	if err != nil || view.Appointment != next || !view.Starts.Equal(later) {
		t.Errorf("the patient's link shows %+v, %v", view.Visit, err)
	}
	// Longer and a little later: it does not stand in its own way.
	longer := b.deskTime(b.Quarter, later.Add(15*time.Minute))
	longer.Ends = longer.Starts.Add(40 * time.Minute)
	next, err = b.MoveAtDesk(ctx, tenant, next, longer)
	if err != nil {
		t.Fatal(err)
	}
	if b.listed(t, b.Quarter, later.Add(30*time.Minute)) || !b.listed(t, b.Quarter, later) {
		t.Error("its time is offered, or its old time is not")
	}
	shift := longer
	shift.Starts, shift.Ends = longer.Starts.Add(-15*time.Minute), longer.Ends.Add(-15*time.Minute)
	if _, err = b.MoveAtDesk(ctx, tenant, next, shift); err != nil {
		t.Errorf("over its own time: %v", err)
	}
	if _, err := b.MoveAtDesk(ctx, tenant, next, b.deskTime(b.Quarter, at)); !errors.Is(err, booking.ErrWrongStatus) {
		t.Errorf("what is somewhere else by now: %v", err)
	}
	if _, err := b.MoveAtDesk(ctx, tenant, id.New[id.Appointment](), b.deskTime(b.Quarter, at)); !errors.Is(err, booking.ErrUnknownBooking) {
		t.Errorf("nobody's: %v", err)
	}
	if n := b.count(t, "occupation"); n != 1 || b.overlaps(t) != 0 {
		t.Errorf("%d times are taken", n)
	}
}

func TestTheDeskMovesWithinARoom(t *testing.T) {
	t.Parallel()
	b := setup(t)
	room := practice.Resource{ID: id.New[id.Resource](), Kind: "room", Name: "Labor", Capacity: 1}
	quarter := b.service(t, b.Quarter)
	quarter.Needs = []practice.Need{{Role: "Raum", Resources: []id.Resource{room.ID}}}
	b.edit(t, room, quarter)
	at := tenanttest.At(3, 9, 0)
	booked, _ := b.booked(t, b.item(b.Quarter, at))
	if _, err := b.MoveAtDesk(t.Context(), b.Tenant.ID, booked.Appointment, b.deskTime(b.Quarter, at.Add(15*time.Minute))); err != nil {
		t.Error(err)
	}
	if n := b.count(t, "occupation"); n != 2 {
		t.Errorf("%d times are taken of two resources", n)
	}
}

func TestStatusMovesOnlyForward(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, at := t.Context(), b.Tenant.ID, tenanttest.At(3, 9, 0)
	statuses := []string{"booked", "arrived", "checked-in", "fulfilled", "noshow", "cancelled", "entered-in-error", "proposed", "pending", "waitlist"}
	allowed := map[string][]string{
		"booked":     {"booked", "arrived", "checked-in", "fulfilled", "noshow", "cancelled", "entered-in-error"},
		"arrived":    {"arrived", "booked", "checked-in", "fulfilled", "cancelled"},
		"checked-in": {"checked-in", "arrived", "fulfilled"},
		"fulfilled":  {"fulfilled"}, "noshow": {"noshow"}, "cancelled": {"cancelled"}, "entered-in-error": {"entered-in-error"},
	}
	for from, may := range allowed {
		for _, to := range statuses {
			d := deskBooking(b.deskTime(b.Quarter, at))
			appointment, err := b.BookAtDesk(ctx, tenant, d)
			if err != nil {
				t.Fatal(err)
			}
			if from != "booked" {
				if err := b.SetStatus(ctx, tenant, appointment, booking.StatusChange{Status: from, Reason: "ill"}); err != nil {
					t.Fatalf("booked to %s: %v", from, err)
				}
			}
			err = b.SetStatus(ctx, tenant, appointment, booking.StatusChange{Status: to, Reason: "asked"})
			if ok := slices.Contains(may, to); ok != (err == nil) || !ok && !errors.Is(err, booking.ErrWrongStatus) {
				t.Errorf("%s to %s: %v", from, to, err)
			}
			if at = at.Add(15 * time.Minute); at.Equal(tenanttest.At(3, 21, 0)) {
				at = tenanttest.At(5, 9, 0)
			}
		}
	}
	live := b.count(t, "appointment where status not in ('cancelled', 'entered-in-error')")
	if n := b.count(t, "occupation"); n != live {
		t.Errorf("%d appointments take %d times", live, n)
	}
	d := deskBooking(b.deskTime(b.Quarter, tenanttest.At(8, 9, 0)))
	appointment, err := b.BookAtDesk(ctx, tenant, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.SetStatus(ctx, tenant, appointment, booking.StatusChange{Status: "cancelled", Reason: "patient has the flu"}); !errors.Is(err, booking.ErrUnknownReason) {
		t.Errorf("a reason in words: %v", err)
	}
}

func TestSeveralVisitsMoveTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	at, later := tenanttest.At(3, 9, 0), tenanttest.At(4, 10, 0)
	done, secret := b.booked(t, b.item(b.Quarter, at), b.item(b.Half, at.Add(15*time.Minute)), b.item(b.Quarter, at.Add(2*time.Hour)))
	first, second := done.Visits()[0].Booking, done.Visits()[1].Booking
	move := func(ids []id.Booking, items ...booking.HoldItem) (booking.Booking, error) {
		t.Helper()
		token, h, err := b.take(t, items...)
		if err != nil {
			t.Fatal(err)
		}
		r := booking.MoveRequest{Secret: secret, Hold: h.ID, Token: token}
		for _, x := range ids {
			r.Items = append(r.Items, booking.MoveItem{Booking: x, Copy: b.Seal(t, x).Copy})
		}
		moved, err := b.Move(ctx, tenant, r)
		if err != nil {
			_ = b.Release(ctx, tenant, token)
			return moved, err
		}
		again, err := b.Move(ctx, tenant, r) // gives the same answer
		if err != nil || !again.Starts.Equal(moved.Starts) || again.Appointment != moved.Appointment {
			t.Errorf("again: %+v, %v", again, err)
		}
		return moved, nil
	}
	if _, err := move([]id.Booking{first, first}, b.item(b.Quarter, later), b.item(b.Half, later.Add(15*time.Minute))); !errors.Is(err, booking.ErrMalformedItems) {
		t.Errorf("one visit twice: %v", err)
	}
	if _, err := move([]id.Booking{first}, b.item(b.Quarter, later), b.item(b.Half, later.Add(15*time.Minute))); !errors.Is(err, booking.ErrMalformedItems) {
		t.Errorf("one visit into two slots: %v", err)
	}
	moved, err := move([]id.Booking{first, second}, b.item(b.Quarter, later), b.item(b.Half, later.Add(15*time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	visits := moved.Visits()
	if len(visits) != 3 || !visits[0].Starts.Equal(later) || !visits[1].Starts.Equal(later.Add(15*time.Minute)) || !visits[2].Starts.Equal(at.Add(2*time.Hour)) ||
		visits[0].Booking != first || visits[1].Booking != second {
		t.Fatalf("moved to %+v", visits)
	}
	// The second of two is taken meanwhile: both stay.
	back := []booking.HoldItem{b.item(b.Quarter, at), b.item(b.Half, at.Add(15*time.Minute))}
	token, h, err := b.take(t, back...)
	if err != nil {
		t.Fatal(err)
	}
	over := deskBooking(b.deskTime(b.Half, back[1].Starts))
	over.OverHold = true
	if _, err := b.BookAtDesk(ctx, tenant, over); err != nil {
		t.Fatal(err)
	}
	r := booking.MoveRequest{Secret: secret, Hold: h.ID, Token: token, Items: []booking.MoveItem{{first, b.Seal(t, first).Copy}, {second, b.Seal(t, second).Copy}}}
	if _, err := b.Move(ctx, tenant, r); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("one of two is taken: %v", err)
	}
	if now, err := b.View(ctx, tenant, secret); err != nil || !now.Visits()[0].Starts.Equal(later) || !now.Visits()[1].Starts.Equal(later.Add(15*time.Minute)) {
		t.Errorf("half of it moved: %+v, %v", now.Visits(), err)
	}
	if live, taken := b.count(t, "appointment where status = 'booked'"), b.count(t, "occupation"); taken != live || b.overlaps(t) != 0 {
		t.Errorf("%d appointments take %d times", live, taken)
	}
}
