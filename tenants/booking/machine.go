package booking

import (
	"context"
	"errors"
	"fmt"

	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/platform/seal"
)

// Claim is what a hold's token stands for.
type Claim struct {
	ID    id.Hold
	Slots []ClaimedSlot
	// Pending says that a booking came of it, which waits for its patient.
	Pending bool
}

// ClaimedSlot is one slot of a [Claim].
type ClaimedSlot struct {
	Held
	Service      id.Service
	Practitioner id.Practitioner
	Location     id.Location
}

// Claimed shows what a token holds, and changes nothing. It returns
// [ErrMalformedToken] or [ErrHoldExpired].
func (s *Service) Claimed(ctx context.Context, tenant id.Tenant, token []byte) (Claim, error) {
	if len(token) != 16 {
		return Claim{}, ErrMalformedToken
	}
	held, _, death, err := s.held(ctx, heldKey(tenant, token))
	if err != nil {
		return Claim{}, err
	}
	c := Claim{ID: held.Hold, Pending: held.Pending != ""}
	for i, h := range held.asHold(death).Items {
		x := held.Items[i]
		c.Slots = append(c.Slots, ClaimedSlot{h, x.Service, x.Practitioner, x.Location})
	}
	return c, nil
}

// MachineBooking is a held slot that a machine books for a patient.
type MachineBooking struct {
	// Hold and Token are those of the hold.
	Hold  id.Hold
	Token []byte
	// Forms are the sealed forms, one for each slot of the hold, in its order.
	Forms []Form
	// Secret is the booking's secret, 16 bytes: the patient's link carries it.
	Secret []byte
}

// BookForPatient makes a held slot an appointment at once, as [Service.Confirm]
// does, for a machine that the practice lets book: whoever runs it answers for
// it that the patient wants the appointment, so that nobody has to confirm, and
// nothing is sent. Where staff has the last word it is a request.
//
// Repeating it gives the same answer. It returns [ErrHoldExpired],
// keyring.ErrKeyChanged (seal again), an [Overtaken], [ErrNotOffered],
// [ErrQuotaFull], [ErrMalformedItems], [ErrMalformedSecret] also for the secret
// of another booking, or a fault about a malformed part.
func (s *Service) BookForPatient(ctx context.Context, tenant id.Tenant, r MachineBooking) (Booking, error) {
	if len(r.Secret) != len(seal.Secret{}) {
		return Booking{}, ErrMalformedSecret
	}
	if err := s.checkSealed(ctx, tenant, r.Token, r.Forms); err != nil {
		return Booking{}, err
	}
	name := heldKey(tenant, r.Token)
	held, _, _, err := s.held(ctx, name)
	if err != nil {
		return Booking{}, err
	}
	if held.Hold != r.Hold || held.Pending != "" {
		return Booking{}, ErrHoldExpired
	}
	if len(r.Forms) != len(held.Items) {
		return Booking{}, ErrMalformedItems
	}
	p := pendingRecord{Held: name, Hold: held, Forms: r.Forms}
	booked, err := s.commit(ctx, tenant, r.Secret, p)
	switch {
	case postgres.Violates(err, "appointment_secret_once"):
		// The same request at the same time, or a secret that another booking has.
		before, err := s.View(ctx, tenant, r.Secret)
		if err != nil {
			return Booking{}, err
		}
		if before.Booking != held.first().Booking {
			return Booking{}, ErrMalformedSecret
		}
		return before, nil
	case errors.Is(err, ErrSlotTaken), errors.Is(err, ErrNotOffered), errors.Is(err, ErrQuotaFull):
		s.drop(ctx, tenant, held, name)
		return Booking{}, err
	case err != nil:
		return Booking{}, fmt.Errorf("book for a patient: %w", err)
	}
	// The hold goes only now: whatever happens before, the machine can try again.
	_ = s.Redis.Release(context.WithoutCancel(ctx), redisdb.Release{Tenant: tenant, ID: held.Hold.UUID(), Delete: []string{name}})
	s.changed(ctx, tenant)
	return booked, nil
}
