package sdk

import (
	"context"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	hostingv1 "siegel/plugins/sdk/proto/hosting/v1"
	smsv1 "siegel/plugins/sdk/proto/sms/v1"
)

// MaxMessageSize is how large a request or an answer may be, in bytes.
const MaxMessageSize = 64 << 10

// The versions of the agreements, counted for each service. A host offers all that it speaks and the
// plugin picks the highest that it knows. Within a version there are only
// additions that either side may not know; all else needs the next.
const (
	protocolSMS1     = 1
	protocolHosting1 = 1
)

// The names under which the handshake's plugin set lists [SMS] and [Hosting].
const (
	serviceSMS     = "sms"
	serviceHosting = "hosting"
)

// Handshake tells a plugin that it was started by a host and not by hand. The
// cookie is a courtesy to whoever starts it by hand, not a secret.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		MagicCookieKey:   "SIEGEL_PLUGIN",
		MagicCookieValue: "b9b9a9c6f2de4b0f8a51f2c3",
	}
}

// Versions is what a host can talk to, by version of the agreement on [SMS].
func Versions() map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{protocolSMS1: {serviceSMS: &smsPlugin{}}}
}

// HostingVersions is what a host can talk to, by version of the agreement on
// [Hosting].
func HostingVersions() map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{protocolHosting1: {serviceHosting: &hostingPlugin{}}}
}

// Dispense returns the host's end of a started plugin of [SMS].
func Dispense(p plugin.ClientProtocol) (*Client, error) {
	raw, err := p.Dispense(serviceSMS)
	if err != nil {
		return nil, err
	}
	return raw.(*Client), nil
}

// DispenseHosting returns the host's end of a started plugin of [Hosting].
func DispenseHosting(p plugin.ClientProtocol) (*HostingClient, error) {
	raw, err := p.Dispense(serviceHosting)
	if err != nil {
		return nil, err
	}
	return raw.(*HostingClient), nil
}

// ServeSMS answers a host until the host ends the process. It is the last call
// in a plugin's main. Started by hand it says so on stderr and exits with 1.
// Standard output belongs to the handshake; what goes to stderr ends up, line
// by line and bounded, in the host's log.
func ServeSMS(impl SMS) {
	serve(map[int]plugin.PluginSet{protocolSMS1: {serviceSMS: &smsPlugin{impl: impl}}})
}

// ServeHosting is [ServeSMS] for a plugin of [Hosting].
func ServeHosting(impl Hosting) {
	serve(map[int]plugin.PluginSet{protocolHosting1: {serviceHosting: &hostingPlugin{impl: impl}}})
}

func serve(versions map[int]plugin.PluginSet) {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: versions,
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(MaxMessageSize))...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr}),
	})
}

// smsPlugin is both ends of the service, as go-plugin wants it.
type smsPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	impl SMS
}

func (p *smsPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	smsv1.RegisterSMSServer(s, &server{impl: p.impl})
	return nil
}

func (p *smsPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return NewClient(c), nil
}

// hostingPlugin is both ends of the service, as go-plugin wants it.
type hostingPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	impl Hosting
}

func (p *hostingPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	hostingv1.RegisterHostingServer(s, &hostingServer{impl: p.impl})
	return nil
}

func (p *hostingPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return NewHostingClient(c), nil
}
