package api

import (
	_ "embed"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/access"
	"siegel/web/fhir"
	"siegel/web/server"
)

// document describes the interface (OpenAPI 3.1). A test writes it anew and
// compares.
//
//go:embed openapi.json
var document []byte

// Describe returns the OpenAPI 3.1 document of all that a server offers.
func Describe() ([]byte, error) {
	policy, err := access.New()
	if err != nil {
		return nil, err
	}
	return server.Describe(policy, func(s *server.Server) {
		Mount(s, Services{})
		fhir.Mount(s, fhir.Services{})
		s.WatchChanges(nil)
	})
}

func mountDocument(s *server.Server) {
	s.Raw("getOpenAPI", fiber.MethodGet, "/api/v1/openapi.json", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, "application/json")
		c.Set(fiber.HeaderCacheControl, "no-cache")
		return c.Send(document)
	})
}
