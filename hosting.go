package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"siegel/platform/certs"
	"siegel/platform/config"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/pluginhost"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
	"siegel/plugins/sdk/dnsask"
	"siegel/tenants/domain"
	"siegel/tenants/provider"
	"siegel/tenants/registry"
)

// lookups asks the configured DNS servers; nil is the machine's own.
func lookups(servers []string) *net.Resolver {
	if len(servers) == 0 {
		return nil
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var conn net.Conn
		var err error
		for _, s := range servers {
			var address string
			if address, err = dnsask.Address(s); err != nil {
				continue
			}
			if conn, err = (&net.Dialer{}).DialContext(ctx, network, address); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}}
}

// hosting is everything about names, certificates and those who serve them.
type hosting struct {
	certs   *certs.Service // nil where something before the server has them
	domains *domain.Service
	plain   net.Listener // for the authority and the way to https; nil without
	port    int          // of https
}

// openHosting makes it. The registry and the carriers have to be there.
func (h *house) openHosting(c config.Config, db *postgres.DB, scheme, base string) error {
	name, port := base, ""
	if host, p, err := net.SplitHostPort(base); err == nil {
		name, port = host, ":"+p
	}
	roots, err := rootsFrom(c.ACMERoots)
	if err != nil {
		return err
	}
	if c.TLSListen != "" {
		if err := h.openCertificates(c, db, name, port, roots); err != nil {
			return err
		}
	}
	addresses, err := c.Addresses()
	if err != nil {
		return err
	}
	resolve := func(context.Context, string) ([]netip.Addr, error) {
		return nil, errors.New("this machine has no resolvers: see SIEGEL_RESOLVERS")
	}
	if asker, err := dnsask.New(c.Resolvers...); err == nil {
		resolve = asker.Addresses
	} else if len(c.Resolvers) > 0 {
		return fmt.Errorf("SIEGEL_RESOLVERS: %w", err)
	}
	of := domain.Config{
		DB: db, Names: h.registry, Addresses: resolve,
		Open: func(ctx context.Context, tenant id.Tenant, p id.Provider) (domain.Hosting, error) {
			return h.carriers.hosting(ctx, h.registry, tenant, p)
		},
		Target: func(ctx context.Context, tenant id.Tenant) (sdk.Target, error) {
			t, err := h.registry.ByID(ctx, tenant)
			if err != nil {
				return sdk.Target{}, err
			}
			target := sdk.Target{Name: t.Slug + "." + name, URL: scheme + "://" + h.registry.Host(t.Slug, registry.Patients), Addresses: addresses}
			if len(addresses) == 0 {
				if target.Addresses, err = resolve(ctx, target.Name); err != nil {
					target.Addresses = nil // aliases do without
				}
			}
			return target, nil
		},
		Request: requester(scheme, port, roots, resolve),
	}
	if h.names.certs != nil {
		of.Obtain, of.Forget = h.names.certs.Obtain, h.names.certs.Forget
	}
	h.names.domains, err = domain.NewService(of)
	return err
}

// certificateEnds is when the certificate of a host ends; unknown where
// something before the server has it.
func (h *house) certificateEnds(ctx context.Context, host string) (time.Time, error) {
	if h.names.certs == nil {
		return time.Time{}, errNotThere
	}
	return h.names.certs.Expires(ctx, host)
}

func rootsFrom(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("SIEGEL_ACME_ROOTS: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("SIEGEL_ACME_ROOTS has no certificate in it")
	}
	return pool, nil
}

func (h *house) openCertificates(c config.Config, db *postgres.DB, base, port string, roots *x509.CertPool) error {
	var err error
	if c.HTTPListen != "" {
		if h.names.plain, err = net.Listen("tcp", c.HTTPListen); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		h.closers = append(h.closers, func() { _ = h.names.plain.Close() })
	}
	if n, err := strconv.Atoi(port[min(len(port), 1):]); err == nil {
		h.names.port = n
	}
	of := certs.Config{
		DB: db, Secret: []byte(c.Secret), Directory: c.ACMEDirectory, Email: c.ACMEEmail, Roots: roots,
		TLSAddress: c.TLSListen, HTTPAddress: c.HTTPListen,
		Known: func(ctx context.Context, host string) error {
			_, _, err := h.registry.Resolve(ctx, host+port)
			var moved *registry.MovedError
			if errors.As(err, &moved) {
				return nil // who has an old link gets the new one over https
			}
			return err
		},
		Wildcards: func(ctx context.Context) ([]certs.Wildcard, error) { return h.wildcards(ctx, c, base) },
	}
	if asker, err := dnsask.New(c.Resolvers...); err == nil {
		of.Published = func(ctx context.Context, name, value string) error {
			there, err := asker.Records(ctx, name, sdk.TXT)
			if err == nil && !slices.ContainsFunc(there, func(r sdk.Record) bool { return r.Value == value }) {
				err = errors.New("not there yet")
			}
			return err
		}
	}
	if h.names.certs, err = certs.NewService(of); err != nil {
		return err
	}
	h.closers = append(h.closers, h.names.certs.Close)
	return nil
}

// wildcards are those of the base and of resellers' bases that a hosting plugin
// can prove.
func (h *house) wildcards(ctx context.Context, c config.Config, base string) ([]certs.Wildcard, error) {
	var all []certs.Wildcard
	if c.ACMEHosting != "" && h.carriers.host != nil {
		settings, err := c.ACMEHostingOptions()
		if err != nil {
			return nil, err
		}
		all = append(all, certs.Wildcard{
			Bases: []string{base, "office." + base},
			Challenger: challenger(func(ctx context.Context) (sdk.Challenger, error) {
				return h.carriers.host.Hosting(ctx, "acme", c.ACMEHosting, settings)
			}),
		})
	}
	resellers, err := h.registry.Resellers(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range resellers {
		names, err := h.registry.Bases(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		providers, err := h.carriers.providers.List(ctx, provider.Hosting, identity.OfReseller(r.ID))
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(providers, func(p provider.Provider) bool { return p.Enabled })
		if i < 0 || h.carriers.host == nil {
			continue // each host gets its own, in its first handshake
		}
		w := certs.Wildcard{Challenger: challenger(func(ctx context.Context) (sdk.Challenger, error) {
			return h.carriers.openHosting(ctx, providers[i])
		})}
		for _, n := range names {
			if !n.Verified.IsZero() {
				w.Bases = append(w.Bases, n.Name)
			}
		}
		if len(w.Bases) > 0 {
			all = append(all, w)
		}
	}
	return all, nil
}

// challenger asks for the plugin anew each time, as plugins want it.
type challenger func(ctx context.Context) (sdk.Challenger, error)

func (open challenger) AddChallenge(ctx context.Context, c sdk.Challenge) error {
	p, err := open(ctx)
	if err != nil {
		return err
	}
	return p.AddChallenge(ctx, c)
}

func (open challenger) RemoveChallenge(ctx context.Context, c sdk.Challenge) error {
	p, err := open(ctx)
	if err != nil {
		return err
	}
	return p.RemoveChallenge(ctx, c)
}

func (k *carriers) openHosting(ctx context.Context, p provider.Provider) (pluginhost.HostingProvider, error) {
	full, err := k.providers.Full(p)
	if err != nil {
		return nil, err
	}
	return k.host.Hosting(ctx, p.ID.String(), p.Plugin, full)
}

var errNotTheirs = fault.New(fault.NotFound, "unknown_provider")

// hosting is the plugin of a hosting provider that a tenant may use: its own,
// its reseller's or the platform's. One that takes patients' connections has
// to be approved, as those that carry messages; one that keeps DNS records
// sees nothing of patients.
func (k *carriers) hosting(ctx context.Context, names *registry.Service, tenant id.Tenant, of id.Provider) (pluginhost.HostingProvider, error) {
	if k.host == nil {
		return nil, pluginhost.ErrNotFound.Because(errNoPlugins)
	}
	p, err := k.providers.Provider(ctx, of)
	if err != nil {
		return nil, err
	}
	t, err := names.ByID(ctx, tenant)
	if err != nil {
		return nil, err
	}
	theirs := p.Scope == identity.OfTenant(tenant) || p.Scope == identity.OfPlatform() ||
		!t.Reseller.IsZero() && p.Scope == identity.OfReseller(t.Reseller)
	if p.Kind != provider.Hosting || !p.Enabled || !theirs {
		return nil, errNotTheirs
	}
	opened, err := k.openHosting(ctx, p)
	if err != nil {
		return nil, err
	}
	about, err := opened.Describe(ctx)
	if err != nil || !about.Has(sdk.Proxy) {
		return opened, err
	}
	route, err := k.providers.Route(ctx, tenant, provider.Hosting)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(route, func(l provider.Line) bool { return l.Provider.ID == of }) {
		return nil, provider.ErrUnapproved
	}
	return opened, nil
}

// requester makes a first request, as a patient's browser does: it asks DNS, it
// believes in the certificates that those do, and follows nobody elsewhere. A
// name that leads into the machine's own network is somebody's trick, except
// in a demo.
func requester(scheme, port string, roots *x509.CertPool, resolve func(context.Context, string) ([]netip.Addr, error)) func(context.Context, string, id.Tenant) error {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	client := &http.Client{
		Timeout: 20 * time.Second,
		Transport: &http.Transport{
			Proxy: nil, DisableKeepAlives: true, TLSHandshakeTimeout: 15 * time.Second, MaxResponseHeaderBytes: 32 << 10,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				host, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				found, err := resolve(ctx, host)
				if err != nil {
					return nil, err
				}
				for _, a := range found {
					if scheme == "https" && (a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified()) {
						continue
					}
					var conn net.Conn
					if conn, err = dialer.DialContext(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
						return conn, nil
					}
				}
				return nil, errors.Join(errors.New("the name leads nowhere"), err)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context, host string, tenant id.Tenant) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+host+port+"/api/v1/practice", nil)
		if err != nil {
			return err
		}
		a, err := client.Do(r)
		if err != nil {
			return err
		}
		defer a.Body.Close()
		var body struct {
			Tenant id.Tenant `json:"tenant"`
		}
		if err := json.NewDecoder(io.LimitReader(a.Body, 1<<20)).Decode(&body); err != nil || a.StatusCode != http.StatusOK || body.Tenant != tenant {
			return fmt.Errorf("status %d, and not this practice's answer", a.StatusCode)
		}
		return nil
	}
}

// secure puts TLS on the server's listener, where the server has certificates.
func (n *hosting) secure(ln net.Listener) net.Listener {
	if n.certs == nil {
		return ln
	}
	return tls.NewListener(ln, n.certs.TLS())
}

// run works on domains, and answers on the plain port, until ctx ends.
func (n *hosting) run(ctx context.Context, group *errgroup.Group) {
	group.Go(func() error { n.domains.Run(ctx); return nil })
	if n.certs == nil {
		return
	}
	n.certs.Start(ctx)
	if n.plain == nil {
		return
	}
	plain := &http.Server{
		Handler: n.certs.Redirect(n.port), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
	group.Go(func() error {
		if err := plain.Serve(n.plain); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return plain.Close()
	})
}
