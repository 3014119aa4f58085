package privacy

import (
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// checker collects mistakes.
type checker struct{ mistakes Mistakes }

func (c *checker) fail(field, why string) { c.mistakes = append(c.mistakes, Mistake{field, why}) }

// text trims a text and refuses what nobody can read. Lines are for texts of
// several lines alone.
func (c *checker) text(field string, value *string, most int, required, lines bool) {
	*value = strings.TrimSpace(*value)
	bad := func(r rune) bool { return unicode.Is(unicode.C, r) && (!lines || r != '\n') }
	switch {
	case *value == "" && required:
		c.fail(field, "missing")
	case utf8.RuneCountInString(*value) > most:
		c.fail(field, "too_long")
	case !utf8.ValidString(*value) || strings.ContainsFunc(*value, bad):
		c.fail(field, "unreadable")
	}
}

func (c *checker) email(field string, value *string) {
	c.text(field, value, 254, false, false)
	if *value == "" {
		return
	}
	if a, err := mail.ParseAddress(*value); err != nil || a.Address != *value || !strings.Contains(*value, ".") {
		c.fail(field, "malformed")
	}
}

var isCountry = regexp.MustCompile(`^[A-Z]{2}$`).MatchString

func (c *checker) country(field, value string) {
	if !isCountry(value) {
		c.fail(field, "malformed")
	}
}

// day reads a date; the zero time is none.
func (c *checker) day(field, value string, required bool) time.Time {
	if value == "" {
		if required {
			c.fail(field, "missing")
		}
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, value)
	if err != nil || t.Year() < 1990 || t.Year() > 2100 {
		c.fail(field, "malformed")
	}
	return t
}

// dayOrNil is how a date goes into the database.
func dayOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.DateOnly)
}
