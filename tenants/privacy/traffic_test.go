package privacy_test

import (
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/privacy"
)

func (o *office) visits(t *testing.T, tenant id.Tenant) map[string]int64 {
	t.Helper()
	all, err := o.Visits(t.Context(), tenant, time.Now().Add(-48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]int64{}
	for _, v := range all {
		sums[v.Field+" "+v.Value] += v.Visits
	}
	return sums
}

func TestVisitsAreCountedByTheHourAndSmallNumbersAreNot(t *testing.T) {
	t.Parallel()
	o := open(t)
	if err := o.SetSetting(t.Context(), o.Tenant.ID, privacy.Setting{Traffic: true}); err != nil {
		t.Fatal(err)
	}
	visit := privacy.Visit{Page: "/", Status: 200, Bytes: 100, Referrer: "https://praxis.example/wer/bin/ich?name=x", Browser: "Firefox", System: "Linux", Language: "de-DE,de;q=0.9"}
	for range 6 {
		o.Count(t.Context(), o.Tenant.ID, visit)
	}
	for _, page := range []string{"/confirm", "/booking", "/sealed"} { // each twice: together six
		visit.Page, visit.Browser = page, "Rare"+page[1:]
		for range 2 {
			o.Count(t.Context(), o.Tenant.ID, visit)
		}
	}
	visit.Language = "gsw;q=1\x00"
	for range 2 { // once they are put together still too few
		o.Count(t.Context(), o.Tenant.ID, visit)
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := o.visits(t, o.Tenant.ID); len(got) != 0 {
		t.Errorf("an hour that runs is stored: %v", got)
	}
	o.later(time.Hour)
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := o.visits(t, o.Tenant.ID)
	for what, n := range map[string]int64{"page /": 6, "page other": 8, "status 200": 14, "referrer praxis.example": 14, "browser Firefox": 6,
		"browser other": 8, "system Linux": 14, "language de": 12, "bytes all": 1400} {
		if got[what] != n {
			t.Errorf("%s: %d, want %d", what, got[what], n)
		}
		delete(got, what)
	}
	if len(got) != 0 {
		t.Errorf("also stored: %v", got)
	}
	if err := o.Flush(t.Context()); err != nil || o.visits(t, o.Tenant.ID)["page /"] != 6 {
		t.Errorf("counted twice (%v)", err)
	}
}

func TestNothingIsCountedUnlessItIsSwitchedOn(t *testing.T) {
	t.Parallel()
	o := open(t)
	for range 20 {
		o.Count(t.Context(), o.Tenant.ID, privacy.Visit{Page: "/", Status: 200})
		o.Count(t.Context(), noTenant, privacy.Visit{Page: "/", Status: 200})
	}
	o.later(2 * time.Hour)
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := o.visits(t, o.Tenant.ID); len(got) != 0 {
		t.Errorf("counted: %v", got)
	}
	if err := o.SetProfile(t.Context(), privacy.Profile{Traffic: true}); err != nil {
		t.Fatal(err)
	}
	o.later(2 * time.Second)
	for range 20 {
		o.Count(t.Context(), noTenant, privacy.Visit{Page: "/", Status: 200})
	}
	o.later(time.Hour)
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := o.visits(t, noTenant); got["page /"] != 20 {
		t.Errorf("of the portal: %v", got)
	}
	if got := o.visits(t, o.Tenant.ID); len(got) != 0 {
		t.Errorf("of a practice: %v", got)
	}
}
