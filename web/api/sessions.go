package api

import (
	"context"
	"net/http"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/seal"
	"siegel/web/server"
)

var errSignedOut = fault.New(fault.Unauthenticated, "signed_out")

type startRequest struct {
	Body struct {
		Email string `json:"email" maxLength:"254"`
	}
}

type startAnswer struct {
	Body struct {
		KDF  string     `json:"kdf"`
		Salt seal.Bytes `json:"salt"`
	}
}

type signInRequest struct {
	Body struct {
		Email        string     `json:"email" maxLength:"254"`
		SignInSecret seal.Bytes `json:"sign_in_secret"`
	}
}

type sessionBody struct {
	Account  id.Account `json:"account"`
	Name     string     `json:"name"`
	Email    string     `json:"email"`
	Language string     `json:"language"`
	Role     string     `json:"role"`
	Tenant   id.Tenant  `json:"tenant"`
	Practice struct {
		Name  string `json:"name"`
		Zone  string `json:"zone"`
		Phone string `json:"phone"`
	} `json:"practice"`
}

type sessionAnswer struct {
	SetCookie string `header:"Set-Cookie"`
	Body      sessionBody
}

type keepRequest struct{ Body none }

type signedOutAnswer struct {
	SetCookie string `header:"Set-Cookie"`
}

func mountSessions(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "startSession", Method: http.MethodPost, Path: "/api/v1/session/start",
		Summary: "How to derive the sign-in secret from a password",
	}, func(ctx context.Context, in *startRequest) (*startAnswer, error) {
		c, err := v.Identity.Start(ctx, in.Body.Email)
		if err != nil {
			return nil, err
		}
		answer := &startAnswer{}
		answer.Body.KDF, answer.Body.Salt = c.KDF, c.Salt
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "signIn", Method: http.MethodPost, Path: "/api/v1/session",
		Summary: "Sign in to this office",
	}, func(ctx context.Context, in *signInRequest) (*sessionAnswer, error) {
		r := server.From(ctx)
		var role string
		cookie, session, err := v.Identity.SignIn(ctx, identity.SignIn{
			Email: in.Body.Email, Secret: in.Body.SignInSecret, Tenant: r.Tenant.ID, IP: r.Client,
			Allowed: func(ctx context.Context, account id.Account) error {
				found, err := v.Staff.Role(ctx, r.Tenant.ID, account)
				role = string(found)
				return err
			},
		})
		if err != nil {
			return nil, err
		}
		answer, err := saySession(ctx, v, session, role)
		if err != nil {
			return nil, err
		}
		answer.SetCookie = s.SessionCookie(cookie)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "getSession", Method: http.MethodGet, Path: "/api/v1/session",
		Summary: "Who is signed in",
	}, func(ctx context.Context, _ *none) (*sessionAnswer, error) {
		r := server.From(ctx)
		if r.Session.Account.IsZero() {
			return nil, errSignedOut
		}
		return saySession(ctx, v, r.Session, r.Role[len("r:"):])
	})
	server.Register(s, server.Operation{
		ID: "keepSession", Method: http.MethodPost, Path: "/api/v1/session/seen", Status: http.StatusNoContent,
		Summary: "Somebody is there: the session does not idle out",
	}, func(context.Context, *keepRequest) (*none, error) {
		return nil, nil // finding the session for a request that writes is what keeps it
	})
	server.Register(s, server.Operation{
		ID: "signOut", Method: http.MethodDelete, Path: "/api/v1/session", Status: http.StatusNoContent,
		Summary: "End this session",
	}, func(ctx context.Context, _ *none) (*signedOutAnswer, error) {
		if err := v.Identity.SignOut(ctx, server.From(ctx).Cookie); err != nil {
			return nil, err
		}
		return &signedOutAnswer{s.SessionCookie("")}, nil
	})
}

func saySession(ctx context.Context, v Services, session identity.Session, role string) (*sessionAnswer, error) {
	tenant := server.From(ctx).Tenant.ID
	offer, err := v.Practice.Offer(ctx, tenant)
	if err != nil {
		return nil, err
	}
	answer := &sessionAnswer{Body: sessionBody{
		Account: session.Account, Name: session.Name, Email: session.Email, Language: session.Language,
		Role: role, Tenant: tenant,
	}}
	p := &answer.Body.Practice
	p.Name, p.Zone, p.Phone = offer.Practice.Name, offer.Practice.Zone, offer.Practice.Phone
	return answer, nil
}
