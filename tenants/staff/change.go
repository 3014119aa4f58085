package staff

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
)

// ErrLastOwner is returned where a tenant would be left without an owner.
var ErrLastOwner = fault.New(fault.Conflict, "last_owner")

// SetVouch keeps what the member's own client made of the tenant's identity
// once the words were compared. It returns [ErrNotMember] or [ErrMalformedVouch].
func (s *Service) SetVouch(ctx context.Context, tenant id.Tenant, account id.Account, vouch []byte) error {
	if len(vouch) != seal.VouchSize {
		return ErrMalformedVouch
	}
	var found *postgres.Found
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		var one int
		found = b.Row(`update member set vouch = $3 where tenant_id = $1 and account_id = $2 returning 1`, []any{tenant, account, vouch}, &one)
	})
	if err != nil {
		return fmt.Errorf("set vouch: %w", err)
	}
	if !found.OK {
		return ErrNotMember
	}
	return nil
}

// Change gives a member another role, in the caller's transaction; call
// [Service.Forget] once that is committed. It returns [ErrNotMember],
// [ErrUnknownRole] or [ErrLastOwner].
func (s *Service) Change(ctx context.Context, tx bun.IDB, tenant id.Tenant, account id.Account, role Role) error {
	if !role.Lasting() {
		return ErrUnknownRole
	}
	if err := stays(ctx, tx, tenant, account, role); err != nil {
		return err
	}
	_, err := tx.NewRaw(`update member set role = ? where tenant_id = ? and account_id = ?`, string(role), tenant, account).Exec(ctx)
	if err != nil {
		return fmt.Errorf("change role: %w", err)
	}
	return nil
}

// Leave ends a membership in the caller's transaction; call [Service.Forget]
// once that is committed. It returns [ErrNotMember] or [ErrLastOwner].
func (s *Service) Leave(ctx context.Context, tx bun.IDB, tenant id.Tenant, account id.Account) error {
	if err := stays(ctx, tx, tenant, account, ""); err != nil {
		return err
	}
	if _, err := tx.NewRaw(`delete from member where tenant_id = ? and account_id = ?`, tenant, account).Exec(ctx); err != nil {
		return fmt.Errorf("end membership: %w", err)
	}
	return nil
}

// stays refuses what would leave a tenant without an owner. Owners are locked,
// so that two do not remove each other at once.
func stays(ctx context.Context, tx bun.IDB, tenant id.Tenant, account id.Account, becomes Role) error {
	var rows []struct {
		AccountID id.Account
		Role      string
	}
	err := tx.NewRaw(`select account_id, role from member
		where tenant_id = ? and role <> 'support' and (role = 'owner' or account_id = ?) order by account_id for update`, tenant, account).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read members: %w", err)
	}
	owners, member, owner := 0, false, false
	for _, r := range rows {
		if r.Role == string(Owner) {
			owners++
		}
		if r.AccountID == account {
			member, owner = true, r.Role == string(Owner)
		}
	}
	switch {
	case !member:
		return ErrNotMember
	case owner && becomes != Owner && owners == 1:
		return ErrLastOwner
	default:
		return nil
	}
}

// Forget drops what is remembered of a member.
func (s *Service) Forget(tenant id.Tenant, account id.Account) {
	s.roles.Forget(member{tenant, account})
}

// Person is a member with the account's own facts.
type Person struct {
	Member
	Name, Email, Language string
	// Public is the member key that practice keys are wrapped for.
	Public []byte
	// Vouched says that the member compared the words.
	Vouched bool
}

// People returns the tenant's members without support, those who came first in
// front.
func (s *Service) People(ctx context.Context, tenant id.Tenant) ([]Person, error) {
	people := []Person{}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select m.account_id, m.role, m.created, a.name, a.email, a.language, a.member_public_key, m.vouch is not null
			from member m join account a on a.id = m.account_id
			where m.tenant_id = $1 and m.role <> 'support' order by m.created, m.account_id`, []any{tenant}, func(rows pgx.Rows) error {
			var p Person
			if err := rows.Scan(&p.Account, &p.Role, &p.Since, &p.Name, &p.Email, &p.Language, &p.Public, &p.Vouched); err != nil {
				return err
			}
			p.Since = p.Since.UTC().Truncate(time.Second)
			people = append(people, p)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	return slices.Clip(people), nil
}
