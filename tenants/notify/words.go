package notify

import (
	"embed"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/template"
	"time"
	"unicode"

	"siegel/tenants/booking"
)

//go:embed words
var wordFiles embed.FS

// vocabulary is every word of one language.
type vocabulary struct {
	parts            *template.Template
	mails            map[string]*template.Template
	weekdays, months []string
}

// content is what the words may speak of. It has no field for anything that a
// message must not say.
type content struct {
	Practice, Phone, Practitioner, Location, Starts, Until, Link, Code string
	// More are the further stops of a booking.
	More []stop
	// Requested says that staff has yet to accept it.
	Requested bool
	// Change is what became of it: booked, moved, cancelled.
	Change booking.Change
}

type stop struct{ Starts, Location string }

func readWords() (map[string]*vocabulary, error) {
	all := map[string]*vocabulary{}
	for _, language := range []string{"de", "en"} {
		parts, err := template.ParseFS(wordFiles, "words/"+language+"/parts.txt")
		if err != nil {
			return nil, fmt.Errorf("read words: %w", err)
		}
		v := &vocabulary{parts: parts.Option("missingkey=error"), mails: map[string]*template.Template{}}
		for _, kind := range []string{ConfirmMail, ReceiptMail, ChangeMail, ReminderMail} {
			t, err := template.Must(parts.Clone()).ParseFS(wordFiles, "words/"+language+"/"+kind+".txt")
			if err != nil {
				return nil, fmt.Errorf("read words: %w", err)
			}
			v.mails[kind] = t
		}
		v.weekdays, v.months = strings.Fields(v.say("weekdays", nil)), strings.Fields(v.say("months", nil))
		if len(v.weekdays) != 7 || len(v.months) != 12 {
			return nil, fmt.Errorf("read words: %s has %d weekdays and %d months", language, len(v.weekdays), len(v.months))
		}
		all[language] = v
	}
	return all, nil
}

// say fills in one part. A part that does not fit its data is our own mistake
// and comes out empty; the tests read every one.
func (v *vocabulary) say(part string, data any) string {
	var b strings.Builder
	if err := v.parts.ExecuteTemplate(&b, part, data); err != nil {
		return ""
	}
	return b.String()
}

// clock is the wall time, as in "9:20 Uhr".
func (v *vocabulary) clock(t time.Time) string {
	half := "am"
	if t.Hour() >= 12 {
		half = "pm"
	}
	return v.say("clock", map[string]any{
		"Hour": t.Hour(), "Hour12": (t.Hour()+11)%12 + 1, "Half": half, "Minute": t.Format("04"),
	})
}

// moment is day and wall time, as in "Donnerstag, 26. November 2026, 9:20 Uhr".
func (v *vocabulary) moment(t time.Time) string {
	return v.say("day", map[string]any{
		"Weekday": v.weekdays[t.Weekday()], "Day": t.Day(), "Month": v.months[t.Month()-1], "Year": t.Year(),
	}) + ", " + v.clock(t)
}

func (v *vocabulary) content(out booking.Outgoing, f Facts) (content, error) {
	c := content{
		Practice: oneLine(f.Name), Phone: oneLine(f.Phone), Practitioner: oneLine(out.Practitioner),
		Code: out.Code, Requested: out.Requested, Change: out.Change,
	}
	if c.Practice == "" || len(out.Stops) == 0 {
		return content{}, ErrUnsendable.Because(errors.New("the practice has no name, or the booking no time"))
	}
	for i, s := range out.Stops {
		zone, err := time.LoadLocation(s.Zone)
		if err != nil || s.Zone == "" || s.Zone == "Local" {
			return content{}, ErrUnsendable.Because(fmt.Errorf("unknown zone %q", s.Zone))
		}
		said := stop{v.moment(s.Starts.In(zone)), oneLine(s.Location)}
		if i > 0 {
			c.More = append(c.More, said)
			continue
		}
		c.Starts, c.Location, c.Until = said.Starts, said.Location, v.clock(out.Expires.In(zone))
	}
	return c, nil
}

// mail makes subject and plain text.
func (v *vocabulary) mail(kind, link string, out booking.Outgoing, f Facts) (subject, body string, err error) {
	c, err := v.content(out, f)
	if err != nil {
		return "", "", err
	}
	c.Link = link
	var s, b strings.Builder
	if err := errors.Join(v.mails[kind].ExecuteTemplate(&s, "subject", c), v.mails[kind].ExecuteTemplate(&b, "body", c)); err != nil {
		return "", "", fmt.Errorf("write mail: %w", err)
	}
	return s.String(), b.String(), nil
}

// oneLine makes foreign text safe to stand in a line of ours: line breaks and
// other control characters, and those that reorder what is read, become spaces.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:200])
	}
	return s
}

// isLink accepts a whole URL of visible ASCII, since that is what a mail
// program recognises and nothing else can break out of its line.
func isLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= 900 && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>\"", r) })
}
