package sdk

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
)

// Balancer is an [SMS] whose provider tells the account's balance. It names
// the capability [AccountBalance].
type Balancer interface {
	// Balance asks the provider. It returns [ErrUnsupported] where this
	// account has no balance of its own.
	Balance(ctx context.Context) (Balance, error)
}

// ErrUnsupported means that the plugin or its provider does not have what was
// asked for; [Description] tells beforehand, by [Capability].
var ErrUnsupported = errors.New("provider: not supported")

// Balance is how much money an account has.
type Balance struct {
	// Micros is the amount in millionths of the currency. It is less than
	// nothing where the account is overdrawn.
	Micros int64
	// Currency is ISO 4217, such as "EUR".
	Currency string
}

var (
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	decimal  = regexp.MustCompile(`^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?$`)
)

func (b Balance) check() error {
	if !currency.MatchString(b.Currency) {
		return malformed("currency is not an ISO 4217 code")
	}
	return nil
}

// Micros reads a decimal number, as providers write amounts, in millionths.
// What is smaller than one is cut off.
func Micros(number string) (int64, error) {
	amount, ok := new(big.Rat).SetString(number)
	if !ok || !decimal.MatchString(number) {
		return 0, errors.New("not a decimal number")
	}
	amount.Mul(amount, big.NewRat(1_000_000, 1))
	whole := new(big.Int).Quo(amount.Num(), amount.Denom())
	if !whole.IsInt64() || whole.Int64() == math.MinInt64 {
		return 0, errors.New("not an amount of money")
	}
	return whole.Int64(), nil
}

// String writes the amount for people, such as "12.34 EUR".
func (b Balance) String() string {
	sign, micros := "", b.Micros
	if micros < 0 {
		sign, micros = "-", -micros
	}
	return fmt.Sprintf("%s%d.%02d %s", sign, micros/1_000_000, micros%1_000_000/10_000, b.Currency)
}
