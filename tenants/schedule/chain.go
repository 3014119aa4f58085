package schedule

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"siegel/platform/id"
)

// Step is one step of a chain: a service with those who offer it, and the
// time between it and the step before.
type Step struct {
	// Plans are those of the step's service, Loads what is taken of each.
	Plans []Plan
	Loads []Load
	// Least and Greatest bound the time between the end that the step before
	// shows and the start of this one; a Greatest of 0 is a day.
	Least, Greatest time.Duration
	// Optional steps are left out where the chain does not fit otherwise.
	Optional bool
}

// Stop is a slot of an itinerary: of which step, and of which of its plans.
type Stop struct {
	Step, Plan int
	Slot
}

// Itinerary is slots that are booked together, all or none, in order.
type Itinerary []Stop

// Itineraries returns ways through the steps of a chain, in order of their
// start, at most limit. All their slots begin on the query's dates.
//
// For each start of the first step it is the one that leaves out the fewest
// steps, of those the one that ends first, then with the least time between its
// stops, then the one whose stops, looked at in turn, are of earlier steps,
// earlier and of plans that come first. Where it is not for all patients that
// the first stop is for, others follow that are for the rest.
//
// Inside an itinerary no practitioner is used twice at once, buffers included,
// and no supply beyond its capacity (see [AssignAll]). Between two locations lies at
// least the way, for the practitioner and for the patient. Stops that count
// towards one quota find it large enough for all of them; where it is so for
// some patients only, their classes are narrowed to those.
//
// A first step that is optional is left out only where no itinerary at all
// begins with it.
func Itineraries(steps []Step, q Query, limit int) ([]Itinerary, []Class) {
	for skipped := range steps {
		t := newTour(steps, q)
		t.first = skipped
		if found := t.all(limit); len(found) > 0 {
			return found, t.classes
		}
		if !steps[skipped].Optional {
			break
		}
	}
	return nil, nil
}

// tour is a search for itineraries.
type tour struct {
	party
	steps []Step
	first int       // the first step that is not left out
	stops [][]Stop  // of each step, in order of start, then of plan
	rest  [][]price // of each of stops: the best that may follow it
	now   Itinerary // being tried
	best  found
}

// price is what is to be kept low, first things first: steps left out, the
// end, time between stops. The zero value is no way at all.
type price struct {
	left  int
	ends  int64
	waits int64
}

func (a price) none() bool { return a.ends == 0 }

func (a price) below(b price) bool {
	if a.none() || b.none() {
		return !a.none()
	}
	return cmp.Or(cmp.Compare(a.left, b.left), cmp.Compare(a.ends, b.ends), cmp.Compare(a.waits, b.waits)) < 0
}

// found is an itinerary, its price and for whom it is.
type found struct {
	price
	stops Itinerary
	group Group
}

func newTour(steps []Step, q Query) *tour {
	t := &tour{steps: steps, stops: make([][]Stop, len(steps)), rest: make([][]price, len(steps))}
	t.plan = func(s Stop) (*Plan, *Load) { return &steps[s.Step].Plans[s.Plan], &steps[s.Step].Loads[s.Plan] }
	for k := range steps {
		t.stops[k] = t.appendStops(nil, k, steps[k].Plans, steps[k].Loads, q)
	}
	for k := len(steps) - 1; k >= 0; k-- {
		t.rest[k] = make([]price, len(t.stops[k]))
		for i := range t.stops[k] {
			t.rest[k][i] = t.after(k, i)
		}
	}
	return t
}

// after returns the best price from a stop on, as if stops that do not follow
// each other never stood in each other's way: no itinerary is below it.
func (t *tour) after(k, i int) price {
	stop := t.stops[k][i]
	best := t.leaving(k, stop)
	t.following(k, stop, func(m, j int, step price) bool {
		left := m - k - 1
		if !best.none() && (left > best.left || left == best.left && t.stops[m][j].Starts >= best.ends) {
			return false
		}
		if all := step.plus(t.rest[m][j]); all.below(best) {
			best = all
		}
		return true
	})
	return best
}

// plus returns the price of a step and of what follows it; none where nothing does.
func (a price) plus(rest price) price {
	if rest.none() {
		return price{}
	}
	return price{a.left + rest.left, rest.ends, a.waits + rest.waits}
}

// leaving returns the price of ending with a stop; none where that leaves out
// steps that are not optional.
func (t *tour) leaving(k int, stop Stop) price {
	for _, step := range t.steps[k+1:] {
		if !step.Optional {
			return price{}
		}
	}
	return price{left: len(t.steps) - k - 1, ends: stop.Ends}
}

// following calls yield with each stop j of a step m that may follow a stop of
// step k, and with what that costs by itself. Where yield returns false it
// goes on with the next step.
func (t *tour) following(k int, stop Stop, yield func(m, j int, step price) bool) {
	for m := k + 1; m < len(t.steps); m++ {
		step, stops := &t.steps[m], t.stops[m]
		least, greatest := seconds(step.Least), seconds(step.Greatest)
		if greatest == 0 {
			greatest = daySeconds
		}
		j := sort.Search(len(stops), func(j int) bool { return stops[j].Starts >= stop.Ends+least })
		for ; j < len(stops) && stops[j].Starts <= stop.Ends+greatest; j++ {
			if t.rest[m][j].none() || !t.inTurn(stop, stops[j]) {
				continue
			}
			if !yield(m, j, price{left: m - k - 1, waits: stops[j].Starts - stop.Ends}) {
				break
			}
		}
		if !step.Optional {
			return
		}
	}
}

// all returns the itineraries of all starts, at most limit.
func (t *tour) all(limit int) (all []Itinerary) {
	stops := t.stops[t.first]
	for i := 0; i < len(stops) && len(all) < limit; {
		next := i
		var wanted Group
		for ; next < len(stops) && stops[next].Starts == stops[i].Starts; next++ {
			wanted |= t.group(stops[next])
		}
		for wanted != 0 && len(all) < limit {
			t.best = found{}
			for n := i; n < next; n++ {
				t.try(t.first, n, wanted, price{})
			}
			if t.best.none() {
				break
			}
			all = append(all, t.narrowed(t.best.stops, t.best.group))
			wanted &^= t.best.group
		}
		i = next
	}
	return all
}

// try looks for a better itinerary that goes on with stop i of step k, for any
// of those wanted.
func (t *tour) try(k, i int, wanted Group, spent price) {
	if all := spent.plus(t.rest[k][i]); !all.below(t.best.price) {
		return
	}
	stop := t.stops[k][i]
	t.now = append(t.now, stop)
	defer func() { t.now = t.now[:len(t.now)-1] }()
	if !t.fits(t.now) || t.groupOf(t.now)&wanted == 0 {
		return
	}
	t.following(k, stop, func(m, j int, step price) bool {
		if !t.best.none() && spent.left+m-k-1 >= t.best.left && t.stops[m][j].Starts >= t.best.ends {
			return false
		}
		t.try(m, j, wanted, price{left: spent.left + step.left, waits: spent.waits + step.waits})
		return true
	})
	if all := spent.plus(t.leaving(k, stop)); all.below(t.best.price) {
		if group := t.affords(t.now); group&wanted != 0 {
			t.best = found{all, slices.Clone(t.now), group}
		}
	}
}

// party is what stops of one itinerary have to do with each other.
type party struct {
	plan    func(Stop) (*Plan, *Load)
	classes []Class
}

// appendStops appends the free slots of several plans as stops of a step, in
// order of start, then of plan.
func (t *party) appendStops(dst []Stop, step int, plans []Plan, loads []Load, q Query) []Stop {
	var slots []Slot
	for i := range plans {
		slots, t.classes = plans[i].Slots(slots[:0], t.classes, &loads[i], q)
		for _, slot := range slots {
			dst = append(dst, Stop{step, i, slot})
		}
	}
	if len(plans) > 1 {
		slices.SortStableFunc(dst, func(a, b Stop) int { return cmp.Compare(a.Starts, b.Starts) })
	}
	return dst
}

func (t *party) location(s Stop) id.Location {
	p, _ := t.plan(s)
	return p.Openings[s.Opening].Location
}

// inTurn reports whether a stop can follow one that is over when it starts:
// patient and practitioner have time for the way, the practitioner for buffers.
func (t *party) inTurn(a, b Stop) bool {
	p, _ := t.plan(a)
	n, _ := t.plan(b)
	way := max(wayBetween(p.Legs, t.location(a), t.location(b)), wayBetween(n.Legs, t.location(a), t.location(b)))
	apart := b.Starts - a.Ends
	if p.Practitioner == n.Practitioner {
		apart -= seconds(p.Service.BufferAfter) + seconds(n.Service.BufferBefore)
	}
	return apart >= way
}

// fits reports whether the last of some stops fits to those before it.
func (t *party) fits(stops Itinerary) bool {
	last := stops[len(stops)-1]
	p, _ := t.plan(last)
	share := false // what they take, by being in use at once
	for _, s := range stops[:len(stops)-1] {
		if !t.inTurn(s, last) {
			return false
		}
		before, _ := t.plan(s)
		share = share || before.Service.Occupies(s.Starts).Ends > p.Service.Occupies(last.Starts).Starts
	}
	return !share || len(p.Needs) == 0 || t.supplied(stops)
}

// supplied reports whether there are rooms and devices for all stops.
func (t *party) supplied(stops Itinerary) bool {
	places := make([]Place, len(stops))
	for i, s := range stops {
		places[i].Plan, places[i].Load = t.plan(s)
		places[i].Starts = s.Starts
	}
	_, ok := AssignAll(places)
	return ok
}
