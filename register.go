package main

import (
	"context"
	"errors"
	"time"

	"siegel/platform/config"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/provider"
	"siegel/tenants/registry"
)

// openRegistry makes the registry. What others know of a tenant it asks them
// when it wants to know, so they may be made after it.
func (h *house) openRegistry(c config.Config, db *postgres.DB, redis *redisdb.Client, scheme, base string) (err error) {
	h.registry, err = registry.NewService(registry.Config{
		DB: db, Redis: redis, Base: base, Scheme: scheme, Resolver: lookups(c.Resolvers),
		Platform: registry.Brand{Name: c.OperatorName, SenderName: c.OperatorName, SenderEmail: c.OperatorEmail, SupportEmail: c.OperatorEmail, SupportPhone: c.OperatorPhone},
		Wake:     h.wake,
		Sources:  registry.Sources{Certificate: h.certificateEnds, Agreement: h.agreed, Funds: h.fundsLow, Spent: h.spent},
	})
	return err
}

// wake says that messages wait. From the shell there is no relay: the server's
// finds them.
func (h *house) wake() {
	if h.relay != nil {
		h.relay.Wake()
	}
}

var errNotThere = errors.New("the service is not there")

func (h *house) agreed(ctx context.Context, tenant id.Tenant) (bool, error) {
	if h.onboarding == nil {
		return false, errNotThere
	}
	return h.onboarding.AgreementAccepted(ctx, tenant)
}

// fundsLow says whether the account is low that a tenant's text messages are
// paid from first.
func (h *house) fundsLow(ctx context.Context, tenant id.Tenant) (bool, error) {
	if h.carriers.providers == nil {
		return false, errNotThere
	}
	route, err := h.carriers.providers.Route(ctx, tenant, provider.SMS)
	if err != nil {
		return false, err
	}
	for _, line := range route {
		scope := line.Provider.Scope
		funds, err := h.carriers.balances.Of(ctx, scope, false)
		if err != nil {
			return false, err
		}
		for _, f := range funds {
			if f.Provider == line.Provider.ID && f.Known {
				return f.Low, nil
			}
		}
	}
	return false, errNotThere
}

func (h *house) spent(ctx context.Context, tenant id.Tenant, from, until time.Time) (int, int64, error) {
	if h.carriers.deliveries == nil {
		return 0, 0, errNotThere
	}
	return h.carriers.deliveries.Spent(ctx, tenant, from, until)
}

// registryLetter words what the registry queued.
func (h *house) registryLetter(ctx context.Context, tenant id.Tenant, ref string) (notify.Letter, error) {
	l, err := h.registry.Letter(ctx, tenant, ref)
	return h.worded(l), err
}

// probeLetter words that nobody opened the sealed word of the day.
func (h *house) probeLetter(ctx context.Context, tenant id.Tenant, ref string) (notify.Letter, error) {
	l, err := h.probe.Letter(ctx, tenant, ref)
	return h.worded(l), err
}

// statementLetter words that a practice's privacy statement has changed.
func (h *house) statementLetter(ctx context.Context, tenant id.Tenant, ref string) (notify.Letter, error) {
	l, err := h.privacy.StatementLetter(ctx, tenant, ref)
	return h.worded(l), err
}

// evidenceLetter words that an attestation ends.
func (h *house) evidenceLetter(ctx context.Context, scope id.Tenant, ref string) (notify.Letter, error) {
	l, err := h.privacy.EvidenceLetter(ctx, scope, ref)
	return h.worded(l), err
}

// webhookLetter words that a webhook was switched off.
func (h *house) webhookLetter(ctx context.Context, scope id.Tenant, ref string) (notify.Letter, error) {
	l, err := h.webhooks.Letter(ctx, scope, ref)
	return h.worded(l), err
}

func (h *house) worded(l registry.Letter) notify.Letter {
	return notify.Letter{To: l.To, Name: l.Name, Language: l.Language, Variant: l.Variant, Link: l.Link, Practice: l.Practice, By: l.By,
		Until: l.Until, Zone: l.Zone, From: h.senderOf(l.From)}
}

// senderOf is a brand as letters say it; the operator where it has no name.
func (h *house) senderOf(b registry.Brand) notify.Sender {
	name := b.SenderName
	if name == "" {
		name = b.Name
	}
	return notify.Sender{Name: name, Email: b.SenderEmail, Phone: b.SupportPhone}
}

// invitationLetter is that of a practice, or else that of the portal.
func (h *house) invitationLetter(practices notify.Source) notify.Source {
	return notify.SourceFunc(func(ctx context.Context, tenant id.Tenant, ref string) (notify.Letter, error) {
		var i id.Invitation
		if err := i.Scan(ref); err != nil {
			return notify.Letter{}, onboarding.ErrExpired
		}
		found, err := h.registry.PortalInvitation(ctx, i)
		if code := fault.From(err).Code; err != nil && code == fault.Expired {
			return practices.Letter(ctx, tenant, ref)
		} else if err != nil {
			return notify.Letter{}, err
		}
		brand, err := h.registry.BrandOf(ctx, registry.Tenant{Reseller: found.Reseller})
		if err != nil {
			return notify.Letter{}, err
		}
		return notify.Letter{
			To: found.Email, Name: found.Name, Language: found.Language, By: found.By, Practice: brand.Name, Until: found.Expires,
			Link: h.server.Scheme + "://" + h.registry.Host("", registry.Portal) + "/join#" + h.onboarding.Links.Make(registry.PortalLink, i.Bytes()),
			From: h.senderOf(brand),
		}, nil
	})
}
