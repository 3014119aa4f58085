package telemetry

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// Statements measures what a database is asked, by the first word of each
// statement; nil where observe is.
func Statements(observe Observe) pgx.QueryTracer {
	if observe == nil {
		return nil
	}
	return statements{observe}
}

type statements struct{ observe Observe }

type endKey struct{}

// begin remembers in the context how to end.
func (s statements) begin(ctx context.Context, what string) context.Context {
	ctx, ended := s.observe(ctx)
	return context.WithValue(ctx, endKey{}, func(err error) { ended(what, OutcomeOf(err)) })
}

func end(ctx context.Context, err error) {
	if ended, ok := ctx.Value(endKey{}).(func(error)); ok {
		ended(err)
	}
}

// TraceQueryStart implements [pgx.QueryTracer].
func (s statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	return s.begin(ctx, verb(q.SQL))
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (s statements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryEndData) {
	end(ctx, q.Err)
}

// TraceBatchStart implements [pgx.BatchTracer].
func (s statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return s.begin(ctx, "batch")
}

// TraceBatchQuery implements [pgx.BatchTracer].
func (s statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements [pgx.BatchTracer].
func (s statements) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, q pgx.TraceBatchEndData) {
	end(ctx, q.Err)
}

// verbs are all that a statement is called.
var verbs = []string{"select", "insert", "update", "delete", "with", "begin", "commit", "rollback", "set", "notify"}

func verb(sql string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(sql[:min(len(sql), 40)]), " ")
	word = strings.ToLower(strings.TrimRight(word, ";\n"))
	if slices.Contains(verbs, word) {
		return word
	}
	return "other"
}

// Commands measures what a Redis is asked, by command; nil where observe is.
func Commands(observe Observe) redis.Hook {
	if observe == nil {
		return nil
	}
	return commands{observe}
}

type commands struct{ observe Observe }

// DialHook implements [redis.Hook].
func (c commands) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements [redis.Hook].
func (c commands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, ended := c.observe(ctx)
		err := next(ctx, cmd)
		if errors.Is(err, redis.Nil) {
			ended(cmd.Name(), Done)
		} else {
			ended(cmd.Name(), OutcomeOf(err))
		}
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (c commands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, ended := c.observe(ctx)
		err := next(ctx, cmds)
		ended("pipeline", OutcomeOf(err))
		return err
	}
}
