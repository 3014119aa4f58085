// Package ics writes appointments as an iCalendar object (RFC 5545), and
// reads when somebody is busy out of the calendars of others.
//
// [Publish] promises that a calendar has exactly the events given and nothing else,
// whatever stands in the texts it is given: line breaks become spaces, what has
// a meaning in the format is escaped, other control characters are left out.
// Lines end in CRLF and are folded at 75 octets, never inside a character. Times
// are written in UTC, or by the wall clock of a zone that is described along. It
// decides nothing about what an event may say: callers keep specialty, reason
// and insurance out. [Request] promises the same of what is sent by mail.
//
// [Busy] and [Days] promise to end soon and to need little memory, whatever they
// are given: rules are expanded within the window asked for and nowhere else.
// Out of Busy come times, never a subject, a description or an attendee. Where
// a calendar is unclear they would rather call time busy than free. They do not
// know EXRULE, RSCALE and SKIP other than OMIT, nor VAVAILABILITY.
package ics

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"siegel/platform/fault"
)

// ErrMalformed is returned for an event without a usable UID, stamp or span.
var ErrMalformed = fault.New(fault.Invalid, "malformed_event")

// ContentType is the media type of a calendar that [Publish] or [Request]
// returned, for HTTP and mail.
func ContentType(calendar string) string {
	method := "PUBLISH"
	for _, other := range []string{"CANCEL", "REQUEST"} {
		if strings.Contains(calendar, "\r\nMETHOD:"+other+"\r\n") {
			method = other
		}
	}
	return "text/calendar; charset=utf-8; method=" + method
}

// lineOctets is the longest line without its line break (RFC 5545 section 3.1).
const lineOctets = 75

// textLimit bounds each text, in characters.
const textLimit = 1000

// Event is one appointment as a calendar shows it.
type Event struct {
	// UID stays the same for as long as it is the same booking; see [UID].
	UID string
	// Sequence rises with each change of the same UID; it begins at 0.
	Sequence int
	// Cancelled says that it takes place no more.
	Cancelled bool
	// Stamp is when the calendar object was made.
	Stamp time.Time
	// Starts and Ends are instants, half-open, and end after the start.
	Starts, Ends time.Time
	// Zone is by whose clock the times are written; nil is UTC.
	Zone *time.Location
	// Summary, Location and Description are plain text in any language; empty
	// ones are left out.
	Summary, Location, Description string
}

// UID makes the stable, globally unique identifier of a booking from its bare
// id and the base domain; a port is left away.
func UID(id, domain string) string {
	domain, _, _ = strings.Cut(domain, ":")
	return id + "@" + domain
}

// Publish returns the events as a calendar with METHOD:PUBLISH (RFC 5546
// section 3.2.1), or METHOD:CANCEL (3.2.5) where all of them are cancelled. It
// returns [ErrMalformed] where there is none, or one has no
// UID of visible ASCII, no stamp, or does not end after it starts.
func Publish(events ...Event) (string, error) { return compose("PUBLISH", nil, events) }

// Parties are between whom an appointment is.
type Parties struct {
	// Organizer is the mail address of who keeps the appointment, Name its name.
	Organizer, Name string
	// Attendee is the mail address of who comes. Nobody is asked to answer.
	Attendee string
}

// Request returns the events as a calendar that updates the one that its reader
// has, with METHOD:REQUEST (RFC 5546 section 3.2.2), or METHOD:CANCEL where all
// of them are cancelled. It returns [ErrMalformed] as [Publish] does, and for
// addresses that are none.
func Request(p Parties, events ...Event) (string, error) {
	for _, address := range []string{p.Organizer, p.Attendee} {
		if at := strings.LastIndexByte(address, '@'); at < 1 || at == len(address)-1 || len(address) > 254 {
			return "", ErrMalformed.Because(fmt.Errorf("not a mail address"))
		}
	}
	return compose("REQUEST", &p, events)
}

func compose(method string, p *Parties, events []Event) (string, error) {
	if len(events) == 0 {
		return "", ErrMalformed.Because(fmt.Errorf("no event"))
	}
	if !slices.ContainsFunc(events, func(e Event) bool { return !e.Cancelled }) {
		method = "CANCEL"
	}
	return write(method, func(*strings.Builder) {}, p, events)
}

// write writes a calendar; head adds properties of its own.
func write(method string, head func(*strings.Builder), p *Parties, events []Event) (string, error) {
	var b strings.Builder
	line(&b, "BEGIN", "VCALENDAR")
	line(&b, "VERSION", "2.0")
	line(&b, "PRODID", "-//Siegel//Appointments//EN")
	line(&b, "CALSCALE", "GREGORIAN")
	line(&b, "METHOD", method)
	head(&b)
	var described []string
	for _, e := range events {
		if e.Zone == nil || e.Zone == time.UTC || slices.Contains(described, e.Zone.String()) {
			continue
		}
		described = append(described, e.Zone.String())
		from, until := e.Starts, e.Ends
		for _, other := range events {
			if other.Zone != nil && other.Zone.String() == e.Zone.String() {
				from, until = earlier(from, other.Starts), later(until, other.Ends)
			}
		}
		describe(&b, e.Zone, from, until)
	}
	for _, e := range events {
		if err := e.write(&b, p); err != nil {
			return "", err
		}
	}
	line(&b, "END", "VCALENDAR")
	return b.String(), nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// describe writes the zone's clock around [from, until): a VTIMEZONE (RFC 5545
// section 3.6.5) with each observance by itself, since what a government decides
// is no rule.
func describe(b *strings.Builder, zone *time.Location, from, until time.Time) {
	line(b, "BEGIN", "VTIMEZONE")
	line(b, "TZID", text(zone.String()))
	for at := from.In(zone); ; {
		begins, ends := at.ZoneBounds()
		kind, name, to, was := "STANDARD", "", 0, 0
		name, to = at.Zone()
		if at.IsDST() {
			kind = "DAYLIGHT"
		}
		first := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
		if was = to; !begins.IsZero() {
			_, was = begins.Add(-time.Second).In(zone).Zone()
			first = begins.UTC().Add(time.Duration(was) * time.Second)
		}
		line(b, "BEGIN", kind)
		line(b, "DTSTART", first.Format(wallForm))
		line(b, "TZOFFSETFROM", offset(was))
		line(b, "TZOFFSETTO", offset(to))
		line(b, "TZNAME", text(name))
		line(b, "END", kind)
		if ends.IsZero() || !ends.Before(until) {
			break
		}
		at = ends.In(zone)
	}
	line(b, "END", "VTIMEZONE")
}

const wallForm = "20060102T150405"

// offset writes a UTC-OFFSET.
func offset(seconds int) string {
	sign := "+"
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	if seconds%60 != 0 {
		return fmt.Sprintf("%s%02d%02d%02d", sign, seconds/3600, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%s%02d%02d", sign, seconds/3600, seconds/60%60)
}

func (e Event) write(b *strings.Builder, p *Parties) error {
	if e.UID == "" || len(e.UID) > 255 || strings.ContainsFunc(e.UID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ErrMalformed.Because(fmt.Errorf("uid is not visible ascii"))
	}
	if e.Stamp.IsZero() || e.Sequence < 0 || !e.Ends.After(e.Starts) {
		return ErrMalformed.Because(fmt.Errorf("stamp, sequence or span"))
	}
	line(b, "BEGIN", "VEVENT")
	line(b, "UID", text(e.UID))
	line(b, "SEQUENCE", fmt.Sprint(e.Sequence))
	line(b, "DTSTAMP", instant(e.Stamp))
	e.time(b, "DTSTART", e.Starts)
	e.time(b, "DTEND", e.Ends)
	if p != nil {
		line(b, "ORGANIZER"+named(p.Name), mailto(p.Organizer))
		line(b, "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE", mailto(p.Attendee))
	}
	if e.Cancelled {
		line(b, "STATUS", "CANCELLED")
		line(b, "TRANSP", "TRANSPARENT")
	} else {
		line(b, "STATUS", "CONFIRMED")
		line(b, "TRANSP", "OPAQUE")
	}
	// PRIVATE: who shares a calendar with colleagues need not share this.
	line(b, "CLASS", "PRIVATE")
	for _, p := range [...]struct{ name, value string }{
		{"SUMMARY", e.Summary}, {"LOCATION", e.Location}, {"DESCRIPTION", e.Description},
	} {
		if v := text(p.value); v != "" {
			line(b, p.name, v)
		}
	}
	line(b, "END", "VEVENT")
	return nil
}

func (e Event) time(b *strings.Builder, name string, t time.Time) {
	if e.Zone == nil || e.Zone == time.UTC {
		line(b, name, instant(t))
		return
	}
	line(b, name+";TZID="+e.Zone.String(), t.In(e.Zone).Format(wallForm))
}

// named writes the parameter CN (RFC 5545 section 3.2.2), which knows no way to
// write a quotation mark.
func named(name string) string {
	if name = strings.ReplaceAll(clean(name), `"`, "'"); name == "" {
		return ""
	}
	return `;CN="` + name + `"`
}

// mailto writes a CAL-ADDRESS (RFC 6068): what has a meaning in a URI, and what
// is not ASCII, is written by its octets.
func mailto(address string) string {
	var b strings.Builder
	b.WriteString("mailto:")
	for _, c := range []byte(strings.ToValidUTF8(address, "")) {
		if c <= ' ' || c > '~' || strings.IndexByte("\"%<>[]\\^`{|}?#&;,/", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// instant writes a DATE-TIME of form 2, in UTC.
func instant(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// text makes a TEXT value (RFC 5545 section 3.3.11) of one line.
func text(s string) string {
	return strings.NewReplacer(`\`, `\\`, `;`, `\;`, `,`, `\,`).Replace(clean(s))
}

// clean makes one line of visible characters, at most textLimit of them.
func clean(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range strings.ToValidUTF8(s, "") {
		if unicode.IsSpace(r) {
			space = b.Len() > 0
			continue
		}
		// Cf holds the marks that reorder or hide text; no name needs them here.
		if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) {
			continue
		}
		if n++; n > textLimit {
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// line writes one content line, folded on octets between characters.
func line(b *strings.Builder, name, value string) {
	used := 0
	write := func(s string) {
		for i := 0; i < len(s); {
			_, size := utf8.DecodeRuneInString(s[i:])
			if used+size > lineOctets {
				b.WriteString("\r\n ")
				used = 1
			}
			b.WriteString(s[i : i+size])
			used += size
			i += size
		}
	}
	write(name)
	write(":")
	write(value)
	b.WriteString("\r\n")
}
