package practice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// starts says who is free when, "amal 08:20", from a list.
func starts(s surgery, list practice.SlotList) []string {
	all := []string{}
	for _, line := range lines(s, list) {
		f := strings.Fields(line)
		all = append(all, f[2]+" "+f[1])
	}
	return all
}

func hours(from, until int) schedule.Stretch {
	return schedule.Stretch{From: monday, FromMinute: from, Until: monday, UntilMinute: until}
}

func (f *fixture) shut(t testing.TB, tenant id.Tenant, c practice.Closure) (id.Closure, []practice.Affected) {
	t.Helper()
	c.ID = id.New[id.Closure]()
	saved, err := f.put(t, tenant, c, true)
	if err != nil {
		t.Fatal(err)
	}
	return c.ID, saved.Outside
}

func (f *fixture) reopen(t testing.TB, tenant id.Tenant, closure id.Closure) error {
	t.Helper()
	_, err := f.remove(t, tenant, practice.Closure{ID: closure}, false)
	return err
}

func TestClosuresShutWhatTheyName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	amal := []string{"amal 08:00", "amal 08:20", "amal 08:40", "amal 09:00", "amal 09:20", "amal 09:40", "amal 10:00", "amal 10:20", "amal 10:40"}
	bea := []string{"bea 09:00", "bea 09:20", "bea 09:40"}
	for name, c := range map[string]struct {
		closure func(surgery) practice.Closure
		want    []string
	}{
		"all of the practice": {func(surgery) practice.Closure { return wholeMonday() }, []string{}},
		"one practitioner": {func(s surgery) practice.Closure {
			return practice.Closure{Practitioner: s.amal, Stretch: schedule.WholeDay(monday)}
		}, bea},
		"one location": {func(s surgery) practice.Closure {
			return practice.Closure{Location: s.branch, Stretch: schedule.WholeDay(monday)}
		}, amal},
		"one practitioner elsewhere": {func(s surgery) practice.Closure {
			return practice.Closure{Practitioner: s.amal, Location: s.branch, Stretch: schedule.WholeDay(monday)}
		}, append(slices.Clone(amal), bea...)},
		"some hours": {func(surgery) practice.Closure { return practice.Closure{Stretch: hours(8*60+20, 9*60+30)} },
			[]string{"amal 08:00", "amal 09:40", "amal 10:00", "amal 10:20", "amal 10:40", "bea 09:40"}},
		"another day": {func(surgery) practice.Closure { return practice.Closure{Stretch: schedule.WholeDay(monday + 1)} }, append(slices.Clone(amal), bea...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, tenant := f.open(t)
			f.ask(t, tenant, practice.Query{Service: s.vaccination}) // so that the old offer is in memory
			closure, _ := f.shut(t, tenant, c.closure(s))
			got := f.ask(t, tenant, practice.Query{Service: s.vaccination})
			all := starts(s, got)
			slices.Sort(all)
			if !slices.Equal(all, c.want) {
				t.Errorf("got  %q\nwant %q", all, c.want)
			}
			if got.Version != 2 {
				t.Errorf("version %d", got.Version)
			}
			if err := f.reopen(t, tenant, closure); err != nil {
				t.Fatal(err)
			}
			if n := len(f.ask(t, tenant, practice.Query{Service: s.vaccination}).Slots); n != len(amal)+len(bea) {
				t.Errorf("%d slots after it was reopened", n)
			}
			if err := f.reopen(t, tenant, closure); !errors.Is(err, practice.ErrUnknownRule) {
				t.Errorf("reopened twice: %v", err)
			}
		})
	}
}

func TestWhatIsClosedIsNotOffered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	f.shut(t, tenant, practice.Closure{Stretch: hours(8*60, 9*60)})
	offer, err := f.Offer(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := offer.Plan(s.vaccination, s.amal)
	if err != nil {
		t.Fatal(err)
	}
	for minute, want := range map[int]bool{8*60 + 40: false, 9 * 60: true} {
		at := time.Date(2026, 11, 23, 0, minute-60, 0, 0, time.UTC)
		if _, ok := plan.Offered(at.Unix(), saturday, false); ok != want {
			t.Errorf("%v: offered %v", at, ok)
		}
	}
}

func TestHolidaysAndClosedDaysShutThePractice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := newSurgery(), id.New[id.Tenant]()
	s.Practice.Land = "DE-BW"
	for i := range s.Openings {
		s.Openings[i].Weekdays = schedule.WeekdaysOf(1, 2, 3, 4, 5, 6, 7)
	}
	s.Practice.ClosedDays = []schedule.Yearly{"12-24", "12-31", "rosenmontag", "12-28"}
	s.Closures = []practice.Closure{
		{Stretch: schedule.Stretch{From: schedule.NewDate(2026, 12, 24), Until: schedule.NewDate(2027, 1, 1), UntilMinute: 1440},
			Reason: "geheim", PublicText: "Wir erholen uns"},
		{Stretch: schedule.WholeDay(schedule.NewDate(2027, 1, 4)), Practitioner: s.amal, Reason: "geheim"},
		{Stretch: schedule.WholeDay(schedule.NewDate(2027, 1, 11)), Practitioner: s.amal, PublicText: "Fortbildung"},
		{Stretch: schedule.WholeDay(schedule.NewDate(2027, 1, 11)), Practitioner: s.bea},
	}
	if err := f.Create(t.Context(), tenant, s.Setup); err != nil {
		t.Fatal(err)
	}
	closed := func(q practice.Query) []string {
		all := []string{}
		list := f.ask(t, tenant, q)
		for _, d := range list.Closed {
			all = append(all, fmt.Sprintf("%s %s %s%s", d.Date, d.Reason, d.Name, d.Text))
			for _, x := range list.Slots {
				if schedule.DateOf(time.Unix(x.Starts, 0).UTC()) == d.Date {
					t.Errorf("%s is closed and has a slot", d.Date)
				}
			}
		}
		return all
	}
	december := []string{
		"2026-12-24 closure Heiligabend",
		"2026-12-25 holiday Erster Weihnachtstag",
		"2026-12-26 holiday Zweiter Weihnachtstag",
		"2026-12-27 closure Wir erholen uns",
		"2026-12-28 closure Wir erholen uns",
		"2026-12-29 closure Wir erholen uns",
		"2026-12-30 closure Wir erholen uns",
		"2026-12-31 closure Silvester",
		"2027-01-01 holiday Neujahr",
	}
	q := practice.Query{Service: s.vaccination, From: schedule.NewDate(2026, 12, 20), To: schedule.NewDate(2027, 1, 6)}
	if got := closed(q); !slices.Equal(got, december) {
		t.Errorf("got  %q\nwant %q", got, december)
	}
	// A closure without words says nothing, and what the office wrote stays there.
	q.Practitioner = s.amal
	if got := closed(q); !slices.Equal(got, append(slices.Clone(december), "2027-01-04 closure ")) {
		t.Errorf("Amal: got %q", got)
	}
	// Closed for all, each for a reason of their own: the words of one are shown.
	q = practice.Query{Service: s.vaccination, From: schedule.NewDate(2027, 1, 11), To: schedule.NewDate(2027, 3, 1)}
	if got, want := closed(q), []string{"2027-01-11 closure Fortbildung", "2027-02-08 closure Rosenmontag"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// Holidays of later years, as far as anybody can book.
	f.clock.pass(5 * 365 * 24 * time.Hour)
	q = practice.Query{Service: s.vaccination, From: schedule.NewDate(2032, 3, 28), To: schedule.NewDate(2032, 3, 31)}
	if got, want := closed(q), []string{"2032-03-29 holiday Ostermontag"}; !slices.Equal(got, want) {
		t.Errorf("five years later: got %q, want %q", got, want)
	}
}

func TestCloseNamesTheAppointmentsInside(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	_, stranger := f.open(t)
	appoint := func(tenant id.Tenant, who id.Practitioner, where id.Location, status string, from, until int) id.Appointment {
		a := id.New[id.Appointment]()
		midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
		err := f.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.ExecContext(ctx, `
				insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id,
				                         starts, ends, cancel_until, secret_hash)
				values (?0, ?1, ?1, ?2, 'online', ?3, ?1, ?4, ?5, ?6, ?5, sha256(?7::bytea))`, tenant, a, status, who, where,
				midnight.Add(time.Duration(from)*time.Minute), midnight.Add(time.Duration(until)*time.Minute), []byte(a.UUID()))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	// Closed from nine to ten in Berlin, which is from eight to nine UTC.
	appoint(tenant, s.amal, s.main, "booked", 7*60+40, 8*60)
	reaching := appoint(tenant, s.amal, s.main, "booked", 7*60+50, 8*60+10)
	within := appoint(tenant, s.bea, s.branch, "arrived", 8*60+20, 8*60+40)
	appoint(tenant, s.amal, s.main, "cancelled", 8*60+20, 8*60+40)
	appoint(tenant, s.amal, s.main, "booked", 9*60, 9*60+20)
	appoint(stranger, s.amal, s.main, "booked", 8*60+20, 8*60+40)

	for name, c := range map[string]struct {
		closure practice.Closure
		want    []id.Appointment
	}{
		"all":              {practice.Closure{}, []id.Appointment{reaching, within}},
		"one practitioner": {practice.Closure{Practitioner: s.bea}, []id.Appointment{within}},
		"one location":     {practice.Closure{Location: s.main}, []id.Appointment{reaching}},
	} {
		c.closure.Stretch = hours(9*60, 10*60)
		closure, affected := f.shut(t, tenant, c.closure)
		if err := f.reopen(t, tenant, closure); err != nil {
			t.Fatal(err)
		}
		var got []id.Appointment
		for _, a := range affected {
			got = append(got, a.Appointment)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		if a := affected[len(affected)-1]; a.Appointment == within && (a.Practitioner != s.bea || a.Location != s.branch ||
			!a.Starts.Equal(time.Date(2026, 11, 23, 8, 20, 0, 0, time.UTC)) || a.Ends.Sub(a.Starts) != 20*time.Minute) {
			t.Errorf("%s: got %+v", name, a)
		}
	}
}

func TestClosuresAreOfOneTenant(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	known, _ := f.shut(t, tenant, wholeMonday())
	other, stranger := f.open(t)
	for name, c := range map[string]struct {
		tenant id.Tenant
		edit   func(*practice.Closure)
		want   error
	}{
		"a practitioner of another":    {tenant, func(c *practice.Closure) { c.Practitioner = other.amal }, practice.ErrUnknownReference},
		"a location of another":        {tenant, func(c *practice.Closure) { c.Location = other.main }, practice.ErrUnknownReference},
		"nothing of a closure it lets": {stranger, func(c *practice.Closure) { c.ID = known }, nil},
	} {
		closure := edited(wholeMonday(), func(c *practice.Closure) { c.ID = id.New[id.Closure]() })
		c.edit(&closure)
		if _, err := f.put(t, c.tenant, closure, true); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if err := f.reopen(t, stranger, known); err != nil {
		t.Errorf("its own closure of that id: %v", err)
	}
	if list := f.ask(t, tenant, practice.Query{Service: s.vaccination}); len(list.Slots) != 0 {
		t.Error("another tenant reopened it")
	}
}

func TestPatientsAreToldOfClosuresAhead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := newSurgery(), id.New[id.Tenant]()
	days := func(from, until int) schedule.Stretch {
		return schedule.Stretch{From: monday + schedule.Date(from), Until: monday + schedule.Date(until), UntilMinute: 1440}
	}
	noon := days(1, 2)
	noon.FromMinute, noon.UntilMinute = 12*60, 13*60+5
	substitute := practice.Substitute{Name: "Praxis am Tor", Address: "Tor 1, Berlin", Phone: "030 7654321"}
	s.Closures = []practice.Closure{
		{Stretch: days(-9, -3), PublicText: "vorbei"}, // until Friday; it is Saturday
		{Stretch: days(-9, -2), PublicText: "bis heute"},
		{Stretch: days(0, 0), Reason: "geheim"},
		{Stretch: noon, PublicText: "mittags"},
		{Stretch: days(3, 4), Substitute: substitute},
		{Stretch: days(5, 6), Location: s.branch, PublicText: "Umbau"},
		{Stretch: days(7, 8), Practitioner: s.amal, PublicText: "Fortbildung", Substitute: substitute},
		{Stretch: days(9, 9), Practitioner: s.amal, Substitute: substitute},
		{Stretch: days(58, 70), PublicText: "in sechzig Tagen"},
		{Stretch: days(59, 70), PublicText: "in einundsechzig Tagen"},
	}
	if err := f.Create(t.Context(), tenant, s.Setup); err != nil {
		t.Fatal(err)
	}
	profile, err := f.Profile(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(profile.Closures)
	if err != nil {
		t.Fatal(err)
	}
	const tor = `{"name":"Praxis am Tor","address":"Tor 1, Berlin","phone":"030 7654321"}`
	want := `[{"from":"2026-11-14","until":"2026-11-21","text":"bis heute","substitute":null},` +
		`{"from":"2026-11-24","until":"2026-11-25","from_time":"12:00","until_time":"13:05","text":"mittags","substitute":null},` +
		`{"from":"2026-11-26","until":"2026-11-27","text":"","substitute":` + tor + `},` +
		`{"from":"2026-11-28","until":"2026-11-29","location":"` + s.branch.String() + `","text":"Umbau","substitute":null},` +
		`{"from":"2026-11-30","until":"2026-12-01","practitioner":"` + s.amal.String() + `","text":"Fortbildung","substitute":` + tor + `},` +
		`{"from":"2027-01-20","until":"2027-02-01","text":"in sechzig Tagen","substitute":null}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
