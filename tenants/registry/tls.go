package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"siegel/platform/access"
	"siegel/platform/id"
)

// HostCertificate is where the certificate of a verified host stands.
type HostCertificate struct {
	Host, Shown string
	Tenant      id.Tenant // zero for a reseller's base
	Slug        string
	// Ends is when it ends, UTC; zero where there is none, or nobody can tell.
	Ends time.Time
	// State is "good", "soon" (within two weeks), "over", "none" or "unknown".
	State string
}

// HostCertificates are those of all verified hosts and bases that the domain
// looks after, those first that end first; what nobody can tell is last.
func (s *Service) HostCertificates(ctx context.Context, domain access.Domain) ([]HostCertificate, error) {
	reseller := ResellerOf(domain)
	var rows []struct {
		Host     string
		TenantID id.Tenant
		Slug     string
	}
	err := s.DB.Global().NewRaw(`
		select h.host, h.tenant_id, t.slug from tenant_host h join tenant t on t.id = h.tenant_id
		where h.verified is not null and t.status <> 'closed' and (?0 or t.reseller_id = ?1)
		union all
		select '*.' || b.base, null, '' from reseller_base b where b.verified is not null and (?0 or b.reseller_id = ?1)
		order by 1`, domain.Kind == access.Platform, reseller).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("list certificates: %w", err)
	}
	now := s.Now().UTC()
	all := make([]HostCertificate, 0, len(rows))
	for _, r := range rows {
		c := HostCertificate{Host: r.Host, Shown: shownHost(r.Host), Tenant: r.TenantID, Slug: r.Slug, State: "unknown"}
		if s.Sources.Certificate != nil {
			switch ends, err := s.Sources.Certificate(ctx, r.Host); {
			case err != nil && ctx.Err() != nil:
				return nil, ctx.Err()
			case err != nil:
			case ends.IsZero():
				c.State = "none"
			case !now.Before(ends):
				c.State, c.Ends = "over", ends.UTC()
			case ends.Sub(now) < soon:
				c.State, c.Ends = "soon", ends.UTC()
			default:
				c.State, c.Ends = "good", ends.UTC()
			}
		}
		all = append(all, c)
	}
	order := []string{"none", "over", "soon", "good", "unknown"}
	slices.SortStableFunc(all, func(a, b HostCertificate) int {
		if a.State != b.State {
			return slices.Index(order, a.State) - slices.Index(order, b.State)
		}
		return a.Ends.Compare(b.Ends)
	})
	return all, nil
}
