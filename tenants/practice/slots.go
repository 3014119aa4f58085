package practice

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/schedule"
)

const (
	// MaxDays is the longest range of dates that one question may cover.
	MaxDays = 62
	// MaxOccupation is the longest time that one row of occupation may take up,
	// buffers included. Reading free slots relies on it: whoever writes a
	// longer absence writes a row a day.
	MaxOccupation = 24 * time.Hour
)

// Busy is time that a resource is not free, apart from its appointments.
type Busy struct {
	Resource id.Resource
	schedule.Interval
}

// Query asks for free slots.
type Query struct {
	Service id.Service
	// Practitioner is whose slots are wanted; zero is all who offer the service.
	Practitioner id.Practitioner
	// From and To are local dates, half-open, at most [MaxDays] apart.
	From, To schedule.Date
	// Now is when the question is asked; zero is the clock's now.
	Now time.Time
	// AlsoBusy, where given, is asked for busy time between two instants that
	// the database does not know: holds. It is asked before the database, so
	// that a hold which becomes an appointment meanwhile is not missed. Its
	// failure is the query's.
	AlsoBusy func(ctx context.Context, resources []id.Resource, from, to time.Time) ([]Busy, error)
}

// SlotList is the answer: slots in order of their start, which point into the tables.
type SlotList struct {
	// Version is that of the offer the list was computed from.
	Version int64
	// Zone is the practice's.
	Zone          string
	From, To      schedule.Date
	Practitioners []id.Practitioner
	Locations     []id.Location
	Conditions    []Condition
	Slots         []Slot
	// Closed are the days on which closures or holidays leave nothing.
	Closed []ClosedDay
}

// Slot is a time at which the service can be booked, in seconds since 1970
// UTC. The rest are indexes into the tables of its list.
type Slot struct {
	Starts, Ends                      int64
	Practitioner, Location, Condition int32
}

// FreeSlots returns the slots at which the service can be booked. It returns
// [ErrUnknownService], [ErrUnknownPractitioner], [ErrNotOffered], [ErrRange]
// and [ErrUnknownPractice].
func (s *Service) FreeSlots(ctx context.Context, tenant id.Tenant, q Query) (SlotList, error) {
	if q.From >= q.To || int64(q.To)-int64(q.From) > MaxDays {
		return SlotList{}, ErrRange
	}
	if q.Now.IsZero() {
		q.Now = s.now()
	}
	offer := s.known(tenant)
	if offer == nil {
		var err error
		if offer, err = s.Offer(ctx, tenant); err != nil {
			return SlotList{}, err
		}
	}
	// The offer may be old: the batch that reads what is busy also reads the version.
	for range attempts {
		plans, refused := offer.plans(q)
		busy, version, err := s.busy(ctx, tenant, q, plans)
		if err != nil {
			return SlotList{}, err
		}
		if version == offer.Version {
			if refused != nil {
				return SlotList{}, refused
			}
			return offer.free(q, plans, busy), nil
		}
		if offer, err = s.Refresh(ctx, tenant, version); err != nil {
			return SlotList{}, err
		}
	}
	return SlotList{}, ErrChanging
}

// plans returns the plans of all practitioners concerned. All point into the
// last one's table of conditions.
func (o *Offer) plans(q Query) ([]Plan, error) {
	at, ok := o.services[q.Service]
	if !ok {
		return nil, ErrUnknownService
	}
	service := &o.Services[at]
	if !q.Practitioner.IsZero() {
		plan, err := o.Plan(q.Service, q.Practitioner)
		if err != nil {
			return nil, err
		}
		return []Plan{plan}, nil
	}
	var (
		plans      = make([]Plan, 0, len(service.Practitioners))
		conditions []Condition
	)
	for i := range o.Practitioners {
		if slices.Contains(service.Practitioners, o.Practitioners[i].ID) {
			plan := o.plan(service, &o.Practitioners[i], conditions)
			conditions = plan.Conditions
			plans = append(plans, plan)
		}
	}
	return plans, nil
}

// farthestZone is more than any zone is ahead of or behind UTC.
const farthestZone = 16 * time.Hour

// busy reads, in one round trip, the version of the offer and when the
// resources of plans are busy: one list a plan.
func (s *Service) busy(ctx context.Context, tenant id.Tenant, q Query, plans []Plan) ([][]schedule.Interval, int64, error) {
	if len(plans) == 0 {
		version, err := s.version(ctx, tenant)
		return nil, version, err
	}
	var (
		svc       = plans[0].Service
		midnight  = func(d schedule.Date) time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }
		from      = later(midnight(q.From).Add(-farthestZone), q.Now.Add(svc.Lead)).Add(-svc.BufferBefore)
		lastDay   = schedule.DateOf(q.Now.UTC()) + schedule.Date(svc.Horizon) + 2
		to        = midnight(min(q.To, lastDay)).Add(farthestZone + svc.BufferAfter)
		resources = make([]id.Resource, len(plans))
		texts     = make([]string, len(plans))
		busy      = make([][]schedule.Interval, len(plans))
	)
	for i := range plans {
		resources[i], texts[i] = plans[i].Resource, plans[i].Resource.UUID()
	}
	if q.AlsoBusy != nil && from.Before(to) {
		also, err := q.AlsoBusy(ctx, resources, from, to)
		if err != nil {
			return nil, 0, fmt.Errorf("read what else is busy: %w", err)
		}
		for _, b := range also {
			if i := slices.Index(resources, b.Resource); i >= 0 {
				busy[i] = append(busy[i], b.Interval)
			}
		}
	}
	var (
		version int64
		found   *postgres.Found
		held    = make([]int, len(busy)) // how many of busy are not from the database
	)
	for i := range busy {
		held[i] = len(busy[i])
	}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		for i := range busy {
			busy[i] = busy[i][:held[i]] // the batch may run again
		}
		found = b.Row(selectVersion, []any{tenant.UUID()}, &version)
		// One place to scan into, since there are hundreds of rows.
		var (
			plan int
			row  schedule.Interval
			dest = []any{&plan, &row.Starts, &row.Ends}
		)
		b.Rows(selectOccupation, []any{tenant.UUID(), texts, from.Add(-MaxOccupation), to, from}, func(rows pgx.Rows) error {
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			busy[plan-1] = append(busy[plan-1], row)
			return nil
		})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read occupation: %w", err)
	}
	if !found.OK {
		s.kept.drop(tenant)
		return nil, 0, ErrUnknownPractice
	}
	return busy, version, nil
}

// The conditions are plain comparisons on the columns of occupation_span, since
// nothing else becomes an index condition under row-level security. The lower
// bound of starts is the window's less the longest occupation. The order is of
// no use to us: it keeps a planner without statistics from the index of
// appointment_no_overlap, which would read all of a resource's history.
const selectOccupation = `
select r.n, extract(epoch from o.starts)::bigint, extract(epoch from o.ends)::bigint
  from unnest($2::uuid[]) with ordinality as r (id, n)
 cross join lateral (
       select starts, ends
         from occupation
        where tenant_id = $1 and resource_id = r.id
          and starts >= $3 and starts < $4 and ends > $5
        order by starts) as o`

// free computes the list.
func (o *Offer) free(q Query, plans []Plan, busy [][]schedule.Interval) SlotList {
	list := SlotList{
		Version:       o.Version,
		Zone:          o.Practice.Zone,
		From:          q.From,
		To:            q.To,
		Practitioners: make([]id.Practitioner, len(plans)),
		Locations:     []id.Location{},
		Conditions:    []Condition{},
		Closed:        o.closedDays(plans, q.From, q.To),
	}
	var (
		found []schedule.Slot
		ends  = make([]int, len(plans)) // of each plan's slots in found
		index [][]int32                 // of each plan's openings in the table of locations
	)
	for i := range plans {
		p := &plans[i]
		list.Practitioners[i] = p.Practitioner
		places := make([]int32, len(p.Openings))
		for k := range p.Openings {
			at := slices.Index(list.Locations, p.Openings[k].Location)
			if at < 0 {
				at = len(list.Locations)
				list.Locations = append(list.Locations, p.Openings[k].Location)
			}
			places[k] = int32(at)
		}
		index = append(index, places)
		found = schedule.Slots(found, p.Openings, p.Service, p.Capacity, busy[i], q.From, q.To, q.Now)
		ends[i] = len(found)
	}
	if len(plans) > 0 {
		list.Conditions = append(list.Conditions, plans[len(plans)-1].Conditions...)
	}

	// Each plan's slots are in order: merge them, the earlier practitioner first.
	list.Slots = make([]Slot, 0, len(found))
	next := make([]int, len(plans))
	copy(next[min(1, len(next)):], ends)
	for len(list.Slots) < len(found) {
		best := -1
		for i := range plans {
			if next[i] < ends[i] && (best < 0 || found[next[i]].Starts < found[next[best]].Starts) {
				best = i
			}
		}
		slot := found[next[best]]
		next[best]++
		list.Slots = append(list.Slots, Slot{
			Starts: slot.Starts, Ends: slot.Ends,
			Practitioner: int32(best),
			Location:     index[best][slot.Opening],
			Condition:    int32(plans[best].Openings[slot.Opening].Condition),
		})
	}
	return list
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
