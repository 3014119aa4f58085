package schedule

import (
	"cmp"
	"slices"
	"time"
)

// Occurrence is one appointment of a series: whether its start is offered, and
// what could be taken instead where it is not.
type Occurrence struct {
	Starts int64
	Finding
	// Alternatives are at most three free slots, the best first. Their Class is
	// not set: see [Plan.Class].
	Alternatives []Slot
}

// Series looks at count appointments, each at the wall time of first and every
// so many days after the one before. (Of a wall time that is repeated that is
// the earlier one; but the first begins at first. Where it is skipped the
// reason is clock_gap, and Starts when the clock is put forward.) Those that
// are offered use up quotas for those that follow.
//
// Alternatives are on the same date first, then nearest in time; none more
// than three days off or in the way of an occurrence that is offered. load has
// to know all that is taken on those days; q.From and q.To do not matter.
func (p *Plan) Series(load *Load, first int64, every, count int, q Query) []Occurrence {
	zone := time.UTC
	if opening, _, ok := p.winner(first); ok {
		zone = p.Openings[opening].Zone
	} else if len(p.Openings) > 0 {
		zone = p.Openings[0].Zone
	}
	var (
		all      = make([]Occurrence, 0, count)
		now      = *load
		occupied []Interval
	)
	now.Used = make([][]Use, len(p.Quotas))
	copy(now.Used, load.Used)
	for n := range count {
		wall := wallIn(zone, first) + int64(n*every)*daySeconds
		o := Occurrence{Starts: first}
		if n > 0 {
			o.Starts = firstAt(zone, wall)
		}
		if wallIn(zone, o.Starts) != wall {
			o.Finding = Finding{Reason: ReasonClockGap, Opening: -1, Detail: -1}
		} else {
			o.Finding = p.Why(o.Starts, &now, q)
		}
		if o.Reason == ReasonOffered {
			occupied = append(occupied, p.Service.Occupies(o.Starts))
			p.use(now.Used, o)
		}
		all = append(all, o)
	}
	for i := range all {
		if o := &all[i]; o.Reason != ReasonOffered {
			o.Alternatives = p.instead(o.Starts, dateIn(zone, o.Starts), &now, q, occupied)
		}
	}
	return all
}

// use counts an occurrence into what is used up, of each quota that counts
// anybody it is for. It changes used and none of its elements.
func (p *Plan) use(used [][]Use, o Occurrence) {
	date := dateIn(p.Openings[o.Opening].Zone, o.Starts)
	var counted []int
	for _, a := range o.Class.Alternatives {
		for _, i := range a.Quotas {
			if slices.Contains(counted, i) {
				continue
			}
			counted = append(counted, i)
			quota := &p.Quotas[i]
			u := Use{quota.Per.First(date), quota.used(date, used, i) + 1}
			k, found := slices.BinarySearchFunc(used[i], u.Period, byPeriod)
			used[i] = slices.Clone(used[i])
			if found {
				used[i][k] = u
			} else {
				used[i] = slices.Insert(used[i], k, u)
			}
		}
	}
}

// instead returns the best slots around a start that is not offered.
func (p *Plan) instead(starts int64, date Date, load *Load, q Query, occupied []Interval) []Slot {
	const most, days = 3, 3
	q.From, q.To = date-days, date+days+1
	slots, _ := p.Slots(nil, nil, load, q)
	slots = slices.DeleteFunc(slots, func(s Slot) bool {
		in := p.Service.Occupies(s.Starts)
		return slices.ContainsFunc(occupied, func(o Interval) bool { return o.Starts < in.Ends && in.Starts < o.Ends })
	})
	otherDay := func(s Slot) int {
		if dateIn(p.Openings[s.Opening].Zone, s.Starts) == date {
			return 0
		}
		return 1
	}
	away := func(s Slot) int64 { return max(s.Starts-starts, starts-s.Starts) }
	slices.SortStableFunc(slots, func(a, b Slot) int {
		return cmp.Or(otherDay(a)-otherDay(b), cmp.Compare(away(a), away(b)))
	})
	slots = slots[:min(most, len(slots))]
	for i := range slots {
		slots[i].Class = 0
	}
	return slots
}
