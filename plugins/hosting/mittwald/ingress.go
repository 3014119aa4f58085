package main

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"siegel/plugins/sdk"
)

// ingress is a virtual host, as the API has it.
type ingress struct {
	ID       string `json:"id"`
	Hostname string `json:"hostname"`
	IPs      struct {
		V4 []string `json:"v4"`
		V6 []string `json:"v6"`
	} `json:"ips"`
	Ownership struct {
		Verified  bool   `json:"verified"`
		TXTRecord string `json:"txtRecord"`
	} `json:"ownership"`
	Paths []path `json:"paths"`
	TLS   struct {
		ACME          bool   `json:"acme"`
		IsCreated     bool   `json:"isCreated"`
		CertificateID string `json:"certificateId"`
	} `json:"tls"`
	DNSErrors []string `json:"dnsValidationErrors"`
}

type path struct {
	Path   string `json:"path"`
	Target struct {
		URL string `json:"url,omitempty"`
		// The other kinds lead to what Mittwald hosts.
	} `json:"target"`
}

func paths(to sdk.Target) []path {
	p := path{Path: "/"}
	p.Target.URL = to.URL
	return []path{p}
}

// leads says whether everything goes to the target.
func (i ingress) leads(to sdk.Target) bool {
	return len(i.Paths) == 1 && i.Paths[0].Path == "/" && strings.TrimRight(i.Paths[0].Target.URL, "/") == strings.TrimRight(to.URL, "/")
}

// secured says whether there is a certificate, Mittwald's or one that somebody
// has put there.
func (i ingress) secured() bool { return i.TLS.IsCreated || i.TLS.CertificateID != "" }

// addresses are the records that the host name needs.
func (i ingress) addresses() []sdk.Record {
	var out []sdk.Record
	for _, list := range [][]string{i.IPs.V4, i.IPs.V6} {
		for _, text := range list {
			a, err := netip.ParseAddr(text)
			switch {
			case err != nil || len(out) == 8:
			case a.Is4():
				out = append(out, sdk.Record{Type: sdk.A, Name: i.Hostname, Value: a.String(), TTL: 300})
			default:
				out = append(out, sdk.Record{Type: sdk.AAAA, Name: i.Hostname, Value: a.String(), TTL: 300})
			}
		}
	}
	return out
}

// proof is the record that proves whose the name is; ok is false where none is
// needed.
func (i ingress) proof() (r sdk.Record, ok bool) {
	return sdk.Record{Type: sdk.TXT, Name: i.Hostname, Value: i.Ownership.TXTRecord, TTL: 300},
		!i.Ownership.Verified && i.Ownership.TXTRecord != ""
}

const (
	deadlineExceeded = "ERROR_ACME_CERTIFICATE_REQUEST_DEADLINE_EXCEEDED"
	noAddress        = "ERROR_NO_A_RECORD"
	wrongV6          = "ERROR_QUAD_A"
)

func (i ingress) has(dnsError string) bool { return slices.Contains(i.DNSErrors, dnsError) }

// unresolved says that Mittwald does not see the address records.
func (i ingress) unresolved() bool { return i.has(noAddress) || i.has(wrongV6) }

// ingress finds the one of a host name; nil where there is none.
func (a *account) ingress(ctx context.Context, host string) (*ingress, error) {
	query := url.Values{"projectId": {a.project}, "hostnameSubstring": {host}, "limit": {"100"}}
	var found []ingress
	if err := a.call(ctx, http.MethodGet, "/ingresses?"+query.Encode(), nil, &found); err != nil {
		return nil, plain(err)
	}
	for i := range found {
		if !strings.EqualFold(found[i].Hostname, host) {
			continue // a longer name, or one that the filter let through
		}
		if !uuid.MatchString(found[i].ID) {
			return nil, unreadable()
		}
		found[i].Hostname = host
		return &found[i], nil
	}
	return nil, nil
}

func (p *plugin) PlanHost(ctx context.Context, host string, to sdk.Target) ([]sdk.Change, error) {
	a, err := p.account.Get()
	if err != nil {
		return nil, err
	}
	in, err := a.ingress(ctx, host)
	if err != nil {
		return nil, err
	}
	var plan []sdk.Change
	if in == nil || !in.leads(to) {
		plan = append(plan, sdk.Change{Action: sdk.CreateProxy})
	}
	if in != nil {
		action := sdk.AskForRecord
		if z, err := a.zone(ctx, host, false); err != nil {
			return nil, err
		} else if z != nil {
			action = sdk.SetRecord
		}
		if proof, needed := in.proof(); needed {
			plan = append(plan, sdk.Change{Action: action, Record: proof})
		}
		if in.unresolved() {
			for _, r := range in.addresses() {
				plan = append(plan, sdk.Change{Action: action, Record: r})
			}
		}
	}
	if in == nil || !in.secured() {
		plan = append(plan, sdk.Change{Action: sdk.RequestCertificate})
	}
	return plan, nil
}

func (p *plugin) EnsureHost(ctx context.Context, host string, to sdk.Target, replace bool) (sdk.HostStatus, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.HostStatus{}, err
	}
	p.writes.Lock()
	defer p.writes.Unlock()
	in, err := a.ingress(ctx, host)
	if err != nil {
		return sdk.HostStatus{}, err
	}
	switch {
	case in == nil:
		if in, err = a.create(ctx, host, to); err != nil {
			return sdk.HostStatus{}, err
		}
		if in == nil { // created, and not to be read yet
			return notYet(), nil
		}
	case !in.leads(to) && !replace:
		return sdk.HostStatus{}, &sdk.Error{Kind: sdk.Conflict, Detail: "Mittwald passes the name on to something else"}
	case !in.leads(to):
		if err := a.call(ctx, http.MethodPatch, "/ingresses/"+in.ID+"/paths", paths(to), nil); err != nil {
			return sdk.HostStatus{}, plain(err)
		}
		in.Paths = paths(to)
	}
	ours, err := a.setRecords(ctx, in, replace)
	if err != nil {
		return sdk.HostStatus{}, err
	}
	if err := a.advance(ctx, in); err != nil {
		return sdk.HostStatus{}, err
	}
	return status(in, to, ours), nil
}

// create makes an ingress. It returns nil where Mittwald does not show it yet.
func (a *account) create(ctx context.Context, host string, to sdk.Target) (*ingress, error) {
	var made struct {
		ID string `json:"id"`
	}
	body := map[string]any{"projectId": a.project, "hostname": host, "paths": paths(to)}
	if err := a.call(ctx, http.MethodPost, "/ingresses", body, &made); err != nil {
		return nil, plain(err)
	}
	if !uuid.MatchString(made.ID) {
		return nil, unreadable()
	}
	var in ingress
	switch err := a.call(ctx, http.MethodGet, "/ingresses/"+made.ID, nil, &in); {
	case isNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	in.ID, in.Hostname = made.ID, host
	return &in, nil
}

// setRecords sets the proof and the addresses where Mittwald keeps the zone;
// ours is false where somebody else has to.
func (a *account) setRecords(ctx context.Context, in *ingress, replace bool) (ours bool, err error) {
	proof, prove := in.proof()
	if !prove && !in.unresolved() {
		return true, nil
	}
	z, err := a.zone(ctx, in.Hostname, true)
	if err != nil || z == nil {
		return false, err
	}
	if prove {
		if err := a.addText(ctx, z, proof.Value); err != nil {
			return true, err
		}
	}
	if in.unresolved() {
		return true, a.setAddresses(ctx, z, in, replace)
	}
	return true, nil
}

// advance takes the next step that Mittwald has to take, and only where the
// former is done: a certificate that cannot be had uses up the authority's
// patience.
func (a *account) advance(ctx context.Context, in *ingress) error {
	if !in.Ownership.Verified && in.Ownership.TXTRecord != "" {
		err := a.call(ctx, http.MethodPost, "/ingresses/"+in.ID+"/actions/verify-ownership", struct{}{}, nil)
		if kind, _ := sdk.KindOf(err); err != nil && kind != sdk.InvalidHost && kind != notFound {
			return err // the two mean: not seen yet
		}
		return nil
	}
	if in.secured() {
		return nil
	}
	switch {
	case !in.TLS.ACME:
		if err := a.call(ctx, http.MethodPatch, "/ingresses/"+in.ID+"/tls", map[string]bool{"acme": true}, nil); err != nil {
			return plain(err)
		}
		in.TLS.ACME = true
	case in.has(deadlineExceeded) && !in.unresolved():
		err := a.call(ctx, http.MethodPost, "/ingresses/"+in.ID+"/actions/request-acme-certificate-issuance", struct{}{}, nil)
		switch kind, _ := sdk.KindOf(err); {
		case kind == sdk.InvalidHost, kind == notFound:
			return nil // not possible yet: what failed stands
		case err != nil:
			return err
		}
		in.DNSErrors = slices.DeleteFunc(in.DNSErrors, func(e string) bool { return e == deadlineExceeded })
	}
	return nil
}

func (p *plugin) HostStatus(ctx context.Context, host string, to sdk.Target) (sdk.HostStatus, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.HostStatus{}, err
	}
	in, err := a.ingress(ctx, host)
	if err != nil {
		return sdk.HostStatus{}, err
	}
	if in == nil {
		return sdk.HostStatus{State: sdk.HostAbsent}, nil
	}
	z, err := a.zone(ctx, host, false)
	if err != nil {
		return sdk.HostStatus{}, err
	}
	return status(in, to, z != nil), nil
}

func notYet() sdk.HostStatus {
	return sdk.HostStatus{
		State: sdk.HostPending, Again: 5 * time.Second,
		Steps: []sdk.HostStep{{Part: sdk.PartProxy, State: sdk.HostPending}},
	}
}

// status reads an ingress for people. Where the zone is not ours, the records
// that are missing are asked for.
func status(in *ingress, to sdk.Target, ours bool) sdk.HostStatus {
	s := sdk.HostStatus{State: sdk.HostReady, Again: 15 * time.Second}
	step := func(part sdk.Part, done bool, waiting string) {
		st := sdk.HostStep{Part: part, State: sdk.HostReady}
		if !done {
			st.State, st.Detail = sdk.HostPending, waiting
			s.State = sdk.HostPending
		}
		s.Steps = append(s.Steps, st)
	}
	proof, prove := in.proof()
	step(sdk.PartRecords, !in.unresolved(), "Mittwald does not see the address records yet")
	step(sdk.PartOwnership, !prove, "Mittwald does not see the TXT record yet")
	step(sdk.PartProxy, true, "")
	step(sdk.PartCertificate, in.secured(), "the certificate is not there yet")
	if in.has(deadlineExceeded) {
		s.Steps[3] = sdk.HostStep{Part: sdk.PartCertificate, State: sdk.HostFailed, Detail: "there was no certificate in the time that Mittwald allows"}
		s.State = sdk.HostFailed
	}
	if !in.leads(to) {
		s.Steps[2] = sdk.HostStep{Part: sdk.PartProxy, State: sdk.HostFailed, Detail: "Mittwald passes the name on to something else"}
		s.State = sdk.HostFailed
	}
	if !ours {
		if prove {
			s.Records = append(s.Records, sdk.WantedRecord{Record: proof})
		}
		for _, r := range in.addresses() {
			s.Records = append(s.Records, sdk.WantedRecord{Record: r, Present: !in.unresolved()})
		}
	}
	if s.State == sdk.HostReady {
		s.Records, s.Again = nil, 0
	}
	return s
}

func (p *plugin) RemoveHost(ctx context.Context, host string, to sdk.Target) ([]sdk.Record, error) {
	a, err := p.account.Get()
	if err != nil {
		return nil, err
	}
	p.writes.Lock()
	defer p.writes.Unlock()
	in, err := a.ingress(ctx, host)
	if err != nil || in == nil || !in.leads(to) {
		return nil, err
	}
	z, err := a.zone(ctx, host, false)
	if err != nil {
		return nil, err
	}
	// The records first: once the ingress is gone, nobody knows which they were.
	left := in.addresses()
	if z != nil {
		left = nil
		if in.Ownership.TXTRecord != "" {
			if err := a.removeText(ctx, z, in.Ownership.TXTRecord); err != nil {
				return nil, err
			}
		}
		if err := a.removeAddresses(ctx, z, in); err != nil {
			return nil, err
		}
	}
	if err := a.call(ctx, http.MethodDelete, "/ingresses/"+in.ID, nil, nil); err != nil && !isNotFound(err) {
		return nil, err
	}
	return left, nil
}
