package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"siegel/platform/certs"
	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/postgres"
	"siegel/platform/postgres/schema"
	"siegel/plugins/sdk"
	"siegel/plugins/sdk/localdns"
)

func TestMain(m *testing.M) {
	// Of pebble: no dice on when it validates and which requests it refuses.
	os.Setenv("PEBBLE_VA_NOSLEEP", "1")
	os.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	os.Exit(testdb.Run(m, postgres.Set{Name: "platform", FS: schema.FS}))
}

// town is an authority, a DNS server and a machine on which services run.
type town struct {
	// base is the test's own: certmagic keeps what is under way by name, in
	// variables of its package.
	base      string
	dns       *localdns.Server
	directory string
	roots     *x509.CertPool // of the authority's address
	issued    *x509.CertPool // of its certificates
	orders    atomic.Int64
	db        *postgres.DB
	tls, http net.Listener
}

// build makes a town whose certificates are good for so many seconds; 0 is
// the authority's usual.
func build(t *testing.T, seconds uint64) *town {
	t.Helper()
	base := strings.ToLower(strings.TrimPrefix(t.Name(), "Test")) + ".example"
	w := &town{base: base, dns: localdns.New(base), db: testdb.Open(t), roots: x509.NewCertPool(), issued: x509.NewCertPool()}
	resolver, stop, err := w.dns.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	for _, host := range []string{"praxis." + base, "other." + base, "stranger." + base, "third." + base} {
		w.dns.Change(nil, []sdk.Record{{Type: sdk.A, Name: host, Value: "127.0.0.1", TTL: 1}})
	}
	w.tls, w.http = listen(t), listen(t)

	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: seconds}})
	validator := va.New(quiet, port(w.http), port(w.tls), false, resolver, store)
	front := wfe.New(quiet, store, validator, authority, []string{base}, false, false, 1, 1)
	handler := front.Handler()
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/order-plz" {
			w.orders.Add(1)
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.directory = server.URL + "/dir"
	w.roots.AddCert(server.Certificate())
	w.issued.AddCert(authority.GetRootCert(0).Cert)
	return w
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func port(ln net.Listener) int { return ln.Addr().(*net.TCPAddr).Port }

func secret() []byte { return []byte("hunter2-hunter2-hunter2-hunter2-hunter2") }

// known are praxis and other, below the base.
func (w *town) known(_ context.Context, host string) error {
	if !slices.Contains([]string{"praxis." + w.base, "other." + w.base, "unreachable." + w.base}, host) {
		return fault.New(fault.NotFound, "nobodys")
	}
	return nil
}

// open starts a service that does not listen.
func (w *town) open(t *testing.T, change ...func(*certs.Config)) *certs.Service {
	t.Helper()
	c := certs.Config{
		DB: w.db, Secret: secret(), Known: w.known, Directory: w.directory, Roots: w.roots,
		TLSAddress: w.tls.Addr().String(), HTTPAddress: w.http.Addr().String(),
	}
	for _, f := range change {
		f(&c)
	}
	s, err := certs.NewService(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// serve lets a service listen on the town's ports, until the test ends.
func (w *town) serve(t *testing.T, s *certs.Service) {
	t.Helper()
	page := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "hello "+r.Host) })
	secure := &http.Server{Handler: page, ErrorLog: log.New(io.Discard, "", 0)}
	plain := &http.Server{Handler: s.Redirect(port(w.tls)), ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = secure.Serve(tls.NewListener(w.tls, s.TLS())) }()
	go func() { _ = plain.Serve(w.http) }()
	t.Cleanup(func() { secure.Close(); plain.Close() })
}

// shake does a handshake and returns the certificate's serial number.
func (w *town) shake(ctx context.Context, host string) (*x509.Certificate, error) {
	d := tls.Dialer{Config: &tls.Config{ServerName: host, RootCAs: w.issued}}
	c, err := d.DialContext(ctx, "tcp", w.tls.Addr().String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// challenger publishes in the town's DNS.
type challenger struct {
	dns            *localdns.Server
	added, removed atomic.Int64
}

func (c *challenger) AddChallenge(_ context.Context, ch sdk.Challenge) error {
	if err := ch.Check(); err != nil {
		return err
	}
	c.added.Add(1)
	c.dns.Change(nil, []sdk.Record{{Type: sdk.TXT, Name: ch.Name, Value: ch.Value, TTL: 1}})
	return nil
}

func (c *challenger) RemoveChallenge(_ context.Context, ch sdk.Challenge) error {
	c.removed.Add(1)
	c.dns.Change([]sdk.Record{{Type: sdk.TXT, Name: ch.Name, Value: ch.Value}}, nil)
	return nil
}

func clientHello(host string) *tls.ClientHelloInfo {
	mine, _ := net.Pipe()
	return &tls.ClientHelloInfo{
		ServerName: host, Conn: mine, SupportedVersions: []uint16{tls.VersionTLS13},
		CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
	}
}
