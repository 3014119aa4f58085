package sdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"unicode/utf8"
)

// DeliveryParser is an [SMS] whose provider reports what became of messages.
// It names the capability [DeliveryReports].
type DeliveryParser interface {
	// ParseDelivery reads a request of the provider's. It believes nothing
	// that it has not verified, by the request's signature or by asking the
	// provider, and returns [ErrUnsigned], [ErrForeign] or [ErrMalformedReport]
	// for what is no report to believe. An [*Error] means that it could not be
	// verified now; the provider should repeat it. A nil list without an error
	// is an event of another kind.
	ParseDelivery(ctx context.Context, r Request) ([]Delivery, error)
}

// Why a request is no report to believe.
var (
	// ErrUnsigned: the signature is missing, wrong or too old.
	ErrUnsigned = errors.New("sms: the delivery report is not signed by the provider")
	// ErrForeign: it is about another account, or a message that the provider
	// does not know.
	ErrForeign = errors.New("sms: the delivery report is about something else")
	// ErrMalformedReport: it is not a report of this provider at all.
	ErrMalformedReport = errors.New("sms: the delivery report is malformed")
)

// Request is an HTTP request as a provider sent it. Signatures cover it, so
// nothing of it is written anew on the way.
type Request struct {
	// Method is upper case, such as "POST".
	Method string
	// URL is what the provider called, with scheme, host, path and query, byte
	// for byte. It has a port where the provider named one.
	URL    string
	Header http.Header
	Body   []byte
}

// The most that a request has: of URL and headers together, and of body.
const (
	MaxRequestHead = 16 << 10
	MaxRequestBody = 32 << 10
)

var method = regexp.MustCompile(`^[A-Z]{1,10}$`)

// Check reports, as [ErrMalformedReport], why no plugin could read r.
func (r Request) Check() error {
	head := len(r.URL)
	for name, values := range r.Header {
		for _, v := range values {
			head += len(name) + len(v)
			if !utf8.ValidString(name) || !utf8.ValidString(v) {
				return fmt.Errorf("%w: a header is not UTF-8", ErrMalformedReport)
			}
		}
	}
	u, err := url.Parse(r.URL)
	switch {
	case !method.MatchString(r.Method):
		return fmt.Errorf("%w: there is no method", ErrMalformedReport)
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || !utf8.ValidString(r.URL):
		return fmt.Errorf("%w: the URL is not complete", ErrMalformedReport)
	case head > MaxRequestHead || len(r.Body) > MaxRequestBody:
		return fmt.Errorf("%w: it is too large", ErrMalformedReport)
	}
	return nil
}

// DeliveryState says how far a message has come.
type DeliveryState string

// The states. Providers repeat reports and send older ones later: a message
// that was delivered, failed or expired does not become pending again.
const (
	// Pending: on its way; also where the provider does not know.
	Pending DeliveryState = "pending"
	// Delivered: the recipient's device has it.
	Delivered DeliveryState = "delivered"
	// Failed: refused or given up.
	Failed DeliveryState = "failed"
	// Expired: not deliverable in the time allowed.
	Expired DeliveryState = "expired"
)

// Delivery says what became of a message. It has at least one of the ids.
type Delivery struct {
	// MessageID is [Message.ID]; empty where the provider does not repeat it.
	MessageID string
	// ProviderID is [Receipt.ProviderID].
	ProviderID string
	State      DeliveryState
	// Code is the provider's own word for it, for the operator.
	Code string
}

// maxDeliveries is how many a single request reports at most.
const maxDeliveries = 100

func (d Delivery) check() error {
	switch {
	case d.MessageID == "" && d.ProviderID == "":
		return malformed("delivery without an id")
	case d.MessageID != "" && !messageID.MatchString(d.MessageID):
		return malformed("delivery's message id is none of the host's")
	case !printable(d.ProviderID, 200):
		return malformed("provider id is too long or unprintable")
	}
	return nil
}

// IsMessageID says whether id could be a [Message.ID]. A provider's report may
// carry something else where a plugin looks for it.
func IsMessageID(id string) bool { return messageID.MatchString(id) }
