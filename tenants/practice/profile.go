package practice

import (
	"context"
	"time"

	"siegel/platform/id"
)

// Profile is the public face of a practice, with all that a patient chooses from.
type Profile struct {
	Tenant        id.Tenant             `json:"tenant"`
	Name          string                `json:"name"`
	Tagline       string                `json:"tagline"`
	Phone         string                `json:"phone"`
	Email         string                `json:"email"`
	Zone          string                `json:"zone"`
	Accent        string                `json:"accent"`
	Hours         string                `json:"hours"`
	Imprint       string                `json:"imprint"`
	Channels      []string              `json:"channels"`
	Asks          Asks                  `json:"asks"`
	Locations     []ProfileLocation     `json:"locations"`
	Practitioners []ProfilePractitioner `json:"practitioners"`
	Services      []ProfileService      `json:"services"`
	Closures      []Notice              `json:"closures"`
}

// ProfileLocation is a location as patients see it.
type ProfileLocation struct {
	ID         id.Location `json:"id"`
	Name       string      `json:"name"`
	Street     string      `json:"street"`
	PostalCode string      `json:"postal_code"`
	City       string      `json:"city"`
	Phone      string      `json:"phone"`
	Hours      string      `json:"hours"`
	Access     string      `json:"access"`
	Zone       string      `json:"zone"`
}

// ProfilePractitioner is a practitioner as patients see it.
type ProfilePractitioner struct {
	ID   id.Practitioner `json:"id"`
	Name string          `json:"name"`
	Role string          `json:"role"`
}

// ProfileService is a service as patients see it.
type ProfileService struct {
	ID              id.Service        `json:"id"`
	Name            string            `json:"name"`
	Category        string            `json:"category"`
	Description     string            `json:"description"`
	Instructions    string            `json:"instructions"`
	DurationMinutes int               `json:"duration_minutes"`
	PriceCents      *int              `json:"price_cents,omitempty"`
	Insurance       []string          `json:"insurance"`
	Patients        Patients          `json:"patients"`
	Practitioners   []id.Practitioner `json:"practitioners"`
}

// Profile returns the tenant's public face, at most a second behind. It
// returns [ErrUnknownPractice] where nothing was set up.
func (s *Service) Profile(ctx context.Context, tenant id.Tenant) (Profile, error) {
	offer, err := s.Offer(ctx, tenant)
	if err != nil {
		return Profile{}, err
	}
	return offer.Profile(s.now()), nil
}

// Profile returns the practice's public face, with the closures that are
// announced at an instant.
func (o *Offer) Profile(now time.Time) Profile {
	p := Profile{
		Tenant:        o.Tenant,
		Name:          o.Practice.Name,
		Tagline:       o.Practice.Tagline,
		Phone:         o.Practice.Phone,
		Email:         o.Practice.Email,
		Zone:          o.Practice.Zone,
		Accent:        o.Practice.Accent,
		Hours:         o.Practice.Hours,
		Imprint:       o.Practice.Imprint,
		Channels:      o.Practice.Channels,
		Asks:          o.Practice.Asks,
		Locations:     make([]ProfileLocation, len(o.Locations)),
		Practitioners: make([]ProfilePractitioner, len(o.Practitioners)),
		Services:      make([]ProfileService, len(o.Services)),
		Closures:      o.Notices(now),
	}
	for i, l := range o.Locations {
		p.Locations[i] = l.Profile()
	}
	for i, x := range o.Practitioners {
		p.Practitioners[i] = ProfilePractitioner{ID: x.ID, Name: x.Name, Role: x.Role}
	}
	for i, s := range o.Services {
		p.Services[i] = ProfileService{
			ID: s.ID, Name: s.Name, Category: s.Category, Description: s.Description, Instructions: s.Instructions,
			DurationMinutes: s.Minutes, PriceCents: s.PriceCents, Insurance: s.Insurance.Codes(), Patients: s.Patients,
			Practitioners: s.Practitioners,
		}
	}
	return p
}

// Profile returns the location as patients see it.
func (l Location) Profile() ProfileLocation {
	return ProfileLocation{
		ID: l.ID, Name: l.Name, Street: l.Street, PostalCode: l.PostalCode, City: l.City,
		Phone: l.Phone, Hours: l.Hours, Access: l.Access, Zone: l.Zone,
	}
}
