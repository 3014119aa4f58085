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
	// ErrNoPractitioner is returned for a practitioner that the practice does not have.
	ErrNoPractitioner = fault.New(fault.NotFound, "not_found")
)

// Overflow is how many appointments staff may book with each practitioner
// beyond what they can bear at once. Practitioners without any are left out.
func (s *Service) Overflow(ctx context.Context, tenant id.Tenant) (places map[id.Practitioner]int, err error) {
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		places = map[id.Practitioner]int{}
		b.Rows(`select p.id, r.overflow from practitioner p
			join resource r on r.tenant_id = p.tenant_id and r.id = p.resource_id
			where p.tenant_id = $1 and r.overflow > 0`, []any{tenant.UUID()}, func(rows pgx.Rows) error {
			var who id.Practitioner
			var n int
			err := rows.Scan(&who, &n)
			places[who] = n
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read overflow: %w", err)
	}
	return places, nil
}

// SetOverflow allows so many appointments beyond a practitioner's capacity.
// What is booked there stays, also where there are more by now. It returns
// [ErrMalformedOverflow] or [ErrNoPractitioner].
func (s *Service) SetOverflow(ctx context.Context, tenant id.Tenant, who id.Practitioner, places int) error {
	if places < 0 || places > MaxOverflow {
		return ErrMalformedOverflow
	}
	var one int
	var found *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`update resource r set overflow = $3 from practitioner p
			where p.tenant_id = $1 and p.id = $2 and r.tenant_id = p.tenant_id and r.id = p.resource_id returning 1`,
			[]any{tenant.UUID(), who.UUID(), places}, &one)
	})
	if err != nil {
		return fmt.Errorf("set overflow: %w", err)
	}
	if !found.OK {
		return ErrNoPractitioner
	}
	return nil
}
