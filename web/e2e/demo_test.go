// Package e2e_test drives the built binary from outside, over HTTP and raw
// sockets, and looks into its stores as their superuser. It imports nothing of
// ours: what it knows of the interface stands in its own words.
package e2e_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

const binary = "../../bin/siegel"

func TestMain(m *testing.M) {
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		code = 1
	}
	if code != 0 && shared.log.Len() > 0 {
		fmt.Fprintf(os.Stderr, "the demo's log:\n%s", shared.log.Bytes()[max(0, shared.log.Len()-64<<10):])
	}
	os.Exit(code)
}

// shared is the one demo of this test binary: TestMain has no other way to
// stop what a test has started. It starts for the first test that asks.
var shared demo

// demo is a running `siegel demo`.
type demo struct {
	start sync.Once
	err   error

	process *os.Process
	ended   chan error
	log     bytes.Buffer // read only after the process has ended
	data    string

	port  string
	table table
	db    *pgx.Conn // as superuser; for one test at a time
	redis *redis.Client
}

// table is the line that the demo prints.
type table struct {
	Mailbox   string
	Practices []struct {
		Patients, Office string
		SignIns          []struct{ Email, Password string } `json:"sign_ins"`
	}
	Servers map[string]int
}

func running(t *testing.T) *demo {
	t.Helper()
	shared.start.Do(func() { shared.err = shared.open() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return &shared
}

func (d *demo) open() error {
	path, err := filepath.Abs(cmp.Or(os.Getenv("SIEGEL_BINARY"), binary))
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("no binary at %s: run `go tool task build` first", path)
	}
	// Not below a folder of root's: the servers run as somebody else.
	if d.data, err = os.MkdirTemp("/var/tmp", "siegel-e2e-"); err != nil {
		return err
	}
	if err := os.Chmod(d.data, 0o755); err != nil {
		return err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	d.ended = make(chan error, 1)
	started := make(chan error, 1)
	go func() {
		// The signal for a dead parent comes when the parent's thread ends.
		runtime.LockOSThread()
		cmd := exec.Command(path, "demo", "--json", "--addr", "127.0.0.1:0", "--data", d.data, "--fresh")
		cmd.Stdout, cmd.Stderr = in, &d.log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		err := cmd.Start()
		in.Close()
		d.process = cmd.Process
		started <- err
		if err == nil {
			d.ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	_ = out.SetReadDeadline(time.Now().Add(time.Minute))
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		_ = d.process.Signal(syscall.SIGTERM)
		return fmt.Errorf("the demo did not become ready: %w, %v: %s", err, <-d.ended, d.log.String())
	}
	if err := json.Unmarshal(line, &d.table); err != nil {
		return err
	}
	u, err := url.Parse(d.table.Practices[0].Patients)
	if err != nil {
		return err
	}
	d.port = u.Port()
	return d.openStores()
}

// openStores finds the private servers' sockets in their command lines.
func (d *demo) openStores() error {
	words, err := commandLine(d.table.Servers["postgres"])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, w := range words {
		if dir, ok := strings.CutPrefix(w, "unix_socket_directories="); ok {
			if d.db, err = pgx.Connect(ctx, "host="+dir+" port=5432 user=postgres dbname=siegel sslmode=disable"); err != nil {
				return err
			}
		}
	}
	if words, err = commandLine(d.table.Servers["redis"]); err != nil {
		return err
	}
	for i, w := range words {
		socket, titled := strings.CutPrefix(w, "unixsocket:") // how Redis renames itself
		if w == "--unixsocket" && i+1 < len(words) {
			socket, titled = words[i+1], true
		}
		if titled {
			d.redis = redis.NewClient(&redis.Options{Network: "unix", Addr: socket, Protocol: 2})
		}
	}
	if d.db == nil || d.redis == nil {
		return errors.New("no sockets in the servers' command lines")
	}
	return d.redis.Ping(ctx).Err()
}

func commandLine(pid int) ([]string, error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.FieldsFunc(string(line), func(r rune) bool { return r == 0 || r == ' ' }), err
}

func (d *demo) stop() error {
	if d.process == nil {
		return nil
	}
	if d.db != nil {
		_ = d.db.Close(context.Background())
	}
	if d.redis != nil {
		_ = d.redis.Close()
	}
	defer os.RemoveAll(d.data)
	if err := d.process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("%w: %s", err, d.log.String())
	}
	select {
	case err := <-d.ended:
		if err != nil {
			return fmt.Errorf("it ended with %w: %s", err, d.log.String())
		}
	case <-time.After(30 * time.Second):
		_ = d.process.Kill()
		return errors.New("it did not stop within 30 s")
	}
	// Nothing that it started may be left.
	for name, pid := range d.table.Servers {
		if syscall.Kill(pid, 0) == nil {
			return fmt.Errorf("%s is still there", name)
		}
	}
	return nil
}

func (d *demo) host(name string) string { return name + ".localhost:" + d.port }

// count asks for one number as the database's superuser.
func (d *demo) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	if err := d.db.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// visitor is a browser with an address and a network of its own: visitor n
// comes from 127.x.y.1.
type visitor struct {
	d      *demo
	host   string
	client *http.Client
}

func (d *demo) visitor(host string, n int) *visitor {
	n += 1 << 8 // 127.0.y is left alone
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, byte(n>>8), byte(n), 1)}}
	jar, _ := cookiejar.New(nil) // never fails without options
	return &visitor{d, host, &http.Client{
		Timeout: 15 * time.Second,
		Jar:     jar,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return from.DialContext(ctx, network, "127.0.0.1:"+d.port)
			},
			MaxIdleConnsPerHost: 2,
		},
	}}
}

// answer is what came back, or why nothing did.
type answer struct {
	Status int
	Reason string
	Header http.Header
	Body   []byte
	Err    error
}

func (a answer) String() string {
	switch {
	case a.Err != nil:
		return a.Err.Error()
	case a.Reason != "":
		return fmt.Sprintf("%d %s", a.Status, a.Reason)
	default:
		return fmt.Sprint(a.Status)
	}
}

func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
}

func (v *visitor) send(method, path string, body []byte, header ...string) answer {
	r, err := http.NewRequest(method, "http://"+v.host+path, bytes.NewReader(body))
	if err != nil {
		return answer{Err: err}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if method == http.MethodPost {
		r.Header.Set("Idempotency-Key", onceKey())
	}
	for i := 0; i+1 < len(header); i += 2 {
		if r.Header.Del(header[i]); header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	res, err := v.client.Do(r)
	if err != nil {
		return answer{Err: err}
	}
	defer res.Body.Close()
	a := answer{Status: res.StatusCode, Header: res.Header}
	if a.Body, a.Err = io.ReadAll(res.Body); a.Err == nil {
		a.Reason = reason(a.Body)
	}
	return a
}

func reason(body []byte) string {
	var p struct{ Reason string }
	_ = json.Unmarshal(body, &p) // a page has no reason
	return p.Reason
}

func (v *visitor) get(path string) answer { return v.send(http.MethodGet, path, nil) }

func (v *visitor) post(path string, body any) answer {
	raw, err := json.Marshal(body)
	if err != nil {
		return answer{Err: err}
	}
	return v.send(http.MethodPost, path, raw)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func onceKey() string { return b64(random(16)) }

// slot is a time on offer.
type slot struct {
	Service      string    `json:"service"`
	Practitioner string    `json:"practitioner"`
	Location     string    `json:"location"`
	Starts       time.Time `json:"starts"`
	Ends         time.Time `json:"-"`
}

// practice is what a visitor knows of a practice from its public pages.
type practice struct {
	Tenant   string // bare
	KID      string
	Services map[string]string // name to id
	Doctors  map[string]string
	Places   map[string]string
}

func (v *visitor) practice(t *testing.T) practice {
	t.Helper()
	type named struct{ ID, Name string }
	var offer struct {
		Tenant                             string
		Services, Practitioners, Locations []named
	}
	v.get("/api/v1/practice").into(t, &offer)
	index := func(list []named) map[string]string {
		m := map[string]string{}
		for _, n := range list {
			m[n.Name] = n.ID
		}
		return m
	}
	p := practice{
		Tenant:   strings.TrimPrefix(offer.Tenant, "ten_"),
		Services: index(offer.Services), Doctors: index(offer.Practitioners), Places: index(offer.Locations),
	}
	var directory struct{ Document string }
	v.get("/api/v1/keys").into(t, &directory)
	document, err := base64.RawURLEncoding.DecodeString(directory.Document)
	if err != nil {
		t.Fatal(err)
	}
	var keys struct {
		DataKeys []struct{ KID string } `json:"data_keys"`
	}
	if err := json.Unmarshal(document, &keys); err != nil || len(keys.DataKeys) == 0 {
		t.Fatalf("%v: %s", err, document)
	}
	p.KID = keys.DataKeys[len(keys.DataKeys)-1].KID
	return p
}

// slots lists what is free of a service with a practitioner in the next eight
// weeks, from tomorrow.
func (v *visitor) slots(t *testing.T, service, practitioner string) (free []slot) {
	t.Helper()
	from := time.Now().AddDate(0, 0, 1)
	a := v.get(fmt.Sprintf("/api/v1/slots?service=%s&practitioner=%s&from=%s&to=%s", service, practitioner,
		from.Format(time.DateOnly), from.AddDate(0, 0, 58).Format(time.DateOnly)))
	var list struct {
		Practitioners, Locations []string
		Slots                    []struct {
			Starts, Ends           time.Time
			Practitioner, Location int
		}
	}
	a.into(t, &list)
	for _, s := range list.Slots {
		free = append(free, slot{service, list.Practitioners[s.Practitioner], list.Locations[s.Location], s.Starts, s.Ends})
	}
	if len(free) == 0 {
		t.Fatalf("nothing is free: %s", a.Body)
	}
	return free
}

// envelope has the form of a sealed form. Whether it opens, the server cannot
// tell, so random bytes do.
type envelope struct {
	V      int    `json:"v"`
	Suite  int    `json:"suite"`
	Tenant string `json:"tenant"`
	KID    string `json:"kid"`
	ID     string `json:"envelope_id"`
	Enc    string `json:"enc"`
	CT     string `json:"ct"`
}

func (p practice) envelope() envelope {
	return envelope{1, 2, p.Tenant, p.KID, uuid(), b64(random(1120)), b64(random(2048 + 16))}
}

func uuid() string {
	b := random(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// form is one patient's try at one slot.
type form struct {
	Token, Secret []byte
	Address       string
}

func newForm() form {
	return form{random(16), random(16), fmt.Sprintf("erika-%x@muster.example", random(8))}
}

func (f form) hold(s slot) map[string]any {
	return map[string]any{"token": b64(f.Token), "service": s.Service, "practitioner": s.Practitioner,
		"location": s.Location, "starts": s.Starts}
}

func (f form) booking(p practice) map[string]any {
	hash := sha256.Sum256(f.Secret)
	return map[string]any{
		"token": b64(f.Token), "envelope": p.envelope(), "channel": "mail", "address": f.Address, "language": "de",
		"secret": b64(f.Secret), "secret_hash": b64(hash[:]), "copy": b64(random(12 + 1024 + 16)),
	}
}

func (f form) confirmation(code string) map[string]any {
	return map[string]any{"secret": b64(f.Secret), "code": code}
}

// message is one that the mailbox has.
type message struct {
	ID                      int
	Kind, To, Subject, Text string
}

func (d *demo) messages() ([]message, error) {
	res, err := http.Get(d.table.Mailbox + "/messages.json")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var list struct{ Messages []message }
	return list.Messages, json.NewDecoder(res.Body).Decode(&list)
}

func (d *demo) forgetMessages(t *testing.T) {
	t.Helper()
	r, err := http.NewRequest(http.MethodDelete, d.table.Mailbox+"/messages", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
}

// code waits for the mail to an address and returns the code in its link, or
// "" once given up says so.
func (d *demo) code(address string, givenUp func() bool) (string, error) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		list, err := d.messages()
		if err != nil {
			return "", err
		}
		for _, m := range list {
			if m.To != address {
				continue
			}
			if _, link, ok := strings.Cut(m.Text, "/confirm#"); ok {
				_, code, _ := strings.Cut(strings.Fields(link)[0], ".")
				return code, nil
			}
		}
		if givenUp() {
			return "", nil
		}
	}
	return "", fmt.Errorf("no mail to %s within 20 s", address)
}
