package registry_test

import (
	"errors"
	"strings"
	"testing"

	"siegel/tenants/registry"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	s := service(t, open(t), nil)
	praxis, other := create(t, s, "praxis"), create(t, s, "praxis-2")
	closed := create(t, s, "closed")
	if err := s.SetStatus(t.Context(), closed.ID, registry.Closed); err != nil {
		t.Fatal(err)
	}
	suspended := create(t, s, "suspended")
	if err := s.SetStatus(t.Context(), suspended.ID, registry.Suspended); err != nil {
		t.Fatal(err)
	}
	suspended.Status = registry.Suspended

	for _, c := range []struct {
		host   string
		tenant registry.Tenant
		kind   registry.Kind
	}{
		{"praxis.localhost:8080", praxis, registry.Patients},
		{"PRAXIS.LocalHost:8080", praxis, registry.Patients},
		{"praxis.office.localhost:8080", praxis, registry.Office},
		{"praxis-2.office.localhost:8080", other, registry.Office},
		{"suspended.localhost:8080", suspended, registry.Patients},
		{"portal.localhost:8080", registry.Tenant{}, registry.Portal},
	} {
		t.Run(c.host, func(t *testing.T) {
			t.Parallel()
			tenant, kind, err := s.Resolve(t.Context(), c.host)
			if err != nil || tenant != c.tenant || kind != c.kind {
				t.Fatalf("got %+v, %s, %v; want %+v, %s", tenant, kind, err, c.tenant, c.kind)
			}
			if host := s.Host(tenant.Slug, kind); host != strings.ToLower(c.host) {
				t.Fatalf("its host is %q", host)
			}
		})
	}

	for name, host := range map[string]string{
		"Empty":              "",
		"BaseAlone":          "localhost:8080",
		"OfficeAlone":        "office.localhost:8080",
		"DotBase":            ".localhost:8080",
		"NoPort":             "praxis.localhost",
		"OtherPort":          "praxis.localhost:8081",
		"PortWithZero":       "praxis.localhost:08080",
		"TwoPorts":           "praxis.localhost:8080:8080",
		"EmptyPort":          "praxis.localhost:",
		"TrailingDot":        "praxis.localhost.:8080",
		"TrailingDotAtEnd":   "praxis.localhost:8080.",
		"UserInformation":    "praxis@praxis-2.localhost:8080",
		"UserAndPassword":    "a:b@praxis.localhost:8080",
		"Path":               "praxis.localhost:8080/",
		"PathBefore":         "evil.example/praxis.localhost:8080",
		"Scheme":             "http://praxis.localhost:8080",
		"Space":              " praxis.localhost:8080",
		"SpaceAtEnd":         "praxis.localhost:8080 ",
		"Newline":            "praxis.localhost:8080\n",
		"Nul":                "praxis\x00.localhost:8080",
		"Nested":             "a.praxis.localhost:8080",
		"NestedOffice":       "a.praxis.office.localhost:8080",
		"OfficeTwice":        "praxis.office.office.localhost:8080",
		"OfficeOfPortal":     "portal.office.localhost:8080",
		"NestedPortal":       "a.portal.localhost:8080",
		"Punycode":           "xn--praxis.localhost:8080",
		"Percent":            "%70raxis.localhost:8080",
		"Homoglyph":          "рraxis.localhost:8080",
		"KelvinSign":         "pra\u212Axis.localhost:8080",
		"DotlessI":           "prax\u0131s.localhost:8080",
		"FullWidthDot":       "praxis\uFF0Elocalhost:8080",
		"ForeignBase":        "praxis.example.org:8080",
		"BaseAsPrefix":       "praxis.localhost:8080.evil.example",
		"BaseWithoutDot":     "praxislocalhost:8080",
		"Address":            "127.0.0.1:8080",
		"AddressV6":          "[::1]:8080",
		"ListOfHosts":        "praxis.localhost:8080, praxis-2.localhost:8080",
		"UnknownTenant":      "nobody.localhost:8080",
		"ClosedTenant":       "closed.localhost:8080",
		"ClosedOffice":       "closed.office.localhost:8080",
		"LeadingHyphen":      "-praxis.localhost:8080",
		"Long":               strings.Repeat("a.", 200) + "localhost:8080",
		"VeryLongLabel":      strings.Repeat("a", 64) + ".localhost:8080",
		"Wildcard":           "*.localhost:8080",
		"UnderscoredService": "_acme-challenge.localhost:8080",
	} {
		t.Run("Refuses/"+name, func(t *testing.T) {
			t.Parallel()
			tenant, kind, err := s.Resolve(t.Context(), host)
			if !errors.Is(err, registry.ErrUnknownHost) || tenant != (registry.Tenant{}) || kind != "" {
				t.Fatalf("%q: got %+v, %q, %v; want %v", host, tenant, kind, err, registry.ErrUnknownHost)
			}
		})
	}
}

func TestNewService_RefusesAMalformedBase(t *testing.T) {
	t.Parallel()
	db := open(t)
	for _, base := range []string{"", ":8080", "Example.org", "example.org.", ".example.org", "example..org", "https://example.org", "example.org/", "example.org:", "example.org:0", "example.org:080", "example.org:99999", "exämple.org", "example.org:http"} {
		if _, err := registry.NewService(registry.Config{DB: db, Base: base}); err == nil {
			t.Errorf("the base %q was accepted", base)
		}
	}
	for _, base := range []string{"localhost", "localhost:8080", "termine.example.org", "example.org:443"} {
		if _, err := registry.NewService(registry.Config{DB: db, Base: base}); err != nil {
			t.Errorf("the base %q was refused: %v", base, err)
		}
	}
}

// Whatever host is taken for a tenant's is, but for letters' case, the host
// that we would write for that tenant: no two spellings, no detours.
func FuzzSplitHost(f *testing.F) {
	for _, seed := range []string{"praxis.localhost:8080", "A.OFFICE.localhost:8080", "portal.localhost:8080", "x@y.localhost:8080", "a.b.localhost:8080", "\u212A.localhost:8080", "xn--a.localhost:8080"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		slug, kind, ok := registry.SplitHost("localhost:8080", host)
		if !ok {
			return
		}
		want := map[registry.Kind]string{
			registry.Patients: slug + ".localhost:8080",
			registry.Office:   slug + ".office.localhost:8080",
			registry.Portal:   "portal.localhost:8080",
		}[kind]
		if !strings.EqualFold(host, want) || len(host) != len(want) {
			t.Fatalf("%q was taken for %q", host, want)
		}
		if strings.ContainsAny(slug, ".:@/ ") || slug == "" != (kind == registry.Portal) {
			t.Fatalf("%q gave the slug %q of a %s host", host, slug, kind)
		}
	})
}
