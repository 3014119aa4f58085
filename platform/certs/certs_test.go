package certs_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/certs"
	"siegel/platform/fault"
)

// The whole way: a stranger gets nothing and costs the authority nothing, a
// known host gets a certificate in its first handshake, and a restart serves
// the same one without asking again.
func TestKnownHostsGetACertificateOnce(t *testing.T) {
	t.Parallel()
	w := build(t, 0)
	s := w.open(t)
	w.serve(t, s)
	for _, stranger := range []string{"stranger." + w.base, "praxis.example", "127.0.0.1", "", "x"} {
		if _, err := w.shake(t.Context(), stranger); err == nil {
			t.Errorf("a stranger's name %q got a certificate", stranger)
		}
	}
	if n := w.orders.Load(); n != 0 {
		t.Fatalf("strangers made %d orders", n)
	}

	var wg sync.WaitGroup
	serials := make([]string, 5)
	for i := range serials { // at once
		wg.Go(func() {
			cert, err := w.shake(t.Context(), "praxis."+w.base)
			if err != nil {
				t.Error(err)
				return
			}
			serials[i] = cert.SerialNumber.String()
		})
	}
	wg.Wait()
	for _, serial := range serials {
		if serial != serials[0] {
			t.Errorf("serial numbers differ: %v", serials)
		}
	}
	if n := w.orders.Load(); n != 1 {
		t.Errorf("%d orders for one host, want 1", n)
	}
	if until, err := s.Expires(t.Context(), "praxis."+w.base); err != nil || time.Until(until) < 24*time.Hour {
		t.Errorf("expires = %v, %v", until, err)
	}

	// Another replica, or the same one after a restart, with the same secret.
	again := w.open(t)
	hello, err := again.TLS().GetCertificate(clientHello("praxis." + w.base))
	if err != nil || hello.Leaf.SerialNumber.String() != serials[0] {
		t.Errorf("after a restart: %v, %v; want the stored certificate", hello, err)
	}
	if n := w.orders.Load(); n != 1 {
		t.Errorf("a restart made %d more orders", n-1)
	}
}

func TestRedirectLeadsKnownHostsToHTTPSAndNoOther(t *testing.T) {
	t.Parallel()
	w := build(t, 0)
	s := w.open(t)
	w.serve(t, s)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for host, want := range map[string]string{
		"praxis." + w.base:             "https://praxis." + w.base + ":" + strconv.Itoa(port(w.tls)) + "/a?b=c",
		"PRAXIS." + w.base + ":80":     "https://praxis." + w.base + ":" + strconv.Itoa(port(w.tls)) + "/a?b=c",
		"stranger." + w.base:           "",
		"evil.example":                 "",
		"praxis." + w.base + ".evil.x": "",
	} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.http.Addr().String()+"/a?b=c", nil)
		r.Host = host
		a, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if got := a.Header.Get("Location"); got != want || (want == "") != (a.StatusCode == http.StatusNotFound) {
			t.Errorf("%s: %d to %q, want %q", host, a.StatusCode, got, want)
		}
	}
}

// What rests in the database is of no use to whoever reads it, and a row that
// was moved or changed is refused.
func TestKeysRestSealed(t *testing.T) {
	t.Parallel()
	w := build(t, 0)
	s := w.open(t)
	w.serve(t, s)
	if err := s.Obtain(t.Context(), "praxis."+w.base); err != nil {
		t.Fatal(err)
	}
	var values [][]byte
	if err := w.db.Global().NewRaw(`select value from certificate_file`).Scan(t.Context(), &values); err != nil || len(values) < 4 {
		t.Fatalf("%d files, %v", len(values), err)
	}
	for _, v := range values {
		for _, word := range []string{"PRIVATE", "BEGIN", "praxis", "http"} {
			if strings.Contains(string(v), word) {
				t.Errorf("a file at rest has %q in it", word)
			}
		}
	}
	other := certs.Store(w.open(t, func(c *certs.Config) { c.Secret = []byte(strings.Repeat("another ", 5)) }))
	mine := certs.Store(s)
	keys, err := mine.List(t.Context(), "", true)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if info, err := mine.Stat(t.Context(), key); err != nil || !info.IsTerminal {
			continue
		}
		if _, err := mine.Load(t.Context(), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if _, err := other.Load(t.Context(), key); err == nil {
			t.Errorf("%s was opened with another secret", key)
		}
	}
	if _, err := w.db.Global().NewRaw(`update certificate_file set key = key || '.moved'`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if _, err := mine.Load(t.Context(), key+".moved"); err == nil {
			t.Errorf("%s was opened under another key", key)
		}
	}
}

// The authority is asked a few times for a host and then no more for an hour,
// by all replicas together, and other hosts do not suffer from it.
func TestAttemptsAreLimited(t *testing.T) {
	t.Parallel()
	w := build(t, 0)
	limits := func(c *certs.Config) { c.PerHost, c.PerHour = 2, 3 }
	a, b := w.open(t, limits), w.open(t, limits)
	w.serve(t, a)
	for i := range 2 {
		err := a.Obtain(t.Context(), "unreachable."+w.base) // DNS does not know it
		if !errors.Is(err, certs.ErrNoCertificate) {
			t.Errorf("attempt %d: error = %v, want ErrNoCertificate", i, err)
		}
	}
	orders := w.orders.Load()
	if err := b.Obtain(t.Context(), "unreachable."+w.base); !errors.Is(err, certs.ErrTooManyAttempts) {
		t.Errorf("error = %v, want ErrTooManyAttempts", err)
	}
	if w.orders.Load() != orders {
		t.Error("the authority was asked though the attempts were spent")
	}
	if err := a.Obtain(t.Context(), "praxis."+w.base); err != nil {
		t.Errorf("another host: %v", err)
	}
	if err := a.Obtain(t.Context(), "other."+w.base); !errors.Is(err, certs.ErrTooManyAttempts) {
		t.Errorf("the fourth in the hour: error = %v, want ErrTooManyAttempts", err)
	}
	if err := a.Obtain(t.Context(), "stranger."+w.base); !errors.Is(err, certs.ErrUnknownHost) {
		t.Errorf("stranger: error = %v, want ErrUnknownHost", err)
	}
}

// Names that strangers make up cost a bounded number of looks, and keep out
// nobody who was known before.
func TestUnknownNamesCostABoundedNumberOfLooks(t *testing.T) {
	t.Parallel()
	w := build(t, 0)
	var mu sync.Mutex
	asked := 0
	now := time.Now()
	s := w.open(t, func(c *certs.Config) {
		c.UnknownPerSecond = 3
		c.Now = func() time.Time { return now }
		c.Known = func(ctx context.Context, host string) error {
			mu.Lock()
			asked++
			mu.Unlock()
			return w.known(ctx, host)
		}
	})
	w.serve(t, s)
	get := func(host string) int {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.http.Addr().String()+"/", nil)
		r.Host = host
		a, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		_, _ = io.Copy(io.Discard, a.Body)
		return a.StatusCode
	}
	get("praxis." + w.base)
	for i := range 50 {
		get("made-up-" + strconv.Itoa(i) + "." + w.base)
	}
	if asked != 4 {
		t.Errorf("%d looks, want 4", asked)
	}
	if got := get("praxis." + w.base); got != http.StatusPermanentRedirect {
		t.Errorf("a known host got %d in the flood", got)
	}
}

// A certificate near its end is replaced while it still serves.
func TestRenewalNearExpiry(t *testing.T) {
	t.Parallel()
	w := build(t, 40)
	s := w.open(t, func(c *certs.Config) { c.RenewBefore = 0.9 })
	w.serve(t, s)
	first, err := w.shake(t.Context(), "praxis."+w.base)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		cert, err := w.shake(t.Context(), "praxis."+w.base)
		if err != nil {
			t.Fatalf("no certificate while it is renewed: %v", err)
		}
		if cert.SerialNumber.Cmp(first.SerialNumber) != 0 {
			return
		}
	}
	t.Error("the certificate was not renewed")
}

// A wildcard is proven through the hosting plugin, serves all names below, and
// leaves nothing in DNS.
func TestWildcardByDNS(t *testing.T) {
	t.Parallel()
	w := build(t, 0)
	c := &challenger{dns: w.dns}
	s := w.open(t, func(cfg *certs.Config) {
		cfg.Wildcards = func(context.Context) ([]certs.Wildcard, error) {
			return []certs.Wildcard{{Bases: []string{w.base}, Challenger: c}}, nil
		}
		cfg.Published = func(_ context.Context, name, value string) error {
			for _, v := range w.dns.Values(name) {
				if v == value {
					return nil
				}
			}
			return errors.New("not there")
		}
	})
	w.serve(t, s)
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"praxis." + w.base, "third." + w.base} {
		cert, err := w.shake(t.Context(), host)
		if err != nil || len(cert.DNSNames) != 1 || cert.DNSNames[0] != "*."+w.base {
			t.Errorf("%s: %v, %v; want the wildcard", host, cert, err)
		}
	}
	if c.added.Load() == 0 || c.added.Load() != c.removed.Load() || len(w.dns.Values("_acme-challenge."+w.base)) != 0 {
		t.Errorf("%d challenges were published and %d taken back; left are %q", c.added.Load(), c.removed.Load(), w.dns.Values("_acme-challenge."+w.base))
	}
	if err := s.Obtain(t.Context(), "praxis."+w.base); err != nil || w.orders.Load() != 1 {
		t.Errorf("a host below the wildcard: %v, %d orders", err, w.orders.Load())
	}
}

// A lock of a replica that died falls to the next; one that lives keeps it.
func TestLocks(t *testing.T) {
	t.Parallel()
	w := build(t, 0)
	// Long enough that a busy machine does not keep the holder from renewing it.
	s := certs.Store(w.open(t, func(c *certs.Config) { c.Lease = 2 * time.Second }))
	other := certs.Store(w.open(t, func(c *certs.Config) { c.Lease = 2 * time.Second }))
	if err := s.Lock(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second) // three leases
	defer cancel()
	if err := other.Lock(ctx, "x"); err == nil {
		t.Error("two hold one lock")
	}
	if err := s.Unlock(t.Context(), "x"); err != nil {
		t.Error(err)
	}
	if _, err := w.db.Global().NewRaw(`insert into certificate_lock (name, holder, expires) values ('y', gen_random_uuid(), now() + interval '200 milliseconds')`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := other.Lock(t.Context(), "y"); err != nil {
		t.Errorf("the lock of a dead replica: %v", err)
	}
	if err := other.Unlock(t.Context(), "y"); err != nil {
		t.Error(err)
	}
}

func TestForgottenHostIsGone(t *testing.T) {
	t.Parallel()
	w := build(t, 0)
	s := w.open(t)
	w.serve(t, s)
	if err := s.Obtain(t.Context(), "praxis."+w.base); err != nil {
		t.Fatal(err)
	}
	if err := s.Obtain(t.Context(), "other."+w.base); err != nil {
		t.Fatal(err)
	}
	if err := s.Forget(t.Context(), "praxis."+w.base); err != nil {
		t.Fatal(err)
	}
	if until, err := s.Expires(t.Context(), "praxis."+w.base); err != nil || !until.IsZero() {
		t.Errorf("expires = %v, %v; want nothing", until, err)
	}
	if until, err := s.Expires(t.Context(), "other."+w.base); err != nil || until.IsZero() {
		t.Errorf("the other host: %v, %v", until, err)
	}
}

// What one replica has given up, another one, which still has it in memory,
// serves no more; while nobody can be asked it serves what it has.
func TestAHostGivenUpIsServedByNoReplica(t *testing.T) {
	t.Parallel()
	w := build(t, 0)
	host := "praxis." + w.base
	var gone, away atomic.Bool
	known := func(c *certs.Config) {
		c.Known = func(ctx context.Context, name string) error {
			switch {
			case away.Load():
				return errors.New("the database is away")
			case gone.Load() && name == host:
				return fault.New(fault.NotFound, "unknown_host")
			}
			return w.known(ctx, name)
		}
	}
	one, two := w.open(t, known), w.open(t, known)
	w.serve(t, two)
	if _, err := w.shake(t.Context(), host); err != nil {
		t.Fatal(err)
	}
	away.Store(true)
	if _, err := w.shake(t.Context(), host); err != nil {
		t.Errorf("with the database away: %v", err)
	}
	away.Store(false)
	gone.Store(true)
	if err := one.Forget(t.Context(), host); err != nil {
		t.Fatal(err)
	}
	if _, err := w.shake(t.Context(), host); err == nil {
		t.Error("the other replica still serves it")
	}
	gone.Store(false)
	if until, err := two.Expires(t.Context(), host); err != nil || !until.IsZero() {
		t.Errorf("it is still kept: %v, %v", until, err)
	}
	if _, err := w.shake(t.Context(), "other."+w.base); err != nil {
		t.Errorf("another host: %v", err)
	}
}
