package booking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/shred"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

// The kinds of message of the waiting list.
const (
	// LookKind is the message that has the list looked through.
	LookKind = "waiting_look"
	// OfferMailKind and OfferSMSKind tell somebody of a time.
	OfferMailKind = "waiting_mail"
	OfferSMSKind  = "waiting_sms"
	// AskMailKind and AskSMSKind ask for the confirmation of a place.
	AskMailKind = "waiting_ask_mail"
	AskSMSKind  = "waiting_ask_sms"
)

const (
	// lookEvery is how often a list is looked through for times that came into
	// sale by themselves; what is freed is looked at when it is.
	lookEvery = 5 * time.Minute
	lookTTL   = time.Hour
)

// Offered is a time that was offered to somebody who waits.
type Offered struct {
	ID           id.Offer
	Service      id.Service
	Practitioner id.Practitioner
	Location     id.Location
	Starts, Ends time.Time // UTC
	Expires      time.Time
	// Free says that nobody has taken it yet.
	Free bool
	// Quotas are those that whoever waits uses up by booking it.
	Quotas []id.Quota
}

// PlaceState is how a place on the list stands.
type PlaceState struct {
	Booking id.Booking // zero: there is none yet
	Channel Channel
	Until   schedule.Date
	Wish    Wish
	// Offer is what is open to the holder now; nil: nothing.
	Offer *Offered
}

// State says how the place stands that a secret opens. It changes nothing and
// returns [ErrUnknownPlace].
func (w *Waiting) State(ctx context.Context, tenant id.Tenant, secret []byte) (PlaceState, error) {
	if len(secret) != 16 {
		return PlaceState{}, ErrMalformedSecret
	}
	all, err := w.places(ctx, tenant, `w.secret_hash = $2`, visitHash(secret, 0))
	if err != nil {
		return PlaceState{}, err
	}
	if len(all) == 0 {
		return PlaceState{}, ErrUnknownPlace
	}
	p := all[0]
	state := PlaceState{Booking: p.booking, Channel: p.channel, Until: p.until, Wish: p.Wish}
	o, found, err := w.offered(ctx, tenant, `o.waiting_id = $2 and o.state = 'open' and o.expires > now()`, p.id.UUID())
	if err != nil || !found {
		return state, err
	}
	state.Offer, err = w.complete(ctx, tenant, p, o)
	return state, err
}

// complete says of an offer whether it is still to be had, and at which terms.
func (w *Waiting) complete(ctx context.Context, tenant id.Tenant, p entry, o Offered) (*Offered, error) {
	o.Service = p.Wish.Service
	day := schedule.DateOf(o.Starts)
	list, err := w.Bookings.Find(ctx, tenant, practice.Query{Service: o.Service, Practitioner: o.Practitioner, From: day - 1, To: day + 2})
	if err != nil {
		if code := fault.From(err).Code; code == fault.Unavailable || code == fault.Internal {
			return nil, err
		}
		return &o, nil // the practice no longer offers it
	}
	for _, slot := range list.Slots {
		if slot.Starts == o.Starts.Unix() && list.Locations[slot.Location] == o.Location {
			if quotas, fits := p.Wish.fits(&list.Conditions[slot.Condition]); fits {
				o.Free, o.Quotas = true, quotas
			}
		}
	}
	return &o, nil
}

// offered reads one offer.
func (w *Waiting) offered(ctx context.Context, tenant id.Tenant, which, name string) (o Offered, found bool, err error) {
	var row *postgres.Found
	err = w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		row = b.Row(`select o.id, o.practitioner_id, o.location_id, o.starts, o.ends, o.expires from waiting_offer o
			where o.tenant_id = $1 and `+which+` order by o.made desc limit 1`,
			[]any{tenant.UUID(), name}, &o.ID, &o.Practitioner, &o.Location, &o.Starts, &o.Ends, &o.Expires)
	})
	if err != nil {
		return o, false, fmt.Errorf("read an offer: %w", err)
	}
	o.Starts, o.Ends, o.Expires = o.Starts.UTC(), o.Ends.UTC(), o.Expires.UTC()
	return o, row.OK, nil
}

// Decline turns down what is offered; the next in the order gets it. The place
// stays. Declining what is over is no error.
func (w *Waiting) Decline(ctx context.Context, tenant id.Tenant, secret []byte, offer id.Offer) error {
	if len(secret) != 16 {
		return ErrMalformedSecret
	}
	err := w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`update waiting_offer o set state = 'declined' from waiting w
			where o.tenant_id = $1 and o.id = $2 and o.state = 'open' and w.tenant_id = o.tenant_id and w.id = o.waiting_id and w.secret_hash = $3`,
			tenant.UUID(), offer.UUID(), visitHash(secret, 0))
		enqueue(b, tenant, LookKind, "waiting")
	})
	if err != nil {
		return fmt.Errorf("decline an offer: %w", err)
	}
	w.Bookings.Wake()
	return nil
}

// places reads places in the order of joining. Those whose key is gone are left
// out: their day is over.
func (w *Waiting) places(ctx context.Context, tenant id.Tenant, which string, args ...any) ([]entry, error) {
	var all []entry
	err := w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		all = nil
		b.Rows(`select w.id, w.booking_id, w.channel, w.language, w.last_day, w.sealed, a.starts, coalesce(a.status = 'booked' and
				coalesce(a.move_until, a.cancel_until) > now(), false)
			from waiting w left join appointment a on a.tenant_id = w.tenant_id and a.booking_id = w.booking_id
				and a.status not in ('cancelled', 'entered-in-error')
			where w.tenant_id = $1 and `+which+` order by w.joined, w.id`,
			append([]any{tenant.UUID()}, args...), func(rows pgx.Rows) error {
				var p entry
				var channel string
				var until time.Time
				var starts *time.Time
				if err := rows.Scan(&p.id, &p.booking, &channel, &p.language, &until, &p.sealed, &starts, &p.stands); err != nil {
					return err
				}
				p.channel, p.until = Channel(channel), schedule.DateOf(until)
				if starts != nil {
					p.starts = *starts
				}
				all = append(all, p)
				return nil
			})
	})
	if err != nil {
		return nil, fmt.Errorf("read the waiting list: %w", err)
	}
	kept := all[:0]
	for _, p := range all {
		plain, err := w.Keys.Open(ctx, p.sealed, bound(tenant, p.id))
		if errors.Is(err, shred.ErrShredded) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(plain, &p.waiter); err != nil {
			return nil, fmt.Errorf("read a place on the waiting list: %w", err)
		}
		kept = append(kept, p)
	}
	return kept, nil
}

// fits reports whether a slot's condition fits, as far as anybody but the
// patient's browser can know, and which quotas are used up then.
func (x Wish) fits(c *practice.Condition) ([]id.Quota, bool) {
	if c.ForEverybody() {
		return c.Alternatives[0].Quotas, true
	}
	name := c.JSON()
	for _, f := range x.Fits {
		if f.Condition == name {
			return f.Quotas, true
		}
	}
	return nil, false
}

// suits reports whether a time is one that somebody waits for.
func (p entry) suits(starts time.Time, zone *time.Location, now time.Time) bool {
	local := starts.In(zone)
	weekday := int(local.Weekday()+6)%7 + 1
	part := TimesOfDay[0]
	switch {
	case local.Hour() >= 17:
		part = TimesOfDay[2]
	case local.Hour() >= 12:
		part = TimesOfDay[1]
	}
	switch {
	case len(p.Wish.Weekdays) > 0 && !slices.Contains(p.Wish.Weekdays, weekday),
		len(p.Wish.Times) > 0 && !slices.Contains(p.Wish.Times, part),
		schedule.DateOf(local) > p.until,
		starts.Sub(now) <= time.Duration(p.Wish.Notice)*time.Minute,
		!p.booking.IsZero() && !starts.Before(p.starts):
		return false
	}
	return true
}

// Look offers what is free to those who wait for it, in the order of joining,
// and ends what is over. It is the handler of [LookKind] and, since times are
// freed then, of [Changed].
func (w *Waiting) Look(ctx context.Context, m jobs.Message) error {
	now := w.Bookings.Now()
	err := w.db.Batch(ctx, m.Tenant, func(b *postgres.Batch) {
		b.Exec(`update waiting_offer set state = 'ended' where tenant_id = $1 and state = 'open' and expires <= now()`, m.Tenant.UUID())
		leave(b, `(w.last_day < $2 or w.booking_id is not null and not exists (select from appointment a
			where a.tenant_id = w.tenant_id and a.booking_id = w.booking_id and a.status = 'booked' and a.starts > now()))`,
			m.Tenant.UUID(), schedule.DateOf(now.UTC()).String())
	})
	if err != nil {
		return fmt.Errorf("look through the waiting list: %w", err)
	}
	all, err := w.places(ctx, m.Tenant, `not exists (select from waiting_offer o
		where o.tenant_id = w.tenant_id and o.waiting_id = w.id and o.state = 'open')`)
	if err != nil {
		return err
	}
	settings, err := w.Settings(ctx, m.Tenant)
	if err != nil {
		return err
	}
	before, err := w.before(ctx, m.Tenant)
	if err != nil {
		return err
	}
	lists := map[[2]string]practice.SlotList{}
	for _, p := range all {
		if slices.Contains(settings.Off, p.Wish.Service) || !p.booking.IsZero() && !p.stands {
			continue
		}
		asked := [2]string{p.Wish.Service.UUID(), p.Wish.Practitioner.UUID()}
		list, known := lists[asked]
		if !known {
			from := schedule.DateOf(now.UTC())
			list, err = w.Bookings.Find(ctx, m.Tenant, practice.Query{Service: p.Wish.Service, Practitioner: p.Wish.Practitioner, From: from, To: from + practice.MaxDays})
			if code := fault.From(err).Code; err != nil && (code == fault.Unavailable || code == fault.Internal) {
				return err
			}
			lists[asked] = list // nothing where the practice no longer offers it
		}
		if err := w.offerOne(ctx, m.Tenant, p, list, settings, before, now); err != nil {
			return err
		}
	}
	return w.lookAgain(ctx, m.Tenant)
}

// given is what was offered: how often a time is open now, and what a place has
// had. It spares messages in vain; what is promised the insertion promises.
type given struct {
	open map[timeOf]int
	had  map[id.Place][]timeOf
}

type timeOf struct {
	practitioner id.Practitioner
	starts       int64
}

func (w *Waiting) before(ctx context.Context, tenant id.Tenant) (given, error) {
	g := given{map[timeOf]int{}, map[id.Place][]timeOf{}}
	err := w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		clear(g.open)
		clear(g.had)
		b.Rows(`select waiting_id, practitioner_id, starts, state = 'open' from waiting_offer where tenant_id = $1 and starts > now()`,
			[]any{tenant}, func(rows pgx.Rows) error {
				var p id.Place
				var t timeOf
				var starts time.Time
				var open bool
				if err := rows.Scan(&p, &t.practitioner, &starts, &open); err != nil {
					return err
				}
				t.starts = starts.Unix()
				if g.had[p] = append(g.had[p], t); open {
					g.open[t]++
				}
				return nil
			})
	})
	if err != nil {
		return g, fmt.Errorf("read offers: %w", err)
	}
	return g, nil
}

// lookAgain has the list looked through once more after a while, as long as
// anybody waits. That there is one such message and not several is the work of
// a name in Redis; without it there may be more, which does no harm.
func (w *Waiting) lookAgain(ctx context.Context, tenant id.Tenant) error {
	first, err := w.Bookings.Redis.Raw().SetNX(ctx, key(tenant, "waiting-look"), "", lookEvery-time.Second).Result()
	if err == nil && !first {
		return nil
	}
	err = w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into outbox (id, tenant_id, kind, ref, run_at, deadline)
			select $2, $1, $3, 'waiting', now() + make_interval(secs => $4), now() + make_interval(secs => $5)
			where exists (select from waiting where tenant_id = $1)`,
			tenant, id.New[id.Message](), LookKind, lookEvery.Seconds(), (lookEvery + lookTTL).Seconds())
	})
	if err != nil {
		return fmt.Errorf("plan the next look: %w", err)
	}
	return nil
}

// offerOne offers a place the earliest time that suits it and has not been
// offered to as many as may be at once.
func (w *Waiting) offerOne(ctx context.Context, tenant id.Tenant, p entry, list practice.SlotList, settings WaitingSettings, before given, now time.Time) error {
	offer, err := w.Bookings.Practice.Offer(ctx, tenant)
	if err != nil {
		return err
	}
	for i := range list.Slots {
		slot := &list.Slots[i]
		location, ok := offer.Location(list.Locations[slot.Location])
		if !ok {
			continue
		}
		zone, err := time.LoadLocation(location.Zone)
		if err != nil {
			return fmt.Errorf("zone of a location: %w", err)
		}
		starts := time.Unix(slot.Starts, 0).UTC()
		if _, fits := p.Wish.fits(&list.Conditions[slot.Condition]); !fits || !p.suits(starts, zone, now) {
			continue
		}
		this := timeOf{list.Practitioners[slot.Practitioner], slot.Starts}
		if before.open[this] >= settings.AtOnce || slices.Contains(before.had[p.id], this) {
			continue
		}
		made, err := w.make(ctx, tenant, p, Offered{
			Practitioner: this.practitioner, Location: location.ID, Starts: starts, Ends: time.Unix(slot.Ends, 0).UTC(),
			Expires: sooner(now.Add(time.Duration(settings.Minutes)*time.Minute), starts.Add(-time.Duration(p.Wish.Notice)*time.Minute)),
		}, settings.AtOnce, false)
		if made {
			before.open[this]++
		}
		if made || err != nil {
			return err
		}
	}
	return nil
}

func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// make makes an offer and queues its message, unless as many have one as may,
// or this place has had it before. A budget that is used up leaves this one out.
func (w *Waiting) make(ctx context.Context, tenant id.Tenant, p entry, o Offered, atOnce int, byHand bool) (bool, error) {
	o.ID = id.New[id.Offer]()
	message := id.New[id.Message]()
	var made *postgres.Found
	var one int
	err := w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		// Two who look at once count one after the other.
		b.Exec(`select pg_advisory_xact_lock(hashtextextended('waiting|' || $1::text, 0))`, tenant.UUID())
		made = b.Row(`insert into waiting_offer (tenant_id, id, waiting_id, practitioner_id, location_id, starts, ends, expires, by_hand)
			select w.tenant_id, $3, w.id, $4, $5, $6, $7, greatest($8, now()), $10 from waiting w
			where w.tenant_id = $1 and w.id = $2
			  and not exists (select from waiting_offer o where o.tenant_id = $1 and o.waiting_id = $2 and o.state = 'open')
			  and (select count(*) from waiting_offer o
				where o.tenant_id = $1 and o.practitioner_id = $4 and o.starts = $6 and o.state = 'open' and o.expires > now()) < $9
			on conflict on constraint waiting_offer_once do nothing returning 1`,
			[]any{tenant, p.id, o.ID, o.Practitioner, o.Location, o.Starts, o.Ends, o.Expires, atOnce, byHand}, &one)
		// Of an offer that was not made this finds nobody to send to.
		jobs.Add(b, jobs.Message{ID: message, Tenant: tenant, Kind: "waiting_" + string(p.channel), Ref: o.ID.UUID(), TTL: max(time.Minute, o.Expires.Sub(w.Bookings.Now()))})
		if p.channel == SMS {
			w.Bookings.Budget.AppendBudget(b, tenant, message, p.booking)
		}
		jobs.Add(b, jobs.Message{Tenant: tenant, Kind: LookKind, Ref: "waiting", At: o.Expires.Add(time.Second), TTL: lookTTL})
	})
	if err != nil {
		if code := fault.From(w.Bookings.Budget.BudgetError(err)).Code; code == fault.Limited {
			return false, nil
		}
		return false, fmt.Errorf("make an offer: %w", err)
	}
	if made.OK {
		w.Bookings.Wake()
	}
	return made.OK, nil
}

// OfferToSend is what the message behind ref says and where it goes. It returns
// [ErrAddressLapsed] for an offer that is over, and for a time that somebody has
// taken meanwhile.
func (w *Waiting) OfferToSend(ctx context.Context, tenant id.Tenant, ref string) (Outgoing, error) {
	all, err := w.places(ctx, tenant, `w.id = (select waiting_id from waiting_offer
		where tenant_id = $1 and id = $2 and state = 'open' and expires > now())`, ref)
	if err != nil {
		return Outgoing{}, err
	}
	if len(all) == 0 {
		return Outgoing{}, ErrAddressLapsed
	}
	p := all[0]
	o, found, err := w.offered(ctx, tenant, `o.id = $2`, ref)
	if err != nil {
		return Outgoing{}, err
	}
	if !found {
		return Outgoing{}, ErrAddressLapsed
	}
	now, err := w.complete(ctx, tenant, p, o)
	if err != nil {
		return Outgoing{}, err
	}
	if !now.Free {
		return Outgoing{}, ErrAddressLapsed
	}
	offer, err := w.Bookings.Practice.Offer(ctx, tenant)
	if err != nil {
		return Outgoing{}, err
	}
	where, ok := offer.Location(o.Location)
	if !ok {
		return Outgoing{}, ErrAddressLapsed
	}
	base, err := w.Bookings.PatientURL(ctx, tenant)
	if err != nil {
		return Outgoing{}, fmt.Errorf("address of the patient pages: %w", err)
	}
	page := "/waiting#"
	if !p.booking.IsZero() {
		page = "/booking#"
	}
	return Outgoing{
		BookingID: p.booking, Channel: string(p.channel), Address: p.Address, Language: p.language, Expires: o.Expires,
		ManageLink: base + page + b64(p.Secret),
		Stops:      []Stop{{Starts: o.Starts, Ends: o.Ends, Zone: where.Zone, Location: address(where)}},
	}, nil
}

// OfferSent has nothing to let go of: the place is kept for the next time.
func (w *Waiting) OfferSent(context.Context, id.Tenant, string) error { return nil }

// Queue is how many wait for one service.
type Queue struct {
	Service id.Service
	Waiting int
	// Offered is how many of them have an offer open.
	Offered int
}

// Queues counts who waits, by service.
func (w *Waiting) Queues(ctx context.Context, tenant id.Tenant) ([]Queue, error) {
	all, err := w.places(ctx, tenant, `true`)
	if err != nil {
		return nil, err
	}
	open := map[id.Place]bool{}
	err = w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		clear(open)
		b.Rows(`select waiting_id from waiting_offer where tenant_id = $1 and state = 'open' and expires > now()`, []any{tenant}, func(rows pgx.Rows) error {
			var p id.Place
			err := rows.Scan(&p)
			open[p] = true
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("count offers: %w", err)
	}
	var queues []Queue
	for _, p := range all {
		i := slices.IndexFunc(queues, func(q Queue) bool { return q.Service == p.Wish.Service })
		if i < 0 {
			i, queues = len(queues), append(queues, Queue{Service: p.Wish.Service})
		}
		queues[i].Waiting++
		if open[p.id] {
			queues[i].Offered++
		}
	}
	return queues, nil
}

// HandOffer is a time that the practice offers to those who wait.
type HandOffer struct {
	Service      id.Service
	Practitioner id.Practitioner
	Location     id.Location
	Starts       time.Time
	// Count is to how many, 1 to 10.
	Count int
}

// Offer offers a free time to the first who wait for it and have no offer open,
// and returns to how many. It returns [ErrNotOffered] or [ErrSlotTaken].
func (w *Waiting) Offer(ctx context.Context, tenant id.Tenant, h HandOffer) (int, error) {
	if h.Count < 1 || h.Count > 10 {
		return 0, ErrMalformedSettings
	}
	now := w.Bookings.Now()
	settings, err := w.Settings(ctx, tenant)
	if err != nil {
		return 0, err
	}
	day := schedule.DateOf(h.Starts.UTC())
	list, err := w.Bookings.Find(ctx, tenant, practice.Query{Service: h.Service, Practitioner: h.Practitioner, From: day - 1, To: day + 2})
	if err != nil {
		return 0, err
	}
	list.Slots = slices.DeleteFunc(slices.Clone(list.Slots), func(s practice.Slot) bool {
		return s.Starts != h.Starts.Unix() || list.Locations[s.Location] != h.Location
	})
	if len(list.Slots) == 0 {
		return 0, ErrSlotTaken
	}
	all, err := w.places(ctx, tenant, `true`)
	if err != nil {
		return 0, err
	}
	offer, err := w.Bookings.Practice.Offer(ctx, tenant)
	if err != nil {
		return 0, err
	}
	where, ok := offer.Location(h.Location)
	if !ok {
		return 0, ErrNotOffered
	}
	zone, err := time.LoadLocation(where.Zone)
	if err != nil {
		return 0, fmt.Errorf("zone of a location: %w", err)
	}
	slot, told := list.Slots[0], 0
	for _, p := range all {
		if told == h.Count {
			break
		}
		_, fits := p.Wish.fits(&list.Conditions[slot.Condition])
		if p.Wish.Service != h.Service || !p.Wish.Practitioner.IsZero() && p.Wish.Practitioner != h.Practitioner ||
			!p.booking.IsZero() && !p.stands || !fits || !p.suits(h.Starts, zone, now) {
			continue
		}
		made, err := w.make(ctx, tenant, p, Offered{
			Practitioner: h.Practitioner, Location: h.Location, Starts: h.Starts.UTC(), Ends: time.Unix(slot.Ends, 0).UTC(),
			Expires: sooner(now.Add(time.Duration(settings.Minutes)*time.Minute), h.Starts.Add(-time.Duration(p.Wish.Notice)*time.Minute)),
		}, 1<<20, true)
		if err != nil {
			return told, err
		}
		if made {
			told++
		}
	}
	return told, nil
}
