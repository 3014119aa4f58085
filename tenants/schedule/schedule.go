// Package schedule decides what can be booked: rules and what is taken go in,
// free slots come out, with a reason for whatever is not offered.
//
// It is pure: no I/O, no clock of its own, no state. Instants are seconds
// since 1970 UTC, intervals are half-open. Openings are wall time in their
// location's zone: a window is the set of instants at which a clock on the
// location's wall shows a time inside it. A wall time that a clock change
// skips is therefore never offered, one that it repeats is offered twice, as
// two instants, and the promise holds in every IANA zone. Closures and public
// holidays ([Holidays]) are wall time by the same rule, a [Stretch] each.
//
// # Which window
//
// An [Opening] that begins on a date is a window. A window has a start where
// the wall clock shows From plus a multiple of the service's step, the slot's
// shown time lies inside the window and out of what is closed of it, and it
// serves the service. Where several have the same start, the most specific
// decides alone, even if it then refuses: one for the staff before others,
// then one limited to at most 31 dates, one restricted to services, one to
// patients, one that is not every week, one limited to any dates, then the one
// that opens later, the one that closes earlier, the first in the list. So a
// window kept for the staff, for walk-ins, or not yet released keeps its time
// out of a wider window around it.
//
// # Which date
//
// A window belongs to the date it begins on, with what its rules say: weekday,
// weeks, validity, release, opening to all. A slot belongs to the local date it
// begins on: so it is asked for, so the horizon sees it and quotas count it.
// They differ only after the midnight that a window crosses.
//
// # In which order
//
// [Plan.Why] is the decision for one instant, step by step; [Plan.Slots] comes
// to the same for a range of dates, fast. Neither promises that a slot stays
// free: that is the database's matter.
package schedule

import "time"

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func ceilSeconds(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
