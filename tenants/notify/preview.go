package notify

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/tenants/booking"
)

// Preview is a message as a patient would get it, with an example of an
// appointment.
type Preview struct {
	// Subject is empty for a text message.
	Subject, Text string
	// Length is that of a text message, CostMicros what it costs with the
	// provider that comes first, in millionths of Currency.
	Length     TextLength
	CostMicros int64
	Currency   string
	// Telling are the words in it that tell a specialty.
	Telling []string
}

// Preview writes a message in a wording that need not be stored. It returns
// what [Shape.Check] and [Settings.Say] return.
func (s *Service) Preview(ctx context.Context, tenant id.Tenant, name, language string, w Wording) (Preview, error) {
	words, ok := shape(name)
	v := s.words[language]
	if !ok || v == nil {
		return Preview{}, ErrSettings
	}
	facts, err := s.practices.Practice(ctx, tenant)
	if err != nil {
		return Preview{}, fmt.Errorf("read practice: %w", err)
	}
	own := w != v.wordings[name]
	if w, err = words.Check(w); err != nil {
		return Preview{}, err
	}
	out, link := example(language)
	p := Preview{}
	if !words.Text() {
		if p.Subject, p.Text, err = v.mail(words, w, link, out, facts); err != nil {
			return Preview{}, err
		}
		p.Telling = Telling(facts.Name + " " + p.Subject + " " + p.Text)
		return p, nil
	}
	most := 1
	if own {
		most = mostParts
	}
	if p.Text, err = v.sms(name, w, most, out, facts); err != nil {
		return Preview{}, ErrTemplate.Because(err)
	}
	p.Length, p.Telling = MeasureText(p.Text), Telling(facts.SMSSender+" "+p.Text)
	route, err := s.route(ctx, tenant)
	if err != nil {
		return Preview{}, fmt.Errorf("find the way of a text message: %w", err)
	}
	if len(route) > 0 {
		p.CostMicros, p.Currency = int64(p.Length.Parts)*route[0].PriceMicros, orEuro(route[0].Currency)
	}
	return p, nil
}

// example is an appointment of nobody.
func example(language string) (booking.Outgoing, string) {
	starts := time.Date(2030, 9, 25, 7, 20, 0, 0, time.UTC) // a Wednesday in September: long words
	place := "Musterstraße 1, 12345 Musterstadt"
	if language == "en" {
		place = "1 Sample Street, 12345 Sample Town"
	}
	link := "https://termine.example/booking#Beispiel"
	return booking.Outgoing{
		Code: "123456", Link: link, ManageLink: link, Expires: starts.Add(10 * time.Minute), Language: language,
		Stops: []booking.Stop{{Starts: starts, Ends: starts.Add(20 * time.Minute), Zone: "Europe/Berlin", Location: place}},
	}, link
}

// telling are beginnings and parts of words that tell what a practice treats.
// Whoever sees a mail on somebody else's screen learns it from them.
var telling = regexp.MustCompile(`(?i)\b(` + strings.Join([]string{
	`psych\pL*`, `neuro\pL*`, `gyn[äa]?\pL*`, `gynä\pL*`, `frauen(arzt|ärzt|heil)\pL*`, `uro(log|therap)\pL*`, `androlog\pL*`, `onko\pL*`, `krebs\pL*`,
	`tumor\pL*`, `cancer`, `oncolog\pL*`, `h[äa]mato\pL*`, `infektio\pL*`, `infectio\pL*`, `hiv\b`, `aids\b`, `std\b`, `sti\b`, `sexual\pL*`, `sucht\pL*`, `addict\pL*`,
	`substitution\pL*`, `methadon\pL*`, `proktolog\pL*`, `proctolog\pL*`, `enddarm\pL*`, `dermato\pL*`, `haut(arzt|ärzt|praxis|klinik)\pL*`, `vener\pL*`, `geschlechtskrank\pL*`,
	`kardio\pL*`, `cardio\pL*`, `herz(zentrum|praxis|klinik)\pL*`, `diabet\pL*`, `rheuma\pL*`, `nephro\pL*`, `dialyse\pL*`, `dialysis`, `gastro\pL*`, `endokrin\pL*`,
	`pneumo\pL*`, `lungen\pL*`, `schmerz(zentrum|praxis|therap|ambulanz)\pL*`, `kinderwunsch\pL*`, `fertilit\pL*`, `ivf\b`, `schwanger\pL*`, `pregnan\pL*`, `abtreib\pL*`, `abortion`,
	`geburt\pL*`, `hebamme\pL*`, `pädiat\pL*`, `kinder(arzt|ärzt|heil)\pL*`, `orthop\pL*`, `chirurg\pL*`, `surgery`, `radiolog\pL*`, `zahn\pL*`, `dental\pL*`, `dentist\pL*`, `kiefer\pL*`,
	`augen(arzt|ärzt|praxis|klinik|heil)\pL*`, `ophthalm\pL*`, `hno\b`, `palliativ\pL*`, `hospiz\pL*`, `hospice`, `humangenet\pL*`, `genetic\pL*`, `transgender\pL*`, `adipositas\pL*`,
	`logop\pL*`, `ergotherap\pL*`, `physiotherap\pL*`, `koloskop\pL*`, `darmspiegel\pL*`, `mammogra\pL*`, `impf\pL*`, `vaccin\pL*`,
}, "|") + `)`)

// Telling are the words of a text that tell a specialty or a reason, each once,
// as they were written.
func Telling(text string) []string {
	// Names of hosts are words with hyphens and points.
	found := telling.FindAllString(strings.NewReplacer("-", " ", ".", " ", "_", " ").Replace(text), -1)
	slices.Sort(found)
	return slices.Compact(found)
}
