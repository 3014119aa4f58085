package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// Membership is what somebody is in the portal.
type Membership struct {
	Kind     access.Kind // access.Platform or access.Reseller
	Reseller id.Reseller // zero for the platform
	Name     string      // the reseller's; empty for the platform
	Role     access.Role
}

// Memberships are all that the account is in the portal: the platform first,
// then resellers by name. Nobody knows who works in a tenant here. The answer
// is at most [Age] old.
func (s *Service) Memberships(ctx context.Context, account id.Account) ([]Membership, error) {
	return s.portal.Get(ctx, account, func(ctx context.Context) ([]Membership, error) {
		var rows []struct {
			Reseller id.Reseller
			Name     string
			Role     string
		}
		err := s.DB.Global().NewRaw(`
			select null::uuid as reseller, '' as name, role from platform_member where account_id = ?0
			union all
			select r.id, r.name, m.role from reseller_member m join reseller r on r.id = m.reseller_id where m.account_id = ?0
			order by 1 nulls first, 2`, account).Scan(ctx, &rows)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("read memberships: %w", err)
		}
		members := make([]Membership, 0, len(rows))
		for _, r := range rows {
			m := Membership{Kind: access.Reseller, Reseller: r.Reseller, Name: r.Name, Role: access.Role("r:" + r.Role)}
			if r.Reseller.IsZero() {
				m.Kind = access.Platform
			}
			members = append(members, m)
		}
		return members, nil
	})
}

// Person is somebody who works for a reseller or for the platform.
type Person struct {
	Account id.Account
	Name    string
	Email   string
	Role    access.Role
	Since   time.Time // UTC
}

// What callers act on.
var (
	ErrUnknownPerson = fault.New(fault.NotFound, "unknown_person")
	// ErrLastAdmin is returned for taking away the last one who may give rights.
	ErrLastAdmin = fault.New(fault.Conflict, "last_admin")
)

// People are those who work for a reseller, or for the platform where it is
// zero, by name.
func (s *Service) People(ctx context.Context, reseller id.Reseller) ([]Person, error) {
	query := `select a.id, a.name, a.email, m.role, m.created as since from platform_member m join account a on a.id = m.account_id where ?::uuid is null order by lower(a.name), a.id`
	if !reseller.IsZero() {
		query = `select a.id, a.name, a.email, m.role, m.created as since from reseller_member m join account a on a.id = m.account_id where m.reseller_id = ? order by lower(a.name), a.id`
	}
	var rows []struct {
		ID                id.Account
		Name, Email, Role string
		Since             time.Time
	}
	if err := s.DB.Global().NewRaw(query, reseller).Scan(ctx, &rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("list people: %w", err)
	}
	people := make([]Person, 0, len(rows))
	for _, r := range rows {
		people = append(people, Person{r.ID, r.Name, r.Email, access.Role("r:" + r.Role), r.Since.UTC()})
	}
	return people, nil
}

// AddPerson makes an account work for a reseller, or for the platform where it
// is zero; one who does so already gets the role. It returns [ErrMalformed] for
// a role of another kind, or [ErrUnknownReseller].
func (s *Service) AddPerson(ctx context.Context, reseller id.Reseller, account id.Account, role access.Role) error {
	var err error
	switch {
	case reseller.IsZero() && role == access.PlatformAdmin:
		_, err = s.DB.Global().NewRaw(`insert into platform_member (account_id, role) values (?, ?) on conflict do nothing`, account, bare(role)).Exec(ctx)
	case !reseller.IsZero() && (role == access.ResellerAdmin || role == access.ResellerAgent):
		_, err = s.DB.Global().NewRaw(`insert into reseller_member (reseller_id, account_id, role) values (?, ?, ?)
			on conflict (reseller_id, account_id) do update set role = excluded.role`, reseller, account, bare(role)).Exec(ctx)
	default:
		return ErrMalformed
	}
	s.portal.Forget(account)
	switch {
	case postgres.Violates(err, "reseller_member_reseller_id_fkey"):
		return ErrUnknownReseller
	case err != nil:
		return fmt.Errorf("add person: %w", err)
	}
	return nil
}

// RemovePerson ends that. It returns [ErrUnknownPerson] or [ErrLastAdmin]. That
// the sessions end is for the caller to see to.
func (s *Service) RemovePerson(ctx context.Context, reseller id.Reseller, account id.Account) error {
	err := s.alone(ctx, reseller, account, func(ctx context.Context, tx bun.Tx, lastAdmin bool) error {
		if lastAdmin {
			return ErrLastAdmin
		}
		var err error
		if reseller.IsZero() {
			_, err = tx.NewRaw(`delete from platform_member where account_id = ?`, account).Exec(ctx)
		} else {
			_, err = tx.NewRaw(`delete from reseller_member where reseller_id = ? and account_id = ?`, reseller, account).Exec(ctx)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("remove person: %w", err)
	}
	s.portal.Forget(account)
	return nil
}

// alone lets one change of a domain's people happen at a time, and tells it
// whether the account is the only one left who can change them. It returns
// [ErrUnknownPerson].
func (s *Service) alone(ctx context.Context, reseller id.Reseller, account id.Account, change func(ctx context.Context, tx bun.Tx, lastAdmin bool) error) error {
	return s.DB.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		// One lock for all domains: people come and go seldom.
		if _, err := tx.NewRaw(`select pg_advisory_xact_lock(hashtext('siegel portal people'))`).Exec(ctx); err != nil {
			return err
		}
		var people []struct {
			Account id.Account
			Admin   bool
		}
		query := tx.NewRaw(`select account_id as account, role = 'reseller_admin' as admin from reseller_member where reseller_id = ?`, reseller)
		if reseller.IsZero() {
			query = tx.NewRaw(`select account_id as account, role = 'platform_admin' as admin from platform_member`)
		}
		if err := query.Scan(ctx, &people); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		others, found, admin := 0, false, false
		for _, p := range people {
			switch {
			case p.Account == account:
				found, admin = true, p.Admin
			case p.Admin:
				others++
			}
		}
		if !found {
			return ErrUnknownPerson
		}
		return change(ctx, tx, admin && others == 0)
	})
}

func bare(role access.Role) string { return strings.TrimPrefix(string(role), "r:") }

// SetPortalRole changes what somebody is for a reseller. It returns
// [ErrUnknownPerson], [ErrLastAdmin] or [ErrMalformed].
func (s *Service) SetPortalRole(ctx context.Context, reseller id.Reseller, account id.Account, role access.Role) error {
	if reseller.IsZero() || (role != access.ResellerAdmin && role != access.ResellerAgent) {
		return ErrMalformed
	}
	err := s.alone(ctx, reseller, account, func(ctx context.Context, tx bun.Tx, lastAdmin bool) error {
		if lastAdmin && role != access.ResellerAdmin {
			return ErrLastAdmin
		}
		_, err := tx.NewRaw(`update reseller_member set role = ? where reseller_id = ? and account_id = ?`, bare(role), reseller, account).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("set role: %w", err)
	}
	s.portal.Forget(account)
	return nil
}

// ErrNotSupport is returned for an address of nobody who looks after a tenant.
var ErrNotSupport = fault.New(fault.Invalid, "not_support")

// Supporter finds among those who look after a tenant, its reseller's people and
// the platform's, whose an e-mail address is: so a practice lets in nobody who
// only says that they are from support. It returns [ErrNotSupport].
func (s *Service) Supporter(ctx context.Context, tenant id.Tenant, email string) (id.Account, error) {
	t, err := s.ByID(ctx, tenant)
	if err != nil {
		return id.Account{}, err
	}
	var account id.Account
	err = s.DB.Global().NewRaw(`
		select a.id from account a
		where a.email = ? and (exists (select from platform_member m where m.account_id = a.id)
		   or exists (select from reseller_member m where m.account_id = a.id and m.reseller_id = ?))`,
		strings.ToLower(strings.TrimSpace(email)), t.Reseller).Scan(ctx, &account)
	if errors.Is(err, sql.ErrNoRows) {
		return id.Account{}, ErrNotSupport
	}
	if err != nil {
		return id.Account{}, fmt.Errorf("find support: %w", err)
	}
	return account, nil
}

// Supports reports whether an account is, now, of those who look after a tenant.
// The answer is at most [Age] old.
func (s *Service) Supports(ctx context.Context, tenant id.Tenant, account id.Account) (bool, error) {
	t, err := s.ByID(ctx, tenant)
	if err != nil {
		return false, err
	}
	memberships, err := s.Memberships(ctx, account)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(memberships, func(m Membership) bool {
		return m.Kind == access.Platform || !t.Reseller.IsZero() && m.Reseller == t.Reseller
	}), nil
}

// AccountOf finds the account with an e-mail address, for whoever gives rights
// from the machine itself: to anybody else nothing tells who exists. It returns
// [ErrUnknownPerson].
func (s *Service) AccountOf(ctx context.Context, email string) (id.Account, error) {
	var account id.Account
	err := s.DB.Global().NewRaw(`select id from account where email = ?`, strings.ToLower(strings.TrimSpace(email))).Scan(ctx, &account)
	if errors.Is(err, sql.ErrNoRows) {
		return id.Account{}, ErrUnknownPerson
	}
	if err != nil {
		return id.Account{}, fmt.Errorf("find account: %w", err)
	}
	return account, nil
}
