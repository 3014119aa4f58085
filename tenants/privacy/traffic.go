package privacy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
)

// Least is how often a value must have been seen in an hour to be named.
const Least = 5

// other is what values are put together as that were seen less often.
const other = "other"

// Visit is a page that somebody asked for, in the words that are counted. The
// IP address and the zone's offset are not among them.
type Visit struct {
	Page     string
	Status   int
	Bytes    int
	Referrer string
	// Browser and System are coarse words, Language a primary tag.
	Browser, System, Language string
}

// count is what is added up: one field of one hour.
type count struct {
	scope        id.Tenant
	hour         time.Time
	field, value string
}

// counter holds the hour that runs, in memory alone.
type counter struct {
	sync.Mutex
	counts map[count]int64
}

var isTag = regexp.MustCompile(`^[a-z]{2,3}$`)

// Counts says whether visits of a tenant's pages are counted; of the portal's
// for the zero tenant. At most [Age] old.
func (s *Service) Counts(ctx context.Context, tenant id.Tenant) (bool, error) {
	return s.counting.Get(ctx, tenant, func(ctx context.Context) (bool, error) {
		if tenant.IsZero() {
			p, err := s.Profile(ctx)
			return p.Traffic, err
		}
		p, err := s.Setting(ctx, tenant)
		return p.Traffic, err
	})
}

// Count adds a visit to the hour that runs, each field for itself, so that
// nothing tells which values came together. It does nothing where counting is
// not switched on; the zero tenant is the portal.
func (s *Service) Count(ctx context.Context, tenant id.Tenant, v Visit) {
	counts, err := s.Counts(ctx, tenant)
	if err != nil || !counts {
		return
	}
	if tenant.IsZero() {
		tenant = audit.PlatformScope
	}
	hour := s.Now().UTC().Truncate(time.Hour)
	s.traffic.Lock()
	defer s.traffic.Unlock()
	add := func(field, value string, n int64) {
		if value == "" {
			value = "none"
		}
		s.traffic.counts[count{tenant, hour, field, value}] += n
	}
	add("page", v.Page, 1)
	add("status", fmt.Sprint(v.Status), 1)
	add("referrer", referrerHost(v.Referrer), 1)
	add("browser", v.Browser, 1)
	add("system", v.System, 1)
	add("language", primary(v.Language), 1)
	if v.Bytes > 0 {
		add("bytes", "all", int64(v.Bytes))
	}
}

// referrerHost is the host alone: a path may be somebody's.
func referrerHost(referrer string) string {
	u, err := url.Parse(referrer)
	if err != nil || u.Hostname() == "" || len(u.Hostname()) > 100 {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

func primary(language string) string {
	tag, _, _ := strings.Cut(strings.ToLower(language), ",")
	tag, _, _ = strings.Cut(tag, ";")
	tag, _, _ = strings.Cut(strings.TrimSpace(tag), "-")
	if !isTag.MatchString(tag) {
		return ""
	}
	return tag
}

// Flush stores the hours that are over. What was seen less than [Least] times
// goes as "other", and where even that is less, not at all.
func (s *Service) Flush(ctx context.Context) error {
	return s.flush(ctx, s.Now().UTC().Truncate(time.Hour))
}

// flushLast stores also the hour that runs, before the process ends.
func (s *Service) flushLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.flush(ctx, s.Now().UTC().Add(time.Hour)); err != nil {
		slog.WarnContext(ctx, "visits were not counted", "err", err)
	}
}

func (s *Service) flush(ctx context.Context, before time.Time) error {
	s.traffic.Lock()
	due := map[count]int64{}
	for c, n := range s.traffic.counts {
		if c.hour.Before(before) {
			due[c] = n
			delete(s.traffic.counts, c)
		}
	}
	s.traffic.Unlock()
	stored := map[id.Tenant]map[count]int64{}
	pages := map[count]int64{} // visits of an hour
	for c, n := range due {
		if c.field == "page" {
			pages[count{scope: c.scope, hour: c.hour}] += n
		}
	}
	for c, n := range due {
		switch {
		case c.field == "bytes" && pages[count{scope: c.scope, hour: c.hour}] < Least:
			continue
		case c.field != "bytes" && n < Least:
			c.value = other
		}
		if stored[c.scope] == nil {
			stored[c.scope] = map[count]int64{}
		}
		stored[c.scope][c] += n
	}
	var failed error
	for scope, counts := range stored {
		err := s.DB.Batch(ctx, scope, func(b *postgres.Batch) {
			for c, n := range counts {
				if c.value == other && n < Least {
					continue
				}
				b.Exec(`insert into traffic_hour (tenant_id, hour, field, value, visits) values ($1, $2, $3, $4, $5)
					on conflict (tenant_id, hour, field, value) do update set visits = traffic_hour.visits + excluded.visits`,
					scope, c.hour, c.field, c.value, n)
			}
		})
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("store visits: %w", err))
		}
	}
	return failed
}

// Traffic is what an hour came to in one field.
type Traffic struct {
	Hour         time.Time
	Field, Value string
	Visits       int64
}

// Visits are the sums of a tenant, or of the portal for the zero tenant, from
// an instant on, by hour, field and number.
func (s *Service) Visits(ctx context.Context, tenant id.Tenant, from time.Time) ([]Traffic, error) {
	if tenant.IsZero() {
		tenant = audit.PlatformScope
	}
	all := []Traffic{}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select hour, field, value, visits from traffic_hour where tenant_id = $1 and hour >= $2 order by hour, field, visits desc, value`,
			[]any{tenant, from}, func(rows pgx.Rows) error {
				var t Traffic
				err := rows.Scan(&t.Hour, &t.Field, &t.Value, &t.Visits)
				t.Hour = t.Hour.UTC()
				all = append(all, t)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("read visits: %w", err)
	}
	return all, nil
}
