package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"siegel/platform/access"
	"siegel/platform/config"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/jobs"
	"siegel/platform/pluginhost"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/booking"
	"siegel/tenants/inbox"
	"siegel/tenants/keyring"
	"siegel/tenants/notify"
	"siegel/tenants/practice"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
	"siegel/web/api"
	"siegel/web/app"
	"siegel/web/server"
)

// drain is how long requests under way may take once the server is to stop.
const drain = 20 * time.Second

type serveCommand struct{}

func (serveCommand) Run(ctx context.Context) error {
	c, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", c.Listen)
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

	registry *registry.Service
	identity *identity.Service
	staff    *staff.Service
	practice *practice.Service
	keyring  *keyring.Service
	watcher  *inbox.Watcher
	relay    *jobs.Relay
	server   *server.Server
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
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { h.watcher.Run(ctx); return nil })
	group.Go(func() error { return h.relay.Run(ctx) })
	group.Go(func() error {
		if err := ready(h); err != nil {
			return err
		}
		return h.server.Listen(ln)
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

	db, err := postgres.Open(ctx, postgres.Config{URL: c.DatabaseURL})
	if err != nil {
		return h, err
	}
	h.closers = append(h.closers, db.Close)
	if err := db.CheckRole(ctx); err != nil {
		return h, err
	}
	relayDB, err := postgres.Open(ctx, postgres.Config{URL: c.RelayDatabaseURL, MaxConns: 4})
	if err != nil {
		return h, err
	}
	h.closers = append(h.closers, relayDB.Close)
	redis, err := redisdb.Open(ctx, redisdb.Config{URL: c.RedisURL, Secret: secret})
	if err != nil {
		return h, err
	}
	h.closers = append(h.closers, func() { _ = redis.Close() })
	warnOfRedis(ctx, redis)
	texts, err := h.textMessages(ctx, c)
	if err != nil {
		return h, err
	}
	policy, err := access.New()
	if err != nil {
		return h, err
	}

	if h.identity, err = identity.NewService(identity.Config{DB: db, Redis: redis, Secret: secret}); err != nil {
		return h, err
	}
	if h.registry, err = registry.NewService(registry.Config{DB: db, Base: base}); err != nil {
		return h, err
	}
	if h.staff, err = staff.NewService(staff.Config{DB: db}); err != nil {
		return h, err
	}
	if h.practice, err = practice.NewService(practice.Config{DB: db}); err != nil {
		return h, err
	}
	if h.keyring, err = keyring.NewService(keyring.Config{DB: db}); err != nil {
		return h, err
	}
	letters, err := inbox.NewService(inbox.Config{DB: db})
	if err != nil {
		return h, err
	}
	h.watcher = inbox.NewWatcher(letters, redis)
	bookings, err := booking.NewService(booking.Config{
		DB: db, Redis: redis, Practice: h.practice, Keyring: h.keyring, Budget: notify.Budget{}, Base: base,
		Wake: func() { h.relay.Wake() },
		PatientURL: func(ctx context.Context, tenant id.Tenant) (string, error) {
			t, err := h.registry.ByID(ctx, tenant)
			return scheme + "://" + h.registry.Host(t.Slug, registry.Patients), err
		},
	})
	if err != nil {
		return h, err
	}
	messages, err := notify.NewService(notify.Config{
		Bookings: bookings, Practices: facts{h.practice}, SMS: texts, SMTPURL: c.SMTPURL, From: c.MailFrom, Domain: base,
	})
	if err != nil {
		return h, err
	}
	if h.relay, err = jobs.NewRelay(jobs.Config{DB: relayDB, Handlers: messages.Handlers()}); err != nil {
		return h, err
	}

	pages, err := server.LoadPages(app.FS())
	if err != nil {
		return h, err
	}
	h.server, err = server.New(server.Config{
		Scheme: scheme, Registry: h.registry, Identity: h.identity, Staff: h.staff, Policy: policy,
		Pages: pages, TrustedProxies: proxies, Ready: db.Ping,
	})
	if err != nil {
		return h, err
	}
	api.Mount(h.server, api.Services{
		Booking: bookings, Practice: h.practice, Keyring: h.keyring, Inbox: letters, Identity: h.identity, Staff: h.staff,
	})
	h.server.WatchChanges(h.watcher)
	return h, nil
}

// textMessages starts the SMS plugin, or returns nil where there is none.
func (h *house) textMessages(ctx context.Context, c config.Config) (notify.SMS, error) {
	if c.SMSPlugin == "" {
		return nil, nil
	}
	settings, err := c.SMS()
	if err != nil {
		return nil, err
	}
	host, err := pluginhost.New(pluginhost.Config{Dir: c.PluginDir})
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, func() { _ = host.Close() })
	return host.SMS(ctx, c.SMSPlugin, settings)
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
type facts struct{ practice *practice.Service }

func (f facts) Practice(ctx context.Context, tenant id.Tenant) (notify.Facts, error) {
	o, err := f.practice.Offer(ctx, tenant)
	if err != nil {
		return notify.Facts{}, err
	}
	p := o.Practice
	return notify.Facts{Name: p.Name, Phone: p.Phone, Email: p.Email, SMSSender: p.SMSSender}, nil
}
