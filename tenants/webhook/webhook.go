// Package webhook tells systems elsewhere what has happened in a tenant, or
// in the tenants of a reseller.
//
// It promises that an event is queued exactly when the transaction that it is
// about counts, that it has ids and times and never a person or a service, that
// it is signed as Standard Webhooks says (webhook-id, webhook-timestamp and
// webhook-signature, v1), that it is tried for about three days and then given
// up, and that it goes to https addresses of the public internet and nowhere
// else. Who is in charge gets a letter where one was switched off because nothing
// arrived any more. It does not promise an order, nor that an event comes only once: the id
// is the same then. Of an answer nothing but its number is kept.
//
// What has happened the database sees for itself: its triggers queue.
package webhook

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"siegel/platform/fault"
	"siegel/platform/id"
	"siegel/platform/postgres"
	"siegel/tenants/audit"
	"siegel/tenants/registry"
)

// What callers act on.
var (
	ErrUnknown         = fault.New(fault.NotFound, "unknown_webhook")
	ErrUnknownDelivery = fault.New(fault.NotFound, "unknown_delivery")
	ErrAddress         = fault.New(fault.Invalid, "webhook_address")
	ErrName            = fault.New(fault.Invalid, "webhook_name")
	ErrEvents          = fault.New(fault.Invalid, "webhook_events")
	ErrTooMany         = fault.New(fault.Conflict, "too_many_webhooks")
	// ErrOff is returned for what is to be sent to a webhook that is off.
	ErrOff = fault.New(fault.Conflict, "webhook_off")
)

const (
	// Most is how many webhooks a tenant or a reseller may have.
	Most = 10
	// OldSecret is how long both secrets sign after a change.
	OldSecret = 24 * time.Hour

	nameLimit   = 80
	addrLimit   = 500
	secretSize  = 32
	secretStart = "whsec_"
)

// Events are what a tenant's webhooks can ask for.
var Events = []string{"appointment.booked", "appointment.moved", "appointment.cancelled", "appointment.status", "inbox.new", "offer.changed"}

// ResellerEvents are what a reseller's can: what becomes of its tenants.
var ResellerEvents = []string{"tenant.created", "tenant.handed_over", "tenant.activated", "tenant.suspended", "tenant.resumed",
	"tenant.notice_given", "tenant.notice_withdrawn", "tenant.closed", "tenant.erased", "tenant.moved_here", "tenant.moved_away"}

// Status is whether a webhook is told anything.
type Status string

// The statuses. One that failed is on again once somebody switches it on.
const (
	Active Status = "active"
	Off    Status = "off"
	Failed Status = "failed"
)

// Webhook is one place that is told.
type Webhook struct {
	ID     id.Webhook
	Name   string
	URL    string
	Events []string
	Status Status
	// Creator is who made it.
	Creator id.Account
	Created time.Time // UTC, as all that follow
	// OldUntil is until when a former secret signs too; zero where there is none.
	OldUntil time.Time
	// Tried and Succeeded are the last attempts; zero where there was none.
	Tried, Succeeded time.Time
	// FailingSince is since when nothing arrived; zero where the last thing did.
	FailingSince time.Time
	// Waiting and Dead are how many deliveries are under way and were given up.
	Waiting, Dead int
}

// Config is what a [Service] needs. DB and Secret are required.
type Config struct {
	DB *postgres.DB
	// Secret is the server's, at least 32 bytes: what signs is encrypted under a
	// key derived from it.
	Secret []byte
	// Private lets addresses be on private networks and without TLS: for tests
	// and installations whose owners are also their operator.
	Private bool
	// Client reaches receivers; nil is one that keeps to what this package promises.
	Client *http.Client
	// Registry says from whom and with which link letters are; without one
	// [Service.Letter] has none.
	Registry *registry.Service
	// Wake is called when something was queued by hand.
	Wake func()
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Service keeps the webhooks of all tenants and resellers. A reseller's are
// under [audit.ResellerScope]. Safe for concurrent use.
type Service struct {
	Config
	seal cipher.AEAD
}

// NewService returns a Service.
func NewService(c Config) (*Service, error) {
	if c.DB == nil || len(c.Secret) < 32 {
		return nil, errors.New("webhook: incomplete config")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	if c.Client == nil {
		c.Client = outside(c.Private)
	}
	key, err := hkdf.Key(sha256.New, c.Secret, nil, "siegel|webhook|1", 32)
	if err != nil {
		return nil, fmt.Errorf("webhook: derive a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	s := &Service{Config: c}
	if s.seal, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return s, nil
}

// offered are the events that a scope can ask for.
func offered(reseller bool) []string {
	if reseller {
		return ResellerEvents
	}
	return Events
}

// Scope is whose webhooks are meant: a tenant, or a reseller as
// [audit.ResellerScope] writes it.
type Scope struct {
	Tenant   id.Tenant
	Reseller bool
}

// Wish is what people say of a webhook.
type Wish struct {
	Name   string
	URL    string
	Events []string
	Active bool
}

func (s *Service) checked(of Scope, w Wish) (Wish, error) {
	w.Name = strings.TrimSpace(w.Name)
	if w.Name == "" || len([]rune(w.Name)) > nameLimit || strings.ContainsFunc(w.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return w, ErrName
	}
	if err := checkAddress(w.URL, s.Private); err != nil {
		return w, err
	}
	slices.Sort(w.Events)
	w.Events = slices.Compact(w.Events)
	if len(w.Events) == 0 || slices.ContainsFunc(w.Events, func(e string) bool { return !slices.Contains(offered(of.Reseller), e) }) {
		return w, ErrEvents
	}
	return w, nil
}

// Create makes a webhook, which is on at once, and returns its secret, which
// nobody can read again. It returns [ErrName], [ErrAddress], [ErrEvents] or
// [ErrTooMany].
func (s *Service) Create(ctx context.Context, of Scope, by id.Account, wish Wish) (secret string, made Webhook, err error) {
	if wish, err = s.checked(of, wish); err != nil {
		return "", Webhook{}, err
	}
	made.ID = id.New[id.Webhook]()
	secret, closed := s.newSecret(of.Tenant, made.ID)
	var added *postgres.Found
	err = s.DB.Batch(ctx, of.Tenant, func(b *postgres.Batch) {
		added = b.Row(`
			insert into webhook (tenant_id, id, name, url, events, secret, creator)
			select $1::uuid, $2::uuid, $3, $4, $5::text[], $6::bytea, $7::uuid
			where (select count(*) from webhook where tenant_id = $1::uuid) < $8
			returning created`, []any{of.Tenant, made.ID, wish.Name, wish.URL, wish.Events, closed, by, Most}, &made.Created)
		audit.RecordEach(b, audit.Now(ctx, of.Tenant, "webhook.create", ""), `select 'whk_' || id from webhook where tenant_id = $9 and id = $10`, of.Tenant, made.ID)
	})
	if err != nil {
		return "", Webhook{}, fmt.Errorf("create webhook: %w", err)
	}
	if !added.OK {
		return "", Webhook{}, ErrTooMany
	}
	made, err = s.Find(ctx, of.Tenant, made.ID)
	return secret, made, err
}

// Change gives a webhook other settings. One that is switched on begins anew.
// It returns [ErrUnknown] and what [Service.Create] returns.
func (s *Service) Change(ctx context.Context, of Scope, webhook id.Webhook, wish Wish) (Webhook, error) {
	if _, err := s.Find(ctx, of.Tenant, webhook); err != nil {
		return Webhook{}, err
	}
	wish, err := s.checked(of, wish)
	if err != nil {
		return Webhook{}, err
	}
	err = s.DB.Batch(ctx, of.Tenant, func(b *postgres.Batch) {
		audit.RecordEach(b, audit.Now(ctx, of.Tenant, "webhook.put", ""), `
			update webhook set name = $11, url = $12, events = $13::text[],
				failing_since = case when $14 and status = 'active' and url = $12 then failing_since end,
				status = case when $14 then 'active' when status = 'failed' then 'failed' else 'off' end
			where tenant_id = $9 and id = $10 returning 'whk_' || id`, of.Tenant, webhook, wish.Name, wish.URL, wish.Events, wish.Active)
	})
	if err != nil {
		return Webhook{}, fmt.Errorf("change webhook: %w", err)
	}
	return s.Find(ctx, of.Tenant, webhook)
}

// Remove ends a webhook and forgets what was sent to it. It returns [ErrUnknown].
func (s *Service) Remove(ctx context.Context, of Scope, webhook id.Webhook) error {
	if _, err := s.Find(ctx, of.Tenant, webhook); err != nil {
		return err
	}
	err := s.DB.Batch(ctx, of.Tenant, func(b *postgres.Batch) {
		audit.RecordEach(b, audit.Now(ctx, of.Tenant, "webhook.remove", ""),
			`delete from webhook where tenant_id = $9 and id = $10 returning 'whk_' || id`, of.Tenant, webhook)
	})
	if err != nil {
		return fmt.Errorf("remove webhook: %w", err)
	}
	return nil
}

// Rotate makes another secret and returns it. For [OldSecret] the former one
// signs too, so that the receiver can be changed without losing anything. It
// returns [ErrUnknown].
func (s *Service) Rotate(ctx context.Context, of Scope, webhook id.Webhook) (secret string, changed Webhook, err error) {
	secret, closed := s.newSecret(of.Tenant, webhook)
	err = s.DB.Batch(ctx, of.Tenant, func(b *postgres.Batch) {
		audit.RecordEach(b, audit.Now(ctx, of.Tenant, "webhook.rotate", ""), `
			update webhook set old_secret = secret, old_until = $11, secret = $12::bytea
			where tenant_id = $9 and id = $10 returning 'whk_' || id`, of.Tenant, webhook, s.Now().Add(OldSecret), closed)
	})
	if err != nil {
		return "", Webhook{}, fmt.Errorf("rotate a webhook's secret: %w", err)
	}
	changed, err = s.Find(ctx, of.Tenant, webhook)
	return secret, changed, err
}

const columns = `w.id, w.name, w.url, w.events, w.status, w.creator, w.created, w.old_until, w.tried, w.succeeded, w.failing_since,
	(select count(*) from webhook_delivery d where d.tenant_id = w.tenant_id and d.webhook_id = w.id and d.status = 'waiting'),
	(select count(*) from webhook_delivery d where d.tenant_id = w.tenant_id and d.webhook_id = w.id and d.status = 'dead')`

// List returns the webhooks, the oldest first.
func (s *Service) List(ctx context.Context, scope id.Tenant) ([]Webhook, error) {
	return s.read(ctx, scope, `select `+columns+` from webhook w where w.tenant_id = $1 order by w.created, w.id`, scope)
}

// Find returns one. It returns [ErrUnknown].
func (s *Service) Find(ctx context.Context, scope id.Tenant, webhook id.Webhook) (Webhook, error) {
	all, err := s.read(ctx, scope, `select `+columns+` from webhook w where w.tenant_id = $1 and w.id = $2`, scope, webhook)
	if err != nil {
		return Webhook{}, err
	}
	if len(all) == 0 {
		return Webhook{}, ErrUnknown
	}
	return all[0], nil
}

func (s *Service) read(ctx context.Context, scope id.Tenant, query string, args ...any) ([]Webhook, error) {
	var all []Webhook
	err := s.DB.Batch(ctx, scope, func(b *postgres.Batch) {
		b.Rows(query, args, func(rows pgx.Rows) error {
			var w Webhook
			var status string
			var old, tried, succeeded, failing *time.Time
			if err := rows.Scan(&w.ID, &w.Name, &w.URL, &w.Events, &status, &w.Creator, &w.Created, &old, &tried, &succeeded, &failing, &w.Waiting, &w.Dead); err != nil {
				return err
			}
			w.Status, w.Created = Status(status), w.Created.UTC()
			w.OldUntil, w.Tried, w.Succeeded, w.FailingSince = utc(old), utc(tried), utc(succeeded), utc(failing)
			if !w.OldUntil.After(s.Now()) {
				w.OldUntil = time.Time{}
			}
			all = append(all, w)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read webhooks: %w", err)
	}
	return all, nil
}

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// newSecret makes a secret, as its owner is shown it and as its row keeps it.
func (s *Service) newSecret(scope id.Tenant, webhook id.Webhook) (shown string, closed []byte) {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the process first
	return secretStart + base64.StdEncoding.EncodeToString(secret), s.seal.Seal(nil, nil, secret, bound(scope, webhook))
}

// bound keeps a secret with the webhook that it was made for.
func bound(scope id.Tenant, webhook id.Webhook) []byte {
	return []byte(scope.UUID() + "|" + webhook.UUID())
}
