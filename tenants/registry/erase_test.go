package registry_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/redisdb"
	"siegel/tenants/registry"
	"siegel/tenants/tenanttest"
)

// plant writes one row for the tenant into every table that names tenants,
// whatever its columns are, and returns the tables. A table that a later
// migration adds is among them without anybody thinking of it.
func plant(t *testing.T, conn *pgx.Conn, tenants ...id.Tenant) []string {
	t.Helper()
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	// What columns may hold is not the question here.
	exec(`do $$ declare r record; begin
		for r in select conrelid::regclass as rel, conname from pg_constraint c join tenant_relations() x on x.relation = c.conrelid where contype in ('c', 'f', 'x') loop
			execute format('alter table %s drop constraint if exists %I cascade', r.rel, r.conname);
		end loop; end $$`)
	exec(`set session_replication_role = replica`)
	rows, err := conn.Query(t.Context(), `
		select x.name, x.col, string_agg(quote_ident(a.attname), ', ' order by a.attnum),
		  string_agg(case
		    when a.attname = x.col then '$1::uuid' || case when x.is_text then '::text' else '' end
		    when t.typcategory = 'A' then quote_literal('{}') || '::' || format_type(a.atttypid, a.atttypmod)
		    when a.atttypid = 'uuid'::regtype then 'gen_random_uuid()'
		    when a.atttypid in ('timestamptz'::regtype, 'date'::regtype) then 'now()'
		    when a.atttypid = 'bool'::regtype then 'false'
		    when a.atttypid = 'bytea'::regtype then 'decode(md5($1::text), ''hex'')'
		    when a.atttypid in ('jsonb'::regtype, 'json'::regtype) then quote_literal('{}')
		    when t.typcategory = 'N' then '1'
		    when t.typcategory = 'R' then quote_literal('empty')
		    when t.typcategory = 'T' then quote_literal('1 hour')
		    when t.typcategory = 'S' then 'md5($1::text)'
		    else quote_literal('x') end, ', ' order by a.attnum)
		from tenant_relations() x
		join pg_attribute a on a.attrelid = x.relation and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity <> 'a'
		join pg_type t on t.oid = a.atttypid
		group by x.name, x.col, x.is_text order by x.name`)
	if err != nil {
		t.Fatal(err)
	}
	type table struct{ name, col, columns, values string }
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c table, err error) {
		return c, row.Scan(&c.name, &c.col, &c.columns, &c.values)
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range tables {
		for _, tenant := range tenants {
			exec(fmt.Sprintf(`insert into %q (%s) values (%s) on conflict do nothing`, c.name, c.columns, c.values), tenant.UUID())
		}
		names = append(names, c.name)
	}
	exec(`set session_replication_role = origin`)
	return names
}

func TestErase_ForgetsNoTable(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	kept, _ := f.Plant(t, "kept")
	conn, err := pgx.Connect(t.Context(), f.URLs.Super)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	s, err := registry.NewService(registry.Config{DB: f.DB, Base: "localhost:8080", Redis: f.Redis})
	if err != nil {
		t.Fatal(err)
	}
	gone := f.Tenant
	tables := plant(t, conn, gone.ID, kept.ID)

	// Every table with row-level security is a tenant's, and so is among them.
	rows, err := conn.Query(t.Context(), `select relname::text from pg_class where relkind in ('r', 'p') and relrowsecurity and not relispartition`)
	if err != nil {
		t.Fatal(err)
	}
	walled, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(walled) < 20 {
		t.Fatalf("%d tables, %v", len(walled), err)
	}
	for _, name := range walled {
		if !slices.Contains(tables, name) {
			t.Errorf("%s is a tenant's and would be forgotten", name)
		}
	}
	for _, key := range []string{redisdb.TenantKey(gone.ID, "a"), redisdb.TenantKey(gone.ID, "hold", "b"), redisdb.TenantKey(kept.ID, "a")} {
		if err := f.Redis.Raw().Set(t.Context(), key, "1", time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
	}

	if _, err := s.Erase(t.Context(), gone.ID, ""); !errors.Is(err, registry.ErrNotClosedTenant) {
		t.Fatalf("erased while it lived: %v", err)
	}
	if err := s.Close(t.Context(), gone.ID, "Vertrag beendet"); err != nil {
		t.Fatal(err)
	}
	before := count(t, conn, tables, kept.ID)
	certificate, err := s.Erase(t.Context(), gone.ID, "Vertrag beendet")
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range count(t, conn, tables, gone.ID) {
		if n > 0 {
			t.Errorf("%s still has %d rows", name, n)
		}
	}
	for name, n := range count(t, conn, tables, kept.ID) {
		if n != before[name] || n == 0 {
			t.Errorf("of another tenant %s has %d rows, had %d", name, n, before[name])
		}
		if certificate.Tables[name] == 0 {
			t.Errorf("the certificate says that %s had nothing", name)
		}
	}
	if certificate.RedisKeys != 2 || f.Redis.Raw().Exists(t.Context(), redisdb.TenantKey(kept.ID, "a")).Val() != 1 {
		t.Errorf("redis: %d keys", certificate.RedisKeys)
	}
	// Nothing anywhere names it but what has to outlive it.
	for _, name := range everyTable(t, conn) {
		if slices.Contains([]string{"deletion_certificate", "registry_change", "month_count"}, name) {
			continue
		}
		var n int
		if err := conn.QueryRow(t.Context(), fmt.Sprintf(`select count(*) from %q x where x::text like '%%' || $1 || '%%'`, name), gone.ID.UUID()).Scan(&n); err != nil || n > 0 {
			t.Errorf("%s names it in %d rows (%v)", name, n, err)
		}
	}
	if _, err := s.Create(t.Context(), gone.Slug); !errors.Is(err, registry.ErrSlugTaken) {
		t.Errorf("its slug was given away: %v", err)
	}
	if _, err := s.ByID(t.Context(), gone.ID); !errors.Is(err, registry.ErrUnknownTenant) {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := s.Erase(t.Context(), gone.ID, ""); !errors.Is(err, registry.ErrUnknownTenant) {
		t.Errorf("erased twice: %v", err)
	}
	if all, err := s.Certificates(t.Context(), id.Reseller{}); err != nil || len(all) != 1 || all[0].ID != certificate.ID || all[0].Tables["appointment"] == 0 {
		t.Errorf("certificates: %+v, %v", all, err)
	}
}

func count(t *testing.T, conn *pgx.Conn, tables []string, tenant id.Tenant) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	for _, name := range tables {
		var n int64
		if err := conn.QueryRow(t.Context(), fmt.Sprintf(`select count(*) from %q x where x::text like '%%' || $1 || '%%'`, name), tenant.UUID()).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts[name] = n
	}
	return counts
}

func everyTable(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind = 'r'`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestErase_TakesPeopleAlongWhoWorkNowhereElse(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	kept, _ := f.Plant(t, "kept")
	r := reseller(t, f.Registry, "Nord")
	people := map[string]id.Account{}
	for _, name := range []string{"only", "both", "seller"} {
		people[name] = id.New[id.Account]()
		if _, err := f.DB.Global().NewRaw(`insert into account (id, email, name) values (?, ?, ?)`, people[name], name+"@example.org", name).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		join(t, f, f.Tenant.ID, people[name], "owner")
	}
	join(t, f, kept.ID, people["both"], "owner")
	if err := f.Registry.AddPerson(t.Context(), r.ID, people["seller"], "r:reseller_agent"); err != nil {
		t.Fatal(err)
	}
	if err := f.Registry.Close(t.Context(), f.Tenant.ID, ""); err != nil {
		t.Fatal(err)
	}
	certificate, err := f.Registry.Erase(t.Context(), f.Tenant.ID, "")
	if err != nil || certificate.People != 1 {
		t.Fatalf("%+v, %v", certificate, err)
	}
	var left int
	if err := f.DB.Global().NewRaw(`select count(*) from account where name in ('both', 'seller')`).Scan(t.Context(), &left); err != nil || left != 2 {
		t.Errorf("%d of those who work elsewhere are left (%v)", left, err)
	}
	if err := f.DB.Global().NewRaw(`select count(*) from account where name = 'only'`).Scan(t.Context(), &left); err != nil || left != 0 {
		t.Errorf("who worked here only is still known (%v)", err)
	}
	// The owner gets the certificate, from whoever looked after the practice.
	var ref string
	if err := f.DB.Batch(t.Context(), registry.Scope(id.Reseller{}), one(`select ref from outbox where kind = 'notice_mail'`, &ref)); err != nil {
		t.Fatal(err)
	}
	letter, err := f.Registry.Letter(t.Context(), registry.Scope(id.Reseller{}), ref)
	if err != nil || letter.To != "only@example.org" || letter.Variant != "erased" {
		t.Errorf("the letter: %+v, %v", letter, err)
	}
}

func TestExport_HasEveryTableAndOnlyTheTenants(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	other, _ := f.Plant(t, "other")
	conn, err := pgx.Connect(t.Context(), f.URLs.Super)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	tables := plant(t, conn, f.Tenant.ID, other.ID)
	var b bytes.Buffer
	if err := f.Registry.Export(t.Context(), f.Tenant.ID, &b); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, file := range z.File {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[file.Name] = string(content)
	}
	for _, name := range tables {
		if slices.Contains([]string{"session", "audit_due", "registration", "outbox"}, name) {
			if _, ok := files["tables/"+name+".jsonl"]; ok {
				t.Errorf("%s is none of what a practice takes along", name)
			}
			continue
		}
		if !strings.Contains(files["tables/"+name+".jsonl"], f.Tenant.ID.UUID()) {
			t.Errorf("%s is missing", name)
		}
	}
	for name, content := range files {
		if strings.Contains(content, other.ID.UUID()) {
			t.Errorf("%s tells of another tenant", name)
		}
	}
	if !strings.Contains(files["tables/wrapped_key.jsonl"], `"ct": "`) || strings.Contains(files["tables/wrapped_key.jsonl"], `\\x`) {
		t.Errorf("keys are not base64: %.200s", files["tables/wrapped_key.jsonl"])
	}
	if strings.Contains(files["tables/provider.jsonl"], "secrets") {
		t.Error("a provider's secrets are in it")
	}
	if !strings.Contains(files["README.txt"], f.Tenant.ID.String()) || !strings.Contains(files["manifest.json"], `"appointment":1`) {
		t.Errorf("readme or manifest: %.100s, %s", files["README.txt"], files["manifest.json"])
	}
	if err := f.Registry.Export(t.Context(), id.New[id.Tenant](), io.Discard); !errors.Is(err, registry.ErrUnknownTenant) {
		t.Errorf("of nobody: %v", err)
	}
}
