package privacy

import (
	"context"
	"strings"

	"siegel/platform/id"
)

// records is the record of processing (Art. 30 (1) GDPR).
func (s *Service) records(w *writer, f facts) {
	w.section("who")
	w.controller(f)
	w.who(s.Operator, f)
	w.section("purposes")
	w.add("record.purpose")
	w.purposes(f)
	w.section("persons")
	w.add("record.persons")
	w.fields(f)
	w.paragraph(w.sentence("limit.page"), w.sentence("limit.times"))
	w.section("recipients")
	w.recipients(f)
	var outside []string
	for _, a := range f.outside() {
		outside = append(outside, a.company+" ("+w.country(a.country, w.doc.Language)+")")
	}
	w.transfers(outside)
	w.systemsOf(f.systems)
	w.hosts(f.systems)
	w.section("deletion")
	w.retention(f)
	w.measuresOf(f.demanded())
	w.made(s)
}

// measures are those of Art. 32 GDPR.
func (s *Service) measures(w *writer, f facts) {
	w.measuresOf(f.demanded())
	w.made(s)
}

// demanded says as a label's key whether the practice demands a second factor.
func (f facts) demanded() string {
	if f.rule.SecondFactor {
		return "l.demanded"
	}
	return "l.not_demanded"
}

// measuresOf takes the label that says whether practices demand a second factor.
func (w *writer) measuresOf(demanded string) {
	w.section("confidentiality")
	w.paragraph(w.sentence("measure.seal"), w.sentence("limit.page"))
	w.add("measure.tls")
	w.add("measure.tenants")
	w.add("measure.roles")
	w.add("measure.factor", params{"demanded": w.words[demanded]})
	w.add("measure.redis")
	w.add("measure.plugins")
	w.section("integrity")
	w.add("measure.trail")
	w.add("measure.once")
	w.section("resilience")
	w.add("measure.crash")
	w.add("measure.erase")
	w.section("review")
	w.add("measure.review")
}

func (w *writer) made(s *Service) { w.add("fact.made", params{"date": w.date(s.Now())}) }

// impact is a draft of the assessment of Art. 35 GDPR.
func (s *Service) impact(ctx context.Context, w *writer, f facts) error {
	evidence, err := s.Evidence(ctx)
	if err != nil {
		return err
	}
	w.section("purposes")
	w.add("law.dpia")
	w.add("impact.describe")
	w.section("necessity")
	var asks []string
	for _, ask := range []struct{ field, reason string }{
		{"gender", f.practice.Asks.Gender}, {"insurance", f.practice.Asks.Insurance}, {"note", f.practice.Asks.Note},
	} {
		if ask.reason != "" {
			asks = append(asks, w.words["l.field."+ask.field])
		}
	}
	if len(asks) == 0 {
		asks = []string{w.words["l.none"]}
	}
	w.add("impact.necessary", params{"asks": strings.Join(asks, ", ")})
	w.purposes(f)
	w.section("risks")
	rest := map[string]string{"page": "risk.rest_page", "meta": "risk.rest_meta", "staff": "risk.rest_practice"}
	var rows [][]Sentence
	for _, risk := range []string{"read", "page", "meta", "contact", "loss", "staff"} {
		left, ok := rest[risk]
		if !ok {
			left = "risk.rest_low"
		}
		rows = append(rows, []Sentence{w.sentence("risk." + risk), w.sentence("risk." + risk + "_answer"), w.sentence(left)})
	}
	w.table([]string{"l.risk", "l.answer", "l.rest"}, rows)
	w.paragraph(w.sentence("limit.page"), w.sentence("limit.times"), w.sentence("limit.ip"), w.sentence("limit.contact"))
	w.section("evidence")
	w.evidence(s.valid(evidence))
	w.made(s)
	return nil
}

// evidence says what there is, and plainly where there is none.
func (w *writer) evidence(valid []Evidence) {
	if len(valid) == 0 {
		w.add("evidence.none")
		return
	}
	w.add("evidence.list")
	var rows [][]Sentence
	for _, e := range valid {
		rows = append(rows, []Sentence{
			w.sentence("fact.evidence", params{"title": w.words["l.evidence."+e.Kind] + ": " + e.Title, "until": w.date(e.Until)}),
			w.sentence("fact.line", params{"text": e.Subject}),
			w.sentence("fact.line", params{"text": e.Auditor}),
			w.sentence("fact.line", params{"text": w.country(e.Country, w.doc.Language)}),
		})
	}
	w.table([]string{"l.what", "l.subject", "l.auditor", "l.country"}, rows)
}

// agreement is the text that the practice accepts or has to accept.
func (s *Service) agreement(ctx context.Context, w *writer, tenant id.Tenant) error {
	a, err := s.Onboarding.Agreement(ctx, tenant, w.doc.Language)
	if err != nil {
		return err
	}
	for paragraph := range strings.SplitSeq(a.Document, "\n\n") {
		paragraph = strings.TrimSpace(paragraph)
		title, found := strings.CutPrefix(paragraph, "#")
		switch {
		case paragraph == "":
		case found:
			w.doc.Sections = append(w.doc.Sections, Section{ID: "agreement", Title: strings.TrimSpace(strings.TrimLeft(title, "#"))})
		case len(w.doc.Sections) == 0:
		default:
			for line := range strings.SplitSeq(paragraph, "\n") {
				w.add("fact.open", params{"text": line})
			}
		}
	}
	return nil
}
