// Package access says which role may do what in which kind of domain.
//
// The rows are in policy.csv; casbin decides. A [Policy] promises that what no
// row allows is denied, and that it never changes while the process runs: who
// has which role is read per request by those who ask. It knows roles, never
// persons; which tenant's rows an operation touches is decided by the host and
// kept by the database.
package access

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	stringadapter "github.com/casbin/casbin/v2/persist/string-adapter"
	"github.com/google/uuid"
)

// Role is what somebody acts as. Its text carries the prefix "r:".
type Role string

// The roles. Anyone is a visitor of an office or the portal who has not signed
// in; Patient is every visitor of a patients' host; Arriving is somebody signed
// in who has yet to do what their domain demands, such as adding a second
// factor; Connector is a machine with a token.
const (
	Anyone        Role = "r:anyone"
	Patient       Role = "r:patient"
	Arriving      Role = "r:arriving"
	Owner         Role = "r:owner"
	Practitioner  Role = "r:practitioner"
	FrontDesk     Role = "r:front_desk"
	Billing       Role = "r:billing"
	Connector     Role = "r:connector"
	Support       Role = "r:support"
	ResellerAdmin Role = "r:reseller_admin"
	ResellerAgent Role = "r:reseller_agent"
	PlatformAdmin Role = "r:platform_admin"
)

// Roles are all that there are.
func Roles() []Role {
	return []Role{Anyone, Patient, Arriving, Owner, Practitioner, FrontDesk, Billing, Connector, Support,
		ResellerAdmin, ResellerAgent, PlatformAdmin}
}

// The scopes of machines' tokens. To the policy each is a role of its own, with
// the prefix "s:", so that nothing that is written into a token makes it one of
// the roles above. A machine acts as [Connector] and as all of its scopes.
const (
	ScopeReadAppointments  Role = "s:appointments.read"
	ScopeWriteAppointments Role = "s:appointments.write"
	ScopeWriteCards        Role = "s:cards.write"
	ScopeReadRules         Role = "s:rules.read"
	ScopeWriteClosures     Role = "s:closures.write"
	ScopeWriteCalendars    Role = "s:calendars.write"
	ScopeReadAudit         Role = "s:audit.read"
	// ScopeBook books for patients by FHIR, at once: whoever runs the machine
	// answers for it that they want it.
	ScopeBook Role = "s:appointments.book"
	// ScopeInbox is the connector's: it takes what is due to the practice.
	ScopeInbox Role = "s:inbox"
)

// Scopes are all that there are.
func Scopes() []Role {
	return []Role{ScopeReadAppointments, ScopeWriteAppointments, ScopeWriteCards, ScopeReadRules, ScopeWriteClosures,
		ScopeWriteCalendars, ScopeReadAudit, ScopeBook, ScopeInbox}
}

// Kind is the kind of domain that a request acts in.
type Kind string

// The kinds of domain.
const (
	Tenant   Kind = "tenant"
	Reseller Kind = "reseller"
	Platform Kind = "platform"
)

// Domain is where a request acts: one tenant, one reseller, or the platform,
// which has no id.
type Domain struct {
	Kind Kind
	ID   uuid.UUID
}

var (
	//go:embed model.conf
	modelText string
	//go:embed policy.csv
	policyText string
)

// Policy decides. It is immutable and safe for concurrent use.
type Policy struct {
	allowed    map[decision]struct{}
	operations map[string]struct{}
}

type decision struct {
	role      Role
	kind      Kind
	operation string
}

// New reads the embedded model and rows. It fails when they are malformed.
func New() (*Policy, error) { return parse(modelText, policyText) }

// parse asks casbin once for every decision that the rows can concern, so that
// asking later is a look into a map that no request can make grow.
func parse(modelText, policyText string) (*Policy, error) {
	m, err := model.NewModelFromString(modelText)
	if err != nil {
		return nil, fmt.Errorf("read access model: %w", err)
	}
	lines := rows(policyText)
	enforcer, err := casbin.NewEnforcer(m, stringadapter.NewAdapter(strings.Join(lines, "\n")))
	if err != nil {
		return nil, fmt.Errorf("read access policy: %w", err)
	}
	permissions, err := enforcer.GetPolicy()
	if err != nil {
		return nil, fmt.Errorf("list access policy: %w", err)
	}
	inherited, err := enforcer.GetGroupingPolicy()
	if err != nil {
		return nil, fmt.Errorf("list access roles: %w", err)
	}
	// The adapter passes over lines that it cannot read, and over repeated ones.
	if read := len(permissions) + len(inherited); read != len(lines) {
		return nil, fmt.Errorf("access policy: %d of %d rows are malformed or repeated", len(lines)-read, len(lines))
	}

	var roles, kinds []string
	operations := map[string]struct{}{}
	for _, row := range permissions {
		if len(row) != 3 || slices.Contains(row, "") {
			return nil, fmt.Errorf("access policy: row %q is not role, kind, operation", row)
		}
		roles, kinds = append(roles, row[0]), append(kinds, row[1])
		operations[row[2]] = struct{}{}
	}
	for _, row := range inherited {
		roles = append(roles, row...)
	}
	roles, kinds = distinct(roles), distinct(kinds)
	for _, role := range roles {
		if !slices.Contains(Roles(), Role(role)) && !slices.Contains(Scopes(), Role(role)) {
			return nil, fmt.Errorf("access policy: unknown role %q", role)
		}
	}
	for _, kind := range kinds {
		if !slices.Contains([]Kind{Tenant, Reseller, Platform}, Kind(kind)) {
			return nil, fmt.Errorf("access policy: unknown kind of domain %q", kind)
		}
	}

	p := &Policy{allowed: map[decision]struct{}{}, operations: operations}
	for _, role := range roles {
		// Enforcing every decision there can be would take seconds.
		rows, err := enforcer.GetImplicitPermissionsForUser(role)
		if err != nil {
			return nil, fmt.Errorf("decide for %s: %w", role, err)
		}
		for _, row := range rows {
			p.allowed[decision{Role(role), Kind(row[1]), row[2]}] = struct{}{}
		}
	}
	return p, nil
}

// Can reports whether role may do operation in a domain of that kind. What no
// row allows is denied, as is a role or kind that no row names.
func (p *Policy) Can(role Role, kind Kind, operation string) bool {
	_, ok := p.allowed[decision{role, kind, operation}]
	return ok
}

// Covers compares the policy with the operations that the server has. It
// returns an error that names every operation without a row and every row's
// operation that the server does not have.
func (p *Policy) Covers(operations []string) error {
	var errs []error
	known := map[string]struct{}{}
	for _, operation := range distinct(operations) {
		known[operation] = struct{}{}
		if _, ok := p.operations[operation]; !ok {
			errs = append(errs, fmt.Errorf("operation %q has no row in the access policy", operation))
		}
	}
	var rowsOf []string
	for operation := range p.operations {
		rowsOf = append(rowsOf, operation)
	}
	for _, operation := range distinct(rowsOf) {
		if _, ok := known[operation]; !ok {
			errs = append(errs, fmt.Errorf("the access policy names %q, which is no operation", operation))
		}
	}
	return errors.Join(errs...)
}

// rows drops comments and empty lines, which casbin's adapter for text does not skip.
func rows(text string) []string {
	var kept []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return kept
}

func distinct(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}
