// Package redisdb is the road to Redis: what is held for minutes, counted for
// hours, or said in passing.
//
// Nothing here is the truth: losing Redis loses holds and pending bookings,
// never an appointment, a session or a budget. Records are encrypted under
// keys derived from the server's secret, which Redis never sees. A Redis that
// hangs costs at most [Config.Timeout] a call, and after [tripAfter] failures in a
// row nothing at all for up to [tripFor]: calls then fail at once with
// [ErrUnavailable].
package redisdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"siegel/platform/fault"
	"siegel/platform/id"
)

// Timeout bounds every dial, read and write where [Config] says nothing.
const Timeout = 100 * time.Millisecond

// connections is how many calls are under way at once. Redis does one thing at
// a time: with few, the time that counts against [Timeout] is its own, and not
// that of a queue before it.
const connections = 16

// ErrUnavailable is returned while Redis does not answer.
var ErrUnavailable = fault.New(fault.Unavailable, "holds_unavailable").After(2 * time.Second)

// Config says where Redis is and from what record keys are derived.
type Config struct {
	// URL in the form redis://host:port/db or unix://path?db=n.
	URL string
	// Secret is the server's secret, at least 32 bytes.
	Secret []byte
	// Timeout bounds every dial, read and write; [Timeout] where zero.
	Timeout time.Duration
}

// Client is a connection pool with a breaker. Safe for concurrent use.
type Client struct {
	raw  *redis.Client
	keys *keys
}

// Open connects lazily; only a malformed URL or a short secret is an error.
func Open(_ context.Context, c Config) (*Client, error) {
	opt, err := redis.ParseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("redis url: %w", err)
	}
	keys, err := newKeys(c.Secret)
	if err != nil {
		return nil, err
	}
	patience := c.Timeout
	if patience == 0 {
		patience = Timeout
	}
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout, opt.PoolTimeout = patience, patience, patience, patience
	opt.DialerRetries = 1
	opt.MaxRetries = -1
	opt.ContextTimeoutEnabled = true
	opt.PoolSize = connections
	opt.MinIdleConns = 2
	raw := redis.NewClient(opt)
	raw.AddHook(newBreaker(connections))
	return &Client{raw: raw, keys: keys}, nil
}

// Close ends all connections.
func (c *Client) Close() error { return c.raw.Close() }

// Raw is the driver, for one-command uses such as a counter or a subscription.
func (c *Client) Raw() *redis.Client { return c.raw }

// TenantKey names a tenant's key. All keys of a tenant share one hash slot.
func TenantKey(tenant id.Tenant, parts ...string) string {
	return "t:{" + tenant.UUID() + "}:" + strings.Join(parts, ":")
}

// GlobalKey names a key that belongs to no tenant.
func GlobalKey(topic string, parts ...string) string {
	return "g:{" + topic + "}:" + strings.Join(parts, ":")
}

// Warnings names the settings by which this Redis might keep what it should
// forget, or drop what it should keep.
func (c *Client) Warnings(ctx context.Context) ([]string, error) {
	want := []struct{ name, value, why string }{
		{"save", "", "snapshots write pending bookings to disk"},
		{"appendonly", "no", "the append-only file writes pending bookings to disk"},
		{"repl-diskless-load", "swapdb", "a replica may load its copy through a file"},
		{"maxmemory-policy", "noeviction", "holds may be evicted while they count"},
	}
	var warnings []string
	for _, w := range want {
		got, err := c.raw.ConfigGet(ctx, w.name).Result()
		if err != nil {
			return nil, fmt.Errorf("read redis setting %s: %w", w.name, err)
		}
		if got[w.name] != w.value {
			warnings = append(warnings, fmt.Sprintf("redis %s is %q, should be %q: %s", w.name, got[w.name], w.value, w.why))
		}
	}
	return warnings, nil
}

// unreachable reports whether err means that Redis did not answer, as opposed
// to answering with an error or with nothing.
func unreachable(err error) bool {
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(err, context.Canceled) {
		return false
	}
	var answered redis.Error
	if errors.As(err, &answered) {
		msg := answered.Error()
		return strings.HasPrefix(msg, "LOADING") || strings.HasPrefix(msg, "READONLY") ||
			strings.HasPrefix(msg, "MASTERDOWN") || strings.HasPrefix(msg, "CLUSTERDOWN") || strings.HasPrefix(msg, "OOM")
	}
	return true
}
