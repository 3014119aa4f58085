package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"path"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"siegel/tenants/registry"
)

// Pages are the files of the built web app, read and compressed once.
type Pages struct {
	files map[string]file
}

// file holds its content once: compressed where that makes it smaller.
type file struct {
	body        []byte
	gzipped     bool
	media, etag string
}

// plain is the content as it was built.
func (f file) plain() ([]byte, error) {
	if !f.gzipped {
		return f.body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(f.body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// LoadPages reads a built web app: pages at its root, hashed files in assets/.
func LoadPages(dist fs.FS) (Pages, error) {
	p := Pages{files: map[string]file{}}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		body, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		f := file{body: body, media: mime.TypeByExtension(path.Ext(name)), etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
		if ext := path.Ext(name); ext != ".woff2" && ext != ".png" {
			var z bytes.Buffer
			w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
			_, _ = w.Write(body) // a buffer takes everything
			_ = w.Close()
			f.body, f.gzipped = slices.Clip(z.Bytes()), true
		}
		p.files["/"+name] = f
		return nil
	})
	if err != nil {
		return Pages{}, fmt.Errorf("read the web app: %w", err)
	}
	return p, nil
}

// pages adds the pages of both kinds of host and their files.
func (s *Server) pages() {
	s.Raw("assets", fiber.MethodGet, "/assets/*", func(c *fiber.Ctx) error {
		return s.file(c, c.Path(), "public, max-age=31536000, immutable")
	})
	for route, page := range map[string]string{"/confirm": "/confirm.html", "/booking": "/booking.html", "/sealed": "/sealed.html", "/waiting": "/waiting.html"} {
		s.Raw("patientPages", fiber.MethodGet, route, func(c *fiber.Ctx) error {
			s.framed(c)
			return s.file(c, page, "no-cache")
		})
	}
	// What a practice's own page loads to show the patients' pages within it.
	s.Raw("embed", fiber.MethodGet, "/embed.js", func(c *fiber.Ctx) error {
		c.Set("Cross-Origin-Resource-Policy", "cross-origin")
		return s.file(c, "/embed.js", "public, max-age=300")
	})
	// Whose work is in the product, and on what terms.
	s.Raw("licences", fiber.MethodGet, "/licences.txt", func(c *fiber.Ctx) error {
		return s.file(c, "/licences.txt", "public, max-age=3600")
	})
	// Where a browser comes back from a provider, and by a link from a mail.
	for _, route := range []string{"/oidc", "/recover"} {
		s.Raw("signInPages", fiber.MethodGet, route, func(c *fiber.Ctx) error {
			page := "/portal.html"
			if From(c.UserContext()).Kind == "office" {
				page = "/office.html"
			}
			return s.file(c, page, "no-cache")
		})
	}
	// Where the links of invitations and registrations lead.
	s.Raw("joinPage", fiber.MethodGet, "/join", func(c *fiber.Ctx) error {
		if From(c.UserContext()).Kind == registry.Portal {
			return s.file(c, "/portal.html", "no-cache")
		}
		return s.file(c, "/office.html", "no-cache")
	})
	s.Raw("registerPage", fiber.MethodGet, "/register", func(c *fiber.Ctx) error { return s.file(c, "/register.html", "no-cache") })
	s.Raw("home", fiber.MethodGet, "/", func(c *fiber.Ctx) error {
		page := "/index.html"
		switch From(c.UserContext()).Kind {
		case registry.Office:
			page = "/office.html"
		case registry.Portal:
			page = "/portal.html"
		}
		s.framed(c)
		return s.file(c, page, "no-cache")
	})
}

// Page is a page of the web app as it was built; nil where it was not.
func (s *Server) Page(name string) []byte {
	page, err := s.Pages.files[name].plain()
	if err != nil {
		panic(err) // we compressed it ourselves
	}
	return page
}

func (s *Server) file(c *fiber.Ctx, name, caching string) error {
	f, ok := s.Pages.files[name]
	if !ok {
		return writeProblem(c, &Problem{Status: fiber.StatusNotFound, Reason: "not_found", RequestID: From(c.UserContext()).RequestID})
	}
	c.Set(fiber.HeaderCacheControl, caching)
	c.Set(fiber.HeaderETag, f.etag)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	if c.Get(fiber.HeaderIfNoneMatch) == f.etag {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, f.media)
	if f.gzipped && strings.Contains(c.Get(fiber.HeaderAcceptEncoding), "gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(f.body)
	}
	body, err := f.plain()
	if err != nil {
		return err
	}
	return c.Send(body)
}
