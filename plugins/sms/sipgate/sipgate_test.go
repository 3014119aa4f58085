package main_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/conformance"
	"siegel/plugins/sms/sipgate/fake"
)

var binary string

func TestMain(m *testing.M) { os.Exit(conformance.Build(m, "sipgate", &binary)) }

const (
	tokenID = "token-AB12CD"
	token   = "hunter2-hunter2"
)

func provider(t *testing.T, left int) (*fake.Sipgate, map[string]any) {
	t.Helper()
	f := fake.New(tokenID, token, left)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, map[string]any{"token_id": tokenID, "token": token, "base_url": server.URL + "/v2"}
}

func setup(t *testing.T, left int) (*fake.Sipgate, *sdk.Client) {
	t.Helper()
	f, settings := provider(t, left)
	client := conformance.Open(t, binary)
	conformance.Configure(t, client, settings)
	return f, client
}

func message() sdk.Message {
	return sdk.Message{ID: "msg-1", To: "+4915112345678", Text: "Ihr Code: 123456"}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	f, settings := provider(t, 1000)
	conformance.SMS(t, conformance.Open(t, binary), conformance.Provider{
		Settings: settings,
		Received: func(text string) (n int) {
			for _, m := range f.Messages() {
				if m.Message == text {
					n++
				}
			}
			return n
		},
	})
}

func TestSendHandsOverTheWholeMessage(t *testing.T) {
	t.Parallel()
	f, client := setup(t, 1)
	r, err := client.Send(t.Context(), message())
	if err != nil || r != (sdk.Receipt{Parts: 1}) {
		t.Fatalf("send = %+v, %v; want one part and no id", r, err)
	}
	if got := f.Messages()[0]; got != (fake.Message{SMSID: "s0", Recipient: "+4915112345678", Message: "Ihr Code: 123456"}) {
		t.Errorf("sipgate has %+v", got)
	}
	_, err = client.Send(t.Context(), message())
	conformance.WantError(t, err, sdk.Funds)
}

func TestSendSaysWhoseFaultAnAnswerIs(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]sdk.Kind{
		400: sdk.InvalidRecipient, 401: sdk.Auth, 402: sdk.Funds, 403: sdk.Auth, 404: sdk.BadSettings, 405: sdk.BadSettings,
		415: sdk.BadSettings, 429: sdk.RateLimited, 500: sdk.Temporary, 503: sdk.Temporary, 302: sdk.Unknown, 418: sdk.Unknown,
	} {
		f, client := setup(t, 1)
		f.Instead(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"message":"+4915112345678 hunter2"}`)
		})
		_, err := client.Send(t.Context(), message())
		got := conformance.WantError(t, err, want, "4915112345678", "hunter2")
		if want == sdk.RateLimited && got.RetryAfter != 7*time.Second {
			t.Errorf("try again after %v, want 7s", got.RetryAfter)
		}
	}
}

// Which 2xx it is, is not documented.
func TestEverySuccessCounts(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 202, 204} {
		f, client := setup(t, 1)
		f.Instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if r, err := client.Send(t.Context(), message()); err != nil || r.Parts != 1 {
			t.Errorf("status %d: send = %+v, %v", status, r, err)
		}
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	client := conformance.Open(t, binary)
	for _, settings := range []string{
		`{}`, `{"token_id":"a:b","token":"hunter2-hunter2"}`, `{"token_id":"a","token":"hunter2\n"}`,
		`{"token_id":"a","token":"hunter2-hunter2","sms_id":"w0"}`,
		`{"token_id":"a","token":"hunter2-hunter2","base_url":"http://api.sipgate.com/v2"}`,
	} {
		conformance.WantError(t, client.Configure(t.Context(), sdk.Settings(settings)), sdk.BadSettings, "hunter2")
	}
}

func TestSendEndsWithItsDeadline(t *testing.T) {
	t.Parallel()
	f, client := setup(t, 1)
	conformance.SendEndsWithItsDeadline(t, client, message(), f.Instead)
}
