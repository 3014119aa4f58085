package api

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/tenants/registry"
	"siegel/web/server"
)

type portalPersonBody struct {
	Account id.Account `json:"account"`
	Name    string     `json:"name"`
	Email   string     `json:"email"`
	Role    string     `json:"role" enum:"reseller_admin,reseller_agent,platform_admin"`
	Since   time.Time  `json:"since"`
	Self    bool       `json:"self"`
}

type portalInvitationBody struct {
	ID      id.Invitation `json:"id"`
	Name    string        `json:"name"`
	Email   string        `json:"email"`
	Role    string        `json:"role"`
	By      string        `json:"by"`
	Expires time.Time     `json:"expires"`
}

type portalPeopleAnswer struct {
	Body struct {
		People      []portalPersonBody     `json:"people"`
		Invitations []portalInvitationBody `json:"invitations"`
	}
}

type portalPeopleRequest struct {
	Reseller string `query:"reseller" maxLength:"60"`
}

type portalInviteRequest struct {
	Reseller string `query:"reseller" maxLength:"60"`
	Body     struct {
		Email    string `json:"email" maxLength:"300"`
		Name     string `json:"name" maxLength:"300"`
		Role     string `json:"role" enum:"reseller_admin,reseller_agent,platform_admin"`
		Language string `json:"language" maxLength:"10"`
	}
}

type portalWithdrawRequest struct {
	ID       id.Invitation `path:"id"`
	Reseller string        `query:"reseller" maxLength:"60"`
}

type portalResendRequest struct {
	ID       id.Invitation `path:"id"`
	Reseller string        `query:"reseller" maxLength:"60"`
	Body     none
}

type portalRemoveRequest struct {
	ID       id.Account `path:"id"`
	Reseller string     `query:"reseller" maxLength:"60"`
}

type portalRoleRequest struct {
	ID       id.Account `path:"id"`
	Reseller string     `query:"reseller" maxLength:"60"`
	Body     struct {
		Role string `json:"role" enum:"reseller_admin,reseller_agent"`
	}
}

type portalTokenRequest struct {
	Body struct {
		Token string `json:"token" maxLength:"100"`
	}
}

type portalInvitedAnswer struct {
	Body struct {
		Of      string     `json:"of" doc:"The reseller's name; empty: the platform"`
		Name    string     `json:"name"`
		Email   string     `json:"email"`
		Role    string     `json:"role"`
		By      string     `json:"by"`
		Account id.Account `json:"account" doc:"The id of the account that accepting makes"`
		Known   bool       `json:"known" doc:"The address has an account: sign in to accept"`
	}
}

// domainOf is the reseller's domain, or the platform's where it is zero.
func domainOf(reseller id.Reseller) access.Domain {
	if reseller.IsZero() {
		return identity.OfPlatform()
	}
	return identity.OfReseller(reseller)
}

func mountPortalPeople(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listPortalPeople", Method: http.MethodGet, Path: "/api/v1/portal/people",
		Summary: "Who works for the reseller, or for the platform",
	}, func(ctx context.Context, in *portalPeopleRequest) (*portalPeopleAnswer, error) {
		reseller, err := seller(ctx, in.Reseller)
		if err != nil {
			return nil, err
		}
		people, err := v.Registry.People(ctx, reseller)
		if err != nil {
			return nil, err
		}
		invited, err := v.Registry.InvitedPeople(ctx, reseller)
		if err != nil {
			return nil, err
		}
		answer := &portalPeopleAnswer{}
		answer.Body.People, answer.Body.Invitations = []portalPersonBody{}, []portalInvitationBody{}
		for _, p := range people {
			answer.Body.People = append(answer.Body.People, portalPersonBody{p.Account, p.Name, p.Email, string(p.Role[len("r:"):]), p.Since,
				p.Account == server.From(ctx).Session.Account})
		}
		for _, i := range invited {
			answer.Body.Invitations = append(answer.Body.Invitations, portalInvitationBody{i.ID, i.Name, i.Email, string(i.Role[len("r:"):]), i.By, i.Expires})
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "invitePortalPerson", Method: http.MethodPost, Path: "/api/v1/portal/people", Status: http.StatusCreated, Proven: true,
		Summary: "Ask somebody to work for the reseller, or for the platform",
	}, func(ctx context.Context, in *portalInviteRequest) (*portalInvitationAnswer, error) {
		reseller, err := seller(ctx, in.Reseller)
		if err != nil {
			return nil, err
		}
		i, err := v.Registry.InvitePerson(ctx, registry.PortalInvitation{Reseller: reseller, Email: in.Body.Email, Name: in.Body.Name,
			Role: access.Role("r:" + in.Body.Role), Language: in.Body.Language, By: server.From(ctx).Session.Name})
		if err != nil {
			return nil, sayFields(ctx, err)
		}
		v.recordIn(ctx, domainOf(reseller), "person.invite", i.ID.String(), map[string]string{"role": in.Body.Role})
		return &portalInvitationAnswer{portalInvitationBody{i.ID, i.Name, i.Email, in.Body.Role, i.By, i.Expires}}, nil
	})
	server.Register(s, server.Operation{
		ID: "withdrawPortalInvitation", Method: http.MethodDelete, Path: "/api/v1/portal/invitations/{id}", Status: http.StatusNoContent,
		Summary: "Make an invitation void",
	}, func(ctx context.Context, in *portalWithdrawRequest) (*none, error) {
		reseller, err := seller(ctx, in.Reseller)
		if err != nil {
			return nil, err
		}
		if err := v.Registry.WithdrawPerson(ctx, reseller, in.ID); err != nil {
			return nil, err
		}
		v.recordIn(ctx, domainOf(reseller), "person.withdraw_invitation", in.ID.String(), nil)
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "resendPortalInvitation", Method: http.MethodPost, Path: "/api/v1/portal/invitations/{id}/resend", Status: http.StatusNoContent,
		Summary: "Send an invitation again",
	}, func(ctx context.Context, in *portalResendRequest) (*none, error) {
		reseller, err := seller(ctx, in.Reseller)
		if err != nil {
			return nil, err
		}
		if err := v.Registry.ResendPerson(ctx, reseller, in.ID); err != nil {
			return nil, err
		}
		v.recordIn(ctx, domainOf(reseller), "person.invite_again", in.ID.String(), nil)
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "setPortalRole", Method: http.MethodPut, Path: "/api/v1/portal/people/{id}/role", Status: http.StatusNoContent, Proven: true,
		Summary: "Make somebody of the reseller's an administrator, or none",
	}, func(ctx context.Context, in *portalRoleRequest) (*none, error) {
		reseller, err := seller(ctx, in.Reseller)
		if err != nil {
			return nil, err
		}
		if err := v.Registry.SetPortalRole(ctx, reseller, in.ID, access.Role("r:"+in.Body.Role)); err != nil {
			return nil, err
		}
		v.recordIn(ctx, domainOf(reseller), "person.role", in.ID.String(), map[string]string{"role": in.Body.Role})
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "removePortalPerson", Method: http.MethodDelete, Path: "/api/v1/portal/people/{id}", Status: http.StatusNoContent, Proven: true,
		Summary: "End that somebody works for the reseller, or for the platform",
	}, func(ctx context.Context, in *portalRemoveRequest) (*none, error) {
		reseller, err := seller(ctx, in.Reseller)
		if err != nil {
			return nil, err
		}
		if err := v.Registry.RemovePerson(ctx, reseller, in.ID); err != nil {
			return nil, err
		}
		if err := v.Identity.SignOutEverywhere(ctx, in.ID, domainOf(reseller)); err != nil {
			return nil, err
		}
		v.recordIn(ctx, domainOf(reseller), "person.remove", in.ID.String(), nil)
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "peekPortalInvitation", Method: http.MethodPost, Path: "/api/v1/portal/join/peek",
		Summary: "What an invitation to the portal asks for",
	}, func(ctx context.Context, in *portalTokenRequest) (*portalInvitedAnswer, error) {
		i, err := v.portalInvitation(ctx, in.Body.Token)
		if err != nil {
			return nil, err
		}
		known, err := v.Identity.Known(ctx, i.Email)
		if err != nil {
			return nil, err
		}
		answer := &portalInvitedAnswer{}
		b := &answer.Body
		b.Of, b.Name, b.Email, b.Role, b.By, b.Account, b.Known = i.Of, i.Name, i.Email, string(i.Role[len("r:"):]), i.By, id.Account(i.ID), known
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "acceptPortalInvitation", Method: http.MethodPost, Path: "/api/v1/portal/join",
		Summary: "Join with a new or an existing account; signing in comes after",
	}, func(ctx context.Context, in *joinRequest) (*joinedAnswer, error) {
		i, err := v.portalInvitation(ctx, in.Body.Token)
		if err != nil {
			return nil, err
		}
		name := in.Body.Name
		if name == "" {
			name = i.Name
		}
		account, email, err := v.account(ctx, id.Account(i.ID), i.Email, name, i.Language, in.Body.New, in.Body.Account)
		if err != nil {
			return nil, err
		}
		if err := v.Registry.JoinPortal(ctx, i.ID, account); err != nil {
			return nil, err
		}
		v.recordIn(ctx, domainOf(i.Reseller), "person.join", account.String(), map[string]string{"role": string(i.Role[len("r:"):])})
		answer := &joinedAnswer{}
		answer.Body.Email = email
		return answer, nil
	})
}

type portalInvitationAnswer struct{ Body portalInvitationBody }

func (v Services) portalInvitation(ctx context.Context, token string) (registry.PortalInvitation, error) {
	key, err := v.Onboarding.Links.Read(registry.PortalLink, token)
	if err != nil {
		return registry.PortalInvitation{}, registry.ErrInvitationOver
	}
	return v.Registry.PortalInvitation(ctx, invitationID(key))
}

func invitationID(key uuid.UUID) (i id.Invitation) {
	_ = i.Scan(key.String()) // never fails: it is a uuid
	return i
}
