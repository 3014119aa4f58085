package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
)

// Config says what a relay carries.
type Config struct {
	// DB must have been opened with the relay's role, which sees the outbox of
	// every tenant and nothing else.
	DB *postgres.DB
	// Handlers by kind. A message of any other kind ends dead.
	Handlers map[string]Handler
	// Only are the kinds that this relay carries, all but Except where empty.
	// With two relays, those of slow receivers do not keep others waiting; a
	// kind that none carries stays in the outbox.
	Only, Except []string
	// Workers is how many messages are under way at once in this process; 4
	// where zero.
	Workers int
	// Lease is for how long a claimed message is left alone by the others; 30 s
	// where zero. A handler's context ends at five sixths of it. Longer means a
	// later repetition after a crash, shorter means slow receivers fail.
	Lease time.Duration
	// Poll is how often the outbox is looked at when nobody calls [Relay.Wake];
	// 1 s where zero.
	Poll time.Duration
	// Grace is how long messages under way may go on once the relay is told to
	// stop; 5 s where zero.
	Grace time.Duration
	// Backoff is the pause after the given number of failed attempts. Leave it
	// alone outside tests: 1 s doubling up to 60 s, each up to a fifth shorter.
	Backoff func(attempts int) time.Duration
	// Logger takes a warning for each failed attempt and an error, the alarm,
	// for each dead message; slog.Default where nil.
	Logger *slog.Logger
}

// Relay carries the messages of the outbox. Any number may run, in any number
// of processes.
type Relay struct {
	c    Config
	wake chan struct{}
}

const (
	// recordTimeout bounds one statement of the relay's own.
	recordTimeout = 5 * time.Second
	// lapseGrace is how long after its deadline a message is looked at for the
	// last time, so that an address kept for the same span has lapsed by then.
	lapseGrace = 5 * time.Second
	// sweepEvery is how often finished rows are thrown away.
	sweepEvery = time.Hour
)

// NewRelay returns a relay that does nothing until [Relay.Run].
func NewRelay(c Config) (*Relay, error) {
	if c.DB == nil {
		return nil, errors.New("relay: no database")
	}
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.Lease == 0 {
		c.Lease = 30 * time.Second
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
	if c.Grace == 0 {
		c.Grace = 5 * time.Second
	}
	if c.Backoff == nil {
		c.Backoff = backoff
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Only, c.Except = append([]string{}, c.Only...), append([]string{}, c.Except...) // arrays, not null
	if c.Workers < 0 || c.Lease < 0 || c.Poll < 0 || c.Grace < 0 {
		return nil, errors.New("relay: workers, lease, poll and grace must not be negative")
	}
	return &Relay{c: c, wake: make(chan struct{}, 1)}, nil
}

// Wake says that something was just committed to the outbox. It never blocks;
// without it the poll finds the message.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run carries messages until ctx ends, then claims no more, lets those under
// way finish within the grace, and returns nil. A database that is away is
// waited for.
func (r *Relay) Run(ctx context.Context) error {
	// Handlers outlive ctx by the grace, so that stopping is not a failure.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	defer context.AfterFunc(ctx, func() {
		timer := time.NewTimer(r.c.Grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			stopWork()
		case <-work.Done():
		}
	})()

	var underWay sync.WaitGroup
	defer underWay.Wait()
	done := make(chan struct{}, r.c.Workers)
	free := r.c.Workers
	// What was claimed and waits for a worker: one claim serves several.
	var queue []claim
	defer func() { r.giveBack(queue) }()
	poll := time.NewTicker(r.c.Poll)
	defer poll.Stop()
	var swept time.Time
	for {
		// With every worker busy nobody looks, so there may be more as well.
		more := true
		if free > 0 && len(queue) == 0 {
			// Not under ctx: a claim cut short may have been made all the same.
			var err error
			if queue, err = r.claim(work, free*claimAhead); err != nil {
				r.c.Logger.Warn("outbox cannot be read", "error", err)
			}
			more = len(queue) >= free
		}
		for free > 0 && len(queue) > 0 {
			c := queue[0]
			queue = queue[1:]
			if time.Since(c.begun) > r.c.Lease/3 {
				continue // waited too long behind slow ones: whoever claims it next has the whole lease
			}
			free--
			underWay.Go(func() {
				r.carry(work, c)
				done <- struct{}{}
			})
		}
		if time.Since(swept) > sweepEvery {
			swept = time.Now()
			if err := r.sweep(work); err != nil {
				r.c.Logger.Warn("outbox cannot be swept", "error", err)
			}
		}
		// A full claim says there may be more: the next free worker looks at once.
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return nil
			case <-done:
				free++
				again = more
			case <-r.wake:
				again = true
			case <-poll.C:
				again = true
			}
		}
	}
}

// claimAhead is how many messages a free worker's claim takes.
const claimAhead = 4

// giveBack lets others have at once what was claimed and never begun.
func (r *Relay) giveBack(queue []claim) {
	if len(queue) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	for _, c := range queue {
		if _, err := r.c.DB.Global().NewRaw(`update outbox set claimed_until = null, attempts = attempts - 1
			where status = 'waiting' and id = ? and attempts = ?`, c.ID, c.Attempts).Exec(ctx); err != nil {
			r.c.Logger.Warn("claimed messages wait for the end of their lease", "error", err)
			return
		}
	}
}

// claim is a message together with the time by which it must be done.
type claim struct {
	Message
	begun time.Time
	left  time.Duration // until the deadline, by the database's clock
}

// claimSQL takes what is due and nobody else has. A row that another relay
// claimed since this statement's snapshot is either still locked, and skipped,
// or no longer matches when it is looked at again.
const claimSQL = `
with due as (
  select id from outbox
  where status = 'waiting' and run_at <= now()
    and (claimed_until is null or claimed_until <= now())
    and (cardinality(?::text[]) = 0 or kind = any(?::text[])) and not (kind = any(?::text[]))
  order by run_at, id
  limit ?
  for update skip locked
)
update outbox o
set claimed_until = now() + make_interval(secs => ?), attempts = o.attempts + 1
from due where o.id = due.id
returning o.id, o.tenant_id, o.kind, o.ref, o.deadline, o.attempts,
  extract(epoch from o.deadline - now())::float8 as left_seconds`

func (r *Relay) claim(ctx context.Context, n int) ([]claim, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	// The lease counts from before the statement: ours ends first.
	begun := time.Now()
	var rows []struct {
		ID          id.Message
		TenantID    id.Tenant
		Kind, Ref   string
		Deadline    time.Time
		Attempts    int
		LeftSeconds float64
	}
	if err := r.c.DB.Global().NewRaw(claimSQL, pgdialect.Array(r.c.Only), pgdialect.Array(r.c.Only), pgdialect.Array(r.c.Except), n, r.c.Lease.Seconds()).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("claim messages: %w", err)
	}
	claims := make([]claim, len(rows))
	for i, row := range rows {
		claims[i] = claim{
			Message: Message{
				ID: row.ID, Tenant: row.TenantID, Kind: row.Kind, Ref: row.Ref,
				Deadline: row.Deadline, Attempts: row.Attempts, Late: row.LeftSeconds <= 0,
			},
			begun: begun,
			left:  time.Duration(row.LeftSeconds * float64(time.Second)),
		}
	}
	return claims, nil
}

// carry hands one message to its handler and records what came of it.
func (r *Relay) carry(ctx context.Context, c claim) {
	leased := c.begun.Add(r.c.Lease * 5 / 6)
	until := leased
	if !c.Late && c.begun.Add(c.left).Before(until) {
		until = c.begun.Add(c.left)
	}
	handling, cancel := context.WithDeadline(ctx, until)
	err := r.handle(handling, c.Message)
	cancel()

	// Recording goes on through a restart of the database for as long as nobody
	// else may have the message: what is not recorded is sent twice.
	recording, cancel := context.WithDeadline(context.WithoutCancel(ctx), c.begun.Add(r.c.Lease))
	defer cancel()
	pause := 50 * time.Millisecond
	for {
		recErr := r.record(recording, c, err)
		if recErr == nil {
			return
		}
		select {
		case <-recording.Done():
		case <-ctx.Done():
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
			continue
		}
		r.c.Logger.Error("outcome of a message could not be recorded; it will be carried again",
			append(c.attrs(), "error", recErr)...)
		return
	}
}

func (r *Relay) handle(ctx context.Context, m Message) (err error) {
	h, ok := r.c.Handlers[m.Kind]
	if !ok {
		return Permanent(fault.New(fault.Internal, "unknown_kind"))
	}
	defer func() {
		// The value is not logged: it may hold what the handler was working on.
		if p := recover(); p != nil {
			err = Permanent(fault.New(fault.Internal, "handler_panicked"))
		}
	}()
	return h(ctx, m)
}

// record writes the outcome. A message that another relay took over meanwhile
// is touched only to say that it was sent.
func (r *Relay) record(ctx context.Context, c claim, outcome error) error {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	db, reason := r.c.DB.Global(), ""
	if outcome != nil {
		reason = fault.From(outcome).Reason
	}
	var permanent permanentError
	switch {
	case outcome == nil:
		return finish(ctx, db, "sent", reason, `id = ?`, c.ID)
	case errors.Is(outcome, ErrLapsed):
		return finish(ctx, db, "dropped", "address_lapsed", `id = ? and attempts = ?`, c.ID, c.Attempts)
	case errors.As(outcome, &permanent) || c.Late:
		// Logged before it is recorded: rather an alarm twice than none.
		r.c.Logger.Error("message is dead", append(c.attrs(), "reason", reason, "error", outcome)...)
		return finish(ctx, db, "dead", reason, `id = ? and attempts = ?`, c.ID, c.Attempts)
	}
	pause := r.c.Backoff(c.Attempts).Seconds()
	// Once the pause would pass the deadline, the next look is the last one.
	if _, err := db.NewRaw(`
		update outbox set claimed_until = null, reason = ?,
		  run_at = case when now() + make_interval(secs => ?) < deadline
		    then now() + make_interval(secs => ?) else deadline + make_interval(secs => ?) end
		where status = 'waiting' and id = ? and attempts = ?`,
		reason, pause, pause, lapseGrace.Seconds(),
		c.ID, c.Attempts).Exec(ctx); err != nil {
		return fmt.Errorf("record retry: %w", err)
	}
	r.c.Logger.Warn("message failed, will be tried again", append(c.attrs(), "reason", reason, "error", outcome)...)
	return nil
}

func finish(ctx context.Context, db *bun.DB, status, reason, where string, args ...any) error {
	args = append([]any{status, reason}, args...)
	if _, err := db.NewRaw(`update outbox set status = ?, reason = ?, finished = now(), claimed_until = null
		where status = 'waiting' and `+where, args...).Exec(ctx); err != nil {
		return fmt.Errorf("record %s: %w", status, err)
	}
	return nil
}

func (c claim) attrs() []any {
	return []any{"message", c.ID.String(), "tenant", c.Tenant.String(), "kind", c.Kind, "attempts", c.Attempts}
}

// sweep throws finished rows away: nobody asks after those that went well, the
// dead are kept for whoever follows up the alarm.
func (r *Relay) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	if _, err := r.c.DB.Global().NewRaw(`
		delete from outbox
		where (status in ('sent', 'dropped') and finished < now() - interval '24 hours')
		   or (status = 'dead' and finished < now() - interval '14 days')`).Exec(ctx); err != nil {
		return fmt.Errorf("sweep outbox: %w", err)
	}
	return nil
}

func backoff(attempts int) time.Duration {
	d := time.Minute
	if attempts < 7 {
		d = time.Second << max(attempts-1, 0)
	}
	// Spread out, so that a receiver that comes back is not met by all at once.
	return d - time.Duration(rand.Int64N(int64(d/5)))
}
