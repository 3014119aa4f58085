package fhir

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// humanName writes a name as FHIR parts it. A practice writes it as patients
// are to read it, and that stays as its text; titles, given names and family
// name are told apart by the habits of German names. whole says that both a
// given and a family name were found: where one word is all there is, the given
// name is said to be unknown.
func humanName(text string) (name object, whole bool) {
	name = object{"use": "official", "text": text}
	front, behind, comma := strings.Cut(text, ",")
	words := strings.Fields(front)
	n := slices.IndexFunc(words, func(w string) bool { return !isTitle(w) })
	if n < 0 {
		n = len(words)
	}
	if n > 0 {
		name["prefix"] = list(words[:n])
	}
	words, behind = words[n:], strings.TrimSpace(behind)
	last := len(words) - 1
	for last > 0 && isParticle(words[last-1]) {
		last--
	}
	given := words[:max(last, 0)]
	switch {
	case comma && behind != "" && len(given) == 0: // Sommer, Jana
		given = strings.Fields(behind)
	case comma && behind != "": // Jana Sommer, M. Sc.
		name["suffix"] = []any{behind}
	}
	family := strings.Join(words[max(last, 0):], " ")
	if family == "" {
		family = text
	}
	name["family"] = family
	if len(given) == 0 {
		name["_given"] = []any{object{"extension": []any{object{"url": absent, "valueCode": "unknown"}}}}
		return name, false
	}
	name["given"] = list(given)
	return name, true
}

// isTitle says of a word that it stands before a name: Dr., med., Prof, Frau;
// J. is somebody's initial.
func isTitle(word string) bool {
	return strings.HasSuffix(word, ".") && utf8.RuneCountInString(word) > 2 ||
		slices.Contains([]string{"dr", "prof", "pd", "med", "dent", "phil", "rer", "nat", "frau", "herr"}, strings.ToLower(word))
}

// isParticle says of a word within a name that it belongs to the family name,
// as von and der do: it begins in lower case.
func isParticle(word string) bool {
	first, _ := utf8.DecodeRuneInString(word)
	return unicode.IsLower(first)
}

func list(words []string) (all []any) {
	for _, w := range words {
		all = append(all, w)
	}
	return all
}

// textsAt are the texts under a key of an object of ours.
func textsAt(o object, key string) (texts []string) {
	switch x := o[key].(type) {
	case string:
		return []string{x}
	case []any:
		for _, one := range x {
			if text, ok := one.(string); ok {
				texts = append(texts, text)
			}
		}
	}
	return texts
}
