package redisdb

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// tripAfter failures in a row trip the breaker, at first for tripFirst: a
	// short stall of a busy machine shall not cost a second. While Redis stays
	// silent, each further failure trips it for twice as long, up to tripFor.
	tripAfter = 5
	tripFirst = 100 * time.Millisecond
	tripFor   = time.Second
	// queueFor bounds how long a call waits for its turn while Redis answers
	// others: a crowd is no failure.
	queueFor = time.Second
)

var errCrowded = errors.New("no turn among the calls to redis")

// breaker fails calls at once for a while after Redis has failed to answer
// several times in a row, and turns "no answer" into [ErrUnavailable]. Calls
// beyond the number of connections wait here for their turn, and not in the
// driver's pool, so that they are told when it trips.
type breaker struct {
	now   func() time.Time
	turns chan struct{}
	// within bounds a call that may consist of several: who is the primary, a
	// connection there, another node; zero leaves that to the driver.
	within time.Duration

	mu       sync.Mutex
	failures int
	pause    time.Duration // of the last trip; zero once Redis has answered
	open     time.Time     // until then, calls fail at once
	trip     chan struct{} // closed when it trips, then made anew
}

func newBreaker(connections int) *breaker {
	return &breaker{now: time.Now, turns: make(chan struct{}, connections), trip: make(chan struct{})}
}

// insideKey marks the context of a call that has its turn: what the driver
// sends on its behalf, to greet Redis on a new connection, is part of it.
type insideKey struct{}

func (b *breaker) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (b *breaker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return b.guard(ctx, cmd.SetErr, func(ctx context.Context) error { return next(ctx, cmd) })
	}
}

func (b *breaker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return b.guard(ctx, func(err error) {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
		}, func(ctx context.Context) error { return next(ctx, cmds) })
	}
}

func (b *breaker) guard(ctx context.Context, fail func(error), call func(context.Context) error) error {
	if ctx.Value(insideKey{}) != nil {
		return call(ctx)
	}
	if err := b.enter(ctx); err != nil {
		fail(err)
		return err
	}
	defer func() { <-b.turns }()
	inside := context.WithValue(ctx, insideKey{}, true)
	if b.within > 0 {
		var done context.CancelFunc
		inside, done = context.WithTimeout(inside, b.within)
		defer done()
	}
	err := call(inside)
	silent := unreachable(err)
	switch {
	case ctx.Err() != nil: // a caller out of patience says nothing about Redis
	case silent:
		b.failed()
	default:
		b.healthy()
	}
	if silent {
		err = ErrUnavailable.Because(err)
		fail(err)
	}
	return err
}

// enter waits for a turn. Where it returns no error, one has been taken.
func (b *breaker) enter(ctx context.Context) error {
	tripped, trip := b.tripped()
	if tripped {
		return ErrUnavailable
	}
	select {
	case b.turns <- struct{}{}:
		return nil
	default:
	}
	patience := time.NewTimer(queueFor)
	defer patience.Stop()
	select {
	case b.turns <- struct{}{}:
	case <-trip:
		return ErrUnavailable
	case <-ctx.Done():
		return ErrUnavailable.Because(ctx.Err())
	case <-patience.C:
		return ErrUnavailable.Because(errCrowded)
	}
	if tripped, _ := b.tripped(); tripped {
		<-b.turns
		return ErrUnavailable
	}
	return nil
}

func (b *breaker) tripped() (bool, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now().Before(b.open), b.trip
}

func (b *breaker) healthy() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.pause = 0, 0
}

func (b *breaker) failed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now().Before(b.open) {
		return // it was under way when the breaker tripped
	}
	if b.failures++; b.failures >= tripAfter || b.pause > 0 {
		b.pause = min(max(2*b.pause, tripFirst), tripFor)
		b.failures, b.open = 0, b.now().Add(b.pause)
		close(b.trip)
		b.trip = make(chan struct{})
	}
}
