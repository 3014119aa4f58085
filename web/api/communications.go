package api

import (
	"context"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/tenants/inbox"
	"siegel/web/server"
)

type waysAnswer struct {
	Body struct {
		NotWaited []id.Service `json:"not_waited" doc:"Services that nobody can wait for"`
		CallBacks bool         `json:"call_backs" doc:"Whether patients can ask to be called"`
		Topics    []string     `json:"topics" doc:"What about, in the practice's words"`
	}
}

type callBackRequest struct {
	Body struct {
		Envelope seal.Envelope `json:"envelope" doc:"Bound to its own id in the place of a booking's"`
		Proof    *proofBody    `json:"proof,omitempty"`
	}
}

type lineRequest struct {
	Body struct {
		Secret   seal.Bytes    `json:"secret"`
		Booking  id.Booking    `json:"booking_id,omitzero" doc:"One visit of several; without it the first"`
		Envelope seal.Envelope `json:"envelope" doc:"Bound to its own id in the place of a booking's"`
	}
}

type communicationBody struct {
	ID       id.Communication `json:"id"`
	Booking  id.Booking       `json:"booking_id,omitzero" doc:"Without it: a wish to be called"`
	Received time.Time        `json:"received"`
	Done     *time.Time       `json:"done,omitempty"`
	Envelope seal.Envelope    `json:"envelope"`
}

type communicationsAnswer struct {
	Body struct {
		Communications []communicationBody `json:"communications"`
	}
}

type tickRequest struct {
	Body struct {
		ID   id.Communication `json:"id"`
		Done bool             `json:"done"`
	}
}

type callBackSettings struct {
	Open   bool     `json:"open"`
	Topics []string `json:"topics" maxItems:"20"`
}

type callBackSettingsRequest struct{ Body callBackSettings }

type callBackSettingsAnswer struct{ Body callBackSettings }

// mountCommunications adds sealed words to the practice, and what patients can
// do where no time fits.
func mountCommunications(s *server.Server, v Services) {
	// word seals nothing and reads nothing: it keeps what the practice will open.
	word := func(ctx context.Context, e seal.Envelope, about id.Booking) error {
		tenant := server.From(ctx).Tenant.ID
		if err := v.Keyring.Accept(ctx, tenant, e.KID); err != nil {
			return err
		}
		var own id.Communication
		if err := own.UnmarshalText([]byte("com_" + e.EnvelopeID)); err != nil {
			return inbox.ErrWordForeign
		}
		return v.Inbox.Receive(ctx, tenant, inbox.Communication{ID: own, Booking: about, Envelope: e})
	}
	server.Register(s, server.Operation{
		ID: "getWays", Method: http.MethodGet, Path: "/api/v1/practice/ways",
		Summary: "What patients can do where no time fits: wait, or ask to be called",
	}, func(ctx context.Context, _ *none) (*waysAnswer, error) {
		tenant := server.From(ctx).Tenant.ID
		settings, err := v.Waiting.Settings(ctx, tenant)
		if err != nil {
			return nil, err
		}
		callBacks, err := v.Inbox.CallBacks(ctx, tenant)
		if err != nil {
			return nil, err
		}
		answer := &waysAnswer{}
		answer.Body.NotWaited = append([]id.Service{}, settings.Off...)
		answer.Body.CallBacks, answer.Body.Topics = callBacks.Open, append([]string{}, callBacks.Topics...)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "askForCall", Method: http.MethodPost, Path: "/api/v1/call-backs", Status: http.StatusNoContent,
		Summary: "Ask to be called; who and what about is sealed",
	}, func(ctx context.Context, in *callBackRequest) (*none, error) {
		if err := bookable(ctx); err != nil {
			return nil, err
		}
		proven, err := v.Booking.Worked(ctx, server.From(ctx).Tenant.ID, visitor(ctx), in.Body.Proof.proof())
		if err != nil {
			return nil, err
		}
		if !proven {
			return nil, booking.ErrProofRequired
		}
		return nil, word(ctx, in.Body.Envelope, id.Booking{})
	})
	server.Register(s, server.Operation{
		ID: "writeLine", Method: http.MethodPost, Path: "/api/v1/bookings/line", Status: http.StatusNoContent,
		Summary: "Write the practice a sealed line about a booking, by its link",
	}, func(ctx context.Context, in *lineRequest) (*none, error) {
		b, err := v.Booking.View(ctx, server.From(ctx).Tenant.ID, in.Body.Secret)
		if err != nil {
			return nil, err
		}
		for _, visit := range b.Visits() {
			if in.Body.Booking.IsZero() || visit.Booking == in.Body.Booking {
				return nil, word(ctx, in.Body.Envelope, visit.Booking)
			}
		}
		return nil, booking.ErrUnknownBooking
	})
	server.Register(s, server.Operation{
		ID: "listCommunications", Method: http.MethodGet, Path: "/api/v1/desk/communications",
		Summary: "Sealed words from patients: what waits first, then what was ticked off",
	}, func(ctx context.Context, _ *none) (*communicationsAnswer, error) {
		all, err := v.Inbox.Communications(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &communicationsAnswer{}
		answer.Body.Communications = []communicationBody{}
		for _, c := range all {
			said := communicationBody{ID: c.ID, Booking: c.Booking, Received: c.Received, Envelope: c.Envelope}
			if !c.Done.IsZero() {
				said.Done = &c.Done
			}
			answer.Body.Communications = append(answer.Body.Communications, said)
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "tickCommunication", Method: http.MethodPost, Path: "/api/v1/desk/communications/tick", Status: http.StatusNoContent,
		Summary: "Tick a word off, or not after all",
	}, func(ctx context.Context, in *tickRequest) (*none, error) {
		return nil, v.Inbox.Tick(ctx, server.From(ctx).Tenant.ID, in.Body.ID, in.Body.Done)
	})
	server.Register(s, server.Operation{
		ID: "getCallBacks", Method: http.MethodGet, Path: "/api/v1/desk/call-backs",
		Summary: "Whether patients can ask to be called, and what about",
	}, func(ctx context.Context, _ *none) (*callBackSettingsAnswer, error) {
		c, err := v.Inbox.CallBacks(ctx, server.From(ctx).Tenant.ID)
		return &callBackSettingsAnswer{callBackSettings{c.Open, append([]string{}, c.Topics...)}}, err
	})
	server.Register(s, server.Operation{
		ID: "putCallBacks", Method: http.MethodPut, Path: "/api/v1/desk/call-backs",
		Summary: "Decide whether patients can ask to be called, and what about",
	}, func(ctx context.Context, in *callBackSettingsRequest) (*callBackSettingsAnswer, error) {
		if err := v.Inbox.SetCallBacks(ctx, server.From(ctx).Tenant.ID, inbox.CallBacks(in.Body)); err != nil {
			return nil, err
		}
		return &callBackSettingsAnswer{in.Body}, nil
	})
}
