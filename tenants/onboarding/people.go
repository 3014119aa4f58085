package onboarding

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/audit"
	"siegel/tenants/keyring"
	"siegel/tenants/staff"
)

// ErrKeysHeld is returned where somebody still holds keys: the directory that
// comes along has to be one in which they do not, with new keys begun.
var ErrKeysHeld = fault.New(fault.Conflict, "keys_held")

// FirstKeys stores a practice's first keyring and its owner's vouch. It returns
// what keyring.Service.Save returns, and keyring.ErrMalformedKeyring where the
// directory lists anybody but the owner.
func (s *Service) FirstKeys(ctx context.Context, tenant id.Tenant, owner id.Account, first keyring.First, vouch []byte) error {
	err := s.Keyring.Save(ctx, tenant, first, func(ctx context.Context, tx bun.Tx, d seal.Directory) error {
		if len(d.Members) != 1 || d.Members[0].Account != owner.UUID() {
			return keyring.ErrMalformedKeyring
		}
		return s.vouch(ctx, tx, tenant, owner, vouch)
	})
	if err != nil {
		return fmt.Errorf("first keys: %w", err)
	}
	s.standing.Forget(tenant)
	return nil
}

// NextKeys stores the next directory. Everybody in it has to be a member, in
// the role that it says. A vouch, where it comes along, is the signer's own. It
// returns what keyring.Service.Append returns.
func (s *Service) NextKeys(ctx context.Context, tenant id.Tenant, signer id.Account, next keyring.Next, vouch []byte) error {
	err := s.Keyring.Append(ctx, tenant, next, func(ctx context.Context, tx bun.Tx, d seal.Directory) error {
		if vouch != nil {
			if err := s.vouch(ctx, tx, tenant, signer, vouch); err != nil {
				return err
			}
		}
		return agrees(ctx, tx, tenant, d)
	})
	if err != nil {
		return fmt.Errorf("next keys: %w", err)
	}
	return nil
}

func (s *Service) vouch(ctx context.Context, tx bun.IDB, tenant id.Tenant, account id.Account, vouch []byte) error {
	if len(vouch) != seal.VouchSize {
		return staff.ErrMalformedVouch
	}
	_, err := tx.NewRaw(`update member set vouch = ? where tenant_id = ? and account_id = ?`, vouch, tenant, account).Exec(ctx)
	return err
}

// SetRole gives somebody another role. Who is in the directory needs the next
// one, in which they stand in that role, or, for a role without keys, no more.
// It returns staff.ErrNotMember, staff.ErrUnknownRole, staff.ErrLastOwner,
// [ErrKeysHeld], and what keyring.Service.Append returns.
func (s *Service) SetRole(ctx context.Context, tenant id.Tenant, account id.Account, role staff.Role, next *keyring.Next) error {
	gone := role == staff.Billing
	err := s.with(ctx, tenant, account, gone, next, func(ctx context.Context, tx bun.Tx) error {
		if err := s.Staff.Change(ctx, tx, tenant, account, role); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, withRole(audit.Now(ctx, tenant, "person.change_role", account.String()), role))
	})
	if err != nil {
		return fmt.Errorf("set role: %w", err)
	}
	s.Staff.Forget(tenant, account)
	return nil
}

// Leave ends a membership. Who is in the directory needs the next one, in which
// they are not and new keys have begun. Ending their sessions is for the
// caller. It returns staff.ErrNotMember, staff.ErrLastOwner, [ErrKeysHeld], and
// what keyring.Service.Append returns.
func (s *Service) Leave(ctx context.Context, tenant id.Tenant, account id.Account, next *keyring.Next) error {
	err := s.with(ctx, tenant, account, true, next, func(ctx context.Context, tx bun.Tx) error {
		if err := s.Staff.Leave(ctx, tx, tenant, account); err != nil {
			return err
		}
		return audit.RecordTx(ctx, tx, audit.Now(ctx, tenant, "person.leave", account.String()))
	})
	if err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	s.Staff.Forget(tenant, account)
	return nil
}

// with does a change of people in one transaction with the change of keys that
// it calls for: new keys where somebody goes, a new identity where somebody who
// knows the old one is an owner no more.
func (s *Service) with(ctx context.Context, tenant id.Tenant, account id.Account, gone bool, next *keyring.Next, change func(context.Context, bun.Tx) error) error {
	held, err := s.Keyring.Holding(ctx, tenant)
	if err != nil && !errors.Is(err, keyring.ErrNoKeys) {
		return err
	}
	if next == nil {
		if held.Knows(account) {
			return ErrKeysHeld
		}
		return s.DB.InTenant(ctx, tenant, change)
	}
	return s.Keyring.Append(ctx, tenant, *next, func(ctx context.Context, tx bun.Tx, d seal.Directory) error {
		if gone {
			if _, listed := d.Member(account.UUID()); listed || d.Current().Epoch <= held.Epoch {
				return ErrKeysHeld
			}
		}
		if m, _ := d.Member(account.UUID()); held.Owns(account) && m.Role != seal.RoleOwner && d.Fingerprint() == held.Fingerprint {
			return ErrKeysHeld
		}
		if err := change(ctx, tx); err != nil {
			return err
		}
		return agrees(ctx, tx, tenant, d)
	})
}

// agrees refuses a directory that lists somebody who is no member, or is one in
// another role, or a connector that was not paired.
func agrees(ctx context.Context, tx bun.Tx, tenant id.Tenant, d seal.Directory) error {
	var rows []struct {
		AccountID id.Account
		Role      string
	}
	if err := tx.NewRaw(`select account_id, role from member where tenant_id = ?`, tenant).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("read members: %w", err)
	}
	roles := map[string]string{}
	for _, r := range rows {
		roles[r.AccountID.UUID()] = r.Role
	}
	if err := connectors(ctx, tx, tenant, roles); err != nil {
		return err
	}
	for _, m := range d.Members {
		if roles[m.Account] != string(m.Role) {
			return keyring.ErrMalformedKeyring
		}
	}
	return nil
}
