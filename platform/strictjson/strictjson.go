// Package strictjson reads JSON that no two readers can take for different
// things.
//
// [Decode] promises to refuse what RFC 8259 leaves open or encoding/json
// forgives: a key twice in an object, a key that only folds to one of ours,
// text that is not UTF-8, anything behind the value, and nesting without end.
// Its errors repeat nothing of what was read. It does not promise that what is
// there is all that was asked for: a missing key is no error.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"unicode/utf8"
)

// ErrMalformed is returned for what is not one JSON value in UTF-8, or none
// that fits the type it is read into.
var ErrMalformed = errors.New("not one well-formed JSON value")

var (
	errDepth = errors.New("nested too deep")
	errNull  = errors.New("null")
	errKey   = errors.New("unknown key")
	errTwice = errors.New("a key stands twice")
	errKeys  = errors.New("too many keys")
)

// maxKeys is more than any object of ours has; each new key is compared with
// those before it.
const maxKeys = 64

// Rules are what formats differ in.
type Rules struct {
	// Depth is how many arrays and objects may stand in one another.
	Depth int
	// NoNull refuses null, which reads like a missing key.
	NoNull bool
}

// Decode reads the value in data into v and refuses keys that v does not have.
// After an error, what v holds means nothing.
func (r Rules) Decode(data []byte, v any) error {
	if !utf8.Valid(data) {
		return ErrMalformed // the decoder would put something else in its place
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return ErrMalformed
	}
	if _, err := d.Token(); err != io.EOF {
		return ErrMalformed
	}
	return r.check(data)
}

// check walks over a value that is known to be well-formed.
func (r Rules) check(data []byte) error {
	var (
		objects []bool   // of all that is open, whether it is an object
		keys    [][]byte // of all open objects, the innermost last
		from    []int    // where those of each begin
		key     bool     // the next text is one
	)
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			if len(objects) == r.Depth {
				return errDepth
			}
			key = data[i] == '{'
			objects, from = append(objects, key), append(from, len(keys))
		case '}', ']':
			last := len(objects) - 1
			keys, objects, from = keys[:from[last]], objects[:last], from[:last]
			key = false
		case ',':
			key = objects[len(objects)-1]
		case 'n': // no other word has one
			if r.NoNull {
				return errNull
			}
		case '"':
			text, end := data[i+1:], 0
			for ; text[end] != '"'; end++ {
				if text[end] == '\\' {
					end++
				}
			}
			i += end + 1
			if !key {
				continue
			}
			key = false
			name, others := text[:end], keys[from[len(from)-1]:]
			switch {
			case !isKey(name):
				return errKey
			case len(others) == maxKeys:
				return errKeys
			case slices.ContainsFunc(others, func(other []byte) bool { return bytes.Equal(other, name) }):
				return errTwice
			}
			keys = append(keys, name)
		}
	}
	return nil
}

// isKey accepts lower-case ASCII, digits and '_', written without escapes. The
// decoder folds case, and more than ASCII's: the Kelvin sign is a k to it. With
// all keys in one case there is nothing to fold.
func isKey(key []byte) bool {
	for _, c := range key {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
