package schedule

import "slices"

// Assign appends to dst the supply of each need, in their order, that an
// appointment starting at starts gets: the first that is free in the order of
// each need, as far as that leaves every other need one. It returns false, and
// dst as it was, where no choice does, or where no window has that start. A
// supply serves two needs only where its capacity allows. Appointments that
// are booked together are for [AssignAll].
func (p *Plan) Assign(dst []int, starts int64, load *Load) ([]int, bool) {
	opening, _, ok := p.winner(starts)
	if !ok {
		return dst, false
	}
	return p.assign(dst, p.units(&p.Openings[opening], starts, load))
}

// assign appends the supply of each need, given how many units of each supply
// are free.
func (p *Plan) assign(dst []int, free []int) ([]int, bool) {
	n := len(dst)
	for k := range p.Needs {
		m := match{needs: p.Needs, free: free, given: dst[n:]}
		supply := m.firstFor(k)
		if supply < 0 {
			return dst[:n], false
		}
		dst = append(dst, supply)
	}
	return dst, true
}

// unmet returns the first need that cannot be met together with those before
// it; false where all can.
func (p *Plan) unmet(free []int) (need int, found bool) {
	m := match{needs: p.Needs, free: free}
	for k := range p.Needs {
		if !m.meet(k) {
			return k, true
		}
	}
	return 0, false
}

// match finds who gets what by augmenting paths, so that it takes no longer
// where much depends on each other.
type match struct {
	needs []Need
	free  []int // units of each supply
	given []int // to the needs before, which keep it
	got   []int // the supply of each of the needs that follow
	seen  []bool
}

// firstFor returns the first supply that need k, the one after those given,
// can have so that all others can be met; -1 where there is none.
func (m *match) firstFor(k int) int {
	for _, supply := range m.needs[k].Supplies {
		try := match{needs: m.needs, free: m.free, given: append(slices.Clone(m.given), supply)}
		if try.count(supply) > try.free[supply] {
			continue
		}
		met := true
		for next := k + 1; next < len(m.needs) && met; next++ {
			met = try.meet(next)
		}
		if met {
			return supply
		}
	}
	return -1
}

// meet gives need k a supply, where it must by giving others one of their
// alternatives. The needs between those given and k have been met.
func (m *match) meet(k int) bool {
	m.seen = append(m.seen[:0], make([]bool, len(m.free))...)
	m.got = append(m.got, -1)
	if m.place(k) {
		return true
	}
	m.got = m.got[:len(m.got)-1]
	return false
}

func (m *match) place(k int) bool {
	for _, supply := range m.needs[k].Supplies {
		if m.seen[supply] || m.free[supply] == 0 {
			continue
		}
		m.seen[supply] = true
		if m.count(supply) < m.free[supply] {
			m.got[k-len(m.given)] = supply
			return true
		}
		for i, holds := range m.got {
			if holds == supply && m.place(len(m.given)+i) {
				m.got[k-len(m.given)] = supply
				return true
			}
		}
	}
	return false
}

// count returns how many units of a supply are given out.
func (m *match) count(supply int) int {
	n := 0
	for _, s := range m.given {
		if s == supply {
			n++
		}
	}
	for _, s := range m.got {
		if s == supply {
			n++
		}
	}
	return n
}

// units returns how many units of each supply are free for a slot of an opening.
func (p *Plan) units(o *Opening, starts int64, load *Load) []int {
	free := make([]int, len(p.Supplies))
	occupied, shown := p.Service.Occupies(starts), Interval{starts, starts + seconds(p.Service.Duration)}
	for i := range p.Supplies {
		x := &p.Supplies[i]
		if !x.at(o) || x.shut(shown) {
			continue
		}
		free[i] = max(0, x.Capacity-peak(load.supply(i), occupied))
	}
	return free
}

// at reports whether the supply can be used where an opening is.
func (x *Supply) at(o *Opening) bool {
	return x.Location.IsZero() || o.Location.IsZero() || x.Location == o.Location
}

func (x *Supply) shut(shown Interval) bool {
	next := firstEndingAfter(x.Shut, shown.Starts)
	return next < len(x.Shut) && x.Shut[next].Starts < shown.Ends
}

// supply returns what is taken of a supply.
func (l *Load) supply(i int) []Busy {
	if i >= len(l.Supplies) {
		return nil
	}
	return l.Supplies[i]
}

// store is what is free of a plan's supplies, for questions that move forward.
type store struct {
	plan    *Plan
	shelves []shelf
	// apart says that no two needs can be met by the same supply: then each is
	// met or not by itself.
	apart bool
	free  []int
}

// shelf is one supply: when it is shut, and when fewer than 1, 2, … units are free.
type shelf struct {
	shut  cursor
	fewer []cursor
}

func newStore(p *Plan, load *Load) *store {
	s := &store{plan: p, shelves: make([]shelf, len(p.Supplies)), apart: true}
	wanted := make([]int, len(p.Supplies))
	for _, need := range p.Needs {
		for _, i := range need.Supplies {
			wanted[i]++
			s.apart = s.apart && wanted[i] == 1
		}
	}
	var room [512]int64
	for i, n := range wanted {
		x, busy := &p.Supplies[i], load.supply(i)
		s.shelves[i].shut.all = x.Shut
		for k := range min(n, x.Capacity) {
			full := fullIntervals(make([]Interval, 0, len(busy)), busy, x.Capacity-k, room[:0])
			s.shelves[i].fewer = append(s.shelves[i].fewer, cursor{all: full})
		}
	}
	if !s.apart {
		s.free = make([]int, len(p.Supplies))
	}
	return s
}

// fits reports whether every need of a slot of an opening can be met.
func (s *store) fits(o *Opening, slot Slot, occupied Interval) bool {
	if s.apart {
		for k := range s.plan.Needs {
			if !slices.ContainsFunc(s.plan.Needs[k].Supplies, func(i int) bool { return s.units(i, o, slot, occupied) > 0 }) {
				return false
			}
		}
		return true
	}
	for i := range s.free {
		s.free[i] = s.units(i, o, slot, occupied)
	}
	_, unmet := s.plan.unmet(s.free)
	return !unmet
}

// units returns how many units of a supply are free for a slot, as far as the
// plan has use for them.
func (s *store) units(i int, o *Opening, slot Slot, occupied Interval) int {
	x := &s.shelves[i]
	if !s.plan.Supplies[i].at(o) || x.shut.meets(slot.Starts, slot.Ends) {
		return 0
	}
	for n := range x.fewer {
		if x.fewer[n].meets(occupied.Starts, occupied.Ends) {
			return n
		}
	}
	return len(x.fewer)
}
