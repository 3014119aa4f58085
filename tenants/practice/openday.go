package practice

import (
	"context"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// openDaysAhead is how far [Service.NextOpenDay] looks.
const openDaysAhead = 62

// OpenDay is a day on which somebody of a practice sees patients.
type OpenDay struct {
	// Ends is the end of the day's last window, UTC.
	Ends time.Time
	// Zone is the practice's.
	Zone *time.Location
}

// NextOpenDay is the first local day with a window that begins at an instant or
// later, of whichever practitioner, less holidays and closures; false where
// there is none within two months. It returns [ErrUnknownPractice].
func (s *Service) NextOpenDay(ctx context.Context, tenant id.Tenant, after time.Time) (OpenDay, bool, error) {
	o, err := s.Offer(ctx, tenant)
	if err != nil {
		return OpenDay{}, false, err
	}
	day, ok := o.nextOpenDay(after)
	return day, ok, nil
}

func (o *Offer) nextOpenDay(after time.Time) (OpenDay, bool) {
	zone := o.zone(id.Location{})
	var windows []schedule.Opening
	for i := range o.Practitioners {
		for _, w := range o.open[o.Practitioners[i].ID] {
			windows = append(windows, w.Opening)
		}
	}
	var (
		// A day more on each side: windows may cross midnight, and locations
		// have zones of their own.
		today = schedule.DateOf(after.In(zone)) - 1
		found schedule.Date
		ends  int64
	)
	for _, open := range schedule.OpenHours(nil, windows, today, today+openDaysAhead) {
		date := schedule.DateOf(time.Unix(open.Starts, 0).In(zone))
		switch {
		case found == 0 && open.Starts >= after.Unix():
			found, ends = date, open.Ends
		case found != 0 && date == found:
			ends = max(ends, open.Ends)
		}
	}
	return OpenDay{Ends: time.Unix(ends, 0).UTC(), Zone: zone}, found != 0
}
