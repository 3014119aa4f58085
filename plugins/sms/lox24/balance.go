package main

import (
	"context"
	"encoding/json"
	"net/http"

	"siegel/plugins/sdk"
)

// Balance is GET /me. An account that is billed later tells what is left of
// its credit.
func (p *plugin) Balance(ctx context.Context) (sdk.Balance, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.Balance{}, err
	}
	answer, err := a.call(ctx, http.MethodGet, "/me", nil)
	if err != nil {
		return sdk.Balance{}, err
	}
	if answer.Status != http.StatusOK {
		return sdk.Balance{}, a.failure(answer)
	}
	var me struct {
		Amount   json.Number `json:"balance_amount"`
		Currency string      `json:"currency"`
	}
	if json.Unmarshal(answer.Body, &me) == nil {
		if micros, err := sdk.Micros(me.Amount.String()); err == nil && len(me.Currency) == 3 {
			return sdk.Balance{Micros: micros, Currency: me.Currency}, nil
		}
	}
	return sdk.Balance{}, &sdk.Error{Kind: sdk.Unknown, Detail: "LOX24 answered with something else than a balance"}
}
