// Package onboarding leads a business from wanting to take part to the first
// bookable slot, and says what is still missing.
//
// A [Service] promises that the public cannot book a practice before its owner
// has opened it, and that an owner cannot open it while something that the law
// or the keys demand is missing ([Service.Obstacles]): this is decided here and
// nowhere else. It promises that a registration says nothing of who is known,
// dies after a day and makes at most one tenant, however often it is
// confirmed; and that what was agreed to is kept as it was read. Which parties
// an agreement is between, and how long a trial lasts, it is told.
package onboarding

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/link"
	"siegel/platform/memo"
	"siegel/platform/postgres"
	"siegel/tenants/keyring"
	"siegel/tenants/practice"
	"siegel/tenants/registry"
	"siegel/tenants/staff"
)

// Age is how old an answer may be that is given from memory.
const Age = time.Second

// The purposes of links; see platform/link.
const (
	registrationLink = "registration"
	invitationLink   = "invitation"
	handoverLink     = "handover"
)

// What callers act on, beside the [Mistakes] of what was typed.
var (
	// ErrExpired is returned for a link that is used up, withdrawn or too old.
	ErrExpired = fault.New(fault.Expired, "link_expired")
	// ErrTooMany is returned where one network asks too often.
	ErrTooMany = fault.New(fault.Limited, "too_many_attempts")
	// ErrUnknownBusiness is returned for a tenant that was never prepared.
	ErrUnknownBusiness = fault.New(fault.NotFound, "unknown_business")
	// ErrObstacles is what an [ObstaclesError] is.
	ErrObstacles = fault.New(fault.Conflict, "obstacles")
	// ErrAgreementChanged is returned for accepting a text that is not, or no
	// longer, the one to accept.
	ErrAgreementChanged = fault.New(fault.Conflict, "agreement_changed")
	// ErrAlreadyInvited is returned for inviting an address twice.
	ErrAlreadyInvited = fault.New(fault.Conflict, "already_invited")
	// ErrUnknownInvitation is returned where there is nothing to resend or withdraw.
	ErrUnknownInvitation = fault.New(fault.NotFound, "unknown_invitation")
)

// Config is what a [Service] needs. Every field without a remark is required.
type Config struct {
	DB       *postgres.DB
	Registry *registry.Service
	Practice *practice.Service
	Staff    *staff.Service
	Keyring  *keyring.Service
	Links    *link.Maker
	// MAC hashes the network that a visitor comes from, under a key.
	MAC func(purpose string, data ...string) []byte
	// Host is the address, scheme included, of a tenant's host of a kind; the
	// portal's for the zero tenant.
	Host func(ctx context.Context, tenant id.Tenant, kind registry.Kind) (string, error)
	// Operator is who runs the installation.
	Operator Party
	// Contract says with whom a tenant has its agreement; nil is with the operator.
	Contract func(ctx context.Context, tenant id.Tenant) (Contract, error)
	// Others are obstacles that are known elsewhere, such as what the operator
	// has yet to enter; nil knows none.
	Others func(ctx context.Context, tenant id.Tenant) ([]Obstacle, error)
	// CheckSlug says whether a new tenant may have a slug: registry.ErrMalformedSlug,
	// registry.ErrReservedSlug or registry.ErrSlugTaken where not.
	CheckSlug func(ctx context.Context, slug string) error
	// Begin makes the tenant of a confirmed registration, on trial.
	Begin func(ctx context.Context, slug string) (registry.Tenant, error)
	// HandedOver is told that a prepared practice has its owner; may be nil.
	HandedOver func(ctx context.Context, tenant id.Tenant) error
	// Wake says that a message waits; may be nil.
	Wake func()
	// Editions are the texts of the agreement, the newest last; [Editions] where nil.
	Editions []Edition
	// Now is the clock by which answers age and agreements fall due; time.Now where nil.
	Now func() time.Time
}

// Service is onboarding for all tenants. Safe for concurrent use.
type Service struct {
	Config
	specialties []Specialty
	standing    *memo.Cache[id.Tenant, standing]
}

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || c.Registry == nil || c.Practice == nil || c.Staff == nil || c.Keyring == nil || c.Links == nil || c.MAC == nil || c.Host == nil || c.CheckSlug == nil || c.Begin == nil {
		return nil, errors.New("onboarding: incomplete config")
	}
	if c.Operator.Name == "" {
		return nil, errors.New("onboarding: the operator has no name")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Others == nil {
		c.Others = func(context.Context, id.Tenant) ([]Obstacle, error) { return nil, nil }
	}
	if c.HandedOver == nil {
		c.HandedOver = func(context.Context, id.Tenant) error { return nil }
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	if c.Editions == nil {
		c.Editions = Editions()
	}
	specialties, err := readSpecialties()
	if err != nil {
		return nil, fmt.Errorf("onboarding: %w", err)
	}
	return &Service{Config: c, specialties: specialties, standing: memo.New[id.Tenant, standing](Age, 20_000, c.Now)}, nil
}

// networkOf is what a visitor counts for: what one subscriber is usually given.
func networkOf(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	bits := 24
	if ip.Is6() {
		bits = 56
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// Mistake is one field that is not as it has to be: the field by its name in
// the API, and why as a stable word.
type Mistake struct {
	Field string `json:"field"`
	Why   string `json:"why"`
}

// Mistakes are all of them. It is a fault of code invalid, "invalid_fields".
type Mistakes []Mistake

// ErrInvalidFields is what [Mistakes] are.
var ErrInvalidFields = fault.New(fault.Invalid, "invalid_fields")

func (m Mistakes) Error() string { return fmt.Sprintf("%d invalid fields", len(m)) }

// Unwrap returns the fault.
func (m Mistakes) Unwrap() error { return ErrInvalidFields }

func (m Mistakes) orNil() error {
	if len(m) == 0 {
		return nil
	}
	return m
}
