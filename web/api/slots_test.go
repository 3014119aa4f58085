package api_test

import (
	"context"
	"encoding/json"
	"fmt"
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
	"siegel/platform/link"
	"siegel/platform/postgres"
	"siegel/tenants/booking"
	"siegel/tenants/inbox"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/registry"
	"siegel/tenants/schedule"
	"siegel/tenants/staff"
	"siegel/tenants/tenanttest"
	"siegel/web/api"
	"siegel/web/fhir"
	"siegel/web/server"
)

func TestMain(m *testing.M) { os.Exit(tenanttest.Main(m)) }

// house is a server with all of its operations, on stores of the test's own.
type house struct {
	*tenanttest.Fixture
	addr string
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
	letters, err := inbox.NewService(inbox.Config{DB: h.DB})
	must(err)
	bookings, err := booking.NewService(booking.Config{
		DB: h.DB, Redis: h.Redis, Practice: h.Practice, Keyring: h.Keyring, Budget: notify.Budget{}, Base: "localhost:8080",
		PatientURL: func(context.Context, id.Tenant) (string, error) { return "http://praxis.localhost:8080", nil },
	})
	must(err)
	links, err := link.NewMaker(tenanttest.Secret)
	must(err)
	welcome, err := onboarding.NewService(onboarding.Config{
		DB: h.DB, Registry: h.Registry, Practice: h.Practice, Staff: colleagues, Keyring: h.Keyring, Links: links, MAC: h.Redis.MAC,
		Host: func(context.Context, id.Tenant, registry.Kind) (string, error) {
			return "http://praxis.localhost:8080", nil
		},
		Operator:  onboarding.Party{Name: "Siegel", Address: "Hier 1", Email: "post@siegel.example", Phone: "+49 7243 1"},
		CheckSlug: h.Registry.SlugFree,
		Begin:     func(ctx context.Context, slug string) (registry.Tenant, error) { return h.Registry.Create(ctx, slug) },
	})
	must(err)
	editions := onboarding.Editions()
	must(h.DB.Batch(t.Context(), h.Tenant.ID, func(b *postgres.Batch) {
		b.Exec(`insert into business (tenant_id, specialty, open) values ($1, 'general_practice', true)`, h.Tenant.ID)
		b.Exec(`insert into agreement (tenant_id, id, version, language, provider, hash, document, account_id, name)
			select $1, gen_random_uuid(), $2, 'de', sha256(''), sha256(''), '', gen_random_uuid(), 'Test'`,
			h.Tenant.ID.UUID(), editions[len(editions)-1].Version)
	}))
	policy, err := access.New()
	must(err)
	pages, err := server.LoadPages(fstest.MapFS{"index.html": {Data: []byte("patients")}, "office.html": {Data: []byte("office")}})
	must(err)
	s, err := server.New(server.Config{
		Scheme: "http", Registry: h.Registry, Identity: accounts, Staff: colleagues, Policy: policy, Pages: pages, Ready: h.DB.Ping,
	})
	must(err)
	api.Mount(s, api.Services{Booking: bookings, Practice: h.Practice, Keyring: h.Keyring, Inbox: letters, Identity: accounts, Staff: colleagues, Onboarding: welcome})
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

// get asks the patients' host, with headers in pairs.
func (h *house) get(t *testing.T, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+h.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "praxis.localhost:8080"
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func (h *house) tomorrow() (from, to schedule.Date) {
	day := schedule.DateOf(tenanttest.At(1, 12, 0))
	return day, day + 1
}

// paths are one question of each operation.
func (h *house) paths() map[string]string {
	from, to := h.tomorrow()
	return map[string]string{
		"slots": fmt.Sprintf("/api/v1/slots?service=%v&from=%v&to=%v&seed=0123456789abcdef", h.Quarter, from, to),
		"days":  fmt.Sprintf("/api/v1/slots/days?service=%v&from=%v", h.Quarter, from),
		"next":  fmt.Sprintf("/api/v1/slots/next?service=%v&practitioner=%v&n=3", h.Quarter, h.Practitioner),
	}
}

func TestSlotsOverHTTP(t *testing.T) {
	t.Parallel()
	h := open(t)

	t.Run("AnswersHaveATag", func(t *testing.T) {
		for name, path := range h.paths() {
			first, body := h.get(t, path)
			tag := first.Header.Get("ETag")
			if first.StatusCode != http.StatusOK || !json.Valid([]byte(body)) || len(tag) < 10 || tag[0] != '"' {
				t.Errorf("%s: %d, tag %q, %.200s", name, first.StatusCode, tag, body)
			}
			for header, want := range map[string]int{tag: 304, `"other", W/` + tag: 304, "*": 304, `"other"`: 200} {
				if again, body := h.get(t, path, "If-None-Match", header); again.StatusCode != want || (want == 304) != (body == "") ||
					again.Header.Get("ETag") != tag {
					t.Errorf("%s, If-None-Match %s: %d, %d bytes, tag %q", name, header, again.StatusCode, len(body), again.Header.Get("ETag"))
				}
			}
		}
	})

	t.Run("WhatIsWrongIsNamed", func(t *testing.T) {
		from, to := h.tomorrow()
		slots := fmt.Sprintf("/api/v1/slots?service=%v&from=%v&to=%v", h.Quarter, from, to)
		for path, want := range map[string]string{
			slots + "&seed=short":                                                   "400 malformed_request query.seed",
			slots + "&seed=0123456789abcde%C3%A4":                                   "400 malformed_request query.seed",
			slots + "&persons=1":                                                    "400 malformed_request query.persons",
			slots + "&persons=7":                                                    "400 malformed_request query.persons",
			slots + "&chain=chn_" + h.Quarter.UUID():                                "400 malformed_request query.service",
			slots + "&series=7x4":                                                   "400 malformed_request query.series",
			slots + "&series=7&first=2027-01-01T08:00:00Z":                          "400 malformed_request query.series",
			slots + "&series=7x400&first=2027-01-01T08:00:00Z":                      "422 range_invalid ",
			slots + "&from=" + from.String():                                        "400 malformed_request query",
			slots + "&insurance=PKV":                                                "400 malformed_request query",
			slots + "&practitioner=somebody":                                        "400 malformed_id ",
			slots + "&practitioner=prc_" + h.Quarter.UUID():                         "404 unknown_practitioner ",
			slots[:len(slots)-1] + "x":                                              "400 malformed_date query.to",
			"/api/v1/slots?service=" + h.Quarter.String():                           "400 malformed_request query.from",
			fmt.Sprintf("/api/v1/slots?from=%v&to=%v", from, to):                    "400 malformed_request query.service",
			"/api/v1/slots/days?service=" + h.Quarter.String() + "&from=2026-02-30": "400 malformed_date query.from",
			"/api/v1/slots/days?service=" + h.Quarter.String() + "&from=2027-01-01&to=2027-01-01": "422 range_invalid ",
			"/api/v1/slots/next?service=" + h.Quarter.String() + "&n=21":                          "400 malformed_request query.n",
			"/api/v1/slots/next?service=" + h.Quarter.String() + "&to=2027-01-01":                 "400 malformed_request query",
		} {
			answer, body := h.get(t, path)
			var problem struct {
				Reason string
				Errors []struct{ Where string }
			}
			if err := json.Unmarshal([]byte(body), &problem); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			got := fmt.Sprintf("%d %s ", answer.StatusCode, problem.Reason)
			if len(problem.Errors) > 0 {
				got += problem.Errors[0].Where
			}
			if got != want {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
			body = strings.ReplaceAll(body, answer.Header.Get("X-Request-Id"), "") // whose random letters may spell it
			if strings.Contains(body, "PKV") || strings.Contains(body, "insurance") {
				t.Errorf("%s: what was sent comes back: %s", path, body)
			}
		}
	})

	// The patient's answers stay sealed: there is no parameter that they could go into.
	t.Run("NoQuestionHasRoomForWhoAsks", func(t *testing.T) {
		for name, path := range h.paths() {
			for _, canary := range []string{"insurance=GKV", "patients=new", "new_patient=true", "age=34", "birth_date=1990-01-01", "birth_year=1990", "referral=1"} {
				if answer, body := h.get(t, path+"&"+canary); answer.StatusCode != http.StatusBadRequest {
					t.Errorf("%s takes %s: %d %.100s", name, canary, answer.StatusCode, body)
				}
			}
		}
	})
}

// However often it is asked, kept or not, nobody is shown a slot that has been
// taken for more than a second.
func TestKeptAnswersNeverShowATakenSlotForLong(t *testing.T) {
	t.Parallel()
	h := open(t)
	from, to := h.tomorrow()
	path := fmt.Sprintf("/api/v1/slots?service=%v&from=%v&to=%v", h.Quarter, from, to)
	shows := func(at time.Time, headers ...string) bool {
		_, body := h.get(t, path, headers...)
		return strings.Contains(body, `"starts":"`+at.UTC().Format(time.RFC3339)+`"`)
	}
	// take is what another process does: this one is not told.
	take := func(at time.Time) time.Time {
		offer, err := h.Practice.Offer(t.Context(), h.Tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		who, _ := offer.Practitioner(h.Practitioner)
		err = h.DB.Batch(t.Context(), h.Tenant.ID, func(b *postgres.Batch) {
			b.Exec(`
				with made as (
					insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id,
					                         starts, ends, cancel_until, secret_hash)
					values ($1, $2, $2, 'booked', 'staff', $3, $4, $5, $6, $7, $6, sha256($8::bytea)) returning *)
				insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id)
				select tenant_id, resource_id, 1, starts, ends, id from made`,
				h.Tenant.ID, id.New[id.Appointment](), who.ID, who.Resource, h.Location, at, at.Add(15*time.Minute), []byte(at.String()))
		})
		if err != nil {
			t.Fatal(err)
		}
		return time.Now()
	}
	for i := range 6 {
		at := tenanttest.At(1, 8+i, 15*(i%4))
		if !shows(at) {
			t.Fatalf("%v is not offered to begin with", at)
		}
		switch i % 3 {
		case 0: // nobody tells: it goes within a second
			taken := take(at)
			for {
				asked := time.Now()
				if !shows(at) {
					break
				}
				if asked.Sub(taken) > time.Second {
					t.Fatalf("%v is shown %v after it was taken", at, asked.Sub(taken))
				}
			}
		case 1: // who asks anew is answered anew, and so is everybody after
			take(at)
			if shows(at, "Cache-Control", "no-cache") {
				t.Errorf("%v is shown to who asks anew", at)
			}
			if shows(at) {
				t.Errorf("%v is shown to who comes after", at)
			}
		case 2: // this process has taken it
			take(at)
			h.Practice.Changed(h.Tenant.ID)
			if shows(at) {
				t.Errorf("%v is shown though its process knows better", at)
			}
		}
	}
}

func TestAnswersAreKept(t *testing.T) {
	t.Parallel()
	h := open(t)
	path := h.paths()["slots"]
	_, first := h.get(t, path)
	day := schedule.DateOf(tenanttest.At(1, 12, 0))
	shut := func(s *practice.Service, from int) {
		offer, err := s.Rules(t.Context(), h.Tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		closure := practice.Closure{ID: id.New[id.Closure](), Stretch: schedule.Stretch{From: day, FromMinute: from, Until: day, UntilMinute: from + 60}}
		if _, err := s.Put(t.Context(), h.Tenant.ID, closure, practice.Edit{Version: offer.Version}); err != nil {
			t.Fatal(err)
		}
	}
	shut(h.Practice, 8*60)
	if _, after := h.get(t, path); len(after) >= len(first) {
		t.Error("an edit of the offer is not seen at once")
	}
	// Another process edits: within the second, the answer may be the old one;
	// that it is shows that it was kept.
	other, err := practice.NewService(practice.Config{DB: h.DB})
	if err != nil {
		t.Fatal(err)
	}
	kept := false
	for try := 0; try < 5 && !kept; try++ {
		_, before := h.get(t, path, "Cache-Control", "no-cache")
		shut(other, (9+try)*60)
		_, after := h.get(t, path)
		kept = before == after
	}
	if !kept {
		t.Error("no answer was kept")
	}
}
