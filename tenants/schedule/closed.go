package schedule

import (
	"cmp"
	"slices"
	"time"

	"siegel/platform/fault"
)

// ErrMalformedYearly is returned for text that names no yearly day.
var ErrMalformedYearly = fault.New(fault.Invalid, "malformed_yearly_day")

// Stretch is a stretch of wall time, half-open, from a minute of one date to a
// minute of another. Minutes count from midnight; 1440 is the end of the day.
type Stretch struct {
	From        Date
	FromMinute  int
	Until       Date
	UntilMinute int
}

// WholeDay is a date from its first to its last minute.
func WholeDay(d Date) Stretch { return Stretch{From: d, Until: d, UntilMinute: 24 * 60} }

// AppendIn appends the instants at which a clock on the wall in zone shows a
// time inside the stretch: as for an [Opening], two intervals where the clock
// is put back over an end of it, none for a day that the zone leaves out.
func (s Stretch) AppendIn(dst []Interval, zone *time.Location) []Interval {
	starts, ends := s.From.seconds()+int64(s.FromMinute)*60, s.Until.seconds()+int64(s.UntilMinute)*60
	var room [8]span
	for _, part := range appendSpans(room[:0], zone, starts-daySeconds, ends+daySeconds) {
		i := Interval{max(starts-part.offset, part.from), min(ends-part.offset, part.until)}
		if i.Starts < i.Ends {
			dst = append(dst, i)
		}
	}
	return dst
}

// Union sorts intervals in place and joins those that touch; empty ones go. It
// is what [Opening].Closed wants.
func Union(all []Interval) []Interval {
	slices.SortFunc(all, func(a, b Interval) int { return cmp.Compare(a.Starts, b.Starts) })
	joined := all[:0]
	for _, i := range all {
		switch last := len(joined) - 1; {
		case i.Starts >= i.Ends:
		case last >= 0 && i.Starts <= joined[last].Ends:
			joined[last].Ends = max(joined[last].Ends, i.Ends)
		default:
			joined = append(joined, i)
		}
	}
	return joined
}

// closed returns what of Closed keeps the instants [from, until) shut; false
// where nothing does.
func (o *Opening) closed(from, until int64) (Interval, bool) {
	if len(o.Closed) == 0 {
		return Interval{}, false
	}
	next := firstEndingAfter(o.Closed, from)
	if next == len(o.Closed) || o.Closed[next].Starts >= until {
		return Interval{}, false
	}
	return o.Closed[next], true
}

// covers reports whether the opening is closed all through a stretch.
func (o *Opening) covers(s Stretch) bool {
	var room [4]Interval
	for _, part := range s.AppendIn(room[:0], o.Zone) {
		shut, ok := o.closed(part.Starts, part.Ends)
		if !ok || shut.Starts > part.Starts || shut.Ends < part.Ends {
			return false
		}
	}
	return true
}

// Yearly is a day that comes back each year and is no public holiday, in text:
// a month and day like 12-24, or rosenmontag and the like.
type Yearly string

// carnival are the yearly days that move, in days after Easter Sunday.
func carnival(y Yearly) (days Date, name string, ok bool) {
	switch y {
	case "weiberfastnacht":
		return -52, "Weiberfastnacht", true
	case "rosenmontag":
		return -48, "Rosenmontag", true
	case "fastnachtsdienstag":
		return -47, "Fastnachtsdienstag", true
	}
	return 0, "", false
}

// Check returns [ErrMalformedYearly] for what names no day.
func (y Yearly) Check() error {
	const leap = 2024
	if _, ok := y.In(leap); !ok {
		return ErrMalformedYearly
	}
	return nil
}

// In returns the day in a year; false where the year does not have it.
func (y Yearly) In(year int) (Date, bool) {
	if days, _, ok := carnival(y); ok {
		return Easter(year) + days, true
	}
	t, err := time.Parse("01-02", string(y)) // in year 0, a leap year
	if err != nil {
		return 0, false
	}
	_, month, day := t.Date()
	d := NewDate(year, month, day)
	return d, d <= NewDate(year, month+1, 0) // or it carried over
}

// Name is what people call the day, in German, or empty.
func (y Yearly) Name() string {
	if _, name, ok := carnival(y); ok {
		return name
	}
	switch y {
	case "12-24":
		return "Heiligabend"
	case "12-31":
		return "Silvester"
	}
	return ""
}
