package practice

import (
	"context"
	"slices"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// DayList says on which days a service can be booked.
type DayList struct {
	Version    int64
	Zone       string // the practice's
	From, To   schedule.Date
	Conditions []Condition
	// Days are those that have a slot, in order.
	Days   []DayCount
	Closed []ClosedDay
}

// DayCount is how many slots a day has, and which conditions (indexes into the
// table) they have.
type DayCount struct {
	Date       schedule.Date
	Free       int
	Conditions []int32
}

// Days counts what [Service.FreeSlots] would list, by local date. A From of zero is today, a To of zero the horizon; they are at
// most [MaxCountedDays] apart. It returns what FreeSlots returns.
func (s *Service) Days(ctx context.Context, tenant id.Tenant, q Query) (DayList, error) {
	m, err := s.consultAhead(ctx, tenant, q)
	if err != nil {
		return DayList{}, err
	}
	t := newTables(m)
	counts := make([]DayCount, m.To-m.From)
	count := func(s Slot, date schedule.Date) {
		if date < m.From || date >= m.To {
			return
		}
		c := &counts[date-m.From]
		if c.Free++; !slices.Contains(c.Conditions, s.Condition) {
			c.Conditions = append(c.Conditions, s.Condition)
		}
	}
	if m.combined() {
		t.combine()
		for i, way := range t.list.Itineraries {
			for k, at := range way {
				count(t.list.Slots[at], t.begin[i])
				if k > 0 && t.begin[i] >= m.From && t.begin[i] < m.To {
					counts[t.begin[i]-m.From].Free-- // one way is one, however many slots it has
				}
			}
		}
	} else {
		for from := m.From; from < m.To; from += MaxDays {
			t.survey(from, min(from+MaxDays, m.To))
			t.each(count)
		}
	}
	list := DayList{
		Version: m.offer.Version, Zone: m.offer.Practice.Zone, From: m.From, To: m.To,
		Closed: m.closedDays(m.From, m.To, t.full),
	}
	for i := range counts {
		if counts[i].Free > 0 {
			counts[i].Date = m.From + schedule.Date(i)
			slices.Sort(counts[i].Conditions)
			list.Days = append(list.Days, counts[i])
		}
	}
	for i := range t.classes {
		list.Conditions = append(list.Conditions, m.offer.condition(&t.classes[i]))
	}
	return list, nil
}

// MaxNext is how many slots of each condition can be asked for.
const MaxNext = 20

// Next lists the first n slots of each condition, across practitioners, from
// q.From (zero: today) up to the horizon, or q.To. It returns what FreeSlots
// returns; [ErrRange] also where n is not from 1 to [MaxNext].
func (s *Service) Next(ctx context.Context, tenant id.Tenant, q Query, n int) (SlotList, error) {
	if n < 1 || n > MaxNext {
		return SlotList{}, ErrRange
	}
	m, err := s.consultAhead(ctx, tenant, q)
	if err != nil {
		return SlotList{}, err
	}
	var (
		t      = newTables(m)
		found  []int // of each condition
		single = m.uniform()
		last   = m.From
	)
	take := func(s Slot, date schedule.Date) bool {
		for int(s.Condition) >= len(found) {
			found = append(found, 0)
		}
		if found[s.Condition] == n {
			return false
		}
		found[s.Condition]++
		last = max(last, date)
		t.on(date)
		return true
	}
	if m.combined() {
		t.combine()
		t.keepWays(take)
	} else {
		for from := m.From; from < m.To && !(single && len(found) > 0 && found[0] == n); from += MaxDays {
			t.survey(from, min(from+MaxDays, m.To))
			t.each(func(s Slot, date schedule.Date) {
				if take(s, date) {
					t.list.Slots = append(t.list.Slots, s)
				}
			})
		}
	}
	// What is closed until then is worth a word, not all that comes after.
	if len(found) == 0 {
		last = m.From + MaxDays - 1
	}
	m.To = min(m.To, last+1)
	t.list.To = m.To
	t.list.Closed = m.closedDays(m.From, m.To, t.full)
	t.list.WalkIn = t.walkIns()
	return t.finish(), nil
}

// uniform reports whether all slots are for the same people under the same
// terms, so that nothing else comes later.
func (m *matter) uniform() bool {
	var first *schedule.Opening
	for i := range m.steps[0].plans {
		for k := range m.steps[0].plans[i].Openings {
			o := &m.steps[0].plans[i].Openings[k]
			switch {
			case first == nil:
				first = o
			case o.For != first.For || o.Condition != first.Condition:
				return false
			}
			if len(o.Quotas) > 0 || o.OpenToAll >= 0 && o.For != schedule.Everyone {
				return false
			}
		}
	}
	return true
}

// consultAhead consults about a range that may be left open.
func (s *Service) consultAhead(ctx context.Context, tenant id.Tenant, q Query) (*matter, error) {
	if q.To != 0 && (q.From >= q.To || int64(q.To)-int64(q.From) > MaxCountedDays) || q.Series.Count > 0 {
		return nil, ErrRange
	}
	return s.consult(ctx, tenant, q)
}

// bound fills in dates that were left open: from today to the horizon.
func (m *matter) bound() {
	if m.From == 0 {
		m.From = schedule.DateOf(m.Now.In(m.offer.zone(id.Location{})))
	}
	if m.To != 0 {
		return
	}
	horizon := 0
	for i := range m.steps[0].plans {
		horizon = max(horizon, m.steps[0].plans[i].Service.Horizon)
	}
	// A day more, since the zones of locations may be ahead of the practice's.
	last := schedule.DateOf(m.Now.In(m.offer.zone(id.Location{}))) + schedule.Date(horizon) + 1
	m.To = max(m.From+1, min(last+1, m.From+MaxCountedDays))
}
