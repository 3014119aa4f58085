package sdk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	smsv1 "siegel/plugins/sdk/proto/sms/v1"
)

// Client is the host's end of a plugin. It trusts nothing it receives, and
// checks requests before they leave. Where an error is [Answered], the plugin
// has done its work; any other, such as [ErrMalformedReply] or a gRPC status,
// means that the plugin itself has failed.
type Client struct{ rpc smsv1.SMSClient }

var _ interface {
	SMS
	DeliveryParser
	Balancer
} = (*Client)(nil)

// NewClient speaks to a plugin over a connection of the caller's. [Dispense]
// does it for a plugin that was started.
func NewClient(c grpc.ClientConnInterface) *Client { return &Client{rpc: smsv1.NewSMSClient(c)} }

// Describe is [SMS.Describe].
func (c *Client) Describe(ctx context.Context) (Description, error) {
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

// Configure is [SMS.Configure].
func (c *Client) Configure(ctx context.Context, s Settings) error {
	r, err := c.rpc.Configure(ctx, &smsv1.ConfigureRequest{Settings: s})
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	return outcome("configure", r.GetFailure())
}

// DryRun is [SMS.DryRun].
func (c *Client) DryRun(ctx context.Context, m Message) (Estimate, error) {
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

// Send is [SMS.Send].
func (c *Client) Send(ctx context.Context, m Message) (Receipt, error) {
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

// ParseDelivery is [DeliveryParser.ParseDelivery]. It returns [ErrUnsupported]
// where the plugin is none.
func (c *Client) ParseDelivery(ctx context.Context, r Request) ([]Delivery, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	a, err := c.rpc.ParseDelivery(ctx, &smsv1.ParseDeliveryRequest{Request: requestToWire(r)})
	if err != nil {
		return nil, fmt.Errorf("parse delivery: %w", supported(err))
	}
	if err := outcome("parse delivery", a.GetFailure()); err != nil {
		return nil, err
	}
	if refusal := a.GetRefusal(); refusal != smsv1.Refusal_REFUSAL_UNSPECIFIED {
		for err, wire := range wireRefusals {
			if wire == refusal {
				return nil, err
			}
		}
		return nil, ErrMalformedReport // also for a refusal that this host does not know yet
	}
	if len(a.GetDeliveries()) > maxDeliveries {
		return nil, fmt.Errorf("parse delivery: %w", malformed("there are too many deliveries"))
	}
	var deliveries []Delivery
	for _, wire := range a.GetDeliveries() {
		d := deliveryFromWire(wire)
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("parse delivery: %w", err)
		}
		deliveries = append(deliveries, d)
	}
	return deliveries, nil
}

// Balance is [Balancer.Balance]. It returns [ErrUnsupported] also where the
// plugin is none.
func (c *Client) Balance(ctx context.Context) (Balance, error) {
	r, err := c.rpc.Balance(ctx, &smsv1.BalanceRequest{})
	if err != nil {
		return Balance{}, fmt.Errorf("balance: %w", supported(err))
	}
	if err := outcome("balance", r.GetFailure()); err != nil {
		return Balance{}, err
	}
	if r.GetAmount() == nil {
		return Balance{}, fmt.Errorf("balance: %w", ErrUnsupported)
	}
	b := Balance{Micros: r.GetAmount().GetMicros(), Currency: r.GetAmount().GetCurrency()}
	if err := b.check(); err != nil {
		return Balance{}, fmt.Errorf("balance: %w", err)
	}
	return b, nil
}

// supported tells a plugin that does not know the call, such as one from
// before the call was there, from one that failed.
func supported(err error) error {
	if status.Code(err) == codes.Unimplemented {
		return ErrUnsupported
	}
	return err
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
