package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"siegel/platform/access"
	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/seal"
	"siegel/tenants/audit"
	"siegel/tenants/registry"
	"siegel/web/server"
)

var errSignedOut = fault.New(fault.Unauthenticated, "signed_out")

type startRequest struct {
	Body struct {
		Email string `json:"email" maxLength:"254"`
	}
}

type startAnswer struct {
	Body struct {
		KDF  string     `json:"kdf"`
		Salt seal.Bytes `json:"salt"`
	}
}

type signInRequest struct {
	Body struct {
		Email        string     `json:"email" maxLength:"254"`
		SignInSecret seal.Bytes `json:"sign_in_secret"`
	}
}

type secondRequest struct {
	Body struct {
		Ticket   string `json:"ticket" maxLength:"2000"`
		TOTP     string `json:"totp,omitempty" maxLength:"20"`
		Recovery string `json:"recovery,omitempty" maxLength:"40"`
	}
}

// ceremonyAnswer is a challenge for an authenticator.
type ceremonyAnswer struct {
	Body struct {
		Ticket    string `json:"ticket"`
		PublicKey any    `json:"public_key" doc:"As PublicKeyCredential's parse functions read it"`
	}
}

type assertionBody struct {
	Ticket     string `json:"ticket" maxLength:"4000"`
	Credential string `json:"credential" maxLength:"16000" doc:"PublicKeyCredential as JSON text, whose keys are not ours; without the results of the PRF"`
}

func (b assertionBody) assertion() identity.Assertion {
	return identity.Assertion{Ticket: b.Ticket, Credential: json.RawMessage(b.Credential)}
}

type assertionRequest struct{ Body assertionBody }

type domainBody struct {
	Kind string `json:"kind" enum:"tenant,reseller,platform"`
	ID   string `json:"id,omitempty" doc:"The tenant's or reseller's; empty for the platform"`
	Name string `json:"name"`
	Role string `json:"role"`
}

type practiceFacts struct {
	Name  string `json:"name"`
	Zone  string `json:"zone"`
	Phone string `json:"phone"`
}

type sessionBody struct {
	Account  id.Account `json:"account"`
	Name     string     `json:"name"`
	Email    string     `json:"email"`
	Language string     `json:"language"`
	Role     string     `json:"role" doc:"What the person is here once nothing is left of must"`
	Must     []string   `json:"must" doc:"What has to be done before anything else: second_factor, secrecy, agreement"`
	Domain   domainBody `json:"domain"`
	// Domains are what the person may switch to, in the portal.
	Domains []domainBody `json:"domains,omitempty"`
	// Unlock is what opens the person's member key.
	Unlock struct {
		Password bool `json:"password"`
		Passkey  bool `json:"passkey"`
	} `json:"unlock"`
	Tenant   string         `json:"tenant,omitempty"`
	Practice *practiceFacts `json:"practice,omitempty"`
}

type sessionAnswer struct{ Body sessionBody }

type keepRequest struct{ Body none }

type signedOutAnswer struct {
	SetCookie string `header:"Set-Cookie"`
}

type proofRequest struct {
	Body struct {
		SignInSecret seal.Bytes     `json:"sign_in_secret,omitempty"`
		TOTP         string         `json:"totp,omitempty" maxLength:"20"`
		Assertion    *assertionBody `json:"assertion,omitempty"`
	}
}

type switchRequest struct {
	Body struct {
		Kind string `json:"kind" enum:"reseller,platform"`
		ID   string `json:"id,omitempty" maxLength:"60"`
	}
}

func mountSessions(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "startSession", Method: http.MethodPost, Path: "/api/v1/session/start",
		Summary: "How to derive the sign-in secret from a password",
	}, func(ctx context.Context, in *startRequest) (*startAnswer, error) {
		c, err := v.Identity.Start(ctx, in.Body.Email, server.From(ctx).Client)
		if err != nil {
			return nil, err
		}
		answer := &startAnswer{}
		answer.Body.KDF, answer.Body.Salt = c.KDF, c.Salt
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "signIn", Method: http.MethodPost, Path: "/api/v1/session",
		Summary: "Sign in with a password; 401 second_factor_needed brings the ticket and methods of the second step",
	}, func(ctx context.Context, in *signInRequest) (*sessionAnswer, error) {
		cookie, session, err := v.Identity.SignIn(ctx, identity.SignIn{
			Email: in.Body.Email, Secret: in.Body.SignInSecret, Entry: v.entry(ctx, s),
		})
		if err != nil {
			return nil, secondStep(ctx, err)
		}
		return v.signedIn(ctx, s, session, s.SessionCookie(cookie))
	})
	server.Register(s, server.Operation{
		ID: "secondFactor", Method: http.MethodPost, Path: "/api/v1/session/second",
		Summary: "The second step of a sign-in. It is not asked for again that day on that device",
	}, func(ctx context.Context, in *secondRequest) (*sessionAnswer, error) {
		midnight, err := v.midnight(ctx)
		if err != nil {
			return nil, err
		}
		cookie, device, session, err := v.Identity.Second(ctx, identity.Second{
			Ticket: in.Body.Ticket, Code: in.Body.TOTP, Recovery: in.Body.Recovery, Until: midnight, Entry: v.entry(ctx, s),
		})
		if err != nil {
			return nil, err
		}
		cookies := []string{s.SessionCookie(cookie)}
		if device != "" {
			cookies = append(cookies, s.Cookie("device", device, time.Until(midnight)))
		}
		return v.signedIn(ctx, s, session, cookies...)
	})
	server.Register(s, server.Operation{
		ID: "startPasskeySignIn", Method: http.MethodPost, Path: "/api/v1/session/passkey/start",
		Summary: "A challenge for any passkey of this site",
	}, func(ctx context.Context, _ *keepRequest) (*ceremonyAnswer, error) {
		c, err := v.Identity.StartAssertion(ctx, s.Site(server.From(ctx)), v.entry(ctx, s))
		return sayCeremony(c, err)
	})
	server.Register(s, server.Operation{
		ID: "signInByPasskey", Method: http.MethodPost, Path: "/api/v1/session/passkey",
		Summary: "Sign in with a passkey alone, which is two factors",
	}, func(ctx context.Context, in *assertionRequest) (*sessionAnswer, error) {
		cookie, session, err := v.Identity.SignInByPasskey(ctx, s.Site(server.From(ctx)), in.Body.assertion(), v.entry(ctx, s))
		if err != nil {
			return nil, err
		}
		return v.signedIn(ctx, s, session, s.SessionCookie(cookie))
	})
	server.Register(s, server.Operation{
		ID: "getSession", Method: http.MethodGet, Path: "/api/v1/session",
		Summary: "Who is signed in",
	}, func(ctx context.Context, _ *none) (*sessionAnswer, error) {
		r := server.From(ctx)
		if r.Session.Account.IsZero() {
			return nil, errSignedOut
		}
		return v.saySession(ctx, s, r.Session, r.Member, r.Must)
	})
	server.Register(s, server.Operation{
		ID: "keepSession", Method: http.MethodPost, Path: "/api/v1/session/seen", Status: http.StatusNoContent,
		Summary: "Somebody is there: the session does not idle out",
	}, func(context.Context, *keepRequest) (*none, error) {
		return nil, nil // finding the session for a request that writes is what keeps it
	})
	server.Register(s, server.Operation{
		ID: "signOut", Method: http.MethodDelete, Path: "/api/v1/session", Status: http.StatusNoContent,
		Summary: "End this session",
	}, func(ctx context.Context, _ *none) (*signedOutAnswer, error) {
		if err := v.Identity.SignOut(ctx, server.From(ctx).Cookie); err != nil {
			return nil, err
		}
		if !server.From(ctx).Session.Account.IsZero() {
			v.record(ctx, "session.sign_out", "")
		}
		return &signedOutAnswer{s.SessionCookie("")}, nil
	})
	server.Register(s, server.Operation{
		ID: "confirmSession", Method: http.MethodPost, Path: "/api/v1/session/confirm", Status: http.StatusNoContent,
		Summary: "Show again that it is you: for five minutes the session may do what wants a proof",
	}, func(ctx context.Context, in *proofRequest) (*signedOutAnswer, error) {
		r := server.From(ctx)
		proof := identity.Proof{Secret: in.Body.SignInSecret, Code: in.Body.TOTP}
		if in.Body.Assertion != nil {
			a := in.Body.Assertion.assertion()
			proof.Assertion = &a
		}
		cookie, err := v.Identity.Confirm(ctx, r.Cookie, r.Session, s.Site(r), proof, r.Client)
		if err != nil {
			return nil, err
		}
		return &signedOutAnswer{s.SessionCookie(cookie)}, nil
	})
	server.Register(s, server.Operation{
		ID: "switchDomain", Method: http.MethodPost, Path: "/api/v1/session/domain", Status: http.StatusNoContent,
		Summary: "Act as another of the person's memberships in the portal",
	}, func(ctx context.Context, in *switchRequest) (*signedOutAnswer, error) {
		r := server.From(ctx)
		to := identity.OfPlatform()
		if in.Body.Kind == string(access.Reseller) {
			var reseller id.Reseller
			if err := reseller.UnmarshalText([]byte(in.Body.ID)); err != nil {
				return nil, err
			}
			to = identity.OfReseller(reseller)
		}
		if _, err := s.RoleIn(ctx, to, r.Session.Account); err != nil {
			return nil, err
		}
		cookie, err := v.Identity.Switch(ctx, r.Cookie, to)
		if err != nil {
			return nil, err
		}
		return &signedOutAnswer{s.SessionCookie(cookie)}, nil
	})
}

// entry is who stands at the door of the request, and where it leads whom: in
// the portal to the first of somebody's memberships.
func (v Services) entry(ctx context.Context, s *server.Server) identity.Entry {
	r := server.From(ctx)
	return identity.Entry{At: r.Door(), IP: r.Client, Agent: r.Agent, Device: r.Device,
		Allowed: func(ctx context.Context, account id.Account) (access.Domain, error) {
			if r.Kind == registry.Office {
				_, err := s.RoleIn(ctx, r.Domain, account)
				return r.Domain, err
			}
			memberships, err := s.Registry.Memberships(ctx, account)
			if err != nil {
				return access.Domain{}, err
			}
			if len(memberships) == 0 {
				return access.Domain{}, fault.New(fault.Forbidden, "not_member")
			}
			return server.DomainOf(memberships[0]), nil
		}}
}

// secondStep says of a sign-in that stopped half-way how it goes on.
func secondStep(ctx context.Context, err error) error {
	var second *identity.SecondNeeded
	if !errors.As(err, &second) {
		return err
	}
	p := server.ProblemOf(ctx, err)
	p.Extra = map[string]any{"ticket": second.Ticket, "methods": second.Methods}
	return p
}

func sayCeremony(c identity.Ceremony, err error) (*ceremonyAnswer, error) {
	if err != nil {
		return nil, err
	}
	answer := &ceremonyAnswer{}
	answer.Body.Ticket = c.Ticket
	return answer, json.Unmarshal(c.Options, &answer.Body.PublicKey)
}

// portalZone is where the portal's days end.
const portalZone = "Europe/Berlin"

// midnight is when the day ends where the request acts.
func (v Services) midnight(ctx context.Context) (time.Time, error) {
	zone := portalZone
	if r := server.From(ctx); r.Kind == registry.Office {
		offer, err := v.Practice.Offer(ctx, r.Tenant.ID)
		if err != nil {
			return time.Time{}, err
		}
		zone = offer.Practice.Zone
	}
	at, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}, err
	}
	now := time.Now().In(at)
	return time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, at), nil
}

// signedIn is the answer to a sign-in that succeeded.
func (v Services) signedIn(ctx context.Context, s *server.Server, session identity.Session, cookies ...string) (*sessionAnswer, error) {
	role, err := s.RoleIn(ctx, session.Domain, session.Account)
	if err != nil {
		return nil, err
	}
	must, err := s.Must(ctx, session, role)
	if err != nil {
		return nil, err
	}
	answer, err := v.saySession(ctx, s, session, role, must)
	if err != nil {
		return nil, err
	}
	// The cookie is new: whoever has signed in is not yet who asks.
	r := server.From(ctx)
	r.Session, r.Domain, r.Role = session, session.Domain, string(role)
	v.record(audit.With(ctx, r.Actor(), r.Client), "session.sign_in", "")
	for _, cookie := range cookies {
		server.AddCookie(ctx, cookie)
	}
	return answer, nil
}

func (v Services) saySession(ctx context.Context, s *server.Server, session identity.Session, role access.Role, must []string) (*sessionAnswer, error) {
	r := server.From(ctx)
	answer := &sessionAnswer{Body: sessionBody{
		Account: session.Account, Name: session.Name, Email: session.Email, Language: session.Language,
		Role: bare(role), Must: append([]string{}, must...),
		Domain: domainBody{Kind: string(session.Domain.Kind), Role: bare(role)},
	}}
	b := &answer.Body
	var err error
	if b.Unlock.Password, b.Unlock.Passkey, err = v.Identity.HasMemberKey(ctx, session.Account); err != nil {
		return nil, err
	}
	if r.Kind == registry.Office {
		offer, err := v.Practice.Offer(ctx, r.Tenant.ID)
		if err != nil {
			return nil, err
		}
		b.Tenant = r.Tenant.ID.String()
		b.Practice = &practiceFacts{offer.Practice.Name, offer.Practice.Zone, offer.Practice.Phone}
		b.Domain.ID, b.Domain.Name = b.Tenant, offer.Practice.Name
		return answer, nil
	}
	memberships, err := s.Registry.Memberships(ctx, session.Account)
	if err != nil {
		return nil, err
	}
	for _, m := range memberships {
		d := domainBody{Kind: string(m.Kind), Name: m.Name, Role: bare(m.Role)}
		if m.Kind == access.Reseller {
			d.ID = m.Reseller.String()
		}
		if b.Domains = append(b.Domains, d); server.DomainOf(m) == session.Domain {
			b.Domain = d
		}
	}
	return answer, nil
}

// bare is a role without the prefix that keeps it apart from people's names.
func bare(role access.Role) string {
	if len(role) > 2 {
		return string(role[2:])
	}
	return ""
}

// uuidOf reads the bare form of an id that has no kind of its own.
func uuidOf(text string) (uuid.UUID, error) {
	u, err := uuid.Parse(text)
	if err != nil || u.String() != text {
		return uuid.Nil, id.ErrMalformed
	}
	return u, nil
}
