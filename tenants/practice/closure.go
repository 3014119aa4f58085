package practice

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// Closure is a time at which the practice is closed, against its openings: all
// of it, or one practitioner, or one location (both: that practitioner there).
// It is wall time in the zone of each location concerned.
type Closure struct {
	ID           id.Closure
	Practitioner id.Practitioner
	Location     id.Location
	schedule.Stretch
	// Reason is for the office alone.
	Reason string
	// PublicText is shown to patients; with it empty, a closure of a single
	// practitioner is not announced.
	PublicText string
	Substitute Substitute
}

// Substitute is the practice that patients turn to meanwhile.
type Substitute struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Phone   string `json:"phone"`
}

const (
	// maxClosure is the longest closure, in days.
	maxClosure    = 730
	maxText       = 300
	maxClosedDays = 40
	// closuresKept is how many days a closure stays in the offer when it is over.
	closuresKept = 7
)

func (c Closure) check(what string) error {
	invalid := func(why string) error { return ErrInvalidClosure.Because(fmt.Errorf("%s: %s", what, why)) }
	switch {
	case c.From == 0 || c.Until == 0 || c.Until-c.From > maxClosure:
		return invalid("needs two dates, at most two years apart")
	case c.FromMinute < 0 || c.FromMinute >= 24*60 || c.UntilMinute < 1 || c.UntilMinute > 24*60:
		return invalid("has a minute outside of the day")
	case c.From > c.Until || (c.From == c.Until && c.FromMinute >= c.UntilMinute):
		return invalid("ends before it starts")
	case c.Substitute.Name == "" && c.Substitute != Substitute{}:
		return invalid("has a substitute without a name")
	}
	for _, text := range []string{c.Reason, c.PublicText, c.Substitute.Name, c.Substitute.Address, c.Substitute.Phone} {
		if utf8.RuneCountInString(text) > maxText || strings.ContainsFunc(text, unicode.IsControl) {
			return invalid("has a text that is too long or has control characters")
		}
	}
	return nil
}

// concerns reports whether the closure closes the practitioner at the location.
func (c *Closure) concerns(p id.Practitioner, l id.Location) bool {
	return (c.Practitioner.IsZero() || c.Practitioner == p) && (c.Location.IsZero() || c.Location == l)
}

func (c *Closure) concernsPlan(p Plan) bool {
	return slices.ContainsFunc(p.Openings, func(o schedule.Opening) bool { return c.concerns(p.Practitioner, o.Location) })
}

// Reasons for a [ClosedDay].
const (
	ClosedForHoliday = "holiday"
	ClosedByPractice = "closure"
)

// ClosedDay is a day on which nothing can be booked since all is closed. Of a
// holiday it has the name, of a closure the text for patients, if there is one.
type ClosedDay struct {
	Date   schedule.Date `json:"date"`
	Reason string        `json:"reason"`
	Name   string        `json:"name,omitempty"`
	Text   string        `json:"text,omitempty"`
}

// dayOff is a day on which all of the practice is closed: a public holiday, or
// a day of its own choice.
type dayOff struct {
	date    schedule.Date
	holiday bool
	name    string
}

// calendar knows when an offer is closed, and puts it together once for each
// place and, where it differs, practitioner.
type calendar struct {
	offer *Offer
	known map[whose][]schedule.Interval
}

type whose struct {
	practitioner id.Practitioner // zero where it has no closures of its own
	location     id.Location
}

// years is for how many years an offer knows holidays: more than a service's
// longest horizon and the longest question, see [Offer.lasts].
const years = 5

// calendar fills in the days that an offer is closed on from a date on.
func (o *Offer) calendar(from schedule.Date) *calendar {
	first := from.Year()
	for year := first; year < first+years; year++ {
		for _, h := range schedule.Holidays(o.Practice.Land, o.Practice.Municipality, year) {
			o.daysOff = append(o.daysOff, dayOff{h.Date, true, h.Name})
		}
		for _, yearly := range o.Practice.ClosedDays {
			if date, ok := yearly.In(year); ok {
				o.daysOff = append(o.daysOff, dayOff{date, false, yearly.Name()})
			}
		}
	}
	slices.SortStableFunc(o.daysOff, func(a, b dayOff) int { return int(a.date - b.date) })
	o.until = schedule.NewDate(first+years, time.January, 1)
	return &calendar{o, map[whose][]schedule.Interval{}}
}

// lasts reports whether the offer knows the holidays of all that can be booked
// on a date; if not it has to be loaded anew.
func (o *Offer) lasts(today schedule.Date) bool { return today+730+MaxDays < o.until }

// closed returns when the practitioner is closed at the location.
func (c *calendar) closed(p id.Practitioner, l id.Location, zone *time.Location) []schedule.Interval {
	key := whose{location: l}
	if slices.ContainsFunc(c.offer.Closures, func(x Closure) bool { return !x.Practitioner.IsZero() && x.concerns(p, l) }) {
		key.practitioner = p
	}
	if known, ok := c.known[key]; ok {
		return known
	}
	var all []schedule.Interval
	for _, day := range c.offer.daysOff {
		all = schedule.WholeDay(day.date).AppendIn(all, zone)
	}
	for i := range c.offer.Closures {
		if c.offer.Closures[i].concerns(p, l) {
			all = c.offer.Closures[i].AppendIn(all, zone)
		}
	}
	all = schedule.Union(all)
	c.known[key] = all
	return all
}

// closedDays returns the days of [from, to) on which closures leave nothing of
// the plans, in order.
func (o *Offer) closedDays(plans []Plan, from, to schedule.Date) []ClosedDay {
	days := []ClosedDay{}
	for _, f := range o.daysOff {
		if f.date < from || f.date >= to {
			continue
		}
		day := ClosedDay{Date: f.date, Reason: ClosedByPractice, Text: f.name}
		if f.holiday {
			day = ClosedDay{Date: f.date, Reason: ClosedForHoliday, Name: f.name}
		}
		days = append(days, day)
	}
	for i := range o.Closures {
		c := &o.Closures[i]
		if !slices.ContainsFunc(plans, c.concernsPlan) {
			continue
		}
		for date := max(from, c.From); date <= min(to-1, c.Until); date++ {
			days = append(days, ClosedDay{Date: date, Reason: ClosedByPractice, Text: c.PublicText})
		}
	}
	// A holiday says more than a day of the practice's, and that more than a
	// closure around it; a closure with words more than one without.
	slices.SortStableFunc(days, func(a, b ClosedDay) int {
		if a.Date != b.Date {
			return int(a.Date - b.Date)
		}
		return rank(a) - rank(b)
	})
	days = slices.CompactFunc(days, func(a, b ClosedDay) bool { return a.Date == b.Date })
	if len(days) == 0 {
		return days
	}
	// Whoever's opening it is: only if all are closed, the day is.
	var openings []schedule.Opening
	for i := range plans {
		openings = append(openings, plans[i].Openings...)
	}
	return slices.DeleteFunc(days, func(d ClosedDay) bool {
		return len(plans) == 0 || !schedule.Shut(openings, plans[0].Service.ID, d.Date)
	})
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

// noticeDays is how far ahead closures are announced.
const noticeDays = 60

// Notice is a closure that patients are told of ahead. From and Until are its
// first and last local date; the times of day are "15:04", and there only where
// it does not begin or end with the day. Practitioner or Location say whose it
// is, where it is not all of the practice.
type Notice struct {
	From         schedule.Date    `json:"from"`
	Until        schedule.Date    `json:"until"`
	FromTime     string           `json:"from_time,omitempty"`
	UntilTime    string           `json:"until_time,omitempty"`
	Practitioner *id.Practitioner `json:"practitioner,omitempty"`
	Location     *id.Location     `json:"location,omitempty"`
	Text         string           `json:"text"`
	Substitute   *Substitute      `json:"substitute"`
}

// Notices returns the closures under way and of the next sixty days that
// patients are told of, by their start: those with words for them or with a
// substitute, of a practitioner only those with words.
func (o *Offer) Notices(now time.Time) []Notice {
	notices := []Notice{}
	for i := range o.Closures {
		c := &o.Closures[i]
		zone := o.zone(c.Location)
		today, spans := schedule.DateOf(now.In(zone)), c.AppendIn(nil, zone)
		switch {
		case len(spans) == 0 || spans[len(spans)-1].Ends <= now.Unix() || c.From > today+noticeDays,
			c.PublicText == "" && (c.Substitute == Substitute{} || !c.Practitioner.IsZero()):
			continue
		}
		n := Notice{From: c.From, Until: c.Until, Text: c.PublicText}
		if c.FromMinute != 0 {
			n.FromTime = clockTime(c.FromMinute)
		}
		if c.UntilMinute != 24*60 {
			n.UntilTime = clockTime(c.UntilMinute)
		}
		if !c.Practitioner.IsZero() {
			n.Practitioner = &c.Practitioner
		}
		if !c.Location.IsZero() {
			n.Location = &c.Location
		}
		if c.Substitute != (Substitute{}) {
			n.Substitute = &c.Substitute
		}
		notices = append(notices, n)
	}
	return notices
}

// zone returns the zone of a location, or the practice's.
func (o *Offer) zone(l id.Location) *time.Location {
	name := o.Practice.Zone
	if location, ok := o.Location(l); ok {
		name = location.Zone
	}
	zone, err := loadZone(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

func clockTime(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }
