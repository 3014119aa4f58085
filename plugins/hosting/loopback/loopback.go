package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/dnshost"
	"siegel/plugins/sdk/localdns"
	"siegel/plugins/sdk/outbound"
)

const version = "1.0.0"

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "url": {
      "type": "string",
      "format": "uri",
      "title": "DNS server",
      "description": "Address of the DNS server's records on this machine, such as http://127.0.0.1:8054"
    }
  },
  "required": ["url"],
  "additionalProperties": false
}`

// plugin is the local DNS server behind the sdk's interfaces.
type plugin struct {
	dnshost.Host
	server sdk.InForce[outbound.Client]
}

func newPlugin() *plugin {
	p := &plugin{}
	p.Keeper = p
	return p
}

func (*plugin) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:         "loopback",
		Version:      version,
		Schema:       json.RawMessage(schema),
		Capabilities: []sdk.Capability{sdk.Challenges},
		Processor: sdk.Processor{
			Company: "None: records stay on this machine", Address: "This machine", Country: "DE",
		},
	}, nil
}

func (p *plugin) Configure(_ context.Context, s sdk.Settings) error {
	var settings struct {
		URL string `json:"url"`
	}
	if err := s.Decode(&settings); err != nil {
		return err
	}
	u, err := url.Parse(settings.URL)
	if err != nil || u.Scheme != "http" {
		return sdk.BadSetting("url is not a plain http address")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return sdk.BadSetting("url is not a loopback address")
	}
	client, err := outbound.New("the DNS server", settings.URL)
	if err != nil {
		return err
	}
	if former := p.server.Put(client); former != nil {
		former.Close()
	}
	return nil
}

// Read is [dnshost.Keeper.Read].
func (p *plugin) Read(ctx context.Context, name string) ([]sdk.Record, bool, error) {
	server, err := p.server.Get()
	if err != nil {
		return nil, false, err
	}
	a, err := server.CallJSON(ctx, http.MethodGet, "/records?name="+url.QueryEscape(name), http.Header{}, nil)
	if err != nil {
		return nil, false, err
	}
	var out localdns.Reading
	switch {
	case a.Status == http.StatusNotFound:
		return nil, false, dnshost.ErrForeign()
	case a.Status != http.StatusOK:
		return nil, false, server.Failure(a)
	case json.Unmarshal(a.Body, &out) != nil:
		return nil, false, &sdk.Error{Kind: sdk.Unknown, Detail: "the DNS server's answer is unreadable"}
	}
	return out.Records, out.Zone == name, nil
}

// Write is [dnshost.Keeper.Write].
func (p *plugin) Write(ctx context.Context, _ string, remove, add []sdk.Record) error {
	server, err := p.server.Get()
	if err != nil {
		return err
	}
	a, err := server.CallJSON(ctx, http.MethodPost, "/records", http.Header{}, localdns.Writing{Remove: remove, Add: add})
	if err != nil {
		return err
	}
	if a.Status/100 != 2 {
		return server.Failure(a)
	}
	return nil
}
