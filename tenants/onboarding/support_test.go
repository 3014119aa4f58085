package onboarding_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// acts are what a tenant's trail has of a subject, oldest first.
func (b *bench) acts(t *testing.T, tenant id.Tenant, subject string) (acts []string) {
	t.Helper()
	err := b.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		return tx.NewRaw(`select act || ' ' || object from audit_entry where tenant_id = ? and act like ? order by id`, tenant, subject+".%").Scan(ctx, &acts)
	})
	if err != nil {
		t.Fatal(err)
	}
	return acts
}

func TestSupportIsLetInForATimeAndEndsByItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, owner := b.tenant(t, "praxis-berg")
	nord, err := b.registry.NewReseller(t.Context(), "Nord")
	if err != nil {
		t.Fatal(err)
	}
	sued, err := b.registry.NewReseller(t.Context(), "Süd")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.registry.Move(t.Context(), tenant, nord.ID); err != nil {
		t.Fatal(err)
	}
	helper, stranger, operator := b.account(t, "hilfe@nord.example"), b.account(t, "hilfe@sued.example"), b.account(t, "hilfe@siegel.example")
	for account, of := range map[id.Account]struct {
		reseller id.Reseller
		role     access.Role
	}{helper: {nord.ID, access.ResellerAgent}, stranger: {sued.ID, access.ResellerAgent}, operator: {id.Reseller{}, access.PlatformAdmin}} {
		if err := b.registry.AddPerson(t.Context(), of.reseller, account, of.role); err != nil {
			t.Fatal(err)
		}
	}
	b.account(t, "jemand@praxis.example")
	for email, want := range map[string]error{
		"hilfe@sued.example":    registry.ErrNotSupport, // of another reseller's
		"jemand@praxis.example": registry.ErrNotSupport, // has an account and is nobody's support
		"niemand@example.org":   registry.ErrNotSupport,
		"":                      registry.ErrNotSupport,
	} {
		if err := b.LetIn(t.Context(), tenant, email, time.Hour); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", email, err, want)
		}
	}
	for _, span := range []time.Duration{0, -time.Hour, time.Minute, staff.MaxSupport + time.Hour} {
		if err := b.LetIn(t.Context(), tenant, "hilfe@nord.example", span); !errors.Is(err, staff.ErrMalformedSpan) {
			t.Errorf("%s: %v", span, err)
		}
	}
	if err := b.LetIn(t.Context(), tenant, " Hilfe@Nord.example ", 4*time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := b.LetIn(t.Context(), tenant, "hilfe@siegel.example", time.Hour); err != nil {
		t.Fatal(err)
	}
	let, err := b.staff.Support(t.Context(), tenant)
	if err != nil || len(let) != 2 || let[0].Account != operator || let[1].Account != helper || time.Until(let[1].Until) > 4*time.Hour || time.Until(let[1].Until) < 4*time.Hour-time.Minute {
		t.Fatalf("let in: %+v, %v", let, err)
	}
	if role, err := b.staff.Role(t.Context(), tenant, helper); err != nil || role != staff.Support {
		t.Errorf("role %q, %v", role, err)
	}
	letters := b.letters(t, notify.SupportMail)
	if len(letters) != 2 || letters[0].To != "hilfe@nord.example" || letters[0].Practice != "Praxis Berg" || !letters[0].Until.Equal(let[1].Until) {
		t.Errorf("letters %+v", letters)
	}

	t.Run("NobodyGivesSupportAnotherRoleOrKeys", func(t *testing.T) {
		if err := b.SetRole(t.Context(), tenant, helper, staff.Owner, nil); !errors.Is(err, staff.ErrNotMember) {
			t.Errorf("made an owner: %v", err)
		}
		if err := b.SetRole(t.Context(), tenant, owner, staff.Support, nil); !errors.Is(err, staff.ErrUnknownRole) {
			t.Errorf("an owner became support: %v", err)
		}
		if _, err := b.Invite(t.Context(), tenant, onboarding.Invitation{Email: "x@y.example", Name: "X", Role: staff.Support}); !errors.Is(err, onboarding.ErrInvalidFields) {
			t.Errorf("invited as support for good: %v", err)
		}
		if err := b.staff.Add(t.Context(), tenant, stranger, staff.Support, nil); !errors.Is(err, staff.ErrUnknownRole) {
			t.Errorf("added as support for good: %v", err)
		}
		if err := b.staff.SetVouch(t.Context(), tenant, helper, make([]byte, 32)); err == nil {
			t.Error("support has a vouch, as who holds keys does")
		}
		people, err := b.staff.People(t.Context(), tenant)
		if err != nil || slices.ContainsFunc(people, func(p staff.Person) bool { return p.Account == helper }) {
			t.Errorf("support stands among those who hold keys: %+v, %v", people, err)
		}
		if err := b.LetIn(t.Context(), tenant, "hilfe@nord.example", 2*time.Hour); err != nil {
			t.Errorf("a new end: %v", err)
		}
	})
	t.Run("WhoWorksThereNoMoreSupportsNoMore", func(t *testing.T) {
		for account, want := range map[id.Account]bool{helper: true, operator: true, stranger: false} {
			if ok, err := b.registry.Supports(t.Context(), tenant, account); err != nil || ok != want {
				t.Errorf("%v, %v", ok, err)
			}
		}
		if err := b.registry.Move(t.Context(), tenant, sued.ID); err != nil {
			t.Fatal(err)
		}
		if ok, err := b.registry.Supports(t.Context(), tenant, helper); err != nil || ok {
			t.Errorf("the former reseller's still does: %v", err)
		}
	})
	over := func(account id.Account) {
		t.Helper()
		if err := b.SupportIsOver(t.Context(), jobs.Message{Tenant: tenant, Kind: onboarding.SupportOver, Ref: account.UUID()}); err != nil {
			t.Fatal(err)
		}
	}
	over(helper)
	if role, err := b.staff.Role(t.Context(), tenant, helper); err != nil || role != staff.Support {
		t.Errorf("ended before its end: %q, %v", role, err)
	}
	// Its time is over by the database's clock: it ends within [staff.Age],
	// whether or not anybody has come by to take the row away.
	err = b.db.Batch(t.Context(), tenant, func(x *postgres.Batch) {
		x.Exec(`update member set until = now() where tenant_id = $1 and account_id = $2`, tenant, helper)
	})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(staff.Age + time.Second/2); ; time.Sleep(10 * time.Millisecond) {
		if _, err := b.staff.Role(t.Context(), tenant, helper); errors.Is(err, staff.ErrNotMember) {
			break
		}
		b.ahead(50 * time.Millisecond)
		if time.Now().After(deadline) {
			t.Fatal("its time is over and it still lets in")
		}
	}
	over(helper)
	over(helper)
	if err := b.EndSupport(t.Context(), tenant, operator); err != nil {
		t.Fatal(err)
	}
	if err := b.EndSupport(t.Context(), tenant, operator); !errors.Is(err, staff.ErrNotMember) {
		t.Errorf("ended twice: %v", err)
	}
	if err := b.EndSupport(t.Context(), tenant, owner); !errors.Is(err, staff.ErrNotMember) {
		t.Errorf("an owner was ended as support: %v", err)
	}
	want := []string{"support.let_in " + helper.String(), "support.let_in " + operator.String(), "support.let_in " + helper.String(),
		"support.end " + helper.String(), "support.end " + operator.String()}
	if got := b.acts(t, tenant, "support"); !slices.Equal(got, want) {
		t.Errorf("the trail has %q, want %q", got, want)
	}
}

func TestOwnersAreToldOfANewVersionOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	told, owner := b.tenant(t, "praxis-berg")
	fresh, second := b.tenant(t, "praxis-tal")
	_, _ = b.tenant(t, "praxis-see") // accepted nothing
	for tenant, account := range map[id.Tenant]id.Account{told: owner, fresh: second} {
		a, err := b.Agreement(t.Context(), tenant, "de")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Accept(t.Context(), tenant, account, "Dr. Jana Berg", "de", a.Hash[:]); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(b.letters(t, notify.AgreementMail)); n != 0 {
		t.Fatalf("%d letters without a new version", n)
	}
	// Another program, with one more edition, on the same stores.
	required := time.Now().AddDate(0, 1, 0).UTC().Truncate(time.Second)
	config := b.Config
	config.Editions = append(slices.Clone(onboarding.Editions()), onboarding.Edition{Version: "2027-1-1", Required: required, Texts: map[string]string{"de": "Neu: {{.Practice.Name}}", "en": "New: {{.Practice.Name}}"}})
	newer, err := onboarding.NewService(config)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newer.Agreement(t.Context(), fresh, "de")
	if err != nil {
		t.Fatal(err)
	}
	if err := newer.Accept(t.Context(), fresh, second, "Dr. Jana Berg", "de", a.Hash[:]); err != nil {
		t.Fatal(err)
	}
	other, err := onboarding.NewService(config) // on another server
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, s := range []*onboarding.Service{newer, other} {
			if err := s.Tell(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.Service = newer
	letters := b.letters(t, notify.AgreementMail)
	if len(letters) != 1 || letters[0].Practice != "Praxis Berg" || letters[0].To == "" || !letters[0].Until.Equal(required) || letters[0].Link == "" {
		t.Fatalf("letters %+v", letters)
	}
	var queued int
	if err := b.relay.Global().NewRaw(`select count(*) from outbox where kind = ?`, notify.AgreementMail).Scan(t.Context(), &queued); err != nil || queued != 1 {
		t.Errorf("%d queued, %v", queued, err)
	}
	// Accepted before the letter has left: nobody is written to any more.
	a, err = newer.Agreement(t.Context(), told, "de")
	if err != nil {
		t.Fatal(err)
	}
	if err := newer.Accept(t.Context(), told, owner, "Dr. Jana Berg", "de", a.Hash[:]); err != nil {
		t.Fatal(err)
	}
	if left := b.letters(t, notify.AgreementMail); len(left) != 0 {
		t.Errorf("still asked: %+v", left)
	}
}
