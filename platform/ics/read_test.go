package ics_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"siegel/platform/fault"
	"siegel/platform/ics"
)

func calendar(lines ...string) string {
	all := append([]string{"BEGIN:VCALENDAR"}, lines...)
	return strings.Join(append(all, "END:VCALENDAR", ""), "\r\n")
}

func single(lines ...string) string {
	return calendar(slices.Concat([]string{"BEGIN:VEVENT", "UID:a"}, lines, []string{"END:VEVENT"})...)
}

func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// reason is the stable word of an error, empty for none.
func reason(err error) string {
	if err == nil {
		return ""
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Reason
	}
	return err.Error()
}

// show writes spans as wall times of the zone, without the year and with the
// offset, so that the two hours of one night differ.
func show(spans []ics.Span, zone *time.Location) []string {
	all := make([]string, len(spans))
	for i, s := range spans {
		all[i] = s.Starts.In(zone).Format("01-02 15:04-07") + " to " + s.Ends.In(zone).Format("01-02 15:04-07")
	}
	return all
}

func expect(t *testing.T, content string, want ...string) {
	t.Helper()
	zone := berlin(t)
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, zone)
	spans, err := ics.Busy(strings.NewReader(content), zone, from, from.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if got := show(spans, zone); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCalendarsAsProgramsWriteThem(t *testing.T) {
	t.Parallel()
	zone := berlin(t)
	for _, c := range []struct {
		file     string
		from, to time.Time
		want     []string
	}{
		{"google.ics", date(2026, 3, 20), date(2026, 5, 1), []string{
			"03-23 13:00+01 to 03-23 14:30+01",
			"03-30 13:00+02 to 03-30 14:30+02",
			"04-02 08:30+02 to 04-02 09:00+02",
			"04-07 09:00+02 to 04-07 10:00+02", // the one of 04-06, moved
			"04-20 13:00+02 to 04-20 14:30+02", // the one of 04-13 is excepted
			"04-27 13:00+02 to 04-27 14:30+02",
		}},
		{"outlook.ics", date(2026, 3, 1), date(2026, 6, 1), []string{
			"03-17 08:00+01 to 03-17 08:30+01",
			"03-28 00:00+01 to 03-30 00:00+02",
			"03-31 08:00+02 to 03-31 08:30+02",
			"04-28 08:00+02 to 04-28 08:30+02",
		}},
		{"apple.ics", date(2026, 10, 1), date(2026, 12, 1), []string{
			"10-20 17:00+02 to 10-20 18:30+02",
			"10-24 00:00+02 to 10-26 00:00+01",
			"10-28 12:00+01 to 10-28 13:30+01",
			"10-30 13:00+01 to 10-30 14:00+01", // New York is five hours behind that week
			"11-17 17:00+01 to 11-17 18:30+01",
		}},
		{"praxis.ics", date(2026, 4, 1), date(2026, 5, 1), []string{
			"04-20 08:00+02 to 04-20 08:30+02",
			"04-22 00:00+02 to 04-23 00:00+02",
		}},
		{"exchange-freebusy.ics", date(2026, 4, 1), date(2026, 5, 1), []string{
			"04-01 10:00+02 to 04-01 11:30+02",
			"04-02 10:00+02 to 04-02 11:00+02",
			"04-03 10:00+02 to 04-03 12:00+02",
		}},
		{"ferien.ics", date(2026, 9, 1), date(2027, 1, 1), []string{"10-31 00:00+01 to 10-31 23:59+01"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(filepath.Join("testdata/calendars", c.file))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			spans, err := ics.Busy(f, zone, c.from, c.to)
			if err != nil {
				t.Fatal(err)
			}
			if got := show(spans, zone); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestWeeklyTimesFollowTheClock(t *testing.T) {
	t.Parallel()
	expect(t, single("DTSTART;TZID=Europe/Berlin:20260322T080000", "DTEND;TZID=Europe/Berlin:20260322T090000", "RRULE:FREQ=WEEKLY;COUNT=2"),
		"03-22 08:00+01 to 03-22 09:00+01", "03-29 08:00+02 to 03-29 09:00+02")
	// In UTC they stay where UTC has them.
	expect(t, single("DTSTART:20260322T070000Z", "DTEND:20260322T080000Z", "RRULE:FREQ=WEEKLY;COUNT=2"),
		"03-22 08:00+01 to 03-22 09:00+01", "03-29 09:00+02 to 03-29 10:00+02")
}

func TestClockChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"WallTimeThatIsLeftOut", []string{"DTSTART;TZID=Europe/Berlin:20260329T023000", "DTEND;TZID=Europe/Berlin:20260329T040000"},
			[]string{"03-29 03:30+02 to 03-29 04:00+02"}},
		{"WallTimeThatComesTwice", []string{"DTSTART;TZID=Europe/Berlin:20261025T023000", "DURATION:PT15M"},
			[]string{"10-25 02:30+02 to 10-25 02:45+02"}},
		{"AcrossTheGap", []string{"DTSTART;TZID=Europe/Berlin:20260329T010000", "DTEND;TZID=Europe/Berlin:20260329T040000"},
			[]string{"03-29 01:00+01 to 03-29 04:00+02"}},
		{"NightlyHasAnExactLength", []string{"DTSTART;TZID=Europe/Berlin:20260327T220000", "DTEND;TZID=Europe/Berlin:20260328T060000", "RRULE:FREQ=DAILY;COUNT=2"},
			[]string{"03-27 22:00+01 to 03-28 06:00+01", "03-28 22:00+01 to 03-29 07:00+02"}},
		{"WholeDaySpring", []string{"DTSTART;VALUE=DATE:20260329"}, []string{"03-29 00:00+01 to 03-30 00:00+02"}},
		{"WholeDayAutumn", []string{"DTSTART;VALUE=DATE:20261025"}, []string{"10-25 00:00+02 to 10-26 00:00+01"}},
		{"WholeDaysWeekly", []string{"DTSTART;VALUE=DATE:20261018", "RRULE:FREQ=WEEKLY;COUNT=2"},
			[]string{"10-18 00:00+02 to 10-19 00:00+02", "10-25 00:00+02 to 10-26 00:00+01"}},
		{"MidnightToMidnightIsADay", []string{"DTSTART;TZID=Europe/Berlin:20261018T000000", "DTEND;TZID=Europe/Berlin:20261019T000000", "RRULE:FREQ=WEEKLY;COUNT=2"},
			[]string{"10-18 00:00+02 to 10-19 00:00+02", "10-25 00:00+02 to 10-26 00:00+01"}},
		{"DaysOfADurationAreNominal", []string{"DTSTART;TZID=Europe/Berlin:20260328T120000", "DURATION:P1DT1H"},
			[]string{"03-28 12:00+01 to 03-29 13:00+02"}},
		{"HoursOfADurationAreExact", []string{"DTSTART;TZID=Europe/Berlin:20260328T120000", "DURATION:PT24H"},
			[]string{"03-28 12:00+01 to 03-29 13:00+02"}},
		{"HourlyHasTwentyFiveHours", []string{"DTSTART;TZID=Europe/Berlin:20261025T013000", "DURATION:PT10M", "RRULE:FREQ=HOURLY;UNTIL=20261025T023000Z"},
			[]string{"10-25 01:30+02 to 10-25 01:40+02", "10-25 02:30+02 to 10-25 02:40+02", "10-25 02:30+01 to 10-25 02:40+01", "10-25 03:30+01 to 10-25 03:40+01"}},
		{"HourlyHasTwentyThreeHours", []string{"DTSTART;TZID=Europe/Berlin:20260329T013000", "DURATION:PT10M", "RRULE:FREQ=HOURLY;UNTIL=20260329T023000Z"},
			[]string{"03-29 01:30+01 to 03-29 01:40+01", "03-29 03:30+02 to 03-29 03:40+02", "03-29 04:30+02 to 03-29 04:40+02"}},
		{"DailyInTheGap", []string{"DTSTART;TZID=Europe/Berlin:20260328T023000", "DURATION:PT10M", "RRULE:FREQ=DAILY;COUNT=3"},
			[]string{"03-28 02:30+01 to 03-28 02:40+01", "03-29 03:30+02 to 03-29 03:40+02", "03-30 02:30+02 to 03-30 02:40+02"}},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); expect(t, single(c.lines...), c.want...) })
	}
}

func TestWhatMakesAnInstance(t *testing.T) {
	t.Parallel()
	weekly := []string{"BEGIN:VEVENT", "UID:a", "DTSTART;TZID=Europe/Berlin:20260302T100000", "DURATION:PT30M", "RRULE:FREQ=WEEKLY;COUNT=4", "END:VEVENT"}
	with := func(lines ...string) []string {
		return slices.Concat(weekly, []string{"BEGIN:VEVENT", "UID:a"}, lines, []string{"END:VEVENT"})
	}
	const first, second, third, fourth = "03-02 10:00+01 to 03-02 10:30+01", "03-09 10:00+01 to 03-09 10:30+01",
		"03-16 10:00+01 to 03-16 10:30+01", "03-23 10:00+01 to 03-23 10:30+01"
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"AsItIs", weekly, []string{first, second, third, fourth}},
		{"OneCancelled", with("RECURRENCE-ID:20260309T090000Z", "STATUS:CANCELLED"), []string{first, third, fourth}},
		{"OneTransparent", with("RECURRENCE-ID:20260309T090000Z", "DTSTART:20260309T090000Z", "DTEND:20260309T100000Z", "TRANSP:TRANSPARENT"), []string{first, third, fourth}},
		{"OneLonger", with("RECURRENCE-ID:20260309T090000Z", "DTSTART:20260309T090000Z", "DTEND:20260309T110000Z"),
			[]string{first, "03-09 10:00+01 to 03-09 12:00+01", third, fourth}},
		{"OneOfADayNamedByItsDate", with("RECURRENCE-ID;VALUE=DATE:20260309", "STATUS:CANCELLED"), []string{first, third, fourth}},
		{"TheNewerChangeCounts", slices.Concat(with("SEQUENCE:2", "RECURRENCE-ID:20260309T090000Z", "STATUS:CANCELLED"),
			[]string{"BEGIN:VEVENT", "UID:a", "SEQUENCE:1", "RECURRENCE-ID:20260309T090000Z", "DTSTART:20260310T090000Z", "DURATION:PT1H", "END:VEVENT"}),
			[]string{first, third, fourth}},
		{"ThisAndFollowingMoved", with("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260316T100000", "DTSTART;TZID=Europe/Berlin:20260317T110000", "DURATION:PT1H"),
			[]string{first, second, "03-17 11:00+01 to 03-17 12:00+01", "03-24 11:00+01 to 03-24 12:00+01"}},
		{"ThisAndFollowingCancelled", with("RECURRENCE-ID;RANGE=THISANDFUTURE:20260316T090000Z", "STATUS:CANCELLED"), []string{first, second}},
		{"AChangeWithoutItsEvent", []string{"BEGIN:VEVENT", "UID:z", "RECURRENCE-ID:20260309T090000Z", "DTSTART:20260309T090000Z", "DURATION:PT30M", "END:VEVENT"}, []string{second}},
		{"TheNewerVersionCounts", with("SEQUENCE:1", "DTSTART:20260302T090000Z", "DURATION:PT30M"), []string{first}},
		{"CancelledInANewerVersion", with("SEQUENCE:1", "DTSTART:20260302T090000Z", "STATUS:CANCELLED"), nil},
		{"TwoThatClaimTheSameUID", with("DTSTART:20260401T080000Z", "DURATION:PT30M"), []string{first, second, third, fourth, "04-01 10:00+02 to 04-01 10:30+02"}},
		{"ExceptADate", slices.Concat(weekly[:5], []string{"EXDATE;VALUE=DATE:20260309,20260316", "END:VEVENT"}), []string{first, fourth}},
		{"ExceptTheFirst", slices.Concat(weekly[:5], []string{"EXDATE:20260302T090000Z", "END:VEVENT"}), []string{second, third, fourth}},
		{"DatesBeside", slices.Concat(weekly[:4], []string{"RDATE;TZID=Europe/Berlin:20260309T100000,20260316T100000", "END:VEVENT"}), []string{first, second, third}},
		{"PeriodsBeside", slices.Concat(weekly[:4], []string{"RDATE;VALUE=PERIOD:20260309T090000Z/PT1H,20260316T090000Z/20260316T094500Z", "END:VEVENT"}),
			[]string{first, "03-09 10:00+01 to 03-09 11:00+01", "03-16 10:00+01 to 03-16 10:45+01"}},
		{"APeriodBesideAShorterStart", slices.Concat(weekly[:4], []string{"RRULE:FREQ=WEEKLY;COUNT=2", "RDATE;VALUE=PERIOD:20260309T090000Z/PT2H", "END:VEVENT"}),
			[]string{first, "03-09 10:00+01 to 03-09 12:00+01"}},
		{"ADateTwice", slices.Concat(weekly[:5], []string{"RDATE:20260309T090000Z", "END:VEVENT"}), []string{first, second, third, fourth}},
		{"WholeDaysExcept", []string{"BEGIN:VEVENT", "DTSTART;VALUE=DATE:20260302", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Berlin:20260303T000000", "END:VEVENT"},
			[]string{"03-02 00:00+01 to 03-03 00:00+01", "03-04 00:00+01 to 03-05 00:00+01"}},
		{"WholeDaysMoved", []string{"BEGIN:VEVENT", "UID:d", "DTSTART;VALUE=DATE:20260302", "RRULE:FREQ=DAILY;COUNT=2", "END:VEVENT",
			"BEGIN:VEVENT", "UID:d", "RECURRENCE-ID;VALUE=DATE:20260303", "DTSTART;VALUE=DATE:20260310", "END:VEVENT"},
			[]string{"03-02 00:00+01 to 03-03 00:00+01", "03-10 00:00+01 to 03-11 00:00+01"}},
		{"LongerThanTheWindow", []string{"BEGIN:VEVENT", "DTSTART;VALUE=DATE:20200101", "DTEND;VALUE=DATE:20300101", "END:VEVENT"},
			[]string{"01-01 00:00+01 to 01-01 00:00+01"}},
		{"TwoCalendarsInOneFile", []string{"END:VCALENDAR", "BEGIN:VCALENDAR", "BEGIN:VEVENT", "DTSTART:20260302T090000Z", "DURATION:PT30M", "END:VEVENT"}, []string{first}},
		{"TentativeIsBusy", []string{"BEGIN:VEVENT", "DTSTART:20260302T090000Z", "DURATION:PT30M", "STATUS:TENTATIVE", "END:VEVENT"}, []string{first}},
		{"NoDuration", []string{"BEGIN:VEVENT", "DTSTART:20260302T090000Z", "END:VEVENT"}, nil},
		{"CancelledWithoutAStart", []string{"BEGIN:VEVENT", "STATUS:CANCELLED", "END:VEVENT"}, nil},
		{"Nothing", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); expect(t, calendar(c.lines...), c.want...) })
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	at := func(tzid string, before ...string) string {
		return calendar(slices.Concat(before, []string{"BEGIN:VEVENT", "DTSTART;TZID=" + tzid + ":20260706T100000", "DURATION:PT1H", "END:VEVENT"})...)
	}
	own := []string{"BEGIN:VTIMEZONE", "TZID:EST", "BEGIN:STANDARD", "DTSTART:20251102T020000", "TZOFFSETFROM:-0400", "TZOFFSETTO:-0500",
		"RDATE:20261101T020000", "END:STANDARD", "BEGIN:DAYLIGHT", "DTSTART:20260308T020000", "TZOFFSETFROM:-0500", "TZOFFSETTO:-0400", "END:DAYLIGHT", "END:VTIMEZONE"}
	for _, c := range []struct{ name, content, want string }{
		{"IANA", at("Europe/London"), "07-06 11:00+02 to 07-06 12:00+02"},
		{"UTC", at("UTC"), "07-06 12:00+02 to 07-06 13:00+02"},
		{"Quoted", at(`"Europe/London"`), "07-06 11:00+02 to 07-06 12:00+02"},
		{"HiddenInALongerName", at("/freeassociation.sourceforge.net/Europe/London"), "07-06 11:00+02 to 07-06 12:00+02"},
		{"HiddenWithAVersion", at("/mozilla.org/20050126_1/America/Argentina/Buenos_Aires"), "07-06 15:00+02 to 07-06 16:00+02"},
		{"AShortNameMeansWhatTheCalendarSays", at("EST", own...), "07-06 16:00+02 to 07-06 17:00+02"},
		{"AShortNameAlone", at("EST"), "07-06 17:00+02 to 07-06 18:00+02"},
		{"TheCalendarsForFloatingTimes", calendar("X-WR-TIMEZONE:Europe/London", "BEGIN:VEVENT", "DTSTART:20260706T100000", "DURATION:PT1H", "END:VEVENT"),
			"07-06 11:00+02 to 07-06 12:00+02"},
		{"NotTheCalendarsForWholeDays", calendar("X-WR-TIMEZONE:America/New_York", "BEGIN:VEVENT", "DTSTART;VALUE=DATE:20260706", "END:VEVENT"),
			"07-06 00:00+02 to 07-07 00:00+02"},
		{"AnUnknownOneIsNoMatterWhereItDoesNotCount", calendar(
			"BEGIN:VEVENT", "UID:1", "DTSTART;TZID=Nirgends:20100706T100000", "DURATION:PT1H", "END:VEVENT",
			"BEGIN:VEVENT", "UID:2", "DTSTART;TZID=Nirgends:20260706T100000", "DURATION:PT1H", "STATUS:CANCELLED", "END:VEVENT",
			"BEGIN:VEVENT", "UID:3", "DTSTART:20260706T100000Z", "DURATION:PT1H", "END:VEVENT"), "07-06 12:00+02 to 07-06 13:00+02"},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); expect(t, c.content, c.want) })
	}
	for _, name := range []string{"Customized Time Zone", "W. Europe Standard Time", "Europe/Nirgends", "../../etc/passwd", "Local", "", "/a/b", strings.Repeat("x", 500)} {
		_, err := ics.Busy(strings.NewReader(at(name)), time.UTC, date(2026, 1, 1), date(2027, 1, 1))
		if name == "" { // no zone named is a floating time
			if err != nil {
				t.Errorf("%q: %v", name, err)
			}
			continue
		}
		if reason(err) != "calendar_unknown_zone" || !strings.Contains(err.Error(), fmt.Sprintf("%.64q", name)) || len(err.Error()) > 300 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestDescribedZonesAreTheirNamesakes: a zone built from a VTIMEZONE shows the
// time of the IANA zone that it describes.
func TestDescribedZonesAreTheirNamesakes(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/calendars/outlook.ics")
	if err != nil {
		t.Fatal(err)
	}
	begin, end := bytes.Index(raw, []byte("BEGIN:VTIMEZONE")), bytes.Index(raw, []byte("BEGIN:VEVENT"))
	zone := string(raw[begin : end-2])
	var described, named []string
	for day := date(2026, 1, 1); day.Before(date(2028, 1, 1)); day = day.AddDate(0, 0, 1) {
		for _, hour := range []int{0, 1, 2, 3, 4, 12} {
			wall := day.Format("20060102") + fmt.Sprintf("T%02d1500", hour)
			for list, tzid := range map[*[]string]string{&described: "W. Europe Standard Time", &named: "Europe/Berlin"} {
				*list = append(*list, "BEGIN:VEVENT", "DTSTART;TZID="+tzid+":"+wall, "DURATION:PT5M", "END:VEVENT")
			}
		}
	}
	a, err := ics.Busy(strings.NewReader(calendar(append([]string{zone}, described...)...)), time.UTC, date(2026, 1, 1), date(2028, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ics.Busy(strings.NewReader(calendar(named...)), time.UTC, date(2026, 1, 1), date(2028, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	if len(a) < 4000 || !slices.Equal(a, b) {
		t.Errorf("%d spans against %d", len(a), len(b))
	}
}

func TestMalformedCalendarsNameTheLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, content, want string }{
		{"Empty", "", "line 0: the calendar does not end"},
		{"Page", "<!DOCTYPE html>\n<html></html>", "line 1: a calendar has to begin here"},
		{"Truncated", strings.TrimSuffix(single("DTSTART:20260101T000000Z"), "END:VEVENT\r\nEND:VCALENDAR\r\n"), "the calendar does not end"},
		{"Behind", calendar() + "BEGIN:VEVENT", "line 3: a calendar has to begin here"},
		{"Crossed", calendar("BEGIN:VEVENT", "END:VTODO"), "line 3: END"},
		{"Nested", calendar("BEGIN:VCALENDAR", "END:VCALENDAR"), "line 2: BEGIN"},
		{"Deep", strings.Repeat("BEGIN:VCALENDAR\nBEGIN:X\nBEGIN:X\nBEGIN:X\nBEGIN:X\nBEGIN:X\nBEGIN:X\nBEGIN:X\nBEGIN:X\n", 1), "line 9: BEGIN"},
		{"NoStart", single("DTEND:20260101T000000Z"), "line 5: the event of line 2 has no DTSTART"},
		{"NoDate", single("DTSTART:soon"), "line 4: DTSTART"},
		{"NoDay", single("DTSTART:20260230"), "line 4: DTSTART"},
		{"NoHour", single("DTSTART:20260201T250000"), "line 4: DTSTART"},
		{"NoValue", single("DTSTART;TZID=Europe/Berlin"), "line 4: DTSTART has no value"},
		{"OpenQuote", single(`DTSTART;TZID="Europe/Berlin:20260201T100000`), "line 4: DTSTART has no value"},
		{"TwoStarts", single("DTSTART:20260201", "DTSTART:20260202"), "line 5: DTSTART: stands there twice"},
		{"TwoEnds", single("DTSTART:20260201", "DTEND:20260203", "DTEND:20260202"), "line 6: DTEND: stands there twice"},
		{"EndsEarlier", single("DTSTART:20260201T100000Z", "DTEND:20260201T090000Z"), "line 2: invalid: calendar_malformed: it ends before it begins"},
		{"NoDuration", single("DTSTART:20260201", "DURATION:1H"), "line 5: DURATION"},
		{"NegativeDuration", single("DTSTART:20260201", "DURATION:-PT1H"), "line 5: DURATION"},
		{"NoExceptionDate", single("DTSTART:20260201", "EXDATE:20260201,"), "line 5: EXDATE"},
		{"HourlyDays", single("DTSTART:20260201", "RRULE:FREQ=HOURLY"), "line 2: invalid: calendar_malformed: RRULE"},
		{"NoPeriod", calendar("BEGIN:VFREEBUSY", "FREEBUSY:20260201T100000Z", "END:VFREEBUSY"), "line 3: FREEBUSY"},
		{"NoOffset", calendar("BEGIN:VTIMEZONE", "BEGIN:STANDARD", "TZOFFSETTO:1h", "END:STANDARD", "END:VTIMEZONE"), "line 4: TZOFFSETTO"},
		{"HalfAZone", calendar("BEGIN:VTIMEZONE", "BEGIN:STANDARD", "TZOFFSETTO:+0100", "END:STANDARD", "END:VTIMEZONE"), "line 5: the part of a zone that begins in line 3"},
		{"FoldedLinesCount", calendar("BEGIN:VEVENT", "SUMMARY:a", " b", "\tc", "DTSTART:x", "END:VEVENT"), "line 6: DTSTART"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := ics.Busy(strings.NewReader(c.content), time.UTC, date(2026, 1, 1), date(2027, 1, 1))
			if reason(err) != "calendar_malformed" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestLargeCalendarsAreRefused(t *testing.T) {
	t.Parallel()
	var events []string
	for i := range ics.MaxSpans + 1 {
		events = append(events, "BEGIN:VEVENT", "DTSTART:"+date(2026, 1, 1).Add(time.Duration(i)*time.Hour).Format("20060102T150405Z"), "DURATION:PT1M", "END:VEVENT")
	}
	busy := func(content string) ([]ics.Span, error) {
		return ics.Busy(strings.NewReader(content), time.UTC, date(2026, 1, 1), date(2036, 1, 1))
	}
	if spans, err := busy(calendar(events[:len(events)-4]...)); err != nil || len(spans) != ics.MaxSpans {
		t.Errorf("as many as there may be: %d, %v", len(spans), err)
	}
	if _, err := busy(calendar(events...)); reason(err) != "calendar_too_large" {
		t.Errorf("one more: %v", err)
	}
	filler := strings.Repeat("X-FILLER:"+strings.Repeat("x", 60)+"\r\n", ics.MaxOctets/71+1)
	if _, err := busy("BEGIN:VCALENDAR\r\n" + filler + "END:VCALENDAR\r\n"); reason(err) != "calendar_too_large" {
		t.Errorf("two megabytes and more: %v", err)
	}
	if _, err := ics.Days(strings.NewReader(calendar(events...)), time.UTC, date(2026, 1, 1), date(2036, 1, 1)); reason(err) != "calendar_too_large" {
		t.Errorf("days: %v", err)
	}
}

func TestSubjectsStayInside(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/calendars/*.ics")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// Whatever is cut off or spoilt, the error says nothing of the content.
		for i := 0; i < len(raw); i += 7 {
			for _, spoilt := range [][]byte{raw[:i], append(slices.Clone(raw[:i]), raw[min(len(raw), i+5):]...)} {
				if _, err := ics.Busy(bytes.NewReader(spoilt), time.UTC, date(2026, 1, 1), date(2027, 1, 1)); err != nil && strings.Contains(strings.ToLower(err.Error()), "canary") {
					t.Fatalf("%s at %d: %v", name, i, err)
				}
			}
		}
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/calendars/ferien.ics")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		content  string
		from, to time.Time
		want     string
	}{
		{"SchoolHolidays", string(raw), date(2026, 9, 1), date(2027, 12, 31),
			"2026-09-01 2026-09-12 Sommerferien 2026, Baden-Württemberg; 2026-10-26 2026-10-30 Herbstferien 2026; " +
				"2026-10-31 2026-10-31 Reformationstag; 2027-03-25 2027-03-25 Gründonnerstag"},
		{"CutAtTheLastDay", string(raw), date(2026, 1, 1), date(2026, 7, 31), "2026-07-30 2026-07-31 Sommerferien 2026, Baden-Württemberg"},
		{"TimesTakeTheirDaysInTheZone", single("DTSTART:20261231T230000Z", "DTEND:20270102T230000Z", "SUMMARY:Silvester"), date(2026, 1, 1), date(2027, 12, 31),
			"2027-01-01 2027-01-02 Silvester"},
		{"Yearly", single("DTSTART;VALUE=DATE:20200224", "RRULE:FREQ=YEARLY;UNTIL=20270224", `SUMMARY:Fasching\; frei\nund so`), date(2026, 1, 1), date(2028, 1, 1),
			"2026-02-24 2026-02-24 Fasching; frei und so; 2027-02-24 2027-02-24 Fasching; frei und so"},
		{"Latin1", single("DTSTART;VALUE=DATE:20260224", "SUMMARY:Fr\xfchling"), date(2026, 1, 1), date(2027, 1, 1), "2026-02-24 2026-02-24 Frühling"},
		{"Nothing", calendar(), date(2026, 1, 1), date(2027, 1, 1), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ranges, err := ics.Days(strings.NewReader(c.content), berlin(t), c.from, c.to)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range ranges {
				got = append(got, r.First.Format(time.DateOnly)+" "+r.Last.Format(time.DateOnly)+" "+r.Name)
			}
			if s := strings.Join(got, "; "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func TestWhatWePublishCanBeRead(t *testing.T) {
	t.Parallel()
	raw, err := ics.Publish(event())
	if err != nil {
		t.Fatal(err)
	}
	spans, err := ics.Busy(strings.NewReader(raw), time.UTC, date(2026, 1, 1), date(2027, 1, 1))
	if err != nil || len(spans) != 1 || !spans[0].Starts.Equal(event().Starts) || !spans[0].Ends.Equal(event().Ends) {
		t.Errorf("%v, %v", spans, err)
	}
}
