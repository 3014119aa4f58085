package pluginhost

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Health is how one process does.
type Health struct {
	// Instance is whose it is, Kind "sms" or another, Plugin its name.
	Instance, Kind, Plugin, Version string
	// Running is false between a crash and the next start; Resumes is then when
	// that is due.
	Running bool
	Resumes time.Time
	// Since is when the current or last process started, Restarts how many
	// there were before it.
	Since    time.Time
	Restarts int
	// InFlight is how many calls are under way.
	InFlight int
	// Failure is what last went wrong, a word of [sdk.Kind] or one of "timeout",
	// "hung", "crash", "garbage", "settings", "missing" and "unverified"; empty
	// where nothing did.
	Failure string
	Failed  time.Time
	// Leaving says that its settings were replaced.
	Leaving bool
	// PID is that of the process, 0 where there is none.
	PID int
}

// Health lists the processes, in the order of their instances.
func (h *Host) Health() []Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Health
	for _, p := range h.providers {
		select {
		case <-p.started:
		default:
			continue
		}
		p.mu.Lock()
		one := Health{
			Instance: p.of, Kind: p.service.name,
			Plugin: p.name, Version: p.description.Version,
			Running: p.current != nil, Resumes: p.resumes, Since: p.since, Restarts: p.restarts,
			InFlight: len(p.places), Failure: p.failure, Failed: p.failed, Leaving: p.superseded.Load(),
		}
		if p.current != nil {
			p.current.process.mu.Lock()
			one.PID = p.current.process.pid
			p.current.process.mu.Unlock()
		}
		p.mu.Unlock()
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Health) int {
		return cmp.Or(strings.Compare(a.Instance, b.Instance), a.Since.Compare(b.Since))
	})
	return all
}
