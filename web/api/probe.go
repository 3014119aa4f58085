package api

import (
	"context"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/web/server"
)

type probeAnswer struct {
	Body struct {
		Envelope *seal.Envelope `json:"envelope" doc:"Bound to its own id in the place of a booking's; null where nothing waits to be opened"`
		Due      *time.Time     `json:"due" doc:"Until when it has to be opened"`
		Late     bool           `json:"late" doc:"Nobody has opened it in time"`
	}
}

type answerProbeRequest struct {
	Body struct {
		Envelope id.Envelope `json:"envelope"`
		Probe    seal.Bytes  `json:"probe" doc:"The word that was sealed"`
	}
}

// mountProbe adds the sealed word of the day.
func mountProbe(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getProbe", Method: http.MethodGet, Path: "/api/v1/probe",
		Summary: "The synthetic envelope of the day, which is no booking",
	}, func(ctx context.Context, _ *none) (*probeAnswer, error) {
		answer := &probeAnswer{}
		p, ok, err := v.Probe.Newest(ctx, server.From(ctx).Tenant.ID)
		if err != nil || !ok || p.Envelope == nil {
			return answer, err
		}
		answer.Body.Envelope, answer.Body.Due, answer.Body.Late = p.Envelope, &p.Due, p.Late
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "answerProbe", Method: http.MethodPost, Path: "/api/v1/probe", Status: http.StatusNoContent,
		Summary: "Say what was sealed in it, which shows that it opens",
	}, func(ctx context.Context, in *answerProbeRequest) (*none, error) {
		return nil, v.Probe.Answer(ctx, server.From(ctx).Tenant.ID, in.Body.Envelope, in.Body.Probe)
	})
}
