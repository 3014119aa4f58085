// Package practice keeps what a practice offers: its public face, locations,
// practitioners, services and weekly openings, and which slots of them are free.
//
// [Service.Offer] gives all of it as one immutable snapshot under a version.
// Every edit raises the version while it holds the locks that a booking takes
// ([Service.Change]); a booking that was checked against a snapshot is safe if
// it finds the snapshot's version under its own locks. A snapshot may be up to
// a second behind, the free slots of [Service.FreeSlots] never are; but a slot
// that was free when it was looked at may be taken a moment later. Who books
// is told by the database.
package practice

import (
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// What a caller can act on.
var (
	ErrUnknownPractice     = fault.New(fault.NotFound, "unknown_practice")
	ErrUnknownService      = fault.New(fault.NotFound, "unknown_service")
	ErrUnknownPractitioner = fault.New(fault.NotFound, "unknown_practitioner")
	// ErrNotOffered says that the practitioner does not offer the service.
	ErrNotOffered = fault.New(fault.Invalid, "not_offered")
	// ErrRange is returned for dates that are out of order or too far apart.
	ErrRange = fault.New(fault.Invalid, "range_invalid")
	// ErrChanging is returned where a practice is edited faster than it can be read.
	ErrChanging = fault.New(fault.Unavailable, "practice_changing")
)

// Practice is the public face of a tenant (FHIR Organization).
type Practice struct {
	Name    string
	Tagline string
	Phone   string
	Email   string
	// Zone is the IANA name of the zone that the practice thinks in; each
	// location has its own.
	Zone string
	// Accent is a colour, #rrggbb in lower case, or empty.
	Accent  string
	Imprint string
	// Hours are opening hours in words, for people.
	Hours string
	// Channels say how a patient may confirm: mail, sms. Empty becomes mail.
	Channels []string
	Asks     Asks
	// SMSSender is the sender that text messages name; empty is the provider's.
	SMSSender string
	// Land decides which public holidays close the practice; empty is none.
	Land schedule.Land
	// Municipality is where in the Land it is, as far as holidays differ.
	Municipality schedule.Municipality
	// ClosedDays are the practice's own, each year: 12-24, rosenmontag.
	ClosedDays []schedule.Yearly
}

// Asks are the optional questions that the practice has switched on, each with
// the reason that patients are shown; an empty reason is not asked.
type Asks struct {
	Gender    string `json:"gender,omitempty"`
	Insurance string `json:"insurance,omitempty"`
	Note      string `json:"note,omitempty"`
}

// Location is where patients come to (FHIR Location).
type Location struct {
	ID         id.Location
	Name       string
	Street     string
	PostalCode string
	City       string
	Phone      string
	Hours      string
	// Access says how to get in: stairs, lift, parking.
	Access string
	// Zone is the IANA name that the wall times of its openings are in.
	Zone     string
	Position int
}

// Resource is what can be occupied (FHIR Schedule.actor).
type Resource struct {
	ID id.Resource
	// Kind is practitioner, room or device.
	Kind string
	Name string
	// Capacity is how many appointments it bears at once; zero becomes one.
	Capacity int
}

// Practitioner is whom a patient can choose (FHIR Practitioner). Its time is
// the time of its resource.
type Practitioner struct {
	ID id.Practitioner
	// Resource may be left zero in a [Setup]: it then gets a resource of its own.
	Resource id.Resource
	Name     string
	Role     string
	Position int
}

// HealthcareService is a kind of appointment (FHIR HealthcareService).
type HealthcareService struct {
	ID           id.Service
	Name         string
	Category     string
	Description  string
	Instructions string
	// Minutes is what patients are told; the buffers are occupied as well.
	Minutes      int
	BufferBefore int
	BufferAfter  int
	// StepMinutes is the grid on which slots begin, counted from the opening's
	// start; zero becomes five.
	StepMinutes int
	// LeadMinutes is the least time between now and a slot.
	LeadMinutes int
	// HorizonDays is how many days after today a slot can begin.
	HorizonDays int
	// PriceCents is what patients pay themselves, or nil.
	PriceCents *int
	Insurance  Insurances
	Patients   Patients
	// Practitioners offer it.
	Practitioners []id.Practitioner
	Position      int
}

// Opening is a weekly opening of a practitioner at a location.
type Opening struct {
	ID           id.Window
	Practitioner id.Practitioner
	Location     id.Location
	// Weekday is the ISO 8601 day: 1 is Monday, 7 is Sunday.
	Weekday int
	// From and Until are minutes of wall time since midnight, half-open.
	From, Until int
	// ValidFrom and ValidUntil are the first and the last day; zero is no limit.
	ValidFrom, ValidUntil schedule.Date
	// Services restricts it; empty is all that the practitioner offers.
	Services  []id.Service
	Insurance Insurances
	Patients  Patients
}
