// Package privacy says what becomes of data, keeps to it, and shows how.
//
// A [Service] promises that the statement it writes ([Service.Document]) comes
// from the settings in force when it is asked, that each of its sentences that
// claims something is kept by a test that claims.json names, and that versions
// which stood beside a booking are kept; that nothing is booked with a practice
// while somebody works with its data whom the operator has not entered
// ([Service.Missing]); and that what a tenant keeps longer than it says is
// deleted with a proof that holds numbers alone ([Service.Purge]).
//
// It does not promise that what the operator enters is true, nor that a
// statement is lawful for a case that it does not know: it is a text to be read
// by whoever answers for it. Nothing but web imports it.
package privacy

import (
	"context"
	"errors"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/memo"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/onboarding"
	"siegel/tenants/practice"
	"siegel/tenants/provider"
	"siegel/tenants/registry"
)

// Age is how old an answer may be that is given from memory.
const Age = time.Second

// What callers act on, beside the [Mistakes] of what was typed.
var (
	// ErrUnknown is returned for what is not there.
	ErrUnknown = fault.New(fault.NotFound, "not_found")
	// ErrInvalidFields is what [Mistakes] are.
	ErrInvalidFields = fault.New(fault.Invalid, "invalid_fields")
	// ErrBounds is returned for a time that the law or the purpose does not bear.
	ErrBounds = fault.New(fault.Invalid, "retention_out_of_bounds")
)

// Config is what a [Service] needs. Every field without a remark is required.
type Config struct {
	DB         *postgres.DB
	Registry   *registry.Service
	Practice   *practice.Service
	Onboarding *onboarding.Service
	Providers  *provider.Service
	Identity   *identity.Service
	Audit      *audit.Service
	// Reminded says whether a tenant offers reminders.
	Reminded func(ctx context.Context, tenant id.Tenant) (bool, error)
	// Operator is who runs the installation, as the environment says.
	Operator onboarding.Party
	// Contract says with whom a tenant has its agreement.
	Contract func(ctx context.Context, tenant id.Tenant) (onboarding.Contract, error)
	// Cookies are all that the pages set.
	Cookies []Cookie
	// Now is the clock by which retention ends; time.Now where nil.
	Now func() time.Time
}

// Cookie is one that a page may set.
type Cookie struct {
	// Name is without the prefix that binds it to its host.
	Name string
	// Where is "patients" or "people": those who sign in.
	Where string
	// Life is how long it stays; zero is to the end of the browser's session.
	Life time.Duration
	// Asked says that it is set only for who ticked a box.
	Asked bool
}

// Service is safe for concurrent use.
type Service struct {
	Config
	words    map[string]words
	missing  *memo.Cache[id.Tenant, []Need]
	register *memo.Cache[struct{}, []Processor]
	counting *memo.Cache[id.Tenant, bool]
	traffic  counter
}

// NewService checks c and returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || c.Registry == nil || c.Practice == nil || c.Onboarding == nil || c.Providers == nil || c.Identity == nil ||
		c.Audit == nil || c.Reminded == nil || c.Contract == nil || c.Operator.Name == "" {
		return nil, errors.New("privacy: incomplete config")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	texts, err := readWords()
	if err != nil {
		return nil, err
	}
	return &Service{
		Config: c, words: texts,
		missing:  memo.New[id.Tenant, []Need](Age, 20_000, c.Now),
		register: memo.New[struct{}, []Processor](Age, 1, c.Now),
		counting: memo.New[id.Tenant, bool](Age, 20_000, c.Now),
		traffic:  counter{counts: map[count]int64{}},
	}, nil
}

// Mistake is a field that is not as it has to be: its name in the API, and why
// as a stable word.
type Mistake struct {
	Field string `json:"field"`
	Why   string `json:"why"`
}

// Mistakes are all of them.
type Mistakes []Mistake

func (m Mistakes) Error() string { return "invalid fields" }

// Unwrap returns the fault.
func (m Mistakes) Unwrap() error { return ErrInvalidFields }

func (m Mistakes) orNil() error {
	if len(m) == 0 {
		return nil
	}
	return m
}
