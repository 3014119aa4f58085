package api

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/id"
	"siegel/tenants/privacy"
	"siegel/tenants/registry"
	"siegel/web/server"
)

//go:embed privacy_page.html
var documentText string

// documentPaths are where people look for the documents that are for everybody.
func documentPaths() map[string]privacy.Kind {
	return map[string]privacy.Kind{"/datenschutz": privacy.Statement, "/impressum": privacy.Imprint, "/barrierefreiheit": privacy.Accessibility}
}

// documentPage is how a document is shown: written by the server, without any
// script, with the style of the patients' pages.
type documentPage struct {
	Doc        privacy.Document
	Name, Home string
	// Query is what else than the language is in the address.
	Query  string
	Others []documentLink
}

type documentLink struct {
	Path, Title string
	Here        bool
}

var (
	mailOrWeb = regexp.MustCompile(`https://[a-z0-9.-]+[a-z]|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[a-z]{2,}`)
	heading   = regexp.MustCompile(`<title>[^<]*</title>`)
)

// linked escapes a text and makes links of its addresses.
func linked(text string) template.HTML {
	var b strings.Builder
	at := 0
	for _, m := range mailOrWeb.FindAllStringIndex(text, -1) {
		found := text[m[0]:m[1]]
		to := found
		if !strings.HasPrefix(found, "https://") {
			to = "mailto:" + found
		}
		b.WriteString(html.EscapeString(text[at:m[0]]) + `<a href="` + html.EscapeString(to) + `">` + html.EscapeString(found) + `</a>`)
		at = m[1]
	}
	b.WriteString(html.EscapeString(text[at:]))
	return template.HTML(b.String()) //nolint:gosec // every part is escaped above
}

// ends says that a paragraph tells where promises end, and nothing else.
func ends(b privacy.Block) bool {
	return !slices.ContainsFunc(b.Sentences, func(s privacy.Sentence) bool { return !strings.HasPrefix(s.Key, "limit.") })
}

// render fills the frame that the web app has for documents.
func (p documentPage) render(frame []byte) ([]byte, error) {
	shown, err := template.New("document").Funcs(template.FuncMap{"link": linked, "ends": ends}).Parse(documentText)
	if err != nil {
		return nil, fmt.Errorf("read the page of documents: %w", err)
	}
	var body bytes.Buffer
	if err := shown.Execute(&body, p); err != nil {
		return nil, fmt.Errorf("write a document: %w", err)
	}
	return inFrame(frame, p.Doc.Language, p.Doc.Title+" – "+p.Name, body.Bytes()), nil
}

// inFrame puts what the server has written into the frame that the web app has
// for documents.
func inFrame(frame []byte, language, title string, body []byte) []byte {
	frame = bytes.Replace(frame, []byte(`<html lang="de">`), []byte(`<html lang="`+language+`">`), 1)
	frame = heading.ReplaceAllLiteral(frame, []byte("<title>"+html.EscapeString(title)+"</title>"))
	return bytes.Replace(frame, []byte("<!--document-->"), body, 1)
}

// spoken is the language that a visitor asks for, or prefers.
func spoken(c *fiber.Ctx) string {
	for _, tag := range append([]string{c.Query("lang")}, strings.Split(c.Get(fiber.HeaderAcceptLanguage), ",")...) {
		tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
		tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
		if slices.Contains(privacy.Languages(), tag) {
			return strings.Clone(tag)
		}
	}
	return privacy.Languages()[0]
}

// whose is the tenant that documents on this host are about: the practice on
// its patients' host, the operator (zero) on offices and the portal.
func whose(r server.Request) id.Tenant {
	if r.Kind == registry.Patients {
		return r.Tenant.ID
	}
	return id.Tenant{}
}

// nameOf is who stands at the head of a document.
func (v Services) nameOf(ctx context.Context, tenant id.Tenant) string {
	if tenant.IsZero() {
		return v.Privacy.Operator.Name
	}
	if offer, err := v.Practice.Offer(ctx, tenant); err == nil {
		return offer.Practice.Name
	}
	return "Siegel"
}

// sendDocument answers with a page.
func (v Services) sendDocument(c *fiber.Ctx, s *server.Server, doc privacy.Document, name, query string) error {
	page := documentPage{Doc: doc, Name: name, Home: "/?lang=" + doc.Language, Query: query}
	for _, path := range []string{"/datenschutz", "/impressum", "/barrierefreiheit"} {
		kind := documentPaths()[path]
		page.Others = append(page.Others, documentLink{path, v.Privacy.Title(kind, doc.Language), kind == doc.Kind})
	}
	frame := s.Page("/document.html")
	body, err := page.render(frame)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-cache")
	c.Set(fiber.HeaderVary, "Accept-Language")
	return c.Send(body)
}

func mountDocumentPages(s *server.Server, v Services) {
	for path, kind := range documentPaths() {
		s.Raw("documentPages", fiber.MethodGet, path, func(c *fiber.Ctx) error {
			ctx := c.UserContext()
			tenant, language := whose(server.From(ctx)), spoken(c)
			if number, err := strconv.Atoi(c.Query("version")); err == nil && kind == privacy.Statement {
				doc, err := v.Privacy.Shown(ctx, tenant, number, language)
				if err != nil {
					return err
				}
				return v.sendDocument(c, s, doc, v.nameOf(ctx, tenant), "&version="+strconv.Itoa(number))
			}
			doc, err := v.Privacy.Document(ctx, tenant, kind, language)
			if err != nil {
				return err
			}
			return v.sendDocument(c, s, doc, v.nameOf(ctx, tenant), "")
		})
	}
	s.Raw("paperPages", fiber.MethodGet, "/api/v1/papers/:kind", func(c *fiber.Ctx) error {
		ctx, kind := c.UserContext(), privacy.Kind(strings.Clone(c.Params("kind")))
		if !slices.Contains(privacy.Papers(), kind) {
			return privacy.ErrUnknownDocument
		}
		tenant := server.From(ctx).Tenant.ID
		doc, err := v.Privacy.Document(ctx, tenant, kind, spoken(c))
		if err != nil {
			return err
		}
		return v.sendDocument(c, s, doc, v.nameOf(ctx, tenant), "")
	})
	s.Raw("processingPage", fiber.MethodGet, "/api/v1/portal/papers/processing", func(c *fiber.Ctx) error {
		ctx := c.UserContext()
		own, name := registry.ResellerOf(server.From(ctx).Domain), v.nameOf(ctx, id.Tenant{})
		doc, err := v.Privacy.Processing(ctx, own, spoken(c))
		if err != nil {
			return err
		}
		if !own.IsZero() {
			reseller, err := v.Registry.Reseller(ctx, own)
			if err != nil {
				return err
			}
			name = reseller.Brand.Name
		}
		return v.sendDocument(c, s, doc, name, "")
	})
}

type documentRequest struct {
	Kind     string `path:"kind" enum:"privacy,imprint,accessibility"`
	Language string `query:"lang" maxLength:"10"`
	Version  int    `query:"version" minimum:"0"`
}

type versionBody struct {
	Number  int       `json:"number"`
	Made    time.Time `json:"made"`
	Changed []string  `json:"changed" doc:"Ids of the sections that are not as in the version before"`
}

type documentAnswer struct {
	Body struct {
		Document privacy.Document `json:"document"`
		Versions []versionBody    `json:"versions,omitempty" doc:"Of the privacy statement, the newest first"`
	}
}

func mountDocuments(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getDocument", Method: http.MethodGet, Path: "/api/v1/documents/{kind}",
		Summary: "Privacy statement, imprint or accessibility statement, written from the settings in force",
	}, func(ctx context.Context, in *documentRequest) (*documentAnswer, error) {
		answer := &documentAnswer{}
		tenant, kind := whose(server.From(ctx)), privacy.Kind(in.Kind)
		var err error
		if in.Version > 0 && kind == privacy.Statement {
			answer.Body.Document, err = v.Privacy.Shown(ctx, tenant, in.Version, in.Language)
		} else {
			answer.Body.Document, err = v.Privacy.Document(ctx, tenant, kind, in.Language)
		}
		if err != nil {
			return nil, err
		}
		if kind == privacy.Statement {
			answer.Body.Versions, err = v.versions(ctx, tenant)
		}
		return answer, err
	})
}

func (v Services) versions(ctx context.Context, tenant id.Tenant) ([]versionBody, error) {
	all, err := v.Privacy.Versions(ctx, tenant)
	if err != nil {
		return nil, err
	}
	said := make([]versionBody, len(all))
	for i, x := range all {
		said[i] = versionBody{x.Number, x.Made, x.Changed}
	}
	return said, nil
}
