package ics

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"
)

// expander turns the entries of a calendar into instances within [from, to).
type expander struct {
	calendar *calendar
	zone     *time.Location
	from, to int64
	zones    map[string]*time.Location
	work     int
}

// instance is one time that an event takes place: as instants, half-open, and
// as days, both inclusive.
type instance struct {
	starts, ends int64
	first, last  int64
}

// at says in which line an error lies, and keeps its fault.
func at(line int, err error) error { return fmt.Errorf("line %d: %w", line, err) }

// zoneFor returns the zone in which a value is read.
func (x *expander) zoneFor(v value) (*time.Location, error) {
	switch {
	case v.kind == utcTime:
		return time.UTC, nil
	case v.kind == localTime && v.zone != "":
		return x.zoneOf(v.zone)
	case v.kind == localTime && x.calendar.zoneName != "":
		return x.zoneOf(x.calendar.zoneName)
	}
	return x.zone, nil
}

// instant returns when a value is; of a day, its first moment.
func (x *expander) instant(v value) (int64, error) {
	zone, err := x.zoneFor(v)
	if err != nil {
		// What is days away from the window needs no zone to be outside.
		if v.wall < x.from-3*daySeconds || v.wall > x.to+3*daySeconds {
			return v.wall, nil
		}
		return 0, err
	}
	first, _, _ := instants(v.wall, zone)
	return first, nil
}

// period returns the instants of a period.
func (x *expander) period(p period) (starts, ends int64, err error) {
	s := shape{starts: p.starts, ends: p.ends, hasEnd: p.hasEnd, lasts: p.lasts, hasDuration: p.hasDuration}
	if s.zone, err = x.zoneFor(p.starts); err != nil {
		s.zone = time.UTC
		if _, err := x.instant(p.starts); err != nil {
			return 0, 0, at(p.line, err)
		}
	}
	if err := x.measure(&s); err != nil {
		return 0, 0, at(p.line, err)
	}
	first, _, _ := instants(p.starts.wall, s.zone)
	return first, s.end(first, p.starts.wall), nil
}

// shape is how long an event lasts, and in which zone.
type shape struct {
	starts, ends value
	hasEnd       bool
	lasts        duration
	hasDuration  bool
	zone         *time.Location

	days, seconds int64 // by the wall clock, and exact
}

// measure works out how long it lasts. An end makes an exact length (RFC 5545
// section 3.8.5.3), except from midnight to midnight: those are days.
func (x *expander) measure(s *shape) error {
	switch {
	case s.hasDuration:
		s.days, s.seconds = s.lasts.days, s.lasts.seconds
	case s.hasEnd && s.starts.kind == s.ends.kind && s.starts.zone == s.ends.zone &&
		s.starts.wall%daySeconds == 0 && s.ends.wall%daySeconds == 0:
		s.days = (s.ends.wall - s.starts.wall) / daySeconds
	case s.hasEnd:
		starts, err := x.instant(s.starts)
		if err != nil {
			return err
		}
		ends, err := x.instant(s.ends)
		if err != nil {
			return err
		}
		s.seconds = ends - starts
	}
	if s.starts.kind == wholeDay && s.days == 0 && s.seconds == 0 {
		s.days = 1
	}
	if s.days < 0 || s.seconds < 0 {
		return ErrCalendarMalformed.Because(fmt.Errorf("it ends before it begins"))
	}
	return nil
}

// end returns when an instance ends that begins at an instant, at which the
// wall clock shows wall.
func (s *shape) end(starts, wall int64) int64 {
	if s.days > 0 {
		starts, _, _ = instants(wall+s.days*daySeconds, s.zone)
	}
	return starts + s.seconds
}

// instance makes the instance that begins when the wall clock shows wall.
func (s *shape) instance(x *expander, starts, wall int64) instance {
	i := instance{starts: starts, ends: s.end(starts, wall)}
	if s.starts.kind == wholeDay && s.seconds == 0 {
		i.first = floorDiv(wall, daySeconds)
		i.last = i.first + s.days - 1
		return i
	}
	i.first = floorDiv(wallAt(i.starts, x.zone), daySeconds)
	i.last = floorDiv(wallAt(max(i.ends-1, i.starts), x.zone), daySeconds)
	return i
}

// series is what shares a UID: the event, or several with equal right, and the
// instances that were changed.
type series struct {
	masters   []*event
	overrides []*event
}

// instances calls yield for each instance of each event that is not cancelled
// and overlaps the window, in no order.
func (x *expander) instances(yield func(*event, instance) error) error {
	byUID := map[string]*series{}
	all := make([]*series, 0, len(x.calendar.events))
	for _, e := range x.calendar.events {
		s := byUID[e.uid]
		if s == nil || e.uid == "" {
			s = &series{}
			all = append(all, s)
			byUID[e.uid] = s
		}
		s.add(e)
	}
	for _, s := range all {
		if err := x.series(s, yield); err != nil {
			return err
		}
	}
	return nil
}

// add keeps, of several versions, the newest. Two events that claim the same
// UID and the same version are both kept: better busy twice than free.
func (s *series) add(e *event) {
	if e.overrides {
		s.overrides = append(s.overrides, e)
		return
	}
	if len(s.masters) > 0 && e.sequence != s.masters[0].sequence {
		if e.sequence < s.masters[0].sequence {
			return
		}
		s.masters = s.masters[:0]
	}
	s.masters = append(s.masters, e)
}

// following changes all instances from one on.
type following struct {
	from  int64 // the instant it replaces
	shift int64 // of the wall clock
	shape shape
	event *event
}

func (x *expander) series(s *series, yield func(*event, instance) error) error {
	whole := slices.ContainsFunc(s.masters, func(e *event) bool { return e.starts.kind == wholeDay })
	// The versions of what was changed, by instant; where a timed event's change
	// names only a day, by that day.
	replaced, replacedDays := map[int64]int{}, map[int64]int{}
	var follows []following
	for _, e := range s.overrides {
		key, err := x.key(e.recurrence, whole)
		if err != nil {
			return at(e.line, err)
		}
		if e.recurrence.kind == wholeDay && !whole {
			replacedDays[e.recurrence.wall] = max(replacedDays[e.recurrence.wall], e.sequence)
		}
		replaced[key] = max(replaced[key], e.sequence)
		if e.andFollows && len(s.masters) > 0 {
			f := following{from: key, event: e}
			if f.shape, err = x.shape(e); err != nil {
				return at(e.line, err)
			}
			wall := e.recurrence.wall
			if e.recurrence.kind == utcTime {
				wall = wallAt(wall, f.shape.zone)
			}
			f.shift = e.starts.wall - wall
			follows = append(follows, f)
		}
	}
	slices.SortStableFunc(follows, func(a, b following) int { return cmp.Compare(a.from, b.from) })
	for _, e := range s.overrides {
		if key, _ := x.key(e.recurrence, whole); e.sequence < replaced[key] {
			continue // an older version of the same change
		}
		if err := x.single(e, yield); err != nil {
			return at(e.line, err)
		}
	}
	for _, e := range s.masters {
		if e.cancelled {
			continue
		}
		if err := x.master(e, replaced, replacedDays, follows, yield); err != nil {
			return at(e.line, err)
		}
	}
	return nil
}

// key is what instances of a series are told apart by: the instant, of whole
// days the day, counted as if it were in UTC.
func (x *expander) key(v value, whole bool) (int64, error) {
	if !whole {
		return x.instant(v)
	}
	wall := v.wall
	if v.kind == utcTime {
		wall = wallAt(wall, x.zone)
	}
	return daySeconds * floorDiv(wall, daySeconds), nil
}

func (x *expander) shape(e *event) (s shape, err error) {
	s = shape{starts: e.starts, ends: e.ends, hasEnd: e.hasEnd, lasts: e.lasts, hasDuration: e.hasDuration}
	if s.zone, err = x.zoneFor(e.starts); err != nil {
		return s, err
	}
	return s, x.measure(&s)
}

// single yields an event that does not recur.
func (x *expander) single(e *event, yield func(*event, instance) error) error {
	if e.cancelled {
		return nil
	}
	if x.away(e) {
		return nil
	}
	s, err := x.shape(e)
	if err != nil {
		return err
	}
	first, _, _ := instants(e.starts.wall, s.zone)
	return x.yield(e, s.instance(x, first, e.starts.wall), yield)
}

// away says that a single event lies so far from the window that its zone does
// not matter: a name nobody knows, years ago, is no reason to refuse the rest.
func (x *expander) away(e *event) bool {
	if e.starts.wall > x.to+3*daySeconds {
		return true
	}
	end := e.starts.wall + e.lasts.days*daySeconds + e.lasts.seconds
	if e.hasEnd {
		end = max(end, e.ends.wall)
	}
	return end < x.from-3*daySeconds
}

func (x *expander) yield(e *event, i instance, yield func(*event, instance) error) error {
	if i.ends <= x.from || i.starts >= x.to || i.starts >= i.ends {
		return nil
	}
	return yield(e, i)
}

func (x *expander) master(e *event, replaced, replacedDays map[int64]int, follows []following, yield func(*event, instance) error) error {
	if len(e.rules) == 0 && len(e.extra) == 0 && len(follows) == 0 && x.away(e) {
		return nil
	}
	s, err := x.shape(e)
	if err != nil {
		return err
	}
	whole := e.starts.kind == wholeDay
	except, exceptDays := map[int64]bool{}, map[int64]bool{}
	for _, v := range e.except {
		key, err := x.key(v, whole)
		if err != nil {
			return err
		}
		if v.kind == wholeDay && !whole {
			exceptDays[v.wall] = true
			continue
		}
		except[key] = true
	}
	done := map[int64]bool{}
	begin := func(starts, wall int64, length *shape) error {
		key := starts
		if whole {
			key = daySeconds * floorDiv(wall, daySeconds)
		}
		date := daySeconds * floorDiv(wall, daySeconds)
		_, changed := replaced[key]
		_, changedThatDay := replacedDays[date]
		if changed || changedThatDay || except[key] || exceptDays[date] {
			return nil
		}
		// Twice the same is once; but a period of its own length counts beside a
		// shorter one that begins with it.
		if length == &s {
			if done[key] {
				return nil
			}
			done[key] = true
		}
		who := e
		// The last change that began at this instance or before it.
		n := sort.Search(len(follows), func(i int) bool { return follows[i].from > key })
		if n > 0 {
			f := &follows[n-1]
			if f.event.cancelled {
				return nil
			}
			who, length, wall = f.event, &f.shape, wall+f.shift
			starts, _, _ = instants(wall, length.zone)
		}
		return x.yield(who, length.instance(x, starts, wall), yield)
	}

	first, _, _ := instants(e.starts.wall, s.zone)
	if err := begin(first, e.starts.wall, &s); err != nil {
		return err
	}
	// How much earlier than the window an instance may begin and still, by its
	// length or by having been moved, reach into it; and how much later.
	before, after := s.days*daySeconds+s.seconds+2*daySeconds, int64(2*daySeconds)
	for _, f := range follows {
		before = max(before, f.shift+f.shape.days*daySeconds+f.shape.seconds+2*daySeconds)
		after = max(after, 2*daySeconds-f.shift)
	}
	for _, r := range e.rules {
		if whole && r.freq >= hourly {
			return ErrCalendarMalformed.Because(fmt.Errorf("RRULE: %w: whole days by the hour", errRule))
		}
		walls, err := r.expand(e.starts.wall, x.until(r.until, whole, s.zone), x.from-before, x.to+after, &x.work)
		if err != nil {
			return err
		}
		for _, wall := range walls {
			if whole {
				wall = daySeconds * floorDiv(wall, daySeconds)
			}
			one, two, times := instants(wall, s.zone)
			if r.freq >= hourly && times == 0 {
				continue // the next one is the same instant
			}
			if err := begin(one, wall, &s); err != nil {
				return err
			}
			// What goes by the hour goes on in the hour that comes twice.
			if r.freq >= hourly && times == 2 {
				if err := begin(two, wall, &s); err != nil {
					return err
				}
			}
		}
	}
	for _, p := range e.extra {
		own := s
		if p.hasEnd || p.hasDuration {
			own.ends, own.hasEnd, own.lasts, own.hasDuration = p.ends, p.hasEnd, p.lasts, p.hasDuration
			own.days, own.seconds = 0, 0
		}
		own.starts = p.starts
		if own.zone, err = x.zoneFor(p.starts); err != nil {
			return at(p.line, err)
		}
		if p.hasEnd || p.hasDuration {
			if err := x.measure(&own); err != nil {
				return at(p.line, err)
			}
		}
		starts, _, _ := instants(p.starts.wall, own.zone)
		if err := begin(starts, p.starts.wall, &own); err != nil {
			return err
		}
	}
	return nil
}

// until returns the last wall time of a rule. A date is the whole of that day,
// also where the start has a time.
func (x *expander) until(v value, whole bool, zone *time.Location) int64 {
	switch {
	case v.kind == noTime:
		return farFuture
	case v.kind == wholeDay || whole:
		if v.kind == utcTime {
			v.wall = wallAt(v.wall, x.zone)
		}
		return daySeconds*floorDiv(v.wall, daySeconds) + daySeconds - 1
	case v.kind == utcTime:
		return wallAt(v.wall, zone)
	}
	return v.wall
}
