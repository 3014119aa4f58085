package sdk

import (
	"net/http"

	smsv1 "siegel/plugins/sdk/proto/sms/v1"
)

// The words of this package and the numbers on the wire; never written to.
var (
	wireKinds = map[Kind]smsv1.Kind{
		Auth:             smsv1.Kind_KIND_AUTH,
		Funds:            smsv1.Kind_KIND_FUNDS,
		RateLimited:      smsv1.Kind_KIND_RATE_LIMITED,
		InvalidRecipient: smsv1.Kind_KIND_INVALID_RECIPIENT,
		InvalidSender:    smsv1.Kind_KIND_INVALID_SENDER,
		Content:          smsv1.Kind_KIND_CONTENT,
		Blocked:          smsv1.Kind_KIND_BLOCKED,
		Temporary:        smsv1.Kind_KIND_TEMPORARY,
		BadSettings:      smsv1.Kind_KIND_SETTINGS,
		Unknown:          smsv1.Kind_KIND_UNKNOWN,
	}
	wireCapabilities = map[Capability]smsv1.Capability{
		CheckedDryRun:   smsv1.Capability_CAPABILITY_DRY_RUN,
		NamedSender:     smsv1.Capability_CAPABILITY_NAMED_SENDER,
		UniqueID:        smsv1.Capability_CAPABILITY_UNIQUE_ID,
		DeliveryReports: smsv1.Capability_CAPABILITY_DELIVERY_REPORTS,
		AccountBalance:  smsv1.Capability_CAPABILITY_BALANCE,
	}
	wireStates = map[DeliveryState]smsv1.DeliveryState{
		Pending:   smsv1.DeliveryState_DELIVERY_STATE_PENDING,
		Delivered: smsv1.DeliveryState_DELIVERY_STATE_DELIVERED,
		Failed:    smsv1.DeliveryState_DELIVERY_STATE_FAILED,
		Expired:   smsv1.DeliveryState_DELIVERY_STATE_EXPIRED,
	}
	wireRefusals = map[error]smsv1.Refusal{
		ErrUnsigned:        smsv1.Refusal_REFUSAL_UNSIGNED,
		ErrForeign:         smsv1.Refusal_REFUSAL_FOREIGN,
		ErrMalformedReport: smsv1.Refusal_REFUSAL_MALFORMED,
	}
)

func toWire(m Message) *smsv1.Message {
	return &smsv1.Message{Id: m.ID, To: m.To, Sender: m.Sender, Text: m.Text}
}

func fromWire(m *smsv1.Message) Message {
	return Message{ID: m.GetId(), To: m.GetTo(), Sender: m.GetSender(), Text: m.GetText()}
}

func requestToWire(r Request) *smsv1.HTTPRequest {
	out := &smsv1.HTTPRequest{Method: r.Method, Url: r.URL, Body: r.Body}
	for name, values := range r.Header {
		for _, v := range values {
			out.Headers = append(out.Headers, &smsv1.Header{Name: name, Value: v})
		}
	}
	return out
}

func requestFromWire(r *smsv1.HTTPRequest) Request {
	out := Request{Method: r.GetMethod(), URL: r.GetUrl(), Header: http.Header{}, Body: r.GetBody()}
	for _, h := range r.GetHeaders() {
		out.Header.Add(h.GetName(), h.GetValue())
	}
	return out
}

func deliveryFromWire(d *smsv1.Delivery) Delivery {
	out := Delivery{
		MessageID: d.GetMessageId(), ProviderID: d.GetProviderId(), Code: Clean(d.GetCode(), 40),
		State: Pending, // also for a state that this host does not know yet
	}
	for state, wire := range wireStates {
		if wire == d.GetState() {
			out.State = state
		}
	}
	return out
}
