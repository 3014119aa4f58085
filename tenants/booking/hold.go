package booking

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/schedule"
)

// HoldRequest names the slot to hold.
type HoldRequest struct {
	// Token is 16 random bytes of the client's; who knows it owns the hold.
	Token        []byte
	Service      id.Service
	Practitioner id.Practitioner
	Location     id.Location
	Starts       time.Time
	// Proof is needed where the visitor's network already holds much.
	Proof *Proof
}

// Hold is a slot taken out of sale for a while. FHIR slot status busy-tentative.
type Hold struct {
	ID             id.Hold
	Booking        id.Booking
	Starts, Ends   time.Time
	Expires        time.Time
	ExtensionsLeft int
}

// heldRecord is what Redis keeps of a hold, sealed, under the hash of its token.
type heldRecord struct {
	Hold         id.Hold           `json:"hold"`
	Booking      id.Booking        `json:"booking"`
	Service      id.Service        `json:"service"`
	Practitioner id.Practitioner   `json:"practitioner"`
	Resource     id.Resource       `json:"resource"`
	Location     id.Location       `json:"location"`
	Starts       int64             `json:"starts"`
	Ends         int64             `json:"ends"`
	Busy         schedule.Interval `json:"busy"`
	// Made is when the slot was held: lead and horizon are judged by it.
	Made       int64 `json:"made"`
	Extensions int   `json:"extensions"`
	// Request is the hash of the request that made the hold.
	Request []byte `json:"request"`
	// Pending names the pending booking that came of it, BookedBy the request
	// that made that.
	Pending  string `json:"pending,omitempty"`
	BookedBy []byte `json:"booked_by,omitempty"`
	Messages int    `json:"messages,omitempty"`
}

const heldPurpose = "hold"

func heldKey(tenant id.Tenant, token []byte) string {
	h := sha256.Sum256(token)
	return key(tenant, "held", b64(h[:]))
}

func onceKey(tenant id.Tenant, route, k string) string { return key(tenant, "once", route, k) }

// Hold takes a slot for [HoldTTL]. A retry with the same token gets the same
// hold. It returns [ErrNotOffered], [ErrSlotTaken], [ErrTooManyHolds],
// [ErrDayFull], [ErrProofRequired], [ErrMismatch], [ErrClosed], or
// redisdb.ErrUnavailable.
func (s *Service) Hold(ctx context.Context, tenant id.Tenant, r HoldRequest, v Visitor, once Once) (Hold, error) {
	if len(r.Token) != 16 {
		return Hold{}, ErrMalformedToken
	}
	if err := s.open(ctx, tenant); err != nil {
		return Hold{}, err
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return Hold{}, err
	}
	now := s.Now()
	slot, err := offered(offer, r.Service, r.Practitioner, r.Location, r.Starts, now)
	if err != nil {
		return Hold{}, err
	}
	dayStarts, dayEnds, daySlots := slot.day(now)
	held := heldRecord{
		Hold: id.New[id.Hold](), Booking: id.New[id.Booking](),
		Service: r.Service, Practitioner: r.Practitioner, Resource: slot.Resource, Location: r.Location,
		Starts: slot.Starts.Unix(), Ends: slot.Ends.Unix(),
		Busy: slot.Busy, Made: now.Unix(), Request: once.Request,
	}
	proven, err := s.proven(ctx, tenant, "hold", v.network(), r.Proof)
	if err != nil {
		return Hold{}, err
	}
	name := heldKey(tenant, r.Token)
	outcome, stands, death, err := s.Redis.Reserve(ctx, redisdb.Reservation{
		Tenant: tenant, ID: held.Hold.UUID(), Record: name, Value: s.seal(heldPurpose, name, held), TTL: HoldTTL,
		Claims: []redisdb.Claim{{
			Resource: slot.Resource, Starts: held.Busy.Starts, Ends: held.Busy.Ends, Capacity: slot.Capacity,
			DayStarts: dayStarts.Unix(), DayEnds: dayEnds.Unix(), DayCap: dayCap(daySlots),
		}},
		Once: onceKey(tenant, "hold", once.Key), OnceValue: b64(once.Request),
		Browser: key(tenant, "browser", b64(s.Redis.MAC("browser", v.Browser))), BrowserCap: holdsPerBrowser,
		Network:     key(tenant, "network", b64(s.Redis.MAC("network", v.network()))),
		NetworkFree: holdsPerNetworkFree, NetworkCap: holdsPerNetwork, Proven: proven,
	})
	if err != nil {
		return Hold{}, err
	}
	switch outcome {
	case redisdb.Held:
	case redisdb.Same:
		var own heldRecord
		if err := s.unseal(heldPurpose, name, stands, &own); err != nil {
			return Hold{}, err
		}
		if string(own.Request) != string(held.Request) {
			return Hold{}, ErrMismatch
		}
		return own.asHold(death), nil
	case redisdb.Taken:
		return Hold{}, ErrSlotTaken
	case redisdb.DayFull:
		return Hold{}, ErrDayFull
	case redisdb.NeedWork:
		return Hold{}, ErrProofRequired
	case redisdb.Mismatch:
		return Hold{}, ErrMismatch
	default:
		return Hold{}, ErrTooManyHolds
	}
	// Held first, then looked: an appointment that was confirmed in between is
	// seen here, one that comes later meets the hold.
	if err := s.stillFree(ctx, tenant, held, slot.Capacity); err != nil {
		// Even a visitor who has gone leaves no hold behind.
		free, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.Redis.Release(free, redisdb.Release{Tenant: tenant, ID: held.Hold.UUID(), Delete: []string{name}})
		return Hold{}, err
	}
	return held.asHold(death), nil
}

// Extend gives a hold another [HoldTTL] from now, at most [HoldExtensions]
// times. It returns [ErrHoldExpired] or [ErrNoExtensionLeft].
func (s *Service) Extend(ctx context.Context, tenant id.Tenant, token []byte) (Hold, error) {
	name := heldKey(tenant, token)
	held, sealed, _, err := s.held(ctx, name)
	if err != nil {
		return Hold{}, err
	}
	if held.Extensions >= HoldExtensions || held.Pending != "" {
		return Hold{}, ErrNoExtensionLeft
	}
	held.Extensions++
	outcome, death, err := s.Redis.Advance(ctx, redisdb.Advance{
		Tenant: tenant, ID: held.Hold.UUID(), Record: name,
		Expected: sealed, Value: s.seal(heldPurpose, name, held), TTL: HoldTTL,
	})
	if err := advanced(outcome, err); err != nil {
		return Hold{}, err
	}
	return held.asHold(death), nil
}

// Release gives a hold back. Releasing what is gone is no error.
func (s *Service) Release(ctx context.Context, tenant id.Tenant, token []byte) error {
	name := heldKey(tenant, token)
	held, _, _, err := s.held(ctx, name)
	if errors.Is(err, ErrHoldExpired) {
		return nil
	}
	if err != nil {
		return err
	}
	gone := []string{name}
	if held.Pending != "" {
		gone = append(gone, pendingKey(tenant, held.Pending))
	}
	return s.Redis.Release(ctx, redisdb.Release{Tenant: tenant, ID: held.Hold.UUID(), Delete: gone})
}

// held reads the record under name. It returns [ErrHoldExpired] where there is none.
func (s *Service) held(ctx context.Context, name string) (held heldRecord, sealed []byte, death time.Time, err error) {
	sealed, death, err = s.Redis.Read(ctx, name)
	if err != nil {
		return held, nil, death, err
	}
	if sealed == nil {
		return held, nil, death, ErrHoldExpired
	}
	return held, sealed, death, s.unseal(heldPurpose, name, sealed, &held)
}

// stillFree asks the database whether a unit is free for the held time.
func (s *Service) stillFree(ctx context.Context, tenant id.Tenant, held heldRecord, capacity int) error {
	var free bool
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		// The same as in the commit, put so that it is planned and run in a moment.
		b.Row(`select count(distinct o.unit) < $5 from occupation o
			where o.unit <= $5 and `+overlaps,
			[]any{tenant.UUID(), held.Resource.UUID(), time.Unix(held.Busy.Starts, 0), time.Unix(held.Busy.Ends, 0), capacity}, &free)
	})
	if err != nil {
		return fmt.Errorf("look for a free unit: %w", err)
	}
	if !free {
		return ErrSlotTaken
	}
	return nil
}

// overlaps says of an occupation o that it overlaps [$3, $4) on resource $2 of
// tenant $1. The lower bound on starts keeps the index scan short: nothing
// lasts longer than a day.
const overlaps = `o.tenant_id = $1 and o.resource_id = $2
	and o.starts > $3::timestamptz - interval '1 day' and o.starts < $4::timestamptz and o.ends > $3::timestamptz`

// dayCap is how many of a day's slots may be unconfirmed at once: a thousand
// bots cannot empty a calendar.
func dayCap(slots int) int { return max(3, (slots*3+9)/10) }

func (h heldRecord) asHold(death time.Time) Hold {
	return Hold{
		ID: h.Hold, Booking: h.Booking,
		Starts: time.Unix(h.Starts, 0).UTC(), Ends: time.Unix(h.Ends, 0).UTC(),
		Expires: death.UTC(), ExtensionsLeft: HoldExtensions - h.Extensions,
	}
}

// advanced turns the outcome of a compare-and-set into a fault.
func advanced(o redisdb.Outcome, err error) error {
	switch {
	case err != nil:
		return err
	case o == redisdb.Advanced:
		return nil
	case o == redisdb.Gone:
		return ErrHoldExpired
	case o == redisdb.Mismatch:
		return ErrMismatch
	default:
		return ErrBusy
	}
}

// open refuses a practice whose keys are not ready to seal to.
func (s *Service) open(ctx context.Context, tenant id.Tenant) error {
	_, open, err := s.Keyring.Current(ctx, tenant)
	if err != nil {
		return err
	}
	if !open {
		return ErrClosed
	}
	return nil
}

func (s *Service) seal(purpose, name string, record any) []byte {
	plain, err := json.Marshal(record)
	if err != nil {
		panic(err) // our own types always marshal
	}
	return s.Redis.Seal(purpose, plain, name)
}

func (s *Service) unseal(purpose, name string, sealed []byte, record any) error {
	plain, err := s.Redis.Open(purpose, sealed, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, record); err != nil {
		return fmt.Errorf("%w: %s", errUnreadableRecord, purpose)
	}
	return nil
}
