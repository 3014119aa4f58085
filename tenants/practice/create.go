package practice

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// ErrPracticeExists is returned where a tenant has been set up already.
var ErrPracticeExists = fault.New(fault.Conflict, "practice_exists")

// Setup is all that a practice offers, imported calendars apart. In one for
// [Service.Create], ids that are left zero are made; what others refer to needs
// one.
type Setup struct {
	Practice  Practice
	Locations []Location
	Legs      []Leg
	// Resources are rooms, devices, and practitioners' resources that differ
	// from the usual capacity of one.
	Resources     []Resource
	Practitioners []Practitioner
	Services      []HealthcareService
	Openings      []Opening
	Closures      []Closure
	Quotas        []Quota
	Chains        []Chain
}

// Create stores what the tenant offers, all or nothing. It returns the
// [Mistakes] of [Setup.Check], and [ErrPracticeExists].
func (s *Service) Create(ctx context.Context, tenant id.Tenant, setup Setup) error {
	setup = setup.completed()
	if err := setup.Check(); err != nil {
		return fmt.Errorf("create practice: %w", err)
	}
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		return setup.rows(tenant).write(ctx, tx, stored{})
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
	s.Locations = slices.Clone(s.Locations)
	for i := range s.Locations {
		l := &s.Locations[i]
		l.ID = either(l.ID, id.New[id.Location]())
		l.Zone = either(l.Zone, p.Zone)
	}
	s.Legs = slices.Clone(s.Legs)
	for i := range s.Legs {
		s.Legs[i] = s.Legs[i].inOrder()
	}
	s.Resources = slices.Clone(s.Resources)
	for i := range s.Resources {
		r := &s.Resources[i]
		r.ID = either(r.ID, id.New[id.Resource]())
		r.Capacity = either(r.Capacity, 1)
	}
	s.Practitioners = slices.Clone(s.Practitioners)
	for i := range s.Practitioners {
		x := &s.Practitioners[i]
		x.ID = either(x.ID, id.New[id.Practitioner]())
		if x.Resource.IsZero() {
			x.Resource = id.New[id.Resource]()
			s.Resources = append(s.Resources, Resource{ID: x.Resource, Kind: "practitioner", Name: x.Name, Capacity: 1})
		}
	}
	s.Services = slices.Clone(s.Services)
	for i := range s.Services {
		x := &s.Services[i]
		x.ID = either(x.ID, id.New[id.Service]())
		x.StepMinutes = either(x.StepMinutes, 5)
		x.Seats = either(x.Seats, 1)
		x.Held = either(x.Held, InPerson)
	}
	s.Openings = slices.Clone(s.Openings)
	for i := range s.Openings {
		o := &s.Openings[i]
		o.ID = either(o.ID, id.New[id.Window]())
		o.EveryWeeks = either(o.EveryWeeks, 1)
		o.Audience = either(o.Audience, Online)
		o.SchoolHolidays = either(o.SchoolHolidays, AnyDay)
	}
	s.Closures = slices.Clone(s.Closures)
	for i := range s.Closures {
		s.Closures[i].ID = either(s.Closures[i].ID, id.New[id.Closure]())
	}
	s.Quotas = slices.Clone(s.Quotas)
	for i := range s.Quotas {
		s.Quotas[i].ID = either(s.Quotas[i].ID, id.New[id.Quota]())
	}
	s.Chains = slices.Clone(s.Chains)
	for i := range s.Chains {
		s.Chains[i].ID = either(s.Chains[i].ID, id.New[id.Chain]())
	}
	return s
}

// inOrder returns the leg as it is stored: a way has no direction.
func (l Leg) inOrder() Leg {
	if a, b := l.A.Bytes(), l.B.Bytes(); bytes.Compare(a[:], b[:]) > 0 {
		l.A, l.B = l.B, l.A
	}
	return l
}

func either[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
