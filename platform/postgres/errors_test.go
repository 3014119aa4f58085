package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"siegel/platform/embedded"
	"siegel/platform/fault"
	"siegel/platform/postgres"
)

const private = "born-1962-in-Bremen"

// Every refusal, through each of the doors. What was to be written must not
// show in any error: it ends up in logs.
func TestARefusalNamesTheRuleAndNotTheRow(t *testing.T) {
	t.Parallel()
	db, urls := open(t, postgres.Config{})
	asSuper(t, urls, `create extension if not exists btree_gist`,
		`alter table note add constraint note_body_once unique (tenant_id, body)`,
		`create table town_day (tenant_id uuid, day int, who text, constraint town_day_alone exclude using gist (tenant_id with =, day with =))`,
		`grant insert on town_day to siegel_server`,
		`alter table note add column born date`)
	tenant := newTenant()
	if err := db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		b.Exec(`insert into note (tenant_id, id, body) values ($1, 1, $2)`, tenant, private)
		b.Exec(`insert into town_day values ($1, 1, $2)`, tenant, private)
	}); err != nil {
		t.Fatal(err)
	}

	for name, tc := range map[string]struct {
		statement  string
		code       fault.Code
		constraint string
		says       string
	}{
		"PrimaryKey": {`insert into note (tenant_id, id) values ('%s', 1)`, fault.Conflict, "note_pk", "23505"},
		"Unique":     {`insert into note (tenant_id, id, body) values ('%s', 2, '` + private + `')`, fault.Conflict, "note_body_once", "23505"},
		"Exclusion":  {`insert into town_day (tenant_id, day, who) values ('%s', 1, '` + private + `')`, fault.Conflict, "town_day_alone", "23P01"},
		"Check":      {`insert into note (tenant_id, id, body) values ('%s', 2, repeat('` + private + `', 9))`, fault.Conflict, "note_length", "23514"},
		"ForeignKey": {`insert into line (tenant_id, id, body) values ('%s', 9, '` + private + `')`, fault.Conflict, "line_of_note", "23503"},
		"NotNull":    {`insert into note (tenant_id, id, body) values ('%s', 2, null)`, fault.Internal, "", "23502"},
		"NoDate":     {`insert into note (tenant_id, id, born) values ('%s', 2, '` + private + `')`, fault.Internal, "", "22007"},
		"NoTable":    {`insert into nowhere values ('%s')`, fault.Internal, "", "42P01"},
		"NoRight":    {`insert into bun_migrations_test (name) values ('%s')`, fault.Internal, "", "42501"},
	} {
		statement := fmt.Sprintf(tc.statement, tenant.UUID())
		for door, run := range map[string]func() error{
			"InTenant": func() error {
				return db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
					_, err := tx.ExecContext(ctx, statement)
					if tc.constraint != "" && tc.constraint != "line_of_note" && !postgres.Violates(err, tc.constraint) {
						t.Errorf("%s: within the transaction: %v", name, err)
					}
					return err
				})
			},
			"Batch": func() error {
				return db.Batch(t.Context(), tenant, func(b *postgres.Batch) { b.Exec(statement) })
			},
		} {
			err := run()
			if err == nil {
				t.Errorf("%s/%s: not refused", name, door)
				continue
			}
			if f := fault.From(err); f.Code != tc.code || tc.constraint != "" && f.Reason != "constraint_violated" {
				t.Errorf("%s/%s: %s %s, want %s", name, door, f.Code, f.Reason, tc.code)
			}
			if tc.constraint != "" && (!postgres.Violates(err, tc.constraint) || postgres.Violates(err, tc.constraint+"_x")) {
				t.Errorf("%s/%s: %v, want constraint %s", name, door, err, tc.constraint)
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s/%s: %v, want %s", name, door, err, tc.says)
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", errors.Unwrap(err))} {
				if strings.Contains(text, private) {
					t.Errorf("%s/%s tells what was to be written: %s", name, door, text)
				}
			}
		}
	}
}

func TestGlobalErrorsAreTranslatedToo(t *testing.T) {
	t.Parallel()
	db, urls := open(t, postgres.Config{})
	asSuper(t, urls, `insert into town values ('a')`)
	if _, err := db.Global().NewRaw(`insert into town (name) values (?)`, "a").Exec(t.Context()); !postgres.Violates(err, "town_pk") {
		t.Errorf("%v, want town_pk", err)
	}
	var name string
	if err := db.Global().NewRaw(`insert into town (name) values (?) returning name`, "a").Scan(t.Context(), &name); !postgres.Violates(err, "town_pk") {
		t.Errorf("returning: %v, want town_pk", err)
	}
	// bun spoils the statement, so that the server refuses it.
	if _, err := db.Global().NewRaw(`insert into town (name) values (?)`, "a\x00b").Exec(t.Context()); err == nil {
		t.Error("a NUL went through")
	}
	if _, err := db.Global().ExecContext(t.Context(), "insert into town (name) values ('a\x00b')"); !errors.Is(err, postgres.ErrMalformedText) {
		t.Errorf("a NUL in the statement: %v", err)
	}
	if err := db.Batch(t.Context(), newTenant(), func(b *postgres.Batch) {
		b.Exec(`insert into town (name) values ($1)`, "a\x00b")
	}); !errors.Is(err, postgres.ErrMalformedText) {
		t.Errorf("a NUL in a batch: %v", err)
	}
}

func TestNoRowIsNotFound(t *testing.T) {
	t.Parallel()
	db, _ := open(t, postgres.Config{})
	err := db.InTenant(t.Context(), newTenant(), func(ctx context.Context, tx bun.Tx) error {
		var body string
		if err := tx.NewRaw(`select body from note`).Scan(ctx, &body); err != nil {
			return fmt.Errorf("read the note: %w", err)
		}
		return nil
	})
	if !errors.Is(err, postgres.ErrNotFound) || !errors.Is(err, sql.ErrNoRows) || fault.From(err).Code != fault.NotFound {
		t.Errorf("%v, want not_found", err)
	}
}

func TestACallerThatHasGoneIsNoFailureOfTheDatabase(t *testing.T) {
	t.Parallel()
	db, _ := open(t, postgres.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	for name, run := range map[string]func() error{
		"InTenant": func() error {
			return db.InTenant(ctx, newTenant(), func(ctx context.Context, tx bun.Tx) error {
				cancel()
				_, err := tx.ExecContext(ctx, `select 1`)
				return err
			})
		},
		"Batch": func() error {
			return db.Batch(ctx, newTenant(), func(b *postgres.Batch) { cancel(); b.Exec(`select 1`) })
		},
		"Global": func() error { cancel(); _, err := db.Global().ExecContext(ctx, `select 1`); return err },
	} {
		if err := run(); !errors.Is(err, context.Canceled) || fault.From(err).Code == fault.Unavailable {
			t.Errorf("%s: %v, want canceled", name, err)
		}
	}
}

// A database of its own, since it is stopped.
func TestADatabaseThatIsGoneIsUnavailableAndComesBack(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "postgres")
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	db := openURL(t, postgres.Config{URL: server.URL(embedded.RoleServer)})
	doors := map[string]func() error{
		"InTenant": func() error {
			return db.InTenant(t.Context(), newTenant(), func(ctx context.Context, tx bun.Tx) error { _, err := tx.ExecContext(ctx, `select 1`); return err })
		},
		"Batch": func() error {
			return db.Batch(t.Context(), newTenant(), func(b *postgres.Batch) { b.Exec(`select 1`) })
		},
		"Global":    func() error { _, err := db.Global().ExecContext(t.Context(), `select 1`); return err },
		"Ping":      func() error { return db.Ping(t.Context()) },
		"CheckRole": func() error { return db.CheckRole(t.Context()) },
	}
	for name, run := range doors {
		if err := run(); err != nil {
			t.Errorf("%s before: %v", name, err)
		}
	}
	cut := db.InTenant(t.Context(), newTenant(), func(ctx context.Context, tx bun.Tx) error {
		if err := server.Stop(); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `select 1`)
		return err
	})
	if !errors.Is(cut, postgres.ErrUnavailable) {
		t.Errorf("cut off within a transaction: %v", cut)
	}
	for name, run := range doors {
		for range 3 {
			if err := run(); !errors.Is(err, postgres.ErrUnavailable) {
				t.Errorf("%s while it is gone: %v", name, err)
			}
		}
	}
	if _, err := postgres.Open(t.Context(), postgres.Config{URL: server.URL(embedded.RoleServer)}); !errors.Is(err, postgres.ErrUnavailable) {
		t.Errorf("opened nothing: %v", err)
	}
	again, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Stop() })
	for name, run := range doors {
		if err := run(); err != nil {
			t.Errorf("%s after: %v", name, err)
		}
	}
}

func TestAUrlIsNotRepeatedInAnError(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	for _, url := range []string{"postgres://siegel:hunter2@" + address + "/siegel", "postgres://siegel:hunter2@host:port/x", "hunter2"} {
		_, err := postgres.Open(t.Context(), postgres.Config{URL: url})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("open: %v", err)
		}
		err = postgres.Migrate(t.Context(), url, postgres.Set{Name: "x"})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("migrate: %v", err)
		}
	}
}
