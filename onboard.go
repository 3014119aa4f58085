package main

import (
	"context"
	"errors"
	"time"

	"siegel/platform/access"
	"siegel/platform/config"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/link"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/registry"
)

// registrationTrial is how long somebody who registered may look around.
const registrationTrial = 30 * 24 * time.Hour

// onboard wires onboarding, which knows of contracts what the registry does.
func (h *house) onboard(c config.Config, db *postgres.DB, redis *redisdb.Client, scheme string) (*onboarding.Service, error) {
	links, err := link.NewMaker([]byte(c.Secret))
	if err != nil {
		return nil, err
	}
	return onboarding.NewService(onboarding.Config{
		DB: db, Registry: h.registry, Practice: h.practice, Staff: h.staff, Keyring: h.keyring, Links: links, MAC: redis.MAC,
		Host: func(ctx context.Context, tenant id.Tenant, kind registry.Kind) (string, error) {
			if kind == registry.Portal {
				return scheme + "://" + h.registry.Host("", registry.Portal), nil
			}
			t, err := h.registry.ByID(ctx, tenant)
			if err != nil {
				return "", err
			}
			if kind == registry.Patients {
				return scheme + "://" + h.registry.PatientsHost(t), nil
			}
			return scheme + "://" + h.registry.Host(t.Slug, kind), nil
		},
		Operator: onboarding.Party{Name: c.OperatorName, Address: c.OperatorAddress, Email: c.OperatorEmail, Phone: c.OperatorPhone},
		Contract: h.contract,
		Others: func(ctx context.Context, tenant id.Tenant) ([]onboarding.Obstacle, error) {
			return h.privacy.Obstacles(ctx, tenant)
		},
		CheckSlug: func(ctx context.Context, slug string) error {
			return h.registry.SlugFree(ctx, slug)
		},
		Begin: func(ctx context.Context, slug string) (registry.Tenant, error) {
			return h.registry.Begin(ctx, registry.Beginning{Slug: slug, Trial: registrationTrial})
		},
		HandedOver: h.registry.HandedOver,
		Wake:       h.wake,
	})
}

// contract says with whom a practice has its agreement, and who writes to it.
func (h *house) contract(ctx context.Context, tenant id.Tenant) (onboarding.Contract, error) {
	t, err := h.registry.ByID(ctx, tenant)
	if err != nil || t.Reseller.IsZero() {
		return onboarding.Contract{}, err
	}
	r, err := h.registry.Reseller(ctx, t.Reseller)
	if err != nil {
		return onboarding.Contract{}, err
	}
	b := r.Brand
	name := b.SenderName
	if name == "" {
		name = b.Name
	}
	return onboarding.Contract{
		Reseller:     &onboarding.Party{Name: b.Name, Address: firstLines(b.Imprint), Email: b.SupportEmail, Phone: b.SupportPhone},
		WithReseller: r.Model == registry.WithReseller,
		Brand:        &notify.Sender{Name: name, Email: b.SenderEmail, Phone: b.SupportPhone},
	}, nil
}

// firstLines is an imprint in one line.
func firstLines(imprint string) string {
	var line []byte
	for i := range len(imprint) {
		if imprint[i] == '\n' {
			line = append(line, ", "...)
			continue
		}
		line = append(line, imprint[i])
	}
	return string(line)
}

// demands is what an owner has to do before anything else, beyond what signing
// in asks for.
func (h *house) demands(ctx context.Context, domain access.Domain, _ id.Account, role access.Role) ([]string, error) {
	if role != access.Owner || domain.Kind != access.Tenant {
		return nil, nil
	}
	due, err := h.onboarding.AgreementDue(ctx, identity.TenantOf(domain))
	if errors.Is(err, onboarding.ErrUnknownBusiness) || err != nil || !due {
		return nil, err
	}
	return []string{"agreement"}, nil
}

// letterSources are where letters to people come from, by kind.
func (h *house) letterSources() map[string]notify.Source {
	sources := h.onboarding.Letters()
	sources[notify.RecoveryMail] = notify.SourceFunc(h.recoveryLetter)
	sources[notify.TrialMail] = notify.SourceFunc(h.registryLetter)
	sources[notify.NoticeMail] = notify.SourceFunc(h.registryLetter)
	sources[notify.HostMail] = notify.SourceFunc(h.registryLetter)
	sources[notify.StatementMail] = notify.SourceFunc(h.statementLetter)
	sources[notify.EvidenceMail] = notify.SourceFunc(h.evidenceLetter)
	sources[notify.ProbeMail] = notify.SourceFunc(h.probeLetter)
	sources[notify.WebhookMail] = notify.SourceFunc(h.webhookLetter)
	sources[notify.ProviderMail] = notify.SourceFunc(h.providerLetter)
	sources[notify.ReportMail] = notify.SourceFunc(h.reportLetter)
	sources[notify.InvitationMail] = h.invitationLetter(sources[notify.InvitationMail])
	return sources
}
