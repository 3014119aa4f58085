package sdk_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"

	"siegel/plugins/sdk"
)

// ringed are pigeons whose loft reports, signed, who came home. Their Describe
// names the capability.
type ringed struct{ pigeons }

func (p *ringed) Describe(ctx context.Context) (sdk.Description, error) {
	d, err := p.pigeons.Describe(ctx)
	d.Capabilities = append(d.Capabilities, sdk.DeliveryReports)
	return d, err
}

func (p *ringed) ParseDelivery(_ context.Context, r sdk.Request) ([]sdk.Delivery, error) {
	given, err := hex.DecodeString(r.Header.Get("X-Ring"))
	if err != nil || !hmac.Equal(given, ring(r.Body)) {
		return nil, sdk.ErrUnsigned
	}
	var landed struct{ Pigeon string }
	if json.Unmarshal(r.Body, &landed) != nil || landed.Pigeon == "" {
		return nil, sdk.ErrMalformedReport
	}
	return []sdk.Delivery{{ProviderID: landed.Pigeon, State: sdk.Delivered, Code: "landed"}}, nil
}

func ring(body []byte) []byte {
	mac := hmac.New(sha256.New, []byte("a secret of the settings"))
	mac.Write(body)
	return mac.Sum(nil)
}

func ExampleDeliveryParser() {
	client, stop := connect(&ringed{})
	defer stop()
	ctx := context.Background()

	d, err := client.Describe(ctx)
	fmt.Println(d.Has(sdk.DeliveryReports), d.Has(sdk.AccountBalance), err)

	body := []byte(`{"pigeon": "north-7"}`)
	r := sdk.Request{
		Method: "POST", URL: "https://book.example/reports/pigeons/f3a1",
		Header: http.Header{"X-Ring": {hex.EncodeToString(ring(body))}}, Body: body,
	}
	deliveries, err := client.ParseDelivery(ctx, r)
	fmt.Printf("%+v %v\n", deliveries, err)

	r.Body = []byte(`{"pigeon": "north-8"}`)
	_, err = client.ParseDelivery(ctx, r)
	fmt.Println(err)
	// Output:
	// true false <nil>
	// [{MessageID: ProviderID:north-7 State:delivered Code:landed}] <nil>
	// sms: the delivery report is not signed by the provider
}
