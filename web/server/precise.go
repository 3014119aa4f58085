package server

import (
	"encoding"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// What huma reads out of Go's types is less than they say. The document gets
// the rest; what requests are checked by stays as it is.

// node is an object of the document.
type node = map[string]any

const schemaRoot = "#/components/schemas/"

// written is the answer of an operation whose handler writes it itself.
func (s *Server) written(op Operation) map[string]*huma.Response {
	content := map[string]*huma.MediaType{}
	if op.Writes != nil {
		t := reflect.TypeOf(op.Writes)
		content["application/json"] = &huma.MediaType{Schema: s.api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())}
	}
	for _, media := range op.File {
		content[media] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	if len(content) == 0 {
		return nil
	}
	status := op.Status
	if status == 0 {
		status = http.StatusOK
	}
	return map[string]*huma.Response{strconv.Itoa(status): {Description: http.StatusText(status), Content: content}}
}

// refine says of answers which words they may hold, and where they may be null:
// where Go has a pointer that is written even if it points nowhere.
func refine(document node, registry huma.Registry) {
	schemas := in(document, "components", "schemas")
	answered := map[string]bool{}
	var follow func(any)
	follow = func(of any) {
		switch v := of.(type) {
		case []any:
			for _, x := range v {
				follow(x)
			}
		case node:
			if ref, ok := v["$ref"].(string); ok {
				name := strings.TrimPrefix(ref, schemaRoot)
				if !answered[name] {
					answered[name] = true
					follow(schemas[name])
				}
			}
			for _, x := range v {
				follow(x)
			}
		}
	}
	for _, item := range in(document, "paths") {
		for _, op := range item.(node) {
			if op, ok := op.(node); ok {
				follow(op["responses"])
			}
		}
	}
	for name := range answered {
		of := registry.TypeFromRef(schemaRoot + name)
		for of != nil && of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of == nil || of.Kind() != reflect.Struct {
			continue
		}
		properties := in(document, "components", "schemas", name, "properties")
		for _, field := range reflect.VisibleFields(of) {
			key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			property, ok := properties[key].(node)
			if !ok {
				continue
			}
			worded(property, field)
			if field.Type.Kind() == reflect.Pointer && !strings.Contains(options, "omit") {
				properties[key] = orNull(property)
			}
		}
	}
}

// worded says of a number that is written as a word that it is one, and which
// words there are; and which values a field has whose tag is `words`, since the
// package that it belongs to refuses the others itself.
func worded(schema node, field reflect.StructField) {
	of := field.Type
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	value := reflect.New(of).Interface()
	if _, ok := value.(encoding.TextMarshaler); ok && schema["type"] == "integer" {
		schema["type"] = "string"
		delete(schema, "format")
	}
	if v, ok := value.(interface{ Words() []string }); ok {
		schema["enum"] = v.Words()
	}
	if tag, ok := field.Tag.Lookup("words"); ok {
		var all []any
		for _, word := range strings.Split(tag, ",") {
			if n, err := strconv.Atoi(word); err == nil && schema["type"] == "integer" {
				all = append(all, n)
			} else {
				all = append(all, word)
			}
		}
		schema["enum"] = all
	}
}

// orNull is a schema that lets null through too.
func orNull(schema node) node {
	if kind, ok := schema["type"].(string); ok {
		schema["type"] = []string{kind, "null"}
		return schema
	}
	if ref, ok := schema["$ref"]; ok {
		delete(schema, "$ref")
		schema["anyOf"] = []node{{"$ref": ref}, {"type": "null"}}
	}
	return schema
}

func in(o node, path ...string) node {
	for _, p := range path {
		o, _ = o[p].(node)
	}
	return o
}

// problemBody says by a type what [Problem.MarshalJSON] writes. Beside it stands
// whatever belongs to the reason.
type problemBody struct {
	_         struct{} `additionalProperties:"true"`
	Type      string   `json:"type"`
	Title     string   `json:"title"`
	Status    int      `json:"status"`
	Reason    string   `json:"reason" doc:"Stable, for programs"`
	RequestID string   `json:"request_id"`
	Errors    []Detail `json:"errors,omitempty"`
}
