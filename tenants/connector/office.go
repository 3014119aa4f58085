package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"siegel/platform/seal"
)

var (
	// ErrRevoked is returned once the practice has ended the connector.
	ErrRevoked = errors.New("the practice has ended this connector: pair it again")
	// ErrAddress is returned for an office that would be asked in the clear.
	ErrAddress = errors.New("the office's address has to begin with https://")
)

// pageSize is how many bookings are fetched at a time.
const pageSize = 400

// answerLimit is more than the largest page has.
const answerLimit = 32 << 20

// office speaks to the practice's office.
type office struct {
	client *http.Client
	base   string
	token  string
}

func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		// All of localhost is this computer (RFC 6761), as browsers have it.
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dialer.DialContext(ctx, network, address)
	}
	transport.ResponseHeaderTimeout = 20 * time.Second
	return &http.Client{Transport: transport, CheckRedirect: refuseRedirect}
}

// refuseRedirect keeps the token with the office it is for.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func newOffice(client *http.Client, address, token string) (*office, error) {
	u, err := url.Parse(strings.TrimRight(strings.TrimSpace(address), "/"))
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return nil, ErrAddress
	}
	name := u.Hostname()
	local := name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "127.0.0.1"
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, ErrAddress
	}
	return &office{client, u.String(), token}, nil
}

// refusedError is what the office answers where it does not do what is asked.
type refusedError struct {
	Status int
	Reason string
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("the office says %s (%d)", e.Reason, e.Status)
}

func (o *office) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, o.base+path, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if o.token != "" {
		r.Header.Set("Authorization", "Bearer "+o.token)
	}
	return r, nil
}

// send asks and reads the answer, whose fields newer servers may add to.
func (o *office) send(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := o.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	res, err := o.client.Do(r)
	if err != nil {
		return fmt.Errorf("the office cannot be reached: %w", err)
	}
	defer res.Body.Close()
	if err := refused(res); err != nil {
		return err
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, answerLimit)).Decode(into); err != nil {
		return fmt.Errorf("the office's answer: %w", err)
	}
	return nil
}

func refused(res *http.Response) error {
	if res.StatusCode < 300 {
		return nil
	}
	var problem struct {
		Reason string `json:"reason"`
	}
	_ = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&problem)
	if len(problem.Reason) > 60 {
		problem.Reason = problem.Reason[:60]
	}
	if problem.Reason == "token_refused" || problem.Reason == "unknown_connector" {
		return ErrRevoked
	}
	return &refusedError{res.StatusCode, problem.Reason}
}

// page is some of what is due.
type page struct {
	Mode    string `json:"mode"`
	Due     []due  `json:"due"`
	Version string `json:"server_version"`
}

type due struct {
	Booking      string         `json:"booking_id"`
	Version      int64          `json:"version"`
	Status       string         `json:"status"`
	Source       string         `json:"source"`
	Practitioner string         `json:"practitioner"`
	Location     string         `json:"location"`
	Starts       time.Time      `json:"starts"`
	Ends         time.Time      `json:"ends"`
	First        time.Time      `json:"first_starts"`
	Envelope     *seal.Envelope `json:"envelope"`
	Card         *struct {
		Version    int        `json:"version"`
		Epoch      int        `json:"epoch"`
		Ciphertext seal.Bytes `json:"ciphertext"`
	} `json:"card"`
}

type handed struct {
	Booking string `json:"booking_id"`
	Version int64  `json:"version"`
	Keep    bool   `json:"keep,omitempty"`
}

type takeRequest struct {
	Handed []handed `json:"handed"`
	After  int64    `json:"after"`
	Limit  int      `json:"limit"`
	Wait   int      `json:"wait"`
}

func (o *office) take(ctx context.Context, acks []handed, after int64, wait int) (p page, err error) {
	if acks == nil {
		acks = []handed{}
	}
	err = o.send(ctx, http.MethodPost, "/api/v1/connector/take", takeRequest{acks, after, pageSize, wait}, &p)
	return p, err
}

func (o *office) acknowledge(ctx context.Context, acks []handed) (p page, err error) {
	err = o.send(ctx, http.MethodPost, "/api/v1/connector/take", takeRequest{Handed: acks}, &p)
	return p, err
}

type served struct {
	Directory *seal.Signed `json:"directory"`
	Keys      []seal.Wrap  `json:"keys"`
}

func (o *office) keys(ctx context.Context) (s served, err error) {
	err = o.send(ctx, http.MethodGet, "/api/v1/connector/keyring", nil, &s)
	return s, err
}

// probe is the sealed word of the day, where one waits.
type probe struct {
	Envelope *seal.Envelope `json:"envelope"`
}

func (o *office) probe(ctx context.Context) (p probe, err error) {
	err = o.send(ctx, http.MethodGet, "/api/v1/probe", nil, &p)
	return p, err
}

func (o *office) answerProbe(ctx context.Context, envelope string, word seal.Bytes) error {
	return o.send(ctx, http.MethodPost, "/api/v1/probe", map[string]any{"envelope": "env_" + envelope, "probe": word}, nil)
}

// names are what ids are called.
type names struct {
	Practice      string
	Zone          string
	practitioners map[string]string
	locations     map[string]string
}

func (o *office) practice(ctx context.Context) (names, error) {
	type named struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	var p struct {
		Name          string  `json:"name"`
		Zone          string  `json:"zone"`
		Practitioners []named `json:"practitioners"`
		Locations     []named `json:"locations"`
	}
	if err := o.send(ctx, http.MethodGet, "/api/v1/practice", nil, &p); err != nil {
		return names{}, err
	}
	n := names{p.Name, p.Zone, map[string]string{}, map[string]string{}}
	for _, x := range p.Practitioners {
		n.practitioners[x.ID] = x.Name
	}
	for _, x := range p.Locations {
		n.locations[x.ID] = x.Name
	}
	return n, nil
}
