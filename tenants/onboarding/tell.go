package onboarding

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/notify"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// tellTTL is for how long a letter about a new version is worth sending.
const tellTTL = 7 * 24 * time.Hour

// Tell writes to the owners of every practice that accepted an older edition
// that there is a new one: each of them once for each version, on however many
// servers it runs. Practices that accepted none read the newest anyway.
func (s *Service) Tell(ctx context.Context) error {
	if len(s.Editions) < 2 {
		return nil
	}
	version := s.Editions[len(s.Editions)-1].Version
	var done bool
	if err := s.DB.Global().NewRaw(`select exists (select from agreement_published where version = ?)`, version).Scan(ctx, &done); err != nil {
		return fmt.Errorf("tell of the agreement: %w", err)
	}
	if done {
		return nil
	}
	tenants, err := s.Registry.List(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range tenants {
		if t.Status == registry.Closed {
			continue
		}
		if err := s.tell(ctx, t.ID, version); err != nil {
			errs = append(errs, fmt.Errorf("tell of the agreement: %w", err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...) // the next round tells those who are left
	}
	s.Wake()
	if _, err := s.DB.Global().NewRaw(`insert into agreement_published (version) values (?) on conflict do nothing`, version).Exec(ctx); err != nil {
		return fmt.Errorf("tell of the agreement: %w", err)
	}
	return nil
}

func (s *Service) tell(ctx context.Context, tenant id.Tenant, version string) error {
	return s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		var told []struct{ AccountID id.Account }
		err := tx.NewRaw(`
			insert into agreement_told (tenant_id, version, account_id)
			select m.tenant_id, ?1, m.account_id from member m
			where m.tenant_id = ?0 and m.role = ?2
			  and exists (select from agreement g where g.tenant_id = m.tenant_id)
			  and not exists (select from agreement g where g.tenant_id = m.tenant_id and g.version = ?1)
			on conflict do nothing returning account_id`, tenant, version, string(staff.Owner)).Scan(ctx, &told)
		if err != nil {
			return err
		}
		for _, owner := range told {
			if err := jobs.AddTx(ctx, tx, jobs.Message{Tenant: tenant, Kind: notify.AgreementMail, Ref: owner.AccountID.UUID(), TTL: tellTTL}); err != nil {
				return err
			}
		}
		return nil
	})
}

// agreementLetter asks an owner to read the new version, as long as nobody of
// the practice has accepted it.
func (s *Service) agreementLetter(ctx context.Context, tenant id.Tenant, ref string) (notify.Letter, error) {
	var owner id.Account
	if err := owner.Scan(ref); err != nil {
		return notify.Letter{}, ErrExpired
	}
	due, err := s.AgreementDue(ctx, tenant)
	if err != nil {
		return notify.Letter{}, err
	}
	if !due {
		return notify.Letter{}, ErrExpired
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return notify.Letter{}, fmt.Errorf("read practice: %w", err)
	}
	l := notify.Letter{Practice: offer.Practice.Name, Zone: offer.Practice.Zone, Until: s.Editions[len(s.Editions)-1].Required}
	found := false
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select a.email, a.name, a.language from member m join account a on a.id = m.account_id
			where m.tenant_id = $1 and m.account_id = $2 and m.role = 'owner'`, []any{tenant, owner}, func(rows pgx.Rows) error {
			found = true
			return rows.Scan(&l.To, &l.Name, &l.Language)
		})
	})
	if err != nil {
		return notify.Letter{}, fmt.Errorf("read owner: %w", err)
	}
	if !found {
		return notify.Letter{}, ErrExpired
	}
	if l.Link, err = s.Host(ctx, tenant, registry.Office); err != nil {
		return notify.Letter{}, err
	}
	l.Link += "/"
	l.From, err = s.sender(ctx, tenant)
	return l, err
}
