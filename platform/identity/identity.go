// Package identity knows people who sign in: their accounts, what proves that
// it is they, and in which browsers they are signed in.
//
// A [Service] promises that a stolen database signs nobody in: it holds hashes
// under a key of the server's secret, and hashes of session ids. It promises
// that guessing is slow, with Redis and without, and that whether an e-mail
// address has an account shows neither in an answer nor in the work done for
// it. Signing out acts everywhere within [Age]. Sessions age by the database's
// clock, so that a server whose clock is wrong neither keeps nor ends them.
//
// Signing in opens nothing that is sealed: the keys for that never reach the
// server. Nor does identity know who works where; see [Entry].
package identity

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/link"
	"siegel/platform/memo"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
)

// KDF names the one derivation by which a browser turns a password into the
// secret that it signs in with: Argon2id with 19456 KiB, two passes, one lane.
const KDF = "argon2id-19456-2-1"

// How long sessions last.
const (
	// Idle is how long a session lives without a request.
	Idle = 30 * time.Minute
	// Lifetime is how long it lives at most.
	Lifetime = 12 * time.Hour
	// ProofLife is for how long a proof counts where one is wanted anew.
	ProofLife = 5 * time.Minute
	// Age is how old an answer about a session may be that is given from memory.
	Age = time.Second
)

// What callers act on.
var (
	// ErrSignInFailed is the one answer to everything that is wrong with a
	// sign-in: unknown account, wrong secret, not allowed here.
	ErrSignInFailed = fault.New(fault.Unauthenticated, "sign_in_failed")
	// ErrTooManyAttempts carries when the next attempt makes sense.
	ErrTooManyAttempts = fault.New(fault.Limited, "too_many_attempts")
	// ErrSignedOut is returned for a cookie that means no live session here.
	ErrSignedOut = fault.New(fault.Unauthenticated, "signed_out")
	// ErrEmailTaken is returned where an account has the address already.
	ErrEmailTaken = fault.New(fault.Conflict, "email_taken")
	// ErrMalformedAccount is returned for an account that cannot be meant.
	ErrMalformedAccount = fault.New(fault.Invalid, "malformed_account")
	// ErrSecondNeeded asks for a second factor; see [SecondNeeded].
	ErrSecondNeeded = fault.New(fault.Unauthenticated, "second_factor_needed")
	// ErrTicketExpired is returned for a step that began too long ago, at
	// another door, or was taken already.
	ErrTicketExpired = fault.New(fault.Expired, "ticket_expired")
	// ErrWrongProof is returned for a wrong code, assertion or secret of
	// somebody who is signed in.
	ErrWrongProof = fault.New(fault.Invalid, "wrong_proof")
	// ErrUnknownFactor is returned for a factor that the account does not have.
	ErrUnknownFactor = fault.New(fault.NotFound, "unknown_factor")
	// ErrTooManyPasskeys is returned beyond [MaxPasskeys].
	ErrTooManyPasskeys = fault.New(fault.Conflict, "too_many_passkeys")
	// ErrLastFactor is returned for removing the last one where one is demanded.
	ErrLastFactor = fault.New(fault.Conflict, "last_factor")
	// ErrLinkExpired is returned for a recovery link that is used up or too old.
	ErrLinkExpired = fault.New(fault.Expired, "link_expired")
	// ErrMemberKeyKept refuses to replace a member key that a password opens.
	ErrMemberKeyKept = fault.New(fault.Conflict, "member_key_kept")
	// ErrMalformedRule is returned for a rule that cannot be meant.
	ErrMalformedRule = fault.New(fault.Invalid, "malformed_rule")
	// ErrUnknownSession is returned for an id that no session of the account has.
	ErrUnknownSession = fault.New(fault.NotFound, "unknown_session")
	// ErrUnknownAccount is returned for an id that no account has.
	ErrUnknownAccount = fault.New(fault.NotFound, "unknown_account")
)

// Config is what a [Service] needs.
type Config struct {
	DB *postgres.DB
	// Redis counts attempts for all servers together. While it does not
	// answer, and where it is nil, each server counts its own.
	Redis *redisdb.Client
	// Secret is the server's secret, at least 32 bytes. Another secret signs
	// nobody in any more.
	Secret []byte
	// OIDC is by which providers are asked; where nil, by a client that reaches
	// no private network.
	OIDC *http.Client
	// Now is the clock of what is counted and remembered in memory; time.Now
	// where nil. Sessions go by the database's.
	Now func() time.Time
}

// Service keeps accounts and sessions. Safe for concurrent use.
type Service struct {
	db       *postgres.DB
	redis    *redisdb.Client
	local    *limiter
	sessions *memo.Cache[sessionKey, Session]
	rules    *memo.Cache[access.Domain, Rule]
	box      sealed
	links    *link.Maker
	oidc     *http.Client
	now      func() time.Time

	signInKey, saltKey, throttleKey, codeKey []byte
}

// NewService returns a Service. It fails on a secret that is too short.
func NewService(c Config) (*Service, error) {
	if c.DB == nil {
		return nil, errors.New("identity: no database")
	}
	if len(c.Secret) < 32 {
		return nil, errors.New("identity: the server's secret needs at least 32 bytes")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Service{
		db:       c.DB,
		redis:    c.Redis,
		local:    newLimiter(c.Now),
		sessions: memo.New[sessionKey, Session](Age, 50_000, c.Now),
		rules:    memo.New[access.Domain, Rule](Age, 20_000, c.Now),
		oidc:     c.OIDC,
		now:      c.Now,
	}
	if s.oidc == nil {
		s.oidc = outside()
	}
	var boxKey []byte
	for purpose, key := range map[string]*[]byte{
		"sign-in": &s.signInKey, "fake-salt": &s.saltKey, "throttle": &s.throttleKey,
		"recovery-code": &s.codeKey, "box": &boxKey,
	} {
		derived, err := hkdf.Key(sha256.New, c.Secret, nil, "siegel|identity|"+purpose+"|1", 32)
		if err != nil {
			return nil, fmt.Errorf("identity: derive the %s key: %w", purpose, err)
		}
		*key = derived
	}
	var err error
	if s.box, err = newSealed(boxKey); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if s.links, err = link.NewMaker(c.Secret); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return s, nil
}

// Account is a person who signs in.
type Account struct {
	ID       id.Account
	Email    string // lower case
	Name     string
	Language string // BCP 47
	// MemberPublicKey is the X-Wing key that practice keys are wrapped for.
	MemberPublicKey []byte
}
