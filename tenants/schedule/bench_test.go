package schedule_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"siegel/platform/id"
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
			schedule.Opening{Zone: berlin, Weekdays: schedule.WeekdaysOf(day), From: hm(8, 0), Until: hm(12, 0)},
			schedule.Opening{Zone: berlin, Weekdays: schedule.WeekdaysOf(day), From: hm(14, 0), Until: hm(18, 0)})
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
	plan := planOf(openings, svc, 1)
	q := schedule.Query{From: from, To: from + 30, Now: now}
	all, _ := plan.Slots(nil, nil, &schedule.Load{}, q)
	var load schedule.Load
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(all))[:200] {
		load.Busy = append(load.Busy, schedule.Busy{Interval: schedule.Interval{Starts: all[i].Starts, Ends: all[i].Ends}})
	}
	var (
		dst     []schedule.Slot
		classes []schedule.Class
	)
	b.ReportAllocs()
	for b.Loop() {
		dst, classes = plan.Slots(dst[:0], classes[:0], &load, q)
	}
	if len(dst) != len(all)-200 {
		b.Fatalf("%d of %d slots are free", len(dst), len(all))
	}
	b.ReportMetric(float64(len(dst)), "slots")
}

// clinic is so many practitioners, Monday to Friday 8-12 and 14-18, who share
// three rooms and have a quota for new patients each week. From date on, for
// some days, a third of their slots is taken, and rooms with them.
func clinic(b *testing.B, practitioners, days int) ([]schedule.Plan, []schedule.Load, schedule.Query) {
	berlin := zone(b, "Europe/Berlin")
	from := date(b, "2026-11-23")
	q := schedule.Query{From: from, To: from + schedule.Date(days), Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	random := rand.New(rand.NewPCG(1, 2))
	rooms := make([]schedule.Supply, 3)
	roomBusy := make([][]schedule.Busy, len(rooms))
	for i := range rooms {
		rooms[i] = schedule.Supply{Resource: id.New[id.Resource](), Capacity: practitioners / 3}
	}
	plans, loads := make([]schedule.Plan, practitioners), make([]schedule.Load, practitioners)
	for i := range plans {
		p := planOf(nil, service(15, 15), 1)
		p.Practitioner, p.Supplies = id.New[id.Practitioner](), rooms
		p.Needs = []schedule.Need{{Supplies: []int{0, 1, 2}}}
		p.Quotas = []schedule.Quota{{Max: 20, Per: schedule.Week, For: schedule.GroupOf(0, schedule.NewPatients), Release: 2}}
		for _, hour := range []int{8, 14} {
			p.Openings = append(p.Openings, schedule.Opening{
				Zone: berlin, Weekdays: schedule.WeekdaysOf(1, 2, 3, 4, 5), From: hm(hour, 0), Until: hm(hour+4, 0),
				For: schedule.Everyone, OpenToAll: -1, Horizon: -1, Quotas: []int{0},
			})
		}
		all, _ := p.Slots(nil, nil, &schedule.Load{}, q)
		for n, s := range all {
			if random.IntN(3) > 0 {
				continue
			}
			busy := schedule.Busy{Interval: schedule.Interval{Starts: s.Starts, Ends: s.Ends}}
			loads[i].Busy = append(loads[i].Busy, busy)
			roomBusy[n%3] = append(roomBusy[n%3], busy)
		}
		loads[i].Used = [][]schedule.Use{{{Period: from, N: 20}, {Period: from + 7, N: 3}}}
		plans[i] = *p
	}
	for i := range loads {
		loads[i].Supplies = roomBusy
	}
	return plans, loads, q
}

// Ten practitioners with rooms and quotas over 30 days.
func BenchmarkPractice(b *testing.B) {
	plans, loads, q := clinic(b, 10, 30)
	var (
		slots   []schedule.Slot
		classes []schedule.Class
	)
	b.ReportAllocs()
	for b.Loop() {
		slots, classes = slots[:0], classes[:0]
		for i := range plans {
			slots, classes = plans[i].Slots(slots, classes, &loads[i], q)
		}
	}
	b.ReportMetric(float64(len(slots)), "slots")
}

// A chain of three steps, each with three practitioners, over 14 days.
func BenchmarkChain(b *testing.B) {
	plans, loads, q := clinic(b, 9, 14)
	steps := make([]schedule.Step, 3)
	for i := range steps {
		steps[i] = schedule.Step{Plans: plans[3*i : 3*i+3], Loads: loads[3*i : 3*i+3], Least: 5 * time.Minute, Greatest: 2 * time.Hour}
	}
	var found []schedule.Itinerary
	b.ReportAllocs()
	for b.Loop() {
		found, _ = schedule.Itineraries(steps, q, 1000)
	}
	b.ReportMetric(float64(len(found)), "itineraries")
}

// Why of each quarter of an hour of a week.
func BenchmarkWeek(b *testing.B) {
	plans, loads, q := clinic(b, 3, 7)
	var cells []schedule.Cell
	for b.Loop() {
		cells = plans[0].Week(cells[:0], &loads[0], q, 15*time.Minute)
	}
	b.ReportMetric(float64(len(cells)), "cells")
}
