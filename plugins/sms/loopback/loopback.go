package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"siegel/plugins/sdk"
)

const version = "1.0.0"

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "url": {
      "type": "string",
      "format": "uri",
      "title": "Mailbox",
      "description": "Address of the mailbox on this machine, such as http://127.0.0.1:8025"
    }
  },
  "required": ["url"],
  "additionalProperties": false
}`

// loopback posts each message to <url>/sms.
type loopback struct{ mailbox sdk.InForce[mailbox] }

type mailbox struct {
	endpoint string
	client   *http.Client
}

func (*loopback) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:         "loopback",
		Version:      version,
		Schema:       json.RawMessage(schema),
		Capabilities: []sdk.Capability{sdk.NamedSender},
		Processor: sdk.Processor{
			Company: "None: messages stay on this machine",
			Address: "This machine",
			Country: "DE",
		},
	}, nil
}

func (l *loopback) Configure(_ context.Context, s sdk.Settings) error {
	var settings struct {
		URL string `json:"url"`
	}
	if err := s.Decode(&settings); err != nil {
		return err
	}
	u, err := url.Parse(settings.URL)
	if err != nil || u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return sdk.BadSetting("url is not a plain http address")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return sdk.BadSetting("url is not a loopback address")
	}
	former := l.mailbox.Put(&mailbox{
		endpoint: strings.TrimRight(u.String(), "/") + "/sms",
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:               nil,
				DialContext:         (&net.Dialer{Timeout: 2 * time.Second, Control: onlyLoopback}).DialContext,
				MaxIdleConnsPerHost: 8,
				IdleConnTimeout:     30 * time.Second,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
	if former != nil {
		former.client.CloseIdleConnections()
	}
	return nil
}

// onlyLoopback looks at the address that is about to be dialled: "localhost"
// is only a name.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	if to, err := netip.ParseAddrPort(address); err != nil || !to.Addr().IsLoopback() {
		return fmt.Errorf("not a loopback address")
	}
	return nil
}

func (l *loopback) DryRun(_ context.Context, m sdk.Message) (sdk.Estimate, error) {
	if _, err := l.mailbox.Get(); err != nil {
		return sdk.Estimate{}, err
	}
	return sdk.Estimate{Parts: sdk.Parts(m.Text)}, nil
}

func (l *loopback) Send(ctx context.Context, m sdk.Message) (sdk.Receipt, error) {
	box, err := l.mailbox.Get()
	if err != nil {
		return sdk.Receipt{}, err
	}
	body, err := json.Marshal(map[string]string{
		"to": m.To, "from": m.Sender, "text": m.Text, "message_id": m.ID,
	})
	if err != nil {
		return sdk.Receipt{}, &sdk.Error{Kind: sdk.Content, Detail: "the message cannot be written as JSON"}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, box.endpoint, bytes.NewReader(body))
	if err != nil {
		return sdk.Receipt{}, sdk.BadSetting("url cannot be called")
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := box.client.Do(r)
	if err != nil {
		return sdk.Receipt{}, &sdk.Error{Kind: sdk.Temporary, Detail: "the mailbox cannot be reached"}
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 4<<10) // so that the connection can be used again
	if err := judge(answer); err != nil {
		return sdk.Receipt{}, err
	}
	return sdk.Receipt{ProviderID: "loopback-" + m.ID, Parts: sdk.Parts(m.Text)}, nil
}

// judge says whose fault an answer is.
func judge(answer *http.Response) error {
	e := &sdk.Error{Kind: sdk.Unknown, Detail: "the mailbox answered with status " + strconv.Itoa(answer.StatusCode)}
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		e.Kind = sdk.Auth
	case code == http.StatusPaymentRequired:
		e.Kind = sdk.Funds
	case code == http.StatusTooManyRequests:
		e.Kind = sdk.RateLimited
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
			e.RetryAfter = time.Duration(min(seconds, 3600)) * time.Second
		}
	case code == http.StatusBadRequest, code == http.StatusUnprocessableEntity, code == http.StatusRequestEntityTooLarge:
		e.Kind = sdk.Content
	case code == http.StatusRequestTimeout, code/100 == 5:
		e.Kind = sdk.Temporary
	}
	return e
}
