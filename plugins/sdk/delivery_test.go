package sdk_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"siegel/plugins/sdk"
)

// reporter is a stub that also reports.
type reporter struct {
	stub
	deliveries []sdk.Delivery
	err        error
	got        *sdk.Request
}

func (r reporter) ParseDelivery(_ context.Context, request sdk.Request) ([]sdk.Delivery, error) {
	if r.got != nil {
		*r.got = request
	}
	return r.deliveries, r.err
}

func request() sdk.Request {
	return sdk.Request{
		Method: "POST", URL: "https://reports.example:8443/a%2Fb?x=1&x=2",
		Header: http.Header{"X-Signature": {"abc"}, "Accept": {"a", "b"}}, Body: []byte("\x00\xff{}"),
	}
}

func TestRequestTravelsAsItCame(t *testing.T) {
	t.Parallel()
	var got sdk.Request
	client, stop := connect(reporter{got: &got})
	defer stop()
	if _, err := client.ParseDelivery(t.Context(), request()); err != nil {
		t.Fatalf("parse delivery: %v", err)
	}
	if !reflect.DeepEqual(got, request()) {
		t.Errorf("the plugin got %+v, want %+v", got, request())
	}
}

func TestDeliveriesTravel(t *testing.T) {
	t.Parallel()
	want := []sdk.Delivery{
		{MessageID: "m-1", State: sdk.Pending},
		{ProviderID: "p-2", State: sdk.Delivered, Code: "OK"},
		{MessageID: "m-3", ProviderID: "p-3", State: sdk.Failed, Code: "16"},
		{ProviderID: "p-4", State: sdk.Expired},
	}
	client, stop := connect(reporter{deliveries: want})
	defer stop()
	got, err := client.ParseDelivery(t.Context(), request())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("parse delivery = %+v, %v; want %+v", got, err, want)
	}
}

func TestStateThatTheHostDoesNotKnowIsPending(t *testing.T) {
	t.Parallel()
	client, stop := connect(reporter{deliveries: []sdk.Delivery{{MessageID: "m", State: "teleported", Code: "to +4915112345678\n"}}})
	defer stop()
	got, err := client.ParseDelivery(t.Context(), request())
	if err != nil || len(got) != 1 || got[0].State != sdk.Pending {
		t.Fatalf("parse delivery = %+v, %v; want one that is pending", got, err)
	}
	if strings.ContainsAny(got[0].Code, "\n") || strings.Contains(got[0].Code, "15112345678") {
		t.Errorf("the code is not fit for a log: %q", got[0].Code)
	}
}

func TestRefusalTravels(t *testing.T) {
	t.Parallel()
	for _, want := range []error{sdk.ErrUnsigned, sdk.ErrForeign, sdk.ErrMalformedReport} {
		client, stop := connect(reporter{err: want})
		defer stop()
		_, err := client.ParseDelivery(t.Context(), request())
		if !errors.Is(err, want) || !sdk.Answered(err) {
			t.Errorf("error = %v, want %v, answered", err, want)
		}
	}
}

func TestReportThatCannotBeVerifiedNow(t *testing.T) {
	t.Parallel()
	want := sdk.Error{Kind: sdk.RateLimited, RetryAfter: time.Minute}
	client, stop := connect(reporter{err: &want})
	defer stop()
	_, err := client.ParseDelivery(t.Context(), request())
	var got *sdk.Error
	if !errors.As(err, &got) || *got != want {
		t.Errorf("error = %v, want %v", err, &want)
	}
}

func TestMalformedDeliveryIsThePluginsFault(t *testing.T) {
	t.Parallel()
	for name, d := range map[string][]sdk.Delivery{
		"NoID":          {{State: sdk.Delivered}},
		"StrangeID":     {{MessageID: "a b", State: sdk.Delivered}},
		"LongID":        {{ProviderID: strings.Repeat("x", 201), State: sdk.Delivered}},
		"UnprintableID": {{ProviderID: "x\nerror: y", State: sdk.Delivered}},
		"TooMany":       slices.Repeat([]sdk.Delivery{{MessageID: "m-1", State: sdk.Delivered}}, 101),
	} {
		client, stop := connect(reporter{deliveries: d})
		defer stop()
		_, err := client.ParseDelivery(t.Context(), request())
		if !errors.Is(err, sdk.ErrMalformedReply) || sdk.Answered(err) {
			t.Errorf("%s: error = %v, want ErrMalformedReply, not answered", name, err)
		}
	}
}

func TestRequestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*sdk.Request)
		ok     bool
	}{
		"Whole":       {func(*sdk.Request) {}, true},
		"NoBody":      {func(r *sdk.Request) { r.Body, r.Header = nil, nil }, true},
		"LargestBody": {func(r *sdk.Request) { r.Body = make([]byte, sdk.MaxRequestBody) }, true},
		"LargerBody":  {func(r *sdk.Request) { r.Body = make([]byte, sdk.MaxRequestBody+1) }, false},
		"LargeHeader": {func(r *sdk.Request) { r.Header.Set("X", strings.Repeat("x", sdk.MaxRequestHead)) }, false},
		"LongURL":     {func(r *sdk.Request) { r.URL += strings.Repeat("x", sdk.MaxRequestHead) }, false},
		"NotUTF8":     {func(r *sdk.Request) { r.Header.Set("X", "\xff") }, false},
		"NoMethod":    {func(r *sdk.Request) { r.Method = "" }, false},
		"LowerMethod": {func(r *sdk.Request) { r.Method = "post" }, false},
		"PathOnly":    {func(r *sdk.Request) { r.URL = "/a?b" }, false},
		"NoURL":       {func(r *sdk.Request) { r.URL = "" }, false},
		"OtherScheme": {func(r *sdk.Request) { r.URL = "file:///etc/passwd" }, false},
	} {
		r := request()
		c.change(&r)
		if err := r.Check(); (err == nil) != c.ok || err != nil && !errors.Is(err, sdk.ErrMalformedReport) {
			t.Errorf("%s: Check = %v, want ok %v", name, err, c.ok)
		}
	}
	r := request()
	r.Body = make([]byte, 1<<20)
	client, stop := connect(reporter{})
	defer stop()
	if _, err := client.ParseDelivery(t.Context(), r); !errors.Is(err, sdk.ErrMalformedReport) {
		t.Errorf("a request of a megabyte: %v, want ErrMalformedReport before it leaves", err)
	}
}
