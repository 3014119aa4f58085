package booking

import (
	"context"
	"fmt"
	"strings"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
)

// ErrTest is returned for an appointment of nobody: there is nobody to tell.
var ErrTest = fault.New(fault.Conflict, "test_appointment")

// ErrAlreadyTold is returned where [Released.Once] has nothing to tell any more.
var ErrAlreadyTold = fault.New(fault.Conflict, "already_told")

// releaseTTL is how long an address that the practice released is kept at most.
const releaseTTL = time.Hour

// Released is an address that the practice takes out of an opened booking, so
// that its patient hears what became of the appointment. The server keeps it,
// sealed, until the message has left, and at most an hour.
type Released struct {
	Appointment id.Appointment
	Channel     Channel
	Address     string
	// Other is where the message goes where it does not arrive by Channel: a mail
	// instead of a text message or the other way round; empty: nowhere.
	Other string
	// Language is "de" or "en".
	Language string
	// Once is for those who tell of a lapsed request by themselves: of several
	// who do, one is heard, and what did not lapse is told to nobody.
	Once bool
}

// Other is the channel that one is not.
func (c Channel) Other() Channel {
	if c == SMS {
		return Mail
	}
	return SMS
}

// releasedRecord is what Redis keeps of it, sealed.
type releasedRecord struct {
	Appointment id.Appointment `json:"appointment"`
	Channel     Channel        `json:"channel"`
	Address     string         `json:"address"`
	Other       string         `json:"other,omitempty"`
	Language    string         `json:"language"`
}

const releasedPurpose = "released"

func releasedKey(tenant id.Tenant, message string) string {
	return key(tenant, releasedPurpose, message)
}

// Tell queues the message that tells a patient what became of their
// appointment, as it stands when the message leaves: booked, moved or
// cancelled. It returns [ErrUnknownBooking], [ErrTest], [ErrAddress], [ErrChannel],
// [ErrTooManyMessages], [ErrAlreadyTold], or redisdb.ErrUnavailable, with nothing
// kept.
func (s *Service) Tell(ctx context.Context, tenant id.Tenant, r Released) (id.Message, error) {
	var none id.Message
	if err := s.usable(r.Channel, &r.Address, &r.Other, &r.Language); err != nil {
		return none, err
	}
	now, err := s.current(ctx, tenant, ofAppointmentID, r.Appointment.UUID())
	if err != nil {
		return none, err
	}
	if now.Test {
		return none, ErrTest
	}
	if r.Once {
		first, err := s.claimTelling(ctx, tenant, r.Appointment)
		if err != nil {
			return none, err
		}
		if !first {
			return none, ErrAlreadyTold
		}
	}
	message, err := s.tell(ctx, tenant, r, now)
	if err != nil && r.Once {
		s.leaveTelling(context.WithoutCancel(ctx), tenant, r.Appointment)
	}
	return message, err
}

// claimTelling reports whether nobody has told of a lapsed request yet.
func (s *Service) claimTelling(ctx context.Context, tenant id.Tenant, appointment id.Appointment) (bool, error) {
	var row *postgres.Found
	var is bool
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		row = b.Row(`update appointment set told = now() where tenant_id = $1 and id = $2 and cancelled_by = 'lapsed' and told is null returning true`,
			[]any{tenant.UUID(), appointment.UUID()}, &is)
	})
	if err != nil {
		return false, fmt.Errorf("claim a message: %w", err)
	}
	return row.OK, nil
}

// leaveTelling lets the next one tell. Where that fails too, the practice's
// cancelled appointments still have it.
func (s *Service) leaveTelling(ctx context.Context, tenant id.Tenant, appointment id.Appointment) {
	_ = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`update appointment set told = null where tenant_id = $1 and id = $2`, tenant.UUID(), appointment.UUID())
	})
}

func (s *Service) tell(ctx context.Context, tenant id.Tenant, r Released, now Current) (id.Message, error) {
	return s.release(ctx, tenant, release{
		purpose: releasedPurpose, kind: "change", booking: now.Booking, channel: r.Channel, address: r.Address, other: r.Other,
		record: releasedRecord{r.Appointment, r.Channel, r.Address, r.Other, r.Language},
	})
}

// usable brings the addresses and the language of a message that the practice
// starts into their one form. It returns [ErrAddress] or [ErrChannel].
func (s *Service) usable(channel Channel, address, other, language *string) (err error) {
	if *address, err = s.Address(channel, *address); err != nil {
		return err
	}
	if *other != "" {
		// What cannot be used is no reason to say nothing.
		if *other, err = s.Address(channel.Other(), *other); err != nil {
			*other = ""
		}
	}
	if *language != "en" {
		*language = "de"
	}
	return nil
}

// release is a message that the practice starts: its record goes into Redis for
// [releaseTTL], sealed, and its id into the outbox.
type release struct {
	// purpose is of the record, kind of the message, without its channel.
	purpose, kind  string
	booking        id.Booking
	channel        Channel
	address, other string
	record         any
}

func (s *Service) release(ctx context.Context, tenant id.Tenant, r release) (id.Message, error) {
	var none id.Message
	if err := s.countAddress(ctx, r.channel, r.address); err != nil {
		return none, err
	}
	message := id.New[id.Message]()
	name := key(tenant, r.purpose, message.UUID())
	if err := s.Redis.Keep(ctx, name, s.seal(r.purpose, name, r.record), releaseTTL); err != nil {
		return none, err
	}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		kind := r.kind + "_" + string(r.channel)
		jobs.Add(b, jobs.Message{ID: message, Tenant: tenant, Kind: kind, Ref: message.UUID(), TTL: releaseTTL})
		if r.channel == SMS || r.other != "" {
			s.Budget.AppendBudget(b, tenant, message, r.booking)
		} else {
			s.Budget.AppendMail(b, tenant, message, r.booking, kind)
		}
	})
	if err != nil {
		_ = s.Redis.Forget(context.WithoutCancel(ctx), name)
		return none, fmt.Errorf("queue a message: %w", s.Budget.BudgetError(err))
	}
	s.Wake()
	return message, nil
}

// ChangeToSend is what the message behind ref says and where it goes. It
// returns [ErrAddressLapsed] once it was sent or its hour is over.
func (s *Service) ChangeToSend(ctx context.Context, tenant id.Tenant, ref string) (Outgoing, error) {
	name := releasedKey(tenant, ref)
	sealed, death, err := s.Redis.Read(ctx, name)
	if err != nil {
		return Outgoing{}, err
	}
	if sealed == nil {
		return Outgoing{}, ErrAddressLapsed
	}
	var r releasedRecord
	if err := s.unseal(releasedPurpose, name, sealed, &r); err != nil {
		return Outgoing{}, err
	}
	c, err := s.current(ctx, tenant, ofAppointmentID, r.Appointment.UUID())
	if err != nil {
		return Outgoing{}, err
	}
	out, err := s.About(ctx, tenant, c, r.Language)
	if err != nil {
		return Outgoing{}, err
	}
	reader := r.Address
	if r.Other != "" {
		out.Other = Way{string(r.Channel.Other()), r.Other}
		if r.Channel == SMS {
			reader = r.Other
		}
	}
	if strings.Contains(reader, "@") {
		if out.ICS, err = s.Invitation(ctx, tenant, []Visit{c.visit()}, reader, r.Language); err != nil {
			return Outgoing{}, err
		}
	}
	out.Channel, out.Address, out.Expires = string(r.Channel), r.Address, death.UTC()
	switch {
	case c.Status == StatusCancelled:
		if out.Change = ChangeCancelled; c.Lapsed {
			out.Change = ChangeLapsed
		}
		if out.Link, err = s.PatientURL(ctx, tenant); err != nil {
			return Outgoing{}, fmt.Errorf("address of the patient pages: %w", err)
		}
	case c.Status == StatusProposed:
		// When it will be, nobody knows yet; the link that its patient has shows the times.
		out.Change, out.ICS = ChangeProposed, ""
	case c.Status == StatusPending:
		return Outgoing{}, ErrAddressLapsed // taken back meanwhile; there is nothing to say yet
	case c.Moved:
		out.Change = ChangeMoved
	default:
		out.Change = ChangeBooked
	}
	return out, nil
}

// About is what every message about an appointment says, without whom it goes
// to.
func (s *Service) About(ctx context.Context, tenant id.Tenant, c Current, language string) (Outgoing, error) {
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return Outgoing{}, err
	}
	place, err := place(offer, c.Location)
	if err != nil {
		return Outgoing{}, err
	}
	return Outgoing{
		BookingID: c.Booking, Language: language,
		Stops: []Stop{{Starts: c.Starts, Ends: c.Ends, Zone: place.Zone, Location: address(place)}},
	}, nil
}

func (c Current) visit() Visit {
	return Visit{Status: c.Status, Booking: c.Booking, Location: c.Location, Starts: c.Starts, Ends: c.Ends, Sequence: c.Sequence}
}

// ChangeSent forgets the address: the message has left.
func (s *Service) ChangeSent(ctx context.Context, tenant id.Tenant, ref string) error {
	return s.Redis.Forget(ctx, releasedKey(tenant, ref))
}

// Current is how a booking stands: where it was moved, as it is now.
type Current struct {
	Booking      id.Booking
	Status       string
	Location     id.Location
	Starts, Ends time.Time // UTC
	Moved        bool
	Sequence     int
	Test         bool // of nobody
	Lapsed       bool // cancelled since nobody has answered the request
}

// Current finds how a booking stands. It returns [ErrUnknownBooking].
func (s *Service) Current(ctx context.Context, tenant id.Tenant, booking id.Booking) (Current, error) {
	return s.current(ctx, tenant, `a.booking_id = $2`, booking.UUID())
}

func (s *Service) current(ctx context.Context, tenant id.Tenant, which, name string) (Current, error) {
	var c Current
	var row *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		row = b.Row(`select a.booking_id, a.status, a.location_id, a.starts, a.ends, a.first_starts is not null, a.sequence, a.test, a.cancelled_by is not distinct from 'lapsed'
			from appointment a where a.tenant_id = $1 and `+which+` and `+anyStatus+`
			order by a.sequence desc, a.created desc limit 1`,
			[]any{tenant.UUID(), name}, &c.Booking, &c.Status, &c.Location, &c.Starts, &c.Ends, &c.Moved, &c.Sequence, &c.Test, &c.Lapsed)
	})
	if err != nil {
		return c, fmt.Errorf("read an appointment: %w", err)
	}
	if !row.OK {
		return c, ErrUnknownBooking
	}
	c.Starts, c.Ends = c.Starts.UTC(), c.Ends.UTC()
	return c, nil
}

// ofAppointmentID finds the booking that an appointment is, or was, part of.
const ofAppointmentID = `a.booking_id = (select booking_id from appointment where tenant_id = $1 and id = $2)`
