package sdk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"

	hostingv1 "siegel/plugins/sdk/proto/hosting/v1"
)

// HostingClient is the host's end of a hosting plugin. It trusts nothing it
// receives, and checks requests before they leave. Where an error is
// [Answered], the plugin has done its work; any other, such as
// [ErrMalformedReply] or a gRPC status, means that the plugin itself has failed.
type HostingClient struct{ rpc hostingv1.HostingClient }

var _ interface {
	Hosting
	Challenger
} = (*HostingClient)(nil)

// NewHostingClient speaks to a plugin over a connection of the caller's.
// [DispenseHosting] does it for a plugin that was started.
func NewHostingClient(c grpc.ClientConnInterface) *HostingClient {
	return &HostingClient{rpc: hostingv1.NewHostingClient(c)}
}

// The most that a plugin may answer with.
const (
	maxChanges = 32
	maxSteps   = 16
	maxAgain   = time.Hour
)

// Describe is [Hosting.Describe].
func (c *HostingClient) Describe(ctx context.Context) (Description, error) {
	r, err := c.rpc.Describe(ctx, &hostingv1.DescribeRequest{})
	if err != nil {
		return Description{}, fmt.Errorf("describe: %w", err)
	}
	p := r.GetProcessor()
	d := Description{
		Name: r.GetName(), Version: r.GetVersion(), Schema: r.GetSettingsSchema(),
		Processor: Processor{Company: p.GetCompany(), Address: p.GetAddress(), Country: p.GetCountry()},
	}
	for known, wire := range wireHostingCapabilities {
		if slices.Contains(r.GetCapabilities(), wire) {
			d.Capabilities = append(d.Capabilities, known)
		}
	}
	slices.Sort(d.Capabilities)
	if err := d.Check(); err != nil {
		return Description{}, fmt.Errorf("describe: %w", err)
	}
	return d, nil
}

// Configure is [Hosting.Configure].
func (c *HostingClient) Configure(ctx context.Context, s Settings) error {
	r, err := c.rpc.Configure(ctx, &hostingv1.ConfigureRequest{Settings: s})
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	return hostingOutcome("configure", r.GetFailure())
}

// PlanHost is [Hosting.PlanHost].
func (c *HostingClient) PlanHost(ctx context.Context, host string, to Target) ([]Change, error) {
	if err := checkCall(host, to); err != nil {
		return nil, err
	}
	r, err := c.rpc.PlanHost(ctx, &hostingv1.PlanHostRequest{Host: host, Target: targetToWire(to)})
	if err != nil {
		return nil, fmt.Errorf("plan host: %w", err)
	}
	if err := hostingOutcome("plan host", r.GetFailure()); err != nil {
		return nil, err
	}
	if len(r.GetChanges()) > maxChanges {
		return nil, fmt.Errorf("plan host: %w", malformed("there are too many changes"))
	}
	var changes []Change
	for _, wire := range r.GetChanges() {
		action, known := word(wireActions, wire.GetAction())
		if !known {
			continue // nothing that this host could show
		}
		ch := Change{Action: action}
		if wire.GetRecord() != nil {
			ch.Record = recordFromWire(wire.GetRecord())
			if err := ch.Record.check(); err != nil {
				return nil, fmt.Errorf("plan host: %w", err)
			}
		}
		changes = append(changes, ch)
	}
	return changes, nil
}

// EnsureHost is [Hosting.EnsureHost].
func (c *HostingClient) EnsureHost(ctx context.Context, host string, to Target, replace bool) (HostStatus, error) {
	if err := checkCall(host, to); err != nil {
		return HostStatus{}, err
	}
	r, err := c.rpc.EnsureHost(ctx, &hostingv1.EnsureHostRequest{Host: host, Target: targetToWire(to), Replace: replace})
	if err != nil {
		return HostStatus{}, fmt.Errorf("ensure host: %w", err)
	}
	return statusFromWire("ensure host", r.GetFailure(), r.GetStatus())
}

// HostStatus is [Hosting.HostStatus].
func (c *HostingClient) HostStatus(ctx context.Context, host string, to Target) (HostStatus, error) {
	if err := checkCall(host, to); err != nil {
		return HostStatus{}, err
	}
	r, err := c.rpc.HostStatus(ctx, &hostingv1.HostStatusRequest{Host: host, Target: targetToWire(to)})
	if err != nil {
		return HostStatus{}, fmt.Errorf("host status: %w", err)
	}
	return statusFromWire("host status", r.GetFailure(), r.GetStatus())
}

// RemoveHost is [Hosting.RemoveHost].
func (c *HostingClient) RemoveHost(ctx context.Context, host string, to Target) ([]Record, error) {
	if err := checkCall(host, to); err != nil {
		return nil, err
	}
	r, err := c.rpc.RemoveHost(ctx, &hostingv1.RemoveHostRequest{Host: host, Target: targetToWire(to)})
	if err != nil {
		return nil, fmt.Errorf("remove host: %w", err)
	}
	if err := hostingOutcome("remove host", r.GetFailure()); err != nil {
		return nil, err
	}
	if len(r.GetRecords()) > maxChanges {
		return nil, fmt.Errorf("remove host: %w", malformed("there are too many records"))
	}
	var records []Record
	for _, wire := range r.GetRecords() {
		record := recordFromWire(wire)
		if err := record.check(); err != nil {
			return nil, fmt.Errorf("remove host: %w", err)
		}
		records = append(records, record)
	}
	return records, nil
}

// AddChallenge is [Challenger.AddChallenge]. It returns [ErrUnsupported] where
// the plugin is none.
func (c *HostingClient) AddChallenge(ctx context.Context, ch Challenge) error {
	if err := ch.Check(); err != nil {
		return err
	}
	r, err := c.rpc.AddChallenge(ctx, &hostingv1.AddChallengeRequest{Challenge: challengeToWire(ch)})
	if err != nil {
		return fmt.Errorf("add challenge: %w", supported(err))
	}
	return hostingOutcome("add challenge", r.GetFailure())
}

// RemoveChallenge is [Challenger.RemoveChallenge]. It returns [ErrUnsupported]
// where the plugin is none.
func (c *HostingClient) RemoveChallenge(ctx context.Context, ch Challenge) error {
	if err := ch.Check(); err != nil {
		return err
	}
	r, err := c.rpc.RemoveChallenge(ctx, &hostingv1.RemoveChallengeRequest{Challenge: challengeToWire(ch)})
	if err != nil {
		return fmt.Errorf("remove challenge: %w", supported(err))
	}
	return hostingOutcome("remove challenge", r.GetFailure())
}

func checkCall(host string, to Target) error {
	if err := CheckHost(host); err != nil {
		return err
	}
	if host == to.Name {
		return &Error{Kind: InvalidHost, Detail: "the host name is its own target"}
	}
	return to.Check()
}

func statusFromWire(operation string, f *hostingv1.Failure, w *hostingv1.Status) (HostStatus, error) {
	if err := hostingOutcome(operation, f); err != nil {
		return HostStatus{}, err
	}
	state, known := word(wireHostStates, w.GetState())
	if !known || len(w.GetSteps()) > maxSteps || len(w.GetRecords()) > maxChanges {
		return HostStatus{}, fmt.Errorf("%s: %w", operation, malformed("the status has no state or too many parts"))
	}
	s := HostStatus{
		State: state,
		Again: min(time.Duration(w.GetAgainAfterMs())*time.Millisecond, maxAgain),
	}
	for _, wire := range w.GetSteps() {
		part, known := word(wireHostParts, wire.GetPart())
		if !known {
			continue
		}
		state, known := word(wireHostStates, wire.GetState())
		if !known {
			return HostStatus{}, fmt.Errorf("%s: %w", operation, malformed("a step has no state"))
		}
		s.Steps = append(s.Steps, HostStep{Part: part, State: state, Detail: Clean(wire.GetDetail(), 300)})
	}
	for _, wire := range w.GetRecords() {
		record := recordFromWire(wire.GetRecord())
		if err := record.check(); err != nil {
			return HostStatus{}, fmt.Errorf("%s: %w", operation, err)
		}
		s.Records = append(s.Records, WantedRecord{Record: record, Present: wire.GetPresent()})
	}
	return s, nil
}

func hostingOutcome(operation string, f *hostingv1.Failure) error {
	if f == nil {
		return nil
	}
	kind, known := word(wireHostingKinds, f.GetKind())
	if !known {
		kind = Unknown
	}
	return fmt.Errorf("%s: %w", operation, &Error{
		Kind: kind, Detail: Clean(f.GetDetail(), 500),
		RetryAfter: time.Duration(f.GetRetryAfterMs()) * time.Millisecond,
	})
}
