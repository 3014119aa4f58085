package server

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// Operation is one thing that HTTP callers can do.
type Operation struct {
	// ID names it in the policy.
	ID      string
	Method  string
	Path    string
	Summary string
	// Status is that of success; zero is 200.
	Status int
	// Once says that an Idempotency-Key is required.
	Once bool
	// Proven says that the caller must have shown within the last minutes that
	// it is they, beyond the session's cookie.
	Proven bool
	// Body is how many octets a request may bring; zero is 64 KiB.
	Body int
	// Writes is a value of the type whose JSON the handler writes itself, for the
	// document; nil where it leaves that to the server.
	Writes any
	// File lists the media types of a file that is answered instead of JSON.
	File []string
}

// Register adds an operation. It is one of the two doors to the router; the
// other is [Server.Raw]. Both ask the policy before the handler.
func Register[I, O any](s *Server, op Operation, handler func(context.Context, *I) (*O, error)) {
	s.routes = append(s.routes, route{ID: op.ID, Method: op.Method, Path: op.Path, proven: op.Proven, once: op.Once})
	if op.Body == 0 {
		op.Body = bodyLimit
	}
	if op.Body > bodyLimit {
		path, _, _ := strings.Cut(op.Path, "{")
		s.large = append(s.large, largeBody{op.Method, path, op.Body})
	}
	guard := func(ctx huma.Context, next func(huma.Context)) {
		cameTo(ctx.Context(), op.ID)
		r := From(ctx.Context())
		if p := s.allowed(r, op.ID); p != nil {
			s.problem(ctx, p)
			return
		}
		if op.Proven && !r.Session.Proven {
			s.problem(ctx, &Problem{Status: fiber.StatusForbidden, Reason: "proof_needed", RequestID: r.RequestID})
			return
		}
		if op.Once && !isOnceKey(ctx.Header("Idempotency-Key")) {
			s.problem(ctx, &Problem{Status: fiber.StatusBadRequest, Reason: "idempotency_key_missing", RequestID: r.RequestID})
			return
		}
		next(ctx)
	}
	huma.Register(s.api, huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, DefaultStatus: op.Status,
		MaxBodyBytes: int64(op.Body), BodyReadTimeout: -1, Middlewares: huma.Middlewares{guard}, Responses: s.written(op),
	}, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			p := ProblemOf(ctx, err)
			if p.RetryAfter > 0 {
				return nil, huma.ErrorWithHeaders(p, map[string][]string{"Retry-After": {strconv.Itoa(p.RetryAfter)}})
			}
			return nil, p
		}
		return out, nil
	})
}

// largeBody is where more than the usual may come in.
type largeBody struct {
	method, path string
	limit        int
}

// limits tells, once the headers are there, how long the body may be: nothing
// longer is ever read.
func (s *Server) limits(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	c := fasthttp.RequestConfig{MaxRequestBodySize: bodyLimit}
	for _, l := range s.large {
		if string(h.Method()) == l.method && strings.HasPrefix(string(h.RequestURI()), l.path) {
			c.MaxRequestBodySize = l.limit
		}
	}
	return c
}

// Raw adds a route that is no JSON operation: a page, a file, a stream.
func (s *Server) Raw(operation, method, path string, handler fiber.Handler) {
	s.routes = append(s.routes, route{ID: operation, Method: method, Path: path, raw: true})
	s.app.Add(method, path, func(c *fiber.Ctx) error {
		cameTo(c.UserContext(), operation)
		if p := s.allowed(From(c.UserContext()), operation); p != nil {
			return writeProblem(c, p)
		}
		return handler(c)
	})
}

func (s *Server) problem(ctx huma.Context, p *Problem) {
	ctx.SetStatus(p.Status)
	ctx.SetHeader("Content-Type", p.ContentType(""))
	body, err := p.MarshalJSON()
	if err == nil {
		_, _ = ctx.BodyWriter().Write(body)
	}
}

// isOnceKey accepts 16 to 64 characters of base64url.
func isOnceKey(k string) bool {
	if len(k) < 16 || len(k) > 64 {
		return false
	}
	for _, c := range []byte(k) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// RequestHash identifies what an idempotency key was used for.
func RequestHash(key, operation string, body []byte) []byte {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(key), []byte(operation), body} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":"))
		h.Write(part)
	}
	return h.Sum(nil)
}
