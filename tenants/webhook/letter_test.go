package webhook_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/audit"
	"siegel/tenants/registry"
	"siegel/tenants/webhook"
)

// person is an account; with a role somebody of the bundle's practice.
func (b bundle) person(t *testing.T, name, role string) id.Account {
	t.Helper()
	account := id.New[id.Account]()
	b.exec(t, `insert into account (id, email, name, language) values (?, ?, ?, 'en')`, account, strings.ToLower(name)+"@example.org", name)
	if role != "" {
		b.exec(t, `insert into member (tenant_id, account_id, role, vouch) values (?, ?, ?, ?)`, b.Tenant.ID, account, role, make([]byte, 32))
	}
	return account
}

// letters are those that wait in the outbox, in order of their addressees: what
// each says, or why it is not sent any more.
func (b bundle) letters(t *testing.T) (all []registry.Letter, lapsed int) {
	t.Helper()
	var waiting []struct {
		TenantID id.Tenant
		Ref      string
	}
	if err := b.super.Global().NewRaw(`select tenant_id, ref from outbox where kind = 'webhook_mail' and status = 'waiting'`).Scan(t.Context(), &waiting); err != nil {
		t.Fatal(err)
	}
	for _, m := range waiting {
		l, err := b.Letter(t.Context(), m.TenantID, m.Ref)
		if errors.Is(err, webhook.ErrNobody) {
			lapsed++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b registry.Letter) int { return strings.Compare(a.To, b.To) })
	return all, lapsed
}

// writing is a bundle that can write letters.
func writing(t *testing.T) bundle {
	t.Helper()
	b := setup(t)
	b.Config.Registry = b.Fixture.Registry
	return b
}

func TestOwnersAreToldOnceThatAWebhookWasSwitchedOff(t *testing.T) {
	t.Parallel()
	b, r := writing(t), newReceiver(t)
	b.person(t, "Anna", "owner")
	b.person(t, "Berta", "owner")
	b.person(t, "Clara", "front_desk")
	stranger := b.person(t, "Dora", "")
	r.answers(status(http.StatusGone))
	_, w := b.listen(t, b.own(), r.URL+"/hook?key=geheim")
	b.change(t, `update practice set version = version + 1`)
	b.carry(t)
	got, _ := b.letters(t)
	if len(got) != 2 || got[0].To != "anna@example.org" || got[1].To != "berta@example.org" {
		t.Fatalf("%+v", got)
	}
	l := got[0]
	if l.Variant != "gone" || l.By != "Anzeige" || l.Language != "en" || l.Practice != "Praxis "+b.Tenant.Slug || l.Until.IsZero() ||
		!strings.HasSuffix(l.Link, b.Tenant.Slug+".office.localhost:8080/#setup/systems") {
		t.Errorf("%+v", l)
	}
	if strings.Contains(strings.Join([]string{l.By, l.Link, l.Practice}, " "), "geheim") {
		t.Error("the address, which may have a secret in it, is in the letter")
	}
	// What is off fails no more, and nobody is told again.
	b.change(t, `update practice set version = version + 1`)
	b.carry(t)
	if got, _ := b.letters(t); len(got) != 2 {
		t.Errorf("%d letters", len(got))
	}
	if _, err := b.Letter(t.Context(), b.Tenant.ID, w.ID.UUID()+"_"+stranger.UUID()); !errors.Is(err, webhook.ErrNobody) {
		t.Errorf("a stranger: %v", err)
	}
	t.Run("NotAnyMoreWhereItIsOnAgain", func(t *testing.T) {
		if _, err := b.Change(t.Context(), b.own(), w.ID, webhook.Wish{Name: w.Name, URL: w.URL, Events: w.Events, Active: true}); err != nil {
			t.Fatal(err)
		}
		if got, lapsed := b.letters(t); len(got) != 0 || lapsed != 2 {
			t.Errorf("%d letters, %d lapsed", len(got), lapsed)
		}
	})
	t.Run("AgainWhereItFailsAgain", func(t *testing.T) {
		b.change(t, `update practice set version = version + 1`)
		b.carry(t)
		if got, _ := b.letters(t); len(got) != 4 { // the first two count again: what they say is so
			t.Errorf("%d letters", len(got))
		}
	})
}

func TestOwnersAreToldAfterThreeDaysWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	b, r := writing(t), newReceiver(t)
	b.person(t, "Anna", "owner")
	r.answers(status(http.StatusServiceUnavailable))
	b.listen(t, b.own(), r.URL)
	b.change(t, `update practice set version = version + 1`)
	begun := b.clock.now()
	for tries := 1; ; tries++ {
		pauses := b.carry(t)
		got, _ := b.letters(t)
		if len(pauses) == 0 {
			if len(got) != 1 || got[0].Variant != "" || got[0].Until.Before(begun.Add(-time.Second)) || got[0].Until.After(begun.Add(time.Minute)) {
				t.Errorf("%+v", got)
			}
			return
		}
		if len(got) != 0 || tries > 20 {
			t.Fatalf("after %d attempts, and still trying: %+v", tries, got)
		}
		b.clock.pass(time.Duration(pauses[0] * float64(time.Second)))
	}
}

func TestAResellersAdminsAreToldOfTheirs(t *testing.T) {
	t.Parallel()
	b, r := writing(t), newReceiver(t)
	mine, other := id.New[id.Reseller](), id.New[id.Reseller]()
	for who, of := range map[string]id.Reseller{"Anna": mine, "Berta": other} {
		b.exec(t, `insert into reseller (id, name) values (?, 'Termine Süd')`, of)
		b.exec(t, `insert into reseller_member (reseller_id, account_id, role) values (?, ?, 'reseller_admin')`, of, b.person(t, who, "owner"))
	}
	b.exec(t, `insert into reseller_member (reseller_id, account_id, role) values (?, ?, 'reseller_agent')`, mine, b.person(t, "Clara", ""))
	r.answers(status(http.StatusGone))
	b.listen(t, webhook.Scope{Tenant: audit.ResellerScope(mine), Reseller: true}, r.URL)
	if _, err := b.Fixture.Registry.Begin(context.WithoutCancel(t.Context()), registry.Beginning{Slug: "neu", Reseller: mine, Prepared: true}); err != nil {
		t.Fatal(err)
	}
	b.carry(t)
	got, lapsed := b.letters(t)
	if len(got) != 1 || lapsed != 0 || got[0].To != "anna@example.org" || got[0].Practice != "Termine Süd" || !strings.HasSuffix(got[0].Link, "portal.localhost:8080/#systems") {
		t.Errorf("%d lapsed: %+v", lapsed, got)
	}
}
