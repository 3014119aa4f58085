package api

import (
	"context"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/web/server"
)

type supporterBody struct {
	Account id.Account `json:"account"`
	Name    string     `json:"name"`
	Email   string     `json:"email"`
	Since   time.Time  `json:"since"`
	Until   time.Time  `json:"until" doc:"It ends by itself then"`
	// Sworn is which undertaking of secrecy they accepted last, and when.
	Sworn   string    `json:"sworn,omitempty" doc:"Version of the secrecy undertaking accepted last"`
	SwornAt time.Time `json:"sworn_at,omitzero"`
}

type letInRequest struct {
	Body struct {
		Email string `json:"email" maxLength:"300" doc:"Of somebody of the practice's reseller's or the operator's"`
		Hours int    `json:"hours" minimum:"1" maximum:"720"`
	}
}

type endSupportRequest struct {
	Account id.Account `path:"account"`
}

// mountSupport adds how a practice lets support in, and out.
func mountSupport(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "letSupportIn", Method: http.MethodPost, Path: "/api/v1/people/support", Status: http.StatusCreated, Proven: true,
		Summary: "Let somebody from support see how the practice is set up, for some hours; never what is sealed",
	}, func(ctx context.Context, in *letInRequest) (*peopleAnswer, error) {
		if err := v.Onboarding.LetIn(ctx, server.From(ctx).Tenant.ID, in.Body.Email, time.Duration(in.Body.Hours)*time.Hour); err != nil {
			return nil, err
		}
		return v.people(ctx)
	})
	server.Register(s, server.Operation{
		ID: "endSupport", Method: http.MethodDelete, Path: "/api/v1/people/support/{account}", Status: http.StatusNoContent,
		Summary: "End that at once",
	}, func(ctx context.Context, in *endSupportRequest) (*none, error) {
		tenant := server.From(ctx).Tenant.ID
		if err := v.Onboarding.EndSupport(ctx, tenant, in.Account); err != nil {
			return nil, err
		}
		return nil, v.Identity.SignOutEverywhere(ctx, in.Account, identity.OfTenant(tenant))
	})
}

// support are those who are let in now.
func (v Services) support(ctx context.Context) ([]supporterBody, error) {
	people, err := v.Staff.Support(ctx, server.From(ctx).Tenant.ID)
	if err != nil {
		return nil, err
	}
	all := make([]supporterBody, 0, len(people))
	for _, p := range people {
		b := supporterBody{Account: p.Account, Name: p.Name, Email: p.Email, Since: p.Since, Until: p.Until}
		sworn, err := v.Identity.Undertakings(ctx, []id.Account{p.Account})
		if err != nil {
			return nil, err
		}
		if len(sworn) > 0 {
			b.Sworn, b.SwornAt = sworn[0].Version, sworn[0].Accepted
		}
		all = append(all, b)
	}
	return all, nil
}
