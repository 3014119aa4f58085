package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
)

// The kinds of letter that the registry queues, as the outbox names them.
const (
	trialMail  = "trial_mail"
	noticeMail = "notice_mail"
)

// mailTTL is for how long a letter is worth sending.
const mailTTL = 48 * time.Hour

// ErrNobody is returned by [Service.Letter] where there is nobody to write to.
var ErrNobody = fault.New(fault.NotFound, "nobody_to_write_to")

// write queues a letter to each owner of a tenant, in one transaction. What
// says which letter of its kind it is.
func (s *Service) write(ctx context.Context, tenant id.Tenant, kind, what string) error {
	owners, err := s.owners(ctx, tenant)
	if err != nil || len(owners) == 0 {
		return err
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		for _, owner := range owners {
			jobs.Add(b, jobs.Message{Tenant: tenant, Kind: kind, Ref: what + "_" + owner.UUID(), TTL: mailTTL})
		}
	})
	if err != nil {
		return fmt.Errorf("queue letter: %w", err)
	}
	s.Wake()
	return nil
}

// owners are the accounts of a tenant's owners.
func (s *Service) owners(ctx context.Context, tenant id.Tenant) ([]id.Account, error) {
	var owners []id.Account
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select account_id from member where tenant_id = $1 and role = 'owner' order by created, account_id`, []any{tenant},
			func(rows pgx.Rows) error {
				var owner id.Account
				if err := rows.Scan(&owner); err != nil {
					return err
				}
				owners = append(owners, owner)
				return nil
			})
	})
	if err != nil {
		return nil, fmt.Errorf("read owners: %w", err)
	}
	return owners, nil
}

// Letter is what a letter of the registry's says, for whoever words and sends it.
type Letter struct {
	To, Name, Language string
	// Variant is "ended", "erased", "off", "base" or "base_off", or empty.
	Variant  string
	Practice string
	// By is the host names that it is about, where it is about some.
	By    string
	Link  string
	Until time.Time
	Zone  string
	// From is the brand that writes.
	From Brand
}

// Letter reads a queued letter at the moment of sending. It returns [ErrNobody]
// where it concerns nobody any more.
func (s *Service) Letter(ctx context.Context, tenant id.Tenant, ref string) (Letter, error) {
	what, rest, ok := strings.Cut(ref, "_")
	if !ok {
		return Letter{}, ErrNobody
	}
	if what == "erased" {
		return s.erasedLetter(ctx, rest)
	}
	if what == "baselost" || what == "baseoff" {
		return s.baseLetter(ctx, rest, what == "baseoff")
	}
	var account id.Account
	if account.UnmarshalText([]byte("acc_"+rest)) != nil {
		return Letter{}, ErrNobody
	}
	t, err := s.ByID(ctx, tenant)
	if errors.Is(err, ErrUnknownTenant) {
		return Letter{}, ErrNobody
	} else if err != nil {
		return Letter{}, err
	}
	l := Letter{}
	if l.From, err = s.BrandOf(ctx, t); err != nil {
		return Letter{}, err
	}
	switch {
	case what == "hostlost" || what == "hostoff":
		if what == "hostoff" {
			l.Variant = "off"
		}
		if l.By, l.Until, err = s.lostHosts(ctx, tenant, l.Variant == "off"); err != nil {
			return Letter{}, err
		}
		if l.By == "" { // proven again meanwhile, or taken away
			return Letter{}, ErrNobody
		}
	case what == "given" && !t.NoticeEnds.IsZero():
		l.Until = t.NoticeEnds
	case what == "trialend" && t.Status == Trial:
		l.Variant = "ended"
	case strings.HasPrefix(what, "trial") && t.Status == Trial && !t.TrialEnds.IsZero():
		l.Until = t.TrialEnds
	default: // it became a plan meanwhile, or the notice was withdrawn
		return Letter{}, ErrNobody
	}
	var found *postgres.Found
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`
			select a.email, a.name, a.language, coalesce(p.name, ''), coalesce(p.zone, '')
			from member m join account a on a.id = m.account_id left join practice p on p.tenant_id = m.tenant_id
			where m.tenant_id = $1 and m.account_id = $2 and m.role = 'owner'`,
			[]any{tenant, account}, &l.To, &l.Name, &l.Language, &l.Practice, &l.Zone)
	})
	switch {
	case err != nil:
		return Letter{}, fmt.Errorf("read owner: %w", err)
	case !found.OK:
		return Letter{}, ErrNobody
	}
	if l.Practice == "" {
		l.Practice = t.Slug
	}
	l.Link = s.Scheme + "://" + s.Host(t.Slug, Office) + "/"
	return l, nil
}

func (s *Service) erasedLetter(ctx context.Context, certificate string) (Letter, error) {
	l := Letter{Variant: "erased"}
	var reseller id.Reseller
	var tenant string
	err := s.DB.Global().NewRaw(`select mail_to, mail_name, language, reseller_id, tenant::text from deletion_certificate where id = ? and mail_to <> ''`, certificate).
		Scan(ctx, &l.To, &l.Name, &l.Language, &reseller, &tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return Letter{}, ErrNobody
	}
	if err != nil {
		return Letter{}, fmt.Errorf("read certificate: %w", err)
	}
	// Its name is gone with it.
	l.Practice = "ten_" + tenant
	l.From, err = s.BrandOf(ctx, Tenant{Reseller: reseller})
	return l, err
}
