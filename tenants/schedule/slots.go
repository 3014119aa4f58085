package schedule

import "slices"

// Slot is a time at which the service can be booked, in seconds since 1970
// UTC, without buffers. Opening is the index of the opening that offers it,
// Class of its class among those returned with it.
type Slot struct {
	Starts, Ends   int64
	Opening, Class int32
}

// Slots appends to dst the free slots that begin on the local dates
// [q.From, q.To), in order of their start, each start once, and returns the
// extended slice. (Where openings lie in several zones, dates are each
// opening's own.) Their classes are looked up in classes, and appended where
// they are new: who goes on with those of another plan shares its table of
// quotas, or reads the indexes by the plan whose slot it is.
//
// It works for a range of dates of which load knows all that is taken, buffers
// of the first and last slots included.
func (p *Plan) Slots(dst []Slot, classes []Class, load *Load, q Query) ([]Slot, []Class) {
	if !p.works() {
		return dst, classes
	}
	s := newSurvey(p, q)
	s.slots = dst
	s.look()
	f := filter{survey: &s, load: load, classes: classes}
	f.run()
	return s.slots, f.classes
}

// works reports whether the plan makes sense at all.
func (p *Plan) works() bool {
	return p.Capacity > 0 && seconds(p.Service.Step) > 0 && seconds(p.Service.Duration) > 0
}

// filter leaves of a survey's starts those that can be booked.
type filter struct {
	*survey
	load     *Load
	classes  []Class
	barriers []barrier
	sessions []Session // those that lie ahead
	store    *store    // of rooms and devices; nil where none is needed
	stands   []stand   // of each opening
	live     []int     // room to work in
	around   Interval  // what is occupied around a start
}

// stand is how things last stood with an opening: for whom it was, and which
// quotas counted. While they stay, so does the class.
type stand struct {
	known bool
	group Group
	class int32
	live  []int
	// What does not change: the index of its barrier, and the first instant that
	// its lead lets through.
	barrier  int32
	earliest int64
}

// run filters s.slots in place.
func (f *filter) run() {
	f.sessions, f.around = f.load.Sessions, f.plan.Service.Occupies(0)
	f.stands = make([]stand, len(f.plan.Openings))
	if len(f.plan.Needs) > 0 {
		f.store = newStore(f.plan, f.load)
	}
	slots, kept := f.slots, f.base
	for i := f.base; i < len(slots); {
		class, next := slots[i].Class, i+1
		for next < len(slots) && slots[next].Class == class {
			next++
		}
		kept += f.keep(slots[kept:], slots[i:next], &f.turns[class])
		i = next
	}
	f.slots = slots[:kept]
}

// keep copies to dst what can be booked of some starts of one turn, and
// returns how many they are.
func (f *filter) keep(dst, starts []Slot, t *turn) (kept int) {
	if !t.judged {
		f.judge(t)
	}
	if t.reason != ReasonOffered {
		return 0
	}
	how := &f.stands[t.opening]
	for len(starts) > 0 && starts[0].Starts < how.earliest {
		starts = starts[1:]
	}
	if len(starts) == 0 {
		return 0
	}
	var (
		around = f.around
		bars   = &f.barriers[how.barrier].cursor
		bar    = bars.ending(starts[0].Starts + around.Starts)
		simple = len(f.load.Sessions) == 0 && f.store == nil
	)
	for _, slot := range starts {
		occupied := Interval{slot.Starts + around.Starts, slot.Starts + around.Ends}
		if bar.Ends <= occupied.Starts {
			bar = bars.ending(occupied.Starts)
		}
		barred := bar.Starts < occupied.Ends
		if simple && barred || !simple && !f.free(slot, t, occupied, barred) {
			continue
		}
		slot.Class = t.class
		dst[kept] = slot
		kept++
	}
	return kept
}

// free reports whether a slot is free: by the session that it begins, if that
// has begun to fill, else by the practitioner's time, rooms and devices.
func (f *filter) free(slot Slot, t *turn, occupied Interval, barred bool) bool {
	if taken, begun := f.session(slot.Starts); begun {
		return taken < f.plan.Service.seats()
	}
	return !barred && (f.store == nil || f.store.fits(&f.plan.Openings[t.opening], slot, occupied))
}

// session returns how many seats are taken of the session that begins at
// starts; false where none has begun to fill. From one question to the next
// starts rises.
func (f *filter) session(starts int64) (taken int, begun bool) {
	for len(f.sessions) > 0 && f.sessions[0].Starts < starts {
		f.sessions = f.sessions[1:]
	}
	if len(f.sessions) == 0 || f.sessions[0].Starts > starts {
		return 0, false
	}
	return f.sessions[0].Taken, true
}

func (s *Service) seats() int { return max(1, s.Seats) }

// judge works out what the rules of a turn say, whatever is taken.
func (f *filter) judge(t *turn) {
	p, q := f.plan, &f.query
	o, how := &p.Openings[t.opening], &f.stands[t.opening]
	t.judged = true
	if t.date < q.From || t.date >= q.To {
		t.reason = ReasonNoWindow
		return
	}
	if t.reason, _ = p.sale(o, t.begins, t.date, t.today, q); t.reason != ReasonOffered {
		return
	}
	group := o.group(t.begins, t.today)
	group, f.live = p.left(f.live[:0], group, o, t.date, t.today, f.load.Used)
	if group == 0 {
		t.reason = ReasonQuota
		return
	}
	if !how.known {
		how.known, how.earliest, how.barrier = true, o.earliest(&p.Service, q), f.barrier(o)
	}
	if group != how.group || !slices.Equal(f.live, how.live) {
		how.group, how.live = group, slices.Clone(f.live)
		f.newClass(how, o.Condition)
	}
	t.class = how.class
}

// newClass looks up the class of how things stand.
func (f *filter) newClass(s *stand, condition int) {
	var room [4]Alternative
	f.classes, s.class = appendClass(f.classes, condition, f.plan.alternatives(room[:0], s.group, s.live))
}

// barrier returns the index of the barrier for an opening.
func (f *filter) barrier(o *Opening) int32 {
	p := f.plan
	for i := range f.barriers {
		same := f.barriers[i].opening
		if p.capacity(same) == p.capacity(o) && (same.Location == o.Location || len(p.Legs) == 0) {
			return int32(i)
		}
	}
	f.barriers = append(f.barriers, barrier{o, cursor{all: p.bars(o, f.load.Busy)}})
	return int32(len(f.barriers) - 1)
}
