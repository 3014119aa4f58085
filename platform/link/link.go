// Package link makes the secrets of links that are sent to people who sign in,
// without keeping them: an invitation, a registration, a hand-over.
//
// A token is an id and a MAC over purpose and id under a key of the server's
// secret. So whoever sends the message computes it at that moment, no store
// holds it, and a stolen database opens no link. A [Maker] says only that the
// server made the token for this purpose: that what the id names still waits
// for it, and for how long, is for its owner to keep.
package link

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"siegel/platform/fault"
)

// ErrUnknown is returned for a token that was not made for the purpose.
var ErrUnknown = fault.New(fault.Expired, "link_expired")

const macSize = 16

// Maker makes and reads tokens. Safe for concurrent use.
type Maker struct{ key []byte }

// NewMaker derives its key from the server's secret, of at least 32 bytes.
func NewMaker(secret []byte) (*Maker, error) {
	if len(secret) < 32 {
		return nil, errors.New("link: the secret has fewer than 32 bytes")
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "siegel|link|1", 32)
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	return &Maker{key}, nil
}

// Make returns the token for an id: 43 characters of base64url.
func (m *Maker) Make(purpose string, id [16]byte) string {
	return base64.RawURLEncoding.EncodeToString(append(id[:], m.mac(purpose, id)...))
}

// Read returns the id that the token was made for. It returns [ErrUnknown].
func (m *Maker) Read(purpose, token string) (uuid.UUID, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 16+macSize {
		return uuid.Nil, ErrUnknown
	}
	id := uuid.UUID(raw[:16])
	if !hmac.Equal(raw[16:], m.mac(purpose, id)) {
		return uuid.Nil, ErrUnknown
	}
	return id, nil
}

func (m *Maker) mac(purpose string, id [16]byte) []byte {
	h := hmac.New(sha256.New, m.key)
	fmt.Fprintf(h, "%d|%s|", len(purpose), purpose)
	h.Write(id[:])
	return h.Sum(nil)[:macSize]
}
