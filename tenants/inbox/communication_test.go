package inbox_test

import (
	"errors"
	"strings"
	"testing"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/inbox"
)

func aWord(tenant id.Tenant, booking id.Booking) inbox.Communication {
	own := id.New[id.Communication]()
	return inbox.Communication{ID: own, Booking: booking, Envelope: seal.Envelope{
		V: 1, Suite: 2, Tenant: tenant.UUID(), KID: strings.Repeat("A", 22), EnvelopeID: own.UUID(), Enc: make([]byte, 1120), CT: make([]byte, 2048+16),
	}}
}

func TestWordsWaitUntilSomebodyTicksThemOff(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, tenant, other := t.Context(), id.New[id.Tenant](), id.New[id.Tenant]()
	call := aWord(tenant, id.Booking{})
	line := aWord(tenant, id.New[id.Booking]())
	for _, w := range []inbox.Communication{call, line, call} { // the same twice is harmless
		if err := f.Receive(ctx, tenant, w); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Receive(ctx, other, call); !errors.Is(err, inbox.ErrWordForeign) {
		t.Errorf("at another practice: %v", err)
	}
	all, err := f.Communications(ctx, tenant)
	if err != nil || len(all) != 2 || all[0].ID != call.ID || !all[0].Booking.IsZero() || all[1].Booking != line.Booking || all[1].Envelope.KID != line.Envelope.KID {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := f.Tick(ctx, other, call.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := f.Tick(ctx, tenant, call.ID, true); err != nil {
		t.Fatal(err)
	}
	all, err = f.Communications(ctx, tenant)
	if err != nil || all[0].ID != line.ID || !all[0].Done.IsZero() || all[1].ID != call.ID || all[1].Done.IsZero() {
		t.Fatalf("%+v, %v", all, err)
	}
	if err := f.Tick(ctx, tenant, call.ID, false); err != nil {
		t.Fatal(err)
	}
	if all, err = f.Communications(ctx, tenant); err != nil || !all[0].Done.IsZero() {
		t.Fatalf("ticked off by mistake: %+v, %v", all, err)
	}
	if all, err = f.Communications(ctx, other); err != nil || len(all) != 0 {
		t.Fatalf("another practice reads %+v, %v", all, err)
	}
}

func TestOneBookingsPatientWritesAFewLines(t *testing.T) {
	t.Parallel()
	f := setup(t)
	tenant, booking := id.New[id.Tenant](), id.New[id.Booking]()
	for n := range 6 {
		err := f.Receive(t.Context(), tenant, aWord(tenant, booking))
		if n < 5 && err != nil || n == 5 && !errors.Is(err, inbox.ErrTooManyWords) {
			t.Fatalf("the %d.: %v", n+1, err)
		}
	}
	if err := f.Receive(t.Context(), tenant, aWord(tenant, id.New[id.Booking]())); err != nil {
		t.Fatalf("somebody else: %v", err)
	}
}

func TestThePracticeDecidesAboutCallBacks(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, tenant := t.Context(), id.New[id.Tenant]()
	if c, err := f.CallBacks(ctx, tenant); err != nil || !c.Open || len(c.Topics) != 0 {
		t.Fatalf("by default: %+v, %v", c, err)
	}
	for _, topics := range [][]string{{""}, {"a", "a"}, {"a\nb"}, {strings.Repeat("x", 61)}, make([]string, 21)} {
		if err := f.SetCallBacks(ctx, tenant, inbox.CallBacks{Open: true, Topics: topics}); !errors.Is(err, inbox.ErrMalformedTopics) {
			t.Errorf("%q: %v", topics, err)
		}
	}
	if err := f.SetCallBacks(ctx, tenant, inbox.CallBacks{Topics: []string{"Rezept", "Befund"}}); err != nil {
		t.Fatal(err)
	}
	if c, err := f.CallBacks(ctx, tenant); err != nil || c.Open || len(c.Topics) != 2 || c.Topics[0] != "Rezept" {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := f.Receive(ctx, tenant, aWord(tenant, id.Booking{})); !errors.Is(err, inbox.ErrCallBackClosed) {
		t.Errorf("while closed: %v", err)
	}
	if err := f.Receive(ctx, tenant, aWord(tenant, id.New[id.Booking]())); err != nil {
		t.Errorf("a line about a booking: %v", err)
	}
}
