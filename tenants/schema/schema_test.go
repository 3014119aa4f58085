package schema_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"siegel/platform/embedded/testdb"
)

// global are the tables that belong to no tenant. Everything else must carry
// its tenant in every key and behind row-level security.
var global = []string{"tenant", "account", "credential", "session", "message_budget"}

// TestEveryTenantTableIsWalledOff reads the catalogue, so that a new table
// without its wall is found.
func TestEveryTenantTableIsWalledOff(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	type table struct {
		name            string
		enabled, forced bool
		policies        int
	}
	var tables []table
	rows, err := conn.Query(t.Context(), `
		select c.relname, c.relrowsecurity, c.relforcerowsecurity,
		       (select count(*) from pg_policy p where p.polrelid = c.oid and p.polcmd = '*'
		           and p.polqual is not null and p.polwithcheck is not null
		           and pg_get_expr(p.polqual, p.polrelid) like '%siegel.tenant%'
		           and pg_get_expr(p.polwithcheck, p.polrelid) like '%siegel.tenant%')
		  from pg_class c join pg_namespace n on n.oid = c.relnamespace
		 where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm') order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var x table
		if err := rows.Scan(&x.name, &x.enabled, &x.forced, &x.policies); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, x)
	}
	if rows.Err() != nil || len(tables) < 15 {
		t.Fatalf("found %d tables: %v", len(tables), rows.Err())
	}
	for _, x := range tables {
		if slices.Contains(global, x.name) || strings.HasPrefix(x.name, "bun_migration") {
			continue
		}
		if !x.enabled || !x.forced || x.policies != 1 {
			t.Errorf("table %s: row-level security enabled %v, forced %v, with %d policies for the tenant", x.name, x.enabled, x.forced, x.policies)
		}
	}
}

// TestEveryKeyCarriesItsTenant finds keys and constraints that would reveal
// another tenant's rows, or could not be sharded.
func TestEveryKeyCarriesItsTenant(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	// The outbox stays on the coordinator; its key is the message's id alone.
	exempt := append([]string{"outbox"}, global...)
	rows, err := conn.Query(t.Context(), `
		select t.relname, i.relname, x.indisprimary,
		       coalesce((select array_agg(a.attname::text order by k.ord)
		          from unnest(x.indkey::int[]) with ordinality k(att, ord)
		          join pg_attribute a on a.attrelid = t.oid and a.attnum = k.att), '{}')
		  from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
		  join pg_namespace n on n.oid = t.relnamespace
		 where n.nspname = 'public' and (x.indisunique or x.indisexclusion)
		union all
		select t.relname, c.conname, false,
		       (select array_agg(a.attname::text order by k.ord) from unnest(c.conkey) with ordinality k(att, ord)
		          join pg_attribute a on a.attrelid = t.oid and a.attnum = k.att)
		  from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
		 where n.nspname = 'public' and c.contype = 'f'`)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for rows.Next() {
		var table, key string
		var primary bool
		var columns []string
		if err := rows.Scan(&table, &key, &primary, &columns); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(exempt, table) || strings.HasPrefix(table, "bun_migration") {
			continue
		}
		seen++
		if len(columns) == 0 || columns[0] != "tenant_id" {
			t.Errorf("%s of %s begins with %v, not with tenant_id", key, table, columns)
		}
	}
	if rows.Err() != nil || seen < 20 {
		t.Fatalf("looked at %d keys: %v", seen, rows.Err())
	}
}

func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), testdb.New(t).Super)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}
