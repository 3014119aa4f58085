package sdk

import (
	"context"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	smsv1 "siegel/plugins/sdk/proto/sms/v1"
)

// MaxMessageSize is how large a request or an answer may be, in bytes.
const MaxMessageSize = 64 << 10

// The versions of the agreement. A host offers all that it speaks and the
// plugin picks the highest that it knows. Within a version there are only
// additions that either side may not know; all else needs the next.
const protocolSMS1 = 1

// serviceSMS is the name under which the handshake's plugin set lists [SMS].
const serviceSMS = "sms"

// Handshake tells a plugin that it was started by a host and not by hand. The
// cookie is a courtesy to whoever starts it by hand, not a secret.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		MagicCookieKey:   "SIEGEL_PLUGIN",
		MagicCookieValue: "b9b9a9c6f2de4b0f8a51f2c3",
	}
}

// Versions is what a host can talk to, by version of the agreement.
func Versions() map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{protocolSMS1: {serviceSMS: &smsPlugin{}}}
}

// Dispense returns the host's end of a started plugin.
func Dispense(p plugin.ClientProtocol) (*Client, error) {
	raw, err := p.Dispense(serviceSMS)
	if err != nil {
		return nil, err
	}
	return raw.(*Client), nil
}

// ServeSMS answers a host until the host ends the process. It is the last call
// in a plugin's main. Started by hand it says so on stderr and exits with 1.
// Standard output belongs to the handshake; what goes to stderr ends up, line
// by line and bounded, in the host's log.
func ServeSMS(impl SMS) {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{protocolSMS1: {serviceSMS: &smsPlugin{impl: impl}}},
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
