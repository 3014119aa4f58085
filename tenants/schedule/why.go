package schedule

import "time"

// Reason says why an instant is, or is not, the start of a free slot. Its
// words are stable; the numbers are in the order in which [Plan.Why] decides.
type Reason uint8

// The reasons.
const (
	ReasonOffered      Reason = iota // free
	ReasonPast                       // it has been
	ReasonNoWindow                   // no window is open
	ReasonOtherService               // only windows for other services
	ReasonWalkIn                     // an open consultation hour: come without booking
	ReasonStaffOnly                  // a window for the staff only
	ReasonClosed                     // closed although a window is open
	ReasonOffGrid                    // slots begin before and after
	ReasonTooShort                   // the window ends before the slot would
	ReasonLead                       // too soon
	ReasonHorizon                    // too far ahead
	ReasonNotReleased                // not yet in sale
	ReasonQuota                      // the quotas leave it to nobody
	ReasonBusy                       // an appointment
	ReasonHeld                       // somebody is booking it
	ReasonImported                   // busy in an imported calendar
	ReasonTravel                     // too near to an appointment at another location
	ReasonNeed                       // no room or device is free for a need
	ReasonGroupFull                  // all seats of the session are taken
	ReasonClockGap                   // the wall time does not exist on that day
)

var reasonWords = [...]string{
	"offered", "past", "no_window", "other_service", "walk_in", "staff_only", "closed", "off_grid", "too_short", "lead",
	"horizon", "not_released", "quota", "busy", "held", "imported", "travel", "need", "group_full", "clock_gap",
}

// String returns the word.
func (r Reason) String() string { return reasonWords[r] }

// MarshalText writes the word.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Finding is what is to be said about one instant.
type Finding struct {
	Reason Reason
	// Opening is the index of the opening that decided; -1 is none.
	Opening int
	// Class is for whom it is, where it is offered.
	Class Class
	// Detail is the index of what stands against it: in Load.Busy (busy, held,
	// imported, travel), Plan.Quotas (quota) or Plan.Needs (need); -1 is none.
	Detail int
	// At is the instant from which on it is in sale, for horizon and
	// not_released; else 0.
	At int64
}

// Why says of one instant what [Plan.Slots] decides about it, and the first
// reason against it. q.From and q.To do not matter.
func (p *Plan) Why(starts int64, load *Load, q Query) Finding {
	if starts < ceilSeconds(q.Now) {
		return Finding{Reason: ReasonPast, Opening: -1, Detail: -1}
	}
	opening, begins, found := p.winner(starts)
	if !found {
		reason, opening := p.miss(starts, q.Staff)
		return Finding{Reason: reason, Opening: opening, Detail: -1}
	}
	f := Finding{Opening: opening, Detail: -1}
	o := &p.Openings[opening]
	if f.Reason, f.At = p.inSale(o, begins, starts, q); f.Reason != ReasonOffered {
		return f
	}
	if f.Class, f.Detail = p.forWhom(o, begins, starts, load.Used, q.Now); len(f.Class.Alternatives) == 0 {
		f.Reason = ReasonQuota
		return f
	}
	if f.Reason, f.Detail = p.taken(o, starts, load); f.Reason != ReasonOffered {
		f.Class = Class{}
	}
	return f
}

// Offered returns the index of the opening that offers the slot which begins
// exactly at starts, by the rules of time alone: whether or not it is taken,
// and whoever it is for (that says [Plan.Class]). It is the opening that
// [Plan.Slots] names. now decides about lead, horizon and release: who
// confirms a slot that was held passes the time of the hold.
func (p *Plan) Offered(starts int64, now time.Time, staff bool) (opening int, ok bool) {
	if !p.works() || starts < ceilSeconds(now) {
		return 0, false
	}
	opening, begins, found := p.winner(starts)
	if !found {
		return 0, false
	}
	reason, _ := p.inSale(&p.Openings[opening], begins, starts, Query{Now: now, Staff: staff})
	return opening, reason == ReasonOffered
}

// winner returns the opening whose window decides about a start, and the date
// on which that window begins; false where no window has the start.
func (p *Plan) winner(starts int64) (opening int, begins Date, found bool) {
	if seconds(p.Service.Step) <= 0 || seconds(p.Service.Duration) <= 0 {
		return 0, 0, false
	}
	for i := range p.Openings {
		date, open := p.Openings[i].openAt(starts)
		if !open || p.missOf(&p.Openings[i], date, starts) != ReasonOffered {
			continue
		}
		if !found || p.compare(int32(i), date, int32(opening), begins) < 0 {
			opening, begins, found = i, date, true
		}
	}
	return opening, begins, found
}

// openAt reports whether the wall clock shows a time inside one of the
// opening's windows, and when that window begins.
func (o *Opening) openAt(instant int64) (begins Date, open bool) {
	begins = o.begins(instant)
	return begins, o.Weekdays.Has(begins.Weekday()) && o.inForce(begins) && wallIn(o.Zone, instant) < begins.seconds()+int64(o.Until)*60
}

// missOf says what keeps an open window from having a start.
func (p *Plan) missOf(o *Opening, begins Date, starts int64) Reason {
	if !o.serves(p.Service.ID) {
		return ReasonOtherService
	}
	if _, shut := o.closed(starts, starts+seconds(p.Service.Duration)); shut {
		return ReasonClosed
	}
	var room [8]span
	w := windowOn(room[:0], o, begins)
	k, _ := w.at(starts)
	if w.align(k, starts, seconds(p.Service.Step)) != starts {
		return ReasonOffGrid
	}
	if _, end := w.part(k); starts+seconds(p.Service.Duration) > end {
		return ReasonTooShort
	}
	return ReasonOffered
}

// miss says of a start that no window has why none does: of several windows
// that are open then, the one that comes closest.
func (p *Plan) miss(starts int64, staff bool) (reason Reason, opening int) {
	reason, opening = ReasonNoWindow, -1
	for i := range p.Openings {
		o := &p.Openings[i]
		date, open := o.openAt(starts)
		if !open || seconds(p.Service.Step) <= 0 || seconds(p.Service.Duration) <= 0 {
			continue
		}
		miss := p.missOf(o, date, starts)
		switch {
		case miss <= ReasonClosed:
		case o.WalkIn:
			miss = ReasonWalkIn
		case o.Staff && !staff:
			miss = ReasonStaffOnly
		}
		if miss > reason {
			reason, opening = miss, i
		}
	}
	return reason, opening
}

// sale says whether the starts on one date of a window are in sale by the
// window's rules, but for lead; and where they are not yet, from when on.
func (p *Plan) sale(o *Opening, begins, date, today Date, q *Query) (Reason, int64) {
	switch {
	case o.WalkIn:
		return ReasonWalkIn, 0
	case q.Staff:
		return ReasonOffered, 0
	case o.Staff:
		return ReasonStaffOnly, 0
	}
	near := date - o.horizon(&p.Service) // from here on it is near enough
	released := o.released(begins)
	switch {
	case today < near:
		return ReasonHorizon, max(released, firstAt(o.Zone, near.seconds()))
	case q.Now.Unix() < released:
		return ReasonNotReleased, released
	}
	return ReasonOffered, 0
}

// inSale says the same of one start, and whether it is not too soon.
func (p *Plan) inSale(o *Opening, begins Date, starts int64, q Query) (Reason, int64) {
	reason, at := p.sale(o, begins, dateIn(o.Zone, starts), dateIn(o.Zone, q.Now.Unix()), &q)
	if reason != ReasonWalkIn && reason != ReasonStaffOnly && starts < o.earliest(&p.Service, &q) {
		return ReasonLead, 0
	}
	return reason, at
}

// forWhom returns the class of a start, and where it is for nobody the first
// quota that is used up; -1 where that is not for quotas.
func (p *Plan) forWhom(o *Opening, begins Date, starts int64, used [][]Use, now time.Time) (c Class, quota int) {
	date, today := dateIn(o.Zone, starts), dateIn(o.Zone, now.Unix())
	left, live := p.left(nil, o.group(begins, today), o, date, today, used)
	if left != 0 {
		return p.class(o, left, live), -1
	}
	for _, i := range o.Quotas {
		if q := &p.Quotas[i]; q.limits(date, today) && q.usedUp(date, used, i) && q.For&o.group(begins, today) != 0 {
			return Class{}, i
		}
	}
	return Class{}, -1
}

// taken says what takes a start, and its index as in [Finding].Detail.
func (p *Plan) taken(o *Opening, starts int64, load *Load) (Reason, int) {
	for _, s := range load.Sessions {
		if s.Starts != starts {
			continue
		}
		if s.Taken >= p.Service.seats() {
			return ReasonGroupFull, -1
		}
		return ReasonOffered, -1 // it has its practitioner and its room
	}
	occupied := p.Service.Occupies(starts)
	if at, full := firstFull(load.Busy, occupied, p.capacity(o)); full {
		for i, b := range load.Busy {
			if b.Starts <= at && at < b.Ends {
				return [...]Reason{ReasonBusy, ReasonHeld, ReasonImported}[b.Kind], i
			}
		}
		return ReasonBusy, -1 // without a unit there is nothing that takes it
	}
	for i := range load.Busy {
		b := &load.Busy[i]
		way := p.way(o, b)
		if way > 0 && b.Starts < b.Ends && b.Starts-way < occupied.Ends && occupied.Starts < b.Ends+way {
			return ReasonTravel, i
		}
	}
	if len(p.Needs) > 0 {
		if need, unmet := p.unmet(p.units(o, starts, load)); unmet {
			return ReasonNeed, need
		}
	}
	return ReasonOffered, -1
}
