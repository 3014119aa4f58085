package identity_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/postgres"
)

func TestSetPassword(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()

	t.Run("WrapsTheMemberKeyAnewAndEndsOtherSessions", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "change@praxis.example")
		here, session := f.session(t, p, tenant)
		there := f.signedIn(t, p, tenant)
		next := identity.NewPassword{Salt: random(16), SignInSecret: random(32), WrappedMemberKey: random(60)}
		if err := f.SetPassword(t.Context(), p.ID, session.ID, next); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Session(t.Context(), here, identity.OfficeDoor(tenant)); err != nil {
			t.Errorf("this session: %v", err)
		}
		if _, err := f.Session(t.Context(), there, identity.OfficeDoor(tenant)); !errors.Is(err, identity.ErrSignedOut) {
			t.Errorf("another session: got %v", err)
		}
		if _, _, err := f.SignIn(t.Context(), p.signIn(tenant)); !errors.Is(err, identity.ErrSignInFailed) {
			t.Errorf("the old password: got %v", err)
		}
		p.SignInSecret = next.SignInSecret
		f.signedIn(t, p, tenant)
		wrapped, _, err := f.MemberKey(t.Context(), p.ID)
		if err != nil || !bytes.Equal(wrapped, next.WrappedMemberKey) {
			t.Errorf("got %x, %v", wrapped, err)
		}
	})

	t.Run("KeepsAMemberKeyThatCanBeOpened", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "kept@praxis.example")
		err := f.SetPassword(t.Context(), p.ID, uuid.Nil, identity.NewPassword{
			Salt: random(16), SignInSecret: random(32), WrappedMemberKey: random(60), MemberPublicKey: random(1216)})
		if !errors.Is(err, identity.ErrMemberKeyKept) {
			t.Fatalf("got %v, want %v", err, identity.ErrMemberKeyKept)
		}
		a, err := f.Account(t.Context(), p.ID)
		if err != nil || !bytes.Equal(a.MemberPublicKey, p.MemberPublicKey) {
			t.Errorf("the member key was replaced: %v", err)
		}
		f.signedIn(t, p, tenant) // with the password that it had
	})
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	token := func(t *testing.T, p person) string {
		t.Helper()
		var before int
		if err := f.owner.QueryRow(t.Context(), `select count(*) from account_recovery where account_id = $1`, p.ID).Scan(&before); err != nil {
			t.Fatal(err)
		}
		if err := f.StartRecovery(t.Context(), p.Email, entry(tenant)); err != nil {
			t.Fatal(err)
		}
		var ref string
		for range 1000 { // it comes after the answer
			err := f.owner.QueryRow(t.Context(), `select max(id::text) from account_recovery where account_id = $1 having count(*) > $2`, p.ID, before).Scan(&ref)
			if err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		var queued int
		err := f.db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
			b.Row(`select count(*) from outbox where kind = $1 and ref = $2`, []any{identity.RecoveryMail, ref}, &queued)
		})
		if err != nil || queued != 1 {
			t.Fatalf("%d messages for %q, %v", queued, ref, err)
		}
		letter, err := f.RecoveryLetter(t.Context(), ref)
		if err != nil || letter.Email != p.Email || letter.Domain != identity.OfTenant(tenant) || letter.Token == "" {
			t.Fatalf("got %+v, %v", letter, err)
		}
		return letter.Token
	}

	t.Run("GivesSigningInBackAndNoKey", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "lost@praxis.example")
		a := f.enrol(t, p, tenant)
		_, device, err := f.second(t, tenant, f.half(t, p, tenant, "").Ticket, a.code(t, f.clock.now()), "", "")
		if err != nil {
			t.Fatal(err)
		}
		link := token(t, p)
		salt, secret := random(16), random(32)
		if err := f.Recover(t.Context(), link, salt, secret, entry(tenant)); err != nil {
			t.Fatal(err)
		}
		var sessions int
		if err := f.owner.QueryRow(t.Context(), `select count(*) from session where account_id = $1`, p.ID).Scan(&sessions); err != nil || sessions != 0 {
			t.Errorf("%d sessions, %v; want none", sessions, err)
		}
		p.SignInSecret = secret
		f.half(t, p, tenant, device) // the second factor as before, on every device
		byPassword, byPasskey, err := f.HasMemberKey(t.Context(), p.ID)
		if err != nil || byPassword || byPasskey {
			t.Errorf("a key is left: %v, %v, %v", byPassword, byPasskey, err)
		}
		fresh := identity.NewPassword{Salt: random(16), SignInSecret: secret, WrappedMemberKey: random(60), MemberPublicKey: random(1216)}
		if err := f.SetPassword(t.Context(), p.ID, uuid.Nil, fresh); err != nil {
			t.Fatalf("a new member key: %v", err)
		}
		if got, err := f.Account(t.Context(), p.ID); err != nil || !bytes.Equal(got.MemberPublicKey, fresh.MemberPublicKey) {
			t.Errorf("the new member key is not the account's: %v", err)
		}
	})

	t.Run("KeepsWhatAPasskeyOpens", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "lost-key@praxis.example")
		f.passkey(t, p, tenant, identity.NewPasskey{PRFSalt: random(32), WrappedMemberKey: random(60)})
		if err := f.Recover(t.Context(), token(t, p), random(16), random(32), entry(tenant)); err != nil {
			t.Fatal(err)
		}
		if byPassword, byPasskey, err := f.HasMemberKey(t.Context(), p.ID); err != nil || byPassword || !byPasskey {
			t.Errorf("got %v, %v, %v; want the passkey's alone", byPassword, byPasskey, err)
		}
	})

	t.Run("WorksOnceAndForHalfAnHour", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "once@praxis.example")
		first := token(t, p)
		if err := f.Recover(t.Context(), first, random(16), random(32), entry(tenant)); err != nil {
			t.Fatal(err)
		}
		if err := f.Recover(t.Context(), first, random(16), random(32), entry(tenant)); !errors.Is(err, identity.ErrLinkExpired) {
			t.Errorf("twice: got %v", err)
		}
		late := f.person(t, "late-link@praxis.example")
		link := token(t, late)
		f.exec(t, `update account_recovery set expires = now() where account_id = $1`, late.ID)
		if err := f.Recover(t.Context(), link, random(16), random(32), entry(tenant)); !errors.Is(err, identity.ErrLinkExpired) {
			t.Errorf("expired: got %v", err)
		}
		for _, bad := range []string{"", "x", link[:42], link[:42] + "A"} {
			if bad == link {
				continue
			}
			if err := f.Recover(t.Context(), bad, random(16), random(32), entry(tenant)); !errors.Is(err, identity.ErrLinkExpired) {
				t.Errorf("%q: got %v", bad, err)
			}
		}
		f.signedIn(t, late, tenant) // with the password that it has still
	})

	t.Run("OneUsedLinkVoidsTheOthers", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "several@praxis.example")
		first, second := token(t, p), token(t, p)
		if err := f.Recover(t.Context(), second, random(16), random(32), entry(tenant)); err != nil {
			t.Fatal(err)
		}
		if err := f.Recover(t.Context(), first, random(16), random(32), entry(tenant)); !errors.Is(err, identity.ErrLinkExpired) {
			t.Errorf("got %v", err)
		}
	})
}

// Who asks learns nothing, and whoever is not of here gets no mail.
func TestRecovery_TellsNothing(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p := f.person(t, "elsewhere@praxis.example")
	closed := entry(tenant)
	closed.Allowed = nil
	for _, email := range []string{"nobody@praxis.example", p.Email, "", "no address\x00"} {
		if err := f.StartRecovery(t.Context(), email, closed); err != nil {
			t.Errorf("%q: got %v", email, err)
		}
	}
	time.Sleep(300 * time.Millisecond)
	var mails int
	if err := f.owner.QueryRow(t.Context(), `select count(*) from account_recovery`).Scan(&mails); err != nil || mails != 0 {
		t.Errorf("%d mails, %v; want none", mails, err)
	}
	var err error
	for range 10 {
		if err = f.StartRecovery(t.Context(), "nobody@praxis.example", closed); err != nil {
			break
		}
	}
	if !errors.Is(err, identity.ErrTooManyAttempts) {
		t.Errorf("asked without end: %v", err)
	}
}

func TestDoorsWithoutAnAccountAreThrottled(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	at := entry(tenant)
	for name, knock := range map[string]func() error{
		"start":   func() error { _, err := f.Start(t.Context(), "x@praxis.example", at.IP); return err },
		"passkey": func() error { _, err := f.StartAssertion(t.Context(), site(tenant), at); return err },
		"recover": func() error { return f.Recover(t.Context(), "x", random(16), random(32), at) },
		"oidc": func() error {
			_, _, err := f.SignInByOIDC(t.Context(), identity.OIDCReturn{Code: "x", State: "x", Cookie: "x"}, at)
			return err
		},
	} {
		var err error
		for range 401 {
			if err = knock(); errors.Is(err, identity.ErrTooManyAttempts) {
				break
			}
		}
		if !errors.Is(err, identity.ErrTooManyAttempts) {
			t.Errorf("%s: got %v after 401 times", name, err)
		}
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p, other := f.person(t, "places@praxis.example"), f.person(t, "places2@praxis.example")
	a, first := f.session(t, p, tenant)
	b, _ := f.session(t, p, tenant)
	foreign, _ := f.session(t, other, tenant)
	places, err := f.Places(t.Context(), p.ID)
	if err != nil || len(places) != 2 || places[0].Agent != (identity.Agent{Browser: "Firefox", System: "Linux"}) || places[0].IP != "127.1.1.0/24" {
		t.Fatalf("got %+v, %v", places, err)
	}
	if err := f.End(t.Context(), other.ID, first.ID); !errors.Is(err, identity.ErrUnknownSession) {
		t.Errorf("another's session: got %v", err)
	}
	if err := f.End(t.Context(), p.ID, uuid.New()); !errors.Is(err, identity.ErrUnknownSession) {
		t.Errorf("no session: got %v", err)
	}
	elsewhere := f.another(t, nil)
	if _, err := elsewhere.Session(t.Context(), a, identity.OfficeDoor(tenant)); err != nil {
		t.Fatal(err)
	}
	if err := f.End(t.Context(), p.ID, first.ID); err != nil {
		t.Fatal(err)
	}
	f.clock.add(time.Second)
	if _, err := elsewhere.Session(t.Context(), a, identity.OfficeDoor(tenant)); !errors.Is(err, identity.ErrSignedOut) {
		t.Errorf("ended elsewhere, a second later: got %v", err)
	}
	if _, err := elsewhere.Session(t.Context(), b, identity.OfficeDoor(tenant)); err != nil {
		t.Errorf("the other session: %v", err)
	}
	if err := f.EndAll(t.Context(), p.ID, uuid.Nil); err != nil {
		t.Fatal(err)
	}
	f.clock.add(time.Second)
	if _, err := elsewhere.Session(t.Context(), b, identity.OfficeDoor(tenant)); !errors.Is(err, identity.ErrSignedOut) {
		t.Errorf("all ended: got %v", err)
	}
	if _, err := elsewhere.Session(t.Context(), foreign, identity.OfficeDoor(tenant)); err != nil {
		t.Errorf("another account's session: %v", err)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	history := func(t *testing.T, p person, want int) []identity.Attempt {
		t.Helper()
		for range 300 {
			h, err := f.History(t.Context(), p.ID)
			if err != nil {
				t.Fatal(err)
			}
			if len(h) >= want {
				return h
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("fewer than %d attempts", want)
		return nil
	}
	p := f.person(t, "history@praxis.example")
	in := p.signIn(tenant)
	in.IP = netip.MustParseAddr("2001:db8:1:2:3::4")
	in.Secret = random(32)
	_, _, _ = f.SignIn(t.Context(), in)
	in.Secret = p.SignInSecret
	history(t, p, 1)
	if _, _, err := f.SignIn(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	h := history(t, p, 2)
	if len(h) != 2 || !h[0].Success || h[1].Success || h[0].IP != "2001:db8:1::/48" || h[0].Agent.Browser != "Firefox" || h[0].Domain != identity.OfTenant(tenant) || h[0].Method != "password" {
		t.Errorf("got %+v", h)
	}
	if err := f.SetRule(t.Context(), identity.OfTenant(tenant), identity.Rule{FullIP: true, HistoryDays: 30}); err != nil {
		t.Fatal(err)
	}
	in.IP = netip.MustParseAddr("203.0.113.77")
	if _, _, err := f.SignIn(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if h = history(t, p, 3); h[0].IP != "203.0.113.77" {
		t.Errorf("full address: got %q", h[0].IP)
	}
	var long int
	if err := f.owner.QueryRow(t.Context(), `select count(*) from sign_in_history where keep_until > now() + interval '30 days 1 hour'`).Scan(&long); err != nil || long != 0 {
		t.Errorf("%d lines are kept for longer than the rule says now, %v", long, err)
	}
	f.exec(t, `update sign_in_history set keep_until = now() where ip like '2001%'`)
	if h, err := f.History(t.Context(), p.ID); err != nil || len(h) != 1 {
		t.Errorf("%d lines past their time are shown, %v", len(h)-1, err)
	}
	if err := f.PurgeHistory(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := f.owner.QueryRow(t.Context(), `select count(*) from sign_in_history`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d lines after the purge, %v; want 1", left, err)
	}
}

func TestAgentOf(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]identity.Agent{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0":                                                           {Browser: "Firefox", System: "Windows"},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0":              {Browser: "Edge", System: "Windows"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1":    {Browser: "Safari", System: "iPhone"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36":                      {Browser: "Chrome", System: "macOS"},
		"Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36": {Browser: "Samsung Internet", System: "Android"},
		"curl/8.5.0": {}, "": {},
	} {
		if got := identity.AgentOf(header); got != want {
			t.Errorf("%q: got %+v, want %+v", header, got, want)
		}
	}
}

func TestMust(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant, reseller := id.New[id.Tenant](), id.New[id.Reseller]()
	strict := id.New[id.Tenant]()
	if err := f.SetRule(t.Context(), identity.OfTenant(strict), identity.Rule{SecondFactor: true, HistoryDays: 90}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		session identity.Session
		role    access.Role
		want    string
	}{
		{"APractice", identity.Session{Domain: identity.OfTenant(tenant)}, access.Owner, "[]"},
		{"AStrictPractice", identity.Session{Domain: identity.OfTenant(strict)}, access.FrontDesk, "[second_factor]"},
		{"AStrictPracticeWithAFactor", identity.Session{Domain: identity.OfTenant(strict), Factor: true}, access.FrontDesk, "[]"},
		{"Support", identity.Session{Domain: identity.OfTenant(tenant)}, access.Support, "[second_factor secrecy]"},
		{"AReseller", identity.Session{Domain: identity.OfReseller(reseller), Factor: true}, access.ResellerAgent, "[secrecy]"},
		{"AResellerAtFirst", identity.Session{Domain: identity.OfReseller(reseller)}, access.ResellerAdmin, "[second_factor secrecy]"},
		{"ThePlatform", identity.Session{Domain: identity.OfPlatform(), Undertaken: true}, access.PlatformAdmin, "[second_factor]"},
		{"ThePlatformReady", identity.Session{Domain: identity.OfPlatform(), Factor: true, Undertaken: true}, access.PlatformAdmin, "[]"},
	} {
		must, err := f.Must(t.Context(), c.session, c.role)
		if err != nil || fmt.Sprint(must) != c.want {
			t.Errorf("%s: got %v, %v; want %s", c.name, must, err, c.want)
		}
	}
	if err := f.SetRule(t.Context(), identity.OfPlatform(), identity.Rule{SecondFactor: false, HistoryDays: 90}); err != nil {
		t.Fatal(err)
	}
	if rule, err := f.another(t, nil).Rule(t.Context(), identity.OfPlatform()); err != nil || !rule.SecondFactor {
		t.Errorf("the platform does without a second factor: %+v, %v", rule, err)
	}
	if err := f.SetRule(t.Context(), identity.OfTenant(tenant), identity.Rule{HistoryDays: 366}); !errors.Is(err, identity.ErrMalformedRule) {
		t.Errorf("got %v", err)
	}
}

func TestUndertaking(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p, silent := f.person(t, "secret@praxis.example"), f.person(t, "silent@praxis.example")
	cookie := f.signedIn(t, p, tenant)
	if err := f.Undertake(t.Context(), p.ID, "2001-01", "de"); err == nil {
		t.Error("a wording that is not in force was accepted")
	}
	if err := f.Undertake(t.Context(), p.ID, identity.UndertakingVersion, "de"); err != nil {
		t.Fatal(err)
	}
	if session, err := f.Session(t.Context(), cookie, identity.OfficeDoor(tenant)); err != nil || !session.Undertaken {
		t.Errorf("got %+v, %v", session, err)
	}
	list, err := f.Undertakings(t.Context(), []id.Account{p.ID, silent.ID, id.New[id.Account]()})
	if err != nil || len(list) != 2 || list[0].Version != identity.UndertakingVersion || list[0].Accepted.IsZero() || list[1].Version != "" {
		t.Errorf("got %+v, %v", list, err)
	}
	var hash []byte
	if err := f.owner.QueryRow(t.Context(), `select text_hash from undertaking where account_id = $1`, p.ID).Scan(&hash); err != nil || !bytes.Equal(hash, identity.UndertakingIn("de").Hash) {
		t.Errorf("the hash of the wording is not kept: %v", err)
	}
	// A new wording asks again: what was accepted is another version then.
	f.exec(t, `update undertaking set version = '2020-01' where account_id = $1`, p.ID)
	if session, err := f.another(t, nil).Session(t.Context(), cookie, identity.OfficeDoor(tenant)); err != nil || session.Undertaken {
		t.Errorf("an older wording counts: %+v, %v", session, err)
	}
}

func TestPortalSessions(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant, reseller := id.New[id.Tenant](), id.New[id.Reseller]()
	p := f.person(t, "portal@siegel.example")
	in := p.signIn(tenant)
	in.At = identity.PortalDoor()
	if _, _, err := f.SignIn(t.Context(), in); err == nil {
		t.Error("the portal let somebody into an office")
	}
	in.Allowed = func(_ context.Context, _ id.Account) (access.Domain, error) {
		return identity.OfReseller(reseller), nil
	}
	cookie, session, err := f.SignIn(t.Context(), in)
	if err != nil || session.Domain != identity.OfReseller(reseller) {
		t.Fatalf("got %+v, %v", session, err)
	}
	if _, err := f.Session(t.Context(), cookie, identity.OfficeDoor(tenant)); !errors.Is(err, identity.ErrSignedOut) {
		t.Errorf("at an office: got %v", err)
	}
	office := f.signedIn(t, p, tenant)
	if _, err := f.Session(t.Context(), office, identity.PortalDoor()); !errors.Is(err, identity.ErrSignedOut) {
		t.Errorf("an office's cookie at the portal: got %v", err)
	}
	next, err := f.Switch(t.Context(), cookie, identity.OfPlatform())
	if err != nil || next == cookie {
		t.Fatal(err)
	}
	if session, err := f.Session(t.Context(), next, identity.PortalDoor()); err != nil || session.Domain != identity.OfPlatform() {
		t.Errorf("got %+v, %v", session, err)
	}
	if _, err := f.Switch(t.Context(), next, identity.OfTenant(tenant)); err == nil {
		t.Error("a portal's session became an office's")
	}
}
