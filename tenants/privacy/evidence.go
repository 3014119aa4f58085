package privacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Warned is how long before it ends an attestation is said to end.
const Warned = 90 * 24 * time.Hour

// Evidence is an attestation that the operator can show.
type Evidence struct {
	ID   uuid.UUID
	Kind string // c5_type1, c5_type2, iso27001, other
	// Title names it, Subject is what was examined, Country where that is.
	Title, Subject, Auditor, Country string
	Issued, Until                    time.Time
}

// Ends says whether it is over, or soon will be.
func (e Evidence) Ends(now time.Time) (over, soon bool) {
	end := e.Until.AddDate(0, 0, 1) // its last day is whole
	return !now.Before(end), !now.Before(end.Add(-Warned))
}

// Evidence is all that was entered, what ends first at the top.
func (s *Service) Evidence(ctx context.Context) ([]Evidence, error) {
	all := []Evidence{}
	err := s.DB.Global().NewRaw(`select id, kind, title, subject, auditor, country, issued, until from evidence order by until, id`).Scan(ctx, &all)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	return all, nil
}

func (s *Service) valid(all []Evidence) []Evidence {
	return slices.DeleteFunc(slices.Clone(all), func(e Evidence) bool {
		over, _ := e.Ends(s.Now())
		return over || e.Issued.After(s.Now())
	})
}

// EvidenceDraft is one as it is typed; days are dates.
type EvidenceDraft struct {
	Kind, Title, Subject, Auditor, Country string
	Issued, Until                          string
}

// EnterEvidence adds an attestation, or changes the one with that id. It
// returns [Mistakes] or [ErrUnknown].
func (s *Service) EnterEvidence(ctx context.Context, entry uuid.UUID, d EvidenceDraft) (uuid.UUID, error) {
	c := &checker{}
	if !slices.Contains([]string{"c5_type1", "c5_type2", "iso27001", "other"}, d.Kind) {
		c.fail("kind", "unknown")
	}
	c.text("title", &d.Title, 200, true, false)
	c.text("subject", &d.Subject, 500, true, false)
	c.text("auditor", &d.Auditor, 200, true, false)
	c.country("country", d.Country)
	issued, until := c.day("issued", d.Issued, true), c.day("until", d.Until, true)
	if !issued.Before(until) {
		c.fail("until", "order")
	}
	if err := c.mistakes.orNil(); err != nil {
		return uuid.Nil, err
	}
	query := `update evidence set kind = ?1, title = ?2, subject = ?3, auditor = ?4, country = ?5, issued = ?6::date, until = ?7::date, changed = now(), told = case when until = ?7::date then told end where id = ?0`
	if entry == uuid.Nil {
		entry = uuid.Must(uuid.NewV7())
		query = `insert into evidence (id, kind, title, subject, auditor, country, issued, until) values (?0, ?1, ?2, ?3, ?4, ?5, ?6::date, ?7::date)`
	}
	return entry, s.one(ctx, query, entry.String(), d.Kind, d.Title, d.Subject, d.Auditor, d.Country, dayOrNil(issued), dayOrNil(until))
}

// StrikeEvidence takes one out. It returns [ErrUnknown].
func (s *Service) StrikeEvidence(ctx context.Context, entry uuid.UUID) error {
	return s.one(ctx, `delete from evidence where id = ?`, entry.String())
}

// one runs what must touch a row.
func (s *Service) one(ctx context.Context, query string, args ...any) error {
	res, err := s.DB.Global().NewRaw(query, args...).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write a register: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrUnknown, err)
	}
	return nil
}
