package provider

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/plugins/sdk"
)

// Approval is one line of the annex: a processor that may work for the tenants
// of a scope from an instant on.
type Approval struct {
	Kind, Plugin string
	Scope        access.Domain
	Processor    sdk.Processor
	Announced    time.Time
	// NoticeEnds is until when a tenant may object.
	NoticeEnds time.Time
	Effective  time.Time
	// Emergency is why it took effect before its notice was over; empty where
	// it did not.
	Emergency string
	// Objections and Agreements count tenants of the scope.
	Objections, Agreements int
	// Stance is what the asking tenant has said; empty for others.
	Stance string
}

// In says whether it is in effect.
func (a Approval) In(now time.Time) bool { return !a.Effective.After(now) }

// Annex is the list for a scope: its own lines, and those above it.
type Annex []Approval

func (a Annex) approves(p Provider) bool {
	for _, one := range a {
		if one.Plugin == p.Plugin && one.Kind == p.Kind && one.In(time.Now()) &&
			one.Processor.Company == p.Processor.Company && one.Processor.Country == p.Processor.Country {
			return true
		}
	}
	return p.Scope.Kind == access.Tenant
}

// Find is the line about a provider, the one in effect first.
func (a Annex) Find(p Provider) (found Approval, ok bool) {
	for _, one := range a {
		if one.Plugin == p.Plugin && one.Kind == p.Kind && one.Processor.Company == p.Processor.Company && (!ok || one.In(time.Now())) {
			found, ok = one, true
		}
	}
	return found, ok
}

// Annex lists what is approved and announced for a scope.
func (s *Service) Annex(ctx context.Context, kind string, scope access.Domain) (Annex, error) {
	var rows []struct {
		Kind, Plugin, Scope       string
		ScopeID                   uuid.UUID
		Company, Address, Country string
		Announced                 time.Time
		NoticeEnds                time.Time
		Effective                 time.Time
		Emergency                 string
		Objections, Agreements    int
		Stance                    string
	}
	err := s.DB.Global().NewRaw(`
		select a.kind, a.plugin, a.scope, a.scope_id, a.company, a.address, a.country, a.announced, a.notice_ends, a.effective, a.emergency,
		  (select count(*) from provider_stance s join tenant t on t.id = s.tenant_id
		    where s.kind = a.kind and s.plugin = a.plugin and s.stance = 'objected' and `+ofScope+`) as objections,
		  (select count(*) from provider_stance s join tenant t on t.id = s.tenant_id
		    where s.kind = a.kind and s.plugin = a.plugin and s.stance = 'agreed' and `+ofScope+`) as agreements,
		  coalesce((select s.stance from provider_stance s
		    where ?0 = 'tenant' and s.tenant_id = ?1 and s.kind = a.kind and s.plugin = a.plugin), '') as stance
		from provider_approval a
		where a.kind = ?2 and (a.scope = 'platform' or (a.scope = ?0 and a.scope_id = ?1)
		  or (?0 = 'tenant' and a.scope = 'reseller' and a.scope_id = (select reseller_id from tenant where id = ?1)))
		order by a.effective, a.plugin`, string(scope.Kind), scope.ID, kind).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read the annex: %w", err)
	}
	annex := make(Annex, 0, len(rows))
	for _, r := range rows {
		annex = append(annex, Approval{
			Kind: r.Kind, Plugin: r.Plugin, Scope: access.Domain{Kind: access.Kind(r.Scope), ID: r.ScopeID},
			Processor: sdk.Processor{Company: r.Company, Address: r.Address, Country: r.Country},
			Announced: r.Announced, NoticeEnds: r.NoticeEnds, Effective: r.Effective, Emergency: r.Emergency,
			Objections: r.Objections, Agreements: r.Agreements, Stance: r.Stance,
		})
	}
	return annex, nil
}

// announce adds a processor to the annex of a scope unless it is there, or in
// the platform's. Where there is nobody yet to give notice to, and for what the
// environment names from the start, it takes effect at once. Owners are told by
// letter, but not of one that sees nothing of patients.
func (s *Service) announce(ctx context.Context, tx bun.Tx, p Provider, about sdk.Description, by id.Account) error {
	if p.Scope.Kind == access.Tenant {
		return nil // that tenant has to agree, unless the annex has it
	}
	_, err := tx.NewRaw(`
		with anybody as (select exists (select from tenant t where `+ofScope+`) as here)
		insert into provider_approval (kind, plugin, scope, scope_id, company, address, country, notice_ends, effective, by, tell)
		select ?2, ?3, ?0, ?1, ?4, ?5, ?6, due, due, ?9, case when ?10 and due > now() then 'announced' else '' end
		from (select case when ?8 or not here then now() else now() + make_interval(secs => ?7) end as due from anybody) x
		where not exists (select from provider_approval a where a.kind = ?2 and a.plugin = ?3 and a.scope = 'platform'
		  and a.company = ?4 and a.country = ?6)
		on conflict (kind, plugin, scope, scope_id) do update
		set company = excluded.company, address = excluded.address, country = excluded.country,
		  announced = now(), notice_ends = excluded.notice_ends, effective = excluded.effective, emergency = '', by = excluded.by, tell = excluded.tell
		where provider_approval.company <> excluded.company or provider_approval.country <> excluded.country`,
		string(p.Scope.Kind), p.Scope.ID, p.Kind, p.Plugin, about.Processor.Company, about.Processor.Address, about.Processor.Country,
		s.Notice.Seconds(), p.Bootstrap, by, p.Kind == SMS || about.Has(sdk.Proxy)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("announce a provider: %w", err)
	}
	return nil
}

// Emergency has an announced provider take effect before its notice is over.
// Tenants that object stay where they are, and may still do so; their owners
// are told by letter. It returns
// [ErrReason], or [ErrNotAnnounced] where there is nothing to hasten.
func (s *Service) Emergency(ctx context.Context, scope access.Domain, kind, plugin, reason string, by id.Account) error {
	if !isText(reason, 300) {
		return ErrReason
	}
	res, err := s.DB.Global().NewRaw(`update provider_approval set effective = now(), emergency = ?, by = ?, tell = 'emergency'
		where kind = ? and plugin = ? and scope = ? and scope_id = ? and effective > now()`,
		reason, by, kind, plugin, string(scope.Kind), scope.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("emergency: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrNotAnnounced, err)
	}
	s.routes.Clear()
	s.Logger.Warn("a provider takes effect before its notice is over",
		"kind", kind, "plugin", plugin, "scope", string(scope.Kind), "scope_id", scope.ID.String(), "by", by.String())
	return nil
}

// Object records that a tenant does not want a provider, while its notice runs.
// It returns [ErrNotAnnounced] or [ErrReason].
func (s *Service) Object(ctx context.Context, tenant id.Tenant, kind, plugin, reason string, by id.Account) error {
	if reason != "" && !isText(reason, 300) {
		return ErrReason
	}
	res, err := s.DB.Global().NewRaw(`
		insert into provider_stance (tenant_id, kind, plugin, stance, by, reason)
		select ?0, ?1, ?2, 'objected', ?3, ?4
		where exists (select from provider_approval a where a.kind = ?1 and a.plugin = ?2 and a.notice_ends > now()
		  and (a.scope = 'platform' or (a.scope = 'reseller' and a.scope_id = (select reseller_id from tenant where id = ?0))))
		on conflict (tenant_id, kind, plugin) do update set stance = 'objected', by = excluded.by, reason = excluded.reason, at = now()`,
		tenant, kind, plugin, by, reason).Exec(ctx)
	if err != nil {
		return fmt.Errorf("object: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrNotAnnounced, err)
	}
	s.Forget(tenant, kind)
	return nil
}

// Objection is that a tenant does not want a provider.
type Objection struct {
	Tenant id.Tenant
	Slug   string
	// By is the name of who said so, as their account has it; empty where the
	// account is gone.
	By     string
	At     time.Time // UTC
	Reason string    // may be empty
}

// Objections are those of a scope's tenants to a provider, the latest first.
func (s *Service) Objections(ctx context.Context, scope access.Domain, kind, plugin string) ([]Objection, error) {
	var rows []struct {
		TenantID         id.Tenant
		Slug, By, Reason string
		At               time.Time
	}
	err := s.DB.Global().NewRaw(`select s.tenant_id, t.slug, coalesce(a.name, '') as by, s.at, s.reason
		from provider_stance s join tenant t on t.id = s.tenant_id left join account a on a.id = s.by
		where s.kind = ?2 and s.plugin = ?3 and s.stance = 'objected' and `+ofScope+`
		order by s.at desc, t.slug`, string(scope.Kind), scope.ID, kind, plugin).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read objections: %w", err)
	}
	all := make([]Objection, 0, len(rows))
	for _, r := range rows {
		all = append(all, Objection{Tenant: r.TenantID, Slug: r.Slug, By: r.By, At: r.At.UTC(), Reason: r.Reason})
	}
	return all, nil
}

// Agree records that a tenant wants its messages to go there, also outside the
// EEA. It returns [ErrUnknown] for what no provider of its scopes is.
func (s *Service) Agree(ctx context.Context, tenant id.Tenant, kind, plugin string, by id.Account) error {
	res, err := s.DB.Global().NewRaw(`
		insert into provider_stance (tenant_id, kind, plugin, stance, by)
		select ?0, ?1, ?2, 'agreed', ?3
		where exists (select from provider p, tenant t where t.id = ?0 and p.kind = ?1 and p.plugin = ?2 and (p.scope = 'platform'
		  or (p.scope = 'reseller' and p.scope_id = t.reseller_id) or (p.scope = 'tenant' and p.scope_id = t.id)))
		on conflict (tenant_id, kind, plugin) do update set stance = 'agreed', by = excluded.by, reason = '', at = now()`,
		tenant, kind, plugin, by).Exec(ctx)
	if err != nil {
		return fmt.Errorf("agree: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrUnknown, err)
	}
	s.Forget(tenant, kind)
	return nil
}

// Unsay takes back what a tenant has said of a provider.
func (s *Service) Unsay(ctx context.Context, tenant id.Tenant, kind, plugin string) error {
	if _, err := s.DB.Global().NewRaw(`delete from provider_stance where tenant_id = ? and kind = ? and plugin = ?`,
		tenant, kind, plugin).Exec(ctx); err != nil {
		return fmt.Errorf("take back: %w", err)
	}
	s.Forget(tenant, kind)
	return nil
}
