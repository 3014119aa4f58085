package onboarding

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/notify"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// SupportOver is the kind of message that ends a membership of support.
const SupportOver = "support_over"

// LetIn lets somebody from support into a practice, by their address and for a
// time: one of its reseller's people, or of the platform's. They are told by
// mail. It opens no keys, and stands in the practice's trail with its end. It
// returns registry.ErrNotSupport, staff.ErrMalformedSpan or
// staff.ErrAlreadyMember.
func (s *Service) LetIn(ctx context.Context, tenant id.Tenant, email string, span time.Duration) error {
	account, err := s.Registry.Supporter(ctx, tenant, email)
	if err != nil {
		return err
	}
	err = s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		until, err := s.Staff.LetIn(ctx, tx, tenant, account, span)
		if err != nil {
			return err
		}
		for _, m := range []jobs.Message{
			{Tenant: tenant, Kind: notify.SupportMail, Ref: account.UUID(), TTL: time.Hour},
			{Tenant: tenant, Kind: SupportOver, Ref: account.UUID(), At: until, TTL: 30 * 24 * time.Hour},
		} {
			if err := jobs.AddTx(ctx, tx, m); err != nil {
				return err
			}
		}
		entry := audit.Now(ctx, tenant, "support.let_in", account.String())
		entry.Detail = map[string]string{"until": until.Format(time.RFC3339)}
		return audit.RecordTx(ctx, tx, entry)
	})
	if err != nil {
		return fmt.Errorf("let support in: %w", err)
	}
	s.Staff.Forget(tenant, account)
	s.Wake()
	return nil
}

// EndSupport ends that, everywhere within staff.Age. Ending the sessions is for
// the caller. It returns staff.ErrNotMember.
func (s *Service) EndSupport(ctx context.Context, tenant id.Tenant, account id.Account) error {
	return s.endSupport(ctx, tenant, account, false)
}

// SupportIsOver carries out [SupportOver]: nobody is let in by what is over;
// this takes the row away and writes its end into the trail.
func (s *Service) SupportIsOver(ctx context.Context, m jobs.Message) error {
	var account id.Account
	if err := account.Scan(m.Ref); err != nil {
		return jobs.Permanent(fault.New(fault.Invalid, "malformed_reference"))
	}
	err := s.endSupport(ctx, m.Tenant, account, true)
	if errors.Is(err, staff.ErrNotMember) {
		return nil // it was ended before, or goes on for longer
	}
	return err
}

func (s *Service) endSupport(ctx context.Context, tenant id.Tenant, account id.Account, over bool) error {
	err := s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		ended, err := s.Staff.EndSupport(ctx, tx, tenant, account, over)
		if err != nil {
			return err
		}
		if !ended {
			return staff.ErrNotMember
		}
		return audit.RecordTx(ctx, tx, audit.Now(ctx, tenant, "support.end", account.String()))
	})
	s.Staff.Forget(tenant, account)
	if err != nil {
		return fmt.Errorf("end support: %w", err)
	}
	return nil
}

// supportLetter tells somebody from support who has let them in.
func (s *Service) supportLetter(ctx context.Context, tenant id.Tenant, ref string) (notify.Letter, error) {
	var account id.Account
	if err := account.Scan(ref); err != nil {
		return notify.Letter{}, ErrExpired
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return notify.Letter{}, fmt.Errorf("read practice: %w", err)
	}
	l := notify.Letter{Practice: offer.Practice.Name, Zone: offer.Practice.Zone}
	var found *postgres.Found
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select a.email, a.name, a.language, m.until from member m join account a on a.id = m.account_id
			where m.tenant_id = $1 and m.account_id = $2 and m.role = 'support' and m.until > now()`, []any{tenant, account},
			&l.To, &l.Name, &l.Language, &l.Until)
	})
	if err != nil {
		return notify.Letter{}, fmt.Errorf("read support: %w", err)
	}
	if !found.OK {
		return notify.Letter{}, ErrExpired
	}
	if l.Link, err = s.Host(ctx, tenant, registry.Office); err != nil {
		return notify.Letter{}, err
	}
	l.Link += "/"
	l.From, err = s.sender(ctx, tenant)
	return l, err
}
