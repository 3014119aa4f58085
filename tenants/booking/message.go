package booking

import (
	"context"
	"fmt"
	"time"

	"siegel/platform/ics"
	"siegel/platform/id"
	"siegel/platform/redisdb"
	"siegel/tenants/inbox"
	"siegel/tenants/practice"
)

// receiptRecord is what Redis keeps for a minute after a confirmation, sealed,
// so that the receipt can be mailed.
type receiptRecord struct {
	Hold     heldRecord `json:"hold"`
	Address  string     `json:"address"`
	Language string     `json:"language"`
	Secret   []byte     `json:"secret"`
	// Requested says that staff has yet to accept it.
	Requested bool `json:"requested,omitempty"`
	// Answer is until when it does, in seconds.
	Answer int64 `json:"answer,omitempty"`
}

const receiptPurpose = "receipt"

func receiptKey(tenant id.Tenant, booking string) string { return key(tenant, "receipt", booking) }

// receipt is the trace that a confirmed booking leaves in Redis: for a minute
// the address for its receipt, and in passing the word that something changed.
func (s *Service) receipt(tenant id.Tenant, p pendingRecord, secret []byte, first Visit) redisdb.Release {
	r := redisdb.Release{Channel: inbox.ChangedChannel(tenant), Message: "changed"}
	if p.Channel == Mail {
		r.Keep = receiptKey(tenant, p.Hold.first().Booking.UUID())
		r.KeepValue = s.seal(receiptPurpose, r.Keep, receiptRecord{p.Hold, p.Address, p.Language, secret, first.Status == StatusPending, first.AnswerUntil.Unix()})
		r.KeepTTL = receiptTTL
	}
	return r
}

// ConfirmationToSend is what the message behind ref says and where it goes. It
// returns [ErrAddressLapsed] where the booking was confirmed, replaced, sent
// already or has expired.
func (s *Service) ConfirmationToSend(ctx context.Context, tenant id.Tenant, ref string) (Outgoing, error) {
	name := pendingKey(tenant, ref)
	sealed, death, err := s.Redis.Read(ctx, name)
	if err != nil {
		return Outgoing{}, err
	}
	if sealed == nil {
		return Outgoing{}, ErrAddressLapsed
	}
	var p pendingRecord
	if err := s.unseal(pendingPurpose, name, sealed, &p); err != nil {
		return Outgoing{}, err
	}
	if p.Code == "" {
		return Outgoing{}, ErrAddressLapsed
	}
	out, base, err := s.outgoing(ctx, tenant, p.Hold)
	if err != nil {
		return Outgoing{}, err
	}
	out.Channel, out.Address, out.Language, out.Expires = string(p.Channel), p.Address, p.Language, death.UTC()
	if p.Channel == Mail {
		out.Link = base + "/confirm#" + b64(p.Secret) + "." + p.Code
	} else {
		out.Code = p.Code
	}
	return out, nil
}

// ConfirmationSent forgets the raw secret and code: the message has left.
func (s *Service) ConfirmationSent(ctx context.Context, tenant id.Tenant, ref string) error {
	name := pendingKey(tenant, ref)
	sealed, err := s.Redis.Value(ctx, name)
	if err != nil || sealed == nil {
		return err
	}
	var p pendingRecord
	if err := s.unseal(pendingPurpose, name, sealed, &p); err != nil {
		return err
	}
	p.Secret, p.Code = nil, ""
	_, _, err = s.Redis.Advance(ctx, redisdb.Advance{
		Tenant: tenant, ID: p.Hold.Hold.UUID(), Record: name, Expected: sealed, Value: s.seal(pendingPurpose, name, p),
	})
	return err
}

// ReceiptToSend is what the receipt behind ref says and where it goes. It
// returns [ErrAddressLapsed] a minute after the confirmation.
func (s *Service) ReceiptToSend(ctx context.Context, tenant id.Tenant, ref string) (Outgoing, error) {
	name := receiptKey(tenant, ref)
	sealed, death, err := s.Redis.Read(ctx, name)
	if err != nil {
		return Outgoing{}, err
	}
	if sealed == nil {
		return Outgoing{}, ErrAddressLapsed
	}
	var r receiptRecord
	if err := s.unseal(receiptPurpose, name, sealed, &r); err != nil {
		return Outgoing{}, err
	}
	out, base, err := s.outgoing(ctx, tenant, r.Hold)
	if err != nil {
		return Outgoing{}, err
	}
	out.Channel, out.Address, out.Language, out.Expires = string(Mail), r.Address, r.Language, death.UTC()
	if out.Requested = r.Requested; r.Requested {
		out.Expires = time.Unix(r.Answer, 0).UTC()
	}
	out.ManageLink = base + "/booking#" + b64(r.Secret)
	out.ICS, err = s.Invitation(ctx, tenant, r.Hold.visits(), r.Address, r.Language)
	return out, err
}

// ReceiptSent forgets the address: the receipt has left.
func (s *Service) ReceiptSent(ctx context.Context, tenant id.Tenant, ref string) error {
	return s.Redis.Forget(ctx, receiptKey(tenant, ref))
}

// Calendar is visits as an iCalendar (RFC 5545) that says neither service nor
// practitioner.
func (s *Service) Calendar(ctx context.Context, tenant id.Tenant, visits []Visit, language string) (string, error) {
	_, events, err := s.events(ctx, tenant, visits, language)
	if err != nil {
		return "", err
	}
	return ics.Publish(events...)
}

// Invitation is the same for a mail to an address: it brings the calendar of
// whoever reads it up to date. Answers, which nobody is asked for, would go to
// the practice.
func (s *Service) Invitation(ctx context.Context, tenant id.Tenant, visits []Visit, address, language string) (string, error) {
	offer, events, err := s.events(ctx, tenant, visits, language)
	if err != nil {
		return "", err
	}
	return ics.Request(ics.Parties{Organizer: offer.Practice.Email, Name: offer.Practice.Said(), Attendee: address}, events...)
}

func (s *Service) events(ctx context.Context, tenant id.Tenant, visits []Visit, language string) (*practice.Offer, []ics.Event, error) {
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return nil, nil, err
	}
	summary, phone := "Termin: ", "Telefon: "
	if language == "en" {
		summary, phone = "Appointment: ", "Phone: "
	}
	var events []ics.Event
	for _, v := range visits {
		l, err := place(offer, v.Location)
		if err != nil {
			return nil, nil, err
		}
		zone, err := time.LoadLocation(l.Zone)
		if err != nil {
			return nil, nil, fmt.Errorf("zone of a location: %w", err)
		}
		events = append(events, ics.Event{
			UID: ics.UID(v.Booking.UUID(), s.Base), Sequence: v.Sequence, Cancelled: v.Status == StatusCancelled, Starts: v.Starts, Ends: v.Ends, Zone: zone, Stamp: s.Now(),
			Summary: summary + offer.Practice.Said(), Location: address(l), Description: phone + offer.Practice.Phone,
		})
	}
	return offer, events, nil
}

// visits are the slots of a hold as their patient sees them.
func (h heldRecord) visits() []Visit {
	visits := make([]Visit, len(h.Items))
	for i, x := range h.Items {
		visits[i] = Visit{
			Status: StatusPending, Booking: x.Booking, Practitioner: x.Practitioner, Location: x.Location,
			Starts: time.Unix(x.Starts, 0).UTC(), Ends: time.Unix(x.Ends, 0).UTC(),
		}
	}
	return visits
}

// outgoing fills in what every message about a hold says, and returns the
// address of the tenant's patient pages.
func (s *Service) outgoing(ctx context.Context, tenant id.Tenant, h heldRecord) (Outgoing, string, error) {
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return Outgoing{}, "", err
	}
	out := Outgoing{BookingID: h.first().Booking}
	for _, v := range h.visits() {
		l, err := place(offer, v.Location)
		if err != nil {
			return Outgoing{}, "", err
		}
		out.Stops = append(out.Stops, Stop{Starts: v.Starts, Ends: v.Ends, Zone: l.Zone, Location: address(l)})
	}
	base, err := s.PatientURL(ctx, tenant)
	if err != nil {
		return Outgoing{}, "", fmt.Errorf("address of the patient pages: %w", err)
	}
	return out, base, nil
}

// place returns a location of the offer; one that has gone is no longer offered.
func place(o *practice.Offer, location id.Location) (practice.Location, error) {
	l, ok := o.Location(location)
	if !ok {
		return l, ErrNotOffered
	}
	return l, nil
}

func address(l practice.Location) string { return l.Street + ", " + l.PostalCode + " " + l.City }
