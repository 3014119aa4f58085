package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// MailboxConfig says where a mailbox listens. Both addresses must be on
// loopback; port 0 takes a free one.
type MailboxConfig struct {
	SMTPAddr string
	HTTPAddr string
	// Ready gets one line of JSON once both are listening:
	// {"smtp":"127.0.0.1:2525","http":"http://127.0.0.1:8025"}. May be nil.
	Ready io.Writer
}

// mailboxReady is the line that is written to Ready.
type mailboxReady struct {
	SMTP string `json:"smtp"`
	HTTP string `json:"http"`
}

// keptMessages is how many messages a mailbox remembers; older ones go first.
const keptMessages = 500

// message is one mail or text message that has arrived.
type message struct {
	ID       int64     `json:"id"`
	Kind     string    `json:"kind"` // mail or sms
	To       string    `json:"to"`
	From     string    `json:"from"`
	Subject  string    `json:"subject"`
	Text     string    `json:"text"`
	Received time.Time `json:"received"`
	// Attachments are the names of a mail's files.
	Attachments []string `json:"attachments,omitempty"`
	// MessageID is what the sender of a text message calls it. A repeated one
	// is kept like any other, so that repetitions can be seen.
	MessageID string `json:"message_id,omitempty"`
}

// box holds messages in memory, and nowhere else.
type box struct {
	mu       sync.Mutex
	last     int64
	messages []message // oldest first
	// grey is how often each recipient's mail is put off before it is taken, as
	// servers do that do not know a sender; tries is how often it was.
	grey  int
	tries map[string]int
}

// putOff has the mail of every recipient put off so often from now on.
func (b *box) putOff(times int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.grey, b.tries = times, map[string]int{}
}

// takes says whether mail to an address is taken, and counts a try that is not.
func (b *box) takes(to string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tries[to] >= b.grey {
		return true
	}
	b.tries[to]++
	return false
}

func (b *box) add(m message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	m.ID = b.last
	m.Received = time.Now().UTC().Truncate(time.Millisecond)
	if len(b.messages) == keptMessages {
		b.messages = slices.Delete(b.messages, 0, 1)
	}
	b.messages = append(b.messages, m)
}

// newest returns the messages, the newest first.
func (b *box) newest() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := make([]message, len(b.messages))
	for i, m := range b.messages {
		found[len(found)-1-i] = m
	}
	return found
}

func (b *box) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = nil
}

// RunMailbox takes every mail that comes by SMTP and every text message that
// comes by HTTP, delivers none of them, and shows them on a page and as JSON,
// the newest first. It returns when ctx ends.
//
// It is for one person at one machine: whoever can open the page reads the
// mail. So it listens on loopback only, answers to no other host name (a page
// in a browser could otherwise point a name of its own at it), and forgets
// everything when it ends.
func RunMailbox(ctx context.Context, c MailboxConfig) error {
	smtpListener, err := listenLoopback(c.SMTPAddr)
	if err != nil {
		return fmt.Errorf("mailbox: mail: %w", err)
	}
	defer smtpListener.Close()
	httpListener, err := listenLoopback(c.HTTPAddr)
	if err != nil {
		return fmt.Errorf("mailbox: page: %w", err)
	}
	defer httpListener.Close()

	messages := &box{}
	mail := smtp.NewServer(smtpBackend{messages})
	mail.Domain = "localhost"
	mail.MaxMessageBytes = 5 << 20
	mail.MaxRecipients = 50
	mail.ReadTimeout = time.Minute
	mail.WriteTimeout = 10 * time.Second
	mail.EnableSMTPUTF8 = true
	page := &http.Server{
		Handler:           mailboxHandler(messages),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}

	ended := make(chan error, 2)
	go func() { ended <- mail.Serve(smtpListener) }()
	go func() { ended <- page.Serve(httpListener) }()
	if c.Ready != nil {
		err = json.NewEncoder(c.Ready).Encode(mailboxReady{
			SMTP: smtpListener.Addr().String(), HTTP: "http://" + httpListener.Addr().String()})
	}
	running := 2
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-ended:
			running--
		}
	}
	// Nothing that is under way here is worth waiting for.
	_ = mail.Close()
	_ = page.Close()
	// Also where a server had not got hold of its listener yet.
	_ = smtpListener.Close()
	_ = httpListener.Close()
	for range running {
		<-ended // what the first of them said is known
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("mailbox: %w", err)
	}
	return nil
}

func listenLoopback(addr string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address", addr)
	}
	return net.ListenTCP("tcp", resolved)
}
