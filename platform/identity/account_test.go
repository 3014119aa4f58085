package identity_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"siegel/platform/id"
	"siegel/platform/identity"
)

func TestNewService_RefusesAShortSecret(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	if _, err := identity.NewService(identity.Config{DB: f.db, Secret: make([]byte, 31)}); err == nil {
		t.Fatal("a secret of 31 bytes was accepted")
	}
	if _, err := identity.NewService(identity.Config{Secret: secret()}); err == nil {
		t.Fatal("no database was accepted")
	}
}

func TestCreateAccount(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)

	t.Run("IsReadBack", func(t *testing.T) {
		t.Parallel()
		want := newAccount(" Ada.Example@Praxis.example ")
		if err := f.CreateAccount(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := f.Account(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Email != "ada.example@praxis.example" || got.Name != want.Name || got.Language != "de" ||
			got.ID != want.ID || !bytes.Equal(got.MemberPublicKey, want.MemberPublicKey) {
			t.Fatalf("got %+v", got)
		}
		wrapped, method, err := f.MemberKey(t.Context(), want.ID)
		if err != nil || method != "password" || !bytes.Equal(wrapped, want.WrappedMemberKey) {
			t.Fatalf("got member key %x, %q, %v", wrapped, method, err)
		}
	})

	t.Run("KeepsNoSecret", func(t *testing.T) {
		t.Parallel()
		p := f.person(t, "no-secret@praxis.example")
		var rows int
		err := f.owner.QueryRow(t.Context(), `select count(*) from credential where sign_in_hash = $1`, p.SignInSecret).Scan(&rows)
		if err != nil || rows != 0 {
			t.Fatalf("the secret itself is stored in %d rows, %v", rows, err)
		}
	})
}

func TestCreateAccount_OfOneAddressThereIsOne(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)

	var created, taken atomic.Int32
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			email := "twin@praxis.example"
			if i%2 == 0 {
				email = strings.ToUpper(email)
			}
			switch err := f.CreateAccount(t.Context(), newAccount(email)); {
			case err == nil:
				created.Add(1)
			case errors.Is(err, identity.ErrEmailTaken):
				taken.Add(1)
			default:
				t.Errorf("unexpected: %v", err)
			}
		})
	}
	wg.Wait()
	if created.Load() != 1 || taken.Load() != 9 {
		t.Fatalf("%d created, %d taken; want 1 and 9", created.Load(), taken.Load())
	}
	var accounts, credentials int
	err := f.owner.QueryRow(t.Context(), `select (select count(*) from account), (select count(*) from credential)`).Scan(&accounts, &credentials)
	if err != nil || accounts != 1 || credentials != 1 {
		t.Fatalf("%d accounts with %d credentials, %v", accounts, credentials, err)
	}
}

func TestCreateAccount_RefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	for name, spoil := range map[string]func(*identity.NewAccount){
		"NoID":               func(a *identity.NewAccount) { a.ID = id.Account{} },
		"NoAddress":          func(a *identity.NewAccount) { a.Email = "" },
		"NoDomain":           func(a *identity.NewAccount) { a.Email = "ada@" },
		"TwoAts":             func(a *identity.NewAccount) { a.Email = "ada@b@praxis.example" },
		"HeaderInAddress":    func(a *identity.NewAccount) { a.Email = "ada@praxis.example\r\nbcc:x@y.example" },
		"NulInAddress":       func(a *identity.NewAccount) { a.Email = "ada\x00@praxis.example" },
		"HomoglyphInAddress": func(a *identity.NewAccount) { a.Email = "аda@praxis.example" },
		"LongAddress":        func(a *identity.NewAccount) { a.Email = strings.Repeat("a", 250) + "@b.example" },
		"NoName":             func(a *identity.NewAccount) { a.Name = "" },
		"NulInName":          func(a *identity.NewAccount) { a.Name = "Ada\x00" },
		"ShortSalt":          func(a *identity.NewAccount) { a.Salt = a.Salt[:15] },
		"ShortSecret":        func(a *identity.NewAccount) { a.SignInSecret = a.SignInSecret[:31] },
		"NoMemberKey":        func(a *identity.NewAccount) { a.WrappedMemberKey = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount("refused@praxis.example")
			spoil(&a)
			if err := f.CreateAccount(t.Context(), a); !errors.Is(err, identity.ErrMalformedAccount) {
				t.Fatalf("got %v, want %v", err, identity.ErrMalformedAccount)
			}
		})
	}
}

func TestAccount_Unknown(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	if _, err := f.Account(t.Context(), id.New[id.Account]()); !errors.Is(err, identity.ErrUnknownAccount) {
		t.Errorf("account: got %v, want %v", err, identity.ErrUnknownAccount)
	}
	if _, _, err := f.MemberKey(t.Context(), id.New[id.Account]()); !errors.Is(err, identity.ErrUnknownAccount) {
		t.Errorf("member key: got %v, want %v", err, identity.ErrUnknownAccount)
	}
}
