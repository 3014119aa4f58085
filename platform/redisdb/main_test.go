package redisdb_test

import (
	"os"
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
