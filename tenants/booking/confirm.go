package booking

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/inbox"
	"siegel/tenants/practice"
)

// Status words are those of a FHIR Appointment.
const (
	// StatusPending waits: for the patient, or for staff to accept.
	StatusPending = "pending"
	StatusBooked  = "booked"
	// StatusCancelled is final.
	StatusCancelled = "cancelled"
)

// Booking is a booking as its patient sees it. The embedded visit is the
// first; one booking can have several, booked all or none.
type Booking struct {
	Visit
	// More are the other visits of a chain, a series or a family.
	More []Visit
	// Expires is when a booking that waits for its patient is given up.
	Expires time.Time
	// ByStaff says, before the patient confirms, that staff has the last word.
	ByStaff bool
}

// Visits are all visits of a booking.
func (b Booking) Visits() []Visit { return append([]Visit{b.Visit}, b.More...) }

// Visit is one appointment of a [Booking].
type Visit struct {
	Status string
	// Appointment is zero while the booking waits for its patient.
	Appointment  id.Appointment
	Booking      id.Booking
	Practitioner id.Practitioner
	Location     id.Location
	Starts, Ends time.Time
	// CancelUntil and MoveUntil are the last instants at which the patient can
	// cancel or move it.
	CancelUntil, MoveUntil time.Time
	// Copy is the patient's copy; only the secret opens it.
	Copy []byte
}

// WrongCode says that a code was wrong and how many tries are left.
type WrongCode struct{ TriesLeft int }

func (w *WrongCode) Error() string { return fmt.Sprintf("wrong code, %d tries left", w.TriesLeft) }

// Unwrap makes it the fault "wrong_code".
func (w *WrongCode) Unwrap() error { return errWrongCode }

var errWrongCode = fault.New(fault.Invalid, "wrong_code")

// Overtaken is [ErrSlotTaken] with what was wanted, so that something like it
// can be offered.
type Overtaken struct {
	Service id.Service
	Starts  time.Time
}

func (o *Overtaken) Error() string { return ErrSlotTaken.Error() }

// Unwrap makes it [ErrSlotTaken].
func (o *Overtaken) Unwrap() error { return ErrSlotTaken }

// Confirm makes a pending booking an appointment. Whoever calls it holds the
// booking's secret and the code that went to the patient's address. Repeating
// gives the same answer.
//
// It returns [ErrLinkExpired] for what is unknown, lost or expired, an
// [Overtaken] where another appointment has come first, [ErrNotOffered]
// where the practice has withdrawn the time, or a [WrongCode].
func (s *Service) Confirm(ctx context.Context, tenant id.Tenant, secret []byte, code string) (Booking, error) {
	hash, name, err := secretNames(tenant, secret)
	if err != nil {
		return Booking{}, err
	}
	sealed, readErr := s.Redis.Value(ctx, name)
	if sealed == nil {
		return s.confirmedBefore(ctx, tenant, secret, readErr)
	}
	var p pendingRecord
	if err := s.unseal(pendingPurpose, name, sealed, &p); err != nil {
		return Booking{}, err
	}
	if err := s.checkCode(ctx, tenant, hash, code, p); err != nil {
		return Booking{}, err
	}

	booked, err := s.commit(ctx, tenant, secret, p)
	if postgres.Violates(err, "appointment_secret_once") {
		return s.confirmedBefore(ctx, tenant, secret, nil) // another tab was faster
	}
	if errors.Is(err, ErrSlotTaken) || errors.Is(err, ErrNotOffered) || errors.Is(err, ErrQuotaFull) {
		s.forget(ctx, tenant, name, p, redisdb.Release{})
		return Booking{}, err
	}
	if err != nil {
		return Booking{}, err
	}
	// The record goes only now: whatever happens before, the patient can try
	// again, and whatever happens after, the appointment stands.
	s.forget(ctx, tenant, name, p, s.receipt(tenant, p, secret, booked.Status))
	s.Practice.Changed(tenant)
	if p.Channel == Mail {
		s.Wake()
	}
	return booked, nil
}

// commit writes the appointment with all that belongs to it, in one round trip
// that is one transaction.
func (s *Service) commit(ctx context.Context, tenant id.Tenant, secret []byte, p pendingRecord) (Booking, error) {
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return Booking{}, err
	}
	for range 3 {
		booked, err := s.commitAt(ctx, tenant, offer, secret, p)
		if !errors.Is(err, errStaleOffer) {
			return booked, err
		}
		if offer, err = s.Practice.Refresh(ctx, tenant, offer.Version+1); err != nil {
			return Booking{}, err
		}
	}
	return Booking{}, ErrBusy
}

func (s *Service) commitAt(ctx context.Context, tenant id.Tenant, offer *practice.Offer, secret []byte, p pendingRecord) (Booking, error) {
	slots := make([]slot, len(p.Hold.Items))
	visits := make([]Visit, len(slots))
	for i, h := range p.Hold.Items {
		found, err := offered(offer, h.Service, h.Practitioner, h.Location, time.Unix(h.Starts, 0), time.Unix(p.Hold.Made, 0))
		if err != nil {
			return Booking{}, err
		}
		slots[i] = found
		visits[i] = Visit{
			Status: StatusBooked, Appointment: id.New[id.Appointment](), Booking: h.Booking,
			Practitioner: h.Practitioner, Location: h.Location, Starts: found.Starts, Ends: found.Ends,
			CancelUntil: found.Starts.Add(-time.Duration(found.service.CancelMinutes) * time.Minute),
			MoveUntil:   found.Starts.Add(-time.Duration(found.service.MoveMinutes) * time.Minute),
			Copy:        p.Forms[i].Copy,
		}
		if found.service.ByStaff {
			visits[i].Status = StatusPending
		}
	}
	var set id.Appointment // of several: the first one's
	if len(visits) > 1 {
		set = visits[0].Appointment
	}
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		lock(b, tenant, p.Hold.Items)
		for i, v := range visits {
			h := p.Hold.Items[i]
			// No row where the offer has a newer version: the occupation then lacks
			// its appointment, and the transaction fails as a whole.
			b.Exec(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id,
					location_id, starts, ends, cancel_until, move_until, secret_hash, set_id, set_number)
				select $1, $2, $3, $12, 'online', $4, $5, $6, $7, $8, $9, $13, $10, $14, $15
				from practice where tenant_id = $1 and version = $11`,
				tenant.UUID(), v.Appointment.UUID(), v.Booking.UUID(), v.Practitioner.UUID(), slots[i].Resource.UUID(),
				v.Location.UUID(), v.Starts, v.Ends, v.CancelUntil, visitHash(secret, i), offer.Version, v.Status, v.MoveUntil,
				set, i)
			for k, t := range h.Takes {
				occupy(b, tenant, slots[i], t, k == 0, v.Appointment)
			}
			for _, c := range h.Counts {
				count(b, tenant, c, v.Appointment)
			}
			inbox.AppendEnvelope(b, tenant, v.Appointment, v.Booking, p.Forms[i].Envelope)
			b.Exec(`insert into patient_copy (tenant_id, booking_id, appointment_id, ciphertext) values ($1, $2, $3, $4)`,
				tenant.UUID(), v.Booking.UUID(), v.Appointment.UUID(), v.Copy)
		}
		if p.Channel == Mail {
			enqueue(b, tenant, "receipt_mail", visits[0].Booking.UUID(), receiptTTL)
		}
		inbox.RaiseCounter(b, tenant)
	})
	h := p.Hold.first()
	switch {
	case postgres.Violates(err, "occupation_appointment"):
		return Booking{}, errStaleOffer
	case postgres.Violates(err, "occupation_unit"), postgres.Violates(err, "occupation_seat"),
		postgres.Violates(err, "appointment_no_overlap"), postgres.Violates(err, "occupation_pk"):
		return Booking{}, &Overtaken{h.Service, slots[0].Starts}
	case postgres.Violates(err, "quota_use_number"), postgres.Violates(err, "quota_use_pk"), postgres.Violates(err, "quota_use_quota"):
		return Booking{}, ErrQuotaFull
	case postgres.Violates(err, "envelope_pk"):
		return Booking{}, ErrForeignEnvelope // an id that was used before
	case err != nil:
		return Booking{}, fmt.Errorf("commit a booking: %w", err)
	}
	return Booking{Visit: visits[0], More: visits[1:]}, nil
}

// lock takes one lock a resource and a quota, and everyone takes them in the
// order of ids: without it, fifty at once on one slot deadlock in the exclusion
// constraint. An edit of the offer takes the same locks.
func lock(b *postgres.Batch, tenant id.Tenant, items []heldItem) {
	if len(items) == 1 && len(items[0].Takes) == 1 && len(items[0].Counts) == 0 {
		b.Exec(`select from resource where tenant_id = $1 and id = $2 for no key update`,
			tenant.UUID(), items[0].Takes[0].Resource.UUID())
		return
	}
	var resources, quotas []string
	for _, i := range items {
		for _, t := range i.Takes {
			resources = append(resources, t.Resource.UUID())
		}
		for _, c := range i.Counts {
			quotas = append(quotas, c.Quota.UUID())
		}
	}
	b.Exec(`select from resource where tenant_id = $1 and id = any($2::uuid[]) order by id for no key update`, tenant.UUID(), resources)
	b.Exec(`select from quota where tenant_id = $1 and id = any($2::uuid[]) order by id for no key update`, tenant.UUID(), quotas)
}

// occupy takes the lowest free unit of a resource, or a seat beside the others
// of the session. Where none is free, appointment_no_overlap, occupation_unit
// or occupation_seat refuses. person says that it is the practitioner, who has
// ways between locations and calendars elsewhere.
func occupy(b *postgres.Batch, tenant id.Tenant, s slot, t taking, person bool, appointment id.Appointment) {
	starts, ends := time.Unix(t.Busy.Starts, 0), time.Unix(t.Busy.Ends, 0)
	capacity := t.Capacity
	if person {
		capacity = s.Capacity // as it is now
	}
	if person && s.plain() && capacity == 1 {
		b.Exec(`insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id) values ($1, $2, 1, $3, $4, $5)`,
			tenant.UUID(), t.Resource.UUID(), starts, ends, appointment.UUID())
		return
	}
	session, seats := [16]byte(t.Session), max(1, t.Seats)
	if t.Seats == 0 {
		session = appointment.Bytes() // nobody else's
	}
	var places []string
	var takes []int64
	if person {
		for _, w := range s.ways() {
			places, takes = append(places, w.to.UUID()), append(takes, int64(w.takes/time.Second))
		}
	}
	// The lowest free unit is the first, or comes right behind a taken one. Put
	// so that one plan is good for all capacities, and the server keeps it.
	b.Exec(`insert into occupation (tenant_id, resource_id, unit, session, seat, starts, ends, appointment_id)
		select $1, $2,
			case when exists (select from imported_busy o where `+overlaps+`) or exists (
				select from unnest($9::uuid[], $10::bigint[]) way (place, takes)
				join occupation o on o.tenant_id = $1 and o.resource_id = $2 and o.starts > $3::timestamptz - interval '2 days'
					and o.starts < $4::timestamptz + takes * interval '1 second' and o.ends > $3::timestamptz - takes * interval '1 second'
				join appointment a on a.tenant_id = o.tenant_id and a.id = o.appointment_id and a.location_id = way.place)
			then 0 else coalesce(
				(select min(o.unit) from occupation o where `+overlaps+` and o.session = $7),
				(select min(u) from (select 1 as u union all select o.unit + 1 from occupation o where `+overlaps+`) next
				 where u <= $5 and not exists (select from occupation o where o.unit = u and `+overlaps+`)), 0) end,
			$7,
			coalesce((select min(n) from (select 1 as n union all select o.seat + 1 from occupation o where `+overlaps+` and o.session = $7) next
				where n <= $8 and not exists (select from occupation o where o.seat = n and o.session = $7 and `+overlaps+`)), 0),
			$3, $4, $6`,
		tenant.UUID(), t.Resource.UUID(), starts, ends, capacity, appointment.UUID(), session, seats, places, takes)
}

// count takes the lowest free number of a quota, and 0 where none is left,
// which quota_use_number refuses.
func count(b *postgres.Batch, tenant id.Tenant, c counting, appointment id.Appointment) {
	b.Exec(`insert into quota_use (tenant_id, quota_id, period, number, appointment_id)
		select $1, $2, $3, coalesce((
			select min(n) from (select 1 as n union all
				select u.number + 1 from quota_use u where u.tenant_id = $1 and u.quota_id = $2 and u.period = $3) next
			where n <= $4 and not exists (
				select from quota_use u where u.tenant_id = $1 and u.quota_id = $2 and u.period = $3 and u.number = n)), 0), $5`,
		tenant.UUID(), c.Quota.UUID(), c.Period.String(), c.Max, appointment.UUID())
}

// visitHash is the hash by which the n-th visit of a booking is kept. The
// first is what the link's secret finds.
func visitHash(secret []byte, n int) []byte {
	if n > 0 {
		secret = append(bytes.Clone(secret), byte(n))
	}
	hash := sha256.Sum256(secret)
	return hash[:]
}

// confirmedBefore answers a confirmation whose pending record is gone: with
// the appointment, if there is one. Where Redis could not be asked, a missing
// appointment proves nothing.
func (s *Service) confirmedBefore(ctx context.Context, tenant id.Tenant, secret []byte, readErr error) (Booking, error) {
	booked, err := s.View(ctx, tenant, secret)
	if !errors.Is(err, ErrUnknownBooking) {
		return booked, err
	}
	if readErr != nil {
		return Booking{}, readErr
	}
	return Booking{}, ErrLinkExpired
}

// View finds a booking by its secret. It returns [ErrUnknownBooking].
func (s *Service) View(ctx context.Context, tenant id.Tenant, secret []byte) (Booking, error) {
	if len(secret) != 16 {
		return Booking{}, ErrMalformedSecret
	}
	const columns = `a.status, a.id, a.booking_id, a.practitioner_id, a.location_id, a.starts, a.ends,
		a.cancel_until, coalesce(a.move_until, a.cancel_until), c.ciphertext
		from appointment a left join patient_copy c on c.tenant_id = a.tenant_id and c.booking_id = a.booking_id`
	hash := visitHash(secret, 0)
	var found Booking
	var row *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = Booking{}
		row = b.Row(`select `+columns+` where a.tenant_id = $1 and a.secret_hash = $2`,
			[]any{tenant.UUID(), hash}, found.Visit.columns()...)
		b.Rows(`select `+columns+` where a.tenant_id = $1 and a.set_number > 0 and a.set_id =
				(select set_id from appointment where tenant_id = $1 and secret_hash = $2)
			order by a.set_number`,
			[]any{tenant.UUID(), hash}, func(rows pgx.Rows) error {
				var v Visit
				err := rows.Scan(v.columns()...)
				found.More = append(found.More, v)
				return err
			})
	})
	if err != nil {
		return Booking{}, fmt.Errorf("find a booking by its secret: %w", err)
	}
	if !row.OK {
		return Booking{}, ErrUnknownBooking
	}
	found.Visit = found.Visit.inUTC()
	for i := range found.More {
		found.More[i] = found.More[i].inUTC()
	}
	return found, nil
}

func (v *Visit) columns() []any {
	return []any{&v.Status, &v.Appointment, &v.Booking, &v.Practitioner, &v.Location, &v.Starts, &v.Ends,
		&v.CancelUntil, &v.MoveUntil, &v.Copy}
}

func (v Visit) inUTC() Visit {
	v.Starts, v.Ends, v.CancelUntil, v.MoveUntil = v.Starts.UTC(), v.Ends.UTC(), v.CancelUntil.UTC(), v.MoveUntil.UTC()
	return v
}

// Peek shows what a link would confirm, or has confirmed, and changes nothing.
func (s *Service) Peek(ctx context.Context, tenant id.Tenant, secret []byte) (Booking, error) {
	_, name, err := secretNames(tenant, secret)
	if err != nil {
		return Booking{}, err
	}
	sealed, death, readErr := s.Redis.Read(ctx, name)
	if sealed == nil {
		return s.confirmedBefore(ctx, tenant, secret, readErr)
	}
	var p pendingRecord
	if err := s.unseal(pendingPurpose, name, sealed, &p); err != nil {
		return Booking{}, err
	}
	visits := p.Hold.visits()
	for i := range visits {
		visits[i].Copy = p.Forms[i].Copy
	}
	pending := Booking{Visit: visits[0], More: visits[1:], Expires: death.UTC()}
	if offer, err := s.Practice.Offer(ctx, tenant); err == nil {
		for _, h := range p.Hold.Items {
			service, _ := offer.Service(h.Service)
			pending.ByStaff = pending.ByStaff || service.ByStaff
		}
	}
	return pending, nil
}

// checkCode compares a code. One of six digits can be tried [CodeTries] times;
// the last failure ends the pending booking.
func (s *Service) checkCode(ctx context.Context, tenant id.Tenant, hash, code string, p pendingRecord) error {
	right := hmac.Equal(s.codeHash(hash, code), p.CodeHash)
	if p.Channel == Mail {
		if !right {
			return ErrLinkExpired // an older link, or a made-up one
		}
		return nil
	}
	// Counted before it is said, so that tries at the same moment count too.
	left, ok, err := s.Redis.Take(ctx, triesKey(tenant, hash), CodeTries, PendingByCode)
	switch {
	case err != nil:
		return err
	case ok && right:
		return nil
	case ok && left > 0:
		return &WrongCode{TriesLeft: left}
	}
	s.forget(ctx, tenant, pendingKey(tenant, hash), p, redisdb.Release{})
	if ok {
		return &WrongCode{TriesLeft: 0}
	}
	return ErrLinkExpired
}

// forget removes a pending booking and its hold, with what r adds. A failure
// leaves both to their end of life.
func (s *Service) forget(ctx context.Context, tenant id.Tenant, name string, p pendingRecord, r redisdb.Release) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	r.Tenant, r.ID = tenant, p.Hold.Hold.UUID()
	// The counter of tries stays: who has read the record already goes on counting.
	r.Delete = []string{name, p.Held}
	_ = s.Redis.Release(ctx, r)
}

// secretNames returns the hash of a secret in text and the name of its pending record.
func secretNames(tenant id.Tenant, secret []byte) (hash, name string, err error) {
	if len(secret) != 16 {
		return "", "", ErrMalformedSecret
	}
	sum := sha256.Sum256(secret)
	hash = b64(sum[:])
	return hash, pendingKey(tenant, hash), nil
}
