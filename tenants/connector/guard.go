package connector

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"siegel/platform/guard"
)

var errLoopback = errors.New("an address that is not on this computer")

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
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: guard.PublicOnly}
	return &http.Client{Timeout: 30 * time.Second, CheckRedirect: refuseRedirect, Transport: guard.HTTPSOnly{Next: &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true, ForceAttemptHTTP2: true,
	}}}
}
