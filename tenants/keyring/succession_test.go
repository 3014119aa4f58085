package keyring_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"

	"siegel/platform/seal"
	"siegel/tenants/keyring"
)

func TestANewIdentityNeedsTheWordOfTheOldOneAndOfTheRecoveryCode(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for name, c := range map[string]struct {
		// change makes the lineage; by is the new identity, which signs.
		change func(t *testing.T, b *browser, by *ecdsa.PrivateKey) []seal.Succession
		bare   bool // without wraps of the new identity
		want   error
	}{
		"Countersigned": {change: func(t *testing.T, b *browser, by *ecdsa.PrivateKey) []seal.Succession {
			return []seal.Succession{b.succession(t, b.unlocked.Identity, b.signer(t), by)}
		}},
		"WithoutAWord": {change: func(*testing.T, *browser, *ecdsa.PrivateKey) []seal.Succession { return nil }, want: seal.ErrDirectoryPin},
		"SignedByAnotherThanTheOldOne": {change: func(t *testing.T, b *browser, by *ecdsa.PrivateKey) []seal.Succession {
			return []seal.Succession{b.succession(t, fresh(t), b.signer(t), by)}
		}, want: seal.ErrDirectoryPin},
		"CountersignedByAnotherCode": {change: func(t *testing.T, b *browser, by *ecdsa.PrivateKey) []seal.Succession {
			return []seal.Succession{b.succession(t, b.unlocked.Identity, fresh(t), by)}
		}, want: seal.ErrDirectoryPin},
		"CountersignedByTheOldIdentity": {change: func(t *testing.T, b *browser, by *ecdsa.PrivateKey) []seal.Succession {
			return []seal.Succession{b.succession(t, b.unlocked.Identity, b.unlocked.Identity, by)}
		}, want: seal.ErrDirectoryPin},
		"AlteredWord": {change: func(t *testing.T, b *browser, by *ecdsa.PrivateKey) []seal.Succession {
			s := b.succession(t, b.unlocked.Identity, b.signer(t), by)
			s.Countersignature[63] ^= 1
			return []seal.Succession{s}
		}, want: seal.ErrDirectoryUnsigned},
		"TwoChangesAtOnce": {change: func(t *testing.T, b *browser, by *ecdsa.PrivateKey) []seal.Succession {
			between := fresh(t)
			return []seal.Succession{b.succession(t, b.unlocked.Identity, b.signer(t), between), b.succession(t, between, b.signer(t), by)}
		}, want: seal.ErrDirectoryPin},
		"WithoutItsWraps": {bare: true, change: func(t *testing.T, b *browser, by *ecdsa.PrivateKey) []seal.Succession {
			return []seal.Succession{b.succession(t, b.unlocked.Identity, b.signer(t), by)}
		}, want: keyring.ErrMalformedKeyring},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, by := f.saved(t), fresh(t)
			next := keyring.Next{Directory: b.succeeded(t, by, c.change(t, b, by))}
			if !c.bare {
				next.Wraps = b.identityFor(t, by)
			}
			if err := f.Append(t.Context(), b.tenant, next); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			document, signature, err := f.Directory(t.Context(), b.tenant)
			if err != nil || (string(document) == string(next.Directory.Document)) != (c.want == nil) {
				t.Fatalf("the wrong directory is served, %v", err)
			}
			if c.want != nil {
				return
			}
			d, err := seal.ParseDirectory(document, signature)
			if err != nil || !d.Follows(b.directory.Fingerprint()) {
				t.Errorf("who pinned the old identity is lost: %v", err)
			}
			_, wraps, err := f.Held(t.Context(), b.tenant, b.owner())
			if err != nil {
				t.Fatal(err)
			}
			l := b.stored.Locked()
			l.Directory, l.Wraps = next.Directory, wraps
			u, err := l.Unlock("six words are what is wanted", b.stored.KDF, b.stored.Salt)
			if err != nil || u.Identity == nil || !u.Identity.Equal(by) || u.Vouch == nil {
				t.Errorf("the owner does not find the new identity: %v", err)
			}

			// Signing on needs the new one, and keeps the past.
			b.went(t, next.Directory)
			if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: b.stored.Directory}); err == nil {
				t.Error("the older directory was taken again")
			}
			b.unlocked.Identity = by
			forgotten := b.next(t, func(d *seal.Directory) { d.Lineage = nil })
			if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: forgotten}); !errors.Is(err, seal.ErrDirectoryPin) {
				t.Errorf("past forgotten: got %v", err)
			}
			if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: b.next(t, nil)}); err != nil {
				t.Errorf("signed on: %v", err)
			}
		})
	}
}

func fresh(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func point(t *testing.T, k *ecdsa.PrivateKey) seal.Bytes {
	t.Helper()
	b, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browser) succession(t *testing.T, was, signer, next *ecdsa.PrivateKey) seal.Succession {
	t.Helper()
	s, err := seal.SignSuccession(b.tenant.UUID(), was, signer, point(t, next))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signer is what the printed code signs with.
func (b *browser) signer(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	code, err := seal.ParseRecoveryCode(b.code)
	if err != nil {
		t.Fatal(err)
	}
	k, err := code.Signer(b.tenant.UUID(), b.directory.Recovery)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// succeeded is the next directory, with another identity that signs it.
func (b *browser) succeeded(t *testing.T, by *ecdsa.PrivateKey, lineage []seal.Succession) seal.Signed {
	t.Helper()
	other := *b
	other.unlocked.Identity = by
	return other.next(t, func(d *seal.Directory) { d.Identity, d.Lineage = point(t, by), lineage })
}

// identityFor wraps an identity for the owner and for recovery.
func (b *browser) identityFor(t *testing.T, identity *ecdsa.PrivateKey) []seal.Wrap {
	t.Helper()
	scalar, err := identity.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var wraps []seal.Wrap
	for _, public := range []seal.Bytes{b.directory.Members[0].Public, b.directory.Recovery.Public} {
		holder, err := seal.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		w, err := seal.WrapKey(holder, b.tenant.UUID(), seal.KindIdentity, 1, scalar)
		if err != nil {
			t.Fatal(err)
		}
		wraps = append(wraps, w)
	}
	return wraps
}
