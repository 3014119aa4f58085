package fhir_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/tenants/inbox"
	"siegel/tenants/notify"
	"siegel/tenants/practice"
	"siegel/tenants/staff"
	"siegel/tenants/tenanttest"
	"siegel/web/api"
	"siegel/web/fhir"
	"siegel/web/server"
)

func TestMain(m *testing.M) { os.Exit(tenanttest.Main(m)) }

const (
	patients = "praxis.localhost:8080"
	office   = "praxis.office.localhost:8080"
)

// house is a server with all of its routes, on stores of the test's own.
type house struct {
	*tenanttest.Fixture
	booking *booking.Service
	addr    string
	secret  string // of a token that may book
	limited string // of one that may not
	closed  error  // why nothing can be booked; nil: it can
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{Fixture: tenanttest.New(t)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	accounts, err := identity.NewService(identity.Config{DB: h.DB, Redis: h.Redis, Secret: tenanttest.Secret})
	must(err)
	colleagues, err := staff.NewService(staff.Config{DB: h.DB})
	must(err)
	tokens, err := staff.NewTokens(staff.Config{DB: h.DB})
	must(err)
	letters, err := inbox.NewService(inbox.Config{DB: h.DB})
	must(err)
	h.booking, err = booking.NewService(booking.Config{
		DB: h.DB, Redis: h.Redis, Practice: h.Practice, Keyring: h.Keyring, Budget: notify.Budget{}, Base: "localhost:8080",
		PatientURL: func(context.Context, id.Tenant) (string, error) { return "http://" + patients, nil },
	})
	must(err)
	policy, err := access.New()
	must(err)
	pages, err := server.LoadPages(fstest.MapFS{"index.html": {Data: []byte("patients")}, "office.html": {Data: []byte("office")}})
	must(err)
	s, err := server.New(server.Config{
		Scheme: "http", Registry: h.Registry, Identity: accounts, Staff: colleagues, Policy: policy, Pages: pages, Tokens: tokens, Redis: h.Redis, Ready: h.DB.Ping,
	})
	must(err)
	api.Mount(s, api.Services{Booking: h.booking, Practice: h.Practice, Keyring: h.Keyring, Inbox: letters, Identity: accounts, Staff: colleagues})
	fhir.Mount(s, fhir.Services{
		Booking: h.booking, Practice: h.Practice,
		Bookable:  func(context.Context) error { return h.closed },
		Specialty: func(context.Context, id.Tenant) (string, error) { return "general_practice", nil },
	})
	s.WatchChanges(inbox.NewWatcher(letters, h.Redis))
	token := func(scope access.Role) string {
		secret, _, err := tokens.Create(t.Context(), h.Tenant.ID, staff.Token{
			Name: "KIS", Scopes: []access.Role{scope}, Creator: id.New[id.Account](), Expires: time.Now().Add(time.Hour)})
		must(err)
		return secret
	}
	h.secret, h.limited = token(access.ScopeBook), token(access.ScopeReadRules)
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

// answer is what came back.
type answer struct {
	status int
	body   object
	text   string
}

type object = map[string]any

// ask sends a request; headers come in pairs. Every answer has to be FHIR's JSON.
func (h *house) ask(t *testing.T, method, host, path string, body any, headers ...string) answer {
	t.Helper()
	var sent io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		sent = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+h.addr+path, sent)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	if body != nil {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got, err := http.DefaultClient.Do(r)
	// Who says too much may be cut off while still saying it: then it is said again.
	for deadline := time.Now().Add(20 * time.Second); err != nil && r.ContentLength > 64<<10 && time.Now().Before(deadline); {
		if r.Body, err = r.GetBody(); err == nil {
			got, err = http.DefaultClient.Do(r)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: got.StatusCode, text: string(text)}
	if err := json.Unmarshal(text, &a.body); err != nil || !strings.HasPrefix(got.Header.Get("Content-Type"), "application/fhir+json") {
		t.Fatalf("%s %s: %d %s is no FHIR: %.300s", method, path, got.StatusCode, got.Header.Get("Content-Type"), text)
	}
	if a.status >= 400 && a.body["resourceType"] != "OperationOutcome" {
		t.Fatalf("%s %s: %d without an OperationOutcome: %.300s", method, path, a.status, text)
	}
	return a
}

func (h *house) get(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	return h.ask(t, http.MethodGet, patients, "/fhir/R4/"+path, nil, headers...)
}

// reason is that of an OperationOutcome; its status before it.
func (a answer) reason() string {
	issues, _ := a.body["issue"].([]any)
	if len(issues) == 0 {
		return ""
	}
	return at(issues[0], "details", "coding", 0, "code").(string)
}

// at walks down keys and indexes; nil where there is nothing.
func at(value any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			o, _ := value.(object)
			value = o[s]
		case int:
			list, _ := value.([]any)
			if s >= len(list) {
				return nil
			}
			value = list[s]
		}
	}
	return value
}

// resources are those of a Bundle that were looked for, or beside them.
func (a answer) resources(mode string) (found []object) {
	entries, _ := a.body["entry"].([]any)
	for _, e := range entries {
		if at(e, "search", "mode") == mode {
			found = append(found, at(e, "resource").(object))
		}
	}
	return found
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// caller books: at the patients' door, or as a machine at the office's.
type caller struct {
	*house
	host   string
	bearer string
}

func (c caller) post(t *testing.T, operation string, body any) answer {
	t.Helper()
	var headers []string
	if c.bearer != "" {
		headers = []string{"Authorization", "Bearer " + c.bearer}
	}
	return c.ask(t, http.MethodPost, c.host, "/fhir/R4/Appointment/$"+operation, body, headers...)
}

func (h *house) machine() caller { return caller{h, office, h.secret} }
func (h *house) patient() caller { return caller{h, patients, ""} }

// slot is the id of a free quarter of an hour at a time.
func (h *house) slot(t *testing.T, starts time.Time) string {
	t.Helper()
	a := h.get(t, "Schedule?actor=HealthcareService/"+h.Quarter.UUID())
	schedule := a.resources("match")[0]["id"].(string)
	a = h.get(t, "Slot?schedule=Schedule/"+schedule+"&start="+starts.UTC().Format("2006-01-02T15:04Z"))
	found := a.resources("match")
	if len(found) != 1 {
		t.Fatalf("%d slots at %s: %s", len(found), starts, a.text)
	}
	return found[0]["id"].(string)
}

// parameters are those of an operation, of name and value or resource.
func parameters(parts ...object) object {
	return object{"resourceType": "Parameters", "parameter": parts}
}

func proposal(slot string) object {
	return object{"resourceType": "Appointment", "status": "proposed", "slot": []object{{"reference": "Slot/" + slot}},
		"participant": []object{}}
}

func holding(slot string, token []byte) object {
	return parameters(object{"name": "appt-resource", "resource": proposal(slot)}, object{"name": "hold", "valueBase64Binary": b64(token)})
}

// attempt is a hold with all that booking it takes.
type attempt struct {
	token       []byte
	appointment object
	booking     id.Booking
	form        tenanttest.Form
}

func (c caller) hold(t *testing.T, slot string) attempt {
	t.Helper()
	a := attempt{token: random(16)}
	got := c.post(t, "hold", holding(slot, a.token))
	if got.status != http.StatusCreated {
		t.Fatalf("hold: %d %s", got.status, got.text)
	}
	a.appointment = got.body
	if err := a.booking.UnmarshalText([]byte("bkg_" + at(got.body, "identifier", 0, "value").(string))); err != nil {
		t.Fatal(err)
	}
	a.form = c.Seal(t, a.booking)
	return a
}

// order is what $book is asked, with parts in the place of those of the name.
func (a attempt) order(change ...object) object {
	envelope, _ := json.Marshal(a.form.Envelope)
	parts := []object{
		{"name": "appt-resource", "resource": a.appointment},
		{"name": "hold", "valueBase64Binary": b64(a.token)},
		{"name": "secret", "valueBase64Binary": b64(a.form.Secret[:])},
		{"name": "copy", "resource": object{"resourceType": "Binary", "contentType": "application/vnd.siegel.copy", "data": b64(a.form.Copy)}},
		{"name": "sealed", "resource": object{"resourceType": "Binary", "contentType": "application/vnd.siegel.envelope+json", "data": b64(envelope)}},
	}
	for _, c := range change {
		for i := len(parts) - 1; i >= 0; i-- {
			if parts[i]["name"] == c["name"] {
				parts = append(parts[:i], parts[i+1:]...)
			}
		}
		if len(c) > 1 {
			parts = append(parts, c)
		}
	}
	return parameters(parts...)
}

func (h *house) count(t *testing.T, what string) (n int) {
	t.Helper()
	err := h.DB.Batch(t.Context(), h.Tenant.ID, func(b *postgres.Batch) { b.Row("select count(*) from "+what, nil, &n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// entries are what the office sees.
func (h *house) entries(t *testing.T) []inbox.Entry {
	t.Helper()
	letters, err := inbox.NewService(inbox.Config{DB: h.DB})
	if err != nil {
		t.Fatal(err)
	}
	entries, _, err := letters.Entries(t.Context(), h.Tenant.ID, time.Now(), time.Now().AddDate(0, 0, 30))
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// dataKey is what the practice opens with.
func (h *house) dataKey(t *testing.T) seal.PrivateKey {
	t.Helper()
	u, err := h.Keys.Stored.Locked().Unlock(tenanttest.Password, h.Keys.Stored.KDF, h.Keys.Stored.Salt)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range u.Data {
		return key
	}
	t.Fatal("no key")
	return seal.PrivateKey{}
}

// edit changes what the practice offers.
func (h *house) edit(t *testing.T, rule practice.Rule) {
	t.Helper()
	offer, err := h.Practice.Rules(t.Context(), h.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Practice.Put(t.Context(), h.Tenant.ID, rule, practice.Edit{Version: offer.Version, Keep: true}); err != nil {
		t.Fatalf("%+v: %v", rule, err)
	}
}
