package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"siegel/platform/id"
)

// password is the one kind of credential so far.
const password = "password"

// saltSize and secretSize are what the browser's derivation takes and gives.
const (
	saltSize   = 16
	secretSize = 32
)

// NewAccount is an account with the password that its owner chose in a browser.
type NewAccount struct {
	ID       id.Account
	Email    string // ASCII; compared without regard to case
	Name     string
	Language string // BCP 47; "de" where empty
	// MemberPublicKey is the X-Wing key that practice keys are wrapped for.
	MemberPublicKey []byte
	// Salt is what the password was derived with: 16 bytes.
	Salt []byte
	// SignInSecret is the half of the derived password that the server may
	// see: 32 bytes.
	SignInSecret []byte
	// WrappedMemberKey is the member key under the other half.
	WrappedMemberKey []byte
}

// CreateAccount registers an account. It returns [ErrEmailTaken] or
// [ErrMalformedAccount].
func (s *Service) CreateAccount(ctx context.Context, a NewAccount) error {
	email, ok := canonicalEmail(a.Email)
	if a.Language == "" {
		a.Language = "de"
	}
	switch {
	case !ok, a.ID.IsZero(), !isLine(a.Name, 200), !isLine(a.Language, 35),
		len(a.Salt) != saltSize, len(a.SignInSecret) != secretSize,
		len(a.WrappedMemberKey) == 0, len(a.WrappedMemberKey) > 4096, len(a.MemberPublicKey) > 4096:
		return ErrMalformedAccount
	}
	// One statement: an account without a way to sign in never exists, and an
	// address that is taken inserts neither row.
	result, err := s.db.Global().NewRaw(`
		with person as (
		  insert into account (id, email, name, language, member_public_key)
		  values (?, ?, ?, ?, ?)
		  on conflict (email) do nothing
		  returning id
		)
		insert into credential (account_id, kind, salt, sign_in_hash, wrapped_member_key)
		select id, ?, ?, ?, ? from person`,
		a.ID, email, a.Name, a.Language, a.MemberPublicKey,
		password, a.Salt, s.signInHash(a.ID, a.SignInSecret), a.WrappedMemberKey,
	).Exec(ctx)
	if err != nil {
		return fmt.Errorf("create account: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("create account: %w", err)
	} else if n == 0 {
		return ErrEmailTaken
	}
	return nil
}

// Account returns an account. It returns [ErrUnknownAccount].
func (s *Service) Account(ctx context.Context, account id.Account) (Account, error) {
	a := Account{ID: account}
	err := s.db.Global().NewRaw(
		`select email, name, language, member_public_key from account where id = ?`, account,
	).Scan(ctx, &a.Email, &a.Name, &a.Language, &a.MemberPublicKey)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, ErrUnknownAccount
	}
	if err != nil {
		return Account{}, fmt.Errorf("read account: %w", err)
	}
	return a, nil
}

// MemberKey returns the account's member key, wrapped, and what unwraps it:
// "password". It returns [ErrUnknownAccount].
func (s *Service) MemberKey(ctx context.Context, account id.Account) (wrapped []byte, method string, err error) {
	err = s.db.Global().NewRaw(
		`select wrapped_member_key, kind from credential where account_id = ? and kind = ?`, account, password,
	).Scan(ctx, &wrapped, &method)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, "", ErrUnknownAccount
	}
	if err != nil {
		return nil, "", fmt.Errorf("read member key: %w", err)
	}
	return wrapped, method, nil
}

// signInHash is what is kept of a sign-in secret. One keyed hash is enough: the
// secret is 256 bits that came out of Argon2id and HKDF in the browser, not a
// password, so there is nothing to stretch, and guessing passwords against a
// stolen database needs the server's key as well. The account is hashed along,
// so that a hash copied to another account's row signs in nobody.
func (s *Service) signInHash(account id.Account, secret []byte) []byte {
	m := hmac.New(sha256.New, s.signInKey)
	m.Write([]byte(account.UUID() + "|" + password + "|"))
	m.Write(secret)
	return m.Sum(nil)
}

// fakeSalt is what an address without an account is told: always the same, and
// not to be told from a real one without the server's key.
func (s *Service) fakeSalt(email string) []byte {
	m := hmac.New(sha256.New, s.saltKey)
	m.Write([]byte(email))
	return m.Sum(nil)[:saltSize]
}

// canonicalEmail is the one form of an address: ASCII, lower case. It looks at
// the form only as far as to keep out what would break a query or a header.
func canonicalEmail(s string) (string, bool) {
	s = strings.Trim(s, " ")
	if len(s) > 254 {
		return "", false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return "", false
		}
	}
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 || strings.ContainsAny(s, `<>(),;:\"[]`) || strings.Count(s, "@") != 1 {
		return "", false
	}
	return strings.ToLower(s), true
}

// isLine holds for a text of one line, not empty, of at most limit bytes.
func isLine(s string, limit int) bool {
	return s != "" && len(s) <= limit && utf8.ValidString(s) &&
		strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}
