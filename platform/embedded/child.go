// Package embedded runs a private Postgres, a private Redis and the mailbox as
// child processes, for the demo and for tests. It is not for production.
//
// It promises that no other user of the machine reaches the stores (Unix
// sockets in folders that only their user enters, no port; the mailbox listens
// on loopback and is the exception), that a store does not run as root, and
// that every child ends with its parent, also when that is killed. The programs
// are those of the machine; nothing is downloaded.
package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// startTimeout is how long a child may take until it answers.
	startTimeout = 30 * time.Second
	// stopTimeout is how long it may take to end when asked.
	stopTimeout = 15 * time.Second
)

// child is a process that ends with this one.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// spawn starts cmd. Where this process dies, the kernel sends the child the
// signal death.
func spawn(cmd *exec.Cmd, as *account, death syscall.Signal) (*child, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: death,
		// Out of the terminal's group: Ctrl-C is for the parent, which stops
		// its children in its own order.
		Setpgid:    true,
		Credential: as.credential(),
	}
	c := &child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// What the kernel takes for the parent is the thread that forked. It
		// has to stay, and to stay ours, for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			// A dump of its memory would be a copy of what it holds. Where the
			// kernel does not let us (another user's process, in a container
			// with few capabilities), our own limit counts, which it inherits.
			_ = unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
		}
		started <- err
		if err != nil {
			return
		}
		c.err = cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	return c, nil
}

// stop sends the signals one after the other, each with its time to act, and
// kills a child that minds none of them.
func (c *child) stop(signals ...syscall.Signal) error {
	for _, signal := range signals {
		_ = c.cmd.Process.Signal(signal)
		select {
		case <-c.done:
			return nil
		case <-time.After(stopTimeout):
		}
	}
	_ = c.cmd.Process.Kill()
	<-c.done
	return fmt.Errorf("%s had to be killed", filepath.Base(c.cmd.Path))
}

// ended reports whether the child is gone.
func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// environment is all that a child learns of the parent's: nothing that could
// hold a secret.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/nonexistent"}
}

// tail is the end of a log file, for an error that should explain itself.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 2048 {
		_, _ = f.Seek(-2048, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return string(text)
}

// errMissing says what to install.
func errMissing(program, debianPackage string) error {
	return fmt.Errorf("%s not found: install it (Debian, Ubuntu: apt install %s): %w", program, debianPackage, errors.ErrUnsupported)
}
