package privacy

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/audit"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
)

// ErrUnknownDocument is returned for a kind that there is not.
var ErrUnknownDocument = fault.New(fault.NotFound, "unknown_document")

// Document writes a document about a tenant from the settings in force, or one
// about the operator for the zero tenant, which has the public ones only. It
// returns [ErrUnknownDocument].
func (s *Service) Document(ctx context.Context, tenant id.Tenant, kind Kind, language string) (Document, error) {
	if tenant.IsZero() {
		return s.ofOperator(ctx, kind, language)
	}
	f, err := s.facts(ctx, tenant)
	if err != nil {
		return Document{}, err
	}
	w := s.write(kind, language)
	switch kind {
	case Statement:
		s.statement(w, f)
		err = s.history(ctx, w, tenant)
	case Imprint:
		s.imprint(w, f)
	case Accessibility:
		w.accessibility(f.email(), f.practice.Phone)
	case Records:
		s.records(w, f)
	case Measures:
		s.measures(w, f)
	case Impact:
		err = s.impact(ctx, w, f)
	case Agreement:
		err = s.agreement(ctx, w, tenant)
	default:
		return Document{}, ErrUnknownDocument
	}
	return w.doc, err
}

// statement is a practice's.
func (s *Service) statement(w *writer, f facts) {
	w.section("who")
	w.add("law.art13")
	w.controller(f)
	w.who(s.Operator, f)

	w.section("short")
	w.paragraph(w.sentence("short.sealed"), w.sentence("limit.page"))
	w.paragraph(w.sentence("short.sees"), w.sentence("limit.times"), w.sentence("limit.ip"), w.sentence("limit.contact"))

	days := w.days(f.keep[KeptAppointments])
	w.section("fields")
	w.fields(f)
	w.paragraph(w.sentence("limit.page"), w.sentence("limit.times"))
	if f.reveals {
		w.add("limit.reveals")
	}
	w.paragraph(w.sentence("fields.required"), w.sentence("fields.booker"))
	w.add("fields.stay", params{"days": days})

	w.section("hour")
	w.add("hour.pending")
	w.paragraph(w.sentence("hour.address"), w.sentence("limit.contact"))
	w.add("hour.message")

	w.section("after")
	if f.systems.forwards {
		w.paragraph(w.sentence("after.forwarded"), w.sentence("limit.page"))
	} else {
		w.paragraph(w.sentence("after.card"), w.sentence("limit.page"))
	}
	w.paragraph(w.sentence("after.kept"), w.sentence("limit.times"))
	w.add("after.link")
	if f.reminds {
		w.paragraph(w.sentence("after.reminders"), w.sentence("limit.consent"))
	}
	w.add("after.statement")

	w.section("why")
	w.purposes(f)
	if f.medical {
		w.paragraph(w.sentence("law.special"), w.sentence("law.secrecy"))
	}
	w.add("law.duty")
	if f.practice.Phone != "" {
		w.add("why.other_way", params{"phone": f.practice.Phone})
	}
	w.add("why.no_profile")

	w.section("else")
	w.recipients(f)
	w.add("else.pages")
	w.add("else.authorities")

	if f.systems.any() {
		w.section("systems")
		w.systemsOf(f.systems)
	}

	w.section("cookies")
	w.add("cookies.looking")
	w.cookies(s.Cookies, "patients")
	w.add("cookies.refuse")

	w.section("logs")
	w.logs(f.setting.Traffic, f.name())

	w.section("retention")
	w.retention(f)

	w.section("rights")
	w.add("law.rights")
	w.add("law.withdraw")
	if f.medical {
		w.add("law.record")
	}
	w.add("rights.ask", params{"email": f.email()})
	w.complain(string(f.practice.Land))
}

// controller is who answers for what patients tell.
func (w *writer) controller(f facts) {
	w.add("fact.controller", params{"name": f.name(), "address": f.address()})
	if f.practice.Phone != "" {
		w.add("fact.reach", params{"phone": f.practice.Phone, "email": f.practice.Email})
	}
	w.fact("fact.responsible", "responsible", f.business.Responsible)
	w.fact("fact.officer", "officer", f.business.ProtectionOfficer)
	w.fact("fact.ask", "email", f.email())
}

// who is with whom the practice has its contract.
func (w *writer) who(operator onboarding.Party, f facts) {
	if f.contract.WithReseller && f.contract.Reseller != nil {
		r := f.contract.Reseller
		w.add("who.reseller", params{"reseller": r.Name, "address": r.Address, "operator": operator.Name, "operator_address": operator.Address})
		return
	}
	w.add("who.operator", params{"operator": operator.Name, "address": operator.Address})
}

// Fields are the twelve that the form may have, in its order.
func Fields() []string {
	return []string{"family", "given", "birth", "gender", "insurance", "note", "new", "practitioner", "service", "time", "email", "phone"}
}

// fields says of each who reads it and until when.
func (w *writer) fields(f facts) {
	days := params{"days": w.days(f.keep[KeptAppointments])}
	asks := f.practice.Asks
	off := map[string]bool{"gender": asks.Gender == "", "insurance": asks.Insurance == "", "note": asks.Note == ""}
	who := "l.practice"
	if !f.medical {
		who = "l.business"
	}
	var rows [][]Sentence
	taken := w.sentence("cell.until_card", days)
	if f.systems.forwards {
		taken = w.sentence("cell.until_taken")
	}
	for _, field := range Fields() {
		operator, until := w.sentence("cell.sealed"), taken
		switch field {
		case "practitioner", "time":
			operator, until = w.sentence("cell.open"), w.sentence("cell.until_time", days)
		case "service":
			operator = w.sentence("cell.during")
		case "email":
			operator = w.sentence("cell.contact")
		case "phone":
			if f.texts() {
				operator = w.sentence("cell.contact")
			}
		}
		name, reads := w.sentence("l.field."+field), w.sentence("l.yes")
		if off[field] {
			reads, operator, until = w.sentence("l.not_asked"), w.sentence("l.not_asked"), w.sentence("l.not_asked")
		}
		rows = append(rows, []Sentence{name, reads, operator, until})
	}
	w.table([]string{"l.what", who, "l.operator", "l.until"}, rows)
}

func (w *writer) purposes(f facts) {
	medical := ""
	if f.medical {
		medical = "_medical"
	}
	rows := [][]Sentence{{w.sentence("why.booking"), w.sentence("law.basis.booking" + medical)}}
	if f.reminds {
		rows = append(rows, []Sentence{w.sentence("why.reminder"), w.sentence("law.basis.reminder" + medical)})
	}
	rows = append(rows, []Sentence{w.sentence("why.cookie"), w.sentence("law.basis.cookie")},
		[]Sentence{w.sentence("why.security"), w.sentence("law.basis.security")})
	if f.setting.Traffic {
		rows = append(rows, []Sentence{w.sentence("why.traffic"), w.sentence("law.basis.traffic")})
	}
	w.table([]string{"l.purpose", "l.basis"}, rows)
}

// recipients are who works with the data, out of the register and of the
// plugins in use.
func (w *writer) recipients(f facts) {
	others, own := f.processors()
	w.companies(others, own)
	switch {
	case !f.texts():
		w.add("else.sms_off")
	default:
		for _, a := range f.plugins {
			if a.component != SMS {
				continue
			}
			if a.plugin == "loopback" {
				w.add("else.sms_here")
				continue
			}
			w.add("else.sms", params{"company": a.company, "address": a.address, "country": w.country(a.country, w.doc.Language)})
		}
	}
	w.video(f)
	w.add("else.support", params{"support": f.support})
	for _, a := range f.outside() {
		w.add("else.outside", params{"company": a.company, "country": w.country(a.country, w.doc.Language)})
	}
	if len(lacking(f.register)) == 0 {
		w.add("else.eea")
	}
}

// video is who carries visits by video. Of one address for all nothing is promised.
func (w *writer) video(f facts) {
	video := f.practice.Video
	if video.Provider == "" {
		return
	}
	w.add("else.video", params{"provider": video.Provider})
	if strings.Contains(video.Address, practice.Room) {
		w.paragraph(w.sentence("else.video_room"), w.sentence("limit.page"))
	}
}

// companies are the entries of the register.
func (w *writer) companies(others, own []Processor) {
	if len(others) > 0 {
		w.add("else.list")
		var rows [][]Sentence
		for _, p := range others {
			rows = append(rows, []Sentence{
				w.sentence("fact.controller", params{"name": p.Company, "address": p.Address}),
				w.sentence("fact.line", params{"text": w.country(p.Country, w.doc.Language)}),
				w.sentence("fact.line", params{"text": w.words["l.component."+p.Component] + ": " + p.Purpose}),
				w.sentence("fact.bound", params{"contract": w.date(p.Contract), "secrecy": w.date(p.Secrecy)}),
			})
		}
		w.table([]string{"l.company", "l.country", "l.for", "l.bound"}, rows)
	}
	byCountry := map[string][]string{}
	for _, p := range own {
		if name := w.words["l.component."+p.Component]; !slices.Contains(byCountry[p.Country], name) {
			byCountry[p.Country] = append(byCountry[p.Country], name)
		}
	}
	countries := make([]string, 0, len(byCountry))
	for country := range byCountry {
		countries = append(countries, country)
	}
	slices.Sort(countries)
	for _, country := range countries {
		w.add("else.own", params{"country": w.country(country, w.doc.Language), "list": strings.Join(byCountry[country], ", ")})
	}
}

func (w *writer) cookies(all []Cookie, where string) {
	var rows [][]Sentence
	for _, c := range all {
		if c.Where != where {
			continue
		}
		life, refuse := w.sentence("l.session"), w.sentence("cookies.refuse_browser")
		switch {
		case c.Life >= 360*24*time.Hour:
			life = w.sentence("l.year")
		case c.Life >= 12*time.Hour:
			life = w.sentence("l.today")
		case c.Life > 0:
			life = w.sentence("l.minutes", params{"count": strconv.Itoa(int(c.Life.Minutes()))})
		}
		if c.Asked {
			refuse = w.sentence("cookies.refuse_ticked")
		}
		rows = append(rows, []Sentence{w.sentence("fact.line", params{"text": c.Name}), w.sentence("l.cookie." + c.Name), life, refuse})
	}
	w.table([]string{"l.name", "l.for", "l.long", "l.refuse"}, rows)
}

// LogFields are the ten that a browser sends, or that come about when answering.
func LogFields() []string {
	return []string{"ip", "time", "zone", "page", "status", "bytes", "referrer", "browser", "system", "language"}
}

func (w *writer) logs(counted bool, reader string) {
	w.add("logs.none")
	var rows [][]Sentence
	for _, field := range LogFields() {
		use := w.sentence("logs.used")
		switch {
		case field == "ip":
			use = w.sentence("logs.ip")
		case field == "zone":
			use = w.sentence("logs.zone")
		case counted:
			use = w.sentence("logs.counted")
		}
		rows = append(rows, []Sentence{w.sentence("l.log." + field), use})
	}
	w.table([]string{"l.what", "l.for"}, rows)
	w.add("limit.ip")
	if counted {
		w.add("logs.traffic", params{"least": strconv.Itoa(Least), "reader": reader})
	} else {
		w.add("logs.traffic_off")
	}
	w.add("logs.failed")
}

func (w *writer) retention(f facts) {
	days := params{"days": w.days(f.keep[KeptAppointments])}
	rows := [][]Sentence{
		{w.sentence("l.kept.pending"), w.sentence("kept.pending")},
		{w.sentence("l.kept.envelope"), w.sentence("kept.envelope", days)},
		{w.sentence("l.kept.appointment"), w.sentence("kept.appointment", days)},
	}
	if f.texts() {
		rows = append(rows, []Sentence{w.sentence("l.kept.message"), w.sentence("kept.message")})
	}
	rows = append(rows, []Sentence{w.sentence("l.kept.outbox"), w.sentence("kept.outbox")})
	if f.reminds {
		rows = append(rows, []Sentence{w.sentence("l.kept.reminder"), w.sentence("kept.reminder")}, []Sentence{w.sentence("l.kept.consent"), w.sentence("kept.consent")})
	}
	for _, kept := range []string{"waiting", "word", "request"} {
		rows = append(rows, []Sentence{w.sentence("l.kept." + kept), w.sentence("kept." + kept)})
	}
	if f.systems.records {
		record := "l.kept.customer"
		if !f.medical {
			record = "l.kept.customer_files"
		}
		rows = append(rows, []Sentence{w.sentence(record), w.sentence("kept.customer")})
	}
	if len(f.systems.told) > 0 {
		rows = append(rows, []Sentence{w.sentence("l.kept.told"), w.sentence("kept.told")})
	}
	rows = append(rows, []Sentence{w.sentence("l.kept.report"), w.sentence("kept.report")},
		[]Sentence{w.sentence("l.kept.audit"), w.sentence("kept.audit", params{"days": w.days(f.keep[KeptAudit])})})
	if f.setting.Traffic {
		rows = append(rows, []Sentence{w.sentence("l.kept.traffic"), w.sentence("kept.traffic", params{"days": w.days(f.keep[KeptTraffic])})})
	}
	w.table([]string{"l.what", "l.long"}, rows)
	w.paragraph(w.sentence("kept.purged"), w.sentence("limit.backup"))
}

func (w *writer) complain(land string) {
	w.section("authority")
	a, ok := authorities[land]
	if !ok {
		w.add("law.complain_any")
		return
	}
	w.add("law.complain")
	w.add("fact.authority", params{"authority": a.Name, "place": a.Place, "web": a.Web})
}

// date is how the language writes one.
func (w *writer) date(t time.Time) string {
	if w.doc.Language == "de" {
		return t.Format("02.01.2006")
	}
	return t.Format("2 January 2006")
}

func (s *Service) imprint(w *writer, f facts) {
	w.section("contact")
	w.add("law.ddg")
	for line := range strings.SplitSeq(f.practice.Imprint, "\n") {
		w.fact("fact.line", "text", strings.TrimSpace(line))
	}
	w.fact("fact.ask", "email", f.email())
	w.section("operator")
	w.who(s.Operator, f)
	w.add("fact.reach_mail", params{"email": s.Operator.Email})
}

// ofOperator is about who runs the installation, and about the people who sign
// in.
func (s *Service) ofOperator(ctx context.Context, kind Kind, language string) (Document, error) {
	p, err := s.Profile(ctx)
	if err != nil {
		return Document{}, err
	}
	w := s.write(kind, language)
	switch kind {
	case Statement:
		if err := s.operatorsStatement(ctx, w, p); err != nil {
			return Document{}, err
		}
		err = s.history(ctx, w, audit.PlatformScope)
	case Imprint:
		w.section("contact")
		w.add("law.ddg")
		s.operatorIs(w, p)
		w.fact("fact.register", "register", p.Register)
		w.fact("fact.vat", "vat", p.VATID)
	case Accessibility:
		w.accessibility(s.Operator.Email, s.Operator.Phone)
	default:
		return Document{}, ErrUnknownDocument
	}
	return w.doc, err
}

func (s *Service) operatorIs(w *writer, p Profile) {
	w.add("fact.controller", params{"name": s.Operator.Name, "address": s.Operator.Address})
	if s.Operator.Phone != "" {
		w.add("fact.reach", params{"phone": s.Operator.Phone, "email": s.Operator.Email})
	} else {
		w.add("fact.reach_mail", params{"email": s.Operator.Email})
	}
	w.fact("fact.responsible", "responsible", p.Responsible)
	w.fact("fact.officer", "officer", p.ProtectionOfficer)
	w.fact("fact.ask", "email", s.privacyEmail(p))
}

func (s *Service) operatorsStatement(ctx context.Context, w *writer, p Profile) error {
	entries, err := s.Register(ctx)
	if err != nil {
		return err
	}
	rule, err := s.Identity.Rule(ctx, access.Domain{Kind: access.Platform})
	if err != nil {
		return err
	}
	w.section("who")
	w.add("law.art13")
	s.operatorIs(w, p)
	w.add("limit.operator_mail")

	w.section("people")
	w.paragraph(w.sentence("people.blind"), w.sentence("limit.page"), w.sentence("limit.times"), w.sentence("limit.contact"))
	for _, key := range []string{"people.account", "people.history", "people.trail", "people.secrecy", "people.register"} {
		w.add(key)
	}

	w.section("why")
	rows := [][]Sentence{
		{w.sentence("why.contract"), w.sentence("law.basis.contract")},
		{w.sentence("why.people"), w.sentence("law.basis.people")},
		{w.sentence("why.security"), w.sentence("law.basis.security")},
	}
	if p.Traffic {
		rows = append(rows, []Sentence{w.sentence("why.traffic"), w.sentence("law.basis.traffic")})
	}
	w.table([]string{"l.purpose", "l.basis"}, rows)

	w.section("else")
	var others, own []Processor
	for _, e := range entries {
		switch {
		case e.Component == Reseller || e.Component == SMS:
		case e.Own:
			own = append(own, e)
		default:
			others = append(others, e)
		}
	}
	w.companies(others, own)
	if len(lacking(entries)) == 0 {
		w.add("else.eea")
	}
	w.add("else.pages")
	w.add("else.authorities")

	w.section("cookies")
	w.add("cookies.people")
	w.cookies(s.Cookies, "people")
	w.add("cookies.refuse_people")

	w.section("logs")
	w.logs(p.Traffic, s.Operator.Name)

	w.section("retention")
	history := "kept.history"
	if rule.FullIP {
		history = "kept.history_full"
	}
	w.table([]string{"l.what", "l.long"}, [][]Sentence{
		{w.sentence("l.kept.account"), w.sentence("kept.account")},
		{w.sentence("l.kept.history"), w.sentence(history, params{"days": w.days(rule.HistoryDays)})},
		{w.sentence("l.kept.registration"), w.sentence("kept.registration")},
		{w.sentence("l.kept.outbox"), w.sentence("kept.outbox")},
		{w.sentence("l.kept.report"), w.sentence("kept.report")},
	})
	w.paragraph(w.sentence("kept.purged"), w.sentence("limit.backup"))

	w.section("rights")
	w.add("law.rights")
	w.add("rights.ask_operator", params{"email": s.privacyEmail(p)})
	w.complain(p.Land)
	return nil
}

func (w *writer) accessibility(email, phone string) {
	w.section("standard")
	w.add("law.bfsg")
	for _, key := range []string{"access.tested", "access.keyboard", "access.self"} {
		w.add(key)
	}
	w.section("gaps")
	for _, key := range []string{"gap.script", "gap.languages", "gap.fingerprint", "gap.texts"} {
		w.add(key)
	}
	w.section("feedback")
	if phone != "" {
		w.add("access.write", params{"email": email, "phone": phone})
	} else {
		w.add("access.write_mail", params{"email": email})
	}
	w.section("supervision")
	w.add("law.mlbf")
	a := accessibilityAuthority
	w.add("fact.authority", params{"authority": a.Name, "place": a.Place, "web": a.Web})
}
