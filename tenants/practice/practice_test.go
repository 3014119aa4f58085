package practice_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	platformschema "siegel/platform/postgres/schema"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
	tenantschema "siegel/tenants/schema"
)

func TestMain(m *testing.M) {
	os.Exit(testdb.Run(m,
		postgres.Set{Name: "platform", FS: platformschema.FS},
		postgres.Set{Name: "tenants", FS: tenantschema.FS}))
}

// fixture is a service on a database of its own, as the server's role, with a
// clock that the test moves.
type fixture struct {
	*practice.Service
	db    *postgres.DB
	clock *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Saturday, 10:00 in Berlin; the surgery opens on Mondays.
var saturday = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

var monday = schedule.NewDate(2026, 11, 23)

func newFixture(t testing.TB) *fixture {
	t.Helper()
	return newFixtureOn(t, testdb.Open(t), 0)
}

func newFixtureOn(t testing.TB, db *postgres.DB, kept int) *fixture {
	t.Helper()
	c := &clock{now: saturday}
	s, err := practice.NewService(practice.Config{DB: db, Now: c.Now, Kept: kept})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{s, db, c}
}

// open creates the surgery for a tenant of its own.
func (f *fixture) open(t testing.TB) (surgery, id.Tenant) {
	t.Helper()
	s, tenant := newSurgery(), id.New[id.Tenant]()
	if err := f.Create(t.Context(), tenant, s.Setup); err != nil {
		t.Fatal(err)
	}
	return s, tenant
}

// book stores an appointment that occupies the resource on Monday from and
// until the given minutes UTC.
func (f *fixture) book(t testing.TB, tenant id.Tenant, resource id.Resource, unit, from, until int) {
	t.Helper()
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	err := f.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		return occupy(ctx, tx, tenant, resource, unit,
			midnight.Add(time.Duration(from)*time.Minute), midnight.Add(time.Duration(until)*time.Minute))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func occupy(ctx context.Context, tx bun.Tx, tenant id.Tenant, resource id.Resource, unit int, starts, ends time.Time) error {
	appointment := id.New[id.Appointment]()
	if _, err := tx.ExecContext(ctx, `
		insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id,
		                         starts, ends, cancel_until, secret_hash)
		values (?0, ?1, ?1, 'booked', 'online', ?1, ?2, ?1, ?3, ?4, ?3, sha256(?5::bytea))`,
		tenant, appointment, resource, starts, ends, []byte(appointment.UUID())); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id)
		values (?, ?, ?, ?, ?, ?)`, tenant, resource, unit, starts, ends, appointment)
	return err
}

func TestOfferIsWhatWasCreated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	offer, err := f.Offer(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	if offer.Version != 1 || offer.Tenant != tenant {
		t.Errorf("version %d of %v", offer.Version, offer.Tenant)
	}
	want := s.Setup.Practice
	want.Zone = "Europe/Berlin"
	if got := offer.Practice; got.Name != want.Name || got.Zone != want.Zone || got.Accent != want.Accent ||
		got.Asks != want.Asks || !slices.Equal(got.Channels, want.Channels) {
		t.Errorf("practice: got %+v, want %+v", got, want)
	}
	if offer.Locations[0].ID != s.main || offer.Practitioners[0].ID != s.amal || offer.Services[0].ID != s.checkup {
		t.Error("the order is not that of position")
	}
	vaccination, ok := offer.Service(s.vaccination)
	if !ok || vaccination.Minutes != 20 || vaccination.BufferAfter != 10 || vaccination.LeadMinutes != 60 ||
		vaccination.Insurance != schedule.GKV|schedule.PKV || vaccination.PriceCents != nil ||
		!slices.Equal(vaccination.Practitioners, []id.Practitioner{s.amal, s.bea}) {
		t.Errorf("service: got %+v", vaccination)
	}
	if bea, ok := offer.Resource(s.beaTime); !ok || bea.Capacity != 2 {
		t.Errorf("resource: got %+v", bea)
	}
	plan, err := offer.Plan(s.vaccination, s.amal)
	if err != nil || len(plan.Openings) != 2 || plan.Capacity != 1 || plan.Resource != s.amalTime {
		t.Fatalf("plan: %+v, %v", plan, err)
	}
	if got, want := plan.Openings[1].For, schedule.GroupOf(schedule.PKV, schedule.KnownPatients); got != want {
		t.Errorf("service and opening are for %b, want %b", got, want)
	}
	if _, ok := plan.Offered(time.Date(2026, 11, 23, 9, 20, 0, 0, time.UTC).Unix(), saturday, false); !ok {
		t.Error("20 past ten on Monday is not offered")
	}
}

func TestCreateMakesResourcesAndDefaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tenant, doctor := id.New[id.Tenant](), id.New[id.Practitioner]()
	err := f.Create(t.Context(), tenant, practice.Setup{
		Practice:      practice.Practice{Name: "Klein"},
		Locations:     []practice.Location{{Name: "Hier"}},
		Practitioners: []practice.Practitioner{{ID: doctor, Name: "Dr. Klein"}},
		Services:      []practice.HealthcareService{{Name: "Alles", Minutes: 10, Practitioners: []id.Practitioner{doctor}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	offer, err := f.Offer(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	resource, ok := offer.Resource(offer.Practitioners[0].Resource)
	if !ok || resource.Kind != "practitioner" || resource.Capacity != 1 || resource.Name != "Dr. Klein" {
		t.Errorf("resource: %+v", resource)
	}
	if offer.Locations[0].Zone != "Europe/Berlin" || offer.Services[0].StepMinutes != 5 || !slices.Equal(offer.Practice.Channels, []string{"mail"}) {
		t.Errorf("defaults: %+v", offer)
	}
}

func TestCreateIsDoneOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	if err := f.Create(t.Context(), tenant, s.Setup); !errors.Is(err, practice.ErrPracticeExists) {
		t.Errorf("got %v", err)
	}
}

func TestProfileIsWhatPatientsSee(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	profile, err := f.Profile(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(profile)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"tenant":"` + tenant.String() + `"`,
		`"channels":["mail","sms"]`,
		`"asks":{"insurance":"für die \"Abrechnung\""}`,
		`"locations":[{"id":"` + s.main.String() + `","name":"Markt","street":"Markt 1","postal_code":"10115"`,
		`"practitioners":[{"id":"` + s.amal.String() + `","name":"Dr. Amal","role":"Hautärztin"}`,
		`"duration_minutes":30,"price_cents":4800,"insurance":[],"patients":"all","confirmation":"at_once","cancel_minutes":0,"move_minutes":0,"practitioners":["` + s.amal.String() + `"]`,
		`"duration_minutes":20,"insurance":["GKV","PKV"],"patients":"all"`,
		`"patients":"new"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	for _, never := range []string{s.amalTime.String(), "capacity", "null"} {
		if strings.Contains(string(text), never) {
			t.Errorf("%s in %s", never, text)
		}
	}
}

func TestOfferIsAtMostASecondBehind(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tenant := f.open(t)
	other := newFixtureOn(t, f.db, 0) // another process
	version := func() int64 {
		offer, err := f.Offer(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		return offer.Version
	}
	if v := version(); v != 1 {
		t.Fatalf("version %d", v)
	}
	if err := other.Change(t.Context(), tenant, rename("Praxis am Fluss")); err != nil {
		t.Fatal(err)
	}
	f.clock.pass(time.Second)
	if v := version(); v != 2 {
		t.Errorf("a second later it is still version %d", v)
	}
	if offer, err := f.Offer(t.Context(), tenant); err != nil || offer.Practice.Name != "Praxis am Fluss" {
		t.Errorf("got %+v, %v", offer, err)
	}
	// Who changes it sees the change at once.
	if err := f.Change(t.Context(), tenant, rename("Praxis am See")); err != nil {
		t.Fatal(err)
	}
	if v := version(); v != 3 {
		t.Errorf("own change is not seen: version %d", v)
	}
}

func rename(name string) func(context.Context, bun.Tx) error {
	return func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "update practice set name = ?", name)
		return err
	}
}

func TestOfferUnchangedIsNotReadAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tenant := f.open(t)
	first, err := f.Offer(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	f.clock.pass(time.Hour)
	second, err := f.Offer(t.Context(), tenant)
	if err != nil || first != second {
		t.Errorf("another snapshot of the same version: %v", err)
	}
}

func TestRefreshReadsAnotherVersionOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tenant := f.open(t)
	known, err := f.Offer(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := f.Refresh(t.Context(), tenant, 1); err != nil || same != known {
		t.Errorf("the known version was read again: %v", err)
	}
	if err := newFixtureOn(t, f.db, 0).Change(t.Context(), tenant, rename("Neu")); err != nil {
		t.Fatal(err)
	}
	if fresh, err := f.Refresh(t.Context(), tenant, 2); err != nil || fresh.Version != 2 || fresh.Practice.Name != "Neu" {
		t.Errorf("got %+v, %v", fresh, err)
	}
}

func TestOffersInMemoryAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixtureOn(t, newFixture(t).db, 3)
	for range 5 {
		_, tenant := f.open(t)
		if _, err := f.Offer(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.Kept(); n != 3 {
		t.Errorf("%d offers in memory", n)
	}
}

func TestChangeWaitsForBookingsUnderWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s, tenant := f.open(t)
	done := make(chan error, 1)
	err := f.db.InTenant(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		// What a booking does: lock its resource, then look at the version.
		if _, err := tx.ExecContext(ctx, "select id from resource where id = ? for update", s.beaTime); err != nil {
			return err
		}
		go func() { done <- f.Change(context.WithoutCancel(ctx), tenant, rename("Neu")) }()
		select {
		case err := <-done:
			t.Errorf("the change did not wait: %v", err)
		case <-time.After(200 * time.Millisecond):
		}
		var version int64
		if err := tx.QueryRowContext(ctx, "select version from practice").Scan(&version); err != nil {
			return err
		}
		if version != 1 {
			t.Errorf("under the booking's lock the version is %d", version)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestChangeThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tenant := f.open(t)
	boom := errors.New("boom")
	err := f.Change(t.Context(), tenant, func(ctx context.Context, tx bun.Tx) error {
		return errors.Join(rename("Weg")(ctx, tx), boom)
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if offer, err := f.Offer(t.Context(), tenant); err != nil || offer.Version != 1 || offer.Practice.Name != "Praxis am Markt" {
		t.Errorf("got %+v, %v", offer, err)
	}
	if err := f.Change(t.Context(), id.New[id.Tenant](), rename("x")); !errors.Is(err, practice.ErrUnknownPractice) {
		t.Errorf("a tenant without a practice: got %v", err)
	}
}
