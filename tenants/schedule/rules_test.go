package schedule_test

import (
	"slices"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// monday is 23 November 2026; all rules tests are about it, in UTC.
const monday = "2026-11-23"

// open is an opening on every day in UTC, for everyone and without limits.
func open(from, until int, edit ...func(*schedule.Opening)) schedule.Opening {
	o := schedule.Opening{
		Zone: time.UTC, Weekdays: schedule.EveryDay, From: from, Until: until,
		For: schedule.Everyone, OpenToAll: -1, Horizon: -1,
	}
	for _, e := range edit {
		e(&o)
	}
	return o
}

func staff(o *schedule.Opening)  { o.Staff = true }
func walkIn(o *schedule.Opening) { o.WalkIn = true }

// plan is half-hour slots of one practitioner.
func plan(openings ...schedule.Opening) *schedule.Plan {
	return &schedule.Plan{Service: service(30, 30), Openings: openings, Capacity: 1}
}

func onMonday(t testing.TB) schedule.Query {
	d := date(t, monday)
	return schedule.Query{From: d, To: d + 1, Now: past}
}

// ofDay returns the slots' starts as times of day, in UTC.
func ofDay(slots []schedule.Slot) []string {
	texts := []string{}
	for _, s := range slots {
		texts = append(texts, time.Unix(s.Starts, 0).UTC().Format("15:04"))
	}
	return texts
}

func TestTheMostSpecificWindowDecidesAlone(t *testing.T) {
	t.Parallel()
	d := date(t, monday)
	svc := id.New[id.Service]()
	forUs := func(o *schedule.Opening) { o.Services = []id.Service{svc} }
	wide := open(hm(8, 0), hm(10, 0))
	for name, c := range map[string]struct {
		openings []schedule.Opening
		staff    bool
		want     []string // with the opening that wins
		starts   []int32
	}{
		"a window for the staff hides its time":        {[]schedule.Opening{wide, open(hm(8, 30), hm(9, 30), staff)}, false, []string{"08:00", "09:30"}, []int32{0, 0}},
		"and shows it to the staff":                    {[]schedule.Opening{wide, open(hm(8, 30), hm(9, 30), staff)}, true, []string{"08:00", "08:30", "09:00", "09:30"}, []int32{0, 1, 1, 0}},
		"a walk-in hour inside keeps its time":         {[]schedule.Opening{wide, open(hm(9, 0), hm(10, 0), walkIn)}, true, []string{"08:00", "08:30"}, []int32{0, 0}},
		"a window inside a walk-in hour can be booked": {[]schedule.Opening{open(hm(8, 0), hm(10, 0), walkIn), open(hm(9, 0), hm(9, 30))}, false, []string{"09:00"}, []int32{1}},
		"a few dates before a service": {[]schedule.Opening{
			open(hm(9, 0), hm(10, 0), forUs),
			open(hm(9, 0), hm(10, 0), func(o *schedule.Opening) { o.ValidFrom, o.ValidUntil = d-15, d+15 }),
		}, false, []string{"09:00", "09:30"}, []int32{1, 1}},
		"thirty-two dates are not few": {[]schedule.Opening{
			open(hm(9, 0), hm(10, 0), forUs),
			open(hm(9, 0), hm(10, 0), func(o *schedule.Opening) { o.ValidFrom, o.ValidUntil = d-15, d+16 }),
		}, false, []string{"09:00", "09:30"}, []int32{0, 0}},
		"a service before a group of patients": {[]schedule.Opening{
			open(hm(9, 0), hm(10, 0), func(o *schedule.Opening) { o.For = schedule.GroupOf(schedule.GKV, 0) }),
			open(hm(9, 0), hm(10, 0), forUs),
		}, false, []string{"09:00", "09:30"}, []int32{1, 1}},
		"every other week before any dates": {[]schedule.Opening{
			open(hm(9, 0), hm(10, 0), func(o *schedule.Opening) { o.ValidFrom = d }),
			open(hm(9, 0), hm(10, 0), func(o *schedule.Opening) { o.EveryWeeks, o.Anchor = 2, d+6 }),
		}, false, []string{"09:00", "09:30"}, []int32{1, 1}},
		"the one that closes earlier": {[]schedule.Opening{open(hm(9, 0), hm(11, 0)), open(hm(9, 0), hm(10, 0))}, false,
			[]string{"09:00", "09:30", "10:00", "10:30"}, []int32{1, 1, 0, 0}},
		"a window that is closed leaves it to others": {[]schedule.Opening{wide, open(hm(9, 0), hm(10, 0), func(o *schedule.Opening) {
			o.Closed = []schedule.Interval{{Starts: at(t, monday+"T08:00Z"), Ends: at(t, monday+"T09:01Z")}}
		})}, false, []string{"08:00", "08:30", "09:00", "09:30"}, []int32{0, 0, 0, 1}},
	} {
		p := plan(c.openings...)
		p.Service.ID = svc
		q := onMonday(t)
		q.Staff = c.staff
		slots, _ := p.Slots(nil, nil, &schedule.Load{}, q)
		var openings []int32
		for _, s := range slots {
			openings = append(openings, s.Opening)
		}
		if !slices.Equal(ofDay(slots), c.want) || !slices.Equal(openings, c.starts) {
			t.Errorf("%s: got %v of %v, want %v of %v", name, ofDay(slots), openings, c.want, c.starts)
		}
	}
}

func TestAWindowKeepsItsTimeUntilItIsInSale(t *testing.T) {
	t.Parallel()
	acute := open(hm(9, 0), hm(10, 0), func(o *schedule.Opening) { o.Release = schedule.Release{Set: true, Minute: hm(7, 30)} })
	p := plan(open(hm(8, 0), hm(10, 0)), acute)
	q := onMonday(t)
	for now, want := range map[string][]string{
		"2026-11-20T12:00Z": {"08:00", "08:30"},
		monday + "T07:29Z":  {"08:00", "08:30"},
		monday + "T07:30Z":  {"08:00", "08:30", "09:00", "09:30"},
		"2026-11-22T07:30Z": {"08:00", "08:30"},
		monday + "T08:31Z":  {"09:00", "09:30"},
		"2026-11-23T10:00Z": {},
		"2026-11-24T07:30Z": {},
		"2025-11-23T07:30Z": {"08:00", "08:30"},
		"2026-11-23T09:00Z": {"09:00", "09:30"},
		"2026-11-23T09:01Z": {"09:30"},
		"2026-11-23T07:59Z": {"08:00", "08:30", "09:00", "09:30"},
		"2026-11-22T23:59Z": {"08:00", "08:30"},
		"2026-11-23T00:00Z": {"08:00", "08:30"},
		"2026-11-23T08:00Z": {"08:00", "08:30", "09:00", "09:30"},
	} {
		q.Now = time.Unix(at(t, now), 0)
		slots, _ := p.Slots(nil, nil, &schedule.Load{}, q)
		if !slices.Equal(ofDay(slots), want) {
			t.Errorf("at %s: got %v, want %v", now, ofDay(slots), want)
		}
	}
	q.Now = time.Unix(at(t, "2026-11-20T12:00Z"), 0)
	f := p.Why(at(t, monday+"T09:00Z"), &schedule.Load{}, q)
	if f.Reason != schedule.ReasonNotReleased || f.At != at(t, monday+"T07:30Z") || f.Opening != 1 {
		t.Errorf("got %+v", f)
	}
}

func TestReleaseIsAWallTimeThatMayNotExist(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		date, minute string
		want         string
	}{
		"on an ordinary day":                     {"2026-03-28", "02:30", "2026-03-28T01:30Z"},
		"skipped: when the clock is put forward": {"2026-03-29", "02:30", "2026-03-29T01:00Z"},
		"repeated: the first time":               {"2026-10-25", "02:30", "2026-10-25T00:30Z"},
	} {
		d := date(t, c.date)
		minute, err := time.Parse("15:04", c.minute)
		if err != nil {
			t.Fatal(err)
		}
		o := open(hm(12, 0), hm(13, 0), func(o *schedule.Opening) {
			o.Zone = zone(t, "Europe/Berlin")
			o.Release = schedule.Release{Set: true, Minute: hm(minute.Hour(), minute.Minute())}
		})
		q := schedule.Query{Now: time.Unix(at(t, c.date+"T00:00Z"), 0).Add(-24 * time.Hour)}
		noon := schedule.Stretch{From: d, FromMinute: hm(12, 0), Until: d, UntilMinute: hm(13, 0)}.AppendIn(nil, o.Zone)[0].Starts
		if f := plan(o).Why(noon, &schedule.Load{}, q); f.Reason != schedule.ReasonNotReleased || f.At != at(t, c.want) {
			t.Errorf("%s: got %s at %s", name, f.Reason, time.Unix(f.At, 0).UTC())
		}
	}
}

func TestAWindowOverMidnightBelongsToTheDateItBeginsOn(t *testing.T) {
	t.Parallel()
	d := date(t, monday)
	night := open(hm(23, 0), hm(25, 0), func(o *schedule.Opening) { o.Weekdays = schedule.WeekdaysOf(1) })
	all := func(from, to schedule.Date) []string {
		slots, _ := plan(night).Slots(nil, nil, &schedule.Load{}, schedule.Query{From: from, To: to, Now: past})
		return starts(slots)
	}
	before, after := []string{"2026-11-23T23:00Z", "2026-11-23T23:30Z"}, []string{"2026-11-24T00:00Z", "2026-11-24T00:30Z"}
	if got := all(d, d+1); !slices.Equal(got, before) {
		t.Errorf("Monday has %v", got)
	}
	if got := all(d+1, d+7); !slices.Equal(got, after) {
		t.Errorf("Tuesday has %v", got)
	}
	if got := all(d, d+2); !slices.Equal(got, slices.Concat(before, after)) {
		t.Errorf("both have %v", got)
	}

	// A slot over midnight is no worse than others.
	p := plan(night)
	p.Service.Duration = minutes(40)
	if f := p.Why(at(t, "2026-11-23T23:30Z"), &schedule.Load{}, onMonday(t)); f.Reason != schedule.ReasonOffered {
		t.Errorf("got %s", f.Reason)
	}
	// Its slots are released together.
	p = plan(night)
	p.Openings[0].Release = schedule.Release{Set: true, Minute: hm(7, 30)}
	if _, ok := p.Offered(at(t, "2026-11-24T00:30Z"), time.Unix(at(t, monday+"T07:30Z"), 0), false); !ok {
		t.Error("what follows midnight is not released with its window")
	}
}

func TestEveryOtherWeekCountsFromTheWeekOfItsAnchor(t *testing.T) {
	t.Parallel()
	d := date(t, monday)
	for anchor, want := range map[schedule.Date]bool{d: true, d + 6: true, d - 1: false, d + 7: false, d + 14: true, d - 14: true, d - 700: true} {
		o := open(hm(9, 0), hm(9, 30), func(o *schedule.Opening) { o.EveryWeeks, o.Anchor = 2, anchor })
		if _, ok := plan(o).Offered(at(t, monday+"T09:00Z"), past, false); ok != want {
			t.Errorf("anchor %s: got %v", anchor, ok)
		}
	}
}

func TestBusyTimeElsewhereTakesTheWayToo(t *testing.T) {
	t.Parallel()
	here, there, off := id.New[id.Location](), id.New[id.Location](), id.New[id.Location]()
	p := plan(open(hm(8, 0), hm(12, 0), func(o *schedule.Opening) { o.Location = here }))
	p.Legs = []schedule.Leg{{A: there, B: here, Takes: minutes(30)}}
	busy := func(l id.Location) schedule.Load {
		return schedule.Load{Busy: []schedule.Busy{{
			Interval: schedule.Interval{Starts: at(t, monday+"T09:30Z"), Ends: at(t, monday+"T10:00Z")}, Location: l,
		}}}
	}
	for name, c := range map[string]struct {
		at   id.Location
		want []string
	}{
		"at the same place":                {here, []string{"08:00", "08:30", "09:00", "10:00", "10:30", "11:00", "11:30"}},
		"half an hour away":                {there, []string{"08:00", "08:30", "10:30", "11:00", "11:30"}},
		"where nobody knows how far it is": {off, []string{"08:00", "08:30", "09:00", "10:00", "10:30", "11:00", "11:30"}},
		"anywhere":                         {id.Location{}, []string{"08:00", "08:30", "09:00", "10:00", "10:30", "11:00", "11:30"}},
	} {
		load := busy(c.at)
		slots, _ := p.Slots(nil, nil, &load, onMonday(t))
		if !slices.Equal(ofDay(slots), c.want) {
			t.Errorf("%s: got %v", name, ofDay(slots))
		}
	}
	load := busy(there)
	if f := p.Why(at(t, monday+"T09:00Z"), &load, onMonday(t)); f.Reason != schedule.ReasonTravel || f.Detail != 0 {
		t.Errorf("got %+v", f)
	}
}

func TestAGroupFillsItsSession(t *testing.T) {
	t.Parallel()
	nine := at(t, monday+"T09:00Z")
	p := plan(open(hm(9, 0), hm(10, 0)))
	p.Service.Seats = 3
	for taken, want := range map[int]schedule.Reason{1: schedule.ReasonOffered, 2: schedule.ReasonOffered, 3: schedule.ReasonGroupFull} {
		load := schedule.Load{
			Busy:     []schedule.Busy{{Interval: p.Service.Occupies(nine)}},
			Sessions: []schedule.Session{{Starts: nine, Taken: taken}},
		}
		if f := p.Why(nine, &load, onMonday(t)); f.Reason != want {
			t.Errorf("%d seats taken: got %s", taken, f.Reason)
		}
		slots, _ := p.Slots(nil, nil, &load, onMonday(t))
		if n := map[schedule.Reason]int{schedule.ReasonOffered: 2, schedule.ReasonGroupFull: 1}[want]; len(slots) != n {
			t.Errorf("%d seats taken: got %v", taken, ofDay(slots))
		}
	}
}

func TestNeedsGetTheFirstSuppliesThatLeaveEveryNeedOne(t *testing.T) {
	t.Parallel()
	nine := at(t, monday+"T09:00Z")
	taken := []schedule.Busy{{Interval: schedule.Interval{Starts: nine + 60, Ends: nine + 120}}}
	here, there := id.New[id.Location](), id.New[id.Location]()
	room := func(capacity int) schedule.Supply {
		return schedule.Supply{Resource: id.New[id.Resource](), Capacity: capacity}
	}
	away, shut := room(1), room(1)
	away.Location, shut.Shut = there, []schedule.Interval{{Starts: nine - 60, Ends: nine + 60}}
	for name, c := range map[string]struct {
		supplies []schedule.Supply
		busy     [][]schedule.Busy
		needs    [][]int
		want     []int
	}{
		"the first of two":                               {[]schedule.Supply{room(1), room(1)}, nil, [][]int{{0, 1}}, []int{0}},
		"the second where the first is taken":            {[]schedule.Supply{room(1), room(1)}, [][]schedule.Busy{taken}, [][]int{{0, 1}}, []int{1}},
		"the first gives way to a need without a choice": {[]schedule.Supply{room(1), room(1)}, nil, [][]int{{0, 1}, {0}}, []int{1, 0}},
		"a chain of them gives way":                      {[]schedule.Supply{room(1), room(1), room(1)}, nil, [][]int{{0, 1}, {0, 2}, {0}}, []int{1, 2, 0}},
		"two needs, one unit":                            {[]schedule.Supply{room(1)}, nil, [][]int{{0}, {0}}, nil},
		"two needs, two units":                           {[]schedule.Supply{room(2)}, nil, [][]int{{0}, {0}}, []int{0, 0}},
		"two needs, two units, one taken":                {[]schedule.Supply{room(2)}, [][]schedule.Busy{taken}, [][]int{{0}, {0}}, nil},
		"three needs, two rooms":                         {[]schedule.Supply{room(1), room(1)}, nil, [][]int{{0, 1}, {0, 1}, {0, 1}}, nil},
		"a room elsewhere":                               {[]schedule.Supply{away, room(1)}, nil, [][]int{{0, 1}}, []int{1}},
		"a room that is shut":                            {[]schedule.Supply{shut, room(1)}, nil, [][]int{{0, 1}}, []int{1}},
		"a room without a unit":                          {[]schedule.Supply{room(0)}, nil, [][]int{{0}}, nil},
	} {
		p := plan(open(hm(9, 0), hm(9, 30), func(o *schedule.Opening) { o.Location = here }))
		p.Supplies = c.supplies
		for _, n := range c.needs {
			p.Needs = append(p.Needs, schedule.Need{Supplies: n})
		}
		load := schedule.Load{Supplies: c.busy}
		got, ok := p.Assign([]int{7}, nine, &load)
		if ok != (c.want != nil) || !slices.Equal(got, append([]int{7}, c.want...)) {
			t.Errorf("%s: got %v %v", name, got, ok)
		}
		slots, _ := p.Slots(nil, nil, &load, onMonday(t))
		if (len(slots) == 1) != ok {
			t.Errorf("%s: Slots has %v", name, ofDay(slots))
		}
		if f := p.Why(nine, &load, onMonday(t)); (f.Reason == schedule.ReasonOffered) != ok || !ok && f.Reason != schedule.ReasonNeed {
			t.Errorf("%s: Why says %s", name, f.Reason)
		}
	}
}

func TestAssignAllLetsPlacesGiveWayToEachOther(t *testing.T) {
	t.Parallel()
	nine := at(t, monday+"T09:00Z")
	rooms := []schedule.Supply{{Resource: id.New[id.Resource](), Capacity: 1}, {Resource: id.New[id.Resource](), Capacity: 1}}
	with := func(supplies ...int) schedule.Place {
		p := plan(open(hm(9, 0), hm(10, 0)))
		p.Supplies, p.Needs = rooms, []schedule.Need{{Supplies: supplies}}
		return schedule.Place{Plan: p, Load: &schedule.Load{}, Starts: nine}
	}
	got, ok := schedule.AssignAll([]schedule.Place{with(0, 1), with(0)})
	if !ok || got[0][0] != 1 || got[1][0] != 0 {
		t.Errorf("got %v %v", got, ok)
	}
	if got, ok = schedule.AssignAll([]schedule.Place{with(0), with(0)}); ok {
		t.Errorf("one room for two: %v", got)
	}
	later := with(0)
	later.Starts += 30 * 60
	if got, ok = schedule.AssignAll([]schedule.Place{with(0), later}); !ok {
		t.Errorf("one after the other: %v", got)
	}
}

func TestQuotasPartPatientsIntoAlternatives(t *testing.T) {
	t.Parallel()
	nine := at(t, monday+"T09:00Z")
	d := date(t, monday)
	gkv, pkv := schedule.GroupOf(schedule.GKV, 0), schedule.GroupOf(schedule.PKV, 0)
	fresh := schedule.GroupOf(0, schedule.NewPatients)
	quota := func(limit int, g schedule.Group, edit ...func(*schedule.Quota)) schedule.Quota {
		q := schedule.Quota{Max: limit, For: g, Release: -1}
		for _, e := range edit {
			e(&q)
		}
		return q
	}
	week := func(q *schedule.Quota) { q.Per = schedule.Week }
	used := func(on schedule.Date, n int) []schedule.Use { return []schedule.Use{{Period: on, N: n}} }
	for name, c := range map[string]struct {
		quotas []schedule.Quota
		used   [][]schedule.Use
		now    string
		want   []schedule.Alternative
	}{
		"none":                    {nil, nil, "2026-11-20T00:00Z", []schedule.Alternative{{For: schedule.Everyone}}},
		"one that counts some":    {[]schedule.Quota{quota(1, gkv)}, nil, "2026-11-20T00:00Z", []schedule.Alternative{{For: gkv, Quotas: []int{0}}, {For: schedule.Everyone &^ gkv}}},
		"one that is used up":     {[]schedule.Quota{quota(1, gkv)}, [][]schedule.Use{used(d, 1)}, "2026-11-20T00:00Z", []schedule.Alternative{{For: schedule.Everyone &^ gkv}}},
		"used up on another day":  {[]schedule.Quota{quota(1, gkv)}, [][]schedule.Use{used(d-1, 1)}, "2026-11-20T00:00Z", []schedule.Alternative{{For: gkv, Quotas: []int{0}}, {For: schedule.Everyone &^ gkv}}},
		"used up in the week":     {[]schedule.Quota{quota(1, schedule.Everyone, week)}, [][]schedule.Use{used(d, 1)}, "2026-11-20T00:00Z", nil},
		"released the day before": {[]schedule.Quota{quota(0, schedule.Everyone, func(q *schedule.Quota) { q.Release = 1 })}, nil, "2026-11-22T00:00Z", []schedule.Alternative{{For: schedule.Everyone}}},
		"not yet released":        {[]schedule.Quota{quota(0, schedule.Everyone, func(q *schedule.Quota) { q.Release = 1 })}, nil, "2026-11-21T23:59Z", nil},
		"not about that date":     {[]schedule.Quota{quota(0, schedule.Everyone, func(q *schedule.Quota) { q.ValidFrom = d + 1 })}, nil, "2026-11-20T00:00Z", []schedule.Alternative{{For: schedule.Everyone}}},
		"two that lie over each other": {[]schedule.Quota{quota(1, pkv), quota(1, fresh)}, nil, "2026-11-20T00:00Z", []schedule.Alternative{
			{For: fresh &^ pkv, Quotas: []int{1}}, {For: schedule.Everyone &^ fresh &^ pkv}, {For: pkv & fresh, Quotas: []int{0, 1}}, {For: pkv &^ fresh, Quotas: []int{0}},
		}},
	} {
		p := plan(open(hm(9, 0), hm(9, 30)))
		p.Quotas = c.quotas
		for i := range c.quotas {
			p.Openings[0].Quotas = append(p.Openings[0].Quotas, i)
		}
		now := time.Unix(at(t, c.now), 0)
		class, ok := p.Class(0, nine, c.used, now)
		same := slices.EqualFunc(class.Alternatives, c.want, func(a, b schedule.Alternative) bool {
			return a.For == b.For && slices.Equal(a.Quotas, b.Quotas)
		})
		if ok != (c.want != nil) || !same {
			t.Errorf("%s: got %v %v", name, class, ok)
		}
		q := onMonday(t)
		q.Now = now
		slots, classes := p.Slots(nil, nil, &schedule.Load{Used: c.used}, q)
		if len(slots) == 1 != ok || ok && !slices.EqualFunc(classes[slots[0].Class].Alternatives, c.want, func(a, b schedule.Alternative) bool {
			return a.For == b.For && slices.Equal(a.Quotas, b.Quotas)
		}) {
			t.Errorf("%s: Slots has %v %v", name, slots, classes)
		}
	}
}

func TestAWindowOpensToAllSoManyDaysBefore(t *testing.T) {
	t.Parallel()
	pkv := schedule.GroupOf(schedule.PKV, 0)
	p := plan(open(hm(9, 0), hm(9, 30), func(o *schedule.Opening) { o.For, o.OpenToAll = pkv, 2 }))
	for now, want := range map[string]schedule.Group{"2026-11-20T23:59Z": pkv, "2026-11-21T00:00Z": schedule.Everyone} {
		class, ok := p.Class(0, at(t, monday+"T09:00Z"), nil, time.Unix(at(t, now), 0))
		if !ok || class.Group() != want {
			t.Errorf("at %s: got %v", now, class)
		}
	}
}
