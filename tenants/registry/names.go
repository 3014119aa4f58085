package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"siegel/platform/id"
	"siegel/platform/postgres"
)

// names is every name of every tenant, in memory. It is read whole once; then a
// question a second tells which tenants to read again. So a host that nobody
// has costs a look into a map, however many of them are asked for.
type names struct {
	db   *postgres.DB
	now  func() time.Time
	base base
	turn chan struct{} // who holds it reads

	mu      sync.RWMutex
	read    time.Time // when the last answer was asked for; zero: never, or forgotten
	forgot  int       // how often [names.forget] was called
	version int64
	byID    map[id.Tenant]*known
	bySlug  map[string]*known // those of the past too
	byHost  map[string]*known
	bases   map[string]id.Reseller
}

// known is a tenant with all of its names.
type known struct {
	Tenant
	slugs []string
	hosts []string
}

// stale is how long a server may go without asking before it reads everything
// again, since changes are kept for a day only.
const stale = time.Hour

func (n *names) init(db *postgres.DB, now func() time.Time, b base) {
	n.db, n.now, n.base = db, now, b
	n.turn = make(chan struct{}, 1)
}

// forget has the next one who asks look anew.
func (n *names) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forgot++
}

func (n *names) slug(ctx context.Context, slug string) (*Tenant, error) {
	if err := n.fresh(ctx); err != nil {
		return nil, err
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.bySlug[slug].copied(), nil
}

// host finds the tenant of a host name outside of the base. slug is what stands
// before the reseller's domain; it is empty for a domain of the practice's own.
func (n *names) host(ctx context.Context, name string) (found *Tenant, slug string, err error) {
	if err := n.fresh(ctx); err != nil {
		return nil, "", err
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	if k, ok := n.byHost[name]; ok {
		return k.copied(), "", nil
	}
	slug, base, ok := strings.Cut(name, ".")
	if !ok {
		return nil, "", nil
	}
	reseller, ok := n.bases[base]
	if k := n.bySlug[slug]; ok && k != nil && k.Reseller == reseller {
		return k.copied(), slug, nil
	}
	return nil, "", nil
}

func (n *names) id(ctx context.Context, tenant id.Tenant) (*Tenant, error) {
	if err := n.fresh(ctx); err != nil {
		return nil, err
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.byID[tenant].copied(), nil
}

// all are the tenants that want holds for, by slug.
func (n *names) all(ctx context.Context, want func(Tenant) bool) ([]Tenant, error) {
	if err := n.fresh(ctx); err != nil {
		return nil, err
	}
	n.mu.RLock()
	tenants := make([]Tenant, 0, len(n.byID))
	for _, k := range n.byID {
		if want(k.Tenant) {
			tenants = append(tenants, k.Tenant)
		}
	}
	n.mu.RUnlock()
	slices.SortFunc(tenants, func(a, b Tenant) int { return strings.Compare(a.Slug, b.Slug) })
	return tenants, nil
}

func (k *known) copied() *Tenant {
	if k == nil {
		return nil
	}
	t := k.Tenant
	return &t
}

// fresh makes sure that what is in memory was asked for within [Age].
func (n *names) fresh(ctx context.Context) error {
	if n.isFresh() {
		return nil
	}
	select {
	case n.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-n.turn }()
	if n.isFresh() { // somebody else was quicker
		return nil
	}
	return n.load(ctx)
}

func (n *names) isFresh() bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	// A clock that was set back makes nothing younger.
	age := n.now().Sub(n.read)
	return !n.read.IsZero() && n.forgot == 0 && age >= 0 && age < Age
}

// load asks what has changed and reads that. One at a time.
func (n *names) load(ctx context.Context) error {
	n.mu.RLock()
	version, forgot, whole := n.version, n.forgot, n.byID == nil || n.now().Sub(n.read) > stale
	n.mu.RUnlock()
	began := n.now()

	var changed []id.Tenant
	if !whole {
		var rows []struct {
			Version int64
			Tenant  id.Tenant
		}
		if err := n.db.Global().NewRaw(`select version, tenant from registry_change where version > ? order by version`, version).Scan(ctx, &rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read what changed: %w", err)
		}
		for _, r := range rows {
			version = r.Version
			changed = append(changed, r.Tenant)
			whole = whole || r.Tenant.IsZero()
		}
	} else if err := n.db.Global().NewRaw(`select coalesce(max(version), 0) from registry_change`).Scan(ctx, &version); err != nil {
		return fmt.Errorf("read the version: %w", err)
	}

	var read []*known
	var bases map[string]id.Reseller
	var err error
	switch {
	case whole:
		if bases, err = n.readBases(ctx); err == nil {
			read, err = n.readTenants(ctx, nil)
		}
	case len(changed) > 0:
		read, err = n.readTenants(ctx, changed)
	}
	if err != nil {
		return err
	}

	n.mu.Lock()
	defer n.mu.Unlock()
	if whole {
		n.byID, n.bySlug, n.byHost = make(map[id.Tenant]*known, len(read)), make(map[string]*known, len(read)), map[string]*known{}
		n.bases = bases
	}
	for _, tenant := range changed {
		n.drop(tenant)
	}
	for _, k := range read {
		n.put(k)
	}
	n.version, n.read = version, began
	n.forgot -= forgot // what was forgotten meanwhile is asked for again
	return nil
}

func (n *names) drop(tenant id.Tenant) {
	k := n.byID[tenant]
	if k == nil {
		return
	}
	delete(n.byID, tenant)
	for _, slug := range k.slugs {
		delete(n.bySlug, slug)
	}
	for _, host := range k.hosts {
		delete(n.byHost, host)
	}
}

func (n *names) put(k *known) {
	n.byID[k.ID] = k
	for _, slug := range k.slugs {
		n.bySlug[slug] = k
	}
	for _, host := range k.hosts {
		n.byHost[host] = k
	}
}

func (n *names) readBases(ctx context.Context) (map[string]id.Reseller, error) {
	var rows []struct {
		Base       string
		ResellerID id.Reseller
	}
	// The oldest comes last, so that it is the one that counts where one is enough.
	err := n.db.Global().NewRaw(`select base, reseller_id from reseller_base where verified is not null`).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read bases: %w", err)
	}
	bases := make(map[string]id.Reseller, len(rows))
	for _, r := range rows {
		bases[r.Base] = r.ResellerID
	}
	return bases, nil
}

// tenantRow is a row of the table tenant with its names.
type tenantRow struct {
	ID         id.Tenant
	Slug       string
	Status     string
	ResellerID id.Reseller
	Plan       string
	TrialEnds  *time.Time
	NoticeEnds *time.Time
	EraseAfter *time.Time
	SetUp      bool
	Slugs      string // divided by spaces
	Hosts      string
	Preferred  string
	BaseName   string
}

const tenantColumns = `t.id, t.slug, t.status, t.reseller_id, t.plan, t.trial_ends, t.notice_ends, t.erase_after, t.set_up`

func (n *names) readTenants(ctx context.Context, only []id.Tenant) ([]*known, error) {
	where, args := "", []any{}
	if only != nil {
		texts := make([]string, len(only))
		for i, t := range only {
			texts[i] = t.UUID()
		}
		where, args = `where t.id = any(string_to_array(?, ',')::uuid[])`, append(args, strings.Join(texts, ","))
	}
	var rows []tenantRow
	err := n.db.Global().NewRaw(`
		select `+tenantColumns+`,
		  coalesce((select string_agg(s.slug, ' ') from tenant_slug s where s.tenant_id = t.id), '') as slugs,
		  coalesce((select string_agg(h.host, ' ') from tenant_host h where h.tenant_id = t.id and h.verified is not null), '') as hosts,
		  coalesce((select h.host from tenant_host h where h.tenant_id = t.id and h.preferred), '') as preferred,
		  coalesce((select b.base from reseller_base b where b.reseller_id = t.reseller_id and b.verified is not null order by b.created, b.base limit 1), '') as base_name
		from tenant t `+where, args...).Scan(ctx, &rows)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read tenants: %w", err)
	}
	all := make([]*known, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.known())
	}
	return all, nil
}

func (r tenantRow) known() *known {
	k := &known{Tenant: Tenant{
		ID: r.ID, Slug: r.Slug, Status: Status(r.Status), Reseller: r.ResellerID, Plan: r.Plan,
		TrialEnds: moment(r.TrialEnds), NoticeEnds: moment(r.NoticeEnds), EraseAfter: moment(r.EraseAfter), SetUp: r.SetUp,
		Home: r.Preferred,
	}}
	if k.Home == "" && r.BaseName != "" {
		k.Home = r.Slug + "." + r.BaseName
	}
	k.slugs, k.hosts = strings.Fields(r.Slugs), strings.Fields(r.Hosts)
	return k
}

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// nilUUID is the platform where a column wants some id.
var nilUUID = uuid.Nil.String()
