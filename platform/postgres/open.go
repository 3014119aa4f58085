// Package postgres is the only way to the database.
//
// It promises that a tenant's rows are reached through [DB.InTenant] and
// [DB.Batch] alone, each of which names the tenant inside its transaction, so
// that row-level security lets nothing else through and the name is gone when
// the connection goes back to the pool. It promises that what a caller sees of
// the driver's errors is a fault, a constraint's name or an SQLSTATE, never the
// values of a row. It does not promise that a statement is right: the subjects
// own their SQL.
//
// Two traps come with bun, which writes arguments into the text of a statement:
// a question mark in that text is a placeholder wherever it stands, also inside
// a literal or as the operator of jsonb, and bun.Safe is raw SQL.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Config says which database, as whom, over how many connections.
type Config struct {
	// URL is a pgx connection string. A role that CheckRole refuses can be
	// named here, but does not get past it.
	URL string
	// MaxConns is the size of the pool; 16 where zero.
	MaxConns int32
	// Wait is how long a caller may queue for a connection before it is told
	// [ErrUnavailable]; 2 s where zero. A caller's own deadline may be earlier.
	Wait time.Duration
	// Tracer is told of every statement; nil tells nobody.
	Tracer pgx.QueryTracer
}

// connectTimeout bounds how long the server may take to take us in.
const connectTimeout = 5 * time.Second

// DB is a pool of connections under one role.
type DB struct {
	pool *pgxpool.Pool
	bun  *bun.DB
	wait time.Duration
	// whole says that batches are sent without preparing them.
	whole atomic.Bool
}

// Open connects and makes sure that somebody answers. It returns
// [ErrUnavailable] where nobody does.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.MaxConns == 0 {
		c.MaxConns = 16
	}
	if c.Wait == 0 {
		c.Wait = 2 * time.Second
	}
	config, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		// The driver's text may quote the URL, and a URL may hold a password.
		return nil, errors.New("open database: malformed url")
	}
	config.MaxConns = c.MaxConns
	whole := config.ConnConfig.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement // the driver's default
	setMode(config.ConnConfig, pgx.QueryExecModeExec)
	config.ConnConfig.Tracer = c.Tracer

	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", translate(err))
	}
	// The connections belong to pgxpool; database/sql must neither keep idle
	// ones of its own nor queue in front of it.
	sqldb := sql.OpenDB(connector{Connector: stdlib.GetPoolConnector(pool), wait: c.Wait})
	sqldb.SetMaxIdleConns(0)
	db := &DB{pool: pool, bun: bun.NewDB(sqldb, pgdialect.New()), wait: c.Wait}
	db.whole.Store(whole)
	// The first connection may take longer than one may queue later on.
	first, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	pooled, err := db.pooled(first)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open database: %w", translateIn(ctx, err))
	}
	if pooled {
		db.whole.Store(true)
	}
	return db, nil
}

// pooled reports whether a pooler stands before the server: it greets each
// client with a process number that is not that of the server's process.
func (db *DB) pooled(ctx context.Context) (bool, error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	var pid uint32
	err = conn.QueryRow(ctx, `select pg_backend_pid()`).Scan(&pid)
	return pid != conn.Conn().PgConn().PID(), err
}

// setMode sends each statement by itself and lets the server find the types.
// The driver prepares nothing of its own accord, since bun's texts hardly
// repeat; what [DB.Batch] sends is prepared there.
func setMode(c *pgx.ConnConfig, mode pgx.QueryExecMode) {
	c.DefaultQueryExecMode = mode
	c.StatementCacheCapacity = 0
	c.DescriptionCacheCapacity = 0
	if c.ConnectTimeout == 0 || c.ConnectTimeout > connectTimeout {
		c.ConnectTimeout = connectTimeout
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "siegel"
	}
}

// Close ends all connections; it waits for those in use.
func (db *DB) Close() {
	db.bun.Close()
	db.pool.Close()
}

// Ping asks the server for a sign of life. It returns [ErrUnavailable].
func (db *DB) Ping(ctx context.Context) error {
	conn, err := db.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return translate(conn.Ping(ctx))
}

// Global is the door to the tables that all tenants share. It names no tenant,
// so the tables of tenants look empty from here and refuse every write.
func (db *DB) Global() *bun.DB { return db.bun }

// acquire takes a connection out of the pool, and gives up in time.
func (db *DB) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, db.wait)
	defer cancel()
	conn, err := db.pool.Acquire(waiting)
	if err != nil {
		return nil, translateIn(ctx, err)
	}
	return conn, nil
}
