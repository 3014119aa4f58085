package strictjson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"siegel/platform/strictjson"
)

var rules = strictjson.Rules{Depth: 16}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":{}`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data string
		good bool
	}{
		"Object":                {`{"a":1,"b_2":[true,null,"x"]}`, true},
		"TheSameKeyInTwo":       {`[{"a":1},{"a":2}]`, true},
		"TheSameKeyBelow":       {`{"a":{"a":1}}`, true},
		"Word":                  {`"x"`, true},
		"Spaces":                {" \n\t{ } \r\n", true},
		"SixteenLevels":         {strings.Repeat("[", 16) + strings.Repeat("]", 16), true},
		"SeventeenLevels":       {strings.Repeat("[", 17) + strings.Repeat("]", 17), false},
		"SeventeenObjects":      {strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17), false},
		"Nothing":               {"", false},
		"Space":                 {" ", false},
		"KeyTwice":              {`{"a":1,"a":1}`, false},
		"KeyTwiceByEscape":      {`{"a":1,"\u0061":1}`, false},
		"KeyTwiceFarApart":      {`{"a":1,"b":{"c":2},"a":3}`, false},
		"UpperCaseKey":          {`{"A":1}`, false},
		"KeyThatFoldsToOurs":    {"{\"\u212aid\":1}", false},
		"LongSThatFoldsToOurs":  {"{\"\u017ftarts\":1}", false},
		"KeyWithDot":            {`{"a.b":1}`, false},
		"KeyWithDash":           {`{"a-b":1}`, false},
		"Second":                {`{}{}`, false},
		"SecondWord":            {`{} x`, false},
		"ClosedTwice":           {`{}}`, false},
		"Half":                  {`{"a":`, false},
		"Unclosed":              {`[1,2`, false},
		"TrailingComma":         {`{"a":1,}`, false},
		"SingleQuotes":          {`{'a':1}`, false},
		"Comment":               {`{"a":1/**/}`, false},
		"HugeNumber":            {`{"a":1e400}`, false},
		"NotANumber":            {`{"a":NaN}`, false},
		"LeadingZero":           {`{"a":01}`, false},
		"ByteOrderMark":         {"\ufeff{}", false},
		"NotUTF8":               {"{\"a\":\"\xff\"}", false},
		"NotUTF8Key":            {"{\"\xff\":1}", false},
		"ControlCharInText":     {"{\"a\":\"\x01\"}", false},
		"SixtyFourKeys":         {manyKeys(64), true},
		"SixtyFiveKeys":         {manyKeys(65), false},
		"TextLikeAKey":          {`["A",{"a":"A","b":"a"},"A.b"]`, true},
		"TextThatEndsInQuotes":  {`{"a":"\\\"","b":"\\\\","c":"{\"a\":1,\"a\":2}"}`, true},
		"KeyAgainAfterNested":   {`{"a":{"b":[1,{"c":2}]},"c":1,"b":[],"a":1}`, false},
		"NulBehind":             {"{}\x00", false},
		"ThousandsOfLevels":     {strings.Repeat("[", 60000), false},
		"ThousandsOfLevelsOfAs": {strings.Repeat(`{"a":`, 12000), false},
	} {
		var v any
		if err := rules.Decode([]byte(c.data), &v); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		} else if err != nil && len(c.data) > 8 && strings.Contains(err.Error(), c.data[2:6]) {
			t.Errorf("%s: the error repeats what was sent: %v", name, err)
		}
	}
}

// FuzzDecode holds what passes against a reader that knows nothing of it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":[true,null,"x"]}`, `{"a":1,"\u0061":1}`, `{"A":1}`, "{\"\u212a\":1}", `{}{}`, `[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]`,
		`{"a":{"b":{"a":[{"a":"}]"}]}}}`, `"\ud800"`, "\xff", ` 1e400 `, `{"a":"\\\""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var read any
		if rules.Decode(data, &read) != nil {
			return
		}
		if !utf8.Valid(data) || !json.Valid(data) {
			t.Fatal("it is not JSON in UTF-8")
		}
		depth, deepest, text := 0, 0, false
		for i := 0; i < len(data); i++ {
			switch c := data[i]; {
			case text && c == '\\':
				i++
			case c == '"':
				text = !text
			case !text && (c == '{' || c == '['):
				depth++
				deepest = max(deepest, depth)
			case !text && (c == '}' || c == ']'):
				depth--
			}
		}
		if deepest > 16 {
			t.Fatalf("it is %d deep", deepest)
		}
		// With a key twice, fewer would come out than went in.
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(v, read) {
			t.Fatalf("it was read as %v and says %v", read, v)
		}
		if in, out := bytes.Count(outsideTexts(data), []byte(":")), keys(v); in != out {
			t.Fatalf("%d keys went in, %d came out", in, out)
		}
	})
}

// outsideTexts is data without its strings.
func outsideTexts(data []byte) (rest []byte) {
	text := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case !text:
			rest = append(rest, c)
		}
	}
	return rest
}

func keys(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, one := range v {
			n += 1 + keys(one)
		}
	case []any:
		for _, one := range v {
			n += keys(one)
		}
	}
	return n
}

func TestDecodeFillsAType(t *testing.T) {
	t.Parallel()
	type record struct {
		Name string `json:"name"`
		Next *struct {
			Year int `json:"year"`
		} `json:"next"`
	}
	for name, c := range map[string]struct {
		data         string
		null, noNull bool
	}{
		"All":         {`{"name":"x","next":{"year":1}}`, true, true},
		"Some":        {`{"name":"x"}`, true, true},
		"Unknown":     {`{"name":"x","nome":"y"}`, false, false},
		"UnknownDeep": {`{"next":{"year":1,"day":2}}`, false, false},
		"Folded":      {`{"Name":"x"}`, false, false},
		"WrongType":   {`{"name":1}`, false, false},
		"Null":        {`{"name":"x","next":null}`, true, false},
		"NullInText":  {`{"name":"null"}`, true, true},
		"OnlyNull":    {`null`, true, false},
	} {
		var v record
		if err := rules.Decode([]byte(c.data), &v); (err == nil) != c.null {
			t.Errorf("%s: %v", name, err)
		}
		if err := (strictjson.Rules{Depth: 2, NoNull: true}).Decode([]byte(c.data), &v); (err == nil) != c.noNull {
			t.Errorf("%s without null: %v", name, err)
		}
	}
}
