package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/guard"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// What goes wrong with a provider.
var (
	// ErrNoOIDC is returned where the domain has no provider.
	ErrNoOIDC = fault.New(fault.NotFound, "no_oidc")
	// ErrOIDCUnreachable is returned for a provider that does not answer, or
	// not as a provider does.
	ErrOIDCUnreachable = fault.New(fault.Unavailable, "oidc_unreachable")
	// ErrMalformedProvider is returned for settings that cannot be meant.
	ErrMalformedProvider = fault.New(fault.Invalid, "malformed_provider")
)

// Provider is where a domain's people may sign in by OpenID Connect.
type Provider struct {
	Issuer   string // an https URL
	ClientID string
	// Secret is never read back; where it is empty, setting keeps the old one.
	Secret string
	Label  string // on the button
}

// Provider reads a domain's provider, without its secret. It returns [ErrNoOIDC].
func (s *Service) Provider(ctx context.Context, domain access.Domain) (Provider, error) {
	p, _, err := s.provider(ctx, domain)
	return p, err
}

func (s *Service) provider(ctx context.Context, domain access.Domain) (p Provider, secret string, err error) {
	var box []byte
	var found *postgres.Found
	err = s.db.Batch(ctx, Scope(domain), func(b *postgres.Batch) {
		found = b.Row(`select issuer, client_id, client_secret, label from oidc_provider where tenant_id = $1`,
			[]any{Scope(domain)}, &p.Issuer, &p.ClientID, &box, &p.Label)
	})
	if err != nil {
		return Provider{}, "", fmt.Errorf("read provider: %w", err)
	}
	if !found.OK {
		return Provider{}, "", ErrNoOIDC
	}
	plain, err := s.box.open(box, "oidc", Scope(domain).UUID()+"|"+p.Issuer)
	if err != nil {
		return Provider{}, "", fmt.Errorf("open the provider's secret: %w", err)
	}
	return p, string(plain), nil
}

// SetProvider sets a domain's provider after asking it for its configuration.
// Another issuer wants the secret again: the old one must not go to a stranger.
// It returns [ErrMalformedProvider] or [ErrOIDCUnreachable].
func (s *Service) SetProvider(ctx context.Context, domain access.Domain, p Provider) error {
	if !isLine(p.Issuer, 300) || !isLine(p.ClientID, 300) || !isLine(p.Label, 60) || len(p.Secret) > 500 {
		return ErrMalformedProvider
	}
	u, err := url.Parse(p.Issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return ErrMalformedProvider
	}
	if p.Secret == "" {
		old, secret, err := s.provider(ctx, domain)
		if err != nil && !errors.Is(err, ErrNoOIDC) {
			return err
		}
		if err != nil || old.Issuer != p.Issuer {
			return ErrMalformedProvider
		}
		p.Secret = secret
	}
	if _, err := s.discover(ctx, p.Issuer); err != nil {
		return err
	}
	box := s.box.seal([]byte(p.Secret), "oidc", Scope(domain).UUID()+"|"+p.Issuer)
	err = s.db.Batch(ctx, Scope(domain), func(b *postgres.Batch) {
		b.Exec(`
			insert into oidc_provider (tenant_id, issuer, client_id, client_secret, label) values ($1, $2, $3, $4, $5)
			on conflict (tenant_id) do update set issuer = excluded.issuer, client_id = excluded.client_id,
			  client_secret = excluded.client_secret, label = excluded.label, changed = now()`,
			Scope(domain), p.Issuer, p.ClientID, box, p.Label)
	})
	if err != nil {
		return fmt.Errorf("set provider: %w", err)
	}
	return nil
}

// RemoveProvider ends signing in by a provider, and forgets who was who there.
func (s *Service) RemoveProvider(ctx context.Context, domain access.Domain) error {
	err := s.db.Batch(ctx, Scope(domain), func(b *postgres.Batch) {
		b.Exec(`delete from oidc_provider where tenant_id = $1`, Scope(domain))
		b.Exec(`delete from oidc_binding where tenant_id = $1`, Scope(domain))
	})
	if err != nil {
		return fmt.Errorf("remove provider: %w", err)
	}
	return nil
}

// oidcStep is what the browser carries to the provider and back, sealed in a
// cookie.
type oidcStep struct {
	Domain   access.Domain `json:"d"`
	State    string        `json:"s"`
	Nonce    string        `json:"n"`
	Verifier string        `json:"v"`
	Redirect string        `json:"r"`
}

// StartOIDC returns where the browser has to go, and the cookie that it shows
// when it comes back (authorization code with PKCE). It returns [ErrNoOIDC],
// [ErrOIDCUnreachable] or [ErrTooManyAttempts].
func (s *Service) StartOIDC(ctx context.Context, domain access.Domain, redirect string, in Entry) (location, cookie string, err error) {
	if err := s.knock(ctx, "oidc", in.IP); err != nil {
		return "", "", err
	}
	if !in.At.leads(domain) {
		return "", "", ErrNoOIDC
	}
	p, secret, err := s.provider(ctx, domain)
	if err != nil {
		return "", "", err
	}
	found, err := s.discover(ctx, p.Issuer)
	if err != nil {
		return "", "", err
	}
	state, _ := newCookie()
	nonce, _ := newCookie()
	step := oidcStep{domain, state, nonce, oauth2.GenerateVerifier(), redirect}
	location = client(p, secret, found, redirect).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(step.Verifier))
	return location, hand(s, "oidc", in.At, step), nil
}

func client(p Provider, secret string, found *oidc.Provider, redirect string) *oauth2.Config {
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: secret, Endpoint: found.Endpoint(), RedirectURL: redirect,
		Scopes: []string{oidc.ScopeOpenID, "email"}}
}

// OIDCReturn is what the provider sent the browser back with.
type OIDCReturn struct{ Code, State, Cookie string }

// SignInByOIDC signs in whom the provider vouches for: at first an account that
// has the verified e-mail address and may enter here; from then on the one that
// the provider's subject was bound to. It makes no account and opens no key.
// A second factor of ours is asked for as after a password. It returns
// [ErrSignInFailed], [ErrTicketExpired], [ErrOIDCUnreachable], or a
// [*SecondNeeded].
func (s *Service) SignInByOIDC(ctx context.Context, back OIDCReturn, in Entry) (cookie string, session Session, err error) {
	if err := s.knock(ctx, "oidc", in.IP); err != nil {
		return "", Session{}, err
	}
	t, err := take[oidcStep](s, "oidc", in.At, back.Cookie)
	if err != nil {
		return "", Session{}, err
	}
	step := t.Body
	in.Domain = step.Domain
	if back.State == "" || back.State != step.State {
		return "", Session{}, ErrSignInFailed.Because(errors.New("another state"))
	}
	if err := s.useUp(ctx, t.Serial); err != nil {
		return "", Session{}, err
	}
	claims, issuer, err := s.vouched(ctx, step, back.Code)
	if err != nil {
		return "", Session{}, err
	}
	account, err := s.bound(ctx, step.Domain, issuer, claims, in)
	if err != nil {
		return "", Session{}, err
	}
	in.Domain = step.Domain
	methods, err := s.factors(ctx, account)
	if err != nil {
		return "", Session{}, err
	}
	if len(methods) > 0 {
		trusted, err := s.trusted(ctx, account, in)
		if err != nil {
			return "", Session{}, err
		}
		if !trusted {
			return "", Session{}, &SecondNeeded{hand(s, "second", in.At, account), methods}
		}
	}
	return s.enter(ctx, account, in, MethodOIDC)
}

// vouch is what an id token says of somebody.
type vouch struct {
	Subject  string
	Email    string `json:"email"`
	Verified any    `json:"email_verified"`
}

func (s *Service) vouched(ctx context.Context, step oidcStep, code string) (vouch, string, error) {
	p, secret, err := s.provider(ctx, step.Domain)
	if errors.Is(err, ErrNoOIDC) {
		return vouch{}, "", ErrSignInFailed.Because(err)
	}
	if err != nil {
		return vouch{}, "", err
	}
	found, err := s.discover(ctx, p.Issuer)
	if err != nil {
		return vouch{}, "", err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, s.oidc), oidcTimeout)
	defer cancel()
	token, err := client(p, secret, found, step.Redirect).Exchange(ctx, code, oauth2.VerifierOption(step.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) {
			return vouch{}, "", ErrSignInFailed.Because(fmt.Errorf("the provider refused the code: %s", refused.ErrorCode))
		}
		return vouch{}, "", ErrOIDCUnreachable.Because(err)
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := found.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID, Now: s.now}).Verify(ctx, raw)
	if err != nil {
		return vouch{}, "", ErrSignInFailed.Because(err)
	}
	if idToken.Nonce != step.Nonce {
		return vouch{}, "", ErrSignInFailed.Because(errors.New("another nonce"))
	}
	var claims vouch
	if err := idToken.Claims(&claims); err != nil {
		return vouch{}, "", ErrSignInFailed.Because(err)
	}
	claims.Subject = idToken.Subject
	if claims.Subject == "" || len(claims.Subject) > 255 {
		return vouch{}, "", ErrSignInFailed.Because(errors.New("no subject"))
	}
	return claims, p.Issuer, nil
}

// bound finds the account of a subject. The first time it is the one with the
// verified address, if it may enter and nobody else of the provider is it.
func (s *Service) bound(ctx context.Context, domain access.Domain, issuer string, claims vouch, in Entry) (id.Account, error) {
	var account id.Account
	var known *postgres.Found
	err := s.db.Batch(ctx, Scope(domain), func(b *postgres.Batch) {
		known = b.Row(`select account_id from oidc_binding where tenant_id = $1 and issuer = $2 and subject = $3`,
			[]any{Scope(domain), issuer, claims.Subject}, &account)
	})
	if err != nil {
		return id.Account{}, fmt.Errorf("read binding: %w", err)
	}
	if !known.OK {
		email, ok := canonicalEmail(claims.Email)
		// Some providers send the word as a text.
		if verified := claims.Verified == true || claims.Verified == "true"; !ok || !verified {
			return id.Account{}, ErrSignInFailed.Because(errors.New("the address is not verified"))
		}
		found, err := s.row(ctx, `select id from account where email = $1`, []any{email}, &account)
		if err != nil {
			return id.Account{}, fmt.Errorf("find account: %w", err)
		}
		if !found {
			return id.Account{}, ErrSignInFailed.Because(errors.New("nobody has the address"))
		}
	}
	entered, err := in.allowed(ctx, account)
	if err != nil {
		return id.Account{}, err
	}
	if entered != domain {
		return id.Account{}, ErrSignInFailed.Because(errors.New("the account enters another domain"))
	}
	if known.OK {
		return account, nil
	}
	var one int
	var bound *postgres.Found
	err = s.db.Batch(ctx, Scope(domain), func(b *postgres.Batch) {
		bound = b.Row(`
			insert into oidc_binding (tenant_id, issuer, subject, account_id) values ($1, $2, $3, $4)
			on conflict do nothing returning 1`,
			[]any{Scope(domain), issuer, claims.Subject, account}, &one)
	})
	if err != nil {
		return id.Account{}, fmt.Errorf("bind subject: %w", err)
	}
	if !bound.OK {
		return id.Account{}, ErrSignInFailed.Because(errors.New("the account is somebody else's at the provider"))
	}
	return account, nil
}

const oidcTimeout = 5 * time.Second

// discover reads the provider's configuration and compares the issuer in it.
func (s *Service) discover(ctx context.Context, issuer string) (*oidc.Provider, error) {
	ctx, cancel := context.WithTimeout(ctx, oidcTimeout)
	defer cancel()
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, s.oidc), issuer)
	if err != nil {
		return nil, ErrOIDCUnreachable.Because(err)
	}
	return p, nil
}

// outside is a client that an owner's settings cannot turn on our own network:
// https only, public addresses only, nothing followed, little read.
func outside() *http.Client {
	dialer := &net.Dialer{Timeout: 3 * time.Second, Control: guard.PublicOnly}
	return Bounded(&http.Client{Timeout: oidcTimeout, Transport: guard.HTTPSOnly{Next: &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 3 * time.Second, ResponseHeaderTimeout: 3 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives: true, ForceAttemptHTTP2: true,
	}}})
}

// Bounded makes a client follow nothing and read at most a mebibyte.
func Bounded(c *http.Client) *http.Client {
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = brief{c.Transport}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

type brief struct{ next http.RoundTripper }

func (b brief) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, 1<<20), res.Body}
	}
	return res, err
}
