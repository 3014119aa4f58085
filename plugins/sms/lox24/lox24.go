package main

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"sync/atomic"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/outbound"
)

const (
	version    = "1.0.0"
	production = "https://api.lox24.eu"
)

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "token": {
      "type": "string",
      "title": "API key",
      "description": "As shown in the LOX24 account, with the number before the colon",
      "minLength": 8,
      "maxLength": 200,
      "writeOnly": true
    },
    "sender": {
      "type": "string",
      "title": "Sender",
      "description": "For messages that name none: up to 11 letters, digits and spaces, or a number such as +4930123456",
      "maxLength": 16
    },
    "service_code": {
      "type": "string",
      "title": "Route",
      "enum": ["direct", "pro", "economy"],
      "default": "direct"
    },
    "base_url": {
      "type": "string",
      "format": "uri",
      "title": "Address of the API",
      "description": "Only for a proxy of your own or a test",
      "default": "https://api.lox24.eu"
    }
  },
  "required": ["token", "sender"],
  "additionalProperties": false
}`

// plugin is LOX24 behind the sdk's interfaces.
type plugin struct{ account sdk.InForce[account] }

// account is one set of settings in force.
type account struct {
	http    *outbound.Client
	token   string
	sender  string
	service string
	// refused is until when LOX24 is not asked, in Unix milliseconds, since it
	// did not know the token.
	refused atomic.Int64
}

// afterRefusal is how long a token that LOX24 does not know is not shown
// again: a fourth time within a minute blocks the whole address for ten.
const afterRefusal = time.Minute

func (*plugin) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:    "lox24",
		Version: version,
		Schema:  json.RawMessage(schema),
		Capabilities: []sdk.Capability{
			sdk.CheckedDryRun, sdk.NamedSender, sdk.DeliveryReports, sdk.AccountBalance,
		},
		Processor: sdk.Processor{
			Company: "LOX24 GmbH",
			Address: "Seestr. 109, 13353 Berlin",
			Country: "DE",
		},
	}, nil
}

var (
	token  = regexp.MustCompile(`^[!-~]{8,200}$`)
	sender = regexp.MustCompile(`^([A-Za-z0-9 ]{1,11}|\+[1-9][0-9]{1,14})$`)
)

func (p *plugin) Configure(_ context.Context, s sdk.Settings) error {
	settings := struct {
		Token       string `json:"token"`
		Sender      string `json:"sender"`
		ServiceCode string `json:"service_code"`
		BaseURL     string `json:"base_url"`
	}{ServiceCode: "direct", BaseURL: production}
	if err := s.Decode(&settings); err != nil {
		return err
	}
	switch {
	case !token.MatchString(settings.Token):
		return sdk.BadSetting("token is missing or malformed")
	case !sender.MatchString(settings.Sender):
		return sdk.BadSetting("sender is neither a short name nor a number")
	}
	switch settings.ServiceCode {
	case "direct", "pro", "economy":
	default:
		return sdk.BadSetting("service_code is none of direct, pro and economy")
	}
	client, err := outbound.New("LOX24", settings.BaseURL)
	if err != nil {
		return err
	}
	former := p.account.Put(&account{
		http: client, token: settings.Token, sender: settings.Sender, service: settings.ServiceCode,
	})
	if former != nil {
		former.http.Close()
	}
	return nil
}

// call asks LOX24. A body is sent as JSON.
func (a *account) call(ctx context.Context, method, path string, body any) (outbound.Answer, error) {
	if time.Now().UnixMilli() < a.refused.Load() {
		return outbound.Answer{}, &sdk.Error{Kind: sdk.Auth, Detail: "LOX24 has just refused the token and is not asked again"}
	}
	header := http.Header{}
	header.Set("X-LOX24-AUTH-TOKEN", a.token)
	answer, err := a.http.CallJSON(ctx, method, path, header, body)
	if err == nil && answer.Status == http.StatusUnauthorized {
		a.refused.Store(time.Now().Add(afterRefusal).UnixMilli())
	}
	return answer, err
}
