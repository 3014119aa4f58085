package schedule_test

import (
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// At every change of clocks, a window that is open all day has each wall time
// that there is, once for every time that the wall shows it, and no other.
func TestNoSlotIsInAClockGapAndADoubledHourIsToldApart(t *testing.T) {
	t.Parallel()
	for _, c := range changes() {
		zone := mustZone(c.zone)
		about := schedule.DateOf(time.Unix(c.at, 0).In(zone))
		plan := schedule.Plan{
			Service: schedule.Service{ID: id.New[id.Service](), Duration: 5 * time.Minute, Step: 15 * time.Minute, Horizon: 100_000},
			Openings: []schedule.Opening{{
				Zone: zone, Weekdays: schedule.EveryDay, Until: day, For: schedule.Everyone, OpenToAll: -1, Horizon: -1,
			}},
			Capacity: 1,
		}
		slots, _ := plan.Slots(nil, nil, &schedule.Load{}, schedule.Query{From: about - 1, To: about + 2, Now: past})

		// How often the wall shows each quarter of an hour of the three days.
		shown := map[string]int{}
		for at := int64(about-3) * day * 60; at < int64(about+4)*day*60; at += 60 {
			local := time.Unix(at, 0).In(zone)
			if d := schedule.DateOf(local); about-1 <= d && d < about+2 && local.Minute()%15 == 0 {
				shown[local.Format("2006-01-02T15:04")]++
			}
		}
		told := map[string]bool{}
		for _, s := range slots {
			local := time.Unix(s.Starts, 0).In(zone)
			wall, full := local.Format("2006-01-02T15:04"), local.Format(time.RFC3339)
			if told[full] {
				t.Fatalf("%s: %s is there twice", c, full)
			}
			told[full] = true
			if shown[wall]--; shown[wall] < 0 {
				t.Fatalf("%s: %s is no time that the wall shows so often", c, wall)
			}
		}
		for wall, left := range shown {
			if left != 0 {
				t.Fatalf("%s: %d slots are missing at %s", c, left, wall)
			}
		}
	}
}
