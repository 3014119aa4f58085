package schedule

import "slices"

// EmptyDay says why a local date has no slot. In this order it is
//
//   - offered: there is one
//   - horizon or not_released: there may be some from the instant at on, the
//     first at which any comes into sale that is not too soon by then
//   - busy: whatever could be booked is taken (by anything at all)
//   - quota: what is free is left to nobody
//   - lead: it is too late
//   - past: all that there was has begun
//   - closed: closures leave no slot of the windows on it; or it has no window,
//     and is closed from its first to its last minute at the place of every opening
//   - no_window: there is nothing to be said
//
// Windows that cannot be booked (walk-ins, and but for q.Staff the staff's)
// and those of other services are none. q.From and q.To do not matter.
func (p *Plan) EmptyDay(date Date, load *Load, q Query) (reason Reason, at int64) {
	if !p.works() {
		return ReasonNoWindow, 0
	}
	q.From, q.To = date, date+1
	// All starts there are, also those that are past or beyond the horizon.
	s := newFullSurvey(p, q, date.seconds()-2*daySeconds)
	s.look()
	starts := slices.Clone(s.slots)
	f := filter{survey: &s, load: load}
	f.run()
	if len(s.slots) > 0 {
		return ReasonOffered, 0
	}
	best, now := 0, ceilSeconds(q.Now)
	for _, start := range starts {
		t := &s.turns[start.Class]
		if t.date != date {
			continue // by another opening's zone
		}
		o := &p.Openings[t.opening]
		found, opens := p.sale(o, t.begins, t.date, t.today, &q)
		if found == ReasonOffered {
			found = t.reason
		}
		earliest := o.earliest(&p.Service, &q)
		switch {
		case emptiness(found) == 0 && found != ReasonOffered:
			continue // not for booking
		case start.Starts < now:
			found, opens = ReasonPast, 0
		case opens == 0 && start.Starts < earliest, opens != 0 && start.Starts < opens+earliest-now:
			found, opens = ReasonLead, 0 // or it will be by then
		case found == ReasonOffered:
			found = ReasonBusy
		}
		rank := emptiness(found)
		if rank > best || rank > 0 && rank == best && opens < at {
			best, reason, at = rank, found, opens
		}
	}
	switch {
	case best > 0:
		return reason, at
	case p.closedOn(date, q.Staff):
		return ReasonClosed, 0
	default:
		return ReasonNoWindow, 0
	}
}

// emptiness says which reason of a start speaks for the whole day: the highest
// number; 0 is none that does.
func emptiness(r Reason) int {
	switch r {
	case ReasonHorizon, ReasonNotReleased:
		return 5
	case ReasonBusy:
		return 4
	case ReasonQuota:
		return 3
	case ReasonLead:
		return 2
	case ReasonPast:
		return 1
	default:
		return 0
	}
}

// closedOn reports whether closures are why a date has no starts.
func (p *Plan) closedOn(date Date, staff bool) bool {
	found := false
	for i := range p.Openings {
		o := &p.Openings[i]
		if o.WalkIn || o.Staff && !staff {
			continue
		}
		// What begins on the date, and what is still open since the day before.
		for begins := date - 1; begins <= date; begins++ {
			from, until := o.From, min(o.Until, minutesOfDay)
			if begins < date {
				from, until = 0, o.Until-minutesOfDay
			}
			if from >= until || !o.Weekdays.Has(begins.Weekday()) || !o.holds(begins, p.Service.ID) {
				continue
			}
			found = true
			var room [4]Interval
			for _, part := range (Stretch{date, from, date, until}).AppendIn(room[:0], o.Zone) {
				if _, shut := o.closed(part.Starts, part.Ends); shut {
					return true
				}
			}
		}
	}
	if found || len(p.Openings) == 0 {
		return false
	}
	for i := range p.Openings {
		if !p.Openings[i].covers(WholeDay(date)) {
			return false
		}
	}
	return true
}
