package pluginhost_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siegel/platform/embedded/testdb"
	"siegel/platform/pluginhost"
	"siegel/plugins/sdk"
)

// eventually waits at most ten seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

func quick(c *pluginhost.Config) { c.Linger = 200 * time.Millisecond }

func TestOtherSettingsTakeOverAndCallsUnderWayFinish(t *testing.T) {
	t.Parallel()
	b := setup(t, "slow", quick)
	former, err := b.SMS(t.Context(), "one", b.name, map[string]any{"account": 1})
	if err != nil {
		t.Fatal(err)
	}
	old := processes(b.name)
	var failed atomic.Int64
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			if _, err := former.Send(t.Context(), message("x")); err != nil { // a second
				failed.Add(1)
			}
		})
	}
	eventually(t, "the calls did not begin", func() bool { return b.Health()[0].InFlight == 8 })
	next, err := b.SMS(t.Context(), "one", b.name, map[string]any{"account": 2})
	if err != nil {
		t.Fatal(err)
	}
	if h := b.Health(); len(h) != 2 || !h[0].Leaving || h[1].Leaving {
		t.Errorf("health while one leaves: %+v", h)
	}
	if pid := behaves(t, next).ProviderID; slices.Contains(old, atoi(pid)) {
		t.Error("the former process answers for the new settings")
	}
	calls.Wait()
	if n := failed.Load(); n != 0 {
		t.Errorf("%d calls were cut off", n)
	}
	eventually(t, "the former process is left", func() bool { return !slices.Contains(processes(b.name), old[0]) })
	if _, err := former.Send(t.Context(), message("behave")); !pluginhost.Unreached(err) || !errors.Is(err, pluginhost.ErrUnavailable) {
		t.Errorf("a call to what has left: %v", err)
	}
	behaves(t, next)
}

func TestSettingsThatAreRefusedLeaveTheFormerOnesAtWork(t *testing.T) {
	t.Parallel()
	b := setup(t, "good", quick)
	p := b.start(t)
	for range 3 {
		if _, err := b.SMS(t.Context(), "one", b.name, map[string]any{"refuse": "hunter2"}); !errors.Is(err, pluginhost.ErrSettings) {
			t.Fatalf("got %v", err)
		}
	}
	time.Sleep(400 * time.Millisecond)
	if _, err := p.Send(t.Context(), message("behave")); err != nil {
		t.Errorf("the former settings: %v", err)
	}
	if pids := processes(b.name); len(pids) != 1 {
		t.Errorf("processes = %v", pids)
	}
}

func TestInstancesAreApart(t *testing.T) {
	t.Parallel()
	b := setup(t, "crash", quick)
	one, two := b.start(t), must(b.SMS(t.Context(), "two", b.name, nil))
	if behaves(t, one).ProviderID == behaves(t, two).ProviderID {
		t.Error("two instances are one process")
	}
	_, _ = one.Send(t.Context(), message("x")) // crashes it
	if _, err := two.Send(t.Context(), message("behave")); err != nil {
		t.Errorf("the neighbour suffers: %v", err)
	}
}

func TestAStartThatFailsIsNotTriedAtEachCall(t *testing.T) {
	t.Parallel()
	b := setup(t, "quit", func(c *pluginhost.Config) { c.MinPause = time.Minute; c.MaxPause = time.Minute })
	began := time.Now()
	for range 200 {
		if _, err := b.SMS(t.Context(), "one", b.name, nil); !errors.Is(err, pluginhost.ErrUnavailable) || !pluginhost.Unreached(err) {
			t.Fatalf("got %v", err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("200 calls took %v", took)
	}
}

// A process that hangs whole is noticed before its calls are over.
func TestAHungProcessIsReplacedWithoutWaitingForCalls(t *testing.T) {
	t.Parallel()
	b := setup(t, "good", func(c *pluginhost.Config) {
		c.CallTimeout = time.Minute
		c.Ping, c.PingTimeout = 100*time.Millisecond, 200*time.Millisecond
	})
	p := b.start(t)
	pid := atoi(behaves(t, p).ProviderID)
	testdb.Freeze(t, pid)
	began := time.Now()
	// On a busy machine the next process may be there before the call is.
	switch r, err := p.Send(t.Context(), message("behave")); {
	case err == nil && atoi(r.ProviderID) == pid:
		t.Error("a process that is stopped has answered")
	case err != nil && (!errors.Is(err, pluginhost.ErrUnavailable) || pluginhost.Unreached(err)):
		t.Errorf("got %v, want a failure that leaves it open whether it was sent", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if after := behaves(t, p); atoi(after.ProviderID) == pid {
		t.Error("the hung process answers")
	}
	if h := b.Health(); len(h) != 1 || h[0].Restarts < 1 || !h[0].Running {
		t.Errorf("health = %+v", h)
	}
}

func TestWhatNobodyCallsEndsAndComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t, "good", func(c *pluginhost.Config) { c.Idle = time.Second })
	b.start(t)
	eventually(t, "it did not end", func() bool { return len(processes(b.name)) == 0 && len(b.Health()) == 0 })
	behaves(t, b.start(t))
	b.Retire("one")
	behaves(t, b.start(t))
}

func TestHealthNamesTheClassOfTheLastFailure(t *testing.T) {
	t.Parallel()
	for behaviour, want := range map[string]string{"refuse": string(sdk.Funds), "crash": "crash", "hang": "timeout", "oversize": "garbage"} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			b := setup(t, behaviour, func(c *pluginhost.Config) {
				if behaviour == "hang" { // what answers may take its time
					c.CallTimeout = 500 * time.Millisecond
				}
				c.MinPause, c.MaxPause = time.Minute, time.Minute
			})
			p := b.start(t)
			_, _ = p.Send(t.Context(), message("x"))
			eventually(t, "no failure noted", func() bool { h := b.Health(); return len(h) == 1 && h[0].Failure == want && !h[0].Failed.IsZero() })
			h := b.Health()[0]
			if h.Instance != "one" || h.Kind != "sms" || h.Plugin != b.name || h.Since.IsZero() {
				t.Errorf("health = %+v", h)
			}
			if behaviour == "crash" {
				eventually(t, "it does not say that it is down", func() bool {
					h := b.Health()[0]
					return !h.Running && time.Until(h.Resumes) > 30*time.Second && h.PID == 0
				})
			}
		})
	}
}

func TestCatalogueNeedsNoSettingsButTheSameBinary(t *testing.T) {
	t.Parallel()
	b := setup(t, "picky")
	for range 2 {
		if d, err := b.Catalogue(t.Context(), "sms", b.name); err != nil || d.Name != b.name || len(d.Schema) == 0 {
			t.Fatalf("%+v, %v", d, err)
		}
	}
	if pids := processes(b.name); len(pids) != 0 {
		t.Errorf("processes = %v", pids)
	}
	if _, err := b.Catalogue(t.Context(), "fax", b.name); !errors.Is(err, pluginhost.ErrNotFound) {
		t.Errorf("another service: %v", err)
	}
	path := filepath.Join(b.dir, prefix+b.name)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("x")
	f.Close()
	if _, err := b.Catalogue(t.Context(), "sms", b.name); !errors.Is(err, pluginhost.ErrUnverified) {
		t.Errorf("changed: %v", err)
	}
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
