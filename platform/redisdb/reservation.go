package redisdb

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"siegel/platform/id"
)

//go:embed lua/reserve.lua
var reserveSource string

//go:embed lua/advance.lua
var advanceSource string

//go:embed lua/release.lua
var releaseSource string

//go:embed lua/claims.lua
var claimsSource string

//go:embed lua/take.lua
var takeSource string

var (
	reserveScript = redis.NewScript(reserveSource)
	advanceScript = redis.NewScript(advanceSource)
	releaseScript = redis.NewScript(releaseSource)
	claimsScript  = redis.NewScript(claimsSource)
	takeScript    = redis.NewScript(takeSource)
)

// onceTTL is how long an idempotency key is remembered.
const onceTTL = 24 * time.Hour

// Claim is a stretch of one resource that a reservation takes.
type Claim struct {
	Resource id.Resource
	// Starts and Ends are Unix seconds, half-open, at most a day apart.
	Starts, Ends int64
	// Capacity is how many reservations may share an instant.
	Capacity int
	// DayStarts and DayEnds bound the resource's local day; DayCap is how many
	// reservations may live in it.
	DayStarts, DayEnds int64
	DayCap             int
	// Session is what reservations of one group have in common: together they
	// share the place of one, as long as Seats of it are left. Seat tells the
	// claims that one reservation has on a session apart. An empty session is
	// none; it has no "|".
	Session     string
	Seat, Seats int
}

// Reservation takes all its claims at once, or none.
type Reservation struct {
	Tenant id.Tenant
	// ID names the reservation among others; Record is the key that only its
	// owner can name, Value what stands there, sealed.
	ID     string
	Record string
	Value  []byte
	TTL    time.Duration
	Claims []Claim
	// Once is the key that remembers an idempotency key, OnceValue what it was
	// used for.
	Once      string
	OnceValue string
	// Browser and Network are keys of lists that cap how much one visitor holds.
	Browser    string
	BrowserCap int
	Network    string
	// NetworkFree is how many a network may hold without a proof of work,
	// NetworkCap how many with one.
	NetworkFree, NetworkCap int
	Proven                  bool
}

// Outcome says what became of a reservation.
type Outcome string

// The outcomes. Only Held and Same leave a record.
const (
	Held     Outcome = "held"
	Same     Outcome = "same"     // the owner has it already: a retry
	Taken    Outcome = "taken"    // no capacity left
	DayFull  Outcome = "day"      // too much of the day is unconfirmed
	Greedy   Outcome = "browser"  // this browser holds enough
	Crowded  Outcome = "network"  // this network holds enough
	NeedWork Outcome = "proof"    // this network holds much: a proof of work first
	Mismatch Outcome = "mismatch" // the idempotency key was used for something else
	Changed  Outcome = "changed"  // the record is no longer the expected one
	Gone     Outcome = "gone"     // the record has expired
	Advanced Outcome = "ok"
)

func liveKey(tenant id.Tenant) string { return TenantKey(tenant, "live") }

func claimKey(tenant id.Tenant, r id.Resource) string { return TenantKey(tenant, "hold", r.UUID()) }

// orNone stands a key that scripts leave alone in for one that is not named: a
// script's keys must all lie in the tenant's hash slot, an empty one does not.
func orNone(tenant id.Tenant, key string) string {
	if key == "" {
		return TenantKey(tenant, "none")
	}
	return key
}

// Reserve takes r. It returns the record that stands after it (r.Value, or the
// older one for [Same]) and the end of its life by Redis's clock.
func (c *Client) Reserve(ctx context.Context, r Reservation) (Outcome, []byte, time.Time, error) {
	keys := append(make([]string, 0, 5+len(r.Claims)), liveKey(r.Tenant), r.Record, r.Once, r.Browser, r.Network)
	proven := "0"
	if r.Proven {
		proven = "1"
	}
	args := append(make([]any, 0, 9+9*len(r.Claims)), r.ID, r.Value, r.TTL.Milliseconds(), r.OnceValue, onceTTL.Milliseconds(),
		r.BrowserCap, r.NetworkFree, r.NetworkCap, proven)
	for _, claim := range r.Claims {
		keys = append(keys, claimKey(r.Tenant, claim.Resource))
		args = append(args, claim.Starts, claim.Ends, claim.Capacity, claim.DayStarts, claim.DayEnds, claim.DayCap,
			claim.Session, claim.Seat, claim.Seats)
	}
	answer, err := reserveScript.Run(ctx, c.raw, keys, args...).Slice()
	if err != nil {
		return "", nil, time.Time{}, fmt.Errorf("reserve: %w", err)
	}
	return Outcome(answer[0].(string)), []byte(answer[1].(string)), time.UnixMilli(answer[2].(int64)), nil
}

// Crowd is about how many reservations a network holds: those that have ended
// since its last one are counted too.
func (c *Client) Crowd(ctx context.Context, network string) (int, error) {
	list, err := c.raw.Get(ctx, network).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("count a network: %w", err)
	}
	return strings.Count(list, " "), nil
}

// Advance describes a step of a reservation's record.
type Advance struct {
	Tenant id.Tenant
	ID     string
	Record string
	// Expected is the sealed record as last read, Value its successor.
	Expected, Value []byte
	// TTL is the new life from now; zero keeps the end of life.
	TTL time.Duration
	// Companion, where named, is written with the same end of life.
	Companion      string
	CompanionValue []byte
	// Delete are keys that go in the same step.
	Delete []string
	// Once, where named, remembers an idempotency key.
	Once, OnceValue string
}

// Advance replaces a record by compare-and-set. It returns [Advanced],
// [Changed], [Gone] or [Mismatch], and the end of the record's life.
func (c *Client) Advance(ctx context.Context, a Advance) (Outcome, time.Time, error) {
	keys := append([]string{liveKey(a.Tenant), a.Record, orNone(a.Tenant, a.Once), orNone(a.Tenant, a.Companion)}, a.Delete...)
	answer, err := advanceScript.Run(ctx, c.raw, keys, a.ID, a.Expected, a.Value, a.TTL.Milliseconds(),
		a.CompanionValue, a.OnceValue, onceTTL.Milliseconds()).Slice()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("advance: %w", err)
	}
	return Outcome(answer[0].(string)), time.UnixMilli(answer[1].(int64)), nil
}

// Release describes the end of a reservation.
type Release struct {
	Tenant id.Tenant
	ID     string
	Delete []string
	// Keep, where named, is written for KeepTTL.
	Keep      string
	KeepValue []byte
	KeepTTL   time.Duration
	// Channel, where named, hears Message.
	Channel, Message string
}

// Release ends a reservation in one step. Releasing twice is harmless.
func (c *Client) Release(ctx context.Context, r Release) error {
	keys := append([]string{liveKey(r.Tenant), orNone(r.Tenant, r.Keep)}, r.Delete...)
	err := releaseScript.Run(ctx, c.raw, keys, r.ID, r.KeepValue, r.KeepTTL.Milliseconds(), r.Channel, r.Message).Err()
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}

// Claimed is a live claim.
type Claimed struct {
	Resource     id.Resource
	Starts, Ends int64 // Unix seconds
	Session      string
}

// Claims lists the live claims on resources between two instants.
func (c *Client) Claims(ctx context.Context, tenant id.Tenant, resources []id.Resource, from, to time.Time) ([]Claimed, error) {
	keys := []string{liveKey(tenant)}
	for _, r := range resources {
		keys = append(keys, claimKey(tenant, r))
	}
	flat, err := claimsScript.Run(ctx, c.raw, keys, from.Unix(), to.Unix()).Slice()
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	claimed := make([]Claimed, 0, len(flat)/4)
	for ; len(flat) >= 4; flat = flat[4:] {
		claimed = append(claimed, Claimed{
			Resource: resources[flat[0].(int64)], Starts: flat[1].(int64), Ends: flat[2].(int64), Session: flat[3].(string),
		})
	}
	return claimed, nil
}

// Value returns a record; a nil record has expired.
func (c *Client) Value(ctx context.Context, key string) ([]byte, error) {
	value, err := c.raw.Get(ctx, key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	return value, nil
}

// Read returns a record and the end of its life; a nil record has expired.
func (c *Client) Read(ctx context.Context, key string) ([]byte, time.Time, error) {
	var value *redis.StringCmd
	var death *redis.DurationCmd
	_, err := c.raw.Pipelined(ctx, func(p redis.Pipeliner) error {
		value, death = p.Get(ctx, key), p.PExpireTime(ctx, key)
		return nil
	})
	if errors.Is(err, redis.Nil) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read record: %w", err)
	}
	return []byte(value.Val()), time.UnixMilli(death.Val().Milliseconds()), nil
}

// Keep stores a sealed record for a while.
func (c *Client) Keep(ctx context.Context, key string, sealed []byte, ttl time.Duration) error {
	if err := c.raw.Set(ctx, key, sealed, ttl).Err(); err != nil {
		return fmt.Errorf("keep record: %w", err)
	}
	return nil
}

// Forget removes a record; that there is none is no error.
func (c *Client) Forget(ctx context.Context, key string) error {
	if err := c.raw.Del(ctx, key).Err(); err != nil {
		return fmt.Errorf("forget record: %w", err)
	}
	return nil
}

// Take counts one more under key within window, and returns what is left; ok
// is false, and nothing counted, where limit was reached.
func (c *Client) Take(ctx context.Context, key string, limit int, window time.Duration) (left int, ok bool, err error) {
	left, err = takeScript.Run(ctx, c.raw, []string{key}, limit, window.Milliseconds()).Int()
	if err != nil {
		return 0, false, fmt.Errorf("take: %w", err)
	}
	return left, left >= 0, nil
}
