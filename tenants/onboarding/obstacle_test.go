package onboarding_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
)

func codes(obstacles []onboarding.Obstacle) []string {
	list := []string{}
	for _, o := range obstacles {
		list = append(list, o.Code)
	}
	return list
}

// Each step clears its own obstacle and no other; only at the end can the
// owner open, and only then can the public book.
func TestThePathToTheFirstBooking(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, owner := b.tenant(t, "praxis-berg")
	want := []string{"imprint", "agreement", "keys", "recovery", "holder"}
	check := func(step string) {
		t.Helper()
		got, err := b.Obstacles(t.Context(), tenant)
		if err != nil || !slices.Equal(codes(got), want) {
			t.Fatalf("%s: got %v, %v; want %v", step, codes(got), err, want)
		}
		err = b.SetOpen(t.Context(), tenant, true)
		var obstacles *onboarding.ObstaclesError
		if len(want) > 0 && (!errors.As(err, &obstacles) || !slices.Equal(codes(obstacles.Obstacles), want)) {
			t.Fatalf("%s: opened, %v", step, err)
		}
		closed, err := b.Closed(t.Context(), tenant)
		if wantClosed := map[bool]string{true: "not_open", false: ""}[len(want) > 0]; err != nil || closed != wantClosed {
			t.Fatalf("%s: closed %q, %v", step, closed, err)
		}
		b.ahead(time.Second)
	}
	check("prepared")

	business := full()
	business.Alone = false
	if err := b.SetBusiness(t.Context(), tenant, business, "", "praxis@berg.example"); err != nil {
		t.Fatal(err)
	}
	want = []string{"phone", "agreement", "keys", "recovery", "holder"}
	check("imprint without a telephone")
	if err := b.SetBusiness(t.Context(), tenant, business, "+49 721 000111", "praxis@berg.example"); err != nil {
		t.Fatal(err)
	}
	want = []string{"agreement", "keys", "recovery", "holder"}
	check("telephone")

	b.accept(t, tenant, owner)
	want = []string{"keys", "recovery", "holder"}
	check("agreement")

	b.keys(t, tenant, owner)
	want = []string{"recovery", "holder"}
	check("keys")

	if err := b.keyring.ProveRecovery(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	want = []string{"holder"}
	check("recovery")

	business.Alone = true
	if err := b.SetBusiness(t.Context(), tenant, business, "+49 721 000111", "praxis@berg.example"); err != nil {
		t.Fatal(err)
	}
	want = []string{}
	check("alone, knowingly")

	if err := b.SetOpen(t.Context(), tenant, false); err != nil {
		t.Fatal(err)
	}
	if closed, err := b.Closed(t.Context(), tenant); err != nil || closed != "not_open" {
		t.Errorf("paused: closed %q, %v", closed, err)
	}
	if err := b.SetOpen(t.Context(), tenant, true); err != nil {
		t.Fatal(err)
	}
	// Losing something later is shown to the practice, and closes nothing.
	business.Alone, business.Chamber = false, ""
	if err := b.SetBusiness(t.Context(), tenant, business, "+49 721 000111", "praxis@berg.example"); err != nil {
		t.Fatal(err)
	}
	if closed, err := b.Closed(t.Context(), tenant); err != nil || closed != "" {
		t.Errorf("closed %q, %v", closed, err)
	}
	if got, err := b.Obstacles(t.Context(), tenant); err != nil || !slices.Equal(codes(got), []string{"imprint", "holder"}) {
		t.Errorf("obstacles %v, %v", codes(got), err)
	}
}

func TestTheImprintThatEachTradeNeeds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, _ := b.tenant(t, "praxis-berg")
	for specialty, want := range map[string][]string{
		"general_practice": {"responsible", "chamber", "professional_title", "title_state", "professional_rules", "association"},
		"physiotherapy":    {"responsible", "professional_title", "title_state", "professional_rules"},
		"hairdresser":      {"responsible"},
	} {
		if err := b.SetBusiness(t.Context(), tenant, onboarding.Business{Specialty: specialty, Company: "X", Street: "Y 1", PostalCode: "1", City: "Z"}, "+49 721 000111", "a@b.example"); err != nil {
			t.Fatal(err)
		}
		got, err := b.Obstacles(t.Context(), tenant)
		if err != nil || len(got) == 0 || got[0].Code != onboarding.MissingImprint || !slices.Equal(got[0].Fields, want) {
			t.Errorf("%s: got %+v, %v", specialty, got, err)
		}
	}
}

func TestTheImprintIsWhatPatientsRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, _ := b.tenant(t, "praxis-berg")
	business := full()
	business.VATID, business.ProtectionOfficer = "DE000000000", "Kim Schutz, schutz@dsb.example"
	if err := b.SetBusiness(t.Context(), tenant, business, "+49 721 000111", "praxis@berg.example"); err != nil {
		t.Fatal(err)
	}
	rules, err := b.practice.Rules(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"Praxis Berg", "Bergstraße 1", "76133 Karlsruhe", "+49 721 000111", "praxis@berg.example", "Dr. Jana Berg", "Ärztin (verliehen in: Deutschland)",
		"Landesärztekammer", "Berufsordnung", "KV", "DE000000000", "Kim Schutz"} {
		if !strings.Contains(rules.Practice.Imprint, part) {
			t.Errorf("%q is not in\n%s", part, rules.Practice.Imprint)
		}
	}
}

func TestKeysThatHaveExpiredAreAnObstacle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, owner := b.tenant(t, "praxis-berg")
	b.keys(t, tenant, owner)
	b.ahead(91 * 24 * time.Hour)
	got, err := b.Obstacles(t.Context(), tenant)
	if err != nil || !slices.Contains(codes(got), onboarding.ExpiredDirectory) {
		t.Errorf("got %v, %v", codes(got), err)
	}
}

// An edition that replaces another asks again; booking goes on until its day.
func TestANewEditionAsksAgain(t *testing.T) {
	t.Parallel()
	text := map[string]string{"de": "# Vertrag {{.Version}} {{.Practice.Name}} mit {{.Provider.Name}}{{with .SubProcessor}} und {{.Name}}{{end}}", "en": "# {{.Version}}"}
	editions := []onboarding.Edition{{Version: "1", Texts: text}}
	b := setup(t, func(c *onboarding.Config) { c.Editions = editions })
	tenant, owner := b.tenant(t, "praxis-berg")
	if due, err := b.AgreementDue(t.Context(), tenant); err != nil || due {
		t.Errorf("before the first: due %v, %v", due, err)
	}
	b.accept(t, tenant, owner)
	if due, err := b.AgreementDue(t.Context(), tenant); err != nil || due {
		t.Errorf("accepted: due %v, %v", due, err)
	}

	required := time.Now().Add(48 * time.Hour)
	next := *b
	next.Service = remade(t, b, append(editions, onboarding.Edition{Version: "2", Required: required, Texts: text}))
	if due, err := next.AgreementDue(t.Context(), tenant); err != nil || !due {
		t.Errorf("a new edition: due %v, %v", due, err)
	}
	if got, err := next.Obstacles(t.Context(), tenant); err != nil || slices.Contains(codes(got), onboarding.MissingAgreement) {
		t.Errorf("before its day: %v, %v", codes(got), err)
	}
	next.ahead(49 * time.Hour)
	if got, err := next.Obstacles(t.Context(), tenant); err != nil || !slices.Contains(codes(got), onboarding.MissingAgreement) {
		t.Errorf("after its day: %v, %v", codes(got), err)
	}
	next.accept(t, tenant, owner)
	if due, err := next.AgreementDue(t.Context(), tenant); err != nil || due {
		t.Errorf("accepted again: due %v, %v", due, err)
	}
	all, err := next.Acceptances(t.Context(), tenant)
	if err != nil || len(all) != 2 || all[0].Version != "2" || all[1].Version != "1" || all[1].Document != "# Vertrag 1 Praxis Berg mit Betreiber GmbH" {
		t.Errorf("acceptances %+v, %v", all, err)
	}
}

// remade is the same service with other editions, as after an update.
func remade(t *testing.T, b *bench, editions []onboarding.Edition) *onboarding.Service {
	t.Helper()
	c := b.Config
	c.Editions = editions
	s, err := onboarding.NewService(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheAgreementNamesTheRightParties(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, owner := b.tenant(t, "praxis-berg")
	a, err := b.Agreement(t.Context(), tenant, "de")
	if err != nil || !strings.Contains(a.Document, "Betreiber GmbH") || !strings.Contains(a.Document, "Praxis Berg, Bergstraße 1, 76133 Karlsruhe") || strings.Contains(a.Document, "<no value>") {
		t.Fatalf("%v\n%s", err, a.Document)
	}
	b.accept(t, tenant, owner)

	b.contract = onboarding.Contract{Reseller: &onboarding.Party{Name: "Nord OHG", Address: "Kai 1, 20457 Hamburg", Email: "nord@ohg.example"}, WithReseller: true,
		Brand: &notify.Sender{Name: "Nord"}}
	b.ahead(time.Second)
	a, err = b.Agreement(t.Context(), tenant, "en")
	if err != nil || !strings.Contains(a.Document, "Nord OHG, Kai 1, 20457 Hamburg") || !strings.Contains(a.Document, "further processor, which runs the installation: Betreiber GmbH") {
		t.Errorf("%v\n%s", err, a.Document)
	}
	// Other parties are another agreement.
	if due, err := b.AgreementDue(t.Context(), tenant); err != nil || !due {
		t.Errorf("due %v, %v", due, err)
	}
}

func TestAcceptRefusesAnotherText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, owner := b.tenant(t, "praxis-berg")
	a, err := b.Agreement(t.Context(), tenant, "de")
	if err != nil {
		t.Fatal(err)
	}
	business := full()
	business.Company = "Praxis Tal"
	if err := b.SetBusiness(t.Context(), tenant, business, "+49 721 000111", "praxis@berg.example"); err != nil {
		t.Fatal(err)
	}
	for name, hash := range map[string][]byte{"OfBefore": a.Hash[:], "None": nil, "Other": make([]byte, 32)} {
		if err := b.Accept(t.Context(), tenant, owner, "Dr. Jana Berg", "de", hash); !errors.Is(err, onboarding.ErrAgreementChanged) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAnUnknownTenantIsClosed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nobody := id.New[id.Tenant]()
	if closed, err := b.Closed(t.Context(), nobody); err != nil || closed != "not_open" {
		t.Errorf("closed %q, %v", closed, err)
	}
	if err := b.SetOpen(t.Context(), nobody, true); err == nil {
		t.Error("opened")
	}
}

// Without the database nothing is open by accident.
func TestClosed_WithoutDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, _ := b.tenant(t, "praxis-berg")
	b.db.Close()
	if closed, err := b.Closed(context.Background(), tenant); err == nil {
		t.Errorf("closed %q", closed)
	}
}
