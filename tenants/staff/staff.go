// Package staff knows who works in a tenant, and as what.
//
// A [Service] promises that a change of role acts everywhere within [Age]. It
// does not say what a role may do (platform/access does), and membership alone
// opens nothing: whether a member can read is decided by keys that the server
// does not have.
package staff

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/platform/postgres"
	"siegel/platform/seal"
)

// Age is how old an answer may be that is given from memory.
const Age = time.Second

// What callers act on.
var (
	ErrNotMember     = fault.New(fault.Forbidden, "not_member")
	ErrAlreadyMember = fault.New(fault.Conflict, "already_member")
	ErrUnknownRole   = fault.New(fault.Invalid, "unknown_role")
	// ErrMalformedVouch is returned for a vouch that is not of seal.VouchSize.
	ErrMalformedVouch = fault.New(fault.Invalid, "malformed_vouch")
)

// Role is what somebody is in a tenant. The zero value is no role.
type Role string

// The roles.
const (
	Owner        Role = "owner"
	Practitioner Role = "practitioner"
	FrontDesk    Role = "front_desk"
	// Billing sees counts and bills, and holds no keys.
	Billing Role = "billing"
	// Support is let in for a time by [Service.LetIn] alone, and holds no keys.
	Support Role = "support"
)

// Access is the role as the access policy knows it; for anything but the roles
// above it is one that the policy does not know, and so may do nothing.
func (r Role) Access() access.Role {
	switch r {
	case Owner:
		return access.Owner
	case Practitioner:
		return access.Practitioner
	case FrontDesk:
		return access.FrontDesk
	case Billing:
		return access.Billing
	case Support:
		return access.Support
	default:
		return ""
	}
}

// Lasting reports whether a role is one that people are invited for and keep
// until somebody ends it.
func (r Role) Lasting() bool { return r != Support && r.Access() != "" }

// Config is what a [Service] needs.
type Config struct {
	DB *postgres.DB
	// Now is the clock by which answers age; time.Now where nil.
	Now func() time.Time
}

// Service keeps the members of all tenants. Safe for concurrent use.
type Service struct {
	db    *postgres.DB
	roles *memo.Cache[member, Role]
}

type member struct {
	tenant  id.Tenant
	account id.Account
}

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil {
		return nil, errors.New("staff: no database")
	}
	return &Service{db: c.DB, roles: memo.New[member, Role](Age, 20_000, c.Now)}, nil
}

// Add makes an account a member. The vouch is what the member's own client made
// of the tenant's identity (seal.Directory.Vouch); it is kept as it comes, since
// only that client can check it; nil for somebody who has yet to compare the
// words ([Service.SetVouch]). Add returns [ErrAlreadyMember], whatever the
// role, [ErrUnknownRole] or [ErrMalformedVouch].
func (s *Service) Add(ctx context.Context, tenant id.Tenant, account id.Account, role Role, vouch []byte) error {
	if !role.Lasting() {
		return ErrUnknownRole
	}
	if vouch != nil && len(vouch) != seal.VouchSize {
		return ErrMalformedVouch
	}
	var added *postgres.Found
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		var one int
		added = b.Row(`
			insert into member (tenant_id, account_id, role, vouch) values ($1, $2, $3, $4)
			on conflict (tenant_id, account_id) do nothing returning 1`,
			[]any{tenant, account, string(role), vouch}, &one)
	})
	if err != nil {
		return fmt.Errorf("add member: %w", err)
	}
	if !added.OK {
		return ErrAlreadyMember
	}
	s.roles.Forget(member{tenant, account})
	return nil
}

// Remove ends a membership. It returns [ErrNotMember]. That somebody still owns
// the tenant is for the caller to see to.
func (s *Service) Remove(ctx context.Context, tenant id.Tenant, account id.Account) error {
	var removed *postgres.Found
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		var one int
		removed = b.Row(`delete from member where tenant_id = $1 and account_id = $2 returning 1`,
			[]any{tenant, account}, &one)
	})
	if err != nil {
		return fmt.Errorf("remove member: %w", err)
	}
	s.roles.Forget(member{tenant, account})
	if !removed.OK {
		return ErrNotMember
	}
	return nil
}

// Role is what the account is in the tenant. It returns [ErrNotMember].
func (s *Service) Role(ctx context.Context, tenant id.Tenant, account id.Account) (Role, error) {
	return s.roles.Get(ctx, member{tenant, account}, func(ctx context.Context) (Role, error) {
		var role string
		var found *postgres.Found
		err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
			found = b.Row(`select role from member where tenant_id = $1 and account_id = $2 and (until is null or until > now())`,
				[]any{tenant, account}, &role)
		})
		if err != nil {
			return "", fmt.Errorf("read role: %w", err)
		}
		if !found.OK {
			return "", ErrNotMember
		}
		return Role(role), nil
	})
}

// Vouch is the member's vouch, nil where there is none yet. It returns
// [ErrNotMember].
func (s *Service) Vouch(ctx context.Context, tenant id.Tenant, account id.Account) ([]byte, error) {
	var vouch []byte
	var found *postgres.Found
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select vouch from member where tenant_id = $1 and account_id = $2`,
			[]any{tenant, account}, &vouch)
	})
	if err != nil {
		return nil, fmt.Errorf("read vouch: %w", err)
	}
	if !found.OK {
		return nil, ErrNotMember
	}
	return vouch, nil
}

// Member is somebody who works in a tenant.
type Member struct {
	Account id.Account
	Role    Role
	Since   time.Time // UTC
}

// List returns the tenant's members, those who came first in front; support
// that was let in is among them until its time is over.
func (s *Service) List(ctx context.Context, tenant id.Tenant) ([]Member, error) {
	var members []Member
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select account_id, role, created from member
			where tenant_id = $1 and (until is null or until > now()) order by created, account_id`,
			[]any{tenant}, func(rows pgx.Rows) error {
				var m Member
				if err := rows.Scan(&m.Account, &m.Role, &m.Since); err != nil {
					return err
				}
				m.Since = m.Since.UTC()
				members = append(members, m)
				return nil
			})
	})
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return members, nil
}
