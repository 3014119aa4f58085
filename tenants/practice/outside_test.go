package practice_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// visit is an appointment to store, on a day counted from Monday, from and
// until in minutes of Berlin's winter.
type visit struct {
	who         id.Practitioner
	where       id.Location
	day         int
	from, until int
	status      string // booked where empty
	// takes are what is occupied besides, each a unit of a resource.
	takes []taken
}

type taken struct {
	resource id.Resource
	unit     int
	session  string // a random one where empty
}

func (f *fixture) visit(t testing.TB, tenant id.Tenant, v visit) id.Appointment {
	t.Helper()
	a := id.New[id.Appointment]()
	midnight := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC).AddDate(0, 0, v.day)
	starts, ends := midnight.Add(time.Duration(v.from)*time.Minute), midnight.Add(time.Duration(v.until)*time.Minute)
	if v.status == "" {
		v.status = "booked"
	}
	err := f.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, `
			insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id,
			                         starts, ends, cancel_until, secret_hash)
			values (?0, ?1, ?1, ?2, 'online', ?3, ?1, ?4, ?5, ?6, ?5, sha256(?7::bytea))`, tenant, a, v.status, v.who, v.where,
			starts, ends, []byte(a.UUID()))
		for _, p := range v.takes {
			if err == nil {
				session := p.session
				if session == "" {
					session = id.New[id.Booking]().UUID()
				}
				_, err = tx.ExecContext(ctx, `
					insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id, session, seat)
					values (?, ?, ?, ?, ?, ?, ?, (select 1 + count(*) from occupation where session = ?))`,
					tenant, p.resource, p.unit, starts, ends, a, session, session)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func named(all []practice.Affected) []id.Appointment {
	ids := []id.Appointment{}
	for _, a := range all {
		ids = append(ids, a.Appointment)
	}
	return ids
}

// easter is Easter Monday of 2027, when it is summer time.
const easter = 126

// Amal's Monday from eight to ten is the only window that covers the visit.
func TestAppointmentsThatComeToLieOutsideAreNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	usual := func(w ward) visit { return visit{who: w.amal, where: w.main, from: 9 * 60, until: 9*60 + 30} }
	window := func(edit func(*practice.Opening)) func(ward) practice.Rule {
		return func(w ward) practice.Rule {
			o := w.Openings[0]
			edit(&o)
			return o
		}
	}
	elsewhere := func(w ward) practice.Rule {
		o := w.Openings[0]
		o.Location = w.branch
		return o
	}
	gone := func(w ward) practice.Rule { return practice.Opening{ID: w.morning} }
	closure := func(edit func(*practice.Closure, ward)) func(ward) practice.Rule {
		return func(w ward) practice.Rule {
			c := wholeMonday()
			c.ID = id.New[id.Closure]()
			edit(&c, w)
			return c
		}
	}
	profile := func(edit func(*practice.Practice)) func(ward) practice.Rule {
		return func(w ward) practice.Rule {
			w.Practice.Zone = "Europe/Berlin"
			edit(&w.Practice)
			return w.Practice
		}
	}
	for name, c := range map[string]struct {
		visit   func(ward) visit
		first   func(ward) practice.Rule // saved before, whatever it does
		edit    func(ward) practice.Rule
		removes bool
		outside bool
	}{
		"the window goes":                 {edit: gone, removes: true, outside: true},
		"the window begins later":         {edit: window(func(o *practice.Opening) { o.From = 9*60 + 1 }), outside: true},
		"the window begins with it":       {edit: window(func(o *practice.Opening) { o.From = 9 * 60 })},
		"the window ends in it":           {edit: window(func(o *practice.Opening) { o.Until = 9*60 + 29 }), outside: true},
		"the window ends with it":         {edit: window(func(o *practice.Opening) { o.Until = 9*60 + 30 })},
		"the window moves to Tuesday":     {edit: window(func(o *practice.Opening) { o.Weekdays = schedule.WeekdaysOf(2) }), outside: true},
		"the window is on Tuesday too":    {edit: window(func(o *practice.Opening) { o.Weekdays = schedule.WeekdaysOf(1, 2) })},
		"the window ends the day before":  {edit: window(func(o *practice.Opening) { o.ValidUntil = monday - 1 }), outside: true},
		"the window ends that day":        {edit: window(func(o *practice.Opening) { o.ValidUntil = monday })},
		"the window begins the day after": {edit: window(func(o *practice.Opening) { o.ValidFrom = monday + 1 }), outside: true},
		"the other week":                  {edit: window(func(o *practice.Opening) { o.EveryWeeks, o.Anchor = 2, monday+7 }), outside: true},
		"this week":                       {edit: window(func(o *practice.Opening) { o.EveryWeeks, o.Anchor = 2, monday+14 })},
		"the window moves elsewhere":      {edit: elsewhere, outside: true},
		"the window becomes walk-in":      {edit: window(func(o *practice.Opening) { o.Audience = practice.WalkIn }), outside: true},
		"the window becomes staff's":      {edit: window(func(o *practice.Opening) { o.Audience = practice.StaffOnly })},
		"the window becomes another's":    {edit: window(func(o *practice.Opening) { o.Insurance = schedule.PKV })},
		"only in school holidays":         {edit: window(func(o *practice.Opening) { o.SchoolHolidays = practice.SchoolHolidays }), outside: true},
		"the service gets longer": {edit: func(w ward) practice.Rule {
			return edited(w.Services[0], func(x *practice.HealthcareService) { x.Minutes = 60 })
		}},
		"another window covers it":      {first: another(8, 12), edit: gone, removes: true},
		"two windows cover a half each": {first: another(9.25, 12), edit: window(func(o *practice.Opening) { o.Until = 9*60 + 15 }), outside: true},
		"another's window covers it": {first: func(w ward) practice.Rule {
			return edited(another(8, 12)(w).(practice.Opening), func(o *practice.Opening) { o.Practitioner = w.bea })
		}, edit: gone, removes: true, outside: true},
		"the whole practice closes":          {edit: closure(func(*practice.Closure, ward) {}), outside: true},
		"it closes as the visit ends":        {edit: closure(func(c *practice.Closure, _ ward) { c.FromMinute = 9*60 + 30 })},
		"it closes a minute earlier":         {edit: closure(func(c *practice.Closure, _ ward) { c.FromMinute = 9*60 + 29 }), outside: true},
		"it opens as the visit starts":       {edit: closure(func(c *practice.Closure, _ ward) { c.UntilMinute = 9 * 60 })},
		"its practitioner is away":           {edit: closure(func(c *practice.Closure, w ward) { c.Practitioner = w.amal }), outside: true},
		"another is away":                    {edit: closure(func(c *practice.Closure, w ward) { c.Practitioner = w.bea })},
		"its practitioner's time is closed":  {edit: closure(func(c *practice.Closure, w ward) { c.Resource = w.amalTime }), outside: true},
		"its location closes":                {edit: closure(func(c *practice.Closure, w ward) { c.Location = w.main }), outside: true},
		"another location closes":            {edit: closure(func(c *practice.Closure, w ward) { c.Location = w.branch })},
		"it closes, and was closed before":   {first: closure(func(*practice.Closure, ward) {}), edit: closure(func(*practice.Closure, ward) {})},
		"it closes what lay outside before":  {visit: func(w ward) visit { v := usual(w); v.from, v.until = 18*60, 19*60; return v }, edit: closure(func(*practice.Closure, ward) {}), outside: true},
		"it lay outside before":              {visit: func(w ward) visit { v := usual(w); v.from, v.until = 18*60, 19*60; return v }, edit: gone, removes: true},
		"a closed day of the practice's own": {edit: profile(func(p *practice.Practice) { p.ClosedDays = []schedule.Yearly{"11-23"} }), outside: true},
		"another closed day":                 {edit: profile(func(p *practice.Practice) { p.ClosedDays = []schedule.Yearly{"11-24"} })},
		"a public holiday":                   {visit: func(w ward) visit { v := usual(w); v.day, v.from, v.until = easter, 8*60, 8*60+30; return v }, edit: profile(func(p *practice.Practice) { p.Land = "DE-BE" }), outside: true},
		"a holiday of the location's Land": {visit: func(w ward) visit { v := usual(w); v.day, v.from, v.until = easter, 8*60, 8*60+30; return v }, edit: func(w ward) practice.Rule {
			return edited(w.Locations[1], func(l *practice.Location) { l.Land = "DE-BE" })
		}, outside: true},
		"its location moves to another zone": {edit: func(w ward) practice.Rule {
			return edited(w.Locations[1], func(l *practice.Location) { l.Zone = "Atlantic/Azores" })
		}, outside: true},
		"another location moves": {edit: func(w ward) practice.Rule {
			return edited(w.Locations[0], func(l *practice.Location) { l.Zone = "Atlantic/Azores" })
		}},
		"its room closes":                                 {visit: inRoom(usual), edit: closure(func(c *practice.Closure, w ward) { c.Resource = w.room }), outside: true},
		"a room that it does not take closes":             {visit: usual, edit: closure(func(c *practice.Closure, w ward) { c.Resource = w.room })},
		"its room opens too late":                         {visit: inRoom(usual), edit: roomOpens(9*60 + 5), outside: true},
		"its room opens with it":                          {visit: inRoom(usual), edit: roomOpens(9 * 60)},
		"it was cancelled":                                {visit: func(w ward) visit { v := usual(w); v.status = "cancelled"; return v }, edit: gone, removes: true},
		"it is over":                                      {visit: func(w ward) visit { v := usual(w); v.day = -7; return v }, edit: gone, removes: true},
		"it has begun":                                    {visit: func(w ward) visit { v := usual(w); v.day, v.from, v.until = -2, 9*60, 11*60; return v }, first: saturdays, edit: func(w ward) practice.Rule { return practice.Opening{ID: w.extra} }, removes: true, outside: true},
		"the patient has come":                            {visit: func(w ward) visit { v := usual(w); v.status = "arrived"; return v }, edit: gone, removes: true, outside: true},
		"it is only asked for":                            {visit: func(w ward) visit { v := usual(w); v.status = "pending"; return v }, edit: gone, removes: true, outside: true},
		"after midnight, in the window of the day before": {visit: func(w ward) visit { v := usual(w); v.day, v.from, v.until = 1, 15, 45; return v }, first: another(20, 26), edit: another(20, 24.5), outside: true},
		"after midnight, and still":                       {visit: func(w ward) visit { v := usual(w); v.day, v.from, v.until = 1, 15, 45; return v }, first: another(20, 26), edit: another(20, 25)},
		"over midnight, which the window does": {visit: func(w ward) visit { v := usual(w); v.from, v.until = 23*60+30, 24*60+30; return v }, first: another(20, 26), edit: func(w ward) practice.Rule {
			return edited(another(20, 24.25)(w).(practice.Opening), func(*practice.Opening) {})
		}, outside: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, tenant := f.ward(t)
			if c.visit == nil {
				c.visit = usual
			}
			if _, err := f.remove(t, tenant, w.Quotas[0], false); err != nil { // it counts that window
				t.Fatal(err)
			}
			one := f.visit(t, tenant, c.visit(w))
			if c.first != nil {
				if _, err := f.put(t, tenant, c.first(w), true); err != nil {
					t.Fatal(err)
				}
			}
			rule := c.edit(w)
			edit := f.put
			if c.removes {
				edit = f.remove
			}
			before, version := f.stored(t, tenant), f.rules(t, tenant).Version
			saved, err := edit(t, tenant, rule, false)
			if !c.outside {
				if err != nil || len(saved.Outside) > 0 {
					t.Errorf("asked: %+v, %v", saved, err)
				}
				return
			}
			var outside *practice.OutsideError
			if !errors.As(err, &outside) || !errors.Is(err, practice.ErrAppointmentsOutside) || !slices.Equal(named(outside.Outside), []id.Appointment{one}) {
				t.Fatalf("asked: %v", err)
			}
			if got := changed(before, f.stored(t, tenant)); got != nil || f.rules(t, tenant).Version != version {
				t.Errorf("asked, and %v have changed", got)
			}
			if saved, err = edit(t, tenant, rule, true); err != nil || !slices.Equal(named(saved.Outside), []id.Appointment{one}) {
				t.Fatalf("kept: %+v, %v", saved, err)
			}
			if a := saved.Outside[0]; a.Practitioner != w.amal || a.Location != w.main || a.Booking.UUID() != one.UUID() || !a.Ends.After(a.Starts) {
				t.Errorf("named %+v", a)
			}
			after := f.stored(t, tenant)
			if got := changed(before, after); len(got) != 1 || after["appointment"] != before["appointment"] || after["occupation"] != before["occupation"] {
				t.Errorf("kept, and %v have changed", got)
			}
			// It is known now: the next edit does not name it again.
			if saved, err = f.put(t, tenant, practice.Leg{A: w.main, B: w.branch, Minutes: 33}, false); err != nil {
				t.Errorf("and then: %+v, %v", saved, err)
			}
		})
	}
}

// spare is the id of another window.
var spare = id.New[id.Window]()

// another is a window of Amal's on Mondays, in hours.
func another(from, until float64) func(ward) practice.Rule {
	return func(w ward) practice.Rule {
		return practice.Opening{ID: spare, Practitioner: w.amal, Location: w.main, Weekdays: schedule.WeekdaysOf(1),
			From: int(from * 60), Until: int(until * 60), Audience: practice.StaffOnly}
	}
}

// saturdays makes the second window one of Saturdays, on one of which it is now.
func saturdays(w ward) practice.Rule {
	return practice.Opening{ID: w.extra, Practitioner: w.amal, Location: w.main, Weekdays: schedule.WeekdaysOf(6), From: 8 * 60, Until: 12 * 60}
}

func inRoom(of func(ward) visit) func(ward) visit {
	return func(w ward) visit {
		v := of(w)
		v.takes = []taken{{resource: w.amalTime, unit: 1}, {resource: w.room, unit: 2}}
		return v
	}
}

func roomOpens(from int) func(ward) practice.Rule {
	return func(w ward) practice.Rule {
		return practice.Opening{ID: spare, Resource: w.room, Location: w.main, Weekdays: schedule.EveryDay, From: from, Until: 1440}
	}
}

func TestAnEditNamesNobodyElsesAppointments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	other, stranger := f.ward(t)
	f.visit(t, stranger, visit{who: other.amal, where: other.main, from: 9 * 60, until: 10 * 60})
	f.visit(t, stranger, visit{who: w.amal, where: w.main, from: 9 * 60, until: 10 * 60})
	if saved, err := f.remove(t, tenant, practice.Opening{ID: w.morning}, false); !errors.Is(err, practice.ErrInUse) {
		t.Errorf("a quota counts that window: %+v, %v", saved, err)
	}
	if _, err := f.remove(t, tenant, practice.Quota{ID: w.quota}, false); err != nil {
		t.Fatal(err)
	}
	if saved, err := f.remove(t, tenant, practice.Opening{ID: w.morning}, false); err != nil || len(saved.Outside) > 0 {
		t.Errorf("%+v, %v", saved, err)
	}
}

func TestCapacityIsNotLoweredBelowItsUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	group := id.New[id.Booking]().UUID()
	resource := func(n int) func(ward) practice.Rule {
		return func(w ward) practice.Rule {
			return practice.Resource{ID: w.room, Kind: "room", Name: "Labor", Capacity: n, Location: w.main}
		}
	}
	window := func(n int) func(ward) practice.Rule {
		return func(w ward) practice.Rule {
			return edited(w.Openings[2], func(o *practice.Opening) { o.ID, o.Capacity = spare, n })
		}
	}
	three := func(w ward) practice.Rule { return resource(3)(w) }
	for name, c := range map[string]struct {
		takes []visit // of the room, or of Bea's time where there is no window
		of    func(ward) id.Resource
		first func(ward) practice.Rule
		edit  func(ward) practice.Rule
		want  error
	}{
		"two at once, room for one": {takes: []visit{{from: 480, until: 500}, {from: 490, until: 510}}, edit: resource(1), want: practice.ErrCapacityInUse},
		"one after the other":       {takes: []visit{{from: 480, until: 500}, {from: 500, until: 520}}, edit: resource(1)},
		"two at once, room for two": {takes: []visit{{from: 480, until: 500}, {from: 490, until: 510}}, first: three, edit: resource(2)},
		"two at once, long ago":     {takes: []visit{{day: -9, from: 480, until: 500}, {day: -9, from: 490, until: 510}}, edit: resource(1)},
		"two at once, one cancelled": {takes: []visit{{from: 480, until: 500}, {from: 490, until: 510, status: "cancelled"}},
			edit: resource(1)},
		"a group is one":     {takes: []visit{{from: 480, until: 500, takes: []taken{{session: group}}}, {from: 480, until: 500, takes: []taken{{session: group}}}}, edit: resource(1)},
		"two in the window":  {of: bea, first: window(0), takes: []visit{{from: 540, until: 560}, {from: 550, until: 570}}, edit: window(1), want: practice.ErrCapacityInUse},
		"one in the window":  {of: bea, first: window(0), takes: []visit{{from: 540, until: 560}, {from: 560, until: 580}}, edit: window(1)},
		"two before it":      {of: bea, first: window(0), takes: []visit{{from: 480, until: 500}, {from: 490, until: 510}}, edit: window(1)},
		"two in it, of two":  {of: bea, first: window(0), takes: []visit{{from: 540, until: 560}, {from: 550, until: 570}}, edit: window(2)},
		"two in it, on what": {of: bea, first: window(0), takes: []visit{{day: 1, from: 540, until: 560}, {day: 1, from: 550, until: 570}}, edit: window(1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, tenant := f.ward(t)
			if c.first != nil {
				if c.of != nil { // in the place of the window that Bea has
					i := slices.IndexFunc(f.rules(t, tenant).Openings, func(o practice.Opening) bool { return o.Practitioner == w.bea })
					if _, err := f.remove(t, tenant, f.rules(t, tenant).Openings[i], true); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := f.put(t, tenant, c.first(w), true); err != nil {
					t.Fatal(err)
				}
			}
			for i, v := range c.takes {
				v.who, v.where = w.bea, w.branch
				resource := w.room
				if c.of != nil {
					resource = c.of(w)
				}
				session := ""
				if len(v.takes) > 0 {
					session = v.takes[0].session
				}
				v.takes = []taken{{resource, 1 + i, session}}
				if session != "" {
					v.takes[0].unit = 1
				}
				f.visit(t, tenant, v)
			}
			before := f.stored(t, tenant)
			_, err := f.put(t, tenant, c.edit(w), true)
			if c.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			kind := "resources"
			if c.of != nil {
				kind = "windows"
			}
			refusedAs(t, err, c.want, kind, "capacity")
			if got := changed(before, f.stored(t, tenant)); got != nil {
				t.Errorf("%v have changed", got)
			}
		})
	}
}

func bea(w ward) id.Resource { return w.beaTime }

func TestWhatIsReferredToStays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	before := f.stored(t, tenant)
	for name, c := range map[string]struct {
		rule        practice.Rule
		kind, field string
	}{
		"a location with windows":          {practice.Location{ID: w.main}, "windows", "location"},
		"a location with a room":           {practice.Location{ID: w.main}, "resources", "location"},
		"somebody's time":                  {practice.Resource{ID: w.amalTime}, "practitioners", "resource"},
		"a room that is needed":            {practice.Resource{ID: w.room}, "services", "needs"},
		"somebody with services":           {practice.Practitioner{ID: w.amal}, "services", "practitioners"},
		"somebody with windows":            {practice.Practitioner{ID: w.amal}, "windows", "practitioner"},
		"a service of a chain":             {practice.HealthcareService{ID: w.checkup}, "chains", "steps"},
		"a service of a window":            {practice.HealthcareService{ID: w.acne}, "windows", "services"},
		"a service of a quota":             {practice.HealthcareService{ID: w.acne}, "quotas", "services"},
		"a window that a quota counts":     {practice.Opening{ID: w.morning}, "quotas", "windows"},
		"one of two rooms for two needs":   {practice.Resource{ID: w.room}, "services", "needs"},
		"the last one who offers services": {practice.Practitioner{ID: w.bea}, "services", "practitioners"},
	} {
		_, err := f.remove(t, tenant, c.rule, true)
		t.Run(name, func(t *testing.T) { refusedAs(t, err, practice.ErrInUse, c.kind, c.field) })
	}
	if got := changed(before, f.stored(t, tenant)); got != nil {
		t.Errorf("%v have changed", got)
	}
}

func TestWhatAppointmentsTakeStays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, c := range map[string]struct {
		day    int
		status string
		want   error
	}{
		"ahead":     {0, "booked", practice.ErrInUse},
		"cancelled": {0, "cancelled", nil},
		"over":      {-7, "fulfilled", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, tenant := f.ward(t)
			// A place, a person and a room to which no rule refers.
			place, person := practice.Location{ID: id.New[id.Location](), Name: "Zelt"}, practice.Practitioner{ID: id.New[id.Practitioner](), Name: "Cem"}
			room := practice.Resource{ID: id.New[id.Resource](), Kind: "room", Name: "Keller"}
			for _, rule := range []practice.Rule{place, person, room} {
				if _, err := f.put(t, tenant, rule, false); err != nil {
					t.Fatal(err)
				}
			}
			own, _ := f.rules(t, tenant).Practitioner(person.ID)
			v := visit{who: person.ID, where: place.ID, day: c.day, from: 600, until: 620, status: c.status}
			if c.status != "cancelled" { // or its time would be free
				v.takes = []taken{{resource: own.Resource, unit: 1}, {resource: room.ID, unit: 1}}
			}
			f.visit(t, tenant, v)
			before := f.stored(t, tenant)
			for _, rule := range []practice.Rule{place, person, room} {
				_, err := f.remove(t, tenant, rule, true)
				if !errors.Is(err, c.want) {
					t.Errorf("%T: got %v, want %v", rule, err, c.want)
				}
			}
			got := changed(before, f.stored(t, tenant))
			if c.want != nil && got != nil || slices.Contains(got, "appointment") {
				t.Errorf("%v have changed", got)
			}
		})
	}
}
