package notify

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"

	"siegel/tenants/booking"
)

// onePart is what a text message of one part holds, in septets (3GPP TS 23.038).
const (
	onePart = 160
	// mostParts is how long a text message may get by the words of a practice.
	mostParts = 3
)

var sixDigits = regexp.MustCompile(`^[0-9]{6}$`)

// sms makes a text out of w, which has been checked. The product's own words
// make one part: a practice's name is written in the alphabet of text messages
// and cut where it would need a second one, which costs twice and splits the
// code from its explanation on old phones. A practice's own words may have more.
func (v *vocabulary) sms(kind string, w Wording, most int, out booking.Outgoing, f Facts) (string, error) {
	if kind == ConfirmSMS && !sixDigits.MatchString(out.Code) {
		return "", ErrUnsendable.Because(errors.New("the code is not six digits"))
	}
	link := ""
	switch kind {
	case WaitingSMS:
		link = out.ManageLink
	case RecallSMS:
		link = out.Link
	}
	values, err := v.values(link, out, f)
	if err != nil {
		return "", err
	}
	phone := gsm(values["phone"])
	values["phone"], values["place"] = phone, gsm(values["place"])
	name := []rune(gsm(values["practice"]))
	for {
		values["practice"] = strings.TrimRight(string(name), " .,;:-")
		if values["practice"] == "" {
			values["practice"] = "-"
		}
		text, err := fill(w.Body, "\n", values)
		if err != nil {
			return "", fmt.Errorf("write text: %w", err)
		}
		if n := MeasureText(text); n.Parts <= most {
			more, err := fill(v.wordings["sms_phone"].Body, "\n", values)
			if longer := text + " " + more; err == nil && phone != "" && !strings.Contains(text, phone) && MeasureText(longer).Parts == n.Parts {
				text = longer
			}
			return text, nil
		}
		if len(name) == 0 {
			return "", ErrUnsendable.Because(errors.New("the words do not fit"))
		}
		name = name[:len(name)-1]
	}
}

// TextLength is how long a text message is, and so what it costs.
type TextLength struct {
	// Parts are paid one by one.
	Parts int
	// Units are septets in the default alphabet, or else UTF-16 units; Left are
	// those that the last part still has room for.
	Units, Left int
	// Wide says that a character lies outside the default alphabet, so that a
	// part holds less than half.
	Wide bool
}

// MeasureText counts as 3GPP TS 23.038 and 23.040 do: 160 septets or 70 units
// in one part, 153 or 67 in each of several, no character torn apart.
func MeasureText(s string) TextLength {
	l := TextLength{Wide: septets(s) >= 1<<20}
	one, each, size := onePart, 153, func(r rune) int { return septets(string(r)) }
	if l.Wide {
		one, each, size = 70, 67, utf16.RuneLen
	}
	inPart := 0
	for _, r := range s {
		n := max(size(r), 1)
		l.Units += n
		if inPart+n > each {
			l.Parts++
			inPart = 0
		}
		inPart += n
	}
	if l.Units <= one {
		l.Parts, l.Left = 1, one-l.Units
		return l
	}
	l.Parts++
	l.Left = each - inPart
	return l
}

// basic are the characters of one septet, extended those of two. Line breaks
// are left out on purpose.
const (
	basic    = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	extended = "^{}\\[~]|€"
)

// septets counts the length in the default alphabet, or says that one
// character is outside it by a number larger than any message.
func septets(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case strings.ContainsRune(basic, r):
			n++
		case strings.ContainsRune(extended, r):
			n += 2
		default:
			return 1 << 20
		}
	}
	return n
}

// gsm writes s in the default alphabet: typographic signs as plain ones, other
// letters without their marks, and without what is left.
func gsm(s string) string {
	s = strings.NewReplacer("–", "-", "—", "-", "‐", "-", "‑", "-", "„", `"`, "“", `"`, "”", `"`, "«", `"`, "»", `"`,
		"‘", "'", "’", "'", "‚", "'", "´", "'", "`", "'", "…", "...", "·", "-", "•", "-", "ẞ", "SS",
		"ł", "l", "Ł", "L", "đ", "d", "Đ", "D", "œ", "oe", "Œ", "OE").Replace(norm.NFC.String(s))
	var b strings.Builder
	for _, r := range s {
		if septets(string(r)) <= 2 {
			b.WriteRune(r)
			continue
		}
		for _, d := range norm.NFKD.String(string(r)) {
			if !unicode.Is(unicode.Mn, d) && septets(string(d)) <= 2 {
				b.WriteRune(d)
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
