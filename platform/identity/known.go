package identity

import (
	"context"
	"fmt"
)

// Known says whether an address has an account. It is for those who have shown
// that the address is theirs, such as by a link that was sent there: to
// anybody else nothing tells who exists.
func (s *Service) Known(ctx context.Context, email string) (bool, error) {
	canonical, ok := canonicalEmail(email)
	if !ok {
		return false, nil
	}
	var known bool
	if err := s.db.Global().NewRaw(`select exists (select from account where email = ?)`, canonical).Scan(ctx, &known); err != nil {
		return false, fmt.Errorf("look for account: %w", err)
	}
	return known, nil
}
