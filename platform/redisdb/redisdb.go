// Package redisdb is the road to Redis: what is held for minutes, counted for
// hours, or said in passing.
//
// Nothing here is the truth: losing Redis loses holds and pending bookings,
// never an appointment, a session or a budget. Records are encrypted under
// keys derived from the server's secret, which Redis never sees. A Redis that
// hangs costs at most [Config.Timeout] a call, and after [tripAfter] failures in a
// row nothing at all for up to [tripFor]: calls then fail at once with
// [ErrUnavailable].
//
// A Sentinel's promotion and a cluster's move of slots are such silences: they
// end by themselves, and may forget what was said last.
package redisdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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
	// URL is one of
	//
	//	redis://[user:password@]host:port/db
	//	unix://path?db=n
	//	redis+sentinel://[user:password@]host:port/name[?addr=host:port…][&db=n]
	//	redis+cluster://[user:password@]host:port[?addr=host:port…]
	//
	// and with rediss for TLS, there with [&server_name=…] where the nodes go by
	// addresses that their certificates do not name. The hosts are Sentinels, who
	// know the primary called name, or nodes of a cluster; a few of them are
	// enough. Sentinels with a password of their own have it in
	// sentinel_username and sentinel_password.
	URL string
	// Secret is the server's secret, at least 32 bytes.
	Secret []byte
	// Timeout bounds every dial, read and write, and a whole call to where there
	// are several servers; [Timeout] where zero.
	Timeout time.Duration
}

// Client is a connection pool with a breaker. Safe for concurrent use.
type Client struct {
	raw  redis.UniversalClient
	keys *keys
}

// Open connects lazily; only a malformed URL or a short secret is an error.
func Open(_ context.Context, c Config) (*Client, error) {
	keys, err := newKeys(c.Secret)
	if err != nil {
		return nil, err
	}
	patience := c.Timeout
	if patience == 0 {
		patience = Timeout
	}
	raw, alone, err := dial(c.URL, patience)
	if err != nil {
		return nil, err
	}
	breaker := newBreaker(connections)
	if !alone {
		breaker.within = patience
	}
	raw.AddHook(breaker)
	return &Client{raw: raw, keys: keys}, nil
}

// Close ends all connections.
func (c *Client) Close() error { return c.raw.Close() }

// Raw is the driver, for one-command uses such as a counter or a subscription.
// What it asks of no key in particular is answered by any one node of a
// cluster.
func (c *Client) Raw() redis.UniversalClient { return c.raw }

// ForgetTenant removes every key of a tenant and says how many there were.
func (c *Client) ForgetTenant(ctx context.Context, tenant id.Tenant) (n int, err error) {
	err = c.each(ctx, func(ctx context.Context, one redis.Cmdable) error {
		scan := one.Scan(ctx, 0, TenantKey(tenant)+"*", 500).Iterator()
		for scan.Next(ctx) {
			if err := one.Unlink(ctx, scan.Val()).Err(); err != nil {
				return fmt.Errorf("erase in redis: %w", err)
			}
			n++
		}
		if err := scan.Err(); err != nil {
			return fmt.Errorf("look into redis: %w", err)
		}
		return nil
	})
	return n, err
}

// each calls do with every server that holds keys of its own, one after the
// other: the only one, or each primary of a cluster.
func (c *Client) each(ctx context.Context, do func(ctx context.Context, one redis.Cmdable) error) error {
	cluster, ok := c.raw.(*redis.ClusterClient)
	if !ok {
		return do(ctx, c.raw)
	}
	var turn sync.Mutex
	return cluster.ForEachMaster(ctx, func(ctx context.Context, one *redis.Client) error {
		turn.Lock()
		defer turn.Unlock()
		return do(ctx, one)
	})
}

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
	err := c.each(ctx, func(ctx context.Context, one redis.Cmdable) error {
		for _, w := range want {
			got, err := one.ConfigGet(ctx, w.name).Result()
			if err != nil {
				return fmt.Errorf("read redis setting %s: %w", w.name, err)
			}
			warning := fmt.Sprintf("redis %s is %q, should be %q: %s", w.name, got[w.name], w.value, w.why)
			if got[w.name] != w.value && !slices.Contains(warnings, warning) {
				warnings = append(warnings, warning)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
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
			strings.HasPrefix(msg, "MASTERDOWN") || strings.HasPrefix(msg, "CLUSTERDOWN") ||
			strings.HasPrefix(msg, "TRYAGAIN") || strings.HasPrefix(msg, "NOREPLICAS") || strings.HasPrefix(msg, "OOM")
	}
	return true
}
