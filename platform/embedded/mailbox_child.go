package embedded

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Mailbox is a mailbox in a process of its own, so that what it holds is in no
// memory but its own.
type Mailbox struct {
	child *child
	at    mailboxReady
	stop  sync.Once
	end   error
}

// StartMailbox runs binary with args, which should end up in [RunMailbox] with
// the standard output for Ready, and returns when it is ready. ctx bounds the
// start, not the life of the process.
func StartMailbox(ctx context.Context, binary string, args ...string) (*Mailbox, error) {
	// Not a pipe of exec's: that is closed by Wait, which is under way already.
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	var complaints bytes.Buffer
	cmd := exec.Command(binary, args...)
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = in, &complaints
	// As ourselves: another user may not be able to reach the binary.
	run, err := spawn(cmd, nil, syscall.SIGKILL)
	in.Close()
	if err != nil {
		return nil, err
	}
	m := &Mailbox{child: run}

	line := make(chan []byte, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadBytes('\n')
		line <- text
	}()
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case text := <-line:
		if err := json.Unmarshal(text, &m.at); err != nil || m.at.SMTP == "" || m.at.HTTP == "" {
			stopped := m.Stop() // then nothing is written to complaints any more
			return nil, errors.Join(fmt.Errorf("the mailbox did not say where it listens: %s%s", text, complaints.Bytes()), stopped)
		}
		return m, nil
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("start the mailbox: %w", ctx.Err()), m.Stop())
	case <-timeout.C:
		return nil, errors.Join(errors.New("the mailbox was not ready in time"), m.Stop())
	}
}

// SMTP is where it takes mail, as host:port.
func (m *Mailbox) SMTP() string { return m.at.SMTP }

// HTTP is its page, without a slash at the end; text messages go to /sms below it.
func (m *Mailbox) HTTP() string { return m.at.HTTP }

// Done is closed when the process has ended, for whatever reason.
func (m *Mailbox) Done() <-chan struct{} { return m.child.done }

// PID is the process.
func (m *Mailbox) PID() int { return m.child.cmd.Process.Pid }

// Stop ends the mailbox, and with it all that it held. It may be called again.
func (m *Mailbox) Stop() error {
	m.stop.Do(func() { m.end = m.child.stop(syscall.SIGTERM) })
	return m.end
}
