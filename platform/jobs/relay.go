package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
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
	var swept, claimed time.Time
	for {
		// With every worker busy nobody looks, so there may be more as well.
		more := true
		if free > 0 && len(queue) == 0 {
			// Not under ctx: a claim cut short may have been made all the same.
			var err error
			claimed = time.Now()
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
		var gathered <-chan time.Time
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return nil
			case <-done:
				free++
				again = more
			case <-r.wake:
				if rest := gather - time.Since(claimed); rest > 0 {
					gathered = time.After(rest)
				} else {
					again = true
				}
			case <-gathered:
				again = true
			case <-poll.C:
				again = true
			}
		}
	}
}

// gather is how long after a claim the next wake waits: of what is committed in
// a rush, one claim then takes many.
const gather = 10 * time.Millisecond

// claimAhead is how many messages a free worker's claim takes.
const claimAhead = 4

// giveBack lets others have at once what was claimed and never begun.
func (r *Relay) giveBack(queue []claim) {
	if len(queue) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	err := r.c.DB.GlobalBatch(ctx, func(b *postgres.Batch) {
		for _, c := range queue {
			b.Exec(`update outbox set run_at = now(), attempts = attempts - 1
				where status = 'waiting' and id = $1 and attempts = $2`, c.ID, c.Attempts)
		}
	})
	if err != nil {
		r.c.Logger.Warn("claimed messages wait for the end of their lease", "error", err)
	}
}

// claim is a message together with the time by which it must be done.
type claim struct {
	Message
	begun time.Time
	left  time.Duration // until the deadline, by the database's clock
}

// claimSQL takes what is due. Nobody else sees it as due before the lease ends:
// a row that another relay claimed since this statement's snapshot is either
// still locked, and skipped, or no longer matches when it is looked at again.
// Kind by kind in the order of the index, so that a claim reads little more than
// it takes: the kinds that wait are found by leaps from one to the next.
const claimSQL = `
with recursive waiting (kind) as (
  (select kind from outbox where status = 'waiting' order by kind limit 1)
  union all
  select (select o.kind from outbox o where o.status = 'waiting' and o.kind > w.kind order by o.kind limit 1)
  from waiting w where w.kind is not null
), due as (
  select d.id from waiting w cross join lateral (
    select o.id, o.run_at from outbox o
    where o.status = 'waiting' and o.kind = w.kind and o.run_at <= now()
    order by o.run_at
    limit $3
    for update skip locked
  ) d
  where (cardinality($1::text[]) = 0 or w.kind = any($1::text[])) and not (w.kind = any($2::text[]))
  order by d.run_at
  limit $3
)
update outbox o
set run_at = now() + make_interval(secs => $4), attempts = o.attempts + 1
from due where o.id = due.id
returning o.id, o.tenant_id, o.kind, o.ref, o.deadline, o.attempts,
  extract(epoch from o.deadline - now())::float8`

func (r *Relay) claim(ctx context.Context, n int) (claims []claim, err error) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	// The lease counts from before the statement: ours ends first.
	begun := time.Now()
	err = r.c.DB.GlobalBatch(ctx, func(b *postgres.Batch) {
		claims = nil
		b.Exec(`set local enable_sort = off`) // whatever the planner believes how few are waiting
		b.Rows(claimSQL, []any{r.c.Only, r.c.Except, n, r.c.Lease.Seconds()}, func(rows pgx.Rows) error {
			c, left := claim{begun: begun}, 0.0
			err := rows.Scan(&c.ID, &c.Tenant, &c.Kind, &c.Ref, &c.Deadline, &c.Attempts, &left)
			c.Late, c.left = left <= 0, time.Duration(left*float64(time.Second))
			claims = append(claims, c)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("claim messages: %w", err)
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
	reason := ""
	if outcome != nil {
		reason = fault.From(outcome).Reason
	}
	var permanent permanentError
	switch {
	case outcome == nil:
		return r.finish(ctx, c, "sent", reason)
	case errors.Is(outcome, ErrLapsed):
		return r.finish(ctx, c, "dropped", "address_lapsed")
	case errors.As(outcome, &permanent) || c.Late:
		// Logged before it is recorded: rather an alarm twice than none.
		r.c.Logger.Error("message is dead", append(c.attrs(), "reason", reason, "error", outcome)...)
		return r.finish(ctx, c, "dead", reason)
	}
	pause := r.c.Backoff(c.Attempts).Seconds()
	// Once the pause would pass the deadline, the next look is the last one.
	err := r.c.DB.GlobalBatch(ctx, func(b *postgres.Batch) {
		b.Exec(`update outbox set reason = $3,
			run_at = case when now() + make_interval(secs => $4) < deadline
				then now() + make_interval(secs => $4) else deadline + make_interval(secs => $5) end
			where status = 'waiting' and id = $1 and attempts = $2`,
			c.ID, c.Attempts, reason, pause, lapseGrace.Seconds())
	})
	if err != nil {
		return fmt.Errorf("record retry: %w", err)
	}
	r.c.Logger.Warn("message failed, will be tried again", append(c.attrs(), "reason", reason, "error", outcome)...)
	return nil
}

// finish ends a message; what was sent was sent, whoever else has it by now.
func (r *Relay) finish(ctx context.Context, c claim, status, reason string) error {
	err := r.c.DB.GlobalBatch(ctx, func(b *postgres.Batch) {
		b.Exec(`update outbox set status = $3, reason = $4, finished = now()
			where status = 'waiting' and id = $1 and (attempts = $2 or $3 = 'sent')`, c.ID, c.Attempts, status, reason)
	})
	if err != nil {
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
