package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// ErrSettings is returned for settings that cannot be.
var ErrSettings = fault.New(fault.Invalid, "invalid_message_settings")

// Choice is what a practice decides about its messages.
type Choice struct {
	// Name is how the practice calls itself in messages, where not by its name.
	Name string
	// Reminders are how many minutes before an appointment whoever asked for it
	// is reminded: of 7 days, 2 days, 1 day and 2 hours.
	Reminders []int
	// QuietFrom and QuietUntil are minutes of the practice's wall time between
	// which no reminder leaves; equal: none are quiet.
	QuietFrom, QuietUntil int
}

// remindable are the times to choose from, as the database has them.
var remindable = []int{120, 1440, 2880, 10080}

// A practice is quiet at night unless it says otherwise.
const (
	quietFrom  = 21 * 60
	quietUntil = 7 * 60
)

// Settings keep what practices decide about their messages.
type Settings struct {
	db      *postgres.DB
	words   map[string]*vocabulary
	changed func(id.Tenant)
}

// NewSettings keeps them in db. changed hears of a practice that goes by
// another name now; it may be nil.
func NewSettings(db *postgres.DB, changed func(id.Tenant)) (*Settings, error) {
	words, err := readWords()
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	if changed == nil {
		changed = func(id.Tenant) {}
	}
	return &Settings{db, words, changed}, nil
}

// Choice reads what a practice has decided.
func (s *Settings) Choice(ctx context.Context, tenant id.Tenant) (Choice, error) {
	c, _, err := choiceOf(ctx, s.db, tenant)
	return c, err
}

// choiceOf reads what a practice has decided, and by which clock.
func choiceOf(ctx context.Context, db *postgres.DB, tenant id.Tenant) (c Choice, zone *time.Location, err error) {
	var name string
	err = db.Batch(ctx, tenant, func(b *postgres.Batch) {
		c = Choice{QuietFrom: quietFrom, QuietUntil: quietUntil, Reminders: []int{}}
		b.Row(`select message_name, zone from practice where tenant_id = $1`, []any{tenant.UUID()}, &c.Name, &name)
		b.Rows(`select unnest(reminders) from practice where tenant_id = $1 order by 1 desc`, []any{tenant.UUID()}, func(rows pgx.Rows) error {
			var m int
			err := rows.Scan(&m)
			c.Reminders = append(c.Reminders, m)
			return err
		})
		b.Row(`select quiet_from, quiet_until from message_setting where tenant_id = $1`, []any{tenant.UUID()}, &c.QuietFrom, &c.QuietUntil)
	})
	if err == nil {
		zone, err = time.LoadLocation(name)
	}
	if err != nil {
		return Choice{}, nil, fmt.Errorf("read how a practice sends: %w", err)
	}
	return c, zone, nil
}

// Choose stores what a practice decides. It returns [ErrSettings]. What is
// queued already leaves as it was planned.
func (s *Settings) Choose(ctx context.Context, tenant id.Tenant, c Choice) error {
	c.Name = strings.TrimSpace(c.Name)
	slices.Sort(c.Reminders)
	c.Reminders = slices.Compact(append([]int{}, c.Reminders...))
	day := func(m int) bool { return m >= 0 && m < 1440 }
	if c.Name != "" && c.Name != oneLine(c.Name) || len([]rune(c.Name)) > 80 || strings.ContainsFunc(c.Name, unicode.IsControl) ||
		!day(c.QuietFrom) || !day(c.QuietUntil) || slices.ContainsFunc(c.Reminders, func(m int) bool { return !slices.Contains(remindable, m) }) {
		return ErrSettings
	}
	// At least half of the day has to be left to send in.
	if (c.QuietUntil-c.QuietFrom+1440)%1440 > 720 {
		return ErrSettings.Because(errors.New("quiet for most of the day"))
	}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`update practice set message_name = $2, reminders = $3, version = version + 1 where tenant_id = $1`, tenant.UUID(), c.Name, c.Reminders)
		b.Exec(`insert into message_setting (tenant_id, quiet_from, quiet_until) values ($1, $2, $3)
			on conflict (tenant_id) do update set quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until`,
			tenant.UUID(), c.QuietFrom, c.QuietUntil)
	})
	if err != nil {
		return fmt.Errorf("store how a practice sends: %w", err)
	}
	s.changed(tenant)
	return nil
}

// Text is a wording as a practice sees it.
type Text struct {
	Shape    Shape
	Language string
	// Own says that it is the practice's; Default is the product's.
	Own           bool
	Said, Default Wording
}

// Texts are all wordings of a practice, in German first.
func (s *Settings) Texts(ctx context.Context, tenant id.Tenant) ([]Text, error) {
	own := map[string]Wording{}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select kind, language, subject, body from message_template where tenant_id = $1`, []any{tenant.UUID()}, func(rows pgx.Rows) error {
			var kind, language string
			var w Wording
			err := rows.Scan(&kind, &language, &w.Subject, &w.Body)
			own[kind+" "+language] = w
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read a practice's words: %w", err)
	}
	var all []Text
	for _, language := range []string{"de", "en"} {
		for _, shape := range shapes {
			t := Text{Shape: shape, Language: language, Default: s.words[language].wordings[shape.Name]}
			t.Said, t.Own = own[shape.Name+" "+language]
			if !t.Own {
				t.Said = t.Default
			}
			all = append(all, t)
		}
	}
	return all, nil
}

// Say stores a practice's own wording. It returns [ErrPlaceholder],
// [ErrPlaceholderMissing], [ErrTemplate], or [ErrSettings] where there is no
// such message or language.
func (s *Settings) Say(ctx context.Context, tenant id.Tenant, name, language string, w Wording) error {
	words, ok := shape(name)
	if !ok || s.words[language] == nil {
		return ErrSettings
	}
	w, err := words.Check(w)
	if err != nil {
		return err
	}
	err = s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into message_template (tenant_id, kind, language, subject, body) values ($1, $2, $3, $4, $5)
			on conflict (tenant_id, kind, language) do update set subject = excluded.subject, body = excluded.body`,
			tenant.UUID(), name, language, w.Subject, w.Body)
	})
	if err != nil {
		return fmt.Errorf("store a practice's words: %w", err)
	}
	return nil
}

// Unsay goes back to the product's own words.
func (s *Settings) Unsay(ctx context.Context, tenant id.Tenant, name, language string) error {
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`delete from message_template where tenant_id = $1 and kind = $2 and language = $3`, tenant.UUID(), name, language)
	})
	if err != nil {
		return fmt.Errorf("forget a practice's words: %w", err)
	}
	return nil
}

// wording is what a practice says itself, if it does. What cannot be used any
// more is as if it were not there: the patient gets the product's words.
func (s *Settings) wording(ctx context.Context, tenant id.Tenant, words Shape, language string) (w Wording, own bool, err error) {
	if s == nil {
		return w, false, nil
	}
	var row *postgres.Found
	err = s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		row = b.Row(`select subject, body from message_template where tenant_id = $1 and kind = $2 and language = $3`,
			[]any{tenant.UUID(), words.Name, language}, &w.Subject, &w.Body)
	})
	if err != nil || !row.OK {
		return Wording{}, false, err
	}
	if w, err = words.Check(w); err != nil {
		slog.Warn("a practice's own words cannot be used", "tenant", tenant.String(), "message", words.Name, "language", language, "reason", fault.From(err).Reason)
		return Wording{}, false, nil
	}
	return w, true, nil
}

// due is when a reminder leaves that is wanted at an instant, and for how long
// it makes sense: never in the quiet hours, rather before them than after, and
// false where neither is left before the appointment.
func (c Choice) due(wanted, starts, now time.Time, zone *time.Location) (at time.Time, ttl time.Duration, ok bool) {
	at = wanted
	if c.quiet(at, zone) {
		local := at.In(zone)
		from := time.Date(local.Year(), local.Month(), local.Day(), 0, c.QuietFrom, 0, 0, zone)
		if from.After(at) {
			from = time.Date(local.Year(), local.Month(), local.Day()-1, 0, c.QuietFrom, 0, 0, zone)
		}
		if at = from.Add(-reminderTTL / 2); c.quiet(at, zone) {
			at = from.Add(-time.Minute)
		}
	}
	if !at.After(now) {
		return at, 0, false
	}
	ttl = min(reminderTTL, starts.Sub(at))
	for ttl > time.Minute && c.quiet(at.Add(ttl), zone) {
		ttl -= time.Minute
	}
	return at, ttl, true
}

func (c Choice) quiet(at time.Time, zone *time.Location) bool {
	local := at.In(zone)
	minute := local.Hour()*60 + local.Minute()
	switch cmp.Compare(c.QuietFrom, c.QuietUntil) {
	case -1:
		return minute >= c.QuietFrom && minute < c.QuietUntil
	case 1:
		return minute >= c.QuietFrom || minute < c.QuietUntil
	default:
		return false
	}
}
