package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/pluginhost"
	"siegel/plugins/sdk"
	"siegel/tenants/notify"
	"siegel/web/server"
)

type deliveriesRequest struct {
	Scope string `query:"scope" maxLength:"64"`
	Days  int    `query:"days" default:"14" minimum:"1" maximum:"92"`
}

type countBody struct {
	Day        string      `json:"day"`
	Provider   id.Provider `json:"provider,omitzero"`
	Plugin     string      `json:"plugin"`
	State      string      `json:"state" enum:"queued,submitted,delivered,failed,expired"`
	Messages   int         `json:"messages"`
	Parts      int         `json:"parts"`
	CostMicros int64       `json:"cost_micros"`
	Currency   string      `json:"currency"`
}

type deliveriesAnswer struct {
	Body struct {
		From   string      `json:"from" doc:"The first day, UTC"`
		Until  string      `json:"until" doc:"The last day, which is today"`
		Counts []countBody `json:"counts"`
	}
}

type deliveryPath struct {
	Message string `path:"message" maxLength:"64"`
}

type deliveryBody struct {
	Booking  id.Booking `json:"booking_id,omitzero"`
	Channel  string     `json:"channel" enum:"mail,sms"`
	Kind     string     `json:"kind,omitempty"`
	Plugin   string     `json:"plugin"`
	State    string     `json:"state" enum:"queued,submitted,delivered,failed,expired"`
	Reported bool       `json:"reported" doc:"Its provider says what becomes of messages"`
	Code     string     `json:"code,omitempty"`
	Created  time.Time  `json:"created"`
	Ended    time.Time  `json:"ended,omitzero"`
}

type deliveryAnswer struct{ Body deliveryBody }

type bookingDeliveriesRequest struct {
	Bookings string `query:"bookings" required:"true" maxLength:"4200" doc:"Up to 100 ids with commas between"`
}

type bookingDeliveriesAnswer struct {
	Body struct {
		Deliveries []deliveryBody `json:"deliveries"`
	}
}

func mountDeliveries(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "countDeliveries", Method: http.MethodGet, Path: "/api/v1/deliveries",
		Summary: "What became of text messages, and what they cost, by day and provider",
	}, func(ctx context.Context, in *deliveriesRequest) (*deliveriesAnswer, error) {
		scope, err := scopeOf(ctx, s, in.Scope)
		if err != nil {
			return nil, err
		}
		counts, err := v.Deliveries.Counts(ctx, scope, in.Days)
		if err != nil {
			return nil, err
		}
		answer := &deliveriesAnswer{}
		today := time.Now().UTC()
		answer.Body.From = today.AddDate(0, 0, 1-in.Days).Format(time.DateOnly)
		answer.Body.Until = today.Format(time.DateOnly)
		answer.Body.Counts = each(counts, func(c notify.Count) countBody {
			return countBody{c.Day, c.Provider, c.Plugin, string(c.State), c.Messages, c.Parts, c.CostMicros, c.Currency}
		})
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "getDelivery", Method: http.MethodGet, Path: "/api/v1/deliveries/{message}",
		Summary: "What became of a test message",
	}, func(ctx context.Context, in *deliveryPath) (*deliveryAnswer, error) {
		message, err := parse[id.Message](in.Message)
		if err != nil {
			return nil, err
		}
		d, found, err := v.Deliveries.Delivery(ctx, message)
		if err != nil {
			return nil, err
		}
		if !found || !d.Booking.IsZero() { // a patient's is nobody's business here
			return nil, errForeignScope
		}
		return &deliveryAnswer{sayDelivery(d)}, nil
	})
	server.Register(s, server.Operation{
		ID: "listBookingDeliveries", Method: http.MethodGet, Path: "/api/v1/booking-deliveries",
		Summary: "What became of the messages of bookings, the latest first",
	}, func(ctx context.Context, in *bookingDeliveriesRequest) (*bookingDeliveriesAnswer, error) {
		var bookings []id.Booking
		for text := range strings.SplitSeq(in.Bookings, ",") {
			b, err := parse[id.Booking](text)
			if err != nil {
				return nil, err
			}
			bookings = append(bookings, b)
		}
		found, err := v.Deliveries.OfBookings(ctx, server.From(ctx).Tenant.ID, bookings)
		if err != nil {
			return nil, err
		}
		answer := &bookingDeliveriesAnswer{}
		answer.Body.Deliveries = each(found, sayDelivery)
		return answer, nil
	})
	reports := &reports{v: v, scheme: s.Scheme, buckets: map[id.Provider]*bucket{}}
	s.Raw("reportDelivery", fiber.MethodPost, server.HookPath+"sms/:token", reports.take)
	s.Raw("reportDelivery", fiber.MethodGet, server.HookPath+"sms/:token", reports.take)
}

func sayDelivery(d notify.Delivery) deliveryBody {
	return deliveryBody{Booking: d.Booking, Channel: d.Channel, Kind: d.Kind, Plugin: d.Plugin, State: string(d.State), Reported: d.Reports, Code: d.Code, Created: d.Created, Ended: d.Ended}
}

// reports takes what providers say of messages. The path is the secret that
// tells whose report it is; what it says is believed once the plugin has
// verified it.
type reports struct {
	v      Services
	scheme string

	mu      sync.Mutex
	buckets map[id.Provider]*bucket
}

// reportsASecond is how many reports one provider may send, with as many at once.
const reportsASecond = 100

type bucket struct {
	left float64
	at   time.Time
}

func (r *reports) allowed(provider id.Provider, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.buckets[provider]
	if b == nil {
		b = &bucket{left: reportsASecond, at: now}
		r.buckets[provider] = b
	}
	b.left = min(reportsASecond, b.left+now.Sub(b.at).Seconds()*reportsASecond)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// again is when a report about a message that we do not know yet is looked at
// once more: the provider may be faster than the note of what it took.
const again = 700 * time.Millisecond

// take answers 204 to what was understood, 403 to what is not signed, 404 to
// what is about nobody of ours, 400 to what is no report, and 503, for the
// provider to repeat it, where it cannot be told now.
func (r *reports) take(c *fiber.Ctx) error {
	ctx := c.UserContext()
	answer := func(status int) error { return c.SendStatus(status) }
	if r.v.Reporter == nil || r.v.Host == nil {
		return answer(fiber.StatusNotFound)
	}
	provider, err := r.v.Reporter(c.Params("token"))
	if err != nil {
		return answer(fiber.StatusNotFound)
	}
	if len(c.Body()) > sdk.MaxRequestBody {
		return answer(fiber.StatusRequestEntityTooLarge)
	}
	if !r.allowed(provider, time.Now()) {
		c.Set(fiber.HeaderRetryAfter, "1")
		return answer(fiber.StatusTooManyRequests)
	}
	p, err := r.v.Providers.Provider(ctx, provider)
	if err != nil {
		if fault.From(err).Code == fault.NotFound {
			return answer(fiber.StatusNotFound)
		}
		return answer(fiber.StatusServiceUnavailable)
	}
	line, err := r.v.Line(p)
	if err != nil {
		return answer(fiber.StatusServiceUnavailable)
	}
	opened, err := line.Open(ctx)
	if err != nil {
		return answer(fiber.StatusServiceUnavailable)
	}
	plugin, ok := opened.(pluginhost.Provider)
	if !ok {
		return answer(fiber.StatusServiceUnavailable)
	}
	deliveries, err := plugin.ParseDelivery(ctx, r.request(c))
	switch {
	case err == nil:
	case errors.Is(err, sdk.ErrUnsigned):
		return answer(fiber.StatusForbidden)
	case errors.Is(err, sdk.ErrForeign), errors.Is(err, sdk.ErrUnsupported):
		return answer(fiber.StatusNotFound)
	case errors.Is(err, sdk.ErrMalformedReport):
		return answer(fiber.StatusBadRequest)
	default:
		slog.WarnContext(ctx, "a delivery report could not be read", "provider", provider.String(), "reason", fault.From(err).Reason)
		return answer(fiber.StatusServiceUnavailable)
	}
	for _, d := range deliveries {
		known, err := r.v.Deliveries.Report(ctx, provider, d)
		if err == nil && !known {
			select {
			case <-time.After(again):
			case <-ctx.Done():
			}
			known, err = r.v.Deliveries.Report(ctx, provider, d)
		}
		if err != nil {
			return answer(fiber.StatusServiceUnavailable)
		}
		if !known && len(deliveries) == 1 {
			return answer(fiber.StatusNotFound)
		}
	}
	return answer(fiber.StatusNoContent)
}

// request is what came in, byte for byte: signatures cover it.
func (r *reports) request(c *fiber.Ctx) sdk.Request {
	request := sdk.Request{
		Method: c.Method(), Header: http.Header{}, Body: append([]byte(nil), c.Body()...),
		URL: r.scheme + "://" + string(c.Request().Header.Host()) + string(c.Request().Header.RequestURI()),
	}
	for name, value := range c.Request().Header.All() {
		if http.CanonicalHeaderKey(string(name)) != "Cookie" {
			request.Header.Add(string(name), string(value))
		}
	}
	return request
}
