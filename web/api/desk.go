package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/tenants/practice"
	"siegel/web/server"
)

// DeskTime is a time that staff gives away (exported since huma passes over
// embedded types that are not).
type DeskTime struct {
	Service      id.Service      `json:"service"`
	Practitioner id.Practitioner `json:"practitioner"`
	Location     id.Location     `json:"location"`
	Starts       time.Time       `json:"starts"`
	Ends         time.Time       `json:"ends,omitzero" doc:"Without it as long as the service takes"`
	Quotas       []id.Quota      `json:"quotas,omitempty" maxItems:"20"`
	Override     string          `json:"override,omitempty" enum:"urgent,agreed,other" doc:"Why the rules are set aside"`
	Overflow     bool            `json:"overflow,omitempty" doc:"Beyond the capacity, on a unit that the owner allows for it"`
	OverHold     bool            `json:"over_hold,omitempty" doc:"Although a patient is just booking the time"`
}

func (t DeskTime) time() booking.DeskTime {
	return booking.DeskTime{
		Service: t.Service, Practitioner: t.Practitioner, Location: t.Location, Starts: t.Starts, Ends: t.Ends,
		Quotas: t.Quotas, Override: t.Override, Overflow: t.Overflow, OverHold: t.OverHold,
	}
}

type deskBookRequest struct {
	Body struct {
		DeskTime
		Booking    id.Booking `json:"booking_id" doc:"Made by the desk: the card is bound to it"`
		Epoch      int        `json:"epoch" minimum:"1"`
		Ciphertext seal.Bytes `json:"ciphertext" doc:"The first card, under the book key of the epoch"`
		SecretHash seal.Bytes `json:"secret_hash,omitempty" doc:"With copy: gives the patient a link"`
		Copy       seal.Bytes `json:"copy,omitempty"`
		Test       bool       `json:"test,omitempty" doc:"Of nobody: counted nowhere, and nothing is sent"`
	}
}

type deskMoveRequest struct {
	ID   string `path:"id" maxLength:"64"`
	Body DeskTime
}

// DeskMove is an appointment and its new time (exported since huma passes over
// embedded types that are not).
type DeskMove struct {
	Appointment id.Appointment `json:"appointment"`
	DeskTime
}

type deskMovesRequest struct {
	Body struct {
		Moves []DeskMove `json:"moves" minItems:"1" maxItems:"12"`
	}
}

type appointmentsMadeAnswer struct {
	Body struct {
		Appointments []id.Appointment `json:"appointments" doc:"What they are now, in the same order"`
	}
}

type appointmentAnswer struct {
	Body struct {
		Appointment id.Appointment `json:"appointment"`
	}
}

type statusRequest struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Status  string `json:"status" enum:"booked,arrived,checked-in,fulfilled,noshow,cancelled,entered-in-error"`
		Excused bool   `json:"excused,omitempty" doc:"Of noshow: they had called"`
		Reason  string `json:"reason,omitempty" enum:"ill,absent,asked,double,other" doc:"Of cancelled"`
	}
}

type tellRequest struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Channel  string `json:"channel" enum:"mail,sms"`
		Address  string `json:"address" maxLength:"254" doc:"Taken out of the opened booking; kept sealed until the message has left, an hour at most"`
		Other    string `json:"other,omitempty" maxLength:"254" doc:"Where it goes by the other channel, should this one fail"`
		Language string `json:"language,omitempty" enum:"de,en"`
		Once     bool   `json:"once,omitempty" doc:"Only where a request has lapsed and nobody has told its patient yet; else already_told"`
	}
}

type tellAnswer struct {
	Body struct {
		Message id.Message `json:"message"`
	}
}

type historyRequest struct {
	ID string `path:"id" maxLength:"64"`
}

type chapterBody struct {
	Appointment  id.Appointment  `json:"appointment"`
	Status       string          `json:"status"`
	Source       string          `json:"source"`
	Practitioner id.Practitioner `json:"practitioner"`
	Location     id.Location     `json:"location"`
	Starts       time.Time       `json:"starts"`
	Ends         time.Time       `json:"ends"`
	Made         time.Time       `json:"made"`
	CancelledBy  string          `json:"cancelled_by,omitempty" enum:"patient,practice,moved,lapsed"`
	CancelReason string          `json:"cancel_reason,omitempty"`
	Overridden   string          `json:"overridden,omitempty"`
}

type historyAnswer struct {
	Body struct {
		History []chapterBody `json:"history"`
	}
}

// mountDesk adds what the front desk does with appointments.
func mountDesk(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listDeskSlots", Method: http.MethodGet, Path: "/api/v1/desk/slots",
		Summary: "Free slots as staff sees them: its own windows too, without lead, horizon and release",
		Writes:  practice.SlotListJSON{},
	}, func(ctx context.Context, in *slotsQuery) (*slotsAnswer, error) {
		q, err := in.query(ctx)
		if err != nil {
			return nil, err
		}
		q.Staff = true
		list, err := v.Booking.Find(ctx, server.From(ctx).Tenant.ID, q)
		if err != nil {
			return nil, err
		}
		return &slotsAnswer{Status: http.StatusOK, ContentType: "application/json", Body: appendList(list)}, nil
	})
	server.Register(s, server.Operation{
		ID: "bookAtDesk", Method: http.MethodPost, Path: "/api/v1/appointments", Status: http.StatusCreated,
		Summary: "Make an appointment that counts at once",
	}, func(ctx context.Context, in *deskBookRequest) (*appointmentAnswer, error) {
		b := &in.Body
		made, err := v.Booking.BookAtDesk(ctx, server.From(ctx).Tenant.ID, booking.DeskBooking{
			DeskTime: b.time(), Booking: b.Booking, Epoch: b.Epoch, Card: b.Ciphertext, SecretHash: b.SecretHash, Copy: b.Copy, Test: b.Test,
		})
		return sayAppointment(ctx, made, err)
	})
	server.Register(s, server.Operation{
		ID: "moveAtDesk", Method: http.MethodPost, Path: "/api/v1/appointments/{id}/move",
		Summary: "Move an appointment, or make it longer or shorter",
	}, func(ctx context.Context, in *deskMoveRequest) (*appointmentAnswer, error) {
		appointment, err := parse[id.Appointment](in.ID)
		if err != nil {
			return nil, err
		}
		made, err := v.Booking.MoveAtDesk(ctx, server.From(ctx).Tenant.ID, appointment, in.Body.time())
		return sayAppointment(ctx, made, err)
	})
	server.Register(s, server.Operation{
		ID: "moveSeveralAtDesk", Method: http.MethodPost, Path: "/api/v1/appointments/move",
		Summary: "Move appointments that belong together, all or none",
	}, func(ctx context.Context, in *deskMovesRequest) (*appointmentsMadeAnswer, error) {
		made, err := v.Booking.MoveSeveralAtDesk(ctx, server.From(ctx).Tenant.ID, each(in.Body.Moves, func(m DeskMove) booking.DeskMove {
			return booking.DeskMove{Appointment: m.Appointment, DeskTime: m.time()}
		}))
		if err != nil {
			_, err = sayAppointment(ctx, id.Appointment{}, err)
			return nil, err
		}
		answer := &appointmentsMadeAnswer{}
		answer.Body.Appointments = made
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "setAppointmentStatus", Method: http.MethodPost, Path: "/api/v1/appointments/{id}/status",
		Summary: "Say what has become of an appointment",
	}, func(ctx context.Context, in *statusRequest) (*statusAnswer, error) {
		appointment, err := parse[id.Appointment](in.ID)
		if err != nil {
			return nil, err
		}
		err = v.Booking.SetStatus(ctx, server.From(ctx).Tenant.ID, appointment, booking.StatusChange{
			Status: in.Body.Status, Excused: in.Body.Excused, Reason: in.Body.Reason,
		})
		if err != nil {
			return nil, err
		}
		answer := &statusAnswer{}
		answer.Body.Status = in.Body.Status
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "tellPatient", Method: http.MethodPost, Path: "/api/v1/appointments/{id}/tell", Status: http.StatusAccepted,
		Summary: "Tell the patient what became of the appointment, at an address that the practice releases for it",
	}, func(ctx context.Context, in *tellRequest) (*tellAnswer, error) {
		appointment, err := parse[id.Appointment](in.ID)
		if err != nil {
			return nil, err
		}
		message, err := v.Booking.Tell(ctx, server.From(ctx).Tenant.ID, booking.Released{
			Appointment: appointment, Channel: booking.Channel(in.Body.Channel), Address: in.Body.Address, Other: in.Body.Other, Language: in.Body.Language,
			Once: in.Body.Once,
		})
		if err != nil {
			return nil, err
		}
		answer := &tellAnswer{}
		answer.Body.Message = message
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "getBookingHistory", Method: http.MethodGet, Path: "/api/v1/bookings/{id}/history",
		Summary: "What became of a booking, from its first appointment on",
	}, func(ctx context.Context, in *historyRequest) (*historyAnswer, error) {
		asked, err := parse[id.Booking](in.ID)
		if err != nil {
			return nil, err
		}
		history, err := v.Booking.History(ctx, server.From(ctx).Tenant.ID, asked)
		if err != nil {
			return nil, err
		}
		if len(history) == 0 {
			return nil, booking.ErrUnknownBooking
		}
		answer := &historyAnswer{}
		for _, c := range history {
			answer.Body.History = append(answer.Body.History, chapterBody{
				Appointment: c.Appointment, Status: c.Status, Source: c.Source, Practitioner: c.Practitioner, Location: c.Location,
				Starts: c.Starts, Ends: c.Ends, Made: c.Made,
				CancelledBy: c.CancelledBy, CancelReason: c.Reason, Overridden: c.Overridden,
			})
		}
		return answer, nil
	})
}

// sayAppointment names the appointment that was made; or what stood against it.
func sayAppointment(ctx context.Context, made id.Appointment, err error) (*appointmentAnswer, error) {
	var against *booking.Against
	if errors.As(err, &against) {
		p := server.ProblemOf(ctx, err)
		p.Extra = map[string]any{"against": against.Reason}
		return nil, p
	}
	if err != nil {
		return nil, err
	}
	answer := &appointmentAnswer{}
	answer.Body.Appointment = made
	return answer, nil
}
