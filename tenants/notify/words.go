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
	language         string
	parts            *template.Template
	wordings         map[string]Wording
	weekdays, months []string
}

func readWords() (map[string]*vocabulary, error) {
	all := map[string]*vocabulary{}
	for _, language := range []string{"de", "en"} {
		parts, err := template.ParseFS(wordFiles, "words/"+language+"/parts.txt")
		if err != nil {
			return nil, fmt.Errorf("read words: %w", err)
		}
		v := &vocabulary{language: language, parts: parts.Option("missingkey=error"), wordings: map[string]Wording{}}
		messages, err := wordFiles.ReadFile("words/" + language + "/messages.txt")
		if err != nil {
			return nil, fmt.Errorf("read words: %w", err)
		}
		for section := range strings.SplitSeq("\n"+strings.TrimSpace(string(messages)), "\n== ") {
			name, body, _ := strings.Cut(section, "\n")
			subject := ""
			if strings.HasSuffix(name, "_mail") {
				subject, body, _ = strings.Cut(body, "\n")
			}
			v.wordings[name] = Wording{subject, body}
		}
		for _, s := range shapes {
			if _, err := s.Check(v.wordings[s.Name]); err != nil {
				return nil, fmt.Errorf("read words: %s %s: %w", language, s.Name, err)
			}
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
func (v *vocabulary) moment(t time.Time) string { return v.date(t) + ", " + v.clock(t) }

// wordingOf names the words of a message of a kind.
func wordingOf(kind string, out booking.Outgoing) string {
	what, way, _ := strings.Cut(kind, "_")
	switch {
	case what == "receipt" && out.Requested:
		what = "request"
	case what == "change" && out.Change != "":
		what = string(out.Change)
	case what == "change":
		what = string(booking.ChangeBooked)
	}
	return what + "_" + way
}

// values are what a message may speak of, by placeholder. There is none for
// anything that a message must not say.
func (v *vocabulary) values(link string, out booking.Outgoing, f Facts) (map[string]string, error) {
	name := oneLine(f.Name)
	if name == "" || len(out.Stops) == 0 {
		return nil, ErrUnsendable.Because(errors.New("the practice has no name, or the booking no time"))
	}
	values := map[string]string{"practice": name, "phone": oneLine(f.Phone), "link": link, "code": out.Code}
	var blocks []string
	for i, s := range out.Stops {
		zone, err := time.LoadLocation(s.Zone)
		if err != nil || s.Zone == "" || s.Zone == "Local" {
			return nil, ErrUnsendable.Because(fmt.Errorf("unknown zone %q", s.Zone))
		}
		lines := []string{v.moment(s.Starts.In(zone))}
		if i == 0 {
			values["time"], values["place"], values["until"] = lines[0], oneLine(s.Location), v.until(out, zone)
			lines = append(lines, name, oneLine(out.Practitioner))
		}
		lines = append(lines, oneLine(s.Location))
		blocks = append(blocks, joined(lines, "\n"))
	}
	values["appointments"] = strings.Join(blocks, "\n\n")
	return values, nil
}

// until is when something ends: the time of day, since it is soon, and for an
// answer, which takes its days, the day with it. Empty: nobody knows.
func (v *vocabulary) until(out booking.Outgoing, zone *time.Location) string {
	switch {
	case out.Expires.Unix() <= 0:
		return ""
	case out.Requested:
		return v.moment(out.Expires.In(zone))
	default:
		return v.clock(out.Expires.In(zone))
	}
}

// joined leaves out what is empty.
func joined(parts []string, sep string) string {
	var said []string
	for _, p := range parts {
		if p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, sep)
}

// mail makes subject and plain text out of w, which has been checked. Who did
// not ask for it and whom to call always stands below.
func (v *vocabulary) mail(s Shape, w Wording, link string, out booking.Outgoing, f Facts) (subject, body string, err error) {
	values, err := v.values(link, out, f)
	if err != nil {
		return "", "", err
	}
	subject, errSubject := fill(w.Subject, "\n", values)
	body, errBody := fill(w.Body, "\n\n", values)
	sender, errSender := fill(v.wordings["sender"].Body, "\n", values)
	if err := errors.Join(errSubject, errBody, errSender); err != nil {
		return "", "", fmt.Errorf("write mail: %w", err)
	}
	return oneLine(subject), joined([]string{body, v.wordings[s.end].Body, sender}, "\n\n") + "\n", nil
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
