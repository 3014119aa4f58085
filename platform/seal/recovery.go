package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"
)

// RecoveryCode is what a practice prints and puts away: 128 random bits from
// which the recovery key is derived.
type RecoveryCode [16]byte

// crockford is Douglas Crockford's alphabet: no I, L, O or U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewRecoveryCode makes a fresh code.
func NewRecoveryCode() RecoveryCode {
	var c RecoveryCode
	rand.Read(c[:]) // never fails: it ends the process instead
	return c
}

// ParseRecoveryCode reads a code as people type it: in either case, with O
// for 0, I and L for 1, with or without spaces and hyphens. It returns
// [ErrRecoveryCode] where length, letters or checksum are wrong; the server
// need not be asked.
func ParseRecoveryCode(typed string) (RecoveryCode, error) {
	plain := strings.NewReplacer("O", "0", "I", "1", "L", "1", "-", "", " ", "", "\t", "", "\n", "", "\r", "", "\u00a0", "").
		Replace(strings.ToUpper(typed))
	raw, err := base32.NewEncoding(crockford).DecodeString(plain)
	if err != nil || len(plain) != 32 {
		return RecoveryCode{}, ErrRecoveryCode
	}
	c := RecoveryCode(raw[:16])
	if subtle.ConstantTimeCompare(raw[16:], c.checksum()) != 1 {
		return RecoveryCode{}, ErrRecoveryCode
	}
	return c, nil
}

func (c RecoveryCode) checksum() []byte {
	sum := sha256.Sum256(c[:])
	return sum[:4]
}

// Words is the code as it is printed: eight groups of four. It is not called
// String, so that printing a code is always meant.
func (c RecoveryCode) Words() string {
	s := base32.NewEncoding(crockford).EncodeToString(append(c[:], c.checksum()...))
	var groups []string
	for i := 0; i < len(s); i += 4 {
		groups = append(groups, s[i:i+4])
	}
	return strings.Join(groups, "-")
}

// String never shows the code.
func (RecoveryCode) String() string { return "recovery code" }

// GoString never shows the code.
func (RecoveryCode) GoString() string { return "recovery code" }

// Key derives a tenant's recovery key.
func (c RecoveryCode) Key(tenant string) (PrivateKey, error) {
	if err := requireUUIDs(tenant); err != nil {
		return PrivateKey{}, err
	}
	seed, err := derive(c[:], fmt.Sprintf("siegel|recovery|%d|%s", Version, tenant))
	if err != nil {
		return PrivateKey{}, err
	}
	return NewPrivateKey(seed)
}
