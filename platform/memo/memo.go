// Package memo remembers answers for a moment, so that a wave of requests asks
// the database once.
//
// A [Cache] promises that an answer is never older than its age limit, counted
// from before the question was asked; that an answer which was being fetched
// when [Cache.Forget] was called is not kept; that it never holds more than its
// limit of answers; and that failures are not remembered. It does not promise
// to remember anything at all.
package memo

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Cache holds answers of type V by key. Make one with [New].
type Cache[K comparable, V any] struct {
	age   time.Duration
	limit int
	now   func() time.Time

	mu      sync.Mutex
	answers map[K]answer[V]
	calls   map[K]*call[V]
}

type answer[V any] struct {
	value V
	until time.Time
}

type call[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// New returns an empty cache that keeps an answer for age and at most limit
// answers. now may be nil.
func New[K comparable, V any](age time.Duration, limit int, now func() time.Time) *Cache[K, V] {
	if now == nil {
		now = time.Now
	}
	return &Cache[K, V]{age: age, limit: limit, now: now, answers: map[K]answer[V]{}, calls: map[K]*call[V]{}}
}

// Get returns the remembered answer for key, or asks fetch. Callers with the
// same key at the same time share one fetch; one whose own ctx ends leaves with
// ctx's error, and one that shared a fetch whose owner gave up asks anew.
func (c *Cache[K, V]) Get(ctx context.Context, key K, fetch func(context.Context) (V, error)) (V, error) {
	for {
		c.mu.Lock()
		if a, ok := c.answers[key]; ok {
			// An answer whose end lies further ahead than its age was given
			// before the clock was set back.
			if left := a.until.Sub(c.now()); left > 0 && left <= c.age {
				c.mu.Unlock()
				return a.value, nil
			}
			delete(c.answers, key)
		}
		running, ok := c.calls[key]
		if !ok {
			return c.fetch(ctx, key, fetch)
		}
		c.mu.Unlock()

		select {
		case <-running.done:
			if errors.Is(running.err, errAbandoned) && ctx.Err() == nil {
				continue
			}
			return running.value, running.err
		case <-ctx.Done():
			var zero V
			return zero, ctx.Err()
		}
	}
}

var errAbandoned = errors.New("memo: the caller that was asking gave up")

// fetch is entered with c.mu held and leaves it unlocked.
func (c *Cache[K, V]) fetch(ctx context.Context, key K, fetch func(context.Context) (V, error)) (V, error) {
	mine := &call[V]{done: make(chan struct{}), err: errAbandoned}
	c.calls[key] = mine
	until := c.now().Add(c.age)
	c.mu.Unlock()

	// Deferred, so that a panic in fetch leaves nobody waiting.
	defer func() {
		c.mu.Lock()
		if c.calls[key] == mine {
			delete(c.calls, key)
			if mine.err == nil {
				c.keep(key, answer[V]{value: mine.value, until: until})
			}
		}
		c.mu.Unlock()
		close(mine.done)
	}()

	value, err := fetch(ctx)
	if err == nil || ctx.Err() == nil {
		mine.value, mine.err = value, err
	}
	return value, err
}

// keep stores an answer, making room by dropping stale answers first and any
// other second. It looks at a few only, so that its cost does not grow with
// the limit.
func (c *Cache[K, V]) keep(key K, a answer[V]) {
	if _, ok := c.answers[key]; !ok && len(c.answers) >= c.limit {
		now, looked := c.now(), 0
		var victim K
		for k, old := range c.answers {
			victim = k
			if looked++; looked == 8 || !now.Before(old.until) {
				break
			}
		}
		delete(c.answers, victim)
	}
	c.answers[key] = a
}

// Forget drops what is remembered for key, and what is being fetched for it
// now will not be remembered.
func (c *Cache[K, V]) Forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.answers, key)
	delete(c.calls, key)
}

// Clear is Forget for every key.
func (c *Cache[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.answers)
	clear(c.calls)
}
