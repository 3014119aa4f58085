package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"siegel/platform/config"
	"siegel/platform/id"
	"siegel/platform/link"
	"siegel/platform/pluginhost"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
	"siegel/tenants/notify"
	"siegel/tenants/provider"
	"siegel/tenants/registry"
	"siegel/web/api"
	"siegel/web/server"
)

// reports is what the links are for under which providers report.
const reports = "delivery"

// carriers are those who carry messages: providers, the processes that speak to
// them, and the accounts of what they were given.
type carriers struct {
	host       *pluginhost.Host // nil where there is no folder of plugins
	providers  *provider.Service
	deliveries *notify.Deliveries
	balances   notify.Balances
	links      *link.Maker
}

// openCarriers makes them, and keeps the provider that the environment names.
// The registry has to be there.
func (h *house) openCarriers(ctx context.Context, c config.Config, db *postgres.DB, scheme string) error {
	k := &h.carriers
	var err error
	if k.links, err = link.NewMaker([]byte(c.Secret)); err != nil {
		return err
	}
	if c.PluginDir != "" {
		if k.host, err = pluginhost.New(pluginhost.Config{Dir: c.PluginDir, Observe: h.telemetry.Part("plugin")}); err != nil {
			return err
		}
		h.closers = append(h.closers, func() { _ = k.host.Close() })
	}
	of := provider.Config{
		DB: db, Secret: []byte(c.Secret),
		DeliveryURL: func(p id.Provider) string {
			if scheme != "https" {
				return "" // a demo: nobody out there reaches it, and plugins refuse the like
			}
			return scheme + "://" + h.registry.Host("", registry.Portal) + server.HookPath + "sms/" + k.links.Make(reports, p.Bytes())
		},
	}
	if k.host != nil {
		of.Plugins = shelf{k.host}
	}
	if k.providers, err = provider.NewService(of); err != nil {
		return err
	}
	k.deliveries = notify.NewDeliveries(db)
	k.balances = notify.Balances{DB: db, Open: func(ctx context.Context, p id.Provider) (notify.Balancer, error) {
		found, err := k.providers.Provider(ctx, p)
		if err != nil {
			return nil, err
		}
		full, err := k.providers.Full(found)
		if err != nil {
			return nil, err
		}
		return k.open(ctx, found.ID, found.Plugin, full)
	}}
	settings, err := c.SMS()
	if err != nil {
		return err
	}
	err = k.providers.Bootstrap(ctx, provider.SMS, c.SMSPlugin, settings)
	if errors.Is(err, pluginhost.ErrUnavailable) || errors.Is(err, pluginhost.ErrUnverified) {
		// What carried before goes on being known; booking does not wait for it.
		slog.Error("the plugin for text messages does not start", "plugin", c.SMSPlugin, "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("provider of the environment: %w", err)
	}
	return nil
}

var errNoPlugins = errors.New("there is no folder of plugins")

func (k *carriers) open(ctx context.Context, p id.Provider, plugin string, settings map[string]any) (pluginhost.Provider, error) {
	if k.host == nil {
		return nil, pluginhost.ErrNotFound.Because(errNoPlugins)
	}
	return k.host.SMS(ctx, p.String(), plugin, settings)
}

// route is who carries a tenant's text messages.
func (k *carriers) route(ctx context.Context, tenant id.Tenant) ([]notify.Line, error) {
	route, err := k.providers.Route(ctx, tenant, provider.SMS)
	if err != nil {
		return nil, err
	}
	lines := make([]notify.Line, len(route))
	for i, l := range route {
		lines[i] = k.line(l.Provider, l.Full)
	}
	return lines, nil
}

func (k *carriers) line(p provider.Provider, full map[string]any) notify.Line {
	return notify.Line{
		Provider: p.ID, Plugin: p.Plugin, PriceMicros: p.PriceMicros, Currency: p.Currency,
		Open: func(ctx context.Context) (notify.SMS, error) { return k.open(ctx, p.ID, p.Plugin, full) },
	}
}

// services are what the interface about providers calls.
func (k *carriers) services(messages *notify.Service) api.Carriers {
	return api.Carriers{
		Providers: k.providers, Deliveries: k.deliveries, Balances: k.balances, Messages: messages, Host: k.host,
		Line: func(p provider.Provider) (notify.Line, error) {
			full, err := k.providers.Full(p)
			return k.line(p, full), err
		},
		Reporter: func(token string) (p id.Provider, err error) {
			of, err := k.links.Read(reports, token)
			if err != nil {
				return p, err
			}
			return p, p.Scan(of.String())
		},
	}
}

// providerLetter words what owners are told of those who carry messages.
func (h *house) providerLetter(ctx context.Context, tenant id.Tenant, ref string) (notify.Letter, error) {
	l, err := h.carriers.providers.Letter(ctx, tenant, ref)
	if err != nil {
		return notify.Letter{}, err
	}
	t, err := h.registry.ByID(ctx, tenant)
	if err != nil {
		return notify.Letter{}, err
	}
	brand, err := h.registry.BrandOf(ctx, t)
	if err != nil {
		return notify.Letter{}, err
	}
	variant := map[[2]bool]string{
		{true, true}: "", {true, false}: "outside", {false, true}: "emergency", {false, false}: "emergency_outside",
	}[[2]bool{l.Told == provider.ToldAnnounced, provider.InEEA(l.Processor.Country)}]
	return notify.Letter{
		To: l.To, Name: l.Name, Language: l.Language, Variant: variant, Practice: l.Practice, By: l.Processor.Company + ", " + l.Processor.Address,
		Link: h.registry.Scheme + "://" + h.registry.Host(t.Slug, registry.Office) + "/#setup/carriers", Until: l.NoticeEnds, Zone: l.Zone, From: h.senderOf(brand),
	}, nil
}

// run asks for balances, sweeps accounts and tells owners, until ctx ends.
func (k *carriers) run(ctx context.Context) {
	go k.deliveries.Run(ctx)
	go k.providers.Run(ctx)
	if k.host == nil {
		<-ctx.Done()
		return
	}
	k.balances.Run(ctx)
}

// shelf is the host as the keeper of providers sees it.
type shelf struct{ host *pluginhost.Host }

func (s shelf) Catalogue(ctx context.Context, kind, plugin string) (sdk.Description, error) {
	return s.host.Catalogue(ctx, kind, plugin)
}

func (s shelf) Try(ctx context.Context, kind, instance, plugin string, settings map[string]any) (err error) {
	if kind == provider.SMS {
		_, err = s.host.SMS(ctx, instance, plugin, settings)
		return err
	}
	_, err = s.host.Hosting(ctx, instance, plugin, settings)
	return err
}

func (s shelf) Retire(instance string) { s.host.Retire(instance) }
