package practice

import (
	"context"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// Around reads what is taken near one start, for [schedule.Plan.Why] and its
// like, and the offer that it belongs to. q names one service and practitioner.
func (s *Service) Around(ctx context.Context, tenant id.Tenant, q Query, starts time.Time) (*Offer, *schedule.Load, error) {
	day := schedule.DateOf(starts.UTC())
	q.From, q.To = day-1, day+2
	m, err := s.consult(ctx, tenant, q)
	if err != nil {
		return nil, nil, err
	}
	return m.offer, &m.steps[0].loads[0], nil
}
