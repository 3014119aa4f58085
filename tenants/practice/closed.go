package practice

import (
	"slices"

	"siegel/tenants/schedule"
)

// Reasons for a [ClosedDay].
const (
	ClosedForHoliday = "holiday"
	ClosedByPractice = "closure"
	ClosedAsFull     = "full"  // all of it is taken
	ClosedByQuota    = "quota" // there is time, but quotas leave it to nobody
	ClosedUntilLater = "later" // not yet in sale
	ClosedByHours    = "none"  // no window; only of the appointments of a series
)

// ClosedDay is a day on which nothing can be booked although it has a window.
// Of a holiday it has the name, of a closure the text for patients, if there is
// one, and of what comes into sale later when.
type ClosedDay struct {
	Date   schedule.Date
	Reason string
	Name   string
	Text   string
	Opens  int64 // in seconds since 1970 UTC; zero is not known
}

// wordOf says the engine's reason in a word for patients; empty for what is
// nothing to them: what has been, or never was.
func wordOf(r schedule.Reason) string {
	switch r {
	case schedule.ReasonClosed:
		return ClosedByPractice
	case schedule.ReasonBusy, schedule.ReasonHeld, schedule.ReasonImported, schedule.ReasonNeed, schedule.ReasonTravel,
		schedule.ReasonGroupFull:
		return ClosedAsFull
	case schedule.ReasonQuota:
		return ClosedByQuota
	case schedule.ReasonNotReleased, schedule.ReasonHorizon:
		return ClosedUntilLater
	default:
		return ""
	}
}

// weight says which word stands for a day where practitioners have several:
// that with which patients can do the most.
func weight(word string) int {
	return slices.Index([]string{"", ClosedByPractice, ClosedAsFull, ClosedByQuota, ClosedUntilLater}, word)
}

// closedDays returns the days of [from, to) that are not full of slots and
// have a window, and why. full is of the dates from m.From on.
func (m *matter) closedDays(from, to schedule.Date, full []bool) []ClosedDay {
	days := []ClosedDay{}
	for date := from; date < to; date++ {
		if full[date-m.From] || !m.windowOn(date) {
			continue
		}
		if day, ok := m.emptyDay(date); ok {
			days = append(days, day)
		}
	}
	return days
}

// windowOn reports whether a window that could be booked may begin on date.
func (m *matter) windowOn(date schedule.Date) bool {
	weekday, yesterday := date.Weekday(), (date - 1).Weekday()
	for i := range m.steps[0].plans {
		for k := range m.steps[0].plans[i].Openings {
			o := &m.steps[0].plans[i].Openings[k]
			begins := o.Weekdays.Has(weekday) || o.Until > 24*60 && o.Weekdays.Has(yesterday)
			if begins && !o.WalkIn && (!o.Staff || m.Staff) &&
				(o.ValidFrom == 0 || date >= o.ValidFrom) && (o.ValidUntil == 0 || date <= o.ValidUntil+1) {
				return true
			}
		}
	}
	return false
}

// emptyDay says why a date has no slot; false where it never could have had one.
func (m *matter) emptyDay(date schedule.Date) (ClosedDay, bool) {
	var (
		st  = &m.steps[0]
		day = ClosedDay{Date: date}
		q   = m.query()
	)
	q.From, q.To = date, date+1
	for i := range st.plans {
		reason, at := st.plans[i].EmptyDay(date, &st.loads[i], q)
		word := wordOf(reason)
		if reason == schedule.ReasonOffered {
			word = ClosedAsFull // there are slots, but what goes with them is taken
		}
		if weight(word) > weight(day.Reason) {
			day.Reason = word
		}
		if word == ClosedUntilLater && at > 0 && (day.Opens == 0 || at < day.Opens) {
			day.Opens = at
		}
	}
	switch day.Reason {
	case "":
		return day, false
	case ClosedByPractice:
		return m.offer.closedDay(st.plans, date)
	}
	return day, true
}

// closedDay says what closes a date; false where nothing does but the rhythm
// of its windows, as school holidays.
func (o *Offer) closedDay(plans []Plan, date schedule.Date) (ClosedDay, bool) {
	var days []ClosedDay
	concerned := func(is func(*Plan, *schedule.Opening) bool) bool {
		return slices.ContainsFunc(plans, func(p Plan) bool {
			return slices.ContainsFunc(p.Openings, func(o schedule.Opening) bool { return is(&p, &o) })
		})
	}
	for i := range o.daysOff {
		d := &o.daysOff[i]
		if d.date != date || !concerned(func(_ *Plan, o *schedule.Opening) bool { return d.at(o.Location) }) {
			continue
		}
		if d.holiday {
			days = append(days, ClosedDay{Date: date, Reason: ClosedForHoliday, Name: d.name})
		} else {
			days = append(days, ClosedDay{Date: date, Reason: ClosedByPractice, Text: d.name})
		}
	}
	for i := range o.Closures {
		c := &o.Closures[i]
		if date >= c.From && date <= c.Until &&
			concerned(func(p *Plan, o *schedule.Opening) bool { return c.concerns(p.Practitioner, p.Resource, o.Location) }) {
			days = append(days, ClosedDay{Date: date, Reason: ClosedByPractice, Text: c.PublicText})
		}
	}
	if len(days) == 0 {
		return ClosedDay{}, false
	}
	// A holiday says more than a day of the practice's, and that more than a
	// closure around it; a closure with words more than one without.
	return slices.MinFunc(days, func(a, b ClosedDay) int { return rank(a) - rank(b) }), true
}

func rank(d ClosedDay) int {
	switch {
	case d.Reason == ClosedForHoliday:
		return 0
	case d.Text != "":
		return 1
	}
	return 2
}
