package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/backup"
)

// EraseAgain erases the tenants that came back with a backup and had been
// erased since, as [Service.Erase] did, and certifies it with the time of then.
// It is for [backup.Restore], whose transaction sees every row.
func EraseAgain(ctx context.Context, tx pgx.Tx, erased map[[32]byte]time.Time) (int64, error) {
	rows, err := tx.Query(ctx, `select id, reseller_id, `+backup.Key("tenant", "id")+` from tenant where `+backup.Key("tenant", "id")+` = any($1)`, backup.Hashes(erased))
	if err != nil {
		return 0, fmt.Errorf("find erased tenants: %w", err)
	}
	type found struct {
		ID, Reseller *uuid.UUID
		Hash         []byte
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowToStructByPos[found])
	if err != nil {
		return 0, fmt.Errorf("find erased tenants: %w", err)
	}
	for _, t := range tenants {
		if _, err := tx.Exec(ctx, `update tenant set status = 'closed' where id = $1`, t.ID); err != nil {
			return 0, fmt.Errorf("close tenant: %w", err)
		}
		tables, err := eraseAll(ctx, tx, *t.ID)
		if err != nil {
			return 0, err
		}
		people := tables["account"]
		delete(tables, "account")
		text, err := json.Marshal(tables)
		if err != nil {
			return 0, err
		}
		if _, err := tx.Exec(ctx, `insert into deletion_certificate (id, tenant, reseller_id, reason, erased, tables, redis_keys, people)
			values ($1, $2, $3, $4, $5, $6, 0, $7)`, uuid.Must(uuid.NewV7()), t.ID, t.Reseller,
			"erased again after a backup was restored", erased[[32]byte(t.Hash)], text, people); err != nil {
			return 0, fmt.Errorf("certify: %w", err)
		}
	}
	return int64(len(tenants)), nil
}

func eraseAll(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (map[string]int64, error) {
	rows, err := tx.Query(ctx, `select relation, erased from erase_tenant($1)`, tenant)
	if err != nil {
		return nil, fmt.Errorf("erase tenant: %w", err)
	}
	tables := map[string]int64{}
	var relation string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&relation, &n}, func() error {
		tables[relation] += n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("erase tenant: %w", err)
	}
	return tables, nil
}
