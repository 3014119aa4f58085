package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// kindOfRule is what the fuzzer does with rules of one kind.
type kindOfRule struct {
	read func(raw []byte) (practice.Rule, error) // as a request is read, the schema apart
	say  func(practice.Rule) any
	fits func(v any) bool // the schema
}

func kindOf[V ruleValue, R practice.Rule](say func(R) V) kindOfRule {
	registry := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
	schema := registry.Schema(reflect.TypeFor[V](), true, "")
	return kindOfRule{
		read: func(raw []byte) (practice.Rule, error) {
			var v V
			if err := json.Unmarshal(raw, &v); err != nil {
				return nil, err
			}
			_ = v.ref()
			return v.rule(), nil
		},
		say: func(r practice.Rule) any { return say(r.(R)) },
		fits: func(v any) bool {
			var result huma.ValidateResult
			huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, v, &result)
			return len(result.Errors) == 0
		},
	}
}

func kindsOfRules() map[string]kindOfRule {
	return map[string]kindOfRule{
		"practice":      kindOf(sayPractice),
		"locations":     kindOf(sayLocation),
		"legs":          kindOf(sayLeg),
		"resources":     kindOf(sayResource),
		"practitioners": kindOf(sayPractitioner),
		"services":      kindOf(sayService),
		"windows":       kindOf(sayWindow),
		"closures":      kindOf(sayClosure),
		"quotas":        kindOf(sayQuota),
		"chains":        kindOf(sayChain),
	}
}

// whole is a practice with a rule of each kind; their ids never change, so that
// what the fuzzer has kept goes on referring to them.
func whole() practice.Setup {
	const uuid = "0197c3a0-0000-7000-8000-00000000000"
	must := func(err error) {
		if err != nil {
			panic(err) // the ids are well-formed
		}
	}
	var (
		here, there     id.Location
		room, own       id.Resource
		who             id.Practitioner
		checkup, lab    id.Service
		morning         id.Window
		holidays        id.Closure
		fresh           id.Quota
		both            id.Chain
		two, year, days = 2, 120, 3
	)
	for prefix, v := range map[string]interface{ UnmarshalText([]byte) error }{
		"loc_" + uuid + "1": &here, "loc_" + uuid + "2": &there, "res_" + uuid + "3": &room, "res_" + uuid + "4": &own,
		"prc_" + uuid + "5": &who, "svc_" + uuid + "6": &checkup, "svc_" + uuid + "7": &lab, "win_" + uuid + "8": &morning,
		"cls_" + uuid + "9": &holidays, "quo_" + uuid + "a": &fresh, "chn_" + uuid + "b": &both,
	} {
		must(v.UnmarshalText([]byte(prefix)))
	}
	return practice.Setup{
		Practice: practice.Practice{Name: "Praxis", Zone: "Europe/Berlin", Accent: "#0f5e66", Channels: []string{"mail", "sms"},
			Asks: practice.Asks{Note: "für den Arzt"}, Land: "DE-BY", Municipality: "augsburg", ClosedDays: []schedule.Yearly{"12-24", "rosenmontag"}, BookingsPerContact: &two,
			Video: practice.Video{Provider: "Video GmbH", Address: "https://video.example/{room}"}},
		Locations: []practice.Location{{ID: here, Name: "Hier", Street: "Musterstraße 1", Zone: "Europe/Berlin"},
			{ID: there, Name: "Dort", Zone: "Europe/Vienna", Land: "DE-TH", Municipality: "catholic", Position: 1}},
		Legs: []practice.Leg{{A: here, B: there, Minutes: 20}},
		Resources: []practice.Resource{{ID: room, Kind: "room", Name: "Labor", Capacity: 2, Location: here},
			{ID: own, Kind: "practitioner", Name: "Dr. Muster", Capacity: 1}},
		Practitioners: []practice.Practitioner{{ID: who, Resource: own, Name: "Dr. Muster", Role: "Hausarzt"}},
		Services: []practice.HealthcareService{
			{ID: checkup, Name: "Vorsorge", Minutes: 30, BufferBefore: 5, BufferAfter: 10, StepMinutes: 15, LeadMinutes: 60, HorizonDays: 90, PriceCents: &year,
				Insurance: schedule.Insurances(0b11), Patients: schedule.NewPatients, MinAge: &two, MaxAge: &year, Referral: true, ReferralCode: true, Seats: 1, ByStaff: true, Held: practice.Either,
				CancelMinutes: 1440, MoveMinutes: 1440, Practitioners: []id.Practitioner{who}, Durations: map[id.Practitioner]int{who: 40},
				Needs: []practice.Need{{Role: "Raum", Resources: []id.Resource{room}}}},
			{ID: lab, Name: "Labor", Minutes: 10, StepMinutes: 10, HorizonDays: 30, Seats: 4, Held: practice.InPerson, SeriesCount: 6, SeriesEveryDays: 7, Practitioners: []id.Practitioner{who}},
		},
		Openings: []practice.Opening{{ID: morning, Name: "Onlinetermine", Practitioner: who, Location: here, Weekdays: schedule.WeekdaysOf(1, 3), From: 480, Until: 750,
			ValidFrom: schedule.NewDate(2026, 1, 1), ValidUntil: schedule.NewDate(2027, 1, 1), EveryWeeks: 2, Anchor: schedule.NewDate(2026, 1, 5),
			Services: []id.Service{checkup}, OpenToAllDays: &days, Audience: practice.Online, Capacity: 1, LeadMinutes: 30, HorizonDays: &days,
			Release: schedule.Release{Set: true, Days: 1, Minute: 450}, SchoolHolidays: practice.OutsideHolidays}},
		Closures: []practice.Closure{{ID: holidays, Practitioner: who, Stretch: schedule.WholeDay(schedule.NewDate(2026, 12, 28)), Reason: "Urlaub", PublicText: "Urlaub",
			Substitute: practice.Substitute{Name: "Dr. Ersatz", Address: "Ring 2", Phone: "030 1"}}},
		Quotas: []practice.Quota{{ID: fresh, Name: "Neue", Max: 3, Per: schedule.Week, Services: []id.Service{checkup}, Windows: []id.Window{morning},
			Patients: schedule.NewPatients, ReleaseDays: &days}},
		Chains: []practice.Chain{{ID: both, Name: "Labor und Vorsorge", Steps: []practice.ChainStep{{Service: lab}, {Service: checkup, LeastMinutes: 10, GreatestMinutes: 60, Optional: true}}}},
	}
}

// put adds a rule, or puts it in the place of the one with its id.
func put[R ruleValue, T practice.Rule](all []T, r T, say func(T) R) []T {
	all = slices.Clone(all)
	for i := range all {
		if say(all[i]).ref() == say(r).ref() {
			all[i] = r
			return all
		}
	}
	return append(all, r)
}

// with puts a rule into a practice.
func with(s practice.Setup, rule practice.Rule) practice.Setup {
	switch r := rule.(type) {
	case practice.Practice:
		s.Practice = r
	case practice.Location:
		s.Locations = put(s.Locations, r, sayLocation)
	case practice.Leg:
		s.Legs = put(s.Legs, r, sayLeg)
	case practice.Resource:
		s.Resources = put(s.Resources, r, sayResource)
	case practice.Practitioner:
		s.Practitioners = put(s.Practitioners, r, sayPractitioner)
	case practice.HealthcareService:
		s.Services = put(s.Services, r, sayService)
	case practice.Opening:
		s.Openings = put(s.Openings, r, sayWindow)
	case practice.Closure:
		s.Closures = put(s.Closures, r, sayClosure)
	case practice.Quota:
		s.Quotas = put(s.Quotas, r, sayQuota)
	case practice.Chain:
		s.Chains = put(s.Chains, r, sayChain)
	}
	return s
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%+v: %v", v, err)
	}
	return raw
}

// FuzzRulesJSON reads rules as a request is read: whatever is sent, nothing
// panics; what makes sense says the same when it is written and read again,
// and is written as the schema wants it.
func FuzzRulesJSON(f *testing.F) {
	kinds := kindsOfRules()
	s := whole()
	if err := s.Check(); err != nil {
		f.Fatalf("the practice that the fuzzer begins with makes no sense: %v", err)
	}
	seed := func(kind string, rules ...practice.Rule) {
		for _, r := range rules {
			raw := encode(f, kinds[kind].say(r))
			var v any
			read, err := kinds[kind].read(raw)
			if err != nil || json.Unmarshal(raw, &v) != nil || !kinds[kind].fits(v) || with(s, read).Check() != nil {
				f.Fatalf("%s\nis refused before the fuzzer sees it: %v, %v", raw, err, with(s, read).Check())
			}
			f.Add(kind, raw)
		}
	}
	seed("practice", s.Practice)
	seed("locations", s.Locations[0], s.Locations[1])
	seed("legs", s.Legs[0])
	seed("resources", s.Resources[0])
	seed("practitioners", s.Practitioners[0])
	seed("services", s.Services[0], s.Services[1])
	seed("windows", s.Openings[0])
	seed("closures", s.Closures[0])
	seed("quotas", s.Quotas[0])
	seed("chains", s.Chains[0])
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		kind, known := kinds[name]
		if !known {
			return
		}
		var anything any
		if json.Unmarshal(raw, &anything) != nil || !kind.fits(anything) {
			return
		}
		rule, err := kind.read(raw)
		if err != nil {
			return
		}
		if with(whole(), rule).Check() != nil {
			return
		}
		said := encode(t, kind.say(rule))
		again, err := kind.read(said)
		if err != nil {
			t.Fatalf("%s\nis not read again: %v", said, err)
		}
		if twice := encode(t, kind.say(again)); !bytes.Equal(said, twice) {
			t.Fatalf("%s\nbecomes\n%s", said, twice)
		}
		if err := with(whole(), again).Check(); err != nil {
			t.Fatalf("%s\nno longer makes sense: %v", said, err)
		}
		anything = nil
		if err := json.Unmarshal(said, &anything); err != nil || !kind.fits(anything) {
			t.Fatalf("%s\ndoes not fit the schema, as read from\n%s", said, raw)
		}
	})
}
