package connector

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"
)

// programTime is how long a program or a local service may take over a booking.
const programTime = 30 * time.Second

// program runs a command for each booking. What a patient typed reaches it on
// its standard input, never as an argument or through a shell.
type program struct{ Outlet }

func (p program) name() string { return p.Name }
func (p program) most() int    { return 1 }

func (program) prepare([]Item) (json.RawMessage, error) { return nil, nil }

func (p program) hand(ctx context.Context, items []Item, _ json.RawMessage, again bool) error {
	for _, i := range items {
		ctx, cancel := context.WithTimeout(ctx, programTime)
		defer cancel()
		c := exec.CommandContext(ctx, p.Command[0], p.Command[1:]...)
		c.Stdin = bytes.NewReader(jsonLine(i))
		c.Env = append(os.Environ(), "SIEGEL_EVENT="+i.Event, "SIEGEL_KIND="+string(i.Kind), "SIEGEL_AGAIN="+map[bool]string{true: "1", false: "0"}[again])
		c.WaitDelay = time.Second
		if err := c.Run(); err != nil {
			return fmt.Errorf("the command ends with: %w", err)
		}
	}
	return nil
}

// webhook posts each booking to a service on this computer.
type webhook struct {
	Outlet
	client *http.Client
}

func newWebhook(o Outlet) (outlet, error) {
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		return nil, errors.New("url is none")
	}
	if name := u.Hostname(); name != "localhost" && (net.ParseIP(name) == nil || !net.ParseIP(name).IsLoopback()) {
		return nil, errors.New("url has to be on this computer: localhost, 127.0.0.1 or ::1")
	}
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: 2 * time.Second, Control: loopbackOnly}).DialContext}
	return &webhook{o, &http.Client{Transport: transport, Timeout: programTime, CheckRedirect: refuseRedirect}}, nil
}

func (w *webhook) name() string { return w.Name }
func (w *webhook) most() int    { return 1 }

func (*webhook) prepare([]Item) (json.RawMessage, error) { return nil, nil }

// hand signs as Standard Webhooks has it; the id is the event's, so that
// whoever gets it twice knows.
func (w *webhook) hand(ctx context.Context, items []Item, _ json.RawMessage, _ bool) error {
	for _, i := range items {
		body := bytes.TrimSuffix(jsonLine(i), []byte("\n"))
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
		if err != nil {
			return err
		}
		stamp := itoa(time.Now().Unix())
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Webhook-Id", i.Event)
		r.Header.Set("Webhook-Timestamp", stamp)
		if w.Secret != "" {
			mac := hmac.New(sha256.New, []byte(w.Secret))
			mac.Write([]byte(i.Event + "." + stamp + "." + string(body)))
			r.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		}
		if err := expect2xx(w.client.Do(r)); err != nil {
			return err
		}
	}
	return nil
}

func expect2xx(res *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %d", strings.ToLower(res.Request.Method), res.StatusCode)
	}
	return nil
}
