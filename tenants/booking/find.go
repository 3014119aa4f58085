package booking

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// Find lists the free slots that q asks for: what the practice offers, less
// what is booked or held. Without Redis it lists held slots too: holding one
// then fails, booking one twice does not happen.
func (s *Service) Find(ctx context.Context, tenant id.Tenant, q practice.Query) (practice.SlotList, error) {
	return s.Practice.FreeSlots(ctx, tenant, s.asked(tenant, q))
}

// FindDays counts what [Service.Find] would list, by day.
func (s *Service) FindDays(ctx context.Context, tenant id.Tenant, q practice.Query) (practice.DayList, error) {
	return s.Practice.Days(ctx, tenant, s.asked(tenant, q))
}

// FindNext lists the first n free slots of each condition.
func (s *Service) FindNext(ctx context.Context, tenant id.Tenant, q practice.Query, n int) (practice.SlotList, error) {
	return s.Practice.Next(ctx, tenant, s.asked(tenant, q), n)
}

// Week says why each quarter of an hour of the week from monday on is or is not
// offered.
func (s *Service) Week(ctx context.Context, tenant id.Tenant, service id.Service, practitioner id.Practitioner, monday schedule.Date) (practice.Week, error) {
	return s.Practice.Week(ctx, tenant, s.asked(tenant, practice.Query{Service: service, Practitioner: practitioner, From: monday}))
}

// asked completes a question with what this package knows: holds, and the
// names of sessions.
func (s *Service) asked(tenant id.Tenant, q practice.Query) practice.Query {
	q.Now = s.Now()
	q.AlsoBusy = func(ctx context.Context, resources []id.Resource, quotas []id.Quota, from, to time.Time) ([]practice.Busy, []practice.Used, error) {
		return s.claimed(ctx, tenant, resources, quotas, from, to)
	}
	q.Session = s.Sessions(tenant)
	return q
}

// claimed returns what holds take of resources between two instants, and of
// quotas. Without Redis that is nothing.
func (s *Service) claimed(ctx context.Context, tenant id.Tenant, resources []id.Resource, quotas []id.Quota, from, to time.Time) ([]practice.Busy, []practice.Used, error) {
	asked, since := resources, from
	if len(quotas) > 0 { // which are claimed like resources, at the beginning of a period
		asked, since = slices.Clone(resources), from.Add(-practice.LongestPeriod)
		for _, q := range quotas {
			asked = append(asked, id.Resource(q))
		}
	}
	claims, err := s.Redis.Claims(ctx, tenant, asked, since, to)
	if err != nil {
		return nil, nil, nil //nolint:nilerr // Redis is a courtesy here, see Find
	}
	var used []practice.Used
	busy := make([]practice.Busy, 0, len(claims))
	for _, c := range claims {
		switch {
		case slices.Contains(quotas, id.Quota(c.Resource)):
			used = append(used, practice.Used{Quota: id.Quota(c.Resource), Period: schedule.Date(c.Starts / (24 * 60 * 60))})
		case c.Ends > from.Unix():
			b := practice.Busy{Resource: c.Resource, Interval: schedule.Interval{Starts: c.Starts, Ends: c.Ends}}
			if name, err := hex.DecodeString(c.Session); err == nil {
				copy(b.Session[:], name)
			}
			busy = append(busy, b)
		}
	}
	return busy, used, nil
}

// Sessions names the groups of a tenant by their service, practitioner and start.
func (s *Service) Sessions(tenant id.Tenant) func(id.Service, id.Practitioner, int64) practice.Session {
	return func(service id.Service, practitioner id.Practitioner, starts int64) practice.Session {
		return s.session(tenant, service, practitioner, starts)
	}
}

// session names the group of all who come to the same service, practitioner
// and start: keyed, so that the database shows who shares a session and not for
// what.
func (s *Service) session(tenant id.Tenant, service id.Service, practitioner id.Practitioner, starts int64) practice.Session {
	mac := s.Redis.MAC("session", tenant.UUID(), service.UUID(), practitioner.UUID(), strconv.FormatInt(starts, 10))
	return practice.Session(mac[:16])
}

// Alternative is a slot that may do instead of one that was taken.
type Alternative struct {
	Starts       time.Time
	Practitioner id.Practitioner
	Location     id.Location
}

// Alternatives are the next free slots of the same service around the start
// that was taken, at most n. They are a courtesy: on any failure there are none.
func (s *Service) Alternatives(ctx context.Context, tenant id.Tenant, service id.Service, taken time.Time, n int) []Alternative {
	day := schedule.DateOf(taken.UTC())
	list, err := s.Find(ctx, tenant, practice.Query{Service: service, From: day, To: day + 14})
	if err != nil {
		return nil
	}
	var found []Alternative
	for _, slot := range list.Slots {
		if slot.Starts < taken.Add(-2*time.Hour).Unix() {
			continue
		}
		found = append(found, Alternative{
			Starts:       time.Unix(slot.Starts, 0).UTC(),
			Practitioner: list.Practitioners[slot.Practitioner],
			Location:     list.Locations[slot.Location],
		})
		if len(found) == n {
			break
		}
	}
	return found
}
