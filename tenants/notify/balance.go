package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
)

// Balancer is a provider that can be asked for its account's balance.
type Balancer interface {
	Balance(ctx context.Context) (sdk.Balance, error)
}

// lowFunds is what an account should have, in millionths of its currency,
// unless somebody has said otherwise.
const lowFunds = 10_000_000

// Balances asks the providers for their accounts' balances, each once an hour
// whatever number of servers there are, and knows which run low.
type Balances struct {
	// DB keeps what was answered.
	DB *postgres.DB
	// Open returns a provider's running plugin.
	Open func(ctx context.Context, provider id.Provider) (Balancer, error)
	// Logger is slog.Default where nil.
	Logger *slog.Logger
}

// Run asks until ctx ends.
func (b Balances) Run(ctx context.Context) {
	if b.Logger == nil {
		b.Logger = slog.Default()
	}
	for {
		// Spread out: many servers start at once, and so do their clocks.
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Minute + time.Duration(rand.Int64N(int64(4*time.Minute)))):
		}
		if err := b.Ask(ctx); err != nil && ctx.Err() == nil {
			b.Logger.Warn("balances cannot be asked for", "error", err)
		}
	}
}

// Ask asks those who were not asked within the last hour.
func (b Balances) Ask(ctx context.Context) error {
	var due []struct{ ID id.Provider }
	// Who takes a row asks; the jitter keeps providers from being asked all at once.
	err := b.DB.Global().NewRaw(`
		insert into provider_balance (provider_id, low_micros, asked)
		select p.id, ?, now() from provider p where p.kind = 'sms' and p.enabled and p.balance
		on conflict (provider_id) do update set asked = now()
		where provider_balance.asked < now() - interval '55 minutes' - random() * interval '10 minutes'
		returning provider_id as id`, lowFunds).Scan(ctx, &due)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("whom to ask for a balance: %w", err)
	}
	for _, p := range due {
		if err := b.ask(ctx, p.ID); err != nil {
			return err
		}
	}
	return nil
}

func (b Balances) ask(ctx context.Context, provider id.Provider) error {
	var balance sdk.Balance
	asked, err := b.Open(ctx, provider)
	if err == nil {
		balance, err = asked.Balance(ctx)
	}
	micros, failure := any(balance.Micros), ""
	switch kind, known := sdk.KindOf(err); {
	case err == nil:
	case errors.Is(err, sdk.ErrUnsupported):
		micros = nil
	case known:
		micros, failure = nil, string(kind)
	default:
		micros, failure = nil, "unavailable"
	}
	// An answer that failed says nothing of the money: the last one stands.
	if _, err := b.DB.Global().NewRaw(`update provider_balance set micros = case when ?1 <> '' then micros else ?2::bigint end,
		currency = case when ?1 <> '' or ?3 = '' then currency else ?3 end, failure = ?1, asked = now()
		where provider_id = ?0`, provider, failure, micros, balance.Currency).Exec(ctx); err != nil {
		return fmt.Errorf("keep a balance: %w", err)
	}
	return nil
}

// Funds is what an account had when it was last asked.
type Funds struct {
	Provider id.Provider
	Name     string
	Plugin   string
	// Known is false where the provider does not tell.
	Known    bool
	Micros   int64
	Currency string
	// LowMicros is below what it is low.
	LowMicros int64
	Low       bool
	// Failure is why it could not be asked the last time; empty where it could.
	Failure string
	Asked   time.Time
}

// Of are the accounts of a scope's providers; of every scope for the platform
// with all.
func (b Balances) Of(ctx context.Context, scope access.Domain, all bool) ([]Funds, error) {
	var found []Funds
	err := b.DB.Global().NewRaw(`select p.id as provider, p.name, p.plugin, b.micros is not null as known, coalesce(b.micros, 0) as micros, b.currency,
		b.low_micros, coalesce(b.micros < b.low_micros, false) as low, b.failure, b.asked
		from provider_balance b join provider p on p.id = b.provider_id
		where ? or (p.scope = ? and p.scope_id = ?) order by p.position, p.id`, all, string(scope.Kind), scope.ID).Scan(ctx, &found)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read balances: %w", err)
	}
	return found, nil
}

// SetLow says below what an account's balance is low.
func (b Balances) SetLow(ctx context.Context, provider id.Provider, micros int64) error {
	if _, err := b.DB.Global().NewRaw(`insert into provider_balance (provider_id, low_micros, asked) values (?, ?, '2000-01-01')
		on conflict (provider_id) do update set low_micros = excluded.low_micros`, provider, micros).Exec(ctx); err != nil {
		return fmt.Errorf("set the mark of low funds: %w", err)
	}
	return nil
}
