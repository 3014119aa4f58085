package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"
)

// Set is a series of migrations with a history of its own, kept in the table
// bun_migrations_<name>.
type Set struct {
	Name string
	// FS holds <timestamp>_<subject>.tx.up.sql; each file is one transaction.
	FS fs.FS
}

// migrationLock is the key of the advisory lock; any number will do that
// nobody else in the database uses.
const migrationLock int64 = 0x73696567656c // "siegel"

var setName = regexp.MustCompile(`^[a-z][a-z_]{0,30}$`)

// Migrate brings the database up to date, set after set in the order given. It
// may run again at any time, and in several processes at once: they take turns,
// and those who come late find nothing to do. A file counts as applied in the
// very transaction that applied it. It needs a role that owns the tables.
//
// A statement that waits more than two seconds for a table's lock fails, and
// with it the migration, rather than holding up everyone behind it.
//
// All it asks of a session lives inside transactions: a pooler may stand in
// between, of which it takes two connections.
func Migrate(ctx context.Context, url string, sets ...Set) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return errors.New("migrate: malformed url")
	}
	setMode(config, pgx.QueryExecModeExec)

	// The lock lives and dies with a transaction, and that with its connection:
	// a migration that crashed leaves none behind.
	lock, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("migrate: %w", translate(err))
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = lock.Exec(closing, `rollback`) // a pooler keeps the connection for others
		lock.Close(closing)
	}()
	for _, statement := range []string{`begin`, `set local idle_in_transaction_session_timeout = 0`,
		fmt.Sprintf(`select pg_advisory_xact_lock(%d)`, migrationLock)} {
		if _, err := lock.Exec(ctx, statement); err != nil {
			return fmt.Errorf("migrate: wait for others: %w", translateIn(ctx, err))
		}
	}
	for _, set := range sets {
		if err := migrateSet(ctx, config.Copy(), set); err != nil {
			return fmt.Errorf("migrate %s: %w", set.Name, err)
		}
	}
	return nil
}

func migrateSet(ctx context.Context, config *pgx.ConnConfig, set Set) error {
	if !setName.MatchString(set.Name) {
		return errors.New("a set's name is lower-case letters")
	}
	migrations := migrate.NewMigrations()
	if err := migrations.Discover(set.FS); err != nil {
		return fmt.Errorf("read files: %w", err)
	}
	// Only the simple protocol takes a file of several statements whole.
	setMode(config, pgx.QueryExecModeSimpleProtocol)
	db := bun.NewDB(stdlib.OpenDB(*config), pgdialect.New())
	defer db.Close()

	table := "bun_migrations_" + set.Name
	migrator := migrate.NewMigrator(db, migrations,
		migrate.WithTableName(table),
		migrate.WithLocksTableName("bun_migration_locks_"+set.Name),
		migrate.WithMarkAppliedOnSuccess(true),
		// bun notes a success in a transaction of its own; a crash before that
		// would have the file run twice. So it is noted here first, and bun's
		// note only repeats it.
		migrate.WithUpsert(true),
		migrate.BeforeMigration(func(ctx context.Context, tx bun.IConn, _ *migrate.Migration) error {
			_, err := tx.ExecContext(ctx, `set local lock_timeout = '2s'`)
			return err
		}),
		migrate.AfterMigration(func(ctx context.Context, tx bun.IConn, m *migrate.Migration) error {
			_, err := tx.ExecContext(ctx, `insert into ? (name, group_id) values (?, ?)`, bun.Ident(table), m.Name, m.GroupID)
			return err
		}))
	if err := migrator.Init(ctx); err != nil {
		return fmt.Errorf("prepare: %w", translateIn(ctx, err))
	}
	if _, err := migrator.Migrate(ctx); err != nil {
		// Not translated: the operator needs the server's words, and there are
		// no values of rows in a schema.
		return err
	}
	return nil
}
