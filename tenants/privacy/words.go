package privacy

import (
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

//go:embed words/*.json claims.json
var files embed.FS

// words are the texts of a language by key. What a key begins with says what
// kind of text it is: h. a heading, l. a label, fact. what somebody has
// entered, law. what a law says, limit. where a promise ends. Every other text
// claims something, and claims.json names what keeps it.
type words map[string]string

func readWords() (map[string]words, error) {
	all := map[string]words{}
	for _, language := range Languages() {
		content, err := files.ReadFile("words/" + language + ".json")
		if err != nil {
			return nil, fmt.Errorf("privacy: %w", err)
		}
		var w words
		if err := json.Unmarshal(content, &w); err != nil {
			return nil, fmt.Errorf("privacy: words of %s: %w", language, err)
		}
		all[language] = w
	}
	return all, nil
}

// Languages are those that documents are written in, the first one where
// another is asked for.
func Languages() []string { return []string{"de", "en"} }

// params are what a text's placeholders stand for.
type params map[string]string

func (w words) say(key string, p params) string {
	text, ok := w[key]
	if !ok {
		return key
	}
	pairs := make([]string, 0, 2*len(p))
	for name, value := range p {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func (w words) days(n int) string {
	if n == 1 {
		return w["l.days.one"]
	}
	return w.say("l.days", params{"count": strconv.Itoa(n)})
}

// country is a country's name, or its code where it is none of those around.
func (w words) country(code, language string) string {
	names := map[string][2]string{
		"DE": {"Deutschland", "Germany"}, "AT": {"Österreich", "Austria"}, "FR": {"Frankreich", "France"}, "NL": {"Niederlande", "Netherlands"},
		"BE": {"Belgien", "Belgium"}, "IE": {"Irland", "Ireland"}, "LU": {"Luxemburg", "Luxembourg"}, "FI": {"Finnland", "Finland"},
		"SE": {"Schweden", "Sweden"}, "DK": {"Dänemark", "Denmark"}, "PL": {"Polen", "Poland"}, "ES": {"Spanien", "Spain"}, "IT": {"Italien", "Italy"},
		"CH": {"Schweiz", "Switzerland"}, "GB": {"Vereinigtes Königreich", "United Kingdom"}, "US": {"USA", "USA"},
	}
	if n, ok := names[code]; ok {
		if language == "de" {
			return n[0]
		}
		return n[1]
	}
	return code
}
