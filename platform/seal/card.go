package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
)

// BookKey encrypts a practice's appointment cards. It prints as nothing.
type BookKey [32]byte

// NewBookKey makes a fresh book key.
func NewBookKey() BookKey {
	var k BookKey
	rand.Read(k[:]) // never fails: it ends the process instead
	return k
}

// ParseBookKey takes an unwrapped key, 32 bytes, else [ErrMalformedKey].
func ParseBookKey(b []byte) (BookKey, error) {
	if len(b) != len(BookKey{}) {
		return BookKey{}, ErrMalformedKey
	}
	return BookKey(b), nil
}

// Entry is how a tenant's [Directory] lists the key, so that those who unwrap
// it know it from one that somebody else wrapped for them. Of a random key it
// tells nothing.
func (k BookKey) Entry(tenant string, epoch int) BookEntry {
	sum := sha256.Sum256(append(fmt.Appendf(nil, "siegel|book|%d|%s|%d|", Version, tenant, epoch), k[:]...))
	return BookEntry{Epoch: epoch, Check: sum[:checkSize]}
}

// String never shows the key.
func (BookKey) String() string { return "book key" }

// GoString never shows the key.
func (BookKey) GoString() string { return "book key" }

// SealCard encrypts a card, the booking's JSON as the practice keeps it, for
// one booking and version. It returns [ErrMalformedID] or [ErrTooLong].
func SealCard(key BookKey, tenant, bookingID string, version int, plaintext []byte) (Bytes, error) {
	if err := requireUUIDs(tenant, bookingID); err != nil {
		return nil, err
	}
	padded, err := pad(plaintext, stepBooking, maxBooking)
	if err != nil {
		return nil, err
	}
	return gcmSeal(key[:], padded, cardAAD(tenant, bookingID, version))
}

// OpenCard returns a card's JSON without its padding. It returns
// [ErrTampered] for a card of another booking, version, tenant or key.
func OpenCard(key BookKey, tenant, bookingID string, version int, ciphertext []byte) ([]byte, error) {
	if err := CheckCard(ciphertext); err != nil {
		return nil, err
	}
	padded, err := gcmOpen(key[:], ciphertext, cardAAD(tenant, bookingID, version))
	if err != nil {
		return nil, fmt.Errorf("open card: %w", err)
	}
	return unpad(padded), nil
}

// CheckCard says whether a ciphertext has a length that a card can have. It
// returns [ErrMalformedCiphertext].
func CheckCard(ciphertext []byte) error {
	if !padded(len(ciphertext)-nonceSize-tagSize, stepBooking, maxBooking) {
		return ErrMalformedCiphertext
	}
	return nil
}

func cardAAD(tenant, bookingID string, version int) string {
	return fmt.Sprintf("%s|card|%s|%d", tenant, bookingID, version)
}
