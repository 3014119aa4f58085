package identity

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
)

// Place is a browser in which an account is signed in.
type Place struct {
	ID          uuid.UUID
	Domain      access.Domain
	Since, Seen time.Time // UTC
	Method      string
	IP          string // as the domain's rule says
	Agent       Agent
	Expires     time.Time // UTC
}

// Places are the account's live sessions, those last used first.
func (s *Service) Places(ctx context.Context, account id.Account) ([]Place, error) {
	var rows []struct {
		ID              uuid.UUID
		DomainKind      string
		DomainID        uuid.UUID
		Created         time.Time
		LastSeen        time.Time
		Expires         time.Time
		Method, IP      string
		Browser, System string
	}
	err := s.db.Global().NewRaw(`
		select id, domain_kind, domain_id, created, last_seen, expires, method, ip, browser, system from session
		where account_id = ? and expires > now() and last_seen > now() - make_interval(secs => ?) order by last_seen desc, id`,
		account, Idle.Seconds()).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	places := make([]Place, 0, len(rows))
	for _, r := range rows {
		places = append(places, Place{
			ID: r.ID, Domain: access.Domain{Kind: access.Kind(r.DomainKind), ID: r.DomainID}, Since: r.Created.UTC(), Seen: r.LastSeen.UTC(),
			Method: r.Method, IP: r.IP, Agent: Agent{r.Browser, r.System}, Expires: r.Expires.UTC(),
		})
	}
	return places, nil
}

// End ends one of the account's sessions, everywhere within [Age]. It returns
// [ErrUnknownSession].
func (s *Service) End(ctx context.Context, account id.Account, session uuid.UUID) error {
	var one int
	ended, err := s.row(ctx, `delete from session where account_id = $1 and id = $2 returning 1`, []any{account, session.String()}, &one)
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if !ended {
		return ErrUnknownSession
	}
	s.sessions.Clear()
	return nil
}

// EndAll ends the account's sessions, everywhere within [Age], but the one to
// keep; the zero uuid keeps none. Trusted devices are trusted no more.
func (s *Service) EndAll(ctx context.Context, account id.Account, keep uuid.UUID) error {
	if _, err := s.db.Global().NewRaw(`delete from session where account_id = ? and id <> ?`, account, keep).Exec(ctx); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	s.sessions.Clear()
	return s.DistrustDevices(ctx, account)
}

// Proof is how somebody who is signed in shows again that it is they. One of
// its fields is set.
type Proof struct {
	Secret    []byte // see [NewAccount]
	Code      string // by time
	Assertion *Assertion
}

// Confirm checks a proof and marks the session as proven for [ProofLife]. The
// session gets a new cookie; the old one ends within [Age]. It returns
// [ErrWrongProof], [ErrTicketExpired] or [ErrTooManyAttempts].
func (s *Service) Confirm(ctx context.Context, cookie string, session Session, site Site, p Proof, ip netip.Addr) (string, error) {
	giveBack, err := s.attemptSecond(ctx, session.Account, ip)
	if err != nil {
		return "", err
	}
	if err := s.prove(ctx, session, site, p); err != nil {
		return "", err
	}
	giveBack(ctx)
	return s.rotate(ctx, cookie, `proven = now()`)
}

func (s *Service) prove(ctx context.Context, session Session, site Site, p Proof) error {
	switch {
	case p.Assertion != nil:
		account, err := s.assert(ctx, site, *p.Assertion)
		if errors.Is(err, ErrSignInFailed) || err == nil && account != session.Account {
			return ErrWrongProof.Because(err)
		}
		return err
	case p.Code != "":
		ok, err := s.checkTOTP(ctx, session.Account, p.Code)
		if err != nil {
			return err
		}
		if !ok {
			return ErrWrongProof
		}
		return nil
	default:
		var stored []byte
		found, err := s.row(ctx, `select sign_in_hash from credential where account_id = $1 and kind = $2`, []any{session.Account, password}, &stored)
		if err != nil {
			return err
		}
		if !found || len(p.Secret) != secretSize || subtle.ConstantTimeCompare(stored, s.signInHash(session.Account, p.Secret)) != 1 {
			return ErrWrongProof
		}
		return nil
	}
}

// rotate gives a session another cookie and changes it along. What the old
// cookie is remembered for stays for its second, so that requests under way
// are not signed out.
func (s *Service) rotate(ctx context.Context, cookie, change string, args ...any) (string, error) {
	old, ok := hashCookie(cookie)
	if !ok {
		return "", ErrSignedOut
	}
	next, hash := newCookie()
	result, err := s.db.Global().NewRaw(`update session set id_hash = ?, `+change+` where id_hash = ?`,
		append(append([]any{hash[:]}, args...), old[:])...).Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("rotate session: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return "", fmt.Errorf("rotate session: %w", err)
	} else if n == 0 {
		return "", ErrSignedOut
	}
	return next, nil
}

// Switch moves a portal's session to another of the account's domains, under
// another cookie. That the account is somebody there is for the caller to know.
func (s *Service) Switch(ctx context.Context, cookie string, to access.Domain) (string, error) {
	if !PortalDoor().leads(to) {
		return "", fault.New(fault.Forbidden, "not_member")
	}
	return s.rotate(ctx, cookie, `domain_kind = ?, domain_id = ?`, string(to.Kind), to.ID)
}

// What may have to be done before anything else.
const (
	MustSecondFactor = "second_factor"
	MustSecrecy      = "secrecy"
)

// Must is what the session's owner has to do first in its domain, acting in
// role. People of the platform, of resellers and of support undertake secrecy;
// they, and whoever's domain says so, have a second factor.
func (s *Service) Must(ctx context.Context, session Session, role access.Role) ([]string, error) {
	outsider := session.Domain.Kind != access.Tenant || role == access.Support
	var must []string
	if !session.Factor {
		rule, err := s.Rule(ctx, session.Domain)
		if err != nil {
			return nil, err
		}
		if rule.SecondFactor || outsider {
			must = append(must, MustSecondFactor)
		}
	}
	if outsider && !session.Undertaken {
		must = append(must, MustSecrecy)
	}
	return must, nil
}

// FactorDemanded reports whether the account has to have a second factor there.
func (s *Service) FactorDemanded(ctx context.Context, session Session, role access.Role) (bool, error) {
	rule, err := s.Rule(ctx, session.Domain)
	return rule.SecondFactor || role == access.Support, err
}
