package practice

import (
	"cmp"
	"slices"
	"time"

	"siegel/tenants/schedule"
)

// maxItineraries is how many ways an answer lists at most.
const maxItineraries = 2000

// Series is appointments at a rhythm.
type Series struct {
	// First is when the first one starts.
	First time.Time
	// Every is how many days lie between two.
	Every int
	Count int
}

const (
	maxSeries = 26
	maxEvery  = 92
	// around is how many days before and after a conflict alternatives are looked for.
	around = 3
)

// possible reports whether it is none, or a rhythm that ends within two years.
func (s Series) possible() bool {
	return s.Count == 0 || s.Count > 1 && s.Count <= maxSeries && s.Every >= 1 && s.Every <= maxEvery && s.Every*s.Count <= MaxCountedDays
}

// dates returns the dates that a series concerns, and alternatives to it.
func (s Series) dates() (from, to schedule.Date) {
	first := schedule.DateOf(s.First.UTC())
	return first - around - 1, first + schedule.Date(s.Every*s.Count) + around + 2
}

// Occurrence is one appointment of a series. Reason is free, or why it is not.
type Occurrence struct {
	Starts int64
	Reason string
	// Slot is its index among the slots, or -1; Alternatives are others near it.
	Slot         int
	Alternatives []int
}

// combine fills in what can be booked together: the steps of a chain, or one
// service for several persons.
func (t *tables) combine() {
	var (
		ways  []schedule.Itinerary
		order = make([][]int, len(t.steps))
		steps = make([]schedule.Step, len(t.steps))
	)
	for i := range t.steps {
		st := &t.steps[i]
		order[i] = t.order(st.plans)
		steps[i].Least = time.Duration(st.of.LeastMinutes) * time.Minute
		steps[i].Greatest = time.Duration(st.of.GreatestMinutes) * time.Minute
		steps[i].Optional = st.of.Optional
		for _, k := range order[i] {
			steps[i].Plans = append(steps[i].Plans, st.plans[k].Plan)
			steps[i].Loads = append(steps[i].Loads, st.loads[k])
		}
	}
	if t.Chain.IsZero() {
		ways, t.classes = schedule.Together(steps[0].Plans, steps[0].Loads, t.Persons, t.query(), maxItineraries)
	} else {
		ways, t.classes = schedule.Itineraries(steps, t.query(), maxItineraries)
	}

	days := newDayClock()
	t.begin = make([]schedule.Date, len(ways))
	for n, way := range ways {
		for i := range way {
			if t.Chain.IsZero() {
				way[i].Step = 0 // there it is the person
			}
			stop := way[i]
			if way[i].Plan = order[stop.Step][stop.Plan]; i == 0 {
				t.begin[n] = days.date(&t.steps[stop.Step].plans[way[i].Plan].Openings[stop.Opening], stop.Starts)
				t.fill(t.begin[n])
			}
			t.list.Slots = append(t.list.Slots, t.slot(stop.Step, way[i].Plan, stop.Slot))
		}
	}
	t.list.Slots = sortSlots(t.list.Slots)
	t.list.Itineraries = make([][]int, len(ways))
	for i, way := range ways {
		for _, stop := range way {
			t.list.Itineraries[i] = append(t.list.Itineraries[i], t.at(t.slot(stop.Step, stop.Plan, stop.Slot)))
		}
	}
}

// keepWays keeps the itineraries that are wanted, and the slots of those.
func (t *tables) keepWays(wanted func(first Slot, date schedule.Date) bool) {
	var (
		all   = t.list.Slots
		place = make([]int, len(all)) // from 1; 0 is not kept
		ways  = [][]int{}
	)
	for i, way := range t.list.Itineraries {
		if wanted(all[way[0]], t.begin[i]) {
			ways = append(ways, way)
			for _, at := range way {
				place[at] = 1
			}
		}
	}
	t.list.Slots = []Slot{}
	for i := range all {
		if place[i] != 0 {
			t.list.Slots = append(t.list.Slots, all[i])
			place[i] = len(t.list.Slots)
		}
	}
	for _, way := range ways {
		for i := range way {
			way[i] = place[way[i]] - 1
		}
	}
	t.list.Itineraries = ways
}

// order returns the plans' indexes as the seed has them drawn, so that not
// always the first practitioner comes first.
func (t *tables) order(plans []Plan) []int {
	order, drawn, seed := make([]int, len(plans)), make([]float64, len(plans)), hash(t.Seed)
	for i := range plans {
		order[i], drawn[i] = i, luck(seed, plans[i].Practitioner, t.From, 1)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(drawn[b], drawn[a]) })
	return order
}

// series fills in the appointments of a series, all with one practitioner: of
// several the one with whom the most are free.
func (t *tables) series() {
	var (
		plans = t.steps[0].plans
		q     = t.query()
		best  = -1
		most  = -1
		found []schedule.Occurrence
	)
	for _, k := range t.order(plans) {
		all := plans[k].Series(&t.steps[0].loads[k], t.Series.First.Unix(), t.Series.Every, t.Series.Count, q)
		free := 0
		for i := range all {
			if all[i].Reason == schedule.ReasonOffered {
				free++
			}
		}
		if free > most {
			best, most, found = k, free, all
		}
	}
	if best < 0 {
		return
	}
	p := &plans[best]
	slot := func(starts int64, opening int, class schedule.Class) Slot {
		return t.slot(0, best, schedule.Slot{
			Starts: starts, Ends: starts + int64(p.Service.Duration/time.Second), Opening: int32(opening), Class: t.class(class),
		})
	}
	slots := make([][]Slot, len(found))
	for i := range found {
		if found[i].Reason == schedule.ReasonOffered {
			slots[i] = append(slots[i], slot(found[i].Starts, found[i].Opening, found[i].Class))
		}
		for _, a := range found[i].Alternatives {
			if class, ok := p.Class(int(a.Opening), a.Starts, t.steps[0].loads[best].Used, t.Now); ok {
				slots[i] = append(slots[i], slot(a.Starts, int(a.Opening), class))
			}
		}
		t.list.Slots = append(t.list.Slots, slots[i]...)
	}
	t.list.Slots = sortSlots(t.list.Slots)
	t.list.Series = make([]Occurrence, len(found))
	for i := range found {
		o := Occurrence{Starts: found[i].Starts, Reason: ClosedByHours, Slot: -1, Alternatives: []int{}}
		if word := wordOf(found[i].Reason); word != "" {
			o.Reason = word
		}
		if found[i].Reason == schedule.ReasonOffered {
			o.Reason, o.Slot, slots[i] = "free", t.at(slots[i][0]), slots[i][1:]
		}
		for _, a := range slots[i] {
			o.Alternatives = append(o.Alternatives, t.at(a))
		}
		t.list.Series[i] = o
	}
}

// class returns the index of a class, which it adds where it is new.
func (t *tables) class(c schedule.Class) int32 {
	at := slices.IndexFunc(t.classes, func(known schedule.Class) bool {
		return known.Condition == c.Condition && slices.EqualFunc(known.Alternatives, c.Alternatives, func(a, b schedule.Alternative) bool {
			return a.For == b.For && slices.Equal(a.Quotas, b.Quotas)
		})
	})
	if at < 0 {
		at = len(t.classes)
		t.classes = append(t.classes, c)
	}
	return int32(at)
}

// at returns the index of a slot of the list, which is sorted.
func (t *tables) at(s Slot) int {
	at, _ := slices.BinarySearchFunc(t.list.Slots, s, compareSlots)
	return at
}

func sortSlots(all []Slot) []Slot {
	slices.SortFunc(all, compareSlots)
	return slices.Compact(all)
}

func compareSlots(a, b Slot) int {
	return cmp.Or(cmp.Compare(a.Starts, b.Starts), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Practitioner, b.Practitioner),
		cmp.Compare(a.Location, b.Location), cmp.Compare(a.Condition, b.Condition), cmp.Compare(a.Ends, b.Ends))
}
