package api

import (
	"context"
	"net/http"
	"time"

	"siegel/platform/access"
	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/seal"
	"siegel/tenants/registry"
	"siegel/web/server"
)

type passkeyBody struct {
	ID      seal.Bytes `json:"id"`
	Name    string     `json:"name"`
	Here    bool       `json:"here" doc:"It is of this site: an office's passkey is none of the portal's"`
	Created time.Time  `json:"created"`
	Used    *time.Time `json:"used,omitempty"`
	// Where it unlocks too.
	PRFSalt seal.Bytes `json:"prf_salt,omitempty"`
	Wrapped seal.Bytes `json:"wrapped_member_key,omitempty"`
}

type accountAnswer struct {
	Body struct {
		Account  id.Account `json:"account"`
		Name     string     `json:"name"`
		Email    string     `json:"email"`
		Language string     `json:"language"`
		TOTP     bool       `json:"totp"`
		// RecoveryCodes are how many are left.
		RecoveryCodes  int           `json:"recovery_codes"`
		Passkeys       []passkeyBody `json:"passkeys"`
		TrustedDevices int           `json:"trusted_devices"`
		FactorDemanded bool          `json:"factor_demanded"`
		// Password is what unwraps the member key with a password; absent where
		// none does.
		Password *passwordFacts `json:"password,omitempty"`
		// MemberPublicKey is empty before the first unlock was set up.
		MemberPublicKey seal.Bytes `json:"member_public_key"`
		Proven          bool       `json:"proven"`
	}
}

type passwordFacts struct {
	KDF     string     `json:"kdf"`
	Salt    seal.Bytes `json:"salt"`
	Wrapped seal.Bytes `json:"wrapped_member_key,omitempty" doc:"Absent after a recovery"`
}

type totpAnswer struct {
	Body struct {
		Secret string `json:"secret"`
		URI    string `json:"uri"`
		Ticket string `json:"ticket"`
	}
}

type confirmTOTPRequest struct {
	Body struct {
		Ticket string `json:"ticket" maxLength:"2000"`
		Code   string `json:"code" maxLength:"20"`
	}
}

// codesAnswer carries recovery codes this once; none where there are some.
type codesAnswer struct {
	Body struct {
		Codes []string `json:"codes"`
	}
}

type addPasskeyRequest struct {
	Body struct {
		Ticket     string     `json:"ticket" maxLength:"4000"`
		Credential string     `json:"credential" maxLength:"16000" doc:"PublicKeyCredential as JSON text, without the results of the PRF"`
		Name       string     `json:"name" minLength:"1" maxLength:"100"`
		PRFSalt    seal.Bytes `json:"prf_salt,omitempty"`
		Wrapped    seal.Bytes `json:"wrapped_member_key,omitempty"`
	}
}

type changePasskeyRequest struct {
	ID   string `path:"id" maxLength:"1400" doc:"base64url"`
	Body struct {
		Name    string     `json:"name,omitempty" maxLength:"100"`
		PRFSalt seal.Bytes `json:"prf_salt,omitempty"`
		Wrapped seal.Bytes `json:"wrapped_member_key,omitempty"`
	}
}

type removePasskeyRequest struct {
	ID string `path:"id" maxLength:"1400" doc:"base64url"`
}

type passwordRequest struct {
	Body struct {
		Salt            seal.Bytes `json:"salt"`
		SignInSecret    seal.Bytes `json:"sign_in_secret"`
		Wrapped         seal.Bytes `json:"wrapped_member_key"`
		MemberPublicKey seal.Bytes `json:"member_public_key,omitempty" doc:"Only where nothing opens the old member key any more"`
	}
}

type languageRequest struct {
	Body struct {
		Language string `json:"language" enum:"de,en"`
	}
}

type placeBody struct {
	ID      string    `json:"id"`
	Current bool      `json:"current"`
	Domain  string    `json:"domain" enum:"tenant,reseller,platform"`
	Here    bool      `json:"here" doc:"It is of this practice, or of the portal"`
	Since   time.Time `json:"since"`
	Seen    time.Time `json:"seen"`
	Method  string    `json:"method"`
	Address string    `json:"address"`
	Browser string    `json:"browser"`
	System  string    `json:"system"`
}

type placesAnswer struct {
	Body struct {
		Sessions []placeBody `json:"sessions"`
	}
}

type endRequest struct {
	ID string `path:"id" maxLength:"40"`
}

type endAllRequest struct {
	Others bool `query:"others" doc:"All but this one"`
}

type attemptBody struct {
	At      time.Time `json:"at"`
	Here    bool      `json:"here"`
	Domain  string    `json:"domain" enum:"tenant,reseller,platform"`
	Method  string    `json:"method"`
	Success bool      `json:"success"`
	Address string    `json:"address"`
	Browser string    `json:"browser"`
	System  string    `json:"system"`
}

type signInsAnswer struct {
	Body struct {
		Days     int           `json:"days" doc:"For how long it is kept"`
		Attempts []attemptBody `json:"attempts"`
	}
}

type undertakingRequest struct {
	Language string `query:"language" enum:"de,en" default:"de"`
}

type undertakingAnswer struct {
	Body struct {
		Version  string     `json:"version"`
		Language string     `json:"language"`
		Text     string     `json:"text"`
		Hash     seal.Bytes `json:"hash"`
		Accepted bool       `json:"accepted"`
	}
}

type undertakeRequest struct {
	Body struct {
		Version  string `json:"version" maxLength:"40"`
		Language string `json:"language" enum:"de,en"`
	}
}

type undertookBody struct {
	Name     string     `json:"name"`
	Role     string     `json:"role"`
	Of       string     `json:"of" doc:"The reseller's name; empty for the platform"`
	Version  string     `json:"version,omitempty"`
	Accepted *time.Time `json:"accepted,omitempty"`
}

type undertookAnswer struct {
	Body struct {
		Version string          `json:"version" doc:"The wording in force"`
		People  []undertookBody `json:"people"`
	}
}

type ruleBody struct {
	SecondFactor bool `json:"second_factor"`
	FullIP       bool `json:"full_ip"`
	HistoryDays  int  `json:"history_days" minimum:"1" maximum:"365"`
}

type ruleAnswer struct{ Body ruleBody }

type ruleRequest struct{ Body ruleBody }

type recoveryRequest struct {
	Body struct {
		Email string `json:"email" maxLength:"254"`
	}
}

type recoverRequest struct {
	Body struct {
		Token        string     `json:"token" maxLength:"100"`
		Salt         seal.Bytes `json:"salt"`
		SignInSecret seal.Bytes `json:"sign_in_secret"`
	}
}

func mountAccount(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getAccount", Method: http.MethodGet, Path: "/api/v1/account",
		Summary: "What the signed-in person signs in and unlocks with",
	}, func(ctx context.Context, _ *none) (*accountAnswer, error) {
		r := server.From(ctx)
		a, err := v.Identity.Account(ctx, r.Session.Account)
		if err != nil {
			return nil, err
		}
		f, err := v.Identity.Factors(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		answer := &accountAnswer{}
		b := &answer.Body
		b.Account, b.Name, b.Email, b.Language, b.MemberPublicKey, b.Proven = a.ID, a.Name, a.Email, a.Language, a.MemberPublicKey, r.Session.Proven
		b.TOTP, b.RecoveryCodes, b.Passkeys = f.TOTP, f.RecoveryCodes, []passkeyBody{}
		for _, p := range f.Passkeys {
			body := passkeyBody{ID: p.ID, Name: p.Name, Here: p.RPID == s.Site(r).RPID, Created: p.Created, PRFSalt: p.PRFSalt, Wrapped: p.WrappedMemberKey}
			if !p.Used.IsZero() {
				body.Used = &p.Used
			}
			b.Passkeys = append(b.Passkeys, body)
		}
		if b.TrustedDevices, err = v.Identity.TrustedDevices(ctx, a.ID); err != nil {
			return nil, err
		}
		if b.FactorDemanded, err = v.Identity.FactorDemanded(ctx, r.Session, r.Member); err != nil {
			return nil, err
		}
		salt, wrapped, ok, err := v.Identity.PasswordFacts(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		if ok {
			b.Password = &passwordFacts{KDF: identity.KDF, Salt: salt, Wrapped: wrapped}
		}
		return answer, nil
	})
	mountFactors(s, v)
	server.Register(s, server.Operation{
		ID: "setPassword", Method: http.MethodPut, Path: "/api/v1/account/password", Status: http.StatusNoContent, Proven: true,
		Summary: "Another password, and the member key wrapped with it. All other sessions end",
	}, func(ctx context.Context, in *passwordRequest) (*none, error) {
		r := server.From(ctx)
		return nil, v.Identity.SetPassword(ctx, r.Session.Account, r.Session.ID, identity.NewPassword{
			Salt: in.Body.Salt, SignInSecret: in.Body.SignInSecret, WrappedMemberKey: in.Body.Wrapped, MemberPublicKey: in.Body.MemberPublicKey,
		})
	})
	server.Register(s, server.Operation{
		ID: "setLanguage", Method: http.MethodPut, Path: "/api/v1/account/language", Status: http.StatusNoContent,
		Summary: "The language in which the person is written to",
	}, func(ctx context.Context, in *languageRequest) (*none, error) {
		return nil, v.Identity.SetLanguage(ctx, server.From(ctx).Session.Account, in.Body.Language)
	})
	server.Register(s, server.Operation{
		ID: "listSessions", Method: http.MethodGet, Path: "/api/v1/account/sessions",
		Summary: "Where the person is signed in",
	}, func(ctx context.Context, _ *none) (*placesAnswer, error) {
		r := server.From(ctx)
		places, err := v.Identity.Places(ctx, r.Session.Account)
		if err != nil {
			return nil, err
		}
		answer := &placesAnswer{}
		answer.Body.Sessions = each(places, func(p identity.Place) placeBody {
			return placeBody{ID: p.ID.String(), Current: p.ID == r.Session.ID, Domain: string(p.Domain.Kind), Here: isHere(r, p.Domain),
				Since: p.Since, Seen: p.Seen, Method: p.Method, Address: p.IP, Browser: p.Agent.Browser, System: p.Agent.System}
		})
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "endSession", Method: http.MethodDelete, Path: "/api/v1/account/sessions/{id}", Status: http.StatusNoContent,
		Summary: "End one of the person's sessions, everywhere within a second",
	}, func(ctx context.Context, in *endRequest) (*none, error) {
		session, err := uuidOf(in.ID)
		if err != nil {
			return nil, err
		}
		return nil, v.Identity.End(ctx, server.From(ctx).Session.Account, session)
	})
	server.Register(s, server.Operation{
		ID: "endSessions", Method: http.MethodDelete, Path: "/api/v1/account/sessions", Status: http.StatusNoContent,
		Summary: "End all of the person's sessions, or all others; trusted devices are trusted no more",
	}, func(ctx context.Context, in *endAllRequest) (*none, error) {
		r := server.From(ctx)
		keep := r.Session.ID
		if !in.Others {
			keep = [16]byte{}
		}
		return nil, v.Identity.EndAll(ctx, r.Session.Account, keep)
	})
	server.Register(s, server.Operation{
		ID: "listSignIns", Method: http.MethodGet, Path: "/api/v1/account/history",
		Summary: "When and whence somebody signed in to the account, or tried to",
	}, func(ctx context.Context, _ *none) (*signInsAnswer, error) {
		r := server.From(ctx)
		attempts, err := v.Identity.History(ctx, r.Session.Account)
		if err != nil {
			return nil, err
		}
		rule, err := v.Identity.Rule(ctx, r.Domain)
		if err != nil {
			return nil, err
		}
		answer := &signInsAnswer{}
		answer.Body.Days = rule.HistoryDays
		answer.Body.Attempts = each(attempts, func(a identity.Attempt) attemptBody {
			return attemptBody{At: a.At, Here: isHere(r, a.Domain), Domain: string(a.Domain.Kind), Method: a.Method, Success: a.Success,
				Address: a.IP, Browser: a.Agent.Browser, System: a.Agent.System}
		})
		return answer, nil
	})
	mountUndertaking(s, v)
	server.Register(s, server.Operation{
		ID: "getSignInRule", Method: http.MethodGet, Path: "/api/v1/sign-in-rule",
		Summary: "Whether everybody needs a second factor, and what the history keeps",
	}, func(ctx context.Context, _ *none) (*ruleAnswer, error) {
		rule, err := v.Identity.Rule(ctx, server.From(ctx).Domain)
		return &ruleAnswer{ruleBody(rule)}, err
	})
	server.Register(s, server.Operation{
		ID: "putSignInRule", Method: http.MethodPut, Path: "/api/v1/sign-in-rule", Status: http.StatusNoContent, Proven: true,
		Summary: "Decide about second factors and the history",
	}, func(ctx context.Context, in *ruleRequest) (*none, error) {
		if err := v.Identity.SetRule(ctx, server.From(ctx).Domain, identity.Rule(in.Body)); err != nil {
			return nil, err
		}
		v.record(ctx, "sign_in_rule.put", "")
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "startRecovery", Method: http.MethodPost, Path: "/api/v1/session/recovery", Status: http.StatusAccepted,
		Summary: "Ask for a link to a new password by mail. The answer is the same for every address",
	}, func(ctx context.Context, in *recoveryRequest) (*none, error) {
		return nil, v.Identity.StartRecovery(ctx, in.Body.Email, v.entry(ctx, s))
	})
	server.Register(s, server.Operation{
		ID: "recoverPassword", Method: http.MethodPost, Path: "/api/v1/session/recovery/finish", Status: http.StatusNoContent,
		Summary: "Set a new password by a link. It gives signing in back, never keys; all sessions end",
	}, func(ctx context.Context, in *recoverRequest) (*none, error) {
		return nil, v.Identity.Recover(ctx, in.Body.Token, in.Body.Salt, in.Body.SignInSecret, v.entry(ctx, s))
	})
}

func mountUndertaking(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getUndertaking", Method: http.MethodGet, Path: "/api/v1/account/undertaking",
		Summary: "The secrecy undertaking as it is worded now",
	}, func(ctx context.Context, in *undertakingRequest) (*undertakingAnswer, error) {
		u := identity.UndertakingIn(in.Language)
		answer := &undertakingAnswer{}
		b := &answer.Body
		b.Version, b.Language, b.Text, b.Hash, b.Accepted = u.Version, u.Language, u.Text, u.Hash, server.From(ctx).Session.Undertaken
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "acceptUndertaking", Method: http.MethodPost, Path: "/api/v1/account/undertaking", Status: http.StatusNoContent,
		Summary: "Undertake secrecy",
	}, func(ctx context.Context, in *undertakeRequest) (*none, error) {
		return nil, v.Identity.Undertake(ctx, server.From(ctx).Session.Account, in.Body.Version, in.Body.Language)
	})
	server.Register(s, server.Operation{
		ID: "listUndertakings", Method: http.MethodGet, Path: "/api/v1/undertakings",
		Summary: "Who of the operator's, the reseller's and the support's people undertook secrecy",
	}, func(ctx context.Context, _ *none) (*undertookAnswer, error) {
		tenant := server.From(ctx).Tenant.ID
		keepers, err := s.Registry.Keepers(ctx, tenant)
		if err != nil {
			return nil, err
		}
		members, err := v.Staff.List(ctx, tenant)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if m.Role.Access() == access.Support {
				keepers = append(keepers, registry.Keeper{Account: m.Account, Role: access.Support})
			}
		}
		accounts := each(keepers, func(k registry.Keeper) id.Account { return k.Account })
		undertook, err := v.Identity.Undertakings(ctx, accounts)
		if err != nil {
			return nil, err
		}
		answer := &undertookAnswer{}
		answer.Body.Version, answer.Body.People = identity.UndertakingVersion, []undertookBody{}
		for _, u := range undertook {
			for _, k := range keepers {
				if k.Account != u.Account {
					continue
				}
				body := undertookBody{Name: u.Name, Role: bare(k.Role), Of: k.Of, Version: u.Version}
				if !u.Accepted.IsZero() {
					body.Accepted = &u.Accepted
				}
				answer.Body.People = append(answer.Body.People, body)
			}
		}
		return answer, nil
	})
}

// isHere reports whether a domain is behind the door that the request came to.
func isHere(r server.Request, domain access.Domain) bool {
	if r.Kind == registry.Office {
		return domain == r.Domain
	}
	return domain.Kind != access.Tenant
}
