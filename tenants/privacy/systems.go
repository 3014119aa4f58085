package privacy

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
	"siegel/tenants/practice"
	"siegel/tenants/webhook"
)

// systems are those of a practice's own that are told something, may look, or
// are read.
type systems struct {
	// told are the hosts of webhooks that hear of appointments.
	told []string
	// feeds says that calendar programs see when somebody is busy, busy that
	// calendars from elsewhere are read.
	feeds, busy bool
	// books and looks say what programs with a token may do with appointments.
	books, looks bool
	// connector is paired; where it forwards, opened bookings live in the
	// practice alone.
	connector, forwards bool
	// records says that the practice keeps some of its customers.
	records bool
}

func (x systems) any() bool {
	return len(x.told) > 0 || x.feeds || x.busy || x.books || x.looks || x.connector
}

// systems reads them. A webhook that failed counts: somebody may switch it on at
// any time. One that hears of the offer alone hears of nobody.
func (s *Service) systems(ctx context.Context, tenant id.Tenant) (x systems, err error) {
	var hears []string
	for _, event := range webhook.Events {
		if event != "offer.changed" {
			hears = append(hears, event)
		}
	}
	looks := []access.Role{access.ScopeReadAppointments, access.ScopeWriteAppointments, access.ScopeWriteCards}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Rows(`select url from webhook where tenant_id = $1 and status <> 'off' and events && $2::text[] order by created, id`,
			[]any{tenant, hears}, func(rows pgx.Rows) error {
				var address string
				if err := rows.Scan(&address); err != nil {
					return err
				}
				if u, err := url.Parse(address); err == nil && u.Hostname() != "" && !slices.Contains(x.told, u.Hostname()) {
					x.told = append(x.told, u.Hostname())
				}
				return nil
			})
		b.Row(`
			select exists (select from calendar_feed where tenant_id = $1),
			       exists (select from calendar where tenant_id = $1 and kind = $2),
			       exists (select from api_token where tenant_id = $1 and revoked is null and expires > $3 and $4 = any(scopes)),
			       exists (select from api_token where tenant_id = $1 and revoked is null and expires > $3 and scopes && $5::text[]),
			       exists (select from connector where tenant_id = $1 and claimed is not null and revoked is null),
			       exists (select from forwarding where tenant_id = $1 and mode = $6),
			       exists (select from customer where tenant_id = $1 and id <> $1 and ciphertext is not null)`,
			[]any{tenant, string(practice.BusyCalendar), s.Now().UTC(), string(access.ScopeBook), looks, string(inbox.Forward)},
			&x.feeds, &x.busy, &x.books, &x.looks, &x.connector, &x.forwards, &x.records)
	})
	if err != nil {
		return systems{}, fmt.Errorf("read the practice's systems: %w", err)
	}
	return x, nil
}

// systemsOf says of each system what it gets: ids and times, or what is sealed.
func (w *writer) systemsOf(x systems) {
	if len(x.told) > 0 {
		w.paragraph(w.sentence("systems.webhook"), w.sentence("limit.times"))
	}
	for _, one := range []struct {
		on  bool
		key string
	}{
		{x.feeds, "systems.feed"}, {x.books, "systems.fhir"}, {x.looks, "systems.token"}, {x.connector, "systems.connector"}, {x.busy, "systems.busy"},
	} {
		if one.on {
			w.add(one.key)
		}
	}
}

// hosts are the places that webhooks go to, for whoever answers for them.
func (w *writer) hosts(x systems) {
	if len(x.told) > 0 {
		w.add("fact.told", params{"list": strings.Join(x.told, ", ")})
	}
}
