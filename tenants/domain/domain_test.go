package domain_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/pluginhost"
	"siegel/plugins/sdk"
	"siegel/plugins/sdk/dnsask"
	"siegel/plugins/sdk/localdns"
	"siegel/tenants/domain"
	"siegel/tenants/registry"
	"siegel/tenants/tenanttest"
)

// plugins is the folder with the plugins; only TestMain writes it.
var plugins string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "siegel-domain-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	var sums strings.Builder
	for _, name := range []string{"loopback", "1blu"} {
		path := filepath.Join(dir, "siegel-plugin-hosting-"+name)
		if out, err := exec.Command("go", "build", "-o", path, "siegel/plugins/hosting/"+name).CombinedOutput(); err != nil {
			panic(string(out))
		}
		content, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		sums.WriteString(hex.EncodeToString(sum[:]) + "  " + filepath.Base(path) + "\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "checksums.txt"), []byte(sums.String()), 0o644); err != nil {
		panic(err)
	}
	plugins = dir
	return tenanttest.Main(m)
}

const host = "termine.praxis.example"

// town is a practice, the world's DNS, and plugins for it.
type town struct {
	*tenanttest.Fixture
	dns      *localdns.Server
	web      string
	resolver string
	plugins  *pluginhost.Host
	names    *registry.Service

	mu           sync.Mutex
	certificates map[string]bool
	obtain       error
	request      error
}

var (
	byPlugin = id.New[id.Provider]()
	byHand   = id.New[id.Provider]()
)

func build(t *testing.T) *town {
	t.Helper()
	w := &town{Fixture: tenanttest.New(t), dns: localdns.New("praxis.example", "siegel.example"), certificates: map[string]bool{}}
	w.dns.Change(nil, []sdk.Record{
		{Type: sdk.A, Name: "praxis.siegel.example", Value: "192.0.2.7", TTL: 1},
		{Type: sdk.A, Name: "www.praxis.example", Value: "198.51.100.1", TTL: 1},
	})
	var stop func()
	var err error
	if w.resolver, stop, err = w.dns.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	server := httptest.NewServer(w.dns)
	t.Cleanup(server.Close)
	w.web = server.URL
	if w.plugins, err = pluginhost.New(pluginhost.Config{Dir: plugins}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.plugins.Close() })
	w.names, err = registry.NewService(registry.Config{
		DB: w.DB, Base: "siegel.example",
		Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, w.resolver)
		}},
		HTTP: &http.Client{Transport: nowhere{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// nowhere is a web in which nobody answers.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("nobody") }

func (w *town) open(t *testing.T) *domain.Service {
	t.Helper()
	asker, err := dnsask.New(w.resolver)
	if err != nil {
		t.Fatal(err)
	}
	s, err := domain.NewService(domain.Config{
		DB: w.DB, Names: w.names,
		Open: func(ctx context.Context, _ id.Tenant, provider id.Provider) (domain.Hosting, error) {
			switch provider {
			case byPlugin:
				return w.plugins.Hosting(ctx, provider.String(), "loopback", map[string]any{"url": w.web})
			case byHand:
				return w.plugins.Hosting(ctx, provider.String(), "1blu", map[string]any{"resolver": w.resolver})
			}
			return nil, fault.New(fault.NotFound, "unknown_provider")
		},
		Target: func(context.Context, id.Tenant) (sdk.Target, error) {
			return sdk.Target{Name: "praxis.siegel.example", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")}, URL: "https://praxis.siegel.example"}, nil
		},
		Addresses: asker.Addresses,
		Obtain: func(_ context.Context, host string) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.certificates[host] = w.obtain == nil
			return w.obtain
		},
		Forget: func(_ context.Context, host string) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			delete(w.certificates, host)
			return nil
		},
		Request: func(ctx context.Context, host string, tenant id.Tenant) error {
			found, _, err := w.names.Resolve(ctx, host)
			if err != nil || found.ID != tenant {
				return errors.New("somebody else answers")
			}
			return w.request
		},
		Poll: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// work takes all steps that can be taken now, with a Service of its own for
// each: as if the server crashed after every step.
func (w *town) work(t *testing.T) {
	t.Helper()
	for range 30 {
		worked, err := w.open(t).Work(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !worked {
			return
		}
	}
}

// later lets what waits be due.
func (w *town) later(t *testing.T) {
	t.Helper()
	if _, err := w.DB.Global().NewRaw(`update domain_setup set next_at = now() - interval '1 second', claimed_until = null`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (w *town) want(t *testing.T, step domain.Step, problem string, stopped bool) domain.Domain {
	t.Helper()
	d, err := w.open(t).Domain(t.Context(), w.Tenant.ID, host)
	if err != nil || d.Step != step || d.Problem != problem || d.Stopped != stopped {
		t.Fatalf("domain = %+v, %v; want step %q, problem %q, stopped %v", d, err, step, problem, stopped)
	}
	return d
}

// The whole way up and back through a provider with an interface, over a crash
// after each step.
func TestADomainComesUpAndIsTakenBack(t *testing.T) {
	t.Parallel()
	w := build(t)
	s := w.open(t)
	before := w.dns.Everything()
	plan, err := s.Plan(t.Context(), w.Tenant.ID, byPlugin, "https://Termine.Praxis.example/")
	if err != nil || plan.Host != host || len(plan.Changes) != 1 || plan.Manual || plan.Proxy || !plan.Proves {
		t.Fatalf("plan = %+v, %v", plan, err)
	}
	if w.dns.Everything() != before {
		t.Error("planning has changed something")
	}
	by := id.New[id.Account]()
	if _, err := s.Start(t.Context(), w.Tenant.ID, byPlugin, "Termine.Praxis.example", false, by); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.names.Resolve(t.Context(), host); err == nil {
		t.Error("the domain serves before it is proven")
	}
	w.work(t)
	w.want(t, domain.Done, "", false)
	if found, kind, err := w.names.Resolve(t.Context(), host); err != nil || found.ID != w.Tenant.ID || kind != registry.Patients {
		t.Errorf("resolve = %+v, %v, %v", found, kind, err)
	}
	if !w.certificates[host] {
		t.Error("there is no certificate")
	}
	if err := w.names.PreferHost(t.Context(), w.Tenant.ID, host); err != nil {
		t.Fatal(err)
	}

	if _, err := s.Remove(t.Context(), w.Tenant.ID, host); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Start(t.Context(), w.Tenant.ID, byPlugin, host, false, by); !errors.Is(err, domain.ErrUnderWay) {
		t.Errorf("start while it is taken back: %v, want ErrUnderWay", err)
	}
	w.work(t)
	if _, err := s.Domain(t.Context(), w.Tenant.ID, host); !errors.Is(err, domain.ErrUnknown) {
		t.Errorf("domain after the removal: %v, want ErrUnknown", err)
	}
	if got := w.dns.Everything(); got != before {
		t.Errorf("in DNS is\n%s\nbefore was\n%s", got, before)
	}
	if w.certificates[host] {
		t.Error("the certificate is still there")
	}
	if names, err := w.names.Hosts(t.Context(), w.Tenant.ID); err != nil || len(names) != 0 {
		t.Errorf("names = %+v, %v", names, err)
	}
}

// Without an interface, somebody sets what the service asks for, and it goes on
// by itself.
func TestADomainComesUpByHand(t *testing.T) {
	t.Parallel()
	w := build(t)
	s := w.open(t)
	if _, err := s.Start(t.Context(), w.Tenant.ID, byHand, host, false, id.New[id.Account]()); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	set := func(d domain.Domain) {
		t.Helper()
		if len(d.Records) != 1 {
			t.Fatalf("asked for %+v, want one record", d.Records)
		}
		r := d.Records[0]
		w.dns.Change(nil, []sdk.Record{{Type: r.Type, Name: r.Name, Value: r.Value, TTL: 1}})
		w.later(t)
		w.work(t)
	}
	set(w.want(t, domain.Ownership, "unverified", false))
	set(w.want(t, domain.Records, "by_hand", false))
	w.want(t, domain.Done, "", false)

	if _, err := s.Remove(t.Context(), w.Tenant.ID, host); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	d := w.want(t, domain.Done, "remove_by_hand", false)
	if len(d.Records) != 1 || d.Records[0].Type != sdk.CNAME {
		t.Fatalf("to remove: %+v", d.Records)
	}
	w.dns.Change(w.dns.Records(host), nil)
	w.later(t)
	w.work(t)
	if _, err := s.Domain(t.Context(), w.Tenant.ID, host); !errors.Is(err, domain.ErrUnknown) {
		t.Errorf("domain = %v, want ErrUnknown", err)
	}
}

// What leads elsewhere stops it, until somebody gives leave.
func TestWhatLeadsElsewhereNeedsLeave(t *testing.T) {
	t.Parallel()
	w := build(t)
	s := w.open(t)
	const taken = "www.praxis.example"
	before := w.dns.Records(taken)
	if _, err := s.Start(t.Context(), w.Tenant.ID, byPlugin, taken, false, id.New[id.Account]()); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	d, err := s.Domain(t.Context(), w.Tenant.ID, taken)
	if err != nil || d.Step != domain.Records || d.Problem != "conflict" || !d.Stopped {
		t.Fatalf("domain = %+v, %v; want it stopped", d, err)
	}
	if !slices.Equal(w.dns.Records(taken), before) {
		t.Error("something was replaced without leave")
	}
	if _, err := s.Retry(t.Context(), w.Tenant.ID, taken, true); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	if d, err = s.Domain(t.Context(), w.Tenant.ID, taken); err != nil || d.Step != domain.Done {
		t.Errorf("domain = %+v, %v; want it done", d, err)
	}
}

// Waiting for others is no failure: it goes on when they have done their part,
// and stops only after the patience is over.
func TestItWaitsForOthers(t *testing.T) {
	t.Parallel()
	w := build(t)
	s := w.open(t)
	w.obtain, w.request = errors.New("busy"), errors.New("not yet")
	if _, err := s.Start(t.Context(), w.Tenant.ID, byPlugin, host, false, id.New[id.Account]()); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	w.want(t, domain.Certificate, "no_certificate", false)
	w.obtain = fault.New(fault.Limited, "certificate_attempts_spent")
	w.later(t)
	w.work(t)
	if d := w.want(t, domain.Certificate, "certificate_attempts_spent", false); time.Until(d.Next) < 5*time.Minute {
		t.Errorf("next = %v: the authority is asked again too soon", d.Next)
	}
	w.obtain = nil
	w.later(t)
	w.work(t)
	w.want(t, domain.Request, "no_answer", false)
	if _, err := w.DB.Global().NewRaw(`update domain_setup set since = now() - interval '4 days'`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.later(t)
	w.work(t)
	w.want(t, domain.Request, "no_answer", true)
	w.request = nil
	if _, err := s.Retry(t.Context(), w.Tenant.ID, host, false); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	w.want(t, domain.Done, "", false)
}

// Two replicas do not work on the same domain; what a crashed one has claimed
// falls to the next.
func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	w := build(t)
	s := w.open(t)
	if _, err := s.Start(t.Context(), w.Tenant.ID, byPlugin, host, false, id.New[id.Account]()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DB.Global().NewRaw(`update domain_setup set claimed_until = now() + interval '1 minute'`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if worked, err := s.Work(t.Context()); err != nil || worked {
		t.Errorf("work = %v, %v; want nothing to do", worked, err)
	}
	if _, err := w.DB.Global().NewRaw(`update domain_setup set claimed_until = now() - interval '1 second'`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range 3 {
		running.Go(func() { w.open(t).Run(ctx) })
	}
	for range 200 {
		if d, err := s.Domain(t.Context(), w.Tenant.ID, host); err == nil && d.Step == domain.Done {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	cancel()
	running.Wait()
	w.want(t, domain.Done, "", false)
}

// A provider that is gone keeps nobody from taking a domain away.
func TestAProviderThatIsGone(t *testing.T) {
	t.Parallel()
	w := build(t)
	s := w.open(t)
	if _, err := s.Start(t.Context(), w.Tenant.ID, id.New[id.Provider](), host, false, id.New[id.Account]()); fault.From(err).Code != fault.NotFound {
		t.Errorf("start with no provider: %v", err)
	}
	if _, err := s.Start(t.Context(), w.Tenant.ID, byPlugin, host, false, id.New[id.Account]()); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	if _, err := w.DB.Global().NewRaw(`update domain_setup set provider_id = ?`, id.New[id.Provider]()).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(t.Context(), w.Tenant.ID, host); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	if _, err := s.Domain(t.Context(), w.Tenant.ID, host); !errors.Is(err, domain.ErrUnknown) {
		t.Errorf("domain = %v, want ErrUnknown", err)
	}
	other, _ := w.Plant(t, "andere")
	if _, err := s.Retry(t.Context(), other.ID, host, true); !errors.Is(err, domain.ErrUnknown) {
		t.Errorf("another tenant's domain: %v, want ErrUnknown", err)
	}
}
