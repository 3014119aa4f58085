// Package schedule computes free slots from weekly openings and busy time.
//
// It is pure: no I/O, no clock of its own, no state. Instants are seconds
// since 1970 UTC, intervals are half-open. Openings are wall time in their
// location's zone: an opening is the set of instants at which a clock on the
// location's wall shows a time inside it. A wall time that a clock change
// skips is therefore never offered, one that it repeats is offered twice, as
// two instants, and the promise holds in every IANA zone. Closures and public
// holidays ([Holidays]) are wall time by the same rule, a [Stretch] each.
//
// It does not promise that a slot stays free: that is the database's matter.
package schedule

import (
	"slices"
	"time"

	"siegel/platform/id"
)

// Opening is a weekly opening of one practitioner at one location.
type Opening struct {
	ID       id.Window
	Location id.Location
	// Zone is the location's; it is never nil.
	Zone *time.Location
	// Weekday is the ISO 8601 day: 1 is Monday, 7 is Sunday.
	Weekday int
	// From and Until are minutes of wall time since midnight, half-open; Until
	// is at most 1440.
	From, Until int
	// ValidFrom and ValidUntil are the first and the last day; zero is no limit.
	ValidFrom, ValidUntil Date
	// Services restricts the opening to some services; empty is all.
	Services []id.Service
	// Closed is when it is closed nevertheless, at its place or for its
	// practitioner: in order, disjoint, none empty (see [Union]). A slot's shown
	// time stays out of it, buffers may reach in, as over the opening's end.
	Closed []Interval
	// Condition is the caller's, carried along: an index into its table of conditions.
	Condition int
}

// Service says how long an appointment is and when it can be booked.
type Service struct {
	ID id.Service
	// Duration is what patients are told; it is above zero.
	Duration time.Duration
	// BufferBefore and BufferAfter are occupied as well, but not shown. They
	// may lie outside of the opening.
	BufferBefore, BufferAfter time.Duration
	// Step is the grid of wall times, counted from the opening's start, on
	// which slots begin; it is above zero.
	Step time.Duration
	// Lead is the least time between now and a slot's start.
	Lead time.Duration
	// Horizon is how many days after today (in the location's zone) the last
	// day lies on which a slot can begin.
	Horizon int
}

// Occupies returns what an appointment that begins at starts occupies:
// its duration and its buffers.
func (s Service) Occupies(starts int64) Interval {
	return Interval{
		Starts: starts - seconds(s.BufferBefore),
		Ends:   starts + seconds(s.Duration) + seconds(s.BufferAfter),
	}
}

// Interval is a half-open span of time, in seconds since 1970 UTC.
type Interval struct{ Starts, Ends int64 }

// Slot is a time at which the service can be booked, in seconds since 1970
// UTC, without buffers. Opening is the index of the opening that offers it.
type Slot struct {
	Starts, Ends int64
	Opening      int
}

// Slots appends to dst the free slots of one practitioner that begin on the
// local dates [from, to), in order of their start, and returns the extended
// slice. Each start occurs once: of several openings that offer it, one
// restricted to services wins over one that is not, then the one that opens
// later in the day, then the first in openings. (Where openings lie in several
// zones, dates are each opening's own.)
//
// capacity is how many appointments the practitioner's resource bears at
// once; busy is its busy time, buffers included, in any order.
func Slots(dst []Slot, openings []Opening, svc Service, capacity int, busy []Interval, from, to Date, now time.Time) []Slot {
	if capacity < 1 || svc.Step < time.Second || svc.Duration < time.Second {
		return dst
	}
	var (
		full     = fullIntervals(busy, capacity)
		earliest = ceilSeconds(now.Add(svc.Lead))
		base     = len(dst)
		unsorted = false
		room     [8]span
	)
	for first, o := range openings {
		if slices.IndexFunc(openings[:first], func(p Opening) bool { return p.Zone == o.Zone }) >= 0 {
			continue // its zone has had its turn
		}
		today := DateOf(now.In(o.Zone))
		// From yesterday, since a clock put back at midnight repeats it.
		begin, end := max(from, today-1), min(to, today+Date(svc.Horizon)+1)
		if begin >= end {
			continue
		}
		spans := appendSpans(room[:0], o.Zone, begin.seconds()-daySeconds, end.seconds()+daySeconds)
		for date := begin; date < end; date++ {
			weekday := date.Weekday()
			for i := first; i < len(openings); i++ {
				opening := &openings[i]
				if opening.Weekday != weekday || opening.Zone != o.Zone || !opening.holds(date, svc.ID) {
					continue
				}
				last := len(dst)
				dst = appendWindow(dst, window{spans, date, opening}, i, svc, full, earliest)
				if last > base && last < len(dst) && dst[last].Starts <= dst[last-1].Starts {
					unsorted = true
				}
			}
		}
	}
	if unsorted {
		dst = dst[:base+arrange(dst[base:], openings)]
	}
	return dst
}

// Offered returns the index of the opening that offers the slot which begins
// exactly at starts, whether or not that time is busy; it is the opening that
// [Slots] names. now decides lead and horizon: who confirms a slot that
// was held passes the time of the hold.
func Offered(openings []Opening, svc Service, starts int64, now time.Time) (opening int, ok bool) {
	if svc.Step < time.Second || svc.Duration < time.Second || starts < ceilSeconds(now.Add(svc.Lead)) {
		return 0, false
	}
	var room [4]span
	for i := range openings {
		o := &openings[i]
		date := DateOf(time.Unix(starts, 0).In(o.Zone))
		if date.Weekday() != o.Weekday || !o.holds(date, svc.ID) {
			continue
		}
		if date > DateOf(now.In(o.Zone))+Date(svc.Horizon) {
			continue
		}
		w := window{appendSpans(room[:0], o.Zone, date.seconds()-daySeconds, date.seconds()+2*daySeconds), date, o}
		if !w.offers(starts, svc) {
			continue
		}
		if _, shut := o.closed(starts, starts+seconds(svc.Duration)); shut {
			continue
		}
		if !ok || compareOpenings(openings, i, opening) < 0 {
			opening, ok = i, true
		}
	}
	return opening, ok
}

// holds reports whether the opening is in force on date and serves the service.
func (o *Opening) holds(date Date, service id.Service) bool {
	return (o.ValidFrom == 0 || date >= o.ValidFrom) &&
		(o.ValidUntil == 0 || date <= o.ValidUntil) &&
		(len(o.Services) == 0 || slices.Contains(o.Services, service))
}

// appendWindow appends the free slots of one opening on one date.
func appendWindow(dst []Slot, w window, opening int, svc Service, full []Interval, earliest int64) []Slot {
	var (
		step     = seconds(svc.Step)
		duration = seconds(svc.Duration)
		before   = seconds(svc.BufferBefore)
		after    = seconds(svc.BufferAfter)
	)
	for k := range w.spans {
		part, end := w.part(k)
		part.Starts = w.align(k, max(part.Starts, earliest), step)
		latest := min(part.Ends, end-duration+1)
		if part.Starts >= latest {
			continue
		}
		next := firstEndingAfter(full, part.Starts-before)
		// From closure to closure: a window without one pays a look, not its slots.
		for at := part.Starts; at < latest; {
			until := latest
			if shut, ok := w.opening.closed(at, latest+duration-1); ok {
				if shut.Starts < at+duration {
					at = w.align(k, shut.Ends, step)
					continue
				}
				until = shut.Starts - duration + 1
			}
			for ; at < until; at += step {
				for next < len(full) && full[next].Ends <= at-before {
					next++
				}
				if next < len(full) && full[next].Starts < at+duration+after {
					continue
				}
				dst = append(dst, Slot{Starts: at, Ends: at + duration, Opening: opening})
			}
		}
	}
	return dst
}

// arrange sorts the slots, keeps the best of each start, and returns how many are left.
func arrange(slots []Slot, openings []Opening) int {
	slices.SortFunc(slots, func(a, b Slot) int {
		if a.Starts != b.Starts {
			if a.Starts < b.Starts {
				return -1
			}
			return 1
		}
		return compareOpenings(openings, a.Opening, b.Opening)
	})
	return len(slices.CompactFunc(slots, func(a, b Slot) bool { return a.Starts == b.Starts }))
}

// compareOpenings is negative where opening a wins over opening b.
func compareOpenings(openings []Opening, a, b int) int {
	restrictedA, restrictedB := len(openings[a].Services) > 0, len(openings[b].Services) > 0
	switch {
	case restrictedA != restrictedB && restrictedA:
		return -1
	case restrictedA != restrictedB:
		return 1
	case openings[a].From != openings[b].From:
		return openings[b].From - openings[a].From
	}
	return a - b
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func ceilSeconds(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
