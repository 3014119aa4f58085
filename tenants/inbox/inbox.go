// Package inbox holds sealed bookings until the practice has them, and the
// appointment cards that they become.
//
// A [Service] promises that an envelope goes only in the transaction that
// stores its card, so that two desks which open the same booking store it once
// and lose nothing, or, where the practice has its bookings forwarded, in the
// one in which its connector acknowledges ([Service.HandedOver]); and that the counter of changes which comes with
// [Service.Entries] misses none: whatever commits later raises it. It cannot
// tell whether a card says what the envelope said: both are ciphertext to it.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
)

// MaxRange is the longest time that [Service.Entries] looks at.
const MaxRange = 366 * 24 * time.Hour

// What callers act on.
var (
	// ErrCardExists is returned where somebody else was quicker: read theirs.
	ErrCardExists = fault.New(fault.Conflict, "card_exists")
	// ErrNoEnvelope is returned for an envelope that the appointment does not
	// have.
	ErrNoEnvelope = fault.New(fault.NotFound, "no_envelope")
	// ErrMalformedCard is returned for a card that no client of ours makes.
	ErrMalformedCard = fault.New(fault.Invalid, "malformed_card")
	// ErrMalformedRange is returned for a range that is empty, reversed or
	// longer than [MaxRange].
	ErrMalformedRange = fault.New(fault.Invalid, "malformed_range")
)

// Config is what a [Service] needs.
type Config struct {
	DB *postgres.DB
}

// Service keeps the envelopes and cards of all tenants. Safe for concurrent use.
type Service struct {
	db *postgres.DB
}

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil {
		return nil, errors.New("inbox: no database")
	}
	return &Service{db: c.DB}, nil
}

// Entry is an appointment as the office sees it, with what can be opened of it.
type Entry struct {
	Appointment  id.Appointment
	Booking      id.Booking
	Status       string // FHIR appointment status
	Source       string // online, staff, takeover
	Practitioner id.Practitioner
	Location     id.Location
	Starts, Ends time.Time // UTC, half-open
	// Received is when the booking became an appointment, UTC.
	Received time.Time
	// First is when the patient first booked it for, UTC, where it was moved
	// since; else zero.
	First time.Time
	// CancelledBy is patient, practice or lapsed, CancelReason why the practice did.
	CancelledBy, CancelReason string
	// AnswerUntil is until when a request waits, UTC; else zero.
	AnswerUntil time.Time
	// Untold says of a lapsed request, until a week after its time, that its
	// patient has yet to hear of it.
	Untold bool
	// Excused says of somebody who did not come that they had called.
	Excused bool
	// Overridden is why staff set rules aside; empty where it did not.
	Overridden string
	// Test says that it is of nobody: counted nowhere, and nothing sent.
	Test bool
	// Set is the same for all that were booked together; else zero.
	Set id.Appointment
	// Takes are the rooms and devices that it takes beside its practitioner.
	Takes []id.Resource
	// Envelope waits to be opened; nil once acknowledged, and for what staff
	// entered.
	Envelope *seal.Envelope
	// Card is nil until somebody stored it.
	Card *StoredCard
}

// StoredCard is a card as it is read.
type StoredCard struct {
	Version    int
	Epoch      int // of the book key
	Ciphertext []byte
}

// Entries returns the appointments that start in [from, to), in the order of
// their start, cancelled ones and those nobody came to among them; see
// [Entry.Status]. With them comes the count of changes that they include. It
// returns [ErrMalformedRange].
func (s *Service) Entries(ctx context.Context, tenant id.Tenant, from, to time.Time) (entries []Entry, cursor int64, err error) {
	if !from.Before(to) || to.Sub(from) > MaxRange {
		return nil, 0, ErrMalformedRange
	}
	err = s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		// The counter is read in the same statement, and so in the same
		// snapshot, as what it counts; the join keeps its row where there is
		// no appointment. Waitlisted appointments are no dates yet; those entered
		// in error are none, and those moved are somewhere else. Pending ones wait
		// to be accepted, proposed ones for their patient to choose another time.
		b.Rows(`
			select c.counter,
			       a.id, a.booking_id, a.status, a.source, a.practitioner_id, a.location_id, a.starts, a.ends, a.created,
			       a.set_id, a.first_starts, a.cancelled_by, a.cancel_reason, a.excused, a.overridden, a.test,
			       case when a.status = 'pending' then a.answer_until end,
			       a.cancelled_by = 'lapsed' and a.told is null and not a.test and a.ends > now() - interval '7 days',
			       (select string_agg(o.resource_id::text, ' ' order by o.resource_id) from occupation o
			        where o.tenant_id = $1 and o.appointment_id = a.id and o.resource_id <> a.resource_id),
			       e.id, e.suite, e.kid, e.enc, e.ct,
			       k.version, k.epoch, k.ciphertext
			from (select coalesce(max(counter), 0) as counter from change_counter where tenant_id = $1) c
			left join appointment a
			  on a.tenant_id = $1 and a.starts >= $2 and a.starts < $3
			 and a.status not in ('waitlist', 'entered-in-error')
			 and a.cancelled_by is distinct from 'moved'
			left join envelope e on e.tenant_id = a.tenant_id and e.appointment_id = a.id
			left join card k on k.tenant_id = a.tenant_id and k.appointment_id = a.id
			order by a.starts, a.id`,
			[]any{tenant, from, to}, func(rows pgx.Rows) error {
				var r row
				if err := r.scan(rows, &cursor); err != nil {
					return err
				}
				if r.starts != nil {
					entries = append(entries, r.entry(tenant))
				}
				return nil
			})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read appointments: %w", err)
	}
	return entries, cursor, nil
}

// row is one of [Service.Entries]; all but the counter may be null.
type row struct {
	appointment                           id.Appointment
	booking                               id.Booking
	set                                   id.Appointment
	status, source                        *string
	practitioner                          id.Practitioner
	location                              id.Location
	starts, ends, received                *time.Time
	first                                 *time.Time
	cancelledBy, cancelReason, overridden *string
	excused, test                         *bool
	answer                                *time.Time
	untold                                *bool
	takes                                 *string

	envelope id.Envelope
	suite    *int
	kid      *string
	enc, ct  []byte

	version, epoch *int
	ciphertext     []byte
}

func (r *row) scan(rows pgx.Rows, counter *int64) error {
	return rows.Scan(counter,
		&r.appointment, &r.booking, &r.status, &r.source, &r.practitioner, &r.location, &r.starts, &r.ends, &r.received,
		&r.set, &r.first, &r.cancelledBy, &r.cancelReason, &r.excused, &r.overridden, &r.test, &r.answer, &r.untold, &r.takes,
		&r.envelope, &r.suite, &r.kid, &r.enc, &r.ct,
		&r.version, &r.epoch, &r.ciphertext)
}

func (r *row) entry(tenant id.Tenant) Entry {
	e := Entry{
		Appointment: r.appointment, Booking: r.booking, Status: *r.status, Source: *r.source,
		Practitioner: r.practitioner, Location: r.location, Set: r.set,
		Starts: r.starts.UTC(), Ends: r.ends.UTC(), Received: r.received.UTC(),
	}
	if r.first != nil {
		e.First = r.first.UTC()
	}
	for _, word := range []struct {
		to   *string
		from *string
	}{{&e.CancelledBy, r.cancelledBy}, {&e.CancelReason, r.cancelReason}, {&e.Overridden, r.overridden}} {
		if word.from != nil {
			*word.to = *word.from
		}
	}
	e.Excused = r.excused != nil && *r.excused
	e.Test = r.test != nil && *r.test
	e.Untold = r.untold != nil && *r.untold
	if r.answer != nil {
		e.AnswerUntil = r.answer.UTC()
	}
	if r.takes != nil {
		for _, uuid := range strings.Fields(*r.takes) {
			var resource id.Resource
			if resource.UnmarshalText([]byte("res_"+uuid)) == nil {
				e.Takes = append(e.Takes, resource)
			}
		}
	}
	e.Envelope, e.Card = r.sealed(tenant)
	return e
}

// sealed is what can be opened of the row, by those who have the keys.
func (r *row) sealed(tenant id.Tenant) (envelope *seal.Envelope, card *StoredCard) {
	if !r.envelope.IsZero() {
		envelope = &seal.Envelope{
			V: seal.Version, Suite: *r.suite, Tenant: tenant.UUID(), KID: *r.kid,
			EnvelopeID: r.envelope.UUID(), Enc: r.enc, CT: r.ct,
		}
	}
	if r.version != nil {
		card = &StoredCard{Version: *r.version, Epoch: *r.epoch, Ciphertext: r.ciphertext}
	}
	return envelope, card
}

// Counter is the count of the tenant's changes, for those who wait for the
// next; zero before the first.
func (s *Service) Counter(ctx context.Context, tenant id.Tenant) (int64, error) {
	var counter int64
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select counter from change_counter where tenant_id = $1`, []any{tenant}, &counter)
	})
	if err != nil {
		return 0, fmt.Errorf("read change counter: %w", err)
	}
	return counter, nil
}
