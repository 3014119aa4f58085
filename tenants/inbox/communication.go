package inbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/platform/seal"
)

var (
	// ErrCallBackClosed is returned where the practice takes no wishes to be called.
	ErrCallBackClosed = fault.New(fault.Conflict, "call_back_closed")
	// ErrMalformedTopics is returned for topics that no screen could show.
	ErrMalformedTopics = fault.New(fault.Invalid, "malformed_topics")
	// ErrTooManyWords is returned where very many words wait to be read, or one
	// booking's patient has written often.
	ErrTooManyWords = fault.New(fault.Limited, "too_many_words").After(time.Hour)
	// ErrWordForeign is returned for an envelope that is not the practice's.
	ErrWordForeign = fault.New(fault.Invalid, "malformed_envelope")
)

const (
	// openWords is how many may wait to be read; wordsPerBooking how many of
	// them about one booking.
	openWords       = 500
	wordsPerBooking = 5
	// keptDone is for how long a word is kept that was ticked off.
	keptDone = "30 days"
)

// Communication is a sealed word from a patient (FHIR Communication): about a
// booking, or, without one, the wish to be called. Its envelope has its id, and is
// bound to that in the place of a booking's.
type Communication struct {
	ID       id.Communication
	Booking  id.Booking // zero: a wish to be called
	Envelope seal.Envelope
	Received time.Time // UTC
	Done     time.Time // UTC; zero: not ticked off
}

// CallBacks is whether patients can ask to be called, and what about.
type CallBacks struct {
	Open   bool
	Topics []string
}

// CallBacks returns the tenant's, or the defaults: open, with no topics to
// choose from.
func (s *Service) CallBacks(ctx context.Context, tenant id.Tenant) (CallBacks, error) {
	found := CallBacks{Open: true}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select open, topics from call_back_setting where tenant_id = $1`, []any{tenant}, &found.Open, &found.Topics)
	})
	if err != nil {
		return found, fmt.Errorf("read how patients ask to be called: %w", err)
	}
	return found, nil
}

// SetCallBacks replaces the tenant's. It returns [ErrMalformedTopics].
func (s *Service) SetCallBacks(ctx context.Context, tenant id.Tenant, c CallBacks) error {
	if len(c.Topics) > 20 {
		return ErrMalformedTopics
	}
	for i, topic := range c.Topics {
		if strings.TrimSpace(topic) == "" || utf8.RuneCountInString(topic) > 60 || strings.ContainsAny(topic, "\n\r\t\x00") || slices.Contains(c.Topics[:i], topic) {
			return ErrMalformedTopics
		}
	}
	if c.Topics == nil {
		c.Topics = []string{}
	}
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into call_back_setting (tenant_id, open, topics) values ($1, $2, $3)
			on conflict (tenant_id) do update set open = excluded.open, topics = excluded.topics`, tenant, c.Open, c.Topics)
	})
	if err != nil {
		return fmt.Errorf("store how patients ask to be called: %w", err)
	}
	return nil
}

// Receive keeps a word until the practice has read it; receiving the same twice
// is harmless. It returns [ErrWordForeign], [ErrCallBackClosed] or [ErrTooManyWords].
func (s *Service) Receive(ctx context.Context, tenant id.Tenant, c Communication) error {
	if err := c.Envelope.Check(); err != nil {
		return err
	}
	if c.Envelope.Tenant != tenant.UUID() || c.Envelope.EnvelopeID != c.ID.UUID() {
		return ErrWordForeign
	}
	if c.Booking.IsZero() {
		callBacks, err := s.CallBacks(ctx, tenant)
		if err != nil {
			return err
		}
		if !callBacks.Open {
			return ErrCallBackClosed
		}
	}
	var stored *postgres.Found
	var same bool
	var one int
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		stored = b.Row(`insert into communication (tenant_id, id, booking_id, suite, kid, enc, ct)
			select $1::uuid, $2::uuid, $3::uuid, $4::smallint, $5::text, $6::bytea, $7::bytea
			where (select count(*) from communication where tenant_id = $1::uuid and done is null) < $8
			  and ($3::uuid is null or (select count(*) from communication where tenant_id = $1::uuid and booking_id = $3::uuid and done is null) < $9)
			on conflict do nothing returning 1`,
			[]any{tenant, c.ID, c.Booking, c.Envelope.Suite, c.Envelope.KID, []byte(c.Envelope.Enc), []byte(c.Envelope.CT), openWords, wordsPerBooking}, &one)
		b.Row(`select true from communication where tenant_id = $1 and id = $2 and ct = $3`, []any{tenant, c.ID, []byte(c.Envelope.CT)}, &same)
		b.Exec(`delete from communication where tenant_id = $1 and done < now() - interval '`+keptDone+`'`, tenant)
		RaiseCounter(b, tenant)
	})
	switch {
	case err != nil:
		return fmt.Errorf("keep a patient's word: %w", err)
	case !stored.OK && !same:
		return ErrTooManyWords
	}
	return nil
}

// Communications lists what waits, the oldest first, and then what was ticked
// off, the newest first.
func (s *Service) Communications(ctx context.Context, tenant id.Tenant) (all []Communication, err error) {
	err = s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		all = nil
		b.Rows(`select id, booking_id, suite, kid, enc, ct, received, done from communication
			where tenant_id = $1 and (done is null or done > now() - interval '`+keptDone+`')
			order by done is not null, done desc, received, id limit 600`, []any{tenant}, func(rows pgx.Rows) error {
			c := Communication{Envelope: seal.Envelope{V: 1, Tenant: tenant.UUID()}}
			var done *time.Time
			var enc, ct []byte
			err := rows.Scan(&c.ID, &c.Booking, &c.Envelope.Suite, &c.Envelope.KID, &enc, &ct, &c.Received, &done)
			c.Envelope.EnvelopeID, c.Envelope.Enc, c.Envelope.CT = c.ID.UUID(), enc, ct
			c.Received = c.Received.UTC()
			if done != nil {
				c.Done = done.UTC()
			}
			all = append(all, c)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read patients' words: %w", err)
	}
	return all, nil
}

// Tick marks a word as done, or as not done after all. What was ticked off is
// deleted after thirty days. An id that there is not is no error: somebody else
// was quicker.
func (s *Service) Tick(ctx context.Context, tenant id.Tenant, c id.Communication, done bool) error {
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`update communication set done = case when $3 then coalesce(done, now()) end where tenant_id = $1 and id = $2`, tenant, c, done)
		RaiseCounter(b, tenant)
	})
	if err != nil {
		return fmt.Errorf("tick off a patient's word: %w", err)
	}
	return nil
}
