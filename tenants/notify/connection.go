package notify

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

const (
	// idleFor is how long a connection waits for its next mail. Servers must
	// wait for minutes (RFC 5321 section 4.5.3.2), though some wait for seconds.
	idleFor = 10 * time.Second
	// idleMost is how many wait at once.
	idleMost = 4
	// mailsEach is how many mails go over one connection, at most. Servers have
	// limits of their own, and answer the mail that exceeds them with an error.
	mailsEach = 20
	// aliveWithin is how long a connection that has waited may take to show that
	// it is still there, and one that is no longer needed to say goodbye.
	aliveWithin = 2 * time.Second
)

// connection is one to the mail server that has been greeted and signed in to.
type connection struct {
	client *gomail.Client
	smtp   *smtp.Client
	raw    net.Conn
	mails  int
	idle   *time.Timer
}

// connections are those that wait for their next mail.
type connections struct {
	mu      sync.Mutex
	waiting []*connection
}

// take returns a connection that has waited, or nil.
func (all *connections) take() *connection {
	all.mu.Lock()
	defer all.mu.Unlock()
	last := len(all.waiting) - 1
	if last < 0 {
		return nil
	}
	c := all.waiting[last]
	all.waiting = all.waiting[:last]
	c.idle.Stop() // too late is no harm: it does not find c any more
	return c
}

// keep lets c wait, unless it has done enough or enough others wait.
func (all *connections) keep(c *connection) {
	all.mu.Lock()
	kept := c.mails < mailsEach && len(all.waiting) < idleMost
	if kept {
		c.idle = time.AfterFunc(idleFor, func() { all.expire(c) })
		all.waiting = append(all.waiting, c)
	}
	all.mu.Unlock()
	if !kept {
		c.close()
	}
}

func (all *connections) expire(c *connection) {
	all.mu.Lock()
	at := slices.Index(all.waiting, c)
	if at >= 0 {
		all.waiting = slices.Delete(all.waiting, at, at+1)
	}
	all.mu.Unlock()
	if at >= 0 {
		c.close()
	}
}

// connect opens a connection, which ctx ends until it has been greeted.
func (m *mailer) connect(ctx context.Context) (*connection, error) {
	c := &connection{}
	unhook := func() bool { return true }
	client, err := gomail.NewClient(m.host, append(m.options(),
		gomail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
			conn, err := m.dial(dialing, network, address)
			if err == nil {
				c.raw = conn
				// The library hears of ctx only while it dials.
				unhook = context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		}))...)
	if err != nil {
		return nil, err // options are checked without a connection; they name no address
	}
	c.client = client
	c.smtp, err = client.DialToSMTPClientWithContext(ctx)
	if !unhook() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil && c.raw != nil {
		_ = c.raw.Close()
	}
	return c, err
}

// errStale is returned for a connection that the server has given up meanwhile.
var errStale = errors.New("the connection is gone")

// send hands over one mail, and ends c where ctx ends before. It returns
// [errStale] where c has waited in vain: nothing was said of the mail yet.
func (c *connection) send(ctx context.Context, msg *gomail.Msg) error {
	waited := c.mails > 0
	if waited {
		if err := c.raw.SetDeadline(time.Now().Add(aliveWithin)); err != nil {
			return errStale
		}
	}
	c.mails++
	unhook := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
	err := c.client.SendWithSMTPClient(c.smtp, msg)
	if !unhook() {
		return cmp.Or(err, context.Cause(ctx))
	}
	// The library asks for a sign of life first.
	var refused *gomail.SendError
	if waited && errors.As(err, &refused) && refused.Reason == gomail.ErrConnCheck {
		return errStale
	}
	return err
}

// close says goodbye.
func (c *connection) close() {
	_ = c.raw.SetDeadline(time.Now().Add(aliveWithin))
	_ = c.client.CloseWithSMTPClient(c.smtp)
	_ = c.raw.Close()
}
