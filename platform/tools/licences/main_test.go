package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEachTextStandsOnceWithThoseItCovers(t *testing.T) {
	t.Parallel()
	one := plant(t, map[string]string{"LICENSE": "Do as you like.\n", "license.go": "package x"})
	two := plant(t, map[string]string{"COPYING": "Do as you like.\r\n", "NOTICE.txt": "Made by two."})
	var out strings.Builder
	err := write(&out, []part{{"two", "2.0.0", two, ""}, {"one", "1.0.0", one, ""}, {"bare", "0.1.0", plant(t, nil), "MIT"}, {"one", "1.0.0", one, ""}})
	if err != nil {
		t.Fatal(err)
	}
	line := "\n" + strings.Repeat("=", 72) + "\n"
	want := line + "bare 0.1.0\n\nLicence: MIT (as it declares; it comes without the text)\n" +
		line + "one 1.0.0\ntwo 2.0.0\n\nDo as you like.\n" + line + "two 2.0.0\n\nMade by two.\n"
	if _, got, _ := strings.Cut(out.String(), "\n"); got != want {
		t.Errorf("got %s", got)
	}
}

func TestWhatSaysNothingOfItsTermsIsAnError(t *testing.T) {
	t.Parallel()
	if err := write(&strings.Builder{}, []part{{"silent", "1.0.0", plant(t, map[string]string{"README": "x"}), ""}}); err == nil {
		t.Error("left out in silence")
	}
}
