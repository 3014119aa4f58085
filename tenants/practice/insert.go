package practice

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

type practiceRow struct {
	bun.BaseModel `bun:"table:practice"`

	TenantID  id.Tenant
	Name      string
	Tagline   string
	Phone     string
	Email     string
	Zone      string
	Accent    string
	Imprint   string
	Hours     string
	Channels  []string `bun:",array"`
	Asks      Asks     `bun:"type:jsonb"`
	SMSSender string   `bun:"sms_sender"`

	Land         schedule.Land
	Municipality schedule.Municipality
	ClosedDays   []string `bun:",array"`
}

type locationRow struct {
	bun.BaseModel `bun:"table:location"`

	TenantID   id.Tenant
	ID         id.Location
	Name       string
	Street     string
	PostalCode string
	City       string
	Phone      string
	Hours      string
	Access     string
	Zone       string
	Position   int
}

type resourceRow struct {
	bun.BaseModel `bun:"table:resource"`

	TenantID id.Tenant
	ID       id.Resource
	Kind     string
	Name     string
	Capacity int
}

type practitionerRow struct {
	bun.BaseModel `bun:"table:practitioner"`

	TenantID   id.Tenant
	ID         id.Practitioner
	ResourceID id.Resource
	Name       string
	Role       string
	Position   int
}

type serviceRow struct {
	bun.BaseModel `bun:"table:service"`

	TenantID        id.Tenant
	ID              id.Service
	Name            string
	Category        string
	Description     string
	Instructions    string
	DurationMinutes int
	BufferBefore    int
	BufferAfter     int
	StepMinutes     int
	LeadMinutes     int
	HorizonDays     int
	PriceCents      *int
	Insurance       []string `bun:",array"`
	Patients        string
	Position        int
}

type serviceOfferRow struct {
	bun.BaseModel `bun:"table:service_practitioner"`

	TenantID       id.Tenant
	ServiceID      id.Service
	PractitionerID id.Practitioner
}

type openingRow struct {
	bun.BaseModel `bun:"table:opening"`

	TenantID       id.Tenant
	ID             id.Window
	PractitionerID id.Practitioner
	LocationID     id.Location
	Weekdays       int
	FromMinute     int
	UntilMinute    int
	ValidFrom      *string
	ValidUntil     *string
	ServiceIDs     []string `bun:"service_ids,array"`
	Insurance      []string `bun:",array"`
	Patients       string
}

type closureRow struct {
	bun.BaseModel `bun:"table:closure"`

	TenantID          id.Tenant
	ID                id.Closure
	PractitionerID    id.Practitioner
	LocationID        id.Location
	StartsOn          string
	StartsMinute      int
	EndsOn            string
	EndsMinute        int
	Reason            string
	PublicText        string
	SubstituteName    string
	SubstituteAddress string
	SubstitutePhone   string
}

func (c Closure) row(tenant id.Tenant) closureRow {
	return closureRow{
		TenantID: tenant, ID: c.ID, PractitionerID: c.Practitioner, LocationID: c.Location,
		StartsOn: c.From.String(), StartsMinute: c.FromMinute, EndsOn: c.Until.String(), EndsMinute: c.UntilMinute,
		Reason: c.Reason, PublicText: c.PublicText, SubstituteName: c.Substitute.Name,
		SubstituteAddress: c.Substitute.Address, SubstitutePhone: c.Substitute.Phone,
	}
}

// insert stores the setup, one statement a table.
func (s Setup) insert(ctx context.Context, tx bun.Tx, tenant id.Tenant) error {
	p := s.Practice
	closedDays := []string{}
	for _, day := range p.ClosedDays {
		closedDays = append(closedDays, string(day))
	}
	if err := insert(ctx, tx, "practice", []practiceRow{{
		TenantID: tenant, Name: p.Name, Tagline: p.Tagline, Phone: p.Phone, Email: p.Email, Zone: p.Zone,
		Accent: p.Accent, Imprint: p.Imprint, Hours: p.Hours, Channels: p.Channels, Asks: p.Asks, SMSSender: p.SMSSender,
		Land: p.Land, Municipality: p.Municipality, ClosedDays: closedDays,
	}}); err != nil {
		return err
	}

	var locations []locationRow
	for _, l := range s.Locations {
		locations = append(locations, locationRow{
			TenantID: tenant, ID: l.ID, Name: l.Name, Street: l.Street, PostalCode: l.PostalCode, City: l.City,
			Phone: l.Phone, Hours: l.Hours, Access: l.Access, Zone: l.Zone, Position: l.Position,
		})
	}
	var resources []resourceRow
	for _, r := range s.Resources {
		resources = append(resources, resourceRow{TenantID: tenant, ID: r.ID, Kind: r.Kind, Name: r.Name, Capacity: r.Capacity})
	}
	var practitioners []practitionerRow
	for _, x := range s.Practitioners {
		practitioners = append(practitioners, practitionerRow{
			TenantID: tenant, ID: x.ID, ResourceID: x.Resource, Name: x.Name, Role: x.Role, Position: x.Position,
		})
	}
	var (
		services []serviceRow
		offers   []serviceOfferRow
	)
	for _, x := range s.Services {
		services = append(services, serviceRow{
			TenantID: tenant, ID: x.ID, Name: x.Name, Category: x.Category, Description: x.Description,
			Instructions: x.Instructions, DurationMinutes: x.Minutes, BufferBefore: x.BufferBefore,
			BufferAfter: x.BufferAfter, StepMinutes: x.StepMinutes, LeadMinutes: x.LeadMinutes,
			HorizonDays: x.HorizonDays, PriceCents: x.PriceCents, Insurance: x.Insurance.Codes(),
			Patients: x.Patients.String(), Position: x.Position,
		})
		for _, p := range x.Practitioners {
			offers = append(offers, serviceOfferRow{TenantID: tenant, ServiceID: x.ID, PractitionerID: p})
		}
	}
	var openings []openingRow
	for _, o := range s.Openings {
		only := []string{}
		for _, service := range o.Services {
			only = append(only, service.UUID())
		}
		openings = append(openings, openingRow{
			TenantID: tenant, ID: o.ID, PractitionerID: o.Practitioner, LocationID: o.Location, Weekdays: 1 << (o.Weekday - 1),
			FromMinute: o.From, UntilMinute: o.Until, ValidFrom: dateOrNull(o.ValidFrom), ValidUntil: dateOrNull(o.ValidUntil),
			ServiceIDs: only, Insurance: o.Insurance.Codes(), Patients: o.Patients.String(),
		})
	}
	var closures []closureRow
	for _, c := range s.Closures {
		closures = append(closures, c.row(tenant))
	}
	for _, table := range []func() error{
		func() error { return insert(ctx, tx, "location", locations) },
		func() error { return insert(ctx, tx, "resource", resources) },
		func() error { return insert(ctx, tx, "practitioner", practitioners) },
		func() error { return insert(ctx, tx, "service", services) },
		func() error { return insert(ctx, tx, "service_practitioner", offers) },
		func() error { return insert(ctx, tx, "opening", openings) },
		func() error { return insert(ctx, tx, "closure", closures) },
	} {
		if err := table(); err != nil {
			return err
		}
	}
	return nil
}

func insert[T any](ctx context.Context, tx bun.Tx, table string, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return fmt.Errorf("insert %s: %w", table, err)
	}
	return nil
}

func dateOrNull(d schedule.Date) *string {
	if d == 0 {
		return nil
	}
	text := d.String()
	return &text
}
