package privacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/registry"
)

// ErrNobody is returned by [Service.Letter] where there is nobody to write to.
var ErrNobody = fault.New(fault.NotFound, "nobody_to_write_to")

// The kinds of letter about what has changed or soon will, as the outbox names them.
const (
	statementMail = "statement_mail"
	evidenceMail  = "evidence_mail"
	// toldTTL is for how long such a letter is worth sending.
	toldTTL = 7 * 24 * time.Hour
)

// othersDecide is the section of a practice's statement in which others decide
// what it says: who carries, stores and looks after data. Where it changes, the
// owners are told, who answer for every word of it.
const othersDecide = "else"

// tell queues a letter to each owner about a new version of the statement, in
// the transaction that keeps it.
func tell(ctx context.Context, tx bun.Tx, tenant id.Tenant, number int) error {
	var owners []struct{ AccountID id.Account }
	err := tx.NewRaw(`select account_id from member where tenant_id = ? and role = 'owner' order by 1`, tenant).Scan(ctx, &owners)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for _, owner := range owners {
		m := jobs.Message{Tenant: tenant, Kind: statementMail, Ref: strconv.Itoa(number) + "_" + owner.AccountID.UUID(), TTL: toldTTL}
		if err := jobs.AddTx(ctx, tx, m); err != nil {
			return err
		}
	}
	return nil
}

// WarnOfEvidence writes to all owners and to those who run the installation that
// an attestation ends within [Warned], once for each: from then on they have to
// ask, or answer, for a new one.
func (s *Service) WarnOfEvidence(ctx context.Context) error {
	tenants, err := s.Registry.List(ctx)
	if err != nil {
		return fmt.Errorf("list tenants: %w", err)
	}
	err = s.DB.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var ending []struct{ ID uuid.UUID }
		// Whoever sets told writes the letters; who crashes amidst it writes some twice.
		err := tx.NewRaw(`update evidence set told = ?0 where told is null and (until + 1)::timestamptz - make_interval(secs => ?1) <= ?0 returning id`,
			s.Now().UTC(), Warned.Seconds()).Scan(ctx, &ending)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		for _, e := range ending {
			if err := s.warn(ctx, audit.PlatformScope, e.ID, `select account_id from platform_member order by 1`); err != nil {
				return err
			}
			for _, t := range tenants {
				if t.Status == registry.Closed {
					continue
				}
				if err := s.warn(ctx, t.ID, e.ID, `select account_id from member where role = 'owner' order by 1`); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("warn of evidence that ends: %w", err)
	}
	return nil
}

func (s *Service) warn(ctx context.Context, scope id.Tenant, evidence uuid.UUID, whom string) error {
	return s.DB.InTenant(ctx, scope, func(ctx context.Context, tx bun.Tx) error {
		var all []struct{ AccountID id.Account }
		if err := tx.NewRaw(whom).Scan(ctx, &all); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		for _, one := range all {
			m := jobs.Message{Tenant: scope, Kind: evidenceMail, Ref: evidence.String() + "_" + one.AccountID.UUID(), TTL: toldTTL}
			if err := jobs.AddTx(ctx, tx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// StatementLetter reads a queued letter about a new version at the moment of
// sending. It returns [ErrNobody] where the owner or the version is gone.
func (s *Service) StatementLetter(ctx context.Context, tenant id.Tenant, ref string) (registry.Letter, error) {
	number, account, ok := strings.Cut(ref, "_")
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return registry.Letter{}, ErrNobody
	}
	l, err := s.toOwner(ctx, tenant, account)
	if err != nil {
		return registry.Letter{}, err
	}
	versions, err := s.Versions(ctx, tenant)
	if err != nil {
		return registry.Letter{}, err
	}
	i := slices.IndexFunc(versions, func(v Version) bool { return v.Number == n })
	if i < 0 {
		return registry.Letter{}, ErrNobody
	}
	texts, ok := s.words[l.Language]
	if !ok {
		texts = s.words["de"]
	}
	var titles []string
	for _, section := range versions[i].Changed {
		titles = append(titles, texts["h."+section])
	}
	l.By, l.Until = strings.Join(titles, "; "), versions[i].Made
	return l, nil
}

// EvidenceLetter reads a queued letter about an attestation that ends. It
// returns [ErrNobody] where a newer date was entered meanwhile.
func (s *Service) EvidenceLetter(ctx context.Context, scope id.Tenant, ref string) (registry.Letter, error) {
	entry, account, _ := strings.Cut(ref, "_")
	all, err := s.Evidence(ctx)
	if err != nil {
		return registry.Letter{}, err
	}
	i := slices.IndexFunc(all, func(e Evidence) bool { return e.ID.String() == entry })
	if i < 0 {
		return registry.Letter{}, ErrNobody
	}
	over, soon := all[i].Ends(s.Now())
	if !soon {
		return registry.Letter{}, ErrNobody
	}
	var l registry.Letter
	if scope == audit.PlatformScope {
		l, err = s.toOperator(ctx, account)
	} else {
		l, err = s.toOwner(ctx, scope, account)
	}
	if err != nil {
		return registry.Letter{}, err
	}
	l.By, l.Until = all[i].Title, all[i].Until
	if over {
		l.Variant = "over"
	}
	return l, nil
}

func (s *Service) toOwner(ctx context.Context, tenant id.Tenant, account string) (l registry.Letter, err error) {
	var owner id.Account
	if owner.UnmarshalText([]byte("acc_"+account)) != nil {
		return l, ErrNobody
	}
	var found *postgres.Found
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`
			select a.email, a.name, a.language, coalesce(p.name, ''), coalesce(p.zone, '')
			from member m join account a on a.id = m.account_id left join practice p on p.tenant_id = m.tenant_id
			where m.tenant_id = $1 and m.account_id = $2 and m.role = 'owner'`, []any{tenant, owner}, &l.To, &l.Name, &l.Language, &l.Practice, &l.Zone)
	})
	switch {
	case err != nil:
		return l, fmt.Errorf("read owner: %w", err)
	case !found.OK:
		return l, ErrNobody
	}
	t, err := s.Registry.ByID(ctx, tenant)
	if err != nil {
		return l, err
	}
	l.Link = s.Registry.Scheme + "://" + s.Registry.Host(t.Slug, registry.Office) + "/#setup/privacy"
	l.From, err = s.Registry.BrandOf(ctx, t)
	return l, err
}

func (s *Service) toOperator(ctx context.Context, account string) (l registry.Letter, err error) {
	var who id.Account
	if who.UnmarshalText([]byte("acc_"+account)) != nil {
		return l, ErrNobody
	}
	err = s.DB.Global().NewRaw(`select a.email, a.name, a.language from account a join platform_member m on m.account_id = a.id where a.id = ?`, who).
		Scan(ctx, &l.To, &l.Name, &l.Language)
	if errors.Is(err, sql.ErrNoRows) {
		return l, ErrNobody
	}
	if err != nil {
		return l, fmt.Errorf("read who runs the installation: %w", err)
	}
	l.Practice = s.Operator.Name
	l.Link = s.Registry.Scheme + "://" + s.Registry.Host("", registry.Portal) + "/"
	l.From, err = s.Registry.BrandOf(ctx, registry.Tenant{})
	return l, err
}
