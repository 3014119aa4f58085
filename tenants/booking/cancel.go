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
	var ended []id.Booking
	for _, v := range before.Visits() {
		if only.IsZero() || v.Booking == only {
			wanted, ended = append(wanted, v.Appointment.UUID()), append(ended, v.Booking)
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
			where tenant_id = $1 and id = any($2::uuid[]) and (status in ('pending', 'proposed') or status = 'booked' and cancel_until > now())
			returning 1`,
			[]any{tenant.UUID(), wanted}, func(pgx.Rows) error { cancelled++; return nil })
		free(b, tenant, wanted)
		for _, v := range ended {
			happened(b, tenant, v)
		}
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

// Changed is the kind of the message that says that a booking was moved or has
// ended; its reference is the booking's bare id.
const Changed = "booking_changed"

// happened tells whoever keeps something for a booking that it has changed.
func happened(b *postgres.Batch, tenant id.Tenant, booking id.Booking) {
	enqueue(b, tenant, Changed, booking.UUID())
}

// free gives back what those of some appointments took that are over before
// they began.
func free(b *postgres.Batch, tenant id.Tenant, appointments []string) {
	const over = ` where a.tenant_id = $1 and a.id = any($2::uuid[]) and a.status in ('cancelled', 'entered-in-error')`
	b.Exec(`delete from occupation o using appointment a, resource r`+over+` and `+ofAppointment, tenant.UUID(), appointments)
	b.Exec(`delete from quota_use q using appointment a`+over+` and q.tenant_id = a.tenant_id and q.appointment_id = a.id`,
		tenant.UUID(), appointments)
}

// ofAppointment says of an occupation o of a resource r that it is of an
// appointment a. It asks each resource for the time around, which has an index;
// one by appointment would cost every booking for the sake of the few that end.
const ofAppointment = `r.tenant_id = a.tenant_id and o.tenant_id = a.tenant_id and o.resource_id = r.id
	and o.starts > a.starts - interval '1 day' and o.starts < a.ends and o.appointment_id = a.id`

// changed tells whoever lists slots, and the offices, that something is
// different now. In passing: both look once a second anyway.
func (s *Service) changed(ctx context.Context, tenant id.Tenant) {
	s.Practice.Changed(tenant)
	_ = s.Redis.Raw().Publish(ctx, inbox.ChangedChannel(tenant), "changed").Err()
}
