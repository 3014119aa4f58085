package api

import (
	"context"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/tenants/inbox"
	"siegel/web/server"
)

type appointmentsQuery struct {
	From time.Time `query:"from" required:"true"`
	To   time.Time `query:"to" required:"true"`
}

type cardBody struct {
	Version    int        `json:"version"`
	Epoch      int        `json:"epoch"`
	Ciphertext seal.Bytes `json:"ciphertext"`
}

type appointmentBody struct {
	ID           id.Appointment  `json:"id"`
	Booking      id.Booking      `json:"booking_id"`
	Status       string          `json:"status"`
	Source       string          `json:"source"`
	Practitioner id.Practitioner `json:"practitioner"`
	Location     id.Location     `json:"location"`
	Starts       time.Time       `json:"starts"`
	Ends         time.Time       `json:"ends"`
	Received     time.Time       `json:"received"`
	First        time.Time       `json:"first_starts,omitzero" doc:"When the patient first booked it for, where it was moved since"`
	CancelledBy  string          `json:"cancelled_by,omitempty" enum:"patient,practice,moved,lapsed"`
	CancelReason string          `json:"cancel_reason,omitempty"`
	AnswerUntil  time.Time       `json:"answer_until,omitzero" doc:"Of a request: then it lapses"`
	Untold       bool            `json:"untold,omitempty" doc:"A lapsed request whose patient has yet to hear of it"`
	Excused      bool            `json:"excused,omitempty"`
	Overridden   string          `json:"overridden,omitempty"`
	Test         bool            `json:"test,omitempty" doc:"Of nobody: counted nowhere, and nothing is sent"`
	Set          id.Appointment  `json:"set,omitzero" doc:"The same for all that were booked together"`
	Takes        []id.Resource   `json:"takes,omitempty" doc:"Rooms and devices, beside the practitioner"`
	Envelope     *seal.Envelope  `json:"envelope"`
	Card         *cardBody       `json:"card"`
}

type appointmentsAnswer struct {
	Body struct {
		Cursor       int64             `json:"cursor"`
		Appointments []appointmentBody `json:"appointments"`
	}
}

type cardRequest struct {
	Body struct {
		Appointment id.Appointment `json:"appointment"`
		Envelope    id.Envelope    `json:"envelope"`
		Version     int            `json:"version" minimum:"1"`
		Epoch       int            `json:"epoch" minimum:"1"`
		Ciphertext  seal.Bytes     `json:"ciphertext"`
	}
}

type requestedAppointment struct {
	ID string `path:"id" maxLength:"64"`
}

type statusAnswer struct {
	Body struct {
		Status string `json:"status"`
	}
}

// answerRequest is what an office says to a request, and the status it leads to.
func answerRequest(say func(context.Context, id.Tenant, id.Appointment) error, status string) func(context.Context, *requestedAppointment) (*statusAnswer, error) {
	return func(ctx context.Context, in *requestedAppointment) (*statusAnswer, error) {
		appointment, err := parse[id.Appointment](in.ID)
		if err != nil {
			return nil, err
		}
		if err := say(ctx, server.From(ctx).Tenant.ID, appointment); err != nil {
			return nil, err
		}
		answer := &statusAnswer{}
		answer.Body.Status = status
		return answer, nil
	}
}

func mountAppointments(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listAppointments", Method: http.MethodGet, Path: "/api/v1/appointments",
		Summary: "Appointments between two instants, sealed as they are",
	}, func(ctx context.Context, in *appointmentsQuery) (*appointmentsAnswer, error) {
		entries, cursor, err := v.Inbox.Entries(ctx, server.From(ctx).Tenant.ID, in.From, in.To)
		if err != nil {
			return nil, err
		}
		answer := &appointmentsAnswer{}
		answer.Body.Cursor = cursor
		answer.Body.Appointments = make([]appointmentBody, len(entries))
		for i, e := range entries {
			answer.Body.Appointments[i] = appointmentBody{
				ID: e.Appointment, Booking: e.Booking, Status: e.Status, Source: e.Source, Practitioner: e.Practitioner,
				Location: e.Location, Starts: e.Starts, Ends: e.Ends, Received: e.Received, Envelope: e.Envelope,
				First: e.First, CancelledBy: e.CancelledBy, CancelReason: e.CancelReason, Excused: e.Excused, Overridden: e.Overridden, Test: e.Test, Takes: e.Takes, Set: e.Set,
				AnswerUntil: e.AnswerUntil, Untold: e.Untold,
			}
			if e.Card != nil {
				answer.Body.Appointments[i].Card = &cardBody{e.Card.Version, e.Card.Epoch, e.Card.Ciphertext}
			}
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "acceptAppointment", Method: http.MethodPost, Path: "/api/v1/appointments/{id}/accept",
		Summary: "Accept a request, and all that was booked with it",
	}, answerRequest(v.Booking.Accept, booking.StatusBooked))
	server.Register(s, server.Operation{
		ID: "declineAppointment", Method: http.MethodPost, Path: "/api/v1/appointments/{id}/decline",
		Summary: "Decline a request, and all that was booked with it",
	}, answerRequest(v.Booking.Decline, booking.StatusCancelled))
	server.Register(s, server.Operation{
		ID: "storeCard", Method: http.MethodPost, Path: "/api/v1/cards", Status: http.StatusCreated,
		Summary: "Acknowledge an opened envelope by storing what it held under the practice's book key",
	}, func(ctx context.Context, in *cardRequest) (*none, error) {
		err := v.Inbox.Acknowledge(ctx, server.From(ctx).Tenant.ID, inbox.Card{
			Appointment: in.Body.Appointment, Envelope: in.Body.Envelope,
			Version: in.Body.Version, Epoch: in.Body.Epoch, Ciphertext: in.Body.Ciphertext,
		})
		if err == nil {
			v.record(ctx, "card.store", in.Body.Appointment.String())
		}
		return nil, err
	})
}
