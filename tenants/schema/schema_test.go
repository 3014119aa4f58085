package schema_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// global are the tables that belong to no tenant, beside those in which the
// migrations keep their history. Every other table is a tenant's and has to
// pass the tests below.
var global = []string{"tenant", "reseller", "reseller_member", "platform_member",
	"registration", // until it is confirmed there is no tenant
	// Names and who looks after them are asked for before there is a tenant;
	// counts and certificates outlive it.
	"tenant_slug", "slug_retired", "tenant_host", "reseller_base", "registry_change",
	"month_count", "count_correction", "month_closed", "deletion_certificate", "portal_invitation",
	"agreement_published",            // a version is published to all
	"problem_report", "announcement", // for those who look after many tenants
	"service_state", // whether the service works, for everybody
	"audit_due",     // says of all trails which one waits for its chain
	// Providers are looked up above the tenant, reports come by the provider's
	// id, and the portal counts; none of them holds a number or a text.
	"provider", "provider_approval", "provider_stance", "provider_balance", "message_delivery",
	// A handshake comes before anybody knows whose host it is for.
	"certificate_file", "certificate_lock", "certificate_attempt",
	"domain_setup", // worked on for all tenants, whoever asked
	// What the operator says of itself and of who works for it; none of it is a tenant's.
	"operator_profile", "processor", "evidence", "disclosure", "breach",
	// An account is a person's, who may work in several tenants; what follows
	// is theirs alone, or must be read before it is clear where they enter.
	"totp", "recovery_code", "passkey", "used_ticket", "trusted_device", "undertaking", "sign_in_history", "account_recovery",
	"account", "credential", "session", "outbox", "message_budget", "shred_chain",
	"deletion_journal", // hashes of what was erased, of all
}

// tenant is the only expression that may decide whose a row is.
const tenant = `(tenant_id = ( SELECT (NULLIF(current_setting('siegel.tenant'::text, true), ''::text))::uuid AS "nullif"))`

// rules finds, each as "table: what is wrong", whatever would let one tenant
// see another's rows, learn that they are there, or keep tables from being
// spread over machines by tenant. $1 are the global tables, $2 the expression.
const rules = `
with tables as (
  select c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
     and c.relkind in ('r', 'p', 'f', 'v', 'm')
     and not (c.relname = any($1::text[])) and c.relname !~ '^bun_migration'
     -- what an extension brings is not ours
     and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
), column_names as (
  select attrelid, attnum, attname::text from pg_attribute
)
-- A view looks with its owner's eyes, a materialized one has looked already.
select relname || ': is a view without security_invoker' from tables
 where relkind = 'v' and not coalesce(reloptions @> '{security_invoker=true}', false)
union all
select relname || ': is a materialized view' from tables where relkind = 'm'
union all
select relname || ': has no column tenant_id uuid not null' from tables t
 where relkind in ('r', 'p', 'f') and not exists (
   select from pg_attribute a where a.attrelid = t.oid and a.attname = 'tenant_id'
      and a.atttypid = 'uuid'::regtype and a.attnotnull and not a.attisdropped)
union all
select relname || ': has no primary key' from tables t
 where relkind in ('r', 'p') and not exists (select from pg_constraint c where c.conrelid = t.oid and c.contype = 'p')
union all
-- Primary keys, unique constraints and indexes, exclusion constraints.
select t.relname || ': ' || i.relname || ' does not begin with tenant_id'
  from tables t join pg_index x on x.indrelid = t.oid join pg_class i on i.oid = x.indexrelid
 where (x.indisunique or x.indisexclusion)
   and not exists (select from column_names c where c.attrelid = t.oid and c.attnum = x.indkey[0] and c.attname = 'tenant_id')
union all
-- In an exclusion constraint the tenant also has to be compared by =.
select t.relname || ': ' || c.conname || ' compares tenant_id by ' || o.oprname
  from tables t join pg_constraint c on c.conrelid = t.oid and c.contype = 'x'
  join pg_operator o on o.oid = c.conexclop[1]
 where o.oprname <> '='
union all
select t.relname || ': ' || c.conname || ' does not lead from tenant_id to tenant_id'
  from tables t join pg_constraint c on c.conrelid = t.oid and c.contype = 'f'
 where not exists (select from column_names a where a.attrelid = c.conrelid and a.attnum = c.conkey[1] and a.attname = 'tenant_id')
    or not exists (select from column_names a where a.attrelid = c.confrelid and a.attnum = c.confkey[1] and a.attname = 'tenant_id')
union all
-- Nor may a table of all hold on to a tenant's row.
select r.relname || ': ' || c.conname || ' leads from a global table to a tenant''s'
  from pg_constraint c join tables t on t.oid = c.confrelid join pg_class r on r.oid = c.conrelid
 where c.contype = 'f' and not exists (select from tables x where x.oid = c.conrelid)
union all
select relname || ': row-level security is not enabled' from tables where relkind in ('r', 'p', 'f') and not relrowsecurity
union all
select relname || ': row-level security is not forced' from tables where relkind in ('r', 'p', 'f') and not relforcerowsecurity
union all
select relname || ': has no policy for all commands, with using and with check on the tenant' from tables t
 where relkind in ('r', 'p', 'f') and not exists (
   select from pg_policy p where p.polrelid = t.oid and p.polcmd = '*' and p.polpermissive and p.polroles = '{0}'
      and regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g') = $2
      and regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), '\s+', ' ', 'g') = $2)
union all
-- Permissive policies add up: one more lets more through.
select relname || ': has ' || n || ' permissive policies' from (
  select t.relname, count(*) n from tables t join pg_policy p on p.polrelid = t.oid and p.polpermissive group by 1) x
 where n > 1
union all
-- Truncate asks no policy.
select t.relname || ': ' || r.rolname || ' may truncate it' from tables t, pg_roles r
 where r.rolname in ('siegel_server', 'siegel_relay') and has_table_privilege(r.oid, t.oid, 'truncate')
union all
select t.relname || ': siegel_relay may use it' from tables t
 where has_table_privilege('siegel_relay', t.oid, 'select, insert, update, delete, references, trigger')
union all
select t.relname || ': everybody may use it' from tables t, pg_class c, aclexplode(c.relacl) a where c.oid = t.oid and a.grantee = 0
order by 1`

func broken(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), rules, global, tenant)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEveryTenantTableIsWalledOff(t *testing.T) {
	t.Parallel()
	conn := connect(t, testdb.New(t).Super)
	for _, rule := range broken(t, conn) {
		t.Error(rule)
	}
	for _, name := range global {
		var exists bool
		if err := conn.QueryRow(t.Context(), `select to_regclass($1) is not null`, name).Scan(&exists); err != nil || !exists {
			t.Errorf("%s is listed as global and does not exist (%v)", name, err)
		}
	}
}

// The catalogue test is worth what it finds.
func TestAHoleInTheWallIsFound(t *testing.T) {
	t.Parallel()
	conn := connect(t, testdb.New(t).Super)
	walled := func(name, columns string) string {
		return fmt.Sprintf(`create table %[1]s (%[2]s);
			alter table %[1]s enable row level security;
			alter table %[1]s force row level security;
			create policy p on %[1]s
			  using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))
			  with check (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))`, name, columns)
	}
	const key = `tenant_id uuid not null, id uuid, primary key (tenant_id, id)`
	for name, tc := range map[string]struct{ ddl, want string }{
		"hole_none":      {walled("hole_none", key), ""},
		"hole_bare":      {`create table hole_bare (` + key + `)`, "row-level security is not enabled"},
		"hole_unforced":  {walled("hole_unforced", key) + `; alter table hole_unforced no force row level security`, "not forced"},
		"hole_key":       {walled("hole_key", `tenant_id uuid not null, id uuid primary key`), "hole_key_pkey does not begin"},
		"hole_order":     {walled("hole_order", `tenant_id uuid not null, id uuid, primary key (id, tenant_id)`), "does not begin"},
		"hole_nokey":     {walled("hole_nokey", `tenant_id uuid not null`), "no primary key"},
		"hole_null":      {walled("hole_null", `tenant_id uuid, id uuid not null`), "no column tenant_id"},
		"hole_unique":    {walled("hole_unique", key+`, slug text unique`), "hole_unique_slug_key does not begin"},
		"hole_index":     {walled("hole_index", key+`, slug text`) + `; create unique index on hole_index (lower(slug), tenant_id)`, "does not begin"},
		"hole_exclusion": {walled("hole_exclusion", key+`, span tstzrange, exclude using gist (span with &&)`), "does not begin"},
		"hole_operator":  {walled("hole_operator", key+`, n int, exclude using gist (tenant_id with <>, n with =)`), "compares tenant_id by <>"},
		"hole_foreign":   {walled("hole_foreign", key+`, account_id uuid references account`), "does not lead"},
		"hole_back":      {`alter table session add tag uuid; alter table session add constraint hole_back foreign key (domain_id) references practice (tenant_id)`, "from a global table"},
		"hole_using":     {`create table hole_using (` + key + `); alter table hole_using enable row level security; alter table hole_using force row level security; create policy p on hole_using using (true) with check (true)`, "no policy"},
		"hole_check": {`create table hole_check (` + key + `); alter table hole_check enable row level security; alter table hole_check force row level security;
			create policy p on hole_check using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))`, "no policy"},
		"hole_select": {`create table hole_select (` + key + `); alter table hole_select enable row level security; alter table hole_select force row level security;
			create policy p on hole_select for select using (tenant_id = (select nullif(current_setting('siegel.tenant', true), '')::uuid))`, "no policy"},
		"hole_second":       {walled("hole_second", key) + `; create policy q on hole_second for select using (true)`, "2 permissive policies"},
		"hole_view":         {`create view hole_view as select * from practice`, "without security_invoker"},
		"hole_materialized": {`create materialized view hole_materialized as select * from practice`, "materialized view"},
		"hole_truncate":     {walled("hole_truncate", key) + `; grant truncate on hole_truncate to siegel_server`, "siegel_server may truncate"},
		"hole_relay":        {walled("hole_relay", key) + `; grant select on hole_relay to siegel_relay`, "siegel_relay may use"},
		"hole_public":       {walled("hole_public", key) + `; grant select on hole_public to public`, "everybody may use"},
		"hole_elsewhere":    {`create schema far; create table far.hole_elsewhere (` + key + `)`, "not enabled"},
	} {
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), tc.ddl, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found := broken(t, conn)
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		says := func(line string) bool { return strings.Contains(line, name) && strings.Contains(line, tc.want) }
		if tc.want == "" && len(found) > 0 || tc.want != "" && !slices.ContainsFunc(found, says) {
			t.Errorf("%s: found %q, want %q", name, found, tc.want)
		}
	}
}

// The outbox is one table for all, so that the relay reads it in one go; a
// tenant still sees and adds its own rows only.
func TestTheOutboxIsWalledOffFromTheServer(t *testing.T) {
	t.Parallel()
	urls := testdb.New(t)
	var enabled, forced bool
	if err := connect(t, urls.Super).QueryRow(t.Context(),
		`select relrowsecurity, relforcerowsecurity from pg_class where oid = 'outbox'::regclass`).Scan(&enabled, &forced); err != nil {
		t.Fatal(err)
	}
	if !enabled || !forced {
		t.Errorf("row-level security enabled %v, forced %v", enabled, forced)
	}
	server, relay := testdb.OpenURL(t, urls.Server), testdb.OpenURL(t, urls.Relay)
	a, b := id.New[id.Tenant](), id.New[id.Tenant]()
	add := func(as, whose id.Tenant) error {
		return server.Batch(t.Context(), as, func(x *postgres.Batch) {
			x.Exec(`insert into outbox (id, tenant_id, kind, ref, deadline) values ($1, $2, 'k', 'r', now())`, id.New[id.Message](), whose)
		})
	}
	if err := add(a, a); err != nil {
		t.Fatal(err)
	}
	if err := add(b, b); err != nil {
		t.Fatal(err)
	}
	if err := add(a, b); err == nil {
		t.Error("one tenant queued a message for another")
	}
	var own int
	if err := server.Batch(t.Context(), a, func(x *postgres.Batch) { x.Row(`select count(*) from outbox`, nil, &own) }); err != nil || own != 1 {
		t.Errorf("a tenant sees %d messages (%v), want its own", own, err)
	}
	if err := server.Batch(t.Context(), a, func(x *postgres.Batch) { x.Exec(`update outbox set status = 'sent'`) }); err == nil {
		t.Error("the server changes what is the relay's")
	}
	var all int
	if err := relay.Global().NewRaw(`select count(*) from outbox`).Scan(t.Context(), &all); err != nil || all != 2 {
		t.Errorf("the relay sees %d messages (%v), want both", all, err)
	}
	if _, err := relay.Global().ExecContext(t.Context(), `select from appointment`); err == nil {
		t.Error("the relay reads appointments")
	}
}

func TestTheRolesOfTheSchemaPassTheCheck(t *testing.T) {
	t.Parallel()
	urls := testdb.New(t)
	for role, url := range map[string]string{"server": urls.Server, "relay": urls.Relay} {
		if err := testdb.OpenURL(t, url).CheckRole(t.Context()); err != nil {
			t.Errorf("%s: %v", role, err)
		}
	}
	if err := testdb.OpenURL(t, urls.Owner).CheckRole(t.Context()); err == nil {
		t.Error("the owner passes")
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
