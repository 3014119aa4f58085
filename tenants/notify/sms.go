package notify

import (
	"errors"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"siegel/tenants/booking"
)

// onePart is what a text message of one part holds, in septets (3GPP TS 23.038).
const onePart = 160

var sixDigits = regexp.MustCompile(`^[0-9]{6}$`)

// sms makes a text of one part. A practice's name is written in the alphabet of
// text messages and cut where it would need a second part, which costs twice
// and splits the code from its explanation on old phones.
func (v *vocabulary) sms(kind string, out booking.Outgoing, f Facts) (string, error) {
	if kind == ConfirmSMS && !sixDigits.MatchString(out.Code) {
		return "", ErrUnsendable.Because(errors.New("the code is not six digits"))
	}
	c, err := v.content(out, f)
	if err != nil {
		return "", err
	}
	name := []rune(gsm(c.Practice))
	for {
		c.Practice = strings.TrimRight(string(name), " .,;:-")
		text := v.say(kind, c)
		n := septets(text)
		if n <= onePart {
			c.Phone = gsm(c.Phone)
			if phone := v.say("sms_phone", c); c.Phone != "" && n+septets(phone) <= onePart {
				text += phone
			}
			return text, nil
		}
		if len(name) == 0 {
			return "", ErrUnsendable.Because(errors.New("the words do not fit one part"))
		}
		name = name[:len(name)-1]
	}
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
