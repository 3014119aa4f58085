package booking

import (
	"context"
	"time"

	"siegel/platform/id"
)

// LookAgain looks once more whether what a token holds can still be booked as
// it was chosen.
func (s *Service) LookAgain(ctx context.Context, tenant id.Tenant, r HoldRequest) error {
	held, _, _, err := s.held(ctx, heldKey(tenant, r.Token))
	if err != nil {
		return err
	}
	chosen, err := s.choose(ctx, tenant, r.Items, time.Unix(held.Made, 0), false)
	if err != nil {
		return err
	}
	return s.lookAgain(ctx, tenant, r, held, chosen)
}

// ALTCHAVerified reads a payload as the library of the protocol would.
var ALTCHAVerified = altchaVerified
