package telemetry

import (
	"io"
	"log/slog"
	"slices"
)

// Fields are all that a log line may say beside its message. Whoever logs
// under another name finds the value withheld, and a test red: a field is added
// here once it is clear that it cannot hold what a patient typed, an address, a
// key or a link.
var Fields = []string{
	"act", "attempts", "base", "booking", "bookings", "by", "chain", "dropped_lines", "err", "error", "exit", "failures", "host",
	"kind", "language", "level", "line", "listen", "logger", "message", "metrics", "month", "outlets", "panic", "pause",
	"pid", "plugin", "provider", "reason", "request_id", "restart_in", "scope", "scope_id", "signal", "stack", "state", "tenant", "version",
}

const withheld = "withheld"

// Log is the handler of the process's log: text for people, or JSON for
// machines.
func Log(w io.Writer, json bool) slog.Handler {
	options := &slog.HandlerOptions{ReplaceAttr: allowed}
	if json {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

func allowed(groups []string, a slog.Attr) slog.Attr {
	switch {
	case len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey):
		return a
	case len(groups) > 0 || !slices.Contains(Fields, a.Key):
		return slog.String(a.Key, withheld)
	}
	return a
}
