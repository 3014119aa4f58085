// Package registry knows which tenants there are, where they are in their life,
// under which hosts they are reached, and who looks after them.
//
// A [Service] promises that a host name means one tenant or nobody, and that a
// change is seen everywhere within [Age]: each server holds all names in memory
// and asks once a second which to read again. A tenant only ever goes the legal
// steps of its life, which the database keeps; a closed month never changes;
// and erasing finds every table in the catalogue. Its tables are read before
// there is a tenant, so they are not under row-level security. What it tells a
// reseller or the platform are counts and states, never a patient, never an
// appointment.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
)

// Age is how old an answer may be that is given from memory.
const Age = time.Second

// What callers act on.
var (
	// ErrUnknownTenant is returned for an id that no tenant has, or none that
	// the asker looks after.
	ErrUnknownTenant = fault.New(fault.NotFound, "unknown_tenant")
	// ErrIllegalStep is returned where a tenant's life does not go that way.
	ErrIllegalStep = fault.New(fault.Conflict, "illegal_step")
	// ErrTooManyTenants is returned where a reseller has as many as it may.
	ErrTooManyTenants = fault.New(fault.Conflict, "too_many_tenants")
	// ErrMalformed is returned for what cannot be meant.
	ErrMalformed = fault.New(fault.Invalid, "malformed_tenant")
)

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
	// Reseller looks after the tenant; zero is the platform itself.
	Reseller id.Reseller
	// Plan is the price list's name for what it pays for; empty is none yet.
	Plan string
	// TrialEnds and NoticeEnds are when the public can no longer book, UTC;
	// zero is never.
	TrialEnds, NoticeEnds time.Time
	// EraseAfter is when everything is erased; zero is never.
	EraseAfter time.Time
	// SetUp is false while a reseller has yet to hand the tenant over.
	SetUp bool
	// Home is the host name, without a port, that patients are sent to where it
	// is another than the slug's: a domain of the practice's or the reseller's.
	Home string
}

// Paused says why the public cannot book the tenant: "suspended",
// "trial_ended", "notice_over" or "closed"; empty where the tenant's life does
// not stand against it.
func (t Tenant) Paused(now time.Time) string {
	switch {
	case t.Status == Closed:
		return "closed"
	case t.Status == Suspended:
		return "suspended"
	case t.Status == Trial && !t.TrialEnds.IsZero() && !now.Before(t.TrialEnds):
		return "trial_ended"
	case !t.NoticeEnds.IsZero() && !now.Before(t.NoticeEnds):
		return "notice_over"
	case t.Status == Active, t.Status == Trial:
		return ""
	default:
		return "closed"
	}
}

// Config is what a [Service] needs. Every field but the first two may be left
// zero.
type Config struct {
	DB *postgres.DB
	// Base is the domain below which tenants live, with a port unless it is
	// the scheme's: "localhost:8080".
	Base string
	// Scheme is https where empty.
	Scheme string
	// Now is the clock by which answers age and trials and months end; time.Now
	// where nil.
	Now func() time.Time
	// Redis is where erasing looks for what it holds of a tenant.
	Redis *redisdb.Client
	// Resolver asks for the challenges of host names; the system's where nil.
	Resolver *net.Resolver
	// HTTP fetches challenges; one that reaches public addresses only where nil.
	HTTP *http.Client
	// Sources are where states come from that others know.
	Sources Sources
	// Platform is the brand of the platform itself, which letters name.
	Platform Brand
	// Wake says that messages wait.
	Wake func()
}

// Sources tell what the registry does not know itself. One that is nil, or
// fails, makes its answer unknown: never fine, and never nothing.
type Sources struct {
	// Agreement says whether the newest agreement is accepted.
	Agreement func(ctx context.Context, tenant id.Tenant) (bool, error)
	// Certificate is when the certificate of a host of the tenant's own ends.
	Certificate func(ctx context.Context, host string) (time.Time, error)
	// Funds says whether the account that pays the tenant's text messages is low.
	Funds func(ctx context.Context, tenant id.Tenant) (low bool, err error)
	// Spent is what the tenant's text messages were in a span of time: parts, and
	// their cost in millionths of the currency.
	Spent func(ctx context.Context, tenant id.Tenant, from, until time.Time) (parts int, micros int64, err error)
}

// Service keeps the registry. Safe for concurrent use.
type Service struct {
	Config
	base  base
	names names
	// portal is who is what in the portal.
	portal *memo.Cache[id.Account, []Membership]
	states *memo.Cache[id.Tenant, State]
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
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Scheme == "" {
		c.Scheme = "https"
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.HTTP == nil {
		c.HTTP = publicHTTP()
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	s := &Service{
		Config: c, base: b,
		portal: memo.New[id.Account, []Membership](Age, 20_000, c.Now),
		states: memo.New[id.Tenant, State](stateAge, 20_000, c.Now),
	}
	s.names.init(c.DB, c.Now, b)
	return s, nil
}

// BySlug finds a tenant by the slug that it has now, whatever its status. It
// returns [ErrUnknownHost].
func (s *Service) BySlug(ctx context.Context, slug string) (Tenant, error) {
	if checkSlug(slug) != nil {
		return Tenant{}, ErrUnknownHost
	}
	t, err := s.names.slug(ctx, slug)
	if err != nil {
		return Tenant{}, fmt.Errorf("find tenant: %w", err)
	}
	if t == nil || t.Slug != slug {
		return Tenant{}, ErrUnknownHost
	}
	return *t, nil
}

// ByID finds a tenant, whatever its status, for those who act without a host.
// It returns [ErrUnknownTenant].
func (s *Service) ByID(ctx context.Context, tenant id.Tenant) (Tenant, error) {
	t, err := s.names.id(ctx, tenant)
	if err != nil {
		return Tenant{}, fmt.Errorf("find tenant: %w", err)
	}
	if t == nil {
		return Tenant{}, ErrUnknownTenant
	}
	return *t, nil
}

// List returns all tenants in the order of their slugs.
func (s *Service) List(ctx context.Context) ([]Tenant, error) {
	all, err := s.names.all(ctx, func(Tenant) bool { return true })
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return all, nil
}
