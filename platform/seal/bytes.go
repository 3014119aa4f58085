package seal

import (
	"encoding/base64"
	"errors"
	"strings"

	"siegel/platform/strictjson"
)

// Bytes are written as base64url without padding (RFC 4648 §5), in the one
// canonical way: stray bits, line breaks and padding are refused.
type Bytes []byte

var errBase64 = errors.New("not canonical base64url")

// String is the base64url form.
func (b Bytes) String() string { return base64.RawURLEncoding.EncodeToString(b) }

// MarshalText writes the base64url form.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads the base64url form.
func (b *Bytes) UnmarshalText(text []byte) error {
	decoded, err := ParseBytes(string(text))
	if err != nil {
		return err
	}
	*b = decoded
	return nil
}

// ParseBytes reads the base64url form.
func ParseBytes(s string) (Bytes, error) {
	// The standard decoder skips line breaks, even when told to be strict.
	if strings.ContainsAny(s, "\r\n") {
		return nil, errBase64
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errBase64
	}
	return decoded, nil
}

// isUUID reports whether s is a bare lower-case uuid, the only form that
// anything is bound to.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

func requireUUIDs(ids ...string) error {
	for _, s := range ids {
		if !isUUID(s) {
			return ErrMalformedID
		}
	}
	return nil
}

// strict is how envelopes and directories are read: whoever else reads one must
// not find something else in it.
var strict = strictjson.Rules{Depth: 8, NoNull: true}
