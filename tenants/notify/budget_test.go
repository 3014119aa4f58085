package notify_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	platform "siegel/platform/postgres/schema"
	"siegel/tenants/notify"
	tenants "siegel/tenants/schema"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m, postgres.Set{Name: "platform", FS: platform.FS}, postgres.Set{Name: "tenants", FS: tenants.FS}))
}

// take takes one in a transaction of its own.
func take(ctx context.Context, db *postgres.DB, b notify.Budget, tenant id.Tenant) error {
	return b.BudgetError(db.Batch(ctx, tenant, func(batch *postgres.Batch) { b.AppendBudget(batch, tenant, id.New[id.Message](), id.New[id.Booking]()) }))
}

func taken(t *testing.T, db *postgres.DB, scope string) (n int) {
	t.Helper()
	if err := db.Global().NewRaw(`select coalesce(sum(taken), 0) from message_budget
		where scope = ? and channel = 'sms'`, scope).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBudgetIsNeverExceededHoweverManyAskAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		budget     notify.Budget
		tenants    int
		want, each int
	}{
		"OfATenant": {notify.Budget{PerTenant: 7, InAll: 1000}, 1, 7, 7},
		"InAll":     {notify.Budget{PerTenant: 1000, InAll: 11}, 5, 11, 1000},
		"Both":      {notify.Budget{PerTenant: 4, InAll: 9}, 3, 9, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testdb.Open(t)
			tenants := make([]id.Tenant, c.tenants)
			for i := range tenants {
				tenants[i] = id.New[id.Tenant]()
			}
			var granted atomic.Int64
			var all sync.WaitGroup
			for i := range 60 {
				all.Go(func() {
					switch err := take(t.Context(), db, c.budget, tenants[i%c.tenants]); {
					case err == nil:
						granted.Add(1)
					case !errors.Is(err, notify.ErrBudget):
						t.Errorf("got %v", err)
					}
				})
			}
			all.Wait()
			if granted.Load() != int64(c.want) || taken(t, db, "") != c.want {
				t.Errorf("%d granted, %d counted, want %d", granted.Load(), taken(t, db, ""), c.want)
			}
			sum := 0
			for _, tenant := range tenants {
				n := taken(t, db, tenant.UUID())
				sum += n
				if n > c.each {
					t.Errorf("a tenant took %d", n)
				}
			}
			// What the common budget refused, the tenant's has not counted.
			if sum != c.want {
				t.Errorf("tenants took %d, want %d", sum, c.want)
			}
		})
	}
}

func TestRolledBackMessageCostsNothing(t *testing.T) {
	t.Parallel()
	db, tenant := testdb.Open(t), id.New[id.Tenant]()
	err := db.Batch(t.Context(), tenant, func(batch *postgres.Batch) {
		notify.Budget{}.AppendBudget(batch, tenant, id.New[id.Message](), id.New[id.Booking]())
		batch.Exec(`insert into message_budget (scope, channel, day, taken, ceiling) values ('refused', 'sms', '2026-01-01', 2, 1)`)
	})
	if !postgres.Violates(err, "message_budget_kept") || taken(t, db, "") != 0 || taken(t, db, tenant.UUID()) != 0 {
		t.Errorf("%v, %d taken", err, taken(t, db, ""))
	}
}

func TestSpentBudgetFailsTheWholeBatch(t *testing.T) {
	t.Parallel()
	db, tenant, b := testdb.Open(t), id.New[id.Tenant](), notify.Budget{PerTenant: -1}
	err := b.BudgetError(db.Batch(t.Context(), tenant, func(batch *postgres.Batch) {
		batch.Exec(`insert into message_budget (scope, channel, day, taken, ceiling) values ('beside', 'sms', (now() at time zone 'utc')::date, 1, 1)`)
		b.AppendBudget(batch, tenant, id.New[id.Message](), id.New[id.Booking]())
	}))
	if f := fault.From(err); f.Code != fault.Limited || f.Reason != "message_budget_spent" {
		t.Errorf("got %v", err)
	}
	if n := taken(t, db, "beside"); n != 0 {
		t.Errorf("%d written beside", n)
	}
}

func TestCeilingFollowsTheConfiguration(t *testing.T) {
	t.Parallel()
	db, tenant := testdb.Open(t), id.New[id.Tenant]()
	for i, c := range []struct {
		ceiling int
		spent   bool
	}{{2, false}, {2, false}, {2, true}, {3, false}, {1, true}} {
		if err := take(t.Context(), db, notify.Budget{PerTenant: c.ceiling}, tenant); errors.Is(err, notify.ErrBudget) != c.spent {
			t.Errorf("step %d: %v", i, err)
		}
	}
}

func TestYesterdaysMessagesDoNotCount(t *testing.T) {
	t.Parallel()
	db, tenant := testdb.Open(t), id.New[id.Tenant]()
	if _, err := db.Global().NewRaw(`insert into message_budget (scope, channel, day, taken, ceiling)
		values (?, 'sms', (now() at time zone 'utc')::date - 1, 1, 1)`, tenant.UUID()).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := take(t.Context(), db, notify.Budget{PerTenant: 1}, tenant); err != nil {
		t.Error(err)
	}
}

func TestOtherErrorsStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	other := errors.New("other")
	if err := (notify.Budget{}).BudgetError(other); err != other {
		t.Errorf("got %v", err)
	}
	if err := (notify.Budget{}).BudgetError(nil); err != nil {
		t.Errorf("got %v", err)
	}
}
