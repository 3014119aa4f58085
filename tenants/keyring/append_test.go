package keyring_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/keyring"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	f := setup(t)

	t.Run("AddsAMember", func(t *testing.T) {
		t.Parallel()
		b := f.saved(t)
		colleague := key(t)
		signed := b.next(t, func(d *seal.Directory) {
			d.Members = append(d.Members, seal.Member{Account: id.New[id.Account]().UUID(), Role: seal.RoleFrontDesk, KID: colleague.KID(), Public: colleague.PublicKey().Bytes()})
		})
		wraps := []seal.Wrap{b.wrap(t, colleague.PublicKey(), seal.KindData, 1), b.wrap(t, colleague.PublicKey(), seal.KindBook, 1)}
		if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: signed, Wraps: wraps}); err != nil {
			t.Fatal(err)
		}
		if got, err := f.wrapped(t, b.tenant, colleague.KID()); err != nil || len(got) != 2 {
			t.Errorf("the colleague finds %d wraps, %v; want 2", len(got), err)
		}
		if document, _, err := f.Directory(t.Context(), b.tenant); err != nil || string(document) != string(signed.Document) {
			t.Errorf("the older directory is served, %v", err)
		}

		// And lets the member go: with the name on the list go the wraps.
		b.went(t, signed)
		signed = b.next(t, func(d *seal.Directory) {
			d.Members = d.Members[:1]
			d.Revoked = []string{colleague.KID()}
		})
		if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: signed}); err != nil {
			t.Fatal(err)
		}
		if got, err := f.wrapped(t, b.tenant, colleague.KID()); err != nil || len(got) != 0 {
			t.Errorf("somebody who left finds %d wraps, %v", len(got), err)
		}
		if got, err := f.wrapped(t, b.tenant, b.owner()); err != nil || len(got) != 3 {
			t.Errorf("the owner finds %d wraps, %v; want 3", len(got), err)
		}
	})

	t.Run("ChangesTheDataKey", func(t *testing.T) {
		t.Parallel()
		b := f.saved(t)
		old, data := b.directory.Current().KID, key(t)
		if err := f.Accept(t.Context(), b.tenant, old); err != nil {
			t.Fatalf("the old key, before: %v", err)
		}
		owner, _ := seal.NewPublicKey(b.directory.Members[0].Public)
		recovery, _ := seal.NewPublicKey(b.directory.Recovery.Public)
		signed := b.next(t, func(d *seal.Directory) {
			d.DataKeys = append(d.DataKeys, seal.DataKey{KID: data.KID(), Suite: 2, Epoch: 2, Public: data.PublicKey().Bytes()})
		})
		next := keyring.Next{Directory: signed, Wraps: []seal.Wrap{b.wrap(t, owner, seal.KindData, 2)}}
		if err := f.Append(t.Context(), b.tenant, next); !errors.Is(err, keyring.ErrMalformedKeyring) {
			t.Fatalf("without a wrap for recovery: got %v, want %v", err, keyring.ErrMalformedKeyring)
		}
		next.Wraps = append(next.Wraps, b.wrap(t, recovery, seal.KindData, 2))
		if err := f.Append(t.Context(), b.tenant, next); err != nil {
			t.Fatal(err)
		}
		if err := f.Accept(t.Context(), b.tenant, data.KID()); err != nil {
			t.Errorf("the new key: %v", err)
		}
		if err := f.Accept(t.Context(), b.tenant, old); !errors.Is(err, keyring.ErrKeyChanged) {
			t.Errorf("the old key: got %v, want %v", err, keyring.ErrKeyChanged)
		}
		if got, err := f.wrapped(t, b.tenant, b.owner()); err != nil || len(got) != 4 {
			t.Errorf("the owner finds %d wraps, %v; want the old key's too", len(got), err)
		}

		b.went(t, signed)
		back := b.next(t, func(d *seal.Directory) { d.DataKeys = d.DataKeys[:1] })
		if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: back}); !errors.Is(err, keyring.ErrMalformedKeyring) {
			t.Errorf("back to the old key: got %v, want %v", err, keyring.ErrMalformedKeyring)
		}
		forgotten := b.next(t, func(d *seal.Directory) { d.DataKeys = d.DataKeys[1:] })
		if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: forgotten}); !errors.Is(err, keyring.ErrMalformedKeyring) {
			t.Errorf("an old key that is wrapped and no longer listed: got %v, want %v", err, keyring.ErrMalformedKeyring)
		}
	})

	t.Run("ChangesTheBookKey", func(t *testing.T) {
		t.Parallel()
		b := f.saved(t)
		owner, _ := seal.NewPublicKey(b.directory.Members[0].Public)
		recovery, _ := seal.NewPublicKey(b.directory.Recovery.Public)
		signed := b.next(t, b.lists(2))
		next := keyring.Next{Directory: signed, Wraps: []seal.Wrap{b.wrap(t, owner, seal.KindBook, 2)}}
		if err := f.Append(t.Context(), b.tenant, next); !errors.Is(err, keyring.ErrMalformedKeyring) {
			t.Fatalf("without a wrap for recovery: got %v, want %v", err, keyring.ErrMalformedKeyring)
		}
		next.Wraps = append(next.Wraps, b.wrap(t, recovery, seal.KindBook, 2))
		if err := f.Append(t.Context(), b.tenant, next); err != nil {
			t.Fatal(err)
		}
		if got, err := f.wrapped(t, b.tenant, b.owner()); err != nil || len(got) != 4 {
			t.Errorf("the owner finds %d wraps, %v; want the old key's too", len(got), err)
		}

		b.went(t, signed)
		for name, edit := range map[string]func(*seal.Directory){
			"back to the old key": func(d *seal.Directory) { d.BookKeys = d.BookKeys[:1] },
			"without the old key": func(d *seal.Directory) { d.BookKeys = d.BookKeys[1:] },
			"another for the old epoch": func(d *seal.Directory) {
				d.BookKeys[0] = seal.NewBookKey().Entry(b.tenant.UUID(), 1)
			},
			"another for the newest epoch": func(d *seal.Directory) {
				d.BookKeys[1] = seal.NewBookKey().Entry(b.tenant.UUID(), 2)
			},
		} {
			err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: b.next(t, edit)})
			if !errors.Is(err, keyring.ErrMalformedKeyring) {
				t.Errorf("%s: got %v, want %v", name, err, keyring.ErrMalformedKeyring)
			}
		}
		// Where all holders change at once, no wrap is left that tells of the newer key.
		someone, code := key(t), key(t)
		next = keyring.Next{Directory: b.next(t, func(d *seal.Directory) {
			d.BookKeys = d.BookKeys[:1]
			d.Members = []seal.Member{{Account: id.New[id.Account]().UUID(), Role: seal.RoleOwner, KID: someone.KID(), Public: someone.PublicKey().Bytes()}}
			d.Recovery = seal.Holder{KID: code.KID(), Public: code.PublicKey().Bytes()}
		})}
		for _, kind := range []seal.Kind{seal.KindIdentity, seal.KindData, seal.KindBook} {
			next.Wraps = append(next.Wraps, b.wrap(t, someone.PublicKey(), kind, 1), b.wrap(t, code.PublicKey(), kind, 1))
		}
		if err := f.Append(t.Context(), b.tenant, next); !errors.Is(err, keyring.ErrMalformedKeyring) {
			t.Errorf("back to the old key, for others: got %v, want %v", err, keyring.ErrMalformedKeyring)
		}
	})

	t.Run("ANewRecoveryKeyHasYetToBeProven", func(t *testing.T) {
		t.Parallel()
		b := f.saved(t)
		recovery := key(t)
		signed := b.next(t, func(d *seal.Directory) {
			d.Recovery = seal.Holder{KID: recovery.KID(), Public: recovery.PublicKey().Bytes()}
		})
		var wraps []seal.Wrap
		for _, kind := range []seal.Kind{seal.KindIdentity, seal.KindData, seal.KindBook} {
			wraps = append(wraps, b.wrap(t, recovery.PublicKey(), kind, 1))
		}
		if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: signed, Wraps: wraps}); err != nil {
			t.Fatal(err)
		}
		if _, open, err := f.Current(t.Context(), b.tenant); err != nil || open {
			t.Errorf("got %v, %v; want closed", open, err)
		}
		if got, err := f.wrapped(t, b.tenant, b.directory.Recovery.KID); err != nil || len(got) != 0 {
			t.Errorf("the old recovery key finds %d wraps, %v", len(got), err)
		}
	})

	t.Run("OfManyAtOnceOneFollows", func(t *testing.T) {
		t.Parallel()
		b := f.saved(t)
		var went atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			signed := b.next(t, nil)
			wg.Go(func() {
				err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: signed})
				if err == nil {
					went.Add(1)
				} else if !errors.Is(err, keyring.ErrSequence) {
					t.Errorf("unexpected: %v", err)
				}
			})
		}
		wg.Wait()
		if went.Load() != 1 {
			t.Fatalf("%d went in, want one", went.Load())
		}
	})

	t.Run("IsSeenElsewhereWithinASecond", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		b := f.saved(t)
		elsewhere := f.another(t)
		if _, _, err := elsewhere.Directory(t.Context(), b.tenant); err != nil {
			t.Fatal(err)
		}
		signed := b.next(t, nil)
		if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: signed}); err != nil {
			t.Fatal(err)
		}
		f.clock.add(time.Second)
		if document, _, err := elsewhere.Directory(t.Context(), b.tenant); err != nil || string(document) != string(signed.Document) {
			t.Fatalf("the older directory is served a second later, %v", err)
		}
	})

	for name, c := range map[string]struct {
		next func(t *testing.T, b *browser) keyring.Next
		want error
	}{
		"Skipping": {func(t *testing.T, b *browser) keyring.Next {
			return keyring.Next{Directory: b.next(t, func(d *seal.Directory) { d.Sequence++ })}
		}, keyring.ErrSequence},
		"Repeating": {func(_ *testing.T, b *browser) keyring.Next {
			return keyring.Next{Directory: b.stored.Directory}
		}, keyring.ErrSequence},
		"NotFollowing": {func(t *testing.T, b *browser) keyring.Next {
			return keyring.Next{Directory: b.next(t, func(d *seal.Directory) { d.Previous = make([]byte, 32) })}
		}, keyring.ErrSequence},
		"AnotherIdentity": {func(t *testing.T, b *browser) keyring.Next {
			other := newBrowser(t).unlocked.Identity
			point, err := other.PublicKey.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			mine := b.unlocked.Identity
			b.unlocked.Identity = other
			signed := b.next(t, func(d *seal.Directory) { d.Identity = point })
			b.unlocked.Identity = mine
			return keyring.Next{Directory: signed}
		}, seal.ErrDirectoryPin},
		"Unsigned": {func(t *testing.T, b *browser) keyring.Next {
			signed := b.next(t, nil)
			signed.Signature = slices.Clone(signed.Signature)
			signed.Signature[40] ^= 1
			return keyring.Next{Directory: signed}
		}, seal.ErrDirectoryUnsigned},
		"OverwritingAWrap": {func(t *testing.T, b *browser) keyring.Next {
			return keyring.Next{Directory: b.next(t, nil), Wraps: b.stored.Wraps[:1]}
		}, keyring.ErrMalformedKeyring},
		"BookKeyOfAnUnlistedEpoch": {func(t *testing.T, b *browser) keyring.Next {
			owner, _ := seal.NewPublicKey(b.directory.Members[0].Public)
			return keyring.Next{Directory: b.next(t, nil), Wraps: []seal.Wrap{b.wrap(t, owner, seal.KindBook, 2)}}
		}, keyring.ErrMalformedKeyring},
		"BookKeyThatNobodyIsGiven": {func(t *testing.T, b *browser) keyring.Next {
			return keyring.Next{Directory: b.next(t, b.lists(2))}
		}, keyring.ErrMalformedKeyring},
		"IdentityForTheFrontDesk": {func(t *testing.T, b *browser) keyring.Next {
			colleague := key(t)
			return keyring.Next{
				Directory: b.next(t, func(d *seal.Directory) {
					d.Members = append(d.Members, seal.Member{Account: id.New[id.Account]().UUID(), Role: seal.RoleFrontDesk, KID: colleague.KID(), Public: colleague.PublicKey().Bytes()})
				}),
				Wraps: []seal.Wrap{b.wrap(t, colleague.PublicKey(), seal.KindIdentity, 1)},
			}
		}, keyring.ErrMalformedKeyring},
	} {
		t.Run("Refuses/"+name, func(t *testing.T) {
			t.Parallel()
			b := f.saved(t)
			if err := f.Append(t.Context(), b.tenant, c.next(t, b)); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			document, _, err := f.Directory(t.Context(), b.tenant)
			if err != nil || string(document) != string(b.stored.Directory.Document) {
				t.Fatalf("the directory changed, %v", err)
			}
			if got, err := f.wrapped(t, b.tenant, b.owner()); err != nil || len(got) != 3 {
				t.Fatalf("the owner finds %d wraps, %v; want 3", len(got), err)
			}
		})
	}

	t.Run("Refuses/BeforeTheFirst", func(t *testing.T) {
		t.Parallel()
		b := newBrowser(t)
		if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: b.next(t, nil)}); !errors.Is(err, keyring.ErrNoKeys) {
			t.Fatalf("got %v, want %v", err, keyring.ErrNoKeys)
		}
	})
}
