package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"siegel/platform/postgres"
	"siegel/tenants/registry"
)

// nameserver is a real name server on this machine that knows some TXT records.
type nameserver struct {
	mu   sync.Mutex
	txt  map[string]string
	a    map[string]string
	ill  bool // answers that it cannot say
	addr string
}

func serveNames(t *testing.T) *nameserver {
	t.Helper()
	n := &nameserver{txt: map[string]string{}, a: map[string]string{}}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = conn.LocalAddr().String()
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg)
		answer.SetReply(q)
		n.mu.Lock()
		value, ok := n.txt[strings.ToLower(q.Question[0].Name)]
		address, leads := n.a[strings.ToLower(q.Question[0].Name)]
		ill := n.ill
		n.mu.Unlock()
		switch {
		case ill:
			answer.Rcode = dns.RcodeServerFailure
		case leads && q.Question[0].Qtype == dns.TypeA:
			answer.Answer = append(answer.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.ParseIP(address)})
		case leads:
		case !ok:
			answer.Rcode = dns.RcodeNameError
		case q.Question[0].Qtype == dns.TypeTXT:
			answer.Answer = append(answer.Answer, &dns.TXT{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 1}, Txt: []string{value}})
		}
		_ = w.WriteMsg(answer)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return n
}

func (n *nameserver) say(name, value string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.txt[name+"."] = value
}

func (n *nameserver) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", n.addr)
	}}
}

// nowhere is an HTTP client that reaches nothing.
func nowhere() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("nowhere")
	}}}
}

func withNames(t *testing.T, db *postgres.DB, n *nameserver, client *http.Client) *registry.Service {
	t.Helper()
	s, err := registry.NewService(registry.Config{DB: db, Base: "localhost:8080", Resolver: n.resolver(), HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHost_CountsOnceItIsVerifiedByDNS(t *testing.T) {
	t.Parallel()
	n, db := serveNames(t), open(t)
	s := withNames(t, db, n, nowhere())
	tenant, thief := create(t, s, "praxis"), create(t, s, "thief")
	h, err := s.AddHost(t.Context(), tenant.ID, " Termine.Praxis-Müller.DE. ")
	if err != nil || h.Name != "termine.xn--praxis-mller-klb.de" || h.Shown != "termine.praxis-müller.de" || !h.Verified.IsZero() {
		t.Fatalf("added: %+v, %v", h, err)
	}
	host := h.Name + ":8080"
	unknown := func(when string) {
		t.Helper()
		if _, _, err := s.Resolve(t.Context(), host); !errors.Is(err, registry.ErrUnknownHost) {
			t.Fatalf("%s it leads somewhere: %v", when, err)
		}
	}
	unknown("unverified")
	if got, err := s.VerifyHost(t.Context(), tenant.ID, h.Name); !errors.Is(err, registry.ErrUnverified) || got.Problem != "not_found" || got.Checked.IsZero() {
		t.Fatalf("without a record: %+v, %v", got, err)
	}
	n.say(h.Record, "siegel-somebody-elses")
	if got, err := s.VerifyHost(t.Context(), tenant.ID, h.Name); !errors.Is(err, registry.ErrUnverified) || got.Problem != "other_value" {
		t.Fatalf("with another record: %+v, %v", got, err)
	}
	unknown("with another record")

	// Claiming a host is no use to who cannot write its zone.
	stolen, err := s.AddHost(t.Context(), thief.ID, h.Name)
	if err != nil || stolen.Challenge == h.Challenge {
		t.Fatalf("claimed by another: %+v, %v", stolen, err)
	}
	n.say(h.Record, h.Challenge)
	if _, err := s.VerifyHost(t.Context(), thief.ID, h.Name); !errors.Is(err, registry.ErrUnverified) {
		t.Fatalf("a thief verified it: %v", err)
	}
	if got, err := s.VerifyHost(t.Context(), tenant.ID, h.Name); err != nil || got.Verified.IsZero() || got.Problem != "" {
		t.Fatalf("with its record: %+v, %v", got, err)
	}
	if got, kind, err := s.Resolve(t.Context(), strings.ToUpper(host)); err != nil || got.ID != tenant.ID || kind != registry.Patients {
		t.Fatalf("verified: %+v, %s, %v", got, kind, err)
	}
	if _, err := s.AddHost(t.Context(), thief.ID, h.Name); !errors.Is(err, registry.ErrHostTaken) {
		t.Fatalf("added by another: %v", err)
	}
	n.say(stolen.Record, stolen.Challenge)
	if _, err := s.VerifyHost(t.Context(), thief.ID, h.Name); !errors.Is(err, registry.ErrHostTaken) {
		t.Fatalf("verified by two: %v", err)
	}
	for _, wrong := range []string{h.Name, h.Name + ":80", "www." + host, h.Name + ".:8080", "office." + host, "praxis." + host, h.Shown + ":8080"} {
		if _, _, err := s.Resolve(t.Context(), wrong); !errors.Is(err, registry.ErrUnknownHost) {
			t.Errorf("%s leads somewhere: %v", wrong, err)
		}
	}

	if got, _ := s.ByID(t.Context(), tenant.ID); s.PatientsHost(got) != "praxis.localhost:8080" {
		t.Errorf("patients are sent to %s though nobody said so", s.PatientsHost(got))
	}
	if err := s.PreferHost(t.Context(), tenant.ID, h.Name); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.ByID(t.Context(), tenant.ID); s.PatientsHost(got) != host {
		t.Errorf("patients are sent to %s", s.PatientsHost(got))
	}
	if err := s.PreferHost(t.Context(), thief.ID, h.Name); err == nil {
		t.Error("a thief's patients are sent to it")
	}
	if err := s.RemoveHost(t.Context(), thief.ID, "other.example.org"); !errors.Is(err, registry.ErrUnknownName) {
		t.Errorf("removed what was never there: %v", err)
	}
	if err := s.RemoveHost(t.Context(), tenant.ID, h.Name); err != nil {
		t.Fatal(err)
	}
	unknown("removed")
}

func TestHost_IsVerifiedOverHTTP(t *testing.T) {
	t.Parallel()
	n := serveNames(t)
	challenge := make(chan string, 1)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value := <-challenge
		challenge <- value
		if r.Host != "termine.example.com" || r.URL.Path != "/.well-known/siegel-challenge" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintln(w, value)
	}))
	t.Cleanup(site.Close)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, site.Listener.Addr().String())
	}}}
	s := withNames(t, open(t), n, client)
	tenant := create(t, s, "praxis")
	h, err := s.AddHost(t.Context(), tenant.ID, "termine.example.com")
	if err != nil {
		t.Fatal(err)
	}
	challenge <- "something else"
	if _, err := s.VerifyHost(t.Context(), tenant.ID, h.Name); !errors.Is(err, registry.ErrUnverified) {
		t.Fatalf("with another text: %v", err)
	}
	<-challenge
	challenge <- h.Challenge
	if got, err := s.VerifyHost(t.Context(), tenant.ID, h.Name); err != nil || got.Verified.IsZero() {
		t.Fatalf("with its text: %+v, %v", got, err)
	}
}

func TestHost_ChallengesAreNotFetchedFromInside(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }))
	t.Cleanup(inside.Close)
	client := registry.PublicHTTP()
	for _, address := range []string{inside.URL, "http://127.0.0.1/", "http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://100.64.0.1/"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(request)
		if err == nil {
			answer.Body.Close()
			t.Errorf("%s was fetched", address)
		} else if !strings.Contains(err.Error(), "not a public address") {
			t.Errorf("%s: %v", address, err)
		}
	}
	select {
	case <-asked:
		t.Error("somebody inside was asked")
	default:
	}
}

func TestAddHost_Refuses(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	tenant := create(t, s, "praxis")
	for typed, want := range map[string]error{
		"":                              registry.ErrMalformedHost,
		"praxis":                        registry.ErrMalformedHost,
		"192.0.2.1":                     registry.ErrMalformedHost,
		"2001:db8::1":                   registry.ErrMalformedHost,
		"praxis.local":                  registry.ErrMalformedHost,
		"a..de":                         registry.ErrMalformedHost,
		"-a.de":                         registry.ErrMalformedHost,
		"a_b.de":                        registry.ErrMalformedHost,
		"a.de/pfad":                     registry.ErrMalformedHost,
		"a.de:443":                      registry.ErrMalformedHost,
		"u@a.de":                        registry.ErrMalformedHost,
		"*.a.de":                        registry.ErrMalformedHost,
		"xn--a.de":                      registry.ErrMalformedHost,
		"a.de\x00":                      registry.ErrMalformedHost,
		strings.Repeat("a", 64) + ".de": registry.ErrMalformedHost,
		"localhost":                     registry.ErrMalformedHost,
		"other.localhost":               registry.ErrMalformedHost,
	} {
		if got, err := s.AddHost(t.Context(), tenant.ID, typed); !errors.Is(err, want) {
			t.Errorf("%q: got %+v, %v; want %v", typed, got, err, want)
		}
	}
	ours, err := registry.NewService(registry.Config{DB: open(t), Base: "termine.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	tenant = create(t, ours, "praxis")
	for _, typed := range []string{"termine.example.org", "other.termine.example.org", "x.office.termine.example.org", "portal.termine.example.org", "example.org"} {
		if got, err := ours.AddHost(t.Context(), tenant.ID, typed); !errors.Is(err, registry.ErrForbiddenHost) {
			t.Errorf("%q: got %+v, %v; want %v", typed, got, err, registry.ErrForbiddenHost)
		}
	}
	for i := range registry.MaxHosts {
		if _, err := ours.AddHost(t.Context(), tenant.ID, fmt.Sprintf("h%d.example.com", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ours.AddHost(t.Context(), tenant.ID, "more.example.com"); !errors.Is(err, registry.ErrTooManyHosts) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := ours.AddHost(t.Context(), tenant.ID, "h0.example.com"); err != nil {
		t.Errorf("one again: %v", err)
	}
}

func TestShownHost_LookalikesStayInPunycode(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	tenant := create(t, s, "praxis")
	for typed, shown := range map[string]string{"praxis-süd.de": "praxis-süd.de", "раураl.com": "xn--l-7sba6dbr.com", "straße.de": "straße.de"} {
		got, err := s.AddHost(t.Context(), tenant.ID, typed)
		if err != nil || got.Shown != shown {
			t.Errorf("%s is shown as %q (%s, %v), want %q", typed, got.Shown, got.Name, err, shown)
		}
	}
}

func TestBase_IsForTheResellersOwnTenantsAndTheirPatients(t *testing.T) {
	t.Parallel()
	n := serveNames(t)
	s := withNames(t, open(t), n, nowhere())
	nord, sued := reseller(t, s, "Nord"), reseller(t, s, "Süd")
	tenant, err := s.Begin(t.Context(), registry.Beginning{Slug: "praxis", Reseller: nord.ID})
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.Begin(t.Context(), registry.Beginning{Slug: "other", Reseller: sued.ID})
	if err != nil {
		t.Fatal(err)
	}
	base, err := s.AddBase(t.Context(), nord.ID, "*.termine-nord.de")
	if err != nil || base.Path != "" {
		t.Fatalf("added: %+v, %v", base, err)
	}
	if _, _, err := s.Resolve(t.Context(), "praxis.termine-nord.de:8080"); !errors.Is(err, registry.ErrUnknownHost) {
		t.Fatalf("unverified: %v", err)
	}
	n.say(base.Record, base.Challenge)
	if _, err := s.VerifyBase(t.Context(), nord.ID, base.Name); err != nil {
		t.Fatal(err)
	}
	got, kind, err := s.Resolve(t.Context(), "praxis.termine-nord.de:8080")
	if err != nil || got.ID != tenant.ID || kind != registry.Patients || s.PatientsHost(got) != "praxis.termine-nord.de:8080" {
		t.Fatalf("verified: %+v, %s, %v", got, kind, err)
	}
	for _, host := range []string{"other.termine-nord.de:8080", "termine-nord.de:8080", "praxis.office.termine-nord.de:8080", "portal.termine-nord.de:8080", "praxis.termine-nord.de"} {
		if got, kind, err := s.Resolve(t.Context(), host); !errors.Is(err, registry.ErrUnknownHost) {
			t.Errorf("%s: %+v, %s, %v", host, got, kind, err)
		}
	}
	// Below a reseller's domain nobody else has a host, or a domain.
	if _, err := s.AddHost(t.Context(), other.ID, "other.termine-nord.de"); !errors.Is(err, registry.ErrHostTaken) {
		t.Errorf("a host below somebody's domain: %v", err)
	}
	if _, err := s.AddBase(t.Context(), sued.ID, "sued.termine-nord.de"); !errors.Is(err, registry.ErrHostTaken) {
		t.Errorf("a domain below somebody's domain: %v", err)
	}
	if err := s.Rename(t.Context(), tenant.ID, "neu"); err != nil {
		t.Fatal(err)
	}
	var moved *registry.MovedError
	if _, _, err := s.Resolve(t.Context(), "praxis.termine-nord.de:8080"); !errors.As(err, &moved) || moved.Host != "neu.termine-nord.de:8080" {
		t.Errorf("an old slug: %v", err)
	}
	if err := s.Move(t.Context(), tenant.ID, sued.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Resolve(t.Context(), "neu.termine-nord.de:8080"); !errors.Is(err, registry.ErrUnknownHost) {
		t.Errorf("it stayed below the old reseller's domain: %v", err)
	}
	if got, _, err := s.Resolve(t.Context(), "neu.localhost:8080"); err != nil || s.PatientsHost(got) != "neu.localhost:8080" {
		t.Errorf("moved: %+v, %v", got, err)
	}
	if err := s.RemoveBase(t.Context(), nord.ID, base.Name); err != nil {
		t.Fatal(err)
	}
}
