package schedule

import (
	"math"
	"time"
)

// span is a time, in seconds UTC, through which a zone keeps one offset.
type span struct{ from, until, offset int64 }

// appendSpans appends the spans of zone that cover the instants [from, until).
func appendSpans(dst []span, zone *time.Location, from, until int64) []span {
	for at := from; at < until; {
		t := time.Unix(at, 0).In(zone)
		_, offset := t.Zone()
		end := int64(math.MaxInt64)
		if _, bound := t.ZoneBounds(); !bound.IsZero() {
			end = bound.Unix()
		}
		dst = append(dst, span{at, end, int64(offset)})
		at = end
	}
	return dst
}

// wallIn returns what a clock on the wall in zone shows at an instant, in
// seconds of wall time.
func wallIn(zone *time.Location, instant int64) int64 {
	_, offset := time.Unix(instant, 0).In(zone).Zone()
	return instant + int64(offset)
}

// dateIn returns the local date of an instant.
func dateIn(zone *time.Location, instant int64) Date {
	return Date(floorDiv(wallIn(zone, instant), daySeconds))
}

// firstAt returns the first instant at which a clock on the wall in zone shows
// wall, in seconds of wall time, or later.
func firstAt(zone *time.Location, wall int64) int64 {
	var room [8]span
	for _, s := range appendSpans(room[:0], zone, wall-2*daySeconds, wall+2*daySeconds) {
		if at := max(wall-s.offset, s.from); at < s.until {
			return at
		}
	}
	return wall // no zone is two days off
}

// window is one opening on one date: the instants at which the wall clock
// shows a time inside the opening, counted from that date. Across a clock
// change that is a part in each of several spans, in order, not always touching.
type window struct {
	spans   []span
	date    Date
	opening *Opening
	wall    Interval // its bounds in seconds of wall time
}

// windowIn returns the window of an opening on a date, which spans cover.
func windowIn(spans []span, o *Opening, date Date) window {
	midnight := date.seconds()
	return window{spans, date, o, Interval{midnight + int64(o.From)*60, midnight + int64(o.Until)*60}}
}

// windowOn returns the window of an opening on a date, with spans of its own
// that go into room.
func windowOn(room []span, o *Opening, date Date) window {
	return windowIn(appendSpans(room, o.Zone, date.seconds()-daySeconds, date.seconds()+3*daySeconds), o, date)
}

// own returns the window's instants within span k; empty where Starts >= Ends.
func (w *window) own(k int) Interval { return w.spans[k].clip(w.wall) }

// clip returns the instants of the span at which the wall clock shows a time
// inside wall; empty where Starts >= Ends.
func (s span) clip(wall Interval) Interval {
	return Interval{Starts: max(wall.Starts-s.offset, s.from), Ends: min(wall.Ends-s.offset, s.until)}
}

// part returns the window's instants within span k, and the instant up to
// which the window goes on from there without a break.
func (w *window) part(k int) (part Interval, end int64) {
	part = w.own(k)
	end = part.Ends
	for k++; k < len(w.spans) && end == w.spans[k].from; k++ {
		if next := w.own(k); next.Starts == end && next.Ends > end {
			end = next.Ends
		}
	}
	return part, end
}

// at returns the span in which the window is open at an instant; false where
// it is not open then.
func (w *window) at(instant int64) (k int, open bool) {
	for k := range w.spans {
		if own := w.own(k); own.Starts <= instant && instant < own.Ends {
			return k, true
		}
	}
	return 0, false
}

// align returns the first instant not before at whose wall time, by the offset
// of span k, lies on the grid counted from the opening's start.
func (w *window) align(k int, at, step int64) int64 {
	if off := floorMod(at+w.spans[k].offset-w.wall.Starts, step); off > 0 {
		return at + step - off
	}
	return at
}

// appendStarts appends the window's starts that are not before earliest and at
// which the wall clock shows a time on date: all that closures leave, taken or
// not. Their class is left to the caller.
func (w *window) appendStarts(dst []Slot, date Date, earliest int64, svc *Service, opening, class int32) []Slot {
	step, duration := seconds(svc.Step), seconds(svc.Duration)
	day := Interval{date.seconds(), date.seconds() + daySeconds}
	for k := range w.spans {
		part, end := w.part(k)
		on := w.spans[k].clip(day)
		at := max(part.Starts, on.Starts, earliest)
		latest := min(part.Ends, on.Ends, end-duration+1)
		if at >= latest {
			continue
		}
		// From closure to closure: a window without one pays a look, not its slots.
		for at = w.align(k, at, step); at < latest; {
			until := latest
			if shut, ok := w.opening.closed(at, latest+duration-1); ok {
				if shut.Starts < at+duration {
					at = w.align(k, shut.Ends, step)
					continue
				}
				until = shut.Starts - duration + 1
			}
			for ; at < until; at += step {
				dst = append(dst, Slot{Starts: at, Ends: at + duration, Opening: opening, Class: class})
			}
		}
	}
	return dst
}
