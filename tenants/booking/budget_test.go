package booking_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/booking"
	"siegel/tenants/notify"
	"siegel/tenants/tenanttest"
)

// The budget of text messages is the database's: a Redis that forgets
// everything gives nobody a message more, and takes none away.
func TestTheBudgetIsExactThoughRedisForgets(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	s, err := booking.NewService(booking.Config{
		DB: f.DB, Redis: f.Redis, Practice: f.Practice, Keyring: f.Keyring, Budget: notify.Budget{PerTenant: 5}, Base: "localhost:8080",
		PatientURL: func(context.Context, id.Tenant) (string, error) { return "http://praxis.localhost:8080", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Fixture: f, Service: s}
	tenant := b.Tenant.ID
	var granted, refused atomic.Int64
	// crowd has so many patients ask for a code at once, and Redis forget
	// everything in their midst if so wanted.
	crowd := func(from, count int, forget bool) {
		t.Helper()
		var asked []booking.BookRequest
		for n := from; n < from+count; n++ {
			r, h := b.hold(t, tenanttest.At(3+n, 9, 0))
			form := b.Seal(t, h.Items[0].Booking)
			c, err := b.Challenge(t.Context(), tenant, h.ID, visitor(n))
			if err != nil {
				t.Fatal(err)
			}
			asked = append(asked, booking.BookRequest{
				Token: r.Token, Forms: []booking.Form{{Envelope: form.Envelope, Copy: form.Copy}}, Channel: booking.SMS,
				Address: fmt.Sprintf("0151 234567%02d", n), SecretHash: form.SecretHash[:], Language: "de", Proof: solve(c),
			})
		}
		var all sync.WaitGroup
		for i, q := range asked {
			all.Go(func() {
				if forget && i == count/2 {
					if err := f.Redis.Raw().FlushDB(t.Context()).Err(); err != nil {
						t.Error(err)
					}
				}
				switch _, err := b.Book(t.Context(), tenant, q, once()); {
				case err == nil:
					granted.Add(1)
				case errors.Is(err, notify.ErrBudget):
					refused.Add(1)
				case forget && (errors.Is(err, booking.ErrHoldExpired) || errors.Is(err, booking.ErrMismatch)):
				default:
					t.Errorf("booking: %v", err)
				}
			})
		}
		all.Wait()
	}
	kept := func() (taken, queued int) {
		t.Helper()
		if err := f.DB.Batch(t.Context(), tenant, func(b *postgres.Batch) {
			b.Row(`select coalesce(sum(taken), 0) from message_budget where scope = $1 and channel = 'sms'`, []any{tenant.UUID()}, &taken)
			b.Row(`select count(*) from outbox where kind = 'confirm_sms'`, nil, &queued)
		}); err != nil {
			t.Fatal(err)
		}
		return taken, queued
	}
	crowd(0, 4, true)
	if taken, queued := kept(); taken != queued || int64(taken) < granted.Load() || taken > 4 {
		t.Errorf("%d taken, %d queued, %d granted", taken, queued, granted.Load())
	}
	if err := f.Redis.Raw().FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	crowd(4, 8, false)
	if taken, queued := kept(); taken != 5 || queued != 5 || refused.Load() == 0 {
		t.Errorf("%d taken, %d queued of a budget of 5; %d refused", taken, queued, refused.Load())
	}
	if err := f.Redis.Raw().FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	crowd(12, 2, false)
	if taken, queued := kept(); taken != 5 || queued != 5 {
		t.Errorf("after it forgot again: %d taken, %d queued", taken, queued)
	}
}
