package api

import (
	"context"
	"net/http"
	"time"

	"siegel/tenants/booking"
	"siegel/tenants/practice"
	"siegel/web/server"
)

type practiceBody struct {
	practice.Profile
	// Booking is "open" or "closed"; ClosedReason says why.
	Booking      string `json:"booking" enum:"open,closed"`
	ClosedReason string `json:"closed_reason,omitempty" enum:"suspended,keys_missing,not_open,agreement"`
}

type practiceAnswer struct{ Body practiceBody }

func mountPractice(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getPractice", Method: http.MethodGet, Path: "/api/v1/practice",
		Summary: "What the practice offers, and whether it can be booked",
	}, func(ctx context.Context, _ *none) (*practiceAnswer, error) {
		tenant := server.From(ctx).Tenant
		profile, err := v.Practice.Profile(ctx, tenant.ID)
		if err != nil {
			return nil, err
		}
		body := practiceBody{Profile: profile, Booking: "open"}
		closed, err := v.closed(ctx, tenant)
		if err != nil {
			return nil, err
		}
		if closed != "" {
			body.Booking, body.ClosedReason = "closed", closed
		}
		return &practiceAnswer{body}, nil
	})
}

// Bookable refuses what starts a booking at a practice that is suspended, or
// that its owner has not opened.
func (v Services) Bookable(ctx context.Context) error {
	if err := bookable(ctx); err != nil {
		return err
	}
	closed, err := v.Onboarding.Closed(ctx, server.From(ctx).Tenant.ID)
	if err != nil {
		return err
	}
	if closed != "" {
		return booking.ErrClosed
	}
	return nil
}

// bookable refuses what starts a booking at a practice whose life stands against
// it: suspended, its trial or its contract over. What was pending before can
// still be confirmed.
func bookable(ctx context.Context) error {
	if server.From(ctx).Tenant.Paused(time.Now()) != "" {
		return booking.ErrClosed
	}
	return nil
}
