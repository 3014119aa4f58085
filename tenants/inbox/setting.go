package inbox

import (
	"context"
	"fmt"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// ErrMalformedSetting is returned for a setting outside of its bounds.
var ErrMalformedSetting = fault.New(fault.Invalid, "malformed_setting")

// Settings is how the screens of a practice's desk behave.
type Settings struct {
	// LockMinutes is after how many minutes without anybody there the opened
	// names go from the screen: 2 to 60, and 10 where nobody decided.
	LockMinutes int
}

// Settings returns the tenant's, or the defaults.
func (s *Service) Settings(ctx context.Context, tenant id.Tenant) (Settings, error) {
	found := Settings{LockMinutes: 10}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select lock_minutes from desk_setting where tenant_id = $1`, []any{tenant}, &found.LockMinutes)
	})
	if err != nil {
		return Settings{}, fmt.Errorf("read the desk's settings: %w", err)
	}
	return found, nil
}

// SetSettings replaces the tenant's settings. It returns [ErrMalformedSetting].
func (s *Service) SetSettings(ctx context.Context, tenant id.Tenant, c Settings) error {
	if c.LockMinutes < 2 || c.LockMinutes > 60 {
		return ErrMalformedSetting
	}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into desk_setting (tenant_id, lock_minutes) values ($1::uuid, $2::integer)
			on conflict (tenant_id) do update set lock_minutes = excluded.lock_minutes`, tenant, c.LockMinutes)
	})
	if err != nil {
		return fmt.Errorf("store the desk's settings: %w", err)
	}
	return nil
}
