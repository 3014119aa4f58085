package booking

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// MaxOverflow is the most places that an owner can allow beyond a capacity.
const MaxOverflow = 20

var (
	// ErrMalformedOverflow is returned for fewer than none and more than [MaxOverflow].
	ErrMalformedOverflow = fault.New(fault.Invalid, "malformed_overflow")
	// ErrOverflowInUse is returned where appointments that are not over yet stand on places that would go.
	ErrOverflowInUse = fault.New(fault.Conflict, "overflow_in_use")
	// ErrNoPractitioner is returned for a practitioner that the practice does not have.
	ErrNoPractitioner = fault.New(fault.NotFound, "not_found")
)

// Overflow is what staff may book with a practitioner beyond what they can bear
// at once.
type Overflow struct {
	Places int
	Used   int // the highest place on which an appointment stands that is not over yet
}

// beyond is the highest place beyond a resource's capacity that is taken from now on.
const beyond = `coalesce((select max(o.unit) - r.capacity from occupation o
	where o.tenant_id = r.tenant_id and o.resource_id = r.id and o.ends > now() and o.unit > r.capacity), 0)`

// Overflow reads what each practitioner has. Practitioners without any are left
// out.
func (s *Service) Overflow(ctx context.Context, tenant id.Tenant) (places map[id.Practitioner]Overflow, err error) {
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		places = map[id.Practitioner]Overflow{}
		b.Rows(`select p.id, r.overflow, `+beyond+` from practitioner p
			join resource r on r.tenant_id = p.tenant_id and r.id = p.resource_id
			where p.tenant_id = $1 and r.overflow > 0`, []any{tenant.UUID()}, func(rows pgx.Rows) error {
			var who id.Practitioner
			var o Overflow
			err := rows.Scan(&who, &o.Places, &o.Used)
			places[who] = o
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read overflow: %w", err)
	}
	return places, nil
}

// SetOverflow allows so many appointments beyond a practitioner's capacity. It
// returns [ErrMalformedOverflow], [ErrNoPractitioner], and [ErrOverflowInUse],
// which no booking at the same time slips past.
func (s *Service) SetOverflow(ctx context.Context, tenant id.Tenant, who id.Practitioner, places int) error {
	if places < 0 || places > MaxOverflow {
		return ErrMalformedOverflow
	}
	const its = ` from practitioner p where p.tenant_id = $1 and p.id = $2 and r.tenant_id = p.tenant_id and r.id = p.resource_id`
	var one int
	var known, set *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		// The lock that a booking takes; what stands is looked at after it.
		known = b.Row(`select 1 from resource r where exists (select`+its+`) for no key update`, []any{tenant.UUID(), who.UUID()}, &one)
		set = b.Row(`update resource r set overflow = $3`+its+` and (`+beyond+` <= $3 or r.overflow <= $3) returning 1`,
			[]any{tenant.UUID(), who.UUID(), places}, &one)
	})
	switch {
	case err != nil:
		return fmt.Errorf("set overflow: %w", err)
	case !known.OK:
		return ErrNoPractitioner
	case !set.OK:
		return ErrOverflowInUse
	}
	return nil
}
