package schedule_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

func TestAStretchIsWhatTheWallShows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		zone, from        string
		fromMinute        int
		until             string
		untilMinute, want int // minutes that it lasts
		parts             int
	}{
		"a winter day":                        {"Europe/Berlin", "2026-12-24", 0, "2026-12-24", 1440, 1440, 1},
		"over midnight":                       {"Europe/Berlin", "2026-12-24", hm(12, 0), "2026-12-25", hm(8, 0), 20 * 60, 1},
		"the day that lasts 23 hours":         {"Europe/Berlin", "2026-03-29", 0, "2026-03-29", 1440, 23 * 60, 2},
		"the day that lasts 25 hours":         {"Europe/Berlin", "2026-10-25", 0, "2026-10-25", 1440, 25 * 60, 2},
		"the half of an hour that is doubled": {"Europe/Berlin", "2026-10-25", hm(2, 0), "2026-10-25", hm(2, 30), 60, 2},
		"an hour that is skipped":             {"Europe/Berlin", "2026-03-29", hm(2, 0), "2026-03-29", hm(3, 0), 0, 0},
		"a day that is skipped":               {"Pacific/Apia", "2011-12-30", 0, "2011-12-30", 1440, 0, 0},
		"nothing":                             {"Europe/Berlin", "2026-12-24", hm(12, 0), "2026-12-24", hm(12, 0), 0, 0},
	} {
		stretch := schedule.Stretch{From: date(t, c.from), FromMinute: c.fromMinute, Until: date(t, c.until), UntilMinute: c.untilMinute}
		parts := stretch.AppendIn(nil, zone(t, c.zone))
		var lasts int64
		for _, p := range parts {
			lasts += (p.Ends - p.Starts) / 60
		}
		if len(parts) != c.parts || lasts != int64(c.want) {
			t.Errorf("%s: got %v, %d minutes, want %d in %d parts", name, parts, lasts, c.want, c.parts)
		}
	}
}

func TestUnionIsInOrderDisjointAndNotEmpty(t *testing.T) {
	t.Parallel()
	got := schedule.Union([]schedule.Interval{{50, 60}, {10, 20}, {20, 30}, {5, 5}, {55, 58}, {40, 30}, {12, 14}})
	if want := []schedule.Interval{{10, 30}, {50, 60}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAClosureShutsSlotsAndNotTheirBuffers(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	monday := date(t, "2026-11-23")
	at := func(hour, minute int) int64 { return time.Date(2026, 11, 23, hour, minute, 0, 0, berlin).Unix() }
	svc := service(30, 30)
	svc.BufferBefore, svc.BufferAfter = 10*time.Minute, 10*time.Minute
	opening := schedule.Opening{Zone: berlin, Weekdays: schedule.WeekdaysOf(1), From: hm(8, 0), Until: hm(12, 0),
		Closed: []schedule.Interval{{at(8, 30), at(10, 0)}, {at(10, 30), at(10, 45)}, {at(11, 15), at(11, 20)}}}
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, berlin)
	var got []string
	for _, s := range slotsOf([]schedule.Opening{opening}, svc, 1, nil, monday, monday+1, now) {
		got = append(got, time.Unix(s.Starts, 0).In(berlin).Format("15:04"))
		if _, ok := offered([]schedule.Opening{opening}, svc, s.Starts, now); !ok {
			t.Errorf("%s is listed and not offered", got[len(got)-1])
		}
	}
	if want := []string{"08:00", "10:00", "11:30"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, ok := offered([]schedule.Opening{opening}, svc, at(9, 30), now); ok {
		t.Error("half past nine is offered")
	}
}

func TestADayIsShutWhereNothingOfItIsLeft(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	monday := date(t, "2026-11-23")
	svc := id.New[id.Service]()
	shut := func(stretches ...schedule.Stretch) []schedule.Interval {
		var all []schedule.Interval
		for _, s := range stretches {
			all = s.AppendIn(all, berlin)
		}
		return schedule.Union(all)
	}
	open := func(from, until int, closed []schedule.Interval) schedule.Opening {
		return schedule.Opening{Zone: berlin, Weekdays: schedule.WeekdaysOf(1), From: from, Until: until, Closed: closed}
	}
	whole := shut(schedule.WholeDay(monday))
	hours := func(from, until int) []schedule.Interval {
		return shut(schedule.Stretch{From: monday, FromMinute: from, Until: monday, UntilMinute: until})
	}
	others := open(hm(8, 0), hm(12, 0), nil)
	others.Services = []id.Service{id.New[id.Service]()}
	for name, c := range map[string]struct {
		openings []schedule.Opening
		date     schedule.Date
		want     bool
	}{
		"nobody is there":                  {nil, monday, false},
		"the whole day":                    {[]schedule.Opening{open(hm(8, 0), hm(12, 0), whole)}, monday, true},
		"just the opening":                 {[]schedule.Opening{open(hm(8, 0), hm(12, 0), hours(hm(8, 0), hm(12, 0)))}, monday, true},
		"all but a slot":                   {[]schedule.Opening{open(hm(8, 0), hm(12, 0), hours(hm(8, 20), hm(12, 0)))}, monday, false},
		"one of two":                       {[]schedule.Opening{open(hm(8, 0), hm(12, 0), whole), open(hm(14, 0), hm(18, 0), nil)}, monday, false},
		"the other is for another service": {[]schedule.Opening{open(hm(8, 0), hm(12, 0), whole), others}, monday, true},
		"a day without openings, open":     {[]schedule.Opening{open(hm(8, 0), hm(12, 0), whole)}, monday + 1, false},
		"a day without openings, shut": {[]schedule.Opening{open(hm(8, 0), hm(12, 0),
			shut(schedule.Stretch{From: monday, Until: monday + 1, UntilMinute: 1440}))}, monday + 1, true},
	} {
		q := schedule.Query{Now: past}
		svc := schedule.Service{ID: svc, Duration: minutes(20), Step: minutes(20), Horizon: 100_000}
		reason, _ := planOf(c.openings, svc, 1).EmptyDay(c.date, &schedule.Load{}, q)
		if got := reason == schedule.ReasonClosed; got != c.want {
			t.Errorf("%s: got %v", name, reason)
		}
	}
}

func TestYearlyDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		day        schedule.Yearly
		year       int
		want, name string
	}{
		{"12-24", 2026, "2026-12-24", "Heiligabend"}, {"12-31", 2027, "2027-12-31", "Silvester"}, {"07-14", 2026, "2026-07-14", ""},
		{"rosenmontag", 2026, "2026-02-16", "Rosenmontag"}, {"rosenmontag", 2027, "2027-02-08", "Rosenmontag"},
		{"weiberfastnacht", 2026, "2026-02-12", "Weiberfastnacht"}, {"fastnachtsdienstag", 2026, "2026-02-17", "Fastnachtsdienstag"},
		{"02-29", 2028, "2028-02-29", ""},
	} {
		if got, ok := c.day.In(c.year); !ok || got.String() != c.want || c.day.Name() != c.name || c.day.Check() != nil {
			t.Errorf("%s %d: got %s %v %q", c.day, c.year, got, ok, c.day.Name())
		}
	}
	if got, ok := schedule.Yearly("02-29").In(2026); ok {
		t.Errorf("29 February 2026 is %s", got)
	}
	for _, none := range []schedule.Yearly{"", "24-12", "12-32", "02-30", "1-1", "12-24-2026", "Rosenmontag", "aschermittwoch "} {
		if err := none.Check(); !errors.Is(err, schedule.ErrMalformedYearly) {
			t.Errorf("%q: got %v", none, err)
		}
	}
}
