package outbound

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"siegel/plugins/sdk"
)

// longest bounds what a provider may have us wait.
const longest = time.Hour

// Failure says what an answer's status means by itself, for a plugin to refine
// with what the provider documents. It is never nil.
func (c *Client) Failure(a Answer) *sdk.Error {
	e := &sdk.Error{Kind: sdk.Unknown, Detail: fmt.Sprintf("%s answered with status %d", c.provider, a.Status)}
	switch {
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		e.Kind = sdk.Auth
	case a.Status == http.StatusPaymentRequired:
		e.Kind = sdk.Funds
	case a.Status == http.StatusTooManyRequests:
		e.Kind = sdk.RateLimited
		e.RetryAfter = RetryAfter(a.Header, time.Minute)
	case a.Status == http.StatusRequestTimeout, a.Status/100 == 5:
		e.Kind = sdk.Temporary
	}
	return e
}

// RetryAfter reads the header of that name (RFC 9110, 10.2.3), in seconds or
// as a date; between a second and an hour. Without a usable one it is usual.
func RetryAfter(h http.Header, usual time.Duration) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	wait := usual
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		wait = longest
		if seconds < int(longest/time.Second) {
			wait = time.Duration(seconds) * time.Second
		}
	} else if at, err := http.ParseTime(value); err == nil {
		wait = time.Until(at)
	}
	return min(max(wait, time.Second), longest)
}
