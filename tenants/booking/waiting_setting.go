package booking

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// WaitingSettings is how a practice offers times to those who wait.
type WaitingSettings struct {
	// Off are services that nobody can wait for.
	Off []id.Service
	// AtOnce is how many are offered one time at once, 1 to 10.
	AtOnce int
	// Minutes is how long an offer stands, 5 to 1440.
	Minutes int
}

// ErrMalformedSettings is returned for a setting outside of its bounds.
var ErrMalformedSettings = fault.New(fault.Invalid, "malformed_setting")

// Settings returns the tenant's, or the defaults: one at once, for an hour.
func (w *Waiting) Settings(ctx context.Context, tenant id.Tenant) (WaitingSettings, error) {
	found := WaitingSettings{AtOnce: 1, Minutes: 60}
	err := w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		found.Off = nil
		b.Row(`select at_once, minutes from waiting_setting where tenant_id = $1`, []any{tenant}, &found.AtOnce, &found.Minutes)
		b.Rows(`select unnest(off) from waiting_setting where tenant_id = $1`, []any{tenant}, func(rows pgx.Rows) error {
			var s id.Service
			err := rows.Scan(&s)
			found.Off = append(found.Off, s)
			return err
		})
	})
	if err != nil {
		return found, fmt.Errorf("read the waiting list's settings: %w", err)
	}
	return found, nil
}

// SetSettings replaces the tenant's. Who waits for a service that is switched
// off keeps the place and gets no offer. It returns [ErrMalformedSettings].
func (w *Waiting) SetSettings(ctx context.Context, tenant id.Tenant, c WaitingSettings) error {
	if c.AtOnce < 1 || c.AtOnce > 10 || c.Minutes < 5 || c.Minutes > 24*60 || len(c.Off) > 500 {
		return ErrMalformedSettings
	}
	off := make([]string, len(c.Off))
	for i, s := range c.Off {
		off[i] = s.UUID()
	}
	err := w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into waiting_setting (tenant_id, off, at_once, minutes) values ($1, $2::uuid[], $3, $4)
			on conflict (tenant_id) do update set off = excluded.off, at_once = excluded.at_once, minutes = excluded.minutes`,
			tenant, off, c.AtOnce, c.Minutes)
	})
	if err != nil {
		return fmt.Errorf("store the waiting list's settings: %w", err)
	}
	return nil
}
