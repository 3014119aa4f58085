// Package conformance is the suite that every SMS plugin passes, ours and a
// stranger's. A plugin's own test starts a fake of its provider, opens the
// built binary with [Open] and hands both to [SMS]; what a provider answers in
// its own way is for the plugin's further tests.
package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"siegel/plugins/sdk"
)

// Provider is the fake that the plugin under test talks to.
type Provider struct {
	// Settings make the plugin talk to the fake.
	Settings map[string]any
	// Sender is one that the fake allows; empty for the default.
	Sender string
	// Received says how often the fake took a message with this text.
	Received func(text string) int
	// Report makes the request with which the fake reports that it delivered a
	// message. Only for a plugin with [sdk.DeliveryReports].
	Report func(messageID string, r sdk.Receipt) sdk.Request
	// Forged are requests that look like reports and are none, such as one
	// signed with another key. Only for a plugin with [sdk.DeliveryReports].
	Forged func(messageID string, r sdk.Receipt) []sdk.Request
	// Balance is what the fake's account has now. Only for a plugin with
	// [sdk.AccountBalance].
	Balance func() sdk.Balance
}

// patience bounds each call of the suite.
const patience = 10 * time.Second

// Build builds the plugin in the working directory, for TestMain, and runs the
// tests. It returns the exit code; the path is in *binary meanwhile.
func Build(m *testing.M, name string, binary *string) int {
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	*binary = filepath.Join(dir, "siegel-plugin-sms-"+name)
	if out, err := exec.Command("go", "build", "-o", *binary, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build: %v\n%s", err, out))
	}
	return m.Run()
}

// Open starts a plugin's binary in an empty environment and ends it with the
// test. Environment entries ("NAME=value") may be added.
func Open(t *testing.T, binary string, env ...string) *sdk.Client {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = env
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: sdk.Versions(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Cmd:              cmd,
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     patience,
		Stderr:           os.Stderr,
		SyncStderr:       os.Stderr,
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Off}),
	})
	t.Cleanup(client.Kill)
	protocol, err := client.Client()
	if err != nil {
		t.Fatalf("start %s: %v", binary, err)
	}
	sms, err := sdk.Dispense(protocol)
	if err != nil {
		t.Fatalf("start %s: %v", binary, err)
	}
	return sms
}

// SMS runs the suite against a plugin that has just started and has no
// settings yet. The parts build on each other and run in order.
func SMS(t *testing.T, client *sdk.Client, p Provider) {
	s := &suite{client: client, provider: p}
	for _, part := range []struct {
		rule string
		run  func(*testing.T)
	}{
		{"DescribesItselfWithoutSettings", s.describe},
		{"SendsNothingWithoutSettings", s.unconfigured},
		{"RefusesSettingsOutsideItsSchema", s.badSettings},
		{"TakesItsSettingsAgainAndAgain", s.configure},
		{"KeepsItsSettingsWhenItRefusesOthers", s.keepsSettings},
		{"DryRunSendsNothing", s.dryRun},
		{"SendsOnce", s.send},
		{"CountsParts", s.parts},
		{"RefusesWhatNobodyCanSend", s.refusals},
		{"EndsWithTheDeadline", s.deadline},
		{"SendsManyAtOnce", s.many},
		{"AnswersARepeatedID", s.repeated},
		{"ParsesReportsOfTheProviderOnly", s.reports},
		{"TellsTheBalance", s.balance},
	} {
		t.Run(part.rule, part.run)
	}
}

type suite struct {
	client      *sdk.Client
	provider    Provider
	description sdk.Description // once it has described itself
}

func (s *suite) message(id, text string) sdk.Message {
	return sdk.Message{ID: id, To: "+4915112345678", Sender: s.provider.Sender, Text: text}
}

func (s *suite) describe(t *testing.T) {
	ctx := within(t, patience)
	d, err := s.client.Describe(ctx) // the client has checked the rest
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	s.description = d
	var schema struct {
		Properties map[string]struct {
			WriteOnly bool `json:"writeOnly"`
		} `json:"properties"`
		AdditionalProperties *bool `json:"additionalProperties"`
	}
	if err := json.Unmarshal(d.Schema, &schema); err != nil {
		t.Fatalf("schema: %v", err)
	}
	if schema.AdditionalProperties == nil || *schema.AdditionalProperties {
		t.Error(`the schema does not close itself with "additionalProperties": false`)
	}
	for name := range s.provider.Settings {
		if _, ok := schema.Properties[name]; !ok {
			t.Errorf("the schema does not know the setting %q", name)
		}
	}
	for name, property := range schema.Properties {
		for _, word := range []string{"secret", "password", "token", "api_key"} {
			if strings.Contains(name, word) && !property.WriteOnly {
				t.Errorf(`the setting %q looks like a secret and is not "writeOnly"`, name)
			}
		}
	}
	again, err := s.client.Describe(ctx)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(d) {
		t.Errorf("describe answered differently the second time: %v, %v", again, err)
	}
}

func (s *suite) unconfigured(t *testing.T) {
	ctx := within(t, patience)
	_, err := s.client.Send(ctx, s.message("conf-early", "conformance early"))
	wantKind(t, err, sdk.BadSettings)
	_, err = s.client.DryRun(ctx, s.message("conf-early", "conformance early"))
	wantKind(t, err, sdk.BadSettings)
	s.wantReceived(t, "conformance early", 0)
	if s.description.Has(sdk.DeliveryReports) {
		_, err = s.client.ParseDelivery(ctx, plainRequest())
		wantKind(t, err, sdk.BadSettings)
	}
	if s.description.Has(sdk.AccountBalance) {
		_, err = s.client.Balance(ctx)
		wantKind(t, err, sdk.BadSettings)
	}
}

func (s *suite) badSettings(t *testing.T) {
	ctx := within(t, patience)
	more := map[string]any{"conformance_unknown_key": true}
	for k, v := range s.provider.Settings {
		more[k] = v
	}
	for name, settings := range map[string][]byte{
		"nothing":     nil,
		"empty":       []byte(`{}`),
		"not JSON":    []byte(`{"`),
		"an array":    []byte(`[]`),
		"trailing":    append(encode(t, s.provider.Settings), `{}`...),
		"unknown key": encode(t, more),
	} {
		if name == "empty" && len(s.provider.Settings) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) { wantKind(t, s.client.Configure(ctx, settings), sdk.BadSettings) })
	}
}

func (s *suite) configure(t *testing.T) {
	for range 2 {
		if err := s.client.Configure(within(t, patience), encode(t, s.provider.Settings)); err != nil {
			t.Fatalf("configure: %v", err)
		}
	}
}

func (s *suite) keepsSettings(t *testing.T) {
	ctx := within(t, patience)
	wantKind(t, s.client.Configure(ctx, []byte(`[]`)), sdk.BadSettings)
	if _, err := s.client.DryRun(ctx, s.message("conf-keep", "conformance keep")); err != nil {
		t.Errorf("dry run: %v", err)
	}
}

func (s *suite) dryRun(t *testing.T) {
	e, err := s.client.DryRun(within(t, patience), s.message("conf-dry", "conformance dry run"))
	if err != nil || e.Parts != 1 {
		t.Errorf("dry run = %+v, %v; want one part", e, err)
	}
	s.wantReceived(t, "conformance dry run", 0)
}

func (s *suite) send(t *testing.T) {
	text := "conformance: Grüße, 1 < 2 & \"3\"\nsecond line €"
	r, err := s.client.Send(within(t, patience), s.message("conf-send", text))
	if err != nil || r.Parts != 1 {
		t.Errorf("send = %+v, %v; want one part", r, err)
	}
	s.wantReceived(t, text, 1)
}

func (s *suite) parts(t *testing.T) {
	ctx := within(t, patience)
	for i, text := range []string{
		"conformance " + strings.Repeat("a", 148),
		"conformance " + strings.Repeat("a", 149),
		"conformance " + strings.Repeat("ж", 58),
		"conformance " + strings.Repeat("ж", 59),
	} {
		m := s.message(fmt.Sprintf("conf-parts-%d", i), text)
		e, err := s.client.DryRun(ctx, m)
		if err != nil {
			t.Fatalf("dry run: %v", err)
		}
		r, err := s.client.Send(ctx, m)
		if err != nil {
			t.Fatalf("send: %v", err)
		}
		if want := sdk.Parts(text); e.Parts != want || r.Parts != want {
			t.Errorf("parts of %.20q… = %d in the dry run, %d sent; want %d", text, e.Parts, r.Parts, want)
		}
	}
}

func (s *suite) refusals(t *testing.T) {
	ctx := within(t, patience)
	good := s.message("conf-refused", "conformance refused")
	for _, c := range []struct {
		name   string
		change func(*sdk.Message)
		want   sdk.Kind
	}{
		{"no recipient", func(m *sdk.Message) { m.To = "" }, sdk.InvalidRecipient},
		{"national number", func(m *sdk.Message) { m.To = "015112345678" }, sdk.InvalidRecipient},
		{"long sender", func(m *sdk.Message) { m.Sender = "TwelveLetter" }, sdk.InvalidSender},
		{"no text", func(m *sdk.Message) { m.Text = "" }, sdk.Content},
		{"escape sequence", func(m *sdk.Message) { m.Text = "\x1b[2J" }, sdk.Content},
		{"no id", func(m *sdk.Message) { m.ID = "" }, sdk.Content},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := good
			c.change(&m)
			_, err := s.client.Send(ctx, m)
			wantKind(t, err, c.want)
		})
	}
	s.wantReceived(t, good.Text, 0)
}

func (s *suite) deadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	if _, err := s.client.Send(ctx, s.message("conf-late", "conformance late")); err == nil {
		t.Error("send succeeded though its deadline had passed")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("send came back %v after its deadline", took)
	}
}

func (s *suite) many(t *testing.T) {
	ctx := within(t, 3*patience)
	const n = 20
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			_, errs[i] = s.client.Send(ctx, s.message(fmt.Sprintf("conf-many-%d", i), fmt.Sprintf("conformance many %d.", i)))
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("send: %v", err)
	}
	for i := range n {
		s.wantReceived(t, fmt.Sprintf("conformance many %d.", i), 1)
	}
}

func (s *suite) repeated(t *testing.T) {
	ctx := within(t, patience)
	m := s.message("conf-again", "conformance again")
	for range 2 {
		// A provider that refuses known ids may say so; the plugin must not fail.
		if _, err := s.client.Send(ctx, m); err != nil {
			if _, answered := sdk.KindOf(err); !answered {
				t.Errorf("send: %v", err)
			}
		}
	}
	if n := s.provider.Received(m.Text); n < 1 || n > 2 {
		t.Errorf("the provider took the message %d times", n)
	}
}

func (s *suite) wantReceived(t *testing.T, text string, want int) {
	t.Helper()
	if got := s.provider.Received(text); got != want {
		t.Errorf("the provider took %.30q %d times, want %d", text, got, want)
	}
}

func wantKind(t *testing.T, err error, want sdk.Kind) {
	t.Helper()
	if got, _ := sdk.KindOf(err); got != want {
		t.Errorf("error = %v (kind %q), want kind %q", err, got, want)
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
