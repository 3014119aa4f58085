package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"siegel/plugins/sdk"
)

// parameter carries our message id in the address for reports, which Twilio
// signs whole. A report so finds its message though the answer to Send was lost.
const parameter = "message"

// DryRun only computes: Twilio has no trial that would cost nothing.
func (p *plugin) DryRun(_ context.Context, m sdk.Message) (sdk.Estimate, error) {
	if _, err := p.account.Get(); err != nil {
		return sdk.Estimate{}, err
	}
	if err := check(m); err != nil {
		return sdk.Estimate{}, err
	}
	return sdk.Estimate{Parts: sdk.Parts(m.Text)}, nil
}

func (p *plugin) Send(ctx context.Context, m sdk.Message) (sdk.Receipt, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.Receipt{}, err
	}
	if err := check(m); err != nil {
		return sdk.Receipt{}, err
	}
	form := url.Values{"To": {m.To}, "Body": {m.Text}}
	switch {
	case m.Sender != "":
		form.Set("From", m.Sender)
	case a.service != "":
		form.Set("MessagingServiceSid", a.service)
	default:
		form.Set("From", a.sender)
	}
	if a.delivery != nil {
		callback := *a.delivery
		query := callback.Query()
		query.Set(parameter, m.ID)
		callback.RawQuery = query.Encode()
		form.Set("StatusCallback", callback.String())
	}
	answer, err := a.call(ctx, http.MethodPost, "Messages.json", form)
	if err != nil {
		return sdk.Receipt{}, err
	}
	if answer.Status != http.StatusCreated {
		return sdk.Receipt{}, a.failure(answer)
	}
	// That the message was taken is certain by now: an error would have it
	// sent a second time. Reports find it by our own id.
	var taken struct {
		SID      string `json:"sid"`
		Segments string `json:"num_segments"` // "0" from a messaging service
	}
	receipt := sdk.Receipt{Parts: sdk.Parts(m.Text)}
	if json.Unmarshal(answer.Body, &taken) == nil && messageSID.MatchString(taken.SID) {
		receipt.ProviderID = taken.SID
		if n, err := strconv.Atoi(taken.Segments); err == nil && n >= 1 && n <= 20 {
			receipt.Parts = n
		}
	}
	return receipt, nil
}

// check refuses what Twilio would: a name of one letter.
func check(m sdk.Message) error {
	if m.Sender != "" && !sender.MatchString(m.Sender) {
		return &sdk.Error{Kind: sdk.InvalidSender, Detail: "the sender is shorter than Twilio takes"}
	}
	return nil
}
