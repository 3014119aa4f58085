package keyring_test

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/keyring"
)

func TestSave(t *testing.T) {
	t.Parallel()
	f := setup(t)

	t.Run("IsServedAsItWasSigned", func(t *testing.T) {
		t.Parallel()
		b := f.saved(t)
		document, signature, err := f.Directory(t.Context(), b.tenant)
		if err != nil || !bytes.Equal(document, b.stored.Directory.Document) || !bytes.Equal(signature, b.stored.Directory.Signature) {
			t.Fatalf("got other bytes than were signed, %v", err)
		}
		document[0] ^= 1 // the caller's to spoil
		if again, _, err := f.Directory(t.Context(), b.tenant); err != nil || !bytes.Equal(again, b.stored.Directory.Document) {
			t.Fatalf("what a caller did to its bytes is served to others, %v", err)
		}
		kids, open, err := f.Current(t.Context(), b.tenant)
		if err != nil || !open || !slices.Equal(kids, []string{b.directory.Current().KID}) {
			t.Fatalf("got %v, %v, %v; want the data key, open", kids, open, err)
		}
	})

	t.Run("GivesEachHolderTheirWraps", func(t *testing.T) {
		t.Parallel()
		b := f.saved(t)
		for _, holder := range []string{b.owner(), b.directory.Recovery.KID} {
			got, err := f.wrapped(t, b.tenant, holder)
			if err != nil {
				t.Fatal(err)
			}
			want := slices.DeleteFunc(slices.Clone(b.stored.Wraps), func(w seal.Wrap) bool { return w.Holder != holder })
			byKind := func(a, b seal.Wrap) int { return bytes.Compare([]byte(a.Kind), []byte(b.Kind)) }
			slices.SortFunc(want, byKind)
			same := func(a, b seal.Wrap) bool {
				return a.Kind == b.Kind && a.Epoch == b.Epoch && a.Holder == b.Holder && bytes.Equal(a.Enc, b.Enc) && bytes.Equal(a.CT, b.CT)
			}
			if len(want) != 3 || !slices.EqualFunc(got, want, same) {
				t.Errorf("%s: got %d wraps, want its own %d", holder, len(got), len(want))
			}
		}
		if got, err := f.wrapped(t, b.tenant, key(t).KID()); err != nil || len(got) != 0 {
			t.Errorf("a stranger got %d wraps, %v", len(got), err)
		}
	})

	t.Run("StaysClosedUntilTheRecoveryCodeIsProven", func(t *testing.T) {
		t.Parallel()
		b := newBrowser(t)
		first := b.first()
		first.RecoveryProven = false
		if err := f.ProveRecovery(t.Context(), b.tenant); !errors.Is(err, keyring.ErrNoKeys) {
			t.Errorf("proven before there were keys: got %v, want %v", err, keyring.ErrNoKeys)
		}
		if err := f.Save(t.Context(), b.tenant, first); err != nil {
			t.Fatal(err)
		}
		if _, open, err := f.Current(t.Context(), b.tenant); err != nil || open {
			t.Errorf("open before the code was proven: %v, %v", open, err)
		}
		if err := f.ProveRecovery(t.Context(), b.tenant); err != nil {
			t.Fatal(err)
		}
		if _, open, err := f.Current(t.Context(), b.tenant); err != nil || !open {
			t.Errorf("closed after the code was proven: %v, %v", open, err)
		}
	})

	t.Run("OverwritesNothing", func(t *testing.T) {
		t.Parallel()
		b := f.saved(t)
		if err := f.Save(t.Context(), b.tenant, b.first()); !errors.Is(err, keyring.ErrSequence) {
			t.Fatalf("got %v, want %v", err, keyring.ErrSequence)
		}
	})

	t.Run("OfManyAtOnceOneIsKeptWhole", func(t *testing.T) {
		t.Parallel()
		b := newBrowser(t)
		var saved atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				err := f.Save(t.Context(), b.tenant, b.first())
				if err == nil {
					saved.Add(1)
				} else if !errors.Is(err, keyring.ErrSequence) {
					t.Errorf("unexpected: %v", err)
				}
			})
		}
		wg.Wait()
		if saved.Load() != 1 {
			t.Fatalf("%d were saved, want one", saved.Load())
		}
		if got, err := f.wrapped(t, b.tenant, b.owner()); err != nil || len(got) != 3 {
			t.Fatalf("the owner finds %d wraps, %v; want 3", len(got), err)
		}
	})

	for name, c := range map[string]struct {
		spoil func(t *testing.T, b *browser, f *keyring.First)
		want  error
	}{
		"ForeignTenant": {func(t *testing.T, b *browser, _ *keyring.First) { b.tenant = id.New[id.Tenant]() }, seal.ErrDirectoryForeign},
		"AlteredDocument": {func(_ *testing.T, _ *browser, f *keyring.First) {
			f.Directory.Document = bytes.Replace(f.Directory.Document, []byte(`"owner"`), []byte(`"owner" `), 1)
		}, seal.ErrDirectoryUnsigned},
		"NoSignature": {func(_ *testing.T, _ *browser, f *keyring.First) { f.Directory.Signature = nil }, seal.ErrDirectoryUnsigned},
		"NoDocument":  {func(_ *testing.T, _ *browser, f *keyring.First) { f.Directory.Document = nil }, seal.ErrMalformedDirectory},
		"LaterSequence": {func(t *testing.T, b *browser, f *keyring.First) {
			f.Directory = b.next(t, nil)
		}, keyring.ErrSequence},
		"FromTheFuture": {func(t *testing.T, b *browser, f *keyring.First) {
			f.Directory = b.next(t, func(d *seal.Directory) {
				d.Sequence, d.Previous = 1, nil
				d.Issued = d.Issued.Add(time.Hour)
				d.Expires = d.Expires.Add(time.Hour)
			})
		}, seal.ErrDirectoryExpired},
		"NoWraps": {func(_ *testing.T, _ *browser, f *keyring.First) { f.Wraps = nil }, keyring.ErrMalformedKeyring},
		"NothingForRecovery": {func(_ *testing.T, b *browser, f *keyring.First) {
			f.Wraps = slices.DeleteFunc(slices.Clone(f.Wraps), func(w seal.Wrap) bool { return w.Holder == b.directory.Recovery.KID })
		}, keyring.ErrMalformedKeyring},
		"NothingForAnOwner": {func(_ *testing.T, b *browser, f *keyring.First) {
			f.Wraps = slices.DeleteFunc(slices.Clone(f.Wraps), func(w seal.Wrap) bool { return w.Holder == b.owner() })
		}, keyring.ErrMalformedKeyring},
		"NoBookKeyForRecovery": {func(_ *testing.T, b *browser, f *keyring.First) {
			f.Wraps = slices.DeleteFunc(slices.Clone(f.Wraps), func(w seal.Wrap) bool {
				return w.Kind == seal.KindBook && w.Holder == b.directory.Recovery.KID
			})
		}, keyring.ErrMalformedKeyring},
		"SomethingForAStranger": {func(t *testing.T, b *browser, f *keyring.First) {
			f.Wraps = append(slices.Clone(f.Wraps), b.wrap(t, key(t).PublicKey(), seal.KindData, 1))
		}, keyring.ErrMalformedKeyring},
		"UnlistedDataKey": {func(t *testing.T, b *browser, f *keyring.First) {
			w := f.Wraps[0]
			w.Kind, w.Epoch = seal.KindData, 7
			f.Wraps = append(slices.Clone(f.Wraps), w)
		}, keyring.ErrMalformedKeyring},
		"UnlistedBookKey": {func(_ *testing.T, _ *browser, f *keyring.First) {
			w := f.Wraps[0]
			w.Kind, w.Epoch = seal.KindBook, 2
			f.Wraps = append(slices.Clone(f.Wraps), w)
		}, keyring.ErrMalformedKeyring},
		"NoWrapOfTheNewestBookKey": {func(t *testing.T, b *browser, f *keyring.First) {
			f.Directory = b.next(t, func(d *seal.Directory) {
				d.Sequence, d.Previous = 1, nil
				b.lists(2)(d)
			})
		}, keyring.ErrMalformedKeyring},
		"AWrapTwice": {func(_ *testing.T, _ *browser, f *keyring.First) {
			f.Wraps = append(slices.Clone(f.Wraps), f.Wraps[0])
		}, keyring.ErrMalformedKeyring},
		"ShortWrap": {func(_ *testing.T, _ *browser, f *keyring.First) {
			f.Wraps = slices.Clone(f.Wraps)
			f.Wraps[0].CT = f.Wraps[0].CT[:47]
		}, keyring.ErrMalformedKeyring},
	} {
		t.Run("Refuses/"+name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t)
			first := b.first()
			c.spoil(t, b, &first)
			if err := f.Save(t.Context(), b.tenant, first); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if _, _, err := f.Directory(t.Context(), b.tenant); !errors.Is(err, keyring.ErrNoKeys) {
				t.Fatalf("something was stored: %v", err)
			}
			if got, err := f.wrapped(t, b.tenant, b.owner()); err != nil || len(got) != 0 {
				t.Fatalf("%d wraps were stored, %v", len(got), err)
			}
		})
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ours, theirs := f.saved(t), f.saved(t)

	if err := f.Accept(t.Context(), ours.tenant, ours.directory.Current().KID); err != nil {
		t.Errorf("the current key: %v", err)
	}
	for name, kid := range map[string]string{
		"AnotherPractices": theirs.directory.Current().KID, "None": "", "AMembers": ours.owner(), "Recovery": ours.directory.Recovery.KID,
	} {
		if err := f.Accept(t.Context(), ours.tenant, kid); !errors.Is(err, keyring.ErrKeyChanged) {
			t.Errorf("%s: got %v, want %v", name, err, keyring.ErrKeyChanged)
		}
	}
	if err := f.Accept(t.Context(), id.New[id.Tenant](), ours.directory.Current().KID); !errors.Is(err, keyring.ErrNoKeys) {
		t.Errorf("a practice without keys: got %v, want %v", err, keyring.ErrNoKeys)
	}
}

func TestCurrent_ClosesWhenTheDirectoryExpires(t *testing.T) {
	t.Parallel()
	f := setup(t)
	b := f.saved(t)
	f.exec(t, b.tenant, `update key_directory set expires = now() where tenant_id = $1`, b.tenant)
	if kids, open, err := f.another(t).Current(t.Context(), b.tenant); err != nil || open || len(kids) != 1 {
		t.Fatalf("got %v, %v, %v; want closed", kids, open, err)
	}
	signed := b.next(t, nil)
	if err := f.Append(t.Context(), b.tenant, keyring.Next{Directory: signed}); err != nil {
		t.Fatalf("sign it again: %v", err)
	}
	if _, open, err := f.Current(t.Context(), b.tenant); err != nil || !open {
		t.Fatalf("got %v, %v after signing again; want open", open, err)
	}
}

func TestIsolation(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ours := f.saved(t)
	for name, tenant := range map[string]id.Tenant{"Another": id.New[id.Tenant](), "None": {}} {
		if _, _, err := f.Directory(t.Context(), tenant); err == nil {
			t.Errorf("%s tenant sees a directory", name)
		}
		if _, _, err := f.Current(t.Context(), tenant); err == nil {
			t.Errorf("%s tenant sees a key", name)
		}
		if got, _ := f.wrapped(t, tenant, ours.owner()); len(got) != 0 {
			t.Errorf("%s tenant sees %d wraps", name, len(got))
		}
		if err := f.Append(t.Context(), tenant, keyring.Next{Directory: ours.next(t, nil)}); !errors.Is(err, seal.ErrDirectoryForeign) {
			t.Errorf("%s tenant appended: got %v, want %v", name, err, seal.ErrDirectoryForeign)
		}
	}
}

// A directory that does not parse any more is our fault, not the visitor's.
func TestDirectory_SpoiledInTheStore(t *testing.T) {
	t.Parallel()
	f := setup(t)
	b := f.saved(t)
	f.exec(t, b.tenant, `update key_directory set document = document || 'x' where tenant_id = $1`, b.tenant)
	_, _, err := f.another(t).Directory(t.Context(), b.tenant)
	if fault.From(err).Code != fault.Internal {
		t.Fatalf("got %v, want an internal fault", err)
	}
}
