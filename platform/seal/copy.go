package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
)

// Secret is a booking's secret: 128 bits that the patient's browser made and
// the link carries. It prints as nothing.
type Secret [16]byte

// NewSecret makes a fresh secret.
func NewSecret() Secret {
	var s Secret
	rand.Read(s[:]) // never fails: it ends the process instead
	return s
}

// ParseSecret takes 16 bytes, else [ErrMalformedKey].
func ParseSecret(b []byte) (Secret, error) {
	if len(b) != len(Secret{}) {
		return Secret{}, ErrMalformedKey
	}
	return Secret(b), nil
}

// Hash is the SHA-256 that the server knows a booking by.
func (s Secret) Hash() [32]byte { return sha256.Sum256(s[:]) }

// String never shows the secret.
func (Secret) String() string { return "booking secret" }

// GoString never shows the secret.
func (Secret) GoString() string { return "booking secret" }

// SealCopy encrypts the patient's copy under a key that only the booking's
// secret gives. It returns [ErrMalformedID] or [ErrTooLong].
func SealCopy(secret Secret, tenant, bookingID string, plaintext []byte) (Bytes, error) {
	if err := requireUUIDs(tenant, bookingID); err != nil {
		return nil, err
	}
	padded, err := pad(plaintext, stepCopy, maxCopy)
	if err != nil {
		return nil, err
	}
	key, err := copyKey(secret, tenant, bookingID)
	if err != nil {
		return nil, err
	}
	return gcmSeal(key, padded, copyAAD(tenant, bookingID))
}

// OpenCopy returns the copy's JSON without its padding. It returns
// [ErrTampered] for another booking's or an altered copy.
func OpenCopy(secret Secret, tenant, bookingID string, ciphertext []byte) ([]byte, error) {
	if err := CheckCopy(ciphertext); err != nil {
		return nil, err
	}
	key, err := copyKey(secret, tenant, bookingID)
	if err != nil {
		return nil, err
	}
	padded, err := gcmOpen(key, ciphertext, copyAAD(tenant, bookingID))
	if err != nil {
		return nil, fmt.Errorf("open copy: %w", err)
	}
	return unpad(padded), nil
}

// CheckCopy says whether a ciphertext has a length that a patient's copy can
// have. It returns [ErrMalformedCiphertext].
func CheckCopy(ciphertext []byte) error {
	if !padded(len(ciphertext)-nonceSize-tagSize, stepCopy, maxCopy) {
		return ErrMalformedCiphertext
	}
	return nil
}

func copyKey(secret Secret, tenant, bookingID string) ([]byte, error) {
	return derive(secret[:], fmt.Sprintf("siegel|copy|%d|%s|%s", Version, tenant, bookingID))
}

func copyAAD(tenant, bookingID string) string {
	return fmt.Sprintf("%s|copy|%s|%d", tenant, bookingID, Version)
}
