package staff

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// The shortest and the longest time for which support is let in.
const (
	MinSupport = time.Hour
	MaxSupport = 30 * 24 * time.Hour
)

// ErrMalformedSpan is returned for a time outside of these.
var ErrMalformedSpan = fault.New(fault.Invalid, "malformed_span")

// Supporter is somebody from support whom a tenant has let in.
type Supporter struct {
	Account      id.Account
	Name, Email  string
	Since, Until time.Time // UTC
}

// LetIn makes an account a member as [Support], in the caller's transaction,
// and returns when that ends by itself; call [Service.Forget] once it is
// committed. Whom it lets in already stays for that long from now. It returns
// [ErrMalformedSpan] or [ErrAlreadyMember].
func (s *Service) LetIn(ctx context.Context, tx bun.IDB, tenant id.Tenant, account id.Account, span time.Duration) (until time.Time, err error) {
	if span < MinSupport || span > MaxSupport {
		return until, ErrMalformedSpan
	}
	var ends []time.Time
	err = tx.NewRaw(`
		insert into member (tenant_id, account_id, role, until) values (?0, ?1, 'support', date_trunc('second', now()) + make_interval(secs => ?2))
		on conflict (tenant_id, account_id) do update set until = excluded.until where member.role = 'support'
		returning until`, tenant, account, span.Seconds()).Scan(ctx, &ends)
	if err != nil {
		return until, fmt.Errorf("let support in: %w", err)
	}
	if len(ends) == 0 {
		return until, ErrAlreadyMember
	}
	return ends[0].UTC(), nil
}

// EndSupport ends it, in the caller's transaction: at once, or, where over is
// set, only if its time is over. It reports whether there was anything to end.
// Call [Service.Forget] once that is committed.
func (s *Service) EndSupport(ctx context.Context, tx bun.IDB, tenant id.Tenant, account id.Account, over bool) (bool, error) {
	result, err := tx.NewRaw(`delete from member where tenant_id = ? and account_id = ? and role = 'support' and (not ? or until <= now())`,
		tenant, account, over).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("end support: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// Support are those whom the tenant has let in and whose time is not over.
func (s *Service) Support(ctx context.Context, tenant id.Tenant) ([]Supporter, error) {
	all := []Supporter{}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select m.account_id, a.name, a.email, m.created, m.until
			from member m join account a on a.id = m.account_id
			where m.tenant_id = $1 and m.role = 'support' and m.until > now() order by m.until, m.account_id`, []any{tenant}, func(rows pgx.Rows) error {
			var p Supporter
			if err := rows.Scan(&p.Account, &p.Name, &p.Email, &p.Since, &p.Until); err != nil {
				return err
			}
			p.Since, p.Until = p.Since.UTC().Truncate(time.Second), p.Until.UTC()
			all = append(all, p)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list support: %w", err)
	}
	return all, nil
}
