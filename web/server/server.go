// Package server speaks HTTP: listeners, the order of the middleware, host to
// tenant, fault to status, pages, health and the stream of changes.
//
// Before any handler runs, the Host header alone has decided the tenant and
// the kind of host; the policy has decided whether the caller may; and nothing
// malformed on the wire has come through. A route without a row in the policy
// keeps the server from starting ([Server.Listen]).
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/redisdb"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

const (
	bodyLimit      = 64 << 10
	headerLimit    = 8 << 10
	readTimeout    = 10 * time.Second
	writeTimeout   = 20 * time.Second
	idleTimeout    = 60 * time.Second
	requestTimeout = 10 * time.Second
)

// methods are all that any route may have; HEAD goes where GET goes.
var methods = []string{fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodDelete, fiber.MethodOptions}

// Config wires a [Server]. Every field without a remark is required.
type Config struct {
	// Scheme is http (only for localhost) or https, as browsers see it.
	Scheme   string
	Registry *registry.Service
	Identity *identity.Service
	Staff    *staff.Service
	Policy   *access.Policy
	// Tokens lets machines in; nil lets none in.
	Tokens *staff.Tokens
	// Redis counts what machines ask; nil counts nothing.
	Redis *redisdb.Client
	// Demands may name what else a member has to do before anything, such as
	// accepting an agreement; nil where there is nothing.
	Demands func(ctx context.Context, domain access.Domain, account id.Account, role access.Role) ([]string, error)
	// Sites names the origins whose pages may frame a tenant's patient pages; nil
	// names none.
	Sites func(ctx context.Context, tenant id.Tenant) ([]string, error)
	// Visited is told of each page that somebody asked for; nil where nobody
	// counts them. It must be quick.
	Visited func(ctx context.Context, r Request, v Visit)
	// Pages is the built web app.
	Pages Pages
	// TrustedProxies may name the client in X-Forwarded-For; empty trusts nobody.
	TrustedProxies []netip.Prefix
	// Contact is the address that weaknesses are reported to; empty names none.
	Contact string
	// Observe begins to measure a request; ended is told its operation and the
	// status of the answer. Nil measures nothing.
	Observe func(context.Context) (_ context.Context, ended func(what, outcome string))
	// Ready reports whether the server can do its work.
	Ready func(context.Context) error
}

// Server is the Fiber app with its routes.
type Server struct {
	Config
	scheme    string
	app       *fiber.App
	api       huma.API
	routes    []route
	large     []largeBody
	pingEvery time.Duration // how often a stream's session is looked at
	stop      chan struct{} // closed when streams shall end
	stopOnce  sync.Once
}

// New builds the app. Routes are added by [Register] and [Server.Raw].
func New(c Config) (*Server, error) {
	if c.Registry == nil || c.Identity == nil || c.Staff == nil || c.Policy == nil || c.Ready == nil || c.Scheme == "" {
		return nil, errors.New("server: incomplete config")
	}
	s := &Server{Config: c, scheme: c.Scheme, pingEvery: pingEvery, stop: make(chan struct{})}
	s.app = fiber.New(fiber.Config{
		// Without it, values from a request change when the framework reuses
		// their memory: one tenant's string becomes another's.
		Immutable:             true,
		CaseSensitive:         true,
		StrictRouting:         true,
		DisableStartupMessage: true,
		BodyLimit:             bodyLimit,
		ReadBufferSize:        headerLimit,
		ReadTimeout:           readTimeout,
		WriteTimeout:          writeTimeout,
		IdleTimeout:           idleTimeout,
		RequestMethods:        methods,
		ErrorHandler:          s.failed,
	})
	s.app.Server().HeaderReceived = s.limits
	serve := s.app.Server().Handler
	s.app.Server().Handler = func(c *fasthttp.RequestCtx) {
		switch method := string(c.Method()); {
		case method == fiber.MethodHead: // what GET says, without the content
			c.Request.Header.SetMethod(fiber.MethodGet)
			serve(c)
			c.Response.SkipBody = true
		case slices.Contains(methods, method):
			serve(c)
		default:
			s.unknownMethod(c)
		}
	}
	s.app.Use(s.identify, secureHeaders(c.Scheme), checkWire, s.resolve, s.checkOrigin)

	s.mountAPI()

	s.health()
	s.securityText()
	s.pages()
	return s, nil
}

// sayProblems makes huma say what it refuses in our words. It can only be told
// for all servers of a process.
var sayProblems = sync.OnceFunc(func() {
	huma.NewErrorWithContext = humaProblem
	huma.DefaultArrayNullable = false // a list is never null, here or there
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return humaProblem(nil, status, msg, errs...)
	}
})

// Listen serves on ln until [Server.Shutdown]. It returns an error at once
// where policy and routes do not agree.
func (s *Server) Listen(ln net.Listener) error {
	s.app.Use(func(c *fiber.Ctx) error {
		return writeProblem(c, &Problem{Status: fiber.StatusNotFound, Reason: "not_found", RequestID: From(c.UserContext()).RequestID})
	})
	if err := s.Policy.Covers(s.operations()); err != nil {
		return fmt.Errorf("policy and routes: %w", err)
	}
	return s.app.Listener(ln)
}

// operations are the ids of all routes.
func (s *Server) operations() []string {
	var all []string
	for _, r := range s.routes {
		all = append(all, r.ID)
	}
	return all
}

// Shutdown ends streams first, then waits for requests under way.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopOnce.Do(func() { close(s.stop) })
	return s.app.ShutdownWithContext(ctx)
}

// failed answers what no handler answered: framework errors and panics. The
// framework's own text would echo the raw request, cookies and all.
func (s *Server) failed(c *fiber.Ctx, err error) error {
	p := &Problem{Status: fiber.StatusInternalServerError, Reason: "internal", RequestID: From(c.UserContext()).RequestID}
	var e *fiber.Error
	if errors.As(err, &e) {
		p.Status, p.Reason = e.Code, "malformed_request"
		switch e.Code {
		case fiber.StatusNotFound, fiber.StatusMethodNotAllowed:
			p.Status, p.Reason = fiber.StatusNotFound, "not_found"
		case fiber.StatusRequestEntityTooLarge:
			p.Reason = "body_too_large"
		}
	} else {
		p = ProblemOf(c.UserContext(), err)
	}
	if p.RequestID == "" { // refused before the middleware ran
		p.RequestID = token(9)
		c.Set("X-Request-Id", p.RequestID)
		setSecureHeaders(c, s.scheme)
	}
	if p.Status >= fiber.StatusInternalServerError {
		slog.ErrorContext(c.UserContext(), "request failed", "request_id", p.RequestID, "err", err)
	}
	return writeProblem(c, p)
}

// unknownMethod refuses a method that no route has. The framework would do so
// in its own words, before any middleware.
func (s *Server) unknownMethod(raw *fasthttp.RequestCtx) {
	c := s.app.AcquireCtx(raw)
	defer s.app.ReleaseCtx(c)
	raw.SetConnectionClose() // nobody has looked at how its body is framed
	setSecureHeaders(c, s.scheme)
	request := token(9)
	c.Set("X-Request-Id", request)
	c.Set(fiber.HeaderAllow, strings.Join(append([]string{fiber.MethodHead}, methods...), ", "))
	_ = writeProblem(c, &Problem{Status: fiber.StatusMethodNotAllowed, Reason: "method_not_allowed", RequestID: request})
}

// client is the caller's address: the peer, or what the nearest proxy that is
// not trusted wrote into X-Forwarded-For.
func (s *Server) client(c *fiber.Ctx) netip.Addr {
	peer, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	peer = peer.Unmap()
	if !s.trusted(peer) {
		return peer
	}
	// Some proxies write a line of their own below one that the client sent.
	lines := c.Request().Header.PeekAll(fiber.HeaderXForwardedFor)
	hops := strings.Split(string(bytes.Join(lines, []byte(","))), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if peer = hop.Unmap(); !s.trusted(peer) {
			break
		}
	}
	return peer
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
