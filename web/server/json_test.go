package server_test

import (
	"strings"
	"testing"

	"siegel/web/server"
)

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
