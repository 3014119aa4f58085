package server

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"siegel/tenants/registry"
)

// framed lets the pages of the tenant's own sites frame a patients' page, and
// nobody else's. A frame on another site gets no cookie that is bound to ours:
// the one that tells browsers apart is kept apart for that site (Partitioned),
// so that it follows nobody from one site to another.
func (s *Server) framed(c *fiber.Ctx) {
	r := From(c.UserContext())
	if r.Kind != registry.Patients || s.Sites == nil {
		return
	}
	sites, err := s.Sites(c.UserContext(), r.Tenant.ID)
	if err != nil || len(sites) == 0 {
		return // as if there were none: the page itself is not to fail
	}
	c.Set(fiber.HeaderContentSecurityPolicy, strings.Replace(contentSecurity, "frame-ancestors 'none'", "frame-ancestors "+strings.Join(sites, " "), 1))
	if c.Get("Sec-Fetch-Dest") == "iframe" && r.Visit == "" {
		AddCookie(c.UserContext(), s.cookieName("visit")+"="+token(16)+"; Path=/; HttpOnly; Secure; SameSite=None; Partitioned")
	}
}
