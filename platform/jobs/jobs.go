// Package jobs is the transactional outbox: what must happen after a commit is
// written in the transaction that decides it, and carried out by a [Relay].
//
// It promises that a rolled-back transaction sends nothing, that each message
// ends sent, dropped or dead, and that a message is handed over again, under the
// same id, only after a failure that its handler reported or after a crash
// between handing over and recording it: at most one extra for each crash.
// Handlers run outside any transaction. Every deadline is decided by the
// database's clock. It does not promise an order.
//
// The outbox holds ids only. What a message says and where it goes is read by
// its handler at the moment of sending.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// ErrMalformed is returned for a message without tenant, kind, reference or
// time to live.
var ErrMalformed = fault.New(fault.Internal, "malformed_message")

// ErrLapsed is what a [Handler] returns where there is no longer anybody to
// send to: the message ends dropped, without an alarm.
var ErrLapsed = errors.New("the address has lapsed")

// Message is one thing to do. It carries ids and never an address, a code or a
// text: whatever is in it stays in the database's log.
type Message struct {
	// ID is stable over all attempts, so that whoever receives the message can
	// tell a repetition. [Add] makes one where there is none.
	ID     id.Message
	Tenant id.Tenant
	// Kind names the handler; Ref is an id that the handler understands. Both
	// are letters, digits, '_' and '-', at most 100.
	Kind, Ref string
	// At is when it is to be sent; the zero value, and what is past, is at once.
	At time.Time
	// After is how much later than the transaction it is to be sent, by the
	// database's clock; [Add] reads it where At is zero.
	After time.Duration
	// TTL is for how long after that the message is worth sending. They are read
	// by [Add] and [AddTx] only.
	TTL time.Duration

	// Deadline is the instant after which the message is no longer sent, by the
	// database's clock. It and what follows are set by the relay.
	Deadline time.Time
	// Attempts counts this one too.
	Attempts int
	// Late is set once the deadline has passed: the handler must not send any
	// more, only say whether the address has lapsed ([ErrLapsed], dropped) or
	// not (any other error, dead).
	Late bool
}

// Handler carries out one message and returns nil once somebody else has taken
// it over. [ErrLapsed] drops it, [Permanent] errors end it dead at once,
// anything else is tried again with growing pauses until its deadline. The
// context ends before another relay may take the message over.
//
// The text of the error is logged and its fault's reason is stored, so neither
// may hold an address or a code.
type Handler func(ctx context.Context, m Message) error

// Permanent marks an error that trying again cannot mend.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

type permanentError struct{ err error }

func (e permanentError) Error() string { return e.err.Error() }
func (e permanentError) Unwrap() error { return e.err }

// Add writes a message in the caller's batch, so in its transaction. A message
// that [AddTx] would refuse fails the whole batch.
func Add(b *postgres.Batch, m Message) {
	m, err := m.checked()
	ref := any(m.Ref)
	if err != nil {
		// A batch is only collected here and cannot be refused before it is
		// sent; the column is not null, so the transaction fails there.
		ref = nil
	}
	if m.At.IsZero() && m.After > 0 {
		b.Exec(`insert into outbox (id, tenant_id, kind, ref, run_at, deadline)
			values ($1, $2, $3, $4, now() + make_interval(secs => $6), now() + make_interval(secs => $5) + make_interval(secs => $6))`,
			m.ID, m.Tenant, m.Kind, ref, m.TTL.Seconds(), m.After.Seconds())
		return
	}
	if m.At.IsZero() {
		b.Exec(`insert into outbox (id, tenant_id, kind, ref, deadline)
			values ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
			m.ID, m.Tenant, m.Kind, ref, m.TTL.Seconds())
		return
	}
	b.Exec(`insert into outbox (id, tenant_id, kind, ref, run_at, deadline)
		values ($1, $2, $3, $4, greatest(now(), $6), greatest(now(), $6) + make_interval(secs => $5))`,
		m.ID, m.Tenant, m.Kind, ref, m.TTL.Seconds(), m.At)
}

// AddTx writes a message in the caller's transaction. It returns [ErrMalformed].
func AddTx(ctx context.Context, tx bun.IDB, m Message) error {
	m, err := m.checked()
	if err != nil {
		return err
	}
	at := m.At
	if at.IsZero() {
		at = time.Unix(0, 0)
	}
	if _, err := tx.NewRaw(`insert into outbox (id, tenant_id, kind, ref, run_at, deadline)
		values (?0, ?1, ?2, ?3, greatest(now(), ?4), greatest(now(), ?4) + make_interval(secs => ?5))`,
		m.ID, m.Tenant, m.Kind, m.Ref, at, m.TTL.Seconds()).Exec(ctx); err != nil {
		return fmt.Errorf("add message: %w", err)
	}
	return nil
}

// word keeps addresses out: it has no '@', '.', '+' or space, so neither a mail
// address nor a number as people or E.164 write it fits.
var word = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

func (m Message) checked() (Message, error) {
	if m.Tenant.IsZero() || !word.MatchString(m.Kind) || !word.MatchString(m.Ref) || m.TTL <= 0 {
		return m, ErrMalformed
	}
	if m.ID.IsZero() {
		m.ID = id.New[id.Message]()
	}
	return m, nil
}
