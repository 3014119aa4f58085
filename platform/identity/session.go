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

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
)

// Session is a browser in which somebody is signed in to one domain.
type Session struct {
	ID       uuid.UUID // what its owner ends it by; the cookie is another
	Account  id.Account
	Domain   access.Domain
	Email    string
	Name     string
	Language string
	Expires  time.Time // UTC; it may end sooner, see [Idle]
	// Proven says that the person showed less than [ProofLife] ago that it is
	// they, beyond the cookie.
	Proven bool
	// Factor says that the account has a second factor.
	Factor bool
	// Undertaken says that the account accepted the secrecy undertaking as it
	// is worded now.
	Undertaken bool
}

// OfTenant is a tenant's domain.
func OfTenant(tenant id.Tenant) access.Domain {
	return access.Domain{Kind: access.Tenant, ID: tenant.Bytes()}
}

// TenantOf is the tenant whose domain it is; zero for the portal's.
func TenantOf(domain access.Domain) (tenant id.Tenant) {
	if domain.Kind == access.Tenant {
		_ = tenant.Scan(domain.ID.String()) // never fails: it is a uuid
	}
	return tenant
}

// OfReseller is a reseller's domain.
func OfReseller(reseller id.Reseller) access.Domain {
	return access.Domain{Kind: access.Reseller, ID: reseller.Bytes()}
}

// OfPlatform is the platform's domain.
func OfPlatform() access.Domain { return access.Domain{Kind: access.Platform} }

// Door is where a cookie is shown: a tenant's office, or the portal. A session
// of one door is nobody at another. The zero Door leads nowhere.
type Door struct {
	tenant uuid.UUID
	portal bool
}

// OfficeDoor is the door of a tenant's office.
func OfficeDoor(tenant id.Tenant) Door { return Door{tenant: tenant.Bytes()} }

// PortalDoor is the door of the portal, behind which there are all resellers
// and the platform.
func PortalDoor() Door { return Door{portal: true} }

// String names the door in what is bound to it.
func (d Door) String() string {
	if d.portal {
		return "portal"
	}
	return "office|" + d.tenant.String()
}

// domain is the door's own: what counts before anybody has gone through.
func (d Door) domain() access.Domain {
	if d.portal {
		return OfPlatform()
	}
	return access.Domain{Kind: access.Tenant, ID: d.tenant}
}

// leads reports whether the domain is behind the door.
func (d Door) leads(to access.Domain) bool {
	switch to.Kind {
	case access.Tenant:
		return !d.portal && d.tenant != uuid.Nil && d.tenant == to.ID
	case access.Reseller, access.Platform:
		return d.portal
	default:
		return false
	}
}

// Challenge is what a browser needs to derive the sign-in secret.
type Challenge struct {
	KDF  string // always [KDF]
	Salt []byte // 16 bytes
}

// Start tells how to derive the sign-in secret for an address. An address
// without an account gets a salt as well, always the same one. It returns
// [ErrTooManyAttempts].
func (s *Service) Start(ctx context.Context, email string, ip netip.Addr) (Challenge, error) {
	if err := s.knock(ctx, "start", ip); err != nil {
		return Challenge{}, err
	}
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

// Entry is who stands at a door, apart from who they say they are.
type Entry struct {
	At Door
	// IP is where the attempt comes from. The zero value is a place of its own.
	IP    netip.Addr
	Agent Agent
	// Device is the cookie of a device that may be trusted; empty for none.
	Device string
	// Allowed says which domain behind the door the account enters. It is asked
	// only after the account has been proven. Its fault is a no, which reads
	// like a wrong secret; that it cannot say (internal, unavailable) fails the
	// attempt as such.
	Allowed func(ctx context.Context, account id.Account) (access.Domain, error)

	// Domain is where to, once Allowed has said so.
	Domain access.Domain
}

// SignIn is an attempt to sign in with a password.
type SignIn struct {
	Email  string
	Secret []byte // 32 bytes, see [NewAccount]
	Entry
}

// SecondNeeded is the error of a sign-in whose password was right, for an
// account with a second factor. It is [ErrSecondNeeded].
type SecondNeeded struct {
	// Ticket stands for the password at the next step.
	Ticket string
	// Methods are what the account has: totp, passkey, recovery.
	Methods []string
}

func (e *SecondNeeded) Error() string { return ErrSecondNeeded.Error() }

func (e *SecondNeeded) Unwrap() error { return ErrSecondNeeded }

// SignIn makes a session and returns the cookie value that stands for it. It
// returns [ErrSignInFailed], [ErrTooManyAttempts] or a [*SecondNeeded]. Every
// sign-in makes a new id, whatever cookie the browser had.
func (s *Service) SignIn(ctx context.Context, in SignIn) (cookie string, session Session, err error) {
	email, ok := canonicalEmail(in.Email)
	if !ok || len(in.Secret) != secretSize {
		return "", Session{}, ErrSignInFailed
	}
	in.Domain = in.At.domain()
	giveBack, err := s.attempt(ctx, email, in.IP)
	if err != nil {
		return "", Session{}, err
	}

	// The same query, hash and comparison whether there is such an account or
	// not: without one, the hash is compared with zeros, which it never is.
	stored := make([]byte, sha256.Size)
	var account id.Account
	err = s.db.Global().NewRaw(`
		select a.id, c.sign_in_hash
		from account a join credential c on c.account_id = a.id and c.kind = ?
		where a.email = ?`, password, email,
	).Scan(ctx, &account, &stored)
	unknown := errors.Is(err, sql.ErrNoRows)
	if err != nil && !unknown {
		return "", Session{}, fmt.Errorf("read credential: %w", err)
	}
	matches := subtle.ConstantTimeCompare(stored, s.signInHash(account, in.Secret)) == 1
	if unknown || !matches {
		s.noteFailure(ctx, account, in.Entry, password)
		return "", Session{}, ErrSignInFailed
	}
	if in.Domain, err = in.allowed(ctx, account); err != nil {
		return "", Session{}, err
	}
	methods, err := s.factors(ctx, account)
	if err != nil {
		return "", Session{}, err
	}
	if len(methods) > 0 {
		trusted, err := s.trusted(ctx, account, in.Entry)
		if err != nil {
			return "", Session{}, err
		}
		if !trusted {
			giveBack(ctx) // the password was right; the next step counts for itself
			return "", Session{}, &SecondNeeded{hand(s, "second", in.At, account), methods}
		}
	}
	if cookie, session, err = s.enter(ctx, account, in.Entry, password); err != nil {
		return "", Session{}, err
	}
	giveBack(ctx)
	return cookie, session, nil
}

// enter makes the session of somebody who has proven who they are.
func (s *Service) enter(ctx context.Context, account id.Account, in Entry, method string) (cookie string, session Session, err error) {
	rule, err := s.Rule(ctx, in.Domain)
	if err != nil {
		return "", Session{}, err
	}
	if err := s.note(ctx, account, in, method, true); err != nil {
		return "", Session{}, err
	}
	cookie, hash := newCookie()
	// Sessions that have run out go when their owner comes back.
	_, err = s.db.Global().NewRaw(`
		with gone as (
		  delete from session
		  where account_id = ? and (expires <= now() or last_seen <= now() - make_interval(secs => ?))
		)
		insert into session (id_hash, id, account_id, domain_kind, domain_id, expires, proven, method, ip, browser, system)
		values (?, ?, ?, ?, ?, now() + make_interval(secs => ?), now(), ?, ?, ?, ?)`,
		account, Idle.Seconds(), hash[:], uuid.Must(uuid.NewV7()), account, string(in.Domain.Kind), in.Domain.ID, Lifetime.Seconds(),
		method, rule.shown(in.IP), in.Agent.Browser, in.Agent.System,
	).Exec(ctx)
	if err != nil {
		return "", Session{}, fmt.Errorf("store session: %w", err)
	}
	if session, err = s.find(ctx, hash, in.At, false); err != nil {
		return "", Session{}, err
	}
	return cookie, session, nil
}

// allowed asks Allowed. That nobody can say is not a no, and never a yes.
func (in Entry) allowed(ctx context.Context, account id.Account) (access.Domain, error) {
	if in.Allowed == nil {
		return access.Domain{}, errors.New("sign in: nobody says who is allowed")
	}
	domain, err := in.Allowed(ctx, account)
	if err == nil && !in.At.leads(domain) {
		return access.Domain{}, fmt.Errorf("sign in: the door does not lead to a %s's domain", domain.Kind)
	}
	if err == nil {
		return domain, nil
	}
	if code := fault.From(err).Code; code == fault.Unavailable || code == fault.Internal {
		return access.Domain{}, fmt.Errorf("ask whether the account is allowed: %w", err)
	}
	return access.Domain{}, ErrSignInFailed.Because(err)
}

// sessionKey names a question about a session: asking without touching is
// another question than asking with.
type sessionKey struct {
	hash  [sha256.Size]byte
	touch bool
}

// Session finds the live session behind a cookie and keeps it from idling out.
// It returns [ErrSignedOut], also for a session of another door, which it leaves
// untouched. The answer is at most [Age] old.
func (s *Service) Session(ctx context.Context, cookie string, at Door) (Session, error) {
	return s.session(ctx, cookie, at, true)
}

// Peek is [Service.Session] for what a browser does on its own, such as keeping
// a stream open: it lets the session idle out.
func (s *Service) Peek(ctx context.Context, cookie string, at Door) (Session, error) {
	return s.session(ctx, cookie, at, false)
}

func (s *Service) session(ctx context.Context, cookie string, at Door, touch bool) (Session, error) {
	hash, ok := hashCookie(cookie)
	if !ok {
		return Session{}, ErrSignedOut
	}
	session, err := s.sessions.Get(ctx, sessionKey{hash, touch}, func(ctx context.Context) (Session, error) {
		return s.find(ctx, hash, at, touch)
	})
	if err != nil {
		return Session{}, err
	}
	if !at.leads(session.Domain) {
		return Session{}, ErrSignedOut
	}
	return session, nil
}

func (s *Service) find(ctx context.Context, hash [sha256.Size]byte, at Door, touch bool) (Session, error) {
	var session Session
	var kind string
	// Written at most once a minute, so that a busy office is not a row that
	// everybody writes.
	err := s.db.Global().NewRaw(`
		with live as (
		  select id_hash, id, account_id, domain_kind, domain_id, expires, last_seen,
		    coalesce(proven > now() - make_interval(secs => ?), false) as proven
		  from session
		  where id_hash = ? and case when ? then domain_kind <> 'tenant' else domain_kind = 'tenant' and domain_id = ? end
		    and expires > now() and last_seen > now() - make_interval(secs => ?)
		), touched as (
		  update session s set last_seen = now()
		  from live
		  where ? and s.id_hash = live.id_hash and live.last_seen < now() - interval '1 minute'
		)
		select live.id, live.domain_kind, live.domain_id, live.account_id, a.email, a.name, a.language, live.expires, live.proven,
		  exists (select from totp f where f.account_id = a.id) or exists (select from passkey f where f.account_id = a.id),
		  exists (select from undertaking u where u.account_id = a.id and u.version = ?)
		from live join account a on a.id = live.account_id`,
		ProofLife.Seconds(), hash[:], at.portal, at.tenant, Idle.Seconds(), touch, UndertakingVersion,
	).Scan(ctx, &session.ID, &kind, &session.Domain.ID, &session.Account, &session.Email, &session.Name, &session.Language, &session.Expires,
		&session.Proven, &session.Factor, &session.Undertaken)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, ErrSignedOut
	}
	if err != nil {
		return Session{}, fmt.Errorf("find session: %w", err)
	}
	session.Domain.Kind = access.Kind(kind)
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

// SignOutEverywhere ends all sessions of an account in a domain: what belongs
// to ending a membership. On other servers it acts within [Age], as here.
func (s *Service) SignOutEverywhere(ctx context.Context, account id.Account, domain access.Domain) error {
	_, err := s.db.Global().NewRaw(
		`delete from session where account_id = ? and domain_kind = ? and domain_id = ?`, account, string(domain.Kind), domain.ID,
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
