package server

import (
	"context"
	"net/netip"

	"siegel/platform/identity"
	"siegel/tenants/registry"
)

// Request is what the middleware found out before any handler ran.
type Request struct {
	RequestID string
	// Tenant and Kind follow from the Host header alone.
	Tenant registry.Tenant
	Kind   registry.Kind
	// Client is the caller's address, behind trusted proxies.
	Client netip.Addr
	// Visit is the value of the visit cookie; empty outside patients' hosts.
	Visit string
	// Session is zero unless the caller is signed in to this office.
	Session identity.Session
	// Cookie is the session cookie's value as sent.
	Cookie string
	// Role is the caller's role for [access.Policy.Can].
	Role string
}

type requestKey struct{}

// From returns the request's facts; the zero Request outside of one.
func From(ctx context.Context) Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return *r
	}
	return Request{}
}
