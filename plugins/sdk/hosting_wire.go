package sdk

import (
	"net/netip"

	hostingv1 "siegel/plugins/sdk/proto/hosting/v1"
)

// The words of this package and the numbers on the wire; never written to.
var (
	wireHostingKinds = map[Kind]hostingv1.Kind{
		Auth:        hostingv1.Kind_KIND_AUTH,
		Funds:       hostingv1.Kind_KIND_FUNDS,
		RateLimited: hostingv1.Kind_KIND_RATE_LIMITED,
		InvalidHost: hostingv1.Kind_KIND_INVALID_HOST,
		Conflict:    hostingv1.Kind_KIND_CONFLICT,
		Blocked:     hostingv1.Kind_KIND_BLOCKED,
		Temporary:   hostingv1.Kind_KIND_TEMPORARY,
		BadSettings: hostingv1.Kind_KIND_SETTINGS,
		Unknown:     hostingv1.Kind_KIND_UNKNOWN,
	}
	wireHostingCapabilities = map[Capability]hostingv1.Capability{
		Challenges: hostingv1.Capability_CAPABILITY_CHALLENGES,
		Manual:     hostingv1.Capability_CAPABILITY_MANUAL,
		Proxy:      hostingv1.Capability_CAPABILITY_PROXY,
	}
	wireActions = map[Action]hostingv1.Action{
		SetRecord:          hostingv1.Action_ACTION_SET_RECORD,
		RemoveRecord:       hostingv1.Action_ACTION_REMOVE_RECORD,
		AskForRecord:       hostingv1.Action_ACTION_ASK_FOR_RECORD,
		CreateProxy:        hostingv1.Action_ACTION_CREATE_PROXY,
		RequestCertificate: hostingv1.Action_ACTION_REQUEST_CERTIFICATE,
	}
	wireHostStates = map[HostState]hostingv1.State{
		HostAbsent:  hostingv1.State_STATE_ABSENT,
		HostPending: hostingv1.State_STATE_PENDING,
		HostReady:   hostingv1.State_STATE_READY,
		HostFailed:  hostingv1.State_STATE_FAILED,
	}
	wireHostParts = map[Part]hostingv1.Part{
		PartRecords:     hostingv1.Part_PART_RECORDS,
		PartOwnership:   hostingv1.Part_PART_OWNERSHIP,
		PartProxy:       hostingv1.Part_PART_PROXY,
		PartCertificate: hostingv1.Part_PART_CERTIFICATE,
	}
)

// word finds the word of a number; ok is false for one that this side does not
// know yet.
func word[W comparable, N comparable](words map[W]N, number N) (w W, ok bool) {
	for w, n := range words {
		if n == number {
			return w, true
		}
	}
	return w, false
}

func targetToWire(t Target) *hostingv1.Target {
	out := &hostingv1.Target{Name: t.Name, Url: t.URL}
	for _, a := range t.Addresses {
		out.Addresses = append(out.Addresses, a.String())
	}
	return out
}

func targetFromWire(w *hostingv1.Target) Target {
	out := Target{Name: w.GetName(), URL: w.GetUrl()}
	for _, text := range w.GetAddresses() {
		a, _ := netip.ParseAddr(text) // the zero address does not pass Check
		out.Addresses = append(out.Addresses, a)
	}
	return out
}

func recordToWire(r Record) *hostingv1.Record {
	return &hostingv1.Record{Type: r.Type, Name: r.Name, Value: r.Value, Ttl: r.TTL}
}

func recordFromWire(r *hostingv1.Record) Record {
	return Record{Type: r.GetType(), Name: r.GetName(), Value: r.GetValue(), TTL: r.GetTtl()}
}

func challengeToWire(c Challenge) *hostingv1.Challenge {
	return &hostingv1.Challenge{Name: c.Name, Value: c.Value}
}

func challengeFromWire(c *hostingv1.Challenge) Challenge {
	return Challenge{Name: c.GetName(), Value: c.GetValue()}
}
