package schedule_test

import (
	"slices"

	"siegel/tenants/schedule"
)

// count counts what is busy at every minute. A minute is busy if any second of it is.
func (p *practice) count() {
	tally := func(busy []schedule.Busy) []int {
		counts := make([]int, len(p.clocks[0].shows))
		for _, b := range busy {
			if b.Starts == b.Ends {
				continue
			}
			for m := max(0, p.minute(b.Starts)); m < len(counts) && p.instant(m) < b.Ends; m++ {
				counts[m]++
			}
		}
		return counts
	}
	p.taken = tally(p.load.Busy)
	p.suppliesTaken = nil
	for i := range p.plan.Supplies {
		var busy []schedule.Busy
		if i < len(p.load.Supplies) {
			busy = p.load.Supplies[i]
		}
		p.suppliesTaken = append(p.suppliesTaken, tally(busy))
	}
}

// occupied are the minutes that a slot which starts at m occupies, with its buffers.
func (p *practice) occupied(m int) (from, until int) {
	svc := &p.plan.Service
	return m - inMinutes(svc.BufferBefore), m + inMinutes(svc.Duration) + inMinutes(svc.BufferAfter)
}

// whyTaken says what of the load stands against a slot of an opening that
// starts at m.
func (p *practice) whyTaken(m int, o *schedule.Opening) (all []schedule.Reason) {
	if p.plan.Service.Seats > 1 {
		for _, s := range p.load.Sessions {
			if s.Starts == p.instant(m) { // it has its time, its way and its rooms already
				if s.Taken >= p.plan.Service.Seats {
					return []schedule.Reason{schedule.ReasonGroupFull}
				}
				return nil
			}
		}
	}
	from, until := p.occupied(m)
	starts, ends := p.instant(from), p.instant(until)

	capacity := p.plan.Capacity
	if o.Capacity > 0 {
		capacity = min(capacity, o.Capacity)
	}
	if slices.Max(p.taken[from:until]) >= capacity {
		for _, b := range p.load.Busy {
			if b.Starts < ends && b.Ends > starts && b.Starts < b.Ends {
				all = append(all, map[schedule.BusyKind]schedule.Reason{
					schedule.Appointment: schedule.ReasonBusy, schedule.Hold: schedule.ReasonHeld, schedule.Imported: schedule.ReasonImported,
				}[b.Kind])
			}
		}
		if capacity == 0 { // full without anything
			all = append(all, schedule.ReasonBusy)
		}
	}
	if slices.ContainsFunc(p.load.Busy, func(b schedule.Busy) bool { return p.tooFar(b, o, starts, ends) }) {
		all = append(all, schedule.ReasonTravel)
	}
	if _, ok := p.assign(from, until, o); !ok {
		all = append(all, schedule.ReasonNeed)
	}
	return all
}

// tooFar says whether busy time lies at another location, nearer than the way there takes.
func (p *practice) tooFar(b schedule.Busy, o *schedule.Opening, starts, ends int64) bool {
	if b.Location == noLocation || o.Location == noLocation || b.Starts == b.Ends {
		return false
	}
	for _, leg := range p.plan.Legs {
		joins := leg.A == b.Location && leg.B == o.Location || leg.B == b.Location && leg.A == o.Location
		way := int64(leg.Takes.Seconds())
		if joins && way > 0 && b.Starts < ends+way && b.Ends > starts-way {
			return true
		}
	}
	return false
}

// assign tries the supplies of each need one after the other, and returns the
// first way to fill them all.
func (p *practice) assign(from, until int, o *schedule.Opening) (chosen []int, ok bool) {
	var fill func(need int) bool
	fill = func(need int) bool {
		if need == len(p.plan.Needs) {
			return true
		}
		for _, s := range p.plan.Needs[need].Supplies {
			already := 0
			for _, c := range chosen {
				if c == s {
					already++
				}
			}
			if !p.usable(s, from, until, o, already) {
				continue
			}
			chosen = append(chosen, s)
			if fill(need + 1) {
				return true
			}
			chosen = chosen[:len(chosen)-1]
		}
		return false
	}
	return chosen, fill(0)
}

// usable says whether a supply has a unit left, besides what is taken of it
// already, for a slot that occupies some minutes. Its shown time has to stay out
// of the time at which the supply is shut.
func (p *practice) usable(s, from, until int, o *schedule.Opening, already int) bool {
	supply := &p.plan.Supplies[s]
	if supply.Location != noLocation && supply.Location != o.Location {
		return false
	}
	for _, shut := range supply.Shut {
		shown := p.instant(from + inMinutes(p.plan.Service.BufferBefore))
		if shut.Starts < shown+int64(p.plan.Service.Duration.Seconds()) && shut.Ends > shown {
			return false
		}
	}
	return slices.Max(p.suppliesTaken[s][from:until])+already < supply.Capacity
}
