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
	"siegel/platform/seal"
	"siegel/tenants/onboarding"
	"siegel/tenants/registry"
	"siegel/web/server"
)

var errKnown = fault.New(fault.Conflict, "account_exists")

type slugRequest struct {
	Slug string `query:"slug" maxLength:"60"`
}

type slugAnswer struct {
	Body struct {
		Slug   string `json:"slug"`
		Free   bool   `json:"free"`
		Reason string `json:"reason,omitempty" enum:"malformed_slug,reserved_slug,slug_taken"`
	}
}

type specialtyBody struct {
	Code    string   `json:"code"`
	Medical bool     `json:"medical"`
	Imprint []string `json:"imprint" doc:"What its law demands in the imprint, beside what all need"`
}

type specialtiesAnswer struct {
	Body struct {
		Specialties []specialtyBody `json:"specialties"`
	}
}

type registrationBody struct {
	Specialty  string `json:"specialty" maxLength:"60"`
	Contact    string `json:"contact" maxLength:"300"`
	Company    string `json:"company" maxLength:"300"`
	Street     string `json:"street" maxLength:"300"`
	PostalCode string `json:"postal_code" maxLength:"300"`
	City       string `json:"city" maxLength:"300"`
	Phone      string `json:"phone" maxLength:"300"`
	Email      string `json:"email" maxLength:"300"`
	Slug       string `json:"slug" maxLength:"60"`
	Language   string `json:"language" maxLength:"10"`
}

type registrationRequest struct{ Body registrationBody }

type acceptedAnswer struct {
	Body struct {
		Email string `json:"email"`
	}
}

type linkRequest struct {
	Body struct {
		Token string `json:"token" maxLength:"100"`
	}
}

type pendingRegistrationAnswer struct {
	Body struct {
		Company  string     `json:"company"`
		Contact  string     `json:"contact"`
		Email    string     `json:"email"`
		Slug     string     `json:"slug"`
		SlugFree bool       `json:"slug_free"`
		Account  id.Account `json:"account" doc:"The id that a new account will have"`
		Known    bool       `json:"known" doc:"There is an account with this address already"`
	}
}

// newAccountBody is an account as its owner's browser makes it.
type newAccountBody struct {
	Salt             seal.Bytes `json:"salt"`
	SignInSecret     seal.Bytes `json:"sign_in_secret"`
	WrappedMemberKey seal.Bytes `json:"wrapped_member_key"`
	MemberPublicKey  seal.Bytes `json:"member_public_key"`
}

// knownAccountBody is the account that somebody has already.
type knownAccountBody struct {
	Email        string     `json:"email" maxLength:"254"`
	SignInSecret seal.Bytes `json:"sign_in_secret"`
}

type confirmRegistrationRequest struct {
	Body struct {
		Token   string            `json:"token" maxLength:"100"`
		Slug    string            `json:"slug" maxLength:"60"`
		New     *newAccountBody   `json:"new,omitempty"`
		Account *knownAccountBody `json:"account,omitempty"`
	}
}

type madeAnswer struct {
	Body struct {
		Tenant id.Tenant `json:"tenant"`
		Office string    `json:"office" doc:"Where to sign in"`
		Email  string    `json:"email"`
	}
}

// mountOnboarding adds the registration in the portal, and the way to the first
// bookable slot in the office.
func mountOnboarding(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "checkSlug", Method: http.MethodGet, Path: "/api/v1/slug",
		Summary: "Whether an address can be had",
	}, func(ctx context.Context, in *slugRequest) (*slugAnswer, error) {
		answer := &slugAnswer{}
		answer.Body.Slug = in.Slug
		switch err := v.Onboarding.CheckSlug(ctx, in.Slug); {
		case err == nil:
			answer.Body.Free = true
		case errors.Is(err, registry.ErrMalformedSlug), errors.Is(err, registry.ErrReservedSlug), errors.Is(err, registry.ErrSlugTaken):
			answer.Body.Reason = fault.From(err).Reason
		default:
			return nil, err
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "listSpecialties", Method: http.MethodGet, Path: "/api/v1/specialties",
		Summary: "The trades that there are templates for",
	}, func(_ context.Context, _ *none) (*specialtiesAnswer, error) {
		answer := &specialtiesAnswer{}
		for _, x := range v.Onboarding.Specialties() {
			answer.Body.Specialties = append(answer.Body.Specialties, specialtyBody{x.Code, x.Medical, x.Imprint})
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "register", Method: http.MethodPost, Path: "/api/v1/registrations", Status: http.StatusAccepted,
		Summary: "Register a business; a mail asks to confirm",
	}, func(ctx context.Context, in *registrationRequest) (*acceptedAnswer, error) {
		b := in.Body
		err := v.Onboarding.Register(ctx, onboarding.Registration{
			Preparation: onboarding.Preparation{Specialty: b.Specialty, Contact: b.Contact, Company: b.Company, Street: b.Street,
				PostalCode: b.PostalCode, City: b.City, Phone: b.Phone, Email: b.Email},
			Slug: b.Slug, Language: b.Language,
		}, server.From(ctx).Client)
		if err != nil {
			return nil, sayMistakes(ctx, err)
		}
		answer := &acceptedAnswer{}
		answer.Body.Email = b.Email
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "peekRegistration", Method: http.MethodPost, Path: "/api/v1/registrations/peek",
		Summary: "What a link of a registration is about",
	}, func(ctx context.Context, in *linkRequest) (*pendingRegistrationAnswer, error) {
		p, err := v.Onboarding.Pending(ctx, in.Body.Token)
		if err != nil {
			return nil, err
		}
		known, err := v.Identity.Known(ctx, p.Email)
		if err != nil {
			return nil, err
		}
		answer := &pendingRegistrationAnswer{}
		b := &answer.Body
		b.Company, b.Contact, b.Email, b.Slug, b.SlugFree, b.Account, b.Known = p.Company, p.Contact, p.Email, p.Slug, p.SlugFree, p.Account, known
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "confirmRegistration", Method: http.MethodPost, Path: "/api/v1/registrations/confirm", Status: http.StatusCreated,
		Summary: "Confirm a registration: makes the practice, with a new or an existing account as its owner",
	}, func(ctx context.Context, in *confirmRegistrationRequest) (*madeAnswer, error) {
		p, err := v.Onboarding.Pending(ctx, in.Body.Token)
		if err != nil {
			return nil, err
		}
		owner, email, err := v.account(ctx, p.Account, p.Email, p.Contact, p.Language, in.Body.New, in.Body.Account)
		if err != nil {
			return nil, err
		}
		tenant, err := v.Onboarding.Confirm(ctx, in.Body.Token, in.Body.Slug, owner)
		if err != nil {
			return nil, err
		}
		answer := &madeAnswer{}
		answer.Body.Tenant, answer.Body.Email = tenant.ID, email
		answer.Body.Office, err = v.Onboarding.Host(ctx, tenant.ID, registry.Office)
		return answer, err
	})
	mountFirst(s, v)
	mountInvitations(s, v)
}

// account makes the account that a link may make, or proves the one that
// somebody has.
func (v Services) account(ctx context.Context, fresh id.Account, email, name, language string, made *newAccountBody, proof *knownAccountBody) (id.Account, string, error) {
	switch {
	case made != nil && proof == nil:
		err := v.Identity.CreateAccount(ctx, identity.NewAccount{
			ID: fresh, Email: email, Name: name, Language: language, Salt: made.Salt, SignInSecret: made.SignInSecret,
			WrappedMemberKey: made.WrappedMemberKey, MemberPublicKey: made.MemberPublicKey,
		})
		if errors.Is(err, identity.ErrEmailTaken) {
			return id.Account{}, "", errKnown
		}
		return fresh, email, err
	case proof != nil && made == nil:
		var account id.Account
		// Nobody signs in here: the account is proven, and enters nowhere.
		_, _, err := v.Identity.SignIn(ctx, identity.SignIn{Email: proof.Email, Secret: proof.SignInSecret, Entry: identity.Entry{
			At: server.From(ctx).Door(), IP: server.From(ctx).Client, Agent: server.From(ctx).Agent,
			Allowed: func(_ context.Context, found id.Account) (access.Domain, error) {
				account = found
				return access.Domain{}, identity.ErrSignInFailed
			},
		}})
		if account.IsZero() {
			return account, "", err
		}
		return account, proof.Email, nil
	default:
		return id.Account{}, "", onboarding.Mistakes{{Field: "new", Why: "missing"}}
	}
}

// sayMistakes puts the mistakes of a form into the answer.
func sayMistakes(ctx context.Context, err error) error {
	var mistakes onboarding.Mistakes
	if !errors.As(err, &mistakes) {
		return err
	}
	p := server.ProblemOf(ctx, err)
	for _, m := range mistakes {
		p.Details = append(p.Details, server.Detail{Where: "body." + m.Field, Why: m.Why})
	}
	return p
}

type businessBody struct {
	Specialty         string `json:"specialty" maxLength:"60"`
	Company           string `json:"company" maxLength:"300"`
	Street            string `json:"street" maxLength:"300"`
	PostalCode        string `json:"postal_code" maxLength:"300"`
	City              string `json:"city" maxLength:"300"`
	Phone             string `json:"phone" maxLength:"300"`
	Email             string `json:"email" maxLength:"300"`
	Responsible       string `json:"responsible" maxLength:"300"`
	Chamber           string `json:"chamber" maxLength:"300"`
	ProfessionalTitle string `json:"professional_title" maxLength:"300"`
	TitleState        string `json:"title_state" maxLength:"300"`
	ProfessionalRules string `json:"professional_rules" maxLength:"3000"`
	Association       string `json:"association" maxLength:"300"`
	Register          string `json:"register" maxLength:"300"`
	VATID             string `json:"vat_id" maxLength:"300"`
	ProtectionOfficer string `json:"protection_officer" maxLength:"3000"`
	Alone             bool   `json:"alone"`
}

type businessRequest struct{ Body businessBody }

type overviewAnswer struct {
	Body struct {
		Business    businessBody          `json:"business"`
		Medical     bool                  `json:"medical"`
		Required    []string              `json:"required"`
		Open        bool                  `json:"open"`
		FirstOpened *time.Time            `json:"first_opened,omitempty"`
		Obstacles   []onboarding.Obstacle `json:"obstacles"`
		Agreement   struct {
			Version  string     `json:"version"`
			Accepted string     `json:"accepted,omitempty"`
			Due      bool       `json:"due"`
			Until    *time.Time `json:"until,omitempty"`
		} `json:"agreement"`
		Keys *struct {
			Sequence       int64      `json:"sequence"`
			Epoch          int        `json:"epoch"`
			Expires        time.Time  `json:"expires"`
			Members        int        `json:"members"`
			RecoveryProven *time.Time `json:"recovery_proven,omitempty"`
		} `json:"keys"`
		Services int    `json:"services"`
		Windows  int    `json:"windows"`
		Patients string `json:"patients" doc:"Where patients book"`
	}
}

type openRequest struct {
	Body struct {
		Open bool `json:"open"`
	}
}

type agreementRequest struct {
	Language string `query:"language" maxLength:"10"`
}

type acceptanceBody struct {
	Version  string     `json:"version"`
	Language string     `json:"language"`
	Hash     seal.Bytes `json:"hash"`
	Name     string     `json:"name"`
	Accepted time.Time  `json:"accepted"`
	Document string     `json:"document"`
}

type agreementAnswer struct {
	Body struct {
		Version     string           `json:"version"`
		Language    string           `json:"language"`
		Hash        seal.Bytes       `json:"hash" doc:"SHA-256 of document"`
		Document    string           `json:"document"`
		Current     bool             `json:"current" doc:"This version is accepted, with today's parties"`
		Acceptances []acceptanceBody `json:"acceptances"`
	}
}

type acceptRequest struct {
	Body struct {
		Hash     seal.Bytes `json:"hash"`
		Language string     `json:"language" maxLength:"10"`
	}
}

func mountFirst(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getOnboarding", Method: http.MethodGet, Path: "/api/v1/onboarding",
		Summary: "What there is and what is missing until patients can book",
	}, func(ctx context.Context, _ *none) (*overviewAnswer, error) {
		return v.overview(ctx)
	})
	server.Register(s, server.Operation{
		ID: "putBusiness", Method: http.MethodPut, Path: "/api/v1/onboarding/business",
		Summary: "What the imprint says",
	}, func(ctx context.Context, in *businessRequest) (*overviewAnswer, error) {
		b := in.Body
		err := v.Onboarding.SetBusiness(ctx, server.From(ctx).Tenant.ID, onboarding.Business{
			Specialty: b.Specialty, Company: b.Company, Street: b.Street, PostalCode: b.PostalCode, City: b.City, Responsible: b.Responsible,
			Chamber: b.Chamber, ProfessionalTitle: b.ProfessionalTitle, TitleState: b.TitleState, ProfessionalRules: b.ProfessionalRules,
			Association: b.Association, Register: b.Register, VATID: b.VATID, ProtectionOfficer: b.ProtectionOfficer, Alone: b.Alone,
		}, b.Phone, b.Email)
		if err != nil {
			return nil, sayMistakes(ctx, err)
		}
		return v.overview(ctx)
	})
	server.Register(s, server.Operation{
		ID: "setBookingOpen", Method: http.MethodPut, Path: "/api/v1/onboarding/open",
		Summary: "Open public booking, or pause it; 409 obstacles says what is missing",
	}, func(ctx context.Context, in *openRequest) (*overviewAnswer, error) {
		err := v.Onboarding.SetOpen(ctx, server.From(ctx).Tenant.ID, in.Body.Open)
		var obstacles *onboarding.ObstaclesError
		if errors.As(err, &obstacles) {
			p := server.ProblemOf(ctx, err)
			p.Extra = map[string]any{"obstacles": obstacles.Obstacles}
			return nil, p
		}
		if err != nil {
			return nil, err
		}
		return v.overview(ctx)
	})
	server.Register(s, server.Operation{
		ID: "getAgreement", Method: http.MethodGet, Path: "/api/v1/agreement",
		Summary: "Terms of use and processing agreement, and who accepted them",
	}, func(ctx context.Context, in *agreementRequest) (*agreementAnswer, error) {
		return v.agreement(ctx, in.Language)
	})
	server.Register(s, server.Operation{
		ID: "acceptAgreement", Method: http.MethodPost, Path: "/api/v1/agreement",
		Summary: "Accept the agreement with this hash",
	}, func(ctx context.Context, in *acceptRequest) (*agreementAnswer, error) {
		r := server.From(ctx)
		if err := v.Onboarding.Accept(ctx, r.Tenant.ID, r.Session.Account, r.Session.Name, in.Body.Language, in.Body.Hash); err != nil {
			return nil, err
		}
		return v.agreement(ctx, in.Body.Language)
	})
}

func (v Services) overview(ctx context.Context) (*overviewAnswer, error) {
	tenant := server.From(ctx).Tenant
	o, err := v.Onboarding.Overview(ctx, tenant.ID)
	if err != nil {
		return nil, err
	}
	offer, err := v.Practice.Offer(ctx, tenant.ID)
	if err != nil {
		return nil, err
	}
	answer := &overviewAnswer{}
	b, body := o.Business, &answer.Body
	body.Business = businessBody{b.Specialty, b.Company, b.Street, b.PostalCode, b.City, offer.Practice.Phone, offer.Practice.Email, b.Responsible, b.Chamber,
		b.ProfessionalTitle, b.TitleState, b.ProfessionalRules, b.Association, b.Register, b.VATID, b.ProtectionOfficer, b.Alone}
	body.Medical, body.Required, body.Open, body.Obstacles = o.Medical, o.Required, b.Open, o.Obstacles
	body.FirstOpened = maybeTime(b.FirstOpened)
	body.Agreement.Version, body.Agreement.Accepted, body.Agreement.Due = o.Version, o.Accepted, o.Due
	body.Agreement.Until = maybeTime(o.DueUntil)
	if o.Keys.Sequence > 0 {
		body.Keys = &struct {
			Sequence       int64      `json:"sequence"`
			Epoch          int        `json:"epoch"`
			Expires        time.Time  `json:"expires"`
			Members        int        `json:"members"`
			RecoveryProven *time.Time `json:"recovery_proven,omitempty"`
		}{o.Keys.Sequence, o.Keys.Epoch, o.Keys.Expires, o.Keys.Members, maybeTime(o.Keys.RecoveryProven)}
	}
	body.Services, body.Windows = o.Services, o.Windows
	body.Patients, err = v.Onboarding.Host(ctx, tenant.ID, registry.Patients)
	return answer, err
}

func maybeTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (v Services) agreement(ctx context.Context, language string) (*agreementAnswer, error) {
	tenant := server.From(ctx).Tenant.ID
	a, err := v.Onboarding.Agreement(ctx, tenant, language)
	if err != nil {
		return nil, err
	}
	accepted, err := v.Onboarding.Acceptances(ctx, tenant)
	if err != nil {
		return nil, err
	}
	answer := &agreementAnswer{}
	b := &answer.Body
	b.Version, b.Language, b.Hash, b.Document = a.Version, a.Language, a.Hash[:], a.Document
	if b.Current, err = v.Onboarding.AgreementAccepted(ctx, tenant); err != nil {
		return nil, err
	}
	b.Acceptances = make([]acceptanceBody, len(accepted))
	for i, x := range accepted {
		b.Acceptances[i] = acceptanceBody{x.Version, x.Language, x.Hash, x.Name, x.Accepted, x.Document}
	}
	return answer, nil
}

type invitedAnswer struct {
	Body struct {
		Practice string     `json:"practice"`
		Name     string     `json:"name"`
		Email    string     `json:"email"`
		Role     string     `json:"role"`
		By       string     `json:"by"`
		Handover bool       `json:"handover"`
		Account  id.Account `json:"account" doc:"The id that a new account will have"`
		Known    bool       `json:"known" doc:"There is an account with this address already"`
	}
}

type joinRequest struct {
	Body struct {
		Token   string            `json:"token" maxLength:"100"`
		Name    string            `json:"name" maxLength:"200"`
		New     *newAccountBody   `json:"new,omitempty"`
		Account *knownAccountBody `json:"account,omitempty"`
	}
}

type joinedAnswer struct {
	Body struct {
		Email string `json:"email" doc:"What to sign in with"`
	}
}

func mountInvitations(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "peekInvitation", Method: http.MethodPost, Path: "/api/v1/invitations/peek",
		Summary: "What a link of an invitation or a hand-over is about",
	}, func(ctx context.Context, in *linkRequest) (*invitedAnswer, error) {
		tenant := server.From(ctx).Tenant.ID
		i, err := v.Onboarding.Invited(ctx, tenant, in.Body.Token)
		if err != nil {
			return nil, err
		}
		known, err := v.Identity.Known(ctx, i.Email)
		if err != nil {
			return nil, err
		}
		offer, err := v.Practice.Offer(ctx, tenant)
		if err != nil {
			return nil, err
		}
		answer := &invitedAnswer{}
		b := &answer.Body
		b.Practice, b.Name, b.Email, b.Role, b.By, b.Handover = offer.Practice.Name, i.Name, i.Email, string(i.Role), i.By, i.Handover
		b.Account, b.Known = i.Account(), known
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "acceptInvitation", Method: http.MethodPost, Path: "/api/v1/invitations/accept",
		Summary: "Join a practice with a new or an existing account; signing in comes after",
	}, func(ctx context.Context, in *joinRequest) (*joinedAnswer, error) {
		tenant := server.From(ctx).Tenant.ID
		i, err := v.Onboarding.Invited(ctx, tenant, in.Body.Token)
		if err != nil {
			return nil, err
		}
		name := in.Body.Name
		if name == "" {
			name = i.Name
		}
		account, email, err := v.account(ctx, i.Account(), i.Email, name, i.Language, in.Body.New, in.Body.Account)
		if err != nil {
			return nil, err
		}
		if err := v.Onboarding.Join(ctx, tenant, in.Body.Token, account); err != nil {
			return nil, err
		}
		answer := &joinedAnswer{}
		answer.Body.Email = email
		return answer, nil
	})
}
