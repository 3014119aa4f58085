package booking

import (
	"context"
	"time"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// Find lists the free slots that q asks for: what the practice offers, less
// what is booked or held. Without Redis it lists held slots too: holding one
// then fails, booking one twice does not happen.
func (s *Service) Find(ctx context.Context, tenant id.Tenant, q practice.Query) (practice.SlotList, error) {
	q.Now = s.Now()
	q.AlsoBusy = func(ctx context.Context, resources []id.Resource, from, to time.Time) ([]practice.Busy, error) {
		claims, err := s.Redis.Claims(ctx, tenant, resources, from, to)
		if err != nil {
			return nil, nil //nolint:nilerr // Redis is a courtesy here, see above
		}
		busy := make([]practice.Busy, len(claims))
		for i, c := range claims {
			busy[i] = practice.Busy{Resource: c.Resource, Interval: schedule.Interval{Starts: c.Starts, Ends: c.Ends}}
		}
		return busy, nil
	}
	return s.Practice.FreeSlots(ctx, tenant, q)
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
