package ics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"siegel/platform/ics"
)

// TestHostileCalendarsEndSoon fills the two megabytes that a calendar may have
// with the costliest of each kind.
func TestHostileCalendarsEndSoon(t *testing.T) {
	t.Parallel()
	fill := func(before string, item func(i int) string, after string) string {
		var b strings.Builder
		b.WriteString("BEGIN:VCALENDAR\n" + before)
		for i := 0; ; i++ {
			s := item(i)
			if b.Len()+len(s)+len(after)+20 > ics.MaxOctets {
				break
			}
			b.WriteString(s)
		}
		return b.String() + after + "END:VCALENDAR\n"
	}
	event := func(lines string) func(int) string {
		return func(i int) string { return fmt.Sprintf("BEGIN:VEVENT\nUID:%d\n%s\nEND:VEVENT\n", i, lines) }
	}
	const nightly = "DTSTART:00010101T000000Z\nDURATION:PT1M\nRRULE:"
	for name, content := range map[string]string{
		"Weekly":     fill("", event(nightly+"FREQ=WEEKLY"), ""),
		"Yearly":     fill("", event(nightly+"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYMONTHDAY=31;BYWEEKNO=53"), ""),
		"Never":      fill("", event(nightly+"FREQ=SECONDLY;BYMONTHDAY=31;BYMONTH=2"), ""),
		"Counted":    fill("", event(nightly+"FREQ=DAILY;COUNT=999999999;BYMONTHDAY=31;BYMONTH=2"), ""),
		"Timetables": fill("", event(nightly+"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31;BYSECOND=1,2,3,4;BYMINUTE=1,2,3,4,5,6,7,8;BYHOUR=1,2,3,4,5,6"), ""),
		"LongLists":  fill("BEGIN:VEVENT\n"+nightly+"FREQ=MONTHLY;BYDAY=1MO", func(i int) string { return fmt.Sprintf(",%dMO,-%dTU", i%53+1, i%53+1) }, "\nEND:VEVENT\n"),
		"Positions":  fill("BEGIN:VEVENT\n"+nightly+"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=1", func(i int) string { return fmt.Sprintf(",%d,-%d", i%366+1, i%366+1) }, "\nEND:VEVENT\n"),
		"Rules":      fill("BEGIN:VEVENT\n"+nightly+"FREQ=DAILY\n", func(int) string { return "RRULE:FREQ=DAILY\n" }, "END:VEVENT\n"),
		"Exceptions": fill("BEGIN:VEVENT\n"+nightly+"FREQ=HOURLY\nEXDATE:20260101T000000Z", func(i int) string { return ",20260101T000000Z" }, "\nEND:VEVENT\n"),
		"Dates": fill("BEGIN:VEVENT\nDTSTART:20260101T000000Z\nDURATION:PT1M\nRDATE:20260101T000000Z", func(i int) string {
			return date(2026, 1, 1).Add(time.Duration(i) * time.Second).Format(",20060102T150405Z")
		}, "\nEND:VEVENT\n"),
		"Folded":     fill("BEGIN:VEVENT\nSUMMARY:a", func(int) string { return "\n b" }, "\nDTSTART:20260101\nEND:VEVENT\n"),
		"Parameters": fill("BEGIN:VEVENT\nDTSTART", func(int) string { return ";a=" }, ":20260101\nEND:VEVENT\n"),
		"Followers": fill("BEGIN:VEVENT\nUID:f\n"+nightly+"FREQ=MINUTELY;INTERVAL=6\nEND:VEVENT\n", func(i int) string {
			return fmt.Sprintf("BEGIN:VEVENT\nUID:f\nRECURRENCE-ID;RANGE=THISANDFUTURE:%s\nDTSTART:20260101\nEND:VEVENT\n", date(2026, 1, 1).Add(time.Duration(i)*time.Hour).Format("20060102T150405Z"))
		}, ""),
		"FarFollowers": fill("BEGIN:VEVENT\nUID:f\n"+nightly+"FREQ=DAILY\nEND:VEVENT\n", func(i int) string {
			return "BEGIN:VEVENT\nUID:f\nRECURRENCE-ID;RANGE=THISANDFUTURE:00010101\nDTSTART:99991231\nEND:VEVENT\n"
		}, ""),
		"Zones": fill("", func(i int) string {
			return fmt.Sprintf("BEGIN:VTIMEZONE\nTZID:z%d\nBEGIN:STANDARD\nDTSTART:00010101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=HOURLY\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nDTSTART;TZID=z%d:20260301T000000\nDURATION:PT1M\nEND:VEVENT\n", i, i)
		}, ""),
		"ZoneNames": fill("", func(i int) string {
			return fmt.Sprintf("BEGIN:VEVENT\nDTSTART;TZID=Europe/x%d:20100301T000000\nDURATION:PT1M\nRDATE:20100301\nEND:VEVENT\n", i)
		}, ""),
		"Open": fill("", func(int) string { return "BEGIN:VALARM\nEND:VALARM\n" }, ""),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			spans, err := ics.Busy(strings.NewReader(content), time.UTC, date(2026, 1, 1), date(2028, 1, 1))
			took := time.Since(began)
			if len(spans) > ics.MaxSpans || took > time.Minute {
				t.Errorf("%d spans, %v, took %v", len(spans), err, took)
			}
			if err != nil {
				expected(t, err)
			}
			t.Logf("%d spans, %v, %v", len(spans), took, err)
		})
	}
}
