package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"siegel/platform/id"
	"siegel/platform/seal"
	"siegel/tenants/booking"
	"siegel/web/server"
)

// takeoverBody is how large a request of rows may be: fifty cards, or a
// thousand rows without.
const takeoverBody = 1 << 20

type takeoverAnswer struct {
	Body struct {
		Version    int           `json:"version" doc:"Zero: none is under way"`
		Epoch      int           `json:"epoch,omitempty"`
		Ciphertext seal.Bytes    `json:"ciphertext,omitempty" doc:"Under the book key: how columns are read, and the secret of the sources"`
		Begun      time.Time     `json:"begun,omitzero"`
		Runs       []takeoverRun `json:"runs"`
	}
}

type takeoverRun struct {
	Run   id.Run    `json:"run"`
	Made  time.Time `json:"made"`
	Taken int       `json:"taken"`
}

type takeoverRequest struct {
	Body struct {
		Version    int        `json:"version" minimum:"1" doc:"One more than that of what was read"`
		Epoch      int        `json:"epoch" minimum:"1"`
		Ciphertext seal.Bytes `json:"ciphertext"`
	}
}

type takeoverRowBody struct {
	Source       seal.Bytes      `json:"source" doc:"32 octets by which the practice, and nobody else, knows the row again"`
	Booking      id.Booking      `json:"booking_id"`
	Practitioner id.Practitioner `json:"practitioner"`
	Location     id.Location     `json:"location"`
	Resources    []id.Resource   `json:"resources,omitempty" maxItems:"8"`
	Starts       time.Time       `json:"starts"`
	Ends         time.Time       `json:"ends"`
	Overflow     bool            `json:"overflow,omitempty"`
	Test         bool            `json:"test,omitempty"`
	Epoch        int             `json:"epoch,omitempty"`
	Ciphertext   seal.Bytes      `json:"ciphertext,omitempty"`
}

type takeoverRowsRequest struct {
	Body struct {
		Run  id.Run            `json:"run"`
		Try  bool              `json:"try,omitempty" doc:"Only say what would become of the rows, which then need no cards"`
		Rows []takeoverRowBody `json:"rows" minItems:"1" maxItems:"1000"`
	}
}

type takeoverOutcome struct {
	Outcome  string           `json:"outcome" enum:"taken,known,past,conflict"`
	Against  []id.Appointment `json:"against,omitempty"`
	Rows     []int            `json:"rows,omitempty" doc:"Earlier rows of this request that stand in the way"`
	Resource *id.Resource     `json:"resource,omitempty" doc:"Where there is no room"`
	Booking  *id.Booking      `json:"booking_id,omitempty" doc:"What a known row became"`
}

type takeoverRowsAnswer struct {
	Body struct {
		Rows []takeoverOutcome `json:"rows"`
	}
}

type takeoverUndoRequest struct {
	Body struct {
		Run id.Run `json:"run"`
	}
}

type takeoverUndoAnswer struct {
	Body struct {
		Undone int `json:"undone"`
		Kept   int `json:"kept" doc:"Of patients who have come, or have not, meanwhile"`
	}
}

// mountTakeover adds how a practice brings along what another calendar knew.
func mountTakeover(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getTakeover", Method: http.MethodGet, Path: "/api/v1/takeover",
		Summary: "The takeover of another calendar's appointments that is under way",
	}, func(ctx context.Context, _ *none) (*takeoverAnswer, error) {
		found, err := v.Booking.Takeover(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &takeoverAnswer{}
		b := &answer.Body
		b.Version, b.Epoch, b.Ciphertext, b.Runs = found.Version, found.Epoch, found.Sealed, []takeoverRun{}
		if found.Version > 0 {
			b.Begun = found.Begun
		}
		for _, r := range found.Runs {
			b.Runs = append(b.Runs, takeoverRun(r))
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "putTakeover", Method: http.MethodPut, Path: "/api/v1/takeover",
		Summary: "Begin a takeover, or keep how its columns are read",
	}, func(ctx context.Context, in *takeoverRequest) (*none, error) {
		return nil, v.Booking.PutTakeover(ctx, server.From(ctx).Tenant.ID, in.Body.Version, in.Body.Epoch, in.Body.Ciphertext)
	})
	server.Register(s, server.Operation{
		ID: "endTakeover", Method: http.MethodDelete, Path: "/api/v1/takeover",
		Summary: "Switch over: nothing more is taken over, and nothing is undone as a whole",
	}, func(ctx context.Context, _ *none) (*none, error) {
		err := v.Booking.EndTakeover(ctx, server.From(ctx).Tenant.ID)
		if err == nil {
			v.record(ctx, "takeover.end", "")
		}
		return nil, err
	})
	server.Register(s, server.Operation{
		ID: "takeOver", Method: http.MethodPost, Path: "/api/v1/takeover/rows", Body: takeoverBody,
		Summary: "Take over appointments where there is room, or say where there is none",
	}, func(ctx context.Context, in *takeoverRowsRequest) (*takeoverRowsAnswer, error) {
		rows := make([]booking.TakeoverRow, len(in.Body.Rows))
		for i, r := range in.Body.Rows {
			rows[i] = booking.TakeoverRow{
				Source: r.Source, Booking: r.Booking, Practitioner: r.Practitioner, Location: r.Location, Resources: r.Resources,
				Starts: r.Starts, Ends: r.Ends, Overflow: r.Overflow, Test: r.Test, Epoch: r.Epoch, Card: r.Ciphertext,
			}
		}
		tenant := server.From(ctx).Tenant.ID
		var outcomes []booking.Outcome
		var err error
		if in.Body.Try {
			outcomes, err = v.Booking.TryTakeover(ctx, tenant, rows)
		} else {
			outcomes, err = v.Booking.TakeOver(ctx, tenant, in.Body.Run, rows)
		}
		if err != nil {
			return nil, err
		}
		answer := &takeoverRowsAnswer{}
		answer.Body.Rows = make([]takeoverOutcome, len(outcomes))
		for i, o := range outcomes {
			answer.Body.Rows[i] = takeoverOutcome{Outcome: o.What, Against: o.Against, Rows: o.Rows}
			if !o.Booking.IsZero() {
				answer.Body.Rows[i].Booking = &o.Booking
			}
			if !o.Resource.IsZero() {
				answer.Body.Rows[i].Resource = &o.Resource
			}
		}
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "undoTakeover", Method: http.MethodPost, Path: "/api/v1/takeover/undo",
		Summary: "Take a run back as a whole",
	}, func(ctx context.Context, in *takeoverUndoRequest) (*takeoverUndoAnswer, error) {
		undone, kept, err := v.Booking.UndoTakeover(ctx, server.From(ctx).Tenant.ID, in.Body.Run)
		if err != nil {
			return nil, err
		}
		v.record(ctx, "takeover.undo", in.Body.Run.String(), "count", strconv.Itoa(undone))
		answer := &takeoverUndoAnswer{}
		answer.Body.Undone, answer.Body.Kept = undone, kept
		return answer, nil
	})
}
