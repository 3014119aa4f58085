package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
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

// strictJSON decodes one JSON value into v and refuses whatever another
// reader could take otherwise: unknown, repeated and case-folded keys, null,
// broken UTF-8, anything behind the value.
func strictJSON(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errors.New("not utf-8")
	}
	keys := json.NewDecoder(bytes.NewReader(data))
	if err := checkKeys(keys, 0); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the value")
	}
	return nil
}

// checkKeys walks one value. Keys of lower-case ASCII leave encoding/json no
// room to fold case, so that an unknown key is one for it too.
func checkKeys(d *json.Decoder, depth int) error {
	if depth > 8 {
		return errors.New("nested too deep")
	}
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token == nil {
		return errors.New("null")
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if delim == '{' {
			token, err := d.Token()
			if err != nil {
				return err
			}
			key, _ := token.(string)
			if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" || seen[key] {
				return fmt.Errorf("unknown or repeated key %q", key)
			}
			seen[key] = true
		}
		if err := checkKeys(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
