package schedule

import (
	"math"
	"slices"
	"sort"

	"siegel/platform/id"
)

// fullIntervals appends, in order and disjoint, the times at which capacity or
// more of busy lie over each other. It uses bounds as room to work in.
func fullIntervals(dst []Interval, busy []Busy, capacity int, bounds []int64) []Interval {
	// Which start belongs to which end does not matter for counting.
	bounds = bounds[:0]
	for i := range busy {
		if busy[i].Starts < busy[i].Ends {
			bounds = append(bounds, busy[i].Starts)
		}
	}
	n := len(bounds)
	for i := range busy {
		if busy[i].Starts < busy[i].Ends {
			bounds = append(bounds, busy[i].Ends)
		}
	}
	starts, ends := bounds[:n], bounds[n:]
	slices.Sort(starts)
	slices.Sort(ends)

	for over, s, e := 0, 0, 0; e < n; {
		if s < n && starts[s] < ends[e] {
			if over++; over == capacity {
				dst = append(dst, Interval{Starts: starts[s]})
			}
			s++
			continue
		}
		if over--; over == capacity-1 {
			dst[len(dst)-1].Ends = ends[e]
		}
		e++
	}
	return dst
}

// firstEndingAfter returns the index of the first interval that ends after at.
func firstEndingAfter(all []Interval, at int64) int {
	return sort.Search(len(all), func(i int) bool { return all[i].Ends > at })
}

// cursor walks through disjoint intervals while questions move forward.
type cursor struct {
	all  []Interval
	next int
}

// never is after all times.
var never = Interval{math.MaxInt64, math.MaxInt64}

// ending returns the first interval that ends after an instant; never where
// none does. From one question to the next the instant does not fall.
func (c *cursor) ending(after int64) Interval {
	for ; c.next < len(c.all); c.next++ {
		if c.all[c.next].Ends > after {
			return c.all[c.next]
		}
	}
	return never
}

// meets reports whether an interval meets [from, until).
func (c *cursor) meets(from, until int64) bool { return c.ending(from).Starts < until }

// barrier is what bars a practitioner's time in openings of one capacity at
// one location.
type barrier struct {
	opening *Opening // one of them
	cursor
}

// capacity returns how many the practitioner takes at once in an opening.
func (p *Plan) capacity(o *Opening) int {
	if o.Capacity > 0 {
		return min(o.Capacity, p.Capacity)
	}
	return p.Capacity
}

// way returns how many seconds the way takes that lies between an opening and
// busy time, 0 where there is none.
func (p *Plan) way(o *Opening, b *Busy) int64 { return wayBetween(p.Legs, o.Location, b.Location) }

func wayBetween(legs []Leg, a, b id.Location) int64 {
	if a == b || a.IsZero() || b.IsZero() {
		return 0
	}
	var takes int64
	for _, leg := range legs {
		if leg.A == a && leg.B == b || leg.A == b && leg.B == a {
			takes = max(takes, seconds(leg.Takes))
		}
	}
	return takes
}

// bars returns when nothing can be occupied in an opening: what is busy there,
// and with the way on both sides what is busy elsewhere.
func (p *Plan) bars(o *Opening, busy []Busy) []Interval {
	var room [512]int64
	all := fullIntervals(make([]Interval, 0, len(busy)), busy, p.capacity(o), room[:0])
	if len(p.Legs) == 0 {
		return all
	}
	n := len(all)
	for i := range busy {
		b := &busy[i]
		if takes := p.way(o, b); takes > 0 && b.Starts < b.Ends {
			all = append(all, Interval{b.Starts - takes, b.Ends + takes})
		}
	}
	if len(all) == n {
		return all
	}
	return Union(all)
}

// peak returns the greatest number of busy intervals that lie over each other
// at an instant of in.
func peak(busy []Busy, in Interval) int {
	most := 0
	for {
		if _, full := firstFull(busy, in, most+1); !full {
			return most
		}
		most++
	}
}

// firstFull returns the first instant of in at which at least capacity busy
// intervals lie over each other.
func firstFull(busy []Busy, in Interval, capacity int) (at int64, found bool) {
	// It is where in begins, or one of them does.
	consider := func(from int64) {
		if from < in.Starts || from >= in.Ends || found && from >= at {
			return
		}
		over := 0
		for i := range busy {
			if busy[i].Starts <= from && from < busy[i].Ends {
				over++
			}
		}
		if over >= capacity {
			at, found = from, true
		}
	}
	consider(in.Starts)
	for i := range busy {
		consider(busy[i].Starts)
	}
	return at, found
}
