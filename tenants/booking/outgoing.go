package booking

import (
	"time"

	"siegel/platform/id"
)

// Outgoing is what one message needs, read at the moment of sending and
// forgotten after it. It says who, where and when, and how to answer; which
// service it is, for what reason and for whom, it cannot say.
type Outgoing struct {
	BookingID id.Booking
	// Channel is "mail" or "sms", Address the mail address or the number in
	// the form of E.164.
	Channel, Address string
	// Other is where it goes instead, should the first way fail; empty: nowhere.
	Other Way
	// Language is "de" or "en".
	Language string
	// Link is the whole URL that confirms, with its fragment (mail only); of a
	// cancelled booking, where another can be made.
	Link string
	// ManageLink is the whole URL under which the booking can be seen.
	ManageLink string
	// Code is what an SMS carries: six digits.
	Code string
	// Stops are when and where, one or more, in the order of booking.
	Stops []Stop
	// Expires is when Link or Code stops working; of a request, until when the
	// practice answers.
	Expires      time.Time
	Practitioner string
	// Requested says that staff has yet to accept the booking.
	Requested bool
	// Change is what became of a booking, in a message about that.
	Change Change
	// ICS is a calendar to attach, complete, or empty.
	ICS string
}

// Way is a channel and an address.
type Way struct{ Channel, Address string }

// Change is what became of a booking since its patient last heard of it.
type Change string

// The changes.
const (
	ChangeBooked    Change = "booked"
	ChangeMoved     Change = "moved"
	ChangeCancelled Change = "cancelled"
	// ChangeProposed says that the practice offers other times.
	ChangeProposed Change = "proposed"
	// ChangeLapsed says that a request got no answer in time.
	ChangeLapsed Change = "lapsed"
)

// Stop is when and where somebody is expected.
type Stop struct {
	// Starts and Ends are instants, half-open; Zone is the IANA name of the
	// location's zone, in which people read them.
	Starts, Ends   time.Time
	Zone, Location string
}
