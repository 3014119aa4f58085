// Package dnshost brings host names up at providers that keep DNS records: a
// plugin gives it a [Keeper], and gets the calls of an [sdk.Hosting] and an
// [sdk.Challenger] from [Host].
//
// It promises to touch only records of types A, AAAA and CNAME of the host
// name itself, and TXT values of challenges; to change nothing where something
// leads elsewhere, unless it may be replaced; to write nothing where all is
// there; and to take back only what is as it would have set it. It does not
// promise that two callers with different targets for one name do not undo
// each other's work.
package dnshost

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"siegel/plugins/sdk"
)

// TTL is what records are set with, in seconds: the least that all providers
// take.
const TTL = 300

// Keeper is a provider's records.
type Keeper interface {
	// Read returns what is there under a name, of all types, and whether the
	// name is the top of its zone, where no alias may stand. It returns an
	// error of kind [sdk.InvalidHost] for a name in none of the account's
	// zones.
	Read(ctx context.Context, name string) (records []sdk.Record, top bool, err error)
	// Write removes records and then adds others, all of one name. It leaves
	// every other record, also of the same name and type.
	Write(ctx context.Context, name string, remove, add []sdk.Record) error
}

// Host makes the calls of a plugin out of a [Keeper]. It may be used from many
// goroutines; writes go one after the other.
type Host struct {
	Keeper Keeper
	writes sync.Mutex
}

// leads are the types that say where a name leads.
func leads(r sdk.Record) bool { return r.Type == sdk.A || r.Type == sdk.AAAA || r.Type == sdk.CNAME }

// wanted are the records that lead host to its target. Beside an alias there
// may be nothing else (RFC 1034, 3.6.2), such as mail: then it is addresses.
func wanted(host string, to sdk.Target, records []sdk.Record, top bool) []sdk.Record {
	other := slices.ContainsFunc(records, func(r sdk.Record) bool { return !leads(r) })
	return to.Wanted(host, !top && !other, TTL)
}

// difference is what is missing and what leads elsewhere.
type difference struct {
	missing, elsewhere []sdk.Record
	present            int // of those wanted
}

func (h *Host) compare(ctx context.Context, host string, to sdk.Target) (difference, error) {
	records, top, err := h.Keeper.Read(ctx, host)
	if err != nil {
		return difference{}, err
	}
	wanted := wanted(host, to, records, top)
	if len(wanted) == 0 {
		return difference{}, &sdk.Error{Kind: sdk.InvalidHost, Detail: "no alias may stand at this name, and the target has no addresses"}
	}
	var d difference
	for _, w := range wanted {
		if slices.ContainsFunc(records, w.Is) {
			d.present++
		} else {
			d.missing = append(d.missing, w)
		}
	}
	for _, r := range records {
		if leads(r) && !slices.ContainsFunc(wanted, r.Is) {
			d.elsewhere = append(d.elsewhere, r)
		}
	}
	return d, nil
}

// PlanHost is [sdk.Hosting.PlanHost].
func (h *Host) PlanHost(ctx context.Context, host string, to sdk.Target) ([]sdk.Change, error) {
	d, err := h.compare(ctx, host, to)
	if err != nil {
		return nil, err
	}
	var plan []sdk.Change
	for _, r := range d.elsewhere {
		plan = append(plan, sdk.Change{Action: sdk.RemoveRecord, Record: r})
	}
	for _, r := range d.missing {
		plan = append(plan, sdk.Change{Action: sdk.SetRecord, Record: r})
	}
	return plan, nil
}

// EnsureHost is [sdk.Hosting.EnsureHost].
func (h *Host) EnsureHost(ctx context.Context, host string, to sdk.Target, replace bool) (sdk.HostStatus, error) {
	h.writes.Lock()
	defer h.writes.Unlock()
	d, err := h.compare(ctx, host, to)
	if err != nil {
		return sdk.HostStatus{}, err
	}
	for _, r := range d.elsewhere {
		if !replace {
			return sdk.HostStatus{}, &sdk.Error{Kind: sdk.Conflict, Detail: fmt.Sprintf("there is a record of type %s that leads elsewhere", r.Type)}
		}
	}
	if len(d.missing) > 0 || len(d.elsewhere) > 0 {
		if err := h.Keeper.Write(ctx, host, d.elsewhere, d.missing); err != nil {
			return sdk.HostStatus{}, err
		}
	}
	return status(sdk.HostReady, ""), nil
}

// HostStatus is [sdk.Hosting.HostStatus].
func (h *Host) HostStatus(ctx context.Context, host string, to sdk.Target) (sdk.HostStatus, error) {
	d, err := h.compare(ctx, host, to)
	switch {
	case err != nil:
		return sdk.HostStatus{}, err
	case len(d.elsewhere) > 0:
		return status(sdk.HostFailed, fmt.Sprintf("there is a record of type %s that leads elsewhere", d.elsewhere[0].Type)), nil
	case len(d.missing) == 0:
		return status(sdk.HostReady, ""), nil
	case d.present > 0:
		return status(sdk.HostPending, "some of the records are missing"), nil
	}
	return status(sdk.HostAbsent, ""), nil
}

func status(s sdk.HostState, detail string) sdk.HostStatus {
	return sdk.HostStatus{State: s, Steps: []sdk.HostStep{{Part: sdk.PartRecords, State: s, Detail: detail}}}
}

// RemoveHost is [sdk.Hosting.RemoveHost].
func (h *Host) RemoveHost(ctx context.Context, host string, to sdk.Target) ([]sdk.Record, error) {
	h.writes.Lock()
	defer h.writes.Unlock()
	records, top, err := h.Keeper.Read(ctx, host)
	if err != nil {
		return nil, err
	}
	ours := wanted(host, to, records, top)
	ours = slices.DeleteFunc(ours, func(r sdk.Record) bool { return !slices.ContainsFunc(records, r.Is) })
	if len(ours) == 0 {
		return nil, nil
	}
	return nil, h.Keeper.Write(ctx, host, ours, nil)
}

// AddChallenge is [sdk.Challenger.AddChallenge].
func (h *Host) AddChallenge(ctx context.Context, c sdk.Challenge) error {
	h.writes.Lock()
	defer h.writes.Unlock()
	records, _, err := h.Keeper.Read(ctx, c.Name)
	if err != nil {
		return err
	}
	value := sdk.Record{Type: sdk.TXT, Name: c.Name, Value: c.Value, TTL: TTL}
	if slices.ContainsFunc(records, value.Is) {
		return nil
	}
	return h.Keeper.Write(ctx, c.Name, nil, []sdk.Record{value})
}

// RemoveChallenge is [sdk.Challenger.RemoveChallenge].
func (h *Host) RemoveChallenge(ctx context.Context, c sdk.Challenge) error {
	h.writes.Lock()
	defer h.writes.Unlock()
	records, _, err := h.Keeper.Read(ctx, c.Name)
	if err != nil {
		return err
	}
	value := sdk.Record{Type: sdk.TXT, Name: c.Name, Value: c.Value}
	if !slices.ContainsFunc(records, value.Is) {
		return nil
	}
	return h.Keeper.Write(ctx, c.Name, []sdk.Record{value}, nil)
}

// ZoneOf finds the longest of the zones that a name is in; ok is false where
// there is none.
func ZoneOf(name string, zones []string) (zone string, ok bool) {
	for _, z := range zones {
		if (name == z || strings.HasSuffix(name, "."+z)) && len(z) > len(zone) {
			zone = z
		}
	}
	return zone, zone != ""
}

// ErrForeign is an error of kind [sdk.InvalidHost] for a name in no zone.
func ErrForeign() error {
	return &sdk.Error{Kind: sdk.InvalidHost, Detail: "the name is in none of the account's zones"}
}
