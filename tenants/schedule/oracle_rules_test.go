package schedule_test

import (
	"slices"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// practice is a plan with all that is known about it, as the oracle sees it:
// closures are wall time, and every opening has a clock.
type practice struct {
	plan     schedule.Plan
	load     schedule.Load
	query    schedule.Query
	closures [][]schedule.Stretch // of each opening
	clocks   []*clock             // of each opening

	// taken counts the practitioner's busy entries at every minute, suppliesTaken those of each supply.
	taken         []int
	suppliesTaken [][]int
}

// verdict is what the oracle says of one instant.
type verdict struct {
	// offered says whether it is the start of a free slot; then opening offers it for class.
	offered bool
	opening int // that wins, or -1
	date    int // of the slot itself: in a window across midnight not always the window's
	class   schedule.Class
	// against is everything that is true and speaks against the slot.
	against []schedule.Reason
	// since are the instants at which lead, horizon and release no longer speak against it.
	since map[schedule.Reason]int64
}

func (p *practice) instant(m int) int64 { return p.clocks[0].first + int64(m)*60 }

func (p *practice) minute(at int64) int { return int(at-p.clocks[0].first) / 60 }

func inMinutes(d time.Duration) int { return int(d / time.Minute) }

// inForce says whether an opening has a window that begins on a date.
func inForce(o *schedule.Opening, date int) bool {
	monday := func(date int) int { return date - (date+3)%7 } // 1970-01-01 was a Thursday
	weekday := (date + 3) % 7                                 // 0 is Monday
	switch {
	case o.Weekdays&(1<<weekday) == 0,
		o.ValidFrom != 0 && date < int(o.ValidFrom),
		o.ValidUntil != 0 && date > int(o.ValidUntil):
		return false
	}
	return o.EveryWeeks < 2 || (monday(date)-monday(int(o.Anchor)))/7%o.EveryWeeks == 0
}

// window returns the date of the window of opening i in which minute m lies.
func (p *practice) window(i, m int) (date int, ok bool) {
	o, wall := &p.plan.Openings[i], p.clocks[i].shows[m]
	for _, date := range []int{wall / day, wall/day - 1} {
		if since := wall - date*day; o.From <= since && since < o.Until && inForce(o, date) {
			return date, true
		}
	}
	return 0, false
}

func (p *practice) closed(i, m int) bool {
	wall := p.clocks[i].shows[m]
	return slices.ContainsFunc(p.closures[i], func(c schedule.Stretch) bool {
		return int(c.From)*day+c.FromMinute <= wall && wall < int(c.Until)*day+c.UntilMinute
	})
}

func (p *practice) serves(i int) bool {
	o := &p.plan.Openings[i]
	return len(o.Services) == 0 || slices.Contains(o.Services, p.plan.Service.ID)
}

func (p *practice) onGrid(i, date, m int) bool {
	since := p.clocks[i].shows[m] - date*day - p.plan.Openings[i].From
	return since%inMinutes(p.plan.Service.Step) == 0
}

// fits says whether a slot that starts at m stays inside the window.
func (p *practice) fits(i, date, m int) bool {
	for k := m; k < m+inMinutes(p.plan.Service.Duration); k++ {
		if d, ok := p.window(i, k); !ok || d != date {
			return false
		}
	}
	return true
}

// shut says whether a slot that starts at m would lie in a closure.
func (p *practice) shut(i, m int) bool {
	for k := m; k < m+inMinutes(p.plan.Service.Duration); k++ {
		if p.closed(i, k) {
			return true
		}
	}
	return false
}

// offers says whether opening i offers the start m by the clock.
func (p *practice) offers(i, m int) (date int, ok bool) {
	if !p.serves(i) {
		return 0, false
	}
	date, ok = p.window(i, m)
	return date, ok && p.onGrid(i, date, m) && p.fits(i, date, m) && !p.shut(i, m)
}

// winner is the most specific of the openings that offer the start m.
func (p *practice) winner(m int) (best, date int) {
	best = -1
	for i := range p.plan.Openings {
		if d, ok := p.offers(i, m); ok && (best < 0 || moreSpecific(&p.plan.Openings[i], &p.plan.Openings[best], d, date)) {
			best, date = i, d
		}
	}
	return best, date
}

// moreSpecific says whether an opening later in the list beats one before it,
// with the dates on which their windows begin.
func moreSpecific(later, earlier *schedule.Opening, laterDate, earlierDate int) bool {
	for _, narrow := range []func(o *schedule.Opening) bool{
		func(o *schedule.Opening) bool { return o.Staff },
		func(o *schedule.Opening) bool {
			return o.ValidFrom != 0 && o.ValidUntil != 0 && o.ValidUntil-o.ValidFrom+1 <= 31
		},
		func(o *schedule.Opening) bool { return len(o.Services) > 0 },
		func(o *schedule.Opening) bool { return o.For != schedule.Everyone },
		func(o *schedule.Opening) bool { return o.EveryWeeks > 1 },
		func(o *schedule.Opening) bool { return o.ValidFrom != 0 || o.ValidUntil != 0 },
	} {
		if narrow(later) != narrow(earlier) {
			return narrow(later)
		}
	}
	if a, b := laterDate*day+later.From, earlierDate*day+earlier.From; a != b {
		return a > b
	}
	return laterDate*day+later.Until < earlierDate*day+earlier.Until
}

// released is the instant at which an opening's slots of a date come into sale.
func (p *practice) released(i, date int) int64 {
	r := p.plan.Openings[i].Release
	return p.instant(p.clocks[i].firstShowing((date-r.Days)*day + r.Minute))
}

// judge says of the instant at minute m whether a free slot starts there, and
// what speaks against it.
func (p *practice) judge(m int) (v verdict) {
	var (
		svc   = &p.plan.Service
		at    = time.Unix(p.instant(m), 0)
		query = &p.query
	)
	v.since = map[schedule.Reason]int64{}
	against := func(is bool, r schedule.Reason) {
		if is {
			v.against = append(v.against, r)
		}
	}
	against(at.Before(query.Now), schedule.ReasonPast)
	opening, window := p.winner(m)
	v.opening = opening
	if v.opening < 0 {
		v.against = append(v.against, p.whyNoWindow(m)...)
		return v
	}
	o, clock := &p.plan.Openings[v.opening], p.clocks[v.opening]
	v.date = clock.shows[m] / day
	against(o.WalkIn, schedule.ReasonWalkIn)
	if !query.Staff {
		lead := max(svc.Lead, o.Lead)
		against(at.Before(query.Now.Add(lead)), schedule.ReasonLead)
		v.since[schedule.ReasonLead] = at.Add(-lead).Unix()

		horizon := svc.Horizon
		if o.Horizon >= 0 {
			horizon = min(horizon, o.Horizon)
		}
		against(v.date > clock.today(query.Now)+horizon, schedule.ReasonHorizon)
		v.since[schedule.ReasonHorizon] = p.instant(clock.firstShowing((v.date - horizon) * day))

		if o.Release.Set {
			v.since[schedule.ReasonNotReleased] = p.released(v.opening, window)
			against(query.Now.Before(time.Unix(v.since[schedule.ReasonNotReleased], 0)), schedule.ReasonNotReleased)
		}
		against(o.Staff, schedule.ReasonStaffOnly)
	}
	v.class = p.class(v.opening, window, v.date, p.load.Used)
	against(len(v.class.Alternatives) == 0, schedule.ReasonQuota)
	v.against = append(v.against, p.whyTaken(m, o)...)
	v.offered = len(v.against) == 0
	return v
}

// whyNoWindow says why no opening offers the start m.
func (p *practice) whyNoWindow(m int) []schedule.Reason {
	found := map[schedule.Reason]bool{}
	for i := range p.plan.Openings {
		date, ok := p.window(i, m)
		switch {
		case !ok:
			continue
		case !p.serves(i):
			found[schedule.ReasonOtherService] = true
			continue
		}
		if p.plan.Openings[i].WalkIn {
			found[schedule.ReasonWalkIn] = true
		}
		if p.plan.Openings[i].Staff && !p.query.Staff {
			found[schedule.ReasonStaffOnly] = true
		}
		if p.shut(i, m) {
			found[schedule.ReasonClosed] = true
		}
		if !p.onGrid(i, date, m) {
			found[schedule.ReasonOffGrid] = true
		}
		if !p.fits(i, date, m) {
			found[schedule.ReasonTooShort] = true
		}
	}
	if len(found) == 0 {
		return []schedule.Reason{schedule.ReasonNoWindow}
	}
	var all []schedule.Reason
	for r := range found {
		all = append(all, r)
	}
	return all
}

// offer is a slot as the oracle has it.
type offer struct {
	starts, ends int64
	opening      int
	class        schedule.Class
}

// slots walks over all minutes.
func (p *practice) slots() []offer {
	var all []offer
	begin, end := p.minute(int64(p.query.From-2)*day*60), p.minute(int64(p.query.To+2)*day*60)
	for m := begin; m < end; m++ {
		if i, _ := p.winner(m); i < 0 {
			continue
		}
		v := p.judge(m)
		if v.offered && int(p.query.From) <= v.date && v.date < int(p.query.To) {
			starts := p.instant(m)
			all = append(all, offer{starts, starts + int64(inMinutes(p.plan.Service.Duration))*60, v.opening, v.class})
		}
	}
	return all
}

// byTheRulesAlone is the practice with nothing taken.
func (p *practice) byTheRulesAlone() *practice {
	empty := *p
	empty.load = schedule.Load{}
	empty.count()
	return &empty
}

// openHours walks over all minutes at which an opening is open and not closed.
func (p *practice) openHours(from, to schedule.Date) []schedule.Interval {
	var all []schedule.Interval
	begin, end := p.minute(int64(from-2)*day*60), p.minute(int64(to+2)*day*60)
	was := false
	for m := begin; m < end; m++ {
		open := false
		for i := range p.plan.Openings {
			date, ok := p.window(i, m)
			open = open || ok && int(from) <= date && date < int(to) && !p.closed(i, m)
		}
		switch {
		case open && !was:
			all = append(all, schedule.Interval{Starts: p.instant(m), Ends: p.instant(m + 1)})
		case open:
			all[len(all)-1].Ends = p.instant(m + 1)
		}
		was = open
	}
	return all
}

var noLocation id.Location
