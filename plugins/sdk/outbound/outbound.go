// Package outbound is how a plugin calls its provider over HTTP.
//
// It promises: TLS 1.2 or newer, and plain HTTP to this machine only; nothing
// is followed, repeated or cached, so credentials go where they were meant to
// and a message is handed over once a call; every call ends, also one whose
// body trickles, and of a body at most 64 KiB are read; addresses that only
// this machine or its network card answers for are not dialled. An error is an
// [*sdk.Error] and repeats nothing of the request: neither address, nor
// number, nor text, nor key.
//
// It does not promise that a call which failed did not arrive.
package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"siegel/plugins/sdk"
)

// MaxBody is how much of an answer's body is read, in bytes.
const MaxBody = 64 << 10

// timeout is a little less than a host waits, so that the host hears of a slow
// provider from the plugin and does not take the plugin for stuck.
const timeout = 9 * time.Second

// Client calls one provider. It may be used from many goroutines.
type Client struct {
	base     string // without a slash at its end
	provider string
	http     *http.Client
}

// New makes a client for the provider of that name, as errors shall call it.
// Base is an address such as "https://api.example.org/v2", with https unless
// it is on this machine. An error is of kind [sdk.BadSettings].
func New(provider, base string) (*Client, error) {
	u, err := CheckURL("base_url", base)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" {
		return nil, sdk.BadSetting("base_url has a query")
	}
	local := onThisMachine(u.Hostname())
	dialer := &net.Dialer{Timeout: 3 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return mayDial(address, local)
	}}
	return &Client{
		base:     strings.TrimRight(u.String(), "/"),
		provider: provider,
		http: &http.Client{
			Timeout: timeout,
			Transport: &http.Transport{
				Proxy:                  nil,
				DialContext:            dialer.DialContext,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
				TLSHandshakeTimeout:    3 * time.Second,
				MaxIdleConnsPerHost:    8,
				MaxConnsPerHost:        64,
				IdleConnTimeout:        30 * time.Second,
				MaxResponseHeaderBytes: 32 << 10,
				DisableCompression:     true,
				ForceAttemptHTTP2:      true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// CheckURL reads a setting that holds an address: https, or http on this
// machine, without user, password or fragment. An error is of kind
// [sdk.BadSettings] and does not repeat the address.
func CheckURL(setting, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return nil, sdk.BadSetting(setting + " is not a plain address")
	case u.Scheme == "https", u.Scheme == "http" && onThisMachine(u.Hostname()):
		return u, nil
	}
	return nil, sdk.BadSetting(setting + " is not an https address")
}

func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// mayDial looks at what a name has become. A provider's name that leads to
// this machine or to a cloud's metadata is somebody's trick; a private address
// may be a proxy of the operator's.
func mayDial(address string, local bool) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("not an address")
	}
	ip := to.Addr().Unmap()
	if ip.IsLoopback() != local || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return errors.New("not a provider's address")
	}
	return nil
}

// Answer is what the provider answered.
type Answer struct {
	Status int
	Header http.Header
	// Body is cut after [MaxBody] bytes, and where it did not arrive in time:
	// whoever parses it finds out.
	Body []byte
}

// Call sends one request to a path below the base. Errors are of kind
// [sdk.Temporary]: there was no answer, and whether the request arrived is
// unknown.
func (c *Client) Call(ctx context.Context, method, path string, header http.Header, body io.Reader) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return Answer{}, sdk.BadSetting(c.provider + " cannot be called with these settings")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", "Siegel")
	a, err := c.http.Do(r)
	if err != nil {
		// The library's text has the address in it.
		return Answer{}, &sdk.Error{Kind: sdk.Temporary, Detail: c.provider + " did not answer"}
	}
	defer a.Body.Close()
	read, _ := io.ReadAll(io.LimitReader(a.Body, MaxBody))
	return Answer{Status: a.StatusCode, Header: a.Header, Body: read}, nil
}

// CallJSON is [Client.Call] for providers that speak JSON. A nil body is none.
func (c *Client) CallJSON(ctx context.Context, method, path string, header http.Header, body any) (Answer, error) {
	header = header.Clone()
	header.Set("Accept", "application/json")
	var sent io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return Answer{}, &sdk.Error{Kind: sdk.Content, Detail: "the message cannot be written as JSON"}
		}
		header.Set("Content-Type", "application/json")
		sent = bytes.NewReader(encoded)
	}
	return c.Call(ctx, method, path, header, sent)
}

// Close lets go of idle connections. Calls under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }
