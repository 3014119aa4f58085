package booking

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// taking is a stretch of one resource that an item takes.
type taking struct {
	Resource id.Resource       `json:"resource"`
	Busy     schedule.Interval `json:"busy"`
	Capacity int               `json:"capacity"`
	// Session is what the patients of one group have in common; Seats is how
	// many they are at most.
	Session practice.Session `json:"session,omitzero"`
	Seats   int              `json:"seats,omitempty"`
}

// counting is a quota that an item counts towards.
type counting struct {
	Quota  id.Quota      `json:"quota"`
	Period schedule.Date `json:"period"`
	Max    int           `json:"max"`
}

// choice is what a hold takes: each item's stretches of resources, and its
// share of quotas.
type choice struct {
	items  []heldItem
	claims []redisdb.Claim
	// plain says of each item that a free unit of the practitioner is all it needs.
	plain []bool
	// rooms says that there was something to choose.
	rooms bool
}

// candidate is an item on its way into a choice.
type candidate struct {
	HoldItem
	slot    slot
	session practice.Session // of a group; zero is none
	load    *schedule.Load   // what is taken around it, by the choice so far too
}

// choose decides what the items take, each beside those before it. at is the
// time by which lead and horizon are judged; crowded looks for rooms that are
// not held either. It returns [ErrNotOffered], [ErrSlotTaken] or [ErrQuotaFull].
func (s *Service) choose(ctx context.Context, tenant id.Tenant, items []HoldItem, at time.Time, crowded bool) (c choice, err error) {
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return c, err
	}
	for _, item := range items {
		x := candidate{HoldItem: item, load: &schedule.Load{}}
		if x.slot, err = offered(offer, item.Service, item.Practitioner, item.Location, item.Starts, at); err != nil {
			return c, err
		}
		var supplies []int
		plain := x.slot.plain()
		if plain && len(item.Quotas) > 0 {
			return c, ErrNotOffered
		}
		if !plain {
			if x.slot, x.load, err = s.look(ctx, tenant, item, at, false); err != nil {
				return c, err
			}
			if x.slot.group() {
				x.session = s.session(tenant, item.Service, item.Practitioner, x.slot.Starts.Unix())
			}
			counts, err := x.slot.counts(item.Quotas)
			if err != nil {
				return c, err
			}
			c.beside(x)
			if err := stands(x.slot.plan.Why(x.slot.Starts.Unix(), x.load, schedule.Query{Now: at}), counts); err != nil {
				return c, err
			}
			if supplies, err = s.assign(ctx, tenant, &c, x, at, crowded); err != nil {
				return c, err
			}
			c.rooms = c.rooms || len(supplies) > 0
		}
		if err := c.add(x, supplies, at); err != nil {
			return c, err
		}
		c.plain = append(c.plain, plain)
	}
	return c, nil
}

// beside adds to a candidate's load what the items chosen so far take.
func (c *choice) beside(x candidate) {
	s, load := x.slot, x.load
	for _, item := range c.items {
		joined := false
		for _, t := range item.Takes {
			busy := schedule.Busy{Interval: t.Busy, Location: item.Location, Kind: schedule.Hold}
			shared := t.Seats > 1 && t.Session == x.session
			joined = joined || shared
			if t.Resource == s.Resource && !shared {
				load.Busy = append(slices.Clip(load.Busy), busy)
			}
			for i := range load.Supplies {
				if s.plan.Supplies[i].Resource == t.Resource && !shared {
					load.Supplies[i] = append(slices.Clip(load.Supplies[i]), busy)
				}
			}
		}
		if joined {
			load.Sessions = join(load.Sessions, s.Starts.Unix())
		}
		for _, k := range item.Counts {
			i := slices.IndexFunc(s.plan.Quotas, func(q schedule.Quota) bool { return q.ID == k.Quota })
			if i >= 0 && i < len(load.Used) {
				load.Used[i] = use(load.Used[i], k.Period)
			}
		}
	}
}

// join counts one more in the session that begins at starts.
func join(all []schedule.Session, starts int64) []schedule.Session {
	all = slices.Clone(all)
	i, found := slices.BinarySearchFunc(all, starts, func(s schedule.Session, at int64) int { return int(s.Starts - at) })
	if !found {
		return slices.Insert(all, i, schedule.Session{Starts: starts, Taken: 1})
	}
	all[i].Taken++
	return all
}

// use counts one more in a period.
func use(all []schedule.Use, period schedule.Date) []schedule.Use {
	all = slices.Clone(all)
	i, found := slices.BinarySearchFunc(all, period, func(u schedule.Use, d schedule.Date) int { return int(u.Period - d) })
	if !found {
		return slices.Insert(all, i, schedule.Use{Period: period, N: 1})
	}
	all[i].N++
	return all
}

// assign chooses rooms and devices. A group that has begun stays where it is.
func (s *Service) assign(ctx context.Context, tenant id.Tenant, c *choice, x candidate, at time.Time, crowded bool) ([]int, error) {
	plan := x.slot.plan
	if len(plan.Needs) == 0 {
		return nil, nil
	}
	if x.slot.group() {
		rooms, err := s.roomsOf(ctx, tenant, x.session, x.slot.Busy, plan.Supplies)
		if err != nil {
			return nil, err
		}
		var begun []int
		for i := range plan.Supplies {
			if r := plan.Supplies[i].Resource; slices.Contains(rooms, r) || c.uses(x.session, r) {
				begun = append(begun, i)
			}
		}
		if len(begun) > 0 {
			return begun, nil
		}
	}
	if crowded {
		again := x
		var err error
		if again.slot, again.load, err = s.look(ctx, tenant, x.HoldItem, at, true); err != nil {
			return nil, err
		}
		if again.slot.offer.Version == x.slot.offer.Version {
			c.beside(again)
			x = again
		}
	}
	supplies, ok := plan.Assign(nil, x.slot.Starts.Unix(), x.load)
	if !ok {
		return nil, ErrSlotTaken
	}
	return supplies, nil
}

// uses reports whether an item chosen so far has taken the resource for the session.
func (c *choice) uses(session practice.Session, r id.Resource) bool {
	return slices.ContainsFunc(c.items, func(i heldItem) bool {
		return slices.ContainsFunc(i.Takes, func(t taking) bool { return t.Session == session && t.Resource == r })
	})
}

// add puts a candidate behind the items chosen so far.
func (c *choice) add(x candidate, supplies []int, at time.Time) error {
	s, load := x.slot, x.load
	held := heldItem{
		Booking: id.New[id.Booking](), Service: x.Service, Practitioner: x.Practitioner, Location: x.Location,
		Starts: s.Starts.Unix(), Ends: s.Ends.Unix(), Takes: s.takings(x.session, supplies),
	}
	seated := 0
	if i, ok := slices.BinarySearchFunc(load.Sessions, held.Starts, func(x schedule.Session, at int64) int { return int(x.Starts - at) }); ok && s.group() {
		seated = load.Sessions[i].Taken // those of this hold among them
	}
	dayStarts, dayEnds, patients := s.day(at)
	for i, t := range held.Takes {
		claim := t.claim(seated)
		for _, before := range c.claims {
			switch {
			case before.Resource != claim.Resource || before.Starts >= claim.Ends || claim.Starts >= before.Ends:
			case claim.Session != "" && before.Session == claim.Session:
				claim.Seat++
			default:
				claim.Capacity--
			}
		}
		if i == 0 {
			claim.DayStarts, claim.DayEnds, claim.DayCap = dayStarts.Unix(), dayEnds.Unix(), dayCap(patients)
		}
		if claim.Capacity < 1 {
			return ErrSlotTaken
		}
		c.claims = append(c.claims, claim)
	}
	for _, q := range x.Quotas {
		i := slices.IndexFunc(s.plan.Quotas, func(x schedule.Quota) bool { return x.ID == q })
		k := counting{Quota: q, Period: s.period(i), Max: s.plan.Quotas[i].Max}
		used := 0
		if u, ok := slices.BinarySearchFunc(load.Used[i], k.Period, func(u schedule.Use, d schedule.Date) int { return int(u.Period - d) }); ok {
			used = load.Used[i][u].N // those of this hold among them
		}
		claim := k.claim(used)
		for _, before := range c.claims {
			if before.Resource == claim.Resource && before.Starts == claim.Starts {
				claim.Ends++ // to be told apart
			}
		}
		held.Counts = append(held.Counts, k)
		c.claims = append(c.claims, claim)
	}
	c.items = append(c.items, held)
	return nil
}

// stillStands asks the database whether an item, held with what was chosen for
// it, can still be booked so, beside the items of the hold before it.
func (s *Service) stillStands(ctx context.Context, tenant id.Tenant, wanted HoldItem, item heldItem, before *choice, at time.Time) (err error) {
	x := candidate{HoldItem: wanted}
	if x.slot, x.load, err = s.look(ctx, tenant, wanted, at, false); err != nil {
		return err
	}
	if x.slot.group() {
		x.session = item.Takes[0].Session
	}
	counts, err := x.slot.counts(wanted.Quotas)
	if err != nil {
		return err
	}
	before.beside(x)
	plan := x.slot.plan.Plan
	if len(plan.Needs) > 0 {
		if x.slot.group() {
			if err := s.sameRooms(ctx, tenant, x, item); err != nil {
				return err
			}
		}
		if plan.Needs = item.needs(plan.Supplies); plan.Needs == nil {
			return ErrSlotTaken // of what was chosen something is gone
		}
	}
	return stands(plan.Why(x.slot.Starts.Unix(), x.load, schedule.Query{Now: at}), counts)
}

// sameRooms returns [ErrSlotTaken] where a group has begun meanwhile in other
// rooms than those of an item that was to begin it.
func (s *Service) sameRooms(ctx context.Context, tenant id.Tenant, x candidate, item heldItem) error {
	rooms, err := s.roomsOf(ctx, tenant, x.session, x.slot.Busy, x.slot.plan.Supplies)
	if err != nil {
		return err
	}
	for _, room := range rooms {
		if !slices.ContainsFunc(item.Takes, func(t taking) bool { return t.Resource == room }) {
			return ErrSlotTaken
		}
	}
	return nil
}

// needs are the item's rooms and devices as needs that nothing else fills; nil
// where one of them is not among the supplies any longer.
func (i heldItem) needs(supplies []schedule.Supply) []schedule.Need {
	all := make([]schedule.Need, 0, len(i.Takes))
	for _, t := range i.Takes[1:] {
		at := slices.IndexFunc(supplies, func(s schedule.Supply) bool { return s.Resource == t.Resource })
		if at < 0 {
			return nil
		}
		all = append(all, schedule.Need{Supplies: []int{at}})
	}
	return all
}

// look finds a slot and asks what is taken around it. With holds, those are
// taken too. at is the time by which lead and horizon are judged.
func (s *Service) look(ctx context.Context, tenant id.Tenant, h HoldItem, at time.Time, holds bool) (slot, *schedule.Load, error) {
	q := s.asked(tenant, practice.Query{Service: h.Service, Practitioner: h.Practitioner})
	if !holds {
		q.AlsoBusy = nil
	}
	offer, load, err := s.Practice.Around(ctx, tenant, q, h.Starts)
	if err != nil {
		return slot{}, nil, err
	}
	found, err := offered(offer, h.Service, h.Practitioner, h.Location, h.Starts, at)
	return found, load, err
}

// stands turns what the engine finds against a slot into a fault. quotas are
// those that the patient says the booking counts towards.
func stands(f schedule.Finding, quotas []int) error {
	switch f.Reason {
	case schedule.ReasonOffered:
		for _, a := range f.Class.Alternatives {
			if slices.Equal(a.Quotas, quotas) {
				return nil
			}
		}
		return ErrQuotaFull
	case schedule.ReasonBusy, schedule.ReasonHeld, schedule.ReasonImported, schedule.ReasonTravel, schedule.ReasonNeed, schedule.ReasonGroupFull:
		return ErrSlotTaken
	case schedule.ReasonQuota:
		return ErrQuotaFull
	default:
		return ErrNotOffered
	}
}

// takings are what an appointment in the slot takes: the practitioner first,
// then what else it needs, as assigned.
func (s slot) takings(session practice.Session, supplies []int) []taking {
	all := []taking{{Resource: s.Resource, Busy: s.Busy, Capacity: s.Capacity}}
	for _, i := range supplies {
		all = append(all, taking{Resource: s.plan.Supplies[i].Resource, Busy: s.Busy, Capacity: s.plan.Supplies[i].Capacity})
	}
	if s.group() {
		for i := range all {
			all[i].Session, all[i].Seats = session, s.plan.Service.Seats
		}
	}
	return all
}

// claim is a taking as Redis keeps it. taken is how many seats of a group are
// booked.
func (t taking) claim(taken int) redisdb.Claim {
	c := redisdb.Claim{
		Resource: t.Resource, Starts: t.Busy.Starts, Ends: t.Busy.Ends, Capacity: t.Capacity,
		DayStarts: t.Busy.Starts, DayEnds: t.Busy.Ends, DayCap: 1 << 30,
	}
	if t.Seats > 1 {
		c.Session, c.Seats = hex.EncodeToString(t.Session[:]), t.Seats-taken
	}
	return c
}

// claim is a quota as Redis keeps it: a resource that has as many units as are
// left of it, all of them at the first second of the period.
func (c counting) claim(used int) redisdb.Claim {
	at := int64(c.Period) * 24 * 60 * 60
	return redisdb.Claim{
		Resource: id.Resource(c.Quota), Starts: at, Ends: at + 1, Capacity: c.Max - used,
		DayStarts: at, DayEnds: at + 1, DayCap: 1 << 30,
	}
}

// roomsOf returns which of some resources a group session has taken already.
func (s *Service) roomsOf(ctx context.Context, tenant id.Tenant, session practice.Session, at schedule.Interval, among []schedule.Supply) (rooms []id.Resource, err error) {
	texts := make([]string, len(among))
	for i := range among {
		texts[i] = among[i].Resource.UUID()
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		rooms = nil
		b.Rows(`select distinct resource_id from occupation
			where tenant_id = $1 and resource_id = any($2::uuid[]) and starts = $3 and session = $4`,
			[]any{tenant.UUID(), texts, time.Unix(at.Starts, 0), [16]byte(session)},
			func(rows pgx.Rows) error {
				var room id.Resource
				err := rows.Scan(&room)
				rooms = append(rooms, room)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("find a session's rooms: %w", err)
	}
	return rooms, nil
}
