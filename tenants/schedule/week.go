package schedule

import (
	"slices"
	"sort"
	"time"
)

// Cell is a step of a day and what is to be said about it.
type Cell struct {
	Date   Date
	Minute int // of wall time, since midnight
	// Starts is the instant at which it begins. A wall time that a clock change
	// skips has none (clock_gap): it is then when the clock is put forward. One
	// that is repeated is two cells.
	Starts int64
	Finding
}

// Week appends a cell for each step of the local dates [q.From, q.To), in
// order: on every date from the first to the last minute at which any window
// of one of them is open, by steps of wall time that are counted from midnight
// (step is whole minutes). Dates and wall times are those of the first
// opening's zone; a plan without openings has no cells, one with openings in
// other zones too has the whole of every date.
//
// A cell in which a slot starts, at its beginning or later, is offered, with
// that slot's opening and class. Else it tells of the first start in it that a
// window has, and if none has one, of its own beginning.
func (p *Plan) Week(dst []Cell, load *Load, q Query, step time.Duration) []Cell {
	wide := q
	if p.zones() > 1 { // a cell of the last date may lie on the next one elsewhere
		wide.From, wide.To = q.From-2, q.To+2
	}
	first, last := p.opensBetween(wide.From, wide.To)
	minutes := int(step / time.Minute)
	if minutes <= 0 || first >= last {
		return dst
	}
	if wide != q {
		first, last = 0, minutesOfDay
	}
	first -= first % minutes
	zone := p.Openings[0].Zone
	all := newFullSurvey(p, wide, ceilSeconds(q.Now))
	if p.works() {
		all.look()
	}
	free, classes := p.Slots(nil, nil, load, wide)
	var room [8]span
	spans := appendSpans(room[:0], zone, q.From.seconds()-daySeconds, q.To.seconds()+daySeconds)
	for date := q.From; date < q.To; date++ {
		for minute := first; minute < last; minute += minutes {
			instants, forward := showing(spans, date.seconds()+int64(minute)*60)
			if len(instants) == 0 {
				dst = append(dst, Cell{date, minute, forward, Finding{Reason: ReasonClockGap, Opening: -1, Detail: -1}})
			}
			for _, at := range instants {
				in := Interval{at, at + int64(minutes)*60}
				dst = append(dst, Cell{date, minute, at, p.cell(in, all.slots, free, classes, load, q)})
			}
		}
	}
	return dst
}

// zones returns in how many zones the plan's openings are.
func (p *Plan) zones() int {
	var zones []*time.Location
	for i := range p.Openings {
		if !slices.Contains(zones, p.Openings[i].Zone) {
			zones = append(zones, p.Openings[i].Zone)
		}
	}
	return len(zones)
}

// showing returns the instants at which the clock shows a wall time; where
// there is none, the one at which it is put forward over it.
func showing(spans []span, wall int64) (instants []int64, forward int64) {
	for _, s := range spans {
		switch at := wall - s.offset; {
		case at >= s.until:
			forward = s.until // it comes later, or in no span
		case at >= s.from:
			instants = append(instants, at)
		}
	}
	return instants, forward
}

// cell says what is to be said about a cell, given all starts and the free ones.
func (p *Plan) cell(in Interval, all, free []Slot, classes []Class, load *Load, q Query) Finding {
	if slot, ok := firstIn(free, in); ok {
		return Finding{Opening: int(slot.Opening), Class: classes[slot.Class], Detail: -1}
	}
	if start, ok := firstIn(all, in); ok {
		return p.Why(start.Starts, load, q)
	}
	return p.Why(in.Starts, load, q)
}

// firstIn returns the first slot that begins within an interval.
func firstIn(slots []Slot, in Interval) (Slot, bool) {
	i := sort.Search(len(slots), func(i int) bool { return slots[i].Starts >= in.Starts })
	if i == len(slots) || slots[i].Starts >= in.Ends {
		return Slot{}, false
	}
	return slots[i], true
}

// opensBetween returns the first and the last minute of a day at which any
// window is open on any of the dates [from, to); 0 and 0 where none is.
func (p *Plan) opensBetween(from, to Date) (first, last int) {
	first = minutesOfDay
	for i := range p.Openings {
		o := &p.Openings[i]
		for date := from - 1; date < to; date++ {
			if o.From >= o.Until || !o.Weekdays.Has(date.Weekday()) || !o.inForce(date) {
				continue
			}
			if date >= from {
				first, last = min(first, o.From), max(last, min(o.Until, minutesOfDay))
			}
			if o.Until > minutesOfDay && date+1 < to {
				first, last = 0, max(last, o.Until-minutesOfDay)
			}
		}
	}
	if first >= last {
		return 0, 0
	}
	return first, last
}
