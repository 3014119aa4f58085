package schedule_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// A journey is a chain of steps, each with the practices that offer it, in
// which few enough slots are free that all ways through can be tried.
type journey struct {
	steps []schedule.Step // without plans and loads
	who   [][]*practice   // of each step
	query schedule.Query
}

// visit is a slot on the way.
type visit struct {
	step, plan   int
	starts, ends int64
	by           *practice
}

// place is where a visit is.
func (v visit) place() id.Location {
	i, _ := v.by.winner(v.by.minute(v.starts))
	return v.by.plan.Openings[i].Location
}

// occupies is what a visit occupies, with buffers.
func (v visit) occupies() schedule.Interval { return v.by.plan.Service.Occupies(v.starts) }

// wing is part of a building, and at times another one in town or in another
// zone: people, rooms and quotas, with what is taken of them.
type wing struct {
	locations []id.Location
	clocks    []*clock // of each of locations
	legs      []schedule.Leg
	from, to  schedule.Date
	people    []id.Practitioner
	busy      [][]schedule.Busy // of each of people
	rooms     []schedule.Supply
	taken     [][]schedule.Busy // of each of rooms
	quotas    []schedule.Quota
	used      [][]schedule.Use // of each of quotas
}

func (d dice) wing() *wing {
	c := changes()[d.IntN(len(changes()))]
	zone := mustZone(c.zone)
	about := schedule.DateOf(time.Unix(c.at, 0).In(zone))
	w := &wing{locations: []id.Location{id.New[id.Location]()}, from: about - schedule.Date(d.roll(0, 1))}
	w.to = w.from + schedule.Date(d.roll(1, 2))
	w.clocks = []*clock{readClock(zone, int64(w.from-4)*day*60, 10*day)}
	if d.oneIn(2) {
		there := w.clocks[0]
		if d.oneIn(4) {
			there = readClock(mustZone(choose(d, "Europe/Lisbon", "Europe/Athens")), there.first, 10*day)
		}
		w.locations, w.clocks = append(w.locations, id.New[id.Location]()), append(w.clocks, there)
		if !d.oneIn(4) {
			a := d.roll(0, 1)
			w.legs = []schedule.Leg{{A: w.locations[a], B: w.locations[1-a], Takes: minutes(5 * d.roll(0, 8))}}
		}
	}
	for range 4 {
		w.people = append(w.people, id.New[id.Practitioner]())
		w.busy = append(w.busy, d.morning(w, d.roll(0, 4)))
	}
	for range 3 {
		room := schedule.Supply{Resource: id.New[id.Resource](), Capacity: 1}
		if d.oneIn(3) {
			room.Location = choose(d, w.locations...)
		}
		w.rooms, w.taken = append(w.rooms, room), append(w.taken, d.morning(w, d.roll(0, 4)))
	}
	for range max(0, d.roll(-2, 3)) {
		quota := schedule.Quota{
			ID: id.New[id.Quota](), Max: d.roll(1, 4), Per: choose(d, schedule.Day, schedule.Week, schedule.Month), For: d.group(), Release: -1,
		}
		var used []schedule.Use
		if d.oneIn(2) {
			used = append(used, schedule.Use{Period: periodOf(quota.Per, int(w.from)), N: d.roll(1, 4)})
		}
		w.quotas, w.used = append(w.quotas, quota), append(w.used, used)
	}
	return w
}

// way is how long it takes from one location to another.
func (p *practice) way(a, b id.Location) (takes int64) {
	for _, leg := range p.plan.Legs {
		if a != b && (leg.A == a && leg.B == b || leg.A == b && leg.B == a) {
			takes = max(takes, int64(leg.Takes.Seconds()))
		}
	}
	return takes
}

// morning is busy time between six and eleven.
func (d dice) morning(w *wing, about int) (all []schedule.Busy) {
	for range about {
		date := int(w.from) + d.IntN(int(w.to-w.from))
		at := d.IntN(len(w.locations))
		m := w.clocks[at].firstShowing(date*day + 5*d.roll(72, 132))
		b := schedule.Busy{Location: w.locations[at]}
		b.Starts = w.clocks[at].first + int64(m)*60
		b.Ends = b.Starts + 300*int64(d.roll(0, 12))
		all = append(all, b)
	}
	return all
}

// offering is a practice of one of the people of a wing.
func (d dice) offering(w *wing, person int, svc schedule.Service) *practice {
	p := &practice{}
	p.plan.Practitioner, p.plan.Capacity, p.plan.Service = w.people[person], 1, svc
	p.plan.Legs = w.legs
	p.load.Busy = w.busy[person]
	for _, k := range d.Perm(len(w.quotas)) { // in another order for each
		p.plan.Quotas, p.load.Used = append(p.plan.Quotas, w.quotas[k]), append(p.load.Used, w.used[k])
	}
	for range d.roll(1, 2) {
		at := d.IntN(len(w.locations))
		o := schedule.Opening{
			ID: id.New[id.Window](), Location: w.locations[at], Zone: w.clocks[at].zone,
			Weekdays: schedule.EveryDay, From: 5 * d.roll(72, 108), ValidFrom: w.from, ValidUntil: w.to - 1,
			For: schedule.Everyone, OpenToAll: -1, Horizon: -1, Condition: d.roll(0, 2),
		}
		if d.oneIn(6) { // over the hour at which most clocks change
			o.From = 0
		}
		o.Until = o.From + 5*d.roll(6, 48)
		if d.oneIn(4) {
			o.For = d.group()
		}
		for k := range p.plan.Quotas {
			if d.oneIn(2) {
				o.Quotas = append(o.Quotas, k)
			}
		}
		p.plan.Openings, p.clocks = append(p.plan.Openings, o), append(p.clocks, w.clocks[at])
		p.closures = append(p.closures, nil)
	}
	if d.oneIn(2) { // the rooms in another order for each
		for _, k := range d.Perm(len(w.rooms)) {
			p.plan.Supplies = append(p.plan.Supplies, w.rooms[k])
			p.load.Supplies = append(p.load.Supplies, w.taken[k])
		}
		for range d.roll(1, 2) {
			need := schedule.Need{Role: "room"}
			for k := range w.rooms {
				if d.oneIn(2) {
					need.Supplies = append(need.Supplies, k)
				}
			}
			p.plan.Needs = append(p.plan.Needs, need)
		}
	}
	p.query = schedule.Query{From: w.from, To: w.to, Now: time.Unix(int64(w.from-2)*day*60, 0)}
	return p.ready()
}

func (d dice) errand() schedule.Service {
	svc := schedule.Service{
		ID: id.New[id.Service](), Duration: minutes(5 * d.roll(1, 9)), Step: minutes(choose(d, 15, 20, 30)), Horizon: 1000,
	}
	if d.oneIn(2) {
		svc.BufferBefore, svc.BufferAfter = minutes(5*d.roll(0, 2)), minutes(5*d.roll(0, 2))
	}
	return svc
}

func (d dice) journey() *journey {
	w := d.wing()
	j := &journey{}
	for k := range d.roll(2, 3) {
		step := schedule.Step{Least: minutes(5 * d.roll(0, 6)), Optional: k > 0 && d.oneIn(3)}
		if d.oneIn(2) {
			step.Greatest = step.Least + minutes(5*d.roll(0, 24))
		}
		svc := d.errand()
		var who []*practice
		for _, person := range d.Perm(4)[:d.roll(1, 3)] {
			svc := svc
			if d.oneIn(3) {
				svc.Duration = minutes(5 * d.roll(1, 9))
			}
			who = append(who, d.offering(w, person, svc))
		}
		j.steps, j.who, j.query = append(j.steps, step), append(j.who, who), who[0].query
	}
	return j
}

// asked is what the engine is asked.
func asked(steps []schedule.Step, who [][]*practice) []schedule.Step {
	steps = slices.Clone(steps)
	for k := range steps {
		for _, p := range who[k] {
			steps[k].Plans, steps[k].Loads = append(steps[k].Plans, p.plan), append(steps[k].Loads, p.load)
		}
	}
	return steps
}

// ways are all ways through the steps, by their starts.
func (j *journey) ways() map[int64][][]visit {
	var visits [][]visit
	for k, who := range j.who {
		visits = append(visits, nil)
		for i, p := range who {
			for _, o := range p.slots() {
				visits[k] = append(visits[k], visit{k, i, o.starts, o.ends, p})
			}
		}
	}
	all := map[int64][][]visit{}
	var walk func(way []visit, k int)
	walk = func(way []visit, k int) {
		if k == len(j.steps) {
			if possible(way) && affordable(way) != 0 {
				all[way[0].starts] = append(all[way[0].starts], slices.Clone(way))
			}
			return
		}
		if j.steps[k].Optional {
			walk(way, k+1)
		}
		greatest := cmp.Or(j.steps[k].Greatest, 24*time.Hour)
		for _, v := range visits[k] {
			if k > 0 {
				gap := time.Duration(v.starts-way[len(way)-1].ends) * time.Second
				if gap < j.steps[k].Least || gap > greatest {
					continue
				}
			}
			walk(append(way, v), k+1)
		}
	}
	walk(nil, 0)
	return all
}

// affordable says who can have all of a way: whoever every visit is for, and
// of whose quotas enough is left.
func affordable(way []visit) (all schedule.Group) {
	type period struct {
		quota id.Quota
		first schedule.Date
	}
	for bit := range 12 {
		patient := schedule.Group(1) << bit
		wanted, left, fits := map[period]int{}, map[period]int{}, true
		for _, v := range way {
			said := v.by.judge(v.by.minute(v.starts))
			k := slices.IndexFunc(said.class.Alternatives, func(a schedule.Alternative) bool { return a.For&patient != 0 })
			if k < 0 {
				fits = false
				break
			}
			for _, i := range said.class.Alternatives[k].Quotas {
				quota := v.by.plan.Quotas[i]
				of := period{quota.ID, periodOf(quota.Per, said.date)}
				wanted[of]++
				left[of] = quota.Max
				for _, u := range v.by.load.Used[i] {
					if u.Period == of.first {
						left[of] -= u.N
					}
				}
			}
		}
		for of := range wanted {
			fits = fits && wanted[of] <= left[of]
		}
		if fits {
			all |= patient
		}
	}
	return all
}

// narrowed are the classes that the visits of a way have for those who can
// have all of it.
func narrowed(way []visit) (texts []string) {
	who, everybody := affordable(way), schedule.Everyone
	for _, v := range way {
		everybody &= v.by.judge(v.by.minute(v.starts)).class.Group()
	}
	for _, v := range way {
		class := v.by.judge(v.by.minute(v.starts)).class
		if who != everybody { // a quota keeps some away
			var kept []schedule.Alternative
			for _, a := range class.Alternatives {
				if a.For &= who; a.For != 0 {
					kept = append(kept, a)
				}
			}
			class.Alternatives = kept
		}
		texts = append(texts, classText(class))
	}
	return texts
}

// possible says whether nobody is needed in two places at once, or sooner than
// the way between them takes, and rooms can be given to all so that none is
// given twice.
func possible(way []visit) bool {
	meet := func(a, b visit) bool {
		x, y := a.occupies(), b.occupies()
		return x.Starts < y.Ends && y.Starts < x.Ends
	}
	for i, a := range way {
		for _, b := range way[:i] {
			takes := max(a.by.way(a.place(), b.place()), b.by.way(a.place(), b.place()))
			if takes > 0 && a.starts < b.ends+takes && b.starts < a.ends+takes {
				return false
			}
			x, y := a.occupies(), b.occupies()
			if a.by.plan.Practitioner == b.by.plan.Practitioner && x.Starts < y.Ends+takes && y.Starts < x.Ends+takes {
				return false
			}
		}
	}
	type given struct {
		room id.Resource
		to   visit
	}
	var fill func(i, need int, before []given) bool
	fill = func(i, need int, before []given) bool {
		if i == len(way) {
			return true
		}
		v := way[i]
		if need == len(v.by.plan.Needs) {
			return fill(i+1, 0, before)
		}
		m := v.by.minute(v.starts)
		from, until := v.by.occupied(m)
		opening, _ := v.by.winner(m)
		for _, s := range v.by.plan.Needs[need].Supplies {
			room := v.by.plan.Supplies[s].Resource
			if v.by.usable(s, from, until, &v.by.plan.Openings[opening], 0) &&
				!slices.ContainsFunc(before, func(g given) bool { return g.room == room && meet(g.to, v) }) &&
				fill(i, need+1, append(slices.Clone(before), given{room, v})) {
				return true
			}
		}
		return false
	}
	return fill(0, 0, nil)
}

// best is the way that comes first: of those with the most steps the one that
// ends first, then that waits least, then whose stops, one after the other, are
// of earlier steps, earlier and of plans that come first.
func best(ways [][]visit) []visit {
	for _, rank := range []func(way []visit) int{
		func(way []visit) int { return -len(way) },
		func(way []visit) int { return int(way[len(way)-1].ends) },
		func(way []visit) (wait int) {
			for i := 1; i < len(way); i++ {
				wait += int(way[i].starts - way[i-1].ends)
			}
			return wait
		},
	} {
		least := rank(slices.MinFunc(ways, func(a, b []visit) int { return cmp.Compare(rank(a), rank(b)) }))
		ways = slices.DeleteFunc(slices.Clone(ways), func(way []visit) bool { return rank(way) != least })
	}
	return slices.MinFunc(ways, func(a, b []visit) int {
		return slices.CompareFunc(a, b, func(a, b visit) int {
			return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.starts, b.starts), cmp.Compare(a.plan, b.plan))
		})
	})
}

func wayText(way []visit) string {
	var all []string
	for _, v := range way {
		all = append(all, fmt.Sprintf("step %d plan %d %s-%s", v.step, v.plan, utc(v.starts), utc(v.ends)))
	}
	return strings.Join(all, ", ")
}

func stopsText(stops schedule.Itinerary) string {
	var way []visit
	for _, s := range stops {
		way = append(way, visit{s.Step, s.Plan, s.Starts, s.Ends, nil})
	}
	return wayText(way)
}

// bestForAll are the best way and, where that is not for all for whom there is
// a way, those that are best for the rest.
func bestForAll(ways [][]visit) (all [][]visit) {
	for rest := schedule.Everyone; ; {
		left := slices.DeleteFunc(slices.Clone(ways), func(way []visit) bool { return affordable(way)&rest == 0 })
		if len(left) == 0 {
			return all
		}
		all = append(all, best(left))
		rest &^= affordable(all[len(all)-1])
	}
}

func (j *journey) compare(limit int) string {
	ways := j.ways()
	var starts []int64
	for at := range ways {
		starts = append(starts, at)
	}
	slices.Sort(starts)
	var want [][]visit
	for _, at := range starts {
		want = append(want, bestForAll(ways[at])...)
	}
	want = want[:min(limit, len(want))]
	got, classes := schedule.Itineraries(asked(j.steps, j.who), j.query, limit)
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return "only the oracle has " + wayText(want[i])
		case i >= len(want):
			return "only the engine has " + stopsText(got[i])
		case wayText(want[i]) != stopsText(got[i]):
			return "engine " + stopsText(got[i]) + "\noracle " + wayText(want[i])
		}
		texts := narrowed(want[i])
		for n, s := range got[i] {
			p := j.who[s.Step][s.Plan]
			opening, _ := p.winner(p.minute(s.Starts))
			if int(s.Class) >= len(classes) || classText(classes[s.Class]) != texts[n] || int(s.Opening) != opening {
				return fmt.Sprintf("the class or the opening of stop %d of %s: %s, oracle %s", n, stopsText(got[i]), classText(classes[s.Class]), texts[n])
			}
		}
	}
	return ""
}

func mapped[T, U any](all []T, f func(T) U) (to []U) {
	for _, v := range all {
		to = append(to, f(v))
	}
	return to
}

func (j *journey) String() string {
	var b strings.Builder
	for k, step := range j.steps {
		fmt.Fprintf(&b, "step %d: least %s greatest %s optional %v\n", k, step.Least, step.Greatest, step.Optional)
		for i, p := range j.who[k] {
			fmt.Fprintf(&b, "plan %d of %s:\n%s", i, p.plan.Practitioner.UUID()[32:], p)
			for s, supply := range p.plan.Supplies {
				fmt.Fprintf(&b, "supply %d is %s\n", s, supply.Resource.UUID()[32:])
			}
		}
	}
	return b.String()
}

// small draws cases from fewer dice, and reports the first that fails.
func small(t *testing.T, what string, each func(d dice) (fault, text string)) {
	t.Helper()
	t.Parallel()
	seed := *oracleSeed
	if seed == 0 {
		seed = rand.Uint64()>>16 | 1
	}
	for c := range *oracleCases / 4 {
		if *oracleCase >= 0 && c != *oracleCase {
			continue
		}
		if fault, text := each(diceFor(seed, what, c)); fault != "" {
			t.Fatalf("-cases=%d -seed=%d -case=%d:\n%s\n%s", *oracleCases, seed, c, fault, text)
		}
	}
}

func TestOracleAgreesOnChains(t *testing.T) {
	found := 0
	small(t, "chain", func(d dice) (fault, text string) {
		j := d.journey()
		found += len(j.ways())
		return j.compare(choose(d, 1, 5, 1000)), j.String()
	})
	if *oracleCase < 0 && found < *oracleCases/4 {
		t.Errorf("only %d itineraries", found)
	}
}

// outing is some people who want to come together.
type outing struct {
	who   []*practice
	n     int
	query schedule.Query
}

func (d dice) outing() *outing {
	w, svc := d.wing(), d.errand()
	o := &outing{n: d.roll(2, 3)}
	people := d.Perm(4)[:d.roll(1, 4)]
	if d.oneIn(3) {
		svc.Seats, people = d.roll(2, 4), people[:1]
	}
	for _, person := range people {
		o.who = append(o.who, d.offering(w, person, svc))
	}
	if p := o.who[0]; svc.Seats > 0 {
		for _, slot := range p.slots() {
			if d.oneIn(3) {
				p.load.Sessions = append(p.load.Sessions, schedule.Session{Starts: slot.starts, Taken: d.roll(1, svc.Seats)})
				at := p.plan.Openings[slot.opening].Location
				p.load.Busy = append(slices.Clone(p.load.Busy), schedule.Busy{Interval: svc.Occupies(slot.starts), Location: at})
			}
		}
		p.ready()
	}
	o.query = o.who[0].query
	return o
}

// together says whether a way is one on which people come together.
func (o *outing) together(way []visit) bool {
	if len(way) != o.n || affordable(way) == 0 ||
		slices.ContainsFunc(way, func(v visit) bool { return v.place() != way[0].place() }) {
		return false
	}
	seated, parallel, adjoining := true, true, possible(way)
	for i := 1; i < len(way); i++ {
		a, b := way[i-1], way[i]
		seated = seated && a.plan == b.plan && a.starts == b.starts
		parallel = parallel && a.starts == b.starts
		adjoining = adjoining && a.plan == b.plan && b.starts >= a.ends && b.starts-a.ends <= 15*60
	}
	if seated {
		p, taken := way[0].by, 0
		for _, s := range p.load.Sessions {
			if s.Starts == way[0].starts {
				taken = s.Taken
			}
		}
		return taken+o.n <= p.plan.Service.Seats
	}
	return parallel && possible(way) || adjoining
}

// ways are all in which n people can come together, by when they begin, found
// by trying all n slots.
func (o *outing) ways() map[int64][][]visit {
	var visits []visit
	for i, p := range o.who {
		for _, s := range p.slots() {
			visits = append(visits, visit{0, i, s.starts, s.ends, p})
		}
	}
	all := map[int64][][]visit{}
	var pick func(way []visit)
	pick = func(way []visit) {
		if len(way) == o.n {
			if o.together(way) {
				all[way[0].starts] = append(all[way[0].starts], slices.Clone(way))
			}
			return
		}
		for _, v := range visits {
			if len(way) > 0 {
				last := way[len(way)-1]
				if v.starts < last.starts || v.starts > last.ends+15*60 { // not one after the other, whatever else
					continue
				}
			}
			pick(append(slices.Clone(way), v))
		}
	}
	pick(nil)
	return all
}

// bestTogether is the way that ends first, then that with the least waiting,
// at one start rather than one after the other, of plans that come first.
func bestTogether(ways [][]visit) []visit {
	way := slices.MinFunc(ways, func(a, b []visit) int {
		rank := func(way []visit) (ends, waits, turns int64) {
			for i, v := range way {
				ends = max(ends, v.ends)
				if i > 0 {
					waits += max(0, v.starts-way[i-1].ends)
				}
			}
			return ends, waits, way[len(way)-1].starts - way[0].starts
		}
		x, y, z := rank(a)
		u, v, w := rank(b)
		return cmp.Or(cmp.Compare(x, u), cmp.Compare(y, v), cmp.Compare(z, w), slices.CompareFunc(a, b, func(a, b visit) int { return a.plan - b.plan }))
	})
	for i := range way {
		way[i].step = i
	}
	return way
}

func (o *outing) compare() string {
	var (
		want  = o.ways()
		steps = asked([]schedule.Step{{}}, [][]*practice{o.who})
		got   = map[int64]bool{}
	)
	itineraries, classes := schedule.Together(steps[0].Plans, steps[0].Loads, o.n, o.query, 10_000)
	for _, it := range itineraries {
		var way []visit
		for _, s := range it {
			p := o.who[s.Plan]
			v := p.judge(p.minute(s.Starts))
			if !v.offered || s.Ends != s.Starts+int64(p.plan.Service.Duration.Seconds()) {
				return "no slot: " + stopsText(it)
			}
			if int(s.Opening) != v.opening {
				return "the opening of " + stopsText(it)
			}
			way = append(way, visit{s.Step, s.Plan, s.Starts, s.Ends, p})
		}
		for n, text := range narrowed(way) {
			if class := it[n].Class; int(class) >= len(classes) || classText(classes[class]) != text {
				return "the class of " + stopsText(it)
			}
		}
		if !o.together(way) {
			return "not together: " + stopsText(it)
		}
		if text := wayText(bestTogether(want[it[0].Starts])); text != stopsText(it) {
			return "engine " + stopsText(it) + "\noracle " + text
		}
		got[it[0].Starts] = true
	}
	for at := range want {
		if !got[at] {
			return "the engine has none at " + utc(at)
		}
	}
	return ""
}

func TestOracleAgreesOnComingTogether(t *testing.T) {
	found := 0
	small(t, "together", func(d dice) (fault, text string) {
		o := d.outing()
		found += len(o.ways())
		text = fmt.Sprintf("%d persons\n", o.n)
		for _, p := range o.who {
			text += p.String()
		}
		return o.compare(), text
	})
	if *oracleCase < 0 && found < *oracleCases/4 {
		t.Errorf("only %d starts", found)
	}
}
