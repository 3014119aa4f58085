package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
)

// ErrTooLate is returned for what patients can no longer do by themselves: the
// service's time to cancel or to move is over.
var ErrTooLate = fault.New(fault.Conflict, "too_late")

// Cancel ends a booking by the secret of its link: its time is free again at
// once. only names one visit of several; zero is all that lie ahead. Cancelling
// twice is harmless. Of several visits, those go that still can.
//
// It returns [ErrUnknownBooking], [ErrTooLate], or [ErrWrongStatus] for one
// that the practice has dealt with already.
func (s *Service) Cancel(ctx context.Context, tenant id.Tenant, secret []byte, only id.Booking) (Booking, error) {
	before, err := s.View(ctx, tenant, secret)
	if err != nil {
		return Booking{}, err
	}
	var wanted []string
	for _, v := range before.Visits() {
		if only.IsZero() || v.Booking == only {
			wanted = append(wanted, v.Appointment.UUID())
		}
	}
	if len(wanted) == 0 {
		return Booking{}, ErrUnknownBooking
	}
	cancelled := 0
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		cancelled = 0
		b.Exec(`select from appointment where tenant_id = $1 and id = any($2::uuid[]) order by id for no key update`,
			tenant.UUID(), wanted)
		b.Rows(`update appointment set status = 'cancelled', cancelled_by = 'patient', sequence = sequence + 1
			where tenant_id = $1 and id = any($2::uuid[]) and (status = 'pending' or status = 'booked' and cancel_until > now())
			returning 1`,
			[]any{tenant.UUID(), wanted}, func(pgx.Rows) error { cancelled++; return nil })
		free(b, tenant, wanted)
		inbox.RaiseCounter(b, tenant)
	})
	if err != nil {
		return Booking{}, fmt.Errorf("cancel a booking: %w", err)
	}
	after, err := s.View(ctx, tenant, secret)
	if err != nil {
		return Booking{}, err
	}
	if cancelled > 0 {
		s.changed(ctx, tenant)
		return after, nil
	}
	return after, after.cancellable(only, s.Now())
}

// cancellable says why nothing was cancelled; nil where all of it was, before.
func (b Booking) cancellable(only id.Booking, now time.Time) error {
	var err error
	for _, v := range b.Visits() {
		switch {
		case !only.IsZero() && v.Booking != only, v.Status == StatusCancelled:
		case v.Status == StatusBooked && !now.Before(v.CancelUntil):
			err = ErrTooLate
		case err == nil:
			err = ErrWrongStatus
		}
	}
	return err
}

// free gives back what those of some appointments took that are over before
// they began.
func free(b *postgres.Batch, tenant id.Tenant, appointments []string) {
	for _, table := range []string{"occupation", "quota_use"} {
		b.Exec(`delete from `+table+` t using appointment a
			where a.tenant_id = $1 and a.id = any($2::uuid[]) and a.status in ('cancelled', 'entered-in-error')
			  and t.tenant_id = a.tenant_id and t.appointment_id = a.id`, tenant.UUID(), appointments)
	}
}

// changed tells whoever lists slots, and the offices, that something is
// different now. In passing: both look once a second anyway.
func (s *Service) changed(ctx context.Context, tenant id.Tenant) {
	s.Practice.Changed(tenant)
	_ = s.Redis.Raw().Publish(ctx, inbox.ChangedChannel(tenant), "changed").Err()
}
