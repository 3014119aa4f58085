package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/tenants/schedule"
	"siegel/web/server"
)

// WishBody is which times somebody waits for (exported since huma passes over
// embedded types that are not).
type WishBody struct {
	Service      id.Service      `json:"service"`
	Practitioner id.Practitioner `json:"practitioner,omitzero" doc:"With whom; without it anybody"`
	Weekdays     []int           `json:"weekdays,omitempty" maxItems:"7" doc:"1 (Monday) to 7; without them all"`
	Times        []string        `json:"times,omitempty" maxItems:"3" doc:"morning, afternoon, evening; without them all"`
	Notice       int             `json:"notice,omitempty" minimum:"0" maximum:"20160" doc:"How many minutes ahead they need to know"`
}

type fitBody struct {
	Condition string     `json:"condition" maxLength:"2000" doc:"A condition of the list of slots, as it stood there"`
	Quotas    []id.Quota `json:"quotas,omitempty" maxItems:"16"`
}

// JoinBody is what a place on the waiting list takes.
type JoinBody struct {
	WishBody
	Fits     []fitBody  `json:"fits,omitempty" maxItems:"20" doc:"Conditions that the patient fits; what is for everybody needs no naming"`
	Secret   seal.Bytes `json:"secret,omitempty" doc:"Of the booking's link; of the place's own by mail"`
	Channel  string     `json:"channel" enum:"mail,sms"`
	Address  string     `json:"address" maxLength:"254" doc:"Kept under the key of the last day"`
	Language string     `json:"language,omitempty" enum:"de,en"`
	Version  string     `json:"version" minLength:"1" maxLength:"40" doc:"Of the words that were agreed to"`
	Until    string     `json:"until" maxLength:"10" doc:"The last day of waiting"`
}

func (b *JoinBody) request(ctx context.Context) (booking.JoinRequest, error) {
	r := booking.JoinRequest{
		Secret: b.Secret, Channel: booking.Channel(b.Channel), Address: b.Address, Language: b.Language, Version: b.Version,
		Wish: booking.Wish{Service: b.Service, Practitioner: b.Practitioner, Weekdays: b.Weekdays, Times: b.Times, Notice: b.Notice},
	}
	for _, f := range b.Fits {
		r.Wish.Fits = append(r.Wish.Fits, booking.Fit(f))
	}
	var err error
	r.Until, err = date(ctx, "until", b.Until)
	return r, err
}

type waitRequest struct {
	Body struct {
		JoinBody
		Booking id.Booking `json:"booking_id,omitzero" doc:"One visit of several; without it the first"`
	}
}

type askPlaceRequest struct {
	Body struct {
		JoinBody
		SecretHash seal.Bytes `json:"secret_hash"`
		Proof      *proofBody `json:"proof,omitempty"`
	}
}

type askPlaceAnswer struct {
	Body struct {
		Expires time.Time `json:"expires"`
	}
}

type placeRequest struct {
	Body struct {
		Secret seal.Bytes `json:"secret"`
	}
}

type confirmPlaceRequest struct {
	Body struct {
		Secret seal.Bytes `json:"secret"`
		Code   string     `json:"code" maxLength:"64"`
	}
}

type declineOfferRequest struct {
	Body struct {
		Secret seal.Bytes `json:"secret"`
		Offer  id.Offer   `json:"offer"`
	}
}

type offerBody struct {
	Offer        id.Offer          `json:"offer"`
	Service      id.Service        `json:"service"`
	Practitioner namedPractitioner `json:"practitioner"`
	Location     id.Location       `json:"location"`
	Starts       time.Time         `json:"starts"`
	Ends         time.Time         `json:"ends"`
	Zone         string            `json:"zone"`
	Expires      time.Time         `json:"expires"`
	Free         bool              `json:"free" doc:"Nobody has taken it yet"`
	Quotas       []id.Quota        `json:"quotas,omitempty"`
}

type placeAnswer struct {
	Body struct {
		Waiting bool          `json:"waiting"`
		Booking id.Booking    `json:"booking_id,omitzero" doc:"What is to become an earlier one; without it there is none yet"`
		Channel string        `json:"channel,omitempty" enum:"mail,sms"`
		Until   schedule.Date `json:"until,omitempty"`
		Wish    *WishBody     `json:"wish,omitempty"`
		Offer   *offerBody    `json:"offer,omitempty"`
	}
}

// WaitingSettings is how times are offered to those who wait.
type WaitingSettings struct {
	Off     []id.Service `json:"off" maxItems:"500" doc:"Services that nobody can wait for"`
	AtOnce  int          `json:"at_once" minimum:"1" maximum:"10" doc:"How many are offered one time at once"`
	Minutes int          `json:"minutes" minimum:"5" maximum:"1440" doc:"How long an offer stands"`
}

type waitingSettingsRequest struct{ Body WaitingSettings }

type waitingAnswer struct {
	Body struct {
		WaitingSettings
		Queues []queueBody `json:"queues"`
	}
}

type queueBody struct {
	Service id.Service `json:"service"`
	Waiting int        `json:"waiting"`
	Offered int        `json:"offered" doc:"How many of them have an offer open"`
}

type handOfferRequest struct {
	Body struct {
		Service      id.Service      `json:"service"`
		Practitioner id.Practitioner `json:"practitioner"`
		Location     id.Location     `json:"location"`
		Starts       time.Time       `json:"starts"`
		Count        int             `json:"count" minimum:"1" maximum:"10" doc:"To how many, by the order of joining"`
	}
}

type handOfferAnswer struct {
	Body struct {
		Offered int `json:"offered"`
	}
}

func mountWaiting(s *server.Server, v Services) {
	say := func(ctx context.Context, secret []byte) (*placeAnswer, error) {
		answer := &placeAnswer{}
		tenant := server.From(ctx).Tenant.ID
		p, err := v.Waiting.State(ctx, tenant, secret)
		if errors.Is(err, booking.ErrUnknownPlace) {
			return answer, nil
		}
		if err != nil {
			return nil, err
		}
		b := &answer.Body
		b.Waiting, b.Booking, b.Channel, b.Until = true, p.Booking, string(p.Channel), p.Until
		b.Wish = &WishBody{Service: p.Wish.Service, Practitioner: p.Wish.Practitioner, Weekdays: p.Wish.Weekdays, Times: p.Wish.Times, Notice: p.Wish.Notice}
		if o := p.Offer; o != nil {
			offer, err := v.Practice.Offer(ctx, tenant)
			if err != nil {
				return nil, err
			}
			b.Offer = &offerBody{
				Offer: o.ID, Service: o.Service, Practitioner: namedPractitioner{ID: o.Practitioner}, Location: o.Location, Starts: o.Starts, Ends: o.Ends,
				Zone: offer.Practice.Zone, Expires: o.Expires, Free: o.Free, Quotas: o.Quotas,
			}
			if who, ok := offer.Practitioner(o.Practitioner); ok {
				b.Offer.Practitioner.Name = who.Name
			}
			if where, ok := offer.Location(o.Location); ok {
				b.Offer.Zone = where.Zone
			}
		}
		return answer, nil
	}
	server.Register(s, server.Operation{
		ID: "viewPlace", Method: http.MethodPost, Path: "/api/v1/waiting/view",
		Summary: "Whether the holder of a link waits, and what is offered; changes nothing",
	}, func(ctx context.Context, in *placeRequest) (*placeAnswer, error) { return say(ctx, in.Body.Secret) })
	server.Register(s, server.Operation{
		ID: "joinWaiting", Method: http.MethodPost, Path: "/api/v1/waiting",
		Summary: "Wait for an earlier time than that of a booking",
	}, func(ctx context.Context, in *waitRequest) (*placeAnswer, error) {
		if err := v.Bookable(ctx); err != nil {
			return nil, err
		}
		r, err := in.Body.request(ctx)
		if err != nil {
			return nil, err
		}
		r.Booking = in.Body.Booking
		if err := v.Waiting.Join(ctx, server.From(ctx).Tenant.ID, r); err != nil {
			return nil, err
		}
		return say(ctx, r.Secret)
	})
	server.Register(s, server.Operation{
		ID: "askForPlace", Method: http.MethodPost, Path: "/api/v1/waiting/ask", Status: http.StatusAccepted,
		Summary: "Ask for a place on the waiting list without a booking; a message asks to confirm it",
	}, func(ctx context.Context, in *askPlaceRequest) (*askPlaceAnswer, error) {
		if err := v.Bookable(ctx); err != nil {
			return nil, err
		}
		r, err := in.Body.request(ctx)
		if err != nil {
			return nil, err
		}
		r.SecretHash = in.Body.SecretHash
		answer := &askPlaceAnswer{}
		answer.Body.Expires, err = v.Waiting.Ask(ctx, server.From(ctx).Tenant.ID, r, visitor(ctx), in.Body.Proof.proof())
		return answer, err
	})
	server.Register(s, server.Operation{
		ID: "confirmPlace", Method: http.MethodPost, Path: "/api/v1/waiting/confirm",
		Summary: "Confirm a place with the code that came by the message",
	}, func(ctx context.Context, in *confirmPlaceRequest) (*placeAnswer, error) {
		err := v.Waiting.ConfirmPlace(ctx, server.From(ctx).Tenant.ID, in.Body.Secret, in.Body.Code)
		var wrong *booking.WrongCode
		if errors.As(err, &wrong) {
			p := server.ProblemOf(ctx, err)
			p.Extra = map[string]any{"tries_left": wrong.TriesLeft}
			return nil, p
		}
		if err != nil {
			return nil, err
		}
		return say(ctx, in.Body.Secret)
	})
	server.Register(s, server.Operation{
		ID: "leaveWaiting", Method: http.MethodPost, Path: "/api/v1/waiting/leave",
		Summary: "Leave the waiting list: the address goes at once",
	}, func(ctx context.Context, in *placeRequest) (*placeAnswer, error) {
		if err := v.Waiting.Leave(ctx, server.From(ctx).Tenant.ID, in.Body.Secret); err != nil {
			return nil, err
		}
		return say(ctx, in.Body.Secret)
	})
	server.Register(s, server.Operation{
		ID: "declineOffer", Method: http.MethodPost, Path: "/api/v1/waiting/decline",
		Summary: "Turn an offer down and go on waiting",
	}, func(ctx context.Context, in *declineOfferRequest) (*placeAnswer, error) {
		if err := v.Waiting.Decline(ctx, server.From(ctx).Tenant.ID, in.Body.Secret, in.Body.Offer); err != nil {
			return nil, err
		}
		return say(ctx, in.Body.Secret)
	})
	server.Register(s, server.Operation{
		ID: "getWaiting", Method: http.MethodGet, Path: "/api/v1/desk/waiting",
		Summary: "How many wait for which service, and how times are offered to them",
	}, func(ctx context.Context, _ *none) (*waitingAnswer, error) {
		tenant := server.From(ctx).Tenant.ID
		settings, err := v.Waiting.Settings(ctx, tenant)
		if err != nil {
			return nil, err
		}
		queues, err := v.Waiting.Queues(ctx, tenant)
		if err != nil {
			return nil, err
		}
		answer := &waitingAnswer{}
		answer.Body.Off, answer.Body.AtOnce, answer.Body.Minutes = append([]id.Service{}, settings.Off...), settings.AtOnce, settings.Minutes
		answer.Body.Queues = []queueBody{}
		for _, q := range queues {
			answer.Body.Queues = append(answer.Body.Queues, queueBody(q))
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "putWaiting", Method: http.MethodPut, Path: "/api/v1/desk/waiting",
		Summary: "Decide how times are offered to those who wait",
	}, func(ctx context.Context, in *waitingSettingsRequest) (*none, error) {
		return nil, v.Waiting.SetSettings(ctx, server.From(ctx).Tenant.ID, booking.WaitingSettings(in.Body))
	})
	server.Register(s, server.Operation{
		ID: "offerByHand", Method: http.MethodPost, Path: "/api/v1/desk/waiting/offers",
		Summary: "Offer a free time to the first who wait for it",
	}, func(ctx context.Context, in *handOfferRequest) (*handOfferAnswer, error) {
		answer := &handOfferAnswer{}
		var err error
		answer.Body.Offered, err = v.Waiting.Offer(ctx, server.From(ctx).Tenant.ID, booking.HandOffer(in.Body))
		return answer, err
	})
}
