package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"siegel/platform/config"
	"siegel/platform/id"
	"siegel/plugins/sdk"
	"siegel/plugins/sdk/localdns"
)

// openNames starts a name server of the zone practice.example, and its records'
// address.
func openNames(t *testing.T, zones ...string) (dns *localdns.Server, resolver, web string) {
	t.Helper()
	dns = localdns.New(zones...)
	resolver, stop, err := dns.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	server := httptest.NewServer(dns)
	t.Cleanup(server.Close)
	return dns, resolver, server.URL
}

type ownDomain struct {
	Host, State, Problem string
	Steps                []struct{ Name, State string }
}

type ownDomains struct {
	Domains   []ownDomain
	Providers []struct {
		ID     id.Provider
		Name   string
		Proves bool
	}
}

// A domain from the plan to the first request and back, by the portal's
// interface, at a provider whose plugin keeps real DNS.
func TestADomainIsBroughtUpAndTakenBackFromThePortal(t *testing.T) {
	t.Parallel()
	dns, resolver, web := openNames(t, "practice.example", "localhost")
	dns.Change(nil, []sdk.Record{
		{Type: sdk.A, Name: "praxis.localhost", Value: "127.0.0.1", TTL: 1},
		{Type: sdk.A, Name: "www.practice.example", Value: "192.0.2.80", TTL: 1},
	})
	// The first request comes by the port of the base, which is the server's.
	at, port := freeAddress(t)
	w := open(t, func(c *config.Config) {
		c.Listen, c.BaseURL = at, "http://localhost:"+strconv.Itoa(port)
		c.Resolvers, c.PublicAddresses = []string{resolver}, []string{"127.0.0.1"}
	})
	hosting := object{"kind": "hosting", "plugin": "loopback", "name": "Namen", "price_micros": 0, "currency": "EUR", "enabled": true, "settings": object{"url": web}}
	var mine, theirs struct{ ID id.Provider }
	w.want(t, 201, w.admin, "POST", "/api/v1/providers", hosting, &mine)
	w.want(t, 201, w.other, "POST", "/api/v1/providers", hosting, &theirs)

	root := "/api/v1/portal/tenants/" + w.Tenant.ID.String() + "/domains"
	var all ownDomains
	w.want(t, 200, w.admin, "GET", root, nil, &all)
	if len(all.Domains) != 0 || len(all.Providers) != 1 || all.Providers[0].ID != mine.ID || !all.Providers[0].Proves {
		t.Fatalf("to begin with: %+v", all)
	}
	var plan struct {
		Host    string
		Changes []struct{ Action string }
		Replace bool
	}
	w.want(t, 200, w.admin, "POST", root+"/plan", object{"name": "Termine.Practice.Example", "provider": mine.ID}, &plan)
	if plan.Host != "termine.practice.example" || len(plan.Changes) == 0 || plan.Replace {
		t.Errorf("plan: %+v", plan)
	}
	w.want(t, 200, w.admin, "POST", root+"/plan", object{"name": "www.practice.example", "provider": mine.ID}, &plan)
	if !plan.Replace {
		t.Errorf("what leads elsewhere would be replaced without a word: %+v", plan)
	}

	// Somebody else's practice, somebody else's provider, and none at all.
	nowhere := "/api/v1/portal/tenants/" + id.New[id.Tenant]().String() + "/domains"
	body := object{"name": "termine.practice.example", "provider": mine.ID}
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", "", nil}, {"POST", "/plan", body}, {"POST", "", body},
		{"POST", "/termine.practice.example/retry", object{}}, {"DELETE", "/termine.practice.example", nil},
	} {
		foreign, none := w.ask(t, w.other, c.method, root+c.path, c.body), w.ask(t, w.other, c.method, nowhere+c.path, c.body)
		if foreign.status != 404 || none.status != 404 || foreign.reason() != none.reason() {
			t.Errorf("%s %s: %+v of somebody else's, %+v of none", c.method, c.path, foreign, none)
		}
		if a := w.ask(t, w.agent, c.method, root+c.path, c.body); c.method != "GET" && (a.status != 403 || a.reason() != "forbidden") {
			t.Errorf("an agent's %s %s: %+v", c.method, c.path, a)
		}
	}
	for _, path := range []string{"/plan", ""} {
		foreign := w.ask(t, w.admin, "POST", root+path, object{"name": "termine.practice.example", "provider": theirs.ID})
		none := w.ask(t, w.admin, "POST", root+path, object{"name": "termine.practice.example", "provider": id.New[id.Provider]()})
		if foreign.status != 404 || none.status != 404 || foreign.reason() != none.reason() {
			t.Errorf("with somebody else's provider: %+v, with none: %+v", foreign, none)
		}
	}

	w.want(t, 202, w.admin, "POST", root, body, nil)
	w.until(t, "it is up", func() bool {
		w.want(t, 200, w.admin, "GET", root, nil, &all)
		return len(all.Domains) == 1 && all.Domains[0].State == "up"
	})
	// The practice answers there now.
	res, err := w.client.Get("http://termine.practice.example" + w.base[len("localhost"):] + "/api/v1/practice")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("at its own domain: %d", res.StatusCode)
	}

	hosts := "/api/v1/portal/tenants/" + w.Tenant.ID.String() + "/hosts/termine.practice.example"
	if a := w.ask(t, w.admin, "DELETE", hosts, nil); a.status != 409 || a.reason() != "domain_brought_up" {
		t.Errorf("its name is taken away while its records stand: %+v", a)
	}
	w.want(t, 202, w.admin, "DELETE", root+"/termine.practice.example", nil, nil)
	w.until(t, "it is gone", func() bool {
		w.want(t, 200, w.admin, "GET", root, nil, &all)
		return len(all.Domains) == 0
	})
	if left := dns.Records("termine.practice.example"); len(left) != 0 {
		t.Errorf("left in DNS: %v", left)
	}
	if a := w.ask(t, w.admin, "DELETE", root+"/termine.practice.example", nil); a.status != 404 || a.reason() != "unknown_domain" {
		t.Errorf("taken back twice: %+v", a)
	}
}

// portsGiven is how many freeAddress has tried: two tests at once get two.
var portsGiven atomic.Int32

// freeAddress has none of the ports that the system gives whoever asks for any:
// nobody takes it before it is listened on.
func freeAddress(t *testing.T) (address string, port int) {
	t.Helper()
	for range 100 {
		port = 20_000 + (os.Getpid()+int(portsGiven.Add(1)))%10_000
		address = "127.0.0.1:" + strconv.Itoa(port)
		if ln, err := net.Listen("tcp", address); err == nil {
			ln.Close()
			return address, port
		}
	}
	t.Fatal("no port is free")
	return "", 0
}

func (w *town) until(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if there() {
			return
		}
	}
	t.Fatalf("not within 40 s: %s", what)
}

// The whole server with TLS of its own: the first handshake for a host of ours
// gets its certificate, the second one gets the same, and a stranger's name
// gets nothing and costs the authority nothing.
func TestTheServerGetsItsCertificatesItself(t *testing.T) {
	t.Parallel()
	const base = "whole-server.example"
	dns, resolver, _ := openNames(t, base)
	for _, host := range []string{"praxis." + base, "portal." + base, "praxis.office." + base, "stranger." + base} {
		dns.Change(nil, []sdk.Record{{Type: sdk.A, Name: host, Value: "127.0.0.1", TTL: 1}})
	}
	secure, tlsPort := freeAddress(t)
	plain, httpPort := freeAddress(t)

	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	front := wfe.New(quiet, store, va.New(quiet, httpPort, tlsPort, false, resolver, store), authority, []string{base}, false, false, 1, 1)
	handler := front.Handler()
	var orders atomic.Int64
	directory := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/order-plz" {
			orders.Add(1)
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(directory.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: directory.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	w := open(t, func(c *config.Config) {
		c.BaseURL, c.TLSListen, c.HTTPListen = "https://"+base+":"+strconv.Itoa(tlsPort), secure, plain
		c.ACMEDirectory, c.ACMEEmail, c.ACMERoots, c.Resolvers = directory.URL+"/dir", "post@siegel.example", roots, []string{resolver}
	})
	issued := x509.NewCertPool()
	issued.AddCert(authority.GetRootCert(0).Cert)
	transport := w.client.Transport.(*http.Transport)
	transport.TLSClientConfig.RootCAs = issued
	transport.DisableKeepAlives = true

	serial := func() string {
		t.Helper()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://praxis."+w.base+"/api/v1/practice", nil)
		res, err := w.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("status %d", res.StatusCode)
		}
		return res.TLS.PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	if again := serial(); again != first || orders.Load() != 1 {
		t.Errorf("serial numbers %s and %s by %d orders; want one", first, again, orders.Load())
	}
	for _, stranger := range []string{"stranger." + base, "elsewhere.example"} {
		r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://"+stranger+":"+strconv.Itoa(tlsPort)+"/", nil)
		if res, err := w.client.Do(r); err == nil {
			res.Body.Close()
			t.Errorf("%s: %d, want no handshake", stranger, res.StatusCode)
		}
	}
	if orders.Load() != 1 {
		t.Errorf("strangers made %d orders", orders.Load()-1)
	}
	// Who comes without TLS is led there, if the host is ours.
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+plain+"/", nil)
	r.Host = "praxis." + base
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); to != "https://praxis."+w.base+"/" {
		t.Errorf("led to %q", to)
	}
	// And the portal works over it, with cookies for TLS alone.
	if a := w.ask(t, "", "GET", "/api/v1/providers", nil); a.status != 401 {
		t.Errorf("the portal: %+v", a)
	}
}
