package practice

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/schedule"
)

// MaxOccupation is the longest time that one row of occupation or of imported
// busy time may take up, buffers included. Reading free slots relies on it:
// whoever writes a longer absence writes a row a day.
const MaxOccupation = 24 * time.Hour

// Session names a group of patients who share one appointment's time. The
// zero value is none.
type Session [16]byte

// Busy is time that a resource is not free, apart from its appointments.
type Busy struct {
	Resource id.Resource
	schedule.Interval
	// Session is the group whose seat is taken; zero is a time of its own.
	Session Session
}

// Used is one of a quota that is used up, in the period that begins on a date.
type Used struct {
	Quota  id.Quota
	Period schedule.Date
}

// LongestPeriod is how long a quota's period lasts at most.
const LongestPeriod = 31 * 24 * time.Hour

// matter is a question, with all that its answer is computed from.
type matter struct {
	Query
	offer *Offer
	steps []step
}

// step is a service and those who offer it; a chain has several.
type step struct {
	plans []Plan
	loads []schedule.Load
	of    ChainStep
}

// combined reports whether several slots are wanted that go together.
func (m *matter) combined() bool { return m.Persons > 1 || !m.Chain.IsZero() }

func (m *matter) query() schedule.Query {
	return schedule.Query{From: m.From, To: m.To, Now: m.Now, Staff: m.Staff}
}

// consult collects what a question's answer is computed from, all of it as of
// one version of the offer.
func (s *Service) consult(ctx context.Context, tenant id.Tenant, q Query) (*matter, error) {
	if q.Now.IsZero() {
		q.Now = s.now()
	}
	offer := s.known(tenant)
	if offer == nil {
		var err error
		if offer, err = s.Offer(ctx, tenant); err != nil {
			return nil, err
		}
	}
	// The offer may be old: the batch that reads what is busy also reads the version.
	for range attempts {
		m, refused := offer.ask(q)
		if refused != nil {
			m.steps = nil
		} else {
			m.bound()
		}
		version, err := s.fill(ctx, m)
		if err != nil {
			return nil, err
		}
		if version == offer.Version {
			return m, refused
		}
		if offer, err = s.Refresh(ctx, tenant, version); err != nil {
			return nil, err
		}
	}
	return nil, ErrChanging
}

// ask finds the plans that a question is about.
func (o *Offer) ask(q Query) (*matter, error) {
	m := &matter{Query: q, offer: o}
	if q.Chain.IsZero() {
		plans, err := o.plansFor(q.Service, q.Practitioner)
		if err == nil && q.others && q.Practitioner.IsZero() {
			err = ErrUnknownPractitioner
		}
		if err == nil && q.others {
			service, who := &o.Services[o.services[q.Service]], &o.Practitioners[o.practitioners[q.Practitioner]]
			plans = []Plan{o.plan(service, who, true)}
		}
		m.steps = append(m.steps, step{plans: plans})
		return m, err
	}
	chain, ok := o.Chain(q.Chain)
	if !ok {
		return m, ErrUnknownChain
	}
	if _, ok := o.practitioners[q.Practitioner]; !ok && !q.Practitioner.IsZero() {
		return m, ErrUnknownPractitioner
	}
	for _, of := range chain.Steps {
		plans, err := o.plansFor(of.Service, q.Practitioner)
		if err != nil {
			plans, err = o.plansFor(of.Service, id.Practitioner{})
		}
		if err != nil {
			return m, err
		}
		m.steps = append(m.steps, step{plans: plans, of: of})
	}
	return m, nil
}

// farthestZone is more than any zone is ahead of or behind UTC.
const farthestZone = 16 * time.Hour

func midnight(d schedule.Date) time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// span returns the instants between which it matters what is busy.
func (m *matter) span() (from, to time.Time) {
	var (
		before, after, way time.Duration
		lead               = time.Duration(1<<63 - 1)
		horizon            = 0
	)
	for i := range m.steps {
		for k := range m.steps[i].plans {
			p := &m.steps[i].plans[k]
			before, after = max(before, p.Service.BufferBefore), max(after, p.Service.BufferAfter+p.Service.Duration)
			lead, horizon = min(lead, p.Service.Lead), max(horizon, p.Service.Horizon)
		}
	}
	for _, l := range m.offer.legs {
		way = max(way, l.Takes)
	}
	first, last := m.From, m.To
	if m.Staff {
		lead = 0
	} else {
		last = min(last, schedule.DateOf(m.Now.UTC())+schedule.Date(horizon)+2)
	}
	if m.Series.Count > 0 {
		first, last = m.Series.dates()
	}
	from, to = midnight(first).Add(-farthestZone), midnight(last).Add(farthestZone)
	if bookable := m.Now.Add(lead); bookable.After(from) {
		from = bookable
	}
	return from.Add(-before - way), to.Add(after + way)
}

// taken is what one or, in a group, several patients have taken of a resource.
type taken struct {
	schedule.Busy
	session Session
	seats   int
}

// group names what several rows may have taken together.
type group struct {
	resource int
	starts   int64
	session  Session
}

// occupancy is what is read about resources.
type occupancy struct {
	resources []id.Resource
	// grouped says that several rows may be one time: of patients who share a
	// session. It, or ways between locations, need more columns than the index has.
	grouped, placed bool
	held            []Busy
	pledged         []Used            // by what is held
	busy            [][]schedule.Busy // of each resource
	taken           [][]taken         // of each resource, where grouped
	groups          map[group]int     // where in taken they are
	used            [][]schedule.Use  // of each quota of the offer
}

// fill reads, in one round trip, the version of the offer and what is taken of
// the plans.
func (s *Service) fill(ctx context.Context, m *matter) (int64, error) {
	tenant := m.offer.Tenant
	o := m.occupancy()
	if len(o.resources) == 0 {
		return s.version(ctx, tenant)
	}
	from, to := m.span()
	quotas := m.quotas()
	if m.AlsoBusy != nil && from.Before(to) {
		var err error
		named := make([]id.Quota, len(quotas))
		for i, q := range quotas {
			named[i] = m.offer.quotas[q].ID
		}
		if o.held, o.pledged, err = m.AlsoBusy(ctx, o.resources, named, from, to); err != nil {
			return 0, fmt.Errorf("read what else is busy: %w", err)
		}
	}
	var (
		version  int64
		found    *postgres.Found
		texts    = make([]string, len(o.resources))
		imported []id.Resource
	)
	for i, r := range o.resources {
		texts[i] = r.UUID()
	}
	for _, c := range m.offer.Calendars {
		if c.Kind == BusyCalendar && slices.Contains(o.resources, c.Resource) && !slices.Contains(imported, c.Resource) {
			imported = append(imported, c.Resource)
		}
	}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		o.reset(len(m.offer.quotas)) // the batch may run again
		found = b.Row(selectVersion, []any{tenant.UUID()}, &version)
		args := []any{tenant.UUID(), texts, from.Add(-MaxOccupation), to, from}
		if o.grouped || o.placed {
			o.readTaken(b, args)
		} else {
			o.read(b, args)
		}
		if len(imported) > 0 {
			o.readImported(b, m.offer, imported, from, to)
		}
		if len(quotas) > 0 {
			o.readUse(b, m, quotas)
		}
	})
	if err != nil {
		return 0, fmt.Errorf("read occupation: %w", err)
	}
	if !found.OK {
		s.kept.drop(tenant)
		return 0, ErrUnknownPractice
	}
	o.pledge(m.offer)
	o.share(m)
	return version, nil
}

// occupancy lists the resources that a matter is about.
func (m *matter) occupancy() *occupancy {
	o := &occupancy{placed: len(m.offer.legs) > 0}
	add := func(r id.Resource, capacity int) {
		if !slices.Contains(o.resources, r) {
			o.resources = append(o.resources, r)
		}
		o.grouped = o.grouped || capacity > 1
	}
	for i := range m.steps {
		for k := range m.steps[i].plans {
			p := &m.steps[i].plans[k]
			add(p.Resource, p.Capacity)
			o.grouped = o.grouped || p.Service.Seats > 1
			for n := range p.Supplies {
				add(p.Supplies[n].Resource, p.Supplies[n].Capacity)
			}
		}
	}
	return o
}

// quotas returns the quotas of the practice that limit the plans.
func (m *matter) quotas() (all []int) {
	for i := range m.steps {
		for k := range m.steps[i].plans {
			for _, o := range m.steps[i].plans[k].Openings {
				for _, q := range o.Quotas {
					if q < len(m.offer.Quotas) && !slices.Contains(all, q) {
						all = append(all, q)
					}
				}
			}
		}
	}
	return all
}

func (o *occupancy) reset(quotas int) {
	o.busy = make([][]schedule.Busy, len(o.resources))
	o.taken = nil
	o.used = nil
	if quotas > 0 {
		o.used = make([][]schedule.Use, quotas)
	}
	if o.grouped {
		o.taken, o.groups = make([][]taken, len(o.resources)), map[group]int{}
	}
	for _, h := range o.held {
		if i := slices.Index(o.resources, h.Resource); i >= 0 {
			o.add(i, taken{schedule.Busy{Interval: h.Interval, Kind: schedule.Hold}, h.Session, 1})
		}
	}
}

// add counts a time that is taken of resource i. Those of one session are one.
func (o *occupancy) add(i int, t taken) {
	if !o.grouped {
		o.busy[i] = append(o.busy[i], t.Busy)
		return
	}
	if t.session != (Session{}) {
		key := group{i, t.Starts, t.session}
		if at, ok := o.groups[key]; ok {
			o.taken[i][at].seats += t.seats
			return
		}
		o.groups[key] = len(o.taken[i])
	}
	o.taken[i] = append(o.taken[i], t)
}

// read reads when resources are busy.
func (o *occupancy) read(b *postgres.Batch, args []any) {
	// One place to scan into, since there are hundreds of rows.
	var (
		n    int
		row  schedule.Interval
		dest = []any{&n, &row.Starts, &row.Ends}
	)
	b.Rows(selectOccupation, args, func(rows pgx.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		o.busy[n-1] = append(o.busy[n-1], schedule.Busy{Interval: row})
		return nil
	})
}

// readTaken reads when resources are busy, for which session and where.
func (o *occupancy) readTaken(b *postgres.Batch, args []any) {
	b.Rows(selectTaken, args, func(rows pgx.Rows) error {
		n, t := 0, taken{seats: 1}
		if err := rows.Scan(&n, &t.Starts, &t.Ends, (*[16]byte)(&t.session), &t.Location); err != nil {
			return err
		}
		o.add(n-1, t)
		return nil
	})
}

// The conditions are plain comparisons on the columns of occupation_span, since
// nothing else becomes an index condition under row-level security. The lower
// bound of starts is the window's less the longest occupation.
//
// The other indexes would read all of a resource's history, and a planner
// without statistics cannot tell. The order, of no use to us, keeps it from
// that of the primary key. That of appointment_no_overlap is partial, which
// rules it out.
const selectOccupation = `
select r.n, extract(epoch from o.starts)::bigint, extract(epoch from o.ends)::bigint
  from unnest($2::uuid[]) with ordinality as r (id, n)
 cross join lateral (
       select starts, ends
         from occupation
        where tenant_id = $1 and resource_id = r.id
          and starts >= $3 and starts < $4 and ends > $5
        order by starts) as o`

// selectTaken is selectOccupation with what the index lacks.
const selectTaken = `
select r.n, extract(epoch from o.starts)::bigint, extract(epoch from o.ends)::bigint, o.session, a.location_id
  from unnest($2::uuid[]) with ordinality as r (id, n)
 cross join lateral (
       select starts, ends, session, appointment_id
         from occupation
        where tenant_id = $1 and resource_id = r.id
          and starts >= $3 and starts < $4 and ends > $5
        order by starts) as o
  left join lateral (
       select location_id
         from appointment
        where tenant_id = $1 and id = o.appointment_id) as a on true`

// readImported reads when imported calendars say that resources are busy: all
// of their units, since it is a person who is away.
func (o *occupancy) readImported(b *postgres.Batch, offer *Offer, resources []id.Resource, from, to time.Time) {
	texts := make([]string, len(resources))
	for i, r := range resources {
		texts[i] = r.UUID()
	}
	b.Rows(`
		select r.n, extract(epoch from i.starts)::bigint, extract(epoch from i.ends)::bigint
		  from unnest($2::uuid[]) with ordinality as r (id, n)
		 cross join lateral (
		       select starts, ends
		         from imported_busy
		        where tenant_id = $1 and resource_id = r.id
		          and starts >= $3 and starts < $4 and ends > $5
		        order by starts) as i`,
		[]any{offer.Tenant.UUID(), texts, from.Add(-MaxOccupation), to, from},
		func(rows pgx.Rows) error {
			n, t := 0, taken{Busy: schedule.Busy{Kind: schedule.Imported}, seats: 1}
			if err := rows.Scan(&n, &t.Starts, &t.Ends); err != nil {
				return err
			}
			for range offer.Resources[offer.resources[resources[n-1]]].Capacity {
				o.add(slices.Index(o.resources, resources[n-1]), t)
			}
			return nil
		})
}

// readUse reads what of the quotas is used up.
func (o *occupancy) readUse(b *postgres.Batch, m *matter, quotas []int) {
	texts := make([]string, len(quotas))
	for i, q := range quotas {
		texts[i] = m.offer.quotas[q].ID.UUID()
	}
	from, to := m.span()
	b.Rows(`
		select q.n, u.period - date '1970-01-01', count(*)
		  from unnest($2::uuid[]) with ordinality as q (id, n)
		  join quota_use u on u.tenant_id = $1 and u.quota_id = q.id
		 where u.period >= $3 and u.period < $4
		 group by 1, 2
		 order by 1, 2`,
		[]any{m.offer.Tenant.UUID(), texts, (schedule.DateOf(from.Add(-LongestPeriod))).String(), (schedule.DateOf(to) + 1).String()},
		func(rows pgx.Rows) error {
			var (
				n, used int
				period  int32
			)
			if err := rows.Scan(&n, &period, &used); err != nil {
				return err
			}
			q := quotas[n-1]
			o.used[q] = append(o.used[q], schedule.Use{Period: schedule.Date(period), N: used})
			return nil
		})
}

// pledge counts what holds use up of quotas to what appointments do.
func (o *occupancy) pledge(offer *Offer) {
	for _, u := range o.pledged {
		q := slices.IndexFunc(offer.Quotas, func(x Quota) bool { return x.ID == u.Quota })
		if q < 0 || q >= len(o.used) {
			continue
		}
		at, found := slices.BinarySearchFunc(o.used[q], u.Period, func(x schedule.Use, d schedule.Date) int { return int(x.Period - d) })
		if !found {
			o.used[q] = slices.Insert(o.used[q], at, schedule.Use{Period: u.Period})
		}
		o.used[q][at].N++
	}
}

// share gives each plan of the matter its load.
func (o *occupancy) share(m *matter) {
	for i := range o.taken {
		for k := range o.taken[i] {
			o.busy[i] = append(o.busy[i], o.taken[i][k].Busy)
		}
	}
	for i := range m.steps {
		st := &m.steps[i]
		st.loads = make([]schedule.Load, len(st.plans))
		for k := range st.plans {
			p, load := &st.plans[k], &st.loads[k]
			own := slices.Index(o.resources, p.Resource)
			load.Busy, load.Used = o.busy[own], o.used
			if p.Service.Seats > 1 && m.Session != nil {
				load.Sessions = o.sessions(own, p, m.Session)
			}
			for n := range p.Supplies {
				load.Supplies = append(load.Supplies, o.busy[slices.Index(o.resources, p.Supplies[n].Resource)])
			}
		}
	}
}

// sessions returns the groups of the plan's service among what is taken of a resource.
func (o *occupancy) sessions(resource int, p *Plan, name func(id.Service, id.Practitioner, int64) Session) []schedule.Session {
	var all []schedule.Session
	before := int64(p.Service.BufferBefore / time.Second)
	for _, t := range o.taken[resource] {
		starts := t.Starts + before
		if t.session != (Session{}) && t.session == name(p.Service.ID, p.Practitioner, starts) {
			all = append(all, schedule.Session{Starts: starts, Taken: t.seats})
		}
	}
	slices.SortFunc(all, func(a, b schedule.Session) int { return int(a.Starts/60 - b.Starts/60) })
	return all
}
