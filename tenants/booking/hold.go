package booking

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/practice"
)

// maxItems is how many slots one hold can take.
const maxItems = practice.MaxBooked

// HoldItem names one slot.
type HoldItem struct {
	Service      id.Service
	Practitioner id.Practitioner
	Location     id.Location
	Starts       time.Time
	// Quotas are those that the booking counts towards: of the alternative,
	// among those of the slot's condition, that the patient fits.
	Quotas []id.Quota
}

// HoldRequest names the slots to hold, all or none: one for an appointment,
// several for a chain, a series or a family.
type HoldRequest struct {
	// Token is 16 random bytes of the client's; who knows it owns the hold.
	Token []byte
	Items []HoldItem
	// Proof is needed where the visitor's network already holds much.
	Proof *Proof
}

// Hold is slots taken out of sale for a while. FHIR slot status busy-tentative.
type Hold struct {
	ID             id.Hold
	Items          []Held
	Expires        time.Time
	ExtensionsLeft int
}

// Held is one slot of a [Hold].
type Held struct {
	Booking      id.Booking
	Starts, Ends time.Time
}

// heldRecord is what Redis keeps of a hold, sealed, under the hash of its token.
type heldRecord struct {
	Hold  id.Hold    `json:"hold"`
	Items []heldItem `json:"items"`
	// Made is when the slots were held: lead and horizon are judged by it.
	Made       int64 `json:"made"`
	Extensions int   `json:"extensions"`
	// Request is the hash of the request that made the hold.
	Request []byte `json:"request"`
	// Pending names the pending booking that came of it, BookedBy the request
	// that made that.
	Pending  string `json:"pending,omitempty"`
	BookedBy []byte `json:"booked_by,omitempty"`
	Messages int    `json:"messages,omitempty"`
	// Message is the confirmation that goes to the patient.
	Message id.Message `json:"message,omitzero"`
}

// heldItem is one slot of a hold, with all that an appointment in it takes.
type heldItem struct {
	Booking      id.Booking      `json:"booking"`
	Service      id.Service      `json:"service"`
	Practitioner id.Practitioner `json:"practitioner"`
	Location     id.Location     `json:"location"`
	Starts       int64           `json:"starts"`
	Ends         int64           `json:"ends"`
	Takes        []taking        `json:"takes"`
	Counts       []counting      `json:"counts,omitempty"`
}

// first is the slot that messages speak of, and that stands for all.
func (h heldRecord) first() heldItem { return h.Items[0] }

const heldPurpose = "hold"

func heldKey(tenant id.Tenant, token []byte) string {
	h := sha256.Sum256(token)
	return key(tenant, "held", b64(h[:]))
}

func onceKey(tenant id.Tenant, route, k string) string { return key(tenant, "once", route, k) }

// Hold takes slots for [HoldTTL]. A retry with the same token gets the same
// hold. It returns [ErrNotOffered], [ErrSlotTaken], [ErrQuotaFull],
// [ErrTooManyHolds], [ErrDayFull], [ErrProofRequired], [ErrMismatch],
// [ErrClosed], or redisdb.ErrUnavailable.
func (s *Service) Hold(ctx context.Context, tenant id.Tenant, r HoldRequest, v Visitor, once Once) (Hold, error) {
	if len(r.Token) != 16 {
		return Hold{}, ErrMalformedToken
	}
	if len(r.Items) == 0 || len(r.Items) > maxItems {
		return Hold{}, ErrMalformedItems
	}
	if err := s.open(ctx, tenant); err != nil {
		return Hold{}, err
	}
	now := s.Now()
	proven, err := s.proven(ctx, tenant, WorkHold, v.network(), r.Proof)
	if err != nil {
		return Hold{}, err
	}
	name := heldKey(tenant, r.Token)
	for attempt := range attempts {
		// What else is held matters only to the choice of a room: whether the
		// slot itself is, Redis says.
		wanted, err := s.choose(ctx, tenant, r.Items, now, attempt > 0)
		if err != nil {
			return Hold{}, err
		}
		held := heldRecord{Hold: id.New[id.Hold](), Items: wanted.items, Made: now.Unix(), Request: once.Request}
		outcome, stands, death, err := s.Redis.Reserve(ctx, redisdb.Reservation{
			Tenant: tenant, ID: held.Hold.UUID(), Record: name, Value: s.seal(heldPurpose, name, held), TTL: HoldTTL,
			Claims: wanted.claims,
			Once:   onceKey(tenant, "hold", once.Key), OnceValue: b64(once.Request),
			Browser: key(tenant, "browser", b64(s.Redis.MAC("browser", v.Browser))), BrowserCap: holdsPerBrowser,
			Network:     key(tenant, "network", b64(s.Redis.MAC("network", v.network()))),
			NetworkFree: holdsPerNetworkFree, NetworkCap: holdsPerNetwork, Proven: proven,
		})
		switch {
		case err != nil:
			return Hold{}, err
		case outcome == redisdb.Held:
			err := s.lookAgain(ctx, tenant, r, held, wanted)
			if err == nil {
				s.Practice.Changed(tenant)
				return held.asHold(death), nil
			}
			s.drop(ctx, tenant, held, name)
			if wanted.rooms && errors.Is(err, ErrSlotTaken) && attempt < attempts-1 {
				continue // perhaps another room is free
			}
			return Hold{}, err
		case outcome == redisdb.Same:
			var own heldRecord
			if err := s.unseal(heldPurpose, name, stands, &own); err != nil {
				return Hold{}, err
			}
			if string(own.Request) != string(held.Request) {
				return Hold{}, ErrMismatch
			}
			return own.asHold(death), nil
		case outcome == redisdb.Taken && wanted.rooms && attempt < attempts-1:
			continue // perhaps another room is free
		default:
			return Hold{}, refusal(outcome)
		}
	}
	return Hold{}, ErrSlotTaken
}

// drop gives back what was held in vain. Even a visitor who has gone leaves no
// hold behind.
func (s *Service) drop(ctx context.Context, tenant id.Tenant, held heldRecord, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = s.Redis.Release(ctx, redisdb.Release{Tenant: tenant, ID: held.Hold.UUID(), Delete: []string{name}})
}

// attempts is how often a hold looks for another room that another hold, or an
// appointment, has crossed.
const attempts = 3

// refusal is why Redis did not take a reservation.
func refusal(o redisdb.Outcome) error {
	switch o {
	case redisdb.Taken:
		return ErrSlotTaken
	case redisdb.DayFull:
		return ErrDayFull
	case redisdb.NeedWork:
		return ErrProofRequired
	case redisdb.Mismatch:
		return ErrMismatch
	default:
		return ErrTooManyHolds
	}
}

// lookAgain is the second half of [Service.Hold]: held first, then looked. An
// appointment that was confirmed in between is seen here, one that comes later
// meets the hold. It returns [ErrSlotTaken], [ErrQuotaFull] or [ErrNotOffered].
func (s *Service) lookAgain(ctx context.Context, tenant id.Tenant, r HoldRequest, held heldRecord, wanted choice) error {
	var before choice
	for i, item := range held.Items {
		var err error
		if wanted.plain[i] {
			err = s.stillFree(ctx, tenant, item.Takes[0])
		} else {
			err = s.stillStands(ctx, tenant, r.Items[i], item, &before, time.Unix(held.Made, 0))
		}
		if err != nil {
			return err
		}
		before.items = append(before.items, item)
	}
	return nil
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
	s.Practice.Changed(tenant)
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
func (s *Service) stillFree(ctx context.Context, tenant id.Tenant, t taking) error {
	var free bool
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		// The same as in the commit, put so that it is planned and run in a moment.
		b.Row(`select count(distinct o.unit) < $5 from occupation o
			where o.unit <= $5 and `+overlaps,
			[]any{tenant.UUID(), t.Resource.UUID(), time.Unix(t.Busy.Starts, 0), time.Unix(t.Busy.Ends, 0), t.Capacity}, &free)
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
	hold := Hold{ID: h.Hold, Expires: death.UTC(), ExtensionsLeft: HoldExtensions - h.Extensions}
	for _, i := range h.Items {
		hold.Items = append(hold.Items, Held{i.Booking, time.Unix(i.Starts, 0).UTC(), time.Unix(i.Ends, 0).UTC()})
	}
	return hold
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

// seal writes a record in its own form, or else as JSON.
func (s *Service) seal(purpose, name string, record any) []byte {
	var plain []byte
	var err error
	if own, ok := record.(encoding.BinaryMarshaler); ok {
		plain, err = own.MarshalBinary()
	} else {
		plain, err = json.Marshal(record)
	}
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
	if own, ok := record.(encoding.BinaryUnmarshaler); ok {
		err = own.UnmarshalBinary(plain)
	} else {
		err = json.Unmarshal(plain, record)
	}
	if err != nil {
		return fmt.Errorf("%w: %s", errUnreadableRecord, purpose)
	}
	return nil
}
