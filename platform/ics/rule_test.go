package ics_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"

	"siegel/platform/ics"
)

// recurring is a calendar of one event that lasts a minute.
func recurring(start, rule string) string {
	return calendar("BEGIN:VEVENT", "UID:a", "DTSTART"+start, "DURATION:PT1M", "RRULE:"+rule, "END:VEVENT")
}

// starts are the starts of the spans, in the zone.
func starts(t failer, spans []ics.Span, zone *time.Location) []string {
	t.Helper()
	all := make([]string, len(spans))
	for i, s := range spans {
		if s.Ends.Sub(s.Starts) != time.Minute {
			t.Fatalf("%v lasts %v", s.Starts, s.Ends.Sub(s.Starts))
		}
		all[i] = s.Starts.In(zone).Format("2006-01-02 15:04")
	}
	return all
}

// TestRulesOfTheStandard are examples of RFC 5545 section 3.8.5.3, moved to
// where our window lies, and what programs write that read it generously.
func TestRulesOfTheStandard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, start, rule, want string }{
		{"Daily", ":20260105T090000", "FREQ=DAILY;COUNT=3", "01-05 09:00, 01-06 09:00, 01-07 09:00"},
		{"EveryTenDays", ":20260105T090000", "FREQ=DAILY;INTERVAL=10;COUNT=3", "01-05 09:00, 01-15 09:00, 01-25 09:00"},
		{"UntilIsIncluded", ":20260105T090000", "FREQ=DAILY;UNTIL=20260107T080000Z", "01-05 09:00, 01-06 09:00, 01-07 09:00"},
		{"UntilAMinuteEarlier", ":20260105T090000", "FREQ=DAILY;UNTIL=20260107T075900Z", "01-05 09:00, 01-06 09:00"},
		{"UntilADate", ":20260105T090000", "FREQ=DAILY;UNTIL=20260107", "01-05 09:00, 01-06 09:00, 01-07 09:00"},
		{"UntilFloating", ":20260105T090000", "FREQ=DAILY;UNTIL=20260107T090000", "01-05 09:00, 01-06 09:00, 01-07 09:00"},
		{"EveryOtherWeekFromMonday", ":20260104T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
			"01-04 09:00, 01-13 09:00, 01-18 09:00, 01-27 09:00"},
		{"EveryOtherWeekFromSunday", ":20260104T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
			"01-04 09:00, 01-06 09:00, 01-18 09:00, 01-20 09:00"},
		{"FirstFriday", ":20260102T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "01-02 09:00, 02-06 09:00, 03-06 09:00"},
		{"LastMondayButOne", ":20260119T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "01-19 09:00, 02-16 09:00, 03-23 09:00"},
		{"ThirdLastDay", ":20260129T090000", "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3", "01-29 09:00, 02-26 09:00, 03-29 09:00"},
		{"ThirtyFirstOnlyWhereThereIsOne", ":20260131T090000", "FREQ=MONTHLY;COUNT=3", "01-31 09:00, 03-31 09:00, 05-31 09:00"},
		{"FridayTheThirteenth", ":20260213T090000", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "02-13 09:00, 03-13 09:00, 11-13 09:00"},
		{"LastWorkday", ":20260130T090000", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", "01-30 09:00, 02-27 09:00, 03-31 09:00"},
		{"TwentiethMondayOfTheYear", ":20260518T090000", "FREQ=YEARLY;BYDAY=20MO", "05-18 09:00"},
		{"MondayOfWeekTwenty", ":20260511T090000", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "05-11 09:00"},
		{"WeekTwentyTakesTheStartsWeekday", ":20260513T090000", "FREQ=YEARLY;BYWEEKNO=20", "05-13 09:00"},
		{"LastWeek", ":20261228T090000", "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=MO", "12-28 09:00"},
		{"HundredthAndLastDay", ":20260410T090000", "FREQ=YEARLY;BYYEARDAY=100,-1", "04-10 09:00, 12-31 09:00"},
		{"ThursdaysInMarch", ":20260305T090000", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "03-05 09:00, 03-12 09:00, 03-19 09:00, 03-26 09:00"},
		{"EasternClockChange", ":20260329T090000", "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "03-29 09:00"},
		{"EveryThreeHours", ":20260105T090000", "FREQ=HOURLY;INTERVAL=3;UNTIL=20260105T160000Z", "01-05 09:00, 01-05 12:00, 01-05 15:00"},
		{"EveryTwentyMinutesInHours", ":20260105T090000", "FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,20,40;COUNT=5",
			"01-05 09:00, 01-05 09:20, 01-05 09:40, 01-05 10:00, 01-05 10:20"},
		{"NinetyMinutes", ":20260105T090000", "FREQ=MINUTELY;INTERVAL=90;COUNT=3", "01-05 09:00, 01-05 10:30, 01-05 12:00"},
		{"HoursThatNeverCome", ":20260105T090000", "FREQ=HOURLY;INTERVAL=24;BYHOUR=5", "01-05 09:00"},
		{"DayThatNeverComes", ":20260105T090000", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "01-05 09:00"},
		{"FiftyThirdMondayOfAMonth", ":20260105T090000", "FREQ=MONTHLY;BYDAY=53MO,-53TU", "01-05 09:00"},
		{"StartThatDoesNotFitCounts", ":20260106T090000", "FREQ=WEEKLY;BYDAY=MO;UNTIL=20260120", "01-06 09:00, 01-12 09:00, 01-19 09:00"},
		{"StartedLongAgo", ":19000101T090000", "FREQ=WEEKLY;BYDAY=MO;UNTIL=20260113", "01-05 09:00, 01-12 09:00"},
		{"LowerCaseAndASemicolonTooMany", ":20260105T090000", "freq=daily;count=2;", "01-05 09:00, 01-06 09:00"},
		{"LeapSecond", ":20260105T090000", "FREQ=MINUTELY;BYSECOND=60;COUNT=1", "01-05 09:00"},
		{"WhatOthersAdd", ":20260105T090000", "FREQ=DAILY;COUNT=1;X-NOTE=1;RSCALE=GREGORIAN;SKIP=OMIT", "01-05 09:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			spans, err := ics.Busy(strings.NewReader(recurring(c.start, c.rule)), berlin(t), date(2026, 1, 1), date(2027, 1, 1))
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "LeapSecond" { // 09:00:59 touches the start
				if len(spans) != 1 || spans[0].Ends.Sub(spans[0].Starts) != 119*time.Second {
					t.Fatalf("got %v", spans)
				}
				return
			}
			got := strings.ReplaceAll(strings.Join(starts(t, spans, berlin(t)), ", "), "2026-", "")
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRulesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{
		"", "DAILY", "FREQ=", "FREQ=FORTNIGHTLY", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1", "FREQ=DAILY;INTERVAL=99999999999",
		"FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=x", "FREQ=DAILY;UNTIL=never", "FREQ=DAILY;BYHOUR=24", "FREQ=DAILY;BYHOUR=",
		"FREQ=DAILY;BYMONTH=0", "FREQ=DAILY;BYMONTH=13", "FREQ=DAILY;BYMONTHDAY=0", "FREQ=DAILY;BYMONTHDAY=-32", "FREQ=WEEKLY;BYDAY=XX",
		"FREQ=WEEKLY;BYDAY=0MO", "FREQ=WEEKLY;BYDAY=54MO", "FREQ=WEEKLY;BYDAY=M", "FREQ=WEEKLY;WKST=1", "FREQ=YEARLY;BYWEEKNO=54", "FREQ=YEARLY;BYYEARDAY=367",
		"FREQ=MONTHLY;BYSETPOS=0", "FREQ=DAILY;FREQ=DAILY", "FREQ=YEARLY;BYEASTER=0", "FREQ=YEARLY;SKIP=FORWARD", "FREQ=YEARLY;RSCALE=HEBREW",
		"INTERVAL=2", "FREQ=DAILY;BYSECOND=61", "FREQ=DAILY;BYMINUTE=60",
	} {
		_, err := ics.Busy(strings.NewReader(recurring(":20260105T090000", rule)), time.UTC, date(2026, 1, 1), date(2027, 1, 1))
		if reason(err) != "calendar_malformed" || !strings.Contains(err.Error(), "line 6: RRULE") {
			t.Errorf("%q: %v", rule, err)
		}
	}
}

// TestRulesThatWouldNotEnd: each ends, in a refusal or with few instances. The
// minute is for machines that do much else; it is a second's work.
func TestRulesThatWouldNotEnd(t *testing.T) {
	t.Parallel()
	hours := make([]string, 0, 100_000)
	for i := range cap(hours) {
		hours = append(hours, fmt.Sprint(i%24))
	}
	for _, c := range []struct{ start, rule, want string }{
		{":20260105T090000Z", "FREQ=SECONDLY", "calendar_too_large"},
		{":00010101T000000Z", "FREQ=SECONDLY", "calendar_too_large"},
		{":00010101T000000Z", "FREQ=SECONDLY;COUNT=999999999", "calendar_too_large"},
		{":00010101T000000Z", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", ""},
		{":20260105T090000Z", "FREQ=SECONDLY;INTERVAL=7;BYHOUR=3;BYMINUTE=5;BYSECOND=1;BYMONTH=2;BYMONTHDAY=30", ""},
		{":20260105T090000Z", "FREQ=SECONDLY;INTERVAL=86400;BYHOUR=3", ""},
		{":20260105T090000Z", "FREQ=MINUTELY;INTERVAL=60;BYMINUTE=1", ""},
		{":20260105T090000Z", "FREQ=MINUTELY", "calendar_too_large"},
		{":00010101T000000Z", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=999999999", ""},
		{":00010101T000000Z", "FREQ=YEARLY;INTERVAL=999999999", ""},
		{":00010101T000000Z", "FREQ=MONTHLY;INTERVAL=999999999;COUNT=999999999", ""},
		{":20260105T090000Z", "FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=" + strings.Join(hours, ",") +
			";BYMINUTE=" + strings.Join(hours, ",") + ";BYSECOND=" + strings.Join(hours, ","), "calendar_too_large"},
		{":20260105T090000Z", "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-1;BYHOUR=" + strings.Join(hours, ","), ""},
	} {
		began := time.Now()
		spans, err := ics.Busy(strings.NewReader(recurring(c.start, c.rule)), time.UTC, date(2026, 1, 1), date(2028, 1, 1))
		if reason(err) != c.want || len(spans) > 10 {
			t.Errorf("%.60q: %d spans, %v", c.rule, len(spans), err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%.60q: took %v", c.rule, took)
		}
	}
	// Many rules share what one may cost.
	var many []string
	for i := range 10_000 {
		many = append(many, "BEGIN:VEVENT", fmt.Sprint("UID:", i), "DTSTART:00010101T000000Z", "DURATION:PT1S",
			"RRULE:FREQ=DAILY;COUNT=999999999;BYYEARDAY=366,-366;BYMONTH=1", "END:VEVENT")
	}
	_, err := ics.Busy(strings.NewReader(calendar(many...)), time.UTC, date(2026, 1, 1), date(2028, 1, 1))
	if reason(err) != "calendar_too_large" {
		t.Errorf("many rules: %v", err)
	}
}

// TestRulesAgreeWithAnotherImplementation compares with rrule-go, where both
// know what to do: it hangs or panics on numbers that cannot come.
func TestRulesAgreeWithAnotherImplementation(t *testing.T) {
	t.Parallel()
	from, to := date(2026, 1, 1), date(2028, 1, 1)
	zones := []string{"UTC", "Europe/Berlin", "America/New_York"}
	days := []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}
	met := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		numbers := func(label string, least, most int) string {
			all := rapid.SliceOfNDistinct(rapid.IntRange(least, most).Filter(func(n int) bool { return n != 0 || least == 0 }), 1, 4,
				func(n int) int { return n }).Draw(t, label)
			return strings.ReplaceAll(strings.Trim(fmt.Sprint(all), "[]"), " ", ",")
		}
		maybe := func(label string, one int) bool { return rapid.IntRange(1, one).Draw(t, label) == one }
		freq := rapid.SampledFrom([]string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"}).Draw(t, "freq")
		rule := []string{"FREQ=" + freq}
		add := func(part string) { rule = append(rule, part) }
		if maybe("with interval", 2) {
			add(fmt.Sprint("INTERVAL=", rapid.IntRange(1, 6).Draw(t, "interval")))
		}
		if maybe("months", 3) {
			add("BYMONTH=" + numbers("month", 1, 12))
		}
		if maybe("monthdays", 4) && freq != "WEEKLY" {
			add("BYMONTHDAY=" + numbers("monthday", -31, 31))
		}
		if maybe("yeardays", 6) && freq == "YEARLY" {
			add("BYYEARDAY=" + numbers("yearday", -366, 366))
		}
		positioned := false
		if maybe("days", 2) {
			var list []string
			// All with a number or none: rrule-go takes what both name, the standard what either does.
			numbered := (freq == "MONTHLY" || freq == "YEARLY") && maybe("nth", 2)
			for range rapid.IntRange(1, 3).Draw(t, "how many days") {
				day := rapid.SampledFrom(days).Draw(t, "day")
				if numbered {
					day = fmt.Sprint(rapid.SampledFrom([]int{1, 2, 3, 4, -1, -2, -3, -4}).Draw(t, "n"), day)
				}
				list = append(list, day)
			}
			add("BYDAY=" + strings.Join(list, ","))
		} else if maybe("weeks", 6) && freq == "YEARLY" && len(rule) <= 2 {
			add("BYWEEKNO=" + numbers("week", 1, 52))
			add("BYDAY=" + rapid.SampledFrom(days).Draw(t, "day"))
		}
		if maybe("hours", 4) && freq != "HOURLY" {
			add("BYHOUR=" + numbers("hour", 4, 23))
		}
		if maybe("minutes", 6) {
			add("BYMINUTE=" + numbers("minute", 0, 59))
		}
		// Not of weeks: rrule-go cuts the first one off at the start.
		if maybe("positions", 2) && (freq == "MONTHLY" || freq == "YEARLY") {
			add("BYSETPOS=" + rapid.SampledFrom([]string{"1", "-1", "2", "1,-1", "3,1"}).Draw(t, "positions"))
			positioned = true
		}
		if maybe("week start", 3) {
			add("WKST=" + rapid.SampledFrom(days).Draw(t, "week start"))
		}
		start := time.Date(rapid.IntRange(2019, 2027).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")),
			rapid.IntRange(1, 31).Draw(t, "day of month"), rapid.IntRange(4, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"), 0, 0, zone)
		switch rapid.IntRange(0, 2).Draw(t, "end") {
		case 1:
			add(fmt.Sprint("COUNT=", rapid.IntRange(1, 400).Draw(t, "count")))
		case 2:
			until := start.AddDate(0, 0, rapid.IntRange(0, 3000).Draw(t, "until"))
			add("UNTIL=" + until.UTC().Format("20060102T150405Z"))
		}
		if freq == "HOURLY" {
			zone = time.UTC // it leaves the hour that comes twice to chance
			start = time.Date(start.Year(), start.Month(), start.Day(), start.Hour(), start.Minute(), 0, 0, zone)
		}
		text := strings.Join(rule, ";")

		option, err := rrule.StrToROption(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		option.Dtstart = start
		their, err := rrule.NewRRule(*option)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var want []string
		for _, s := range append(their.Between(from.Add(-time.Minute), to, true), start) {
			if s.Before(to) && s.After(from.Add(-time.Minute)) {
				want = append(want, s.In(zone).Format("2006-01-02 15:04"))
			}
		}
		slices.Sort(want)
		want = slices.Compact(want)

		spans, err := ics.Busy(strings.NewReader(recurring(";TZID="+zone.String()+":"+start.Format("20060102T150405"), text)), zone, from, to)
		if len(want) > ics.MaxSpans && reason(err) == "calendar_too_large" {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var got []string
		for _, s := range spans {
			for at := s.Starts; at.Before(s.Ends); at = at.Add(time.Minute) { // merged, where minutes adjoin
				got = append(got, at.In(zone).Format("2006-01-02 15:04"))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("DTSTART %v RRULE %s\ngot  %v\nwant %v", start, text, got, want)
		}
		if len(want) > 1 {
			met[freq]++
			if positioned {
				met["BYSETPOS"]++
			}
		}
	})
	for _, kind := range []string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "BYSETPOS"} {
		if met[kind] == 0 {
			t.Errorf("no rule of %s had instances: the comparison says nothing", kind)
		}
	}
}
