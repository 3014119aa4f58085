package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"siegel/platform/fault"
)

// What callers may find in an error.
var (
	// ErrUnavailable: the database cannot be reached, is full, or is too busy.
	ErrUnavailable = fault.New(fault.Unavailable, "database_unavailable")
	// ErrNotFound: a single row was asked for and there was none.
	ErrNotFound = fault.New(fault.NotFound, "not_found")
	// ErrConstraint: the database refused what was written. [Violates] tells
	// which rule it was; a subject turns it into an error of its own.
	ErrConstraint = fault.New(fault.Conflict, "constraint_violated")
	// ErrMalformedText: a text holds a NUL or is not UTF-8.
	ErrMalformedText = fault.New(fault.Invalid, "malformed_text")
)

// ConstraintError names the rule that a write broke: unique, exclusion,
// foreign key or check. What the server says about the row stays behind.
type ConstraintError struct {
	// Name is the constraint's, or the unique index's.
	Name string
	// Code is the SQLSTATE, of class 23.
	Code string
}

func (e *ConstraintError) Error() string {
	return fmt.Sprintf("constraint %s violated (SQLSTATE %s)", e.Name, e.Code)
}

// Violates reports whether err says that the named constraint was broken.
func Violates(err error, constraint string) bool {
	var violated *ConstraintError
	return errors.As(err, &violated) && violated.Name == constraint
}

// serverError is any other refusal of the server. It has the SQLSTATE, and the
// message only where a message speaks of the schema, not of a value.
type serverError struct{ code, message string }

func (e *serverError) Error() string {
	if e.message == "" {
		return "SQLSTATE " + e.code
	}
	return e.message + " (SQLSTATE " + e.code + ")"
}

// translate is the one place where an error of the driver becomes ours. What
// already carries a fault, and what is not the driver's, stays as it is.
func translate(err error) error {
	var (
		already *fault.Error
		refused *pgconn.PgError
		dial    *pgconn.ConnectError
		network net.Error
	)
	switch {
	case err == nil, errors.As(err, &already):
		return err
	case errors.Is(err, sql.ErrNoRows): // pgx.ErrNoRows is one of these
		return ErrNotFound.Because(err)
	case errors.As(err, &refused): // before ConnectError, which may wrap one
		return translateRefusal(refused)
	case errors.As(err, &dial):
		// Its text names host and user; the password is not in it.
		return unavailable(err)
	case errors.Is(err, context.Canceled):
		return err // the caller has gone, that is no failure of the database
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, pgconn.ErrConnClosed),
		errors.Is(err, puddle.ErrClosedPool),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		pgconn.SafeToRetry(err):
		return unavailable(err)
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return fmt.Errorf("a statement had failed and its error was dropped: %w", err)
	}
	return err
}

// translateIn prefers what the caller's context says: a driver that was
// interrupted reports a broken connection.
func translateIn(ctx context.Context, err error) error {
	if cause := ctx.Err(); err != nil && errors.Is(cause, context.Canceled) {
		return cause
	}
	return translate(err)
}

func unavailable(err error) error { return ErrUnavailable.After(time.Second).Because(err) }

func translateRefusal(e *pgconn.PgError) error {
	switch e.Code {
	case "23505", "23P01", "23503", "23514": // unique, exclusion, foreign key, check
		return ErrConstraint.Because(&ConstraintError{Name: e.ConstraintName, Code: e.Code})
	case "22021", "22P05": // not UTF-8, or a NUL
		return ErrMalformedText.Because(&serverError{code: e.Code})
	case "57P01", "57P02", "57P03", "57P05", // shutting down, crashed, starting up, idle too long
		"57014", // statement_timeout: a cancellation of ours shows as the context's
		"55P03", // lock_timeout
		"25006", // read-only: a standby took over, or is about to
		"58030": // input or output failed
		return unavailable(&serverError{e.Code, e.Message})
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "08", "53": // connection, resources: disk full, memory, too many connections
		return unavailable(&serverError{e.Code, e.Message})
	case "22": // a value that does not fit; the message quotes it
		return &serverError{code: e.Code}
	}
	return &serverError{e.Code, e.Message}
}

// again reports whether the same transaction has a fair chance when it is run
// once more: it was the loser of a deadlock or of a serialisation conflict.
func again(err error) bool {
	var refused *serverError
	return errors.As(err, &refused) && (refused.code == "40P01" || refused.code == "40001")
}
