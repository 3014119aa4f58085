package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	waveSize = 50
	// lostEvery is how many waves of holds come to one of confirmations.
	lostEvery = 20
)

// measureWave sends fifty patients at once for one slot. Most waves race for
// the hold. In some, Redis has lost every hold while the patients filled in
// their forms, and fifty confirmations race in the database. A wave's time is
// that of its last answer.
func measureWave(ctx context.Context, f *field) ([]result, error) {
	if err := f.sides(ctx); err != nil {
		return nil, err
	}
	if err := f.settle(ctx); err != nil {
		return nil, err
	}
	before, err := f.deadlocks(ctx)
	if err != nil {
		return nil, err
	}
	conns, err := f.connect(f.product, waveSize)
	if err != nil {
		return nil, err
	}
	defer conns.close()
	w := waves{f: f, conns: conns}
	for i := range f.waves {
		if i%100 == 99 {
			if err := w.settle(ctx); err != nil {
				return nil, err
			}
		}
		if err := w.holds(); err != nil {
			return nil, err
		}
		if i%lostEvery == lostEvery-1 {
			if err := w.confirms(ctx); err != nil {
				return nil, err
			}
		}
	}
	if err := w.settle(ctx); err != nil {
		return nil, err
	}
	time.Sleep(1500 * time.Millisecond) // until Postgres has told its statistics
	after, err := f.deadlocks(ctx)
	if err != nil {
		return nil, err
	}
	double, err := f.doubleBookings(ctx)
	if err != nil {
		return nil, err
	}
	all := []result{w.held.wave("wave"), w.confirmed.wave("wave_confirm")}
	all[0].Values = map[string]float64{
		"waves": float64(len(w.held.times) + len(w.confirmed.times)), "double_bookings": float64(double + w.double),
		"deadlocks": float64(after - before), "unsold": float64(w.unsold),
	}
	all[0].miss(double+w.double == 0, "%d double bookings", double+w.double)
	all[0].miss(after == before, "%d deadlocks", after-before)
	all[0].miss(w.unsold == 0, "%d slots that nobody got", w.unsold)
	return all, nil
}

func (s sample) wave(name string) result {
	slices.Sort(s.times)
	r := result{Name: name, P50: s.percentile(0.50), P99: s.percentile(0.99)}
	if r.P50 > 0 {
		r.Rate = 1000 / r.P50
	}
	r.miss(r.P99 <= 100, "p99 %.0f ms, want at most 100", r.P99)
	return r
}

type waves struct {
	f              *field
	conns          pool
	held           sample
	confirmed      sample
	winners        []patient // of holds, not booked yet
	double, unsold int
}

// fifty are patients who want the same slot.
func (w *waves) fifty() []patient {
	first := w.f.patient(w.f.product)
	all := []patient{first}
	for len(all) < waveSize {
		all = append(all, w.f.visitorFor(w.f.product, first.practice, first.practitioner, first.starts))
	}
	return all
}

// race sends all calls at the same moment. It returns who won, and the time of
// the last answer.
func (w *waves) race(calls []call, won int) (winners []int, took time.Duration, err error) {
	var (
		mu   sync.Mutex
		wait sync.WaitGroup
		gate = make(chan struct{})
	)
	for i, q := range calls {
		wait.Go(func() {
			<-gate
			status, body, e := w.conns[i].patiently(q)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case e != nil:
				err = e
			case status == won:
				winners = append(winners, i)
			case status != http.StatusConflict || !bytes.Contains(body, []byte(`"slot_taken"`)):
				err = fmt.Errorf("%s: %d %s", q.path, status, body)
			}
		})
	}
	begun := time.Now()
	close(gate)
	wait.Wait()
	took = time.Since(begun)
	w.double += max(0, len(winners)-1)
	if len(winners) == 0 {
		w.unsold++
	}
	return winners, took, err
}

func (w *waves) holds() error {
	patients := w.fifty()
	calls := make([]call, len(patients))
	for i, p := range patients {
		calls[i] = p.holdCall()
	}
	winners, took, err := w.race(calls, http.StatusCreated)
	if err != nil {
		return err
	}
	w.held.times = append(w.held.times, took)
	for _, i := range winners {
		w.winners = append(w.winners, patients[i])
	}
	return nil
}

func (w *waves) confirms(ctx context.Context) error {
	patients := w.fifty()
	for i, p := range patients {
		if err := w.loseHolds(ctx); err != nil {
			return err
		}
		if err := p.hold(w.conns[i]); err != nil {
			return err
		}
		if err := p.book(w.conns[i], w.f.kid); err != nil {
			return err
		}
	}
	codes, err := w.f.product.codes(patients)
	if err != nil {
		return err
	}
	calls := make([]call, len(patients))
	for i, p := range patients {
		calls[i] = p.confirmCall(codes[i])
	}
	_, took, err := w.race(calls, http.StatusOK)
	w.confirmed.times = append(w.confirmed.times, took)
	return err
}

// loseHolds takes from Redis what keeps two holds apart, and leaves the rest:
// claims are sorted sets, records are not.
func (w *waves) loseHolds(ctx context.Context) error {
	var lost []string
	all := w.f.redis.ScanType(ctx, 0, "*", 10_000, "zset").Iterator()
	for all.Next(ctx) {
		lost = append(lost, all.Val())
	}
	if err := all.Err(); err != nil || len(lost) == 0 {
		return err
	}
	return w.f.redis.Del(ctx, lost...).Err()
}

// settle lets the winners of holds book and confirm, so that what they won is
// counted in the database.
func (w *waves) settle(ctx context.Context) error {
	winners := w.winners
	w.winners = nil
	if _, err := w.conns.each(ctx, len(winners), func(c *client, i int) error { return winners[i].book(c, w.f.kid) }); err != nil {
		return err
	}
	codes, err := w.f.product.codes(winners)
	if err != nil {
		return err
	}
	if _, err := w.conns.each(ctx, len(winners), func(c *client, i int) error { return winners[i].confirm(c, codes[i]) }); err != nil {
		return err
	}
	return w.f.settle(ctx)
}

func (f *field) deadlocks(ctx context.Context) (n int, err error) {
	return n, f.db.QueryRow(ctx, `select deadlocks from pg_stat_database where datname = current_database()`).Scan(&n)
}

// doubleBookings are pairs of appointments that overlap on one resource. They
// lie ahead: of the past there is a lot (see measureHistory).
func (f *field) doubleBookings(ctx context.Context) (n int, err error) {
	return n, f.db.QueryRow(ctx, `select count(*) from appointment a join appointment b
		on b.tenant_id = a.tenant_id and b.resource_id = a.resource_id and b.id > a.id and b.starts < a.ends and b.ends > a.starts
		where a.starts > now() and b.starts > now()`).Scan(&n)
}
