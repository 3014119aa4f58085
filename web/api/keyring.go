package api

import (
	"context"
	"errors"
	"net/http"

	"siegel/platform/id"
	"siegel/platform/identity"
	"siegel/platform/seal"
	"siegel/tenants/keyring"
	"siegel/web/server"
)

type directoryBody struct {
	Document  seal.Bytes `json:"document"`
	Signature seal.Bytes `json:"signature"`
}

type directoryAnswer struct{ Body directoryBody }

type wrappedKey struct {
	Kind   string     `json:"kind" words:"identity,data,book"`
	Epoch  int        `json:"epoch"`
	Holder string     `json:"holder"`
	Enc    seal.Bytes `json:"enc"`
	CT     seal.Bytes `json:"ct"`
}

type keyringAnswer struct {
	Body struct {
		Directory *directoryBody `json:"directory" doc:"Null where the practice has made no keys yet"`
		MemberKey struct {
			Wrapped seal.Bytes `json:"wrapped"`
			Method  string     `json:"method" enum:"password"`
		} `json:"member_key"`
		MemberPublic seal.Bytes   `json:"member_public"`
		Vouch        seal.Bytes   `json:"vouch"`
		Keys         []wrappedKey `json:"keys"`
	}
}

type firstKeysRequest struct {
	Body struct {
		Directory directoryBody `json:"directory"`
		Keys      []wrappedKey  `json:"keys"`
		Vouch     seal.Bytes    `json:"vouch"`
	}
}

type nextKeysRequest struct {
	Body struct {
		Directory      directoryBody `json:"directory"`
		Keys           []wrappedKey  `json:"keys"`
		Vouch          seal.Bytes    `json:"vouch,omitempty" doc:"The signer's own, after a recovery"`
		RecoveryProven bool          `json:"recovery_proven,omitempty" doc:"A new recovery code was typed back already"`
	}
}

type vouchRequest struct {
	Body struct {
		Vouch seal.Bytes `json:"vouch"`
	}
}

type emptyRequest struct{ Body none }

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
		return v.keyring(ctx, account.ID, account.MemberPublicKey, seal.KID(account.MemberPublicKey))
	})
	server.Register(s, server.Operation{
		ID: "getRecoveryKeyring", Method: http.MethodGet, Path: "/api/v1/keyring/recovery", Proven: true,
		Summary: "What is wrapped for the recovery code",
	}, func(ctx context.Context, _ *none) (*keyringAnswer, error) {
		r := server.From(ctx)
		document, signature, err := v.Keyring.Directory(ctx, r.Tenant.ID)
		if err != nil {
			return nil, err
		}
		d, err := seal.ParseDirectory(document, signature)
		if err != nil {
			return nil, err
		}
		account, err := v.Identity.Account(ctx, r.Session.Account)
		if err != nil {
			return nil, err
		}
		return v.keyring(ctx, account.ID, account.MemberPublicKey, d.Recovery.KID)
	})
	server.Register(s, server.Operation{
		ID: "makeKeyring", Method: http.MethodPost, Path: "/api/v1/keyring", Status: http.StatusNoContent, Proven: true, Body: keysLimit,
		Summary: "The practice's first keys, as its first owner's browser made them",
	}, func(ctx context.Context, in *firstKeysRequest) (*none, error) {
		r := server.From(ctx)
		return nil, v.Onboarding.FirstKeys(ctx, r.Tenant.ID, r.Session.Account, keyring.First{
			Directory: seal.Signed{Document: in.Body.Directory.Document, Signature: in.Body.Directory.Signature}, Wraps: wraps(in.Body.Keys),
		}, in.Body.Vouch)
	})
	server.Register(s, server.Operation{
		ID: "nextKeyring", Method: http.MethodPut, Path: "/api/v1/keyring", Status: http.StatusNoContent, Body: keysLimit,
		Summary: "The next signed directory, with the wraps that it calls for",
	}, func(ctx context.Context, in *nextKeysRequest) (*none, error) {
		r := server.From(ctx)
		return nil, v.Onboarding.NextKeys(ctx, r.Tenant.ID, r.Session.Account, keyring.Next{
			Directory: seal.Signed{Document: in.Body.Directory.Document, Signature: in.Body.Directory.Signature}, Wraps: wraps(in.Body.Keys),
			RecoveryProven: in.Body.RecoveryProven,
		}, in.Body.Vouch)
	})
	server.Register(s, server.Operation{
		ID: "proveRecovery", Method: http.MethodPost, Path: "/api/v1/keyring/recovery/proven", Status: http.StatusNoContent,
		Summary: "The printed recovery code was typed back",
	}, func(ctx context.Context, _ *emptyRequest) (*none, error) {
		return nil, v.Keyring.ProveRecovery(ctx, server.From(ctx).Tenant.ID)
	})
	server.Register(s, server.Operation{
		ID: "putVouch", Method: http.MethodPut, Path: "/api/v1/keyring/vouch", Status: http.StatusNoContent,
		Summary: "The caller's own word for the practice's identity, once the six words were compared",
	}, func(ctx context.Context, in *vouchRequest) (*none, error) {
		r := server.From(ctx)
		return nil, v.Staff.SetVouch(ctx, r.Tenant.ID, r.Session.Account, in.Body.Vouch)
	})
}

// keyring is what the account's member key, and what the holder's wraps open.
func (v Services) keyring(ctx context.Context, account id.Account, public []byte, holder string) (*keyringAnswer, error) {
	tenant := server.From(ctx).Tenant.ID
	answer := &keyringAnswer{}
	wrapped, method, err := v.Identity.MemberKey(ctx, account)
	if err != nil && !errors.Is(err, identity.ErrUnknownAccount) {
		return nil, err
	}
	answer.Body.MemberKey.Wrapped, answer.Body.MemberKey.Method = wrapped, method
	answer.Body.MemberPublic = public
	if answer.Body.Vouch, err = v.Staff.Vouch(ctx, tenant, account); err != nil {
		return nil, err
	}
	answer.Body.Keys = []wrappedKey{}
	directory, held, err := v.Keyring.Held(ctx, tenant, holder)
	if errors.Is(err, keyring.ErrNoKeys) {
		return answer, nil
	}
	if err != nil {
		return nil, err
	}
	answer.Body.Directory = &directoryBody{directory.Document, directory.Signature}
	for _, w := range held {
		answer.Body.Keys = append(answer.Body.Keys, wrappedKey{string(w.Kind), w.Epoch, w.Holder, w.Enc, w.CT})
	}
	return answer, nil
}

func wraps(keys []wrappedKey) []seal.Wrap {
	all := make([]seal.Wrap, len(keys))
	for i, k := range keys {
		all[i] = seal.Wrap{Kind: seal.Kind(k.Kind), Epoch: k.Epoch, Holder: k.Holder, Enc: k.Enc, CT: k.CT}
	}
	return all
}
