// Package provider knows who carries messages and serves hosts: accounts with
// providers, their order for the platform, a reseller or a tenant, and which of
// them the agreement's annex lets work for whom.
//
// A [Service] promises that secrets among the settings are stored encrypted
// under a key of the server's secret, bound to their row, and never handed out
// but to a plugin; that [Service.Route] names only providers that are approved
// for the tenant, to which it has not objected and, outside the EEA, to which
// it has agreed; and that nobody takes away the last provider of a tenant that
// objected to the others. It runs no plugin: see platform/pluginhost.
package provider

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
)

// The kinds of provider, as the plugins' files are called.
const (
	SMS     = "sms"
	Hosting = "hosting"
)

// What a caller can act on.
var (
	ErrUnknown = fault.New(fault.NotFound, "unknown_provider")
	// ErrName: a name has 1 to 60 characters.
	ErrName = fault.New(fault.Invalid, "malformed_name")
	// ErrSettings: the settings are not what the plugin's schema describes.
	ErrSettings = fault.New(fault.Invalid, "malformed_settings")
	ErrPrice    = fault.New(fault.Invalid, "malformed_price")
	// ErrNeeded: a tenant that objected to the others would be left without.
	ErrNeeded = fault.New(fault.Conflict, "provider_needed")
	// ErrOrder: not the providers that there are, each once.
	ErrOrder = fault.New(fault.Conflict, "changed_meanwhile")
	// ErrBootstrap: it is as the server's environment says.
	ErrBootstrap = fault.New(fault.Conflict, "provider_of_environment")
	// ErrSecrets: they were encrypted under another secret of the server's.
	ErrSecrets = fault.New(fault.Unavailable, "provider_secrets_unreadable")
	// ErrNotAnnounced: there is nothing to object to, or its notice is over.
	ErrNotAnnounced = fault.New(fault.Conflict, "notice_over")
	ErrReason       = fault.New(fault.Invalid, "malformed_reason")
	ErrUnapproved   = fault.New(fault.Conflict, "provider_unapproved")
)

// Plugins tells what the plugins say of themselves and tries settings on them.
type Plugins interface {
	// Catalogue describes a plugin without settings.
	Catalogue(ctx context.Context, kind, plugin string) (sdk.Description, error)
	// Try starts the plugin with these settings, as an instance's next ones.
	Try(ctx context.Context, kind, instance, plugin string, settings map[string]any) error
	// Retire ends an instance's processes once their calls are over.
	Retire(instance string)
}

// Config wires a [Service]. Every field without a remark is required.
type Config struct {
	DB *postgres.DB
	// Secret is the server's, at least 32 bytes.
	Secret []byte
	// Plugins may be nil: then nothing can be set up.
	Plugins Plugins
	// DeliveryURL is where an instance's provider shall report, or "".
	DeliveryURL func(id.Provider) string
	// Notice is how long before it takes effect a new provider is announced; 30
	// days where zero.
	Notice time.Duration
	// Logger is slog.Default where nil.
	Logger *slog.Logger
}

// Service keeps providers. Safe for concurrent use.
type Service struct {
	Config
	seal   cipher.AEAD
	routes *memo.Cache[routeKey, []Line]
}

type routeKey struct {
	tenant id.Tenant
	kind   string
}

// Age is how old a route may be.
const Age = time.Second

// NewService checks c and returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || len(c.Secret) < 32 {
		return nil, errors.New("provider: incomplete config")
	}
	if c.Notice == 0 {
		c.Notice = 30 * 24 * time.Hour
	}
	if c.DeliveryURL == nil {
		c.DeliveryURL = func(id.Provider) string { return "" }
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	key, err := hkdf.Key(sha256.New, c.Secret, nil, "siegel|provider|1", 32)
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	s := &Service{Config: c, routes: memo.New[routeKey, []Line](Age, 20_000, nil)}
	if s.seal, err = cipher.NewGCM(block); err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	return s, nil
}

// Provider is an account with a provider. Its secrets are not in it.
type Provider struct {
	ID     id.Provider
	Kind   string
	Plugin string
	Scope  access.Domain
	Name   string
	// Position counts from 1 within the scope.
	Position int
	Enabled  bool
	// Settings are those that are no secrets; Secrets names those that are set.
	Settings map[string]any
	Secrets  []string
	// PriceMicros is what a part costs, in millionths of Currency.
	PriceMicros int64
	Currency    string
	Processor   sdk.Processor
	Version     string
	// Reports says that its provider tells what became of messages, Balance
	// that it tells the account's balance.
	Reports, Balance bool
	// Bootstrap says that it is kept as the environment says.
	Bootstrap bool
	Revision  int

	sealed []byte
}

// InEEA says whether data stays within the European Economic Area.
func (p Provider) InEEA() bool { return InEEA(p.Processor.Country) }

// InEEA knows the states of the European Economic Area by ISO 3166-1 alpha-2.
func InEEA(country string) bool {
	return slices.Contains([]string{"AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE",
		"IT", "LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO"}, country)
}

type row struct {
	ID          id.Provider
	Kind        string
	Plugin      string
	Scope       string
	ScopeID     uuid.UUID
	Name        string
	Position    int
	Enabled     bool
	Settings    json.RawMessage
	Secrets     []byte
	PriceMicros int64
	Currency    string
	Company     string
	Address     string
	Country     string
	Version     string
	Reports     bool
	Balance     bool
	Revision    int
	Bootstrap   bool
}

const columns = `p.id, p.kind, p.plugin, p.scope, p.scope_id, p.name, p.position, p.enabled, p.settings, p.secrets,
	p.price_micros, p.currency, p.company, p.address, p.country, p.version, p.reports, p.balance, p.revision, p.bootstrap`

func (s *Service) provider(r row) (Provider, error) {
	p := Provider{
		ID: r.ID, Kind: r.Kind, Plugin: r.Plugin, Scope: access.Domain{Kind: access.Kind(r.Scope), ID: r.ScopeID},
		Name: r.Name, Position: r.Position, Enabled: r.Enabled, PriceMicros: r.PriceMicros, Currency: r.Currency,
		Processor: sdk.Processor{Company: r.Company, Address: r.Address, Country: r.Country},
		Version:   r.Version, Reports: r.Reports, Balance: r.Balance, Bootstrap: r.Bootstrap, Revision: r.Revision, sealed: r.Secrets,
	}
	if err := json.Unmarshal(r.Settings, &p.Settings); err != nil {
		return p, fmt.Errorf("read settings of provider %s: %w", r.ID, err)
	}
	secrets, err := s.open(p)
	if err != nil {
		s.Logger.Error("the secrets of a provider do not open", "provider", p.ID.String())
	}
	for name := range secrets {
		p.Secrets = append(p.Secrets, name)
	}
	slices.Sort(p.Secrets)
	return p, nil
}

// Full are all settings of a provider, as its plugin needs them. They are for
// the plugin alone.
func (s *Service) Full(p Provider) (map[string]any, error) {
	secrets, err := s.open(p)
	if err != nil {
		return nil, err
	}
	full := map[string]any{}
	for k, v := range p.Settings {
		full[k] = v
	}
	for k, v := range secrets {
		full[k] = v
	}
	return full, nil
}

// bound is what the secrets are bound to: moved to another row they do not open.
func (p Provider) bound() []byte {
	return []byte("provider|" + p.ID.UUID() + "|" + p.Kind + "|" + p.Plugin + "|" + string(p.Scope.Kind) + "|" + p.Scope.ID.String())
}

// List are the providers of a scope in their order.
func (s *Service) List(ctx context.Context, kind string, scope access.Domain) ([]Provider, error) {
	return s.query(ctx, `select `+columns+` from provider p where p.kind = ? and p.scope = ? and p.scope_id = ?
		order by p.position, p.id`, kind, string(scope.Kind), scope.ID)
}

// All are the providers of every scope, for those who look after processes.
func (s *Service) All(ctx context.Context, kind string) ([]Provider, error) {
	return s.query(ctx, `select `+columns+` from provider p where p.kind = ? order by p.scope, p.scope_id, p.position, p.id`, kind)
}

// Provider is one by its id. It returns [ErrUnknown].
func (s *Service) Provider(ctx context.Context, provider id.Provider) (Provider, error) {
	all, err := s.query(ctx, `select `+columns+` from provider p where p.id = ?`, provider)
	if err != nil {
		return Provider{}, err
	}
	if len(all) == 0 {
		return Provider{}, ErrUnknown
	}
	return all[0], nil
}

// Of is one of a scope. To those of another scope it does not exist.
func (s *Service) Of(ctx context.Context, scope access.Domain, provider id.Provider) (Provider, error) {
	p, err := s.Provider(ctx, provider)
	if err == nil && p.Scope != scope {
		return Provider{}, ErrUnknown
	}
	return p, err
}

func (s *Service) query(ctx context.Context, query string, args ...any) ([]Provider, error) {
	var rows []row
	if err := s.DB.Global().NewRaw(query, args...).Scan(ctx, &rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read providers: %w", err)
	}
	all := make([]Provider, 0, len(rows))
	for _, r := range rows {
		p, err := s.provider(r)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func isText(text string, most int) bool {
	n := utf8.RuneCountInString(text)
	if n < 1 || n > most || !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return false
		}
	}
	return true
}
