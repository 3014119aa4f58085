package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/outbound"
)

const (
	version    = "1.0.0"
	production = "https://api.twilio.com"
)

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "account_sid": {
      "type": "string",
      "title": "Account SID",
      "pattern": "^AC[0-9a-f]{32}$"
    },
    "auth_token": {
      "type": "string",
      "title": "Auth token",
      "minLength": 8,
      "maxLength": 200,
      "writeOnly": true
    },
    "sender": {
      "type": "string",
      "title": "Sender",
      "description": "For messages that name none: 2 to 11 letters, digits and spaces, or one of the account's numbers such as +4930123456",
      "maxLength": 16
    },
    "messaging_service_sid": {
      "type": "string",
      "title": "Messaging service",
      "description": "Chooses the sender for messages that name none",
      "pattern": "^MG[0-9a-f]{32}$"
    },
    "delivery_url": {
      "type": "string",
      "format": "uri",
      "title": "Address for delivery reports",
      "description": "Without it there are none"
    },
    "base_url": {
      "type": "string",
      "format": "uri",
      "title": "Address of the API",
      "description": "Only for a proxy of your own or a test",
      "default": "https://api.twilio.com"
    }
  },
  "required": ["account_sid", "auth_token"],
  "anyOf": [{"required": ["sender"]}, {"required": ["messaging_service_sid"]}],
  "additionalProperties": false
}`

// plugin is Twilio behind the sdk's interfaces.
type plugin struct{ account sdk.InForce[account] }

// account is one set of settings in force.
type account struct {
	http     *outbound.Client
	sid      string
	token    string
	sender   string
	service  string
	delivery *url.URL // nil: no reports
}

func (*plugin) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:         "twilio",
		Version:      version,
		Schema:       json.RawMessage(schema),
		Capabilities: []sdk.Capability{sdk.NamedSender, sdk.DeliveryReports, sdk.AccountBalance},
		// Customers in Europe sign with Twilio Ireland; the messages are
		// processed by the parent, and that decides what a practice has to
		// agree to.
		Processor: sdk.Processor{
			Company: "Twilio Inc.",
			Address: "101 Spear Street, Suite 500, San Francisco, CA 94105, USA",
			Country: "US",
		},
	}, nil
}

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-f]{32}$`)
	serviceSID = regexp.MustCompile(`^MG[0-9a-f]{32}$`)
	messageSID = regexp.MustCompile(`^(SM|MM)[0-9a-f]{32}$`)
	token      = regexp.MustCompile(`^[!-~]{8,200}$`)
	sender     = regexp.MustCompile(`^([A-Za-z0-9 ]{2,11}|\+[1-9][0-9]{1,14})$`)
)

func (p *plugin) Configure(_ context.Context, s sdk.Settings) error {
	settings := struct {
		AccountSID          string `json:"account_sid"`
		AuthToken           string `json:"auth_token"`
		Sender              string `json:"sender"`
		MessagingServiceSID string `json:"messaging_service_sid"`
		DeliveryURL         string `json:"delivery_url"`
		BaseURL             string `json:"base_url"`
	}{BaseURL: production}
	if err := s.Decode(&settings); err != nil {
		return err
	}
	switch {
	case !accountSID.MatchString(settings.AccountSID):
		return sdk.BadSetting("account_sid is missing or malformed")
	case !token.MatchString(settings.AuthToken):
		return sdk.BadSetting("auth_token is missing or malformed")
	case settings.Sender == "" && settings.MessagingServiceSID == "":
		return sdk.BadSetting("there is neither sender nor messaging_service_sid")
	case settings.Sender != "" && !sender.MatchString(settings.Sender):
		return sdk.BadSetting("sender is neither a short name nor a number")
	case settings.MessagingServiceSID != "" && !serviceSID.MatchString(settings.MessagingServiceSID):
		return sdk.BadSetting("messaging_service_sid is malformed")
	}
	next := &account{
		sid: settings.AccountSID, token: settings.AuthToken,
		sender: settings.Sender, service: settings.MessagingServiceSID,
	}
	var err error
	if settings.DeliveryURL != "" {
		if next.delivery, err = outbound.CheckURL("delivery_url", settings.DeliveryURL); err != nil {
			return err
		}
	}
	if next.http, err = outbound.New("Twilio", settings.BaseURL); err != nil {
		return err
	}
	if former := p.account.Put(next); former != nil {
		former.http.Close()
	}
	return nil
}

// call asks Twilio about something of the account. A form is posted.
func (a *account) call(ctx context.Context, method, resource string, form url.Values) (outbound.Answer, error) {
	credentials := base64.StdEncoding.EncodeToString([]byte(a.sid + ":" + a.token))
	header := http.Header{"Accept": {"application/json"}, "Authorization": {"Basic " + credentials}}
	var sent io.Reader
	if form != nil {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		sent = strings.NewReader(form.Encode())
	}
	return a.http.Call(ctx, method, "/2010-04-01/Accounts/"+a.sid+"/"+resource, header, sent)
}
