package privacy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/privacy"
)

func (o *office) processing(t *testing.T, seller id.Reseller) privacy.Document {
	t.Helper()
	d, err := o.Processing(t.Context(), seller, "de")
	if err != nil {
		t.Fatal(err)
	}
	if got := text(d); strings.ContainsAny(got, "{}") {
		t.Errorf("a placeholder was left:\n%s", got)
	}
	return d
}

// cells are the texts of a section's tables, row by row.
func cells(d privacy.Document, section string) (rows [][]string) {
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			for _, row := range b.Rows {
				if s.ID != section {
					continue
				}
				var texts []string
				for _, c := range row {
					texts = append(texts, c.Text)
				}
				rows = append(rows, texts)
			}
		}
	}
	return rows
}

// Art. 30 (2) GDPR: the processor, each controller, what is done for it,
// transfers, and measures.
func TestTheProcessorsRecordNamesEachControllerAndWhatIsDoneForIt(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	o.reminds = false
	o.change(t, func(p *practice.Practice) { p.Channels = []string{"mail"} })
	err := o.onboarding.SetBusiness(t.Context(), o.Tenant.ID, onboarding.Business{Specialty: "hairdresser", Company: "Salon Schön", Street: "Weg 1",
		PostalCode: "76131", City: "Karlsruhe", ProtectionOfficer: "Dr. Schutz"}, "+49 721 2", "salon@schoen.example")
	if err != nil {
		t.Fatal(err)
	}
	controllers := func() []string {
		t.Helper()
		rows := cells(o.processing(t, noReseller), "controllers")
		if len(rows) != 1 {
			t.Fatalf("controllers: %q", rows)
		}
		return rows[0]
	}
	plain := []string{"Salon Schön, Weg 1, 76131 Karlsruhe", "+49 721 2, salon@schoen.example, Dr. Schutz", "Auftragsverarbeiter", "Terminbuchung"}
	if got := controllers(); !slices.Equal(got, plain) {
		t.Errorf("got %q, want %q", got, plain)
	}
	d := o.processing(t, noReseller)
	for _, key := range []string{"record.transfer_none", "measure.seal", "measure.tenants", "people.blind", "fact.made", "fact.reach"} {
		if !has(d, key) {
			t.Errorf("the record lacks %s", key)
		}
	}
	if got := cells(d, "categories"); len(got) != 1 || got[0][0] != "Terminbuchung" {
		t.Errorf("categories: %q", got)
	}

	o.reminds = true
	o.carry(t, "lox24")
	o.enter(t, privacy.Draft{Component: "sms", Plugin: "twilio", Company: "Twilio Inc.", Address: "San Francisco", Country: "US", Purpose: "SMS", Contract: "2026-01-02", Secrecy: "2026-01-03"})
	o.change(t, func(p *practice.Practice) { p.Channels = []string{"mail", "sms"} })
	if err := o.SetSetting(t.Context(), o.Tenant.ID, privacy.Setting{Traffic: true}); err != nil {
		t.Fatal(err)
	}
	o.inTenant(t, `insert into customer (tenant_id, id, version, epoch, ciphertext, changed) values ($1, gen_random_uuid(), 1, 1, '\x00', 1)`)
	o.inTenant(t, `insert into calendar_feed (tenant_id, practitioner_id, hash, creator) values ($1, gen_random_uuid(), sha256('x'), gen_random_uuid())`)
	o.contract = onboarding.Contract{WithReseller: true, Reseller: &onboarding.Party{Name: "Netz GmbH"}}
	got := controllers()
	if got[2] != "weiterer Auftragsverarbeiter; den Vertrag hat Netz GmbH" || got[3] != "Terminbuchung; Erinnerungen; SMS; Kundenkartei; Anbindung eigener Systeme; Zählung von Aufrufen" {
		t.Errorf("got %q", got)
	}
	if d := o.processing(t, noReseller); !has(d, "record.transfer") || !strings.Contains(text(d), "Twilio Inc. (USA)") {
		t.Errorf("a transfer outside is not named:\n%s", text(d))
	}
}

// A reseller has its own practices alone, and says whose processor it is.
func TestAResellersRecordNamesItsPracticesAlone(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	seller, err := o.Registry.NewReseller(t.Context(), "Netz GmbH")
	if err != nil {
		t.Fatal(err)
	}
	o.exec(t, `update reseller set imprint = E'Weg 2\n20095 Hamburg', support_email = 'hilfe@netz.example' where id = ?`, seller.ID)
	d := o.processing(t, seller.ID)
	if rows := cells(d, "controllers"); len(rows) != 0 || !has(d, "l.none_yet") {
		t.Errorf("a practice of somebody else's stands there: %q", rows)
	}
	if !strings.Contains(text(d), "Netz GmbH, Weg 2, 20095 Hamburg") || !strings.Contains(text(d), "Betreiber GmbH, Allee 1, 76131 Karlsruhe, betreibt die Anlage") {
		t.Errorf("the parties are not named:\n%s", text(d))
	}
	o.exec(t, `update tenant set reseller_id = ? where id = ?`, seller.ID, o.Tenant.ID)
	// Whose a tenant is, servers remember for a moment.
	for deadline := time.Now().Add(20 * time.Second); len(cells(o.processing(t, seller.ID), "controllers")) == 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	role := func() string {
		rows := cells(o.processing(t, seller.ID), "controllers")
		if len(rows) != 1 || rows[0][3] != "Betreuung" {
			t.Fatalf("controllers: %q", rows)
		}
		return rows[0][2]
	}
	if got := role(); got != "weiterer Auftragsverarbeiter; den Vertrag hat Betreiber GmbH" {
		t.Errorf("where the contract is with the operator: %q", got)
	}
	o.contract = onboarding.Contract{WithReseller: true, Reseller: &onboarding.Party{Name: "Netz GmbH"}}
	if got := role(); got != "Auftragsverarbeiter" {
		t.Errorf("where the contract is with the reseller: %q", got)
	}
	if _, err := o.Processing(t.Context(), id.New[id.Reseller](), "de"); err == nil {
		t.Error("a reseller that there is not has a record")
	}
}
