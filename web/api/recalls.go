package api

import (
	"context"
	"net/http"

	"siegel/tenants/booking"
	"siegel/web/server"
)

type recallRequest struct {
	Body struct {
		Channel  string `json:"channel" enum:"mail,sms"`
		Address  string `json:"address" maxLength:"254" doc:"Taken out of the opened record of somebody who has agreed; kept sealed until the message has left, an hour at most"`
		Other    string `json:"other,omitempty" maxLength:"254" doc:"Where it goes by the other channel, should this one fail"`
		Language string `json:"language,omitempty" enum:"de,en"`
	}
}

// mountRecalls adds messages that ask people to come again.
func mountRecalls(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "recall", Method: http.MethodPost, Path: "/api/v1/recalls", Status: http.StatusAccepted,
		Summary: "Ask somebody, who has agreed to it, to make their next appointment; whom and why, the server does not learn",
	}, func(ctx context.Context, in *recallRequest) (*tellAnswer, error) {
		message, err := v.Booking.Recall(ctx, server.From(ctx).Tenant.ID, booking.Recalled{
			Channel: booking.Channel(in.Body.Channel), Address: in.Body.Address, Other: in.Body.Other, Language: in.Body.Language,
		})
		if err != nil {
			return nil, err
		}
		v.record(ctx, "message.recall", "")
		answer := &tellAnswer{}
		answer.Body.Message = message
		return answer, nil
	})
}
