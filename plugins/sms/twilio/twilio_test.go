package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/conformance"
	"siegel/plugins/sms/twilio/fake"
)

const (
	sid     = "AC0123456789abcdef0123456789abcdef"
	service = "MG0123456789abcdef0123456789abcdef"
	token   = "0a1b2c3d4e5f-hunter2"
	hookURL = "https://reports.example/sms/twilio/2b7c?tenant=a"
)

// binary is the built plugin; only TestMain writes it.
var binary string

func TestMain(m *testing.M) { os.Exit(conformance.Build(m, "twilio", &binary)) }

func provider(t *testing.T) (*fake.Twilio, string) {
	t.Helper()
	f := fake.New(sid, token, "12.345678")
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server.URL
}

func settings(url string) map[string]any {
	return map[string]any{
		"account_sid": sid, "auth_token": token, "sender": "Siegel", "delivery_url": hookURL, "base_url": url,
	}
}

// setup is the plugin, configured for a fake of its own.
func setup(t *testing.T, change ...func(map[string]any)) (*fake.Twilio, *sdk.Client) {
	t.Helper()
	f, url := provider(t)
	client := conformance.Open(t, binary)
	with := settings(url)
	for _, c := range change {
		c(with)
	}
	conformance.Configure(t, client, with)
	return f, client
}

func message() sdk.Message {
	return sdk.Message{ID: "msg-1", To: "+4915112345678", Sender: "Praxis", Text: "Ihr Code: 123456"}
}

// callback is a request that f has signed, to the address it was given.
func callback(f *fake.Twilio, address string, form url.Values) sdk.Request {
	return sdk.Request{Method: http.MethodPost, URL: address, Header: f.Sign(address, form), Body: []byte(form.Encode())}
}

func wantKind(t *testing.T, err error, want sdk.Kind) *sdk.Error {
	t.Helper()
	return conformance.WantError(t, err, want, "hunter2", "15112345678", "123456", "127.0.0.1", sid)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	f, url := provider(t)
	conformance.SMS(t, conformance.Open(t, binary), conformance.Provider{
		Settings: settings(url + "/"),
		Sender:   "Praxis",
		Received: func(text string) int {
			n := 0
			for _, m := range f.Messages() {
				if m.Body == text {
					n++
				}
			}
			return n
		},
		Report: func(_ string, r sdk.Receipt) sdk.Request {
			for _, m := range f.Messages() {
				if m.SID == r.ProviderID {
					return callback(f, m.StatusCallback, f.Callback(m.SID, "delivered", ""))
				}
			}
			return sdk.Request{}
		},
		Forged:  func(_ string, r sdk.Receipt) []sdk.Request { return forged(f, r.ProviderID) },
		Balance: func() sdk.Balance { return sdk.Balance{Micros: 12_345_678, Currency: "USD"} },
	})
}

// forged are requests that Twilio did not sign as they are.
func forged(f *fake.Twilio, sid string) []sdk.Request {
	var all []sdk.Request
	for _, change := range []func(*sdk.Request){
		func(r *sdk.Request) { r.Header.Del("X-Twilio-Signature") },
		func(r *sdk.Request) { r.Header.Set("X-Twilio-Signature", "") },
		func(r *sdk.Request) { r.Header.Set("X-Twilio-Signature", "?") },
		func(r *sdk.Request) { r.Header.Set("X-Twilio-Signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=") },
		func(r *sdk.Request) { r.URL = strings.Replace(r.URL, "tenant=a", "tenant=b", 1) },
		func(r *sdk.Request) { r.URL += "&message=somebody-elses" },
		func(r *sdk.Request) { r.URL = strings.Replace(r.URL, "https", "http", 1) },
		func(r *sdk.Request) { r.URL = strings.Replace(r.URL, "reports.", "others.", 1) },
		func(r *sdk.Request) { r.Body = []byte(strings.Replace(string(r.Body), "delivered", "failed", 1)) },
		func(r *sdk.Request) { r.Body = append(r.Body, "&ErrorCode=30003"...) },
		func(r *sdk.Request) { r.Body = append(r.Body, "&MessageStatus=failed"...) },
	} {
		r := callback(f, hookURL, f.Callback(sid, "delivered", ""))
		change(&r)
		all = append(all, r)
	}
	return append(all, callback(fake.New(f.AccountSID, "another-token", ""), hookURL, f.Callback(sid, "delivered", "")))
}

func TestForgedReportIsUnsigned(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	for i, r := range forged(f, "SM0123456789abcdef0123456789abcdef") {
		if got, err := client.ParseDelivery(t.Context(), r); !errors.Is(err, sdk.ErrUnsigned) {
			t.Errorf("request %d: %+v, %v; want ErrUnsigned", i, got, err)
		}
	}
}

// Twilio signs the address at times with and at times without its port.
func TestReportSignedWithOrWithoutThePort(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	form := f.Callback("SM0123456789abcdef0123456789abcdef", "delivered", "")
	for _, c := range []struct{ called, signed string }{
		{"https://reports.example/x?a=%2F", "https://reports.example:443/x?a=%2F"},
		{"https://reports.example:443/x?a=%2F", "https://reports.example/x?a=%2F"},
		{"https://reports.example:8443/x", "https://reports.example/x"},
		{"http://reports.example/x", "http://reports.example:80/x"},
	} {
		r := callback(f, c.signed, form)
		r.URL = c.called
		if got, err := client.ParseDelivery(t.Context(), r); err != nil || len(got) != 1 {
			t.Errorf("called %s, signed %s: %+v, %v; want it believed", c.called, c.signed, got, err)
		}
	}
}

func TestReportOfAnotherAccountIsForeign(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	form := f.Callback("SM0123456789abcdef0123456789abcdef", "delivered", "")
	form.Set("AccountSid", strings.Replace(sid, "0", "1", 1))
	if got, err := client.ParseDelivery(t.Context(), callback(f, hookURL, form)); !errors.Is(err, sdk.ErrForeign) {
		t.Errorf("parse delivery = %+v, %v; want ErrForeign", got, err)
	}
}

func TestReportStates(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	const id = "SM0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		status, code string
		want         sdk.DeliveryState
	}{
		{"accepted", "", sdk.Pending}, {"queued", "", sdk.Pending}, {"sending", "", sdk.Pending}, {"sent", "", sdk.Pending},
		{"scheduled", "", sdk.Pending}, {"of-the-future", "", sdk.Pending}, {"delivered", "", sdk.Delivered},
		{"undelivered", "30003", sdk.Failed}, {"failed", "30008", sdk.Failed}, {"canceled", "", sdk.Failed},
		{"failed", "30036", sdk.Expired}, {"delivered", "30036", sdk.Delivered},
	} {
		got, err := client.ParseDelivery(t.Context(), callback(f, hookURL+"&message=msg-1", f.Callback(id, c.status, c.code)))
		want := sdk.Delivery{MessageID: "msg-1", ProviderID: id, State: c.want, Code: strings.TrimSpace(c.status + " " + c.code)}
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s %s: %+v, %v; want %+v", c.status, c.code, got, err, want)
		}
	}
}

func TestReportInOtherShapes(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	const id = "SM0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		change func(url.Values)
		err    error
	}{
		"Incoming":  {func(v url.Values) { v.Del("MessageStatus"); v.Set("SmsStatus", "received"); v.Set("Body", "Hallo") }, nil},
		"NoID":      {func(v url.Values) { v.Del("MessageSid") }, sdk.ErrMalformedReport},
		"StrangeID": {func(v url.Values) { v.Set("MessageSid", "SM\n") }, sdk.ErrMalformedReport},
	} {
		form := f.Callback(id, "delivered", "")
		c.change(form)
		got, err := client.ParseDelivery(t.Context(), callback(f, hookURL, form))
		if !errors.Is(err, c.err) || got != nil {
			t.Errorf("%s: %+v, %v; want nothing, %v", name, got, err, c.err)
		}
	}
	// An address that names no message of ours.
	got, err := client.ParseDelivery(t.Context(), callback(f, "https://reports.example/?message=a%20b", f.Callback(id, "delivered", "")))
	if err != nil || len(got) != 1 || got[0].MessageID != "" || got[0].ProviderID != id {
		t.Errorf("parse delivery = %+v, %v; want the SID alone", got, err)
	}
}

func TestSendHandsOverTheWholeMessage(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	m := message()
	r, err := client.Send(t.Context(), m)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	want := fake.Message{
		SID: r.ProviderID, From: m.Sender, To: m.To, Body: m.Text,
		StatusCallback: "https://reports.example/sms/twilio/2b7c?message=msg-1&tenant=a",
	}
	if got := f.Messages()[0]; got != want || r.ProviderID == "" || r.Parts != 1 {
		t.Errorf("Twilio has %+v, want %+v; receipt %+v", got, want, r)
	}
}

func TestSenderOfAMessageThatNamesNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change        func(map[string]any)
		from, service string
	}{
		"Name":    {func(map[string]any) {}, "Siegel", ""},
		"Service": {func(s map[string]any) { delete(s, "sender"); s["messaging_service_sid"] = service }, "", service},
		"Both":    {func(s map[string]any) { s["messaging_service_sid"] = service }, "", service},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, client := setup(t, c.change)
			m := message()
			m.Sender, m.Text = "", strings.Repeat("a", 161)
			r, err := client.Send(t.Context(), m)
			if err != nil || r.Parts != 2 { // also where Twilio says 0
				t.Fatalf("send = %+v, %v; want two parts", r, err)
			}
			if got := f.Messages()[0]; got.From != c.from || got.ServiceSID != c.service {
				t.Errorf("from %q, service %q; want %q, %q", got.From, got.ServiceSID, c.from, c.service)
			}
		})
	}
}

func TestWithoutAnAddressThereAreNoReports(t *testing.T) {
	t.Parallel()
	f, client := setup(t, func(s map[string]any) { delete(s, "delivery_url") })
	if _, err := client.Send(t.Context(), message()); err != nil {
		t.Fatalf("send: %v", err)
	}
	if got := f.Messages()[0].StatusCallback; got != "" {
		t.Errorf("Twilio was told to report to %q", got)
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	client := conformance.Open(t, binary)
	for name, change := range map[string]func(map[string]any){
		"NoSID":            func(s map[string]any) { delete(s, "account_sid") },
		"SIDWithPath":      func(s map[string]any) { s["account_sid"] = sid + "/../x" },
		"KeySID":           func(s map[string]any) { s["account_sid"] = "SK" + sid[2:] },
		"NoToken":          func(s map[string]any) { delete(s, "auth_token") },
		"TokenWithNewLine": func(s map[string]any) { s["auth_token"] = token + "\n" },
		"NoSender":         func(s map[string]any) { delete(s, "sender") },
		"ShortSender":      func(s map[string]any) { s["sender"] = "S" },
		"StrangeService":   func(s map[string]any) { s["messaging_service_sid"] = "MG1" },
		"PlainHTTP":        func(s map[string]any) { s["base_url"] = "http://api.twilio.com" },
		"PlainReports":     func(s map[string]any) { s["delivery_url"] = "http://reports.example" },
		"RelativeReports":  func(s map[string]any) { s["delivery_url"] = "/reports" },
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

func TestRefusalsOfTheRealRules(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	m := message()
	m.Sender = "S"
	_, err := client.Send(t.Context(), m)
	wantKind(t, err, sdk.InvalidSender)
	_, err = client.DryRun(t.Context(), m)
	wantKind(t, err, sdk.InvalidSender)
	if f.Requests() != 0 {
		t.Errorf("Twilio was asked %d times about what it cannot take", f.Requests())
	}
	f.OptedOut = []string{message().To}
	_, err = client.Send(t.Context(), message())
	wantKind(t, err, sdk.Blocked)
}

func TestTooManyInASecond(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	f.PerSecond = 1
	now := time.Now()
	f.Now = func() time.Time { return now }
	if _, err := client.Send(t.Context(), message()); err != nil {
		t.Fatalf("send: %v", err)
	}
	_, err := client.Send(t.Context(), message())
	if got := wantKind(t, err, sdk.RateLimited); got.RetryAfter <= 0 {
		t.Errorf("try again after %v, want a pause", got.RetryAfter)
	}
}

func TestWrongTokenIsAuth(t *testing.T) {
	t.Parallel()
	_, client := setup(t, func(s map[string]any) { s["auth_token"] = "hunter2-not-the-token" })
	_, err := client.Send(t.Context(), message())
	wantKind(t, err, sdk.Auth)
	_, err = client.Balance(t.Context())
	wantKind(t, err, sdk.Auth)
}

func TestSendSaysWhoseFaultAnAnswerIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   sdk.Error // kind and pause
	}{
		"OtherSuccess": {200, `{"sid":"SM0123456789abcdef0123456789abcdef"}`, sdk.Error{Kind: sdk.Unknown}},
		"Redirect":     {307, ``, sdk.Error{Kind: sdk.Unknown}},
		"Recipient":    {400, `{"code":21211,"message":"The 'To' number +4915112345678 is not valid"}`, sdk.Error{Kind: sdk.InvalidRecipient}},
		"Landline":     {400, `{"code":21614}`, sdk.Error{Kind: sdk.InvalidRecipient}},
		"Sender":       {400, `{"code":21606}`, sdk.Error{Kind: sdk.InvalidSender}},
		"Region":       {400, `{"code":21408}`, sdk.Error{Kind: sdk.Blocked}},
		"OptedOut":     {400, `{"code":21610}`, sdk.Error{Kind: sdk.Blocked}},
		"Text":         {400, `{"code":21617}`, sdk.Error{Kind: sdk.Content}},
		"Reports":      {400, `{"code":21609}`, sdk.Error{Kind: sdk.BadSettings}},
		"DayFull":      {429, `{"code":63038}`, sdk.Error{Kind: sdk.RateLimited, RetryAfter: 7 * time.Second}},
		"GatewayAway":  {400, `{"code":30410}`, sdk.Error{Kind: sdk.Temporary}},
		"NotOurNumber": {400, `{"code":21601}`, sdk.Error{Kind: sdk.InvalidSender}},
		"QueueFull":    {400, `{"code":21611}`, sdk.Error{Kind: sdk.RateLimited, RetryAfter: 7 * time.Second}},
		"OfTheFuture":  {400, `{"code":29999,"message":"+4915112345678"}`, sdk.Error{Kind: sdk.Unknown}},
		"Token":        {401, `{"code":20003}`, sdk.Error{Kind: sdk.Auth}},
		"NoCode":       {401, `Authenticate`, sdk.Error{Kind: sdk.Auth}},
		"Suspended":    {403, `{"code":20005}`, sdk.Error{Kind: sdk.Auth}},
		"Account":      {404, `{"code":20404}`, sdk.Error{Kind: sdk.BadSettings}},
		"TooFast":      {429, `{"code":20429}`, sdk.Error{Kind: sdk.RateLimited, RetryAfter: 7 * time.Second}},
		"OutOfOrder":   {503, `+4915112345678`, sdk.Error{Kind: sdk.Temporary}},
		"Huge":         {500, strings.Repeat("x", 10<<20), sdk.Error{Kind: sdk.Temporary}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, client := setup(t)
			f.Instead(func(w http.ResponseWriter, _ *http.Request) {
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

// The message was taken: an error would have it sent a second time.
func TestUnreadableAnswerOfSuccessIsStillASuccess(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"Nothing": "", "Garbage": "\x00\xff{", "StrangeSID": `{"sid":"SM1\n"}`, "Huge": strings.Repeat(" ", 10<<20) + "{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, client := setup(t)
			f.Instead(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, body)
			})
			if r, err := client.Send(t.Context(), message()); err != nil || r != (sdk.Receipt{Parts: 1}) {
				t.Errorf("send = %+v, %v; want a receipt without an id", r, err)
			}
		})
	}
}

func TestSendEndsWithItsDeadline(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	conformance.SendEndsWithItsDeadline(t, client, message(), f.Instead)
}

func TestBalanceThatIsNone(t *testing.T) {
	t.Parallel()
	f, client := setup(t)
	f.Instead(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"account_sid":"`+sid+`","balance":null,"currency":null}`)
	})
	if b, err := client.Balance(t.Context()); !errors.Is(err, sdk.ErrUnsupported) { // a subaccount
		t.Errorf("balance = %v, %v; want ErrUnsupported", b, err)
	}
	for _, body := range []string{``, `{}`, `{"account_sid":"` + sid + `","balance":"much","currency":"USD"}`, `{"account_sid":"AC","balance":"1","currency":"USD"}`} {
		f.Instead(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		_, err := client.Balance(t.Context())
		wantKind(t, err, sdk.Unknown)
	}
}
