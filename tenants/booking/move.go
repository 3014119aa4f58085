package booking

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/platform/seal"
	"siegel/tenants/inbox"
)

// ErrMoveByStaff is returned for a service whose requests staff accepts: moving
// one is another request, and until it is accepted the old one has to stand.
var ErrMoveByStaff = fault.New(fault.Conflict, "move_by_staff")

// MoveRequest moves one visit of a booking, or several, into slots that its
// patient holds.
type MoveRequest struct {
	// Secret is that of the booking's link.
	Secret []byte
	// Booking names one visit of several; zero is the first.
	Booking id.Booking
	// Hold and Token are those of the new slot's hold.
	Hold  id.Hold
	Token []byte
	// Copy is the patient's copy for the new slot.
	Copy []byte
	// Items are, instead of Booking and Copy, several visits that move together:
	// one for each slot of the hold, in its order.
	Items []MoveItem
}

// MoveItem is one of several visits that move together.
type MoveItem struct {
	Booking id.Booking
	Copy    []byte
}

// items are the visits that are to move, listed or the one that is not.
func (r MoveRequest) items() ([]MoveItem, error) {
	items := r.Items
	if items == nil {
		items = []MoveItem{{r.Booking, r.Copy}}
	}
	for i, item := range items {
		if seal.CheckCopy(item.Copy) != nil {
			return nil, ErrMalformedCopy
		}
		if slices.ContainsFunc(items[:i], func(x MoveItem) bool { return x.Booking == item.Booking }) {
			return nil, ErrMalformedItems
		}
	}
	if len(items) == 0 || len(items) > maxItems {
		return nil, ErrMalformedItems
	}
	return items, nil
}

// moved is the id of the n-th appointment that a hold becomes by moving: of the
// hold, so that whoever asks again is known.
func (r MoveRequest) moved(n int) id.Appointment {
	if n == 0 {
		return id.Appointment(r.Hold)
	}
	hash := sha256.Sum256(append([]byte(r.Hold.UUID()), byte(n)))
	hash[6], hash[8] = hash[6]&0x0f|0x80, hash[8]&0x3f|0x80 // version 8 (RFC 9562): made by hashing
	var next id.Appointment
	if err := next.Scan(hash[:16]); err != nil {
		panic(err) // sixteen bytes are a uuid
	}
	return next
}

// Move cancels the old appointments and books the new ones (ISiK replaces), all
// or none: the bookings keep their ids, their link and what the patient sealed.
// Repeating gives the same answer.
//
// It returns [ErrUnknownBooking], [ErrHoldExpired], [ErrTooLate],
// [ErrWrongStatus], [ErrMoveByStaff], [ErrMalformedItems] for a hold of another
// number of slots, an [Overtaken], [ErrNotOffered] or [ErrQuotaFull].
func (s *Service) Move(ctx context.Context, tenant id.Tenant, r MoveRequest) (Booking, error) {
	if len(r.Token) != 16 {
		return Booking{}, ErrMalformedToken
	}
	items, err := r.items()
	if err != nil {
		return Booking{}, err
	}
	before, err := s.View(ctx, tenant, r.Secret)
	if err != nil {
		return Booking{}, err
	}
	visits := before.Visits()
	old := make([]id.Appointment, len(items))
	for i, item := range items {
		n := slices.IndexFunc(visits, func(v Visit) bool { return v.Booking == item.Booking })
		if item.Booking.IsZero() {
			n = 0
		}
		if n < 0 {
			return Booking{}, ErrUnknownBooking
		}
		if old[i] = visits[n].Appointment; old[i] == r.moved(i) {
			return before, nil // all of it, before
		}
		if slices.Contains(old[:i], old[i]) {
			return Booking{}, ErrMalformedItems
		}
	}
	name := heldKey(tenant, r.Token)
	held, _, _, err := s.held(ctx, name)
	if err != nil {
		return Booking{}, err
	}
	if held.Hold != r.Hold || held.Pending != "" {
		return Booking{}, ErrHoldExpired
	}
	if len(held.Items) != len(items) {
		return Booking{}, ErrMalformedItems
	}
	err = s.replace(ctx, tenant, old, func(all []standing) ([]replacement, error) {
		offer, err := s.Practice.Offer(ctx, tenant)
		if err != nil {
			return nil, err
		}
		next := make([]replacement, len(all))
		for i, o := range all {
			item := held.Items[i]
			found, err := offered(offer, item.Service, item.Practitioner, item.Location, time.Unix(item.Starts, 0), time.Unix(held.Made, 0))
			switch {
			case err != nil:
				return nil, err
			case found.service.ByStaff:
				return nil, ErrMoveByStaff
			case o.Status != StatusBooked:
				return nil, ErrWrongStatus
			case !o.Movable:
				return nil, ErrTooLate
			}
			next[i] = replacement{appointment: r.moved(i), slot: found, item: item, copy: items[i].Copy, byPatient: true}
		}
		return next, nil
	})
	if errors.Is(err, ErrSlotTaken) || errors.Is(err, ErrNotOffered) || errors.Is(err, ErrQuotaFull) {
		_ = s.Redis.Release(context.WithoutCancel(ctx), redisdb.Release{Tenant: tenant, ID: held.Hold.UUID(), Delete: []string{name}})
		return Booking{}, err
	}
	if err != nil {
		return Booking{}, err
	}
	_ = s.Redis.Release(context.WithoutCancel(ctx), redisdb.Release{Tenant: tenant, ID: held.Hold.UUID(), Delete: []string{name}})
	s.changed(ctx, tenant)
	return s.View(ctx, tenant, r.Secret)
}

// standing is an appointment as it stands before it is replaced.
type standing struct {
	Appointment id.Appointment
	Booking     id.Booking
	Status      string
	Source      string
	Starts      time.Time
	First       *time.Time // see appointment.first_starts
	Movable     bool       // by its patient, by the database's clock
	Secret      []byte     // hash by which the link finds it
	Set         id.Appointment
	SetNumber   int
	Takes       []taking // without their capacities
}

// standing reads an appointment. It returns [ErrUnknownBooking].
func (s *Service) standing(ctx context.Context, tenant id.Tenant, appointment id.Appointment) (standing, error) {
	o := standing{Appointment: appointment}
	var row *postgres.Found
	args := []any{tenant.UUID(), appointment.UUID()}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		o.Takes = nil
		row = b.Row(`select booking_id, status, source, starts, first_starts, coalesce(move_until, cancel_until) > now(),
				secret_hash, set_id, set_number
			from appointment where tenant_id = $1 and id = $2`, args,
			&o.Booking, &o.Status, &o.Source, &o.Starts, &o.First, &o.Movable, &o.Secret, &o.Set, &o.SetNumber)
		b.Rows(`select o.resource_id, o.starts, o.ends from appointment a, resource r, occupation o
			where a.tenant_id = $1 and a.id = $2 and `+ofAppointment+` order by o.resource_id`, args,
			func(rows pgx.Rows) error {
				var t taking
				var starts, ends time.Time
				err := rows.Scan(&t.Resource, &starts, &ends)
				t.Busy.Starts, t.Busy.Ends = starts.Unix(), ends.Unix()
				o.Takes = append(o.Takes, t)
				return err
			})
	})
	if err != nil {
		return o, fmt.Errorf("read an appointment: %w", err)
	}
	if !row.OK {
		return o, ErrUnknownBooking
	}
	return o, nil
}

// replacement is what an appointment is to be replaced by.
type replacement struct {
	appointment id.Appointment
	slot        slot
	item        heldItem
	copy        []byte // nil keeps the patient's copy
	byPatient   bool   // within the time to move
	status      string // empty keeps the old one's
	desk        deskChoice
}

// replace cancels appointments and books others in their places, all or none.
// next decides what comes in their places, and is asked again where the offer
// or an appointment has changed meanwhile.
func (s *Service) replace(ctx context.Context, tenant id.Tenant, old []id.Appointment, next func([]standing) ([]replacement, error)) error {
	for range 3 {
		all := make([]standing, len(old))
		for i := range old {
			var err error
			if all[i], err = s.standing(ctx, tenant, old[i]); err != nil {
				return err
			}
		}
		r, err := next(all)
		if err != nil {
			return err
		}
		err = s.replaceAt(ctx, tenant, all, r)
		if !errors.Is(err, errStaleOffer) {
			return err
		}
		if _, err := s.Practice.Refresh(ctx, tenant, r[0].slot.offer.Version+1); err != nil {
			return err
		}
	}
	return ErrBusy
}

func (s *Service) replaceAt(ctx context.Context, tenant id.Tenant, old []standing, next []replacement) error {
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		var locked []heldItem
		for i := range old {
			locked = append(locked, next[i].item, heldItem{Takes: old[i].Takes})
		}
		lock(b, tenant, locked)
		var ended []string
		for i, o := range old {
			b.Exec(`update appointment set status = 'cancelled', cancelled_by = 'moved', secret_hash = $3, set_id = null, set_number = 0
				where tenant_id = $1 and id = $2 and secret_hash = $4 and status = $5
				  and (not $6 or coalesce(move_until, cancel_until) > now())`,
				tenant.UUID(), o.Appointment.UUID(), o.gone(next[i]), o.Secret, o.Status, next[i].byPatient)
			ended = append(ended, o.Appointment.UUID())
		}
		free(b, tenant, ended)
		for i, o := range old {
			s.succeed(b, tenant, o, next[i])
		}
		inbox.RaiseCounter(b, tenant)
	})
	return refused(err, next[0].item.Service, next[0].slot.Starts)
}

// gone is the hash that an appointment has instead of its own once it was
// replaced: nobody's link finds it any more.
func (o standing) gone(r replacement) []byte {
	hash := sha256.Sum256(append(slices.Clip(o.Secret), r.appointment.UUID()...))
	return hash[:]
}

// succeed adds to a batch that an appointment takes the place of another that
// has just ended.
func (s *Service) succeed(b *postgres.Batch, tenant id.Tenant, o standing, r replacement) {
	first := o.Starts
	if o.First != nil {
		first = *o.First
	}
	x := r.item
	// No row where the offer is newer or the old one has changed: the
	// occupation then lacks its appointment, and all of it fails.
	b.Exec(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id,
			starts, ends, cancel_until, move_until, secret_hash, set_id, set_number, replaces_id, first_starts, overridden, sequence, test)
		select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, o.id, $16, $17, o.sequence + 1, o.test
		from practice p, appointment o
		where p.tenant_id = $1 and p.version = $18 and o.tenant_id = $1 and o.id = $19 and o.secret_hash = $20`,
		tenant.UUID(), r.appointment.UUID(), o.Booking.UUID(), cmp.Or(r.status, o.Status), o.Source, x.Practitioner.UUID(), r.slot.Resource.UUID(),
		x.Location.UUID(), r.slot.Starts, r.slot.Ends, r.slot.cancelUntil(), r.slot.moveUntil(), o.Secret, o.Set, o.SetNumber,
		first, r.desk.override(), r.slot.offer.Version, o.Appointment.UUID(), o.gone(r))
	r.desk.occupy(b, tenant, r.slot, x, r.appointment)
	for _, table := range []string{"envelope", "card", "patient_copy"} {
		b.Exec(`update `+table+` set appointment_id = $3 where tenant_id = $1 and booking_id = $2`,
			tenant.UUID(), o.Booking.UUID(), r.appointment.UUID())
	}
	if r.copy != nil {
		b.Exec(`update patient_copy set ciphertext = $3 where tenant_id = $1 and booking_id = $2`, tenant.UUID(), o.Booking.UUID(), r.copy)
	}
	if r.byPatient && r.slot.Starts.Before(o.Starts) {
		// Who has an earlier time waits for none.
		leave(b, `w.booking_id = $2`, tenant.UUID(), o.Booking.UUID())
	}
	happened(b, tenant, o.Booking)
}

// refused says what a violated constraint means to whoever books.
func refused(err error, service id.Service, starts time.Time) error {
	switch {
	case err == nil:
		return nil
	case postgres.Violates(err, "occupation_appointment"):
		return errStaleOffer
	case postgres.Violates(err, "occupation_unit"), postgres.Violates(err, "occupation_seat"),
		postgres.Violates(err, "appointment_no_overlap"), postgres.Violates(err, "occupation_pk"):
		return &Overtaken{service, starts}
	case postgres.Violates(err, "quota_use_number"), postgres.Violates(err, "quota_use_pk"), postgres.Violates(err, "quota_use_quota"):
		return ErrQuotaFull
	case postgres.Violates(err, "envelope_pk"):
		return ErrForeignEnvelope // an id that was used before
	default:
		return fmt.Errorf("commit a booking: %w", err)
	}
}
