package inbox_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/inbox"
)

func TestEntries(t *testing.T) {
	t.Parallel()
	f := setup(t)

	t.Run("CarryWhatWaitsToBeOpened", func(t *testing.T) {
		t.Parallel()
		b := f.confirm(t, booking(id.New[id.Tenant]()))
		e := f.one(t, b)
		if e.Booking != b.booking || e.Status != "booked" || e.Source != "online" || !e.Starts.Equal(noon) || !e.Ends.Equal(noon.Add(20*time.Minute)) ||
			e.Starts.Location() != time.UTC || e.Practitioner.IsZero() || e.Location.IsZero() || time.Since(e.Received) > time.Minute {
			t.Errorf("got %+v", e)
		}
		if e.Envelope == nil || !reflect.DeepEqual(*e.Envelope, b.envelope) {
			t.Errorf("got the envelope %+v, want %+v", e.Envelope, b.envelope)
		}
		if e.Envelope != nil && e.Envelope.Check() != nil {
			t.Errorf("the envelope is malformed: %v", e.Envelope.Check())
		}
		if e.Card != nil {
			t.Errorf("got a card that nobody stored")
		}
	})

	t.Run("AreThoseThatStartWithin", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		at := func(d time.Duration) id.Appointment {
			b := booking(tenant)
			b.starts = noon.Add(d)
			return f.confirm(t, b).appointment
		}
		at(-time.Microsecond)
		late, first := at(time.Hour-time.Microsecond), at(0)
		at(time.Hour)
		got, _, err := f.Entries(t.Context(), tenant, noon, noon.Add(time.Hour))
		if err != nil || len(got) != 2 || got[0].Appointment != first || got[1].Appointment != late {
			t.Fatalf("got %+v, %v; want the first and the late one", got, err)
		}
	})

	t.Run("AreDatesOnly", func(t *testing.T) {
		t.Parallel()
		for status, want := range map[string]int{
			"booked": 1, "arrived": 1, "checked-in": 1, "fulfilled": 1, "cancelled": 1, "noshow": 1,
			"pending": 1, "proposed": 1, "waitlist": 0, "entered-in-error": 0,
		} {
			b := booking(id.New[id.Tenant]())
			b.status = status
			f.confirm(t, b)
			if got, _ := f.today(t, b.tenant); len(got) != want {
				t.Errorf("%s: got %d entries, want %d", status, len(got), want)
			}
		}
	})

	t.Run("CountChangesEvenWithoutEntries", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		if got, cursor := f.today(t, tenant); len(got) != 0 || cursor != 0 {
			t.Fatalf("got %d entries, count %d; want none, 0", len(got), cursor)
		}
		b := booking(tenant)
		b.starts = noon.AddDate(0, 1, 0)
		f.confirm(t, b)
		if got, cursor := f.today(t, tenant); len(got) != 0 || cursor != 1 {
			t.Fatalf("got %d entries, count %d; want none, 1", len(got), cursor)
		}
		if n, err := f.Counter(t.Context(), tenant); err != nil || n != 1 {
			t.Fatalf("counter: got %d, %v; want 1", n, err)
		}
	})

	t.Run("AreOneTenants", func(t *testing.T) {
		t.Parallel()
		b := f.confirm(t, booking(id.New[id.Tenant]()))
		for _, tenant := range []id.Tenant{id.New[id.Tenant](), {}} {
			got, cursor, err := f.Entries(t.Context(), tenant, noon, noon.Add(time.Hour))
			if len(got) != 0 || cursor != 0 {
				t.Errorf("%v sees %d entries and the count %d of %v, %v", tenant, len(got), cursor, b.tenant, err)
			}
			if n, err := f.Counter(t.Context(), tenant); n != 0 {
				t.Errorf("%v sees the count %d of %v, %v", tenant, n, b.tenant, err)
			}
		}
	})

	t.Run("RefuseRangesThatCannotBeMeant", func(t *testing.T) {
		t.Parallel()
		for _, to := range []time.Time{noon, noon.Add(-time.Second), noon.Add(inbox.MaxRange + time.Second), {}} {
			if _, _, err := f.Entries(t.Context(), id.New[id.Tenant](), noon, to); !errors.Is(err, inbox.ErrMalformedRange) {
				t.Errorf("until %v: got %v, want %v", to, err, inbox.ErrMalformedRange)
			}
		}
	})
}

func TestAppendEnvelope(t *testing.T) {
	t.Parallel()
	f := setup(t)
	envelopes := func(t *testing.T, tenant id.Tenant) (n int) {
		t.Helper()
		err := f.db.Batch(t.Context(), tenant, func(b *postgres.Batch) {
			b.Row(`select count(*) from envelope where tenant_id = $1::uuid`, []any{tenant}, &n)
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	appendOnly := func(t *testing.T, tenant id.Tenant, b booked) error {
		t.Helper()
		return f.db.Batch(t.Context(), tenant, func(batch *postgres.Batch) {
			inbox.AppendEnvelope(batch, tenant, b.appointment, b.booking, b.envelope)
		})
	}

	t.Run("LeavesNothingWithoutTheAppointment", func(t *testing.T) {
		t.Parallel()
		b := booking(id.New[id.Tenant]())
		if err := appendOnly(t, b.tenant, b); err != nil {
			t.Fatal(err)
		}
		if n := envelopes(t, b.tenant); n != 0 {
			t.Fatalf("%d envelopes without an appointment", n)
		}
	})

	t.Run("LeavesNothingOnAnotherTenantsAppointment", func(t *testing.T) {
		t.Parallel()
		b := f.confirm(t, booking(id.New[id.Tenant]()))
		other := id.New[id.Tenant]()
		if err := appendOnly(t, other, b); err != nil {
			t.Fatal(err)
		}
		if n := envelopes(t, other); n != 0 {
			t.Fatalf("%d envelopes on another tenant's appointment", n)
		}
	})

	t.Run("DoesNotBringBackWhatWasAcknowledged", func(t *testing.T) {
		t.Parallel()
		b := f.confirm(t, booking(id.New[id.Tenant]()))
		if err := f.Acknowledge(t.Context(), b.tenant, b.card()); err != nil {
			t.Fatal(err)
		}
		if err := appendOnly(t, b.tenant, b); err != nil {
			t.Fatal(err)
		}
		if n := envelopes(t, b.tenant); n != 0 {
			t.Fatalf("%d envelopes came back", n)
		}
	})

	// The browser chooses the envelope's id: one that is taken must not cost
	// the booking its envelope, nor the other booking its own.
	t.Run("UndoesABookingWhoseEnvelopeIDIsTaken", func(t *testing.T) {
		t.Parallel()
		first := f.confirm(t, booking(id.New[id.Tenant]()))
		second := booking(first.tenant)
		second.envelope.EnvelopeID = first.envelope.EnvelopeID
		if err := f.tryConfirm(t.Context(), second); !postgres.Violates(err, "envelope_pk") {
			t.Fatalf("got %v, want a violation of envelope_pk", err)
		}
		if got, _ := f.today(t, first.tenant); len(got) != 1 || got[0].Appointment != first.appointment {
			t.Fatalf("got %+v, want the first booking alone", got)
		}
		elsewhere := booking(id.New[id.Tenant]())
		elsewhere.envelope.EnvelopeID = first.envelope.EnvelopeID
		f.confirm(t, elsewhere) // tenants do not share ids
	})
}
