package practice

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"

	"github.com/uptrace/bun"

	"siegel/tenants/schedule"
)

// row is a row of one table of what a practice offers. Its key tells the rows
// of a tenant apart, and is comparable.
type row interface{ key() any }

// sheet is a tenant's rows of one table.
type sheet[R row] []R

// sheets is what is common to all of them.
type sheets interface {
	// insertNew inserts what is not in before, updateChanged and deleteGone
	// write the rest of the difference. before is of the same type.
	insertNew(ctx context.Context, tx bun.Tx, before sheets) error
	updateChanged(ctx context.Context, tx bun.Tx, before sheets) error
	deleteGone(ctx context.Context, tx bun.Tx, before sheets) error
}

func (s *sheet[R]) insertNew(ctx context.Context, tx bun.Tx, before sheets) error {
	var (
		known = before.(*sheet[R]).byKey()
		added []R
	)
	for _, r := range *s {
		if _, ok := known[r.key()]; !ok {
			added = append(added, r)
		}
	}
	if len(added) == 0 {
		return nil
	}
	if _, err := tx.NewInsert().Model(&added).Exec(ctx); err != nil {
		return fmt.Errorf("insert %T: %w", added[0], err)
	}
	return nil
}

func (s *sheet[R]) updateChanged(ctx context.Context, tx bun.Tx, before sheets) error {
	known := before.(*sheet[R]).byKey()
	for _, r := range *s {
		if old, ok := known[r.key()]; !ok || reflect.DeepEqual(old, r) {
			continue
		}
		if _, err := tx.NewUpdate().Model(&r).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update %T: %w", r, err)
		}
	}
	return nil
}

func (s *sheet[R]) deleteGone(ctx context.Context, tx bun.Tx, before sheets) error {
	stays := s.byKey()
	for _, r := range *before.(*sheet[R]) {
		if _, ok := stays[r.key()]; ok {
			continue
		}
		if _, err := tx.NewDelete().Model(&r).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete %T: %w", r, err)
		}
	}
	return nil
}

func (s *sheet[R]) byKey() map[any]R {
	all := make(map[any]R, len(*s))
	for _, r := range *s {
		all[r.key()] = r
	}
	return all
}

// dateColumn is a date as a column has it; no date is null.
type dateColumn schedule.Date

// Value writes the date.
func (d dateColumn) Value() (driver.Value, error) {
	if d == 0 {
		return nil, nil
	}
	return schedule.Date(d).String(), nil
}
