package main

import (
	"context"

	"github.com/google/uuid"

	"siegel/platform/config"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/onboarding"
	"siegel/tenants/privacy"
	"siegel/web/server"
)

// tell wires what says what becomes of data. Registry, providers, practices and
// onboarding have to be there.
func (h *house) tell(c config.Config, db *postgres.DB) (*privacy.Service, error) {
	var cookies []privacy.Cookie
	for _, k := range server.Cookies() {
		cookies = append(cookies, privacy.Cookie{Name: k.Name, Where: k.Where, Life: k.Life, Asked: k.Asked})
	}
	return privacy.NewService(privacy.Config{
		DB: db, Registry: h.registry, Practice: h.practice, Onboarding: h.onboarding, Providers: h.carriers.providers,
		Identity: h.identity, Audit: h.audit, Contract: h.contract, Cookies: cookies,
		Operator: onboarding.Party{Name: c.OperatorName, Address: c.OperatorAddress, Email: c.OperatorEmail, Phone: c.OperatorPhone},
		Reminded: func(ctx context.Context, tenant id.Tenant) (bool, error) {
			choice, err := h.messageSettings.Choice(ctx, tenant)
			return len(choice.Reminders) > 0, err
		},
	})
}

// visited counts a page where whoever it is about wants that.
func (h *house) visited(ctx context.Context, r server.Request, v server.Visit) {
	h.privacy.Count(ctx, r.Tenant.ID, privacy.Visit(v)) // the portal has no tenant
}

// enterOperator enters that a demo's operator does everything itself: without a
// register nothing can be booked.
func enterOperator(ctx context.Context, h *house) error {
	plugins := map[string]string{privacy.SMS: "loopback", privacy.DNS: "loopback"}
	for _, component := range []string{privacy.Hosting, privacy.Database, privacy.Mail, privacy.Backup, privacy.Monitoring, privacy.Support, privacy.SMS, privacy.DNS} {
		_, err := h.privacy.Enter(ctx, uuid.Nil, privacy.Draft{Component: component, Plugin: plugins[component], Own: true, Country: "DE", Purpose: "Vorführung"})
		if err != nil {
			return err
		}
	}
	return h.privacy.SetProfile(ctx, privacy.Profile{Land: "DE-BW", Responsible: "Paula Platt", PrivacyEmail: "datenschutz@siegel.example"})
}
