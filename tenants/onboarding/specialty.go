package onboarding

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

//go:embed specialties.json
var specialtiesJSON []byte

// Specialty is a trade: what its imprint has to say, and what a practice of it
// begins with.
type Specialty struct {
	Code string `json:"code"`
	// Medical says that professional law for health care binds it.
	Medical bool `json:"medical"`
	// Imprint are the members of [Business] that its law demands, beside those
	// that all need (§ 5 DDG).
	Imprint []string `json:"imprint"`

	Role          string            `json:"role"`
	AsksInsurance string            `json:"asks_insurance"`
	Services      []templateService `json:"services"`
	Windows       []templateWindow  `json:"windows"`
}

type templateService struct {
	Name         string `json:"name"`
	Category     string `json:"category"`
	Description  string `json:"description"`
	Instructions string `json:"instructions"`
	Minutes      int    `json:"minutes"`
	After        int    `json:"after"`
	Step         int    `json:"step"`
	Lead         int    `json:"lead"`
	Horizon      int    `json:"horizon"`
	Patients     string `json:"patients"`
	Price        *int   `json:"price_cents"`
	MinAge       *int   `json:"min_age"`
	MaxAge       *int   `json:"max_age"`
	Referral     bool   `json:"referral"`
}

type templateWindow struct {
	Name  string `json:"name"`
	Days  []int  `json:"days"`
	From  string `json:"from"`
	Until string `json:"until"`
}

func readSpecialties() ([]Specialty, error) {
	var all []Specialty
	if err := json.Unmarshal(specialtiesJSON, &all); err != nil {
		return nil, fmt.Errorf("read specialties: %w", err)
	}
	for _, x := range all {
		for _, field := range x.Imprint {
			if _, ok := (&Business{}).field(field); !ok {
				return nil, fmt.Errorf("read specialties: %s wants %q, which a business does not have", x.Code, field)
			}
		}
	}
	return all, nil
}

// Specialties are all there are, the catch-all last.
func (s *Service) Specialties() []Specialty { return slices.Clone(s.specialties) }

// Medical says whether professional law for health care binds a tenant; also of
// one of which the trade is not known.
func (s *Service) Medical(ctx context.Context, tenant id.Tenant) (bool, error) {
	b, err := s.Business(ctx, tenant)
	if errors.Is(err, ErrUnknownBusiness) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	specialty, known := s.specialty(b.Specialty)
	return specialty.Medical || !known, nil
}

// Trade is the code of a tenant's [Specialty]; empty where it is not known.
func (s *Service) Trade(ctx context.Context, tenant id.Tenant) (string, error) {
	b, err := s.Business(ctx, tenant)
	if errors.Is(err, ErrUnknownBusiness) {
		return "", nil
	}
	return b.Specialty, err
}

func (s *Service) specialty(code string) (Specialty, bool) {
	i := slices.IndexFunc(s.specialties, func(x Specialty) bool { return x.Code == code })
	if i < 0 {
		return Specialty{}, false
	}
	return s.specialties[i], true
}

// setup is what a practice begins with: one location, one person, and the
// services and hours of its trade.
func (x Specialty) setup(p Preparation) (practice.Setup, error) {
	place, who := id.New[id.Location](), id.New[id.Practitioner]()
	setup := practice.Setup{
		Practice: practice.Practice{Name: p.Company, Phone: p.Phone, Email: p.Email, Channels: []string{"mail"},
			Asks: practice.Asks{Insurance: x.AsksInsurance}},
		Locations:     []practice.Location{{ID: place, Name: p.Company, Street: p.Street, PostalCode: p.PostalCode, City: p.City, Phone: p.Phone}},
		Practitioners: []practice.Practitioner{{ID: who, Name: p.Contact, Role: x.Role}},
	}
	for i, t := range x.Services {
		patients := schedule.AllPatients
		switch t.Patients {
		case "new":
			patients = schedule.NewPatients
		case "known":
			patients = schedule.KnownPatients
		}
		setup.Services = append(setup.Services, practice.HealthcareService{
			Name: t.Name, Category: t.Category, Description: t.Description, Instructions: t.Instructions,
			Minutes: t.Minutes, BufferAfter: t.After, StepMinutes: t.Step, LeadMinutes: t.Lead, HorizonDays: t.Horizon,
			Patients: patients, PriceCents: t.Price, MinAge: t.MinAge, MaxAge: t.MaxAge, Referral: t.Referral,
			CancelMinutes: 24 * 60, MoveMinutes: 24 * 60, Practitioners: []id.Practitioner{who}, Position: i,
		})
	}
	for _, w := range x.Windows {
		from, err := minuteOf(w.From)
		if err != nil {
			return setup, err
		}
		until, err := minuteOf(w.Until)
		if err != nil {
			return setup, err
		}
		setup.Openings = append(setup.Openings, practice.Opening{
			Name: w.Name, Practitioner: who, Location: place, Weekdays: schedule.WeekdaysOf(w.Days...), From: from, Until: until,
		})
	}
	return setup, nil
}

func minuteOf(clock string) (int, error) {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		return 0, fmt.Errorf("read specialties: %w", err)
	}
	return t.Hour()*60 + t.Minute(), nil
}
