package main

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/outbound"
)

const (
	version    = "1.0.0"
	production = "https://gateway.seven.io/api"
)

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "api_key": {
      "type": "string",
      "title": "API key",
      "minLength": 8,
      "maxLength": 200,
      "writeOnly": true
    },
    "signing_secret": {
      "type": "string",
      "title": "Signing key",
      "description": "From the developer settings at seven; needed for delivery reports",
      "minLength": 8,
      "maxLength": 200,
      "writeOnly": true
    },
    "sender": {
      "type": "string",
      "title": "Sender",
      "description": "For messages that name none: up to 11 letters, digits and spaces, or a number such as +4930123456. Without it, the account's",
      "maxLength": 16
    },
    "base_url": {
      "type": "string",
      "format": "uri",
      "title": "Address of the API",
      "description": "Only for a proxy of your own or a test",
      "default": "https://gateway.seven.io/api"
    }
  },
  "required": ["api_key"],
  "additionalProperties": false
}`

// plugin is seven behind the sdk's interfaces.
type plugin struct{ account sdk.InForce[account] }

// account is one set of settings in force.
type account struct {
	http   *outbound.Client
	key    string
	secret []byte // empty: reports cannot be verified
	sender string // empty: the account's
}

func (*plugin) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:    "seven",
		Version: version,
		Schema:  json.RawMessage(schema),
		Capabilities: []sdk.Capability{
			sdk.CheckedDryRun, sdk.NamedSender, sdk.DeliveryReports, sdk.AccountBalance,
		},
		Processor: sdk.Processor{
			Company: "seven communications GmbH & Co. KG",
			Address: "Willestr. 4-6, 24103 Kiel",
			Country: "DE",
		},
	}, nil
}

var (
	secret = regexp.MustCompile(`^[!-~]{8,200}$`)
	sender = regexp.MustCompile(`^([A-Za-z0-9 ]{1,11}|\+[1-9][0-9]{1,14})$`)
)

func (p *plugin) Configure(_ context.Context, s sdk.Settings) error {
	settings := struct {
		APIKey        string `json:"api_key"`
		SigningSecret string `json:"signing_secret"`
		Sender        string `json:"sender"`
		BaseURL       string `json:"base_url"`
	}{BaseURL: production}
	if err := s.Decode(&settings); err != nil {
		return err
	}
	switch {
	case !secret.MatchString(settings.APIKey):
		return sdk.BadSetting("api_key is missing or malformed")
	case settings.SigningSecret != "" && !secret.MatchString(settings.SigningSecret):
		return sdk.BadSetting("signing_secret is malformed")
	case settings.Sender != "" && !sender.MatchString(settings.Sender):
		return sdk.BadSetting("sender is neither a short name nor a number")
	}
	client, err := outbound.New("seven", settings.BaseURL)
	if err != nil {
		return err
	}
	former := p.account.Put(&account{
		http: client, key: settings.APIKey, secret: []byte(settings.SigningSecret), sender: settings.Sender,
	})
	if former != nil {
		former.http.Close()
	}
	return nil
}

// call asks seven. A body is sent as JSON.
func (a *account) call(ctx context.Context, method, path string, body any) (outbound.Answer, error) {
	return a.http.CallJSON(ctx, method, path, http.Header{"X-Api-Key": {a.key}}, body)
}
