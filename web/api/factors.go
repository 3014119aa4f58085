package api

import (
	"context"
	"encoding/base64"
	"net/http"

	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/web/server"
)

func mountFactors(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "startTOTP", Method: http.MethodPost, Path: "/api/v1/account/totp/start", Proven: true,
		Summary: "A secret for an app that makes codes; nothing is stored yet",
	}, func(ctx context.Context, _ *keepRequest) (*totpAnswer, error) {
		r := server.From(ctx)
		offer := v.Identity.StartTOTP(r.Session, r.Door(), "Siegel")
		answer := &totpAnswer{}
		answer.Body.Secret, answer.Body.URI, answer.Body.Ticket = offer.Secret, offer.URI, offer.Ticket
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "confirmTOTP", Method: http.MethodPost, Path: "/api/v1/account/totp", Proven: true,
		Summary: "Show that the app has the secret: it is the second factor from now on",
	}, func(ctx context.Context, in *confirmTOTPRequest) (*codesAnswer, error) {
		r := server.From(ctx)
		return sayCodes(v.Identity.ConfirmTOTP(ctx, r.Session, r.Door(), in.Body.Ticket, in.Body.Code))
	})
	server.Register(s, server.Operation{
		ID: "removeTOTP", Method: http.MethodDelete, Path: "/api/v1/account/totp", Status: http.StatusNoContent, Proven: true,
		Summary: "Take the app away",
	}, func(ctx context.Context, _ *none) (*none, error) {
		r := server.From(ctx)
		demanded, err := v.Identity.FactorDemanded(ctx, r.Session, r.Member)
		if err != nil {
			return nil, err
		}
		return nil, v.Identity.RemoveTOTP(ctx, r.Session.Account, demanded)
	})
	server.Register(s, server.Operation{
		ID: "newRecoveryCodes", Method: http.MethodPost, Path: "/api/v1/account/recovery-codes", Proven: true,
		Summary: "New codes for signing in without the second factor; the old ones are void",
	}, func(ctx context.Context, _ *keepRequest) (*codesAnswer, error) {
		return sayCodes(v.Identity.NewRecoveryCodes(ctx, server.From(ctx).Session.Account))
	})
	server.Register(s, server.Operation{
		ID: "distrustDevices", Method: http.MethodDelete, Path: "/api/v1/account/devices", Status: http.StatusNoContent,
		Summary: "Ask for the second factor on every device again",
	}, func(ctx context.Context, _ *none) (*none, error) {
		return nil, v.Identity.DistrustDevices(ctx, server.From(ctx).Session.Account)
	})
	server.Register(s, server.Operation{
		ID: "startPasskey", Method: http.MethodPost, Path: "/api/v1/account/passkeys/start", Proven: true,
		Summary: "A challenge for a new passkey",
	}, func(ctx context.Context, _ *keepRequest) (*ceremonyAnswer, error) {
		r := server.From(ctx)
		return sayCeremony(v.Identity.StartPasskey(ctx, r.Session, s.Site(r)))
	})
	server.Register(s, server.Operation{
		ID: "addPasskey", Method: http.MethodPost, Path: "/api/v1/account/passkeys", Proven: true,
		Summary: "Add a passkey, with the member key wrapped by its PRF where it has one",
	}, func(ctx context.Context, in *addPasskeyRequest) (*codesAnswer, error) {
		r := server.From(ctx)
		a := assertionBody{in.Body.Ticket, in.Body.Credential}.assertion()
		return sayCodes(v.Identity.AddPasskey(ctx, r.Session, s.Site(r), identity.NewPasskey{
			Ticket: a.Ticket, Credential: a.Credential, Name: in.Body.Name, PRFSalt: in.Body.PRFSalt, WrappedMemberKey: in.Body.Wrapped,
		}))
	})
	server.Register(s, server.Operation{
		ID: "changePasskey", Method: http.MethodPut, Path: "/api/v1/account/passkeys/{id}", Status: http.StatusNoContent,
		Summary: "Another name for a passkey, or the member key wrapped by its PRF",
	}, func(ctx context.Context, in *changePasskeyRequest) (*none, error) {
		passkey, err := passkeyID(in.ID)
		if err != nil {
			return nil, err
		}
		account := server.From(ctx).Session.Account
		if in.Body.Name != "" {
			if err := v.Identity.NamePasskey(ctx, account, passkey, in.Body.Name); err != nil {
				return nil, err
			}
		}
		if len(in.Body.Wrapped) > 0 {
			return nil, v.Identity.WrapPasskey(ctx, account, passkey, in.Body.PRFSalt, in.Body.Wrapped)
		}
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "removePasskey", Method: http.MethodDelete, Path: "/api/v1/account/passkeys/{id}", Status: http.StatusNoContent, Proven: true,
		Summary: "Take a passkey away",
	}, func(ctx context.Context, in *removePasskeyRequest) (*none, error) {
		r := server.From(ctx)
		passkey, err := passkeyID(in.ID)
		if err != nil {
			return nil, err
		}
		demanded, err := v.Identity.FactorDemanded(ctx, r.Session, r.Member)
		if err != nil {
			return nil, err
		}
		return nil, v.Identity.RemovePasskey(ctx, r.Session.Account, passkey, demanded)
	})
}

func sayCodes(codes []string, err error) (*codesAnswer, error) {
	if err != nil {
		return nil, err
	}
	answer := &codesAnswer{}
	answer.Body.Codes = append([]string{}, codes...)
	return answer, nil
}

func passkeyID(text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, id.ErrMalformed
	}
	return b, nil
}
