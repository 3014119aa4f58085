package schedule_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// draw is a random plan and what is taken of it, around a clock change.
func draw(t *rapid.T) (*schedule.Plan, *schedule.Load, schedule.Query) {
	pick := func(name string, least, most int) int { return rapid.IntRange(least, most).Draw(t, name) }
	sometimes := func(name string) bool { return pick(name, 0, 3) == 0 }
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	day := schedule.NewDate(2026, time.October, 25)
	if sometimes("spring") {
		day = schedule.NewDate(2026, time.March, 29)
	}
	midnight := int64(day) * 24 * 60 * 60
	places := []id.Location{{}, id.New[id.Location](), id.New[id.Location]()}
	place := func() id.Location { return places[pick("place", 0, 2)] }
	interval := func() schedule.Interval {
		from := midnight + 60*int64(pick("from", -30*60, 50*60))
		return schedule.Interval{Starts: from, Ends: from + 60*int64(pick("for", 0, 200))}
	}
	busy := func(most int) (all []schedule.Busy) {
		for range pick("busy", 0, most) {
			all = append(all, schedule.Busy{Interval: interval(), Location: place(), Kind: schedule.BusyKind(pick("kind", 0, 2))})
		}
		return all
	}
	closed := func() (all []schedule.Interval) {
		for range pick("closed", 0, 2) {
			all = append(all, interval())
		}
		return schedule.Union(all)
	}
	group := func() schedule.Group { return schedule.Group(pick("group", 0, int(schedule.Everyone))) }

	p := &schedule.Plan{Capacity: pick("capacity", 1, 2), Service: schedule.Service{
		ID: id.New[id.Service](), Duration: minutes(5 * pick("duration", 1, 12)), Step: minutes(5 * pick("step", 1, 6)),
		BufferBefore: minutes(pick("before", 0, 20)), BufferAfter: minutes(pick("after", 0, 20)),
		Lead: minutes(pick("lead", 0, 200)), Horizon: pick("horizon", 0, 4), Seats: pick("seats", 0, 3),
	}}
	load := &schedule.Load{Busy: busy(6)}
	if sometimes("legs") {
		p.Legs = []schedule.Leg{{A: places[1], B: places[2], Takes: minutes(pick("way", 0, 60))}}
	}
	for range pick("quotas", 0, 3) {
		q := schedule.Quota{
			Max: pick("max", 0, 2), Per: schedule.Period(pick("per", 0, 2)), For: group(), Release: pick("released", -1, 2),
		}
		if sometimes("valid") {
			q.ValidFrom = day
		}
		p.Quotas = append(p.Quotas, q)
		load.Used = append(load.Used, []schedule.Use{{Period: q.Per.First(day), N: pick("used", 0, 2)}})
	}
	for range pick("supplies", 0, 3) {
		p.Supplies = append(p.Supplies, schedule.Supply{
			Resource: id.New[id.Resource](), Location: place(), Capacity: pick("units", 0, 2), Shut: closed(),
		})
		load.Supplies = append(load.Supplies, busy(4))
	}
	if len(p.Supplies) > 0 {
		for range pick("needs", 0, 3) {
			var n schedule.Need
			for i := range p.Supplies {
				if sometimes("not this") {
					continue
				}
				n.Supplies = append(n.Supplies, i)
			}
			p.Needs = append(p.Needs, n)
		}
	}
	for range pick("openings", 1, 4) {
		o := schedule.Opening{
			Zone: berlin, Location: place(), Weekdays: schedule.Weekdays(pick("weekdays", 1, 127)), From: 5 * pick("opens", 0, 287),
			For: schedule.Everyone, OpenToAll: -1, Horizon: -1, Closed: closed(), Condition: pick("condition", 0, 2),
		}
		o.Until = o.From + 5*pick("open for", 0, 288)
		if sometimes("elsewhere") {
			o.Zone = time.FixedZone("elsewhere", 1800*pick("offset", -24, 28))
		}
		if sometimes("for some") {
			o.For, o.OpenToAll = group(), pick("open to all", -1, 2)
		}
		if sometimes("valid") {
			o.ValidFrom, o.ValidUntil = day, day+schedule.Date(pick("days", 0, 40))
		}
		if sometimes("weeks") {
			o.EveryWeeks, o.Anchor = 2, day+schedule.Date(pick("anchor", -9, 9))
		}
		if sometimes("other service") {
			o.Services = []id.Service{id.New[id.Service]()}
		} else if sometimes("this service") {
			o.Services = []id.Service{p.Service.ID}
		}
		if sometimes("release") {
			o.Release = schedule.Release{Set: true, Days: pick("days", 0, 2), Minute: pick("minute", 0, 1439)}
		}
		if sometimes("limits") {
			o.Capacity, o.Lead, o.Horizon = pick("capacity", 0, 2), minutes(pick("lead", 0, 500)), pick("horizon", -1, 3)
		}
		o.Staff, o.WalkIn = sometimes("staff"), sometimes("walk in")
		for i := range p.Quotas {
			if sometimes("quota") {
				o.Quotas = append(o.Quotas, i)
			}
		}
		p.Openings = append(p.Openings, o)
	}
	for range pick("sessions", 0, 2) {
		load.Sessions = append(load.Sessions, schedule.Session{Starts: midnight + 300*int64(pick("session", -100, 300)), Taken: pick("taken", 1, 3)})
	}
	slices.SortFunc(load.Sessions, func(a, b schedule.Session) int { return int(a.Starts - b.Starts) })
	load.Sessions = slices.CompactFunc(load.Sessions, func(a, b schedule.Session) bool { return a.Starts == b.Starts })
	return p, load, schedule.Query{
		From: day - 1, To: day + schedule.Date(pick("to", 0, 2)), Staff: sometimes("asked by staff"),
		Now: time.Unix(midnight+int64(pick("now", -50*3600, 20*3600)), int64(pick("fraction", 0, 1))),
	}
}

func TestSlotsAndWhyDecideAlike(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, load, q := draw(t)
		slots, classes := p.Slots(nil, nil, load, q)
		free := map[int64]schedule.Slot{}
		for i, s := range slots {
			if i > 0 && slots[i-1].Starts >= s.Starts {
				t.Fatalf("not in order: %v", starts(slots))
			}
			free[s.Starts] = s
		}
		for at := int64(q.From-1) * 86400; at < int64(q.To+1)*86400; at += 300 {
			when := time.Unix(at, 0).UTC()
			f := p.Why(at, load, q)
			s, listed := free[at]
			delete(free, at)
			opening, offered := p.Offered(at, q.Now, q.Staff)
			if offered && f.Opening >= 0 && opening != f.Opening {
				t.Fatalf("%s: Offered names %d, Why %d", when, opening, f.Opening)
			}
			if f.Reason != schedule.ReasonOffered {
				if listed {
					t.Fatalf("%s is listed, and not offered: %s", when, f.Reason)
				}
				continue
			}
			if !offered {
				t.Fatalf("%s is free, and not offered by the rules", when)
			}
			class, ok := p.Class(opening, at, load.Used, q.Now)
			if !ok || fmt.Sprint(class) != fmt.Sprint(f.Class) {
				t.Fatalf("%s: class %v, Why %v", when, class, f.Class)
			}
			begun := slices.ContainsFunc(load.Sessions, func(s schedule.Session) bool { return s.Starts == at })
			if _, ok := p.Assign(nil, at, load); !ok && !begun {
				t.Fatalf("%s: nothing to assign", when)
			}
			date := schedule.DateOf(time.Unix(at, 0).In(p.Openings[f.Opening].Zone))
			if inRange := date >= q.From && date < q.To; inRange != listed {
				t.Fatalf("%s on %s is offered and listed: %v", when, date, listed)
			}
			if listed && (int(s.Opening) != f.Opening || fmt.Sprint(classes[s.Class]) != fmt.Sprint(class)) {
				t.Fatalf("%s: Slots has %v %v, Why %v", when, s, classes[s.Class], f)
			}
		}
		if len(free) > 0 {
			t.Fatalf("listed off the five minutes: %v", free)
		}
	})
}

func TestEmptyDayIsOfferedWhereThereIsASlot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, load, q := draw(t)
		for date := q.From; date < q.To; date++ {
			day := q
			day.From, day.To = date, date+1
			slots, _ := p.Slots(nil, nil, load, day)
			reason, opens := p.EmptyDay(date, load, q)
			if (len(slots) > 0) != (reason == schedule.ReasonOffered) {
				t.Fatalf("%s: %d slots, and %s", date, len(slots), reason)
			}
			later := reason == schedule.ReasonHorizon || reason == schedule.ReasonNotReleased
			if later != (opens > q.Now.Unix()) {
				t.Fatalf("%s: %s at %d", date, reason, opens)
			}
		}
	})
}
