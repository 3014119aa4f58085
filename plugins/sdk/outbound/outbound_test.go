package outbound_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/outbound"
)

func serve(t *testing.T, h http.HandlerFunc) *outbound.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := outbound.New("Example", server.URL+"/api/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func wantKind(t *testing.T, err error, want sdk.Kind) {
	t.Helper()
	if got, _ := sdk.KindOf(err); got != want {
		t.Errorf("error = %v (kind %q), want kind %q", err, got, want)
	}
}

func TestBaseIsHTTPSUnlessOnThisMachine(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://api.example.org":          true,
		"https://api.example.org:8443/v2/": true,
		"https://10.0.0.7":                 true,
		"http://127.0.0.1:8080":            true,
		"http://[::1]:8080/x":              true,
		"http://localhost":                 true,
		"http://api.example.org":           false,
		"http://10.0.0.7":                  false,
		"http://localhost.example.org":     false,
		"https://user:pass@example.org":    false,
		"https://example.org/#x":           false,
		"https://example.org/?key=x":       false,
		"https://":                         false,
		"https://:443":                     false,
		"ftp://example.org":                false,
		"api.example.org":                  false,
		"":                                 false,
	} {
		_, err := outbound.New("Example", address)
		if (err == nil) != ok {
			t.Errorf("New(%q) = %v, want ok %v", address, err, ok)
		}
		if !ok {
			wantKind(t, err, sdk.BadSettings)
		}
		if err != nil && address != "" && strings.Contains(err.Error(), address) {
			t.Errorf("New(%q) = %v, which repeats the address", address, err)
		}
	}
}

func TestCallDoesNotFollow(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	a, err := c.Call(t.Context(), http.MethodPost, "/sms", http.Header{"X-Key": {"hunter2"}}, strings.NewReader("x"))
	if err != nil || a.Status != http.StatusTemporaryRedirect || calls.Load() != 1 {
		t.Errorf("answer %d, %v after %d calls; want the redirect itself after one", a.Status, err, calls.Load())
	}
	wantKind(t, c.Failure(a), sdk.Unknown)
}

func TestCallReadsABoundedBody(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte("x"), 1<<20)
		for range 10 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	a, err := c.Call(t.Context(), http.MethodGet, "/", nil, nil)
	if err != nil || len(a.Body) != outbound.MaxBody {
		t.Errorf("read %d bytes, %v; want %d", len(a.Body), err, outbound.MaxBody)
	}
}

func TestCallEndsWithItsContextThoughTheBodyTrickles(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, _ = c.Call(ctx, http.MethodGet, "/", nil, nil)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the call took %v, want about 100 ms", took)
	}
}

// A connection that dies after the request was written may have delivered it.
func TestCallIsNotRepeated(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			return // so that the next call meets a used connection
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	})
	if _, err := c.Call(t.Context(), http.MethodPost, "/sms", nil, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	_, err := c.Call(t.Context(), http.MethodPost, "/sms", nil, strings.NewReader("x"))
	wantKind(t, err, sdk.Temporary)
	if calls.Load() != 2 {
		t.Errorf("the provider was called %d times, want 2", calls.Load())
	}
}

func TestErrorsRepeatNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	const address = "127.0.0.1:1" // where nobody listens; a port that was given back may be another test's
	c, err := outbound.New("Example", "http://"+address+"/account-hunter2")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Call(t.Context(), http.MethodGet, "/015112345678", nil, nil)
	wantKind(t, err, sdk.Temporary)
	for _, secret := range []string{"hunter2", "0151", address} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error repeats %q: %v", secret, err)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	versions := make(chan uint16, 8)
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		for _, v := range hello.SupportedVersions {
			versions <- v
		}
		return nil, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	c, err := outbound.New("Example", server.URL)
	if err != nil {
		t.Fatal(err)
	}
	// Its certificate is nobody's that the machine trusts.
	_, err = c.Call(t.Context(), http.MethodGet, "/", nil, nil)
	wantKind(t, err, sdk.Temporary)
	close(versions)
	n := 0
	for v := range versions {
		n++
		if v < tls.VersionTLS12 {
			t.Errorf("the client offers TLS version %x", v)
		}
	}
	if n == 0 {
		t.Error("the client offered no TLS at all")
	}
}

// The base's own word does not count, but what is dialled.
func TestProviderIsNotOnThisMachine(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var met atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			met.Add(1)
			conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for host, want := range map[string]int64{"0.0.0.0": 0, "localhost": 1} {
		met.Store(0)
		c, err := outbound.New("Example", "https://"+host+":"+port)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Call(t.Context(), http.MethodGet, "/", nil, nil)
		wantKind(t, err, sdk.Temporary)
		if got := met.Load(); got != want {
			t.Errorf("https://%s was dialled %d times, want %d", host, got, want)
		}
	}
}

func TestFailureByStatus(t *testing.T) {
	t.Parallel()
	c := serve(t, func(http.ResponseWriter, *http.Request) {})
	for status, want := range map[int]sdk.Kind{
		302: sdk.Unknown, 400: sdk.Unknown, 401: sdk.Auth, 402: sdk.Funds, 403: sdk.Auth, 404: sdk.Unknown,
		408: sdk.Temporary, 418: sdk.Unknown, 429: sdk.RateLimited, 500: sdk.Temporary, 503: sdk.Temporary,
	} {
		wantKind(t, c.Failure(outbound.Answer{Status: status}), want)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"":                              time.Minute,
		"7":                             7 * time.Second,
		"0":                             time.Second,
		"-3":                            time.Minute,
		"soon":                          time.Minute,
		"999999999999":                  time.Hour,
		"Sun, 06 Nov 1994 08:49:37 GMT": time.Second,
	} {
		if got := outbound.RetryAfter(http.Header{"Retry-After": {value}}, time.Minute); got != want {
			t.Errorf("RetryAfter(%q) = %v, want %v", value, got, want)
		}
	}
	soon := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	if got := outbound.RetryAfter(http.Header{"Retry-After": {soon}}, time.Minute); got < 85*time.Second || got > 90*time.Second {
		t.Errorf("RetryAfter(a date in 90 s) = %v", got)
	}
}
