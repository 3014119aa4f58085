package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/gofiber/fiber/v2"

	"siegel/platform/fault"
)

// Problem is an error as HTTP says it: RFC 9457 problem details with our
// stable reason. It never carries what was sent in, or a cause.
type Problem struct {
	Status     int
	Reason     string
	RequestID  string
	RetryAfter int // seconds
	// Details say which part of a request was refused and why, by place.
	Details []Detail
	// Extra are further members of the reason's own, such as "tries_left".
	Extra map[string]any
}

// Detail is one refused part of a request.
type Detail struct {
	Where string `json:"where"`
	Why   string `json:"why"`
}

func (p *Problem) Error() string { return p.Reason }

// GetStatus makes a Problem the answer of a huma operation.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of problem details.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// MarshalJSON writes the members of RFC 9457 and ours beside them.
func (p *Problem) MarshalJSON() ([]byte, error) {
	m := map[string]any{
		"type": "about:blank", "title": http.StatusText(p.Status), "status": p.Status,
		"reason": p.Reason, "request_id": p.RequestID,
	}
	if len(p.Details) > 0 {
		m["errors"] = p.Details
	}
	for k, v := range p.Extra {
		m[k] = v
	}
	return json.Marshal(m)
}

// ProblemOf turns any error into what is said about it. An error without a
// fault is logged and said to be internal.
func ProblemOf(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	f := fault.From(err)
	p = &Problem{Status: statusOf(f), Reason: f.Reason, RequestID: From(ctx).RequestID, RetryAfter: int(f.RetryAfter.Seconds())}
	switch f.Code {
	case fault.Internal:
		slog.ErrorContext(ctx, "request failed", "request_id", p.RequestID, "err", err)
	case fault.Unavailable:
		slog.WarnContext(ctx, "request refused", "request_id", p.RequestID, "reason", f.Reason, "err", err)
		p.RetryAfter = max(p.RetryAfter, 1)
	}
	return p
}

// statusOf is the one place that maps faults to HTTP.
func statusOf(f *fault.Error) int {
	switch f.Code {
	case fault.Invalid:
		if strings.HasPrefix(f.Reason, "malformed_") {
			return http.StatusBadRequest
		}
		return http.StatusUnprocessableEntity
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Expired:
		return http.StatusGone
	case fault.Limited:
		if f.Reason == "proof_required" { // not less, but with a proof of work
			return http.StatusPreconditionRequired
		}
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// humaProblem words what huma finds wrong with a request before a handler sees
// it: by place and rule, never by value.
func humaProblem(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
	p := &Problem{Status: status, Reason: "malformed_request"}
	if ctx != nil {
		p.RequestID = From(ctx.Context()).RequestID
	}
	switch status {
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		p.Status, p.Reason = http.StatusBadRequest, "malformed_body"
	case http.StatusRequestEntityTooLarge:
		p.Reason = "body_too_large"
	case http.StatusUnsupportedMediaType:
		p.Reason = "content_type"
	case http.StatusNotAcceptable:
		p.Reason = "not_acceptable"
	}
	if status >= http.StatusInternalServerError {
		p.Reason = "internal"
		return p
	}
	for _, err := range errs {
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			where := d.Location
			if d.Message == validation.MsgUnexpectedProperty {
				// An unknown key is the sender's own text: only where it stands is said.
				where = where[:max(strings.LastIndexByte(where, '.'), 0)]
			}
			p.Details = append(p.Details, Detail{where, d.Message})
			if !strings.HasPrefix(d.Location, "body") {
				p.Reason = "malformed_request"
			}
		}
	}
	return p
}

// writeProblem answers a raw route or a middleware.
func writeProblem(c *fiber.Ctx, p *Problem) error {
	if p.RetryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(p.RetryAfter))
	}
	media := p.ContentType("")
	body, err := json.Marshal(p)
	if strings.HasPrefix(c.Path(), FHIRPath) {
		media = fhirMedia
		body, err = json.Marshal(p.Outcome())
	}
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, media)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Status(p.Status).Send(body)
}

// refuse is a middleware's way to say no.
func refuse(c *fiber.Ctx, err error) error { return writeProblem(c, ProblemOf(c.UserContext(), err)) }
