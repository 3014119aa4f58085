package main

import (
	"context"
	"slices"
	"time"
)

const crowd = 64 // clients at once

// contender is one of two that are compared, and what it is asked to do.
type contender struct {
	*side
	do func(*client) error
}

// alternate runs both in turn, for the rounds and once to warm up. Figures are
// a's, its ratio that to b.
func (f *field) alternate(ctx context.Context, clients int, a, b contender) (r rounds, err error) {
	length := time.Duration(f.seconds * float64(time.Second))
	one := func(x contender, length time.Duration) (sample, error) {
		p, err := f.connect(x.side, clients)
		if err != nil {
			return sample{}, err
		}
		defer p.close()
		before := f.spent(x.side)
		s, err := p.during(ctx, length, x.do)
		s.used = f.spent(x.side).minus(before)
		return s, err
	}
	for _, x := range []contender{a, b} {
		if _, err := one(x, length/2); err != nil {
			return r, err
		}
	}
	for range f.rounds {
		of, err := one(a, length)
		if err != nil {
			return r, err
		}
		to, err := one(b, length)
		if err != nil {
			return r, err
		}
		r.add(of, to)
	}
	return r, nil
}

// measureHold holds as many slots as it can, never one twice.
func measureHold(ctx context.Context, f *field) ([]result, error) {
	if err := f.sides(ctx); err != nil {
		return nil, err
	}
	var r rounds
	holds := f.bookings * 4
	for round := range f.rounds + 1 {
		var samples [2]sample
		for i, s := range []*side{f.product, f.floor} {
			if err := f.settle(ctx); err != nil {
				return nil, err
			}
			var err error
			if samples[i], err = f.crowd(ctx, s, f.patients(s, holds), func(c *client, p patient, _ int) error { return p.hold(c) }); err != nil {
				return nil, err
			}
		}
		if round > 0 {
			r.add(samples[0], samples[1])
		}
	}
	row := r.result("hold")
	row.miss(row.Ratio >= 0.5, "%.2f of the floor, want at least 0.5", row.Ratio)
	row.miss(row.P99 <= 30, "p99 %.1f ms, want at most 30", row.P99)
	return []result{row}, f.settle(ctx)
}

// crowd has every patient do something, over 64 connections.
func (f *field) crowd(ctx context.Context, s *side, patients []patient, do func(*client, patient, int) error) (sample, error) {
	p, err := f.connect(s, crowd)
	if err != nil {
		return sample{}, err
	}
	defer p.close()
	before := f.spent(s)
	all, err := p.each(ctx, len(patients), func(c *client, i int) error { return do(c, patients[i], i) })
	all.used = f.spent(s).minus(before)
	return all, err
}

// measureBooking times hold and book, waits for the mails outside of the
// clock, and times confirm. The product's mails leave while it is measured.
func measureBooking(ctx context.Context, f *field) ([]result, error) {
	if err := f.sides(ctx); err != nil {
		return nil, err
	}
	var confirms, bookings rounds
	for round := range f.rounds + 1 {
		n := f.bookings
		if round == 0 {
			n = min(n, 200)
		}
		var confirmed, booked [2]sample
		for i, s := range []*side{f.product, f.floor} {
			if err := f.settle(ctx); err != nil {
				return nil, err
			}
			var (
				patients = f.patients(s, n)
				first    = make([]time.Duration, n)
				second   = make([]time.Duration, n)
			)
			asked, err := f.crowd(ctx, s, patients, timed(first, func(c *client, p patient, _ int) error {
				if err := p.hold(c); err != nil {
					return err
				}
				return p.book(c, f.kid)
			}))
			if err != nil {
				return nil, err
			}
			codes, err := s.codes(patients)
			if err != nil {
				return nil, err
			}
			confirmed[i], err = f.crowd(ctx, s, patients, timed(second, func(c *client, p patient, at int) error {
				return p.confirm(c, codes[at])
			}))
			if err != nil {
				return nil, err
			}
			booked[i] = sample{elapsed: asked.elapsed + confirmed[i].elapsed, used: asked.used.plus(confirmed[i].used)}
			for k := range first {
				booked[i].times = append(booked[i].times, first[k]+second[k])
			}
			slices.Sort(booked[i].times)
		}
		if round > 0 {
			confirms.add(confirmed[0], confirmed[1])
			bookings.add(booked[0], booked[1])
		}
	}
	confirm, booking := confirms.result("confirm"), bookings.result("booking")
	confirm.miss(confirm.Ratio >= 0.5, "%.2f of the floor, want at least 0.5", confirm.Ratio)
	booking.miss(booking.Ratio >= 0.4, "%.2f of the floor, want at least 0.4", booking.Ratio)
	return []result{confirm, booking}, f.settle(ctx)
}

// timed notes how long each patient took.
func timed(times []time.Duration, do func(*client, patient, int) error) func(*client, patient, int) error {
	return func(c *client, p patient, i int) error {
		begun := time.Now()
		err := do(c, p, i)
		times[i] = time.Since(begun)
		return err
	}
}
