package redisdb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"siegel/platform/embedded/testdb"
	"siegel/platform/redisdb"
)

func TestMain(m *testing.M) { os.Exit(testdb.Run(m)) }

var secret = []byte("a secret for tests, thirty-two b.")

// open returns a client for url until the test ends.
func open(t *testing.T, url string) *redisdb.Client {
	t.Helper()
	c, err := redisdb.Open(t.Context(), redisdb.Config{URL: url, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// setup returns a client on an empty Redis of the test's own. That it is slow
// because the machine is busy is nothing that who asks for it tests.
func setup(t *testing.T) *redisdb.Client {
	t.Helper()
	c, err := redisdb.Open(t.Context(), redisdb.Config{URL: testdb.RedisURL(t), Secret: secret, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// freeze stops every thread of a process: a signal says only that it will.
func freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatal(len(threads), err)
	}
	for _, thread := range threads {
		for stopped := false; !stopped; time.Sleep(time.Millisecond) {
			stat, err := os.ReadFile(thread)
			_, state, _ := strings.Cut(string(stat), ") ")
			stopped = err != nil || strings.HasPrefix(state, "T") // without a file it is gone
		}
	}
}
