package ics_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ical "github.com/arran4/golang-ical"
	"pgregory.net/rapid"

	"siegel/platform/fault"
	"siegel/platform/ics"
)

func event() ics.Event {
	return ics.Event{
		UID:         ics.UID("0197c3a0-0000-7000-8000-000000000001", "termine.example:8080"),
		Stamp:       time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
		Starts:      time.Date(2026, 11, 26, 8, 20, 0, 0, time.UTC),
		Ends:        time.Date(2026, 11, 26, 8, 40, 0, 0, time.UTC),
		Summary:     "Termin: Praxis Sonnenberg",
		Location:    "Hauptstraße 1, 10115 Berlin",
		Description: "Telefon 030 1234567",
	}
}

func TestPublishWritesExactlyThis(t *testing.T) {
	t.Parallel()
	got, err := ics.Publish(event())
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Siegel//Appointments//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH",
		"BEGIN:VEVENT", "UID:0197c3a0-0000-7000-8000-000000000001@termine.example", "SEQUENCE:0",
		"DTSTAMP:20261122T090000Z", "DTSTART:20261126T082000Z", "DTEND:20261126T084000Z",
		"STATUS:CONFIRMED", "TRANSP:OPAQUE", "CLASS:PRIVATE",
		"SUMMARY:Termin: Praxis Sonnenberg", `LOCATION:Hauptstraße 1\, 10115 Berlin`, "DESCRIPTION:Telefon 030 1234567",
		"END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPublishTurnsZonedTimesIntoUTC(t *testing.T) {
	t.Parallel()
	e := event()
	cet := time.FixedZone("CET", 3600)
	e.Starts, e.Ends = e.Starts.In(cet), e.Ends.In(cet)
	got, err := ics.Publish(e)
	if err != nil || !strings.Contains(got, "DTSTART:20261126T082000Z\r\n") {
		t.Errorf("start is not in UTC: %v\n%s", err, got)
	}
}

func TestPublishRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*ics.Event){
		"NoUID":           func(e *ics.Event) { e.UID = "" },
		"LineBreakInUID":  func(e *ics.Event) { e.UID = "a\r\nBEGIN:VALARM" },
		"LongUID":         func(e *ics.Event) { e.UID = strings.Repeat("a", 256) },
		"NoStamp":         func(e *ics.Event) { e.Stamp = time.Time{} },
		"EndsAtItsStart":  func(e *ics.Event) { e.Ends = e.Starts },
		"NegativeNumber":  func(e *ics.Event) { e.Sequence = -1 },
		"EndsBeforeStart": func(e *ics.Event) { e.Ends = e.Starts.Add(-time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := event()
			spoil(&e)
			if got, err := ics.Publish(e); got != "" || fault.From(err).Reason != "malformed_event" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// corpus is text that means something to a calendar reader.
func corpus() []string {
	return []string{
		"a\r\nBEGIN:VALARM\r\nTRIGGER:-PT15M\r\nACTION:AUDIO\r\nEND:VALARM",
		"a\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:b",
		"a\rATTENDEE:mailto:eve@example.com",
		"a\u2028BEGIN:VALARM\u2029b\u0085c\vd\fe",
		"a\\nBEGIN:VALARM", `back\slash\\, comma, semi; colon: "quoted"`,
		"a\x00b\x1b[31mc\x7f", "\u202egnp.exe\u202c", "\xff\xfe broken",
		strings.Repeat("ü", 200), strings.Repeat("👩🏽‍⚕️", 90), strings.Repeat("日", 74) + " " + strings.Repeat("x", 80),
		"=cmd|'/C calc'!A0", "  \r\n  ",
	}
}

func TestTextsStayTexts(t *testing.T) {
	t.Parallel()
	for _, s := range corpus() {
		check(t, s)
	}
	rapid.Check(t, func(t *rapid.T) { check(t, rapid.String().Draw(t, "text")) })
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

// check reads the calendar with another implementation and looks at its bytes.
func check(t failer, s string) {
	t.Helper()
	e := event()
	e.Summary, e.Location, e.Description = "Termin: "+s, s, s
	raw, err := ics.Publish(e)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	if !strings.HasSuffix(raw, "\r\n") {
		t.Fatalf("%q: does not end with a line break", s)
	}
	for _, l := range strings.Split(strings.TrimSuffix(raw, "\r\n"), "\r\n") {
		if len(l) > 75 {
			t.Fatalf("%q: a line of %d octets", s, len(l))
		}
		if strings.ContainsAny(l, "\r\n\x00") {
			t.Fatalf("%q: a bare line break in %q", s, l)
		}
		if !utf8.ValidString(l) {
			t.Fatalf("%q: a character was split: %q", s, l)
		}
	}
	for _, forbidden := range []string{"\r\nBEGIN:VALARM", "\r\nATTENDEE"} {
		if strings.Contains(raw, forbidden) {
			t.Fatalf("%q: injected %q", s, forbidden)
		}
	}
	cal, err := ical.ParseCalendar(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%q: parse: %v", s, err)
	}
	if len(cal.Components) != 1 || len(cal.Events()) != 1 || len(cal.Events()[0].Components) != 0 {
		t.Fatalf("%q: more than one event:\n%s", s, raw)
	}
	ev := cal.Events()[0]
	if got := len(ev.Properties); got > 11 {
		t.Fatalf("%q: %d properties", s, got)
	}
	if got := ev.GetProperty(ical.ComponentPropertySummary); got == nil || !strings.HasPrefix(got.Value, "Termin:") {
		t.Fatalf("%q: summary %+v", s, got)
	}
}

func TestReaderGetsTheTextBack(t *testing.T) {
	t.Parallel()
	e := event()
	e.Description = `Praxis "Zum Löwen"; Aufgang B, 2. Stock \ Hof: ` + strings.Repeat("Straße äöü, ", 30) + "Ende"
	raw, err := ics.Publish(e)
	if err != nil {
		t.Fatal(err)
	}
	cal, err := ical.ParseCalendar(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got := cal.Events()[0].GetProperty(ical.ComponentPropertyDescription).Value; got != e.Description {
		t.Errorf("got  %q\nwant %q", got, e.Description)
	}
}

func TestLongTextIsCut(t *testing.T) {
	t.Parallel()
	e := event()
	e.Summary = strings.Repeat("a", 100_000)
	raw, err := ics.Publish(e)
	if err != nil || len(raw) > 2000 {
		t.Errorf("%d octets, %v", len(raw), err)
	}
}
