package ics

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
)

// zoneOf finds the zone of a TZID: the IANA zone where the name is one's, else
// what the calendar itself describes, else the IANA name that some programs
// hide in a longer one ("/mozilla.org/20050126_1/Europe/Berlin"). There is no
// table of Windows' names: those who write them describe them too (RFC 5545
// section 3.2.19 obliges them to).
func (x *expander) zoneOf(name string) (*time.Location, error) {
	if zone, known := x.zones[name]; known {
		return zone, nil
	}
	zone, err := x.findZone(name)
	if err != nil {
		return nil, err
	}
	if x.zones == nil {
		x.zones = map[string]*time.Location{}
	}
	x.zones[name] = zone
	return zone, nil
}

func (x *expander) findZone(name string) (*time.Location, error) {
	// Short names such as EST mean what the calendar says, if it says it.
	if strings.Contains(name, "/") || name == "UTC" || name == "GMT" {
		if zone, ok := iana(name); ok {
			return zone, nil
		}
	}
	if rules, described := x.calendar.zones[name]; described {
		if zone, ok := iana(rules.location); ok {
			return zone, nil
		}
		if len(rules.changes) > 0 {
			return x.build(name, rules)
		}
	}
	if parts := strings.Split(name, "/"); parts[0] == "" {
		for n := min(3, len(parts)); n >= 2; n-- {
			if zone, ok := iana(strings.Join(parts[len(parts)-n:], "/")); ok {
				return zone, nil
			}
		}
	}
	if zone, ok := iana(name); ok {
		return zone, nil
	}
	return nil, ErrCalendarUnknownZone.Because(fmt.Errorf("%.64q", name))
}

func iana(name string) (*time.Location, bool) {
	if name == "" || name == "Local" || len(name) > 64 {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// firstChange is from when on the changes of a described zone are worked out;
// nothing that lies in any window is older.
const firstChange = 0 // 1970

// change is a moment at which the offset of a zone becomes another.
type change struct{ at, before, after int64 }

// build makes a zone of a VTIMEZONE (RFC 5545 section 3.6.5), as far as a year
// behind the window.
func (x *expander) build(name string, rules *zoneRules) (*time.Location, error) {
	var changes []change
	add := func(o *observance, wall int64) {
		changes = append(changes, change{wall - o.before, o.before, o.after})
	}
	for _, o := range rules.changes {
		add(o, o.starts.wall)
		for _, v := range o.extra {
			add(o, v.wall)
		}
		for _, r := range o.rules {
			until := r.until.wall
			switch r.until.kind {
			case noTime:
				until = farFuture
			case wholeDay:
				until += daySeconds - 1
			case utcTime:
				until += o.before
			}
			walls, err := r.expand(o.starts.wall, until, firstChange, x.to+366*daySeconds, &x.work)
			if err != nil {
				return nil, at(o.line, err)
			}
			for _, wall := range walls {
				add(o, wall)
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	changes = slices.CompactFunc(changes, func(a, b change) bool { return a.at == b.at })
	zone, err := zoneOfChanges(name, changes)
	if err != nil {
		return nil, at(rules.line, ErrCalendarMalformed.Because(err))
	}
	return zone, nil
}

// zoneOfChanges writes the changes as a TZif file (RFC 8536), which is the one
// way to a zone of one's own. There has to be at least one change.
func zoneOfChanges(name string, changes []change) (*time.Location, error) {
	offsets := []int64{changes[0].before} // the first is for all that is before
	index := map[int64]byte{}
	kinds := make([]byte, len(changes))
	for i, c := range changes {
		n, known := index[c.after]
		if !known {
			if len(offsets) == 256 {
				return nil, fmt.Errorf("a zone with more than 255 offsets")
			}
			n = byte(len(offsets))
			index[c.after] = n
			offsets = append(offsets, c.after)
		}
		kinds[i] = n
	}
	header := func(b []byte, times, types, chars int) []byte {
		b = append(b, "TZif2"...)
		b = append(b, make([]byte, 15+3*4)...)
		for _, n := range []int{times, types, chars} {
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		}
		return b
	}
	b := header(nil, 0, 0, 0) // the block of version 1, which nobody reads
	b = header(b, len(changes), len(offsets), 1)
	for _, c := range changes {
		b = binary.BigEndian.AppendUint64(b, uint64(c.at))
	}
	b = append(b, kinds...)
	for _, offset := range offsets {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(offset)))
		b = append(b, 0, 0) // not called summer time, no abbreviation
	}
	b = append(b, 0)         // abbreviations
	b = append(b, "\n\n"...) // no rule for what comes later
	zone, err := time.LoadLocationFromTZData(name, b)
	if err != nil {
		return nil, fmt.Errorf("build zone: %w", err)
	}
	return zone, nil
}

// instants returns when a wall clock in the zone shows wall: once, twice on the
// night the clock is set back, never (and then as if it were not yet set
// forward, RFC 5545 section 3.3.5) on the night it is set forward.
func instants(wall int64, zone *time.Location) (first, second int64, times int) {
	offset := func(t int64) int64 {
		_, o := time.Unix(t, 0).In(zone).Zone()
		return int64(o)
	}
	before, after := offset(wall-daySeconds), offset(wall+daySeconds)
	a, b := wall-before, wall-after
	switch fitsA, fitsB := offset(a) == before, offset(b) == after; {
	case fitsA && fitsB && a != b:
		return min(a, b), max(a, b), 2
	case fitsA:
		return a, a, 1
	case fitsB:
		return b, b, 1
	default:
		return a, a, 0
	}
}

// wallAt returns what a wall clock in the zone shows at an instant.
func wallAt(instant int64, zone *time.Location) int64 {
	_, offset := time.Unix(instant, 0).In(zone).Zone()
	return instant + int64(offset)
}
