package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/seal"
)

// route is an operation as the document lists it.
type route struct {
	ID, Method, Path string
	raw              bool
	proven, once     bool
}

// Describe returns the OpenAPI 3.1 document of what mount adds. The server that
// mount gets answers nothing.
func Describe(policy *access.Policy, mount func(*Server)) ([]byte, error) {
	s := &Server{Config: Config{Policy: policy}}
	s.app = fiber.New(fiber.Config{DisableStartupMessage: true, RequestMethods: methods})
	s.mountAPI()
	s.health()
	s.pages()
	mount(s)
	return s.document()
}

// document is the OpenAPI 3.1 description of all routes. Beside the standard's
// words it says who may: x-hosts (patients, office, portal), x-roles, x-scopes,
// x-proven; and, under x-raw, which routes are no JSON operations.
func (s *Server) document() ([]byte, error) {
	api := s.api.OpenAPI()
	raw := []map[string]any{}
	for _, r := range s.routes {
		says := s.sayWho(r.ID)
		if r.raw {
			says["operation"], says["method"], says["path"] = r.ID, r.Method, r.Path
			raw = append(raw, says)
			continue
		}
		item := api.Paths[r.Path]
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op == nil || op.Method != r.Method {
				continue
			}
			if r.proven {
				says["x-proven"] = true
			}
			op.Extensions = says
		}
	}
	slices.SortFunc(raw, func(a, b map[string]any) int {
		return strings.Compare(fmt.Sprint(a["path"], a["method"]), fmt.Sprint(b["path"], b["method"]))
	})
	api.Extensions = map[string]any{"x-raw": raw}
	text, err := json.Marshal(api)
	if err != nil {
		return nil, fmt.Errorf("describe the interface: %w", err)
	}
	var tree node
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("describe the interface: %w", err)
	}
	refine(tree, api.Components.Schemas)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		return nil, fmt.Errorf("describe the interface: %w", err)
	}
	return out.Bytes(), nil
}

// sayWho lists the kinds of host that have an operation, and who may do it there.
func (s *Server) sayWho(operation string) map[string]any {
	hosts, roles, scopes := []string{}, []string{}, []string{}
	add := func(list *[]string, word string) {
		if !slices.Contains(*list, word) {
			*list = append(*list, word)
		}
	}
	for _, role := range access.Roles() {
		for kind, host := range map[access.Kind]string{access.Tenant: "office", access.Reseller: "portal", access.Platform: "portal"} {
			if !s.Policy.Can(role, kind, operation) {
				continue
			}
			if role == access.Patient {
				host = "patients"
			}
			add(&hosts, host)
			add(&roles, strings.TrimPrefix(string(role), "r:"))
		}
	}
	for _, scope := range access.Scopes() {
		if s.Policy.Can(scope, access.Tenant, operation) {
			add(&scopes, strings.TrimPrefix(string(scope), "s:"))
		}
	}
	slices.Sort(hosts)
	says := map[string]any{"x-hosts": hosts, "x-roles": roles}
	if len(scopes) > 0 {
		says["x-scopes"] = scopes
	}
	return says
}

// mountAPI makes huma's half of the router.
func (s *Server) mountAPI() {
	sayProblems()
	config := huma.DefaultConfig("Siegel", "1")
	config.Info.Description = "Appointments whose personal data only the practice can read. Ids carry a prefix that says of what kind they are; instants are RFC 3339 in UTC; failures are problem details (RFC 9457) with a stable reason."
	config.DocsPath, config.OpenAPIPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil
	config.Formats = map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: "__Host-siegel-session"},
		"token":   {Type: "http", Scheme: "bearer"},
	}
	for of, as := range schemas() {
		config.Components.Schemas.RegisterTypeAlias(of, as)
	}
	config.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[Problem](), reflect.TypeFor[problemBody]())
	s.api = humafiber.New(s.app, config)
}

// schemas are those of types that say less of themselves than they know.
func schemas() map[reflect.Type]reflect.Type {
	return map[reflect.Type]reflect.Type{
		reflect.TypeFor[id.Tenant]():        reflect.TypeFor[idSchema[id.Tenant]](),
		reflect.TypeFor[id.Account]():       reflect.TypeFor[idSchema[id.Account]](),
		reflect.TypeFor[id.Location]():      reflect.TypeFor[idSchema[id.Location]](),
		reflect.TypeFor[id.Practitioner]():  reflect.TypeFor[idSchema[id.Practitioner]](),
		reflect.TypeFor[id.Resource]():      reflect.TypeFor[idSchema[id.Resource]](),
		reflect.TypeFor[id.Service]():       reflect.TypeFor[idSchema[id.Service]](),
		reflect.TypeFor[id.Window]():        reflect.TypeFor[idSchema[id.Window]](),
		reflect.TypeFor[id.Closure]():       reflect.TypeFor[idSchema[id.Closure]](),
		reflect.TypeFor[id.Hold]():          reflect.TypeFor[idSchema[id.Hold]](),
		reflect.TypeFor[id.Booking]():       reflect.TypeFor[idSchema[id.Booking]](),
		reflect.TypeFor[id.Appointment]():   reflect.TypeFor[idSchema[id.Appointment]](),
		reflect.TypeFor[id.Envelope]():      reflect.TypeFor[idSchema[id.Envelope]](),
		reflect.TypeFor[id.Message]():       reflect.TypeFor[idSchema[id.Message]](),
		reflect.TypeFor[id.Quota]():         reflect.TypeFor[idSchema[id.Quota]](),
		reflect.TypeFor[id.Chain]():         reflect.TypeFor[idSchema[id.Chain]](),
		reflect.TypeFor[id.Calendar]():      reflect.TypeFor[idSchema[id.Calendar]](),
		reflect.TypeFor[id.Reseller]():      reflect.TypeFor[idSchema[id.Reseller]](),
		reflect.TypeFor[id.Registration]():  reflect.TypeFor[idSchema[id.Registration]](),
		reflect.TypeFor[id.Invitation]():    reflect.TypeFor[idSchema[id.Invitation]](),
		reflect.TypeFor[id.APIToken]():      reflect.TypeFor[idSchema[id.APIToken]](),
		reflect.TypeFor[id.Provider]():      reflect.TypeFor[idSchema[id.Provider]](),
		reflect.TypeFor[id.Place]():         reflect.TypeFor[idSchema[id.Place]](),
		reflect.TypeFor[id.Offer]():         reflect.TypeFor[idSchema[id.Offer]](),
		reflect.TypeFor[id.Communication](): reflect.TypeFor[idSchema[id.Communication]](),
		reflect.TypeFor[id.Run]():           reflect.TypeFor[idSchema[id.Run]](),
		reflect.TypeFor[id.Customer]():      reflect.TypeFor[idSchema[id.Customer]](),
		reflect.TypeFor[id.File]():          reflect.TypeFor[idSchema[id.File]](),
		reflect.TypeFor[id.Request]():       reflect.TypeFor[idSchema[id.Request]](),
		reflect.TypeFor[id.Connector]():     reflect.TypeFor[idSchema[id.Connector]](),
		reflect.TypeFor[id.Webhook]():       reflect.TypeFor[idSchema[id.Webhook]](),
		reflect.TypeFor[id.Delivery]():      reflect.TypeFor[idSchema[id.Delivery]](),
		reflect.TypeFor[id.Event]():         reflect.TypeFor[idSchema[id.Event]](),
		reflect.TypeFor[seal.Bytes]():       reflect.TypeFor[bytesSchema](),
	}
}

// idSchema is the schema of an id: a text with a prefix. What else it has to be
// the id itself checks.
type idSchema[T fmt.Stringer] struct{}

// Schema says which prefix.
func (idSchema[T]) Schema(huma.Registry) *huma.Schema {
	var zero T
	prefix, _, _ := strings.Cut(zero.String(), "_")
	return &huma.Schema{Type: huma.TypeString, Extensions: map[string]any{"x-id": prefix + "_"}}
}

// bytesSchema is the schema of octets in base64url without padding.
type bytesSchema struct{}

// Schema says how they are written.
func (bytesSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, ContentEncoding: "base64url"}
}
