package notify_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/notify"
	"siegel/tenants/tenanttest"
)

func shapeOf(t *testing.T, name string) notify.Shape {
	t.Helper()
	for _, s := range notify.Shapes() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no message %s", name)
	return notify.Shape{}
}

func TestATemplateHasOnlyPlaceholdersThatItsMessageHas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message, subject, body string
		want                   error
	}{
		"German":             {"confirm_mail", "Termin bei {praxis}", "{termine}\n\n{link}", nil},
		"English":            {"confirm_mail", "{Practice}", "{ time } {place}\n\n{LINK}", nil},
		"Braces":             {"receipt_mail", "a", "{{zeit}} {zeit}", nil},
		"Unknown":            {"receipt_mail", "a", "{zeit} {diagnose}", notify.ErrPlaceholder},
		"Patient":            {"receipt_mail", "a", "{zeit} {name}", notify.ErrPlaceholder},
		"Code":               {"receipt_mail", "a", "{zeit} {code}", notify.ErrPlaceholder},
		"GoTemplate":         {"receipt_mail", "a", "{zeit} {.Link}", notify.ErrPlaceholder},
		"Expression":         {"receipt_mail", "a", "{zeit} {link.length}", notify.ErrPlaceholder},
		"Open":               {"receipt_mail", "a", "{zeit} {link", notify.ErrTemplate},
		"Closed":             {"receipt_mail", "a", "{zeit} }", notify.ErrTemplate},
		"Nested":             {"receipt_mail", "a", "{zeit{link}}", notify.ErrTemplate},
		"NoLink":             {"confirm_mail", "a", "{zeit}", notify.ErrPlaceholderMissing},
		"NoTime":             {"moved_sms", "", "Bei {praxis}", notify.ErrPlaceholderMissing},
		"NoSender":           {"moved_sms", "", "Termin {zeit}", notify.ErrPlaceholderMissing},
		"NoCode":             {"confirm_sms", "", "Ihr Code für {praxis}", notify.ErrPlaceholderMissing},
		"LinkInSubject":      {"confirm_mail", "{link}", "{link}", notify.ErrPlaceholder},
		"NoSubject":          {"confirm_mail", " ", "{link}", notify.ErrTemplate},
		"HeaderInSubject":    {"confirm_mail", "a\r\nBcc: eve@example.com", "{link}", notify.ErrTemplate},
		"Empty":              {"receipt_mail", "a", " \n ", notify.ErrTemplate},
		"TooLong":            {"receipt_mail", "a", "{zeit}" + strings.Repeat("a", 2000), notify.ErrTemplate},
		"TooLongAText":       {"moved_sms", "", "{praxis} {zeit}" + strings.Repeat("a", 480), notify.ErrTemplate},
		"AddressOfItsOwn":    {"receipt_mail", "a", "{zeit} https://eve.example", notify.ErrTemplate},
		"AddressWithoutAWay": {"moved_sms", "", "{praxis} {zeit} www.eve.example", notify.ErrTemplate},
		"Escape":             {"receipt_mail", "a", "{zeit}\x1b[31m", notify.ErrTemplate},
		"DirectionOverride":  {"receipt_mail", "a", "{zeit} \u202egnp", notify.ErrTemplate},
		"BrokenUTF8":         {"receipt_mail", "a", "{zeit} \xff", notify.ErrTemplate},
	} {
		_, err := shapeOf(t, c.message).Check(notify.Wording{Subject: c.subject, Body: c.body})
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// practice is a desk whose practice has words of its own, in a real database.
func practice(t *testing.T, d *desk) (bundle, *notify.Settings, id.Tenant) {
	t.Helper()
	db := testdb.Open(t)
	settings, err := notify.NewSettings(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return setup(t, d, func(c *notify.Config) { c.Settings = settings }), settings, id.New[id.Tenant]()
}

// What stands in for a placeholder is text: it brings in no other placeholder,
// no line, no header and no markup.
func TestWhatIsFilledInIsNeverATemplate(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.facts.Name = `{link} {code} {{.Link}} <script>alert(1)</script> & {praxis}`
	d.out.Stops[0].Location = "{link}\r\nBcc: eve@example.com"
	b, settings, tenant := practice(t, d)
	if err := settings.Say(t.Context(), tenant, "receipt_mail", "de", notify.Wording{Subject: "Bei {praxis}", Body: "Liebe Grüße, {zeit}\n\nin {ort}\n\nFrist {link}"}); err != nil {
		t.Fatal(err)
	}
	d.out.ManageLink = ""
	m := message(notify.ReceiptMail)
	m.Tenant = tenant
	if err := b.handlers[m.Kind](t.Context(), m); err != nil {
		t.Fatal(err)
	}
	l := read(t, b.one(t).data)
	if l.subject != "Bei "+d.facts.Name {
		t.Errorf("subject %q", l.subject)
	}
	if len(l.header["Bcc"]) != 0 || strings.Contains(l.html, "<script>") {
		t.Errorf("it came to life:\n%s", l.html)
	}
	want := "Liebe Grüße, Donnerstag, 26. November 2026, 9:20 Uhr\r\n\r\nin {link} Bcc: eve@example.com\r\n\r\nDas waren Sie nicht"
	if !strings.HasPrefix(l.text, want) {
		t.Errorf("got\n%s\nwant\n%s", l.text, want)
	}
}

func TestWordsAreThePracticesUntilItTakesThemBack(t *testing.T) {
	t.Parallel()
	d := smsDesk()
	b, settings, tenant := practice(t, d)
	ctx := t.Context()
	texts := func() string {
		d.texts = nil
		m := message(notify.ConfirmSMS)
		m.Tenant = tenant
		if err := b.handlers[m.Kind](ctx, m); err != nil {
			t.Fatal(err)
		}
		return d.texts[0].Text
	}
	before := texts()
	if err := settings.Say(ctx, tenant, "confirm_sms", "de", notify.Wording{Body: "Code {code}\nfür {praxis}, bis {frist}."}); err != nil {
		t.Fatal(err)
	}
	if got := texts(); got != "Code 123456 für Praxis Sonnenberg, bis 11:34 Uhr. Tel. 030 1234567" {
		t.Errorf("%q", got)
	}
	if err := settings.Say(ctx, id.New[id.Tenant](), "confirm_sms", "en", notify.Wording{Body: "{code} {practice}"}); err != nil {
		t.Fatal(err)
	}
	if all, err := settings.Texts(ctx, tenant); err != nil || len(all) != 2*len(notify.Shapes()) || all[1].Shape.Name != "confirm_sms" || !all[1].Own || all[0].Own || all[len(notify.Shapes())+1].Own {
		t.Errorf("%+v, %v", all, err)
	}
	if err := settings.Unsay(ctx, tenant, "confirm_sms", "de"); err != nil {
		t.Fatal(err)
	}
	if got := texts(); got != before {
		t.Errorf("%q, before %q", got, before)
	}
	for _, c := range []struct{ kind, language string }{{"love_sms", "de"}, {"confirm_sms", "fr"}} {
		if err := settings.Say(ctx, tenant, c.kind, c.language, notify.Wording{Body: "{code} {practice}"}); !errors.Is(err, notify.ErrSettings) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// The longest reading of each of the product's own texts is one part.
func TestEveryTextOfTheProductIsOnePart(t *testing.T) {
	t.Parallel()
	d := smsDesk()
	d.facts.Name, d.facts.Phone = "Gemeinschaftspraxis Dr. med. Annegret Müller-Lüdenscheidt", "+49 7243 1234567-890"
	b, settings, tenant := practice(t, d)
	_ = b
	all, err := settings.Texts(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	s, err := notify.NewService(notify.Config{Bookings: d, Practices: d, Route: d.route, Settings: settings, MailConfig: notify.MailConfig{SMTPURL: "smtp://localhost:25", From: "a@b.example", Domain: "b.example"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range all {
		p, err := s.Preview(t.Context(), tenant, text.Shape.Name, text.Language, text.Said)
		if err != nil {
			t.Fatalf("%s %s: %v", text.Shape.Name, text.Language, err)
		}
		if text.Shape.Text() && (p.Length.Parts != 1 || p.Length.Units != septetsOf(t, p.Text) || p.Length.Units > 160 || p.Length.Wide) {
			t.Errorf("%s %s: %+v %q", text.Shape.Name, text.Language, p.Length, p.Text)
		}
		if !strings.Contains(p.Text, "Gemeinschaftspraxis") || len(p.Telling) != 0 {
			t.Errorf("%s %s: %v %q", text.Shape.Name, text.Language, p.Telling, p.Text)
		}
	}
	long := notify.Wording{Body: "Ihr Termin bei {praxis} am {zeit} in {ort} 😀. Bitte bringen Sie Ihre Versichertenkarte mit."}
	p, err := s.Preview(t.Context(), tenant, "reminder_sms", "de", long)
	if err != nil || !p.Length.Wide || p.Length.Parts != 3 {
		t.Errorf("%+v, %v", p.Length, err)
	}
	if _, err := s.Preview(t.Context(), tenant, "reminder_sms", "de", notify.Wording{Body: strings.Repeat("lang ", 90) + "{praxis} {zeit} 😀"}); fault.From(err).Code != fault.Invalid {
		t.Errorf("more than three parts: %v", err)
	}
}

func TestLengthIsCountedAsTelephonesDo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]notify.TextLength{
		"":                       {Parts: 1, Left: 160},
		strings.Repeat("a", 160): {Parts: 1, Units: 160},
		strings.Repeat("a", 161): {Parts: 2, Units: 161, Left: 145},
		strings.Repeat("a", 306): {Parts: 2, Units: 306},
		strings.Repeat("a", 307): {Parts: 3, Units: 307, Left: 152},
		strings.Repeat("€", 80):  {Parts: 1, Units: 160},
		strings.Repeat("a", 152) + "€€€€€": {Parts: 2, Units: 162, Left: 143}, // no € across two parts
		"😀":                     {Parts: 1, Units: 2, Left: 68, Wide: true},
		strings.Repeat("я", 70): {Parts: 1, Units: 70, Wide: true},
		strings.Repeat("я", 71): {Parts: 2, Units: 71, Left: 63, Wide: true},
	} {
		if got := notify.MeasureText(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("aä€я😀 ")), 0, 400, -1).Draw(t, "text")
		l := notify.MeasureText(text)
		if l.Wide != strings.ContainsAny(text, "я😀") || l.Wide && l.Units != len(utf16.Encode([]rune(text))) || l.Parts < 1 || l.Left < 0 {
			t.Fatalf("%q: %+v", text, l)
		}
	})
}

func TestWordsThatTellASpecialtyAreFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Praxis Dr. Sommer am Markt":                          "",
		"Termin bei Praxis Sonnenberg, Hauptstraße 1":         "",
		"Ihr Herz schlägt für uns, Frau Kaiser in Neustadt":   "",
		"Praxis für Psychotherapie und Neurologie":            "Neurologie Psychotherapie",
		"kinderwunsch-zentrum-sued.siegel.example":            "kinderwunsch",
		"Onkologische Schwerpunktpraxis":                      "Onkologische",
		"Frauenärztin Dr. Sommer":                             "Frauenärztin",
		"HIV-Sprechstunde":                                    "HIV",
		"Dental practice":                                     "Dental",
		"praxis-gynaekologie.example":                         "gynaekologie",
		"Zahnarztpraxis Dr. Weiß, Mammographie im Erdgeschoß": "Mammographie Zahnarztpraxis",
	} {
		if got := strings.Join(notify.Telling(text), " "); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// However many reminders were asked for, codes can still be sent, and the other
// way round.
func TestRemindersHaveABudgetOfTheirOwnOnTheirOwnDay(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	ctx, tenant, b := t.Context(), f.Tenant.ID, notify.Budget{PerTenant: 2, InAll: 3}
	remind := func(days int) error {
		return b.BudgetError(f.DB.Batch(ctx, tenant, func(batch *postgres.Batch) {
			b.AppendReminder(batch, tenant, id.New[id.Message](), id.New[id.Booking](), tenanttest.At(days, 9, 0))
		}))
	}
	code := func() error {
		return b.BudgetError(f.DB.Batch(ctx, tenant, func(batch *postgres.Batch) {
			b.AppendBudget(batch, tenant, id.New[id.Message](), id.New[id.Booking]())
		}))
	}
	for _, days := range []int{7, 7, 8, 8} {
		if err := remind(days); err != nil {
			t.Fatal(days, err)
		}
	}
	if err := remind(7); !errors.Is(err, notify.ErrBudget) {
		t.Errorf("the third on one day: %v", err)
	}
	for range 2 {
		if err := code(); err != nil {
			t.Errorf("a code beside reminders: %v", err)
		}
	}
	if err := code(); !errors.Is(err, notify.ErrBudget) {
		t.Errorf("the third code: %v", err)
	}
	var days int
	if err := f.DB.Global().NewRaw(`select count(*) from message_budget where scope = ? and taken = 2`, tenant.UUID()).Scan(ctx, &days); err != nil || days != 3 {
		t.Errorf("%d days, %v", days, err)
	}
}
