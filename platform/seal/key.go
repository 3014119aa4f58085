package seal

import (
	"crypto/hpke"
	"crypto/sha256"
	"fmt"
)

// PublicKey is an X-Wing public key: 1216 bytes. The zero value is no key.
type PublicKey struct {
	key hpke.PublicKey
	kid string
}

// PrivateKey is an X-Wing private key. The zero value is no key. It prints as
// its kid, so that a log has nothing to leak.
type PrivateKey struct {
	key hpke.PrivateKey
	pub PublicKey
}

// GenerateKey makes a fresh key.
func GenerateKey() (PrivateKey, error) {
	key, err := kem().GenerateKey()
	if err != nil {
		return PrivateKey{}, fmt.Errorf("generate key: %w", err)
	}
	return PrivateKey{key, newPublicKey(key.PublicKey())}, nil
}

// NewPrivateKey makes the key of a 32-byte seed. It returns [ErrMalformedKey]
// for any other length.
func NewPrivateKey(seed []byte) (PrivateKey, error) {
	key, err := kem().NewPrivateKey(seed)
	if err != nil {
		return PrivateKey{}, ErrMalformedKey.Because(err)
	}
	return PrivateKey{key, newPublicKey(key.PublicKey())}, nil
}

// NewPublicKey reads a public key. It returns [ErrMalformedKey] for what is none.
func NewPublicKey(b []byte) (PublicKey, error) {
	key, err := kem().NewPublicKey(b)
	if err != nil {
		return PublicKey{}, ErrMalformedKey.Because(err)
	}
	return newPublicKey(key), nil
}

func newPublicKey(key hpke.PublicKey) PublicKey { return PublicKey{key, KID(key.Bytes())} }

// KID names a public key: the first 16 bytes of its SHA-256, in base64url.
func KID(public []byte) string {
	sum := sha256.Sum256(public)
	return Bytes(sum[:16]).String()
}

func isKID(s string) bool {
	b, err := ParseBytes(s)
	return err == nil && len(b) == 16
}

// KID is the key's name; empty for the zero value.
func (k PublicKey) KID() string { return k.kid }

// Bytes are the key as it travels; nil for the zero value.
func (k PublicKey) Bytes() []byte {
	if k.key == nil {
		return nil
	}
	return k.key.Bytes()
}

// String is the key's name.
func (k PublicKey) String() string { return k.kid }

// PublicKey is the part that may be known.
func (k PrivateKey) PublicKey() PublicKey { return k.pub }

// KID is the public part's name.
func (k PrivateKey) KID() string { return k.pub.kid }

// Seed is the 32 bytes that the key is made of, for wrapping it.
func (k PrivateKey) Seed() ([]byte, error) {
	if k.key == nil {
		return nil, ErrMalformedKey
	}
	return k.key.Bytes()
}

// String is the public part's name: the key itself is never printed.
func (k PrivateKey) String() string { return "private key " + k.pub.kid }

// GoString is [PrivateKey.String].
func (k PrivateKey) GoString() string { return k.String() }
