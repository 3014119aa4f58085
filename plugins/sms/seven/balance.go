package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"siegel/plugins/sdk"
)

// Balance is GET /balance: an object, or from older gateways a bare number,
// which is in euros. A bare 900 is not a fortune but a refused key.
func (p *plugin) Balance(ctx context.Context) (sdk.Balance, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.Balance{}, err
	}
	answer, err := a.call(ctx, http.MethodGet, "/balance", nil)
	if err != nil {
		return sdk.Balance{}, err
	}
	var body struct {
		Success  word   `json:"success"`
		Amount   word   `json:"amount"`
		Currency string `json:"currency"`
	}
	if json.Unmarshal(answer.Body, &body) != nil {
		body.Amount, body.Currency = word(bytes.TrimSpace(answer.Body[:min(len(answer.Body), 40)])), "EUR"
		body.Success = bareCode(answer.Body)
	}
	if kind := codeKinds[body.Success]; kind == sdk.Auth {
		return sdk.Balance{}, failure(body.Success)
	}
	if answer.Status != http.StatusOK {
		return sdk.Balance{}, a.http.Failure(answer)
	}
	micros, err := sdk.Micros(string(body.Amount))
	if err != nil || len(body.Currency) != 3 {
		return sdk.Balance{}, &sdk.Error{Kind: sdk.Unknown, Detail: "seven answered with something else than a balance"}
	}
	return sdk.Balance{Micros: micros, Currency: strings.ToUpper(body.Currency)}, nil
}
