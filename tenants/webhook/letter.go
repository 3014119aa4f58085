package webhook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/registry"
)

// ErrNobody is returned by [Service.Letter] where there is nobody to write to,
// or nothing to write of, any more.
var ErrNobody = fault.New(fault.NotFound, "nobody_to_write_to")

const (
	// letterKind is the letters' kind, as the outbox names it.
	letterKind = "webhook_mail"
	// letterTTL is for how long it is worth saying that a webhook is off.
	letterTTL = 3 * 24 * time.Hour
)

// whom are those who are told that a webhook was switched off: the owners of a
// practice, or the admins of a reseller. $1 is the scope; row-level security and
// the ids see to it that only one of the halves has rows.
const whom = `
	select account_id from member where tenant_id = $1 and role = 'owner'
	union select account_id from reseller_member where reseller_id = $1::uuid and role = 'reseller_admin'`

// Letter reads a queued letter about a webhook that was switched off, at the
// moment of sending. It names the webhook and not its address, which may have a
// secret in it. It returns [ErrNobody] where somebody has switched it on again
// or removed it, or where the addressee is in charge no more.
func (s *Service) Letter(ctx context.Context, scope id.Tenant, ref string) (registry.Letter, error) {
	if s.Registry == nil {
		return registry.Letter{}, errors.New("webhook: no registry to write letters with")
	}
	hook, account, _ := strings.Cut(ref, "_")
	var webhook id.Webhook
	var who id.Account
	if webhook.Scan(hook) != nil || who.Scan(account) != nil {
		return registry.Letter{}, ErrNobody
	}
	var l registry.Letter
	var reason string
	var reseller bool
	var found *postgres.Found
	err := s.DB.Batch(ctx, scope, func(b *postgres.Batch) {
		found = b.Row(`
			with whom as (`+whom+`)
			select a.email, a.name, a.language, w.name, coalesce(w.failing_since, w.tried, w.created), coalesce(p.name, ''), coalesce(p.zone, ''), t.id is null,
				coalesce((select d.reason from webhook_delivery d where d.tenant_id = w.tenant_id and d.webhook_id = w.id and d.tried is not null order by d.tried desc limit 1), '')
			from webhook w join whom on true join account a on a.id = whom.account_id
			left join practice p on p.tenant_id = w.tenant_id left join tenant t on t.id = w.tenant_id
			where w.tenant_id = $1 and w.id = $2 and a.id = $3 and w.status = 'failed'`, []any{scope, webhook, who},
			&l.To, &l.Name, &l.Language, &l.By, &l.Until, &l.Practice, &l.Zone, &reseller, &reason)
	})
	switch {
	case err != nil:
		return registry.Letter{}, fmt.Errorf("read a letter about a webhook: %w", err)
	case !found.OK:
		return registry.Letter{}, ErrNobody
	}
	if reason == "gone" {
		l.Variant = "gone"
	}
	if reseller {
		return s.toReseller(ctx, l, scope)
	}
	t, err := s.Registry.ByID(ctx, scope)
	if err != nil {
		return registry.Letter{}, err
	}
	l.Link = s.Registry.Scheme + "://" + s.Registry.Host(t.Slug, registry.Office) + "/#setup/systems"
	l.From, err = s.Registry.BrandOf(ctx, t)
	return l, err
}

func (s *Service) toReseller(ctx context.Context, l registry.Letter, scope id.Tenant) (registry.Letter, error) {
	var reseller id.Reseller
	if err := reseller.Scan(scope.UUID()); err != nil || audit.ResellerScope(reseller) != scope {
		return registry.Letter{}, ErrNobody
	}
	r, err := s.Registry.Reseller(ctx, reseller)
	if errors.Is(err, registry.ErrUnknownReseller) {
		return registry.Letter{}, ErrNobody
	}
	if err != nil {
		return registry.Letter{}, err
	}
	l.Practice, l.Zone = r.Brand.Name, r.Zone
	l.Link = s.Registry.Scheme + "://" + s.Registry.Host("", registry.Portal) + "/#systems"
	l.From, err = s.Registry.BrandOf(ctx, registry.Tenant{})
	return l, err
}
