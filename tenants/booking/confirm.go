package booking

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/inbox"
	"siegel/tenants/practice"
)

// Status words are those of a FHIR Appointment.
const (
	statusPending = "pending"
	statusBooked  = "booked"
)

// Booking is a booking as its patient sees it.
type Booking struct {
	Status string
	// Appointment is zero while the booking is pending.
	Appointment  id.Appointment
	Booking      id.Booking
	Practitioner id.Practitioner
	Location     id.Location
	Starts, Ends time.Time
	// CancelUntil is the last instant at which the patient can cancel.
	CancelUntil time.Time
	// Expires is when a pending booking is given up.
	Expires time.Time
	// Copy is the patient's copy; only the secret opens it.
	Copy []byte
}

// WrongCode says that a code was wrong and how many tries are left.
type WrongCode struct{ TriesLeft int }

func (w *WrongCode) Error() string { return fmt.Sprintf("wrong code, %d tries left", w.TriesLeft) }

// Unwrap makes it the fault "wrong_code".
func (w *WrongCode) Unwrap() error { return errWrongCode }

var errWrongCode = fault.New(fault.Invalid, "wrong_code")

// Overtaken is [ErrSlotTaken] with what was wanted, so that something like it
// can be offered.
type Overtaken struct {
	Service id.Service
	Starts  time.Time
}

func (o *Overtaken) Error() string { return ErrSlotTaken.Error() }

// Unwrap makes it [ErrSlotTaken].
func (o *Overtaken) Unwrap() error { return ErrSlotTaken }

// Confirm makes a pending booking an appointment. Whoever calls it holds the
// booking's secret and the code that went to the patient's address. Repeating
// gives the same answer.
//
// It returns [ErrLinkExpired] for what is unknown, lost or expired, an
// [Overtaken] where another appointment has come first, [ErrNotOffered]
// where the practice has withdrawn the time, or a [WrongCode].
func (s *Service) Confirm(ctx context.Context, tenant id.Tenant, secret []byte, code string) (Booking, error) {
	hash, name, err := secretNames(tenant, secret)
	if err != nil {
		return Booking{}, err
	}
	sealed, _, readErr := s.Redis.Read(ctx, name)
	if sealed == nil {
		return s.confirmedBefore(ctx, tenant, secret, readErr)
	}
	var p pendingRecord
	if err := s.unseal(pendingPurpose, name, sealed, &p); err != nil {
		return Booking{}, err
	}
	if err := s.checkCode(ctx, tenant, hash, code, p); err != nil {
		return Booking{}, err
	}

	booked, err := s.commit(ctx, tenant, secret, p)
	if postgres.Violates(err, "appointment_secret_once") {
		return s.confirmedBefore(ctx, tenant, secret, nil) // another tab was faster
	}
	if errors.Is(err, ErrSlotTaken) || errors.Is(err, ErrNotOffered) {
		s.forget(ctx, tenant, name, p, redisdb.Release{})
		return Booking{}, err
	}
	if err != nil {
		return Booking{}, err
	}
	// The record goes only now: whatever happens before, the patient can try
	// again, and whatever happens after, the appointment stands.
	s.forget(ctx, tenant, name, p, s.receipt(tenant, p, secret))
	if p.Channel == Mail {
		s.Wake()
	}
	return booked, nil
}

// commit writes the appointment with all that belongs to it, in one round trip
// that is one transaction.
func (s *Service) commit(ctx context.Context, tenant id.Tenant, secret []byte, p pendingRecord) (Booking, error) {
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return Booking{}, err
	}
	for range 3 {
		booked, err := s.commitAt(ctx, tenant, offer, secret, p)
		if !errors.Is(err, errStaleOffer) {
			return booked, err
		}
		if offer, err = s.Practice.Refresh(ctx, tenant, offer.Version+1); err != nil {
			return Booking{}, err
		}
	}
	return Booking{}, ErrBusy
}

func (s *Service) commitAt(ctx context.Context, tenant id.Tenant, offer *practice.Offer, secret []byte, p pendingRecord) (Booking, error) {
	h := p.Hold
	slot, err := offered(offer, h.Service, h.Practitioner, h.Location, time.Unix(h.Starts, 0), time.Unix(h.Made, 0))
	if err != nil {
		return Booking{}, err
	}
	secretHash := sha256.Sum256(secret)
	booked := Booking{
		Status: statusBooked, Appointment: id.New[id.Appointment](), Booking: h.Booking,
		Practitioner: h.Practitioner, Location: h.Location,
		Starts: slot.Starts, Ends: slot.Ends, CancelUntil: slot.Starts, Copy: p.Copy,
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		// One lock a resource, and everyone takes them in the order of ids:
		// without it, fifty at once on one slot deadlock in the exclusion
		// constraint. An edit of the offer takes the same locks.
		b.Exec(`select from resource where tenant_id = $1 and id = $2 for no key update`,
			tenant.UUID(), h.Resource.UUID())
		// No row where the offer has a newer version: the occupation then lacks
		// its appointment, and the transaction fails as a whole.
		b.Exec(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id,
				location_id, starts, ends, cancel_until, secret_hash)
			select $1, $2, $3, 'booked', 'online', $4, $5, $6, $7, $8, $9, $10
			from practice where tenant_id = $1 and version = $11`,
			tenant.UUID(), booked.Appointment.UUID(), booked.Booking.UUID(), h.Practitioner.UUID(), h.Resource.UUID(),
			h.Location.UUID(), booked.Starts, booked.Ends, booked.CancelUntil, secretHash[:], offer.Version)
		// The lowest free unit; 0 where none is free, which occupation_unit refuses.
		b.Exec(`insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id)
			select $1, $2, coalesce((select min(u) from generate_series(1, $5::int) u 
				where not exists (select from occupation o where o.unit = u and `+overlaps+`)), 0), $3, $4, $6`,
			tenant.UUID(), h.Resource.UUID(), time.Unix(slot.Busy.Starts, 0), time.Unix(slot.Busy.Ends, 0), slot.Capacity, booked.Appointment.UUID())
		inbox.AppendEnvelope(b, tenant, booked.Appointment, booked.Booking, p.Envelope)
		b.Exec(`insert into patient_copy (tenant_id, booking_id, appointment_id, ciphertext) values ($1, $2, $3, $4)`,
			tenant.UUID(), booked.Booking.UUID(), booked.Appointment.UUID(), p.Copy)
		if p.Channel == Mail {
			enqueue(b, tenant, "receipt_mail", booked.Booking.UUID(), receiptTTL)
		}
		inbox.RaiseCounter(b, tenant)
	})
	switch {
	case postgres.Violates(err, "occupation_appointment"):
		return Booking{}, errStaleOffer
	case postgres.Violates(err, "occupation_unit"), postgres.Violates(err, "appointment_no_overlap"), postgres.Violates(err, "occupation_pk"):
		return Booking{}, &Overtaken{h.Service, slot.Starts}
	case postgres.Violates(err, "envelope_pk"):
		return Booking{}, ErrForeignEnvelope // an id that was used before
	case err != nil:
		return Booking{}, fmt.Errorf("commit a booking: %w", err)
	}
	return booked, nil
}

// confirmedBefore answers a confirmation whose pending record is gone: with
// the appointment, if there is one. Where Redis could not be asked, a missing
// appointment proves nothing.
func (s *Service) confirmedBefore(ctx context.Context, tenant id.Tenant, secret []byte, readErr error) (Booking, error) {
	booked, err := s.View(ctx, tenant, secret)
	if !errors.Is(err, ErrUnknownBooking) {
		return booked, err
	}
	if readErr != nil {
		return Booking{}, readErr
	}
	return Booking{}, ErrLinkExpired
}

// View finds a booking by its secret. It returns [ErrUnknownBooking].
func (s *Service) View(ctx context.Context, tenant id.Tenant, secret []byte) (Booking, error) {
	if len(secret) != 16 {
		return Booking{}, ErrMalformedSecret
	}
	hash := sha256.Sum256(secret)
	var found Booking
	var row *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		row = b.Row(`select a.status, a.id, a.booking_id, a.practitioner_id, a.location_id, a.starts, a.ends, a.cancel_until, c.ciphertext
			from appointment a left join patient_copy c on c.tenant_id = a.tenant_id and c.booking_id = a.booking_id
			where a.tenant_id = $1 and a.secret_hash = $2`, []any{tenant.UUID(), hash[:]},
			&found.Status, &found.Appointment, &found.Booking, &found.Practitioner, &found.Location,
			&found.Starts, &found.Ends, &found.CancelUntil, &found.Copy)
	})
	if err != nil {
		return Booking{}, fmt.Errorf("find a booking by its secret: %w", err)
	}
	if !row.OK {
		return Booking{}, ErrUnknownBooking
	}
	found.Starts, found.Ends, found.CancelUntil = found.Starts.UTC(), found.Ends.UTC(), found.CancelUntil.UTC()
	return found, nil
}

// Peek shows what a link would confirm, or has confirmed, and changes nothing.
func (s *Service) Peek(ctx context.Context, tenant id.Tenant, secret []byte) (Booking, error) {
	_, name, err := secretNames(tenant, secret)
	if err != nil {
		return Booking{}, err
	}
	sealed, death, readErr := s.Redis.Read(ctx, name)
	if sealed == nil {
		return s.confirmedBefore(ctx, tenant, secret, readErr)
	}
	var p pendingRecord
	if err := s.unseal(pendingPurpose, name, sealed, &p); err != nil {
		return Booking{}, err
	}
	h := p.Hold
	return Booking{
		Status: statusPending, Booking: h.Booking, Practitioner: h.Practitioner, Location: h.Location,
		Starts: time.Unix(h.Starts, 0).UTC(), Ends: time.Unix(h.Ends, 0).UTC(), Expires: death.UTC(), Copy: p.Copy,
	}, nil
}

// checkCode compares a code. One of six digits can be tried [CodeTries] times;
// the last failure ends the pending booking.
func (s *Service) checkCode(ctx context.Context, tenant id.Tenant, hash, code string, p pendingRecord) error {
	right := hmac.Equal(s.codeHash(hash, code), p.CodeHash)
	if p.Channel == Mail {
		if !right {
			return ErrLinkExpired // an older link, or a made-up one
		}
		return nil
	}
	// Counted before it is said, so that tries at the same moment count too.
	left, ok, err := s.Redis.Take(ctx, triesKey(tenant, hash), CodeTries, PendingByCode)
	switch {
	case err != nil:
		return err
	case ok && right:
		return nil
	case ok && left > 0:
		return &WrongCode{TriesLeft: left}
	}
	s.forget(ctx, tenant, pendingKey(tenant, hash), p, redisdb.Release{})
	if ok {
		return &WrongCode{TriesLeft: 0}
	}
	return ErrLinkExpired
}

// forget removes a pending booking and its hold, with what r adds. A failure
// leaves both to their end of life.
func (s *Service) forget(ctx context.Context, tenant id.Tenant, name string, p pendingRecord, r redisdb.Release) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	r.Tenant, r.ID = tenant, p.Hold.Hold.UUID()
	// The counter of tries stays: who has read the record already goes on counting.
	r.Delete = []string{name, p.Held}
	_ = s.Redis.Release(ctx, r)
}

// secretNames returns the hash of a secret in text and the name of its pending record.
func secretNames(tenant id.Tenant, secret []byte) (hash, name string, err error) {
	if len(secret) != 16 {
		return "", "", ErrMalformedSecret
	}
	sum := sha256.Sum256(secret)
	hash = b64(sum[:])
	return hash, pendingKey(tenant, hash), nil
}
