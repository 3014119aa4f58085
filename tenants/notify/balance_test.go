package notify_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"siegel/platform/access"
	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
	"siegel/tenants/notify"
)

// account is a provider's that is asked for its balance.
type account struct {
	mu      sync.Mutex
	asked   int
	balance sdk.Balance
	err     error
}

func (a *account) Balance(context.Context) (sdk.Balance, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	return a.balance, a.err
}

func (a *account) times() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// purse is a provider of a scope, and its account.
func purse(t *testing.T, db *postgres.DB, scope access.Domain) id.Provider {
	t.Helper()
	p := id.New[id.Provider]()
	if _, err := db.Global().NewRaw(`insert into provider (id, kind, plugin, scope, scope_id, name, position, enabled, settings, price_micros, currency,
		company, address, country, version, reports, balance) values (?, 'sms', 'lox24', ?, ?, 'LOX', 1, true, '{}', 0, 'EUR', 'LOX24 GmbH', 'There', 'DE', '1', true, true)`,
		p, string(scope.Kind), scope.ID).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(t *testing.T, b notify.Balances) {
	t.Helper()
	if err := b.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func funds(t *testing.T, b notify.Balances, scope access.Domain) notify.Funds {
	t.Helper()
	all, err := b.Of(t.Context(), scope, false)
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v; want one account", all, err)
	}
	return all[0]
}

// Whoever is asked is asked once an hour, by however many servers.
func TestEachAccountIsAskedOnceAnHour(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t)
	platform := access.Domain{Kind: access.Platform}
	p := purse(t, db, platform)
	a := &account{balance: sdk.Balance{Micros: 42_000_000, Currency: "EUR"}}
	open := func(_ context.Context, of id.Provider) (notify.Balancer, error) {
		if of != p {
			return nil, errors.New("somebody else's")
		}
		return a, nil
	}
	var all sync.WaitGroup
	for range 8 { // servers
		all.Go(func() {
			if err := (notify.Balances{DB: db, Open: open}).Ask(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	b := notify.Balances{DB: db, Open: open}
	ask(t, b)
	if a.times() != 1 {
		t.Errorf("asked %d times within an hour", a.times())
	}
	if f := funds(t, b, platform); !f.Known || f.Micros != 42_000_000 || f.Currency != "EUR" || f.Low || f.Failure != "" {
		t.Errorf("known: %+v", f)
	}
	if _, err := db.Global().NewRaw(`update provider_balance set asked = now() - interval '66 minutes'`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(t, b)
	if a.times() != 2 {
		t.Errorf("asked %d times, want again after an hour", a.times())
	}
	// Switched off, nobody asks it.
	if _, err := db.Global().NewRaw(`update provider set enabled = false; update provider_balance set asked = now() - interval '2 hours'`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(t, b)
	if a.times() != 2 {
		t.Error("one that is switched off was asked")
	}
}

func TestLowFundsAreKnown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		balance sdk.Balance
		err     error
		mark    int64 // 0: as it is from the start
		low     bool
		known   bool
		failure string
	}{
		"Plenty":       {balance: sdk.Balance{Micros: 10_000_000, Currency: "EUR"}, known: true},
		"Low":          {balance: sdk.Balance{Micros: 9_999_999, Currency: "EUR"}, known: true, low: true},
		"Empty":        {balance: sdk.Balance{Currency: "EUR"}, known: true, low: true},
		"Overdrawn":    {balance: sdk.Balance{Micros: -1, Currency: "EUR"}, known: true, low: true},
		"BelowTheMark": {balance: sdk.Balance{Micros: 49_000_000, Currency: "EUR"}, mark: 50_000_000, known: true, low: true},
		"AboveTheMark": {balance: sdk.Balance{Micros: 2_000_000, Currency: "EUR"}, mark: 1_000_000, known: true},
		"Unsupported":  {err: sdk.ErrUnsupported},
		"Refused":      {err: &sdk.Error{Kind: sdk.Auth}, failure: "auth"},
		"Unreachable":  {err: errors.New("gone"), failure: "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testdb.Open(t)
			reseller := access.Domain{Kind: access.Reseller, ID: id.New[id.Reseller]().Bytes()}
			p := purse(t, db, reseller)
			b := notify.Balances{DB: db, Open: func(context.Context, id.Provider) (notify.Balancer, error) {
				return &account{balance: c.balance, err: c.err}, nil
			}}
			if c.mark != 0 {
				if err := b.SetLow(t.Context(), p, c.mark); err != nil {
					t.Fatal(err)
				}
			}
			ask(t, b)
			if f := funds(t, b, reseller); f.Low != c.low || f.Known != c.known || f.Failure != c.failure {
				t.Errorf("%+v", f)
			}
			if others, err := b.Of(t.Context(), access.Domain{Kind: access.Platform}, false); err != nil || len(others) != 0 {
				t.Errorf("another scope sees %+v, %v", others, err)
			}
		})
	}
}

// What was known of the money stands while nobody can be asked.
func TestAnAccountThatCannotBeAskedKeepsItsBalance(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t)
	platform := access.Domain{Kind: access.Platform}
	purse(t, db, platform)
	a := &account{balance: sdk.Balance{Micros: 3_000_000, Currency: "CHF"}}
	b := notify.Balances{DB: db, Open: func(context.Context, id.Provider) (notify.Balancer, error) { return a, nil }}
	ask(t, b)
	a.err = &sdk.Error{Kind: sdk.Temporary}
	if _, err := db.Global().NewRaw(`update provider_balance set asked = now() - interval '2 hours'`).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(t, b)
	if f := funds(t, b, platform); !f.Known || f.Micros != 3_000_000 || f.Currency != "CHF" || !f.Low || f.Failure != "temporary" {
		t.Errorf("%+v", f)
	}
}
