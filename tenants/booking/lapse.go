package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
)

const (
	// DefaultRequestHours is for how long requests wait where the practice has
	// not decided.
	DefaultRequestHours = 72

	maxRequestHours = 14 * 24
)

// LapseKind is the kind of the message that ends a request which nobody has
// answered; its reference is the booking's bare id.
const LapseKind = "request_lapse"

// lapseTTL is for how long after its time a request is still ended: longer than
// any outage.
const lapseTTL = 90 * 24 * time.Hour

// RequestHours is for how many hours the tenant lets requests wait.
func (s *Service) RequestHours(ctx context.Context, tenant id.Tenant) (int, error) {
	hours := DefaultRequestHours
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select hours from request_setting where tenant_id = $1`, []any{tenant}, &hours)
	})
	if err != nil {
		return 0, fmt.Errorf("read the setting of requests: %w", err)
	}
	return hours, nil
}

// SetRequestHours decides it for requests from now on; those that wait keep the
// time that their patients were told. It returns [ErrMalformedSettings] for
// less than one or more than two weeks.
func (s *Service) SetRequestHours(ctx context.Context, tenant id.Tenant, hours int) error {
	if hours < 1 || hours > maxRequestHours {
		return ErrMalformedSettings
	}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into request_setting (tenant_id, hours) values ($1::uuid, $2::integer)
			on conflict (tenant_id) do update set hours = excluded.hours`, tenant, hours)
	})
	if err != nil {
		return fmt.Errorf("store the setting of requests: %w", err)
	}
	return nil
}

// lapseLater gives requests that a batch makes their end: after some hours, and
// never later than the first of them begins. It writes down when that is.
func (s *Service) lapseLater(b *postgres.Batch, tenant id.Tenant, visits []Visit, hours int) {
	first := visits[0].Starts
	all := make([]string, len(visits))
	for i, v := range visits {
		all[i] = v.Appointment.UUID()
		if v.Starts.Before(first) {
			first = v.Starts
		}
	}
	var until time.Time
	b.Rows(`update appointment set answer_until = least($3, now() + $4 * interval '1 hour')
		where tenant_id = $1 and id = any($2::uuid[]) and status = 'pending' returning answer_until`,
		[]any{tenant.UUID(), all, first, hours}, func(rows pgx.Rows) error {
			if err := rows.Scan(&until); err != nil {
				return err
			}
			for i := range visits {
				if visits[i].Status == StatusPending {
					visits[i].AnswerUntil = until.UTC()
				}
			}
			return nil
		})
	m := jobs.Message{Tenant: tenant, Kind: LapseKind, Ref: visits[0].Booking.UUID(), TTL: lapseTTL}
	if wait := time.Duration(hours) * time.Hour; s.Now().Add(wait).Before(first) {
		m.After = wait
	} else {
		m.At = first
	}
	jobs.Add(b, m)
}

// Lapse ends a request that nobody has answered in time, and all that was
// booked with it: its time is free again at once. So does a request for which
// other times were offered, once none of them can be taken any more. What was
// answered meanwhile stays. It is the handler of [LapseKind].
func (s *Service) Lapse(ctx context.Context, m jobs.Message) error {
	lapsed := 0
	err := s.DB.Batch(ctx, m.Tenant, func(b *postgres.Batch) {
		lapsed = 0
		args := []any{m.Tenant.UUID(), m.Ref}
		const ofBooking = `a.tenant_id = $1 and (a.booking_id = $2 or a.set_id in (select set_id from appointment where tenant_id = $1 and booking_id = $2 and set_id is not null))`
		b.Exec(`select from appointment a where `+ofBooking+` order by a.id for no key update`, args...)
		b.Rows(`update appointment a set status = 'cancelled', cancelled_by = 'lapsed', sequence = sequence + 1
			where `+ofBooking+` and (a.status = 'pending' and a.answer_until <= now() or a.status = 'proposed' and not exists (
				select from proposal p where p.tenant_id = a.tenant_id and p.appointment_id = a.id and p.expires > now()))
			returning 1`, args, func(pgx.Rows) error { lapsed++; return nil })
		const over = ofBooking + ` and a.status = 'cancelled' and a.cancelled_by = 'lapsed'`
		b.Exec(`delete from occupation o using appointment a, resource r where `+over+` and `+ofAppointment, args...)
		b.Exec(`delete from quota_use q using appointment a where `+over+` and q.tenant_id = a.tenant_id and q.appointment_id = a.id`, args...)
		enqueue(b, m.Tenant, LookKind, "waiting") // somebody may wait for that time
		inbox.RaiseCounter(b, m.Tenant)
	})
	if err != nil {
		return fmt.Errorf("let a request lapse: %w", err)
	}
	if lapsed > 0 {
		s.changed(ctx, m.Tenant)
	}
	return nil
}
