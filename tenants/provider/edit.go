package provider

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
)

// Draft is what somebody wants a provider to be.
type Draft struct {
	// ID is zero for a new one, for which Kind and Plugin say what it shall be;
	// they never change.
	ID           id.Provider
	Kind, Plugin string
	Name         string
	// Settings are all that are no secrets, and those secrets that change.
	Settings    map[string]any
	PriceMicros int64
	Currency    string
	Enabled     bool
	// By is who wants it.
	By id.Account
}

var currency = regexp.MustCompile(`^[A-Z]{3}$`)

// Put sets a provider up or changes it, after its plugin has taken the
// settings. A processor that is not in the annex is announced by it, and
// carries nothing before its notice is over. It returns [ErrUnknown],
// [ErrName], [ErrPrice], [ErrSettings], [ErrBootstrap], [ErrNeeded], or what
// the plugin says.
func (s *Service) Put(ctx context.Context, scope access.Domain, d Draft) (Provider, error) {
	if !isText(d.Name, 60) {
		return Provider{}, ErrName
	}
	if d.PriceMicros < 0 || d.PriceMicros > 100_000_000 || !currency.MatchString(d.Currency) {
		return Provider{}, ErrPrice
	}
	p := Provider{ID: id.New[id.Provider](), Kind: d.Kind, Plugin: d.Plugin, Scope: scope}
	fresh := d.ID.IsZero()
	if !fresh {
		var err error
		if p, err = s.Of(ctx, scope, d.ID); err != nil {
			return Provider{}, err
		}
		if p.Bootstrap {
			return Provider{}, ErrBootstrap
		}
	}
	if s.Plugins == nil {
		return Provider{}, ErrUnknown
	}
	about, err := s.Plugins.Catalogue(ctx, p.Kind, p.Plugin)
	if err != nil {
		return Provider{}, err
	}
	shown, err := propertiesOf(about)
	if err != nil {
		return Provider{}, err
	}
	former, err := s.open(p)
	if err != nil {
		former = nil // lost with the server's secret: they have to be given again
	}
	open, secret, err := shown.split(d.Settings, former)
	if err != nil {
		return Provider{}, err
	}
	if _, takes := shown["delivery_url"]; takes && open["delivery_url"] == nil && s.DeliveryURL(p.ID) != "" {
		open["delivery_url"] = s.DeliveryURL(p.ID)
	}
	if p.Enabled && !d.Enabled {
		if err := s.spare(ctx, p); err != nil {
			return Provider{}, err
		}
	}
	p.Name, p.PriceMicros, p.Currency, p.Enabled = d.Name, d.PriceMicros, d.Currency, d.Enabled
	p.Settings = open
	if p.sealed, err = s.close(p, secret); err != nil {
		return Provider{}, err
	}
	full, err := s.Full(p)
	if err != nil {
		return Provider{}, err
	}
	if err := s.Plugins.Try(ctx, p.Kind, p.ID.String(), p.Plugin, full); err != nil {
		return Provider{}, err
	}
	if err := s.store(ctx, p, about, d.By, fresh); err != nil {
		return Provider{}, err
	}
	s.routes.Clear()
	return s.Provider(ctx, p.ID)
}

// store writes a provider whole. A new one comes last in its scope.
func (s *Service) store(ctx context.Context, p Provider, about sdk.Description, by id.Account, fresh bool) error {
	settings, err := json.Marshal(p.Settings)
	if err != nil {
		return ErrSettings.Because(err)
	}
	return s.DB.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		query := `update provider set name = ?1, enabled = ?2, settings = ?3, secrets = ?4, price_micros = ?5, currency = ?6,
			company = ?7, address = ?8, country = ?9, version = ?10, reports = ?11, balance = ?12, bootstrap = ?13, revision = revision + 1
			where id = ?0`
		if fresh {
			query = `insert into provider (id, name, enabled, settings, secrets, price_micros, currency,
				company, address, country, version, reports, balance, bootstrap, kind, plugin, scope, scope_id, position)
				values (?0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
				(select coalesce(max(position), 0) + 1 from provider where kind = ?14 and scope = ?16 and scope_id = ?17))`
		}
		if _, err := tx.NewRaw(query, p.ID, p.Name, p.Enabled, string(settings), p.sealed, p.PriceMicros, p.Currency,
			about.Processor.Company, about.Processor.Address, about.Processor.Country, about.Version,
			about.Has(sdk.DeliveryReports), about.Has(sdk.AccountBalance), p.Bootstrap,
			p.Kind, p.Plugin, string(p.Scope.Kind), p.Scope.ID).Exec(ctx); err != nil {
			return fmt.Errorf("store provider: %w", err)
		}
		return s.announce(ctx, tx, p, about, by)
	})
}

// Bootstrap keeps the one provider that the environment names, for the whole
// platform. An empty plugin takes it away.
func (s *Service) Bootstrap(ctx context.Context, kind, plugin string, settings map[string]any) error {
	defer s.routes.Clear()
	all, err := s.query(ctx, `select `+columns+` from provider p where p.kind = ? and p.bootstrap`, kind)
	if err != nil {
		return err
	}
	if plugin == "" || (len(all) == 1 && all[0].Plugin != plugin) {
		if _, err := s.DB.Global().NewRaw(`delete from provider where kind = ? and bootstrap`, kind).Exec(ctx); err != nil {
			return fmt.Errorf("remove the environment's provider: %w", err)
		}
		all = nil
	}
	if plugin == "" {
		return nil
	}
	about, err := s.Plugins.Catalogue(ctx, kind, plugin)
	if err != nil {
		return err
	}
	shown, err := propertiesOf(about)
	if err != nil {
		return err
	}
	p := Provider{ID: id.New[id.Provider](), Kind: kind, Plugin: plugin, Scope: access.Domain{Kind: access.Platform},
		Name: plugin, Enabled: true, Currency: "EUR"}
	fresh := len(all) == 0
	if !fresh {
		p = all[0]
	}
	open, secret, err := shown.split(settings, nil)
	if err != nil {
		return fmt.Errorf("settings of plugin %q: %w", plugin, err)
	}
	if _, takes := shown["delivery_url"]; takes && open["delivery_url"] == nil && s.DeliveryURL(p.ID) != "" {
		open["delivery_url"] = s.DeliveryURL(p.ID)
	}
	p.Settings, p.Bootstrap = open, true
	if p.sealed, err = s.close(p, secret); err != nil {
		return err
	}
	err = s.store(ctx, p, about, id.Account{}, fresh)
	if fresh && postgres.Violates(err, "provider_bootstrap") {
		return nil // another replica was first
	}
	return err
}

// Remove takes a provider away. Its messages keep its id. It returns
// [ErrUnknown], [ErrBootstrap] or [ErrNeeded].
func (s *Service) Remove(ctx context.Context, scope access.Domain, provider id.Provider) error {
	p, err := s.Of(ctx, scope, provider)
	if err != nil {
		return err
	}
	if p.Bootstrap {
		return ErrBootstrap
	}
	if err := s.spare(ctx, p); err != nil {
		return err
	}
	if _, err := s.DB.Global().NewRaw(`delete from provider where id = ?`, provider).Exec(ctx); err != nil {
		return fmt.Errorf("remove provider: %w", err)
	}
	s.routes.Clear()
	if s.Plugins != nil {
		s.Plugins.Retire(provider.String())
	}
	return nil
}

// Order puts all providers of a scope into a new order, which is the order of
// failing over. It returns [ErrOrder] unless each is named once.
func (s *Service) Order(ctx context.Context, scope access.Domain, kind string, order []id.Provider) error {
	defer s.routes.Clear()
	return s.DB.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var rows []struct{ ID id.Provider }
		if err := tx.NewRaw(`select id from provider where kind = ? and scope = ? and scope_id = ? order by id for update`,
			kind, string(scope.Kind), scope.ID).Scan(ctx, &rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("order providers: %w", err)
		}
		there := make([]id.Provider, len(rows))
		for i, r := range rows {
			there[i] = r.ID
		}
		wanted := make([]uuid.UUID, len(order))
		for i, p := range order {
			wanted[i] = p.Bytes()
			if !slices.Contains(there, p) || slices.Index(order, p) != i {
				return ErrOrder
			}
		}
		if len(there) != len(order) {
			return ErrOrder
		}
		for i, p := range wanted {
			if _, err := tx.NewRaw(`update provider set position = ? where id = ?`, i+1, p).Exec(ctx); err != nil {
				return fmt.Errorf("order providers: %w", err)
			}
		}
		return nil
	})
}

// First has a provider take over: it moves to the head of its scope. It returns
// [ErrUnknown], or [ErrUnapproved] where the annex does not have it yet.
func (s *Service) First(ctx context.Context, scope access.Domain, provider id.Provider) error {
	p, err := s.Of(ctx, scope, provider)
	if err != nil {
		return err
	}
	annex, err := s.Annex(ctx, p.Kind, scope)
	if err != nil {
		return err
	}
	if !p.Enabled || !annex.approves(p) {
		return ErrUnapproved
	}
	all, err := s.List(ctx, p.Kind, scope)
	if err != nil {
		return err
	}
	order := []id.Provider{provider}
	for _, other := range all {
		if other.ID != provider {
			order = append(order, other.ID)
		}
	}
	return s.Order(ctx, scope, p.Kind, order)
}
