package api_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/link"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/booking"
	"siegel/tenants/help"
	"siegel/tenants/inbox"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
	"siegel/tenants/tenanttest"
	"siegel/web/api"
	"siegel/web/fhir"
	"siegel/web/server"
)

// portal is a server with what the portal needs, and two resellers: nord looks
// after the fixture's practice, sued after another.
type portal struct {
	*tenanttest.Fixture
	addr       string
	links      *link.Maker
	nord, sued registry.Reseller
	foreign    registry.Tenant
	// Cookies of people, each with a second factor and sworn to secrecy.
	admin, agent, other, platform, owner string
}

func openPortal(t *testing.T) *portal {
	t.Helper()
	p := &portal{Fixture: tenanttest.New(t)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	accounts, err := identity.NewService(identity.Config{DB: p.DB, Redis: p.Redis, Secret: tenanttest.Secret})
	must(err)
	colleagues, err := staff.NewService(staff.Config{DB: p.DB})
	must(err)
	letters, err := inbox.NewService(inbox.Config{DB: p.DB})
	must(err)
	trail, err := audit.NewService(audit.Config{DB: p.DB, Secret: tenanttest.Secret})
	must(err)
	desk, err := help.NewService(help.Config{DB: p.DB})
	must(err)
	p.links, err = link.NewMaker(tenanttest.Secret)
	must(err)
	bookings, err := booking.NewService(booking.Config{
		DB: p.DB, Redis: p.Redis, Practice: p.Practice, Keyring: p.Keyring, Budget: notify.Budget{}, Base: "localhost:8080",
		PatientURL: func(context.Context, id.Tenant) (string, error) { return "http://praxis.localhost:8080", nil },
	})
	must(err)
	welcome, err := onboarding.NewService(onboarding.Config{
		DB: p.DB, Registry: p.Registry, Practice: p.Practice, Staff: colleagues, Keyring: p.Keyring, Links: p.links, MAC: p.Redis.MAC,
		Host: func(_ context.Context, _ id.Tenant, kind registry.Kind) (string, error) {
			return "http://" + p.Registry.Host("praxis", kind), nil
		},
		Operator:   onboarding.Party{Name: "Siegel", Address: "Hier 1", Email: "post@siegel.example", Phone: "+49 7243 1"},
		CheckSlug:  p.Registry.SlugFree,
		Begin:      func(ctx context.Context, slug string) (registry.Tenant, error) { return p.Registry.Create(ctx, slug) },
		HandedOver: p.Registry.HandedOver,
	})
	must(err)
	policy, err := access.New()
	must(err)
	pages, err := server.LoadPages(fstest.MapFS{"portal.html": {Data: []byte("portal")}, "index.html": {Data: []byte("patients")}})
	must(err)
	s, err := server.New(server.Config{
		Scheme: "http", Registry: p.Registry, Identity: accounts, Staff: colleagues, Policy: policy, Pages: pages, Redis: p.Redis, Ready: p.DB.Ping,
	})
	must(err)
	api.Mount(s, api.Services{Booking: bookings, Practice: p.Practice, Keyring: p.Keyring, Inbox: letters, Identity: accounts, Staff: colleagues,
		Onboarding: welcome, Audit: trail, Registry: p.Registry, Help: desk})
	fhir.Mount(s, fhir.Services{}) // asked for nothing here; the policy knows its routes
	s.WatchChanges(inbox.NewWatcher(letters, p.Redis))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	p.addr = ln.Addr().String()
	go func() { _ = s.Listen(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
	})

	p.nord, err = p.Registry.NewReseller(t.Context(), "Praxisnetz Nord")
	must(err)
	p.sued, err = p.Registry.NewReseller(t.Context(), "Süd")
	must(err)
	must(p.Registry.Move(t.Context(), p.Tenant.ID, p.nord.ID))
	p.foreign, _ = p.Plant(t, "foreign")
	must(p.Registry.Move(t.Context(), p.foreign.ID, p.sued.ID))
	p.admin = p.sign(t, "admin", identity.OfReseller(p.nord.ID), access.ResellerAdmin)
	p.agent = p.sign(t, "agent", identity.OfReseller(p.nord.ID), access.ResellerAgent)
	p.other = p.sign(t, "other", identity.OfReseller(p.sued.ID), access.ResellerAdmin)
	p.platform = p.sign(t, "platform", identity.OfPlatform(), access.PlatformAdmin)
	p.owner = p.sign(t, "owner", identity.OfTenant(p.Tenant.ID), access.Owner)
	return p
}

// sign makes somebody and a session of theirs, as signing in with everything
// does, and returns its cookie.
func (p *portal) sign(t *testing.T, name string, domain access.Domain, role access.Role) string {
	t.Helper()
	account := id.New[id.Account]()
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := p.DB.Global().NewRaw(query, args...).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	exec(`insert into account (id, email, name) values (?, ?, ?)`, account, name+"@example.org", name)
	exec(`insert into totp (account_id, secret, last_step) values (?, '', 0)`, account)
	exec(`insert into undertaking (account_id, version, language, text_hash) values (?, ?, 'de', '')`, account, identity.UndertakingVersion)
	switch domain.Kind {
	case access.Tenant:
		err := p.DB.Batch(t.Context(), identity.TenantOf(domain), func(b *postgres.Batch) {
			b.Exec(`insert into member (tenant_id, account_id, role) values ($1, $2, 'owner')`, identity.TenantOf(domain), account)
		})
		if err != nil {
			t.Fatal(err)
		}
	default:
		if err := p.Registry.AddPerson(t.Context(), registry.ResellerOf(domain), account, role); err != nil {
			t.Fatal(err)
		}
	}
	raw := sha256.Sum256(append([]byte(name), account.UUID()...))
	hash := sha256.Sum256(raw[:])
	exec(`insert into session (id_hash, id, account_id, domain_kind, domain_id, proven, expires) values (?, ?, ?, ?, ?, now(), now() + interval '1 hour')`,
		hash[:], uuid.New(), account, string(domain.Kind), domain.ID)
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

type answer struct {
	status int
	body   []byte
	header http.Header
}

func (a answer) reason() string {
	var p struct{ Reason string }
	_ = json.Unmarshal(a.body, &p)
	return p.Reason
}

func (p *portal) ask(t *testing.T, cookie, method, path string, body any) answer {
	t.Helper()
	host := "portal.localhost:8080"
	if cookie == p.owner {
		host = "praxis.office.localhost:8080"
	}
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.addr+path, content)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Origin", "http://"+host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "siegel-session", Value: cookie})
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, text, res.Header}
}

func (p *portal) get(t *testing.T, cookie, method, path string, body any, want int, into any) {
	t.Helper()
	a := p.ask(t, cookie, method, path, body)
	if a.status != want {
		t.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.body, want)
	}
	if into != nil {
		if err := json.Unmarshal(a.body, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, a.body)
		}
	}
}

type object = map[string]any

func newPractice(slug string) object {
	return object{"slug": slug, "specialty": "general_practice", "contact": "Dr. Anna Muster", "company": "Praxis Muster", "street": "Weg 1",
		"postal_code": "76275", "city": "Ettlingen", "phone": "+49 7243 12345", "email": "praxis@muster.example"}
}

func TestPortal_CreatesAndHandsOver(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	body := newPractice("muster")
	body["owner"], body["owner_email"] = "Anna Muster", "anna@muster.example"
	var made struct {
		ID       id.Tenant
		Office   string
		Handover bool `json:"handover_sent"`
	}
	p.get(t, p.agent, "POST", "/api/v1/portal/tenants", body, 201, &made)
	if !made.Handover || made.Office != "muster.office.localhost:8080" {
		t.Errorf("made %+v", made)
	}
	tenant, err := p.Registry.ByID(t.Context(), made.ID)
	if err != nil || tenant.Reseller != p.nord.ID || tenant.Status != registry.Trial || tenant.SetUp {
		t.Errorf("it is %+v, %v", tenant, err)
	}
	var queued int
	if err := p.DB.Batch(t.Context(), made.ID, func(b *postgres.Batch) {
		b.Row(`select count(*) from outbox where kind = 'handover_mail'`, nil, &queued)
	}); err != nil || queued != 1 {
		t.Errorf("%d letters, %v", queued, err)
	}
	var one struct {
		Handover *struct{ Email string }
		Troubles []struct{ Code string }
	}
	p.get(t, p.agent, "GET", "/api/v1/portal/tenants/"+made.ID.String(), nil, 200, &one)
	if one.Handover == nil || one.Handover.Email != "anna@muster.example" || len(one.Troubles) == 0 || one.Troubles[0].Code != "keys_missing" {
		t.Errorf("shown %+v", one)
	}
	if a := p.ask(t, p.agent, "POST", "/api/v1/portal/tenants", body); a.status != 422 || !strings.Contains(string(a.body), "slug_taken") {
		t.Errorf("twice: %d %s", a.status, a.body)
	}
	body = newPractice("x y")
	body["phone"], body["specialty"] = "nope", "wizard"
	if a := p.ask(t, p.agent, "POST", "/api/v1/portal/tenants", body); a.status != 422 || !strings.Contains(string(a.body), "body.phone") || !strings.Contains(string(a.body), "body.specialty") || !strings.Contains(string(a.body), "body.slug") {
		t.Errorf("wrong in three places: %d %s", a.status, a.body)
	}
}

func TestPortal_ImportsNothingBeforeItIsConfirmedAndNothingWithErrors(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	before, err := p.Registry.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head := "Praxis;Fachrichtung;Slug;Ansprechpartner;Straße;PLZ;Ort;Telefon;E-Mail;Inhaber;E-Mail des Inhabers\n"
	good := "Praxis Eins;general_practice;eins;Dr. Eins;Weg 1;76275;Ettlingen;+49 7243 11;eins@example.org;Dr. Eins;owner@eins.example\n" +
		"\"Praxis; Zwei\";dentist;zwei;Dr. Zwei;Weg 2;76275;Ettlingen;+49 7243 12;zwei@example.org;;\n"
	bad := "Praxis Drei;wizard;eins;;Weg 3;76275;Ettlingen;x;drei@example.org;;\nzu kurz;a\n"
	var preview struct {
		Rows []struct {
			Line   int
			Slug   string
			Errors []struct{ Where, Why string }
		}
		Wrong int
	}
	p.get(t, p.agent, "POST", "/api/v1/portal/imports/preview", object{"csv": "\ufeff" + head + good + bad}, 200, &preview)
	if preview.Wrong != 2 || len(preview.Rows) != 4 || len(preview.Rows[0].Errors) != 0 || len(preview.Rows[2].Errors) < 4 || preview.Rows[3].Errors[0].Why != "field_count" || preview.Rows[2].Line != 4 {
		t.Errorf("preview: %+v", preview)
	}
	if a := p.ask(t, p.agent, "POST", "/api/v1/portal/imports", object{"csv": head + good + bad}); a.status != 409 || a.reason() != "import_has_errors" {
		t.Errorf("with errors: %d %s", a.status, a.body)
	}
	if after, _ := p.Registry.List(t.Context()); len(after) != len(before) {
		t.Fatalf("something was saved: %d practices, were %d", len(after), len(before))
	}
	var done struct {
		Rows []struct {
			Slug, Reason string
			ID           id.Tenant
		}
	}
	p.get(t, p.agent, "POST", "/api/v1/portal/imports", object{"csv": head + good}, 200, &done)
	if len(done.Rows) != 2 || done.Rows[0].Reason != "" || done.Rows[1].ID.IsZero() {
		t.Errorf("done: %+v", done)
	}
	for _, text := range []string{"", "a;b\n\"", strings.Repeat("x", 10) + "\x00", "\xff\xfe"} {
		if a := p.ask(t, p.agent, "POST", "/api/v1/portal/imports/preview", object{"csv": text}); a.status < 400 && !strings.Contains(string(a.body), `"rows":[]`) || a.status >= 500 {
			t.Errorf("%q: %d %s", text, a.status, a.body)
		}
	}
}

// However long the file is, no request has to do more than some of it.
func TestPortal_CreatesTheRowsOfALongFileSomeAtATime(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	csv := "Praxis;Fachrichtung;Slug;Ansprechpartner;Straße;PLZ;Ort;Telefon;E-Mail\n"
	for n := range 30 {
		csv += fmt.Sprintf("Praxis %[1]d;general_practice;lang-%[1]d;Dr. Lang;Weg 1;76275;Ettlingen;+49 7243 11;lang@example.org\n", n)
	}
	made := map[string]int{}
	for from, requests := 0, 0; ; requests++ {
		var done struct {
			Rows []struct {
				Slug, Reason string
				ID           id.Tenant
			}
			Next int
		}
		p.get(t, p.agent, "POST", "/api/v1/portal/imports", object{"csv": csv, "from": from}, 200, &done)
		for _, row := range done.Rows {
			if row.Reason != "" || row.ID.IsZero() {
				t.Errorf("%+v", row)
			}
			made[row.Slug]++
		}
		if from = done.Next; from == 0 {
			if requests == 0 {
				t.Error("all in one request")
			}
			break
		}
		if requests > 30 {
			t.Fatal("it never ends")
		}
	}
	for n := range 30 {
		if made[fmt.Sprintf("lang-%d", n)] != 1 {
			t.Errorf("lang-%d was created %d times", n, made[fmt.Sprintf("lang-%d", n)])
		}
	}
}

func TestPortal_ActsOnManyAndEachSaysHowItWent(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	var done struct {
		Results []struct {
			Tenant id.Tenant
			Reason string
		}
	}
	p.get(t, p.agent, "POST", "/api/v1/portal/tenants/act", object{"tenants": []any{p.Tenant.ID, p.foreign.ID}, "act": "suspend", "reason": "Rechnung offen"}, 200, &done)
	if len(done.Results) != 2 || done.Results[0].Reason != "" || done.Results[1].Reason != "unknown_tenant" {
		t.Errorf("%+v", done)
	}
	if got, _ := p.Registry.ByID(t.Context(), p.foreign.ID); got.Status != registry.Active {
		t.Error("somebody else's practice was suspended")
	}
	if got, _ := p.Registry.ByID(t.Context(), p.Tenant.ID); got.Status != registry.Suspended {
		t.Error("the own one was not")
	}
	p.get(t, p.agent, "POST", "/api/v1/portal/tenants/act", object{"tenants": []any{p.Tenant.ID}, "act": "set_plan", "plan": "nope"}, 200, &done)
	if done.Results[0].Reason != "unknown_plan" {
		t.Errorf("%+v", done)
	}
	p.get(t, p.agent, "POST", "/api/v1/portal/tenants/act", object{"tenants": []any{p.Tenant.ID}, "act": "resume"}, 200, &done)
	p.get(t, p.agent, "POST", "/api/v1/portal/tenants/act", object{"tenants": []any{p.Tenant.ID}, "act": "resume"}, 200, &done)
	if done.Results[0].Reason != "illegal_step" {
		t.Errorf("%+v", done)
	}
	var entries int
	if err := p.DB.Batch(t.Context(), p.Tenant.ID, func(b *postgres.Batch) {
		b.Row(`select count(*) from audit_entry where act in ('tenant.suspend', 'tenant.resume') and actor = 'reseller'`, nil, &entries)
	}); err != nil || entries != 2 {
		t.Errorf("%d entries in the practice's trail, %v", entries, err)
	}
}

func TestPortal_BrandPricesAndCounts(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	var mine struct {
		Version int64
		Brand   struct{ Name, Accent string }
	}
	p.get(t, p.admin, "GET", "/api/v1/portal/brand", nil, 200, &mine)
	if mine.Brand.Name != "Praxisnetz Nord" {
		t.Errorf("%+v", mine)
	}
	brand := object{"name": "Nord", "sender_name": "Nord", "sender_email": "post@nord.example", "support_phone": "", "support_email": "", "accent": "#0f5e66", "imprint": "Nord GmbH"}
	p.get(t, p.admin, "PUT", "/api/v1/portal/brand", object{"version": mine.Version, "brand": brand}, 200, &mine)
	if mine.Brand.Name != "Nord" {
		t.Errorf("%+v", mine)
	}
	brand["accent"] = "#ffff00"
	if a := p.ask(t, p.admin, "PUT", "/api/v1/portal/brand", object{"version": mine.Version, "brand": brand}); a.status != 422 || a.reason() != "low_contrast" {
		t.Errorf("pale: %d %s", a.status, a.body)
	}
	if a := p.ask(t, p.admin, "PUT", "/api/v1/portal/brand", object{"version": 1, "brand": object{"name": "x", "sender_name": "", "sender_email": "", "support_phone": "", "support_email": "", "accent": "", "imprint": ""}}); a.status != 409 || a.reason() != "version_changed" {
		t.Errorf("an older version: %d %s", a.status, a.body)
	}
	p.get(t, p.admin, "PUT", "/api/v1/portal/prices", object{"version": mine.Version, "prices": []any{object{"plan": "klein", "name": "Klein", "monthly_cents": 2900, "sms_part_micros": 69000}}}, 200, &mine)
	var months struct{ Running string }
	p.get(t, p.admin, "GET", "/api/v1/portal/counts", nil, 200, &months)
	var counts struct {
		Rows []struct {
			Slug     string
			Bookings int
			SMSParts *int `json:"sms_parts"`
			Tenant   id.Tenant
		}
	}
	p.get(t, p.admin, "GET", "/api/v1/portal/counts/"+months.Running, nil, 200, &counts)
	if len(counts.Rows) != 1 || counts.Rows[0].Tenant != p.Tenant.ID || counts.Rows[0].SMSParts != nil {
		t.Errorf("%+v", counts)
	}
	a := p.ask(t, p.admin, "GET", "/api/v1/portal/counts/"+months.Running+"/file?format=csv", nil)
	if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") || !strings.Contains(a.header.Get("Content-Disposition"), months.Running) ||
		!strings.Contains(string(a.body), "praxis;") || strings.Contains(string(a.body), "foreign") {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	a = p.ask(t, p.admin, "GET", "/api/v1/portal/counts/"+months.Running+"/file?format=json", nil)
	if a.status != 200 || !json.Valid(a.body) || !strings.Contains(string(a.body), p.Tenant.ID.String()) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := p.ask(t, p.admin, "GET", "/api/v1/portal/counts/"+months.Running+"?reseller="+p.sued.ID.String(), nil); a.status != 404 {
		t.Errorf("somebody else's counts: %d %s", a.status, a.body)
	}
	p.get(t, p.platform, "GET", "/api/v1/portal/counts/"+months.Running+"?reseller="+p.sued.ID.String(), nil, 200, &counts)
	if len(counts.Rows) != 1 || counts.Rows[0].Tenant != p.foreign.ID {
		t.Errorf("the platform's look: %+v", counts)
	}
}

func TestPortal_AnAgentHasNeitherBrandNorPricesNorPeople(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	price := object{"plan": "solo", "name": "Solo", "monthly_cents": 4711, "sms_part_micros": 81234}
	if a := p.ask(t, p.admin, "PUT", "/api/v1/portal/prices", object{"version": 1, "prices": []any{price}}); a.status != 200 || !strings.Contains(string(a.body), ":4711") { // as no id has it
		t.Fatalf("prices: %d %s", a.status, a.body)
	}
	if a := p.ask(t, p.agent, "GET", "/api/v1/portal/brand", nil); a.status != 200 || strings.Contains(string(a.body), ":4711") {
		t.Errorf("the agent reads %d %s", a.status, a.body)
	}
	for _, c := range []struct {
		who          string
		cookie       string
		method, path string
		body         any
	}{
		{"agent", p.agent, "PUT", "/api/v1/portal/brand", object{"version": 1, "brand": object{"name": "x", "sender_name": "", "sender_email": "", "support_phone": "", "support_email": "", "accent": "", "imprint": ""}}},
		{"agent", p.agent, "PUT", "/api/v1/portal/prices", object{"version": 1, "prices": []any{}}},
		{"agent", p.agent, "PUT", "/api/v1/portal/contract-model", object{"version": 1, "contract_model": "operator", "zone": "UTC", "trial_days": 1}},
		{"agent", p.agent, "GET", "/api/v1/portal/people", nil},
		{"agent", p.agent, "POST", "/api/v1/portal/people", object{"email": "a@b.de", "name": "a", "role": "reseller_admin", "language": "de"}},
		{"agent", p.agent, "POST", "/api/v1/portal/bases", object{"name": "a.de"}},
		{"agent", p.agent, "GET", "/api/v1/portal/resellers", nil},
		{"admin", p.admin, "GET", "/api/v1/portal/resellers", nil},
		{"admin", p.admin, "POST", "/api/v1/portal/tenants/" + p.Tenant.ID.String() + "/erase", object{"slug": "praxis"}},
		{"admin", p.admin, "PUT", "/api/v1/portal/tenants/" + p.Tenant.ID.String() + "/reseller", object{"reseller": ""}},
		{"admin", p.admin, "GET", "/api/v1/keyring", nil},
		{"admin", p.admin, "GET", "/api/v1/appointments?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", nil},
		{"platform", p.platform, "GET", "/api/v1/appointments?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", nil},
		{"platform", p.platform, "GET", "/api/v1/export", nil},
		{"owner", p.owner, "GET", "/api/v1/portal/tenants", nil},
		{"nobody", "", "GET", "/api/v1/portal/tenants", nil},
	} {
		if a := p.ask(t, c.cookie, c.method, c.path, c.body); a.status != 403 && a.status != 404 && a.status != 401 {
			t.Errorf("%s, %s %s: %d %s", c.who, c.method, c.path, a.status, a.body)
		}
	}
}

func TestPortal_PeopleJoinByALink(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	var made struct{ ID id.Invitation }
	invite := object{"email": "neu@nord.example", "name": "Nina Neu", "role": "reseller_agent", "language": "de"}
	p.get(t, p.admin, "POST", "/api/v1/portal/people", invite, 201, &made)
	if a := p.ask(t, p.admin, "POST", "/api/v1/portal/people", invite); a.status != 409 {
		t.Errorf("twice: %d %s", a.status, a.body)
	}
	p.get(t, p.admin, "POST", "/api/v1/portal/invitations/"+made.ID.String()+"/resend", object{}, 204, nil)
	if a := p.ask(t, p.other, "POST", "/api/v1/portal/invitations/"+made.ID.String()+"/resend", object{}); a.status != 404 {
		t.Errorf("somebody else's invitation: %d %s", a.status, a.body)
	}
	var letters int
	if err := p.DB.Batch(t.Context(), registry.Scope(p.nord.ID), func(b *postgres.Batch) {
		b.Row(`select count(*) from outbox where kind = 'invitation_mail'`, nil, &letters)
	}); err != nil || letters != 2 {
		t.Errorf("%d letters, %v", letters, err)
	}
	invite["role"] = "platform_admin"
	if a := p.ask(t, p.admin, "POST", "/api/v1/portal/people", invite); a.status != 422 {
		t.Errorf("a reseller's admin invites one of the platform: %d %s", a.status, a.body)
	}
	token := p.links.Make(registry.PortalLink, made.ID.Bytes())
	var asked struct {
		Of, Email, Role string
		Known           bool
		Account         id.Account
	}
	p.get(t, "", "POST", "/api/v1/portal/join/peek", object{"token": token}, 200, &asked)
	if asked.Of != "Praxisnetz Nord" || asked.Email != "neu@nord.example" || asked.Role != "reseller_agent" || asked.Known {
		t.Errorf("%+v", asked)
	}
	b64 := func(n int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, n)) }
	join := object{"token": token, "name": "", "new": object{"salt": b64(16), "sign_in_secret": b64(32), "wrapped_member_key": b64(60), "member_public_key": b64(1216)}}
	p.get(t, "", "POST", "/api/v1/portal/join", join, 200, nil)
	people, err := p.Registry.People(t.Context(), p.nord.ID)
	if err != nil || len(people) != 3 {
		t.Fatalf("%+v, %v", people, err)
	}
	if a := p.ask(t, "", "POST", "/api/v1/portal/join", join); a.status != 410 {
		t.Errorf("used twice: %d %s", a.status, a.body)
	}
	if a := p.ask(t, "", "POST", "/api/v1/portal/join/peek", object{"token": p.links.Make("invitation", made.ID.Bytes())}); a.status != 410 {
		t.Errorf("a link for something else: %d %s", a.status, a.body)
	}
	p.get(t, p.admin, "DELETE", "/api/v1/portal/people/"+asked.Account.String(), nil, 204, nil)
	if a := p.ask(t, p.other, "DELETE", "/api/v1/portal/people/"+people[0].Account.String(), nil); a.status != 404 {
		t.Errorf("somebody else's people: %d %s", a.status, a.body)
	}
}

func TestPortal_ErasingWantsTheNameTypedAndLeavesACertificate(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	path := "/api/v1/portal/tenants/" + p.foreign.ID.String() + "/erase"
	if a := p.ask(t, p.platform, "POST", path, object{"slug": "fremd"}); a.status != 422 || a.reason() != "slug_mistyped" {
		t.Errorf("mistyped: %d %s", a.status, a.body)
	}
	var certificate struct {
		ID     string
		Tables map[string]int
	}
	p.get(t, p.platform, "POST", path, object{"slug": "foreign", "reason": "zieht um"}, 200, &certificate)
	if certificate.Tables["practice"] != 1 {
		t.Errorf("%+v", certificate)
	}
	var all struct{ Certificates []struct{ ID string } }
	p.get(t, p.other, "GET", "/api/v1/portal/certificates", nil, 200, &all)
	if len(all.Certificates) != 1 || all.Certificates[0].ID != certificate.ID {
		t.Errorf("%+v", all)
	}
	p.get(t, p.admin, "GET", "/api/v1/portal/certificates", nil, 200, &all)
	if len(all.Certificates) != 0 {
		t.Errorf("somebody else's: %+v", all)
	}
}

func TestContract_TheOwnerLeavesWithEverything(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	var contract struct {
		Status, Paused, Patients string
		Support                  struct{ Name string }
	}
	p.get(t, p.owner, "GET", "/api/v1/contract", nil, 200, &contract)
	if contract.Status != "active" || contract.Support.Name != "Praxisnetz Nord" || contract.Patients != "praxis.localhost:8080" {
		t.Errorf("%+v", contract)
	}
	a := p.ask(t, p.owner, "GET", "/api/v1/export", nil)
	if a.status != 200 || a.header.Get("Content-Type") != "application/zip" || !bytes.HasPrefix(a.body, []byte("PK")) {
		t.Errorf("export: %d %v %.60q", a.status, a.header, a.body)
	}
	if file, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body))); err != nil || len(file.File) < 10 || a.header.Get("Content-Length") != strconv.Itoa(len(a.body)) {
		t.Errorf("the export is not whole: %v, %v", err, a.header)
	}
	notice := object{"ends": time.Now().Add(time.Hour).UTC().Format(time.RFC3339), "slug": "praxis"}
	p.get(t, p.owner, "PUT", "/api/v1/contract/notice", notice, 204, nil)
	p.get(t, p.owner, "DELETE", "/api/v1/contract/notice", nil, 204, nil)
	p.get(t, p.owner, "POST", "/api/v1/hosts", object{"name": "termine.praxis-süd.de"}, 201, nil)
	p.get(t, p.owner, "DELETE", "/api/v1/hosts/termine.xn--praxis-sd-x9a.de", nil, 204, nil)
	// Without having shown just now that it is she, nothing leaves.
	if _, err := p.DB.Global().NewRaw(`update session set proven = null`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(identity.Age + 100*time.Millisecond)
	if a := p.ask(t, p.owner, "GET", "/api/v1/export", nil); a.status != 403 || a.reason() != "proof_needed" {
		t.Errorf("unproven: %d %.80s", a.status, a.body)
	}
}

func TestOldNameLeadsToTheNewOne(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	p.get(t, p.agent, "PUT", "/api/v1/portal/tenants/"+p.Tenant.ID.String()+"/slug", object{"slug": "neu"}, 204, nil)
	for path, want := range map[string]int{"/": 308, "/confirm?a=b": 308, "/api/v1/practice": 404} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "praxis.localhost:8080"
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want || want == 308 && res.Header.Get("Location") != "http://neu.localhost:8080"+path {
			t.Errorf("%s: %d to %q", path, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// Nobody of a reseller or of the platform is told anything of a patient or of a
// single appointment, whatever they ask for.
func TestPortal_NeverAPatientsByteNorAnAppointment(t *testing.T) {
	t.Parallel()
	p := openPortal(t)
	canary := []byte("canary-of-a-patient")
	appointment, envelope, bkg := id.New[id.Appointment](), id.New[id.Envelope](), id.New[id.Booking]()
	err := p.DB.Batch(t.Context(), p.Tenant.ID, func(b *postgres.Batch) {
		b.Exec(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash)
			values ($1, $2, $3, 'booked', 'online', $4, $4, $5, '2031-05-06 07:08:09Z', '2031-05-06 07:38:09Z', now(), $6)`,
			p.Tenant.ID, appointment, bkg, p.Practitioner, p.Location, bytes.Repeat([]byte{7}, 32))
		b.Exec(`insert into envelope (tenant_id, id, booking_id, appointment_id, suite, kid, enc, ct, received) values ($1, $2, $3, $4, 2, 'canary-kid', $5, $5, now() - interval '3 days')`,
			p.Tenant.ID, envelope, bkg, appointment, canary)
		b.Exec(`insert into card (tenant_id, booking_id, appointment_id, version, epoch, ciphertext) values ($1, $2, $3, 1, 1, $4)`, p.Tenant.ID, bkg, appointment, canary)
	})
	if err != nil {
		t.Fatal(err)
	}
	forbidden := map[string]string{
		"canary": string(canary), "canary in base64": base64.RawStdEncoding.EncodeToString(canary)[:20], "canary in hex": fmt.Sprintf("%x", canary),
		"kid": "canary-kid", "appointment": appointment.UUID(), "envelope": envelope.UUID(), "booking": bkg.UUID(), "its time": "2031-05-06",
		"the practitioner": "Frau Dr. Muster", "the practitioner's id": p.Practitioner.UUID(),
	}
	// Every operation that the policy lets those of the portal do, from the
	// router's own description.
	var document struct {
		Paths map[string]map[string]struct {
			ID    string   `json:"operationId"`
			Hosts []string `json:"x-hosts"`
		}
	}
	p.get(t, p.platform, "GET", "/api/v1/openapi.json", nil, 200, &document)
	policy, err := access.New()
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for path, methods := range document.Paths {
		for method, op := range methods {
			mine := false
			for _, role := range []access.Role{access.ResellerAdmin, access.ResellerAgent, access.PlatformAdmin} {
				mine = mine || policy.Can(role, access.Reseller, op.ID) || policy.Can(role, access.Platform, op.ID)
			}
			if !mine || !strings.HasPrefix(path, "/api/v1/portal") {
				continue
			}
			target := strings.NewReplacer("{month}", time.Now().Format("2006-01"), "{name}", "a.example.org").Replace(path)
			for _, tenant := range []string{p.Tenant.ID.String(), appointment.String(), strings.Replace(appointment.String(), "apt_", "ten_", 1)} {
				at := strings.ReplaceAll(target, "{id}", tenant)
				var body any
				if method == "put" || method == "post" {
					body = object{}
					if strings.HasSuffix(path, "/act") {
						body = object{"tenants": []any{p.Tenant.ID}, "act": "resume"}
					}
				}
				for name, cookie := range map[string]string{"admin": p.admin, "agent": p.agent, "platform": p.platform} {
					a := p.ask(t, cookie, strings.ToUpper(method), at, body)
					asked++
					for what, text := range forbidden {
						// What was asked with may come back, what was not may not.
						if strings.Contains(string(a.body), text) && !strings.Contains(at, text) {
							t.Errorf("%s, %s %s tells of %s: %s", name, method, at, what, a.body)
						}
					}
				}
			}
		}
	}
	if asked < 200 {
		t.Fatalf("only %d requests were made", asked)
	}
}
