package booking

import (
	"slices"
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
	Busy    schedule.Interval
	Zone    *time.Location
	service practice.HealthcareService
	plan    *practice.Plan
	opening *schedule.Opening
	offer   *practice.Offer
}

// offered finds the slot in the offer. at is the time by which lead and
// horizon are judged. It returns [ErrNotOffered].
func offered(o *practice.Offer, service id.Service, practitioner id.Practitioner, location id.Location, starts, at time.Time) (slot, error) {
	plan, err := o.Plan(service, practitioner)
	if err != nil {
		return slot{}, ErrNotOffered.Because(err)
	}
	i, ok := plan.Offered(starts.Unix(), at, false)
	if !ok || starts.Nanosecond() != 0 || plan.Openings[i].Location != location {
		return slot{}, ErrNotOffered
	}
	opening, capacity := &plan.Openings[i], plan.Capacity
	if opening.Capacity > 0 {
		capacity = min(capacity, opening.Capacity)
	}
	known, _ := o.Service(service)
	return slot{
		Resource: plan.Resource, Capacity: capacity,
		Starts: starts.UTC(), Ends: starts.Add(plan.Service.Duration).UTC(),
		Busy: plan.Service.Occupies(starts.Unix()), Zone: opening.Zone,
		service: known, plan: plan, opening: opening, offer: o,
	}, nil
}

// group reports whether patients share the slot.
func (s slot) group() bool { return s.plan.Service.Seats > 1 }

// plain reports whether a free unit of the practitioner is all that the slot
// needs. Everything else asks the engine what stands against it.
func (s slot) plain() bool {
	return !s.group() && len(s.plan.Needs) == 0 && len(s.opening.Quotas) == 0 && len(s.ways()) == 0 && !s.imported()
}

// ways are the ways from the slot's location to the others.
func (s slot) ways() (ways []way) {
	for _, l := range s.plan.Legs {
		switch s.opening.Location {
		case l.A:
			ways = append(ways, way{l.B, l.Takes})
		case l.B:
			ways = append(ways, way{l.A, l.Takes})
		}
	}
	return ways
}

type way struct {
	to    id.Location
	takes time.Duration
}

// imported reports whether calendars that somebody imported say when the
// practitioner is busy.
func (s slot) imported() bool {
	return slices.ContainsFunc(s.offer.Calendars, func(c practice.Calendar) bool {
		return c.Kind == practice.BusyCalendar && c.Resource == s.Resource
	})
}

// counts returns, of the quotas that a patient says their booking counts
// towards, the indexes in the plan.
func (s slot) counts(quotas []id.Quota) ([]int, error) {
	var found []int
	for _, q := range quotas {
		i := slices.IndexFunc(s.plan.Quotas, func(x schedule.Quota) bool { return x.ID == q })
		if i < 0 || !slices.Contains(s.opening.Quotas, i) || slices.Contains(found, i) {
			return nil, ErrNotOffered
		}
		found = append(found, i)
	}
	slices.Sort(found)
	return found, nil
}

// period is the first day of the quota's period that the slot lies in.
func (s slot) period(quota int) schedule.Date {
	return s.plan.Quotas[quota].Per.First(schedule.DateOf(s.Starts.In(s.Zone)))
}

// day is the local day of the slot, and how many patients the practitioner can
// see on it when nothing is booked.
func (s slot) day(at time.Time) (starts, ends time.Time, slots int) {
	local := s.Starts.In(s.Zone)
	starts = time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, s.Zone)
	ends = time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, s.Zone)
	date := schedule.DateOf(local)
	var room [96]schedule.Slot // few practices offer more in a day
	all, _ := s.plan.Slots(room[:0], nil, &schedule.Load{}, schedule.Query{From: date, To: date + 1, Now: at})
	// Slots on a fine grid overlap: what counts is how many fit.
	var until int64
	for _, one := range all {
		if one.Starts >= until {
			slots++
			until = one.Ends
		}
	}
	return starts, ends, slots * max(1, s.plan.Service.Seats)
}
