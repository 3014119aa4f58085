package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

func TestABatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	tenant := newTenant()
	for name, fail := range map[string]func(b *postgres.Batch){
		"ByTheServer": func(b *postgres.Batch) { b.Exec(`select 1/0`) },
		"ByAValue":    func(b *postgres.Batch) { b.Exec(`select $1::int`, "no number") },
		"ByTheCodec":  func(b *postgres.Batch) { b.Exec(`select $1`, func() {}) },
		"ByARule":     func(b *postgres.Batch) { b.Exec(`insert into note (tenant_id, id) values ($1, 1)`, tenant) },
		"AtTheCommit": func(b *postgres.Batch) { b.Exec(`insert into line (tenant_id, id) values ($1, 99)`, tenant) },
		"OtherTenant": func(b *postgres.Batch) { b.Exec(`insert into note (tenant_id, id) values ($1, 1)`, newTenant()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, urls := open(t, postgres.Config{})
			err := db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
				b.Exec(`insert into note (tenant_id, id) values ($1, 1)`, tenant)
				fail(b)
				b.Exec(`insert into note (tenant_id, id) values ($1, 2)`, tenant)
			})
			if err == nil {
				t.Error("the batch went through")
			}
			if n := count(t, urls); n != 0 {
				t.Errorf("%d rows stayed", n)
			}
		})
	}
}

// The answer comes when the transaction is over.
func TestAReaderCannotRefuseABatch(t *testing.T) {
	t.Parallel()
	errOwn := errors.New("own")
	for name, read := range map[string]func(b *postgres.Batch){
		"Rows": func(b *postgres.Batch) { b.Rows(`select 1`, nil, func(pgx.Rows) error { return errOwn }) },
		"Row":  func(b *postgres.Batch) { var n int; b.Row(`select 'no number'::text`, nil, &n) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, urls := open(t, postgres.Config{MaxConns: 1})
			tenant := newTenant()
			err := db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
				read(b)
				b.Exec(`insert into note (tenant_id, id) values ($1, 1)`, tenant)
			})
			if err == nil || name == "Rows" && !errors.Is(err, errOwn) {
				t.Errorf("%v, want the reader's error", err)
			}
			if n := count(t, urls); n != 1 {
				t.Errorf("%d rows, want the one that was committed", n)
			}
			if n := seen(t, db, tenant); n != 1 {
				t.Errorf("the connection was left in disorder: %d rows", n)
			}
		})
	}
}

func TestABatchReads(t *testing.T) {
	t.Parallel()
	db, _ := open(t, postgres.Config{})
	tenant := newTenant()
	addNotes(t, db, tenant, 1, 4)
	addNotes(t, db, newTenant(), 1, 9)

	var (
		first       int
		owner       id.Tenant
		when        time.Time
		blob        []byte
		texts       []string
		untouched   = 7
		sum, halfOf int
		one, none   *postgres.Found
	)
	now := time.Now().Truncate(time.Microsecond)
	err := db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		one = b.Row(`select id, tenant_id, $2::timestamptz, $3::bytea, $4::text[] from note where tenant_id = $1 and id = 2`,
			[]any{tenant.UUID(), now, []byte{0, 1, 255}, []string{"a", "ü;'"}}, &first, &owner, &when, &blob, &texts)
		none = b.Row(`select id from note where tenant_id = $1 and id = $2`, []any{tenant, 99}, &untouched)
		b.Exec(`update note set id = id + 10 where tenant_id = $1`, tenant)
		b.Rows(`select id from note order by id`, nil, func(rows pgx.Rows) error {
			var n int
			err := rows.Scan(&n)
			sum += n
			return err
		})
		b.Row(`select count(*) / 2 from note`, nil, &halfOf)
	})
	if err != nil {
		t.Fatal(err)
	}
	if !one.OK || first != 2 || owner != tenant || !when.Equal(now) || string(blob) != "\x00\x01\xff" || len(texts) != 2 || texts[1] != "ü;'" {
		t.Errorf("one row: %v %d %v %v %v %v", one.OK, first, owner, when, blob, texts)
	}
	if none.OK || untouched != 7 {
		t.Errorf("no row: %v %d", none.OK, untouched)
	}
	if sum != 11+12+13 || halfOf != 1 {
		t.Errorf("later statements see %d and %d, want what earlier ones wrote", sum, halfOf)
	}
}

func TestABatchWaitsForAConnectionInVain(t *testing.T) {
	t.Parallel()
	db, _ := open(t, postgres.Config{MaxConns: 1, Wait: 50 * time.Millisecond})
	conn, err := db.Global().Conn(t.Context()) // the only one
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for name, run := range map[string]func() error{
		"Batch": func() error {
			return db.Batch(t.Context(), newTenant(), func(b *postgres.Batch) { b.Exec(`select 1`) })
		},
		"Global": func() error { _, err := db.Global().ExecContext(t.Context(), `select 1`); return err },
		"Ping":   func() error { return db.Ping(t.Context()) },
	} {
		start := time.Now()
		err := run()
		if f := fault.From(err); f.Code != fault.Unavailable || f.Reason != "database_unavailable" || f.RetryAfter <= 0 {
			t.Errorf("%s: %v, want database_unavailable with a time to come back", name, err)
		}
		if waited := time.Since(start); waited > 5*time.Second {
			t.Errorf("%s waited %s", name, waited)
		}
	}
}
