package identity_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"

	"siegel/platform/id"
	"siegel/platform/identity"
)

// somebody is a person of the provider whose token may be spoilt.
type somebody struct {
	mockoidc.MockUser
	spoil func(*mockoidc.IDTokenClaims)
}

func (s *somebody) Claims(scope []string, claims *mockoidc.IDTokenClaims) (jwt.Claims, error) {
	if s.spoil != nil {
		s.spoil(claims)
	}
	return s.MockUser.Claims(scope, claims)
}

// idp is a provider and a service that reaches it.
type idp struct {
	*fixture
	*mockoidc.MockOIDC
	service *identity.Service
	tenant  id.Tenant
}

func openid(t *testing.T) *idp {
	t.Helper()
	f := setup(t, nil)
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Shutdown() })
	s, err := identity.NewService(identity.Config{DB: f.db, Secret: secret(), Now: f.clock.now, OIDC: identity.Bounded(&http.Client{Timeout: 5 * time.Second})})
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{f, m, s, id.New[id.Tenant]()}
	err = s.SetProvider(t.Context(), identity.OfTenant(p.tenant), identity.Provider{Issuer: m.Issuer(), ClientID: m.ClientID, Secret: m.ClientSecret, Label: "Klinik"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const redirect = "http://praxis.office.localhost/oidc"

// visit sends the browser to the provider, where user signs in, and back.
func (p *idp) visit(t *testing.T, user mockoidc.User) identity.OIDCReturn {
	t.Helper()
	location, cookie, err := p.service.StartOIDC(t.Context(), identity.OfTenant(p.tenant), redirect, entry(p.tenant))
	if err != nil {
		t.Fatal(err)
	}
	p.QueueUser(user)
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(location)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusFound {
		t.Fatalf("%d, %v", res.StatusCode, err)
	}
	return identity.OIDCReturn{Code: back.Query().Get("code"), State: back.Query().Get("state"), Cookie: cookie}
}

func (p *idp) finish(t *testing.T, back identity.OIDCReturn) (identity.Session, error) {
	t.Helper()
	_, session, err := p.service.SignInByOIDC(t.Context(), back, entry(p.tenant))
	return session, err
}

func who(subject, email string, verified bool) *somebody {
	return &somebody{MockUser: mockoidc.MockUser{Subject: subject, Email: email, EmailVerified: verified}}
}

func TestOIDC_SignsInByVerifiedAddressAndThenBySubject(t *testing.T) {
	t.Parallel()
	p := openid(t)
	member := p.person(t, "ada@klinik.example")
	session, err := p.finish(t, p.visit(t, who("s-1", "Ada@Klinik.example", true)))
	if err != nil || session.Account != member.ID || session.Domain != identity.OfTenant(p.tenant) {
		t.Fatalf("got %+v, %v", session, err)
	}
	// The address may change, or be taken by somebody else there: the subject counts.
	if session, err = p.finish(t, p.visit(t, who("s-1", "ada.neu@klinik.example", false))); err != nil || session.Account != member.ID {
		t.Errorf("the same subject: got %+v, %v", session, err)
	}
	if _, err = p.finish(t, p.visit(t, who("s-2", "ada@klinik.example", true))); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("another subject with the address: got %v", err)
	}
	history, err := p.History(t.Context(), member.ID)
	if err != nil || len(history) != 2 || history[0].Method != "oidc" {
		t.Errorf("got %+v, %v", history, err)
	}
}

func TestOIDC_RefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	p := openid(t)
	p.person(t, "ada@klinik.example")
	good := func() *somebody { return who("s-1", "ada@klinik.example", true) }
	for name, user := range map[string]*somebody{
		"UnverifiedAddress": who("s-1", "ada@klinik.example", false),
		"UnknownAddress":    who("s-1", "nobody@klinik.example", true),
		"WrongIssuer":       {MockUser: good().MockUser, spoil: func(c *mockoidc.IDTokenClaims) { c.Issuer = "https://evil.example" }},
		"WrongAudience":     {MockUser: good().MockUser, spoil: func(c *mockoidc.IDTokenClaims) { c.Audience = jwt.ClaimStrings{"another client"} }},
		"WrongNonce":        {MockUser: good().MockUser, spoil: func(c *mockoidc.IDTokenClaims) { c.Nonce = "another" }},
		"NoNonce":           {MockUser: good().MockUser, spoil: func(c *mockoidc.IDTokenClaims) { c.Nonce = "" }},
		"Expired":           {MockUser: good().MockUser, spoil: func(c *mockoidc.IDTokenClaims) { c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(-time.Hour)) }},
		"NoSubject":         {MockUser: good().MockUser, spoil: func(c *mockoidc.IDTokenClaims) { c.Subject = "" }},
	} {
		if session, err := p.finish(t, p.visit(t, user)); !errors.Is(err, identity.ErrSignInFailed) {
			t.Errorf("%s: got %+v, %v", name, session, err)
		}
	}
	back := p.visit(t, good())
	spoilt := back
	spoilt.State = "another"
	if _, err := p.finish(t, spoilt); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("another state: got %v", err)
	}
	spoilt = p.visit(t, good())
	spoilt.Code = "another"
	if _, err := p.finish(t, spoilt); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("another code: got %v", err)
	}
	// A code that was started by somebody else's browser: PKCE does not fit.
	mine, theirs := p.visit(t, good()), p.visit(t, good())
	mine.Code = theirs.Code
	if _, err := p.finish(t, mine); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("another browser's code: got %v", err)
	}
	if _, err := p.finish(t, back); err != nil {
		t.Fatalf("what fits: %v", err)
	}
	if _, err := p.finish(t, back); !errors.Is(err, identity.ErrTicketExpired) {
		t.Errorf("used twice: got %v", err)
	}
	back = p.visit(t, good())
	_, _, err := p.service.SignInByOIDC(t.Context(), back, entry(id.New[id.Tenant]()))
	if !errors.Is(err, identity.ErrTicketExpired) {
		t.Errorf("another practice's door: got %v", err)
	}
	p.clock.add(11 * time.Minute)
	if _, err := p.finish(t, back); !errors.Is(err, identity.ErrTicketExpired) {
		t.Errorf("eleven minutes at the provider: got %v", err)
	}
}

func TestOIDC_AsksForTheSecondFactorToo(t *testing.T) {
	t.Parallel()
	p := openid(t)
	member := p.person(t, "zwei@klinik.example")
	a := p.enrol(t, member, p.tenant)
	_, err := p.finish(t, p.visit(t, who("s-1", "zwei@klinik.example", true)))
	var second *identity.SecondNeeded
	if !errors.As(err, &second) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := p.second(t, p.tenant, second.Ticket, a.code(t, p.clock.now()), "", ""); err != nil {
		t.Error(err)
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	p := openid(t)
	domain := identity.OfTenant(p.tenant)
	got, err := p.service.Provider(t.Context(), domain)
	if err != nil || got.Secret != "" || got.Issuer != p.Issuer() || got.Label != "Klinik" {
		t.Errorf("got %+v, %v", got, err)
	}
	var plain int
	if err := p.owner.QueryRow(t.Context(), `select count(*) from oidc_provider where position($1::bytea in client_secret) > 0`, []byte(p.ClientSecret)).Scan(&plain); err != nil || plain != 0 {
		t.Errorf("the secret is in the database as it is: %d, %v", plain, err)
	}
	if err := p.service.SetProvider(t.Context(), domain, identity.Provider{Issuer: p.Issuer(), ClientID: p.ClientID, Label: "Neu"}); err != nil {
		t.Errorf("keeping the secret: %v", err)
	}
	for name, bad := range map[string]identity.Provider{
		"NoIssuer":               {ClientID: "x", Secret: "x", Label: "x"},
		"AnotherIssuerOldSecret": {Issuer: "https://evil.example", ClientID: "x", Label: "x"},
		"Credentials":            {Issuer: "https://a:b@evil.example", ClientID: "x", Secret: "x", Label: "x"},
		"AnotherScheme":          {Issuer: "file:///etc/passwd", ClientID: "x", Secret: "x", Label: "x"},
		"NewlineInLabel":         {Issuer: p.Issuer(), ClientID: "x", Secret: "x", Label: "x\ny"},
	} {
		if err := p.service.SetProvider(t.Context(), domain, bad); !errors.Is(err, identity.ErrMalformedProvider) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// What an owner types in must not make the server call its own network.
	for _, issuer := range []string{p.Issuer(), "https://127.0.0.1:1", "https://10.0.0.1", "https://169.254.169.254", "https://[::1]:1"} {
		err := p.fixture.SetProvider(t.Context(), domain, identity.Provider{Issuer: issuer, ClientID: "x", Secret: "x", Label: "x"})
		if !errors.Is(err, identity.ErrOIDCUnreachable) {
			t.Errorf("%s: got %v", issuer, err)
		}
	}
	if _, _, err := p.service.StartOIDC(t.Context(), identity.OfTenant(id.New[id.Tenant]()), redirect, entry(p.tenant)); !errors.Is(err, identity.ErrNoOIDC) {
		t.Errorf("another tenant's provider at this door: got %v", err)
	}
	if err := p.service.RemoveProvider(t.Context(), domain); err != nil {
		t.Fatal(err)
	}
	if _, err := p.service.Provider(t.Context(), domain); !errors.Is(err, identity.ErrNoOIDC) {
		t.Errorf("got %v", err)
	}
}
