package main

import (
	"context"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/tenants/notify"
	"siegel/tenants/registry"
)

// recoveryLetter is the mail with a link to a new password.
func (h *house) recoveryLetter(ctx context.Context, _ id.Tenant, ref string) (notify.Letter, error) {
	r, err := h.identity.RecoveryLetter(ctx, ref)
	if err != nil {
		return notify.Letter{}, err
	}
	operator := h.onboarding.Operator
	letter := notify.Letter{
		To: r.Email, Name: r.Name, Language: r.Language, Until: r.Expires,
		From: notify.Sender{Name: operator.Name, Email: operator.Email, Phone: operator.Phone},
	}
	host := h.registry.Host("", registry.Portal)
	if r.Domain.Kind == access.Tenant {
		t, err := h.registry.ByID(ctx, identity.TenantOf(r.Domain))
		if err != nil {
			return notify.Letter{}, err
		}
		host = h.registry.Host(t.Slug, registry.Office)
		contract, err := h.contract(ctx, t.ID)
		if err != nil {
			return notify.Letter{}, err
		}
		if contract.Brand != nil && contract.Brand.Name != "" {
			letter.From = *contract.Brand
		}
	}
	letter.Link = h.server.Scheme + "://" + host + "/recover#" + r.Token
	return letter, nil
}
