package memo_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"siegel/platform/memo"
)

func TestGet(t *testing.T) {
	t.Parallel()

	t.Run("AsksOnceWithinTheAge", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := memo.New[string, int](time.Second, 10, nil)
			asked := 0
			fetch := func(context.Context) (int, error) { asked++; return asked, nil }
			for range 3 {
				if v, err := c.Get(t.Context(), "a", fetch); v != 1 || err != nil {
					t.Fatalf("got %d, %v; want 1", v, err)
				}
			}
			time.Sleep(time.Second)
			if v, _ := c.Get(t.Context(), "a", fetch); v != 2 {
				t.Fatalf("got %d a second later, want a fresh answer", v)
			}
		})
	})

	t.Run("CountsTheAgeFromBeforeAsking", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := memo.New[string, int](time.Second, 10, nil)
			asked := 0
			slow := func(context.Context) (int, error) {
				asked++
				time.Sleep(800 * time.Millisecond)
				return asked, nil
			}
			_, _ = c.Get(t.Context(), "a", slow)
			time.Sleep(300 * time.Millisecond)
			if v, _ := c.Get(t.Context(), "a", slow); v != 2 {
				t.Fatalf("got answer %d, 1.1 s after it was asked for", v)
			}
		})
	})

	t.Run("DoesNotRememberFailures", func(t *testing.T) {
		t.Parallel()
		c := memo.New[string, int](time.Hour, 10, nil)
		broken := errors.New("broken")
		if _, err := c.Get(t.Context(), "a", func(context.Context) (int, error) { return 0, broken }); !errors.Is(err, broken) {
			t.Fatalf("got %v, want the failure", err)
		}
		if v, err := c.Get(t.Context(), "a", func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
			t.Fatalf("got %d, %v; want 7", v, err)
		}
	})

	t.Run("SharesOneFetch", func(t *testing.T) {
		t.Parallel()
		c := memo.New[string, int](time.Hour, 10, nil)
		var asked atomic.Int32
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				v, err := c.Get(t.Context(), "a", func(context.Context) (int, error) {
					time.Sleep(20 * time.Millisecond)
					return int(asked.Add(1)), nil
				})
				if v != 1 || err != nil {
					t.Errorf("got %d, %v; want 1", v, err)
				}
			})
		}
		wg.Wait()
		if n := asked.Load(); n != 1 {
			t.Fatalf("asked %d times, want once", n)
		}
	})

	t.Run("AsksAnewWhenTheOwnerGaveUp", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := memo.New[string, int](time.Hour, 10, nil)
			owner, giveUp := context.WithCancel(t.Context())
			go func() {
				_, err := c.Get(owner, "a", func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
				if !errors.Is(err, context.Canceled) {
					t.Errorf("owner got %v, want its own cancellation", err)
				}
			}()
			synctest.Wait()
			go giveUp()
			v, err := c.Get(t.Context(), "a", func(context.Context) (int, error) { return 3, nil })
			if v != 3 || err != nil {
				t.Fatalf("got %d, %v; want 3", v, err)
			}
		})
	})

	t.Run("HoldsNoMoreThanItsLimit", func(t *testing.T) {
		t.Parallel()
		c := memo.New[int, int](time.Hour, 4, nil)
		asked := 0
		get := func(k int) {
			_, _ = c.Get(t.Context(), k, func(context.Context) (int, error) { asked++; return k, nil })
		}
		for k := range 100 {
			get(k)
		}
		asked = 0
		for k := range 100 {
			get(k)
		}
		if asked < 96 {
			t.Fatalf("%d of 100 answers were remembered, want at most 4", 100-asked)
		}
	})
}

func TestForget(t *testing.T) {
	t.Parallel()

	t.Run("DropsTheAnswer", func(t *testing.T) {
		t.Parallel()
		c := memo.New[string, int](time.Hour, 10, nil)
		_, _ = c.Get(t.Context(), "a", func(context.Context) (int, error) { return 1, nil })
		c.Forget("a")
		if v, _ := c.Get(t.Context(), "a", func(context.Context) (int, error) { return 2, nil }); v != 2 {
			t.Fatalf("got the forgotten answer %d", v)
		}
	})

	t.Run("DropsWhatIsBeingFetched", func(t *testing.T) {
		t.Parallel()
		c := memo.New[string, int](time.Hour, 10, nil)
		_, _ = c.Get(t.Context(), "a", func(context.Context) (int, error) { c.Forget("a"); return 1, nil })
		if v, _ := c.Get(t.Context(), "a", func(context.Context) (int, error) { return 2, nil }); v != 2 {
			t.Fatalf("got %d, fetched before it was forgotten", v)
		}
	})
}
