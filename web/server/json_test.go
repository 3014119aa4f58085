package server_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"siegel/web/server"
)

func TestReadJSON(t *testing.T) {
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
		"NulBehind":             {"{}\x00", false},
		"ThousandsOfLevels":     {strings.Repeat("[", 60000), false},
		"ThousandsOfLevelsOfAs": {strings.Repeat(`{"a":`, 12000), false},
	} {
		if _, err := server.ReadJSON([]byte(c.data)); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		} else if err != nil && len(c.data) > 8 && strings.Contains(err.Error(), c.data[2:6]) {
			t.Errorf("%s: the error repeats what was sent: %v", name, err)
		}
	}
}

// FuzzReadJSON holds what passes against a reader that knows nothing of it.
func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{`{"a":1,"b":[true,null,"x"]}`, `{"a":1,"\u0061":1}`, `{"A":1}`, "{\"\u212a\":1}", `{}{}`, `[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]`,
		`{"a":{"b":{"a":[{"a":"}]"}]}}}`, `"\ud800"`, "\xff", ` 1e400 `, `{"a":"\\\""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := server.ReadJSON(data)
		if err != nil {
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

// Whatever differs in any part hashes differently, wherever the border is.
func TestRequestHashTellsPartsApart(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, c := range [][3]string{
		{"key", "hold", "body"}, {"keyh", "old", "body"}, {"key", "holdb", "ody"}, {"", "keyhold", "body"}, {"key", "", "holdbody"}, {"key", "hold", ""},
		{"key4:hold", "", "body"}, {"key", "4:hold4", "body"}, {"key", "book", "body"}, {"key", "hold", "body "}, {"KEY", "hold", "body"}, {"", "", ""},
	} {
		h := string(server.RequestHash(c[0], c[1], []byte(c[2])))
		if other, ok := seen[h]; ok || len(h) != 32 {
			t.Errorf("%q hashes like %s", c, other)
		}
		seen[h] = strings.Join(c[:], "|")
	}
}
