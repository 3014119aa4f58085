package schedule

import (
	"cmp"
	"slices"
	"time"

	"siegel/platform/id"
)

// maxApart is how long one of several persons waits for the next at most.
const maxApart = 15 * time.Minute

// Together returns ways for n persons to have the same service together, in
// order of their start, at most limit; Stop.Step is the person. plans are one
// of each practitioner.
//
// They come at one start, to different practitioners or into one session, or
// to one practitioner, each at most 15 minutes after the one before has ended,
// buffers included in neither. Always at one location. For each start it is the way that ends first, of those the one with
// the least waiting, at one start rather than one after the other, with plans
// that come first. Rooms, devices and quotas suffice for all as for
// [Itineraries]: for persons who belong to the same group of patients.
func Together(plans []Plan, loads []Load, n int, q Query, limit int) ([]Itinerary, []Class) {
	if n < 1 {
		return nil, nil
	}
	var t meeting
	t.n, t.plans, t.loads = n, plans, loads
	t.plan = func(s Stop) (*Plan, *Load) { return &plans[s.Plan], &loads[s.Plan] }
	t.stops = t.appendStops(nil, 0, plans, loads, q)
	var all []Itinerary
	for i := 0; i < len(t.stops) && len(all) < limit; {
		next := i
		for next < len(t.stops) && t.stops[next].Starts == t.stops[i].Starts {
			next++
		}
		if best := t.best(i, next); best != nil {
			all = append(all, t.narrowed(best, t.affords(best)))
		}
		i = next
	}
	return all, t.classes
}

// meeting is a search for ways to come together.
type meeting struct {
	party
	n     int
	plans []Plan
	loads []Load
	stops []Stop // all, in order of start, then of plan
	found Itinerary
	tries int
}

// maxTries is how many ways are looked at for one start. Only many persons
// with many practitioners and too few rooms need more, and then get none.
const maxTries = 2000

// best returns the best way that starts with stops[from:until], which share
// their start; nil where there is none.
func (t *meeting) best(from, until int) Itinerary {
	t.tries, t.found = maxTries, nil
	for i := from; i < until; i++ {
		t.atOnce(t.stops[from:until], t.location(t.stops[i]))
	}
	for i := from; i < until; i++ {
		t.oneByOne(Itinerary{t.stops[i]}, i)
	}
	return t.found
}

// consider keeps a way if it is better than what was found before.
func (t *meeting) consider(way Itinerary) {
	if t.found == nil || cmp.Or(cmp.Compare(way.ends(), t.found.ends()), cmp.Compare(way.waits(), t.found.waits())) < 0 {
		t.found = slices.Clone(way)
	}
}

// ends returns when the last of an itinerary's stops ends.
func (way Itinerary) ends() int64 {
	var ends int64
	for _, s := range way {
		ends = max(ends, s.Ends)
	}
	return ends
}

// waits returns how long the persons wait for each other, in seconds.
func (way Itinerary) waits() int64 {
	var waits int64
	for i := range way[1:] {
		waits += max(0, way[i+1].Starts-way[i].Ends)
	}
	return waits
}

// atOnce looks for a way in which all begin with some of the stops, which share
// their start, at one location.
func (t *meeting) atOnce(stops []Stop, at id.Location) {
	var ends []int64
	for _, s := range stops {
		if t.location(s) == at && !slices.Contains(ends, s.Ends) {
			ends = append(ends, s.Ends)
		}
	}
	slices.Sort(ends)
	for _, latest := range ends {
		if t.found != nil && latest >= t.found.ends() {
			return
		}
		if t.seat(nil, stops, at, latest) {
			return
		}
	}
}

// seat goes on with a way by stops at a location that end by latest: as many
// with each practitioner as there are seats, or fewer. It reports whether it
// found one for all.
func (t *meeting) seat(way Itinerary, stops []Stop, at id.Location, latest int64) bool {
	if len(way) == t.n {
		t.consider(way)
		return true
	}
	for i, s := range stops {
		p, load := t.plan(s)
		if s.Ends > latest || t.location(s) != at ||
			slices.ContainsFunc(way, func(a Stop) bool { b, _ := t.plan(a); return b.Practitioner == p.Practitioner }) {
			continue
		}
		for seats := min(p.seatsAt(s.Starts, load), t.n-len(way)); seats > 0; seats-- {
			more := slices.Clone(way)
			for range seats {
				s.Step = len(more)
				more = append(more, s)
			}
			if t.tries--; t.tries < 0 {
				return false
			}
			if t.supplied(more) && t.affords(more) != 0 && t.seat(more, stops[i+1:], at, latest) {
				return true
			}
		}
	}
	return false
}

// seatsAt returns how many can come to a slot that is free.
func (p *Plan) seatsAt(starts int64, load *Load) int {
	for _, s := range load.Sessions {
		if s.Starts == starts {
			return p.Service.seats() - s.Taken
		}
	}
	return p.Service.seats()
}

// oneByOne goes on with a way whose last stop is stops[i].
func (t *meeting) oneByOne(way Itinerary, i int) {
	if t.affords(way) == 0 {
		return
	}
	if len(way) == t.n {
		t.consider(way)
		return
	}
	last := t.stops[i]
	for k := i + 1; k < len(t.stops); k++ {
		next := t.stops[k]
		if next.Starts > last.Ends+seconds(maxApart) {
			return
		}
		if next.Plan != last.Plan || t.location(next) != t.location(last) || !t.inTurn(last, next) {
			continue
		}
		rest := int64(t.n - len(way) - 1)
		if t.found != nil && next.Ends+rest*(next.Ends-next.Starts) >= t.found.ends() {
			return
		}
		if t.tries--; t.tries < 0 {
			return
		}
		next.Step = len(way)
		t.oneByOne(append(way[:len(way):len(way)], next), k)
	}
}
