package inbox_test

import (
	"bytes"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"siegel/platform/id"
	"siegel/tenants/inbox"
)

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	f := setup(t)

	t.Run("PutsTheCardInTheEnvelopesPlace", func(t *testing.T) {
		t.Parallel()
		b := f.confirm(t, booking(id.New[id.Tenant]()))
		_, before := f.today(t, b.tenant)
		card := b.card()
		card.Epoch = 3
		if err := f.Acknowledge(t.Context(), b.tenant, card); err != nil {
			t.Fatal(err)
		}
		e := f.one(t, b)
		if e.Envelope != nil {
			t.Error("the envelope is still there")
		}
		if e.Card == nil || e.Card.Version != 1 || e.Card.Epoch != 3 || !bytes.Equal(e.Card.Ciphertext, card.Ciphertext) {
			t.Errorf("got the card %+v", e.Card)
		}
		if _, after := f.today(t, b.tenant); after != before+1 {
			t.Errorf("the count went from %d to %d, want one more", before, after)
		}
	})

	t.Run("ASecondTimeSaysThatThereIsACard", func(t *testing.T) {
		t.Parallel()
		b := f.confirm(t, booking(id.New[id.Tenant]()))
		first := b.card()
		if err := f.Acknowledge(t.Context(), b.tenant, first); err != nil {
			t.Fatal(err)
		}
		_, before := f.today(t, b.tenant)
		if err := f.Acknowledge(t.Context(), b.tenant, b.card()); !errors.Is(err, inbox.ErrCardExists) {
			t.Errorf("got %v, want %v", err, inbox.ErrCardExists)
		}
		if e := f.one(t, b); e.Card == nil || !bytes.Equal(e.Card.Ciphertext, first.Ciphertext) {
			t.Error("the first card was overwritten")
		}
		if _, after := f.today(t, b.tenant); after != before {
			t.Errorf("the count went from %d to %d though nothing changed", before, after)
		}
	})

	t.Run("WantsTheAppointmentsOwnEnvelope", func(t *testing.T) {
		t.Parallel()
		tenant := id.New[id.Tenant]()
		a, b := f.confirm(t, booking(tenant)), f.confirm(t, booking(tenant))
		mixed := a.card()
		mixed.Envelope = b.card().Envelope
		unknown := a.card()
		unknown.Envelope = id.New[id.Envelope]()
		nowhere := a.card()
		nowhere.Appointment = id.New[id.Appointment]()
		for name, card := range map[string]inbox.Card{"AnothersEnvelope": mixed, "NoSuchEnvelope": unknown, "NoSuchAppointment": nowhere, "Zero": {Version: 1, Epoch: 1, Ciphertext: mixed.Ciphertext}} {
			if err := f.Acknowledge(t.Context(), tenant, card); !errors.Is(err, inbox.ErrNoEnvelope) {
				t.Errorf("%s: got %v, want %v", name, err, inbox.ErrNoEnvelope)
			}
		}
		for _, x := range []booked{a, b} {
			if e := f.one(t, x); e.Envelope == nil || e.Card != nil {
				t.Errorf("an envelope is lost, or a card was stored: %+v", e)
			}
		}
	})

	t.Run("IsOneTenants", func(t *testing.T) {
		t.Parallel()
		b := f.confirm(t, booking(id.New[id.Tenant]()))
		other := id.New[id.Tenant]()
		if err := f.Acknowledge(t.Context(), other, b.card()); !errors.Is(err, inbox.ErrNoEnvelope) {
			t.Errorf("another tenant: got %v, want %v", err, inbox.ErrNoEnvelope)
		}
		if err := f.Acknowledge(t.Context(), b.tenant, b.card()); err != nil {
			t.Fatal(err)
		}
		// A card that exists is as unknown to another tenant as one that does not.
		if err := f.Acknowledge(t.Context(), other, b.card()); !errors.Is(err, inbox.ErrNoEnvelope) {
			t.Errorf("another tenant, afterwards: got %v, want %v", err, inbox.ErrNoEnvelope)
		}
	})

	t.Run("RefusesCardsThatNoClientMakes", func(t *testing.T) {
		t.Parallel()
		b := f.confirm(t, booking(id.New[id.Tenant]()))
		for name, spoil := range map[string]func(*inbox.Card){
			"Empty":         func(c *inbox.Card) { c.Ciphertext = nil },
			"NoPlaintext":   func(c *inbox.Card) { c.Ciphertext = random(12 + 16) },
			"HalfAStep":     func(c *inbox.Card) { c.Ciphertext = random(12 + 1024 + 16) },
			"OneByteLess":   func(c *inbox.Card) { c.Ciphertext = random(12 + 2047 + 16) },
			"OneByteMore":   func(c *inbox.Card) { c.Ciphertext = random(12 + 2049 + 16) },
			"NoNonce":       func(c *inbox.Card) { c.Ciphertext = random(2048 + 16) },
			"Above32KiB":    func(c *inbox.Card) { c.Ciphertext = random(12 + 16*2048 + 16) },
			"NoVersion":     func(c *inbox.Card) { c.Version = 0 },
			"LaterVersion":  func(c *inbox.Card) { c.Version = 2 },
			"NoEpoch":       func(c *inbox.Card) { c.Epoch = 0 },
			"NegativeEpoch": func(c *inbox.Card) { c.Epoch = -1 },
			"HugeEpoch":     func(c *inbox.Card) { c.Epoch = math.MaxInt32 + 1 },
		} {
			card := b.card()
			spoil(&card)
			if err := f.Acknowledge(t.Context(), b.tenant, card); !errors.Is(err, inbox.ErrMalformedCard) {
				t.Errorf("%s: got %v, want %v", name, err, inbox.ErrMalformedCard)
			}
		}
		if e := f.one(t, b); e.Envelope == nil || e.Card != nil {
			t.Errorf("the envelope is lost, or a card was stored: %+v", e)
		}
		largest := b.card()
		largest.Ciphertext = random(12 + 15*2048 + 16)
		if err := f.Acknowledge(t.Context(), b.tenant, largest); err != nil {
			t.Errorf("the largest card: %v", err)
		}
	})
}

// Several desks open the same bookings at the same time, while more come in: of
// each booking one desk stores the card, the others are told, nothing is lost,
// and whoever waits for the count to rise has seen everything.
func TestAcknowledge_ManyDesksAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	tenant := id.New[id.Tenant]()
	const bookings, desks = 12, 6

	var all []booked
	for range bookings {
		all = append(all, f.confirm(t, booking(tenant)))
	}
	winner := make([]atomic.Pointer[inbox.Card], bookings)
	var wg sync.WaitGroup
	for desk := range desks {
		wg.Go(func() {
			for i := range all {
				i = (i + desk) % bookings
				card := all[i].card()
				switch err := f.Acknowledge(t.Context(), tenant, card); {
				case err == nil:
					if !winner[i].CompareAndSwap(nil, &card) {
						t.Errorf("two desks stored the card of booking %d", i)
					}
				case !errors.Is(err, inbox.ErrCardExists):
					t.Errorf("unexpected: %v", err)
				}
			}
		})
	}
	late := make([]booked, bookings)
	wg.Go(func() {
		for i := range late {
			late[i] = booking(tenant)
			if err := f.tryConfirm(t.Context(), late[i]); err != nil {
				t.Errorf("confirm: %v", err)
			}
		}
	})
	// A reader for whom the count must explain every difference.
	wg.Go(func() {
		seen := map[int64]int{}
		for range 40 {
			entries, cursor, err := f.Entries(t.Context(), tenant, noon, noon.AddDate(0, 0, 1))
			if err != nil {
				t.Errorf("entries: %v", err)
				return
			}
			state := 0
			for _, e := range entries {
				state++
				if e.Card != nil {
					state++
				}
				if (e.Card == nil) == (e.Envelope == nil) {
					t.Errorf("an appointment has both or neither of envelope and card")
				}
			}
			if old, ok := seen[cursor]; ok && old != state {
				t.Errorf("at the count %d there was %d, then %d", cursor, old, state)
			}
			seen[cursor] = state
		}
	})
	wg.Wait()

	entries, cursor := f.today(t, tenant)
	if len(entries) != 2*bookings || cursor != 3*bookings {
		t.Fatalf("%d entries at the count %d, want %d at %d", len(entries), cursor, 2*bookings, 3*bookings)
	}
	for i, b := range all {
		e, card := f.one(t, b), winner[i].Load()
		if card == nil || e.Card == nil || !bytes.Equal(e.Card.Ciphertext, card.Ciphertext) || e.Envelope != nil {
			t.Errorf("booking %d: the card stored is not the one that was acknowledged", i)
		}
	}
	for i, b := range late {
		if e := f.one(t, b); e.Envelope == nil || e.Card != nil {
			t.Errorf("late booking %d lost its envelope", i)
		}
	}
}
