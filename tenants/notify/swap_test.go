package notify_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"siegel/platform/access"
	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/pluginhost"
	"siegel/platform/postgres"
	"siegel/tenants/booking"
	"siegel/tenants/notify"
	"siegel/tenants/provider"
	"siegel/tenants/tenanttest"
)

// crowd are many bookings of one practice, each with a number of its own.
type crowd struct{ *desk }

func (c crowd) ConfirmationToSend(context.Context, id.Tenant, string) (booking.Outgoing, error) {
	return c.out, nil
}
func (c crowd) ConfirmationSent(context.Context, id.Tenant, string) error { return nil }

// inbox counts what arrives, by message.
type inbox struct {
	mu  sync.Mutex
	got map[string]int
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct {
		ID string `json:"message_id"`
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	i.mu.Lock()
	i.got[m.ID]++
	i.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// shelf is a host as the keeper of providers sees it.
type shelf struct{ *pluginhost.Host }

func (s shelf) Try(ctx context.Context, _, instance, plugin string, settings map[string]any) error {
	_, err := s.SMS(ctx, instance, plugin, settings)
	return err
}

// loopbacks builds the loopback plugin into a folder with its checksum.
func loopbacks(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "siegel-plugin-sms-loopback")
	if out, err := exec.Command("go", "build", "-o", path, "siegel/plugins/sms/loopback").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if err := os.WriteFile(filepath.Join(dir, "checksums.txt"), []byte(hex.EncodeToString(sum[:])+"  siegel-plugin-sms-loopback\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// storm is everything between a queued text message and the telephone, real
// but for the telephone, and patients who book beside it.
type storm struct {
	*tenanttest.Fixture
	host      *pluginhost.Host
	providers *provider.Service
	bookings  *booking.Service
	relay     *jobs.Relay
	phones    *inbox
	a, b      provider.Provider
	booked    int
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	s := &storm{Fixture: tenanttest.New(t), phones: &inbox{got: map[string]int{}}}
	quiet := slog.New(slog.DiscardHandler)
	phones := httptest.NewServer(s.phones)
	t.Cleanup(phones.Close)
	var err error
	if s.host, err = pluginhost.New(pluginhost.Config{
		Dir: loopbacks(t), CallTimeout: 4 * time.Second, MinPause: 100 * time.Millisecond,
		Ping: 300 * time.Millisecond, PingTimeout: 500 * time.Millisecond, Logger: quiet,
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.host.Close() })
	if s.providers, err = provider.NewService(provider.Config{DB: s.DB, Secret: tenanttest.Secret, Plugins: shelf{s.host}, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*provider.Provider{"a": &s.a, "b": &s.b} {
		if *p, err = s.providers.Put(t.Context(), access.Domain{Kind: access.Platform}, provider.Draft{
			Kind: provider.SMS, Plugin: "loopback", Name: name, Enabled: true, Currency: "EUR", Settings: map[string]any{"url": phones.URL},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.DB.Global().NewRaw(`update provider_approval set effective = now(), notice_ends = now()`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	messages, err := notify.NewService(notify.Config{
		Bookings: crowd{smsDesk()}, Practices: smsDesk(), Deliveries: notify.NewDeliveries(s.DB),
		MailConfig: notify.MailConfig{SMTPURL: "smtp://127.0.0.1:1", From: "termine@siegel.example", Domain: "siegel.example"}, Logger: quiet,
		Route: func(ctx context.Context, tenant id.Tenant) ([]notify.Line, error) {
			route, err := s.providers.Route(ctx, tenant, provider.SMS)
			var lines []notify.Line
			for _, l := range route {
				lines = append(lines, notify.Line{Provider: l.ID, Plugin: l.Plugin, Open: func(ctx context.Context) (notify.SMS, error) {
					return s.host.SMS(ctx, l.ID.String(), l.Plugin, l.Full)
				}})
			}
			return lines, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.relay, err = jobs.NewRelay(jobs.Config{
		DB: testdb.OpenURL(t, s.URLs.Relay), Handlers: messages.Handlers(), Only: []string{notify.ConfirmSMS}, Workers: 16, Logger: quiet,
	}); err != nil {
		t.Fatal(err)
	}
	if s.bookings, err = booking.NewService(booking.Config{
		DB: s.DB, Redis: s.Redis, Practice: s.Practice, Keyring: s.Keyring, Budget: notify.Budget{}, Base: "localhost:8080",
		PatientURL: func(context.Context, id.Tenant) (string, error) { return "http://praxis.localhost:8080", nil },
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.relay.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

// pour queues so many messages a second for a time and until over, in
// transactions as a booking's, and returns their ids. Where the machine is too
// busy for so many a second, it takes longer.
func (s *storm) pour(t *testing.T, aSecond int, last time.Duration, over *atomic.Bool) (queued []id.Message) {
	t.Helper()
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for began := time.Now(); !over.Load() || len(queued) < aSecond*int(last.Seconds()); <-every.C {
		for due := int(time.Since(began).Seconds() * float64(aSecond)); len(queued) < due; {
			m := id.New[id.Message]()
			if err := s.DB.Batch(t.Context(), s.Tenant.ID, func(b *postgres.Batch) {
				jobs.Add(b, jobs.Message{ID: m, Tenant: s.Tenant.ID, Kind: notify.ConfirmSMS, Ref: "ref", TTL: 5 * time.Minute})
				notify.Budget{PerTenant: 1e6, InAll: 1e6}.AppendBudget(b, s.Tenant.ID, m, id.New[id.Booking]())
			}); err != nil {
				t.Error(err)
				return queued
			}
			queued = append(queued, m)
			s.relay.Wake()
		}
	}
	return queued
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// book books one appointment by mail, from the hold to the confirmation, and
// returns how long the server took for all of it.
func (s *storm) book(t *testing.T) (took time.Duration, err error) {
	n := s.booked
	s.booked++
	once := func() booking.Once {
		return booking.Once{Key: base64.RawURLEncoding.EncodeToString(random(16)), Request: random(32)}
	}
	visitor := booking.Visitor{Browser: fmt.Sprint("browser-", n), Address: netip.AddrFrom4([4]byte{127, byte(n >> 8), byte(n), 1})}
	r := booking.HoldRequest{Token: random(16), Items: []booking.HoldItem{{
		Service: s.Quarter, Practitioner: s.Practitioner, Location: s.Location, Starts: tenanttest.At(2+n%200, 7+n/200, 0),
	}}}
	began := time.Now()
	h, err := s.bookings.Hold(t.Context(), s.Tenant.ID, r, visitor, once())
	took = time.Since(began)
	if err != nil {
		return took, err
	}
	f := s.Seal(t, h.Items[0].Booking)
	began = time.Now()
	if _, err = s.bookings.Book(t.Context(), s.Tenant.ID, booking.BookRequest{
		Token: r.Token, Forms: []booking.Form{{Envelope: f.Envelope, Copy: f.Copy}}, Channel: booking.Mail,
		Address: fmt.Sprintf("erika-%x@muster.example", random(4)), Secret: f.Secret[:], SecretHash: f.SecretHash[:], Language: "de",
	}, once()); err != nil {
		return took, err
	}
	took += time.Since(began)
	out, err := s.bookings.ConfirmationToSend(t.Context(), s.Tenant.ID, base64.RawURLEncoding.EncodeToString(f.SecretHash[:]))
	if err != nil {
		return took, err
	}
	_, code, _ := strings.Cut(out.Link, "#")
	_, code, _ = strings.Cut(code, ".")
	began = time.Now()
	_, err = s.bookings.Confirm(t.Context(), s.Tenant.ID, f.Secret[:], code)
	return took + time.Since(began), err
}

// phase pours and books at the same time, while disturb does what it does, and
// for so long at least.
func (s *storm) phase(t *testing.T, last time.Duration, disturb func()) (queued []id.Message, times []time.Duration) {
	t.Helper()
	until := time.Now().Add(last)
	var all sync.WaitGroup
	var over atomic.Bool
	all.Go(func() { queued = s.pour(t, 200, last, &over) })
	all.Go(func() {
		disturb()
		time.Sleep(time.Until(until))
		over.Store(true)
	})
	all.Go(func() {
		refused := 0
		for !over.Load() {
			began := time.Now()
			took, err := s.book(t)
			if fault.From(err).Code == fault.Unavailable {
				// Redis has 100 ms to answer: where other work keeps it from that,
				// the patient is told so and tries again.
				refused++
				took, err = time.Since(began), nil
			}
			if err != nil {
				t.Errorf("booking beside: %v", err)
				return
			}
			times = append(times, took)
			time.Sleep(20 * time.Millisecond)
		}
		if refused > 2+len(times)/100 {
			t.Errorf("%d of %d bookings were put off", refused, len(times))
		}
	})
	all.Wait()
	slices.Sort(times)
	return queued, times
}

// pid is the process that a provider has now; 0 where it has none.
func (s *storm) pid(p provider.Provider) int {
	for _, h := range s.host.Health() {
		if h.Instance == p.ID.String() && !h.Leaving && h.Running {
			return h.PID
		}
	}
	return 0
}

func (s *storm) signal(p provider.Provider, sig syscall.Signal) bool {
	for range 1000 {
		if pid := s.pid(p); pid != 0 && syscall.Kill(pid, sig) == nil {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// Ten swaps, five kills and two hangs under 200 messages a second: each message
// ends sent, once, or twice where its call was cut off, and patients who book
// at the same time get their appointments.
func TestSwappingProvidersUnderLoadLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	s := newStorm(t)
	quietMessages, quiet := s.phase(t, 6*time.Second, func() {})

	var swaps, kills, hangs int
	stormy, loud := s.phase(t, 18*time.Second, func() {
		former, next := s.a, s.b
		for step := 0; swaps < 10; step++ {
			if err := s.providers.First(t.Context(), access.Domain{Kind: access.Platform}, next.ID); err != nil {
				t.Errorf("swap: %v", err)
				return
			}
			swaps++
			switch {
			case step%2 == 0 && kills < 5:
				time.Sleep(100 * time.Millisecond) // while some still go to the former
				if s.signal(former, syscall.SIGKILL) {
					kills++
				}
			case (step == 3 || step == 7) && hangs < 2:
				time.Sleep(1100 * time.Millisecond) // once every route has the new one
				if s.signal(next, syscall.SIGSTOP) {
					hangs++
				}
			}
			former, next = next, former
			time.Sleep(800 * time.Millisecond)
		}
	})
	if swaps != 10 || kills != 5 || hangs != 2 {
		t.Errorf("%d swaps, %d kills, %d hangs: not the storm it should be", swaps, kills, hangs)
	}

	messages := append(quietMessages, stormy...)
	if want := 200 * 24; len(messages) < want {
		t.Errorf("only %d messages were queued, want at least %d", len(messages), want)
	}
	var left int
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if err := s.DB.Global().NewRaw(`select count(*) from message_delivery where state = 'queued' and channel = 'sms'`).Scan(t.Context(), &left); err != nil {
			t.Fatal(err)
		}
		if left == 0 || time.Now().After(deadline) {
			break
		}
	}
	if left != 0 {
		t.Errorf("%d messages are still queued", left)
	}
	time.Sleep(500 * time.Millisecond) // calls that were given up may still arrive
	s.phones.mu.Lock()
	defer s.phones.mu.Unlock()
	twice := 0
	for _, m := range messages {
		switch n := s.phones.got[m.String()]; {
		case n == 0:
			t.Errorf("%s was lost", m)
		case n == 2:
			twice++
		case n > 2:
			t.Errorf("%s came %d times", m, n)
		}
	}
	if most := (kills + hangs) * 16; twice > most { // as many calls as there are workers
		t.Errorf("%d came twice, more than the %d calls that can have been cut off", twice, most)
	}
	var states int
	if err := s.DB.Global().NewRaw(`select count(*) from message_delivery where channel = 'sms' and (state <> 'submitted' or parts <> 1)`).Scan(t.Context(), &states); err != nil || states != 0 {
		t.Errorf("%d accounts do not say submitted, %v", states, err)
	}
	if n := taken(t, s.DB, ""); n != len(messages) {
		t.Errorf("the budget says %d of %d messages", n, len(messages))
	}
	at := func(times []time.Duration, p float64) time.Duration { return times[int(float64(len(times)-1)*p)] }
	// Whether bookings are slower in the storm, the bench says.
	micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	t.Logf("%d messages, %d twice, %d and %d bookings: %.0f quiet-p50-µs %.0f quiet-p99-µs %.0f storm-p50-µs %.0f storm-p99-µs",
		len(messages), twice, len(quiet), len(loud), micros(at(quiet, 0.5)), micros(at(quiet, 0.99)), micros(at(loud, 0.5)), micros(at(loud, 0.99)))
}
