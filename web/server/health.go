package server

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
)

// The probes answer on any host: whoever probes knows an address, not a name.
const (
	livePath  = "/healthz"
	readyPath = "/readyz"
)

// StatusPath is the page that tells visitors how the service does. It answers
// also while nobody can say whose host it is on.
const StatusPath = "/status"

func isHealth(path string) bool { return path == livePath || path == readyPath }

// health adds the probes. Alive never depends on a store; ready needs what
// Config.Ready needs.
func (s *Server) health() {
	s.Raw("getHealth", fiber.MethodGet, livePath, func(c *fiber.Ctx) error { return c.SendString("ok\n") })
	s.Raw("getReady", fiber.MethodGet, readyPath, func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(c.UserContext(), time.Second)
		defer cancel()
		if err := s.Ready(ctx); err != nil {
			return refuse(c, err)
		}
		return c.SendString("ready\n")
	})
}
