package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/tenants/practice"
	"siegel/web/server"
)

type bookRequest struct {
	Key     string `header:"Idempotency-Key"`
	RawBody []byte
	Body    struct {
		Token      seal.Bytes    `json:"token"`
		Envelope   seal.Envelope `json:"envelope"`
		Channel    string        `json:"channel" enum:"mail,sms"`
		Address    string        `json:"address" maxLength:"254"`
		Secret     seal.Bytes    `json:"secret,omitempty"`
		SecretHash seal.Bytes    `json:"secret_hash"`
		Copy       seal.Bytes    `json:"copy"`
		Language   string        `json:"language" maxLength:"8"`
		Proof      *proofBody    `json:"proof,omitempty"`
	}
}

type pendingAnswer struct {
	Body struct {
		Booking   id.Booking `json:"booking_id"`
		Channel   string     `json:"channel"`
		Expires   time.Time  `json:"expires"`
		SendsLeft int        `json:"sends_left"`
	}
}

type secretRequest struct {
	Language string `header:"Accept-Language"`
	Body     struct {
		Secret seal.Bytes `json:"secret"`
		Code   string     `json:"code,omitempty" maxLength:"64"`
	}
}

type confirmRequest struct {
	Key string `header:"Idempotency-Key"`
	secretRequest
}

type namedPractitioner struct {
	ID   id.Practitioner `json:"id"`
	Name string          `json:"name"`
}

// bookingBody is a booking as its patient sees it. Pending ones have an end of
// life, booked ones an appointment, a calendar and the last time to cancel.
type bookingBody struct {
	Status       string                    `json:"status"`
	Booking      id.Booking                `json:"booking_id"`
	Appointment  *id.Appointment           `json:"appointment,omitempty"`
	Starts       time.Time                 `json:"starts"`
	Ends         time.Time                 `json:"ends"`
	Zone         string                    `json:"zone"`
	Practitioner namedPractitioner         `json:"practitioner"`
	Location     *practice.ProfileLocation `json:"location"`
	Expires      *time.Time                `json:"expires,omitempty"`
	CancelUntil  *time.Time                `json:"cancel_until,omitempty"`
	Copy         seal.Bytes                `json:"copy"`
	ICS          string                    `json:"ics,omitempty"`
}

type bookingAnswer struct{ Body bookingBody }

func mountBookings(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "book", Method: http.MethodPost, Path: "/api/v1/bookings", Status: http.StatusAccepted, Once: true,
		Summary: "Leave the sealed form and ask for the confirmation message",
	}, func(ctx context.Context, in *bookRequest) (*pendingAnswer, error) {
		if err := bookable(ctx); err != nil {
			return nil, err
		}
		p, err := v.Booking.Book(ctx, server.From(ctx).Tenant.ID, booking.BookRequest{
			Token: in.Body.Token, Envelope: in.Body.Envelope, Channel: booking.Channel(in.Body.Channel),
			Address: in.Body.Address, Secret: in.Body.Secret, SecretHash: in.Body.SecretHash, Copy: in.Body.Copy,
			Language: in.Body.Language, Proof: in.Body.Proof.proof(),
		}, once(in.Key, "book", in.RawBody))
		if err != nil {
			return nil, err
		}
		answer := &pendingAnswer{}
		answer.Body.Booking, answer.Body.Channel = p.Booking, string(p.Channel)
		answer.Body.Expires, answer.Body.SendsLeft = p.Expires, p.SendsLeft
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "peekBooking", Method: http.MethodPost, Path: "/api/v1/bookings/peek",
		Summary: "What a link would confirm; changes nothing",
	}, func(ctx context.Context, in *secretRequest) (*bookingAnswer, error) {
		b, err := v.Booking.Peek(ctx, server.From(ctx).Tenant.ID, in.Body.Secret)
		return sayBooking(ctx, v, b, err, in.Language)
	})
	server.Register(s, server.Operation{
		ID: "confirmBooking", Method: http.MethodPost, Path: "/api/v1/bookings/confirm", Once: true,
		Summary: "Make a pending booking an appointment",
	}, func(ctx context.Context, in *confirmRequest) (*bookingAnswer, error) {
		b, err := v.Booking.Confirm(ctx, server.From(ctx).Tenant.ID, in.Body.Secret, in.Body.Code)
		var wrong *booking.WrongCode
		if errors.As(err, &wrong) {
			p := server.ProblemOf(ctx, err)
			p.Extra = map[string]any{"tries_left": wrong.TriesLeft}
			return nil, p
		}
		var lost *booking.Overtaken
		if errors.As(err, &lost) {
			return nil, taken(ctx, v, err, lost.Service, lost.Starts)
		}
		return sayBooking(ctx, v, b, err, in.Language)
	})
	server.Register(s, server.Operation{
		ID: "viewBooking", Method: http.MethodPost, Path: "/api/v1/bookings/view",
		Summary: "The booking behind a patient's link",
	}, func(ctx context.Context, in *secretRequest) (*bookingAnswer, error) {
		b, err := v.Booking.View(ctx, server.From(ctx).Tenant.ID, in.Body.Secret)
		return sayBooking(ctx, v, b, err, in.Language)
	})
}

func sayBooking(ctx context.Context, v Services, b booking.Booking, err error, language string) (*bookingAnswer, error) {
	if err != nil {
		return nil, err
	}
	tenant := server.From(ctx).Tenant.ID
	offer, err := v.Practice.Offer(ctx, tenant)
	if err != nil {
		return nil, err
	}
	body := bookingBody{
		Status: b.Status, Booking: b.Booking, Starts: b.Starts, Ends: b.Ends, Zone: offer.Practice.Zone, Copy: b.Copy,
		Practitioner: namedPractitioner{ID: b.Practitioner},
	}
	// What the practice has taken out of its offer since is left unnamed.
	if p, ok := offer.Practitioner(b.Practitioner); ok {
		body.Practitioner.Name = p.Name
	}
	if l, ok := offer.Location(b.Location); ok {
		shown := l.Profile()
		body.Zone, body.Location = l.Zone, &shown
	}
	if b.Appointment.IsZero() {
		body.Expires = &b.Expires
		return &bookingAnswer{body}, nil
	}
	body.Appointment, body.CancelUntil = &b.Appointment, &b.CancelUntil
	if body.ICS, err = v.Booking.Calendar(ctx, tenant, b, primary(language)); err != nil {
		return nil, err
	}
	return &bookingAnswer{body}, nil
}

// primary is the language that a browser asks for first, as far as we speak it.
func primary(accept string) string {
	if len(accept) >= 2 && accept[:2] == "en" {
		return "en"
	}
	return "de"
}
