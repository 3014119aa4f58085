package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"siegel/platform/telemetry"
	"siegel/plugins/sdk"
)

// provider keeps one plugin with one set of settings running.
type provider struct {
	host     *Host
	service  service
	of       string // the instance's name; empty: nobody's, and kept until the host closes
	name     string
	settings sdk.Settings
	begun    time.Time
	places   chan struct{} // one in it for each call under way

	started  chan struct{} // closed after the first start, which startErr judges
	startErr error

	superseded atomic.Bool
	used       atomic.Int64 // when somebody last had to do with it, in Unix nanoseconds
	ended      chan struct{}
	end        sync.Once

	mu          sync.Mutex
	current     *instance // nil while the plugin is down
	resumes     time.Time // while it is down, when the next start is due
	setbacks    int       // ends and failed starts since the last answered call
	description sdk.Description
	since       time.Time // of the current process
	restarts    int
	failure     string // what last went wrong, one word
	failed      time.Time
}

// instance is one process of a provider.
type instance struct {
	process     *process
	connection  *plugin.Client
	greeted     greeted
	sms         *sdk.Client
	hosting     *sdk.HostingClient
	description sdk.Description
	failures    int // in a row; guarded by the provider's lock
}

// close ends the process and waits until nothing of it and of the connection
// to it is left.
func (in *instance) close() {
	if in.process != nil {
		in.process.kill()
	}
	in.connection.Kill()
	if in.process != nil {
		<-in.process.exited
		in.process.close()
	}
}

// refuseBroker is a stream interceptor that closes the side door by which a
// plugin could have the host keep any number of further connections in mind;
// nothing of ours uses it.
func refuseBroker(ctx context.Context, d *grpc.StreamDesc, c *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if method == "/plugin.GRPCBroker/StartStream" {
		return nil, status.Error(codes.Unimplemented, "no broker")
	}
	return next(ctx, d, c, method, opts...)
}

func newProvider(h *Host, s service, of, name string, settings sdk.Settings) *provider {
	return &provider{
		host: h, service: s, of: of, name: name, settings: settings, begun: time.Now(),
		places:  make(chan struct{}, h.cfg.MaxInFlight),
		started: make(chan struct{}), ended: make(chan struct{}),
	}
}

func (p *provider) use() { p.used.Store(time.Now().UnixNano()) }

// unused is for how long nobody has had to do with it; nothing while it starts
// or a call is under way.
func (p *provider) unused() time.Duration {
	select {
	case <-p.started:
	default:
		return 0
	}
	if len(p.places) > 0 {
		return 0
	}
	return time.Since(time.Unix(0, p.used.Load()))
}

// stop ends it. A call that comes later is [Unreached].
func (p *provider) stop() { p.end.Do(func() { close(p.ended) }) }

// run starts the plugin and restarts it whenever it ends, until it is stopped
// or the host closes. Then, and where the first start fails, which is the
// error, forget is called.
func (p *provider) run(forget func(error)) {
	in, err := p.start()
	if err != nil {
		p.startErr = err
		forget(err)
		close(p.started)
		return
	}
	defer forget(nil)
	p.up(in)
	close(p.started)

	log := p.host.cfg.Logger.With("plugin", p.name, "provider", p.of)
	for {
		over := p.watch(in)
		pause := p.down()
		in.close()
		if over {
			log.Info("plugin stopped")
			return
		}
		log.Warn("plugin ended", "state", in.process.state(), "restart_in", pause)
		for {
			select {
			case <-p.host.ctx.Done():
				return
			case <-p.ended:
				return
			case <-time.After(pause):
			}
			if in, err = p.start(); err == nil {
				break
			}
			p.note(reasonOf(err))
			pause = p.down()
			if p.host.ctx.Err() == nil {
				log.Error("plugin did not start", "error", err, "restart_in", pause)
			}
		}
		p.mu.Lock()
		p.restarts++
		p.mu.Unlock()
		p.up(in)
	}
}

// watch waits until the process ends or is no longer wanted, and reports the
// latter. It ends a process that does not say that it is there.
func (p *provider) watch(in *instance) (over bool) {
	ping := time.NewTicker(p.host.cfg.Ping)
	defer ping.Stop()
	for missed := 0; ; {
		select {
		case <-in.process.exited:
			return p.host.ctx.Err() != nil
		case <-p.ended:
			return true
		case <-ping.C:
		}
		ctx, cancel := context.WithTimeout(p.host.ctx, p.host.cfg.PingTimeout)
		_, err := in.greeted.Describe(ctx)
		cancel()
		if missed++; err == nil {
			missed = 0
		}
		if missed == 2 && p.host.ctx.Err() == nil {
			p.host.cfg.Logger.Error("plugin does not answer and is replaced", "plugin", p.name, "provider", p.of)
			p.note("hung")
			in.process.kill()
		}
	}
}

// start verifies, starts, greets and configures the plugin. When it fails,
// nothing is left running.
func (p *provider) start() (_ *instance, err error) {
	cfg := p.host.cfg
	ctx, cancel := context.WithTimeout(p.host.ctx, cfg.StartTimeout)
	defer cancel()

	binary, err := p.host.verified(p.service, p.name)
	if err != nil {
		return nil, err
	}
	defer binary.Close()

	in := &instance{}
	inTime := func() bool { return true }
	log := cfg.Logger.With("plugin", p.name, "provider", p.of)
	in.connection = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: p.service.versions(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     cfg.StartTimeout,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: p.host.runDir.path},
		// The library would parse stderr and believe the levels and times that
		// a plugin claims; ours takes lines only.
		Logger:              hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
		PluginLogBufferSize: 4 << 10,
		Stderr:              &stderrLog{log: log},
		// Where the output of a Go plugin goes after the handshake.
		SyncStderr: &stderrLog{log: log},
		SyncStdout: &discard{},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(
				grpc.MaxCallRecvMsgSize(sdk.MaxMessageSize),
				grpc.MaxCallSendMsgSize(sdk.MaxMessageSize)),
			grpc.WithMaxHeaderListSize(16 << 10),
			grpc.WithChainStreamInterceptor(refuseBroker),
		},
		// A Runner, since only with one does the library use TempDir.
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, socketDir string) (runner.Runner, error) {
			proc, err := newProcess(p.host.ctx, p.host.spawner, binary, cmd.Env, socketDir)
			if err != nil {
				return nil, err
			}
			in.process = proc
			// The library's own waiting cannot be cancelled; ending the process ends it.
			inTime = context.AfterFunc(ctx, proc.kill)
			return proc, nil
		},
	})
	defer func() {
		if err != nil {
			in.close()
		}
	}()

	protocol, err := in.connection.Client()
	if err != nil {
		// The text repeats what the plugin printed.
		return nil, p.unavailable(ctx, fmt.Errorf("start: %s", sdk.Clean(err.Error(), 300)))
	}
	if in.greeted, err = p.service.dispense(in, protocol); err != nil {
		return nil, p.unavailable(ctx, err)
	}
	if in.description, err = in.greeted.Describe(ctx); err != nil {
		return nil, p.unavailable(ctx, err)
	}
	if in.description.Name != p.name {
		return nil, p.unavailable(ctx, fmt.Errorf("it says that its name is %q", in.description.Name))
	}
	if p.settings == nil { // it shall only say what it is
		return in, nil
	}
	if err = in.greeted.Configure(ctx, p.settings); err != nil {
		if sdk.Answered(err) {
			return nil, ErrSettings.Because(fmt.Errorf("plugin %q: %w", p.name, err))
		}
		return nil, p.unavailable(ctx, err)
	}
	if !inTime() {
		return nil, p.unavailable(ctx, errors.New("it did not start in time"))
	}
	log.Info("plugin started", "version", in.description.Version, "pid", in.process.ID())
	return in, nil
}

func (p *provider) up(in *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = in
	p.description = in.description
	p.since = time.Now()
}

// down notes that the plugin is not running and returns the pause before the
// next start, spread by a fifth so that many do not start at once.
func (p *provider) down() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = nil
	pause := p.host.cfg.MaxPause
	if p.setbacks < 16 {
		pause = min(pause, p.host.cfg.MinPause<<p.setbacks)
	}
	p.setbacks++
	pause -= time.Duration(rand.Int64N(int64(pause)/5 + 1))
	p.resumes = time.Now().Add(pause)
	return pause
}

// Describe says what the plugin said of itself when it last started, so that
// the privacy text can name the provider also while it is down.
func (p *provider) Describe(ctx context.Context) (sdk.Description, error) {
	if err := ctx.Err(); err != nil {
		return sdk.Description{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.description, nil
}

// call hands do the running plugin, within the limits of time and number. What
// do returns decides whether the process is healthy.
func (p *provider) call(ctx context.Context, do func(context.Context, *instance) error) (err error) {
	if p.host.cfg.Observe != nil {
		var ended func(what, outcome string)
		ctx, ended = p.host.cfg.Observe(ctx)
		defer func() { ended(p.name, telemetry.OutcomeOf(err)) }()
	}
	ctx, cancel := context.WithTimeout(ctx, p.host.cfg.CallTimeout)
	defer cancel()
	select {
	case p.places <- struct{}{}:
		defer func() {
			p.use()
			<-p.places
		}()
	case <-ctx.Done():
		return unreached(p.unavailable(ctx, errors.New("too many calls under way")))
	}
	in, err := p.instance()
	if err != nil {
		return unreached(err)
	}
	return p.judge(ctx, in, do(ctx, in))
}

func (p *provider) instance() (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		return nil, ErrUnavailable.Because(fmt.Errorf("plugin %q is down", p.name)).
			After(max(time.Until(p.resumes), 0))
	}
	return p.current, nil
}

// judge tells the plugin's answers, which are passed on, from its failures,
// which count against its process.
func (p *provider) judge(ctx context.Context, in *instance, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sdk.Answered(err) {
		in.failures, p.setbacks = 0, 0
		if kind, ok := sdk.KindOf(err); ok {
			p.failure, p.failed = string(kind), time.Now()
		}
		return err
	}
	if !errors.Is(ctx.Err(), context.Canceled) { // the caller's doing
		p.failure, p.failed = reasonOf(p.unavailable(ctx, err)), time.Now()
		if in.failures++; in.failures == p.host.cfg.MaxFailures {
			p.host.cfg.Logger.Error("plugin fails and is replaced", "plugin", p.name, "provider", p.of, "failures", in.failures)
			in.process.kill()
		}
	}
	return p.unavailable(ctx, err)
}

func (p *provider) note(failure string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failure, p.failed = failure, time.Now()
}

// reasonOf is one word for what went wrong with the plugin itself.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, ErrUnverified):
		return "unverified"
	case errors.Is(err, ErrNotFound):
		return "missing"
	case errors.Is(err, ErrSettings):
		return "settings"
	case errors.Is(err, sdk.ErrMalformedReply):
		return "garbage"
	}
	return "crash"
}

// unavailable wraps a failure of the plugin. Of a gRPC status only a cleaned
// text is kept, since the plugin chose it.
func (p *provider) unavailable(ctx context.Context, err error) error {
	cause := ctx.Err()
	garbage := errors.Is(err, sdk.ErrMalformedReply)
	if s, ok := status.FromError(err); ok {
		garbage = s.Code() == codes.ResourceExhausted || s.Code() == codes.Internal
		err = errors.New(sdk.Clean(err.Error(), 300))
		if cause == nil && s.Code() == codes.DeadlineExceeded {
			cause = context.DeadlineExceeded // the plugin's clock was a little faster
		}
	}
	err = fmt.Errorf("plugin %q: %w", p.name, err)
	if garbage && cause == nil {
		cause = sdk.ErrMalformedReply
	}
	if cause != nil {
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	return p.service.unavailable.Because(err)
}
