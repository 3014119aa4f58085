package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/dnsask"
)

const version = "1.0.0"

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "resolver": {
      "type": "string",
      "title": "DNS server to ask",
      "description": "Address such as 192.0.2.53, with a port if it is not 53. Without it, this machine's own",
      "maxLength": 60
    }
  },
  "additionalProperties": false
}`

// again is how often asking DNS is worth it, while a person is at it.
const again = 20 * time.Second

// plugin is a person behind the sdk's interfaces.
type plugin struct{ dns sdk.InForce[dnsask.Asker] }

func (*plugin) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:         "1blu",
		Version:      version,
		Schema:       json.RawMessage(schema),
		Capabilities: []sdk.Capability{sdk.Manual},
		Processor:    sdk.Processor{Company: "1blu AG", Address: "Riedemannweg 60, 13627 Berlin", Country: "DE"},
	}, nil
}

func (p *plugin) Configure(_ context.Context, s sdk.Settings) error {
	var settings struct {
		Resolver string `json:"resolver"`
	}
	if err := s.Decode(&settings); err != nil {
		return err
	}
	var servers []string
	if settings.Resolver != "" {
		servers = append(servers, settings.Resolver)
	}
	asker, err := dnsask.New(servers...)
	if err != nil {
		return err
	}
	p.dns.Put(asker)
	return nil
}

// look asks DNS what is there.
func (p *plugin) look(ctx context.Context, host string, to sdk.Target) (wanted []sdk.WantedRecord, elsewhere []sdk.Record, err error) {
	asker, err := p.dns.Get()
	if err != nil {
		return nil, nil, err
	}
	top, err := asker.Top(ctx, host)
	if err != nil {
		return nil, nil, err
	}
	there, err := asker.Records(ctx, host, sdk.CNAME, sdk.A, sdk.AAAA)
	if err != nil {
		return nil, nil, err
	}
	records := to.Wanted(host, !top, 0)
	if len(records) == 0 {
		return nil, nil, &sdk.Error{Kind: sdk.InvalidHost, Detail: "the name is the top of its zone, where no alias may stand, and the target has no addresses"}
	}
	// Addresses do it too, for whoever has set those.
	if byAddress := to.Wanted(host, false, 0); !top && len(byAddress) > 0 && !slices.ContainsFunc(byAddress, missingIn(there)) {
		records = byAddress
	}
	for _, r := range records {
		wanted = append(wanted, sdk.WantedRecord{Record: r, Present: slices.ContainsFunc(there, r.Is)})
	}
	for _, r := range there {
		if !slices.ContainsFunc(records, r.Is) {
			elsewhere = append(elsewhere, r)
		}
	}
	return wanted, elsewhere, nil
}

func missingIn(there []sdk.Record) func(sdk.Record) bool {
	return func(r sdk.Record) bool { return !slices.ContainsFunc(there, r.Is) }
}

func (p *plugin) PlanHost(ctx context.Context, host string, to sdk.Target) ([]sdk.Change, error) {
	wanted, _, err := p.look(ctx, host, to)
	var plan []sdk.Change
	for _, r := range wanted {
		if !r.Present {
			plan = append(plan, sdk.Change{Action: sdk.AskForRecord, Record: r.Record})
		}
	}
	return plan, err
}

// EnsureHost only looks: the doing is a person's.
func (p *plugin) EnsureHost(ctx context.Context, host string, to sdk.Target, _ bool) (sdk.HostStatus, error) {
	return p.status(ctx, host, to, sdk.HostPending)
}

func (p *plugin) HostStatus(ctx context.Context, host string, to sdk.Target) (sdk.HostStatus, error) {
	return p.status(ctx, host, to, sdk.HostAbsent)
}

func (p *plugin) status(ctx context.Context, host string, to sdk.Target, none sdk.HostState) (sdk.HostStatus, error) {
	wanted, elsewhere, err := p.look(ctx, host, to)
	if err != nil {
		return sdk.HostStatus{}, err
	}
	present := 0
	for _, r := range wanted {
		if r.Present {
			present++
		}
	}
	s := sdk.HostStatus{State: sdk.HostPending, Records: wanted, Again: again}
	detail := "DNS does not have the records yet"
	switch {
	case len(elsewhere) > 0:
		detail = fmt.Sprintf("there is a record of type %s that leads elsewhere and has to be removed", elsewhere[0].Type)
	case present == len(wanted):
		s.State, s.Again, detail = sdk.HostReady, 0, ""
	case present == 0:
		s.State = none
	}
	s.Steps = []sdk.HostStep{{Part: sdk.PartRecords, State: s.State, Detail: detail}}
	return s, nil
}

// RemoveHost says what somebody has to remove.
func (p *plugin) RemoveHost(ctx context.Context, host string, to sdk.Target) ([]sdk.Record, error) {
	wanted, _, err := p.look(ctx, host, to)
	var left []sdk.Record
	for _, r := range wanted {
		if r.Present {
			left = append(left, r.Record)
		}
	}
	return left, err
}
