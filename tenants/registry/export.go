package registry

import (
	"archive/zip"
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/id"
)

//go:embed export.txt
var exportReadme []byte

// leftOut are tables, and columns ("table.column"), that would let whoever finds
// the file act as somebody, and that no practice needs to leave.
func leftOut(name string) bool {
	return slices.Contains([]string{"session", "audit_due", "registration", "outbox", "provider.secrets",
		"webhook.secret", "webhook.old_secret", "calendar_feed.hash"}, name)
}

// Export writes everything of a tenant as one zip: a file per table with a JSON
// object per row, and a readme. What is sealed stays sealed; bytes are base64.
// All of it is as of one moment. It returns [ErrUnknownTenant]. What was written
// before an error is no zip.
func (s *Service) Export(ctx context.Context, tenant id.Tenant, to io.Writer) error {
	t, err := s.ByID(ctx, tenant)
	if err != nil {
		return err
	}
	x := &exporter{zip: zip.NewWriter(to), now: s.Now().UTC(), rows: map[string]int{}}
	err = x.add("README.txt", func(w io.Writer) error {
		_, err := w.Write(bytes.ReplaceAll(exportReadme, []byte("{tenant}"), []byte(t.ID.String())))
		return err
	})
	if err == nil {
		err = s.DB.InSnapshot(ctx, tenant, func(ctx context.Context, tx bun.Tx) error { return x.tables(ctx, tx, t) })
	}
	if err == nil {
		err = x.add("manifest.json", func(w io.Writer) error {
			return json.NewEncoder(w).Encode(map[string]any{
				"version": 1, "tenant": t.ID, "slug": t.Slug, "made": x.now.Format(time.RFC3339), "rows": x.rows,
			})
		})
	}
	if err == nil {
		err = x.zip.Close()
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

type exporter struct {
	zip  *zip.Writer
	now  time.Time
	rows map[string]int
}

func (x *exporter) add(name string, write func(io.Writer) error) error {
	w, err := x.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: x.now})
	if err != nil {
		return err
	}
	return write(w)
}

func (x *exporter) tables(ctx context.Context, tx bun.Tx, t Tenant) error {
	var found []struct {
		Name, Col string
		IsText    bool
		// Bytes and Columns are names divided by spaces.
		Bytes, Columns string
	}
	err := tx.NewRaw(`
		select r.name, r.col, r.is_text,
		  coalesce(string_agg(a.attname, ' ' order by a.attnum) filter (where a.atttypid = 'bytea'::regtype), '') as bytes,
		  string_agg(a.attname, ' ' order by a.attnum) as columns
		from tenant_relations() r
		join pg_attribute a on a.attrelid = r.relation and a.attnum > 0 and not a.attisdropped
		where has_table_privilege(r.relation, 'select')
		group by r.name, r.col, r.is_text order by r.name`).Scan(ctx, &found)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for _, f := range found {
		if leftOut(f.Name) {
			continue
		}
		kind := "uuid"
		if f.IsText {
			kind = "text"
		}
		query := `select (to_jsonb(x)` + changed(f.Name, strings.Fields(f.Bytes), strings.Fields(f.Columns)) + `)::text from ` + quote(f.Name) + ` x where ` + quote(f.Col) + ` = ?::` + kind
		if err := x.table(ctx, tx, f.Name, query, t.ID.UUID()); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	// What is kept apart from tenants, and is theirs all the same.
	for _, one := range []struct{ name, query string }{
		{"tenant", `select to_jsonb(x)::text from tenant x where id = ?::uuid`},
		{"month_count", `select to_jsonb(x)::text from month_count x where tenant = ?::uuid order by month`},
		{"people", `select json_build_object('account_id', a.id, 'email', a.email, 'name', a.name, 'language', a.language,
			'member_public_key', translate(encode(a.member_public_key, 'base64'), e'\n', ''))::text
			from member m join account a on a.id = m.account_id where m.tenant_id = ?::uuid order by m.created`},
	} {
		if err := x.table(ctx, tx, one.name, one.query, t.ID.UUID()); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return nil
}

// changed is what the JSON of a row says otherwise than Postgres would: bytes
// in base64, and some columns not at all.
func changed(table string, binary, columns []string) string {
	var b strings.Builder
	for _, column := range columns {
		if leftOut(table + "." + column) {
			b.WriteString(` - '` + column + `'`)
		}
	}
	for _, column := range binary {
		if !leftOut(table + "." + column) {
			b.WriteString(` || jsonb_build_object('` + column + `', translate(encode(x.` + quote(column) + `, 'base64'), e'\n', ''))`)
		}
	}
	return b.String()
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (x *exporter) table(ctx context.Context, tx bun.Tx, name, query, tenant string) error {
	rows, err := tx.QueryContext(ctx, query, tenant)
	if err != nil {
		return err
	}
	defer rows.Close()
	return x.add("tables/"+name+".jsonl", func(w io.Writer) error {
		var line sql.RawBytes
		for rows.Next() {
			if err := rows.Scan(&line); err != nil {
				return err
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
			x.rows[name]++
		}
		return rows.Err()
	})
}
