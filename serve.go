package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"siegel/platform/access"
	"siegel/platform/config"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/platform/shred"
	"siegel/platform/telemetry"
	"siegel/tenants/audit"
	"siegel/tenants/booking"
	"siegel/tenants/customers"
	"siegel/tenants/feed"
	"siegel/tenants/help"
	"siegel/tenants/inbox"
	"siegel/tenants/keyring"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/privacy"
	"siegel/tenants/probe"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
	"siegel/tenants/webhook"
	"siegel/web/api"
	"siegel/web/app"
	"siegel/web/fhir"
	"siegel/web/server"
)

// drain is how long requests under way may take once the server is to stop.
const drain = 20 * time.Second

// textWorkers is how many text messages are on their way at once.
const textWorkers = 16

// hookWorkers is how many systems elsewhere are told something at once.
const hookWorkers = 8

type serveCommand struct{}

func (serveCommand) Run(ctx context.Context) error {
	c, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	slog.SetDefault(slog.New(telemetry.Log(os.Stderr, c.LogJSON)))
	address := c.Listen
	if c.TLSListen != "" {
		address = c.TLSListen
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return serve(ctx, c, ln, func(*house) error {
		slog.Info("ready", "listen", ln.Addr().String(), "base", c.BaseURL)
		return nil
	})
}

// house is everything that serves, wired from the ground up.
type house struct {
	closers []func()

	registry   *registry.Service
	identity   *identity.Service
	staff      *staff.Service
	practice   *practice.Service
	keyring    *keyring.Service
	onboarding *onboarding.Service
	privacy    *privacy.Service
	probe      *probe.Service
	webhooks   *webhook.Service
	watcher    *inbox.Watcher
	relay      *jobs.Relay
	texts      *jobs.Relay // of its own: a provider that hangs keeps no mail waiting
	reminding  *jobs.Relay // of its own: a hundred thousand reminders keep no confirmation waiting
	hooks      *jobs.Relay // nor does a system elsewhere that does not answer
	carriers   carriers
	names      hosting
	dayKeys    *shred.Chain
	bounces    *notify.Bounces // nil: mails come back to the sender
	bounced    net.Listener

	messageSettings *notify.Settings
	audit           *audit.Service
	tokens          *staff.Tokens
	server          *server.Server
	telemetry       *telemetry.Telemetry
	help            *help.Service
	status          *help.Status
}

// serve builds the house and runs it until ctx ends. ready is called before
// the first request is answered.
func serve(ctx context.Context, c config.Config, ln net.Listener, ready func(*house) error) error {
	defer ln.Close()
	h, err := build(ctx, c)
	defer h.close()
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // what building took and nobody needs any more
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { h.watcher.Run(ctx); return nil })
	group.Go(func() error { h.onboarding.Run(ctx); return nil })
	group.Go(func() error { return h.relay.Run(ctx) })
	group.Go(func() error { h.identity.Run(ctx); return nil })
	group.Go(func() error { return h.texts.Run(ctx) })
	group.Go(func() error { return h.reminding.Run(ctx) })
	group.Go(func() error { return h.hooks.Run(ctx) })
	group.Go(func() error { h.carriers.run(ctx); return nil })
	if h.bounces != nil {
		group.Go(func() error { return h.bounces.Serve(ctx, h.bounced) })
	}
	h.names.run(ctx, group)
	group.Go(func() error { h.audit.Run(ctx); return nil })
	group.Go(func() error { h.dayKeys.Run(ctx); return nil })
	group.Go(func() error { h.registry.Run(ctx); return nil })
	group.Go(func() error { h.privacy.Run(ctx); return nil })
	group.Go(func() error { h.status.Run(ctx); return nil })
	group.Go(func() error { h.probe.Run(ctx); return nil })
	group.Go(func() error {
		if err := ready(h); err != nil {
			return err
		}
		return h.server.Listen(h.names.secure(ln))
	})
	group.Go(func() error {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		return h.server.Shutdown(stop)
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// build wires platform, then tenants, then web. The house that it returns with
// an error must be closed too.
func build(ctx context.Context, c config.Config) (*house, error) {
	h := &house{}
	if err := c.CheckServe(); err != nil {
		return h, err
	}
	scheme, base, err := c.Base()
	if err != nil {
		return h, err
	}
	proxies, err := c.Proxies()
	if err != nil {
		return h, err
	}
	secret := []byte(c.Secret)

	if err := h.measure(ctx, c); err != nil {
		return h, err
	}
	db, err := postgres.Open(ctx, postgres.Config{URL: c.DatabaseURL, Tracer: telemetry.Statements(h.telemetry.Part("postgres"))})
	if err != nil {
		return h, err
	}
	h.closers = append(h.closers, db.Close)
	if err := db.CheckRole(ctx); err != nil {
		return h, err
	}
	relayDB, err := postgres.Open(ctx, postgres.Config{URL: c.RelayDatabaseURL, MaxConns: 8})
	if err != nil {
		return h, err
	}
	h.closers = append(h.closers, relayDB.Close)
	if err := h.gauges(relayDB); err != nil {
		return h, err
	}
	redis, err := redisdb.Open(ctx, redisdb.Config{URL: c.RedisURL, Secret: secret})
	if err != nil {
		return h, err
	}
	h.closers = append(h.closers, func() { _ = redis.Close() })
	if hook := telemetry.Commands(h.telemetry.Part("redis")); hook != nil {
		redis.Raw().AddHook(hook)
	}
	warnOfRedis(ctx, redis)
	policy, err := access.New()
	if err != nil {
		return h, err
	}

	if h.identity, err = identity.NewService(identity.Config{DB: db, Redis: redis, Secret: secret, OIDC: providers(c)}); err != nil {
		return h, err
	}
	if err := h.openRegistry(c, db, redis, scheme, base); err != nil {
		return h, err
	}
	if err := h.openCarriers(ctx, c, db, scheme); err != nil {
		return h, err
	}
	if err := h.openHosting(c, db, scheme, base); err != nil {
		return h, err
	}
	if h.staff, err = staff.NewService(staff.Config{DB: db}); err != nil {
		return h, err
	}
	if h.tokens, err = staff.NewTokens(staff.Config{DB: db}); err != nil {
		return h, err
	}
	if h.audit, err = audit.NewService(audit.Config{DB: db, Secret: secret}); err != nil {
		return h, err
	}
	if h.practice, err = practice.NewService(practice.Config{DB: db}); err != nil {
		return h, err
	}
	if h.keyring, err = keyring.NewService(keyring.Config{DB: db}); err != nil {
		return h, err
	}
	if h.onboarding, err = h.onboard(c, db, redis, scheme); err != nil {
		return h, err
	}
	if h.privacy, err = h.tell(c, db); err != nil {
		return h, err
	}
	if h.probe, err = probe.NewService(probe.Config{DB: db, Registry: h.registry, Practice: h.practice, Keyring: h.keyring, Wake: h.wake}); err != nil {
		return h, err
	}
	letters, err := inbox.NewService(inbox.Config{DB: db})
	if err != nil {
		return h, err
	}
	h.watcher = inbox.NewWatcher(letters, redis)
	patients := func(ctx context.Context, tenant id.Tenant) (string, error) {
		t, err := h.registry.ByID(ctx, tenant)
		return scheme + "://" + h.registry.PatientsHost(t), err
	}
	bookings, err := booking.NewService(booking.Config{
		DB: db, Redis: redis, Practice: h.practice, Keyring: h.keyring, Budget: notify.Budget{}, Base: base,
		Wake: func() { h.relay.Wake(); h.texts.Wake() }, PatientURL: patients,
	})
	if err != nil {
		return h, err
	}
	if h.dayKeys, err = shred.New(shred.Config{DB: db, Redis: redis, File: c.DayKeysPath}); err != nil {
		return h, err
	}
	reminders, err := notify.NewReminders(notify.RemindersConfig{
		DB: db, Keys: h.dayKeys, Bookings: bookings, Budget: notify.Budget{}, PatientURL: patients,
	})
	if err != nil {
		return h, err
	}
	records, err := customers.NewService(customers.Config{DB: db, Medical: h.onboarding.Medical})
	if err != nil {
		return h, err
	}
	requests, err := privacy.NewRequests(privacy.RequestsConfig{DB: db, Stop: reminders.Stop})
	if err != nil {
		return h, err
	}
	post, err := h.post(c, base)
	if err != nil {
		return h, err
	}
	if h.messageSettings, err = notify.NewSettings(db, h.practice.Changed); err != nil {
		return h, err
	}
	waiting, err := booking.NewWaiting(booking.WaitingConfig{Bookings: bookings, Keys: h.dayKeys})
	if err != nil {
		return h, err
	}
	messages, err := notify.NewService(notify.Config{
		Bookings: bookings, Practices: facts{h.practice, h.registry}, Reminders: reminders, Waiting: waiting, Route: h.carriers.route, Deliveries: h.carriers.deliveries,
		Settings: h.messageSettings, MailConfig: post,
	})
	if err != nil {
		return h, err
	}
	correspondence, err := notify.NewLetters(notify.LettersConfig{Sources: h.letterSources(), MailConfig: post})
	if err != nil {
		return h, err
	}
	handlers := messages.Handlers()
	maps.Copy(handlers, correspondence.Handlers())
	handlers[onboarding.SupportOver] = h.onboarding.SupportIsOver
	handlers[booking.LapseKind] = bookings.Lapse
	if h.relay, err = jobs.NewRelay(jobs.Config{DB: relayDB, Handlers: h.observed(handlers), Except: slices.Concat(notify.TextKinds(), notify.ReminderKinds(), webhook.Kinds())}); err != nil {
		return h, err
	}
	if h.reminding, err = jobs.NewRelay(jobs.Config{DB: relayDB, Handlers: h.observed(messages.Handlers()), Only: notify.ReminderKinds()}); err != nil {
		return h, err
	}
	if h.texts, err = jobs.NewRelay(jobs.Config{
		DB: relayDB, Handlers: h.observed(messages.Handlers()), Only: notify.TextKinds(), Workers: textWorkers,
	}); err != nil {
		return h, err
	}

	if h.webhooks, err = webhook.NewService(webhook.Config{
		DB: db, Secret: secret, Private: c.WebhooksPrivate, Registry: h.registry, Wake: func() { h.hooks.Wake() },
	}); err != nil {
		return h, err
	}
	if h.hooks, err = jobs.NewRelay(jobs.Config{
		DB: relayDB, Handlers: h.observed(h.webhooks.Handlers()), Only: webhook.Kinds(), Workers: hookWorkers,
	}); err != nil {
		return h, err
	}
	feeds, err := feed.NewService(feed.Config{DB: db, Base: base})
	if err != nil {
		return h, err
	}

	if h.help, err = help.NewService(help.Config{DB: db, Wake: h.wake}); err != nil {
		return h, err
	}
	if err := h.openStatus(c, db, relayDB, redis); err != nil {
		return h, err
	}
	pages, err := server.LoadPages(app.FS())
	if err != nil {
		return h, err
	}
	embedding := practice.NewEmbedding(db)
	h.server, err = server.New(server.Config{
		Scheme: scheme, Registry: h.registry, Identity: h.identity, Staff: h.staff, Policy: policy, Demands: h.demands,
		Tokens: h.tokens, Redis: redis, Sites: embedding.Sites, Pages: pages, Visited: h.visited, TrustedProxies: proxies, Ready: db.Ping, Observe: h.telemetry.Part("http"), Contact: c.OperatorEmail,
	})
	if err != nil {
		return h, err
	}
	services := api.Services{
		Booking: bookings, Practice: h.practice, Keyring: h.keyring, Inbox: letters, Customers: records, Requests: requests, Identity: h.identity, Staff: h.staff,
		Onboarding: h.onboarding, Waiting: waiting, Embedding: embedding, Reminders: reminders, MessageSettings: h.messageSettings,
		Tokens: h.tokens, Audit: h.audit, Registry: h.registry, Help: h.help, Status: h.status, Domains: h.names.domains, Privacy: h.privacy, Probe: h.probe, Webhooks: h.webhooks, Feeds: feeds, Carriers: h.carriers.services(messages),
	}
	api.Mount(h.server, services)
	fhir.Mount(h.server, fhir.Services{Booking: bookings, Practice: h.practice, Bookable: services.Bookable, Specialty: h.onboarding.Trade})
	h.server.WatchChanges(h.watcher)
	return h, nil
}

// providers is what asks providers of OpenID Connect; nil is identity's own
// choice, which reaches public addresses only.
func providers(c config.Config) *http.Client {
	if !c.OIDCPrivate {
		return nil
	}
	return identity.Bounded(&http.Client{Timeout: 5 * time.Second})
}

// close ends what was opened, in reverse.
func (h *house) close() {
	for i := len(h.closers) - 1; i >= 0; i-- {
		h.closers[i]()
	}
}

func warnOfRedis(ctx context.Context, redis *redisdb.Client) {
	warnings, err := redis.Warnings(ctx)
	if err != nil {
		slog.Warn("redis settings could not be read", "err", err)
	}
	for _, w := range warnings {
		slog.Warn(w)
	}
}

// facts shows notify the practice's public face.
type facts struct {
	practice *practice.Service
	registry *registry.Service
}

func (f facts) Practice(ctx context.Context, tenant id.Tenant) (notify.Facts, error) {
	o, err := f.practice.Offer(ctx, tenant)
	if err != nil {
		return notify.Facts{}, err
	}
	t, err := f.registry.ByID(ctx, tenant)
	if err != nil {
		return notify.Facts{}, err
	}
	brand, err := f.registry.BrandOf(ctx, t)
	if err != nil {
		return notify.Facts{}, err
	}
	p := o.Practice
	return notify.Facts{Name: p.Said(), Phone: p.Phone, Email: p.Email, SMSSender: p.SMSSender, From: brand.SenderEmail}, nil
}
