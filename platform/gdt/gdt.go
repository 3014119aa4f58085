// Package gdt writes records of the German device interface (GDT 2.1, QMS): a
// record is lines, and a line is its length, the number of a field, and text.
//
// [Record.Encode] promises that a record has exactly the fields given and
// nothing else, whatever stands in their texts: a line break or another control
// character becomes a space, what the charset has not is written by what comes
// closest, and lengths are counted in bytes of that charset. Text that is longer
// than a line continues in a further line of the same field. It knows nothing of what a
// field means; there is no record for an appointment in the format.
package gdt

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"siegel/platform/fault"
)

// ErrMalformed is returned for a record, a field or a charset that there is not.
var ErrMalformed = fault.New(fault.Invalid, "malformed_gdt")

// Charset is how text becomes bytes, as field 9206 says it.
type Charset string

// The charsets of the format.
const (
	ASCII  Charset = "1" // 7 bit
	CP437  Charset = "2" // IBM
	Latin1 Charset = "3" // ISO 8859-1, as Windows-1252
)

// Field is one line: a four-digit number and its text.
type Field struct{ ID, Text string }

// Record is one file: its type ("6301"), who it is from and for, and what it says.
type Record struct {
	Type     string
	Receiver string // GDT-ID, at most 8 characters
	Sender   string
	Charset  Charset
	Fields   []Field
}

// lineText is the longest text of a line, in bytes: many readers take no more
// than 60 to 70 characters.
const lineText = 60

// Encode returns the record as bytes. It returns [ErrMalformed].
func (r Record) Encode() ([]byte, error) {
	if !number(r.Type) || len(r.Receiver) > 8 || len(r.Sender) > 8 {
		return nil, ErrMalformed
	}
	var body bytes.Buffer
	add := func(id, text string) error {
		if !number(id) {
			return ErrMalformed
		}
		b, err := r.Charset.bytes(plain(text))
		if err != nil {
			return err
		}
		for first := true; first || len(b) > 0; first = false {
			some := b[:min(len(b), lineText)]
			b = b[len(some):]
			fmt.Fprintf(&body, "%03d%s%s\r\n", len(some)+9, id, some)
		}
		return nil
	}
	head := []Field{{"8315", r.Receiver}, {"8316", r.Sender}, {"9206", string(r.Charset)}, {"9218", "02.10"}}
	for _, f := range append(head, r.Fields...) {
		if err := add(f.ID, f.Text); err != nil {
			return nil, err
		}
	}
	// The whole length counts the two lines in front, whose own length is fixed.
	const front = len("0138000") + len("6301\r\n") + len("0148100") + len("00000\r\n")
	total := front + body.Len()
	if total > 99999 {
		return nil, ErrMalformed
	}
	return append(fmt.Appendf(nil, "0138000%s\r\n0148100%05d\r\n", r.Type, total), body.Bytes()...), nil
}

func number(s string) bool {
	return len(s) == 4 && strings.Trim(s, "0123456789") == ""
}

// plain keeps a text in one line.
func plain(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case r == unicode.ReplacementChar, unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
			return -1
		}
		return r
	}, norm.NFC.String(s)))
}

// spelled is how German spells what a charset does not have.
var spelled = map[rune]string{
	'Ä': "Ae", 'Ö': "Oe", 'Ü': "Ue", 'ä': "ae", 'ö': "oe", 'ü': "ue", 'ß': "ss", 'ẞ': "SS",
	'Æ': "Ae", 'æ': "ae", 'Ø': "Oe", 'ø': "oe", 'Œ': "Oe", 'œ': "oe", 'Đ': "D", 'đ': "d", 'Ł': "L", 'ł': "l", 'ı': "i", 'Þ': "Th", 'þ': "th", 'ð': "d",
	'–': "-", '—': "-", '‘': "'", '’': "'", '‚': "'", '“': "\"", '”': "\"", '„': "\"", '…': "...", '€': "EUR",
}

func (c Charset) bytes(s string) ([]byte, error) {
	var has func(rune) (byte, bool)
	switch c {
	case ASCII:
		has = func(r rune) (byte, bool) { return byte(r), r < 0x80 }
	case CP437:
		has = charmap.CodePage437.EncodeRune
	case Latin1:
		has = charmap.Windows1252.EncodeRune
	default:
		return nil, ErrMalformed
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		b, ok := has(r)
		if ok && (b >= 0x20 && b != 0x7f) {
			out = append(out, b)
			continue
		}
		for _, x := range near(r) {
			if b, ok := has(x); ok && b >= 0x20 && b != 0x7f {
				out = append(out, b)
			}
		}
	}
	return out, nil
}

// near is what a reader takes for a character: its spelling, its letter without
// the marks, or a question mark.
func near(r rune) string {
	if s, ok := spelled[r]; ok {
		return s
	}
	letters := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) {
			return -1
		}
		return r
	}, norm.NFD.String(string(r)))
	if letters == string(r) {
		return "?"
	}
	return letters
}
