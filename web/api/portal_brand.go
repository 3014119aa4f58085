package api

import (
	"context"
	"net/http"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/registry"
	"siegel/web/server"
)

type brandBody struct {
	Name         string     `json:"name" maxLength:"300"`
	SenderName   string     `json:"sender_name" maxLength:"300"`
	SenderEmail  string     `json:"sender_email" maxLength:"300"`
	SupportPhone string     `json:"support_phone" maxLength:"100"`
	SupportEmail string     `json:"support_email" maxLength:"300"`
	Accent       string     `json:"accent" maxLength:"7" doc:"#rrggbb with a contrast of at least 4.5:1 to white, or empty"`
	Imprint      string     `json:"imprint" maxLength:"5000"`
	Logo         seal.Bytes `json:"logo,omitempty" doc:"PNG, JPEG or WebP, at most 64 KiB; what is not the picture is taken out"`
	LogoType     string     `json:"logo_type,omitempty" readOnly:"true"`
}

type resellerBody struct {
	ID         id.Reseller      `json:"id"`
	Version    int64            `json:"version"`
	Status     string           `json:"status" enum:"active,suspended"`
	Brand      brandBody        `json:"brand"`
	Model      string           `json:"contract_model" enum:"operator,reseller"`
	Zone       string           `json:"zone"`
	TrialDays  int              `json:"trial_days"`
	Prices     []registry.Price `json:"prices,omitempty"`
	MaxTenants *int             `json:"max_tenants,omitempty"`
	Tenants    int              `json:"tenants"`
}

type resellerAnswer struct{ Body resellerBody }

func sayReseller(r registry.Reseller) resellerBody {
	b := r.Brand
	return resellerBody{r.ID, r.Version, string(r.Status), brandBody{b.Name, b.SenderName, b.SenderEmail, b.SupportPhone, b.SupportEmail,
		b.Accent, b.Imprint, b.Logo, b.LogoType}, string(r.Model), r.Zone, r.TrialDays, r.Prices, r.MaxTenants, r.Tenants}
}

type brandRequest struct {
	Body struct {
		Version int64     `json:"version" minimum:"1"`
		Brand   brandBody `json:"brand"`
	}
}

type contractModelRequest struct {
	Body struct {
		Version   int64  `json:"version" minimum:"1"`
		Model     string `json:"contract_model" enum:"operator,reseller"`
		Zone      string `json:"zone" maxLength:"60"`
		TrialDays int    `json:"trial_days" minimum:"0" maximum:"365"`
	}
}

type pricesRequest struct {
	Body struct {
		Version int64            `json:"version" minimum:"1"`
		Prices  []registry.Price `json:"prices" maxItems:"50"`
	}
}

func mountBrand(s *server.Server, v Services) {
	// saved reads back what stands now, with its version.
	saved := func(ctx context.Context, reseller id.Reseller, act string, err error) (*resellerAnswer, error) {
		if err != nil {
			return nil, sayFields(ctx, err)
		}
		if act != "" {
			v.recordIn(ctx, server.From(ctx).Domain, act, reseller.String(), nil)
		}
		r, err := v.Registry.Reseller(ctx, reseller)
		if err != nil {
			return nil, err
		}
		body := sayReseller(r)
		if server.From(ctx).Role == string(access.ResellerAgent) {
			body.Prices = []registry.Price{} // agents sell; what it costs is their admin's matter
		}
		return &resellerAnswer{body}, nil
	}
	server.Register(s, server.Operation{
		ID: "getBrand", Method: http.MethodGet, Path: "/api/v1/portal/brand",
		Summary: "The reseller: brand, contract model, price list",
	}, func(ctx context.Context, _ *none) (*resellerAnswer, error) {
		reseller, err := seller(ctx, "")
		if err != nil {
			return nil, err
		}
		return saved(ctx, reseller, "", nil)
	})
	server.Register(s, server.Operation{
		ID: "putBrand", Method: http.MethodPut, Path: "/api/v1/portal/brand", Body: 256 << 10,
		Summary: "Set the reseller's brand",
	}, func(ctx context.Context, in *brandRequest) (*resellerAnswer, error) {
		reseller, err := seller(ctx, "")
		if err != nil {
			return nil, err
		}
		b := in.Body.Brand
		return saved(ctx, reseller, "brand.put", v.Registry.SaveBrand(ctx, reseller, in.Body.Version, registry.Brand{
			Name: b.Name, SenderName: b.SenderName, SenderEmail: b.SenderEmail, SupportPhone: b.SupportPhone, SupportEmail: b.SupportEmail,
			Accent: b.Accent, Imprint: b.Imprint, Logo: b.Logo,
		}))
	})
	server.Register(s, server.Operation{
		ID: "putContractModel", Method: http.MethodPut, Path: "/api/v1/portal/contract-model", Proven: true,
		Summary: "With whom practices have their contract, by whose clock months end, and how long a trial is",
	}, func(ctx context.Context, in *contractModelRequest) (*resellerAnswer, error) {
		reseller, err := seller(ctx, "")
		if err != nil {
			return nil, err
		}
		return saved(ctx, reseller, "contract_model.put", v.Registry.SaveContract(ctx, reseller, in.Body.Version, registry.Model(in.Body.Model), in.Body.Zone, in.Body.TrialDays))
	})
	server.Register(s, server.Operation{
		ID: "putPrices", Method: http.MethodPut, Path: "/api/v1/portal/prices",
		Summary: "Set the price list; closed months stay as they are",
	}, func(ctx context.Context, in *pricesRequest) (*resellerAnswer, error) {
		reseller, err := seller(ctx, "")
		if err != nil {
			return nil, err
		}
		return saved(ctx, reseller, "prices.put", v.Registry.SavePrices(ctx, reseller, in.Body.Version, in.Body.Prices))
	})
}

type resellersAnswer struct {
	Body struct {
		Resellers []resellerBody `json:"resellers"`
	}
}

type newResellerRequest struct {
	Body struct {
		Name string `json:"name" maxLength:"300"`
	}
}

type limitsRequest struct {
	ID   id.Reseller `path:"id"`
	Body struct {
		Status     string `json:"status" enum:"active,suspended" doc:"A suspended reseller makes no new practices; those that it has go on"`
		MaxTenants *int   `json:"max_tenants,omitempty" minimum:"0" doc:"Absent: as many as it likes"`
	}
}

func mountResellers(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listResellers", Method: http.MethodGet, Path: "/api/v1/portal/resellers",
		Summary: "All resellers",
	}, func(ctx context.Context, _ *none) (*resellersAnswer, error) {
		all, err := v.Registry.Resellers(ctx)
		if err != nil {
			return nil, err
		}
		answer := &resellersAnswer{}
		answer.Body.Resellers = make([]resellerBody, 0, len(all))
		for _, r := range all {
			answer.Body.Resellers = append(answer.Body.Resellers, sayReseller(r))
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "createReseller", Method: http.MethodPost, Path: "/api/v1/portal/resellers", Status: http.StatusCreated,
		Summary: "Register a reseller",
	}, func(ctx context.Context, in *newResellerRequest) (*resellerAnswer, error) {
		r, err := v.Registry.NewReseller(ctx, in.Body.Name)
		if err != nil {
			return nil, sayFields(ctx, err)
		}
		v.recordIn(ctx, server.From(ctx).Domain, "reseller.create", r.ID.String(), nil)
		return &resellerAnswer{sayReseller(r)}, nil
	})
	server.Register(s, server.Operation{
		ID: "putResellerLimits", Method: http.MethodPut, Path: "/api/v1/portal/resellers/{id}/limits", Status: http.StatusNoContent, Proven: true,
		Summary: "How many practices a reseller may have, and whether it may make new ones",
	}, func(ctx context.Context, in *limitsRequest) (*none, error) {
		if err := v.Registry.SetLimits(ctx, in.ID, registry.Status(in.Body.Status), in.Body.MaxTenants); err != nil {
			return nil, sayFields(ctx, err)
		}
		v.recordIn(ctx, server.From(ctx).Domain, "reseller.limits", in.ID.String(), nil)
		return nil, nil
	})
}
