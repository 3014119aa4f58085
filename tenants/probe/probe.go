// Package probe finds out, before a patient's booking does, that a practice can
// no longer open what is sealed to it.
//
// Once a day a [Service] seals a word of its own to each practice's newest key.
// Whoever of the practice holds the keys, a desk or the connector, opens it by
// itself and sends the word back, which nothing but opening yields: the server
// keeps its SHA-256 only. What nobody has opened by the end of the practice's
// next open day is an alarm: red in the office, in the portal, and a letter to
// each owner. A probe is no booking: it takes no time, is in no list and no
// statistic. It does not prove that every holder can still open, only that one can.
package probe

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/jobs"
	"siegel/platform/postgres"
	"siegel/platform/seal"
	"siegel/tenants/inbox"
	"siegel/tenants/keyring"
	"siegel/tenants/practice"
	"siegel/tenants/registry"
)

const (
	// every is how often somebody looks what is due.
	every = 20 * time.Minute
	// letterKind is the letters' kind, as the outbox names it.
	letterKind = "probe_mail"
	// letterTTL is for how long a letter is worth sending.
	letterTTL = 48 * time.Hour
	// wordSize is how long the sealed word is, in bytes.
	wordSize = 32
)

var (
	// ErrUnopened is returned for a word that the newest probe does not hold.
	ErrUnopened = fault.New(fault.Invalid, "probe_unopened")
	// ErrNobody is returned by [Service.Letter] where there is nobody to write to.
	ErrNobody = fault.New(fault.NotFound, "nobody_to_write_to")
)

// Config is what a [Service] needs. The first four fields are required.
type Config struct {
	DB       *postgres.DB
	Registry *registry.Service
	Practice *practice.Service
	Keyring  *keyring.Service
	// Now is the clock by which days begin and end; time.Now where nil.
	Now func() time.Time
	// Wake says that messages wait.
	Wake func()
}

// Service sends and judges the probes of all tenants. Safe for concurrent use.
type Service struct{ Config }

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || c.Registry == nil || c.Practice == nil || c.Keyring == nil {
		return nil, errors.New("probe: something is missing")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	return &Service{c}, nil
}

// Probe is a tenant's newest one.
type Probe struct {
	// Envelope is bound to its own id in the place of a booking's; nil once it
	// was opened.
	Envelope *seal.Envelope
	// Sent is when the word was sealed first, Due until when it has to be
	// opened, Opened when it was; all UTC, the last zero before.
	Sent, Due, Opened time.Time
	// Late says that nobody opened it in time, by the clock of now.
	Late bool
}

// sealed is what is inside of the envelope.
type sealed struct {
	Probe seal.Bytes `json:"probe"`
}

// row is a probe as it is kept.
type row struct {
	ID     id.Envelope
	Suite  *int
	KID    *string `bun:"kid"`
	Enc    []byte
	CT     []byte `bun:"ct"`
	Sent   time.Time
	Due    time.Time
	Opened *time.Time
	Told   *time.Time
}

// Newest is the tenant's newest probe; false where there was none yet.
func (s *Service) Newest(ctx context.Context, tenant id.Tenant) (Probe, bool, error) {
	r, ok, err := s.read(ctx, tenant)
	if err != nil || !ok {
		return Probe{}, false, err
	}
	p := Probe{Sent: r.Sent.UTC(), Due: r.Due.UTC()}
	if r.Opened != nil {
		p.Opened = r.Opened.UTC()
		return p, true, nil
	}
	p.Late = !s.Now().Before(r.Due)
	p.Envelope = &seal.Envelope{V: seal.Version, Suite: *r.Suite, Tenant: tenant.UUID(), KID: *r.KID, EnvelopeID: r.ID.UUID(), Enc: r.Enc, CT: r.CT}
	return p, true, nil
}

func (s *Service) read(ctx context.Context, tenant id.Tenant) (r row, ok bool, err error) {
	var found *postgres.Found
	err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`select id, suite, kid, enc, ct, sent, due, opened, told from probe where tenant_id = $1`,
			[]any{tenant}, &r.ID, &r.Suite, &r.KID, &r.Enc, &r.CT, &r.Sent, &r.Due, &r.Opened, &r.Told)
	})
	if err != nil {
		return row{}, false, fmt.Errorf("read probe: %w", err)
	}
	return r, found.OK, nil
}

// Answer takes the word out of an opened probe, and forgets the envelope. The
// same word twice is harmless, and so is one of a probe that a newer one
// replaced. It returns [ErrUnopened].
func (s *Service) Answer(ctx context.Context, tenant id.Tenant, envelope id.Envelope, word []byte) error {
	hash := sha256.Sum256(word)
	now := s.Now().UTC()
	var newest, right, late bool
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		b.Row(`select true, word = $3, opened is null and due <= $4 from probe where tenant_id = $1 and id = $2`,
			[]any{tenant, envelope, hash[:], now}, &newest, &right, &late)
		b.Exec(`update probe set opened = $4, suite = null, kid = null, enc = null, ct = null
			where tenant_id = $1 and id = $2 and word = $3 and opened is null`, tenant, envelope, hash[:], now)
	})
	switch {
	case err != nil:
		return fmt.Errorf("answer a probe: %w", err)
	case newest && !right:
		return ErrUnopened
	case newest && late:
		return s.changed(ctx, tenant)
	}
	return nil
}

// changed has the practice's desks look again.
func (s *Service) changed(ctx context.Context, tenant id.Tenant) error {
	return s.DB.Batch(ctx, tenant, func(b *postgres.Batch) { inbox.RaiseCounter(b, tenant) })
}

// Run sends and judges until ctx ends. Any number of servers may run it.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := s.Keep(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "probes could not be sent or judged", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Keep does for every tenant what is due now. Doing it twice, or on two servers
// at once, changes nothing.
func (s *Service) Keep(ctx context.Context) error {
	tenants, err := s.Registry.List(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range tenants {
		if t.Status == registry.Closed {
			continue
		}
		if err := s.keep(ctx, t); err != nil {
			errs = append(errs, fmt.Errorf("probe %v: %w", t.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) keep(ctx context.Context, t registry.Tenant) error {
	now := s.Now().UTC()
	r, sent, err := s.read(ctx, t.ID)
	if err != nil {
		return err
	}
	if sent && r.Opened == nil {
		return s.judge(ctx, t.ID, r, now)
	}
	// Who cannot be booked gets nothing that would have to be opened.
	if t.Paused(now) != "" {
		return nil
	}
	key, ok, err := s.key(ctx, t.ID)
	if err != nil || !ok {
		return err
	}
	day, opens, err := s.Practice.NextOpenDay(ctx, t.ID, now)
	if errors.Is(err, practice.ErrUnknownPractice) || err == nil && !opens {
		return nil
	}
	if err != nil {
		return err
	}
	year, month, date := now.In(day.Zone).Date()
	if sent && !r.Sent.Before(time.Date(year, month, date, 0, 0, 0, 0, day.Zone)) {
		return nil // today's was sent, and opened
	}
	e, hash, err := seals(key, t.ID)
	if err != nil {
		return err
	}
	// A server that was quicker has sent today's.
	return s.DB.Batch(ctx, t.ID, func(b *postgres.Batch) {
		b.Exec(`insert into probe as p (tenant_id, id, suite, kid, enc, ct, word, sent, due)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			on conflict (tenant_id) do update set id = excluded.id, suite = excluded.suite, kid = excluded.kid, enc = excluded.enc, ct = excluded.ct,
			  word = excluded.word, sent = excluded.sent, due = excluded.due, opened = null, told = null
			where p.opened is not null and p.id = $10`,
			t.ID, e.EnvelopeID, e.Suite, e.KID, []byte(e.Enc), []byte(e.CT), hash, now, day.Ends, r.ID)
	})
}

// key is the one that bookings are sealed to now; false where nobody can book.
func (s *Service) key(ctx context.Context, tenant id.Tenant) (seal.PublicKey, bool, error) {
	_, open, err := s.Keyring.Current(ctx, tenant)
	if errors.Is(err, keyring.ErrNoKeys) || err == nil && !open {
		return seal.PublicKey{}, false, nil
	}
	if err != nil {
		return seal.PublicKey{}, false, err
	}
	document, signature, err := s.Keyring.Directory(ctx, tenant)
	if err != nil {
		return seal.PublicKey{}, false, err
	}
	directory, err := seal.ParseDirectory(document, signature)
	if err != nil {
		return seal.PublicKey{}, false, err
	}
	key, err := directory.Current().Key()
	return key, err == nil, err
}

// seals makes a word and seals it; of the word only the hash is left.
func seals(to seal.PublicKey, tenant id.Tenant) (seal.Envelope, []byte, error) {
	word := make([]byte, wordSize)
	_, _ = rand.Read(word) // never fails
	text, err := json.Marshal(sealed{word})
	if err != nil {
		return seal.Envelope{}, nil, err
	}
	hash, own := sha256.Sum256(word), id.New[id.Envelope]().UUID()
	e, err := seal.Seal(to, tenant.UUID(), own, own, text)
	clear(text)
	clear(word)
	return e, hash[:], err
}

// judge alarms where a probe is late, once. A closure that was entered
// meanwhile gives it longer; keys that changed meanwhile get a word of their
// own, and no longer.
func (s *Service) judge(ctx context.Context, tenant id.Tenant, r row, now time.Time) error {
	day, opens, err := s.Practice.NextOpenDay(ctx, tenant, r.Sent)
	if err != nil || !opens {
		return err
	}
	key, ok, err := s.key(ctx, tenant)
	if err != nil {
		return err
	}
	if ok && key.KID() != *r.KID {
		e, hash, err := seals(key, tenant)
		if err != nil {
			return err
		}
		err = s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
			b.Exec(`update probe set id = $3, suite = $4, kid = $5, enc = $6, ct = $7, word = $8 where tenant_id = $1 and id = $2 and opened is null`,
				tenant, r.ID, e.EnvelopeID, e.Suite, e.KID, []byte(e.Enc), []byte(e.CT), hash)
		})
		if err != nil {
			return err
		}
	}
	return s.alarm(ctx, tenant, day.Ends, now)
}

func (s *Service) alarm(ctx context.Context, tenant id.Tenant, due, now time.Time) error {
	var owners []struct{ AccountID id.Account }
	err := s.DB.InTenant(ctx, tenant, func(ctx context.Context, tx bun.Tx) error {
		owners = nil
		if _, err := tx.NewRaw(`update probe set due = ?1 where tenant_id = ?0 and opened is null and due <> ?1`, tenant, due).Exec(ctx); err != nil {
			return err
		}
		// Who sets told writes the letters; another server finds it set.
		err := tx.NewRaw(`
			with late as (
			  update probe set told = ?1 where tenant_id = ?0 and opened is null and told is null and due <= ?1 returning tenant_id
			)
			select m.account_id from late join member m on m.tenant_id = late.tenant_id and m.role = 'owner' order by 1`, tenant, now).Scan(ctx, &owners)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		for _, owner := range owners {
			if err := jobs.AddTx(ctx, tx, jobs.Message{Tenant: tenant, Kind: letterKind, Ref: owner.AccountID.UUID(), TTL: letterTTL}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("alarm: %w", err)
	}
	if len(owners) == 0 {
		return nil
	}
	s.Wake()
	return s.changed(ctx, tenant)
}

// Letter reads a queued letter at the moment of sending, as the registry's. It
// returns [ErrNobody] where the probe was opened meanwhile, or the owner is gone.
func (s *Service) Letter(ctx context.Context, tenant id.Tenant, ref string) (registry.Letter, error) {
	var owner id.Account
	if owner.UnmarshalText([]byte("acc_"+ref)) != nil {
		return registry.Letter{}, ErrNobody
	}
	var found *postgres.Found
	var l registry.Letter
	err := s.DB.Batch(ctx, tenant, func(b *postgres.Batch) {
		found = b.Row(`
			select a.email, a.name, a.language, coalesce(p.name, ''), coalesce(p.zone, ''), x.due
			from member m join account a on a.id = m.account_id join probe x on x.tenant_id = m.tenant_id
			left join practice p on p.tenant_id = m.tenant_id
			where m.tenant_id = $1 and m.account_id = $2 and m.role = 'owner' and x.opened is null and x.told is not null`,
			[]any{tenant, owner}, &l.To, &l.Name, &l.Language, &l.Practice, &l.Zone, &l.Until)
	})
	switch {
	case err != nil:
		return registry.Letter{}, fmt.Errorf("read owner: %w", err)
	case !found.OK:
		return registry.Letter{}, ErrNobody
	}
	t, err := s.Registry.ByID(ctx, tenant)
	if err != nil {
		return registry.Letter{}, err
	}
	l.Link = s.Registry.Scheme + "://" + s.Registry.Host(t.Slug, registry.Office) + "/"
	l.From, err = s.Registry.BrandOf(ctx, t)
	return l, err
}
