package practice

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// build puts the rows together.
func (s *Service) build(r *rows) (*Offer, error) {
	o := r.offer
	o.locations = index(o.Locations, func(l Location) id.Location { return l.ID })
	o.resources = index(o.Resources, func(x Resource) id.Resource { return x.ID })
	o.practitioners = index(o.Practitioners, func(x Practitioner) id.Practitioner { return x.ID })
	o.services = index(o.Services, func(x HealthcareService) id.Service { return x.ID })
	o.chains = index(o.Chains, func(x Chain) id.Chain { return x.ID })
	o.windows = index(o.Openings, func(x Opening) id.Window { return x.ID })
	r.join()

	for _, l := range o.Legs {
		o.legs = append(o.legs, schedule.Leg{A: l.A, B: l.B, Takes: time.Duration(l.Minutes) * time.Minute})
	}
	for i := range o.Quotas {
		o.quotas = append(o.quotas, o.Quotas[i].counted())
	}
	o.plans = make(map[id.Service]func() []Plan, len(o.Services))
	for i := range o.Services {
		x := &o.Services[i]
		o.terms = append(o.terms,
			Terms{x.MinAge, x.MaxAge, false, x.PriceCents},
			Terms{x.MinAge, x.MaxAge, true, x.PriceCents})
		o.quotas = append(o.quotas, closedTo(x))
		o.plans[x.ID] = sync.OnceValue(func() []Plan { return o.plansOf(x) })
	}
	o.supplies = make(map[id.Resource]func() schedule.Supply, len(o.Resources))
	c := o.calendar(r.from)
	for i := range o.Resources {
		x := &o.Resources[i]
		o.supplies[x.ID] = sync.OnceValue(func() schedule.Supply { return o.supply(x) })
	}
	return o, s.open(o, c)
}

// open resolves the openings of practitioners.
func (s *Service) open(o *Offer, c *calendar) error {
	o.open = make(map[id.Practitioner][]window, len(o.Practitioners))
	for i := range o.Openings {
		x := &o.Openings[i]
		zone, err := s.zone(o.Locations[o.locations[x.Location]].Zone)
		if err != nil {
			return err
		}
		if !x.Practitioner.IsZero() {
			w := window{x.window(zone), i}
			w.Closed = c.closed(x.Practitioner, x.Location, zone, x.SchoolHolidays)
			o.open[x.Practitioner] = append(o.open[x.Practitioner], w)
		}
	}
	return nil
}

// join puts rows that belong to another under it.
func (r *rows) join() {
	o := r.offer
	for i := range o.Services {
		x := &o.Services[i]
		x.Needs = r.needs[x.ID]
		x.Practitioners = []id.Practitioner{}
		for _, p := range r.providers[x.ID] {
			x.Practitioners = append(x.Practitioners, p.practitioner)
			if p.minutes != nil {
				if x.Durations == nil {
					x.Durations = map[id.Practitioner]int{}
				}
				x.Durations[p.practitioner] = *p.minutes
			}
		}
		slices.SortFunc(x.Practitioners, func(a, b id.Practitioner) int {
			return cmp.Compare(o.practitioners[a], o.practitioners[b])
		})
	}
	for i := range o.Chains {
		o.Chains[i].Steps = r.steps[o.Chains[i].ID]
	}
}

// window returns the opening as the engine knows it, without what closes it.
func (x *Opening) window(zone *time.Location) schedule.Opening {
	return schedule.Opening{
		ID: x.ID, Location: x.Location, Zone: zone, Weekdays: x.Weekdays, From: x.From, Until: x.Until,
		ValidFrom: x.ValidFrom, ValidUntil: x.ValidUntil, EveryWeeks: x.EveryWeeks, Anchor: x.Anchor,
		Services: x.Services, For: schedule.GroupOf(x.Insurance, x.Patients), OpenToAll: orNever(x.OpenToAllDays),
		Staff: x.Audience == StaffOnly, WalkIn: x.Audience == WalkIn, Capacity: x.Capacity,
		Lead: time.Duration(x.LeadMinutes) * time.Minute, Horizon: orNever(x.HorizonDays), Release: x.Release,
	}
}

func (q *Quota) counted() schedule.Quota {
	return schedule.Quota{
		ID: q.ID, Max: q.Max, Per: q.Per, For: schedule.GroupOf(q.Insurance, q.Patients),
		Release: orNever(q.ReleaseDays), ValidFrom: q.ValidFrom, ValidUntil: q.ValidUntil,
	}
}

// closedTo keeps a service to whom it is for, where a window of it opens to
// all: as a quota that has nothing for the others.
func closedTo(x *HealthcareService) schedule.Quota {
	return schedule.Quota{For: schedule.Everyone &^ x.group(), Release: -1}
}

// group is whom the service is for.
func (x *HealthcareService) group() schedule.Group { return schedule.GroupOf(x.Insurance, x.Patients) }

// orNever is a number of days, or what the engine takes for none.
func orNever(days *int) int {
	if days == nil {
		return -1
	}
	return *days
}

func index[K comparable, V any](all []V, key func(V) K) map[K]int {
	m := make(map[K]int, len(all))
	for i, v := range all {
		m[key(v)] = i
	}
	return m
}
