package postgres_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/platform/postgres"
)

// One connection, handed from tenant to tenant ten thousand times, whatever
// happened to whoever had it before: panics, cancellations, aborted
// transactions, errors, settings made by hand. Nobody ever sees another's row.
func TestOneConnectionNeverShowsAForeignRow(t *testing.T) {
	t.Parallel()
	db, urls := open(t, postgres.Config{MaxConns: 1})
	tenants := []id.Tenant{newTenant(), newTenant(), newTenant()}
	conn := superuser(t, urls)
	for _, tenant := range tenants {
		for n := range 3 {
			if _, err := conn.Exec(t.Context(), `insert into note (tenant_id, id, body) values ($1, $2, $3)`, tenant.UUID(), n, tenant.UUID()); err != nil {
				t.Fatal(err)
			}
		}
	}
	rounds := 10_000
	if testing.Short() {
		rounds = 500
	}
	look := func(tenant id.Tenant, bodies []string) {
		t.Helper()
		if len(bodies) != 3 {
			t.Fatalf("%d rows of three", len(bodies))
		}
		for _, b := range bodies {
			if b != tenant.UUID() {
				t.Fatalf("%s sees a row of %s", tenant, b)
			}
		}
	}
	failed := errors.New("failed")
	r := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		tenant := tenants[r.IntN(len(tenants))]
		ctx, cancel := context.WithCancel(t.Context())
		how := r.IntN(9)
		if how == 2 && round%8 != 0 {
			how = 0 // a connection that was cut has to be made anew, which takes long
		}
		switch how {
		case 0: // a batch that reads
			var bodies []string
			err := db.Batch(ctx, tenant, func(b *postgres.Batch) {
				bodies = nil
				b.Rows(`select body from note`, nil, func(rows pgx.Rows) error {
					var body string
					err := rows.Scan(&body)
					bodies = append(bodies, body)
					return err
				})
			})
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			look(tenant, bodies)
		case 1: // a batch that fails
			_ = db.Batch(ctx, tenant, func(b *postgres.Batch) { b.Exec(`update note set body = body`); b.Exec(`select 1 / 0`) })
		case 2: // cancelled before or while it runs
			go func() {
				time.Sleep(time.Duration(round%3) * 100 * time.Microsecond)
				cancel()
			}()
			_ = db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.ExecContext(ctx, `select pg_sleep(0.0005)`)
				return err
			})
		case 3: // a panic
			func() {
				defer func() { _ = recover() }()
				_ = db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
					_, _ = tx.ExecContext(ctx, `update note set body = body`)
					panic(failed)
				})
			}()
		case 4: // an aborted transaction, whose end is an error
			_ = db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
				_, _ = tx.ExecContext(ctx, `select 1 / 0`)
				return nil
			})
		case 5: // rolled back
			_ = db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
				_, _ = tx.ExecContext(ctx, `delete from note`)
				return failed
			})
		case 6: // nobody's: no rows, and no writes
			var n int
			if err := db.Global().NewRaw(`select count(*) from note`).Scan(ctx, &n); err != nil || n != 0 {
				t.Fatalf("round %d: nobody sees %d rows (%v)", round, n, err)
			}
			if _, err := db.Global().NewRaw(`insert into note (tenant_id, id) values (?, 99)`, tenant).Exec(ctx); err == nil {
				t.Fatalf("round %d: nobody writes", round)
			}
		default:
			var bodies []string
			if err := db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
				bodies = nil
				return tx.NewRaw(`select body from note`).Scan(ctx, &bodies)
			}); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			look(tenant, bodies)
		}
		cancel()
	}
}
