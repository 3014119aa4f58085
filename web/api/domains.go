package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/plugins/sdk"
	"siegel/tenants/domain"
	"siegel/tenants/provider"
	"siegel/tenants/registry"
	"siegel/web/server"
)

// Bringing up domains of practices' own, from the portal.

type domainRecordBody struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Value   string `json:"value"`
	Present bool   `json:"present" doc:"DNS has it"`
}

type domainStepBody struct {
	Name  string `json:"name" enum:"ownership,records,propagation,certificate,request"`
	State string `json:"state" enum:"ahead,current,done"`
}

type ownDomainBody struct {
	Host     string             `json:"host" doc:"ASCII (punycode)"`
	Provider id.Provider        `json:"provider"`
	State    string             `json:"state" enum:"working,stopped,up,removing" doc:"stopped: somebody has to decide"`
	Steps    []domainStepBody   `json:"steps"`
	Problem  string             `json:"problem,omitempty" doc:"What it waits for, one word"`
	Stopped  bool               `json:"stopped"`
	Records  []domainRecordBody `json:"records" doc:"What somebody has to set, or with the state removing to remove, by hand"`
	Started  time.Time          `json:"started"`
	Since    time.Time          `json:"since" doc:"When the current step began"`
	Next     time.Time          `json:"next" doc:"When it goes on by itself"`
}

type hostingBody struct {
	ID     id.Provider `json:"id"`
	Name   string      `json:"name"`
	Plugin string      `json:"plugin"`
	Manual bool        `json:"manual" doc:"Somebody sets the records"`
	Proxy  bool        `json:"proxy" doc:"It takes the connections and passes requests on"`
	Proves bool        `json:"proves" doc:"It publishes the proof of whose the domain is"`
}

type domainsRequest struct {
	ID id.Tenant `path:"id"`
}

type domainsAnswer struct {
	Body struct {
		Domains   []ownDomainBody `json:"domains"`
		Providers []hostingBody   `json:"providers" doc:"At whom domains can be brought up"`
	}
}

type planDomainRequest struct {
	ID   id.Tenant `path:"id"`
	Body struct {
		Name     string `json:"name" maxLength:"300"`
		Provider string `json:"provider" maxLength:"60"`
	}
}

type planBody struct {
	Host    string             `json:"host"`
	Changes []domainChangeBody `json:"changes" doc:"In their order; none where the provider leads it here already"`
	Manual  bool               `json:"manual"`
	Proxy   bool               `json:"proxy"`
	Proves  bool               `json:"proves"`
	Replace bool               `json:"replace" doc:"Something leads elsewhere and would be replaced"`
}

type domainChangeBody struct {
	Action string            `json:"action" enum:"set_record,remove_record,ask_for_record,create_proxy,request_certificate"`
	Record *domainRecordBody `json:"record,omitempty"`
}

type planAnswer struct{ Body planBody }

type startDomainRequest struct {
	ID   id.Tenant `path:"id"`
	Body struct {
		Name     string `json:"name" maxLength:"300"`
		Provider string `json:"provider" maxLength:"60"`
		Replace  bool   `json:"replace,omitempty"`
	}
}

type retryDomainRequest struct {
	ID   id.Tenant `path:"id"`
	Name string    `path:"name" maxLength:"253"`
	Body struct {
		Replace bool `json:"replace,omitempty" doc:"Leave to replace what leads elsewhere"`
	}
}

type removeDomainRequest struct {
	ID   id.Tenant `path:"id"`
	Name string    `path:"name" maxLength:"253"`
}

type domainAnswer struct{ Body ownDomainBody }

func mountDomains(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listDomains", Method: http.MethodGet, Path: "/api/v1/portal/tenants/{id}/domains",
		Summary: "How far a practice's own domains are, and at whom they can be brought up",
	}, func(ctx context.Context, in *domainsRequest) (*domainsAnswer, error) {
		t, err := v.looked(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		all, err := v.Domains.Domains(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		answer := &domainsAnswer{}
		answer.Body.Domains = make([]ownDomainBody, 0, len(all))
		for _, d := range all {
			answer.Body.Domains = append(answer.Body.Domains, sayDomain(d))
		}
		answer.Body.Providers, err = v.hostings(ctx, t)
		return answer, err
	})
	server.Register(s, server.Operation{
		ID: "planDomain", Method: http.MethodPost, Path: "/api/v1/portal/tenants/{id}/domains/plan",
		Summary: "What bringing a domain up would do; changes nothing",
	}, func(ctx context.Context, in *planDomainRequest) (*planAnswer, error) {
		t, err := v.looked(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		p, err := parse[id.Provider](in.Body.Provider)
		if err != nil {
			return nil, err
		}
		plan, err := v.Domains.Plan(ctx, t.ID, p, in.Body.Name)
		if err != nil {
			return nil, ofPlugin(err)
		}
		answer := &planAnswer{planBody{Host: plan.Host, Changes: []domainChangeBody{}, Manual: plan.Manual, Proxy: plan.Proxy, Proves: plan.Proves}}
		for _, c := range plan.Changes {
			one := domainChangeBody{Action: string(c.Action)}
			if c.Record != (sdk.Record{}) {
				one.Record = &domainRecordBody{Type: c.Record.Type, Name: c.Record.Name, Value: c.Record.Value}
			}
			answer.Body.Changes = append(answer.Body.Changes, one)
			answer.Body.Replace = answer.Body.Replace || c.Action == sdk.RemoveRecord
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "startDomain", Method: http.MethodPost, Path: "/api/v1/portal/tenants/{id}/domains", Status: http.StatusAccepted,
		Summary: "Begin to bring a domain up",
	}, func(ctx context.Context, in *startDomainRequest) (*domainAnswer, error) {
		p, err := parse[id.Provider](in.Body.Provider)
		if err != nil {
			return nil, err
		}
		var d domain.Domain
		err = v.change(ctx, in.ID, "domain.start", func(t registry.Tenant) (err error) {
			d, err = v.Domains.Start(ctx, t.ID, p, in.Body.Name, in.Body.Replace, server.From(ctx).Session.Account)
			return ofPlugin(err)
		})
		return &domainAnswer{sayDomain(d)}, err
	})
	server.Register(s, server.Operation{
		ID: "retryDomain", Method: http.MethodPost, Path: "/api/v1/portal/tenants/{id}/domains/{name}/retry", Status: http.StatusAccepted,
		Summary: "Go on at once with a domain that waits or has stopped",
	}, func(ctx context.Context, in *retryDomainRequest) (*domainAnswer, error) {
		var d domain.Domain
		err := v.change(ctx, in.ID, "domain.retry", func(t registry.Tenant) (err error) {
			d, err = v.Domains.Retry(ctx, t.ID, in.Name, in.Body.Replace)
			return err
		})
		return &domainAnswer{sayDomain(d)}, err
	})
	server.Register(s, server.Operation{
		ID: "removeDomain", Method: http.MethodDelete, Path: "/api/v1/portal/tenants/{id}/domains/{name}", Status: http.StatusAccepted,
		Summary: "Take a domain back: its records, its certificate, its name",
	}, func(ctx context.Context, in *removeDomainRequest) (*domainAnswer, error) {
		var d domain.Domain
		err := v.change(ctx, in.ID, "domain.remove", func(t registry.Tenant) (err error) {
			d, err = v.Domains.Remove(ctx, t.ID, in.Name)
			return err
		})
		return &domainAnswer{sayDomain(d)}, err
	})
}

// errBroughtUp: a provider leads the domain here. Its records and its
// certificate have to go first, or somebody else could come to be led to.
var errBroughtUp = fault.New(fault.Conflict, "domain_brought_up")

// notBroughtUp returns [errBroughtUp] for a domain that removeDomain is for.
func (v Services) notBroughtUp(ctx context.Context, tenant id.Tenant, name string) error {
	if v.Domains == nil {
		return nil
	}
	host, err := registry.CanonicalHost(name)
	if err != nil {
		return err
	}
	_, err = v.Domains.Domain(ctx, tenant, host)
	switch {
	case errors.Is(err, domain.ErrUnknown):
		return nil
	case err != nil:
		return err
	}
	return errBroughtUp
}

// hostings are the accounts with hosting providers that a tenant may use, its
// own first.
func (v Services) hostings(ctx context.Context, t registry.Tenant) ([]hostingBody, error) {
	out := []hostingBody{}
	if v.Host == nil {
		return out, nil
	}
	route, err := v.Providers.Route(ctx, t.ID, provider.Hosting)
	if err != nil {
		return nil, err
	}
	scopes := []access.Domain{identity.OfTenant(t.ID)}
	if !t.Reseller.IsZero() {
		scopes = append(scopes, identity.OfReseller(t.Reseller))
	}
	for _, scope := range append(scopes, identity.OfPlatform()) {
		all, err := v.Providers.List(ctx, provider.Hosting, scope)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			about, err := v.Host.Catalogue(ctx, provider.Hosting, p.Plugin)
			if err != nil || !p.Enabled {
				continue // it cannot be used now
			}
			// One that takes connections sees what patients send.
			approved := slices.ContainsFunc(route, func(l provider.Line) bool { return l.Provider.ID == p.ID })
			if about.Has(sdk.Proxy) && !approved {
				continue
			}
			out = append(out, hostingBody{
				ID: p.ID, Name: p.Name, Plugin: p.Plugin, Manual: about.Has(sdk.Manual), Proxy: about.Has(sdk.Proxy), Proves: about.Has(sdk.Challenges),
			})
		}
	}
	return out, nil
}

func sayDomain(d domain.Domain) ownDomainBody {
	b := ownDomainBody{
		Host: d.Host, Provider: d.Provider, State: "working", Problem: d.Problem, Stopped: d.Stopped,
		Records: []domainRecordBody{}, Started: d.Started, Since: d.Since, Next: d.Next,
	}
	switch {
	case d.Removing:
		b.State = "removing"
	case d.Stopped:
		b.State = "stopped"
	case d.Step == domain.Done:
		b.State = "up"
	}
	for _, r := range d.Records {
		b.Records = append(b.Records, domainRecordBody(r))
	}
	state := "done"
	for _, step := range domain.Steps() {
		one := domainStepBody{string(step), state}
		if step == d.Step {
			one.State, state = "current", "ahead"
		}
		b.Steps = append(b.Steps, one)
	}
	return b
}
