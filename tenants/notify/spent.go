package notify

import (
	"context"
	"fmt"
	"time"

	"siegel/platform/id"
)

// Spent is what a tenant's text messages came to that were made in [from,
// until): parts, and their cost in millionths of the currency. What failed
// before a provider took it has no part and no cost.
func (d *Deliveries) Spent(ctx context.Context, tenant id.Tenant, from, until time.Time) (parts int, micros int64, err error) {
	err = d.db.Global().NewRaw(`select coalesce(sum(parts), 0), coalesce(sum(cost_micros), 0)::bigint from message_delivery
		where tenant_id = ? and created >= ? and created < ?`, tenant, from, until).Scan(ctx, &parts, &micros)
	if err != nil {
		return 0, 0, fmt.Errorf("count what was spent: %w", err)
	}
	return parts, micros, nil
}
