package booking_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/booking"
	"siegel/tenants/keyring"
	"siegel/tenants/notify"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
	"siegel/tenants/tenanttest"
)

func TestMain(m *testing.M) { os.Exit(tenanttest.Main(m)) }

// bench is a practice with a booking service.
type bench struct {
	*tenanttest.Fixture
	*booking.Service
	visitors int
}

func setup(t *testing.T) *bench {
	t.Helper()
	f := tenanttest.New(t)
	s, err := booking.NewService(booking.Config{
		DB: f.DB, Redis: f.Redis, Practice: f.Practice, Keyring: f.Keyring, Budget: notify.Budget{}, Base: "localhost:8080",
		PatientURL: func(context.Context, id.Tenant) (string, error) { return "http://praxis.localhost:8080", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{Fixture: f, Service: s}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func once() booking.Once {
	return booking.Once{Key: base64.RawURLEncoding.EncodeToString(random(16)), Request: random(32)}
}

// visitor comes from a network of its own.
func visitor(n int) booking.Visitor {
	return booking.Visitor{Browser: "browser-" + strconv.Itoa(n), Address: netip.AddrFrom4([4]byte{127, byte(n >> 8), byte(n), 1})}
}

func (b *bench) request(starts time.Time) booking.HoldRequest {
	return booking.HoldRequest{Token: random(16), Items: []booking.HoldItem{{
		Service: b.Quarter, Practitioner: b.Practitioner, Location: b.Location, Starts: starts,
	}}}
}

func (b *bench) hold(t *testing.T, starts time.Time) (booking.HoldRequest, booking.Hold) {
	t.Helper()
	b.visitors++
	r := b.request(starts)
	h, err := b.Hold(t.Context(), b.Tenant.ID, r, visitor(b.visitors), once())
	if err != nil {
		t.Fatal(err)
	}
	return r, h
}

func byMail(token []byte, f tenanttest.Form, address string) booking.BookRequest {
	return booking.BookRequest{Token: token, Forms: []booking.Form{{Envelope: f.Envelope, Copy: f.Copy}}, Channel: booking.Mail, Address: address,
		Secret: f.Secret[:], SecretHash: f.SecretHash[:], Language: "de"}
}

// book books by mail and returns the form and the code of the mail.
func (b *bench) book(t *testing.T, token []byte, h booking.Hold) (tenanttest.Form, string) {
	t.Helper()
	f := b.Seal(t, h.Items[0].Booking)
	address := fmt.Sprintf("erika-%x@muster.example", random(4))
	if _, err := b.Book(t.Context(), b.Tenant.ID, byMail(token, f, address), once()); err != nil {
		t.Fatal(err)
	}
	return f, b.code(t, f)
}

func ref(f tenanttest.Form) string { return base64.RawURLEncoding.EncodeToString(f.SecretHash[:]) }

// code reads what the confirmation mail says.
func (b *bench) code(t *testing.T, f tenanttest.Form) string {
	t.Helper()
	out, err := b.ConfirmationToSend(t.Context(), b.Tenant.ID, ref(f))
	if err != nil {
		t.Fatal(err)
	}
	_, code, ok := strings.Cut(out.Link, ".localhost:8080/confirm#")
	if !ok {
		t.Fatalf("link %q", out.Link)
	}
	_, code, _ = strings.Cut(code, ".")
	return code
}

func TestABookingFromHoldToAppointment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	starts := tenanttest.At(3, 9, 15)
	r, h := b.hold(t, starts)
	if !h.Items[0].Starts.Equal(starts) || h.Items[0].Ends.Sub(h.Items[0].Starts) != 15*time.Minute || h.ExtensionsLeft != 2 {
		t.Fatalf("hold is %+v", h)
	}
	form, code := b.book(t, r.Token, h)

	seen, err := b.Peek(t.Context(), b.Tenant.ID, form.Secret[:])
	if err != nil || seen.Status != "pending" {
		t.Fatalf("before confirming: %+v, %v", seen, err)
	}
	if n := b.count(t, "appointment"); n != 0 {
		t.Fatalf("%d appointments before anyone confirmed", n)
	}
	booked, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code)
	if err != nil {
		t.Fatal(err)
	}
	if booked.Status != "booked" || booked.Booking != h.Items[0].Booking || !booked.Starts.Equal(starts) || string(booked.Copy) != string(form.Copy) {
		t.Fatalf("booked is %+v", booked)
	}
	for table, want := range map[string]int{"appointment": 1, "occupation": 1, "envelope": 1, "patient_copy": 1, "card": 0} {
		if n := b.count(t, table); n != want {
			t.Errorf("%d rows in %s, want %d", n, table, want)
		}
	}
	again, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code)
	if err != nil || again.Appointment != booked.Appointment {
		t.Fatalf("confirmed twice: %+v, %v", again, err)
	}
	viewed, err := b.View(t.Context(), b.Tenant.ID, form.Secret[:])
	if err != nil || viewed.Appointment != booked.Appointment {
		t.Fatalf("viewed: %+v, %v", viewed, err)
	}
}

func TestOnlyWhatIsOfferedCanBeHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, change := range map[string]func(*booking.HoldRequest){
		"BesidesTheGrid":     func(r *booking.HoldRequest) { r.Items[0].Starts = r.Items[0].Starts.Add(time.Minute) },
		"WithFractions":      func(r *booking.HoldRequest) { r.Items[0].Starts = r.Items[0].Starts.Add(time.Millisecond) },
		"AtNight":            func(r *booking.HoldRequest) { r.Items[0].Starts = tenanttest.At(3, 3, 0) },
		"InThePast":          func(r *booking.HoldRequest) { r.Items[0].Starts = tenanttest.At(-1, 9, 0) },
		"BeyondTheHorizon":   func(r *booking.HoldRequest) { r.Items[0].Starts = tenanttest.At(500, 9, 0) },
		"ForeignService":     func(r *booking.HoldRequest) { r.Items[0].Service = id.New[id.Service]() },
		"ForeignPerson":      func(r *booking.HoldRequest) { r.Items[0].Practitioner = id.New[id.Practitioner]() },
		"AnotherPlace":       func(r *booking.HoldRequest) { r.Items[0].Location = id.New[id.Location]() },
		"NotThatPersonsWork": func(r *booking.HoldRequest) { r.Items[0].Practitioner = b.Group },
	} {
		r := b.request(tenanttest.At(3, 9, 0))
		change(&r)
		if _, err := b.Hold(t.Context(), b.Tenant.ID, r, visitor(1), once()); !errors.Is(err, booking.ErrNotOffered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	at := tenanttest.At(3, 9, 0)
	first := b.request(at)
	key := once()
	h, err := b.Hold(ctx, tenant, first, visitor(1), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("ARetryGetsTheSameHold", func(t *testing.T) {
		again, err := b.Hold(ctx, tenant, first, visitor(1), key)
		if err != nil || again.ID != h.ID || again.Items[0].Booking != h.Items[0].Booking {
			t.Fatalf("%+v, %v", again, err)
		}
	})
	t.Run("AnotherRequestUnderTheSameKeyIsRefused", func(t *testing.T) {
		other := b.request(tenanttest.At(4, 9, 0))
		_, err := b.Hold(ctx, tenant, other, visitor(1), booking.Once{Key: key.Key, Request: random(32)})
		if !errors.Is(err, booking.ErrMismatch) {
			t.Fatal(err)
		}
		if _, err := b.Hold(ctx, tenant, first, visitor(1), once()); !errors.Is(err, booking.ErrMismatch) {
			t.Fatalf("the same token for another request: %v", err)
		}
	})
	t.Run("AHeldSlotIsTaken", func(t *testing.T) {
		if _, err := b.Hold(ctx, tenant, b.request(at), visitor(2), once()); !errors.Is(err, booking.ErrSlotTaken) {
			t.Fatal(err)
		}
		longer := b.request(tenanttest.At(3, 8, 45))
		longer.Items[0].Service = b.Half
		if _, err := b.Hold(ctx, tenant, longer, visitor(2), once()); !errors.Is(err, booking.ErrSlotTaken) {
			t.Fatalf("a longer one that overlaps: %v", err)
		}
	})
	t.Run("ABufferCountsAsOccupied", func(t *testing.T) {
		before := b.request(tenanttest.At(3, 8, 30))
		before.Items[0].Service = b.Half // 8:30 to 9:00, with a buffer to 9:10
		if _, err := b.Hold(ctx, tenant, before, visitor(2), once()); !errors.Is(err, booking.ErrSlotTaken) {
			t.Fatal(err)
		}
	})
	t.Run("ANeighbourIsFree", func(t *testing.T) {
		if _, err := b.Hold(ctx, tenant, b.request(tenanttest.At(3, 9, 15)), visitor(3), once()); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("CanBeExtendedTwice", func(t *testing.T) {
		for range 2 {
			if _, err := b.Extend(ctx, tenant, first.Token); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Extend(ctx, tenant, first.Token); !errors.Is(err, booking.ErrNoExtensionLeft) {
			t.Fatal(err)
		}
	})
	t.Run("NobodyElseReleasesIt", func(t *testing.T) {
		if err := b.Release(ctx, tenant, random(16)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Hold(ctx, tenant, b.request(at), visitor(4), once()); !errors.Is(err, booking.ErrSlotTaken) {
			t.Fatal(err)
		}
	})
	t.Run("ReleasedItIsFreeAtOnce", func(t *testing.T) {
		if err := b.Release(ctx, tenant, first.Token); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Hold(ctx, tenant, b.request(at), visitor(4), once()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Extend(ctx, tenant, first.Token); !errors.Is(err, booking.ErrHoldExpired) {
			t.Fatal(err)
		}
	})
}

func TestCaps(t *testing.T) {
	t.Parallel()
	t.Run("TwoHoldsABrowser", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for n := range 2 {
			if _, err := b.Hold(t.Context(), b.Tenant.ID, b.request(tenanttest.At(3+n, 9, 0)), visitor(1), once()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Hold(t.Context(), b.Tenant.ID, b.request(tenanttest.At(6, 9, 0)), visitor(1), once()); !errors.Is(err, booking.ErrTooManyHolds) {
			t.Fatal(err)
		}
	})
	t.Run("TenANetworkThenWorkThenThirty", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ctx, tenant := t.Context(), b.Tenant.ID
		for n := range 31 {
			v := visitor(1)
			v.Browser = strconv.Itoa(n)
			r := b.request(tenanttest.At(2+n, 9, 0))
			_, err := b.Hold(ctx, tenant, r, v, once())
			switch {
			case n < 10 && err != nil:
				t.Fatalf("hold %d: %v", n, err)
			case n >= 10 && n < 30:
				if !errors.Is(err, booking.ErrProofRequired) {
					t.Fatalf("hold %d without work: %v", n, err)
				}
				c, err := b.Challenge(ctx, tenant, id.Hold{}, v)
				if err != nil {
					t.Fatal(err)
				}
				r.Proof = solve(c)
				if _, err := b.Hold(ctx, tenant, r, v, once()); err != nil {
					t.Fatalf("hold %d with work: %v", n, err)
				}
				r.Token = random(16)
				r.Items[0].Starts = tenanttest.At(2+n, 12, 0)
				if _, err := b.Hold(ctx, tenant, r, v, once()); err == nil {
					t.Fatal("a proof of work was good for two")
				}
			case n == 30 && !errors.Is(err, booking.ErrTooManyHolds):
				t.Fatalf("hold %d: %v", n, err)
			}
		}
	})
	t.Run("ThirtyPercentOfADay", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		// Sixteen hours of quarters are 64 slots: 20 may be unconfirmed.
		held := 0
		for n := range 64 {
			_, err := b.Hold(t.Context(), b.Tenant.ID, b.request(tenanttest.At(3, 6, 15*n)), visitor(n), once())
			if errors.Is(err, booking.ErrDayFull) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			held++
		}
		if held != 20 {
			t.Fatalf("%d of 64 slots could be held at once", held)
		}
	})
}

func solve(c booking.Challenge) *booking.Proof {
	for n := 0; ; n++ {
		sum := sha256.Sum256([]byte(c.Salt + strconv.Itoa(n)))
		if hex.EncodeToString(sum[:]) == c.Challenge {
			return &booking.Proof{Algorithm: c.Algorithm, Challenge: c.Challenge, Salt: c.Salt, Signature: c.Signature, Number: n}
		}
	}
}

func TestCapacityIsNeverExceeded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := tenanttest.At(3, 10, 0)
	request := func() booking.HoldRequest {
		r := b.request(at)
		r.Items[0].Service, r.Items[0].Practitioner = b.GroupService, b.Group
		return r
	}
	for n := range 3 {
		r := request()
		h, err := b.Hold(t.Context(), b.Tenant.ID, r, visitor(n), once())
		if err != nil {
			t.Fatal(err)
		}
		form, code := b.book(t, r.Token, h)
		if _, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Hold(t.Context(), b.Tenant.ID, request(), visitor(9), once()); !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("a fourth in a group of three: %v", err)
	}
}

func TestPendingLivesAtMostAnHourAndIsUnreadable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, h := b.hold(t, tenanttest.At(3, 9, 0))
	form := b.Seal(t, h.Items[0].Booking)
	if _, err := b.Book(t.Context(), b.Tenant.ID, byMail(r.Token, form, "kanarienvogel@muster.example"), once()); err != nil {
		t.Fatal(err)
	}
	raw := b.Redis.Raw()
	keys, err := raw.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	pending := 0
	for _, k := range keys {
		ttl, err := raw.PTTL(t.Context(), k).Result()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(k, ":pending:") {
			pending++
			if ttl <= 0 || ttl > 3600*time.Second {
				t.Errorf("%s lives for %s", k, ttl)
			}
		}
		if ttl < 0 {
			t.Errorf("%s never expires", k)
		}
		dump, err := raw.Dump(t.Context(), k).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"kanarienvogel", form.Envelope.EnvelopeID, string(form.Secret[:])} {
			if strings.Contains(dump, secret) || strings.Contains(k, secret) {
				t.Errorf("%s holds %q", k, secret)
			}
		}
	}
	if pending != 1 {
		t.Fatalf("%d pending records", pending)
	}
}

func TestBook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	r, h := b.hold(t, tenanttest.At(3, 9, 0))
	good := func() booking.BookRequest {
		return byMail(r.Token, b.Seal(t, h.Items[0].Booking), "erika@muster.example")
	}

	for name, c := range map[string]struct {
		change func(*booking.BookRequest)
		want   error
	}{
		"UnknownToken":  {func(q *booking.BookRequest) { q.Token = random(16) }, booking.ErrHoldExpired},
		"ShortToken":    {func(q *booking.BookRequest) { q.Token = random(3) }, booking.ErrMalformedToken},
		"ForeignTenant": {func(q *booking.BookRequest) { q.Forms[0].Envelope.Tenant = id.New[id.Tenant]().UUID() }, booking.ErrForeignEnvelope},
		"OldKey": {func(q *booking.BookRequest) {
			q.Forms[0].Envelope.KID = base64.RawURLEncoding.EncodeToString(random(16))
		}, keyring.ErrKeyChanged},
		"SecretElsewhere": {func(q *booking.BookRequest) { q.Secret = random(16) }, booking.ErrMalformedSecret},
		"NoSecretByMail":  {func(q *booking.BookRequest) { q.Secret = nil }, booking.ErrMalformedSecret},
		"ShortHash":       {func(q *booking.BookRequest) { q.SecretHash = q.SecretHash[:8] }, booking.ErrMalformedSecret},
		"OddCopy":         {func(q *booking.BookRequest) { q.Forms[0].Copy = q.Forms[0].Copy[1:] }, booking.ErrMalformedCopy},
		"NoAddress":       {func(q *booking.BookRequest) { q.Address = "erika" }, booking.ErrAddress},
		"TwoAddresses":    {func(q *booking.BookRequest) { q.Address = "a@b.example, c@d.example" }, booking.ErrAddress},
		"NameAndAddress":  {func(q *booking.BookRequest) { q.Address = "Erika <a@b.example>" }, booking.ErrAddress},
		"LineBreak":       {func(q *booking.BookRequest) { q.Address = "a@b.example\r\nBcc: c@d.example" }, booking.ErrAddress},
		"SecretBySMS":     {func(q *booking.BookRequest) { q.Channel = booking.SMS; q.Address = "+4915123456789" }, booking.ErrMalformedSecret},
		"NoProofBySMS":    {func(q *booking.BookRequest) { q.Channel = booking.SMS; q.Secret = nil; q.Address = "+4915123456789" }, booking.ErrProofRequired},
		"LandlineBySMS":   {func(q *booking.BookRequest) { q.Channel = booking.SMS; q.Secret = nil; q.Address = "+49724312345" }, booking.ErrAddress},
		"FarCountryBySMS": {func(q *booking.BookRequest) { q.Channel = booking.SMS; q.Secret = nil; q.Address = "+12025550123" }, booking.ErrAddress},
		"NoSuchChannel":   {func(q *booking.BookRequest) { q.Channel = "pigeon" }, booking.ErrChannel},
	} {
		q := good()
		c.change(&q)
		_, err := b.Book(ctx, tenant, q, once())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if n := b.count(t, "outbox"); n != 0 {
		t.Fatalf("%d messages were queued for refused bookings", n)
	}

	key := once()
	first := good()
	p, err := b.Book(ctx, tenant, first, key)
	if err != nil || p.SendsLeft != 2 || time.Until(p.Expires) > time.Hour {
		t.Fatalf("%+v, %v", p, err)
	}
	again, err := b.Book(ctx, tenant, first, key)
	if err != nil || again.SendsLeft != 2 {
		t.Fatalf("a retry: %+v, %v", again, err)
	}
	if n := b.count(t, "outbox"); n != 1 {
		t.Fatalf("%d messages after a retry", n)
	}
	oldForm := tenanttest.Form{SecretHash: [32]byte(first.SecretHash)}
	oldCode := b.code(t, oldForm)

	// A corrected address: the older link dies, the end of life stays.
	corrected := good()
	corrected.Address = "erika.muster@muster.example"
	p2, err := b.Book(ctx, tenant, corrected, once())
	if err != nil || p2.SendsLeft != 1 || p2.Expires.After(p.Expires) {
		t.Fatalf("corrected: %+v, %v", p2, err)
	}
	if _, err := b.Confirm(ctx, tenant, first.Secret, oldCode); !errors.Is(err, booking.ErrLinkExpired) {
		t.Fatalf("the older link: %v", err)
	}
	third := good()
	third.Address = "dritte@muster.example"
	if _, err := b.Book(ctx, tenant, third, once()); err != nil {
		t.Fatal(err)
	}
	fourth := good()
	fourth.Address = "vierte@muster.example"
	if _, err := b.Book(ctx, tenant, fourth, once()); !errors.Is(err, booking.ErrTooManyMessages) {
		t.Fatalf("a fourth message: %v", err)
	}
}

func TestThreeMailsAnAddressAnHour(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 4 {
		r, h := b.hold(t, tenanttest.At(3+n, 9, 0))
		q := byMail(r.Token, b.Seal(t, h.Items[0].Booking), "Opfer@Muster.example")
		_, err := b.Book(t.Context(), b.Tenant.ID, q, once())
		if n < 3 && err != nil {
			t.Fatal(err)
		}
		if n == 3 && !errors.Is(err, booking.ErrTooManyMessages) {
			t.Fatalf("the fourth: %v", err)
		}
	}
}

func TestCodeBySMS(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	bySMS := func(n int) (tenanttest.Form, string) {
		t.Helper()
		r, h := b.hold(t, tenanttest.At(3+n, 9, 0))
		f := b.Seal(t, h.Items[0].Booking)
		c, err := b.Challenge(ctx, tenant, h.ID, visitor(1))
		if err != nil {
			t.Fatal(err)
		}
		p, err := b.Book(ctx, tenant, booking.BookRequest{Token: r.Token, Forms: []booking.Form{{Envelope: f.Envelope, Copy: f.Copy}}, Channel: booking.SMS,
			Address: fmt.Sprintf("0151 2345678%d", n), SecretHash: f.SecretHash[:], Language: "de", Proof: solve(c)}, once())
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(p.Expires); left > 10*time.Minute {
			t.Fatalf("a code lives for %s", left)
		}
		out, err := b.ConfirmationToSend(ctx, tenant, ref(f))
		if err != nil || len(out.Code) != 6 || out.Address != fmt.Sprintf("+491512345678%d", n) {
			t.Fatalf("%+v, %v", out, err)
		}
		return f, out.Code
	}
	t.Run("TheRightOneConfirms", func(t *testing.T) {
		f, code := bySMS(0)
		if _, err := b.Confirm(ctx, tenant, f.Secret[:], code); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("FiveWrongOnesEndIt", func(t *testing.T) {
		f, code := bySMS(1)
		wrong := "000000"
		if code == wrong {
			wrong = "000001"
		}
		for left := 4; left >= 0; left-- {
			_, err := b.Confirm(ctx, tenant, f.Secret[:], wrong)
			var w *booking.WrongCode
			if !errors.As(err, &w) || w.TriesLeft != left {
				t.Fatalf("with %d tries left: %v", left, err)
			}
		}
		if _, err := b.Confirm(ctx, tenant, f.Secret[:], code); !errors.Is(err, booking.ErrLinkExpired) {
			t.Fatalf("the right code after five wrong ones: %v", err)
		}
	})
	t.Run("FiftyAtOnceAreFiveTries", func(t *testing.T) {
		f, _ := bySMS(2)
		var tried sync.Map
		var wg sync.WaitGroup
		for n := range 50 {
			wg.Go(func() {
				_, err := b.Confirm(ctx, tenant, f.Secret[:], fmt.Sprintf("%06d", n))
				var w *booking.WrongCode
				if errors.As(err, &w) {
					tried.Store(n, true)
				}
			})
		}
		wg.Wait()
		n := 0
		tried.Range(func(any, any) bool { n++; return true })
		if n > booking.CodeTries {
			t.Fatalf("%d codes were compared", n)
		}
	})
}

func TestSentSecretsAreForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, h := b.hold(t, tenanttest.At(3, 9, 0))
	form, code := b.book(t, r.Token, h)
	if err := b.ConfirmationSent(t.Context(), b.Tenant.ID, ref(form)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ConfirmationToSend(t.Context(), b.Tenant.ID, ref(form)); !errors.Is(err, booking.ErrAddressLapsed) {
		t.Fatalf("sent and still there: %v", err)
	}
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code); err != nil {
		t.Fatalf("the link no longer works: %v", err)
	}
	out, err := b.ReceiptToSend(t.Context(), b.Tenant.ID, h.Items[0].Booking.UUID())
	if err != nil || !strings.Contains(out.ManageLink, "/booking#") || !strings.Contains(out.ICS, "BEGIN:VEVENT") {
		t.Fatalf("%+v, %v", out, err)
	}
	if err := b.ReceiptSent(t.Context(), b.Tenant.ID, h.Items[0].Booking.UUID()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ReceiptToSend(t.Context(), b.Tenant.ID, h.Items[0].Booking.UUID()); !errors.Is(err, booking.ErrAddressLapsed) {
		t.Fatalf("the address outlived its receipt: %v", err)
	}
}

func TestWrongLinks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, h := b.hold(t, tenanttest.At(3, 9, 0))
	form, code := b.book(t, r.Token, h)
	other, _ := b.Plant(t, "nebenan")
	wrong := "x" + code[1:]
	if wrong == code {
		wrong = "y" + code[1:]
	}
	for name, err := range map[string]error{
		"UnknownSecret": second(b.Confirm(t.Context(), b.Tenant.ID, random(16), code)),
		"WrongCode":     second(b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], wrong)),
		"AnotherTenant": second(b.Confirm(t.Context(), other.ID, form.Secret[:], code)),
	} {
		if !errors.Is(err, booking.ErrLinkExpired) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := second(b.Confirm(t.Context(), b.Tenant.ID, []byte("short"), code)); !errors.Is(err, booking.ErrMalformedSecret) {
		t.Errorf("short secret: %v", err)
	}
	if n := b.count(t, "appointment"); n != 0 {
		t.Fatalf("%d appointments from wrong links", n)
	}
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code); err != nil {
		t.Fatalf("the right link after wrong ones: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestFlushedRedisBooksNobodyTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := tenanttest.At(3, 9, 0)
	r1, h1 := b.hold(t, at)
	form1, code1 := b.book(t, r1.Token, h1)
	first := dump(t, b)
	if err := b.Redis.Raw().FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, form1.Secret[:], code1); !errors.Is(err, booking.ErrLinkExpired) {
		t.Fatalf("a lost pending booking: %v", err)
	}
	r2, h2 := b.hold(t, at)
	form2, code2 := b.book(t, r2.Token, h2)
	// As after a failover that brings an older state back: both are pending.
	restore(t, b, first)
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, form2.Secret[:], code2); err != nil {
		t.Fatal(err)
	}
	_, err := b.Confirm(t.Context(), b.Tenant.ID, form1.Secret[:], code1)
	var lost *booking.Overtaken
	if !errors.As(err, &lost) || !errors.Is(err, booking.ErrSlotTaken) {
		t.Fatalf("the second of two: %v", err)
	}
	if n := b.count(t, "appointment"); n != 1 {
		t.Fatalf("%d appointments", n)
	}
	if alternatives := b.Alternatives(t.Context(), b.Tenant.ID, lost.Service, lost.Starts, 3); len(alternatives) != 3 {
		t.Fatalf("alternatives: %v", alternatives)
	}
}

func dump(t *testing.T, b *bench) map[string]string {
	t.Helper()
	all := map[string]string{}
	keys, err := b.Redis.Raw().Keys(t.Context(), "*:pending:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		all[k] = b.Redis.Raw().Get(t.Context(), k).Val()
	}
	return all
}

func restore(t *testing.T, b *bench, all map[string]string) {
	t.Helper()
	for k, v := range all {
		if err := b.Redis.Raw().Set(t.Context(), k, v, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWithdrawnTimesAreNotBooked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, h := b.hold(t, tenanttest.At(3, 9, 0))
	form, code := b.book(t, r.Token, h)
	err := b.Fixture.Practice.Change(t.Context(), b.Tenant.ID, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "update opening set until_minute = 480")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code); !errors.Is(err, booking.ErrNotOffered) {
		t.Fatalf("booked outside the offer: %v", err)
	}
	if n := b.count(t, "appointment"); n != 0 {
		t.Fatalf("%d appointments", n)
	}
}

func TestWhatIsClosedIsNeitherHeldNorBooked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	starts := tenanttest.At(3, 9, 0)
	r, h := b.hold(t, starts)
	form, code := b.book(t, r.Token, h)
	day := schedule.DateOf(starts)
	edit := func() practice.Edit {
		offer, err := b.Fixture.Practice.Rules(t.Context(), b.Tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		return practice.Edit{Version: offer.Version, Keep: true}
	}
	closure := practice.Closure{ID: id.New[id.Closure](), Stretch: schedule.WholeDay(day)}
	saved, err := b.Fixture.Practice.Put(t.Context(), b.Tenant.ID, closure, edit())
	if err != nil || len(saved.Outside) != 0 {
		t.Fatalf("a booking that nobody confirmed is affected: %v, %v", saved, err)
	}
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code); !errors.Is(err, booking.ErrNotOffered) {
		t.Fatalf("booked in a closure: %v", err)
	}
	if n := b.count(t, "appointment"); n != 0 {
		t.Fatalf("%d appointments", n)
	}
	if _, err := b.Hold(t.Context(), b.Tenant.ID, b.request(starts), visitor(9), once()); !errors.Is(err, booking.ErrNotOffered) {
		t.Fatalf("held in a closure: %v", err)
	}
	list, err := b.Find(t.Context(), b.Tenant.ID, practice.Query{Service: b.Quarter, From: day, To: day + 2})
	if err != nil || len(list.Closed) != 1 || list.Closed[0].Date != day || schedule.DateOf(time.Unix(list.Slots[0].Starts, 0)) != day+1 {
		t.Fatalf("found %+v, %v", list, err)
	}

	// Open again, it is booked; and closing then names the appointment.
	if _, err := b.Fixture.Practice.Remove(t.Context(), b.Tenant.ID, closure, edit()); err != nil {
		t.Fatal(err)
	}
	r, h = b.hold(t, starts)
	form, code = b.book(t, r.Token, h)
	booked, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code)
	if err != nil {
		t.Fatal(err)
	}
	saved, err = b.Fixture.Practice.Put(t.Context(), b.Tenant.ID, closure, edit())
	if err != nil || len(saved.Outside) != 1 || saved.Outside[0].Appointment != booked.Appointment || saved.Outside[0].Practitioner != b.Practitioner {
		t.Fatalf("affected are %+v, %v", saved.Outside, err)
	}
}

func TestAChangeElsewhereDoesNotHurtAConfirmation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, h := b.hold(t, tenanttest.At(3, 9, 0))
	form, code := b.book(t, r.Token, h)
	// Raises the version behind the service's cache.
	err := b.DB.InTenant(t.Context(), b.Tenant.ID, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "update practice set version = version + 1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, form.Secret[:], code); err != nil {
		t.Fatal(err)
	}
}

// TestAWaveOnOneSlot lets fifty confirm overlapping slots at the same moment,
// with all holds forgotten in between: the database alone decides.
func TestAWaveOnOneSlot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const clients = 50
	type ticket struct {
		form tenanttest.Form
		code string
	}
	var tickets []ticket
	pendings := map[string]string{}
	for n := range clients {
		// Quarters at 9:00, 9:15 and halves at 9:00 that overlap both.
		request := b.request(tenanttest.At(3, 9, 15*(n%2)))
		if n%3 == 0 {
			request.Items[0].Service, request.Items[0].Starts = b.Half, tenanttest.At(3, 9, 0)
		}
		h, err := b.Hold(t.Context(), b.Tenant.ID, request, visitor(n), once())
		if err != nil {
			t.Fatal(err)
		}
		form, code := b.book(t, request.Token, h)
		tickets = append(tickets, ticket{form, code})
		for k, v := range dump(t, b) {
			pendings[k] = v
		}
		if err := b.Redis.Raw().FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	restore(t, b, pendings)
	var wg sync.WaitGroup
	errs := make([]error, clients)
	for n, ticket := range tickets {
		wg.Go(func() { _, errs[n] = b.Confirm(t.Context(), b.Tenant.ID, ticket.form.Secret[:], ticket.code) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, booking.ErrSlotTaken):
			t.Errorf("neither booked nor taken: %v", err)
		}
	}
	if n := b.count(t, "appointment"); n != won || won < 1 || won > 2 {
		t.Fatalf("%d appointments, %d told so", n, won)
	}
	if n := b.overlaps(t); n != 0 {
		t.Fatalf("%d overlaps", n)
	}
}

func (b *bench) count(t *testing.T, table string) (n int) {
	t.Helper()
	err := b.DB.Batch(t.Context(), b.Tenant.ID, func(batch *postgres.Batch) {
		batch.Row("select count(*) from "+table, nil, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *bench) overlaps(t *testing.T) (n int) {
	t.Helper()
	err := b.DB.Batch(t.Context(), b.Tenant.ID, func(batch *postgres.Batch) {
		batch.Row(`select count(*) from occupation a join occupation b
			on a.resource_id = b.resource_id and a.unit = b.unit and a.appointment_id < b.appointment_id
			and a.starts < b.ends and b.starts < a.ends`, nil, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Between the record in Redis and the message in Postgres we may come to our
// end, or the answer be lost: whoever asks again gets the message, once.
func TestBookAgainQueuesWhatWasNotQueued(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	r, h := b.hold(t, tenanttest.At(3, 9, 0))
	request, key := byMail(r.Token, b.Seal(t, h.Items[0].Booking), "erika@muster.example"), once()
	if _, err := b.Book(ctx, tenant, request, key); err != nil {
		t.Fatal(err)
	}
	relay := testdb.OpenURL(t, b.URLs.Relay)
	if _, err := relay.Global().ExecContext(ctx, `delete from outbox`); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if p, err := b.Book(ctx, tenant, request, key); err != nil || p.SendsLeft != 2 {
			t.Fatalf("%+v, %v", p, err)
		}
		if n := b.count(t, "outbox"); n != 1 {
			t.Fatalf("%d messages", n)
		}
	}
	form := tenanttest.Form{SecretHash: [32]byte(request.SecretHash)}
	if _, err := b.Confirm(ctx, tenant, request.Secret, b.code(t, form)); err != nil {
		t.Fatal(err)
	}
}
