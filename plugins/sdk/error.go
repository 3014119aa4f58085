package sdk

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind says whose fault a failure is, and so what to do. The list is closed.
type Kind string

// The kinds of failure.
const (
	// Auth: the credentials are wrong or lack a right. Tell who configured it.
	Auth Kind = "auth"
	// Funds: the account is empty. Tell who pays.
	Funds Kind = "funds"
	// RateLimited: too fast. Try again after [Error.RetryAfter].
	RateLimited Kind = "rate_limited"
	// InvalidRecipient: the number does not exist or takes no messages. Give up.
	InvalidRecipient Kind = "invalid_recipient"
	// InvalidSender: the sender is not allowed here. Tell who configured it.
	InvalidSender Kind = "invalid_sender"
	// Content: the text is refused. Give up.
	Content Kind = "content"
	// Blocked: this provider does not send to the recipient or its network; the
	// next one may. Given up where all of them say so.
	Blocked Kind = "blocked"
	// Temporary: the provider is out of order. Try again, or try another.
	Temporary Kind = "temporary"
	// BadSettings: the settings are missing or do not fit the schema. Tell who
	// configured it.
	BadSettings Kind = "settings"
	// InvalidHost: the host name does not belong to the account, or nobody can
	// have it. Give up. Hosting only.
	InvalidHost Kind = "invalid_host"
	// Conflict: the host name leads elsewhere. Ask whether that may be
	// replaced. Hosting only.
	Conflict Kind = "conflict"
	// Unknown: the provider answered something the plugin does not know.
	Unknown Kind = "unknown"
)

// Error is a failure that the plugin understood. Whatever else goes wrong
// between host and plugin is not an Error.
type Error struct {
	Kind Kind
	// Detail is for the operator's log, in English. It never carries the
	// recipient, the text or a secret; as a second net, [Clean] masks what
	// looks like a number.
	Detail string
	// RetryAfter, with RateLimited, says when trying again makes sense.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return "provider: " + string(e.Kind)
	}
	return "provider: " + string(e.Kind) + ": " + e.Detail
}

// KindOf finds the kind of the [*Error] in err's chain. ok is false where
// there is none: then the plugin failed, not the provider.
func KindOf(err error) (kind Kind, ok bool) {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind, true
	}
	return "", false
}

// Answered says that the plugin has done its work: err is nil, an [*Error], or
// one of [ErrUnsupported], [ErrUnsigned], [ErrForeign] and [ErrMalformedReport].
func Answered(err error) bool {
	_, answered := KindOf(err)
	return answered || err == nil || errors.Is(err, ErrUnsupported) ||
		errors.Is(err, ErrUnsigned) || errors.Is(err, ErrForeign) || errors.Is(err, ErrMalformedReport)
}

// ErrMalformedReply is returned to the host for an answer that breaks the
// rules of this package. The plugin is at fault.
var ErrMalformedReply = errors.New("malformed reply from the plugin")

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformedReply, what) }

// Clean makes text that a plugin wrote fit for a log: valid UTF-8, one line,
// printable characters only (others are escaped, so that neither a new line
// nor a terminal sequence nor a change of direction forges an entry), at most
// limit bytes, and runs of seven or more digits masked, since they are mostly
// somebody's number.
func Clean(text string, limit int) string {
	var b strings.Builder
	digits := 0
	flush := func(i int) {
		if digits >= 7 {
			b.WriteString("[digits]")
		} else {
			b.WriteString(text[i-digits : i])
		}
		digits = 0
	}
	for i, r := range text {
		if '0' <= r && r <= '9' {
			digits++
			continue
		}
		flush(i)
		if b.Len() >= limit {
			break
		}
		switch {
		case r == utf8.RuneError:
			b.WriteString(`\ufffd`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	if digits > 0 {
		flush(len(text))
	}
	out := b.String()
	if len(out) <= limit {
		return out
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(out[cut]) {
		cut--
	}
	return out[:cut]
}

func printable(text string, limit int) bool {
	return len(text) <= limit && utf8.ValidString(text) &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
