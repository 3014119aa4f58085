package privacy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/practice"
	"siegel/tenants/privacy"
)

// person makes an account; with a role it works in the practice.
func (o *office) person(t *testing.T, name, role string) id.Account {
	t.Helper()
	account := id.New[id.Account]()
	o.exec(t, `insert into account (id, email, name) values (?, ?, ?)`, account, strings.ToLower(name)+"@example.org", name)
	if role != "" {
		if err := o.DB.Batch(t.Context(), o.Tenant.ID, func(b *postgres.Batch) {
			b.Exec(`insert into member (tenant_id, account_id, role, vouch) values ($1, $2, $3, $4)`, o.Tenant.ID, account, role, make([]byte, 32))
		}); err != nil {
			t.Fatal(err)
		}
	}
	return account
}

// queued are the letters of a kind that wait for a scope.
func (o *office) queued(t *testing.T, scope id.Tenant, kind string) []string {
	t.Helper()
	refs := []string{}
	if err := o.DB.Batch(t.Context(), scope, func(b *postgres.Batch) {
		b.Rows(`select ref from outbox where kind = $1 order by ref`, []any{kind}, func(rows pgx.Rows) error {
			var ref string
			err := rows.Scan(&ref)
			refs = append(refs, ref)
			return err
		})
	}); err != nil {
		t.Fatal(err)
	}
	return refs
}

func TestOwnersAreToldWhenOthersChangeTheirStatement(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	owner := o.person(t, "Anna", "owner")
	o.person(t, "Berta", "front_desk")
	keep := func() []string {
		t.Helper()
		o.later(2 * time.Second)
		for range 2 { // a second server finds it done
			if err := o.Keep(t.Context(), o.Tenant.ID); err != nil {
				t.Fatal(err)
			}
		}
		return o.queued(t, o.Tenant.ID, "statement_mail")
	}
	if refs := keep(); len(refs) != 0 {
		t.Fatalf("the first version is no change: %q", refs)
	}
	// What the practice decides itself, it knows.
	o.change(t, func(p *practice.Practice) { p.Name = "Praxis am Bach" })
	if err := o.SetRetention(t.Context(), o.Tenant.ID, privacy.Retention{privacy.KeptAppointments: 30}); err != nil {
		t.Fatal(err)
	}
	if refs := keep(); len(refs) != 0 {
		t.Fatalf("told of what the practice did itself: %q", refs)
	}
	// The operator has somebody else keep the database.
	o.enter(t, privacy.Draft{Component: "database", Company: "Daten GmbH", Address: "Weg 1, Ulm", Country: "DE", Purpose: "Datenbank", Contract: "2026-01-01", Secrecy: "2026-01-01"})
	refs := keep()
	if len(refs) != 1 || !strings.HasSuffix(refs[0], "_"+owner.UUID()) {
		t.Fatalf("letters: %q", refs)
	}
	l, err := o.StatementLetter(t.Context(), o.Tenant.ID, refs[0])
	if err != nil || l.To != "anna@example.org" || !strings.Contains(l.By, "Wer sonst noch Daten bekommt") || l.Until.IsZero() || !strings.HasSuffix(l.Link, "/#setup/privacy") {
		t.Errorf("letter %+v, %v", l, err)
	}
	for _, gone := range []string{"99_" + owner.UUID(), "1_" + uuid.NewString(), "x"} {
		if _, err := o.StatementLetter(t.Context(), o.Tenant.ID, gone); !errors.Is(err, privacy.ErrNobody) {
			t.Errorf("%s: %v", gone, err)
		}
	}
}

func TestOwnersAndOperatorAreWrittenToNinetyDaysBeforeEvidenceEnds(t *testing.T) {
	t.Parallel()
	o := open(t)
	owner, operator := o.person(t, "Anna", "owner"), o.person(t, "Paula", "")
	o.exec(t, `insert into platform_member (account_id, role) values (?, 'platform_admin')`, operator)
	day := func(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }
	draft := privacy.EvidenceDraft{Kind: "c5_type2", Title: "C5 des Rechenzentrums", Subject: "Betrieb", Auditor: "Prüf AG", Country: "DE", Issued: day(-300), Until: day(100)}
	entry, err := o.EnterEvidence(t.Context(), uuid.Nil, draft)
	if err != nil {
		t.Fatal(err)
	}
	warned := func() (owners, operators []string) {
		t.Helper()
		for range 2 { // each once, however often somebody looks
			if err := o.WarnOfEvidence(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return o.queued(t, o.Tenant.ID, "evidence_mail"), o.queued(t, audit.PlatformScope, "evidence_mail")
	}
	if a, b := warned(); len(a)+len(b) != 0 {
		t.Fatalf("warned a hundred days before: %q %q", a, b)
	}
	o.later(12 * 24 * time.Hour)
	owners, operators := warned()
	if !slices.Equal(owners, []string{entry.String() + "_" + owner.UUID()}) || !slices.Equal(operators, []string{entry.String() + "_" + operator.UUID()}) {
		t.Fatalf("warned: %q %q", owners, operators)
	}
	for scope, ref := range map[id.Tenant]string{o.Tenant.ID: owners[0], audit.PlatformScope: operators[0]} {
		l, err := o.EvidenceLetter(t.Context(), scope, ref)
		if err != nil || l.By != draft.Title || l.Until.Format(time.DateOnly) != draft.Until || l.Variant != "" || l.To == "" || l.Link == "" {
			t.Errorf("letter %+v, %v", l, err)
		}
	}
	o.later(90 * 24 * time.Hour)
	if l, err := o.EvidenceLetter(t.Context(), o.Tenant.ID, owners[0]); err != nil || l.Variant != "over" {
		t.Errorf("once it is over: %+v, %v", l, err)
	}
	// A new date ends the alarm, and begins the next one in its time.
	draft.Until = day(400)
	if _, err := o.EnterEvidence(t.Context(), entry, draft); err != nil {
		t.Fatal(err)
	}
	if _, err := o.EvidenceLetter(t.Context(), o.Tenant.ID, owners[0]); !errors.Is(err, privacy.ErrNobody) {
		t.Errorf("with a new date: %v", err)
	}
	if a, _ := warned(); len(a) != 1 {
		t.Errorf("warned of the new date already: %q", a)
	}
	o.later(250 * 24 * time.Hour)
	if a, _ := warned(); len(a) != 2 {
		t.Errorf("not warned of the new date: %q", a)
	}
}
