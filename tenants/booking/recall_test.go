package booking_test

import (
	"errors"
	"strings"
	"testing"

	"siegel/tenants/booking"
)

// The server learns an address for an hour and nothing else: neither row nor
// key tells whom a practice asks to come again.
func TestWhoIsAskedToComeAgainIsKnownToNobodyButThePractice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, tenant := t.Context(), b.Tenant.ID
	m, err := b.Recall(ctx, tenant, booking.Recalled{Channel: booking.Mail, Address: "erika@muster.example", Other: "0151 12345678", Language: "fr"})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, key := range b.Redis.Raw().Keys(ctx, "*").Val() {
		value, _ := b.Redis.Raw().Get(ctx, key).Result()
		if strings.Contains(key+value, "erika") || strings.Contains(key+value, "12345678") {
			t.Errorf("%s shows the address", key)
		}
		if strings.Contains(key, ":recall:") {
			found = true
			if ttl := b.Redis.Raw().TTL(ctx, key).Val(); ttl <= 0 || ttl.Hours() > 1 {
				t.Errorf("it lives for %v", ttl)
			}
		}
	}
	if !found {
		t.Fatal("nothing was kept")
	}
	out, err := b.RecallToSend(ctx, tenant, m.UUID())
	if err != nil || out.Address != "erika@muster.example" || out.Language != "de" || out.Other != (booking.Way{Channel: "sms", Address: "+4915112345678"}) ||
		out.Link != "http://praxis.localhost:8080" || !out.BookingID.IsZero() || out.ICS != "" {
		t.Errorf("%+v, %v", out, err)
	}
	if n := b.count(t, "message_delivery where booking_id is not null"); n != 0 {
		t.Error("the message is about a booking")
	}
	if err := b.RecallSent(ctx, tenant, m.UUID()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.RecallToSend(ctx, tenant, m.UUID()); !errors.Is(err, booking.ErrAddressLapsed) {
		t.Errorf("sent, and still there: %v", err)
	}
	if _, err := b.Recall(ctx, tenant, booking.Recalled{Channel: booking.SMS, Address: "+4972430001"}); !errors.Is(err, booking.ErrAddress) {
		t.Errorf("a landline: %v", err)
	}
}
