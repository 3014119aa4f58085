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

// slotListJSON says by types what AppendJSON writes by hand.
type slotListJSON struct {
	Zone          string            `json:"zone"`
	From          schedule.Date     `json:"from"`
	To            schedule.Date     `json:"to"`
	Practitioners []id.Practitioner `json:"practitioners"`
	Locations     []id.Location     `json:"locations"`
	Conditions    []conditionJSON   `json:"conditions"`
	Slots         []slotJSON        `json:"slots"`
	Closed        []closedJSON      `json:"closed"`
}

type closedJSON struct {
	Date   string `json:"date"`
	Reason string `json:"reason"`
	Name   string `json:"name,omitempty"`
	Text   string `json:"text,omitempty"`
}

type conditionJSON struct {
	Insurance []string `json:"insurance"`
	Patients  string   `json:"patients"`
}

type slotJSON struct {
	Starts       time.Time `json:"starts"`
	Ends         time.Time `json:"ends"`
	Practitioner int32     `json:"practitioner"`
	Location     int32     `json:"location"`
	Condition    int32     `json:"condition"`
}

func slowJSON(t *testing.T, list practice.SlotList) string {
	t.Helper()
	out := slotListJSON{
		Zone: list.Zone, From: list.From, To: list.To, Practitioners: list.Practitioners, Locations: list.Locations,
		Conditions: []conditionJSON{}, Slots: []slotJSON{}, Closed: []closedJSON{},
	}
	for _, c := range list.Conditions {
		out.Conditions = append(out.Conditions, conditionJSON{c.Insurance.Codes(), c.Patients.String()})
	}
	for _, s := range list.Slots {
		out.Slots = append(out.Slots, slotJSON{
			time.Unix(s.Starts, 0).UTC(), time.Unix(s.Ends, 0).UTC(), s.Practitioner, s.Location, s.Condition,
		})
	}
	for _, d := range list.Closed {
		out.Closed = append(out.Closed, closedJSON{d.Date.String(), d.Reason, d.Name, d.Text})
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAppendJSONWritesWhatTheLibraryWould(t *testing.T) {
	t.Parallel()
	full := practice.SlotList{
		Zone: "America/Port-au-Prince", From: schedule.NewDate(2026, 11, 23), To: schedule.NewDate(2027, 1, 1),
		Practitioners: []id.Practitioner{id.New[id.Practitioner](), id.New[id.Practitioner]()},
		Locations:     []id.Location{id.New[id.Location](), id.New[id.Location]()},
		Conditions:    []practice.Condition{{}, {Insurance: practice.PKV | practice.SOZ, Patients: practice.KnownPatients}, {Insurance: practice.GKV}},
		Slots: []practice.Slot{
			{Starts: -1, Ends: 0, Practitioner: 1, Location: 12, Condition: 123},
			{Starts: 0, Ends: 59},
			{Starts: 1795478399, Ends: 1795478400}, // midnight between them
			{Starts: 1795478399, Ends: 1795478401}, // and back
			{Starts: 4102444799, Ends: 4102448399},
		},
		Closed: []practice.ClosedDay{
			{Date: schedule.NewDate(2026, 12, 25), Reason: practice.ClosedForHoliday, Name: "Erster Weihnachtstag"},
			{Date: schedule.NewDate(2026, 12, 28), Reason: practice.ClosedByPractice, Text: "\"Urlaub\" </script>\x01\u2028"},
			{Date: schedule.NewDate(2026, 12, 29), Reason: practice.ClosedByPractice},
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

// One practitioner, Monday to Friday 8-12 and 14-18, slots of 15 minutes over
// 30 days, of which 200 are taken; computed and written.
func BenchmarkSlotsAndJSON(b *testing.B) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	var openings []schedule.Opening
	for day := 1; day <= 5; day++ {
		openings = append(openings,
			schedule.Opening{Zone: berlin, Weekday: day, From: 8 * 60, Until: 12 * 60},
			schedule.Opening{Zone: berlin, Weekday: day, From: 14 * 60, Until: 18 * 60})
	}
	svc := schedule.Service{Duration: 15 * time.Minute, Step: 15 * time.Minute, Horizon: 365}
	from := schedule.NewDate(2026, 11, 23)
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	all := schedule.Slots(nil, openings, svc, 1, nil, from, from+30, now)
	var busy []schedule.Interval
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(all))[:200] {
		busy = append(busy, schedule.Interval{Starts: all[i].Starts, Ends: all[i].Ends})
	}
	var (
		list = practice.SlotList{
			Zone: "Europe/Berlin", From: from, To: from + 30, Practitioners: []id.Practitioner{id.New[id.Practitioner]()},
			Locations: []id.Location{id.New[id.Location]()}, Conditions: []practice.Condition{{}},
		}
		slots []schedule.Slot
		text  []byte
	)
	b.ReportAllocs()
	for b.Loop() {
		slots = schedule.Slots(slots[:0], openings, svc, 1, busy, from, from+30, now)
		list.Slots = make([]practice.Slot, 0, len(slots))
		for _, s := range slots {
			list.Slots = append(list.Slots, practice.Slot{Starts: s.Starts, Ends: s.Ends})
		}
		text = practice.AppendJSON(text[:0], list)
	}
	b.ReportMetric(float64(len(slots)), "slots")
	b.ReportMetric(float64(len(text)), "bytes")
}
