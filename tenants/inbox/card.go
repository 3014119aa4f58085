package inbox

import (
	"context"
	"fmt"
	"math"

	"siegel/platform/id"
	"siegel/platform/postgres"
)

// Card is an opened booking under the practice's book key, as the desk that
// opened the envelope sends it.
type Card struct {
	Appointment id.Appointment
	Envelope    id.Envelope
	Version     int // 1: it is the booking's first card
	Epoch       int // of the book key
	// Ciphertext is nonce (12 bytes), padded plaintext (a multiple of 2048
	// bytes) and tag (16 bytes); at most 32 KiB.
	Ciphertext []byte
}

const (
	nonceSize     = 12
	tagSize       = 16
	cardStep      = 2048
	maxCiphertext = 32 << 10
)

// Check returns [ErrMalformedCard] for a card that no client of ours makes.
func (c Card) Check() error {
	padded := len(c.Ciphertext) - nonceSize - tagSize
	switch {
	case c.Version != 1, c.Epoch < 1, c.Epoch > math.MaxInt32,
		padded < cardStep, padded%cardStep != 0, len(c.Ciphertext) > maxCiphertext:
		return ErrMalformedCard
	}
	return nil
}

// Acknowledge stores a card and deletes the envelope it was opened from, both
// or neither. It returns [ErrCardExists] where another desk did so first,
// [ErrNoEnvelope] where the appointment has no such envelope,
// [ErrForwarding] where no cards are kept, or [ErrMalformedCard].
func (s *Service) Acknowledge(ctx context.Context, tenant id.Tenant, c Card) error {
	if err := c.Check(); err != nil {
		return err
	}
	var stored *postgres.Found
	var exists, forwarding bool
	err := s.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		// Whoever deletes the envelope has won: another desk waits for its row
		// and then finds none. The counter is raised by who stored a card, and
		// after storing it, since it is fed by that.
		var one int
		stored = b.Row(`
			with opened as (
			  delete from envelope
			  where tenant_id = $1::uuid and id = $2::uuid and appointment_id = $3::uuid
			    and not exists (select from forwarding where tenant_id = $1::uuid and mode = 'forward')
			  returning tenant_id, booking_id, appointment_id
			), stored as (
			  insert into card (tenant_id, booking_id, appointment_id, version, epoch, ciphertext)
			  select tenant_id, booking_id, appointment_id, $4::integer, $5::integer, $6::bytea from opened
			  returning tenant_id
			)
			insert into change_counter (tenant_id, counter)
			select tenant_id, 1 from stored
			on conflict (tenant_id) do update set counter = change_counter.counter + 1
			returning 1`,
			[]any{tenant, c.Envelope, c.Appointment, c.Version, c.Epoch, c.Ciphertext}, &one)
		// A statement of its own sees what the other desk has committed.
		b.Row(`select exists (select from card where tenant_id = $1::uuid and appointment_id = $2::uuid)`,
			[]any{tenant, c.Appointment}, &exists)
		b.Row(`select exists (select from forwarding where tenant_id = $1 and mode = 'forward')`, []any{tenant}, &forwarding)
	})
	switch {
	case postgres.Violates(err, "card_pk"):
		return ErrCardExists.Because(err)
	case err != nil:
		return fmt.Errorf("store card: %w", err)
	case stored.OK:
		return nil
	case exists:
		return ErrCardExists
	case forwarding:
		return ErrForwarding
	default:
		return ErrNoEnvelope
	}
}

// AppendCard adds to a batch the card of an appointment that never had an
// envelope: the desk wrote it. The caller has checked the card. A booking that
// has one already is a violation of card_pk.
func AppendCard(b *postgres.Batch, tenant id.Tenant, booking id.Booking, c Card) {
	b.Exec(`insert into card (tenant_id, booking_id, appointment_id, version, epoch, ciphertext)
		select $1::uuid, $2::uuid, $3::uuid, $4::integer, $5::integer, $6::bytea
		where exists (select from appointment where tenant_id = $1::uuid and id = $3::uuid)`,
		tenant, booking, c.Appointment, c.Version, c.Epoch, c.Ciphertext)
}
