package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"siegel/platform/fault"
	"siegel/platform/seal"
)

// keyringVectors is a practice as one side makes it and the other opens it.
// keyring.json comes from here, from-browser.json from the browser's side.
type keyringVectors struct {
	Tenant       string        `json:"tenant"`
	Account      string        `json:"account"`
	Password     string        `json:"password"`
	RecoveryCode string        `json:"recovery_code"`
	Now          time.Time     `json:"now"`
	Keyring      servedKeyring `json:"keyring"`
	// Hostile is what whoever writes to the store can make of it.
	Hostile      []hostileKeyring `json:"hostile,omitempty"`
	MemberPublic seal.Bytes       `json:"member_public"`
	KDF          string           `json:"kdf"`
	Salt         seal.Bytes       `json:"salt"`
	SignIn       seal.Bytes       `json:"sign_in_secret"`
	BookingID    string           `json:"booking_id"`
	Booking      string           `json:"booking"`
	Envelope     seal.Envelope    `json:"envelope"`
	CardVersion  int              `json:"card_version"`
	Card         seal.Bytes       `json:"card"`
	Secret       seal.Bytes       `json:"secret"`
	SecretHash   seal.Bytes       `json:"secret_hash"`
	CopyText     string           `json:"copy_text"`
	Copy         seal.Bytes       `json:"copy"`
}

type servedKeyring struct {
	Directory seal.Signed `json:"directory"`
	MemberKey struct {
		Wrapped seal.Bytes `json:"wrapped"`
		Method  string     `json:"method"`
	} `json:"member_key"`
	Vouch seal.Bytes  `json:"vouch"`
	Keys  []seal.Wrap `json:"keys"`
}

// hostileKeyring is the keyring with some of it replaced. It is refused with
// the error to who comes with the password.
type hostileKeyring struct {
	Name      string       `json:"name"`
	Directory *seal.Signed `json:"directory,omitempty"`
	Vouch     *seal.Bytes  `json:"vouch,omitempty"`
	Keys      []seal.Wrap  `json:"keys,omitempty"`
	Error     string       `json:"error"`
}

func (h hostileKeyring) of(l seal.Locked) seal.Locked {
	if h.Directory != nil {
		l.Directory = *h.Directory
	}
	if h.Vouch != nil {
		l.Vouch = *h.Vouch
	}
	if h.Keys != nil {
		l.Wraps = h.Keys
	}
	return l
}

func (v keyringVectors) locked() seal.Locked {
	return seal.Locked{
		Tenant: v.Tenant, Account: v.Account, Directory: v.Keyring.Directory,
		MemberKey: v.Keyring.MemberKey.Wrapped, Vouch: v.Keyring.Vouch, Wraps: v.Keyring.Keys,
	}
}

func writeKeyring() error {
	kr, err := seal.NewKeyring(tenantA, account, password, salt(), issued())
	if err != nil {
		return err
	}
	s := kr.Stored
	u, err := s.Locked().Unlock(password, s.KDF, s.Salt)
	if err != nil {
		return err
	}
	v := keyringVectors{
		Tenant: tenantA, Account: account, Password: password, RecoveryCode: kr.RecoveryCode, Now: issued(),
		MemberPublic: s.MemberPublic, KDF: s.KDF, Salt: s.Salt, SignIn: s.SignInSecret,
		BookingID: booking1, Booking: string(bookingJSON(tenantA, booking1, 4)), CardVersion: 3,
		CopyText: `{"v":1,"practice":"Praxis am Markt","service":"Vorsorge","practitioner":"Dr. Ada Żak","location":"Markt 1, 10115 Berlin","instructions":"Nüchtern kommen.\nKarte mitbringen."}`,
	}
	v.Keyring.Directory, v.Keyring.Vouch, v.Keyring.Keys = s.Directory, s.Vouch, s.Wraps
	v.Hostile = hostileKeyrings(s)
	v.Keyring.MemberKey.Wrapped, v.Keyring.MemberKey.Method = s.MemberKey, "password"
	to, err := u.Directory.Current().Key()
	if err != nil {
		return err
	}
	if v.Envelope, err = seal.Seal(to, tenantA, envelope1, booking1, []byte(v.Booking)); err != nil {
		return err
	}
	book, _, err := u.Book()
	if err != nil {
		return err
	}
	if v.Card, err = seal.SealCard(book, tenantA, booking1, v.CardVersion, []byte(v.Booking)); err != nil {
		return err
	}
	secret := seal.Secret(seed('c')[:16])
	hash := secret.Hash()
	v.Secret, v.SecretHash = secret[:], hash[:]
	if v.Copy, err = seal.SealCopy(secret, tenantA, booking1, []byte(v.CopyText)); err != nil {
		return err
	}
	return writeVector("keyring.json", v)
}

// replaced is a whole practice of an identity that is not the practice's, around
// the real member's public key.
func replaced(s seal.Stored, change func(*seal.Directory)) (seal.Signed, []seal.Wrap) {
	member := must(seal.NewPublicKey(s.MemberPublic))
	book := seal.BookKey(seed('k'))
	d := directory()
	d.Sequence, d.Previous, d.Revoked = 1, nil, nil
	d.DataKeys, d.BookKeys = d.DataKeys[:1], []seal.BookEntry{book.Entry(tenantA, 1)}
	d.Members = []seal.Member{{Account: s.Account, Role: seal.RoleOwner, KID: member.KID(), Public: s.MemberPublic}}
	if change != nil {
		change(&d)
	}
	wrap := func(kind seal.Kind, key []byte) seal.Wrap {
		return must(seal.WrapKey(member, tenantA, kind, 1, key))
	}
	return must(d.Sign(identity(6))), []seal.Wrap{
		wrap(seal.KindIdentity, must(identity(6).Bytes())), wrap(seal.KindData, seed(1)), wrap(seal.KindBook, book[:]),
	}
}

func hostileKeyrings(s seal.Stored) []hostileKeyring {
	member := must(seal.NewPublicKey(s.MemberPublic))
	book := func(epoch int) []seal.Wrap {
		return []seal.Wrap{must(seal.WrapKey(member, tenantA, seal.KindBook, epoch, seed(9)))}
	}
	whole, wraps := replaced(s, nil)
	asRecovery, _ := replaced(s, func(d *seal.Directory) {
		d.Members = directory().Members[:1]
		d.Recovery = seal.Holder{KID: member.KID(), Public: s.MemberPublic}
	})
	evil := must(seal.ParseDirectory(whole.Document, whole.Signature))
	genuine := must(seal.ParseDirectory(s.Directory.Document, s.Directory.Signature))
	vouch := func(v seal.Bytes) *seal.Bytes { return &v }
	return []hostileKeyring{
		{Name: "a book key planted at a later epoch", Keys: append(slices.Clone(s.Wraps), book(2)...), Error: "tampered"},
		{Name: "a book key replaced", Keys: book(1), Error: "tampered"},
		{Name: "everything replaced around the member's key", Directory: &whole, Keys: wraps, Error: "directory_pin"},
		{Name: "the member's key listed as the recovery key", Directory: &asRecovery, Keys: wraps, Error: "directory_pin"},
		{Name: "vouched for with another key", Directory: &whole, Keys: wraps, Vouch: vouch(must(evil.Vouch(key(9), s.Account))), Error: "directory_pin"},
		{Name: "vouched for to another account", Vouch: vouch(must(genuine.Vouch(key(9), booking1))), Error: "directory_pin"},
		{Name: "vouch of zeros", Vouch: vouch(make([]byte, seal.VouchSize)), Error: "directory_pin"},
		{Name: "vouch cut short", Vouch: vouch(s.Vouch[:31]), Error: "directory_pin"},
		{Name: "no vouch", Vouch: vouch(seal.Bytes{}), Error: "directory_pin"},
	}
}

func TestKeyringVectors(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"keyring.json", "from-browser.json"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			v := readVector[keyringVectors](t, file)
			byPassword, err := v.locked().Unlock(v.Password, v.KDF, v.Salt)
			if err != nil {
				t.Fatal(err)
			}
			byCode, err := v.locked().Recover(v.RecoveryCode)
			if err != nil {
				t.Fatal(err)
			}
			if err := byPassword.Directory.Check(v.Tenant, v.Now, ""); err != nil {
				t.Error(err)
			}
			for name, u := range map[string]seal.Unlocked{"password": byPassword, "recovery": byCode} {
				if u.Identity == nil {
					t.Errorf("%s: no identity key", name)
				}
				if got, err := u.Open(v.Envelope, v.BookingID); err != nil || string(got) != v.Booking {
					t.Errorf("%s: envelope: %q, %v", name, got, err)
				}
				book, epoch, err := u.Book()
				if err != nil || epoch != 1 {
					t.Fatalf("%s: book key of epoch %d, %v", name, epoch, err)
				}
				if got, err := seal.OpenCard(book, v.Tenant, v.BookingID, v.CardVersion, v.Card); err != nil || string(got) != v.Booking {
					t.Errorf("%s: card: %q, %v", name, got, err)
				}
			}
			if file == "keyring.json" && len(v.Hostile) == 0 {
				t.Error("hostile keyrings are missing")
			}
			for _, h := range v.Hostile {
				_, err := h.of(v.locked()).Unlock(v.Password, v.KDF, v.Salt)
				if err == nil || fault.From(err).Reason != h.Error {
					t.Errorf("%s: got %v, want %s", h.Name, err, h.Error)
				}
			}
			m, ok := byPassword.Directory.Member(v.Account)
			if !ok || !bytes.Equal(m.Public, v.MemberPublic) {
				t.Error("the member's public key is not the directory's")
			}
			if signIn, _ := seal.SplitPassword(v.Password, v.Salt); !bytes.Equal(signIn, v.SignIn) {
				t.Error("another sign-in secret")
			}
			secret := must(seal.ParseSecret(v.Secret))
			if hash := secret.Hash(); !bytes.Equal(hash[:], v.SecretHash) {
				t.Error("another hash of the secret")
			}
			if got, err := seal.OpenCopy(secret, v.Tenant, v.BookingID, v.Copy); err != nil || string(got) != v.CopyText {
				t.Errorf("copy: %q, %v", got, err)
			}
		})
	}
}

func TestUnlock(t *testing.T) {
	t.Parallel()
	kr := must(seal.NewKeyring(tenantA, account, password, salt(), issued()))
	member := func() seal.PrivateKey {
		_, unlock := seal.SplitPassword(password, salt())
		return must(seal.UnwrapMemberKey(unlock, account, kr.Stored.MemberKey))
	}()
	evil := must(seal.NewKeyring(tenantA, account, "other password", salt(), issued()))
	// wrapped is what a server that knows the member's public key can make.
	wrapped := func(kind seal.Kind, epoch int, secret []byte) seal.Wrap {
		return must(seal.WrapKey(member.PublicKey(), tenantA, kind, epoch, secret))
	}
	opened := must(kr.Stored.Locked().UnlockWith(member))
	fingerprint := opened.Directory.Fingerprint()
	// signed is the practice's own directory, changed by an owner.
	signed := func(change func(*seal.Directory)) seal.Signed {
		d := opened.Directory
		change(&d)
		return must(d.Sign(opened.Identity))
	}
	recoveryPublic := must(seal.NewPublicKey(opened.Directory.Recovery.Public))

	for _, row := range []struct {
		name   string
		change func(*seal.Locked)
		want   error
	}{
		{"OpensForTheMember", func(*seal.Locked) {}, nil},
		{"OpensUnderThePin", func(l *seal.Locked) { l.Pin = fingerprint }, nil},
		{"PassesOverWrapsForOthers", func(l *seal.Locked) {
			l.Wraps = append(l.Wraps, must(seal.WrapKey(key(1).PublicKey(), tenantA, seal.KindBook, 1, seed(1))))
		}, nil},
		{"RefusesAnotherPin", func(l *seal.Locked) { l.Pin = seal.Bytes(seed(1)).String() }, seal.ErrDirectoryPin},
		{"RefusesAnOlderSequence", func(l *seal.Locked) { l.Sequence = 2 }, seal.ErrDirectoryOld},
		{"RefusesAnotherDirectory", func(l *seal.Locked) { l.Directory = evil.Stored.Directory }, seal.ErrDirectoryPin},
		{"RefusesEverythingReplaced", func(l *seal.Locked) { l.Directory, l.Wraps = replaced(kr.Stored, nil) }, seal.ErrDirectoryPin},
		{"RefusesEverythingReplacedWithItsOwnVouch", func(l *seal.Locked) {
			l.Directory, l.Wraps = replaced(kr.Stored, nil)
			l.Vouch = evil.Stored.Vouch
		}, seal.ErrDirectoryPin},
		{"RefusesNoVouch", func(l *seal.Locked) { l.Vouch = nil }, seal.ErrDirectoryPin},
		{"RefusesAMemberWhoLeft", func(l *seal.Locked) {
			l.Directory = signed(func(d *seal.Directory) {
				d.Members = []seal.Member{{Account: booking1, Role: seal.RoleOwner, KID: key(3).KID(), Public: key(3).PublicKey().Bytes()}}
			})
		}, seal.ErrNotMember},
		{"RefusesAMembersKeyOfAnotherAccount", func(l *seal.Locked) {
			l.Directory = signed(func(d *seal.Directory) {
				d.Members = []seal.Member{{Account: booking1, Role: seal.RoleOwner, KID: member.KID(), Public: kr.Stored.MemberPublic}}
			})
		}, seal.ErrNotMember},
		{"RefusesTheMembersKeyAsRecoveryKey", func(l *seal.Locked) {
			l.Directory = signed(func(d *seal.Directory) {
				d.Members = []seal.Member{{Account: booking1, Role: seal.RoleOwner, KID: key(3).KID(), Public: key(3).PublicKey().Bytes()}}
				d.Recovery = seal.Holder{KID: member.KID(), Public: kr.Stored.MemberPublic}
			})
		}, seal.ErrNotMember},
		{"RefusesAnUnsignedDirectory", func(l *seal.Locked) {
			l.Directory.Signature = evil.Stored.Directory.Signature
		}, seal.ErrDirectoryUnsigned},
		{"RefusesAnotherTenant", func(l *seal.Locked) { l.Tenant = tenantB }, seal.ErrDirectoryForeign},
		{"RefusesAnotherAccount", func(l *seal.Locked) { l.Account = booking1 }, seal.ErrDirectoryPin},
		{"RefusesAnInventedIdentity", func(l *seal.Locked) {
			l.Wraps = []seal.Wrap{wrapped(seal.KindIdentity, 1, must(identity(9).Bytes()))}
		}, seal.ErrTampered},
		{"RefusesAnInventedDataKey", func(l *seal.Locked) {
			l.Wraps = []seal.Wrap{wrapped(seal.KindData, 1, seed(9))}
		}, seal.ErrTampered},
		{"RefusesASecondBookKeyOfAnEpoch", func(l *seal.Locked) {
			l.Wraps = append(l.Wraps, wrapped(seal.KindBook, 1, seed(9)))
		}, seal.ErrTampered},
		{"RefusesTheSameBookKeyTwice", func(l *seal.Locked) {
			l.Wraps = append(l.Wraps, l.Wraps[2])
		}, seal.ErrTampered},
		{"RefusesAReplacedBookKey", func(l *seal.Locked) {
			l.Wraps = []seal.Wrap{wrapped(seal.KindBook, 1, seed(9))}
		}, seal.ErrTampered},
		{"RefusesAPlantedBookKeyOfALaterEpoch", func(l *seal.Locked) {
			l.Wraps = append(l.Wraps, wrapped(seal.KindBook, 2, seed(9)))
		}, seal.ErrTampered},
		{"RefusesABookKeyAtAnotherEpoch", func(l *seal.Locked) {
			book, _, _ := opened.Book()
			l.Wraps = append(l.Wraps, wrapped(seal.KindBook, 2, book[:]))
			l.Directory = signed(func(d *seal.Directory) {
				d.BookKeys = append(slices.Clone(d.BookKeys), seal.BookKey(seed(8)).Entry(tenantA, 2))
			})
		}, seal.ErrTampered},
		{"RefusesAKindTakenForAnother", func(l *seal.Locked) {
			w := wrapped(seal.KindBook, 1, seed(9))
			w.Kind = seal.KindData
			l.Wraps = []seal.Wrap{w}
		}, seal.ErrTampered},
		{"RefusesAMalformedWrap", func(l *seal.Locked) { l.Wraps[0].Enc = l.Wraps[0].Enc[1:] }, seal.ErrMalformedKey},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			l := kr.Stored.Locked()
			l.Wraps = append([]seal.Wrap(nil), l.Wraps...)
			row.change(&l)
			u, err := l.UnlockWith(member)
			if !errors.Is(err, row.want) || row.want == nil && (err != nil || u.Identity == nil || len(u.Data) != 1 || len(u.Books) != 1) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
	t.Run("NewCardsTakeTheNewestListedBookKey", func(t *testing.T) {
		t.Parallel()
		next := seal.BookKey(seed(9))
		l := kr.Stored.Locked()
		l.Directory = signed(func(d *seal.Directory) { d.BookKeys = append(slices.Clone(d.BookKeys), next.Entry(tenantA, 3)) })
		// The server that holds back the newest does not make the older one do.
		u := must(l.UnlockWith(member))
		if _, epoch, err := u.Book(); !errors.Is(err, seal.ErrUnknownKey) {
			t.Errorf("without the newest: epoch %d, %v", epoch, err)
		}
		l.Wraps = append(slices.Clone(l.Wraps), wrapped(seal.KindBook, 3, next[:]))
		u = must(l.UnlockWith(member))
		if book, epoch, err := u.Book(); err != nil || epoch != 3 || book != next || len(u.Books) != 2 {
			t.Errorf("got epoch %d of %d, %v", epoch, len(u.Books), err)
		}
	})
	t.Run("TheRecoveryCodeTrustsAPinAndNoBookKeyOfOthers", func(t *testing.T) {
		t.Parallel()
		l := kr.Stored.Locked()
		l.Vouch, l.Pin = nil, fingerprint
		if _, err := l.Recover(kr.RecoveryCode); err != nil {
			t.Error(err)
		}
		l.Wraps = []seal.Wrap{must(seal.WrapKey(recoveryPublic, tenantA, seal.KindBook, 2, seed(9)))}
		if _, err := l.Recover(kr.RecoveryCode); !errors.Is(err, seal.ErrTampered) {
			t.Errorf("a planted book key: %v", err)
		}
		l.Directory, l.Wraps = replaced(kr.Stored, func(d *seal.Directory) {
			d.Recovery = seal.Holder{KID: recoveryPublic.KID(), Public: recoveryPublic.Bytes()}
		})
		if _, err := l.Recover(kr.RecoveryCode); !errors.Is(err, seal.ErrDirectoryPin) {
			t.Errorf("everything replaced: %v", err)
		}
	})
	t.Run("TheRecoveryCodeIsNotForAMembersEntry", func(t *testing.T) {
		t.Parallel()
		l := kr.Stored.Locked()
		l.Directory = signed(func(d *seal.Directory) {
			d.Members = append(slices.Clone(d.Members), seal.Member{Account: booking1, Role: seal.RoleOwner, KID: d.Recovery.KID, Public: d.Recovery.Public})
			d.Recovery = seal.Holder{KID: key(5).KID(), Public: key(5).PublicKey().Bytes()}
		})
		l.Account = booking1
		if _, err := l.Recover(kr.RecoveryCode); !errors.Is(err, seal.ErrNotMember) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("WrongPassword", func(t *testing.T) {
		t.Parallel()
		if _, err := kr.Stored.Locked().Unlock("wrong", seal.KDF, salt()); !errors.Is(err, seal.ErrWrongPassword) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("WeakDerivation", func(t *testing.T) {
		t.Parallel()
		if _, err := kr.Stored.Locked().Unlock(password, "argon2id-1024-1-1", salt()); !errors.Is(err, seal.ErrKDFRefused) {
			t.Errorf("got %v", err)
		}
		if _, err := kr.Stored.Locked().Unlock(password, seal.KDF, nil); !errors.Is(err, seal.ErrKDFRefused) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("AnotherPracticesCode", func(t *testing.T) {
		t.Parallel()
		if _, err := kr.Stored.Locked().Recover(evil.RecoveryCode); !errors.Is(err, seal.ErrNotMember) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("OpensEnvelopesOfItsTenantAlone", func(t *testing.T) {
		t.Parallel()
		u := must(kr.Stored.Locked().UnlockWith(member))
		to := must(u.Directory.Current().Key())
		if _, err := u.Open(must(seal.Seal(to, tenantB, envelope1, booking1, []byte(`{}`))), booking1); !errors.Is(err, seal.ErrTampered) {
			t.Errorf("got %v", err)
		}
		if _, err := u.Open(must(seal.Seal(key(1).PublicKey(), tenantA, envelope1, booking1, []byte(`{}`))), booking1); !errors.Is(err, seal.ErrUnknownKey) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNewKeyring(t *testing.T) {
	t.Parallel()
	t.Run("StoresNothingThatOpens", func(t *testing.T) {
		t.Parallel()
		kr := must(seal.NewKeyring(tenantA, account, password, salt(), issued().Add(999*time.Millisecond)))
		if !kr.Stored.Issued.Equal(issued()) || kr.Stored.Expires.Sub(kr.Stored.Issued) != 90*24*time.Hour {
			t.Errorf("issued %v, expires %v", kr.Stored.Issued, kr.Stored.Expires)
		}
		stored := fmt.Sprintf("%q %+v", kr.Stored.Directory.Document, kr.Stored)
		code := must(seal.ParseRecoveryCode(kr.RecoveryCode))
		recovered := must(kr.Stored.Locked().Recover(kr.RecoveryCode))
		book, _, _ := recovered.Book()
		_, unlock := seal.SplitPassword(password, salt())
		secrets := map[string][]byte{
			"password": []byte(password), "unlock key": unlock, "recovery code": code[:], "recovery seed": must(must(code.Key(tenantA)).Seed()),
			"identity": must(recovered.Identity.Bytes()), "book key": book[:],
			"data seed": must(recovered.Data[recovered.Directory.Current().KID].Seed()),
		}
		for name, secret := range secrets {
			if strings.Contains(stored, string(secret)) || strings.Contains(stored, seal.Bytes(secret).String()) ||
				strings.Contains(stored, fmt.Sprint(secret)) {
				t.Errorf("the %s is among what is stored", name)
			}
		}
	})
	for name, row := range map[string]struct {
		tenant, account string
		salt            []byte
		want            error
	}{
		"TenantIsAUUID":  {"ten_" + tenantA, account, salt(), seal.ErrMalformedID},
		"AccountIsAUUID": {tenantA, "", salt(), seal.ErrMalformedID},
		"SaltOf16Bytes":  {tenantA, account, salt()[1:], seal.ErrKDFRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := seal.NewKeyring(row.tenant, row.account, password, row.salt, issued()); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}

func TestVouch(t *testing.T) {
	t.Parallel()
	d := directory()
	other := d
	other.Identity = must(identity(9).PublicKey.Bytes())
	foreign := d
	foreign.Tenant = tenantB
	again := d
	again.Sequence, again.Members = 9, d.Members[:1]

	vouch := must(d.Vouch(key(3), account))
	if len(vouch) != seal.VouchSize || !bytes.Equal(vouch, must(again.Vouch(key(3), account))) {
		t.Errorf("%d bytes, or another for the identity's next directory", len(vouch))
	}
	for name, v := range map[string]seal.Bytes{
		"identity": must(other.Vouch(key(3), account)), "tenant": must(foreign.Vouch(key(3), account)),
		"account": must(d.Vouch(key(3), booking1)), "member key": must(d.Vouch(key(4), account)),
	} {
		if bytes.Equal(v, vouch) {
			t.Errorf("counts for another %s", name)
		}
	}
	if _, err := d.Vouch(key(3), "a|b"); !errors.Is(err, seal.ErrMalformedID) {
		t.Errorf("got %v", err)
	}
	if _, err := d.Vouch(seal.PrivateKey{}, account); !errors.Is(err, seal.ErrMalformedKey) {
		t.Errorf("got %v", err)
	}
}
