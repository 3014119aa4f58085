// Package shred has keys that die with their day.
//
// What is sealed for a day can be opened until that day (UTC) is over; after
// it nobody can, whatever backup of the database they have. The key of a day
// is the hash of the key of the day before: whoever has today's can make every
// later one, and none that has been. Keys live in the memory of the servers
// and, sealed, in Redis; a single machine may add a file that its backups
// leave out. Postgres knows only which chain of keys is in force, and a hash to
// tell a right key from a wrong one.
//
// A [Chain] promises that there are never two in force, and that one that is
// lost everywhere is replaced with an alarm: what was sealed under it is lost
// then, which [Chain.Open] says. It does not promise that a key has left the
// memory of the machine's kernel or hypervisor.
package shred

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"siegel/platform/fault"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
)

var (
	// ErrShredded is returned for what was sealed for a day that is over, or
	// under a chain that is lost. Nothing opens it any more.
	ErrShredded = fault.New(fault.Expired, "shredded")
	// ErrUnavailable is returned while nobody can say which chain is in force.
	ErrUnavailable = fault.New(fault.Unavailable, "day_keys_unavailable").After(2 * time.Second)
	// ErrPast is returned for sealing for a day that is over.
	ErrPast = fault.New(fault.Invalid, "day_over")
	// ErrTampered is returned for what was not sealed so.
	ErrTampered = fault.New(fault.Internal, "tampered")
)

// Reach is how many days ahead something can be sealed.
const Reach = 800

// patience is how long a server waits for another to bring a chain back that
// it finds nowhere, before it begins a new one.
const patience = 10 * time.Second

// Day counts the days since 1 January 1970, UTC.
type Day int32

// DayOf is the day of an instant.
func DayOf(t time.Time) Day { return Day(t.Unix() / (24 * 60 * 60)) }

// Ends is the instant at which a day's key dies.
func (d Day) Ends() time.Time { return time.Unix((int64(d)+1)*24*60*60, 0).UTC() }

func (d Day) date() string { return time.Unix(int64(d)*24*60*60, 0).UTC().Format(time.DateOnly) }

// state is a chain as far as it has come: the key of its day makes all later.
type state struct {
	chain uuid.UUID
	day   Day
	key   [32]byte
}

// at is the state on a day that is not before its own.
func (s state) at(day Day) state {
	for ; s.day < day; s.day++ {
		h := sha256.Sum256(append([]byte("siegel|shred|next|"), s.key[:]...))
		s.key = h
	}
	return s
}

// hash tells a key from others and opens nothing.
func (s state) hash() []byte {
	h := sha256.Sum256(append([]byte("siegel|shred|hash|"), s.key[:]...))
	return h[:]
}

// seal is the key that things of the state's day are sealed under.
func (s state) seal() (cipher.AEAD, error) {
	key := sha256.Sum256(append([]byte("siegel|shred|seal|"), s.key[:]...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Config is what a [Chain] needs.
type Config struct {
	DB    *postgres.DB
	Redis *redisdb.Client
	// File, where given, keeps the chain on a single machine over a restart of
	// everything. Nobody else may read it, and no backup may have it.
	File string
	// Patience is how long another server is waited for; 10 s where zero.
	Patience time.Duration
	// Now is the clock by which days end; time.Now where nil.
	Now func() time.Time
	// Logger takes the alarm for a chain that is lost; slog.Default where nil.
	Logger *slog.Logger
}

// Chain seals for days to come. Safe for concurrent use.
type Chain struct {
	c Config

	mu    sync.Mutex
	known *state // nil until it was found or begun
}

// New returns a Chain that knows nothing yet; [Chain.Run] keeps it going.
func New(c Config) (*Chain, error) {
	if c.DB == nil || c.Redis == nil {
		return nil, errors.New("shred: incomplete config")
	}
	if c.Patience == 0 {
		c.Patience = patience
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Chain{c: c}, nil
}

// Run forgets the keys of days that are over, and brings the chain back to
// where another server may have lost it, until ctx ends.
func (c *Chain) Run(ctx context.Context) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		if err := c.Keep(ctx); err != nil && ctx.Err() == nil {
			c.c.Logger.Warn("day keys are not kept", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// header is what stands before the ciphertext: chain, day.
const header = 16 + 4

// Seal encrypts something that can be opened until day is over. bound is what
// it belongs to, and has to be the same for opening. It returns [ErrPast],
// also for a day farther ahead than [Reach], or [ErrUnavailable].
func (c *Chain) Seal(ctx context.Context, day Day, plain []byte, bound string) ([]byte, error) {
	today := DayOf(c.c.Now())
	if day < today || day > today+Reach {
		return nil, ErrPast
	}
	s, err := c.now(ctx)
	if err != nil {
		return nil, err
	}
	aead, err := s.at(day).seal()
	if err != nil {
		return nil, fmt.Errorf("seal for a day: %w", err)
	}
	out := make([]byte, header+aead.NonceSize(), header+aead.NonceSize()+len(plain)+aead.Overhead())
	copy(out, s.chain[:])
	binary.BigEndian.PutUint32(out[16:], uint32(day))
	if _, err := rand.Read(out[header:]); err != nil {
		panic(err) // crypto/rand never fails on supported systems
	}
	return aead.Seal(out, out[header:], plain, aad(out[:header], bound)), nil
}

// Open decrypts what [Chain.Seal] made. It returns [ErrShredded], [ErrTampered]
// or [ErrUnavailable].
func (c *Chain) Open(ctx context.Context, sealed []byte, bound string) ([]byte, error) {
	if len(sealed) < header+12+16 {
		return nil, ErrTampered
	}
	day := Day(binary.BigEndian.Uint32(sealed[16:]))
	if day < DayOf(c.c.Now()) {
		return nil, ErrShredded
	}
	s, err := c.now(ctx)
	if err != nil {
		return nil, err
	}
	if [16]byte(sealed[:16]) != s.chain || day < s.day {
		return nil, ErrShredded
	}
	if day > s.day+Reach+1 {
		return nil, ErrTampered
	}
	aead, err := s.at(day).seal()
	if err != nil {
		return nil, fmt.Errorf("open for a day: %w", err)
	}
	plain, err := aead.Open(nil, sealed[header:header+12], sealed[header+12:], aad(sealed[:header], bound))
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

func aad(head []byte, bound string) []byte {
	return append(append([]byte("siegel|shred|1|"), head...), bound...)
}

// now is the chain as of today.
func (c *Chain) now(ctx context.Context) (state, error) {
	today := DayOf(c.c.Now())
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	if known != nil && known.day == today {
		return *known, nil
	}
	if err := c.Keep(ctx); err != nil {
		return state{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		return state{}, ErrUnavailable
	}
	return *c.known, nil
}

// Keep looks up which chain is in force, takes it to today, and puts it where
// it is missing. It begins one where there is none, or where nobody has had the
// key for as long as [Config.Patience]. It returns [ErrUnavailable].
func (c *Chain) Keep(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	today := DayOf(c.c.Now())
	var awaited uuid.UUID
	var began time.Time
	for {
		inForce, err := c.inForce(ctx)
		if err != nil {
			return ErrUnavailable.Because(err)
		}
		if inForce == nil {
			begun := fresh(today)
			if err := c.begin(ctx, begun); err != nil {
				return ErrUnavailable.Because(err)
			}
			continue // ours, or that of who was faster
		}
		s, err := c.find(ctx, *inForce)
		if s != nil {
			return c.adopt(ctx, s.at(max(today, s.day)))
		}
		if err != nil { // what cannot be asked may have it
			return ErrUnavailable.Because(err)
		}
		if inForce.chain != awaited { // somebody has just begun it, and is about to share it
			awaited, began = inForce.chain, time.Now()
		}
		if time.Since(began) >= c.c.Patience {
			c.c.Logger.Error("the keys of the day are lost: what was sealed under them cannot be sent", "chain", inForce.chain)
			if err := c.replace(ctx, inForce.chain, fresh(today)); err != nil {
				return ErrUnavailable.Because(err)
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ErrUnavailable.Because(ctx.Err())
		case <-time.After(c.c.Patience / 10):
		}
	}
}

// fresh is a new chain that begins on a day.
func fresh(day Day) state {
	s := state{chain: uuid.New(), day: day}
	if _, err := rand.Read(s.key[:]); err != nil {
		panic(err) // crypto/rand never fails on supported systems
	}
	return s
}

// find looks for the key of the chain in force: in memory, in Redis, in the
// file. One that is behind is brought on before it is compared; one that is
// ahead of the database is believed: who moved it on has stopped before writing
// it down. It returns nil where nobody has it, and an error where Redis could
// not be asked.
func (c *Chain) find(ctx context.Context, p public) (*state, error) {
	there, err := c.fromRedis(ctx)
	for _, s := range []*state{c.known, there, c.fromFile()} {
		if s == nil || s.chain != p.chain {
			continue
		}
		if s.day > p.day {
			return s, nil
		}
		if on := s.at(p.day); subtle.ConstantTimeCompare(on.hash(), p.hash) == 1 {
			return &on, nil
		}
	}
	return nil, err
}

// adopt remembers a state, forgets the one before, and puts it everywhere.
func (c *Chain) adopt(ctx context.Context, s state) error {
	if c.known != nil {
		c.known.key = [32]byte{}
	}
	c.known = &s
	if err := c.advance(ctx, s); err != nil {
		return ErrUnavailable.Because(err)
	}
	if err := c.toRedis(ctx, s); err != nil {
		c.c.Logger.Warn("day keys are not in redis", "err", err)
	}
	if err := c.toFile(s); err != nil {
		return ErrUnavailable.Because(err)
	}
	return nil
}
