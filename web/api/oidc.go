package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/tenants/registry"
	"siegel/web/server"
)

type optionsRequest struct {
	Reseller string `query:"reseller" maxLength:"60" doc:"In the portal: whose people sign in"`
}

type optionsAnswer struct {
	Body struct {
		OIDC string `json:"oidc" doc:"What the button of the provider says; empty where there is none"`
	}
}

type startOIDCRequest struct {
	Body struct {
		Reseller string `json:"reseller,omitempty" maxLength:"60"`
	}
}

type startOIDCAnswer struct {
	SetCookie string `header:"Set-Cookie"`
	Body      struct {
		Location string `json:"location"`
	}
}

type finishOIDCRequest struct {
	Body struct {
		Code  string `json:"code" maxLength:"4000"`
		State string `json:"state" maxLength:"200"`
	}
}

type providerBody struct {
	Issuer   string `json:"issuer" maxLength:"300"`
	ClientID string `json:"client_id" maxLength:"300"`
	Label    string `json:"label" maxLength:"60"`
	Redirect string `json:"redirect,omitempty" doc:"What the provider has to allow as redirect address"`
}

type providerAnswer struct {
	Body struct {
		Provider *providerBody `json:"provider"`
		Redirect string        `json:"redirect"`
	}
}

type providerRequest struct {
	Body struct {
		Issuer   string `json:"issuer" maxLength:"300"`
		ClientID string `json:"client_id" maxLength:"300"`
		Secret   string `json:"client_secret,omitempty" maxLength:"500" doc:"Never read back; empty keeps the old one"`
		Label    string `json:"label" maxLength:"60"`
	}
}

// oidcCookie is how long a sign-in may stay at the provider.
const oidcCookie = 10 * time.Minute

func mountOIDC(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getSignInOptions", Method: http.MethodGet, Path: "/api/v1/session/options",
		Summary: "What one can sign in with here, beside password and passkey",
	}, func(ctx context.Context, in *optionsRequest) (*optionsAnswer, error) {
		domain, err := oidcDomain(ctx, in.Reseller)
		if err != nil {
			return nil, err
		}
		answer := &optionsAnswer{}
		p, err := v.Identity.Provider(ctx, domain)
		if errors.Is(err, identity.ErrNoOIDC) {
			return answer, nil
		}
		answer.Body.OIDC = p.Label
		return answer, err
	})
	server.Register(s, server.Operation{
		ID: "startOIDC", Method: http.MethodPost, Path: "/api/v1/session/oidc/start",
		Summary: "Where the browser goes to sign in with the provider",
	}, func(ctx context.Context, in *startOIDCRequest) (*startOIDCAnswer, error) {
		domain, err := oidcDomain(ctx, in.Body.Reseller)
		if err != nil {
			return nil, err
		}
		answer := &startOIDCAnswer{}
		location, cookie, err := v.Identity.StartOIDC(ctx, domain, oidcRedirect(ctx, s), v.entry(ctx, s))
		if err != nil {
			return nil, err
		}
		answer.Body.Location, answer.SetCookie = location, s.Cookie("oidc", cookie, oidcCookie)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "signInByOIDC", Method: http.MethodPost, Path: "/api/v1/session/oidc",
		Summary: "Sign in with what the provider sent the browser back with",
	}, func(ctx context.Context, in *finishOIDCRequest) (*sessionAnswer, error) {
		r := server.From(ctx)
		entry := v.entry(ctx, s)
		cookie, session, err := v.Identity.SignInByOIDC(ctx, identity.OIDCReturn{Code: in.Body.Code, State: in.Body.State, Cookie: r.Pending}, entry)
		if err != nil {
			return nil, secondStep(ctx, err)
		}
		return v.signedIn(ctx, s, session, s.SessionCookie(cookie), s.Cookie("oidc", "", 0))
	})
	server.Register(s, server.Operation{
		ID: "getProvider", Method: http.MethodGet, Path: "/api/v1/sign-in-provider",
		Summary: "The OpenID provider of this practice or reseller",
	}, func(ctx context.Context, _ *none) (*providerAnswer, error) {
		answer := &providerAnswer{}
		answer.Body.Redirect = oidcRedirect(ctx, s)
		p, err := v.Identity.Provider(ctx, server.From(ctx).Domain)
		if errors.Is(err, identity.ErrNoOIDC) {
			return answer, nil
		}
		answer.Body.Provider = &providerBody{Issuer: p.Issuer, ClientID: p.ClientID, Label: p.Label}
		return answer, err
	})
	server.Register(s, server.Operation{
		ID: "putProvider", Method: http.MethodPut, Path: "/api/v1/sign-in-provider", Status: http.StatusNoContent, Proven: true,
		Summary: "Set the OpenID provider; it is asked for its configuration first",
	}, func(ctx context.Context, in *providerRequest) (*none, error) {
		err := v.Identity.SetProvider(ctx, server.From(ctx).Domain, identity.Provider{
			Issuer: in.Body.Issuer, ClientID: in.Body.ClientID, Secret: in.Body.Secret, Label: in.Body.Label,
		})
		if err != nil {
			return nil, err
		}
		v.record(ctx, "provider.put", "")
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "removeProvider", Method: http.MethodDelete, Path: "/api/v1/sign-in-provider", Status: http.StatusNoContent, Proven: true,
		Summary: "End signing in with the OpenID provider",
	}, func(ctx context.Context, _ *none) (*none, error) {
		if err := v.Identity.RemoveProvider(ctx, server.From(ctx).Domain); err != nil {
			return nil, err
		}
		v.record(ctx, "provider.remove", "")
		return nil, nil
	})
}

func oidcRedirect(ctx context.Context, s *server.Server) string {
	return s.Site(server.From(ctx)).Origin + "/oidc"
}

// oidcDomain is whose provider it is about: the office's, or in the portal the
// named reseller's.
func oidcDomain(ctx context.Context, reseller string) (access.Domain, error) {
	r := server.From(ctx)
	if r.Kind == registry.Office || reseller == "" {
		return r.Domain, nil
	}
	var of id.Reseller
	if err := of.UnmarshalText([]byte(reseller)); err != nil {
		return access.Domain{}, err
	}
	return identity.OfReseller(of), nil
}
