package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/outbound"
)

const (
	version    = "1.0.0"
	production = "https://api.sipgate.com/v2"
)

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "token_id": {
      "type": "string",
      "title": "Token id",
      "description": "Of a personal access token with the scope sessions:sms:write, such as token-AB12CD",
      "maxLength": 100,
      "writeOnly": true
    },
    "token": {
      "type": "string",
      "title": "Token",
      "minLength": 8,
      "maxLength": 200,
      "writeOnly": true
    },
    "sms_id": {
      "type": "string",
      "title": "Web SMS extension",
      "description": "Such as s0",
      "pattern": "^s[0-9]{1,6}$",
      "default": "s0"
    },
    "base_url": {
      "type": "string",
      "format": "uri",
      "title": "Address of the API",
      "description": "Only for a proxy of your own or a test",
      "default": "https://api.sipgate.com/v2"
    }
  },
  "required": ["token_id", "token"],
  "additionalProperties": false
}`

// plugin is sipgate behind the sdk's interface.
type plugin struct{ account sdk.InForce[account] }

// account is one set of settings in force.
type account struct {
	http          *outbound.Client
	authorization string
	smsID         string
}

func (*plugin) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:      "sipgate",
		Version:   version,
		Schema:    json.RawMessage(schema),
		Processor: sdk.Processor{Company: "sipgate GmbH", Address: "Gladbacher Str. 74, 40219 Düsseldorf", Country: "DE"},
	}, nil
}

var (
	tokenID   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`) // no colon: it ends there
	token     = regexp.MustCompile(`^[!-~]{8,200}$`)
	extension = regexp.MustCompile(`^s[0-9]{1,6}$`)
)

func (p *plugin) Configure(_ context.Context, s sdk.Settings) error {
	settings := struct {
		TokenID string `json:"token_id"`
		Token   string `json:"token"`
		SMSID   string `json:"sms_id"`
		BaseURL string `json:"base_url"`
	}{SMSID: "s0", BaseURL: production}
	if err := s.Decode(&settings); err != nil {
		return err
	}
	switch {
	case !tokenID.MatchString(settings.TokenID):
		return sdk.BadSetting("token_id is missing or malformed")
	case !token.MatchString(settings.Token):
		return sdk.BadSetting("token is missing or malformed")
	case !extension.MatchString(settings.SMSID):
		return sdk.BadSetting("sms_id is not like s0")
	}
	client, err := outbound.New("sipgate", settings.BaseURL)
	if err != nil {
		return err
	}
	former := p.account.Put(&account{
		http: client, smsID: settings.SMSID,
		authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(settings.TokenID+":"+settings.Token)),
	})
	if former != nil {
		former.http.Close()
	}
	return nil
}

// DryRun computes: sipgate has no way to try.
func (p *plugin) DryRun(_ context.Context, m sdk.Message) (sdk.Estimate, error) {
	if _, err := p.account.Get(); err != nil {
		return sdk.Estimate{}, err
	}
	return sdk.Estimate{Parts: sdk.Parts(m.Text)}, nil
}

// outgoing is the body of POST /sessions/sms.
type outgoing struct {
	SMSID     string `json:"smsId"`
	Recipient string `json:"recipient"`
	Message   string `json:"message"`
}

// Send believes in every 2xx: which of them it is, and that it has no body, is
// not documented.
func (p *plugin) Send(ctx context.Context, m sdk.Message) (sdk.Receipt, error) {
	a, err := p.account.Get()
	if err != nil {
		return sdk.Receipt{}, err
	}
	answer, err := a.http.CallJSON(ctx, http.MethodPost, "/sessions/sms", http.Header{"Authorization": {a.authorization}},
		outgoing{SMSID: a.smsID, Recipient: m.To, Message: m.Text})
	if err != nil {
		return sdk.Receipt{}, err
	}
	if answer.Status/100 == 2 {
		return sdk.Receipt{Parts: sdk.Parts(m.Text)}, nil
	}
	e := a.http.Failure(answer)
	switch answer.Status {
	case http.StatusBadRequest: // the body; recipient and text are the only parts that differ
		e.Kind = sdk.InvalidRecipient
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType:
		e.Kind = sdk.BadSettings // it is not sipgate that answers at base_url
	}
	return sdk.Receipt{}, e
}
