package practice

import (
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// Offer is all that a practice offers, as of one version. It is shared between
// requests: nobody changes it, or what it returns.
type Offer struct {
	Tenant   id.Tenant
	Version  int64
	Practice Practice
	// Each list is in the order in which people are shown it.
	Locations     []Location
	Legs          []Leg
	Resources     []Resource
	Practitioners []Practitioner
	Services      []HealthcareService
	Chains        []Chain
	Openings      []Opening
	Quotas        []Quota
	Calendars     []Calendar
	// Closures are those that lie ahead, and a few past ones, by their start.
	Closures []Closure

	locations     map[id.Location]int
	resources     map[id.Resource]int
	practitioners map[id.Practitioner]int
	services      map[id.Service]int
	chains        map[id.Chain]int
	windows       map[id.Window]int

	schoolHolidays []schoolDays
	daysOff        []dayOff      // holidays and the practice's own days, in order
	from, until    schedule.Date // between which it knows of days off

	// What all plans share, so that what the engine says of one can be put
	// beside what it says of another.
	quotas []schedule.Quota // those of Quotas, in their order, then one a service; see [Offer.closedTo]
	terms  []Terms          // two a service: without and with a referral
	legs   []schedule.Leg

	open     map[id.Practitioner][]window
	supplies map[id.Resource]func() schedule.Supply
	plans    map[id.Service]func() []Plan // in the order of Practitioners
}

// window is an opening as slots are computed from it. Its Condition and its
// Quotas depend on the service.
type window struct {
	schedule.Opening
	at int // in Offer.Openings
}

// Terms are what is asked of a patient besides belonging to a group.
type Terms struct {
	MinAge, MaxAge *int
	Referral       bool
	PriceCents     *int
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

// Chain returns a chain by its id.
func (o *Offer) Chain(c id.Chain) (Chain, bool) { return find(o.Chains, o.chains, c) }

// Opening returns an opening by its id.
func (o *Offer) Opening(w id.Window) (Opening, bool) { return find(o.Openings, o.windows, w) }

func find[K comparable, V any](all []V, index map[K]int, key K) (V, bool) {
	i, ok := index[key]
	if !ok {
		var none V
		return none, false
	}
	return all[i], true
}

// zone returns the zone of a location, or the practice's.
func (o *Offer) zone(l id.Location) *time.Location {
	name := o.Practice.Zone
	if location, ok := o.Location(l); ok {
		name = location.Zone
	}
	zone, err := loadZone(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
