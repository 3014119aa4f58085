package practice_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/embedded/testdb"
	"siegel/platform/ics"
	"siegel/platform/id"
	"siegel/tenants/practice"
)

// vevents is a calendar of events, each "start/end" or "start/end;PROPERTY".
func vevents(all ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\n")
	for i, e := range all {
		span, more, _ := strings.Cut(e, ";")
		starts, ends, _ := strings.Cut(span, "/")
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%d\r\nDTSTART:%s\r\nDTEND:%s\r\nSUMMARY:CANARY Zahnarzt\r\n", i, starts, ends)
		if more != "" {
			b.WriteString(more + "\r\n")
		}
		b.WriteString("END:VEVENT\r\n")
	}
	return b.String() + "END:VCALENDAR\r\n"
}

// imported returns all entries that are stored for a tenant, in order.
func (f *fixture) imported(t testing.TB, tenant id.Tenant) []string {
	t.Helper()
	var all []string
	err := f.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		return tx.NewRaw(`
			select starts_on || ' ' || ends_on || ' ' || name from calendar_days where tenant_id = ?0
			 union all
			select to_char(starts at time zone 'Europe/Berlin', 'YYYY-MM-DD HH24:MI') || ' ' || to_char(ends at time zone 'Europe/Berlin', 'YYYY-MM-DD HH24:MI')
			  from imported_busy where tenant_id = ?0
			 order by 1`, tenant).Scan(ctx, &all)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (f *fixture) importCalendar(t testing.TB, tenant id.Tenant, c practice.CalendarImport) (int, error) {
	t.Helper()
	before := f.rules(t, tenant).Version
	done, err := f.ImportCalendar(t.Context(), tenant, practice.Edit{Version: before}, c)
	entries, version := done.Entries, done.Version
	if err == nil && version != before+1 {
		t.Errorf("version %d after %d", version, before)
	}
	if now := f.rules(t, tenant).Version; err != nil && now != before || err == nil && now != version {
		t.Errorf("the rules are of version %d, before they were %d, the answer was %d and %v", now, before, version, err)
	}
	return entries, err
}

func TestImportReplacesACalendarsEntries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	busy := practice.CalendarImport{ID: id.New[id.Calendar](), Name: " Privat ", Kind: practice.BusyCalendar, Resource: w.room, Format: practice.ICS,
		Content: vevents("20261123T090000/20261123T100000", "20261123T094500/20261123T103000", "20261124/20261125", "20261125T090000/20261125T100000;TRANSP:TRANSPARENT")}
	entries, err := f.importCalendar(t, tenant, busy)
	if err != nil || entries != 2 {
		t.Fatal(entries, err)
	}
	if got, want := f.imported(t, tenant), []string{"2026-11-23 09:00 2026-11-23 10:30", "2026-11-24 00:00 2026-11-25 00:00"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	calendars := f.rules(t, tenant).Calendars
	if len(calendars) != 1 || calendars[0].Name != "Privat" || calendars[0].Resource != w.room || calendars[0].Entries != 2 || !calendars[0].Imported.Equal(saturday) {
		t.Errorf("got %+v", calendars)
	}

	// Another calendar stays when the first is replaced, also by another kind.
	school := practice.CalendarImport{ID: id.New[id.Calendar](), Name: "Ferien", Kind: practice.SchoolCalendar, Format: practice.OpenHolidays, Content: openHolidays(t)}
	if entries, err := f.importCalendar(t, tenant, school); err != nil || entries != 2 { // summer is over
		t.Fatal(entries, err)
	}
	busy.Content = vevents("20261126T090000/20261126T100000")
	if entries, err := f.importCalendar(t, tenant, busy); err != nil || entries != 1 {
		t.Fatal(entries, err)
	}
	holidays := []string{"2026-12-23 2027-01-09 Weihnachtsferien", "2027-03-30 2027-04-03 Easter holidays"}
	if got, want := f.imported(t, tenant), append([]string{"2026-11-26 09:00 2026-11-26 10:00"}, holidays...); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	busy.Kind, busy.Resource = practice.SchoolCalendar, id.Resource{}
	busy.Content = strings.ReplaceAll(vevents("20261130/20261202"), "CANARY ", "")
	if entries, err := f.importCalendar(t, tenant, busy); err != nil || entries != 1 {
		t.Fatal(entries, err)
	}
	if got, want := f.imported(t, tenant), append([]string{"2026-11-30 2026-12-01 Zahnarzt"}, holidays...); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	removed, err := f.RemoveCalendar(t.Context(), tenant, practice.Edit{Version: f.rules(t, tenant).Version}, school.ID)
	version := removed.Version
	if err != nil || version != f.rules(t, tenant).Version {
		t.Fatal(version, err)
	}
	if got := f.imported(t, tenant); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	if _, err := f.RemoveCalendar(t.Context(), tenant, practice.Edit{Version: version}, school.ID); !errors.Is(err, practice.ErrUnknownRule) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := f.RemoveCalendar(t.Context(), tenant, practice.Edit{Version: version - 1}, busy.ID); !errors.Is(err, practice.ErrRulesChanged) {
		t.Errorf("an old version: %v", err)
	}
}

func TestImportKeepsWhatLiesAhead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	c := practice.CalendarImport{ID: id.New[id.Calendar](), Name: "Privat", Kind: practice.BusyCalendar, Resource: w.room, Format: practice.ICS,
		Content: vevents("20261119T230000/20261120T010000", "20261118/20261119", "20281120T230000/20281122T000000", "20290101/20290102")}
	if _, err := f.importCalendar(t, tenant, c); err != nil {
		t.Fatal(err)
	}
	if got, want := f.imported(t, tenant), []string{"2026-11-20 00:00 2026-11-20 01:00", "2028-11-20 23:00 2028-11-21 00:00"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// Two weeks away make fourteen rows, the clock change a piece more.
	c.Content = vevents("20270320/20270403")
	entries, err := f.importCalendar(t, tenant, c)
	if err != nil || entries != 14 {
		t.Errorf("%d entries, %v", entries, err)
	}
	got := f.imported(t, tenant)
	if len(got) != 14 || !strings.HasPrefix(got[0], "2027-03-20 00:00") || !strings.HasSuffix(got[13], "2027-04-03 00:00") {
		t.Errorf("got %q", got)
	}
}

func TestImportedTimesTakeSlots(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	o := f.rules(t, tenant)
	amal, _ := o.Practitioner(w.amal)
	free := func() int {
		f.clock.pass(2 * time.Second)
		list, err := f.FreeSlots(t.Context(), tenant, practice.Query{Service: w.checkup, Practitioner: w.amal, From: monday, To: monday + 1})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Slots)
	}
	if free() == 0 {
		t.Fatal("nothing is free on Monday: the rest says nothing")
	}
	c := practice.CalendarImport{ID: id.New[id.Calendar](), Name: "Privat", Kind: practice.BusyCalendar, Resource: amal.Resource, Format: practice.ICS,
		Content: vevents("20261123/20261124")}
	if _, err := f.importCalendar(t, tenant, c); err != nil {
		t.Fatal(err)
	}
	if n := free(); n != 0 {
		t.Errorf("%d slots on a day away", n)
	}
	if _, err := f.RemoveCalendar(t.Context(), tenant, practice.Edit{Version: f.rules(t, tenant).Version}, c.ID); err != nil {
		t.Fatal(err)
	}
	if free() == 0 {
		t.Error("nothing is free after the calendar has gone")
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	kept := practice.CalendarImport{ID: id.New[id.Calendar](), Name: "Privat", Kind: practice.BusyCalendar, Resource: w.room, Format: practice.ICS,
		Content: vevents("20261123T090000/20261123T100000")}
	if _, err := f.importCalendar(t, tenant, kept); err != nil {
		t.Fatal(err)
	}
	many := make([]string, ics.MaxSpans+1)
	for i := range many {
		at := saturday.Add(time.Duration(2*i) * time.Minute)
		many[i] = at.Format("20060102T150405Z") + "/" + at.Add(time.Minute).Format("20060102T150405Z")
	}
	for _, x := range []struct {
		name  string
		spoil func(*practice.CalendarImport)
		want  error
		field string
	}{
		{"NoCalendar", func(c *practice.CalendarImport) { c.Content = "<html>" }, practice.ErrCalendarMalformed, ""},
		{"NoContent", func(c *practice.CalendarImport) { c.Content = "" }, practice.ErrCalendarMalformed, ""},
		{"NothingAhead", func(c *practice.CalendarImport) { c.Content = vevents("20250101/20250102") }, practice.ErrCalendarEmpty, ""},
		{"NothingAtAll", func(c *practice.CalendarImport) { c.Content = vevents() }, practice.ErrCalendarEmpty, ""},
		{"UnknownZone", func(c *practice.CalendarImport) {
			c.Content = strings.Replace(kept.Content, "DTSTART:", "DTSTART;TZID=Nirgends:", 1)
		}, practice.ErrCalendarUnknownZone, ""},
		{"TooMany", func(c *practice.CalendarImport) { c.Content = vevents(many...) }, practice.ErrCalendarTooLarge, ""},
		{"TooLong", func(c *practice.CalendarImport) { c.Content = strings.Repeat(" ", ics.MaxOctets+1) }, practice.ErrCalendarTooLarge, ""},
		{"NoID", func(c *practice.CalendarImport) { c.ID = id.Calendar{} }, practice.ErrInvalidCalendar, "id"},
		{"NoName", func(c *practice.CalendarImport) { c.Name = " " }, practice.ErrMissingName, "name"},
		{"LongName", func(c *practice.CalendarImport) { c.Name = strings.Repeat("x", 121) }, practice.ErrInvalidText, "name"},
		{"UnknownKind", func(c *practice.CalendarImport) { c.Kind = "free" }, practice.ErrInvalidCalendar, "kind"},
		{"UnknownFormat", func(c *practice.CalendarImport) { c.Format = "csv" }, practice.ErrInvalidCalendar, "format"},
		{"HolidaysOfAPerson", func(c *practice.CalendarImport) { c.Format, c.Content = practice.OpenHolidays, openHolidays(t) }, practice.ErrInvalidCalendar, "format"},
		{"BusyNobody", func(c *practice.CalendarImport) { c.Resource = id.Resource{} }, practice.ErrInvalidCalendar, "resource"},
		{"HolidaysOfAResource", func(c *practice.CalendarImport) { c.Kind = practice.SchoolCalendar }, practice.ErrInvalidCalendar, "resource"},
		{"UnknownResource", func(c *practice.CalendarImport) { c.Resource = id.New[id.Resource]() }, practice.ErrUnknownReference, "resource"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := kept
			x.spoil(&c)
			_, err := f.importCalendar(t, tenant, c)
			if !errors.Is(err, x.want) {
				t.Fatalf("got %v, want %v", err, x.want)
			}
			var mistakes practice.Mistakes
			if x.field != "" && (!errors.As(err, &mistakes) || mistakes[0].Field != x.field || mistakes[0].Kind != "calendars") {
				t.Errorf("names %+v, want %s", mistakes, x.field)
			}
		})
	}
	if got := f.imported(t, tenant); !slices.Equal(got, []string{"2026-11-23 09:00 2026-11-23 10:00"}) {
		t.Errorf("what was there has changed: %q", got)
	}
	if _, err := f.ImportCalendar(t.Context(), tenant, practice.Edit{Version: f.rules(t, tenant).Version - 1}, kept); !errors.Is(err, practice.ErrRulesChanged) {
		t.Errorf("an old version: %v", err)
	}
	if _, err := f.ImportCalendar(t.Context(), id.New[id.Tenant](), practice.Edit{Version: 1}, kept); !errors.Is(err, practice.ErrUnknownPractice) {
		t.Errorf("nobody's practice: %v", err)
	}
	// Another tenant cannot reach it by its id.
	_, other := f.ward(t)
	if _, err := f.RemoveCalendar(t.Context(), other, practice.Edit{Version: f.rules(t, other).Version}, kept.ID); !errors.Is(err, practice.ErrUnknownRule) {
		t.Errorf("another's calendar: %v", err)
	}
}

func TestImportOfOneVersionHappensOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	version := f.rules(t, tenant).Version
	const n = 8
	errs := make(chan error, n)
	for i := range n {
		go func() {
			_, err := f.ImportCalendar(t.Context(), tenant, practice.Edit{Version: version}, practice.CalendarImport{ID: id.New[id.Calendar](), Name: fmt.Sprint(i),
				Kind: practice.BusyCalendar, Resource: w.room, Format: practice.ICS, Content: vevents("20261123T090000/20261123T100000")})
			errs <- err
		}()
	}
	won := 0
	for range n {
		switch err := <-errs; {
		case err == nil:
			won++
		case !errors.Is(err, practice.ErrRulesChanged):
			t.Error(err)
		}
	}
	if got := f.imported(t, tenant); won != 1 || len(got) != 1 {
		t.Errorf("%d imports, entries %q", won, got)
	}
}

func TestImportStoresNothingButTimes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	_, err := f.importCalendar(t, tenant, practice.CalendarImport{ID: id.New[id.Calendar](), Name: "Privat", Kind: practice.BusyCalendar,
		Resource: w.room, Format: practice.ICS, Content: vevents("20261123T090000/20261123T100000;DESCRIPTION:CANARY\r\nLOCATION:CANARY\r\nATTENDEE;CN=CANARY:mailto:canary@example.com")})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"calendar", "calendar_days", "imported_busy"} {
		var found int
		err := f.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
			return tx.NewRaw("select count(*) from ? as t where t::text ilike '%canary%' or t::text ilike '%zahnarzt%'", bun.Ident(table)).Scan(ctx, &found)
		})
		if err != nil || found != 0 {
			t.Errorf("%s: %d rows, %v", table, found, err)
		}
	}
}

func TestImportDoesNotDependOnTheSessionsZone(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(testdb.New(t).Server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("timezone", "Europe/Berlin")
	u.RawQuery = q.Encode()
	f := newFixtureOn(t, testdb.OpenURL(t, u.String()), 0)
	w, tenant := f.ward(t)
	// A day that begins at noon before the clock change has 23 hours in Berlin.
	entries, err := f.importCalendar(t, tenant, practice.CalendarImport{ID: id.New[id.Calendar](), Name: "Privat", Kind: practice.BusyCalendar,
		Resource: w.room, Format: practice.ICS, Content: vevents("20270327T120000/20270328T130000")})
	if err != nil || entries != 1 {
		t.Errorf("%d entries, %v", entries, err)
	}
}

// A window that keeps school holidays free, or is for them alone: whoever is
// booked in it is named when the holidays change.
func TestSchoolHolidaysNameWhomTheyLeaveOutside(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, tenant := f.ward(t)
	school := practice.CalendarImport{ID: id.New[id.Calendar](), Name: "Ferien", Kind: practice.SchoolCalendar, Format: practice.ICS,
		Content: vevents("20261130/20261205")} // the second Monday
	morning := f.rules(t, tenant).Openings[slices.IndexFunc(f.rules(t, tenant).Openings, func(o practice.Opening) bool { return o.ID == w.morning })]
	morning.SchoolHolidays = practice.OutsideHolidays
	if _, err := f.put(t, tenant, morning, true); err != nil {
		t.Fatal(err)
	}
	f.visit(t, tenant, visit{who: w.amal, where: w.main, from: 8*60 + 15, until: 9 * 60})
	in := f.visit(t, tenant, visit{who: w.amal, where: w.main, day: 7, from: 8*60 + 15, until: 9 * 60})

	named := func(what string, err error) {
		t.Helper()
		var outside *practice.OutsideError
		if !errors.As(err, &outside) || len(outside.Outside) != 1 || outside.Outside[0].Appointment != in {
			t.Errorf("%s: %v", what, err)
		}
	}
	before := f.rules(t, tenant).Version
	_, err := f.ImportCalendar(t.Context(), tenant, practice.Edit{Version: before}, school)
	named("imported", err)
	if got := f.imported(t, tenant); len(got) != 0 || f.rules(t, tenant).Version != before {
		t.Errorf("something was saved: %q", got)
	}
	done, err := f.ImportCalendar(t.Context(), tenant, practice.Edit{Version: before, Keep: true}, school)
	if err != nil || done.Entries != 1 || len(done.Outside) != 1 || done.Outside[0].Appointment != in {
		t.Fatalf("%+v, %v", done, err)
	}
	// It is outside already: the same again asks nothing.
	if done, err = f.ImportCalendar(t.Context(), tenant, practice.Edit{Version: done.Version}, school); err != nil || len(done.Outside) != 0 {
		t.Fatalf("%+v, %v", done, err)
	}

	morning.SchoolHolidays = practice.SchoolHolidays
	if _, err := f.put(t, tenant, morning, true); err != nil {
		t.Fatal(err)
	}
	version := f.rules(t, tenant).Version
	_, err = f.RemoveCalendar(t.Context(), tenant, practice.Edit{Version: version}, school.ID)
	named("removed", err)
	saved, err := f.RemoveCalendar(t.Context(), tenant, practice.Edit{Version: version, Keep: true}, school.ID)
	if err != nil || saved.Version != version+1 || len(saved.Outside) != 1 {
		t.Errorf("%+v, %v", saved, err)
	}
}
