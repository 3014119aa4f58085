package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"

	"siegel/platform/postgres"
)

// ErrNotEmpty is returned for restoring into a database that has something.
var ErrNotEmpty = errors.New("the database is not empty: restore into a new one")

// Erase erases again one kind of row with all that belongs to it, given the
// hashes of keys and when each was erased. It returns how many were still there.
// It sees every row, whatever the tenant.
type Erase func(ctx context.Context, tx pgx.Tx, erased map[[32]byte]time.Time) (int64, error)

// Target is where a backup is restored to.
type Target struct {
	// URL connects as the owner of the schema to a new and empty database.
	URL string
	// Sets are all migrations of this version.
	Sets []postgres.Set
	// Erase are those tables of which rows are erased otherwise than by deleting
	// them.
	Erase map[string]Erase
}

// Restore brings a backup back into an empty database, replays the journal in
// the folder over it, and applies the migrations that are newer than the
// backup. Rows come back all or none. It returns [ErrNotEmpty], [ErrDamaged],
// and an error for a backup of a later version.
func Restore(ctx context.Context, to Target, from io.Reader, journal string, identities ...age.Identity) (Report, error) {
	// Read first: where a copy of the journal does not open, nothing is done.
	erased, until, err := readJournal(journal, identities)
	if err != nil {
		return Report{}, err
	}
	in, h, err := open(from, identities)
	if err != nil {
		return Report{}, err
	}
	then, err := asOf(to.Sets, h.Migrations)
	if err != nil {
		return Report{}, err
	}
	conn, err := connect(ctx, to.URL)
	if err != nil {
		return Report{}, err
	}
	defer closeConn(ctx, conn)
	var tables int
	if err := conn.QueryRow(ctx, `select count(*) from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`).Scan(&tables); err != nil {
		return Report{}, fmt.Errorf("look at the database: %w", err)
	}
	if tables > 0 {
		return Report{}, ErrNotEmpty
	}
	if err := postgres.Migrate(ctx, to.URL, then...); err != nil {
		return Report{}, err
	}
	report := Report{At: h.At, Tables: len(h.Tables), JournalUntil: until}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		walls, err := takeDown(ctx, tx)
		if err != nil {
			return err
		}
		if report.Rows, err = load(ctx, tx, in, h); err != nil {
			return err
		}
		if err := walls.holdTogether(ctx, tx); err != nil {
			return err
		}
		if report.Replayed, err = replay(ctx, tx, erased, to.Erase); err != nil {
			return err
		}
		return walls.putUp(ctx, tx)
	})
	if err != nil {
		return Report{}, fmt.Errorf("restore: %w", errors.Join(err, empty(ctx, conn)))
	}
	return report, postgres.Migrate(ctx, to.URL, to.Sets...)
}

// asOf are the sets as far as they had come when the backup was made.
func asOf(sets []postgres.Set, applied map[string][]string) ([]postgres.Set, error) {
	var then []postgres.Set
	for _, set := range sets {
		files, err := fs.ReadDir(set.FS, ".")
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		for _, name := range applied[set.Name] {
			if !slices.ContainsFunc(files, func(f fs.DirEntry) bool { return nameOf(f) == name }) {
				return nil, fmt.Errorf("the backup is of a later version: this one does not know the migration %s of %s", name, set.Name)
			}
		}
		then = append(then, postgres.Set{Name: set.Name, FS: past{set.FS, applied[set.Name]}})
	}
	return then, nil
}

// past shows those migrations of a folder that had been applied.
type past struct {
	fs.FS
	applied []string
}

// ReadDir is what [fs.WalkDir] asks.
func (p past) ReadDir(dir string) ([]fs.DirEntry, error) {
	files, err := fs.ReadDir(p.FS, dir)
	return slices.DeleteFunc(files, func(f fs.DirEntry) bool {
		return !f.IsDir() && !slices.Contains(p.applied, nameOf(f))
	}), err
}

// nameOf is what a migration's history calls a file.
func nameOf(f fs.DirEntry) string {
	name, _, _ := strings.Cut(f.Name(), "_")
	return name
}

// walls is what stands between a row and its table, to be put up again exactly
// as it was.
type walls struct {
	tables      []string // with row-level security forced
	all         []string
	constraints []struct{ table, name, definition string }
}

// takeDown lets rows in as they come: in any order, of any tenant, without
// triggers that would tell of each.
func takeDown(ctx context.Context, tx pgx.Tx) (*walls, error) {
	w := &walls{}
	rows, err := tx.Query(ctx, `select relname::text, relforcerowsecurity from pg_class c
		where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
		  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') order by 1`)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var name string
	var forced bool
	if _, err = pgx.ForEachRow(rows, []any{&name, &forced}, func() error {
		if w.all = append(w.all, name); forced {
			w.tables = append(w.tables, name)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	// Foreign keys, and the exclusions, which are built far faster at once.
	rows, err = tx.Query(ctx, `select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint
		where connamespace = 'public'::regnamespace and contype in ('f', 'x') order by contype desc, conname`)
	if err != nil {
		return nil, fmt.Errorf("list constraints: %w", err)
	}
	var c struct{ table, name, definition string }
	if _, err = pgx.ForEachRow(rows, []any{&c.table, &c.name, &c.definition}, func() error {
		w.constraints = append(w.constraints, c)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list constraints: %w", err)
	}
	var down []string
	for _, c := range w.constraints {
		down = append(down, fmt.Sprintf("alter table %s drop constraint %s", c.table, c.name))
	}
	for _, t := range w.tables {
		down = append(down, fmt.Sprintf("alter table %s no force row level security", quote(t)))
	}
	for _, t := range w.all {
		down = append(down, fmt.Sprintf("alter table %s disable trigger user", quote(t)))
	}
	return w, run(ctx, tx, down)
}

// holdTogether puts the constraints back, which checks every row.
func (w *walls) holdTogether(ctx context.Context, tx pgx.Tx) error {
	var up []string
	for _, c := range w.constraints {
		up = append(up, fmt.Sprintf("alter table %s add constraint %s %s", c.table, c.name, c.definition))
	}
	return run(ctx, tx, up)
}

func (w *walls) putUp(ctx context.Context, tx pgx.Tx) error {
	var up []string
	for _, t := range w.all {
		up = append(up, fmt.Sprintf("alter table %s enable trigger user", quote(t)))
	}
	for _, t := range w.tables {
		up = append(up, fmt.Sprintf("alter table %s force row level security", quote(t)))
	}
	return run(ctx, tx, up)
}

func run(ctx context.Context, tx pgx.Tx, statements []string) error {
	for _, s := range statements {
		if _, err := tx.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

func load(ctx context.Context, tx pgx.Tx, in *parts, h header) (rows int64, err error) {
	// Some migrations bring rows of their own, which the backup has as well.
	for _, t := range h.Tables {
		if _, err := tx.Exec(ctx, `delete from `+quote(t.Name)); err != nil {
			return 0, fmt.Errorf("empty %s: %w", t.Name, err)
		}
	}
	for _, t := range h.Tables {
		tag, err := tx.Conn().PgConn().CopyFrom(ctx, &table{p: in}, fmt.Sprintf(`copy %s (%s) from stdin`, quote(t.Name), quoteAll(t.Columns)))
		if err != nil {
			return 0, fmt.Errorf("write %s: %w", t.Name, err)
		}
		rows += tag.RowsAffected()
	}
	if err := in.end(); err != nil {
		return 0, err
	}
	for name, last := range h.Sequences {
		if last == 0 {
			continue
		}
		if _, err := tx.Exec(ctx, `select setval($1::text::regclass, $2)`, quote(name), last); err != nil {
			return 0, fmt.Errorf("sequence %s: %w", name, err)
		}
	}
	return rows, nil
}

// replay erases what was erased after the backup was made: what its own journal
// does not have.
func replay(ctx context.Context, tx pgx.Tx, entries []entry, erase map[string]Erase) (total int64, err error) {
	type kind struct{ relation, columns string }
	todo := map[kind]map[[32]byte]time.Time{}
	for _, e := range entries {
		if len(e.Hash) != 32 || len(e.Columns) == 0 {
			return 0, ErrDamaged
		}
		tag, err := tx.Exec(ctx, `insert into deletion_journal (id, at, relation, columns, hash, shipped)
			values ($1, $2, $3, $4, $5, now()) on conflict do nothing`, e.ID, e.At, e.Relation, e.Columns, e.Hash)
		if err != nil {
			return 0, fmt.Errorf("journal: %w", err)
		}
		if tag.RowsAffected() == 0 {
			continue
		}
		k := kind{e.Relation, strings.Join(e.Columns, ",")}
		if todo[k] == nil {
			todo[k] = map[[32]byte]time.Time{}
		}
		todo[k][[32]byte(e.Hash)] = e.At
	}
	for k, hashes := range todo {
		var exists bool
		if err := tx.QueryRow(ctx, `select to_regclass($1) is not null`, quote(k.relation)).Scan(&exists); err != nil {
			return 0, fmt.Errorf("replay %s: %w", k.relation, err)
		}
		if !exists { // it came with a later version, and so did all of its rows
			continue
		}
		again := byKey(k.relation, strings.Split(k.columns, ","))
		if erase[k.relation] != nil {
			again = erase[k.relation]
		}
		n, err := again(ctx, tx, hashes)
		if err != nil {
			return 0, fmt.Errorf("replay %s: %w", k.relation, err)
		}
		total += n
	}
	return total, nil
}

// Key is the SQL that makes the hash of a row of a table from its columns, as
// the journal's trigger does.
func Key(relation string, columns ...string) string {
	named := "'" + strings.ReplaceAll(relation, "'", "''") + "'"
	for _, c := range columns {
		named += " || '|' || coalesce(" + quote(relation) + "." + quote(c) + "::text, '')"
	}
	return "sha256(convert_to(" + named + ", 'UTF8'))"
}

func byKey(relation string, columns []string) Erase {
	return func(ctx context.Context, tx pgx.Tx, erased map[[32]byte]time.Time) (int64, error) {
		tag, err := tx.Exec(ctx, `delete from `+quote(relation)+` where `+Key(relation, columns...)+` = any($1)`, Hashes(erased))
		return tag.RowsAffected(), err
	}
}

// Hashes are the keys of a map, for an argument of a statement.
func Hashes(erased map[[32]byte]time.Time) [][]byte {
	hashes := make([][]byte, 0, len(erased))
	for h := range erased {
		hashes = append(hashes, h[:])
	}
	return hashes
}

// empty takes an unfinished schema away again, so that the next try finds the
// database as this one did.
func empty(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_, err := conn.Exec(ctx, `do $$ declare r record; begin
		for r in select c.oid::regclass as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
		  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') loop
		  execute format('drop table if exists %s cascade', r.name);
		end loop;
		for r in select p.oid::regprocedure as name from pg_proc p where p.pronamespace = 'public'::regnamespace
		  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') loop
		  execute format('drop function if exists %s cascade', r.name);
		end loop;
	end $$`)
	return err
}
