package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/conformance"
	"siegel/plugins/sms/seven/fake"
)

const (
	key     = "0a1b2c3d4e5f-hunter2"
	secret  = "signing-hunter2"
	hookURL = "https://reports.example:8443/sms/seven/2b7c?tenant=a%20b"
)

// binary is the built plugin; only TestMain writes it.
var binary string

func TestMain(m *testing.M) { os.Exit(conformance.Build(m, "seven", &binary)) }

func provider(t *testing.T) (*fake.Seven, string) {
	t.Helper()
	s := fake.New(key, secret, 1000)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL + "/api"
}

func settings(url string) map[string]any {
	return map[string]any{"api_key": key, "signing_secret": secret, "base_url": url}
}

// setup is the plugin, configured for a fake of its own.
func setup(t *testing.T) (*fake.Seven, *sdk.Client) {
	t.Helper()
	s, url := provider(t)
	client := conformance.Open(t, binary)
	conformance.Configure(t, client, settings(url))
	return s, client
}

func message() sdk.Message {
	return sdk.Message{ID: "msg-1", To: "+4915112345678", Sender: "Praxis", Text: "Ihr Code: 123456"}
}

// hook is a request that s has signed.
func hook(s *fake.Seven, body []byte) sdk.Request {
	return sdk.Request{Method: http.MethodPost, URL: hookURL, Header: s.Sign(http.MethodPost, hookURL, body), Body: body}
}

func wantKind(t *testing.T, err error, want sdk.Kind) *sdk.Error {
	t.Helper()
	return conformance.WantError(t, err, want, "hunter2", "15112345678", "123456", "127.0.0.1")
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"Objects": false, "BareCodes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, url := provider(t)
			s.Plain = plain
			conformance.SMS(t, conformance.Open(t, binary), conformance.Provider{
				Settings: settings(url + "/"),
				Sender:   "Praxis",
				Received: func(text string) int {
					n := 0
					for _, m := range s.Messages() {
						if m.Text == text {
							n++
						}
					}
					return n
				},
				Report: func(_ string, r sdk.Receipt) sdk.Request {
					return hook(s, fake.Webhook(r.ProviderID, "DELIVERED"))
				},
				Forged:  func(_ string, r sdk.Receipt) []sdk.Request { return forged(s, r.ProviderID) },
				Balance: func() sdk.Balance { return sdk.Balance{Micros: s.Micros(), Currency: "EUR"} },
			})
		})
	}
}

// forged are requests that seven did not sign as they are, or long ago.
func forged(s *fake.Seven, id string) []sdk.Request {
	body := fake.Webhook(id, "DELIVERED")
	var all []sdk.Request
	for _, change := range []func(*sdk.Request){
		func(r *sdk.Request) { r.Header.Del("X-Signature") },
		func(r *sdk.Request) { r.Header.Set("X-Signature", "") },
		func(r *sdk.Request) { r.Header.Set("X-Signature", strings.Repeat("0", 64)) },
		func(r *sdk.Request) { r.Header.Set("X-Signature", r.Header.Get("X-Signature")[:62]) },
		func(r *sdk.Request) { r.Header.Set("X-Nonce", "another") },
		func(r *sdk.Request) { r.Header.Del("X-Nonce") },
		func(r *sdk.Request) { // a second before the one that was signed
			signed, _ := strconv.ParseInt(r.Header.Get("X-Timestamp"), 10, 64)
			r.Header.Set("X-Timestamp", fmt.Sprint(signed-1))
		},
		func(r *sdk.Request) { r.Header.Set("X-Timestamp", "now") },
		func(r *sdk.Request) { r.Method = http.MethodPut },
		func(r *sdk.Request) { r.URL += "&x=1" },
		func(r *sdk.Request) { r.URL = strings.Replace(r.URL, "reports", "others", 1) },
		func(r *sdk.Request) { r.Body = fake.Webhook(id, "FAILED") },
		func(r *sdk.Request) { r.Body = append(r.Body, ' ') },
	} {
		r := hook(s, body)
		change(&r)
		all = append(all, r)
	}
	for _, drift := range []time.Duration{-301 * time.Second, 310 * time.Second} {
		other := fake.New(key, secret, 0)
		other.Now = func() time.Time { return time.Now().Add(drift) }
		all = append(all, hook(other, body))
	}
	return append(all, hook(fake.New(key, "another-secret", 0), body))
}

func TestForgedReportIsUnsigned(t *testing.T) {
	t.Parallel()
	s, client := setup(t)
	for i, r := range forged(s, "77149000000") {
		if got, err := client.ParseDelivery(t.Context(), r); !errors.Is(err, sdk.ErrUnsigned) {
			t.Errorf("request %d: %+v, %v; want ErrUnsigned", i, got, err)
		}
	}
}

func TestReportIsNotBelievedWithoutASigningKey(t *testing.T) {
	t.Parallel()
	client := conformance.Open(t, binary)
	conformance.Configure(t, client, map[string]any{"api_key": key, "base_url": "http://127.0.0.1:9"})
	_, err := client.ParseDelivery(t.Context(), hook(fake.New(key, secret, 0), fake.Webhook("1", "DELIVERED")))
	wantKind(t, err, sdk.BadSettings) // nothing to verify with
}

func TestReportStates(t *testing.T) {
	t.Parallel()
	s, client := setup(t)
	for status, want := range map[string]sdk.DeliveryState{
		"ACCEPTED": sdk.Pending, "BUFFERED": sdk.Pending, "TRANSMITTED": sdk.Pending, "UNKNOWN": sdk.Pending,
		"DELIVERED": sdk.Delivered, "NOTDELIVERED": sdk.Failed, "FAILED": sdk.Failed, "REJECTED": sdk.Failed,
		"EXPIRED": sdk.Expired, "OFTHEFUTURE": sdk.Pending,
	} {
		got, err := client.ParseDelivery(t.Context(), hook(s, fake.Webhook("77149000000", status)))
		if err != nil || len(got) != 1 || got[0] != (sdk.Delivery{ProviderID: "77149000000", State: want, Code: status}) {
			t.Errorf("%s: %+v, %v; want %q", status, got, err, want)
		}
	}
}

func TestReportInOtherShapes(t *testing.T) {
	t.Parallel()
	s, client := setup(t)
	for name, c := range map[string]struct {
		body string
		want []sdk.Delivery
		err  error
	}{
		"NumericID": {`{"webhook_event":"dlr","data":{"msg_id":77149,"status":"DELIVERED"}}`, []sdk.Delivery{{ProviderID: "77149", State: sdk.Delivered, Code: "DELIVERED"}}, nil},
		"ForeignID": {`{"webhook_event":"dlr","data":{"msg_id":"7","foreign_id":"msg-1","status":"EXPIRED"}}`, []sdk.Delivery{{MessageID: "msg-1", ProviderID: "7", State: sdk.Expired, Code: "EXPIRED"}}, nil},
		"Incoming":  {`{"webhook_event":"sms_mo","data":{"id":"681590","sender":"491771783130","text":"Hallo"}}`, nil, nil},
		"NoEvent":   {`{"data":{"msg_id":"7","status":"DELIVERED"}}`, nil, sdk.ErrMalformedReport},
		"NoID":      {`{"webhook_event":"dlr","data":{"status":"DELIVERED"}}`, nil, sdk.ErrMalformedReport},
		"StrangeID": {`{"webhook_event":"dlr","data":{"msg_id":"a\nb","status":"DELIVERED"}}`, nil, sdk.ErrMalformedReport},
		"NoStatus":  {`{"webhook_event":"dlr","data":{"msg_id":"7"}}`, nil, sdk.ErrMalformedReport},
		"NotJSON":   {`webhook_event=dlr`, nil, sdk.ErrMalformedReport},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := client.ParseDelivery(t.Context(), hook(s, []byte(c.body)))
			if !errors.Is(err, c.err) || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("parse delivery = %+v, %v; want %+v, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestSendHandsOverTheWholeMessage(t *testing.T) {
	t.Parallel()
	s, client := setup(t)
	m := message()
	r, err := client.Send(t.Context(), m)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	want := fake.Message{ID: r.ProviderID, From: m.Sender, To: m.To, Text: m.Text, ForeignID: m.ID}
	if got := s.Messages()[0]; got != want || r.ProviderID == "" || r.Parts != 1 {
		t.Errorf("seven has %+v, want %+v; receipt %+v", got, want, r)
	}
}

func TestSendUsesTheSender(t *testing.T) {
	t.Parallel()
	s, url := provider(t)
	client := conformance.Open(t, binary)
	with := settings(url)
	with["sender"] = "Siegel"
	conformance.Configure(t, client, with)
	m := message()
	m.Sender = ""
	if _, err := client.Send(t.Context(), m); err != nil {
		t.Fatalf("send: %v", err)
	}
	if got := s.Messages()[0].From; got != "Siegel" {
		t.Errorf("sender %q, want Siegel", got)
	}
}

// Its answer was lost: the host repeats it, and the patient gets it once.
func TestRepeatedSendIsTakenOnce(t *testing.T) {
	t.Parallel()
	s, client := setup(t)
	for range 3 {
		if r, err := client.Send(t.Context(), message()); err != nil || r.Parts != 1 {
			t.Errorf("send = %+v, %v; want a receipt", r, err)
		}
	}
	if n := len(s.Messages()); n != 1 {
		t.Errorf("seven took it %d times, want once", n)
	}
}

func TestDryRunIsCheckedBySeven(t *testing.T) {
	t.Parallel()
	s, client := setup(t)
	e, err := client.DryRun(t.Context(), message())
	if err != nil || e.Parts != 1 || s.Requests() != 1 || len(s.Messages()) != 0 {
		t.Errorf("dry run = %+v, %v; seven was asked %d times and took %d messages", e, err, s.Requests(), len(s.Messages()))
	}
	poor := fake.New(key, secret, 0)
	server := httptest.NewServer(poor)
	t.Cleanup(server.Close)
	conformance.Configure(t, client, settings(server.URL+"/api"))
	_, err = client.DryRun(t.Context(), message())
	wantKind(t, err, sdk.Funds)
}

func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	client := conformance.Open(t, binary)
	for name, change := range map[string]func(map[string]any){
		"NoKey":          func(s map[string]any) { delete(s, "api_key") },
		"KeyWithNewLine": func(s map[string]any) { s["api_key"] = "hunter2-hunter2\n" },
		"SecretNumber":   func(s map[string]any) { s["signing_secret"] = 1234567 },
		"ShortSecret":    func(s map[string]any) { s["signing_secret"] = "x" },
		"LongSender":     func(s map[string]any) { s["sender"] = "TwelveLetter" },
		"PlainHTTP":      func(s map[string]any) { s["base_url"] = "http://gateway.seven.io/api" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settings("http://127.0.0.1:9")
			change(s)
			encoded, _ := json.Marshal(s)
			wantKind(t, client.Configure(t.Context(), encoded), sdk.BadSettings)
		})
	}
}

func TestSendSaysWhoseFaultAnAnswerIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   sdk.Error // kind and pause
	}{
		"BareCode":          {200, `900`, sdk.Error{Kind: sdk.Auth}},
		"CodeInQuotes":      {200, "\"900\"\n", sdk.Error{Kind: sdk.Auth}},
		"CodeAsWord":        {200, `{"success":"900"}`, sdk.Error{Kind: sdk.Auth}},
		"CodeAsNumber":      {200, `{"success":900}`, sdk.Error{Kind: sdk.Auth}},
		"WrongSignature":    {200, `901`, sdk.Error{Kind: sdk.Auth}},
		"KeyWithoutRight":   {200, `902`, sdk.Error{Kind: sdk.Auth}},
		"WrongAddress":      {200, `903`, sdk.Error{Kind: sdk.Auth}},
		"Sender":            {200, `201`, sdk.Error{Kind: sdk.InvalidSender}},
		"Recipient":         {200, `202`, sdk.Error{Kind: sdk.InvalidRecipient}},
		"RecipientMissing":  {200, `301`, sdk.Error{Kind: sdk.InvalidRecipient}},
		"TextMissing":       {200, `305`, sdk.Error{Kind: sdk.Content}},
		"TextTooLong":       {200, `401`, sdk.Error{Kind: sdk.Content}},
		"DailyLimit":        {200, `403`, sdk.Error{Kind: sdk.Blocked}},
		"Gateway":           {200, `801`, sdk.Error{Kind: sdk.Temporary}},
		"Funds":             {200, `500`, sdk.Error{Kind: sdk.Funds}},
		"Carrier":           {200, `600`, sdk.Error{Kind: sdk.Temporary}},
		"CarrierAway":       {200, `11`, sdk.Error{Kind: sdk.Temporary}},
		"Unknown":           {200, `700`, sdk.Error{Kind: sdk.Unknown}},
		"OfTheFuture":       {200, `{"success":"777","text":"+4915112345678"}`, sdk.Error{Kind: sdk.Unknown}},
		"PartlyAndNotThis":  {200, `{"success":"101","messages":[{"success":false,"error":"202","error_text":"+4915112345678"}]}`, sdk.Error{Kind: sdk.InvalidRecipient}},
		"AllAndNotThis":     {200, `{"success":100,"messages":[{"success":false,"error":600}]}`, sdk.Error{Kind: sdk.Temporary}},
		"NotThisAndNoCode":  {200, `{"success":100,"messages":[{"success":false,"error":null}]}`, sdk.Error{Kind: sdk.Unknown}},
		"Nothing":           {200, ``, sdk.Error{Kind: sdk.Unknown}},
		"Garbage":           {200, "\x00\xff{", sdk.Error{Kind: sdk.Unknown}},
		"SuccessInSomeWord": {200, `{"success":true}`, sdk.Error{Kind: sdk.Unknown}},
		"Huge":              {200, `{"success":"100","x":"` + strings.Repeat("x", 10<<20) + `"}`, sdk.Error{Kind: sdk.Unknown}},
		"Redirect":          {302, ``, sdk.Error{Kind: sdk.Unknown}},
		"Unauthorized":      {401, ``, sdk.Error{Kind: sdk.Auth}},
		"TooFast":           {429, ``, sdk.Error{Kind: sdk.RateLimited, RetryAfter: 7 * time.Second}},
		"OutOfOrder":        {503, `+4915112345678`, sdk.Error{Kind: sdk.Temporary}},
		"OutOfOrderWith100": {503, `100`, sdk.Error{Kind: sdk.Temporary}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := setup(t)
			s.Instead(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			_, err := client.Send(t.Context(), message())
			if got := wantKind(t, err, c.want.Kind); got.RetryAfter != c.want.RetryAfter {
				t.Errorf("try again after %v, want %v", got.RetryAfter, c.want.RetryAfter)
			}
		})
	}
}

func TestSuccessWithLessThanDocumented(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"Bare": `100`, "NoMessages": `{"success":"100"}`, "Null": `{"success":100,"messages":[{"id":null,"parts":null}]}`,
		"StrangeID": `{"success":"100","messages":[{"id":"a\nb","parts":9999}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := setup(t)
			s.Instead(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
			if r, err := client.Send(t.Context(), message()); err != nil || r != (sdk.Receipt{Parts: 1}) {
				t.Errorf("send = %+v, %v; want a receipt without an id", r, err)
			}
		})
	}
}

func TestDailyLimitOfANumber(t *testing.T) {
	t.Parallel()
	s, client := setup(t)
	s.DailyLimit = 1
	if _, err := client.Send(t.Context(), message()); err != nil {
		t.Fatalf("send: %v", err)
	}
	m := message()
	m.Text = "Ihr Code: 654321"
	_, err := client.Send(t.Context(), m)
	wantKind(t, err, sdk.Blocked)
}

func TestSendEndsWithItsDeadline(t *testing.T) {
	t.Parallel()
	s, client := setup(t)
	conformance.SendEndsWithItsDeadline(t, client, message(), s.Instead)
}

func TestBalance(t *testing.T) {
	t.Parallel()
	s, client := setup(t)
	for body, want := range map[string]sdk.Balance{
		`{"amount":12.345,"currency":"EUR"}`: {Micros: 12_345_000, Currency: "EUR"},
		`{"amount":"-3","currency":"chf"}`:   {Micros: -3_000_000, Currency: "CHF"},
		"12.34\n":                            {Micros: 12_340_000, Currency: "EUR"},
		"900.00":                             {Micros: 900_000_000, Currency: "EUR"},
	} {
		s.Instead(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if got, err := client.Balance(t.Context()); err != nil || got != want {
			t.Errorf("%s: balance = %v, %v; want %v", body, got, err, want)
		}
	}
	for body, want := range map[string]sdk.Kind{
		"900": sdk.Auth, `{"success":"900"}`: sdk.Auth, "": sdk.Unknown, "much": sdk.Unknown, `{"amount":1}`: sdk.Unknown,
	} {
		s.Instead(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		_, err := client.Balance(t.Context())
		wantKind(t, err, want)
	}
}
