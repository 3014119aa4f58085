package schedule_test

import (
	"math/rand/v2"
	"slices"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// dice draw a practice. The same dice draw the same one.
type dice struct{ *rand.Rand }

// roll is a number from least to most.
func (d dice) roll(least, most int) int { return least + d.IntN(most-least+1) }

// oneIn is true once in n times.
func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

func choose[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

// practice draws rules, a calendar and a question about a season.
func (d dice) practice(s *season) *practice {
	p := &practice{}
	places := []id.Location{id.New[id.Location](), id.New[id.Location]()}
	clocks := []*clock{s.here, s.here}
	if d.oneIn(4) {
		clocks[1] = s.there()
	}
	core := 15 * d.roll(0, 95) // the time of day around which things happen
	d.service(&p.plan)
	d.quotas(p, s)
	for range d.roll(1, 6) {
		o := d.opening(p, s, core)
		place := 0
		if d.oneIn(4) {
			place = 1
		}
		o.Location, o.Zone = places[place], clocks[place].zone
		p.plan.Openings = append(p.plan.Openings, o)
		p.clocks = append(p.clocks, clocks[place])
	}
	if d.oneIn(3) && len(p.plan.Openings) > 1 { // one begins where another ends
		a, b := &p.plan.Openings[0], &p.plan.Openings[1]
		if a.Until < day {
			length := b.Until - b.From
			b.From, b.Until = a.Until, a.Until+length
			b.Weekdays |= a.Weekdays
		}
	}
	d.closures(p, s, core)

	p.plan.Practitioner = id.New[id.Practitioner]()
	p.plan.Capacity = choose(d, 1, 1, 1, 2, 3)
	if d.oneIn(60) {
		p.plan.Capacity = 0
	}
	if d.oneIn(3) {
		p.plan.Legs = append(p.plan.Legs, schedule.Leg{A: places[d.roll(0, 1)], B: id.New[id.Location](), Takes: minutes(5)})
		a := d.roll(0, 1)
		p.plan.Legs = append(p.plan.Legs, schedule.Leg{A: places[a], B: places[1-a], Takes: minutes(5 * d.roll(0, 9))})
	}
	d.supplies(p, s, places, core)

	p.load.Busy = d.busy(s, core, choose(d, 0, 3, 20, 60), places, p.plan.Capacity == 1)
	d.sessions(p, s, core, places)

	p.query = schedule.Query{From: s.from, To: s.to, Staff: d.oneIn(4)}
	if d.oneIn(4) {
		p.query.From += schedule.Date(d.roll(0, 29))
		p.query.To = min(s.to, p.query.From+schedule.Date(d.roll(0, 5)))
	}
	p.query.Now = d.now(s, core)
	return p.ready()
}

// ready brings up to date what follows from the rest.
func (p *practice) ready() *practice {
	for i := range p.plan.Openings {
		o := &p.plan.Openings[i]
		o.Closed = nil
		for _, c := range p.closures[i] {
			o.Closed = c.AppendIn(o.Closed, o.Zone)
		}
		o.Closed = schedule.Union(o.Closed)
	}
	p.count()
	return p
}

func (d dice) service(plan *schedule.Plan) {
	plan.Service = schedule.Service{
		ID:       id.New[id.Service](),
		Duration: minutes(choose(d, 5, 10, 15, 20, 30, 45, 60, 90, 120, d.roll(1, 150))),
		Step:     minutes(choose(d, 5, 10, 15, 20, 30, 60, d.roll(3, 100))),
		Horizon:  choose(d, d.roll(0, 40), d.roll(10, 40), 60, 365, 10_000),
	}
	if d.oneIn(2) {
		plan.Service.BufferBefore, plan.Service.BufferAfter = minutes(5*d.roll(0, 6)), minutes(5*d.roll(0, 6))
	}
	if d.oneIn(2) {
		plan.Service.Lead = minutes(choose(d, 15, 60, day, d.roll(0, 5*day)))
	}
	if d.oneIn(4) {
		plan.Service.Seats = d.roll(1, 6)
	}
}

func (d dice) group() schedule.Group {
	switch d.roll(0, 5) {
	case 0:
		return schedule.GroupOf(choose(d, schedule.GKV, schedule.PKV, schedule.GKV|schedule.SEL), schedule.AllPatients)
	case 1:
		return schedule.GroupOf(0, choose(d, schedule.NewPatients, schedule.KnownPatients))
	case 2:
		return schedule.Group(d.roll(0, int(schedule.Everyone)))
	}
	return schedule.Everyone
}

// near is a date of the season, at times the one of interest.
func (d dice) near(s *season) schedule.Date {
	if d.oneIn(3) {
		return s.odd + schedule.Date(d.roll(-1, 1))
	}
	return s.from + schedule.Date(d.roll(-1, seasonDays))
}

func (d dice) opening(p *practice, s *season, core int) schedule.Opening {
	o := schedule.Opening{
		ID:        id.New[id.Window](),
		Weekdays:  schedule.Weekdays(d.roll(0, 127)),
		From:      choose(d, core, core+5*d.roll(-48, 48), d.roll(0, day-1)),
		For:       d.group(),
		OpenToAll: -1,
		Horizon:   -1,
		Condition: d.roll(0, 3),
	}
	o.From = (o.From + day) % day
	o.Until = o.From + min(day, choose(d, 60, 240, 5*d.roll(1, 100), d.roll(1, 300), day))
	switch d.roll(0, 7) {
	case 0:
		o.Weekdays = schedule.EveryDay
	case 1:
		o.Weekdays = schedule.WeekdaysOf(s.odd.Weekday())
	case 2:
		o.From, o.Until = 0, day
	}
	if d.oneIn(20) {
		o.Until = o.From // it is never open
	}
	if d.oneIn(5) {
		o.ValidFrom = d.near(s)
	}
	if d.oneIn(5) {
		o.ValidUntil = d.near(s)
		if o.ValidFrom != 0 && d.oneIn(2) {
			o.ValidUntil = o.ValidFrom + schedule.Date(choose(d, 0, 1, 7, 29, 30, 31, 32))
		}
	}
	if d.oneIn(4) {
		o.EveryWeeks, o.Anchor = d.roll(0, 4), d.near(s)+schedule.Date(choose(d, -100, -7, 0, 7, 400))
	}
	switch d.roll(0, 9) {
	case 0:
		o.Services = []id.Service{id.New[id.Service]()}
	case 1, 2:
		o.Services = []id.Service{id.New[id.Service](), p.plan.Service.ID}
	}
	if d.oneIn(4) {
		o.OpenToAll = d.roll(0, 10)
	}
	o.Staff, o.WalkIn = d.oneIn(8), d.oneIn(12)
	if d.oneIn(4) {
		o.Capacity = d.roll(1, 4)
	}
	if d.oneIn(4) {
		o.Lead = minutes(choose(d, 30, 120, 2*day, d.roll(0, 3*day)))
	}
	if d.oneIn(5) {
		o.Horizon = d.roll(0, 30)
	}
	if d.oneIn(4) {
		o.Release = schedule.Release{Set: true, Days: choose(d, 0, 1, 7, d.roll(0, 9)), Minute: choose(d, 0, 450, 150, d.roll(0, day-1))}
	}
	for k := range p.plan.Quotas {
		if d.oneIn(2) {
			o.Quotas = append(o.Quotas, k)
		}
	}
	return o
}

func (d dice) quotas(p *practice, s *season) {
	for range max(0, d.roll(-2, 3)) {
		quota := schedule.Quota{
			ID:      id.New[id.Quota](),
			Max:     d.roll(1, 4),
			Per:     choose(d, schedule.Day, schedule.Week, schedule.Month),
			For:     d.group(),
			Release: choose(d, -1, -1, d.roll(0, 10)),
		}
		if d.oneIn(4) {
			quota.ValidFrom = d.near(s)
		}
		if d.oneIn(4) {
			quota.ValidUntil = d.near(s)
		}
		if d.oneIn(30) {
			quota.Max = 0
		}
		p.plan.Quotas = append(p.plan.Quotas, quota)

		used := map[schedule.Date]int{}
		for range choose(d, 0, 4, 20) {
			used[periodOf(quota.Per, int(d.near(s)))] = d.roll(0, 5)
		}
		var uses []schedule.Use
		for period, n := range used {
			uses = append(uses, schedule.Use{Period: period, N: n})
		}
		slices.SortFunc(uses, func(a, b schedule.Use) int { return int(a.Period - b.Period) })
		p.load.Used = append(p.load.Used, uses)
	}
	if len(p.load.Used) > 0 && d.oneIn(5) {
		p.load.Used = p.load.Used[:len(p.load.Used)-1]
	}
}

// stretches are closures, to the minute or for whole days.
func (d dice) stretches(s *season, core, most int) (all []schedule.Stretch) {
	for range d.roll(0, most) {
		c := schedule.Stretch{From: d.near(s), FromMinute: (core + 5*d.roll(-40, 40) + day) % day}
		c.Until, c.UntilMinute = c.From+schedule.Date(choose(d, 0, 0, 0, 1, 3)), choose(d, c.FromMinute, c.FromMinute+5*d.roll(0, 60), day)
		c.UntilMinute = min(c.UntilMinute, day)
		if d.oneIn(2) {
			c = schedule.WholeDay(c.From)
		}
		all = append(all, c)
	}
	return all
}

func (d dice) closures(p *practice, s *season, core int) {
	everybody := d.stretches(s, core, 5)
	for range p.plan.Openings {
		p.closures = append(p.closures, slices.Concat(d.stretches(s, core, 2), everybody))
	}
}

// instant is an instant near a date's core time, on a clock that stands at UTC
// plus some hours, which is near enough.
func (d dice) instant(s *season, core int) int64 {
	offset := s.here.shows[len(s.here.shows)/2] - int(s.here.first/60) - len(s.here.shows)/2
	wall := int64(d.near(s))*day + int64(core) - int64(offset)
	return 60 * (wall + 5*int64(d.roll(-50, 50)))
}

func (d dice) busy(s *season, core, about int, places []id.Location, toTheSecond bool) (all []schedule.Busy) {
	for range about {
		b := schedule.Busy{Kind: choose(d, schedule.Appointment, schedule.Appointment, schedule.Hold, schedule.Imported)}
		b.Starts = d.instant(s, core)
		switch {
		case len(all) > 0 && d.oneIn(4): // it follows another without a gap, or lies over it
			other := all[d.IntN(len(all))]
			b.Starts = choose(d, other.Starts, other.Ends)
		case toTheSecond && d.oneIn(4):
			b.Starts += int64(d.roll(0, 59))
		}
		b.Ends = b.Starts + 60*int64(choose(d, 0, 15, 30, 60, d.roll(1, 240), 5*d.roll(1, 12)))
		if toTheSecond && d.oneIn(8) {
			b.Ends += int64(d.roll(0, 59))
		}
		if d.oneIn(40) {
			b.Ends = b.Starts + int64(d.roll(1, 3)*day*60)
		}
		switch b.Kind {
		case schedule.Imported:
		default:
			b.Location = places[d.roll(0, len(places)-1)]
		}
		all = append(all, b)
	}
	return all
}

// sessions are groups that have begun to fill. Each keeps the practitioner busy.
func (d dice) sessions(p *practice, s *season, core int, places []id.Location) {
	if p.plan.Service.Seats < 2 || p.plan.Capacity == 0 {
		return
	}
	began := map[int64]bool{}
	for range d.roll(0, 12) {
		starts := d.instant(s, core)
		if began[starts] {
			continue
		}
		began[starts] = true
		p.load.Sessions = append(p.load.Sessions, schedule.Session{Starts: starts, Taken: d.roll(1, p.plan.Service.Seats)})
		occupied := p.plan.Service.Occupies(starts)
		p.load.Busy = append(p.load.Busy, schedule.Busy{Interval: occupied, Location: places[0]})
	}
	slices.SortFunc(p.load.Sessions, func(a, b schedule.Session) int { return int(a.Starts - b.Starts) })
}

func (d dice) supplies(p *practice, s *season, places []id.Location, core int) {
	if !d.oneIn(3) {
		return
	}
	n := d.roll(1, 4)
	for range n {
		supply := schedule.Supply{Resource: id.New[id.Resource](), Capacity: choose(d, 1, 1, 1, 2)}
		if d.oneIn(2) {
			supply.Location = places[d.roll(0, 1)]
		}
		for _, c := range d.stretches(s, core, 4) {
			supply.Shut = c.AppendIn(supply.Shut, s.here.zone)
		}
		supply.Shut = schedule.Union(supply.Shut)
		p.plan.Supplies = append(p.plan.Supplies, supply)
		p.load.Supplies = append(p.load.Supplies, d.busy(s, core, choose(d, 0, 5, 30), places, false))
	}
	if d.oneIn(5) {
		p.load.Supplies = p.load.Supplies[:n-1]
	}
	for range choose(d, 1, 1, 2, 3) {
		need := schedule.Need{Role: "room"}
		for k := range n {
			if d.oneIn(2) {
				need.Supplies = append(need.Supplies, k)
			}
		}
		if len(need.Supplies) == 0 && !d.oneIn(30) {
			need.Supplies = []int{d.roll(0, n-1)}
		}
		p.plan.Needs = append(p.plan.Needs, need)
	}
}

// now is when the question is asked: before the season, or in it.
func (d dice) now(s *season, core int) time.Time {
	if !d.oneIn(4) {
		return time.Unix((int64(s.from)-2)*day*60+int64(d.roll(0, 4*day*60)), 0)
	}
	return time.Unix(d.instant(s, core)+int64(d.roll(-90, 90)), int64(choose(d, 0, 0, 1, 500_000_000)))
}
