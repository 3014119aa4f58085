// Package id names things. An id is a uuid v7 in the database and in what
// keys are bound to, and the same uuid behind a type's prefix in the API
// ("apt_0197…"), so that an id of one kind is never taken for another.
package id

import (
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"siegel/platform/fault"
)

// ErrMalformed is returned for text that is not an id of the wanted kind.
var ErrMalformed = fault.New(fault.Invalid, "malformed_id")

type kind interface{ prefix() string }

// ID is an id of one kind. The zero value is no id.
type ID[K kind] struct{ u uuid.UUID }

// New returns a fresh id; ids made later sort later, to the millisecond.
func New[T ~struct{ u uuid.UUID }]() T { return T{uuid.Must(uuid.NewV7())} }

// Parse reads the prefixed form. It returns [ErrMalformed] for anything else.
func Parse[K kind](s string) (ID[K], error) {
	var id ID[K]
	err := id.UnmarshalText([]byte(s))
	return id, err
}

// FromUUID reads the bare 36-character form, as keys and envelopes are bound to it.
func FromUUID[K kind](s string) (ID[K], error) {
	u, err := uuid.Parse(s)
	if err != nil || u.String() != s {
		return ID[K]{}, ErrMalformed
	}
	return ID[K]{u}, nil
}

// UUID is the bare lower-case 36-character form.
func (id ID[K]) UUID() string { return id.u.String() }

// IsZero reports whether id is no id.
func (id ID[K]) IsZero() bool { return id.u == uuid.Nil }

// Bytes are the 16 bytes of the uuid, for comparing and ordering.
func (id ID[K]) Bytes() [16]byte { return id.u }

// String is the prefixed form.
func (id ID[K]) String() string {
	var k K
	return k.prefix() + id.u.String()
}

// MarshalText writes the prefixed form.
func (id ID[K]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the prefixed form, lower case only.
func (id *ID[K]) UnmarshalText(text []byte) error {
	var k K
	rest, ok := strings.CutPrefix(string(text), k.prefix())
	if !ok {
		return ErrMalformed
	}
	parsed, err := FromUUID[K](rest)
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Value writes the uuid to the database.
func (id ID[K]) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id.u.String(), nil
}

// Scan reads a uuid from the database; null becomes the zero value.
func (id *ID[K]) Scan(src any) error {
	if src == nil {
		*id = ID[K]{}
		return nil
	}
	if err := id.u.Scan(src); err != nil {
		return fmt.Errorf("scan id: %w", err)
	}
	return nil
}

type (
	tenant        struct{}
	account       struct{}
	location      struct{}
	practitioner  struct{}
	resource      struct{}
	service       struct{}
	window        struct{}
	closure       struct{}
	hold          struct{}
	booking       struct{}
	appointment   struct{}
	envelope      struct{}
	message       struct{}
	quota         struct{}
	chain         struct{}
	calendar      struct{}
	reseller      struct{}
	registration  struct{}
	invitation    struct{}
	apiToken      struct{}
	provider      struct{}
	place         struct{}
	offer         struct{}
	communication struct{}
	run           struct{}
	customer      struct{}
	file          struct{}
	request       struct{}
	connector     struct{}
	webhook       struct{}
	delivery      struct{}
	event         struct{}
)

func (tenant) prefix() string        { return "ten_" }
func (account) prefix() string       { return "acc_" }
func (location) prefix() string      { return "loc_" }
func (practitioner) prefix() string  { return "prc_" }
func (resource) prefix() string      { return "res_" }
func (service) prefix() string       { return "svc_" }
func (window) prefix() string        { return "win_" }
func (closure) prefix() string       { return "cls_" }
func (hold) prefix() string          { return "hld_" }
func (booking) prefix() string       { return "bkg_" }
func (appointment) prefix() string   { return "apt_" }
func (envelope) prefix() string      { return "env_" }
func (message) prefix() string       { return "msg_" }
func (quota) prefix() string         { return "quo_" }
func (chain) prefix() string         { return "chn_" }
func (calendar) prefix() string      { return "cal_" }
func (reseller) prefix() string      { return "rsl_" }
func (registration) prefix() string  { return "reg_" }
func (invitation) prefix() string    { return "inv_" }
func (apiToken) prefix() string      { return "tok_" }
func (provider) prefix() string      { return "pvd_" }
func (place) prefix() string         { return "plc_" }
func (offer) prefix() string         { return "off_" }
func (communication) prefix() string { return "com_" }
func (run) prefix() string           { return "run_" }
func (customer) prefix() string      { return "cus_" }
func (file) prefix() string          { return "fil_" }
func (request) prefix() string       { return "req_" }
func (connector) prefix() string     { return "con_" }
func (webhook) prefix() string       { return "whk_" }
func (delivery) prefix() string      { return "dlv_" }
func (event) prefix() string         { return "evt_" }

// The kinds of id. A booking keeps its id through moves; each appointment it
// becomes has its own.
type (
	Tenant       = ID[tenant]
	Account      = ID[account]
	Location     = ID[location]
	Practitioner = ID[practitioner]
	Resource     = ID[resource]
	Service      = ID[service]
	Window       = ID[window]
	Closure      = ID[closure]
	Hold         = ID[hold]
	Booking      = ID[booking]
	Appointment  = ID[appointment]
	Envelope     = ID[envelope]
	Message      = ID[message]
	Quota        = ID[quota]
	Chain        = ID[chain]
	Calendar     = ID[calendar]
	Reseller     = ID[reseller]
	Registration = ID[registration]
	Invitation   = ID[invitation]
	APIToken     = ID[apiToken]
	Provider     = ID[provider]
	// Place is one on a waiting list, Offer a time that was offered to it.
	Place         = ID[place]
	Offer         = ID[offer]
	Communication = ID[communication]
	Run           = ID[run]
	Customer      = ID[customer]
	File          = ID[file]
	Request       = ID[request]
	Connector     = ID[connector]
	Webhook       = ID[webhook]
	// Delivery is one event on its way to one webhook; Event is the same
	// for all of them.
	Delivery = ID[delivery]
	Event    = ID[event]
)
