package blind

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

const canary = "kqwertzuiopasdfg"

func TestAWordIsFoundInEverySpellingAndAtEverySeam(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]string{
		"plain": canary, "hex": hex.EncodeToString([]byte(canary)), "upper hex": strings.ToUpper(hex.EncodeToString([]byte("x" + canary))),
		"base64": base64.StdEncoding.EncodeToString([]byte(`{"a":"` + canary + `"}`)), "base64url": base64.RawURLEncoding.EncodeToString([]byte("ab?>" + canary + "\xff\xfe")),
		"hex in base64": base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString([]byte(canary)))), "percent": strings.Join(strings.SplitAfter(url.QueryEscape(canary), ""), ""),
	} {
		for _, at := range []int{0, 1, block - 20, block - 1, block, 2*block + 7} {
			s := newSearch(map[string]string{"word": canary}, "")
			text := append(bytes.Repeat([]byte{'.'}, at), written+"..."...)
			if err := s.over(iotest.HalfReader(bytes.NewReader(text)), "here"); err != nil || len(s.found) == 0 || s.bytes != int64(len(text)) {
				t.Errorf("%s at %d: %+v, %d bytes, %v", name, at, s.found, s.bytes, err)
			}
		}
	}
	s := newSearch(map[string]string{"word": canary}, "planted")
	if err := s.over(strings.NewReader(canary[1:]+" "+strings.ToUpper(canary)+" nothing"), "here"); err != nil || len(s.found) != 0 || s.proven {
		t.Errorf("found %+v where nothing is", s.found)
	}
}

func TestTheVerdictIsNoBetterThanItsProofs(t *testing.T) {
	t.Parallel()
	good := func() Report {
		return Report{Bookings: 1, Places: []Place{{Kind: "file", Proven: true}}}
	}
	for name, c := range map[string]struct {
		spoil func(*Report)
		want  Verdict
	}{
		"all is well":         {func(*Report) {}, Sealed},
		"a finding":           {func(r *Report) { r.Places[0].Findings = []Finding{{Word: "w"}} }, Leaking},
		"an unproven finding": {func(r *Report) { r.Places[0] = Place{Findings: []Finding{{}}, Problem: "p"} }, Leaking},
		"not proven":          {func(r *Report) { r.Places[0].Proven = false }, Unproven},
		"not read to its end": {func(r *Report) { r.Places[0].Problem = "p" }, Unproven},
		"nothing searched":    {func(r *Report) { r.Places = nil }, Unproven},
		"nothing booked":      {func(r *Report) { r.Bookings = 0 }, Unproven},
		"not taken back":      {func(r *Report) { r.Problem = "p" }, Unproven},
		"an altered page":     {func(r *Report) { r.Served.Altered = []string{"index.html"} }, Leaking},
		"a page not compared": {func(r *Report) { r.Served.Problem = "p" }, Unproven},
		"another directory":   {func(r *Report) { r.Directory.Problem = "p" }, Leaking},
	} {
		r := good()
		c.spoil(&r)
		if got := r.verdict(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// What is found is named, and never repeated: the report may be shown around.
func TestTheReportSaysWhereAndNotWhat(t *testing.T) {
	t.Parallel()
	r := Report{At: time.Unix(0, 0).UTC(), Name: "Praxis", Practice: "https://praxis.example", Bookings: 1, Words: []string{"what was typed"}, Verdict: Leaking,
		Places: []Place{{Kind: "database", Name: "Postgres, siegel", Parts: 3, Bytes: 3 << 20, Proven: true, Findings: []Finding{{"what was typed", "hex", "leak"}}}, {Kind: "redis", Name: "Redis", Proven: true}}}
	for language, wanted := range map[string][]string{"de": {"ES GIBT BEFUNDE", "das Eingetippte (hex) in leak", "3.0 MiB in 3 Teilen"}, "en": {"THERE ARE FINDINGS", "what was typed (hex) in leak", "3.0 MiB read in 3 parts"}} {
		var b strings.Builder
		if err := r.Write(&b, language); err != nil {
			t.Fatal(err)
		}
		for _, want := range wanted {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: %q is missing in\n%s", language, want, b.String())
			}
		}
		if strings.Contains(b.String(), "%!") {
			t.Errorf("%s", b.String())
		}
	}
}
