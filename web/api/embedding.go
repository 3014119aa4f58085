package api

import (
	"context"
	"net/http"

	"siegel/web/server"
)

type embeddingBody struct {
	Sites []string `json:"sites" maxItems:"20" doc:"Origins of the practice's own pages, which may frame the patients' pages"`
	Host  string   `json:"host,omitempty" readOnly:"true" doc:"Where the patients' pages are"`
}

type embeddingRequest struct {
	Body struct {
		Sites []string `json:"sites" maxItems:"20" doc:"Addresses of pages; each becomes its origin"`
	}
}

type embeddingAnswer struct{ Body embeddingBody }

func mountEmbedding(s *server.Server, v Services) {
	say := func(ctx context.Context, sites []string) *embeddingAnswer {
		return &embeddingAnswer{embeddingBody{Sites: append([]string{}, sites...), Host: v.Registry.PatientsHost(server.From(ctx).Tenant)}}
	}
	server.Register(s, server.Operation{
		ID: "getEmbedding", Method: http.MethodGet, Path: "/api/v1/embedding",
		Summary: "Which pages may frame the patients' pages",
	}, func(ctx context.Context, _ *none) (*embeddingAnswer, error) {
		sites, err := v.Embedding.Sites(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		return say(ctx, sites), nil
	})
	server.Register(s, server.Operation{
		ID: "putEmbedding", Method: http.MethodPut, Path: "/api/v1/embedding",
		Summary: "Decide which pages may frame the patients' pages",
	}, func(ctx context.Context, in *embeddingRequest) (*embeddingAnswer, error) {
		sites, err := v.Embedding.SetSites(ctx, server.From(ctx).Tenant.ID, in.Body.Sites)
		if err != nil {
			return nil, err
		}
		return say(ctx, sites), nil
	})
}
