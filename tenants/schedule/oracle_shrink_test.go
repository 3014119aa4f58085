package schedule_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

func (p *practice) clonePlan() schedule.Plan {
	plan := p.plan
	plan.Openings = slices.Clone(plan.Openings)
	for i := range plan.Openings {
		o := &plan.Openings[i]
		o.Services, o.Quotas, o.Closed = slices.Clone(o.Services), slices.Clone(o.Quotas), slices.Clone(o.Closed)
	}
	plan.Quotas, plan.Legs = slices.Clone(plan.Quotas), slices.Clone(plan.Legs)
	plan.Needs, plan.Supplies = slices.Clone(plan.Needs), slices.Clone(plan.Supplies)
	for i := range plan.Needs {
		plan.Needs[i].Supplies = slices.Clone(plan.Needs[i].Supplies)
	}
	for i := range plan.Supplies {
		plan.Supplies[i].Shut = slices.Clone(plan.Supplies[i].Shut)
	}
	return plan
}

func (p *practice) cloneLoad() schedule.Load {
	load := p.load
	load.Busy, load.Sessions = slices.Clone(load.Busy), slices.Clone(load.Sessions)
	load.Supplies, load.Used = slices.Clone(load.Supplies), slices.Clone(load.Used)
	for i := range load.Supplies {
		load.Supplies[i] = slices.Clone(load.Supplies[i])
	}
	for i := range load.Used {
		load.Used[i] = slices.Clone(load.Used[i])
	}
	return load
}

func (p *practice) clone() *practice {
	c := *p
	c.plan, c.load = p.clonePlan(), p.cloneLoad()
	c.closures, c.clocks = slices.Clone(p.closures), slices.Clone(p.clocks)
	for i := range c.closures {
		c.closures[i] = slices.Clone(c.closures[i])
	}
	return &c
}

// shrink makes the practice smaller as long as it fails, whatever with. It
// stops after some seconds.
func (p *practice) shrink(fails func(*practice) string) (small *practice, fault string) {
	fault = fails(p)
	until := time.Now().Add(20 * time.Second)
	for again := true; again; {
		again = false
		for _, simpler := range p.simpler() {
			if time.Now().After(until) {
				return p, fault
			}
			c := p.clone()
			simpler(c)
			if fmt.Sprint(c) == fmt.Sprint(p) {
				continue
			}
			if f := fails(c.ready()); f != "" {
				p, fault, again = c, f, true
				break
			}
		}
	}
	return p, fault
}

func remove[T any](all []T, i int) []T { return slices.Delete(slices.Clone(all), i, i+1) }

// withoutIndex takes an index out of a list of them, and closes the gap.
func withoutIndex(all []int, gone int) (left []int) {
	for _, i := range all {
		switch {
		case i < gone:
			left = append(left, i)
		case i > gone:
			left = append(left, i-1)
		}
	}
	return left
}

// simpler are ways to make the practice simpler.
func (p *practice) simpler() (all []func(*practice)) {
	add := func(f func(c *practice)) { all = append(all, f) }
	if len(p.plan.Openings) > 1 {
		for i := range p.plan.Openings {
			add(func(c *practice) {
				c.plan.Openings, c.closures, c.clocks = remove(c.plan.Openings, i), remove(c.closures, i), remove(c.clocks, i)
			})
		}
	}
	add(func(c *practice) { c.load.Busy = nil })
	add(func(c *practice) { c.load.Busy = c.load.Busy[:len(c.load.Busy)/2] })
	add(func(c *practice) { c.load.Busy = c.load.Busy[len(c.load.Busy)/2:] })
	add(func(c *practice) { c.plan.Needs, c.plan.Supplies, c.load.Supplies = nil, nil, nil })
	add(func(c *practice) { c.load.Sessions = nil })
	add(func(c *practice) {
		for i := range c.closures {
			c.closures[i] = nil
		}
	})
	add(func(c *practice) {
		c.plan.Quotas, c.load.Used = nil, nil
		for i := range c.plan.Openings {
			c.plan.Openings[i].Quotas = nil
		}
	})
	for i := range p.plan.Quotas {
		add(func(c *practice) {
			c.plan.Quotas = remove(c.plan.Quotas, i)
			if i < len(c.load.Used) {
				c.load.Used = remove(c.load.Used, i)
			}
			for k := range c.plan.Openings {
				c.plan.Openings[k].Quotas = withoutIndex(c.plan.Openings[k].Quotas, i)
			}
		})
	}
	for i := range p.load.Used {
		add(func(c *practice) { c.load.Used[i] = nil })
		for k := range p.load.Used[i] {
			add(func(c *practice) { c.load.Used[i] = remove(c.load.Used[i], k) })
		}
	}
	for i := range p.plan.Needs {
		add(func(c *practice) { c.plan.Needs = remove(c.plan.Needs, i) })
	}
	for i := range p.plan.Supplies {
		add(func(c *practice) {
			c.plan.Supplies = remove(c.plan.Supplies, i)
			if i < len(c.load.Supplies) {
				c.load.Supplies = remove(c.load.Supplies, i)
			}
			for k := range c.plan.Needs {
				c.plan.Needs[k].Supplies = withoutIndex(c.plan.Needs[k].Supplies, i)
			}
		})
		add(func(c *practice) { c.plan.Supplies[i].Shut = nil })
	}
	for i := range p.load.Supplies {
		add(func(c *practice) { c.load.Supplies[i] = nil })
		for k := range p.load.Supplies[i] {
			add(func(c *practice) { c.load.Supplies[i] = remove(c.load.Supplies[i], k) })
		}
	}
	for i := range p.load.Busy {
		add(func(c *practice) { c.load.Busy = remove(c.load.Busy, i) })
	}
	for i := range p.load.Sessions {
		add(func(c *practice) { c.load.Sessions = remove(c.load.Sessions, i) })
	}
	for i := range p.plan.Legs {
		add(func(c *practice) { c.plan.Legs = remove(c.plan.Legs, i) })
	}
	for i := range p.closures {
		for k := range p.closures[i] {
			add(func(c *practice) { c.closures[i] = remove(c.closures[i], k) })
		}
	}
	for i := range p.plan.Openings {
		for _, f := range []func(o *schedule.Opening){
			func(o *schedule.Opening) { o.ValidFrom = 0 },
			func(o *schedule.Opening) { o.ValidUntil = 0 },
			func(o *schedule.Opening) { o.EveryWeeks, o.Anchor = 0, 0 },
			func(o *schedule.Opening) { o.Services = nil },
			func(o *schedule.Opening) { o.For = schedule.Everyone },
			func(o *schedule.Opening) { o.OpenToAll = -1 },
			func(o *schedule.Opening) { o.Staff = false },
			func(o *schedule.Opening) { o.WalkIn = false },
			func(o *schedule.Opening) { o.Capacity = 0 },
			func(o *schedule.Opening) { o.Lead = 0 },
			func(o *schedule.Opening) { o.Horizon = -1 },
			func(o *schedule.Opening) { o.Release = schedule.Release{} },
			func(o *schedule.Opening) { o.Quotas = nil },
			func(o *schedule.Opening) { o.Condition = 0 },
			func(o *schedule.Opening) { o.Weekdays = schedule.EveryDay },
		} {
			add(func(c *practice) { f(&c.plan.Openings[i]) })
		}
	}
	for _, f := range []func(c *practice){
		func(c *practice) { c.plan.Service.BufferBefore = 0 },
		func(c *practice) { c.plan.Service.BufferAfter = 0 },
		func(c *practice) { c.plan.Service.Lead = 0 },
		func(c *practice) { c.plan.Service.Horizon = 10_000 },
		func(c *practice) { c.plan.Service.Seats, c.load.Sessions = 0, nil },
		func(c *practice) { c.plan.Capacity = 1 },
		func(c *practice) { c.query.Staff = false },
		func(c *practice) { c.query.Now = time.Unix(int64(c.query.From-2)*day*60, 0) },
		func(c *practice) { c.query.To = c.query.From + (c.query.To-c.query.From+1)/2 },
		func(c *practice) { c.query.From += (c.query.To - c.query.From) / 2 },
		func(c *practice) { c.query.From = min(c.query.From+1, c.query.To) },
		func(c *practice) { c.query.To = max(c.query.From, c.query.To-1) },
	} {
		add(f)
	}
	return all
}

// String writes the practice, a line for each thing.
func (p *practice) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	place := func(l id.Location) string { return l.UUID()[32:] }
	text := func(d schedule.Date) string {
		if d == 0 {
			return "-"
		}
		return d.String()
	}
	svc, q := p.plan.Service, p.query
	line("query from %s to %s now %s staff %v", q.From, q.To, q.Now.UTC().Format(time.RFC3339Nano), q.Staff)
	line("service %s before %s after %s step %s lead %s horizon %d seats %d; capacity %d",
		svc.Duration, svc.BufferBefore, svc.BufferAfter, svc.Step, svc.Lead, svc.Horizon, svc.Seats, p.plan.Capacity)
	for i, o := range p.plan.Openings {
		line("opening %d: %s at %s days %v %02d:%02d-%02d:%02d valid %s..%s every %d anchor %s serves %v for %03x open to all %d staff %v walk-in %v capacity %d lead %s horizon %d release %+v quotas %v condition %d",
			i, o.Zone, place(o.Location), o.Weekdays.Days(), o.From/60, o.From%60, o.Until/60, o.Until%60, text(o.ValidFrom), text(o.ValidUntil), o.EveryWeeks, text(o.Anchor),
			p.serves(i), uint16(o.For), o.OpenToAll, o.Staff, o.WalkIn, o.Capacity, o.Lead, o.Horizon, o.Release, o.Quotas, o.Condition)
		for _, c := range p.closures[i] {
			line("  closed %s %02d:%02d to %s %02d:%02d", c.From, c.FromMinute/60, c.FromMinute%60, c.Until, c.UntilMinute/60, c.UntilMinute%60)
		}
	}
	for i, k := range p.plan.Quotas {
		line("quota %d: %d per %d for %03x release %d valid %s..%s", i, k.Max, k.Per, uint16(k.For), k.Release, text(k.ValidFrom), text(k.ValidUntil))
		if i < len(p.load.Used) {
			for _, u := range p.load.Used[i] {
				line("  used %d from %s", u.N, u.Period)
			}
		}
	}
	for _, busy := range p.load.Busy {
		line("busy %s to %s at %s kind %d", utc(busy.Starts), utc(busy.Ends), place(busy.Location), busy.Kind)
	}
	for _, s := range p.load.Sessions {
		line("session %s with %d", utc(s.Starts), s.Taken)
	}
	for _, leg := range p.plan.Legs {
		line("leg %s to %s takes %s", place(leg.A), place(leg.B), leg.Takes)
	}
	for i, s := range p.plan.Supplies {
		line("supply %d: at %s capacity %d", i, place(s.Location), s.Capacity)
		for _, shut := range s.Shut {
			line("  shut %s to %s", utc(shut.Starts), utc(shut.Ends))
		}
		if i < len(p.load.Supplies) {
			for _, busy := range p.load.Supplies[i] {
				line("  busy %s to %s", utc(busy.Starts), utc(busy.Ends))
			}
		}
	}
	for i, n := range p.plan.Needs {
		line("need %d: any of %v", i, n.Supplies)
	}
	return b.String()
}
