package schedule_test

import (
	"fmt"
	"slices"
	"testing"

	"siegel/tenants/schedule"
)

// occurrences says which minutes show the wall time of the first start, every
// so many days: none where clocks are put forward over it, two where they are
// put back.
func (p *practice) occurrences(first int64, every, count int) (all [][]int) {
	m := p.minute(first)
	opening, _ := p.winner(m)
	clock := p.clocks[opening]
	wall := clock.shows[m]
	for k := range count {
		var shown []int
		for m, shows := range clock.shows {
			if shows == wall+k*every*day {
				shown = append(shown, m)
			}
		}
		all = append(all, shown)
	}
	return all
}

func (p *practice) compareSeries(first int64, every, count int) string {
	got := p.plan.Series(&p.load, first, every, count, p.query)
	want := p.occurrences(first, every, count)
	if len(got) != count {
		return fmt.Sprintf("%d occurrences of %d", len(got), count)
	}
	// What is offered of the series uses up quotas for what follows.
	p = p.clone().ready()
	judged := make([]verdict, len(got))
	for k, o := range got {
		if len(want[k]) == 0 {
			continue
		}
		judged[k] = p.judge(p.minute(o.Starts))
		if judged[k].offered {
			p.use(judged[k])
		}
	}
	// And it is in the way of what could be taken instead.
	slots := slices.DeleteFunc(p.slots(), func(s offer) bool {
		return slices.ContainsFunc(got, func(o schedule.Occurrence) bool {
			a, b := p.plan.Service.Occupies(s.starts), p.plan.Service.Occupies(o.Starts)
			return o.Reason == schedule.ReasonOffered && a.Starts < b.Ends && b.Starts < a.Ends
		})
	})
	for k, o := range got {
		say := func(format string, args ...any) string {
			return fmt.Sprintf("occurrence %d at %s is %s with %s: ", k, utc(o.Starts), o.Reason, starts(o.Alternatives)) + fmt.Sprintf(format, args...)
		}
		if len(want[k]) == 0 {
			if o.Reason != schedule.ReasonClockGap {
				return say("the wall time does not exist on that day")
			}
		} else {
			at := p.instant(want[k][0])
			if k == 0 {
				at = first
			}
			if o.Starts != at {
				return say("want %s", utc(at))
			}
			if v := judged[k]; v.offered != (o.Reason == schedule.ReasonOffered) || !v.offered && !slices.Contains(v.against, o.Reason) {
				return say("want %s", v.text())
			}
		}
		if o.Reason == schedule.ReasonOffered {
			if len(o.Alternatives) > 0 {
				return say("alternatives to what is free")
			}
			continue
		}
		if fault := p.checkAlternatives(o, slots, first, k*every); fault != "" {
			return say("%s", fault)
		}
	}
	return ""
}

// use counts a slot towards every quota that counts anybody it is for.
func (p *practice) use(v verdict) {
	counted := map[int]bool{}
	for _, a := range v.class.Alternatives {
		for _, k := range a.Quotas {
			counted[k] = true
		}
	}
	for k := range counted {
		for len(p.load.Used) <= k {
			p.load.Used = append(p.load.Used, nil)
		}
		period := periodOf(p.plan.Quotas[k].Per, v.date)
		n := slices.IndexFunc(p.load.Used[k], func(u schedule.Use) bool { return u.Period == period })
		if n < 0 {
			p.load.Used[k] = append(p.load.Used[k], schedule.Use{Period: period})
			n = len(p.load.Used[k]) - 1
		}
		p.load.Used[k][n].N++
	}
}

// checkAlternatives looks whether alternatives are the three nearest slots, those
// of the same date first, then those of dates at most three days away.
func (p *practice) checkAlternatives(o schedule.Occurrence, slots []offer, first int64, days int) string {
	opening, _ := p.winner(p.minute(first))
	clock := p.clocks[opening]
	date := clock.shows[p.minute(first)]/day + days
	if o.Reason == schedule.ReasonClockGap { // it stands for a time that there is not
		date = clock.shows[p.minute(o.Starts)] / day
	}
	far := func(at int64) (days, seconds int) {
		days = clock.shows[p.minute(at)]/day - date
		return max(days, -days), int(max(at-o.Starts, o.Starts-at))
	}
	var same, other []int
	for _, s := range slots {
		switch days, seconds := far(s.starts); {
		case days == 0:
			same = append(same, seconds)
		case days <= 3:
			other = append(other, seconds)
		}
	}
	slices.Sort(same)
	slices.Sort(other)
	want := append(same, other...)
	want = want[:min(3, len(want))]
	var got []int
	for _, a := range o.Alternatives {
		if !slices.ContainsFunc(slots, func(s offer) bool { return s.starts == a.Starts && s.ends == a.Ends && s.opening == int(a.Opening) }) {
			return "an alternative is no slot: " + utc(a.Starts)
		}
		_, seconds := far(a.Starts)
		got = append(got, seconds)
	}
	if !slices.Equal(got, want) {
		return fmt.Sprintf("alternatives are %v seconds away, want %v", got, want)
	}
	return ""
}

func TestOracleAgreesOnSeries(t *testing.T) {
	asked := 0
	small(t, "series", func(d dice) (fault, text string) {
		s := seasons()(d.IntN(len(changes())), d)
		p := d.practice(s)
		for i := range p.clocks { // in one zone
			p.clocks[i], p.plan.Openings[i].Zone = s.here, s.here.zone
		}
		p.query.From, p.query.To = s.from-4, s.to+1
		p.ready()
		slots := p.slots()
		if len(slots) == 0 {
			return "", ""
		}
		first := slots[d.IntN(len(slots))].starts
		every := choose(d, 1, 2, 7, d.roll(1, 10))
		count := max(1, min(d.roll(1, 10), 1+int(int64(s.to-4)*day*60-first)/(every*day*60)))
		asked += count
		return p.compareSeries(first, every, count), fmt.Sprintf("first %s, %d times every %d days\n%s", utc(first), count, every, p)
	})
	if *oracleCase < 0 && asked < *oracleCases/4 {
		t.Errorf("only %d occurrences", asked)
	}
}
