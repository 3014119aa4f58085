package connector

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"time"
)

// Kind is what has happened to a booking, as outlets tell it.
type Kind string

// The kinds.
const (
	Booked    Kind = "booked"
	Requested Kind = "requested" // the practice has yet to accept it
	Moved     Kind = "moved"
	Cancelled Kind = "cancelled"
)

// Item is a state of a booking as outlets get it, and as JSON Lines, commands
// and webhooks are given it. Texts are what patients typed: an outlet escapes
// them for its format.
type Item struct {
	// Event names this state: the same id is the same state again.
	Event   string `json:"event"`
	Kind    Kind   `json:"kind"`
	Booking string `json:"booking"` // bare uuid, the same through moves
	// Version rises with every change of the booking.
	Version      int64     `json:"version"`
	Status       string    `json:"status"` // FHIR appointment status
	Source       string    `json:"source"` // online, staff
	Starts       time.Time `json:"starts"` // UTC, half-open
	Ends         time.Time `json:"ends"`
	Zone         string    `json:"zone"` // IANA name
	Service      string    `json:"service"`
	Practitioner string    `json:"practitioner"`
	Location     string    `json:"location"`

	PractitionerID string `json:"practitioner_id"`
	LocationID     string `json:"location_id"`

	Family     string `json:"family_name"`
	Given      string `json:"given_name"`
	BirthDate  string `json:"birth_date"` // YYYY-MM-DD; empty where nobody knows
	Gender     string `json:"gender,omitempty"`
	Insurance  string `json:"insurance,omitempty"` // versicherungsart-de-basis
	Email      string `json:"email,omitempty"`
	Phone      string `json:"phone,omitempty"`
	NewPatient *bool  `json:"new_patient,omitempty"`
	Note       string `json:"note,omitempty"`
	Referral   string `json:"referral,omitempty"`
	Video      string `json:"video,omitempty"`  // the room of a visit by video, for the address of the practice's provider
	Booker     string `json:"booker,omitempty"` // who booked for another: name, relation, contact
	Language   string `json:"language"`
	// Warning is "differs" where the office says another time, doctor or place
	// than the patient saw, and no move explains it.
	Warning string `json:"warning,omitempty"`
}

// unknownBirth is on the card of somebody whose birthday nobody knows.
const unknownBirth = "0001-01-01"

// zone is the item's, which was checked when it was opened.
func (i Item) zone() *time.Location {
	z, err := time.LoadLocation(i.Zone)
	if err != nil {
		return time.UTC
	}
	return z
}

// digest is of what outlets tell; a change of anything else is no news.
func (i Item) digest() [8]byte {
	i.Event, i.Version, i.Status = "", 0, ""
	b, err := json.Marshal(i)
	if err != nil {
		panic(err) // texts and times have no other way
	}
	sum := sha256.Sum256(b)
	return [8]byte(sum[:8])
}

func kindOf(status string, moved bool) Kind {
	switch {
	case status == "cancelled" || status == "entered-in-error":
		return Cancelled
	case status == "pending":
		return Requested
	case moved:
		return Moved
	default:
		return Booked
	}
}

// item joins what was sealed with where the appointment is now.
func item(o opened, sealedStarts, sealedEnds time.Time, d due, n names) Item {
	i := Item{
		Booking: o.BookingID, Version: d.Version, Status: d.Status, Source: d.Source, Starts: d.Starts.UTC(), Ends: d.Ends.UTC(), Zone: o.Zone,
		Service: o.Service.Name, Practitioner: o.Practitioner.Name, Location: o.Location.Name,
		PractitionerID: d.Practitioner, LocationID: d.Location,
		Family: o.Patient.Family, Given: o.Patient.Given, BirthDate: o.Patient.BirthDate, Gender: o.Patient.Gender, Insurance: o.Patient.Insurance,
		Email: o.Patient.Email, Phone: o.Patient.Phone, NewPatient: o.NewPatient, Note: o.Note, Referral: o.Referral, Video: o.Video, Language: o.Language,
	}
	if i.BirthDate == unknownBirth {
		i.BirthDate = ""
	}
	if b := o.Booker; b != nil {
		i.Booker = strings.Join([]string{b.Name, b.Relation, b.Contact}, ", ")
	}
	moved := !d.First.IsZero()
	switch {
	case moved && !sealedStarts.Equal(d.First),
		!moved && (!sealedStarts.Equal(d.Starts) || !sealedEnds.Equal(d.Ends) || o.Practitioner.ID != d.Practitioner || o.Location.ID != d.Location):
		i.Warning = "differs"
	}
	return i.at(d, n)
}

// at is the booking where the office says that it is now.
func (i Item) at(d due, n names) Item {
	i.Event = d.Booking[len("bkg_"):] + "-" + itoa(d.Version)
	i.Version, i.Status, i.Starts, i.Ends = d.Version, d.Status, d.Starts.UTC(), d.Ends.UTC()
	i.Kind = kindOf(d.Status, !d.First.IsZero())
	i.PractitionerID, i.LocationID = d.Practitioner, d.Location
	if name := n.practitioners[d.Practitioner]; name != "" {
		i.Practitioner = name
	}
	if name := n.locations[d.Location]; name != "" {
		i.Location = name
	}
	return i
}
