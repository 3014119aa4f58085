package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/config"
	"siegel/platform/embedded"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/postgres"
	"siegel/tenants/registry"
	"siegel/tenants/tenanttest"
)

// plugins is the folder with the plugins; only TestMain writes it.
var plugins string

func TestMain(m *testing.M) {
	if os.Getenv(connectorDir) != "" {
		os.Exit(runConnector())
	}
	// Of pebble: no dice on when it validates and which requests it refuses.
	os.Setenv("PEBBLE_VA_NOSLEEP", "1")
	os.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "siegel-house-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"sms/loopback", "sms/twilio", "hosting/loopback"} {
		out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "siegel-plugin-"+strings.ReplaceAll(name, "/", "-")), "siegel/plugins/"+name).CombinedOutput()
		if err != nil {
			panic(string(out))
		}
	}
	if err := checksums(dir); err != nil {
		panic(err)
	}
	plugins = dir
	return tenanttest.Main(m)
}

// checksums lists what is in a folder of plugins, as the build does.
func checksums(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "siegel-plugin-*"))
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, path := range found {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		sums.WriteString(hex.EncodeToString(sum[:]) + "  " + filepath.Base(path) + "\n")
	}
	return os.WriteFile(filepath.Join(dir, "checksums.txt"), []byte(sums.String()), 0o644)
}

// town is the whole server as it is served, with a mailbox, and two resellers:
// nord looks after the practice "praxis", sued after "foreign".
type town struct {
	*tenanttest.Fixture
	house   *house
	config  config.Config
	addr    string
	client  *http.Client // speaks to the server, whatever the host
	scheme  string
	base    string // with the port
	mailbox string

	nord, sued registry.Reseller
	foreign    registry.Tenant
	// Cookies of people, each with a second factor and sworn to secrecy; stale
	// is of the platform and has shown nothing lately.
	platform, admin, agent, other, owner, stale string
}

// open builds the house and serves until the test ends. change may set what
// the environment would.
func open(t *testing.T, change func(*config.Config)) *town {
	t.Helper()
	w := &town{Fixture: tenanttest.New(t), scheme: "http", base: "localhost:8080"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	smtp := w.openMailbox(t, ctx)
	sms, _ := json.Marshal(map[string]string{"url": w.mailbox})
	c := config.Config{
		DatabaseURL: w.URLs.Server, RelayDatabaseURL: w.URLs.Relay, RedisURL: w.RedisURL, Secret: string(tenanttest.Secret),
		BaseURL: "http://localhost:8080", Listen: "127.0.0.1:0", SMTPURL: "smtp://" + smtp, MailFrom: "termine@siegel.example",
		OperatorName: "Siegel", OperatorAddress: "Hier 1", OperatorEmail: "post@siegel.example",
		PluginDir: plugins, SMSPlugin: "loopback", SMSSettings: string(sms),
	}
	if change != nil {
		change(&c)
	}
	var err error
	w.scheme, w.base, err = c.Base()
	must(err)
	w.config = c
	w.start(t, ctx, cancel)
	w.people(t)
	return w
}

// twin is one more server of the same town.
func (w *town) twin(t *testing.T) *town {
	t.Helper()
	other := *w
	ctx, cancel := context.WithCancel(context.Background())
	other.start(t, ctx, cancel)
	return &other
}

// start serves what the town's settings say, until the test ends.
func (w *town) start(t *testing.T, ctx context.Context, cancel context.CancelFunc) {
	t.Helper()
	c := w.config
	ln, err := net.Listen("tcp", max(c.TLSListen, c.Listen))
	if err != nil {
		t.Fatal(err)
	}
	w.addr = ln.Addr().String()
	w.client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, w.addr)
		},
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- serve(ctx, c, ln, func(h *house) error {
			w.house = h
			close(ready)
			return nil
		})
	}()
	t.Cleanup(func() {
		w.client.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
}

func (w *town) openMailbox(t *testing.T, ctx context.Context) (smtp string) {
	t.Helper()
	out, in := io.Pipe()
	go func() {
		_ = embedded.RunMailbox(ctx, embedded.MailboxConfig{SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Ready: in})
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var at struct{ SMTP, HTTP string }
	if err := json.Unmarshal(line, &at); err != nil {
		t.Fatal(err)
	}
	w.mailbox = at.HTTP
	return at.SMTP
}

func (w *town) people(t *testing.T) {
	t.Helper()
	for _, r := range []struct {
		name string
		into *registry.Reseller
	}{{"Praxisnetz Nord", &w.nord}, {"Süd", &w.sued}} {
		var err error
		if *r.into, err = w.house.registry.NewReseller(t.Context(), r.name); err != nil {
			t.Fatal(err)
		}
	}
	w.foreign, _ = w.Plant(t, "foreign")
	for tenant, reseller := range map[id.Tenant]id.Reseller{w.Tenant.ID: w.nord.ID, w.foreign.ID: w.sued.ID} {
		if err := w.house.registry.Move(t.Context(), tenant, reseller); err != nil {
			t.Fatal(err)
		}
	}
	w.platform = w.sign(t, "platform", identity.OfPlatform(), access.PlatformAdmin, 0)
	w.stale = w.sign(t, "stale", identity.OfPlatform(), access.PlatformAdmin, time.Hour)
	w.admin = w.sign(t, "admin", identity.OfReseller(w.nord.ID), access.ResellerAdmin, 0)
	w.agent = w.sign(t, "agent", identity.OfReseller(w.nord.ID), access.ResellerAgent, 0)
	w.other = w.sign(t, "other", identity.OfReseller(w.sued.ID), access.ResellerAdmin, 0)
	w.owner = w.sign(t, "owner", identity.OfTenant(w.Tenant.ID), access.Owner, 0)
}

// sign makes somebody and a session of theirs, as signing in with everything
// does, proven so long ago, and returns its cookie.
func (w *town) sign(t *testing.T, name string, domain access.Domain, role access.Role, proven time.Duration) string {
	t.Helper()
	account := id.New[id.Account]()
	w.exec(t, `insert into account (id, email, name) values (?, ?, ?)`, account, name+"@example.org", name)
	w.exec(t, `insert into totp (account_id, secret, last_step) values (?, '', 0)`, account)
	w.exec(t, `insert into undertaking (account_id, version, language, text_hash) values (?, ?, 'de', '')`, account, identity.UndertakingVersion)
	var err error
	if domain.Kind == access.Tenant {
		err = w.DB.Batch(t.Context(), identity.TenantOf(domain), func(b *postgres.Batch) {
			b.Exec(`insert into member (tenant_id, account_id, role) values ($1, $2, 'owner')`, identity.TenantOf(domain), account)
		})
	} else {
		err = w.house.registry.AddPerson(t.Context(), registry.ResellerOf(domain), account, role)
	}
	if err != nil {
		t.Fatal(err)
	}
	raw := sha256.Sum256(append([]byte(name), account.UUID()...))
	hash := sha256.Sum256(raw[:])
	w.exec(t, `insert into session (id_hash, id, account_id, domain_kind, domain_id, proven, expires)
		values (?, ?, ?, ?, ?, now() - make_interval(secs => ?), now() + interval '1 hour')`,
		hash[:], uuid.New(), account, string(domain.Kind), domain.ID, proven.Seconds())
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

func (w *town) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := w.DB.Global().NewRaw(query, args...).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

type object = map[string]any

type answer struct {
	status int
	body   string
}

func (a answer) reason() string {
	var p struct{ Reason string }
	_ = json.Unmarshal([]byte(a.body), &p) // an answer that is none has no reason
	return p.Reason
}

// ask is a request of somebody's browser, on the host that is theirs.
func (w *town) ask(t *testing.T, cookie, method, path string, body any) answer {
	t.Helper()
	host := "portal." + w.base
	if cookie == w.owner {
		host = "praxis.office." + w.base
	}
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, w.scheme+"://"+host+path, content)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", w.scheme+"://"+host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "siegel-session", Value: cookie})
	}
	res, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, string(text)}
}

// want asks and expects a status; it reads the answer.
func (w *town) want(t *testing.T, status int, cookie, method, path string, body, into any) answer {
	t.Helper()
	a := w.ask(t, cookie, method, path, body)
	if a.status != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.body, status)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(a.body), into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, a.body)
		}
	}
	return a
}

type message struct{ Kind, To, Subject, Text string }

// mail waits until the mailbox has a message that is wanted.
func (w *town) mail(t *testing.T, wanted func(message) bool) message {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(w.mailbox + "/messages.json")
		if err != nil {
			t.Fatal(err)
		}
		var list struct{ Messages []message }
		err = json.NewDecoder(res.Body).Decode(&list)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list.Messages {
			if wanted(m) {
				return m
			}
		}
	}
	t.Fatal("no such message within 20 s")
	return message{}
}
