package connector

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

var (
	errPrivate  = errors.New("an address of no public network")
	errLoopback = errors.New("an address that is not on this computer")
	errScheme   = errors.New("not https")
)

// carrier is the network of carrier-grade NAT (RFC 6598).
var carrier = netip.MustParsePrefix("100.64.0.0/10")

// publicOnly refuses, once a name has become an address, all that are not of
// the public internet: what a calendar's address leads to is for others to say.
func publicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || carrier.Contains(ip) {
		return errPrivate
	}
	return nil
}

func loopbackOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !at.Addr().Unmap().IsLoopback() {
		return errLoopback
	}
	return nil
}

// outside is a client for addresses that were pasted: https, public addresses,
// nothing followed.
func outside() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: publicOnly}
	return &http.Client{Timeout: 30 * time.Second, CheckRedirect: refuseRedirect, Transport: httpsOnly{&http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true, ForceAttemptHTTP2: true,
	}}}
}

type httpsOnly struct{ next http.RoundTripper }

func (h httpsOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, errScheme
	}
	return h.next.RoundTrip(r)
}
