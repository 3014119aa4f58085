package booking_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/booking"
	"siegel/tenants/tenanttest"
)

// A thousand bots, each from a network and with a browser of its own, want a
// practitioner's whole day, again and again, and do the work they are asked for.
func TestAThousandBotsCannotEmptyADay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	const bots, slots = 1000, 64
	var held, refused atomic.Int64
	next := make(chan int)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for bot := range next {
				for try := range 2 {
					r := b.request(tenanttest.At(3, 6, (bot*7+try*31)%slots*15))
					_, err := b.Hold(ctx, tenant, r, visitor(bot), once())
					if errors.Is(err, booking.ErrProofRequired) {
						c, cErr := b.Challenge(context.WithoutCancel(ctx), tenant, id.Hold{}, visitor(bot))
						if cErr != nil {
							t.Error(cErr)
							return
						}
						r.Proof = solve(c)
						_, err = b.Hold(ctx, tenant, r, visitor(bot), once())
					}
					switch code := fault.From(err).Code; {
					case err == nil:
						held.Add(1)
					case code == fault.Limited, code == fault.Conflict:
						refused.Add(1)
					default:
						t.Errorf("bot %d: %v", bot, err)
					}
				}
			}
		})
	}
	for bot := range bots {
		next <- bot
	}
	close(next)
	all.Wait()
	// 30 % of 64, rounded up.
	if held.Load() > 20 || held.Load() < 15 || held.Load()+refused.Load() != 2*bots {
		t.Fatalf("%d of %d times are held, %d tries were refused", held.Load(), slots, refused.Load())
	}
	// Somebody honest, who is none of them, books another day, and staff this one.
	b.visitors = bots
	b.hold(t, tenanttest.At(4, 9, 0))
	free := 0
	for n := range slots {
		d := deskBooking(b.deskTime(b.Quarter, tenanttest.At(3, 6, n*15)))
		if _, err := b.BookAtDesk(ctx, tenant, d); err == nil {
			free++
		}
	}
	if free != slots-int(held.Load()) {
		t.Fatalf("staff books %d of %d times that no bot holds", free, slots-held.Load())
	}
}
