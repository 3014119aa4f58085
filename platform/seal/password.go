package seal

import (
	"fmt"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// KDF names the only derivation that a client agrees to: Argon2id (RFC 9106)
// with 19456 KiB, two passes, one lane.
const KDF = "argon2id-19456-2-1"

// SaltSize is the length of an account's salt, in bytes.
const SaltSize = 16

// CheckKDF says whether what a server asks for is what is compiled in here.
// It returns [ErrKDFRefused] for another derivation or length of salt.
func CheckKDF(kdf string, salt []byte) error {
	if kdf != KDF || len(salt) != SaltSize {
		return ErrKDFRefused
	}
	return nil
}

// SplitPassword derives from one password the secret that signs in, which the
// server sees and keeps only as a hash, and the key that unlocks, which never
// leaves. Neither tells the other. The password is taken in NFC, so that two
// keyboards agree. It takes some 50 ms and 19 MiB. The salt has [SaltSize]
// bytes; any other is a caller's mistake and panics, so what a server sent
// goes through [CheckKDF] first.
func SplitPassword(password string, salt []byte) (signIn, unlock []byte) {
	if len(salt) != SaltSize {
		panic("seal: salt of wrong length")
	}
	master := argon2.IDKey(norm.NFC.Bytes([]byte(password)), salt, 2, 19456, 1, 32)
	return mustDerive(master, "siegel|sign-in|1"), mustDerive(master, "siegel|unlock|1")
}

// mustDerive is derive where the length of the output, its only reason to
// fail, is fixed.
func mustDerive(secret []byte, info string) []byte {
	key, err := derive(secret, info)
	if err != nil {
		panic(err)
	}
	return key
}

// WrapMemberKey encrypts a member's key under the key that a password unlocks.
func WrapMemberKey(unlock []byte, account string, member PrivateKey) (Bytes, error) {
	if err := requireUUIDs(account); err != nil {
		return nil, err
	}
	seed, err := member.Seed()
	if err != nil {
		return nil, err
	}
	return gcmSeal(unlock, seed, memberAAD(account))
}

// UnwrapMemberKey opens a member's key. It returns [ErrWrongPassword] where
// it does not open: a wrong password and an altered key look the same.
func UnwrapMemberKey(unlock []byte, account string, wrapped []byte) (PrivateKey, error) {
	if len(wrapped) != nonceSize+wrappedSize {
		return PrivateKey{}, ErrMalformedKey
	}
	seed, err := gcmOpen(unlock, wrapped, memberAAD(account))
	if err != nil {
		return PrivateKey{}, ErrWrongPassword.Because(err)
	}
	return NewPrivateKey(seed)
}

func memberAAD(account string) string {
	return fmt.Sprintf("siegel|member|%d|%s|password", Version, account)
}
