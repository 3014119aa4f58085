package ics

import (
	"errors"
	"strings"
	"time"
)

const (
	daySeconds  = 24 * 60 * 60
	weekSeconds = 7 * daySeconds
)

// What is wrong with a value; the parser says where. The value is not repeated.
var (
	errTwice    = errors.New("stands there twice")
	errTime     = errors.New("no date, and no date with a time")
	errDuration = errors.New("no duration")
	errOffset   = errors.New("no offset from UTC")
	errPeriod   = errors.New("no period")
	errRule     = errors.New("no recurrence rule")
)

// kind is the form of a DATE or DATE-TIME.
type kind uint8

const (
	noTime kind = iota
	wholeDay
	localTime // of the zone, or where that is empty floating
	utcTime
)

// value is a DATE or a DATE-TIME (RFC 5545 sections 3.3.4 and 3.3.5): what a
// wall clock shows, in seconds since it showed 1970.
type value struct {
	kind kind
	wall int64
	zone string
}

// parseValue reads a DATE or DATE-TIME by its form; a VALUE parameter that
// says otherwise is wrong more often than the value.
func parseValue(s, zone string) (value, error) {
	if len(s) != 8 && (len(s) != 15 && (len(s) != 16 || s[15] != 'Z' && s[15] != 'z') || s[8] != 'T' && s[8] != 't') {
		return value{}, errTime
	}
	year, ok1 := number(s[0:4])
	month, ok2 := number(s[4:6])
	day, ok3 := number(s[6:8])
	if !ok1 || !ok2 || !ok3 || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return value{}, errTime
	}
	v := value{kind: wholeDay, wall: dayNumber(year, time.Month(month), day) * daySeconds}
	if len(s) == 8 {
		return v, nil
	}
	hour, ok1 := number(s[9:11])
	minute, ok2 := number(s[11:13])
	second, ok3 := number(s[13:15])
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 60 {
		return value{}, errTime
	}
	v.kind, v.zone = localTime, zone
	if len(s) == 16 {
		v.kind, v.zone = utcTime, ""
	}
	v.wall += int64(hour)*3600 + int64(minute)*60 + int64(min(second, 59)) // leap seconds do not exist here
	return v, nil
}

func values(dst []value, prop property) ([]value, error) {
	for s := range strings.SplitSeq(prop.value, ",") {
		v, err := parseValue(strings.TrimSpace(s), prop.params["TZID"])
		if err != nil {
			return dst, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// periods reads PERIOD values (RFC 5545 section 3.3.9), and dates alone.
func periods(dst []period, prop property, line int) ([]period, error) {
	for s := range strings.SplitSeq(prop.value, ",") {
		first, second, found := strings.Cut(strings.TrimSpace(s), "/")
		starts, err := parseValue(first, prop.params["TZID"])
		if err != nil {
			return dst, err
		}
		p := period{line: line, starts: starts}
		switch {
		case !found && prop.name == "FREEBUSY":
			return dst, errPeriod
		case !found:
		case strings.HasPrefix(second, "P") || strings.HasPrefix(second, "+"):
			p.lasts, err = parseDuration(second)
			p.hasDuration = true
		default:
			p.ends, err = parseValue(second, prop.params["TZID"])
			p.hasEnd = true
		}
		if err != nil {
			return dst, err
		}
		dst = append(dst, p)
	}
	return dst, nil
}

// duration is a DURATION (RFC 5545 section 3.3.6): its days are days of the
// wall clock, its seconds exact.
type duration struct{ days, seconds int64 }

// maxDays bounds durations, and the days of everything.
const maxDays = 10_000 * 366

func parseDuration(s string) (duration, error) {
	rest := strings.ToUpper(strings.TrimPrefix(s, "+"))
	rest, ok := strings.CutPrefix(rest, "P")
	if !ok || rest == "" {
		return duration{}, errDuration
	}
	var d duration
	for clock := false; rest != ""; {
		if rest[0] == 'T' && !clock && len(rest) > 1 {
			clock, rest = true, rest[1:]
			continue
		}
		i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if i < 1 || i > 9 {
			return duration{}, errDuration
		}
		n, _ := number(rest[:i])
		switch {
		case rest[i] == 'W' && !clock:
			d.days += 7 * int64(n)
		case rest[i] == 'D' && !clock:
			d.days += int64(n)
		case rest[i] == 'H' && clock:
			d.seconds += 3600 * int64(n)
		case rest[i] == 'M' && clock:
			d.seconds += 60 * int64(n)
		case rest[i] == 'S' && clock:
			d.seconds += int64(n)
		default:
			return duration{}, errDuration
		}
		if d.days > maxDays || d.seconds > maxDays*daySeconds {
			return duration{}, errDuration
		}
		rest = rest[i+1:]
	}
	return d, nil
}

// parseOffset reads a UTC-OFFSET (RFC 5545 section 3.3.14) as seconds east.
func parseOffset(s string) (int64, error) {
	if len(s) != 5 && len(s) != 7 || s[0] != '+' && s[0] != '-' {
		return 0, errOffset
	}
	hours, ok1 := number(s[1:3])
	minutes, ok2 := number(s[3:5])
	seconds, ok3 := 0, true
	if len(s) == 7 {
		seconds, ok3 = number(s[5:7])
	}
	if !ok1 || !ok2 || !ok3 || hours > 23 || minutes > 59 || seconds > 59 {
		return 0, errOffset
	}
	offset := int64(hours)*3600 + int64(minutes)*60 + int64(seconds)
	if s[0] == '-' {
		offset = -offset
	}
	return offset, nil
}

// number reads up to nine digits and nothing else.
func number(s string) (n int, ok bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, true
}

// dayNumber counts days since 1970-01-01.
func dayNumber(year int, month time.Month, day int) int64 {
	return floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), daySeconds)
}

func midnight(day int64) time.Time { return time.Unix(day*daySeconds, 0).UTC() }

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
