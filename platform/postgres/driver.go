package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// connector hands pool connections to database/sql with two habits added: the
// wait for one is bounded, and every error is translated where it arises, so
// that it makes no difference through which door a statement went.
type connector struct {
	driver.Connector
	wait time.Duration
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	inner, err := c.Connector.Connect(waiting)
	if err != nil {
		return nil, translateIn(ctx, err)
	}
	std, ok := inner.(*stdlib.Conn)
	if !ok {
		inner.Close()
		return nil, errors.New("the driver's connection is of an unknown kind")
	}
	return conn{std}, nil
}

type conn struct{ *stdlib.Conn }

func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := checkText(query); err != nil {
		return nil, err
	}
	result, err := c.Conn.ExecContext(ctx, query, args)
	if err != nil {
		return nil, translateIn(ctx, err)
	}
	return result, nil
}

func (c conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := checkText(query); err != nil {
		return nil, err
	}
	inner, err := c.Conn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, translateIn(ctx, err)
	}
	if std, ok := inner.(*stdlib.Rows); ok {
		return rows{std, ctx}, nil
	}
	return inner, nil
}

func (c conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	inner, err := c.Conn.BeginTx(ctx, options)
	if err != nil {
		return nil, translateIn(ctx, err)
	}
	return tx{inner}, nil
}

// checkText refuses the one character that no text of Postgres can hold: in a
// message to the server it would end the statement there. (In an argument, bun
// has put an error in its place by now, which the server refuses as syntax.)
func checkText(query string) error {
	if strings.IndexByte(query, 0) >= 0 {
		return ErrMalformedText
	}
	return nil
}

type rows struct {
	*stdlib.Rows
	ctx context.Context
}

func (r rows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return translateIn(r.ctx, err)
}

type tx struct{ driver.Tx }

// Commit is where deferred constraints speak.
func (t tx) Commit() error { return translate(t.Tx.Commit()) }
