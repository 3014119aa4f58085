package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"siegel/platform/fault"
)

// The language of templates has text and placeholders, {link}, and nothing
// else: no conditions, no code. A paragraph with a placeholder that has nothing
// to say is left out. {{ and }} are braces. What stands in for a placeholder is
// never looked at again, so no name and no address can bring in another one.

var (
	// ErrPlaceholder is returned for a template with a placeholder that does not
	// exist, or not in this message.
	ErrPlaceholder = fault.New(fault.Invalid, "unknown_placeholder")
	// ErrPlaceholderMissing is returned for a template without one that the
	// message is for nothing without.
	ErrPlaceholderMissing = fault.New(fault.Invalid, "placeholder_missing")
	// ErrTemplate is returned for a template that is empty, too long, has an
	// open brace, an address of its own, or characters that no message may have.
	ErrTemplate = fault.New(fault.Invalid, "malformed_template")
)

// The placeholders, by their name in either language.
var placeholders = map[string]string{
	"praxis": "practice", "practice": "practice",
	"telefon": "phone", "phone": "phone",
	"termine": "appointments", "appointments": "appointments",
	"zeit": "time", "time": "time",
	"ort": "place", "place": "place",
	"frist": "until", "until": "until",
	"link": "link",
	"code": "code",
}

// shapes are the messages that have words of their own.
var shapes = []Shape{
	{Name: "confirm_mail", needs: [][]string{{"link"}}, has: []string{"until", "link"}, end: "end_confirm"},
	{Name: "confirm_sms", needs: [][]string{{"code"}, {"practice"}}, has: []string{"until", "code"}},
	{Name: "receipt_mail", needs: [][]string{{"appointments", "time"}}, has: []string{"link"}, end: "end_receipt"},
	{Name: "request_mail", needs: [][]string{{"appointments", "time"}}, has: []string{"until", "link"}, end: "end_receipt"},
	{Name: "booked_mail", needs: [][]string{{"appointments", "time"}}, end: "end_change"},
	{Name: "booked_sms", needs: [][]string{{"time"}, {"practice"}}},
	{Name: "moved_mail", needs: [][]string{{"appointments", "time"}}, end: "end_change"},
	{Name: "moved_sms", needs: [][]string{{"time"}, {"practice"}}},
	{Name: "proposed_mail", needs: [][]string{{"appointments", "time"}}, end: "end_change"},
	{Name: "proposed_sms", needs: [][]string{{"time"}, {"practice"}}},
	{Name: "cancelled_mail", needs: [][]string{{"appointments", "time"}}, has: []string{"link"}, end: "end_change"},
	{Name: "cancelled_sms", needs: [][]string{{"time"}, {"practice"}}},
	{Name: "lapsed_mail", needs: [][]string{{"appointments", "time"}}, has: []string{"link"}, end: "end_change"},
	{Name: "lapsed_sms", needs: [][]string{{"time"}, {"practice"}}},
	{Name: "reminder_mail", needs: [][]string{{"appointments", "time"}}, has: []string{"link"}, end: "end_reminder"},
	{Name: "reminder_sms", needs: [][]string{{"time"}, {"practice"}}},
	{Name: "recall_mail", needs: [][]string{{"link"}}, has: []string{"link"}, end: "end_recall", bare: true},
	{Name: "recall_sms", needs: [][]string{{"practice"}, {"link"}}, has: []string{"link"}, bare: true},
	{Name: "waiting_ask_mail", needs: [][]string{{"link"}}, has: []string{"until", "link"}, end: "end_waiting"},
	{Name: "waiting_ask_sms", needs: [][]string{{"code"}, {"practice"}}, has: []string{"until", "code"}},
	{Name: "waiting_mail", needs: [][]string{{"appointments", "time"}, {"link"}}, has: []string{"until", "link"}, end: "end_waiting"},
	{Name: "waiting_sms", needs: [][]string{{"time"}, {"practice"}, {"link"}}, has: []string{"until", "link"}},
}

// Shape is a message that has words: what they may speak of, and what of it
// they must.
type Shape struct {
	Name  string
	needs [][]string // one of each
	has   []string   // beside what all have
	end   string     // what always stands below a mail
	bare  bool       // there is no appointment to speak of
}

// Shapes are all of them, in the order in which a patient meets them.
func Shapes() []Shape { return slices.Clone(shapes) }

// Text says that it is a text message, of one line and without a subject.
func (s Shape) Text() bool { return strings.HasSuffix(s.Name, "_sms") }

// Placeholders are those that the message has, by their names in a language.
func (s Shape) Placeholders(language string) []string {
	names := map[string]string{"practice": "praxis", "phone": "telefon", "appointments": "termine", "time": "zeit", "place": "ort", "until": "frist"}
	var all []string
	for _, p := range s.allowed() {
		if german, ok := names[p]; ok && language != "en" {
			p = german
		}
		all = append(all, p)
	}
	return all
}

func (s Shape) allowed() []string {
	if s.bare {
		return append([]string{"practice", "phone"}, s.has...)
	}
	common := []string{"practice", "phone", "time", "place"}
	if !s.Text() {
		common = append(common, "appointments")
	}
	return append(common, s.has...)
}

func shape(name string) (Shape, bool) {
	i := slices.IndexFunc(shapes, func(s Shape) bool { return s.Name == name })
	if i < 0 {
		return Shape{}, false
	}
	return shapes[i], true
}

// Wording is what a message says, with placeholders. A text message has no
// subject.
type Wording struct{ Subject, Body string }

// limits of what a practice may write, in characters.
const (
	subjectLimit = 120
	mailLimit    = 2000
	textLimit    = 480
)

// Check cleans a practice's own wording and returns [ErrPlaceholder],
// [ErrPlaceholderMissing] or [ErrTemplate], each with what it is about as its
// cause.
func (s Shape) Check(w Wording) (Wording, error) {
	w.Body = strings.ReplaceAll(strings.ReplaceAll(w.Body, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(w.Body, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRightFunc(l, unicode.IsSpace)
	}
	w.Body, w.Subject = strings.Trim(strings.Join(lines, "\n"), "\n"), strings.TrimSpace(w.Subject)
	limit := mailLimit
	if s.Text() {
		w.Subject, w.Body, limit = "", strings.Join(strings.Fields(w.Body), " "), textLimit
	} else if w.Subject == "" {
		return w, ErrTemplate.Because(errors.New("no subject"))
	}
	for text, most := range map[string]int{w.Subject: subjectLimit, w.Body: limit} {
		if n := len([]rune(text)); n > most {
			return w, ErrTemplate.Because(fmt.Errorf("%d characters, at most %d", n, most))
		}
		if strings.ContainsFunc(text, func(r rune) bool {
			return r != '\n' && (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r)) || r == unicode.ReplacementChar
		}) {
			return w, ErrTemplate.Because(errors.New("control characters"))
		}
		// An address of somebody's own would make every message a lure.
		if strings.Contains(text, "://") || strings.Contains(strings.ToLower(text), "www.") {
			return w, ErrTemplate.Because(errors.New("an address of its own"))
		}
	}
	if w.Body == "" || strings.Contains(w.Subject, "\n") {
		return w, ErrTemplate.Because(errors.New("no text"))
	}
	subject, err := parse(w.Subject)
	if err != nil {
		return w, err
	}
	body, err := parse(w.Body)
	if err != nil {
		return w, err
	}
	used := map[string]bool{}
	for _, p := range append(slices.Clone(subject), body...) {
		if p.name == "" {
			continue
		}
		if !slices.Contains(s.allowed(), p.name) {
			return w, ErrPlaceholder.Because(errors.New(p.text))
		}
		used[p.name] = true
	}
	for _, p := range subject {
		// Whoever sees only the list of mails sees no secret.
		if p.name == "link" || p.name == "code" || p.name == "appointments" {
			return w, ErrPlaceholder.Because(errors.New(p.text))
		}
	}
	for _, one := range s.needs {
		if !slices.ContainsFunc(one, func(p string) bool { return used[p] }) {
			return w, ErrPlaceholderMissing.Because(errors.New(one[0]))
		}
	}
	return w, nil
}

// piece is text, or a placeholder with its name as it was written.
type piece struct{ text, name string }

// parse takes a template apart. It returns [ErrPlaceholder] or [ErrTemplate].
func parse(s string) ([]piece, error) {
	var all []piece
	var text strings.Builder
	for i := 0; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "}}"):
			text.WriteByte(s[i])
			i += 2
		case s[i] == '{':
			name, _, closed := strings.Cut(s[i+1:], "}")
			if !closed || strings.ContainsAny(name, "{\n") {
				return nil, ErrTemplate.Because(errors.New("an open brace"))
			}
			known, ok := placeholders[strings.ToLower(strings.TrimSpace(name))]
			if !ok {
				return nil, ErrPlaceholder.Because(errors.New(name))
			}
			if text.Len() > 0 {
				all = append(all, piece{text: text.String()})
				text.Reset()
			}
			all = append(all, piece{text: name, name: known})
			i += len(name) + 2
		case s[i] == '}':
			return nil, ErrTemplate.Because(errors.New("an open brace"))
		default:
			text.WriteByte(s[i])
			i++
		}
	}
	if text.Len() > 0 {
		all = append(all, piece{text: text.String()})
	}
	return all, nil
}

// fill puts values in the place of placeholders, part by part as sep parts
// them. A part with a placeholder that has no value is left out.
func fill(template, sep string, values map[string]string) (string, error) {
	var parts []string
	for part := range strings.SplitSeq(template, sep) {
		pieces, err := parse(part)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		said := true
		for _, p := range pieces {
			if p.name == "" {
				b.WriteString(p.text)
				continue
			}
			said = said && values[p.name] != ""
			b.WriteString(values[p.name])
		}
		if said {
			parts = append(parts, b.String())
		}
	}
	return strings.Join(parts, sep), nil
}
