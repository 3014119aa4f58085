package api

import (
	"context"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/tenants/registry"
	"siegel/web/server"
)

type hostBody struct {
	Name      string    `json:"name" doc:"ASCII (punycode)"`
	Shown     string    `json:"shown" doc:"For people"`
	Record    string    `json:"record" doc:"Name of the TXT record that has to hold the challenge"`
	Path      string    `json:"path,omitempty" doc:"Or this path on the host, over http"`
	Challenge string    `json:"challenge"`
	Verified  time.Time `json:"verified,omitzero"`
	Checked   time.Time `json:"checked,omitzero"`
	Problem   string    `json:"problem,omitempty" enum:"not_found,other_value,unreachable"`
	Lost      time.Time `json:"lost,omitzero" doc:"Since when nothing proves a verified one any more"`
	Ends      time.Time `json:"ends,omitzero" doc:"When it counts no more because of that"`
	Preferred bool      `json:"preferred"`
}

func sayHost(h registry.HostName) hostBody {
	b := hostBody{Name: h.Name, Shown: h.Shown, Record: h.Record, Path: h.Path, Challenge: h.Challenge, Verified: h.Verified, Checked: h.Checked,
		Problem: h.Problem, Lost: h.Lost, Preferred: h.Preferred}
	if !h.Lost.IsZero() && !h.Verified.IsZero() {
		b.Ends = h.Lost.Add(registry.LostGrace)
	}
	return b
}

func sayHosts(hosts []registry.HostName) []hostBody {
	all := make([]hostBody, 0, len(hosts))
	for _, h := range hosts {
		all = append(all, sayHost(h))
	}
	return all
}

type hostAnswer struct{ Body hostBody }

type hostsAnswer struct {
	Body struct {
		Hosts []hostBody `json:"hosts"`
	}
}

type addHostRequest struct {
	ID   id.Tenant `path:"id"`
	Body struct {
		Name string `json:"name" maxLength:"300"`
	}
}

type hostRequest struct {
	ID   id.Tenant `path:"id"`
	Name string    `path:"name" maxLength:"253"`
	Body none
}

type removeHostRequest struct {
	ID   id.Tenant `path:"id"`
	Name string    `path:"name" maxLength:"253"`
}

type preferRequest struct {
	ID   id.Tenant `path:"id"`
	Body struct {
		Name string `json:"name" maxLength:"253" doc:"Empty: the address below the base"`
	}
}

// unverified answers with the host and what is wrong with it, as a conflict.
func unverified(ctx context.Context, h registry.HostName, err error) (*hostAnswer, error) {
	if err == nil {
		return &hostAnswer{sayHost(h)}, nil
	}
	p := server.ProblemOf(ctx, err)
	if h.Problem != "" {
		p.Extra = map[string]any{"problem": h.Problem}
	}
	return nil, p
}

type hostCertificateBody struct {
	Host   string    `json:"host" doc:"ASCII (punycode); with *. a reseller's base"`
	Shown  string    `json:"shown"`
	Tenant id.Tenant `json:"tenant,omitzero"`
	Slug   string    `json:"slug,omitempty"`
	State  string    `json:"state" enum:"good,soon,over,none,unknown"`
	Ends   time.Time `json:"ends,omitzero"`
}

type hostCertificatesAnswer struct {
	Body struct {
		Certificates []hostCertificateBody `json:"certificates" doc:"Those first that need somebody"`
	}
}

func mountHosts(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listHostCertificates", Method: http.MethodGet, Path: "/api/v1/portal/host-certificates",
		Summary: "The certificates of all hosts of one's practices, and until when they are good",
	}, func(ctx context.Context, _ *none) (*hostCertificatesAnswer, error) {
		all, err := v.Registry.HostCertificates(ctx, server.From(ctx).Domain)
		if err != nil {
			return nil, err
		}
		answer := &hostCertificatesAnswer{}
		answer.Body.Certificates = make([]hostCertificateBody, 0, len(all))
		for _, c := range all {
			answer.Body.Certificates = append(answer.Body.Certificates, hostCertificateBody{c.Host, c.Shown, c.Tenant, c.Slug, c.State, c.Ends})
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "addTenantHost", Method: http.MethodPost, Path: "/api/v1/portal/tenants/{id}/hosts", Status: http.StatusCreated,
		Summary: "Add a domain of a practice's own, for its patients",
	}, func(ctx context.Context, in *addHostRequest) (*hostAnswer, error) {
		var h registry.HostName
		err := v.change(ctx, in.ID, "host.add", func(t registry.Tenant) (err error) {
			h, err = v.Registry.AddHost(ctx, t.ID, in.Body.Name)
			return err
		})
		if err != nil {
			return nil, err
		}
		return &hostAnswer{sayHost(h)}, nil
	})
	server.Register(s, server.Operation{
		ID: "verifyTenantHost", Method: http.MethodPost, Path: "/api/v1/portal/tenants/{id}/hosts/{name}/verify",
		Summary: "Look whether a domain's challenge stands; it counts from then on",
	}, func(ctx context.Context, in *hostRequest) (*hostAnswer, error) {
		t, err := v.looked(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		h, err := v.Registry.VerifyHost(ctx, t.ID, in.Name)
		if err == nil {
			v.recordIn(ctx, identity.OfTenant(t.ID), "host.verify", h.Name, nil)
		}
		return unverified(ctx, h, err)
	})
	server.Register(s, server.Operation{
		ID: "preferTenantHost", Method: http.MethodPut, Path: "/api/v1/portal/tenants/{id}/home", Status: http.StatusNoContent,
		Summary: "Which address patients are sent to",
	}, func(ctx context.Context, in *preferRequest) (*none, error) {
		return nil, v.change(ctx, in.ID, "host.prefer", func(t registry.Tenant) error { return v.Registry.PreferHost(ctx, t.ID, in.Body.Name) })
	})
	server.Register(s, server.Operation{
		ID: "removeTenantHost", Method: http.MethodDelete, Path: "/api/v1/portal/tenants/{id}/hosts/{name}", Status: http.StatusNoContent,
		Summary: "Take a domain away",
	}, func(ctx context.Context, in *removeHostRequest) (*none, error) {
		return nil, v.change(ctx, in.ID, "host.remove", func(t registry.Tenant) error {
			if err := v.notBroughtUp(ctx, t.ID, in.Name); err != nil {
				return err
			}
			return v.Registry.RemoveHost(ctx, t.ID, in.Name)
		})
	})

	server.Register(s, server.Operation{
		ID: "listBases", Method: http.MethodGet, Path: "/api/v1/portal/bases",
		Summary: "The reseller's own domains, below which its practices are reached",
	}, func(ctx context.Context, _ *none) (*hostsAnswer, error) {
		reseller, err := seller(ctx, "")
		if err != nil {
			return nil, err
		}
		hosts, err := v.Registry.Bases(ctx, reseller)
		if err != nil {
			return nil, err
		}
		answer := &hostsAnswer{}
		answer.Body.Hosts = sayHosts(hosts)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "addBase", Method: http.MethodPost, Path: "/api/v1/portal/bases", Status: http.StatusCreated,
		Summary: "Add a domain of the reseller's own",
	}, func(ctx context.Context, in *addBaseRequest) (*hostAnswer, error) {
		reseller, err := seller(ctx, "")
		if err != nil {
			return nil, err
		}
		h, err := v.Registry.AddBase(ctx, reseller, in.Body.Name)
		if err != nil {
			return nil, err
		}
		v.recordIn(ctx, server.From(ctx).Domain, "base.add", h.Name, nil)
		return &hostAnswer{sayHost(h)}, nil
	})
	server.Register(s, server.Operation{
		ID: "verifyBase", Method: http.MethodPost, Path: "/api/v1/portal/bases/{name}/verify",
		Summary: "Look whether the domain's challenge stands",
	}, func(ctx context.Context, in *baseRequest) (*hostAnswer, error) {
		reseller, err := seller(ctx, "")
		if err != nil {
			return nil, err
		}
		h, err := v.Registry.VerifyBase(ctx, reseller, in.Name)
		if err == nil {
			v.recordIn(ctx, server.From(ctx).Domain, "base.verify", h.Name, nil)
		}
		return unverified(ctx, h, err)
	})
	server.Register(s, server.Operation{
		ID: "removeBase", Method: http.MethodDelete, Path: "/api/v1/portal/bases/{name}", Status: http.StatusNoContent,
		Summary: "Take a domain away; what is below it leads nowhere",
	}, func(ctx context.Context, in *removeBaseRequest) (*none, error) {
		reseller, err := seller(ctx, "")
		if err != nil {
			return nil, err
		}
		if err := v.Registry.RemoveBase(ctx, reseller, in.Name); err != nil {
			return nil, err
		}
		v.recordIn(ctx, server.From(ctx).Domain, "base.remove", in.Name, nil)
		return nil, nil
	})
}

type addBaseRequest struct {
	Body struct {
		Name string `json:"name" maxLength:"300"`
	}
}

type baseRequest struct {
	Name string `path:"name" maxLength:"253"`
	Body none
}

type removeBaseRequest struct {
	Name string `path:"name" maxLength:"253"`
}
