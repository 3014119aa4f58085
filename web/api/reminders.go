package api

import (
	"context"
	"net/http"

	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/tenants/notify"
	"siegel/web/server"
)

type remindRequest struct {
	Body struct {
		Secret   seal.Bytes `json:"secret"`
		Channel  string     `json:"channel" enum:"mail,sms"`
		Address  string     `json:"address" maxLength:"254" doc:"Kept under the key of the day of the last reminder"`
		Other    string     `json:"other,omitempty" maxLength:"254" doc:"Of the other channel, for a reminder that does not arrive by this one; kept likewise"`
		Language string     `json:"language,omitempty" enum:"de,en"`
		Version  string     `json:"version" minLength:"1" maxLength:"40" doc:"Of the words that were agreed to"`
	}
}

type remindingRequest struct {
	Body struct {
		Secret seal.Bytes `json:"secret"`
	}
}

type remindingAnswer struct {
	Body struct {
		Offered []int  `json:"offered" doc:"Minutes before the appointment at which the practice reminds"`
		Channel string `json:"channel,omitempty" enum:"mail,sms" doc:"By which way the patient is reminded; without it not at all"`
	}
}

func mountReminders(s *server.Server, v Services) {
	say := func(ctx context.Context, secret []byte) (*remindingAnswer, error) {
		state, err := v.Reminders.State(ctx, server.From(ctx).Tenant.ID, secret)
		if err != nil {
			return nil, err
		}
		answer := &remindingAnswer{}
		answer.Body.Offered, answer.Body.Channel = append([]int{}, state.Offered...), string(state.Channel)
		return answer, nil
	}
	server.Register(s, server.Operation{
		ID: "getReminders", Method: http.MethodPost, Path: "/api/v1/bookings/reminders/view",
		Summary: "Whether the patient of a link is reminded; changes nothing",
	}, func(ctx context.Context, in *remindingRequest) (*remindingAnswer, error) {
		return say(ctx, in.Body.Secret)
	})
	server.Register(s, server.Operation{
		ID: "askForReminders", Method: http.MethodPost, Path: "/api/v1/bookings/reminders",
		Summary: "Agree to be reminded",
	}, func(ctx context.Context, in *remindRequest) (*remindingAnswer, error) {
		b := in.Body
		err := v.Reminders.Ask(ctx, server.From(ctx).Tenant.ID, notify.Wish{
			Secret: b.Secret, Channel: booking.Channel(b.Channel), Address: b.Address, Other: b.Other, Language: b.Language, Version: b.Version,
		})
		if err != nil {
			return nil, err
		}
		return say(ctx, b.Secret)
	})
	server.Register(s, server.Operation{
		ID: "stopReminders", Method: http.MethodPost, Path: "/api/v1/bookings/reminders/stop",
		Summary: "Withdraw the consent: the address goes at once",
	}, func(ctx context.Context, in *remindingRequest) (*remindingAnswer, error) {
		if err := v.Reminders.Stop(ctx, server.From(ctx).Tenant.ID, in.Body.Secret); err != nil {
			return nil, err
		}
		return say(ctx, in.Body.Secret)
	})
}
