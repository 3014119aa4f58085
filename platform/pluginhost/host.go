// Package pluginhost runs provider plugins as processes and keeps the product
// healthy whatever they do.
//
// It promises: only a binary whose SHA-256 is in the allow-list runs, and what
// was hashed is what runs; a plugin sees neither the host's environment nor
// its descriptors, and where the host is root it runs as an unprivileged user;
// every call has a deadline and answers above 64 KiB are refused; a plugin
// that crashes or stops answering is restarted after a growing pause, in which
// calls fail at once with [ErrUnavailable]; one that gets other settings goes
// on beside its successor until nobody calls it any more; what it prints cannot
// forge or flood the log; no plugin outlives the host, not even one that is
// killed.
//
// It does not promise that a message is sent, nor that one is sent only once:
// a Send that ended in [ErrUnavailable] may have reached the provider, unless
// [Unreached] says otherwise, and is repeated, under the same message id, by
// whoever owns the message. It is no
// sandbox either: a plugin may use the network and read what its user can.
//
// Linux only.
package pluginhost

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"siegel/platform/fault"
	"siegel/plugins/sdk"
)

// The errors that a caller can act on.
var (
	// ErrUnavailable: the plugin is down, overloaded or did not answer
	// properly. Try later, or another provider.
	ErrUnavailable = fault.New(fault.Unavailable, "sms_unavailable")
	// ErrNotFound: there is no plugin of that name in the folder.
	ErrNotFound = fault.New(fault.NotFound, "plugin_not_found")
	// ErrUnverified: the binary is not in the allow-list or differs from it.
	ErrUnverified = fault.New(fault.Forbidden, "plugin_unverified")
	// ErrSettings: the plugin refused its settings. The cause is an [*sdk.Error].
	ErrSettings = fault.New(fault.Invalid, "plugin_settings_refused")
)

// Config says where the plugins are and how patient the host is. Only Dir has
// no default.
type Config struct {
	// Dir is the folder with the binaries siegel-plugin-<service>-<name>. Neither it
	// nor the allow-list may be writable for everyone.
	Dir string
	// Checksums is the allow-list, in the format of sha256sum. Default:
	// checksums.txt in Dir.
	Checksums string
	// RunDir is where sockets live, in a folder of the host's own; leftovers
	// of killed hosts there are removed. Default: the system's temporary
	// directory. Keep it short: a socket's path has at most 107 bytes.
	RunDir string
	// User is whom plugins run as when the host is root. Default: nobody.
	User string
	// StartTimeout bounds a start, from the fork to the settings in force.
	// Default: 10 s.
	StartTimeout time.Duration
	// CallTimeout bounds a call, the wait for a free place included. Default: 10 s.
	CallTimeout time.Duration
	// MaxInFlight bounds the calls that one plugin works on; more wait.
	// Default: 32.
	MaxInFlight int
	// MaxFailures is how many calls in a row may fail before the process is
	// taken for stuck and replaced. Default: 3.
	MaxFailures int
	// MinPause and MaxPause bound the pause before a restart; it doubles with
	// each failure and falls back with the first answered call. Default: 500 ms
	// and 30 s.
	MinPause, MaxPause time.Duration
	// Ping is how often each process is asked whether it is still there; two
	// asks in a row without an answer within PingTimeout end it. Default: 5 s
	// and 2 s.
	Ping, PingTimeout time.Duration
	// Linger is for how long a process whose settings were replaced goes on
	// after its last call; Idle, for how long any other does. Default: 5 s and
	// 15 min.
	Linger, Idle time.Duration
	// Observe, where given, begins to measure a call to a plugin; ended is told
	// its name and "ok" or "error".
	Observe func(context.Context) (_ context.Context, ended func(what, outcome string))
	// Logger gets what happens to plugins and what they write to stderr.
	// Default: slog.Default().
	Logger *slog.Logger
}

// Host runs plugins. Its methods may be called from many goroutines.
type Host struct {
	cfg     Config
	runDir  *runDir
	spawner *spawner
	ctx     context.Context // ends with Close; every process dies with it
	cancel  context.CancelFunc
	running sync.WaitGroup // supervisors

	mu        sync.Mutex
	closed    bool
	providers map[string]*provider // by instance, kind, name and settings
	failed    map[string]failedStart
	known     map[string]sdk.Description // what binaries say of themselves
}

// failedStart keeps those who ask again from forking at every call.
type failedStart struct {
	err   error
	times int
	until time.Time
}

// New makes a host. It starts nothing yet.
func New(cfg Config) (*Host, error) {
	if cfg.Dir == "" {
		return nil, fmt.Errorf("plugin host: Dir is empty")
	}
	setDefault(&cfg.Checksums, filepath.Join(cfg.Dir, "checksums.txt"))
	setDefault(&cfg.RunDir, os.TempDir())
	setDefault(&cfg.User, "nobody")
	setDefault(&cfg.StartTimeout, 10*time.Second)
	setDefault(&cfg.CallTimeout, 10*time.Second)
	setDefault(&cfg.MaxInFlight, 32)
	setDefault(&cfg.MaxFailures, 3)
	setDefault(&cfg.MinPause, 500*time.Millisecond)
	setDefault(&cfg.MaxPause, 30*time.Second)
	setDefault(&cfg.Ping, 5*time.Second)
	setDefault(&cfg.PingTimeout, 2*time.Second)
	setDefault(&cfg.Linger, 5*time.Second)
	setDefault(&cfg.Idle, 15*time.Minute)
	setDefault(&cfg.Logger, slog.Default())

	h := &Host{cfg: cfg, providers: map[string]*provider{}, failed: map[string]failedStart{}, known: map[string]sdk.Description{}}
	var err error
	var plugins *owner // nil: as the host
	if os.Geteuid() == 0 {
		if plugins, err = lookupOwner(cfg.User); err != nil {
			return nil, fmt.Errorf("plugin host: %w", err)
		}
	}
	if h.runDir, err = newRunDir(cfg.RunDir, plugins != nil); err != nil {
		return nil, fmt.Errorf("plugin host: %w", err)
	}
	h.spawner = newSpawner(plugins)
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.running.Go(h.reap)
	return h, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// plugin returns the plugin of that kind and name for an instance, started,
// configured and watched from then on. The same instance with the same name
// and settings is the same process. It returns [ErrNotFound], [ErrUnverified],
// [ErrSettings] or [ErrUnavailable]; then nothing is left running, and a call
// after a pause tries anew.
func (h *Host) plugin(ctx context.Context, s service, instance, name string, settings map[string]any) (*provider, error) {
	if settings == nil {
		settings = map[string]any{}
	}
	encoded, err := json.Marshal(settings) // sorts the keys: equal settings, equal bytes
	if err != nil {
		return nil, ErrSettings.Because(fmt.Errorf("encode settings of plugin %q: %w", name, err))
	}
	return h.provider(ctx, s, instance, name, encoded)
}

func (h *Host) provider(ctx context.Context, s service, instance, name string, encoded []byte) (*provider, error) {
	// A digest, so that secrets do not become map keys.
	key := fmt.Sprintf("%s %s %s %x", instance, s.name, name, sha256.Sum256(encoded))

	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, unreached(s.unavailable.Because(fmt.Errorf("the plugin host is closed")))
	}
	if f := h.failed[key]; time.Now().Before(f.until) {
		h.mu.Unlock()
		return nil, unreached(f.err)
	}
	p, found := h.providers[key]
	if !found {
		p = newProvider(h, s, instance, name, encoded)
		h.providers[key] = p
		// Not under the caller's context: others may be waiting for the same start.
		h.running.Go(func() { p.run(func(err error) { h.forget(key, p, err) }) })
	}
	p.use()
	h.mu.Unlock()

	select {
	case <-p.started:
	case <-ctx.Done():
		return nil, unreached(s.unavailable.Because(fmt.Errorf("start plugin %q: %w", name, ctx.Err())))
	}
	if p.startErr != nil {
		return nil, unreached(p.startErr)
	}
	p.use() // it may have taken its time
	h.supersede(p)
	return p, nil
}

// supersede lets those with the same instance and other settings end once
// nobody calls them any more. Which of two is the newer one is known by which
// of them began later, not by who asked last: an asker may be behind.
func (h *Host) supersede(p *provider) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, other := range h.providers {
		if other.of == p.of && p.of != "" && other.service.name == p.service.name && other.begun.Before(p.begun) {
			other.superseded.Store(true)
		}
	}
}

// forget is what is left of a provider that has ended: where it did not start,
// the reason, for a pause that grows.
func (h *Host) forget(key string, p *provider, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.providers[key] == p {
		delete(h.providers, key)
	}
	if err == nil {
		delete(h.failed, key)
		return
	}
	f := h.failed[key]
	f.err = err
	f.until = time.Now().Add(min(h.cfg.MaxPause, h.cfg.MinPause<<min(f.times, 16)))
	f.times++
	if len(h.failed) > 1000 { // settings that somebody tries, one after the other
		clear(h.failed)
	}
	h.failed[key] = f
}

// Retire ends the processes of an instance once their calls are over. The next
// call for it starts one.
func (h *Host) Retire(instance string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.providers {
		if p.of == instance && instance != "" {
			p.superseded.Store(true)
		}
	}
}

// reap ends what nobody has called for long enough.
func (h *Host) reap() {
	every := time.NewTicker(max(min(h.cfg.Linger, h.cfg.Idle)/5, 10*time.Millisecond))
	defer every.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-every.C:
		}
		h.mu.Lock()
		for _, p := range h.providers {
			patience := h.cfg.Idle
			if p.superseded.Load() {
				patience = h.cfg.Linger
			}
			if p.of != "" && p.unused() > patience {
				p.stop()
			}
		}
		h.mu.Unlock()
	}
}

// Close ends every plugin and waits until no process is left. Calls under way
// fail with [ErrUnavailable]. It may be called more than once.
func (h *Host) Close() error {
	h.mu.Lock()
	first := !h.closed
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.running.Wait()
	if !first {
		return nil
	}
	h.spawner.stop()
	return h.runDir.remove()
}
