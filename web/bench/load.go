package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sample is what one section of load gave.
type sample struct {
	times   []time.Duration // of each operation, sorted
	elapsed time.Duration
	used    cores
}

func (s sample) rate() float64 { return float64(len(s.times)) / s.elapsed.Seconds() }

// percentile is in milliseconds.
func (s sample) percentile(p float64) float64 {
	if len(s.times) == 0 {
		return 0
	}
	return float64(s.times[min(int(p*float64(len(s.times))), len(s.times)-1)]) / float64(time.Millisecond)
}

// pool is a number of open connections to one side.
type pool []*client

func (f *field) connect(s *side, clients int) (pool, error) {
	var p pool
	for range clients {
		c, err := dial(s.addr, &f.refused)
		if err != nil {
			p.close()
			return nil, err
		}
		p = append(p, c)
	}
	return p, nil
}

func (p pool) close() {
	for _, c := range p {
		c.close()
	}
}

// during runs op on every connection until the time is over.
func (p pool) during(ctx context.Context, length time.Duration, op func(*client) error) (sample, error) {
	until := time.Now().Add(length)
	return p.run(ctx, func() bool { return time.Now().Before(until) }, func(c *client, _ int) error { return op(c) })
}

// each runs op for the numbers from 0 to n-1, spread over the connections.
func (p pool) each(ctx context.Context, n int, op func(c *client, i int) error) (sample, error) {
	return p.run(ctx, nil, op, n)
}

func (p pool) run(ctx context.Context, more func() bool, op func(*client, int) error, limit ...int) (sample, error) {
	var (
		next   atomic.Int64
		failed atomic.Pointer[error]
		wait   sync.WaitGroup
		times  = make([][]time.Duration, len(p))
		begun  = time.Now()
	)
	for w, c := range p {
		wait.Go(func() {
			for failed.Load() == nil && ctx.Err() == nil {
				i := int(next.Add(1) - 1)
				if len(limit) > 0 && i >= limit[0] || more != nil && !more() {
					return
				}
				at := time.Now()
				if err := op(c, i); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				times[w] = append(times[w], time.Since(at))
			}
		})
	}
	wait.Wait()
	s := sample{elapsed: time.Since(begun), times: slices.Concat(times...)}
	slices.Sort(s.times)
	if err := failed.Load(); err != nil {
		return s, *err
	}
	return s, ctx.Err()
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	m := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[m-1] + sorted[m]) / 2
	}
	return sorted[m]
}

// rounds collects the figures of alternating rounds.
type rounds struct {
	p50, p99, rate, floor, ratio []float64
	// Microseconds of processor an operation.
	server, floorServer, postgres, floorPostgres, redis, floorRedis []float64
}

func (r *rounds) add(product, floor sample) {
	r.p50, r.p99 = append(r.p50, product.percentile(0.50)), append(r.p99, product.percentile(0.99))
	r.rate, r.floor = append(r.rate, product.rate()), append(r.floor, floor.rate())
	r.ratio = append(r.ratio, product.rate()/floor.rate())
	each := func(all []float64, used float64, s sample) []float64 {
		return append(all, 1e6*used/float64(max(1, len(s.times))))
	}
	r.server, r.floorServer = each(r.server, product.used.server, product), each(r.floorServer, floor.used.server, floor)
	r.postgres, r.floorPostgres = each(r.postgres, product.used.postgres, product), each(r.floorPostgres, floor.used.postgres, floor)
	r.redis, r.floorRedis = each(r.redis, product.used.redis, product), each(r.floorRedis, floor.used.redis, floor)
}

func (r *rounds) result(name string) result {
	return result{Name: name, P50: median(r.p50), P99: median(r.p99), Rate: median(r.rate), FloorRate: median(r.floor), Ratio: median(r.ratio), Values: map[string]float64{
		"server_us": median(r.server), "floor_server_us": median(r.floorServer),
		"postgres_us": median(r.postgres), "floor_postgres_us": median(r.floorPostgres),
		"redis_us": median(r.redis), "floor_redis_us": median(r.floorRedis),
	}}
}
