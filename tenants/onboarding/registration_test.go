package onboarding_test

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"siegel/platform/id"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

func TestRegistrationBecomesATenantOnTrial(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.Register(t.Context(), registration(), visitor); err != nil {
		t.Fatal(err)
	}
	if tenants, err := b.registry.List(t.Context()); err != nil || len(tenants) != 0 {
		t.Fatalf("before the confirmation there is %v, %v", tenants, err)
	}
	letters := b.letters(t, notify.RegistrationMail)
	if len(letters) != 1 {
		t.Fatalf("%d letters", len(letters))
	}
	l := letters[0]
	if l.To != "berg@praxis-berg.example" || l.Practice != "Praxis Berg" || !strings.HasPrefix(l.Link, "https://portal.example/register#") || l.From.Name != "Betreiber GmbH" {
		t.Errorf("letter %+v", l)
	}
	p, err := b.Pending(t.Context(), token(t, l))
	if err != nil || !p.SlugFree || p.Contact != "Dr. Jana Berg" {
		t.Fatalf("pending %+v, %v", p, err)
	}
	owner := b.account(t, l.To)
	tenant, err := b.Confirm(t.Context(), token(t, l), "", owner)
	if err != nil {
		t.Fatal(err)
	}
	if tenant.Slug != "praxis-berg" || tenant.Status != registry.Trial {
		t.Errorf("tenant %+v", tenant)
	}
	if role, err := b.staff.Role(t.Context(), tenant.ID, owner); err != nil || role != staff.Owner {
		t.Errorf("the owner is %q, %v", role, err)
	}
	offer, err := b.practice.Offer(t.Context(), tenant.ID)
	if err != nil || len(offer.Services) < 5 || len(offer.Openings) < 2 || offer.Practice.Phone != "+49 721 000111" {
		t.Errorf("the practice was not set up: %+v, %v", offer, err)
	}
	if closed, err := b.Closed(t.Context(), tenant.ID); err != nil || closed != "not_open" {
		t.Errorf("closed %q, %v", closed, err)
	}
	// The link is used up, and what was typed is gone with it.
	if _, err := b.Confirm(t.Context(), token(t, l), "another-slug", owner); !errors.Is(err, onboarding.ErrExpired) {
		t.Errorf("confirmed again: %v", err)
	}
	var details string
	if err := b.db.Global().NewRaw(`select details::text from registration`).Scan(t.Context(), &details); err != nil || details != "{}" {
		t.Errorf("kept %q, %v", details, err)
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()

	t.Run("RefusesWhatIsNoBusiness", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for field, spoil := range map[string]func(*onboarding.Registration){
			"specialty":   func(r *onboarding.Registration) { r.Specialty = "magic" },
			"contact":     func(r *onboarding.Registration) { r.Contact = " " },
			"company":     func(r *onboarding.Registration) { r.Company = strings.Repeat("x", 121) },
			"street":      func(r *onboarding.Registration) { r.Street = "a\nb" },
			"city":        func(r *onboarding.Registration) { r.City = "\u202eeliM" },
			"phone":       func(r *onboarding.Registration) { r.Phone = "call me" },
			"email":       func(r *onboarding.Registration) { r.Email = "berg@praxis-berg.example\r\nBcc: x@y.example" },
			"slug":        func(r *onboarding.Registration) { r.Slug = "portal" },
			"postal_code": func(r *onboarding.Registration) { r.PostalCode = "" },
		} {
			r := registration()
			spoil(&r)
			err := b.Register(t.Context(), r, visitor)
			var mistakes onboarding.Mistakes
			if !errors.As(err, &mistakes) || len(mistakes) != 1 || mistakes[0].Field != field {
				t.Errorf("%s: got %v, %+v", field, err, mistakes)
			}
		}
		if n := len(b.letters(t, notify.RegistrationMail)); n != 0 {
			t.Errorf("%d letters", n)
		}
	})

	t.Run("AnswersTheSameWhoeverIsKnown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.account(t, "berg@praxis-berg.example")
		if err := b.Register(t.Context(), registration(), visitor); err != nil {
			t.Fatal(err)
		}
		if n := len(b.letters(t, notify.RegistrationMail)); n != 1 {
			t.Errorf("%d letters", n)
		}
	})

	t.Run("FillsNobodysMailbox", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for range 6 {
			if err := b.Register(t.Context(), registration(), visitor); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(b.letters(t, notify.RegistrationMail)); n != 3 {
			t.Errorf("%d letters, want 3", n)
		}
	})

	t.Run("LimitsANetworkAndNobodyElse", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var err error
		for i := range 21 {
			r := registration()
			r.Email = string(rune('a'+i)) + "@praxis-berg.example"
			if err = b.Register(t.Context(), r, visitor); err != nil && i < 20 {
				t.Fatal(err)
			}
		}
		if !errors.Is(err, onboarding.ErrTooMany) {
			t.Errorf("the 21st: %v", err)
		}
		r := registration()
		if err := b.Register(t.Context(), r, netip.MustParseAddr("198.51.100.1")); err != nil {
			t.Errorf("another network: %v", err)
		}
	})

	t.Run("DiesAfterADay", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if err := b.Register(t.Context(), registration(), visitor); err != nil {
			t.Fatal(err)
		}
		key := token(t, b.letters(t, notify.RegistrationMail)[0])
		if _, err := b.db.Global().NewRaw(`update registration set expires = now() - interval '1 second'`).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Pending(t.Context(), key); !errors.Is(err, onboarding.ErrExpired) {
			t.Errorf("got %v", err)
		}
		if err := b.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := b.db.Global().NewRaw(`select count(*) from registration`).Scan(t.Context(), &n); err != nil || n != 0 {
			t.Errorf("%d rows stay, %v", n, err)
		}
	})
}

func TestConfirm(t *testing.T) {
	t.Parallel()

	t.Run("ManyAtOnceMakeOneTenant", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if err := b.Register(t.Context(), registration(), visitor); err != nil {
			t.Fatal(err)
		}
		key := token(t, b.letters(t, notify.RegistrationMail)[0])
		owner := b.account(t, "berg@praxis-berg.example")
		var made atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := b.Confirm(t.Context(), key, "", owner); err == nil {
					made.Add(1)
				}
			})
		}
		wg.Wait()
		if tenants, err := b.registry.List(t.Context()); err != nil || len(tenants) != 1 || made.Load() != 1 {
			t.Errorf("%d confirmed, %d tenants, %v", made.Load(), len(tenants), err)
		}
	})

	t.Run("TakesAnotherSlugWhereTheFirstIsGone", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if err := b.Register(t.Context(), registration(), visitor); err != nil {
			t.Fatal(err)
		}
		key := token(t, b.letters(t, notify.RegistrationMail)[0])
		if _, err := b.registry.Create(t.Context(), "praxis-berg"); err != nil {
			t.Fatal(err)
		}
		owner := b.account(t, "berg@praxis-berg.example")
		if p, err := b.Pending(t.Context(), key); err != nil || p.SlugFree {
			t.Errorf("pending %+v, %v", p, err)
		}
		if _, err := b.Confirm(t.Context(), key, "", owner); !errors.Is(err, registry.ErrSlugTaken) {
			t.Errorf("got %v", err)
		}
		if tenant, err := b.Confirm(t.Context(), key, "praxis-berg-2", owner); err != nil || tenant.Slug != "praxis-berg-2" {
			t.Errorf("got %+v, %v", tenant, err)
		}
	})

	t.Run("GoesOnWhereItBrokeOff", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if err := b.Register(t.Context(), registration(), visitor); err != nil {
			t.Fatal(err)
		}
		key := token(t, b.letters(t, notify.RegistrationMail)[0])
		// The tenant was made, and then the server went away.
		begun, err := b.registry.Create(t.Context(), "praxis-berg")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.db.Global().NewRaw(`update registration set tenant_id = ?, claimed = now() - interval '1 minute'`, begun.ID).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		tenant, err := b.Confirm(t.Context(), key, "", b.account(t, "berg@praxis-berg.example"))
		if err != nil || tenant.ID != begun.ID {
			t.Errorf("got %+v, %v; want %v", tenant, err, begun.ID)
		}
	})

	t.Run("RefusesTokensOfOtherPurposes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if err := b.Register(t.Context(), registration(), visitor); err != nil {
			t.Fatal(err)
		}
		var key id.Registration
		if err := b.db.Global().NewRaw(`select id from registration`).Scan(t.Context(), &key); err != nil {
			t.Fatal(err)
		}
		for _, purpose := range []string{"invitation", "handover", "recovery"} {
			if _, err := b.Pending(t.Context(), b.links.Make(purpose, key.Bytes())); !errors.Is(err, onboarding.ErrExpired) {
				t.Errorf("%s: %v", purpose, err)
			}
		}
	})
}

func TestEverySpecialtyMakesAPracticeThatCanBeBooked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, x := range b.Specialties() {
		p := registration().Preparation
		p.Specialty = x.Code
		slug := strings.ReplaceAll(x.Code, "_", "-")
		tenant, err := b.registry.Create(t.Context(), slug)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Prepare(t.Context(), tenant.ID, p); err != nil {
			t.Errorf("%s: %v", x.Code, err)
			continue
		}
		offer, err := b.practice.Offer(t.Context(), tenant.ID)
		if err != nil || len(offer.Services) == 0 || len(offer.Openings) == 0 || len(offer.Practitioners) != 1 {
			t.Errorf("%s: %v", x.Code, err)
		}
		if err := b.Prepare(t.Context(), tenant.ID, p); err != nil {
			t.Errorf("%s, again: %v", x.Code, err)
		}
	}
}
