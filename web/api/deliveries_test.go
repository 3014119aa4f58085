package api_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/link"
	"siegel/platform/pluginhost"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
	"siegel/tenants/notify"
	"siegel/tenants/provider"
	"siegel/tenants/staff"
	"siegel/tenants/tenanttest"
	"siegel/web/api"
	"siegel/web/fhir"
	"siegel/web/server"
)

// twilioShelf is a host as the keeper of providers sees it.
type twilioShelf struct{ *pluginhost.Host }

func (s twilioShelf) Try(ctx context.Context, _, instance, plugin string, settings map[string]any) error {
	_, err := s.SMS(ctx, instance, plugin, settings)
	return err
}

// hooked is a server to which a real plugin's provider reports.
type hooked struct {
	*tenanttest.Fixture
	addr, path string
	provider   provider.Provider
	deliveries *notify.Deliveries
}

const (
	portalHost = "portal.localhost:8080"
	authToken  = "0123456789abcdef0123456789abcdef"
	accountSID = "AC0123456789abcdef0123456789abcdef"
)

func openHooks(t *testing.T) *hooked {
	t.Helper()
	h := &hooked{Fixture: tenanttest.New(t)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "siegel-plugin-sms-twilio")
	if out, err := exec.Command("go", "build", "-o", binary, "siegel/plugins/sms/twilio").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	content, err := os.ReadFile(binary)
	must(err)
	sum := sha256.Sum256(content)
	must(os.WriteFile(filepath.Join(dir, "checksums.txt"), []byte(hex.EncodeToString(sum[:])+"  siegel-plugin-sms-twilio\n"), 0o644))
	host, err := pluginhost.New(pluginhost.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	must(err)
	t.Cleanup(func() { _ = host.Close() })
	links, err := link.NewMaker(tenanttest.Secret)
	must(err)
	providers, err := provider.NewService(provider.Config{DB: h.DB, Secret: tenanttest.Secret, Plugins: twilioShelf{host}})
	must(err)
	h.provider, err = providers.Put(t.Context(), access.Domain{Kind: access.Platform}, provider.Draft{
		Kind: provider.SMS, Plugin: "twilio", Name: "Twilio", Enabled: true, Currency: "EUR",
		Settings: map[string]any{"account_sid": accountSID, "auth_token": authToken, "sender": "Praxis"},
	})
	must(err)
	h.deliveries = notify.NewDeliveries(h.DB)
	h.path = server.HookPath + "sms/" + links.Make("delivery", h.provider.ID.Bytes())

	accounts, err := identity.NewService(identity.Config{DB: h.DB, Redis: h.Redis, Secret: tenanttest.Secret})
	must(err)
	colleagues, err := staff.NewService(staff.Config{DB: h.DB})
	must(err)
	policy, err := access.New()
	must(err)
	pages, err := server.LoadPages(fstest.MapFS{"index.html": {}, "office.html": {}})
	must(err)
	s, err := server.New(server.Config{
		Scheme: "http", Registry: h.Registry, Identity: accounts, Staff: colleagues, Policy: policy, Pages: pages, Ready: h.DB.Ping,
	})
	must(err)
	api.Mount(s, api.Services{
		Practice: h.Practice, Keyring: h.Keyring, Identity: accounts, Staff: colleagues,
		Carriers: api.Carriers{
			Providers: providers, Deliveries: h.deliveries, Host: host, Balances: notify.Balances{DB: h.DB},
			Line: func(p provider.Provider) (notify.Line, error) {
				full, err := providers.Full(p)
				return notify.Line{Provider: p.ID, Plugin: p.Plugin, Open: func(ctx context.Context) (notify.SMS, error) {
					return host.SMS(ctx, p.ID.String(), p.Plugin, full)
				}}, err
			},
			Reporter: func(token string) (p id.Provider, err error) {
				of, err := links.Read("delivery", token)
				if err != nil {
					return p, err
				}
				return p, p.Scan(of.String())
			},
		},
	})
	letters, err := inbox.NewService(inbox.Config{DB: h.DB})
	must(err)
	fhir.Mount(s, fhir.Services{})
	s.WatchChanges(inbox.NewWatcher(letters, h.Redis))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	h.addr = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.Listen(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		<-served
	})
	return h
}

// handed is a message that the provider was given, under its id for it.
func (h *hooked) handed(t *testing.T, ref string) id.Message {
	t.Helper()
	m := id.New[id.Message]()
	if err := h.DB.Batch(t.Context(), h.Tenant.ID, func(b *postgres.Batch) {
		notify.Budget{}.AppendBudget(b, h.Tenant.ID, m, id.New[id.Booking]())
		b.Exec(`update message_delivery set provider_id = $1, provider_ref = $2, state = 'submitted' where message_id = $3`, h.provider.ID, ref, m)
	}); err != nil {
		t.Fatal(err)
	}
	return m
}

// report posts a form as Twilio does, signed with a token.
func (h *hooked) report(t *testing.T, host, path, token string, form url.Values) int {
	t.Helper()
	signed := "http://" + host + path
	for _, name := range slices.Sorted(maps.Keys(form)) {
		signed += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(token))
	_, _ = io.WriteString(mac, signed)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.addr+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

const ref = "SM0123456789abcdef0123456789abcdef"

func status(sid, word string) url.Values {
	return url.Values{"AccountSid": {accountSID}, "MessageSid": {sid}, "MessageStatus": {word}}
}

func TestAProvidersReportIsBelievedOnceItIsVerified(t *testing.T) {
	t.Parallel()
	h := openHooks(t)
	m := h.handed(t, ref)
	state := func() notify.State {
		d, _, err := h.deliveries.Delivery(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return d.State
	}
	other := status(ref, "delivered")
	other.Set("AccountSid", "AC"+strings.Repeat("f", 32))
	for name, c := range map[string]struct {
		host, path, token string
		form              url.Values
		want              int
	}{
		"AnotherPath":    {portalHost, altered(h.path), authToken, status(ref, "delivered"), 404},
		"NoPath":         {portalHost, server.HookPath + "sms/x", authToken, status(ref, "delivered"), 404},
		"PatientsHost":   {"praxis.localhost:8080", h.path, authToken, status(ref, "delivered"), 404},
		"OfficesHost":    {"praxis.office.localhost:8080", h.path, authToken, status(ref, "delivered"), 404},
		"Unsigned":       {portalHost, h.path, "another", status(ref, "delivered"), 403},
		"AnotherAccount": {portalHost, h.path, authToken, other, 404},
		"NobodysMessage": {portalHost, h.path, authToken, status("SM"+strings.Repeat("e", 32), "delivered"), 404},
		"NoReport":       {portalHost, h.path, authToken, url.Values{"AccountSid": {accountSID}}, 400},
		"TooLarge":       {portalHost, h.path, authToken, url.Values{"x": {strings.Repeat("x", 40<<10)}}, 413},
	} {
		if got := h.report(t, c.host, c.path, c.token, c.form); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
	if got := state(); got != notify.Submitted {
		t.Fatalf("state is %s", got)
	}
	if got := h.report(t, portalHost, h.path+"?message="+m.String(), authToken, status(ref, "sent")); got != 204 || state() != notify.Submitted {
		t.Errorf("on its way: %d, %s", got, state())
	}
	if got := h.report(t, portalHost, h.path+"?message="+m.String(), authToken, status(ref, "delivered")); got != 204 || state() != notify.Delivered {
		t.Errorf("delivered: %d, %s", got, state())
	}
	if got := h.report(t, portalHost, h.path, authToken, status(ref, "failed")); got != 204 || state() != notify.Delivered {
		t.Errorf("a late one: %d, %s", got, state())
	}
}

func TestReportsAreLimited(t *testing.T) {
	t.Parallel()
	h := openHooks(t)
	limited := 0
	for range 400 {
		if h.report(t, portalHost, h.path, "another", status(ref, "delivered")) == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited == 0 {
		t.Error("400 at once, and none was told to wait")
	}
}

// What nobody is signed in for is not told apart from what is not there.
func TestProvidersArePortalPeoplesAlone(t *testing.T) {
	t.Parallel()
	h := openHooks(t)
	for host, want := range map[string]int{"praxis.localhost:8080": 404, "praxis.office.localhost:8080": 404, portalHost: 401} {
		for _, path := range []string{"/api/v1/providers", "/api/v1/deliveries", "/api/v1/providers/" + h.provider.ID.String() + "/swap"} {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+h.addr+path, nil)
			r.Host = host
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s%s: %d, want %d", host, path, answer.StatusCode, want)
			}
		}
	}
}

// altered is a path like another one, with one character changed.
func altered(path string) string {
	i := len(path) - 20
	other := byte('A')
	if path[i] == other {
		other = 'B'
	}
	return path[:i] + string(other) + path[i+1:]
}
