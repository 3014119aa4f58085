package sdk

import smsv1 "siegel/plugins/sdk/proto/sms/v1"

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
		CheckedDryRun: smsv1.Capability_CAPABILITY_DRY_RUN,
		NamedSender:   smsv1.Capability_CAPABILITY_NAMED_SENDER,
		UniqueID:      smsv1.Capability_CAPABILITY_UNIQUE_ID,
	}
)

func toWire(m Message) *smsv1.Message {
	return &smsv1.Message{Id: m.ID, To: m.To, Sender: m.Sender, Text: m.Text}
}

func fromWire(m *smsv1.Message) Message {
	return Message{ID: m.GetId(), To: m.GetTo(), Sender: m.GetSender(), Text: m.GetText()}
}
