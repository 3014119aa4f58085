package api

import (
	"context"
	"net/http"
	"time"

	"siegel/platform/identity"
	"siegel/tenants/provider"
	"siegel/web/server"
)

// What an owner sees of who carries the practice's messages, and what they can
// say to it.

type carrierBody struct {
	Plugin     string        `json:"plugin"`
	Processor  processorBody `json:"processor"`
	State      string        `json:"state" enum:"approved,announced"`
	Announced  time.Time     `json:"announced"`
	NoticeEnds time.Time     `json:"notice_ends"`
	Effective  time.Time     `json:"effective"`
	Emergency  string        `json:"emergency,omitempty"`
	Stance     string        `json:"stance" enum:",objected,agreed"`
	Sends      int           `json:"sends" doc:"Its place among those that may send for the practice; 0: it does not"`
}

type carriersAnswer struct {
	Body struct {
		Carriers []carrierBody `json:"carriers"`
	}
}

type stanceRequest struct {
	Plugin string `path:"plugin" maxLength:"40"`
	Body   struct {
		Stance string `json:"stance" enum:"objected,agreed,none"`
		Reason string `json:"reason,omitempty" maxLength:"300"`
	}
}

func mountCarriers(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listCarriers", Method: http.MethodGet, Path: "/api/v1/carriers",
		Summary: "Who carries the practice's text messages, and who is announced",
	}, func(ctx context.Context, _ *none) (*carriersAnswer, error) { return v.sayCarriers(ctx) })
	server.Register(s, server.Operation{
		ID: "putCarrierStance", Method: http.MethodPut, Path: "/api/v1/carriers/{plugin}/stance", Proven: true,
		Summary: "Object to an announced provider, or agree to one outside the EEA",
	}, func(ctx context.Context, in *stanceRequest) (*carriersAnswer, error) {
		r := server.From(ctx)
		var err error
		switch in.Body.Stance {
		case "objected":
			err = v.Providers.Object(ctx, r.Tenant.ID, provider.SMS, in.Plugin, in.Body.Reason, r.Session.Account)
		case "agreed":
			err = v.Providers.Agree(ctx, r.Tenant.ID, provider.SMS, in.Plugin, r.Session.Account)
		default:
			err = v.Providers.Unsay(ctx, r.Tenant.ID, provider.SMS, in.Plugin)
		}
		if err != nil {
			return nil, err
		}
		v.recordIn(ctx, r.Domain, "provider.stance", "", map[string]string{"plugin": in.Plugin, "stance": in.Body.Stance})
		return v.sayCarriers(ctx)
	})
}

func (v Services) sayCarriers(ctx context.Context) (*carriersAnswer, error) {
	tenant := server.From(ctx).Tenant.ID
	annex, err := v.Providers.Annex(ctx, provider.SMS, identity.OfTenant(tenant))
	if err != nil {
		return nil, err
	}
	route, err := v.Providers.Route(ctx, tenant, provider.SMS)
	if err != nil {
		return nil, err
	}
	answer := &carriersAnswer{}
	answer.Body.Carriers = []carrierBody{}
	for _, a := range annex {
		one := carrierBody{
			Plugin: a.Plugin, Processor: sayProcessor(a.Processor), State: "announced", Announced: a.Announced,
			NoticeEnds: a.NoticeEnds, Effective: a.Effective, Emergency: a.Emergency, Stance: a.Stance,
		}
		if a.In(time.Now()) {
			one.State = "approved"
		}
		for i, l := range route {
			if l.Plugin == a.Plugin && one.Sends == 0 {
				one.Sends = i + 1
			}
		}
		answer.Body.Carriers = append(answer.Body.Carriers, one)
	}
	return answer, nil
}
