package registry

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"siegel/platform/fault"
)

// ErrUnknownHost is returned for a host that is not exactly one of ours, and
// for the host of a tenant that does not exist or is closed: the two read alike.
var ErrUnknownHost = fault.New(fault.NotFound, "unknown_host")

// Kind says whom a host serves. A host serves one kind.
type Kind string

// The kinds of host.
const (
	Patients Kind = "patients" // <slug>.<base>
	Office   Kind = "office"   // <slug>.office.<base>
	Portal   Kind = "portal"   // portal.<base>, of no tenant
)

// Resolve turns the Host header of a request into a tenant and what the host is
// for. Nothing but letters' case is forgiven: another port than the base's, a
// trailing dot, user information, an encoded or nested label are
// [ErrUnknownHost]. The portal's tenant is zero. A suspended tenant resolves:
// see [Tenant.Status].
func (s *Service) Resolve(ctx context.Context, host string) (Tenant, Kind, error) {
	slug, kind, ok := s.base.split(host)
	if !ok {
		return Tenant{}, "", ErrUnknownHost
	}
	if kind == Portal {
		return Tenant{}, Portal, nil
	}
	tenant, err := s.BySlug(ctx, slug)
	if err != nil {
		return Tenant{}, "", err
	}
	if tenant.Status == Closed {
		return Tenant{}, "", ErrUnknownHost
	}
	return tenant, kind, nil
}

// Host is the host, with the base's port, under which a tenant is reached. It
// is the reverse of [Service.Resolve], for links in messages.
func (s *Service) Host(slug string, kind Kind) string {
	switch kind {
	case Patients:
		return slug + s.base.patients
	case Office:
		return slug + s.base.office
	default:
		return s.base.portal
	}
}

// base is the configured base domain, kept as the endings that hosts must have.
type base struct {
	patients string // ".example.org:8080"
	office   string // ".office.example.org:8080"
	portal   string // "portal.example.org:8080"
}

func parseBase(s string) (base, error) {
	name := s
	if host, port, err := net.SplitHostPort(s); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return base{}, fmt.Errorf("base %q: malformed port", s)
		}
		name = host
	}
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return base{}, fmt.Errorf("base %q: want a lower-case host name, with a port if it is not the scheme's", s)
		}
	}
	return base{patients: "." + s, office: ".office." + s, portal: "portal." + s}, nil
}

// maxHost is the longest host name there is, with a port.
const maxHost = 253 + len(":65535")

func (b base) split(host string) (slug string, kind Kind, ok bool) {
	host, ok = lowerASCII(host)
	if !ok {
		return "", "", false
	}
	if host == b.portal {
		return "", Portal, true
	}
	// The office's ending ends in the patients' ending, so it is tried first.
	if slug, ok = strings.CutSuffix(host, b.office); ok {
		return slug, Office, checkSlug(slug) == nil
	}
	if slug, ok = strings.CutSuffix(host, b.patients); ok {
		return slug, Patients, checkSlug(slug) == nil
	}
	return "", "", false
}

// lowerASCII is strings.ToLower for hosts: it refuses what is not ASCII, since
// some of it (the Kelvin sign) would become ASCII by lowering.
func lowerASCII(s string) (string, bool) {
	if len(s) > maxHost {
		return "", false
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			return "", false
		}
	}
	return strings.ToLower(s), true
}
