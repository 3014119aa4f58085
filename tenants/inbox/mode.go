package inbox

import (
	"context"
	"fmt"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
)

// Mode is where a practice's opened bookings live.
type Mode string

// The modes. A practice without a word on it keeps its book here.
const (
	// Book keeps them as cards, which the practice's browsers open.
	Book Mode = "book"
	// Forward keeps nothing that could be opened, once the practice's connector
	// has it.
	Forward Mode = "forward"
)

var (
	// ErrForwarding is returned for a card of a booking that goes to the
	// practice's own systems instead.
	ErrForwarding = fault.New(fault.Conflict, "forwarding")
	// ErrUnknownMode is returned for a mode that there is not.
	ErrUnknownMode = fault.New(fault.Invalid, "unknown_mode")
	// ErrNoConnector is returned where nobody would take what is forwarded.
	ErrNoConnector = fault.New(fault.Conflict, "no_connector")
)

// Mode is the tenant's mode.
func (s *Service) Mode(ctx context.Context, tenant id.Tenant) (Mode, error) {
	mode := Book
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select mode from forwarding where tenant_id = $1`, []any{tenant}, &mode)
	})
	if err != nil {
		return "", fmt.Errorf("read mode: %w", err)
	}
	return mode, nil
}

// SetMode changes it. Nothing is lost on the way: what waits in envelopes is due
// to the connector from then on, or stays for the practice's browsers; cards
// that are there stay until their time is over. It returns [ErrUnknownMode], or
// [ErrNoConnector] for forwarding without a connector that was paired.
func (s *Service) SetMode(ctx context.Context, tenant id.Tenant, mode Mode) error {
	if mode != Book && mode != Forward {
		return ErrUnknownMode
	}
	act := audit.Now(ctx, tenant, "forwarding.put", "")
	act.Detail = map[string]string{"mode": string(mode)}
	var paired bool
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select exists (select from connector where tenant_id = $1 and claimed is not null and revoked is null)`, []any{tenant}, &paired)
		b.Exec(`insert into forwarding (tenant_id, mode)
			select $1::uuid, $2::text
			where $2::text = 'book' or exists (select from connector where tenant_id = $1::uuid and claimed is not null and revoked is null)
			on conflict (tenant_id) do update set mode = excluded.mode, changed = now()`, tenant, string(mode))
		// What the connector took while the envelope had to stay: once more, so
		// that the acknowledgement deletes it.
		b.Exec(`insert into handover (tenant_id, booking_id, version)
			select e.tenant_id, e.booking_id, nextval('handover_version') from envelope e
			where e.tenant_id = $1 and exists (select from forwarding f where f.tenant_id = $1 and f.mode = 'forward')
			on conflict do nothing`, tenant)
		audit.RecordEach(b, act, `select '' from forwarding where tenant_id = $9 and mode = $10`, tenant, string(mode))
		RaiseCounter(b, tenant)
	})
	if err != nil {
		return fmt.Errorf("set mode: %w", err)
	}
	if mode == Forward && !paired {
		return ErrNoConnector
	}
	return nil
}
