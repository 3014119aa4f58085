package practice

import (
	"slices"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// Offer is all that a practice offers, as of one version. It is shared between
// requests: nobody changes it.
type Offer struct {
	Tenant   id.Tenant
	Version  int64
	Practice Practice
	// Each list is in the order in which people are shown it.
	Locations     []Location
	Resources     []Resource
	Practitioners []Practitioner
	Services      []HealthcareService
	// Closures are those that lie ahead, and a few past ones, by their start.
	Closures []Closure

	locations     map[id.Location]int
	resources     map[id.Resource]int
	practitioners map[id.Practitioner]int
	services      map[id.Service]int
	openings      map[id.Practitioner][]opening
	daysOff       []dayOff      // holidays and the practice's own days, in order
	until         schedule.Date // from here on it knows of no days off
}

// opening is an opening as slots are computed from it, and for whom it is.
type opening struct {
	schedule.Opening
	condition Condition
}

// Location returns a location by its id.
func (o *Offer) Location(l id.Location) (Location, bool) { return find(o.Locations, o.locations, l) }

// Resource returns a resource by its id.
func (o *Offer) Resource(r id.Resource) (Resource, bool) { return find(o.Resources, o.resources, r) }

// Practitioner returns a practitioner by its id.
func (o *Offer) Practitioner(p id.Practitioner) (Practitioner, bool) {
	return find(o.Practitioners, o.practitioners, p)
}

// Service returns a service by its id.
func (o *Offer) Service(s id.Service) (HealthcareService, bool) {
	return find(o.Services, o.services, s)
}

func find[K comparable, V any](all []V, index map[K]int, key K) (V, bool) {
	i, ok := index[key]
	if !ok {
		var none V
		return none, false
	}
	return all[i], true
}

// Plan is how one practitioner offers one service.
type Plan struct {
	Service      schedule.Service
	Practitioner id.Practitioner
	Resource     id.Resource
	// Capacity is how many appointments the resource bears at once.
	Capacity int
	// Openings are those for the service; the Condition of each is an index
	// into Conditions.
	Openings   []schedule.Opening
	Conditions []Condition
}

// Plan returns how the practitioner offers the service. It returns
// [ErrUnknownService], [ErrUnknownPractitioner] or [ErrNotOffered].
func (o *Offer) Plan(service id.Service, practitioner id.Practitioner) (Plan, error) {
	s, ok := o.services[service]
	if !ok {
		return Plan{}, ErrUnknownService
	}
	p, ok := o.practitioners[practitioner]
	if !ok {
		return Plan{}, ErrUnknownPractitioner
	}
	if !slices.Contains(o.Services[s].Practitioners, practitioner) {
		return Plan{}, ErrNotOffered
	}
	return o.plan(&o.Services[s], &o.Practitioners[p], nil), nil
}

// plan builds a plan whose conditions continue those given.
func (o *Offer) plan(service *HealthcareService, practitioner *Practitioner, conditions []Condition) Plan {
	all := o.openings[practitioner.ID]
	plan := Plan{
		Service:      service.times(),
		Practitioner: practitioner.ID,
		Resource:     practitioner.Resource,
		Capacity:     o.Resources[o.resources[practitioner.Resource]].Capacity,
		Openings:     make([]schedule.Opening, 0, len(all)),
		Conditions:   conditions,
	}
	for i := range all {
		if len(all[i].Services) > 0 && !slices.Contains(all[i].Services, service.ID) {
			continue
		}
		condition, ok := all[i].condition.and(Condition{service.Insurance, service.Patients})
		if !ok {
			continue // for nobody
		}
		at := slices.Index(plan.Conditions, condition)
		if at < 0 {
			at = len(plan.Conditions)
			plan.Conditions = append(plan.Conditions, condition)
		}
		plan.Openings = append(plan.Openings, all[i].Opening)
		plan.Openings[len(plan.Openings)-1].Condition = at
	}
	return plan
}

// Offered returns the opening that offers the slot beginning at starts, busy
// or not. now decides lead and horizon: who confirms a slot that was held
// passes the time of the hold.
func (p Plan) Offered(starts, now time.Time) (schedule.Opening, bool) {
	if starts.Nanosecond() != 0 {
		return schedule.Opening{}, false
	}
	i, ok := schedule.Offered(p.Openings, p.Service, starts.Unix(), now)
	if !ok {
		return schedule.Opening{}, false
	}
	return p.Openings[i], true
}

// times returns what of the service decides about slots.
func (s *HealthcareService) times() schedule.Service {
	return schedule.Service{
		ID:           s.ID,
		Duration:     time.Duration(s.Minutes) * time.Minute,
		BufferBefore: time.Duration(s.BufferBefore) * time.Minute,
		BufferAfter:  time.Duration(s.BufferAfter) * time.Minute,
		Step:         time.Duration(s.StepMinutes) * time.Minute,
		Lead:         time.Duration(s.LeadMinutes) * time.Minute,
		Horizon:      s.HorizonDays,
	}
}
