package privacy_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/privacy"
)

// plant makes a booking with everything that hangs on one: it ended so many
// days ago.
func (o *office) plant(t *testing.T, daysAgo int) id.Booking {
	t.Helper()
	booking, appointment, plan := id.New[id.Booking](), uuid.New(), uuid.New()
	starts := time.Now().UTC().AddDate(0, 0, -daysAgo).Add(-time.Hour)
	err := o.DB.Batch(t.Context(), o.Tenant.ID, func(b *postgres.Batch) {
		tenant := o.Tenant.ID
		b.Exec(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash, created)
			select $1, $2, $3, 'booked', 'online', p.id, p.resource_id, l.id, $4, $5, $4, sha256(convert_to($6::text, 'UTF8')), $4
			from practitioner p, location l where p.tenant_id = $1 and l.tenant_id = $1 order by p.id limit 1`,
			tenant, appointment.String(), booking.UUID(), starts, starts.Add(15*time.Minute), booking.UUID())
		b.Exec(`insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id)
			select $1, resource_id, 1, starts, ends, id from appointment where tenant_id = $1 and id = $2`, tenant, appointment.String())
		b.Exec(`insert into card (tenant_id, booking_id, appointment_id, version, epoch, ciphertext) values ($1, $2, $3, 1, 1, 'x')`, tenant, booking.UUID(), appointment.String())
		b.Exec(`insert into envelope (tenant_id, id, booking_id, appointment_id, suite, kid, enc, ct) values ($1, gen_random_uuid(), $2, $3, 2, 'k', 'e', 'c')`, tenant, booking.UUID(), appointment.String())
		b.Exec(`insert into patient_copy (tenant_id, booking_id, appointment_id, ciphertext) values ($1, $2, $3, 'x')`, tenant, booking.UUID(), appointment.String())
		b.Exec(`insert into reminder (tenant_id, booking_id, plan, channel, language, last_day, sealed) values ($1, $2, $3, 'mail', 'de', current_date, 'x')`, tenant, booking.UUID(), plan.String())
		b.Exec(`insert into reminder_consent (tenant_id, id, booking_id, channel, version) values ($1, gen_random_uuid(), $2, 'mail', '1')`, tenant, booking.UUID())
		b.Exec(`insert into message_delivery (message_id, tenant_id, booking_id, reserved_on) values (gen_random_uuid(), $1, $2, current_date)`, tenant, booking.UUID())
		for _, ref := range []string{booking.UUID(), plan.String() + "_1_2"} {
			jobs.Add(b, jobs.Message{Tenant: tenant, Kind: "reminder_mail", Ref: ref, TTL: time.Hour})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return booking
}

// rows counts, in every table that has the column, the rows that name the booking.
func (o *office) rows(t *testing.T, booking id.Booking) (n int) {
	t.Helper()
	for _, table := range []string{"appointment", "card", "envelope", "patient_copy", "reminder", "reminder_consent", "message_delivery", "statement_shown"} {
		n += o.count(t, `select count(*) from `+table+` where tenant_id = $1 and booking_id = '`+booking.UUID()+`'`)
	}
	return n
}

func (o *office) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := o.DB.Batch(t.Context(), o.Tenant.ID, func(b *postgres.Batch) { b.Row(query, []any{o.Tenant.ID}, &n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatIsOverIsDeletedAndProved(t *testing.T) {
	t.Parallel()
	o := open(t)
	if err := o.Keep(t.Context(), o.Tenant.ID); err != nil {
		t.Fatal(err)
	}
	old, young := o.plant(t, 8), o.plant(t, 6)
	before := o.rows(t, young)
	if err := o.DB.Batch(t.Context(), o.Tenant.ID, func(b *postgres.Batch) {
		for _, days := range []int{30, 32} {
			b.Exec(`insert into traffic_hour (tenant_id, hour, field, value, visits) values ($1, $2, 'page', '/', 9)`, o.Tenant.ID, time.Now().AddDate(0, 0, -days))
		}
	}); err != nil {
		t.Fatal(err)
	}
	counts, err := o.Purge(t.Context(), o.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]int64{"appointment": 1, "occupation": 1, "card": 1, "envelope": 1, "patient_copy": 1, "reminder": 1, "reminder_consent": 1,
		"message_delivery": 1, "outbox": 2, "statement_shown": 1, "traffic_hour": 1}
	if !maps.Equal(counts, wanted) {
		t.Errorf("purged %v, want %v", counts, wanted)
	}
	if n := o.rows(t, old); n != 0 {
		t.Errorf("%d rows are left of a booking that is over", n)
	}
	if n := o.rows(t, young); n != before {
		t.Errorf("%d rows are left of one that is not, of %d", n, before)
	}
	if n := o.count(t, `select count(*) from outbox where tenant_id = $1`); n != 2 {
		t.Errorf("%d messages wait", n)
	}
	proofs, err := o.Proofs(t.Context(), o.Tenant.ID)
	if err != nil || len(proofs) != 1 || !maps.Equal(proofs[0].Counts, wanted) {
		t.Errorf("proofs: %v %v", proofs, err)
	}
	if again, err := o.Purge(t.Context(), o.Tenant.ID); err != nil || len(again) != 0 {
		t.Errorf("purged again: %v %v", again, err)
	}
	// A day and a half later the other one is over too.
	o.later(36 * time.Hour)
	if err := o.PurgeAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := o.rows(t, young); n != 0 {
		t.Errorf("%d rows are left a day later", n)
	}
}

func TestABookingGoesWhenTheLastOfItsAppointmentsIsOver(t *testing.T) {
	t.Parallel()
	o := open(t)
	booking := o.plant(t, 20)
	if err := o.DB.Batch(t.Context(), o.Tenant.ID, func(b *postgres.Batch) {
		b.Exec(`update appointment set status = 'cancelled', cancelled_by = 'moved' where tenant_id = $1`, o.Tenant.ID)
		b.Exec(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, secret_hash, replaces_id)
			select tenant_id, gen_random_uuid(), booking_id, 'booked', 'online', practitioner_id, resource_id, location_id, now(), now() + interval '1 hour', now(), sha256('x'), id
			from appointment where tenant_id = $1`, o.Tenant.ID)
	}); err != nil {
		t.Fatal(err)
	}
	if counts, err := o.Purge(t.Context(), o.Tenant.ID); err != nil || len(counts) != 0 {
		t.Errorf("purged %v %v", counts, err)
	}
	if o.rows(t, booking) == 0 {
		t.Error("a booking that was moved to today is gone")
	}
}

func TestANewPracticeKeepsTheStrictestAndEachLooseningIsNamed(t *testing.T) {
	t.Parallel()
	o := open(t)
	r, err := o.Retention(t.Context(), o.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range privacy.Bounds() {
		if r[b.Subject] != b.Least {
			t.Errorf("%s: %d days", b.Subject, r[b.Subject])
		}
		for _, days := range []int{0, b.Least - 1, b.Most + 1} {
			if err := o.SetRetention(t.Context(), o.Tenant.ID, privacy.Retention{b.Subject: days}); !errors.Is(err, privacy.ErrBounds) {
				t.Errorf("%s of %d days: %v", b.Subject, days, err)
			}
		}
	}
	if err := o.SetRetention(t.Context(), o.Tenant.ID, privacy.Retention{"souls": 30}); !errors.Is(err, privacy.ErrBounds) {
		t.Errorf("an unknown subject: %v", err)
	}
	if err := o.SetRetention(t.Context(), o.Tenant.ID, privacy.Retention{privacy.KeptAppointments: 60}); err != nil {
		t.Fatal(err)
	}
	trail, err := o.audit.List(t.Context(), o.Tenant.ID, audit.Filter{Act: "retention.put"})
	if err != nil || len(trail) != 1 || trail[0].Detail["days"] != "60" || trail[0].Detail["before"] != "7" {
		t.Errorf("the trail has %v %v", trail, err)
	}
	o.plant(t, 8)
	if counts, err := o.Purge(t.Context(), o.Tenant.ID); err != nil || len(counts) != 0 {
		t.Errorf("purged %v %v", counts, err)
	}
}

func TestTheTrailIsShortenedAndStaysAChain(t *testing.T) {
	t.Parallel()
	o := open(t)
	ctx, tenant := t.Context(), o.Tenant.ID
	for round, daysAgo := range []int{200, 100, 5} {
		for i := range 3 {
			if err := o.audit.Record(ctx, audit.Entry{Tenant: tenant, Act: "test.act", Object: fmt.Sprint(round, i)}); err != nil {
				t.Fatal(err)
			}
		}
		// Nobody who serves can date an entry: the owner of the tables does.
		o.owner(t, fmt.Sprintf(`update audit_entry e set at = now() - interval '%d days' where tenant_id = '%s'
			and not exists (select from audit_link l where l.tenant_id = e.tenant_id and l.entry_id = e.id)`, daysAgo, tenant.UUID()))
		if err := o.audit.ChainDue(ctx); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := o.Purge(ctx, tenant)
	if err != nil || counts["audit_entry"] < 6 {
		t.Fatalf("purged %v %v", counts, err)
	}
	report, err := o.audit.Verify(ctx, tenant, nil)
	if err != nil || len(report.Findings) != 0 || report.Batches != 1 || report.Entries != 3 {
		t.Errorf("the trail: %+v %v", report, err)
	}
	if err := o.audit.Record(ctx, audit.Entry{Tenant: tenant, Act: "test.act"}); err != nil {
		t.Fatal(err)
	}
	if err := o.audit.ChainDue(ctx); err != nil {
		t.Fatal(err)
	}
	if report, err := o.audit.Verify(ctx, tenant, report.Head); err != nil || len(report.Findings) != 0 {
		t.Errorf("the trail goes on: %+v %v", report, err)
	}
	o.later(200 * 24 * time.Hour)
	if _, err := o.Purge(ctx, tenant); err != nil {
		t.Fatal(err)
	}
	if report, err := o.audit.Verify(ctx, tenant, nil); err != nil || len(report.Findings) != 0 || report.Batches != 0 {
		t.Errorf("a trail that is over whole: %+v %v", report, err)
	}
}

// What is deleted still counts in the month that is not closed.
func TestWhatIsDeletedStillCountsInItsMonth(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.plant(t, 8)
	month, err := o.Registry.RunningMonth(t.Context(), noReseller)
	if err != nil {
		t.Fatal(err)
	}
	bookings := func() (n int) {
		counts, err := o.Registry.CountsOf(t.Context(), noReseller, month)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range counts.Rows {
			n += c.Bookings
		}
		return n
	}
	before := bookings()
	if _, err := o.Purge(t.Context(), o.Tenant.ID); err != nil {
		t.Fatal(err)
	}
	if n := bookings(); n != before {
		t.Errorf("%d bookings, %d before", n, before)
	}
	if n := o.count(t, `select coalesce(sum(bookings), 0) from purged_booking where tenant_id = $1`); n != 1 {
		t.Errorf("%d are remembered", n)
	}
}

func TestVersionsAreKeptAndSayWhatChanged(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.own(t)
	keep := func() []privacy.Version {
		t.Helper()
		o.later(2 * time.Second)
		for range 2 {
			if err := o.Keep(t.Context(), o.Tenant.ID); err != nil {
				t.Fatal(err)
			}
		}
		all, err := o.Versions(t.Context(), o.Tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := keep(); len(all) != 1 || all[0].Number != 1 {
		t.Fatalf("versions: %+v", all)
	}
	if d := o.document(t, privacy.Statement, "de"); !has(d, "fact.version") || has(d, "fact.version_now") || !has(d, "fact.first") {
		t.Error("the statement does not know its version")
	}
	if err := o.SetRetention(t.Context(), o.Tenant.ID, privacy.Retention{privacy.KeptAppointments: 30}); err != nil {
		t.Fatal(err)
	}
	if d := o.document(t, privacy.Statement, "en"); !has(d, "fact.version_now") {
		t.Error("what has changed calls itself by the old number")
	}
	all := keep()
	if len(all) != 2 || !slices.Equal(all[0].Changed, []string{"fields", "retention"}) {
		t.Fatalf("versions: %+v", all)
	}
	old, err := o.Shown(t.Context(), o.Tenant.ID, 1, "de")
	if err != nil || !slices.ContainsFunc(sentences(old), func(s privacy.Sentence) bool {
		return s.Key == "kept.appointment" && s.Text == "7 Tage nach dem Termin"
	}) {
		t.Errorf("the first version is not as it was: %v", err)
	}
	if _, err := o.Shown(t.Context(), o.Tenant.ID, 9, "de"); !errors.Is(err, privacy.ErrUnknown) {
		t.Errorf("a version that there is not: %v", err)
	}
	if err := o.KeepAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, err := o.Versions(t.Context(), noTenant); err != nil || len(all) != 1 {
		t.Errorf("the operator's: %+v %v", all, err)
	}
}

func TestTheVersionShownIsStoredWithABooking(t *testing.T) {
	t.Parallel()
	o := open(t)
	none := o.plant(t, 0)
	if err := o.Keep(t.Context(), o.Tenant.ID); err != nil {
		t.Fatal(err)
	}
	first := o.plant(t, 1)
	if err := o.SetRetention(t.Context(), o.Tenant.ID, privacy.Retention{privacy.KeptAppointments: 30}); err != nil {
		t.Fatal(err)
	}
	if err := o.Keep(t.Context(), o.Tenant.ID); err != nil {
		t.Fatal(err)
	}
	second := o.plant(t, 2)
	for booking, wanted := range map[id.Booking]int{none: 0, first: 1, second: 2} {
		if n, err := o.ShownWith(t.Context(), o.Tenant.ID, booking); err != nil || n != wanted {
			t.Errorf("version %d, want %d (%v)", n, wanted, err)
		}
	}
}
