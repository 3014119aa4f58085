package schedule_test

import (
	"slices"
	"testing"

	"siegel/tenants/schedule"
)

func TestASeriesNamesItsConflictsAndWhatToTakeInstead(t *testing.T) {
	t.Parallel()
	p := plan(open(hm(9, 0), hm(11, 0)))
	load := schedule.Load{Busy: []schedule.Busy{
		{Interval: schedule.Interval{Starts: at(t, "2026-11-30T09:30Z"), Ends: at(t, "2026-11-30T10:00Z")}},
		{Interval: schedule.Interval{Starts: at(t, "2026-12-07T09:00Z"), Ends: at(t, "2026-12-07T10:30Z")}, Kind: schedule.Imported},
	}}
	got := p.Series(&load, at(t, monday+"T09:30Z"), 7, 3, schedule.Query{Now: past})
	want := []struct {
		reason       schedule.Reason
		alternatives []string
	}{
		{schedule.ReasonOffered, []string{}},
		{schedule.ReasonBusy, []string{"2026-11-30T09:00Z", "2026-11-30T10:00Z", "2026-11-30T10:30Z"}},
		{schedule.ReasonImported, []string{"2026-12-07T10:30Z", "2026-12-06T10:30Z", "2026-12-06T10:00Z"}},
	}
	for i, o := range got {
		if o.Reason != want[i].reason || !slices.Equal(starts(o.Alternatives), want[i].alternatives) {
			t.Errorf("%d: got %s %v, want %v", i, o.Reason, starts(o.Alternatives), want[i])
		}
	}
}

func TestASeriesKeepsWallTime(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	night := open(0, hm(24, 0), func(o *schedule.Opening) { o.Zone = berlin })
	for name, c := range map[string]struct {
		first string
		want  []string
		last  schedule.Reason
	}{
		"over a clock change":        {"2026-10-19T07:00Z", []string{"2026-10-19T07:00Z", "2026-10-26T08:00Z"}, schedule.ReasonOffered},
		"to a time that is skipped":  {"2026-03-22T01:30Z", []string{"2026-03-22T01:30Z", "2026-03-29T01:00Z"}, schedule.ReasonClockGap},
		"to a time that is repeated": {"2026-10-18T00:30Z", []string{"2026-10-18T00:30Z", "2026-10-25T00:30Z"}, schedule.ReasonOffered},
		"from the second of two":     {"2026-10-25T01:30Z", []string{"2026-10-25T01:30Z", "2026-11-01T01:30Z"}, schedule.ReasonOffered},
	} {
		var got []string
		all := plan(night).Series(&schedule.Load{}, at(t, c.first), 7, 2, schedule.Query{Now: past})
		for _, o := range all {
			got = append(got, starts([]schedule.Slot{{Starts: o.Starts}})...)
		}
		if !slices.Equal(got, c.want) || all[1].Reason != c.last {
			t.Errorf("%s: got %v, %s", name, got, all[1].Reason)
		}
	}
}

func TestASeriesUsesUpItsQuota(t *testing.T) {
	t.Parallel()
	p := plan(open(hm(9, 0), hm(9, 30)))
	p.Quotas = []schedule.Quota{{Max: 2, Per: schedule.Month, For: schedule.Everyone, Release: -1}}
	p.Openings[0].Quotas = []int{0}
	load := schedule.Load{Used: [][]schedule.Use{{{Period: date(t, "2026-12-01"), N: 1}}}}
	all := p.Series(&load, at(t, "2026-11-23T09:00Z"), 7, 4, schedule.Query{Now: past})
	for i, want := range []schedule.Reason{schedule.ReasonOffered, schedule.ReasonOffered, schedule.ReasonOffered, schedule.ReasonQuota} {
		if all[i].Reason != want {
			t.Errorf("%d: got %s", i, all[i].Reason)
		}
	}
	if load.Used[0][0].N != 1 || len(load.Used[0]) != 1 {
		t.Errorf("load is now %v", load)
	}
}
