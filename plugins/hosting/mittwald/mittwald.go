package main

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"sync"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/outbound"
)

const (
	version    = "1.0.0"
	production = "https://api.mittwald.de/v2"
)

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "token": {
      "type": "string",
      "title": "API token",
      "description": "From mStudio, with the right to change the project",
      "minLength": 8,
      "maxLength": 300,
      "writeOnly": true
    },
    "project_id": {
      "type": "string",
      "format": "uuid",
      "title": "Project",
      "description": "Id of the project that takes the host names"
    },
    "base_url": {
      "type": "string",
      "format": "uri",
      "title": "Address of the API",
      "description": "Only for a proxy of your own or a test",
      "default": "https://api.mittwald.de/v2"
    }
  },
  "required": ["token", "project_id"],
  "additionalProperties": false
}`

// plugin is Mittwald behind the sdk's interfaces.
type plugin struct {
	account sdk.InForce[account]
	writes  sync.Mutex // zones' records are read, changed and written whole
}

// account is one set of settings in force.
type account struct {
	http    *outbound.Client
	token   string
	project string
}

func (*plugin) Describe(context.Context) (sdk.Description, error) {
	return sdk.Description{
		Name:         "mittwald",
		Version:      version,
		Schema:       json.RawMessage(schema),
		Capabilities: []sdk.Capability{sdk.Challenges, sdk.Proxy},
		Processor: sdk.Processor{
			Company: "Mittwald CM Service GmbH & Co. KG", Address: "Königsberger Str. 4-6, 32339 Espelkamp", Country: "DE",
		},
	}, nil
}

var (
	uuid  = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	token = regexp.MustCompile(`^[!-~]{8,300}$`)
)

func (p *plugin) Configure(_ context.Context, s sdk.Settings) error {
	settings := struct {
		Token     string `json:"token"`
		ProjectID string `json:"project_id"`
		BaseURL   string `json:"base_url"`
	}{BaseURL: production}
	if err := s.Decode(&settings); err != nil {
		return err
	}
	switch {
	case !token.MatchString(settings.Token):
		return sdk.BadSetting("token is missing or malformed")
	case !uuid.MatchString(settings.ProjectID):
		return sdk.BadSetting("project_id is not a UUID")
	}
	client, err := outbound.New("Mittwald", settings.BaseURL)
	if err != nil {
		return err
	}
	if former := p.account.Put(&account{http: client, token: settings.Token, project: settings.ProjectID}); former != nil {
		former.http.Close()
	}
	return nil
}

// call asks Mittwald and reads the answer into a pointer; nil reads none.
func (a *account) call(ctx context.Context, method, path string, body, into any) error {
	answer, err := a.http.CallJSON(ctx, method, path, http.Header{"X-Access-Token": {a.token}}, body)
	if err != nil {
		return err
	}
	if answer.Status/100 != 2 {
		return a.failure(answer)
	}
	if into != nil && json.Unmarshal(answer.Body, into) != nil {
		return unreadable()
	}
	return nil
}

// notFound is a kind of its own within this plugin: something is not there, or
// not there yet, since Mittwald's answers lag behind its deeds.
const notFound sdk.Kind = "not_found"

var word = regexp.MustCompile(`^[A-Za-z]{3,40}$`)

// failure reads Mittwald's errors, of which only the type goes on.
func (a *account) failure(answer outbound.Answer) error {
	e := a.http.Failure(answer)
	var said struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(answer.Body, &said) == nil && word.MatchString(said.Type) {
		e.Detail += ": " + said.Type
	}
	switch answer.Status {
	case http.StatusNotFound:
		e.Kind = notFound
	case http.StatusConflict: // another customer's, or another project's
		e.Kind = sdk.InvalidHost
	case http.StatusBadRequest:
		if said.Type == "ValidationError" {
			e.Kind = sdk.InvalidHost
		}
	}
	return e
}

func isNotFound(err error) bool {
	kind, _ := sdk.KindOf(err)
	return kind == notFound
}

// plain turns the plugin's own kind into one that the host knows.
func plain(err error) error {
	if isNotFound(err) {
		return &sdk.Error{Kind: sdk.Temporary, Detail: "Mittwald does not find what was there a moment ago"}
	}
	return err
}

func unreadable() error {
	return &sdk.Error{Kind: sdk.Unknown, Detail: "Mittwald's answer is unreadable"}
}
