package identity

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
)

// NewPassword is a password as its owner's browser hands it over.
type NewPassword struct {
	Salt             []byte // 16 bytes, fresh
	SignInSecret     []byte // 32 bytes
	WrappedMemberKey []byte // under the other half
	// MemberPublicKey is set where the member key is a new one, because no
	// password opens the old one any more. What was wrapped for the old one
	// is lost to the account until somebody wraps it for the new one.
	MemberPublicKey []byte
}

func (p NewPassword) malformed() bool {
	return len(p.Salt) != saltSize || len(p.SignInSecret) != secretSize ||
		len(p.WrappedMemberKey) == 0 || len(p.WrappedMemberKey) > 4096 || len(p.MemberPublicKey) > 4096
}

// SetPassword changes the account's password and wraps the member key anew in
// the same statement; all its other sessions end. It returns
// [ErrMalformedAccount], and [ErrMemberKeyKept] for a new member key where the
// old one can still be opened.
func (s *Service) SetPassword(ctx context.Context, account id.Account, keep uuid.UUID, p NewPassword) error {
	if p.malformed() {
		return ErrMalformedAccount
	}
	fresh := len(p.MemberPublicKey) > 0
	var one int
	var set *postgres.Found
	err := s.db.Batch(ctx, Scope(OfPlatform()), func(b *postgres.Batch) {
		b.Exec(`select 1 from account where id = $1 for update`, account)
		set = b.Row(`
			insert into credential (account_id, kind, salt, sign_in_hash, wrapped_member_key)
			select $1::uuid, $2::text, $3::bytea, $4::bytea, $5::bytea
			where not $6::bool or not exists (
			  select from credential where account_id = $1::uuid and wrapped_member_key is not null)
			on conflict (account_id, kind) do update
			set salt = excluded.salt, sign_in_hash = excluded.sign_in_hash, wrapped_member_key = excluded.wrapped_member_key, changed = now()
			returning 1`,
			[]any{account, password, p.Salt, s.signInHash(account, p.SignInSecret), p.WrappedMemberKey, fresh}, &one)
		if fresh {
			// Only where the statement above went through: it has just left its mark.
			b.Exec(`
				update account set member_public_key = $2 where id = $1
				and exists (select from credential where account_id = $1 and wrapped_member_key = $3)`,
				account, p.MemberPublicKey, p.WrappedMemberKey)
			b.Exec(`
				update passkey set prf_salt = null, wrapped_member_key = null where account_id = $1
				and exists (select from credential where account_id = $1 and wrapped_member_key = $2)`,
				account, p.WrappedMemberKey)
		}
	})
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if !set.OK {
		return ErrMemberKeyKept
	}
	return s.EndAll(ctx, account, keep)
}

// HasMemberKey reports what opens the account's member key: its password, or
// passkeys.
func (s *Service) HasMemberKey(ctx context.Context, account id.Account) (byPassword bool, byPasskey bool, err error) {
	err = s.db.Global().NewRaw(`
		select exists (select from credential where account_id = ?0 and wrapped_member_key is not null),
		  exists (select from passkey where account_id = ?0 and wrapped_member_key is not null)`, account,
	).Scan(ctx, &byPassword, &byPasskey)
	if err != nil {
		return false, false, fmt.Errorf("look for member key: %w", err)
	}
	return byPassword, byPasskey, nil
}

// PasswordFacts are what a password is derived with and what it unwraps; ok is
// false for an account without a password.
func (s *Service) PasswordFacts(ctx context.Context, account id.Account) (salt, wrapped []byte, ok bool, err error) {
	ok, err = s.row(ctx, `select salt, wrapped_member_key from credential where account_id = $1 and kind = $2`,
		[]any{account, password}, &salt, &wrapped)
	if err != nil {
		return nil, nil, false, fmt.Errorf("read password: %w", err)
	}
	return salt, wrapped, ok, nil
}

// SetLanguage changes the language in which the account is written to.
func (s *Service) SetLanguage(ctx context.Context, account id.Account, language string) error {
	if language != "de" && language != "en" {
		return ErrMalformedAccount
	}
	if _, err := s.db.Global().NewRaw(`update account set language = ? where id = ?`, language, account).Exec(ctx); err != nil {
		return fmt.Errorf("set language: %w", err)
	}
	s.sessions.Clear()
	return nil
}

// RecoveryMail is the kind of the message that carries a recovery link.
const RecoveryMail = "recovery_mail"

// RecoveryLife is for how long a recovery link works.
const RecoveryLife = 30 * time.Minute

const recoveryLink = "recovery"

// StartRecovery sends a link to the address, where it has an account that may
// enter here. Whether it does shows nowhere: the work is done after the answer.
// It returns [ErrTooManyAttempts].
func (s *Service) StartRecovery(ctx context.Context, email string, in Entry) error {
	email, ok := canonicalEmail(email)
	if !ok {
		email = ""
	}
	if _, err := s.count(ctx, s.countersOf("recovery|"+email, in.IP, 3, 6)); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := s.sendRecovery(ctx, email, in); err != nil {
			slog.WarnContext(ctx, "recovery was not begun", "err", err)
		}
	}()
	return nil
}

func (s *Service) sendRecovery(ctx context.Context, email string, in Entry) error {
	var account id.Account
	found, err := s.row(ctx, `select id from account where email = $1`, []any{email}, &account)
	if err != nil || !found {
		return err
	}
	domain, err := in.allowed(ctx, account)
	if err != nil {
		if code := fault.From(err).Code; code == fault.Internal || code == fault.Unavailable {
			return err // nobody could say
		}
		return nil // not here, and strangers are not told
	}
	recovery := uuid.Must(uuid.NewV7())
	return s.db.Batch(ctx, Scope(domain), func(b *postgres.Batch) {
		b.Exec(`
			insert into account_recovery (id, account_id, domain_kind, domain_id, expires)
			values ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
			recovery.String(), account, string(domain.Kind), domain.ID.String(), RecoveryLife.Seconds())
		jobs.Add(b, jobs.Message{Tenant: Scope(domain), Kind: RecoveryMail, Ref: recovery.String(), TTL: RecoveryLife})
	})
}

// Recovery is what a letter with a recovery link says.
type Recovery struct {
	Email, Name, Language string
	Domain                access.Domain
	Token                 string    // for [Service.Recover]
	Expires               time.Time // UTC
}

// RecoveryLetter reads what the message with that reference carries. It returns
// [ErrLinkExpired] once there is nothing to send.
func (s *Service) RecoveryLetter(ctx context.Context, ref string) (Recovery, error) {
	recovery, err := uuid.Parse(ref)
	if err != nil {
		return Recovery{}, ErrLinkExpired
	}
	r := Recovery{Token: s.links.Make(recoveryLink, recovery)}
	var kind, domain string
	found, err := s.row(ctx, `
		select a.email, a.name, a.language, r.domain_kind, r.domain_id::text, r.expires
		from account_recovery r join account a on a.id = r.account_id
		where r.id = $1 and r.used is null and r.expires > now()`,
		[]any{recovery.String()}, &r.Email, &r.Name, &r.Language, &kind, &domain, &r.Expires)
	if err != nil {
		return Recovery{}, fmt.Errorf("read recovery: %w", err)
	}
	if !found {
		return Recovery{}, ErrLinkExpired
	}
	r.Domain = access.Domain{Kind: access.Kind(kind), ID: uuid.MustParse(domain)}
	r.Expires = r.Expires.UTC()
	return r, nil
}

// Recover sets a new password by a link that came by mail. It gives signing in
// back and nothing else: the member key was under the old password, so it is
// lost unless a passkey opens it, and a second factor is asked for as before.
// All sessions end. It returns [ErrLinkExpired], also the second time.
func (s *Service) Recover(ctx context.Context, token string, salt, signInSecret []byte, in Entry) error {
	if len(salt) != saltSize || len(signInSecret) != secretSize {
		return ErrMalformedAccount
	}
	if err := s.knock(ctx, "recover", in.IP); err != nil {
		return err
	}
	recovery, err := s.links.Read(recoveryLink, token)
	if err != nil {
		return ErrLinkExpired
	}
	var account id.Account
	found, err := s.row(ctx, `
		update account_recovery set used = now() where id = $1 and used is null and expires > now() returning account_id`,
		[]any{recovery.String()}, &account)
	if err != nil {
		return fmt.Errorf("use recovery: %w", err)
	}
	if !found {
		return ErrLinkExpired
	}
	err = s.db.Batch(ctx, Scope(OfPlatform()), func(b *postgres.Batch) {
		b.Exec(`
			insert into credential (account_id, kind, salt, sign_in_hash, wrapped_member_key) values ($1, $2, $3, $4, null)
			on conflict (account_id, kind) do update
			set salt = excluded.salt, sign_in_hash = excluded.sign_in_hash, wrapped_member_key = null, changed = now()`,
			account, password, salt, s.signInHash(account, signInSecret))
		b.Exec(`update account_recovery set used = now() where account_id = $1 and used is null`, account)
	})
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	return s.EndAll(ctx, account, uuid.Nil)
}
