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

// window is one opening on one date: the instants at which the wall clock
// shows that date and a time inside the opening. Across a clock change that is
// a part in each of several spans, in order, not always touching.
type window struct {
	spans   []span
	date    Date
	opening *Opening
}

// wall returns the window's bounds in seconds of wall time.
func (w window) wall() Interval {
	return Interval{
		Starts: w.date.seconds() + int64(w.opening.From)*60,
		Ends:   w.date.seconds() + int64(w.opening.Until)*60,
	}
}

// own returns the window's instants within span k; empty where Starts >= Ends.
func (w window) own(k int) Interval {
	wall, s := w.wall(), w.spans[k]
	return Interval{Starts: max(wall.Starts-s.offset, s.from), Ends: min(wall.Ends-s.offset, s.until)}
}

// part returns the window's instants within span k, and the instant up to
// which the window goes on from there without a break.
func (w window) part(k int) (part Interval, end int64) {
	part = w.own(k)
	end = part.Ends
	for k++; k < len(w.spans) && end == w.spans[k].from; k++ {
		if next := w.own(k); next.Starts == end && next.Ends > end {
			end = next.Ends
		}
	}
	return part, end
}

// align returns the first instant not before at whose wall time, by the offset
// of span k, lies on the grid counted from the opening's start.
func (w window) align(k int, at, step int64) int64 {
	if off := floorMod(at+w.spans[k].offset-w.wall().Starts, step); off > 0 {
		return at + step - off
	}
	return at
}

// offers reports whether a slot of svc can begin at starts.
func (w window) offers(starts int64, svc Service) bool {
	for k := range w.spans {
		part, end := w.part(k)
		if starts >= part.Starts && starts < part.Ends {
			return starts+seconds(svc.Duration) <= end && w.align(k, starts, seconds(svc.Step)) == starts
		}
	}
	return false
}
