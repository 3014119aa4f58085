package conformance

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"siegel/plugins/sdk"
)

// reports wants the fake's report believed and nothing else.
func (s *suite) reports(t *testing.T) {
	ctx := within(t, patience)
	if !s.description.Has(sdk.DeliveryReports) {
		if _, err := s.client.ParseDelivery(ctx, plainRequest()); !errors.Is(err, sdk.ErrUnsupported) {
			t.Errorf("parse delivery without the capability: %v, want ErrUnsupported", err)
		}
		return
	}
	if s.provider.Report == nil || s.provider.Forged == nil {
		t.Fatalf("the plugin names %q: the suite needs Report and Forged", sdk.DeliveryReports)
	}
	m := s.message("conf-report", "conformance report")
	receipt, err := s.client.Send(ctx, m)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	for _, when := range []string{"first", "again"} { // providers repeat reports
		got, err := s.client.ParseDelivery(ctx, s.provider.Report(m.ID, receipt))
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: parse delivery = %+v, %v; want one delivery", when, got, err)
		}
		d := got[0]
		if d.State != sdk.Delivered {
			t.Errorf("%s: state %q, want %q", when, d.State, sdk.Delivered)
		}
		named := d.MessageID == m.ID || receipt.ProviderID != "" && d.ProviderID == receipt.ProviderID
		if !named || d.MessageID != "" && d.MessageID != m.ID || d.ProviderID != "" && d.ProviderID != receipt.ProviderID {
			t.Errorf("%s: the report is about %q and %q, want %q and %q", when, d.MessageID, d.ProviderID, m.ID, receipt.ProviderID)
		}
	}

	forged := s.provider.Forged(m.ID, receipt)
	if len(forged) == 0 {
		t.Error("the suite needs at least one forged report")
	}
	for i, r := range forged {
		s.wantRefused(t, i, r)
	}
	for i, r := range nonsense() {
		s.wantRefused(t, len(forged)+i, r)
	}
	if err := s.client.Configure(ctx, encode(t, s.provider.Settings)); err != nil {
		t.Errorf("configure after forged reports: %v", err)
	}
}

func (s *suite) wantRefused(t *testing.T, i int, r sdk.Request) {
	t.Helper()
	got, err := s.client.ParseDelivery(within(t, patience), r)
	if !errors.Is(err, sdk.ErrUnsigned) && !errors.Is(err, sdk.ErrForeign) && !errors.Is(err, sdk.ErrMalformedReport) {
		t.Errorf("request %d (%s, %d bytes): %+v, %v; want it refused", i, r.Method, len(r.Body), got, err)
	}
}

func plainRequest() sdk.Request {
	return sdk.Request{
		Method: http.MethodPost, URL: "https://reports.example/sms/conformance",
		Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{}`),
	}
}

// nonsense is what anybody on the Internet may send.
func nonsense() []sdk.Request {
	var all []sdk.Request
	for _, change := range []func(*sdk.Request){
		func(r *sdk.Request) { r.Method, r.Header, r.Body = http.MethodGet, nil, nil },
		func(r *sdk.Request) { r.Body = nil },
		func(r *sdk.Request) { r.Body = []byte("\x00\xff{") },
		func(r *sdk.Request) { r.Body = []byte(`[[[[[[[[]]]]]]]]`) },
		func(r *sdk.Request) { r.Body = bytes.Repeat([]byte(`{"data":`), 4000) },
		func(r *sdk.Request) { r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}} },
		func(r *sdk.Request) {
			r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
			r.Body = []byte("%zz&a=%00&&=;")
		},
	} {
		r := plainRequest()
		change(&r)
		all = append(all, r)
	}
	return all
}

func (s *suite) balance(t *testing.T) {
	got, err := s.client.Balance(within(t, patience))
	if !s.description.Has(sdk.AccountBalance) {
		if !errors.Is(err, sdk.ErrUnsupported) {
			t.Errorf("balance without the capability: %v, want ErrUnsupported", err)
		}
		return
	}
	if s.provider.Balance == nil {
		t.Fatalf("the plugin names %q: the suite needs Balance", sdk.AccountBalance)
	}
	if want := s.provider.Balance(); err != nil || got != want {
		t.Errorf("balance = %v, %v; want %v", got, err, want)
	}
}
