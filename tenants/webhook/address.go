package webhook

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"siegel/platform/guard"
)

const (
	// patience is how long one attempt may take, from looking up the name to the
	// answer's first line.
	patience = 15 * time.Second
	// answerOctets is how much of an answer is read, so that the connection can
	// be used again; nothing of it is looked at.
	answerOctets = 8 << 10
)

// checkAddress refuses what can be seen to lead nowhere. Where a name leads is
// checked when it is dialed.
func checkAddress(text string, private bool) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > addrLimit || u.Host == "" || u.User != nil || u.Fragment != "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ErrAddress
	}
	if private {
		if u.Scheme != "https" && u.Scheme != "http" {
			return ErrAddress
		}
		return nil
	}
	if u.Scheme != "https" || !slices.Contains([]string{"", "443", "8443"}, u.Port()) || !strings.Contains(u.Hostname(), ".") && !strings.Contains(u.Hostname(), ":") {
		return ErrAddress
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && guard.PublicOnly("tcp", netip.AddrPortFrom(ip, 443).String(), nil) != nil {
		return ErrAddress
	}
	return nil
}

// outside is the client that reaches receivers: nothing followed, no proxy, and
// unless private, https to public addresses alone.
func outside(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !private {
		dialer.Control = guard.PublicOnly
	}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		MaxResponseHeaderBytes: 32 << 10, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
	}
	c := &http.Client{Timeout: patience, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if !private {
		c.Transport = guard.HTTPSOnly{Next: transport}
	}
	return c
}

// why is a stable word for why nothing was answered. What the error says is
// left aside: it has the address, which may be a secret.
func why(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, guard.ErrPrivate), errors.Is(err, guard.ErrScheme):
		return "private_address"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "x509: "):
		return "certificate"
	default:
		return "unreachable"
	}
}
