package schedule

import (
	"slices"
	"time"

	"siegel/platform/id"
)

// Period is what a quota counts over.
type Period uint8

// The periods, by the local date on which a slot begins.
const (
	Day   Period = iota
	Week         // ISO 8601: from Monday
	Month        // of the calendar
)

// First returns the first date of the period that a date is in.
func (p Period) First(d Date) Date {
	switch p {
	case Week:
		return d - Date(d.Weekday()-1)
	case Month:
		t := time.Unix(d.seconds(), 0).UTC()
		return d - Date(t.Day()-1)
	default:
		return d
	}
}

// Quota is a limit on how many slots are given away in a period.
type Quota struct {
	ID  id.Quota
	Max int
	Per Period
	// For is whose bookings it counts and limits.
	For Group
	// Release is from how many days before a date on it no longer limits that
	// date; negative is never.
	Release int
	// ValidFrom and ValidUntil are the first and the last date of slots that
	// it is about; zero is no limit.
	ValidFrom, ValidUntil Date
}

// Use is how much of a quota is used up in one period, named by its first date.
type Use struct {
	Period Date
	N      int
}

// Alternative is one way to fit a slot: whoever belongs to For books it, and
// uses up the quotas (indexes into [Plan].Quotas, rising).
type Alternative struct {
	For    Group
	Quotas []int
}

// Class says for whom a slot is: for whoever fits one of the alternatives,
// whose groups do not overlap. Condition is the opening's. Both are in terms
// of the plan whose slot it is.
type Class struct {
	Condition    int
	Alternatives []Alternative
}

// Class returns for whom the slot is that begins at starts in an opening (an
// index into p.Openings), as the quotas are used up; false where it is for
// nobody. used is [Load].Used; now decides what has been released or opened to
// all. The opening has to have that start.
func (p *Plan) Class(opening int, starts int64, used [][]Use, now time.Time) (Class, bool) {
	o := &p.Openings[opening]
	c, _ := p.forWhom(o, o.begins(starts), starts, used, now)
	return c, len(c.Alternatives) > 0
}

// left returns who remains of a group once the opening's quotas that are used
// up have taken theirs, and appends those that still count to live.
func (p *Plan) left(live []int, left Group, o *Opening, date, today Date, used [][]Use) (Group, []int) {
	for _, i := range o.Quotas {
		q := &p.Quotas[i]
		switch {
		case !q.limits(date, today):
		case q.usedUp(date, used, i):
			left &^= q.For
		default:
			live = append(live, i)
		}
	}
	return left, live
}

// limits reports whether the quota is about slots on a date, seen from today.
func (q *Quota) limits(date, today Date) bool {
	return (q.ValidFrom == 0 || date >= q.ValidFrom) &&
		(q.ValidUntil == 0 || date <= q.ValidUntil) &&
		(q.Release < 0 || date-today > Date(q.Release))
}

// usedUp reports whether nothing is left of the quota, the index-th of the
// plan, in the period of a date.
func (q *Quota) usedUp(date Date, used [][]Use, index int) bool {
	return q.used(date, used, index) >= q.Max
}

func (q *Quota) used(date Date, used [][]Use, index int) int {
	if index >= len(used) {
		return 0
	}
	period := q.Per.First(date)
	k, found := slices.BinarySearchFunc(used[index], period, byPeriod)
	if !found {
		return 0
	}
	return used[index][k].N
}

func byPeriod(u Use, d Date) int { return int(u.Period - d) }

// class parts a group by which of the live quotas count whom.
func (p *Plan) class(o *Opening, group Group, live []int) Class {
	return Class{Condition: o.Condition, Alternatives: p.alternatives(nil, group, live)}
}

// alternatives appends one for each set of live quotas that count somebody of
// a group, in the order of the first whom each is for.
func (p *Plan) alternatives(dst []Alternative, group Group, live []int) []Alternative {
	for group != 0 {
		same, quotas := group, []int(nil)
		first := group & -group
		for _, i := range live {
			if counted := p.Quotas[i].For; counted&first != 0 {
				same &= counted
				quotas = append(quotas, i)
			} else {
				same &^= counted
			}
		}
		slices.Sort(quotas)
		dst = append(dst, Alternative{For: same, Quotas: quotas})
		group &^= same
	}
	return dst
}

// Group returns all whom one of the alternatives fits.
func (c Class) Group() Group {
	var g Group
	for _, a := range c.Alternatives {
		g |= a.For
	}
	return g
}

// appendClass returns the index of an equal class, which it appends where
// there is none. It keeps a copy of the alternatives.
func appendClass(classes []Class, condition int, alternatives []Alternative) ([]Class, int32) {
	for i := range classes {
		if classes[i].Condition == condition && slices.EqualFunc(classes[i].Alternatives, alternatives, Alternative.equal) {
			return classes, int32(i)
		}
	}
	return append(classes, Class{condition, slices.Clone(alternatives)}), int32(len(classes))
}

func (a Alternative) equal(b Alternative) bool {
	return a.For == b.For && slices.Equal(a.Quotas, b.Quotas)
}
