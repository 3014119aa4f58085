package practice

import (
	"fmt"
	"slices"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// Closure is a time at which the practice is closed, against its openings: all
// of it, or one practitioner, one location, or one resource (of several that
// are named, where all of them meet). It is wall time in the zone of each
// location concerned.
type Closure struct {
	ID           id.Closure
	Practitioner id.Practitioner
	Location     id.Location
	// Resource is the room, device or person that is closed; of the practice
	// nothing else is.
	Resource id.Resource
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
	maxClosedDays = 40
	// closuresKept is how many days a closure stays in the offer when it is over.
	closuresKept = 7
)

// concerns reports whether the closure closes the practitioner, whose resource
// is given, at the location; or a room or device, without a practitioner.
func (c *Closure) concerns(p id.Practitioner, r id.Resource, l id.Location) bool {
	return (c.Practitioner.IsZero() || c.Practitioner == p) &&
		(c.Resource.IsZero() || c.Resource == r) &&
		(c.Location.IsZero() || c.Location == l)
}

// personal reports whether it closes somebody or something rather than a place.
func (c *Closure) personal() bool { return !c.Practitioner.IsZero() || !c.Resource.IsZero() }

// dayOff is a day on which all that is at some locations is closed: a public
// holiday, or a day of the practice's own choice.
type dayOff struct {
	date    schedule.Date
	holiday bool
	name    string
	places  []id.Location // nil is all; the zero location is that of what has none
}

func (d *dayOff) at(l id.Location) bool { return d.places == nil || slices.Contains(d.places, l) }

// calendar knows when an offer is closed, and puts it together once for each
// place and, where it differs, practitioner.
type calendar struct {
	offer *Offer
	known map[whose][]schedule.Interval
}

type whose struct {
	practitioner id.Practitioner // zero where it has no closures of its own
	location     id.Location
	school       SchoolDays
}

// years is for how many years an offer knows holidays: more than a service's
// longest horizon and the longest question, see [Offer.lasts].
const years = 5

// calendar fills in the days that an offer is closed on from a date on.
func (o *Offer) calendar(from schedule.Date) *calendar {
	type region struct {
		land         schedule.Land
		municipality schedule.Municipality
	}
	var (
		first   = from.Year()
		usual   = region{o.Practice.Land, o.Practice.Municipality}
		regions = []region{usual}
		places  = map[region][]id.Location{usual: {id.Location{}}}
	)
	for _, l := range o.Locations {
		r := region{l.Land, l.Municipality}
		if r.land == "" {
			r = usual
		}
		if places[r] == nil {
			regions = append(regions, r)
		}
		places[r] = append(places[r], l.ID)
	}
	for year := first; year < first+years; year++ {
		for _, r := range regions {
			for _, h := range schedule.Holidays(r.land, r.municipality, year) {
				o.daysOff = append(o.daysOff, dayOff{h.Date, true, h.Name, places[r]})
			}
		}
		for _, yearly := range o.Practice.ClosedDays {
			if date, ok := yearly.In(year); ok {
				o.daysOff = append(o.daysOff, dayOff{date: date, name: yearly.Name()})
			}
		}
	}
	slices.SortStableFunc(o.daysOff, func(a, b dayOff) int { return int(a.date - b.date) })
	o.from, o.until = from, schedule.NewDate(first+years, time.January, 1)
	return &calendar{o, map[whose][]schedule.Interval{}}
}

// lasts reports whether the offer knows the holidays of all that can be booked
// on a date; if not it has to be loaded anew.
func (o *Offer) lasts(today schedule.Date) bool { return today+MaxCountedDays+MaxDays < o.until }

// closed returns when the practitioner is closed at the location, in windows
// that depend on school holidays as given.
func (c *calendar) closed(p id.Practitioner, l id.Location, zone *time.Location, school SchoolDays) []schedule.Interval {
	o, key := c.offer, whose{location: l, school: school}
	own := o.Practitioners[o.practitioners[p]].Resource
	if slices.ContainsFunc(o.Closures, func(x Closure) bool { return x.personal() && x.concerns(p, own, l) }) {
		key.practitioner = p
	}
	if known, ok := c.known[key]; ok {
		return known
	}
	c.known[key] = schedule.Union(o.shut(o.school(nil, school, zone), p, own, l, zone))
	return c.known[key]
}

// shut appends when the practitioner, whose resource is given, is closed at the
// location, or a room or device, without a practitioner.
func (o *Offer) shut(dst []schedule.Interval, p id.Practitioner, r id.Resource, l id.Location, zone *time.Location) []schedule.Interval {
	for i := range o.daysOff {
		if o.daysOff[i].at(l) {
			dst = schedule.WholeDay(o.daysOff[i].date).AppendIn(dst, zone)
		}
	}
	for i := range o.Closures {
		if o.Closures[i].concerns(p, r, l) {
			dst = o.Closures[i].AppendIn(dst, zone)
		}
	}
	return dst
}

// schoolDays are days without school, as a calendar has them.
type schoolDays struct {
	calendar id.Calendar
	schedule.Stretch
}

// daysWithoutSchool is a run of them, both dates inclusive.
func daysWithoutSchool(calendar id.Calendar, from, until schedule.Date) schoolDays {
	return schoolDays{calendar, schedule.Stretch{From: from, Until: until, UntilMinute: 24 * 60}}
}

// school appends when a window is closed for its dependence on school holidays.
func (o *Offer) school(dst []schedule.Interval, how SchoolDays, zone *time.Location) []schedule.Interval {
	if how == AnyDay {
		return dst
	}
	var holidays []schedule.Interval
	for _, s := range o.schoolHolidays {
		holidays = s.AppendIn(holidays, zone)
	}
	if how == OutsideHolidays {
		return append(dst, holidays...)
	}
	return o.outside(dst, schedule.Union(holidays))
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
			c.PublicText == "" && (c.Substitute == Substitute{} || c.personal()):
			continue
		}
		who := c.Practitioner
		if !c.Resource.IsZero() {
			// That of a room or device is nothing to patients.
			if who = o.practitionerOf(c.Resource); who.IsZero() {
				continue
			}
		}
		n := Notice{From: c.From, Until: c.Until, Text: c.PublicText}
		if c.FromMinute != 0 {
			n.FromTime = clockTime(c.FromMinute)
		}
		if c.UntilMinute != 24*60 {
			n.UntilTime = clockTime(c.UntilMinute)
		}
		if !who.IsZero() {
			n.Practitioner = &who
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

func clockTime(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }
