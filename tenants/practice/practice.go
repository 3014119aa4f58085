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
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// What a caller can act on.
var (
	ErrUnknownPractice     = fault.New(fault.NotFound, "unknown_practice")
	ErrUnknownService      = fault.New(fault.NotFound, "unknown_service")
	ErrUnknownPractitioner = fault.New(fault.NotFound, "unknown_practitioner")
	ErrUnknownChain        = fault.New(fault.NotFound, "unknown_chain")
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
	// MessageName is how messages name the practice; see [Practice.Said].
	MessageName string
	Video       Video
	// Land decides which public holidays close the practice; empty is none.
	Land schedule.Land
	// Municipality is where in the Land it is, as far as holidays differ.
	Municipality schedule.Municipality
	// ClosedDays are the practice's own, each year: 12-24, rosenmontag.
	ClosedDays []schedule.Yearly
	// BookingsPerContact is how many bookings one contact may have pending or
	// confirmed within the hour; nil is as many as the caps allow.
	BookingsPerContact *int
}

// Said is how messages name the practice: neutrally, where its own name tells a
// specialty and it chose another one.
func (p Practice) Said() string {
	if p.MessageName != "" {
		return p.MessageName
	}
	return p.Name
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
	// Land decides which public holidays close the location; empty is that of
	// the practice, with its municipality.
	Land         schedule.Land
	Municipality schedule.Municipality
}

// Leg is the way between two locations, in both directions.
type Leg struct {
	A, B    id.Location
	Minutes int
}

// Resource is what can be occupied (FHIR Schedule.actor).
type Resource struct {
	ID id.Resource
	// Kind is practitioner, room or device.
	Kind string
	Name string
	// Capacity is how many appointments it bears at once; zero becomes one.
	Capacity int
	// Location is where a room or device stands; zero is that it comes along.
	Location id.Location
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
	Insurance  schedule.Insurances
	Patients   schedule.Patients
	// MinAge and MaxAge are whole years, inclusive; nil is no limit.
	MinAge, MaxAge *int
	// Referral says that patients have to bring one.
	Referral bool
	// ReferralCode says that it has to have a code of 116117; without Referral it
	// says nothing. The code is sealed: patients' pages demand one, and whether it
	// can be one the practice sees.
	ReferralCode bool
	// Seats is how many patients share one session; above one it is a group.
	// Zero becomes one.
	Seats int
	// ByStaff says that a booking counts only when staff has accepted it.
	ByStaff bool
	// Held says whether patients come; empty becomes [InPerson].
	Held Held
	// CancelMinutes and MoveMinutes are how long before the start patients can
	// still cancel or move.
	CancelMinutes, MoveMinutes int
	// SeriesCount says that it is given as a series of so many appointments,
	// SeriesEveryDays how many days lie between two; zero and zero is none.
	SeriesCount, SeriesEveryDays int
	// Practitioners offer it.
	Practitioners []id.Practitioner
	// Durations are the minutes it takes with those practitioners who need
	// longer or shorter than Minutes.
	Durations map[id.Practitioner]int
	Needs     []Need
	Position  int
}

// Need is a role that a service needs filled besides its practitioner: by any
// one of the resources.
type Need struct {
	Role      string
	Resources []id.Resource
}

// Audience is whom an opening is shown to.
type Audience string

// The audiences.
const (
	Online    Audience = "online"  // can be booked by patients
	StaffOnly Audience = "staff"   // can be booked by staff alone
	WalkIn    Audience = "walk_in" // an open consultation hour: shown, never booked
)

// SchoolDays says how an opening depends on the school holidays that were imported.
type SchoolDays string

// How an opening depends on school holidays.
const (
	AnyDay          SchoolDays = "any"
	SchoolHolidays  SchoolDays = "only" // in the holidays alone
	OutsideHolidays SchoolDays = "not"
)

// Opening is a weekly opening of a practitioner at a location, or of a room or
// device: such a one only says when it can be used.
type Opening struct {
	ID   id.Window
	Name string
	// Practitioner or Resource is whose it is; the other is zero.
	Practitioner id.Practitioner
	Resource     id.Resource
	Location     id.Location
	// Weekdays are the days that it begins on; all seven, with equal ValidFrom
	// and ValidUntil, is an extra opening on one date.
	Weekdays schedule.Weekdays
	// From and Until are minutes of wall time since midnight, half-open; an
	// Until beyond 1440 crosses midnight.
	From, Until int
	// ValidFrom and ValidUntil are the first and the last day; zero is no limit.
	ValidFrom, ValidUntil schedule.Date
	// EveryWeeks is its rhythm, counted in ISO weeks from that of Anchor; zero
	// becomes one.
	EveryWeeks int
	Anchor     schedule.Date
	// Services restricts it; empty is all that the practitioner offers.
	Services  []id.Service
	Insurance schedule.Insurances
	Patients  schedule.Patients
	// OpenToAllDays is how many days before a date Insurance and Patients stop
	// restricting; nil is never.
	OpenToAllDays *int
	// Audience is whom it is shown to; empty becomes [Online].
	Audience Audience
	// Capacity is how many appointments it bears at once; zero is what the
	// practitioner's resource bears.
	Capacity int
	// LeadMinutes and HorizonDays tighten the service's: the longer lead and the
	// shorter horizon hold. A nil horizon is none of its own.
	LeadMinutes int
	HorizonDays *int
	// Release is when a day's slots come into sale.
	Release schedule.Release
	// SchoolHolidays is how it depends on them; empty becomes [AnyDay].
	SchoolHolidays SchoolDays
	// Referral says that patients have to bring one, whatever the service says.
	Referral bool
}

// Quota is at most so many appointments in a period. Empty lists mean all.
type Quota struct {
	ID            id.Quota
	Name          string
	Max           int
	Per           schedule.Period
	Services      []id.Service
	Windows       []id.Window
	Practitioners []id.Practitioner
	Insurance     schedule.Insurances
	Patients      schedule.Patients
	// ReleaseDays is how many days before a date it limits no longer; nil is never.
	ReleaseDays *int
	// ValidFrom and ValidUntil are the first and the last day; zero is no limit.
	ValidFrom, ValidUntil schedule.Date
}

// Chain is services that are booked together, in this order.
type Chain struct {
	ID          id.Chain
	Name        string
	Description string
	Position    int
	Steps       []ChainStep
}

// ChainStep is one service of a chain.
type ChainStep struct {
	Service id.Service
	// LeastMinutes and GreatestMinutes bound the wait after the step before; a
	// greatest of zero is a day.
	LeastMinutes, GreatestMinutes int
	// Optional says that it is left out where it does not fit.
	Optional bool
}

// CalendarKind is what an imported calendar is good for.
type CalendarKind string

// The kinds of calendar.
const (
	SchoolCalendar CalendarKind = "school_holidays"
	BusyCalendar   CalendarKind = "busy"
)

// Calendar is a calendar that somebody imported, without its entries.
type Calendar struct {
	ID   id.Calendar
	Name string
	Kind CalendarKind
	// Resource is whose time a [BusyCalendar] takes; zero otherwise.
	Resource id.Resource
	Imported time.Time
	Entries  int
}
