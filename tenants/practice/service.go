package practice

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/platform/postgres"
	"siegel/tenants/schedule"
)

// Config is what a [Service] needs.
type Config struct {
	DB *postgres.DB
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Kept is how many practices' offers stay in memory, some 20 KiB each; zero
	// is 1,000. Raise it where more practices are busy at the same time.
	Kept int
}

// Service reads and changes what practices offer.
type Service struct {
	db  *postgres.DB
	now func() time.Time

	kept  *recent                            // last known offers, checked against the version before use
	fresh *memo.Cache[id.Tenant, *Offer]     // those checked less than a second ago
	loads *memo.Cache[tenantVersion, *Offer] // so that a wave after an edit loads once
	zones sync.Map                           // IANA name -> *time.Location; parsing one costs 20 µs

	changes sync.Map // tenant -> *atomic.Uint64, see Changed
}

type tenantVersion struct {
	tenant  id.Tenant
	version int64
}

// freshness is how far behind an offer may be.
const freshness = time.Second

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil {
		return nil, errors.New("practice: no database")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Kept <= 0 {
		c.Kept = 1000
	}
	return &Service{
		db:    c.DB,
		now:   c.Now,
		kept:  newRecent(c.Kept),
		fresh: memo.New[id.Tenant, *Offer](freshness, c.Kept, c.Now),
		loads: memo.New[tenantVersion, *Offer](freshness, 64, c.Now),
	}, nil
}

// Offer returns what the tenant offers, at most a second behind. It returns
// [ErrUnknownPractice] where nothing was set up.
func (s *Service) Offer(ctx context.Context, tenant id.Tenant) (*Offer, error) {
	return s.fresh.Get(ctx, tenant, func(ctx context.Context) (*Offer, error) {
		if kept := s.known(tenant); kept != nil {
			version, err := s.version(ctx, tenant)
			if err != nil {
				return nil, err
			}
			if version == kept.Version {
				return kept, nil
			}
		}
		return s.load(ctx, tenant)
	})
}

// known returns the offer in memory, which may be old; nil where there is none
// that reaches far enough into the calendar.
func (s *Service) known(tenant id.Tenant) *Offer {
	if kept := s.kept.get(tenant); kept != nil && kept.lasts(schedule.DateOf(s.now().UTC())) {
		return kept
	}
	return nil
}

// Refresh returns what the tenant offers for a caller that has just read
// practice.version: from memory where that is the version known, else anew
// (and then perhaps newer still).
func (s *Service) Refresh(ctx context.Context, tenant id.Tenant, version int64) (*Offer, error) {
	if kept := s.known(tenant); kept != nil && kept.Version == version {
		return kept, nil
	}
	return s.loads.Get(ctx, tenantVersion{tenant, version}, func(ctx context.Context) (*Offer, error) {
		return s.load(ctx, tenant)
	})
}

// Change edits what the tenant offers. edit runs in a transaction that has
// locked every resource of the tenant in the order of their ids, as a booking
// does, and has raised the version: no booking that was checked against the
// old rules can commit after it. edit may run again where the database asks
// for a retry.
func (s *Service) Change(ctx context.Context, tenant id.Tenant, edit func(ctx context.Context, tx bun.Tx) error) error {
	err := s.db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx,
			"select id from resource where tenant_id = ? order by id for update", tenant); err != nil {
			return fmt.Errorf("lock resources: %w", err)
		}
		result, err := tx.ExecContext(ctx, "update practice set version = version + 1 where tenant_id = ?", tenant)
		if err != nil {
			return fmt.Errorf("raise version: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil {
			return fmt.Errorf("raise version: %w", err)
		} else if n == 0 {
			return ErrUnknownPractice
		}
		return edit(ctx, tx)
	})
	s.fresh.Forget(tenant)
	s.Changed(tenant)
	if err != nil {
		return fmt.Errorf("change practice: %w", err)
	}
	return nil
}

// Changed says that what is free at the tenant has changed in this process: what
// was computed before and kept is not to be shown any more. Edits of the offer
// say it themselves.
func (s *Service) Changed(tenant id.Tenant) { s.counter(tenant).Add(1) }

// Changes counts what [Service.Changed] was told. An answer that is kept under
// the count from before it was asked for is found no more after a change.
func (s *Service) Changes(tenant id.Tenant) uint64 { return s.counter(tenant).Load() }

func (s *Service) counter(tenant id.Tenant) *atomic.Uint64 {
	if known, ok := s.changes.Load(tenant); ok {
		return known.(*atomic.Uint64)
	}
	kept, _ := s.changes.LoadOrStore(tenant, new(atomic.Uint64))
	return kept.(*atomic.Uint64)
}

// zone returns the zone of an IANA name.
func (s *Service) zone(name string) (*time.Location, error) {
	if known, ok := s.zones.Load(name); ok {
		return known.(*time.Location), nil
	}
	zone, err := loadZone(name)
	if err != nil {
		return nil, err
	}
	kept, _ := s.zones.LoadOrStore(name, zone)
	return kept.(*time.Location), nil
}
