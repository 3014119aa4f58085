package booking_test

import (
	"errors"
	"strings"
	"testing"

	"siegel/platform/id"
	"siegel/tenants/booking"
	"siegel/tenants/tenanttest"
)

func TestThePracticeTellsWhatBecameOfAnAppointment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant, later := t.Context(), b.Tenant.ID, tenanttest.At(4, 10, 0)
	made, err := b.BookAtDesk(ctx, tenant, deskBooking(b.deskTime(b.Quarter, tenanttest.At(3, 9, 0))))
	if err != nil {
		t.Fatal(err)
	}
	tell := func(to string) string {
		t.Helper()
		m, err := b.Tell(ctx, tenant, booking.Released{Appointment: made, Channel: booking.Mail, Address: to, Language: "de"})
		if err != nil {
			t.Fatal(err)
		}
		return m.UUID()
	}
	ref := tell("erika@muster.example")
	out, err := b.ChangeToSend(ctx, tenant, ref)
	if err != nil || out.Address != "erika@muster.example" || out.Change != booking.ChangeBooked || len(out.Stops) != 1 || out.Link != "" {
		t.Errorf("booked: %+v, %v", out, err)
	}
	if n := b.count(t, "outbox where kind = 'change_mail' and status = 'waiting'"); n != 1 {
		t.Errorf("%d messages wait", n)
	}
	// What is said is what is true when it leaves, of the first message too.
	if _, err := b.MoveAtDesk(ctx, tenant, made, b.deskTime(b.Quarter, later)); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{ref, tell("erika@muster.example")} {
		out, err = b.ChangeToSend(ctx, tenant, ref)
		if err != nil || out.Change != booking.ChangeMoved || !out.Stops[0].Starts.Equal(later) || !strings.Contains(out.ICS, "SEQUENCE:1") {
			t.Errorf("moved: %+v, %v", out, err)
		}
	}
	history, err := b.History(ctx, tenant, out.BookingID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.SetStatus(ctx, tenant, history[1].Appointment, booking.StatusChange{Status: "cancelled", Reason: "ill"}); err != nil {
		t.Fatal(err)
	}
	out, err = b.ChangeToSend(ctx, tenant, ref)
	if err != nil || out.Change != booking.ChangeCancelled || !strings.Contains(out.ICS, "METHOD:CANCEL") || out.Link == "" {
		t.Errorf("cancelled: %+v, %v", out, err)
	}
	if err := b.ChangeSent(ctx, tenant, ref); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ChangeToSend(ctx, tenant, ref); !errors.Is(err, booking.ErrAddressLapsed) {
		t.Errorf("sent, and still there: %v", err)
	}
}

func TestAReleasedAddressIsSealedAndDiesWithinTheHour(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	made, err := b.BookAtDesk(ctx, tenant, deskBooking(b.deskTime(b.Quarter, tenanttest.At(3, 9, 0))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Tell(ctx, tenant, booking.Released{Appointment: made, Channel: booking.Mail, Address: "erika@muster.example"}); err != nil {
		t.Fatal(err)
	}
	found := false
	keys := b.Redis.Raw().Keys(ctx, "*:released:*").Val()
	for _, key := range keys {
		value := b.Redis.Raw().Get(ctx, key).Val()
		if strings.Contains(key+value, "erika") {
			t.Errorf("%s shows the address", key)
		}
		if strings.Contains(key, ":released:") {
			found = true
			if ttl := b.Redis.Raw().TTL(ctx, key).Val(); ttl <= 0 || ttl.Hours() > 1 {
				t.Errorf("it lives for %v", ttl)
			}
		}
	}
	if !found {
		t.Error("nothing was kept")
	}
	for name, r := range map[string]booking.Released{
		"nobody's":      {Appointment: id.New[id.Appointment](), Channel: booking.Mail, Address: "erika@muster.example"},
		"no address":    {Appointment: made, Channel: booking.Mail, Address: "erika"},
		"two addresses": {Appointment: made, Channel: booking.Mail, Address: "a@muster.example, b@muster.example"},
		"no channel":    {Appointment: made, Channel: "pigeon", Address: "erika@muster.example"},
		"a landline":    {Appointment: made, Channel: booking.SMS, Address: "+4972430001"},
	} {
		if _, err := b.Tell(ctx, tenant, r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if n := b.count(t, "outbox where kind like 'change%'"); n != 1 {
		t.Errorf("%d messages", n)
	}
}
