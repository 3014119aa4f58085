package booking_test

import (
	"errors"
	"testing"

	"siegel/platform/id"
	"siegel/tenants/booking"
	"siegel/tenants/tenanttest"
)

func (b *bench) byMachine(r booking.HoldRequest, h booking.Hold, f tenanttest.Form) booking.MachineBooking {
	return booking.MachineBooking{Hold: h.ID, Token: r.Token, Forms: []booking.Form{{Envelope: f.Envelope, Copy: f.Copy}}, Secret: f.Secret[:]}
}

func TestAMachineBooksWhatItHoldsAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, h := b.hold(t, tenanttest.At(3, 9, 0))
	claim, err := b.Claimed(t.Context(), b.Tenant.ID, r.Token)
	if err != nil || claim.ID != h.ID || claim.Pending || len(claim.Slots) != 1 || claim.Slots[0].Held != h.Items[0] || claim.Slots[0].Service != b.Quarter {
		t.Fatalf("%+v, %v", claim, err)
	}
	f := b.Seal(t, h.Items[0].Booking)
	good := b.byMachine(r, h, f)
	other, _ := b.Plant(t, "nebenan")
	for name, c := range map[string]struct {
		tenant id.Tenant
		change func(*booking.MachineBooking)
		want   error
	}{
		"AnotherToken":  {b.Tenant.ID, func(m *booking.MachineBooking) { m.Token = random(16) }, booking.ErrHoldExpired},
		"AnotherHold":   {b.Tenant.ID, func(m *booking.MachineBooking) { m.Hold = id.New[id.Hold]() }, booking.ErrHoldExpired},
		"ShortSecret":   {b.Tenant.ID, func(m *booking.MachineBooking) { m.Secret = random(15) }, booking.ErrMalformedSecret},
		"NothingSealed": {b.Tenant.ID, func(m *booking.MachineBooking) { m.Forms = nil }, booking.ErrMalformedItems},
		"TwoForOne":     {b.Tenant.ID, func(m *booking.MachineBooking) { m.Forms = append(m.Forms, m.Forms...) }, booking.ErrMalformedItems},
		"BadCopy":       {b.Tenant.ID, func(m *booking.MachineBooking) { m.Forms = []booking.Form{{Envelope: f.Envelope, Copy: random(9)}} }, booking.ErrMalformedCopy},
		"Elsewhere":     {other.ID, func(*booking.MachineBooking) {}, booking.ErrForeignEnvelope},
	} {
		m := good
		c.change(&m)
		if _, err := b.BookForPatient(t.Context(), c.tenant, m); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if n := b.count(t, "appointment"); n != 0 {
		t.Fatalf("refused, and %d appointments", n)
	}
	booked, err := b.BookForPatient(t.Context(), b.Tenant.ID, good)
	if err != nil || booked.Status != booking.StatusBooked || booked.Booking != h.Items[0].Booking {
		t.Fatalf("%+v, %v", booked, err)
	}
	for table, want := range map[string]int{"appointment": 1, "occupation": 1, "envelope": 1, "patient_copy": 1, "outbox where kind like '%mail%'": 0} {
		if n := b.count(t, table); n != want {
			t.Errorf("%d rows in %s, want %d", n, table, want)
		}
	}
	if _, err := b.Claimed(t.Context(), b.Tenant.ID, r.Token); !errors.Is(err, booking.ErrHoldExpired) {
		t.Errorf("the hold is still there: %v", err)
	}
	if moved, err := b.View(t.Context(), b.Tenant.ID, f.Secret[:]); err != nil || moved.Appointment != booked.Appointment {
		t.Errorf("the patient's link shows %+v, %v", moved, err)
	}
}

// What a patient is asked to confirm, no machine confirms in their place.
func TestAMachineConfirmsNothingForAPatientWhoIsAsked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, h := b.hold(t, tenanttest.At(3, 9, 0))
	f, code := b.book(t, r.Token, h)
	if _, err := b.BookForPatient(t.Context(), b.Tenant.ID, b.byMachine(r, h, f)); !errors.Is(err, booking.ErrHoldExpired) {
		t.Fatal(err)
	}
	if n := b.count(t, "appointment"); n != 0 {
		t.Fatalf("%d appointments", n)
	}
	if _, err := b.Confirm(t.Context(), b.Tenant.ID, f.Secret[:], code); err != nil {
		t.Fatal(err)
	}
}
