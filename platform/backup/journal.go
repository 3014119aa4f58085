package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// journalSuffix is how copies of the journal are called.
	journalSuffix = ".journal.age"
	// untilFile says how far the copies reach, also where nothing was erased.
	untilFile = "journal.until"
	// journalKept is for how long the database keeps what it has copied: no
	// backup should be older.
	journalKept = 2 * 365 * 24 * time.Hour
)

// entry is one erased row.
type entry struct {
	ID       uuid.UUID `json:"id"`
	At       time.Time `json:"at"`
	Relation string    `json:"relation"`
	Columns  []string  `json:"columns"`
	Hash     []byte    `json:"hash"`
}

// ShipJournal copies what was erased since the last time to a new file in dir,
// encrypted to the recipients, and returns how many rows that were. It counts
// as copied once it is on the disk. Several may run at once.
func ShipJournal(ctx context.Context, url string, recipients []age.Recipient, dir string) (int, error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer closeConn(ctx, conn)
	n := 0
	var until time.Time
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// What is erased in a transaction that is not over yet has this time or a
		// later one, or that of the oldest transaction.
		if err := tx.QueryRow(ctx, `select least(now(), min(xact_start)) from pg_stat_activity where backend_type = 'client backend'`).Scan(&until); err != nil {
			return fmt.Errorf("read the clock: %w", err)
		}
		rows, err := tx.Query(ctx, `select id, at, relation, columns, hash from deletion_journal where shipped is null order by at, id for update skip locked`)
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		entries, err := pgx.CollectRows(rows, pgx.RowToStructByPos[entry])
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		if n = len(entries); n == 0 {
			return nil
		}
		var text bytes.Buffer
		ids := make([]uuid.UUID, n)
		enc := json.NewEncoder(&text)
		for i, e := range entries {
			if ids[i] = e.ID; err == nil {
				err = enc.Encode(e)
			}
		}
		if err != nil {
			return err
		}
		name := filepath.Join(dir, entries[0].At.UTC().Format("20060102T150405Z")+"-"+entries[0].ID.String()[:8]+journalSuffix)
		if err := Save(name, func(w io.Writer) error {
			sealed, err := age.Encrypt(w, recipients...)
			if err != nil {
				return err
			}
			_, err = sealed.Write(text.Bytes())
			return errors.Join(err, sealed.Close())
		}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update deletion_journal set shipped = now() where id = any($1)`, ids); err != nil {
			return fmt.Errorf("mark as copied: %w", err)
		}
		_, err = tx.Exec(ctx, `delete from deletion_journal where shipped < now() - make_interval(secs => $1)`, journalKept.Seconds())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("copy the journal: %w", err)
	}
	return n, Save(filepath.Join(dir, untilFile), func(w io.Writer) error {
		_, err := io.WriteString(w, until.UTC().Format(time.RFC3339)+"\n")
		return err
	})
}

// Save writes a file as a whole or not at all, readable to nobody else, and
// returns when it is on the disk.
func Save(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".siegel-*")
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}
	defer os.Remove(f.Name())
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// readJournal reads all copies in a folder, and how far they reach. A copy that
// does not open is an error: what it lists would come back.
func readJournal(dir string, identities []age.Identity) (entries []entry, until time.Time, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*"+journalSuffix))
	if err != nil {
		return nil, until, err
	}
	slices.Sort(names)
	for _, name := range names {
		more, err := readCopy(name, identities)
		if err != nil {
			return nil, until, fmt.Errorf("journal %s: %w", filepath.Base(name), err)
		}
		entries = append(entries, more...)
	}
	until, err = JournalUntil(dir)
	return entries, until, err
}

// JournalUntil is how far the copies of the journal in a folder reach.
func JournalUntil(dir string) (time.Time, error) {
	text, err := os.ReadFile(filepath.Join(dir, untilFile))
	if err != nil {
		return time.Time{}, fmt.Errorf("journal: %w", err)
	}
	until, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	if err != nil {
		return time.Time{}, fmt.Errorf("journal: %s: %w", untilFile, err)
	}
	return until, nil
}

func readCopy(name string, identities []age.Identity) (entries []entry, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := age.Decrypt(f, identities...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	in := json.NewDecoder(plain)
	for {
		var e entry
		switch err := in.Decode(&e); {
		case errors.Is(err, io.EOF):
			return entries, nil
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		entries = append(entries, e)
	}
}
