package provider

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/plugins/sdk"
)

// What owners are told of by letter.
const (
	// ToldAnnounced: a processor is announced, and they may object.
	ToldAnnounced = "announced"
	// ToldEmergency: one took effect before its notice was over.
	ToldEmergency = "emergency"
)

// letterKind is the letters' kind, as the outbox names it.
const letterKind = "provider_mail"

// letterTTL is for how long a letter is worth sending.
const letterTTL = 7 * 24 * time.Hour

// poll is how often the service looks whom to tell.
const poll = 3 * time.Second

// ErrNobody is returned by [Service.Letter] where there is nobody to write to.
var ErrNobody = fault.New(fault.NotFound, "nobody_to_write_to")

// Run queues letters to owners about what changes in the annex, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	for {
		told, err := s.Tell(ctx)
		if err != nil && ctx.Err() == nil {
			s.Logger.Warn("owners cannot be told of a provider", "error", err)
		}
		if told {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(poll):
		}
	}
}

// Tell queues the letters about one change of the annex; false where there is
// none. Whoever crashes amidst it tells some owners twice, and none never.
func (s *Service) Tell(ctx context.Context) (told bool, err error) {
	err = s.DB.Global().RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var a struct {
			Kind, Plugin, Scope, Tell string
			ScopeID                   uuid.UUID
		}
		err := tx.NewRaw(`select kind, plugin, scope, scope_id, tell from provider_approval
			where tell <> '' order by announced limit 1 for update skip locked`).Scan(ctx, &a)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		var tenants []struct{ ID id.Tenant }
		if err := tx.NewRaw(`select t.id from tenant t where t.status <> 'closed' and `+ofScope, a.Scope, a.ScopeID).Scan(ctx, &tenants); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		for _, t := range tenants {
			if err := s.queue(ctx, t.ID, a.Tell+"_"+a.Kind+"_"+a.Plugin); err != nil {
				return err
			}
		}
		_, err = tx.NewRaw(`update provider_approval set tell = '' where kind = ? and plugin = ? and scope = ? and scope_id = ?`,
			a.Kind, a.Plugin, a.Scope, a.ScopeID).Exec(ctx)
		told = err == nil
		return err
	})
	if err != nil {
		return false, fmt.Errorf("tell owners: %w", err)
	}
	return told, nil
}

// queue queues a letter to each owner of a tenant, in one transaction.
func (s *Service) queue(ctx context.Context, tenant id.Tenant, what string) error {
	var owners []id.Account
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select account_id from member where tenant_id = $1 and role = 'owner' order by account_id`, []any{tenant}, func(rows pgx.Rows) error {
			var owner id.Account
			err := rows.Scan(&owner)
			owners = append(owners, owner)
			return err
		})
	})
	if err != nil || len(owners) == 0 {
		return err
	}
	return s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		for _, owner := range owners {
			jobs.Add(b, jobs.Message{Tenant: tenant, Kind: letterKind, Ref: what + "_" + owner.UUID(), TTL: letterTTL})
		}
	})
}

// Letter is what a letter about a processor says, for whoever words and sends it.
type Letter struct {
	To, Name, Language string
	// Told is [ToldAnnounced] or [ToldEmergency].
	Told      string
	Practice  string
	Processor sdk.Processor
	// NoticeEnds is until when the owner may object, by the clock of Zone.
	NoticeEnds time.Time
	Zone       string
}

// Letter reads a queued letter at the moment of sending. It returns [ErrNobody]
// where it concerns nobody any more: the owner or the processor is gone.
func (s *Service) Letter(ctx context.Context, tenant id.Tenant, ref string) (Letter, error) {
	parts := strings.Split(ref, "_")
	if len(parts) < 4 {
		return Letter{}, ErrNobody
	}
	var owner id.Account
	if owner.UnmarshalText([]byte("acc_"+parts[len(parts)-1])) != nil {
		return Letter{}, ErrNobody
	}
	l := Letter{Told: parts[0]}
	annex, err := s.Annex(ctx, parts[1], identity.OfTenant(tenant))
	if err != nil {
		return Letter{}, err
	}
	listed := false
	for _, a := range annex {
		// The nearer scope's line is the one that was told of.
		if a.Plugin == strings.Join(parts[2:len(parts)-1], "_") && (!listed || a.Scope.Kind == access.Reseller) {
			listed, l.Processor, l.NoticeEnds = true, a.Processor, a.NoticeEnds
		}
	}
	if !listed {
		return Letter{}, ErrNobody
	}
	var found *postgres.Found
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`
			select a.email, a.name, a.language, coalesce(p.name, t.slug), coalesce(p.zone, '')
			from member m join account a on a.id = m.account_id join tenant t on t.id = m.tenant_id
			left join practice p on p.tenant_id = m.tenant_id
			where m.tenant_id = $1 and m.account_id = $2 and m.role = 'owner'`,
			[]any{tenant, owner}, &l.To, &l.Name, &l.Language, &l.Practice, &l.Zone)
	})
	switch {
	case err != nil:
		return Letter{}, fmt.Errorf("read owner: %w", err)
	case !found.OK:
		return Letter{}, ErrNobody
	}
	return l, nil
}
