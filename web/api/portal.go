package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/tenants/onboarding"
	"siegel/tenants/registry"
	"siegel/web/server"
)

var errForeignReseller = fault.New(fault.NotFound, "unknown_reseller")

// mountPortal adds what those of resellers and of the platform do. None of it
// answers with a patient's data or an appointment: states and counts only.
func mountPortal(s *server.Server, v Services) {
	mountFleet(s, v)
	mountTenants(s, v)
	mountImport(s, v)
	mountHosts(s, v)
	mountBrand(s, v)
	mountCounts(s, v)
	mountPortalPeople(s, v)
	mountResellers(s, v)
	mountContract(s, v)
}

// looked finds a tenant that the caller looks after; any other does not exist.
func (v Services) looked(ctx context.Context, tenant id.Tenant) (registry.Tenant, error) {
	return v.Registry.LookedAfter(ctx, server.From(ctx).Domain, tenant)
}

// seller is the reseller that the caller acts for: their own, or for those of
// the platform the one that they name; zero is the platform itself.
func seller(ctx context.Context, named string) (id.Reseller, error) {
	domain := server.From(ctx).Domain
	var wanted id.Reseller
	if named != "" {
		var err error
		if wanted, err = parse[id.Reseller](named); err != nil {
			return wanted, err
		}
	}
	switch own := registry.ResellerOf(domain); {
	case domain.Kind == access.Platform:
		return wanted, nil
	case own.IsZero() || named != "" && wanted != own:
		return id.Reseller{}, errForeignReseller
	default:
		return own, nil
	}
}

// sayFields puts the mistakes of a form into the answer.
func sayFields(ctx context.Context, err error) error {
	var mistakes registry.Mistakes
	if !errors.As(err, &mistakes) {
		return sayMistakes(ctx, err)
	}
	p := server.ProblemOf(ctx, err)
	for _, m := range mistakes {
		p.Details = append(p.Details, server.Detail{Where: "body." + m.Field, Why: m.Why})
	}
	return p
}

type troubleBody struct {
	Code  string    `json:"code"`
	Level int       `json:"level" doc:"2: the public cannot book or a booking is not seen; 1: somebody has to do something soon; 0: it is only said"`
	At    time.Time `json:"at,omitzero"`
	Count int       `json:"count,omitempty"`
}

// StateBody is a practice as those see it who look after it.
type StateBody struct {
	ID         id.Tenant     `json:"id"`
	Slug       string        `json:"slug"`
	Name       string        `json:"name"`
	Status     string        `json:"status" enum:"trial,active,suspended,closed"`
	Plan       string        `json:"plan"`
	Reseller   id.Reseller   `json:"reseller,omitzero"`
	TrialEnds  time.Time     `json:"trial_ends,omitzero"`
	NoticeEnds time.Time     `json:"notice_ends,omitzero"`
	EraseAfter time.Time     `json:"erase_after,omitzero"`
	HandedOver bool          `json:"handed_over"`
	Level      int           `json:"level"`
	Troubles   []troubleBody `json:"troubles"`
	Unknown    []string      `json:"unknown" doc:"Codes that nobody could answer: neither trouble nor fine"`
	Owners     int           `json:"owners"`
	Bookings   int           `json:"bookings" doc:"Appointments made in 30 days"`
	Days       []int         `json:"days" doc:"Appointments made on each of the last 14 days, today last"`
	Patients   string        `json:"patients" doc:"Host that patients are sent to"`
	Office     string        `json:"office"`
	Read       time.Time     `json:"read"`
}

func (v Services) sayState(s registry.State) StateBody {
	b := StateBody{
		ID: s.ID, Slug: s.Slug, Name: s.Name, Status: string(s.Status), Plan: s.Plan, Reseller: s.Reseller,
		TrialEnds: s.TrialEnds, NoticeEnds: s.NoticeEnds, EraseAfter: s.EraseAfter, HandedOver: s.SetUp, Level: s.Level(),
		Troubles: make([]troubleBody, 0, len(s.Troubles)), Unknown: make([]string, 0, len(s.Unknown)),
		Owners: s.Owners, Bookings: s.Bookings, Days: s.Days, Read: s.Read,
		Patients: v.Registry.PatientsHost(s.Tenant), Office: v.Registry.Host(s.Slug, registry.Office),
	}
	for _, t := range s.Troubles {
		b.Troubles = append(b.Troubles, troubleBody{string(t.Code), t.Code.Level(), t.At, t.Count})
	}
	for _, code := range s.Unknown {
		b.Unknown = append(b.Unknown, string(code))
	}
	return b
}

type fleetAnswer struct {
	Body struct {
		Tenants []StateBody `json:"tenants" doc:"Who needs somebody first"`
	}
}

type tenantRequest struct {
	ID id.Tenant `path:"id"`
}

type handoverBody struct {
	ID      id.Invitation `json:"id"`
	Name    string        `json:"name"`
	Email   string        `json:"email"`
	Sent    int           `json:"sent"`
	Expires time.Time     `json:"expires"`
}

type tenantAnswer struct {
	Body struct {
		StateBody
		Hosts    []hostBody    `json:"hosts"`
		Handover *handoverBody `json:"handover,omitempty"`
	}
}

func mountFleet(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listFleet", Method: http.MethodGet, Path: "/api/v1/portal/tenants",
		Summary: "All practices that the caller looks after, by trouble",
	}, func(ctx context.Context, _ *none) (*fleetAnswer, error) {
		fleet, err := v.Registry.Fleet(ctx, server.From(ctx).Domain)
		if err != nil {
			return nil, err
		}
		answer := &fleetAnswer{}
		answer.Body.Tenants = make([]StateBody, 0, len(fleet))
		for _, state := range fleet {
			answer.Body.Tenants = append(answer.Body.Tenants, v.sayState(state))
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "getFleetTenant", Method: http.MethodGet, Path: "/api/v1/portal/tenants/{id}",
		Summary: "One practice: its state, its names, and who is to take it over",
	}, func(ctx context.Context, in *tenantRequest) (*tenantAnswer, error) {
		tenant, err := v.looked(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		state, err := v.Registry.StateOf(ctx, tenant)
		if err != nil {
			return nil, err
		}
		hosts, err := v.Registry.Hosts(ctx, tenant.ID)
		if err != nil {
			return nil, err
		}
		invitations, err := v.Onboarding.Invitations(ctx, tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &tenantAnswer{}
		answer.Body.StateBody = v.sayState(state)
		answer.Body.Hosts = sayHosts(hosts)
		for _, i := range invitations {
			if i.Handover { // whom the owner has invited is none of theirs
				answer.Body.Handover = &handoverBody{i.ID, i.Name, i.Email, i.Sent, i.Expires}
			}
		}
		return answer, nil
	})
}

type createTenantRequest struct {
	Body struct {
		PreparedBody
		Plan    string `json:"plan,omitempty" maxLength:"60"`
		Owner   string `json:"owner,omitempty" maxLength:"300" doc:"Who is to take it over; empty: nobody is written to yet"`
		OwnerTo string `json:"owner_email,omitempty" maxLength:"300"`
	}
}

// PreparedBody is what a practice is set up from (exported since huma passes
// over embedded types that are not). Exported for huma, which
// passes over what is embedded otherwise.
type PreparedBody struct {
	Slug       string `json:"slug" maxLength:"60"`
	Specialty  string `json:"specialty" maxLength:"60"`
	Contact    string `json:"contact" maxLength:"300"`
	Company    string `json:"company" maxLength:"300"`
	Street     string `json:"street" maxLength:"300"`
	PostalCode string `json:"postal_code" maxLength:"300"`
	City       string `json:"city" maxLength:"300"`
	Phone      string `json:"phone" maxLength:"300"`
	Email      string `json:"email" maxLength:"300"`
}

func (b PreparedBody) preparation() onboarding.Preparation {
	return onboarding.Preparation{Specialty: b.Specialty, Contact: b.Contact, Company: b.Company, Street: b.Street,
		PostalCode: b.PostalCode, City: b.City, Phone: b.Phone, Email: b.Email}
}

type createdAnswer struct {
	Body struct {
		ID         id.Tenant `json:"id"`
		Slug       string    `json:"slug"`
		Office     string    `json:"office"`
		HandedOver bool      `json:"handover_sent"`
	}
}

// wanted is one practice to create.
type wanted struct {
	PreparedBody
	plan, owner, ownerTo string
}

// checkWanted returns what creating would be refused for, as far as can be told
// without doing it.
func (v Services) checkWanted(ctx context.Context, w wanted) (mistakes []server.Detail) {
	add := func(err error) {
		var ours registry.Mistakes
		var theirs onboarding.Mistakes
		switch {
		case errors.As(err, &ours):
			for _, m := range ours {
				mistakes = append(mistakes, server.Detail{Where: "body." + m.Field, Why: m.Why})
			}
		case errors.As(err, &theirs):
			for _, m := range theirs {
				mistakes = append(mistakes, server.Detail{Where: "body." + m.Field, Why: m.Why})
			}
		case err != nil:
			mistakes = append(mistakes, server.Detail{Where: "body.slug", Why: fault.From(err).Reason})
		}
	}
	add(v.Registry.SlugFree(ctx, w.Slug))
	add(v.Onboarding.CheckPreparation(w.preparation()))
	if w.owner == "" != (w.ownerTo == "") {
		mistakes = append(mistakes, server.Detail{Where: "body.owner_email", Why: "missing"})
	} else if w.ownerTo != "" {
		if _, err := (registry.Brand{Name: w.owner, SenderEmail: w.ownerTo}).Check(); err != nil {
			mistakes = append(mistakes, server.Detail{Where: "body.owner_email", Why: "malformed"})
		}
	}
	return mistakes
}

// create makes a practice and hands it over where there is somebody to.
func (v Services) create(ctx context.Context, w wanted) (registry.Tenant, bool, error) {
	r := server.From(ctx)
	beginning := registry.Beginning{Slug: w.Slug, Reseller: registry.ResellerOf(r.Domain), Plan: w.plan, Prepared: true, Trial: defaultTrial}
	if !beginning.Reseller.IsZero() {
		reseller, err := v.Registry.Reseller(ctx, beginning.Reseller)
		if err != nil {
			return registry.Tenant{}, false, err
		}
		beginning.Trial = time.Duration(reseller.TrialDays) * 24 * time.Hour
	}
	if w.plan != "" {
		beginning.Trial = 0
	}
	tenant, err := v.Registry.Begin(ctx, beginning)
	if err != nil {
		return registry.Tenant{}, false, err
	}
	v.recordIn(ctx, identity.OfTenant(tenant.ID), "tenant.create", tenant.ID.String(), nil)
	v.recordIn(ctx, r.Domain, "tenant.create", tenant.ID.String(), nil)
	if err := v.Onboarding.Prepare(ctx, tenant.ID, w.preparation()); err != nil {
		return tenant, false, err
	}
	if w.ownerTo == "" {
		return tenant, false, nil
	}
	_, err = v.Onboarding.HandOver(ctx, tenant.ID, onboarding.Invitation{Email: w.ownerTo, Name: w.owner, Language: r.Session.Language, By: r.Session.Name})
	return tenant, err == nil, err
}

// defaultTrial is that of practices without a reseller.
const defaultTrial = 30 * 24 * time.Hour

func mountTenants(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "createTenant", Method: http.MethodPost, Path: "/api/v1/portal/tenants", Status: http.StatusCreated,
		Summary: "Set up a practice from a template, and hand it over",
	}, func(ctx context.Context, in *createTenantRequest) (*createdAnswer, error) {
		b := in.Body
		w := wanted{b.PreparedBody, b.Plan, b.Owner, b.OwnerTo}
		if mistakes := v.checkWanted(ctx, w); len(mistakes) > 0 {
			p := server.ProblemOf(ctx, registry.ErrInvalid)
			p.Details = mistakes
			return nil, p
		}
		tenant, handed, err := v.create(ctx, w)
		if err != nil {
			return nil, sayFields(ctx, err)
		}
		answer := &createdAnswer{}
		answer.Body.ID, answer.Body.Slug, answer.Body.HandedOver = tenant.ID, tenant.Slug, handed
		answer.Body.Office = v.Registry.Host(tenant.Slug, registry.Office)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "actOnTenants", Method: http.MethodPost, Path: "/api/v1/portal/tenants/act",
		Summary: "One act on many practices; each says for itself how it went",
	}, func(ctx context.Context, in *actRequest) (*actAnswer, error) {
		answer := &actAnswer{}
		answer.Body.Results = make([]actResult, 0, len(in.Body.Tenants))
		for _, tenant := range in.Body.Tenants {
			result := actResult{Tenant: tenant}
			if err := v.act(ctx, tenant, in); err != nil {
				f := fault.From(err)
				if f.Code == fault.Internal || f.Code == fault.Unavailable {
					return nil, err
				}
				result.Reason = f.Reason
			}
			answer.Body.Results = append(answer.Body.Results, result)
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "renameTenant", Method: http.MethodPut, Path: "/api/v1/portal/tenants/{id}/slug", Status: http.StatusNoContent,
		Summary: "Give a practice another name in its address; the old one leads to it",
	}, func(ctx context.Context, in *renameRequest) (*none, error) {
		return nil, v.change(ctx, in.ID, "tenant.rename", func(t registry.Tenant) error { return v.Registry.Rename(ctx, t.ID, in.Body.Slug) })
	})
	server.Register(s, server.Operation{
		ID: "putNotice", Method: http.MethodPut, Path: "/api/v1/portal/tenants/{id}/notice", Status: http.StatusNoContent, Proven: true,
		Summary: "Say when a practice's contract ends",
	}, func(ctx context.Context, in *noticeRequest) (*none, error) {
		return nil, v.change(ctx, in.ID, "tenant.notice", func(t registry.Tenant) error {
			return v.Registry.GiveNotice(ctx, t.ID, in.Body.Ends, in.Body.Reason)
		})
	})
	server.Register(s, server.Operation{
		ID: "removeNotice", Method: http.MethodDelete, Path: "/api/v1/portal/tenants/{id}/notice", Status: http.StatusNoContent,
		Summary: "Take a notice back",
	}, func(ctx context.Context, in *tenantRequest) (*none, error) {
		return nil, v.change(ctx, in.ID, "tenant.notice_withdraw", func(t registry.Tenant) error { return v.Registry.WithdrawNotice(ctx, t.ID) })
	})
	server.Register(s, server.Operation{
		ID: "moveTenant", Method: http.MethodPut, Path: "/api/v1/portal/tenants/{id}/reseller", Status: http.StatusNoContent, Proven: true,
		Summary: "Give a practice to another reseller, or to none; keys and links stay",
	}, func(ctx context.Context, in *moveTenantRequest) (*none, error) {
		var to id.Reseller
		if in.Body.Reseller != "" {
			var err error
			if to, err = parse[id.Reseller](in.Body.Reseller); err != nil {
				return nil, err
			}
		}
		return nil, v.change(ctx, in.ID, "tenant.move", func(t registry.Tenant) error { return v.Registry.Move(ctx, t.ID, to) })
	})
	server.Register(s, server.Operation{
		ID: "eraseTenant", Method: http.MethodPost, Path: "/api/v1/portal/tenants/{id}/erase", Proven: true,
		Summary: "Close a practice and erase everything of it",
	}, func(ctx context.Context, in *eraseRequest) (*certificateAnswer, error) {
		t, err := v.looked(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		// Typed, so that nobody erases by a slip of the hand.
		if in.Body.Slug != t.Slug {
			return nil, fault.New(fault.Invalid, "slug_mistyped")
		}
		if t.Status != registry.Closed {
			if err := v.Registry.Close(ctx, t.ID, in.Body.Reason); err != nil {
				return nil, err
			}
		}
		certificate, err := v.Registry.Erase(ctx, t.ID, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		v.recordIn(ctx, server.From(ctx).Domain, "tenant.erase", t.ID.String(), map[string]string{"certificate": certificate.ID.String()})
		return &certificateAnswer{sayCertificate(certificate)}, nil
	})
	server.Register(s, server.Operation{
		ID: "listCertificates", Method: http.MethodGet, Path: "/api/v1/portal/certificates",
		Summary: "Which practices were erased, and what of them",
	}, func(ctx context.Context, _ *none) (*certificatesAnswer, error) {
		all, err := v.Registry.Certificates(ctx, registry.ResellerOf(server.From(ctx).Domain))
		if err != nil {
			return nil, err
		}
		answer := &certificatesAnswer{}
		answer.Body.Certificates = make([]certificateBody, 0, len(all))
		for _, c := range all {
			answer.Body.Certificates = append(answer.Body.Certificates, sayCertificate(c))
		}
		return answer, nil
	})
}

type actRequest struct {
	Body struct {
		Tenants []id.Tenant `json:"tenants" minItems:"1" maxItems:"500"`
		Act     string      `json:"act" enum:"suspend,resume,set_plan,hand_over"`
		Reason  string      `json:"reason,omitempty" maxLength:"300"`
		Plan    string      `json:"plan,omitempty" maxLength:"60"`
		// Owner is for handing over, of one practice; without it the last
		// invitation is sent again.
		Owner   string `json:"owner,omitempty" maxLength:"300"`
		OwnerTo string `json:"owner_email,omitempty" maxLength:"300"`
	}
}

type actResult struct {
	Tenant id.Tenant `json:"tenant"`
	Reason string    `json:"reason,omitempty" doc:"Why not; absent where it was done"`
}

type actAnswer struct {
	Body struct {
		Results []actResult `json:"results"`
	}
}

type renameRequest struct {
	ID   id.Tenant `path:"id"`
	Body struct {
		Slug string `json:"slug" maxLength:"60"`
	}
}

type noticeRequest struct {
	ID   id.Tenant `path:"id"`
	Body struct {
		Ends   time.Time `json:"ends"`
		Reason string    `json:"reason,omitempty" maxLength:"300"`
	}
}

type moveTenantRequest struct {
	ID   id.Tenant `path:"id"`
	Body struct {
		Reseller string `json:"reseller" maxLength:"60" doc:"Empty: none"`
	}
}

type eraseRequest struct {
	ID   id.Tenant `path:"id"`
	Body struct {
		Slug   string `json:"slug" maxLength:"60" doc:"Typed once more"`
		Reason string `json:"reason,omitempty" maxLength:"300"`
	}
}

type certificateBody struct {
	ID        string           `json:"id"`
	Tenant    id.Tenant        `json:"tenant"`
	Reason    string           `json:"reason"`
	Erased    time.Time        `json:"erased"`
	Tables    map[string]int64 `json:"tables"`
	RedisKeys int              `json:"redis_keys"`
	People    int              `json:"people"`
}

type certificateAnswer struct{ Body certificateBody }

type certificatesAnswer struct {
	Body struct {
		Certificates []certificateBody `json:"certificates"`
	}
}

func sayCertificate(c registry.Certificate) certificateBody {
	return certificateBody{c.ID.String(), c.Tenant, c.Reason, c.Erased, c.Tables, c.RedisKeys, c.People}
}

// change does something with a tenant that the caller looks after, and records it.
func (v Services) change(ctx context.Context, tenant id.Tenant, act string, do func(registry.Tenant) error) error {
	t, err := v.looked(ctx, tenant)
	if err != nil {
		return err
	}
	if err := do(t); err != nil {
		return sayFields(ctx, err)
	}
	v.recordIn(ctx, identity.OfTenant(t.ID), act, t.ID.String(), nil)
	return nil
}

func (v Services) act(ctx context.Context, tenant id.Tenant, in *actRequest) error {
	b, r := &in.Body, server.From(ctx)
	return v.change(ctx, tenant, "tenant."+b.Act, func(t registry.Tenant) error {
		switch b.Act {
		case "suspend":
			return v.Registry.Suspend(ctx, t.ID, b.Reason)
		case "resume":
			return v.Registry.Resume(ctx, t.ID)
		case "set_plan":
			if err := v.inPriceList(ctx, t, b.Plan); err != nil {
				return err
			}
			return v.Registry.SetPlan(ctx, t.ID, b.Plan)
		}
		if b.OwnerTo != "" && len(b.Tenants) == 1 {
			_, err := v.Onboarding.HandOver(ctx, t.ID, onboarding.Invitation{Email: b.OwnerTo, Name: b.Owner, Language: r.Session.Language, By: r.Session.Name})
			return err
		}
		invitations, err := v.Onboarding.Invitations(ctx, t.ID)
		if err != nil {
			return err
		}
		for _, i := range invitations {
			if i.Handover {
				return v.Onboarding.Resend(ctx, t.ID, i.ID)
			}
		}
		return onboarding.ErrUnknownInvitation
	})
}

var errUnknownPlan = fault.New(fault.Invalid, "unknown_plan")

// inPriceList refuses a plan that the tenant's reseller does not sell.
func (v Services) inPriceList(ctx context.Context, t registry.Tenant, plan string) error {
	if t.Reseller.IsZero() {
		return nil
	}
	reseller, err := v.Registry.Reseller(ctx, t.Reseller)
	if err != nil {
		return err
	}
	for _, p := range reseller.Prices {
		if p.Plan == plan {
			return nil
		}
	}
	return errUnknownPlan
}
