package inbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
)

// Due is the state of a booking that the practice's connector has yet to take.
type Due struct {
	Booking id.Booking
	// Version rises with every change and names this state in [Handed].
	Version      int64
	Appointment  id.Appointment
	Status       string // FHIR appointment status
	Source       string // online, staff
	Practitioner id.Practitioner
	Location     id.Location
	Starts, Ends time.Time // UTC, half-open
	// First is when the patient first booked it for, UTC, where it was moved
	// since; else zero.
	First    time.Time
	Envelope *seal.Envelope // nil once it is gone
	Card     *StoredCard    // nil where there is none
}

// Handed is a connector's word that it has a state of a booking durably.
type Handed struct {
	Booking id.Booking
	Version int64
	// Keep says that the envelope did not open there: it stays here, whatever
	// the mode, for people to look at.
	Keep bool
}

// Due returns, oldest first, at most limit of what is due after a version.
func (s *Service) Due(ctx context.Context, tenant id.Tenant, after int64, limit int) ([]Due, error) {
	var due []Due
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		// The appointment that a booking is now is the one that is not
		// cancelled, or else the last.
		b.Rows(`
			select h.booking_id, h.version, a.id, a.status, a.source, a.practitioner_id, a.location_id, a.starts, a.ends, a.first_starts,
			       e.id, e.suite, e.kid, e.enc, e.ct, k.version, k.epoch, k.ciphertext
			from (select booking_id, version from handover where tenant_id = $1 and version > $2 order by version limit $3) h
			join lateral (
			  select * from appointment a where a.tenant_id = $1 and a.booking_id = h.booking_id
			  order by a.status in ('cancelled', 'entered-in-error'), a.sequence desc, a.created desc limit 1) a on true
			left join envelope e on e.tenant_id = $1 and e.booking_id = h.booking_id
			left join card k on k.tenant_id = $1 and k.booking_id = h.booking_id
			order by h.version`,
			[]any{tenant, after, limit}, func(rows pgx.Rows) error {
				var d Due
				var r row
				if err := rows.Scan(&d.Booking, &d.Version, &d.Appointment, &d.Status, &d.Source, &d.Practitioner, &d.Location, &d.Starts, &d.Ends, &r.first,
					&r.envelope, &r.suite, &r.kid, &r.enc, &r.ct, &r.version, &r.epoch, &r.ciphertext); err != nil {
					return err
				}
				d.Starts, d.Ends = d.Starts.UTC(), d.Ends.UTC()
				if r.first != nil {
					d.First = r.first.UTC()
				}
				d.Envelope, d.Card = r.sealed(tenant)
				due = append(due, d)
				return nil
			})
	})
	if err != nil {
		return nil, fmt.Errorf("read what is due: %w", err)
	}
	return due, nil
}

// HandedOver acknowledges. A state that has changed since stays due. Where the
// tenant forwards, what could be opened here of an acknowledged booking goes in
// the same transaction, and nowhere else before its time.
func (s *Service) HandedOver(ctx context.Context, tenant id.Tenant, handed []Handed) error {
	if len(handed) == 0 {
		return nil
	}
	bookings, versions, keep := make([]string, len(handed)), make([]int64, len(handed)), make([]bool, len(handed))
	for i, h := range handed {
		bookings[i], versions[i], keep[i] = h.Booking.UUID(), h.Version, h.Keep
	}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`
			with said as (
			  select * from unnest($2::uuid[], $3::bigint[], $4::boolean[]) as s (booking, version, keep)
			), taken as (
			  delete from handover h using said s
			  where h.tenant_id = $1::uuid and h.booking_id = s.booking and h.version = s.version
			  returning h.booking_id, s.keep
			), forwarded as (
			  select booking_id from taken
			  where not keep and exists (select from forwarding where tenant_id = $1::uuid and mode = 'forward')
			), envelopes as (
			  delete from envelope where tenant_id = $1::uuid and booking_id in (select booking_id from forwarded) returning 1
			), cards as (
			  delete from card where tenant_id = $1::uuid and booking_id in (select booking_id from forwarded) returning 1
			)
			insert into change_counter (tenant_id, counter)
			select $1::uuid, 1 where exists (select from envelopes) or exists (select from cards)
			on conflict (tenant_id) do update set counter = change_counter.counter + 1`,
			tenant, bookings, versions, keep)
	})
	if err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}
