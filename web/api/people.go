package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/seal"
	"siegel/tenants/keyring"
	"siegel/tenants/onboarding"
	"siegel/tenants/staff"
	"siegel/web/server"
)

type personBody struct {
	Account  id.Account `json:"account"`
	Name     string     `json:"name"`
	Email    string     `json:"email"`
	Role     string     `json:"role" enum:"owner,practitioner,front_desk,billing"`
	Since    time.Time  `json:"since"`
	Self     bool       `json:"self"`
	Keys     string     `json:"keys" enum:"held,waiting,none" doc:"Whether the person is in the key directory with today's key"`
	Compared bool       `json:"compared" doc:"The person confirmed the six words"`
	Public   seal.Bytes `json:"public" doc:"The person's member key"`
}

type invitationBody struct {
	ID       id.Invitation `json:"id"`
	Handover bool          `json:"handover"`
	Email    string        `json:"email"`
	Name     string        `json:"name"`
	Role     string        `json:"role" enum:"owner,practitioner,front_desk,billing"`
	By       string        `json:"by"`
	Sent     int           `json:"sent"`
	Created  time.Time     `json:"created"`
	Expires  time.Time     `json:"expires"`
}

type peopleAnswer struct {
	Body struct {
		People      []personBody     `json:"people"`
		Invitations []invitationBody `json:"invitations"`
		Support     []supporterBody  `json:"support"`
	}
}

type inviteRequest struct {
	Body struct {
		Email    string `json:"email" maxLength:"300"`
		Name     string `json:"name" maxLength:"300"`
		Role     string `json:"role" enum:"owner,practitioner,front_desk,billing"`
		Language string `json:"language" maxLength:"10"`
	}
}

type invitationRequest struct {
	ID   id.Invitation `path:"id"`
	Body none
}

type withdrawRequest struct {
	ID id.Invitation `path:"id"`
}

// keysBody is a change of keys that comes with a change of people.
type keysBody struct {
	Directory directoryBody `json:"directory"`
	Keys      []wrappedKey  `json:"keys"`
}

func (k *keysBody) next() *keyring.Next {
	if k == nil {
		return nil
	}
	return &keyring.Next{Directory: seal.Signed{Document: k.Directory.Document, Signature: k.Directory.Signature}, Wraps: wraps(k.Keys)}
}

type leaveRequest struct {
	Account id.Account `path:"account"`
	Body    struct {
		Keyring *keysBody `json:"keyring,omitempty"`
	}
}

type roleRequest struct {
	Account id.Account `path:"account"`
	Body    struct {
		Role    string    `json:"role" enum:"owner,practitioner,front_desk,billing"`
		Keyring *keysBody `json:"keyring,omitempty"`
	}
}

// keysLimit bounds a change of keys: a practice of a hundred after years of
// yearly rotation.
const keysLimit = 4 << 20

func mountPeople(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listPeople", Method: http.MethodGet, Path: "/api/v1/people",
		Summary: "Who works here, who holds keys, and who was invited",
	}, func(ctx context.Context, _ *none) (*peopleAnswer, error) {
		return v.people(ctx)
	})
	server.Register(s, server.Operation{
		ID: "invitePerson", Method: http.MethodPost, Path: "/api/v1/people/invitations", Status: http.StatusCreated, Proven: true,
		Summary: "Ask somebody to join, by mail",
	}, func(ctx context.Context, in *inviteRequest) (*peopleAnswer, error) {
		r := server.From(ctx)
		_, err := v.Onboarding.Invite(ctx, r.Tenant.ID, onboarding.Invitation{
			Email: in.Body.Email, Name: in.Body.Name, Role: staff.Role(in.Body.Role), Language: in.Body.Language, By: r.Session.Name,
		})
		if err != nil {
			return nil, sayMistakes(ctx, err)
		}
		return v.people(ctx)
	})
	server.Register(s, server.Operation{
		ID: "resendInvitation", Method: http.MethodPost, Path: "/api/v1/people/invitations/{id}/resend",
		Summary: "Send an invitation again",
	}, func(ctx context.Context, in *invitationRequest) (*peopleAnswer, error) {
		if err := v.Onboarding.Resend(ctx, server.From(ctx).Tenant.ID, in.ID); err != nil {
			return nil, err
		}
		return v.people(ctx)
	})
	server.Register(s, server.Operation{
		ID: "withdrawInvitation", Method: http.MethodDelete, Path: "/api/v1/people/invitations/{id}", Status: http.StatusNoContent,
		Summary: "Make an invitation void",
	}, func(ctx context.Context, in *withdrawRequest) (*none, error) {
		return nil, v.Onboarding.Withdraw(ctx, server.From(ctx).Tenant.ID, in.ID)
	})
	mountSupport(s, v)
	server.Register(s, server.Operation{
		ID: "changeRole", Method: http.MethodPut, Path: "/api/v1/people/{account}", Proven: true, Body: keysLimit,
		Summary: "Give somebody another role; who holds keys needs the next directory",
	}, func(ctx context.Context, in *roleRequest) (*peopleAnswer, error) {
		if err := v.Onboarding.SetRole(ctx, server.From(ctx).Tenant.ID, in.Account, staff.Role(in.Body.Role), in.Body.Keyring.next()); err != nil {
			return nil, err
		}
		return v.people(ctx)
	})
	server.Register(s, server.Operation{
		ID: "removePerson", Method: http.MethodPost, Path: "/api/v1/people/{account}/leave", Proven: true, Body: keysLimit,
		Summary: "Somebody leaves: sessions and keys end; who held keys leaves new ones behind",
	}, func(ctx context.Context, in *leaveRequest) (*peopleAnswer, error) {
		tenant := server.From(ctx).Tenant.ID
		if err := v.Onboarding.Leave(ctx, tenant, in.Account, in.Body.Keyring.next()); err != nil {
			return nil, err
		}
		if err := v.Identity.SignOutEverywhere(ctx, in.Account, identity.OfTenant(tenant)); err != nil {
			return nil, err
		}
		return v.people(ctx)
	})
}

func (v Services) people(ctx context.Context) (*peopleAnswer, error) {
	r := server.From(ctx)
	people, err := v.Staff.People(ctx, r.Tenant.ID)
	if err != nil {
		return nil, err
	}
	held, err := v.Keyring.Holding(ctx, r.Tenant.ID)
	if err != nil && !errors.Is(err, keyring.ErrNoKeys) {
		return nil, err
	}
	invitations, err := v.Onboarding.Invitations(ctx, r.Tenant.ID)
	if err != nil {
		return nil, err
	}
	answer := &peopleAnswer{}
	answer.Body.People = make([]personBody, len(people))
	for i, p := range people {
		keys := "waiting"
		switch {
		case held.Lists(p.Account, p.Public):
			keys = "held"
		case p.Role == staff.Billing:
			keys = "none"
		}
		answer.Body.People[i] = personBody{p.Account, p.Name, p.Email, string(p.Role), p.Since, p.Account == r.Session.Account, keys, p.Vouched, p.Public}
	}
	if answer.Body.Support, err = v.support(ctx); err != nil {
		return nil, err
	}
	answer.Body.Invitations = make([]invitationBody, len(invitations))
	for i, x := range invitations {
		answer.Body.Invitations[i] = invitationBody{x.ID, x.Handover, x.Email, x.Name, string(x.Role), x.By, x.Sent, x.Created, x.Expires}
	}
	return answer, nil
}
