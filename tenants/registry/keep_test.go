package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/registry"
	"siegel/tenants/tenanttest"
)

func one(query string, dest any, args ...any) func(*postgres.Batch) {
	return func(b *postgres.Batch) { b.Row(query, args, dest) }
}

func join(t *testing.T, f *tenanttest.Fixture, tenant id.Tenant, account id.Account, role string) {
	t.Helper()
	err := f.DB.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		b.Exec(`insert into member (tenant_id, account_id, role, vouch) values ($1, $2, $3, $4)`, tenant, account, role, make([]byte, 32))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func person(t *testing.T, f *tenanttest.Fixture, name string) id.Account {
	t.Helper()
	account := id.New[id.Account]()
	if _, err := f.DB.Global().NewRaw(`insert into account (id, email, name) values (?, ?, ?)`, account, strings.ToLower(name)+"@example.org", name).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	return account
}

// at is a service on the fixture's stores that lives at the clock's time.
func at(t *testing.T, f *tenanttest.Fixture, c *clock, sources registry.Sources) *registry.Service {
	t.Helper()
	s, err := registry.NewService(registry.Config{DB: f.DB, Redis: f.Redis, Base: "localhost:8080", Scheme: "http", Now: c.now, Sources: sources,
		Platform: registry.Brand{Name: "Siegel"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func queued(t *testing.T, f *tenanttest.Fixture, tenant id.Tenant) []string {
	t.Helper()
	var refs []string
	err := f.DB.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		b.Rows(`select kind || ' ' || ref from outbox order by created, id`, nil, func(rows pgx.Rows) error {
			var ref string
			err := rows.Scan(&ref)
			refs = append(refs, ref)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

func TestKeep_RemindsOfATrialsEndThreeTimesAndNeverTwice(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	c := &clock{t: time.Now()}
	s := at(t, f, c, registry.Sources{})
	tenant, err := s.Begin(t.Context(), registry.Beginning{Slug: "probe", Trial: 30 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	owner := person(t, f, "Anna")
	join(t, f, tenant.ID, owner, "owner")
	join(t, f, tenant.ID, person(t, f, "Ben"), "front_desk")
	var want []string
	for _, step := range []struct {
		wait time.Duration
		ref  string
	}{{22 * 24 * time.Hour, ""}, {24 * time.Hour, "trial7_"}, {5 * 24 * time.Hour, ""}, {24 * time.Hour, "trial1_"}, {24 * time.Hour, "trialend_"}, {24 * time.Hour, ""}} {
		c.add(step.wait)
		if step.ref != "" {
			want = append(want, "trial_mail "+step.ref+owner.UUID())
		}
		for range 2 {
			if err := s.Keep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := queued(t, f, tenant.ID); !slices.Equal(got, want) {
			t.Fatalf("after %v: got %v, want %v", step.wait, got, want)
		}
	}
	letter, err := s.Letter(t.Context(), tenant.ID, "trialend_"+owner.UUID())
	if err != nil || letter.To != "anna@example.org" || letter.Variant != "ended" || letter.Link != "http://probe.office.localhost:8080/" || letter.From.Name != "Siegel" {
		t.Errorf("the letter: %+v, %v", letter, err)
	}
	if err := s.SetPlan(t.Context(), tenant.ID, "klein"); err != nil {
		t.Fatal(err)
	}
	if letter, err := s.Letter(t.Context(), tenant.ID, "trialend_"+owner.UUID()); !errors.Is(err, registry.ErrNobody) {
		t.Errorf("a letter that concerns nobody any more: %+v, %v", letter, err)
	}
}

func TestKeep_ErasesWhenTheTimeAfterTheNoticeIsOver(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	c := &clock{t: time.Now()}
	s := at(t, f, c, registry.Sources{})
	join(t, f, f.Tenant.ID, person(t, f, "Anna"), "owner")
	if err := s.GiveNotice(t.Context(), f.Tenant.ID, c.now().Add(time.Hour), "zieht um"); err != nil {
		t.Fatal(err)
	}
	if got := queued(t, f, f.Tenant.ID); len(got) != 1 {
		t.Errorf("queued %v", got)
	}
	c.add(registry.Grace)
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ByID(t.Context(), f.Tenant.ID); err != nil {
		t.Fatalf("erased too early: %v", err)
	}
	c.add(2 * time.Hour)
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ByID(t.Context(), f.Tenant.ID); !errors.Is(err, registry.ErrUnknownTenant) {
		t.Fatalf("it is still there: %v", err)
	}
	if all, err := s.Certificates(t.Context(), id.Reseller{}); err != nil || len(all) != 1 || all[0].People != 1 {
		t.Errorf("certificates: %+v, %v", all, err)
	}
}

// book writes appointments that were made at some time, as booking does.
func book(t *testing.T, f *tenanttest.Fixture, tenant id.Tenant, made time.Time, source, status string, n int) {
	t.Helper()
	err := f.DB.Batch(t.Context(), tenant, func(b *postgres.Batch) {
		for range n {
			hash := append(uuidBytes(), uuidBytes()...)
			b.Exec(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash, created)
				values ($1, $2, $3, $4, $5, $6, $6, $6, $7::timestamptz + interval '40 days', $7::timestamptz + interval '41 days', $7, $8, $7)`,
				tenant, id.New[id.Appointment](), id.New[id.Booking](), status, source, id.New[id.Practitioner](), made, hash)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func uuidBytes() []byte { u := uuid.New(); return u[:] }

func TestCloseMonths_FreezesWhatTheMonthCameTo(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{t: time.Date(2027, 1, 20, 12, 0, 0, 0, berlin)}
	spent := map[id.Tenant]int{}
	sources := registry.Sources{Spent: func(_ context.Context, tenant id.Tenant, from, until time.Time) (int, int64, error) {
		if from.In(berlin).Day() != 1 || until.In(berlin).Day() != 1 {
			return 0, 0, fmt.Errorf("not a month: %v to %v", from, until)
		}
		return spent[tenant], int64(spent[tenant]) * 61_000, nil
	}}
	s := at(t, f, c, sources)
	r := reseller(t, s, "Nord")
	if err := s.SavePrices(t.Context(), r.ID, 0, []registry.Price{{Plan: "klein", MonthlyCents: 2900}}); err != nil {
		t.Fatal(err)
	}
	tenant, err := s.Begin(t.Context(), registry.Beginning{Slug: "zahl", Reseller: r.ID, Plan: "klein"})
	if err != nil {
		t.Fatal(err)
	}
	began := func(tenant id.Tenant, when time.Time) {
		if _, err := f.DB.Global().NewRaw(`update tenant set created = ? where id = ?`, when, tenant).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	began(tenant.ID, time.Date(2027, 1, 5, 0, 0, 0, 0, berlin))
	book(t, f, tenant.ID, time.Date(2027, 1, 1, 0, 0, 0, 0, berlin), "online", "booked", 2)      // the month's first moment
	book(t, f, tenant.ID, time.Date(2027, 1, 31, 23, 59, 59, 0, berlin), "online", "booked", 3)  // and its last
	book(t, f, tenant.ID, time.Date(2027, 2, 1, 0, 0, 0, 0, berlin), "online", "booked", 7)      // the next one's first
	book(t, f, tenant.ID, time.Date(2026, 12, 31, 23, 59, 59, 0, berlin), "online", "booked", 9) // the last one's last
	book(t, f, tenant.ID, time.Date(2027, 1, 10, 0, 0, 0, 0, berlin), "staff", "cancelled", 4)
	book(t, f, tenant.ID, time.Date(2027, 1, 10, 0, 0, 0, 0, berlin), "staff", "entered-in-error", 5)
	spent[tenant.ID] = 11

	running, err := s.CountsOf(t.Context(), r.ID, "2027-01")
	if err != nil || !running.Closed.IsZero() || len(running.Rows) != 1 || running.Rows[0].Bookings != 5 {
		t.Fatalf("while it runs: %+v, %v", running, err)
	}
	if err := s.Correct(t.Context(), r.ID, registry.Correction{Tenant: tenant.ID, Concerns: "2027-01", What: "bookings", Delta: -1, Note: "x"}, id.Account{}); !errors.Is(err, registry.ErrNotClosed) {
		t.Errorf("a running month was corrected: %v", err)
	}
	c.t = time.Date(2027, 1, 31, 23, 59, 59, 0, berlin)
	if err := s.CloseMonths(t.Context()); err != nil {
		t.Fatal(err)
	}
	if months, _ := s.Months(t.Context(), r.ID); len(months) != 0 {
		t.Fatalf("closed before its end: %v", months)
	}
	c.t = time.Date(2027, 2, 1, 0, 0, 0, 0, berlin)
	for range 2 {
		if err := s.CloseMonths(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		got, err := s.CountsOf(t.Context(), r.ID, "2027-01")
		if err != nil || got.Closed.IsZero() || len(got.Rows) != 1 {
			t.Fatalf("%s: %+v, %v", when, got, err)
		}
		row := got.Rows[0]
		if row.Bookings != 5 || row.BookingsStaff != 4 || row.SMSParts == nil || *row.SMSParts != 11 || *row.SMSMicros != 671_000 ||
			row.MonthlyCents == nil || *row.MonthlyCents != 2900 || row.Plan != "klein" || row.Slug != "zahl" {
			t.Fatalf("%s: %+v", when, row)
		}
	}
	check("closed")
	// Nothing that comes later changes it.
	book(t, f, tenant.ID, time.Date(2027, 1, 15, 0, 0, 0, 0, berlin), "online", "booked", 8)
	spent[tenant.ID] = 99
	if err := s.SavePrices(t.Context(), r.ID, 0, []registry.Price{{Plan: "klein", MonthlyCents: 9900}}); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseMonths(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("later")
	for _, query := range []string{`update month_count set bookings = 0`, `delete from month_count`} {
		conn, err := pgx.Connect(t.Context(), f.URLs.Super)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), query); err == nil {
			t.Errorf("%s went through", query)
		}
		_ = conn.Close(t.Context())
	}
	if err := s.Correct(t.Context(), r.ID, registry.Correction{Tenant: tenant.ID, Concerns: "2027-01", What: "bookings", Delta: -2, Note: "doppelt gezählt"}, id.Account{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Correct(t.Context(), reseller(t, s, "Süd").ID, registry.Correction{Tenant: tenant.ID, Concerns: "2027-01", What: "bookings", Delta: -2, Note: "x"}, id.Account{}); !errors.Is(err, registry.ErrNotClosed) {
		t.Errorf("somebody else's count was corrected: %v", err)
	}
	check("corrected")
	if got, err := s.CountsOf(t.Context(), r.ID, "2027-02"); err != nil || len(got.Corrections) != 1 || got.Corrections[0].Delta != -2 || got.Corrections[0].Concerns != "2027-01" || got.Rows[0].Bookings != 7 {
		t.Errorf("the month after: %+v, %v", got, err)
	}
	// A tenant that is erased in the middle of a month is counted as far as it came.
	if err := s.Close(t.Context(), tenant.ID, ""); err != nil {
		t.Fatal(err)
	}
	// The database's clock is not the test's.
	if _, err := f.DB.Global().NewRaw(`update tenant set since = ? where id = ?`, c.now(), tenant.ID).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Erase(t.Context(), tenant.ID, ""); err != nil {
		t.Fatal(err)
	}
	c.t = time.Date(2027, 3, 1, 0, 0, 0, 0, berlin)
	if err := s.CloseMonths(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.CountsOf(t.Context(), r.ID, "2027-02"); err != nil || len(got.Rows) != 1 || got.Rows[0].Bookings != 7 || got.Rows[0].Slug != "" {
		t.Errorf("the month in which it went: %+v, %v", got, err)
	}
}

func TestCloseMonths_WhatNobodyCanTellIsNotNothing(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	c := &clock{t: time.Now()}
	s := at(t, f, c, registry.Sources{})
	c.add(32 * 24 * time.Hour)
	if err := s.CloseMonths(t.Context()); err != nil {
		t.Fatal(err)
	}
	months, err := s.Months(t.Context(), id.Reseller{})
	if err != nil || len(months) == 0 {
		t.Fatalf("%v, %v", months, err)
	}
	got, err := s.CountsOf(t.Context(), id.Reseller{}, months[0])
	if err != nil || len(got.Rows) != 1 || got.Rows[0].SMSParts != nil || got.Rows[0].MonthlyCents != nil {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestFleet_SaysWhoNeedsSomebodyFirst(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	c := &clock{t: time.Now()}
	failing := errors.New("no answer")
	s := at(t, f, c, registry.Sources{
		Agreement: func(_ context.Context, tenant id.Tenant) (bool, error) { return tenant == f.Tenant.ID, nil },
		Funds:     func(context.Context, id.Tenant) (bool, error) { return false, failing },
	})
	r := reseller(t, s, "Nord")
	mine := access.Domain{Kind: access.Reseller, ID: r.ID.Bytes()}
	join(t, f, f.Tenant.ID, person(t, f, "Anna"), "owner")
	if err := s.Move(t.Context(), f.Tenant.ID, r.ID); err != nil {
		t.Fatal(err)
	}
	bare, err := s.Begin(t.Context(), registry.Beginning{Slug: "bare", Reseller: r.ID, Trial: 5 * 24 * time.Hour, Prepared: true})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := s.Begin(t.Context(), registry.Beginning{Slug: "foreign", Reseller: reseller(t, s, "Süd").ID})
	if err != nil {
		t.Fatal(err)
	}
	book(t, f, f.Tenant.ID, c.now().Add(-30*time.Minute), "online", "booked", 3)
	book(t, f, f.Tenant.ID, c.now().Add(-36*time.Hour), "online", "booked", 2)

	fleet, err := s.Fleet(t.Context(), mine)
	if err != nil || len(fleet) != 2 || fleet[0].ID != bare.ID || fleet[1].ID != f.Tenant.ID {
		t.Fatalf("%+v, %v", fleet, err)
	}
	if got := codes(fleet[0]); !slices.Equal(got, []registry.Code{registry.KeysMissing, registry.TrialEnding, registry.AgreementMissing, registry.NotHandedOver}) {
		t.Errorf("the bare one: %v", got)
	}
	if got := fleet[1]; len(got.Troubles) != 0 || got.Name != "Praxis praxis" || got.Owners != 1 || got.Bookings != 5 || got.Days[13] != 3 || got.Days[12] != 2 {
		t.Errorf("the good one: %+v", got)
	}
	for _, state := range fleet {
		if !slices.Contains(state.Unknown, registry.FundsLow) {
			t.Errorf("%s: a source that fails is said to be fine: %v", state.Slug, state.Unknown)
		}
	}
	// An envelope that waits for more than a day.
	if err := f.DB.Batch(t.Context(), f.Tenant.ID, func(b *postgres.Batch) {
		b.Exec(`insert into envelope (tenant_id, id, booking_id, appointment_id, suite, kid, enc, ct, received)
			select tenant_id, $2, booking_id, id, 2, 'k', '', '', $3::timestamptz - interval '25 hours' from appointment where tenant_id = $1 limit 1`, f.Tenant.ID, id.New[id.Envelope](), c.now())
	}); err != nil {
		t.Fatal(err)
	}
	c.add(2 * time.Minute)
	if fleet, err = s.Fleet(t.Context(), mine); err != nil || !slices.Equal(codes(fleet[1]), []registry.Code{registry.UnreadOld}) && !slices.Equal(codes(fleet[0]), []registry.Code{registry.UnreadOld}) {
		t.Errorf("an old envelope: %+v, %v", fleet, err)
	}
	if _, err := s.LookedAfter(t.Context(), mine, foreign.ID); !errors.Is(err, registry.ErrUnknownTenant) {
		t.Errorf("somebody else's tenant: %v", err)
	}
	if all, err := s.Fleet(t.Context(), access.Domain{Kind: access.Platform}); err != nil || len(all) != 3 {
		t.Errorf("the platform sees %d, %v", len(all), err)
	}
	if none, err := s.Fleet(t.Context(), access.Domain{Kind: access.Tenant, ID: f.Tenant.ID.Bytes()}); err != nil || len(none) != 0 {
		t.Errorf("a tenant sees %d, %v", len(none), err)
	}
}

func codes(s registry.State) []registry.Code {
	all := []registry.Code{}
	for _, t := range s.Troubles {
		all = append(all, t.Code)
	}
	return all
}

func TestPeople(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	s := f.Registry
	r := reseller(t, s, "Nord")
	anna, ben := person(t, f, "Anna"), person(t, f, "Ben")
	for account, role := range map[id.Account]access.Role{anna: access.ResellerAdmin, ben: access.ResellerAgent} {
		if err := s.AddPerson(t.Context(), r.ID, account, role); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddPerson(t.Context(), r.ID, ben, access.PlatformAdmin); !errors.Is(err, registry.ErrMalformed) {
		t.Errorf("a reseller made a platform admin: %v", err)
	}
	people, err := s.People(t.Context(), r.ID)
	if err != nil || len(people) != 2 || people[0].Account != anna || people[1].Role != access.ResellerAgent {
		t.Fatalf("%+v, %v", people, err)
	}
	if err := s.RemovePerson(t.Context(), r.ID, anna); !errors.Is(err, registry.ErrLastAdmin) {
		t.Errorf("the last admin went: %v", err)
	}
	if err := s.RemovePerson(t.Context(), r.ID, ben); err != nil {
		t.Error(err)
	}
	if got, err := s.Memberships(t.Context(), ben); err != nil || len(got) != 0 {
		t.Errorf("it is still there: %+v, %v", got, err)
	}
	if err := s.RemovePerson(t.Context(), r.ID, ben); !errors.Is(err, registry.ErrUnknownPerson) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestTwoAdminsWhoGoAtOnceLeaveOne(t *testing.T) {
	t.Parallel()
	f := tenanttest.New(t)
	s := f.Registry
	for round := range 10 {
		r := reseller(t, s, fmt.Sprint("Nord ", round))
		anna, ben := person(t, f, fmt.Sprint("Anna", round)), person(t, f, fmt.Sprint("Ben", round))
		for _, account := range []id.Account{anna, ben} {
			if err := s.AddPerson(t.Context(), r.ID, account, access.ResellerAdmin); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { _ = s.RemovePerson(t.Context(), r.ID, anna) })
		wg.Go(func() { _ = s.SetPortalRole(t.Context(), r.ID, ben, access.ResellerAgent) })
		wg.Wait()
		people, err := s.People(t.Context(), r.ID)
		if err != nil || !slices.ContainsFunc(people, func(p registry.Person) bool { return p.Role == access.ResellerAdmin }) {
			t.Fatalf("round %d: nobody is left who may: %+v, %v", round, people, err)
		}
	}
}
