package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/outbound"
)

// outgoing is the body of POST /sms.
type outgoing struct {
	To        string `json:"to"`
	From      string `json:"from,omitempty"`
	Text      string `json:"text"`
	ForeignID string `json:"foreign_id"`
	JSON      int    `json:"json"`
	Debug     int    `json:"debug,omitempty"` // checked and not sent
}

// maxParts is the longest message seven takes, 1520 characters, in parts.
const maxParts = 10

func (p *plugin) DryRun(ctx context.Context, m sdk.Message) (sdk.Estimate, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.Estimate{}, err
	}
	r, err := a.post(ctx, m, 1)
	if err != nil && !errors.Is(err, errAlreadyTaken) {
		return sdk.Estimate{}, err
	}
	return sdk.Estimate{Parts: r.parts(m)}, nil
}

func (p *plugin) Send(ctx context.Context, m sdk.Message) (sdk.Receipt, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.Receipt{}, err
	}
	r, err := a.post(ctx, m, 0)
	if errors.Is(err, errAlreadyTaken) {
		// The same text for the same number left a moment ago: the answer to
		// that was lost, and with it the id.
		return sdk.Receipt{Parts: sdk.Parts(m.Text)}, nil
	}
	if err != nil {
		return sdk.Receipt{}, err
	}
	return sdk.Receipt{ProviderID: r.id(), Parts: r.parts(m)}, nil
}

func (a *account) post(ctx context.Context, m sdk.Message, debug int) (result, error) {
	if sdk.Parts(m.Text) > maxParts {
		return result{}, &sdk.Error{Kind: sdk.Content, Detail: "the text is longer than seven takes"}
	}
	out := outgoing{To: m.To, From: m.Sender, Text: m.Text, ForeignID: m.ID, JSON: 1, Debug: debug}
	if out.From == "" {
		out.From = a.sender
	}
	answer, err := a.call(ctx, http.MethodPost, "/sms", out)
	if err != nil {
		return result{}, err
	}
	return a.judge(answer)
}

// result is what seven answers to POST /sms.
type result struct {
	Success  word `json:"success"`
	Messages []struct {
		ID      word `json:"id"`
		Parts   word `json:"parts"`
		Success word `json:"success"`
		Error   word `json:"error"`
	} `json:"messages"`
}

// judge believes in a success only where seven says so: the status is 200 also
// for errors, whose body may be the bare code.
func (a *account) judge(answer outbound.Answer) (result, error) {
	r := result{Success: bareCode(answer.Body)}
	if r.Success == "" {
		_ = json.Unmarshal(answer.Body, &r) // what is unreadable has no code
	}
	switch {
	case answer.Status != http.StatusOK && r.Success == "":
		return result{}, a.http.Failure(answer)
	case r.Success != "100" && r.Success != "101":
		return result{}, failure(r.Success)
	case len(r.Messages) == 1 && r.Messages[0].Success == "false":
		return result{}, failure(r.Messages[0].Error) // the part of "partly"
	case answer.Status != http.StatusOK:
		return result{}, a.http.Failure(answer)
	}
	return r, nil
}

var id = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func (r result) id() string {
	if len(r.Messages) == 1 && id.MatchString(string(r.Messages[0].ID)) {
		return string(r.Messages[0].ID)
	}
	return ""
}

func (r result) parts(m sdk.Message) int {
	if len(r.Messages) == 1 {
		if n, err := strconv.Atoi(string(r.Messages[0].Parts)); err == nil && n >= 1 && n <= maxParts {
			return n
		}
	}
	return sdk.Parts(m.Text)
}
