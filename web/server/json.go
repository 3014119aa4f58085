package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// maxDepth bounds how deep a request may nest.
const maxDepth = 16

// strictJSON is how bodies are read: one value in UTF-8, no key twice in an
// object, no key that only folds to one of ours, nothing behind it. Unknown
// keys are refused by the schema.
var strictJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	},
	Unmarshal: func(data []byte, v any) error {
		// huma reads a body twice: into a map for the schema, then into the
		// handler's type. The first reading is the strict one.
		if into, first := v.(*any); first {
			var err error
			*into, err = readJSON(data)
			return err
		}
		return json.Unmarshal(data, v)
	},
}

var errJSON = errors.New("not one well-formed JSON value")

// readJSON builds what data says from its tokens, so that reading strictly
// costs no reading of its own.
func readJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errJSON // the decoder would put something else in its place
	}
	d := json.NewDecoder(bytes.NewReader(data))
	v, err := readValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errJSON
	}
	return v, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, errJSON
	}
	open, nested := t.(json.Delim)
	if !nested {
		return t, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	var (
		list   = []any{}
		object = map[string]any{}
		name   string
	)
	for d.More() {
		if open == '{' {
			k, err := d.Token()
			if err != nil {
				return nil, errJSON
			}
			name, _ = k.(string)
			// The decoder folds case, and more than ASCII's: the Kelvin sign is
			// a k to it. All our keys are in one case, so there is no need to.
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
				return nil, errors.New("unknown key")
			}
			if _, twice := object[name]; twice {
				return nil, errors.New("a key stands twice")
			}
		}
		v, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		if open == '{' {
			object[name] = v
		} else {
			list = append(list, v)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, errJSON
	}
	if open == '{' {
		return object, nil
	}
	return list, nil
}
