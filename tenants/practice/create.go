package practice

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// ErrPracticeExists is returned where a tenant has been set up already.
var ErrPracticeExists = fault.New(fault.Conflict, "practice_exists")

// Setup is all that a practice offers when it begins. Ids that are left zero
// are made; what others refer to needs one.
type Setup struct {
	Practice  Practice
	Locations []Location
	// Resources are rooms, devices, and practitioners' resources that differ
	// from the usual capacity of one.
	Resources     []Resource
	Practitioners []Practitioner
	Services      []HealthcareService
	Openings      []Opening
	Closures      []Closure
}

// Create stores what the tenant offers, all or nothing. It returns the faults
// of [Setup.Check], and [ErrPracticeExists].
func (s *Service) Create(ctx context.Context, tenant id.Tenant, setup Setup) error {
	setup = setup.completed()
	if err := setup.Check(); err != nil {
		return fmt.Errorf("create practice: %w", err)
	}
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		return setup.insert(ctx, tx, tenant)
	})
	s.fresh.Forget(tenant)
	switch {
	case postgres.Violates(err, "practice_pk"):
		return fmt.Errorf("create practice: %w", ErrPracticeExists.Because(err))
	case err != nil:
		return fmt.Errorf("create practice: %w", err)
	}
	return nil
}

// completed returns a copy in which ids and defaults are filled in.
func (s Setup) completed() Setup {
	p := &s.Practice
	p.Zone = either(p.Zone, "Europe/Berlin")
	if len(p.Channels) == 0 {
		p.Channels = []string{"mail"}
	}
	s.Locations = append([]Location(nil), s.Locations...)
	for i := range s.Locations {
		l := &s.Locations[i]
		l.ID = either(l.ID, id.New[id.Location]())
		l.Zone = either(l.Zone, p.Zone)
	}
	s.Resources = append([]Resource(nil), s.Resources...)
	for i := range s.Resources {
		r := &s.Resources[i]
		r.ID = either(r.ID, id.New[id.Resource]())
		r.Capacity = either(r.Capacity, 1)
	}
	s.Practitioners = append([]Practitioner(nil), s.Practitioners...)
	for i := range s.Practitioners {
		x := &s.Practitioners[i]
		x.ID = either(x.ID, id.New[id.Practitioner]())
		if x.Resource.IsZero() {
			x.Resource = id.New[id.Resource]()
			s.Resources = append(s.Resources, Resource{ID: x.Resource, Kind: "practitioner", Name: x.Name, Capacity: 1})
		}
	}
	s.Services = append([]HealthcareService(nil), s.Services...)
	for i := range s.Services {
		x := &s.Services[i]
		x.ID = either(x.ID, id.New[id.Service]())
		x.StepMinutes = either(x.StepMinutes, 5)
	}
	s.Openings = append([]Opening(nil), s.Openings...)
	for i := range s.Openings {
		s.Openings[i].ID = either(s.Openings[i].ID, id.New[id.Window]())
	}
	s.Closures = append([]Closure(nil), s.Closures...)
	for i := range s.Closures {
		s.Closures[i].ID = either(s.Closures[i].ID, id.New[id.Closure]())
	}
	return s
}

func either[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
