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
		Token seal.Bytes `json:"token"`
		// Envelope and Copy are for a hold of one slot, Envelopes and Copies for
		// one of several, in its order.
		Envelope   *seal.Envelope  `json:"envelope,omitempty"`
		Copy       seal.Bytes      `json:"copy,omitempty"`
		Envelopes  []seal.Envelope `json:"envelopes,omitempty" maxItems:"12"`
		Copies     []seal.Bytes    `json:"copies,omitempty" maxItems:"12"`
		Channel    string          `json:"channel" enum:"mail,sms"`
		Address    string          `json:"address" maxLength:"254"`
		Secret     seal.Bytes      `json:"secret,omitempty"`
		SecretHash seal.Bytes      `json:"secret_hash"`
		Language   string          `json:"language" maxLength:"8"`
		Proof      *proofBody      `json:"proof,omitempty"`
		Waiting    seal.Bytes      `json:"waiting,omitempty" doc:"The secret of a place on the waiting list, which ends with the booking"`
	}
}

// forms are the sealed forms, listed or the one that is not.
func (in *bookRequest) forms() ([]booking.Form, error) {
	b := &in.Body
	alone, listed := b.Envelope != nil || b.Copy != nil, b.Envelopes != nil || b.Copies != nil
	switch {
	case alone == listed, listed && len(b.Envelopes) != len(b.Copies):
		return nil, booking.ErrMalformedItems
	case alone && b.Envelope == nil:
		return nil, booking.ErrForeignEnvelope
	case alone:
		return []booking.Form{{Envelope: *b.Envelope, Copy: b.Copy}}, nil
	}
	forms := make([]booking.Form, len(b.Envelopes))
	for i := range forms {
		forms[i] = booking.Form{Envelope: b.Envelopes[i], Copy: b.Copies[i]}
	}
	return forms, nil
}

type pendingAnswer struct {
	Body struct {
		Booking   id.Booking `json:"booking_id"`
		Channel   string     `json:"channel" enum:"mail,sms"`
		Expires   time.Time  `json:"expires"`
		SendsLeft int        `json:"sends_left"`
	}
}

// SecretRequest names a booking by its link's secret. It is exported since huma
// does not look into embedded types that are not.
type SecretRequest struct {
	Language string `header:"Accept-Language"`
	Body     struct {
		Secret seal.Bytes `json:"secret"`
		Code   string     `json:"code,omitempty" maxLength:"64"`
	}
}

type confirmRequest struct {
	Key string `header:"Idempotency-Key"`
	SecretRequest
}

type cancelRequest struct {
	Language string `header:"Accept-Language"`
	Body     struct {
		Secret  seal.Bytes `json:"secret"`
		Booking id.Booking `json:"booking_id,omitzero" doc:"One visit of several; without it all that lie ahead"`
	}
}

type moveRequest struct {
	Language string `header:"Accept-Language"`
	Body     struct {
		Secret  seal.Bytes `json:"secret"`
		Booking id.Booking `json:"booking_id,omitzero" doc:"One visit of several; without it the first"`
		Hold    id.Hold    `json:"hold" doc:"The hold of the new slot"`
		Token   seal.Bytes `json:"token" doc:"Its token"`
		Copy    seal.Bytes `json:"copy,omitempty" doc:"The patient's copy for the new slot"`
		Items   []moveItem `json:"items,omitempty" maxItems:"12" doc:"Several visits that move together, in the order of the hold; instead of booking_id and copy"`
	}
}

type moveItem struct {
	Booking id.Booking `json:"booking_id"`
	Copy    seal.Bytes `json:"copy"`
}

// several are the visits that move together; nil where one moves alone.
func (in *moveRequest) several() (items []booking.MoveItem) {
	for _, x := range in.Body.Items {
		items = append(items, booking.MoveItem{Booking: x.Booking, Copy: x.Copy})
	}
	return items
}

type namedPractitioner struct {
	ID   id.Practitioner `json:"id"`
	Name string          `json:"name"`
}

// bookingBody is a booking as its patient sees it. Pending ones have an end of
// life, booked ones a calendar. Items are all of its visits; the first one
// stands outside as well.
type bookingBody struct {
	VisitBody
	Zone    string     `json:"zone"`
	Expires *time.Time `json:"expires,omitempty"`
	// Confirmation is by_staff where the practice has the last word.
	Confirmation string `json:"confirmation,omitempty" enum:"at_once,by_staff"`
	ICS          string `json:"ics,omitempty"`
	// Video is where visits by video are held; which ones are, and in which room, stands sealed in their copies.
	Video *practice.Video `json:"video,omitempty"`
	Items []VisitBody     `json:"items"`
}

// VisitBody is one visit of a booking; booked, it has an appointment and the
// last times to cancel and to move.
type VisitBody struct {
	Status       string                    `json:"status" enum:"pending,requested,proposed,booked,arrived,checked-in,fulfilled,noshow,cancelled"`
	Booking      id.Booking                `json:"booking_id"`
	Appointment  *id.Appointment           `json:"appointment,omitempty"`
	Starts       time.Time                 `json:"starts"`
	Ends         time.Time                 `json:"ends"`
	Practitioner namedPractitioner         `json:"practitioner"`
	Location     *practice.ProfileLocation `json:"location"`
	CancelUntil  *time.Time                `json:"cancel_until,omitempty"`
	MoveUntil    *time.Time                `json:"move_until,omitempty"`
	AnswerUntil  *time.Time                `json:"answer_until,omitempty" doc:"Of a request: then it lapses"`
	Lapsed       bool                      `json:"lapsed,omitempty" doc:"A request that got no answer in time"`
	Copy         seal.Bytes                `json:"copy"`
}

type bookingAnswer struct{ Body bookingBody }

func mountBookings(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "book", Method: http.MethodPost, Path: "/api/v1/bookings", Status: http.StatusAccepted, Once: true,
		Body:    12 * 48 << 10, // sealed forms and copies of all slots of a hold
		Summary: "Leave the sealed form and ask for the confirmation message",
	}, func(ctx context.Context, in *bookRequest) (*pendingAnswer, error) {
		if err := v.Bookable(ctx); err != nil {
			return nil, err
		}
		forms, err := in.forms()
		if err != nil {
			return nil, err
		}
		p, err := v.Booking.Book(ctx, server.From(ctx).Tenant.ID, booking.BookRequest{
			Token: in.Body.Token, Forms: forms, Channel: booking.Channel(in.Body.Channel),
			Address: in.Body.Address, Secret: in.Body.Secret, SecretHash: in.Body.SecretHash,
			Language: in.Body.Language, Proof: in.Body.Proof.proof(), Waiting: in.Body.Waiting,
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
	}, func(ctx context.Context, in *SecretRequest) (*bookingAnswer, error) {
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
	}, func(ctx context.Context, in *SecretRequest) (*bookingAnswer, error) {
		b, err := v.Booking.View(ctx, server.From(ctx).Tenant.ID, in.Body.Secret)
		return sayBooking(ctx, v, b, err, in.Language)
	})
	server.Register(s, server.Operation{
		ID: "cancelBooking", Method: http.MethodPost, Path: "/api/v1/bookings/cancel",
		Summary: "Cancel by the patient's link",
	}, func(ctx context.Context, in *cancelRequest) (*bookingAnswer, error) {
		b, err := v.Booking.Cancel(ctx, server.From(ctx).Tenant.ID, in.Body.Secret, in.Body.Booking)
		return sayBooking(ctx, v, b, err, in.Language)
	})
	server.Register(s, server.Operation{
		ID: "moveBooking", Method: http.MethodPost, Path: "/api/v1/bookings/move", Body: 12 * 16 << 10,
		Summary: "Move into a slot that the patient holds: the old and the new together, or not at all",
	}, func(ctx context.Context, in *moveRequest) (*bookingAnswer, error) {
		r := in.Body
		b, err := v.Booking.Move(ctx, server.From(ctx).Tenant.ID, booking.MoveRequest{
			Secret: r.Secret, Booking: r.Booking, Hold: r.Hold, Token: r.Token, Copy: r.Copy, Items: in.several(),
		})
		var lost *booking.Overtaken
		if errors.As(err, &lost) {
			return nil, taken(ctx, v, err, lost.Service, lost.Starts)
		}
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
	body := bookingBody{Zone: offer.Practice.Zone}
	for _, visit := range b.Visits() {
		body.Items = append(body.Items, sayVisit(offer, visit))
	}
	body.VisitBody = body.Items[0]
	if l := body.Location; l != nil {
		body.Zone = l.Zone
	}
	if b.Appointment.IsZero() {
		body.Expires = &b.Expires
		if b.ByStaff {
			body.Confirmation = "by_staff"
		}
		return &bookingAnswer{body}, nil
	}
	if video := offer.Practice.Video; video != (practice.Video{}) {
		body.Video = &video
	}
	if body.ICS, err = v.Booking.Calendar(ctx, tenant, b.Visits(), primary(language)); err != nil {
		return nil, err
	}
	return &bookingAnswer{body}, nil
}

// sayVisit names what the offer still has; what the practice has taken out of
// it since is left unnamed.
func sayVisit(offer *practice.Offer, v booking.Visit) VisitBody {
	body := VisitBody{
		Status: v.Status, Booking: v.Booking, Starts: v.Starts, Ends: v.Ends, Copy: v.Copy,
		Practitioner: namedPractitioner{ID: v.Practitioner},
	}
	if p, ok := offer.Practitioner(v.Practitioner); ok {
		body.Practitioner.Name = p.Name
	}
	if l, ok := offer.Location(v.Location); ok {
		shown := l.Profile()
		body.Location = &shown
	}
	if !v.Appointment.IsZero() {
		body.Appointment, body.CancelUntil, body.MoveUntil = &v.Appointment, &v.CancelUntil, &v.MoveUntil
		if v.Status == booking.StatusPending {
			body.Status = "requested"
		}
		if !v.AnswerUntil.IsZero() {
			body.AnswerUntil = &v.AnswerUntil
		}
		body.Lapsed = v.Lapsed
	}
	return body
}

// primary is the language that a browser asks for first, as far as we speak it.
func primary(accept string) string {
	if len(accept) >= 2 && accept[:2] == "en" {
		return "en"
	}
	return "de"
}
