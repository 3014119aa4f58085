package sdk

import (
	"context"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Hosting is a provider at which host names are brought up: one that keeps DNS
// records, one that takes connections and passes requests on, or a person with
// a form to fill in. Its methods are called from many goroutines at once, each
// with a deadline of some seconds. An error that is an [*Error] says whose
// fault it is; any other is taken for [Unknown].
//
// Nothing waits and nothing is remembered: a method does what can be done now,
// finds out at the provider how far it is, and may be repeated at any time,
// also by another process. Host names are lower case, without a dot at their
// end, and checked on both ends.
//
// What not every provider has is an interface of its own: [Challenger].
type Hosting interface {
	// Describe says what the plugin is. It needs no settings and no network,
	// and answers the same each time.
	Describe(ctx context.Context) (Description, error)
	// Configure puts settings into force, replacing earlier ones whole. It
	// returns an error of kind [BadSettings] for those it cannot use, and
	// then keeps the earlier ones.
	Configure(ctx context.Context, s Settings) error
	// PlanHost says what EnsureHost would do, in that order, and changes
	// nothing. It is empty where all is done.
	PlanHost(ctx context.Context, host string, to Target) ([]Change, error)
	// EnsureHost leads host to a target, as far as that goes now; it is called
	// again while the state is [HostPending]. Where the name leads elsewhere
	// and replace is false, it returns an error of kind [Conflict] and has
	// changed nothing.
	EnsureHost(ctx context.Context, host string, to Target, replace bool) (HostStatus, error)
	// HostStatus says how far it is, and changes nothing.
	HostStatus(ctx context.Context, host string, to Target) (HostStatus, error)
	// RemoveHost takes back what EnsureHost has made and only that: what leads
	// elsewhere by now stays. That there is nothing left is a success. It
	// returns what somebody has to remove by hand.
	RemoveHost(ctx context.Context, host string, to Target) ([]Record, error)
}

// Challenger is a [Hosting] that publishes challenges in DNS: those of ACME
// DNS-01 (RFC 8555, 8.4), and ours, by which a domain proves whose it is. It
// names the capability [Challenges].
type Challenger interface {
	// AddChallenge publishes one value and leaves the others of that name.
	AddChallenge(ctx context.Context, c Challenge) error
	// RemoveChallenge takes one value back and leaves the others. That it is
	// not there is a success.
	RemoveChallenge(ctx context.Context, c Challenge) error
}

// The capabilities of hosting plugins.
const (
	// Challenges: the plugin is a [Challenger].
	Challenges Capability = "challenges"
	// Manual: a person sets the records; the plugin shows them and waits.
	Manual Capability = "manual"
	// Proxy: the provider takes the connections, with a certificate of its
	// own, and passes requests on to [Target.URL].
	Proxy Capability = "proxy"
)

// Target is where a host name shall lead. A plugin takes what fits: a proxy
// the URL, a DNS provider the name, or the addresses where no alias may stand.
type Target struct {
	Name      string
	Addresses []netip.Addr // of that name, at most 8
	URL       string       // such as "https://praxis.example.org"
}

// Types of records that plugins set.
const (
	A     = "A"
	AAAA  = "AAAA"
	CNAME = "CNAME"
	TXT   = "TXT"
)

// Record is a DNS record.
type Record struct {
	// Type is A, AAAA, CNAME or TXT.
	Type string
	// Name is the full name, lower case, without a dot at its end.
	Name string
	// Value is an address, a full name without a dot at its end, or a text
	// without quotation marks of at most 255 bytes.
	Value string
	// TTL in seconds; 0 means the provider's default.
	TTL uint32
}

// Is says whether two records mean the same, whatever their TTL.
func (r Record) Is(other Record) bool {
	return r.Type == other.Type && r.Name == other.Name && r.Value == other.Value
}

// Change is a step of a plan.
type Change struct {
	Action Action
	// Record is the one that is meant, where the action is about one.
	Record Record
}

// Action is what is done in a step of a plan.
type Action string

// The actions.
const (
	SetRecord    Action = "set_record"
	RemoveRecord Action = "remove_record" // one that leads elsewhere; only with replace
	// AskForRecord: somebody has to set it by hand.
	AskForRecord       Action = "ask_for_record"
	CreateProxy        Action = "create_proxy"
	RequestCertificate Action = "request_certificate"
)

// HostState says how far a host name, or a part of the way there, is.
type HostState string

// The states.
const (
	HostAbsent  HostState = "absent"
	HostPending HostState = "pending"
	HostReady   HostState = "ready"
	// HostFailed: it cannot go on; a step's detail says why.
	HostFailed HostState = "failed"
)

// Part is a part of the way.
type Part string

// The parts, in their order.
const (
	PartRecords     Part = "records"     // they lead to the target
	PartOwnership   Part = "ownership"   // the provider knows that the name is ours
	PartProxy       Part = "proxy"       // the provider takes the name
	PartCertificate Part = "certificate" // the provider's, for the name
)

// HostStep is how far a part is.
type HostStep struct {
	Part  Part
	State HostState
	// Detail is for the operator, in English.
	Detail string
}

// WantedRecord is one that somebody has to set by hand.
type WantedRecord struct {
	Record
	Present bool
}

// HostStatus is how far a host name is, as the provider says. Whether
// resolvers have heard of it is for the host to find out.
type HostStatus struct {
	State HostState
	// Steps are those that the plugin has, in the order of their parts.
	Steps []HostStep
	// Records are what somebody has to set by hand.
	Records []WantedRecord
	// Again is when asking again is worth it; 0 leaves it to the host.
	Again time.Duration
}

// Challenge is a TXT value of 20 to 64 letters, digits, hyphens and underscores
// under a name whose first label is _acme-challenge or _siegel-challenge.
type Challenge struct{ Name, Value string }

var (
	hostName   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	recordName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	challenge  = regexp.MustCompile(`^[A-Za-z0-9_-]{20,64}$`)
)

// maxName is the longest host name (RFC 1035).
const maxName = 253

// CheckHost reports, as an [*Error] of kind [InvalidHost], why nobody could
// bring that host name up: it has at least two labels, in lower case, as a
// certificate and a URL have them (RFC 1123; a name in another script in its
// form with xn--), and is no address.
func CheckHost(host string) error {
	_, err := netip.ParseAddr(host)
	if len(host) > maxName || !hostName.MatchString(host) || err == nil {
		return &Error{Kind: InvalidHost, Detail: "the host name is malformed"}
	}
	return nil
}

// Check reports, as an [*Error] of kind [InvalidHost], why no name could lead
// to t.
func (t Target) Check() error {
	u, err := url.Parse(t.URL)
	switch {
	case CheckHost(t.Name) != nil:
		return &Error{Kind: InvalidHost, Detail: "the target's name is malformed"}
	case len(t.Addresses) > 8:
		return &Error{Kind: InvalidHost, Detail: "the target has too many addresses"}
	case len(t.URL) > 500 || err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.Fragment != "":
		return &Error{Kind: InvalidHost, Detail: "the target's URL is malformed"}
	}
	for _, a := range t.Addresses {
		if !a.IsValid() || a.Is4In6() || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
			return &Error{Kind: InvalidHost, Detail: "the target has an address that nobody can reach"}
		}
	}
	return nil
}

// Check reports, as an [*Error] of kind [InvalidHost], what is no challenge.
func (c Challenge) Check() error {
	label, _, _ := strings.Cut(c.Name, ".")
	if len(c.Name) > maxName || label != "_acme-challenge" && label != "_siegel-challenge" || !recordName.MatchString(c.Name) {
		return &Error{Kind: InvalidHost, Detail: "the name is not one of a challenge"}
	}
	if !challenge.MatchString(c.Value) {
		return &Error{Kind: InvalidHost, Detail: "the value is not one of a challenge"}
	}
	return nil
}

// check is for records that a plugin speaks of.
func (r Record) check() error {
	addr, err := netip.ParseAddr(r.Value)
	switch {
	case len(r.Name) > maxName || !recordName.MatchString(r.Name):
		return malformed("a record's name is malformed")
	case r.Type == A && err == nil && addr.Is4(),
		r.Type == AAAA && err == nil && addr.Is6() && addr.Zone() == "",
		r.Type == CNAME && len(r.Value) <= maxName && recordName.MatchString(r.Value),
		r.Type == TXT && printable(r.Value, 255):
		return nil
	}
	return malformed("a record's type or value is malformed")
}

// Wanted are the records that lead host to t: a CNAME, or A and AAAA where
// alias is false, as at the top of a zone, where no alias may stand. There are
// none where that needs addresses that t does not have.
func (t Target) Wanted(host string, alias bool, ttl uint32) []Record {
	if alias {
		return []Record{{Type: CNAME, Name: host, Value: t.Name, TTL: ttl}}
	}
	var out []Record
	for _, a := range t.Addresses {
		kind := A
		if a.Is6() {
			kind = AAAA
		}
		out = append(out, Record{Type: kind, Name: host, Value: a.String(), TTL: ttl})
	}
	return out
}
