package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/tenants/staff"
	"siegel/web/server"
)

type tokenBody struct {
	ID       id.APIToken `json:"id"`
	Name     string      `json:"name"`
	Scopes   []string    `json:"scopes"`
	Created  time.Time   `json:"created"`
	Expires  time.Time   `json:"expires"`
	LastUsed time.Time   `json:"last_used,omitzero"`
	Revoked  time.Time   `json:"revoked,omitzero"`
}

type tokensAnswer struct {
	Body struct {
		Tokens []tokenBody `json:"tokens"`
		Scopes []string    `json:"scopes" doc:"All that a token may have"`
	}
}

type createTokenRequest struct {
	Body struct {
		Name   string   `json:"name" minLength:"1" maxLength:"80"`
		Scopes []string `json:"scopes" minItems:"1" maxItems:"20" maxLength:"40"`
		Days   int      `json:"days" minimum:"1" maximum:"366" doc:"For how long it is good"`
	}
}

type createTokenAnswer struct {
	Body struct {
		Secret string    `json:"secret" doc:"What goes behind Authorization: Bearer. Nobody can read it again"`
		Token  tokenBody `json:"token"`
	}
}

type tokenPath struct {
	ID string `path:"id" maxLength:"64"`
}

func mountTokens(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listTokens", Method: http.MethodGet, Path: "/api/v1/tokens",
		Summary: "The practice's tokens for machines",
	}, func(ctx context.Context, _ *none) (*tokensAnswer, error) {
		tokens, err := v.Tokens.List(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &tokensAnswer{}
		answer.Body.Tokens = each(tokens, sayToken)
		for _, scope := range access.Scopes() {
			if scope != access.ScopeInbox { // it comes by pairing, and says nothing without
				answer.Body.Scopes = append(answer.Body.Scopes, sayScope(scope))
			}
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "createToken", Method: http.MethodPost, Path: "/api/v1/tokens", Status: http.StatusCreated, Proven: true,
		Summary: "Make a token for a machine",
	}, func(ctx context.Context, in *createTokenRequest) (*createTokenAnswer, error) {
		r := server.From(ctx)
		t := staff.Token{Name: in.Body.Name, Creator: r.Session.Account, Expires: time.Now().Add(time.Duration(in.Body.Days) * 24 * time.Hour)}
		for _, scope := range in.Body.Scopes {
			t.Scopes = append(t.Scopes, access.Role("s:"+scope))
		}
		text, made, err := v.Tokens.Create(ctx, r.Tenant.ID, t)
		if err != nil {
			return nil, err
		}
		answer := &createTokenAnswer{}
		answer.Body.Secret, answer.Body.Token = text, sayToken(made)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "revokeToken", Method: http.MethodDelete, Path: "/api/v1/tokens/{id}", Status: http.StatusNoContent, Proven: true,
		Summary: "End a token",
	}, func(ctx context.Context, in *tokenPath) (*none, error) {
		token, err := parse[id.APIToken](in.ID)
		if err != nil {
			return nil, err
		}
		return nil, v.Tokens.Revoke(ctx, server.From(ctx).Tenant.ID, token)
	})
}

func sayScope(r access.Role) string { return strings.TrimPrefix(string(r), "s:") }

func sayToken(t staff.Token) tokenBody {
	return tokenBody{t.ID, t.Name, each(t.Scopes, sayScope), t.Created, t.Expires, t.LastUsed, t.Revoked}
}
