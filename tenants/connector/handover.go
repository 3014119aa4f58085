package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"siegel/platform/seal"
)

var errKeyMissing = errors.New("a booking is sealed to a key that this connector does not have yet")

// handOver opens a page, keeps it, hands it to every outlet, and returns what
// may be acknowledged: what every outlet has, and what will never open. The
// error says what stayed behind.
func (a *Agent) handOver(ctx context.Context, all []due) (acks []handed, err error) {
	opened := a.openAll(all)
	var have []entry
	var bookings []string
	var failed error
	versions := map[string]due{}
	for n, d := range all {
		o := opened[n]
		switch {
		case o.err == nil && o.skip:
			acks = append(acks, handed{Booking: d.Booking, Version: d.Version})
		case o.err == nil:
			if !o.known {
				have = append(have, entry{Have: &o.item})
			}
			bookings = append(bookings, o.item.Booking)
			versions[o.item.Booking] = d
		case errors.Is(o.err, seal.ErrUnknownKey):
			// The office may have begun a new key a moment ago.
			a.keysRead = time.Time{}
			failed = errKeyMissing
		default:
			// It stays in the office, where people see that it does not open.
			slog.Warn("a booking does not open", "booking", d.Booking, "err", o.err)
			a.note(func(h *health) { h.Refused++ })
			acks = append(acks, handed{d.Booking, d.Version, true})
		}
	}
	if len(have) > 0 {
		a.Step("open")
		if err := a.journal.append(have...); err != nil {
			return nil, err
		}
		a.Step("have")
	}
	for _, o := range a.outlets {
		err := a.give(ctx, o, bookings)
		a.trouble(o.name(), err)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", o.name(), err))
		}
	}
	n := 0
	for _, b := range bookings {
		if r := a.journal.records[b]; r.done&a.journal.all == a.journal.all {
			acks = append(acks, handed{Booking: versions[b].Booking, Version: versions[b].Version})
			n++
		}
	}
	a.note(func(h *health) { h.Handed += n })
	if n > 0 {
		slog.Info("handed over", "bookings", n, "outlets", len(a.outlets))
	}
	return acks, failed
}

// opening is what became of one that is due.
type opening struct {
	item  Item
	known bool // this state is in the journal already
	skip  bool // there is nothing to hand over
	err   error
}

func (a *Agent) openAll(all []due) []opening {
	out := make([]opening, len(all))
	a.mu.Lock()
	names := a.names
	a.mu.Unlock()
	var group sync.WaitGroup
	limit := make(chan struct{}, runtime.GOMAXPROCS(0))
	for n := range all {
		limit <- struct{}{}
		group.Go(func() {
			defer func() { <-limit }()
			out[n] = a.openOne(all[n], names)
		})
	}
	group.Wait()
	return out
}

func (a *Agent) openOne(d due, n names) opening {
	if len(d.Booking) != len("bkg_")+36 {
		return opening{err: errBooking}
	}
	booking := d.Booking[len("bkg_"):]
	if d.Status == "proposed" || d.Status == "waitlist" {
		return opening{skip: true} // no date yet
	}
	known, ok, err := a.journal.read(booking)
	if err != nil {
		return opening{err: err}
	}
	if ok && known.Version >= d.Version {
		return opening{item: known, known: true}
	}
	if ok {
		// What was sealed does not change; where it is now, the office says.
		return opening{item: known.at(d, n)}
	}
	var plaintext []byte
	switch {
	case d.Card != nil:
		key, has := a.keys.Books[d.Card.Epoch]
		if !has {
			return opening{err: seal.ErrUnknownKey}
		}
		plaintext, err = seal.OpenCard(key, a.pairing.Tenant, booking, d.Card.Version, d.Card.Ciphertext)
	case d.Envelope != nil:
		if err := d.Envelope.Check(); err != nil {
			return opening{err: err}
		}
		plaintext, err = a.keys.Open(*d.Envelope, booking)
	default:
		// Booked before the connector came, or entered without a name.
		return opening{skip: true}
	}
	if err != nil {
		return opening{err: err}
	}
	o, starts, ends, err := readBooking(plaintext, a.pairing.Tenant, booking)
	if err != nil {
		return opening{err: err}
	}
	return opening{item: item(o, starts, ends, d, n)}
}

// give hands bookings to an outlet, as many at a time as it takes, each state
// once.
func (a *Agent) give(ctx context.Context, o outlet, bookings []string) error {
	// What failed on the way is ended first: it may be half done.
	if err := a.finish(ctx, o); err != nil {
		return err
	}
	bit := a.journal.bits[o.name()]
	var left, never []string
	for _, b := range bookings {
		r := a.journal.records[b]
		switch {
		case r.done&bit != 0:
		case r.kind == Cancelled && r.ever&bit == 0:
			never = append(never, b) // it never knew of it
		default:
			left = append(left, b)
		}
	}
	if len(never) > 0 {
		if err := a.journal.append(entry{Done: a.begin(o, never, nil)}); err != nil {
			return err
		}
	}
	for len(left) > 0 && ctx.Err() == nil {
		some := left[:min(len(left), o.most())]
		left = left[len(some):]
		items, err := a.items(some)
		if err != nil {
			return err
		}
		mark, err := o.prepare(items)
		if err != nil {
			return err
		}
		a.Step(o.name() + " prepared")
		begun := a.begin(o, some, mark)
		if err := a.journal.append(entry{Begin: begun}); err != nil {
			return err
		}
		a.Step(o.name() + " begun")
		if err := o.hand(ctx, items, mark, false); err != nil {
			return err
		}
		a.Step(o.name() + " handed")
		if err := a.journal.append(entry{Done: begun}); err != nil {
			return err
		}
		a.Step(o.name() + " done")
	}
	return ctx.Err()
}

func (a *Agent) begin(o outlet, bookings []string, mark json.RawMessage) *begin {
	b := &begin{Outlet: o.name(), Bookings: bookings, Mark: mark, Versions: make([]int64, len(bookings))}
	for n, booking := range bookings {
		b.Versions[n] = a.journal.records[booking].version
	}
	return b
}

func (a *Agent) items(bookings []string) ([]Item, error) {
	items := make([]Item, len(bookings))
	for n, b := range bookings {
		i, ok, err := a.journal.read(b)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, errJournal
		}
		items[n] = i
	}
	return items, nil
}

// recover finishes what had begun when the last agent ended. An outlet that
// cannot now is asked again with the next page, by the same mark.
func (a *Agent) recover(ctx context.Context) {
	for _, o := range a.outlets {
		a.trouble(o.name(), a.finish(ctx, o))
	}
}

// finish ends what an outlet has begun and not done: by what was staged then,
// whatever has become of the booking since.
func (a *Agent) finish(ctx context.Context, o outlet) error {
	b := a.journal.open[o.name()]
	if b == nil {
		return nil
	}
	items, err := a.items(b.Bookings)
	if err != nil {
		return err
	}
	if err := o.hand(ctx, items, b.Mark, true); err != nil {
		return err
	}
	a.Step(o.name() + " finished")
	return a.journal.append(entry{Done: b})
}
