package schedule_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"siegel/tenants/schedule"
)

// One practitioner, Monday to Friday 8-12 and 14-18, slots of 15 minutes over
// 30 days, of which 200 are taken.
func BenchmarkSlots(b *testing.B) { benchmarkSlots(b, nil) }

// The same with five years of holidays, and closed at noon on each Wednesday.
func BenchmarkSlotsWithClosures(b *testing.B) {
	var closed []schedule.Stretch
	for year := 2026; year < 2031; year++ {
		for _, h := range schedule.Holidays("DE-BW", schedule.Anywhere, year) {
			closed = append(closed, schedule.WholeDay(h.Date))
		}
	}
	for day := date(b, "2026-11-25"); day < date(b, "2027-01-01"); day += 7 {
		closed = append(closed, schedule.Stretch{From: day, FromMinute: hm(11, 0), Until: day, UntilMinute: hm(15, 0)})
	}
	benchmarkSlots(b, closed)
}

func benchmarkSlots(b *testing.B, closures []schedule.Stretch) {
	berlin := zone(b, "Europe/Berlin")
	var openings []schedule.Opening
	for day := 1; day <= 5; day++ {
		openings = append(openings,
			schedule.Opening{Zone: berlin, Weekday: day, From: hm(8, 0), Until: hm(12, 0)},
			schedule.Opening{Zone: berlin, Weekday: day, From: hm(14, 0), Until: hm(18, 0)})
	}
	var closed []schedule.Interval
	for _, c := range closures {
		closed = c.AppendIn(closed, berlin)
	}
	closed = schedule.Union(closed)
	for i := range openings {
		openings[i].Closed = closed
	}
	svc := service(15, 15)
	from := date(b, "2026-11-23")
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	all := schedule.Slots(nil, openings, svc, 1, nil, from, from+30, now)
	var busy []schedule.Interval
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(all))[:200] {
		busy = append(busy, schedule.Interval{Starts: all[i].Starts, Ends: all[i].Ends})
	}
	var dst []schedule.Slot
	b.ReportAllocs()
	for b.Loop() {
		dst = schedule.Slots(dst[:0], openings, svc, 1, busy, from, from+30, now)
	}
	if len(dst) != len(all)-200 {
		b.Fatalf("%d of %d slots are free", len(dst), len(all))
	}
	b.ReportMetric(float64(len(dst)), "slots")
}
