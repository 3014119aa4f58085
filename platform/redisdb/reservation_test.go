package redisdb_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"siegel/platform/id"
	"siegel/platform/redisdb"
)

// shelf is a tenant with one resource, whose reservations have wide caps
// unless a test narrows them.
type shelf struct {
	*redisdb.Client
	tenant   id.Tenant
	resource id.Resource
	made     int
}

func newShelf(t *testing.T) *shelf {
	return &shelf{Client: setup(t), tenant: id.New[id.Tenant](), resource: id.New[id.Resource]()}
}

func (s *shelf) key(parts ...string) string { return redisdb.TenantKey(s.tenant, parts...) }

// claim asks for [starts, ends), by a visitor of its own.
func (s *shelf) claim(starts, ends int64, capacity int) redisdb.Reservation {
	s.made++
	n := strconv.Itoa(s.made)
	return redisdb.Reservation{
		Tenant: s.tenant, ID: id.New[id.Hold]().UUID(), Record: s.key("held", n), Value: []byte("record " + n), TTL: time.Minute,
		Claims: []redisdb.Claim{{Resource: s.resource, Starts: starts, Ends: ends, Capacity: capacity, DayStarts: 0, DayEnds: 1 << 40, DayCap: 1000}},
		Once:   s.key("once", n), OnceValue: "request " + n,
		Browser: s.key("browser", n), BrowserCap: 1000, Network: s.key("network", n), NetworkFree: 1000, NetworkCap: 1000,
	}
}

func (s *shelf) reserve(t *testing.T, r redisdb.Reservation) redisdb.Outcome {
	t.Helper()
	outcome, _, _, err := s.Reserve(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func (s *shelf) want(t *testing.T, want redisdb.Outcome, r redisdb.Reservation) {
	t.Helper()
	if got := s.reserve(t, r); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	t.Run("NeighboursDoNotMeet", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		s.want(t, redisdb.Held, s.claim(100, 200, 1))
		s.want(t, redisdb.Held, s.claim(200, 300, 1))
		s.want(t, redisdb.Held, s.claim(50, 100, 1))
		for _, c := range [][2]int64{{100, 200}, {150, 160}, {0, 51}, {299, 400}, {0, 1000}, {199, 200}} {
			s.want(t, redisdb.Taken, s.claim(c[0], c[1], 1))
		}
	})
	t.Run("AnotherResourceIsFree", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		s.want(t, redisdb.Held, s.claim(100, 200, 1))
		r := s.claim(100, 200, 1)
		r.Claims[0].Resource = id.New[id.Resource]()
		s.want(t, redisdb.Held, r)
	})
	t.Run("AnotherTenantIsFree", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		s.want(t, redisdb.Held, s.claim(100, 200, 1))
		s.tenant = id.New[id.Tenant]()
		s.want(t, redisdb.Held, s.claim(100, 200, 1))
	})
	t.Run("CapacityCountsInstantsNotNeighbours", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		s.want(t, redisdb.Held, s.claim(0, 100, 2))
		s.want(t, redisdb.Held, s.claim(100, 200, 2))
		// Two others, but never two at once: there is room for one across both.
		s.want(t, redisdb.Held, s.claim(0, 200, 2))
		s.want(t, redisdb.Taken, s.claim(99, 101, 2))
		s.want(t, redisdb.Held, s.claim(99, 101, 3))
		s.want(t, redisdb.Held, s.claim(200, 300, 2))
	})
	t.Run("AllClaimsOrNone", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		r := s.claim(100, 200, 1)
		room := id.New[id.Resource]()
		s.want(t, redisdb.Held, r)
		both := s.claim(100, 200, 1)
		both.Claims = append([]redisdb.Claim{{Resource: room, Starts: 100, Ends: 200, Capacity: 1, DayEnds: 1 << 40, DayCap: 1000}}, both.Claims...)
		s.want(t, redisdb.Taken, both)
		alone := s.claim(100, 200, 1)
		alone.Claims[0].Resource = room
		s.want(t, redisdb.Held, alone)
		if record, _, err := s.Read(t.Context(), both.Record); err != nil || record != nil {
			t.Fatalf("a refused reservation left %q, %v", record, err)
		}
	})
	t.Run("ARetryGetsWhatStands", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		r := s.claim(100, 200, 1)
		_, _, death, err := s.Reserve(t.Context(), r)
		if err != nil || time.Until(death) > time.Minute || time.Until(death) < 50*time.Second {
			t.Fatalf("%v, %v", death, err)
		}
		retry := r
		retry.ID, retry.Value = id.New[id.Hold]().UUID(), []byte("another")
		outcome, stands, again, err := s.Reserve(t.Context(), retry)
		if err != nil || outcome != redisdb.Same || !bytes.Equal(stands, r.Value) || !again.Equal(death) {
			t.Fatalf("%s %q %v %v", outcome, stands, again, err)
		}
	})
	t.Run("AKeyForSomethingElseIsAMismatch", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		r := s.claim(100, 200, 1)
		s.want(t, redisdb.Held, r)
		other := s.claim(300, 400, 1)
		other.Once = r.Once
		s.want(t, redisdb.Mismatch, other)
		r.OnceValue = "another request"
		s.want(t, redisdb.Mismatch, r)
	})
	t.Run("ExpiredItIsMetAndForgotten", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		short := s.claim(100, 200, 1)
		short.TTL = time.Second
		s.want(t, redisdb.Held, short)
		s.want(t, redisdb.Taken, s.claim(100, 200, 1))
		time.Sleep(1100 * time.Millisecond)
		claims, err := s.Claims(t.Context(), s.tenant, []id.Resource{s.resource}, time.Unix(0, 0), time.Unix(1000, 0))
		if err != nil || len(claims) != 0 {
			t.Fatalf("claims after the end of life: %v, %v", claims, err)
		}
		s.want(t, redisdb.Held, s.claim(100, 200, 1))
		if n := s.Raw().ZCard(t.Context(), s.key("hold", s.resource.UUID())).Val(); n != 1 {
			t.Errorf("%d claims are remembered, want the living one", n)
		}
		if record, _, err := s.Read(t.Context(), short.Record); err != nil || record != nil {
			t.Errorf("its record: %q, %v", record, err)
		}
	})
	t.Run("EverythingEndsByItself", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		s.want(t, redisdb.Held, s.claim(100, 200, 1))
		keys, err := s.Raw().Keys(t.Context(), "*").Result()
		if err != nil || len(keys) < 5 {
			t.Fatalf("%v, %v", keys, err)
		}
		for _, k := range keys {
			if left := s.Raw().PTTL(t.Context(), k).Val(); left <= 0 || left > 24*time.Hour {
				t.Errorf("%s lives for %v", k, left)
			}
		}
	})
}

func TestCaps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		narrow func(*shelf, *redisdb.Reservation)
		cap    int
		then   redisdb.Outcome
	}{
		{"Browser", func(s *shelf, r *redisdb.Reservation) { r.Browser, r.BrowserCap = s.key("browser", "one"), 2 }, 2, redisdb.Greedy},
		{"Network", func(s *shelf, r *redisdb.Reservation) {
			r.Network, r.NetworkFree, r.NetworkCap = s.key("network", "one"), 5, 5
		}, 5, redisdb.Crowded},
		{"NetworkWithoutProof", func(s *shelf, r *redisdb.Reservation) {
			r.Network, r.NetworkFree, r.NetworkCap = s.key("network", "one"), 3, 9
		}, 3, redisdb.NeedWork},
		{"NetworkWithProof", func(s *shelf, r *redisdb.Reservation) {
			r.Network, r.NetworkFree, r.NetworkCap, r.Proven = s.key("network", "one"), 3, 9, true
		}, 9, redisdb.Crowded},
		{"Day", func(_ *shelf, r *redisdb.Reservation) { r.Claims[0].DayCap = 7 }, 7, redisdb.DayFull},
		{"Capacity", func(_ *shelf, r *redisdb.Reservation) {
			r.Claims[0].Starts, r.Claims[0].Ends, r.Claims[0].Capacity = 0, 60, 4
		}, 4, redisdb.Taken},
	} {
		t.Run(c.name+"HoldsUnderConcurrency", func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			held := s.crowd(t, 100, func(r *redisdb.Reservation) { c.narrow(s, r) }, c.then)
			if len(held) != c.cap {
				t.Fatalf("%d of 100 were held, the cap is %d", len(held), c.cap)
			}
			// What ends makes room for as many.
			for _, r := range held[:2] {
				if err := s.Release(t.Context(), redisdb.Release{Tenant: s.tenant, ID: r.ID, Delete: []string{r.Record}}); err != nil {
					t.Fatal(err)
				}
			}
			if held := s.crowd(t, 20, func(r *redisdb.Reservation) { c.narrow(s, r) }, c.then); len(held) != 2 {
				t.Fatalf("%d were held after two had ended", len(held))
			}
		})
	}
	t.Run("AnotherDayHasACapOfItsOwn", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		on := func(day int64) redisdb.Reservation {
			s.made++
			r := s.claim(day*86400+int64(s.made)*60, day*86400+int64(s.made)*60+60, 1)
			r.Claims[0].DayStarts, r.Claims[0].DayEnds, r.Claims[0].DayCap = day*86400, (day+1)*86400, 1
			return r
		}
		s.want(t, redisdb.Held, on(1))
		s.want(t, redisdb.DayFull, on(1))
		s.want(t, redisdb.Held, on(2))
		s.want(t, redisdb.Held, on(0))
	})
}

// crowd lets n reserve at once, each a minute of their own, and returns what
// was held. Whoever gets nothing must have been refused as said.
func (s *shelf) crowd(t *testing.T, n int, narrow func(*redisdb.Reservation), refused redisdb.Outcome) (held []redisdb.Reservation) {
	t.Helper()
	var (
		begin, all sync.WaitGroup
		asked      = make([]redisdb.Reservation, n)
		outcomes   = make([]redisdb.Outcome, n)
	)
	begin.Add(1)
	for i := range n {
		asked[i] = s.claim(int64(s.made)*60, int64(s.made)*60+60, 1)
		narrow(&asked[i])
		all.Go(func() {
			begin.Wait()
			outcome, _, _, err := s.Reserve(t.Context(), asked[i])
			if err != nil {
				t.Error(err)
			}
			outcomes[i] = outcome
		})
	}
	begin.Done()
	all.Wait()
	for i, o := range outcomes {
		switch o {
		case redisdb.Held:
			held = append(held, asked[i])
		case refused:
		default:
			t.Errorf("one was answered %q", o)
		}
	}
	return held
}

// Whatever is reserved and released, by Redis's own word or by the plainest of
// models, the same is held.
func TestReserveAgreesWithAModel(t *testing.T) {
	t.Parallel()
	type span struct {
		redisdb.Reservation
		starts, ends int64
	}
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s, dice := newShelf(t), rand.New(rand.NewPCG(seed, 1))
			const capacity = 3
			var live []span
			for step := range 150 {
				if len(live) > 0 && dice.IntN(4) == 0 {
					at := dice.IntN(len(live))
					if err := s.Release(t.Context(), redisdb.Release{Tenant: s.tenant, ID: live[at].ID, Delete: []string{live[at].Record}}); err != nil {
						t.Fatal(err)
					}
					live = slices.Delete(live, at, at+1)
					continue
				}
				starts := dice.Int64N(60)
				r := span{s.claim(starts, starts+1+dice.Int64N(20), capacity), starts, 0}
				r.ends = r.Claims[0].Ends
				most := 0
				for at := r.starts; at < r.ends; at++ {
					n := 0
					for _, o := range live {
						if o.starts <= at && at < o.ends {
							n++
						}
					}
					most = max(most, n)
				}
				want := redisdb.Held
				if most >= capacity {
					want = redisdb.Taken
				} else {
					live = append(live, r)
				}
				if got := s.reserve(t, r.Reservation); got != want {
					t.Fatalf("step %d: [%d, %d) is %s, want %s", step, r.starts, r.ends, got, want)
				}
			}
			claims, err := s.Claims(t.Context(), s.tenant, []id.Resource{id.New[id.Resource](), s.resource}, time.Unix(20, 0), time.Unix(40, 0))
			if err != nil {
				t.Fatal(err)
			}
			var want []redisdb.Claimed
			for _, o := range live {
				if o.starts < 40 && o.ends > 20 {
					want = append(want, redisdb.Claimed{Resource: s.resource, Starts: o.starts, Ends: o.ends})
				}
			}
			byTime := func(a, b redisdb.Claimed) int {
				return cmp.Or(cmp.Compare(a.Starts, b.Starts), cmp.Compare(a.Ends, b.Ends))
			}
			slices.SortFunc(claims, byTime)
			slices.SortFunc(want, byTime)
			if !slices.Equal(claims, want) {
				t.Fatalf("claims are %v, want %v", claims, want)
			}
		})
	}
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	step := func(s *shelf, r redisdb.Reservation, value string) redisdb.Advance {
		return redisdb.Advance{Tenant: s.tenant, ID: r.ID, Record: r.Record, Expected: r.Value, Value: []byte(value)}
	}
	want := func(t *testing.T, s *shelf, want redisdb.Outcome, a redisdb.Advance) time.Time {
		t.Helper()
		outcome, death, err := s.Advance(t.Context(), a)
		if err != nil || outcome != want {
			t.Fatalf("%s, %v; want %s", outcome, err, want)
		}
		return death
	}
	t.Run("OnlyOneOfManyWins", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		r := s.claim(0, 60, 1)
		s.want(t, redisdb.Held, r)
		var all sync.WaitGroup
		outcomes := make([]redisdb.Outcome, 100)
		for i := range outcomes {
			all.Go(func() {
				var err error
				if outcomes[i], _, err = s.Advance(t.Context(), step(s, r, strconv.Itoa(i))); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		slices.Sort(outcomes)
		if outcomes[98] != redisdb.Changed || outcomes[99] != redisdb.Advanced {
			t.Fatalf("outcomes are %v", outcomes)
		}
	})
	t.Run("WithoutALifeItKeepsItsEnd", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		r := s.claim(0, 60, 1)
		_, _, death, err := s.Reserve(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		a := step(s, r, "next")
		a.Companion, a.CompanionValue = s.key("pending"), []byte("companion")
		if same := want(t, s, redisdb.Advanced, a); !same.Equal(death) {
			t.Errorf("end of life moved from %v to %v", death, same)
		}
		a = step(s, r, "third")
		a.Expected, a.TTL, a.Delete = []byte("next"), time.Hour, []string{s.key("pending")}
		later := want(t, s, redisdb.Advanced, a)
		if d := time.Until(later); d > time.Hour || d < 59*time.Minute {
			t.Errorf("a life of an hour ends in %v", d)
		}
		if v, end, err := s.Read(t.Context(), r.Record); err != nil || string(v) != "third" || !end.Equal(later) {
			t.Errorf("%q, %v, %v", v, end, err)
		}
		if v, _, err := s.Read(t.Context(), s.key("pending")); err != nil || v != nil {
			t.Errorf("a deleted companion is %q, %v", v, err)
		}
		s.want(t, redisdb.Taken, s.claim(0, 60, 1))
	})
	t.Run("ALongerLifeKeepsTheClaim", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		r := s.claim(0, 60, 1)
		r.TTL = time.Second
		s.want(t, redisdb.Held, r)
		a := step(s, r, "next")
		a.TTL = time.Minute
		want(t, s, redisdb.Advanced, a)
		time.Sleep(1100 * time.Millisecond)
		s.want(t, redisdb.Taken, s.claim(0, 60, 1))
	})
	t.Run("WhatIsGoneStaysGone", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		r := s.claim(0, 60, 1)
		want(t, s, redisdb.Gone, step(s, r, "never held"))
		s.want(t, redisdb.Held, r)
		for range 2 { // twice is harmless
			if err := s.Release(t.Context(), redisdb.Release{Tenant: s.tenant, ID: r.ID, Delete: []string{r.Record}}); err != nil {
				t.Fatal(err)
			}
		}
		want(t, s, redisdb.Gone, step(s, r, "too late"))
		s.want(t, redisdb.Held, s.claim(0, 60, 1))
	})
	t.Run("AKeyForSomethingElseIsAMismatch", func(t *testing.T) {
		t.Parallel()
		s := newShelf(t)
		r := s.claim(0, 60, 1)
		s.want(t, redisdb.Held, r)
		a := step(s, r, "next")
		a.Once, a.OnceValue = s.key("once", "step"), "this request"
		want(t, s, redisdb.Advanced, a)
		a.Expected, a.OnceValue = []byte("next"), "another request"
		want(t, s, redisdb.Mismatch, a)
	})
}

func TestReleaseKeepsAndTellsAtOnce(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	r := s.claim(0, 60, 1)
	s.want(t, redisdb.Held, r)
	channel := s.key("changed")
	heard := s.Raw().Subscribe(t.Context(), channel)
	defer heard.Close()
	if _, err := heard.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := s.Release(t.Context(), redisdb.Release{Tenant: s.tenant, ID: r.ID, Delete: []string{r.Record},
		Keep: s.key("receipt"), KeepValue: []byte("kept"), KeepTTL: time.Minute, Channel: channel, Message: "changed"})
	if err != nil {
		t.Fatal(err)
	}
	if v, end, err := s.Read(t.Context(), s.key("receipt")); err != nil || string(v) != "kept" || time.Until(end) > time.Minute {
		t.Errorf("%q until %v, %v", v, end, err)
	}
	select {
	case m := <-heard.Channel():
		if m.Payload != "changed" {
			t.Errorf("heard %q", m.Payload)
		}
	case <-time.After(5 * time.Second):
		t.Error("heard nothing")
	}
	if n := s.Raw().Exists(t.Context(), s.key("none")).Val(); n != 0 {
		t.Error("the key that stands for none was written")
	}
}

func TestTake(t *testing.T) {
	t.Parallel()
	t.Run("NeverMoreThanTheLimit", func(t *testing.T) {
		t.Parallel()
		c := setup(t)
		var (
			all  sync.WaitGroup
			mu   sync.Mutex
			left []int
		)
		for range 100 {
			all.Go(func() {
				n, ok, err := c.Take(t.Context(), redisdb.GlobalKey("mail", "a"), 10, time.Minute)
				if err != nil || ok != (n >= 0) {
					t.Errorf("%d %t %v", n, ok, err)
				}
				if mu.Lock(); ok {
					left = append(left, n)
				}
				mu.Unlock()
			})
		}
		all.Wait()
		slices.Sort(left)
		if !slices.Equal(left, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Fatalf("taken were %v", left)
		}
	})
	t.Run("TheWindowIsCountedFromTheFirst", func(t *testing.T) {
		t.Parallel()
		c := setup(t)
		take := func() bool {
			_, ok, err := c.Take(t.Context(), redisdb.GlobalKey("mail", "b"), 2, 300*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		began := time.Now()
		first, second, third := take(), take(), take()
		if !first || !second || third && time.Since(began) < 300*time.Millisecond {
			t.Fatal("want two and no third")
		}
		time.Sleep(350 * time.Millisecond)
		if !take() {
			t.Fatal("the window has passed")
		}
	})
}
