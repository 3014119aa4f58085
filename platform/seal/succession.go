package seal

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxLineage is more identities than a practice's owners ever leave behind.
	maxLineage = 32

	signerKeySize = nonceSize + 32 + tagSize
)

// Succession is one change of a practice's identity, when an owner left: the
// identity that was, its word for the one that came after it, and the word of
// the recovery code, which who leaves with the old key does not have.
type Succession struct {
	// Identity is the older point, uncompressed.
	Identity  Bytes `json:"identity"`
	Signature Bytes `json:"signature"`
	// Signer is what [Holder.Signer] was then.
	Signer           Bytes `json:"signer"`
	Countersignature Bytes `json:"countersignature"`
}

// SignSuccession says with the identity that was and with the recovery code's
// signing key that next, a point, comes after it.
func SignSuccession(tenant string, was, signer *ecdsa.PrivateKey, next []byte) (Succession, error) {
	if err := requireUUIDs(tenant); err != nil {
		return Succession{}, err
	}
	identity, err := was.PublicKey.Bytes()
	if err != nil {
		return Succession{}, fmt.Errorf("write identity: %w", err)
	}
	by, err := signer.PublicKey.Bytes()
	if err != nil {
		return Succession{}, fmt.Errorf("write signer: %w", err)
	}
	s := Succession{Identity: identity, Signer: by}
	if s.Signature, err = sign(was, s.statement(tenant, next)); err != nil {
		return Succession{}, fmt.Errorf("sign succession: %w", err)
	}
	if s.Countersignature, err = sign(signer, s.statement(tenant, next)); err != nil {
		return Succession{}, fmt.Errorf("countersign succession: %w", err)
	}
	return s, nil
}

func (s Succession) statement(tenant string, next []byte) []byte {
	return []byte("siegel|successor|1|" + tenant + "|" + fingerprint(s.Identity) + "|" + fingerprint(next) + "|" + fingerprint(s.Signer))
}

func (s Succession) holds(tenant string, next []byte) error {
	for _, one := range []struct{ point, signature []byte }{{s.Identity, s.Signature}, {s.Signer, s.Countersignature}} {
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), one.point)
		if err != nil {
			return ErrMalformedDirectory.Because(err)
		}
		if !verify(key, s.statement(tenant, next), one.signature) {
			return ErrDirectoryUnsigned
		}
	}
	return nil
}

// checkLineage refuses a chain in which one change is not signed by both.
func (d Directory) checkLineage() error {
	for i, s := range d.Lineage {
		next := []byte(d.Identity)
		if i+1 < len(d.Lineage) {
			next = d.Lineage[i+1].Identity
		}
		if err := s.holds(d.Tenant, next); err != nil {
			return err
		}
	}
	return nil
}

func (d Directory) consistentLineage() error {
	if d.Lineage != nil && len(d.Lineage) == 0 || len(d.Lineage) > maxLineage {
		return errors.New("lineage is empty or endless")
	}
	known := map[string]bool{string(d.Identity): true}
	for _, s := range d.Lineage {
		if known[string(s.Identity)] {
			return errors.New("an identity comes twice")
		}
		known[string(s.Identity)] = true
	}
	return nil
}

// Follows says whether pin names d's identity or one that it came from. A pin
// is a [Directory.Fingerprint], or several with a dot between: one that was and
// one that comes.
func (d Directory) Follows(pin string) bool {
	for _, one := range strings.Split(pin, ".") {
		for _, own := range d.fingerprints() {
			if subtle.ConstantTimeCompare([]byte(one), []byte(own)) == 1 {
				return true
			}
		}
	}
	return false
}

// fingerprints are those of the identity and of all that it came from, the
// newest first.
func (d Directory) fingerprints() []string {
	all := []string{d.Fingerprint()}
	for _, s := range slices.Backward(d.Lineage) {
		all = append(all, fingerprint(s.Identity))
	}
	return all
}

// Succeeds says whether d may stand after before: with the same identity and
// the same past, or with a new one for which both the identity and the recovery
// code of before have signed.
func (d Directory) Succeeds(before Directory) bool {
	past := before.Lineage
	if !bytes.Equal(d.Identity, before.Identity) {
		n := len(d.Lineage)
		if n == 0 {
			return false
		}
		last := d.Lineage[n-1]
		if !bytes.Equal(last.Identity, before.Identity) || len(before.Recovery.Signer) == 0 || !bytes.Equal(last.Signer, before.Recovery.Signer) {
			return false
		}
		d.Lineage = d.Lineage[:n-1]
	}
	return slices.EqualFunc(d.Lineage, past, func(a, b Succession) bool {
		return bytes.Equal(a.Identity, b.Identity) && bytes.Equal(a.Signature, b.Signature) &&
			bytes.Equal(a.Signer, b.Signer) && bytes.Equal(a.Countersignature, b.Countersignature)
	})
}

func fingerprint(point []byte) string {
	sum := sha256.Sum256(point)
	return Bytes(sum[:]).String()
}

// Holder makes what a directory says of the code: the recovery key, and a fresh
// signing key whose private part only the code opens.
func (c RecoveryCode) Holder(tenant string) (Holder, error) {
	key, err := c.Key(tenant)
	if err != nil {
		return Holder{}, err
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Holder{}, fmt.Errorf("generate signer: %w", err)
	}
	point, err := signer.PublicKey.Bytes()
	if err != nil {
		return Holder{}, fmt.Errorf("write signer: %w", err)
	}
	scalar, err := signer.Bytes()
	if err != nil {
		return Holder{}, fmt.Errorf("write signer: %w", err)
	}
	under, err := derive(c[:], signerInfo(tenant))
	if err != nil {
		return Holder{}, err
	}
	sealed, err := gcmSeal(under, scalar, signerInfo(tenant))
	if err != nil {
		return Holder{}, err
	}
	return Holder{KID: key.KID(), Public: key.PublicKey().Bytes(), Signer: point, SignerKey: sealed}, nil
}

// Signer opens the signing key that a directory lists for the code. It returns
// [ErrUnknownKey] where it lists none, and [ErrTampered].
func (c RecoveryCode) Signer(tenant string, of Holder) (*ecdsa.PrivateKey, error) {
	if len(of.Signer) == 0 {
		return nil, ErrUnknownKey
	}
	under, err := derive(c[:], signerInfo(tenant))
	if err != nil {
		return nil, err
	}
	scalar, err := gcmOpen(under, of.SignerKey, signerInfo(tenant))
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, ErrTampered.Because(err)
	}
	if point, err := key.PublicKey.Bytes(); err != nil || !bytes.Equal(point, of.Signer) {
		return nil, ErrTampered
	}
	return key, nil
}

func signerInfo(tenant string) string { return "siegel|recovery-signer|1|" + tenant }

func (h Holder) consistent() error {
	if h.Signer == nil && h.SignerKey == nil {
		return nil
	}
	if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), h.Signer); err != nil || len(h.SignerKey) != signerKeySize {
		return errors.New("a signer is no key")
	}
	return nil
}
