package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"siegel/platform/fault"
	"siegel/web/server"
)

type contractAnswer struct {
	Body struct {
		Status     string     `json:"status" enum:"trial,active,suspended"`
		Paused     string     `json:"paused,omitempty" enum:"suspended,trial_ended,notice_over" doc:"Why the public cannot book"`
		Plan       string     `json:"plan"`
		TrialEnds  time.Time  `json:"trial_ends,omitzero"`
		NoticeEnds time.Time  `json:"notice_ends,omitzero"`
		EraseAfter time.Time  `json:"erase_after,omitzero"`
		Patients   string     `json:"patients" doc:"Host that patients are sent to"`
		Hosts      []hostBody `json:"hosts"`
		// Support is whom the practice turns to.
		Support struct {
			Name  string `json:"name"`
			Phone string `json:"phone,omitempty"`
			Email string `json:"email,omitempty"`
		} `json:"support"`
	}
}

type ownNoticeRequest struct {
	Body struct {
		Ends   time.Time `json:"ends"`
		Reason string    `json:"reason,omitempty" maxLength:"300"`
		Slug   string    `json:"slug" maxLength:"60" doc:"Typed once more"`
	}
}

type ownHostRequest struct {
	Body struct {
		Name string `json:"name" maxLength:"300"`
	}
}

// exportFile is an answer whose content is attached.
type exportFile struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// exportTime is how long putting everything of a practice together may take.
const exportTime = 5 * time.Minute

// mountContract adds what an owner does about the practice's contract, its
// names, and leaving.
func mountContract(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getContract", Method: http.MethodGet, Path: "/api/v1/contract",
		Summary: "Where the practice is in its contract, its addresses, and whom it turns to",
	}, func(ctx context.Context, _ *none) (*contractAnswer, error) {
		t := server.From(ctx).Tenant
		brand, err := v.Registry.BrandOf(ctx, t)
		if err != nil {
			return nil, err
		}
		hosts, err := v.Registry.Hosts(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		answer := &contractAnswer{}
		b := &answer.Body
		b.Status, b.Paused, b.Plan = string(t.Status), t.Paused(time.Now()), t.Plan
		b.TrialEnds, b.NoticeEnds, b.EraseAfter = t.TrialEnds, t.NoticeEnds, t.EraseAfter
		b.Patients, b.Hosts = v.Registry.PatientsHost(t), sayHosts(hosts)
		b.Support.Name, b.Support.Phone, b.Support.Email = brand.Name, brand.SupportPhone, brand.SupportEmail
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "exportTenant", Method: http.MethodGet, Path: "/api/v1/export", Proven: true,
		File:    []string{"application/zip"},
		Summary: "Everything of the practice as one zip; what is sealed stays sealed",
	}, func(ctx context.Context, _ *none) (*exportFile, error) {
		t := server.From(ctx).Tenant
		long, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTime)
		defer cancel()
		if err := server.Attach(ctx, func(to io.Writer) error { return v.Registry.Export(long, t.ID, to) }); err != nil {
			return nil, err
		}
		v.record(long, "tenant.export", t.ID.String())
		return &exportFile{"application/zip", fmt.Sprintf(`attachment; filename="siegel-%s-%s.zip"`, t.Slug, time.Now().UTC().Format("2006-01-02")), nil}, nil
	})
	server.Register(s, server.Operation{
		ID: "giveNotice", Method: http.MethodPut, Path: "/api/v1/contract/notice", Status: http.StatusNoContent, Proven: true,
		Summary: "Say when the practice leaves",
	}, func(ctx context.Context, in *ownNoticeRequest) (*none, error) {
		t := server.From(ctx).Tenant
		if in.Body.Slug != t.Slug {
			return nil, fault.New(fault.Invalid, "slug_mistyped")
		}
		if err := v.Registry.GiveNotice(ctx, t.ID, in.Body.Ends, in.Body.Reason); err != nil {
			return nil, err
		}
		v.record(ctx, "tenant.notice", t.ID.String())
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "withdrawNotice", Method: http.MethodDelete, Path: "/api/v1/contract/notice", Status: http.StatusNoContent, Proven: true,
		Summary: "Stay after all",
	}, func(ctx context.Context, _ *none) (*none, error) {
		t := server.From(ctx).Tenant
		if err := v.Registry.WithdrawNotice(ctx, t.ID); err != nil {
			return nil, err
		}
		v.record(ctx, "tenant.notice_withdraw", t.ID.String())
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "addHost", Method: http.MethodPost, Path: "/api/v1/hosts", Status: http.StatusCreated,
		Summary: "Add a domain of the practice's own, for its patients",
	}, func(ctx context.Context, in *ownHostRequest) (*hostAnswer, error) {
		h, err := v.Registry.AddHost(ctx, server.From(ctx).Tenant.ID, in.Body.Name)
		if err != nil {
			return nil, err
		}
		v.record(ctx, "host.add", h.Name)
		return &hostAnswer{sayHost(h)}, nil
	})
	server.Register(s, server.Operation{
		ID: "verifyHost", Method: http.MethodPost, Path: "/api/v1/hosts/{name}/verify",
		Summary: "Look whether a domain's challenge stands; it counts from then on",
	}, func(ctx context.Context, in *baseRequest) (*hostAnswer, error) {
		h, err := v.Registry.VerifyHost(ctx, server.From(ctx).Tenant.ID, in.Name)
		if err == nil {
			v.record(ctx, "host.verify", h.Name)
		}
		return unverified(ctx, h, err)
	})
	server.Register(s, server.Operation{
		ID: "preferHost", Method: http.MethodPut, Path: "/api/v1/home", Status: http.StatusNoContent,
		Summary: "Which address patients are sent to",
	}, func(ctx context.Context, in *ownHostRequest) (*none, error) {
		if err := v.Registry.PreferHost(ctx, server.From(ctx).Tenant.ID, in.Body.Name); err != nil {
			return nil, err
		}
		v.record(ctx, "host.prefer", in.Body.Name)
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "removeHost", Method: http.MethodDelete, Path: "/api/v1/hosts/{name}", Status: http.StatusNoContent,
		Summary: "Take a domain away",
	}, func(ctx context.Context, in *removeBaseRequest) (*none, error) {
		if err := v.Registry.RemoveHost(ctx, server.From(ctx).Tenant.ID, in.Name); err != nil {
			return nil, err
		}
		v.record(ctx, "host.remove", in.Name)
		return nil, nil
	})
}
