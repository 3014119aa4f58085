package booking

import (
	"context"
	"fmt"
	"time"

	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
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

func recallKey(tenant id.Tenant, message string) string { return key(tenant, "recall", message) }

// Recall queues a message that asks somebody to make their next appointment. It
// is for those who have agreed to it. It returns [ErrAddress], [ErrChannel],
// [ErrTooManyMessages], or redisdb.ErrUnavailable, with nothing kept.
func (s *Service) Recall(ctx context.Context, tenant id.Tenant, r Recalled) (id.Message, error) {
	var none id.Message
	var err error
	if r.Address, err = s.Address(r.Channel, r.Address); err != nil {
		return none, err
	}
	if r.Other != "" {
		// What cannot be used is no reason to say nothing.
		if r.Other, err = s.Address(r.Channel.Other(), r.Other); err != nil {
			r.Other = ""
		}
	}
	if r.Language != "en" {
		r.Language = "de"
	}
	if err := s.countAddress(ctx, r.Channel, r.Address); err != nil {
		return none, err
	}
	message := id.New[id.Message]()
	name := recallKey(tenant, message.UUID())
	if err := s.Redis.Keep(ctx, name, s.seal(recallPurpose, name, recallRecord(r)), releaseTTL); err != nil {
		return none, err
	}
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		kind := "recall_" + string(r.Channel)
		jobs.Add(b, jobs.Message{ID: message, Tenant: tenant, Kind: kind, Ref: message.UUID(), TTL: releaseTTL})
		if r.Channel == SMS || r.Other != "" {
			s.Budget.AppendBudget(b, tenant, message, id.Booking{})
		} else {
			s.Budget.AppendMail(b, tenant, message, id.Booking{}, kind)
		}
	})
	if err != nil {
		_ = s.Redis.Forget(context.WithoutCancel(ctx), name)
		return none, fmt.Errorf("queue a message: %w", s.Budget.BudgetError(err))
	}
	s.Wake()
	return message, nil
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
