package registry

import (
	"context"
	"fmt"

	"siegel/platform/access"
	"siegel/platform/id"
)

// Keeper is somebody of the operator or the reseller, who undertakes to keep
// the secrets of a tenant's customers.
type Keeper struct {
	Account id.Account
	Role    access.Role
	Of      string // the reseller's name; empty for the platform
}

// Keepers are the people of the platform and of the tenant's reseller.
func (s *Service) Keepers(ctx context.Context, tenant id.Tenant) ([]Keeper, error) {
	var rows []struct {
		Account id.Account
		Role    string
		Of      string
	}
	err := s.DB.Global().NewRaw(`
		select m.account_id as account, m.role, r.name as of
		from tenant t join reseller r on r.id = t.reseller_id join reseller_member m on m.reseller_id = r.id
		where t.id = ?
		union all
		select account_id, role, '' from platform_member
		order by 3, 1`, tenant).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list keepers: %w", err)
	}
	keepers := make([]Keeper, 0, len(rows))
	for _, r := range rows {
		keepers = append(keepers, Keeper{Account: r.Account, Role: access.Role("r:" + r.Role), Of: r.Of})
	}
	return keepers, nil
}
