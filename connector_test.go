package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/connector"
	"siegel/tenants/connector/command"
	"siegel/tenants/inbox"
	"siegel/tenants/keyring"
	"siegel/tenants/onboarding"
	"siegel/tenants/staff"
	"siegel/tenants/tenanttest"
)

// The connector in tests is this binary once more, which kills itself after as
// many steps as it is told.
const (
	connectorDir  = "SIEGEL_TEST_CONNECTOR_DIR"
	connectorAddr = "SIEGEL_TEST_CONNECTOR_ADDR"
	connectorDie  = "SIEGEL_TEST_CONNECTOR_DIE"
	// connectorPeak has it say how much memory it took, and take its time.
	connectorPeak = "SIEGEL_TEST_CONNECTOR_PEAK"
)

func runConnector() int {
	die, _ := strconv.Atoi(os.Getenv(connectorDie))
	n := 0
	command.Spare()
	limit := time.Minute
	if os.Getenv(connectorPeak) != "" {
		limit = 10 * time.Minute
		defer func() {
			status, _ := os.ReadFile("/proc/self/status")
			_, _ = os.Stdout.Write(status)
		}()
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	a, err := connector.Open(ctx, connector.Config{Dir: os.Getenv(connectorDir), Client: dialing(os.Getenv(connectorAddr)), Step: func(string) {
		if n++; n == die {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}})
	if err == nil {
		err = a.Once(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// dialing reaches a server of a test under any name.
func dialing(addr string) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}}
}

// paired is a practice with a connector.
type paired struct {
	*town
	dir    string
	office string
	id     id.Connector
	n      int
}

func withConnector(t *testing.T, settings connector.Settings) *paired {
	t.Helper()
	d := &paired{town: open(t, nil), dir: t.TempDir(), office: "http://praxis.office.localhost:8080"}
	settings.Status = "off"
	b, err := json.Marshal(settings)
	d.ok(t, err)
	d.ok(t, os.WriteFile(filepath.Join(d.dir, connector.SettingsFile), b, 0o600))
	return d
}

func (d *paired) ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (d *paired) agent(t *testing.T) *connector.Agent {
	t.Helper()
	a, err := connector.Open(t.Context(), connector.Config{Dir: d.dir, Client: dialing(d.addr)})
	d.ok(t, err)
	return a
}

// pair shows the code, as the office did, and returns the words of the connector.
func (d *paired) pair(t *testing.T) []string {
	t.Helper()
	code, made, err := d.house.onboarding.PairConnector(t.Context(), d.Tenant.ID, id.New[id.Account](), "Anmeldung")
	d.ok(t, err)
	d.id = made.ID
	words, err := connector.Pair(t.Context(), connector.Config{Dir: d.dir, Client: dialing(d.addr)}, d.office, strings.ToLower(code))
	d.ok(t, err)
	return words
}

// admit does what an owner's browser does once the words were compared.
func (d *paired) admit(t *testing.T) {
	t.Helper()
	c, err := d.house.onboarding.Connector(t.Context(), d.Tenant.ID)
	d.ok(t, err)
	key, err := seal.NewPublicKey(c.Public)
	d.ok(t, err)
	tenant := d.Tenant.ID.UUID()
	u, signed := d.next(t, func(x *seal.Directory) {
		x.Members = append(x.Members, seal.Member{Account: c.ID.UUID(), Role: seal.RoleConnector, KID: key.KID(), Public: c.Public})
	})
	var wraps []seal.Wrap
	for _, data := range u.Data {
		seed, err := data.Seed()
		d.ok(t, err)
		w, err := seal.WrapKey(key, tenant, seal.KindData, 1, seed)
		d.ok(t, err)
		wraps = append(wraps, w)
	}
	book := u.Books[1]
	w, err := seal.WrapKey(key, tenant, seal.KindBook, 1, book[:])
	d.ok(t, err)
	d.ok(t, d.house.keyring.Append(t.Context(), d.Tenant.ID, keyring.Next{Directory: signed, Wraps: append(wraps, w)}))
}

func (d *paired) next(t *testing.T, change func(*seal.Directory)) (seal.Unlocked, seal.Signed) {
	t.Helper()
	u, err := d.Keys.Stored.Locked().Unlock(tenanttest.Password, d.Keys.Stored.KDF, d.Keys.Stored.Salt)
	d.ok(t, err)
	x := u.Directory
	hash := sha256.Sum256(d.Keys.Stored.Directory.Document)
	x.Sequence, x.Previous = x.Sequence+1, hash[:]
	change(&x)
	signed, err := x.Sign(u.Identity)
	d.ok(t, err)
	d.Keys.Stored.Directory = signed
	return u, signed
}

// planted is a booking that was confirmed.
type planted struct {
	booking id.Booking
	current id.Appointment
	starts  time.Time
	family  string
	kind    connector.Kind
}

const insertPlanted = `insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash, first_starts, sequence)
	values ($1::uuid, $2::uuid, $3::uuid, 'booked', 'online', $4::uuid, gen_random_uuid(), $5::uuid, $6::timestamptz, $7::timestamptz, $6::timestamptz, $8::bytea, $9::timestamptz, $10::integer)`

// plant does to the database what confirming a booking does.
func (d *paired) plant(t *testing.T) *planted {
	t.Helper()
	d.n++
	p := &planted{booking: id.New[id.Booking](), current: id.New[id.Appointment](), family: fmt.Sprintf("Fall%03d", d.n), kind: connector.Booked,
		starts: time.Now().UTC().Truncate(time.Second).Add(24*time.Hour + time.Duration(d.n)*time.Minute)}
	directory, err := seal.ParseDirectory(d.Keys.Stored.Directory.Document, d.Keys.Stored.Directory.Signature)
	d.ok(t, err)
	key, err := directory.Current().Key()
	d.ok(t, err)
	envelope, err := seal.Seal(key, d.Tenant.ID.UUID(), id.New[id.Envelope]().UUID(), p.booking.UUID(), d.plaintext(p))
	d.ok(t, err)
	d.ok(t, d.DB.Batch(t.Context(), d.Tenant.ID, func(b *postgres.Batch) {
		b.Exec(insertPlanted, d.Tenant.ID, p.current, p.booking, d.Practitioner, d.Location, p.starts, p.starts.Add(15*time.Minute), random32(), nil, 0)
		inbox.AppendEnvelope(b, d.Tenant.ID, p.current, p.booking, envelope)
		inbox.RaiseCounter(b, d.Tenant.ID)
	}))
	return p
}

func (d *paired) plaintext(p *planted) []byte {
	named := func(id, name string) map[string]string { return map[string]string{"id": id, "name": name} }
	b, err := json.Marshal(map[string]any{
		"v": 1, "booking_id": p.booking.UUID(), "tenant": d.Tenant.ID.UUID(), "service": named(d.Quarter.String(), "Viertelstunde"),
		"practitioner": named(d.Practitioner.String(), "Frau Dr. Muster"), "location": named(d.Location.String(), "Hier"),
		"starts": p.starts.Format(time.RFC3339), "ends": p.starts.Add(15 * time.Minute).Format(time.RFC3339), "zone": "Europe/Berlin",
		"patient": map[string]string{"family_name": p.family, "given_name": "Käthe", "birth_date": "1970-01-02", "phone": "0721 1234"}, "language": "de",
	})
	if err != nil {
		panic(err) // texts have no other way
	}
	return b
}

func (d *paired) move(t *testing.T, p *planted) {
	t.Helper()
	first, was := p.starts, p.current
	p.starts, p.current, p.kind = p.starts.Add(3*time.Hour), id.New[id.Appointment](), connector.Moved
	d.ok(t, d.DB.Batch(t.Context(), d.Tenant.ID, func(b *postgres.Batch) {
		b.Exec(`update appointment set status = 'cancelled', cancelled_by = 'moved' where tenant_id = $1 and id = $2`, d.Tenant.ID, was)
		b.Exec(insertPlanted, d.Tenant.ID, p.current, p.booking, d.Practitioner, d.Location, p.starts, p.starts.Add(15*time.Minute), random32(), first, 1)
		b.Exec(`update envelope set appointment_id = $3 where tenant_id = $1 and booking_id = $2`, d.Tenant.ID, p.booking, p.current)
		inbox.RaiseCounter(b, d.Tenant.ID)
	}))
}

func (d *paired) cancel(t *testing.T, p *planted) {
	t.Helper()
	p.kind = connector.Cancelled
	d.ok(t, d.DB.Batch(t.Context(), d.Tenant.ID, func(b *postgres.Batch) {
		b.Exec(`update appointment set status = 'cancelled', cancelled_by = 'patient' where tenant_id = $1 and id = $2`, d.Tenant.ID, p.current)
		inbox.RaiseCounter(b, d.Tenant.ID)
	}))
}

func random32() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return b
}

func (d *paired) count(t *testing.T, table string) (n int) {
	t.Helper()
	d.ok(t, d.DB.Batch(t.Context(), d.Tenant.ID, func(b *postgres.Batch) {
		b.Row(`select count(*) from `+table+` where tenant_id = $1`, []any{d.Tenant.ID}, &n)
	}))
	return n
}

// handed reads what a file of JSON Lines got.
func handed(t *testing.T, file string) []connector.Item {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var items []connector.Item
	for line := range strings.Lines(string(b)) {
		var i connector.Item
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		items = append(items, i)
	}
	return items
}

func TestConnector(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "termine.jsonl")
	d := withConnector(t, connector.Settings{Outlets: []connector.Outlet{{Kind: "jsonl", File: file}}})
	ctx := t.Context()
	early := d.plant(t)

	if _, err := connector.Pair(ctx, connector.Config{Dir: t.TempDir(), Client: dialing(d.addr)}, d.office, "0000-0000"); err == nil {
		t.Error("a code that was not given pairs")
	}
	words := d.pair(t)
	c, err := d.house.onboarding.Connector(ctx, d.Tenant.ID)
	d.ok(t, err)
	directory, err := seal.ParseDirectory(d.Keys.Stored.Directory.Document, d.Keys.Stored.Directory.Signature)
	d.ok(t, err)
	if owner, err := seal.JoiningWords(d.Tenant.ID.UUID(), c.ID.UUID(), directory.Fingerprint(), c.Public); err != nil || !slices.Equal(owner, words) {
		t.Errorf("the owner sees %v, the connector %v", owner, words)
	}

	a := d.agent(t)
	defer a.Close()
	if _, err := connector.Open(ctx, connector.Config{Dir: d.dir}); !errors.Is(err, connector.ErrRunning) {
		t.Errorf("a second one in the same folder: %v", err)
	}
	d.ok(t, a.Once(ctx))
	if got := handed(t, file); len(got) != 0 {
		t.Fatalf("opened %d before the words were compared", len(got))
	}
	d.admit(t)
	d.ok(t, a.Once(ctx))
	got := handed(t, file)
	if len(got) != 1 || got[0].Family != early.family || got[0].Kind != connector.Booked || got[0].Practitioner != "Frau Dr. Muster" || got[0].Warning != "" {
		t.Fatalf("got %+v", got)
	}
	if d.count(t, "envelope") != 1 || d.count(t, "handover") != 0 {
		t.Error("with the practice book, the envelope is for the browsers, and acknowledged")
	}

	letters, err := inbox.NewService(inbox.Config{DB: d.DB})
	d.ok(t, err)
	d.ok(t, letters.SetMode(ctx, d.Tenant.ID, inbox.Forward))
	second := d.plant(t)
	d.ok(t, a.Once(ctx))
	if got = handed(t, file); len(got) != 2 || got[1].Family != second.family {
		t.Fatalf("got %+v", got)
	}
	if n := d.count(t, "envelope"); n != 0 {
		t.Errorf("%d envelopes are left of what was forwarded", n)
	}
	third := d.plant(t)
	card := inbox.Card{Appointment: third.current, Envelope: id.New[id.Envelope](), Version: 1, Epoch: 1, Ciphertext: make([]byte, 12+2048+16)}
	if err := letters.Acknowledge(ctx, d.Tenant.ID, card); !errors.Is(err, inbox.ErrForwarding) {
		t.Errorf("a card where none are kept: %v", err)
	}
	// What is moved after it was forwarded is known by what the connector kept.
	d.move(t, second)
	d.ok(t, a.Once(ctx))
	if got = handed(t, file); len(got) != 4 || !slices.ContainsFunc(got, func(i connector.Item) bool {
		return i.Family == second.family && i.Kind == connector.Moved && i.Starts.Equal(second.starts)
	}) {
		t.Fatalf("got %+v", got)
	}
	// Back: what comes now stays for the browsers.
	d.ok(t, letters.SetMode(ctx, d.Tenant.ID, inbox.Book))
	d.plant(t)
	d.ok(t, a.Once(ctx))
	if len(handed(t, file)) != 5 || d.count(t, "envelope") != 1 {
		t.Errorf("handed %d, %d envelopes", len(handed(t, file)), d.count(t, "envelope"))
	}

	// Ended in one go: no new keys, no end.
	d.ok(t, letters.SetMode(ctx, d.Tenant.ID, inbox.Forward))
	if err := d.house.onboarding.RevokeConnector(ctx, d.house.tokens, d.Tenant.ID, d.id, nil); !errors.Is(err, onboarding.ErrKeysHeld) {
		t.Errorf("ended with its keys: %v", err)
	}
	d.plant(t)
	status, err := d.house.onboarding.Connector(ctx, d.Tenant.ID)
	if err != nil || status.Waiting == 0 || status.Seen.IsZero() {
		t.Errorf("got %+v, %v", status, err)
	}
}

func TestConnectorFollowsAndEnds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "termine.jsonl")
	d := withConnector(t, connector.Settings{Outlets: []connector.Outlet{{Kind: "jsonl", File: file}}})
	d.pair(t)
	d.admit(t)
	d.ok(t, d.house.probe.Keep(t.Context()))
	a := d.agent(t)
	defer a.Close()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(t.Context()) }()
	wait := func(n int) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); len(handed(t, file)) < n; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("%d of %d arrived", len(handed(t, file)), n)
			}
		}
	}
	d.plant(t)
	wait(1)
	d.plant(t)
	wait(2)
	// It opens the sealed word of the day by itself, and sends nothing of it on.
	d.until(t, "the sealed word of the day is opened", func() bool {
		p, sent, err := d.house.probe.Newest(t.Context(), d.Tenant.ID)
		return err == nil && sent && p.Envelope == nil
	})
	if n := len(handed(t, file)); n != 2 {
		t.Errorf("%d were handed over, of 2 bookings", n)
	}
	// Its token ends: it says so and stops.
	var token id.APIToken
	d.ok(t, d.DB.Batch(t.Context(), d.Tenant.ID, func(b *postgres.Batch) {
		b.Row(`select token_id from connector where tenant_id = $1`, []any{d.Tenant.ID}, &token)
	}))
	d.ok(t, d.house.tokens.Revoke(t.Context(), d.Tenant.ID, token))
	time.Sleep(staff.Age)
	d.plant(t)
	select {
	case err := <-ended:
		if !errors.Is(err, connector.ErrRevoked) {
			t.Errorf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on without a token")
	}
}

// Killed after every step there is, with bookings coming in, moved and cancelled
// meanwhile, each outlet gets each state at most once, and the last one surely.
func TestConnectorKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	lines, table, gdt := filepath.Join(out, "x.jsonl"), filepath.Join(out, "x.csv"), filepath.Join(out, "gdt")
	d := withConnector(t, connector.Settings{Outlets: []connector.Outlet{
		{Kind: "jsonl", File: lines}, {Kind: "csv", File: table}, {Kind: "gdt", Folder: gdt, GDT: &connector.GDT{Profile: "chart-note"}},
	}})
	d.pair(t)
	d.admit(t)
	letters, err := inbox.NewService(inbox.Config{DB: d.DB})
	d.ok(t, err)
	d.ok(t, letters.SetMode(t.Context(), d.Tenant.ID, inbox.Forward))

	var all []*planted
	notes := map[string]int{} // by text
	read := func() {
		files, err := filepath.Glob(filepath.Join(gdt, "[^.]*"))
		d.ok(t, err)
		for _, f := range files {
			b, err := os.ReadFile(f)
			d.ok(t, err)
			name := regexp.MustCompile(`3101(.*)\r`).FindSubmatch(b)
			what := regexp.MustCompile(`6220(.*)\r`).FindSubmatch(b)
			if name == nil || what == nil {
				t.Fatalf("the file %q", b)
			}
			notes[string(name[1])+" "+string(what[1])]++
			d.ok(t, os.Remove(f))
		}
	}
	killed := 0
	for step := 1; ; step++ {
		all = append(all, d.plant(t))
		if n := len(all); n%4 == 0 {
			d.move(t, all[n-3])
		} else if n%4 == 3 {
			d.cancel(t, all[n-3])
		}
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), connectorDir+"="+d.dir, connectorAddr+"="+d.addr, connectorDie+"="+strconv.Itoa(step))
		said, err := c.CombinedOutput()
		read()
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "killed") {
			t.Fatalf("step %d: %v: %s", step, err, said)
		}
		if killed++; killed > 60 {
			t.Fatal("no end of steps")
		}
	}
	if killed < 15 {
		t.Errorf("killed only %d times", killed)
	}
	if n := d.count(t, "envelope") + d.count(t, "handover"); n != 0 {
		t.Errorf("%d are left though all is handed over", n)
	}

	last := map[string]connector.Item{}
	events := map[string]int{}
	for _, i := range handed(t, lines) {
		if events[i.Event]++; events[i.Event] > 1 {
			t.Errorf("%s twice", i.Event)
		}
		last[i.Family] = i
	}
	for _, p := range all {
		i, ok := last[p.family]
		switch {
		case !ok && p.kind == connector.Cancelled: // before any outlet knew of it
		case i.Kind != p.kind || !i.Starts.Equal(p.starts):
			t.Errorf("%s is %s at %v, want %s at %v", p.family, i.Kind, i.Starts, p.kind, p.starts)
		}
	}
	// An outlet may pass over a state that another one had already, if the next
	// has come meanwhile, and gets that one.
	b, err := os.ReadFile(table)
	d.ok(t, err)
	for event := range events {
		if n := strings.Count(string(b), event); n > 1 {
			t.Errorf("%s is in the table %d times", event, n)
		}
	}
	for family, i := range last {
		least := 1
		if i.Kind == connector.Cancelled {
			least = 0 // where an outlet did not know of it before
		}
		if n := strings.Count(string(b), i.Event); n < least || n > 1 {
			t.Errorf("the last of %s is in the table %d times", family, n)
		}
		zone, err := time.LoadLocation(i.Zone)
		d.ok(t, err)
		what := map[connector.Kind]string{connector.Booked: "Online-Termin", connector.Moved: "Termin verlegt auf", connector.Cancelled: "Termin abgesagt:"}[i.Kind]
		note := family + " " + what + i.Starts.In(zone).Format(" 02.01.2006 15:04")
		n := 0
		for text, times := range notes {
			if strings.HasPrefix(text, note) {
				n += times
			}
		}
		if n < least || n > 1 {
			t.Errorf("%d files of %q", n, note)
		}
	}
	for note, n := range notes {
		if n != 1 {
			t.Errorf("%d files of %q", n, note)
		}
	}
}
