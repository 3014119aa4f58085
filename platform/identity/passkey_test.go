package identity_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"

	"siegel/platform/id"
	"siegel/platform/identity"
)

const origin = "https://praxis.office.siegel.example"

func site(tenant id.Tenant) identity.Site {
	return identity.Site{RPID: "office.siegel.example", Origin: origin, At: identity.OfficeDoor(tenant)}
}

// key is an authenticator with one passkey.
type key struct {
	virtualwebauthn.Authenticator
	credential virtualwebauthn.Credential
}

func rp(origin string) virtualwebauthn.RelyingParty {
	return virtualwebauthn.RelyingParty{ID: "office.siegel.example", Name: "Siegel", Origin: origin}
}

// wholeKey is how long a COSE key on P-256 is.
const wholeKey = 77

func newKey(p person, options virtualwebauthn.AuthenticatorOptions) key {
	handle := p.ID.Bytes()
	options.UserHandle = handle[:]
	k := key{virtualwebauthn.NewAuthenticatorWithOptions(options), virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
	// The library drops leading zeros of a public key: one in 128 would be malformed.
	for len(k.credential.Key.AttestationData()) != wholeKey {
		k.credential = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	k.AddCredential(k.credential)
	return k
}

func (k key) create(t *testing.T, c identity.Ceremony, origin string) json.RawMessage {
	t.Helper()
	options, err := virtualwebauthn.ParseAttestationOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(virtualwebauthn.CreateAttestationResponse(rp(origin), k.Authenticator, k.credential, *options))
}

func (k *key) get(t *testing.T, c identity.Ceremony, rp virtualwebauthn.RelyingParty) identity.Assertion {
	t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	k.credential.Counter++
	return identity.Assertion{Ticket: c.Ticket, Credential: json.RawMessage(virtualwebauthn.CreateAssertionResponse(rp, k.Authenticator, k.credential, *options))}
}

// passkey adds one to the person's account.
func (f *fixture) passkey(t *testing.T, p person, tenant id.Tenant, in identity.NewPasskey) (key, []string) {
	t.Helper()
	session := identity.Session{Account: p.ID, Email: p.Email, Domain: identity.OfTenant(tenant)}
	c, err := f.StartPasskey(t.Context(), session, site(tenant))
	if err != nil {
		t.Fatal(err)
	}
	k := newKey(p, virtualwebauthn.AuthenticatorOptions{})
	in.Ticket, in.Credential = c.Ticket, k.create(t, c, origin)
	if in.Name == "" {
		in.Name = "Schlüssel"
	}
	codes, err := f.AddPasskey(t.Context(), session, site(tenant), in)
	if err != nil {
		t.Fatal(err)
	}
	return k, codes
}

func (f *fixture) challenge(t *testing.T, tenant id.Tenant) identity.Ceremony {
	t.Helper()
	c, err := f.StartAssertion(t.Context(), site(tenant), entry(tenant))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPasskey_SignsInAlone(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p := f.person(t, "key@praxis.example")
	k, codes := f.passkey(t, p, tenant, identity.NewPasskey{Name: "Empfang", PRFSalt: random(32), WrappedMemberKey: random(60)})
	if len(codes) != 10 {
		t.Errorf("%d recovery codes with the first factor", len(codes))
	}
	cookie, session, err := f.SignInByPasskey(t.Context(), site(tenant), k.get(t, f.challenge(t, tenant), rp(origin)), entry(tenant))
	if err != nil || session.Account != p.ID || !session.Factor || !session.Proven {
		t.Fatalf("got %+v, %v", session, err)
	}
	if _, err := f.Session(t.Context(), cookie, identity.OfficeDoor(tenant)); err != nil {
		t.Fatal(err)
	}
	factors, err := f.Factors(t.Context(), p.ID)
	if err != nil || len(factors.Passkeys) != 1 {
		t.Fatalf("got %+v, %v", factors, err)
	}
	if got := factors.Passkeys[0]; got.Name != "Empfang" || got.Used.IsZero() || len(got.PRFSalt) != 32 || len(got.WrappedMemberKey) != 60 || got.RPID != "office.siegel.example" {
		t.Errorf("got %+v", got)
	}
	// The password alone no longer does.
	f.half(t, p, tenant, "")
}

func TestPasskey_HostileAnswersSignNobodyIn(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant, other := id.New[id.Tenant](), id.New[id.Tenant]()
	p := f.person(t, "hostile@praxis.example")
	k, _ := f.passkey(t, p, tenant, identity.NewPasskey{})
	try := func(site identity.Site, at id.Tenant, a identity.Assertion) error {
		_, _, err := f.SignInByPasskey(t.Context(), site, a, entry(at))
		return err
	}

	good := k.get(t, f.challenge(t, tenant), rp(origin))
	if err := try(site(tenant), tenant, good); err != nil {
		t.Fatal(err)
	}
	if err := try(site(tenant), tenant, good); err == nil {
		t.Error("a replayed assertion signs in")
	}
	if err := try(site(tenant), tenant, k.get(t, f.challenge(t, tenant), rp("https://fremd.office.siegel.example"))); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("another practice's page: got %v", err)
	}
	if err := try(site(tenant), tenant, k.get(t, f.challenge(t, tenant), rp("https://office.siegel.example.evil.example"))); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("another origin: got %v", err)
	}
	if err := try(site(tenant), tenant, k.get(t, f.challenge(t, tenant), virtualwebauthn.RelyingParty{ID: "evil.example", Origin: origin})); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("another relying party: got %v", err)
	}
	if err := try(identity.Site{RPID: "office.siegel.example", Origin: origin, At: identity.OfficeDoor(other)}, other, k.get(t, f.challenge(t, tenant), rp(origin))); !errors.Is(err, identity.ErrTicketExpired) {
		t.Errorf("a challenge of another door: got %v", err)
	}
	stale := f.challenge(t, tenant)
	mixed := k.get(t, f.challenge(t, tenant), rp(origin))
	mixed.Ticket = stale.Ticket
	if err := try(site(tenant), tenant, mixed); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("another challenge's ticket: got %v", err)
	}
	lazy := key{virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: k.Options.UserHandle, UserNotVerified: true}), k.credential}
	if err := try(site(tenant), tenant, lazy.get(t, f.challenge(t, tenant), rp(origin))); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("without user verification: got %v", err)
	}
	victim := f.person(t, "victim-of-key@praxis.example")
	handle := victim.ID.Bytes()
	posing := k
	posing.Options.UserHandle = handle[:]
	if err := try(site(tenant), tenant, posing.get(t, f.challenge(t, tenant), rp(origin))); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("posing as another account: got %v", err)
	}
	stranger := newKey(p, virtualwebauthn.AuthenticatorOptions{})
	if err := try(site(tenant), tenant, stranger.get(t, f.challenge(t, tenant), rp(origin))); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("a key that nobody added: got %v", err)
	}
	copied := k
	copied.credential.Counter = 0
	if err := try(site(tenant), tenant, copied.get(t, f.challenge(t, tenant), rp(origin))); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("a counter that went back: got %v", err)
	}
}

func TestPasskey_Enrolment(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p, other := f.person(t, "enrol@praxis.example"), f.person(t, "enrol2@praxis.example")
	session := identity.Session{Account: p.ID, Email: p.Email}
	start := func() identity.Ceremony {
		t.Helper()
		c, err := f.StartPasskey(t.Context(), session, site(tenant))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	add := func(session identity.Session, in identity.NewPasskey) error {
		if in.Name == "" {
			in.Name = "x"
		}
		_, err := f.AddPasskey(t.Context(), session, site(tenant), in)
		return err
	}
	k := newKey(p, virtualwebauthn.AuthenticatorOptions{})
	c := start()
	if err := add(session, identity.NewPasskey{Ticket: c.Ticket, Credential: k.create(t, c, "https://fremd.office.siegel.example")}); !errors.Is(err, identity.ErrWrongProof) {
		t.Errorf("another origin: got %v", err)
	}
	if err := add(identity.Session{Account: other.ID}, identity.NewPasskey{Ticket: c.Ticket, Credential: k.create(t, c, origin)}); !errors.Is(err, identity.ErrTicketExpired) {
		t.Errorf("another account's challenge: got %v", err)
	}
	lazy := newKey(p, virtualwebauthn.AuthenticatorOptions{UserNotVerified: true})
	if err := add(session, identity.NewPasskey{Ticket: c.Ticket, Credential: lazy.create(t, c, origin)}); !errors.Is(err, identity.ErrWrongProof) {
		t.Errorf("without user verification: got %v", err)
	}
	if err := add(session, identity.NewPasskey{Ticket: c.Ticket, Credential: k.create(t, c, origin), PRFSalt: random(32)}); !errors.Is(err, identity.ErrMalformedAccount) {
		t.Errorf("a salt without what it is for: got %v", err)
	}
	good := identity.NewPasskey{Ticket: c.Ticket, Credential: k.create(t, c, origin)}
	if err := add(session, good); err != nil {
		t.Fatal(err)
	}
	if err := add(session, good); err == nil {
		t.Error("added twice")
	}
	if err := f.NamePasskey(t.Context(), other.ID, k.credential.ID, "meiner"); !errors.Is(err, identity.ErrUnknownFactor) {
		t.Errorf("another account names it: got %v", err)
	}
	if err := f.WrapPasskey(t.Context(), other.ID, k.credential.ID, random(32), random(60)); !errors.Is(err, identity.ErrUnknownFactor) {
		t.Errorf("another account wraps with it: got %v", err)
	}
	if err := f.RemovePasskey(t.Context(), other.ID, k.credential.ID, false); !errors.Is(err, identity.ErrUnknownFactor) {
		t.Errorf("another account removes it: got %v", err)
	}
	if err := f.RemovePasskey(t.Context(), p.ID, k.credential.ID, true); !errors.Is(err, identity.ErrLastFactor) {
		t.Errorf("the last one where one is demanded: got %v", err)
	}
	if err := f.RemovePasskey(t.Context(), p.ID, k.credential.ID, false); err != nil {
		t.Error(err)
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	ip := netip.MustParseAddr("127.2.2.2")

	t.Run("MarksTheSessionForFiveMinutesUnderANewCookie", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "prove@praxis.example")
		cookie, session := f.session(t, p, tenant)
		if !session.Proven {
			t.Error("a fresh sign-in counts as no proof")
		}
		f.exec(t, `update session set proven = now() - interval '5 minutes' where account_id = $1`, p.ID)
		stale, err := f.another(t, nil).Session(t.Context(), cookie, identity.OfficeDoor(tenant))
		if err != nil || stale.Proven {
			t.Fatalf("five minutes later: got %+v, %v", stale, err)
		}
		next, err := f.Confirm(t.Context(), cookie, stale, site(tenant), identity.Proof{Secret: p.SignInSecret}, ip)
		if err != nil || next == cookie {
			t.Fatalf("got %q, %v", next, err)
		}
		fresh, err := f.Session(t.Context(), next, identity.OfficeDoor(tenant))
		if err != nil || !fresh.Proven || fresh.ID != session.ID || !fresh.Expires.Equal(session.Expires) {
			t.Errorf("got %+v, %v", fresh, err)
		}
		if _, err := f.another(t, nil).Session(t.Context(), cookie, identity.OfficeDoor(tenant)); !errors.Is(err, identity.ErrSignedOut) {
			t.Errorf("the old cookie: got %v", err)
		}
	})

	t.Run("RefusesWrongProofs", func(t *testing.T) {
		t.Parallel()
		p, other := f.person(t, "wrong@praxis.example"), f.person(t, "wrong2@praxis.example")
		cookie, session := f.session(t, p, tenant)
		k, _ := f.passkey(t, other, tenant, identity.NewPasskey{})
		assertion := k.get(t, f.challenge(t, tenant), rp(origin))
		for name, proof := range map[string]identity.Proof{
			"Nothing": {}, "WrongSecret": {Secret: random(32)}, "AnothersSecret": {Secret: other.SignInSecret}, "NoApp": {Code: "000000"}, "AnothersPasskey": {Assertion: &assertion},
		} {
			if _, err := f.Confirm(t.Context(), cookie, session, site(tenant), proof, netip.Addr{}); !errors.Is(err, identity.ErrWrongProof) && !errors.Is(err, identity.ErrTooManyAttempts) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})

	t.Run("RefusesHostilePasskeys", func(t *testing.T) {
		t.Parallel()
		other := id.New[id.Tenant]()
		for name, answer := range map[string]func(t *testing.T, p, stranger person, k key) identity.Assertion{
			"AnothersPasskey": func(t *testing.T, _, stranger person, _ key) identity.Assertion {
				theirs, _ := f.passkey(t, stranger, tenant, identity.NewPasskey{})
				return theirs.get(t, f.challenge(t, tenant), rp(origin))
			},
			"AnothersPasskeyWithThePersonsName": func(t *testing.T, p, stranger person, _ key) identity.Assertion {
				theirs, _ := f.passkey(t, stranger, tenant, identity.NewPasskey{})
				handle := p.ID.Bytes()
				theirs.Options.UserHandle = handle[:]
				return theirs.get(t, f.challenge(t, tenant), rp(origin))
			},
			"WithoutUserVerification": func(t *testing.T, _, _ person, k key) identity.Assertion {
				lazy := key{virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: k.Options.UserHandle, UserNotVerified: true}), k.credential}
				return lazy.get(t, f.challenge(t, tenant), rp(origin))
			},
			"AChallengeThatSignedIn": func(t *testing.T, _, _ person, k key) identity.Assertion {
				used := k.get(t, f.challenge(t, tenant), rp(origin))
				if _, _, err := f.SignInByPasskey(t.Context(), site(tenant), used, entry(tenant)); err != nil {
					t.Fatal(err)
				}
				return used
			},
			"AUsedChallengeSignedAnew": func(t *testing.T, _, _ person, k key) identity.Assertion {
				c := f.challenge(t, tenant)
				if _, _, err := f.SignInByPasskey(t.Context(), site(tenant), k.get(t, c, rp(origin)), entry(tenant)); err != nil {
					t.Fatal(err)
				}
				return k.get(t, c, rp(origin))
			},
			"AChallengeOfAnotherPractice": func(t *testing.T, _, _ person, k key) identity.Assertion {
				return k.get(t, f.challenge(t, other), rp(origin))
			},
			"AnotherPracticesPage": func(t *testing.T, _, _ person, k key) identity.Assertion {
				return k.get(t, f.challenge(t, tenant), rp("https://fremd.office.siegel.example"))
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p, stranger := f.person(t, "hostile-"+strings.ToLower(name)+"@praxis.example"), f.person(t, "stranger-"+strings.ToLower(name)+"@praxis.example")
				cookie, session := f.session(t, p, tenant)
				k, _ := f.passkey(t, p, tenant, identity.NewPasskey{})
				f.exec(t, `update session set proven = now() - interval '5 minutes' where account_id = $1`, p.ID)
				assertion := answer(t, p, stranger, k)
				if _, err := f.Confirm(t.Context(), cookie, session, site(tenant), identity.Proof{Assertion: &assertion}, netip.Addr{}); !errors.Is(err, identity.ErrWrongProof) && !errors.Is(err, identity.ErrTicketExpired) {
					t.Errorf("got %v", err)
				}
				after, err := f.another(t, nil).Session(t.Context(), cookie, identity.OfficeDoor(tenant))
				if err != nil || after.Proven {
					t.Errorf("the session stands as %+v, %v", after, err)
				}
			})
		}
	})

	t.Run("TakesAPasskeyAndACodeOnce", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "prove-key@praxis.example")
		cookie, session := f.session(t, p, tenant)
		k, _ := f.passkey(t, p, tenant, identity.NewPasskey{})
		assertion := k.get(t, f.challenge(t, tenant), rp(origin))
		cookie, err := f.Confirm(t.Context(), cookie, session, site(tenant), identity.Proof{Assertion: &assertion}, ip)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Confirm(t.Context(), cookie, session, site(tenant), identity.Proof{Assertion: &assertion}, ip); err == nil {
			t.Error("a replayed assertion proves")
		}
	})
}
