package practice

import (
	"context"
	"math"
	"slices"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

const (
	// MaxDays is the longest range of dates whose slots are listed.
	MaxDays = 62
	// MaxCountedDays is the longest range of dates whose slots are counted.
	MaxCountedDays = 730
	// MaxPersons is how many can book together.
	MaxPersons = 6
	// MaxBooked is how many appointments can be booked together, all or none.
	MaxBooked = 12
)

// Query asks for free slots.
type Query struct {
	Service id.Service
	// Chain, where given, is asked for instead of Service.
	Chain id.Chain
	// Practitioner is whose slots are wanted; zero is all who offer the
	// service. Of a chain it is who takes those steps that they offer.
	Practitioner id.Practitioner
	// From and To are local dates, half-open.
	From, To schedule.Date
	// Now is when the question is asked; zero is the clock's now.
	Now time.Time
	// Staff sees its own windows too, and is bound neither by lead nor horizon
	// nor release.
	Staff bool
	// Seed decides, where several practitioners are free, whom is offered:
	// always the same for one seed, and each as often as they have time.
	Seed string
	// Persons is how many want the service together; below two it is one.
	Persons int
	// Series, where Count is not zero, asks for a series.
	Series Series
	// AlsoBusy, where given, is asked for busy time between two instants that
	// the database does not know: holds, and what they use up of quotas, in the
	// periods that begin less than [LongestPeriod] before from. It is asked
	// before the database, so that a hold which becomes an appointment meanwhile
	// is not missed. Its failure is the query's.
	AlsoBusy func(ctx context.Context, resources []id.Resource, quotas []id.Quota, from, to time.Time) ([]Busy, []Used, error)
	// Session names the group that a patient of the service joins who comes at
	// starts. It is needed where services have several seats; without it every
	// group that has begun to fill counts as full.
	Session func(service id.Service, practitioner id.Practitioner, starts int64) Session

	// others has the windows for other services in the plan as well.
	others bool
}

// SlotList is the answer: slots in order of their start, which point into the tables.
type SlotList struct {
	// Version is that of the offer the list was computed from.
	Version int64
	// Zone is the practice's.
	Zone          string
	From, To      schedule.Date
	Practitioners []id.Practitioner
	Locations     []id.Location
	Conditions    []Condition
	Slots         []Slot
	// Itineraries are what can be booked together, as indexes into Slots; nil
	// where a single slot was asked for.
	Itineraries [][]int
	// Series are the appointments of a series; nil where none was asked for.
	Series []Occurrence
	// Days part the slots by local date, in order: so many of the first date,
	// then so many of the next. Where there are Itineraries they part those, by
	// the date on which each begins. Dates are those of the slot's location; of
	// a series there are none.
	Days []SlotDay
	// Closed are the days without a slot, and why. Days without a window are
	// left out.
	Closed []ClosedDay
	WalkIn []WalkInHours
}

// SlotDay is a run of slots, or of itineraries, of one local date.
type SlotDay struct {
	Date  schedule.Date
	Count int
}

// Slot is a time at which the service can be booked, in seconds since 1970
// UTC. The rest are indexes into the tables of its list.
type Slot struct {
	Starts, Ends                      int64
	Practitioner, Location, Condition int32
	// Step is which step of a chain it is.
	Step int32
}

// Condition says for whom a slot is. The server does not check it: it never
// learns who books.
type Condition struct {
	Terms
	// Alternatives are the groups that it is for; they do not overlap.
	Alternatives []Alternative
}

// Alternative is a group, and the quotas that are used up by whoever books as
// one of it.
type Alternative struct {
	schedule.Who
	Quotas []id.Quota
}

// FreeSlots returns the slots at which the service can be booked. It returns
// [ErrUnknownService], [ErrUnknownChain], [ErrUnknownPractitioner],
// [ErrNotOffered], [ErrRange] and [ErrUnknownPractice].
func (s *Service) FreeSlots(ctx context.Context, tenant id.Tenant, q Query) (SlotList, error) {
	if q.From >= q.To || int64(q.To)-int64(q.From) > MaxDays || !q.Series.possible() || q.Persons > MaxPersons {
		return SlotList{}, ErrRange
	}
	m, err := s.consult(ctx, tenant, q)
	if err != nil {
		return SlotList{}, err
	}
	return m.list(), nil
}

// list computes what is free.
func (m *matter) list() SlotList {
	t := newTables(m)
	switch {
	case m.Series.Count > 0:
		t.series()
	case m.combined():
		t.combine()
		for _, date := range t.begin {
			t.on(date)
		}
	default:
		t.survey(m.From, m.To)
		t.list.Slots = make([]Slot, 0, len(t.found))
		t.each(func(s Slot, date schedule.Date) {
			t.list.Slots = append(t.list.Slots, s)
			t.on(date)
		})
	}
	t.list.Closed = m.closedDays(m.From, m.To, t.full)
	t.list.WalkIn = t.walkIns()
	return t.finish()
}

// tables puts a list together.
type tables struct {
	*matter
	list    SlotList
	places  [][][]int32 // of each step's plans, each opening's location in the table
	classes []schedule.Class
	found   []schedule.Slot // of the first step's plans, each up to its index in ends
	ends    []int
	// full says of each date from From on whether it has a slot.
	full []bool
	// begin is the date on which each itinerary begins.
	begin []schedule.Date
}

func newTables(m *matter) *tables {
	t := &tables{matter: m, full: make([]bool, m.To-m.From), list: SlotList{
		Version: m.offer.Version, Zone: m.offer.Practice.Zone, From: m.From, To: m.To,
		Practitioners: []id.Practitioner{}, Locations: []id.Location{}, Slots: []Slot{},
	}}
	for i := range m.steps {
		var places [][]int32
		for k := range m.steps[i].plans {
			p := &m.steps[i].plans[k]
			if !slices.Contains(t.list.Practitioners, p.Practitioner) {
				t.list.Practitioners = append(t.list.Practitioners, p.Practitioner)
			}
			of := make([]int32, len(p.Openings))
			for n := range p.Openings {
				of[n] = t.place(p.Openings[n].Location)
			}
			places = append(places, of)
		}
		t.places = append(t.places, places)
	}
	return t
}

// place returns the index of a location in the table.
func (t *tables) place(l id.Location) int32 {
	at := slices.Index(t.list.Locations, l)
	if at < 0 {
		at = len(t.list.Locations)
		t.list.Locations = append(t.list.Locations, l)
	}
	return int32(at)
}

// slot says a slot of a plan of a step by the tables.
func (t *tables) slot(step, plan int, s schedule.Slot) Slot {
	who := plan
	if step > 0 || len(t.steps) > 1 {
		who = slices.Index(t.list.Practitioners, t.steps[step].plans[plan].Practitioner)
	}
	return Slot{
		Starts: s.Starts, Ends: s.Ends, Step: int32(step),
		Practitioner: int32(who), Location: t.places[step][plan][s.Opening], Condition: s.Class,
	}
}

// fill notes that a date has a slot.
func (t *tables) fill(d schedule.Date) {
	if d >= t.From && d < t.To {
		t.full[d-t.From] = true
	}
}

// on counts what is next in the list towards its date.
func (t *tables) on(d schedule.Date) {
	if last := len(t.list.Days) - 1; last >= 0 && t.list.Days[last].Date == d {
		t.list.Days[last].Count++
		return
	}
	t.list.Days = append(t.list.Days, SlotDay{d, 1})
}

// finish fills in the conditions, of which it leaves out those that no slot has.
func (t *tables) finish() SlotList {
	used := make([]int32, len(t.classes))
	for i := range t.list.Slots {
		used[t.list.Slots[i].Condition] = 1
	}
	all := len(t.classes)
	t.list.Conditions = make([]Condition, 0, all)
	for i := range used {
		if used[i] != 0 {
			used[i] = int32(len(t.list.Conditions))
			t.list.Conditions = append(t.list.Conditions, t.offer.condition(&t.classes[i]))
		}
	}
	if len(t.list.Conditions) < all {
		for i := range t.list.Slots {
			t.list.Slots[i].Condition = used[t.list.Slots[i].Condition]
		}
	}
	return t.list
}

// condition says a class in words for patients.
func (o *Offer) condition(c *schedule.Class) Condition {
	condition := Condition{Terms: o.terms[c.Condition]}
	for _, a := range c.Alternatives {
		var quotas []id.Quota
		for _, q := range a.Quotas {
			quotas = append(quotas, o.quotas[q].ID)
		}
		for _, who := range a.For.Split() {
			condition.Alternatives = append(condition.Alternatives, Alternative{who, quotas})
		}
	}
	return condition
}

// survey finds what is free of the first step on the dates [from, to).
func (t *tables) survey(from, to schedule.Date) {
	plans, q := t.steps[0].plans, t.query()
	q.From, q.To = from, to
	t.found, t.ends = t.found[:0], t.ends[:0]
	for i := range plans {
		t.found, t.classes = plans[i].Slots(t.found, t.classes, &t.steps[0].loads[i], q)
		t.ends = append(t.ends, len(t.found))
	}
}

// each calls emit with what was found, and its date, in order of the start:
// each start, location and condition once.
func (t *tables) each(emit func(Slot, schedule.Date)) {
	plans, days := t.steps[0].plans, newDayClock()
	if len(plans) == 1 {
		for i := range t.found {
			date := days.date(&plans[0].Openings[t.found[i].Opening], t.found[i].Starts)
			t.fill(date)
			emit(t.slot(0, 0, t.found[i]), date)
		}
		return
	}
	t.merge(emit)
}

// merge calls emit with the slots of all plans, which are in order each: of
// those with the same start, location and condition with the one that drew the
// greatest lot.
func (t *tables) merge(emit func(Slot, schedule.Date)) {
	var (
		plans = t.steps[0].plans
		ends  = t.ends
		lots  = t.lots()
		next  = make([]int, len(plans))
		drawn = make([]lot, 0, len(plans))
		group = make([]Slot, 0, len(plans))
	)
	copy(next[min(1, len(next)):], ends)
	for {
		starts := int64(math.MaxInt64)
		for i := range plans {
			if next[i] < ends[i] {
				starts = min(starts, t.found[next[i]].Starts)
			}
		}
		if starts == math.MaxInt64 {
			return
		}
		group, drawn = group[:0], drawn[:0]
		for i := range plans {
			if next[i] == ends[i] || t.found[next[i]].Starts != starts {
				continue
			}
			for next[i] >= lots[i][0].until {
				lots[i] = lots[i][1:]
			}
			s, mine := t.slot(0, i, t.found[next[i]]), lots[i][0]
			next[i]++
			at := slices.IndexFunc(group, func(x Slot) bool { return x.Location == s.Location && x.Condition == s.Condition })
			switch {
			case at < 0:
				group, drawn = append(group, s), append(drawn, mine)
			case mine.luck > drawn[at].luck:
				group[at], drawn[at] = s, mine
			}
		}
		for i := range group {
			emit(group[i], drawn[i].date)
		}
	}
}
