package postgres_test

import (
	"testing"

	"siegel/platform/postgres"
)

// Behind a pooler a connection's prepared statements may be gone at any time.
func TestABatchOutlivesItsPreparedStatements(t *testing.T) {
	t.Parallel()
	db, urls := open(t, postgres.Config{MaxConns: 1})
	tenant := newTenant()
	for _, again := range []string{"Prepared", "Lost", "Whole"} {
		err := db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
			b.Exec(`insert into note (tenant_id, id) select $1::uuid, count(*) + 1 from note`, tenant)
			if again == "Prepared" {
				b.Exec(`deallocate all`)
			}
		})
		if err != nil {
			t.Errorf("%s: %v", again, err)
		}
	}
	if n := count(t, urls); n != 3 {
		t.Errorf("%d batches count, want 3", n)
	}
}

// A migration may change what a statement answers while servers run.
func TestABatchOutlivesAMigration(t *testing.T) {
	t.Parallel()
	db, urls := open(t, postgres.Config{MaxConns: 1})
	for _, sql := range []string{"", `alter table note add column added text not null default 'x'`} {
		if sql != "" {
			asSuper(t, urls, sql)
		}
		err := db.Batch(t.Context(), newTenant(), func(b *postgres.Batch) {
			b.Exec(`select * from note`)
		})
		if err != nil {
			t.Errorf("after %q: %v", sql, err)
		}
	}
}

// Where nothing is prepared the server has not said what it expects, and what
// is sent has to be understood all the same.
func TestABatchThatIsNotPreparedTakesTheSameArguments(t *testing.T) {
	t.Parallel()
	_, urls := open(t, postgres.Config{})
	db, err := postgres.Open(t.Context(), postgres.Config{URL: urls.Server + "&default_query_exec_mode=exec", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tenant := newTenant()
	var same, both bool
	if err := db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		b.Row(`select $1::uuid = $2::uuid`, []any{tenant.Bytes(), tenant.UUID()}, &same)
		b.Row(`select array[1, 2]::bigint[] = $1::bigint[] and array[$2::uuid] = $3::uuid[]`, []any{[]int64{1, 2}, tenant, []string{tenant.UUID()}}, &both)
	}); err != nil || !same || !both {
		t.Errorf("%v, %v, %v", same, both, err)
	}
}

// Only a pooler costs the preparation: the server itself is not taken for one.
func TestABatchIsPreparedWhereTheServerItselfAnswers(t *testing.T) {
	t.Parallel()
	db, _ := open(t, postgres.Config{MaxConns: 1})
	kept := 0
	for range 2 {
		if err := db.Batch(t.Context(), newTenant(), func(b *postgres.Batch) {
			b.Row(`select count(*) from pg_prepared_statements`, nil, &kept)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if kept == 0 {
		t.Error("the connection keeps no statement")
	}
}
