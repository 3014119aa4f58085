package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

func insertNote(ctx context.Context, tx bun.IDB, tenant id.Tenant, n int) error {
	_, err := tx.NewRaw(`insert into note (tenant_id, id) values (?, ?)`, tenant, n).Exec(ctx)
	return err
}

func addNotes(t *testing.T, db *postgres.DB, tenant id.Tenant, from, until int) {
	t.Helper()
	err := db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		for n := from; n < until; n++ {
			if err := insertNote(ctx, tx, tenant, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func seen(t *testing.T, db *postgres.DB, tenant id.Tenant) (n int) {
	t.Helper()
	err := db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		return tx.NewRaw(`select count(*) from note`).Scan(ctx, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestATenantSeesItsOwnRowsOnly(t *testing.T) {
	t.Parallel()
	db, _ := open(t, postgres.Config{})
	a, b := newTenant(), newTenant()
	addNotes(t, db, a, 0, 3)
	addNotes(t, db, b, 0, 5)

	if n := seen(t, db, a); n != 3 {
		t.Errorf("a sees %d rows of its 3", n)
	}
	if n := seen(t, db, b); n != 5 {
		t.Errorf("b sees %d rows of its 5", n)
	}
	if n := seen(t, db, newTenant()); n != 0 {
		t.Errorf("a stranger sees %d rows", n)
	}
	// By name, by update and by delete, too.
	err := db.InTenant(t.Context(), a, func(ctx context.Context, tx bun.Tx) error {
		for _, statement := range []string{
			`update note set body = 'mine' where tenant_id = ?`,
			`delete from note where tenant_id = ?`,
		} {
			result, err := tx.NewRaw(statement, b).Exec(ctx)
			if err != nil {
				return err
			}
			if n, _ := result.RowsAffected(); n != 0 {
				t.Errorf("%s reached %d rows of another tenant", statement, n)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAWriteForAnotherTenantIsRefused(t *testing.T) {
	t.Parallel()
	db, urls := open(t, postgres.Config{})
	a, b := newTenant(), newTenant()
	addNotes(t, db, a, 0, 1)

	for name, write := range map[string]func(ctx context.Context, tx bun.Tx) error{
		"Insert": func(ctx context.Context, tx bun.Tx) error { return insertNote(ctx, tx, b, 1) },
		"Move": func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.NewRaw(`update note set tenant_id = ?`, b).Exec(ctx)
			return err
		},
	} {
		err := db.InTenant(t.Context(), a, write)
		if err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: %v, want SQLSTATE 42501", name, err)
		}
		if code := fault.From(err).Code; code != fault.Internal {
			t.Errorf("%s is %s, want internal", name, code)
		}
	}
	if n := count(t, urls); n != 1 {
		t.Errorf("%d rows, want the one", n)
	}
}

func TestWithoutATenantThereAreNoRows(t *testing.T) {
	t.Parallel()
	db, _ := open(t, postgres.Config{MaxConns: 1}) // the connection that a tenant had before
	addNotes(t, db, newTenant(), 0, 3)

	var n int
	if err := db.Global().NewRaw(`select count(*) from note`).Scan(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Errorf("%d rows without a tenant", n)
	}
	if err := insertNote(t.Context(), db.Global(), newTenant(), 1); err == nil {
		t.Error("a write without a tenant went through")
	}
	called := false
	err := db.InTenant(t.Context(), id.Tenant{}, func(context.Context, bun.Tx) error { called = true; return nil })
	if err == nil || called {
		t.Errorf("no tenant: %v, ran %v", err, called)
	}
	if err := db.Batch(t.Context(), id.Tenant{}, func(b *postgres.Batch) { b.Exec(`select 1`) }); err == nil {
		t.Error("a batch ran without a tenant")
	}
}

// A pool of one: whatever a transaction leaves behind, the next one would get.
func TestTheTenantIsForgottenWithTheTransaction(t *testing.T) {
	t.Parallel()
	db, _ := open(t, postgres.Config{MaxConns: 1})
	tenants := []id.Tenant{newTenant(), newTenant(), newTenant()}
	for i, tenant := range tenants {
		addNotes(t, db, tenant, 0, i+1)
	}
	errOwn := errors.New("own")
	random := rand.New(rand.NewPCG(1, 2))
	var canceled, aborted, panicked int
	for round := range 300 {
		i := random.IntN(len(tenants))
		tenant := tenants[i]
		switch way := random.IntN(7); way {
		case 0: // commit
			if n := seen(t, db, tenant); n != i+1 {
				t.Fatalf("round %d: %d rows, want %d", round, n, i+1)
			}
		case 1: // an error of its own
			if err := db.InTenant(t.Context(), tenant, func(context.Context, bun.Tx) error { return errOwn }); !errors.Is(err, errOwn) {
				t.Fatalf("round %d: %v", round, err)
			}
		case 2: // a panic
			func() {
				defer func() {
					if recover() == nil {
						t.Fatalf("round %d: the panic was swallowed", round)
					}
					panicked++
				}()
				_ = db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
					_, _ = tx.ExecContext(ctx, `select 1`)
					panic("on purpose")
				})
			}()
		case 3: // canceled within a statement
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
			err := db.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
				// Short: where the server misses the cancellation, the pool's only
				// connection stays away until the statement ends.
				_, err := tx.ExecContext(ctx, `select pg_sleep(0.3)`)
				return err
			})
			cancel()
			if err == nil {
				t.Fatalf("round %d: a canceled transaction went through", round)
			}
			canceled++
		case 4: // aborted by the server
			err := db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
				return insertNote(ctx, tx, tenant, 0)
			})
			if !postgres.Violates(err, "note_pk") {
				t.Fatalf("round %d: %v", round, err)
			}
			aborted++
		case 5: // aborted by the server, and nobody cared
			err := db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
				_, _ = tx.ExecContext(ctx, `select 1/0`)
				return nil
			})
			if err == nil {
				t.Fatalf("round %d: a failed transaction counted as committed", round)
			}
			aborted++
		case 6: // a batch that fails half way
			err := db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
				b.Exec(`select 1`)
				b.Exec(`select 1/0`)
			})
			if err == nil {
				t.Fatalf("round %d: a failed batch went through", round)
			}
		}
		var left sql.NullString
		var rows int
		if err := db.Global().NewRaw(`select current_setting('siegel.tenant', true), (select count(*) from note)`).Scan(t.Context(), &left, &rows); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if left.String != "" || rows != 0 {
			t.Fatalf("round %d: left tenant %q with %d rows", round, left.String, rows)
		}
	}
	if canceled < 10 || aborted < 10 || panicked < 10 {
		t.Errorf("the rounds were no test: %d canceled, %d aborted, %d panicked", canceled, aborted, panicked)
	}
}

func TestTenantsAtOnceStayApart(t *testing.T) {
	t.Parallel()
	db, _ := open(t, postgres.Config{MaxConns: 4, Wait: time.Minute})
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			tenant := newTenant()
			for round := range 20 {
				want := fmt.Sprint(i, round)
				var got []string
				err := db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
					got = nil
					b.Exec(`insert into note (tenant_id, id, body) values ($1, 1, $2)
						on conflict (tenant_id, id) do update set body = excluded.body`, tenant, want)
					b.Rows(`select body from note`, nil, func(rows pgx.Rows) error {
						var body string
						err := rows.Scan(&body)
						got = append(got, body)
						return err
					})
				})
				if err != nil || len(got) != 1 || got[0] != want {
					t.Errorf("tenant %d round %d: %v %v, want %q", i, round, got, err, want)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestAnErrorRollsBack(t *testing.T) {
	t.Parallel()
	db, urls := open(t, postgres.Config{})
	tenant, own := newTenant(), fault.New(fault.Conflict, "slot_taken")
	err := db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		if err := insertNote(ctx, tx, tenant, 1); err != nil {
			return err
		}
		return own
	})
	if !errors.Is(err, own) {
		t.Errorf("%v, want the caller's own", err)
	}
	if n := count(t, urls); n != 0 {
		t.Errorf("%d rows stayed", n)
	}
}

func TestADeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	db, urls := open(t, postgres.Config{})
	asSuper(t, urls, `insert into town values ('a'), ('b')`, `alter role siegel_server set deadlock_timeout = '50ms'`)
	tenant := newTenant()

	// Both take their first row before either takes its second.
	var meet sync.WaitGroup
	meet.Add(2)
	var mu sync.Mutex
	runs := map[string]int{}
	both := func(first, second string) error {
		var once sync.Once
		return db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
			mu.Lock()
			runs[first]++
			mu.Unlock()
			if _, err := tx.NewRaw(`update town set size = size + 1 where name = ?`, first).Exec(ctx); err != nil {
				return err
			}
			once.Do(func() { meet.Done(); meet.Wait() })
			_, err := tx.NewRaw(`update town set size = size + 1 where name = ?`, second).Exec(ctx)
			return err
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- both("a", "b") }()
	go func() { errs <- both("b", "a") }()
	for range 2 {
		if err := <-errs; err != nil {
			t.Errorf("a victim was not tried again: %v", err)
		}
	}
	if runs["a"]+runs["b"] < 3 {
		t.Errorf("there was no deadlock: %v", runs)
	}
	var sizes []int
	if err := db.Global().NewRaw(`select size from town order by name`).Scan(t.Context(), &sizes); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(sizes) != "[2 2]" {
		t.Errorf("sizes %v, want each counted twice and no attempt counted that was rolled back", sizes)
	}
}

func TestRetriesAreBounded(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sqlstate string
		runs     int
	}{
		"Serialization": {"40001", 4},
		"Deadlock":      {"40P01", 4},
		"AnythingElse":  {"P0001", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _ := open(t, postgres.Config{})
			raise := fmt.Sprintf(`do $$ begin raise exception 'on purpose' using errcode = '%s'; end $$`, tc.sqlstate)
			runs := 0
			err := db.InTenant(t.Context(), newTenant(), func(ctx context.Context, tx bun.Tx) error {
				runs++
				_, err := tx.ExecContext(ctx, raise)
				return err
			})
			if err == nil || runs != tc.runs {
				t.Errorf("transaction: %d runs, want %d (%v)", runs, tc.runs, err)
			}
			runs = 0
			err = db.Batch(t.Context(), newTenant(), func(b *postgres.Batch) {
				runs++
				b.Exec(raise)
			})
			if err == nil || runs != tc.runs {
				t.Errorf("batch: %d runs, want %d (%v)", runs, tc.runs, err)
			}
			runs = 0
			_ = db.Batch(t.Context(), newTenant(), func(b *postgres.Batch) {
				runs++
				b.Rows(`select 1`, nil, func(pgx.Rows) error { return nil })
				b.Exec(raise)
			})
			if runs != 1 {
				t.Errorf("a batch whose rows were read ran %d times", runs)
			}
		})
	}
}
