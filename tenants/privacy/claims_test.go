package privacy_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"siegel/tenants/privacy"
)

const root = "../.."

func words(t *testing.T, language string) map[string]string {
	t.Helper()
	var w map[string]string
	read(t, "words/"+language+".json", &w)
	return w
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(path, err)
	}
}

// What a text is that claims nothing, by how its key begins: headings and
// labels, what somebody has entered, what a law says, where a promise ends, and
// what is not accessible yet. These few others describe and promise nothing.
var (
	silent     = []string{"h.", "l.", "fact.", "law.", "limit.", "gap."}
	describing = []string{"access.self", "record.purpose", "risk.read", "risk.page", "risk.meta", "risk.loss", "risk.contact", "risk.staff",
		"risk.rest_low", "risk.rest_page", "risk.rest_meta", "risk.rest_practice"}
)

func claims(key string) bool {
	return !slices.Contains(describing, key) && !slices.ContainsFunc(silent, func(p string) bool { return strings.HasPrefix(key, p) })
}

// Each sentence that claims something names the tests that keep it, and those
// tests are there.
func TestEverySentenceThatClaimsSomethingIsKept(t *testing.T) {
	t.Parallel()
	var kept map[string][]string
	read(t, "claims.json", &kept)
	for _, problem := range walk(words(t, "de"), kept, exists) {
		t.Error(problem)
	}
}

// walk says what is wrong between texts and what keeps them.
func walk(texts map[string]string, kept map[string][]string, exists func(check string) bool) (problems []string) {
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if claims(key) && len(kept[key]) == 0 {
			problems = append(problems, key+" claims something that nothing keeps: "+texts[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(kept)) {
		if _, ok := texts[key]; !ok || !claims(key) {
			problems = append(problems, key+" is kept and claims nothing")
		}
		for _, check := range kept[key] {
			if !exists(check) {
				problems = append(problems, key+" is kept by a test that there is not: "+check)
			}
		}
	}
	return problems
}

// The walk is worth what it finds.
func TestASentenceWithoutACheckIsFound(t *testing.T) {
	t.Parallel()
	here := func(check string) bool { return check == "go a TestIt" }
	for name, c := range map[string]struct {
		texts  map[string]string
		kept   map[string][]string
		wanted int
	}{
		"kept":                      {map[string]string{"a": "We delete."}, map[string][]string{"a": {"go a TestIt"}}, 0},
		"a claim without a check":   {map[string]string{"a": "We delete."}, nil, 1},
		"a claim with an empty one": {map[string]string{"a": "We delete."}, map[string][]string{"a": {}}, 1},
		"a test that is gone":       {map[string]string{"a": "We delete."}, map[string][]string{"a": {"go a TestIt", "go a TestGone"}}, 1},
		"a text that is gone":       {nil, map[string][]string{"a": {"go a TestIt"}}, 1},
		"a heading":                 {map[string]string{"h.a": "Deleting"}, nil, 0},
	} {
		if got := walk(c.texts, c.kept, here); len(got) != c.wanted {
			t.Errorf("%s: %q", name, got)
		}
	}
	for check, wanted := range map[string]bool{
		"go tenants/privacy TestASentenceWithoutACheckIsFound": true,
		"go tenants/privacy TestASentence":                     false,
		"go tenants/nowhere TestIt":                            false,
		"node web/e2e/page.test.mjs no page of a patient or an office loads anything from elsewhere": true,
		"node web/e2e/page.test.mjs no page": false,
		"file tenants/privacy/claims.json":   true,
		"somebody looked":                    false,
	} {
		if exists(check) != wanted {
			t.Errorf("%s: %v", check, !wanted)
		}
	}
}

// exists says whether a check is there: "go <package> <test>", "node <file>
// <name of the test>", or "file <path>" for one that makes its tests from a list.
func exists(check string) bool {
	kind, rest, _ := strings.Cut(check, " ")
	where, name, _ := strings.Cut(rest, " ")
	switch kind {
	case "go":
		return slices.Contains(testsOf(filepath.Join(root, where)), name)
	case "node":
		content, err := os.ReadFile(filepath.Join(root, where))
		return err == nil && name != "" && regexp.MustCompile(`\btest\("`+regexp.QuoteMeta(name)+`"`).Match(content)
	case "file":
		_, err := os.Stat(filepath.Join(root, where))
		return err == nil
	}
	return false
}

// testsOf are the tests of a package as its files have them.
func testsOf(dir string) (names []string) {
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	for _, path := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

// A text of a kind that claims nothing must not be the place for a claim.
func TestSilentTextsAreWhatTheirKindSays(t *testing.T) {
	t.Parallel()
	law := regexp.MustCompile(`Art\. ?\d|§|Section|section|Recht|Gesetz|DDG|right`)
	for _, language := range privacy.Languages() {
		for key, text := range words(t, language) {
			switch kind, _, _ := strings.Cut(key, "."); {
			case (kind == "h" || kind == "l") && strings.HasSuffix(text, "."):
				t.Errorf("%s: %s is no label: %s", language, key, text)
			case kind == "law" && !law.MatchString(text):
				t.Errorf("%s: %s names no law: %s", language, key, text)
			case kind == "fact" && !strings.Contains(text, "{"):
				t.Errorf("%s: %s says nothing that was entered: %s", language, key, text)
			}
		}
	}
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	german, english := words(t, "de"), words(t, "en")
	placeholder := regexp.MustCompile(`\{\w+\}`)
	of := func(text string) []string {
		found := placeholder.FindAllString(text, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	for key, text := range german {
		if english[key] == "" || !slices.Equal(of(text), of(english[key])) {
			t.Errorf("%s: %q and %q", key, text, english[key])
		}
	}
	if len(german) != len(english) {
		t.Errorf("%d texts and %d", len(german), len(english))
	}
}

// What nobody can promise is not promised, on no page for patients either.
func TestNoTextSaysImpossibleNobodyOrAnonymous(t *testing.T) {
	t.Parallel()
	promised := regexp.MustCompile(`(?i)\b(impossible|nobody|no one|anonym\w*|unmöglich\w*|niemand\w*|absolut sicher|absolutely secure)\b`)
	check := func(path string) {
		var texts map[string]any
		read(t, path, &texts)
		for key, text := range texts {
			if s, ok := text.(string); ok && promised.MatchString(s) {
				t.Errorf("%s, %s: %s", path, key, s)
			}
		}
	}
	for _, language := range privacy.Languages() {
		check("words/" + language + ".json")
		for _, table := range []string{"", "sealed."} {
			check(filepath.Join(root, "web/app/src/i18n", table+language+".json"))
		}
	}
}

// Where a sentence says what the operator cannot see, the limits stand in its
// paragraph or beside its table.
func TestLimitsStandBesideEachClaim(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	o.inTenant(t, `insert into webhook (tenant_id, id, name, url, events, secret, creator)
		values ($1, gen_random_uuid(), 'x', 'https://x.example', '{inbox.new}', '\x00', gen_random_uuid())`)
	limits := map[string][]string{
		"short.sealed": {"limit.page"}, "short.sees": {"limit.times", "limit.ip", "limit.contact"}, "cell.sealed": {"limit.page", "limit.times"},
		"hour.address": {"limit.contact"}, "after.card": {"limit.page"}, "after.kept": {"limit.times"}, "after.reminders": {"limit.consent"},
		"people.blind": {"limit.page", "limit.times", "limit.contact"}, "measure.seal": {"limit.page"}, "kept.purged": {"limit.backup"},
		"risk.read_answer": {"limit.page", "limit.times"}, "logs.none": {"limit.ip"},
		"systems.webhook": {"limit.times"},
	}
	seen := map[string]bool{}
	look := func(d privacy.Document) {
		for _, s := range d.Sections {
			var keys []string
			for _, b := range s.Blocks {
				for _, x := range slices.Concat(append(b.Rows, b.Sentences)...) {
					keys = append(keys, x.Key)
				}
			}
			for claim, beside := range limits {
				if !slices.Contains(keys, claim) {
					continue
				}
				seen[claim] = true
				for _, limit := range beside {
					if !slices.Contains(keys, limit) {
						t.Errorf("%s, %s: %s stands without %s", d.Kind, s.ID, claim, limit)
					}
				}
			}
		}
	}
	for _, kind := range []privacy.Kind{privacy.Statement, privacy.Records, privacy.Measures, privacy.Impact} {
		look(o.document(t, kind, "de"))
	}
	d, err := o.Document(t.Context(), noTenant, privacy.Statement, "de")
	if err != nil {
		t.Fatal(err)
	}
	look(d)
	look(o.processing(t, noReseller))
	for claim := range limits {
		if !seen[claim] {
			t.Errorf("%s stands nowhere", claim)
		}
	}
}
