// Package registry knows which tenants there are and under which hosts they
// are reached.
//
// A [Service] promises that a host name means one tenant or nobody, and that a
// change is seen everywhere within [Age]. Its table is the one tenant table
// that requests read before they have a tenant, so it is not under row-level
// security. It knows nothing of who works in a tenant.
package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/platform/postgres"
)

// Age is how old an answer may be that is given from memory.
const Age = time.Second

// ErrUnknownTenant is returned by [Service.ByID] and [Service.SetStatus].
var ErrUnknownTenant = fault.New(fault.NotFound, "unknown_tenant")

// Status is where a tenant is in its life.
type Status string

// The statuses. A suspended tenant keeps its office, but takes no bookings from
// the public; a closed one is not reached at all.
const (
	Trial     Status = "trial"
	Active    Status = "active"
	Suspended Status = "suspended"
	Closed    Status = "closed"
)

// Tenant is a practice or business.
type Tenant struct {
	ID     id.Tenant
	Slug   string
	Status Status
}

// Config is what a [Service] needs.
type Config struct {
	DB *postgres.DB
	// Base is the domain below which tenants live, with a port unless it is
	// the scheme's: "localhost:8080".
	Base string
	// Now is the clock by which answers age; time.Now where nil.
	Now func() time.Time
}

// Service finds tenants. Safe for concurrent use.
type Service struct {
	db    *postgres.DB
	base  base
	slugs *memo.Cache[string, *Tenant] // nil where there is none
	ids   *memo.Cache[id.Tenant, Tenant]
	// portal is who is what in the portal.
	portal *memo.Cache[id.Account, []Membership]
}

// NewService returns a Service. It fails on a malformed base.
func NewService(c Config) (*Service, error) {
	if c.DB == nil {
		return nil, errors.New("registry: no database")
	}
	b, err := parseBase(c.Base)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return &Service{
		db: c.DB, base: b,
		slugs: memo.New[string, *Tenant](Age, 20_000, c.Now),
		ids:   memo.New[id.Tenant, Tenant](Age, 20_000, c.Now),

		portal: memo.New[id.Account, []Membership](Age, 20_000, c.Now),
	}, nil
}

// Create registers a tenant as active. It returns [ErrMalformedSlug],
// [ErrReservedSlug] or [ErrSlugTaken].
func (s *Service) Create(ctx context.Context, slug string) (Tenant, error) {
	if err := checkSlug(slug); err != nil {
		return Tenant{}, err
	}
	tenant := Tenant{ID: id.New[id.Tenant](), Slug: slug, Status: Active}
	result, err := s.db.Global().NewRaw(
		`insert into tenant (id, slug, status) values (?, ?, ?) on conflict (slug) do nothing`,
		tenant.ID, tenant.Slug, string(tenant.Status),
	).Exec(ctx)
	if err != nil {
		return Tenant{}, fmt.Errorf("create tenant: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return Tenant{}, fmt.Errorf("create tenant: %w", err)
	} else if n == 0 {
		return Tenant{}, ErrSlugTaken
	}
	s.slugs.Forget(slug)
	return tenant, nil
}

// SetStatus moves a tenant along its life. It returns [ErrUnknownTenant].
func (s *Service) SetStatus(ctx context.Context, tenant id.Tenant, status Status) error {
	var slug string
	err := s.db.Global().NewRaw(
		`update tenant set status = ? where id = ? returning slug`, string(status), tenant,
	).Scan(ctx, &slug)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrUnknownTenant
	}
	if err != nil {
		return fmt.Errorf("set tenant status: %w", err)
	}
	s.slugs.Forget(slug)
	s.ids.Forget(tenant)
	return nil
}

// BySlug finds a tenant, whatever its status. It returns [ErrUnknownHost].
func (s *Service) BySlug(ctx context.Context, slug string) (Tenant, error) {
	if checkSlug(slug) != nil {
		return Tenant{}, ErrUnknownHost
	}
	// That there is none is an answer too, and remembered like one.
	found, err := s.slugs.Get(ctx, slug, func(ctx context.Context) (*Tenant, error) {
		t, err := s.one(ctx, `select id, slug, status from tenant where slug = ?`, slug)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, nil
		}
		return &t, err
	})
	if err != nil {
		return Tenant{}, fmt.Errorf("find tenant: %w", err)
	}
	if found == nil {
		return Tenant{}, ErrUnknownHost
	}
	return *found, nil
}

// ByID finds a tenant, whatever its status, for those who act without a host.
// It returns [ErrUnknownTenant].
func (s *Service) ByID(ctx context.Context, tenant id.Tenant) (Tenant, error) {
	found, err := s.ids.Get(ctx, tenant, func(ctx context.Context) (Tenant, error) {
		return s.one(ctx, `select id, slug, status from tenant where id = ?`, tenant)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Tenant{}, ErrUnknownTenant
	}
	if err != nil {
		return Tenant{}, fmt.Errorf("find tenant: %w", err)
	}
	return found, nil
}

// List returns all tenants in the order of their slugs.
func (s *Service) List(ctx context.Context) ([]Tenant, error) {
	var rows []row
	err := s.db.Global().NewRaw(`select id, slug, status from tenant order by slug`).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	tenants := make([]Tenant, 0, len(rows))
	for _, r := range rows {
		tenants = append(tenants, r.tenant())
	}
	return tenants, nil
}

type row struct {
	ID     id.Tenant
	Slug   string
	Status string
}

func (r row) tenant() Tenant { return Tenant{ID: r.ID, Slug: r.Slug, Status: Status(r.Status)} }

func (s *Service) one(ctx context.Context, query string, arg any) (Tenant, error) {
	var r row
	if err := s.db.Global().NewRaw(query, arg).Scan(ctx, &r); err != nil {
		return Tenant{}, err
	}
	return r.tenant(), nil
}
