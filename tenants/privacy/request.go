package privacy

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/tenants/inbox"
)

// What callers act on.
var (
	// ErrUnknownRequest is returned for a request that the tenant does not have,
	// and for a link that leads to no appointment.
	ErrUnknownRequest = fault.New(fault.NotFound, "not_found")
	// ErrRequestChanged is returned where somebody else has written about a
	// request in the meantime.
	ErrRequestChanged = fault.New(fault.Conflict, "request_changed")
	// ErrMalformedRequest is returned for a request that no client of ours makes.
	ErrMalformedRequest = fault.New(fault.Invalid, "malformed_request_content")
	// ErrTooManyRequests is returned where a link has brought many already.
	ErrTooManyRequests = fault.New(fault.Limited, "too_many_requests")
)

// RequestKind is what somebody asks of their data.
type RequestKind string

// The kinds, by their article of the GDPR.
const (
	Access        RequestKind = "access"        // Art. 15
	Rectification RequestKind = "rectification" // Art. 16
	Erasure       RequestKind = "erasure"       // Art. 17
	Restriction   RequestKind = "restriction"   // Art. 18
	Portability   RequestKind = "portability"   // Art. 20
	Objection     RequestKind = "objection"     // Art. 21
)

func (k RequestKind) known() bool {
	switch k {
	case Access, Rectification, Erasure, Restriction, Portability, Objection:
		return true
	}
	return false
}

// RequestStatus is how far a request has come.
type RequestStatus string

// The statuses.
const (
	RequestOpen    RequestStatus = "open"
	RequestDone    RequestStatus = "done"
	RequestRefused RequestStatus = "refused" // Art. 12 (4): with the reasons told
)

// Request is what is known of one without the practice's keys.
type Request struct {
	ID     id.Request
	Kind   RequestKind
	Source string // patient, office
	Status RequestStatus
	// Booking is the one whose link it came by; zero where the office entered it.
	Booking id.Booking
	// Received, and until when an answer is owed: a month later (Art. 12 (3)).
	Received, Due time.Time
	Closed        time.Time // zero while open
	// Envelope is how the person sealed it; nil once the practice has opened it.
	Envelope *seal.Envelope
	Note     RequestNote
}

// RequestNote is what is asked for and what was done about it, under the
// practice's book key.
type RequestNote struct {
	Version    int // 0: there is none yet
	Epoch      int
	Ciphertext []byte // like a customer record's: a multiple of 1 KiB, 32 KiB at most
}

func (n RequestNote) check() error {
	padded := len(n.Ciphertext) - 12 - 16
	if n.Version < 1 || n.Version > math.MaxInt32 || n.Epoch < 1 || n.Epoch > math.MaxInt32 || padded < 1<<10 || padded%(1<<10) != 0 || padded > 32<<10 {
		return ErrMalformedRequest
	}
	return nil
}

// perLink is how many open requests a link may bring.
const perLink = 6

// RequestsConfig is what [Requests] need.
type RequestsConfig struct {
	DB *postgres.DB
	// Stop ends all messages that the holder of a link had agreed to.
	Stop func(ctx context.Context, tenant id.Tenant, secret []byte) error
}

// Requests are what people ask of their data, of all tenants, and until when an
// answer is owed. Who asks and in which words is sealed. Safe for concurrent use.
type Requests struct {
	c RequestsConfig
}

// NewRequests returns Requests.
func NewRequests(c RequestsConfig) (*Requests, error) {
	if c.DB == nil || c.Stop == nil {
		return nil, errors.New("privacy: incomplete config of requests")
	}
	return &Requests{c}, nil
}

// Ask stores a request that came by a patient's link, sealed to the practice.
// The envelope is bound to the request's id. An objection and an erasure end
// the messages that were agreed to at once, and an erasure deletes the patient's
// own copy of the booking: for these nobody has to be asked. What the practice
// itself keeps, it decides on. Asking again with the same id changes nothing. It
// returns [ErrUnknownRequest], [ErrMalformedRequest], [ErrTooManyRequests], or
// seal.ErrMalformedEnvelope.
func (r *Requests) Ask(ctx context.Context, tenant id.Tenant, secret []byte, request id.Request, kind RequestKind, e seal.Envelope) error {
	if !kind.known() || request.IsZero() || e.Tenant != tenant.UUID() {
		return ErrMalformedRequest
	}
	if err := e.Check(); err != nil {
		return err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode the envelope: %w", err)
	}
	hash := sha256.Sum256(secret)
	var bookingID id.Booking
	var open int
	var found *postgres.Found
	err = r.c.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select booking_id from appointment where tenant_id = $1 and secret_hash = $2`, []any{tenant, hash[:]}, &bookingID)
		b.Row(`select count(*) from privacy_request p join appointment a on a.tenant_id = p.tenant_id and a.booking_id = p.booking_id
			where p.tenant_id = $1 and a.secret_hash = $2 and p.status = 'open' and p.id <> $3`, []any{tenant, hash[:], request}, &open)
	})
	switch {
	case err != nil:
		return fmt.Errorf("find the booking: %w", err)
	case !found.OK:
		return ErrUnknownRequest
	case open >= perLink:
		return ErrTooManyRequests
	}
	if kind == Objection || kind == Erasure {
		if err := r.c.Stop(ctx, tenant, secret); err != nil && !errors.Is(err, booking.ErrUnknownBooking) {
			return fmt.Errorf("end the messages: %w", err)
		}
	}
	err = r.c.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into privacy_request (tenant_id, id, kind, source, booking_id, due, envelope)
			values ($1, $2, $3, 'patient', $4, now() + interval '1 month', $5) on conflict do nothing`,
			tenant, request, string(kind), bookingID, string(text))
		if kind == Erasure {
			b.Exec(`delete from patient_copy where tenant_id = $1 and booking_id in (
				select x.booking_id from appointment a join appointment x on x.tenant_id = a.tenant_id and (x.id = a.id or x.set_id = a.set_id)
				where a.tenant_id = $1 and a.secret_hash = $2)`, tenant, hash[:])
		}
		inbox.RaiseCounter(b, tenant)
	})
	if err != nil {
		return fmt.Errorf("store the request: %w", err)
	}
	return nil
}

// Enter stores a request that reached the practice in another way, by telephone
// or letter, on the given day. It returns [ErrMalformedRequest], or
// [ErrRequestChanged] where there is one of that id.
func (r *Requests) Enter(ctx context.Context, tenant id.Tenant, request id.Request, kind RequestKind, received time.Time, note RequestNote) error {
	if err := note.check(); err != nil {
		return err
	}
	if !kind.known() || request.IsZero() || note.Version != 1 || received.IsZero() {
		return ErrMalformedRequest
	}
	var one int
	var stored *postgres.Found
	err := r.c.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		stored = b.Row(`insert into privacy_request (tenant_id, id, kind, source, received, due, version, epoch, ciphertext)
			values ($1, $2, $3, 'office', $4, $4::timestamptz + interval '1 month', 1, $5, $6) on conflict do nothing returning 1`,
			[]any{tenant, request, string(kind), received, note.Epoch, note.Ciphertext}, &one)
		inbox.RaiseCounter(b, tenant)
	})
	switch {
	case err != nil:
		return fmt.Errorf("store the request: %w", err)
	case !stored.OK:
		return ErrRequestChanged
	}
	return nil
}

// Write replaces what the practice has written about a request, and how far it
// has come. With the first note goes the envelope from which it was made. It
// returns [ErrMalformedRequest], or [ErrRequestChanged] where the note is not
// the next version.
func (r *Requests) Write(ctx context.Context, tenant id.Tenant, request id.Request, status RequestStatus, note RequestNote) error {
	if err := note.check(); err != nil {
		return err
	}
	switch status {
	case RequestOpen, RequestDone, RequestRefused:
	default:
		return ErrMalformedRequest
	}
	var one int
	var stored *postgres.Found
	err := r.c.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		stored = b.Row(`update privacy_request set version = $3, epoch = $4, ciphertext = $5, envelope = null, status = $6,
			  closed = case when $6::text = 'open' then null else coalesce(closed, now()) end
			where tenant_id = $1 and id = $2 and version = $3 - 1 returning 1`,
			[]any{tenant, request, note.Version, note.Epoch, note.Ciphertext, string(status)}, &one)
		b.Exec(`delete from privacy_request where tenant_id = $1 and closed < now() - interval '3 years'`, tenant)
		inbox.RaiseCounter(b, tenant)
	})
	switch {
	case err != nil:
		return fmt.Errorf("store the request: %w", err)
	case !stored.OK:
		return ErrRequestChanged
	}
	return nil
}

// List returns the open requests, the most urgent first, and those closed within
// the last three years: so long it can be asked whether they were answered.
func (r *Requests) List(ctx context.Context, tenant id.Tenant) ([]Request, error) {
	var all []Request
	err := r.c.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select id, kind, source, status, booking_id, received, due, closed, envelope, version, epoch, ciphertext
			from privacy_request where tenant_id = $1 and coalesce(closed > now() - interval '3 years', true)
			order by status <> 'open', case when status = 'open' then due end, closed desc, id limit 1000`,
			[]any{tenant}, func(rows pgx.Rows) error {
				var q Request
				var kind, status string
				var envelope *string
				var closed *time.Time
				if err := rows.Scan(&q.ID, &kind, &q.Source, &status, &q.Booking, &q.Received, &q.Due, &closed, &envelope, &q.Note.Version, &q.Note.Epoch, &q.Note.Ciphertext); err != nil {
					return err
				}
				q.Kind, q.Status, q.Received, q.Due = RequestKind(kind), RequestStatus(status), q.Received.UTC(), q.Due.UTC()
				if closed != nil {
					q.Closed = closed.UTC()
				}
				if envelope != nil {
					e, err := seal.ParseEnvelope([]byte(*envelope))
					if err != nil {
						return err
					}
					q.Envelope = &e
				}
				all = append(all, q)
				return nil
			})
	})
	if err != nil {
		return nil, fmt.Errorf("read the requests: %w", err)
	}
	return all, nil
}
