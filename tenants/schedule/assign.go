package schedule

import (
	"slices"

	"siegel/platform/id"
)

// Place is an appointment that is booked together with others. Plans and loads
// that are the same for several are the same pointers.
type Place struct {
	Plan   *Plan
	Load   *Load
	Starts int64
}

// AssignAll returns the supply of each need of each place: what [Plan.Assign]
// says for one, for several that take from each other what they use at the
// same time. Supplies of different plans are told apart by their resource. A
// place in a session that has begun, or that an earlier place of the same plan
// begins, has what the session has: nothing is assigned to it. Of all choices
// it is the first, the earlier places deciding before the later ones; false
// where there is none, or none that is found in reasonable time.
func AssignAll(places []Place) (supplies [][]int, ok bool) {
	a := assignment{places: places, tries: 20_000}
	for n, p := range places {
		opening, _, found := p.Plan.winner(p.Starts)
		if !found {
			return nil, false
		}
		a.free = append(a.free, nil)
		if p.joins(places[:n]) {
			continue
		}
		a.free[n] = p.Plan.units(&p.Plan.Openings[opening], p.Starts, p.Load)
	}
	a.got = make([][]int, len(places))
	if !a.from(0) {
		return nil, false
	}
	return a.got, true
}

// joins reports whether the place is in a session that others begin.
func (p Place) joins(earlier []Place) bool {
	return slices.ContainsFunc(p.Load.Sessions, func(s Session) bool { return s.Starts == p.Starts }) ||
		p.Plan.Service.seats() > 1 && slices.ContainsFunc(earlier, func(e Place) bool { return e.Plan == p.Plan && e.Starts == p.Starts })
}

// assignment tries one choice after the other.
type assignment struct {
	places []Place
	free   [][]int // units of each supply of each place, but for what places take; nil where it needs none
	got    [][]int
	uses   []use
	tries  int
}

// use is a unit of a resource that a place takes.
type use struct {
	resource id.Resource
	supply   *Supply
	occupied Interval
}

// from assigns what place n and those after it still need.
func (a *assignment) from(n int) bool {
	if n == len(a.places) {
		return true
	}
	p := a.places[n].Plan
	k := len(a.got[n]) // the need whose turn it is
	if a.free[n] == nil || k == len(p.Needs) {
		return a.from(n + 1)
	}
	for _, i := range p.Needs[k].Supplies {
		if a.tries--; a.tries < 0 {
			return false
		}
		u := use{p.Supplies[i].Resource, &p.Supplies[i], p.Service.Occupies(a.places[n].Starts)}
		if a.free[n][i] == 0 || !a.bears(n, i, u) {
			continue
		}
		a.got[n], a.uses = append(a.got[n], i), append(a.uses, u)
		if a.from(n) {
			return true
		}
		a.got[n], a.uses = a.got[n][:k], a.uses[:len(a.uses)-1]
	}
	return false
}

// bears reports whether a supply of place n bears one use more.
func (a *assignment) bears(n, i int, u use) bool {
	var taken []Busy
	for _, other := range a.uses {
		same := other.supply == u.supply || !u.resource.IsZero() && other.resource == u.resource
		if same && other.occupied.Starts < u.occupied.Ends && u.occupied.Starts < other.occupied.Ends {
			taken = append(taken, Busy{Interval: other.occupied})
		}
	}
	if len(taken) == 0 {
		return true // its own units have been looked at
	}
	taken = append(taken, a.places[n].Load.supply(i)...)
	return peak(taken, u.occupied) < u.supply.Capacity
}
