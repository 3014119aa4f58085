package practice

import (
	"context"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
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
	Channels      []string              `json:"channels" enum:"mail,sms"`
	Asks          Asks                  `json:"asks"`
	Locations     []ProfileLocation     `json:"locations"`
	Practitioners []ProfilePractitioner `json:"practitioners"`
	Services      []ProfileService      `json:"services"`
	Chains        []ProfileChain        `json:"chains"`
	Closures      []Notice              `json:"closures"`
	Reveals       []Reveal              `json:"reveals"`
	// VideoProvider carries visits by video; left out where there are none.
	VideoProvider string `json:"video_provider,omitempty"`
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
	Insurance       []string          `json:"insurance" enum:"GKV,PKV,BEI,BG,SEL,SOZ" doc:"Empty: all"`
	Patients        schedule.Patients `json:"patients"`
	MinAge          *int              `json:"min_age,omitempty"`
	MaxAge          *int              `json:"max_age,omitempty"`
	Referral        bool              `json:"referral,omitempty"`
	ReferralCode    bool              `json:"referral_code,omitempty" doc:"Pages take a code of 116117 and nothing else"`
	// Seats is how many share a session; left out where it is no group.
	Seats int `json:"seats,omitempty"`
	// Held is left out where patients come.
	Held Held `json:"held,omitempty" enum:"by_video,either"`
	// Confirmation says when a booking counts.
	Confirmation  string `json:"confirmation" enum:"at_once,by_staff"`
	CancelMinutes int    `json:"cancel_minutes"`
	MoveMinutes   int    `json:"move_minutes"`
	// SeriesCount and SeriesEveryDays are left out where it is no series.
	SeriesCount     int               `json:"series_count,omitempty"`
	SeriesEveryDays int               `json:"series_every_days,omitempty"`
	Practitioners   []id.Practitioner `json:"practitioners"`
	// Durations are the minutes with those practitioners with whom they differ.
	Durations map[id.Practitioner]int `json:"durations,omitempty"`
}

// ProfileChain is a chain as patients see it.
type ProfileChain struct {
	ID          id.Chain      `json:"id"`
	Name        string        `json:"name"`
	Description string        `json:"description"`
	Steps       []ProfileStep `json:"steps"`
}

// ProfileStep is a step of a chain as patients see it.
type ProfileStep struct {
	Service  id.Service `json:"service"`
	Optional bool       `json:"optional"`
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
		Chains:        make([]ProfileChain, len(o.Chains)),
		Closures:      o.Notices(now),
		Reveals:       o.Reveals(),
		VideoProvider: o.Practice.Video.Provider,
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
			MinAge: s.MinAge, MaxAge: s.MaxAge, Referral: s.Referral, ReferralCode: s.ReferralCode, Confirmation: "at_once",
			CancelMinutes: s.CancelMinutes, MoveMinutes: s.MoveMinutes, SeriesCount: s.SeriesCount, SeriesEveryDays: s.SeriesEveryDays,
			Practitioners: s.Practitioners, Durations: s.Durations,
		}
		if s.Seats > 1 {
			p.Services[i].Seats = s.Seats
		}
		if s.Held != InPerson {
			p.Services[i].Held = s.Held
		}
		if s.ByStaff {
			p.Services[i].Confirmation = "by_staff"
		}
	}
	for i, c := range o.Chains {
		p.Chains[i] = ProfileChain{ID: c.ID, Name: c.Name, Description: c.Description, Steps: []ProfileStep{}}
		for _, step := range c.Steps {
			p.Chains[i].Steps = append(p.Chains[i].Steps, ProfileStep{step.Service, step.Optional})
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
