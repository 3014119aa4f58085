package provider

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"siegel/platform/access"
	"siegel/platform/id"
)

// Line is one provider of a route, with all its settings.
type Line struct {
	Provider
	Full map[string]any
}

// considered is a provider of a tenant's scopes with what speaks for it.
type considered struct {
	row
	Approved bool
	Stance   string
}

// may says whether the tenant's messages may go there.
func (c considered) may() bool {
	switch c.Stance {
	case "objected":
		return false
	case "agreed":
		return true
	}
	return c.Approved && InEEA(c.Country)
}

// candidates are all providers that could serve the tenant: its own, then its
// reseller's, then the platform's.
const candidates = `
with t as (select id, reseller_id from tenant where id = ?0)
select ` + columns + `,
  exists (select from provider_approval a where a.kind = p.kind and a.plugin = p.plugin
    and a.company = p.company and a.country = p.country and a.effective <= now()
    and (a.scope = 'platform' or (a.scope = 'reseller' and a.scope_id = t.reseller_id))) as approved,
  coalesce((select s.stance from provider_stance s
    where s.tenant_id = t.id and s.kind = p.kind and s.plugin = p.plugin), '') as stance
from t join provider p on p.kind = ?1 and p.enabled and (p.scope = 'platform'
  or (p.scope = 'reseller' and p.scope_id = t.reseller_id) or (p.scope = 'tenant' and p.scope_id = t.id))
order by case p.scope when 'tenant' then 0 when 'reseller' then 1 else 2 end, p.position, p.id`

// Route is who carries a tenant's messages, in the order of failing over: the
// providers of the nearest of tenant, reseller and platform that has one which
// the tenant may use, and of those only such. It is at most [Age] old,
// never older than a change made through s, and empty where there is none.
func (s *Service) Route(ctx context.Context, tenant id.Tenant, kind string) ([]Line, error) {
	return s.routes.Get(ctx, routeKey{tenant, kind}, func(ctx context.Context) ([]Line, error) {
		return s.route(ctx, tenant, kind, id.Provider{})
	})
}

func (s *Service) route(ctx context.Context, tenant id.Tenant, kind string, without id.Provider) ([]Line, error) {
	var rows []considered
	if err := s.DB.Global().NewRaw(candidates, tenant, kind).Scan(ctx, &rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("route: %w", err)
	}
	var lines []Line
	for _, r := range rows {
		if !r.may() || r.ID == without {
			continue
		}
		if len(lines) > 0 && string(lines[0].Scope.Kind) != r.Scope {
			break
		}
		p, err := s.provider(r.row)
		if err != nil {
			return nil, err
		}
		full, err := s.Full(p)
		if err != nil {
			continue // logged; the others still send
		}
		lines = append(lines, Line{p, full})
	}
	return lines, nil
}

// spare returns [ErrNeeded] where a tenant that has objected to a provider
// would be left with none by the loss of p.
func (s *Service) spare(ctx context.Context, p Provider) error {
	var tenants []struct{ ID id.Tenant }
	err := s.DB.Global().NewRaw(`select t.id from tenant t
		where exists (select from provider_stance s where s.tenant_id = t.id and s.kind = ?2 and s.stance = 'objected')
		and `+ofScope, string(p.Scope.Kind), p.Scope.ID, p.Kind).Scan(ctx, &tenants)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("who objected: %w", err)
	}
	for _, tenant := range tenants {
		with, err := s.route(ctx, tenant.ID, p.Kind, id.Provider{})
		if err != nil {
			return err
		}
		if len(with) == 0 {
			continue
		}
		if left, err := s.route(ctx, tenant.ID, p.Kind, p.ID); err != nil {
			return err
		} else if len(left) == 0 {
			return ErrNeeded
		}
	}
	return nil
}

// ofScope picks the tenants t of a scope; its parameters ?0 and ?1 are kind and id.
const ofScope = `case ?0 when 'platform' then true when 'reseller' then t.reseller_id = ?1 else t.id = ?1 end`

// Forget has the next question for a tenant's route answered anew.
func (s *Service) Forget(tenant id.Tenant, kind string) { s.routes.Forget(routeKey{tenant, kind}) }

// Tenants are how many tenants a scope has.
func (s *Service) Tenants(ctx context.Context, scope access.Domain) (n int, err error) {
	err = s.DB.Global().NewRaw(`select count(*) from tenant t where `+ofScope, string(scope.Kind), scope.ID).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("count tenants: %w", err)
	}
	return n, nil
}
