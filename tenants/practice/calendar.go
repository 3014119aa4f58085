package practice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/ics"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/schedule"
)

// What is wrong with a calendar that somebody imports; the cause says where.
var (
	ErrCalendarMalformed   = ics.ErrCalendarMalformed
	ErrCalendarTooLarge    = ics.ErrCalendarTooLarge
	ErrCalendarUnknownZone = ics.ErrCalendarUnknownZone
	// ErrCalendarEmpty is returned where nothing lies between yesterday and two
	// years ahead. What was imported before stays.
	ErrCalendarEmpty = fault.New(fault.Invalid, "calendar_empty")
	// ErrCalendarAmbiguous is returned for the school holidays of several Länder
	// at once where the practice does not say in which one it is.
	ErrCalendarAmbiguous = fault.New(fault.Invalid, "calendar_ambiguous")
	// ErrInvalidCalendar is returned for a kind or a format that there is not, or
	// a resource that the kind does not need or lacks.
	ErrInvalidCalendar = fault.New(fault.Invalid, "invalid_calendar")
)

// CalendarFormat is how an imported calendar is written.
type CalendarFormat string

// The formats of calendars.
const (
	// ICS is an iCalendar object (RFC 5545), as programs export it.
	ICS CalendarFormat = "ics"
	// OpenHolidays is the answer of the OpenHolidays API's SchoolHolidays, JSON.
	// It is good for a [SchoolCalendar] only.
	OpenHolidays CalendarFormat = "openholidays"
)

// CalendarImport is a calendar with all its entries.
type CalendarImport struct {
	ID   id.Calendar
	Name string
	Kind CalendarKind
	// Resource is whose time a [BusyCalendar] takes; zero otherwise.
	Resource id.Resource
	Format   CalendarFormat
	// Content is at most [ics.MaxOctets] long.
	Content string
}

// importYears is how far ahead entries are kept.
const importYears = 2

// Imported is what came of an import: what of an edit, and how many entries
// are kept now.
type Imported struct {
	Saved
	Entries int
}

// ImportCalendar puts a calendar in the place of the one with its id, with all
// entries.
//
// Kept are times from yesterday to two years ahead, of school holidays also
// the names, and nothing else. Busy time is merged, and cut at a day's length.
// Whole days and times without a zone are in the zone of the resource's
// location, or the practice's.
//
// It returns [ErrCalendarMalformed], [ErrCalendarTooLarge],
// [ErrCalendarUnknownZone], [ErrCalendarEmpty], [ErrCalendarAmbiguous],
// [Mistakes], an [OutsideError], [ErrRulesChanged] or [ErrUnknownPractice];
// then nothing has changed. Outside are appointments that school holidays leave
// without a window. Busy time is not held against them: whoever is busy with an
// appointment has it in their own calendar too.
func (s *Service) ImportCalendar(ctx context.Context, tenant id.Tenant, how Edit, c CalendarImport) (Imported, error) {
	done, err := s.importCalendar(ctx, tenant, how, c)
	if err != nil {
		return Imported{}, fmt.Errorf("import calendar: %w", err)
	}
	return done, nil
}

func (s *Service) importCalendar(ctx context.Context, tenant id.Tenant, how Edit, c CalendarImport) (done Imported, err error) {
	offer, err := s.Rules(ctx, tenant)
	if err != nil {
		return done, err
	}
	if offer.Version != how.Version {
		return done, ErrRulesChanged
	}
	if err := c.check(offer); err != nil {
		return done, err
	}
	// Reading may take a second, which nobody shall wait for under the locks.
	resource, _ := offer.Resource(c.Resource)
	days, busy, err := c.read(offer.zone(resource.Location), s.now(), offer.Practice.Land)
	if err != nil {
		return done, err
	}
	if done.Entries = len(days) + len(busy); done.Entries == 0 {
		return done, ErrCalendarEmpty
	}
	after, err := s.withSchoolDays(offer, c.ID, days)
	if err != nil {
		return done, err
	}
	done.Version = after.Version
	err = s.Change(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		err := unchanged(ctx, tx, tenant, how.Version)
		if err != nil {
			return err
		}
		if done.Outside, err = s.outsideOf(ctx, tx, offer, after, how); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			insert into calendar (tenant_id, id, name, kind, resource_id, imported) values (?, ?, ?, ?, ?, ?)
			    on conflict (tenant_id, id) do update
			   set name = excluded.name, kind = excluded.kind, resource_id = excluded.resource_id, imported = excluded.imported`,
			tenant, c.ID, strings.TrimSpace(c.Name), string(c.Kind), c.Resource, s.now())
		if err != nil {
			return fmt.Errorf("store calendar: %w", err)
		}
		if err := emptyCalendar(ctx, tx, tenant, c.ID); err != nil {
			return err
		}
		if err := insertEntries(ctx, tx, dayRows(tenant, c.ID, days)); err != nil {
			return err
		}
		// The constraint reckons a day in the session's zone, where it may have 23 hours.
		if _, err := tx.ExecContext(ctx, "set local timezone to 'UTC'"); err != nil {
			return err
		}
		if err := insertEntries(ctx, tx, busyRows(tenant, c, busy)); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, audit.Now(ctx, tenant, "calendar.put", c.ID.String()))
	})
	if postgres.Violates(err, "calendar_resource") {
		return done, Mistakes{{"calendars", c.ID.String(), "resource", ErrUnknownReference.Because(err)}}
	}
	return done, err
}

// withSchoolDays returns the offer as it is with other days without school in a
// calendar.
func (s *Service) withSchoolDays(before *Offer, calendar id.Calendar, days []holiday) (*Offer, error) {
	school := slices.DeleteFunc(slices.Clone(before.schoolHolidays), func(d schoolDays) bool { return d.calendar == calendar })
	for _, d := range days {
		school = append(school, daysWithoutSchool(calendar, d.from, d.until))
	}
	return s.offerOf(before, before.setup(), school)
}

// RemoveCalendar removes a calendar with its entries. It returns
// [ErrUnknownRule], an [OutsideError], [ErrRulesChanged] or
// [ErrUnknownPractice]; then nothing has changed.
func (s *Service) RemoveCalendar(ctx context.Context, tenant id.Tenant, how Edit, calendar id.Calendar) (Saved, error) {
	saved, err := s.removeCalendar(ctx, tenant, how, calendar)
	if err != nil {
		return Saved{}, fmt.Errorf("remove calendar: %w", err)
	}
	return saved, nil
}

func (s *Service) removeCalendar(ctx context.Context, tenant id.Tenant, how Edit, calendar id.Calendar) (saved Saved, err error) {
	offer, err := s.Rules(ctx, tenant)
	if err != nil {
		return saved, err
	}
	if offer.Version != how.Version {
		return saved, ErrRulesChanged
	}
	after, err := s.withSchoolDays(offer, calendar, nil)
	if err != nil {
		return saved, err
	}
	saved.Version = after.Version
	err = s.Change(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		err := unchanged(ctx, tx, tenant, how.Version)
		if err != nil {
			return err
		}
		if saved.Outside, err = s.outsideOf(ctx, tx, offer, after, how); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, "delete from calendar where tenant_id = ? and id = ?", tenant, calendar)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return ErrUnknownRule
		}
		return audit.RecordTx(ctx, tx, audit.Now(ctx, tenant, "calendar.remove", calendar.String()))
	})
	return saved, err
}

// unchanged returns [ErrRulesChanged] where the rules were not of that version
// before [Service.Change] raised it.
func unchanged(ctx context.Context, tx bun.Tx, tenant id.Tenant, version int64) error {
	var now int64
	if err := tx.NewRaw("select version from practice where tenant_id = ?", tenant).Scan(ctx, &now); err != nil {
		return fmt.Errorf("read version: %w", err)
	}
	if now != version+1 {
		return ErrRulesChanged
	}
	return nil
}

// check returns what is wrong with a calendar beside its content, as [Mistakes].
func (c CalendarImport) check(offer *Offer) error {
	k := checker{kind: "calendars", id: c.ID.String()}
	if c.ID.IsZero() {
		k.fail("id", ErrInvalidCalendar, "none")
	}
	k.named(c.Name)
	if c.Kind != BusyCalendar && c.Kind != SchoolCalendar {
		k.fail("kind", ErrInvalidCalendar, "there is no such kind")
	}
	if c.Format != ICS && (c.Format != OpenHolidays || c.Kind != SchoolCalendar) {
		k.fail("format", ErrInvalidCalendar, "there is no such format for %s", c.Kind)
	}
	if (c.Kind == BusyCalendar) == c.Resource.IsZero() {
		k.fail("resource", ErrInvalidCalendar, "needed for busy time, and only there")
	} else if _, known := offer.Resource(c.Resource); !known && !c.Resource.IsZero() {
		k.fail("resource", ErrUnknownReference, "%v", c.Resource)
	}
	if len(k.mistakes) > 0 {
		return k.mistakes
	}
	return nil
}

// read returns the entries of a checked calendar, of one kind or the other.
func (c CalendarImport) read(zone *time.Location, now time.Time, land schedule.Land) ([]holiday, []ics.Span, error) {
	today := now.In(zone)
	from := time.Date(today.Year(), today.Month(), today.Day()-1, 0, 0, 0, 0, zone)
	to := time.Date(today.Year()+importYears, today.Month(), today.Day(), 0, 0, 0, 0, zone)
	switch {
	case c.Kind == BusyCalendar:
		spans, err := ics.Busy(strings.NewReader(c.Content), zone, from, to)
		return nil, cut(spans, MaxOccupation), err
	case c.Format == OpenHolidays:
		days, err := readOpenHolidays(c.Content, land, schedule.DateOf(from), schedule.DateOf(to))
		return days, nil, err
	}
	ranges, err := ics.Days(strings.NewReader(c.Content), zone, from, to)
	days := make([]holiday, len(ranges))
	for i, r := range ranges {
		days[i] = holiday{schedule.DateOf(r.First), schedule.DateOf(r.Last), r.Name}
	}
	return disjoint(days), nil, err
}

// holiday is a run of days without school, both inclusive.
type holiday struct {
	from, until schedule.Date
	name        string
}

// disjoint puts holidays in order, and gives each day to the one that began
// first, or of those to the longest. Names are cut to what a rule's name may be.
func disjoint(days []holiday) []holiday {
	slices.SortFunc(days, func(a, b holiday) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.until, a.until), cmp.Compare(a.name, b.name))
	})
	kept := days[:0]
	for _, d := range days {
		if n := len(kept); n > 0 {
			d.from = max(d.from, kept[n-1].until+1)
		}
		if d.from > d.until {
			continue
		}
		if r := []rune(d.name); len(r) > maxName {
			d.name = strings.TrimSpace(string(r[:maxName]))
		}
		kept = append(kept, d)
	}
	return kept
}

// cut parts spans that last longer than a while.
func cut(spans []ics.Span, most time.Duration) []ics.Span {
	var parts []ics.Span
	for _, s := range spans {
		for s.Ends.Sub(s.Starts) > most {
			next := s.Starts.Add(most)
			parts = append(parts, ics.Span{Starts: s.Starts, Ends: next})
			s.Starts = next
		}
		parts = append(parts, s)
	}
	return parts
}

func emptyCalendar(ctx context.Context, tx bun.Tx, tenant id.Tenant, calendar id.Calendar) error {
	_, days := tx.ExecContext(ctx, "delete from calendar_days where tenant_id = ? and calendar_id = ?", tenant, calendar)
	_, busy := tx.ExecContext(ctx, "delete from imported_busy where tenant_id = ? and calendar_id = ?", tenant, calendar)
	if err := errors.Join(days, busy); err != nil {
		return fmt.Errorf("empty calendar: %w", err)
	}
	return nil
}

type calendarDaysRow struct {
	bun.BaseModel `bun:"table:calendar_days"`

	TenantID   id.Tenant
	CalendarID id.Calendar
	StartsOn   string
	EndsOn     string
	Name       string
}

type importedBusyRow struct {
	bun.BaseModel `bun:"table:imported_busy"`

	TenantID   id.Tenant
	CalendarID id.Calendar
	ResourceID id.Resource
	Starts     time.Time
	Ends       time.Time
}

func dayRows(tenant id.Tenant, calendar id.Calendar, days []holiday) []calendarDaysRow {
	rows := make([]calendarDaysRow, len(days))
	for i, d := range days {
		rows[i] = calendarDaysRow{TenantID: tenant, CalendarID: calendar, StartsOn: d.from.String(), EndsOn: d.until.String(), Name: d.name}
	}
	return rows
}

func busyRows(tenant id.Tenant, c CalendarImport, busy []ics.Span) []importedBusyRow {
	rows := make([]importedBusyRow, len(busy))
	for i, b := range busy {
		rows[i] = importedBusyRow{TenantID: tenant, CalendarID: c.ID, ResourceID: c.Resource, Starts: b.Starts, Ends: b.Ends}
	}
	return rows
}

// insertEntries stores rows, some at a time so that no statement gets too long.
func insertEntries[T any](ctx context.Context, tx bun.Tx, rows []T) error {
	for some := range slices.Chunk(rows, 2000) {
		if _, err := tx.NewInsert().Model(&some).Exec(ctx); err != nil {
			return fmt.Errorf("store entries: %w", err)
		}
	}
	return nil
}
