package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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
	MemberPublic seal.Bytes    `json:"member_public"`
	KDF          string        `json:"kdf"`
	Salt         seal.Bytes    `json:"salt"`
	SignIn       seal.Bytes    `json:"sign_in_secret"`
	BookingID    string        `json:"booking_id"`
	Booking      string        `json:"booking"`
	Envelope     seal.Envelope `json:"envelope"`
	CardVersion  int           `json:"card_version"`
	Card         seal.Bytes    `json:"card"`
	Secret       seal.Bytes    `json:"secret"`
	SecretHash   seal.Bytes    `json:"secret_hash"`
	CopyText     string        `json:"copy_text"`
	Copy         seal.Bytes    `json:"copy"`
}

type servedKeyring struct {
	Directory seal.Signed `json:"directory"`
	MemberKey struct {
		Wrapped seal.Bytes `json:"wrapped"`
		Method  string     `json:"method"`
	} `json:"member_key"`
	Keys []seal.Wrap `json:"keys"`
}

func (v keyringVectors) locked() seal.Locked {
	return seal.Locked{
		Tenant: v.Tenant, Account: v.Account, Directory: v.Keyring.Directory,
		MemberKey: v.Keyring.MemberKey.Wrapped, Wraps: v.Keyring.Keys,
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
	v.Keyring.Directory, v.Keyring.Keys = s.Directory, s.Wraps
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
	fingerprint := must(kr.Stored.Locked().UnlockWith(member)).Directory.Fingerprint()

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
		{"RefusesAnotherDirectory", func(l *seal.Locked) { l.Directory = evil.Stored.Directory }, seal.ErrNotMember},
		{"RefusesAnUnsignedDirectory", func(l *seal.Locked) {
			l.Directory.Signature = evil.Stored.Directory.Signature
		}, seal.ErrDirectoryUnsigned},
		{"RefusesAnotherTenant", func(l *seal.Locked) { l.Tenant = tenantB }, seal.ErrDirectoryForeign},
		{"RefusesAnotherAccount", func(l *seal.Locked) { l.Account = booking1 }, seal.ErrNotMember},
		{"RefusesAnInventedIdentity", func(l *seal.Locked) {
			l.Wraps = []seal.Wrap{wrapped(seal.KindIdentity, 1, must(identity(9).Bytes()))}
		}, seal.ErrTampered},
		{"RefusesAnInventedDataKey", func(l *seal.Locked) {
			l.Wraps = []seal.Wrap{wrapped(seal.KindData, 1, seed(9))}
		}, seal.ErrTampered},
		{"RefusesASecondBookKeyOfAnEpoch", func(l *seal.Locked) {
			l.Wraps = append(l.Wraps, wrapped(seal.KindBook, 1, seed(9)))
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
				strings.Contains(stored, fmt.Sprint([]byte(secret))) {
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
