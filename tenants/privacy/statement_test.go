package privacy_test

import (
	"slices"
	"strings"
	"testing"

	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/privacy"
)

func TestSwitchingTheSMSPluginChangesTheText(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	o.carry(t, "lox24")
	o.enter(t, privacy.Draft{Component: "sms", Plugin: "lox24", Company: "LOX24", Address: "Berlin", Country: "DE", Purpose: "Bestätigungen", Contract: "2026-01-02", Secrecy: "2026-01-03"})
	before := text(o.document(t, privacy.Statement, "de"))
	if !strings.Contains(before, "LOX24 GmbH, Seestraße 109, 13353 Berlin (Deutschland)") || !strings.Contains(before, "02.01.2026; 03.01.2026") {
		t.Errorf("the statement does not name LOX24 as its plugin does:\n%s", before)
	}
	if missing := o.missing(t); len(missing) != 0 {
		t.Errorf("missing: %v", missing)
	}

	o.carry(t, "seven")
	after := text(o.document(t, privacy.Statement, "de"))
	if strings.Contains(after, "LOX24") || !strings.Contains(after, "seven communications GmbH & Co. KG, Willestraße 4-6, 24103 Kiel") {
		t.Errorf("the statement does not follow the plugin:\n%s", after)
	}
	if missing := o.missing(t); !slices.Equal(missing, []string{"sms:seven"}) {
		t.Errorf("missing: %v", missing)
	}

	o.change(t, func(p *practice.Practice) { p.Channels = []string{"mail"} })
	if d := o.document(t, privacy.Statement, "de"); has(d, "else.sms") || !has(d, "else.sms_off") {
		t.Error("a practice without text messages names a provider of them")
	}
	if missing := o.missing(t); len(missing) != 0 {
		t.Errorf("missing without text messages: %v", missing)
	}
}

func TestTheStatementFollowsTheSettings(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	o.reminds = false
	d := o.document(t, privacy.Statement, "de")
	for key, wanted := range map[string]bool{
		"law.basis.booking_medical": true, // the stricter reading where nobody said what trade it is
		"law.basis.booking":         false, "after.reminders": false, "law.basis.reminder_medical": false, "logs.traffic": false, "logs.traffic_off": true,
		"law.complain_any": true, "who.operator": true, "else.eea": true,
	} {
		if has(d, key) != wanted {
			t.Errorf("%s: %v", key, !wanted)
		}
	}
	o.reminds = true
	o.contract = onboarding.Contract{WithReseller: true, Reseller: &onboarding.Party{Name: "Netz GmbH", Address: "Weg 2, 20095 Hamburg"}}
	if err := o.SetSetting(t.Context(), o.Tenant.ID, privacy.Setting{Email: "daten@praxis.example", Traffic: true}); err != nil {
		t.Fatal(err)
	}
	if err := o.onboarding.SetBusiness(t.Context(), o.Tenant.ID, onboarding.Business{Specialty: "hairdresser", Company: "Salon Schön", Street: "Weg 1",
		PostalCode: "76131", City: "Karlsruhe", Responsible: "Ada Schön", ProtectionOfficer: "Dr. Schutz"}, "+49 721 2", "salon@schoen.example"); err != nil {
		t.Fatal(err)
	}
	o.change(t, func(p *practice.Practice) { p.Land, p.Asks.Note = "DE-BW", "Damit wir uns vorbereiten." })
	d = o.document(t, privacy.Statement, "de")
	for key, wanted := range map[string]bool{
		"law.basis.booking_medical": false, "law.basis.booking": true, "after.reminders": true, "law.basis.reminder": true, "logs.traffic": true,
		"logs.traffic_off": false, "law.complain": true, "who.reseller": true, "law.record": false,
	} {
		if has(d, key) != wanted {
			t.Errorf("of a hairdresser, %s: %v", key, !wanted)
		}
	}
	all := text(d)
	for _, wanted := range []string{"Salon Schön, Weg 1, 76131 Karlsruhe", "Ada Schön", "Dr. Schutz", "daten@praxis.example", "Baden-Württemberg", "Netz GmbH, Weg 2", "Telefon +49 721 2"} {
		if !strings.Contains(all, wanted) {
			t.Errorf("the statement lacks %q", wanted)
		}
	}
	for _, gone := range []string{"{", "}"} {
		if strings.Contains(all, gone) {
			t.Errorf("a placeholder was left: %q", gone)
		}
	}
}

// Twelve fields, each with who reads it and until when; what is not asked is said.
func TestEachFieldHasAReaderAndAnEnd(t *testing.T) {
	t.Parallel()
	o := open(t)
	if n := len(privacy.Fields()); n != 12 {
		t.Fatalf("%d fields", n)
	}
	table := func(d privacy.Document) map[string][]string {
		for _, s := range d.Sections {
			if s.ID != "fields" {
				continue
			}
			rows := map[string][]string{}
			for _, row := range s.Blocks[0].Rows {
				var cells []string
				for _, c := range row[1:] {
					cells = append(cells, c.Key)
				}
				rows[strings.TrimPrefix(row[0].Key, "l.field.")] = cells
			}
			return rows
		}
		return nil
	}
	rows := table(o.document(t, privacy.Statement, "de"))
	for _, field := range privacy.Fields() {
		if len(rows[field]) != 3 {
			t.Errorf("%s: %v", field, rows[field])
		}
	}
	sealed := []string{"l.yes", "cell.sealed", "cell.until_card"}
	for field, wanted := range map[string][]string{
		"family": sealed, "birth": sealed, "new": sealed, "note": {"l.not_asked", "l.not_asked", "l.not_asked"},
		"service": {"l.yes", "cell.during", "cell.until_card"}, "time": {"l.yes", "cell.open", "cell.until_time"},
		"practitioner": {"l.yes", "cell.open", "cell.until_time"}, "email": {"l.yes", "cell.contact", "cell.until_card"}, "phone": {"l.yes", "cell.contact", "cell.until_card"},
	} {
		if !slices.Equal(rows[field], wanted) {
			t.Errorf("%s: %v, want %v", field, rows[field], wanted)
		}
	}
	o.change(t, func(p *practice.Practice) { p.Asks.Note, p.Channels = "Wozu.", []string{"mail"} })
	rows = table(o.document(t, privacy.Statement, "en"))
	if !slices.Equal(rows["note"], sealed) || !slices.Equal(rows["phone"], sealed) {
		t.Errorf("note %v, phone %v", rows["note"], rows["phone"])
	}
}

func TestTenLogFieldsAreNamedAndTwoAreNeverCounted(t *testing.T) {
	t.Parallel()
	o := open(t)
	if err := o.SetSetting(t.Context(), o.Tenant.ID, privacy.Setting{Traffic: true}); err != nil {
		t.Fatal(err)
	}
	d := o.document(t, privacy.Statement, "de")
	if n := len(privacy.LogFields()); n != 10 {
		t.Fatalf("%d fields", n)
	}
	for _, field := range privacy.LogFields() {
		if !has(d, "l.log."+field) {
			t.Errorf("%s is not named", field)
		}
	}
	counted := 0
	for _, s := range sentences(d) {
		if s.Key == "logs.counted" {
			counted++
		}
	}
	if counted != 8 || !has(d, "logs.ip") || !has(d, "logs.zone") {
		t.Errorf("%d are counted", counted)
	}
}

func TestCookiesComeFromTheTable(t *testing.T) {
	t.Parallel()
	o := open(t)
	d := o.document(t, privacy.Statement, "de")
	if !has(d, "l.cookie.visit") || has(d, "l.cookie.session") {
		t.Error("the statement for patients lists other cookies than theirs")
	}
	p, err := o.Document(t.Context(), noTenant, privacy.Statement, "de")
	if err != nil {
		t.Fatal(err)
	}
	if has(p, "l.cookie.visit") || !has(p, "l.cookie.session") || !has(p, "l.cookie.name") || !has(p, "cookies.refuse_ticked") {
		t.Error("the statement for people who sign in lists other cookies than theirs")
	}
}

func TestTheOperatorSaysWhoItIs(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	if err := o.SetProfile(t.Context(), privacy.Profile{Land: "DE-BY", Responsible: "Ada Amt", VATID: "DE1", Register: "HRB 1", PrivacyEmail: "schutz@betreiber.example"}); err != nil {
		t.Fatal(err)
	}
	for kind, wanted := range map[privacy.Kind][]string{
		privacy.Statement:     {"Betreiber GmbH, Allee 1", "Bayerisches Landesamt", "schutz@betreiber.example", "90 Tage"},
		privacy.Imprint:       {"Betreiber GmbH, Allee 1", "HRB 1", "DE1", "Ada Amt"},
		privacy.Accessibility: {"WCAG 2.2", "hallo@betreiber.example", "MLBF"},
	} {
		d, err := o.Document(t.Context(), noTenant, kind, "de")
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wanted {
			if !strings.Contains(text(d), w) {
				t.Errorf("%s lacks %q", kind, w)
			}
		}
	}
	if _, err := o.Document(t.Context(), noTenant, privacy.Records, "de"); err == nil {
		t.Error("the operator has a practice's papers")
	}
	if err := o.SetProfile(t.Context(), privacy.Profile{Land: "DE-XX", PrivacyEmail: "nowhere"}); err == nil {
		t.Error("a Land that is none was taken")
	}
}

func TestPapersComeFromTheSameSource(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	o.change(t, func(p *practice.Practice) { p.Asks.Insurance = "Für die Abrechnung." })
	if err := o.onboarding.SetBusiness(t.Context(), o.Tenant.ID, onboarding.Business{Specialty: "general_practice", Company: "Praxis praxis"}, "", ""); err != nil {
		t.Fatal(err)
	}
	for kind, wanted := range map[privacy.Kind][]string{
		privacy.Records:   {"Praxis praxis", "7 Tage nach dem Termin", "Art. 9 Abs. 2 lit. h", "Zeilensicherheit"},
		privacy.Measures:  {"X-Wing", "im Portal immer"},
		privacy.Impact:    {"Versicherungsart", "C5-Testat", "gering"},
		privacy.Agreement: {"Betreiber GmbH", "§ 203 StGB", "Vertrag zur Auftragsverarbeitung"},
	} {
		d := o.document(t, kind, "de")
		for _, w := range wanted {
			if !strings.Contains(text(d)+d.Title, w) {
				t.Errorf("%s lacks %q", kind, w)
			}
		}
	}
}
