package schedule_test

import (
	"slices"
	"testing"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// with is a step's plan: half-hour slots of a practitioner, from a time of
// Monday to another.
func with(who id.Practitioner, from, until int, edit ...func(*schedule.Plan)) schedule.Plan {
	p := plan(open(from, until))
	p.Practitioner = who
	for _, e := range edit {
		e(p)
	}
	return *p
}

func step(least, greatest int, plans ...schedule.Plan) schedule.Step {
	return schedule.Step{Plans: plans, Loads: make([]schedule.Load, len(plans)), Least: minutes(least), Greatest: minutes(greatest)}
}

// told returns each itinerary's starts, and the practitioners' numbers.
func told(all []schedule.Itinerary) (texts [][]string) {
	for _, way := range all {
		var slots []schedule.Slot
		for _, s := range way {
			slots = append(slots, s.Slot)
		}
		texts = append(texts, ofDay(slots))
	}
	return texts
}

func TestItineraries(t *testing.T) {
	t.Parallel()
	a, b := id.New[id.Practitioner](), id.New[id.Practitioner]()
	here, there := id.New[id.Location](), id.New[id.Location]()
	at := func(l id.Location) func(*schedule.Plan) {
		return func(p *schedule.Plan) {
			p.Openings[0].Location = l
			p.Legs = []schedule.Leg{{A: here, B: there, Takes: minutes(45)}}
		}
	}
	after := func(p *schedule.Plan) { p.Service.BufferAfter = minutes(10) }
	room := schedule.Supply{Resource: id.New[id.Resource](), Capacity: 1}
	inRoom := func(p *schedule.Plan) {
		p.Supplies, p.Needs = []schedule.Supply{room}, []schedule.Need{{Supplies: []int{0}}}
		p.Service.BufferAfter = minutes(10)
	}
	only := func(i schedule.Insurances) func(*schedule.Plan) {
		return func(p *schedule.Plan) { p.Openings[0].For = schedule.GroupOf(i, 0) }
	}
	optional := func(s schedule.Step) schedule.Step {
		s.Optional = true
		return s
	}
	for name, c := range map[string]struct {
		steps []schedule.Step
		want  [][]string
	}{
		"one after the other":                {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(9, 0))), step(0, 0, with(b, hm(8, 0), hm(9, 30)))}, [][]string{{"08:00", "08:30"}, {"08:30", "09:00"}}},
		"with time between":                  {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30))), step(40, 0, with(b, hm(8, 0), hm(12, 0)))}, [][]string{{"08:00", "09:30"}}},
		"with too much between":              {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30))), step(0, 60, with(b, hm(10, 0), hm(12, 0)))}, nil},
		"the first way to the end":           {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30))), step(0, 0, with(b, hm(8, 30), hm(12, 0))), step(0, 30, with(a, hm(10, 0), hm(12, 0)))}, [][]string{{"08:00", "09:00", "10:00"}}},
		"buffers of one and the same":        {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30), after)), step(0, 0, with(a, hm(8, 30), hm(10, 0)))}, [][]string{{"08:00", "09:00"}}},
		"buffers of two":                     {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30), after)), step(0, 0, with(b, hm(8, 30), hm(10, 0)))}, [][]string{{"08:00", "08:30"}}},
		"one room for two":                   {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30), inRoom)), step(0, 0, with(b, hm(8, 30), hm(10, 0), inRoom))}, [][]string{{"08:00", "09:00"}}},
		"the patient has to get there":       {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30), at(here))), step(0, 0, with(b, hm(8, 30), hm(10, 0), at(there)))}, [][]string{{"08:00", "09:30"}}},
		"an optional step that fits":         {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30))), optional(step(0, 0, with(b, hm(9, 0), hm(9, 30)))), step(0, 0, with(a, hm(8, 30), hm(12, 0)))}, [][]string{{"08:00", "09:00", "09:30"}}},
		"an optional step that fits nowhere": {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30))), optional(step(0, 0, with(b, hm(7, 0), hm(8, 0)))), step(0, 0, with(a, hm(8, 30), hm(12, 0)))}, [][]string{{"08:00", "08:30"}}},
		"an optional first step":             {[]schedule.Step{optional(step(0, 0)), step(0, 0, with(a, hm(8, 0), hm(8, 30)))}, [][]string{{"08:00"}}},
		"nobody can have both":               {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30), only(schedule.GKV))), step(0, 0, with(b, hm(8, 30), hm(9, 0), only(schedule.PKV)))}, nil},
		"a way for each":                     {[]schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30))), step(0, 0, with(b, hm(8, 30), hm(9, 0), only(schedule.PKV)), with(b, hm(9, 0), hm(9, 30), only(schedule.GKV)))}, [][]string{{"08:00", "08:30"}, {"08:00", "09:00"}}},
	} {
		got, classes := schedule.Itineraries(c.steps, onMonday(t), 10)
		if !slices.EqualFunc(told(got), c.want, slices.Equal) {
			t.Errorf("%s: got %v, want %v", name, told(got), c.want)
		}
		for _, way := range got {
			for _, s := range way {
				if int(s.Class) >= len(classes) {
					t.Errorf("%s: %v has no class", name, s)
				}
			}
		}
	}
}

func TestStopsShareAQuota(t *testing.T) {
	t.Parallel()
	gkv := schedule.GroupOf(schedule.GKV, 0)
	quota := schedule.Quota{ID: id.New[id.Quota](), Max: 2, For: gkv, Release: -1}
	counted := func(p *schedule.Plan) {
		p.Quotas, p.Openings[0].Quotas = []schedule.Quota{quota}, []int{0}
	}
	a, b := id.New[id.Practitioner](), id.New[id.Practitioner]()
	steps := []schedule.Step{step(0, 0, with(a, hm(8, 0), hm(8, 30), counted)), step(0, 0, with(b, hm(8, 30), hm(9, 0), counted))}
	for used, want := range map[int]schedule.Group{0: schedule.Everyone, 1: schedule.Everyone &^ gkv, 2: schedule.Everyone &^ gkv} {
		for i := range steps {
			steps[i].Loads[0].Used = [][]schedule.Use{{{Period: date(t, monday), N: used}}}
		}
		got, classes := schedule.Itineraries(steps, onMonday(t), 10)
		if len(got) != 1 {
			t.Fatalf("%d used: got %v", used, told(got))
		}
		for _, s := range got[0] {
			if g := classes[s.Class].Group(); g != want {
				t.Errorf("%d used: a stop is for %012b", used, g)
			}
		}
	}
}

func TestTogether(t *testing.T) {
	t.Parallel()
	a, b := id.New[id.Practitioner](), id.New[id.Practitioner]()
	seats := func(p *schedule.Plan) { p.Service.Seats = 3 }
	after := func(n int) func(*schedule.Plan) {
		return func(p *schedule.Plan) { p.Service.BufferAfter, p.Service.Step = minutes(n), minutes(5) }
	}
	for name, c := range map[string]struct {
		plans   []schedule.Plan
		persons int
		want    [][]string
	}{
		"one after the other":              {[]schedule.Plan{with(a, hm(8, 0), hm(9, 0))}, 2, [][]string{{"08:00", "08:30"}}},
		"with two practitioners":           {[]schedule.Plan{with(a, hm(8, 0), hm(8, 30)), with(b, hm(8, 0), hm(8, 30))}, 2, [][]string{{"08:00", "08:00"}}},
		"never twice with one":             {[]schedule.Plan{with(a, hm(8, 0), hm(8, 30), func(p *schedule.Plan) { p.Capacity = 2 })}, 2, nil},
		"in one session":                   {[]schedule.Plan{with(a, hm(8, 0), hm(8, 30), seats)}, 3, [][]string{{"08:00", "08:00", "08:00"}}},
		"more than there are seats":        {[]schedule.Plan{with(a, hm(8, 0), hm(8, 30), seats)}, 4, nil},
		"buffers lie between":              {[]schedule.Plan{with(a, hm(8, 0), hm(9, 10), after(10))}, 2, [][]string{{"08:00", "08:40"}}},
		"a quarter of an hour at most":     {[]schedule.Plan{with(a, hm(8, 0), hm(10, 0), after(20))}, 2, nil},
		"three persons, one after another": {[]schedule.Plan{with(a, hm(8, 0), hm(9, 30))}, 3, [][]string{{"08:00", "08:30", "09:00"}}},
	} {
		got, _ := schedule.Together(c.plans, make([]schedule.Load, len(c.plans)), c.persons, onMonday(t), 1)
		if !slices.EqualFunc(told(got), c.want, slices.Equal) {
			t.Errorf("%s: got %v, want %v", name, told(got), c.want)
		}
	}
}
