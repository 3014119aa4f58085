// Package seal is what keeps the operator from reading: the formats by which
// a patient's browser seals a booking to a practice, and by which the
// practice keeps its keys with a server that must not have them.
//
// It promises that an [Envelope], a card, a patient's copy and a wrapped key
// open only under the tenant, booking, key, kind and version they were made
// for; anything else reads as [ErrTampered], never as other data. Whatever is
// parsed is parsed strictly: a thing that two readers could read differently
// is refused. Ciphertext lengths come in steps, so that they tell little of
// what is inside.
//
// It does not say who sealed: HPKE in base mode has no sender, so whoever
// knows a public key can make an envelope or a wrapped key. Public keys are
// to be taken from a signed [Directory] whose identity the caller has reason
// to trust: a pin, or a member's own vouch ([Directory.Vouch]). Nor does it replay-protect or store anything.
//
// The suite is HPKE (RFC 9180) with X-Wing (ML-KEM-768 and X25519),
// HKDF-SHA256 and AES-256-GCM, and there is no other. The browser's side is
// web/app/src/seal. Both sides run the vectors in testdata/vectors, which
// `go test -update` writes here and `UPDATE_VECTORS=1 npx vitest run src/seal`
// there (from-browser.json).
package seal

import (
	"crypto/hpke"

	"siegel/platform/fault"
)

// Suite is the only suite there is: X-Wing, HKDF-SHA256, AES-256-GCM.
const Suite = 2

// Version is the version of every format in this package.
const Version = 1

// What callers can act on. The reasons are stable words.
var (
	// ErrTampered is returned where a ciphertext does not open under what it
	// is said to be bound to: altered, swapped, or made for another key.
	ErrTampered = fault.New(fault.Invalid, "tampered")
	// ErrMalformedEnvelope is returned for what is not an envelope of this
	// version and suite.
	ErrMalformedEnvelope = fault.New(fault.Invalid, "malformed_envelope")
	// ErrMalformedDirectory is returned for what is not a key directory, or
	// for one that contradicts itself.
	ErrMalformedDirectory = fault.New(fault.Invalid, "directory_malformed")
	// ErrDirectoryUnsigned is returned where the signature is not the
	// directory's identity's.
	ErrDirectoryUnsigned = fault.New(fault.Invalid, "directory_unsigned")
	// ErrDirectoryForeign is returned for another tenant's directory.
	ErrDirectoryForeign = fault.New(fault.Invalid, "directory_foreign")
	// ErrDirectoryExpired is returned outside of a directory's days: expired,
	// or issued more than five minutes from now.
	ErrDirectoryExpired = fault.New(fault.Expired, "directory_expired")
	// ErrDirectorySuite is returned where a data key is of another suite.
	ErrDirectorySuite = fault.New(fault.Invalid, "directory_suite")
	// ErrDirectoryPin is returned where the identity is not the pinned one, or
	// not the one that the member vouched for.
	ErrDirectoryPin = fault.New(fault.Invalid, "directory_pin")
	// ErrDirectoryOld is returned for a directory older than one seen before.
	ErrDirectoryOld = fault.New(fault.Invalid, "directory_old")
	// ErrMalformedKey is returned for bytes that are no key of the suite, and
	// for wrapped keys and ciphertexts of impossible length.
	ErrMalformedKey = fault.New(fault.Invalid, "malformed_key")
	// ErrMalformedCiphertext is returned for a card or a patient's copy of
	// impossible length.
	ErrMalformedCiphertext = fault.New(fault.Invalid, "malformed_ciphertext")
	// ErrMalformedID is returned where something would be bound to an id that
	// is not a bare lower-case uuid.
	ErrMalformedID = fault.New(fault.Invalid, "malformed_id")
	// ErrTooLong is returned for a plaintext beyond the format's largest step.
	ErrTooLong = fault.New(fault.Invalid, "plaintext_too_long")
	// ErrUnknownKey is returned where nobody here holds the key.
	ErrUnknownKey = fault.New(fault.NotFound, "unknown_key")
	// ErrKDFRefused is returned for a derivation other than [KDF], or a salt
	// of another length: a server that asks for less is not obeyed.
	ErrKDFRefused = fault.New(fault.Invalid, "kdf_refused")
	// ErrWrongPassword is returned where a password opens no member key.
	ErrWrongPassword = fault.New(fault.Unauthenticated, "wrong_password")
	// ErrRecoveryCode is returned for a recovery code whose checksum says that
	// it was mistyped.
	ErrRecoveryCode = fault.New(fault.Invalid, "recovery_code_mistyped")
	// ErrNotMember is returned where the key that unlocks is not in the
	// signed list.
	ErrNotMember = fault.New(fault.Forbidden, "not_in_directory")
)

const (
	encSize = 1120
	tagSize = 16
)

func kem() hpke.KEM   { return hpke.MLKEM768X25519() }
func kdf() hpke.KDF   { return hpke.HKDFSHA256() }
func aead() hpke.AEAD { return hpke.AES256GCM() }

// hpkeSeal is base mode with one message: the one-shot functions of
// crypto/hpke take no additional data.
func hpkeSeal(to PublicKey, info, aad string, plaintext []byte) (enc, ct []byte, err error) {
	if to.key == nil {
		return nil, nil, ErrMalformedKey
	}
	enc, sender, err := hpke.NewSender(to.key, kdf(), aead(), []byte(info))
	if err != nil {
		return nil, nil, ErrMalformedKey.Because(err)
	}
	ct, err = sender.Seal([]byte(aad), plaintext)
	if err != nil {
		return nil, nil, err
	}
	return enc, ct, nil
}

func hpkeOpen(with PrivateKey, info, aad string, enc, ct []byte) ([]byte, error) {
	if with.key == nil {
		return nil, ErrMalformedKey
	}
	recipient, err := hpke.NewRecipient(enc, with.key, kdf(), aead(), []byte(info))
	if err != nil {
		return nil, ErrTampered.Because(err)
	}
	plaintext, err := recipient.Open([]byte(aad), ct)
	if err != nil {
		return nil, ErrTampered.Because(err)
	}
	return plaintext, nil
}
