package postgres

import (
	"context"
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5"
)

// The texts of batches are few and constant, and for most of them the server
// takes longer to read and plan than to run. So each is prepared once a
// connection, outside of any transaction. A pooler hands the server's
// connections from client to client and may lose them: where one is met, or
// `default_query_exec_mode=exec` stands in the URL, texts are sent whole from
// the start. One that passes for the server is noticed when they are lost.

const (
	codeUnknownStatement   = "26000"
	codeDuplicateStatement = "42P05"
	codeNotSupported       = "0A000" // "cached plan must not change result type"
)

// prepare makes known to the server what b is about to send. A text that
// cannot be prepared is sent whole, and fails there if it has to.
func (db *DB) prepare(ctx context.Context, conn *pgx.Conn, b *Batch) {
	if db.whole.Load() {
		return
	}
	for _, s := range b.steps {
		if _, err := conn.Prepare(ctx, s.sql, s.sql); err != nil {
			db.forgot(ctx, conn, translate(err))
			return
		}
	}
}

// forgot reports whether err came of a prepared statement that the server does
// not have, or no longer the way it was, and clears up: the same batch, none of
// which counts, can then be sent again.
func (db *DB) forgot(ctx context.Context, conn *pgx.Conn, err error) bool {
	var refused *serverError
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.code {
	case codeUnknownStatement, codeDuplicateStatement:
		if !db.whole.Swap(true) {
			slog.Warn("prepared statements do not last, as behind a pooler: doing without")
		}
	case codeNotSupported: // a migration came between
	default:
		return false
	}
	return conn.DeallocateAll(ctx) == nil
}
