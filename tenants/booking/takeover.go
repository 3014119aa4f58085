package booking

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
	"siegel/tenants/practice"
)

const (
	// MaxTakeoverRows is how many rows are taken over at once, and
	// MaxTakeoverTry how many are looked at.
	MaxTakeoverRows = 50
	MaxTakeoverTry  = 1000

	takeoverHorizon = 5 * 366 * 24 * time.Hour

	// How browsers pad what a practice keeps of its own, in octets.
	recordStep, recordMost = 1024, 32 * 1024
	sealOverhead           = 12 + 16
)

var (
	// ErrNoTakeover is returned where no takeover is under way: none was begun,
	// or the practice has switched over.
	ErrNoTakeover = fault.New(fault.Conflict, "no_takeover")
	// ErrTakeoverChanged is returned where somebody else has begun or changed
	// the takeover since it was read.
	ErrTakeoverChanged = fault.New(fault.Conflict, "takeover_changed")
	// ErrMalformedTakeover is returned for a row that no practice could have:
	// without source or length, of more than twelve hours, twice the same, or
	// more rows than [MaxTakeoverRows].
	ErrMalformedTakeover = fault.New(fault.Invalid, "malformed_takeover")
)

// Takeover is what a practice brings along from the calendar that it had
// before. It can be repeated until the switch-over: what was taken over stays
// known by its source, which only the practice can tell from its rows.
type Takeover struct {
	// Version counts the changes of what is sealed; zero: none is under way.
	Version int
	Epoch   int
	// Sealed is how the practice reads the columns, and the secret of its
	// sources, under the book key.
	Sealed []byte
	Begun  time.Time // UTC
	Runs   []TakeoverRun
}

// TakeoverRun is what was taken over at once.
type TakeoverRun struct {
	Run   id.Run
	Made  time.Time // UTC
	Taken int
}

// TakeoverRow is one appointment of the calendar before.
type TakeoverRow struct {
	// Source is 32 octets by which the practice knows the row again.
	Source       []byte
	Booking      id.Booking
	Practitioner id.Practitioner
	Location     id.Location
	// Resources are the rooms and devices that it takes beside the practitioner.
	Resources    []id.Resource
	Starts, Ends time.Time
	// Overflow books beyond the practitioner's capacity where that is used up.
	Overflow bool
	// Test makes it one of nobody, see [DeskBooking].
	Test bool
	// Epoch and Card are its first card; not needed to try.
	Epoch int
	Card  []byte
}

// Outcome is what becomes of a [TakeoverRow].
type Outcome struct {
	// What is "taken", "known" for a source that was taken over before, "past",
	// or "conflict".
	What string
	// Against are the appointments, at most three, that stand in the way, and
	// Rows the numbers of earlier rows of the same request.
	Against []id.Appointment
	Rows    []int
	// Resource is where there is no room.
	Resource id.Resource
	// Booking is what a known source became.
	Booking id.Booking
}

// The outcomes.
const (
	OutcomeTaken    = "taken"
	OutcomeKnown    = "known"
	OutcomePast     = "past"
	OutcomeConflict = "conflict"
)

// Takeover reads what is under way; its version is zero where nothing is.
func (s *Service) Takeover(ctx context.Context, tenant id.Tenant) (t Takeover, err error) {
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		t = Takeover{}
		b.Row(`select version, epoch, ciphertext, begun from takeover where tenant_id = $1`, []any{tenant.UUID()},
			&t.Version, &t.Epoch, &t.Sealed, &t.Begun)
		b.Rows(`select u.id, u.made, count(r.source) from takeover_run u
			join takeover_row r on r.tenant_id = u.tenant_id and r.run_id = u.id
			where u.tenant_id = $1 group by u.id, u.made order by u.made, u.id`, []any{tenant.UUID()}, func(rows pgx.Rows) error {
			var run TakeoverRun
			err := rows.Scan(&run.Run, &run.Made, &run.Taken)
			run.Made = run.Made.UTC()
			t.Runs = append(t.Runs, run)
			return err
		})
	})
	if err != nil {
		return Takeover{}, fmt.Errorf("read a takeover: %w", err)
	}
	t.Begun = t.Begun.UTC()
	return t, nil
}

// PutTakeover begins a takeover, or replaces what its practice keeps sealed.
// version is one more than that of what was read; of two at once the later gets
// [ErrTakeoverChanged]. It returns inbox.ErrMalformedCard for what no browser
// has sealed.
func (s *Service) PutTakeover(ctx context.Context, tenant id.Tenant, version, epoch int, sealed []byte) error {
	if padded := len(sealed) - sealOverhead; padded < recordStep || padded > recordMost || padded%recordStep != 0 {
		return inbox.ErrMalformedCard
	}
	var now int
	var found *postgres.Found
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`insert into takeover (tenant_id, version, epoch, ciphertext)
			select $1, 1, $3, $4 where $2 = 1 or exists (select from takeover where tenant_id = $1 and version = $2 - 1)
			on conflict (tenant_id) do update set version = $2, epoch = $3, ciphertext = $4 where takeover.version = $2 - 1
			returning version`, []any{tenant.UUID(), version, epoch, sealed}, &now)
	})
	if err != nil {
		return fmt.Errorf("keep a takeover: %w", err)
	}
	if !found.OK {
		return ErrTakeoverChanged
	}
	return nil
}

// EndTakeover is the switch-over: what was taken over stays, can no longer be
// undone as a whole, and its sources are forgotten. Ending twice is harmless.
func (s *Service) EndTakeover(ctx context.Context, tenant id.Tenant) error {
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`delete from takeover where tenant_id = $1`, tenant.UUID())
	})
	if err != nil {
		return fmt.Errorf("end a takeover: %w", err)
	}
	return nil
}

// TryTakeover says what would become of rows, and changes nothing: between the
// look and the act others may book. It returns the faults of [Service.TakeOver].
func (s *Service) TryTakeover(ctx context.Context, tenant id.Tenant, rows []TakeoverRow) (outcomes []Outcome, err error) {
	offer, err := s.checkTakeover(ctx, tenant, rows, MaxTakeoverTry)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) (err error) {
		outcomes, _, err = s.weigh(ctx, tx, tenant, offer, rows)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("try a takeover: %w", err)
	}
	return outcomes, nil
}

// TakeOver makes appointments of rows, where there is room: hours, lead times
// and quotas were those of another calendar and do not bind; what is taken
// stays taken, unless a row may go on an overflow unit. Busy times that were
// imported do not count, since they are most likely these same appointments.
// Repeating takes nothing over twice.
//
// It returns [ErrNoTakeover], [ErrMalformedTakeover], [ErrNotOffered] for a
// practitioner, place or resource that the practice does not have, or
// inbox.ErrMalformedCard; then nothing was taken over.
func (s *Service) TakeOver(ctx context.Context, tenant id.Tenant, run id.Run, rows []TakeoverRow) (outcomes []Outcome, err error) {
	offer, err := s.checkTakeover(ctx, tenant, rows, MaxTakeoverRows)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if err := (inbox.Card{Version: 1, Epoch: r.Epoch, Ciphertext: r.Card}).Check(); err != nil {
			return nil, err
		}
	}
	err = s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) (err error) {
		// Two desks at once, and the switch-over, wait for each other here.
		var under []int
		if err := tx.NewRaw(`select version from takeover where tenant_id = ? for update`, tenant.UUID()).Scan(ctx, &under); err != nil {
			return err
		}
		if len(under) == 0 {
			return ErrNoTakeover
		}
		if _, err := tx.NewRaw(`select from resource where tenant_id = ? and id in (?) order by id for no key update`,
			tenant.UUID(), bun.List(takeoverResources(offer, rows))).Exec(ctx); err != nil {
			return err
		}
		var taken takenOver
		if outcomes, taken, err = s.weigh(ctx, tx, tenant, offer, rows); err != nil || len(taken.appointments) == 0 {
			return err
		}
		return taken.write(ctx, tx, tenant, run)
	})
	if postgres.Violates(err, "appointment_booking_once") || postgres.Violates(err, "card_pk") {
		return nil, ErrMismatch // the id of another booking
	}
	if err != nil {
		return nil, fmt.Errorf("take over: %w", err)
	}
	s.changed(ctx, tenant)
	return outcomes, nil
}

// UndoTakeover takes a run back: its appointments are gone as if they had never
// been, wherever they were moved to. Those of patients who have come meanwhile,
// or have not, stay; kept is how many. It returns [ErrNoTakeover] after the
// switch-over.
func (s *Service) UndoTakeover(ctx context.Context, tenant id.Tenant, run id.Run) (undone, kept int, err error) {
	var under int
	var found *postgres.Found
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		undone, kept = 0, 0
		found = b.Row(`select 1 from takeover where tenant_id = $1 for update`, []any{tenant.UUID()}, &under)
		// Of a booking all appointments go: what it was moved from as well.
		b.Row(`with untouched as (
			  select r.source, r.booking_id from takeover_row r
			  where r.tenant_id = $1 and r.run_id = $2 and not exists (
			    select from appointment a where a.tenant_id = $1 and a.booking_id = r.booking_id and `+anyStatus+`
			      and a.status not in ('booked', 'cancelled', 'entered-in-error'))
			), gone as (
			  delete from appointment a using untouched u where a.tenant_id = $1 and a.booking_id = u.booking_id and `+anyStatus+`
			), forgotten as (
			  delete from takeover_row r using untouched u where r.tenant_id = $1 and r.source = u.source returning 1
			) select count(*) from forgotten`, []any{tenant.UUID(), run.UUID()}, &undone)
		b.Row(`select count(*) from takeover_row where tenant_id = $1 and run_id = $2`, []any{tenant.UUID(), run.UUID()}, &kept)
		b.Exec(`delete from takeover_run u where u.tenant_id = $1 and u.id = $2
			and not exists (select from takeover_row r where r.tenant_id = $1 and r.run_id = $2)`, tenant.UUID(), run.UUID())
		inbox.RaiseCounter(b, tenant)
	})
	if err != nil {
		return 0, 0, fmt.Errorf("undo a takeover: %w", err)
	}
	if !found.OK {
		return 0, 0, ErrNoTakeover
	}
	s.changed(ctx, tenant)
	return undone, kept, nil
}

// checkTakeover holds rows against the offer.
func (s *Service) checkTakeover(ctx context.Context, tenant id.Tenant, rows []TakeoverRow, most int) (*practice.Offer, error) {
	if len(rows) == 0 || len(rows) > most {
		return nil, ErrMalformedTakeover
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(rows))
	for _, r := range rows {
		if len(r.Source) != 32 || seen[string(r.Source)] || r.Booking.IsZero() {
			return nil, ErrMalformedTakeover
		}
		seen[string(r.Source)] = true
		span := DeskTime{Starts: r.Starts, Ends: r.Ends}
		if err := span.check(); err != nil || r.Ends.IsZero() || r.Ends.After(s.Now().Add(takeoverHorizon)) {
			return nil, ErrMalformedTakeover
		}
		_, known := offer.Practitioner(r.Practitioner)
		if _, ok := offer.Location(r.Location); !ok || !known {
			return nil, ErrNotOffered
		}
		for _, x := range r.Resources {
			if found, ok := offer.Resource(x); !ok || found.Kind == "practitioner" {
				return nil, ErrNotOffered
			}
		}
	}
	return offer, nil
}

// takeoverResources are all that rows take, in the order of ids.
func takeoverResources(offer *practice.Offer, rows []TakeoverRow) (all []string) {
	for _, r := range rows {
		for _, x := range r.resources(offer) {
			all = append(all, x.UUID())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// resources are what a row takes: the practitioner's first.
func (r TakeoverRow) resources(offer *practice.Offer) []id.Resource {
	who, _ := offer.Practitioner(r.Practitioner)
	all := []id.Resource{who.Resource}
	for _, x := range r.Resources {
		if !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all
}

// unitTaken is a unit of a resource that is busy; row is the number of the row
// that takes it, or negative for what was there.
type unitTaken struct {
	unit         int
	starts, ends time.Time
	appointment  id.Appointment
	row          int
}

// weigh decides about rows one after the other: what it would take over stands
// in the way of those that follow.
func (s *Service) weigh(ctx context.Context, tx bun.Tx, tenant id.Tenant, offer *practice.Offer, rows []TakeoverRow) ([]Outcome, takenOver, error) {
	var taken takenOver
	first, last := rows[0].Starts, rows[0].Ends
	sources := make([][]byte, len(rows))
	for i, r := range rows {
		first, last = earlier(first, r.Starts), later(last, r.Ends)
		sources[i] = r.Source
	}
	var before []struct {
		Source    []byte
		BookingID id.Booking
	}
	err := tx.NewRaw(`select source, booking_id from takeover_row where tenant_id = ? and source in (?)`, tenant.UUID(), bun.List(sources)).Scan(ctx, &before)
	if err != nil {
		return nil, taken, err
	}
	known := make(map[string]id.Booking, len(before))
	for _, k := range before {
		known[string(k.Source)] = k.BookingID
	}
	resources := takeoverResources(offer, rows)
	var bears []struct {
		ID                 id.Resource
		Capacity, Overflow int
	}
	err = tx.NewRaw(`select id, capacity, overflow from resource where tenant_id = ? and id in (?)`, tenant.UUID(), bun.List(resources)).Scan(ctx, &bears)
	if err != nil {
		return nil, taken, err
	}
	var occupied []struct {
		ResourceID    id.Resource
		Unit          int
		Starts, Ends  time.Time
		AppointmentID id.Appointment
	}
	// The lower bound is for the index: nothing lasts longer than a day.
	err = tx.NewRaw(`select resource_id, unit, starts, ends, appointment_id from occupation
		where tenant_id = ?0 and resource_id in (?1) and starts > ?2::timestamptz - interval '1 day' and starts < ?3 and ends > ?2
		order by resource_id, starts, unit`, tenant.UUID(), bun.List(resources), first, last).Scan(ctx, &occupied)
	if err != nil {
		return nil, taken, err
	}
	busy := map[id.Resource][]unitTaken{}
	for _, o := range occupied {
		busy[o.ResourceID] = append(busy[o.ResourceID], unitTaken{o.Unit, o.Starts, o.Ends, o.AppointmentID, -1})
	}
	capacity, overflow := map[id.Resource]int{}, map[id.Resource]int{}
	for _, b := range bears {
		capacity[b.ID], overflow[b.ID] = b.Capacity, b.Overflow
	}

	now := s.Now()
	outcomes := make([]Outcome, len(rows))
	for n, r := range rows {
		o := &outcomes[n]
		if of, again := known[string(r.Source)]; again {
			o.What, o.Booking = OutcomeKnown, of
			continue
		}
		if !r.Ends.After(now) {
			o.What = OutcomePast
			continue
		}
		takes := r.resources(offer)
		units := make([]int, len(takes))
		o.What = OutcomeTaken
		for k, x := range takes {
			most := capacity[x]
			if k == 0 && r.Overflow {
				most += overflow[x]
			}
			if units[k] = freeUnit(busy[x], most, r.Starts, r.Ends); units[k] == 0 {
				o.What, o.Resource = OutcomeConflict, x
				o.stand(busy[x], r.Starts, r.Ends)
				break
			}
		}
		if o.What != OutcomeTaken {
			continue
		}
		appointment := id.New[id.Appointment]()
		for k, x := range takes {
			busy[x] = append(busy[x], unitTaken{units[k], r.Starts, r.Ends, appointment, n})
			taken.occupations = append(taken.occupations, occupationRow{
				TenantID: tenant, ResourceID: x, Unit: units[k], Starts: r.Starts, Ends: r.Ends, AppointmentID: appointment,
			})
		}
		taken.add(tenant, r, appointment, takes[0])
	}
	return outcomes, taken, nil
}

// freeUnit is the lowest unit that is free for a time; 0 where none is.
func freeUnit(busy []unitTaken, most int, starts, ends time.Time) int {
	for unit := 1; unit <= most; unit++ {
		if !slices.ContainsFunc(busy, func(t unitTaken) bool { return t.unit == unit && t.starts.Before(ends) && t.ends.After(starts) }) {
			return unit
		}
	}
	return 0
}

// stand names what stands against a time.
func (o *Outcome) stand(busy []unitTaken, starts, ends time.Time) {
	for _, t := range busy {
		if !t.starts.Before(ends) || !t.ends.After(starts) || len(o.Against)+len(o.Rows) >= 3 {
			continue
		}
		if t.row >= 0 {
			o.Rows = append(o.Rows, t.row)
		} else if !slices.Contains(o.Against, t.appointment) {
			o.Against = append(o.Against, t.appointment)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// takenOver are the rows that a run writes.
type takenOver struct {
	appointments []appointmentRow
	occupations  []occupationRow
	cards        []cardRow
	sources      []sourceRow
}

type appointmentRow struct {
	bun.BaseModel  `bun:"table:appointment"`
	TenantID       id.Tenant
	ID             id.Appointment
	BookingID      id.Booking
	Status, Source string
	PractitionerID id.Practitioner
	ResourceID     id.Resource
	LocationID     id.Location
	Starts, Ends   time.Time
	CancelUntil    time.Time
	SecretHash     []byte
	Test           bool
}

type occupationRow struct {
	bun.BaseModel `bun:"table:occupation"`
	TenantID      id.Tenant
	ResourceID    id.Resource
	Unit          int
	Starts, Ends  time.Time
	AppointmentID id.Appointment
}

type cardRow struct {
	bun.BaseModel  `bun:"table:card"`
	TenantID       id.Tenant
	BookingID      id.Booking
	AppointmentID  id.Appointment
	Version, Epoch int
	Ciphertext     []byte
}

type sourceRow struct {
	bun.BaseModel `bun:"table:takeover_row"`
	TenantID      id.Tenant
	Source        []byte
	RunID         id.Run
	BookingID     id.Booking
}

func (t *takenOver) add(tenant id.Tenant, r TakeoverRow, appointment id.Appointment, resource id.Resource) {
	t.appointments = append(t.appointments, appointmentRow{
		TenantID: tenant, ID: appointment, BookingID: r.Booking, Status: StatusBooked, Source: "takeover",
		PractitionerID: r.Practitioner, ResourceID: resource, LocationID: r.Location, Starts: r.Starts, Ends: r.Ends,
		CancelUntil: r.Starts, SecretHash: random(32), Test: r.Test, // of no link
	})
	t.cards = append(t.cards, cardRow{TenantID: tenant, BookingID: r.Booking, AppointmentID: appointment, Version: 1, Epoch: r.Epoch, Ciphertext: r.Card})
	t.sources = append(t.sources, sourceRow{TenantID: tenant, Source: r.Source, BookingID: r.Booking})
}

func (t takenOver) write(ctx context.Context, tx bun.Tx, tenant id.Tenant, run id.Run) error {
	for i := range t.sources {
		t.sources[i].RunID = run
	}
	if _, err := tx.NewRaw(`insert into takeover_run (tenant_id, id) values (?, ?) on conflict do nothing`, tenant.UUID(), run.UUID()).Exec(ctx); err != nil {
		return err
	}
	for _, rows := range []any{&t.appointments, &t.occupations, &t.cards, &t.sources} {
		if _, err := tx.NewInsert().Model(rows).Exec(ctx); err != nil {
			return err
		}
	}
	// Last: its row stays locked until the commit, see inbox.RaiseCounter.
	_, err := tx.NewRaw(`insert into change_counter (tenant_id, counter) values (?, 1)
		on conflict (tenant_id) do update set counter = change_counter.counter + 1`, tenant.UUID()).Exec(ctx)
	return err
}
