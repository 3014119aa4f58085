package seal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"time"
)

// Keyring is what a first owner's browser makes, parted by who may have it.
type Keyring struct {
	// Stored is for the server.
	Stored Stored
	// RecoveryCode is for paper and never for the server.
	RecoveryCode string
}

// Stored is everything that the server may keep of a new keyring. Of
// SignInSecret it keeps a hash alone.
type Stored struct {
	Tenant, Account string
	Directory       Signed
	// Issued and Expires are the directory's, UTC.
	Issued, Expires time.Time
	// Wraps are the identity, data and book key, each for the member and for
	// the recovery key.
	Wraps []Wrap
	// MemberPublic is the member's X-Wing public key, MemberKey its private
	// part under the password.
	MemberPublic Bytes
	MemberKey    Bytes
	// Vouch is the member's word for the directory's identity.
	Vouch        Bytes
	Salt         Bytes
	KDF          string
	SignInSecret Bytes
}

// NewKeyring makes all keys of a practice with one owner: the member key
// under the password, identity, data and book key of epoch 1, the recovery
// code, the signed directory. Tenant and account are bare lower-case uuids,
// else [ErrMalformedID]; the salt has [SaltSize] bytes, else [ErrKDFRefused].
func NewKeyring(tenant, account, password string, salt []byte, now time.Time) (Keyring, error) {
	if err := requireUUIDs(tenant, account); err != nil {
		return Keyring{}, err
	}
	if err := CheckKDF(KDF, salt); err != nil {
		return Keyring{}, err
	}
	code := NewRecoveryCode()
	recovery, err := code.Key(tenant)
	if err != nil {
		return Keyring{}, err
	}
	onPaper, err := code.Holder(tenant)
	if err != nil {
		return Keyring{}, err
	}
	member, err := GenerateKey()
	if err != nil {
		return Keyring{}, err
	}
	data, err := GenerateKey()
	if err != nil {
		return Keyring{}, err
	}
	identity, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Keyring{}, fmt.Errorf("generate identity: %w", err)
	}
	point, err := identity.PublicKey.Bytes()
	if err != nil {
		return Keyring{}, fmt.Errorf("write identity: %w", err)
	}
	book := NewBookKey()

	issued := now.UTC().Truncate(time.Second)
	directory := Directory{
		Tenant: tenant, Sequence: 1, Issued: issued, Expires: issued.Add(DirectoryLife), Identity: point,
		DataKeys: []DataKey{{KID: data.KID(), Suite: Suite, Epoch: 1, Public: data.PublicKey().Bytes()}},
		BookKeys: []BookEntry{book.Entry(tenant, 1)},
		Members:  []Member{{Account: account, Role: RoleOwner, KID: member.KID(), Public: member.PublicKey().Bytes()}},
		Recovery: onPaper,
	}
	signed, err := directory.Sign(identity)
	if err != nil {
		return Keyring{}, err
	}

	scalar, err := identity.Bytes()
	if err != nil {
		return Keyring{}, fmt.Errorf("write identity: %w", err)
	}
	seed, err := data.Seed()
	if err != nil {
		return Keyring{}, err
	}
	var wraps []Wrap
	for _, holder := range []PrivateKey{member, recovery} {
		for _, k := range []struct {
			kind Kind
			key  []byte
		}{{KindIdentity, scalar}, {KindData, seed}, {KindBook, book[:]}} {
			w, err := WrapKey(holder.PublicKey(), tenant, k.kind, 1, k.key)
			if err != nil {
				return Keyring{}, err
			}
			wraps = append(wraps, w)
		}
	}

	signIn, unlock := SplitPassword(password, salt)
	wrapped, err := WrapMemberKey(unlock, account, member)
	if err != nil {
		return Keyring{}, err
	}
	vouch, err := directory.Vouch(member, account)
	if err != nil {
		return Keyring{}, err
	}
	return Keyring{
		Stored: Stored{
			Tenant: tenant, Account: account, Directory: signed, Issued: directory.Issued, Expires: directory.Expires,
			Wraps: wraps, MemberPublic: member.PublicKey().Bytes(), MemberKey: wrapped, Vouch: vouch,
			Salt: append(Bytes(nil), salt...), KDF: KDF, SignInSecret: signIn,
		},
		RecoveryCode: code.Words(),
	}, nil
}

// Locked is a keyring as a server hands it out.
type Locked struct {
	Tenant, Account string
	Directory       Signed
	MemberKey       Bytes
	// Vouch is what [Directory.Vouch] once made for the member; it stands in
	// for a pin. The recovery code has none.
	Vouch Bytes
	Wraps []Wrap
	// Pin and Sequence, where set, are the fingerprint and the highest
	// sequence known from before; see [ErrDirectoryPin] and [ErrDirectoryOld].
	Pin      string
	Sequence int64
}

// Locked is the keyring as the server would hand it out.
func (s Stored) Locked() Locked {
	return Locked{
		Tenant: s.Tenant, Account: s.Account, Directory: s.Directory,
		MemberKey: s.MemberKey, Vouch: s.Vouch, Wraps: s.Wraps,
	}
}

// Unlocked is an open keyring. An expired directory opens too: an owner has
// to, so as to sign it again.
type Unlocked struct {
	Directory Directory
	// Identity is nil for those who are no owner.
	Identity *ecdsa.PrivateKey
	// Data are the private data keys by kid, Books the book keys by epoch; each
	// is one that Directory lists.
	Data  map[string]PrivateKey
	Books map[int]BookKey
	// Vouch, where set, is the member's word for the identity that has come
	// after the one vouched for; it is to be stored in the other's place.
	Vouch Bytes
}

// Unlock goes from the password to the keys. kdf and salt are what the server
// said. It returns [ErrKDFRefused], [ErrWrongPassword] and the errors of
// [Locked.UnlockWith].
func (l Locked) Unlock(password, kdf string, salt []byte) (Unlocked, error) {
	if err := CheckKDF(kdf, salt); err != nil {
		return Unlocked{}, err
	}
	_, unlock := SplitPassword(password, salt)
	member, err := UnwrapMemberKey(unlock, l.Account, l.MemberKey)
	if err != nil {
		return Unlocked{}, err
	}
	return l.UnlockWith(member)
}

// UnlockWith opens the keys with a member's key. Wraps for others are passed
// over. It returns the errors of [ParseDirectory], [ErrDirectoryForeign],
// [ErrDirectoryOld], [ErrDirectoryPin] where the identity is not the pinned one
// or the one that the member vouched for, [ErrNotMember], and [ErrTampered]
// where a wrapped key is not the directory's.
func (l Locked) UnlockWith(member PrivateKey) (Unlocked, error) {
	d, err := l.directory()
	if err != nil {
		return Unlocked{}, err
	}
	// Before anything that the directory says is believed, even who the member
	// is: whoever made it up knows the member's public key and can list it.
	renewed, err := d.checkVouch(member, l.Account, l.Vouch)
	if err != nil {
		return Unlocked{}, err
	}
	if m, ok := d.Member(l.Account); !ok || m.KID != member.KID() {
		return Unlocked{}, ErrNotMember
	}
	u, err := l.open(d, member)
	u.Vouch = renewed
	return u, err
}

// Recover goes from the typed recovery code to the keys. Nothing vouches for
// the identity here but the pin, so it is to be set wherever it is known. It
// returns [ErrRecoveryCode] and the errors of [Locked.UnlockWith].
func (l Locked) Recover(typed string) (Unlocked, error) {
	code, err := ParseRecoveryCode(typed)
	if err != nil {
		return Unlocked{}, err
	}
	key, err := code.Key(l.Tenant)
	if err != nil {
		return Unlocked{}, err
	}
	d, err := l.directory()
	if err != nil {
		return Unlocked{}, err
	}
	if key.KID() != d.Recovery.KID {
		return Unlocked{}, ErrNotMember
	}
	return l.open(d, key)
}

// directory is the signed one, as far as it can be checked without a key.
func (l Locked) directory() (Directory, error) {
	d, err := ParseDirectory(l.Directory.Document, l.Directory.Signature)
	if err != nil {
		return Directory{}, err
	}
	if d.Tenant != l.Tenant {
		return Directory{}, ErrDirectoryForeign
	}
	if err := d.checkPin(l.Pin); err != nil {
		return Directory{}, err
	}
	if d.Sequence < l.Sequence {
		return Directory{}, ErrDirectoryOld
	}
	return d, nil
}

func (l Locked) open(d Directory, holder PrivateKey) (Unlocked, error) {
	u := Unlocked{Directory: d, Data: map[string]PrivateKey{}, Books: map[int]BookKey{}}
	for _, w := range l.Wraps {
		if w.Holder != holder.KID() {
			continue
		}
		key, err := UnwrapKey(holder, l.Tenant, w)
		if err != nil {
			return Unlocked{}, err
		}
		if err := u.take(w, key); err != nil {
			return Unlocked{}, err
		}
	}
	return u, nil
}

// take accepts an unwrapped key. Anyone can wrap for a public key, so a key
// counts only where the directory lists its public part or, for a book key,
// its check.
func (u *Unlocked) take(w Wrap, key []byte) error {
	switch w.Kind {
	case KindIdentity:
		identity, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), key)
		if err != nil {
			return ErrTampered.Because(err)
		}
		point, err := identity.PublicKey.Bytes()
		if err != nil || string(point) != string(u.Directory.Identity) {
			return ErrTampered
		}
		u.Identity = identity
	case KindData:
		data, err := NewPrivateKey(key)
		if err != nil {
			return err
		}
		for _, k := range u.Directory.DataKeys {
			if k.KID == data.KID() && k.Epoch == w.Epoch {
				u.Data[k.KID] = data
				return nil
			}
		}
		return ErrTampered
	case KindBook:
		if _, twice := u.Books[w.Epoch]; twice {
			return ErrTampered
		}
		book, err := ParseBookKey(key)
		if err != nil {
			return err
		}
		listed, ok := u.Directory.Book(w.Epoch)
		if !ok || subtle.ConstantTimeCompare(listed.Check, book.Entry(u.Directory.Tenant, w.Epoch).Check) != 1 {
			return ErrTampered
		}
		u.Books[w.Epoch] = book
	}
	return nil
}

// Open opens an envelope of the keyring's tenant with the data key it names.
// It returns [ErrUnknownKey] where that is not here, and the errors of [Open].
func (u Unlocked) Open(e Envelope, bookingID string) ([]byte, error) {
	if e.Tenant != u.Directory.Tenant {
		return nil, ErrTampered
	}
	key, ok := u.Data[e.KID]
	if !ok {
		return nil, ErrUnknownKey
	}
	return Open(key, e, bookingID)
}

// Book is the newest book key that the directory lists, and its epoch, for new
// cards. It returns [ErrUnknownKey] where it is not here: an older one, which
// somebody who left may know, does not stand in for it.
func (u Unlocked) Book() (BookKey, int, error) {
	epoch := u.Directory.CurrentBook().Epoch
	book, ok := u.Books[epoch]
	if !ok {
		return BookKey{}, 0, ErrUnknownKey
	}
	return book, epoch, nil
}
