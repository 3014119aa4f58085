package api

import (
	"context"
	"net/http"

	"siegel/platform/seal"
	"siegel/web/server"
)

type directoryBody struct {
	Document  seal.Bytes `json:"document"`
	Signature seal.Bytes `json:"signature"`
}

type directoryAnswer struct{ Body directoryBody }

type wrappedKey struct {
	Kind   string     `json:"kind"`
	Epoch  int        `json:"epoch"`
	Holder string     `json:"holder"`
	Enc    seal.Bytes `json:"enc"`
	CT     seal.Bytes `json:"ct"`
}

type keyringAnswer struct {
	Body struct {
		Directory directoryBody `json:"directory"`
		MemberKey struct {
			Wrapped seal.Bytes `json:"wrapped"`
			Method  string     `json:"method"`
		} `json:"member_key"`
		Vouch seal.Bytes   `json:"vouch"`
		Keys  []wrappedKey `json:"keys"`
	}
}

func mountKeyring(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getKeys", Method: http.MethodGet, Path: "/api/v1/keys",
		Summary: "The practice's signed key directory",
	}, func(ctx context.Context, _ *none) (*directoryAnswer, error) {
		document, signature, err := v.Keyring.Directory(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		return &directoryAnswer{directoryBody{document, signature}}, nil
	})
	server.Register(s, server.Operation{
		ID: "getKeyring", Method: http.MethodGet, Path: "/api/v1/keyring",
		Summary: "What unlocks the practice's bookings, as far as it is wrapped for the caller",
	}, func(ctx context.Context, _ *none) (*keyringAnswer, error) {
		r := server.From(ctx)
		account, err := v.Identity.Account(ctx, r.Session.Account)
		if err != nil {
			return nil, err
		}
		wrapped, method, err := v.Identity.MemberKey(ctx, r.Session.Account)
		if err != nil {
			return nil, err
		}
		vouch, err := v.Staff.Vouch(ctx, r.Tenant.ID, r.Session.Account)
		if err != nil {
			return nil, err
		}
		directory, wraps, err := v.Keyring.Held(ctx, r.Tenant.ID, seal.KID(account.MemberPublicKey))
		if err != nil {
			return nil, err
		}
		answer := &keyringAnswer{}
		answer.Body.Directory = directoryBody{directory.Document, directory.Signature}
		answer.Body.MemberKey.Wrapped, answer.Body.MemberKey.Method = wrapped, method
		answer.Body.Vouch = vouch
		answer.Body.Keys = make([]wrappedKey, len(wraps))
		for i, w := range wraps {
			answer.Body.Keys[i] = wrappedKey{string(w.Kind), w.Epoch, w.Holder, w.Enc, w.CT}
		}
		return answer, nil
	})
}
