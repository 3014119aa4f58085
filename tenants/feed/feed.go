// Package feed shows calendar programs when a practitioner is busy.
//
// It promises that an address of [Service.Make] leads to the times of one
// practitioner and to nothing else: no name, no service, no place; that it is
// known to whoever was shown it once, since only a hash of it is kept; and that
// one that was taken back or renewed cannot be told from one that never was.
// Events keep their ids when they are moved. Names are for the practice's own
// connector, which opens them there.
package feed

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/ics"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
)

// What callers act on.
var (
	ErrUnknown             = fault.New(fault.NotFound, "unknown_feed")
	ErrUnknownPractitioner = fault.New(fault.NotFound, "unknown_practitioner")
)

const (
	// Refresh is how often a calendar program should look again.
	Refresh = 15 * time.Minute

	tokenSize = 32
	past      = 14 * 24 * time.Hour
	ahead     = 366 * 24 * time.Hour
	most      = 20_000
)

// busy is all that an event says.
var busy = map[string]string{"de": "Belegt", "en": "Busy"}

// Feed is that a practitioner's times can be seen.
type Feed struct {
	Practitioner id.Practitioner
	Created      time.Time // UTC
}

// Config is what a [Service] needs.
type Config struct {
	DB *postgres.DB
	// Base is the base domain; event ids end in it.
	Base string
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Service keeps the feeds of all tenants. Safe for concurrent use.
type Service struct{ Config }

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || c.Base == "" {
		return nil, errors.New("feed: incomplete config")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{c}, nil
}

// List returns a tenant's feeds.
func (s *Service) List(ctx context.Context, tenant id.Tenant) ([]Feed, error) {
	var all []Feed
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select practitioner_id, created from calendar_feed where tenant_id = $1 order by created, practitioner_id`, []any{tenant}, func(rows pgx.Rows) error {
			var f Feed
			err := rows.Scan(&f.Practitioner, &f.Created)
			f.Created = f.Created.UTC()
			all = append(all, f)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list feeds: %w", err)
	}
	return all, nil
}

// Make opens a practitioner's feed, or gives the one there is another address:
// the former one leads nowhere from then on. It returns the secret of the
// address, which nobody can read again, or [ErrUnknownPractitioner].
func (s *Service) Make(ctx context.Context, tenant id.Tenant, practitioner id.Practitioner, by id.Account) (token string, made Feed, err error) {
	secret := make([]byte, tokenSize)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the process first
	token = base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(token))
	var found *postgres.Found
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`
			insert into calendar_feed (tenant_id, practitioner_id, hash, creator)
			select tenant_id, id, $3::bytea, $4::uuid from practitioner where tenant_id = $1 and id = $2
			on conflict (tenant_id, practitioner_id) do update set hash = excluded.hash, creator = excluded.creator, created = now()
			returning created`, []any{tenant, practitioner, hash[:], by}, &made.Created)
		audit.RecordEach(b, audit.Now(ctx, tenant, "feed.make", ""), `select 'prc_' || practitioner_id from calendar_feed where tenant_id = $9 and practitioner_id = $10`, tenant, practitioner)
	})
	if err != nil {
		return "", Feed{}, fmt.Errorf("make a feed: %w", err)
	}
	if !found.OK {
		return "", Feed{}, ErrUnknownPractitioner
	}
	made.Practitioner, made.Created = practitioner, made.Created.UTC()
	return token, made, nil
}

// Revoke ends a practitioner's feed. It returns [ErrUnknown].
func (s *Service) Revoke(ctx context.Context, tenant id.Tenant, practitioner id.Practitioner) error {
	var found *postgres.Found
	var had id.Practitioner
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select practitioner_id from calendar_feed where tenant_id = $1 and practitioner_id = $2`, []any{tenant, practitioner}, &had)
		audit.RecordEach(b, audit.Now(ctx, tenant, "feed.revoke", ""), `delete from calendar_feed where tenant_id = $9 and practitioner_id = $10 returning 'prc_' || practitioner_id`, tenant, practitioner)
	})
	if err != nil {
		return fmt.Errorf("revoke a feed: %w", err)
	}
	if !found.OK {
		return ErrUnknown
	}
	return nil
}

// Calendar is what an address leads to: an iCalendar object with RFC 7986's
// refresh interval that stays the same, octet by octet, until something in it
// changes. It returns [ErrUnknown].
func (s *Service) Calendar(ctx context.Context, tenant id.Tenant, token string) (string, error) {
	hash := sha256.Sum256([]byte(token))
	today := s.Now().UTC().Truncate(24 * time.Hour)
	var language string
	var found *postgres.Found
	var events []ics.Event
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		events = nil
		found = b.Row(`select coalesce((select language from account where id = f.creator), 'de') from calendar_feed f where tenant_id = $1 and hash = $2`, []any{tenant, hash[:]}, &language)
		b.Rows(`
			select a.booking_id, a.sequence, a.created, a.starts, a.ends, l.zone
			from calendar_feed f
			join appointment a on a.tenant_id = f.tenant_id and a.practitioner_id = f.practitioner_id
			join location l on l.tenant_id = a.tenant_id and l.id = a.location_id
			where f.tenant_id = $1 and f.hash = $2 and a.status in ('pending', 'booked', 'arrived', 'checked-in', 'fulfilled')
			  and a.starts >= $3 and a.starts < $4
			order by a.starts, a.id limit $5`, []any{tenant, hash[:], today.Add(-past), today.Add(ahead), most}, func(rows pgx.Rows) error {
			var e ics.Event
			var booking id.Booking
			var zone string
			if err := rows.Scan(&booking, &e.Sequence, &e.Stamp, &e.Starts, &e.Ends, &zone); err != nil {
				return err
			}
			e.UID = ics.UID(booking.UUID(), s.Base)
			var err error
			if e.Zone, err = time.LoadLocation(zone); err != nil {
				e.Zone = nil // said in UTC, which is the same instant
			}
			events = append(events, e)
			return nil
		})
	})
	if err != nil {
		return "", fmt.Errorf("read a feed: %w", err)
	}
	if !found.OK {
		return "", ErrUnknown
	}
	if busy[language] == "" {
		language = "de"
	}
	for i := range events {
		events[i].Summary = busy[language]
	}
	return ics.Feed(busy[language], Refresh, events...)
}
