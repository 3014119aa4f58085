package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"siegel/plugins/sdk"
)

// pigeons is a whole plugin but for its main, which is one line:
//
//	func main() { sdk.ServeSMS(&pigeons{}) }
type pigeons struct{ loft atomic.Pointer[string] }

func (p *pigeons) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:    "pigeons",
		Version: "0.1.0",
		Schema: json.RawMessage(`{
			"type": "object",
			"properties": {"loft": {"type": "string"}, "token": {"type": "string", "writeOnly": true}},
			"required": ["loft"],
			"additionalProperties": false}`),
		Processor: sdk.Processor{Company: "Pigeon Post GmbH", Address: "Dachboden 1, 10115 Berlin", Country: "DE"},
	}, nil
}

func (p *pigeons) Configure(_ context.Context, s sdk.Settings) error {
	var settings struct{ Loft, Token string }
	if err := s.Decode(&settings); err != nil {
		return err
	}
	if settings.Loft == "" {
		return &sdk.Error{Kind: sdk.BadSettings, Detail: "loft is empty"}
	}
	p.loft.Store(&settings.Loft)
	return nil
}

func (p *pigeons) DryRun(_ context.Context, m sdk.Message) (sdk.Estimate, error) {
	return sdk.Estimate{Parts: sdk.Parts(m.Text)}, nil
}

func (p *pigeons) Send(_ context.Context, m sdk.Message) (sdk.Receipt, error) {
	loft := p.loft.Load()
	if loft == nil {
		return sdk.Receipt{}, &sdk.Error{Kind: sdk.BadSettings, Detail: "the plugin has no settings yet"}
	}
	if m.Text == "a heavy parcel" {
		return sdk.Receipt{}, &sdk.Error{Kind: sdk.Content, Detail: "no pigeon carries that"}
	}
	return sdk.Receipt{ProviderID: *loft + "-" + m.ID, Parts: sdk.Parts(m.Text)}, nil
}

func Example() {
	client, stop := connect(&pigeons{})
	defer stop()
	ctx := context.Background()

	if err := client.Configure(ctx, sdk.Settings(`{"loft": "north"}`)); err != nil {
		fmt.Println(err)
	}
	receipt, err := client.Send(ctx, sdk.Message{ID: "7", To: "+4915112345678", Text: "Your code is 123456."})
	fmt.Println(receipt.ProviderID, receipt.Parts, err)

	_, err = client.Send(ctx, sdk.Message{ID: "8", To: "+4915112345678", Text: "a heavy parcel"})
	var refused *sdk.Error
	fmt.Println(errors.As(err, &refused), refused.Kind, "/", refused.Detail)
	// Output:
	// north-7 1 <nil>
	// true content / no pigeon carries that
}

// connect serves impl in this process, as a host would reach it in another.
func connect(impl sdk.SMS) (*sdk.Client, func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer()
	sdk.Register(server, impl)
	go server.Serve(listener)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	return sdk.NewClient(conn), func() {
		conn.Close()
		server.Stop()
	}
}
