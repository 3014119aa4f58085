package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/seal"
	"siegel/tenants/privacy"
	"siegel/tenants/registry"
)

// portalSignIn is how one person gets into the portal of a demo. The secret is
// what an authenticator app would keep: it stands here because a demo's second
// factor is nobody's telephone.
type portalSignIn struct {
	signIn
	TOTPSecret string `json:"totp_secret"`
}

// portalPeople are those of the demo.
func portalPeople() []struct {
	name, mailbox string
	role          access.Role
} {
	return []struct {
		name, mailbox string
		role          access.Role
	}{
		{"Tom Berger", "tom@praxisnetz-nord.example", access.ResellerAdmin},
		{"Ida Klein", "ida@praxisnetz-nord.example", access.ResellerAgent},
		{"Paula Platt", "paula@siegel.example", access.PlatformAdmin},
	}
}

// seedPortal makes the reseller "Praxisnetz Nord", gives it two of the demo's
// practices, and makes people for it and for the platform; or finds them where
// an earlier run did.
func seedPortal(ctx context.Context, h *house, practices []seeded, path string) ([]portalSignIn, error) {
	content, err := os.ReadFile(path)
	if err == nil {
		var known []portalSignIn
		return known, json.Unmarshal(content, &known)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	nord, err := h.registry.NewReseller(ctx, "Praxisnetz Nord")
	if err != nil {
		return nil, err
	}
	err = h.registry.SaveBrand(ctx, nord.ID, 0, registry.Brand{
		Name: "Praxisnetz Nord", SenderName: "Praxisnetz Nord", SenderEmail: "hilfe@praxisnetz-nord.example",
		SupportPhone: "+49 40 000000", SupportEmail: "hilfe@praxisnetz-nord.example", Accent: "#1f4e79",
		Imprint: "Praxisnetz Nord GmbH\nMusterweg 1\n20095 Hamburg",
	})
	if err != nil {
		return nil, err
	}
	_, err = h.privacy.Enter(ctx, uuid.Nil, privacy.Draft{
		Component: privacy.Reseller, Seller: nord.ID, Company: "Praxisnetz Nord GmbH", Address: "Musterweg 1, 20095 Hamburg", Country: "DE",
		Purpose: "Einrichtung und Hilfe für Praxen", Contract: "2026-01-15", Secrecy: "2026-01-15",
	})
	if err != nil {
		return nil, err
	}
	prices := []registry.Price{
		{Plan: "klein", Name: "Kleine Praxis", MonthlyCents: 2900, SMSPartMicros: 79_000},
		{Plan: "gross", Name: "Große Praxis", MonthlyCents: 5900, SMSPartMicros: 69_000},
	}
	if err := h.registry.SavePrices(ctx, nord.ID, 0, prices); err != nil {
		return nil, err
	}
	for i, p := range practices[:min(2, len(practices))] {
		t, err := h.registry.BySlug(ctx, p.Slug)
		if err != nil {
			return nil, err
		}
		if err := h.registry.Move(ctx, t.ID, nord.ID); err != nil {
			return nil, err
		}
		if err := h.registry.SetPlan(ctx, t.ID, prices[i%2].Plan); err != nil {
			return nil, err
		}
	}
	var people []portalSignIn
	for _, p := range portalPeople() {
		reseller := nord.ID
		if p.role == access.PlatformAdmin {
			reseller = id.Reseller{}
		}
		secret, err := enter(ctx, h, p.name, p.mailbox, reseller, p.role)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.mailbox, err)
		}
		people = append(people, portalSignIn{signIn{p.name, string(p.role[len("r:"):]), p.mailbox, demoPassword}, secret})
	}
	if content, err = json.Marshal(people); err != nil {
		return nil, err
	}
	return people, os.WriteFile(path, content, 0o600)
}

// enter makes an account that may enter the portal: with a second factor and
// sworn to secrecy. It returns the second factor's secret.
func enter(ctx context.Context, h *house, name, email string, reseller id.Reseller, role access.Role) (string, error) {
	account, own := id.New[id.Account](), salt()
	key, err := seal.GenerateKey()
	if err != nil {
		return "", err
	}
	signInSecret, unlock := seal.SplitPassword(demoPassword, own)
	wrapped, err := seal.WrapMemberKey(unlock, account.UUID(), key)
	if err != nil {
		return "", err
	}
	err = h.identity.CreateAccount(ctx, identity.NewAccount{
		ID: account, Email: email, Name: name, Language: "de",
		MemberPublicKey: key.PublicKey().Bytes(), Salt: own, SignInSecret: signInSecret, WrappedMemberKey: wrapped,
	})
	if err != nil {
		return "", err
	}
	if err := h.registry.AddPerson(ctx, reseller, account, role); err != nil {
		return "", err
	}
	if err := h.identity.Undertake(ctx, account, identity.UndertakingVersion, "de"); err != nil {
		return "", err
	}
	session := identity.Session{Account: account, Email: email}
	offer := h.identity.StartTOTP(session, identity.PortalDoor(), "Siegel")
	code, err := totp.GenerateCode(offer.Secret, time.Now())
	if err != nil {
		return "", err
	}
	_, err = h.identity.ConfirmTOTP(ctx, session, identity.PortalDoor(), offer.Ticket, code)
	return offer.Secret, err
}
