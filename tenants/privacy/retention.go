package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/webhook"
)

// The subjects whose time a tenant may choose.
const (
	KeptAppointments = "appointments"
	KeptAudit        = "audit"
	KeptTraffic      = "traffic"
)

// Bound is how long something may be kept, in days: no shorter than the purpose
// needs, no longer than it bears. A new tenant begins with the shortest.
type Bound struct {
	Subject string
	Least   int
	Most    int
}

// Bounds are those of all subjects. Appointments are counted from their end:
// the week is for who calls about it afterwards, and the treatment record is
// the practice's own. The trail has to outlast the time in which an abuse is
// usually found.
func Bounds() []Bound {
	return []Bound{{KeptAppointments, 7, 730}, {KeptAudit, 90, 1095}, {KeptTraffic, 31, 400}}
}

// Retention is how many days a tenant keeps each subject.
type Retention map[string]int

// Retention reads it; what was never chosen has the strictest.
func (s *Service) Retention(ctx context.Context, tenant id.Tenant) (Retention, error) {
	r := Retention{}
	for _, b := range Bounds() {
		r[b.Subject] = b.Least
	}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select subject, days from retention where tenant_id = $1`, []any{tenant}, func(rows pgx.Rows) error {
			var subject string
			var days int
			err := rows.Scan(&subject, &days)
			if _, ok := r[subject]; ok {
				r[subject] = days
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read retention: %w", err)
	}
	return r, nil
}

// SetRetention chooses how long subjects are kept, and writes each that changes
// into the trail. Subjects that are not named stay as they are. It returns
// [ErrBounds].
func (s *Service) SetRetention(ctx context.Context, tenant id.Tenant, r Retention) error {
	bounds := Bounds()
	for subject, days := range r {
		i := slices.IndexFunc(bounds, func(b Bound) bool { return b.Subject == subject })
		if i < 0 || days < bounds[i].Least || days > bounds[i].Most {
			return ErrBounds
		}
	}
	before, err := s.Retention(ctx, tenant)
	if err != nil {
		return err
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		for _, bound := range bounds {
			days, named := r[bound.Subject]
			if !named || days == before[bound.Subject] {
				continue
			}
			b.Exec(`insert into retention (tenant_id, subject, days) values ($1, $2, $3)
				on conflict (tenant_id, subject) do update set days = excluded.days, changed = now()`, tenant, bound.Subject, days)
			e := audit.Now(ctx, tenant, "retention.put", bound.Subject)
			e.Detail = map[string]string{"days": fmt.Sprint(days), "before": fmt.Sprint(before[bound.Subject])}
			audit.Record(b, e)
		}
	})
	if err != nil {
		return fmt.Errorf("keep retention: %w", err)
	}
	return nil
}

// Proof says that something was deleted because its time was over. It holds
// numbers and nothing of what was deleted.
type Proof struct {
	ID     uuid.UUID
	At     time.Time // UTC
	Counts map[string]int64
}

// Proofs are the latest of a tenant, the newest first.
func (s *Service) Proofs(ctx context.Context, tenant id.Tenant) ([]Proof, error) {
	all := []Proof{}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select id::text, at, counts::text from purge_proof where tenant_id = $1 order by at desc limit 50`, []any{tenant}, func(rows pgx.Rows) error {
			var p Proof
			var key, counts string
			if err := rows.Scan(&key, &p.At, &counts); err != nil {
				return err
			}
			p.At = p.At.UTC()
			var err error
			p.ID, err = uuid.Parse(key)
			all = append(all, p)
			return errors.Join(err, json.Unmarshal([]byte(counts), &all[len(all)-1].Counts))
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read proofs: %w", err)
	}
	return all, nil
}

const (
	// proofsKept is how long a proof of deletion is kept (section 195 BGB).
	proofsKept = 3 * 366 * 24 * time.Hour
	// countsKept is until when a month may still be counted.
	countsKept = 100 * 24 * time.Hour
)

// Purge deletes of a tenant what is over by the clock (see [Rules]), and writes
// a proof where it found something.
func (s *Service) Purge(ctx context.Context, tenant id.Tenant) (map[string]int64, error) {
	keep, err := s.Retention(ctx, tenant)
	if err != nil {
		return nil, err
	}
	now := s.Now().UTC()
	before := func(subject string) time.Time { return now.AddDate(0, 0, -keep[subject]) }
	counts := map[string]int64{}
	var bookings int64
	counted := func(rows pgx.Rows) error {
		var relation string
		var n int64
		err := rows.Scan(&relation, &n)
		if n > 0 {
			counts[relation] += n
		}
		if relation == "appointment" {
			bookings = n
		}
		return err
	}
	for {
		bookings = 0
		err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
			b.Rows(`select relation, purged from purge_tenant($1, $2, $3, $4, $5, $6)`, []any{tenant, before(KeptAppointments), before(KeptAudit),
				before(KeptTraffic), now.Add(-countsKept), now.Add(-proofsKept)}, counted)
		})
		if err != nil {
			return nil, fmt.Errorf("purge: %w", err)
		}
		if bookings == 0 { // a round takes only so many
			break
		}
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select relation, purged from purge_rest($1, $2, $3, $4, $5)`, []any{tenant, now, before(KeptAppointments), before(KeptAudit), now.Add(-proofsKept)}, counted)
		webhook.Purge(b, tenant, now, func(n int64) {
			if n > 0 {
				counts["webhook_delivery"] += n
			}
		})
	})
	if err != nil {
		return nil, fmt.Errorf("purge: %w", err)
	}
	if len(counts) == 0 {
		return counts, nil
	}
	text, err := json.Marshal(counts)
	if err != nil {
		return nil, fmt.Errorf("write a proof: %w", err)
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into purge_proof (tenant_id, id, at, counts) values ($1, $2, $3, $4::jsonb)`, tenant, uuid.Must(uuid.NewV7()).String(), now, string(text))
	})
	if err != nil {
		return nil, fmt.Errorf("write a proof: %w", err)
	}
	return counts, nil
}

// PurgeAll does so for every tenant, for the trails of resellers and for the
// platform. One that fails keeps no other from it.
func (s *Service) PurgeAll(ctx context.Context) error {
	scopes, err := s.scopes(ctx)
	if err != nil {
		return err
	}
	resellers, err := s.Registry.Resellers(ctx)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	for _, r := range resellers {
		scopes = append(scopes, audit.ResellerScope(r.ID))
	}
	var failed error
	for _, scope := range scopes {
		if _, err := s.Purge(ctx, scope); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// scopes are all tenants and what stands for the platform.
func (s *Service) scopes(ctx context.Context) ([]id.Tenant, error) {
	tenants, err := s.Registry.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	scopes := []id.Tenant{audit.PlatformScope}
	for _, t := range tenants {
		scopes = append(scopes, t.ID)
	}
	return scopes, nil
}

// Run writes versions of the statement and hourly counts each minute, and
// purges and warns each hour, until ctx ends. Any number may run.
func (s *Service) Run(ctx context.Context) {
	warn := func(what string, err error) {
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, what, "err", err)
		}
	}
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for minute := 0; ; minute++ {
		warn("versions of the statement were not kept", s.KeepAll(ctx))
		warn("visits were not counted", s.Flush(ctx))
		if minute%60 == 0 {
			warn("what is over was not deleted", s.PurgeAll(ctx))
			warn("nobody was warned of evidence that ends", s.WarnOfEvidence(ctx))
		}
		select {
		case <-ctx.Done():
			s.flushLast(ctx)
			return
		case <-tick.C:
		}
	}
}
