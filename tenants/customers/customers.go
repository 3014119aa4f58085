// Package customers keeps a practice's customer records, and for other trades
// than medical ones documents with them. It sees only ciphertext.
//
// A [Service] promises that no write is lost between two desks: a record is
// replaced only by its next version, and whoever comes second is told and given
// what is stored now. A desk that has read up to a cursor misses nothing by
// asking for what came later, deletions among it. What a record says, whether
// it is sealed at all and to whom it belongs, a Service cannot tell; it knows
// how many there are, when each changed, and how long each is in steps of
// [Step].
package customers

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// What callers act on.
var (
	// ErrChanged is returned where a record is not what whoever writes has
	// seen; see [Outcome.Current].
	ErrChanged = fault.New(fault.Conflict, "customer_changed")
	// ErrMalformed is returned for a record that no client of ours makes.
	ErrMalformed = fault.New(fault.Invalid, "malformed_customer")
	// ErrImportOff is returned where a medical practice has not switched on
	// that many records may be brought in at once.
	ErrImportOff = fault.New(fault.Forbidden, "import_off")
)

const (
	nonceSize = 12
	tagSize   = 16
	// Step is what the length of a record's plaintext is rounded up to.
	Step = 1 << 10
	// maxSteps is how long a record may be.
	maxSteps = 32
	// MaxTogether is how many records go in one request.
	MaxTogether = 200
	// MaxPage is how many records come in one answer.
	MaxPage = 1000
	// tombstoneDays is how long it is remembered that a record was deleted:
	// longer than any desk stays signed in.
	tombstoneDays = 90
)

// Record is one version of a customer record.
type Record struct {
	ID id.Customer
	// Version counts from 1; what is written must be the next one.
	Version int
	Epoch   int // of the book key; 0 once deleted
	// Ciphertext is nonce (12 bytes), padded plaintext (a multiple of [Step])
	// and tag (16 bytes); nil once deleted.
	Ciphertext []byte
}

// Gone says that the record was deleted.
func (r Record) Gone() bool { return r.Ciphertext == nil }

// check returns [ErrMalformed] for a record that no client of ours makes.
func (r Record) check() error {
	if r.ID.IsZero() || r.Version < 1 || r.Version > math.MaxInt32 {
		return ErrMalformed
	}
	padded := len(r.Ciphertext) - nonceSize - tagSize
	switch {
	case r.Gone() && r.Epoch == 0 && r.Version > 1:
		return nil
	case r.Epoch < 1, r.Epoch > math.MaxInt32, padded < Step, padded%Step != 0, padded > maxSteps*Step:
		return ErrMalformed
	}
	return nil
}

// Config is what a [Service] needs.
type Config struct {
	DB *postgres.DB
	// Medical says whether professional law for health care binds a tenant:
	// then records come in one by one, from bookings, unless its owner decided
	// otherwise.
	Medical func(context.Context, id.Tenant) (bool, error)
	// Quota is how many octets of documents a tenant may have; [FileQuota] where
	// zero.
	Quota int64
}

// Service keeps the records of all tenants. Safe for concurrent use.
type Service struct {
	Config
}

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || c.Medical == nil {
		return nil, errors.New("customers: incomplete config")
	}
	if c.Quota == 0 {
		c.Quota = FileQuota
	}
	return &Service{c}, nil
}

// Page is a part of a tenant's records, in the order in which they were changed.
type Page struct {
	Records []Record
	// Cursor is what to ask for next; the one that was asked for, where there
	// is nothing new.
	Cursor int64
	// Total is how many there are, those before the cursor among them and those
	// deleted not.
	Total int
	// More says that there is more behind Cursor.
	More bool
}

// After returns what has changed behind a cursor, which is 0 for all: at most
// limit records, 1 to [MaxPage].
func (s *Service) After(ctx context.Context, tenant id.Tenant, cursor int64, limit int) (Page, error) {
	limit = min(max(limit, 1), MaxPage)
	page := Page{Cursor: cursor}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select count(*) from customer where tenant_id = $1 and ciphertext is not null`, []any{tenant}, &page.Total)
		// Whoever stores takes the counter's row first and holds it until the
		// commit: a lower number never appears behind a higher one.
		b.Rows(`select id, version, epoch, ciphertext, changed from customer
			where tenant_id = $1 and changed > $2 order by changed limit $3`,
			[]any{tenant, cursor, limit + 1}, func(rows pgx.Rows) error {
				var r Record
				var changed int64
				if err := rows.Scan(&r.ID, &r.Version, &r.Epoch, &r.Ciphertext, &changed); err != nil {
					return err
				}
				if len(page.Records) == limit {
					page.More = true
					return nil
				}
				page.Records, page.Cursor = append(page.Records, r), changed
				return nil
			})
	})
	if err != nil {
		return Page{}, fmt.Errorf("read customers: %w", err)
	}
	return page, nil
}

// Outcome is what became of records that were to be stored.
type Outcome struct {
	// Current are the records of which another version is stored than the one
	// before the given; they were left alone. A record that exists already with
	// the given version is among them: the caller knows whether it is its own.
	// One that is not there, or not any more, is gone and of version 0.
	Current []Record
}

// Store replaces records by their next versions, or adds them with their first;
// one without ciphertext is deleted. All that can be stored are, and the rest
// is in the outcome. It returns [ErrMalformed] for more than [MaxTogether],
// for none, or for one that is given twice; and [ErrImportOff].
func (s *Service) Store(ctx context.Context, tenant id.Tenant, records []Record) (Outcome, error) {
	if len(records) == 0 || len(records) > MaxTogether {
		return Outcome{}, ErrMalformed
	}
	ids, versions, epochs, texts := make([]string, len(records)), make([]int32, len(records)), make([]int32, len(records)), make([][]byte, len(records))
	seen, added := map[id.Customer]bool{}, 0
	for i, r := range records {
		if err := r.check(); err != nil {
			return Outcome{}, err
		}
		if seen[r.ID] {
			return Outcome{}, ErrMalformed
		}
		seen[r.ID] = true
		if r.Version == 1 {
			added++
		}
		ids[i], versions[i], epochs[i], texts[i] = r.ID.UUID(), int32(r.Version), int32(r.Epoch), r.Ciphertext
	}
	if added > 1 {
		setting, err := s.Setting(ctx, tenant)
		if err != nil {
			return Outcome{}, err
		}
		if setting.Medical && !setting.Import {
			return Outcome{}, ErrImportOff
		}
	}
	var out Outcome
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		// One number for each record, so that a page may end between any two.
		b.Exec(`insert into change_counter (tenant_id, counter) values ($1, $2)
			on conflict (tenant_id) do update set counter = change_counter.counter + excluded.counter`, tenant, len(records))
		b.Rows(`
			with given as (
			  select g.*, k.counter - $6::bigint + g.n as changed
			  from unnest($2::uuid[], $3::integer[], $4::integer[], $5::bytea[]) with ordinality as g (id, version, epoch, ciphertext, n),
			       (select counter from change_counter where tenant_id = $1) k
			), replaced as (
			  update customer c set version = g.version, epoch = g.epoch, ciphertext = g.ciphertext, changed = g.changed, stored = now()
			  from given g
			  where c.tenant_id = $1 and c.id = g.id and g.version > 1 and c.version = g.version - 1 and c.ciphertext is not null
			  returning c.id
			), added as (
			  insert into customer (tenant_id, id, version, epoch, ciphertext, changed)
			  select $1, g.id, g.version, g.epoch, g.ciphertext, g.changed from given g where g.version = 1
			  on conflict (tenant_id, id) do nothing
			  returning id
			)
			select g.id, coalesce(c.version, 0), coalesce(c.epoch, 0), c.ciphertext
			from given g left join customer c on c.tenant_id = $1 and c.id = g.id
			where not exists (select from replaced r where r.id = g.id) and not exists (select from added a where a.id = g.id)
			order by g.n`,
			[]any{tenant, ids, versions, epochs, texts, len(records)}, func(rows pgx.Rows) error {
				var r Record
				if err := rows.Scan(&r.ID, &r.Version, &r.Epoch, &r.Ciphertext); err != nil {
					return err
				}
				out.Current = append(out.Current, r)
				return nil
			})
		b.Exec(`delete from customer where tenant_id = $1 and ciphertext is null and stored < now() - make_interval(days => $2)`, tenant, tombstoneDays)
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("store customers: %w", err)
	}
	return out, nil
}

// Setting is what binds a tenant's records.
type Setting struct {
	Medical bool
	// Import says that many records may be brought in at once. Whether one has
	// to be told so depends on Medical.
	Import bool
}

// Setting returns the tenant's.
func (s *Service) Setting(ctx context.Context, tenant id.Tenant) (Setting, error) {
	medical, err := s.Medical(ctx, tenant)
	if err != nil {
		return Setting{}, fmt.Errorf("read the trade: %w", err)
	}
	found := Setting{Medical: medical, Import: !medical}
	if !medical {
		return found, nil
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select import from customer_setting where tenant_id = $1`, []any{tenant}, &found.Import)
	})
	if err != nil {
		return Setting{}, fmt.Errorf("read the setting of customers: %w", err)
	}
	return found, nil
}

// SetImport decides whether many records may be brought in at once.
func (s *Service) SetImport(ctx context.Context, tenant id.Tenant, on bool) error {
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into customer_setting (tenant_id, import) values ($1, $2)
			on conflict (tenant_id) do update set import = excluded.import`, tenant, on)
	})
	if err != nil {
		return fmt.Errorf("store the setting of customers: %w", err)
	}
	return nil
}
