package schedule

import (
	"time"

	"siegel/platform/id"
)

// Plan is how one practitioner offers one service: all the rules, and nothing
// about what is taken.
type Plan struct {
	Practitioner id.Practitioner
	Service      Service
	Openings     []Opening
	// Quotas are what Openings point to.
	Quotas []Quota
	// Capacity is how many appointments the practitioner's resource bears at once.
	Capacity int
	// Needs are the rooms and devices that the service takes besides, out of
	// Supplies: of those without a location, or at the opening's.
	Needs    []Need
	Supplies []Supply
	// Legs are the ways between locations; two that no leg joins are no time apart.
	Legs []Leg
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
	// Seats is how many patients share one session; above one it is a group.
	Seats int
}

// Occupies returns what an appointment that begins at starts occupies:
// its duration and its buffers.
func (s Service) Occupies(starts int64) Interval {
	return Interval{
		Starts: starts - seconds(s.BufferBefore),
		Ends:   starts + seconds(s.Duration) + seconds(s.BufferAfter),
	}
}

// Leg is the way between two locations, in either direction.
type Leg struct {
	A, B  id.Location
	Takes time.Duration
}

// Need is a room or device that a service takes: any one of some supplies.
type Need struct {
	Role string
	// Supplies are indexes into [Plan].Supplies.
	Supplies []int
}

// Supply is a resource that can fill a need.
type Supply struct {
	Resource id.Resource
	// Location is where it stands; zero is anywhere.
	Location id.Location
	// Capacity is how many appointments it bears at once.
	Capacity int
	// Shut is when it cannot be used, being closed or not open: in order and
	// disjoint (see [Union], [Outside]). A slot's shown time stays out of it,
	// buffers may reach in, as over the end of an opening.
	Shut []Interval
}

// Load is what is taken of a plan.
type Load struct {
	// Busy is the practitioner's own, one entry for each unit that is taken,
	// in any order. A session of a group takes one, that of the plan's own
	// service too.
	Busy []Busy
	// Sessions are the groups of this very service and practitioner that have
	// begun to fill, in order of their start.
	Sessions []Session
	// Supplies is what is taken of each of Plan.Supplies, as in Busy; it may be
	// shorter where nothing is.
	Supplies [][]Busy
	// Used is what is used up of each of Plan.Quotas, in order of Period; it
	// may be shorter where nothing is.
	Used [][]Use
}

// BusyKind is what makes time busy.
type BusyKind uint8

// What makes time busy.
const (
	Appointment BusyKind = iota
	Hold                 // busy-tentative: somebody is filling in the form
	Imported             // from an imported calendar
)

// Busy is time that is taken, buffers included.
type Busy struct {
	Interval
	// Location is where; zero is not known, and then no way is counted.
	Location id.Location
	Kind     BusyKind
}

// Session is a group that has begun to fill: when its slot starts, without
// buffer, and how many seats are taken.
type Session struct {
	Starts int64
	Taken  int
}

// Query asks for slots.
type Query struct {
	// From and To are local dates, half-open, on which slots begin.
	From, To Date
	Now      time.Time
	// Staff sees its own windows too, and is not bound by lead, horizon and
	// release; only by the past.
	Staff bool
}

// Interval is a half-open span of time, in seconds since 1970 UTC.
type Interval struct{ Starts, Ends int64 }
