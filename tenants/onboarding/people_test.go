package onboarding_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/keyring"
	"siegel/tenants/notify"
	"siegel/tenants/onboarding"
	"siegel/tenants/staff"
	"siegel/tenants/tenanttest"
)

func invitation() onboarding.Invitation {
	return onboarding.Invitation{Email: "Tal@Praxis-Berg.example", Name: "Tom Tal", Role: staff.FrontDesk, Language: "de", By: "Dr. Jana Berg"}
}

func TestAnInvitationMakesOneMember(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, _ := b.tenant(t, "praxis-berg")
	other, _ := b.tenant(t, "praxis-tal")
	if _, err := b.Invite(t.Context(), tenant, invitation()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Invite(t.Context(), tenant, invitation()); !errors.Is(err, onboarding.ErrAlreadyInvited) {
		t.Errorf("invited twice: %v", err)
	}
	l := b.letters(t, notify.InvitationMail)[0]
	if l.To != "tal@praxis-berg.example" || l.By != "Dr. Jana Berg" || l.Practice != "Praxis Berg" {
		t.Errorf("letter %+v", l)
	}
	key := token(t, l)
	account := b.account(t, l.To)
	if _, err := b.Invited(t.Context(), other, key); !errors.Is(err, onboarding.ErrExpired) {
		t.Errorf("at another practice: %v", err)
	}
	if err := b.Join(t.Context(), other, key, account); !errors.Is(err, onboarding.ErrExpired) {
		t.Errorf("joined another practice: %v", err)
	}
	if err := b.Join(t.Context(), tenant, key, account); err != nil {
		t.Fatal(err)
	}
	if role, err := b.staff.Role(t.Context(), tenant, account); err != nil || role != staff.FrontDesk {
		t.Errorf("role %q, %v", role, err)
	}
	if err := b.Join(t.Context(), tenant, key, b.account(t, "x@y.example")); !errors.Is(err, onboarding.ErrExpired) {
		t.Errorf("used twice: %v", err)
	}
	if _, err := b.Invite(t.Context(), tenant, invitation()); !errors.Is(err, staff.ErrAlreadyMember) {
		t.Errorf("a member was invited: %v", err)
	}
}

func TestAnInvitationThatIsWithdrawnOrOldLetsNobodyIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, _ := b.tenant(t, "praxis-berg")
	i, err := b.Invite(t.Context(), tenant, invitation())
	if err != nil {
		t.Fatal(err)
	}
	key := token(t, b.letters(t, notify.InvitationMail)[0])
	if err := b.Resend(t.Context(), tenant, i.ID); err != nil {
		t.Fatal(err)
	}
	if n := len(b.letters(t, notify.InvitationMail)); n != 2 {
		t.Errorf("%d letters", n)
	}
	if err := b.Withdraw(t.Context(), tenant, i.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.Withdraw(t.Context(), tenant, i.ID); !errors.Is(err, onboarding.ErrUnknownInvitation) {
		t.Errorf("withdrawn twice: %v", err)
	}
	if _, err := b.Invited(t.Context(), tenant, key); !errors.Is(err, onboarding.ErrExpired) {
		t.Errorf("got %v", err)
	}
}

func TestHandOverMakesTheFirstOwnerAndNoSecond(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made, err := b.registry.Create(t.Context(), "praxis-berg")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Prepare(t.Context(), made.ID, registration().Preparation); err != nil {
		t.Fatal(err)
	}
	if _, err := b.HandOver(t.Context(), made.ID, invitation()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.HandOver(t.Context(), made.ID, invitation()); err != nil {
		t.Fatalf("again: %v", err)
	}
	letters := b.letters(t, notify.HandoverMail)
	if len(letters) != 1 {
		t.Fatalf("%d letters count, want the last alone", len(letters))
	}
	owner := b.account(t, letters[0].To)
	if err := b.Join(t.Context(), made.ID, token(t, letters[0]), owner); err != nil {
		t.Fatal(err)
	}
	if role, err := b.staff.Role(t.Context(), made.ID, owner); err != nil || role != staff.Owner {
		t.Errorf("role %q, %v", role, err)
	}
	if _, err := b.HandOver(t.Context(), made.ID, invitation()); !errors.Is(err, onboarding.ErrOwned) {
		t.Errorf("handed over twice: %v", err)
	}
}

// next signs the directory that follows, as an owner's browser does.
func next(t *testing.T, made *seal.Keyring, edit func(*seal.Directory)) seal.Signed {
	t.Helper()
	salt := made.Stored.Salt
	open, err := made.Stored.Locked().Unlock(tenanttest.Password, seal.KDF, salt)
	if err != nil {
		t.Fatal(err)
	}
	d := open.Directory
	hash := sha256.Sum256(made.Stored.Directory.Document)
	d.Sequence, d.Previous = d.Sequence+1, hash[:]
	edit(&d)
	signed, err := d.Sign(open.Identity)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestKeysAndPeopleChangeTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, owner := b.tenant(t, "praxis-berg")
	made := b.keys(t, tenant, owner)
	colleague := b.account(t, "tal@praxis-berg.example")
	if err := b.staff.Add(t.Context(), tenant, colleague, staff.FrontDesk, nil); err != nil {
		t.Fatal(err)
	}
	key, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	list := func(role seal.Role, account id.Account) func(*seal.Directory) {
		return func(d *seal.Directory) {
			d.Members = append(d.Members, seal.Member{Account: account.UUID(), Role: role, KID: key.KID(), Public: key.PublicKey().Bytes()})
		}
	}
	// Nobody is listed who is no member, and nobody in another role.
	for name, edit := range map[string]func(*seal.Directory){
		"AStranger":   list(seal.RoleFrontDesk, id.New[id.Account]()),
		"AnotherRole": list(seal.RoleOwner, colleague),
	} {
		err := b.NextKeys(t.Context(), tenant, owner, keyring.Next{Directory: next(t, &made, edit)}, nil)
		if !errors.Is(err, keyring.ErrMalformedKeyring) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	signed := next(t, &made, list(seal.RoleFrontDesk, colleague))
	if err := b.NextKeys(t.Context(), tenant, owner, keyring.Next{Directory: signed}, nil); err != nil {
		t.Fatal(err)
	}
	made.Stored.Directory = signed
	b.ahead(time.Second)

	// Who holds keys does not just go: the next directory comes along, with new keys.
	if err := b.Leave(t.Context(), tenant, colleague, nil); !errors.Is(err, onboarding.ErrKeysHeld) {
		t.Errorf("left with the keys: %v", err)
	}
	same := next(t, &made, func(d *seal.Directory) { d.Members = d.Members[:1] })
	if err := b.Leave(t.Context(), tenant, colleague, &keyring.Next{Directory: same}); !errors.Is(err, onboarding.ErrKeysHeld) {
		t.Errorf("left without new keys: %v", err)
	}
	if role, err := b.staff.Role(t.Context(), tenant, colleague); err != nil || role != staff.FrontDesk {
		t.Errorf("refused, and yet role %q, %v", role, err)
	}
	if err := b.SetRole(t.Context(), tenant, colleague, staff.Practitioner, nil); !errors.Is(err, onboarding.ErrKeysHeld) {
		t.Errorf("another role without the directory: %v", err)
	}

	data, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	book := seal.NewBookKey()
	rotated := next(t, &made, func(d *seal.Directory) {
		d.Members = d.Members[:1]
		d.Revoked = []string{key.KID()}
		d.DataKeys = append(d.DataKeys, seal.DataKey{KID: data.KID(), Suite: seal.Suite, Epoch: 2, Public: data.PublicKey().Bytes()})
		d.BookKeys = append(d.BookKeys, book.Entry(tenant.UUID(), 2))
	})
	seed, err := data.Seed()
	if err != nil {
		t.Fatal(err)
	}
	d, err := seal.ParseDirectory(rotated.Document, rotated.Signature)
	if err != nil {
		t.Fatal(err)
	}
	var wraps []seal.Wrap
	for _, public := range []seal.Bytes{d.Members[0].Public, d.Recovery.Public} {
		holder, err := seal.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		for kind, secret := range map[seal.Kind][]byte{seal.KindData: seed, seal.KindBook: book[:]} {
			w, err := seal.WrapKey(holder, tenant.UUID(), kind, 2, secret)
			if err != nil {
				t.Fatal(err)
			}
			wraps = append(wraps, w)
		}
	}
	if err := b.Leave(t.Context(), tenant, colleague, &keyring.Next{Directory: rotated, Wraps: wraps}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.staff.Role(t.Context(), tenant, colleague); !errors.Is(err, staff.ErrNotMember) {
		t.Errorf("still a member: %v", err)
	}
	if held, err := b.keyring.Holding(t.Context(), tenant); err != nil || held.Knows(colleague) || held.Epoch != 2 {
		t.Errorf("holding %+v, %v", held, err)
	}
}

func TestTheLastOwnerStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, owner := b.tenant(t, "praxis-berg")
	if err := b.Leave(t.Context(), tenant, owner, nil); !errors.Is(err, staff.ErrLastOwner) {
		t.Errorf("left: %v", err)
	}
	if err := b.SetRole(t.Context(), tenant, owner, staff.Billing, nil); !errors.Is(err, staff.ErrLastOwner) {
		t.Errorf("demoted: %v", err)
	}
	second := b.account(t, "zwei@praxis-berg.example")
	if err := b.staff.Add(t.Context(), tenant, second, staff.Owner, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Leave(t.Context(), tenant, owner, nil); err != nil {
		t.Errorf("with a second one: %v", err)
	}
}

func TestFirstKeysAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, owner := b.tenant(t, "praxis-berg")
	made, err := seal.NewKeyring(tenant.UUID(), id.New[id.Account]().UUID(), tenanttest.Password, []byte("sixteen bytes ok"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	err = b.FirstKeys(t.Context(), tenant, owner, keyring.First{Directory: made.Stored.Directory, Wraps: made.Stored.Wraps}, made.Stored.Vouch)
	if !errors.Is(err, keyring.ErrMalformedKeyring) {
		t.Errorf("somebody else's: %v", err)
	}
	b.keys(t, tenant, owner)
	if vouch, err := b.staff.Vouch(t.Context(), tenant, owner); err != nil || len(vouch) != seal.VouchSize {
		t.Errorf("vouch of %d bytes, %v", len(vouch), err)
	}
}
