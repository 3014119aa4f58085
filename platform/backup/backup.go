// Package backup writes the database to one encrypted file, and brings it back
// without what was erased since.
//
// A backup is a consistent picture of every row, read by a role that row-level
// security does not bind, compressed, and encrypted with age to keys whose
// other halves are not on the machine. It holds nothing of Redis, by design:
// losing that loses no appointment. It holds no key of a day (platform/shred),
// no session, and none of the server's settings.
//
// What is erased after a backup was made is written down in the deletion
// journal, in the very transaction that erases it. [ShipJournal] copies the
// journal to where the backups are; [Restore] replays it. The promise ends where
// the copied journal ends, and [Report] says when that was.
package backup

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/jackc/pgx/v5"
)

// ErrNotAll is returned where the role cannot read every row: a backup of what
// row-level security lets through would look whole and be empty.
var ErrNotAll = errors.New("the role of the backup is bound by row-level security: give it bypassrls and pg_read_all_data")

// ErrDamaged is returned for a file that is cut short, altered, or none of ours.
var ErrDamaged = errors.New("the file is damaged or no backup")

// fleeting are tables whose rows a restored database is better without: who was
// signed in then need not be now.
var fleeting = []string{"session", "trusted_device", "account_recovery", "certificate_lock", "certificate_attempt"}

const format = 1

// header is the first line of a backup, before the tables.
type header struct {
	Format int       `json:"format"`
	At     time.Time `json:"at"`
	// Migrations are the names that each set had applied, in order.
	Migrations map[string][]string `json:"migrations"`
	Sequences  map[string]int64    `json:"sequences"`
	Tables     []tableHeader       `json:"tables"`
}

// tableHeader says what the rows of a table consist of.
type tableHeader struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

// Report is what was read or written.
type Report struct {
	// At is when the picture was taken, by the database's clock.
	At     time.Time
	Tables int
	Rows   int64
	// Replayed is how many rows were erased again, and JournalUntil how far the
	// copied journal reaches; zero where there is none.
	Replayed     int64
	JournalUntil time.Time
}

// Write writes a backup to w, encrypted to the recipients. It returns
// [ErrNotAll]. What it has written is no backup unless it returned no error.
func Write(ctx context.Context, url string, recipients []age.Recipient, w io.Writer) (Report, error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return Report{}, err
	}
	defer closeConn(ctx, conn)
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return Report{}, fmt.Errorf("encrypt: %w", err)
	}
	packed, err := gzip.NewWriterLevel(sealed, gzip.BestSpeed)
	if err != nil {
		return Report{}, err
	}
	report, err := write(ctx, conn, packed)
	if err != nil {
		return Report{}, err
	}
	if err := errors.Join(packed.Close(), sealed.Close()); err != nil {
		return Report{}, fmt.Errorf("write: %w", err)
	}
	return report, nil
}

func write(ctx context.Context, conn *pgx.Conn, w io.Writer) (Report, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return Report{}, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it wrote nothing
	h, err := look(ctx, tx)
	if err != nil {
		return Report{}, err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	line, err := json.Marshal(h)
	if err != nil {
		return Report{}, err
	}
	if err := frame(out, line); err != nil {
		return Report{}, err
	}
	report := Report{At: h.At, Tables: len(h.Tables)}
	for _, t := range h.Tables {
		tag, err := conn.PgConn().CopyTo(ctx, frames{out}, fmt.Sprintf(`copy %s (%s) to stdout`, quote(t.Name), quoteAll(t.Columns)))
		if err != nil {
			return Report{}, fmt.Errorf("read %s: %w", t.Name, err)
		}
		report.Rows += tag.RowsAffected()
		if err := frame(out, nil); err != nil { // the end of the table
			return Report{}, err
		}
	}
	return report, out.Flush()
}

// look is what there is to back up.
func look(ctx context.Context, tx pgx.Tx) (header, error) {
	h := header{Format: format, Sequences: map[string]int64{}}
	// Where a policy would hide rows, Postgres now says so instead.
	if _, err := tx.Exec(ctx, `set local row_security = off`); err != nil {
		return h, fmt.Errorf("see every row: %w", err)
	}
	var all bool
	if err := tx.QueryRow(ctx, `select now(), rolsuper or rolbypassrls from pg_roles where rolname = current_user`).Scan(&h.At, &all); err != nil {
		return h, fmt.Errorf("look at the role: %w", err)
	}
	if !all {
		return h, ErrNotAll
	}
	h.At = h.At.UTC()
	rows, err := tx.Query(ctx, `
		select c.relname::text, array_agg(a.attname::text order by a.attnum)
		from pg_class c join pg_attribute a on a.attrelid = c.oid
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
		  and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
		  and c.relname !~ '^bun_migration' and not (c.relname = any($1))
		  and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
		group by 1 order by 1`, fleeting)
	if err != nil {
		return h, fmt.Errorf("list tables: %w", err)
	}
	if h.Tables, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (t tableHeader, err error) {
		return t, row.Scan(&t.Name, &t.Columns)
	}); err != nil {
		return h, fmt.Errorf("list tables: %w", err)
	}
	if h.Migrations, err = migrations(ctx, tx); err != nil {
		return h, err
	}
	rows, err = tx.Query(ctx, `select sequencename::text, coalesce(last_value, 0) from pg_sequences where schemaname = 'public' and sequencename !~ '^bun_migration'`)
	if err != nil {
		return h, fmt.Errorf("list sequences: %w", err)
	}
	var name string
	var last int64
	_, err = pgx.ForEachRow(rows, []any{&name, &last}, func() error {
		h.Sequences[name] = last
		return nil
	})
	return h, err
}

// migrations are the names that each set has applied.
func migrations(ctx context.Context, tx pgx.Tx) (map[string][]string, error) {
	rows, err := tx.Query(ctx, `select substr(relname::text, length('bun_migrations_') + 1) from pg_class
		where relnamespace = 'public'::regnamespace and relkind = 'r' and relname ~ '^bun_migrations_'`)
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	sets, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	all := map[string][]string{}
	for _, set := range sets {
		rows, err := tx.Query(ctx, `select distinct name from `+quote("bun_migrations_"+set)+` order by 1`)
		if err == nil {
			all[set], err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		if err != nil {
			return nil, fmt.Errorf("list migrations of %s: %w", set, err)
		}
	}
	return all, nil
}

// Check reads a backup to its end, and so proves that it is whole. It returns
// [ErrDamaged].
func Check(r io.Reader, identities ...age.Identity) (Report, error) {
	in, h, err := open(r, identities)
	if err != nil {
		return Report{}, err
	}
	report := Report{At: h.At, Tables: len(h.Tables)}
	for range h.Tables {
		for {
			part, err := in.next()
			if err != nil {
				return Report{}, err
			}
			if len(part) == 0 {
				break
			}
			report.Rows++ // the server sends each row in a part of its own
		}
	}
	return report, in.end()
}

// open reads up to the first table.
func open(r io.Reader, identities []age.Identity) (*parts, header, error) {
	plain, err := age.Decrypt(r, identities...)
	if err != nil {
		var noMatch *age.NoIdentityMatchError
		if errors.As(err, &noMatch) {
			return nil, header{}, errors.New("the backup is not encrypted to this key")
		}
		return nil, header{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	unpacked, err := gzip.NewReader(plain)
	if err != nil {
		return nil, header{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	in := &parts{r: bufio.NewReaderSize(unpacked, 1<<20)}
	line, err := in.next()
	if err != nil {
		return nil, header{}, err
	}
	var h header
	if err := json.Unmarshal(line, &h); err != nil {
		return nil, header{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if h.Format != format {
		return nil, header{}, fmt.Errorf("the backup has format %d, this version reads %d", h.Format, format)
	}
	return in, h, nil
}

// frame writes one part: its length, then it. A part of length zero ends a
// table.
func frame(w io.Writer, part []byte) error {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(part)))
	if _, err := w.Write(length[:]); err != nil {
		return err
	}
	_, err := w.Write(part)
	return err
}

// frames writes what copy sends, part by part.
type frames struct{ w io.Writer }

func (f frames) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return len(p), frame(f.w, p)
}

// maxPart bounds what a damaged length can make us allocate: a row is smaller.
const maxPart = 1 << 30

type parts struct {
	r   *bufio.Reader
	buf []byte
}

// next is the next part, good until the one after it.
func (p *parts) next() ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(p.r, length[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxPart {
		return nil, ErrDamaged
	}
	if int(n) > cap(p.buf) {
		p.buf = make([]byte, n)
	}
	if _, err := io.ReadFull(p.r, p.buf[:n]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return p.buf[:n], nil
}

// end makes sure that nothing is left and that all of it was authentic.
func (p *parts) end() error {
	if _, err := p.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", ErrDamaged, errors.Join(err, errors.New("there is more than it says")))
	}
	return nil
}

// table reads the parts of one table as a stream.
type table struct {
	p    *parts
	rest []byte
	over bool
}

func (t *table) Read(into []byte) (int, error) {
	for len(t.rest) == 0 {
		if t.over {
			return 0, io.EOF
		}
		part, err := t.p.next()
		if err != nil {
			return 0, err
		}
		t.rest, t.over = part, len(part) == 0
	}
	n := copy(into, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("connect: malformed url") // the driver's text may quote a password
	}
	config.RuntimeParams["application_name"] = "siegel backup"
	config.RuntimeParams["statement_timeout"] = "0"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

func closeConn(ctx context.Context, conn *pgx.Conn) {
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = conn.Close(closing)
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}
