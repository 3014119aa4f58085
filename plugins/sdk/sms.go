package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SMS is a provider of short messages. Its methods are called from many
// goroutines at once, each with a deadline of some seconds. An error that is
// an [*Error] says whose fault it is; any other is taken for [Unknown].
//
// What not every provider has is an interface of its own: [DeliveryParser]
// and [Balancer].
type SMS interface {
	// Describe says what the plugin is. It needs no settings and no network,
	// and answers the same each time.
	Describe(ctx context.Context) (Description, error)
	// Configure puts settings into force, replacing earlier ones whole. It
	// returns an error of kind [BadSettings] for those it cannot use, and
	// then keeps the earlier ones.
	Configure(ctx context.Context, s Settings) error
	// DryRun says what Send would do, and sends nothing.
	DryRun(ctx context.Context, m Message) (Estimate, error)
	// Send hands one message to the provider.
	Send(ctx context.Context, m Message) (Receipt, error)
}

// Message is one short message.
type Message struct {
	// ID stays the same when a message is sent again: 1 to 64 letters, digits,
	// hyphens and underscores.
	ID string
	// To is the recipient in E.164, such as "+4915112345678".
	To string
	// Sender is a name of up to 11 letters, digits and spaces, or a number in
	// E.164. Empty means the provider's default.
	Sender string
	// Text has 1 to 1000 characters and no control characters but new lines.
	Text string
}

var (
	messageID   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	e164        = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	namedSender = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ]{0,10}$`)
	pluginName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	country     = regexp.MustCompile(`^[A-Z]{2}$`)
)

// Check reports why no provider could send m, as an [*Error] of kind
// [InvalidRecipient], [InvalidSender] or [Content].
func (m Message) Check() error {
	switch {
	case !messageID.MatchString(m.ID):
		return &Error{Kind: Content, Detail: "the message id is malformed"}
	case !e164.MatchString(m.To):
		return &Error{Kind: InvalidRecipient, Detail: "the recipient is not a number in E.164"}
	case m.Sender != "" && !namedSender.MatchString(m.Sender) && !e164.MatchString(m.Sender):
		return &Error{Kind: InvalidSender, Detail: "the sender is neither a short name nor a number in E.164"}
	case m.Text == "" || utf8.RuneCountInString(m.Text) > 1000 || !utf8.ValidString(m.Text):
		return &Error{Kind: Content, Detail: "the text is empty, too long or not UTF-8"}
	case strings.ContainsFunc(m.Text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }):
		return &Error{Kind: Content, Detail: "the text has control characters"}
	}
	return nil
}

// Receipt is what the provider answered to a message it took.
type Receipt struct {
	// ProviderID is the provider's name for the message; empty where it gives none.
	ProviderID string
	// Parts is how many the network charges, at least 1.
	Parts int
}

func (r Receipt) check() error {
	if !printable(r.ProviderID, 200) {
		return malformed("provider id is too long or unprintable")
	}
	return checkParts(r.Parts)
}

// Estimate is what a message would cost.
type Estimate struct {
	// Parts is how many the network would charge, at least 1.
	Parts int
}

func checkParts(n int) error {
	if n < 1 || n > 100 {
		return malformed("parts are not between 1 and 100")
	}
	return nil
}

// Capability is something that not every provider can do.
type Capability string

// The capabilities.
const (
	// CheckedDryRun: the provider itself checks a DryRun; without it the
	// plugin only computes.
	CheckedDryRun Capability = "dry_run"
	// NamedSender: the sender may be a name.
	NamedSender Capability = "named_sender"
	// UniqueID: the provider refuses an id that it has seen.
	UniqueID Capability = "unique_id"
	// DeliveryReports: the plugin is a [DeliveryParser].
	DeliveryReports Capability = "delivery_reports"
	// AccountBalance: the plugin is a [Balancer].
	AccountBalance Capability = "balance"
)

// Processor is the company that processes the data; the privacy text names it.
type Processor struct {
	Company string
	Address string
	// Country is ISO 3166-1 alpha-2, such as "DE".
	Country string
}

// Description says what a plugin is.
type Description struct {
	// Name is lower case, as in the file's name siegel-plugin-<service>-<name>.
	Name string
	// Version is for people.
	Version string
	// Schema is the JSON Schema (draft 2020-12) of the settings, of type
	// object. Secrets carry "writeOnly": true. A setting named delivery_url, of
	// an [SMS], is the address to which the provider shall report; the host
	// proposes its own.
	Schema       json.RawMessage
	Capabilities []Capability
	Processor    Processor
}

// Has says whether the plugin names a capability.
func (d Description) Has(c Capability) bool { return slices.Contains(d.Capabilities, c) }

// Check reports what a host could not show or store in d.
func (d Description) Check() error {
	var schema struct {
		Type string `json:"type"`
	}
	switch {
	case !pluginName.MatchString(d.Name):
		return malformed("name is not a short lower-case word")
	case d.Version == "" || !printable(d.Version, 40):
		return malformed("version is missing, too long or unprintable")
	case d.Processor.Company == "" || !printable(d.Processor.Company, 200):
		return malformed("processor's company is missing, too long or unprintable")
	case d.Processor.Address == "" || !printable(d.Processor.Address, 300):
		return malformed("processor's address is missing, too long or unprintable")
	case !country.MatchString(d.Processor.Country):
		return malformed("processor's country is not an ISO 3166-1 alpha-2 code")
	case len(d.Schema) > 32<<10 || json.Unmarshal(d.Schema, &schema) != nil || schema.Type != "object":
		return malformed("settings schema is not a JSON Schema of type object")
	}
	return nil
}

// Settings is the JSON object that the plugin's schema describes.
type Settings []byte

// Decode reads the settings into a pointer to a struct with json tags. It
// returns an error of kind [BadSettings] for unknown keys and wrong types; the
// error does not repeat any value.
func (s Settings) Decode(into any) error {
	d := json.NewDecoder(bytes.NewReader(s))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	if err == nil {
		return nil
	}
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return BadSetting(fmt.Sprintf("setting %q has the wrong type", wrong.Field))
	case strings.HasPrefix(err.Error(), "json: unknown field"):
		return BadSetting(strings.TrimPrefix(err.Error(), "json: "))
	}
	return BadSetting("the settings are not a JSON object")
}
