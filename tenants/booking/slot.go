package booking

import (
	"time"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// slot is a time that the practice offers, busy or not.
type slot struct {
	Resource id.Resource
	Capacity int
	Starts   time.Time
	Ends     time.Time
	// Busy is what an appointment occupies, buffers included.
	Busy schedule.Interval
	Zone *time.Location
	plan practice.Plan
}

// offered finds the slot in the offer. at is the time by which lead and
// horizon are judged. It returns [ErrNotOffered].
func offered(o *practice.Offer, service id.Service, practitioner id.Practitioner, location id.Location, starts, at time.Time) (slot, error) {
	plan, err := o.Plan(service, practitioner)
	if err != nil {
		return slot{}, ErrNotOffered.Because(err)
	}
	opening, ok := plan.Offered(starts, at)
	if !ok || opening.Location != location {
		return slot{}, ErrNotOffered
	}
	return slot{
		Resource: plan.Resource, Capacity: plan.Capacity,
		Starts: starts.UTC(), Ends: starts.Add(plan.Service.Duration).UTC(),
		Busy: plan.Service.Occupies(starts.Unix()), Zone: opening.Zone, plan: plan,
	}, nil
}

// day is the local day of the slot, and how many slots the practitioner offers
// on it when nothing is booked.
func (s slot) day(at time.Time) (starts, ends time.Time, slots int) {
	local := s.Starts.In(s.Zone)
	starts = time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, s.Zone)
	ends = time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, s.Zone)
	date := schedule.DateOf(local)
	var room [96]schedule.Slot // few practices offer more in a day
	all := schedule.Slots(room[:0], s.plan.Openings, s.plan.Service, s.Capacity, nil, date, date+1, at)
	// Slots on a fine grid overlap: what counts is how many fit.
	var until int64
	for _, one := range all {
		if one.Starts >= until {
			slots++
			until = one.Ends
		}
	}
	return starts, ends, slots
}
