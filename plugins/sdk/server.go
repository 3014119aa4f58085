package sdk

import (
	"context"
	"errors"
	"math"

	smsv1 "siegel/plugins/sdk/proto/sms/v1"

	"google.golang.org/grpc"
)

// server is the plugin's end: wire types in, [SMS] behind, wire types out.
type server struct {
	smsv1.UnimplementedSMSServer
	impl SMS
}

// Register puts impl on a gRPC server of the caller's. [ServeSMS] does it for
// a plugin; a test does it to talk to impl without a process.
func Register(s grpc.ServiceRegistrar, impl SMS) {
	smsv1.RegisterSMSServer(s, &server{impl: impl})
}

func (s *server) Describe(ctx context.Context, _ *smsv1.DescribeRequest) (*smsv1.DescribeResponse, error) {
	d, err := s.impl.Describe(ctx)
	if err != nil {
		return nil, err
	}
	out := &smsv1.DescribeResponse{
		Name: d.Name, Version: d.Version, SettingsSchema: d.Schema,
		Processor: &smsv1.Processor{
			Company: d.Processor.Company, Address: d.Processor.Address, Country: d.Processor.Country,
		},
	}
	for _, c := range d.Capabilities {
		out.Capabilities = append(out.Capabilities, wireCapabilities[c])
	}
	return out, nil
}

func (s *server) Configure(ctx context.Context, r *smsv1.ConfigureRequest) (*smsv1.ConfigureResponse, error) {
	return &smsv1.ConfigureResponse{Failure: failure(s.impl.Configure(ctx, r.GetSettings()))}, nil
}

func (s *server) DryRun(ctx context.Context, r *smsv1.DryRunRequest) (*smsv1.DryRunResponse, error) {
	m := fromWire(r.GetMessage())
	if err := m.Check(); err != nil {
		return &smsv1.DryRunResponse{Failure: failure(err)}, nil
	}
	e, err := s.impl.DryRun(ctx, m)
	if err != nil {
		return &smsv1.DryRunResponse{Failure: failure(err)}, nil
	}
	return &smsv1.DryRunResponse{Parts: uint32(e.Parts)}, nil
}

func (s *server) Send(ctx context.Context, r *smsv1.SendRequest) (*smsv1.SendResponse, error) {
	m := fromWire(r.GetMessage())
	if err := m.Check(); err != nil {
		return &smsv1.SendResponse{Failure: failure(err)}, nil
	}
	receipt, err := s.impl.Send(ctx, m)
	if err != nil {
		return &smsv1.SendResponse{Failure: failure(err)}, nil
	}
	return &smsv1.SendResponse{ProviderId: receipt.ProviderID, Parts: uint32(receipt.Parts)}, nil
}

func (s *server) ParseDelivery(ctx context.Context, r *smsv1.ParseDeliveryRequest) (*smsv1.ParseDeliveryResponse, error) {
	parser, ok := s.impl.(DeliveryParser)
	if !ok {
		return s.UnimplementedSMSServer.ParseDelivery(ctx, r)
	}
	request := requestFromWire(r.GetRequest())
	err := request.Check()
	var deliveries []Delivery
	if err == nil {
		deliveries, err = parser.ParseDelivery(ctx, request)
	}
	for refusal, wire := range wireRefusals {
		if errors.Is(err, refusal) {
			return &smsv1.ParseDeliveryResponse{Refusal: wire}, nil
		}
	}
	if err != nil {
		return &smsv1.ParseDeliveryResponse{Failure: failure(err)}, nil
	}
	out := &smsv1.ParseDeliveryResponse{}
	for _, d := range deliveries {
		out.Deliveries = append(out.Deliveries, &smsv1.Delivery{
			MessageId: d.MessageID, ProviderId: d.ProviderID, State: wireStates[d.State], Code: Clean(d.Code, 40),
		})
	}
	return out, nil
}

func (s *server) Balance(ctx context.Context, r *smsv1.BalanceRequest) (*smsv1.BalanceResponse, error) {
	balancer, ok := s.impl.(Balancer)
	if !ok {
		return s.UnimplementedSMSServer.Balance(ctx, r)
	}
	b, err := balancer.Balance(ctx)
	switch {
	case errors.Is(err, ErrUnsupported):
		return &smsv1.BalanceResponse{}, nil
	case err != nil:
		return &smsv1.BalanceResponse{Failure: failure(err)}, nil
	}
	return &smsv1.BalanceResponse{Amount: &smsv1.Amount{Micros: b.Micros, Currency: b.Currency}}, nil
}

// failure puts an error on the wire. Of an error that is no [*Error] only the
// fact travels: its text may carry a URL with a key or somebody's number.
func failure(err error) *smsv1.Failure {
	if err == nil {
		return nil
	}
	e := &Error{Kind: Unknown, Detail: "the plugin gave no reason"}
	errors.As(err, &e)
	return &smsv1.Failure{
		Kind:         wireKinds[e.Kind],
		Detail:       Clean(e.Detail, 500),
		RetryAfterMs: uint32(min(max(e.RetryAfter.Milliseconds(), 0), math.MaxUint32)),
	}
}
