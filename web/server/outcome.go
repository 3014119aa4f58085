package server

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
)

const (
	// FHIRPath is below what failures are said as FHIR says them.
	FHIRPath  = "/fhir/"
	fhirMedia = "application/fhir+json; charset=utf-8"
	// reasons is the system of our stable reasons.
	reasons = "urn:siegel:reason"
)

// Outcome says the problem as an OperationOutcome (FHIR R4): our reason as a
// coding, and of each refused part where it stands and why. Like the other form
// it never carries what was sent in; the request's id is in its header.
func (p *Problem) Outcome() map[string]any {
	severity := "error"
	if p.Status >= http.StatusInternalServerError {
		severity = "fatal"
	}
	issue := func(d Detail) map[string]any {
		i := map[string]any{
			"severity": severity, "code": issueCode(p.Status),
			"details": map[string]any{"coding": []any{map[string]any{"system": reasons, "code": p.Reason}}, "text": p.Reason},
		}
		if d.Why != "" {
			i["diagnostics"] = d.Why
		}
		if d.Where != "" {
			i["expression"] = []any{d.Where}
		}
		return i
	}
	var issues []any
	for _, d := range p.Details {
		issues = append(issues, issue(d))
	}
	if issues == nil {
		issues = []any{issue(Detail{})}
	}
	return map[string]any{"resourceType": "OperationOutcome", "issue": issues}
}

// issueCode is the nearest word of FHIR's IssueType.
func issueCode(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "invalid"
	case http.StatusUnauthorized:
		return "login"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound, http.StatusGone:
		return "not-found"
	case http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusUnsupportedMediaType:
		return "not-supported"
	case http.StatusConflict:
		return "conflict"
	case http.StatusRequestEntityTooLarge:
		return "too-long"
	case http.StatusUnprocessableEntity:
		return "business-rule"
	case http.StatusTooManyRequests, http.StatusPreconditionRequired:
		return "throttled"
	case http.StatusServiceUnavailable:
		return "transient"
	default:
		return "exception"
	}
}

// isJSON reports whether a body says that it is JSON, which no form of a foreign
// page can send.
func isJSON(c *fiber.Ctx, media []byte) bool {
	return bytes.EqualFold(media, []byte(fiber.MIMEApplicationJSON)) ||
		strings.HasPrefix(c.Path(), FHIRPath) && bytes.EqualFold(media, []byte("application/fhir+json"))
}
