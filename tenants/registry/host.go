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

// MovedError is returned for a host that was a tenant's and still leads to it:
// an old slug. It is an [ErrUnknownHost] for whoever does not follow.
type MovedError struct {
	// Host is where the tenant is now, with the base's port.
	Host string
}

func (e *MovedError) Error() string { return "the tenant has another name now" }

// Unwrap returns the fault.
func (e *MovedError) Unwrap() error { return ErrUnknownHost }

// Resolve turns the Host header of a request into a tenant and what the host is
// for. Nothing but letters' case is forgiven: another port than the base's, a
// trailing dot, user information, an encoded or nested label are
// [ErrUnknownHost]. The portal's tenant is zero. A suspended tenant resolves:
// see [Tenant.Paused]. An old slug is a [MovedError].
//
// Beside the hosts below the base there are, for patients only, verified
// domains of practices' own and the domains of their resellers.
func (s *Service) Resolve(ctx context.Context, host string) (Tenant, Kind, error) {
	host, ok := lowerASCII(host)
	if !ok {
		return Tenant{}, "", ErrUnknownHost
	}
	var (
		found *Tenant
		kind  = Patients
		err   error
	)
	slug, below, ok := s.base.split(host)
	switch {
	case ok && below == Portal:
		return Tenant{}, Portal, nil
	case ok:
		kind = below
		found, err = s.names.slug(ctx, slug)
	default:
		name, ported := strings.CutSuffix(host, s.base.port)
		if !ported || s.base.within(name) {
			return Tenant{}, "", ErrUnknownHost
		}
		found, slug, err = s.names.host(ctx, name)
	}
	switch {
	case err != nil:
		return Tenant{}, "", fmt.Errorf("find tenant: %w", err)
	case found == nil, found.Status == Closed:
		return Tenant{}, "", ErrUnknownHost
	case slug != "" && found.Slug != slug:
		if kind == Patients {
			return Tenant{}, "", &MovedError{Host: s.PatientsHost(*found)}
		}
		return Tenant{}, "", &MovedError{Host: s.Host(found.Slug, kind)}
	}
	return *found, kind, nil
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

// PatientsHost is the host, with the base's port, that a tenant's patients are
// sent to: the practice's own domain, its reseller's, or the base's.
func (s *Service) PatientsHost(t Tenant) string {
	if t.Home != "" {
		return t.Home + s.base.port
	}
	return s.Host(t.Slug, Patients)
}

// base is the configured base domain, kept as the endings that hosts must have.
type base struct {
	patients string // ".example.org:8080"
	office   string // ".office.example.org:8080"
	portal   string // "portal.example.org:8080"
	name     string // "example.org"
	port     string // ":8080", or empty
}

// within reports whether a name is the base or below it.
func (b base) within(name string) bool { return name == b.name || strings.HasSuffix(name, "."+b.name) }

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
	return base{patients: "." + s, office: ".office." + s, portal: "portal." + s, name: name, port: s[len(name):]}, nil
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
