package redisdb_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"siegel/platform/embedded/testdb"
	"siegel/platform/id"
	"siegel/platform/redisdb"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]redisdb.Config{
		"NoURL":       {Secret: secret},
		"AnotherKind": {URL: "postgres://localhost/db", Secret: secret},
		"NoSecret":    {URL: "redis://localhost"},
		"ShortSecret": {URL: "redis://localhost", Secret: secret[:31]},

		"SentinelWithoutAName":     {URL: "redis+sentinel://a:26379", Secret: secret},
		"SentinelWithTwoNames":     {URL: "redis+sentinel://a:26379/b/c", Secret: secret},
		"SentinelWithoutAPort":     {URL: "redis+sentinel://a/b", Secret: secret},
		"SentinelPortZero":         {URL: "redis+sentinel://a:0/b", Secret: secret},
		"SentinelWithoutAHost":     {URL: "redis+sentinel://:26379/b", Secret: secret},
		"SentinelAlsoWithoutAPort": {URL: "redis+sentinel://a:26379/b?addr=c", Secret: secret},
		"SentinelUnknownWord":      {URL: "redis+sentinel://a:26379/b?master=c", Secret: secret},
		"SentinelTwoDatabases":     {URL: "redis+sentinel://a:26379/b?db=1&db=2", Secret: secret},
		"SentinelDatabaseWord":     {URL: "redis+sentinel://a:26379/b?db=x", Secret: secret},
		"SentinelOverUnix":         {URL: "unix+sentinel://a:26379/b", Secret: secret},
		"ClusterWithAName":         {URL: "redis+cluster://a:6379/b", Secret: secret},
		"ClusterWithADatabase":     {URL: "redis+cluster://a:6379?db=1", Secret: secret},
		"ClusterWithSentinels":     {URL: "redis+cluster://a:6379?sentinel_password=b", Secret: secret},
		"SomethingElse":            {URL: "redis+ring://a:6379", Secret: secret},
	} {
		if c, err := redisdb.Open(t.Context(), c); err == nil {
			_ = c.Close()
			t.Errorf("%s was opened", name)
		} else if strings.Contains(err.Error(), string(secret[:31])) {
			t.Errorf("%s: the error says the secret", name)
		}
	}
}

// An address may hold a password.
func TestARefusedURLIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"redis://:hush@localhost:port", "redis+sentinel://:hush@a:b:c/d", "redis+cluster://:hush@a:6379/%zz", "hush"} {
		if c, err := redisdb.Open(t.Context(), redisdb.Config{URL: url, Secret: secret}); err == nil {
			_ = c.Close()
			t.Errorf("%s was opened", url)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("%v", err)
		}
	}
}

func TestKeysOfATenantShareASlot(t *testing.T) {
	t.Parallel()
	tenant := id.New[id.Tenant]()
	if k := redisdb.TenantKey(tenant, "a", "b"); k != "t:{"+tenant.UUID()+"}:a:b" {
		t.Error(k)
	}
	if k := redisdb.GlobalKey("mail", "x"); k != "g:{mail}:x" {
		t.Error(k)
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	c := setup(t)
	plain := []byte("erika@muster.example")
	sealed := c.Seal("pending", plain, "t:{x}:pending:1")
	if bytes.Contains(sealed, plain[:8]) {
		t.Fatal("a sealed record shows what it holds")
	}
	if opened, err := c.Open("pending", sealed, "t:{x}:pending:1"); err != nil || !bytes.Equal(opened, plain) {
		t.Fatalf("%q, %v", opened, err)
	}
	if bytes.Equal(sealed, c.Seal("pending", plain, "t:{x}:pending:1")) {
		t.Error("the same twice is the same record")
	}
	bent := bytes.Clone(sealed)
	bent[len(bent)-1] ^= 1
	another, err := redisdb.Open(t.Context(), redisdb.Config{URL: "redis://localhost", Secret: append([]byte("x"), secret...)})
	if err != nil {
		t.Fatal(err)
	}
	defer another.Close()
	for name, open := range map[string]func() ([]byte, error){
		"UnderAnotherKey":     func() ([]byte, error) { return c.Open("pending", sealed, "t:{x}:pending:2") },
		"ForAnotherPurpose":   func() ([]byte, error) { return c.Open("hold", sealed, "t:{x}:pending:1") },
		"WithAnotherSecret":   func() ([]byte, error) { return another.Open("pending", sealed, "t:{x}:pending:1") },
		"Bent":                func() ([]byte, error) { return c.Open("pending", bent, "t:{x}:pending:1") },
		"Cut":                 func() ([]byte, error) { return c.Open("pending", sealed[:len(sealed)-1], "t:{x}:pending:1") },
		"ShorterThanItsNonce": func() ([]byte, error) { return c.Open("pending", sealed[:11], "t:{x}:pending:1") },
		"NonceOnly":           func() ([]byte, error) { return c.Open("pending", sealed[:12], "t:{x}:pending:1") },
		"Nothing":             func() ([]byte, error) { return c.Open("pending", nil, "t:{x}:pending:1") },
	} {
		if opened, err := open(); !errors.Is(err, redisdb.ErrUnreadable) || opened != nil {
			t.Errorf("%s: %q, %v", name, opened, err)
		}
	}
}

func TestMACTellsPartsApart(t *testing.T) {
	t.Parallel()
	c := setup(t)
	seen := map[string]string{}
	for name, sum := range map[string][]byte{
		"ab":          c.MAC("address", "ab"),
		"a, b":        c.MAC("address", "a", "b"),
		"ab, nothing": c.MAC("address", "ab", ""),
		"nothing, ab": c.MAC("address", "", "ab"),
		"nothing":     c.MAC("address"),
		"empty":       c.MAC("address", ""),
		"elsewhere":   c.MAC("code", "ab"),
	} {
		if other, ok := seen[string(sum)]; ok {
			t.Errorf("%s and %s are the same", name, other)
		}
		if seen[string(sum)] = name; len(sum) != 32 {
			t.Errorf("%d bytes", len(sum))
		}
	}
	if !bytes.Equal(c.MAC("address", "ab"), c.MAC("address", "ab")) {
		t.Error("the same is not the same")
	}
}

func TestReadOfNothingIsNoError(t *testing.T) {
	t.Parallel()
	c := setup(t)
	if v, _, err := c.Read(t.Context(), "nothing"); err != nil || v != nil {
		t.Fatalf("%q, %v", v, err)
	}
	if err := c.Raw().Set(t.Context(), "empty", "", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if v, _, err := c.Read(t.Context(), "empty"); err != nil || v == nil || len(v) != 0 {
		t.Fatalf("an empty record is %v, %v", v, err)
	}
}

// call is one call and what it took.
func call(t *testing.T, c *redisdb.Client) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	_, _, err := c.Take(t.Context(), redisdb.GlobalKey("mail", "x"), 1000, time.Minute)
	return time.Since(began), err
}

// slack is what a call may take over its time on a busy machine.
const slack = 150 * time.Millisecond

func unavailable(t *testing.T, c *redisdb.Client, within time.Duration) {
	t.Helper()
	took, err := call(t, c)
	if !errors.Is(err, redisdb.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if took > within+slack {
		t.Fatalf("it took %v", took)
	}
}

func TestRedisThatNeverAnswers(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			if conn, err := ln.Accept(); err != nil {
				return
			} else {
				defer conn.Close()
			}
		}
	}()
	c := open(t, "redis://"+ln.Addr().String())
	for range 5 {
		unavailable(t, c, redisdb.Timeout)
	}
	// From here on the breaker answers, whatever is asked.
	began := time.Now()
	for range 1000 {
		if _, err := call(t, c); !errors.Is(err, redisdb.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if _, _, err := c.Read(t.Context(), "x"); !errors.Is(err, redisdb.ErrUnavailable) {
		t.Fatal(err)
	}
	if took := time.Since(began); took > redisdb.Timeout+slack {
		t.Errorf("a thousand calls took %v", took)
	}
}

// A Redis that was there and hangs: its connections stand, nothing comes.
func TestRedisThatHangsAndComesBack(t *testing.T) {
	t.Parallel()
	r := testdb.PrivateRedis(t)
	c := open(t, r.URL())
	if _, err := call(t, c); err != nil {
		t.Fatal(err)
	}
	testdb.Freeze(t, r.PID())
	defer func() { _ = syscall.Kill(r.PID(), syscall.SIGCONT) }()
	var all sync.WaitGroup
	for range 20 { // many at once wait no longer than one
		all.Go(func() { unavailableSoon(t, c) })
	}
	all.Wait()
	unavailable(t, c, 0)
	if err := syscall.Kill(r.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	comesBack(t, c)
}

func unavailableSoon(t *testing.T, c *redisdb.Client) {
	if took, err := call(t, c); !errors.Is(err, redisdb.ErrUnavailable) || took > 2*redisdb.Timeout+slack {
		t.Errorf("%v after %v", err, took)
	}
}

// comesBack waits for the breaker to try again.
func comesBack(t *testing.T, c *redisdb.Client) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, err = call(t, c); err == nil {
			return
		}
	}
	t.Fatalf("Redis is back, and calls still say %v", err)
}

func TestRedisThatHasStopped(t *testing.T) {
	t.Parallel()
	r := testdb.PrivateRedis(t)
	c := open(t, r.URL())
	if _, err := call(t, c); err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		unavailable(t, c, redisdb.Timeout)
	}
	if _, err := c.Warnings(t.Context()); !errors.Is(err, redisdb.ErrUnavailable) {
		t.Errorf("warnings: %v", err)
	}
}

// A crowd waits for its turn: it is not Redis that fails, and nobody else is
// made to wait for it to come back.
func TestACrowdIsServed(t *testing.T) {
	t.Parallel()
	const connections, crowd = 4, 80
	var under, most atomic.Int64
	process := redisdb.NewBreaker(connections).ProcessHook(func(context.Context, redis.Cmder) error {
		most.Store(max(most.Load(), under.Add(1)))
		time.Sleep(10 * time.Millisecond)
		under.Add(-1)
		return nil
	})
	began := time.Now()
	var all sync.WaitGroup
	for range crowd {
		all.Go(func() {
			if err := process(t.Context(), redis.NewStatusCmd(t.Context(), "ping")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if took := time.Since(began); took < 2*redisdb.Timeout {
		t.Fatalf("served within %v: nobody had to wait", took)
	}
	if most.Load() > connections {
		t.Errorf("%d were under way at once", most.Load())
	}
}

// Who waits for a turn behind calls that hang is told with them.
func TestACrowdBeforeRedisThatHangs(t *testing.T) {
	t.Parallel()
	r := testdb.PrivateRedis(t)
	c := open(t, r.URL())
	testdb.Freeze(t, r.PID())
	defer func() { _ = syscall.Kill(r.PID(), syscall.SIGCONT) }()
	var all sync.WaitGroup
	for range 500 {
		all.Go(func() { unavailableSoon(t, c) })
	}
	all.Wait()
	if err := syscall.Kill(r.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	comesBack(t, c)
}

// Callers who are out of time do not make Redis look ill to everybody.
func TestImpatientCallersDoNotTripTheBreaker(t *testing.T) {
	t.Parallel()
	c := setup(t)
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, ctx := range []context.Context{late, gone} {
		for range 20 {
			if _, _, err := c.Take(ctx, redisdb.GlobalKey("mail", "x"), 1000, time.Minute); err == nil {
				t.Fatal("a call out of time succeeded")
			}
		}
		if _, err := call(t, c); err != nil {
			t.Fatalf("and a patient one got %v", err)
		}
	}
}

// An answer that says no is an answer.
func TestErrorsOfRedisDoNotTripTheBreaker(t *testing.T) {
	t.Parallel()
	c := setup(t)
	if err := c.Raw().Set(t.Context(), "text", "x", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := c.Raw().Incr(t.Context(), "text").Err(); err == nil || errors.Is(err, redisdb.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := call(t, c); err != nil {
		t.Fatal(err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	c := open(t, testdb.PrivateRedis(t).URL())
	if warnings, err := c.Warnings(t.Context()); err != nil || len(warnings) != 0 {
		t.Fatalf("of an embedded one: %v, %v", warnings, err)
	}
	set := func(name, value string) {
		if err := c.Raw().ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set("save", "3600 1")
	set("appendonly", "yes")
	set("repl-diskless-load", "disabled")
	set("maxmemory-policy", "allkeys-lru")
	defer func() { // one that has something to save takes its time to stop
		set("appendonly", "no")
		set("save", "")
	}()
	warnings, err := c.Warnings(t.Context())
	if err != nil || len(warnings) != 4 {
		t.Fatalf("%v, %v", warnings, err)
	}
	for i, name := range []string{"save", "appendonly", "repl-diskless-load", "maxmemory-policy"} {
		if !strings.Contains(warnings[i], name) {
			t.Errorf("%q does not speak of %s", warnings[i], name)
		}
	}
}
