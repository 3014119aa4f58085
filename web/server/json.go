package server

import (
	"encoding/json"
	"io"

	"github.com/danielgtaylor/huma/v2"

	"siegel/platform/strictjson"
)

// bodies may nest a little deeper than any of ours does.
var bodies = strictjson.Rules{Depth: 16}

// strictJSON is how bodies are read. Unknown keys are refused by the schema.
var strictJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	},
	Unmarshal: func(data []byte, v any) error {
		// huma reads a body twice: into a map for the schema, then into the
		// handler's type. The first reading is the strict one.
		if _, first := v.(*any); first {
			return bodies.Decode(data, v)
		}
		return json.Unmarshal(data, v)
	},
}
