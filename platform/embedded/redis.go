package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// RedisDatabases is how many logical databases an embedded Redis has.
const RedisDatabases = 64

const redisSocket = "redis.sock"

// RedisConfig says where a Redis has its socket.
type RedisConfig struct {
	// Dir holds the log and (where the path is short enough) the socket. It is
	// made where it is missing. No data is ever written there.
	Dir string
}

// Redis is a running server that keeps everything in memory only.
type Redis struct {
	child   *child
	socket  string
	cleanup func()
	stop    sync.Once
	stopped error
}

// StartRedis returns when the server answers. ctx bounds the start, not the
// life of the server, which ends by [Redis.Stop] or with this process.
func StartRedis(ctx context.Context, c RedisConfig) (*Redis, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errMissing("redis-server", "redis-server")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	as, err := unprivileged("redis")
	if err != nil {
		return nil, err
	}
	if err := as.folder(dir); err != nil {
		return nil, fmt.Errorf("folder of redis: %w", err)
	}
	sockets, cleanup, err := as.socketFolder(dir, redisSocket)
	if err != nil {
		return nil, fmt.Errorf("folder of redis' socket: %w", err)
	}
	r := &Redis{socket: filepath.Join(sockets, redisSocket), cleanup: cleanup}

	logPath := filepath.Join(dir, "redis.log")
	log, err := os.Create(logPath)
	if err != nil {
		cleanup()
		return nil, err
	}
	cmd := exec.Command(program,
		"--port", "0", "--unixsocket", r.socket, "--unixsocketperm", "700", "--daemonize", "no",
		"--dir", dir, "--databases", strconv.Itoa(RedisDatabases),
		// Nothing on disk, nothing thrown away behind our back; the same as the
		// server asks of any Redis.
		"--save", "", "--appendonly", "no", "--repl-diskless-load", "swapdb", "--maxmemory-policy", "noeviction",
		// A report of a crash quotes commands with their arguments.
		"--crash-log-enabled", "no", "--crash-memcheck-enabled", "no")
	cmd.Dir, cmd.Env = dir, environment()
	cmd.Stdout, cmd.Stderr = log, log
	// It has nothing to save, so it need not be asked politely.
	r.child, err = spawn(cmd, as, syscall.SIGKILL)
	log.Close()
	if err != nil {
		cleanup()
		return nil, err
	}
	deadline := time.Now().Add(startTimeout)
	for !r.answers() {
		switch {
		case r.child.ended():
			cleanup()
			return nil, fmt.Errorf("redis ended at once: %s", tail(logPath))
		case ctx.Err() != nil || time.Now().After(deadline):
			return nil, errors.Join(fmt.Errorf("redis was not ready in time: %s", tail(logPath)), ctx.Err(), r.Stop())
		}
		time.Sleep(5 * time.Millisecond)
	}
	return r, nil
}

func (r *Redis) answers() bool {
	conn, err := net.DialTimeout("unix", r.socket, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	answer := make([]byte, len("+PONG\r\n"))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	_, err = io.ReadFull(conn, answer)
	return err == nil && string(answer) == "+PONG\r\n"
}

// URL is where to find its first logical database.
func (r *Redis) URL() string { return r.DatabaseURL(0) }

// DatabaseURL is where to find the logical database n, from 0 to 63.
func (r *Redis) DatabaseURL(n int) string {
	return (&url.URL{Scheme: "unix", Path: r.socket, RawQuery: "db=" + strconv.Itoa(n)}).String()
}

// Done is closed when the server has ended, for whatever reason.
func (r *Redis) Done() <-chan struct{} { return r.child.done }

// PID is the server's process.
func (r *Redis) PID() int { return r.child.cmd.Process.Pid }

// Stop ends the server, and with it all that it held. It may be called again.
func (r *Redis) Stop() error {
	r.stop.Do(func() {
		r.stopped = r.child.stop(syscall.SIGTERM)
		r.cleanup()
	})
	return r.stopped
}
