package notify_test

import (
	"context"
	"net"
	"net/smtp"
	"strings"
	"testing"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/booking"
	"siegel/tenants/notify"
)

// returns is where mails come back to, with the accounts that it writes to.
func returns(t *testing.T) (*notify.Bounces, *notify.Deliveries, *postgres.DB, string) {
	t.Helper()
	db := testdb.Open(t)
	deliveries := notify.NewDeliveries(db)
	bounces, err := notify.NewBounces("bounce.siegel.example", []byte("0123456789abcdef0123456789abcdef"), deliveries)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- bounces.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return bounces, deliveries, db, l.Addr().String()
}

// sendBack speaks as a mail server elsewhere does.
func sendBack(t *testing.T, addr, from, to string) error {
	t.Helper()
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte("Subject: Undeliverable\r\n\r\nmila.kanarienvogel@example.org does not exist\r\n")); err != nil {
		return err
	}
	return w.Close()
}

func TestAMailThatCameBackIsNotedByItsReturnAddress(t *testing.T) {
	t.Parallel()
	bounces, deliveries, db, addr := returns(t)
	d := newDesk()
	b := setup(t, d, func(c *notify.Config) { c.Bounces, c.Deliveries = bounces, deliveries })
	m := message(notify.ReceiptMail)
	if err := b.handlers[m.Kind](t.Context(), m); err != nil {
		t.Fatal(err)
	}
	returnTo := b.one(t).from
	state := func() notify.Delivery {
		t.Helper()
		found, ok, err := deliveries.Delivery(t.Context(), m.ID)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return found
	}
	if got := state(); got.State != notify.Submitted || got.Channel != "mail" || got.Kind != notify.ReceiptMail || got.Booking != d.out.BookingID {
		t.Fatalf("%+v", got)
	}
	if strings.Contains(returnTo, "mila") || !strings.HasSuffix(returnTo, "@bounce.siegel.example") {
		t.Errorf("it comes back to %s", returnTo)
	}
	for name, c := range map[string]struct{ from, to string }{
		"AnAnswerOfAPerson":     {"mila.kanarienvogel@example.org", returnTo},
		"AnAddressOfNobody":     {"", "b-00000000000000000000000000000000-aaaaaaaaaaaaaaaa@bounce.siegel.example"},
		"TheSameAtAnotherPlace": {"", strings.Replace(returnTo, "bounce.siegel", "siegel", 1)},
		"Shortened":             {"", strings.Replace(returnTo, "b-", "", 1)},
		"Relayed":               {"", "eve@example.org"},
	} {
		if err := sendBack(t, addr, c.from, c.to); err == nil {
			t.Errorf("%s was taken", name)
		}
		if state().State != notify.Submitted {
			t.Fatalf("%s ends the mail", name)
		}
	}
	for range 2 { // the second time changes nothing
		if err := sendBack(t, addr, "", strings.ToUpper(returnTo)); err != nil {
			t.Fatal(err)
		}
	}
	if got := state(); got.State != notify.Failed || got.Code != "came_back" || got.Ended.IsZero() {
		t.Errorf("%+v", got)
	}
	var traces int
	if err := db.Global().NewRaw(`select count(*) from message_delivery d where to_jsonb(d)::text like '%kanarienvogel%'`).Scan(t.Context(), &traces); err != nil || traces != 0 {
		t.Errorf("%d accounts name the address, %v", traces, err)
	}
}

// Where both ways exist, the second is taken for what the first will not carry,
// and what was taken of the budget is given back.
func TestAMailGoesWhereATextMessageCannot(t *testing.T) {
	t.Parallel()
	deliveries, db := func() (*notify.Deliveries, *postgres.DB) {
		db := testdb.Open(t)
		return notify.NewDeliveries(db), db
	}()
	d := smsDesk()
	d.out.Address, d.out.Change = "+49301234567", booking.ChangeMoved
	d.out.Other = booking.Way{Channel: "mail", Address: address}
	b := setup(t, d, func(c *notify.Config) { c.Deliveries, c.Route = deliveries, nil })
	m := message(notify.ChangeSMS)
	if err := db.Batch(t.Context(), m.Tenant, func(batch *postgres.Batch) {
		notify.Budget{}.AppendBudget(batch, m.Tenant, m.ID, id.New[id.Booking]())
	}); err != nil {
		t.Fatal(err)
	}
	// Nobody carries text messages at the moment: that may be over soon.
	for m.Attempts = 1; m.Attempts < 3; m.Attempts++ {
		if err := b.handlers[m.Kind](t.Context(), m); err == nil || len(b.received()) != 0 {
			t.Fatalf("attempt %d: %v, %d mails", m.Attempts, err, len(b.received()))
		}
	}
	if err := b.handlers[m.Kind](t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := b.one(t); got.to != address || !strings.Contains(read(t, got.data).text, "verschoben") {
		t.Errorf("to %s:\n%s", got.to, got.data)
	}
	found, _, err := deliveries.Delivery(t.Context(), m.ID)
	if err != nil || found.State != notify.Submitted || found.Channel != "mail" {
		t.Errorf("%+v, %v", found, err)
	}
	var taken int
	if err := db.Global().NewRaw(`select taken from message_budget where scope = ? and channel = 'sms'`, m.Tenant.UUID()).Scan(t.Context(), &taken); err != nil || taken != 0 {
		t.Errorf("%d taken of the budget, %v", taken, err)
	}
}
