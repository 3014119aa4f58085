package main

import (
	"context"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // seven's scheme, see signed
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"siegel/plugins/sdk"
)

// window is how old a signature may be, or how far ahead its clock.
const window = 5 * time.Minute

// states are those with which a message has come to its end. ACCEPTED,
// BUFFERED, TRANSMITTED and UNKNOWN are not.
var states = map[string]sdk.DeliveryState{
	"DELIVERED":    sdk.Delivered,
	"NOTDELIVERED": sdk.Failed,
	"FAILED":       sdk.Failed,
	"REJECTED":     sdk.Failed,
	"EXPIRED":      sdk.Expired,
}

func (p *plugin) ParseDelivery(_ context.Context, r sdk.Request) ([]sdk.Delivery, error) {
	a, err := p.account.Get()
	if err != nil {
		return nil, err
	}
	if len(a.secret) == 0 {
		return nil, sdk.BadSetting("without signing_secret no report can be verified")
	}
	if !signed(r, a.secret, time.Now()) {
		return nil, sdk.ErrUnsigned
	}
	var event struct {
		Event string `json:"webhook_event"`
		Data  struct {
			MsgID     word   `json:"msg_id"`
			ForeignID word   `json:"foreign_id"`
			Status    string `json:"status"`
		} `json:"data"`
	}
	_ = json.Unmarshal(r.Body, &event) // what is unreadable has no event
	switch event.Event {
	case "dlr":
	case "":
		return nil, sdk.ErrMalformedReport
	default: // a message that came in, say
		return nil, nil
	}
	d := sdk.Delivery{State: sdk.Pending, Code: event.Data.Status}
	if state, final := states[strings.ToUpper(event.Data.Status)]; final {
		d.State = state
	}
	if id.MatchString(string(event.Data.MsgID)) {
		d.ProviderID = string(event.Data.MsgID)
	}
	if sdk.IsMessageID(string(event.Data.ForeignID)) {
		d.MessageID = string(event.Data.ForeignID)
	}
	if event.Data.Status == "" || d.ProviderID == "" && d.MessageID == "" {
		return nil, sdk.ErrMalformedReport
	}
	return []sdk.Delivery{d}, nil
}

// signed checks X-Signature: hex HMAC-SHA256 over time, nonce, method, URL and
// the body's MD5, joined by new lines. That MD5 is weak does no harm here: who
// could make two bodies collide would need seven to sign one of them.
func signed(r sdk.Request, secret []byte, now time.Time) bool {
	stamp, nonce := r.Header.Get("X-Timestamp"), r.Header.Get("X-Nonce")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || nonce == "" {
		return false
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > window || age < -window {
		return false
	}
	given, err := hex.DecodeString(r.Header.Get("X-Signature"))
	if err != nil {
		return false
	}
	body := md5.Sum(r.Body) //nolint:gosec // as above
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(strings.Join([]string{stamp, nonce, r.Method, r.URL, hex.EncodeToString(body[:])}, "\n")))
	return hmac.Equal(given, mac.Sum(nil))
}
