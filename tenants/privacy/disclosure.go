package privacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
)

// Disclosure is what an authority asked for, and what it was given: kinds of
// data, never the data.
type Disclosure struct {
	ID         uuid.UUID
	Received   time.Time
	Authority  string
	LegalBasis string
	// Concerns is the practice, if it is one.
	Concerns id.Tenant
	Decision string // open, refused, given, partly
	Given    string
	// Told is when the practice was told, Forbidden why it may not be.
	Told      time.Time
	Forbidden string
}

// DisclosureDraft is one as it is typed; days are dates.
type DisclosureDraft struct {
	Received, Authority, LegalBasis string
	Concerns                        id.Tenant
	Decision, Given, Forbidden      string
}

// Disclosures are all, the latest first.
func (s *Service) Disclosures(ctx context.Context) ([]Disclosure, error) {
	var rows []struct {
		ID                    uuid.UUID
		Received              time.Time
		Authority, LegalBasis string
		Concerns              id.Tenant
		Decision, Given       string
		Told                  *time.Time
		Forbidden             string
	}
	err := s.DB.Global().NewRaw(`select id, received, authority, legal_basis, concerns, decision, given, told, forbidden
		from disclosure order by received desc, id desc`).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read disclosures: %w", err)
	}
	all := make([]Disclosure, len(rows))
	for i, r := range rows {
		all[i] = Disclosure{r.ID, r.Received, r.Authority, r.LegalBasis, r.Concerns, r.Decision, r.Given, time.Time{}, r.Forbidden}
		if r.Told != nil {
			all[i].Told = *r.Told
		}
	}
	return all, nil
}

// EnterDisclosure adds a request of an authority, or changes the one with that
// id. Once something was decided about a practice, the practice is told in its
// own trail, unless the entry says why that is forbidden. It returns [Mistakes]
// or [ErrUnknown].
func (s *Service) EnterDisclosure(ctx context.Context, entry uuid.UUID, d DisclosureDraft) (uuid.UUID, error) {
	c := &checker{}
	received := c.day("received", d.Received, true)
	c.text("authority", &d.Authority, 200, true, false)
	c.text("legal_basis", &d.LegalBasis, 300, true, false)
	c.text("given", &d.Given, 1000, d.Decision == "given" || d.Decision == "partly", true)
	c.text("forbidden", &d.Forbidden, 300, false, false)
	if !slices.Contains([]string{"open", "refused", "given", "partly"}, d.Decision) {
		c.fail("decision", "unknown")
	}
	if !d.Concerns.IsZero() {
		if _, err := s.Registry.ByID(ctx, d.Concerns); err != nil {
			c.fail("concerns", "unknown")
		}
	}
	if err := c.mistakes.orNil(); err != nil {
		return uuid.Nil, err
	}
	query := `update disclosure set received = ?1::date, authority = ?2, legal_basis = ?3, concerns = ?4, decision = ?5, given = ?6, forbidden = ?7,
		told = case when concerns is distinct from ?4::uuid then null else told end, changed = now() where id = ?0`
	if entry == uuid.Nil {
		entry = uuid.Must(uuid.NewV7())
		query = `insert into disclosure (id, received, authority, legal_basis, concerns, decision, given, forbidden) values (?0, ?1::date, ?2, ?3, ?4, ?5, ?6, ?7)`
	}
	if err := s.one(ctx, query, entry.String(), dayOrNil(received), d.Authority, d.LegalBasis, d.Concerns, d.Decision, d.Given, d.Forbidden); err != nil {
		return uuid.Nil, err
	}
	if d.Concerns.IsZero() || d.Forbidden != "" || d.Decision == "open" {
		return entry, nil
	}
	var told *time.Time
	if err := s.DB.Global().NewRaw(`select told from disclosure where id = ?`, entry.String()).Scan(ctx, &told); err != nil {
		return uuid.Nil, fmt.Errorf("read a disclosure: %w", err)
	}
	if told != nil {
		return entry, nil
	}
	e := audit.Now(ctx, d.Concerns, "disclosure."+d.Decision, entry.String())
	e.Detail = map[string]string{"authority": d.Authority, "basis": d.LegalBasis, "given": d.Given}
	if err := s.Audit.Record(ctx, e); err != nil {
		return uuid.Nil, err
	}
	return entry, s.one(ctx, `update disclosure set told = current_date where id = ?`, entry.String())
}

// Reporting is until when a breach has to be reported (Art. 33 (1) GDPR).
const Reporting = 72 * time.Hour

// Breach is a breach of data protection, or a drill of one.
type Breach struct {
	ID      uuid.UUID
	Drill   bool
	Noticed time.Time
	What    string
	// Begins and Ends are between when data were open, half-open.
	Begins, Ends time.Time
	// Concerns are practices; none means all.
	Concerns []id.Tenant
	// Reported and Closed are zero before.
	Reported, Closed time.Time
}

// Due is when the time to report is over.
func (b Breach) Due() time.Time { return b.Noticed.Add(Reporting) }

// Affected is a practice with the bookings that were there while data were open.
type Affected struct {
	Tenant   id.Tenant
	Slug     string
	Bookings []id.Booking
}

// Breaches are all, the latest first.
func (s *Service) Breaches(ctx context.Context) ([]Breach, error) { return s.breaches(ctx, "") }

func (s *Service) breaches(ctx context.Context, where string, args ...any) ([]Breach, error) {
	var rows []struct {
		ID           uuid.UUID
		Drill        bool
		Noticed      time.Time
		What         string
		Begins, Ends time.Time
		Concerns     []string `bun:",array"`
		Reported     *time.Time
		Closed       *time.Time
	}
	err := s.DB.Global().NewRaw(`select id, drill, noticed, what, begins, ends, concerns::text[] as concerns, reported, closed from breach `+where+
		` order by noticed desc, id desc`, args...).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read breaches: %w", err)
	}
	all := make([]Breach, len(rows))
	for i, r := range rows {
		all[i] = Breach{ID: r.ID, Drill: r.Drill, Noticed: r.Noticed.UTC(), What: r.What, Begins: r.Begins.UTC(), Ends: r.Ends.UTC()}
		for _, text := range r.Concerns {
			var tenant id.Tenant
			if err := tenant.Scan(text); err != nil {
				return nil, fmt.Errorf("stored breach: %w", err)
			}
			all[i].Concerns = append(all[i].Concerns, tenant)
		}
		if r.Reported != nil {
			all[i].Reported = r.Reported.UTC()
		}
		if r.Closed != nil {
			all[i].Closed = r.Closed.UTC()
		}
	}
	return all, nil
}

// Notice begins one; its clock runs from now. It returns [Mistakes].
func (s *Service) Notice(ctx context.Context, b Breach) (uuid.UUID, error) {
	c := &checker{}
	c.text("what", &b.What, 1000, true, true)
	if !b.Begins.Before(b.Ends) {
		c.fail("ends", "order")
	}
	concerns := []string{}
	for _, tenant := range b.Concerns {
		if _, err := s.Registry.ByID(ctx, tenant); err != nil {
			c.fail("concerns", "unknown")
		}
		concerns = append(concerns, tenant.UUID())
	}
	if err := c.mistakes.orNil(); err != nil {
		return uuid.Nil, err
	}
	b.ID = uuid.Must(uuid.NewV7())
	list := "{"
	for i, c := range concerns {
		if i > 0 {
			list += ","
		}
		list += c
	}
	return b.ID, s.one(ctx, `insert into breach (id, drill, noticed, what, begins, ends, concerns) values (?, ?, ?, ?, ?, ?, ?::uuid[])`,
		b.ID.String(), b.Drill, s.Now().UTC(), b.What, b.Begins, b.Ends, list+"}")
}

// Step says that a breach was reported, or that it is over. It returns
// [ErrUnknown] where that was said already.
func (s *Service) Step(ctx context.Context, breach uuid.UUID, reported bool) error {
	column := "closed"
	if reported {
		column = "reported"
	}
	return s.one(ctx, `update breach set `+column+` = ? where id = ? and `+column+` is null`, s.Now().UTC(), breach.String())
}

// AffectedBy are the practices that a breach concerns, with the ids of the
// bookings that were stored for a part of its time. It returns [ErrUnknown].
func (s *Service) AffectedBy(ctx context.Context, breach uuid.UUID) (Breach, []Affected, error) {
	found, err := s.breaches(ctx, "where id = ?", breach.String())
	if err != nil {
		return Breach{}, nil, err
	}
	if len(found) == 0 {
		return Breach{}, nil, ErrUnknown
	}
	b := found[0]
	tenants, err := s.Registry.List(ctx)
	if err != nil {
		return Breach{}, nil, fmt.Errorf("list tenants: %w", err)
	}
	affected := []Affected{}
	for _, t := range tenants {
		if len(b.Concerns) > 0 && !slices.Contains(b.Concerns, t.ID) {
			continue
		}
		a := Affected{Tenant: t.ID, Slug: t.Slug, Bookings: []id.Booking{}}
		err := s.DB.Batch(ctx, t.ID, func(x *postgres.Batch) {
			// What was made before the end and is still there was there meanwhile.
			x.Rows(`select distinct booking_id::text from appointment where tenant_id = $1 and created < $2 order by 1`, []any{t.ID, b.Ends}, func(rows pgx.Rows) error {
				var text string
				if err := rows.Scan(&text); err != nil {
					return err
				}
				var booking id.Booking
				err := booking.Scan(text)
				a.Bookings = append(a.Bookings, booking)
				return err
			})
		})
		if err != nil {
			return Breach{}, nil, fmt.Errorf("read bookings: %w", err)
		}
		affected = append(affected, a)
	}
	return b, affected, nil
}
