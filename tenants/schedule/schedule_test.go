package schedule_test

import (
	"slices"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func date(t testing.TB, text string) schedule.Date {
	t.Helper()
	d, err := schedule.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func at(t testing.TB, text string) int64 {
	t.Helper()
	v, err := time.Parse("2006-01-02T15:04Z", text)
	if err != nil {
		t.Fatal(err)
	}
	return v.Unix()
}

// hm is a wall time as minutes.
func hm(hour, minute int) int { return hour*60 + minute }

// starts returns the slots' starts on UTC, without the date where it is day.
func starts(slots []schedule.Slot) []string {
	texts := []string{}
	for _, s := range slots {
		texts = append(texts, time.Unix(s.Starts, 0).UTC().Format("2006-01-02T15:04Z"))
	}
	return texts
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

func service(duration, step int) schedule.Service {
	return schedule.Service{ID: id.New[id.Service](), Duration: minutes(duration), Step: minutes(step), Horizon: 10_000}
}

// planOf is a plan whose openings are for everyone and have no limits of their own.
func planOf(openings []schedule.Opening, svc schedule.Service, capacity int) *schedule.Plan {
	openings = slices.Clone(openings)
	for i := range openings {
		openings[i].For, openings[i].OpenToAll, openings[i].Horizon = schedule.Everyone, -1, -1
	}
	return &schedule.Plan{Service: svc, Openings: openings, Capacity: capacity}
}

func slotsOf(openings []schedule.Opening, svc schedule.Service, capacity int, busy []schedule.Busy, from, to schedule.Date, now time.Time) []schedule.Slot {
	slots, _ := planOf(openings, svc, capacity).Slots(nil, nil, &schedule.Load{Busy: busy}, schedule.Query{From: from, To: to, Now: now})
	return slots
}

func offered(openings []schedule.Opening, svc schedule.Service, starts int64, now time.Time) (int, bool) {
	return planOf(openings, svc, 1).Offered(starts, now, false)
}

// long before all dates of these tests
var past = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestSlotsOnClockChangeDays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		zone, date     string
		from, until    int
		duration, step int
		want           []string
	}{
		"berlin in spring has no hour from two to three": {
			"Europe/Berlin", "2026-03-29", hm(1, 0), hm(4, 0), 30, 30,
			[]string{"2026-03-29T00:00Z", "2026-03-29T00:30Z", "2026-03-29T01:00Z", "2026-03-29T01:30Z"},
		},
		"an appointment runs over the gap in elapsed time": {
			"Europe/Berlin", "2026-03-29", hm(1, 0), hm(4, 0), 90, 30,
			[]string{"2026-03-29T00:00Z", "2026-03-29T00:30Z"},
		},
		"an opening inside the gap offers nothing": {
			"Europe/Berlin", "2026-03-29", hm(2, 0), hm(3, 0), 15, 15, []string{},
		},
		"the grid is wall time, counted from a start that the gap skips": {
			"Europe/Berlin", "2026-03-29", hm(2, 40), hm(4, 0), 20, 30,
			[]string{"2026-03-29T01:10Z", "2026-03-29T01:40Z"},
		},
		"berlin in autumn has the hour from two to three twice": {
			"Europe/Berlin", "2026-10-25", hm(1, 0), hm(4, 0), 60, 60,
			[]string{"2026-10-24T23:00Z", "2026-10-25T00:00Z", "2026-10-25T01:00Z", "2026-10-25T02:00Z"},
		},
		"an opening inside the doubled hour is open twice, and not between": {
			"Europe/Berlin", "2026-10-25", hm(2, 0), hm(2, 30), 20, 10,
			[]string{"2026-10-25T00:00Z", "2026-10-25T00:10Z", "2026-10-25T01:00Z", "2026-10-25T01:10Z"},
		},
		"an opening that the doubled hour interrupts has no appointment over the break": {
			"Europe/Berlin", "2026-10-25", hm(2, 30), hm(4, 0), 60, 30,
			[]string{"2026-10-25T01:30Z", "2026-10-25T02:00Z"},
		},
		"lord howe goes back by half an hour": {
			"Australia/Lord_Howe", "2026-04-05", hm(1, 0), hm(2, 30), 30, 30,
			[]string{"2026-04-04T14:00Z", "2026-04-04T14:30Z", "2026-04-04T15:00Z", "2026-04-04T15:30Z"},
		},
		"lord howe goes forward by half an hour": {
			"Australia/Lord_Howe", "2026-10-04", hm(1, 0), hm(3, 30), 30, 30,
			[]string{"2026-10-03T14:30Z", "2026-10-03T15:00Z", "2026-10-03T15:30Z", "2026-10-03T16:00Z"},
		},
		"são paulo once skipped midnight": {
			"America/Sao_Paulo", "2018-11-04", hm(0, 0), hm(2, 0), 30, 30,
			[]string{"2018-11-04T03:00Z", "2018-11-04T03:30Z"},
		},
		"são paulo once repeated the last hour of a day": {
			"America/Sao_Paulo", "2018-02-17", hm(23, 0), hm(24, 0), 30, 30,
			[]string{"2018-02-18T01:00Z", "2018-02-18T01:30Z", "2018-02-18T02:00Z", "2018-02-18T02:30Z"},
		},
		"apia never had the thirtieth of december 2011": {
			"Pacific/Apia", "2011-12-30", 0, hm(24, 0), 60, 60, []string{},
		},
		"apia had the thirty-first": {
			"Pacific/Apia", "2011-12-31", hm(8, 0), hm(10, 0), 60, 60,
			[]string{"2011-12-30T18:00Z", "2011-12-30T19:00Z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			day := date(t, c.date)
			openings := []schedule.Opening{{Zone: zone(t, c.zone), Weekdays: schedule.WeekdaysOf(day.Weekday()), From: c.from, Until: c.until}}
			got := starts(slotsOf(openings, service(c.duration, c.step), 1, nil, day, day+1, past))
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}

// A day that is open from ten to eleven in UTC, with slots of 20 minutes.
func TestSlotsLeaveOutWhatIsTaken(t *testing.T) {
	t.Parallel()
	const day = "2026-11-23T"
	busy := func(from, to string) schedule.Busy {
		return schedule.Busy{Interval: schedule.Interval{Starts: at(t, day+from+"Z"), Ends: at(t, day+to+"Z")}}
	}
	for name, c := range map[string]struct {
		capacity      int
		before, after int
		busy          []schedule.Busy
		want          []string
	}{
		"nothing taken":                       {1, 0, 0, nil, []string{"10:00", "10:20", "10:40"}},
		"exactly one slot":                    {1, 0, 0, []schedule.Busy{busy("10:20", "10:40")}, []string{"10:00", "10:40"}},
		"a minute of two slots":               {1, 0, 0, []schedule.Busy{busy("10:19", "10:21")}, []string{"10:40"}},
		"touching from both sides":            {1, 0, 0, []schedule.Busy{busy("09:00", "10:00"), busy("11:00", "12:00")}, []string{"10:00", "10:20", "10:40"}},
		"unsorted and overlapping":            {1, 0, 0, []schedule.Busy{busy("10:45", "10:50"), busy("09:00", "10:10"), busy("09:30", "09:40")}, []string{"10:20"}},
		"an empty interval takes nothing":     {1, 0, 0, []schedule.Busy{busy("10:30", "10:30")}, []string{"10:00", "10:20", "10:40"}},
		"one of two units":                    {2, 0, 0, []schedule.Busy{busy("10:00", "11:00")}, []string{"10:00", "10:20", "10:40"}},
		"both units at one instant":           {2, 0, 0, []schedule.Busy{busy("10:00", "10:31"), busy("10:30", "11:00")}, []string{"10:00", "10:40"}},
		"two units one after the other":       {2, 0, 0, []schedule.Busy{busy("10:00", "10:30"), busy("10:30", "11:00")}, []string{"10:00", "10:20", "10:40"}},
		"more taken than there is":            {2, 0, 0, []schedule.Busy{busy("10:00", "10:20"), busy("10:00", "10:20"), busy("10:00", "10:20")}, []string{"10:20", "10:40"}},
		"no unit at all":                      {0, 0, 0, nil, []string{}},
		"buffers reach out of the opening":    {1, 15, 15, nil, []string{"10:00", "10:20", "10:40"}},
		"buffer before needs free time":       {1, 10, 0, []schedule.Busy{busy("09:00", "09:51")}, []string{"10:20", "10:40"}},
		"buffer after needs free time":        {1, 0, 10, []schedule.Busy{busy("11:09", "12:00")}, []string{"10:00", "10:20"}},
		"buffers may touch what is taken":     {1, 10, 10, []schedule.Busy{busy("09:00", "09:50"), busy("11:10", "12:00")}, []string{"10:00", "10:20", "10:40"}},
		"a buffer counts towards both sides":  {1, 5, 5, []schedule.Busy{busy("10:20", "10:40")}, []string{}},
		"a long absence takes several slots":  {1, 0, 0, []schedule.Busy{busy("08:00", "10:40")}, []string{"10:40"}},
		"three units, two taken all the time": {3, 0, 0, []schedule.Busy{busy("08:00", "12:00"), busy("09:00", "13:00"), busy("10:30", "10:35")}, []string{"10:00", "10:40"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svc := service(20, 20)
			svc.BufferBefore, svc.BufferAfter = minutes(c.before), minutes(c.after)
			d := date(t, "2026-11-23")
			openings := []schedule.Opening{{Zone: time.UTC, Weekdays: schedule.WeekdaysOf(1), From: hm(10, 0), Until: hm(11, 0)}}
			want := []string{}
			for _, w := range c.want {
				want = append(want, day+w+"Z")
			}
			slots := slotsOf(openings, svc, c.capacity, c.busy, d, d+1, past)
			if got := starts(slots); !slices.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			for _, s := range slots {
				if s.Ends-s.Starts != 20*60 {
					t.Errorf("a slot shows %d seconds: buffers are not shown", s.Ends-s.Starts)
				}
			}
		})
	}
}

func TestSlotsKeepLeadHorizonAndValidity(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	// Monday, 10:10 in Berlin.
	now := time.Date(2026, 11, 23, 9, 10, 0, 0, time.UTC)
	everyDay := func(from, until int, edit func(*schedule.Opening)) []schedule.Opening {
		var all []schedule.Opening
		for day := 1; day <= 7; day++ {
			o := schedule.Opening{Zone: berlin, Weekdays: schedule.WeekdaysOf(day), From: from, Until: until}
			if edit != nil {
				edit(&o)
			}
			all = append(all, o)
		}
		return all
	}
	for name, c := range map[string]struct {
		openings []schedule.Opening
		lead     time.Duration
		horizon  int
		now      time.Time
		want     []string
	}{
		"a slot that has begun is gone":          {everyDay(hm(10, 0), hm(11, 0), nil), 0, 0, now, []string{"2026-11-23T09:30Z"}},
		"a slot that begins now is there":        {everyDay(hm(10, 10), hm(10, 40), nil), 0, 0, now, []string{"2026-11-23T09:10Z"}},
		"a slot that began a moment ago is gone": {everyDay(hm(10, 10), hm(10, 40), nil), 0, 0, now.Add(time.Nanosecond), []string{}},
		"lead": {everyDay(hm(10, 0), hm(12, 0), nil), 50 * time.Minute, 0, now,
			[]string{"2026-11-23T10:00Z", "2026-11-23T10:30Z"}},
		"lead that ends on another day": {everyDay(hm(10, 0), hm(11, 0), nil), 24 * time.Hour, 1, now, []string{"2026-11-24T09:30Z"}},
		"horizon is days after the local today": {everyDay(hm(10, 0), hm(10, 30), nil), 0, 1, now.Add(14 * time.Hour), // 00:10 on Tuesday
			[]string{"2026-11-24T09:00Z", "2026-11-25T09:00Z"}},
		"valid from and until include their days": {everyDay(hm(10, 0), hm(10, 30), func(o *schedule.Opening) {
			o.ValidFrom, o.ValidUntil = date(t, "2026-11-25"), date(t, "2026-11-26")
		}), 0, 100, now, []string{"2026-11-25T09:00Z", "2026-11-26T09:00Z"}},
		"another service's opening": {everyDay(hm(10, 0), hm(10, 30), func(o *schedule.Opening) {
			o.Services = []id.Service{id.New[id.Service]()}
		}), 0, 100, now, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svc := service(30, 30)
			svc.Lead, svc.Horizon = c.lead, c.horizon
			from, to := date(t, "2026-11-20"), date(t, "2026-11-28")
			got := starts(slotsOf(c.openings, svc, 1, nil, from, to, c.now))
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
			for _, text := range c.want {
				if _, ok := offered(c.openings, svc, at(t, text), c.now); !ok {
					t.Errorf("Offered denies %s", text)
				}
			}
		})
	}
}

func TestSlotsOfOverlappingOpeningsAreNotDoubled(t *testing.T) {
	t.Parallel()
	svc := service(30, 30)
	other := schedule.Opening{Zone: time.UTC, Weekdays: schedule.WeekdaysOf(1), From: hm(8, 0), Until: hm(12, 0)}
	later := schedule.Opening{Zone: time.UTC, Weekdays: schedule.WeekdaysOf(1), From: hm(9, 0), Until: hm(10, 0)}
	special := schedule.Opening{Zone: zone(t, "Europe/London"), Weekdays: schedule.WeekdaysOf(1), From: hm(8, 30), Until: hm(9, 30), Services: []id.Service{svc.ID}}
	shifted := schedule.Opening{Zone: time.UTC, Weekdays: schedule.WeekdaysOf(1), From: hm(11, 10), Until: hm(12, 10)}
	openings := []schedule.Opening{other, shifted, later, special, later}

	d := date(t, "2026-11-23")
	type slot struct {
		starts  string
		opening int
	}
	want := []slot{
		{"08:00", 0}, {"08:30", 3}, {"09:00", 3}, {"09:30", 2}, {"10:00", 0}, {"10:30", 0},
		{"11:00", 0}, {"11:10", 1}, {"11:30", 0}, {"11:40", 1},
	}
	var got []slot
	for _, s := range slotsOf(openings, svc, 1, nil, d, d+1, past) {
		got = append(got, slot{time.Unix(s.Starts, 0).UTC().Format("15:04"), int(s.Opening)})
		if opening, ok := offered(openings, svc, s.Starts, past); !ok || opening != int(s.Opening) {
			t.Errorf("Offered names opening %d (%v), Slots %d", opening, ok, s.Opening)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestSlotsAppendsAndLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	d := date(t, "2026-11-23")
	openings := []schedule.Opening{
		{Zone: time.UTC, Weekdays: schedule.WeekdaysOf(1), From: hm(9, 0), Until: hm(10, 0)},
		{Zone: time.UTC, Weekdays: schedule.WeekdaysOf(1), From: hm(8, 0), Until: hm(9, 0)},
	}
	before := []schedule.Slot{{Starts: 1 << 60}, {Starts: 5}}
	plan := planOf(openings, service(60, 60), 1)
	got, _ := plan.Slots(slices.Clone(before), nil, &schedule.Load{}, schedule.Query{From: d, To: d + 1, Now: past})
	if len(got) != 4 || got[0] != before[0] || got[1] != before[1] || got[2].Starts >= got[3].Starts {
		t.Errorf("got %v", got)
	}
}

func TestSlotsDoesNotTouchBusy(t *testing.T) {
	t.Parallel()
	d := date(t, "2026-11-23")
	busy := []schedule.Busy{{Interval: schedule.Interval{Starts: 9, Ends: 10}}, {Interval: schedule.Interval{Starts: 1, Ends: 2}}}
	want := slices.Clone(busy)
	slotsOf([]schedule.Opening{{Zone: time.UTC, Weekdays: schedule.WeekdaysOf(1), Until: 60}}, service(60, 60), 1, busy, d, d+1, past)
	if !slices.Equal(busy, want) {
		t.Errorf("busy is now %v", busy)
	}
}

func TestOfferedDeniesWhatIsOffTheGridOrOutOfTheOpening(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	svc := service(30, 20)
	openings := []schedule.Opening{{Zone: berlin, Weekdays: schedule.WeekdaysOf(7), From: hm(1, 0), Until: hm(4, 0)}}
	for text, want := range map[string]bool{
		"2026-10-24T23:00Z": true,  // 01:00
		"2026-10-24T22:40Z": false, // before the opening
		"2026-10-24T23:10Z": false, // off the grid
		"2026-10-25T00:40Z": true,  // 02:40, the first
		"2026-10-25T01:40Z": true,  // 02:40, the second
		"2026-10-25T02:20Z": true,  // 03:20
		"2026-10-25T02:40Z": false, // would end after four
		"2026-10-25T03:00Z": false, // four o'clock
		"2026-10-26T00:00Z": false, // Monday
	} {
		if _, ok := offered(openings, svc, at(t, text), past); ok != want {
			t.Errorf("%s: offered is %v", text, ok)
		}
	}
	if _, ok := offered(openings, svc, at(t, "2026-10-25T00:40Z")+1, past); ok {
		t.Error("a second off the grid is offered")
	}
}
