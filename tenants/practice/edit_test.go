package practice_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// ward is the surgery with one of every kind of rule.
type ward struct {
	surgery
	room, device id.Resource
	lab          id.Service
	morning      id.Window // Amal's, Mondays from eight to ten
	extra        id.Window // Amal's, Mondays from ten to eleven
	quota        id.Quota
	chain        id.Chain
	leave        id.Closure // of the device, far ahead
}

func newWard() ward {
	w := ward{surgery: newSurgery(), room: id.New[id.Resource](), device: id.New[id.Resource](), lab: id.New[id.Service](),
		morning: id.New[id.Window](), extra: id.New[id.Window](), quota: id.New[id.Quota](), chain: id.New[id.Chain](), leave: id.New[id.Closure]()}
	w.Openings[0].ID, w.Openings[1].ID = w.morning, w.extra
	w.Resources = append(w.Resources,
		practice.Resource{ID: w.room, Kind: "room", Name: "Labor", Capacity: 2, Location: w.main},
		practice.Resource{ID: w.device, Kind: "device", Name: "EKG"})
	w.Services = append(w.Services, practice.HealthcareService{ID: w.lab, Name: "Labor", Minutes: 10, StepMinutes: 10, HorizonDays: 30,
		Practitioners: []id.Practitioner{w.amal, w.bea}, Durations: map[id.Practitioner]int{w.bea: 20},
		Needs: []practice.Need{{Role: "Raum", Resources: []id.Resource{w.room}}, {Role: "Gerät", Resources: []id.Resource{w.device, w.room}}}})
	w.Legs = []practice.Leg{{A: w.branch, B: w.main, Minutes: 15}}
	w.Quotas = []practice.Quota{{ID: w.quota, Name: "Neue", Max: 3, Per: schedule.Week, Services: []id.Service{w.acne},
		Windows: []id.Window{w.morning}, Patients: schedule.NewPatients, ReleaseDays: ptr(2)}}
	w.Chains = []practice.Chain{{ID: w.chain, Name: "Labor und Vorsorge", Steps: []practice.ChainStep{
		{Service: w.lab}, {Service: w.checkup, LeastMinutes: 10, GreatestMinutes: 60, Optional: true}}}}
	closure := practice.Closure{ID: w.leave, Resource: w.device, Stretch: schedule.WholeDay(monday + 700), Reason: "Wartung"}
	w.Closures = []practice.Closure{closure}
	return w
}

func (f *fixture) ward(t testing.TB) (ward, id.Tenant) {
	t.Helper()
	w, tenant := newWard(), id.New[id.Tenant]()
	if err := f.Create(t.Context(), tenant, w.Setup); err != nil {
		t.Fatal(err)
	}
	return w, tenant
}

func ptr[T any](v T) *T { return &v }

func (f *fixture) rules(t testing.TB, tenant id.Tenant) *practice.Offer {
	t.Helper()
	o, err := f.Rules(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// put puts a rule over the rules as they are.
func (f *fixture) put(t testing.TB, tenant id.Tenant, rule practice.Rule, keep bool) (practice.Saved, error) {
	t.Helper()
	return f.Put(t.Context(), tenant, rule, practice.Edit{Version: f.rules(t, tenant).Version, Keep: keep})
}

func (f *fixture) remove(t testing.TB, tenant id.Tenant, rule practice.Rule, keep bool) (practice.Saved, error) {
	t.Helper()
	return f.Remove(t.Context(), tenant, rule, practice.Edit{Version: f.rules(t, tenant).Version, Keep: keep})
}

var ruleTables = []string{"practice", "location", "leg", "resource", "practitioner", "service", "service_practitioner",
	"service_need", "opening", "closure", "quota", "chain", "chain_step", "appointment", "occupation"}

// stored is a hash of each table's rows of a tenant; of the practice the
// version apart.
func (f *fixture) stored(t testing.TB, tenant id.Tenant) map[string]string {
	t.Helper()
	hashes := map[string]string{}
	err := f.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		for _, table := range ruleTables {
			var hash string
			if err := tx.NewRaw("select md5(coalesce(string_agg(r.text, chr(10) order by r.text), '')) from "+
				"(select (to_jsonb(x) - 'version')::text as text from ? as x) as r", bun.Ident(table)).Scan(ctx, &hash); err != nil {
				return err
			}
			hashes[table] = hash
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return hashes
}

// changed names the tables that differ.
func changed(before, after map[string]string) []string {
	var all []string
	for _, table := range ruleTables {
		if before[table] != after[table] {
			all = append(all, table)
		}
	}
	return all
}

func TestEveryKindOfRuleIsAddedChangedAndRemoved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for kind, c := range map[string]struct {
		add, change func(ward) practice.Rule
		tables      []string
	}{
		"a location": {
			func(ward) practice.Rule {
				return practice.Location{ID: id.New[id.Location](), Name: "Neu", Zone: "Asia/Tokyo", Land: "DE-BY", Municipality: schedule.Augsburg}
			},
			func(ward) practice.Rule { return practice.Location{Name: "Anders", Zone: "Europe/Berlin"} },
			[]string{"location"},
		},
		"a leg": {
			func(w ward) practice.Rule { return practice.Leg{A: w.main, B: w.branch, Minutes: 20} },
			func(w ward) practice.Rule { return practice.Leg{A: w.branch, B: w.main, Minutes: 25} },
			[]string{"leg"},
		},
		"a resource": {
			func(w ward) practice.Rule {
				return practice.Resource{ID: id.New[id.Resource](), Kind: "room", Name: "Neu", Capacity: 3, Location: w.main}
			},
			func(ward) practice.Rule { return practice.Resource{Kind: "device", Name: "Anders", Capacity: 1} },
			[]string{"resource"},
		},
		"a practitioner": {
			func(ward) practice.Rule {
				return practice.Practitioner{ID: id.New[id.Practitioner](), Name: "Cem", Role: "Arzt", Position: 9}
			},
			func(ward) practice.Rule { return practice.Practitioner{Name: "Dr. Cem"} },
			[]string{"resource", "practitioner"},
		},
		"a service": {
			func(w ward) practice.Rule {
				return practice.HealthcareService{ID: id.New[id.Service](), Name: "Neu", Minutes: 20, StepMinutes: 30, Seats: 4, HorizonDays: 5, Held: practice.InPerson,
					MinAge: ptr(3), MaxAge: ptr(8), ByStaff: true, CancelMinutes: 60, MoveMinutes: 120, SeriesCount: 6, SeriesEveryDays: 7, Referral: true, ReferralCode: true, PriceCents: ptr(0),
					Practitioners: []id.Practitioner{w.amal, w.bea}, Durations: map[id.Practitioner]int{w.bea: 25},
					Needs: []practice.Need{{Role: "Raum", Resources: []id.Resource{w.room}}}}
			},
			func(w ward) practice.Rule {
				return practice.HealthcareService{Name: "Anders", Minutes: 25, StepMinutes: 25, Seats: 1, Held: practice.InPerson, Practitioners: []id.Practitioner{w.bea},
					Needs: []practice.Need{{Role: "Gerät", Resources: []id.Resource{w.device, w.room}}, {Role: "Raum", Resources: []id.Resource{w.room}}}}
			},
			[]string{"service", "service_practitioner", "service_need"},
		},
		"a window": {
			func(w ward) practice.Rule {
				return practice.Opening{ID: id.New[id.Window](), Name: "Nacht", Practitioner: w.bea, Location: w.main, Weekdays: schedule.WeekdaysOf(2, 5),
					From: 22 * 60, Until: 26 * 60, ValidFrom: monday, ValidUntil: monday + 70, EveryWeeks: 2, Anchor: monday, Services: []id.Service{w.lab},
					Insurance: schedule.GKV, Patients: schedule.KnownPatients, OpenToAllDays: ptr(0), Audience: practice.StaffOnly, Capacity: 1,
					LeadMinutes: 30, HorizonDays: ptr(0), Release: schedule.Release{Set: true, Minute: 450},
					SchoolHolidays: practice.SchoolHolidays, Referral: true}
			},
			func(w ward) practice.Rule {
				return practice.Opening{Resource: w.device, Location: w.main, Weekdays: schedule.WeekdaysOf(7), From: 0, Until: 1440, EveryWeeks: 1,
					Audience: practice.Online, SchoolHolidays: practice.AnyDay}
			},
			[]string{"opening"},
		},
		"a closure": {
			func(w ward) practice.Rule {
				return practice.Closure{ID: id.New[id.Closure](), Practitioner: w.amal, Location: w.branch, Stretch: schedule.WholeDay(monday + 3),
					Reason: "a", PublicText: "b", Substitute: practice.Substitute{Name: "c", Address: "d", Phone: "e"}}
			},
			func(w ward) practice.Rule {
				return practice.Closure{Resource: w.room, Stretch: hours(8*60, 9*60)}
			},
			[]string{"closure"},
		},
		"a quota": {
			func(w ward) practice.Rule {
				return practice.Quota{ID: id.New[id.Quota](), Name: "Alle", Max: 7, Per: schedule.Month, Services: []id.Service{w.lab, w.acne},
					Windows: []id.Window{w.extra}, Practitioners: []id.Practitioner{w.amal}, Insurance: schedule.PKV | schedule.SEL,
					Patients: schedule.KnownPatients, ReleaseDays: ptr(0), ValidFrom: monday, ValidUntil: monday}
			},
			func(ward) practice.Rule { return practice.Quota{Name: "Keine", Per: schedule.Day} },
			[]string{"quota"},
		},
		"a chain": {
			func(w ward) practice.Rule {
				return practice.Chain{ID: id.New[id.Chain](), Name: "Kette", Description: "d", Position: 2, Steps: []practice.ChainStep{
					{Service: w.lab}, {Service: w.acne, GreatestMinutes: 5}, {Service: w.lab, LeastMinutes: 5, Optional: true}}}
			},
			func(w ward) practice.Rule {
				return practice.Chain{Name: "Kette", Steps: []practice.ChainStep{{Service: w.acne}, {Service: w.checkup}}}
			},
			[]string{"chain", "chain_step"},
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, tenant := f.ward(t)
			if kind == "a leg" { // there is but one pair of locations
				if _, err := f.remove(t, tenant, w.Legs[0], false); err != nil {
					t.Fatal(err)
				}
			}
			first, version := f.stored(t, tenant), f.rules(t, tenant).Version
			rule := c.add(w)
			saved, err := f.put(t, tenant, rule, false)
			if err != nil || saved.Version != version+1 || len(saved.Outside) > 0 {
				t.Fatalf("added: %+v, %v", saved, err)
			}
			added := f.stored(t, tenant)
			if got := changed(first, added); !slices.Equal(got, c.tables) {
				t.Errorf("adding has changed %v", got)
			}
			if got := f.rule(t, tenant, rule); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", expected(rule)) {
				t.Errorf("added\n%+v, read\n%+v", expected(rule), got)
			}
			if saved, err = f.put(t, tenant, withID(rule, c.change(w)), false); err != nil || saved.Version != version+2 {
				t.Fatalf("changed: %+v, %v", saved, err)
			}
			if after := f.stored(t, tenant); !slices.Contains(changed(added, after), c.tables[len(c.tables)-1]) {
				t.Errorf("changing has changed %v", changed(added, after))
			}
			if got, want := f.rule(t, tenant, rule), expected(withID(rule, c.change(w))); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				t.Errorf("changed to\n%+v, read\n%+v", want, got)
			}
			// Back to what it was: nothing of the change is left.
			if _, err = f.put(t, tenant, rule, false); err != nil {
				t.Fatal(err)
			}
			if got := changed(added, f.stored(t, tenant)); got != nil {
				t.Errorf("changed back, %v differ", got)
			}
			if saved, err = f.remove(t, tenant, rule, false); err != nil || saved.Version != version+4 {
				t.Fatalf("removed: %+v, %v", saved, err)
			}
			if got := changed(first, f.stored(t, tenant)); got != nil {
				t.Errorf("removed, %v differ", got)
			}
			if _, err = f.remove(t, tenant, rule, false); !errors.Is(err, practice.ErrUnknownRule) {
				t.Errorf("removed twice: %v", err)
			}
		})
	}
}

// withID returns a rule under the id of another.
func withID(of, rule practice.Rule) practice.Rule {
	switch x := rule.(type) {
	case practice.Location:
		x.ID = of.(practice.Location).ID
		return x
	case practice.Resource:
		x.ID = of.(practice.Resource).ID
		return x
	case practice.Practitioner:
		x.ID = of.(practice.Practitioner).ID
		return x
	case practice.HealthcareService:
		x.ID = of.(practice.HealthcareService).ID
		return x
	case practice.Opening:
		x.ID = of.(practice.Opening).ID
		return x
	case practice.Closure:
		x.ID = of.(practice.Closure).ID
		return x
	case practice.Quota:
		x.ID = of.(practice.Quota).ID
		return x
	case practice.Chain:
		x.ID = of.(practice.Chain).ID
		return x
	}
	return rule
}

// rule reads a rule back, in a form in which pointers do not matter.
func (f *fixture) rule(t testing.TB, tenant id.Tenant, like practice.Rule) practice.Rule {
	t.Helper()
	o := f.rules(t, tenant)
	var (
		rule  practice.Rule
		found bool
	)
	switch x := like.(type) {
	case practice.Location:
		rule, found = o.Location(x.ID)
	case practice.Leg:
		i := slices.IndexFunc(o.Legs, func(l practice.Leg) bool {
			return l.A == x.A && l.B == x.B || l.A == x.B && l.B == x.A
		})
		if found = i >= 0; found {
			rule = o.Legs[i]
		}
	case practice.Resource:
		rule, found = o.Resource(x.ID)
	case practice.Practitioner:
		var p practice.Practitioner
		p, found = o.Practitioner(x.ID)
		if _, ok := o.Resource(p.Resource); !ok {
			t.Errorf("%s has no resource", p.Name)
		}
		p.Resource = id.Resource{}
		rule = p
	case practice.HealthcareService:
		rule, found = o.Service(x.ID)
	case practice.Opening:
		rule, found = o.Opening(x.ID)
	case practice.Closure:
		i := slices.IndexFunc(o.Closures, func(c practice.Closure) bool { return c.ID == x.ID })
		if found = i >= 0; found {
			rule = o.Closures[i]
		}
	case practice.Quota:
		i := slices.IndexFunc(o.Quotas, func(q practice.Quota) bool { return q.ID == x.ID })
		if found = i >= 0; found {
			rule = o.Quotas[i]
		}
	case practice.Chain:
		rule, found = o.Chain(x.ID)
	}
	if !found {
		t.Fatalf("%T is not there", like)
	}
	return expected(rule)
}

// expected is a rule as it can be compared: numbers instead of pointers, people
// in an order.
func expected(rule practice.Rule) practice.Rule {
	flat := func(n **int) int {
		if *n == nil {
			return -1
		}
		v := **n
		*n = nil
		return v
	}
	switch x := rule.(type) {
	case practice.Leg:
		if x.A.UUID() > x.B.UUID() {
			x.A, x.B = x.B, x.A
		}
		return x
	case practice.HealthcareService:
		x.Description = fmt.Sprint(flat(&x.PriceCents), flat(&x.MinAge), flat(&x.MaxAge))
		x.Practitioners = slices.SortedFunc(slices.Values(x.Practitioners), func(a, b id.Practitioner) int {
			return strings.Compare(a.UUID(), b.UUID())
		})
		if len(x.Durations) == 0 {
			x.Durations = nil
		}
		return x
	case practice.Opening:
		x.Name += fmt.Sprint(flat(&x.OpenToAllDays), flat(&x.HorizonDays))
		return x
	case practice.Quota:
		x.Name += fmt.Sprint(flat(&x.ReleaseDays))
		return x
	}
	return rule
}

func TestThePracticeItselfIsChanged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tenant := f.ward(t)
	p := f.rules(t, tenant).Practice
	p.Name, p.Phone, p.Hours, p.Asks, p.Land, p.Municipality = "Anders", "030 1", "nie", practice.Asks{Note: "darum"}, "DE-BY", schedule.Catholic
	p.ClosedDays, p.BookingsPerContact, p.Channels = []schedule.Yearly{"12-24"}, ptr(3), []string{"sms"}
	if _, err := f.put(t, tenant, p, false); err != nil {
		t.Fatal(err)
	}
	got := f.rules(t, tenant).Practice
	if *got.BookingsPerContact != 3 {
		t.Errorf("%d bookings a contact", *got.BookingsPerContact)
	}
	got.BookingsPerContact, p.BookingsPerContact = nil, nil
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", p) {
		t.Errorf("got\n%+v, want\n%+v", got, p)
	}
	if _, err := f.remove(t, tenant, p, true); !errors.Is(err, practice.ErrUnknownRule) {
		t.Errorf("removed: %v", err)
	}
}

func TestAPractitionerKeepsTheirResource(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	if _, err := f.put(t, tenant, practice.Practitioner{ID: w.amal, Name: "Prof. Amal"}, false); err != nil {
		t.Fatal(err)
	}
	o := f.rules(t, tenant)
	p, _ := o.Practitioner(w.amal)
	if r, _ := o.Resource(p.Resource); p.Resource != w.amalTime || r.Name != "Prof. Amal" {
		t.Errorf("resource %v %q", p.Resource, r.Name)
	}
	free := practice.Resource{ID: id.New[id.Resource](), Kind: "room", Name: "frei"}
	if _, err := f.put(t, tenant, free, false); err != nil {
		t.Fatal(err)
	}
	_, err := f.put(t, tenant, practice.Practitioner{ID: w.amal, Name: "Amal", Resource: free.ID}, false)
	refusedAs(t, err, practice.ErrInvalidResource, "practitioners", "resource")
}

// refusedAs checks that a mistake of that kind and field is among those found.
func refusedAs(t *testing.T, err, want error, kind, field string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
		return
	}
	var mistakes practice.Mistakes
	errors.As(err, &mistakes)
	if !slices.ContainsFunc(mistakes, func(m practice.Mistake) bool { return m.Kind == kind && m.Field == field && errors.Is(m, want) }) {
		t.Errorf("%v: want it of %s, %s", err, kind, field)
	}
}

func TestEditsNeedTheCurrentVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	before := f.stored(t, tenant)
	for _, version := range []int64{0, 2, 99} {
		how := practice.Edit{Version: version, Keep: true}
		if _, err := f.Put(t.Context(), tenant, w.Legs[0], how); !errors.Is(err, practice.ErrRulesChanged) {
			t.Errorf("put over version %d: %v", version, err)
		}
		if _, err := f.Remove(t.Context(), tenant, w.Legs[0], how); !errors.Is(err, practice.ErrRulesChanged) {
			t.Errorf("removed over version %d: %v", version, err)
		}
	}
	if got := changed(before, f.stored(t, tenant)); got != nil {
		t.Errorf("%v have changed", got)
	}
	if _, err := f.Put(t.Context(), id.New[id.Tenant](), w.Legs[0], practice.Edit{Version: 1}); !errors.Is(err, practice.ErrUnknownPractice) {
		t.Errorf("a practice that there is not: %v", err)
	}
}

func TestOfEditsAtOnceOneIsSaved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	const crowd = 8
	var (
		all  sync.WaitGroup
		errs [crowd]error
	)
	for i := range crowd {
		all.Go(func() {
			leg := practice.Leg{A: w.main, B: w.branch, Minutes: 100 + i}
			_, errs[i] = f.Put(t.Context(), tenant, leg, practice.Edit{Version: 1})
		})
	}
	all.Wait()
	won := slices.IndexFunc(errs[:], func(err error) bool { return err == nil })
	for i, err := range errs {
		if i != won && !errors.Is(err, practice.ErrRulesChanged) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if o := f.rules(t, tenant); won < 0 || o.Version != 2 || o.Legs[0].Minutes != 100+won {
		t.Errorf("%d has won; version %d, %d minutes", won, o.Version, o.Legs[0].Minutes)
	}
}

func TestMistakesAreNamedAndNothingIsSaved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	before := f.stored(t, tenant)
	o := f.rules(t, tenant)
	location, _ := o.Location(w.main)
	room, _ := o.Resource(w.room)
	person, _ := o.Practitioner(w.amal)
	lab, _ := o.Service(w.lab)
	window, _ := o.Opening(w.morning)
	closure, quota, chain, profile := o.Closures[0], o.Quotas[0], o.Chains[0], o.Practice
	fine := map[string]practice.Rule{} // what looks alike and is no mistake
	ofDevice := practice.Opening{ID: id.New[id.Window](), Resource: w.device, Location: w.main, Weekdays: 1, From: 480, Until: 600, EveryWeeks: 1}

	for name, c := range map[string]struct {
		rule        practice.Rule
		want        error
		kind, field string
	}{
		"profile without a name":       {edited(profile, func(p *practice.Practice) { p.Name = "" }), practice.ErrMissingName, "practice", "name"},
		"profile of an odd zone":       {edited(profile, func(p *practice.Practice) { p.Zone = "Berlin" }), practice.ErrUnknownZone, "practice", "zone"},
		"no bookings for anybody":      {edited(profile, func(p *practice.Practice) { p.BookingsPerContact = ptr(0) }), practice.ErrInvalidLimit, "practice", "bookings_per_contact"},
		"mail twice":                   {edited(profile, func(p *practice.Practice) { p.Channels = []string{"mail", "mail"} }), practice.ErrInvalidChannels, "practice", "channels"},
		"closed on the 13th month":     {edited(profile, func(p *practice.Practice) { p.ClosedDays = []schedule.Yearly{"13-01"} }), schedule.ErrMalformedYearly, "practice", "closed_days"},
		"a Land of its own":            {edited(location, func(l *practice.Location) { l.Land = "DE-XX" }), schedule.ErrUnknownLand, "locations", "land"},
		"endless city":                 {edited(location, func(l *practice.Location) { l.City = strings.Repeat("ä", 121) }), practice.ErrInvalidText, "locations", "city"},
		"bell in the street":           {edited(location, func(l *practice.Location) { l.Street = "\a" }), practice.ErrInvalidText, "locations", "street"},
		"leg to where it begins":       {practice.Leg{A: w.main, B: w.main, Minutes: 1}, practice.ErrInvalidLeg, "legs", "b"},
		"leg to nowhere":               {practice.Leg{A: w.main, B: id.New[id.Location](), Minutes: 1}, practice.ErrUnknownReference, "legs", ""},
		"leg of no time":               {practice.Leg{A: w.main, B: w.branch}, practice.ErrInvalidLeg, "legs", "minutes"},
		"room nowhere":                 {edited(room, func(r *practice.Resource) { r.Location = id.New[id.Location]() }), practice.ErrUnknownReference, "resources", "location"},
		"room for a hundred and one":   {edited(room, func(r *practice.Resource) { r.Capacity = 101 }), practice.ErrInvalidResource, "resources", "capacity"},
		"a cat":                        {edited(room, func(r *practice.Resource) { r.Kind = "cat" }), practice.ErrInvalidResource, "resources", "kind"},
		"room too small for its role":  {edited(room, func(r *practice.Resource) { r.Kind = "practitioner" }), nil, "", ""},
		"nobody":                       {edited(person, func(p *practice.Practitioner) { p.Name = " " }), practice.ErrMissingName, "practitioners", "name"},
		"two of one time":              {practice.Practitioner{ID: id.New[id.Practitioner](), Name: "Cem", Resource: w.amalTime}, practice.ErrInvalidResource, "practitioners", "resource"},
		"ages the wrong way":           {edited(lab, func(x *practice.HealthcareService) { x.MinAge, x.MaxAge = ptr(9), ptr(8) }), practice.ErrInvalidAge, "services", "max_age"},
		"older than anybody":           {edited(lab, func(x *practice.HealthcareService) { x.MinAge = ptr(131) }), practice.ErrInvalidAge, "services", "min_age"},
		"too many seats":               {edited(lab, func(x *practice.HealthcareService) { x.Seats = 101 }), practice.ErrInvalidSeats, "services", "seats"},
		"sessions over each other":     {edited(lab, func(x *practice.HealthcareService) { x.Seats, x.StepMinutes = 8, 15 }), practice.ErrInvalidStep, "services", "step"},
		"deadline before the horizon":  {edited(lab, func(x *practice.HealthcareService) { x.CancelMinutes = 43201 }), practice.ErrInvalidDeadline, "services", "cancel_minutes"},
		"moving until last year":       {edited(lab, func(x *practice.HealthcareService) { x.MoveMinutes = -1 }), practice.ErrInvalidDeadline, "services", "move_minutes"},
		"a series without a rhythm":    {edited(lab, func(x *practice.HealthcareService) { x.SeriesCount = 6 }), practice.ErrInvalidSeries, "services", "series_every_days"},
		"a series of one":              {edited(lab, func(x *practice.HealthcareService) { x.SeriesCount, x.SeriesEveryDays = 1, 7 }), practice.ErrInvalidSeries, "services", "series_count"},
		"more than are booked at once": {edited(lab, func(x *practice.HealthcareService) { x.SeriesCount, x.SeriesEveryDays = 13, 7 }), practice.ErrInvalidSeries, "services", "series_count"},
		"video at nobody's":            {edited(profile, func(p *practice.Practice) { p.Video.Address = "https://video.example" }), practice.ErrInvalidVideo, "practice", "video_provider"},
		"video nowhere":                {edited(profile, func(p *practice.Practice) { p.Video.Provider = "Video GmbH" }), practice.ErrInvalidVideo, "practice", "video_address"},
		"held in the evening":          {edited(lab, func(x *practice.HealthcareService) { x.Held = "evening" }), practice.ErrInvalidHeld, "services", "held"},
		"by video at nobody's":         {edited(lab, func(x *practice.HealthcareService) { x.Held = practice.ByVideo }), practice.ErrNoVideo, "services", "held"},
		"a minute with Bea":            {edited(lab, func(x *practice.HealthcareService) { x.Durations = map[id.Practitioner]int{w.bea: 1} }), practice.ErrInvalidDuration, "services", "practitioners"},
		"duration of a stranger": {edited(lab, func(x *practice.HealthcareService) {
			x.Durations = map[id.Practitioner]int{id.New[id.Practitioner](): 10}
		}), practice.ErrUnknownReference, "services", "practitioners"},
		"need of nothing":     {edited(lab, func(x *practice.HealthcareService) { x.Needs = []practice.Need{{Role: "Raum"}} }), practice.ErrInvalidNeed, "services", "needs"},
		"need without a role": {edited(lab, func(x *practice.HealthcareService) { x.Needs = []practice.Need{{Resources: []id.Resource{w.room}}} }), practice.ErrMissingName, "services", "needs"},
		"need of what there is not": {edited(lab, func(x *practice.HealthcareService) {
			x.Needs = []practice.Need{{Role: "Raum", Resources: []id.Resource{id.New[id.Resource]()}}}
		}), practice.ErrUnknownReference, "services", "needs"},
		"two needs, one device": {edited(lab, func(x *practice.HealthcareService) {
			x.Needs = []practice.Need{{Role: "a", Resources: []id.Resource{w.device}}, {Role: "b", Resources: []id.Resource{w.device}}}
		}), practice.ErrInvalidNeed, "services", "needs"},
		"nobody helps themselves": {edited(lab, func(x *practice.HealthcareService) {
			x.Needs = []practice.Need{{Role: "Hilfe", Resources: []id.Resource{w.amalTime}}}
		}), practice.ErrInvalidNeed, "services", "needs"},
		"somebody else helps": {edited(lab, func(x *practice.HealthcareService) {
			x.Needs = []practice.Need{{Role: "Hilfe", Resources: []id.Resource{w.amalTime, w.beaTime}}}
		}), nil, "", ""},
		"window of two":             {edited(window, func(o *practice.Opening) { o.Resource = w.device }), practice.ErrInvalidOpening, "windows", "practitioner"},
		"window of nobody":          {edited(window, func(o *practice.Opening) { o.Practitioner = id.Practitioner{} }), practice.ErrInvalidOpening, "windows", "practitioner"},
		"window on no day":          {edited(window, func(o *practice.Opening) { o.Weekdays = 0 }), practice.ErrInvalidOpening, "windows", "weekdays"},
		"window from the 25th hour": {edited(window, func(o *practice.Opening) { o.From, o.Until = 1440, 1500 }), practice.ErrInvalidOpening, "windows", "from"},
		"window of more than a day": {edited(window, func(o *practice.Opening) { o.Until = o.From + 1441 }), practice.ErrInvalidOpening, "windows", "until"},
		"window that ends before":   {edited(window, func(o *practice.Opening) { o.Until = o.From }), practice.ErrInvalidOpening, "windows", "until"},
		"window over before it is":  {edited(window, func(o *practice.Opening) { o.ValidFrom, o.ValidUntil = monday+1, monday }), practice.ErrInvalidOpening, "windows", "valid_until"},
		"rhythm from nowhere":       {edited(window, func(o *practice.Opening) { o.EveryWeeks = 2 }), practice.ErrInvalidOpening, "windows", "anchor"},
		"every year but one":        {edited(window, func(o *practice.Opening) { o.EveryWeeks, o.Anchor = 53, monday }), practice.ErrInvalidOpening, "windows", "every_weeks"},
		"never a Monday":            {edited(window, func(o *practice.Opening) { o.ValidFrom, o.ValidUntil = monday+1, monday+6 }), practice.ErrNeverOffered, "windows", "weekdays"},
		"the other week": {edited(window, func(o *practice.Opening) {
			o.EveryWeeks, o.Anchor, o.ValidFrom, o.ValidUntil = 2, monday, monday+1, monday+8
		}), practice.ErrNeverOffered, "windows", "weekdays"},
		"for services of another": {edited(window, func(o *practice.Opening) { o.Practitioner, o.Services = w.bea, []id.Service{w.acne} }), practice.ErrNeverOffered, "windows", "services"},
		"known, for a new one's":  {edited(window, func(o *practice.Opening) { o.Services, o.Patients = []id.Service{w.acne}, schedule.KnownPatients }), practice.ErrNeverOffered, "windows", "patients"},
		"known, and later everybody": {edited(window, func(o *practice.Opening) {
			o.Services, o.Patients, o.OpenToAllDays = []id.Service{w.acne}, schedule.KnownPatients, ptr(3)
		}), nil, "", ""},
		"a service twice":            {edited(window, func(o *practice.Opening) { o.Services = []id.Service{w.lab, w.lab} }), practice.ErrDuplicateID, "windows", "services"},
		"a service of nobody":        {edited(window, func(o *practice.Opening) { o.Services = []id.Service{w.lab, id.New[id.Service]()} }), practice.ErrUnknownReference, "windows", "services"},
		"for the deaf":               {edited(window, func(o *practice.Opening) { o.Audience = "radio" }), practice.ErrInvalidOpening, "windows", "audience"},
		"sometimes in holidays":      {edited(window, func(o *practice.Opening) { o.SchoolHolidays = "some" }), practice.ErrInvalidOpening, "windows", "school_holidays"},
		"released at the 25th hour":  {edited(window, func(o *practice.Opening) { o.Release = schedule.Release{Set: true, Minute: 1440} }), practice.ErrInvalidOpening, "windows", "release"},
		"released a year ago":        {edited(window, func(o *practice.Opening) { o.Release = schedule.Release{Set: true, Days: 366} }), practice.ErrInvalidOpening, "windows", "release"},
		"less than no room":          {edited(window, func(o *practice.Opening) { o.Capacity = -1 }), practice.ErrInvalidOpening, "windows", "capacity"},
		"three years ahead":          {edited(window, func(o *practice.Opening) { o.HorizonDays = ptr(731) }), practice.ErrInvalidHorizon, "windows", "horizon_days"},
		"less than no lead":          {edited(window, func(o *practice.Opening) { o.LeadMinutes = -1 }), practice.ErrInvalidLead, "windows", "lead_minutes"},
		"the same window again":      {edited(window, func(o *practice.Opening) { o.ID, o.Name = id.New[id.Window](), "noch einmal" }), practice.ErrDuplicateOpening, "windows", "name"},
		"a device's window":          {ofDevice, nil, "", ""},
		"a device's, for staff":      {edited(ofDevice, func(o *practice.Opening) { o.Audience = practice.StaffOnly }), practice.ErrInvalidOpening, "windows", "audience"},
		"a device's, for a service":  {edited(ofDevice, func(o *practice.Opening) { o.Services = []id.Service{w.lab} }), practice.ErrInvalidOpening, "windows", "services"},
		"a device's, for the new":    {edited(ofDevice, func(o *practice.Opening) { o.Patients = schedule.NewPatients }), practice.ErrInvalidOpening, "windows", "patients"},
		"a device's, released":       {edited(ofDevice, func(o *practice.Opening) { o.Release = schedule.Release{Set: true} }), practice.ErrInvalidOpening, "windows", "capacity"},
		"a room's, elsewhere":        {edited(ofDevice, func(o *practice.Opening) { o.Resource, o.Location = w.room, w.branch }), practice.ErrInvalidOpening, "windows", "location"},
		"closure of a day without":   {edited(closure, func(c *practice.Closure) { c.From = 0 }), practice.ErrInvalidClosure, "closures", "from"},
		"closure that ends before":   {edited(closure, func(c *practice.Closure) { c.Until = c.From - 1 }), practice.ErrInvalidClosure, "closures", "until"},
		"closure of no time":         {edited(closure, func(c *practice.Closure) { c.FromMinute, c.UntilMinute = 600, 600 }), practice.ErrInvalidClosure, "closures", "until_time"},
		"closure of person and room": {edited(closure, func(c *practice.Closure) { c.Practitioner = w.amal }), practice.ErrInvalidClosure, "closures", "resource"},
		"closure of nothing":         {edited(closure, func(c *practice.Closure) { c.Resource = id.New[id.Resource]() }), practice.ErrUnknownReference, "closures", "resource"},
		"substitute without a name":  {edited(closure, func(c *practice.Closure) { c.Substitute.Phone = "1" }), practice.ErrInvalidClosure, "closures", "substitute"},
		"quota below none":           {edited(quota, func(q *practice.Quota) { q.Max = -1 }), practice.ErrInvalidQuota, "quotas", "max"},
		"quota a year":               {edited(quota, func(q *practice.Quota) { q.Per = 3 }), practice.ErrInvalidQuota, "quotas", "per"},
		"quota of no window":         {edited(quota, func(q *practice.Quota) { q.Windows = []id.Window{id.New[id.Window]()} }), practice.ErrUnknownReference, "quotas", "windows"},
		"quota over before it is":    {edited(quota, func(q *practice.Quota) { q.ValidFrom, q.ValidUntil = 2, 1 }), practice.ErrInvalidQuota, "quotas", "valid_until"},
		"quota released a year ago":  {edited(quota, func(q *practice.Quota) { q.ReleaseDays = ptr(366) }), practice.ErrInvalidQuota, "quotas", "release_days"},
		"chain of one":               {edited(chain, func(c *practice.Chain) { c.Steps = c.Steps[:1] }), practice.ErrInvalidChain, "chains", "steps"},
		"chain that may not begin": {edited(chain, func(c *practice.Chain) {
			c.Steps = []practice.ChainStep{{Service: w.lab, Optional: true}, {Service: w.acne}}
		}), practice.ErrInvalidChain, "chains", "steps"},
		"chain that waits too long": {edited(chain, func(c *practice.Chain) {
			c.Steps = []practice.ChainStep{{Service: w.lab}, {Service: w.acne, LeastMinutes: 20, GreatestMinutes: 10}}
		}), practice.ErrInvalidChain, "chains", "steps"},
		"chain of nothing": {edited(chain, func(c *practice.Chain) {
			c.Steps = []practice.ChainStep{{Service: w.lab}, {Service: id.New[id.Service]()}}
		}), practice.ErrUnknownReference, "chains", "steps"},
	} {
		if c.want == nil {
			fine[name] = c.rule
			continue
		}
		_, err := f.put(t, tenant, c.rule, true)
		if c.field == "" {
			if !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", name, err, c.want)
			}
			continue
		}
		t.Run(name, func(t *testing.T) { refusedAs(t, err, c.want, c.kind, c.field) })
	}
	if got := changed(before, f.stored(t, tenant)); got != nil {
		t.Errorf("%v have changed", got)
	}
	if version := f.rules(t, tenant).Version; version != 1 {
		t.Errorf("version %d", version)
	}
	for name, rule := range fine {
		if _, err := f.put(t, tenant, rule, true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func edited[T any](v T, edit func(*T)) T {
	edit(&v)
	return v
}
