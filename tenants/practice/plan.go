package practice

import (
	"slices"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// Plan is how one practitioner offers one service. Nobody changes it: it is
// shared.
type Plan struct {
	schedule.Plan
	// Resource is the practitioner's.
	Resource id.Resource
}

// Plan returns how the practitioner offers the service. It returns
// [ErrUnknownService], [ErrUnknownPractitioner] or [ErrNotOffered].
func (o *Offer) Plan(service id.Service, practitioner id.Practitioner) (*Plan, error) {
	plans, err := o.plansFor(service, practitioner)
	if err != nil {
		return nil, err
	}
	return &plans[0], nil
}

// plansFor returns the plan of one practitioner, or for the zero id those of
// all who offer the service.
func (o *Offer) plansFor(service id.Service, practitioner id.Practitioner) ([]Plan, error) {
	plans, ok := o.plans[service]
	if !ok {
		return nil, ErrUnknownService
	}
	all := plans()
	if practitioner.IsZero() {
		return all, nil
	}
	if _, ok := o.practitioners[practitioner]; !ok {
		return nil, ErrUnknownPractitioner
	}
	i := slices.IndexFunc(all, func(p Plan) bool { return p.Practitioner == practitioner })
	if i < 0 {
		return nil, ErrNotOffered
	}
	return all[i : i+1 : i+1], nil
}

// plansOf builds the plans of a service.
func (o *Offer) plansOf(x *HealthcareService) []Plan {
	plans := make([]Plan, 0, len(x.Practitioners))
	for i := range o.Practitioners {
		if p := &o.Practitioners[i]; slices.Contains(x.Practitioners, p.ID) {
			plans = append(plans, o.plan(x, p, false))
		}
	}
	return plans
}

// plan builds a plan, with the windows for other services only where they are
// wanted: to say that there are some.
func (o *Offer) plan(x *HealthcareService, p *Practitioner, others bool) Plan {
	plan := Plan{
		Resource: p.Resource,
		Plan: schedule.Plan{
			Practitioner: p.ID,
			Service:      x.times(p.ID),
			Quotas:       o.quotas,
			Capacity:     o.Resources[o.resources[p.Resource]].Capacity,
			Legs:         o.legs,
		},
	}
	at, group := o.services[x.ID], x.group()
	for _, w := range o.open[p.ID] {
		serves := len(w.Services) == 0 || slices.Contains(w.Services, x.ID)
		if w.For &= group; !serves && !others || w.For == 0 && w.OpenToAll < 0 {
			continue
		}
		from := &o.Openings[w.at]
		w.Condition = 2 * at
		if x.Referral || from.Referral {
			w.Condition++
		}
		for i := range o.Quotas {
			if o.Quotas[i].counts(x.ID, p.ID, w.ID) {
				w.Quotas = append(w.Quotas, i)
			}
		}
		if group != schedule.Everyone && w.OpenToAll >= 0 {
			w.Quotas = append(w.Quotas, len(o.Quotas)+at)
		}
		plan.Openings = append(plan.Openings, w.Opening)
	}
	for _, n := range x.Needs {
		need := schedule.Need{Role: n.Role}
		for _, r := range n.Resources {
			if r == p.Resource {
				continue // nobody helps themselves
			}
			k := slices.IndexFunc(plan.Supplies, func(s schedule.Supply) bool { return s.Resource == r })
			if k < 0 {
				supply, ok := o.supplies[r]
				if !ok {
					continue // a resource that is no more
				}
				k = len(plan.Supplies)
				plan.Supplies = append(plan.Supplies, supply())
			}
			need.Supplies = append(need.Supplies, k)
		}
		plan.Needs = append(plan.Needs, need)
	}
	return plan
}

// counts reports whether bookings of the service with the practitioner in the
// window count towards the quota.
func (q *Quota) counts(service id.Service, practitioner id.Practitioner, window id.Window) bool {
	return (len(q.Services) == 0 || slices.Contains(q.Services, service)) &&
		(len(q.Practitioners) == 0 || slices.Contains(q.Practitioners, practitioner)) &&
		(len(q.Windows) == 0 || slices.Contains(q.Windows, window))
}

// times returns what of the service decides about slots with a practitioner.
func (x *HealthcareService) times(p id.Practitioner) schedule.Service {
	minutes := x.Minutes
	if own, ok := x.Durations[p]; ok {
		minutes = own
	}
	return schedule.Service{
		ID:           x.ID,
		Duration:     time.Duration(minutes) * time.Minute,
		BufferBefore: time.Duration(x.BufferBefore) * time.Minute,
		BufferAfter:  time.Duration(x.BufferAfter) * time.Minute,
		Step:         time.Duration(x.StepMinutes) * time.Minute,
		Lead:         time.Duration(x.LeadMinutes) * time.Minute,
		Horizon:      x.HorizonDays,
		Seats:        max(x.Seats, 1),
	}
}

// supply resolves a room or device, or a person who helps.
func (o *Offer) supply(x *Resource) schedule.Supply {
	shut := o.shut(nil, o.practitionerOf(x.ID), x.ID, x.Location, o.zone(x.Location))
	var own []schedule.Opening
	for i := range o.Openings {
		if w := &o.Openings[i]; w.Resource == x.ID && !x.ID.IsZero() {
			opening := w.window(o.zone(w.Location))
			opening.Closed = o.school(nil, w.SchoolHolidays, opening.Zone)
			own = append(own, opening)
		}
	}
	if len(own) > 0 {
		shut = o.outside(shut, schedule.OpenHours(nil, own, o.from, o.until))
	}
	return schedule.Supply{Resource: x.ID, Location: x.Location, Capacity: x.Capacity, Shut: schedule.Union(shut)}
}

// practitionerOf returns whose resource it is; zero for a room or device.
func (o *Offer) practitionerOf(r id.Resource) id.Practitioner {
	for i := range o.Practitioners {
		if o.Practitioners[i].Resource == r {
			return o.Practitioners[i].ID
		}
	}
	return id.Practitioner{}
}

// outside appends all the time that the offer knows of, less open, which is in
// order and disjoint.
func (o *Offer) outside(dst, open []schedule.Interval) []schedule.Interval {
	at := midnight(o.from).Add(-farthestZone).Unix()
	for _, i := range open {
		dst = append(dst, schedule.Interval{Starts: at, Ends: i.Starts})
		at = i.Ends
	}
	return append(dst, schedule.Interval{Starts: at, Ends: midnight(o.until).Add(farthestZone).Unix()})
}
