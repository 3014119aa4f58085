package main

import (
	"context"
	"encoding/json"
	"net/http"

	"siegel/plugins/sdk"
)

// Balance is what the account has. A subaccount has none of its own.
func (p *plugin) Balance(ctx context.Context) (sdk.Balance, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.Balance{}, err
	}
	answer, err := a.call(ctx, http.MethodGet, "Balance.json", nil)
	if err != nil {
		return sdk.Balance{}, err
	}
	if answer.Status != http.StatusOK {
		return sdk.Balance{}, a.failure(answer)
	}
	var body struct {
		AccountSID string `json:"account_sid"`
		Balance    string `json:"balance"`
		Currency   string `json:"currency"`
	}
	malformed := &sdk.Error{Kind: sdk.Unknown, Detail: "Twilio answered with something else than a balance"}
	if json.Unmarshal(answer.Body, &body) != nil || body.AccountSID != a.sid {
		return sdk.Balance{}, malformed
	}
	if body.Balance == "" {
		return sdk.Balance{}, sdk.ErrUnsupported
	}
	micros, err := sdk.Micros(body.Balance)
	if err != nil || len(body.Currency) != 3 {
		return sdk.Balance{}, malformed
	}
	return sdk.Balance{Micros: micros, Currency: body.Currency}, nil
}
