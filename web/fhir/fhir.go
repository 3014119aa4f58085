// Package fhir is the FHIR R4 face of a practice under /fhir/R4: what it
// offers, in the shapes of gematik's ISiK Terminplanung, and booking by
// $hold and $book.
//
// It decodes, calls the services that web/api calls, and encodes; there is no
// second way to a slot. Reading is as public as the slots of the JSON
// interface are. On the patients' host a booking waits for its patient's
// confirmation, as any other does; on the office's host a system with a token
// of the scope appointments.book makes it count at once.
//
// Nothing personal comes in readable: who books travels in an encrypted Binary
// that only the practice opens, and an Appointment that says anything the
// server has not said itself is refused, with no word of it repeated. Failures
// are OperationOutcomes, written by web/server. XML, FHIRPath PATCH and
// asynchronous answers are not spoken.
package fhir

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/tenants/booking"
	"siegel/tenants/practice"
	"siegel/web/server"
)

const (
	// root is where the face begins on each host.
	root = "/fhir/R4"
	// media is the only form that is spoken.
	media = "application/fhir+json"
	// version is that of FHIR.
	version = "4.0.1"
)

// object is a resource, or a part of one, as it is written.
type object map[string]any

// Services are what the face calls. Every field is required.
type Services struct {
	Booking  *booking.Service
	Practice *practice.Service
	// Bookable refuses what starts a booking where the practice is closed to it.
	Bookable func(context.Context) error
	// Specialty is the word for the tenant's trade; empty: it is not known.
	Specialty func(ctx context.Context, tenant id.Tenant) (string, error)
}

// face is a mounted [Services].
type face struct {
	Services
	server *server.Server
	slots  *memo.Cache[slotsKey, practice.SlotList]
}

// Mount adds the routes to the server.
func Mount(s *server.Server, v Services) {
	f := &face{v, s, memo.New[slotsKey, practice.SlotList](time.Second, slotsKept, nil)}
	s.Raw("fhirMetadata", fiber.MethodGet, root+"/metadata", f.answering(f.metadata))
	for _, k := range f.kinds() {
		s.Raw("fhirSearch", fiber.MethodGet, root+"/"+k.name, f.answering(func(r *request) (int, any, error) { return f.search(r, k) }))
		s.Raw("fhirRead", fiber.MethodGet, root+"/"+k.name+"/:id", f.answering(func(r *request) (int, any, error) { return f.read(r, k) }))
	}
	s.Raw("fhirHold", fiber.MethodPost, root+"/Appointment/$hold", f.answering(f.hold))
	s.Raw("fhirBook", fiber.MethodPost, root+"/Appointment/$book", f.answering(f.book))
	for _, method := range []string{fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodDelete} {
		s.Raw("fhirOther", method, root+"/*", f.other)
	}
}

// request is one question to the face.
type request struct {
	server.Request
	ctx context.Context
	c   *fiber.Ctx
	// base is the address of the face as the caller has it, without a slash at
	// the end: of the host that decided the tenant.
	base string
}

// answering checks in which form the caller speaks and wants to be spoken to,
// and writes the answer.
func (f *face) answering(handler func(*request) (int, any, error)) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx := c.UserContext()
		r := &request{server.From(ctx), ctx, c, f.server.Scheme + "://" + string(c.Request().Header.Host()) + root}
		if !acceptable(c.Get(fiber.HeaderAccept), string(c.Request().URI().QueryArgs().Peek("_format"))) {
			return r.refuse(http.StatusNotAcceptable, "not_acceptable", "", "only "+media+" is spoken")
		}
		status, resource, err := handler(r)
		if err != nil {
			return err
		}
		body, err := json.Marshal(resource)
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, media+"; charset=utf-8")
		return c.Status(status).Send(body)
	}
}

// acceptable reports whether JSON is among what the caller takes. _format has
// the last word (FHIR R4, section 3.1.0.1.11).
func acceptable(accept, format string) bool {
	taken := []string{"json", "text/json", fiber.MIMEApplicationJSON, "application/json+fhir", media}
	if format != "" {
		// Unescaped, the plus sign of the media type is a space.
		named, _, _ := strings.Cut(format, ";")
		return slices.Contains(taken, strings.ReplaceAll(strings.TrimSpace(named), " ", "+"))
	}
	if strings.TrimSpace(accept) == "" {
		return true
	}
	for one := range strings.SplitSeq(accept, ",") {
		named, parameters, err := mime.ParseMediaType(one)
		if err != nil || parameters["q"] == "0" || !ofVersion(parameters["fhirversion"]) {
			continue
		}
		if named == "*/*" || named == "application/*" || slices.Contains(taken, named) {
			return true
		}
	}
	return false
}

// ofVersion says of a fhirVersion of a media type that it is this one, or none.
func ofVersion(v string) bool { return v == "" || v == "4.0" || v == version }

// other answers what has no route of its own: 405 where there is something
// with another method, 404 where there is nothing. Nobody's data is a word of
// its own: who asks for patients is told where they are.
func (f *face) other(c *fiber.Ctx) error {
	ctx := c.UserContext()
	r := &request{server.From(ctx), ctx, c, ""}
	first, rest, deeper := strings.Cut(strings.TrimPrefix(c.Path(), root+"/"), "/")
	known := first == "metadata" && !deeper
	for _, k := range f.kinds() {
		known = known || first == k.name && !strings.Contains(rest, "/")
	}
	switch {
	case known, first == "Appointment" && (rest == "$hold" || rest == "$book"):
		return r.refuse(http.StatusMethodNotAllowed, "method_not_allowed", "", "see the capability statement")
	case first == "Patient" || first == "RelatedPerson" || first == "Person":
		return r.refuse(http.StatusNotFound, "sealed", first, "people are known to the practice alone; see the capability statement")
	default:
		return r.refuse(http.StatusNotFound, "not_found", "", "")
	}
}

// refuse is a failure with the place it is about.
func (r *request) refuse(status int, reason, where, why string) error {
	p := &server.Problem{Status: status, Reason: reason, RequestID: r.RequestID}
	if where != "" || why != "" {
		p.Details = []server.Detail{{Where: where, Why: why}}
	}
	return p
}
