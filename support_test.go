package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"siegel/platform/access"
	"siegel/platform/config"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// on is a request to one host, of somebody or nobody.
func (w *town) on(t *testing.T, host, cookie, method, path string, body any) (answer, http.Header) {
	t.Helper()
	host += "." + w.base
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
	return answer{res.StatusCode, string(text)}, res.Header
}

func report(text string) object {
	return object{"page": "patient/start", "version": "Report-abc", "browser": "Firefox 150, Linux", "text": text, "requests": []string{"AbCdEf123456"}}
}

func TestSupport_AReportReachesWhoLooksAfterThePractice(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	if err := w.house.registry.SaveBrand(t.Context(), w.nord.ID, 0, registry.Brand{Name: "Praxisnetz Nord", SupportEmail: "hilfe@nord.example", SupportPhone: "+49 40 1"}); err != nil {
		t.Fatal(err)
	}
	if a, _ := w.on(t, "praxis", "", http.MethodPost, "/api/v1/problems", report("Der Knopf tut nichts.")); a.status != http.StatusNoContent {
		t.Fatalf("reported: %d %s", a.status, a.body)
	}
	m := w.mail(t, func(m message) bool { return m.To == "hilfe@nord.example" })
	for _, want := range []string{"> Der Knopf tut nichts.", "patient/start", "Firefox 150, Linux", "AbCdEf123456"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail does not say %q:\n%s", want, m.Text)
		}
	}
	var found struct {
		Reports []struct{ ID, Practice, Origin, Text string }
	}
	w.want(t, http.StatusOK, w.other, http.MethodGet, "/api/v1/portal/problems", nil, &found)
	if len(found.Reports) != 0 {
		t.Errorf("another reseller reads %+v", found.Reports)
	}
	w.want(t, http.StatusOK, w.agent, http.MethodGet, "/api/v1/portal/problems", nil, &found)
	if len(found.Reports) != 1 || found.Reports[0].Practice != "praxis" || found.Reports[0].Origin != "patient" {
		t.Fatalf("the portal has %+v", found.Reports)
	}
	w.want(t, http.StatusNoContent, w.agent, http.MethodDelete, "/api/v1/portal/problems/"+found.Reports[0].ID, nil, nil)

	var last answer
	for range 10 {
		last, _ = w.on(t, "praxis", "", http.MethodPost, "/api/v1/problems", report("Noch einmal."))
	}
	if last.status != http.StatusTooManyRequests || last.reason() != "too_many_reports" {
		t.Errorf("from one address the eleventh within an hour: %d %s", last.status, last.body)
	}
	// The office is told whom to ask, whoever is or is not signed in.
	a, _ := w.on(t, "praxis.office", "", http.MethodGet, "/api/v1/support", nil)
	if a.status != http.StatusOK || !strings.Contains(a.body, "hilfe@nord.example") || !strings.Contains(a.body, "+49 40 1") {
		t.Errorf("support of the office: %d %s", a.status, a.body)
	}
}

func TestStatus_IsForEverybodyAndTellsNoSecret(t *testing.T) {
	t.Parallel()
	w := open(t, func(c *config.Config) {
		c.SMTPURL = "smtp://127.0.0.1:1" // where nobody listens
	})
	for text, public := range map[string]bool{"Wartung am Samstag": true, "Neue Preise": false} {
		path := "/api/v1/portal/announcements/01984c1e-0000-7000-8000-00000000000" + map[bool]string{true: "1", false: "2"}[public]
		w.want(t, http.StatusNoContent, w.admin, http.MethodPut, path, object{"level": "info", "de": text, "en": text, "public": public,
			"starts": time.Now().Add(-time.Hour), "ends": time.Now().Add(time.Hour)}, nil)
	}
	w.house.status.Look(t.Context())
	for host, told := range map[string]bool{"praxis": true, "praxis.office": true, "foreign": false, "portal": false} {
		a, header := w.on(t, host, "", http.MethodGet, "/status?lang=de", nil)
		if a.status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || header.Get("Cache-Control") != "public, max-age=10" {
			t.Fatalf("%s: %d %v", host, a.status, header)
		}
		for _, want := range []string{"Etwas ist gestört", "Versand von E-Mails</th><td class=\"unwell\"", "Termine und Konten</th><td class=\"well\""} {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s does not say %q:\n%s", host, want, a.body)
			}
		}
		if strings.Contains(a.body, "Wartung am Samstag") != told {
			t.Errorf("%s: what is for everybody of Nord is told: %v", host, !told)
		}
		for _, secret := range []string{"Neue Preise", "127.0.0.1", "refused", "smtp", "postgres", "siegel_server"} {
			if strings.Contains(a.body, secret) {
				t.Errorf("%s says %q", host, secret)
			}
		}
	}
	if a, _ := w.on(t, "praxis", "", http.MethodGet, "/status?lang=en", nil); !strings.Contains(a.body, `<html lang="en">`) || !strings.Contains(a.body, "Something does not work") {
		t.Errorf("in English: %s", a.body)
	}
	if a, _ := w.on(t, "nobody", "", http.MethodGet, "/status", nil); a.status != http.StatusNotFound {
		t.Errorf("a host that is nobody's: %d", a.status)
	}
}

func TestSupport_IsLetInForATimeOverHTTP(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	asked := object{"email": "agent@example.org", "hours": 4}
	var people struct {
		Support []struct {
			Account, Email string
			Until          time.Time
		}
	}
	w.want(t, http.StatusCreated, w.owner, http.MethodPost, "/api/v1/people/support", asked, &people)
	if len(people.Support) != 1 || people.Support[0].Email != "agent@example.org" || time.Until(people.Support[0].Until) > 4*time.Hour {
		t.Fatalf("let in: %+v", people.Support)
	}
	for _, stranger := range []string{"other@example.org", "nobody@example.org"} { // of another reseller, of nobody
		if a := w.ask(t, w.owner, http.MethodPost, "/api/v1/people/support", object{"email": stranger, "hours": 4}); a.status < 400 || a.status >= 500 {
			t.Errorf("%s: %d %s", stranger, a.status, a.body)
		}
	}
	w.want(t, http.StatusNoContent, w.owner, http.MethodDelete, "/api/v1/people/support/"+people.Support[0].Account, nil, nil)
	w.want(t, http.StatusOK, w.owner, http.MethodGet, "/api/v1/people", nil, &people)
	if len(people.Support) != 0 {
		t.Errorf("ended, and still there: %+v", people.Support)
	}
	if a := w.ask(t, w.owner, http.MethodDelete, "/api/v1/people/support/"+id.New[id.Account]().String(), nil); a.status < 400 || a.status >= 500 {
		t.Errorf("ended for nobody: %d %s", a.status, a.body)
	}

	for reseller, base := range map[id.Reseller]string{w.nord.ID: "termine-nord.example", w.sued.ID: "termine-sued.example"} {
		w.exec(t, `insert into reseller_base (base, reseller_id, challenge, verified) values (?, ?, '', now())`, base, reseller)
	}
	for tenant, host := range map[id.Tenant]string{w.Tenant.ID: "praxis-nord.example", w.foreign.ID: "praxis-sued.example"} {
		w.exec(t, `insert into tenant_host (host, tenant_id, challenge, verified) values (?, ?, '', now())`, host, tenant)
	}
	var hosts struct {
		Certificates []struct{ Host, Slug, State string }
	}
	w.want(t, http.StatusOK, w.agent, http.MethodGet, "/api/v1/portal/host-certificates", nil, &hosts)
	if len(hosts.Certificates) != 2 {
		t.Errorf("%+v", hosts.Certificates)
	}
	for _, c := range hosts.Certificates {
		if !strings.HasSuffix(c.Host, "nord.example") || c.Slug != "" && c.Slug != "praxis" {
			t.Errorf("another reseller's host: %+v", c)
		}
	}
}

// What is taken from somebody on one server is gone on every other for each
// request that begins a second later, however warm that one's memory is.
func TestTwoServers_TakeAwayWithinASecond(t *testing.T) {
	t.Parallel()
	one := open(t, nil)
	two := one.twin(t)
	tenant := one.Tenant.ID
	member := func(name string) (cookie string, account id.Account) {
		cookie = one.sign(t, name, identity.OfTenant(tenant), access.Owner, 0)
		if err := one.DB.Global().NewRaw(`select id from account where email = ?`, name+"@example.org").Scan(t.Context(), &account); err != nil {
			t.Fatal(err)
		}
		return cookie, account
	}
	gone := func(what, cookie string, status int, take func(account id.Account) error, account id.Account) {
		t.Helper()
		ask := func() int {
			a, _ := two.on(t, "praxis.office", cookie, http.MethodGet, "/api/v1/people", nil)
			return a.status
		}
		if got := ask(); got != http.StatusOK {
			t.Fatalf("%s: before it %d", what, got)
		}
		if err := take(account); err != nil {
			t.Fatal(err)
		}
		taken := time.Now()
		for {
			begun := time.Now()
			got := ask()
			if got == status {
				return
			}
			if got != http.StatusOK || begun.Sub(taken) > registry.Age {
				t.Fatalf("%s: asked after %v, got %d, want %d", what, begun.Sub(taken), got, status)
			}
		}
	}
	cookie, account := member("role")
	gone("a role", cookie, http.StatusForbidden, func(account id.Account) error {
		return one.house.onboarding.SetRole(t.Context(), tenant, account, staff.FrontDesk, nil)
	}, account)
	cookie, account = member("left")
	gone("a membership", cookie, http.StatusUnauthorized, func(account id.Account) error {
		return one.house.staff.Remove(t.Context(), tenant, account)
	}, account)
	cookie, account = member("out")
	gone("a session", cookie, http.StatusUnauthorized, func(account id.Account) error {
		return one.house.identity.SignOutEverywhere(t.Context(), account, identity.OfTenant(tenant))
	}, account)
	cookie, _ = member("ended")
	gone("a session that its owner ends", cookie, http.StatusUnauthorized, func(id.Account) error {
		a, _ := one.on(t, "praxis.office", cookie, http.MethodDelete, "/api/v1/session", nil)
		if a.status != http.StatusNoContent {
			t.Errorf("signing out: %d %s", a.status, a.body)
		}
		return nil
	}, account)
}
