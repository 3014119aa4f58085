package server

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/redisdb"
	"siegel/tenants/audit"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// ErrTooManyRequests is said to a machine that asks too often.
var ErrTooManyRequests = fault.New(fault.Limited, "too_many_requests")

// A machine may ask that often in a minute; and a network, with tokens that are
// refused. Their secrets have 256 bits: this keeps the database from work.
const (
	perToken   = 600
	perRefused = 60
)

// Actor is who acts, for the audit trail.
func (r Request) Actor() audit.Actor {
	account := r.Session.Account
	switch {
	case !r.Token.ID.IsZero():
		return audit.Token(r.Token.ID)
	case r.Kind == registry.Patients:
		return audit.Patient
	case account.IsZero():
		return audit.System // a stranger at an office's door
	case r.Domain.Kind == access.Platform:
		return audit.Platform(account)
	case r.Domain.Kind == access.Reseller:
		return audit.Reseller(account)
	case r.Role == string(access.Support):
		return audit.Support(account)
	default:
		return audit.Person(account)
	}
}

// bearer is the token of a request, if it has one.
func bearer(c *fiber.Ctx) (text string, ok bool) {
	scheme, text, found := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	return text, found && strings.EqualFold(scheme, "bearer")
}

// admit lets in a machine that has a token of this office.
func (s *Server) admit(ctx context.Context, r *Request, text string) error {
	if s.Tokens == nil {
		return staff.ErrTokenRefused
	}
	token, err := s.Tokens.Find(ctx, r.Tenant.ID, text)
	if fault.From(err).Code == fault.Unauthenticated && err != nil {
		if !s.Few(ctx, perRefused, time.Minute, "token-refused", audit.Truncated(r.Client)) {
			return ErrTooManyRequests.After(time.Minute)
		}
		return err
	}
	if err != nil {
		return err
	}
	if !s.Few(ctx, perToken, time.Minute, "token", token.ID.UUID()) {
		return ErrTooManyRequests.After(time.Minute)
	}
	r.Token, r.Role, r.bearer = token, string(access.Connector), text
	return nil
}

// Few counts one more of what who does in a window, and reports whether that
// are no more than most. Where Redis does not answer, nothing is counted.
func (s *Server) Few(ctx context.Context, most int, window time.Duration, topic, who string) bool {
	if s.Redis == nil {
		return true
	}
	mac := s.Redis.MAC("rate", topic, who)
	key := redisdb.GlobalKey("rate", topic, base64.RawURLEncoding.EncodeToString(mac[:16]))
	_, ok, err := s.Redis.Take(ctx, key, most, window)
	return err != nil || ok
}

// mayToken reports whether one of the scopes of the request's token lets it.
func (s *Server) mayToken(r Request, operation string) bool {
	for _, scope := range r.Token.Scopes {
		if s.Policy.Can(scope, r.Domain.Kind, operation) {
			return true
		}
	}
	return false
}
