package schedule

import (
	"cmp"
	"slices"
	"time"
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
}

// best returns the best way that starts with stops[from:until], which share
// their start; nil where there is none.
func (t *meeting) best(from, until int) (best Itinerary) {
	consider := func(way Itinerary) {
		if way == nil || t.affords(way) == 0 {
			return
		}
		if best == nil || cmp.Or(cmp.Compare(way.ends(), best.ends()), cmp.Compare(way.waits(), best.waits())) < 0 {
			best = way
		}
	}
	for i := from; i < until; i++ {
		consider(t.atOnce(t.stops[i:until]))
	}
	for i := from; i < until; i++ {
		consider(t.oneByOne(Itinerary{t.stops[i]}, i))
	}
	return best
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

// atOnce returns the persons at the location of the first of some stops that
// share their start: as many with each practitioner as there are seats.
func (t *meeting) atOnce(stops []Stop) Itinerary {
	var way Itinerary
	for _, s := range stops {
		p, load := t.plan(s)
		if t.location(s) != t.location(stops[0]) ||
			slices.ContainsFunc(way, func(a Stop) bool { b, _ := t.plan(a); return b.Practitioner == p.Practitioner }) {
			continue
		}
		n := len(way)
		for range min(p.seatsAt(s.Starts, load), t.n-n) {
			s.Step = len(way)
			way = append(way, s)
		}
		if !t.supplied(way) {
			way = way[:n]
		}
		if len(way) == t.n {
			return way
		}
	}
	return nil
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

// oneByOne goes on with a way whose last stop is stops[i]; nil where it leads
// to nothing. The first that leads to the end ends first.
func (t *meeting) oneByOne(way Itinerary, i int) Itinerary {
	if len(way) == t.n {
		return way
	}
	last := t.stops[i]
	for k := i + 1; k < len(t.stops); k++ {
		next := t.stops[k]
		if next.Plan != last.Plan || t.location(next) != t.location(last) {
			continue
		}
		if next.Starts > last.Ends+seconds(maxApart) {
			return nil
		}
		if !t.inTurn(last, next) {
			continue
		}
		next.Step = len(way)
		if found := t.oneByOne(append(way[:len(way):len(way)], next), k); found != nil {
			return found
		}
	}
	return nil
}
