package server

import (
	"context"
	"net/netip"
	"os"

	"siegel/platform/access"
	"siegel/platform/identity"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// Request is what the middleware found out before any handler ran.
type Request struct {
	RequestID string
	// Tenant and Kind follow from the Host header alone.
	Tenant registry.Tenant
	Kind   registry.Kind
	// Domain is what the request acts in: the tenant on patients' and offices'
	// hosts; in the portal what the session's membership is in, the platform
	// before signing in.
	Domain access.Domain
	// Client is the caller's address, behind trusted proxies.
	Client netip.Addr
	// Visit is the value of the visit cookie; empty outside patients' hosts.
	Visit string
	// Session is zero unless the caller is signed in here.
	Session identity.Session
	// Cookie is the session cookie's value as sent, and Device that of the
	// device that may be trusted with a second factor.
	Cookie string
	Device string
	// Pending is the cookie of a sign-in that is at a provider.
	Pending string
	// Agent is the browser in coarse words.
	Agent identity.Agent
	// Member is the role that the caller has once nothing is left of Must:
	// what has to be done first, while Role is that of somebody arriving.
	Member access.Role
	Must   []string
	// Token is zero unless the caller is a machine that has one of this office.
	Token staff.Token
	// Role is the caller's role for [access.Policy.Can].
	Role string

	bearer  string    // the token as it was shown
	cookies *[]string // to be set with the answer
	// attached is the answer's content where [Attach] made it.
	attached     *os.File
	attachedSize int
	// operation is which of the routes it came to; empty where it came to none.
	operation string
}

type requestKey struct{}

// AddCookie sets a cookie with the answer, beside those that others set: a
// header of its own, since browsers read two in one line as one. value is from
// [Server.Cookie].
func AddCookie(ctx context.Context, value string) {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok && r.cookies != nil {
		*r.cookies = append(*r.cookies, value)
	}
}

// cameTo remembers which operation a request is for.
func cameTo(ctx context.Context, operation string) {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		r.operation = operation
	}
}

// From returns the request's facts; the zero Request outside of one.
func From(ctx context.Context) Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return *r
	}
	return Request{}
}
