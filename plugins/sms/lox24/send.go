package main

import (
	"context"
	"encoding/json"
	"net/http"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/outbound"
)

// maxParts is the longest message LOX24 takes: 1530 septets or 670 characters.
const maxParts = 10

// outgoing is the body of POST /sms. Encoding and time are left to LOX24.
type outgoing struct {
	SenderID     string `json:"sender_id"`
	Phone        string `json:"phone"`
	Text         string `json:"text"`
	ServiceCode  string `json:"service_code"`
	CallbackData string `json:"callback_data"`
	// LOX24's official client writes is_delete_text; what LOX24 itself answers
	// with, and its author's other client sends, is this.
	IsTextDeleted bool `json:"is_text_deleted"`
}

// record is a message as LOX24 answers with it.
type record struct {
	UUID         string `json:"uuid"`
	StatusCode   int    `json:"status_code"`
	DLRCode      int    `json:"dlr_code"`
	CallbackData string `json:"callback_data"`
	PartsCount   int    `json:"parts_count"`
}

func (p *plugin) DryRun(ctx context.Context, m sdk.Message) (sdk.Estimate, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.Estimate{}, err
	}
	answer, err := a.post(ctx, "/sms/dryrun", m)
	if err != nil {
		return sdk.Estimate{}, err
	}
	if answer.Status != http.StatusCreated && answer.Status != http.StatusOK {
		return sdk.Estimate{}, a.failure(answer)
	}
	r := read(answer)
	if err := r.failure(); err != nil {
		return sdk.Estimate{}, err
	}
	return sdk.Estimate{Parts: r.parts(m)}, nil
}

func (p *plugin) Send(ctx context.Context, m sdk.Message) (sdk.Receipt, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.Receipt{}, err
	}
	answer, err := a.post(ctx, "/sms", m)
	if err != nil {
		return sdk.Receipt{}, err
	}
	if answer.Status != http.StatusCreated { // any other success is none
		return sdk.Receipt{}, a.failure(answer)
	}
	r := read(answer)
	if err := r.failure(); err != nil {
		return sdk.Receipt{}, err
	}
	return sdk.Receipt{ProviderID: r.UUID, Parts: r.parts(m)}, nil
}

func (a *account) post(ctx context.Context, path string, m sdk.Message) (outbound.Answer, error) {
	if sdk.Parts(m.Text) > maxParts {
		return outbound.Answer{}, &sdk.Error{Kind: sdk.Content, Detail: "the text is longer than LOX24 takes"}
	}
	out := outgoing{
		SenderID: m.Sender, Phone: m.To, Text: m.Text,
		ServiceCode: a.service, CallbackData: m.ID, IsTextDeleted: true,
	}
	if out.SenderID == "" {
		out.SenderID = a.sender
	}
	return a.call(ctx, http.MethodPost, path, out)
}

// read takes what it can from an answer of success. That the message was taken
// is certain by then: an error would have it sent a second time. Without the
// uuid, reports still find it by our own id.
func read(answer outbound.Answer) record {
	var r record
	if json.Unmarshal(answer.Body, &r) != nil || !uuid.MatchString(r.UUID) {
		return record{}
	}
	return r
}

// failure says why LOX24 took a message that it will not send.
func (r record) failure() error {
	kind, dead := deadKinds[r.StatusCode]
	if !dead {
		return nil
	}
	return &sdk.Error{Kind: kind, Detail: "LOX24 took the message and stopped it: " + r.code()}
}

func (r record) parts(m sdk.Message) int {
	if r.PartsCount >= 1 && r.PartsCount <= maxParts {
		return r.PartsCount
	}
	return sdk.Parts(m.Text)
}
