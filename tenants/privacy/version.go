package privacy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
)

// Version is one that was shown from an instant on.
type Version struct {
	Number int
	Made   time.Time // UTC
	// Changed are the ids of the sections that are not as in the one before.
	Changed []string
}

// version is a stored one.
type version struct {
	Number          int
	Hash            []byte
	German, English string
	Made            time.Time
}

func (v version) document(language string) (d Document, err error) {
	text := v.German
	if language != "de" {
		text = v.English
	}
	if err = json.Unmarshal([]byte(text), &d); err != nil {
		return d, fmt.Errorf("stored statement: %w", err)
	}
	return d, nil
}

func (s *Service) versions(ctx context.Context, scope id.Tenant, most int) (all []version, err error) {
	err = s.DB.Batch(ctx, scope, func(b *postgres.Batch) {
		b.Rows(`select number, hash, german::text, english::text, made from statement_version where tenant_id = $1 order by number desc limit $2`,
			[]any{scope, most}, func(rows pgx.Rows) error {
				var v version
				err := rows.Scan(&v.Number, &v.Hash, &v.German, &v.English, &v.Made)
				v.Made = v.Made.UTC()
				all = append(all, v)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("read versions of the statement: %w", err)
	}
	return all, nil
}

// Versions are the latest of a tenant, or of the operator for the zero tenant,
// the newest first.
func (s *Service) Versions(ctx context.Context, tenant id.Tenant) ([]Version, error) {
	stored, err := s.versions(ctx, scopeOf(tenant), 21)
	if err != nil {
		return nil, err
	}
	all := []Version{}
	for i, v := range stored[:min(20, len(stored))] {
		one := Version{Number: v.Number, Made: v.Made, Changed: []string{}}
		if i+1 < len(stored) {
			now, err := v.document("de")
			before, err2 := stored[i+1].document("de")
			if err := errors.Join(err, err2); err != nil {
				return nil, err
			}
			one.Changed = differ(before, now)
		}
		all = append(all, one)
	}
	return all, nil
}

// Shown returns a version as it was shown. It returns [ErrUnknown].
func (s *Service) Shown(ctx context.Context, tenant id.Tenant, number int, language string) (Document, error) {
	var v version
	var found *postgres.Found
	scope := scopeOf(tenant)
	err := s.DB.Batch(ctx, scope, func(b *postgres.Batch) {
		found = b.Row(`select number, german::text, english::text, made from statement_version where tenant_id = $1 and number = $2`,
			[]any{scope, number}, &v.Number, &v.German, &v.English, &v.Made)
	})
	switch {
	case err != nil:
		return Document{}, fmt.Errorf("read a version of the statement: %w", err)
	case !found.OK:
		return Document{}, ErrUnknown
	}
	d, err := v.document(language)
	if err != nil {
		return Document{}, err
	}
	w := s.write(Statement, language)
	w.doc = d
	w.section("versions")
	w.add("fact.version", params{"number": strconv.Itoa(v.Number), "date": w.date(v.Made)})
	return w.doc, nil
}

// ShownWith is the version that stood beside a booking when it was confirmed;
// zero where none was kept.
func (s *Service) ShownWith(ctx context.Context, tenant id.Tenant, booking id.Booking) (number int, err error) {
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select number from statement_shown where tenant_id = $1 and booking_id = $2`, []any{tenant, booking.UUID()}, &number)
	})
	if err != nil {
		return 0, fmt.Errorf("read what was shown: %w", err)
	}
	return number, nil
}

func scopeOf(tenant id.Tenant) id.Tenant {
	if tenant.IsZero() {
		return audit.PlatformScope
	}
	return tenant
}

// differ are the sections that are not alike.
func differ(before, now Document) []string {
	changed := []string{}
	text := func(d Document, id string) []byte {
		i := slices.IndexFunc(d.Sections, func(x Section) bool { return x.ID == id })
		if i < 0 {
			return nil
		}
		b, _ := json.Marshal(d.Sections[i])
		return b
	}
	for _, d := range []Document{now, before} {
		for _, x := range d.Sections {
			if !slices.Contains(changed, x.ID) && !bytes.Equal(text(before, x.ID), text(now, x.ID)) {
				changed = append(changed, x.ID)
			}
		}
	}
	return changed
}

// bare is a statement without what it says of its own versions.
func (s *Service) bare(ctx context.Context, tenant id.Tenant, language string) (Document, error) {
	w := s.write(Statement, language)
	if tenant.IsZero() {
		p, err := s.Profile(ctx)
		if err != nil {
			return Document{}, err
		}
		err = s.operatorsStatement(ctx, w, p)
		return w.doc, err
	}
	f, err := s.facts(ctx, tenant)
	if err != nil {
		return Document{}, err
	}
	s.statement(w, f)
	return w.doc, nil
}

// hash is of both languages.
func hash(german, english []byte) []byte {
	h := sha256.New()
	h.Write(german)
	h.Write([]byte{0})
	h.Write(english)
	return h.Sum(nil)
}

// Keep stores the statement as it is now, unless it is as it was. The zero
// tenant is the operator. Where others than the practice changed what it says,
// its owners are written to.
func (s *Service) Keep(ctx context.Context, tenant id.Tenant) error {
	german, err := s.bare(ctx, tenant, "de")
	if err != nil {
		return err
	}
	english, err := s.bare(ctx, tenant, "en")
	if err != nil {
		return err
	}
	de, err := json.Marshal(german)
	if err != nil {
		return fmt.Errorf("write the statement: %w", err)
	}
	en, err := json.Marshal(english)
	if err != nil {
		return fmt.Errorf("write the statement: %w", err)
	}
	sum, scope := hash(de, en), scopeOf(tenant)
	newest, err := s.versions(ctx, scope, 1)
	if err != nil || len(newest) > 0 && bytes.Equal(newest[0].Hash, sum) {
		return err
	}
	err = s.DB.InTenant(ctx, scope, func(ctx context.Context, tx bun.Tx) error {
		// Several servers notice at once: one writes.
		if _, err := tx.NewRaw(`select pg_advisory_xact_lock(7316236, hashtext(?))`, scope.UUID()).Exec(ctx); err != nil {
			return err
		}
		var number int
		var last []byte
		var before version
		err := tx.NewRaw(`select number, hash, german::text from statement_version where tenant_id = ? order by number desc limit 1`, scope).Scan(ctx, &number, &last, &before.German)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if bytes.Equal(last, sum) {
			return nil
		}
		_, err = tx.NewRaw(`insert into statement_version (tenant_id, number, hash, german, english) values (?, ?, ?, ?::jsonb, ?::jsonb)`,
			scope, number+1, sum, string(de), string(en)).Exec(ctx)
		if err != nil || number == 0 || tenant.IsZero() {
			return err
		}
		shown, err := before.document("de")
		if err != nil || !slices.Contains(differ(shown, german), othersDecide) {
			return err
		}
		return tell(ctx, tx, tenant, number+1)
	})
	if err != nil {
		return fmt.Errorf("keep the statement: %w", err)
	}
	return nil
}

// KeepAll does so for every tenant and the operator. One that fails keeps no
// other from it.
func (s *Service) KeepAll(ctx context.Context) error {
	tenants, err := s.Registry.List(ctx)
	if err != nil {
		return fmt.Errorf("list tenants: %w", err)
	}
	failed := s.Keep(ctx, id.Tenant{})
	for _, t := range tenants {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failed = errors.Join(failed, s.Keep(ctx, t.ID))
	}
	return failed
}

// history adds which version this is and what changed when.
func (s *Service) history(ctx context.Context, w *writer, scope id.Tenant) error {
	all, err := s.versions(ctx, scope, 6)
	if err != nil {
		return err
	}
	now, err := json.Marshal(w.doc)
	if err != nil {
		return fmt.Errorf("write the statement: %w", err)
	}
	w.section("versions")
	w.add("versions.kept")
	for i, v := range all {
		stored, err := v.document(w.doc.Language)
		if err != nil {
			return err
		}
		number, date := strconv.Itoa(v.Number), w.date(v.Made)
		if i == 0 {
			if same, _ := json.Marshal(stored); bytes.Equal(same, now) {
				w.add("fact.version", params{"number": number, "date": date})
			} else {
				w.add("fact.version_now", params{"number": number})
			}
		}
		switch {
		case i+1 < len(all):
			before, err := all[i+1].document(w.doc.Language)
			if err != nil {
				return err
			}
			var titles []string
			for _, id := range differ(before, stored) {
				titles = append(titles, w.words["h."+id])
			}
			w.add("fact.changed", params{"number": number, "date": date, "sections": strings.Join(titles, ", ")})
		case v.Number == 1:
			w.add("fact.first", params{"number": number, "date": date})
		}
	}
	return nil
}
