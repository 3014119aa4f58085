package practice

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/schedule"
)

// Affected is an appointment that lies outside of all hours. It stands until
// the practice moves or cancels it.
type Affected struct {
	Appointment  id.Appointment
	Booking      id.Booking
	Practitioner id.Practitioner
	Location     id.Location
	Starts, Ends time.Time
}

// ahead are the live appointments that are not over, and what they take up.
type ahead struct {
	appointments []Affected
	occupations  []occupation
}

// occupation is a unit of a resource that is taken, buffers included.
type occupation struct {
	appointment *Affected
	resource    id.Resource
	unit        int
	session     Session
	schedule.Interval
}

func (s *Service) ahead(ctx context.Context, tx bun.Tx, o *Offer) (*ahead, error) {
	var (
		now          = s.now().UTC()
		appointments []struct {
			ID             id.Appointment
			BookingID      id.Booking
			PractitionerID id.Practitioner
			LocationID     id.Location
			Starts, Ends   time.Time
		}
		occupations []struct {
			AppointmentID id.Appointment
			ResourceID    id.Resource
			Unit          int
			Session       uuid.UUID
			Starts, Ends  time.Time
		}
	)
	// The bounds on starts are for the indexes: nothing lasts longer than a day.
	err := tx.NewRaw(`
		select id, booking_id, practitioner_id, location_id, starts, ends
		  from appointment
		 where tenant_id = ?0 and starts > ?1::timestamptz - interval '1 day' and ends > ?1
		   and status in ('proposed', 'pending', 'booked', 'arrived', 'checked-in')
		 order by starts, id`, o.Tenant, now).Scan(ctx, &appointments)
	if err != nil {
		return nil, fmt.Errorf("find appointments ahead: %w", err)
	}
	resources := make([]string, len(o.Resources))
	for i := range o.Resources {
		resources[i] = o.Resources[i].ID.UUID()
	}
	err = tx.NewRaw(`
		select appointment_id, resource_id, unit, session, starts, ends
		  from occupation
		 where tenant_id = ?0 and resource_id in (?2) and starts > ?1::timestamptz - interval '1 day' and ends > ?1`,
		o.Tenant, now, bun.List(append(resources, id.Resource{}.UUID()))).Scan(ctx, &occupations)
	if err != nil {
		return nil, fmt.Errorf("find occupations ahead: %w", err)
	}
	a := &ahead{appointments: make([]Affected, len(appointments))}
	by := make(map[id.Appointment]*Affected, len(appointments))
	for i, r := range appointments {
		a.appointments[i] = Affected{r.ID, r.BookingID, r.PractitionerID, r.LocationID, r.Starts.UTC(), r.Ends.UTC()}
		by[r.ID] = &a.appointments[i]
	}
	for _, r := range occupations {
		if of := by[r.AppointmentID]; of != nil {
			a.occupations = append(a.occupations, occupation{of, r.ResourceID, r.Unit, Session(r.Session),
				schedule.Interval{Starts: r.Starts.Unix(), Ends: r.Ends.Unix()}})
		}
	}
	return a, nil
}

// bear refuses what the appointments ahead do not allow: that what they refer
// to goes, or bears less than they take. name is [Edit].Session.
func (a *ahead) bear(before, after *Offer, name func(id.Service, id.Practitioner, int64) Session) error {
	var mistakes Mistakes
	inUse := func(x *Affected, field string) {
		mistakes = append(mistakes, Mistake{"appointments", x.Appointment.String(), field, ErrInUse})
	}
	for i := range a.appointments {
		x := &a.appointments[i]
		_, was := before.Practitioner(x.Practitioner)
		if _, is := after.Practitioner(x.Practitioner); was && !is {
			inUse(x, "practitioner")
		}
		_, was = before.Location(x.Location)
		if _, is := after.Location(x.Location); was && !is {
			inUse(x, "location")
		}
	}
	for i := range a.occupations {
		if _, is := after.Resource(a.occupations[i].resource); !is {
			inUse(a.occupations[i].appointment, "resource")
		}
	}
	refuse := func(r Rule, field string, err *fault.Error) {
		kind, ref := r.name()
		mistakes = append(mistakes, Mistake{kind, ref, field, err})
	}
	for _, x := range after.Practitioners {
		if old, ok := before.Practitioner(x.ID); ok && old.Resource != x.Resource {
			refuse(x, "resource", ErrInvalidResource)
		}
	}
	for _, r := range after.Resources {
		if old, ok := before.Resource(r.ID); ok && r.Capacity < old.Capacity && a.peak(r.ID, nil) > r.Capacity {
			refuse(r, "capacity", ErrCapacityInUse)
		}
	}
	for _, x := range after.Services {
		old, ok := before.Service(x.ID)
		if ok && x.Seats < old.Seats && a.seated(before, old, name) > max(1, x.Seats) {
			refuse(x, "seats", ErrCapacityInUse)
		}
	}
	for _, x := range after.Openings {
		old, ok := before.Opening(x.ID)
		if ok && x.Capacity != 0 && (old.Capacity == 0 || x.Capacity < old.Capacity) && a.peakIn(after, x) > x.Capacity {
			refuse(x, "capacity", ErrCapacityInUse)
		}
	}
	if len(mistakes) > 0 {
		return mistakes
	}
	return nil
}

// seated returns how many patients at most share a session of a service.
func (a *ahead) seated(o *Offer, x HealthcareService, name func(id.Service, id.Practitioner, int64) Session) int {
	most, seats := 0, map[Session]int{}
	for i := range a.occupations {
		of := &a.occupations[i]
		p, _ := o.Practitioner(of.appointment.Practitioner)
		if p.Resource != of.resource || !slices.Contains(x.Practitioners, p.ID) ||
			name != nil && name(x.ID, p.ID, of.appointment.Starts.Unix()) != of.session {
			continue
		}
		seats[of.session]++
		most = max(most, seats[of.session])
	}
	return most
}

// peakIn returns how many appointments at most take the practitioner at once
// within an opening.
func (a *ahead) peakIn(o *Offer, x Opening) int {
	if len(a.appointments) == 0 || x.Practitioner.IsZero() {
		return 0
	}
	practitioner, _ := o.Practitioner(x.Practitioner)
	from, until := a.appointments[0].Starts, a.appointments[0].Ends
	for i := range a.appointments {
		if a.appointments[i].Ends.After(until) {
			until = a.appointments[i].Ends
		}
	}
	i := slices.IndexFunc(o.open[x.Practitioner], func(w window) bool { return w.ID == x.ID })
	hours := hoursOf(o.open[x.Practitioner][i], from, until)
	return a.peak(practitioner.Resource, func(of *Affected) bool {
		return of.Location == x.Location && overlaps(hours, span(of))
	})
}

// peak returns how many units of a resource are taken at once at most, by
// appointments that count.
func (a *ahead) peak(r id.Resource, counts func(*Affected) bool) int {
	type session struct {
		unit int
		name Session
	}
	type edge struct {
		at   int64
		step int
	}
	var (
		seen  = map[session]bool{}
		edges []edge
	)
	for i := range a.occupations {
		o := &a.occupations[i]
		key := session{o.unit, o.session}
		if o.resource != r || seen[key] || (counts != nil && !counts(o.appointment)) {
			continue // of a group's session, one stands for all
		}
		seen[key] = true
		edges = append(edges, edge{o.Starts, 1}, edge{o.Ends, -1})
	}
	slices.SortFunc(edges, func(x, y edge) int {
		if x.at != y.at {
			if x.at < y.at {
				return -1
			}
			return 1
		}
		return x.step - y.step // who leaves makes room first
	})
	taken, most := 0, 0
	for _, e := range edges {
		taken += e.step
		most = max(most, taken)
	}
	return most
}

// newlyOutside returns the appointments that an edit leaves outside: those that
// a window of their practitioner covered and none covers now, those that a
// closure or a holiday meets that none met, and those whose room or device
// cannot be used any longer.
func (a *ahead) newlyOutside(before, after *Offer) []Affected {
	outside := map[*Affected]bool{}
	for i := range a.appointments {
		x := &a.appointments[i]
		outside[x] = before.covers(x) && !after.covers(x) || !before.closedAt(x) && after.closedAt(x)
	}
	for i := range a.occupations {
		x := &a.occupations[i]
		if p, _ := after.Practitioner(x.appointment.Practitioner); p.Resource == x.resource {
			continue
		}
		was, is := before.supplies[x.resource], after.supplies[x.resource]
		if was != nil && is != nil && !overlaps(was().Shut, x.Interval) && overlaps(is().Shut, x.Interval) {
			outside[x.appointment] = true
		}
	}
	var all []Affected
	for i := range a.appointments {
		if outside[&a.appointments[i]] {
			all = append(all, a.appointments[i])
		}
	}
	return all
}

// covers reports whether a window that can be booked, if only by staff, covers
// the appointment and is open all the while.
func (o *Offer) covers(x *Affected) bool {
	for _, w := range o.open[x.Practitioner] {
		if w.WalkIn || w.Location != x.Location {
			continue
		}
		at := span(x)
		for _, open := range hoursOf(w, x.Starts, x.Ends) {
			if open.Starts <= at.Starts && at.Ends <= open.Ends {
				return true
			}
		}
	}
	return false
}

// closedAt reports whether a closure or a day off meets the appointment.
func (o *Offer) closedAt(x *Affected) bool {
	var (
		zone   = o.zone(x.Location)
		own, _ = o.Practitioner(x.Practitioner)
		at     = span(x)
		room   [4]schedule.Interval
	)
	for i := range o.Closures {
		c := &o.Closures[i]
		if c.concerns(x.Practitioner, own.Resource, x.Location) && overlaps(c.AppendIn(room[:0], zone), at) {
			return true
		}
	}
	first, last := schedule.DateOf(x.Starts.In(zone)), schedule.DateOf(x.Ends.In(zone))
	for i := range o.daysOff {
		d := &o.daysOff[i]
		if d.date >= first && d.date <= last && d.at(x.Location) && overlaps(schedule.WholeDay(d.date).AppendIn(room[:0], zone), at) {
			return true
		}
	}
	return false
}

// hoursOf returns when a window is open around two instants.
func hoursOf(w window, from, until time.Time) []schedule.Interval {
	// A window may begin on the day before and end on the day after.
	return schedule.OpenHours(nil, []schedule.Opening{w.Opening},
		schedule.DateOf(from.In(w.Zone))-1, schedule.DateOf(until.In(w.Zone))+1)
}

func span(x *Affected) schedule.Interval {
	return schedule.Interval{Starts: x.Starts.Unix(), Ends: x.Ends.Unix()}
}

func overlaps(all []schedule.Interval, one schedule.Interval) bool {
	for _, i := range all {
		if i.Starts < one.Ends && one.Starts < i.Ends {
			return true
		}
	}
	return false
}
