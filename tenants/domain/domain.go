// Package domain brings up domains of practices' own: proof of whose they are,
// records at a hosting provider, their spreading in DNS, a certificate, and the
// first request that arrives over https; and it takes them back.
//
// It promises that what was begun goes on, also after a crash and on another
// replica, until it is done, has to be decided by somebody or was taken back;
// that each step may be repeated without harm; that what leads elsewhere is
// only replaced by leave; that a domain serves nobody before it is proven. It
// does not promise that DNS is quick.
package domain

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
	"siegel/tenants/registry"
)

// The errors that a caller can act on.
var (
	// ErrUnknown: no such domain is being brought up.
	ErrUnknown = fault.New(fault.NotFound, "unknown_domain")
	// ErrUnderWay: it is being brought up, or taken back, already.
	ErrUnderWay = fault.New(fault.Conflict, "domain_under_way")
	// ErrRefused: the provider or its plugin refused. The chain has an
	// [*sdk.Error] that says why.
	ErrRefused = fault.New(fault.Conflict, "hosting_refused")
)

// Hosting is an account with a hosting provider, as its plugin serves it.
type Hosting interface {
	Describe(ctx context.Context) (sdk.Description, error)
	PlanHost(ctx context.Context, host string, to sdk.Target) ([]sdk.Change, error)
	EnsureHost(ctx context.Context, host string, to sdk.Target, replace bool) (sdk.HostStatus, error)
	RemoveHost(ctx context.Context, host string, to sdk.Target) ([]sdk.Record, error)
	sdk.Challenger
}

// Config is what a [Service] needs. Every field without a remark is required.
type Config struct {
	DB    *postgres.DB
	Names *registry.Service
	// Open gives the plugin of a tenant's provider. It returns a fault of code
	// NotFound for one that is not, or no longer, the tenant's to use.
	Open func(ctx context.Context, tenant id.Tenant, provider id.Provider) (Hosting, error)
	// Target is where the hosts of a tenant lead.
	Target func(ctx context.Context, tenant id.Tenant) (sdk.Target, error)
	// Addresses are those that DNS gives for a name.
	Addresses func(ctx context.Context, name string) ([]netip.Addr, error)
	// Obtain and Forget are about certificates; nil where somebody else, before
	// this server, has them.
	Obtain, Forget func(ctx context.Context, host string) error
	// Request makes a request over https, as a patient's browser does, and
	// returns nil where this tenant answers.
	Request func(ctx context.Context, host string, tenant id.Tenant) error
	// Patience is how long a step may take before somebody has to decide. 72 h
	// where zero.
	Patience time.Duration
	// Poll is how often the service looks for work; 2 s where zero.
	Poll time.Duration
	// Logger is slog.Default where nil.
	Logger *slog.Logger
}

// Service brings domains up. Safe for concurrent use.
type Service struct{ Config }

// NewService checks c and returns a Service. [Service.Run] does the work.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || c.Names == nil || c.Open == nil || c.Target == nil || c.Addresses == nil || c.Request == nil || (c.Obtain == nil) != (c.Forget == nil) {
		return nil, errors.New("domain: incomplete config")
	}
	if c.Patience == 0 {
		c.Patience = 72 * time.Hour
	}
	if c.Poll == 0 {
		c.Poll = 2 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Service{Config: c}, nil
}

// Step is a part of the way.
type Step string

// The steps, in their order.
const (
	Ownership   Step = "ownership"   // the name is proven to be the practice's
	Records     Step = "records"     // the provider leads it to us
	Propagation Step = "propagation" // DNS says so
	Certificate Step = "certificate"
	Request     Step = "request" // the first one over https arrives
	Done        Step = "done"
)

// Steps are all steps but [Done], in their order.
func Steps() []Step { return []Step{Ownership, Records, Propagation, Certificate, Request} }

// Record is one that somebody has to set, or to remove, by hand.
type Record struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Value   string `json:"value"`
	Present bool   `json:"present"`
}

// Domain is how far a domain is.
type Domain struct {
	Host     string
	Tenant   id.Tenant
	Provider id.Provider
	// Removing says that it is being taken back; then Step says how far it was.
	Removing bool
	Step     Step
	// Problem is what it waits for, a word: "" while all goes well. Stopped
	// says that it waits for somebody.
	Problem string
	Stopped bool
	Records []Record
	// Started is when it began, Since when the step did, Next when it goes on.
	Started, Since, Next time.Time

	replace bool
	proxy   bool
	tries   int
}

// Plan is what would be done.
type Plan struct {
	// Host is the name in its one form.
	Host    string
	Changes []sdk.Change
	// Proxy says that the provider takes the connections, with its own
	// certificate; Manual that somebody has to set records; Proves that the
	// provider publishes the proof, so that nobody has to.
	Proxy, Manual, Proves bool
}

// Plan says what bringing a domain up would do, and changes nothing. It returns
// [registry.ErrMalformedHost] or [ErrRefused].
func (s *Service) Plan(ctx context.Context, tenant id.Tenant, provider id.Provider, typed string) (Plan, error) {
	host, err := registry.CanonicalHost(typed)
	if err != nil {
		return Plan{}, err
	}
	hosting, to, about, err := s.open(ctx, tenant, provider)
	if err != nil {
		return Plan{}, err
	}
	changes, err := hosting.PlanHost(ctx, host, to)
	if err != nil {
		return Plan{}, refused(err)
	}
	return Plan{
		Host: host, Changes: changes,
		Proxy: about.Has(sdk.Proxy), Manual: about.Has(sdk.Manual), Proves: about.Has(sdk.Challenges),
	}, nil
}

func refused(err error) error {
	if _, ok := sdk.KindOf(err); ok {
		return ErrRefused.Because(err)
	}
	return err
}

func (s *Service) open(ctx context.Context, tenant id.Tenant, provider id.Provider) (Hosting, sdk.Target, sdk.Description, error) {
	to, err := s.Target(ctx, tenant)
	if err != nil {
		return nil, to, sdk.Description{}, fmt.Errorf("target: %w", err)
	}
	hosting, err := s.Open(ctx, tenant, provider)
	if err != nil {
		return nil, to, sdk.Description{}, err
	}
	about, err := hosting.Describe(ctx)
	return hosting, to, about, err
}

// Start begins to bring a domain up; replace is leave to replace what leads
// elsewhere. Where it has stopped or is done, it begins again. It returns
// [ErrUnderWay] while the domain is being taken back, and what
// [registry.Service.AddHost] returns.
func (s *Service) Start(ctx context.Context, tenant id.Tenant, provider id.Provider, typed string, replace bool, by id.Account) (Domain, error) {
	if _, _, _, err := s.open(ctx, tenant, provider); err != nil {
		return Domain{}, err
	}
	name, err := s.Names.AddHost(ctx, tenant, typed)
	if err != nil {
		return Domain{}, err
	}
	result, err := s.DB.Global().NewRaw(`insert into domain_setup as d (host, tenant_id, provider_id, by, replace) values (?, ?, ?, ?, ?)
		on conflict (tenant_id, host) do update set provider_id = excluded.provider_id, by = excluded.by, replace = excluded.replace,
		step = 'ownership', problem = '', stopped = false, records = '[]', tries = 0, started = now(), since = now(), next_at = now()
		where not d.removing`, name.Name, tenant, provider, by, replace).Exec(ctx)
	if err != nil {
		return Domain{}, fmt.Errorf("start domain: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return Domain{}, ErrUnderWay
	}
	return s.Domain(ctx, tenant, name.Name)
}

// Retry lets one go on at once that waits or has stopped. replace is leave to
// replace what leads elsewhere. It returns [ErrUnknown].
func (s *Service) Retry(ctx context.Context, tenant id.Tenant, host string, replace bool) (Domain, error) {
	return s.change(ctx, tenant, host, `problem = case when stopped then '' else problem end, stopped = false, tries = 0,
		since = case when stopped then now() else since end, next_at = now(), replace = replace or ?`, replace)
}

// Remove takes a domain back: the provider's records, the certificate, the
// name. Patients are led to the tenant's other host at once. It returns
// [ErrUnknown].
func (s *Service) Remove(ctx context.Context, tenant id.Tenant, host string) (Domain, error) {
	return s.change(ctx, tenant, host, `removing = true, problem = '', stopped = false, records = '[]', tries = 0, since = now(), next_at = now(), replace = replace and ?`, true)
}

func (s *Service) change(ctx context.Context, tenant id.Tenant, host, set string, arg bool) (Domain, error) {
	result, err := s.DB.Global().NewRaw(`update domain_setup set `+set+` where tenant_id = ? and host = ?`, arg, tenant, host).Exec(ctx)
	if err != nil {
		return Domain{}, fmt.Errorf("change domain: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return Domain{}, ErrUnknown
	}
	return s.Domain(ctx, tenant, host)
}

type row struct {
	Host       string
	TenantID   id.Tenant
	ProviderID id.Provider
	Replace    bool
	Removing   bool
	Step       string
	Proxy      bool
	Problem    string
	Stopped    bool
	Records    json.RawMessage
	Tries      int
	Started    time.Time
	Since      time.Time
	NextAt     time.Time
}

const columns = `host, tenant_id, provider_id, replace, removing, step, proxy, problem, stopped, records, tries, started, since, next_at`

func (r row) domain() (Domain, error) {
	d := Domain{
		Host: r.Host, Tenant: r.TenantID, Provider: r.ProviderID, Removing: r.Removing, Step: Step(r.Step), Problem: r.Problem,
		Stopped: r.Stopped, Started: r.Started.UTC(), Since: r.Since.UTC(), Next: r.NextAt.UTC(),
		replace: r.Replace, proxy: r.Proxy, tries: r.Tries,
	}
	if err := json.Unmarshal(r.Records, &d.Records); err != nil {
		return Domain{}, fmt.Errorf("read domain: %w", err)
	}
	return d, nil
}

// Domain is one of a tenant's. It returns [ErrUnknown].
func (s *Service) Domain(ctx context.Context, tenant id.Tenant, host string) (Domain, error) {
	var r row
	err := s.DB.Global().NewRaw(`select `+columns+` from domain_setup where tenant_id = ? and host = ?`, tenant, host).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return Domain{}, ErrUnknown
	}
	if err != nil {
		return Domain{}, fmt.Errorf("read domain: %w", err)
	}
	return r.domain()
}

// Domains are a tenant's, in the order in which they were started.
func (s *Service) Domains(ctx context.Context, tenant id.Tenant) ([]Domain, error) {
	var rows []row
	err := s.DB.Global().NewRaw(`select `+columns+` from domain_setup where tenant_id = ? order by started, host`, tenant).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("list domains: %w", err)
	}
	out := make([]Domain, 0, len(rows))
	for _, r := range rows {
		d, err := r.domain()
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}
