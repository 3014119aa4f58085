package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/tenants/audit"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// identify gives the request an id, a deadline, and an end to its panics.
func (s *Server) identify(c *fiber.Ctx) (err error) {
	r := &Request{RequestID: token(9), Client: s.client(c), cookies: new([]string)}
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), requestKey{}, r), requestTimeout)
	defer cancel()
	if s.Observe != nil {
		var ended func(what, outcome string)
		ctx, ended = s.Observe(ctx)
		defer func() { ended(cmp.Or(r.operation, "none"), strconv.Itoa(c.Response().StatusCode())) }()
	}
	c.SetUserContext(ctx)
	c.Set("X-Request-Id", r.RequestID)
	defer func() {
		if v := recover(); v != nil {
			slog.ErrorContext(ctx, "panic", "request_id", r.RequestID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = writeProblem(c, &Problem{Status: fiber.StatusInternalServerError, Reason: "internal", RequestID: r.RequestID})
		}
	}()
	err = c.Next()
	r.sendAttached(c, err)
	for _, cookie := range *r.cookies {
		c.Response().Header.Add(fiber.HeaderSetCookie, cookie)
	}
	return err
}

// resolve turns the Host header, and nothing else, into tenant, kind of host
// and role.
func (s *Server) resolve(c *fiber.Ctx) error {
	r := c.UserContext().Value(requestKey{}).(*Request)
	if isHealth(c.Path()) {
		r.Role, r.Domain.Kind = string(access.Anyone), access.Tenant
		return c.Next()
	}
	ctx := c.UserContext()
	tenant, kind, err := s.Registry.Resolve(ctx, string(c.Request().Header.Host()))
	if moved := (*registry.MovedError)(nil); errors.As(err, &moved) && isPage(c) {
		// An old name leads to the new one; links from mails keep their fragment.
		return c.Redirect(s.scheme+"://"+moved.Host+string(c.Request().URI().RequestURI()), fiber.StatusPermanentRedirect)
	}
	if err != nil && c.Path() == StatusPath && fault.From(err).Code != fault.NotFound {
		// What is gone is what the page is for.
		r.Kind, r.Role, r.Domain = registry.Portal, string(access.Anyone), identity.OfPlatform()
		return c.Next()
	}
	if err != nil {
		return refuse(c, err)
	}
	r.Tenant, r.Kind, r.Domain = tenant, kind, identity.OfTenant(tenant.ID)
	switch kind {
	case registry.Patients:
		r.Role = string(access.Patient)
		r.Visit = s.visit(c)
	case registry.Office, registry.Portal:
		if kind == registry.Portal {
			r.Domain = identity.OfPlatform()
		}
		r.Role = string(access.Anyone)
		if text, ok := bearer(c); ok && kind == registry.Office && forMachines(c) {
			if err := s.admit(ctx, r, text); err != nil {
				return refuse(c, err)
			}
			break
		}
		r.Cookie, r.Device = c.Cookies(s.cookieName("session")), c.Cookies(s.cookieName("device"))
		r.Pending = c.Cookies(s.cookieName("oidc"))
		r.Agent = identity.AgentOf(c.Get(fiber.HeaderUserAgent))
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
		if r.Session, r.Role = session, role; !session.Account.IsZero() {
			r.Domain = session.Domain
		}
	}
	c.SetUserContext(audit.With(ctx, r.Actor(), r.Client))
	err = c.Next()
	s.visited(c, r)
	return err
}

// isPage reports whether a person looks at something; machines are told that
// there is nothing.
func isPage(c *fiber.Ctx) bool {
	return (c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead) && !forMachines(c)
}

// forMachines reports whether a request is for data: what programs ask for, with
// a token where they have one.
func forMachines(c *fiber.Ctx) bool {
	return strings.HasPrefix(c.Path(), "/api/") || strings.HasPrefix(c.Path(), FHIRPath)
}

// signedIn finds the session behind the request's cookie and its membership's
// role. A session that is over, or whose member has left, is just signed out.
func (s *Server) signedIn(ctx context.Context, r *Request, find findSession) (identity.Session, string, error) {
	session, err := find(ctx, r.Cookie, r.Door())
	if errors.Is(err, identity.ErrSignedOut) {
		return identity.Session{}, string(access.Anyone), nil
	}
	if err != nil {
		return identity.Session{}, "", err
	}
	role, err := s.RoleIn(ctx, session.Domain, session.Account)
	if errors.Is(err, staff.ErrNotMember) {
		return identity.Session{}, string(access.Anyone), nil
	}
	if err != nil {
		return identity.Session{}, "", err
	}
	must, err := s.Must(ctx, session, role)
	if err != nil {
		return identity.Session{}, "", err
	}
	r.Member, r.Must = role, must
	if len(must) > 0 {
		role = access.Arriving
	}
	return session, string(role), nil
}

// Must is what the session's owner has to do before anything else; see
// [identity.Service.Must] and Demands.
func (s *Server) Must(ctx context.Context, session identity.Session, role access.Role) ([]string, error) {
	must, err := s.Identity.Must(ctx, session, role)
	if err != nil || s.Demands == nil {
		return must, err
	}
	more, err := s.Demands(ctx, session.Domain, session.Account, role)
	return append(must, more...), err
}

// Door is where the request's cookies are shown.
func (r Request) Door() identity.Door {
	switch r.Kind {
	case registry.Office:
		return identity.OfficeDoor(r.Tenant.ID)
	case registry.Portal:
		return identity.PortalDoor()
	default:
		return identity.Door{}
	}
}

// Site is where the request's page uses passkeys. All offices share one id.
func (s *Server) Site(r Request) identity.Site {
	host := s.Registry.Host(r.Tenant.Slug, r.Kind)
	site := identity.Site{RPID: host, Origin: s.scheme + "://" + host, At: r.Door()}
	if r.Kind == registry.Office {
		site.RPID = strings.TrimPrefix(host, r.Tenant.Slug+".")
	}
	if name, _, err := net.SplitHostPort(site.RPID); err == nil {
		site.RPID = name
	}
	return site
}

// RoleIn is what the account is in the domain. It returns [staff.ErrNotMember].
func (s *Server) RoleIn(ctx context.Context, domain access.Domain, account id.Account) (access.Role, error) {
	if domain.Kind == access.Tenant {
		role, err := s.Staff.Role(ctx, identity.TenantOf(domain), account)
		if err != nil {
			return "", err
		}
		if role == staff.Support {
			// Who works there no more, or no more for this practice, is nobody here.
			if ok, err := s.Registry.Supports(ctx, identity.TenantOf(domain), account); err != nil || !ok {
				return "", errors.Join(err, staff.ErrNotMember)
			}
		}
		return role.Access(), nil
	}
	memberships, err := s.Registry.Memberships(ctx, account)
	if err != nil {
		return "", err
	}
	for _, m := range memberships {
		if DomainOf(m) == domain {
			return m.Role, nil
		}
	}
	return "", staff.ErrNotMember
}

// DomainOf is where a membership of the portal is.
func DomainOf(m registry.Membership) access.Domain {
	if m.Kind == access.Platform {
		return identity.OfPlatform()
	}
	return identity.OfReseller(m.Reseller)
}

// allowed decides whether the caller may do an operation, and how the refusal
// is said: to strangers an operation of another kind of host does not exist.
func (s *Server) allowed(r Request, operation string) *Problem {
	if s.Policy.Can(access.Role(r.Role), r.Domain.Kind, operation) || s.mayToken(r, operation) {
		return nil
	}
	switch {
	case r.Kind == registry.Patients, !s.offered(r.Kind, operation):
		return &Problem{Status: fiber.StatusNotFound, Reason: "not_found", RequestID: r.RequestID}
	case r.Role == string(access.Anyone):
		return &Problem{Status: fiber.StatusUnauthorized, Reason: "signed_out", RequestID: r.RequestID}
	default:
		return &Problem{Status: fiber.StatusForbidden, Reason: "forbidden", RequestID: r.RequestID}
	}
}

// offered reports whether anybody may do the operation behind that kind of host.
func (s *Server) offered(kind registry.Kind, operation string) bool {
	domains := []access.Kind{access.Tenant}
	if kind == registry.Portal {
		domains = []access.Kind{access.Reseller, access.Platform}
	}
	for _, role := range access.Roles() {
		for _, domain := range domains {
			if role != access.Patient && s.Policy.Can(role, domain, operation) {
				return true
			}
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
	listed(name)
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
// where value is empty. It goes with the browser's session.
func (s *Server) SessionCookie(value string) string { return s.Cookie("session", value, 0) }

// Cookie is a Set-Cookie header for this host alone. It ends with the browser's
// session, or where life is above zero after that; at once where value is empty.
func (s *Server) Cookie(name, value string, life time.Duration) string {
	cookie := s.cookieName(name) + "=" + value + "; Path=/; HttpOnly; SameSite=Strict"
	if s.scheme == "https" {
		cookie += "; Secure"
	}
	switch {
	case value == "":
		cookie += "; Max-Age=0"
	case life > 0:
		cookie += "; Max-Age=" + strconv.Itoa(int(life.Seconds()))
	}
	return cookie
}

// CookieName is how a cookie of ours is called here.
func (s *Server) CookieName(name string) string { return s.cookieName(name) }

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
type findSession = func(ctx context.Context, cookie string, at identity.Door) (identity.Session, error)

// token is n random bytes in text.
func token(n int) string {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic(err) // crypto/rand never fails on supported systems
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
