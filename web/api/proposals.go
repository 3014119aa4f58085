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

type proposeRequest struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Times []DeskTime `json:"times" minItems:"1" maxItems:"3"`
		Hours int        `json:"hours" minimum:"1" maximum:"336" doc:"For how long they can be taken; none longer than until it begins"`
	}
}

type proposalBody struct {
	Number       int                       `json:"number"`
	Practitioner namedPractitioner         `json:"practitioner"`
	Location     *practice.ProfileLocation `json:"location"`
	Starts       time.Time                 `json:"starts"`
	Ends         time.Time                 `json:"ends"`
	Expires      time.Time                 `json:"expires"`
	Free         bool                      `json:"free" doc:"Nobody has it yet: it is offered, not held"`
}

type proposalsAnswer struct {
	Body struct {
		Proposals []proposalBody `json:"proposals"`
	}
}

type takeProposalRequest struct {
	Language string `header:"Accept-Language"`
	Body     struct {
		Secret seal.Bytes `json:"secret"`
		Number int        `json:"number" minimum:"0" maximum:"2"`
		Starts time.Time  `json:"starts" doc:"As it was shown"`
		Copy   seal.Bytes `json:"copy" doc:"The patient's copy for it"`
	}
}

// mountProposals adds other times that a practice offers for a request.
func mountProposals(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "proposeTimes", Method: http.MethodPost, Path: "/api/v1/appointments/{id}/propose",
		Summary: "Answer a request with other times, of which its patient takes one",
	}, func(ctx context.Context, in *proposeRequest) (*statusAnswer, error) {
		appointment, err := parse[id.Appointment](in.ID)
		if err != nil {
			return nil, err
		}
		times := make([]booking.DeskTime, len(in.Body.Times))
		for i, t := range in.Body.Times {
			times[i] = t.time()
		}
		err = v.Booking.Propose(ctx, server.From(ctx).Tenant.ID, appointment, times, time.Duration(in.Body.Hours)*time.Hour)
		if err != nil {
			_, err = sayAppointment(ctx, id.Appointment{}, err)
			return nil, err
		}
		answer := &statusAnswer{}
		answer.Body.Status = booking.StatusProposed
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "listProposals", Method: http.MethodGet, Path: "/api/v1/appointments/{id}/proposals",
		Summary: "The times that a request's patient can still take",
	}, func(ctx context.Context, in *requestedAppointment) (*proposalsAnswer, error) {
		appointment, err := parse[id.Appointment](in.ID)
		if err != nil {
			return nil, err
		}
		return sayProposals(ctx, v, appointment)
	})
	server.Register(s, server.Operation{
		ID: "viewProposals", Method: http.MethodPost, Path: "/api/v1/bookings/proposals",
		Summary: "The times that the practice offers instead of the one asked for",
	}, func(ctx context.Context, in *SecretRequest) (*proposalsAnswer, error) {
		b, err := v.Booking.View(ctx, server.From(ctx).Tenant.ID, in.Body.Secret)
		if err != nil {
			return nil, err
		}
		return sayProposals(ctx, v, b.Appointment)
	})
	server.Register(s, server.Operation{
		ID: "takeProposal", Method: http.MethodPost, Path: "/api/v1/bookings/proposals/take",
		Summary: "Take one of the times that the practice offers; the booking counts at once",
	}, func(ctx context.Context, in *takeProposalRequest) (*bookingAnswer, error) {
		r := in.Body
		b, err := v.Booking.TakeProposal(ctx, server.From(ctx).Tenant.ID, r.Secret, r.Number, r.Starts, r.Copy)
		var lost *booking.Overtaken
		if errors.As(err, &lost) {
			return nil, booking.ErrSlotTaken // which service it is for, nobody knows
		}
		return sayBooking(ctx, v, b, err, in.Language)
	})
}

func sayProposals(ctx context.Context, v Services, appointment id.Appointment) (*proposalsAnswer, error) {
	tenant := server.From(ctx).Tenant.ID
	found, err := v.Booking.Proposals(ctx, tenant, appointment)
	if err != nil {
		return nil, err
	}
	offer, err := v.Practice.Offer(ctx, tenant)
	if err != nil {
		return nil, err
	}
	answer := &proposalsAnswer{}
	answer.Body.Proposals = []proposalBody{}
	for _, p := range found {
		body := proposalBody{
			Number: p.Number, Practitioner: namedPractitioner{ID: p.Practitioner},
			Starts: p.Starts, Ends: p.Ends, Expires: p.Expires, Free: p.Free,
		}
		if who, ok := offer.Practitioner(p.Practitioner); ok {
			body.Practitioner.Name = who.Name
		}
		if l, ok := offer.Location(p.Location); ok {
			shown := l.Profile()
			body.Location = &shown
		}
		answer.Body.Proposals = append(answer.Body.Proposals, body)
	}
	return answer, nil
}
