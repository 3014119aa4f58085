package seal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

const (
	// DirectoryLife is how long a directory counts after it was issued.
	DirectoryLife = 90 * 24 * time.Hour
	// clockSkew is how far ahead of ours the owner's clock may be.
	clockSkew = 5 * time.Minute

	maxDirectory  = 1 << 20
	signatureSize = 64
	checkSize     = 16

	// tooMany is where a browser, whose numbers are floating-point, begins to
	// miscount.
	tooMany int64 = 1 << 53
)

// Role is what a member of a practice may be, as the directory says it.
type Role string

// The roles. Only owners hold the identity key.
const (
	RoleOwner        Role = "owner"
	RolePractitioner Role = "practitioner"
	RoleFrontDesk    Role = "front_desk"
	// RoleConnector is a program in the practice; its account is its own id.
	RoleConnector Role = "connector"
)

// Signed is a directory as it is stored and served: the very bytes that an
// owner signed, and the signature (ECDSA P-256 over SHA-256, r || s, 64 bytes).
type Signed struct {
	Document  Bytes `json:"document"`
	Signature Bytes `json:"signature"`
}

// Directory is a practice's list of keys and members, whose signature holds.
// That its identity is the practice's, only a pin can say; see [Directory.Check].
type Directory struct {
	Tenant   string
	Sequence int64
	// Previous is the SHA-256 of the document before; empty for the first.
	Previous Bytes
	// Issued and Expires are UTC, to the second.
	Issued, Expires time.Time
	// Identity is the P-256 point that signs, uncompressed, 65 bytes.
	Identity Bytes
	// DataKeys are sorted by epoch; the last is the one to seal to.
	DataKeys []DataKey
	// BookKeys are sorted by epoch; the last is the one for new cards.
	BookKeys []BookEntry
	Members  []Member
	Recovery Holder
	// Revoked are the kids of keys that no longer count.
	Revoked []string
	// Lineage are the identities that the practice had before, the oldest first.
	Lineage []Succession
}

// DataKey is a public key that bookings are sealed to.
type DataKey struct {
	KID    string `json:"kid"`
	Suite  int    `json:"suite"`
	Epoch  int    `json:"epoch"`
	Public Bytes  `json:"public"`
}

// BookEntry says which key is the book key of an epoch without telling it; see
// [BookKey.Entry].
type BookEntry struct {
	Epoch int   `json:"epoch"`
	Check Bytes `json:"check"`
}

// Member is a person and the public key that practice keys are wrapped for.
type Member struct {
	Account string `json:"account"`
	Role    Role   `json:"role"`
	KID     string `json:"kid"`
	Public  Bytes  `json:"public"`
}

// Holder is a public key without a person: the recovery key.
type Holder struct {
	KID    string `json:"kid"`
	Public Bytes  `json:"public"`
	// Signer is a P-256 point, uncompressed, whose private part SignerKey is
	// under the code; see [RecoveryCode.Holder]. Both may be empty.
	Signer    Bytes `json:"signer,omitempty"`
	SignerKey Bytes `json:"signer_key,omitempty"`
}

// document is the JSON that is signed.
type document struct {
	V        int          `json:"v"`
	Tenant   string       `json:"tenant"`
	Sequence int64        `json:"sequence"`
	Previous *Bytes       `json:"previous"`
	Issued   string       `json:"issued"`
	Expires  string       `json:"expires"`
	Identity Bytes        `json:"identity"`
	DataKeys []DataKey    `json:"data_keys"`
	BookKeys []BookEntry  `json:"book_keys"`
	Members  []Member     `json:"members"`
	Recovery Holder       `json:"recovery"`
	Revoked  []string     `json:"revoked"`
	Lineage  []Succession `json:"lineage,omitempty"`
}

// ParseDirectory reads a directory and verifies its signature over exactly
// the bytes given. It returns [ErrMalformedDirectory] for unknown, repeated
// or missing fields and for what contradicts itself (a kid that is not its
// key's, a revoked key in use, no owner), and [ErrDirectoryUnsigned] where
// the signature is not the identity's, or one of its lineage is missing. A
// directory that parses may still be
// foreign, expired or not the pinned one: [Directory.Check].
func ParseDirectory(documentBytes, signature []byte) (Directory, error) {
	d, err := parseDocument(documentBytes)
	if err != nil {
		return Directory{}, ErrMalformedDirectory.Because(err)
	}
	identity, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), d.Identity)
	if err != nil {
		return Directory{}, ErrMalformedDirectory.Because(err)
	}
	if !verify(identity, documentBytes, signature) {
		return Directory{}, ErrDirectoryUnsigned
	}
	return d, d.checkLineage()
}

func parseDocument(b []byte) (Directory, error) {
	if len(b) > maxDirectory {
		return Directory{}, errors.New("too large")
	}
	var doc document
	if err := strict.Decode(b, &doc); err != nil {
		return Directory{}, err
	}
	if doc.V != Version || !isUUID(doc.Tenant) || doc.Sequence < 1 || doc.Sequence >= tooMany || doc.Previous == nil || doc.Revoked == nil {
		return Directory{}, errors.New("a field is missing or out of range")
	}
	if want := 32 * int(min(doc.Sequence-1, 1)); len(*doc.Previous) != want {
		return Directory{}, errors.New("previous does not fit the sequence")
	}
	issued, err := parseTime(doc.Issued)
	if err != nil {
		return Directory{}, err
	}
	expires, err := parseTime(doc.Expires)
	if err != nil {
		return Directory{}, err
	}
	if !issued.Before(expires) || expires.Sub(issued) > DirectoryLife {
		return Directory{}, errors.New("lives longer than 90 days")
	}
	d := Directory{
		Tenant: doc.Tenant, Sequence: doc.Sequence, Previous: *doc.Previous, Issued: issued, Expires: expires,
		Identity: doc.Identity, DataKeys: doc.DataKeys, BookKeys: doc.BookKeys, Members: doc.Members,
		Recovery: doc.Recovery, Revoked: doc.Revoked, Lineage: doc.Lineage,
	}
	return d, d.consistent()
}

// consistent refuses what an owner's browser would never sign.
func (d Directory) consistent() error {
	inUse := map[string]bool{}
	use := func(kid string, public []byte, suite int) error {
		if inUse[kid] {
			return errors.New("a key is listed twice")
		}
		inUse[kid] = true
		if len(public) == 0 || kid != KID(public) {
			return errors.New("a kid is not its key's")
		}
		if suite == Suite {
			if _, err := NewPublicKey(public); err != nil {
				return err
			}
		}
		return nil
	}
	if len(d.DataKeys) == 0 {
		return errors.New("no data key")
	}
	for i, k := range d.DataKeys {
		if k.Suite < 1 || !isEpoch(k.Epoch) || i > 0 && k.Epoch <= d.DataKeys[i-1].Epoch {
			return errors.New("data keys are not in order")
		}
		if err := use(k.KID, k.Public, k.Suite); err != nil {
			return err
		}
	}
	if err := d.consistentBooks(); err != nil {
		return err
	}
	owners := 0
	accounts := map[string]bool{}
	for _, m := range d.Members {
		if !isUUID(m.Account) || accounts[m.Account] {
			return errors.New("a member is no account, or listed twice")
		}
		accounts[m.Account] = true
		switch m.Role {
		case RoleOwner:
			owners++
		case RolePractitioner, RoleFrontDesk, RoleConnector:
		default:
			return errors.New("unknown role")
		}
		if err := use(m.KID, m.Public, Suite); err != nil {
			return err
		}
	}
	if owners == 0 {
		return errors.New("no owner")
	}
	if err := use(d.Recovery.KID, d.Recovery.Public, Suite); err != nil {
		return err
	}
	if err := errors.Join(d.Recovery.consistent(), d.consistentLineage()); err != nil {
		return err
	}
	for _, kid := range d.Revoked {
		if !isKID(kid) {
			return errors.New("revoked is no kid")
		}
		if inUse[kid] {
			return errors.New("a revoked key is in use")
		}
	}
	return nil
}

func (d Directory) consistentBooks() error {
	if len(d.BookKeys) == 0 {
		return errors.New("no book key")
	}
	checks := map[string]bool{}
	for i, k := range d.BookKeys {
		if !isEpoch(k.Epoch) || i > 0 && k.Epoch <= d.BookKeys[i-1].Epoch {
			return errors.New("book keys are not in order")
		}
		if len(k.Check) != checkSize || checks[string(k.Check)] {
			return errors.New("a book key's check is none, or listed twice")
		}
		checks[string(k.Check)] = true
	}
	return nil
}

func isEpoch(n int) bool { return n >= 1 && int64(n) < tooMany }

// parseTime reads RFC 3339 in UTC to the second, and no other spelling.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UTC().Format(time.RFC3339) != s {
		return time.Time{}, errors.New("time is not in UTC to the second")
	}
	return t.UTC(), nil
}

// Check says whether bookings of a tenant may be sealed to d at an instant.
// A pin, where not empty, is what the caller knows; see [Directory.Follows]. It returns, in this order, [ErrDirectoryForeign],
// [ErrDirectorySuite], [ErrDirectoryExpired] or [ErrDirectoryPin].
func (d Directory) Check(tenant string, now time.Time, pin string) error {
	if d.Tenant != tenant {
		return ErrDirectoryForeign
	}
	for _, k := range d.DataKeys {
		if k.Suite != Suite {
			return ErrDirectorySuite
		}
	}
	if d.Issued.After(now.Add(clockSkew)) || !now.Before(d.Expires) {
		return ErrDirectoryExpired
	}
	return d.checkPin(pin)
}

func (d Directory) checkPin(pin string) error {
	if pin != "" && !d.Follows(pin) {
		return ErrDirectoryPin
	}
	return nil
}

// Current is the data key to seal to.
func (d Directory) Current() DataKey {
	if len(d.DataKeys) == 0 {
		return DataKey{}
	}
	return d.DataKeys[len(d.DataKeys)-1]
}

// CurrentBook is the entry of the book key for new cards.
func (d Directory) CurrentBook() BookEntry {
	if len(d.BookKeys) == 0 {
		return BookEntry{}
	}
	return d.BookKeys[len(d.BookKeys)-1]
}

// Book finds the entry of an epoch's book key.
func (d Directory) Book(epoch int) (BookEntry, bool) {
	i := slices.IndexFunc(d.BookKeys, func(k BookEntry) bool { return k.Epoch == epoch })
	if i < 0 {
		return BookEntry{}, false
	}
	return d.BookKeys[i], true
}

// Key is the data key as [Seal] takes it. It returns [ErrDirectorySuite] for
// one of another suite.
func (k DataKey) Key() (PublicKey, error) {
	if k.Suite != Suite {
		return PublicKey{}, ErrDirectorySuite
	}
	return NewPublicKey(k.Public)
}

// Member finds a member's entry.
func (d Directory) Member(account string) (Member, bool) {
	i := slices.IndexFunc(d.Members, func(m Member) bool { return m.Account == account })
	if i < 0 {
		return Member{}, false
	}
	return d.Members[i], true
}

// Fingerprint is what pins compare: the SHA-256 of the identity's point, in
// base64url.
func (d Directory) Fingerprint() string {
	return fingerprint(d.Identity)
}

// ShownFingerprint is the part of the fingerprint that people compare: 15
// bytes in hexadecimal, in groups of four.
func (d Directory) ShownFingerprint() string {
	sum := sha256.Sum256(d.Identity)
	var groups []string
	for g := range slices.Chunk([]byte(hex.EncodeToString(sum[:15])), 4) {
		groups = append(groups, string(g))
	}
	return strings.Join(groups, "-")
}

// Sign writes d and signs it with its identity, which must be the key given.
// It returns [ErrMalformedDirectory] for a directory that would not parse.
func (d Directory) Sign(identity *ecdsa.PrivateKey) (Signed, error) {
	public, err := identity.PublicKey.Bytes()
	if err != nil {
		return Signed{}, fmt.Errorf("sign directory: %w", err)
	}
	if string(public) != string(d.Identity) {
		return Signed{}, ErrMalformedDirectory
	}
	previous := d.Previous
	if previous == nil {
		previous = Bytes{}
	}
	revoked := d.Revoked
	if revoked == nil {
		revoked = []string{}
	}
	b, err := json.Marshal(document{
		V: Version, Tenant: d.Tenant, Sequence: d.Sequence, Previous: &previous,
		Issued: d.Issued.UTC().Format(time.RFC3339), Expires: d.Expires.UTC().Format(time.RFC3339),
		Identity: d.Identity, DataKeys: d.DataKeys, BookKeys: d.BookKeys, Members: d.Members,
		Recovery: d.Recovery, Revoked: revoked, Lineage: d.Lineage,
	})
	if err != nil {
		return Signed{}, fmt.Errorf("write directory: %w", err)
	}
	if _, err := parseDocument(b); err != nil {
		return Signed{}, ErrMalformedDirectory.Because(err)
	}
	signature, err := sign(identity, b)
	if err != nil {
		return Signed{}, fmt.Errorf("sign directory: %w", err)
	}
	return Signed{Document: b, Signature: signature}, nil
}

func sign(key *ecdsa.PrivateKey, message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return nil, err
	}
	signature := make([]byte, signatureSize)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}

func verify(key *ecdsa.PublicKey, message, signature []byte) bool {
	if len(signature) != signatureSize {
		return false
	}
	sum := sha256.Sum256(message)
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return ecdsa.Verify(key, sum[:], r, s)
}
