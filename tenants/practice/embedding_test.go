package practice_test

import (
	"errors"
	"slices"
	"testing"

	"siegel/tenants/practice"
	"siegel/tenants/tenanttest"
)

func TestWhoMayFrameThePatientsPages(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	e := practice.NewEmbedding(f.DB)
	ctx, tenant := t.Context(), f.Tenant.ID
	for _, bad := range []string{"", "https://", "*", "https://*.example.org", "http://praxis.example", "javascript:alert(1)", "https://a.example;script-src *",
		"https://a.example b.example", "https://user@a.example", "praxis", "'self'", "data:text/html,x", "https://a.example\nx"} {
		if _, err := e.SetSites(ctx, tenant, []string{bad}); !errors.Is(err, practice.ErrMalformedSite) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if sites, err := practice.NewEmbedding(f.DB).Sites(ctx, tenant); err != nil || len(sites) != 0 {
		t.Fatalf("before anybody named one: %v, %v", sites, err)
	}
	kept, err := e.SetSites(ctx, tenant, []string{" HTTPS://WWW.Praxis.example/termine?x#y ", "praxis.example", "https://praxis.example:8443", "http://localhost:3000", "www.praxis.example"})
	want := []string{"https://www.praxis.example", "https://praxis.example", "https://praxis.example:8443", "http://localhost:3000"}
	if err != nil || !slices.Equal(kept, want) {
		t.Fatalf("%v, %v", kept, err)
	}
	if sites, err := e.Sites(ctx, tenant); err != nil || !slices.Equal(sites, want) {
		t.Fatalf("%v, %v", sites, err)
	}
	other, _ := f.Plant(t, "andere")
	if sites, err := e.Sites(ctx, other.ID); err != nil || len(sites) != 0 {
		t.Fatalf("another practice has %v, %v", sites, err)
	}
}
