package fhir_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"siegel/web/fhir"
)

func TestTwoReadersCannotTakeABodyForDifferentThings(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `{`, `{"a":1}{}`, `{"a":1,"a":2}`, `{"a":{"b":1,"b":1}}`, `{"a":null}`, "{\"a\":\"\xff\"}", `{"a":1} x`, `{'a':1}`, `[1,]`,
		strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40),
	} {
		if value, err := fhir.Parse([]byte(text)); err == nil {
			t.Errorf("%.40q reads as %v", text, value)
		}
	}
	value, err := fhir.Parse([]byte(`{"resourceType":"Slot","resourcetype":"x","list":[true,1.50,"ä"]}`))
	if err != nil || !reflect.DeepEqual(value, map[string]any{
		"resourceType": "Slot", "resourcetype": "x", "list": []any{true, json.Number("1.50"), "ä"},
	}) {
		t.Errorf("%v, %v", value, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[{"b":"c"}]}`, `[[[]]]`, `{"a":1,"a":2}`, `"x"`, `1e400`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := fhir.Parse(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is no JSON and reads as %v", data, value)
		}
	})
}
