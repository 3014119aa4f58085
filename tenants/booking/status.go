package booking

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
)

// ErrUnknownReason is returned for a reason that is none of [CancelReasons].
var ErrUnknownReason = fault.New(fault.Invalid, "unknown_reason")

// CancelReasons are why a practice cancels: somebody of it is ill or absent,
// the patient asked, it was there twice, or something else. What the patient
// said about it is not for the server.
var CancelReasons = []string{"ill", "absent", "asked", "double", "other"}

// before says which statuses may become a status (FHIR AppointmentStatus). What
// is fulfilled, cancelled, not come or entered in error stays so.
var before = map[string][]string{
	StatusBooked:       {"arrived"}, // clicked by mistake
	"arrived":          {StatusBooked, "checked-in"},
	"checked-in":       {StatusBooked, "arrived"},
	"fulfilled":        {StatusBooked, "arrived", "checked-in"},
	"noshow":           {StatusBooked},
	StatusCancelled:    {StatusPending, StatusProposed, StatusBooked, "arrived"},
	"entered-in-error": {StatusBooked},
}

// StatusChange is what staff says has become of an appointment.
type StatusChange struct {
	// Status is the new one.
	Status string
	// Excused says of somebody who did not come that they had called.
	Excused bool
	// Reason is why it is cancelled, of [CancelReasons].
	Reason string
}

// SetStatus moves one appointment along its life. Cancelled, and entered in
// error, its time is free again at once. Saying the same twice is harmless. It
// returns [ErrUnknownBooking], [ErrUnknownReason], or [ErrWrongStatus] where
// the status cannot follow on the present one.
func (s *Service) SetStatus(ctx context.Context, tenant id.Tenant, appointment id.Appointment, c StatusChange) error {
	from, known := before[c.Status]
	if !known {
		return ErrWrongStatus
	}
	var by, reason *string
	if c.Status == StatusCancelled {
		if !slices.Contains(CancelReasons, c.Reason) {
			return ErrUnknownReason
		}
		practice := "practice"
		by, reason = &practice, &c.Reason
	}
	now, of, err := s.statusOf(ctx, tenant, appointment)
	switch {
	case err != nil:
		return err
	case now == c.Status:
		return nil // said before: nothing has changed
	case !slices.Contains(from, now):
		return ErrWrongStatus
	}
	var found *postgres.Found
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`update appointment set status = $3, excused = $4, cancelled_by = $5, cancel_reason = $6, sequence = sequence + 1
			where tenant_id = $1 and id = $2 and status = any($7)`,
			tenant.UUID(), appointment.UUID(), c.Status, c.Excused && c.Status == "noshow", by, reason, from)
		found = b.Row(`select status from appointment where tenant_id = $1 and id = $2`, []any{tenant.UUID(), appointment.UUID()}, &now)
		free(b, tenant, []string{appointment.UUID()})
		happened(b, tenant, of)
		inbox.RaiseCounter(b, tenant)
	})
	switch {
	case err != nil:
		return fmt.Errorf("set a status: %w", err)
	case !found.OK:
		return ErrUnknownBooking
	case now != c.Status:
		return ErrWrongStatus
	}
	s.changed(ctx, tenant)
	return nil
}

// statusOf is an appointment's status now, and its booking. It returns
// [ErrUnknownBooking].
func (s *Service) statusOf(ctx context.Context, tenant id.Tenant, appointment id.Appointment) (status string, of id.Booking, err error) {
	var found *postgres.Found
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select status, booking_id from appointment where tenant_id = $1 and id = $2`,
			[]any{tenant.UUID(), appointment.UUID()}, &status, &of)
	})
	if err != nil {
		return "", of, fmt.Errorf("read a status: %w", err)
	}
	if !found.OK {
		return "", of, ErrUnknownBooking
	}
	return status, of, nil
}

// Chapter is one appointment in the history of a booking.
type Chapter struct {
	Appointment  id.Appointment
	Status       string
	Source       string // online, staff
	Practitioner id.Practitioner
	Location     id.Location
	Starts, Ends time.Time // UTC
	Made         time.Time // UTC
	CancelledBy  string    // patient, practice, moved; empty: not cancelled
	Reason       string    // of a cancellation by the practice
	Overridden   string    // why rules were set aside; empty: they were not
}

// anyStatus is true of every appointment a. Of a booking's, one index finds
// what has ended and another what has not.
const anyStatus = `(a.status in ('cancelled', 'entered-in-error') or a.status not in ('cancelled', 'entered-in-error'))`

// History is what became of a booking from its first appointment on. A booking
// that does not exist has none.
func (s *Service) History(ctx context.Context, tenant id.Tenant, booking id.Booking) (history []Chapter, err error) {
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		history = nil
		b.Rows(`select id, status, source, practitioner_id, location_id, starts, ends, created,
				coalesce(cancelled_by, ''), coalesce(cancel_reason, ''), coalesce(overridden, '')
			from appointment a where a.tenant_id = $1 and a.booking_id = $2 and `+anyStatus+` order by created, id`,
			[]any{tenant.UUID(), booking.UUID()}, func(rows pgx.Rows) error {
				var c Chapter
				err := rows.Scan(&c.Appointment, &c.Status, &c.Source, &c.Practitioner, &c.Location, &c.Starts, &c.Ends, &c.Made,
					&c.CancelledBy, &c.Reason, &c.Overridden)
				c.Starts, c.Ends, c.Made = c.Starts.UTC(), c.Ends.UTC(), c.Made.UTC()
				history = append(history, c)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("read a booking's history: %w", err)
	}
	return history, nil
}
