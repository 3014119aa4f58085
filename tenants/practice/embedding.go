package practice

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/memo"
	"siegel/platform/postgres"
)

// ErrMalformedSite is returned for what is not the origin of a page: https, a
// host, perhaps a port, and nothing more.
var ErrMalformedSite = fault.New(fault.Invalid, "malformed_site")

const maxSites = 20

// Embedding knows which pages of others may frame a practice's patient pages.
type Embedding struct {
	db   *postgres.DB
	kept *memo.Cache[id.Tenant, []string]
}

// NewEmbedding returns one that looks anew after five seconds.
func NewEmbedding(db *postgres.DB) *Embedding {
	return &Embedding{db, memo.New[id.Tenant, []string](5*time.Second, 10_000, nil)}
}

// Sites are the origins that may, in the practice's order; of most there are
// none. An answer may be five seconds old.
func (e *Embedding) Sites(ctx context.Context, tenant id.Tenant) ([]string, error) {
	return e.kept.Get(ctx, tenant, func(ctx context.Context) (sites []string, err error) {
		err = e.db.Batch(ctx, tenant, func(b *postgres.Batch) {
			sites = nil
			b.Row(`select sites from embedding where tenant_id = $1`, []any{tenant}, &sites)
		})
		if err != nil {
			return nil, fmt.Errorf("read the sites that may frame: %w", err)
		}
		return sites, nil
	})
}

// SetSites replaces them and returns them as they were understood: an address
// of a page becomes its origin. It returns [ErrMalformedSite].
func (e *Embedding) SetSites(ctx context.Context, tenant id.Tenant, sites []string) ([]string, error) {
	kept := []string{}
	for _, s := range sites {
		origin, err := originOf(s)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(kept, origin) {
			kept = append(kept, origin)
		}
	}
	if len(kept) > maxSites {
		return nil, ErrMalformedSite
	}
	err := e.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into embedding (tenant_id, sites) values ($1, $2) on conflict (tenant_id) do update set sites = excluded.sites`, tenant, kept)
	})
	if err != nil {
		return nil, fmt.Errorf("store the sites that may frame: %w", err)
	}
	e.kept.Forget(tenant) // whoever has just named a site looks at it now
	return kept, nil
}

var siteHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)

// originOf is the origin of an address. What a browser would read as more than
// one source has none. Without encryption only this machine's own pages do.
func originOf(address string) (string, error) {
	address = strings.TrimSpace(address)
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || len(address) > 300 || u.User != nil {
		return "", ErrMalformedSite
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	name := strings.ToLower(u.Hostname())
	local := name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "127.0.0.1"
	if !siteHost.MatchString(host) || scheme != "https" && (scheme != "http" || !local) || !local && !strings.Contains(name, ".") {
		return "", ErrMalformedSite
	}
	return scheme + "://" + host, nil
}
