package practice_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// ways says the itineraries of a list: "08:00 amal, 09:00 bea".
func ways(s surgery, list practice.SlotList) []string {
	all := []string{}
	for _, way := range list.Itineraries {
		var stops []string
		for _, at := range way {
			x := list.Slots[at]
			who := map[id.Practitioner]string{s.amal: "amal", s.bea: "bea"}[list.Practitioners[x.Practitioner]]
			stops = append(stops, fmt.Sprintf("%s %s %d", time.Unix(x.Starts, 0).In(berlin(0, 0).Location()).Format("15:04"), who, x.Step))
		}
		all = append(all, strings.Join(stops, ", "))
	}
	return all
}

// chained is a surgery with a chain: a checkup with Amal, and from half an hour
// to an hour later a vaccination.
func chained(s *surgery) (chain id.Chain) {
	chain = id.New[id.Chain]()
	s.Chains = []practice.Chain{{ID: chain, Name: "Vorsorge mit Impfung", Steps: []practice.ChainStep{
		{Service: s.checkup}, {Service: s.vaccination, LeastMinutes: 30, GreatestMinutes: 60},
	}}}
	return chain
}

func TestChainsAreWholeItineraries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var chain id.Chain
	s, tenant := f.plant(t, func(s *surgery) { chain = chained(s); s.Openings[2].Location = s.main })
	f.appoint(t, tenant, s.amalTime, s.main, berlin(0, 8*60+30), berlin(0, 9*60), practice.Session{}, 1)
	list := f.ask(t, tenant, practice.Query{Chain: chain})
	got := ways(s, list)
	if len(got) == 0 || !strings.HasPrefix(got[0], "08:00 amal 0, 09:00 ") || !strings.HasSuffix(got[0], " 1") {
		t.Errorf("got %q", got)
	}
	used := map[int]bool{}
	for _, way := range list.Itineraries {
		for _, at := range way {
			used[at] = true
		}
	}
	if len(used) != len(list.Slots) {
		t.Errorf("%d of %d slots are in an itinerary", len(used), len(list.Slots))
	}
	days, err := f.Days(t.Context(), tenant, practice.Query{Chain: chain, From: monday, To: monday + 14})
	if err != nil || len(days.Days) != 2 || days.Days[0].Free != len(list.Itineraries) {
		t.Errorf("days: %+v, %v", days.Days, err)
	}
	next, err := f.Next(t.Context(), tenant, practice.Query{Chain: chain}, 1)
	if got := ways(s, next); err != nil || len(got) != len(next.Conditions) && len(got) == 0 {
		t.Errorf("next: %q, %v", got, err)
	}
}

func TestChainFallsBackToOthersForAStep(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var chain id.Chain
	s, tenant := f.plant(t, func(s *surgery) {
		chain = chained(s)
		s.Services[1].Practitioners = []id.Practitioner{s.bea}
		s.Openings = slices.Delete(s.Openings, 1, 2)
	})
	if got := ways(s, f.ask(t, tenant, practice.Query{Chain: chain, Practitioner: s.amal})); len(got) == 0 || !strings.HasSuffix(got[0], "bea 1") {
		t.Errorf("got %q", got)
	}
	if _, err := f.FreeSlots(t.Context(), tenant, practice.Query{Chain: id.New[id.Chain](), From: monday, To: monday + 1}); !errors.Is(err, practice.ErrUnknownChain) {
		t.Errorf("got %v", err)
	}
}

func TestPersonsComeTogether(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.plant(t, func(*surgery) {})
	got := ways(s, f.ask(t, tenant, practice.Query{Service: s.checkup, Persons: 2}))
	want := []string{"08:00 amal 0, 08:30 amal 0", "08:30 amal 0, 09:00 amal 0", "09:00 amal 0, 09:30 amal 0"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	f.appoint(t, tenant, s.amalTime, s.main, berlin(0, 8*60+30), berlin(0, 9*60+30), practice.Session{}, 1)
	list := f.ask(t, tenant, practice.Query{Service: s.checkup, Persons: 2})
	if len(list.Slots) != 0 || !slices.Equal(reasons(list), []string{"2026-11-23 full "}) {
		t.Errorf("single slots: %q, %q", times(list), reasons(list))
	}
}

func TestSeriesNamesConflictsAndAlternatives(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.plant(t, func(s *surgery) {
		s.Closures = []practice.Closure{{Stretch: schedule.WholeDay(monday + 14)}}
	})
	f.appoint(t, tenant, s.amalTime, s.main, berlin(7, 8*60+30), berlin(7, 9*60), practice.Session{}, 1)
	list := f.ask(t, tenant, practice.Query{Service: s.checkup,
		Series: practice.Series{First: berlin(0, 8*60+30), Every: 7, Count: 4}})
	got := []string{}
	for _, o := range list.Series {
		text := time.Unix(o.Starts, 0).In(berlin(0, 0).Location()).Format("02. 15:04 ") + o.Reason
		if o.Slot >= 0 && list.Slots[o.Slot].Starts != o.Starts {
			t.Errorf("%s: its slot is another", text)
		}
		for _, a := range o.Alternatives {
			text += time.Unix(list.Slots[a].Starts, 0).In(berlin(0, 0).Location()).Format(" 02. 15:04")
		}
		got = append(got, text)
	}
	want := []string{"23. 08:30 free", "30. 08:30 full 30. 08:00 30. 09:00 30. 09:30", "07. 08:30 closure", "14. 08:30 free"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, series := range []practice.Series{{Every: 7, Count: 1}, {Every: 0, Count: 4}, {Every: 7, Count: 27}, {Every: -7, Count: 4}, {Every: 7, Count: -1}} {
		series.First = berlin(0, 0)
		if _, err := f.FreeSlots(t.Context(), tenant, practice.Query{Service: s.checkup, From: monday, To: monday + 1, Series: series}); !errors.Is(err, practice.ErrRange) {
			t.Errorf("%+v: got %v", series, err)
		}
	}
}

func TestWeekSaysWhy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	quota := id.New[id.Quota]()
	s, tenant := f.plant(t, func(s *surgery) {
		s.Openings[0].Name = "Onlinetermine"
		s.Openings[0].Patients = schedule.KnownPatients
		s.Quotas = []practice.Quota{{ID: quota, Name: "Neue", Max: 0, Patients: schedule.NewPatients}}
	})
	f.appoint(t, tenant, s.amalTime, s.main, berlin(0, 8*60), berlin(0, 8*60+30), practice.Session{}, 1)
	week, err := f.Week(t.Context(), tenant, practice.Query{Service: s.checkup, Practitioner: s.amal, From: monday})
	if err != nil {
		t.Fatal(err)
	}
	at := func(minute int) practice.WeekCell {
		i := slices.IndexFunc(week.Cells, func(c practice.WeekCell) bool { return c.Starts.Equal(berlin(0, minute)) })
		if i < 0 {
			t.Fatalf("no cell at %d", minute)
		}
		return week.Cells[i]
	}
	for minute, want := range map[int]schedule.Reason{
		8 * 60: schedule.ReasonBusy, 9 * 60: schedule.ReasonOffered, 9*60 + 15: schedule.ReasonOffGrid, 10 * 60: schedule.ReasonOtherService,
	} {
		if got := at(minute); got.Reason != want {
			t.Errorf("%d: got %v, want %v", minute, got.Reason, want)
		}
	}
	offered := at(9 * 60)
	if offered.Window == nil || week.Windows[*offered.Window] != "Onlinetermine" || len(offered.Conditions) != 1 ||
		offered.Conditions[0].Patients != schedule.KnownPatients || len(offered.Conditions[0].Quotas) != 0 {
		t.Errorf("got %+v of %v", offered, week.Windows)
	}
	if _, err := f.Week(t.Context(), tenant, practice.Query{Service: s.checkup, From: monday}); !errors.Is(err, practice.ErrUnknownPractitioner) {
		t.Errorf("nobody's week: %v", err)
	}
}
