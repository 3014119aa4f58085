package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/seal"
	"siegel/tenants/keyring"
	"siegel/tenants/practice"
	"siegel/tenants/staff"
)

// demoPassword unlocks every practice of a demo. It has the form that the
// product gives real ones: six words.
const demoPassword = "wiese lampe fluss korb stern apfel"

// seeded is a practice of the demo as it is remembered between runs.
type seeded struct {
	Slug         string   `json:"slug"`
	Name         string   `json:"name"`
	SignIns      []signIn `json:"sign_ins"`
	RecoveryCode string   `json:"recovery_code"`
}

// signIn is how one person gets in.
type signIn struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// seed makes the demo's practices, or finds them where an earlier run did.
func seed(ctx context.Context, h *house, path string) ([]seeded, error) {
	content, err := os.ReadFile(path)
	if err == nil {
		var known []seeded
		return known, json.Unmarshal(content, &known)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := enterOperator(ctx, h); err != nil {
		return nil, err
	}
	var made []seeded
	for _, s := range demoPractices() {
		one, err := s.plant(ctx, h)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.slug, err)
		}
		made = append(made, one)
	}
	if content, err = json.Marshal(made); err != nil {
		return nil, err
	}
	return made, os.WriteFile(path, content, 0o600)
}

func (s sapling) plant(ctx context.Context, h *house) (seeded, error) {
	tenant, err := h.registry.Create(ctx, s.slug)
	if err != nil {
		return seeded{}, err
	}
	if err := h.practice.Create(ctx, tenant.ID, s.setup); err != nil {
		return seeded{}, err
	}
	if s.school != "" {
		_, err := h.practice.ImportCalendar(ctx, tenant.ID, practice.Edit{Version: 1}, practice.CalendarImport{
			ID: id.New[id.Calendar](), Name: "Schulferien", Kind: practice.SchoolCalendar, Format: practice.ICS, Content: s.school,
		})
		if err != nil {
			return seeded{}, err
		}
	}
	out := seeded{Slug: s.slug, Name: s.setup.Practice.Name}
	for _, p := range s.people {
		out.SignIns = append(out.SignIns, signIn{p.name, string(p.role), p.mailbox + "@" + s.slug + ".example", demoPassword})
	}
	owner := id.New[id.Account]()
	made, err := seal.NewKeyring(tenant.ID.UUID(), owner.UUID(), demoPassword, salt(), time.Now())
	if err != nil {
		return seeded{}, err
	}
	out.RecoveryCode = made.RecoveryCode
	err = enroll(ctx, h, tenant.ID, identity.NewAccount{
		ID: owner, Email: out.SignIns[0].Email, Name: s.people[0].name, Language: "de",
		MemberPublicKey: made.Stored.MemberPublic, Salt: made.Stored.Salt,
		SignInSecret: made.Stored.SignInSecret, WrappedMemberKey: made.Stored.MemberKey,
	}, s.people[0].role, made.Stored.Vouch)
	if err != nil {
		return seeded{}, err
	}
	// The demo plays the owner who typed the printed code back.
	err = h.keyring.Save(ctx, tenant.ID, keyring.First{Directory: made.Stored.Directory, Wraps: made.Stored.Wraps, RecoveryProven: true})
	if err != nil {
		return seeded{}, err
	}
	if err := s.agree(ctx, h, tenant.ID, owner); err != nil {
		return seeded{}, err
	}
	locked := made.Stored.Locked()
	for i, p := range s.people[1:] {
		if locked, err = welcome(ctx, h, tenant.ID, locked, made.Stored.Salt, p, out.SignIns[i+1].Email); err != nil {
			return seeded{}, err
		}
	}
	return out, h.onboarding.SetOpen(ctx, tenant.ID, true)
}

// agree says what the law wants of the practice and accepts the agreement, as
// its owner does.
func (s sapling) agree(ctx context.Context, h *house, tenant id.Tenant, owner id.Account) error {
	p := s.setup.Practice
	if err := h.onboarding.SetBusiness(ctx, tenant, s.business, p.Phone, p.Email); err != nil {
		return err
	}
	a, err := h.onboarding.Agreement(ctx, tenant, "de")
	if err != nil {
		return err
	}
	return h.onboarding.Accept(ctx, tenant, owner, s.people[0].name, "de", a.Hash[:])
}

// welcome does what an owner's browser does for a new colleague: wraps the
// practice's keys for the colleague's key and signs the next directory.
func welcome(ctx context.Context, h *house, tenant id.Tenant, owner seal.Locked, ownerSalt []byte, p person, email string) (seal.Locked, error) {
	open, err := owner.Unlock(demoPassword, seal.KDF, ownerSalt)
	if err != nil {
		return owner, err
	}
	account, own := id.New[id.Account](), salt()
	key, err := seal.GenerateKey()
	if err != nil {
		return owner, err
	}
	signInSecret, unlock := seal.SplitPassword(demoPassword, own)
	wrapped, err := seal.WrapMemberKey(unlock, account.UUID(), key)
	if err != nil {
		return owner, err
	}
	public := key.PublicKey()
	// The colleague's own browser, after the two compared the fingerprint.
	vouch, err := open.Directory.Vouch(key, account.UUID())
	if err != nil {
		return owner, err
	}
	err = enroll(ctx, h, tenant, identity.NewAccount{
		ID: account, Email: email, Name: p.name, Language: "de",
		MemberPublicKey: public.Bytes(), Salt: own, SignInSecret: signInSecret, WrappedMemberKey: wrapped,
	}, p.role, vouch)
	if err != nil {
		return owner, err
	}
	next := open.Directory
	previous := sha256.Sum256(owner.Directory.Document)
	next.Sequence++
	next.Previous = previous[:]
	next.Issued = time.Now().UTC().Truncate(time.Second)
	next.Expires = next.Issued.Add(seal.DirectoryLife)
	next.Members = append(append([]seal.Member(nil), next.Members...),
		seal.Member{Account: account.UUID(), Role: seal.Role(p.role), KID: public.KID(), Public: public.Bytes()})
	signed, err := next.Sign(open.Identity)
	if err != nil {
		return owner, err
	}
	wraps, err := wrapFor(public, tenant, open)
	if err != nil {
		return owner, err
	}
	if err := h.keyring.Append(ctx, tenant, keyring.Next{Directory: signed, Wraps: wraps}); err != nil {
		return owner, err
	}
	owner.Directory = signed
	return owner, nil
}

// wrapFor wraps all data and book keys for a new colleague. The identity key
// stays with owners.
func wrapFor(holder seal.PublicKey, tenant id.Tenant, open seal.Unlocked) (wraps []seal.Wrap, err error) {
	add := func(kind seal.Kind, epoch int, key []byte) {
		if err != nil {
			return
		}
		var w seal.Wrap
		if w, err = seal.WrapKey(holder, tenant.UUID(), kind, epoch, key); err == nil {
			wraps = append(wraps, w)
		}
	}
	for _, listed := range open.Directory.DataKeys {
		var bytes []byte
		if bytes, err = open.Data[listed.KID].Seed(); err != nil {
			return nil, err
		}
		add(seal.KindData, listed.Epoch, bytes)
	}
	for epoch, book := range open.Books {
		add(seal.KindBook, epoch, book[:])
	}
	return wraps, err
}

func enroll(ctx context.Context, h *house, tenant id.Tenant, a identity.NewAccount, role staff.Role, vouch []byte) error {
	if err := h.identity.CreateAccount(ctx, a); err != nil {
		return err
	}
	return h.staff.Add(ctx, tenant, a.ID, role, vouch)
}

func salt() []byte {
	b := make([]byte, seal.SaltSize)
	if _, err := rand.Read(b); err != nil {
		panic(err) // crypto/rand never fails on supported systems
	}
	return b
}
