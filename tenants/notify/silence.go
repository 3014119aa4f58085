package notify

import (
	"context"
	"fmt"

	"siegel/platform/id"
	"siegel/platform/postgres"
)

// Silence ends all messages that were agreed to for a booking, as the practice
// was told to by the person; the address goes at once. That there is no such
// booking, or nothing to end, is no error.
func (r *Reminders) Silence(ctx context.Context, tenant id.Tenant, booking id.Booking) error {
	err := r.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		forgetReminder(b, tenant, booking)
		withdraw(b, tenant, booking)
	})
	if err != nil {
		return fmt.Errorf("end the messages of a booking: %w", err)
	}
	return nil
}
