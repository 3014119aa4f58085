package inbox

import (
	"context"
	"strings"
	"sync"
	"time"

	"siegel/platform/id"
	"siegel/platform/redisdb"
)

// pollEvery is how late a change is seen when nobody says it.
const pollEvery = time.Second

// ChangedChannel is where a tenant's changes are said in passing.
func ChangedChannel(tenant id.Tenant) string { return redisdb.TenantKey(tenant, "changed") }

// Watcher waits for tenants' change counters to rise. What Redis says in
// passing makes it quick; a look a second makes it sure.
type Watcher struct {
	inbox *Service
	redis *redisdb.Client

	mu    sync.Mutex
	wakes map[string]chan struct{} // by channel; closed by the word, then forgotten
}

// NewWatcher returns a Watcher; [Watcher.Run] makes it quick.
func NewWatcher(inbox *Service, redis *redisdb.Client) *Watcher {
	return &Watcher{inbox: inbox, redis: redis, wakes: map[string]chan struct{}{}}
}

// Run listens for all tenants on one connection until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	heard := w.redis.Raw().PSubscribe(ctx, "t:{*}:changed")
	defer heard.Close()
	words := heard.Channel()
	for {
		select {
		case <-ctx.Done():
			return
		case word, ok := <-words:
			if !ok {
				return
			}
			w.wakeUp(strings.Clone(word.Channel))
		}
	}
}

func (w *Watcher) wakeUp(channel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if wake, ok := w.wakes[channel]; ok {
		close(wake)
		delete(w.wakes, channel)
	}
}

func (w *Watcher) wake(channel string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	wake, ok := w.wakes[channel]
	if !ok {
		wake = make(chan struct{})
		w.wakes[channel] = wake
	}
	return wake
}

// Counter is the tenant's change counter now.
func (w *Watcher) Counter(ctx context.Context, tenant id.Tenant) (int64, error) {
	return w.inbox.Counter(ctx, tenant)
}

// Next waits until the tenant's counter is above after and returns it, or
// ctx's error. A database that does not answer is waited for.
func (w *Watcher) Next(ctx context.Context, tenant id.Tenant, after int64) (int64, error) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		wake := w.wake(ChangedChannel(tenant))
		if counter, err := w.inbox.Counter(ctx, tenant); err == nil && counter > after {
			return counter, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-wake:
		case <-poll.C:
		}
	}
}
