package identity_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/embedded/testdb"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/redisdb"
)

// Guessing is slow whether Redis counts, is not there, or does not answer.
func TestSignIn_Throttle(t *testing.T) {
	t.Parallel()
	for name, redis := range map[string]func(t *testing.T) *redisdb.Client{
		"CountedByRedis":     liveRedis,
		"CountedByTheServer": func(*testing.T) *redisdb.Client { return nil },
		"RedisDoesNotAnswer": deadRedis,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, redis(t))
			tenant := id.New[id.Tenant]()

			t.Run("TenWrongSecretsCloseTheDoorHere", func(t *testing.T) {
				p := f.person(t, "ten@praxis.example")
				guess := p.signIn(tenant)
				guess.Secret = random(32)
				for i := range 10 {
					if _, _, err := f.SignIn(t.Context(), guess); !errors.Is(err, identity.ErrSignInFailed) {
						t.Fatalf("guess %d: got %v, want %v", i+1, err, identity.ErrSignInFailed)
					}
				}
				right := p.signIn(tenant)
				right.IP = netip.MustParseAddr("::ffff:127.1.1.250") // the same /24
				_, _, err := f.SignIn(t.Context(), right)
				if !errors.Is(err, identity.ErrTooManyAttempts) {
					t.Fatalf("the right secret after ten guesses: got %v, want %v", err, identity.ErrTooManyAttempts)
				}
				if wait := fault.From(err).RetryAfter; wait <= 0 || wait > 15*time.Minute {
					t.Errorf("try again after %v, want up to 15 minutes", wait)
				}
				right.IP = netip.MustParseAddr("127.1.2.1")
				if _, _, err := f.SignIn(t.Context(), right); err != nil {
					t.Errorf("its owner, elsewhere, is locked out: %v", err)
				}
			})

			t.Run("UnknownAccountsAreCountedAlike", func(t *testing.T) {
				in := person{newAccount("ghost@praxis.example")}.signIn(tenant)
				in.IP = netip.MustParseAddr("127.1.3.1")
				for range 10 {
					_, _, _ = f.SignIn(t.Context(), in)
				}
				if _, _, err := f.SignIn(t.Context(), in); !errors.Is(err, identity.ErrTooManyAttempts) {
					t.Fatalf("got %v, want %v", err, identity.ErrTooManyAttempts)
				}
			})

			t.Run("SuccessIsNotCounted", func(t *testing.T) {
				p := f.person(t, "busy@praxis.example")
				in := p.signIn(tenant)
				in.IP = netip.MustParseAddr("127.1.4.1")
				for i := range 30 {
					if _, _, err := f.SignIn(t.Context(), in); err != nil {
						t.Fatalf("sign-in %d: %v", i+1, err)
					}
				}
			})

			t.Run("ManyAtOnceDoNotPassTogether", func(t *testing.T) {
				p := f.person(t, "crowd@praxis.example")
				guess := p.signIn(tenant)
				guess.Secret, guess.IP = random(32), netip.MustParseAddr("127.1.5.1")
				var guessed atomic.Int32
				var wg sync.WaitGroup
				for range 40 {
					wg.Go(func() {
						switch _, _, err := f.SignIn(t.Context(), guess); {
						case errors.Is(err, identity.ErrSignInFailed):
							guessed.Add(1)
						case !errors.Is(err, identity.ErrTooManyAttempts):
							t.Errorf("unexpected: %v", err)
						}
					})
				}
				wg.Wait()
				if n := guessed.Load(); n != 10 {
					t.Fatalf("%d of 40 guesses were judged, want 10", n)
				}
			})

			t.Run("OneNetworkCannotTryManyAccounts", func(t *testing.T) {
				limited := 0
				for i := range 110 {
					in := person{newAccount(fmt.Sprintf("spray%d@praxis.example", i))}.signIn(tenant)
					in.IP = netip.MustParseAddr(fmt.Sprintf("2001:db8:0:1%02x::%x", i%256, i+1)) // one /56
					if _, _, err := f.SignIn(t.Context(), in); errors.Is(err, identity.ErrTooManyAttempts) {
						limited++
					}
				}
				if limited != 10 {
					t.Fatalf("%d of 110 attempts were refused, want those after the hundredth", limited)
				}
			})

			t.Run("ManyNetworksCannotTryOneAccount", func(t *testing.T) {
				p := f.person(t, "target@praxis.example")
				guess := p.signIn(tenant)
				guess.Secret = random(32)
				limited := 0
				for i := range 210 {
					guess.IP = netip.AddrFrom4([4]byte{127, 9, byte(i), 1})
					if _, _, err := f.SignIn(t.Context(), guess); errors.Is(err, identity.ErrTooManyAttempts) {
						limited++
					}
				}
				if limited != 10 {
					t.Fatalf("%d of 210 attempts were refused, want those after the two hundredth", limited)
				}
			})
		})
	}
}

func TestSignIn_ThrottleIsSharedAndForgetsInTime(t *testing.T) {
	t.Parallel()
	redis := liveRedis(t)
	f := setup(t, redis)
	elsewhere := f.another(t, redis)
	tenant := id.New[id.Tenant]()
	p := f.person(t, "shared@praxis.example")
	guess := p.signIn(tenant)
	guess.Secret = random(32)
	for i := range 10 {
		s := f.Service
		if i%2 == 1 {
			s = elsewhere
		}
		if _, _, err := s.SignIn(t.Context(), guess); !errors.Is(err, identity.ErrSignInFailed) {
			t.Fatalf("guess %d: %v", i+1, err)
		}
	}
	if _, _, err := elsewhere.SignIn(t.Context(), guess); !errors.Is(err, identity.ErrTooManyAttempts) {
		t.Fatalf("got %v, want %v", err, identity.ErrTooManyAttempts)
	}

	keys, err := redis.Raw().Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 3 {
		t.Fatalf("got keys %q, %v; want three counters", keys, err)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, "g:{sign-in}:") || strings.Contains(key, "127.1.1") || strings.Contains(key, "shared") {
			t.Errorf("key %q says too much, or is outside of its topic", key)
		}
		if left, err := redis.Raw().PTTL(t.Context(), key).Result(); err != nil || left <= 0 || left > 15*time.Minute {
			t.Errorf("key %q stays for %v, %v; want up to 15 minutes", key, left, err)
		}
	}
}

func TestSignIn_ThrottleWithoutRedisForgetsInTime(t *testing.T) {
	t.Parallel()
	f := setup(t, nil)
	tenant := id.New[id.Tenant]()
	p := f.person(t, "later@praxis.example")
	guess := p.signIn(tenant)
	guess.Secret = random(32)
	for range 10 {
		_, _, _ = f.SignIn(t.Context(), guess)
	}
	f.clock.add(14 * time.Minute)
	if _, _, err := f.SignIn(t.Context(), p.signIn(tenant)); !errors.Is(err, identity.ErrTooManyAttempts) {
		t.Fatalf("after 14 minutes: got %v, want %v", err, identity.ErrTooManyAttempts)
	}
	f.clock.add(time.Minute)
	if _, _, err := f.SignIn(t.Context(), p.signIn(tenant)); err != nil {
		t.Fatalf("after 15 minutes: %v", err)
	}
}

func liveRedis(t *testing.T) *redisdb.Client {
	t.Helper()
	// Slow because the machine is busy, it would be taken for one that is away.
	c, err := redisdb.Open(t.Context(), redisdb.Config{URL: testdb.RedisURL(t), Secret: secret(), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatalf("open redis: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// deadRedis is a client of a Redis that is not there.
func deadRedis(t *testing.T) *redisdb.Client {
	t.Helper()
	c, err := redisdb.Open(t.Context(), redisdb.Config{URL: "unix://" + t.TempDir() + "/nobody.sock", Secret: secret()})
	if err != nil {
		t.Fatalf("open redis: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
