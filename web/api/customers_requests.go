package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/privacy"
	"siegel/web/server"
)

func decimal(n int) string { return strconv.Itoa(n) }

func word(on bool) string { return strconv.FormatBool(on) }

type privacyAskRequest struct {
	Body struct {
		Secret   seal.Bytes    `json:"secret"`
		Request  id.Request    `json:"request" doc:"Made by the browser: the envelope is bound to it"`
		Kind     string        `json:"kind" enum:"access,portability,rectification,erasure,restriction,objection"`
		Envelope seal.Envelope `json:"envelope" doc:"What is asked, sealed to the practice"`
	}
}

// PrivacyNote is what the practice wrote about a request (exported since huma
// passes over embedded types that are not).
type PrivacyNote struct {
	Version    int        `json:"version" minimum:"1"`
	Epoch      int        `json:"epoch" minimum:"1"`
	Ciphertext seal.Bytes `json:"ciphertext"`
}

func (n PrivacyNote) note() privacy.RequestNote {
	return privacy.RequestNote{Version: n.Version, Epoch: n.Epoch, Ciphertext: n.Ciphertext}
}

type privacyEnterRequest struct {
	Body struct {
		PrivacyNote
		Request  id.Request `json:"request" doc:"Made by the desk: the note is bound to it"`
		Kind     string     `json:"kind" enum:"access,portability,rectification,erasure,restriction,objection"`
		Received time.Time  `json:"received"`
	}
}

type privacyWriteRequest struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		PrivacyNote
		Status string `json:"status" enum:"open,done,refused"`
	}
}

type silenceRequest struct {
	ID string `path:"id" maxLength:"64"`
}

type privacyRequestBody struct {
	ID       id.Request     `json:"id"`
	Kind     string         `json:"kind" enum:"access,portability,rectification,erasure,restriction,objection"`
	Source   string         `json:"source" enum:"patient,office"`
	Status   string         `json:"status" enum:"open,done,refused"`
	Booking  *id.Booking    `json:"booking_id,omitempty" doc:"The one whose link it came by"`
	Received time.Time      `json:"received"`
	Due      time.Time      `json:"due"`
	Closed   *time.Time     `json:"closed,omitempty"`
	Envelope *seal.Envelope `json:"envelope,omitempty" doc:"As the person sealed it, until the practice has written a note"`
	Note     *PrivacyNote   `json:"note,omitempty"`
}

type privacyRequestsAnswer struct {
	Body struct {
		Requests []privacyRequestBody `json:"requests"`
	}
}

// mountPrivacyRequests adds what people ask of their data.
func mountPrivacyRequests(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "askOfData", Method: http.MethodPost, Path: "/api/v1/bookings/requests", Status: http.StatusAccepted,
		Summary: "Ask the practice something of one's data, by the link of a booking; objecting and deleting end all messages at once",
	}, func(ctx context.Context, in *privacyAskRequest) (*none, error) {
		b := in.Body
		err := v.Requests.Ask(ctx, server.From(ctx).Tenant.ID, b.Secret, b.Request, privacy.RequestKind(b.Kind), b.Envelope)
		if err == nil {
			v.record(ctx, "request.ask", b.Request.String(), "kind", b.Kind)
		}
		return nil, err
	})
	server.Register(s, server.Operation{
		ID: "listDataRequests", Method: http.MethodGet, Path: "/api/v1/requests",
		Summary: "What people asked of their data, and until when an answer is owed",
	}, func(ctx context.Context, _ *none) (*privacyRequestsAnswer, error) {
		list, err := v.Requests.List(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &privacyRequestsAnswer{}
		answer.Body.Requests = []privacyRequestBody{}
		for _, q := range list {
			body := privacyRequestBody{
				ID: q.ID, Kind: string(q.Kind), Source: q.Source, Status: string(q.Status),
				Received: q.Received, Due: q.Due, Envelope: q.Envelope,
			}
			if !q.Booking.IsZero() {
				body.Booking = &q.Booking
			}
			if !q.Closed.IsZero() {
				body.Closed = &q.Closed
			}
			if n := q.Note; n.Version > 0 {
				body.Note = &PrivacyNote{n.Version, n.Epoch, n.Ciphertext}
			}
			answer.Body.Requests = append(answer.Body.Requests, body)
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "enterDataRequest", Method: http.MethodPost, Path: "/api/v1/requests", Status: http.StatusCreated,
		Summary: "Enter a request that came by telephone, letter or in person",
	}, func(ctx context.Context, in *privacyEnterRequest) (*none, error) {
		b := in.Body
		err := v.Requests.Enter(ctx, server.From(ctx).Tenant.ID, b.Request, privacy.RequestKind(b.Kind), b.Received, b.note())
		if err == nil {
			v.record(ctx, "request.enter", b.Request.String(), "kind", b.Kind)
		}
		return nil, err
	})
	server.Register(s, server.Operation{
		ID: "silenceBooking", Method: http.MethodPost, Path: "/api/v1/bookings/{id}/silence",
		Summary: "End all messages that were agreed to for a booking, as its patient objected to them",
	}, func(ctx context.Context, in *silenceRequest) (*none, error) {
		booking, err := parse[id.Booking](in.ID)
		if err != nil {
			return nil, err
		}
		err = v.Reminders.Silence(ctx, server.From(ctx).Tenant.ID, booking)
		if err == nil {
			v.record(ctx, "booking.silence", booking.String())
		}
		return nil, err
	})
	server.Register(s, server.Operation{
		ID: "putDataRequest", Method: http.MethodPut, Path: "/api/v1/requests/{id}",
		Summary: "Write what was done about a request, and how far it has come",
	}, func(ctx context.Context, in *privacyWriteRequest) (*none, error) {
		request, err := parse[id.Request](in.ID)
		if err != nil {
			return nil, err
		}
		err = v.Requests.Write(ctx, server.From(ctx).Tenant.ID, request, privacy.RequestStatus(in.Body.Status), in.Body.note())
		if err == nil {
			v.record(ctx, "request.put", request.String(), "status", in.Body.Status)
		}
		return nil, err
	})
}
