package postgres_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"siegel/platform/embedded/testdb"
	"siegel/platform/postgres"
)

// folder is one that an unprivileged child can pass through, unlike t.TempDir.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sgl-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func files(pairs ...string) fstest.MapFS {
	fs := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		fs[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fs
}

func applied(t *testing.T, urls *testdb.DB, set string) (names []string) {
	t.Helper()
	rows, err := superuser(t, urls).Query(t.Context(), `select name from bun_migrations_`+set+` order by id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return names
}

func TestMigratorsAtOnceTakeTurns(t *testing.T) {
	t.Parallel()
	urls := testdb.New(t)
	// Each file says who ran it; slow, so that the others have time to meet it.
	set := postgres.Set{Name: "race", FS: files(
		"20260101000000_one.tx.up.sql", `create table one (run timestamptz); select pg_sleep(0.2); insert into one values (now());`,
		"20260101000001_two.tx.up.sql", `create table two (run timestamptz); insert into two values (now());`)}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := postgres.Migrate(t.Context(), urls.Owner, set); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if names := applied(t, urls, "race"); strings.Join(names, " ") != "20260101000000 20260101000001" {
		t.Errorf("applied %v, want each once and in order", names)
	}
	var groups, runs int
	if err := superuser(t, urls).QueryRow(t.Context(), `select count(distinct group_id), (select count(*) from one) from bun_migrations_race`).Scan(&groups, &runs); err != nil {
		t.Fatal(err)
	}
	if groups != 1 || runs != 1 {
		t.Errorf("%d groups, %d runs, want one migrator that applied and three that did nothing", groups, runs)
	}
}

func TestAFileIsOneTransactionAndStaysWhole(t *testing.T) {
	t.Parallel()
	urls := testdb.New(t)
	good := `create table good (body text default 'a;b?');
do $$
begin
  insert into good values ('x;y');

  insert into good values ('is it?');
end
$$;
comment on table good is 'one; two';`
	broken := `create table broken (n int);
insert into broken values (1);
do $$ begin perform 1/0; end $$;`
	set := postgres.Set{Name: "whole", FS: files("20260101000000_good.tx.up.sql", good, "20260101000001_broken.tx.up.sql", broken)}
	err := postgres.Migrate(t.Context(), urls.Owner, set)
	if err == nil || !strings.Contains(err.Error(), "whole") || !strings.Contains(err.Error(), "20260101000001") || !strings.Contains(err.Error(), "division by zero") {
		t.Fatalf("%v, want the set, the file and the reason", err)
	}
	var rows int
	var left *string
	if err := superuser(t, urls).QueryRow(t.Context(), `select (select count(*) from good), to_regclass('broken')::text`).Scan(&rows, &left); err != nil {
		t.Fatal(err)
	}
	if rows != 2 || left != nil {
		t.Errorf("%d rows of the good file, and of the broken one stayed %v", rows, left)
	}
	if names := applied(t, urls, "whole"); len(names) != 1 {
		t.Errorf("applied %v, want the good one", names)
	}
	set.FS = files("20260101000000_good.tx.up.sql", good, "20260101000001_broken.tx.up.sql", `create table broken (n int)`)
	for range 2 {
		if err := postgres.Migrate(t.Context(), urls.Owner, set); err != nil {
			t.Fatalf("mended: %v", err)
		}
	}
	if names := applied(t, urls, "whole"); len(names) != 2 {
		t.Errorf("applied %v, want both", names)
	}
}

func TestAMigrationDoesNotQueueForALock(t *testing.T) {
	t.Parallel()
	urls := testdb.New(t)
	busy := superuser(t, urls)
	if _, err := busy.Exec(t.Context(), `begin; lock table note in access share mode`); err != nil {
		t.Fatal(err)
	}
	set := postgres.Set{Name: "locked", FS: files("20260101000000_x.tx.up.sql", `alter table note add column more text`)}
	if err := postgres.Migrate(t.Context(), urls.Owner, set); err == nil || !strings.Contains(err.Error(), "55P03") {
		t.Errorf("%v, want it to give up (55P03)", err)
	}
	if _, err := busy.Exec(t.Context(), `rollback`); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.Context(), urls.Owner, set); err != nil {
		t.Errorf("later: %v", err)
	}
}

func TestASetHasAPlainName(t *testing.T) {
	t.Parallel()
	urls := testdb.New(t)
	for _, name := range []string{"", "A", "a b", `a"; drop table note; --`} {
		if err := postgres.Migrate(t.Context(), urls.Owner, postgres.Set{Name: name, FS: files("20260101000000_x.tx.up.sql", `select 1`)}); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}
