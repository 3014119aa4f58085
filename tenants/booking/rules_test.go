package booking_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/booking"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
	"siegel/tenants/tenanttest"
)

// edit changes the practice's rules, whatever then lies outside.
func (b *bench) edit(t *testing.T, rules ...practice.Rule) {
	t.Helper()
	for _, rule := range rules {
		offer, err := b.Practice.Rules(t.Context(), b.Tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Practice.Put(t.Context(), b.Tenant.ID, rule, practice.Edit{Version: offer.Version, Keep: true}); err != nil {
			t.Fatalf("%+v: %v", rule, err)
		}
	}
}

// service is a service of the fixture's practitioner as it is, to be changed.
func (b *bench) service(t *testing.T, s id.Service) practice.HealthcareService {
	t.Helper()
	offer, err := b.Practice.Rules(t.Context(), b.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	service, ok := offer.Service(s)
	if !ok {
		t.Fatal("no such service")
	}
	return service
}

func (b *bench) item(s id.Service, starts time.Time) booking.HoldItem {
	return booking.HoldItem{Service: s, Practitioner: b.Practitioner, Location: b.Location, Starts: starts}
}

// take holds items as a visitor of its own.
func (b *bench) take(t *testing.T, items ...booking.HoldItem) ([]byte, booking.Hold, error) {
	t.Helper()
	b.visitors++
	r := booking.HoldRequest{Token: random(16), Items: items}
	h, err := b.Hold(t.Context(), b.Tenant.ID, r, visitor(b.visitors), once())
	return r.Token, h, err
}

// ask books what is held, for all its items, and returns the link's parts.
func (b *bench) ask(t *testing.T, token []byte, h booking.Hold) (tenanttest.Form, string) {
	t.Helper()
	first := b.Seal(t, h.Items[0].Booking)
	q := byMail(token, first, fmt.Sprintf("erika-%x@muster.example", random(4)))
	for _, item := range h.Items[1:] {
		form := b.Seal(t, item.Booking)
		q.Forms = append(q.Forms, booking.Form{Envelope: form.Envelope, Copy: form.Copy})
	}
	if _, err := b.Book(t.Context(), b.Tenant.ID, q, once()); err != nil {
		t.Fatal(err)
	}
	return first, b.code(t, first)
}

// finish books what is held and confirms it.
func (b *bench) finish(t *testing.T, token []byte, h booking.Hold) (booking.Booking, [16]byte, error) {
	t.Helper()
	form, code := b.ask(t, token, h)
	booked, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code)
	return booked, form.Secret, err
}

// done takes, books and confirms.
func (b *bench) done(t *testing.T, items ...booking.HoldItem) booking.Booking {
	t.Helper()
	token, h, err := b.take(t, items...)
	if err != nil {
		t.Fatal(err)
	}
	booked, _, err := b.finish(t, token, h)
	if err != nil {
		t.Fatal(err)
	}
	return booked
}

// listed reports whether the service's list shows a start of the fixture's practitioner.
func (b *bench) listed(t *testing.T, s id.Service, starts time.Time) bool {
	t.Helper()
	day := schedule.DateOf(starts)
	list, err := b.Find(t.Context(), b.Tenant.ID, practice.Query{Service: s, Practitioner: b.Practitioner, From: day, To: day + 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, slot := range list.Slots {
		if slot.Starts == starts.Unix() {
			return true
		}
	}
	return false
}

func (b *bench) group(t *testing.T, seats int) {
	t.Helper()
	half := b.service(t, b.Half)
	half.Seats, half.StepMinutes, half.BufferAfter = seats, 30, 0
	b.edit(t, half)
}

func TestAGroupFillsUpAndNobodyElseHasItsTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.group(t, 3)
	at := tenanttest.At(3, 9, 0)
	for range 3 {
		if !b.listed(t, b.Half, at) {
			t.Fatal("a session with seats left is not listed")
		}
		b.done(t, b.item(b.Half, at))
	}
	if b.listed(t, b.Half, at) {
		t.Error("a full session is listed")
	}
	if _, _, err := b.take(t, b.item(b.Half, at)); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("a fourth of three: %v", err)
	}
	if _, _, err := b.take(t, b.item(b.Quarter, at.Add(15*time.Minute))); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("somebody else in the session's time: %v", err)
	}
	if n := b.count(t, "occupation where unit = 1 and seat between 1 and 3"); n != 3 {
		t.Errorf("%d seats are taken", n)
	}
	b.done(t, b.item(b.Half, at.Add(30*time.Minute)))
}

func TestHeldSeatsCount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.group(t, 4)
	at := tenanttest.At(3, 9, 0)
	b.done(t, b.item(b.Half, at))
	var tokens [][]byte
	for range 3 {
		token, _, err := b.take(t, b.item(b.Half, at))
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	if _, _, err := b.take(t, b.item(b.Half, at)); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("one booked and three held of four: %v", err)
	}
	if b.listed(t, b.Half, at) {
		t.Error("the list shows a session whose last seats are held")
	}
	if _, _, err := b.take(t, b.item(b.Quarter, at)); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("somebody else in the session's time: %v", err)
	}
	if err := b.Release(t.Context(), b.Tenant.ID, tokens[0]); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.take(t, b.item(b.Half, at)); err != nil {
		t.Fatalf("after one seat was given back: %v", err)
	}
}

func TestAFamilyJoinsAGroupTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.group(t, 4)
	at := tenanttest.At(3, 9, 0)
	b.done(t, b.item(b.Half, at), b.item(b.Half, at))
	if _, _, err := b.take(t, b.item(b.Half, at), b.item(b.Half, at), b.item(b.Half, at)); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("three beside two of four: %v", err)
	}
	b.done(t, b.item(b.Half, at), b.item(b.Half, at))
	if n := b.count(t, "occupation where seat <= 4"); n != 4 {
		t.Errorf("%d seats", n)
	}
}

// rooms gives the quarter of an hour three practitioners, the fixture's first,
// who share two rooms.
func (b *bench) rooms(t *testing.T) (people [3]id.Practitioner, rooms [2]id.Resource) {
	t.Helper()
	other := practice.Practitioner{ID: id.New[id.Practitioner](), Resource: id.New[id.Resource](), Name: "Herr Zweit"}
	both := []practice.Resource{
		{ID: id.New[id.Resource](), Kind: "room", Name: "Eins", Capacity: 1}, {ID: id.New[id.Resource](), Kind: "room", Name: "Zwei", Capacity: 1},
	}
	third := practice.Practitioner{ID: id.New[id.Practitioner](), Resource: id.New[id.Resource](), Name: "Frau Dritt"}
	quarter := b.service(t, b.Quarter)
	b.edit(t, both[0], both[1],
		practice.Resource{ID: other.Resource, Kind: "practitioner", Name: other.Name, Capacity: 1}, other,
		practice.Resource{ID: third.Resource, Kind: "practitioner", Name: third.Name, Capacity: 1}, third)
	quarter.Practitioners = append(quarter.Practitioners, other.ID, third.ID)
	quarter.Needs = []practice.Need{{Role: "Raum", Resources: []id.Resource{both[0].ID, both[1].ID}}}
	all := schedule.WeekdaysOf(1, 2, 3, 4, 5, 6, 7)
	b.edit(t, quarter,
		practice.Opening{ID: id.New[id.Window](), Practitioner: other.ID, Location: b.Location, Weekdays: all, From: 6 * 60, Until: 22 * 60},
		practice.Opening{ID: id.New[id.Window](), Practitioner: third.ID, Location: b.Location, Weekdays: all, From: 6 * 60, Until: 22 * 60})
	return [3]id.Practitioner{b.Practitioner, other.ID, third.ID}, [2]id.Resource{both[0].ID, both[1].ID}
}

func TestARoomIsNeverUsedTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	people, rooms := b.rooms(t)
	at := tenanttest.At(3, 9, 0)
	with := func(p id.Practitioner) booking.HoldItem {
		item := b.item(b.Quarter, at)
		item.Practitioner = p
		return item
	}
	// Both held before either is booked: the second has to find the other room.
	first, h1, err := b.take(t, with(people[0]))
	if err != nil {
		t.Fatal(err)
	}
	second, h2, err := b.take(t, with(people[1]))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.take(t, with(people[2])); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("a third beside two rooms that are held: %v", err)
	}
	for token, h := range map[*[]byte]booking.Hold{&first: h1, &second: h2} {
		if _, _, err := b.finish(t, *token, h); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.take(t, with(people[2])); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("a third beside two rooms that are booked: %v", err)
	}
	if n := b.count(t, fmt.Sprintf("occupation where resource_id in ('%s', '%s')", rooms[0].UUID(), rooms[1].UUID())); n != 2 {
		t.Errorf("%d rooms are taken", n)
	}
}

// Whoever is overtaken between choosing a room and holding it is told at once,
// even if another room is free: it is not the one that is held.
func TestASecondLookAsksForTheRoomThatIsHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	people, rooms := b.rooms(t)
	at := tenanttest.At(3, 9, 0)
	item := b.item(b.Quarter, at)
	r := booking.HoldRequest{Token: random(16), Items: []booking.HoldItem{item}}
	if _, err := b.Hold(t.Context(), b.Tenant.ID, r, visitor(90), once()); err != nil {
		t.Fatal(err)
	}
	if err := b.LookAgain(t.Context(), b.Tenant.ID, r); err != nil {
		t.Fatalf("nothing has happened: %v", err)
	}
	held, err := b.Redis.Raw().Keys(t.Context(), "*:held:*").Result()
	if err != nil || len(held) != 1 {
		t.Fatal(held, err)
	}
	kept := map[string]string{held[0]: b.Redis.Raw().Get(t.Context(), held[0]).Val()}
	if err := b.Redis.Raw().FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	item.Practitioner = people[1]
	b.done(t, item)
	restore(t, b, kept)
	if n := b.count(t, fmt.Sprintf("occupation where resource_id = '%s'", rooms[0].UUID())); n != 1 {
		t.Fatalf("the other one has not taken the first room: %d", n)
	}
	if err := b.LookAgain(t.Context(), b.Tenant.ID, r); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("the held room is taken: %v", err)
	}
}

// Seats cannot be lowered below what is booked of one session of the service.
func TestSeatsAreNotLoweredBelowASession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.group(t, 4)
	at := tenanttest.At(3, 9, 0)
	b.done(t, b.item(b.Half, at), b.item(b.Half, at), b.item(b.Half, at))
	lower := func(service id.Service, seats int) error {
		x := b.service(t, service)
		x.Seats, x.StepMinutes, x.BufferBefore, x.BufferAfter = seats, x.Minutes, 0, 0
		offer, err := b.Practice.Rules(t.Context(), b.Tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Practice.Put(t.Context(), b.Tenant.ID, x, practice.Edit{Version: offer.Version, Keep: true, Session: b.Sessions(b.Tenant.ID)})
		return err
	}
	if err := lower(b.Quarter, 8); err != nil {
		t.Fatal(err)
	}
	for _, seats := range []int{2, 1} {
		if err := lower(b.Half, seats); !errors.Is(err, practice.ErrCapacityInUse) {
			t.Errorf("%d seats for three: %v", seats, err)
		}
	}
	if err := lower(b.Half, 3); err != nil {
		t.Errorf("as many as are booked: %v", err)
	}
	if err := lower(b.Quarter, 2); err != nil {
		t.Errorf("of a service that nobody has booked: %v", err)
	}
}

func TestQuotasThatHoldsUseUpAreNotListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	quota := practice.Quota{ID: id.New[id.Quota](), Name: "Zwei", Max: 2, Per: schedule.Month}
	b.edit(t, quota)
	on := func(month, day int) time.Time { // nine o'clock, months from now
		today := tenanttest.At(0, 9, 0)
		return time.Date(today.Year(), today.Month()+time.Month(month), day, 9, 0, 0, 0, today.Location())
	}
	first, late, next := on(2, 2), on(2, 28), on(3, 2)
	as := func(when time.Time) booking.HoldItem {
		item := b.item(b.Quarter, when)
		item.Quotas = []id.Quota{quota.ID}
		return item
	}
	b.done(t, as(first))
	if !b.listed(t, b.Quarter, late) {
		t.Fatal("one of two is left, and not listed")
	}
	token, _, err := b.take(t, as(first.Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	if b.listed(t, b.Quarter, late) {
		t.Error("what is left of the month is held, and listed")
	}
	if !b.listed(t, b.Quarter, next) {
		t.Error("the next month has its own two")
	}
	if err := b.Release(t.Context(), b.Tenant.ID, token); err != nil {
		t.Fatal(err)
	}
	if !b.listed(t, b.Quarter, late) {
		t.Error("it was given back, and is not listed")
	}
}

func TestTheWeekTellsWhatIsHeldAndWhichGroupHasSeats(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.group(t, 3)
	at := tenanttest.At(3, 9, 0)
	b.done(t, b.item(b.Half, at))
	if _, _, err := b.take(t, b.item(b.Quarter, at.Add(30*time.Minute))); err != nil {
		t.Fatal(err)
	}
	monday := schedule.DateOf(at)
	week, err := b.Week(t.Context(), b.Tenant.ID, b.Half, b.Practitioner, monday)
	if err != nil {
		t.Fatal(err)
	}
	said := map[int64]schedule.Reason{}
	for _, cell := range week.Cells {
		said[cell.Starts.Unix()] = cell.Reason
	}
	if got := said[at.Unix()]; got != schedule.ReasonOffered {
		t.Errorf("a group with seats left is %s", got)
	}
	if got := said[at.Add(30*time.Minute).Unix()]; got != schedule.ReasonHeld {
		t.Errorf("what somebody is filling in the form for is %s", got)
	}
}

// A quota of two a week for new patients: the third new one is refused, known
// ones are not, and a lie about it is no way round.
func TestAQuotaIsNeverExceeded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	quota := practice.Quota{ID: id.New[id.Quota](), Name: "Neue", Max: 2, Per: schedule.Week, Patients: schedule.NewPatients}
	b.edit(t, quota)
	monday := schedule.DateOf(tenanttest.At(14, 0, 0))
	monday -= schedule.Date(monday.Weekday() - 1)
	at := func(day, minute int) time.Time {
		days := int(monday) + day - int(schedule.DateOf(tenanttest.At(0, 0, 0)))
		return tenanttest.At(days, 9, minute)
	}
	as := func(when time.Time, quotas ...id.Quota) booking.HoldItem {
		item := b.item(b.Quarter, when)
		item.Quotas = quotas
		return item
	}
	b.done(t, as(at(0, 0), quota.ID))
	token, h, err := b.take(t, as(at(1, 0), quota.ID))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.take(t, as(at(2, 0), quota.ID)); err == nil {
		t.Fatal("a third new patient while one is booked and one held")
	}
	if _, _, err := b.finish(t, token, h); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.take(t, as(at(2, 0), quota.ID)); !errors.Is(err, booking.ErrQuotaFull) {
		t.Fatalf("a third new patient of the week: %v", err)
	}
	b.done(t, as(at(2, 0)))
	b.done(t, as(at(7, 0), quota.ID))
	for name, item := range map[string]booking.HoldItem{
		"OfNowhere": as(at(3, 0), id.New[id.Quota]()), "Twice": as(at(8, 0), quota.ID, quota.ID),
	} {
		if _, _, err := b.take(t, item); !errors.Is(err, booking.ErrNotOffered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := b.count(t, "quota_use where number between 1 and 2"); n != 3 {
		t.Errorf("%d are counted", n)
	}
}

// Two who held while Redis forgot each other: the quota decides at the end.
func TestAQuotaOutlivesRedis(t *testing.T) {
	t.Parallel()
	b := setup(t)
	quota := practice.Quota{ID: id.New[id.Quota](), Name: "Eine", Max: 1, Per: schedule.Day}
	b.edit(t, quota)
	token1, h1, err := b.take(t, func() booking.HoldItem {
		i := b.item(b.Quarter, tenanttest.At(3, 9, 0))
		i.Quotas = []id.Quota{quota.ID}
		return i
	}())
	if err != nil {
		t.Fatal(err)
	}
	form, code := b.book(t, token1, h1)
	kept := dump(t, b)
	if err := b.Redis.Raw().FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	second := b.item(b.Quarter, tenanttest.At(3, 10, 0))
	second.Quotas = []id.Quota{quota.ID}
	b.done(t, second)
	restore(t, b, kept)
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code); !errors.Is(err, booking.ErrQuotaFull) {
		t.Fatalf("a second of one: %v", err)
	}
	if n := b.count(t, "appointment"); n != 1 {
		t.Errorf("%d appointments", n)
	}
}

func TestSeveralAreBookedAllOrNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := tenanttest.At(3, 9, 0)
	b.done(t, b.item(b.Quarter, at.Add(time.Hour)))
	if _, _, err := b.take(t, b.item(b.Quarter, at), b.item(b.Quarter, at.Add(time.Hour))); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("one of two is taken: %v", err)
	}
	if !b.listed(t, b.Quarter, at) {
		t.Fatal("what was refused as a whole is held in part")
	}
	if _, _, err := b.take(t, b.item(b.Quarter, at), b.item(b.Quarter, at)); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("two at one time: %v", err)
	}
	token, h, err := b.take(t, b.item(b.Quarter, at), b.item(b.Half, at.Add(15*time.Minute)), b.item(b.Quarter, at.Add(24*time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	booked, secret, err := b.finish(t, token, h)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := b.View(t.Context(), b.Tenant.ID, secret[:])
	if err != nil || len(seen.Visits()) != 3 {
		t.Fatalf("the link shows %+v, %v", seen, err)
	}
	for i, v := range seen.Visits() {
		if v.Appointment != booked.Visits()[i].Appointment || !v.Starts.Equal(h.Items[i].Starts) || v.Booking != h.Items[i].Booking {
			t.Errorf("visit %d is %+v, held was %+v", i, v, h.Items[i])
		}
	}
	for _, table := range []string{"envelope", "patient_copy", "occupation", "appointment"} {
		if n := b.count(t, table); n != 4 {
			t.Errorf("%d rows of %s", n, table)
		}
	}
	// Overtaken in one of them while Redis forgot: none is booked.
	token, h, err = b.take(t, b.item(b.Quarter, at.Add(2*time.Hour)), b.item(b.Quarter, at.Add(3*time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	form, code := b.ask(t, token, h)
	kept := dump(t, b)
	if err := b.Redis.Raw().FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	b.done(t, b.item(b.Quarter, at.Add(3*time.Hour)))
	restore(t, b, kept)
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("confirmed beside another: %v", err)
	}
	if n := b.count(t, "appointment"); n != 5 {
		t.Errorf("%d appointments", n)
	}
}

func TestARequestWaitsForStaff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	quarter := b.service(t, b.Quarter)
	quarter.ByStaff, quarter.CancelMinutes, quarter.MoveMinutes = true, 24*60, 48*60
	b.edit(t, quarter)
	at := tenanttest.At(5, 9, 0)
	accepted, declined := b.done(t, b.item(b.Quarter, at)), b.done(t, b.item(b.Quarter, at.Add(time.Hour)))
	if accepted.Status != booking.StatusPending || !accepted.CancelUntil.Equal(at.Add(-24*time.Hour)) || !accepted.MoveUntil.Equal(at.Add(-48*time.Hour)) {
		t.Fatalf("booked is %+v", accepted)
	}
	if b.listed(t, b.Quarter, at) {
		t.Error("a requested time is listed")
	}
	for range 2 { // twice is harmless
		if err := b.Accept(t.Context(), b.Tenant.ID, accepted.Appointment); err != nil {
			t.Fatal(err)
		}
		if err := b.Decline(t.Context(), b.Tenant.ID, declined.Appointment); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Decline(t.Context(), b.Tenant.ID, accepted.Appointment); !errors.Is(err, booking.ErrWrongStatus) {
		t.Errorf("declined what was accepted: %v", err)
	}
	if err := b.Accept(t.Context(), b.Tenant.ID, declined.Appointment); !errors.Is(err, booking.ErrWrongStatus) {
		t.Errorf("accepted what was declined: %v", err)
	}
	if err := b.Accept(t.Context(), b.Tenant.ID, id.New[id.Appointment]()); !errors.Is(err, booking.ErrUnknownBooking) {
		t.Errorf("accepted nothing: %v", err)
	}
	if b.listed(t, b.Quarter, at) || !b.listed(t, b.Quarter, at.Add(time.Hour)) {
		t.Error("accepting keeps the time, declining frees it")
	}
	if n := b.count(t, "appointment where status = 'booked'"); n != 1 {
		t.Errorf("%d are booked", n)
	}
}

func TestOneContactBooksOnlySoMuch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	offer, err := b.Practice.Rules(t.Context(), b.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	profile, two := offer.Practice, 2
	profile.BookingsPerContact = &two
	b.edit(t, profile)
	book := func(n int, address string) error {
		token, h, err := b.take(t, b.item(b.Quarter, tenanttest.At(3, 9+n, 0)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Book(t.Context(), b.Tenant.ID, byMail(token, b.Seal(t, h.Items[0].Booking), address), once())
		return err
	}
	for n := range 2 {
		if err := book(n, "Mila@Muster.example"); err != nil {
			t.Fatal(err)
		}
	}
	if err := book(2, "mila@muster.example"); !errors.Is(err, booking.ErrTooManyBookings) {
		t.Errorf("a third of two: %v", err)
	}
	if err := book(3, "ben@muster.example"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

func TestAnImportedCalendarAndTheWayCountAtTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	there := practice.Location{ID: id.New[id.Location](), Name: "Drüben", Street: "Weg 2", PostalCode: "76275", City: "Ettlingen", Zone: "Europe/Berlin"}
	b.edit(t, there, practice.Leg{A: b.Location, B: there.ID, Minutes: 30}, practice.Opening{
		ID: id.New[id.Window](), Practitioner: b.Practitioner, Location: there.ID, Weekdays: schedule.WeekdaysOf(1, 2, 3, 4, 5, 6, 7), From: 22 * 60, Until: 23 * 60,
	})
	late, over := b.item(b.Quarter, tenanttest.At(3, 21, 45)), b.item(b.Quarter, tenanttest.At(3, 22, 15))
	over.Location = there.ID
	token, h, err := b.take(t, late)
	if err != nil {
		t.Fatal(err)
	}
	form, code := b.ask(t, token, h)
	kept := dump(t, b)
	if err := b.Redis.Raw().FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	b.done(t, over)
	if _, _, err := b.take(t, late); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("held too near to an appointment elsewhere: %v", err)
	}
	restore(t, b, kept)
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("booked too near to an appointment elsewhere: %v", err)
	}

	at := tenanttest.At(4, 9, 0)
	token, h, err = b.take(t, b.item(b.Quarter, at))
	if err != nil {
		t.Fatal(err)
	}
	offer, err := b.Practice.Rules(t.Context(), b.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	who, _ := offer.Practitioner(b.Practitioner)
	calendar := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:" +
		at.UTC().Format("20060102T150405Z") + "\r\nDTEND:" + at.Add(time.Hour).UTC().Format("20060102T150405Z") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	if _, err := b.Practice.ImportCalendar(t.Context(), b.Tenant.ID, practice.Edit{Version: offer.Version}, practice.CalendarImport{
		ID: id.New[id.Calendar](), Name: "Privat", Kind: practice.BusyCalendar, Resource: who.Resource, Format: "ics", Content: calendar,
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.finish(t, token, h); !errors.Is(err, booking.ErrSlotTaken) {
		t.Errorf("booked over a calendar that was imported meanwhile: %v", err)
	}
}
