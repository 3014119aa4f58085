package booking

import (
	"context"
	"fmt"
	"slices"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/inbox"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
)

var (
	// ErrHeld is returned where a patient is just booking the time: staff may
	// go on, and the patient is told that somebody was quicker.
	ErrHeld = fault.New(fault.Conflict, "slot_held")
	// ErrMalformedTime is returned for an appointment that ends before it
	// begins, lasts longer than twelve hours, or does not fall on full minutes.
	ErrMalformedTime = fault.New(fault.Invalid, "malformed_time")
	// ErrOverride is returned for a reason that is none of [Overrides].
	ErrOverride = fault.New(fault.Invalid, "unknown_override")
)

// Overrides are the reasons for which staff sets rules aside.
var Overrides = []string{"urgent", "agreed", "other"}

// Against says which rule, or what taken time, stands against a time that staff
// wants. It is [ErrNotOffered], [ErrSlotTaken], [ErrQuotaFull] or [ErrHeld].
type Against struct {
	Reason schedule.Reason
	err    error
}

func (a *Against) Error() string { return a.err.Error() + ": " + a.Reason.String() }

// Unwrap makes it the fault that patients would get.
func (a *Against) Unwrap() error { return a.err }

// DeskTime is a time that staff gives to a patient.
type DeskTime struct {
	Service      id.Service
	Practitioner id.Practitioner
	Location     id.Location
	Starts       time.Time
	// Ends is zero for as long as the service takes.
	Ends   time.Time
	Quotas []id.Quota
	// Override is the reason, of [Overrides], for which the rules are set aside;
	// empty obeys them. What is taken stays taken.
	Override string
	// Overflow books beyond the practitioner's capacity, on one of the units
	// that the owner allows for it.
	Overflow bool
	// OverHold goes on although a patient is just booking the time.
	OverHold bool
}

// DeskBooking is an appointment that staff makes. FHIR Appointment, booked.
type DeskBooking struct {
	DeskTime
	// Booking is made by the desk, since the card is bound to it.
	Booking id.Booking
	// Epoch and Card are the first card, see [inbox.Card].
	Epoch int
	Card  []byte
	// SecretHash and Copy give the patient a link; both or neither.
	SecretHash []byte
	Copy       []byte
	// Test makes it one of nobody: it takes its time, is counted nowhere, has no
	// link, and nothing is sent about it.
	Test bool
}

// BookAtDesk makes an appointment that counts at once, whose card the desk has
// written. Repeating it, by the booking's id, gives the same answer.
//
// It returns an [Against], an [Overtaken], inbox.ErrMalformedCard,
// [ErrMalformedTime], [ErrMalformedCopy], [ErrMalformedSecret], [ErrOverride]
// or [ErrMismatch] for the id of another booking.
func (s *Service) BookAtDesk(ctx context.Context, tenant id.Tenant, d DeskBooking) (id.Appointment, error) {
	if err := d.check(); err != nil {
		return id.Appointment{}, err
	}
	card := inbox.Card{Version: 1, Epoch: d.Epoch, Ciphertext: d.Card}
	if err := card.Check(); err != nil {
		return id.Appointment{}, err
	}
	secret := d.SecretHash
	if secret == nil {
		secret = random(32) // of no link
	}
	for range 3 {
		x, desk, found, err := s.atDesk(ctx, tenant, d.DeskTime, nil)
		if err != nil {
			if before, again := s.bookedAtDesk(ctx, tenant, d); again {
				return before, nil // it stands in its own way
			}
			return id.Appointment{}, err
		}
		x.Booking = d.Booking
		appointment := id.New[id.Appointment]()
		err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
			lock(b, tenant, []heldItem{x})
			b.Exec(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id,
					location_id, starts, ends, cancel_until, move_until, secret_hash, overridden, test)
				select $1, $2, $3, 'booked', 'staff', $4, $5, $6, $7, $8, $9, $10, $11, $12, $14
				from practice where tenant_id = $1 and version = $13`,
				tenant.UUID(), appointment.UUID(), d.Booking.UUID(), d.Practitioner.UUID(), found.Resource.UUID(), d.Location.UUID(),
				found.Starts, found.Ends, found.cancelUntil(), found.moveUntil(), secret, desk.override(), found.offer.Version,
				d.Test)
			desk.occupy(b, tenant, found, x, appointment)
			card.Appointment = appointment
			inbox.AppendCard(b, tenant, d.Booking, card)
			if d.Copy != nil {
				b.Exec(`insert into patient_copy (tenant_id, booking_id, appointment_id, ciphertext) values ($1, $2, $3, $4)`,
					tenant.UUID(), d.Booking.UUID(), appointment.UUID(), d.Copy)
			}
			inbox.RaiseCounter(b, tenant)
		})
		if postgres.Violates(err, "appointment_booking_once") || postgres.Violates(err, "card_pk") {
			if before, again := s.bookedAtDesk(ctx, tenant, d); again {
				return before, nil
			}
			return id.Appointment{}, ErrMismatch
		}
		err = refused(err, d.Service, found.Starts)
		if err == errStaleOffer { //nolint:errorlint // our own, just made
			if _, err := s.Practice.Refresh(ctx, tenant, found.offer.Version+1); err != nil {
				return id.Appointment{}, err
			}
			continue
		}
		if err != nil {
			return id.Appointment{}, err
		}
		s.changed(ctx, tenant)
		return appointment, nil
	}
	return id.Appointment{}, ErrBusy
}

// MoveAtDesk moves an appointment, whoever made it, to another time or
// practitioner, or makes it longer or shorter. The booking keeps its id, its
// card and its patient's link. It returns the new appointment, or the faults of
// [Service.BookAtDesk], [ErrUnknownBooking] or [ErrWrongStatus].
func (s *Service) MoveAtDesk(ctx context.Context, tenant id.Tenant, appointment id.Appointment, t DeskTime) (id.Appointment, error) {
	made, err := s.MoveSeveralAtDesk(ctx, tenant, []DeskMove{{appointment, t}})
	if err != nil {
		return id.Appointment{}, err
	}
	return made[0], nil
}

// DeskMove is an appointment and the time that it is to have.
type DeskMove struct {
	Appointment id.Appointment
	DeskTime
}

// MoveSeveralAtDesk moves appointments at once, all or none, such as the steps
// of a chain: they do not stand in each other's way. It returns
// [ErrMalformedItems] for none, too many, and one twice, and else the faults of
// [Service.MoveAtDesk].
func (s *Service) MoveSeveralAtDesk(ctx context.Context, tenant id.Tenant, moves []DeskMove) ([]id.Appointment, error) {
	if len(moves) == 0 || len(moves) > maxItems {
		return nil, ErrMalformedItems
	}
	old, made := make([]id.Appointment, len(moves)), make([]id.Appointment, len(moves))
	for i, m := range moves {
		if err := m.check(); err != nil {
			return nil, err
		}
		if slices.Contains(old[:i], m.Appointment) {
			return nil, ErrMalformedItems
		}
		old[i], made[i] = m.Appointment, id.New[id.Appointment]()
	}
	err := s.replace(ctx, tenant, old, func(all []standing) ([]replacement, error) {
		var own []taking
		for _, o := range all {
			if o.Status != StatusBooked && o.Status != StatusPending {
				return nil, ErrWrongStatus
			}
			own = append(own, o.Takes...)
		}
		next := make([]replacement, len(all))
		for i, m := range moves {
			x, desk, found, err := s.atDesk(ctx, tenant, m.DeskTime, own)
			if err != nil {
				return nil, err
			}
			next[i] = replacement{appointment: made[i], slot: found, item: x, desk: desk}
		}
		return next, nil
	})
	if err != nil {
		return nil, err
	}
	s.changed(ctx, tenant)
	return made, nil
}

func (t DeskTime) check() error {
	if t.Override != "" && !slices.Contains(Overrides, t.Override) {
		return ErrOverride
	}
	whole := t.Starts.Truncate(time.Minute).Equal(t.Starts) && t.Ends.Truncate(time.Minute).Equal(t.Ends)
	lasts := t.Ends.Sub(t.Starts)
	if !whole || !t.Ends.IsZero() && (lasts <= 0 || lasts > 12*time.Hour) {
		return ErrMalformedTime
	}
	return nil
}

func (d DeskBooking) check() error {
	if d.Booking.IsZero() {
		return id.ErrMalformed
	}
	if (d.SecretHash == nil) != (d.Copy == nil) || d.SecretHash != nil && (len(d.SecretHash) != 32 || d.Test) {
		return ErrMalformedSecret
	}
	if d.Copy != nil && seal.CheckCopy(d.Copy) != nil {
		return ErrMalformedCopy
	}
	return d.DeskTime.check()
}

// deskChoice is what staff decided about a time that patients cannot.
type deskChoice struct {
	reason   string // of the override; empty: none
	overflow bool
}

// override is null where the rules were obeyed.
func (d deskChoice) override() *string {
	if d.reason == "" {
		return nil
	}
	return &d.reason
}

// occupy takes what an item takes; see [occupy].
func (d deskChoice) occupy(b *postgres.Batch, tenant id.Tenant, s slot, x heldItem, appointment id.Appointment) {
	for k, t := range x.Takes {
		if k == 0 && d.overflow {
			overflow(b, tenant, t, appointment)
			continue
		}
		occupy(b, tenant, s, t, k == 0, appointment)
	}
	for _, c := range x.Counts {
		count(b, tenant, c, appointment)
	}
}

// overflow takes the lowest free unit beyond a resource's capacity, and 0 where
// none is left, which occupation_unit refuses.
func overflow(b *postgres.Batch, tenant id.Tenant, t taking, appointment id.Appointment) {
	b.Exec(`insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id)
		select $1, $2, coalesce((
			select min(u) from resource r, generate_series(r.capacity + 1, r.capacity + r.overflow) u
			where r.tenant_id = $1 and r.id = $2
			  and not exists (select from occupation o where o.unit = u and `+overlaps+`)), 0), $3, $4, $5`,
		tenant.UUID(), t.Resource.UUID(), time.Unix(t.Busy.Starts, 0), time.Unix(t.Busy.Ends, 0), appointment.UUID())
}

// atDesk looks at a time that staff wants: what an appointment there takes, and
// what stands against it. own is what the appointment takes that is to be
// moved, and does not stand in its own way.
func (s *Service) atDesk(ctx context.Context, tenant id.Tenant, t DeskTime, own []taking) (heldItem, deskChoice, slot, error) {
	fail := func(err error) (heldItem, deskChoice, slot, error) { return heldItem{}, deskChoice{}, slot{}, err }
	q := s.asked(tenant, practice.Query{Service: t.Service, Practitioner: t.Practitioner, Staff: true})
	offer, load, err := s.Practice.Around(ctx, tenant, q, t.Starts)
	if err != nil {
		return fail(err)
	}
	plan, err := offer.Plan(t.Service, t.Practitioner)
	if err != nil {
		return fail(ErrNotOffered.Because(err))
	}
	place, ok := offer.Location(t.Location)
	if !ok {
		return fail(ErrNotOffered)
	}
	without(load, plan, own)
	finding := plan.Why(t.Starts.Unix(), load, schedule.Query{Now: q.Now, Staff: true})
	desk := deskChoice{reason: t.Override}
	switch finding.Reason {
	case schedule.ReasonOffered:
		desk.reason = "" // nothing to set aside
	case schedule.ReasonHeld:
		if !t.OverHold {
			return fail(&Against{finding.Reason, ErrHeld})
		}
	case schedule.ReasonBusy, schedule.ReasonGroupFull:
		if !t.Overflow {
			return fail(&Against{finding.Reason, ErrSlotTaken})
		}
		desk.overflow = true
	case schedule.ReasonClockGap:
		return fail(&Against{finding.Reason, ErrNotOffered})
	case schedule.ReasonImported, schedule.ReasonTravel, schedule.ReasonNeed:
		return fail(&Against{finding.Reason, ErrSlotTaken})
	case schedule.ReasonQuota:
		if t.Override == "" {
			return fail(&Against{finding.Reason, ErrQuotaFull})
		}
	default:
		if t.Override == "" {
			return fail(&Against{finding.Reason, ErrNotOffered})
		}
		desk.overflow = t.Overflow
	}

	found := slot{
		Resource: plan.Resource, Capacity: plan.Capacity, Starts: t.Starts.UTC(), Ends: t.Starts.Add(plan.Service.Duration).UTC(),
		Busy: plan.Service.Occupies(t.Starts.Unix()), plan: plan, offer: offer,
		opening: &schedule.Opening{Location: t.Location}, // of no window
	}
	found.service, _ = offer.Service(t.Service)
	if found.Zone, err = time.LoadLocation(place.Zone); err != nil {
		return fail(fmt.Errorf("zone of a location: %w", err))
	}
	ruled := finding.Opening >= 0 && plan.Openings[finding.Opening].Location == t.Location
	switch {
	case ruled:
		found.opening = &plan.Openings[finding.Opening]
		if c := found.opening.Capacity; c > 0 {
			found.Capacity = min(c, found.Capacity)
		}
	case t.Override == "":
		return fail(&Against{schedule.ReasonNoWindow, ErrNotOffered})
	default:
		desk.reason = t.Override
	}
	if !t.Ends.IsZero() {
		found.Busy.Ends += t.Ends.Unix() - found.Ends.Unix()
		found.Ends = t.Ends.UTC()
	}

	var session practice.Session
	if found.group() && !desk.overflow {
		session = s.session(tenant, t.Service, t.Practitioner, found.Starts.Unix())
	}
	item := HoldItem{t.Service, t.Practitioner, t.Location, t.Starts, t.Quotas}
	supplies, err := s.assign(ctx, tenant, &choice{}, candidate{item, found, session, load}, q.Now, false)
	if err != nil && t.Override == "" {
		return fail(&Against{schedule.ReasonNeed, err})
	}
	x := heldItem{
		Service: t.Service, Practitioner: t.Practitioner, Location: t.Location,
		Starts: found.Starts.Unix(), Ends: found.Ends.Unix(), Takes: found.takings(session, supplies),
	}
	if desk.overflow && found.group() {
		for i := range x.Takes {
			x.Takes[i].Seats = 0 // beside the group, not in it
		}
	}
	if finding.Reason == schedule.ReasonOffered {
		counts, err := found.counts(t.Quotas)
		if err != nil {
			return fail(err)
		}
		for _, i := range counts {
			x.Counts = append(x.Counts, counting{Quota: plan.Quotas[i].ID, Period: found.period(i), Max: plan.Quotas[i].Max})
		}
	}
	return x, desk, found, nil
}

// without takes out of a load what an appointment takes itself.
func without(load *schedule.Load, plan *practice.Plan, own []taking) {
	for _, t := range own {
		mine := func(b schedule.Busy) bool { return b.Interval == t.Busy && b.Kind == schedule.Appointment }
		if t.Resource == plan.Resource {
			load.Busy = dropFirst(load.Busy, mine)
		}
		for i := range load.Supplies {
			if plan.Supplies[i].Resource == t.Resource {
				load.Supplies[i] = dropFirst(load.Supplies[i], mine)
			}
		}
	}
}

func dropFirst(all []schedule.Busy, which func(schedule.Busy) bool) []schedule.Busy {
	i := slices.IndexFunc(all, which)
	if i < 0 {
		return all
	}
	return slices.Delete(slices.Clone(all), i, i+1)
}

// bookedAtDesk finds what the same request has booked before.
func (s *Service) bookedAtDesk(ctx context.Context, tenant id.Tenant, d DeskBooking) (id.Appointment, bool) {
	var appointment id.Appointment
	var row *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		row = b.Row(`select id from appointment where tenant_id = $1 and booking_id = $2 and source = 'staff' and status = 'booked'
				and practitioner_id = $3 and location_id = $4 and starts = $5 and replaces_id is null`,
			[]any{tenant.UUID(), d.Booking.UUID(), d.Practitioner.UUID(), d.Location.UUID(), d.Starts}, &appointment)
	})
	return appointment, err == nil && row.OK
}

// cancelUntil is the last instant at which a patient can cancel.
func (s slot) cancelUntil() time.Time {
	return s.Starts.Add(-time.Duration(s.service.CancelMinutes) * time.Minute)
}

// moveUntil is the last instant at which a patient can move it.
func (s slot) moveUntil() time.Time {
	return s.Starts.Add(-time.Duration(s.service.MoveMinutes) * time.Minute)
}
