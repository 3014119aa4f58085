package registry_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"siegel/tenants/registry"
	"siegel/tenants/tenanttest"
)

func (n *nameserver) forget(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.txt, name+".")
}

func (n *nameserver) leads(name, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.a[name+"."] = address
}

func (n *nameserver) fail(ill bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ill = ill
}

func TestRecheck_AHostWhoseProofIsGoneIsToldAndThenOff(t *testing.T) {
	t.Parallel()
	f, n := tenanttest.New(t), serveNames(t)
	c := &clock{t: time.Now()}
	s, err := registry.NewService(registry.Config{DB: f.DB, Base: "termine.example.org", Scheme: "http", Now: c.now,
		Resolver: n.resolver(), HTTP: nowhere(), Platform: registry.Brand{Name: "Siegel"}})
	if err != nil {
		t.Fatal(err)
	}
	tenant, owner := f.Tenant.ID, person(t, f, "Anna")
	join(t, f, tenant, owner, "owner")
	verified := func(name string) registry.HostName {
		t.Helper()
		h, err := s.AddHost(t.Context(), tenant, name)
		if err != nil {
			t.Fatal(err)
		}
		n.say(h.Record, h.Challenge)
		if h, err = s.VerifyHost(t.Context(), tenant, name); err != nil {
			t.Fatal(err)
		}
		return h
	}
	lost, kept, leading := verified("lost.example.com"), verified("kept.example.com"), verified("leading.example.com")
	if err := s.PreferHost(t.Context(), tenant, lost.Name); err != nil {
		t.Fatal(err)
	}
	n.forget(lost.Record)
	n.forget(leading.Record)
	n.leads("portal.termine.example.org", "192.0.2.80")
	n.leads(leading.Name, "192.0.2.80")
	n.leads(lost.Name, "192.0.2.99")
	letters := func() (refs []string) {
		for _, ref := range queued(t, f, tenant) {
			if ref, ok := strings.CutPrefix(ref, "host_mail "); ok {
				refs = append(refs, ref)
			}
		}
		return refs
	}
	look := func(want ...string) registry.HostName {
		t.Helper()
		if err := s.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := letters(); !slices.Equal(got, want) {
			t.Fatalf("letters %q, want %q", got, want)
		}
		hosts, err := s.Hosts(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hosts[1:] {
			if h.Verified.IsZero() || !h.Lost.IsZero() || h.Problem != "" {
				t.Errorf("%s is proven and became %+v", h.Name, h)
			}
		}
		return hosts[0]
	}
	if h := look(); !h.Lost.IsZero() {
		t.Fatalf("looked at again within the day: %+v", h)
	}
	told := "hostlost_" + owner.UUID()
	c.add(25 * time.Hour)
	n.fail(true)
	if h := look(); !h.Lost.IsZero() || h.Verified.IsZero() {
		t.Fatalf("a name server that does not answer proves something: %+v", h)
	}
	n.fail(false)
	c.add(25 * time.Hour)
	if h := look(told); h.Lost.IsZero() || h.Verified.IsZero() || !h.Preferred || h.Problem != "not_found" {
		t.Fatalf("told: %+v", h)
	}
	letter, err := s.Letter(t.Context(), tenant, told)
	if err != nil || letter.By != lost.Name || letter.Variant != "" || letter.Until.Sub(c.now()) < registry.LostGrace-time.Hour {
		t.Fatalf("letter %+v, %v", letter, err)
	}
	c.add(6 * 24 * time.Hour)
	if h := look(told); h.Verified.IsZero() {
		t.Fatalf("off before its grace was over: %+v", h)
	}
	c.add(25 * time.Hour)
	off := "hostoff_" + owner.UUID()
	if h := look(told, off); !h.Verified.IsZero() || h.Preferred {
		t.Fatalf("still counts: %+v", h)
	}
	if _, _, err := s.Resolve(t.Context(), lost.Name); !errors.Is(err, registry.ErrUnknownHost) {
		t.Errorf("it still leads to the practice: %v", err)
	}
	if _, _, err := s.Resolve(t.Context(), kept.Name); err != nil {
		t.Errorf("the other one does not: %v", err)
	}
	if letter, err = s.Letter(t.Context(), tenant, off); err != nil || letter.By != lost.Name || letter.Variant != "off" {
		t.Errorf("letter %+v, %v", letter, err)
	}
	if _, err = s.Letter(t.Context(), tenant, told); !errors.Is(err, registry.ErrNobody) {
		t.Errorf("the first letter is still worth sending: %v", err)
	}
	c.add(25 * time.Hour)
	look(told, off)

	n.say(lost.Record, lost.Challenge)
	if h, err := s.VerifyHost(t.Context(), tenant, lost.Name); err != nil || h.Verified.IsZero() || !h.Lost.IsZero() {
		t.Errorf("proven again: %+v, %v", h, err)
	}
}

func TestRecheck_ABaseWhoseProofIsGoneIsToldToItsReseller(t *testing.T) {
	t.Parallel()
	f, n := tenanttest.New(t), serveNames(t)
	c := &clock{t: time.Now()}
	s, err := registry.NewService(registry.Config{DB: f.DB, Base: "termine.example.org", Scheme: "http", Now: c.now,
		Resolver: n.resolver(), HTTP: nowhere(), Platform: registry.Brand{Name: "Siegel"}})
	if err != nil {
		t.Fatal(err)
	}
	reseller, err := s.NewReseller(t.Context(), "Praxisnetz Nord")
	if err != nil {
		t.Fatal(err)
	}
	brand := registry.Brand{Name: "Praxisnetz Nord", SupportEmail: "hilfe@nord.example"}
	if err := s.SaveBrand(t.Context(), reseller.ID, reseller.Version, brand); err != nil {
		t.Fatal(err)
	}
	made, err := s.Begin(t.Context(), registry.Beginning{Slug: "praxis-nord", Reseller: reseller.ID, Plan: "basis"})
	if err != nil {
		t.Fatal(err)
	}
	var bases []registry.HostName
	for _, name := range []string{"termine-nord.example", "leading-nord.example"} {
		h, err := s.AddBase(t.Context(), reseller.ID, name)
		if err != nil {
			t.Fatal(err)
		}
		n.say(h.Record, h.Challenge)
		if h, err = s.VerifyBase(t.Context(), reseller.ID, name); err != nil {
			t.Fatal(err)
		}
		n.forget(h.Record)
		bases = append(bases, h)
	}
	n.leads("portal.termine.example.org", "192.0.2.80")
	n.leads("siegel-check."+bases[1].Name, "192.0.2.80")
	look := func(want ...string) registry.HostName {
		t.Helper()
		if err := s.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		var refs []string
		for _, ref := range queued(t, f, made.ID) {
			if ref, ok := strings.CutPrefix(ref, "host_mail "); ok {
				refs = append(refs, ref)
			}
		}
		if !slices.Equal(refs, want) {
			t.Fatalf("letters %q, want %q", refs, want)
		}
		found, err := s.Bases(t.Context(), reseller.ID)
		if err != nil || len(found) != 2 {
			t.Fatal(found, err)
		}
		for _, h := range found {
			if h.Name == bases[1].Name && (h.Verified.IsZero() || !h.Lost.IsZero()) {
				t.Errorf("names below %s lead here, and it became %+v", h.Name, h)
			}
		}
		return found[slices.IndexFunc(found, func(h registry.HostName) bool { return h.Name == bases[0].Name })]
	}
	look()
	c.add(25 * time.Hour)
	told := "baselost_" + reseller.ID.UUID()
	if h := look(told); h.Lost.IsZero() || h.Verified.IsZero() {
		t.Fatalf("told: %+v", h)
	}
	letter, err := s.Letter(t.Context(), made.ID, told)
	if err != nil || letter.To != brand.SupportEmail || letter.By != bases[0].Name || letter.Variant != "base" || letter.From.Name != "Siegel" {
		t.Fatalf("letter %+v, %v", letter, err)
	}
	if _, _, err := s.Resolve(t.Context(), "praxis-nord."+bases[0].Name); err != nil {
		t.Errorf("off before its grace was over: %v", err)
	}
	c.add(8 * 24 * time.Hour)
	off := "baseoff_" + reseller.ID.UUID()
	if h := look(told, off); !h.Verified.IsZero() {
		t.Fatalf("still counts: %+v", h)
	}
	if _, _, err := s.Resolve(t.Context(), "praxis-nord."+bases[0].Name); !errors.Is(err, registry.ErrUnknownHost) {
		t.Errorf("it still leads to the practice: %v", err)
	}
	if _, _, err := s.Resolve(t.Context(), "praxis-nord."+bases[1].Name); err != nil {
		t.Errorf("the other one does not: %v", err)
	}
	if letter, err = s.Letter(t.Context(), made.ID, off); err != nil || letter.Variant != "base_off" {
		t.Errorf("letter %+v, %v", letter, err)
	}
}
