package privacy_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"siegel/platform/id"
	"siegel/tenants/onboarding"
	"siegel/tenants/privacy"
)

func TestNothingIsBookedWhileAComponentLacksItsEntry(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.carry(t, "lox24")
	all := []string{"hosting", "database", "mail", "backup", "monitoring", "support", "sms:lox24"}
	if missing := o.missing(t); !slices.Equal(missing, all) {
		t.Fatalf("missing: %v", missing)
	}
	o.own(t)
	if missing := o.missing(t); !slices.Equal(missing, []string{"sms:lox24"}) {
		t.Errorf("missing: %v", missing)
	}
	obstacles, err := o.onboarding.Obstacles(t.Context(), o.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(obstacles, func(x onboarding.Obstacle) bool {
		return x.Code == privacy.MissingProcessors && slices.Equal(x.Fields, []string{"sms"})
	}) {
		t.Errorf("the owner does not see it: %v", obstacles)
	}
	entry := o.enter(t, privacy.Draft{Component: "sms", Plugin: "lox24", Own: true, Country: "DE", Purpose: "SMS"})
	if missing := o.missing(t); len(missing) != 0 {
		t.Errorf("missing: %v", missing)
	}
	if err := o.Strike(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	if missing := o.missing(t); !slices.Equal(missing, []string{"sms:lox24"}) {
		t.Errorf("a struck entry still counts: %v", missing)
	}
}

// What was open closes: the public's door asks each time.
func TestAnOpenPracticeClosesWithItsRegister(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	entry := o.enter(t, privacy.Draft{Component: "sms", Plugin: "lox24", Own: true, Country: "DE", Purpose: "SMS"})
	o.carry(t, "lox24")
	if err := o.onboarding.SetBusiness(t.Context(), o.Tenant.ID, onboarding.Business{Specialty: "generic", Company: "P", Street: "S", PostalCode: "1",
		City: "K", Responsible: "R", Alone: true}, "+49 721 000111", "praxis@praxis.example"); err != nil {
		t.Fatal(err)
	}
	a, err := o.onboarding.Agreement(t.Context(), o.Tenant.ID, "de")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.onboarding.Accept(t.Context(), o.Tenant.ID, id.New[id.Account](), "R", "de", a.Hash[:]); err != nil {
		t.Fatal(err)
	}
	o.later(2 * time.Second)
	if err := o.onboarding.SetOpen(t.Context(), o.Tenant.ID, true); err != nil {
		var why *onboarding.ObstaclesError
		errors.As(err, &why)
		t.Fatal(err, why)
	}
	closed := func() string {
		o.later(2 * time.Second)
		why, err := o.onboarding.Closed(t.Context(), o.Tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		return why
	}
	if why := closed(); why != "" {
		t.Errorf("closed: %s", why)
	}
	if err := o.Strike(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	if why := closed(); why == "" {
		t.Error("the practice can be booked though somebody works with its data whom the register does not know")
	}
	var obstacles *onboarding.ObstaclesError
	if err := o.onboarding.SetOpen(t.Context(), o.Tenant.ID, true); !errors.As(err, &obstacles) {
		t.Errorf("opening: %v", err)
	}
}

func TestServersAndBackupsOutsideTheEEARefuseToOpen(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	o.enter(t, privacy.Draft{Component: "backup", Company: "Far Inc.", Address: "Far", Country: "US", Purpose: "Backups", Contract: "2026-01-01", Secrecy: "2026-01-01"})
	o.enter(t, privacy.Draft{Component: "monitoring", Company: "Near Ltd.", Address: "Near", Country: "GB", Purpose: "Watching", Contract: "2026-01-01", Secrecy: "2026-01-01"})
	if missing := o.missing(t); !slices.Equal(missing, []string{"backup:Far Inc. outside"}) {
		t.Errorf("missing: %v", missing)
	}
	obstacles, err := o.Obstacles(t.Context(), o.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(obstacles) != 1 || obstacles[0].Code != privacy.OutsideEEA {
		t.Errorf("obstacles: %v", obstacles)
	}
	if has(o.document(t, privacy.Statement, "de"), "else.eea") {
		t.Error("the statement says that servers are in the EEA")
	}
}

func TestAResellerNeedsAnEntryOfItsOwn(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	nord, err := o.Registry.NewReseller(t.Context(), "Nord")
	if err != nil {
		t.Fatal(err)
	}
	sued, err := o.Registry.NewReseller(t.Context(), "Süd")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Registry.Move(t.Context(), o.Tenant.ID, nord.ID); err != nil {
		t.Fatal(err)
	}
	draft := privacy.Draft{Component: "reseller", Company: "Süd", Address: "Süd 1", Country: "DE", Purpose: "Betreuung", Contract: "2026-01-01", Secrecy: "2026-01-01", Seller: sued.ID}
	o.enter(t, draft)
	if missing := o.missing(t); !slices.Equal(missing, []string{"reseller:" + nord.ID.String()}) {
		t.Errorf("missing: %v", missing)
	}
	draft.Seller, draft.Company = nord.ID, "Nord"
	o.enter(t, draft)
	if missing := o.missing(t); len(missing) != 0 {
		t.Errorf("missing: %v", missing)
	}
	if _, err := o.Enter(t.Context(), uuid.Nil, draft); !errors.Is(err, privacy.ErrEntered) {
		t.Errorf("entered twice: %v", err)
	}
}

func TestWhatLacksADateOrANameIsNoEntry(t *testing.T) {
	t.Parallel()
	o := open(t)
	good := privacy.Draft{Component: "hosting", Company: "C", Address: "A", Country: "DE", Purpose: "P", Contract: "2026-01-01", Secrecy: "2026-01-01"}
	for name, spoil := range map[string]func(*privacy.Draft){
		"component": func(d *privacy.Draft) { d.Component = "kitchen" },
		"company":   func(d *privacy.Draft) { d.Company = "" },
		"address":   func(d *privacy.Draft) { d.Address = " " },
		"country":   func(d *privacy.Draft) { d.Country = "Germany" },
		"purpose":   func(d *privacy.Draft) { d.Purpose = "" },
		"contract":  func(d *privacy.Draft) { d.Contract = "yesterday" },
		"secrecy":   func(d *privacy.Draft) { d.Secrecy = "" },
		"seller":    func(d *privacy.Draft) { d.Component = "reseller" },
		"plugin":    func(d *privacy.Draft) { d.Component = "sms" },
	} {
		d := good
		spoil(&d)
		var mistakes privacy.Mistakes
		if _, err := o.Enter(t.Context(), uuid.Nil, d); !errors.As(err, &mistakes) || mistakes[0].Field != name {
			t.Errorf("%s: %v %v", name, err, mistakes)
		}
	}
	if _, err := o.Enter(t.Context(), uuid.New(), good); !errors.Is(err, privacy.ErrUnknown) {
		t.Errorf("an entry that there is not: %v", err)
	}
}

func TestEvidenceEndsWithAWarningNinetyDaysBefore(t *testing.T) {
	t.Parallel()
	o := open(t)
	if !has(o.document(t, privacy.Impact, "de"), "evidence.none") {
		t.Error("that there is no evidence is not said")
	}
	day := func(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }
	draft := privacy.EvidenceDraft{Kind: "c5_type2", Title: "Rechenzentrum", Subject: "Betrieb", Auditor: "Prüf AG", Country: "DE", Issued: day(-300), Until: day(100)}
	if _, err := o.EnterEvidence(t.Context(), uuid.Nil, draft); err != nil {
		t.Fatal(err)
	}
	all, err := o.Evidence(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	for days, wanted := range map[int][2]bool{0: {false, false}, 9: {false, false}, 12: {false, true}, 99: {false, true}, 102: {true, true}} {
		over, soon := all[0].Ends(time.Now().AddDate(0, 0, days))
		if [2]bool{over, soon} != wanted {
			t.Errorf("after %d days: over %v, soon %v", days, over, soon)
		}
	}
	if d := o.document(t, privacy.Impact, "de"); has(d, "evidence.none") || !has(d, "fact.evidence") {
		t.Error("valid evidence is not shown")
	}
	o.later(102 * 24 * time.Hour)
	if !has(o.document(t, privacy.Impact, "de"), "evidence.none") {
		t.Error("evidence that is over is shown as valid")
	}
}
