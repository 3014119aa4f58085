package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"siegel/plugins/sdk"
)

// provider keeps one plugin with one set of settings running.
type provider struct {
	host     *Host
	name     string
	settings sdk.Settings
	places   chan struct{} // one in it for each call under way

	started  chan struct{} // closed after the first start, which startErr judges
	startErr error

	mu          sync.Mutex
	current     *instance // nil while the plugin is down
	resumes     time.Time // while it is down, when the next start is due
	setbacks    int       // ends and failed starts since the last answered call
	description sdk.Description
}

// instance is one process of a provider.
type instance struct {
	process     *process
	connection  *plugin.Client
	sms         sdk.SMS
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

func newProvider(h *Host, name string, settings sdk.Settings) *provider {
	return &provider{
		host: h, name: name, settings: settings,
		places:  make(chan struct{}, h.cfg.MaxInFlight),
		started: make(chan struct{}),
	}
}

// run starts the plugin and restarts it whenever it ends, until the host
// closes. A first start that fails is the end of it: forget is called, and
// the error is for those who wait.
func (p *provider) run(forget func()) {
	in, err := p.start()
	if err != nil {
		p.startErr = err
		forget()
		close(p.started)
		return
	}
	p.up(in)
	close(p.started)

	log := p.host.cfg.Logger.With("plugin", p.name)
	for {
		<-in.process.exited
		pause := p.down()
		in.close()
		if p.host.ctx.Err() != nil {
			return
		}
		log.Warn("plugin ended", "state", in.process.state(), "restart_in", pause)
		for {
			select {
			case <-p.host.ctx.Done():
				return
			case <-time.After(pause):
			}
			if in, err = p.start(); err == nil {
				break
			}
			pause = p.down()
			if p.host.ctx.Err() == nil {
				log.Error("plugin did not start", "error", err, "restart_in", pause)
			}
		}
		p.up(in)
	}
}

// start verifies, starts, greets and configures the plugin. When it fails,
// nothing is left running.
func (p *provider) start() (_ *instance, err error) {
	cfg := p.host.cfg
	ctx, cancel := context.WithTimeout(p.host.ctx, cfg.StartTimeout)
	defer cancel()

	binary, err := p.host.verified(p.name)
	if err != nil {
		return nil, err
	}
	defer binary.Close()

	in := &instance{}
	inTime := func() bool { return true }
	log := cfg.Logger.With("plugin", p.name)
	in.connection = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: sdk.Versions(),
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
	if in.sms, err = sdk.Dispense(protocol); err != nil {
		return nil, p.unavailable(ctx, err)
	}
	if in.description, err = in.sms.Describe(ctx); err != nil {
		return nil, p.unavailable(ctx, err)
	}
	if in.description.Name != p.name {
		return nil, p.unavailable(ctx, fmt.Errorf("it says that its name is %q", in.description.Name))
	}
	if err = in.sms.Configure(ctx, p.settings); err != nil {
		if _, answered := sdk.KindOf(err); answered {
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

func (p *provider) Describe(ctx context.Context) (sdk.Description, error) {
	if err := ctx.Err(); err != nil {
		return sdk.Description{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.description, nil
}

func (p *provider) Send(ctx context.Context, m sdk.Message) (sdk.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, p.host.cfg.CallTimeout)
	defer cancel()
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	case <-ctx.Done():
		return sdk.Receipt{}, p.unavailable(ctx, errors.New("too many calls under way"))
	}
	in, err := p.instance()
	if err != nil {
		return sdk.Receipt{}, err
	}
	receipt, err := in.sms.Send(ctx, m)
	return receipt, p.judge(ctx, in, err)
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

// judge tells the provider's answers, which are passed on, from failures of
// the plugin, which count against its process.
func (p *provider) judge(ctx context.Context, in *instance, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, answered := sdk.KindOf(err); err == nil || answered {
		in.failures, p.setbacks = 0, 0
		return err
	}
	if !errors.Is(ctx.Err(), context.Canceled) { // the caller's doing
		if in.failures++; in.failures == p.host.cfg.MaxFailures {
			p.host.cfg.Logger.Error("plugin fails and is replaced", "plugin", p.name, "failures", in.failures)
			in.process.kill()
		}
	}
	return p.unavailable(ctx, err)
}

// unavailable wraps a failure of the plugin. Of a gRPC status only a cleaned
// text is kept, since the plugin chose it.
func (p *provider) unavailable(ctx context.Context, err error) error {
	cause := ctx.Err()
	if s, ok := status.FromError(err); ok {
		err = errors.New(sdk.Clean(err.Error(), 300))
		if cause == nil && s.Code() == codes.DeadlineExceeded {
			cause = context.DeadlineExceeded // the plugin's clock was a little faster
		}
	}
	err = fmt.Errorf("plugin %q: %w", p.name, err)
	if cause != nil {
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	return ErrUnavailable.Because(err)
}
