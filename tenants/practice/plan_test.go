package practice_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// plant creates an edited surgery for a tenant of its own.
func (f *fixture) plant(t testing.TB, edit func(*surgery)) (surgery, id.Tenant) {
	t.Helper()
	s, tenant := newSurgery(), id.New[id.Tenant]()
	edit(&s)
	if err := f.Create(t.Context(), tenant, s.Setup); err != nil {
		t.Fatal(err)
	}
	return s, tenant
}

// exec runs a statement as the tenant.
func (f *fixture) exec(t testing.TB, tenant id.Tenant, sql string, args ...any) {
	t.Helper()
	err := f.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, sql, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// berlin is a wall time on the first Monday, or so many days later.
func berlin(days, minute int) time.Time {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return time.Date(2026, 11, 23+days, 0, minute, 0, 0, zone)
}

// times says a list as "23. 08:00".
func times(list practice.SlotList) []string {
	all := []string{}
	for _, x := range list.Slots {
		all = append(all, time.Unix(x.Starts, 0).In(berlin(0, 0).Location()).Format("02. 15:04"))
	}
	return all
}

func reasons(list practice.SlotList) []string {
	all := []string{}
	for _, d := range list.Closed {
		text := fmt.Sprintf("%s %s %s%s", d.Date, d.Reason, d.Name, d.Text)
		if d.Opens != 0 {
			text += time.Unix(d.Opens, 0).In(berlin(0, 0).Location()).Format("02. 15:04")
		}
		all = append(all, text)
	}
	return all
}

// appoint stores an appointment at a location, with a session if there is one.
func (f *fixture) appoint(t testing.TB, tenant id.Tenant, r id.Resource, l id.Location, from, until time.Time, session practice.Session, seat int) id.Appointment {
	t.Helper()
	a := id.New[id.Appointment]()
	f.exec(t, tenant, `
		insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id,
		                         starts, ends, cancel_until, secret_hash)
		values (?0, ?1, ?1, 'booked', 'online', ?1, ?2, ?3, ?4, ?5, ?4, sha256(?6::bytea))`, tenant, a, r, l, from, until, []byte(a.UUID()))
	if session == (practice.Session{}) {
		session = practice.Session([]byte(a.UUID())[:16])
	}
	f.exec(t, tenant, `
		insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id, session, seat)
		values (?, ?, 1, ?, ?, ?, ?::uuid, ?)`, tenant, r, from, until, a, fmt.Sprintf("%x", session[:]), seat)
	return a
}

// use uses up one of a quota on the first Monday.
func (f *fixture) use(t testing.TB, s surgery, tenant id.Tenant, q id.Quota, number int) {
	t.Helper()
	a := f.appoint(t, tenant, s.beaTime, s.branch, berlin(50+number, 0), berlin(50+number, 10), practice.Session{}, 1)
	f.exec(t, tenant, `insert into quota_use (tenant_id, quota_id, period, number, appointment_id) values (?, ?, '2026-11-23', ?, ?)`, tenant, q, number, a)
}

var (
	half  = []string{"23. 08:00", "23. 08:30", "23. 09:00", "23. 09:30"}
	later = []string{"23. 09:00", "23. 09:30"}
	none  = []string{}
)

// The checkup takes half an hour with Amal, who has time on Monday from eight to ten.
func TestRulesDecideWhatIsOffered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	quota, room := id.New[id.Quota](), id.New[id.Resource]()
	two := 2
	inRoom := func(s *surgery) {
		s.Resources = append(s.Resources, practice.Resource{ID: room, Kind: "room", Name: "Labor", Location: s.main})
		s.Services[0].Needs = []practice.Need{{Role: "Raum", Resources: []id.Resource{room}}}
	}
	calendar := func(days string) func(*testing.T, surgery, id.Tenant) {
		return func(t *testing.T, _ surgery, tenant id.Tenant) {
			c := id.New[id.Calendar]()
			f.exec(t, tenant, `insert into calendar (tenant_id, id, name, kind) values (?, ?, 'Ferien', 'school_holidays')`, tenant, c)
			f.exec(t, tenant, `insert into calendar_days (tenant_id, calendar_id, starts_on, ends_on) values (?, ?, ?, ?)`, tenant, c, days, days)
		}
	}
	for name, c := range map[string]struct {
		edit   func(*surgery)
		then   func(*testing.T, surgery, id.Tenant)
		query  practice.Query
		want   []string
		closed []string
	}{
		"nothing special": {want: half, closed: none},
		"every second week": {
			edit:  func(s *surgery) { s.Openings[0].EveryWeeks, s.Openings[0].Anchor = 2, monday+8 },
			query: practice.Query{From: monday, To: monday + 14},
			want:  []string{"30. 08:00", "30. 08:30", "30. 09:00", "30. 09:30"}, closed: none,
		},
		"a window for staff":    {edit: func(s *surgery) { s.Openings[0].Audience = practice.StaffOnly }, want: none, closed: none},
		"and staff asks":        {edit: func(s *surgery) { s.Openings[0].Audience = practice.StaffOnly }, query: practice.Query{Staff: true}, want: half, closed: none},
		"a consultation hour":   {edit: func(s *surgery) { s.Openings[0].Audience = practice.WalkIn }, want: none, closed: none},
		"released a minute ago": {edit: func(s *surgery) { s.Openings[0].Release = schedule.Release{Set: true, Days: 2, Minute: 599} }, want: half, closed: none},
		"released in a minute": {edit: func(s *surgery) { s.Openings[0].Release = schedule.Release{Set: true, Days: 2, Minute: 601} }, want: none,
			closed: []string{"2026-11-23 later 21. 10:01"}},
		"released later, but not for staff": {edit: func(s *surgery) { s.Openings[0].Release = schedule.Release{Set: true, Days: 2, Minute: 601} },
			query: practice.Query{Staff: true}, want: half, closed: none},
		"a lead of the window's": {edit: func(s *surgery) { s.Openings[0].LeadMinutes = 47 * 60 }, want: later, closed: none},
		"a horizon of the window's": {edit: func(s *surgery) { s.Openings[0].HorizonDays = new(int) }, want: none,
			closed: []string{"2026-11-23 later 23. 00:00"}},
		"longer with her": {edit: func(s *surgery) { s.Services[0].Durations = map[id.Practitioner]int{s.amal: 60} }, want: half[:3], closed: none},
		"over midnight": {
			edit: func(s *surgery) {
				s.Openings[0].Weekdays, s.Openings[0].From, s.Openings[0].Until = schedule.WeekdaysOf(7), 23*60, 25*60
			},
			query: practice.Query{From: monday - 1, To: monday + 1},
			want:  []string{"22. 23:00", "22. 23:30", "23. 00:00", "23. 00:30"}, closed: none,
		},
		"a quota used up": {
			edit: func(s *surgery) { s.Quotas = []practice.Quota{{ID: quota, Name: "zwei am Tag", Max: 2}} },
			then: func(t *testing.T, s surgery, tenant id.Tenant) {
				f.use(t, s, tenant, quota, 1)
				f.use(t, s, tenant, quota, 2)
			},
			want: none, closed: []string{"2026-11-23 quota "},
		},
		"a quota with something left": {
			edit: func(s *surgery) { s.Quotas = []practice.Quota{{ID: quota, Name: "zwei am Tag", Max: 2}} },
			then: func(t *testing.T, s surgery, tenant id.Tenant) { f.use(t, s, tenant, quota, 1) },
			want: half, closed: none,
		},
		"a quota used up but released": {
			edit: func(s *surgery) {
				s.Quotas = []practice.Quota{{ID: quota, Name: "einer am Tag", Max: 1, ReleaseDays: &two}}
			},
			then: func(t *testing.T, s surgery, tenant id.Tenant) { f.use(t, s, tenant, quota, 1) },
			want: half, closed: none,
		},
		"a quota of other services, windows and people": {
			edit: func(s *surgery) {
				s.Openings[1].ID = id.New[id.Window]()
				s.Quotas = []practice.Quota{
					{ID: id.New[id.Quota](), Name: "Akne", Services: []id.Service{s.acne}},
					{ID: id.New[id.Quota](), Name: "Spät", Windows: []id.Window{s.Openings[1].ID}},
					{ID: id.New[id.Quota](), Name: "Bea", Practitioners: []id.Practitioner{s.bea}},
				}
			},
			want: half, closed: none,
		},
		"a room that is taken": {
			edit: inRoom,
			then: func(t *testing.T, s surgery, tenant id.Tenant) {
				f.appoint(t, tenant, room, s.main, berlin(0, 8*60), berlin(0, 9*60), practice.Session{}, 1)
			},
			want: later, closed: none,
		},
		"a room that is taken all day": {
			edit: inRoom,
			then: func(t *testing.T, s surgery, tenant id.Tenant) {
				f.appoint(t, tenant, room, s.main, berlin(0, 8*60), berlin(0, 10*60), practice.Session{}, 1)
			},
			want: none, closed: []string{"2026-11-23 full "},
		},
		"a room with hours of its own": {
			edit: func(s *surgery) {
				inRoom(s)
				s.Openings = append(s.Openings, practice.Opening{Resource: room, Location: s.main, Weekdays: schedule.WeekdaysOf(1), From: 9 * 60, Until: 18 * 60})
			},
			want: later, closed: none,
		},
		"a room that is closed": {
			edit: func(s *surgery) {
				inRoom(s)
				s.Closures = []practice.Closure{{Resource: room, Stretch: hours(8*60, 9*60)}}
			},
			want: later, closed: none,
		},
		"a room where something else is closed": {
			edit: func(s *surgery) {
				inRoom(s)
				s.Closures = []practice.Closure{{Resource: s.beaTime, Stretch: hours(8*60, 9*60)}, {Location: s.branch, Stretch: hours(8*60, 9*60)}}
			},
			want: half, closed: none,
		},
		"a room at another location": {
			edit: func(s *surgery) { inRoom(s); s.Resources[2].Location = s.branch }, want: none, closed: []string{"2026-11-23 full "},
		},
		"a helper who is away": {
			edit: func(s *surgery) {
				s.Services[0].Needs = []practice.Need{{Role: "Assistenz", Resources: []id.Resource{s.beaTime, s.amalTime}}}
				s.Closures = []practice.Closure{{Practitioner: s.bea, Stretch: hours(8*60, 9*60)}}
			},
			want: later, closed: none,
		},
		"her time is closed": {
			edit: func(s *surgery) {
				s.Closures = []practice.Closure{{Resource: s.amalTime, Stretch: hours(8*60, 9*60)}}
			},
			want: later, closed: none,
		},
		"a way from the branch": {
			edit: func(s *surgery) { s.Legs = []practice.Leg{{A: s.main, B: s.branch, Minutes: 20}} },
			then: func(t *testing.T, s surgery, tenant id.Tenant) {
				f.appoint(t, tenant, s.amalTime, s.branch, berlin(0, 8*60), berlin(0, 8*60+30), practice.Session{}, 1)
			},
			want: later, closed: none,
		},
		"no way from here": {
			edit: func(s *surgery) { s.Legs = []practice.Leg{{A: s.main, B: s.branch, Minutes: 20}} },
			then: func(t *testing.T, s surgery, tenant id.Tenant) {
				f.appoint(t, tenant, s.amalTime, s.main, berlin(0, 8*60), berlin(0, 8*60+30), practice.Session{}, 1)
			},
			want: half[1:], closed: none,
		},
		"not in school holidays":           {edit: func(s *surgery) { s.Openings[0].SchoolHolidays = practice.OutsideHolidays }, then: calendar("2026-11-23"), want: none, closed: none},
		"not in holidays, which are over":  {edit: func(s *surgery) { s.Openings[0].SchoolHolidays = practice.OutsideHolidays }, then: calendar("2026-11-22"), want: half, closed: none},
		"only in school holidays":          {edit: func(s *surgery) { s.Openings[0].SchoolHolidays = practice.SchoolHolidays }, then: calendar("2026-11-23"), want: half, closed: none},
		"only in holidays, and it is none": {edit: func(s *surgery) { s.Openings[0].SchoolHolidays = practice.SchoolHolidays }, then: calendar("2026-11-24"), want: none, closed: none},
		"an imported calendar": {
			then: func(t *testing.T, s surgery, tenant id.Tenant) {
				c := id.New[id.Calendar]()
				f.exec(t, tenant, `insert into calendar (tenant_id, id, name, kind, resource_id) values (?, ?, 'Klinik', 'busy', ?)`, tenant, c, s.amalTime)
				f.exec(t, tenant, `insert into imported_busy (tenant_id, calendar_id, resource_id, starts, ends) values (?, ?, ?, ?, ?)`,
					tenant, c, s.amalTime, berlin(0, 7*60), berlin(0, 8*60+40))
			},
			want: later, closed: none,
		},
		"seats in a session": {
			edit: func(s *surgery) { s.Services[0].Seats = 2 },
			then: func(t *testing.T, s surgery, tenant id.Tenant) {
				full, other := session(s.checkup, s.amal, berlin(0, 8*60).Unix()), session(s.acne, s.amal, berlin(0, 8*60+30).Unix())
				open := session(s.checkup, s.amal, berlin(0, 9*60).Unix())
				f.appoint(t, tenant, s.amalTime, s.main, berlin(0, 8*60), berlin(0, 8*60+30), full, 1)
				f.appoint(t, tenant, s.amalTime, s.main, berlin(0, 8*60), berlin(0, 8*60+30), full, 2)
				f.appoint(t, tenant, s.amalTime, s.main, berlin(0, 8*60+30), berlin(0, 9*60), other, 1)
				f.appoint(t, tenant, s.amalTime, s.main, berlin(0, 9*60), berlin(0, 9*60+30), open, 2)
			},
			want: later, closed: none,
		},
		"a session that fills one of two units": {
			edit: func(s *surgery) { s.Resources[0].Capacity = 2 },
			then: func(t *testing.T, s surgery, tenant id.Tenant) {
				group := session(s.acne, s.amal, berlin(0, 8*60).Unix())
				for seat := range 5 {
					f.appoint(t, tenant, s.amalTime, s.main, berlin(0, 8*60), berlin(0, 9*60), group, seat+1)
				}
			},
			want: half, closed: none,
		},
		"one at once in the window": {
			edit: func(s *surgery) { s.Resources[0].Capacity, s.Openings[0].Capacity = 2, 1 },
			then: func(t *testing.T, s surgery, tenant id.Tenant) {
				f.appoint(t, tenant, s.amalTime, s.main, berlin(0, 8*60), berlin(0, 9*60), practice.Session{}, 1)
			},
			want: later, closed: none,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.edit == nil {
				c.edit = func(*surgery) {}
			}
			// One test's room is not another's.
			s, tenant := f.plant(t, c.edit)
			if c.then != nil {
				c.then(t, s, tenant)
			}
			c.query.Service, c.query.Session = s.checkup, session
			list := f.ask(t, tenant, c.query)
			if got := times(list); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if got := reasons(list); !slices.Equal(got, c.closed) {
				t.Errorf("closed: got %q, want %q", got, c.closed)
			}
		})
	}
}

// session names a group in tests.
func session(service id.Service, practitioner id.Practitioner, starts int64) (s practice.Session) {
	a, b := service.Bytes(), practitioner.Bytes()
	for i := range s {
		s[i] = a[i] ^ b[15-i] ^ byte(starts>>(i%8*8))
	}
	return s
}

func TestConditionsSayForWhomASlotIs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	quota := id.New[id.Quota]()
	two, eighteen := 2, 18
	for name, c := range map[string]struct {
		edit func(*surgery)
		used bool
		want []string
	}{
		"all":            {func(*surgery) {}, false, []string{" all"}},
		"of the service": {func(s *surgery) { s.Services[0].Insurance = schedule.PKV }, false, []string{"PKV all"}},
		"of the window":  {func(s *surgery) { s.Openings[0].Patients = schedule.KnownPatients }, false, []string{" known"}},
		"of both":        {func(s *surgery) { s.Services[0].Insurance, s.Openings[0].Patients = schedule.PKV, schedule.NewPatients }, false, []string{"PKV new"}},
		"of the window, open to all": {func(s *surgery) {
			s.Openings[0].Insurance, s.Openings[0].OpenToAllDays = schedule.SEL, &two
		}, false, []string{" all"}},
		"of the service, whatever the window": {func(s *surgery) {
			s.Services[0].Insurance = schedule.GKV | schedule.PKV
			s.Openings[0].Insurance, s.Openings[0].OpenToAllDays = schedule.SEL, &two
		}, false, []string{"GKV+PKV all"}},
		"a quota for some": {func(s *surgery) {
			s.Quotas = []practice.Quota{{ID: quota, Name: "Privat", Max: 1, Insurance: schedule.PKV}}
		}, false, []string{"GKV+BEI+BG+SEL+SOZ all | PKV all quota"}},
		"a quota for some, used up": {func(s *surgery) {
			s.Quotas = []practice.Quota{{ID: quota, Name: "Privat", Max: 1, Insurance: schedule.PKV}}
		}, true, []string{"GKV+BEI+BG+SEL+SOZ all"}},
		"age, referral and price": {func(s *surgery) {
			s.Services[0].MinAge, s.Services[0].Referral = &eighteen, true
		}, false, []string{" all from 18 referral 4800"}},
		"referral of a window": {func(s *surgery) { s.Openings[0].Referral = true }, false, []string{" all referral"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, tenant := f.plant(t, c.edit)
			if c.used {
				f.use(t, s, tenant, quota, 1)
			}
			list := f.ask(t, tenant, practice.Query{Service: s.checkup})
			got := []string{}
			for _, x := range list.Conditions {
				text := ""
				for i, a := range x.Alternatives {
					if i > 0 {
						text += " | "
					}
					text += whom(practice.Condition{Alternatives: []practice.Alternative{a}})
					if slices.Equal(a.Quotas, []id.Quota{quota}) {
						text += " quota"
					}
				}
				if x.MinAge != nil {
					text += fmt.Sprintf(" from %d", *x.MinAge)
				}
				if x.Referral {
					text += " referral"
				}
				if x.MinAge != nil && x.PriceCents != nil {
					text += fmt.Sprintf(" %d", *x.PriceCents)
				}
				got = append(got, text)
			}
			slices.Sort(got)
			if len(list.Slots) != 4 || !slices.Equal(got, c.want) {
				t.Errorf("%d slots; got %q, want %q", len(list.Slots), got, c.want)
			}
		})
	}
}

func TestConsultationHoursAreShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.plant(t, func(s *surgery) {
		s.Openings[0].Audience, s.Openings[0].Name = practice.WalkIn, "Offene Sprechstunde"
		s.Openings = append(s.Openings, practice.Opening{Practitioner: s.bea, Location: s.branch, Weekdays: schedule.WeekdaysOf(1),
			From: 7 * 60, Until: 8 * 60, Audience: practice.WalkIn, Name: "Blutabnahme"})
		s.Closures = []practice.Closure{{Location: s.main, Stretch: hours(9*60, 9*60+30)}}
	})
	said := func(q practice.Query) []string {
		list := f.ask(t, tenant, q)
		all := []string{}
		for _, w := range list.WalkIn {
			who := map[id.Practitioner]string{s.amal: "amal", s.bea: "bea"}[list.Practitioners[w.Practitioner]]
			zone := berlin(0, 0).Location()
			all = append(all, fmt.Sprintf("%s-%s %s %s %s", time.Unix(w.Starts, 0).In(zone).Format("15:04"), time.Unix(w.Ends, 0).In(zone).Format("15:04"),
				who, map[id.Location]string{s.main: "main", s.branch: "branch"}[list.Locations[w.Location]], w.Name))
		}
		return all
	}
	want := []string{
		"07:00-08:00 bea branch Blutabnahme",
		"08:00-09:00 amal main Offene Sprechstunde", "09:30-10:00 amal main Offene Sprechstunde",
	}
	if got := said(practice.Query{Service: s.vaccination}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := said(practice.Query{Service: s.vaccination, Practitioner: s.bea}); !slices.Equal(got, want[:1]) {
		t.Errorf("Bea: got %q", got)
	}
	f.clock.pass(berlin(0, 9*60).Sub(saturday))
	if got := said(practice.Query{Service: s.vaccination}); !slices.Equal(got, want[2:]) {
		t.Errorf("at nine: got %q", got)
	}
}

func TestHolidaysAreThoseOfTheLocation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.plant(t, func(s *surgery) {
		s.Practice.Land, s.Locations[0].Land = "DE-BE", "DE-BY" // the branch
		for i := range s.Openings {
			s.Openings[i].Weekdays = schedule.WeekdaysOf(3)
		}
	})
	epiphany := schedule.NewDate(2027, 1, 6)
	q := practice.Query{Service: s.vaccination, From: epiphany, To: epiphany + 1}
	if got := f.ask(t, tenant, q); len(got.Slots) == 0 || slices.ContainsFunc(got.Slots, func(x practice.Slot) bool { return got.Locations[x.Location] == s.branch }) {
		t.Errorf("got %q", lines(s, got))
	}
	q.Practitioner = s.bea
	if got := f.ask(t, tenant, q); len(got.Slots) != 0 || !slices.Equal(reasons(got), []string{"2027-01-06 holiday Heilige Drei Könige"}) {
		t.Errorf("got %q, %q", lines(s, got), reasons(got))
	}
}

func TestPlansAreBuiltOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	offer, err := f.Offer(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	plans := make(chan *practice.Plan)
	for range 8 {
		go func() {
			plan, err := offer.Plan(s.vaccination, s.bea)
			if err != nil {
				t.Error(err)
			}
			plans <- plan
		}()
	}
	first := <-plans
	for range 7 {
		if plan := <-plans; plan != first {
			t.Error("two plans of the same service and practitioner")
		}
	}
}

func TestRevealsNameWhatIsRestricted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tenant := f.plant(t, func(s *surgery) {
		s.Openings[1].Name = "Privatsprechstunde"
		s.Openings = append(s.Openings, practice.Opening{Practitioner: s.amal, Location: s.main, Weekdays: 1, From: 660, Until: 720,
			Insurance: schedule.PKV, Audience: practice.StaffOnly, Name: "nur für uns"})
		s.Quotas = []practice.Quota{{ID: id.New[id.Quota](), Name: "Neue", Max: 1, Patients: schedule.NewPatients}, {ID: id.New[id.Quota](), Name: "Alle", Max: 9}}
	})
	offer, err := f.Offer(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	want := []practice.Reveal{
		{Kind: "insurance", Where: "window", Name: "Privatsprechstunde"}, {Kind: "patients", Where: "window", Name: "Privatsprechstunde"},
		{Kind: "service", Where: "window", Name: "Privatsprechstunde"}, {Kind: "patients", Where: "quota", Name: "Neue"},
	}
	if got := offer.Reveals(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
