package ics

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// calendar is what a reader keeps: times and what decides about them.
type calendar struct {
	zoneName string // X-WR-TIMEZONE
	zones    map[string]*zoneRules
	events   []*event
	periods  []period
}

// event is one VEVENT.
type event struct {
	line                  int // of its BEGIN
	uid, name             string
	sequence              int
	cancelled             bool
	transparent           bool
	starts, ends          value
	hasEnd                bool
	lasts                 duration
	hasDuration           bool
	rules                 []*rule
	extra                 []period // RDATE
	except                []value  // EXDATE
	recurrence            value    // RECURRENCE-ID
	overrides, andFollows bool
}

// period is a start with an end or a duration; RDATE may have neither.
type period struct {
	line         int
	starts, ends value
	lasts        duration
	hasEnd       bool
	hasDuration  bool
}

// zoneRules is one VTIMEZONE.
type zoneRules struct {
	line     int
	location string // X-LIC-LOCATION, an IANA name
	changes  []*observance
}

// observance is one STANDARD or DAYLIGHT.
type observance struct {
	line                int
	starts              value
	before, after       int64 // offsets in seconds
	hasBefore, hasAfter bool
	rules               []*rule
	extra               []value
}

// parser reads line by line. It keeps no text but uids, zone names and, where
// it is asked to, names.
type parser struct {
	calendar *calendar
	named    bool
	open     []string // components
	event    *event
	zone     *zoneRules
	zoneID   string
	change   *observance
	line     int
}

func read(r io.Reader, named bool) (*calendar, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxOctets+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxOctets {
		return nil, ErrCalendarTooLarge.Because(fmt.Errorf("more than %d octets", MaxOctets))
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	p := &parser{calendar: &calendar{zones: map[string]*zoneRules{}}, named: named}
	seen := false
	for n := 1; len(raw) > 0; {
		var line []byte
		p.line = n
		line, raw, n = unfold(raw, n)
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if len(p.open) == 0 && !bytes.EqualFold(bytes.TrimSpace(line), []byte("BEGIN:VCALENDAR")) {
			return nil, p.wrong("a calendar has to begin here")
		}
		seen = true
		if err := p.read(string(line)); err != nil {
			return nil, err
		}
	}
	if !seen || len(p.open) > 0 {
		return nil, p.wrong("the calendar does not end")
	}
	return p.calendar, nil
}

// unfold takes the next content line off raw and returns it with the number of
// the line behind it. Lines may end in CRLF, LF or CR.
func unfold(raw []byte, n int) (line, rest []byte, next int) {
	for {
		i := bytes.IndexAny(raw, "\r\n")
		if i < 0 {
			return glue(line, raw), nil, n
		}
		part := raw[:i]
		if raw[i] == '\r' && i+1 < len(raw) && raw[i+1] == '\n' {
			i++
		}
		raw, n = raw[i+1:], n+1
		line = glue(line, part)
		if len(raw) == 0 || raw[0] != ' ' && raw[0] != '\t' {
			return line, raw, n
		}
		raw = raw[1:]
	}
}

// glue keeps the common case, one physical line, free of copying.
func glue(line, part []byte) []byte {
	if line == nil {
		return part[:len(part):len(part)]
	}
	return append(line, part...)
}

func (p *parser) wrong(format string, args ...any) error {
	return ErrCalendarMalformed.Because(fmt.Errorf("line %d: %s", p.line, fmt.Sprintf(format, args...)))
}

// property is one content line. Parameter names are in upper case.
type property struct {
	name   string
	params map[string]string
	value  string
}

// wanted are the properties that decide about times; the rest is not even split.
func wanted(name string) bool {
	switch name {
	case "BEGIN", "END", "UID", "SUMMARY", "SEQUENCE", "STATUS", "TRANSP", "DTSTART", "DTEND", "DURATION", "RRULE",
		"RDATE", "EXDATE", "RECURRENCE-ID", "FREEBUSY", "TZID", "X-LIC-LOCATION", "TZOFFSETFROM", "TZOFFSETTO", "X-WR-TIMEZONE":
		return true
	}
	return false
}

// split reads name, parameters and value (RFC 5545 section 3.1). ok is false
// for a line that is none of those wanted: exports are full of texts whose
// line breaks nobody escaped.
func split(line string) (prop property, ok bool) {
	end := strings.IndexAny(line, ":;")
	if end < 0 {
		return property{}, false
	}
	prop.name = strings.ToUpper(strings.TrimSpace(line[:end]))
	if !wanted(prop.name) {
		return property{}, false
	}
	for line[end] == ';' {
		rest := line[end+1:]
		quoted, stop := false, -1
		for i := 0; i < len(rest) && stop < 0; i++ {
			switch c := rest[i]; {
			case c == '"':
				quoted = !quoted
			case (c == ';' || c == ':') && !quoted:
				stop = i
			}
		}
		if stop < 0 {
			return prop, false
		}
		if key, text, found := strings.Cut(rest[:stop], "="); found {
			if prop.params == nil {
				prop.params = map[string]string{}
			}
			prop.params[strings.ToUpper(strings.TrimSpace(key))] = strings.Trim(strings.TrimSpace(text), `"`)
		}
		end += 1 + stop
	}
	prop.value = strings.TrimSpace(line[end+1:])
	return prop, true
}

func (p *parser) read(line string) error {
	prop, ok := split(line)
	if !ok {
		if prop.name != "" {
			return p.wrong("%s has no value", prop.name)
		}
		return nil
	}
	switch prop.name {
	case "BEGIN":
		return p.begin(strings.ToUpper(prop.value))
	case "END":
		return p.end(strings.ToUpper(prop.value))
	}
	var err error
	switch strings.Join(p.open, "/") {
	case "VCALENDAR":
		if prop.name == "X-WR-TIMEZONE" {
			p.calendar.zoneName = prop.value
		}
	case "VCALENDAR/VEVENT":
		err = p.ofEvent(prop)
	case "VCALENDAR/VFREEBUSY":
		if prop.name == "FREEBUSY" && !strings.EqualFold(prop.params["FBTYPE"], "FREE") {
			p.calendar.periods, err = periods(p.calendar.periods, prop, p.line)
		}
	case "VCALENDAR/VTIMEZONE":
		switch prop.name {
		case "TZID":
			p.zoneID = prop.value
		case "X-LIC-LOCATION":
			p.zone.location = prop.value
		}
	case "VCALENDAR/VTIMEZONE/STANDARD", "VCALENDAR/VTIMEZONE/DAYLIGHT":
		err = p.ofChange(prop)
	}
	if err != nil {
		return p.wrong("%s: %v", prop.name, err)
	}
	return nil
}

func (p *parser) begin(component string) error {
	if (component == "VCALENDAR") != (len(p.open) == 0) {
		return p.wrong("BEGIN: a calendar in a component")
	}
	if len(p.open) >= 8 {
		return p.wrong("BEGIN: nested too deep")
	}
	p.open = append(p.open, component)
	switch strings.Join(p.open, "/") {
	case "VCALENDAR/VEVENT":
		p.event = &event{line: p.line}
	case "VCALENDAR/VTIMEZONE":
		p.zone, p.zoneID = &zoneRules{line: p.line}, ""
	case "VCALENDAR/VTIMEZONE/STANDARD", "VCALENDAR/VTIMEZONE/DAYLIGHT":
		p.change = &observance{line: p.line}
	}
	return nil
}

func (p *parser) end(component string) error {
	if len(p.open) == 0 || p.open[len(p.open)-1] != component {
		return p.wrong("END: nothing of that kind is open")
	}
	path := strings.Join(p.open, "/")
	p.open = p.open[:len(p.open)-1]
	switch path {
	case "VCALENDAR/VEVENT":
		e := p.event
		switch {
		case e.starts.kind == noTime && e.cancelled && !e.overrides:
			return nil
		case e.starts.kind == noTime && e.cancelled:
			e.starts = e.recurrence
		case e.starts.kind == noTime:
			return p.wrong("the event of line %d has no DTSTART", e.line)
		}
		p.calendar.events = append(p.calendar.events, e)
	case "VCALENDAR/VTIMEZONE":
		if p.zoneID != "" {
			p.calendar.zones[p.zoneID] = p.zone
		}
	case "VCALENDAR/VTIMEZONE/STANDARD", "VCALENDAR/VTIMEZONE/DAYLIGHT":
		c := p.change
		if c.starts.kind != localTime || !c.hasBefore || !c.hasAfter {
			return p.wrong("the part of a zone that begins in line %d lacks DTSTART, TZOFFSETFROM or TZOFFSETTO", c.line)
		}
		p.zone.changes = append(p.zone.changes, c)
	}
	return nil
}

func (p *parser) ofEvent(prop property) (err error) {
	e := p.event
	switch prop.name {
	case "UID":
		e.uid = prop.value
	case "SUMMARY":
		if p.named {
			e.name = visible(prop.value)
		}
	case "SEQUENCE":
		// Only its order counts; what is no number is the first version.
		e.sequence, _ = strconv.Atoi(prop.value)
	case "STATUS":
		e.cancelled = strings.EqualFold(prop.value, "CANCELLED")
	case "TRANSP":
		e.transparent = strings.EqualFold(prop.value, "TRANSPARENT")
	case "DTSTART":
		err = once(e.starts.kind != noTime)
		if err == nil {
			e.starts, err = parseValue(prop.value, prop.params["TZID"])
		}
	case "DTEND":
		err = once(e.hasEnd)
		if err == nil {
			e.ends, err = parseValue(prop.value, prop.params["TZID"])
			e.hasEnd = true
		}
	case "DURATION":
		err = once(e.hasDuration)
		if err == nil {
			e.lasts, err = parseDuration(prop.value)
			e.hasDuration = true
		}
	case "RRULE":
		var r *rule
		r, err = parseRule(prop.value)
		e.rules = append(e.rules, r)
	case "RDATE":
		e.extra, err = periods(e.extra, prop, p.line)
	case "EXDATE":
		e.except, err = values(e.except, prop)
	case "RECURRENCE-ID":
		e.recurrence, err = parseValue(prop.value, prop.params["TZID"])
		e.overrides = true
		e.andFollows = strings.EqualFold(prop.params["RANGE"], "THISANDFUTURE")
	}
	return err
}

func (p *parser) ofChange(prop property) (err error) {
	c := p.change
	switch prop.name {
	case "DTSTART":
		c.starts, err = parseValue(prop.value, "")
	case "TZOFFSETFROM":
		c.before, err = parseOffset(prop.value)
		c.hasBefore = true
	case "TZOFFSETTO":
		c.after, err = parseOffset(prop.value)
		c.hasAfter = true
	case "RRULE":
		var r *rule
		r, err = parseRule(prop.value)
		c.rules = append(c.rules, r)
	case "RDATE":
		c.extra, err = values(c.extra, prop)
	}
	return err
}

func once(already bool) error {
	if already {
		return errTwice
	}
	return nil
}

// visible makes one line of a TEXT value. What is no UTF-8 is read as Latin-1,
// which old exports are written in.
func visible(s string) string {
	if !utf8.ValidString(s) {
		var b strings.Builder
		for i := range len(s) {
			b.WriteRune(rune(s[i]))
		}
		s = b.String()
	}
	return clean(strings.NewReplacer(`\\`, `\`, `\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";").Replace(s))
}
