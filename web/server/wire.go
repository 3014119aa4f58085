package server

import (
	"bytes"
	"strings"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/fault"
)

// What the wire may not carry. The framework's parser lets some of it through,
// and each is a way to make two readers see two different requests.
var (
	errTarget       = fault.New(fault.Invalid, "malformed_target")
	errHeader       = fault.New(fault.Invalid, "malformed_header")
	errContentCoded = fault.New(fault.Invalid, "content_encoding")
	errContentType  = fault.New(fault.Invalid, "content_type")
	errForeign      = fault.New(fault.Forbidden, "foreign_origin")
)

// checkWire refuses absolute-form targets, doubled or spaced header names,
// two framings of one body, and compressed bodies.
func checkWire(c *fiber.Ctx) error {
	target := c.Request().Header.RequestURI()
	if len(target) == 0 || target[0] != '/' || bytes.ContainsAny(target, "\\\x00") {
		return hangUp(c, ProblemOf(c.UserContext(), errTarget))
	}
	var hosts, lengths, transfers, types int
	for line := range bytes.SplitSeq(c.Request().Header.RawHeaders(), []byte("\r\n")) {
		name, _, found := bytes.Cut(line, []byte(":"))
		if len(line) == 0 {
			continue
		}
		if !found || len(name) == 0 || bytes.ContainsAny(name, " \t\n") {
			return hangUp(c, ProblemOf(c.UserContext(), errHeader))
		}
		switch {
		case bytes.EqualFold(name, []byte("host")):
			hosts++
		case bytes.EqualFold(name, []byte("content-length")):
			lengths++
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			transfers++
		case bytes.EqualFold(name, []byte("content-type")):
			types++
		case bytes.EqualFold(name, []byte("content-encoding")):
			return hangUp(c, &Problem{Status: fiber.StatusUnsupportedMediaType, Reason: errContentCoded.Reason, RequestID: From(c.UserContext()).RequestID})
		}
	}
	if hosts != 1 || lengths+transfers > 1 || types > 1 {
		return hangUp(c, ProblemOf(c.UserContext(), errHeader))
	}
	return c.Next()
}

// HookPath is where other services report to. Requests there come from no
// browser, in whatever form those services have; nobody is signed in there.
const HookPath = "/hooks/"

// hangUp refuses a request and ends the connection. Where framing is in doubt,
// what follows may be a request that only one of two readers sees (RFC 9112 §6.3).
func hangUp(c *fiber.Ctx, p *Problem) error {
	c.Context().SetConnectionClose()
	return writeProblem(c, p)
}

// checkOrigin lets only our own pages change anything, and only with JSON.
// Programs that are no browser send neither header and carry no one's cookie.
func (s *Server) checkOrigin(c *fiber.Ctx) error {
	if strings.HasPrefix(c.Path(), HookPath) { // not a page of ours, and it carries nobody's cookie
		return c.Next()
	}
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return c.Next()
	}
	if site := c.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return refuse(c, errForeign)
	}
	if origin := c.Get(fiber.HeaderOrigin); origin != "" && origin != s.scheme+"://"+string(c.Request().Header.Host()) {
		return refuse(c, errForeign)
	}
	media, _, _ := bytes.Cut(c.Request().Header.ContentType(), []byte(";"))
	if c.Method() != fiber.MethodDelete && !isJSON(c, bytes.TrimSpace(media)) {
		return writeProblem(c, &Problem{Status: fiber.StatusUnsupportedMediaType, Reason: errContentType.Reason, RequestID: From(c.UserContext()).RequestID})
	}
	return c.Next()
}
