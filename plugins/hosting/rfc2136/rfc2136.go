package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/miekg/dns"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/dnsask"
	"siegel/plugins/sdk/dnshost"
)

const version = "1.0.0"

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "server": {
      "type": "string",
      "title": "Primary DNS server",
      "description": "Address such as 192.0.2.53, with a port if it is not 53",
      "maxLength": 60
    },
    "zones": {
      "type": "array",
      "title": "Zones",
      "description": "Those that the key may update, such as example.org",
      "items": {"type": "string"},
      "minItems": 1,
      "maxItems": 100
    },
    "key": {
      "type": "string",
      "title": "Name of the TSIG key",
      "maxLength": 253
    },
    "algorithm": {
      "type": "string",
      "title": "Algorithm",
      "enum": ["hmac-sha256", "hmac-sha512"],
      "default": "hmac-sha256"
    },
    "secret": {
      "type": "string",
      "title": "Secret of the TSIG key",
      "description": "In base64",
      "maxLength": 300,
      "writeOnly": true
    }
  },
  "required": ["server", "zones", "key", "secret"],
  "additionalProperties": false
}`

// plugin is a DNS server behind the sdk's interfaces.
type plugin struct {
	dnshost.Host
	server sdk.InForce[server]
}

// server is one set of settings in force.
type server struct {
	address, key, algorithm, secret string
	zones                           []string
}

func newPlugin() *plugin {
	p := &plugin{}
	p.Keeper = p
	return p
}

func (*plugin) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:         "rfc2136",
		Version:      version,
		Schema:       json.RawMessage(schema),
		Capabilities: []sdk.Capability{sdk.Challenges},
		Processor:    sdk.Processor{Company: "None: a DNS server of the operator's own", Address: "The operator's", Country: "DE"},
	}, nil
}

var keyName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,250}[a-z0-9])?\.?$`)

func (p *plugin) Configure(_ context.Context, s sdk.Settings) error {
	settings := struct {
		Server    string   `json:"server"`
		Zones     []string `json:"zones"`
		Key       string   `json:"key"`
		Algorithm string   `json:"algorithm"`
		Secret    string   `json:"secret"`
	}{Algorithm: "hmac-sha256"}
	if err := s.Decode(&settings); err != nil {
		return err
	}
	address, err := dnsask.Address(settings.Server)
	if err != nil {
		return err
	}
	secret, err := base64.StdEncoding.DecodeString(settings.Secret)
	switch {
	case err != nil || len(secret) < 16:
		return sdk.BadSetting("secret is not at least 16 bytes in base64")
	case !keyName.MatchString(settings.Key):
		return sdk.BadSetting("key is not the name of a key")
	case settings.Algorithm != "hmac-sha256" && settings.Algorithm != "hmac-sha512":
		return sdk.BadSetting("algorithm is neither hmac-sha256 nor hmac-sha512")
	case len(settings.Zones) == 0 || len(settings.Zones) > 100:
		return sdk.BadSetting("there are no zones, or more than 100")
	}
	for _, z := range settings.Zones {
		if sdk.CheckHost(z) != nil {
			return sdk.BadSetting("a zone is not like example.org")
		}
	}
	p.server.Put(&server{
		address: address, key: dns.Fqdn(settings.Key), algorithm: dns.Fqdn(settings.Algorithm),
		secret: settings.Secret, zones: settings.Zones,
	})
	return nil
}

// Read is [dnshost.Keeper.Read]. It asks the primary itself.
func (p *plugin) Read(ctx context.Context, name string) ([]sdk.Record, bool, error) {
	s, err := p.server.Get()
	if err != nil {
		return nil, false, err
	}
	zone, ok := dnshost.ZoneOf(name, s.zones)
	if !ok {
		return nil, false, dnshost.ErrForeign()
	}
	var out []sdk.Record
	for _, kind := range []uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeMX} {
		q := new(dns.Msg)
		q.SetQuestion(dns.Fqdn(name), kind)
		q.RecursionDesired = false
		m, err := s.exchange(ctx, q)
		if err != nil {
			return nil, false, err
		}
		if m.Rcode == dns.RcodeNameError {
			break
		}
		if m.Rcode != dns.RcodeSuccess {
			return nil, false, failure(m.Rcode)
		}
		for _, rr := range m.Answer {
			r, known := dnsask.Record(rr)
			if !known {
				r.Value = strings.TrimPrefix(rr.String(), rr.Header().String())
			}
			if r.Name == name && rr.Header().Rrtype == kind { // not what an alias leads to
				out = append(out, r)
			}
		}
	}
	return out, zone == name, nil
}

// Write is [dnshost.Keeper.Write]. The server does all of it or nothing.
func (p *plugin) Write(ctx context.Context, name string, remove, add []sdk.Record) error {
	s, err := p.server.Get()
	if err != nil {
		return err
	}
	zone, ok := dnshost.ZoneOf(name, s.zones)
	if !ok {
		return dnshost.ErrForeign()
	}
	m := new(dns.Msg)
	m.SetUpdate(dns.Fqdn(zone))
	for _, r := range remove {
		if rr := dnsask.Of(r); rr != nil {
			m.Remove([]dns.RR{rr})
		}
	}
	for _, r := range add {
		if rr := dnsask.Of(r); rr != nil {
			m.Insert([]dns.RR{rr})
		}
	}
	m.SetTsig(s.key, s.algorithm, 300, time.Now().Unix())
	a, err := s.exchange(ctx, m)
	if err != nil {
		return err
	}
	if a.Rcode != dns.RcodeSuccess {
		return failure(a.Rcode)
	}
	return nil
}

// exchange asks over TCP: updates are long, and nobody can answer in the
// server's place so easily.
func (s *server) exchange(ctx context.Context, m *dns.Msg) (*dns.Msg, error) {
	client := dns.Client{Net: "tcp", Timeout: 5 * time.Second, TsigSecret: map[string]string{s.key: s.secret}}
	a, _, err := client.ExchangeContext(ctx, m, s.address)
	if a != nil && a.Rcode != dns.RcodeSuccess && a.Rcode != dns.RcodeNameError {
		return a, nil // a refusal may be unsigned
	}
	if err != nil {
		return nil, &sdk.Error{Kind: sdk.Temporary, Detail: "the DNS server did not answer properly"}
	}
	return a, nil
}

func failure(rcode int) error {
	e := &sdk.Error{Kind: sdk.Unknown, Detail: fmt.Sprintf("the DNS server answered with %s", dns.RcodeToString[rcode])}
	switch rcode {
	case dns.RcodeNotAuth, dns.RcodeRefused, dns.RcodeBadKey, dns.RcodeBadTime, dns.RcodeBadSig:
		e.Kind = sdk.Auth
	case dns.RcodeNotZone:
		e.Kind = sdk.InvalidHost
	case dns.RcodeServerFailure:
		e.Kind = sdk.Temporary
	}
	return e
}
