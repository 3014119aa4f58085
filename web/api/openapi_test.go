package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"siegel/web/api"
)

var (
	update   = flag.Bool("update", false, "write openapi.json anew; refused where that would break clients")
	breaking = flag.Bool("breaking", false, "with -update: write it all the same")
)

const documentFile = "openapi.json"

// The committed document is what clients were built on. It may grow, by
// `go tool task gen`; it may not take anything back.
func TestTheDocumentIsThatOfTheCode(t *testing.T) {
	t.Parallel()
	now, err := api.Describe()
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(now, committed) {
		return
	}
	broken := compare(read(t, committed), read(t, now))
	for _, b := range broken {
		t.Errorf("breaks clients: %s", b)
	}
	switch {
	case !*update:
		t.Error("openapi.json is not that of the code: run `go tool task gen`")
	case len(broken) > 0 && !*breaking:
		t.Error("not written: keep what was there, or say that it shall break with `go test ./web/api -run TheDocument -update -breaking`")
	default:
		if err := os.WriteFile(documentFile, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type node = map[string]any

func read(t *testing.T, text []byte) node {
	t.Helper()
	var o node
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// comparison finds what a client of the one document cannot rely on in the other.
type comparison struct {
	was, is node
	found   []string
	seen    map[string]bool
}

func compare(was, is node) []string {
	c := &comparison{was: was, is: is, seen: map[string]bool{}}
	for path, item := range sorted(at(was, "paths")) {
		for method, op := range sorted(item.(node)) {
			where := strings.ToUpper(method) + " " + path
			now := at(is, "paths", path, method)
			if now == nil {
				c.say("%s is gone", where)
				continue
			}
			c.operation(where, op.(node), now)
		}
	}
	return c.found
}

func (c *comparison) say(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

func (c *comparison) operation(where string, was, is node) {
	named := func(o node) map[string]node {
		all := map[string]node{}
		list, _ := o["parameters"].([]any)
		for _, p := range list {
			p := p.(node)
			all[fmt.Sprint(p["in"], " ", p["name"])] = p
		}
		return all
	}
	before, after := named(was), named(is)
	for name, p := range sorted(before) {
		if after[name] == nil {
			c.say("%s: %s is gone", where, name)
			continue
		}
		c.request(where+" "+name, at(p, "schema"), at(after[name], "schema"))
		if p["required"] != true && after[name]["required"] == true {
			c.say("%s: %s is required now", where, name)
		}
	}
	for name, p := range sorted(after) {
		if before[name] == nil && p["required"] == true {
			c.say("%s: new %s is required", where, name)
		}
	}
	const media = "application/json"
	body, bodyNow := at(was, "requestBody", "content", media, "schema"), at(is, "requestBody", "content", media, "schema")
	switch {
	case body == nil && bodyNow != nil && at(is, "requestBody")["required"] == true:
		c.say("%s: a body is required now", where)
	case body != nil && bodyNow == nil:
		c.say("%s: the body is gone", where)
	case body != nil:
		c.request(where+" body", body, bodyNow)
	}
	for status, response := range sorted(at(was, "responses")) {
		if status == "default" {
			continue
		}
		now := at(is, "responses", status)
		if now == nil {
			c.say("%s: %s is gone", where, status)
			continue
		}
		if schema := at(response.(node), "content", media, "schema"); schema != nil {
			c.response(where+" "+status, schema, at(now, "content", media, "schema"))
		}
	}
}

// request says where less is taken than was, or more is asked for.
func (c *comparison) request(where string, was, is node) {
	if c.looked("request", was, is) {
		return
	}
	was, is = c.resolved(c.was, was), c.resolved(c.is, is)
	if is == nil {
		return // anything goes
	}
	if missing := without(types(was), types(is)); len(missing) > 0 {
		c.say("%s: is no longer taken as %s", where, strings.Join(missing, ", "))
		return
	}
	if now := list(is, "enum"); len(now) > 0 {
		if before := list(was, "enum"); len(before) == 0 {
			c.say("%s: takes only certain values now", where)
		} else if missing := without(before, now); len(missing) > 0 {
			c.say("%s: no longer takes %s", where, strings.Join(missing, ", "))
		}
	}
	for _, least := range []string{"minimum", "minLength", "minItems"} {
		if before, now := number(was, least), number(is, least); now != nil && (before == nil || *now > *before) {
			c.say("%s: %s is higher", where, least)
		}
	}
	for _, most := range []string{"maximum", "maxLength", "maxItems"} {
		if before, now := number(was, most), number(is, most); now != nil && (before == nil || *now < *before) {
			c.say("%s: %s is lower", where, most)
		}
	}
	for _, form := range []string{"pattern", "format"} {
		if now := is[form]; now != nil && now != was[form] {
			c.say("%s: has another %s", where, form)
		}
	}
	properties, propertiesNow := at(was, "properties"), at(is, "properties")
	for name, p := range sorted(properties) {
		if propertiesNow[name] == nil {
			c.say("%s: %s is gone", where, name) // unknown keys are refused
			continue
		}
		c.request(where+"."+name, p.(node), at(is, "properties", name))
	}
	for _, name := range without(list(is, "required"), list(was, "required")) {
		c.say("%s: %s is required now", where, name)
	}
	if at(was, "items") != nil {
		c.request(where+"[]", at(was, "items"), at(is, "items"))
	}
}

// response says where less is answered than was.
func (c *comparison) response(where string, was, is node) {
	if c.looked("response", was, is) {
		return
	}
	was, is = c.resolved(c.was, was), c.resolved(c.is, is)
	if is == nil {
		c.say("%s: the content is gone", where)
		return
	}
	if more := without(types(is), types(was)); len(more) > 0 {
		c.say("%s: may be %s now", where, strings.Join(more, ", "))
		return
	}
	for name, p := range sorted(at(was, "properties")) {
		if at(is, "properties", name) == nil {
			c.say("%s: %s is gone", where, name)
			continue
		}
		c.response(where+"."+name, p.(node), at(is, "properties", name))
	}
	for _, name := range without(list(was, "required"), list(is, "required")) {
		if at(is, "properties", name) != nil {
			c.say("%s: %s may be missing now", where, name)
		}
	}
	if at(was, "items") != nil {
		c.response(where+"[]", at(was, "items"), at(is, "items"))
	}
}

func (c *comparison) looked(how string, was, is node) bool {
	a, isRef := was["$ref"].(string)
	b, _ := is["$ref"].(string)
	if !isRef {
		return false
	}
	key := how + a + " " + b
	defer func() { c.seen[key] = true }()
	return c.seen[key]
}

func (c *comparison) resolved(document, schema node) node {
	if either, ok := schema["anyOf"].([]any); ok { // one that may be null
		found := maps.Clone(c.resolved(document, either[0].(node)))
		found["type"] = []any{found["type"], "null"}
		return found
	}
	if ref, ok := schema["$ref"].(string); ok {
		return at(document, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return schema
}

func at(o node, path ...string) node {
	for _, p := range path {
		o, _ = o[p].(node)
	}
	return o
}

// list is a list of texts, or of one.
func list(o node, key string) (texts []string) {
	switch v := o[key].(type) {
	case string:
		return []string{v}
	case []any:
		for _, x := range v {
			texts = append(texts, fmt.Sprint(x))
		}
	}
	return texts
}

// types are the kinds of value that a schema lets through; every integer is a number.
func types(schema node) []string {
	all := list(schema, "type")
	if slices.Contains(all, "number") {
		all = append(all, "integer")
	}
	return all
}

func number(o node, key string) *float64 {
	if v, ok := o[key].(float64); ok {
		return &v
	}
	return nil
}

func without(all, some []string) (rest []string) {
	for _, x := range all {
		if !slices.Contains(some, x) {
			rest = append(rest, x)
		}
	}
	return rest
}

func sorted[V any](m map[string]V) func(yield func(string, V) bool) {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// The gate is worth what it stops.
func TestWhatBreaksClientsIsFound(t *testing.T) {
	t.Parallel()
	const base = `{"paths":{"/a":{"post":{
		"parameters":[{"in":"query","name":"q","required":false,"schema":{"type":"string","maxLength":10}}],
		"requestBody":{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/In"}}}},
		"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Out"}}}}}}}},
		"components":{"schemas":{
		"In":{"type":"object","required":["name"],"properties":{"name":{"type":"string","enum":["x","y"]},"size":{"type":"integer","minimum":1},"more":{"$ref":"#/components/schemas/In"}}},
		"Out":{"type":"object","required":["id"],"properties":{"id":{"type":"string"},"list":{"type":"array","items":{"type":"object","properties":{"n":{"type":"integer"}}}}}}}}}`
	for name, c := range map[string]struct{ from, to, want string }{
		"Same":                  {"", "", ""},
		"NewOperation":          {`"/a":{`, `"/b":{"get":{}},"/a":{`, ""},
		"NewOptionalField":      {`"size":{`, `"extra":{"type":"string"},"size":{`, ""},
		"NewAnswerField":        {`"id":{"type":"string"}`, `"id":{"type":"string"},"at":{"type":"string"}`, ""},
		"MoreValues":            {`["x","y"]`, `["x","y","z"]`, ""},
		"NewOptionalParameter":  {`"parameters":[`, `"parameters":[{"in":"query","name":"r","schema":{"type":"string"}},`, ""},
		"OperationGone":         {`"/a":{`, `"/c":{`, "POST /a is gone"},
		"FieldGone":             {`"size":{"type":"integer","minimum":1},`, ``, "size is gone"},
		"NewRequiredField":      {`"required":["name"]`, `"required":["name","size"]`, "size is required now"},
		"NewRequiredParameter":  {`"parameters":[`, `"parameters":[{"in":"query","name":"r","required":true,"schema":{"type":"string"}},`, "new query r is required"},
		"ParameterRequired":     {`"required":false`, `"required":true`, "query q is required now"},
		"ParameterShorter":      {`"maxLength":10`, `"maxLength":9`, "maxLength is lower"},
		"FewerValues":           {`["x","y"]`, `["x"]`, "no longer takes y"},
		"NarrowerType":          {`"size":{"type":"integer","minimum":1}`, `"size":{"type":"string","minimum":1}`, "no longer taken as integer"},
		"HigherMinimum":         {`"minimum":1`, `"minimum":2`, "minimum is higher"},
		"AnswerFieldGone":       {`"id":{"type":"string"},`, ``, "id is gone"},
		"AnswerFieldOptional":   {`"required":["id"]`, `"required":[]`, "id may be missing now"},
		"AnswerOfAnotherType":   {`"id":{"type":"string"}`, `"id":{"type":"integer"}`, "may be integer now"},
		"AnswerMayBeNull":       {`"id":{"type":"string"}`, `"id":{"type":["string","null"]}`, "may be null now"},
		"AnswerObjectMayBeNull": {`"id":{"type":"string"}`, `"id":{"anyOf":[{"$ref":"#/components/schemas/In"},{"type":"null"}]}`, "may be object, null now"},
		"AnswerFieldInListGone": {`"properties":{"n":{"type":"integer"}}`, `"properties":{}`, "n is gone"},
		"StatusGone":            {`"200"`, `"201"`, "200 is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(base, c.from) {
				t.Fatalf("%q is not in the document", c.from)
			}
			found := compare(read(t, []byte(base)), read(t, []byte(strings.Replace(base, c.from, c.to, 1))))
			if c.want == "" && len(found) > 0 || c.want != "" && !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}
