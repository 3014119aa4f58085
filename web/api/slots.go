package api

import (
	"context"
	"net/http"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/tenants/practice"
	"siegel/tenants/schedule"
	"siegel/web/server"
)

var errDate = fault.New(fault.Invalid, "malformed_date")

type slotsQuery struct {
	Service      string `query:"service" required:"true" maxLength:"64"`
	Practitioner string `query:"practitioner" default:"any" maxLength:"64"`
	From         string `query:"from" required:"true" maxLength:"10"`
	To           string `query:"to" required:"true" maxLength:"10"`
}

type slotsAnswer struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func mountSlots(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listSlots", Method: http.MethodGet, Path: "/api/v1/slots",
		Summary: "Free slots of a service between two local dates",
	}, func(ctx context.Context, in *slotsQuery) (*slotsAnswer, error) {
		q, err := in.query()
		if err != nil {
			return nil, err
		}
		list, err := v.Booking.Find(ctx, server.From(ctx).Tenant.ID, q)
		if err != nil {
			return nil, err
		}
		return &slotsAnswer{"application/json", practice.AppendJSON(make([]byte, 0, 256+160*len(list.Slots)), list)}, nil
	})
}

func (in *slotsQuery) query() (q practice.Query, err error) {
	if err := q.Service.UnmarshalText([]byte(in.Service)); err != nil {
		return q, err
	}
	if in.Practitioner != "any" {
		if q.Practitioner, err = parsePractitioner(in.Practitioner); err != nil {
			return q, err
		}
	}
	if q.From, err = schedule.ParseDate(in.From); err != nil {
		return q, errDate.Because(err)
	}
	if q.To, err = schedule.ParseDate(in.To); err != nil {
		return q, errDate.Because(err)
	}
	return q, nil
}

func parsePractitioner(s string) (p id.Practitioner, err error) {
	return p, p.UnmarshalText([]byte(s))
}
