package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/conformance"
	"siegel/plugins/sms/lox24/fake"
)

const token = "1234567:0a1b2c3d4e5f-hunter2"

// binary is the built plugin; only TestMain writes it.
var binary string

func TestMain(m *testing.M) { os.Exit(conformance.Build(m, "lox24", &binary)) }

func provider(t *testing.T) (*fake.LOX24, string) {
	t.Helper()
	l := fake.New(token, 1000)
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return l, server.URL
}

func settings(url string) map[string]any {
	return map[string]any{"token": token, "sender": "Siegel", "base_url": url}
}

// setup is the plugin, configured for a fake of its own.
func setup(t *testing.T) (*fake.LOX24, *sdk.Client) {
	t.Helper()
	l, url := provider(t)
	client := conformance.Open(t, binary)
	conformance.Configure(t, client, settings(url))
	return l, client
}

func message() sdk.Message {
	return sdk.Message{ID: "msg-1", To: "+4915112345678", Sender: "Praxis", Text: "Ihr Code: 123456"}
}

func post(body []byte) sdk.Request {
	return sdk.Request{
		Method: http.MethodPost, URL: "https://reports.example/sms/lox24/2b7c",
		Header: http.Header{"Content-Type": {"application/json"}}, Body: body,
	}
}

func wantKind(t *testing.T, err error, want sdk.Kind) *sdk.Error {
	t.Helper()
	return conformance.WantError(t, err, want, "hunter2", "15112345678", "123456", "127.0.0.1")
}

func TestConformance(t *testing.T) {
	t.Parallel()
	l, url := provider(t)
	conformance.SMS(t, conformance.Open(t, binary), conformance.Provider{
		Settings: settings(url + "/"),
		Sender:   "Praxis",
		Received: func(text string) int {
			n := 0
			for _, m := range l.Messages() {
				if m.Text == text {
					n++
				}
			}
			return n
		},
		Report: func(_ string, r sdk.Receipt) sdk.Request {
			l.Update(r.ProviderID, 100, 1)
			return post(l.Webhook(r.ProviderID))
		},
		Forged: func(string, sdk.Receipt) []sdk.Request {
			return []sdk.Request{
				post(fake.Event("sms.delivery", map[string]any{"id": "9fe26332-cdbe-11ee-8d61-7c10c91d54a5", "dlr_code": 1})),
				post(fake.Event("sms.delivery", map[string]any{"id": "../me", "dlr_code": 1})),
				post(fake.Event("sms.delivery", map[string]any{"id": 7})),
			}
		},
		Balance: func() sdk.Balance { return sdk.Balance{Micros: l.Micros(), Currency: "EUR"} },
	})
}

func TestSendHandsOverTheWholeMessageAndHasItsTextDeleted(t *testing.T) {
	t.Parallel()
	l, client := setup(t)
	m := message()
	r, err := client.Send(t.Context(), m)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	got := l.Messages()[0]
	want := fake.Message{
		UUID: r.ProviderID, Sender: m.Sender, Phone: m.To, ServiceCode: "direct", CallbackData: m.ID, Text: m.Text, Kept: "", Status: 100,
	}
	if got != want || r.Parts != 1 {
		t.Errorf("LOX24 has %+v, want %+v; receipt %+v", got, want, r)
	}
}

func TestSendUsesTheSettings(t *testing.T) {
	t.Parallel()
	l, url := provider(t)
	client := conformance.Open(t, binary)
	with := settings(url)
	with["service_code"] = "economy"
	conformance.Configure(t, client, with)
	m := message()
	m.Sender = ""
	if _, err := client.Send(t.Context(), m); err != nil {
		t.Fatalf("send: %v", err)
	}
	if got := l.Messages()[0]; got.Sender != "Siegel" || got.ServiceCode != "economy" {
		t.Errorf("LOX24 has sender %q and route %q, want Siegel and economy", got.Sender, got.ServiceCode)
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	client := conformance.Open(t, binary)
	for name, change := range map[string]func(map[string]any){
		"NoToken":          func(s map[string]any) { delete(s, "token") },
		"TokenWithNewLine": func(s map[string]any) { s["token"] = "1234567:hunter2\n" },
		"TokenNumber":      func(s map[string]any) { s["token"] = 1234567 },
		"NoSender":         func(s map[string]any) { delete(s, "sender") },
		"LongSender":       func(s map[string]any) { s["sender"] = "TwelveLetter" },
		"SpokenText":       func(s map[string]any) { s["service_code"] = "text2speech" },
		"PlainHTTP":        func(s map[string]any) { s["base_url"] = "http://api.lox24.eu" },
		"Password":         func(s map[string]any) { s["base_url"] = "https://a:hunter2@api.lox24.eu" },
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

func TestDryRunIsCheckedByLOX24(t *testing.T) {
	t.Parallel()
	l, client := setup(t)
	if _, err := client.DryRun(t.Context(), message()); err != nil {
		t.Fatalf("dry run: %v", err)
	}
	if l.Requests() != 1 || len(l.Messages()) != 0 {
		t.Errorf("LOX24 was asked %d times and took %d messages, want 1 and 0", l.Requests(), len(l.Messages()))
	}
	poor := fake.New(token, 0)
	server := httptest.NewServer(poor)
	t.Cleanup(server.Close)
	conformance.Configure(t, client, settings(server.URL))
	_, err := client.DryRun(t.Context(), message())
	wantKind(t, err, sdk.Funds)
}

func TestRefusalsOfTheRealRules(t *testing.T) {
	t.Parallel()
	l, client := setup(t)
	for name, c := range map[string]struct {
		change func(*sdk.Message)
		want   sdk.Kind
	}{
		"LongText":    {func(m *sdk.Message) { m.Text = strings.Repeat("ж", 671) }, sdk.Content},
		"LongSeptets": {func(m *sdk.Message) { m.Text = strings.Repeat("€", 766) }, sdk.Content},
	} {
		m := message()
		c.change(&m)
		if _, err := client.Send(t.Context(), m); err == nil {
			t.Errorf("%s: sent", name)
		} else {
			wantKind(t, err, c.want)
		}
	}
	if l.Requests() != 0 {
		t.Errorf("LOX24 was asked %d times about what it cannot take", l.Requests())
	}
	m := message()
	m.Text = strings.Repeat("ж", 670)
	if r, err := client.Send(t.Context(), m); err != nil || r.Parts != 10 {
		t.Errorf("send = %+v, %v; want ten parts", r, err)
	}
}

func TestSendSaysWhoseFaultAnAnswerIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   sdk.Error // kind and pause
	}{
		"OtherSuccess":     {200, `{"uuid":"9fe26332-cdbe-11ee-8d61-7c10c91d54a5"}`, sdk.Error{Kind: sdk.Unknown}},
		"NoContent":        {204, ``, sdk.Error{Kind: sdk.Unknown}},
		"Redirect":         {302, ``, sdk.Error{Kind: sdk.Unknown}},
		"Unexplained":      {400, `{"detail":"+4915112345678: no"}`, sdk.Error{Kind: sdk.Unknown}},
		"Phone":            {422, `{"violations":[{"propertyPath":"phone","message":"+4915112345678"}]}`, sdk.Error{Kind: sdk.InvalidRecipient}},
		"Sender":           {400, `{"detail":"sender_id: not allowed"}`, sdk.Error{Kind: sdk.InvalidSender}},
		"Text":             {422, `{"violations":[{"propertyPath":"x"},{"propertyPath":"text"}]}`, sdk.Error{Kind: sdk.Content}},
		"Service":          {422, `{"detail":"service_code: not booked"}`, sdk.Error{Kind: sdk.BadSettings}},
		"NotJSON":          {422, `<html>`, sdk.Error{Kind: sdk.Unknown}},
		"WrongToken":       {401, ``, sdk.Error{Kind: sdk.Auth}},
		"NoFunds":          {402, ``, sdk.Error{Kind: sdk.Funds}},
		"Inactive":         {403, ``, sdk.Error{Kind: sdk.Auth}},
		"Blocked":          {429, ``, sdk.Error{Kind: sdk.RateLimited, RetryAfter: 10 * time.Minute}},
		"OutOfOrder":       {503, `+4915112345678`, sdk.Error{Kind: sdk.Temporary}},
		"CountryBlocked":   {201, `{"uuid":"9fe26332-cdbe-11ee-8d61-7c10c91d54a5","status_code":208}`, sdk.Error{Kind: sdk.Blocked}},
		"Maintenance":      {201, `{"uuid":"9fe26332-cdbe-11ee-8d61-7c10c91d54a5","status_code":400}`, sdk.Error{Kind: sdk.Temporary}},
		"Landline":         {201, `{"uuid":"9fe26332-cdbe-11ee-8d61-7c10c91d54a5","status_code":2000}`, sdk.Error{Kind: sdk.InvalidRecipient}},
		"FundsJustEnded":   {201, `{"uuid":"9fe26332-cdbe-11ee-8d61-7c10c91d54a5","status_code":3000}`, sdk.Error{Kind: sdk.Funds}},
		"NoSuchOperator":   {201, `{"uuid":"9fe26332-cdbe-11ee-8d61-7c10c91d54a5","status_code":5000}`, sdk.Error{Kind: sdk.InvalidRecipient}},
		"StoppedByAccount": {201, `{"uuid":"9fe26332-cdbe-11ee-8d61-7c10c91d54a5","status_code":410}`, sdk.Error{Kind: sdk.Blocked}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, client := setup(t)
			l.Instead(func(w http.ResponseWriter, _ *http.Request) {
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
		"Nothing": "", "Garbage": "\x00\xff{", "NoID": "{}", "StrangeID": `{"uuid":"\n"}`, "Huge": strings.Repeat(" ", 10<<20) + "{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, client := setup(t)
			l.Instead(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, body)
			})
			if r, err := client.Send(t.Context(), message()); err != nil || r != (sdk.Receipt{Parts: 1}) {
				t.Errorf("send = %+v, %v; want a receipt without an id", r, err)
			}
		})
	}
}

func TestWrongTokenIsNotShownAgain(t *testing.T) {
	t.Parallel()
	l, url := provider(t)
	client := conformance.Open(t, binary)
	wrong := settings(url)
	wrong["token"] = "1234567:not-the-token"
	conformance.Configure(t, client, wrong)
	for range 5 {
		_, err := client.Send(t.Context(), message())
		wantKind(t, err, sdk.Auth)
	}
	if _, err := client.Balance(t.Context()); err == nil {
		t.Error("the balance of an account that refuses the token")
	}
	if l.Requests() != 1 {
		t.Errorf("LOX24 saw the wrong token %d times, want once: the fourth blocks the address", l.Requests())
	}
	conformance.Configure(t, client, settings(url)) // new settings are tried at once
	if _, err := client.Send(t.Context(), message()); err != nil {
		t.Errorf("send with the right token: %v", err)
	}
}

func TestSendEndsWithItsDeadline(t *testing.T) {
	t.Parallel()
	l, client := setup(t)
	conformance.SendEndsWithItsDeadline(t, client, message(), l.Instead)
}

func TestReportIsWhatLOX24SaysAndNotTheWebhook(t *testing.T) {
	t.Parallel()
	l, client := setup(t)
	m := message()
	r, err := client.Send(t.Context(), m)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	for _, c := range []struct {
		status, delivery int
		want             sdk.DeliveryState
	}{
		{0, 0, sdk.Pending},
		{100, 0, sdk.Pending}, // an operator has it, nobody else
		{100, 2, sdk.Pending},
		{100, 4, sdk.Pending},
		{100, 1, sdk.Delivered},
		{100, 8, sdk.Expired},
		{100, 16, sdk.Failed},
		{208, 0, sdk.Failed},
		{3000, 0, sdk.Failed},
		{100, 77, sdk.Pending}, // of the future
	} {
		l.Update(r.ProviderID, c.status, c.delivery)
		lie := post(fake.Event("sms.delivery", map[string]any{
			"id": strings.ToUpper(r.ProviderID), "dlr_code": 1, "status_code": 100, "callback_data": "somebody-elses",
		}))
		got, err := client.ParseDelivery(t.Context(), lie)
		if err != nil || len(got) != 1 || got[0].State != c.want || got[0].MessageID != m.ID || got[0].ProviderID != r.ProviderID {
			t.Errorf("status %d, delivery %d: %+v, %v; want %q of %s", c.status, c.delivery, got, err, c.want, m.ID)
		}
	}
}

func TestReportOfAnotherKindIsForgotten(t *testing.T) {
	t.Parallel()
	l, client := setup(t)
	for _, name := range []string{"sms.delivery.dryrun", "sms.inbox", "account.balance"} {
		got, err := client.ParseDelivery(t.Context(), post(fake.Event(name, map[string]any{"id": "x"})))
		if err != nil || got != nil {
			t.Errorf("%s: %v, %v; want nothing", name, got, err)
		}
	}
	if l.Requests() != 0 {
		t.Errorf("LOX24 was asked %d times for nothing", l.Requests())
	}
}

func TestReportThatCannotBeVerifiedNow(t *testing.T) {
	t.Parallel()
	l, client := setup(t)
	r, err := client.Send(t.Context(), message())
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	hook := post(l.Webhook(r.ProviderID))
	for status, want := range map[int]sdk.Kind{500: sdk.Temporary, 429: sdk.RateLimited, 403: sdk.Auth, 200: sdk.Unknown} {
		l.Instead(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"uuid":"9fe26332-cdbe-11ee-8d61-7c10c91d54a5","dlr_code":1}`)
		})
		got, err := client.ParseDelivery(t.Context(), hook)
		wantKind(t, err, want)
		if got != nil {
			t.Errorf("status %d: %+v is believed", status, got)
		}
	}
}

// LOX24's account may have sent messages that are not the host's.
func TestReportWithSomebodyElsesCallbackData(t *testing.T) {
	t.Parallel()
	l, client := setup(t)
	const id = "9fe26332-cdbe-11ee-8d61-7c10c91d54a5"
	l.Instead(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"uuid":"`+id+`","dlr_code":1,"status_code":100,"callback_data":"Frau Müller, 015112345678"}`)
	})
	got, err := client.ParseDelivery(t.Context(), post(fake.Event("sms.delivery", map[string]any{"id": id})))
	if err != nil || len(got) != 1 || got[0].MessageID != "" || got[0].ProviderID != id {
		t.Errorf("parse delivery = %+v, %v; want the uuid alone", got, err)
	}
}

func TestBalanceThatIsNone(t *testing.T) {
	t.Parallel()
	l, client := setup(t)
	for _, body := range []string{``, `{}`, `{"balance_amount":"much","currency":"EUR"}`, `{"balance_amount":1}`, `{"balance_amount":1,"currency":"Euro"}`} {
		l.Instead(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		_, err := client.Balance(t.Context())
		wantKind(t, err, sdk.Unknown)
	}
}
