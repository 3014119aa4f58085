package sdk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"

	smsv1 "siegel/plugins/sdk/proto/sms/v1"
)

// client is the host's end. It trusts nothing it receives.
type client struct{ rpc smsv1.SMSClient }

// NewClient speaks [SMS] over a connection, with the checks that [Dispense]
// names.
func NewClient(c grpc.ClientConnInterface) SMS { return &client{rpc: smsv1.NewSMSClient(c)} }

func (c *client) Describe(ctx context.Context) (Description, error) {
	r, err := c.rpc.Describe(ctx, &smsv1.DescribeRequest{})
	if err != nil {
		return Description{}, fmt.Errorf("describe: %w", err)
	}
	p := r.GetProcessor()
	d := Description{
		Name: r.GetName(), Version: r.GetVersion(), Schema: r.GetSettingsSchema(),
		Processor: Processor{Company: p.GetCompany(), Address: p.GetAddress(), Country: p.GetCountry()},
	}
	for known, wire := range wireCapabilities { // one that this host does not know yet is left out
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

func (c *client) Configure(ctx context.Context, s Settings) error {
	r, err := c.rpc.Configure(ctx, &smsv1.ConfigureRequest{Settings: s})
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	return outcome("configure", r.GetFailure())
}

func (c *client) DryRun(ctx context.Context, m Message) (Estimate, error) {
	if err := m.Check(); err != nil {
		return Estimate{}, err
	}
	r, err := c.rpc.DryRun(ctx, &smsv1.DryRunRequest{Message: toWire(m)})
	if err != nil {
		return Estimate{}, fmt.Errorf("dry run: %w", err)
	}
	if err := outcome("dry run", r.GetFailure()); err != nil {
		return Estimate{}, err
	}
	e := Estimate{Parts: int(r.GetParts())}
	if err := checkParts(e.Parts); err != nil {
		return Estimate{}, fmt.Errorf("dry run: %w", err)
	}
	return e, nil
}

func (c *client) Send(ctx context.Context, m Message) (Receipt, error) {
	if err := m.Check(); err != nil {
		return Receipt{}, err
	}
	r, err := c.rpc.Send(ctx, &smsv1.SendRequest{Message: toWire(m)})
	if err != nil {
		return Receipt{}, fmt.Errorf("send: %w", err)
	}
	if err := outcome("send", r.GetFailure()); err != nil {
		return Receipt{}, err
	}
	receipt := Receipt{ProviderID: r.GetProviderId(), Parts: int(r.GetParts())}
	if err := receipt.check(); err != nil {
		return Receipt{}, fmt.Errorf("send: %w", err)
	}
	return receipt, nil
}

func outcome(operation string, f *smsv1.Failure) error {
	if f == nil {
		return nil
	}
	e := &Error{
		Kind:       Unknown, // also for a kind that this host does not know yet
		Detail:     Clean(f.GetDetail(), 500),
		RetryAfter: time.Duration(f.GetRetryAfterMs()) * time.Millisecond,
	}
	for kind, wire := range wireKinds {
		if wire == f.GetKind() {
			e.Kind = kind
		}
	}
	return fmt.Errorf("%s: %w", operation, e)
}
