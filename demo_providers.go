package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"siegel/platform/identity"
	ionosfake "siegel/plugins/hosting/ionos/fake"
	mittwaldfake "siegel/plugins/hosting/mittwald/fake"
	lox24fake "siegel/plugins/sms/lox24/fake"
	sevenfake "siegel/plugins/sms/seven/fake"
	sipgatefake "siegel/plugins/sms/sipgate/fake"
	twiliofake "siegel/plugins/sms/twilio/fake"
	"siegel/tenants/provider"
)

// demoProviders are stand-ins of providers elsewhere, on this machine: whoever
// tries the portal out can set them up, order them and swap to them, and no
// message leaves.
type demoProviders struct {
	accounts []provider.Draft
	servers  []*http.Server
}

func startProviders() (*demoProviders, error) {
	const (
		token = "0123456:demo-0123456789abcdef"
		key   = "0123456789abcdef.demo-0123456789abcdef"
		sid   = "AC0123456789abcdef0123456789abcdef"
	)
	p := &demoProviders{}
	for _, one := range []struct {
		name, kind, plugin, path string
		stand                    http.Handler
		price                    int64
		settings                 map[string]any
	}{
		{"LOX24 (Nachbau)", provider.SMS, "lox24", "", lox24fake.New(token, 100), 61_000, map[string]any{"token": token, "sender": "Praxis"}},
		{"seven.io (Nachbau)", provider.SMS, "seven", "/api", sevenfake.New(key, token, 100), sevenfake.Price, map[string]any{"api_key": key, "signing_secret": token}},
		{"sipgate (Nachbau)", provider.SMS, "sipgate", "/v2", sipgatefake.New("token-DEMO00", token, 100), 69_000, map[string]any{"token_id": "token-DEMO00", "token": token}},
		{"Twilio (Nachbau)", provider.SMS, "twilio", "", twiliofake.New(sid, token, "100"), 75_000, map[string]any{"account_sid": sid, "auth_token": token, "sender": "Praxis"}},
		{"Mittwald (Nachbau)", provider.Hosting, "mittwald", "/v2", mittwaldfake.New(token, demoZone), 0, map[string]any{"token": token, "project_id": mittwaldfake.Project}},
		{"IONOS (Nachbau)", provider.Hosting, "ionos", "/dns/v1", ionosfake.New(key, demoZone), 0, map[string]any{"api_key": key}},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			p.stop()
			return nil, fmt.Errorf("listen: %w", err)
		}
		server := &http.Server{Handler: one.stand, ReadHeaderTimeout: 5 * time.Second}
		go func() { _ = server.Serve(ln) }()
		p.servers = append(p.servers, server)
		one.settings["base_url"] = "http://" + ln.Addr().String() + one.path
		p.accounts = append(p.accounts, provider.Draft{
			Kind: one.kind, Plugin: one.plugin, Name: one.name, PriceMicros: one.price, Currency: "EUR", Enabled: true, Settings: one.settings,
		})
	}
	return p, nil
}

func (p *demoProviders) stop() {
	for _, s := range p.servers {
		_ = s.Close()
	}
}

// add gives the platform an account with each, behind those that it has.
func (p *demoProviders) add(ctx context.Context, h *house) error {
	for _, d := range p.accounts {
		if err := keepAccount(ctx, h, d); err != nil {
			return err
		}
	}
	return nil
}

// keepAccount sets the platform's account of that name up, or where it has been
// since the last demo.
func keepAccount(ctx context.Context, h *house, d provider.Draft) error {
	former, err := h.carriers.providers.List(ctx, d.Kind, identity.OfPlatform())
	if err != nil {
		return err
	}
	for _, p := range former {
		if p.Name == d.Name {
			d.ID = p.ID
		}
	}
	if _, err = h.carriers.providers.Put(ctx, identity.OfPlatform(), d); err != nil {
		return fmt.Errorf("account with %s: %w", d.Name, err)
	}
	return nil
}
