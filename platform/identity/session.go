package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
)

// Session is a browser in which somebody is signed in to one tenant's office.
type Session struct {
	Account  id.Account
	Tenant   id.Tenant
	Email    string
	Name     string
	Language string
	Expires  time.Time // UTC; it may end sooner, see [Idle]
}

// Challenge is what a browser needs to derive the sign-in secret.
type Challenge struct {
	KDF  string // always [KDF]
	Salt []byte // 16 bytes
}

// Start tells how to derive the sign-in secret for an address. An address
// without an account gets a salt as well, always the same one.
func (s *Service) Start(ctx context.Context, email string) (Challenge, error) {
	canonical, ok := canonicalEmail(email)
	if !ok {
		canonical = ""
	}
	fake := s.fakeSalt(canonical)
	var salt []byte
	err := s.db.Global().NewRaw(`
		select c.salt
		from account a join credential c on c.account_id = a.id and c.kind = ?
		where a.email = ?`, password, canonical,
	).Scan(ctx, &salt)
	if errors.Is(err, sql.ErrNoRows) {
		return Challenge{KDF: KDF, Salt: fake}, nil
	}
	if err != nil {
		return Challenge{}, fmt.Errorf("read salt: %w", err)
	}
	return Challenge{KDF: KDF, Salt: salt}, nil
}

// SignIn is an attempt to sign in.
type SignIn struct {
	Email  string
	Secret []byte // 32 bytes, see [NewAccount]
	Tenant id.Tenant
	// IP is where the attempt comes from. The zero value is a place of its own.
	IP netip.Addr
	// Allowed says whether the account may sign in to the tenant. It is asked
	// only after the secret has matched. Its fault
	// is a no, which reads like a wrong secret; that it cannot say (internal,
	// unavailable) fails the attempt as such.
	Allowed func(ctx context.Context, account id.Account) error
}

// SignIn makes a session and returns the cookie value that stands for it. It
// returns [ErrSignInFailed] or [ErrTooManyAttempts]. Every sign-in makes a new
// id, whatever cookie the browser had.
func (s *Service) SignIn(ctx context.Context, in SignIn) (cookie string, session Session, err error) {
	email, ok := canonicalEmail(in.Email)
	if !ok || len(in.Secret) != secretSize {
		return "", Session{}, ErrSignInFailed
	}
	giveBack, err := s.attempt(ctx, email, in.IP)
	if err != nil {
		return "", Session{}, err
	}

	// The same query, hash and comparison whether there is such an account or
	// not: without one, the hash is compared with zeros, which it never is.
	stored := make([]byte, sha256.Size)
	session = Session{Email: email, Tenant: in.Tenant}
	err = s.db.Global().NewRaw(`
		select a.id, a.name, a.language, c.sign_in_hash
		from account a join credential c on c.account_id = a.id and c.kind = ?
		where a.email = ?`, password, email,
	).Scan(ctx, &session.Account, &session.Name, &session.Language, &stored)
	unknown := errors.Is(err, sql.ErrNoRows)
	if err != nil && !unknown {
		return "", Session{}, fmt.Errorf("read credential: %w", err)
	}
	matches := subtle.ConstantTimeCompare(stored, s.signInHash(session.Account, in.Secret)) == 1
	if unknown || !matches {
		return "", Session{}, ErrSignInFailed
	}
	if err := in.allowed(ctx, session.Account); err != nil {
		return "", Session{}, err
	}

	cookie, hash := newCookie()
	// Sessions that have run out go when their owner comes back.
	err = s.db.Global().NewRaw(`
		with gone as (
		  delete from session
		  where account_id = ? and (expires <= now() or last_seen <= now() - make_interval(secs => ?))
		)
		insert into session (id_hash, account_id, tenant_id, expires)
		values (?, ?, ?, now() + make_interval(secs => ?))
		returning expires`,
		session.Account, Idle.Seconds(), hash[:], session.Account, in.Tenant, Lifetime.Seconds(),
	).Scan(ctx, &session.Expires)
	if err != nil {
		return "", Session{}, fmt.Errorf("store session: %w", err)
	}
	session.Expires = session.Expires.UTC()
	giveBack(ctx)
	return cookie, session, nil
}

// allowed asks Allowed. That nobody can say is not a no, and never a yes.
func (in SignIn) allowed(ctx context.Context, account id.Account) error {
	if in.Allowed == nil {
		return errors.New("sign in: nobody says who is allowed")
	}
	err := in.Allowed(ctx, account)
	if err == nil {
		return nil
	}
	if code := fault.From(err).Code; code == fault.Unavailable || code == fault.Internal {
		return fmt.Errorf("ask whether the account is allowed: %w", err)
	}
	return ErrSignInFailed.Because(err)
}

// sessionKey names a question about a session: asking without touching is
// another question than asking with.
type sessionKey struct {
	hash  [sha256.Size]byte
	touch bool
}

// Session finds the live session behind a cookie and keeps it from idling out.
// It returns [ErrSignedOut], also for another tenant's session, which it leaves
// untouched. The answer is at most [Age] old.
func (s *Service) Session(ctx context.Context, cookie string, tenant id.Tenant) (Session, error) {
	return s.session(ctx, cookie, tenant, true)
}

// Peek is [Service.Session] for what a browser does on its own, such as keeping
// a stream open: it lets the session idle out.
func (s *Service) Peek(ctx context.Context, cookie string, tenant id.Tenant) (Session, error) {
	return s.session(ctx, cookie, tenant, false)
}

func (s *Service) session(ctx context.Context, cookie string, tenant id.Tenant, touch bool) (Session, error) {
	hash, ok := hashCookie(cookie)
	if !ok {
		return Session{}, ErrSignedOut
	}
	session, err := s.sessions.Get(ctx, sessionKey{hash, touch}, func(ctx context.Context) (Session, error) {
		return s.find(ctx, hash, tenant, touch)
	})
	if err != nil {
		return Session{}, err
	}
	if session.Tenant != tenant {
		return Session{}, ErrSignedOut
	}
	return session, nil
}

func (s *Service) find(ctx context.Context, hash [sha256.Size]byte, tenant id.Tenant, touch bool) (Session, error) {
	session := Session{Tenant: tenant}
	// Written at most once a minute, so that a busy office is not a row that
	// everybody writes.
	err := s.db.Global().NewRaw(`
		with live as (
		  select id_hash, account_id, expires, last_seen
		  from session
		  where id_hash = ? and tenant_id = ?
		    and expires > now() and last_seen > now() - make_interval(secs => ?)
		), touched as (
		  update session s set last_seen = now()
		  from live
		  where ? and s.id_hash = live.id_hash and live.last_seen < now() - interval '1 minute'
		)
		select live.account_id, a.email, a.name, a.language, live.expires
		from live join account a on a.id = live.account_id`,
		hash[:], tenant, Idle.Seconds(), touch,
	).Scan(ctx, &session.Account, &session.Email, &session.Name, &session.Language, &session.Expires)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, ErrSignedOut
	}
	if err != nil {
		return Session{}, fmt.Errorf("find session: %w", err)
	}
	session.Expires = session.Expires.UTC()
	return session, nil
}

// SignOut ends the session behind a cookie. That there is none is no error.
func (s *Service) SignOut(ctx context.Context, cookie string) error {
	hash, ok := hashCookie(cookie)
	if !ok {
		return nil
	}
	if _, err := s.db.Global().NewRaw(`delete from session where id_hash = ?`, hash[:]).Exec(ctx); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	s.sessions.Forget(sessionKey{hash, true})
	s.sessions.Forget(sessionKey{hash, false})
	return nil
}

// SignOutEverywhere ends all sessions of an account in a tenant: what belongs
// to ending a membership. On other servers it acts within [Age], as here.
func (s *Service) SignOutEverywhere(ctx context.Context, account id.Account, tenant id.Tenant) error {
	_, err := s.db.Global().NewRaw(
		`delete from session where account_id = ? and tenant_id = ?`, account, tenant,
	).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

const cookieSize = 32

func newCookie() (value string, hash [sha256.Size]byte) {
	raw := make([]byte, cookieSize)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the process first
	return base64.RawURLEncoding.EncodeToString(raw), sha256.Sum256(raw)
}

func hashCookie(value string) (hash [sha256.Size]byte, ok bool) {
	if len(value) != base64.RawURLEncoding.EncodedLen(cookieSize) {
		return hash, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(raw) != cookieSize {
		return hash, false
	}
	return sha256.Sum256(raw), true
}
