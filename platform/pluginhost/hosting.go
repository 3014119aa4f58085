package pluginhost

import (
	"context"

	"siegel/platform/fault"
	"siegel/plugins/sdk"
)

// ErrHostingUnavailable is [ErrUnavailable] for a plugin of the hosting
// service. Whether the call has changed something is unknown; all of them may
// be repeated.
var ErrHostingUnavailable = fault.New(fault.Unavailable, "hosting_unavailable")

// Hosting returns the hosting plugin of that name for an instance, as
// [Host.SMS] returns one that sends messages: same protections, same errors,
// but [ErrHostingUnavailable] in the place of [ErrUnavailable].
func (h *Host) Hosting(ctx context.Context, instance, name string, settings map[string]any) (HostingProvider, error) {
	p, err := h.plugin(ctx, hostingService(), instance, name, settings)
	if err != nil {
		return nil, err
	}
	return hostingProvider{p}, nil
}

// HostingProvider is a running plugin that brings host names up. It stays
// valid as long as a [Provider]. An error's chain has an [*sdk.Error] where the
// provider or the plugin answered with one, and otherwise
// [ErrHostingUnavailable].
type HostingProvider interface {
	// Describe says what the plugin said of itself when it last started.
	Describe(ctx context.Context) (sdk.Description, error)
	PlanHost(ctx context.Context, host string, to sdk.Target) ([]sdk.Change, error)
	EnsureHost(ctx context.Context, host string, to sdk.Target, replace bool) (sdk.HostStatus, error)
	HostStatus(ctx context.Context, host string, to sdk.Target) (sdk.HostStatus, error)
	RemoveHost(ctx context.Context, host string, to sdk.Target) ([]sdk.Record, error)
	// AddChallenge and RemoveChallenge are [sdk.ErrUnsupported] where the
	// plugin does not name [sdk.Challenges].
	sdk.Challenger
}

type hostingProvider struct{ *provider }

func (p hostingProvider) PlanHost(ctx context.Context, host string, to sdk.Target) (c []sdk.Change, err error) {
	err = p.call(ctx, func(ctx context.Context, in *instance) (err error) {
		c, err = in.hosting.PlanHost(ctx, host, to)
		return err
	})
	return c, err
}

func (p hostingProvider) EnsureHost(ctx context.Context, host string, to sdk.Target, replace bool) (s sdk.HostStatus, err error) {
	err = p.call(ctx, func(ctx context.Context, in *instance) (err error) {
		s, err = in.hosting.EnsureHost(ctx, host, to, replace)
		return err
	})
	return s, err
}

func (p hostingProvider) HostStatus(ctx context.Context, host string, to sdk.Target) (s sdk.HostStatus, err error) {
	err = p.call(ctx, func(ctx context.Context, in *instance) (err error) {
		s, err = in.hosting.HostStatus(ctx, host, to)
		return err
	})
	return s, err
}

func (p hostingProvider) RemoveHost(ctx context.Context, host string, to sdk.Target) (r []sdk.Record, err error) {
	err = p.call(ctx, func(ctx context.Context, in *instance) (err error) {
		r, err = in.hosting.RemoveHost(ctx, host, to)
		return err
	})
	return r, err
}

func (p hostingProvider) AddChallenge(ctx context.Context, ch sdk.Challenge) error {
	return p.call(ctx, func(ctx context.Context, in *instance) error { return in.hosting.AddChallenge(ctx, ch) })
}

func (p hostingProvider) RemoveChallenge(ctx context.Context, ch sdk.Challenge) error {
	return p.call(ctx, func(ctx context.Context, in *instance) error { return in.hosting.RemoveChallenge(ctx, ch) })
}
