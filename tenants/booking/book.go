package booking

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"time"

	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/redisdb"
	"siegel/platform/seal"
)

// Channel is the way by which a patient confirms.
type Channel string

// The channels.
const (
	Mail Channel = "mail"
	SMS  Channel = "sms"
)

// life is that of a booking that waits for its confirmation.
func (c Channel) life() time.Duration {
	if c == SMS {
		return PendingByCode
	}
	return PendingByMail
}

// BookRequest is a sealed form and the one address that the confirmation goes to.
type BookRequest struct {
	Token []byte
	// Forms are the sealed forms, one for each slot of the hold, in its order.
	Forms   []Form
	Channel Channel
	Address string
	// Secret is the booking's secret, 16 bytes, by mail only: the link carries
	// it. SecretHash is its SHA-256, always.
	Secret     []byte
	SecretHash []byte
	Language   string
	// Proof is needed for every text message.
	Proof *Proof
	// Waiting is the secret of a place on the waiting list that ends with the
	// booking; nil: none.
	Waiting []byte
}

// place is the hash by which the place on the waiting list is found.
func (r BookRequest) place() []byte {
	if len(r.Waiting) != 16 {
		return nil
	}
	return visitHash(r.Waiting, 0)
}

// Form is what a patient fills in for one slot: sealed to the practice, and the
// patient's own copy, readable with the booking's secret alone.
type Form struct {
	Envelope seal.Envelope `json:"envelope"`
	Copy     []byte        `json:"copy"`
}

// Pending is a booking that is not booked yet.
type Pending struct {
	Booking   id.Booking
	Channel   Channel
	Expires   time.Time
	SendsLeft int
}

// pendingRecord is what Redis keeps until the patient confirms, sealed, under
// the hash of the booking's secret.
type pendingRecord struct {
	Held     string     `json:"held"` // key of the hold's record
	Hold     heldRecord `json:"hold"`
	Forms    []Form     `json:"forms"`
	Channel  Channel    `json:"channel"`
	Address  string     `json:"address"`
	Language string     `json:"language"`
	CodeHash []byte     `json:"code_hash"`
	// Waiting is the hash of the secret of a place on the waiting list.
	Waiting []byte `json:"waiting,omitempty"`
	// Secret and Code are raw only until the message that carries them has left.
	Secret []byte `json:"secret,omitempty"`
	Code   string `json:"code,omitempty"`
}

const pendingPurpose = "pending"

// MarshalBinary writes the long parts as they are, each behind its length, and
// the rest as JSON, which would carry them in base64 and go over them twice at
// each reading.
func (p pendingRecord) MarshalBinary() ([]byte, error) {
	forms := p.Forms
	p.Forms = slices.Clone(forms)
	out := binary.AppendUvarint(make([]byte, 0, 8192*len(forms)+2048), uint64(len(forms)))
	for i := range p.Forms {
		for _, part := range p.Forms[i].long() {
			out = append(binary.AppendUvarint(out, uint64(len(*part))), *part...)
			*part = nil
		}
	}
	rest, err := json.Marshal(p) //nolint:gosec // sealed before it goes anywhere
	return append(out, rest...), err
}

// UnmarshalBinary reads what [pendingRecord.MarshalBinary] wrote. The long
// parts are those of data.
func (p *pendingRecord) UnmarshalBinary(data []byte) error {
	next := func() (int, error) {
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data)-n) {
			return 0, io.ErrUnexpectedEOF
		}
		data = data[n:]
		return int(length), nil
	}
	count, err := next()
	if err != nil || count > maxItems {
		return io.ErrUnexpectedEOF
	}
	forms := make([]Form, count)
	for i := range forms {
		for _, part := range forms[i].long() {
			length, err := next()
			if err != nil {
				return err
			}
			*part, data = data[:length:length], data[length:]
		}
	}
	if err := json.Unmarshal(data, p); err != nil {
		return err
	}
	if len(p.Forms) != count {
		return io.ErrUnexpectedEOF
	}
	for i := range forms {
		for k, part := range p.Forms[i].long() {
			*part = *forms[i].long()[k]
		}
	}
	return nil
}

func (f *Form) long() []*[]byte {
	return []*[]byte{(*[]byte)(&f.Envelope.Enc), (*[]byte)(&f.Envelope.CT), &f.Copy}
}

func pendingKey(tenant id.Tenant, secretHash string) string {
	return key(tenant, "pending", secretHash)
}

func triesKey(tenant id.Tenant, secretHash string) string { return key(tenant, "tries", secretHash) }

// Book makes a held slot a pending booking and queues its confirmation
// message. With a new idempotency key on the same hold it replaces what was
// pending: the message goes again, or to a corrected address, and the older
// link dies. The end of life stays that of the first.
//
// It returns [ErrHoldExpired], keyring.ErrKeyChanged (seal again), [ErrChannel],
// [ErrAddress], [ErrProofRequired], [ErrTooManyMessages], [ErrMismatch] or a
// fault about a malformed part.
func (s *Service) Book(ctx context.Context, tenant id.Tenant, r BookRequest, once Once) (Pending, error) {
	if err := s.checkForm(ctx, tenant, &r); err != nil {
		return Pending{}, err
	}
	heldName := heldKey(tenant, r.Token)
	held, sealed, death, err := s.held(ctx, heldName)
	if err != nil {
		return Pending{}, err
	}
	if string(held.BookedBy) == string(once.Request) {
		// Whoever asks again may have had no answer because we came to our end, or
		// Redis to its time, between the record and the message.
		if err := s.queue(ctx, tenant, held, r.Channel); err != nil {
			return Pending{}, err
		}
		return held.asPending(r.Channel, death), nil
	}
	if len(r.Forms) != len(held.Items) {
		return Pending{}, ErrMalformedItems
	}
	if held.Messages >= MessagesPerHold {
		return Pending{}, ErrTooManyMessages
	}
	if r.Channel == SMS {
		proven, err := s.proven(ctx, tenant, WorkText, held.Hold.String(), r.Proof)
		if err != nil {
			return Pending{}, err
		}
		if !proven {
			return Pending{}, ErrProofRequired
		}
	}
	if err := s.countAddress(ctx, r.Channel, r.Address); err != nil {
		return Pending{}, err
	}
	if held.Pending == "" {
		if err := s.countContact(ctx, tenant, r.Channel, r.Address); err != nil {
			return Pending{}, err
		}
	}

	code := newCode(r.Channel)
	secretHash := b64(r.SecretHash)
	next := held
	next.Pending, next.BookedBy = secretHash, once.Request
	next.Messages++
	next.Message = id.New[id.Message]()
	pendingName := pendingKey(tenant, secretHash)
	step := redisdb.Advance{
		Tenant: tenant, ID: held.Hold.UUID(), Record: heldName,
		Expected: sealed, Value: s.seal(heldPurpose, heldName, next),
		Companion: pendingName,
		CompanionValue: s.seal(pendingPurpose, pendingName, pendingRecord{
			Held: heldName, Hold: next, Forms: r.Forms,
			Channel: r.Channel, Address: r.Address, Language: r.Language,
			CodeHash: s.codeHash(secretHash, code), Secret: r.Secret, Code: code, Waiting: r.place(),
		}),
		Once: onceKey(tenant, "book", once.Key), OnceValue: b64(once.Request),
	}
	if held.Pending == "" {
		step.TTL = r.Channel.life() // once: what is sent again does not live longer
	} else {
		step.Delete = []string{pendingKey(tenant, held.Pending)}
	}
	outcome, death, err := s.Redis.Advance(ctx, step)
	if err := advanced(outcome, err); err != nil {
		return Pending{}, err
	}

	if err := s.queue(ctx, tenant, next, r.Channel); err != nil {
		s.unbook(ctx, tenant, step, sealed)
		return Pending{}, err
	}
	return next.asPending(r.Channel, death), nil
}

// queue queues the confirmation of a pending booking, once: its message has an
// id from the start, and what it costs is taken together with it.
func (s *Service) queue(ctx context.Context, tenant id.Tenant, h heldRecord, c Channel) error {
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		jobs.Add(b, jobs.Message{ID: h.Message, Tenant: tenant, Kind: "confirm_" + string(c), Ref: h.Pending, TTL: c.life()})
		if c == SMS {
			s.Budget.AppendBudget(b, tenant, h.Message, h.first().Booking)
		}
	})
	if postgres.Violates(err, "outbox_pk") {
		return nil // it was, before
	}
	if err != nil {
		return fmt.Errorf("queue the confirmation: %w", s.Budget.BudgetError(err))
	}
	s.Wake()
	return nil
}

// unbook takes back a step whose message could not be queued: the hold stays,
// and a retry with the same idempotency key starts anew.
func (s *Service) unbook(ctx context.Context, tenant id.Tenant, step redisdb.Advance, sealed []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, _, _ = s.Redis.Advance(ctx, redisdb.Advance{
		Tenant: tenant, ID: step.ID, Record: step.Record,
		Expected: step.Value, Value: sealed, Delete: []string{step.Companion, step.Once},
	})
}

// checkSealed refuses sealed forms that could never be booked.
func (s *Service) checkSealed(ctx context.Context, tenant id.Tenant, token []byte, forms []Form) error {
	if len(token) != 16 {
		return ErrMalformedToken
	}
	if len(forms) == 0 || len(forms) > maxItems {
		return ErrMalformedItems
	}
	for i := range forms {
		if err := forms[i].Envelope.Check(); err != nil {
			return err
		}
		if forms[i].Envelope.Tenant != tenant.UUID() {
			return ErrForeignEnvelope
		}
		if seal.CheckCopy(forms[i].Copy) != nil {
			return ErrMalformedCopy
		}
	}
	if err := s.open(ctx, tenant); err != nil {
		return err
	}
	for i := range forms {
		if i > 0 && forms[i].Envelope.KID == forms[0].Envelope.KID {
			continue
		}
		if err := s.Keyring.Accept(ctx, tenant, forms[i].Envelope.KID); err != nil {
			return err
		}
	}
	return nil
}

// checkForm refuses what could never be booked, before anything is counted,
// and brings the address into its one form.
func (s *Service) checkForm(ctx context.Context, tenant id.Tenant, r *BookRequest) error {
	if err := s.checkSealed(ctx, tenant, r.Token, r.Forms); err != nil {
		return err
	}
	if len(r.SecretHash) != sha256.Size {
		return ErrMalformedSecret
	}
	if r.Language != "de" && r.Language != "en" {
		r.Language = "de"
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return err
	}
	if !slices.Contains(offer.Practice.Channels, string(r.Channel)) {
		return ErrChannel
	}
	switch r.Channel {
	case Mail:
		hash := sha256.Sum256(r.Secret)
		if len(r.Secret) != 16 || subtle.ConstantTimeCompare(hash[:], r.SecretHash) != 1 {
			return ErrMalformedSecret
		}
		r.Address, err = mailAddress(r.Address)
	case SMS:
		if len(r.Secret) != 0 {
			return ErrMalformedSecret // by text message the secret stays in the browser
		}
		r.Address, err = s.mobileNumber(r.Address)
	}
	return err
}

// countAddress counts a message to an address, across tenants, by keyed hash.
func (s *Service) countAddress(ctx context.Context, c Channel, address string) error {
	limit, window := mailsPerAddressHour, time.Hour
	if c == SMS {
		limit, window = textsPerNumberDay, 24*time.Hour
	}
	// The hash rotates with the day, so that counters of two days cannot be joined.
	day := s.Now().UTC().Format(time.DateOnly)
	counter := redisdb.GlobalKey(string(c), b64(s.Redis.MAC("address", string(c), day, strings.ToLower(address))))
	_, ok, err := s.Redis.Take(ctx, counter, limit, window)
	if err != nil {
		return err
	}
	if !ok {
		return ErrTooManyMessages
	}
	return nil
}

// countContact counts the bookings of one contact at the practice within the
// hour, by keyed hash, where the practice limits them. It returns
// [ErrTooManyBookings].
func (s *Service) countContact(ctx context.Context, tenant id.Tenant, c Channel, address string) error {
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil || offer.Practice.BookingsPerContact == nil {
		return err
	}
	counter := key(tenant, "contact", b64(s.Redis.MAC("contact", tenant.UUID(), string(c), strings.ToLower(address))))
	_, ok, err := s.Redis.Take(ctx, counter, *offer.Practice.BookingsPerContact, time.Hour)
	if err != nil {
		return err
	}
	if !ok {
		return ErrTooManyBookings
	}
	return nil
}

// newCode makes what proves that the message arrived: by mail 128 random bits
// in the link, by text message six digits to type.
func newCode(c Channel) string {
	if c == Mail {
		return b64(random(16))
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // crypto/rand never fails on supported systems
	}
	return fmt.Sprintf("%06d", n)
}

func (s *Service) codeHash(secretHash, code string) []byte {
	return s.Redis.MAC("code", secretHash, code)
}

func (h heldRecord) asPending(c Channel, death time.Time) Pending {
	return Pending{Booking: h.first().Booking, Channel: c, Expires: death.UTC(), SendsLeft: MessagesPerHold - h.Messages}
}
