package server

import (
	"time"

	"github.com/gofiber/fiber/v2"
)

// securityText tells who finds a weakness whom to tell (RFC 9116). It is good
// for half a year from the beginning of the month, so that it changes as seldom
// as what it says.
func (s *Server) securityText() {
	s.Raw("securityText", fiber.MethodGet, "/.well-known/security.txt", func(c *fiber.Ctx) error {
		if s.Contact == "" {
			return writeProblem(c, &Problem{Status: fiber.StatusNotFound, Reason: "not_found", RequestID: From(c.UserContext()).RequestID})
		}
		now := time.Now().UTC()
		ends := time.Date(now.Year(), now.Month()+6, 1, 0, 0, 0, 0, time.UTC)
		c.Set(fiber.HeaderContentType, "text/plain; charset=utf-8")
		c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
		return c.SendString("Contact: mailto:" + s.Contact + "\nExpires: " + ends.Format(time.RFC3339) + "\nPreferred-Languages: de, en\n")
	})
}
