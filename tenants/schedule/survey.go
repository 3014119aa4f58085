package schedule

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// turn is a window as far as its starts lie on one local date.
type turn struct {
	opening int32
	begins  Date // when the window begins
	date    Date // that of the starts
	today   Date // the date of now, at its place
	class   int32
	// judged says that class (an index into classes) and reason have been worked
	// out: whether its starts can be booked, if they are not taken nor too soon.
	judged bool
	reason Reason
}

// survey finds which window has which start: all of them, to be booked or not.
// The Class of a start is the index of its turn.
type survey struct {
	plan  *Plan
	query Query
	// earliest is the first instant that the service's lead lets through.
	earliest int64
	// since and horizon are what is looked at: starts beyond them no window of
	// the plan can offer.
	since    int64
	horizon  Date
	oneZone  bool
	openings []int32 // those that serve the service, by From
	turns    []turn
	slots    []Slot
	base     int // where its own slots begin
}

// noHorizon is far beyond all horizons, and not at the end of all dates.
const noHorizon = Date(math.MaxInt32 / 2)

// newSurvey returns a survey of what the service's lead and horizon let through.
func newSurvey(p *Plan, q Query) survey {
	var any Opening
	s := survey{plan: p, query: q, earliest: any.earliest(&p.Service, &q), horizon: noHorizon}
	if s.since = s.earliest; !q.Staff {
		s.horizon = Date(min(p.Service.Horizon, int(noHorizon)))
	}
	return s
}

// newFullSurvey returns a survey of all starts from an instant on.
func newFullSurvey(p *Plan, q Query, since int64) survey {
	s := newSurvey(p, q)
	s.since, s.horizon = since, noHorizon
	return s
}

// look appends the starts to s.slots, in order, each once.
func (s *survey) look() {
	p := s.plan
	s.base = len(s.slots)
	s.openings = make([]int32, 0, len(p.Openings))
	s.turns = make([]turn, 0, 64) // a month of them
	for i := range p.Openings {
		if p.Openings[i].serves(p.Service.ID) {
			s.openings = append(s.openings, int32(i))
		}
	}
	slices.SortStableFunc(s.openings, func(a, b int32) int { return p.Openings[a].From - p.Openings[b].From })
	s.oneZone = true
	for _, i := range s.openings {
		s.oneZone = s.oneZone && p.Openings[i].Zone == p.Openings[s.openings[0]].Zone
	}
	sorted, zones := true, 0
	for n, i := range s.openings {
		zone := p.Openings[i].Zone
		if slices.ContainsFunc(s.openings[:n], func(i int32) bool { return p.Openings[i].Zone == zone }) {
			continue // its zone has had its turn
		}
		sorted = s.lookIn(zone, s.openings[n:]) && sorted
		zones++
	}
	if !sorted || zones > 1 {
		s.arrange(s.base)
	}
}

// lookIn appends the starts of one zone's openings, which the first of
// openings is. It reports whether they are in order.
func (s *survey) lookIn(zone *time.Location, openings []int32) (sorted bool) {
	p, today := s.plan, dateIn(zone, s.query.Now.Unix())
	// From the day before, since a clock put back at midnight repeats it.
	since := dateIn(zone, s.since) - 1
	begin, end := max(s.query.From, since), min(s.query.To, today+s.horizon+1)
	if !s.oneZone {
		// Of windows that have the same start, each has its own date; and the one
		// that decides may lie outside of the query.
		const apart = 2
		begin, end = max(s.query.From-apart, since), s.query.To+apart
	}
	if begin >= end {
		return true
	}
	first := begin
	for _, i := range openings {
		if p.Openings[i].Until > minutesOfDay {
			first = begin - 1
		}
	}
	var room [8]span
	spans := appendSpans(room[:0], zone, first.seconds()-daySeconds, end.seconds()+2*daySeconds)
	sorted = true
	for date := first; date < end; date++ {
		weekday := date.Weekday()
		n, mixed := len(s.slots), false // of one date, windows may lie over each other
		for _, i := range openings {
			o := &p.Openings[i]
			if !o.Weekdays.Has(weekday) || o.Zone != zone || !o.inForce(date) {
				continue
			}
			w := windowIn(spans, o, date)
			if date >= begin {
				mixed = !s.add(&w, i, date, today) || mixed
			}
			if o.Until > minutesOfDay && date+1 < end {
				mixed = !s.add(&w, i, date+1, today) || mixed
			}
		}
		if mixed {
			s.arrange(n)
		}
		// Over a midnight they seldom do.
		sorted = sorted && s.ascends(n)
	}
	return sorted
}

// add appends the starts of a window on a date; false where the first is not
// after what was there.
func (s *survey) add(w *window, opening int32, date, today Date) (ascending bool) {
	n := len(s.slots)
	s.slots = w.appendStarts(s.slots, date, s.since, &s.plan.Service, opening, int32(len(s.turns)))
	if len(s.slots) == n {
		return true
	}
	s.turns = append(s.turns, turn{opening: opening, begins: w.date, date: date, today: today})
	return s.ascends(n)
}

// ascends reports whether slot n, if there is one, begins after the one before it.
func (s *survey) ascends(n int) bool {
	return n == len(s.slots) || n == s.base || s.slots[n-1].Starts < s.slots[n].Starts
}

// arrange sorts the slots from n on and keeps that of the best window of each start.
func (s *survey) arrange(n int) {
	slots := s.slots[n:]
	slices.SortFunc(slots, func(a, b Slot) int {
		if a.Starts != b.Starts {
			return cmp.Compare(a.Starts, b.Starts)
		}
		x, y := &s.turns[a.Class], &s.turns[b.Class]
		return s.plan.compare(x.opening, x.begins, y.opening, y.begins)
	})
	slots = slices.CompactFunc(slots, func(a, b Slot) bool { return a.Starts == b.Starts })
	s.slots = s.slots[:n+len(slots)]
}

// compare is negative where the window of opening a that begins on one date is
// more specific than that of opening b on another.
func (p *Plan) compare(a int32, onA Date, b int32, onB Date) int {
	x, y := &p.Openings[a], &p.Openings[b]
	minute := func(d Date, m int) int { return int(d)*minutesOfDay + m }
	return cmp.Or(
		y.specificity()-x.specificity(),
		minute(onB, y.From)-minute(onA, x.From),
		minute(onA, x.Until)-minute(onB, y.Until),
		int(a-b),
	)
}
