package booking

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/shred"
	"siegel/tenants/schedule"
)

var (
	// ErrNotWaited is returned for a service that nobody can wait for.
	ErrNotWaited = fault.New(fault.Conflict, "waiting_closed")
	// ErrMalformedWish is returned for wishes that no time could fulfil.
	ErrMalformedWish = fault.New(fault.Invalid, "malformed_wish")
	// ErrUnknownPlace is returned where no place on the waiting list has the secret.
	ErrUnknownPlace = fault.New(fault.NotFound, "not_found")
	// ErrConsentMissing is returned where nobody says to which words they agreed.
	ErrConsentMissing = fault.New(fault.Invalid, "consent_missing")
)

const (
	// LongestWait is how many days ahead somebody can wait.
	LongestWait = 180
	// maxNotice is the longest time, in minutes, that somebody may need.
	maxNotice = 14 * 24 * 60
	// maxPlaces is how many of a practice wait at most; who comes later is told.
	maxPlaces = 2000
)

// ErrListFull is returned where very many wait already.
var ErrListFull = fault.New(fault.Limited, "waiting_full").After(24 * time.Hour)

// WaitingConfig is what a [Waiting] needs; every field is required.
type WaitingConfig struct {
	Bookings *Service
	Keys     *shred.Chain
}

// Waiting is the waiting list: whom a freed or newly opened time is offered to.
//
// An offer is no hold. The time stays in sale, so that a freed one can be booked
// by anybody at once, and whoever takes it first has it; taking it replaces the
// booking that the patient has ([Service.Move]) or makes the one that they lack.
// Offers go by the order of joining. Who waits the server does not know: it has
// an address and wishes, under the key of the last day, and nothing more.
type Waiting struct {
	WaitingConfig
	db *postgres.DB
}

// NewWaiting checks c.
func NewWaiting(c WaitingConfig) (*Waiting, error) {
	if c.Bookings == nil || c.Keys == nil {
		return nil, errors.New("booking: incomplete config of the waiting list")
	}
	return &Waiting{c, c.Bookings.DB}, nil
}

// Wish is which times somebody waits for.
type Wish struct {
	Service id.Service `json:"service"`
	// Practitioner is with whom; zero is anybody.
	Practitioner id.Practitioner `json:"practitioner,omitzero"`
	// Weekdays are 1 (Monday) to 7; none is all.
	Weekdays []int `json:"weekdays,omitempty"`
	// Times are of [TimesOfDay]; none is all.
	Times []string `json:"times,omitempty"`
	// Notice is how many minutes ahead they need to know.
	Notice int `json:"notice,omitempty"`
	// Fits are conditions of windows that the patient's browser found to fit.
	// What is for everybody fits without being named.
	Fits []Fit `json:"fits,omitempty"`
}

// Fit is a condition, as the list of slots said it, and the quotas that somebody
// who fits it uses up.
type Fit struct {
	Condition string     `json:"condition"`
	Quotas    []id.Quota `json:"quotas,omitempty"`
}

// TimesOfDay are until noon, until five, and after that.
var TimesOfDay = []string{"morning", "afternoon", "evening"}

func (w Wish) check() error {
	for _, d := range w.Weekdays {
		if d < 1 || d > 7 {
			return ErrMalformedWish
		}
	}
	for _, t := range w.Times {
		if !slices.Contains(TimesOfDay, t) {
			return ErrMalformedWish
		}
	}
	if w.Service.IsZero() || w.Notice < 0 || w.Notice > maxNotice || len(w.Weekdays) > 7 || len(w.Times) > 3 || len(w.Fits) > 20 {
		return ErrMalformedWish
	}
	return nil
}

// JoinRequest asks for a place on the waiting list.
type JoinRequest struct {
	// Secret is that of the booking's link, where there is a booking, and else
	// of the place's own, 16 bytes; by text message it comes with the code.
	Secret []byte
	// SecretHash is its SHA-256, for a place without a booking.
	SecretHash []byte
	// Booking names one visit of several; zero is the first.
	Booking id.Booking
	Channel Channel
	Address string
	// Language is "de" or "en".
	Language string
	// Version names the words that were agreed to.
	Version string
	// Until is the last day of waiting.
	Until schedule.Date
	Wish  Wish
}

// waiter is what is sealed for the days of waiting.
type waiter struct {
	Address string `json:"address"`
	Secret  []byte `json:"secret"`
	Wish    Wish   `json:"wish"`
}

// entry is a place on the list as it is stored.
type entry struct {
	id       id.Place
	booking  id.Booking // zero: there is none yet
	channel  Channel
	language string
	until    schedule.Date
	sealed   []byte
	// Of the booking, where there is one and it still stands.
	stands bool
	starts time.Time
	waiter
}

func bound(tenant id.Tenant, p id.Place) string { return "waiting|" + tenant.UUID() + "|" + p.UUID() }

// Join gives the holder of a booking's link a place on the list, for an earlier
// time. Joining again replaces what was wished before and keeps the place. It
// returns [ErrUnknownBooking], [ErrTooLate] for a booking that its patient cannot
// move, [ErrMoveByStaff], [ErrNotWaited], [ErrMalformedWish], [ErrConsentMissing],
// [ErrListFull], [ErrAddress], [ErrChannel] or shred.ErrUnavailable.
func (w *Waiting) Join(ctx context.Context, tenant id.Tenant, r JoinRequest) error {
	booked, err := w.Bookings.View(ctx, tenant, r.Secret)
	if err != nil {
		return err
	}
	n := slices.IndexFunc(booked.Visits(), func(v Visit) bool { return r.Booking.IsZero() || v.Booking == r.Booking })
	if n < 0 {
		return ErrUnknownBooking
	}
	visit := booked.Visits()[n]
	switch now := w.Bookings.Now(); {
	case visit.Status == StatusPending:
		return ErrMoveByStaff
	case visit.Status != StatusBooked, !now.Before(visit.MoveUntil):
		return ErrTooLate
	}
	if err := w.check(ctx, tenant, &r); err != nil {
		return err
	}
	r.Until = min(r.Until, schedule.DateOf(visit.Starts))
	return w.keep(ctx, tenant, r, visit.Booking)
}

// check refuses what cannot be waited for, and brings the request into its form.
func (w *Waiting) check(ctx context.Context, tenant id.Tenant, r *JoinRequest) error {
	if err := r.Wish.check(); err != nil {
		return err
	}
	if len(r.Version) < 1 || len(r.Version) > 40 {
		return ErrConsentMissing
	}
	today := schedule.DateOf(w.Bookings.Now().UTC())
	if r.Until < today || r.Until > today+LongestWait {
		return ErrMalformedWish
	}
	if r.Language != "en" {
		r.Language = "de"
	}
	address, err := w.Bookings.Address(r.Channel, r.Address)
	if err != nil {
		return err
	}
	r.Address = address
	offer, err := w.Bookings.Practice.Offer(ctx, tenant)
	if err != nil {
		return err
	}
	known, ok := offer.Service(r.Wish.Service)
	if !ok || !slices.Contains(offer.Practice.Channels, string(r.Channel)) {
		return ErrNotWaited
	}
	if known.ByStaff {
		return ErrMoveByStaff
	}
	settings, err := w.Settings(ctx, tenant)
	if err != nil {
		return err
	}
	if slices.Contains(settings.Off, r.Wish.Service) {
		return ErrNotWaited
	}
	return nil
}

// keep stores a place and looks for what fits it.
func (w *Waiting) keep(ctx context.Context, tenant id.Tenant, r JoinRequest, booking id.Booking) error {
	hash := visitHash(r.Secret, 0)
	own := id.New[id.Place]()
	var before *postgres.Found
	var waiting int
	err := w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		before = b.Row(`select id from waiting where tenant_id = $1 and secret_hash = $2`, []any{tenant.UUID(), hash}, &own)
		b.Row(`select count(*) from waiting where tenant_id = $1`, []any{tenant.UUID()}, &waiting)
	})
	if err != nil {
		return fmt.Errorf("find a place on the waiting list: %w", err)
	}
	if !before.OK && waiting >= maxPlaces {
		return ErrListFull
	}
	plain, err := json.Marshal(waiter{r.Address, r.Secret, r.Wish}) //nolint:gosec // sealed before it goes anywhere
	if err != nil {
		return fmt.Errorf("keep a place on the waiting list: %w", err)
	}
	sealed, err := w.Keys.Seal(ctx, shred.Day(r.Until), plain, bound(tenant, own))
	if err != nil {
		return err
	}
	err = w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Exec(`insert into waiting (tenant_id, id, secret_hash, booking_id, last_day, channel, language, sealed)
			values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict (tenant_id, secret_hash) do update set booking_id = excluded.booking_id, last_day = excluded.last_day,
				channel = excluded.channel, language = excluded.language, sealed = excluded.sealed`,
			tenant, own, hash, booking, r.Until.String(), string(r.Channel), r.Language, sealed)
		b.Exec(`update waiting_consent set withdrawn = now() where tenant_id = $1 and waiting_id = $2 and withdrawn is null`, tenant, own)
		b.Exec(`insert into waiting_consent (tenant_id, id, waiting_id, channel, version, until) values ($1, $2, $3, $4, $5, $6)`,
			tenant, id.New[id.Message](), own, string(r.Channel), r.Version, r.Until.String())
		enqueue(b, tenant, LookKind, "waiting")
	})
	if err != nil {
		return fmt.Errorf("keep a place on the waiting list: %w", err)
	}
	w.Bookings.Wake()
	return nil
}

// leave ends the places that which says of a row of waiting, and their consent.
func leave(b *postgres.Batch, which string, args ...any) {
	b.Exec(`update waiting_consent c set withdrawn = now() from waiting w
		where w.tenant_id = $1 and c.tenant_id = w.tenant_id and c.waiting_id = w.id and c.withdrawn is null and `+which, args...)
	b.Exec(`delete from waiting w where w.tenant_id = $1 and `+which, args...)
}

// Leave takes a place off the list: no offer leaves any more, and the address is
// gone. Leaving twice is no error.
func (w *Waiting) Leave(ctx context.Context, tenant id.Tenant, secret []byte) error {
	if len(secret) != 16 {
		return ErrMalformedSecret
	}
	err := w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		leave(b, `w.secret_hash = $2`, tenant.UUID(), visitHash(secret, 0))
	})
	if err != nil {
		return fmt.Errorf("leave the waiting list: %w", err)
	}
	return nil
}

// askedRecord is what Redis keeps of a place that waits for its holder to
// confirm it, sealed.
type askedRecord struct {
	Join     JoinRequest `json:"join"`
	CodeHash []byte      `json:"code_hash"`
	// Code is raw only until the message that carries it has left.
	Code string `json:"code,omitempty"`
}

const askedPurpose = "waiting"

func askedKey(tenant id.Tenant, hash string) string { return key(tenant, "waiting", hash) }

// Ask asks somebody without a booking to confirm, by their address, that they
// want a place. Nothing of it is stored before they have. It returns the faults
// of [Waiting.Join], [ErrProofRequired] or [ErrTooManyMessages].
func (w *Waiting) Ask(ctx context.Context, tenant id.Tenant, r JoinRequest, v Visitor, proof *Proof) (time.Time, error) {
	s := w.Bookings
	if len(r.SecretHash) != sha256.Size {
		return time.Time{}, ErrMalformedSecret
	}
	if r.Channel == Mail {
		hash := sha256.Sum256(r.Secret)
		if len(r.Secret) != 16 || subtle.ConstantTimeCompare(hash[:], r.SecretHash) != 1 {
			return time.Time{}, ErrMalformedSecret
		}
	} else if len(r.Secret) != 0 {
		return time.Time{}, ErrMalformedSecret
	}
	if err := s.open(ctx, tenant); err != nil {
		return time.Time{}, err
	}
	if err := w.check(ctx, tenant, &r); err != nil {
		return time.Time{}, err
	}
	proven, err := s.Worked(ctx, tenant, v, proof)
	if err != nil {
		return time.Time{}, err
	}
	if !proven {
		return time.Time{}, ErrProofRequired
	}
	if err := s.countAddress(ctx, r.Channel, r.Address); err != nil {
		return time.Time{}, err
	}
	hash := b64(r.SecretHash)
	code := newCode(r.Channel)
	name := askedKey(tenant, hash)
	ttl := r.Channel.life()
	if err := s.Redis.Keep(ctx, name, s.seal(askedPurpose, name, askedRecord{r, s.codeHash(hash, code), code}), ttl); err != nil {
		return time.Time{}, err
	}
	message := id.New[id.Message]()
	err = w.db.Batch(ctx, tenant, func(b *postgres.Batch) {
		jobs.Add(b, jobs.Message{ID: message, Tenant: tenant, Kind: "waiting_ask_" + string(r.Channel), Ref: hash, TTL: ttl})
		if r.Channel == SMS {
			s.Budget.AppendBudget(b, tenant, message, id.Booking{})
		}
	})
	if err != nil {
		_ = s.Redis.Forget(context.WithoutCancel(ctx), name)
		return time.Time{}, fmt.Errorf("queue a message: %w", s.Budget.BudgetError(err))
	}
	s.Wake()
	return s.Now().Add(ttl).UTC(), nil
}

// ConfirmPlace gives a place to whoever holds its secret and the code that went
// to the address. Repeating is harmless. It returns [ErrLinkExpired] or a
// [WrongCode].
func (w *Waiting) ConfirmPlace(ctx context.Context, tenant id.Tenant, secret []byte, code string) error {
	s := w.Bookings
	hash, _, err := secretNames(tenant, secret)
	if err != nil {
		return err
	}
	name := askedKey(tenant, hash)
	sealed, err := s.Redis.Value(ctx, name)
	if err != nil {
		return err
	}
	if sealed == nil {
		if _, err := w.State(ctx, tenant, secret); err == nil {
			return nil // before
		}
		return ErrLinkExpired
	}
	var a askedRecord
	if err := s.unseal(askedPurpose, name, sealed, &a); err != nil {
		return err
	}
	p := pendingRecord{Channel: a.Join.Channel, CodeHash: a.CodeHash}
	if err := s.tryCode(ctx, tenant, hash, code, p, func() { _ = s.Redis.Forget(context.WithoutCancel(ctx), name) }); err != nil {
		return err
	}
	a.Join.Secret = secret
	if err := w.keep(ctx, tenant, a.Join, id.Booking{}); err != nil {
		return err
	}
	_ = s.Redis.Forget(context.WithoutCancel(ctx), name)
	return nil
}

// AskToSend is what the message behind ref says and where it goes. It returns
// [ErrAddressLapsed].
func (w *Waiting) AskToSend(ctx context.Context, tenant id.Tenant, ref string) (Outgoing, error) {
	s := w.Bookings
	name := askedKey(tenant, ref)
	sealed, death, err := s.Redis.Read(ctx, name)
	if err != nil {
		return Outgoing{}, err
	}
	if sealed == nil {
		return Outgoing{}, ErrAddressLapsed
	}
	var a askedRecord
	if err := s.unseal(askedPurpose, name, sealed, &a); err != nil {
		return Outgoing{}, err
	}
	if a.Code == "" {
		return Outgoing{}, ErrAddressLapsed
	}
	offer, err := s.Practice.Offer(ctx, tenant)
	if err != nil {
		return Outgoing{}, err
	}
	out := Outgoing{Channel: string(a.Join.Channel), Address: a.Join.Address, Language: a.Join.Language, Expires: death.UTC()}
	// There is no appointment yet: what is said of a time is when the list ends.
	end := time.Unix(int64(a.Join.Until)*24*60*60, 0).UTC()
	out.Stops = []Stop{{Starts: end, Ends: end, Zone: offer.Practice.Zone}}
	if a.Join.Channel == SMS {
		out.Code = a.Code
		return out, nil
	}
	base, err := s.PatientURL(ctx, tenant)
	if err != nil {
		return Outgoing{}, fmt.Errorf("address of the patient pages: %w", err)
	}
	out.Link = base + "/waiting#" + b64(a.Join.Secret) + "." + a.Code
	return out, nil
}

// AskSent forgets the raw secret and code: the message has left.
func (w *Waiting) AskSent(ctx context.Context, tenant id.Tenant, ref string) error {
	s := w.Bookings
	name := askedKey(tenant, ref)
	sealed, death, err := s.Redis.Read(ctx, name)
	if err != nil || sealed == nil {
		return err
	}
	var a askedRecord
	if err := s.unseal(askedPurpose, name, sealed, &a); err != nil {
		return err
	}
	a.Join.Secret, a.Code = nil, ""
	return s.Redis.Keep(ctx, name, s.seal(askedPurpose, name, a), time.Until(death))
}
