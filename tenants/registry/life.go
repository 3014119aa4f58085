package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/id"
	"siegel/platform/postgres"
)

// Beginning is how a tenant begins.
type Beginning struct {
	Slug string
	// Reseller looks after it; zero is the platform itself.
	Reseller id.Reseller
	// Trial is how long it is on trial; zero begins active.
	Trial time.Duration
	Plan  string
	// Prepared says that somebody sets it up who will hand it over.
	Prepared bool
}

// Create registers a tenant as active, without a reseller or a plan. It returns
// what [Service.Begin] returns.
func (s *Service) Create(ctx context.Context, slug string) (Tenant, error) {
	return s.Begin(ctx, Beginning{Slug: slug})
}

// Begin registers a tenant. It returns [ErrMalformedSlug], [ErrReservedSlug],
// [ErrSlugTaken], [ErrUnknownReseller] or [ErrTooManyTenants].
func (s *Service) Begin(ctx context.Context, b Beginning) (Tenant, error) {
	if err := checkSlug(b.Slug); err != nil {
		return Tenant{}, err
	}
	if b.Trial < 0 || len(b.Plan) > 60 {
		return Tenant{}, ErrMalformed
	}
	tenant := Tenant{ID: id.New[id.Tenant](), Slug: b.Slug, Status: Active, Reseller: b.Reseller, Plan: b.Plan, SetUp: !b.Prepared}
	var ends *time.Time
	if b.Trial > 0 {
		tenant.Status = Trial
		tenant.TrialEnds = s.Now().UTC().Add(b.Trial).Truncate(time.Second)
		ends = &tenant.TrialEnds
	}
	err := s.DB.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if err := room(ctx, tx, b.Reseller); err != nil {
			return err
		}
		_, err := tx.NewRaw(`insert into tenant (id, slug, status, reseller_id, plan, trial_ends, set_up) values (?, ?, ?, ?, ?, ?, ?)`,
			tenant.ID, tenant.Slug, string(tenant.Status), tenant.Reseller, tenant.Plan, ends, tenant.SetUp).Exec(ctx)
		return err
	})
	if postgres.Violates(err, "tenant_slug_once") {
		return Tenant{}, ErrSlugTaken
	}
	if err != nil {
		return Tenant{}, fmt.Errorf("begin tenant: %w", err)
	}
	s.names.forget()
	return s.ByID(ctx, tenant.ID)
}

// room makes sure that a reseller may have one more tenant, until the
// transaction ends.
func room(ctx context.Context, tx bun.Tx, reseller id.Reseller) error {
	if reseller.IsZero() {
		return nil
	}
	var most *int
	var status string
	err := tx.NewRaw(`select max_tenants, status from reseller where id = ? for update`, reseller).Scan(ctx, &most, &status)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrUnknownReseller
	}
	if err != nil {
		return err
	}
	if status != string(Active) {
		return ErrResellerSuspended
	}
	if most == nil {
		return nil
	}
	var has int
	if err := tx.NewRaw(`select count(*) from tenant where reseller_id = ? and status <> 'closed'`, reseller).Scan(ctx, &has); err != nil {
		return err
	}
	if has >= *most {
		return ErrTooManyTenants
	}
	return nil
}

// SetStatus moves a tenant along its life, giving no reason. It returns
// [ErrUnknownTenant] or [ErrIllegalStep].
func (s *Service) SetStatus(ctx context.Context, tenant id.Tenant, status Status) error {
	return s.step(ctx, tenant, status, "")
}

// Suspend stops booking by the public until [Service.Resume]. The office stays,
// and nothing is deleted. The reason is shown to the practice. It returns
// [ErrUnknownTenant], [ErrIllegalStep] or [ErrMalformed].
func (s *Service) Suspend(ctx context.Context, tenant id.Tenant, reason string) error {
	return s.step(ctx, tenant, Suspended, reason)
}

// Close makes a tenant unreachable, for good; it can then be erased. It returns
// what [Service.Suspend] returns.
func (s *Service) Close(ctx context.Context, tenant id.Tenant, reason string) error {
	return s.step(ctx, tenant, Closed, reason)
}

func (s *Service) step(ctx context.Context, tenant id.Tenant, status Status, reason string) error {
	if !isText(reason, 300) {
		return ErrMalformed
	}
	return s.update(ctx, tenant, `update tenant set status = ?, reason = ? where id = ?`, string(status), reason, tenant)
}

// Resume makes a suspended tenant what it was before. It returns
// [ErrUnknownTenant] or [ErrIllegalStep].
func (s *Service) Resume(ctx context.Context, tenant id.Tenant) error {
	if t, err := s.now(ctx, tenant); err != nil {
		return err
	} else if t.Status != Suspended {
		return ErrIllegalStep
	}
	return s.update(ctx, tenant, `update tenant set status = coalesce(came_from, 'active'), reason = '' where id = ? and status = 'suspended'`, tenant)
}

// SetPlan sets what a tenant pays for; a trial is over with it. It returns
// [ErrUnknownTenant], [ErrIllegalStep] or [ErrMalformed]. That the plan is in
// the price list is for the caller to see to.
func (s *Service) SetPlan(ctx context.Context, tenant id.Tenant, plan string) error {
	if plan == "" || len(plan) > 60 || !isText(plan, 60) {
		return ErrMalformed
	}
	t, err := s.now(ctx, tenant)
	if err != nil {
		return err
	}
	if t.Status == Closed {
		return ErrIllegalStep
	}
	return s.update(ctx, tenant, `
		update tenant set plan = ?, trial_ends = null, reminded = 0,
		  status = case when status = 'trial' then 'active' else status end,
		  came_from = case when came_from = 'trial' then 'active' else came_from end
		where id = ?`, plan, tenant)
}

// SetTrial moves the end of a trial. It returns [ErrUnknownTenant], or
// [ErrIllegalStep] for a tenant that is not on trial.
func (s *Service) SetTrial(ctx context.Context, tenant id.Tenant, ends time.Time) error {
	t, err := s.now(ctx, tenant)
	if err != nil {
		return err
	}
	if t.Status != Trial {
		return ErrIllegalStep
	}
	return s.update(ctx, tenant, `update tenant set trial_ends = ?, reminded = 0 where id = ? and status = 'trial'`, ends.UTC(), tenant)
}

// Grace is how long a practice can still fetch its data after its contract has
// ended, before everything is erased.
const Grace = 30 * 24 * time.Hour

// GiveNotice says when the contract ends: from then on the public cannot book,
// the office stays for exporting, and [Grace] later everything is erased. A
// letter says so to the owners. It returns [ErrUnknownTenant],
// [ErrIllegalStep], or [ErrMalformed] for a day that is over.
func (s *Service) GiveNotice(ctx context.Context, tenant id.Tenant, ends time.Time, reason string) error {
	if !isText(reason, 300) || ends.Before(s.Now()) {
		return ErrMalformed
	}
	t, err := s.now(ctx, tenant)
	if err != nil {
		return err
	}
	if t.Status == Closed {
		return ErrIllegalStep
	}
	err = s.update(ctx, tenant, `update tenant set notice_ends = ?, erase_after = ?, reason = ? where id = ? and status <> 'closed'`,
		ends.UTC(), ends.Add(Grace).UTC(), reason, tenant)
	if err != nil {
		return err
	}
	return s.write(ctx, tenant, noticeMail, "given")
}

// WithdrawNotice takes a notice back, as long as nothing is erased. It returns
// [ErrUnknownTenant] or [ErrIllegalStep].
func (s *Service) WithdrawNotice(ctx context.Context, tenant id.Tenant) error {
	t, err := s.now(ctx, tenant)
	if err != nil {
		return err
	}
	if t.NoticeEnds.IsZero() || t.Status == Closed {
		return ErrIllegalStep
	}
	return s.update(ctx, tenant, `update tenant set notice_ends = null, erase_after = null, reason = '' where id = ?`, tenant)
}

// HandedOver records that a prepared tenant has its owner. It returns
// [ErrUnknownTenant].
func (s *Service) HandedOver(ctx context.Context, tenant id.Tenant) error {
	return s.update(ctx, tenant, `update tenant set set_up = true where id = ?`, tenant)
}

// Move gives a tenant to another reseller, or to none. Keys, links, people and
// hosts stay; only a host below the old reseller's domain leads nowhere any
// more. It returns [ErrUnknownTenant], [ErrUnknownReseller],
// [ErrTooManyTenants] or [ErrIllegalStep].
func (s *Service) Move(ctx context.Context, tenant id.Tenant, to id.Reseller) error {
	t, err := s.now(ctx, tenant)
	if err != nil {
		return err
	}
	if t.Status == Closed {
		return ErrIllegalStep
	}
	if t.Reseller == to {
		return nil
	}
	err = s.DB.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if err := room(ctx, tx, to); err != nil {
			return err
		}
		_, err := tx.NewRaw(`update tenant set reseller_id = ?, plan = '' where id = ?`, to, tenant).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("move tenant: %w", err)
	}
	s.names.forget()
	s.states.Forget(tenant)
	return nil
}

// Rename gives a tenant another slug. The old one stays its own and leads to
// the new one. It returns what [Service.Begin] returns, and [ErrUnknownTenant].
func (s *Service) Rename(ctx context.Context, tenant id.Tenant, slug string) error {
	if err := checkSlug(slug); err != nil {
		return err
	}
	err := s.update(ctx, tenant, `update tenant set slug = ? where id = ? and status <> 'closed'`, slug, tenant)
	if postgres.Violates(err, "tenant_slug_once") {
		return ErrSlugTaken
	}
	return err
}

// now reads a tenant from the database: who is about to change it does not go
// by what was so a second ago.
func (s *Service) now(ctx context.Context, tenant id.Tenant) (Tenant, error) {
	s.names.forget()
	return s.ByID(ctx, tenant)
}

// update changes a tenant's row and has everybody here see it at once.
func (s *Service) update(ctx context.Context, tenant id.Tenant, query string, args ...any) error {
	result, err := s.DB.Global().NewRaw(query, args...).Exec(ctx)
	switch {
	case postgres.Violates(err, "tenant_legal_step"):
		return ErrIllegalStep
	case err != nil:
		return fmt.Errorf("change tenant: %w", err)
	}
	s.names.forget()
	s.states.Forget(tenant)
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("change tenant: %w", err)
	} else if n == 0 {
		return ErrUnknownTenant
	}
	return nil
}
