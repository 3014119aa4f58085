package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"siegel/plugins/sdk"
)

// What the tests of plugins for real providers need besides the suite.

// Configure brings settings into force.
func Configure(t *testing.T, client *sdk.Client, settings map[string]any) {
	t.Helper()
	encoded, _ := json.Marshal(settings)
	if err := client.Configure(t.Context(), encoded); err != nil {
		t.Fatalf("configure: %v", err)
	}
}

// WantError fails the test unless err is of a kind and repeats nothing private.
func WantError(t *testing.T, err error, want sdk.Kind, private ...string) *sdk.Error {
	t.Helper()
	var got *sdk.Error
	if !errors.As(err, &got) || got.Kind != want {
		t.Errorf("error = %v, want kind %q", err, want)
		return &sdk.Error{}
	}
	for _, p := range private {
		if strings.Contains(got.Detail, p) {
			t.Errorf("the error repeats %q: %v", p, err)
		}
	}
	return got
}

// SendEndsWithItsDeadline fails the test where a Send goes on after its
// deadline. instead has the provider's fake answer with a handler.
func SendEndsWithItsDeadline(t *testing.T, client *sdk.Client, m sdk.Message, instead func(http.HandlerFunc)) {
	t.Helper()
	gone := make(chan struct{})
	instead(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(gone)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // by when the request has come
	defer cancel()
	if _, err := client.Send(ctx, m); err == nil {
		t.Error("send succeeded though the provider hangs")
	}
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the plugin still waits for the provider")
	}
}
