package redisdb

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	tripAfter = 5
	tripFor   = time.Second
)

// breaker fails calls at once for a while after Redis has failed to answer
// several times in a row, and turns "no answer" into [ErrUnavailable].
type breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures int
	open     time.Time // until then, calls fail at once
}

func (b *breaker) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (b *breaker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return b.guard(cmd.SetErr, func() error { return next(ctx, cmd) })
	}
}

func (b *breaker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return b.guard(func(err error) {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
		}, func() error { return next(ctx, cmds) })
	}
}

func (b *breaker) guard(fail func(error), call func() error) error {
	if b.tripped() {
		fail(ErrUnavailable)
		return ErrUnavailable
	}
	err := call()
	if !unreachable(err) {
		b.healthy()
		return err
	}
	b.failed()
	err = ErrUnavailable.Because(err)
	fail(err)
	return err
}

func (b *breaker) tripped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now().Before(b.open)
}

func (b *breaker) healthy() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = 0
}

func (b *breaker) failed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures++; b.failures >= tripAfter {
		b.failures, b.open = 0, b.now().Add(tripFor)
	}
}
