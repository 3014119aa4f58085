package onboarding

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest texts, in characters.
const (
	maxName = 120
	maxText = 1000
)

// checker gathers mistakes.
type checker struct{ mistakes Mistakes }

func (c *checker) fail(field, why string) { c.mistakes = append(c.mistakes, Mistake{field, why}) }

// line checks and trims a text of one line.
func (c *checker) line(field string, s *string, required bool) {
	*s = strings.TrimSpace(*s)
	switch {
	case *s == "" && required:
		c.fail(field, "missing")
	case !plain(*s) || strings.ContainsRune(*s, '\n'):
		c.fail(field, "invalid_text")
	case utf8.RuneCountInString(*s) > maxName:
		c.fail(field, "too_long")
	}
}

func (c *checker) text(field string, s *string) {
	*s = strings.TrimSpace(*s)
	switch {
	case !plain(*s):
		c.fail(field, "invalid_text")
	case utf8.RuneCountInString(*s) > maxText:
		c.fail(field, "too_long")
	}
}

func (c *checker) email(field string, s *string) {
	mail, ok := canonicalEmail(*s)
	if strings.TrimSpace(*s) == "" {
		c.fail(field, "missing")
	} else if !ok {
		c.fail(field, "invalid_email")
	}
	*s = mail
}

var phoneForm = regexp.MustCompile(`^\+?[0-9 ()/.\-]{5,30}$`)

func (c *checker) phone(field string, s *string) {
	*s = strings.TrimSpace(*s)
	switch {
	case *s == "":
		c.fail(field, "missing")
	case !isPhone(*s):
		c.fail(field, "invalid_phone")
	}
}

func isPhone(s string) bool {
	digits := 0
	for _, r := range s {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return digits >= 5 && phoneForm.MatchString(s)
}

// plain refuses what is no text, and what reorders or hides what is read.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.Is(unicode.Cc, r) && r != '\n' || unicode.Is(unicode.Cf, r) && r != '\u00ad' && r != '\u200d'
	})
}

var emailForm = regexp.MustCompile(`^[a-z0-9.!#$%&'*+/=?^_{|}~\x60-]{1,64}@[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)

// canonicalEmail is the one form of an address: ASCII, lower case.
func canonicalEmail(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	return s, len(s) <= 254 && emailForm.MatchString(s)
}

func language(s string) string {
	if s == "en" {
		return s
	}
	return "de"
}
