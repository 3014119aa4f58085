package sdk_test

import (
	"context"
	"errors"
	"testing"

	"siegel/plugins/sdk"
)

// purse is a stub that also tells a balance.
type purse struct {
	stub
	balance sdk.Balance
	err     error
}

func (p purse) Balance(context.Context) (sdk.Balance, error) { return p.balance, p.err }

func TestBalanceTravels(t *testing.T) {
	t.Parallel()
	for _, want := range []sdk.Balance{{12_345_678, "EUR"}, {-1, "CHF"}, {0, "USD"}} {
		client, stop := connect(purse{balance: want})
		defer stop()
		if got, err := client.Balance(t.Context()); err != nil || got != want {
			t.Errorf("balance = %v, %v; want %v", got, err, want)
		}
	}
	client, stop := connect(purse{err: &sdk.Error{Kind: sdk.Auth}})
	defer stop()
	if _, err := client.Balance(t.Context()); func() bool { k, _ := sdk.KindOf(err); return k != sdk.Auth }() {
		t.Errorf("error = %v, want kind auth", err)
	}
	client, stop = connect(purse{balance: sdk.Balance{Currency: "Euro"}})
	defer stop()
	if _, err := client.Balance(t.Context()); !errors.Is(err, sdk.ErrMalformedReply) {
		t.Errorf("error = %v, want ErrMalformedReply", err)
	}
	client, stop = connect(purse{err: sdk.ErrUnsupported})
	defer stop()
	if _, err := client.Balance(t.Context()); !errors.Is(err, sdk.ErrUnsupported) || !sdk.Answered(err) {
		t.Errorf("error = %v, want ErrUnsupported, answered", err)
	}
}

// A plugin from before these calls were there answers as if they were not.
func TestPluginThatKnowsNeitherCall(t *testing.T) {
	t.Parallel()
	client, stop := connect(stub{})
	defer stop()
	if _, err := client.ParseDelivery(t.Context(), request()); !errors.Is(err, sdk.ErrUnsupported) || !sdk.Answered(err) {
		t.Errorf("parse delivery: %v, want ErrUnsupported", err)
	}
	if _, err := client.Balance(t.Context()); !errors.Is(err, sdk.ErrUnsupported) {
		t.Errorf("balance: %v, want ErrUnsupported", err)
	}
}

func TestMicros(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]int64{
		"12.34": 12_340_000, "0": 0, "-0.5": -500_000, "0.0000019": 1, "12.345678": 12_345_678, "1e2": 100_000_000,
		"1.5E-1": 150_000, "900": 900_000_000, "0.1": 100_000,
	} {
		if got, err := sdk.Micros(number); err != nil || got != want {
			t.Errorf("Micros(%q) = %d, %v; want %d", number, got, err, want)
		}
	}
	for _, number := range []string{"", "much", "1,5", "0x10", "1/3", "NaN", "1e99", "9999999999999999999", "999999999999999", " 1", "1_000"} {
		if got, err := sdk.Micros(number); err == nil {
			t.Errorf("Micros(%q) = %d, want an error", number, got)
		}
	}
}

func TestBalanceForPeople(t *testing.T) {
	t.Parallel()
	for want, b := range map[string]sdk.Balance{
		"12.34 EUR": {12_349_999, "EUR"}, "-0.05 EUR": {-50_000, "EUR"}, "1000.00 USD": {1_000_000_000, "USD"},
	} {
		if got := b.String(); got != want {
			t.Errorf("String = %q, want %q", got, want)
		}
	}
}
