package audit_test

import (
	"net/netip"
	"testing"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
)

// Whatever writes an appointment, each of its transitions is in the trail once,
// in the same transaction, with whoever acted.
func TestEachTransitionOfAnAppointmentIsRecordedOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	account := id.New[id.Account]()
	staff := audit.With(t.Context(), audit.Person(account), netip.MustParseAddr("198.51.100.9"))
	patient := audit.With(t.Context(), audit.Patient, netip.MustParseAddr("198.51.100.10"))
	appointment := id.New[id.Appointment]()
	args := []any{f.tenant, appointment}
	steps := []struct {
		name string
		run  func() error
		want []string // act, actor, by, address
	}{
		{"Booked", func() error {
			return f.db.Batch(patient, f.tenant, func(b *postgres.Batch) {
				b.Exec(`insert into appointment (tenant_id, id, booking_id, status, source, practitioner_id, resource_id, location_id, starts, ends, cancel_until, move_until, secret_hash)
					values ($1, $2, $2, 'booked', 'online', $2, $2, $2, now(), now() + interval '1 hour', now(), now(), sha256('x'))`, args...)
			})
		}, []string{"appointment.booked", "patient", "", ""}},
		{"Untouched", func() error {
			return f.db.Batch(staff, f.tenant, func(b *postgres.Batch) {
				b.Exec(`update appointment set status = status where tenant_id = $1 and id = $2`, args...)
				b.Exec(`update appointment set starts = starts where tenant_id = $1 and id = $2`, args...)
			})
		}, nil},
		{"CheckedIn", func() error {
			return f.db.Batch(staff, f.tenant, func(b *postgres.Batch) {
				b.Exec(`update appointment set status = 'checked-in' where tenant_id = $1 and id = $2`, args...)
			})
		}, []string{"appointment.checked_in", "person", "", "198.51.100.0"}},
		{"RolledBack", func() error {
			_ = f.db.Batch(staff, f.tenant, func(b *postgres.Batch) {
				b.Exec(`update appointment set status = 'noshow' where tenant_id = $1 and id = $2`, args...)
				b.Exec(`select 1 / 0`)
			})
			return nil
		}, nil},
		{"Cancelled", func() error {
			return f.db.Batch(t.Context(), f.tenant, func(b *postgres.Batch) {
				b.Exec(`update appointment set status = 'cancelled', cancelled_by = 'practice' where tenant_id = $1 and id = $2`, args...)
			})
		}, []string{"appointment.cancelled", "system", "practice", ""}},
	}
	n := 0
	for _, s := range steps {
		if err := s.run(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if s.want != nil {
			n++
		}
		found := f.list(t, audit.Filter{})
		if len(found) != n {
			t.Fatalf("%s: %d entries, want %d", s.name, len(found), n)
		}
		if s.want == nil {
			continue
		}
		r := found[0]
		if r.Act != s.want[0] || string(r.Actor.Kind) != s.want[1] || r.Detail["by"] != s.want[2] || r.Address != s.want[3] || r.Object != appointment.String() {
			t.Errorf("%s: %+v", s.name, r)
		}
		if (r.Actor.Kind == audit.KindPerson) != (r.Actor == audit.Person(account)) {
			t.Errorf("%s: by %v", s.name, r.Actor)
		}
	}
	f.chain(t)
	if r := f.verify(t); r.Entries != int64(n) || r.Waiting != 0 || len(r.Findings) != 0 {
		t.Errorf("%+v", r)
	}
}

// Who acted is said for one transaction, and no longer.
func TestWhoActedIsForgottenWithTheTransaction(t *testing.T) {
	t.Parallel()
	f := setup(t)
	as := audit.With(t.Context(), audit.Person(id.New[id.Account]()), netip.Addr{})
	for _, ctx := range []int{0, 1, 0, 1, 1, 0} {
		var actor string
		use := t.Context()
		if ctx == 1 {
			use = as
		}
		if err := f.db.Batch(use, f.tenant, func(b *postgres.Batch) { b.Row(`select current_setting('siegel.actor', true)`, nil, &actor) }); err != nil {
			t.Fatal(err)
		}
		if (actor != "") != (ctx == 1) {
			t.Errorf("somebody %d acts as %q", ctx, actor)
		}
	}
}
