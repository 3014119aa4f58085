package practice

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/schedule"
)

// ErrUnknownClosure is returned where there is no closure to end.
var ErrUnknownClosure = fault.New(fault.NotFound, "unknown_closure")

// Affected is an appointment that lies in a closure. It stands until the
// practice moves or cancels it.
type Affected struct {
	Appointment  id.Appointment
	Practitioner id.Practitioner
	Location     id.Location
	Starts, Ends time.Time
}

// Close closes what the closure names; an id left zero is made, and returned.
// It also returns the appointments that already lie inside, in order of their
// start: nobody is told of them but the caller. Bookings that were checked
// before and commit later are refused. It returns [ErrInvalidClosure],
// [ErrUnknownReference], [ErrDuplicateID] or [ErrUnknownPractice].
func (s *Service) Close(ctx context.Context, tenant id.Tenant, c Closure) (id.Closure, []Affected, error) {
	c.ID = either(c.ID, id.New[id.Closure]())
	if err := c.check("closure"); err != nil {
		return id.Closure{}, nil, fmt.Errorf("close: %w", err)
	}
	var affected []Affected
	err := s.Change(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		if err := insert(ctx, tx, "closure", []closureRow{c.row(tenant)}); err != nil {
			return err
		}
		var err error
		affected, err = s.inside(ctx, tx, tenant, c)
		return err
	})
	switch {
	case postgres.Violates(err, "closure_practitioner"), postgres.Violates(err, "closure_location"):
		return id.Closure{}, nil, fmt.Errorf("close: %w", ErrUnknownReference.Because(err))
	case postgres.Violates(err, "closure_pk"):
		return id.Closure{}, nil, fmt.Errorf("close: %w", ErrDuplicateID.Because(err))
	case err != nil:
		return id.Closure{}, nil, fmt.Errorf("close: %w", err)
	}
	return c.ID, affected, nil
}

// Reopen ends a closure as if it had never been. It returns [ErrUnknownClosure].
func (s *Service) Reopen(ctx context.Context, tenant id.Tenant, closure id.Closure) error {
	err := s.Change(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.ExecContext(ctx, "delete from closure where tenant_id = ? and id = ?", tenant, closure)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return ErrUnknownClosure
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reopen: %w", err)
	}
	return nil
}

// inside finds the live appointments that overlap a closure, in the zone of
// each one's location.
func (s *Service) inside(ctx context.Context, tx bun.Tx, tenant id.Tenant, c Closure) ([]Affected, error) {
	var places []struct {
		ID   id.Location
		Zone string
	}
	if err := tx.NewRaw("select id, zone from location where tenant_id = ?", tenant).Scan(ctx, &places); err != nil {
		return nil, fmt.Errorf("read zones: %w", err)
	}
	closed := map[id.Location][]schedule.Interval{}
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, place := range places {
		if !c.Location.IsZero() && c.Location != place.ID {
			continue
		}
		zone, err := s.zone(place.Zone)
		if err != nil {
			return nil, err
		}
		closed[place.ID] = c.AppendIn(nil, zone)
		for _, i := range closed[place.ID] {
			first, last = min(first, i.Starts), max(last, i.Ends)
		}
	}
	if first > last {
		return nil, nil
	}
	var rows []struct {
		ID             id.Appointment
		PractitionerID id.Practitioner
		LocationID     id.Location
		Starts, Ends   time.Time
	}
	// The first bound on starts is for the index: nothing lasts longer than a day.
	err := tx.NewRaw(`
		select id, practitioner_id, location_id, starts, ends
		  from appointment
		 where tenant_id = ?0 and starts >= ?1::timestamptz - interval '1 day' and starts < ?2 and ends > ?1
		   and status in ('proposed', 'pending', 'booked', 'arrived', 'checked-in')
		 order by starts, id`,
		tenant, time.Unix(first, 0).UTC(), time.Unix(last, 0).UTC()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("find appointments in a closure: %w", err)
	}
	var affected []Affected
	for _, r := range rows {
		spans, ok := closed[r.LocationID]
		if !ok { // a location that is no more
			spans = []schedule.Interval{{Starts: first, Ends: last}}
		}
		if !c.concerns(r.PractitionerID, r.LocationID) || !overlaps(spans, r.Starts, r.Ends) {
			continue
		}
		affected = append(affected, Affected{r.ID, r.PractitionerID, r.LocationID, r.Starts.UTC(), r.Ends.UTC()})
	}
	return affected, nil
}

func overlaps(all []schedule.Interval, starts, ends time.Time) bool {
	for _, i := range all {
		if i.Starts < ends.Unix() && starts.Unix() < i.Ends {
			return true
		}
	}
	return false
}
