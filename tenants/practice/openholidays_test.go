package practice_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"siegel/platform/fault"
	"siegel/platform/ics"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

func openHolidays(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/openholidays.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestOpenHolidays(t *testing.T) {
	t.Parallel()
	const (
		bavaria = `{"startDate":"2026-08-03","endDate":"2026-09-14","type":"School","subdivisions":[{"code":"DE-BY"}],"name":[{"language":"DE","text":"Sommer BY"}]}`
		augs    = `{"startDate":"2026-08-08","endDate":"2026-08-08","type":"School","subdivisions":[{"code":"DE-BY-AU"}],"name":[]}`
		hesse   = `{"startDate":"2026-06-29","endDate":"2026-08-07","type":"School","subdivisions":[{"code":"DE-HE"}],"name":[{"language":"de","text":"Sommer HE"}]}`
		all     = `{"startDate":"2026-10-01","endDate":"2026-10-02","nationwide":true,"name":[{"language":"FR","text":" deux\n jours\u202e "}]}`
	)
	for _, c := range []struct {
		name, content string
		land          schedule.Land
		want          string
	}{
		{"AsTheServiceAnswers", openHolidays(t), "", "2026-08-01 2026-09-12 Sommerferien; 2026-12-23 2027-01-09 Weihnachtsferien; 2027-03-30 2027-04-03 Easter holidays"},
		{"OneLandThatIsNotOurs", "[" + bavaria + "]", "DE-BW", "2026-08-03 2026-09-14 Sommer BY"},
		{"OursOfSeveral", "[" + bavaria + "," + hesse + "," + all + "]", "DE-HE", "2026-08-01 2026-08-07 Sommer HE; 2026-10-01 2026-10-02 deux jours"},
		{"PartsOfALand", "[" + augs + "," + bavaria + "]", "", "2026-08-03 2026-09-14 Sommer BY"},
		{"NoneOfOurs", "[" + bavaria + "," + hesse + "]", "DE-BW", ""},
		{"OverlappingDaysCountOnce", `[{"startDate":"2026-09-01","endDate":"2026-09-10"},{"startDate":"2026-09-05","endDate":"2026-09-12"},{"startDate":"2026-09-01","endDate":"2026-09-02"}]`, "",
			"2026-09-01 2026-09-10 ; 2026-09-11 2026-09-12 "},
		{"CutAtBothEnds", `[{"startDate":"2020-01-01","endDate":"2040-01-01"}]`, "", "2026-08-01 2028-08-01 "},
		{"BeforeAndAfter", `[{"startDate":"2026-07-01","endDate":"2026-07-31"},{"startDate":"2028-08-02","endDate":"2028-08-02"}]`, "", ""},
		{"Empty", "[]", "", ""},
		{"ByteOrderMark", "\ufeff[]", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			days, err := practice.ReadOpenHolidays(c.content, c.land, schedule.NewDate(2026, 8, 1), schedule.NewDate(2028, 8, 1))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range days {
				got = append(got, d.From.String()+" "+d.Until.String()+" "+d.Name)
			}
			if s := strings.Join(got, "; "); s != c.want {
				t.Errorf("got  %q\nwant %q", s, c.want)
			}
		})
	}
	for _, c := range []struct {
		name, content string
		want          *fault.Error
		cause         string
	}{
		{"NoJSON", "[\n{\nx", practice.ErrCalendarMalformed, "line 3: no JSON"},
		{"NoArray", `{"startDate":"2026-08-03"}`, practice.ErrCalendarMalformed, "line 1"},
		{"Page", "<html>", practice.ErrCalendarMalformed, "line 1: no JSON"},
		{"Truncated", "[\n{}", practice.ErrCalendarMalformed, "line 2: the JSON does not end"},
		{"Nothing", "", practice.ErrCalendarMalformed, "line 1: the JSON does not end"},
		{"Twice", "[]\n[]", practice.ErrCalendarMalformed, "line 2: something behind the array"},
		{"NoDate", `[{"startDate":"2026-08-03","endDate":"CANARY"}]`, practice.ErrCalendarMalformed, "[0].endDate"},
		{"NoStart", `[{"endDate":"2026-08-03"}]`, practice.ErrCalendarMalformed, "[0].startDate"},
		{"WrongOrder", `[{"startDate":"2026-08-03","endDate":"2026-08-02"}]`, practice.ErrCalendarMalformed, "[0].endDate"},
		{"WrongType", "[\n{\"name\":\"CANARY\"}]", practice.ErrCalendarMalformed, "line 2: name"},
		{"SeveralLaender", "[" + bavaria + "," + hesse + "]", practice.ErrCalendarAmbiguous, ""},
		{"Long", strings.Repeat(" ", ics.MaxOctets) + "[]", practice.ErrCalendarTooLarge, ""},
		{"Many", "[" + strings.Repeat("{},", ics.MaxSpans) + "{}]", practice.ErrCalendarTooLarge, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := practice.ReadOpenHolidays(c.content, "", schedule.NewDate(2026, 8, 1), schedule.NewDate(2028, 8, 1))
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.cause) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzOpenHolidays(f *testing.F) {
	f.Add(openHolidays(f), "DE-BW")
	f.Add(`[{"startDate":"2026-08-03","endDate":"2026-09-14","subdivisions":[{"code":"DE-BY-AU"},{"code":"-"}],"name":[{}]}]`, "")
	from, until := schedule.NewDate(2026, 1, 1), schedule.NewDate(2028, 1, 1)
	f.Fuzz(func(t *testing.T, content, land string) {
		days, err := practice.ReadOpenHolidays(content, schedule.Land(land), from, until)
		if err != nil {
			known := []*fault.Error{practice.ErrCalendarMalformed, practice.ErrCalendarTooLarge, practice.ErrCalendarAmbiguous}
			if !slices.ContainsFunc(known, func(e *fault.Error) bool { return errors.Is(err, e) }) {
				t.Fatal(err)
			}
			return
		}
		last := from - 1
		for _, d := range days {
			if d.From <= last || d.Until < d.From || d.Until > until || len([]rune(d.Name)) > 120 || strings.ContainsAny(d.Name, "\n\r\x00") {
				t.Fatalf("%v to %v %q behind %v", d.From, d.Until, d.Name, last)
			}
			last = d.Until
		}
	})
}
