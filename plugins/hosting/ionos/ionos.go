package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/dnshost"
	"siegel/plugins/sdk/outbound"
)

const (
	version    = "1.0.0"
	production = "https://api.hosting.ionos.com/dns/v1"
)

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "api_key": {
      "type": "string",
      "title": "API key",
      "description": "Public prefix and secret with a dot between them, from developer.hosting.ionos.com",
      "minLength": 10,
      "maxLength": 300,
      "writeOnly": true
    },
    "base_url": {
      "type": "string",
      "format": "uri",
      "title": "Address of the API",
      "description": "Only for a proxy of your own or a test",
      "default": "https://api.hosting.ionos.com/dns/v1"
    }
  },
  "required": ["api_key"],
  "additionalProperties": false
}`

// plugin is IONOS behind the sdk's interfaces.
type plugin struct {
	dnshost.Host
	account sdk.InForce[account]
}

// account is one set of settings in force.
type account struct {
	http *outbound.Client
	key  string
}

func newPlugin() *plugin {
	p := &plugin{}
	p.Keeper = p
	return p
}

func (*plugin) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:         "ionos",
		Version:      version,
		Schema:       json.RawMessage(schema),
		Capabilities: []sdk.Capability{sdk.Challenges},
		Processor:    sdk.Processor{Company: "IONOS SE", Address: "Elgendorfer Str. 57, 56410 Montabaur", Country: "DE"},
	}, nil
}

var apiKey = regexp.MustCompile(`^[!-~]{2,150}\.[!-~]{2,150}$`)

func (p *plugin) Configure(_ context.Context, s sdk.Settings) error {
	settings := struct {
		APIKey  string `json:"api_key"`
		BaseURL string `json:"base_url"`
	}{BaseURL: production}
	if err := s.Decode(&settings); err != nil {
		return err
	}
	if !apiKey.MatchString(settings.APIKey) {
		return sdk.BadSetting("api_key is not a prefix and a secret with a dot between them")
	}
	client, err := outbound.New("IONOS", settings.BaseURL)
	if err != nil {
		return err
	}
	if former := p.account.Put(&account{http: client, key: settings.APIKey}); former != nil {
		former.http.Close()
	}
	return nil
}

// zone and record are as the API has them.
type zone struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Records []record `json:"records"`
}

type record struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Content  string `json:"content"`
	TTL      uint32 `json:"ttl"`
	Prio     int    `json:"prio"`
	Disabled bool   `json:"disabled"`
}

// Read is [dnshost.Keeper.Read].
func (p *plugin) Read(ctx context.Context, name string) ([]sdk.Record, bool, error) {
	a, err := p.account.Get()
	if err != nil {
		return nil, false, err
	}
	z, err := a.zone(ctx, name)
	if err != nil {
		return nil, false, err
	}
	var records []sdk.Record
	for _, r := range z.Records {
		records = append(records, r.known())
	}
	return records, strings.EqualFold(z.Name, name), nil
}

// Write is [dnshost.Keeper.Write].
func (p *plugin) Write(ctx context.Context, name string, remove, add []sdk.Record) error {
	a, err := p.account.Get()
	if err != nil {
		return err
	}
	z, err := a.zone(ctx, name)
	if err != nil {
		return err
	}
	for _, r := range z.Records {
		for _, gone := range remove {
			if !r.known().Is(gone) {
				continue
			}
			if !uuid.MatchString(r.ID) {
				return unreadable()
			}
			answer, err := a.call(ctx, http.MethodDelete, "/zones/"+z.ID+"/records/"+r.ID, nil)
			if err != nil {
				return err
			}
			if answer.Status/100 != 2 && answer.Status != http.StatusNotFound {
				return a.failure(answer)
			}
		}
	}
	if len(add) == 0 {
		return nil
	}
	var body []record
	for _, r := range add {
		content := r.Value
		if r.Type == sdk.TXT {
			content = `"` + content + `"`
		}
		body = append(body, record{Name: r.Name, Type: r.Type, Content: content, TTL: max(r.TTL, 300)})
	}
	answer, err := a.call(ctx, http.MethodPost, "/zones/"+z.ID+"/records", body)
	if err != nil {
		return err
	}
	if answer.Status/100 != 2 {
		return a.failure(answer)
	}
	return nil
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F-]{36}$`)

// zone finds the zone that a name is in, with the records of exactly that name
// that are in force.
func (a *account) zone(ctx context.Context, name string) (zone, error) {
	var zones []zone
	if err := a.read(ctx, "/zones", &zones); err != nil {
		return zone{}, err
	}
	var names []string
	for _, z := range zones {
		names = append(names, strings.ToLower(z.Name))
	}
	found, ok := dnshost.ZoneOf(name, names)
	if !ok {
		return zone{}, dnshost.ErrForeign()
	}
	var z zone
	for i := range zones {
		if names[i] == found {
			z = zones[i]
		}
	}
	if !uuid.MatchString(z.ID) {
		return zone{}, unreadable()
	}
	var whole zone
	if err := a.read(ctx, "/zones/"+z.ID+"?recordName="+url.QueryEscape(name), &whole); err != nil {
		return zone{}, err
	}
	for _, r := range whole.Records {
		// The filter is the provider's; whoever removes looks twice.
		if strings.EqualFold(strings.TrimSuffix(r.Name, "."), name) && !r.Disabled {
			z.Records = append(z.Records, r)
		}
	}
	return z, nil
}

// known is the record as the sdk writes it.
func (r record) known() sdk.Record {
	out := sdk.Record{Type: strings.ToUpper(r.Type), Name: strings.ToLower(strings.TrimSuffix(r.Name, ".")), Value: r.Content, TTL: r.TTL}
	switch out.Type {
	case sdk.CNAME:
		out.Value = strings.ToLower(strings.TrimSuffix(r.Content, "."))
	case sdk.TXT: // comes back in quotation marks
		out.Value = strings.TrimSuffix(strings.TrimPrefix(r.Content, `"`), `"`)
	}
	return out
}

func (a *account) read(ctx context.Context, path string, into any) error {
	answer, err := a.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if answer.Status/100 != 2 {
		return a.failure(answer)
	}
	if json.Unmarshal(answer.Body, into) != nil {
		return unreadable()
	}
	return nil
}

func (a *account) call(ctx context.Context, method, path string, body any) (outbound.Answer, error) {
	return a.http.CallJSON(ctx, method, path, http.Header{"X-Api-Key": {a.key}}, body)
}

var code = regexp.MustCompile(`^[A-Z_]{3,40}$`)

// failure reads IONOS's errors: a list of objects, of which only the code goes
// on.
func (a *account) failure(answer outbound.Answer) error {
	e := a.http.Failure(answer)
	var said []struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(answer.Body, &said) != nil || len(said) == 0 || !code.MatchString(said[0].Code) {
		return e
	}
	e.Detail += ": " + said[0].Code
	switch said[0].Code {
	case "UNAUTHORIZED":
		e.Kind = sdk.Auth
	case "INVALID_RECORD":
		e.Kind = sdk.InvalidHost
	case "INTERNAL_SERVER_ERROR":
		e.Kind = sdk.Temporary
	}
	return e
}

func unreadable() error { return &sdk.Error{Kind: sdk.Unknown, Detail: "IONOS's answer is unreadable"} }
