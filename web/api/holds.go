package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/web/server"
)

type holdRequest struct {
	Key     string `header:"Idempotency-Key"`
	RawBody []byte
	Body    struct {
		Token seal.Bytes `json:"token"`
		HoldItem
		// Items is for several slots, instead of the one that stands outside.
		Items []HoldItem `json:"items,omitempty" maxItems:"12"`
		Proof *proofBody `json:"proof,omitempty"`
	}
}

// HoldItem is one slot to hold.
type HoldItem struct {
	Service      id.Service      `json:"service,omitzero"`
	Practitioner id.Practitioner `json:"practitioner,omitzero"`
	Location     id.Location     `json:"location,omitzero"`
	Starts       time.Time       `json:"starts,omitzero"`
	Quotas       []id.Quota      `json:"quotas,omitempty" maxItems:"16"`
}

// items are the slots asked for: those listed, or the one that is not.
func (in *holdRequest) items() ([]booking.HoldItem, error) {
	listed := in.Body.Items
	single := in.Body.HoldItem
	alone := !single.Service.IsZero() || !single.Practitioner.IsZero() || !single.Location.IsZero() || !single.Starts.IsZero() || single.Quotas != nil
	if alone && listed != nil {
		return nil, booking.ErrMalformedItems
	}
	if alone {
		listed = []HoldItem{single}
	}
	items := make([]booking.HoldItem, len(listed))
	for i, x := range listed {
		if x.Service.IsZero() || x.Practitioner.IsZero() || x.Location.IsZero() || x.Starts.IsZero() {
			return nil, booking.ErrMalformedItems
		}
		items[i] = booking.HoldItem(x)
	}
	if len(items) == 0 {
		return nil, booking.ErrMalformedItems
	}
	return items, nil
}

// proofBody is a payload of ALTCHA's protocol.
type proofBody struct {
	Algorithm string `json:"algorithm" maxLength:"16"`
	Challenge string `json:"challenge" maxLength:"64"`
	Number    int    `json:"number" minimum:"0"`
	Salt      string `json:"salt" maxLength:"200"`
	Signature string `json:"signature" maxLength:"64"`
}

func (p *proofBody) proof() *booking.Proof {
	if p == nil {
		return nil
	}
	return &booking.Proof{Algorithm: p.Algorithm, Challenge: p.Challenge, Salt: p.Salt, Signature: p.Signature, Number: p.Number}
}

type tokenRequest struct {
	Body struct {
		Token seal.Bytes `json:"token"`
	}
}

type holdBody struct {
	Hold id.Hold `json:"hold"`
	HeldItem
	Expires        time.Time `json:"expires"`
	ExtensionsLeft int       `json:"extensions_left"`
	// Items are all slots of the hold; the first one stands outside as well.
	Items []HeldItem `json:"items"`
}

// HeldItem is one slot that is held.
type HeldItem struct {
	Booking id.Booking `json:"booking_id"`
	Starts  time.Time  `json:"starts"`
	Ends    time.Time  `json:"ends"`
}

type holdAnswer struct{ Body holdBody }

func sayHold(h booking.Hold) *holdAnswer {
	body := holdBody{Hold: h.ID, Expires: h.Expires, ExtensionsLeft: h.ExtensionsLeft}
	for _, i := range h.Items {
		body.Items = append(body.Items, HeldItem(i))
	}
	body.HeldItem = body.Items[0]
	return &holdAnswer{body}
}

type challengeRequest struct {
	Hold string `query:"hold" maxLength:"64"`
	For  string `query:"for" enum:"word" doc:"A word to the practice: a place on its waiting list, the wish to be called, a line"`
}

type challengeAnswer struct {
	Body struct {
		Algorithm string `json:"algorithm"`
		Challenge string `json:"challenge"`
		MaxNumber int    `json:"maxnumber"`
		Salt      string `json:"salt"`
		Signature string `json:"signature"`
	}
}

type alternative struct {
	Starts       time.Time       `json:"starts"`
	Practitioner id.Practitioner `json:"practitioner"`
	Location     id.Location     `json:"location"`
}

func mountHolds(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "holdSlot", Method: http.MethodPost, Path: "/api/v1/holds", Status: http.StatusCreated, Once: true,
		Summary: "Take a slot out of sale while the form is filled in",
	}, func(ctx context.Context, in *holdRequest) (*holdAnswer, error) {
		if err := v.Bookable(ctx); err != nil {
			return nil, err
		}
		tenant := server.From(ctx).Tenant.ID
		items, err := in.items()
		if err != nil {
			return nil, err
		}
		h, err := v.Booking.Hold(ctx, tenant, booking.HoldRequest{
			Token: in.Body.Token, Items: items, Proof: in.Body.Proof.proof(),
		}, visitor(ctx), once(in.Key, "hold", in.RawBody))
		if errors.Is(err, booking.ErrSlotTaken) {
			return nil, taken(ctx, v, err, items[0].Service, items[0].Starts)
		}
		if err != nil {
			return nil, err
		}
		return sayHold(h), nil
	})
	server.Register(s, server.Operation{
		ID: "extendHold", Method: http.MethodPost, Path: "/api/v1/holds/extend",
		Summary: "More time for the form, at most twice",
	}, func(ctx context.Context, in *tokenRequest) (*holdAnswer, error) {
		h, err := v.Booking.Extend(ctx, server.From(ctx).Tenant.ID, in.Body.Token)
		if err != nil {
			return nil, err
		}
		return sayHold(h), nil
	})
	server.Register(s, server.Operation{
		ID: "releaseHold", Method: http.MethodPost, Path: "/api/v1/holds/release", Status: http.StatusNoContent,
		Summary: "Give a held slot back",
	}, func(ctx context.Context, in *tokenRequest) (*none, error) {
		return nil, v.Booking.Release(ctx, server.From(ctx).Tenant.ID, in.Body.Token)
	})
	server.Register(s, server.Operation{
		ID: "getChallenge", Method: http.MethodGet, Path: "/api/v1/challenge",
		Summary: "A proof of work (ALTCHA) to solve before a text message, a word to the practice, or holding yet another slot",
	}, func(ctx context.Context, in *challengeRequest) (*challengeAnswer, error) {
		var hold id.Hold
		if in.Hold != "" {
			if err := hold.UnmarshalText([]byte(in.Hold)); err != nil {
				return nil, err
			}
		}
		tenant := server.From(ctx).Tenant.ID
		var c booking.Challenge
		if in.For != "" {
			c = v.Booking.WordChallenge(tenant, visitor(ctx))
		} else {
			var err error
			if c, err = v.Booking.Challenge(ctx, tenant, hold, visitor(ctx)); err != nil {
				return nil, err
			}
		}
		answer := &challengeAnswer{}
		answer.Body.Algorithm, answer.Body.Challenge, answer.Body.MaxNumber = c.Algorithm, c.Challenge, c.MaxNumber
		answer.Body.Salt, answer.Body.Signature = c.Salt, c.Signature
		return answer, nil
	})
}

// taken adds what else is free to the news that a slot is gone.
func taken(ctx context.Context, v Services, err error, service id.Service, starts time.Time) error {
	p := server.ProblemOf(ctx, err)
	alternatives := []alternative{}
	for _, a := range v.Booking.Alternatives(ctx, server.From(ctx).Tenant.ID, service, starts, 3) {
		alternatives = append(alternatives, alternative(a))
	}
	p.Extra = map[string]any{"alternatives": alternatives}
	return p
}

func visitor(ctx context.Context) booking.Visitor {
	r := server.From(ctx)
	return booking.Visitor{Browser: r.Visit, Address: r.Client}
}

func once(key, operation string, body []byte) booking.Once {
	return booking.Once{Key: key, Request: server.RequestHash(key, operation, body)}
}
