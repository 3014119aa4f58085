package api

import (
	"context"
	"net/http"

	"siegel/platform/id"
	"siegel/tenants/inbox"
	"siegel/web/server"
)

type deskSettings struct {
	LockMinutes int `json:"lock_minutes" minimum:"2" maximum:"60" doc:"After how many minutes without anybody there the names go from the screen"`
}

type deskSettingsRequest struct{ Body deskSettings }

type deskSettingsAnswer struct{ Body deskSettings }

type overflowBody struct {
	Practitioner id.Practitioner `json:"practitioner"`
	Places       int             `json:"places" minimum:"0" maximum:"20" doc:"How many staff may book at once beyond the capacity"`
}

type overflowFacts struct {
	Practitioner id.Practitioner `json:"practitioner"`
	Places       int             `json:"places"`
	Used         int             `json:"used" doc:"On how many of them appointments stand that are not over; fewer are refused"`
}

type overflowAnswer struct {
	Body struct {
		Overflow []overflowFacts `json:"overflow"`
	}
}

type overflowRequest struct{ Body overflowBody }

// mountDeskSettings adds how the desk's screens behave.
func mountDeskSettings(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getDeskSettings", Method: http.MethodGet, Path: "/api/v1/desk/settings",
		Summary: "How the desk's screens behave",
	}, func(ctx context.Context, _ *none) (*deskSettingsAnswer, error) {
		found, err := v.Inbox.Settings(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		return &deskSettingsAnswer{deskSettings(found)}, nil
	})
	server.Register(s, server.Operation{
		ID: "putDeskSettings", Method: http.MethodPut, Path: "/api/v1/desk/settings",
		Summary: "Decide how the desk's screens behave",
	}, func(ctx context.Context, in *deskSettingsRequest) (*deskSettingsAnswer, error) {
		if err := v.Inbox.SetSettings(ctx, server.From(ctx).Tenant.ID, inbox.Settings(in.Body)); err != nil {
			return nil, err
		}
		return &deskSettingsAnswer{in.Body}, nil
	})
	server.Register(s, server.Operation{
		ID: "getDeskOverflow", Method: http.MethodGet, Path: "/api/v1/desk/overflow",
		Summary: "How many appointments staff may book beyond each practitioner's capacity; who is missing has none",
	}, func(ctx context.Context, _ *none) (*overflowAnswer, error) {
		places, err := v.Booking.Overflow(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &overflowAnswer{}
		answer.Body.Overflow = []overflowFacts{}
		for who, o := range places {
			answer.Body.Overflow = append(answer.Body.Overflow, overflowFacts{who, o.Places, o.Used})
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "putDeskOverflow", Method: http.MethodPut, Path: "/api/v1/desk/overflow",
		Summary: "Allow staff to book beyond a practitioner's capacity; 409 overflow_in_use where appointments stand on what would go",
	}, func(ctx context.Context, in *overflowRequest) (*none, error) {
		return nil, v.Booking.SetOverflow(ctx, server.From(ctx).Tenant.ID, in.Body.Practitioner, in.Body.Places)
	})
}
