package ics

import (
	"fmt"
	"iter"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// frequency is FREQ, from the longest period to the shortest.
type frequency uint8

const (
	yearly frequency = iota
	monthly
	weekly
	daily
	hourly
	minutely
	secondly
)

// rule is a recurrence rule (RFC 5545 section 3.3.10). Sets of numbers are bit
// sets: whatever a calendar lists, a rule stays small.
type rule struct {
	freq     frequency
	interval int64
	count    int   // 0 is without end
	until    value // kind noTime is without end

	months                  uint16 // bit 1 is January
	monthDays, lastDays     uint32 // from the first day, from the last; bit 1 is the first or last
	yearDays, lastYearDays  [6]uint64
	weeks, lastWeeks        uint64
	days                    []nthDay
	hours, minutes, seconds uint64
	positions               []int
	weekStart               int // 0 is Monday
}

// nthDay is a weekday (0 is Monday), the nth of its month or year; 0 is each.
type nthDay struct{ weekday, n int }

// farFuture is behind all that can be written.
const farFuture = math.MaxInt64 / 4

func parseRule(s string) (*rule, error) {
	r := &rule{interval: 1}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(strings.ToUpper(s), ";") {
		if part == "" {
			continue // a semicolon too many at the end is common
		}
		key, text, _ := strings.Cut(part, "=")
		key, text = strings.TrimSpace(key), strings.TrimSpace(text)
		if seen[key] {
			return nil, fmt.Errorf("%w: a part twice", errRule)
		}
		seen[key] = true
		if !r.set(key, text) {
			return nil, fmt.Errorf("%w: %.12q", errRule, key)
		}
	}
	if !seen["FREQ"] {
		return nil, fmt.Errorf("%w: no FREQ", errRule)
	}
	return r, nil
}

func (r *rule) set(key, text string) (ok bool) {
	set64 := func(set *uint64, least, most int) bool {
		return list(text, least, most, func(n int) { *set |= 1 << n })
	}
	switch key {
	case "FREQ":
		i := slices.Index([]string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"}, text)
		r.freq = frequency(max(i, 0))
		return i >= 0
	case "INTERVAL":
		n, ok := number(text)
		r.interval = int64(n)
		return ok && n > 0
	case "COUNT":
		r.count, ok = number(text)
		return ok && r.count > 0
	case "UNTIL":
		var err error
		r.until, err = parseValue(text, "")
		return err == nil
	case "WKST":
		r.weekStart = weekday(text)
		return r.weekStart >= 0
	case "BYMONTH":
		return list(text, 1, 12, func(n int) { r.months |= 1 << n })
	case "BYMONTHDAY":
		return list(text, -31, 31, func(n int) {
			if n > 0 {
				r.monthDays |= 1 << n
			} else {
				r.lastDays |= 1 << -n
			}
		})
	case "BYYEARDAY":
		return list(text, -366, 366, func(n int) {
			if n > 0 {
				r.yearDays[n/64] |= 1 << (n % 64)
			} else {
				r.lastYearDays[-n/64] |= 1 << (-n % 64)
			}
		})
	case "BYWEEKNO":
		return list(text, -53, 53, func(n int) {
			if n > 0 {
				r.weeks |= 1 << n
			} else {
				r.lastWeeks |= 1 << -n
			}
		})
	case "BYDAY":
		return r.setDays(text)
	case "BYHOUR":
		return set64(&r.hours, 0, 23)
	case "BYMINUTE":
		return set64(&r.minutes, 0, 59)
	case "BYSECOND":
		ok := set64(&r.seconds, 0, 60)
		if r.seconds>>60 != 0 { // a leap second; they do not exist here
			r.seconds = r.seconds&(1<<60-1) | 1<<59
		}
		return ok
	case "BYSETPOS":
		ok := list(text, -366, 366, func(n int) {
			if !slices.Contains(r.positions, n) {
				r.positions = append(r.positions, n)
			}
		})
		return ok
	case "SKIP":
		return text == "OMIT"
	case "RSCALE":
		return text == "GREGORIAN"
	}
	return strings.HasPrefix(key, "X-")
}

func (r *rule) setDays(text string) bool {
	for s := range strings.SplitSeq(text, ",") {
		s = strings.TrimSpace(s)
		if len(s) < 2 {
			return false
		}
		d := nthDay{weekday: weekday(s[len(s)-2:])}
		if d.weekday < 0 {
			return false
		}
		if s = s[:len(s)-2]; s != "" && !list(s, -53, 53, func(n int) { d.n = n }) {
			return false
		}
		if !slices.Contains(r.days, d) {
			r.days = append(r.days, d)
		}
	}
	return true
}

func weekday(s string) int {
	return slices.Index([]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}, s)
}

// list reads numbers between commas, within bounds; where the least is below
// zero, zero is none.
func list(text string, least, most int, take func(int)) bool {
	for s := range strings.SplitSeq(text, ",") {
		s = strings.TrimSpace(s)
		sign := 1
		if rest, minus := strings.CutPrefix(s, "-"); minus {
			s, sign = rest, -1
		} else {
			s = strings.TrimPrefix(s, "+")
		}
		n, ok := number(s)
		if n *= sign; !ok || n < least || n > most || n == 0 && least < 0 {
			return false
		}
		take(n)
	}
	return true
}

// day is a date with all that rules ask about it.
type day struct {
	number                    int64
	year, month, day, yearDay int
	monthLength, yearLength   int
	weekday                   int // 0 is Monday
}

func dayOf(number int64) day {
	t := midnight(number)
	year, month, d := t.Date()
	length := 365
	if daysIn(year, 2) == 29 {
		length = 366
	}
	return day{number, year, int(month), d, t.YearDay(), daysIn(year, int(month)), length, weekdayOf(number)}
}

func weekdayOf(number int64) int { return int(number + 3 - 7*floorDiv(number+3, 7)) } // 1970-01-01 was a Thursday

// next is the day after.
func (d day) next() day {
	if d.day == d.monthLength {
		return dayOf(d.number + 1)
	}
	d.number++
	d.day++
	d.yearDay++
	d.weekday = (d.weekday + 1) % 7
	return d
}

// week returns the number of the week that d lies in and how many its year has.
// The first week of a year is the one with at least four days in it.
func (d day) week(start int) (n, of int) {
	// The middle of the week decides to which year it belongs.
	middle := d.number - int64((d.weekday-start+7)%7) + 3
	m := midnight(middle)
	length := int64(365)
	if daysIn(m.Year(), 2) == 29 {
		length = 366
	}
	n = (m.YearDay()-1)/7 + 1
	return n, n + int((length-int64(m.YearDay()))/7)
}

// matches says whether the rule has instances on a day.
func (r *rule) matches(d day) bool {
	if r.months != 0 && r.months>>d.month&1 == 0 {
		return false
	}
	if r.monthDays|r.lastDays != 0 && r.monthDays>>d.day&1 == 0 && r.lastDays>>(d.monthLength-d.day+1)&1 == 0 {
		return false
	}
	if r.yearDays != [6]uint64{} || r.lastYearDays != [6]uint64{} {
		last := d.yearLength - d.yearDay + 1
		if r.yearDays[d.yearDay/64]>>(d.yearDay%64)&1 == 0 && r.lastYearDays[last/64]>>(last%64)&1 == 0 {
			return false
		}
	}
	if r.weeks|r.lastWeeks != 0 {
		n, of := d.week(r.weekStart)
		if r.weeks>>n&1 == 0 && r.lastWeeks>>(of-n+1)&1 == 0 {
			return false
		}
	}
	return len(r.days) == 0 || slices.ContainsFunc(r.days, func(n nthDay) bool { return r.fits(n, d) })
}

func (r *rule) fits(n nthDay, d day) bool {
	if n.weekday != d.weekday {
		return false
	}
	at, length := d.day, d.monthLength
	switch {
	case n.n == 0 || r.freq > monthly || r.weeks|r.lastWeeks != 0:
		return true // elsewhere a number has no meaning
	case r.freq == yearly && r.months == 0:
		at, length = d.yearDay, d.yearLength
	}
	if n.n > 0 {
		return (at-1)/7+1 == n.n
	}
	return (length-at)/7+1 == -n.n
}

// complete returns the rule with what it leaves to the start.
func (r *rule) complete(start int64) rule {
	c := *r
	d := dayOf(floorDiv(start, daySeconds))
	if c.monthDays|c.lastDays == 0 && c.yearDays == [6]uint64{} && c.lastYearDays == [6]uint64{} && len(c.days) == 0 {
		switch {
		case c.weeks|c.lastWeeks != 0 && c.freq == yearly, c.freq == weekly:
			c.days = []nthDay{{weekday: d.weekday}}
		case c.freq == yearly:
			if c.months == 0 {
				c.months = 1 << d.month
			}
			c.monthDays = 1 << d.day
		case c.freq == monthly:
			c.monthDays = 1 << d.day
		}
	}
	second := start - d.number*daySeconds
	if c.hours == 0 && c.freq < hourly {
		c.hours = 1 << (second / 3600)
	}
	if c.minutes == 0 && c.freq < minutely {
		c.minutes = 1 << (second / 60 % 60)
	}
	if c.seconds == 0 && c.freq < secondly {
		c.seconds = 1 << (second % 60)
	}
	return c
}

// expand returns the wall times at or after start that the rule makes, within
// [from, to) and up to until, in order. The wall clock is one without changes:
// which instants they are, the zone says. work is how much may still be looked
// at; where it does not suffice, the answer is [ErrCalendarTooLarge].
func (r *rule) expand(start, until, from, to int64, work *int) ([]int64, error) {
	c := r.complete(start)
	g := generator{rule: &c, start: start, until: until, from: max(from, start), to: to, work: work}
	if c.freq >= hourly {
		g.clock()
	} else {
		g.calendar()
	}
	if *work < 0 {
		return nil, ErrCalendarTooLarge.Because(fmt.Errorf("rules with too many instances"))
	}
	return g.out, nil
}

// generator walks over the periods of a rule.
type generator struct {
	rule                   *rule
	start, until, from, to int64
	work                   *int
	met                    int // instances so far, where they are counted
	out                    []int64
}

// spend takes n off the work and says whether any is left.
func (g *generator) spend(n int) bool {
	*g.work -= n
	return *g.work >= 0
}

// take takes one instance; they come in order. It returns false behind the last.
func (g *generator) take(wall int64) bool {
	if wall < g.start {
		return true
	}
	if wall >= g.to || wall > g.until {
		return false
	}
	if g.met++; g.rule.count > 0 && g.met > g.rule.count {
		return false
	}
	if wall < g.from {
		return true
	}
	g.out = append(g.out, wall)
	return g.spend(instanceWork)
}

// skip is how many periods lie before the window and need no look: those of a
// rule that does not count its instances.
func (g *generator) skip(periods int64) int64 {
	if g.rule.count > 0 || periods <= 0 {
		return 0
	}
	return periods / g.rule.interval
}

// calendar walks over years, months, weeks or days.
func (g *generator) calendar() {
	r := g.rule
	times := r.times()
	if !g.spend(len(times)) {
		return
	}
	first, now := dayOf(floorDiv(g.start, daySeconds)), dayOf(floorDiv(g.from, daySeconds))
	monday := int64((first.weekday - r.weekStart + 7) % 7)
	week := first.number - monday
	var k int64
	switch r.freq {
	case yearly:
		k = g.skip(int64(now.year - first.year))
	case monthly:
		k = g.skip(int64(12*(now.year-first.year) + now.month - first.month))
	case weekly:
		k = g.skip((now.number - week) / 7)
	case daily:
		k = g.skip(now.number - first.number)
	}
	last := floorDiv(min(g.to-1, g.until), daySeconds)
	for ; ; k++ {
		n := k * r.interval
		var begin, end int64 // days, half-open
		switch r.freq {
		case yearly:
			if n > 10_000 {
				return
			}
			begin = dayNumber(first.year+int(n), 1, 1)
			end = dayNumber(first.year+int(n)+1, 1, 1)
		case monthly:
			if n > 12*10_000 {
				return
			}
			begin = dayNumber(first.year, time.Month(first.month+int(n)), 1)
			end = dayNumber(first.year, time.Month(first.month+int(n)+1), 1)
		case weekly:
			begin = week + 7*n
			end = begin + 7
		case daily:
			begin = first.number + n
			end = begin + 1
		}
		if begin > last || !g.spend(1) || !g.period(begin, end, times) {
			return
		}
	}
}

// period takes the instances of one period. It returns false behind the last.
func (g *generator) period(begin, end int64, times []int64) bool {
	r := g.rule
	var days []int64
	for d := dayOf(begin); d.number < end; {
		if r.months != 0 && r.months>>d.month&1 == 0 {
			d = dayOf(d.number + int64(d.monthLength-d.day+1))
			if !g.spend(1) {
				return false
			}
			continue
		}
		if !g.spend(1 + len(r.days)/8) {
			return false
		}
		if r.matches(d) {
			days = append(days, d.number*daySeconds)
		}
		d = d.next()
	}
	return g.positioned(days, times)
}

// positioned takes all times on all days, or of them those that BYSETPOS names.
func (g *generator) positioned(bases, times []int64) bool {
	total := len(bases) * len(times)
	if len(g.rule.positions) == 0 {
		for _, base := range bases {
			if !g.spend(len(times)) {
				return false
			}
			for _, t := range times {
				if !g.take(base + t) {
					return false
				}
			}
		}
		return true
	}
	if !g.spend(len(g.rule.positions)) || total == 0 {
		return *g.work >= 0
	}
	var chosen []int
	for _, p := range g.rule.positions {
		if p < 0 {
			p += total + 1
		}
		if p >= 1 && p <= total {
			chosen = append(chosen, p-1)
		}
	}
	slices.Sort(chosen)
	for _, i := range slices.Compact(chosen) {
		if !g.take(bases[i/len(times)] + times[i%len(times)]) {
			return false
		}
	}
	return true
}

// members are the numbers in a bit set, in order.
func members(set uint64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for ; set != 0; set &= set - 1 {
			if !yield(int64(bits.TrailingZeros64(set))) {
				return
			}
		}
	}
}

// times are the seconds of the day at which instances begin.
func (r *rule) times() (times []int64) {
	for h := range members(r.hours) {
		for m := range members(r.minutes) {
			for s := range members(r.seconds) {
				times = append(times, 3600*h+60*m+s)
			}
		}
	}
	return times
}

// clock walks over hours, minutes or seconds. What the rule leaves out it
// passes by in strides of a day, an hour or a minute.
func (g *generator) clock() {
	r := g.rule
	unit := map[frequency]int64{hourly: 3600, minutely: 60, secondly: 1}[r.freq]
	step := unit * r.interval
	base := unit * floorDiv(g.start, unit)
	var within []int64 // the seconds of a period at which instances begin
	for s := range unit {
		m := s / 60
		if (r.freq > hourly || r.minutes>>m&1 == 1) && (r.freq > minutely || r.seconds>>(s%60)&1 == 1) {
			within = append(within, s)
		}
	}
	t := base
	if n := g.skip((g.from - base) / unit); n > 0 {
		t += n * step
	}
	// on is the first period at or after an instant.
	on := func(instant int64) int64 { return base - step*floorDiv(base-instant, step) }
	var d day
	var dayFits, dayKnown bool
	for t < g.to && t <= g.until {
		if !g.spend(1) {
			return
		}
		if n := floorDiv(t, daySeconds); !dayKnown || d.number != n {
			d, dayKnown = dayOf(n), true
			dayFits = r.matches(d)
		}
		second := t - d.number*daySeconds
		switch {
		case !dayFits:
			t = on((d.number + 1) * daySeconds)
			continue
		case r.hours != 0 && r.hours>>(second/3600)&1 == 0:
			t = on(t - second%3600 + 3600)
			continue
		case r.freq >= minutely && r.minutes != 0 && r.minutes>>(second/60%60)&1 == 0:
			t = on(t - second%60 + 60)
			continue
		case r.freq == secondly && r.seconds != 0 && r.seconds>>(second%60)&1 == 0:
			t += step
			continue
		}
		if !g.positioned([]int64{t}, within) {
			return
		}
		t += step
	}
}
