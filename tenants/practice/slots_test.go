package practice_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// lines says a list as "local time practitioner location condition".
func lines(s surgery, list practice.SlotList) []string {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	who := map[id.Practitioner]string{s.amal: "amal", s.bea: "bea"}
	where := map[id.Location]string{s.main: "main", s.branch: "branch"}
	out := []string{}
	for _, x := range list.Slots {
		out = append(out, fmt.Sprintf("%s %s %s %s",
			time.Unix(x.Starts, 0).In(berlin).Format("Mon 15:04"), who[list.Practitioners[x.Practitioner]],
			where[list.Locations[x.Location]], whom(list.Conditions[x.Condition])))
	}
	return out
}

// whom says for whom a slot is: "GKV+PKV all", further groups after a bar.
func whom(c practice.Condition) string {
	var all []string
	for _, a := range c.Alternatives {
		all = append(all, strings.Join(a.Insurance.Codes(), "+")+" "+a.Patients.String())
	}
	return strings.Join(all, " | ")
}

func (f *fixture) ask(t testing.TB, tenant id.Tenant, q practice.Query) practice.SlotList {
	t.Helper()
	if q.From == 0 {
		q.From, q.To = monday, monday+1
	}
	list, err := f.FreeSlots(t.Context(), tenant, q)
	if err != nil {
		t.Fatal(err)
	}
	daysFit(t, list)
	return list
}

// daysFit holds the days of a list of places in Berlin against its slots.
func daysFit(t testing.TB, list practice.SlotList) {
	t.Helper()
	var dates []string
	begins := func(i int) {
		dates = append(dates, time.Unix(list.Slots[i].Starts, 0).In(berlin(0, 0).Location()).Format(time.DateOnly))
	}
	switch {
	case list.Series != nil:
	case list.Itineraries != nil:
		for _, way := range list.Itineraries {
			begins(way[0])
		}
	default:
		for i := range list.Slots {
			begins(i)
		}
	}
	var said []string
	for _, day := range list.Days {
		said = append(said, slices.Repeat([]string{day.Date.String()}, day.Count)...)
	}
	if !slices.Equal(said, dates) {
		t.Errorf("days say %q, slots %q", said, dates)
	}
	if !slices.IsSortedFunc(list.Days, func(a, b practice.SlotDay) int { return int(a.Date) - int(b.Date) }) {
		t.Errorf("days are out of order: %v", list.Days)
	}
}

func TestFreeSlotsOfAll(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	_, stranger := f.open(t) // whose appointments are nobody else's business
	f.book(t, stranger, f.strangersTime(t, stranger), 1, 0, 24*60)
	// Wall time is UTC plus one hour. A vaccination takes 20 minutes and blocks 30.
	f.book(t, tenant, s.amalTime, 1, 7*60+20, 7*60+50) // 08:20 to 08:50
	f.book(t, tenant, s.beaTime, 1, 8*60, 8*60+30)     // one of two
	f.book(t, tenant, s.beaTime, 2, 8*60+20, 8*60+50)  // the other, from 09:20: full until 09:30

	list := f.ask(t, tenant, practice.Query{Service: s.vaccination})
	want := []string{
		"Mon 09:00 amal main GKV+PKV all",
		"Mon 09:20 amal main GKV+PKV all",
		"Mon 09:40 amal main GKV+PKV all",
		"Mon 09:40 bea branch GKV+PKV all",
		"Mon 10:00 amal main PKV known",
		"Mon 10:20 amal main PKV known",
		"Mon 10:40 amal main PKV known",
	}
	if got := lines(s, list); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if list.Version != 1 || list.Zone != "Europe/Berlin" || list.From != monday || list.To != monday+1 {
		t.Errorf("got %+v", list)
	}
}

// strangersTime returns some resource of another tenant.
func (f *fixture) strangersTime(t testing.TB, tenant id.Tenant) id.Resource {
	t.Helper()
	offer, err := f.Offer(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return offer.Resources[0].ID
}

func TestFreeSlotsOfOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	list := f.ask(t, tenant, practice.Query{Service: s.vaccination, Practitioner: s.bea})
	want := []string{"Mon 09:00 bea branch GKV+PKV all", "Mon 09:20 bea branch GKV+PKV all", "Mon 09:40 bea branch GKV+PKV all"}
	if got := lines(s, list); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if !slices.Equal(list.Practitioners, []id.Practitioner{s.bea}) || !slices.Equal(list.Locations, []id.Location{s.branch}) {
		t.Errorf("tables: %v, %v", list.Practitioners, list.Locations)
	}
}

func TestFreeSlotsForNobodyAreNotOffered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	// Acne is for new patients, the opening at ten for known ones.
	list := f.ask(t, tenant, practice.Query{Service: s.acne})
	if len(list.Slots) != 8 || len(list.Conditions) != 1 || whom(list.Conditions[0]) != " new" {
		t.Errorf("got %q", lines(s, list))
	}
}

func TestFreeSlotsLeaveOutWhatElseIsBusy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	held := practice.Busy{Resource: s.amalTime, Interval: schedule.Interval{
		Starts: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC).Unix(),
		Ends:   time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC).Unix(),
	}}
	unrelated := held
	unrelated.Resource = s.beaTime
	unrelated.Ends += 24 * 60 * 60
	list := f.ask(t, tenant, practice.Query{
		Service: s.checkup,
		AlsoBusy: func(_ context.Context, resources []id.Resource, _ []id.Quota, from, to time.Time) ([]practice.Busy, []practice.Used, error) {
			if !slices.Equal(resources, []id.Resource{s.amalTime}) {
				t.Errorf("asked for %v", resources)
			}
			if from.Unix() > held.Starts || to.Unix() < held.Ends {
				t.Errorf("asked from %v to %v", from, to)
			}
			return []practice.Busy{held, unrelated}, nil, nil
		},
	})
	if got := lines(s, list); !slices.Equal(got, []string{"Mon 09:30 amal main  all"}) {
		t.Errorf("got %q", got)
	}

	down := errors.New("holds are down")
	_, err := f.FreeSlots(t.Context(), tenant, practice.Query{
		Service: s.checkup, From: monday, To: monday + 1,
		AlsoBusy: func(context.Context, []id.Resource, []id.Quota, time.Time, time.Time) ([]practice.Busy, []practice.Used, error) {
			return nil, nil, down
		},
	})
	if !errors.Is(err, down) {
		t.Errorf("holds that cannot be read count as none: %v", err)
	}
}

func TestFreeSlotsFollowAnEditAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	if n := len(f.ask(t, tenant, practice.Query{Service: s.checkup}).Slots); n != 4 {
		t.Fatalf("%d slots", n)
	}
	err := newFixtureOn(t, f.db, 0).Change(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "update opening set until_minute = 540 where from_minute = 480")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// The clock stands still: what is in memory is still called fresh.
	list := f.ask(t, tenant, practice.Query{Service: s.checkup})
	if len(list.Slots) != 2 || list.Version != 2 {
		t.Errorf("version %d: %q", list.Version, lines(s, list))
	}
}

func TestFreeSlotsRefuse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	for name, c := range map[string]struct {
		tenant id.Tenant
		q      practice.Query
		want   error
	}{
		"unknown service":        {tenant, practice.Query{Service: id.New[id.Service](), From: monday, To: monday + 1}, practice.ErrUnknownService},
		"unknown practitioner":   {tenant, practice.Query{Service: s.checkup, Practitioner: id.New[id.Practitioner](), From: monday, To: monday + 1}, practice.ErrUnknownPractitioner},
		"another's service":      {tenant, practice.Query{Service: s.checkup, Practitioner: s.bea, From: monday, To: monday + 1}, practice.ErrNotOffered},
		"unknown practice":       {id.New[id.Tenant](), practice.Query{Service: s.checkup, From: monday, To: monday + 1}, practice.ErrUnknownPractice},
		"no day at all":          {tenant, practice.Query{Service: s.checkup, From: monday, To: monday}, practice.ErrRange},
		"backwards":              {tenant, practice.Query{Service: s.checkup, From: monday, To: monday - 1}, practice.ErrRange},
		"more than 62 days":      {tenant, practice.Query{Service: s.checkup, From: monday, To: monday + 63}, practice.ErrRange},
		"more than can be added": {tenant, practice.Query{Service: s.checkup, From: -1 << 31, To: 1<<31 - 1}, practice.ErrRange},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := f.FreeSlots(t.Context(), c.tenant, c.q); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if list := f.ask(t, tenant, practice.Query{Service: s.checkup, From: monday, To: monday + 62}); len(list.Slots) != 9*4 {
		t.Errorf("62 days have %d slots", len(list.Slots))
	}
	if list := f.ask(t, tenant, practice.Query{Service: s.checkup, From: monday - 400, To: monday - 390}); len(list.Slots) != 0 {
		t.Errorf("the past has %d slots", len(list.Slots))
	}
}

// Under row-level security only plain comparisons become index conditions; a
// history of years must not be read for a month of slots, whether or not the
// database has had time to count its rows.
func TestFreeSlotsReadHistoryByIndexOnly(t *testing.T) {
	t.Parallel()
	urls := testdb.New(t)
	f := newFixtureOn(t, testdb.OpenURL(t, urls.Server), 0)
	s, tenant := f.open(t)
	err := f.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		for _, sql := range []string{`
			insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id,
			                         starts, ends, cancel_until, secret_hash)
			select ?0, gen_random_uuid(), gen_random_uuid(), 'fulfilled', 'online', ?1, ?1, ?1, at, at + interval '15 minutes', at,
			       sha256(at::text::bytea)
			  from generate_series(timestamptz '2026-11-20 00:00Z' - interval '40 days', '2026-11-20 00:00Z', interval '15 minutes') at`, `
			insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id)
			select tenant_id, resource_id, 1, starts, ends, id from appointment`,
		} {
			if _, err := tx.ExecContext(ctx, sql, tenant, s.amalTime); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.checkPlan(t, "without statistics", tenant, s.amalTime)
	if _, err := testdb.OpenURL(t, urls.Owner).Global().ExecContext(t.Context(), "analyze occupation"); err != nil {
		t.Fatal(err)
	}
	f.checkPlan(t, "with statistics", tenant, s.amalTime)
}

// checkPlan fails where the rows before the window are read.
func (f *fixture) checkPlan(t *testing.T, name string, tenant id.Tenant, resource id.Resource) {
	t.Helper()
	var plan strings.Builder
	err := f.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		explain := strings.NewReplacer("$1", "?0", "$2", "?1", "$3", "?2", "$4", "?3", "$5", "?4").Replace(practice.SelectOccupation)
		from := time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC)
		rows, err := tx.QueryContext(ctx, "explain (analyze, timing off, summary off) "+explain,
			tenant, "{"+resource.UUID()+"}", from.Add(-24*time.Hour), from.Add(30*24*time.Hour), from)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			plan.WriteString(line + "\n")
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(plan.String()) {
		if strings.Contains(line, "Index Cond:") && strings.Contains(line, "starts >=") && strings.Contains(line, "starts <") &&
			strings.Contains(line, "resource_id") {
			return
		}
	}
	t.Errorf("%s: starts is no index condition:\n%s", name, &plan)
}

func BenchmarkFreeSlots(b *testing.B) {
	f := newFixture(b)
	s := newSurgery()
	s.Openings = nil
	for day := 1; day <= 5; day++ {
		s.Openings = append(s.Openings,
			practice.Opening{Practitioner: s.amal, Location: s.main, Weekdays: schedule.WeekdaysOf(day), From: 8 * 60, Until: 12 * 60},
			practice.Opening{Practitioner: s.amal, Location: s.main, Weekdays: schedule.WeekdaysOf(day), From: 14 * 60, Until: 18 * 60})
	}
	tenant := id.New[id.Tenant]()
	if err := f.Create(b.Context(), tenant, s.Setup); err != nil {
		b.Fatal(err)
	}
	q := practice.Query{Service: s.acne, From: monday, To: monday + 30}
	all := f.ask(b, tenant, q)
	err := f.db.InTenant(b.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		for i := range 200 {
			x := all.Slots[i*len(all.Slots)/200]
			if err := occupy(ctx, tx, tenant, s.amalTime, 1, time.Unix(x.Starts, 0), time.Unix(x.Ends, 0)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		list, err := f.FreeSlots(b.Context(), tenant, q)
		if err != nil {
			b.Fatal(err)
		}
		text = practice.AppendJSON(text[:0], list)
	}
	b.ReportMetric(float64(len(text)), "bytes")
}
