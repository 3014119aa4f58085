package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/id"
)

// setTenant names the tenant, and who acts, until the transaction ends, and no
// longer: `set local` takes no parameters, this does the same. What is prepared
// is planned once, not anew for each call's values: every tenant's rows are
// found by the same indexes.
const setTenant = `select set_config('siegel.tenant', $1, true), set_config('siegel.actor', $2, true),
	set_config('plan_cache_mode', 'force_generic_plan', true)`

type actorKey struct{}

// As says who acts in the transactions that ctx is given to: a text that
// triggers find as the setting siegel.actor. It opens nothing.
func As(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

func actorOf(ctx context.Context) string {
	actor, _ := ctx.Value(actorKey{}).(string)
	return actor
}

// attempts is how often a transaction is run in all.
const attempts = 4

var errNoTenant = errors.New("a transaction needs a tenant")

// InTenant runs fn in a transaction that sees the rows of one tenant, and
// commits when fn returns nil. fn runs again, up to three times, when the
// transaction was the victim of a deadlock or a serialisation conflict: it
// must not do anything that a rollback does not undo. A panic rolls back.
//
// fn gets the errors of the database translated, and whatever it returns is
// returned with its chain.
func (db *DB) InTenant(ctx context.Context, tenant id.Tenant, fn func(ctx context.Context, tx bun.Tx) error) error {
	if tenant.IsZero() {
		return errNoTenant
	}
	return retry(ctx, func() error { return db.inTenant(ctx, tenant, fn) })
}

func (db *DB) inTenant(ctx context.Context, tenant id.Tenant, fn func(ctx context.Context, tx bun.Tx) error) error {
	tx, err := db.bun.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", translateIn(ctx, err))
	}
	// Also when fn panics or ends its goroutine; after a commit it does nothing.
	defer tx.Rollback()

	if _, err := tx.ExecContext(ctx, `select set_config('siegel.tenant', ?, true), set_config('siegel.actor', ?, true)`,
		tenant.UUID(), actorOf(ctx)); err != nil {
		return fmt.Errorf("name the tenant: %w", translateIn(ctx, err))
	}
	if err := fn(ctx, tx); err != nil {
		return translate(err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", translateIn(ctx, err))
	}
	return nil
}

// retry runs a transaction until it is not the victim of others.
func retry(ctx context.Context, run func() error) error {
	for attempt := 1; ; attempt++ {
		err := run()
		if attempt == attempts || !again(err) {
			return err
		}
		// Victims that come back together would only meet again.
		pause := time.NewTimer(time.Duration(attempt) * (2*time.Millisecond + rand.N(8*time.Millisecond)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return err
		case <-pause.C:
		}
	}
}
