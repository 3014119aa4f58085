package practice_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

func slowConditions(all []practice.Condition) []practice.ConditionJSON {
	out := []practice.ConditionJSON{}
	for _, c := range all {
		one := practice.ConditionJSON{[]practice.AlternativeJSON{}, c.MinAge, c.MaxAge, c.Referral, c.PriceCents}
		for _, a := range c.Alternatives {
			one.Alternatives = append(one.Alternatives, practice.AlternativeJSON{a.Insurance.Codes(), a.Patients.String(), a.Quotas})
		}
		out = append(out, one)
	}
	return out
}

func slowClosed(all []practice.ClosedDay) []practice.ClosedJSON {
	out := []practice.ClosedJSON{}
	for _, d := range all {
		one := practice.ClosedJSON{d.Date.String(), d.Reason, d.Name, d.Text, nil}
		if d.Opens != 0 {
			opens := at(d.Opens)
			one.Opens = &opens
		}
		out = append(out, one)
	}
	return out
}

func slowJSON(t *testing.T, list practice.SlotList) string {
	t.Helper()
	out := practice.SlotListJSON{
		Zone: list.Zone, From: list.From, To: list.To, Practitioners: list.Practitioners, Locations: list.Locations,
		Conditions: slowConditions(list.Conditions), Slots: []practice.SlotJSON{}, Itineraries: list.Itineraries,
		Days: []practice.SlotDayJSON{}, Closed: slowClosed(list.Closed), WalkIn: []practice.WalkInJSON{},
	}
	for _, s := range list.Slots {
		out.Slots = append(out.Slots, practice.SlotJSON{at(s.Starts), at(s.Ends), s.Practitioner, s.Location, s.Condition, s.Step})
	}
	for _, o := range list.Series {
		one := practice.OccurrenceJSON{at(o.Starts), o.Reason, nil, o.Alternatives}
		if o.Slot >= 0 {
			one.Slot = &o.Slot
		}
		out.Series = append(out.Series, one)
	}
	for _, d := range list.Days {
		out.Days = append(out.Days, practice.SlotDayJSON{d.Date.String(), d.Count})
	}
	for _, w := range list.WalkIn {
		out.WalkIn = append(out.WalkIn, practice.WalkInJSON{at(w.Starts), at(w.Ends), w.Practitioner, w.Location, w.Name})
	}
	return marshal(t, out)
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func conditions() []practice.Condition {
	age, price := 18, 4800
	return []practice.Condition{
		{Alternatives: []practice.Alternative{{}}},
		{
			Terms: practice.Terms{MinAge: &age, MaxAge: &age, Referral: true, PriceCents: &price},
			Alternatives: []practice.Alternative{
				{Who: schedule.Who{Insurance: schedule.PKV | schedule.SOZ, Patients: schedule.KnownPatients}, Quotas: []id.Quota{id.New[id.Quota](), id.New[id.Quota]()}},
				{Who: schedule.Who{Insurance: schedule.GKV, Patients: schedule.NewPatients}},
			},
		},
		{},
	}
}

func closedDays() []practice.ClosedDay {
	return []practice.ClosedDay{
		{Date: schedule.NewDate(2026, 12, 25), Reason: practice.ClosedForHoliday, Name: "Erster Weihnachtstag"},
		{Date: schedule.NewDate(2026, 12, 28), Reason: practice.ClosedByPractice, Text: "\"Urlaub\" </script>\x01\u2028"},
		{Date: schedule.NewDate(2026, 12, 29), Reason: practice.ClosedByPractice},
		{Date: schedule.NewDate(2026, 12, 30), Reason: practice.ClosedUntilLater, Opens: 1795478399},
	}
}

func TestAppendJSONWritesWhatTheLibraryWould(t *testing.T) {
	t.Parallel()
	full := practice.SlotList{
		Zone: "America/Port-au-Prince", From: schedule.NewDate(2026, 11, 23), To: schedule.NewDate(2027, 1, 1),
		Practitioners: []id.Practitioner{id.New[id.Practitioner](), id.New[id.Practitioner]()},
		Locations:     []id.Location{id.New[id.Location](), id.New[id.Location]()},
		Conditions:    conditions(),
		Slots: []practice.Slot{
			{Starts: -1, Ends: 0, Practitioner: 1, Location: 12, Condition: 123},
			{Starts: 0, Ends: 59},
			{Starts: 1795478399, Ends: 1795478400}, // midnight between them
			{Starts: 1795478399, Ends: 1795478401}, // and back
			{Starts: 4102444799, Ends: 4102448399, Step: 2},
			{Starts: 4102444799, Ends: 4102448399, Step: 3},
		},
		Itineraries: [][]int{{0, 3, 7}, {1}},
		Series: []practice.Occurrence{
			{Starts: 59, Reason: "free", Slot: 0, Alternatives: []int{}},
			{Starts: 1795478399, Reason: "full", Slot: -1, Alternatives: []int{1, 2}},
		},
		Days:   []practice.SlotDay{{Date: schedule.NewDate(2026, 11, 23), Count: 1}, {Date: schedule.NewDate(2026, 12, 31), Count: 12}},
		Closed: closedDays(),
		WalkIn: []practice.WalkInHours{
			{Starts: 1795478399, Ends: 1795478400, Practitioner: 1, Name: "Offene \"Sprechstunde\""},
			{Starts: 1795478399, Ends: 1795478400, Location: 1},
		},
	}
	empty := practice.SlotList{Zone: "UTC", Practitioners: []id.Practitioner{}, Locations: []id.Location{}}
	for name, list := range map[string]practice.SlotList{"full": full, "empty": empty} {
		got, want := string(practice.AppendJSON([]byte("kept"), list)), "kept"+slowJSON(t, list)
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

func TestAppendDaysJSONWritesWhatTheLibraryWould(t *testing.T) {
	t.Parallel()
	full := practice.DayList{
		Zone: "Europe/Berlin", From: schedule.NewDate(2026, 11, 23), To: schedule.NewDate(2027, 1, 1),
		Conditions: conditions(),
		Days: []practice.DayCount{
			{Date: schedule.NewDate(2026, 11, 23), Free: 12, Conditions: []int32{0, 1}},
			{Date: schedule.NewDate(2026, 11, 24), Free: 1, Conditions: []int32{1}},
		},
		Closed: closedDays(),
	}
	for name, list := range map[string]practice.DayList{"full": full, "empty": {Zone: "UTC"}} {
		out := practice.DayListJSON{list.Zone, list.From, list.To, slowConditions(list.Conditions), []practice.DayJSON{}, slowClosed(list.Closed)}
		for _, d := range list.Days {
			out.Days = append(out.Days, practice.DayJSON{d.Date.String(), d.Free, d.Conditions})
		}
		if got, want := string(practice.AppendDaysJSON([]byte("kept"), list)), "kept"+marshal(t, out); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

// One practitioner, Monday to Friday 8-12 and 14-18, slots of 15 minutes over
// 30 days, of which 200 are taken; computed and written.
func BenchmarkSlotsAndJSON(b *testing.B) { benchmarkSlotsAndJSON(b, 30) }

// The same over a year.
func BenchmarkYearAndJSON(b *testing.B) { benchmarkSlotsAndJSON(b, 365) }

func benchmarkSlotsAndJSON(b *testing.B, days schedule.Date) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	weekdays := schedule.WeekdaysOf(1, 2, 3, 4, 5)
	plan := schedule.Plan{
		Service:  schedule.Service{Duration: 15 * time.Minute, Step: 15 * time.Minute, Horizon: 365, Seats: 1},
		Capacity: 1,
		Openings: []schedule.Opening{
			{Zone: berlin, Weekdays: weekdays, From: 8 * 60, Until: 12 * 60, For: schedule.Everyone, OpenToAll: -1, Horizon: -1},
			{Zone: berlin, Weekdays: weekdays, From: 14 * 60, Until: 18 * 60, For: schedule.Everyone, OpenToAll: -1, Horizon: -1},
		},
	}
	from := schedule.NewDate(2026, 11, 23)
	q := schedule.Query{From: from, To: from + days, Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	all, _ := plan.Slots(nil, nil, &schedule.Load{}, q)
	var load schedule.Load
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(all))[:200] {
		load.Busy = append(load.Busy, schedule.Busy{Interval: schedule.Interval{Starts: all[i].Starts, Ends: all[i].Ends}})
	}
	var (
		list = practice.SlotList{
			Zone: "Europe/Berlin", From: from, To: from + days, Practitioners: []id.Practitioner{id.New[id.Practitioner]()},
			Locations: []id.Location{id.New[id.Location]()}, Conditions: []practice.Condition{{Alternatives: []practice.Alternative{{}}}},
		}
		slots   []schedule.Slot
		classes []schedule.Class
		text    []byte
	)
	b.ReportAllocs()
	for b.Loop() {
		slots, classes = plan.Slots(slots[:0], classes[:0], &load, q)
		list.Slots = make([]practice.Slot, 0, len(slots))
		for _, s := range slots {
			list.Slots = append(list.Slots, practice.Slot{Starts: s.Starts, Ends: s.Ends})
		}
		text = practice.AppendJSON(text[:0], list)
	}
	b.ReportMetric(float64(len(slots)), "slots")
	b.ReportMetric(float64(len(text)), "bytes")
}
