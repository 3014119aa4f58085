package server

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/identity"
	"siegel/tenants/registry"
)

// Visit is a page that somebody asked for, as far as it may be counted: not the
// address that it came from.
type Visit struct {
	Page                      string
	Status, Bytes             int
	Referrer                  string
	Browser, System, Language string
}

// visited tells of a page of a patients' host or the portal, once it was
// answered. Files, data and offices are not visits.
func (s *Server) visited(c *fiber.Ctx, r *Request) {
	if s.Visited == nil || r.Kind == registry.Office || !isPage(c) || strings.HasPrefix(c.Path(), "/assets/") {
		return
	}
	status := c.Response().StatusCode()
	page := strings.Clone(c.Path())
	if status >= fiber.StatusBadRequest {
		page = "none" // whatever somebody typed
	}
	agent := identity.AgentOf(c.Get(fiber.HeaderUserAgent))
	s.Visited(c.UserContext(), *r, Visit{
		Page: page, Status: status, Bytes: len(c.Response().Body()), Referrer: strings.Clone(c.Get(fiber.HeaderReferer)),
		Browser: agent.Browser, System: agent.System, Language: strings.Clone(c.Get(fiber.HeaderAcceptLanguage)),
	})
}
