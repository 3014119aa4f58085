package ics

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"siegel/platform/fault"
)

// What [Busy] and [Days] find wrong with a calendar. The cause names the line,
// the property and the zone, never what an entry is about.
var (
	ErrCalendarMalformed   = fault.New(fault.Invalid, "calendar_malformed")
	ErrCalendarTooLarge    = fault.New(fault.Invalid, "calendar_too_large")
	ErrCalendarUnknownZone = fault.New(fault.Invalid, "calendar_unknown_zone")
)

const (
	// MaxOctets is how long a calendar may be.
	MaxOctets = 2 << 20
	// MaxSpans is how many spans or ranges of days come out of one.
	MaxSpans = 20_000
	// maxWork bounds how many days are looked at while rules are expanded, about
	// a second's worth: seven thousand yearly entries over two years need a fifth.
	maxWork = 5_000_000
	// instanceWork is what an instance costs, which makes 200,000 of them.
	instanceWork = 25
)

// Span is busy time, half-open.
type Span struct{ Starts, Ends time.Time }

// Range is a run of whole days, both inclusive, as midnights in UTC.
type Range struct {
	First, Last time.Time
	// Name is what the calendar calls it: one line of visible text, at most
	// 1,000 characters.
	Name string
}

// Busy reads an iCalendar object (RFC 5545) and returns when its owner is busy
// within [from, to): in order, merged, cut at both ends, in UTC.
//
// Busy are events that are neither cancelled nor transparent, with all that
// their rules, dates and exceptions make of them, and the periods of VFREEBUSY
// that are not free. Tentative counts as busy. zone is the zone of whole days
// and, where the calendar names none (X-WR-TIMEZONE), of times without one. A
// wall time that a clock change leaves out is read with the offset before the
// change, one that happens twice is the first.
//
// It returns [ErrCalendarMalformed], [ErrCalendarTooLarge] for more than
// [MaxOctets], more than [MaxSpans] or rules that would not end, and
// [ErrCalendarUnknownZone] for a time that counts in a zone that is neither an
// IANA name nor described in the calendar.
func Busy(r io.Reader, zone *time.Location, from, to time.Time) ([]Span, error) {
	c, err := read(r, false)
	if err != nil {
		return nil, fmt.Errorf("read calendar: %w", err)
	}
	x := expander{calendar: c, zone: zone, from: from.Unix(), to: to.Unix(), work: maxWork}
	out := collector{from: x.from, to: x.to}
	for _, p := range c.periods {
		starts, ends, err := x.period(p)
		if err != nil {
			return nil, fmt.Errorf("read calendar: %w", err)
		}
		if err := out.add(starts, ends); err != nil {
			return nil, fmt.Errorf("read calendar: %w", err)
		}
	}
	err = x.instances(func(e *event, i instance) error {
		if e.transparent {
			return nil
		}
		return out.add(i.starts, i.ends)
	})
	if err != nil {
		return nil, fmt.Errorf("read calendar: %w", err)
	}
	merged, err := out.merged()
	if err != nil {
		return nil, fmt.Errorf("read calendar: %w", err)
	}
	spans := make([]Span, len(merged))
	for i, m := range merged {
		spans[i] = Span{Starts: time.Unix(m.starts, 0).UTC(), Ends: time.Unix(m.ends, 0).UTC()}
	}
	return spans, nil
}

// Days reads an iCalendar object as whole days, such as school holidays, and
// returns those within the dates from and to (both inclusive, the time of day
// does not count), cut at both ends, in order of their first day. Entries that
// begin or end within a day take all of it, in the zone. Ranges may overlap.
// Transparent entries count, since holidays seldom make anybody busy; cancelled
// ones do not. It returns the errors of [Busy].
func Days(r io.Reader, zone *time.Location, from, to time.Time) ([]Range, error) {
	c, err := read(r, true)
	if err != nil {
		return nil, fmt.Errorf("read calendar: %w", err)
	}
	first, last := dayNumber(from.Date()), dayNumber(to.Date())
	// A day more at both ends: the zone decides to which date an instant belongs.
	x := expander{calendar: c, zone: zone, from: (first - 1) * daySeconds, to: (last + 2) * daySeconds, work: maxWork}
	ranges := []Range{}
	err = x.instances(func(e *event, i instance) error {
		a, b := max(i.first, first), min(i.last, last)
		if a > b {
			return nil
		}
		if len(ranges) == MaxSpans {
			return ErrCalendarTooLarge.Because(fmt.Errorf("more than %d ranges", MaxSpans))
		}
		ranges = append(ranges, Range{midnight(a), midnight(b), e.name})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read calendar: %w", err)
	}
	slices.SortFunc(ranges, func(a, b Range) int {
		return cmp.Or(a.First.Compare(b.First), b.Last.Compare(a.Last), cmp.Compare(a.Name, b.Name))
	})
	return slices.Compact(ranges), nil
}

// span is a Span in seconds since 1970.
type span struct{ starts, ends int64 }

// collector merges spans as they come, so that many small ones need little room.
type collector struct {
	from, to int64
	spans    []span
}

func (c *collector) add(starts, ends int64) error {
	starts, ends = max(starts, c.from), min(ends, c.to)
	if starts >= ends {
		return nil
	}
	c.spans = append(c.spans, span{starts, ends})
	if len(c.spans) < 4*MaxSpans {
		return nil
	}
	_, err := c.merged()
	return err
}

func (c *collector) merged() ([]span, error) {
	slices.SortFunc(c.spans, func(a, b span) int { return cmp.Compare(a.starts, b.starts) })
	n := 0
	for _, s := range c.spans {
		if n > 0 && s.starts <= c.spans[n-1].ends {
			c.spans[n-1].ends = max(c.spans[n-1].ends, s.ends)
			continue
		}
		c.spans[n] = s
		n++
	}
	c.spans = c.spans[:n]
	if n > MaxSpans {
		return nil, ErrCalendarTooLarge.Because(fmt.Errorf("more than %d spans", MaxSpans))
	}
	return c.spans, nil
}
