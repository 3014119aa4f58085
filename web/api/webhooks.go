package api

import (
	"context"
	"net/http"
	"time"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/tenants/audit"
	"siegel/tenants/registry"
	"siegel/tenants/webhook"
	"siegel/web/server"
)

type webhookBody struct {
	ID           id.Webhook `json:"id"`
	Name         string     `json:"name"`
	URL          string     `json:"url"`
	Events       []string   `json:"events"`
	State        string     `json:"state" enum:"active,off,failed" doc:"failed: switched off since nobody had answered for days"`
	Created      time.Time  `json:"created"`
	OldUntil     time.Time  `json:"old_secret_until,omitzero" doc:"Until when the former secret signs too"`
	Tried        time.Time  `json:"tried,omitzero"`
	Succeeded    time.Time  `json:"succeeded,omitzero"`
	FailingSince time.Time  `json:"failing_since,omitzero"`
	Waiting      int        `json:"waiting"`
	Dead         int        `json:"dead" doc:"How many were given up, of the last 30 days"`
}

type sentBody struct {
	ID       id.Delivery `json:"id"`
	Event    id.Event    `json:"event" doc:"The header webhook-id"`
	Kind     string      `json:"kind"`
	Body     string      `json:"body" doc:"What is sent, as it is signed"`
	ByHand   bool        `json:"by_hand"`
	State    string      `json:"state" enum:"waiting,delivered,dead,dropped"`
	Attempts int         `json:"attempts"`
	Code     int         `json:"code,omitempty" doc:"Of the last answer"`
	Reason   string      `json:"reason,omitempty" enum:"answer,redirect,gone,timeout,certificate,unreachable,private_address,too_late,webhook_off,secret_unreadable"`
	Millis   int64       `json:"millis,omitempty"`
	Created  time.Time   `json:"created"`
	Tried    time.Time   `json:"tried,omitzero"`
}

type webhooksAnswer struct {
	Body struct {
		Webhooks []webhookBody `json:"webhooks"`
		Events   []string      `json:"events" doc:"All that can be asked for here"`
		Most     int           `json:"most"`
	}
}

type webhookWish struct {
	Name   string   `json:"name" minLength:"1" maxLength:"80"`
	URL    string   `json:"url" minLength:"1" maxLength:"500" doc:"https, on the public internet"`
	Events []string `json:"events" minItems:"1" maxItems:"20" maxLength:"40"`
}

type createWebhookRequest struct {
	Body webhookWish
}

type putWebhookRequest struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Name   string   `json:"name" minLength:"1" maxLength:"80"`
		URL    string   `json:"url" minLength:"1" maxLength:"500" doc:"https, on the public internet"`
		Events []string `json:"events" minItems:"1" maxItems:"20" maxLength:"40"`
		Active bool     `json:"active"`
	}
}

type webhookPath struct {
	ID string `path:"id" maxLength:"64"`
}

type sentPath struct {
	ID   string `path:"id" maxLength:"64"`
	Sent string `path:"sent" maxLength:"64"`
}

type webhookAnswer struct {
	Body webhookBody
}

type webhookSecretAnswer struct {
	Body struct {
		Secret  string      `json:"secret" doc:"whsec_…, with which the receiver checks signatures (Standard Webhooks). Nobody can read it again"`
		Webhook webhookBody `json:"webhook"`
	}
}

type sentAnswer struct {
	Body sentBody
}

type sentsAnswer struct {
	Body struct {
		Sent []sentBody `json:"sent" doc:"The latest 100, the newest first"`
	}
}

// hookScope is whose webhooks the caller means: the own tenant's or reseller's.
func hookScope(ctx context.Context) webhook.Scope {
	r := server.From(ctx)
	if r.Domain.Kind == access.Reseller {
		return webhook.Scope{Tenant: audit.ResellerScope(registry.ResellerOf(r.Domain)), Reseller: true}
	}
	return webhook.Scope{Tenant: r.Tenant.ID}
}

func mountWebhooks(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listWebhooks", Method: http.MethodGet, Path: "/api/v1/webhooks",
		Summary: "Who is told of events",
	}, func(ctx context.Context, _ *none) (*webhooksAnswer, error) {
		of := hookScope(ctx)
		all, err := v.Webhooks.List(ctx, of.Tenant)
		if err != nil {
			return nil, err
		}
		answer := &webhooksAnswer{}
		answer.Body.Webhooks, answer.Body.Events, answer.Body.Most = each(all, sayWebhook), webhook.Events, webhook.Most
		if of.Reseller {
			answer.Body.Events = webhook.ResellerEvents
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "createWebhook", Method: http.MethodPost, Path: "/api/v1/webhooks", Status: http.StatusCreated, Proven: true,
		Summary: "Have a system told of events",
	}, func(ctx context.Context, in *createWebhookRequest) (*webhookSecretAnswer, error) {
		secret, made, err := v.Webhooks.Create(ctx, hookScope(ctx), server.From(ctx).Session.Account,
			webhook.Wish{Name: in.Body.Name, URL: in.Body.URL, Events: in.Body.Events})
		return saySecret(secret, made, err)
	})
	server.Register(s, server.Operation{
		ID: "putWebhook", Method: http.MethodPut, Path: "/api/v1/webhooks/{id}", Proven: true,
		Summary: "Change a webhook, or switch it on or off",
	}, func(ctx context.Context, in *putWebhookRequest) (*webhookAnswer, error) {
		hook, err := parse[id.Webhook](in.ID)
		if err != nil {
			return nil, err
		}
		changed, err := v.Webhooks.Change(ctx, hookScope(ctx), hook, webhook.Wish{Name: in.Body.Name, URL: in.Body.URL, Events: in.Body.Events, Active: in.Body.Active})
		if err != nil {
			return nil, err
		}
		return &webhookAnswer{sayWebhook(changed)}, nil
	})
	server.Register(s, server.Operation{
		ID: "removeWebhook", Method: http.MethodDelete, Path: "/api/v1/webhooks/{id}", Status: http.StatusNoContent, Proven: true,
		Summary: "End a webhook",
	}, func(ctx context.Context, in *webhookPath) (*none, error) {
		hook, err := parse[id.Webhook](in.ID)
		if err != nil {
			return nil, err
		}
		return nil, v.Webhooks.Remove(ctx, hookScope(ctx), hook)
	})
	server.Register(s, server.Operation{
		ID: "rotateWebhook", Method: http.MethodPost, Path: "/api/v1/webhooks/{id}/secret", Proven: true,
		Summary: "Make another secret; for a day the former one signs too",
	}, func(ctx context.Context, in *webhookPath) (*webhookSecretAnswer, error) {
		hook, err := parse[id.Webhook](in.ID)
		if err != nil {
			return nil, err
		}
		secret, changed, err := v.Webhooks.Rotate(ctx, hookScope(ctx), hook)
		return saySecret(secret, changed, err)
	})
	mountSent(s, v)
}

// mountSent adds what was sent to a webhook, and sending by hand.
func mountSent(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listSent", Method: http.MethodGet, Path: "/api/v1/webhooks/{id}/sent",
		Summary: "What a webhook was told, and what became of it",
	}, func(ctx context.Context, in *webhookPath) (*sentsAnswer, error) {
		hook, err := parse[id.Webhook](in.ID)
		if err != nil {
			return nil, err
		}
		all, err := v.Webhooks.Deliveries(ctx, hookScope(ctx).Tenant, hook)
		if err != nil {
			return nil, err
		}
		answer := &sentsAnswer{}
		answer.Body.Sent = each(all, saySent)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "testWebhook", Method: http.MethodPost, Path: "/api/v1/webhooks/{id}/test", Status: http.StatusAccepted,
		Summary: "Send an event that says nothing",
	}, func(ctx context.Context, in *webhookPath) (*sentAnswer, error) {
		hook, err := parse[id.Webhook](in.ID)
		if err != nil {
			return nil, err
		}
		queued, err := v.Webhooks.Test(ctx, hookScope(ctx).Tenant, hook)
		if err != nil {
			return nil, err
		}
		return &sentAnswer{saySent(queued)}, nil
	})
	server.Register(s, server.Operation{
		ID: "replaySent", Method: http.MethodPost, Path: "/api/v1/webhooks/{id}/sent/{sent}/replay", Status: http.StatusAccepted,
		Summary: "Send an event once more, under the same id",
	}, func(ctx context.Context, in *sentPath) (*sentAnswer, error) {
		hook, err := parse[id.Webhook](in.ID)
		if err != nil {
			return nil, err
		}
		sent, err := parse[id.Delivery](in.Sent)
		if err != nil {
			return nil, err
		}
		queued, err := v.Webhooks.Replay(ctx, hookScope(ctx).Tenant, hook, sent)
		if err != nil {
			return nil, err
		}
		return &sentAnswer{saySent(queued)}, nil
	})
}

func saySecret(secret string, w webhook.Webhook, err error) (*webhookSecretAnswer, error) {
	if err != nil {
		return nil, err
	}
	answer := &webhookSecretAnswer{}
	answer.Body.Secret, answer.Body.Webhook = secret, sayWebhook(w)
	return answer, nil
}

func sayWebhook(w webhook.Webhook) webhookBody {
	return webhookBody{w.ID, w.Name, w.URL, w.Events, string(w.Status), w.Created, w.OldUntil, w.Tried, w.Succeeded, w.FailingSince, w.Waiting, w.Dead}
}

func saySent(d webhook.Delivery) sentBody {
	return sentBody{d.ID, d.Event, d.Kind, d.Body, d.ByHand, d.Status, d.Attempts, d.Code, d.Reason, d.Took.Milliseconds(), d.Created, d.Tried}
}
