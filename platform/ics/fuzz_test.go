package ics_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"siegel/platform/ics"
)

// seed gives the fuzzer calendars as programs write them, beside the corpus in
// testdata/fuzz, which every ordinary run of the tests goes through as well.
func seed(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/calendars/*.ics")
	if err != nil || len(files) < 5 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
}

func FuzzBusy(f *testing.F) {
	seed(f)
	zone := berlin(f)
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, zone)
	to := from.AddDate(0, 9, 0)
	f.Fuzz(func(t *testing.T, raw []byte) { checkBusy(t, raw, zone, from, to) })
}

// checkBusy fails where what a calendar says is not in order, not bounded or
// outside of the window. It reports whether the calendar could be read.
func checkBusy(t failer, raw []byte, zone *time.Location, from, to time.Time) (read bool) {
	t.Helper()
	spans, err := ics.Busy(bytes.NewReader(raw), zone, from, to)
	if err != nil {
		expected(t, err)
		return false
	}
	if len(spans) > ics.MaxSpans {
		t.Fatalf("%d spans", len(spans))
	}
	last := from.Add(-1)
	for _, s := range spans {
		if !s.Starts.After(last) || !s.Ends.After(s.Starts) || s.Ends.After(to) {
			t.Fatalf("%v to %v behind %v", s.Starts, s.Ends, last)
		}
		last = s.Ends
	}
	// Whoever looks at part of the window sees part of the same. (Work that is
	// enough for the one may be too little for the other.)
	cut := from.AddDate(0, 1, 0).Add(90 * time.Minute)
	part, err := ics.Busy(bytes.NewReader(raw), zone, cut, to)
	if err != nil {
		expected(t, err)
		return false
	}
	var want []ics.Span
	for _, s := range spans {
		if s.Ends.After(cut) {
			if s.Starts.Before(cut) {
				s.Starts = cut.UTC()
			}
			want = append(want, s)
		}
	}
	if len(part) != len(want) {
		t.Fatalf("from %v: %d spans, want %d", cut, len(part), len(want))
	}
	for i := range part {
		if part[i] != want[i] {
			t.Fatalf("from %v: %v, want %v", cut, part[i], want[i])
		}
	}
	return true
}

// TestAnyMixtureOfLines puts together what has a meaning, in any order: more of
// it gets past the parser than of what a fuzzer makes of bytes.
func TestAnyMixtureOfLines(t *testing.T) {
	t.Parallel()
	zone := berlin(t)
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, zone)
	to := from.AddDate(0, 9, 0)
	times := []string{"20260301", "20260328T233000", "20260329T023000", "20260329T013000Z", "20261025T023000", "20261025T003000Z", "20260401T100000",
		"20260401T080000Z", "20251231T235960", "00010101T000000", "99991231T235959Z", "20260615", "20280229T000000Z", "20260402T100000Z"}
	zones := []string{"", "", ";TZID=Europe/Berlin", ";TZID=Z", ";TZID=America/New_York", ";TZID=Pacific/Apia", ";VALUE=DATE"}
	durations := []string{"PT1H", "P1D", "P1DT1S", "PT0S", "P2W", "PT26H", "PT1M"}
	parts := []string{"INTERVAL=2", "INTERVAL=7", "COUNT=5", "COUNT=400", "UNTIL=20260601", "UNTIL=20261025T003000Z", "BYMONTH=3,10", "BYMONTHDAY=-1,29",
		"BYDAY=MO,SU", "BYDAY=-1SU,2TU", "BYHOUR=2,3", "BYMINUTE=0,30", "BYSECOND=0,59", "BYSETPOS=-1,1", "BYYEARDAY=88,298", "BYWEEKNO=13,43,-1", "WKST=SU"}
	busy, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		pick := func(label string, all []string) string { return rapid.SampledFrom(all).Draw(t, label) }
		at := func(label string) string { return pick(label+" zone", zones) + ":" + pick(label, times) }
		rule := func() string {
			r := "FREQ=" + pick("freq", []string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"})
			for i, n := 0, rapid.IntRange(0, 4).Draw(t, "parts"); i < n; i++ {
				if part := pick("part", parts); !strings.Contains(r, part[:strings.Index(part, "=")+1]) {
					r += ";" + part
				}
			}
			return r
		}
		lines := []string{"BEGIN:VCALENDAR", "BEGIN:VTIMEZONE", "TZID:Z"}
		for i, n := 0, rapid.IntRange(1, 3).Draw(t, "changes"); i < n; i++ {
			offsets := []string{"+0100", "+0200", "-0330", "+1400", "-1200", "+0000"}
			lines = append(lines, "BEGIN:STANDARD", "DTSTART:"+pick("change", []string{"16010101T000000", "20260329T020000", "20261025T030000", "20260601T000000"}),
				"TZOFFSETFROM:"+pick("from", offsets), "TZOFFSETTO:"+pick("to", offsets))
			if rapid.Bool().Draw(t, "changes again") {
				lines = append(lines, "RRULE:"+pick("change rule", []string{"FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "FREQ=MONTHLY", "FREQ=DAILY;COUNT=40"}))
			}
			lines = append(lines, "END:STANDARD")
		}
		lines = append(lines, "END:VTIMEZONE")
		for i, n := 0, rapid.IntRange(1, 4).Draw(t, "events"); i < n; i++ {
			lines = append(lines, "BEGIN:VEVENT", "UID:"+pick("uid", []string{"a", "a", "b", ""}), "DTSTART"+at("start"))
			if rapid.Bool().Draw(t, "with an end") {
				lines = append(lines, "DTEND"+at("end"))
			} else {
				lines = append(lines, "DURATION:"+pick("duration", durations))
			}
			for i, n := 0, rapid.IntRange(0, 4).Draw(t, "more"); i < n; i++ {
				lines = append(lines, rapid.SampledFrom([]func() string{
					func() string { return "RRULE:" + rule() },
					func() string { return "RRULE:" + rule() },
					func() string { return "RDATE" + at("rdate") },
					func() string {
						return "RDATE;VALUE=PERIOD:" + pick("period", times) + "/" + pick("length", append(durations, times...))
					},
					func() string { return "EXDATE" + at("exdate") },
					func() string { return "RECURRENCE-ID" + at("recurrence") },
					func() string { return "RECURRENCE-ID;RANGE=THISANDFUTURE" + at("recurrence") },
					func() string { return "SEQUENCE:" + pick("sequence", []string{"0", "1", "2"}) },
					func() string {
						return pick("status", []string{"STATUS:CANCELLED", "TRANSP:TRANSPARENT", "STATUS:TENTATIVE"})
					},
				}).Draw(t, "line")())
			}
			lines = append(lines, "END:VEVENT")
		}
		raw := []byte(strings.Join(append(lines, "END:VCALENDAR"), "\n"))
		if checkBusy(t, raw, zone, from, to) {
			busy++
		} else {
			refused++
		}
	})
	if busy < 10 {
		t.Errorf("%d calendars were read and %d refused: this says nothing", busy, refused)
	}
}

func FuzzDays(f *testing.F) {
	seed(f)
	zone := berlin(f)
	from, to := date(2026, 3, 1), date(2026, 12, 31)
	f.Fuzz(func(t *testing.T, raw []byte) {
		ranges, err := ics.Days(bytes.NewReader(raw), zone, from, to)
		if err != nil {
			expected(t, err)
			return
		}
		if len(ranges) > ics.MaxSpans {
			t.Fatalf("%d ranges", len(ranges))
		}
		last := from
		for _, r := range ranges {
			if r.First.Before(last) || r.Last.Before(r.First) || r.Last.After(to) || !r.First.Equal(r.First.Truncate(24*time.Hour)) || len(r.Name) > 4000 {
				t.Fatalf("%v to %v behind %v", r.First, r.Last, last)
			}
			last = r.First
		}
	})
}

// expected fails for an error that no caller could act on.
func expected(t failer, err error) {
	t.Helper()
	switch reason(err) {
	case "calendar_malformed", "calendar_too_large", "calendar_unknown_zone":
	default:
		t.Fatalf("%v", err)
	}
}
