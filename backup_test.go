package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"siegel/platform/backup"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/platform/shred"
	"siegel/tenants/registry"
	"siegel/tenants/tenanttest"
)

// disaster is a running installation, a key, a folder for backups, and an empty
// database to begin anew with.
type disaster struct {
	*tenanttest.Fixture
	reader   string // the role of the backup
	identity age.Identity
	to       []age.Recipient
	dir      string
	fresh    string // the owner's url of the empty database
	old, new *pgx.Conn
}

func newDisaster(t *testing.T) *disaster {
	t.Helper()
	d := &disaster{Fixture: tenanttest.New(t), dir: t.TempDir()}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	d.identity, d.to = key, []age.Recipient{key.Recipient()}
	d.old = connectTo(t, d.URLs.Super)
	name := "fresh_" + strings.ToLower(rand.Text()[:12])
	for _, sql := range []string{
		`create database ` + name + ` owner siegel_owner`,
		`create role reader_` + name + ` login bypassrls in role siegel_backup, pg_read_all_data`,
	} {
		if _, err := d.old.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), d.URLs.Super)
		if err == nil {
			_, err = conn.Exec(context.Background(), `drop database `+name+` with (force)`)
			_ = conn.Close(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})
	d.reader = rename(t, d.URLs.Super, "", "reader_"+name)
	d.fresh = rename(t, d.URLs.Owner, name, "")
	d.new = connectTo(t, rename(t, d.URLs.Super, name, ""))
	return d
}

// rename is a url with another database or role.
func rename(t *testing.T, from, database, role string) string {
	t.Helper()
	u, err := url.Parse(from)
	if err != nil {
		t.Fatal(err)
	}
	if database != "" {
		u.Path = "/" + database
	}
	if role != "" {
		u.User = url.User(role)
	}
	return u.String()
}

func connectTo(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (d *disaster) backup(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	report, err := backup.Write(t.Context(), d.reader, d.to, &file)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := backup.Check(bytes.NewReader(file.Bytes()), d.identity)
	if err != nil || checked.Rows != report.Rows || checked.Tables != report.Tables || report.Rows < 20 {
		t.Fatalf("written %+v, read %+v, %v", report, checked, err)
	}
	return file.Bytes()
}

func (d *disaster) ship(t *testing.T) int {
	t.Helper()
	n, err := backup.ShipJournal(t.Context(), d.reader, d.to, d.dir)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (d *disaster) restore(t *testing.T, file []byte) backup.Report {
	t.Helper()
	report, err := backup.Restore(t.Context(), restoreTarget(d.fresh), bytes.NewReader(file), d.dir, d.identity)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// rows counts the rows of every table, and of those the ones that say a text.
func rows(t *testing.T, conn *pgx.Conn, saying string) map[string]int {
	t.Helper()
	found, err := conn.Query(t.Context(), `
		select c.relname::text, (xpath('//n/text()', query_to_xml(format('select count(*) as n from %I x where strpos(x::text, %L) > 0 or %L = ''''', c.relname, $1::text, $1::text), false, true, '')))[1]::text::int
		from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'`, saying)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	var name string
	var n int
	if _, err := pgx.ForEachRow(found, []any{&name, &n}, func() error { counts[name] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return counts
}

// catalogue is everything of a schema that keeps rows in order and apart.
const catalogue = `
	select 'table ' || relname || relkind::text || relrowsecurity || relforcerowsecurity || coalesce(relacl::text, '') from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'S', 'i')
	union all select 'constraint ' || conrelid::regclass || conname || pg_get_constraintdef(oid) || convalidated from pg_constraint where connamespace = 'public'::regnamespace
	union all select 'index ' || pg_get_indexdef(indexrelid) from pg_index x join pg_class c on c.oid = x.indexrelid where c.relnamespace = 'public'::regnamespace
	union all select 'policy ' || polrelid::regclass || polname || polcmd::text || coalesce(pg_get_expr(polqual, polrelid), '') || coalesce(pg_get_expr(polwithcheck, polrelid), '') from pg_policy
	union all select 'trigger ' || tgrelid::regclass || tgenabled::text || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
	union all select 'internal trigger ' || tgrelid::regclass || tgenabled::text || tgfoid::regproc || count(*) from pg_trigger where tgisinternal group by tgrelid, tgenabled, tgfoid
	order by 1`

func schemaOf(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	found, err := conn.Query(t.Context(), catalogue)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil || len(lines) < 100 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	return strings.Join(lines, "\n")
}

func TestRestore_BringsBackEverythingButWhatWasErasedSince(t *testing.T) {
	t.Parallel()
	d := newDisaster(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := d.old.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	gone, _ := d.Plant(t, "gone")
	people := map[string]id.Account{}
	for name, tenant := range map[string]id.Tenant{"stays": d.Tenant.ID, "leaves": d.Tenant.ID, "erased": gone.ID} {
		people[name] = id.New[id.Account]()
		exec(`insert into account (id, email, name) values ($1, $2, $3)`, people[name].UUID(), name+"@example.org", name)
		exec(`insert into member (tenant_id, account_id, role) values ($1, $2, 'owner')`, tenant.UUID(), people[name].UUID())
	}
	exec(`insert into session (id_hash, id, account_id, domain_kind, domain_id, expires)
		values ('x', gen_random_uuid(), $1, 'tenant', $2, now() + interval '1 hour')`, people["stays"].UUID(), d.Tenant.ID.UUID())
	// Letters that the practice has opened, has not, and never will; one patient who no longer wants to be reminded.
	booked := func(state string) (booking string) {
		must(d.old.QueryRow(t.Context(), `
			with a as (insert into appointment (tenant_id, id, booking_id, practitioner_id, resource_id, location_id, starts, ends, cancel_until, status, source, secret_hash)
			  select $1, gen_random_uuid(), gen_random_uuid(), p.id, p.resource_id, $2, now() + interval '1 day', now() + interval '1 day 15 minutes', now(), $4, 'online', sha256(uuid_send(gen_random_uuid()))
			  from practitioner p where p.tenant_id = $1 and p.id = $3 returning *), 
			e as (insert into envelope (tenant_id, id, booking_id, appointment_id, suite, kid, enc, ct)
			  select tenant_id, gen_random_uuid(), booking_id, id, 2, '', '', '' from a)
			select booking_id::text from a`, d.Tenant.ID.UUID(), d.Location.UUID(), d.Practitioner.UUID(), state).Scan(&booking))
		return booking
	}
	read, unread, expired := booked("booked"), booked("booked"), booked("cancelled")
	exec(`insert into reminder (tenant_id, booking_id, plan, channel, language, last_day, sealed)
		values ($1, $2, gen_random_uuid(), 'mail', 'de', now(), '')`, d.Tenant.ID.UUID(), unread)

	if n := d.ship(t); n != 0 {
		t.Errorf("%d rows were erased before anything was", n)
	}
	before := schemaOf(t, d.old)
	kept := rows(t, d.old, "")
	file := d.backup(t)
	if bytes.Contains(file, []byte("example.org")) || bytes.Contains(file, []byte("appointment")) {
		t.Error("the backup can be read")
	}

	// What happens after the backup.
	must(d.Registry.Close(t.Context(), gone.ID, "Vertrag beendet"))
	certificate, err := d.Registry.Erase(t.Context(), gone.ID, "Vertrag beendet")
	must(err)
	exec(`delete from member where account_id = $1`, people["leaves"].UUID())
	exec(`delete from reminder where booking_id = $1`, unread)
	exec(`select set_config('siegel.tenant', $1, false)`, d.Tenant.ID.UUID())
	exec(`with gone as (delete from envelope where booking_id = $1 returning *)
		insert into card (tenant_id, booking_id, appointment_id, version, epoch, ciphertext) select tenant_id, booking_id, appointment_id, 1, 1, '' from gone`, read)
	exec(`delete from envelope where booking_id = $1`, expired)
	if n := d.ship(t); n < 4 {
		t.Errorf("only %d rows in the journal", n)
	}
	shipped := time.Now()
	if n := d.ship(t); n != 0 {
		t.Errorf("%d rows are copied twice", n)
	}

	report := d.restore(t, file)
	if report.Replayed < 4 || shipped.Sub(report.JournalUntil) > time.Minute {
		t.Errorf("%+v", report)
	}
	back := rows(t, d.new, "")
	for _, erased := range []string{gone.ID.UUID(), people["erased"].UUID(), "erased@example.org"} {
		for table, n := range rows(t, d.new, erased) {
			if n > 0 && table != "deletion_certificate" && table != "registry_change" && table != "month_count" {
				t.Errorf("%s has %d rows again that name what was erased", table, n)
			}
		}
	}
	count := func(sql string, args ...any) (n int) {
		t.Helper()
		must(d.new.QueryRow(t.Context(), sql, args...).Scan(&n))
		return n
	}
	for what, wrong := range map[string]bool{
		"who left is a member again":                       count(`select count(*) from member where account_id = $1`, people["leaves"].UUID()) != 0,
		"who stayed is none":                               count(`select count(*) from member where account_id = $1`, people["stays"].UUID()) != 1,
		"a reminder nobody wants is back":                  count(`select count(*) from reminder`) != 0,
		"a booking that was read after the backup is lost": count(`select count(*) from envelope where booking_id = $1`, read) != 1,
		"a booking that nobody has read is lost":           count(`select count(*) from envelope where booking_id = $1`, unread) != 1,
		"an envelope that had its time is back":            count(`select count(*) from envelope where booking_id = $1`, expired) != 0,
		"somebody is signed in":                            back["session"] != 0,
		"another tenant has lost appointments":             back["appointment"] != kept["appointment"],
		"the erased tenant has no certificate":             count(`select count(*) from deletion_certificate where tenant = $1`, certificate.Tenant.UUID()) != 1,
		"its slug is free":                                 count(`select count(*) from slug_retired`) != 1,
	} {
		if wrong {
			t.Error(what)
		}
	}
	if after := schemaOf(t, d.new); after != before {
		t.Errorf("the schema has changed: %s", firstDifference(before, after))
	}

	// A server of the restored database serves, and what it erases is written down.
	db, err := postgres.Open(t.Context(), postgres.Config{URL: rename(t, d.fresh, "", "siegel_server"), MaxConns: 2})
	must(err)
	defer db.Close()
	must(db.CheckRole(t.Context()))
	s, err := registry.NewService(registry.Config{DB: db, Base: "localhost:8080"})
	must(err)
	if tenant, _, err := s.Resolve(t.Context(), "praxis.localhost:8080"); err != nil || tenant.ID != d.Tenant.ID {
		t.Errorf("%+v, %v", tenant, err)
	}
	if _, err := s.Create(t.Context(), "gone"); !errors.Is(err, registry.ErrSlugTaken) {
		t.Errorf("the slug of the erased was given away: %v", err)
	}

	// The next backup has the journal with it: who was let in again stays in.
	if _, err := d.new.Exec(t.Context(), `insert into member (tenant_id, account_id, role) values ($1, $2, 'owner')`, d.Tenant.ID.UUID(), people["leaves"].UUID()); err != nil {
		t.Fatal(err)
	}
	second := bytes.Buffer{}
	if _, err := backup.Write(t.Context(), rename(t, d.fresh, "", "postgres"), d.to, &second); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), restoreTarget(d.fresh), bytes.NewReader(second.Bytes()), d.dir, d.identity); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("restored over a living database: %v", err)
	}
	third := newFresh(t, d)
	if _, err := backup.Restore(t.Context(), restoreTarget(third), bytes.NewReader(second.Bytes()), d.dir, d.identity); err != nil {
		t.Fatal(err)
	}
	var in int
	if err := connectTo(t, rename(t, third, "", "postgres")).QueryRow(t.Context(), `select count(*) from member where account_id = $1`, people["leaves"].UUID()).Scan(&in); err != nil || in != 1 {
		t.Errorf("who was let in again before the backup has gone with it (%d, %v)", in, err)
	}
}

// newFresh is one more empty database.
func newFresh(t *testing.T, d *disaster) string {
	t.Helper()
	name := "fresh_" + strings.ToLower(rand.Text()[:12])
	if _, err := d.old.Exec(t.Context(), `create database `+name+` owner siegel_owner`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), d.URLs.Super)
		if err == nil {
			_, err = conn.Exec(context.Background(), `drop database `+name+` with (force)`)
			_ = conn.Close(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})
	return rename(t, d.URLs.Owner, name, "")
}

func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("%s\n%s", as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d lines, %d lines", len(as), len(bs))
}

func TestRestore_OfWhatIsNotWholeDoesNothing(t *testing.T) {
	t.Parallel()
	d := newDisaster(t)
	d.ship(t)
	file := d.backup(t)
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	altered := bytes.Clone(file)
	altered[len(altered)-100] ^= 1
	for name, c := range map[string]struct {
		file     []byte
		identity age.Identity
		journal  string
	}{
		"CutShort":     {file[:len(file)-100], d.identity, d.dir},
		"Altered":      {altered, d.identity, d.dir},
		"AnothersKey":  {file, other, d.dir},
		"NoBackup":     {[]byte("what is this"), d.identity, d.dir},
		"NoJournal":    {file, d.identity, t.TempDir()},
		"JournalOfOne": {file, d.identity, withBrokenJournal(t)},
	} {
		if _, err := backup.Restore(t.Context(), restoreTarget(d.fresh), bytes.NewReader(c.file), c.journal, c.identity); err == nil {
			t.Fatalf("%s: restored", name)
		}
		var left int
		if err := d.new.QueryRow(t.Context(), `select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`).Scan(&left); err != nil || left > 0 {
			t.Errorf("%s: left %d tables (%v)", name, left, err)
		}
	}
	// Nothing of it stands in the way of the whole one.
	d.restore(t, file)
}

func withBrokenJournal(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"journal.until": "2026-11-22T10:00:00Z\n", "x.journal.age": "broken"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBackup_ByWhomPoliciesBindIsRefused(t *testing.T) {
	t.Parallel()
	d := newDisaster(t)
	for name, url := range map[string]string{"server": d.URLs.Server, "owner": d.URLs.Owner} {
		if _, err := backup.Write(t.Context(), url, d.to, io.Discard); !errors.Is(err, backup.ErrNotAll) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Nor does the server get at the journal, whose trigger it sets off.
	if _, err := d.DB.Global().NewRaw(`delete from deletion_journal`).Exec(t.Context()); err == nil {
		t.Error("the server may empty the journal")
	}
}

// What was sealed for a day stays shut when its day is over, whatever backup is
// brought back: the keys are in none.
func TestRestore_OpensNothingWhoseDayIsOver(t *testing.T) {
	t.Parallel()
	d := newDisaster(t)
	now := time.Now()
	clock := func() time.Time { return now }
	redis, err := redisdb.Open(t.Context(), redisdb.Config{URL: d.RedisURL, Secret: tenanttest.Secret})
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Close()
	file := filepath.Join(t.TempDir(), "day.key")
	open := func(db *postgres.DB) *shred.Chain {
		t.Helper()
		c, err := shred.New(shred.Config{DB: db, Redis: redis, File: file, Patience: 10 * time.Millisecond, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	today := shred.DayOf(now)
	chain := open(d.DB)
	var sealed [2][]byte
	for i := range sealed {
		if sealed[i], err = chain.Seal(t.Context(), today+shred.Day(2*i), []byte("erika@muster.example"), "b"); err != nil {
			t.Fatal(err)
		}
	}
	saved := d.backup(t)
	d.ship(t)
	now = now.Add(24 * time.Hour)
	if err := chain.Keep(t.Context()); err != nil { // as the server does every ten seconds
		t.Fatal(err)
	}
	d.restore(t, saved)

	db, err := postgres.Open(t.Context(), postgres.Config{URL: rename(t, d.fresh, "", "siegel_server"), MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	restored := open(db)
	if plain, err := restored.Open(t.Context(), sealed[1], "b"); err != nil || string(plain) != "erika@muster.example" {
		t.Errorf("what is for a day to come is lost: %v", err)
	}
	now = now.Add(-24 * time.Hour) // nor does a clock help that was put back
	if _, err := restored.Open(t.Context(), sealed[0], "b"); !errors.Is(err, shred.ErrShredded) {
		t.Errorf("opened what was for a day that is over: %v", err)
	}
}
