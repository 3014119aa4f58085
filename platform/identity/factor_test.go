package identity_test

import (
	"encoding/base32"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"siegel/platform/id"
	"siegel/platform/identity"
)

// session signs in and returns the session too.
func (f *fixture) session(t *testing.T, p person, tenant id.Tenant) (string, identity.Session) {
	t.Helper()
	cookie, session, err := f.SignIn(t.Context(), p.signIn(tenant))
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	return cookie, session
}

// app is a person's app that makes codes, and the codes on paper.
type app struct {
	secret string
	paper  []string
}

func (a app) code(t *testing.T, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(a.secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// enrol gives the person an app. The code is of the step before, so that the
// present one is still to be taken.
func (f *fixture) enrol(t *testing.T, p person, tenant id.Tenant) app {
	t.Helper()
	_, session := f.session(t, p, tenant)
	offer := f.StartTOTP(session, identity.OfficeDoor(tenant), "Siegel")
	a := app{secret: offer.Secret}
	var err error
	a.paper, err = f.ConfirmTOTP(t.Context(), session, identity.OfficeDoor(tenant), offer.Ticket, a.code(t, f.clock.now().Add(-30*time.Second)))
	if err != nil {
		t.Fatalf("confirm: %v", err)
	}
	return a
}

// half signs in with the password alone and returns the ticket.
func (f *fixture) half(t *testing.T, p person, tenant id.Tenant, device string) *identity.SecondNeeded {
	t.Helper()
	in := p.signIn(tenant)
	in.Device = device
	_, _, err := f.SignIn(t.Context(), in)
	var second *identity.SecondNeeded
	if !errors.As(err, &second) || !errors.Is(err, identity.ErrSecondNeeded) {
		t.Fatalf("got %v, want the second step", err)
	}
	return second
}

func (f *fixture) second(t *testing.T, tenant id.Tenant, ticket, code, paper, device string) (cookie, kept string, err error) {
	t.Helper()
	in := identity.Second{Ticket: ticket, Code: code, Recovery: paper, Until: f.clock.now().Add(time.Hour), Entry: entry(tenant)}
	in.Device = device
	cookie, kept, _, err = f.Second(t.Context(), in)
	return cookie, kept, err
}

func TestTOTP_IsOfferedAsAppsReadIt(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	_, session := f.session(t, f.person(t, "uri@praxis.example"), tenant)
	offer := f.StartTOTP(session, identity.OfficeDoor(tenant), "Siegel")
	u, err := url.Parse(offer.URI)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Siegel:uri@praxis.example" || u.Query().Get("secret") != offer.Secret || u.Query().Get("issuer") != "Siegel" {
		t.Errorf("got %q, %v", offer.URI, err)
	}
	if raw, err := base32.StdEncoding.DecodeString(offer.Secret); err != nil || len(raw) != 20 {
		t.Errorf("secret %q: %v", offer.Secret, err)
	}
	if again := f.StartTOTP(session, identity.OfficeDoor(tenant), "Siegel"); again.Secret == offer.Secret {
		t.Error("the same secret twice")
	}
	var stored int
	if err := f.owner.QueryRow(t.Context(), `select count(*) from totp`).Scan(&stored); err != nil || stored != 0 {
		t.Errorf("%d rows, %v; want none before a code was shown", stored, err)
	}
}

func TestTOTP(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()

	t.Run("IsAskedForAfterThePasswordAndMakesTheSession", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "totp@praxis.example")
		a := f.enrol(t, p, tenant)
		second := f.half(t, p, tenant, "")
		if strings.Join(second.Methods, ",") != "totp,recovery" {
			t.Errorf("methods %v", second.Methods)
		}
		cookie, _, err := f.second(t, tenant, second.Ticket, a.code(t, f.clock.now()), "", "")
		if err != nil {
			t.Fatal(err)
		}
		session, err := f.Session(t.Context(), cookie, identity.OfficeDoor(tenant))
		if err != nil || session.Account != p.ID || !session.Factor || !session.Proven {
			t.Errorf("got %+v, %v", session, err)
		}
	})

	t.Run("StoresTheSecretEncryptedAndBoundToItsAccount", func(t *testing.T) {
		t.Parallel()
		p, thief := f.person(t, "sealed@praxis.example"), f.person(t, "sealed2@praxis.example")
		a, own := f.enrol(t, p, tenant), f.enrol(t, thief, tenant)
		raw, _ := base32.StdEncoding.DecodeString(a.secret)
		var box []byte
		if err := f.owner.QueryRow(t.Context(), `select secret from totp where account_id = $1`, p.ID).Scan(&box); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(box), string(raw)) {
			t.Error("the secret is in the database as it is")
		}
		f.exec(t, `update totp v set secret = m.secret from totp m where v.account_id = $1 and m.account_id = $2`, p.ID, thief.ID)
		if _, _, err := f.second(t, tenant, f.half(t, p, tenant, "").Ticket, own.code(t, f.clock.now()), "", ""); err == nil {
			t.Error("a secret moved from another account signs in")
		}
	})

	t.Run("TakesACodeOnceAndNoOlderOne", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "replay@praxis.example")
		a := f.enrol(t, p, tenant)
		now := f.clock.now()
		if _, _, err := f.second(t, tenant, f.half(t, p, tenant, "").Ticket, a.code(t, now), "", ""); err != nil {
			t.Fatal(err)
		}
		for name, code := range map[string]string{"Replayed": a.code(t, now), "Older": a.code(t, now.Add(-30*time.Second))} {
			if _, _, err := f.second(t, tenant, f.half(t, p, tenant, "").Ticket, code, "", ""); !errors.Is(err, identity.ErrSignInFailed) {
				t.Errorf("%s: got %v, want %v", name, err, identity.ErrSignInFailed)
			}
		}
	})

	t.Run("ForgivesOneStepAndNoMore", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			off  time.Duration
			want bool
		}{"before": {-30 * time.Second, false}, "after": {30 * time.Second, true}, "longafter": {60 * time.Second, false}, "longbefore": {-90 * time.Second, false}} {
			p := f.person(t, name+"drift@praxis.example")
			a := f.enrol(t, p, tenant) // which took the step before
			_, _, err := f.second(t, tenant, f.half(t, p, tenant, "").Ticket, a.code(t, f.clock.now().Add(c.off)), "", "")
			if (err == nil) != c.want {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})

	t.Run("TwoAtOnceWithOneCodeMakeOneSession", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "race@praxis.example")
		a := f.enrol(t, p, tenant)
		code := a.code(t, f.clock.now())
		tickets := []string{f.half(t, p, tenant, "").Ticket, f.half(t, p, tenant, "").Ticket, f.half(t, p, tenant, "").Ticket}
		results := make(chan error, len(tickets))
		for _, ticket := range tickets {
			go func() { _, _, err := f.second(t, tenant, ticket, code, "", ""); results <- err }()
		}
		in := 0
		for range tickets {
			if <-results == nil {
				in++
			}
		}
		if in != 1 {
			t.Errorf("%d got in, want one", in)
		}
	})

	t.Run("RefusesTicketsOfOthers", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "tickets@praxis.example")
		a := f.enrol(t, p, tenant)
		other := id.New[id.Tenant]()
		ticket := f.half(t, p, tenant, "").Ticket
		if _, _, err := f.second(t, other, ticket, a.code(t, f.clock.now()), "", ""); !errors.Is(err, identity.ErrTicketExpired) {
			t.Errorf("another tenant's door: got %v", err)
		}
		for _, bad := range []string{"", "x", ticket[:len(ticket)-1], ticket + "A", f.StartTOTP(identity.Session{Account: p.ID}, identity.OfficeDoor(tenant), "x").Ticket} {
			if _, _, err := f.second(t, tenant, bad, a.code(t, f.clock.now()), "", ""); !errors.Is(err, identity.ErrTicketExpired) {
				t.Errorf("ticket %.12q: got %v", bad, err)
			}
		}
		if _, _, err := f.second(t, tenant, ticket, a.code(t, f.clock.now()), "", ""); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.second(t, tenant, ticket, "", a.paper[0], ""); !errors.Is(err, identity.ErrTicketExpired) {
			t.Errorf("used twice: got %v", err)
		}
	})
}

func TestTOTP_TicketsExpire(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p := f.person(t, "late@praxis.example")
	a := f.enrol(t, p, tenant)
	ticket := f.half(t, p, tenant, "").Ticket
	f.clock.add(10 * time.Minute)
	if _, _, err := f.second(t, tenant, ticket, a.code(t, f.clock.now()), "", ""); !errors.Is(err, identity.ErrTicketExpired) {
		t.Errorf("got %v, want %v", err, identity.ErrTicketExpired)
	}
}

func TestSecond_IsThrottledMoreThanThePassword(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p := f.person(t, "guess@praxis.example")
	a := f.enrol(t, p, tenant)
	var err error
	tries := 0
	for ; tries < 20; tries++ {
		if _, _, err = f.second(t, tenant, f.half(t, p, tenant, "").Ticket, "000000", "", ""); errors.Is(err, identity.ErrTooManyAttempts) {
			break
		}
	}
	if tries != 5 {
		t.Errorf("%d tries before the door closes, want 5", tries)
	}
	if _, _, err := f.second(t, tenant, f.half(t, p, tenant, "").Ticket, a.code(t, f.clock.now()), "", ""); !errors.Is(err, identity.ErrTooManyAttempts) {
		t.Errorf("the right code at a closed door: got %v", err)
	}
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p := f.person(t, "paper@praxis.example")
	a := f.enrol(t, p, tenant)
	if len(a.paper) != 10 {
		t.Fatalf("%d codes", len(a.paper))
	}
	mangled := strings.ToUpper(strings.ReplaceAll(a.paper[0], "-", " "))
	if _, _, err := f.second(t, tenant, f.half(t, p, tenant, "").Ticket, "", mangled, ""); err != nil {
		t.Fatalf("a code as people copy it: %v", err)
	}
	if _, _, err := f.second(t, tenant, f.half(t, p, tenant, "").Ticket, "", a.paper[0], ""); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("used twice: got %v", err)
	}
	factors, err := f.Factors(t.Context(), p.ID)
	if err != nil || !factors.TOTP || factors.RecoveryCodes != 9 {
		t.Errorf("got %+v, %v", factors, err)
	}
	fresh, err := f.NewRecoveryCodes(t.Context(), p.ID)
	if err != nil || len(fresh) != 10 {
		t.Fatalf("%d codes, %v", len(fresh), err)
	}
	if _, _, err := f.second(t, tenant, f.half(t, p, tenant, "").Ticket, "", a.paper[1], ""); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("an old code after new ones were made: got %v", err)
	}
	other := f.person(t, "paper2@praxis.example")
	f.enrol(t, other, tenant)
	if _, _, err := f.second(t, tenant, f.half(t, other, tenant, "").Ticket, "", fresh[0], ""); !errors.Is(err, identity.ErrSignInFailed) {
		t.Errorf("another account's code: got %v", err)
	}
}

func TestTrustedDevice(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant, elsewhere := id.New[id.Tenant](), id.New[id.Tenant]()
	p, colleague := f.person(t, "desk@praxis.example"), f.person(t, "desk2@praxis.example")
	a, b := f.enrol(t, p, tenant), f.enrol(t, colleague, tenant)
	_, device, err := f.second(t, tenant, f.half(t, p, tenant, "").Ticket, a.code(t, f.clock.now()), "", "")
	if err != nil || device == "" {
		t.Fatalf("device %q, %v", device, err)
	}
	trusted := func(p person, tenant id.Tenant, device string) bool {
		t.Helper()
		in := p.signIn(tenant)
		in.Device = device
		_, _, err := f.SignIn(t.Context(), in)
		if err != nil && !errors.Is(err, identity.ErrSecondNeeded) {
			t.Fatal(err)
		}
		return err == nil
	}
	if !trusted(p, tenant, device) {
		t.Error("the second factor is asked for again on the same device")
	}
	if trusted(colleague, tenant, device) {
		t.Error("another account is trusted by the same cookie")
	}
	if trusted(p, elsewhere, device) {
		t.Error("the cookie of one practice is trusted at another")
	}
	// The colleague at the same desk keeps the device's cookie.
	_, same, err := f.second(t, tenant, f.half(t, colleague, tenant, device).Ticket, b.code(t, f.clock.now()), "", device)
	if err != nil || same != device || !trusted(colleague, tenant, device) || !trusted(p, tenant, device) {
		t.Errorf("two people at one desk: cookie %v, %v", same == device, err)
	}
	f.exec(t, `update trusted_device set expires = now() where account_id = $1`, p.ID)
	if trusted(p, tenant, device) {
		t.Error("trusted after its day")
	}
	if err := f.DistrustDevices(t.Context(), colleague.ID); err != nil || trusted(colleague, tenant, device) {
		t.Errorf("trusted after it was taken back: %v", err)
	}
	var plain int
	if err := f.owner.QueryRow(t.Context(), `select count(*) from trusted_device where hash = $1`, []byte(device)).Scan(&plain); err != nil || plain != 0 {
		t.Errorf("the cookie itself is stored: %d, %v", plain, err)
	}
}

func TestFactors_TheLastOneStaysWhereItIsDemanded(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p := f.person(t, "last@praxis.example")
	f.enrol(t, p, tenant)
	if err := f.RemoveTOTP(t.Context(), p.ID, true); !errors.Is(err, identity.ErrLastFactor) {
		t.Errorf("got %v, want %v", err, identity.ErrLastFactor)
	}
	if err := f.RemoveTOTP(t.Context(), p.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveTOTP(t.Context(), p.ID, false); !errors.Is(err, identity.ErrUnknownFactor) {
		t.Errorf("again: got %v", err)
	}
	if factors, err := f.Factors(t.Context(), p.ID); err != nil || factors.RecoveryCodes != 0 {
		t.Errorf("codes outlive the factor: %+v, %v", factors, err)
	}
	if cookie := f.signedIn(t, p, tenant); cookie == "" {
		t.Error("no session without a factor")
	}
}
