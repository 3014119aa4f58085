package audit

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// ErrUnknownSetting is returned for a setting that is none of [Address].
var ErrUnknownSetting = fault.New(fault.Invalid, "unknown_setting")

// Config is what a [Service] needs.
type Config struct {
	DB *postgres.DB
	// Secret is the server's, at least 32 bytes. Batches are sealed under a key
	// derived from it; another secret finds all seals broken.
	Secret []byte
	// Now is the clock that dates batches; time.Now where nil.
	Now func() time.Time
}

// Service keeps all trails. Safe for concurrent use.
type Service struct {
	db  *postgres.DB
	key []byte
	now func() time.Time
}

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || len(c.Secret) < 32 {
		return nil, errors.New("audit: incomplete config")
	}
	key, err := hkdf.Key(sha256.New, c.Secret, nil, "siegel|audit|1", 32)
	if err != nil {
		return nil, fmt.Errorf("audit: derive a key: %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{c.DB, key, c.Now}, nil
}

// Record adds an entry in a transaction of its own, for what has been done in
// another one or in none.
func (s *Service) Record(ctx context.Context, e Entry) error {
	if _, err := e.args(); err != nil {
		return err
	}
	if err := s.db.Batch(ctx, e.Tenant, func(b *postgres.Batch) { Record(b, e) }); err != nil {
		return fmt.Errorf("record an act: %w", err)
	}
	return nil
}

// Address is how much of an IP address is kept of who works in a tenant.
type Address string

// What can be kept of an address.
const (
	AddressNone      Address = "none"
	AddressTruncated Address = "truncated"
	AddressFull      Address = "full"
)

// Address is the tenant's setting.
func (s *Service) Address(ctx context.Context, tenant id.Tenant) (Address, error) {
	kept := string(AddressTruncated)
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select address from audit_setting where tenant_id = $1`, []any{tenant}, &kept)
	})
	if err != nil {
		return "", fmt.Errorf("read the trail's setting: %w", err)
	}
	return Address(kept), nil
}

// SetAddress changes the tenant's setting, from the next entry on, and records
// that it did. It returns [ErrUnknownSetting].
func (s *Service) SetAddress(ctx context.Context, tenant id.Tenant, kept Address) error {
	switch kept {
	case AddressNone, AddressTruncated, AddressFull:
	default:
		return ErrUnknownSetting
	}
	e := Now(ctx, tenant, "audit.address", "")
	e.Detail = map[string]string{"kept": string(kept)}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into audit_setting (tenant_id, address) values ($1, $2)
			on conflict (tenant_id) do update set address = excluded.address`, tenant, string(kept))
		Record(b, e)
	})
	if err != nil {
		return fmt.Errorf("change the trail's setting: %w", err)
	}
	return nil
}

// Filter says which entries of a trail are asked for. Zero fields ask for all.
type Filter struct {
	From, To time.Time // half-open
	// Act is one act, or with a dot at its end all of a subject.
	Act    string
	Object string
	Actor  uuid.UUID
	Kind   Kind
	// Before is the last entry of the page before.
	Before Position
	Limit  int // at most 1000; 100 where zero
}

// Position is a place in a trail.
type Position struct {
	At time.Time
	ID uuid.UUID
}

// Recorded is an entry as it is read.
type Recorded struct {
	ID      uuid.UUID
	At      time.Time // UTC
	Actor   Actor
	Name    string // of the person or token, as it is today; empty where there is none any more
	Act     string
	Object  string
	Detail  map[string]string
	Address string
	Batch   int64 // 0: not yet chained
}

// List returns entries, the latest first.
func (s *Service) List(ctx context.Context, tenant id.Tenant, f Filter) ([]Recorded, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	var where strings.Builder
	args := []any{tenant, min(f.Limit, 1000)}
	and := func(condition string, value any) {
		args = append(args, value)
		fmt.Fprintf(&where, " and "+condition, len(args))
	}
	if !f.From.IsZero() {
		and("e.at >= $%d", f.From)
	}
	if !f.To.IsZero() {
		and("e.at < $%d", f.To)
	}
	if subject, all := strings.CutSuffix(f.Act, "."); all {
		and("split_part(e.act, '.', 1) = $%d", subject)
	} else if f.Act != "" {
		and("e.act = $%d", f.Act)
	}
	if f.Object != "" {
		and("e.object = $%d", f.Object)
	}
	if f.Actor != uuid.Nil {
		and("e.actor_id = $%d", f.Actor.String())
	}
	if f.Kind != "" {
		and("e.actor = $%d", string(f.Kind))
	}
	if !f.Before.At.IsZero() {
		args = append(args, f.Before.At, f.Before.ID.String())
		fmt.Fprintf(&where, " and (e.at, e.id) < ($%d::timestamptz, $%d::uuid)", len(args)-1, len(args))
	}
	var found []Recorded
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`
			select e.id::text, e.at, e.actor, e.actor_id::text, coalesce(a.name, k.name, ''), e.act, e.object, e.detail, e.address, coalesce(l.batch, 0)
			from audit_entry e
			left join audit_link l on l.tenant_id = e.tenant_id and l.entry_id = e.id
			left join account a on a.id = e.actor_id
			left join api_token k on k.tenant_id = e.tenant_id and k.id = e.actor_id
			where e.tenant_id = $1`+where.String()+`
			order by e.at desc, e.id desc limit $2`, args, func(rows pgx.Rows) error {
			var r Recorded
			var entry, kind, detail string
			var actor *string
			if err := rows.Scan(&entry, &r.At, &kind, &actor, &r.Name, &r.Act, &r.Object, &detail, &r.Address, &r.Batch); err != nil {
				return err
			}
			r.At, r.Actor.Kind = r.At.UTC(), Kind(kind)
			var err error
			if r.ID, err = uuid.Parse(entry); err != nil {
				return err
			}
			if actor != nil {
				if r.Actor.ID, err = uuid.Parse(*actor); err != nil {
					return err
				}
			}
			if err := json.Unmarshal([]byte(detail), &r.Detail); err != nil {
				return fmt.Errorf("read an act's detail: %w", err)
			}
			found = append(found, r)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the trail: %w", err)
	}
	return found, nil
}

func joined(ids []string) string { return strings.Join(ids, ",") }
