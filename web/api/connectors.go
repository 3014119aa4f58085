package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/release"
	"siegel/platform/seal"
	"siegel/tenants/inbox"
	"siegel/tenants/keyring"
	"siegel/tenants/onboarding"
	"siegel/web/server"
)

// How often a network, and everybody together, may try a practice's code for
// pairing: its 40 bits live a quarter of an hour.
const (
	claimsPerClient = 10
	claimsPerTenant = 60
)

// takeLimit is the longest list of acknowledgements; longestWait stays below the
// time that any request may take.
const (
	takeLimit   = 256 << 10
	longestWait = 8
	lookEvery   = 500 * time.Millisecond
)

type connectorBody struct {
	ID          id.Connector `json:"id"`
	Name        string       `json:"name"`
	State       string       `json:"state" enum:"code,compare,active" doc:"Waits for its code; waits for the words to be compared; has keys"`
	Created     time.Time    `json:"created"`
	CodeExpires time.Time    `json:"code_expires"`
	Seen        time.Time    `json:"seen,omitzero"`
	Public      seal.Bytes   `json:"public,omitempty" doc:"Its key, once it has typed its code"`
	Waiting     int          `json:"waiting" doc:"Bookings that it has yet to take"`
	Oldest      time.Time    `json:"oldest,omitzero"`
}

type connectorAnswer struct {
	Body struct {
		Mode      string         `json:"mode" enum:"book,forward"`
		Connector *connectorBody `json:"connector"`
	}
}

type pairRequest struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"80"`
	}
}

type pairAnswer struct {
	Body struct {
		Code      string        `json:"code" doc:"For the connector; nobody can read it again"`
		Connector connectorBody `json:"connector"`
	}
}

type modeRequest struct {
	Body struct {
		Mode string `json:"mode" enum:"book,forward"`
	}
}

type revokeRequest struct {
	ID   id.Connector `path:"id"`
	Body struct {
		Keyring *keysBody `json:"keyring,omitempty" doc:"The next directory, without it and with new keys begun, where it is listed"`
	}
}

type claimRequest struct {
	Body struct {
		Code   string     `json:"code" maxLength:"20"`
		Public seal.Bytes `json:"public" maxLength:"2000"`
	}
}

type claimAnswer struct {
	Body struct {
		Connector id.Connector   `json:"connector"`
		Tenant    id.Tenant      `json:"tenant"`
		Token     string         `json:"token"`
		Directory *directoryBody `json:"directory"`
	}
}

type connectorKeysAnswer struct {
	Body struct {
		Directory *directoryBody `json:"directory" doc:"Null where the practice has made no keys yet"`
		Keys      []wrappedKey   `json:"keys"`
	}
}

type takeRequest struct {
	Body struct {
		Handed []handedBody `json:"handed" maxItems:"1000"`
		After  int64        `json:"after" minimum:"0" doc:"Only what is newer: for whoever has more under way"`
		Limit  int          `json:"limit" minimum:"0" maximum:"500"`
		Wait   int          `json:"wait" minimum:"0" maximum:"8" doc:"Seconds to wait for something where there is nothing"`
	}
}

type handedBody struct {
	Booking id.Booking `json:"booking_id"`
	Version int64      `json:"version"`
	Keep    bool       `json:"keep,omitempty" doc:"It did not open: keep it for the practice to look at"`
}

type dueBody struct {
	Booking      id.Booking      `json:"booking_id"`
	Version      int64           `json:"version"`
	Appointment  id.Appointment  `json:"appointment"`
	Status       string          `json:"status"`
	Source       string          `json:"source"`
	Practitioner id.Practitioner `json:"practitioner"`
	Location     id.Location     `json:"location"`
	Starts       time.Time       `json:"starts"`
	Ends         time.Time       `json:"ends"`
	First        time.Time       `json:"first_starts,omitzero"`
	Envelope     *seal.Envelope  `json:"envelope"`
	Card         *cardBody       `json:"card"`
}

type takeAnswer struct {
	Body struct {
		Mode    string    `json:"mode" enum:"book,forward"`
		Due     []dueBody `json:"due"`
		Version string    `json:"server_version,omitempty" doc:"The server's own: a connector that is older can say so"`
	}
}

func mountConnectors(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getConnector", Method: http.MethodGet, Path: "/api/v1/connectors",
		Summary: "Where opened bookings live, and the program in the practice that takes them",
	}, func(ctx context.Context, _ *none) (*connectorAnswer, error) {
		return v.connector(ctx)
	})
	server.Register(s, server.Operation{
		ID: "pairConnector", Method: http.MethodPost, Path: "/api/v1/connectors", Status: http.StatusCreated, Proven: true,
		Summary: "Begin to pair a connector",
	}, func(ctx context.Context, in *pairRequest) (*pairAnswer, error) {
		r := server.From(ctx)
		code, c, err := v.Onboarding.PairConnector(ctx, r.Tenant.ID, r.Session.Account, in.Body.Name)
		if err != nil {
			return nil, err
		}
		answer := &pairAnswer{}
		answer.Body.Code, answer.Body.Connector = code, sayConnector(c, keyring.Holding{})
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "revokeConnector", Method: http.MethodPost, Path: "/api/v1/connectors/{id}/revoke", Proven: true, Body: keysLimit,
		Summary: "End a connector: its token, its keys, and forwarding to it",
	}, func(ctx context.Context, in *revokeRequest) (*connectorAnswer, error) {
		if err := v.Onboarding.RevokeConnector(ctx, v.Tokens, server.From(ctx).Tenant.ID, in.ID, in.Body.Keyring.next()); err != nil {
			return nil, err
		}
		return v.connector(ctx)
	})
	server.Register(s, server.Operation{
		ID: "putMode", Method: http.MethodPut, Path: "/api/v1/connectors/mode", Proven: true,
		Summary: "Where opened bookings live from now on",
	}, func(ctx context.Context, in *modeRequest) (*connectorAnswer, error) {
		tenant := server.From(ctx).Tenant.ID
		if in.Body.Mode == string(inbox.Forward) {
			// Paired is not enough: nobody but a listed holder opens anything.
			c, err := v.Onboarding.Connector(ctx, tenant)
			held, heldErr := v.Keyring.Holding(ctx, tenant)
			if err != nil || heldErr != nil || !held.Connector(c.ID) {
				return nil, inbox.ErrNoConnector.Because(errors.Join(err, heldErr))
			}
		}
		if err := v.Inbox.SetMode(ctx, tenant, inbox.Mode(in.Body.Mode)); err != nil {
			return nil, err
		}
		return v.connector(ctx)
	})
	mountConnectorsOwn(s, v)
}

// mountConnectorsOwn adds what the connector itself asks.
func mountConnectorsOwn(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "claimConnector", Method: http.MethodPost, Path: "/api/v1/connector/claim", Status: http.StatusCreated,
		Summary: "For a connector: show the code and the key, get a token",
	}, func(ctx context.Context, in *claimRequest) (*claimAnswer, error) {
		r := server.From(ctx)
		if !s.Few(ctx, claimsPerClient, time.Minute, "claim", r.Client.String()) || !s.Few(ctx, claimsPerTenant, onboarding.ConnectorCodeLife, "claim-tenant", r.Tenant.ID.UUID()) {
			return nil, server.ErrTooManyRequests.After(time.Minute)
		}
		c, token, err := v.Onboarding.ClaimConnector(ctx, v.Tokens, r.Tenant.ID, in.Body.Code, in.Body.Public)
		if err != nil {
			return nil, err
		}
		answer := &claimAnswer{}
		answer.Body.Connector, answer.Body.Tenant, answer.Body.Token = c, r.Tenant.ID, token
		document, signature, err := v.Keyring.Directory(ctx, r.Tenant.ID)
		if err != nil && !errors.Is(err, keyring.ErrNoKeys) {
			return nil, err
		}
		if err == nil {
			answer.Body.Directory = &directoryBody{document, signature}
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "getConnectorWraps", Method: http.MethodGet, Path: "/api/v1/connector/keyring",
		Summary: "For a connector: the directory, and what is wrapped for it",
	}, func(ctx context.Context, _ *none) (*connectorKeysAnswer, error) {
		r := server.From(ctx)
		_, public, err := v.Onboarding.ConnectorOf(ctx, r.Tenant.ID, r.Token.ID)
		if err != nil {
			return nil, err
		}
		if err := v.Tokens.Renew(ctx, r.Tenant.ID, r.Token); err != nil {
			return nil, err
		}
		answer := &connectorKeysAnswer{}
		answer.Body.Keys = []wrappedKey{}
		directory, held, err := v.Keyring.Held(ctx, r.Tenant.ID, seal.KID(public))
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
	})
	server.Register(s, server.Operation{
		ID: "takeDue", Method: http.MethodPost, Path: "/api/v1/connector/take", Body: takeLimit,
		Summary: "For a connector: acknowledge what is durable there, and get what is due",
	}, func(ctx context.Context, in *takeRequest) (*takeAnswer, error) {
		r := server.From(ctx)
		if _, _, err := v.Onboarding.ConnectorOf(ctx, r.Tenant.ID, r.Token.ID); err != nil {
			return nil, err
		}
		handed := each(in.Body.Handed, func(h handedBody) inbox.Handed {
			return inbox.Handed{Booking: h.Booking, Version: h.Version, Keep: h.Keep}
		})
		if err := v.Inbox.HandedOver(ctx, r.Tenant.ID, handed); err != nil {
			return nil, err
		}
		due, err := v.due(ctx, r.Tenant.ID, in.Body.After, in.Body.Limit, time.Duration(min(in.Body.Wait, longestWait))*time.Second)
		if err != nil {
			return nil, err
		}
		mode, err := v.Inbox.Mode(ctx, r.Tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &takeAnswer{}
		answer.Body.Mode, answer.Body.Due, answer.Body.Version = string(mode), each(due, sayDue), release.Own()
		return answer, nil
	})
}

// due waits a while for something to be due.
func (v Services) due(ctx context.Context, tenant id.Tenant, after int64, limit int, wait time.Duration) ([]inbox.Due, error) {
	if limit == 0 {
		return nil, nil
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for until := time.Now().Add(wait); ; {
		due, err := v.Inbox.Due(ctx, tenant, after, limit)
		if err != nil || len(due) > 0 || !time.Now().Before(until) {
			return due, err
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-look.C:
		}
	}
}

func (v Services) connector(ctx context.Context) (*connectorAnswer, error) {
	tenant := server.From(ctx).Tenant.ID
	answer := &connectorAnswer{}
	mode, err := v.Inbox.Mode(ctx, tenant)
	if err != nil {
		return nil, err
	}
	answer.Body.Mode = string(mode)
	c, err := v.Onboarding.Connector(ctx, tenant)
	if errors.Is(err, onboarding.ErrUnknownConnector) {
		return answer, nil
	}
	if err != nil {
		return nil, err
	}
	held, err := v.Keyring.Holding(ctx, tenant)
	if err != nil && !errors.Is(err, keyring.ErrNoKeys) {
		return nil, err
	}
	body := sayConnector(c, held)
	answer.Body.Connector = &body
	return answer, nil
}

func sayConnector(c onboarding.Connector, held keyring.Holding) connectorBody {
	state := "code"
	switch {
	case held.Connector(c.ID):
		state = "active"
	case !c.Claimed.IsZero():
		state = "compare"
	}
	return connectorBody{ID: c.ID, Name: c.Name, State: state, Created: c.Created, CodeExpires: c.CodeExpires, Seen: c.Seen,
		Public: c.Public, Waiting: c.Waiting, Oldest: c.Oldest}
}

func sayDue(d inbox.Due) dueBody {
	body := dueBody{Booking: d.Booking, Version: d.Version, Appointment: d.Appointment, Status: d.Status, Source: d.Source,
		Practitioner: d.Practitioner, Location: d.Location, Starts: d.Starts, Ends: d.Ends, First: d.First, Envelope: d.Envelope}
	if d.Card != nil {
		body.Card = &cardBody{d.Card.Version, d.Card.Epoch, d.Card.Ciphertext}
	}
	return body
}
