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
	return d.word(key, account, d.Fingerprint()), nil
}

func (d Directory) word(key []byte, account, fingerprint string) Bytes {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(d.Tenant + "|" + account + "|" + fingerprint))
	return mac.Sum(nil)
}

// checkVouch accepts a word for d's identity, and one for an identity that it
// came from, whose lineage is already known to hold: then it returns the word
// to store instead.
func (d Directory) checkVouch(member PrivateKey, account string, vouch []byte) (Bytes, error) {
	want, err := d.Vouch(member, account)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(want, vouch) == 1 {
		return nil, nil
	}
	seed, err := member.Seed()
	if err != nil {
		return nil, err
	}
	key, err := derive(seed, "siegel|vouch|1")
	if err != nil {
		return nil, err
	}
	for _, was := range d.fingerprints()[1:] {
		if subtle.ConstantTimeCompare(d.word(key, account, was), vouch) == 1 {
			return want, nil
		}
	}
	return nil, ErrDirectoryPin
}
