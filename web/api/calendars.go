package api

import (
	"context"
	"net/http"

	"siegel/platform/ics"
	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/web/server"
)

type putCalendarRequest struct {
	ID   string `path:"id" maxLength:"100"`
	Body struct {
		Version  int64       `json:"version" minimum:"1"`
		Outside  string      `json:"outside,omitempty" enum:"ask,keep"`
		Name     string      `json:"name" maxLength:"120"`
		Kind     string      `json:"kind" enum:"school_holidays,busy"`
		Resource id.Resource `json:"resource,omitzero"`
		Format   string      `json:"format" enum:"ics,openholidays"`
		Content  string      `json:"content"`
	}
}

type importedAnswer struct {
	Body struct {
		Version int64          `json:"version"`
		Entries int            `json:"entries"`
		Outside []affectedBody `json:"outside"`
	}
}

type removeCalendarRequest struct {
	ID      string `path:"id" maxLength:"100"`
	Version int64  `query:"version" required:"true" minimum:"1"`
	Outside string `query:"outside" default:"ask" enum:"ask,keep"`
}

func mountCalendars(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "putCalendar", Method: http.MethodPut, Path: "/api/v1/calendars/{id}", Body: 2*ics.MaxOctets + 64<<10,
		Summary: "Import a calendar, in the place of what was imported under its id",
	}, func(ctx context.Context, in *putCalendarRequest) (*importedAnswer, error) {
		calendar, err := parse[id.Calendar](in.ID)
		if err != nil {
			return nil, err
		}
		b := &in.Body
		done, err := v.Practice.ImportCalendar(ctx, server.From(ctx).Tenant.ID, v.edit(ctx, b.Version, b.Outside), practice.CalendarImport{
			ID: calendar, Name: b.Name, Kind: practice.CalendarKind(b.Kind), Resource: b.Resource,
			Format: practice.CalendarFormat(b.Format), Content: b.Content,
		})
		if err != nil {
			return nil, refusal(ctx, err, "calendars", in.ID)
		}
		answer := &importedAnswer{}
		answer.Body.Version, answer.Body.Entries, answer.Body.Outside = done.Version, done.Entries, each(done.Outside, sayAffected)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "removeCalendar", Method: http.MethodDelete, Path: "/api/v1/calendars/{id}",
		Summary: "Forget an imported calendar",
	}, func(ctx context.Context, in *removeCalendarRequest) (*savedAnswer, error) {
		calendar, err := parse[id.Calendar](in.ID)
		if err != nil {
			return nil, err
		}
		saved, err := v.Practice.RemoveCalendar(ctx, server.From(ctx).Tenant.ID, v.edit(ctx, in.Version, in.Outside), calendar)
		return saySaved(ctx, saved, err, "calendars", in.ID)
	})
}
