// Package pluginhost runs provider plugins as processes and keeps the product
// healthy whatever they do.
//
// It promises: only a binary whose SHA-256 is in the allow-list runs, and what
// was hashed is what runs; a plugin sees neither the host's environment nor
// its descriptors, and where the host is root it runs as an unprivileged user;
// every call has a deadline and answers above 64 KiB are refused; a plugin
// that crashes or stops answering is restarted after a growing pause, in which
// calls fail at once with [ErrUnavailable]; what it prints cannot forge or
// flood the log; no plugin outlives the host, not even one that is killed.
//
// It does not promise that a message is sent, nor that one is sent only once:
// a Send that ended in [ErrUnavailable] may have reached the provider, and is
// repeated, under the same message id, by whoever owns the message. It is no
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

// Provider is a running plugin that sends messages. It stays valid over
// crashes and restarts, until [Host.Close].
type Provider interface {
	// Send hands m to the provider. The error's chain has an [*sdk.Error]
	// where the provider or the plugin answered with one, and otherwise
	// [ErrUnavailable]: then the message may or may not have left.
	Send(ctx context.Context, m sdk.Message) (sdk.Receipt, error)
	// Describe says what the plugin said of itself when it last started, so
	// that the privacy text can name the provider also while it is down.
	Describe(ctx context.Context) (sdk.Description, error)
}

// Config says where the plugins are and how patient the host is. Only Dir has
// no default.
type Config struct {
	// Dir is the folder with the binaries siegel-plugin-sms-<name>. Neither it
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
	providers map[string]*provider // by name and settings
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
	setDefault(&cfg.Logger, slog.Default())

	h := &Host{cfg: cfg, providers: map[string]*provider{}}
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
	return h, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// SMS returns the plugin of that name, started, configured and watched from
// then on. The same name with the same settings is the same process. It
// returns [ErrNotFound], [ErrUnverified], [ErrSettings] or [ErrUnavailable];
// then nothing is left running, and the next call tries anew.
func (h *Host) SMS(ctx context.Context, name string, settings map[string]any) (Provider, error) {
	if settings == nil {
		settings = map[string]any{}
	}
	encoded, err := json.Marshal(settings) // sorts the keys: equal settings, equal bytes
	if err != nil {
		return nil, ErrSettings.Because(fmt.Errorf("encode settings of plugin %q: %w", name, err))
	}
	// A digest, so that secrets do not become map keys.
	key := fmt.Sprintf("%s %x", name, sha256.Sum256(encoded))

	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, ErrUnavailable.Because(fmt.Errorf("the plugin host is closed"))
	}
	p, found := h.providers[key]
	if !found {
		p = newProvider(h, name, encoded)
		h.providers[key] = p
		h.running.Add(1)
		// Not under the caller's context: others may be waiting for the same start.
		go func() {
			defer h.running.Done()
			p.run(func() {
				h.mu.Lock()
				delete(h.providers, key)
				h.mu.Unlock()
			})
		}()
	}
	h.mu.Unlock()

	select {
	case <-p.started:
	case <-ctx.Done():
		return nil, ErrUnavailable.Because(fmt.Errorf("start plugin %q: %w", name, ctx.Err()))
	}
	if p.startErr != nil {
		return nil, p.startErr
	}
	return p, nil
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
