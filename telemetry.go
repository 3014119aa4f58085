package main

import (
	"context"
	"log/slog"
	"time"

	"siegel/platform/config"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/telemetry"
)

// measure begins what the environment asks to be measured; nothing where it
// asks for nothing.
func (h *house) measure(ctx context.Context, c config.Config) (err error) {
	h.telemetry, err = telemetry.Start(ctx, telemetry.Config{Listen: c.MetricsListen, TracesURL: c.TracesURL, TracesRatio: c.TracesRatio})
	if err != nil || h.telemetry == nil {
		return err
	}
	slog.Info("measuring", "metrics", h.telemetry.Addr())
	h.closers = append(h.closers, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := h.telemetry.Close(ctx); err != nil {
			slog.Warn("the last measures were not sent", "err", err)
		}
	})
	return nil
}

// gauges are what is asked of the outbox when somebody looks.
func (h *house) gauges(db *postgres.DB) error {
	of := func(query string) func(context.Context) (float64, error) {
		return func(ctx context.Context) (n float64, err error) {
			err = db.Global().NewRaw(query).Scan(ctx, &n)
			return n, err
		}
	}
	for _, g := range []struct{ name, help, query string }{
		{"siegel.outbox.late.seconds", "How long the oldest message has been due.",
			`select coalesce(extract(epoch from now() - min(run_at)), 0)::float8 from outbox where status = 'waiting' and run_at <= now()`},
		{"siegel.outbox.waiting", "Messages that are due and have not left.",
			`select count(*)::float8 from outbox where status = 'waiting' and run_at <= now()`},
		{"siegel.outbox.dead", "Messages of the last day that could not be sent.",
			`select count(*)::float8 from outbox where status = 'dead' and finished > now() - interval '1 day'`},
	} {
		if err := h.telemetry.Gauge(g.name, g.help, of(g.query)); err != nil {
			return err
		}
	}
	return nil
}

// observed measures handlers of messages, by kind.
func (h *house) observed(handlers map[string]jobs.Handler) map[string]jobs.Handler {
	observe := h.telemetry.Part("job")
	if observe == nil {
		return handlers
	}
	measured := make(map[string]jobs.Handler, len(handlers))
	for kind, handle := range handlers {
		measured[kind] = func(ctx context.Context, m jobs.Message) error {
			ctx, ended := observe(ctx)
			err := handle(ctx, m)
			ended(kind, telemetry.OutcomeOf(err))
			return err
		}
	}
	return measured
}
