// Package help carries word between those who use the product and those who
// look after it: problems that people report, and what offices are told.
//
// It promises that a report is exactly what the person was shown before sending,
// and that [Status] costs nothing however often somebody asks.
package help

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
)

// What callers act on.
var (
	ErrMalformedReport       = fault.New(fault.Invalid, "malformed_report")
	ErrMalformedAnnouncement = fault.New(fault.Invalid, "malformed_announcement")
	ErrUnknown               = fault.New(fault.NotFound, "not_found")
)

// Kept is for how long a report is kept.
const Kept = 90 * 24 * time.Hour

// reportMail is the kind of letter about a report, mailTTL for how long one is
// worth sending.
const (
	reportMail = "report_mail"
	mailTTL    = 24 * time.Hour
)

// Origin is where somebody reported a problem.
type Origin string

// The origins.
const (
	Patient Origin = "patient"
	Office  Origin = "office"
)

// Report is what somebody reported.
type Report struct {
	ID       uuid.UUID
	Tenant   id.Tenant
	Reseller id.Reseller // who looks after the tenant; zero: the platform
	Origin   Origin
	Page     string // which page, in a word
	Version  string
	Browser  string // name and version of browser and system
	Text     string // the person's own words, at most 2000 characters
	Requests []string
	Created  time.Time // UTC
}

// Announcement is what offices are told.
type Announcement struct {
	ID              uuid.UUID
	Reseller        id.Reseller // whose offices; zero: all
	Level           string      // info, warning
	German, English string      // at most 600 characters each
	Public          bool        // also for everybody, on the page about the service
	Starts, Ends    time.Time   // UTC, half-open
}

// Config is what a [Service] needs.
type Config struct {
	DB *postgres.DB
	// Wake says that messages wait; nil says it to nobody.
	Wake func()
}

// Service keeps both. Safe for concurrent use.
type Service struct {
	db   *postgres.DB
	wake func()
}

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil {
		return nil, errors.New("help: no database")
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	return &Service{c.DB, c.Wake}, nil
}

var (
	word    = regexp.MustCompile(`^[a-z0-9/_.-]{1,80}$`)
	request = regexp.MustCompile(`^[A-Za-z0-9_-]{8,24}$`)
)

func plain(s string, least, most int) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= least && n <= most &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

// Add stores a report and deletes those that are too old. Where tell is set, a
// mail to those who look after the tenant waits with it. It returns
// [ErrMalformedReport].
func (s *Service) Add(ctx context.Context, r Report, tell bool) error {
	r.Text = strings.TrimSpace(r.Text)
	if !word.MatchString(r.Page) || !plain(r.Version, 0, 40) || !plain(r.Browser, 0, 80) || !plain(r.Text, 1, 2000) || len(r.Requests) > 10 ||
		r.Origin != Patient && r.Origin != Office {
		return ErrMalformedReport
	}
	for _, q := range r.Requests {
		if !request.MatchString(q) {
			return ErrMalformedReport
		}
	}
	r.ID = uuid.Must(uuid.NewV7())
	err := s.db.Batch(ctx, r.Tenant, func(b *postgres.Batch) {
		b.Exec(`delete from problem_report where created < now() - make_interval(secs => $1)`, Kept.Seconds())
		b.Exec(`
			insert into problem_report (id, tenant_id, reseller_id, origin, page, version, browser, text, requests)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			r.ID.String(), r.Tenant, r.Reseller, string(r.Origin), r.Page, r.Version, r.Browser, r.Text, strings.Join(r.Requests, " "))
		if tell {
			jobs.Add(b, jobs.Message{Tenant: r.Tenant, Kind: reportMail, Ref: r.ID.String(), TTL: mailTTL})
		}
	})
	if err != nil {
		return fmt.Errorf("store a report: %w", err)
	}
	if tell {
		s.wake()
	}
	return nil
}

type reportRow struct {
	ID                                   uuid.UUID
	Tenant                               id.Tenant   `bun:"tenant_id"`
	Reseller                             id.Reseller `bun:"reseller_id"`
	Origin, Page, Version, Browser, Text string
	Requests                             string
	Created                              time.Time
}

const reportColumns = `id, tenant_id, reseller_id, origin, page, version, browser, text, requests, created`

func (r reportRow) report() Report {
	return Report{r.ID, r.Tenant, r.Reseller, Origin(r.Origin), r.Page, r.Version, r.Browser, r.Text, strings.Fields(r.Requests), r.Created.UTC()}
}

// Report reads a report by what a message names it. It returns [ErrUnknown],
// also where it has been settled.
func (s *Service) Report(ctx context.Context, ref string) (Report, error) {
	report, err := uuid.Parse(ref)
	if err != nil {
		return Report{}, ErrUnknown
	}
	var r reportRow
	err = s.db.Global().NewRaw(`select `+reportColumns+` from problem_report where id = ?`, report.String()).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return Report{}, ErrUnknown
	}
	if err != nil {
		return Report{}, fmt.Errorf("read a report: %w", err)
	}
	return r.report(), nil
}

// Reports returns what tenants of a reseller reported, the latest first; zero
// asks for those that the platform itself looks after.
func (s *Service) Reports(ctx context.Context, reseller id.Reseller) ([]Report, error) {
	var rows []reportRow
	err := s.db.Global().NewRaw(`select `+reportColumns+` from problem_report
		where reseller_id is not distinct from ? order by created desc, id limit 500`, reseller).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read reports: %w", err)
	}
	reports := make([]Report, len(rows))
	for i, r := range rows {
		reports[i] = r.report()
	}
	return reports, nil
}

// Settle deletes a report of a reseller's tenant. It returns [ErrUnknown].
func (s *Service) Settle(ctx context.Context, reseller id.Reseller, report uuid.UUID) error {
	return s.one(ctx, `delete from problem_report where id = ? and reseller_id is not distinct from ?`, report.String(), reseller)
}

func (s *Service) one(ctx context.Context, query string, args ...any) error {
	done, err := s.db.Global().NewRaw(query, args...).Exec(ctx)
	if err != nil {
		return fmt.Errorf("help: %w", err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrUnknown, err)
	}
	return nil
}

// Current returns what an office of a reseller (zero: of none) is told now.
func (s *Service) Current(ctx context.Context, reseller id.Reseller) ([]Announcement, error) {
	return s.announcements(ctx, `starts <= now() and ends > now() and (reseller_id is null or reseller_id = ?)`, reseller)
}

// Public returns what everybody is told now on the hosts of a reseller's tenants
// (zero: of the platform's).
func (s *Service) Public(ctx context.Context, reseller id.Reseller) ([]Announcement, error) {
	return s.announcements(ctx, `public and starts <= now() and ends > now() and (reseller_id is null or reseller_id = ?)`, reseller)
}

// Announcements returns what a reseller (zero: the platform) tells its offices,
// now or later.
func (s *Service) Announcements(ctx context.Context, reseller id.Reseller) ([]Announcement, error) {
	return s.announcements(ctx, `ends > now() and reseller_id is not distinct from ?`, reseller)
}

func (s *Service) announcements(ctx context.Context, where string, reseller id.Reseller) ([]Announcement, error) {
	var rows []struct {
		ID                     uuid.UUID
		Reseller               id.Reseller `bun:"reseller_id"`
		Level, German, English string
		Public                 bool
		Starts, Ends           time.Time
	}
	err := s.db.Global().NewRaw(`select id, reseller_id, level, german, english, public, starts, ends from announcement where `+where+` order by starts desc, id`, reseller).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read announcements: %w", err)
	}
	all := make([]Announcement, len(rows))
	for i, r := range rows {
		all[i] = Announcement{r.ID, r.Reseller, r.Level, r.German, r.English, r.Public, r.Starts.UTC(), r.Ends.UTC()}
	}
	return all, nil
}

// Announce tells a reseller's offices (zero: all) something, or changes what was
// announced under the same id. It returns [ErrMalformedAnnouncement] or
// [ErrUnknown] for another's.
func (s *Service) Announce(ctx context.Context, a Announcement) error {
	if !plain(a.German, 1, 600) || !plain(a.English, 1, 600) || !a.Starts.Before(a.Ends) || a.Level != "info" && a.Level != "warning" || a.ID == uuid.Nil {
		return ErrMalformedAnnouncement
	}
	return s.one(ctx, `
		insert into announcement as x (id, reseller_id, level, german, english, public, starts, ends) values (?, ?, ?, ?, ?, ?, ?, ?)
		on conflict (id) do update set level = excluded.level, german = excluded.german, english = excluded.english, public = excluded.public, starts = excluded.starts, ends = excluded.ends
		where x.reseller_id is not distinct from excluded.reseller_id`,
		a.ID.String(), a.Reseller, a.Level, a.German, a.English, a.Public, a.Starts, a.Ends)
}

// Withdraw ends an announcement. It returns [ErrUnknown].
func (s *Service) Withdraw(ctx context.Context, reseller id.Reseller, announcement uuid.UUID) error {
	return s.one(ctx, `delete from announcement where id = ? and reseller_id is not distinct from ?`, announcement.String(), reseller)
}
