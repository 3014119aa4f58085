package sdk

import (
	"context"
	"errors"
	"math"
	"time"

	"google.golang.org/grpc"

	hostingv1 "siegel/plugins/sdk/proto/hosting/v1"
)

// hostingServer is the plugin's end: wire types in, [Hosting] behind, wire
// types out.
type hostingServer struct {
	hostingv1.UnimplementedHostingServer
	impl Hosting
}

// RegisterHosting puts impl on a gRPC server of the caller's. [ServeHosting]
// does it for a plugin; a test does it to talk to impl without a process.
func RegisterHosting(s grpc.ServiceRegistrar, impl Hosting) {
	hostingv1.RegisterHostingServer(s, &hostingServer{impl: impl})
}

func (s *hostingServer) Describe(ctx context.Context, _ *hostingv1.DescribeRequest) (*hostingv1.DescribeResponse, error) {
	d, err := s.impl.Describe(ctx)
	if err != nil {
		return nil, err
	}
	out := &hostingv1.DescribeResponse{
		Name: d.Name, Version: d.Version, SettingsSchema: d.Schema,
		Processor: &hostingv1.Processor{
			Company: d.Processor.Company, Address: d.Processor.Address, Country: d.Processor.Country,
		},
	}
	for _, c := range d.Capabilities {
		out.Capabilities = append(out.Capabilities, wireHostingCapabilities[c])
	}
	return out, nil
}

func (s *hostingServer) Configure(ctx context.Context, r *hostingv1.ConfigureRequest) (*hostingv1.ConfigureResponse, error) {
	return &hostingv1.ConfigureResponse{Failure: hostingFailure(s.impl.Configure(ctx, r.GetSettings()))}, nil
}

func (s *hostingServer) PlanHost(ctx context.Context, r *hostingv1.PlanHostRequest) (*hostingv1.PlanHostResponse, error) {
	sooner, cancel := beforeDeadline(ctx)
	defer cancel()
	to := targetFromWire(r.GetTarget())
	if err := checkCall(r.GetHost(), to); err != nil {
		return &hostingv1.PlanHostResponse{Failure: hostingFailure(err)}, nil
	}
	changes, err := s.impl.PlanHost(sooner, r.GetHost(), to)
	if err != nil {
		return &hostingv1.PlanHostResponse{Failure: hostingFailure(err)}, nil
	}
	out := &hostingv1.PlanHostResponse{}
	for _, c := range changes {
		wire := &hostingv1.Change{Action: wireActions[c.Action]}
		if c.Record != (Record{}) {
			wire.Record = recordToWire(c.Record)
		}
		out.Changes = append(out.Changes, wire)
	}
	return out, nil
}

func (s *hostingServer) EnsureHost(ctx context.Context, r *hostingv1.EnsureHostRequest) (*hostingv1.EnsureHostResponse, error) {
	sooner, cancel := beforeDeadline(ctx)
	defer cancel()
	to := targetFromWire(r.GetTarget())
	err := checkCall(r.GetHost(), to)
	var status HostStatus
	if err == nil {
		status, err = s.impl.EnsureHost(sooner, r.GetHost(), to, r.GetReplace())
	}
	if err != nil {
		return &hostingv1.EnsureHostResponse{Failure: hostingFailure(err)}, nil
	}
	return &hostingv1.EnsureHostResponse{Status: statusToWire(status)}, nil
}

func (s *hostingServer) HostStatus(ctx context.Context, r *hostingv1.HostStatusRequest) (*hostingv1.HostStatusResponse, error) {
	sooner, cancel := beforeDeadline(ctx)
	defer cancel()
	to := targetFromWire(r.GetTarget())
	err := checkCall(r.GetHost(), to)
	var status HostStatus
	if err == nil {
		status, err = s.impl.HostStatus(sooner, r.GetHost(), to)
	}
	if err != nil {
		return &hostingv1.HostStatusResponse{Failure: hostingFailure(err)}, nil
	}
	return &hostingv1.HostStatusResponse{Status: statusToWire(status)}, nil
}

func (s *hostingServer) RemoveHost(ctx context.Context, r *hostingv1.RemoveHostRequest) (*hostingv1.RemoveHostResponse, error) {
	sooner, cancel := beforeDeadline(ctx)
	defer cancel()
	to := targetFromWire(r.GetTarget())
	err := checkCall(r.GetHost(), to)
	var records []Record
	if err == nil {
		records, err = s.impl.RemoveHost(sooner, r.GetHost(), to)
	}
	if err != nil {
		return &hostingv1.RemoveHostResponse{Failure: hostingFailure(err)}, nil
	}
	out := &hostingv1.RemoveHostResponse{}
	for _, record := range records {
		out.Records = append(out.Records, recordToWire(record))
	}
	return out, nil
}

func (s *hostingServer) AddChallenge(ctx context.Context, r *hostingv1.AddChallengeRequest) (*hostingv1.AddChallengeResponse, error) {
	challenger, ok := s.impl.(Challenger)
	if !ok {
		return s.UnimplementedHostingServer.AddChallenge(ctx, r)
	}
	sooner, cancel := beforeDeadline(ctx)
	defer cancel()
	c := challengeFromWire(r.GetChallenge())
	err := c.Check()
	if err == nil {
		err = challenger.AddChallenge(sooner, c)
	}
	return &hostingv1.AddChallengeResponse{Failure: hostingFailure(err)}, nil
}

func (s *hostingServer) RemoveChallenge(ctx context.Context, r *hostingv1.RemoveChallengeRequest) (*hostingv1.RemoveChallengeResponse, error) {
	challenger, ok := s.impl.(Challenger)
	if !ok {
		return s.UnimplementedHostingServer.RemoveChallenge(ctx, r)
	}
	sooner, cancel := beforeDeadline(ctx)
	defer cancel()
	c := challengeFromWire(r.GetChallenge())
	err := c.Check()
	if err == nil {
		err = challenger.RemoveChallenge(sooner, c)
	}
	return &hostingv1.RemoveChallengeResponse{Failure: hostingFailure(err)}, nil
}

func statusToWire(s HostStatus) *hostingv1.Status {
	out := &hostingv1.Status{State: wireHostStates[s.State], AgainAfterMs: milliseconds(s.Again)}
	for _, step := range s.Steps {
		out.Steps = append(out.Steps, &hostingv1.Step{
			Part: wireHostParts[step.Part], State: wireHostStates[step.State], Detail: Clean(step.Detail, 300),
		})
	}
	for _, r := range s.Records {
		out.Records = append(out.Records, &hostingv1.WantedRecord{Record: recordToWire(r.Record), Present: r.Present})
	}
	return out
}

// hostingFailure is [failure] for this service.
func hostingFailure(err error) *hostingv1.Failure {
	if err == nil {
		return nil
	}
	e := &Error{Kind: Unknown, Detail: "the plugin gave no reason"}
	errors.As(err, &e)
	return &hostingv1.Failure{
		Kind: wireHostingKinds[e.Kind], Detail: Clean(e.Detail, 500), RetryAfterMs: milliseconds(e.RetryAfter),
	}
}

func milliseconds(d time.Duration) uint32 {
	return uint32(min(max(d.Milliseconds(), 0), math.MaxUint32))
}

// beforeDeadline ends a little before the host's patience does, so that the
// host hears of a slow provider from the plugin and does not take the plugin
// for stuck: these calls ask a provider several things, one after the other.
func beforeDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	left := time.Until(deadline)
	return context.WithTimeout(ctx, left-min(left/10, time.Second))
}
