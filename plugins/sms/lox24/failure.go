package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/outbound"
)

// blocked is how long LOX24 refuses an address that showed wrong tokens.
const blocked = 10 * time.Minute

var requestID = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)

// fieldKinds says whose fault a refused field is.
var fieldKinds = map[string]sdk.Kind{
	"phone":        sdk.InvalidRecipient,
	"sender_id":    sdk.InvalidSender,
	"text":         sdk.Content,
	"is_unicode":   sdk.Content,
	"service_code": sdk.BadSettings,
}

// failure reads a refusal (problem+json). Of LOX24's words only the name of
// the field is taken: they may repeat the number.
func (a *account) failure(answer outbound.Answer) error {
	e := a.http.Failure(answer)
	switch answer.Status {
	case http.StatusTooManyRequests:
		e.RetryAfter = outbound.RetryAfter(answer.Header, blocked)
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		if field := refusedField(answer.Body); field != "" {
			e.Kind = fieldKinds[field]
			e.Detail += " and refused " + field
		}
	}
	if id := answer.Header.Get("X-LOX24-REQUEST-ID"); requestID.MatchString(id) {
		e.Detail += ", request " + id
	}
	return e
}

// refusedField finds the first field known to us that the answer names.
func refusedField(body []byte) string {
	var problem struct {
		Detail     string `json:"detail"`
		Violations []struct {
			PropertyPath string `json:"propertyPath"`
		} `json:"violations"`
	}
	if json.Unmarshal(body, &problem) != nil {
		return ""
	}
	for _, v := range problem.Violations {
		if _, known := fieldKinds[v.PropertyPath]; known {
			return v.PropertyPath
		}
	}
	field, _, _ := strings.Cut(problem.Detail, ":")
	if _, known := fieldKinds[field]; known {
		return field
	}
	return ""
}
