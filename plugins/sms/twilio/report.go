package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio's scheme; HMAC needs no collisions to be hard
	"encoding/base64"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"siegel/plugins/sdk"
)

// states are the words with which a message has come to its end. Accepted,
// queued, sending, sent and scheduled are not.
var states = map[string]sdk.DeliveryState{
	"delivered":   sdk.Delivered,
	"undelivered": sdk.Failed,
	"failed":      sdk.Failed,
	"canceled":    sdk.Failed,
}

// validityExpired is the error code of a message that waited too long.
const validityExpired = "30036"

// ParseDelivery reads a StatusCallback.
func (p *plugin) ParseDelivery(_ context.Context, r sdk.Request) ([]sdk.Delivery, error) {
	a, err := p.account.Get()
	if err != nil {
		return nil, err
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.Method != http.MethodPost {
		return nil, sdk.ErrMalformedReport
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return nil, sdk.ErrMalformedReport
	}
	if !signed(r, form, a.token) {
		return nil, sdk.ErrUnsigned
	}
	if form.Get("AccountSid") != a.sid {
		return nil, sdk.ErrForeign
	}
	status := form.Get("MessageStatus")
	if status == "" && form.Get("MessageSid") != "" { // a message that came in
		return nil, nil
	}
	if status == "" || !messageSID.MatchString(form.Get("MessageSid")) {
		return nil, sdk.ErrMalformedReport
	}
	d := sdk.Delivery{ProviderID: form.Get("MessageSid"), State: sdk.Pending, Code: status}
	if state, final := states[status]; final {
		d.State = state
	}
	if code := form.Get("ErrorCode"); code != "" {
		d.Code += " " + code
		if code == validityExpired && d.State == sdk.Failed {
			d.State = sdk.Expired
		}
	}
	if u, err := url.Parse(r.URL); err == nil && sdk.IsMessageID(u.Query().Get(parameter)) {
		d.MessageID = u.Query().Get(parameter)
	}
	return []sdk.Delivery{d}, nil
}

// signed checks X-Twilio-Signature: base64 HMAC-SHA1 over the URL and each
// parameter's name and value, in the order of names. Twilio signs the URL at
// times with and at times without its port.
func signed(r sdk.Request, form url.Values, token string) bool {
	given, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Twilio-Signature"))
	if err != nil || len(given) == 0 {
		return false
	}
	var parameters strings.Builder
	for _, name := range slices.Sorted(maps.Keys(form)) {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			parameters.WriteString(name + value)
		}
	}
	for _, address := range spellings(r.URL) {
		mac := hmac.New(sha1.New, []byte(token))
		mac.Write([]byte(address + parameters.String()))
		if hmac.Equal(given, mac.Sum(nil)) {
			return true
		}
	}
	return false
}

// spellings are a URL with its port and without, all else as it came.
func spellings(address string) []string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return nil
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, path := rest[:end], rest[end:]
	if name, port, err := net.SplitHostPort(host); err == nil && port != "" {
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		return []string{address, scheme + "://" + name + path}
	}
	port := ":443"
	if scheme == "http" {
		port = ":80"
	}
	return []string{address, scheme + "://" + host + port + path}
}
