package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/uptrace/bun"
)

// Pending counts the migrations of the sets that have not been applied, and
// those that have been and are in no set: a later version was here.
func (db *DB) Pending(ctx context.Context, sets ...Set) (pending, unknown int, err error) {
	for _, set := range sets {
		files, err := fs.ReadDir(set.FS, ".")
		if err != nil {
			return 0, 0, fmt.Errorf("read migrations: %w", err)
		}
		var names []string
		if err := db.bun.NewRaw(`select distinct name from ?`, bun.Ident("bun_migrations_"+set.Name)).Scan(ctx, &names); err != nil {
			return 0, 0, fmt.Errorf("read history of %s: %w", set.Name, err)
		}
		applied := map[string]bool{}
		for _, name := range names {
			applied[name] = true
		}
		for _, file := range files {
			name, _, _ := strings.Cut(file.Name(), "_")
			if strings.HasSuffix(file.Name(), ".sql") && !applied[name] {
				pending++
			}
			delete(applied, name)
		}
		unknown += len(applied)
	}
	return pending, unknown, nil
}
