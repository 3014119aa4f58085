// Package certs gets TLS certificates for known hosts, when they are first
// needed, and renews them.
//
// It promises that a certificate is asked for only where [Config.Known] knows
// the host: names that strangers put into handshakes cost a look, and are
// bounded, too. It promises that requests to the authority are limited, for a
// host and for all, over all replicas; that replicas share certificates and do
// not ask twice; that keys rest in Postgres only sealed under the server's
// secret; that a host which has a certificate needs neither the authority nor
// its provider until that has nearly expired.
//
// Hosts are proven by HTTP-01 or TLS-ALPN-01, wildcards by DNS-01 through a
// [sdk.Challenger]. It does not promise that the authority answers: without a
// certificate, the handshake fails.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/uptrace/bun"
	"go.uber.org/zap"

	"siegel/platform/fault"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
)

// The errors that a caller can act on.
var (
	// ErrUnknownHost: no certificate for that name, ever.
	ErrUnknownHost = fault.New(fault.NotFound, "unknown_host")
	// ErrTooManyAttempts: the authority has been asked often enough for now.
	ErrTooManyAttempts = fault.New(fault.Limited, "certificate_attempts_spent")
	// ErrNoCertificate: the authority gave none. The cause says why, for logs.
	ErrNoCertificate = fault.New(fault.Unavailable, "certificate_unavailable")
)

// Config is what a [Service] needs. DB, Secret and Known have no default.
type Config struct {
	DB *postgres.DB
	// Secret is the server's, at least 32 bytes; another one finds no
	// certificate and gets new ones.
	Secret []byte
	// Known returns nil for a host that may have a certificate, and a fault of
	// code not_found for one that may not. It is asked in every handshake, so it
	// answers fast. The name is lower case and has no port.
	Known func(ctx context.Context, host string) error
	// Directory is the authority's address (RFC 8555). Default: Let's Encrypt.
	Directory string
	// Email is where the authority writes to; may be empty.
	Email string
	// Roots are believed instead of the machine's when talking to the
	// authority; for an authority of one's own.
	Roots *x509.CertPool
	// TLSAddress and HTTPAddress are where this process listens, such as
	// "0.0.0.0:443" and "0.0.0.0:80". The authority gets there by the ports
	// 443 and 80 of the host. Without HTTPAddress there is no HTTP-01.
	TLSAddress, HTTPAddress string
	// Wildcards says for which bases there is to be a certificate for all
	// names below, and who publishes challenges for it. It is asked at the
	// start, each hour and by [Service.Refresh]. May be nil.
	Wildcards func(ctx context.Context) ([]Wildcard, error)
	// Published returns nil once DNS answers with a challenge's value; without
	// it, the authority is told at once. May be nil.
	Published func(ctx context.Context, name, value string) error
	// PerHost and PerHour bound requests to the authority within an hour: for
	// one host, and for all that have none yet. Default: 5 and 50.
	PerHost, PerHour int
	// UnknownPerSecond bounds how often a name is looked up that turns out to
	// be unknown. Default: 20.
	UnknownPerSecond int
	// RenewBefore is the rest of a certificate's life, from 0 to 1, at which a
	// new one is asked for. Default: a third.
	RenewBefore float64
	// Lease is for how long a replica that died keeps others from working on a
	// host. Default: 1 min.
	Lease time.Duration
	// Now is the clock of the limits in memory; time.Now where nil.
	Now func() time.Time
	// Logger is told what came of requests. Default: slog.Default().
	Logger *slog.Logger
}

// Wildcard is a certificate for all names directly below some others.
type Wildcard struct {
	// Bases are the names above, such as "example.org" for "*.example.org".
	Bases []string
	// Challenger publishes challenges for them.
	Challenger sdk.Challenger
}

// Service serves certificates. Safe for concurrent use.
type Service struct {
	cfg    Config
	store  *store
	cache  *certmagic.Cache
	demand *certmagic.Config
	issuer *certmagic.ACMEIssuer
	looks  looks

	mu    sync.Mutex
	wilds map[string]*certmagic.Config // by name, such as "*.example.org"
	stop  context.CancelFunc
	tasks sync.WaitGroup
}

// NewService returns a Service. [Service.Start] keeps wildcards, [Service.Close]
// ends it.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || c.Known == nil {
		return nil, errors.New("certs: DB or Known is missing")
	}
	if len(c.Secret) < 32 {
		return nil, errors.New("certs: the secret has fewer than 32 bytes")
	}
	setDefault(&c.Directory, certmagic.LetsEncryptProductionCA)
	setDefault(&c.PerHost, 5)
	setDefault(&c.PerHour, 50)
	setDefault(&c.UnknownPerSecond, 20)
	setDefault(&c.RenewBefore, 1.0/3)
	setDefault(&c.Lease, time.Minute)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	st, err := newStore(c.DB, c.Secret, c.Lease)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	s := &Service{cfg: c, store: st, wilds: map[string]*certmagic.Config{}, looks: looks{perSecond: c.UnknownPerSecond, now: c.Now}}
	s.cache = certmagic.NewCache(certmagic.CacheOptions{
		Capacity: 10_000, Logger: zap.NewNop(),
		GetConfigForCert: func(cert certmagic.Certificate) (*certmagic.Config, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, name := range cert.Names {
				if wild := s.wilds[name]; wild != nil {
					return wild, nil
				}
			}
			return s.demand, nil
		},
	})
	template, err := s.template()
	if err != nil {
		s.cache.Stop()
		return nil, fmt.Errorf("certs: %w", err)
	}
	s.demand = s.config()
	s.demand.OnDemand = &certmagic.OnDemandConfig{DecisionFunc: s.decide}
	s.issuer = certmagic.NewACMEIssuer(s.demand, template)
	s.demand.Issuers = []certmagic.Issuer{s.issuer}
	return s, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (s *Service) config() *certmagic.Config {
	return certmagic.New(s.cache, certmagic.Config{
		Storage: s.store, OnEvent: s.event, RenewalWindowRatio: s.cfg.RenewBefore,
		KeySource: certmagic.StandardKeyGenerator{KeyType: certmagic.P256},
		// Authorities have stopped answering (Let's Encrypt: 2025), and who
		// asks tells them which host is visited.
		OCSP:   certmagic.OCSPConfig{DisableStapling: true},
		Logger: zap.NewNop(), // what matters comes by OnEvent
	})
}

// template is what all issuers have in common.
func (s *Service) template() (certmagic.ACMEIssuer, error) {
	t := certmagic.ACMEIssuer{
		CA: s.cfg.Directory, Email: s.cfg.Email, Agreed: true, TrustedRoots: s.cfg.Roots,
		DisableHTTPChallenge: s.cfg.HTTPAddress == "", DisableTLSALPNChallenge: s.cfg.TLSAddress == "",
		CertObtainTimeout: 90 * time.Second, Logger: zap.NewNop(),
	}
	if t.Email == "" {
		t.Email = " " // none: for a really empty one, the library asks whoever sits at standard input
	}
	for _, a := range []struct {
		address string
		port    *int
	}{{s.cfg.TLSAddress, &t.AltTLSALPNPort}, {s.cfg.HTTPAddress, &t.AltHTTPPort}} {
		if a.address == "" {
			continue
		}
		host, port, err := net.SplitHostPort(a.address)
		if err != nil {
			return t, fmt.Errorf("%q is not an address to listen on", a.address)
		}
		if *a.port, err = strconv.Atoi(port); err != nil {
			return t, fmt.Errorf("%q is not an address to listen on", a.address)
		}
		t.ListenHost = host
	}
	return t, nil
}

// TLS is how a listener speaks: TLS 1.2 or newer and HTTP/1.1, which is what
// the server behind it knows.
func (s *Service) TLS() *tls.Config {
	c := s.demand.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	c.NextProtos = append([]string{"http/1.1"}, c.NextProtos...)
	get := c.GetCertificate
	c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if !s.still(hello.Context(), hello.ServerName) {
			return nil, errors.New("no certificate for this name")
		}
		cert, err := get(hello)
		if err != nil {
			// The library's text has the name in it, and a stranger chose that.
			return nil, errors.New("no certificate for this name")
		}
		return cert, nil
	}
	return c
}

// still says whether a host that has a certificate of its own in this replica's
// memory may be served with it. A host can be given up by any replica; that nobody can be
// asked at the moment takes none away.
func (s *Service) still(ctx context.Context, host string) bool {
	host = strings.ToLower(host)
	itself := func(c certmagic.Certificate) bool { return slices.Contains(c.Names, host) }
	if !slices.ContainsFunc(s.cache.AllMatchingCertificates(host), itself) || fault.From(s.cfg.Known(ctx, host)).Code != fault.NotFound {
		return true
	}
	s.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: host}})
	return false
}

// Redirect answers on port 80: the authority's questions, and for known hosts
// the way to https. port is the one of https where it is not 443.
func (s *Service) Redirect(port int) http.Handler {
	return s.issuer.HTTPChallengeHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.ToLower(host)
		w.Header().Set("Content-Length", "0")
		if s.decide(r.Context(), host) != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if port != 0 && port != 443 {
			host = net.JoinHostPort(host, strconv.Itoa(port))
		}
		w.Header().Set("Location", "https://"+host+r.URL.RequestURI())
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusPermanentRedirect)
	}))
}

// decide is the answer to a name in a handshake.
func (s *Service) decide(ctx context.Context, host string) error {
	if sdk.CheckHost(host) != nil || !s.looks.mayAsk(host) {
		return ErrUnknownHost
	}
	err := s.cfg.Known(ctx, host)
	s.looks.heard(host, err == nil)
	if err != nil {
		return ErrUnknownHost.Because(err)
	}
	return nil
}

// event is told by certmagic what it does. An error stops it.
func (s *Service) event(ctx context.Context, event string, data map[string]any) error {
	host, _ := data["identifier"].(string)
	switch event {
	case "cert_obtaining":
		renewal, _ := data["renewal"].(bool)
		return s.attempt(ctx, host, renewal)
	case "cert_obtained":
		s.cfg.Logger.Info("certificate obtained", "host", sdk.Clean(host, 260))
	case "cert_failed":
		err, _ := data["error"].(error)
		s.cfg.Logger.Warn("no certificate", "host", sdk.Clean(host, 260), "error", sdk.Clean(fmt.Sprint(err), 500))
	}
	return nil
}

// attempt takes one of the requests that the authority may still be asked.
func (s *Service) attempt(ctx context.Context, host string, renewal bool) error {
	taken := false
	err := s.cfg.DB.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		// Alone, so that replicas do not take the same one.
		if _, err := tx.NewRaw(`lock table certificate_attempt in share row exclusive mode`).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewRaw(`delete from certificate_attempt where at < now() - interval '1 day'`).Exec(ctx); err != nil {
			return err
		}
		result, err := tx.NewRaw(`insert into certificate_attempt (host, renewal)
			select ?0, ?1 from (
				select count(*) filter (where host = ?0) as of_host, count(*) filter (where not renewal) as of_all
				  from certificate_attempt where at > now() - interval '1 hour'
			) spent where of_host < ?2 and (?1 or of_all < ?3)`, host, renewal, s.cfg.PerHost, s.cfg.PerHour).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		taken = n == 1
		return err
	})
	if err != nil {
		return fmt.Errorf("count certificate attempts: %w", err)
	}
	if !taken {
		// A handshake is waiting: it does not help to try again within it.
		return certmagic.ErrNoRetry{Err: ErrTooManyAttempts}
	}
	return nil
}

// Obtain gets the certificate of a host now, where there is none, instead of
// in the first handshake. It returns [ErrUnknownHost], [ErrTooManyAttempts] or
// [ErrNoCertificate].
func (s *Service) Obtain(ctx context.Context, host string) error {
	if sdk.CheckHost(host) != nil {
		return ErrUnknownHost
	}
	if err := s.cfg.Known(ctx, host); err != nil {
		return ErrUnknownHost.Because(err)
	}
	if s.covered(host) {
		return nil
	}
	switch err := s.demand.ObtainCertSync(ctx, host); {
	case errors.Is(err, ErrTooManyAttempts):
		return ErrTooManyAttempts.Because(err)
	case err != nil:
		return ErrNoCertificate.Because(err)
	}
	return nil
}

// covered says whether a wildcard serves the host.
func (s *Service) covered(host string) bool {
	_, base, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(s.cache.AllMatchingCertificates("*."+base), func(c certmagic.Certificate) bool { return !c.Expired() })
}

// Expires is until when the certificate of a host is good, UTC; zero where
// there is none.
func (s *Service) Expires(ctx context.Context, host string) (time.Time, error) {
	name := host
	if s.covered(host) {
		_, base, _ := strings.Cut(host, ".")
		name = "*." + base
	}
	cert, err := s.demand.CacheManagedCertificate(ctx, name)
	if err != nil {
		if !s.store.Exists(ctx, certmagic.StorageKeys.SiteCert(s.issuer.IssuerKey(), name)) {
			return time.Time{}, nil
		}
		return time.Time{}, fmt.Errorf("read certificate: %w", err)
	}
	return cert.Leaf.NotAfter.UTC(), nil
}

// Forget throws the certificate of a host away, for one that is no longer
// ours. Other replicas stop serving it as soon as [Config.Known] says so there.
func (s *Service) Forget(ctx context.Context, host string) error {
	if sdk.CheckHost(host) != nil {
		return ErrUnknownHost
	}
	s.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: host}})
	return s.store.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(s.issuer.IssuerKey(), host))
}

// Start keeps the wildcards until [Service.Close]. It does not wait for them.
func (s *Service) Start(ctx context.Context) {
	if s.cfg.Wildcards == nil {
		return
	}
	ctx, s.stop = context.WithCancel(ctx)
	s.tasks.Go(func() {
		for {
			if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
				s.cfg.Logger.Warn("wildcard certificates", "error", sdk.Clean(err.Error(), 500))
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Hour):
			}
		}
	})
}

// Refresh asks which wildcards there are to be and gets those that are
// missing. It returns when all are there or have failed.
func (s *Service) Refresh(ctx context.Context) error {
	if s.cfg.Wildcards == nil {
		return nil
	}
	wildcards, err := s.cfg.Wildcards(ctx)
	if err != nil {
		return fmt.Errorf("list wildcards: %w", err)
	}
	var failed []error
	for _, w := range wildcards {
		template, err := s.template()
		if err != nil {
			return err
		}
		template.DNS01Solver = &solver{challenger: w.Challenger, published: s.cfg.Published}
		template.CertObtainTimeout = 10 * time.Minute // DNS takes its time
		c := s.config()
		c.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(c, template)}
		var names []string
		for _, base := range w.Bases {
			if sdk.CheckHost(base) == nil {
				names = append(names, "*."+base)
			}
		}
		s.mu.Lock()
		for _, name := range names {
			s.wilds[name] = c
		}
		s.mu.Unlock()
		for _, name := range names { // one certificate each: one that fails takes no other with it
			if err := c.ManageSync(ctx, []string{name}); err != nil {
				failed = append(failed, err)
			}
		}
	}
	return errors.Join(failed...)
}

// Close ends the keeping of certificates. Those that are served go on.
func (s *Service) Close() {
	if s.stop != nil {
		s.stop()
	}
	s.tasks.Wait()
	s.cache.Stop()
}
