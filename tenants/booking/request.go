package booking

import (
	"context"
	"fmt"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
)

// Accept makes a requested appointment, and all that was booked with it, count.
// Accepting twice is harmless. It returns [ErrUnknownBooking] or
// [ErrWrongStatus] for one that is neither requested nor booked.
func (s *Service) Accept(ctx context.Context, tenant id.Tenant, appointment id.Appointment) error {
	return s.answer(ctx, tenant, appointment, StatusBooked)
}

// Decline ends a requested appointment, and all that was booked with it: its
// time is free again at once, and other times that were offered instead are
// offered no more. Declining twice is harmless. It returns
// [ErrUnknownBooking] or [ErrWrongStatus] for one that is neither requested nor
// cancelled.
func (s *Service) Decline(ctx context.Context, tenant id.Tenant, appointment id.Appointment) error {
	return s.answer(ctx, tenant, appointment, StatusCancelled)
}

// ofSet says of an appointment a that it was booked with appointment $2 of
// tenant $1, or is it.
const ofSet = `a.tenant_id = $1 and (a.id = $2 or a.set_id = (select set_id from appointment where tenant_id = $1 and id = $2))`

func (s *Service) answer(ctx context.Context, tenant id.Tenant, appointment id.Appointment, status string) error {
	var now string
	var found *postgres.Found
	args := []any{tenant.UUID(), appointment.UUID()}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`select from appointment a where `+ofSet+` order by a.id for no key update`, args...)
		b.Exec(`update appointment a set status = $3, cancelled_by = case when $3 = 'cancelled' then 'practice' end,
				sequence = sequence + 1
			where `+ofSet+` and (a.status = 'pending' or a.status = 'proposed' and $3 = 'cancelled')`, tenant.UUID(), appointment.UUID(), status)
		found = b.Row(`select status from appointment where tenant_id = $1 and id = $2`, args, &now)
		if status == StatusCancelled {
			b.Exec(`delete from occupation o using appointment a, resource r where `+ofSet+` and a.status = 'cancelled' and `+ofAppointment, args...)
			b.Exec(`delete from quota_use q using appointment a
				where `+ofSet+` and a.status = 'cancelled' and q.tenant_id = a.tenant_id and q.appointment_id = a.id`, args...)
			enqueue(b, tenant, LookKind, "waiting") // somebody may wait for that time
		}
		inbox.RaiseCounter(b, tenant)
	})
	switch {
	case err != nil:
		return fmt.Errorf("answer a request: %w", err)
	case !found.OK:
		return ErrUnknownBooking
	case now != status:
		return ErrWrongStatus
	}
	s.changed(ctx, tenant)
	return nil
}
