package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
)

// VouchSize is the length of a vouch, in bytes.
const VouchSize = sha256.Size

// Vouch is a member's word that d's identity is the practice's, which only the
// member's key can make. The member's own client makes it on joining, when
// somebody compared fingerprints, and the server keeps it: a keyring replaced
// as a whole, with an identity that lists the member's public key, still has no
// vouch, even for a browser that has seen nothing before. It is an HMAC-SHA256
// of tenant, account and fingerprint, [VouchSize] bytes. It returns
// [ErrMalformedID] or [ErrMalformedKey].
func (d Directory) Vouch(member PrivateKey, account string) (Bytes, error) {
	if err := requireUUIDs(d.Tenant, account); err != nil {
		return nil, err
	}
	seed, err := member.Seed()
	if err != nil {
		return nil, err
	}
	key, err := derive(seed, "siegel|vouch|1")
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(d.Tenant + "|" + account + "|" + d.Fingerprint()))
	return mac.Sum(nil), nil
}

func (d Directory) checkVouch(member PrivateKey, account string, vouch []byte) error {
	want, err := d.Vouch(member, account)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(want, vouch) != 1 {
		return ErrDirectoryPin
	}
	return nil
}
