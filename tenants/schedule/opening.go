package schedule

import (
	"math"
	"slices"
	"time"

	"siegel/platform/id"
)

// Weekdays is a set of days of the week: bit 0 is Monday, bit 6 Sunday.
type Weekdays uint8

// EveryDay is all seven, as an extra opening on given dates has them.
const EveryDay Weekdays = 1<<7 - 1

// WeekdaysOf returns the set of some ISO 8601 days: 1 is Monday, 7 is Sunday.
// Other numbers are left out.
func WeekdaysOf(days ...int) Weekdays {
	var set Weekdays
	for _, day := range days {
		if 1 <= day && day <= 7 {
			set |= 1 << (day - 1)
		}
	}
	return set
}

// Has reports whether the ISO 8601 day is in the set.
func (w Weekdays) Has(day int) bool { return w>>(day-1)&1 != 0 }

// Days returns the ISO 8601 days in order, never nil.
func (w Weekdays) Days() []int {
	days := []int{}
	for day := 1; day <= 7; day++ {
		if w.Has(day) {
			days = append(days, day)
		}
	}
	return days
}

// Opening is a weekly window of one practitioner (or room, or device) at one
// location.
type Opening struct {
	ID       id.Window
	Location id.Location
	// Zone is the location's; it is never nil.
	Zone *time.Location
	// Weekdays are the days on which it begins.
	Weekdays Weekdays
	// From and Until are minutes of wall time since midnight, half-open. Until
	// may reach 2880: a window that crosses midnight belongs to the date it
	// begins on. It lasts at most a day.
	From, Until int
	// ValidFrom and ValidUntil are the first and the last date on which it
	// begins; zero is no limit.
	ValidFrom, ValidUntil Date
	// EveryWeeks lets it be every so many weeks only, counted from the week
	// (ISO 8601: from Monday) of Anchor in both directions; 0 and 1 are every week.
	EveryWeeks int
	Anchor     Date
	// Services restricts it to some services; empty is all.
	Services []id.Service
	// For is whom it is for; the zero value is nobody.
	For Group
	// OpenToAll is from how many days before the window begins on For no longer
	// restricts; negative is never, and 0 from that date's own beginning on.
	OpenToAll int
	// Staff keeps it to the staff: see [Query].Staff.
	Staff bool
	// WalkIn is an open consultation hour: it is shown, and never booked.
	WalkIn bool
	// Capacity is how many the practitioner takes at once inside of it, where
	// that is less than [Plan].Capacity; 0 is no limit of its own.
	Capacity int
	// Lead and Horizon are as in [Service]; the longer lead and the shorter
	// horizon hold. A negative Horizon is none of its own.
	Lead    time.Duration
	Horizon int
	// Release says when a window's slots come into sale.
	Release Release
	// Quotas are those that its slots count towards, as indexes into [Plan].Quotas.
	Quotas []int
	// Closed is when it is closed nevertheless, at its place or for its
	// practitioner: in order, disjoint, none empty (see [Union]). A slot's shown
	// time stays out of it, buffers may reach in, as over the opening's end.
	Closed []Interval
	// Condition is the caller's, carried along: an index into its table of conditions.
	Condition int
}

// Release says when a window's slots come into sale: from the instant on at
// which the wall clock first shows Minute, or a later time, on the date Days
// before the one it begins on. The zero value is at once.
type Release struct {
	Set    bool
	Days   int
	Minute int
}

// minutesOfDay is midnight's minute, beyond which a window crosses it.
const minutesOfDay = 24 * 60

// specificity is a number that is higher for the more specific of two openings,
// as far as that does not depend on the time of day: see the package's comment.
func (o *Opening) specificity() int {
	const shortTerm = 31
	rules := [...]bool{
		o.Staff,
		o.ValidFrom != 0 && o.ValidUntil != 0 && o.ValidUntil-o.ValidFrom < shortTerm,
		len(o.Services) > 0,
		o.For != Everyone,
		o.EveryWeeks > 1,
		o.ValidFrom != 0 || o.ValidUntil != 0,
	}
	n := 0
	for _, holds := range rules {
		n <<= 1
		if holds {
			n++
		}
	}
	return n
}

// group returns whom a window is for that begins on a date, seen from today.
func (o *Opening) group(begins, today Date) Group {
	if o.OpenToAll >= 0 && begins-today <= Date(o.OpenToAll) {
		return Everyone
	}
	return o.For & Everyone
}

// begins returns the date on which the window begins that is open at an
// instant: the day before where that is after the midnight it crosses.
func (o *Opening) begins(instant int64) Date {
	date := dateIn(o.Zone, instant)
	if wallIn(o.Zone, instant)-date.seconds() < int64(o.From)*60 {
		date--
	}
	return date
}

// earliest returns the first instant that lead lets through: the longer of the
// opening's and the service's.
func (o *Opening) earliest(svc *Service, q *Query) int64 {
	if q.Staff {
		return ceilSeconds(q.Now)
	}
	return ceilSeconds(q.Now.Add(max(0, o.Lead, svc.Lead)))
}

// horizon returns the shorter of the opening's horizon and the service's, in days.
func (o *Opening) horizon(svc *Service) Date {
	if o.Horizon < 0 {
		return Date(svc.Horizon)
	}
	return Date(min(o.Horizon, svc.Horizon))
}

// released returns the instant from which the slots of a window that begins on
// a date are in sale.
func (o *Opening) released(begins Date) int64 {
	if !o.Release.Set {
		return math.MinInt64
	}
	return firstAt(o.Zone, (begins-Date(o.Release.Days)).seconds()+int64(o.Release.Minute)*60)
}

// holds reports whether the opening is in force on date and serves the service.
func (o *Opening) holds(date Date, service id.Service) bool {
	return o.inForce(date) && o.serves(service)
}

// inForce reports whether the opening begins on date, if it has that weekday.
func (o *Opening) inForce(date Date) bool {
	return (o.ValidFrom == 0 || date >= o.ValidFrom) &&
		(o.ValidUntil == 0 || date <= o.ValidUntil) &&
		(o.EveryWeeks <= 1 || (date.week()-o.Anchor.week())%Date(o.EveryWeeks) == 0)
}

func (o *Opening) serves(service id.Service) bool {
	return len(o.Services) == 0 || slices.Contains(o.Services, service)
}
