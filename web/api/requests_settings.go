package api

import (
	"context"
	"net/http"

	"siegel/web/server"
)

type requestSettings struct {
	Hours int `json:"hours" minimum:"1" maximum:"336" doc:"For how many hours requests wait for an answer; then they lapse"`
}

type requestSettingsRequest struct{ Body requestSettings }

type requestSettingsAnswer struct{ Body requestSettings }

// mountRequestSettings adds for how long a practice lets requests wait.
func mountRequestSettings(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getRequestSettings", Method: http.MethodGet, Path: "/api/v1/desk/requests",
		Summary: "For how long requests wait for an answer",
	}, func(ctx context.Context, _ *none) (*requestSettingsAnswer, error) {
		hours, err := v.Booking.RequestHours(ctx, server.From(ctx).Tenant.ID)
		return &requestSettingsAnswer{requestSettings{hours}}, err
	})
	server.Register(s, server.Operation{
		ID: "putRequestSettings", Method: http.MethodPut, Path: "/api/v1/desk/requests",
		Summary: "Decide for how long requests wait, from now on",
	}, func(ctx context.Context, in *requestSettingsRequest) (*none, error) {
		if err := v.Booking.SetRequestHours(ctx, server.From(ctx).Tenant.ID, in.Body.Hours); err != nil {
			return nil, err
		}
		v.record(ctx, "request.setting", "")
		return nil, nil
	})
}
