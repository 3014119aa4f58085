package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun"

	"siegel/platform/id"
)

// InSnapshot runs fn in a transaction that reads the rows of one tenant as of
// one moment, however many statements it takes and whatever others commit
// meanwhile. Writing fails.
func (db *DB) InSnapshot(ctx context.Context, tenant id.Tenant, fn func(ctx context.Context, tx bun.Tx) error) error {
	if tenant.IsZero() {
		return errNoTenant
	}
	tx, err := db.bun.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin: %w", translateIn(ctx, err))
	}
	// There is nothing to commit.
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `select set_config('siegel.tenant', ?, true)`, tenant.UUID()); err != nil {
		return fmt.Errorf("name the tenant: %w", translateIn(ctx, err))
	}
	return translate(fn(ctx, tx))
}
