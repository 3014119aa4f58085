package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/seal"
	"siegel/tenants/audit"
	"siegel/tenants/booking"
	"siegel/tenants/inbox"
	"siegel/tenants/notify"
	"siegel/tenants/staff"
	"siegel/tenants/tenanttest"
	"siegel/web/api"
	"siegel/web/fhir"
	"siegel/web/server"
)

func TestMain(m *testing.M) { os.Exit(tenanttest.Main(m)) }

// house is a server with all of its routes, on stores of the test's own.
type house struct {
	*tenanttest.Fixture
	*server.Server
	identity *identity.Service
	staff    *staff.Service
	addr     string
	served   chan error
}

// setup wires a house and does not serve yet.
func setup(t *testing.T, scheme string, proxies ...netip.Prefix) *house {
	t.Helper()
	h := &house{Fixture: tenanttest.New(t), served: make(chan error, 1)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	h.identity, err = identity.NewService(identity.Config{DB: h.DB, Redis: h.Redis, Secret: tenanttest.Secret})
	must(err)
	h.staff, err = staff.NewService(staff.Config{DB: h.DB})
	must(err)
	letters, err := inbox.NewService(inbox.Config{DB: h.DB})
	must(err)
	bookings, err := booking.NewService(booking.Config{
		DB: h.DB, Redis: h.Redis, Practice: h.Practice, Keyring: h.Keyring, Budget: notify.Budget{}, Base: "localhost:8080",
		PatientURL: func(context.Context, id.Tenant) (string, error) { return "http://praxis.localhost:8080", nil },
	})
	must(err)
	policy, err := access.New()
	must(err)
	pages, err := server.LoadPages(fstest.MapFS{"index.html": {Data: []byte("patients")}, "office.html": {Data: []byte("office")}})
	must(err)
	h.Server, err = server.New(server.Config{
		Scheme: scheme, Registry: h.Registry, Identity: h.identity, Staff: h.staff, Policy: policy, Pages: pages,
		TrustedProxies: proxies, Ready: h.DB.Ping,
	})
	must(err)
	trail, err := audit.NewService(audit.Config{DB: h.DB, Secret: tenanttest.Secret})
	must(err)
	api.Mount(h.Server, api.Services{Audit: trail, Booking: bookings, Practice: h.Practice, Keyring: h.Keyring, Inbox: letters, Identity: h.identity, Staff: h.staff})
	fhir.Mount(h.Server, fhir.Services{})
	h.WatchChanges(inbox.NewWatcher(letters, h.Redis))
	return h
}

// serve begins to serve, until the test ends.
func (h *house) serve(t *testing.T) *house {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	go func() { h.served <- h.Listen(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return h
}

const (
	patients = "praxis.localhost:8080"
	office   = "praxis.office.localhost:8080"
)

func (h *house) do(t *testing.T, method, host, path, body string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+h.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// member signs up a member of the practice and returns the account and how
// they sign in.
func (h *house) member(t *testing.T) (id.Account, string) {
	t.Helper()
	account := id.New[id.Account]()
	key, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	err = h.identity.CreateAccount(t.Context(), identity.NewAccount{ID: account, Email: "erika@praxis.example", Name: "Erika", Language: "de",
		MemberPublicKey: key.PublicKey().Bytes(), Salt: make([]byte, 16), SignInSecret: make([]byte, 32), WrappedMemberKey: make([]byte, 60)})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.staff.Add(t.Context(), h.Tenant.ID, account, staff.Owner, make([]byte, seal.VouchSize)); err != nil {
		t.Fatal(err)
	}
	return account, `{"email":"erika@praxis.example","sign_in_secret":"` + seal.Bytes(make([]byte, 32)).String() + `"}`
}

func TestPolicyAndRoutesMustAgree(t *testing.T) {
	t.Parallel()
	listen := func(h *house) error {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		done := make(chan error, 1)
		go func() { done <- h.Listen(ln) }()
		select {
		case err := <-done:
			return err
		case <-time.After(5 * time.Second):
			_ = h.Shutdown(context.Background())
			return nil
		}
	}
	t.Run("AnOperationWithoutARow", func(t *testing.T) {
		t.Parallel()
		h := setup(t, "http")
		server.Register(h.Server, server.Operation{ID: "readEverything", Method: http.MethodGet, Path: "/api/v1/everything"},
			func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
		if err := listen(h); err == nil || !strings.Contains(err.Error(), "readEverything") {
			t.Fatalf("listen: %v", err)
		}
	})
	t.Run("ARawRouteWithoutARow", func(t *testing.T) {
		t.Parallel()
		h := setup(t, "http")
		h.Raw("lookAround", http.MethodGet, "/around", func(c *fiber.Ctx) error { return c.SendString("x") })
		if err := listen(h); err == nil || !strings.Contains(err.Error(), "lookAround") {
			t.Fatalf("listen: %v", err)
		}
	})
	t.Run("ARowWithoutAnOperation", func(t *testing.T) {
		t.Parallel()
		h := setup(t, "http")
		pages, err := server.LoadPages(fstest.MapFS{})
		if err != nil {
			t.Fatal(err)
		}
		c := h.Config
		c.Pages = pages
		if h.Server, err = server.New(c); err != nil {
			t.Fatal(err)
		}
		if err := listen(h); err == nil || !strings.Contains(err.Error(), "watchChanges") {
			t.Fatalf("listen: %v", err)
		}
	})
	t.Run("IncompleteConfig", func(t *testing.T) {
		t.Parallel()
		if _, err := server.New(server.Config{}); err == nil {
			t.Fatal("a server of nothing")
		}
	})
}

// An operation is denied to whom no row allows it, however it is reached.
func TestOperationsAskThePolicy(t *testing.T) {
	t.Parallel()
	h := setup(t, "http")
	h.Raw("getKeyring", http.MethodGet, "/raw", func(c *fiber.Ctx) error { return c.SendString("reached") })
	h.serve(t)
	for host, want := range map[string]int{patients: 404, office: 401, "portal.localhost:8080": 404} {
		for _, path := range []string{"/raw", "/api/v1/keyring"} {
			if res := h.do(t, "GET", host, path, ""); res.StatusCode != want || strings.Contains(text(t, res), "reached") {
				t.Errorf("%s%s: %d", host, path, res.StatusCode)
			}
		}
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		trusted []string
		said    []string // X-Forwarded-For, a header line each
		want    string
	}{
		{"NobodyIsTrusted", nil, []string{"203.0.113.9"}, "127.0.0.1"},
		{"AnotherProxyIsTrusted", []string{"10.0.0.0/8"}, []string{"203.0.113.9"}, "127.0.0.1"},
		{"OneProxy", []string{"127.0.0.0/8"}, []string{"203.0.113.9"}, "203.0.113.9"},
		{"OneProxyAndALie", []string{"127.0.0.0/8"}, []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{"TwoProxiesAndALie", []string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"198.51.100.1, 203.0.113.9, 10.1.2.3"}, "203.0.113.9"},
		{"ALieThatNamesAProxy", []string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"10.1.2.3, 203.0.113.9"}, "203.0.113.9"},
		{"LieInALineOfItsOwn", []string{"127.0.0.0/8"}, []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		{"ProxiesOnly", []string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"10.1.2.3"}, "10.1.2.3"},
		{"NoHeader", []string{"127.0.0.0/8"}, nil, "127.0.0.1"},
		{"EmptyHeader", []string{"127.0.0.0/8"}, []string{""}, "127.0.0.1"},
		{"NoAddress", []string{"127.0.0.0/8"}, []string{"erika"}, "127.0.0.1"},
		{"NoAddressBehindOne", []string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"erika, 10.1.2.3"}, "10.1.2.3"},
		{"AddressWithPort", []string{"127.0.0.0/8"}, []string{"203.0.113.9:1234"}, "127.0.0.1"},
		{"IPv6", []string{"127.0.0.0/8"}, []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv4InIPv6", []string{"127.0.0.0/8"}, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var proxies []netip.Prefix
			for _, p := range c.trusted {
				proxies = append(proxies, netip.MustParsePrefix(p))
			}
			h := setup(t, "http", proxies...)
			h.Raw("patientPages", http.MethodGet, "/client", func(c *fiber.Ctx) error {
				return c.SendString(server.From(c.UserContext()).Client.String())
			})
			h.serve(t)
			var header []string
			for _, line := range c.said {
				header = append(header, "X-Forwarded-For", line)
			}
			if got := text(t, h.do(t, "GET", patients, "/client", "", append(header, "X-Real-IP", "198.51.100.2", "Forwarded", "for=198.51.100.3")...)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	for scheme, c := range map[string]struct {
		prefix string
		secure bool
	}{"https": {"__Host-siegel-", true}, "http": {"siegel-", false}} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			h := setup(t, scheme).serve(t)
			_, signIn := h.member(t)
			visit := h.do(t, "POST", patients, "/api/v1/holds", "{}").Cookies()
			session := h.do(t, "POST", office, "/api/v1/session", signIn).Cookies()
			if len(visit) != 1 || len(session) != 1 || visit[0].Name != c.prefix+"visit" || session[0].Name != c.prefix+"session" {
				t.Fatalf("%v, %v", visit, session)
			}
			for _, k := range []*http.Cookie{visit[0], session[0]} {
				if k.Secure != c.secure || !k.HttpOnly || k.SameSite != http.SameSiteStrictMode || k.Path != "/" || k.Domain != "" || k.MaxAge != 0 || !k.Expires.IsZero() {
					t.Errorf("%v", k)
				}
			}
			if res := h.do(t, "GET", office, "/api/v1/session", "", "Cookie", session[0].Name+"="+session[0].Value); res.StatusCode != 200 {
				t.Errorf("with its cookie: %d", res.StatusCode)
			}
			// A cookie without the prefix could have been set by another host.
			if res := h.do(t, "GET", office, "/api/v1/session", "", "Cookie", "session="+session[0].Value); res.StatusCode != 401 {
				t.Errorf("with another cookie: %d", res.StatusCode)
			}
			if c.secure {
				if res := h.do(t, "GET", office, "/api/v1/session", "", "Cookie", "siegel-session="+session[0].Value); res.StatusCode != 401 {
					t.Errorf("with a cookie that any host could set: %d", res.StatusCode)
				}
			}
			over := h.do(t, "DELETE", office, "/api/v1/session", "", "Cookie", session[0].Name+"="+session[0].Value).Cookies()
			if len(over) != 1 || over[0].Name != session[0].Name || over[0].MaxAge >= 0 || over[0].Value != "" || over[0].Secure != c.secure {
				t.Errorf("signed out: %v", over)
			}
			transport := h.do(t, "GET", patients, "/", "").Header.Get("Strict-Transport-Security")
			if (transport != "") != c.secure {
				t.Errorf("strict transport is %q", transport)
			}
		})
	}
	t.Run("AVisitorKeepsTheirs", func(t *testing.T) {
		t.Parallel()
		h := setup(t, "http").serve(t)
		first := h.do(t, "POST", patients, "/api/v1/holds", "{}").Cookies()
		if again := h.do(t, "POST", patients, "/api/v1/holds", "{}", "Cookie", first[0].String()).Cookies(); len(again) != 0 {
			t.Errorf("set again: %v", again)
		}
		for _, made := range []string{"", "x", strings.Repeat("x", 23)} {
			if again := h.do(t, "POST", patients, "/api/v1/holds", "{}", "Cookie", "siegel-visit="+made).Cookies(); len(again) != 1 || again[0].Value == made {
				t.Errorf("a made-up cookie %q was kept", made)
			}
		}
	})
}

// stream opens the stream of changes and returns its lines as they come; the
// channel is closed when the server ends it.
func (h *house) stream(t *testing.T, cookie string) <-chan string {
	t.Helper()
	res := h.do(t, "GET", office, "/api/v1/events", "", "Cookie", cookie)
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(res.Body)
		for in.Scan() {
			lines <- in.Text()
		}
	}()
	return lines
}

func (h *house) signIn(t *testing.T) (account id.Account, cookie string) {
	t.Helper()
	account, body := h.member(t)
	cookies := h.do(t, "POST", office, "/api/v1/session", body).Cookies()
	if len(cookies) != 1 {
		t.Fatal("no session")
	}
	return account, cookies[0].Name + "=" + cookies[0].Value
}

// ended waits for the end of a stream.
func ended(t *testing.T, lines <-chan string, within time.Duration) {
	t.Helper()
	deadline := time.After(within)
	for {
		select {
		case _, open := <-lines:
			if !open {
				return
			}
		case <-deadline:
			t.Fatalf("the stream goes on after %v", within)
		}
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	waitFor := func(t *testing.T, lines <-chan string, want string) {
		t.Helper()
		deadline := time.After(5 * time.Second)
		for {
			select {
			case line, open := <-lines:
				if line == want {
					return
				}
				if !open {
					t.Fatalf("it ended before %q", want)
				}
			case <-deadline:
				t.Fatalf("no %q", want)
			}
		}
	}
	t.Run("EndsWithTheServer", func(t *testing.T) {
		t.Parallel()
		h := setup(t, "http").serve(t)
		_, cookie := h.signIn(t)
		lines := h.stream(t, cookie)
		waitFor(t, lines, "event: changed")
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		ended(t, lines, 5*time.Second)
		if err := <-h.served; err != nil {
			t.Errorf("listen: %v", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("an open stream kept the server for %v", took)
		}
	})
	t.Run("EndsWithTheSession", func(t *testing.T) {
		t.Parallel()
		h := setup(t, "http")
		h.PingEvery(50 * time.Millisecond)
		h.serve(t)
		_, cookie := h.signIn(t)
		lines := h.stream(t, cookie)
		waitFor(t, lines, ": ping")
		if res := h.do(t, "DELETE", office, "/api/v1/session", "", "Cookie", cookie); res.StatusCode != 204 {
			t.Fatal(res.StatusCode)
		}
		ended(t, lines, 5*time.Second)
	})
	t.Run("EndsWithTheMembership", func(t *testing.T) {
		t.Parallel()
		h := setup(t, "http")
		h.PingEvery(50 * time.Millisecond)
		h.serve(t)
		account, cookie := h.signIn(t)
		lines := h.stream(t, cookie)
		waitFor(t, lines, ": ping")
		if err := h.staff.Remove(t.Context(), h.Tenant.ID, account); err != nil {
			t.Fatal(err)
		}
		ended(t, lines, 5*time.Second)
	})
	t.Run("EndsWithTheListener", func(t *testing.T) {
		t.Parallel()
		h := setup(t, "http")
		h.PingEvery(20 * time.Millisecond)
		h.serve(t)
		_, cookie := h.signIn(t)
		res := h.do(t, "GET", office, "/api/v1/events", "", "Cookie", cookie)
		res.Body.Close()
		// A server that still wrote to it would not stop in time.
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFailuresSayNothingOfTheirCause(t *testing.T) {
	t.Parallel()
	h := setup(t, "http")
	secret := errors.New("erika's secret cause")
	failures := map[string]error{
		"plain": secret, "wrapped": fmt.Errorf("read: %w", secret), "fault": fault.New(fault.Internal, "internal").Because(secret),
	}
	for name, err := range failures {
		h.Raw("patientPages", http.MethodGet, "/fails/"+name, func(*fiber.Ctx) error { return err })
	}
	h.Raw("patientPages", http.MethodGet, "/panics", func(*fiber.Ctx) error { panic(secret) })
	server.Register(h.Server, server.Operation{ID: "home", Method: http.MethodGet, Path: "/api/v1/panics"},
		func(context.Context, *struct{}) (*struct{}, error) { panic(secret) })
	server.Register(h.Server, server.Operation{ID: "assets", Method: http.MethodGet, Path: "/api/v1/fails"},
		func(context.Context, *struct{}) (*struct{}, error) { return nil, secret })
	h.serve(t)
	for _, path := range []string{"/fails/plain", "/fails/wrapped", "/fails/fault", "/panics", "/api/v1/panics", "/api/v1/fails"} {
		res := h.do(t, "GET", patients, path, "")
		body := text(t, res)
		if res.StatusCode != 500 || strings.Contains(body, "erika") || !strings.Contains(body, `"reason":"internal"`) || strings.Contains(body, ".go") {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
		if res.Header.Get("Content-Security-Policy") == "" || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v", path, res.Header)
		}
		if request := res.Header.Get("X-Request-Id"); request == "" || !strings.Contains(body, request) {
			t.Errorf("%s: request %q is not in %s", path, request, body)
		}
	}
}

func TestProblemOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		reason string
		retry  int
	}{
		{fault.New(fault.Invalid, "malformed_x"), 400, "malformed_x", 0},
		{fault.New(fault.Invalid, "slot_not_offered"), 422, "slot_not_offered", 0},
		{fault.New(fault.Unauthenticated, "signed_out"), 401, "signed_out", 0},
		{fault.New(fault.Forbidden, "forbidden"), 403, "forbidden", 0},
		{fault.New(fault.NotFound, "not_found"), 404, "not_found", 0},
		{fault.New(fault.Conflict, "slot_taken"), 409, "slot_taken", 0},
		{fault.New(fault.Expired, "link_expired"), 410, "link_expired", 0},
		{fault.New(fault.Limited, "too_many_holds").After(time.Minute), 429, "too_many_holds", 60},
		{fault.New(fault.Limited, "proof_required"), 428, "proof_required", 0},
		{fault.New(fault.Unavailable, "holds_unavailable"), 503, "holds_unavailable", 1},
		{fault.New(fault.Unavailable, "holds_unavailable").After(2 * time.Second), 503, "holds_unavailable", 2},
		{fault.New("another", "x"), 500, "x", 0},
		{errors.New("x"), 500, "internal", 0},
		{fmt.Errorf("hold: %w", fault.New(fault.Conflict, "slot_taken").Because(errors.New("x"))), 409, "slot_taken", 0},
	} {
		p := server.ProblemOf(t.Context(), c.err)
		if p.Status != c.status || p.Reason != c.reason || p.RetryAfter != c.retry {
			t.Errorf("%v: %d %s after %d", c.err, p.Status, p.Reason, p.RetryAfter)
		}
	}
}
