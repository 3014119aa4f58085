// Package booking turns a free slot into an appointment.
//
// [Service.Hold] takes a slot out of sale while the patient fills in the form;
// [Service.Book] keeps the sealed form pending and asks the patient to confirm;
// [Service.Confirm] makes it an appointment. Holds and pending bookings live
// in Redis, encrypted, for at most an hour: losing Redis loses them, never an
// appointment. That no two appointments overlap is promised by the database
// (appointment_no_overlap); that only an offered time is booked, by checking
// the offer and committing against the version it was read at.
//
// The names are those of IHE ITI-115 to -117: find, hold, book. Confirm is the
// patient's second factor before a booking counts. What the patient typed
// reaches this package sealed; the exceptions are one address for the
// confirmation and the service, both gone after the hour or the confirmation.
package booking

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/netip"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/tenants/keyring"
	"siegel/tenants/practice"
)

// How long things live, and how many there may be.
const (
	// HoldTTL is the life of a hold, and what each of its extensions gives.
	HoldTTL = 10 * time.Minute
	// HoldExtensions is how often a hold can be extended.
	HoldExtensions = 2
	// PendingByMail is the life of a booking that waits for its mail link.
	PendingByMail = time.Hour
	// PendingByCode is the life of a booking that waits for its SMS code.
	PendingByCode = 10 * time.Minute
	// MessagesPerHold is how many confirmation messages one hold can cause.
	MessagesPerHold = 3
	// CodeTries is how often a code may be tried.
	CodeTries = 5

	holdsPerBrowser     = 2
	holdsPerNetworkFree = 10
	holdsPerNetwork     = 30
	mailsPerAddressHour = 3
	textsPerNumberDay   = 3
	receiptTTL          = time.Minute
)

// What a caller can act on.
var (
	ErrSlotTaken        = fault.New(fault.Conflict, "slot_taken")
	ErrNotOffered       = fault.New(fault.Invalid, "slot_not_offered")
	ErrClosed           = fault.New(fault.Conflict, "booking_closed")
	ErrQuotaFull        = fault.New(fault.Conflict, "quota_full")
	ErrMalformedItems   = fault.New(fault.Invalid, "malformed_items")
	ErrTooManyBookings  = fault.New(fault.Limited, "too_many_bookings").After(time.Hour)
	ErrWrongStatus      = fault.New(fault.Conflict, "wrong_status")
	ErrTooManyHolds     = fault.New(fault.Limited, "too_many_holds").After(time.Minute)
	ErrDayFull          = fault.New(fault.Limited, "day_too_busy").After(time.Minute)
	ErrProofRequired    = fault.New(fault.Limited, "proof_required")
	ErrHoldExpired      = fault.New(fault.Expired, "hold_expired")
	ErrNoExtensionLeft  = fault.New(fault.Conflict, "no_extension_left")
	ErrMismatch         = fault.New(fault.Invalid, "idempotency_mismatch")
	ErrBusy             = fault.New(fault.Conflict, "changed_meanwhile")
	ErrForeignEnvelope  = fault.New(fault.Invalid, "malformed_envelope")
	ErrMalformedSecret  = fault.New(fault.Invalid, "malformed_secret")
	ErrMalformedCopy    = fault.New(fault.Invalid, "malformed_copy")
	ErrMalformedToken   = fault.New(fault.Invalid, "malformed_token")
	ErrChannel          = fault.New(fault.Invalid, "channel_not_offered")
	ErrAddress          = fault.New(fault.Invalid, "invalid_address")
	ErrTooManyMessages  = fault.New(fault.Limited, "too_many_messages").After(time.Hour)
	ErrLinkExpired      = fault.New(fault.Expired, "link_expired")
	ErrAddressLapsed    = fault.New(fault.Expired, "address_lapsed")
	ErrUnknownBooking   = fault.New(fault.NotFound, "not_found")
	errStaleOffer       = errors.New("the offer changed while booking")
	errUnreadableRecord = errors.New("a record of ours does not parse")
)

// Budget opens the account of a message in the transaction that queues it, and
// reserves what a text message costs.
type Budget interface {
	AppendBudget(b *postgres.Batch, tenant id.Tenant, message id.Message, booking id.Booking)
	AppendMail(b *postgres.Batch, tenant id.Tenant, message id.Message, booking id.Booking, kind string)
	BudgetError(err error) error
}

// Config wires a [Service]. Every field without a remark is required.
type Config struct {
	DB       *postgres.DB
	Redis    *redisdb.Client
	Practice *practice.Service
	Keyring  *keyring.Service
	Budget   Budget
	// Wake nudges the relay after a message was queued; nil leaves it to its poll.
	Wake func()
	// PatientURL is the address of a tenant's patient pages, without a slash at
	// the end.
	PatientURL func(ctx context.Context, tenant id.Tenant) (string, error)
	// Base is the base domain, for ids that the world may see.
	Base string
	// Countries are the calling codes that text messages may go to; empty means
	// 49, 43 and 41.
	Countries []int
	// Now tells the time for offers and times shown; expiry is decided by Redis
	// and the database. Nil means time.Now.
	Now func() time.Time
}

// Service books. Safe for concurrent use.
type Service struct {
	Config
}

// NewService checks c and returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || c.Redis == nil || c.Practice == nil || c.Keyring == nil || c.Budget == nil || c.PatientURL == nil {
		return nil, errors.New("booking: incomplete config")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	if len(c.Countries) == 0 {
		c.Countries = []int{49, 43, 41}
	}
	return &Service{c}, nil
}

// Visitor is who asks, as far as caps need to tell visitors apart.
type Visitor struct {
	// Browser is the value of the visit cookie.
	Browser string
	// Address is the client's address; caps count its /24 or /56.
	Address netip.Addr
}

func (v Visitor) network() string {
	bits := 24
	a := v.Address.Unmap()
	if a.Is6() {
		bits = 56
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

// Once is an idempotency key and the hash of the request it came with.
type Once struct {
	Key     string
	Request []byte
}

// key is the name of a tenant's record.
func key(tenant id.Tenant, parts ...string) string { return redisdb.TenantKey(tenant, parts...) }

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func random(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		panic(err) // crypto/rand never fails on supported systems
	}
	return b
}

// enqueue has something looked at soon; in an hour nobody needs it any more.
func enqueue(b *postgres.Batch, tenant id.Tenant, kind, ref string) {
	jobs.Add(b, jobs.Message{ID: id.New[id.Message](), Tenant: tenant, Kind: kind, Ref: ref, TTL: lookTTL})
}
