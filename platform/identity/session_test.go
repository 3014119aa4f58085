package identity_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
)

func TestStart(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	p := f.person(t, "known@praxis.example")
	salt := func(s *identity.Service, email string) []byte {
		t.Helper()
		c, err := s.Start(t.Context(), email, netip.Addr{})
		if err != nil || c.KDF != "argon2id-19456-2-1" || len(c.Salt) != 16 {
			t.Fatalf("start %q: got %+v, %v", email, c, err)
		}
		return c.Salt
	}

	if !bytes.Equal(salt(f.Service, "KNOWN@praxis.example"), p.Salt) {
		t.Error("a known address did not get its salt")
	}
	fake := salt(f.Service, "unknown@praxis.example")
	if !bytes.Equal(fake, salt(f.Service, " Unknown@Praxis.example")) {
		t.Error("an unknown address, spelled otherwise, got another salt")
	}
	if !bytes.Equal(fake, salt(f.another(t, nil), "unknown@praxis.example")) {
		t.Error("another server gives an unknown address another salt")
	}
	if bytes.Equal(fake, salt(f.Service, "unknown2@praxis.example")) {
		t.Error("two unknown addresses got one salt")
	}
	_ = salt(f.Service, "no address\x00 at all")

	stranger, err := identity.NewService(identity.Config{DB: f.db, Secret: []byte(strings.Repeat("x", 32))})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(fake, salt(stranger, "unknown@praxis.example")) {
		t.Error("the salt of an unknown address can be computed without the server's secret")
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()

	t.Run("GivesASession", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "good@praxis.example")
		in := p.signIn(tenant)
		in.Email = " GOOD@praxis.example"
		cookie, session, err := f.SignIn(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if session.Account != p.ID || session.Domain != identity.OfTenant(tenant) || session.Email != "good@praxis.example" || session.Name != p.Name {
			t.Errorf("got %+v", session)
		}
		if left := time.Until(session.Expires); left < 12*time.Hour-time.Minute || left > 12*time.Hour+time.Minute {
			t.Errorf("the session ends in %v, want 12 h", left)
		}
		again, err := f.Session(t.Context(), cookie, identity.OfficeDoor(tenant))
		if err != nil || again != session {
			t.Errorf("got %+v, %v; want the same session", again, err)
		}
	})

	t.Run("StoresTheCookieAsAHash", func(t *testing.T) {
		t.Parallel()
		cookie := f.signedIn(t, f.person(t, "hashed@praxis.example"), tenant)
		raw, err := base64.RawURLEncoding.DecodeString(cookie)
		if err != nil || len(raw) != 32 {
			t.Fatalf("cookie %q is not 32 bytes in base64url: %v", cookie, err)
		}
		hash := sha256.Sum256(raw)
		var hashed, plain int
		err = f.owner.QueryRow(t.Context(),
			`select count(*) filter (where id_hash = $1), count(*) filter (where id_hash = $2) from session`, hash[:], raw,
		).Scan(&hashed, &plain)
		if err != nil || hashed != 1 || plain != 0 {
			t.Fatalf("%d rows with the hash, %d with the id itself, %v", hashed, plain, err)
		}
	})

	t.Run("MakesANewIDEachTime", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "twice@praxis.example")
		if first, second := f.signedIn(t, p, tenant), f.signedIn(t, p, tenant); first == second {
			t.Fatal("two sign-ins, one cookie")
		}
	})

	t.Run("AnswersEveryFailureAlike", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "alike@praxis.example")
		for name, spoil := range map[string]func(*identity.SignIn){
			"WrongSecret":    func(in *identity.SignIn) { in.Secret = random(32) },
			"ZeroSecret":     func(in *identity.SignIn) { in.Secret = make([]byte, 32) },
			"NoSecret":       func(in *identity.SignIn) { in.Secret = nil },
			"LongSecret":     func(in *identity.SignIn) { in.Secret = append(bytes.Clone(in.Secret), 0) },
			"UnknownAccount": func(in *identity.SignIn) { in.Email = "nobody@praxis.example" },
			"NoAddress":      func(in *identity.SignIn) { in.Email = "\x00" },
			"NotAllowed": func(in *identity.SignIn) {
				in.Allowed = func(context.Context, id.Account) (access.Domain, error) {
					return access.Domain{}, fault.New(fault.Forbidden, "not_member")
				}
			},
		} {
			in := p.signIn(tenant)
			spoil(&in)
			cookie, session, err := f.SignIn(t.Context(), in)
			if !errors.Is(err, identity.ErrSignInFailed) || cookie != "" || session != (identity.Session{}) {
				t.Errorf("%s: got %q, %+v, %v; want %v", name, cookie, session, err, identity.ErrSignInFailed)
			}
			if got := fault.From(err); got.Code != fault.Unauthenticated || got.Reason != "sign_in_failed" {
				t.Errorf("%s: reads as %s, %s", name, got.Code, got.Reason)
			}
		}
	})

	t.Run("AsksWhoIsAllowedOnlyAfterTheSecretMatched", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "order@praxis.example")
		in := p.signIn(tenant)
		in.Secret = random(32)
		in.Allowed = func(context.Context, id.Account) (access.Domain, error) {
			t.Error("asked for a wrong secret")
			return identity.OfTenant(tenant), nil
		}
		_, _, _ = f.SignIn(t.Context(), in)

		asked := id.Account{}
		in = p.signIn(tenant)
		in.Allowed = func(_ context.Context, account id.Account) (access.Domain, error) {
			asked = account
			return identity.OfTenant(tenant), nil
		}
		if _, _, err := f.SignIn(t.Context(), in); err != nil || asked != p.ID {
			t.Fatalf("asked for %v, %v; want %v", asked, err, p.ID)
		}
	})

	t.Run("NeverTakesNoAnswerForAYes", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "unsure@praxis.example")
		in := p.signIn(tenant)
		in.Allowed = func(context.Context, id.Account) (access.Domain, error) {
			return access.Domain{}, fault.New(fault.Unavailable, "database_unavailable")
		}
		if _, _, err := f.SignIn(t.Context(), in); fault.From(err).Code != fault.Unavailable {
			t.Errorf("got %v, want unavailable", err)
		}
		in.Allowed = nil
		if cookie, _, err := f.SignIn(t.Context(), in); err == nil || cookie != "" {
			t.Errorf("got %q, %v with nobody to ask", cookie, err)
		}
		var sessions int
		if err := f.owner.QueryRow(t.Context(), `select count(*) from session where account_id = $1`, p.ID).Scan(&sessions); err != nil || sessions != 0 {
			t.Fatalf("%d sessions, %v; want none", sessions, err)
		}
	})

	t.Run("RefusesAHashMovedFromAnotherAccount", func(t *testing.T) {
		t.Parallel()
		victim, thief := f.person(t, "victim@praxis.example"), f.person(t, "thief@praxis.example")
		f.exec(t, `update credential v set sign_in_hash = m.sign_in_hash from credential m where v.account_id = $1 and m.account_id = $2`, victim.ID, thief.ID)
		in := victim.signIn(tenant)
		in.Secret = thief.SignInSecret
		if _, _, err := f.SignIn(t.Context(), in); !errors.Is(err, identity.ErrSignInFailed) {
			t.Fatalf("got %v, want %v", err, identity.ErrSignInFailed)
		}
	})

	t.Run("SweepsTheOwnersDeadSessions", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "sweep@praxis.example")
		f.signedIn(t, p, tenant)
		f.exec(t, `update session set expires = now() - interval '1 second' where account_id = $1`, p.ID)
		f.signedIn(t, p, tenant)
		var sessions int
		if err := f.owner.QueryRow(t.Context(), `select count(*) from session where account_id = $1`, p.ID).Scan(&sessions); err != nil || sessions != 1 {
			t.Fatalf("%d sessions, %v; want the new one", sessions, err)
		}
	})
}

func TestSession(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant, other := id.New[id.Tenant](), id.New[id.Tenant]()
	signedOut := func(t *testing.T, cookie string, at id.Tenant) {
		t.Helper()
		if s, err := f.Session(t.Context(), cookie, identity.OfficeDoor(at)); !errors.Is(err, identity.ErrSignedOut) {
			t.Errorf("session: got %+v, %v; want %v", s, err, identity.ErrSignedOut)
		}
		if s, err := f.Peek(t.Context(), cookie, identity.OfficeDoor(at)); !errors.Is(err, identity.ErrSignedOut) {
			t.Errorf("peek: got %+v, %v; want %v", s, err, identity.ErrSignedOut)
		}
	}

	t.Run("IsOfOneTenant", func(t *testing.T) {
		t.Parallel()
		cookie := f.signedIn(t, f.person(t, "tenant@praxis.example"), tenant)
		signedOut(t, cookie, other) // before it is remembered
		if _, err := f.Session(t.Context(), cookie, identity.OfficeDoor(tenant)); err != nil {
			t.Fatal(err)
		}
		signedOut(t, cookie, other) // and while it is
		signedOut(t, cookie, id.Tenant{})
	})

	t.Run("RefusesCookiesThatAreNone", func(t *testing.T) {
		t.Parallel()
		cookie := f.signedIn(t, f.person(t, "cookies@praxis.example"), tenant)
		for _, bad := range []string{
			"", "x", cookie[:42], cookie + "A", cookie + "=", " " + cookie[1:], strings.Repeat("A", 43), strings.Repeat("\x00", 43),
			cookie[:21] + "\n" + cookie[22:], cookie[:42] + "B", // stray bits in the last character
		} {
			if bad == cookie {
				continue
			}
			signedOut(t, bad, tenant)
		}
	})

	t.Run("EndsAfterTwelveHours", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "absolute@praxis.example")
		cookie := f.signedIn(t, p, tenant)
		f.exec(t, `update session set expires = now() + interval '1 minute' where account_id = $1`, p.ID)
		if _, err := f.another(t, nil).Session(t.Context(), cookie, identity.OfficeDoor(tenant)); err != nil {
			t.Fatalf("a minute before its end: %v", err)
		}
		f.exec(t, `update session set expires = now() where account_id = $1`, p.ID)
		signedOut(t, cookie, tenant)
	})

	t.Run("EndsAfterThirtyIdleMinutes", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "idle@praxis.example")
		cookie := f.signedIn(t, p, tenant)
		f.exec(t, `update session set last_seen = now() - interval '29 minutes' where account_id = $1`, p.ID)
		if _, err := f.another(t, nil).Peek(t.Context(), cookie, identity.OfficeDoor(tenant)); err != nil {
			t.Fatalf("after 29 minutes: %v", err)
		}
		f.exec(t, `update session set last_seen = now() - interval '30 minutes' where account_id = $1`, p.ID)
		signedOut(t, cookie, tenant)
	})

	t.Run("IsSeenAtMostOnceAMinuteAndNeverByPeeking", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "seen@praxis.example")
		cookie := f.signedIn(t, p, tenant)
		for _, c := range []struct {
			idle string
			ask  func(*identity.Service) (identity.Session, error)
			seen bool
		}{
			{"50 seconds", func(s *identity.Service) (identity.Session, error) {
				return s.Session(t.Context(), cookie, identity.OfficeDoor(tenant))
			}, false},
			{"2 minutes", func(s *identity.Service) (identity.Session, error) {
				return s.Peek(t.Context(), cookie, identity.OfficeDoor(tenant))
			}, false},
			{"2 minutes", func(s *identity.Service) (identity.Session, error) {
				return s.Session(t.Context(), cookie, identity.OfficeDoor(other))
			}, false},
			{"2 minutes", func(s *identity.Service) (identity.Session, error) {
				return s.Session(t.Context(), cookie, identity.OfficeDoor(tenant))
			}, true},
		} {
			f.exec(t, `update session set last_seen = now() - $2::text::interval where account_id = $1`, p.ID, c.idle)
			_, _ = c.ask(f.another(t, nil))
			var seen bool
			err := f.owner.QueryRow(t.Context(), `select last_seen > now() - interval '20 seconds' from session where account_id = $1`, p.ID).Scan(&seen)
			if err != nil || seen != c.seen {
				t.Errorf("after %s: seen %v, %v; want %v", c.idle, seen, err, c.seen)
			}
		}
	})

	t.Run("IsGoneAtOnceAfterSigningOut", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "out@praxis.example")
		cookie, kept := f.signedIn(t, p, tenant), f.signedIn(t, p, tenant)
		if _, err := f.Session(t.Context(), cookie, identity.OfficeDoor(tenant)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Peek(t.Context(), cookie, identity.OfficeDoor(tenant)); err != nil {
			t.Fatal(err)
		}
		if err := f.SignOut(t.Context(), cookie); err != nil {
			t.Fatal(err)
		}
		signedOut(t, cookie, tenant)
		if _, err := f.Session(t.Context(), kept, identity.OfficeDoor(tenant)); err != nil {
			t.Errorf("another browser was signed out as well: %v", err)
		}
		for _, again := range []string{cookie, "", "nonsense"} {
			if err := f.SignOut(t.Context(), again); err != nil {
				t.Errorf("signing out %q: %v", again, err)
			}
		}
	})
}

func TestSession_EndsOnOtherServersWithinASecond(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p := f.person(t, "everywhere@praxis.example")
	a, b := f.signedIn(t, p, tenant), f.signedIn(t, p, tenant)
	elsewhere := f.another(t, nil)
	for _, cookie := range []string{a, b} {
		if _, err := elsewhere.Session(t.Context(), cookie, identity.OfficeDoor(tenant)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SignOut(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := f.SignOutEverywhere(t.Context(), p.ID, identity.OfTenant(tenant)); err != nil {
		t.Fatal(err)
	}
	f.clock.add(time.Second)
	for _, cookie := range []string{a, b} {
		if _, err := elsewhere.Session(t.Context(), cookie, identity.OfficeDoor(tenant)); !errors.Is(err, identity.ErrSignedOut) {
			t.Errorf("got %v a second later, want %v", err, identity.ErrSignedOut)
		}
	}
}

// That nobody can say whether a session lives is neither yes nor no.
func TestSession_WithoutDatabase(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p := f.person(t, "down@praxis.example")
	cookie := f.signedIn(t, p, tenant)
	f.db.Close()

	if _, err := f.Session(t.Context(), cookie, identity.OfficeDoor(tenant)); err == nil || errors.Is(err, identity.ErrSignedOut) {
		t.Errorf("session: got %v, want a failure of another kind", err)
	}
	if _, _, err := f.SignIn(t.Context(), p.signIn(tenant)); err == nil || errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("sign in: got %v, want a failure of another kind", err)
	}
	if _, err := f.Start(t.Context(), p.Email, netip.Addr{}); err == nil {
		t.Error("start: got a salt without the database, which may be another than the real one")
	}
}
