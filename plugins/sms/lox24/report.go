package main

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"siegel/plugins/sdk"
)

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// deadKinds are the status codes with which a message will not be sent.
var deadKinds = map[int]sdk.Kind{
	208:  sdk.Blocked,          // network or country blocked
	400:  sdk.Temporary,        // maintenance
	410:  sdk.Blocked,          // stopped in the account
	2000: sdk.InvalidRecipient, // no connection to landlines
	3000: sdk.Funds,
	5000: sdk.InvalidRecipient, // no operator for this number
	6000: sdk.Blocked,          // stopped by API
}

// states are the delivery codes with which a message has come to its end.
var states = map[int]sdk.DeliveryState{
	1:  sdk.Delivered,
	8:  sdk.Expired,
	16: sdk.Failed,
}

// ParseDelivery takes a webhook (event sms.delivery, version 2022-05-25) for a
// hint and asks LOX24 what became of the message: anybody could have sent it.
func (p *plugin) ParseDelivery(ctx context.Context, r sdk.Request) ([]sdk.Delivery, error) {
	a, err := p.account.Get()
	if err != nil {
		return nil, err
	}
	var event struct {
		Name string `json:"name"`
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if r.Method != http.MethodPost || json.Unmarshal(r.Body, &event) != nil || event.Name == "" {
		return nil, sdk.ErrMalformedReport
	}
	if event.Name != "sms.delivery" { // of a dry run, say, or a message that came in
		return nil, nil
	}
	id := strings.ToLower(event.Data.ID)
	if !uuid.MatchString(id) {
		return nil, sdk.ErrMalformedReport
	}
	answer, err := a.call(ctx, http.MethodGet, "/sms/"+id, nil)
	if err != nil {
		return nil, err
	}
	switch answer.Status {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, sdk.ErrForeign
	default:
		return nil, a.failure(answer)
	}
	var message record
	if json.Unmarshal(answer.Body, &message) != nil || !strings.EqualFold(message.UUID, id) {
		return nil, &sdk.Error{Kind: sdk.Unknown, Detail: "LOX24 answered with something else than the message"}
	}
	d := sdk.Delivery{ProviderID: id, State: message.state(), Code: message.code()}
	if sdk.IsMessageID(message.CallbackData) {
		d.MessageID = message.CallbackData
	}
	return []sdk.Delivery{d}, nil
}

// state prefers the delivery code. Status 100 only says that an operator has
// the message.
func (r record) state() sdk.DeliveryState {
	if state, final := states[r.DLRCode]; final {
		return state
	}
	if _, dead := deadKinds[r.StatusCode]; dead {
		return sdk.Failed
	}
	return sdk.Pending
}

func (r record) code() string {
	return "status " + strconv.Itoa(r.StatusCode) + ", delivery " + strconv.Itoa(r.DLRCode)
}
