package schedule_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

func TestTheWeekSaysOfEachQuarterWhyItIsNotOffered(t *testing.T) {
	t.Parallel()
	other := open(hm(10, 0), hm(10, 30), func(o *schedule.Opening) { o.Services = []id.Service{id.New[id.Service]()} })
	closed := open(hm(9, 0), hm(9, 30), func(o *schedule.Opening) {
		o.Closed = []schedule.Interval{{Starts: at(t, monday+"T09:00Z"), Ends: at(t, monday+"T10:00Z")}}
	})
	p := plan(open(hm(8, 0), hm(9, 0)), closed, other, open(hm(11, 0), hm(11, 45)), open(hm(12, 0), hm(12, 30), walkIn), open(hm(12, 30), hm(13, 0), staff))
	load := schedule.Load{Busy: []schedule.Busy{{Interval: schedule.Interval{Starts: at(t, monday+"T08:30Z"), Ends: at(t, monday+"T09:00Z")}, Kind: schedule.Hold}}}
	q := onMonday(t)
	q.Now = time.Unix(at(t, monday+"T07:00Z"), 0)
	p.Openings[0].From -= 30 // 07:30
	p.Service.Lead = 40 * time.Minute
	var got []string
	for _, c := range p.Week(nil, &load, q, 15*time.Minute) {
		got = append(got, fmt.Sprintf("%02d:%02d %s", c.Minute/60, c.Minute%60, c.Reason))
	}
	want := []string{
		"07:30 lead", "07:45 off_grid", "08:00 offered", "08:15 off_grid", "08:30 held", "08:45 off_grid",
		"09:00 closed", "09:15 closed", "09:30 no_window", "09:45 no_window",
		"10:00 other_service", "10:15 other_service", "10:30 no_window", "10:45 no_window",
		"11:00 offered", "11:15 off_grid", "11:30 too_short", "11:45 no_window",
		"12:00 walk_in", "12:15 walk_in", "12:30 staff_only", "12:45 staff_only",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestACellInWhichASlotStartsIsOffered(t *testing.T) {
	t.Parallel()
	p := plan(open(hm(8, 10), hm(8, 40)))
	cells := p.Week(nil, &schedule.Load{}, onMonday(t), 15*time.Minute)
	if len(cells) != 3 || cells[0].Minute != hm(8, 0) || cells[0].Reason != schedule.ReasonOffered || len(cells[0].Class.Alternatives) != 1 {
		t.Errorf("got %+v", cells)
	}
	taken := schedule.Load{Busy: []schedule.Busy{{Interval: p.Service.Occupies(at(t, monday+"T08:10Z"))}}}
	if cells = p.Week(nil, &taken, onMonday(t), 15*time.Minute); cells[0].Reason != schedule.ReasonBusy {
		t.Errorf("got %s", cells[0].Reason)
	}
}

func TestTheWeekHasACellForEachTimeThatTheClockShows(t *testing.T) {
	t.Parallel()
	night := open(hm(1, 0), hm(4, 0), func(o *schedule.Opening) { o.Zone = zone(t, "Europe/Berlin") })
	cells := func(text string) (all []string) {
		d := date(t, text)
		for _, c := range plan(night).Week(nil, &schedule.Load{}, schedule.Query{From: d, To: d + 1, Now: past}, time.Hour) {
			all = append(all, fmt.Sprintf("%d %s %s", c.Minute/60, time.Unix(c.Starts, 0).UTC().Format("15:04Z"), c.Reason))
		}
		return all
	}
	if got := cells("2026-03-29"); !slices.Equal(got, []string{"1 00:00Z offered", "2 01:00Z clock_gap", "3 01:00Z offered"}) {
		t.Errorf("in spring: %v", got)
	}
	if got := cells("2026-10-25"); !slices.Equal(got, []string{"1 23:00Z offered", "2 00:00Z offered", "2 01:00Z offered", "3 02:00Z offered"}) {
		t.Errorf("in autumn: %v", got)
	}
}

func TestAnEmptyDayHasItsReason(t *testing.T) {
	t.Parallel()
	d := date(t, monday)
	all := schedule.Load{Busy: []schedule.Busy{{Interval: schedule.Interval{Starts: at(t, monday+"T00:00Z"), Ends: at(t, "2026-11-24T00:00Z")}}}}
	release := func(o *schedule.Opening) { o.Release = schedule.Release{Set: true, Minute: hm(7, 30)} }
	closed := func(o *schedule.Opening) { o.Closed = []schedule.Interval{all.Busy[0].Interval} }
	used := func(p *schedule.Plan) {
		p.Quotas, p.Openings[0].Quotas = []schedule.Quota{{For: schedule.Everyone, Release: -1}}, []int{0}
	}
	for name, c := range map[string]struct {
		opening schedule.Opening
		edit    func(*schedule.Plan)
		load    schedule.Load
		now     string
		want    schedule.Reason
		at      string
	}{
		"it has slots":              {open(hm(9, 0), hm(10, 0)), nil, schedule.Load{}, "2026-11-20T00:00Z", schedule.ReasonOffered, ""},
		"all are taken":             {open(hm(9, 0), hm(10, 0)), nil, all, "2026-11-20T00:00Z", schedule.ReasonBusy, ""},
		"taken, and later in sale":  {open(hm(9, 0), hm(10, 0), release), nil, all, "2026-11-20T00:00Z", schedule.ReasonNotReleased, monday + "T07:30Z"},
		"beyond the horizon":        {open(hm(9, 0), hm(10, 0)), func(p *schedule.Plan) { p.Service.Horizon = 2 }, schedule.Load{}, "2026-11-20T00:00Z", schedule.ReasonHorizon, "2026-11-21T00:00Z"},
		"the quota is used up":      {open(hm(9, 0), hm(10, 0)), used, schedule.Load{}, "2026-11-20T00:00Z", schedule.ReasonQuota, ""},
		"too late for its lead":     {open(hm(9, 0), hm(10, 0)), func(p *schedule.Plan) { p.Service.Lead = 24 * time.Hour }, schedule.Load{}, monday + "T08:00Z", schedule.ReasonLead, ""},
		"it is over":                {open(hm(9, 0), hm(10, 0)), nil, schedule.Load{}, "2026-12-20T00:00Z", schedule.ReasonPast, ""},
		"it is closed":              {open(hm(9, 0), hm(10, 0), closed), nil, schedule.Load{}, "2026-11-20T00:00Z", schedule.ReasonClosed, ""},
		"it has walk-ins only":      {open(hm(9, 0), hm(10, 0), walkIn), nil, schedule.Load{}, "2026-11-20T00:00Z", schedule.ReasonNoWindow, ""},
		"it has windows for others": {open(hm(9, 0), hm(10, 0), staff), nil, schedule.Load{}, "2026-11-20T00:00Z", schedule.ReasonNoWindow, ""},
		"it has no window":          {open(hm(9, 0), hm(10, 0), func(o *schedule.Opening) { o.Weekdays = schedule.WeekdaysOf(2) }), nil, schedule.Load{}, "2026-11-20T00:00Z", schedule.ReasonNoWindow, ""},
		"released when it is over":  {open(hm(7, 0), hm(7, 30), release), nil, schedule.Load{}, "2026-11-20T00:00Z", schedule.ReasonLead, ""},
	} {
		p := plan(c.opening)
		if c.edit != nil {
			c.edit(p)
		}
		reason, opens := p.EmptyDay(d, &c.load, schedule.Query{Now: time.Unix(at(t, c.now), 0)})
		var want int64
		if c.at != "" {
			want = at(t, c.at)
		}
		if reason != c.want || opens != want {
			t.Errorf("%s: got %s at %d, want %s at %d", name, reason, opens, c.want, want)
		}
	}
}

func TestOpenHoursAreTheUnionLessWhatIsClosed(t *testing.T) {
	t.Parallel()
	d := date(t, monday)
	times := func(pairs ...string) (all []schedule.Interval) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, schedule.Interval{Starts: at(t, pairs[i]), Ends: at(t, pairs[i+1])})
		}
		return all
	}
	shut := open(hm(8, 0), hm(12, 0), func(o *schedule.Opening) {
		o.Closed = times(monday+"T07:00Z", monday+"T08:30Z", monday+"T10:00Z", monday+"T10:30Z")
	})
	night := open(hm(23, 0), hm(25, 0), func(o *schedule.Opening) { o.Weekdays = schedule.WeekdaysOf(1) })
	got := schedule.OpenHours(nil, []schedule.Opening{shut, open(hm(10, 15), hm(11, 0)), night}, d, d+1)
	want := times(monday+"T08:30Z", monday+"T10:00Z", monday+"T10:15Z", monday+"T12:00Z", monday+"T23:00Z", "2026-11-24T01:00Z")
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	outside := schedule.Outside(nil, got)
	if len(outside) != 4 || outside[1] != (schedule.Interval{Starts: want[0].Ends, Ends: want[1].Starts}) {
		t.Errorf("outside is %v", outside)
	}
}
