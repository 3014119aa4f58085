package fhir

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// maxDepth is how many arrays and objects may stand in one another.
const maxDepth = 16

var errMalformed = errors.New("not one well-formed JSON value")

// parse reads one JSON value into maps, slices, texts and numbers as they were
// written. It refuses what two readers could take differently: a key twice,
// text that is not UTF-8, anything behind the value, null, nesting without end.
// Keys are told apart by case, as FHIR does.
func parse(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errMalformed
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := parseValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errMalformed
	}
	return value, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil || token == nil || depth > maxDepth {
		return nil, errMalformed
	}
	delim, nested := token.(json.Delim)
	switch {
	case !nested:
		return token, nil
	case delim == '[':
		list := []any{}
		for d.More() {
			value, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = d.Token()
		return list, err
	case delim == '{':
		o := map[string]any{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, errMalformed
			}
			name, ok := key.(string)
			if _, twice := o[name]; !ok || twice {
				return nil, errMalformed
			}
			if o[name], err = parseValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return o, err
	}
	return nil, errMalformed
}

// textAt is the text under a key; empty where there is none.
func textAt(o map[string]any, key string) string {
	text, _ := o[key].(string)
	return text
}

// only is the sole element of a list of objects under a key; nil where there
// is none or several.
func only(o map[string]any, key string) map[string]any {
	list, _ := o[key].([]any)
	if len(list) != 1 {
		return nil
	}
	one, _ := list[0].(map[string]any)
	return one
}
