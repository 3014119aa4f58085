// Package guard keeps addresses that somebody else has chosen from leading
// requests into a network of our own.
//
// It promises that what is dialed through [PublicOnly] is a public address, as
// it is once a name has become one, so that no name can change its mind in
// between; and that [HTTPSOnly] speaks nothing but https. It does not promise
// that who answers there is well-meaning: callers bound times and lengths.
package guard

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
)

// ErrPrivate and ErrScheme are why nothing was asked.
var (
	ErrPrivate = errors.New("an address of no public network")
	ErrScheme  = errors.New("not https")
)

// carrier is the network of carrier-grade NAT (RFC 6598), in which clouds keep
// services of their own.
var carrier = netip.MustParsePrefix("100.64.0.0/10")

// PublicOnly is the Control of a [net.Dialer]: it returns [ErrPrivate] for all
// addresses that are not of the public internet.
func PublicOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || carrier.Contains(ip) {
		return ErrPrivate
	}
	return nil
}

// HTTPSOnly hands requests on that use https, and returns [ErrScheme] for others.
type HTTPSOnly struct{ Next http.RoundTripper }

// RoundTrip does what [HTTPSOnly] says.
func (h HTTPSOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.EqualFold(r.URL.Scheme, "https") {
		return nil, ErrScheme
	}
	return h.Next.RoundTrip(r)
}
