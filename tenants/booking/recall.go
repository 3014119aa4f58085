package booking

import (
	"context"
	"fmt"
	"time"

	"siegel/platform/id"
)

// Recalled is somebody whom the practice asks to come again. Whom and why, its
// browser knows; the server has an address for as long as the message needs it,
// at most an hour, and never learns whose it is.
type Recalled struct {
	Channel Channel
	Address string
	// Other is where the message goes that does not arrive by Channel; empty:
	// nowhere.
	Other string
	// Language is "de" or "en".
	Language string
}

// recallRecord is what Redis keeps of it, sealed.
type recallRecord struct {
	Channel  Channel `json:"channel"`
	Address  string  `json:"address"`
	Other    string  `json:"other,omitempty"`
	Language string  `json:"language"`
}

const recallPurpose = "recall"

func recallKey(tenant id.Tenant, message string) string { return key(tenant, recallPurpose, message) }

// Recall queues a message that asks somebody to make their next appointment. It
// is for those who have agreed to it. It returns [ErrAddress], [ErrChannel],
// [ErrTooManyMessages], or redisdb.ErrUnavailable, with nothing kept.
func (s *Service) Recall(ctx context.Context, tenant id.Tenant, r Recalled) (id.Message, error) {
	if err := s.usable(r.Channel, &r.Address, &r.Other, &r.Language); err != nil {
		return id.Message{}, err
	}
	return s.release(ctx, tenant, release{
		purpose: recallPurpose, kind: "recall", channel: r.Channel, address: r.Address, other: r.Other, record: recallRecord(r),
	})
}

// RecallToSend is what the message behind ref says and where it goes. It
// returns [ErrAddressLapsed] once it was sent or its hour is over.
func (s *Service) RecallToSend(ctx context.Context, tenant id.Tenant, ref string) (Outgoing, error) {
	name := recallKey(tenant, ref)
	sealed, death, err := s.Redis.Read(ctx, name)
	if err != nil {
		return Outgoing{}, err
	}
	if sealed == nil {
		return Outgoing{}, ErrAddressLapsed
	}
	var r recallRecord
	if err := s.unseal(recallPurpose, name, sealed, &r); err != nil {
		return Outgoing{}, err
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return Outgoing{}, err
	}
	out := Outgoing{Channel: string(r.Channel), Address: r.Address, Language: r.Language, Expires: death.UTC()}
	if r.Other != "" {
		out.Other = Way{string(r.Channel.Other()), r.Other}
	}
	// There is no appointment yet, and its words speak of none.
	now := s.Now().UTC().Truncate(time.Minute)
	out.Stops = []Stop{{Starts: now, Ends: now, Zone: offer.Practice.Zone}}
	if out.Link, err = s.PatientURL(ctx, tenant); err != nil {
		return Outgoing{}, fmt.Errorf("address of the patient pages: %w", err)
	}
	return out, nil
}

// RecallSent forgets the address: the message has left.
func (s *Service) RecallSent(ctx context.Context, tenant id.Tenant, ref string) error {
	return s.Redis.Forget(ctx, recallKey(tenant, ref))
}
