package schedule_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siegel/tenants/schedule"
)

// The oracle is the engine's rules said a second time, as slowly as one would
// say them: it looks at a clock on the wall at every minute of UTC, and knows
// nothing of spans, grids or sorting. It shares no code with the engine but
// [schedule.Stretch.AppendIn] and [schedule.Union], which make the closures
// that it hands to the engine; itself it reads closures off the wall.
//
// A failure names the seed and the case, and shows the case made as small as it
// could be. -cases and -seed say how many to draw and from what, -case draws
// one again.
var (
	oracleCases = flag.Int("cases", 1000, "how many practices to draw")
	oracleSeed  = flag.Uint64("seed", 0, "draw the same practices again; 0 is others each time")
	oracleCase  = flag.Int("case", -1, "draw only this one")
)

// seasons are those that practices are drawn in: one about every change of
// clocks, about every leap day and every odd day, and as many at random days.
var seasons = sync.OnceValue(func() func(n int, d dice) *season {
	type about struct {
		zone string
		day  schedule.Date
	}
	var all []about
	for _, c := range changes() {
		all = append(all, about{c.zone, schedule.DateOf(time.Unix(c.at, 0).In(mustZone(c.zone)))})
	}
	for year := firstOracleYear; year <= lastOracleYear; year += 4 {
		for _, zone := range zoneNames {
			all = append(all, about{zone, schedule.NewDate(year, time.February, 29)})
		}
	}
	for _, odd := range oddDays {
		d, err := schedule.ParseDate(odd.date)
		if err != nil {
			panic(err)
		}
		all = append(all, about{odd.zone, d})
	}
	return func(n int, d dice) *season {
		elsewhere := choose(d, zoneNames...)
		if n < len(all) {
			return newSeason(all[n].zone, elsewhere, all[n].day-schedule.Date(d.roll(1, seasonDays-2)), all[n].day)
		}
		first := schedule.NewDate(firstOracleYear, time.January, 1)
		last := schedule.NewDate(lastOracleYear+1, time.January, 1) - seasonDays
		from := schedule.Date(d.roll(int(first), int(last)))
		return newSeason(choose(d, zoneNames...), elsewhere, from, from+schedule.Date(d.roll(0, seasonDays-1)))
	}
})

// diceFor are the dice of a season or of a case.
func diceFor(seed uint64, what string, n int) dice {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(n))
	copy(key[16:], what)
	return dice{rand.New(rand.NewChaCha8(key))}
}

// share is how many practices are drawn in one season, since reading the clocks
// of a season takes its time.
func share(cases int) int { return max(1, cases/500) }

func TestOracleAgrees(t *testing.T) {
	t.Parallel()
	seed, cases := *oracleSeed, *oracleCases
	if seed == 0 {
		seed = rand.Uint64()>>16 | 1
	}
	var (
		each    = share(cases)
		met     sync.Map // of changes
		slots   atomic.Int64
		failed  atomic.Bool
		work    = make(chan int)
		workers sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for n := range work {
				s := seasons()(n, diceFor(seed, "season", n))
				for c := n * each; c < min(cases, (n+1)*each); c++ {
					if failed.Load() || *oracleCase >= 0 && c != *oracleCase {
						continue
					}
					p := diceFor(seed, "case", c).practice(s)
					found, fault := p.compare(diceFor(seed, "instants", c))
					slots.Add(int64(found))
					if fault != "" && failed.CompareAndSwap(false, true) {
						small, fault := p.shrink(func(p *practice) string {
							_, fault := p.compare(diceFor(seed, "instants", c))
							return fault
						})
						t.Errorf("-cases=%d -seed=%d -case=%d (%s):\n%s\n%s", cases, seed, c, s.name, fault, small)
					}
				}
				for _, change := range changes() {
					if change.zone == s.here.zone.String() && int64(s.from)*day*60 <= change.at && change.at < int64(s.to)*day*60 {
						met.Store(change, true)
					}
				}
			}
		})
	}
	for n := range (cases + each - 1) / each {
		work <- n
	}
	close(work)
	workers.Wait()
	if failed.Load() || *oracleCase >= 0 {
		return
	}
	missed := 0
	for _, change := range changes() {
		if _, ok := met.Load(change); !ok {
			missed++
		}
	}
	if missed > 0 {
		t.Errorf("%d of %d changes of clocks were in no season: draw more -cases", missed, len(changes()))
	}
	if slots.Load() < int64(cases) {
		t.Errorf("%d practices had %d slots: too few to say anything", cases, slots.Load())
	}
	t.Logf("%d practices, %d slots, %d changes of clocks, seed %d", cases, slots.Load(), len(changes()), seed)
}

// compare asks the engine and the oracle, and says in what they differ; d picks
// the instants that are asked about one by one. slots is how many there are.
func (p *practice) compare(d dice) (slots int, fault string) {
	defer func() {
		if r := recover(); r != nil {
			fault = fmt.Sprintf("panic: %v\n%s", r, stack())
		}
	}()
	plan, load := p.clonePlan(), p.cloneLoad()
	want := p.slots()
	for _, check := range []func() string{
		func() string { return p.compareSlots(want) },
		func() string { return p.compareInstants(want, d) },
		func() string { return p.compareHours() },
		func() string { return p.compareWeek(want, d) },
		func() string { return p.compareEmptyDay(d) },
	} {
		if fault = check(); fault != "" {
			return len(want), fault
		}
	}
	if !reflect.DeepEqual(plan, p.plan) || !reflect.DeepEqual(load, p.load) {
		return len(want), "the engine wrote into the plan or the load"
	}
	return len(want), ""
}

func stack() string {
	text := make([]byte, 4096)
	return string(text[:runtime.Stack(text, false)])
}

// describe writes a slot with everything in which two can differ.
func (o offer) describe(p *practice) string {
	zone := p.plan.Openings[o.opening].Zone
	return fmt.Sprintf("%s until %s (%s) opening %d class %s", utc(o.starts), utc(o.ends),
		time.Unix(o.starts, 0).In(zone).Format("2006-01-02T15:04-07:00"), o.opening, classText(o.class))
}

func (p *practice) compareSlots(want []offer) string {
	// What was there before stays.
	before, beforeClass := schedule.Slot{Starts: 1, Ends: 2}, schedule.Class{Condition: 77}
	slots, classes := p.plan.Slots([]schedule.Slot{before}, []schedule.Class{beforeClass}, &p.load, p.query)
	if len(slots) == 0 || slots[0] != before || len(classes) == 0 || classes[0].Condition != 77 {
		return "Slots does not append"
	}
	var got []offer
	for i, s := range slots[1:] {
		if int(s.Class) < 1 || int(s.Class) >= len(classes) {
			return fmt.Sprintf("slot %d has class %d of %d", i, s.Class, len(classes))
		}
		if i > 0 && s.Starts <= slots[i].Starts {
			return fmt.Sprintf("Slots: %s comes after %s", utc(s.Starts), utc(slots[i].Starts))
		}
		got = append(got, offer{s.Starts, s.Ends, int(s.Opening), classes[s.Class]})
	}
	for len(got) > 0 || len(want) > 0 {
		switch {
		case len(want) == 0 || len(got) > 0 && got[0].starts < want[0].starts:
			return "Slots: only the engine has " + got[0].describe(p) + ": " + p.judge(p.minute(got[0].starts)).text()
		case len(got) == 0 || got[0].starts > want[0].starts:
			return "Slots: only the oracle has " + want[0].describe(p)
		case got[0].describe(p) != want[0].describe(p):
			return "Slots:\nengine " + got[0].describe(p) + "\noracle " + want[0].describe(p)
		}
		got, want = got[1:], want[1:]
	}
	return ""
}

func (v verdict) text() string { return fmt.Sprintf("opening %d, against it %v", v.opening, v.against) }

// inSale is the instant that goes with a reason: for horizon and release the one
// from which on neither speaks against the slot, for all others none.
func (v verdict) inSale(r schedule.Reason) (at int64) {
	if r != schedule.ReasonHorizon && r != schedule.ReasonNotReleased {
		return 0
	}
	for _, r := range []schedule.Reason{schedule.ReasonHorizon, schedule.ReasonNotReleased} {
		if slices.Contains(v.against, r) {
			at = max(at, v.since[r])
		}
	}
	return at
}

// compareInstants asks about single instants: some slots, and others.
func (p *practice) compareInstants(want []offer, d dice) string {
	var minutes []int
	for range min(20, len(want)) {
		minutes = append(minutes, p.minute(want[d.IntN(len(want))].starts))
	}
	begin, end := p.minute(int64(p.query.From)*day*60), p.minute(int64(p.query.To)*day*60)
	if begin < end {
		for range 20 {
			minutes = append(minutes, d.roll(begin, end), 15*(d.roll(begin, end)/15))
		}
		// Where a window offers something by the clock, whatever is against it.
		for tries, found := 0, 0; tries < 2000 && found < 20; tries++ {
			m := 5 * (d.roll(begin, end) / 5)
			if i, _ := p.winner(m); i >= 0 {
				found++
				minutes = append(minutes, m)
			}
		}
	}
	empty := p.byTheRulesAlone()
	for _, m := range minutes {
		if fault := p.compareInstant(m, empty); fault != "" {
			return fault
		}
	}
	return ""
}

func (p *practice) compareInstant(m int, nothingTaken *practice) string {
	var (
		at = p.instant(m)
		v  = p.judge(m)
		f  = p.plan.Why(at, &p.load, p.query)
	)
	say := func(format string, args ...any) string {
		return fmt.Sprintf("%s at %s; oracle: %s", fmt.Sprintf(format, args...), utc(at), v.text())
	}
	if v.offered != (f.Reason == schedule.ReasonOffered) {
		return say("Why: %s (opening %d, detail %d)", f.Reason, f.Opening, f.Detail)
	}
	if v.offered {
		if f.Opening != v.opening || classText(f.Class) != classText(v.class) {
			return say("Why: opening %d class %s, oracle class %s", f.Opening, classText(f.Class), classText(v.class))
		}
		class, ok := p.plan.Class(v.opening, at, p.load.Used, p.query.Now)
		if !ok || classText(class) != classText(v.class) {
			return say("Class: %s %v, oracle class %s", classText(class), ok, classText(v.class))
		}
		if fault := p.checkAssign(m, at); fault != "" {
			return say("%s", fault)
		}
	} else if !slices.Contains(v.against, f.Reason) {
		return say("Why: %s (opening %d), which is not true", f.Reason, f.Opening)
	}
	if want := v.inSale(f.Reason); f.At != want {
		return say("Why: %s until %s, oracle until %s", f.Reason, utc(f.At), utc(want))
	}
	if fault := p.checkDetail(f, m); fault != "" {
		return say("Why: %s: %s", f.Reason, fault)
	}

	// Offered knows nothing of what is taken; of rooms it may know or not.
	empty := nothingTaken.judge(m)
	opening, ok := p.plan.Offered(at, p.query.Now, p.query.Staff)
	rules := slices.DeleteFunc(slices.Clone(empty.against), func(r schedule.Reason) bool {
		return r == schedule.ReasonNeed || r == schedule.ReasonBusy || r == schedule.ReasonQuota
	})
	switch {
	case empty.offered && (!ok || opening != empty.opening):
		return say("Offered: %d %v, oracle %d", opening, ok, empty.opening)
	case ok && len(rules) > 0:
		return say("Offered: %d, oracle: %v", opening, rules)
	}
	return ""
}

func (p *practice) checkAssign(m int, at int64) string {
	for _, s := range p.load.Sessions {
		if s.Starts == at && p.plan.Service.Seats > 1 {
			return "" // it has its rooms
		}
	}
	i, _ := p.winner(m)
	from, until := p.occupied(m)
	want, _ := p.assign(from, until, &p.plan.Openings[i])
	got, ok := p.plan.Assign([]int{-7}, at, &p.load)
	if !ok || len(got) == 0 || got[0] != -7 || !slices.Equal(got[1:], want) {
		return fmt.Sprintf("Assign: %v %v after -7, oracle %v", got, ok, want)
	}
	return ""
}

// checkDetail looks whether what a finding points at is there and in the way.
func (p *practice) checkDetail(f schedule.Finding, m int) string {
	from, until := p.occupied(m)
	starts, ends := p.instant(from), p.instant(until)
	kinds := map[schedule.Reason]schedule.BusyKind{
		schedule.ReasonBusy: schedule.Appointment, schedule.ReasonHeld: schedule.Hold, schedule.ReasonImported: schedule.Imported,
	}
	kind, isBusy := kinds[f.Reason]
	switch {
	case isBusy && f.Detail >= 0:
		if f.Detail >= len(p.load.Busy) {
			return fmt.Sprintf("detail %d of %d", f.Detail, len(p.load.Busy))
		}
		if b := p.load.Busy[f.Detail]; b.Kind != kind || b.Starts >= ends || b.Ends <= starts {
			return fmt.Sprintf("busy entry %d is not in the way", f.Detail)
		}
	case f.Reason == schedule.ReasonTravel:
		if f.Detail < 0 || f.Detail >= len(p.load.Busy) || !p.tooFar(p.load.Busy[f.Detail], &p.plan.Openings[f.Opening], starts, ends) {
			return fmt.Sprintf("busy entry %d is not too near", f.Detail)
		}
	case f.Reason == schedule.ReasonNeed:
		if f.Detail < 0 || f.Detail >= len(p.plan.Needs) {
			return fmt.Sprintf("detail %d of %d needs", f.Detail, len(p.plan.Needs))
		}
	case f.Reason == schedule.ReasonQuota && f.Detail >= 0:
		if !slices.Contains(p.plan.Openings[f.Opening].Quotas, f.Detail) {
			return fmt.Sprintf("quota %d is not the opening's", f.Detail)
		}
	}
	return ""
}

func (p *practice) compareHours() string {
	want := p.openHours(p.query.From, p.query.To)
	got := schedule.OpenHours(nil, p.plan.Openings, p.query.From, p.query.To)
	if !slices.Equal(got, want) {
		return fmt.Sprintf("OpenHours: got %v, want %v", got, want)
	}
	return ""
}

// compareWeek looks whether the cells of a few days show every slot, and only
// slots.
func (p *practice) compareWeek(want []offer, d dice) string {
	if d.oneIn(2) || p.query.From >= p.query.To {
		return ""
	}
	q := p.query
	q.From += schedule.Date(d.IntN(int(q.To - q.From)))
	q.To = min(q.To, q.From+3)
	var (
		step  = 15 * time.Minute
		clock = p.clocks[0] // whose dates and wall times cells have
		cells = p.plan.Week(nil, &p.load, q, step)
		wants = map[int64]bool{}
	)
	seen, began := map[int64]bool{}, map[int64]bool{}
	for _, o := range want {
		if date := clock.shows[p.minute(o.starts)] / day; int(q.From) <= date && date < int(q.To) {
			wants[o.starts] = true
		}
	}
	for _, c := range cells {
		if c.Reason == schedule.ReasonClockGap { // it stands for wall time that there is not
			if m := p.minute(c.Starts); clock.shows[m]-clock.shows[m-1] == 1 {
				return fmt.Sprintf("Week: there is no gap at %s", utc(c.Starts))
			}
			continue
		}
		if began[c.Starts] {
			return fmt.Sprintf("Week: the cell %s is there twice", utc(c.Starts))
		}
		began[c.Starts] = true
		found := false
		for at := c.Starts; at < c.Starts+int64(step.Seconds()); at += 60 {
			if p.judge(p.minute(at)).offered {
				found, seen[at] = true, true
			}
		}
		if found != (c.Reason == schedule.ReasonOffered) {
			return fmt.Sprintf("Week: the cell %s is %s, oracle %v", utc(c.Starts), c.Reason, found)
		}
	}
	for at := range wants {
		if !seen[at] {
			return fmt.Sprintf("Week: no cell shows the slot %s", utc(at))
		}
	}
	return ""
}

// compareEmptyDay asks about a date without slots.
func (p *practice) compareEmptyDay(d dice) string {
	if p.query.From >= p.query.To {
		return ""
	}
	var (
		date   = p.query.From + schedule.Date(d.IntN(int(p.query.To-p.query.From)))
		said   = map[schedule.Reason]bool{schedule.ReasonNoWindow: true}
		opens  = map[schedule.Reason][]int64{}
		offers = false
	)
	// A day that a zone leaves out is open as little as it is closed.
	for _, clock := range p.clocks {
		if !slices.ContainsFunc(clock.shows, func(wall int) bool { return wall/day == int(date) }) {
			return ""
		}
	}
	for m := p.minute(int64(date-2) * day * 60); m < p.minute(int64(date+3)*day*60); m++ {
		v := p.judge(m)
		for i, clock := range p.clocks { // each has the date at times of its own
			on := clock.shows[m]/day == int(date)
			if on && p.closed(i, m) {
				said[schedule.ReasonClosed] = true
			}
			if !on || v.opening >= 0 && v.date != int(date) {
				continue
			}
			offers = offers || v.offered
			for _, r := range v.against {
				said[r] = true
				switch {
				case v.opening >= 0 && v.inSale(r) > v.since[schedule.ReasonLead]: // once it is in sale, it is too late
					said[schedule.ReasonLead] = true
				case !slices.Contains(v.against, schedule.ReasonWalkIn) && !slices.Contains(v.against, schedule.ReasonStaffOnly):
					opens[r] = append(opens[r], v.inSale(r))
				}
			}
		}
	}
	if offers {
		return ""
	}
	for _, r := range []schedule.Reason{
		schedule.ReasonHeld, schedule.ReasonImported, schedule.ReasonNeed, schedule.ReasonTravel, schedule.ReasonGroupFull,
	} {
		said[schedule.ReasonBusy] = said[schedule.ReasonBusy] || said[r] // they are told as full
	}
	reason, at := p.plan.EmptyDay(date, &p.load, p.query)
	if !said[reason] {
		return fmt.Sprintf("EmptyDay: %s is %s, oracle %v", date, reason, said)
	}
	if want := append(opens[reason], 0); at != slices.Min(want[:max(1, len(want)-1)]) {
		return fmt.Sprintf("EmptyDay: %s is %s until %s, oracle %v", date, reason, utc(at), mapped(slices.Compact(want), utc))
	}
	return ""
}
