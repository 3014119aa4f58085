package booking

import (
	"context"
	"fmt"
	"time"

	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
)

// releaseTTL is how long an address that the practice released is kept at most.
const releaseTTL = time.Hour

// Released is an address that the practice takes out of an opened booking, so
// that its patient hears what became of the appointment. The server keeps it,
// sealed, until the message has left, and at most an hour.
type Released struct {
	Appointment id.Appointment
	Channel     Channel
	Address     string
	// Language is "de" or "en".
	Language string
}

// releasedRecord is what Redis keeps of it, sealed.
type releasedRecord struct {
	Appointment id.Appointment `json:"appointment"`
	Channel     Channel        `json:"channel"`
	Address     string         `json:"address"`
	Language    string         `json:"language"`
}

const releasedPurpose = "released"

func releasedKey(tenant id.Tenant, message string) string { return key(tenant, "released", message) }

// Tell queues the message that tells a patient what became of their
// appointment, as it stands when the message leaves: booked, moved or
// cancelled. It returns [ErrUnknownBooking], [ErrAddress], [ErrChannel],
// [ErrTooManyMessages], or redisdb.ErrUnavailable, with nothing kept.
func (s *Service) Tell(ctx context.Context, tenant id.Tenant, r Released) (id.Message, error) {
	var none id.Message
	var err error
	if r.Address, err = s.Address(r.Channel, r.Address); err != nil {
		return none, err
	}
	if r.Language != "en" {
		r.Language = "de"
	}
	now, err := s.current(ctx, tenant, ofAppointmentID, r.Appointment.UUID())
	if err != nil {
		return none, err
	}
	if err := s.countAddress(ctx, r.Channel, r.Address); err != nil {
		return none, err
	}
	message := id.New[id.Message]()
	name := releasedKey(tenant, message.UUID())
	sealed := s.seal(releasedPurpose, name, releasedRecord(r))
	if err := s.Redis.Keep(ctx, name, sealed, releaseTTL); err != nil {
		return none, err
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		jobs.Add(b, jobs.Message{ID: message, Tenant: tenant, Kind: "change_" + string(r.Channel), Ref: message.UUID(), TTL: releaseTTL})
		if r.Channel == SMS {
			s.Budget.AppendBudget(b, tenant, message, now.Booking)
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
	out.Channel, out.Address, out.Expires = string(r.Channel), r.Address, death.UTC()
	switch {
	case c.Status == StatusCancelled:
		out.Change = ChangeCancelled
		if out.Link, err = s.PatientURL(ctx, tenant); err != nil {
			return Outgoing{}, fmt.Errorf("address of the patient pages: %w", err)
		}
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
	calendar, err := s.Calendar(ctx, tenant, []Visit{{
		Status: c.Status, Booking: c.Booking, Location: c.Location, Starts: c.Starts, Ends: c.Ends, Sequence: c.Sequence,
	}}, language)
	return Outgoing{
		BookingID: c.Booking, Language: language, ICS: calendar,
		Stops: []Stop{{Starts: c.Starts, Ends: c.Ends, Zone: place.Zone, Location: address(place)}},
	}, err
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
}

// Current finds how a booking stands. It returns [ErrUnknownBooking].
func (s *Service) Current(ctx context.Context, tenant id.Tenant, booking id.Booking) (Current, error) {
	return s.current(ctx, tenant, `a.booking_id = $2`, booking.UUID())
}

func (s *Service) current(ctx context.Context, tenant id.Tenant, which, name string) (Current, error) {
	var c Current
	var row *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		row = b.Row(`select a.booking_id, a.status, a.location_id, a.starts, a.ends, a.first_starts is not null, a.sequence
			from appointment a where a.tenant_id = $1 and `+which+` and `+anyStatus+`
			order by a.sequence desc, a.created desc limit 1`,
			[]any{tenant.UUID(), name}, &c.Booking, &c.Status, &c.Location, &c.Starts, &c.Ends, &c.Moved, &c.Sequence)
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
