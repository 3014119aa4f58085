package link_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"siegel/platform/link"
)

func maker(t *testing.T, secret byte) *link.Maker {
	t.Helper()
	m, err := link.NewMaker(bytes.Repeat([]byte{secret}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTokenNamesItsID(t *testing.T) {
	t.Parallel()
	m, id := maker(t, 1), uuid.Must(uuid.NewV7())
	token := m.Make("invitation", id)
	if len(token) != 43 {
		t.Errorf("token has %d characters", len(token))
	}
	if got, err := m.Read("invitation", token); err != nil || got != id {
		t.Errorf("read %v, %v", got, err)
	}
}

func TestOtherTokensAreUnknown(t *testing.T) {
	t.Parallel()
	m, id := maker(t, 1), uuid.Must(uuid.NewV7())
	token := m.Make("invitation", id)
	altered := []byte(token)
	altered[0] ^= 1
	for name, token := range map[string]string{
		"another purpose": m.Make("registration", id),
		"another server":  maker(t, 2).Make("invitation", id),
		"altered id":      string(altered),
		"shortened":       token[:42],
		"lengthened":      token + "A",
		"padded":          token + "=",
		"other alphabet":  strings.Repeat("+", 43),
		"empty":           "",
	} {
		if got, err := m.Read("invitation", token); !errors.Is(err, link.ErrUnknown) {
			t.Errorf("%s: read %v, %v", name, got, err)
		}
	}
}

func TestShortSecretIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := link.NewMaker(make([]byte, 31)); err == nil {
		t.Error("accepted")
	}
}
