package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"siegel/platform/id"
	"siegel/platform/redisdb"
)

// What may be tried within a window. A person mistypes a few times; a practice
// of twenty signs in behind one address. The limit for an account from
// everywhere is wide, because it is also what a stranger needs to lock its
// owner out; it still leaves a generated password centuries.
const (
	window          = 15 * time.Minute
	perAccountHere  = 10
	perPrefix       = 100
	perAccountInAll = 200
)

// At the second step somebody knows the password already, and a code has six
// digits only: fewer tries, from everywhere together too.
const (
	secondHere  = 5
	secondInAll = 15
)

// What needs no account, such as asking for a salt or a challenge, a subscriber
// or a practice may do more often.
const perPrefixAtDoors = 400

type counted struct {
	key   string
	limit int
}

// counters name what an attempt counts against. Redis sees keyed hashes, so
// that its memory tells neither who has an account nor from where.
func (s *Service) counters(email string, ip netip.Addr) []counted {
	return s.countersOf(email, ip, perAccountHere, perAccountInAll)
}

func (s *Service) countersOf(name string, ip netip.Addr, here, inAll int) []counted {
	prefix := prefixOf(ip)
	return []counted{
		{s.counterKey("account-here", name, prefix), here},
		{s.counterKey("prefix", prefix), perPrefix},
		{s.counterKey("account", name), inAll},
	}
}

func (s *Service) counterKey(parts ...string) string {
	m := hmac.New(sha256.New, s.throttleKey)
	for _, p := range parts {
		m.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		m.Write([]byte(p))
	}
	return redisdb.GlobalKey("sign-in", base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16]))
}

// prefixOf is the network that an address counts for: what one subscriber is
// usually given (IPv6 /56), or what they change within (IPv4 /24).
func prefixOf(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	bits := 24
	if ip.Is6() {
		bits = 56
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return "" // no address: all such share one counter
	}
	return p.String()
}

// attempt counts an attempt before it is made, so that many at once do not
// pass together. It returns [ErrTooManyAttempts] and counts nothing where a
// limit is reached. giveBack is to be called after a sign-in that succeeded.
func (s *Service) attempt(ctx context.Context, email string, ip netip.Addr) (giveBack func(context.Context), err error) {
	return s.count(ctx, s.counters(email, ip))
}

// attemptSecond counts a try at what follows the password.
func (s *Service) attemptSecond(ctx context.Context, account id.Account, ip netip.Addr) (giveBack func(context.Context), err error) {
	return s.count(ctx, s.countersOf("second|"+account.UUID(), ip, secondHere, secondInAll))
}

// knock counts what somebody without an account may do at a door.
func (s *Service) knock(ctx context.Context, door string, ip netip.Addr) error {
	_, err := s.count(ctx, []counted{{s.counterKey("door", door, prefixOf(ip)), perPrefixAtDoors}})
	return err
}

func (s *Service) count(ctx context.Context, counters []counted) (giveBack func(context.Context), err error) {
	if s.redis != nil {
		wait, err := s.attemptShared(ctx, counters)
		switch {
		case err == nil && wait > 0:
			return nil, ErrTooManyAttempts.After(wait)
		case err == nil:
			return func(ctx context.Context) { s.giveBackShared(ctx, counters) }, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("count sign-in attempt: %w", ctx.Err())
		}
		// Redis does not answer: people still sign in, guessing stays slow.
	}
	if wait := s.local.attempt(counters); wait > 0 {
		return nil, ErrTooManyAttempts.After(wait)
	}
	return func(context.Context) { s.local.giveBack(counters) }, nil
}

// KEYS: counters. ARGV: window in ms, then the limit of each. Returns 0 after
// counting, or the ms until the last of the reached limits is lifted, without
// counting: knocking at a closed door does not keep it closed.
const attemptScript = `
local wait = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('get', key) or '0') >= tonumber(ARGV[i + 1]) then
    local left = redis.call('pttl', key)
    if left < 1 then left = 1 end
    if left > wait then wait = left end
  end
end
if wait > 0 then return wait end
for _, key in ipairs(KEYS) do
  if redis.call('incr', key) == 1 then redis.call('pexpire', key, ARGV[1]) end
end
return 0`

func (s *Service) attemptShared(ctx context.Context, counters []counted) (wait time.Duration, err error) {
	keys := make([]string, len(counters))
	args := []any{window.Milliseconds()}
	for i, c := range counters {
		keys[i] = c.key
		args = append(args, c.limit)
	}
	ms, err := redis.NewScript(attemptScript).Run(ctx, s.redis.Raw(), keys, args...).Int64()
	if err != nil {
		return 0, fmt.Errorf("count sign-in attempt: %w", err)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// KEYS: counters. The first, of this account from here, starts anew; the
// others lose the one attempt. A counter that is gone stays gone.
const giveBackScript = `
redis.call('del', KEYS[1])
for i = 2, #KEYS do
  if tonumber(redis.call('get', KEYS[i]) or '0') > 0 then redis.call('decr', KEYS[i]) end
end
return 0`

// giveBackShared is a courtesy: where it fails, a counter is one too high until
// its window ends.
func (s *Service) giveBackShared(ctx context.Context, counters []counted) {
	keys := make([]string, len(counters))
	for i, c := range counters {
		keys[i] = c.key
	}
	_ = redis.NewScript(giveBackScript).Run(ctx, s.redis.Raw(), keys).Err()
}

// limiter counts within this process, for as long as Redis does not. Counters
// share a fixed number of cells, so that no flood of names makes it forget or
// grow; two that meet in one cell are limited sooner, never later.
type limiter struct {
	now func() time.Time

	mu sync.Mutex
	// A field of cells for each kind of counter, since their limits differ.
	cells [3][1 << 13]cell
}

type cell struct {
	until time.Time
	count int
}

func newLimiter(now func() time.Time) *limiter { return &limiter{now: now} }

// cell depends on the whole key, which is a keyed hash: nobody outside can aim.
func (l *limiter) cell(kind int, c counted) *cell {
	sum := sha256.Sum256([]byte(c.key))
	return &l.cells[kind][int(binary.BigEndian.Uint16(sum[:]))%len(l.cells[kind])]
}

func (l *limiter) attempt(counters []counted) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for i, c := range counters {
		at := l.cell(i, c)
		// Also when the clock was set back: then the end is too far ahead.
		if left := at.until.Sub(now); left <= 0 || left > window {
			*at = cell{}
		}
		if at.count >= c.limit {
			wait = max(wait, at.until.Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for i, c := range counters {
		at := l.cell(i, c)
		if at.count == 0 {
			at.until = now.Add(window)
		}
		at.count++
	}
	return 0
}

func (l *limiter) giveBack(counters []counted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// One each, not a new start: the cell may count for somebody else too.
	for i, c := range counters {
		if at := l.cell(i, c); at.count > 0 {
			at.count--
		}
	}
}
