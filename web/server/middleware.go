package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// identify gives the request an id, a deadline, and an end to its panics.
func (s *Server) identify(c *fiber.Ctx) (err error) {
	r := &Request{RequestID: token(9), Client: s.client(c)}
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), requestKey{}, r), requestTimeout)
	defer cancel()
	c.SetUserContext(ctx)
	c.Set("X-Request-Id", r.RequestID)
	defer func() {
		if v := recover(); v != nil {
			slog.ErrorContext(ctx, "panic", "request_id", r.RequestID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = writeProblem(c, &Problem{Status: fiber.StatusInternalServerError, Reason: "internal", RequestID: r.RequestID})
		}
	}()
	return c.Next()
}

// resolve turns the Host header, and nothing else, into tenant, kind of host
// and role.
func (s *Server) resolve(c *fiber.Ctx) error {
	r := c.UserContext().Value(requestKey{}).(*Request)
	if isHealth(c.Path()) {
		r.Role = string(access.Anyone)
		return c.Next()
	}
	ctx := c.UserContext()
	tenant, kind, err := s.Registry.Resolve(ctx, string(c.Request().Header.Host()))
	if err != nil {
		return refuse(c, err)
	}
	r.Tenant, r.Kind = tenant, kind
	switch kind {
	case registry.Patients:
		r.Role = string(access.Patient)
		r.Visit = s.visit(c)
	case registry.Office:
		r.Role = string(access.Anyone)
		r.Cookie = c.Cookies(s.cookieName("session"))
		if r.Cookie == "" || !strings.HasPrefix(c.Path(), "/api/") {
			break
		}
		// Reading keeps nobody signed in and changes no row: the office's page
		// reads on its own.
		find := s.Identity.Peek
		if c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead {
			find = s.Identity.Session
		}
		session, role, err := s.signedIn(ctx, r, find)
		if err != nil {
			return refuse(c, err)
		}
		r.Session, r.Role = session, role
	}
	return c.Next()
}

// signedIn finds the session behind the request's cookie and its membership's
// role. A session that is over, or whose member has left, is just signed out.
func (s *Server) signedIn(ctx context.Context, r *Request, find findSession) (identity.Session, string, error) {
	session, err := find(ctx, r.Cookie, r.Tenant.ID)
	if errors.Is(err, identity.ErrSignedOut) {
		return identity.Session{}, string(access.Anyone), nil
	}
	if err != nil {
		return identity.Session{}, "", err
	}
	role, err := s.Staff.Role(ctx, r.Tenant.ID, session.Account)
	if errors.Is(err, staff.ErrNotMember) {
		return identity.Session{}, string(access.Anyone), nil
	}
	if err != nil {
		return identity.Session{}, "", err
	}
	return session, "r:" + string(role), nil
}

// allowed decides whether the caller may do an operation, and how the refusal
// is said: to strangers an operation of another kind of host does not exist.
func (s *Server) allowed(r Request, operation string) *Problem {
	if s.Policy.Can(access.Role(r.Role), access.Tenant, operation) {
		return nil
	}
	switch {
	case r.Kind != registry.Office, !s.ofOffices(operation):
		return &Problem{Status: fiber.StatusNotFound, Reason: "not_found", RequestID: r.RequestID}
	case r.Role == string(access.Anyone):
		return &Problem{Status: fiber.StatusUnauthorized, Reason: "signed_out", RequestID: r.RequestID}
	default:
		return &Problem{Status: fiber.StatusForbidden, Reason: "forbidden", RequestID: r.RequestID}
	}
}

// ofOffices reports whether anyone may do the operation in an office.
func (s *Server) ofOffices(operation string) bool {
	for _, role := range []access.Role{access.Anyone, access.Owner, access.Practitioner, access.FrontDesk} {
		if s.Policy.Can(role, access.Tenant, operation) {
			return true
		}
	}
	return false
}

// visit reads the visit cookie, or sets one. It tells browsers apart for the
// cap on holds and nothing else; it goes with the browser's session.
func (s *Server) visit(c *fiber.Ctx) string {
	name := s.cookieName("visit")
	if v := c.Cookies(name); len(v) == 22 {
		return v
	}
	if c.Method() != fiber.MethodPost {
		return ""
	}
	v := token(16)
	s.setCookie(c, name, v)
	return v
}

// cookieName adds the prefix that binds a cookie to its host. Over plain http,
// so on localhost only, browsers refuse the prefix.
func (s *Server) cookieName(name string) string {
	if s.scheme == "https" {
		return "__Host-siegel-" + name
	}
	return "siegel-" + name
}

// setCookie sets a cookie to the end of the browser's session.
func (s *Server) setCookie(c *fiber.Ctx, name, value string) {
	c.Cookie(&fiber.Cookie{Name: name, Value: value, Path: "/", Secure: s.scheme == "https", HTTPOnly: true,
		SameSite: fiber.CookieSameSiteStrictMode, SessionOnly: true})
}

// SessionCookie is the Set-Cookie header for a new session, or for its end
// where value is empty.
func (s *Server) SessionCookie(value string) string {
	cookie := s.cookieName("session") + "=" + value + "; Path=/; HttpOnly; SameSite=Strict"
	if s.scheme == "https" {
		cookie += "; Secure"
	}
	if value == "" {
		cookie += "; Max-Age=0"
	}
	return cookie
}

// contentSecurity lets a page load and send only to its own host, and lets no
// text become code.
const contentSecurity = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types svelte-trusted-html siegel-worker"

func secureHeaders(scheme string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		setSecureHeaders(c, scheme)
		return c.Next()
	}
}

func setSecureHeaders(c *fiber.Ctx, scheme string) {
	c.Set(fiber.HeaderContentSecurityPolicy, contentSecurity)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set(fiber.HeaderPermissionsPolicy, "camera=(), microphone=(), geolocation=()")
	c.Set(fiber.HeaderCacheControl, "no-store")
	if scheme == "https" {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=63072000; includeSubDomains")
	}
}

// findSession is identity's Session, or its Peek, which keeps nobody awake.
type findSession = func(ctx context.Context, cookie string, tenant id.Tenant) (identity.Session, error)

// token is n random bytes in text.
func token(n int) string {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic(err) // crypto/rand never fails on supported systems
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
