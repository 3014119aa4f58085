package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
)

// Batch collects the statements of one round trip. Placeholders are $1, $2 …;
// the server finds the types of arguments, so a text stands for an id, a date
// or an enumeration as well. Where it cannot know (in a select list), write
// $1::uuid.
type Batch struct {
	steps []step
	// handed says that rows were handed out, which cannot be taken back.
	handed bool
}

type step struct {
	sql  string
	args []any
	read func(pgx.Rows) error
}

// Found says whether a statement had a row. It is filled in when the batch has
// run.
type Found struct{ OK bool }

// Exec adds a statement whose rows nobody reads.
func (b *Batch) Exec(sql string, args ...any) {
	b.steps = append(b.steps, step{sql, args, nil})
}

// Row adds a statement of which the first row, if there is one, is read into
// dest. That there is none is told by [Found], it is no error and leaves dest
// alone.
func (b *Batch) Row(sql string, args []any, dest ...any) *Found {
	found := &Found{}
	b.steps = append(b.steps, step{sql, args, func(rows pgx.Rows) error {
		if !rows.Next() {
			return nil
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		found.OK = true
		return nil
	}})
	return found
}

// Rows adds a statement of which scan gets every row. An error of scan is
// returned, but undoes nothing: the rows come with the answer, when the
// transaction is over.
func (b *Batch) Rows(sql string, args []any, scan func(pgx.Rows) error) {
	b.steps = append(b.steps, step{sql, args, func(rows pgx.Rows) error {
		for rows.Next() {
			b.handed = true
			if err := scan(rows); err != nil {
				return err
			}
		}
		return nil
	}})
}

// Batch sends all statements that build adds in one round trip, as one
// transaction that sees the rows of one tenant: all of them count or none
// does. A statement cannot use the result of an earlier one; where that is
// needed there is [DB.InTenant]. Where the connection breaks before the answer,
// the error is [ErrUnavailable] and nobody knows whether the batch counts.
//
// After a deadlock or a serialisation conflict build runs again, up to three
// times, unless rows were handed to a scan function before.
func (db *DB) Batch(ctx context.Context, tenant id.Tenant, build func(b *Batch)) error {
	if tenant.IsZero() {
		return errNoTenant
	}
	return db.batch(ctx, func(b *Batch) {
		b.Exec(setTenant, tenant.UUID(), actorOf(ctx))
		build(b)
	})
}

// GlobalBatch is [DB.Batch] without a tenant: for the tables that all tenants
// share, and for the relay's role, which sees the outbox of all of them.
func (db *DB) GlobalBatch(ctx context.Context, build func(b *Batch)) error {
	return db.batch(ctx, build)
}

func (db *DB) batch(ctx context.Context, build func(b *Batch)) error {
	conn, err := db.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()

	var last error
	return retry(ctx, func() error {
		b := &Batch{}
		build(b)
		db.prepare(ctx, conn.Conn(), b)
		last = b.send(ctx, conn.Conn())
		if !b.handed && db.forgot(ctx, conn.Conn(), last) {
			b = &Batch{}
			build(b)
			last = b.send(ctx, conn.Conn())
		}
		if b.handed && again(last) {
			return fmt.Errorf("rows were read already: %w", ErrUnavailable.Because(final{last}))
		}
		return last
	})
}

// final keeps the text of an error and hides what would have it retried.
type final struct{ err error }

func (f final) Error() string { return f.err.Error() }

// plain puts ids as what they are to the database. The driver would find that
// out only after it has failed to encode them in every other way.
func plain(args []any) []any {
	for i, a := range args {
		if raw, ok := a.([16]byte); ok { // which can be sent only where the server has said the type
			args[i] = uuid.UUID(raw).String()
			continue
		}
		one, ok := a.(interface {
			driver.Valuer
			UUID() string
		})
		if ok && reflect.TypeOf(a).Kind() != reflect.Pointer { // which may be nil
			if value, err := one.Value(); err == nil {
				args[i] = value
			}
		}
	}
	return args
}

// send runs the batch: the statements and the end of their transaction arrive
// at the server together, and the server skips to that end, which is then a
// rollback, at the first one that fails.
func (b *Batch) send(ctx context.Context, conn *pgx.Conn) (err error) {
	var queue pgx.Batch
	for _, s := range b.steps {
		queue.Queue(s.sql, plain(s.args)...)
	}
	results := conn.SendBatch(ctx, &queue)
	defer func() {
		// The commit answers last, and with it what was deferred.
		if closing := results.Close(); err == nil && closing != nil {
			err = translateIn(ctx, closing)
		}
	}()
	for i, s := range b.steps {
		if s.read == nil {
			if _, err := results.Exec(); err != nil {
				return fmt.Errorf("statement %d: %w", i+1, translateIn(ctx, err))
			}
			continue
		}
		rows, err := results.Query()
		if err == nil {
			err = s.read(rows)
			rows.Close()
		}
		if err == nil {
			err = rows.Err()
		}
		if err != nil {
			return fmt.Errorf("statement %d: %w", i+1, translateIn(ctx, err))
		}
	}
	return nil
}
