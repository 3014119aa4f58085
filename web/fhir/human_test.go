package fhir

import (
	"strings"
	"testing"
)

func TestANameIsPartedAsGermanNamesAre(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Dr. med. Jana Sommer":                "Dr. med.|Jana|Sommer|",
		"Jana Sommer":                         "|Jana|Sommer|",
		"Prof. Dr. Hans-Peter von der Heide":  "Prof. Dr.|Hans-Peter|von der Heide|",
		"PD Dr. Anna Maria Berg, M. Sc.":      "PD Dr.|Anna Maria|Berg|M. Sc.",
		"Sommer, Jana":                        "|Jana|Sommer|",
		"J. Sommer":                           "|J.|Sommer|",
		"Frau Dr. Sommer":                     "Frau Dr.||Sommer|",
		"Labor":                               "||Labor|",
		"Dr.":                                 "Dr.||Dr.|",
		"Øystein Ünal":                        "|Øystein|Ünal|",
		"Dr. med. dent. Çelik":                "Dr. med. dent.||Çelik|",
		"  Jana   Sommer ":                    "|Jana|Sommer|",
		"Jana Sommer,":                        "|Jana|Sommer|",
		"von Sommer":                          "||von Sommer|",
		"Dr. med. Maria de la Cruz y Alvarez": "Dr. med.|Maria de la Cruz|y Alvarez|",
	} {
		name, whole := humanName(text)
		part := func(key string) string { return strings.Join(textsAt(name, key), " ") }
		if got := part("prefix") + "|" + part("given") + "|" + part("family") + "|" + part("suffix"); got != want {
			t.Errorf("%q is parted as %s, want %s", text, got, want)
		}
		if name["text"] != text || whole != (part("given") != "") || whole == (name["_given"] != nil) || part("family") == "" {
			t.Errorf("%q: text kept, and what is missing said: %v", text, name)
		}
	}
}
