package help_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	"siegel/tenants/help"
	tenantschema "siegel/tenants/schema"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m, postgres.Set{Name: "platform", FS: platformschema.FS}, postgres.Set{Name: "tenants", FS: tenantschema.FS}))
}

func service(t *testing.T) *help.Service {
	t.Helper()
	s, err := help.NewService(help.Config{DB: testdb.OpenURL(t, testdb.New(t).Server)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func report() help.Report {
	return help.Report{Tenant: id.New[id.Tenant](), Origin: help.Office, Page: "office/day", Version: "abc", Browser: "Firefox 150, Linux", Text: "Es geht nicht.\nGar nicht.", Requests: []string{"AbCdEf123456"}}
}

func TestAReportReachesWhoLooksAfterTheTenant(t *testing.T) {
	t.Parallel()
	s := service(t)
	ours, theirs := id.New[id.Reseller](), id.New[id.Reseller]()
	r := report()
	r.Reseller = ours
	if err := s.Add(t.Context(), r, false); err != nil {
		t.Fatal(err)
	}
	for _, other := range []id.Reseller{theirs, {}} {
		if found, err := s.Reports(t.Context(), other); err != nil || len(found) != 0 {
			t.Errorf("another sees %v (%v)", found, err)
		}
	}
	found, err := s.Reports(t.Context(), ours)
	if err != nil || len(found) != 1 || found[0].Text != r.Text || found[0].Tenant != r.Tenant || found[0].Requests[0] != r.Requests[0] {
		t.Fatalf("%+v, %v", found, err)
	}
	if err := s.Settle(t.Context(), theirs, found[0].ID); !errors.Is(err, help.ErrUnknown) {
		t.Errorf("another settles it: %v", err)
	}
	if err := s.Settle(t.Context(), ours, found[0].ID); err != nil {
		t.Error(err)
	}
	if found, _ := s.Reports(t.Context(), ours); len(found) != 0 {
		t.Error("it is still there")
	}
}

func TestAReportIsMailedOnlyWhereItShall(t *testing.T) {
	t.Parallel()
	urls := testdb.New(t)
	woken := 0
	s, err := help.NewService(help.Config{DB: testdb.OpenURL(t, urls.Server), Wake: func() { woken++ }})
	if err != nil {
		t.Fatal(err)
	}
	quiet, loud := report(), report()
	if err := errors.Join(s.Add(t.Context(), quiet, false), s.Add(t.Context(), loud, true)); err != nil {
		t.Fatal(err)
	}
	var tenant id.Tenant
	var kind, ref string
	if err := testdb.OpenURL(t, urls.Relay).Global().NewRaw(`select tenant_id, kind, ref from outbox`).Scan(t.Context(), &tenant, &kind, &ref); err != nil {
		t.Fatal(err)
	}
	if tenant != loud.Tenant || kind != "report_mail" || woken != 1 {
		t.Errorf("%s for %s, woken %d times", kind, tenant, woken)
	}
	found, err := s.Report(t.Context(), ref)
	if err != nil || found.Text != loud.Text || found.Tenant != loud.Tenant || found.Origin != loud.Origin {
		t.Errorf("%+v, %v", found, err)
	}
	if err := s.Settle(t.Context(), found.Reseller, found.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Report(t.Context(), ref); !errors.Is(err, help.ErrUnknown) {
		t.Errorf("settled, and still to be mailed: %v", err)
	}
}

func TestOnlyWhatIsForEverybodyIsPublic(t *testing.T) {
	t.Parallel()
	s := service(t)
	ours := id.New[id.Reseller]()
	for text, a := range map[string]help.Announcement{"all": {Public: true}, "ours": {Public: true, Reseller: ours}, "office": {Reseller: ours}, "theirs": {Public: true, Reseller: id.New[id.Reseller]()}} {
		a.ID, a.Level, a.German, a.English, a.Starts, a.Ends = uuid.New(), "info", text, text, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if err := s.Announce(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for reseller, want := range map[id.Reseller]int{ours: 2, {}: 1} {
		found, err := s.Public(t.Context(), reseller)
		if err != nil || len(found) != want {
			t.Errorf("%s: %+v, %v", reseller, found, err)
		}
		for _, a := range found {
			if a.German == "office" || a.German == "theirs" || !a.Public {
				t.Errorf("%s: %+v", reseller, a)
			}
		}
	}
}

func TestMalformedReportsAreRefused(t *testing.T) {
	t.Parallel()
	s := service(t)
	for name, change := range map[string]func(*help.Report){
		"NoText":     func(r *help.Report) { r.Text = " \n" },
		"LongText":   func(r *help.Report) { r.Text = strings.Repeat("ä", 2001) },
		"Control":    func(r *help.Report) { r.Text = "a\x00b" },
		"NoUTF8":     func(r *help.Report) { r.Text = "\xff" },
		"Page":       func(r *help.Report) { r.Page = "https://x/#secret" },
		"Browser":    func(r *help.Report) { r.Browser = strings.Repeat("x", 81) },
		"Request":    func(r *help.Report) { r.Requests = []string{"erika@muster.example"} },
		"ManyOfThem": func(r *help.Report) { r.Requests = strings.Fields(strings.Repeat("AbCdEf123456 ", 11)) },
		"Origin":     func(r *help.Report) { r.Origin = "reseller" },
	} {
		r := report()
		change(&r)
		if err := s.Add(t.Context(), r, false); !errors.Is(err, help.ErrMalformedReport) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnnouncementsAreForTheirOffices(t *testing.T) {
	t.Parallel()
	s := service(t)
	ours, theirs := id.New[id.Reseller](), id.New[id.Reseller]()
	say := func(reseller id.Reseller, text string, starts, ends time.Duration) uuid.UUID {
		a := help.Announcement{ID: uuid.New(), Reseller: reseller, Level: "info", German: text, English: text, Starts: time.Now().Add(starts), Ends: time.Now().Add(ends)}
		if err := s.Announce(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		return a.ID
	}
	say(id.Reseller{}, "all", -time.Hour, time.Hour)
	mine := say(ours, "ours", -2*time.Hour, time.Hour)
	say(ours, "later", time.Hour, 2*time.Hour)
	say(ours, "over", -2*time.Hour, -time.Hour)
	say(theirs, "theirs", -time.Hour, time.Hour)
	now := func(reseller id.Reseller) string {
		found, err := s.Current(t.Context(), reseller)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, a := range found {
			all = append(all, a.German)
		}
		return strings.Join(all, " ")
	}
	for reseller, want := range map[id.Reseller]string{ours: "all ours", theirs: "theirs all", {}: "all"} {
		if got := now(reseller); got != want && got != "all theirs" {
			t.Errorf("%s is told %q, want %q", reseller, got, want)
		}
	}
	if err := s.Announce(t.Context(), help.Announcement{ID: mine, Reseller: theirs, Level: "info", German: "x", English: "x", Starts: time.Now(), Ends: time.Now().Add(time.Hour)}); !errors.Is(err, help.ErrUnknown) {
		t.Errorf("another changed it: %v", err)
	}
	if err := s.Withdraw(t.Context(), theirs, mine); !errors.Is(err, help.ErrUnknown) {
		t.Errorf("another withdrew it: %v", err)
	}
	if err := s.Withdraw(t.Context(), ours, mine); err != nil || now(ours) != "all" {
		t.Errorf("withdrawn: %v, %q", err, now(ours))
	}
	if err := s.Announce(t.Context(), help.Announcement{ID: uuid.New(), Level: "alarm", German: "x", English: "x", Starts: time.Now(), Ends: time.Now().Add(time.Hour)}); !errors.Is(err, help.ErrMalformedAnnouncement) {
		t.Errorf("%v", err)
	}
}
