package connector_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siegel/platform/seal"
	"siegel/tenants/connector"
)

func TestStatusPage(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	member, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	item := func(n, days int, family string) connector.Item {
		starts := now.AddDate(0, 0, days).Add(time.Hour)
		b := fmt.Sprintf("01975b1e-0000-7000-8000-%012d", n)
		return connector.Item{Event: b + "-1", Kind: connector.Booked, Booking: b, Version: 1, Status: "booked", Starts: starts, Ends: starts.Add(time.Hour),
			Zone: "Europe/Berlin", Practitioner: "Dr. A", Service: "Probe", Family: family, Given: "X"}
	}
	dir := t.TempDir()
	items := []connector.Item{item(1, 0, "Heutig"), item(2, 1, "Morgig"), item(3, 9, "Spätling"), item(4, -2, "Vorbei"), item(5, 3, `<script>alert("x")</script>`)}
	a, err := connector.Kept(dir, member, now, items...)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ask := func(method, host, site, body string) *httptest.ResponseRecorder {
		path := map[string]string{"GET": "/", "POST": "/tick"}[method]
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Host = host
		r.Header.Set("Sec-Fetch-Site", site)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		a.Pages().ServeHTTP(w, r)
		return w
	}
	const local = "127.0.0.1:8377"
	// parts are the page cut at its headings: left, today, tomorrow, check.
	parts := func() []string { return strings.Split(ask("GET", local, "none", "").Body.String(), "<h2>") }
	p := parts()
	for n, want := range map[int][]string{1: {"Heutig", "Morgig", "Spätling", "&lt;script&gt;"}, 2: {"Heutig"}, 3: {"Morgig"}} {
		for _, name := range []string{"Heutig", "Morgig", "Spätling", "Vorbei", "&lt;script&gt;"} {
			if has, wanted := strings.Contains(p[n], name), strings.Contains(strings.Join(want, " "), name); has != wanted {
				t.Errorf("part %d has %s: %v", n, name, has)
			}
		}
	}
	if strings.Contains(strings.Join(p, ""), "<script") {
		t.Error("a name becomes markup")
	}
	if w := ask("POST", local, "same-origin", url.Values{"booking": {items[2].Booking}}.Encode()); w.Code != http.StatusSeeOther {
		t.Fatalf("a tick: %d", w.Code)
	}
	if strings.Contains(parts()[1], "Spätling") {
		t.Error("what was ticked is still to transfer")
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"AnotherName":    ask("GET", "praxis.example:8377", "none", ""),
		"AnotherSite":    ask("POST", local, "cross-site", url.Values{"booking": {items[1].Booking}}.Encode()),
		"UnknownBooking": ask("POST", local, "same-origin", "booking=x"),
	} {
		if w.Code < 400 || strings.Contains(w.Body.String(), "Morgig") {
			t.Errorf("%s: %d", name, w.Code)
		}
	}

	// A tick stays; a line that was torn is cut off; the file says nothing
	// without the key.
	a.Close()
	file := filepath.Join(dir, "journal")
	b, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(b), "Heutig") {
		t.Fatalf("the journal shows a name, %v", err)
	}
	if err := os.WriteFile(file, append(b, b[:40]...), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := connector.Kept(dir, member, now)
	if err != nil {
		t.Fatal(err)
	}
	a = again
	if p := parts(); strings.Contains(p[1], "Spätling") || !strings.Contains(p[1], "Morgig") {
		t.Error("after a restart the list is another")
	}
	again.Close()
	if stranger, err := seal.GenerateKey(); err != nil {
		t.Fatal(err)
	} else if _, err := connector.Kept(dir, stranger, now); err == nil {
		t.Error("another key reads the journal")
	}
}

func TestBusyTimesGoUpWithoutTheirSubject(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	calendar := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:geheim@x\r\nSUMMARY:Frau Geheim\r\nDTSTART:20261124T090000Z\r\nDTEND:20261124T100000Z\r\nATTENDEE:mailto:geheim@x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	bare, err := connector.OnlyTimes([]byte(calendar), time.UTC, from, from.AddDate(0, 1, 0))
	if err != nil || strings.Contains(strings.ToLower(bare), "geheim") || !strings.Contains(bare, "DTSTART:20261124T090000Z\r\nDTEND:20261124T100000Z\r\n") {
		t.Errorf("got %q, %v", bare, err)
	}
}

func TestCalendarsAreFetchedFromOutsideAlone(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody inside was asked") }))
	defer s.Close()
	for _, address := range []string{s.URL, "http://example.com/", "https://localhost:1/", "https://10.0.0.1/", "https://169.254.169.254/", "https://[::1]/", "https://100.64.0.1/", "https://[::ffff:127.0.0.1]/"} {
		if res, err := connector.Outside().Get(address); err == nil {
			res.Body.Close()
			t.Errorf("%s is asked", address)
		}
	}
}

func TestTheStatusPageSaysWhenTheOfficeIsNewer(t *testing.T) {
	t.Parallel()
	member, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	a, err := connector.Kept(t.TempDir(), member, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, c := range []struct {
		own, office string
		says        bool
	}{
		{"v1.2.0", "v1.3.0", true}, {"v1.3.0", "v1.3.0", false}, {"v1.4.0", "v1.3.0", false}, {"v1.2.0", "", false},
		{"", "v1.3.0", false}, {"v1.2.0", "v9<script>", false},
	} {
		a.Versions(c.own, c.office)
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = "127.0.0.1:8377"
		w := httptest.NewRecorder()
		a.Pages().ServeHTTP(w, r)
		if says := strings.Contains(w.Body.String(), "neuere Fassung: "+c.office); says != c.says {
			t.Errorf("%q, the office %q: %v", c.own, c.office, says)
		}
	}
}
