package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/conformance"
)

// binary is the built plugin; only TestMain writes it.
var binary string

func TestMain(m *testing.M) { os.Exit(conformance.Build(m, "loopback", &binary)) }

// mailbox takes messages as the real one does, and answers with answer where
// that is set.
type mailbox struct {
	url    string
	answer http.HandlerFunc

	mu       sync.Mutex
	received []map[string]string
}

func newMailbox(t *testing.T) *mailbox {
	m := &mailbox{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.answer != nil {
			m.answer(w, r)
			return
		}
		var message map[string]string
		if r.Method != http.MethodPost || r.URL.Path != "/sms" || r.Header.Get("Content-Type") != "application/json" ||
			json.NewDecoder(r.Body).Decode(&message) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		m.mu.Lock()
		m.received = append(m.received, message)
		m.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	m.url = server.URL
	return m
}

func (m *mailbox) count(text string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, message := range m.received {
		if message["text"] == text {
			n++
		}
	}
	return n
}

func configured(t *testing.T, url string) sdk.SMS {
	t.Helper()
	client := conformance.Open(t, binary)
	if err := client.Configure(t.Context(), sdk.Settings(`{"url":"`+url+`"}`)); err != nil {
		t.Fatalf("configure: %v", err)
	}
	return client
}

func message() sdk.Message {
	return sdk.Message{ID: "msg-1", To: "+4915112345678", Sender: "Praxis", Text: "Ihr Code: 123456"}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	box := newMailbox(t)
	conformance.SMS(t, conformance.Open(t, binary), conformance.Provider{
		Settings: map[string]any{"url": box.url + "/"},
		Sender:   "Praxis",
		Received: box.count,
	})
}

func TestSendHandsOverTheWholeMessage(t *testing.T) {
	t.Parallel()
	box := newMailbox(t)
	if _, err := configured(t, box.url).Send(t.Context(), message()); err != nil {
		t.Fatalf("send: %v", err)
	}
	box.mu.Lock()
	defer box.mu.Unlock()
	got, _ := json.Marshal(box.received)
	want := `[{"from":"Praxis","message_id":"msg-1","text":"Ihr Code: 123456","to":"+4915112345678"}]`
	if string(got) != want {
		t.Errorf("the mailbox received %s, want %s", got, want)
	}
}

func TestConfigureTakesLoopbackAddressesOnly(t *testing.T) {
	t.Parallel()
	client := conformance.Open(t, binary)
	for url, ok := range map[string]bool{
		"http://127.0.0.1:8025":           true,
		"http://127.8.9.10:8025/mailbox/": true,
		"http://[::1]:8025":               true,
		"http://localhost:8025":           true,
		"http://192.0.2.1:8025":           false,
		"http://0.0.0.0:8025":             false,
		"http://example.org":              false,
		"http://localhost.example.org":    false,
		"http://127.0.0.1@example.org":    false,
		"http://2130706433":               false,
		"https://127.0.0.1":               false,
		"file:///127.0.0.1":               false,
		"127.0.0.1:8025":                  false,
		"":                                false,
	} {
		err := client.Configure(t.Context(), sdk.Settings(`{"url":"`+url+`"}`))
		if kind, _ := sdk.KindOf(err); (err == nil) != ok || (!ok && kind != sdk.BadSettings) {
			t.Errorf("Configure(%q) = %v, want ok %v", url, err, ok)
		}
	}
}

func TestSendSaysWhoseFaultAnAnswerIs(t *testing.T) {
	t.Parallel()
	var status atomic.Int64
	box := newMailbox(t)
	box.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Location", "http://127.0.0.1:1/")
		w.WriteHeader(int(status.Load()))
	}
	client := configured(t, box.url)
	for _, c := range []struct {
		status int
		want   sdk.Error
	}{
		{302, sdk.Error{Kind: sdk.Unknown}},
		{400, sdk.Error{Kind: sdk.Content}},
		{401, sdk.Error{Kind: sdk.Auth}},
		{402, sdk.Error{Kind: sdk.Funds}},
		{404, sdk.Error{Kind: sdk.Unknown}},
		{429, sdk.Error{Kind: sdk.RateLimited, RetryAfter: 7 * time.Second}},
		{500, sdk.Error{Kind: sdk.Temporary}},
		{503, sdk.Error{Kind: sdk.Temporary}},
	} {
		status.Store(int64(c.status))
		_, err := client.Send(t.Context(), message())
		var got *sdk.Error
		if !errors.As(err, &got) || got.Kind != c.want.Kind || got.RetryAfter != c.want.RetryAfter {
			t.Errorf("status %d: error = %v, want %v", c.status, err, &c.want)
		}
	}
}

func TestSendToAClosedMailboxIsTemporary(t *testing.T) {
	t.Parallel()
	client := configured(t, "http://127.0.0.1:1")
	_, err := client.Send(t.Context(), message())
	if kind, _ := sdk.KindOf(err); kind != sdk.Temporary {
		t.Errorf("error = %v, want kind temporary", err)
	}
}

func TestSendGivesUpAtItsDeadline(t *testing.T) {
	t.Parallel()
	box := newMailbox(t)
	gone := make(chan struct{})
	box.answer = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server watch the connection
		<-r.Context().Done()
		close(gone)
	}
	client := configured(t, box.url)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // by when the mailbox has been reached
	defer cancel()
	if _, err := client.Send(ctx, message()); err == nil {
		t.Error("send succeeded though the mailbox hangs")
	}
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the plugin still waits for the mailbox after the deadline")
	}
}
