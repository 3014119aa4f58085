package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"siegel/platform/access"
	"siegel/platform/id"
)

// Membership is what somebody is in the portal.
type Membership struct {
	Kind     access.Kind // access.Platform or access.Reseller
	Reseller id.Reseller // zero for the platform
	Name     string      // the reseller's; empty for the platform
	Role     access.Role
}

// Memberships are all that the account is in the portal: the platform first,
// then resellers by name. Nobody knows who works in a tenant here. The answer
// is at most [Age] old.
func (s *Service) Memberships(ctx context.Context, account id.Account) ([]Membership, error) {
	return s.portal.Get(ctx, account, func(ctx context.Context) ([]Membership, error) {
		var rows []struct {
			Reseller id.Reseller
			Name     string
			Role     string
		}
		err := s.db.Global().NewRaw(`
			select null::uuid as reseller, '' as name, role from platform_member where account_id = ?0
			union all
			select r.id, r.name, m.role from reseller_member m join reseller r on r.id = m.reseller_id where m.account_id = ?0
			order by 1 nulls first, 2`, account).Scan(ctx, &rows)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("read memberships: %w", err)
		}
		members := make([]Membership, 0, len(rows))
		for _, r := range rows {
			m := Membership{Kind: access.Reseller, Reseller: r.Reseller, Name: r.Name, Role: access.Role("r:" + r.Role)}
			if r.Reseller.IsZero() {
				m.Kind = access.Platform
			}
			members = append(members, m)
		}
		return members, nil
	})
}
