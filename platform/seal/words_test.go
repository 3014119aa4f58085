package seal_test

import (
	"slices"
	"testing"

	"siegel/platform/seal"
)

// The same words stand in the browser's tests.
func TestJoiningWordsAreThoseOfTheBrowser(t *testing.T) {
	t.Parallel()
	public := slices.Repeat([]byte{7}, 32)
	words, err := seal.JoiningWords("01975b1e-0000-7000-8000-000000000001", "01975b1e-0000-7000-8000-000000000002", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", public)
	if want := []string{"bususo", "fizawi", "potoba", "fuwosi", "pafadu", "lutiro"}; err != nil || !slices.Equal(words, want) {
		t.Errorf("got %v, %v; want %v", words, err, want)
	}
}
