package booking

import (
	"context"
	"errors"
	"time"

	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
	"siegel/tenants/practice"
)

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
	requested := false
	for i, h := range p.Hold.Items {
		found, err := offered(offer, h.Service, h.Practitioner, h.Location, time.Unix(h.Starts, 0), time.Unix(p.Hold.Made, 0))
		if err != nil {
			return Booking{}, err
		}
		slots[i] = found
		visits[i] = Visit{
			Status: StatusBooked, Appointment: id.New[id.Appointment](), Booking: h.Booking,
			Practitioner: h.Practitioner, Location: h.Location, Starts: found.Starts, Ends: found.Ends,
			CancelUntil: found.cancelUntil(), MoveUntil: found.moveUntil(),
			Copy: p.Forms[i].Copy,
		}
		if found.service.ByStaff {
			visits[i].Status, requested = StatusPending, true
		}
	}
	hours := 0
	if requested {
		var err error
		if hours, err = s.RequestHours(ctx, tenant); err != nil {
			return Booking{}, err
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
			deskChoice{}.occupy(b, tenant, slots[i], h, v.Appointment)
			inbox.AppendEnvelope(b, tenant, v.Appointment, v.Booking, p.Forms[i].Envelope)
			b.Exec(`insert into patient_copy (tenant_id, booking_id, appointment_id, ciphertext) values ($1, $2, $3, $4)`,
				tenant.UUID(), v.Booking.UUID(), v.Appointment.UUID(), v.Copy)
		}
		if requested {
			s.lapseLater(b, tenant, visits, hours)
		}
		if p.Waiting != nil {
			leave(b, `w.secret_hash = $2 and w.booking_id is null`, tenant.UUID(), p.Waiting)
		}
		if p.Channel == Mail {
			receipt := jobs.Message{ID: id.New[id.Message](), Tenant: tenant, Kind: "receipt_mail", Ref: visits[0].Booking.UUID(), TTL: receiptTTL}
			jobs.Add(b, receipt)
			s.Budget.AppendMail(b, tenant, receipt.ID, visits[0].Booking, receipt.Kind)
		}
		inbox.RaiseCounter(b, tenant)
	})
	if err := refused(err, p.Hold.first().Service, slots[0].Starts); err != nil {
		return Booking{}, err
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
	if len(quotas) == 0 {
		return
	}
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
