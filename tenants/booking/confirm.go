package booking

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
)

// Status words are those of a FHIR Appointment.
const (
	// StatusPending waits: for the patient, or for staff to accept.
	StatusPending = "pending"
	StatusBooked  = "booked"
	// StatusCancelled is final.
	StatusCancelled = "cancelled"
)

// Booking is a booking as its patient sees it. The embedded visit is the
// first; one booking can have several, booked all or none.
type Booking struct {
	Visit
	// More are the other visits of a chain, a series or a family.
	More []Visit
	// Expires is when a booking that waits for its patient is given up.
	Expires time.Time
	// ByStaff says, before the patient confirms, that staff has the last word.
	ByStaff bool
}

// Visits are all visits of a booking.
func (b Booking) Visits() []Visit { return append([]Visit{b.Visit}, b.More...) }

// Visit is one appointment of a [Booking].
type Visit struct {
	Status string
	// Appointment is zero while the booking waits for its patient.
	Appointment  id.Appointment
	Booking      id.Booking
	Practitioner id.Practitioner
	Location     id.Location
	Starts, Ends time.Time
	// CancelUntil and MoveUntil are the last instants at which the patient can
	// cancel or move it.
	CancelUntil, MoveUntil time.Time
	// AnswerUntil is, of a request, until when the practice answers; zero where
	// nobody has said.
	AnswerUntil time.Time
	// Lapsed says of a cancelled one that it was a request which nobody answered.
	Lapsed bool
	// Sequence rises with each change, for calendars.
	Sequence int
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
	sealed, readErr := s.Redis.Value(ctx, name)
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
	if errors.Is(err, ErrSlotTaken) || errors.Is(err, ErrNotOffered) || errors.Is(err, ErrQuotaFull) {
		s.forget(ctx, tenant, name, p, redisdb.Release{})
		return Booking{}, err
	}
	if err != nil {
		return Booking{}, err
	}
	// The record goes only now: whatever happens before, the patient can try
	// again, and whatever happens after, the appointment stands.
	s.forget(ctx, tenant, name, p, s.receipt(tenant, p, secret, booked.Visit))
	s.Practice.Changed(tenant)
	if p.Channel == Mail {
		s.Wake()
	}
	return booked, nil
}

// visitHash is the hash by which the n-th visit of a booking is kept. The
// first is what the link's secret finds.
func visitHash(secret []byte, n int) []byte {
	if n > 0 {
		secret = append(bytes.Clone(secret), byte(n))
	}
	hash := sha256.Sum256(secret)
	return hash[:]
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
	const columns = `a.status, a.id, a.booking_id, a.practitioner_id, a.location_id, a.starts, a.ends,
		a.cancel_until, coalesce(a.move_until, a.cancel_until), a.sequence, c.ciphertext,
		case when a.status = 'pending' then a.answer_until end, a.cancelled_by is not distinct from 'lapsed'
		from appointment a left join patient_copy c on c.tenant_id = a.tenant_id and c.booking_id = a.booking_id`
	hash := visitHash(secret, 0)
	var found Booking
	var row *postgres.Found
	var answer *time.Time
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found, answer = Booking{}, nil
		row = b.Row(`select `+columns+` where a.tenant_id = $1 and a.secret_hash = $2`,
			[]any{tenant.UUID(), hash}, found.Visit.columns(&answer)...)
		b.Rows(`select `+columns+` where a.tenant_id = $1 and a.set_number > 0 and a.set_id =
				(select set_id from appointment where tenant_id = $1 and secret_hash = $2)
			order by a.set_number`,
			[]any{tenant.UUID(), hash}, func(rows pgx.Rows) error {
				var v Visit
				var answer *time.Time
				err := rows.Scan(v.columns(&answer)...)
				found.More = append(found.More, v.answeredBy(answer))
				return err
			})
	})
	if err != nil {
		return Booking{}, fmt.Errorf("find a booking by its secret: %w", err)
	}
	if !row.OK {
		return Booking{}, ErrUnknownBooking
	}
	found.Visit = found.Visit.answeredBy(answer).inUTC()
	for i := range found.More {
		found.More[i] = found.More[i].inUTC()
	}
	return found, nil
}

func (v *Visit) columns(answer **time.Time) []any {
	return []any{&v.Status, &v.Appointment, &v.Booking, &v.Practitioner, &v.Location, &v.Starts, &v.Ends,
		&v.CancelUntil, &v.MoveUntil, &v.Sequence, &v.Copy, answer, &v.Lapsed}
}

func (v Visit) answeredBy(until *time.Time) Visit {
	if until != nil {
		v.AnswerUntil = until.UTC()
	}
	return v
}

func (v Visit) inUTC() Visit {
	v.Starts, v.Ends, v.CancelUntil, v.MoveUntil = v.Starts.UTC(), v.Ends.UTC(), v.CancelUntil.UTC(), v.MoveUntil.UTC()
	return v
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
	visits := p.Hold.visits()
	for i := range visits {
		visits[i].Copy = p.Forms[i].Copy
	}
	pending := Booking{Visit: visits[0], More: visits[1:], Expires: death.UTC()}
	if offer, err := s.Practice.Offer(ctx, tenant); err == nil {
		for _, h := range p.Hold.Items {
			service, _ := offer.Service(h.Service)
			pending.ByStaff = pending.ByStaff || service.ByStaff
		}
	}
	return pending, nil
}

// checkCode compares a code. One of six digits can be tried [CodeTries] times;
// the last failure ends the pending booking.
func (s *Service) checkCode(ctx context.Context, tenant id.Tenant, hash, code string, p pendingRecord) error {
	return s.tryCode(ctx, tenant, hash, code, p, func() { s.forget(ctx, tenant, pendingKey(tenant, hash), p, redisdb.Release{}) })
}

// tryCode is checkCode for whatever waits for a code; over ends it.
func (s *Service) tryCode(ctx context.Context, tenant id.Tenant, hash, code string, p pendingRecord, over func()) error {
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
	over()
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
